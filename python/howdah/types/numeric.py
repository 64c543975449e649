"""Numbers: classes for those that are to be sent as one type, and the adapters of all.

A plain `int` is sent as the smallest type that holds it, a plain `float` as `float8`. `Int2` and its
kin are for the cases in which the server has to see another type: overloaded functions, binary
formats, values compared with a column of another width.
"""

from __future__ import annotations

from .. import _oids_generated as oids
from .._howdah import AdaptersMap, BuiltinDumper, BuiltinLoader
from ..abc import AdaptContext, Buffer
from ..adapt import Dumper, Loader, PyFormat
from ..pq import Format


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


class IntDumper(BuiltinDumper, Dumper):
    """`int` to the smallest of `int2`, `int4`, `int8` and `numeric` that holds it, in text.

    The types are those of the dumpers that `upgrade()` returns, which also do the dumping.
    """

    _codec = "int"

    def dump(self, obj: int) -> Buffer | None:
        """Raise `TypeError`: the value's type, and with it the binary form, is not known here."""
        name = type(self).__name__
        raise TypeError(f"{name} is a dispatcher to other dumpers: dump() is not supposed to be called")

    def get_key(self, obj: int, format: PyFormat) -> type:
        """Return the class of this module that stands for the value's type."""
        return _smallest(obj)

    def upgrade(self, obj: int, format: PyFormat) -> Dumper:
        """Return the dumper for the value's type."""
        cls = _smallest(obj)
        return _TEXT_DUMPERS[cls](cls)


class IntBinaryDumper(IntDumper):
    """`int` to the smallest type that holds it, in binary; otherwise as `IntDumper`."""

    _codec = "int"
    format = Format.BINARY

    def upgrade(self, obj: int, format: PyFormat) -> Dumper:
        """Return the dumper for the value's type."""
        cls = _smallest(obj)
        return _BINARY_DUMPERS[cls](cls)


class Int2Dumper(BuiltinDumper, Dumper):
    """An integer to `int2`, in text."""

    _codec = "int2"
    oid = oids.INT2


class Int4Dumper(BuiltinDumper, Dumper):
    """An integer to `int4`, in text."""

    _codec = "int4"
    oid = oids.INT4


class Int8Dumper(BuiltinDumper, Dumper):
    """An integer to `int8`, in text."""

    _codec = "int8"
    oid = oids.INT8


class IntNumericDumper(BuiltinDumper, Dumper):
    """An integer to `numeric`, in text."""

    _codec = "int_numeric"
    oid = oids.NUMERIC


class OidDumper(BuiltinDumper, Dumper):
    """An integer to `oid`, in text."""

    _codec = "oid"
    oid = oids.OID


class Int2BinaryDumper(Int2Dumper):
    """An integer to `int2`, in binary."""

    _codec = "int2"
    format = Format.BINARY


class Int4BinaryDumper(Int4Dumper):
    """An integer to `int4`, in binary."""

    _codec = "int4"
    format = Format.BINARY


class Int8BinaryDumper(Int8Dumper):
    """An integer to `int8`, in binary."""

    _codec = "int8"
    format = Format.BINARY


class IntNumericBinaryDumper(IntNumericDumper):
    """An integer to `numeric`, in binary."""

    _codec = "int_numeric"
    format = Format.BINARY


class OidBinaryDumper(OidDumper):
    """An integer to `oid`, in binary."""

    _codec = "oid"
    format = Format.BINARY


class FloatDumper(BuiltinDumper, Dumper):
    """`float` to `float8`, in text."""

    _codec = "float8"
    oid = oids.FLOAT8


class Float4Dumper(FloatDumper):
    """`float` to `float4`, in text."""

    _codec = "float4"
    oid = oids.FLOAT4


class FloatBinaryDumper(BuiltinDumper, Dumper):
    """`float` to `float8`, in binary."""

    _codec = "float8"
    format = Format.BINARY
    oid = oids.FLOAT8


class Float4BinaryDumper(FloatBinaryDumper):
    """`float` to `float4`, in binary."""

    _codec = "float4"
    oid = oids.FLOAT4


class DecimalDumper(BuiltinDumper, Dumper):
    """`Decimal` to `numeric`, in text."""

    _codec = "decimal"
    oid = oids.NUMERIC


class DecimalBinaryDumper(BuiltinDumper, Dumper):
    """`Decimal` to `numeric`, in binary."""

    _codec = "decimal"
    format = Format.BINARY
    oid = oids.NUMERIC


class NumericDumper(BuiltinDumper, Dumper):
    """`Decimal`, `int` or an integer of numpy to `numeric`, in text, where the type is known and the class is not."""

    _codec = "numeric"
    oid = oids.NUMERIC


