"""Errors of values that are of two classes: one of PEP 249's, and the one that Python has for such a value.

What a server sends may be broken: text that is not in the client encoding, a number that is none, JSON that ends too
soon. psycopg lets out what the reader of the value raises: `UnicodeDecodeError`, `decimal.InvalidOperation`,
`json.JSONDecodeError`. Whoever catches that goes on catching it, and `except howdah.Error` catches whatever a server
may cause.
"""

from __future__ import annotations

from typing import Any, Final

from . import _error_base
from ._error_base import DataError, Error

_classes: Final[dict[tuple[type[Error], type[Exception]], type[Error]]] = {}


def both(base: type[Error], other: type[Exception]) -> type[Error]:
    """Return the class that derives from both and has the name of the second; always the same one."""
    known = _classes.get((base, other))
    if known is None:
        doc = f"A `{base.__name__}` that is also a `{other.__name__}`."
        body = {"__module__": "howdah.errors", "__doc__": doc, "__reduce__": _reduce, "_parts": (base, other)}
        # Of two threads that come here at once the second one takes what the first one made.
        known = _classes.setdefault((base, other), type(other.__name__, (base, other), body))
    return known


def new(base_name: str, other: type[Exception], message: str) -> Error:
    """Make an error with a message, of the class of PEP 249 that is called so and of another one."""
    base: type[Error] = getattr(_error_base, base_name)
    return both(base, other)(message)


def of_value(error: Exception) -> Error:
    """Make a DataError of what a reader of values raised: of its class too, and with its arguments."""
    if isinstance(error, Error):
        return error
    reduced: Any = error.__reduce__()
    made = both(DataError, type(error))(*reduced[1])
    if len(reduced) > 2:
        made.__dict__.update(reduced[2])
    made.__cause__ = error
    return made


def _reduce(self: Any) -> tuple[Any, ...]:
    # The class is not found by its name, but made again.
    reduced: Any = Error.__reduce__(self)
    return (_again, (*self._parts, reduced[1]), *reduced[2:])


def _again(base: type[Error], other: type[Exception], args: tuple[Any, ...]) -> Error:
    return both(base, other)(*args)
