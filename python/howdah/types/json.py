"""JSON values: the wrappers that choose `json` or `jsonb`, their adapters, and the functions these call."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

from .. import _oids_generated as oids
from .. import abc
from .._howdah import AdaptersMap, BuiltinDumper, BuiltinLoader
from ..adapt import Dumper, Loader, PyFormat
from ..errors import ProgrammingError
from ..pq import Format

JsonDumpsFunction: TypeAlias = Callable[[Any], str | bytes]
"""Makes the text of a value."""

JsonLoadsFunction: TypeAlias = Callable[[str | bytes], Any]
"""Makes a value from its text."""


def set_json_dumps(dumps: JsonDumpsFunction, context: abc.AdaptContext | None = None) -> None:
    """Set the function that makes the text of `Json` and `Jsonb` values, `json.dumps` at first.

    It holds in a connection, a cursor or another context; without one in the whole process, except
    in contexts that have their own. A wrapper's own function goes before it.
    """
    if context is None:
        global _dumps
        _dumps = dumps
        return
    adapters = context.adapters
    # In text last: it is used for %s.
    for fmt in (PyFormat.BINARY, PyFormat.TEXT):
        for wrapper in (Json, Jsonb):
            base = _current_dumper(adapters, wrapper, fmt)
            adapters.register_dumper(wrapper, _customised(base, "_dumps", dumps))


def set_json_loads(loads: JsonLoadsFunction, context: abc.AdaptContext | None = None) -> None:
    """Set the function that reads `json` and `jsonb` results, `json.loads` at first.

    It holds in a connection, a cursor or another context; without one in the whole process, except
    in contexts that have their own.
    """
    if context is None:
        global _loads
        _loads = loads
        return
    for name, base in _LOADERS:
        context.adapters.register_loader(name, _customised(base, "_loads", loads))


# The extension reads these two names of this module when it needs them.
_dumps: JsonDumpsFunction = json.dumps
_loads: JsonLoadsFunction = json.loads


class _JsonWrapper:
    __slots__: ClassVar = {
        "dumps": "The function that makes text of the value; `None` for that of `set_json_dumps()`.",
        "obj": "The value.",
    }

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


class _JsonDumper(Dumper):
    _dumps: ClassVar[JsonDumpsFunction | None] = None

    def __init__(self, cls: type, context: abc.AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        own = type(self)._dumps
        self.dumps: JsonDumpsFunction = _dumps if own is None else own


class JsonDumper(BuiltinDumper, _JsonDumper):
    """`Json`, or any value that the dumps function takes, to `json`, in text."""

    _codec = "json"
    oid = oids.JSON


class JsonBinaryDumper(BuiltinDumper, _JsonDumper):
    """`Json`, or any value that the dumps function takes, to `json`, in binary, which is its text."""

    _codec = "json"
    format = Format.BINARY
    oid = oids.JSON


class JsonbDumper(BuiltinDumper, _JsonDumper):
    """`Jsonb`, or any value that the dumps function takes, to `jsonb`, in text."""

    _codec = "jsonb"
    oid = oids.JSONB


class JsonbBinaryDumper(BuiltinDumper, _JsonDumper):
    """`Jsonb`, or any value that the dumps function takes, to `jsonb`, in binary."""

    _codec = "jsonb"
    format = Format.BINARY
    oid = oids.JSONB


class _JsonLoader(Loader):
    _loads: ClassVar[JsonLoadsFunction | None] = None

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        own = type(self)._loads
        self.loads: JsonLoadsFunction = _loads if own is None else own


class JsonLoader(BuiltinLoader, _JsonLoader):
    """`json` in text to what the loads function makes of it."""

    _codec = "json"


class JsonbLoader(BuiltinLoader, _JsonLoader):
    """`jsonb` in text to what the loads function makes of it."""

    _codec = "jsonb"


class JsonBinaryLoader(BuiltinLoader, _JsonLoader):
    """`json` in binary to what the loads function makes of it."""

    _codec = "json"
    format = Format.BINARY


class JsonbBinaryLoader(BuiltinLoader, _JsonLoader):
    """`jsonb` in binary to what the loads function makes of it."""

    _codec = "jsonb"
    format = Format.BINARY


def register_default_adapters(context: abc.AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    adapters = context.adapters
    for (wrapper, _), dumper in _DUMPERS.items():
        adapters.register_dumper(wrapper, dumper)
    for name, loader in _LOADERS:
        adapters.register_loader(name, loader)


# In text last: it is used for %s.
_DUMPERS: dict[tuple[type[_JsonWrapper], PyFormat], type[Dumper]] = {
    (Json, PyFormat.BINARY): JsonBinaryDumper,
    (Json, PyFormat.TEXT): JsonDumper,
    (Jsonb, PyFormat.BINARY): JsonbBinaryDumper,
    (Jsonb, PyFormat.TEXT): JsonbDumper,
}

_LOADERS: list[tuple[str, type[Loader]]] = [
    ("json", JsonLoader),
    ("json", JsonBinaryLoader),
    ("jsonb", JsonbLoader),
    ("jsonb", JsonbBinaryLoader),
]


def _current_dumper(adapters: AdaptersMap, wrapper: type[_JsonWrapper], format: PyFormat) -> type[abc.Dumper]:
    try:
        return adapters.get_dumper(wrapper, format)
    except ProgrammingError:
        return _DUMPERS[wrapper, format]


def _customised(base: type, attribute: str, function: Callable[[Any], Any]) -> Any:
    # Not one on top of the other, however often a function is set.
    base = vars(base).get("_customises", base)
    try:
        return _subclass(base, attribute, function)
    except TypeError:
        # An object that can be called need not be hashable.
        return _subclass.__wrapped__(base, attribute, function)


# Programs that set a function on every new connection or cursor get the same few classes.
@lru_cache(maxsize=64)
def _subclass(base: type, attribute: str, function: Callable[[Any], Any]) -> type:
    members = {"__module__": __name__, "__doc__": base.__doc__, "_customises": base, attribute: function}
    # As exact as its base: one that a program derived has methods to be called.
    if "_codec" in vars(base):
        members["_codec"] = vars(base)["_codec"]
    return type(f"Custom{base.__name__}", (base,), members)
