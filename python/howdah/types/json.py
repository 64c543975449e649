"""JSON values: the wrappers that choose `json` or `jsonb`, and the functions that (de)serialise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from ..errors import NotSupportedError

__all__ = ["Json", "JsonDumpsFunction", "JsonLoadsFunction", "Jsonb"]
__all__ += ["set_json_dumps", "set_json_loads"]

JsonDumpsFunction: TypeAlias = Callable[[Any], "str | bytes"]
JsonLoadsFunction: TypeAlias = Callable[["str | bytes"], Any]


class _JsonWrapper:
    __slots__ = ("dumps", "obj")

    def __init__(self, obj: Any, dumps: JsonDumpsFunction | None = None) -> None:
        self.obj = obj
        self.dumps = dumps

    def __repr__(self) -> str:
        text = repr(self.obj)
        if len(text) > 40:
            text = f"{text[:35]} ... ({len(text)} chars)"
        return f"{type(self).__name__}({text})"


class Json(_JsonWrapper):
    """A value to be sent as `json`.

    `dumps` makes the text (or UTF-8 bytes) of `obj`; without it the function of `set_json_dumps()`
    does.
    """

    __slots__ = ()


class Jsonb(_JsonWrapper):
    """A value to be sent as `jsonb`; otherwise like `Json`."""

    __slots__ = ()


def set_json_dumps(dumps: JsonDumpsFunction, context: Any = None) -> None:
    """Set the function that makes the text of `Json` and `Jsonb` values, `json.dumps` at first.

    It holds for the whole process. Raises `NotSupportedError` if `context` is given: settings for
    one connection or cursor are not built yet.
    """
    global _dumps
    _refuse_context(context)
    _dumps = dumps


def set_json_loads(loads: JsonLoadsFunction, context: Any = None) -> None:
    """Set the function that reads `json` and `jsonb` results, `json.loads` at first.

    It holds for the whole process. Raises `NotSupportedError` if `context` is given: settings for
    one connection or cursor are not built yet.
    """
    global _loads
    _refuse_context(context)
    _loads = loads


# The extension reads these two names of this module when it needs them.
_dumps: JsonDumpsFunction = json.dumps
_loads: JsonLoadsFunction = json.loads


def _refuse_context(context: Any) -> None:
    if context is not None:
        raise NotSupportedError("JSON functions for one connection or cursor are not built yet")
