"""Which drivers are measured, in which modes, and the command that starts a worker for each."""

from __future__ import annotations

import fnmatch
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .model import Kind

if TYPE_CHECKING:
    from .model import Case

__all__ = ["DRIVERS", "Driver", "choose"]


@dataclass(frozen=True)
class Driver:
    """A driver in one mode: a Python one is `benchlib.worker`, a Rust one a name that `bench/rust` knows.

    `fresh` leaves the worker's heap as a new process has it, see `worker.settle_heap`. One that is `special` has only
    the cases that name it.
    """

    name: str
    mode: str
    rust: str | None = None
    fresh: bool = False
    special: bool = False

    @property
    def key(self) -> str:
        """How reports, targets and `--drivers` call it."""
        return f"{self.name}/{self.mode}" + ("-fresh" if self.fresh else "")

    def takes_part(self, case: Case) -> bool:
        """Whether the driver has the case at all."""
        if case.drivers:
            return self.key in case.drivers
        if self.special:
            return False
        if self.name == "objects":
            return case.kind is Kind.QUERY and case.rows is not None and case.connections == 1
        return self.rust in (None, "floor") or not case.python_only

    def command(self, rust_worker: Path | None) -> list[str] | None:
        """The worker's command line, or None when the Rust program was not built."""
        if self.rust is None:
            return [sys.executable, "-m", "benchlib.worker", self.name, self.mode, *["fresh"] * self.fresh]
        return None if rust_worker is None else [str(rust_worker), self.rust]


DRIVERS = (
    Driver("floor", "blocking", rust="floor"),
    Driver("objects", "sync"),
    Driver("howdah", "sync"),
    Driver("psycopg", "sync"),
    Driver("psycopg2", "sync"),
    Driver("adbc", "sync", special=True),
    Driver("connectorx", "sync", special=True),
    Driver("howdah", "asyncio"),
    Driver("psycopg", "asyncio"),
    Driver("asyncpg", "asyncio"),
    Driver("asyncpg", "asyncio", fresh=True),
    Driver("psqlpy", "asyncio"),
    Driver("howdah", "uvloop"),
    Driver("psycopg", "uvloop"),
    Driver("asyncpg", "uvloop"),
    Driver("howdah", "blocking", rust="howdah-blocking"),
    Driver("howdah", "tokio", rust="howdah-tokio"),
    Driver("tokio-postgres", "tokio", rust="tokio-postgres"),
)


def choose(patterns: list[str]) -> list[Driver]:
    """The drivers that match any of the patterns: `psycopg`, `psycopg/asyncio`, `*/uvloop`; all for none."""
    if not patterns:
        return list(DRIVERS)
    chosen = [d for d in DRIVERS if any(fnmatch.fnmatchcase(d.key, p) or d.name == p for p in patterns)]
    unused = [p for p in patterns if not any(fnmatch.fnmatchcase(d.key, p) or d.name == p for d in DRIVERS)]
    if unused:
        raise ValueError(f"no driver matches {', '.join(unused)}; there are {', '.join(d.key for d in DRIVERS)}")
    return chosen
