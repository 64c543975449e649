"""Notices: every field of a Diagnostic, handlers that come, go and raise."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import pickle
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.hostile import GREETING, HostileServer, Peer, message, parameter
from support.waiting import soon, until

FIELDS = [
    "severity", "severity_nonlocalized", "sqlstate", "message_primary", "message_detail", "message_hint",
    "statement_position", "internal_position", "internal_query", "context", "schema_name", "table_name",
    "column_name", "datatype_name", "constraint_name", "source_file", "source_line", "source_function",
]  # fmt: skip


RAISE = """
do $$ begin
    raise warning using message = 'über primary', detail = 'the detail', hint = 'the hint', errcode = '01234',
        schema = 'a_schema', table = 'a_table', column = 'a_column', datatype = 'a_type', constraint = 'a_constraint';
end $$
"""


def fields(diag: Any) -> dict[str, Any]:
    return {name: getattr(diag, name) for name in FIELDS}


async def test_example_of_the_page(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[str] = []
    conn.add_notice_handler(lambda diag: seen.append(f"The server says: {diag.severity} - {diag.message_primary}"))
    cur = await conn.execute("ROLLBACK")
    assert seen == ["The server says: WARNING - there is no transaction in progress"]
    assert cur.statusmessage == "ROLLBACK"


async def test_every_field(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[dict[str, Any]] = []
    conn.add_notice_handler(lambda diag: seen.append(fields(diag)))
    await conn.execute(RAISE)
    [diag] = seen
    assert int(diag.pop("source_line")) > 0
    assert diag == {
        "severity": "WARNING",
        "severity_nonlocalized": "WARNING",
        "sqlstate": "01234",
        "message_primary": "über primary",
        "message_detail": "the detail",
        "message_hint": "the hint",
        "statement_position": None,
        "internal_position": None,
        "internal_query": None,
        "context": "PL/pgSQL function inline_code_block line 2 at RAISE",
        "schema_name": "a_schema",
        "table_name": "a_table",
        "column_name": "a_column",
        "datatype_name": "a_type",
        "constraint_name": "a_constraint",
        "source_file": "pl_exec.c",
        "source_function": "exec_stmt_raise",
    }


async def test_fields_of_an_error(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.UndefinedColumn) as caught:
        await conn.execute("select\n  wat")
    diag = fields(caught.value.diag)
    assert (diag["severity"], diag["sqlstate"], diag["statement_position"]) == ("ERROR", "42703", "10")
    assert diag["message_primary"] == 'column "wat" does not exist'
    with pytest.raises(door.errors.UndefinedColumn) as caught:
        await conn.execute("do $$ begin execute 'select wat'; end $$")
    diag = fields(caught.value.diag)
    assert (diag["internal_position"], diag["internal_query"]) == ("8", "select wat")
    assert "PL/pgSQL function inline_code_block" in diag["context"]


async def test_levels(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[tuple[str, str]] = []
    conn.add_notice_handler(lambda diag: seen.append((diag.severity, diag.message_primary)))
    raises = "do $$ begin raise debug 'd'; raise log 'l'; raise info 'i'; raise notice 'n'; raise warning 'w'; end $$"
    await conn.execute(raises)
    assert seen == [("INFO", "i"), ("NOTICE", "n"), ("WARNING", "w")]
    seen.clear()
    await conn.execute("set client_min_messages to debug1")
    await conn.execute(raises)
    assert [s for s in seen if len(s[1]) == 1] == [
        ("DEBUG", "d"), ("LOG", "l"), ("INFO", "i"), ("NOTICE", "n"), ("WARNING", "w"),
    ]  # fmt: skip
    seen.clear()
    await conn.execute("set client_min_messages to error")
    await conn.execute("do $$ begin raise warning 'w'; end $$")
    assert seen == []


async def test_several_handlers_in_order(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[str] = []

    def first(diag: Any) -> None:
        seen.append("first")

    def second(diag: Any) -> None:
        seen.append("second")

    conn.add_notice_handler(first)
    conn.add_notice_handler(second)
    await conn.execute("rollback")
    assert seen == ["first", "second"]
    conn.remove_notice_handler(first)
    await conn.execute("rollback")
    assert seen == ["first", "second", "second"]
    conn.remove_notice_handler(second)
    await conn.execute("rollback")
    assert len(seen) == 3


async def test_handler_added_twice(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[int] = []

    def handler(diag: Any) -> None:
        seen.append(1)

    conn.add_notice_handler(handler)
    conn.add_notice_handler(handler)
    await conn.execute("rollback")
    assert len(seen) == 2
    conn.remove_notice_handler(handler)
    await conn.execute("rollback")
    assert len(seen) == 3


async def test_bound_method_can_be_removed(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[Any] = []
    conn.add_notice_handler(seen.append)
    conn.remove_notice_handler(seen.append)
    await conn.execute("rollback")
    assert seen == []


async def test_remove_an_unknown_handler(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(ValueError):  # noqa: PT011 - the message is list.remove's own
        conn.remove_notice_handler(print)


async def test_handler_that_raises_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[str] = []

    def bad(diag: Any) -> None:
        raise ZeroDivisionError("oh no")

    conn.add_notice_handler(bad)
    conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
    cur = await conn.execute("do $$ begin raise notice 'a'; raise notice 'b'; end $$; select 1")
    assert cur.nextset() is True
    assert await cur.fetchone() == (1,)
    assert seen == ["a", "b"]
    records = [r for r in caplog.records if r.name == door.module.__name__]
    assert len(records) == 2
    assert all(r.levelno == logging.ERROR and "oh no" in r.getMessage() and r.exc_info for r in records)


async def test_notices_come_with_an_error(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[str] = []
    conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
    with pytest.raises(door.errors.RaiseException, match="failed"):
        await conn.execute("do $$ begin raise notice 'before'; raise exception 'failed'; end $$")
    assert seen == ["before"]


async def test_many_notices(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[str] = []
    conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
    await conn.execute("do $$ begin for i in 1..5000 loop raise notice '%', i; end loop; end $$")
    assert seen == [str(i) for i in range(1, 5001)]


async def test_long_notice(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[str] = []
    conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
    await conn.execute("do $$ begin raise notice '%', repeat('é', 1000000); end $$")
    assert seen == ["é" * 1_000_000]


async def test_notice_in_commit_and_executemany(door: Door) -> None:
    conn = await door.connect()
    seen: list[str] = []
    conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
    await conn.execute(
        "create function pg_temp.shout(n int) returns int language plpgsql as "
        "$$ begin raise notice 'got %', n; return n; end $$"
    )
    await conn.cursor().executemany("select pg_temp.shout(%s)", [(1,), (2,), (3,)])
    assert seen == ["got 1", "got 2", "got 3"]


async def test_handler_may_use_the_connection_object(door: Door) -> None:
    # No operation can run inside a handler, but attributes and handlers can be touched.
    conn = await door.connect(autocommit=True)
    seen: list[Any] = []

    def handler(diag: Any) -> None:
        seen.append((conn.closed, conn.info.backend_pid))
        conn.remove_notice_handler(handler)

    conn.add_notice_handler(handler)
    await conn.execute("do $$ begin raise notice 'a'; end $$")
    await conn.execute("do $$ begin raise notice 'b'; end $$")
    assert seen == [(False, conn.info.backend_pid)]


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_diagnostic_stays_valid_in_howdah(howdah: ModuleType, dsn: str, kind: str) -> None:
    kept: list[Any] = []
    with howdah.connect(dsn, autocommit=True) as conn:
        conn.add_notice_handler(kept.append)
        conn.execute(RAISE)
        conn.execute("select repeat('x', 100000) from generate_series(1, 50)")
    [diag] = kept
    assert (diag.message_primary, diag.message_detail, diag.sqlstate) == ("über primary", "the detail", "01234")
    again = pickle.loads(pickle.dumps(diag))
    assert fields(again) == fields(diag)


@howdah_alone
@asyncio_only
async def test_notices_and_parameters_arrive_while_idle(door: Door) -> None:
    notice = message(b"N", b"SWARNING\0VWARNING\0C01000\0Mgoing down soon\0\0")

    def script(peer: Peer) -> None:
        peer.greet(GREETING)
        time.sleep(0.1)
        peer.send(notice + parameter(b"application_name", b"renamed"))
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn)
        seen: list[str] = []
        conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
        await until(lambda: seen)
        await until(lambda: conn.info.parameter_status("application_name") == "renamed")
        assert seen == ["going down soon"]
        await door.close_all()


@asyncio_only
async def test_context_variables_reach_the_handlers(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    tasks: list[Any] = []
    conn.add_notice_handler(lambda diag: tasks.append(diag.message_primary))
    await asyncio.create_task(conn.execute("do $$ begin raise notice 'x'; end $$"))
    assert tasks == ["x"]


@howdah_alone
@asyncio_only
async def test_handler_that_exits_does_not_swallow_the_answer(door: Door) -> None:
    conn = await door.connect(autocommit=True)

    class Stop(BaseException):
        pass

    def handler(notice: Any) -> None:
        raise Stop

    conn.add_notice_handler(handler)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    # The loop passes KeyboardInterrupt and SystemExit on, and logs other exceptions of its callbacks.
    await soon(conn.execute("do $$begin raise notice 'x'; end$$"))
    conn.remove_notice_handler(handler)
    await conn.close()


async def test_handler_that_raises_is_logged_with_its_frames(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    conn = await door.connect(autocommit=True)

    def fails(notice: Any) -> None:
        raise ValueError("boom")

    handler: Callable[[Any], None] = fails
    conn.add_notice_handler(handler)
    with caplog.at_level(logging.ERROR):
        await conn.execute("rollback")
    assert "ValueError: boom" in caplog.text
    assert "in fails" in caplog.text


@howdah_alone
async def test_a_logger_that_fails_harms_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("no space left")

    reported: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: reported.append(str(found.exc_value)))
    monkeypatch.setattr(logging.getLogger("howdah"), "handlers", [Full()])
    conn = await door.connect(autocommit=True)
    conn.add_notice_handler(lambda notice: 1 / 0)
    await conn.execute("do $$begin raise notice 'x'; end$$")
    cursor = await conn.execute("select 'goes on'")
    assert await cursor.fetchone() == ("goes on",)
    assert reported == ["no space left"]
    await conn.close()


TASK: contextvars.ContextVar[str] = contextvars.ContextVar("TASK", default="none")


async def raises_notice(conn: Any, name: str, times: int = 1) -> None:
    """As a task of its own: the context has the name, and what a handler sets is seen."""
    TASK.set(name)
    for number in range(times):
        await conn.execute(f"do $$ begin raise notice '{name} {number}'; end $$")
        assert TASK.get() == f"{name} was told"
        TASK.set(name)


@asyncio_only
async def test_handlers_run_in_the_context_of_the_task_that_waits(door: Door) -> None:
    seen: list[tuple[str, str]] = []

    def handler(diag: Any) -> None:
        seen.append((diag.message_primary.split()[0], TASK.get()))
        TASK.set(f"{TASK.get()} was told")

    conns = [await door.connect(autocommit=True) for _ in range(3)]
    for conn in conns:
        conn.add_notice_handler(handler)
    tasks = [asyncio.create_task(raises_notice(conn, f"task{n}", 5)) for n, conn in enumerate(conns)]
    # Of one connection that two tasks use in turn, each has its own.
    tasks += [asyncio.create_task(raises_notice(conns[0], "another", 5))]
    await asyncio.gather(*tasks)
    assert len(seen) == 20
    assert all(told == context for told, context in seen), seen
    assert TASK.get() == "none"


@asyncio_only
async def test_notify_handlers_run_in_the_context_of_the_task_that_waits(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("listen context")
    seen: list[str] = []
    conn.add_notify_handler(lambda notify: seen.append(TASK.get()))

    async def task(name: str) -> None:
        TASK.set(name)
        await conn.execute("notify context")

    for name in ("first", "second"):
        await asyncio.create_task(task(name))
    assert seen == ["first", "second"]


@asyncio_only
@howdah_alone
async def test_context_on_a_shared_connection(door: Door) -> None:
    conn = await door.connect(autocommit=True, pipelining=True)
    seen: list[tuple[str, str]] = []

    def handler(diag: Any) -> None:
        seen.append((diag.message_primary.split()[0], TASK.get()))
        TASK.set(f"{TASK.get()} was told")

    conn.add_notice_handler(handler)
    await asyncio.gather(*(asyncio.create_task(raises_notice(conn, f"task{n}", 4)) for n in range(8)))
    assert len(seen) == 32
    assert all(told == context for told, context in seen), seen


@asyncio_only
@howdah_alone
async def test_a_notice_of_what_was_cancelled_is_in_nobody_elses_context(door: Door) -> None:
    conn = await door.connect(autocommit=True, pipelining=True)
    seen: list[tuple[str, str]] = []
    conn.add_notice_handler(lambda diag: seen.append((diag.message_primary, TASK.get())))

    async def task(name: str, statement: str) -> None:
        TASK.set(name)
        await conn.execute(statement)

    slow = asyncio.create_task(task("slow", "do $$ begin perform pg_sleep(0.3); raise notice 'late'; end $$"))
    await asyncio.sleep(0.1)
    quick = asyncio.create_task(task("quick", "do $$ begin raise notice 'quick'; end $$"))
    await asyncio.sleep(0.1)
    slow.cancel()
    await asyncio.gather(slow, quick, return_exceptions=True)
    await until(lambda: len(seen) == 2)
    assert ("quick", "quick") in seen
    assert ("late", "quick") not in seen
