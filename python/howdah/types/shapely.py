"""Geometries of the shapely library: what the type `geometry` of the extension PostGIS is in Python.

Importing this module raises `ImportError` if shapely is not installed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .. import abc
from .._value_errors import of_value
from ..adapt import Dumper, Loader
from ..pq import Format
from ._registering import register_info

try:
    from shapely import wkb  # type: ignore[import-untyped]
    from shapely.geometry.base import BaseGeometry  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError(f"the module {__name__} needs the package 'shapely' to be installed") from error

if TYPE_CHECKING:
    from .._typeinfo import TypeInfo


class GeometryBinaryLoader(Loader):
    """Geometries in binary, which is EWKB."""

    format = Format.BINARY

    def load(self, data: abc.Buffer) -> BaseGeometry:
        try:
            return wkb.loads(bytes(data))
        except Exception as error:
            raise of_value(error) from error


class GeometryLoader(Loader):
    """Geometries in text, which is EWKB in hexadecimal digits."""

    def load(self, data: abc.Buffer) -> BaseGeometry:
        try:
            return wkb.loads(bytes(data).decode("ascii", "replace"), hex=True)
        except Exception as error:
            raise of_value(error) from error


class BaseGeometryBinaryDumper(Dumper):
    """Base of the dumpers in binary: a subclass has the OID of the type, which is different in every database."""

    format = Format.BINARY

    def dump(self, obj: BaseGeometry) -> abc.Buffer | None:
        dumped: bytes = wkb.dumps(obj, include_srid=True)
        return dumped


class BaseGeometryDumper(Dumper):
    """Base of the dumpers as text."""

    def dump(self, obj: BaseGeometry) -> abc.Buffer | None:
        dumped: str = wkb.dumps(obj, hex=True, include_srid=True)
        return dumped.encode()


def register_shapely(info: TypeInfo, context: abc.AdaptContext | None = None) -> None:
    """Load values of `geometry` as shapely's objects, and dump those.

    Without a context globally; what was made from a context before does not see it. Raises `TypeError` without
    `info`: `TypeInfo.fetch()` did not find the type.
    """
    adapters = register_info(info, context, "Is the 'postgis' extension loaded?")
    adapters.register_loader(info.oid, GeometryBinaryLoader)
    adapters.register_loader(info.oid, GeometryLoader)
    adapters.register_dumper(BaseGeometry, _make_dumper(info.oid))
    # The last one is what `%s` uses.
    adapters.register_dumper(BaseGeometry, _make_binary_dumper(info.oid))


# Each class is made once: registering a type again, for every connection, must not fill the memory.


@cache
def _make_dumper(oid: int) -> type[BaseGeometryDumper]:
    return type("GeometryDumper", (BaseGeometryDumper,), {"oid": oid})


@cache
def _make_binary_dumper(oid: int) -> type[BaseGeometryBinaryDumper]:
    return type("GeometryBinaryDumper", (BaseGeometryBinaryDumper,), {"oid": oid})
