"""Adapters of booleans."""

from __future__ import annotations

from .. import _oids_generated as oids
from .._howdah import BuiltinDumper, BuiltinLoader
from ..abc import AdaptContext
from ..adapt import Dumper, Loader
from ..pq import Format


class BoolDumper(BuiltinDumper, Dumper):
    """`bool` to `bool`, in text."""

    _codec = "bool"
    oid = oids.BOOL


class BoolBinaryDumper(BuiltinDumper, Dumper):
    """`bool` to `bool`, in binary."""

    _codec = "bool"
    format = Format.BINARY
    oid = oids.BOOL


class BoolLoader(BuiltinLoader, Loader):
    """`bool` in text to `bool`."""

    _codec = "bool"


class BoolBinaryLoader(BuiltinLoader, Loader):
    """`bool` in binary to `bool`."""

    _codec = "bool"
    format = Format.BINARY


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    adapters = context.adapters
    adapters.register_dumper(bool, BoolDumper)
    adapters.register_dumper(bool, BoolBinaryDumper)
    adapters.register_loader("bool", BoolLoader)
    adapters.register_loader("bool", BoolBinaryLoader)
