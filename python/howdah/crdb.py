"""Connections to CockroachDB, which speaks PostgreSQL's protocol and has fewer types.

    with howdah.crdb.connect("host=localhost port=26257 user=root dbname=defaultdb") as conn:
        print(conn.info.vendor, conn.info.server_version)

`howdah.connect()` works with it as well, but takes its types for those of PostgreSQL.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from . import _howdah
from . import _types_generated as builtin
from ._info import ConnectionInfo
from ._registry import TypesRegistry
from ._typeinfo import TypeInfo
from .adapt import AdaptersMap
from .connection import Connection
from .connection_async import AsyncConnection
from .dbapi20 import register_dbapi20_adapters
from .errors import InternalError
from .rows import Row
from .types import array, composite, datetime, json, net, none, numeric, numpy, string, uuid
from .types import bool as boolean
from .types.enum import EnumBinaryDumper, EnumDumper

if TYPE_CHECKING:
    from .abc import AdaptContext

__all__ = ["AsyncCrdbConnection", "CrdbConnection", "CrdbConnectionInfo"]


class CrdbConnectionInfo(ConnectionInfo):
    """What can be asked about a connection to CockroachDB."""

    __module__ = "howdah.crdb"

    @property
    def vendor(self) -> str:
        """The name of the database product."""
        return "CockroachDB"

    @property
    def server_version(self) -> int:
        """The version as a number: 220103 is 22.1.3.

        Raises `InternalError` if the server does not tell its version, as PostgreSQL does not.
        """
        told = self.parameter_status("crdb_version")
        if not told:
            raise InternalError("the server has not reported its 'crdb_version'")
        version = self.parse_crdb_version(told)
        if version is None:
            raise InternalError(f"the server's 'crdb_version' is not understood: {told!r}")
        return version

    @classmethod
    def parse_crdb_version(cls, sver: str) -> int | None:
        """Return the number in what CockroachDB says of its version; `None` if there is none."""
        found = re.search(r"\bCockroachDB\b.*?\bv(\d+)\.(\d+)\.(\d+)", sver)
        if found is None:
            return None
        major, minor, patch = map(int, found.groups())
        return (major * 100 + minor) * 100 + patch


class _CrdbBase(_howdah.BaseConnection if TYPE_CHECKING else object):  # type: ignore[misc]
    """What both kinds of connections have."""

    __slots__ = ()

    @classmethod
    def is_crdb(cls, conn: Any) -> bool:
        """Tell whether a connection, or a `PGconn`, is to CockroachDB."""
        pgconn = getattr(conn, "pgconn", conn)
        return pgconn.parameter_status(b"crdb_version") is not None

    @property
    def info(self) -> CrdbConnectionInfo:
        """What can be asked about the connection."""
        return CrdbConnectionInfo._of(self)

    def _set_up(self, autocommit: Any, prepare_threshold: int | None, context: AdaptContext | None) -> None:
        super()._set_up(autocommit, prepare_threshold, context or adapters)


class CrdbConnection(_CrdbBase, Connection[Row]):
    """A connection to CockroachDB."""

    __module__ = "howdah.crdb"


class AsyncCrdbConnection(_CrdbBase, AsyncConnection[Row]):
    """An asynchronous connection to CockroachDB."""

    __module__ = "howdah.crdb"


connect = CrdbConnection.connect
"""Open a connection: `CrdbConnection.connect()`."""


class _CrdbNoneDumper(none.NoneDumper):
    """`None`, as `text`: CockroachDB wants to know a type."""

    oid = 25


class _CrdbEnumDumper(EnumDumper):
    """Members of enumerations that are not registered, in text, as `text`."""

    oid = 25


class _CrdbEnumBinaryDumper(EnumBinaryDumper):
    """The same in binary."""

    oid = 25


def _register_crdb_adapters(context: AdaptContext) -> None:
    """Register the dumpers and loaders for CockroachDB in a context, whose types are CockroachDB's."""
    for module in (array, composite, datetime):
        module.register_default_adapters(context)
    _register_strings(context)
    _register_json(context)
    _register_addresses(context)
    for dumper in (_CrdbEnumBinaryDumper, _CrdbEnumDumper):
        context.adapters.register_dumper(Enum, dumper)
    context.adapters.register_dumper(type(None), _CrdbNoneDumper)
    for module in (uuid, numpy, boolean, numeric):
        module.register_default_adapters(context)
    register_dbapi20_adapters(context)
    array.register_all_arrays(context)


def _register_strings(context: AdaptContext) -> None:
    string.register_default_adapters(context)
    # Of a parameter of an unknown type CockroachDB does not find out what it is.
    for dumper in (string.StrDumper, string.StrBinaryDumper):
        context.adapters.register_dumper(str, dumper)


def _register_json(context: AdaptContext) -> None:
    """There is only one type, which has both names."""
    for wrapper in (json.Json, json.Jsonb):
        for dumper in (json.JsonbBinaryDumper, json.JsonbDumper):
            context.adapters.register_dumper(wrapper, dumper)
    for name in ("json", "jsonb"):
        for loader in (json.JsonbLoader, json.JsonbBinaryLoader):
            context.adapters.register_loader(name, loader)


def _register_addresses(context: AdaptContext) -> None:
    """There is no `cidr`."""
    adapters = context.adapters
    for version in ("IPv4", "IPv6"):
        adapters.register_dumper(f"ipaddress.{version}Address", net.InterfaceDumper)
        adapters.register_dumper(f"ipaddress.{version}Interface", net.InterfaceDumper)
        adapters.register_dumper(f"ipaddress.{version}Address", net.AddressBinaryDumper)
        adapters.register_dumper(f"ipaddress.{version}Interface", net.InterfaceBinaryDumper)
    adapters.register_dumper(None, net.InetBinaryDumper)
    adapters.register_loader("inet", net.InetLoader)
    adapters.register_loader("inet", net.InetBinaryLoader)


_MISSING_TYPES: Final = frozenset(
    [
        *("aclitem", "box", "cid", "cidr", "circle", "gtsvector", "json", "jsonpath", "line", "lseg", "macaddr"),
        *("macaddr8", "money", "path", "pg_lsn", "point", "polygon", "refcursor", "regcollation", "regconfig"),
        *("regdictionary", "regoper", "regoperator", "tid", "txid_snapshot", "xid", "xid8", "xml"),
    ]
)
"""Base types of PostgreSQL that CockroachDB does not have."""


def _types() -> TypesRegistry:
    types = TypesRegistry()
    for name, oid, array_oid, regtype, delimiter in builtin.BASE_TYPES:
        if name not in _MISSING_TYPES:
            regtype = "int4" if name == "int4" else regtype
            types.add(TypeInfo(name, oid, array_oid, regtype=regtype, delimiter=delimiter))
    types.add(TypeInfo("int8", 20, 1016, regtype="integer"))
    types.add(TypeInfo("json", 3802, 3807, regtype="jsonb"))
    types.add(TypeInfo("unknown", 705, 0))
    return types


adapters: Final = AdaptersMap(types=_types())
"""The adapters that connections of this module start with."""

_register_crdb_adapters(adapters)
