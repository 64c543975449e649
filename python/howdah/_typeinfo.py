"""What is known about PostgreSQL's types, and how to ask a server about more of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast, overload

from . import errors
from ._both_doors import Steps, run, run_async, within
from ._compat import TypeVar
from ._globals import adapters_of
from ._howdah import AsyncConnectionBase, AsyncCursorBase, SyncConnection, SyncCursor
from ._typemod import TypeModifier
from .rows import dict_row

if TYPE_CHECKING:
    from ._connection_base import BaseConnection
    from ._registry import TypesRegistry
    from .abc import AdaptContext
    from .connection import Connection
    from .connection_async import AsyncConnection

T = TypeVar("T", bound="TypeInfo")


class TypeInfo:
    """What is known about a type of PostgreSQL: its name, its OID and the OID of its array.

    `fetch()` asks the server; `register()` makes the type known to what is adapted in a context.
    """

    __module__ = "howdah.types"

    def __init__(
        self,
        name: str,
        oid: int,
        array_oid: int,
        *,
        regtype: str = "",
        delimiter: str = ",",
        typemod: type[TypeModifier] = TypeModifier,
    ) -> None:
        self.name = name
        self.oid = oid
        self.array_oid = array_oid
        self.regtype = regtype or name
        self.delimiter = delimiter
        self.typemod = typemod(oid)

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__}: {self.name} (oid: {self.oid}, array oid: {self.array_oid})>"

    # What names a type besides a string is an `sql.Identifier`, or whatever else has its `as_string()`.

    @overload
    @classmethod
    def fetch(cls: type[T], conn: Connection[Any], name: str | Any) -> T | None: ...
    @overload
    @classmethod
    async def fetch(cls: type[T], conn: AsyncConnection[Any], name: str | Any) -> T | None: ...
    @classmethod
    def fetch(cls: type[T], conn: BaseConnection[Any], name: str | Any) -> Any:
        """Ask the server about a type; on an asynchronous connection the result is to be awaited.

        The name is read as in SQL: it may have a schema, and has to be quoted if it is not in lower case.
        Returns `None` if there is no such type. Raises `ProgrammingError` if there is more than one, and `TypeError`
        if `conn` is no connection. The transaction status of the connection is the same afterwards.
        Source: function `to_regtype()`.
        """
        if hasattr(name, "as_string"):
            name = name.as_string(conn)
        if isinstance(conn, SyncConnection):
            return run(cls._fetching(conn, name))
        if isinstance(conn, AsyncConnectionBase):
            return run_async(cls._fetching(conn, name))
        raise TypeError(f"expected Connection or AsyncConnection, got {type(conn).__name__}")

    def register(self, context: AdaptContext | None = None) -> None:
        """Make the type and its array known in a connection, a cursor or another context; without one, globally.

        What was made from the context before does not see it.
        """
        adapters_of(context).types.add(self)
        if self.array_oid:
            self._register_array(context)

    def get_type_display(self, oid: int | None = None, fmod: int | None = None) -> str:
        """Return the name with a modifier, and with brackets if `oid` is that of the array."""
        numbers = self.typemod.get_modifier(fmod) if fmod is not None else None
        shown = f"({','.join(map(str, numbers))})" if numbers else ""
        return self.name + shown + ("[]" if oid == self.array_oid else "")

    def get_display_size(self, fmod: int) -> int | None:
        """Return the greatest length of a value that a modifier allows."""
        return self.typemod.get_display_size(fmod)

    def get_precision(self, fmod: int) -> int | None:
        """Return how many digits a modifier allows."""
        return self.typemod.get_precision(fmod)

    def get_scale(self, fmod: int) -> int | None:
        """Return how many digits after the decimal point a modifier allows."""
        return self.typemod.get_scale(fmod)

    @classmethod
    def _get_info_query(cls, conn: BaseConnection[Any]) -> str:
        """Return a query with the parameter `name` whose columns are the arguments of the class."""
        return _QUERY

    @classmethod
    def _fetching(cls: type[T], conn: Any, name: str) -> Steps[T | None]:
        # The plainest cursor, whatever the connection's are.
        cursor_class: Any = AsyncCursorBase if isinstance(conn, AsyncConnectionBase) else SyncCursor
        transaction: Any = conn.transaction()
        try:
            # A block of its own: a failure leaves no transaction of the user's in error.
            records = yield from within(transaction, cls._querying(conn, name, cursor_class))
        except errors.UndefinedObject:
            return None
        return cls._from_records(name, records)

    @classmethod
    def _querying(cls, conn: Any, name: str, cursor_class: Any) -> Steps[list[dict[str, Any]]]:
        cursor = cursor_class(conn, row_factory=dict_row)
        if conn.info.encoding == "ascii":
            # Names would come as bytes.
            yield cursor.execute("set local client_encoding to utf8")
        yield cursor.execute(cls._get_info_query(conn), {"name": name})
        records = yield cursor.fetchall()
        yield cursor.close()
        return cast("list[dict[str, Any]]", records)

    @classmethod
    def _from_records(cls: type[T], name: str, recs: Sequence[dict[str, Any]]) -> T | None:
        if len(recs) > 1:
            raise errors.ProgrammingError(f"found {len(recs)} different types named {name}")
        return cls(**recs[0]) if recs else None

    def _added(self, registry: TypesRegistry) -> None:
        """Do what is left to do when the type was added to a registry."""

    if TYPE_CHECKING:

        def _register_array(self, context: AdaptContext | None) -> None:
            """Register the adapters of the array: `types.array`, which stands on this module, puts it here."""


_QUERY = """\
SELECT t.typname AS name, t.oid, t.typarray AS array_oid, t.oid::regtype::text AS regtype, t.typdelim AS delimiter
FROM pg_type t WHERE t.oid = to_regtype(%(name)s)"""
