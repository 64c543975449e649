"""`ServerCursor`: cursors that live in the server."""

from __future__ import annotations

import asyncio
import gc
import importlib
import threading
import weakref
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer

from support.doors import Door, SyncFace, asyncio_only, howdah_alone
from support.sessions import Observer
from support.statements import logged

FIVE = "select generate_series(1, 5) as n"


def status(conn: Any) -> str:
    return str(conn.info.transaction_status.name)


async def test_life_of_a_cursor(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    cur = conn.cursor("foo")
    assert (cur.name, cur.scrollable, cur.withhold, cur.itersize) == ("foo", None, False, 100)
    assert (cur.rownumber, cur.rowcount, cur.description, cur.statusmessage) == (None, -1, None, None)
    assert await cur.execute("select generate_series(1, %s) as n", (5,)) is cur
    assert status(conn) == "INTRANS"
    assert (cur.rownumber, cur.rowcount, [c.name for c in cur.description], cur.statusmessage) == (0, -1, ["n"], None)
    assert cur._query.query == b'DECLARE "foo" CURSOR FOR select generate_series(1, $1) as n'
    assert list(cur._query.params) == [b"\0\5"]
    assert await cur.fetchone() == (1,)
    assert await cur.fetchmany(2) == [(2,), (3,)]
    assert (cur.rownumber, cur.rowcount, cur.statusmessage) == (3, -1, None)
    assert await cur.fetchall() == [(4,), (5,)]
    assert cur.rownumber == 5
    assert await cur.fetchone() is None
    assert await cur.fetchmany() == []
    assert await cur.fetchall() == []
    await cur.close()
    await cur.close()
    assert cur.closed
    assert statements.take() == [
        "BEGIN",
        'DECLARE "foo" CURSOR FOR select generate_series(1, $1) as n',
        'FETCH FORWARD 1 FROM "foo"',
        'FETCH FORWARD 2 FROM "foo"',
        'FETCH FORWARD ALL FROM "foo"',
        'FETCH FORWARD 1 FROM "foo"',
        'FETCH FORWARD 1 FROM "foo"',
        'FETCH FORWARD ALL FROM "foo"',
        'CLOSE "foo"',
    ]
    for fetch in (cur.fetchone, cur.fetchmany, cur.fetchall):
        with pytest.raises(door.module.InterfaceError):
            await fetch()


async def test_repr(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor('a "b')
    name = f"{door.module.__name__}.{'' if door.is_sync else 'Async'}ServerCursor"
    seen = []
    for step in (None, cur.execute("select 1"), cur.fetchone(), cur.close()):
        if step is not None:
            await step
        shown = repr(getattr(cur, "wrapped", cur))
        assert shown.startswith(f"<{name} 'a \"b' [")
        seen.append(shown.split("[")[1].split("]")[0])
    assert seen == ["no result", "COMMAND_OK", "TUPLES_OK", "closed"]


@pytest.mark.parametrize(
    ("options", "declared"),
    [
        ({}, 'DECLARE "c" CURSOR FOR '),
        ({"scrollable": True}, 'DECLARE "c" SCROLL CURSOR FOR '),
        ({"scrollable": False, "withhold": True}, 'DECLARE "c" NO SCROLL CURSOR WITH HOLD FOR '),
        ({"scrollable": None, "withhold": True}, 'DECLARE "c" CURSOR WITH HOLD FOR '),
    ],
)
async def test_options(door: Door, server: PgServer, options: Any, declared: str) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    async with conn.cursor("c", **options) as cur:
        await cur.execute("values (1)")
        assert (cur.scrollable, cur.withhold) == (options.get("scrollable"), options.get("withhold", False))
    assert statements.take() == ["BEGIN", f"{declared}values (1)", 'CLOSE "c"']


@pytest.mark.parametrize("name", ["c", 'a "b', "é\n%s", "x" * 80, "Ab"])
async def test_names(door: Door, name: str) -> None:
    conn = await door.connect()
    async with conn.cursor(name) as cur:
        await cur.execute("values (1), (2)")
        assert await cur.fetchall() == [(1,), (2,)]


@pytest.mark.parametrize(
    ("query", "params", "row"),
    [
        ("select %(a)s::int, %(b)s::text, '%%'", {"a": 1, "b": "x"}, (1, "x", "%")),
        (b"select %s::text", ["a"], ("a",)),
        ("select '%', '%s'", None, ("%", "%s")),
        ("select", None, ()),
        ("select %b::int4, %t::int4", [1, 2], (1, 2)),
        ("select 1; ", None, (1,)),
    ],
)
async def test_queries(door: Door, query: Any, params: Any, row: Any) -> None:
    conn = await door.connect()
    async with conn.cursor("c") as cur:
        await cur.execute(query, params)
        assert await cur.fetchall() == [row]


@pytest.mark.parametrize(
    ("query", "sqlstate"),
    [
        ("insert into x values (1)", "42601"),
        ("select 1; select 2", "42601"),
        ("bad", "42601"),
        ("select * from nowhere", "42P01"),
        ("", "42601"),
    ],
)
async def test_refused_queries(door: Door, query: str, sqlstate: str) -> None:
    conn = await door.connect()
    async with conn.cursor("c") as cur:
        with pytest.raises(door.module.ProgrammingError) as error:
            await cur.execute(query)
        assert error.value.sqlstate == sqlstate
        assert status(conn) == "INERROR"
        await conn.rollback()
        await cur.execute("select 1")
        assert await cur.fetchone() == (1,)


async def test_iteration_fetches_pages(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    async with conn.cursor("c") as cur:
        cur.itersize = 2
        await cur.execute(FIVE)
        statements.take()
        assert [row async for row in cur] == [(n,) for n in range(1, 6)]
        assert statements.take() == ['FETCH FORWARD 2 FROM "c"'] * 3
        assert [row async for row in cur] == []
        assert statements.take() == []
        await cur.execute("select generate_series(1, 4)")
        statements.take()
        assert len([row async for row in cur]) == 4
        assert statements.take() == ['FETCH FORWARD 2 FROM "c"'] * 3


async def test_iteration_beside_fetches(door: Door) -> None:
    """What iteration has fetched is its own; the others go on behind it."""
    conn = await door.connect()
    async with conn.cursor("c") as cur:
        cur.itersize = 2
        await cur.execute("select generate_series(1, 7)")
        rows = aiter(cur)
        assert await anext(rows) == (1,)
        assert cur.rownumber == 1
        assert await cur.fetchone() == (3,)
        assert await anext(rows) == (2,)
        assert await cur.fetchmany(2) == [(4,), (5,)]
        assert cur.rownumber == 5
        assert [row async for row in rows] == [(6,), (7,)]
        with pytest.raises(StopAsyncIteration):
            await anext(rows)


@pytest.mark.parametrize("rows", [0, 99, 100, 101, 250])
async def test_many_rows(door: Door, rows: int) -> None:
    conn = await door.connect()
    async with conn.cursor("c") as cur:
        await cur.execute("select n, n::text, null from generate_series(1, %s) n", (rows,))
        assert [row async for row in cur] == [(n, str(n), None) for n in range(1, rows + 1)]


async def test_fetchmany(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor("c", scrollable=True) as cur:
        await cur.execute("select generate_series(1, 7)")
        assert await cur.fetchmany() == [(1,)]
        cur.arraysize = 2
        assert await cur.fetchmany() == [(2,), (3,)]
        assert await cur.fetchmany(0) == [(4,), (5,)]
        assert await cur.fetchmany(-1) == [(4,)]


async def test_scroll(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    async with conn.cursor("c", scrollable=True) as cur:
        await cur.execute(FIVE)
        statements.take()
        await cur.scroll(2)
        assert (cur.rownumber, await cur.fetchone()) == (2, (3,))
        await cur.scroll(0, mode="absolute")
        assert (cur.rownumber, await cur.fetchone()) == (0, (1,))
        await cur.scroll(-1)
        assert (cur.rownumber, await cur.fetchone()) == (0, (1,))
        await cur.scroll(100)
        assert (cur.rownumber, await cur.fetchone()) == (101, None)
        await cur.scroll(-1, "absolute")
        assert (cur.rownumber, await cur.fetchone()) == (-1, None)
        with pytest.raises(ValueError, match="bad mode"):
            await cur.scroll(1, "sideways")
        moves = [" ".join(s.split()) for s in statements.take() if s.startswith("MOVE")]
        assert moves == [f'MOVE {how} FROM "c"' for how in ("2", "ABSOLUTE 0", "-1", "100", "ABSOLUTE -1")]


async def test_scroll_forward_only(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor("c", scrollable=False) as cur:
        await cur.execute(FIVE)
        await cur.fetchone()
        with pytest.raises(door.errors.ObjectNotInPrerequisiteState):
            await cur.scroll(-1)


async def test_with_hold(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    cur = conn.cursor("c", withhold=True)
    await cur.execute(FIVE)
    await conn.commit()
    assert await cur.fetchone() == (1,)
    assert status(conn) == "IDLE"
    await cur.execute("select 7")
    assert await cur.fetchall() == [(7,)]
    await conn.commit()
    await cur.close()
    assert status(conn) == "IDLE"
    assert [s.split()[0] for s in statements.take()] == (
        ["BEGIN", "DECLARE", "COMMIT", "FETCH", "CLOSE", "BEGIN", "DECLARE", "FETCH", "COMMIT", "CLOSE"]
    )
    assert await (await conn.execute("select * from pg_cursors where is_holdable")).fetchall() == []


async def test_autocommit(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.cursor("c") as cur:
        with pytest.raises(door.errors.NoActiveSqlTransaction):
            await cur.execute("select 1")
        assert status(conn) == "IDLE"
    async with conn.cursor("c", withhold=True) as cur:
        await cur.execute("select 1")
        assert await cur.fetchone() == (1,)
        assert status(conn) == "IDLE"
    async with conn.transaction(), conn.cursor("c") as cur:
        await cur.execute("select 1")
        assert await cur.fetchone() == (1,)


async def test_gone_with_its_transaction(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    cur = conn.cursor("c")
    await cur.execute(FIVE)
    await conn.commit()
    statements = await logged(server, conn)
    with pytest.raises(door.errors.InvalidCursorName):
        await cur.fetchone()
    assert status(conn) == "IDLE"
    await cur.execute("select 2")
    assert await cur.fetchall() == [(2,)]
    await conn.rollback()
    await cur.close()
    assert [s.split()[0] for s in statements.take()] == ["FETCH", "BEGIN", "DECLARE", "FETCH", "ROLLBACK"]


async def test_executed_again(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    async with conn.cursor("c") as cur:
        await cur.execute(FIVE)
        assert await anext(aiter(cur)) == (1,)
        await cur.execute("select 'x' as a, 2 as b")
        assert [c.name for c in cur.description] == ["a", "b"]
        assert (cur.rownumber, [row async for row in cur]) == (0, [("x", 2)])
    assert [s.split()[0] for s in statements.take()] == (
        ["BEGIN", "DECLARE", "FETCH", "CLOSE", "DECLARE", "FETCH", "CLOSE"]
    )


async def test_steal(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    await conn.execute("declare st scroll cursor for select generate_series(1, 6) as x, 'a'")
    cur = conn.cursor("st")
    assert (cur.description, cur.rownumber) == (None, None)
    assert await cur.fetchone() == (1, "a")
    assert [c.name for c in cur.description] == ["x", "?column?"]
    assert cur.rownumber == 1
    assert [row async for row in cur] == [(n, "a") for n in range(2, 7)]
    await cur.close()
    assert await (await conn.execute("select name from pg_cursors")).fetchall() == []


async def test_steal_by_closing_and_scrolling(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    await conn.execute("declare st scroll cursor for select generate_series(1, 6)")
    statements = await logged(server, conn)
    await conn.execute("declare st scroll cursor for select generate_series(1, 6)")
    async with conn.cursor("st") as cur:
        await cur.scroll(3)
        assert await cur.fetchone() == (4,)
    await conn.execute("declare st cursor for select 1")
    statements.take()
    await conn.cursor("st").close()
    await conn.cursor("it's").close()
    assert statements.take() == [
        "SELECT 1 FROM pg_catalog.pg_cursors WHERE name = 'st'",
        'CLOSE "st"',
        "SELECT 1 FROM pg_catalog.pg_cursors WHERE name = 'it''s'",
    ]


async def test_no_such_cursor(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor("nothing")
    for fetch in (cur.fetchone, cur.fetchmany, cur.fetchall, lambda: anext(aiter(cur))):
        with pytest.raises(door.errors.InvalidCursorName):
            await fetch()
        assert status(conn) == "INERROR"
        await conn.rollback()
    with pytest.raises(door.errors.InvalidCursorName):
        await cur.scroll(1)
    assert status(conn) == "IDLE"
    await cur.close()


@pytest.mark.parametrize("how", ["format", "execute", "cursor"])
async def test_binary(door: Door, how: str) -> None:
    conn = await door.connect()
    async with conn.cursor("c", binary=how == "cursor") as cur:
        if how == "format":
            cur.format = 1
        await cur.execute("select 1::int4, 'é', 1.5::numeric", binary=True if how == "execute" else None)
        assert await cur.fetchall() == [(1, "é", Decimal("1.5"))]
        await cur.execute("select 2", binary=False)
        assert await cur.fetchone() == (2,)


async def test_what_it_cannot(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor("c") as cur:
        with pytest.raises(door.module.NotSupportedError, match="executemany"):
            await cur.executemany("select 1", [()])
        for options in ({"prepare": True}, {"nonsense": 1}):
            with pytest.raises(TypeError, match="keyword not supported"):
                await cur.execute("select 1", **options)
        assert cur.nextset() is None
        assert status(conn) == "IDLE"


async def test_results_and_stream(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor("c") as cur:
        await cur.execute(FIVE)
        assert cur.nextset() is None
        assert [row async for row in cur.stream("select 7, 8")] == [(7, 8)]
        assert await cur.fetchone() == (1,)


async def test_row_factories(door: Door) -> None:
    rows = importlib.import_module(f"{door.module.__name__}.rows")
    conn = await door.connect(row_factory=rows.dict_row)
    async with conn.cursor("c") as cur:
        await cur.execute("select 1 as a, 2 as b")
        assert await cur.fetchone() == {"a": 1, "b": 2}
        await cur.execute("select 1 as a, 2 as b union all select 3, 4")
        cur.row_factory = rows.scalar_row
        assert await cur.fetchall() == [1, 3]
    async with conn.cursor("c", row_factory=rows.namedtuple_row) as cur:
        await cur.execute("select 1 as a")
        assert [row.a async for row in cur] == [1]


async def test_loader_registered_after_execute(door: Door) -> None:
    conn = await door.connect()

    class Loader(door.module.adapt.Loader):  # type: ignore[name-defined,misc]
        def load(self, data: Any) -> str:
            return f"<{bytes(data).decode()}>"

    async with conn.cursor("c") as cur:
        await cur.execute("select n::int8 from generate_series(1, 3) n")
        assert await cur.fetchone() == (1,)
        cur.adapters.register_loader("int8", Loader)
        assert await cur.fetchall() == [("<2>",), ("<3>",)]


async def test_closed_by_hand(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor("c")
    await cur.execute(FIVE)
    await conn.execute("close c")
    with pytest.raises(door.errors.InvalidCursorName):
        await cur.close()
    assert (cur.closed, status(conn)) == (False, "INERROR")
    await cur.close()
    assert cur.closed


async def test_closed_in_a_failed_transaction(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.SyntaxError):
        async with conn.cursor("c") as cur:
            await cur.execute(FIVE)
            await conn.execute("bad")
    assert (cur.closed, status(conn)) == (True, "INERROR")


async def test_on_a_closed_connection(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor("c")
    await cur.execute(FIVE)
    await conn.close()
    for attempt in (cur.fetchone, cur.fetchall, lambda: cur.scroll(1), lambda: cur.execute("select 1")):
        with pytest.raises(door.module.OperationalError):
            await attempt()
    await cur.close()
    assert cur.closed


async def test_in_a_pipeline(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor("c")
    async with conn.pipeline():
        with pytest.raises(door.module.NotSupportedError, match="pipeline"):
            await cur.execute("select 1")
    await cur.close()


async def test_factory(door: Door) -> None:
    conn = await door.connect()
    prefix = "" if door.is_sync else "Async"
    assert conn.server_cursor_factory is getattr(door.module, f"{prefix}ServerCursor")
    conn.server_cursor_factory = getattr(door.module, f"{prefix}RawServerCursor")
    async with conn.cursor("c") as cur:
        assert type(getattr(cur, "wrapped", cur)) is conn.server_cursor_factory
        await cur.execute("select $2::int, $1::text, '%s'", ["x", 3])
        assert await cur.fetchone() == (3, "x", "%s")
        with pytest.raises(TypeError):
            await cur.execute("select $1", {"a": 1})
    assert type(getattr(conn.cursor(""), "wrapped", conn.cursor(""))) is door.cursor_class


async def test_constructor(door: Door) -> None:
    conn = await door.connect()
    conn = getattr(conn, "wrapped", conn)
    cls = getattr(door.module, "ServerCursor" if door.is_sync else "AsyncServerCursor")
    if door.module.__name__ == "howdah":
        # psycopg's destructor fails then.
        with pytest.raises(TypeError):
            cls(conn)
    cur = cls(conn, "n", scrollable=True, withhold=True)
    face = SyncFace(cur) if door.is_sync else cur
    assert (cur.name, cur.scrollable, cur.withhold) == ("n", True, True)
    await face.execute("select 1")
    await face.close()


def test_deleted_while_open(conn: Any) -> None:
    with pytest.warns(ResourceWarning, match="was deleted while still open"):
        leave_open(conn)
    conn.cursor("c").close()


def leave_open(conn: Any) -> None:
    conn.cursor("c")
    gc.collect()


def test_reference_loop_is_collected(howdah: ModuleType, dsn: str) -> None:
    def leave_loop() -> None:
        cur = conn.cursor("c")
        cur.row_factory = lambda c: lambda values: [c, *values]
        cur.execute(FIVE)
        assert next(cur)[1:] == [1]

    with howdah.connect(dsn) as conn:
        leave_loop()
        with pytest.warns(ResourceWarning):
            gc.collect()


@asyncio_only
async def test_cancelled_fetch(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    cur = conn.cursor("c", scrollable=True)
    await cur.execute("select n, pg_sleep(case n when 3 then 30 else 0 end) from generate_series(1, 5) n")
    fetching = asyncio.create_task(cur.fetchall())
    await asyncio.to_thread(observer.wait_active, conn.info.backend_pid, "FETCH%")
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    with pytest.raises(door.errors.InFailedSqlTransaction):
        await cur.fetchone()
    await conn.rollback()
    await cur.execute("select 1")
    assert await cur.fetchall() == [(1,)]
    await cur.close()


@howdah_alone
@asyncio_only
async def test_where_it_stands_after_an_interruption(door: Door, observer: Observer) -> None:
    """It is not known then: rows are not to be left out in silence. psycopg goes on with whatever comes."""
    conn = await door.connect()
    cur = conn.cursor("c", scrollable=True)
    await cur.execute("select n, pg_sleep(case n when 2 then 30 else 0 end) from generate_series(1, 5) n")
    await conn.execute("savepoint s")
    fetching = asyncio.create_task(cur.fetchmany(2))
    await asyncio.to_thread(observer.wait_active, conn.info.backend_pid, "FETCH%")
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await conn.execute("rollback to s")
    for attempt in (cur.fetchone, lambda: cur.scroll(1)):
        with pytest.raises(door.module.OperationalError, match="interrupted"):
            await attempt()
    assert status(conn) == "INTRANS"
    await cur.execute("select 1")
    assert await cur.fetchall() == [(1,)]
    await cur.close()


@asyncio_only
async def test_interrupted_declaration(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    cur = conn.cursor("c", withhold=True)
    declaring = asyncio.create_task(cur.execute("select pg_sleep(30)"))
    await asyncio.to_thread(observer.wait_active, conn.info.backend_pid, "DECLARE%")
    declaring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await declaring
    await cur.execute("select 1")
    assert await cur.fetchall() == [(1,)]
    await cur.close()


@asyncio_only
async def test_tasks_take_turns(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor("c") as cur:
        await cur.execute("select generate_series(1, 20)")
        rows = await asyncio.gather(*(cur.fetchone() for _ in range(20)))
        assert sorted(rows) == [(n,) for n in range(1, 21)]


def test_next_of_derived_classes(conn: Any, driver: ModuleType) -> None:
    """Loops ask the method of the class, and that can ask its base's, however the rows came."""

    class Doubling(driver.ServerCursor):  # type: ignore[name-defined, misc]
        def __next__(self) -> Any:
            return super().__next__() * 2

    class Plain(driver.ServerCursor):  # type: ignore[name-defined, misc]
        pass

    def numbers(cls: Any) -> list[Any]:
        with cls(conn, "c") as cur:
            cur.itersize = 2
            cur.execute(FIVE)
            first = next(cur)
            return [first, cur.__next__(), cls.__next__(cur), *cur]

    assert numbers(Plain) == [(1,), (2,), (3,), (4,), (5,)]
    assert numbers(Doubling) == [(n, n) for n in range(1, 6)]
    with pytest.raises((TypeError, AttributeError)):
        driver.ServerCursor.__next__(conn)


@howdah_alone
async def test_rows_after_a_copy(door: Door) -> None:
    """Of psycopg's cursor nothing is to be asked then: it crashes."""
    conn = await door.connect()
    cur = conn.cursor("c")
    await cur.execute(FIVE)
    async with cur.copy("copy (select 7) to stdout") as copy:
        assert b"".join([data async for data in copy]) == b"7\n"
    assert [column.name for column in cur.description] == ["column_1"]
    assert await cur.fetchone() == (1,)
    assert [column.name for column in cur.description] == ["n"]
    assert cur.pgresult.status == 2
    await cur.close()


def test_rows_outlive_their_page(conn: Any) -> None:
    """Rows that were kept stay, and the others go, whatever becomes of the cursor."""

    class Value:
        pass

    with conn.cursor("c") as cur:
        cur.itersize = 2
        cur.row_factory = lambda _: lambda values: (values[0], Value())
        cur.execute(FIVE)
        kept = [next(cur) for _ in range(3)]
        gone = [weakref.ref(row[1]) for row in kept]
        assert [row[0] for row in kept] == [1, 2, 3]
        del kept
        gc.collect()
        assert gone[0]() is None
        assert gone[1]() is None
        assert [row[0] for row in cur] == [4, 5]
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


def test_threads_share_a_loop(conn: Any) -> None:
    """Each row goes to one of the threads."""
    taken: list[list[Any]] = [[] for _ in range(4)]

    def take(rows: list[Any]) -> None:
        rows.extend(cur)

    with conn.cursor("c") as cur:
        cur.itersize = 2000
        cur.execute("select generate_series(1, 2000)")
        first = next(cur)
        workers = [threading.Thread(target=take, args=(rows,)) for rows in taken]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(30)
        assert sorted([first, *(row for rows in taken for row in rows)]) == [(n,) for n in range(1, 2001)]
        assert cur.rownumber == 2000
