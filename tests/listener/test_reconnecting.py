"""Listeners whose connection is lost: by the server, its restart, or a network that passes nothing on."""

from __future__ import annotations

import asyncio
import logging
import threading
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer

from support.doors import Door, asyncio_only
from support.faults import Fault, FaultProxy
from support.hostile import HostileServer, Peer, complete, error, ready
from support.listening import Ear, listening
from support.sessions import Meanwhile, Observer
from support.waiting import until


@pytest.fixture
def driver(howdah: ModuleType) -> ModuleType:
    """howdah alone: psycopg has no listeners."""
    return howdah


async def test_a_lost_connection_is_made_again_with_a_gap(door: Door, observer: Observer, channel: str) -> None:
    channels = [f"{channel}_a", f"{channel}_b"]
    async with listening(door, *channels) as ear:
        for number in range(2):
            observer.notify(channels[0], str(number))
            # What was sent before an answer is taken in with it.
            await ear.listen("other")
            ear.lose(observer)
            assert await ear.payload() == str(number)
            assert await ear.get() == door.module.Gap(reconnected=True, dropped=0)
            # LISTEN is in force by now.
            for name in channels:
                observer.notify(name, "after")
                assert await ear.payload() == "after"
            assert await ear.get(timeout=0.01) is None
            assert len(ear.errors) == number + 1
        assert all(error.sqlstate == "57P01" for error in ear.errors)  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_server_that_restarts(door: Door, own_server: PgServer, channel: str, mode: str) -> None:
    async with listening(door, channel, conninfo=own_server.tcp_dsn) as ear:
        for number in range(2):
            own_server.stop(mode)
            if door.is_sync:
                assert await ear.get(timeout=0.1) is None
            else:
                await until(lambda number=number: len(ear.errors) > number * 2 + 1)
            own_server.start()
            assert await ear.gap() == (True, 0)
            with door.module.connect(own_server.dsn, autocommit=True) as conn:
                conn.execute("select pg_notify(%s, %s)", (channel, str(number)))
            assert await ear.payload() == str(number)
        assert len(ear.errors) >= 2


async def test_a_server_that_is_silent_is_found_by_the_heartbeat(
    door: Door, server: PgServer, observer: Observer, channel: str
) -> None:
    with FaultProxy(server.port) as proxy:
        target = f"{server.tcp_dsn} port={proxy.port}"
        async with listening(door, channel, conninfo=target, heartbeat=2) as ear:
            pid = ear.pid(observer)
            last = "select query = 'SELECT 1' and state = 'idle' from pg_stat_activity where pid = %s"
            await until(lambda: observer.value(last, (pid,)))
            assert ear.errors == []
            proxy.arm(Fault("freeze", existing_only=True))
            assert await ear.gap() == (True, 0)
            assert type(ear.errors[0]) is door.errors.OperationTimeout
            observer.notify(channel, "again")
            assert await ear.payload() == "again"


@pytest.mark.parametrize("kind", ["cut", "reset", "half-close"])
async def test_a_connection_that_breaks(
    door: Door, server: PgServer, observer: Observer, channel: str, kind: str
) -> None:
    with FaultProxy(server.port) as proxy:
        async with listening(door, channel, conninfo=f"{server.tcp_dsn} port={proxy.port}") as ear:
            # In the middle of a notification.
            proxy.arm(Fault(kind, after=7, existing_only=True))
            observer.notify(channel, "lost")
            assert await ear.gap() == (True, 0)
            proxy.arm(None)
            observer.notify(channel, "again")
            assert await ear.payload() == "again"


async def test_a_channel_that_is_refused_leaves_the_others(door: Door) -> None:
    numbers = iter(range(10))
    heard = threading.Event()

    def standby(peer: Peer) -> None:
        """The first connection ends when it has listened on `good`, which the second one is refused."""
        peer.greet()
        number = next(numbers)
        while True:
            kind, text = peer.read_message()
            if kind == b"X":
                return
            if b"bad" in text or (b"good" in text and number == 1):
                peer.send(error(b"not here", b"25006") + ready())
                continue
            peer.send(complete(b"LISTEN") + ready())
            if b"good" in text and number == 0:
                heard.wait(20)
                return

    with HostileServer(standby) as server:
        async with Ear(door, server.dsn) as ear:
            for _ in range(2):
                with pytest.raises(door.errors.ReadOnlySqlTransaction) as caught:
                    await ear.listen("bad")
                assert not caught.value.is_connection_lost
            await ear.listen("good")
            heard.set()
            # A server that has become a standby is one that is not there: it is tried again.
            assert await ear.gap() == (True, 0)
            assert [getattr(each, "sqlstate", None) for each in ear.errors] == [None, "25006"]
            assert ear.listener.channels == ["good"]
        with pytest.raises(door.errors.ReadOnlySqlTransaction):
            await Ear(door, server.dsn, channels=["good", "bad"]).open()


async def test_attempts_can_have_an_end(door: Door, own_server: PgServer, channel: str) -> None:
    async with listening(door, channel, conninfo=own_server.dsn, max_attempts=2) as ear:
        own_server.stop()
        with pytest.raises(door.module.OperationalError) as caught:
            await ear.all()
        assert caught.value.is_connection_lost
        assert len(ear.errors) == 3
        assert str(caught.value) == str(ear.errors[-1])
        assert ear.listener.closed
        assert await ear.all() == []
        for call in (ear.listen, ear.unlisten):
            with pytest.raises(door.module.OperationalError) as again:
                await call(channel)
            assert str(again.value) == str(caught.value)


