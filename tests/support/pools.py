"""psycopg_pool, once on psycopg and once on howdah under its name."""

from __future__ import annotations

import functools
import importlib
import sys
from types import FunctionType, ModuleType

OURS = ("psycopg", "psycopg_pool")


@functools.cache
def pool_module(driver: ModuleType) -> ModuleType:
    """The pools that are made of this driver's connections."""
    saved = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in OURS}
    finders = list(sys.meta_path)
    try:
        if driver.__name__ == "howdah":
            driver.install_as_psycopg()
        else:
            sys.modules.update({name: module for name, module in saved.items() if name.startswith("psycopg.")})
            sys.modules["psycopg"] = driver
        return importlib.import_module("psycopg_pool")
    finally:
        sys.meta_path[:] = finders
        for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
            del sys.modules[name]
        sys.modules.update(saved)
        _give_names_back()


def _give_names_back() -> None:
    """Other tests in this process look at the names that howdah's classes have by themselves."""
    ours = [module for name, module in sys.modules.items() if name.partition(".")[0] == "howdah"]
    for value in [value for module in ours for value in vars(module).values()]:
        if isinstance(value, (type, FunctionType)) and value.__module__.partition(".")[0] == "psycopg":
            value.__module__ = f"howdah{value.__module__.removeprefix('psycopg')}"
