"""What is known about PostgreSQL's types, and how to ask a server about more of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast, overload

from . import errors
from ._both_doors import Steps, run, run_async, within
from ._compat import TypeVar
from ._typemod import TypeModifier
from .rows import dict_row

if TYPE_CHECKING:
    from ._howdah import BaseConnection
    from .abc import AdaptContext
    from .connection import Connection
    from .connection_async import AsyncConnection

T = TypeVar("T", bound="TypeInfo")

RegistryKey: TypeAlias = str | int | tuple[type, int]


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
    def fetch(cls: type[T], conn: BaseConnection, name: str | Any) -> Any:
        """Ask the server about a type; on an asynchronous connection the result is to be awaited.

        The name is read as in SQL: it may have a schema, and has to be quoted if it is not in lower case.
        Returns `None` if there is no such type. Raises `ProgrammingError` if there is more than one, and `TypeError`
        if `conn` is no connection. The transaction status of the connection is the same afterwards.
        Source: function `to_regtype()`.
        """
        from .connection import Connection
        from .connection_async import AsyncConnection

        if hasattr(name, "as_string"):
            name = name.as_string(conn)
        if isinstance(conn, Connection):
            return run(cls._fetching(conn, name))
        if isinstance(conn, AsyncConnection):
            return run_async(cls._fetching(conn, name))
        raise TypeError(f"expected Connection or AsyncConnection, got {type(conn).__name__}")

    def register(self, context: AdaptContext | None = None) -> None:
        """Make the type and its array known in a connection, a cursor or another context; without one, globally.

        What was made from the context before does not see it.
        """
        from . import postgres

        types = postgres.types if context is None else context.adapters.types
        types.add(self)
        if self.array_oid:
            from .types.array import register_array

            register_array(self, context)

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
    def _get_info_query(cls, conn: BaseConnection) -> str:
        """Return a query with the parameter `name` whose columns are the arguments of the class."""
        return _QUERY

    @classmethod
    def _fetching(cls: type[T], conn: Connection[Any] | AsyncConnection[Any], name: str) -> Steps[T | None]:
        from .cursor import Cursor
        from .cursor_async import AsyncCursor

        cursor_class: Any = AsyncCursor if hasattr(conn, "__aenter__") else Cursor
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


class TypesRegistry:
    """Types by name and by OID; that of an array finds its element's type.

    A registry made from another one begins with its types, and is independent of it.
    """

    __module__ = "howdah.types"

    def __init__(self, template: TypesRegistry | None = None) -> None:
        self._registry: dict[RegistryKey, TypeInfo] = {}
        self._own_state = True
        if template is not None:
            # Shared until one of the two is written to.
            self._registry = template._registry
            self._own_state = template._own_state = False

    def clear(self) -> None:
        """Forget all types."""
        self._registry = {}
        self._own_state = True

    def add(self, info: TypeInfo) -> None:
        """Add a type; it takes the place of another one of its name or OID."""
        self._ensure_own_state()
        keys = [key for key in (info.oid, info.array_oid) if key]
        self._registry.update(dict.fromkeys((*keys, info.name), info))
        if info.regtype:
            self._registry.setdefault(info.regtype, info)
        info._added(self)

    def __iter__(self) -> Iterator[TypeInfo]:
        return iter({id(info): info for info in self._registry.values()}.values())

    @overload
    def __getitem__(self, key: str | int) -> TypeInfo: ...
    @overload
    def __getitem__(self, key: tuple[type[T], int]) -> T: ...
    def __getitem__(self, key: RegistryKey) -> TypeInfo:
        """Return the type of a name or an OID. Raises `KeyError` if it is not known.

        A name may be that of SQL, such as `double precision`, and may have `[]` after it.
        """
        if isinstance(key, str):
            key = key.removesuffix("[]")
        elif not isinstance(key, (int, tuple)):
            raise TypeError(f"the key must be an oid or a name, got {type(key)}")
        try:
            return self._registry[key]
        except KeyError:
            raise KeyError(f"couldn't find the type {key!r} in the types registry") from None

    @overload
    def get(self, key: str | int) -> TypeInfo | None: ...
    @overload
    def get(self, key: tuple[type[T], int]) -> T | None: ...
    def get(self, key: RegistryKey) -> TypeInfo | None:
        """Return the type of a name or an OID, `None` if it is not known."""
        try:
            return self[key]
        except KeyError:
            return None

    def get_oid(self, name: str) -> int:
        """Return the OID of a type, or of its array if there is `[]` after the name.

        Raises `KeyError` if the type is not known.
        """
        info = self[name]
        return info.array_oid if name.endswith("[]") else info.oid

    def get_by_subtype(self, cls: type[T], subtype: int | str) -> T | None:
        """Return the range or multirange whose bounds are of a type, given by name or OID.

        `cls` is `RangeInfo` or `MultirangeInfo`. Returns `None` if there is none.
        """
        element = self.get(subtype)
        return None if element is None else self.get((cls, element.oid))

    def _ensure_own_state(self) -> None:
        if not self._own_state:
            self._registry = self._registry.copy()
            self._own_state = True


_QUERY = """\
SELECT t.typname AS name, t.oid, t.typarray AS array_oid, t.oid::regtype::text AS regtype, t.typdelim AS delimiter
FROM pg_type t WHERE t.oid = to_regtype(%(name)s)"""
