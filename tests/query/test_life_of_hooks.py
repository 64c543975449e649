"""Hooks for queries that come and go, raise, use the connection, or are shared: they harm nothing."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.hooks import CONTEXT, Recorder, hooked
from support.waiting import soon

pytestmark = howdah_alone


@pytest.fixture
def everywhere(driver: ModuleType) -> Iterator[Recorder]:
    """A hook of all connections."""
    from howdah import hooks

    hook = Recorder()
    hooks.add_query_hook(hook)
    yield hook
    hooks.remove_query_hook(hook)


async def test_contexts(door: Door) -> None:
    """The end is told in the context of the beginning."""
    conn, hook = await hooked(door, autocommit=True)
    CONTEXT.set("execute")
    await conn.execute("select 1")
    CONTEXT.set("stream")
    stream = conn.cursor().stream("select generate_series(1, 2)")
    await anext(stream)
    CONTEXT.set("meanwhile")
    async for _ in stream:
        pass
    async with conn.pipeline():
        CONTEXT.set("pipeline")
        await conn.execute("select 1")
        CONTEXT.set("sync")
    assert hook.contexts == [(name, name) for name in ("execute", "stream", "pipeline", "sync")]


async def test_what_a_hook_sets_stays_for_the_end(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[str] = []

    def hook(_: Any) -> Any:
        token = CONTEXT.set("span")

        def end(_: Any) -> None:
            seen.append(CONTEXT.get())
            CONTEXT.reset(token)

        return end

    conn.add_query_hook(hook)
    await conn.execute("select 1")
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1/0")
    assert seen == ["span", "span"]
    assert CONTEXT.get() == "none"


async def test_several_hooks(door: Door, everywhere: Recorder) -> None:
    """They begin in order, those of all connections first, and end in reverse."""
    order: list[str] = []

    def named(name: str) -> Any:
        def hook(_: Any) -> Any:
            order.append(f"{name} begins")
            return lambda _: order.append(f"{name} ends")

        return hook

    conn = await door.connect(autocommit=True)
    conn.add_query_hook(named("one"))
    conn.add_query_hook(lambda event: order.append("no end"))
    conn.add_query_hook(named("two"))
    await conn.execute("select 1")
    assert order == ["one begins", "no end", "two begins", "two ends", "one ends"]
    assert [event.kind for event in everywhere.events] == ["connect", "execute"]


async def test_hooks_can_be_removed(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    conn.add_query_hook(hook)
    conn.remove_query_hook(hook)
    await conn.execute("select 1")
    assert len(hook.told()) == 1
    conn.remove_query_hook(hook)
    await conn.execute("select 1")
    assert hook.told() == []
    with pytest.raises(ValueError, match="was not added"):
        conn.remove_query_hook(hook)


async def test_a_hook_that_is_removed_meanwhile_is_told_the_end(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True)
    async with conn.pipeline():
        await conn.execute("select 1")
        conn.remove_query_hook(hook)
    assert hook.told() == [("execute", "select 1", 1, "SELECT 1", None)]


async def test_hooks_of_all_connections_can_be_removed(door: Door) -> None:
    from howdah import hooks

    hook = Recorder()
    hooks.add_query_hook(hook)
    hooks.remove_query_hook(hook)
    await door.connect()
    assert hook.events == []
    with pytest.raises(ValueError, match="was not added"):
        hooks.remove_query_hook(hook)


async def test_a_hook_that_raises_is_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    conn = await door.connect(autocommit=True)

    def fails(_: Any) -> Any:
        raise LookupError("at the beginning")

    def fails_later(_: Any) -> Any:
        def end(_: Any) -> None:
            raise LookupError("at the end")

        return end

    conn.add_query_hook(fails)
    conn.add_query_hook(fails_later)
    conn.add_query_hook(lambda _: "no function")
    hook = Recorder()
    conn.add_query_hook(hook)
    with caplog.at_level(logging.ERROR, "howdah"):
        assert await (await conn.execute("select 1")).fetchone() == (1,)
        with pytest.raises(door.errors.DivisionByZero):
            await conn.execute("select 1/0")
    assert len(hook.told()) == 2
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 6
    assert all(message.startswith("error processing query hook callback") for message in messages)
    assert [message for message in messages if "at the beginning" in message] != []
    assert [message for message in messages if "at the end" in message] != []


@pytest.mark.parametrize("when", ["beginning", "end"])
async def test_a_hook_that_must_not_be_swallowed(door: Door, when: str) -> None:
    conn = await door.connect(autocommit=True)
    other = Recorder()

    def end(_: Any) -> None:
        raise SystemExit

    def hook(_: Any) -> Any:
        if when == "beginning":
            raise SystemExit
        return end

    conn.add_query_hook(other)
    conn.add_query_hook(hook)
    with pytest.raises(SystemExit):
        await conn.execute("select 1")
    conn.remove_query_hook(hook)
    [(_, outcome)] = other.ends
    assert isinstance(outcome.error, SystemExit) == (when == "beginning")
    assert await (await conn.execute("select 2")).fetchone() == (2,)


@pytest.mark.doors("sync")
async def test_a_hook_may_use_the_connection(door: Door) -> None:
    """What it does is not told to hooks, and waits for nothing."""
    conn, recorder = await hooked(door, autocommit=True)
    conn.wrapped.execute("create temp table log (what text)")
    recorder.told()

    def write(what: str) -> None:
        conn.wrapped.execute("insert into log values (%s)", [what])

    def hook(event: Any) -> Any:
        write(f"begin {event.kind}")
        return lambda outcome: write(f"end {event.kind}")

    conn.add_query_hook(hook)
    await conn.execute("select 1")
    async with conn.transaction():
        pass
    stream = conn.cursor().stream("select generate_series(1, 2)")
    async for _ in stream:
        pass
    async with conn.pipeline():
        await conn.execute("select 2")
    async with conn.cursor().copy("copy (select 1) to stdout") as copy:
        await copy.read_row()
    conn.remove_query_hook(hook)
    assert [kind for kind, *_ in recorder.told()] == [
        "execute", "begin", "commit", "stream", "execute", "sync", "copy",
    ]  # fmt: skip
    rows = await (await conn.execute("select what from log")).fetchall()
    kinds = ["execute", "begin", "commit", "stream"]
    assert [what for (what,) in rows][:8] == [f"{when} {kind}" for kind in kinds for when in ("begin", "end")]


@pytest.mark.doors("sync")
async def test_a_hook_in_a_stream_of_its_own_thread(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """Where it cannot use the connection it is told so, and does not wait."""
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select repeat('x', 1000), generate_series(1, 100000)")
    await anext(stream)
    conn.add_query_hook(lambda _: conn.wrapped.execute("select 1") and None)
    with pytest.raises(door.module.OperationalError, match="in use by the operation"):
        await conn.execute("select 2")
    assert "in use by the operation" in caplog.text
    await stream.aclose()


@asyncio_only
async def test_tasks_that_a_hook_starts(door: Door) -> None:
    """They may use the connection, and are not told to hooks."""
    conn, recorder = await hooked(door, autocommit=True)
    tasks: list[Any] = []

    async def ask() -> Any:
        return await (await conn.execute("select 'asked'")).fetchone()

    def hook(_: Any) -> None:
        tasks.append(asyncio.ensure_future(ask()))

    conn.add_query_hook(hook)
    await conn.execute("select 1")
    [task] = tasks
    assert await soon(task) == ("asked",)
    assert [statement for _, statement, *_ in recorder.told()] == ["select 1"]


async def test_operations_within_operations(door: Door) -> None:
    """A block's operations begin and end within it."""
    conn, hook = await hooked(door, autocommit=True)
    other = await door.connect(autocommit=True)
    other.add_query_hook(hook)
    stream = conn.cursor().stream("select generate_series(1, 2)")
    async for _ in stream:
        await other.execute("select 1")
    assert sorted(kind for kind, *_ in hook.told()) == ["execute", "execute", "stream"]
    assert hook.open == []


