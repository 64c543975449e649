"""What depends on where the connection stands is decided when an operation has its turn, not when it is called."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.hostile import HostileServer, Recording, recorder
from support.sessions import Observer
from support.waiting import soon

Work = Callable[[Any], Coroutine[Any, Any, Any]]

SETTERS = {
    "autocommit": True,
    "isolation_level": 4,
    "read_only": True,
    "deferrable": True,
}


class Traffic:
    """A lock that statements wait for: what is begun before it is released is under way, or waits for its turn."""

    def __init__(self, door: Door, observer: Observer, key: int) -> None:
        self.door = door
        self.observer = observer
        self.wait = f"select pg_advisory_lock({key}), pg_advisory_unlock({key})"
        """A statement that ends when the lock is released."""
        self._key = key

    async def all(self, conn: Any, first: Work, *then: Work) -> list[Any]:
        """Begin `first`, which waits for the lock, and the others while it does; give what came of them."""
        self.observer.value(f"select pg_advisory_lock({self._key})::text")
        one = self.start(first(conn))
        await asyncio.to_thread(self.observer.wait_active, conn.info.backend_pid)
        others = [self.start(work(conn)) for work in then]
        # Until they wait.
        await asyncio.sleep(0.05)
        self.observer.value(f"select pg_advisory_unlock({self._key})")
        return list(await soon(asyncio.gather(one, *others, return_exceptions=True)))

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        """Begin it in a task; or what only looks like a coroutine, in a thread."""
        if self.door.is_sync:
            return asyncio.get_running_loop().run_in_executor(None, _finish, work)
        return asyncio.ensure_future(work)


def _finish(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


@pytest.fixture
def traffic(door: Door, observer: Observer, channel: str) -> Traffic:
    return Traffic(door, observer, int(channel[1:], 16))


@pytest.fixture
def table(observer: Observer, channel: str, traffic: Traffic) -> Iterator[str]:
    """A table whose COMMIT waits for the lock, where a row with a number above 100 was inserted."""
    name = f"t_{channel}"
    observer.conn.execute(
        f"""
        create table {name} (num int);
        create function f_{name}() returns trigger language plpgsql as
            $$begin perform {traffic.wait.removeprefix("select ")}; return null; end$$;
        create constraint trigger waits after insert on {name} deferrable initially deferred
            for each row when (new.num > 100) execute function f_{name}();
        """
    )
    yield name
    observer.conn.execute(f"drop table {name}; drop function f_{name}")


def runs(query: str) -> Work:
    async def work(conn: Any) -> None:
        await conn.execute(query)

    return work


def in_block(query: str) -> Work:
    """Runs a statement in a block; gives the name of its savepoint."""

    async def work(conn: Any) -> str:
        async with conn.transaction() as tx:
            await conn.execute(query)
        name: str = tx.savepoint_name
        return name

    return work


def inserts(how: str, table: str) -> Work:
    """Inserts a row in one of the ways that there are."""
    query = f"insert into {table} values (%s) returning num"

    async def work(conn: Any) -> None:
        cur = conn.cursor()
        if how == "executemany":
            await cur.executemany(query, [(1,)])
        elif how == "stream":
            assert [row async for row in cur.stream(query, (1,))] == [(1,)]
        elif how == "pipeline":
            async with conn.pipeline():
                await cur.execute(query, (1,))
        else:
            await cur.execute(query, (1,))

    return work


async def commits(conn: Any) -> None:
    await conn.commit()


def nums(observer: Observer, table: str) -> list[int]:
    return [num for (num,) in observer.conn.execute(f"select num from {table} order by num").fetchall()]


async def test_block_behind_a_statement_in_autocommit(
    door: Door, observer: Observer, traffic: Traffic, table: str
) -> None:
    conn = await door.connect(autocommit=True)
    assert await traffic.all(conn, runs(traffic.wait), in_block(f"insert into {table} values (1)")) == [None, ""]
    assert conn.info.transaction_status.name == "IDLE"
    assert nums(observer, table) == [1]


async def test_block_behind_a_commit(door: Door, observer: Observer, traffic: Traffic, table: str) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (101)")
    assert await traffic.all(conn, commits, in_block(f"insert into {table} values (1)")) == [None, ""]
    assert conn.info.transaction_status.name == "IDLE"
    assert nums(observer, table) == [1, 101]


async def test_block_behind_the_statement_that_begins_the_transaction(
    door: Door, observer: Observer, traffic: Traffic, table: str
) -> None:
    conn = await door.connect()
    first, name = await traffic.all(conn, runs(traffic.wait), in_block(f"insert into {table} values (1)"))
    assert first is None
    assert name
    # It was a savepoint of the transaction that the statement had begun.
    assert conn.info.transaction_status.name == "INTRANS"
    assert nums(observer, table) == []
    await conn.commit()
    assert nums(observer, table) == [1]


async def test_block_behind_a_transaction_that_is_begun_by_hand(
    door: Door, observer: Observer, traffic: Traffic, table: str
) -> None:
    conn = await door.connect(autocommit=True)
    first, name = await traffic.all(conn, runs(f"begin; {traffic.wait}"), in_block(f"insert into {table} values (1)"))
    assert first is None
    assert name
    await conn.rollback()
    assert nums(observer, table) == []


async def test_block_behind_a_statement_that_fails(door: Door, traffic: Traffic, table: str) -> None:
    conn = await door.connect()
    first, then = await traffic.all(conn, runs(f"{traffic.wait}, 1 / (random() * 0)::int"), in_block("select 1"))
    assert isinstance(first, door.errors.DivisionByZero)
    assert isinstance(then, door.errors.InFailedSqlTransaction)
    await conn.rollback()


async def test_end_of_a_block_behind_a_statement(door: Door, observer: Observer, traffic: Traffic, table: str) -> None:
    conn = await door.connect(autocommit=True)
    tx = conn.transaction()
    await tx.__aenter__()

    async def end(conn: Any) -> None:
        await tx.__aexit__(None, None, None)

    first = runs(f"insert into {table} select 1 from ({traffic.wait}) as waited")
    assert await traffic.all(conn, first, end) == [None, None]
    assert conn.info.transaction_status.name == "IDLE"
    assert nums(observer, table) == [1]


@pytest.mark.parametrize("name", SETTERS)
async def test_setting_behind_a_statement_that_begins_a_transaction(door: Door, traffic: Traffic, name: str) -> None:
    conn = await door.connect()
    before = getattr(conn, name)

    async def change(conn: Any) -> None:
        await getattr(conn, f"set_{name}")(SETTERS[name])

    first, then = await traffic.all(conn, runs(traffic.wait), change)
    assert first is None
    assert isinstance(then, door.module.ProgrammingError)
    assert "INTRANS" in str(then)
    assert getattr(conn, name) == before


@pytest.mark.parametrize("name", SETTERS)
async def test_setting_behind_a_commit(door: Door, traffic: Traffic, table: str, name: str) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (101)")

    async def change(conn: Any) -> None:
        await getattr(conn, f"set_{name}")(SETTERS[name])

    assert await traffic.all(conn, commits, change) == [None, None]
    assert getattr(conn, name) == SETTERS[name]


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_end_behind_a_statement_that_begins_the_transaction(
    door: Door, observer: Observer, traffic: Traffic, table: str, end: str
) -> None:
    conn = await door.connect()

    async def ends(conn: Any) -> None:
        await getattr(conn, end)()

    first = runs(f"insert into {table} select 1 from ({traffic.wait}) as waited")
    assert await traffic.all(conn, first, ends) == [None, None]
    assert conn.info.transaction_status.name == "IDLE"
    assert nums(observer, table) == ([1] if end == "commit" else [])


@pytest.mark.parametrize("how", ["execute", "executemany", "stream", "pipeline"])
async def test_statement_behind_a_commit_begins_a_transaction(
    door: Door, observer: Observer, traffic: Traffic, table: str, how: str
) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (101)")
    assert await traffic.all(conn, commits, inserts(how, table)) == [None, None]
    assert conn.info.transaction_status.name == "INTRANS"
    assert nums(observer, table) == [101]
    await conn.rollback()


@asyncio_only
@pytest.mark.parametrize("how", ["execute", "executemany", "stream", "pipeline"])
async def test_statement_behind_a_change_to_autocommit(
    door: Door, observer: Observer, traffic: Traffic, table: str, how: str
) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (101)")

    async def change(conn: Any) -> None:
        await conn.set_autocommit(True)

    assert await traffic.all(conn, commits, change, inserts(how, table)) == [None, None, None]
    assert conn.info.transaction_status.name == "IDLE"
    assert nums(observer, table) == [1, 101]


async def test_two_phase_transaction_behind_a_statement(door: Door, traffic: Traffic) -> None:
    conn = await door.connect()

    async def begin(conn: Any) -> None:
        await conn.tpc_begin(conn.xid(1, "a", "b"))

    first, then = await traffic.all(conn, runs(traffic.wait), begin)
    assert first is None
    assert isinstance(then, door.module.ProgrammingError)


async def test_two_phase_transaction_behind_a_commit(
    door: Door, observer: Observer, traffic: Traffic, table: str
) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (101)")

    async def begin(conn: Any) -> None:
        await conn.tpc_begin(conn.xid(1, "a", "b"))

    assert await traffic.all(conn, commits, begin) == [None, None]
    assert conn.info.transaction_status.name == "INTRANS"
    await conn.execute(f"insert into {table} values (1)")
    await conn.tpc_rollback()
    assert nums(observer, table) == [101]


class Commands(Recording):
    """The simple queries of one client, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def client(self, data: bytes) -> None:
        super().client(data)
        self.sent += data

    def find(self, pattern: bytes) -> list[bytes]:
        return re.findall(pattern, self.sent)


