"""Enumerations of howdah's own."""

from __future__ import annotations

from enum import Enum, IntEnum

from .pq import Format


class Wait(IntEnum):
    """What a socket is to be ready for."""

    R = 1
    """To be read."""
    W = 2
    """To be written."""
    RW = 3
    """One of them."""


class Ready(IntEnum):
    """What a socket is ready for."""

    NONE = 0
    """Nothing: time went by."""
    R = 1
    W = 2
    RW = 3


class IsolationLevel(IntEnum):
    """The isolation level of a transaction. Source: command SET TRANSACTION."""

    __module__ = "howdah"

    READ_UNCOMMITTED = 1
    READ_COMMITTED = 2
    REPEATABLE_READ = 3
    SERIALIZABLE = 4


class PyFormat(str, Enum):
    """The format that a placeholder asks for; the value is the placeholder's letter."""

    __module__ = "howdah.adapt"

    AUTO = "s"
    """`%s`: as the value's dumper likes it."""
    TEXT = "t"
    """`%t`."""
    BINARY = "b"
    """`%b`."""

    @classmethod
    def from_pq(cls, fmt: Format) -> PyFormat:
        """Return what asks for a format of the wire."""
        return _BY_WIRE[fmt]

    @classmethod
    def as_pq(cls, fmt: PyFormat) -> Format:
        """Return the format of the wire. Raises `KeyError` for `AUTO`, which can be either."""
        return _WIRE[fmt]


_BY_WIRE = {Format.TEXT: PyFormat.TEXT, Format.BINARY: PyFormat.BINARY}
_WIRE = {asked: wire for wire, asked in _BY_WIRE.items()}
