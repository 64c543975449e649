"""How far a COPY has come: functions that are told, and a line on a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from typing import TextIO, TypeAlias

Progress: TypeAlias = Callable[[int, int], object] | bool | None
"""A function that is called with the number of rows and of bytes so far; `True` shows them on the terminal."""

INTERVAL = 0.1
"""How many seconds a line on the terminal stays as it is at least."""

WIDTH = 30
"""How many characters a full bar has."""


class Meter:
    """What a COPY tells of how far it has come. Called with the numbers of rows and bytes."""

    def __init__(self, progress: Progress) -> None:
        self.line = Line(sys.stderr) if progress is True and is_terminal(sys.stderr) else None
        self.report = function_of(progress) if self.line is None else self.line.show

    def expect(self, rows: object) -> None:
        """Note that rows are to come; if it is known how many, a bar shows which part of them has gone."""
        with contextlib.suppress(TypeError):
            if self.line is not None:
                self.line.expected += len(rows)  # type: ignore[arg-type]

    def close(self) -> None:
        """End the line on the terminal."""
        if self.line is not None:
            self.line.close()


def function_of(progress: Progress) -> Callable[[int, int], object] | None:
    """Return the function that is to be called, if there is one."""
    if progress is None or isinstance(progress, bool):
        return None
    if not callable(progress):
        raise TypeError(f"progress has to be a function, True, False or None, got {type(progress).__name__}")
    return progress


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody sees what is written there."""
    try:
        return stream is not None and stream.isatty()
    except Exception:  # whatever stands in the place of a stream
        return False


class Line:
    """One line of a terminal, written over again and again. If it cannot be written, that harms nothing."""

    def __init__(self, stream: TextIO) -> None:
        self.stream: TextIO | None = stream
        self.expected = 0
        self.began = time.monotonic()
        self.next = self.began
        self.shown = 0
        self.last = (0, 0)

    def show(self, rows: int, size: int) -> None:
        """Show how far it is, unless that was shown just now."""
        self.last = (rows, size)
        now = time.monotonic()
        if now >= self.next:
            self.next = now + INTERVAL
            self._write(f"\r{self._text(now):{self.shown}}")

    def close(self) -> None:
        """Show where it has ended, and leave the line."""
        self._write(f"\r{self._text(time.monotonic()):{self.shown}}\n")
        self.stream = None

    def _text(self, now: float) -> str:
        rows, size = self.last
        rate = size / max(now - self.began, 0.001)
        text = f"COPY {rows:,} rows, {_bytes(size)}, {_bytes(rate)}/s"
        if self.expected:
            part = min(1.0, rows / self.expected)
            text = f"{text} [{'#' * int(part * WIDTH):{WIDTH}}] {part:4.0%}"
        return text

    def _write(self, text: str) -> None:
        if self.stream is None:
            return
        self.shown = len(text.strip("\r\n"))
        try:
            self.stream.write(text)
            self.stream.flush()
        except Exception:  # whatever stands in the place of the terminal
            self.stream = None


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
