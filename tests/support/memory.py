"""How much memory this process takes at most during a block."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import pytest

CLEAR = Path("/proc/self/clear_refs")
needs_peaks = pytest.mark.skipif(not CLEAR.exists(), reason="the peak of memory is read as Linux tells it")


class Peak:
    """What a block took at most beyond what there was before, in bytes."""

    grown = 0

    def __enter__(self) -> Peak:
        # proc(5): 5 resets the peak resident set size.
        CLEAR.write_text("5")
        self._before = _status("VmRSS:")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.grown = _status("VmHWM:") - self._before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