class NumericBinaryDumper(BuiltinDumper, Dumper):
    """What `NumericDumper` takes to `numeric`, in binary."""

    _codec = "numeric"
    format = Format.BINARY
    oid = oids.NUMERIC


class IntLoader(BuiltinLoader, Loader):
    """An integer type in text to `int`."""

    _codec = "int"


class Int2BinaryLoader(BuiltinLoader, Loader):
    """`int2` in binary to `int`."""

    _codec = "int2"
    format = Format.BINARY


class Int4BinaryLoader(BuiltinLoader, Loader):
    """`int4` in binary to `int`."""

    _codec = "int4"
    format = Format.BINARY


class Int8BinaryLoader(BuiltinLoader, Loader):
    """`int8` in binary to `int`."""

    _codec = "int8"
    format = Format.BINARY


class OidBinaryLoader(BuiltinLoader, Loader):
    """`oid` in binary to `int`."""

    _codec = "oid"
    format = Format.BINARY


class FloatLoader(BuiltinLoader, Loader):
    """`float4` or `float8` in text to `float`."""

    _codec = "float"


class Float4BinaryLoader(BuiltinLoader, Loader):
    """`float4` in binary to `float`."""

    _codec = "float4"
    format = Format.BINARY


class Float8BinaryLoader(BuiltinLoader, Loader):
    """`float8` in binary to `float`."""

    _codec = "float8"
    format = Format.BINARY


class NumericLoader(BuiltinLoader, Loader):
    """`numeric` in text to `Decimal`."""

    _codec = "numeric"


class NumericBinaryLoader(BuiltinLoader, Loader):
    """`numeric` in binary to `Decimal`."""

    _codec = "numeric"
    format = Format.BINARY


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    _register_dumpers(context.adapters)
    _register_loaders(context.adapters)


def _register_dumpers(adapters: AdaptersMap) -> None:
    adapters.register_dumper(int, IntDumper)
    adapters.register_dumper(int, IntBinaryDumper)
    adapters.register_dumper(float, FloatDumper)
    adapters.register_dumper(float, FloatBinaryDumper)
    for cls, text_dumper in _TEXT_DUMPERS.items():
        adapters.register_dumper(cls, text_dumper)
    adapters.register_dumper(Oid, OidDumper)
    # In text last, unlike the others: %s sends a Decimal as text.
    adapters.register_dumper("decimal.Decimal", DecimalBinaryDumper)
    adapters.register_dumper("decimal.Decimal", DecimalDumper)
    # Last of those for the OID of numeric: they take all numbers.
    adapters.register_dumper(None, NumericBinaryDumper)
    adapters.register_dumper(None, NumericDumper)
    adapters.register_dumper(Float4, Float4Dumper)
    adapters.register_dumper(Float8, FloatDumper)
    # Not IntNumeric: %b sends one as a plain int.
    adapters.register_dumper(Int2, Int2BinaryDumper)
    adapters.register_dumper(Int4, Int4BinaryDumper)
    adapters.register_dumper(Int8, Int8BinaryDumper)
    adapters.register_dumper(Oid, OidBinaryDumper)
    adapters.register_dumper(Float4, Float4BinaryDumper)
    adapters.register_dumper(Float8, FloatBinaryDumper)


def _register_loaders(adapters: AdaptersMap) -> None:
    for name in ("int2", "int4", "int8", "oid"):
        adapters.register_loader(name, IntLoader)
    adapters.register_loader("int2", Int2BinaryLoader)
    adapters.register_loader("int4", Int4BinaryLoader)
    adapters.register_loader("int8", Int8BinaryLoader)
    adapters.register_loader("oid", OidBinaryLoader)
    adapters.register_loader("float4", FloatLoader)
    adapters.register_loader("float8", FloatLoader)
    adapters.register_loader("float4", Float4BinaryLoader)
    adapters.register_loader("float8", Float8BinaryLoader)
    adapters.register_loader("numeric", NumericLoader)
    adapters.register_loader("numeric", NumericBinaryLoader)


def _smallest(value: int) -> type:
    if -(2**31) <= value < 2**31:
        return Int2 if -(2**15) <= value < 2**15 else Int4
    return Int8 if -(2**63) <= value < 2**63 else IntNumeric


_TEXT_DUMPERS: dict[type, type[Dumper]] = {
    Int2: Int2Dumper,
    Int4: Int4Dumper,
    Int8: Int8Dumper,
    IntNumeric: IntNumericDumper,
}
_BINARY_DUMPERS: dict[type, type[Dumper]] = {
    Int2: Int2BinaryDumper,
    Int4: Int4BinaryDumper,
    Int8: Int8BinaryDumper,
    IntNumeric: IntNumericBinaryDumper,
}
