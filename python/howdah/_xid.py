"""The identifiers of two-phase transactions."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

LARGEST_FORMAT: Final = 0x7FFFFFFF
LONGEST_PART: Final = 64
"""In characters. Source: X/Open XA, as PEP 249 says."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_PARTS: Final = re.compile(r"(\d+)_([^_]*)_([^_]*)", re.ASCII)


@dataclass(frozen=True)
class Xid:
    """The identifier of a two-phase transaction, made by `Connection.xid()`; its string is what the server knows.

    One that the server had, and that was not made of the three parts of XA, has its whole string in
    `gtrid`, and `None` as `format_id` and `bqual`. It is also a sequence of those three. What
    `tpc_recover()` gives has the time of its preparation, its owner and its database.
    """

    __module__ = "howdah"

    format_id: int | None
    gtrid: str
    bqual: str | None
    prepared: datetime | None = None
    owner: str | None = None
    database: str | None = None

    @classmethod
    def from_parts(cls, format_id: int, gtrid: str, bqual: str) -> Xid:
        """Make an identifier of the parts of XA. Raises `ValueError` for those that XA does not allow."""
        if not 0 <= format_id <= LARGEST_FORMAT:
            raise ValueError(f"format_id has to be between 0 and {LARGEST_FORMAT}")
        for name, part in (("gtrid", gtrid), ("bqual", bqual)):
            if len(part) > LONGEST_PART:
                raise ValueError(f"{name} can have {LONGEST_PART} characters at most")
        return cls(format_id=format_id, gtrid=gtrid, bqual=bqual)

    @classmethod
    def from_string(cls, s: str) -> Xid:
        """Make an identifier of a string of the server."""
        return _of_parts(s) or cls(format_id=None, gtrid=s, bqual=None)

    def __str__(self) -> str:
        if self.format_id is None or self.bqual is None:
            return self.gtrid
        return f"{self.format_id}_{_encoded(self.gtrid)}_{_encoded(self.bqual)}"

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> int | str | None:
        return (self.format_id, self.gtrid, self.bqual)[index]


def identifier(xid: Xid | str) -> str:
    """Return what names a transaction on the server."""
    if not isinstance(xid, Xid | str):
        raise TypeError(f"xid has to be an Xid or a str, got {type(xid).__name__}")
    return str(xid)


def recovered(rows: Sequence[Sequence[str]], zone: tzinfo) -> list[Xid]:
    """Make identifiers of what the server says about prepared transactions, with their times in a zone."""
    return [
        replace(
            Xid.from_string(gid),
            prepared=(_EPOCH + timedelta(microseconds=int(microseconds))).astimezone(zone),
            owner=owner,
            database=database,
        )
        for gid, microseconds, owner, database in rows
    ]


def _encoded(part: str) -> str:
    return b64encode(part.encode()).decode()


def _of_parts(s: str) -> Xid | None:
    """Return the identifier that has this very string, if it could have been made of parts."""
    found = _PARTS.fullmatch(s)
    if not found:
        return None
    number, *texts = found.groups()
    try:
        xid = Xid.from_parts(int(number), *(b64decode(text, validate=True).decode() for text in texts))
    except (binascii.Error, ValueError):
        return None
    return xid if str(xid) == s else None
