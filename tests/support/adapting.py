"""Adapters of users, made for whichever driver is under test."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

TESTS = Path(__file__).resolve().parent.parent


def part(driver: ModuleType, name: str) -> ModuleType:
    """A module of the driver: "adapt", "types.json"."""
    return importlib.import_module(f"{driver.__name__}.{name}")


def made(base: Any, name: Any = "Made", **members: Any) -> Any:
    """A subclass, as a user writes one."""
    return type(name, (base,), members)


def dumper(driver: ModuleType, dump: Any, *, oid: int = 0, binary: bool = False, **members: Any) -> Any:
    """A user's dumper that gives what `dump(obj)` does."""
    form = part(driver, "pq").Format(int(binary))
    return made(
        part(driver, "adapt").Dumper, "UserDumper", dump=lambda self, obj: dump(obj), oid=oid, format=form, **members
    )


def loader(driver: ModuleType, load: Any, *, binary: bool = False, **members: Any) -> Any:
    """A user's loader that gives what `load(data)` does, of `bytes`."""
    form = part(driver, "pq").Format(int(binary))
    return made(
        part(driver, "adapt").Loader, "UserLoader", load=lambda self, data: load(bytes(data)), format=form, **members
    )


class Thing:
    """A class that no driver knows."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"Thing({self.value!r})"


class SubThing(Thing):
    """A subclass of it."""


def in_subprocess(driver: ModuleType, code: str, dsn: str = "") -> str:
    """What a program prints that may change the driver's global state; DRIVER and DSN are replaced."""
    program = code.replace("DRIVER", driver.__name__).replace("DSN", repr(dsn))
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    environ = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def is_adapter(found: type, declared: type) -> bool:
    """Whether it is that class of `psycopg.types`; its C implementation has others of the same name."""
    of_c = found.__module__ == "psycopg_binary._psycopg" and found.__name__ == declared.__name__
    return found is declared or of_c
