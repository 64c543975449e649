"""What howdah knows of every PostgreSQL server: its types, and how they are adapted.

`types` and `adapters` are the global ones: connections are made with a copy of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from . import _types_generated as builtin
from ._globals import adapters as adapters
from ._globals import types as types
from ._typeinfo import TypeInfo
from ._typemod import (
    BitTypeModifier,
    CharTypeModifier,
    IntervalTypeModifier,
    NumericTypeModifier,
    TimeTypeModifier,
    TypeModifier,
)
from .dbapi20 import register_dbapi20_adapters
from .types.multirange import MultirangeInfo
from .types.range import RangeInfo

if TYPE_CHECKING:
    from ._registry import TypesRegistry
    from .abc import AdaptContext


def register_default_types(types: TypesRegistry) -> None:
    """Add the types of every PostgreSQL server to a registry. Source: catalogues `pg_type` and `pg_range`."""
    for name, oid, array_oid, regtype, delimiter in builtin.BASE_TYPES:
        modifier = _MODIFIERS.get(oid, TypeModifier)
        types.add(TypeInfo(name, oid, array_oid, regtype=regtype, delimiter=delimiter, typemod=modifier))
    for name, oid, array_oid, subtype_oid in builtin.RANGE_TYPES:
        types.add(RangeInfo(name, oid, array_oid, subtype_oid=subtype_oid))
    for name, oid, array_oid, range_oid, subtype_oid in builtin.MULTIRANGE_TYPES:
        types.add(MultirangeInfo(name, oid, array_oid, range_oid=range_oid, subtype_oid=subtype_oid))


def register_default_adapters(context: AdaptContext) -> None:
    """Register the dumpers and loaders of howdah in a context.

    Of two dumpers for a class the later one is used for `%s`, and of two for an OID the later one is used
    where the type is known and the class is not.
    """
    for module in _ADAPTED:
        import_module(f"{__package__}.types.{module}").register_default_adapters(context)


# Numbers are the last: of the dumpers for the OID of numeric, that of Decimal is the one that dumps every number.
_ADAPTED: Final = (
    *("array", "composite", "datetime", "enum", "json", "multirange", "net", "none", "range", "string", "uuid"),
    *("numpy", "bool", "numeric"),
)

_MODIFIERS: Final[dict[int, type[TypeModifier]]] = {
    **dict.fromkeys((18, 1042, 1043), CharTypeModifier),
    **dict.fromkeys((1560, 1562), BitTypeModifier),
    **dict.fromkeys((1083, 1114, 1184, 1266), TimeTypeModifier),
    1186: IntervalTypeModifier,
    1700: NumericTypeModifier,
}


def _register_defaults() -> None:
    register_default_types(types)
    register_default_adapters(adapters)
    # After the dumpers of bytes: of those for the OID of bytea, these dump everything.
    register_dbapi20_adapters(adapters)
    # The arrays of all types, after everything else that can be in them.
    import_module(f"{__package__}.types.array").register_all_arrays(adapters)
    # What is registered from now on is the program's.
    adapters._seal()


_register_defaults()
