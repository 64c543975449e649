"""Listeners: what they hear, the channels, the buffer, the end."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only
from support.listening import Ear, listening
from support.sessions import Meanwhile, Observer
from support.waiting import until


@pytest.fixture
def driver(howdah: ModuleType) -> ModuleType:
    """howdah alone: psycopg has no listeners."""
    return howdah


async def test_notifications_as_they_come(door: Door, observer: Observer, channel: str) -> None:
    async with listening(door, channel) as ear:
        observer.notify(channel, "one", "two")
        event = await ear.get()
        assert type(event) is door.module.Notify
        assert event == (channel, "one", observer.conn.info.backend_pid)
        assert await ear.payload() == "two"
        assert await ear.get(timeout=0) is None
        assert await ear.get(timeout=0.01) is None
        observer.notify(channel, "x" * 7999, "")
        assert len(await ear.payload()) == 7999
        assert await ear.payload() == ""
        assert ear.errors == []


async def test_channels_by_their_very_names(door: Door, observer: Observer, channel: str) -> None:
    odd = f"{channel} \"Ä'; DROP %s"
    other = f"{channel.upper()}{'é' * 31}"[:31]
    longest = channel + "z" * (63 - len(channel))
    async with listening(door, odd) as ear:
        await ear.listen(other)
        await ear.listen(other)
        await ear.listen(longest)
        assert ear.listener.channels == sorted([odd, other, longest])
        for name in (odd, other, longest):
            observer.notify(name, "heard")
            assert (await ear.get())[:2] == (name, "heard")
        await ear.unlisten(odd)
        await ear.unlisten(odd)
        observer.notify(odd, "lost")
        observer.notify(other, "two")
        assert await ear.payload() == "two"
        assert ear.listener.channels == sorted([other, longest])


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "é" * 32])
async def test_names_that_a_server_would_change_are_refused(door: Door, channel: str, name: str) -> None:
    with pytest.raises(door.module.ProgrammingError, match="1 to 63 bytes"):
        Ear(door, channels=[name])
    async with listening(door, channel) as ear:
        for call in (ear.listen, ear.unlisten):
            with pytest.raises(door.module.ProgrammingError, match="1 to 63 bytes"):
                await call(name)
        assert ear.listener.channels == [channel]


async def test_a_full_buffer_drops_the_oldest_and_says_so(door: Door, observer: Observer, channel: str) -> None:
    async with listening(door, channel, buffer_size=3) as ear:
        observer.conn.execute("select pg_notify(%s, n::text) from generate_series(1, 10) n", (channel,))
        # What was sent before an answer is taken in with it.
        await ear.listen("other")
        assert await ear.get() == door.module.Gap(reconnected=False, dropped=7)
        assert [await ear.payload() for _ in range(3)] == ["8", "9", "10"]
        observer.notify(channel, "11")
        assert await ear.payload() == "11"


async def test_a_gap_of_both_kinds(door: Door, observer: Observer, channel: str) -> None:
    async with listening(door, channel, buffer_size=2) as ear:
        observer.notify(channel, "before")
        await ear.listen("other")
        ear.lose(observer)
        await until(lambda: not ear.is_gone(observer))
        await ear.listen("another")
        observer.notify(channel, "1", "2", "3")
        await ear.listen("once more")
        assert await ear.gap() == (True, 2)
        assert [await ear.payload() for _ in range(2)] == ["2", "3"]


async def test_listen_and_unlisten_under_traffic(door: Door, observer: Observer, channel: str) -> None:
    total = 20_000
    own = Observer(door.dsn)

    def send() -> None:
        own.conn.execute(f"listen {channel}_own")
        for start in range(1, total, 1000):
            own.conn.execute(
                "select pg_notify(%s, n::text) from generate_series(%s::int, %s::int) n",
                (channel, start, start + 999),
            )

    async with listening(door, channel, buffer_size=2 * total) as ear:
        with Meanwhile(send):
            for number in range(10):
                await ear.listen(f"{channel}_{number}")
                observer.notify(f"{channel}_{number}", "found")
                await ear.unlisten(f"{channel}_{number - 1}") if number else None
        heard = [await ear.get() for _ in range(total + 10)]
    own.close()
    assert [int(event.payload) for event in heard if event.channel == channel] == list(range(1, total + 1))
    assert [event.channel for event in heard if event.payload == "found"] == [f"{channel}_{n}" for n in range(10)]


async def test_closing_ends_the_session_and_all_who_wait(door: Door, observer: Observer, channel: str) -> None:
    async with listening(door, channel) as ear:
        assert not ear.is_gone(observer)
        assert not ear.listener.closed
        if door.is_sync:
            with Meanwhile(list, ear.listener) as waiting:
                await ear.close()
            assert waiting.result == []
        else:
            waiting_task = asyncio.create_task(ear.all())
            await asyncio.sleep(0.01)
            await ear.close()
            assert await waiting_task == []
        await ear.close()
        assert ear.listener.closed
        await until(lambda: ear.is_gone(observer))
        assert await ear.all() == []
        for call in (ear.get, lambda: ear.listen("x"), lambda: ear.unlisten("x")):
            with pytest.raises(door.module.OperationalError, match="the listener is closed") as caught:
                await call()
            assert caught.value.is_connection_lost
    assert "closed" in repr(ear.listener)


async def test_events_that_wait_are_dropped_at_the_end(door: Door, observer: Observer, channel: str) -> None:
    async with listening(door, channel) as ear:
        observer.notify(channel, "nobody takes it")
        await ear.listen("other")
    assert await ear.all() == []


async def test_it_is_opened_once_and_before_it_is_used(door: Door, channel: str) -> None:
    ear = Ear(door, channels=[channel])
    assert "not open" in repr(ear.listener)
    for call in (ear.get, lambda: ear.listen("x"), lambda: ear.unlisten("x")):
        with pytest.raises(door.module.OperationalError, match="not open"):
            await call()
    async with ear:
        with pytest.raises(door.module.ProgrammingError, match="opened once"):
            await ear.open()
        assert not ear.listener.closed
    with pytest.raises(door.module.ProgrammingError, match="opened once"):
        await ear.open()
    never = Ear(door)
    await never.close()
    with pytest.raises(door.module.ProgrammingError, match="opened once"):
        await never.open()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"buffer_size": 0}, ValueError),
        ({"buffer_size": -1}, OverflowError),
        ({"heartbeat": -1}, ValueError),
        ({"min_delay": -1}, ValueError),
        ({"max_attempts": -1}, OverflowError),
        ({"channels": "prices"}, TypeError),
    ],
)
def test_options_that_cannot_be(howdah: ModuleType, options: dict[str, Any], error: type[Exception]) -> None:
    for cls in (howdah.Listener, howdah.AsyncListener):
        with pytest.raises(error):
            cls("", **options)


def test_events_go_to_one_of_the_threads_that_wait(
    howdah: ModuleType, dsn: str, observer: Observer, channel: str
) -> None:
    heard: list[str] = []

    def consume(listener: Any) -> None:
        heard.extend(event.payload for event in listener)

    with howdah.Listener(dsn, channels=[channel]) as listener:
        threads = [threading.Thread(target=consume, args=(listener,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        observer.notify(channel, *map(str, range(200)))
        for _ in range(2000):
            if len(heard) == 200:
                break
            time.sleep(0.01)
        listener.close()
        for thread in threads:
            thread.join(20)
    assert sorted(heard, key=int) == [str(number) for number in range(200)]


@asyncio_only
async def test_events_go_to_one_of_the_tasks_that_wait(door: Door, observer: Observer, channel: str) -> None:
    heard: list[str] = []

    async def consume(listener: Any) -> None:
        async for event in listener:
            heard.append(event.payload)

    async with listening(door, channel) as ear:
        tasks = [asyncio.create_task(consume(ear.listener)) for _ in range(4)]
        observer.notify(channel, *map(str, range(200)))
        await until(lambda: len(heard) == 200)
    await asyncio.gather(*tasks)
    assert sorted(heard, key=int) == [str(number) for number in range(200)]


async def test_one_that_nobody_has_is_closed(door: Door, observer: Observer, channel: str) -> None:
    ears = [Ear(door, channels=[channel])]
    await ears[0].open()
    name = ears[0].name

    def forget() -> None:
        ears.clear()
        gc.collect()

    with pytest.warns(ResourceWarning, match="was deleted while still open"):
        forget()
    gone = "select count(*) = 0 from pg_stat_activity where application_name = %s"
    await until(lambda: observer.value(gone, (name,)))


async def test_waiting_uses_no_connection_of_others(door: Door, observer: Observer, channel: str) -> None:
    """While it waits its session is idle, and in no transaction."""
    async with listening(door, channel) as ear:
        assert await ear.get(timeout=0.05) is None
        state = observer.value("select state from pg_stat_activity where pid = %s", (ear.pid(observer),))
        assert state == "idle"
