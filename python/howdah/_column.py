"""The description of a result's column."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from . import _globals
from ._typeinfo import TypeInfo

if TYPE_CHECKING:
    from ._compat import Self
    from ._howdah import BaseCursor
    from ._registry import TypesRegistry


class Column(Sequence[Any]):
    """A column of a result: an element of `Cursor.description`.

    It is also the sequence of seven items that PEP 249 describes: name, type code, display size,
    internal size, precision, scale, null ok.
    """

    __module__ = "howdah"
    __slots__ = ("_fmod", "_format", "_fsize", "_name", "_table_column", "_table_oid", "_type", "_type_code")

    _name: str
    _type_code: int
    _type: TypeInfo | None
    _fmod: int
    _fsize: int
    _table_oid: int
    _table_column: int
    _format: int

    def __init__(self, cursor: BaseCursor, index: int) -> None:
        source = (cursor.description or [])[index]
        for slot in Column.__slots__:
            setattr(self, slot, getattr(source, slot))

    @classmethod
    def _make(
        cls,
        name: str,
        type_code: int,
        fmod: int,
        fsize: int,
        table_oid: int,
        table_column: int,
        format: int,
        types: TypesRegistry | None = None,
    ) -> Self:
        """Make a column from the fields of a RowDescription message, and the types that its cursor knows."""
        self = cls.__new__(cls)
        self._name = name
        self._type_code = type_code
        self._type = (_globals.types if types is None else types).get(type_code)
        self._fmod = fmod
        self._fsize = fsize
        self._table_oid = table_oid
        self._table_column = table_column
        self._format = format
        return self

    def __repr__(self) -> str:
        return f"<Column {self.name!r}, type: {self.type_display} (oid: {self.type_code})>"

    def __len__(self) -> int:
        return len(_ITEMS)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(item(self) for item in _ITEMS[index])
        return _ITEMS[index](self)

    def __getstate__(self) -> tuple[Any, ...]:
        values = {slot: getattr(self, slot) for slot in Column.__slots__}
        return tuple({**values, "_type": _plain(self._type)}.values())

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        for slot, value in zip(Column.__slots__, state, strict=True):
            setattr(self, slot, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return _new_column, (type(self),), self.__getstate__()

    @property
    def name(self) -> str:
        """The name of the column."""
        return self._name

    @property
    def type_code(self) -> int:
        """The OID of the column's type."""
        return self._type_code

    @property
    def type_display(self) -> str:
        """The name of the type with its modifier: `varchar(42)`, `date[]`.

        The OID in digits if the cursor does not know the type.
        """
        return self._type.get_type_display(self._type_code, self._fmod) if self._type else str(self._type_code)

    @property
    def display_size(self) -> int | None:
        """The greatest length, for types such as `varchar(n)`; else `None`."""
        return self._type.get_display_size(self._fmod) if self._type else None

    @property
    def internal_size(self) -> int | None:
        """The bytes that a value takes in the server, `None` if that is not fixed."""
        return self._fsize if self._fsize >= 0 else None

    @property
    def precision(self) -> int | None:
        """The number of digits, for types that can limit it; else `None`."""
        return self._type.get_precision(self._fmod) if self._type else None

    @property
    def scale(self) -> int | None:
        """The number of digits after the decimal point, for a numeric that limits it."""
        return self._type.get_scale(self._fmod) if self._type else None

    @property
    def null_ok(self) -> bool | None:
        """Always `None`: the server does not say."""
        return None


def _new_column(cls: type[Column]) -> Column:
    return cls.__new__(cls)


def _plain(info: TypeInfo | None) -> TypeInfo | None:
    """Return what a column needs of a type, without classes that a program registered: they may not be picklable."""
    if info is None:
        return None
    modifier = type(info.typemod)
    return TypeInfo(
        info.name, info.oid, info.array_oid, regtype=info.regtype, delimiter=info.delimiter, typemod=modifier
    )


_ITEMS = tuple(
    attrgetter(name)
    for name in (
        "name",
        "type_code",
        "display_size",
        "internal_size",
        "precision",
        "scale",
        "null_ok",
    )
)
