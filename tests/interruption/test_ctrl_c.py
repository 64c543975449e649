"""Ctrl-C on a sync connection: in this process, and in a child that gets a real SIGINT."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.sessions import Meanwhile, Observer

CHILD = Path(__file__).parents[1] / "support" / "sleeper.py"


@contextlib.contextmanager
def interrupted(observer: Observer, pid: int, number: int = signal.SIGINT) -> Iterator[None]:
    """Signal this process once the server is running the session's statement."""

    def send() -> None:
        observer.wait_active(pid)
        os.kill(os.getpid(), number)

    with Meanwhile(send):
        yield


@pytest.fixture(autouse=True)
def python_handler() -> Iterator[None]:
    """The handler that raises KeyboardInterrupt, which a runner may have switched off."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def test_interrupt_cancels_and_rollback_recovers(conn: Any, observer: Observer) -> None:
    with interrupted(observer, conn.info.backend_pid), pytest.raises(KeyboardInterrupt):
        conn.execute("select pg_sleep(60)")
    observer.wait_idle(conn.info.backend_pid)
    assert conn.info.transaction_status.name == "INERROR"
    assert not conn.closed
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


def test_interrupt_in_autocommit(connect: Callable[..., Any], observer: Observer) -> None:
    conn = connect(autocommit=True)
    with interrupted(observer, conn.info.backend_pid), pytest.raises(KeyboardInterrupt):
        conn.execute("select pg_sleep(60)")
    assert conn.info.transaction_status.name == "IDLE"
    assert conn.execute("select 1").fetchone() == (1,)


def test_interrupt_with_parameters(conn: Any, observer: Observer) -> None:
    with interrupted(observer, conn.info.backend_pid), pytest.raises(KeyboardInterrupt):
        conn.execute("select pg_sleep(%s)", (60,), prepare=True)
    conn.rollback()
    for i in range(7):
        assert conn.execute("select %s::int", (i,)).fetchone() == (i,)


def test_interrupt_during_executemany(conn: Any, observer: Observer) -> None:
    with interrupted(observer, conn.info.backend_pid), pytest.raises(KeyboardInterrupt):
        conn.cursor().executemany("select pg_sleep(%s)", [(0,), (60,), (60,)])
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


def test_interrupt_in_a_context(connect: Callable[..., Any], observer: Observer) -> None:
    with pytest.raises(KeyboardInterrupt), connect() as conn:
        pid = conn.info.backend_pid
        with interrupted(observer, pid):
            conn.execute("select pg_sleep(60)")
    assert conn.closed
    observer.wait_gone(pid)


def test_interrupt_while_waiting_for_notifications(connect: Callable[..., Any], observer: Observer) -> None:
    conn = connect(autocommit=True)
    conn.execute("listen interrupted")
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        next(conn.notifies())
    timer.join()
    assert not conn.closed
    assert conn.execute("select 1").fetchone() == (1,)


def test_interrupt_twice(conn: Any, observer: Observer) -> None:
    for _ in range(2):
        with interrupted(observer, conn.info.backend_pid), pytest.raises(KeyboardInterrupt):
            conn.execute("select pg_sleep(60)")
        conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


def test_handler_that_does_not_raise_lets_the_query_run(conn: Any, observer: Observer) -> None:
    seen: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: seen.append(number))
    with interrupted(observer, conn.info.backend_pid):
        assert conn.execute("select 'done' from pg_sleep(0.5)").fetchone() == ("done",)
    assert seen == [signal.SIGINT]


def test_handler_that_cancels(conn: Any, driver: Any, observer: Observer) -> None:
    signal.signal(signal.SIGINT, lambda *_: conn.cancel())
    with interrupted(observer, conn.info.backend_pid), pytest.raises(driver.errors.QueryCanceled):
        conn.execute("select pg_sleep(60)")
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


class Custom(Exception):
    """What a user's signal handler raises."""


def test_other_signal_with_an_exception_of_the_user(conn: Any, observer: Observer) -> None:
    def handler(*_: object) -> None:
        raise Custom

    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        with interrupted(observer, conn.info.backend_pid, signal.SIGUSR1), pytest.raises(Custom):
            conn.execute("select pg_sleep(60)")
    finally:
        signal.signal(signal.SIGUSR1, previous)
    observer.terminate(conn.info.backend_pid)


def test_interrupt_does_not_reach_other_connections(connect: Callable[..., Any], observer: Observer) -> None:
    mine, other = connect(), connect()
    with Meanwhile(lambda: other.execute("select 'other' from pg_sleep(1)").fetchone()) as work:
        observer.wait_active(other.info.backend_pid)
        with interrupted(observer, mine.info.backend_pid), pytest.raises(KeyboardInterrupt):
            mine.execute("select pg_sleep(60)")
    assert work.result == ("other",)


@pytest.mark.parametrize("kind", ["sync", "asyncio-default", "asyncio-handler"])
def test_real_sigint_sent_to_a_process(driver: Any, dsn: str, observer: Observer, kind: str) -> None:
    name = f"sleeper-{driver.__name__}-{kind}"
    command = [sys.executable, "-W", "error", str(CHILD), driver.__name__, kind, f"{dsn} application_name={name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            pid = int(child.stdout.readline() or _fail(child))
            observer.wait_active(pid, "%pg_sleep%")
            child.send_signal(signal.SIGINT)
            output, errors = child.communicate(timeout=30)
        finally:
            child.kill()
    expected = {"sync": "KeyboardInterrupt", "asyncio-default": "KeyboardInterrupt", "asyncio-handler": "QueryCanceled"}
    assert (output.split(), errors) == ([expected[kind], "(1,)"], "")
    assert child.returncode == 0
    observer.wait_gone(pid)


def _fail(child: subprocess.Popen[str]) -> str:
    _, errors = child.communicate(timeout=30)
    raise AssertionError(errors)


def test_any_exception_of_a_signal_handler_leaves_a_usable_connection(
    howdah: ModuleType, dsn: str, observer: Observer
) -> None:
    def handler(*_: object) -> None:
        raise Custom

    def send() -> None:
        observer.wait_active(conn.info.backend_pid)
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        with howdah.connect(dsn, autocommit=True) as conn:
            with Meanwhile(send), pytest.raises(Custom):
                conn.execute("select pg_sleep(60)")
            assert conn.execute("select 1").fetchone() == (1,)
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_interrupted_while_another_thread_uses_the_connection(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn, autocommit=True) as conn:
        thread = threading.Thread(target=conn.execute, args=["select pg_sleep(1)"])
        thread.start()
        time.sleep(0.1)
        timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            conn.execute("select 1")
        assert thread.is_alive()
        thread.join()
        assert conn.execute("select 2").fetchall() == [(2,)]


def test_signal_handler_queries_while_its_thread_waits(howdah: ModuleType, dsn: str) -> None:
    seen = []
    with howdah.connect(dsn, autocommit=True) as conn:
        previous = signal.signal(signal.SIGUSR1, lambda *_: seen.extend(conn.execute("select 1").fetchall()))
        try:
            thread = threading.Thread(target=conn.execute, args=["select pg_sleep(0.5)"])
            thread.start()
            time.sleep(0.1)
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1]).start()
            assert conn.execute("select 2").fetchall() == [(2,)]
            thread.join()
        finally:
            signal.signal(signal.SIGUSR1, previous)
        assert seen == [(1,)]
