"""Ctrl-C while a thread waits for a listener."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from support.sessions import Meanwhile, Observer


@pytest.fixture(autouse=True)
def python_handler() -> Iterator[None]:
    """The handler that raises KeyboardInterrupt, which a runner may have switched off."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def interrupt(waits: Callable[[], bool], sent: list[float]) -> None:
    while not waits():
        time.sleep(0.001)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)


def is_waiting(listener: Any) -> bool:
    return bool(listener._follower.waiters._condition._waiters)


@pytest.mark.parametrize("timeout", [None, 60])
def test_waiting_for_an_event(
    howdah: ModuleType, dsn: str, observer: Observer, channel: str, timeout: float | None
) -> None:
    with howdah.Listener(dsn, channels=[channel]) as listener:
        sent: list[float] = []
        with Meanwhile(interrupt, lambda: is_waiting(listener), sent), pytest.raises(KeyboardInterrupt):
            listener.get(timeout=timeout)
        # Far from the minute, whatever else the machine does.
        assert time.monotonic() - sent[0] < 10
        observer.notify(channel, "heard")
        assert listener.get(timeout=20).payload == "heard"


def test_waiting_for_a_connection(howdah: ModuleType, dsn: str, observer: Observer, channel: str) -> None:
    lost = threading.Event()
    options = {"min_delay": 3600, "max_delay": 3600, "application_name": channel}
    with howdah.Listener(dsn, on_error=lambda _: lost.set(), **options) as listener:
        observer.terminate(observer.value("select pid from pg_stat_activity where application_name = %s", (channel,)))
        assert lost.wait(20)
        sent: list[float] = []
        with Meanwhile(interrupt, lambda: is_waiting(listener), sent), pytest.raises(KeyboardInterrupt):
            listener.listen(channel)
        assert listener.channels == [channel]
    assert listener.closed


def test_at_the_end_of_its_block(howdah: ModuleType, dsn: str, observer: Observer, channel: str) -> None:
    with pytest.raises(KeyboardInterrupt), howdah.Listener(dsn, channels=[channel], application_name=channel):
        os.kill(os.getpid(), signal.SIGINT)
    observer._wait("select count(*) = 0 from pg_stat_activity where application_name = %s", channel)
