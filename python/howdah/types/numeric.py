"""Numbers that are sent as one PostgreSQL type, whatever their value.

A plain `int` is sent as the smallest type that holds it, a plain `float` as `float8`. These classes
are for the cases in which the server has to see another type: overloaded functions, binary
formats, values compared with a column of another width.
"""

from __future__ import annotations

__all__ = ["Float4", "Float8", "Int2", "Int4", "Int8", "IntNumeric", "Oid"]


def _show_int(self: int) -> str:
    return f"{type(self).__name__}({int.__repr__(self)})"


def _show_float(self: float) -> str:
    return f"{type(self).__name__}({float.__repr__(self)})"


class Int2(int):
    """An `int` to be sent as `smallint`."""

    __slots__ = ()

    def __new__(cls, arg: int) -> Int2:
        return super().__new__(cls, arg)

    __str__ = int.__repr__
    __repr__ = _show_int


class Int4(int):
    """An `int` to be sent as `integer`."""

    __slots__ = ()

    def __new__(cls, arg: int) -> Int4:
        return super().__new__(cls, arg)

    __str__ = int.__repr__
    __repr__ = _show_int


class Int8(int):
    """An `int` to be sent as `bigint`."""

    __slots__ = ()

    def __new__(cls, arg: int) -> Int8:
        return super().__new__(cls, arg)

    __str__ = int.__repr__
    __repr__ = _show_int


class IntNumeric(int):
    """An `int` to be sent as `numeric`; with `%b` it is sent as a plain `int` would be."""

    __slots__ = ()

    def __new__(cls, arg: int) -> IntNumeric:
        return super().__new__(cls, arg)

    __str__ = int.__repr__
    __repr__ = _show_int


class Oid(int):
    """An `int` to be sent as `oid`."""

    __slots__ = ()

    def __new__(cls, arg: int) -> Oid:
        return super().__new__(cls, arg)

    __str__ = int.__repr__
    __repr__ = _show_int


class Float4(float):
    """A `float` to be sent as `real`."""

    __slots__ = ()

    def __new__(cls, arg: float) -> Float4:
        return super().__new__(cls, arg)

    __str__ = float.__repr__
    __repr__ = _show_float


class Float8(float):
    """A `float` to be sent as `double precision`."""

    __slots__ = ()

    def __new__(cls, arg: float) -> Float8:
        return super().__new__(cls, arg)

    __str__ = float.__repr__
    __repr__ = _show_float
