"""`Connection.pgconn`, `Cursor.pgresult`, `Error.pgconn` and `Error.pgresult`: the driver's own objects as libpq's."""

from __future__ import annotations

import asyncio
import gc
import importlib
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from datetime import date
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from support.doors import HAS_UVLOOP, Door, asyncio_only, howdah_alone, new_loop

CONN = [
    "db", "user", "password", "host", "hostaddr", "port", "tty", "options", "status", "transaction_status",
    "error_message", "protocol_version", "full_protocol_version", "server_version", "needs_password", "used_password",
    "used_gssapi", "ssl_in_use", "pipeline_status",
]  # fmt: skip
RESULT = [
    "status", "ntuples", "nfields", "binary_tuples", "nparams", "command_status", "command_tuples", "oid_value",
    "error_message",
]  # fmt: skip
COLUMN = ["fname", "ftable", "ftablecol", "fformat", "ftype", "fmod", "fsize", "param_type"]


def shown(make: Callable[[], Any]) -> Any:
    """A value, or the exception instead."""
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def attributes(thing: Any, names: list[str]) -> dict[str, Any]:
    return {name: shown(partial(getattr, thing, name)) for name in names}


def columns(result: Any, count: int = 3) -> list[list[Any]]:
    return [[getattr(result, name)(number) for name in COLUMN] for number in range(-1, count)]


def enums(driver: ModuleType) -> ModuleType:
    return importlib.import_module(f"{driver.__name__}.pq")


def connections(howdah: ModuleType, oracle: ModuleType, dsn: str, **kwargs: Any) -> tuple[Any, Any]:
    return howdah.connect(dsn, **kwargs), oracle.connect(dsn, **kwargs)


def test_live_connection_shows_the_same(howdah: ModuleType, oracle: ModuleType, dsn: str) -> None:
    ours, theirs = connections(howdah, oracle, dsn)
    with ours, theirs:
        assert attributes(ours.pgconn, CONN) == attributes(theirs.pgconn, CONN)
        for conn in (ours, theirs):
            conn.execute("select 1")
            assert conn.pgconn.transaction_status == 2
            assert conn.pgconn.backend_pid == conn.info.backend_pid
            assert conn.pgconn.socket == conn.fileno()
            assert conn.pgconn.parameter_status(b"TimeZone") == conn.info.parameter_status("TimeZone").encode()
            assert conn.pgconn.parameter_status(b"nope") is None
            assert conn.pgconn is conn.pgconn


def test_connection_options(howdah: ModuleType, oracle: ModuleType, dsn: str) -> None:
    ours, theirs = connections(howdah, oracle, dsn, application_name="ann", connect_timeout=7)
    with ours, theirs:
        names = {b"host", b"port", b"user", b"dbname", b"application_name", b"connect_timeout"}
        given = [[tuple(o) for o in conn.pgconn.info if o.keyword in names] for conn in (ours, theirs)]
        assert given[0] == given[1]
        assert [o.keyword for o in ours.pgconn.info] == [o.keyword for o in theirs.pgconn.info]


def test_closed_connection_shows_the_same(howdah: ModuleType, oracle: ModuleType, dsn: str) -> None:
    ours, theirs = connections(howdah, oracle, dsn)
    views = ours.pgconn, theirs.pgconn
    ours.close()
    theirs.close()
    names = [*CONN, "socket", "backend_pid", "info"]
    assert attributes(views[0], names) == attributes(views[1], names)
    for what in (lambda c: c.exec_(b"select 1"), lambda c: c.parameter_status(b"TimeZone"), lambda c: c.get_result()):
        assert shown(partial(what, views[0])) == shown(partial(what, views[1]))


def test_lost_connection(driver: ModuleType, dsn: str) -> None:
    conn = driver.connect(dsn, autocommit=True)
    with pytest.raises(driver.OperationalError) as caught:
        conn.execute("select pg_terminate_backend(pg_backend_pid())")
    assert caught.value.pgconn is None
    assert caught.value.pgresult.status == enums(driver).ExecStatus.FATAL_ERROR
    pgconn = conn.pgconn
    names = ["status", "transaction_status", "protocol_version", "server_version", "backend_pid", "socket", "db"]
    assert attributes(pgconn, names) == {
        "status": 1,
        "transaction_status": 4,
        "protocol_version": 0,
        "server_version": 0,
        "backend_pid": 0,
        "socket": "OperationalError: the connection is lost",
        "db": b"postgres",
    }
    assert pgconn.parameter_status(b"TimeZone")
    with pytest.raises(driver.OperationalError):
        pgconn.exec_(b"select 1")
    conn.close()