async def test_subclasses_that_override_execute(door: Door) -> None:
    class Twice(door.cursor_class):  # type: ignore[misc,name-defined]
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            return super().execute(f"{query} -- mine", *args, **kwargs)

    conn, hook = await hooked(door, autocommit=True, cursor_factory=Twice)
    await conn.execute("select 1")
    assert hook.told() == [("execute", "select 1 -- mine", 1, "SELECT 1", None)]


async def test_attempts_to_connect(door: Door, everywhere: Recorder, closed_port: int) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.module.OperationalError):
        await door.connect("host=127.0.0.1 dbname=nowhere user=me password=hidden", port=closed_port)
    [(first, outcome), (second, failed)] = everywhere.ends
    assert (first.kind, first.statement, first.backend_pid, outcome.error) == ("connect", "", None, None)
    assert (second.host, second.port, second.dbname, second.user) == ("127.0.0.1", closed_port, "nowhere", "me")
    assert isinstance(failed.error, door.module.OperationalError)
    everywhere.told()
    await conn.execute("select 1")
    assert [kind for kind, *_ in everywhere.told()] == ["execute"]


@asyncio_only
async def test_many_tasks(door: Door) -> None:
    conn, hook = await hooked(door, autocommit=True, pipelining=True)

    async def ask(number: int) -> None:
        CONTEXT.set(str(number))
        await conn.execute("select %s::int", [number])

    await asyncio.gather(*(ask(number) for number in range(50)))
    assert sorted(event.params[0] for event, _ in hook.ends) == list(range(50))
    assert all(began == ended for began, ended in hook.contexts)
    assert hook.open == []


@pytest.mark.doors("sync")
async def test_many_threads(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[tuple[int, int]] = []

    def hook(_: Any) -> Any:
        thread = threading.get_ident()
        return lambda _: seen.append((thread, threading.get_ident()))

    # The identifier of a thread that has ended may be another's.
    together = threading.Barrier(8)

    def work() -> None:
        together.wait(60)
        for _ in range(20):
            conn.wrapped.execute("select 1")
        together.wait(60)

    conn.add_query_hook(hook)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 160
    assert all(began == ended for began, ended in seen)
    assert len({began for began, _ in seen}) == 8


async def test_hooks_keep_no_connection_alive(door: Door) -> None:
    """A hook that leads back to its connection, and one whose end was not told, are garbage with it."""
    conn = await door.connect(autocommit=True)

    class Hook:
        def __init__(self, conn: Any) -> None:
            self.conn = conn
            self.events: list[Any] = []

        def __call__(self, event: Any) -> Any:
            self.events.append(event)
            return lambda _: self.events.append(self.conn)

    hook = Hook(conn)
    conn.add_query_hook(hook)
    cur = conn.cursor()
    await cur.execute("select %s::text", ["kept"])
    stream = cur.stream("select generate_series(1, 2)")
    await anext(stream)
    await stream.aclose()
    gone = weakref.ref(conn.wrapped if door.is_sync else conn)
    await conn.close()
    door._opened.clear()
    del conn, hook, cur, stream
    gc.collect()
    assert gone() is None


async def test_results_are_as_without_hooks(door: Door) -> None:
    conn, _ = await hooked(door)
    cur = await conn.execute("select generate_series(1, 3)")
    assert (cur.rowcount, cur.statusmessage) == (3, "SELECT 3")
    assert await cur.fetchall() == [(1,), (2,), (3,)]
    await conn.commit()
    assert conn.info.transaction_status == 0
