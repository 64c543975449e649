"""Tests of `pq`: its module of a driver, and ways to drive a `PGconn`."""

from __future__ import annotations

import importlib
import select
from collections.abc import Iterator
from types import ModuleType
from typing import Any


def module(driver: ModuleType, name: str = "pq") -> Any:
    """A module of the driver by name."""
    return importlib.import_module(f"{driver.__name__}.{name}")


def drive(pgconn: Any) -> Iterator[Any]:
    """The results of what was sent, up to the end of a command, waiting with `select()` only."""
    while pgconn.flush():
        readable, _, _ = select.select([pgconn.socket], [pgconn.socket], [], 10)
        if readable:
            pgconn.consume_input()
    while True:
        while pgconn.is_busy():
            assert select.select([pgconn.socket], [], [], 10)[0], "nothing came"
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return
        yield result


def picture(result: Any) -> Any:
    """What a result says, and its values."""
    if result is None:
        return None
    return (
        result.status,
        result.ntuples,
        result.nfields,
        result.command_status,
        result.error_field(ord("C")),
        [result.fname(n) for n in range(result.nfields)],
        [[result.get_value(r, c) for c in range(result.nfields)] for r in range(result.ntuples)],
        [result.param_type(n) for n in range(result.nparams)],
    )