STATEMENTS = [
    b"select 1 as a, 'x'::text as b, null::numeric(5,2) as c",
    b"select 1 where false",
    b"",
    b"select 1; select 2 as other",
    b"create temp table t (a int, b varchar(3))",
    b"insert into t values (1, 'a'), (2, null)",
    b"select b, a from t order by a",
    b"update t set a = 5",
    b"fetch all from nope",
    b"select 1; select 1/0",
    b"select\n 1 +\n x",
]


def test_exec_gives_the_same(howdah: ModuleType, oracle: ModuleType, dsn: str) -> None:
    ours, theirs = connections(howdah, oracle, dsn)
    with ours, theirs:
        for statement in STATEMENTS:
            results = [conn.pgconn.exec_(statement) for conn in (ours, theirs)]
            pictures = [
                (
                    attributes(r, RESULT),
                    [c[:1] + c[3:] for c in columns(r)],
                    [[r.get_value(row, column) for column in range(-1, 4)] for row in range(-1, 3)],
                    r.get_error_message(),
                    [r.error_field(code) for code in (67, 77, 80, 12, 0, -1, 999)],
                )
                for r in results
            ]
            assert pictures[0] == pictures[1], statement
            assert ours.pgconn.error_message == theirs.pgconn.error_message


def test_exec_and_execute_take_turns(conn: Any, driver: ModuleType) -> None:
    assert conn.pgconn.exec_(b"begin").command_status == b"BEGIN"
    assert conn.info.transaction_status == enums(driver).TransactionStatus.INTRANS
    assert conn.execute("select 1").fetchone() == (1,)
    assert conn.pgconn.exec_(b"set local timezone to 'UTC+3'").status == enums(driver).ExecStatus.COMMAND_OK
    assert conn.info.parameter_status("TimeZone") == "UTC+3"
    conn.rollback()
    assert conn.pgconn.exec_(b"select 1").get_value(0, 0) == b"1"
    assert conn.info.transaction_status == enums(driver).TransactionStatus.IDLE


def test_exec_that_fails_leaves_the_transaction_failed(conn: Any, driver: ModuleType) -> None:
    conn.execute("select 1")
    assert conn.pgconn.exec_(b"select 1/0").status == enums(driver).ExecStatus.FATAL_ERROR
    assert conn.info.transaction_status == enums(driver).TransactionStatus.INERROR
    with pytest.raises(driver.errors.InFailedSqlTransaction):
        conn.execute("select 1")
    conn.rollback()


def test_prepared_statements_that_exec_drops_are_prepared_again(connect: Callable[..., Any]) -> None:
    conn = connect(autocommit=True, prepare_threshold=0)
    for _ in range(3):
        assert conn.execute("select %s::int", [1]).fetchone() == (1,)
        conn.pgconn.exec_(b"deallocate all")
        # psycopg does not see that; it is told.
        if "psycopg" in type(conn).__module__:
            conn._prepared.clear()


async def test_exec_on_either_shell(door: Door) -> None:
    conn = await door.connect()
    assert conn.pgconn.exec_(b"select 1").get_value(0, 0) == b"1"
    cur = await conn.execute("select 2")
    assert await cur.fetchone() == (2,)
    assert conn.pgconn.exec_params(b"select $1::int + 1", [b"2"]).get_value(0, 0) == b"3"
    await conn.rollback()


@pytest.mark.parametrize("kind", ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])])
def test_exec_without_a_running_loop(driver: ModuleType, dsn: str, kind: str) -> None:
    loop = new_loop(kind)
    conn = loop.run_until_complete(driver.AsyncConnection.connect(dsn))
    assert conn.pgconn.exec_(b"select 1").get_value(0, 0) == b"1"
    loop.run_until_complete(conn.execute("select 1"))
    loop.close()
    assert conn.pgconn.exec_(b"select 2").get_value(0, 0) == b"2"

    async def in_another() -> None:
        cur = await conn.execute("select 3")
        assert await cur.fetchone() == (3,)
        assert conn.pgconn.exec_(b"select 4").get_value(0, 0) == b"4"
        await conn.close()

    loop = new_loop(kind)
    loop.run_until_complete(in_another())
    loop.close()


