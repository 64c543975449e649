"""Statements of several tasks on one connection, sent without waiting for each other: `connect(pipelining=True)`."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone

pytestmark = [howdah_alone, asyncio_only]


async def pipelined(door: Door, **kwargs: Any) -> Any:
    return await door.connect(autocommit=True, pipelining=True, **kwargs)


async def value(conn: Any, query: str, *args: Any) -> Any:
    return (await (await conn.execute(query, *args)).fetchone())[0]


async def test_each_task_gets_its_own_result(door: Door) -> None:
    conn = await pipelined(door)
    assert conn.pipelining
    for _ in range(5):
        results = await asyncio.gather(*(value(conn, "select %s::int4", (n,)) for n in range(200)))
        assert results == list(range(200))


async def test_statements_do_not_wait_for_each_other(door: Door) -> None:
    conn = await pipelined(door)
    other = await door.connect(autocommit=True)
    await other.execute("select pg_advisory_lock(77)")
    waiting = [asyncio.ensure_future(value(conn, "select 1 from pg_advisory_lock(77)"))]
    waiting += [asyncio.ensure_future(value(conn, "select %s::int4", (n,))) for n in range(20)]
    while conn._unanswered() < 21:
        await asyncio.sleep(0)
    await other.execute("select pg_advisory_unlock(77)")
    assert await asyncio.gather(*waiting) == [1, *range(20)]


async def test_each_task_gets_its_own_error(door: Door) -> None:
    conn = await pipelined(door)
    queries = [(f"select 1 / {n % 3}", n % 3) for n in range(90)]
    results = await asyncio.gather(*(value(conn, query) for query, _ in queries), return_exceptions=True)
    for result, (_, divisor) in zip(results, queries, strict=True):
        if divisor:
            assert result == 1 // divisor
        else:
            assert isinstance(result, door.errors.DivisionByZero)


async def test_a_cancelled_task_does_not_touch_the_others(door: Door) -> None:
    conn = await pipelined(door)
    for _ in range(20):
        tasks = [asyncio.ensure_future(value(conn, "select %s::int4 from pg_sleep(0.001)", (n,))) for n in range(30)]
        await asyncio.sleep(random.random() * 0.02)
        chosen = random.sample(range(30), 10)
        for n in chosen:
            tasks[n].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for n, result in enumerate(results):
            if n in chosen and isinstance(result, asyncio.CancelledError):
                continue
            assert result == n
    assert await value(conn, "select 'fine'") == "fine"


async def test_a_cancelled_task_that_is_alone_cancels_its_statement(door: Door) -> None:
    conn = await pipelined(door)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(conn.execute("select pg_sleep(30)"), 0.1)
    assert await value(conn, "select 1") == 1


async def test_blocks_and_sequences_have_the_connection_to_themselves(door: Door) -> None:
    conn = await pipelined(door)
    await conn.execute("create temp table shared (n int)")

    async def block(n: int) -> None:
        async with conn.transaction():
            await conn.execute("insert into shared values (%s)", (n,))

    async def many(n: int) -> None:
        await conn.cursor().executemany("insert into shared values (%s)", [(n,), (n,)])

    for n in range(10):
        await block(n)
    await asyncio.gather(*(many(n) for n in range(10)), *(value(conn, "select 1") for _ in range(50)))
    assert await value(conn, "select count(*) from shared") == 30


async def test_outside_of_autocommit_statements_take_turns(door: Door) -> None:
    conn = await door.connect(pipelining=True)
    assert await asyncio.gather(*(value(conn, "select %s::int4", (n,)) for n in range(20))) == list(range(20))
    assert conn.info.transaction_status == 2
    await conn.rollback()


async def test_large_results_and_parameters_do_not_block_each_other(door: Door) -> None:
    conn = await pipelined(door)
    size = 2**20
    blobs = await asyncio.gather(*(value(conn, "select %b::bytea", (bytes(size),)) for _ in range(16)))
    assert [len(blob) for blob in blobs] == [size] * 16


@pytest.mark.parametrize(
    "query", ["copy shared from stdin", b"/* in */ Copy shared from stdin", "copy shared to stdout"]
)
@pytest.mark.parametrize("prepare", [None, True])
async def test_a_refused_copy_does_not_harm_the_others(door: Door, query: str | bytes, prepare: bool | None) -> None:
    conn = await pipelined(door)
    await conn.execute("create temp table shared (n int)")
    for _ in range(3):
        before = [asyncio.ensure_future(value(conn, "select %s::int4", (n,))) for n in range(5)]
        copy = asyncio.ensure_future(conn.execute(query, prepare=prepare))
        after = [asyncio.ensure_future(value(conn, "select %s::int4", (n,))) for n in range(5)]
        assert await asyncio.gather(*before, *after) == [*range(5), *range(5)]
        with pytest.raises(door.module.ProgrammingError, match="COPY"):
            await copy


async def test_statements_that_are_used_often_are_prepared(door: Door) -> None:
    conn = await pipelined(door, prepare_threshold=2)
    for _ in range(5):
        await asyncio.gather(*(value(conn, "select %s::int4 + 1", (n,)) for n in range(20)))
    query = "select count(*) from pg_prepared_statements where statement like '%%+ 1'"
    assert await value(conn, query) == 1


async def test_all_tasks_hear_of_a_lost_connection(door: Door) -> None:
    conn = await pipelined(door)
    other = await door.connect(autocommit=True)
    tasks = [asyncio.ensure_future(conn.execute("select pg_sleep(20)")) for _ in range(10)]
    await asyncio.sleep(0.1)
    await other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
    results: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, door.errors.AdminShutdown) for result in results)
    assert all(result.diag.message_primary == results[0].diag.message_primary for result in results)
    # Each may be raised by its task, which adds its traceback to it.
    assert len({id(result) for result in results}) == 10
    assert conn.closed


async def test_closing_ends_all(door: Door) -> None:
    conn = await pipelined(door)
    tasks = [asyncio.ensure_future(conn.execute("select pg_sleep(20)")) for _ in range(10)]
    await asyncio.sleep(0.05)
    await conn.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, door.module.OperationalError) for result in results)


async def test_without_it_statements_take_turns(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    assert not conn.pipelining
    tasks = [asyncio.ensure_future(value(conn, "select %s::int4", (n,))) for n in range(10)]
    await asyncio.sleep(0)
    assert conn._unanswered() <= 1
    assert await asyncio.gather(*tasks) == list(range(10))


@pytest.mark.parametrize("alone", [False, True])
async def test_what_all_have_given_up_is_not_waited_for(door: Door, alone: bool) -> None:
    conn = await pipelined(door)
    for _ in range(2):
        tasks = [asyncio.ensure_future(conn.execute("select pg_sleep(20)")) for _ in range(3)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if alone:
            async with conn.transaction():
                pass
        assert await asyncio.wait_for(value(conn, "select 1"), 4) == 1


async def test_a_late_cancellation_does_not_hit_what_comes_after_it(door: Door) -> None:
    conn = await pipelined(door)
    for _ in range(50):
        first = asyncio.ensure_future(conn.execute("select 1"))
        await asyncio.sleep(0)
        conn.cancel()
        later = asyncio.ensure_future(conn.execute("select pg_sleep(0.003)"))
        await asyncio.gather(first, return_exceptions=True)
        await later
