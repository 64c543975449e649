"""Coroutines and functions that are interrupted at a chosen step: every one, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from types import FrameType
from typing import Any


class Steps:
    """Awaits a coroutine, and interrupts it where it waits for the `at`th time.

    `how` is "cancel", "cancel again" (wherever it waits from then on) or "close". Before that `on_step` is called.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], at: int, how: str, on_step: Callable[[], None]) -> None:
        self._work = work
        self._at = at
        self._how = how
        self._on_step = on_step
        self.interrupted = False

    def __await__(self) -> Generator[Any, None, None]:
        count = 0
        while True:
            try:
                waits_for = self._work.send(None)
                count += 1
                if count == self._at:
                    self.interrupted = True
                    self._on_step()
                    if self._how == "close":
                        self._close()
                        return
                    waits_for = self._work.throw(asyncio.CancelledError())
                while self.interrupted and self._how == "cancel again":
                    waits_for = self._work.throw(asyncio.CancelledError())
            except (StopIteration, asyncio.CancelledError):
                return
            yield waits_for

    def _close(self) -> None:
        # A block that ends waits for its rollback, which Python does not allow here: as often as there are blocks.
        for _ in range(20):
            with contextlib.suppress(RuntimeError):
                self._work.close()
                return
        raise AssertionError("the coroutine cannot be closed")


class Interrupted(BaseException):
    """What stands for KeyboardInterrupt."""


class Tracer:
    """Raises before the `at`th instruction of the package's Python code that a block executes."""

    def __init__(self, at: int, files: tuple[str, ...]) -> None:
        self._left = at
        self._files = files
        self.raised = False

    def __enter__(self) -> Tracer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def start(self) -> None:
        sys.settrace(self._trace)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop at the end of a block in which it was started."""
        try:
            yield
        finally:
            sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.endswith(self._files):
            return None
        frame.f_trace_opcodes = True
        if event in ("call", "opcode"):
            self._left -= 1
            if self._left == 0:
                sys.settrace(None)
                self.raised = True
                raise Interrupted(f"{frame.f_code.co_name}, line {frame.f_lineno}, {event} {frame.f_lasti}")
        return self._trace


def interruptions(run: Callable[[], object], count: int) -> Iterator[None]:
    """Call a function again and again, with a signal whose handler raises at a random moment; yield after each call.

    Ends when that has happened `count` times.
    """
    moments = random.Random(11)
    began = time.monotonic()
    run()
    takes = time.monotonic() - began
    yield
    while count:
        count -= _is_interrupted(run, moments.random() * takes)
        yield


def _is_interrupted(run: Callable[[], object], delay: float) -> bool:
    """Call a function with a signal whose handler raises after so many seconds, and tell whether it was in time."""
    armed = False

    def interrupt(*_: object) -> None:
        nonlocal armed
        if armed:
            armed = False
            raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        armed = True
        run()
        armed = False
    except Interrupted:
        return True
    finally:
        armed = False
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    return False