@howdah_alone
@pytest.mark.parametrize("pipelining", [False, True])
async def test_commands_of_a_block_are_not_torn_apart(
    door: Door, server: Any, traffic: Traffic, pipelining: bool
) -> None:
    if pipelining and door.is_sync:
        pytest.skip("threads take turns")
    commands = Commands()
    options: dict[str, Any] = {"pipelining": True} if pipelining else {}

    async def blocks(conn: Any) -> None:
        for _ in range(20):
            async with conn.transaction("mine"):
                pass
            with pytest.raises(ZeroDivisionError):
                async with conn.transaction("mine", force_rollback=True):
                    raise ZeroDivisionError

    async def others(conn: Any) -> None:
        for _ in range(100):
            await conn.execute("select 1")

    with HostileServer(recorder(("127.0.0.1", server.port), commands)) as proxy:
        conn = await door.connect(
            f"{server.tcp_dsn} host=127.0.0.1 port={proxy.port}", autocommit=True, prepare_threshold=None, **options
        )
        await soon(asyncio.gather(*map(traffic.start, [blocks(conn), others(conn), others(conn)])))
        await conn.close()
    words = commands.find(rb'BEGIN|SAVEPOINT "?mine|RELEASE|COMMIT|ROLLBACK TO|ROLLBACK\b|select 1')
    text = b" ".join(word.replace(b'"', b"") for word in words).decode()
    assert len(re.findall("BEGIN SAVEPOINT mine", text)) == 40, text
    assert text.count("BEGIN") == 40
    assert text.count("select 1") == 200