@howdah_alone
async def test_exec_while_a_stream_is_read(door: Door) -> None:
    conn = await door.connect()
    rows = conn.cursor().stream("select generate_series(1, 200000)")
    async for _ in rows:
        with pytest.raises(door.module.OperationalError, match=r"already in progress|a stream that has not ended"):
            conn.pgconn.exec_(b"select 1")
        break
    await rows.aclose()
    await conn.rollback()
    assert conn.pgconn.exec_(b"select 1").get_value(0, 0) == b"1"


async def test_exec_in_a_transaction_block(door: Door) -> None:
    conn = await door.connect()
    async with conn.transaction():
        assert conn.pgconn.exec_(b"create temp table t as select 1 as a").command_status == b"SELECT 1"
        async with conn.transaction(force_rollback=True):
            conn.pgconn.exec_(b"select 1/0")
            assert conn.pgconn.transaction_status == 3
    cur = await conn.execute("select a from t")
    assert await cur.fetchone() == (1,)


@pytest.mark.parametrize("block", ["connection", "transaction"])
async def test_block_with_a_command_that_is_not_over(door: Door, block: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing waits for a command that only the waiting task could end; the exception comes out as it is."""
    conn = await door.connect()
    with pytest.raises(ZeroDivisionError):
        async with conn if block == "connection" else conn.transaction():
            conn.pgconn.exec_(b"copy (select 1) to stdout")
            assert conn.info.transaction_status.name == "ACTIVE"
            with pytest.raises(door.module.OperationalError):
                await conn.execute("select 1")
            raise ZeroDivisionError
    assert conn.closed == (block == "connection")
    assert [r.levelname for r in caplog.records if r.name.startswith(door.module.__name__)] == ["WARNING"]


@asyncio_only
@howdah_alone
async def test_command_is_waited_for_in_another_task(door: Door) -> None:
    conn = await door.connect()
    conn.pgconn.send_query(b"select 1")
    other = asyncio.create_task(conn.execute("select 2"))
    await asyncio.sleep(0)
    assert not other.done()
    while conn.pgconn.get_result() is not None:
        pass
    assert await (await other).fetchone() == (2,)


@asyncio_only
@pytest.mark.parametrize("answered", [False, True])
async def test_task_that_used_a_pgconn_is_not_kept(door: Door, answered: bool) -> None:
    conn = await door.connect()

    async def use() -> None:
        conn.pgconn.send_query(b"select 1")
        while answered and conn.pgconn.get_result() is not None:
            pass
        if not answered:
            await conn.close()

    task = asyncio.create_task(use())
    kept = weakref.ref(task)
    await task
    del task
    await asyncio.sleep(0)  # whoever has waited for it is called with it
    gc.collect()
    assert kept() is None


ASKED = """
import asyncio, sys

steps = []
real = asyncio.current_task

def current_task(loop=None):
    if steps:
        steps.pop()()
    return real(loop)

asyncio.current_task = current_task
import howdah

def interrupt():
    raise KeyboardInterrupt

async def main():
    conn = await howdah.AsyncConnection.connect(sys.argv[1], autocommit=True)
    waiting = conn.execute("select 1")
    # As the session is lent: another begins then, or the program is interrupted.
    for step in (lambda: waiting.send(None), interrupt):
        steps.append(step)
        try:
            conn.pgconn.send_query(b"select 2")
        except BaseException as error:
            print(type(error).__name__)
        waiting.close()
        print(await (await conn.execute("select 3")).fetchone())
    # As it is looked whom it is lent to.
    conn.pgconn.send_query(b"select 4")
    steps.append(interrupt)
    try:
        await conn.execute("select 5")
    except BaseException as error:
        print(type(error).__name__)
    while conn.pgconn.get_result() is not None:
        pass
    print(await (await conn.execute("select 6")).fetchone(), steps)

asyncio.run(main())
"""


@howdah_alone
def test_what_happens_while_the_current_task_is_asked_for(driver: ModuleType, dsn: str) -> None:
    """Which is a function of Python's before 3.12, and may be another's."""
    command = [sys.executable, "-c", ASKED, dsn]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert run.stderr == ""
    interrupted = "KeyboardInterrupt"
    assert run.stdout.splitlines() == ["OperationalError", "(3,)", interrupted, "(3,)", interrupted, "(6,) []"]


@howdah_alone
async def test_exec_in_a_pipeline_block_is_refused(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        await conn.execute("select 1")
        assert conn.pgconn.pipeline_status == 1
        with pytest.raises(door.module.OperationalError, match="pipeline"):
            conn.pgconn.exec_(b"select 1")
    assert conn.pgconn.exec_(b"select 1").get_value(0, 0) == b"1"


@howdah_alone
async def test_closing_while_a_command_runs(door: Door) -> None:
    conn = await door.connect()
    pgconn = conn.pgconn
    pgconn.send_query(b"select pg_sleep(60)")
    await conn.close()
    assert pgconn.status == 1
    with pytest.raises(door.module.OperationalError):
        pgconn.exec_(b"select 1")


@howdah_alone
def test_command_that_was_not_sent_leaves_all_as_it_was(conn: Any, driver: ModuleType) -> None:
    uses: list[Callable[[], Any]] = [
        lambda: conn.pgconn.exec_(b"select '\0'"),
        lambda: conn.pgconn.prepare(b"a\0b", b"select 1"),
    ]
    for use in uses:
        with pytest.raises(driver.ProgrammingError):
            use()
        assert conn.pgconn.is_busy() == 0
        assert conn.execute("select 1").fetchone() == (1,)


def test_connection_of_a_pgconn(driver: ModuleType, dsn: str) -> None:
    pgconn = enums(driver).PGconn.connect(dsn.encode())
    with driver.Connection(pgconn) as conn:
        assert conn.pgconn is pgconn
        assert conn.execute("select 1").fetchone() == (1,)
        assert conn.info.transaction_status == enums(driver).TransactionStatus.INTRANS
        assert conn.info.backend_pid == pgconn.backend_pid
        assert pgconn.exec_(b"select 2").get_value(0, 0) == b"2"
    assert pgconn.status == 1


def test_info_of_a_pgconn(driver: ModuleType, dsn: str) -> None:
    pgconn = enums(driver).PGconn.connect(f"{dsn} password=secret application_name=shown".encode())
    info = driver.ConnectionInfo(pgconn)
    assert info.pgconn is pgconn
    assert (info.dbname, info.user, info.password, info.status.name) == ("postgres", "postgres", "secret", "OK")
    assert (info.encoding, info.parameter_status("TimeZone"), str(info.timezone)) == ("utf-8", "UTC", "UTC")
    assert (info.backend_pid, info.server_version) == (pgconn.backend_pid, pgconn.server_version)
    assert info.get_parameters()["application_name"] == "shown"
    assert "secret" not in info.dsn
    pgconn.exec_(b"begin")
    assert info.transaction_status.name == "INTRANS"
    pgconn.finish()
    assert (info.status.name, info.transaction_status.name) == ("BAD", "UNKNOWN")
    with pytest.raises(driver.OperationalError):
        info.host  # noqa: B018


def test_info_of_a_pgconn_that_is_being_made(driver: ModuleType, dsn: str) -> None:
    pgconn = enums(driver).PGconn.connect_start(dsn.encode())
    info = driver.ConnectionInfo(pgconn)
    assert (info.dbname, info.transaction_status.name, info.encoding) == ("postgres", "UNKNOWN", "utf-8")
    assert "dbname=postgres" in info.dsn
    pgconn.finish()


def test_connection_of_a_pgconn_that_cannot_be_had(howdah: ModuleType, dsn: str, closed_port: int) -> None:
    pq = enums(howdah)
    with howdah.connect(dsn) as conn, pytest.raises(howdah.OperationalError, match="in use"):
        howdah.Connection(conn.pgconn)
    with pytest.raises(howdah.OperationalError):
        howdah.Connection(pq.PGconn.connect(f"host=127.0.0.1 port={closed_port}".encode()))
    busy = pq.PGconn.connect(dsn.encode())
    busy.send_query(b"select 1")
    with pytest.raises(howdah.OperationalError, match="in use"):
        howdah.Connection(busy)
    with pytest.raises(howdah.NotSupportedError):
        howdah.AsyncConnection(busy)
    busy.finish()


def test_transformer_of_a_result(driver: ModuleType, conn: Any) -> None:
    result = conn.pgconn.exec_(b"select 1 as a, '2020-01-02'::date as b, null union all select 2, null, 'x'")
    tx = importlib.import_module(f"{driver.__name__}.adapt").Transformer(conn)
    tx.set_pgresult(result)
    assert tx.load_rows(0, 2, tuple) == [(1, date(2020, 1, 2), None), (2, None, "x")]
    assert tx.load_row(1, tuple) == (2, None, "x")


def test_threads_take_turns(conn: Any) -> None:
    conn.autocommit = True
    # The values of prepared statements may come in binary.
    conn.prepare_threshold = None
    seen: list[Any] = []

    def work(number: int) -> None:
        for _ in range(20):
            cur = conn.execute(f"select {number}")
            seen.append((number, cur.fetchone()[0]))

    threads = [threading.Thread(target=work, args=[n]) for n in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        seen.append((7, int(conn.execute("select 7").pgresult.get_value(0, 0))))
    for thread in threads:
        thread.join()
    assert len(seen) == 60
    assert all(a == b for a, b in seen)


async def test_result_of_a_cursor(door: Door) -> None:
    conn = await door.connect()
    cur: Any = conn.cursor()
    assert [cur.pgresult] == [None]
    await cur.execute("select 1 as a, null::text as b union all select 2, 'x'")
    result = cur.pgresult
    assert result is cur.pgresult
    assert attributes(result, RESULT) == {
        "status": 2,
        "ntuples": 2,
        "nfields": 2,
        "binary_tuples": 0,
        "nparams": 0,
        "command_status": b"SELECT 2",
        "command_tuples": 2,
        "oid_value": 0,
        "error_message": b"",
    }
    assert [result.fname(n) for n in range(-1, 3)] == [None, b"a", b"b", None]
    assert [result.ftype(n) for n in range(2)] == [23, 25]
    assert [[result.get_value(r, c) for c in range(2)] for r in range(2)] == [[b"1", None], [b"2", b"x"]]
    assert await cur.fetchall() == [(1, None), (2, "x")]
    await cur.execute("select 1; select 'later'")
    assert cur.pgresult.get_value(0, 0) == b"1"
    assert cur.nextset()
    assert cur.pgresult.get_value(0, 0) == b"later"
    await cur.close()
    assert cur.pgresult is None
    assert result.get_value(1, 1) == b"x"


async def test_binary_result_of_a_cursor(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select 258::int4 as a", binary=True)
    assert (cur.pgresult.binary_tuples, cur.pgresult.fformat(0)) == (1, 1)
    assert cur.pgresult.get_value(0, 0) == b"\0\0\1\2"


@pytest.mark.parametrize(
    ("statement", "status"),
    [("create temp table t ()", 1), ("", 0), ("select", 2), ("insert into made values (1), (2)", 1)],
)
def test_status_of_a_result(conn: Any, statement: str, status: int) -> None:
    conn.execute("create temp table made (a int)")
    assert conn.execute(statement).pgresult.status == status


def picture(cursor: Any) -> tuple[Any, ...]:
    """What `repr()` calls a result, its status, rows and columns, whether these are in binary, and the tag."""
    result = cursor.pgresult
    told = repr(getattr(cursor, "wrapped", cursor)).partition("[")[2].partition("]")[0]
    return told, result.status, result.ntuples, result.nfields, result.binary_tuples, result.command_status


@pytest.mark.parametrize("count", [0, 3, 100_000])
@pytest.mark.parametrize("binary", [0, 1])
async def test_result_of_a_copy_out(door: Door, count: int, binary: int) -> None:
    conn = await door.connect()
    cur: Any = conn.cursor()
    query = f"copy (select n, n from generate_series(1, {count}) n) to stdout (format {'binary' if binary else 'text'})"
    copied = ("COPY_OUT", 3, 0, 2, binary, b"")
    async with cur.copy(query) as copy:
        assert picture(cur) == copied
        async for _ in copy:
            pass
        assert picture(cur) == copied
    assert picture(cur) == copied
    assert cur.pgresult is cur.pgresult
    assert [(cur.pgresult.fformat(number), cur.pgresult.fname(number)) for number in (0, 1)] == [(binary, None)] * 2
    assert (cur.rowcount, cur.rownumber, cur.nextset()) == (count, None, None)
    with pytest.raises(door.module.ProgrammingError, match="didn't produce"):
        await cur.fetchone()
    await cur.execute("select 1")
    assert picture(cur) == ("TUPLES_OK", 2, 1, 1, 0, b"SELECT 1")


@pytest.mark.parametrize("count", [0, 3])
async def test_result_of_a_copy_in(door: Door, count: int) -> None:
    conn = await door.connect()
    await conn.execute("create temp table made (a int, b text)")
    cur: Any = conn.cursor()
    async with cur.copy("copy made from stdin") as copy:
        assert picture(cur) == ("COPY_IN", 4, 0, 2, 0, b"")
        for number in range(count):
            await copy.write_row((number, "x"))
    assert picture(cur) == ("COMMAND_OK", 1, 0, 0, 0, b"COPY %d" % count)
    assert (cur.rowcount, cur.statusmessage) == (count, f"COPY {count}")


async def test_result_of_a_copy_that_failed(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table made (a int)")
    await conn.commit()
    cur: Any = conn.cursor()
    with pytest.raises(door.errors.InvalidTextRepresentation):
        async with cur.copy("copy made from stdin") as copy:
            await copy.write("x\n")
    assert picture(cur) == ("COPY_IN", 4, 0, 1, 0, b"")
    assert (cur.rowcount, cur.statusmessage) == (-1, None)
    await conn.rollback()
    for query, told in (("from stdin", ("COPY_IN", 4)), ("to stdout", ("COPY_OUT", 3))):
        with pytest.raises(LookupError):
            async with cur.copy(f"copy made {query}"):
                raise LookupError
        assert picture(cur)[:2] == told
        await conn.rollback()
    with pytest.raises(door.errors.UndefinedTable):
        async with cur.copy("copy missing to stdout"):
            pass
    assert [cur.pgresult] == [None]


@pytest.mark.parametrize("kind", ["ServerCursor", "RawServerCursor"])
@pytest.mark.parametrize("options", [{}, {"scrollable": True}, {"withhold": True}])
async def test_result_of_a_server_side_cursor(door: Door, kind: str, options: dict[str, Any]) -> None:
    conn = await door.connect()
    conn.server_cursor_factory = getattr(door.module, kind if door.is_sync else f"Async{kind}")
    cur: Any = conn.cursor("served", **options)
    assert [cur.pgresult] == [None]
    query = f"select n from generate_series(1, {'$1' if kind == 'RawServerCursor' else '%s'}) n"
    for count in (5, 0):
        await cur.execute(query, (count,))
        assert cur.pgresult.status == 1
        assert (cur.pgresult.ntuples, cur.pgresult.nfields, cur.pgresult.fname(0)) == (0, 1, b"n")
        assert (cur.pgresult.command_status, cur.statusmessage, cur.rowcount) == (b"", None, -1)
        assert cur.pgresult is cur.pgresult
        await cur.fetchmany(3)
        assert (cur.pgresult.status, cur.pgresult.ntuples) == (2, min(count, 3))
        await cur.fetchall()
        assert (cur.pgresult.status, cur.pgresult.ntuples) == (2, 2 if count else 0)
        if "scrollable" in options:
            await cur.scroll(0, mode="absolute")
            assert cur.pgresult.status == 2
    await cur.close()
    assert [cur.pgresult] == [None]


async def test_result_of_a_statement_that_failed(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.DivisionByZero) as caught:
        await conn.execute("select\n1/0")
    result = caught.value.pgresult
    assert (result.status, result.error_message) == (7, b"ERROR:  division by zero\n")
    assert result.get_error_message() == "division by zero"
    assert result.error_field(ord("C")) == b"22012"
    assert caught.value.pgconn is None
    await conn.rollback()
    with pytest.raises(door.errors.UndefinedColumn) as caught:
        await conn.execute("select\n x")
    assert caught.value.pgresult.get_error_message() == str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.pgresult, again.diag.sqlstate) == (None, "42703")


async def test_error_of_an_attempt_to_connect(door: Door, closed_port: int) -> None:
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(f"host=127.0.0.1 port={closed_port} user=ann dbname=shop password=cheese")
    pgconn = caught.value.pgconn
    assert (pgconn.status, pgconn.transaction_status) == (1, 4)
    assert (pgconn.host, pgconn.port, pgconn.user, pgconn.db) == (b"127.0.0.1", b"%d" % closed_port, b"ann", b"shop")
    assert b"failed: Connection refused" in pgconn.error_message
    assert (pgconn.needs_password, pgconn.used_password) == (False, False)
    for use in (pgconn.consume_input, pgconn.get_result, pgconn.is_busy, lambda: pgconn.exec_(b"select 1")):
        with pytest.raises(door.module.OperationalError, match="the connection is closed"):
            use()
    assert caught.value.pgresult is None
    assert pickle.loads(pickle.dumps(caught.value)).pgconn is None


async def test_password_that_is_missing_or_wrong(door: Door, password_server: Any) -> None:
    dsn = f"{password_server.dsn} host=127.0.0.1"
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(dsn + " password=''")
    assert (caught.value.pgconn.needs_password, caught.value.pgconn.used_password) == (True, True)
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(dsn + " password=wrong")
    assert (caught.value.pgconn.needs_password, caught.value.pgconn.used_password) == (False, True)


def test_no_password_in_an_exception(howdah: ModuleType, closed_port: int) -> None:
    with pytest.raises(howdah.OperationalError) as caught:
        howdah.connect(f"host=127.0.0.1 port={closed_port} password=cheese")
    pgconn = caught.value.pgconn
    assert pgconn.password == b""
    assert b"cheese" not in repr(pgconn.info).encode()


def test_what_has_no_meaning_is_refused(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        for thing, name in ((conn.pgconn, "pgconn_ptr"), (conn.execute("select 1").pgresult, "pgresult_ptr")):
            with pytest.raises(howdah.NotSupportedError, match="libpq"):
                getattr(thing, name)
        with pytest.raises(howdah.NotSupportedError, match="add_notice_handler"):
            conn.pgconn.notice_handler = print


def test_cleared_result(driver: ModuleType, conn: Any) -> None:
    result = conn.pgconn.exec_(b"select 1 as a")
    result.clear()
    assert attributes(result, RESULT) == {
        "status": 7,
        "ntuples": 0,
        "nfields": 0,
        "binary_tuples": 0,
        "nparams": 0,
        "command_status": None,
        "command_tuples": None,
        "oid_value": 0,
        "error_message": b"",
    }
    assert (result.get_value(0, 0), result.fname(0)) == (None, None)


def test_result_outlives_its_connection(driver: ModuleType, dsn: str) -> None:
    conn = driver.connect(dsn)
    result = conn.pgconn.exec_(b"select 'kept'")
    conn.close()
    del conn
    gc.collect()
    assert result.get_value(0, 0) == b"kept"


def test_view_of_a_collected_connection_is_closed(howdah: ModuleType, dsn: str) -> None:
    conn = howdah.connect(dsn)
    pgconn = conn.pgconn
    with pytest.warns(ResourceWarning):
        conn = None
    gc.collect()
    assert pgconn.status == 1
    with pytest.raises(howdah.OperationalError, match="the connection is closed"):
        pgconn.exec_(b"select 1")


def test_finish_closes_the_connection(driver: ModuleType, conn: Any) -> None:
    conn.pgconn.finish()
    assert conn.closed
    assert conn.pgconn.status == 1
    with pytest.raises(driver.OperationalError):
        conn.execute("select 1")


def test_notices_of_a_command_go_to_the_connections_handlers(conn: Any) -> None:
    seen: list[Any] = []
    conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
    conn.pgconn.exec_(b"do $$ begin raise notice 'hello'; end $$")
    assert seen == ["hello"]


def test_texts(howdah: ModuleType, oracle: ModuleType, dsn: str) -> None:
    misc = [importlib.import_module(f"{d.__name__}.pq.misc") for d in (howdah, oracle)]
    for version in (180003, 90603, 80001, 100000, 101112, 0, 12):
        assert misc[0].version_pretty(version) == misc[1].version_pretty(version)
    for text in ("ERROR:  x", " a ", "FEHLER:  x", "no: severity", "LINE 1: x"):
        assert misc[0].strip_severity(text) == misc[1].strip_severity(text)
    ours, theirs = connections(howdah, oracle, dsn)
    with ours, theirs:
        assert misc[0].connection_summary(ours.pgconn) == misc[1].connection_summary(theirs.pgconn)
        ours.execute("select 1")
        theirs.execute("select 1")
        assert misc[0].connection_summary(ours.pgconn) == misc[1].connection_summary(theirs.pgconn)
        assert misc[0].error_message(ours.pgconn) == misc[1].error_message(theirs.pgconn)
        with pytest.raises(AttributeError):
            misc[0].error_message("text")
