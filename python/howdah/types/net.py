"""Adapters of network addresses: `inet` and `cidr`, with the classes of `ipaddress`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .. import _oids_generated as oids
from .._howdah import BuiltinDumper, BuiltinLoader
from ..abc import AdaptContext
from ..adapt import Dumper, Loader
from ..pq import Format

if TYPE_CHECKING:
    import ipaddress

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
"""What an `inet` without a netmask is loaded as."""

Interface: TypeAlias = "ipaddress.IPv4Interface | ipaddress.IPv6Interface"
"""What an `inet` with a netmask is loaded as."""

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
"""What a `cidr` is loaded as."""


class InterfaceDumper(BuiltinDumper, Dumper):
    """An address or an interface to `inet`, in text."""

    _codec = "inet"
    oid = oids.INET


class NetworkDumper(BuiltinDumper, Dumper):
    """A network to `cidr`, in text."""

    _codec = "cidr"
    oid = oids.CIDR


class AddressBinaryDumper(BuiltinDumper, Dumper):
    """An address to `inet`, in binary."""

    _codec = "inet"
    format = Format.BINARY
    oid = oids.INET


class InterfaceBinaryDumper(BuiltinDumper, Dumper):
    """An interface to `inet`, in binary."""

    _codec = "inet"
    format = Format.BINARY
    oid = oids.INET


class InetBinaryDumper(BuiltinDumper, Dumper):
    """An address or an interface to `inet`, in binary, where the type is known and the class is not."""

    _codec = "inet"
    format = Format.BINARY
    oid = oids.INET


class NetworkBinaryDumper(BuiltinDumper, Dumper):
    """A network to `cidr`, in binary."""

    _codec = "cidr"
    format = Format.BINARY
    oid = oids.CIDR


class InetLoader(BuiltinLoader, Loader):
    """`inet` in text to an address, or to an interface if it has a netmask."""

    _codec = "inet"


class InetBinaryLoader(BuiltinLoader, Loader):
    """`inet` in binary to an address, or to an interface if it has a netmask."""

    _codec = "inet"
    format = Format.BINARY


class CidrLoader(BuiltinLoader, Loader):
    """`cidr` in text to a network."""

    _codec = "cidr"


class CidrBinaryLoader(BuiltinLoader, Loader):
    """`cidr` in binary to a network."""

    _codec = "cidr"
    format = Format.BINARY


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    adapters = context.adapters
    for version in ("IPv4", "IPv6"):
        adapters.register_dumper(f"ipaddress.{version}Address", InterfaceDumper)
        adapters.register_dumper(f"ipaddress.{version}Interface", InterfaceDumper)
        adapters.register_dumper(f"ipaddress.{version}Network", NetworkDumper)
    for version in ("IPv4", "IPv6"):
        adapters.register_dumper(f"ipaddress.{version}Address", AddressBinaryDumper)
        adapters.register_dumper(f"ipaddress.{version}Interface", InterfaceBinaryDumper)
        adapters.register_dumper(f"ipaddress.{version}Network", NetworkBinaryDumper)
    # Last of those for the OID of inet: it takes both.
    adapters.register_dumper(None, InetBinaryDumper)
    adapters.register_loader("inet", InetLoader)
    adapters.register_loader("inet", InetBinaryLoader)
    adapters.register_loader("cidr", CidrLoader)
    adapters.register_loader("cidr", CidrBinaryLoader)