async def test_what_came_before_a_failure_comes_before_it(door: Door, own_server: PgServer, channel: str) -> None:
    async with listening(door, channel, conninfo=own_server.dsn, max_attempts=1) as ear:
        with door.module.connect(own_server.dsn, autocommit=True) as conn:
            conn.execute("select pg_notify(%s, 'one')", (channel,))
        await ear.listen("other")
        own_server.stop()
        if door.is_sync:
            while not ear.listener.closed:
                await asyncio.sleep(0.01)
        else:
            await until(lambda: ear.listener.closed)
        assert await ear.payload() == "one"
        with pytest.raises(door.module.OperationalError):
            await ear.get()


async def test_the_first_connection_is_not_tried_again(door: Door, closed_port: int, channel: str) -> None:
    ear = Ear(door, f"host=127.0.0.1 port={closed_port}", channels=[channel])
    with pytest.raises(door.module.OperationalError):
        await ear.open()
    assert ear.errors == []
    assert ear.listener.closed


async def test_a_wrong_password(door: Door, password_server: PgServer, channel: str) -> None:
    """It is refused at once at first; and at once when it is wrong by the time of another connection."""
    with pytest.raises(door.module.OperationalError, match="password authentication failed"):
        await Ear(door, password_server.tcp_dsn, channels=[channel], password="wrong").open()
    role = f"role_{channel}"
    with door.module.connect(password_server.dsn, autocommit=True) as admin:
        admin.execute(f"create role {role} login password 'sesame'")
        target = {"user": role, "password": "sesame"}
        async with listening(door, channel, conninfo=password_server.tcp_dsn, **target) as ear:
            admin.execute(f"alter role {role} password 'another'")
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (role,))
            with pytest.raises(door.module.OperationalError, match="password authentication failed") as caught:
                await ear.get()
            assert caught.value.sqlstate == "28P01"
            assert ear.listener.closed
        admin.execute(f"drop role {role}")


async def test_each_attempt_asks_for_the_password(door: Door, observer: Observer, channel: str) -> None:
    asked = []

    def password() -> str:
        asked.append(1)
        if len(asked) == 2:
            raise ZeroDivisionError
        return "secret"

    async with listening(door, channel, password=password) as ear:
        ear.lose(observer)
        assert await ear.gap() == (True, 0)
        assert len(asked) == 3
        assert [type(each) for each in ear.errors][1:] == [ZeroDivisionError]


async def test_a_function_for_errors_that_raises(
    door: Door, observer: Observer, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    def bad(_: Exception) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "howdah"):
        async with listening(door, channel, on_error=bad) as ear:
            ear.lose(observer)
            assert await ear.gap() == (True, 0)
    assert "error ignored in on_error of a listener" in caplog.text


async def test_listen_waits_for_the_connection(door: Door, own_server: PgServer, channel: str) -> None:
    async with listening(door, conninfo=own_server.tcp_dsn) as ear:
        own_server.stop()
        await until(lambda: len(ear.errors) > 1)
        await ear.unlisten("nothing")
        if door.is_sync:
            with Meanwhile(ear.listener.listen, channel):
                own_server.start()
        else:
            task = asyncio.create_task(ear.listen(channel))
            seen = len(ear.errors)
            await until(lambda: len(ear.errors) > seen + 1)
            assert not task.done()
            await asyncio.to_thread(own_server.start)
            await task
        assert await ear.gap() == (True, 0)
        with door.module.connect(own_server.dsn, autocommit=True) as conn:
            conn.execute("select pg_notify(%s, 'one')", (channel,))
        assert await ear.payload() == "one"


async def test_closing_while_there_is_no_connection(door: Door, own_server: PgServer, channel: str) -> None:
    async with listening(door, channel, conninfo=own_server.tcp_dsn, min_delay=100, max_delay=100) as ear:
        own_server.stop()
        await until(lambda: len(ear.errors) > 0)
    assert await ear.all() == []


@asyncio_only
async def test_stopping_to_wait_at_any_point_takes_nothing(door: Door, observer: Observer, channel: str) -> None:
    async with listening(door, channel) as ear:
        for number in range(30):
            task = asyncio.create_task(ear.get())
            for _ in range(number % 5):
                await asyncio.sleep(0)
            observer.notify(channel, str(number))
            if number % 3 == 0:
                await asyncio.sleep(0.001)
            task.cancel()
            taken: Any = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(taken, asyncio.CancelledError):
                taken = await ear.get()
            assert taken.payload == str(number)


@asyncio_only
async def test_listen_that_is_cancelled_leaves_the_channel_wanted(door: Door, observer: Observer, channel: str) -> None:
    async with listening(door) as ear:
        for steps in range(6):
            name = f"{channel}_{steps}"
            task = asyncio.create_task(ear.listen(name))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await ear.listen(f"other {steps}")
            observer.notify(name, "heard")
            if steps:
                assert (await ear.get())[:2] == (name, "heard")


@asyncio_only
async def test_opening_that_is_cancelled_leaves_nothing(door: Door, observer: Observer, channel: str) -> None:
    for steps in range(40):
        ear = Ear(door, channels=[channel])
        task = asyncio.create_task(ear.open())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        [ended] = await asyncio.gather(task, return_exceptions=True)
        if ended is None:
            await ear.close()
        elif steps:
            assert ear.listener.closed
        await until(lambda ear=ear: ear.is_gone(observer))


@asyncio_only
async def test_a_loop_that_ends_tells_who_waits(door: Door, observer: Observer, channel: str) -> None:
    """As `asyncio.run()` does, which cancels all tasks."""
    async with listening(door, channel) as ear:
        ear.listener._worker.cancel()
        with pytest.raises(door.module.OperationalError, match="task has ended"):
            await ear.all()
        await until(lambda: ear.is_gone(observer))
