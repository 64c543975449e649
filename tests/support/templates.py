"""Template strings (PEP 750) for interpreters that have no syntax for them.

`template("select ", Value(1), " as ", Value("name", "i"))` is what `t"select {1} as {'name':i}"` is on Python 3.14.
Before that it is an object of a class derived from the driver's own stand-in, with the same attributes.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple


class Value(NamedTuple):
    """What stands between braces."""

    value: Any
    spec: str = ""
    conversion: Any = None
    expression: str = "x"


class Templates:
    """Makes the template strings of a driver."""

    def __init__(self, driver: ModuleType) -> None:
        self._template, self._interpolation = _classes(driver.__name__)

    def __call__(self, *parts: Any) -> Any:
        """A template string of strings, values, and parts of other template strings."""
        made = [self._interpolated(part) if isinstance(part, Value) else part for part in parts]
        return self._template(*made)

    def _interpolated(self, part: Value) -> Any:
        return self._interpolation(part.value, part.expression, part.conversion, part.spec)


@functools.cache
def _classes(driver: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    if sys.version_info >= (3, 14):
        library: Any = importlib.import_module("string.templatelib")
        return library.Template, library.Interpolation
    return stand_ins(importlib.import_module(f"{driver}._compat"))


def stand_ins(compat: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    class Interpolation(compat.Interpolation):  # type: ignore[misc]
        def __init__(self, value: Any, expression: str = "", conversion: Any = None, format_spec: str = "") -> None:
            self.value = value
            self.expression = expression
            self.conversion = conversion
            self.format_spec = format_spec

    class Template(compat.Template):  # type: ignore[misc]
        def __new__(cls, *args: Any) -> Any:
            return object.__new__(cls)

        def __init__(self, *args: Any) -> None:
            strings = [""]
            interpolations = []
            for part in args:
                if isinstance(part, str):
                    strings[-1] += part
                else:
                    interpolations.append(part)
                    strings.append("")
            self.strings = tuple(strings)
            self.interpolations = tuple(interpolations)

        def __iter__(self) -> Iterator[Any]:
            for string, interpolation in zip(self.strings, [*self.interpolations, None], strict=True):
                yield from (part for part in (string, interpolation) if part)

    return Template, Interpolation
