"""Adapters of numpy's scalars; numpy is not imported for them."""

from __future__ import annotations

from .. import _oids_generated as oids
from .._howdah import BuiltinDumper
from ..abc import AdaptContext
from ..adapt import Dumper
from ..pq import Format
from .bool import BoolBinaryDumper, BoolDumper
from .numeric import Float4BinaryDumper, Float4Dumper, FloatBinaryDumper, FloatDumper


class NPInt16Dumper(BuiltinDumper, Dumper):
    """An integer of at most 16 bits to `int2`, in text."""

    _codec = "int2"
    oid = oids.INT2


class NPInt32Dumper(BuiltinDumper, Dumper):
    """An integer of at most 32 bits to `int4`, in text."""

    _codec = "int4"
    oid = oids.INT4


class NPInt64Dumper(BuiltinDumper, Dumper):
    """An integer of at most 64 bits to `int8`, in text."""

    _codec = "int8"
    oid = oids.INT8


class NPNumericDumper(BuiltinDumper, Dumper):
    """An unsigned integer of 64 bits to `numeric`, in text."""

    _codec = "int_numeric"
    oid = oids.NUMERIC


class NPInt16BinaryDumper(NPInt16Dumper):
    """An integer of at most 16 bits to `int2`, in binary."""

    _codec = "int2"
    format = Format.BINARY


class NPInt32BinaryDumper(NPInt32Dumper):
    """An integer of at most 32 bits to `int4`, in binary."""

    _codec = "int4"
    format = Format.BINARY


class NPInt64BinaryDumper(NPInt64Dumper):
    """An integer of at most 64 bits to `int8`, in binary."""

    _codec = "int8"
    format = Format.BINARY


class NPNumericBinaryDumper(NPNumericDumper):
    """An unsigned integer of 64 bits to `numeric`, in binary."""

    _codec = "int_numeric"
    format = Format.BINARY


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    # In binary last: it is used for %s.
    for name, dumper, _ in _DUMPERS:
        context.adapters.register_dumper(f"numpy.{name}", dumper)
    for name, _, dumper in _DUMPERS:
        context.adapters.register_dumper(f"numpy.{name}", dumper)


# Names, because a class that is registered under its name need not be imported. Some are two names of one class, which
# of them is its own depends on numpy's version and on the platform.
_DUMPERS: list[tuple[str, type[Dumper], type[Dumper]]] = [
    ("int8", NPInt16Dumper, NPInt16BinaryDumper),
    ("int16", NPInt16Dumper, NPInt16BinaryDumper),
    ("int32", NPInt32Dumper, NPInt32BinaryDumper),
    ("int64", NPInt64Dumper, NPInt64BinaryDumper),
    ("longlong", NPInt64Dumper, NPInt64BinaryDumper),
    ("bool", BoolDumper, BoolBinaryDumper),
    ("bool_", BoolDumper, BoolBinaryDumper),
    ("uint8", NPInt16Dumper, NPInt16BinaryDumper),
    ("uint16", NPInt32Dumper, NPInt32BinaryDumper),
    ("uint32", NPInt64Dumper, NPInt64BinaryDumper),
    ("uint64", NPNumericDumper, NPNumericBinaryDumper),
    ("ulonglong", NPNumericDumper, NPNumericBinaryDumper),
    ("float16", Float4Dumper, Float4BinaryDumper),
    ("float32", Float4Dumper, Float4BinaryDumper),
    ("float64", FloatDumper, FloatBinaryDumper),
]
