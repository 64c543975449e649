"""Pipeline mode: blocks, results, what is prepared, what is not allowed."""

from __future__ import annotations

import contextlib
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, howdah_alone


def state(conn: Any) -> tuple[str, str]:
    return conn.info.transaction_status.name, conn.info.pipeline_status.name


async def test_block(door: Door) -> None:
    conn = await door.connect()
    assert state(conn) == ("IDLE", "OFF")
    async with conn.pipeline() as p:
        assert p.status is door.module.pq.PipelineStatus.ON
        assert state(conn) == ("IDLE", "ON")
        name = "Pipeline" if door.is_sync else "AsyncPipeline"
        assert repr(getattr(p, "wrapped", p)).startswith(f"<{door.module.__name__}.{name} [IDLE, pipeline=ON] (")
    assert p.status is door.module.pq.PipelineStatus.OFF
    assert state(conn) == ("IDLE", "OFF")


def test_classes(driver: ModuleType) -> None:
    assert driver.Pipeline.is_supported() is True
    assert driver.AsyncPipeline.is_supported() is True
    assert driver.Pipeline.__module__ == driver.__name__


async def test_results_come_in_order(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline() as p:
        one, two = conn.cursor(), conn.cursor()
        await one.execute("select 1")
        await two.execute("select 2")
        await p.sync()
        assert await two.fetchone() == (2,)
        assert await one.fetchone() == (1,)


async def test_a_fetch_waits_for_its_result(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        cursors = [await conn.execute("select %s::int", [i]) for i in range(10)]
        assert await cursors[5].fetchone() == (5,)
        later = await conn.execute("select 'later'")
        assert [await c.fetchall() for c in cursors] == [[(i,)] if i != 5 else [] for i in range(10)]
        assert await later.fetchmany(3) == [("later",)]


async def test_all_have_come_at_the_end(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        cur = await conn.execute("select 1")
        assert (cur.rowcount, cur.statusmessage, cur.description, cur.rownumber) == (-1, None, None, None)
        assert cur.nextset() is None
    assert (cur.rowcount, cur.statusmessage, cur.rownumber) == (1, "SELECT 1", 0)
    assert await cur.fetchone() == (1,)


@pytest.mark.parametrize("how", ["fetchone", "fetchmany", "fetchall", "iteration", "scroll"])
async def test_what_waits_for_a_result(door: Door, how: str) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        cur = await conn.execute("select generate_series(1, 3)")
        if how == "fetchone":
            assert await cur.fetchone() == (1,)
        elif how == "fetchmany":
            assert await cur.fetchmany(2) == [(1,), (2,)]
        elif how == "fetchall":
            assert await cur.fetchall() == [(1,), (2,), (3,)]
        elif how == "iteration":
            assert [row async for row in cur] == [(1,), (2,), (3,)]
        else:
            await cur.scroll(2)
            assert await cur.fetchone() == (3,)
        assert (cur.rowcount, cur.statusmessage) == (3, "SELECT 3")


async def test_sync_gives_results_to_cursors(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline() as p:
        cur = await conn.execute("select 1")
        assert cur.statusmessage is None
        await p.sync()
        assert cur.statusmessage == "SELECT 1"


async def test_a_cursor_has_the_last_of_its_results(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        cur = conn.cursor()
        for i in range(3):
            await cur.execute("select %s::int", [i])
        assert await cur.fetchall() == [(2,)]


async def test_fetching_without_a_statement(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        with pytest.raises(door.module.ProgrammingError, match="no result available"):
            await conn.cursor().fetchone()


async def test_statements_without_rows(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        empty = await conn.execute("")
        with pytest.raises(door.module.ProgrammingError, match="EMPTY_QUERY"):
            await empty.fetchone()
        made = await conn.execute("create temp table t (a int)")
        with pytest.raises(door.module.ProgrammingError, match="CREATE TABLE"):
            await made.fetchone()


async def test_nested_blocks_are_one(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline() as outer:
        cur = await conn.execute("select 1")
        async with conn.pipeline() as inner:
            assert getattr(inner, "wrapped", inner) is getattr(outer, "wrapped", outer)
            assert cur.statusmessage == "SELECT 1", "the beginning is a synchronisation point"
            cur = await conn.execute("select 2")
        assert cur.statusmessage == "SELECT 1", "and so is the end"
        assert state(conn) == ("INTRANS", "ON")
    assert state(conn) == ("INTRANS", "OFF")


async def test_a_block_after_another(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    for i in range(3):
        async with conn.pipeline():
            cur = await conn.execute("select %s::int", [i])
        assert await cur.fetchone() == (i,)
        assert await (await conn.execute("select 'between'")).fetchone() == ("between",)


async def test_status_while_results_are_awaited(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        cur = await conn.execute("select 1")
        assert state(conn) == ("ACTIVE", "ON")
        assert "[ACTIVE, pipeline=ON]" in repr(getattr(conn, "wrapped", conn))
        await cur.fetchone()
        assert state(conn) == ("IDLE", "ON")
        await p.sync()
        assert state(conn) == ("IDLE", "ON")


async def test_status_of_the_implicit_transaction(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        cur = await conn.execute("select 1")
        assert state(conn) == ("ACTIVE", "ON")
        await cur.fetchone()
        assert state(conn) == ("INTRANS", "ON")
    assert state(conn) == ("INTRANS", "OFF")
    await conn.commit()
    assert state(conn) == ("IDLE", "OFF")


async def test_the_implicit_begin_comes_once(door: Door) -> None:
    conn = await door.connect()
    notices: list[Any] = []
    conn.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    async with conn.pipeline():
        await (await conn.execute("select 'x'")).fetchone()
        cur = await conn.execute("select 'y'")
        await conn.execute("do $$ begin raise notice 'seen'; end $$")
    assert notices == ["seen"]
    assert await cur.fetchone() == ("y",)


async def test_multiple_statements_are_refused(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.SyntaxError, match="multiple commands"):
        async with conn.pipeline():
            await conn.execute("select 1; select 2")


async def test_row_factories_and_binary(door: Door) -> None:
    conn = await door.connect(row_factory=door.module.rows.dict_row)
    async with conn.pipeline():
        cur = await conn.execute("select 1.5::float8 as a, %s::int[] as b", [[1, 2]], binary=True)
        other = await conn.execute("select 'x' as c")
        assert await cur.fetchone() == {"a": 1.5, "b": [1, 2]}
        assert cur.description[0].type_code == 701
        assert await other.fetchall() == [{"c": "x"}]


async def test_prepared_on_request(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline():
        first = await conn.execute("select %s::int", [10], prepare=True)
        second = await conn.execute("select %s::int", [11], prepare=True)
        count = await conn.execute("select count(*) from pg_prepared_statements")
        assert await count.fetchone() == (1,)
        assert await first.fetchone() == (10,)
        assert await second.fetchone() == (11,)


async def test_prepared_when_repeated(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline():
        cursors = [await conn.execute("select count(*) from pg_prepared_statements") for _ in range(10)]
        counts = [(await c.fetchone())[0] for c in cursors]
    assert counts == [0] * 5 + [1] * 5


async def test_prepared_statement_that_was_dropped(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    conn.prepare_threshold = 0
    await conn.execute("create temp table t (a int)")
    async with conn.pipeline():
        await conn.execute("select * from t")
        await conn.execute("alter table t add b int default 7")
        await conn.execute("insert into t values (1)")
    assert await (await conn.execute("select * from t")).fetchone() == (1, 7)


async def test_executemany(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table many (id int generated always as identity, num int)")
    async with conn.pipeline() as p:
        cur = conn.cursor()
        await cur.executemany("insert into many (num) values (%s)", [(10,), (20,)])
        with pytest.raises(door.module.ProgrammingError, match="no result available"):
            await cur.fetchone()
        assert cur.nextset() is None
        await p.sync()
        assert (cur.rowcount, cur.statusmessage) == (2, "INSERT 0 1")
        other = await conn.execute("select array_agg(num order by id) from many")
        assert await other.fetchone() == ([10, 20],)


async def test_executemany_returning(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table many (id int generated always as identity, num int)")
    async with conn.pipeline():
        before = await conn.execute("select 'before'")
        cur = conn.cursor()
        await cur.executemany("insert into many (num) values (%s) returning num", [(10,), (20,)], returning=True)
        assert (cur.rowcount, await cur.fetchone()) == (1, (10,))
        assert cur.nextset() is True
        assert (cur.rowcount, await cur.fetchone()) == (1, (20,))
        assert cur.nextset() is None
        assert await before.fetchone() == ("before",)


async def test_executemany_of_nothing(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline():
        cur = conn.cursor()
        await cur.executemany("select %s", [], returning=True)
        assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_what_cannot_be_sent_leaves_the_pipeline_as_it_is(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline() as p:
        cur = await conn.execute("select 1")
        with pytest.raises(door.module.ProgrammingError, match="adapt"):
            await conn.execute("select %s", [object()])
        with pytest.raises(door.module.ProgrammingError, match="placeholder"):
            await conn.execute("select %s", [])
        assert p.status.name == "ON"
        assert await cur.fetchone() == (1,)


async def test_parameters_that_raise_within_executemany(door: Door) -> None:
    def values() -> Any:
        yield (1,)
        raise LookupError

    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table t (a int)")
    async with conn.pipeline():
        with pytest.raises(LookupError):
            await conn.cursor().executemany("insert into t values (%s)", values())
    assert await (await conn.execute("select a from t")).fetchall() == [(1,)]


async def test_stream_is_refused(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        cur = conn.cursor()
        before = await conn.execute("select 1")
        with pytest.raises(door.module.ProgrammingError, match="pipeline"):
            async for _ in cur.stream("select 1"):
                pass
        assert await before.fetchone() == (1,)


@pytest.mark.doors("sync")
async def test_copy_is_refused(door: Door) -> None:
    conn = (await door.connect()).wrapped
    with conn.pipeline():
        cur = conn.cursor()
        with pytest.raises(door.module.NotSupportedError), cur.copy("copy (select 1) to stdout"):
            pass
        assert cur.execute("select 1").fetchone() == (1,)


@howdah_alone
@pytest.mark.parametrize("query", ["copy (select 1) to stdout", "copy t from stdin"])
async def test_a_copy_by_execute_harms_nothing(door: Door, query: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table t (a int)")
    async with conn.pipeline() as p:
        before = await conn.execute("select 1")
        copy = await conn.execute(query)
        await conn.execute("select 'behind'")
        with pytest.raises(door.module.ProgrammingError, match="COPY cannot be used"):
            await copy.fetchone()
        with contextlib.suppress(door.errors.PipelineAborted):
            await p.sync()
        assert await before.fetchone() == (1,)
        assert await (await conn.execute("select 2")).fetchone() == (2,)


async def test_sync_outside_of_a_block(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline() as p:
        pass
    with pytest.raises(door.module.OperationalError):
        await p.sync()


async def test_type_info_within(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        fetched = door.module.types.TypeInfo.fetch(getattr(conn, "wrapped", conn), "int4")
        info = fetched if door.is_sync else await fetched
        assert info.oid == 23


@howdah_alone
async def test_parameters_changed_within(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        before = await conn.execute("select '2020-02-03'::date")
        await conn.execute("set datestyle to 'sql, dmy'")
        after = await conn.execute("select '2020-02-03'::date")
        await p.sync()
        assert await before.fetchone() == await after.fetchone()


async def test_what_blocks_show_of_their_connection(door: Door) -> None:
    conn = await door.connect()
    assert conn.info.pgconn is conn.pgconn
    async with conn.pipeline() as outer:
        assert outer.level == 1
        async with conn.pipeline() as inner:
            assert inner.level == 2
        assert outer.level == 1
        assert outer.pgconn is conn.pgconn
    async with conn.transaction() as block:
        assert block.pgconn is conn.pgconn
