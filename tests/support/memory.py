"""How much memory a process takes at most.

`getrusage()` does not tell: what it calls the peak of a process that was started by another is that of both.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import pytest

CLEAR = Path("/proc/self/clear_refs")
needs_peaks = pytest.mark.skipif(not CLEAR.exists(), reason="the peak of memory is read as Linux tells it")


def peak() -> int:
    """What this process has taken at most, in bytes."""
    return _status("VmHWM:")


def for_children() -> dict[str, str]:
    """The environment of a child that imports this."""
    path = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


class Peak:
    """What a block took at most beyond what there was before, in bytes."""

    grown = 0

    def __enter__(self) -> Peak:
        # proc(5): 5 resets the peak resident set size.
        CLEAR.write_text("5")
        self._before = _status("VmRSS:")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.grown = peak() - self._before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
