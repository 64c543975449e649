"""Scalars of numpy as parameters, against the oracle.

Both drivers know the classes by name and do not import numpy. Where it is not installed, classes of those names stand
in, which convert themselves as numpy's do.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import struct
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from support.type_cases import outcome

HAS_NUMPY = importlib.util.find_spec("numpy") is not None
VALUES: dict[str, list[Any]] = {
    "int8": [0, -128, 127],
    "int16": [-(2**15), 5],
    "int32": [-(2**31), 5],
    "int64": [-(2**63), 2**63 - 1, 5],
    "longlong": [-(2**63), 5],
    "uint8": [255],
    "uint16": [2**16 - 1, 5],
    "uint32": [2**32 - 1, 5],
    "uint64": [2**64 - 1, 5],
    "ulonglong": [2**64 - 1, 5],
    "float16": [1.5, math.inf],
    "float32": [1.5, struct.unpack("f", struct.pack("f", 1.1))[0], math.nan],
    "bool": [True, False],
    "bool_": [True],
}


class Scalar:
    """What a scalar of numpy can do that matters here."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __str__(self) -> str:
        return str(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)


class IntegerScalar(Scalar):
    """With an index."""

    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__


class FloatScalar(Scalar):
    """With a float."""

    def __float__(self) -> float:
        return float(self.value)


@functools.cache
def scalar(name: str) -> Callable[[Any], Any]:
    """A class of numpy, or one of that name: always the same, for the oracle remembers the first it saw."""
    if HAS_NUMPY:
        cls: Callable[[Any], Any] = getattr(importlib.import_module("numpy"), name)
        return cls
    base = FloatScalar if name.startswith("float") else Scalar if name.startswith("bool") else IntegerScalar
    return type(name, (base,), {"__module__": "numpy"})


@pytest.fixture
def pair(driver: ModuleType, oracle: ModuleType, dsn: str) -> Iterator[tuple[Any, Any]]:
    with driver.connect(dsn, autocommit=True) as ours, oracle.connect(dsn, autocommit=True) as theirs:
        yield ours, theirs


def check(pair: tuple[Any, Any], values: list[Any]) -> list[Any]:
    """The outcomes, which are the same for both drivers."""
    found = []
    for placeholder in ("%s", "%b", "%t"):
        for query in (f"select {placeholder}", f"select pg_typeof({placeholder})::text"):
            for binary in (False, True):
                results = [outcome(c, query, (v,), binary) for c, v in zip(pair, values, strict=True)]
                assert results[0] == results[1], (query, binary)
                found.append(results[0])
    return found


@pytest.mark.parametrize("name", VALUES)
def test_scalar_and_list(pair: tuple[Any, Any], name: str) -> None:
    cls = scalar(name)
    made = [cls(value) for value in VALUES[name]]
    for value in [*made, made, [made[0], None], [[value] for value in made]]:
        assert all(seen[0] == "rows" for seen in check(pair, [value, value]))


needs_numpy = pytest.mark.skipif(not HAS_NUMPY, reason="the oracle asks numpy itself which classes are integers")


@needs_numpy
def test_beside_other_numbers(pair: tuple[Any, Any]) -> None:
    short, long, flag, single = (scalar(name) for name in ("int16", "int64", "bool", "float32"))
    values = [
        [short(1), 2], [2, short(1)], [1, long(2)], [long(1), 2**40], [flag(True), True], [single(1.5), 1.5],
        (long(1), single(1.5), flag(False)),
    ]  # fmt: skip
    for value in values:
        check(pair, [value, value])


@needs_numpy
def test_bounds_of_ranges(pair: tuple[Any, Any], driver: ModuleType, oracle: ModuleType) -> None:
    modules = [importlib.import_module(f"{m.__name__}.types.range") for m in (driver, oracle)]
    one, five = scalar("int64")(1), scalar("int64")(5)
    for name, lower, upper in [
        ("Range", one, five), ("Int4Range", one, None), ("NumericRange", one, five), ("Int8Range", 1, five),
        ("Range", scalar("int32")(1), None),
    ]:  # fmt: skip
        values = [getattr(m, name)(lower, upper) for m in modules]
        assert all(seen[0] == "rows" for seen in check(pair, values))


def test_class_of_another_module(driver: ModuleType, conn: Any) -> None:
    with pytest.raises(driver.ProgrammingError, match="cannot adapt"):
        conn.execute("select %s", (IntegerScalar(5),))
