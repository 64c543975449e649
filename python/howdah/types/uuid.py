"""Adapters of UUIDs."""

from __future__ import annotations

from .. import _oids_generated as oids
from .._howdah import BuiltinDumper, BuiltinLoader
from ..abc import AdaptContext
from ..adapt import Dumper, Loader
from ..pq import Format


class UUIDDumper(BuiltinDumper, Dumper):
    """`UUID` to `uuid`, in text."""

    _codec = "uuid"
    oid = oids.UUID


class UUIDBinaryDumper(UUIDDumper):
    """`UUID` to `uuid`, in binary."""

    _codec = "uuid"
    format = Format.BINARY


class UUIDLoader(BuiltinLoader, Loader):
    """`uuid` in text to `UUID`."""

    _codec = "uuid"


class UUIDBinaryLoader(UUIDLoader):
    """`uuid` in binary to `UUID`."""

    _codec = "uuid"
    format = Format.BINARY


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    adapters = context.adapters
    adapters.register_dumper("uuid.UUID", UUIDDumper)
    adapters.register_dumper("uuid.UUID", UUIDBinaryDumper)
    adapters.register_loader("uuid", UUIDLoader)
    adapters.register_loader("uuid", UUIDBinaryLoader)
