"""Adapters of strings and of bytes."""

from __future__ import annotations

from .. import _oids_generated as oids
from .._howdah import BuiltinDumper, BuiltinLoader
from ..abc import AdaptContext
from ..adapt import Dumper, Loader
from ..pq import Format


class StrBinaryDumper(BuiltinDumper, Dumper):
    """`str` to `text`, in binary."""

    _codec = "str"
    format = Format.BINARY
    oid = oids.TEXT


class StrBinaryDumperVarchar(BuiltinDumper, Dumper):
    """`str` to `varchar`, in binary."""

    _codec = "str"
    format = Format.BINARY
    oid = oids.VARCHAR


class StrBinaryDumperName(BuiltinDumper, Dumper):
    """`str` to `name`, in binary."""

    _codec = "str"
    format = Format.BINARY
    oid = oids.NAME


class StrDumper(BuiltinDumper, Dumper):
    """`str` to `text`, in text.

    Registered in the place of `StrDumperUnknown` it helps where the server cannot guess a type, as
    in `concat(%s)`, and hurts where it has to: a `text` is not compared with a date.
    """

    _codec = "str"
    oid = oids.TEXT


class StrDumperVarchar(BuiltinDumper, Dumper):
    """`str` to `varchar`, in text."""

    _codec = "str"
    oid = oids.VARCHAR


class StrDumperName(BuiltinDumper, Dumper):
    """`str` to `name`, in text."""

    _codec = "str"
    oid = oids.NAME


class StrDumperUnknown(BuiltinDumper, Dumper):
    """`str` in text without a type, so that the server reads it as whatever the place needs. This is the default."""

    _codec = "str"


class TextLoader(BuiltinLoader, Loader):
    """A value's text to `str`; to `bytes` if the connection's encoding is SQL_ASCII, which is none."""

    _codec = "str"


class TextBinaryLoader(TextLoader):
    """A string type in binary, which is its text; otherwise as `TextLoader`."""

    _codec = "str"
    format = Format.BINARY


class BytesDumper(BuiltinDumper, Dumper):
    """`bytes`, `bytearray` or `memoryview` to `bytea`, in text."""

    _codec = "bytes"
    oid = oids.BYTEA


class BytesBinaryDumper(BuiltinDumper, Dumper):
    """`bytes`, `bytearray` or `memoryview` to `bytea`, in binary."""

    _codec = "bytes"
    format = Format.BINARY
    oid = oids.BYTEA


class ByteaLoader(BuiltinLoader, Loader):
    """`bytea` in text, hex or escape, to `bytes`."""

    _codec = "bytea"


class ByteaBinaryLoader(BuiltinLoader, Loader):
    """`bytea` in binary to `bytes`; and the binary form of any type that has no loader."""

    _codec = "bytea"
    format = Format.BINARY


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    adapters = context.adapters
    # The last one is used for %s, in text because the server reads an unknown string in the place of most types;
    # the others where the OID is known.
    for dumper in (
        StrBinaryDumperName,
        StrBinaryDumperVarchar,
        StrBinaryDumper,
        StrDumperName,
        StrDumperVarchar,
        StrDumper,
        StrDumperUnknown,
    ):
        adapters.register_dumper(str, dumper)
    # A type without a loader of its own has the one of OID 0.
    adapters.register_loader(oids.INVALID, TextLoader)
    for loader in (TextLoader, TextBinaryLoader):
        for name in ("bpchar", "name", "text", "varchar", '"char"'):
            adapters.register_loader(name, loader)
    for bytes_dumper in (BytesDumper, BytesBinaryDumper):
        for cls in (bytes, bytearray, memoryview):
            adapters.register_dumper(cls, bytes_dumper)
    adapters.register_loader("bytea", ByteaLoader)
    adapters.register_loader(oids.INVALID, ByteaBinaryLoader)
    adapters.register_loader("bytea", ByteaBinaryLoader)
