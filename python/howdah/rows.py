"""Row factories: what a row of a result becomes.

A row factory is called with the cursor each time a result arrives, and returns the function that
makes an object from the values of one row.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol, TypeAlias

from . import _howdah
from ._compat import TypeVar
from .errors import DataError, InterfaceError

if TYPE_CHECKING:
    from ._howdah import BaseCursor
    from .cursor import Cursor
    from .cursor_async import AsyncCursor

T = TypeVar("T", covariant=True)

Row = TypeVar("Row", covariant=True, default="TupleRow")

TupleRow: TypeAlias = tuple[Any, ...]
"""What `tuple_row` makes."""

DictRow: TypeAlias = dict[str, Any]
"""What `dict_row` makes."""


class RowMaker(Protocol[Row]):
    """Makes an object from the values of one row."""

    def __call__(self, __values: Sequence[Any]) -> Row: ...


class RowFactory(Protocol[Row]):
    """Takes a `Cursor` that has a result, returns its `RowMaker`."""

    def __call__(self, __cursor: Cursor[Any]) -> RowMaker[Row]: ...


class AsyncRowFactory(Protocol[Row]):
    """Takes an `AsyncCursor` that has a result, returns its `RowMaker`."""

    def __call__(self, __cursor: AsyncCursor[Any]) -> RowMaker[Row]: ...


class BaseRowFactory(Protocol[Row]):
    """Takes a cursor of either kind, returns its `RowMaker`."""

    def __call__(self, __cursor: BaseCursor) -> RowMaker[Row]: ...


def tuple_row(cursor: BaseCursor) -> RowMaker[TupleRow]:
    """Make rows tuples. This is the default."""
    return tuple


def dict_row(cursor: BaseCursor) -> RowMaker[DictRow]:
    """Make rows dictionaries with the column names as keys.

    Of two columns with one name the last wins.
    """
    names = _column_names(cursor)
    if names is None:
        return no_result
    return _howdah.NativeRowMaker.dicts(names)


def namedtuple_row(cursor: BaseCursor) -> RowMaker[NamedTuple]:
    """Make rows named tuples with the column names as fields.

    Characters that a field cannot have become underscores, and a name that begins with a digit or
    an underscore gets an `f` in front. Raises `DataError` if two fields have the same name.
    """
    names = _column_names(cursor)
    return no_result if names is None else _howdah.NativeRowMaker.named_tuples(names)


def class_row(cls: type[T]) -> BaseRowFactory[T]:
    """Make rows instances of `cls`, called with the columns as keyword arguments."""
    return kwargs_row(cls)


def args_row(func: Callable[..., T]) -> BaseRowFactory[T]:
    """Make rows what `func` returns, called with the values as positional arguments."""

    def factory(cursor: BaseCursor) -> RowMaker[T]:
        return lambda values: func(*values)

    return factory


def kwargs_row(func: Callable[..., T]) -> BaseRowFactory[T]:
    """Make rows what `func` returns, called with the columns as keyword arguments."""

    def factory(cursor: BaseCursor) -> RowMaker[T]:
        names = _column_names(cursor)
        if names is None:
            return no_result
        return lambda values: func(**dict(zip(names, values, strict=False)))

    return factory


def scalar_row(cursor: BaseCursor) -> RowMaker[Any]:
    """Make rows the value of their first column.

    Raises `ProgrammingError` if the result has no columns.
    """
    names = _column_names(cursor)
    if names is None:
        return no_result
    return _howdah.NativeRowMaker.scalars(names)


def no_result(values: Sequence[Any]) -> NoReturn:
    """Fail: what a row factory returns for a result that has no rows.

    Raises `InterfaceError`.
    """
    raise InterfaceError("the cursor doesn't have a result")


def _column_names(cursor: BaseCursor) -> list[str] | None:
    columns = cursor.description
    return None if columns is None else [column.name for column in columns]


@lru_cache(512)
def _row_class(names: tuple[str, ...]) -> type[NamedTuple]:
    try:
        return namedtuple("Row", [_field_name(name) for name in names])  # type: ignore[return-value]
    except ValueError as error:
        raise DataError(f"can't create a namedtuple row: {error}") from None


def _field_name(name: str) -> str:
    if not name.isidentifier():
        if name[:1].isascii() and name[:1].isdigit():
            name = f"f{name}"
        name = name if name.isidentifier() else re.sub("[^A-Za-z0-9_]", "_", name)
    return f"f{name}" if name.startswith("_") else name
