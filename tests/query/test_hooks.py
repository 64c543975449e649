"""Hooks for queries: each kind of operation begins and ends once, as what it is."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.hooks import hooked
from support.waiting import soon, until

pytestmark = howdah_alone


async def test_execute(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    cur = await conn.execute("select %s::int4 + %s", [1, 2])
    assert await cur.fetchone() == (3,)
    [(event, outcome)] = hook.ends
    assert (event.kind, event.statement) == ("execute", "select %s::int4 + %s")
    assert (event.params, event.parameter_count, event.batch_size) == ([1, 2], 2, None)
    assert (outcome.rowcount, outcome.status, outcome.error, outcome.sqlstate) == (1, "SELECT 1", None, None)
    assert 0 < outcome.duration < 15
    assert repr(event) == "<QueryEvent execute 'select %s::int4 + %s'>"
    assert repr(outcome).startswith("<QueryOutcome SELECT 1 after ")


async def test_an_event_says_where(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    await conn.execute("select 1")
    [event] = hook.events
    info = conn.info
    assert (event.host, event.port, event.dbname, event.user) == (info.host, info.port, info.dbname, info.user)
    assert event.backend_pid == info.backend_pid
    told = " ".join(str(getattr(event, name)) for name in dir(event) if not name.startswith("__"))
    assert "password" not in told


async def test_parameters_by_name_and_none(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    await conn.execute("select %(a)s::text", {"a": "secret"})
    await conn.execute("select 1")
    assert [(event.params, event.parameter_count) for event in hook.events] == [({"a": "secret"}, 1), (None, 0)]
    assert "secret" not in repr(hook.events[0])


async def test_statements_that_are_no_str(door: Door) -> None:
    from howdah import sql

    conn, hook = await hooked(door, autocommit=True)
    await conn.execute("select 'é'".encode())
    await conn.execute(sql.SQL("select {}, {}").format(sql.Literal(1), sql.Placeholder()), [2])
    assert [event.statement for event in hook.events] == ["select 'é'", "select 1, $1"]


async def test_a_statement_that_is_none(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    with pytest.raises(TypeError):
        await conn.execute(42)
    assert hook.told() == [("execute", "", -1, None, "TypeError")]


async def test_errors(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    with pytest.raises(door.errors.DivisionByZero) as caught:
        await conn.execute("select 1/0")
    [(event, outcome)] = hook.ends
    assert event.statement == "select 1/0"
    assert outcome.error is caught.value
    assert (outcome.sqlstate, outcome.rowcount, outcome.status) == ("22012", -1, None)
    hook.told()
    with pytest.raises(door.module.ProgrammingError):
        await conn.execute("select %s", [1, 2])
    [(_, outcome)] = hook.ends
    assert (type(outcome.error).__name__, outcome.sqlstate) == ("ProgrammingError", None)


async def test_transactions(door: Door) -> None:
    conn, hook = await hooked(door)
    await conn.commit()
    await conn.rollback()
    assert hook.events == []
    await conn.execute("select 1")
    await conn.commit()
    await conn.execute("select 1")
    await conn.rollback()
    select = ("execute", "select 1", 1, "SELECT 1", None)
    assert hook.told() == [
        select,
        ("commit", "COMMIT", -1, None, None),
        select,
        ("rollback", "ROLLBACK", -1, None, None),
    ]


async def test_transaction_blocks(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    async with conn.transaction():
        async with conn.transaction("inner"):
            await conn.execute("select 1")
        with pytest.raises(door.module.errors.DivisionByZero):
            async with conn.transaction("other"):
                await conn.execute("select 1/0")
    told = [(kind, statement, error) for kind, statement, _, _, error in hook.told()]
    assert told == [
        ("begin", "BEGIN", None),
        ("begin", "SAVEPOINT", None),
        ("execute", "select 1", None),
        ("commit", 'RELEASE SAVEPOINT "inner"', None),
        ("begin", "SAVEPOINT", None),
        ("execute", "select 1/0", "DivisionByZero"),
        ("rollback", 'ROLLBACK TO SAVEPOINT "other"; RELEASE SAVEPOINT "other"', None),
        ("commit", "COMMIT", None),
    ]


async def test_a_failed_transaction_is_not_committed(door: Door) -> None:
    conn, hook = await hooked(door)
    with pytest.raises(door.errors.InFailedSqlTransaction):
        async with conn.transaction():
            with pytest.raises(door.errors.DivisionByZero):
                await conn.execute("select 1/0")
    assert [(kind, error) for kind, _, _, _, error in hook.told()] == [
        ("begin", None),
        ("execute", "DivisionByZero"),
        ("commit", "InFailedSqlTransaction"),
    ]


async def test_executemany(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    await conn.execute("create temp table t (a int unique)")
    cur = conn.cursor()
    hook.told()
    await cur.executemany("insert into t values (%s)", [(1,), (2,), (3,)])
    await cur.executemany("insert into t values (%s)", iter([(4,)]))
    await cur.executemany("insert into t values (%s) returning a", [(5,), (6,)], returning=True)
    with pytest.raises(door.errors.UniqueViolation):
        await cur.executemany("insert into t values (%s)", [(7,), (7,)])
    sizes = [(event.parameter_count, event.batch_size) for event in hook.events[1:]]
    assert sizes == [(0, 3), (0, None), (0, 2), (0, 2)]
    told = hook.told()
    assert [(kind, rows, error) for kind, _, rows, _, error in told] == [
        ("executemany", 3, None),
        ("executemany", 1, None),
        ("executemany", 1, None),
        ("executemany", -1, "UniqueViolation"),
    ]


async def test_streams(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    cur = conn.cursor()
    query = "select generate_series(1, %s)"
    stream = cur.stream(query, [3])
    assert hook.events == []
    rows = []
    async for (number,) in stream:
        rows.append(number)
    assert rows == [1, 2, 3]
    assert hook.told() == [("stream", query, 3, "SELECT 3", None)]


async def test_a_stream_that_is_left(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    cur = conn.cursor()
    stream = cur.stream("select repeat('x', 1000), generate_series(1, 100000)")
    async for _ in stream:
        assert len(hook.open) == 1
        assert hook.ends == []
        break
    await stream.aclose()
    [(_, outcome)] = hook.ends
    assert (outcome.error, outcome.status) == (None, None)
    assert 0 < outcome.rowcount < 100000
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_a_stream_that_is_dropped(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    stream = conn.cursor().stream("select repeat('x', 1000), generate_series(1, 100000)")
    await anext(stream)
    del stream
    gc.collect()
    await until(lambda: hook.ends)
    [(_, outcome)] = hook.ends
    assert (outcome.error, outcome.status) == (None, None)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_streams_that_fail(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    cur = conn.cursor()
    with pytest.raises(door.errors.DivisionByZero):
        async for _ in cur.stream("select 10 / (3 - n) from generate_series(1, 5) n"):
            pass
    with pytest.raises(door.errors.UndefinedTable):
        async for _ in cur.stream("select * from does_not_exist"):
            pass
    with pytest.raises(door.module.ProgrammingError):
        async for _ in cur.stream("do $$ begin end $$"):
            pass
    assert [error for *_, error in hook.told()] == ["DivisionByZero", "UndefinedTable", "ProgrammingError"]


async def test_copy_in(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    await conn.execute("create temp table t (a int)")
    hook.told()
    cur = conn.cursor()
    async with cur.copy("copy t from stdin") as copy:
        for number in range(5):
            await copy.write_row([number])
        assert hook.ends == []
        assert [event.kind for event in hook.open] == ["copy"]
    assert hook.told() == [("copy", "copy t from stdin", 5, "COPY 5", None)]
    with pytest.raises(ZeroDivisionError):
        async with cur.copy("copy t from stdin"):
            raise ZeroDivisionError
    with pytest.raises(door.errors.InvalidTextRepresentation):
        async with cur.copy("copy t from stdin") as copy:
            await copy.write("x\n")
    with pytest.raises(door.errors.UndefinedTable):
        async with cur.copy("copy does_not_exist from stdin"):
            pass
    assert [error for *_, error in hook.told()] == ["QueryCanceled", "InvalidTextRepresentation", "UndefinedTable"]


async def test_copy_out(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    cur = conn.cursor()
    statement = "copy (select generate_series(1, 3)) to stdout"
    async with cur.copy(statement) as copy:
        assert [row async for row in copy.rows()] == [("1",), ("2",), ("3",)]
    assert hook.told() == [("copy", statement, 3, "COPY 3", None)]
    async with cur.copy("copy (select repeat('x', 1000), generate_series(1, 100000)) to stdout") as copy:
        await copy.read_row()
    [(*_, status, error)] = hook.told()
    assert (status, error) == (None, None)
    with pytest.raises(door.errors.DivisionByZero):
        async with cur.copy("copy (select 10 / (3 - n) from generate_series(1, 5) n) to stdout") as copy:
            async for _ in copy.rows():
                pass
    assert [error for *_, error in hook.told()] == ["DivisionByZero"]


async def test_server_cursors(door: Door) -> None:
    conn, hook = await hooked(door)
    async with conn.cursor("c") as cur:
        await cur.execute("select generate_series(1, %s)", [5])
        await cur.fetchone()
        await cur.fetchmany(2)
        await cur.scroll(1)
        await cur.fetchall()
    told = [(kind, statement, rows) for kind, statement, rows, *_ in hook.told()]
    assert told == [
        ("execute", "select generate_series(1, %s)", -1),
        ("fetch", 'FETCH FORWARD 1 FROM "c"', 1),
        ("fetch", 'FETCH FORWARD 2 FROM "c"', 2),
        ("scroll", 'MOVE 1 FROM "c"', -1),
        ("fetch", 'FETCH FORWARD ALL FROM "c"', 1),
        ("close", 'CLOSE "c"', -1),
    ]


async def test_iteration_over_a_server_cursor(door: Door) -> None:
    conn, hook = await hooked(door)
    cur = conn.cursor("c")
    cur.itersize = 2
    await cur.execute("select generate_series(1, 4)")
    hook.told()
    assert [number async for (number,) in cur] == [1, 2, 3, 4]
    fetch = ("fetch", 'FETCH FORWARD 2 FROM "c"')
    assert hook.told() == [(*fetch, 2, "FETCH 2", None), (*fetch, 2, "FETCH 2", None), (*fetch, 0, "FETCH 0", None)]
    await cur.close()


async def test_pipelines(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    async with conn.pipeline() as pipeline:
        await conn.execute("select 1")
        cur = await conn.execute("select generate_series(1, 2)")
        assert [event.kind for event in hook.open] == ["execute", "execute"]
        assert await cur.fetchall() == [(1,), (2,)]
        assert hook.told() == [
            ("execute", "select 1", 1, "SELECT 1", None),
            ("execute", "select generate_series(1, 2)", 2, "SELECT 2", None),
        ]
        await pipeline.sync()
        await conn.execute("select 3")
    assert [(kind, error) for kind, *_, error in hook.told()] == [("sync", None), ("execute", None), ("sync", None)]


async def test_errors_in_pipelines(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    with pytest.raises(door.errors.DivisionByZero):
        async with conn.pipeline():
            await conn.execute("select 1")
            await conn.execute("select 1/0")
            await conn.execute("select 2")
    told = [(statement, error) for kind, statement, *_, error in hook.told() if kind == "execute"]
    assert told[:2] == [("select 1", None), ("select 1/0", "DivisionByZero")]
    # Where the error has come by then, it is what the last execute() raises.
    assert told[2:] in ([("select 2", "PipelineAborted")], [("select 2", "DivisionByZero")])
    assert hook.open == []


async def test_executemany_in_a_pipeline(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    await conn.execute("create temp table t (a int unique)")
    hook.told()
    cur = conn.cursor()
    async with conn.pipeline():
        await cur.executemany("insert into t values (%s)", [(number,) for number in range(10)])
        await cur.executemany("insert into t values (%s) returning a", [(20,), (21,)], returning=True)
        await cur.executemany("insert into t values (%s)", [])
    told = sorted((kind, rows, error) for kind, _, rows, _, error in hook.told() if kind == "executemany")
    assert told == [("executemany", -1, None), ("executemany", 2, None), ("executemany", 10, None)]
    with pytest.raises(door.errors.UniqueViolation):
        async with conn.pipeline():
            await cur.executemany("insert into t values (%s)", [(1,)])
    assert [error for kind, *_, error in hook.told() if kind == "executemany"] == ["UniqueViolation"]
    assert hook.open == []


async def test_a_pipeline_that_is_left_by_an_error(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    with pytest.raises(KeyboardInterrupt):
        async with conn.pipeline():
            await conn.execute("select pg_sleep(60)")
            raise KeyboardInterrupt
    assert [(statement, error) for _, statement, *_, error in hook.told()] == [
        ("select pg_sleep(60)", "PipelineAborted"),
    ]


async def test_two_phase(door: Door) -> None:
    conn, hook = await hooked(door)
    await conn.tpc_recover()
    await conn.tpc_begin("hook")
    await conn.tpc_rollback()
    assert [(kind, statement.partition(" ")[0]) for kind, statement, *_ in hook.told()] == [
        ("execute", "SELECT"),
        ("begin", "BEGIN"),
        ("rollback", "ROLLBACK"),
    ]


async def test_large_objects(door: Door) -> None:
    conn, hook = await hooked(door)
    async with conn.transaction():
        made = await conn.lobject(0, "w")
        await made.write(b"data")
        await made.unlink()
    kinds = [(kind, statement[:25]) for kind, statement, *_ in hook.told() if kind == "large_object"]
    assert kinds[0] == ("large_object", "SELECT made, pg_catalog.l")
    assert ("large_object", "SELECT pg_catalog.lowrite") in kinds


async def test_a_timeout(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    with pytest.raises(door.errors.OperationTimeout):
        await conn.execute("select pg_sleep(60)", timeout=0.05)
    assert [error for *_, error in hook.told()] == ["OperationTimeout"]


async def test_a_cancel_request(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    with pytest.raises(door.errors.QueryCanceled):
        await conn.execute("select pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")
    [(_, outcome)] = hook.ends
    assert outcome.sqlstate == "57014"


@asyncio_only
async def test_a_cancelled_task(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    waiting = asyncio.ensure_future(conn.execute("select pg_sleep(60)"))
    await until(lambda: hook.open)
    queued = asyncio.ensure_future(conn.execute("select 1"))
    await until(lambda: len(hook.open) == 2)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(waiting)
    assert [(statement, error) for _, statement, *_, error in hook.told()] == [
        ("select 1", "CancelledError"),
        ("select pg_sleep(60)", "CancelledError"),
    ]


@asyncio_only
async def test_an_operation_that_is_closed(door: Door) -> None:
    """As a coroutine is that nobody goes on with."""
    conn, hook = await hooked(door, autocommit=True)
    operation = conn.execute("select pg_sleep(60)").__await__()
    operation.send(None)
    assert [event.kind for event in hook.open] == ["execute"]
    operation.close()
    assert hook.told() == [("execute", "select pg_sleep(60)", -1, None, "GeneratorExit")]
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@asyncio_only
async def test_what_is_never_awaited_does_not_begin(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    with pytest.warns(RuntimeWarning, match="never awaited"):
        conn.execute("select 1")
    assert hook.events == []


@pytest.mark.doors("sync")
async def test_ctrl_c(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    main = threading.main_thread().ident
    assert main is not None
    other = await door.connect(autocommit=True)

    def press() -> None:
        query = "select count(*) from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
        while other.wrapped.execute(query, [conn.info.backend_pid]).fetchone() != (1,):
            pass
        signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    presser = threading.Thread(target=press)
    presser.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            await conn.execute("select pg_sleep(60)")
    finally:
        presser.join()
        signal.signal(signal.SIGINT, before)
    assert hook.told() == [("execute", "select pg_sleep(60)", -1, None, "KeyboardInterrupt")]


async def test_a_lost_connection(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    cur = conn.cursor()
    with pytest.raises(door.module.OperationalError):
        await cur.execute("select pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(door.module.OperationalError):
        await cur.execute("select 1")
    assert [error for *_, error in hook.told()] == ["AdminShutdown", "OperationalError"]
