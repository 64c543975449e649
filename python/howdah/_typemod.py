"""Type modifiers: the numbers in `varchar(10)`, `numeric(6,2)` and `timestamp(3)`.

The server sends them with the description of a result, packed into one integer that is negative if there are none.
"""

from __future__ import annotations

from typing import Final

HEADER_BYTES: Final = 4
"""What the server adds to the modifiers of the character types and numeric: `VARHDRSZ`."""

_SCALE_BITS: Final = 11
_INTERVAL_FULL_PRECISION: Final = 0xFFFF


class TypeModifier:
    """The modifiers of a type that has none; the base of the other classes."""

    def __init__(self, oid: int) -> None:
        self.oid = oid

    def get_modifier(self, typemod: int) -> tuple[int, ...] | None:
        """Return the numbers to show in parentheses after the name of the type."""
        return None

    def get_display_size(self, typemod: int) -> int | None:
        """Return the greatest length of a value."""
        return None

    def get_precision(self, typemod: int) -> int | None:
        """Return how many digits a value has, or the fraction of its seconds."""
        return None

    def get_scale(self, typemod: int) -> int | None:
        """Return how many digits a value has after the decimal point, maybe a negative number."""
        return None


class NumericTypeModifier(TypeModifier):
    """`numeric(precision, scale)`. Source: numeric.c, `make_numeric_typmod()`."""

    def get_modifier(self, typemod: int) -> tuple[int, ...] | None:
        precision, scale = self.get_precision(typemod), self.get_scale(typemod)
        return None if precision is None or scale is None else (precision, scale)

    def get_precision(self, typemod: int) -> int | None:
        return typemod >> 16 if typemod >= 0 else None

    def get_scale(self, typemod: int) -> int | None:
        if typemod < 0:
            return None
        bits = (typemod - HEADER_BYTES) & ((1 << _SCALE_BITS) - 1)
        is_negative = bits >> (_SCALE_BITS - 1)
        return bits - (1 << _SCALE_BITS) if is_negative else bits


class _SizeTypeModifier(TypeModifier):
    def get_modifier(self, typemod: int) -> tuple[int, ...] | None:
        size = self.get_display_size(typemod)
        return (size,) if size else None


class CharTypeModifier(_SizeTypeModifier):
    """`varchar(size)` and `char(size)`."""

    def get_display_size(self, typemod: int) -> int | None:
        return typemod - HEADER_BYTES if typemod >= 0 else None


class BitTypeModifier(_SizeTypeModifier):
    """`bit(size)` and `varbit(size)`."""

    def get_display_size(self, typemod: int) -> int | None:
        return typemod if typemod >= 0 else None


class TimeTypeModifier(TypeModifier):
    """`time(precision)`, `timestamp(precision)` and their kin with time zone."""

    def get_modifier(self, typemod: int) -> tuple[int, ...] | None:
        precision = self.get_precision(typemod)
        return None if precision is None else (precision,)

    def get_precision(self, typemod: int) -> int | None:
        return typemod & 0xFFFF if typemod >= 0 else None


class IntervalTypeModifier(TimeTypeModifier):
    """`interval fields (precision)`. Source: timestamp.h, `INTERVAL_PRECISION()`.

    The high bits say which fields there are, and with fields there may be no precision.
    """

    def get_precision(self, typemod: int) -> int | None:
        precision = super().get_precision(typemod)
        return None if precision == _INTERVAL_FULL_PRECISION else precision
