"""What replication gives, and what the synchronous and the asynchronous stream share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

from . import errors as e

if TYPE_CHECKING:
    from ._compat import Self

OptionValue: TypeAlias = str | int | bool | Sequence[str] | None
"""The value of an option of an output plugin: a sequence is one of names, `None` leaves the option out."""

AnyLSN: TypeAlias = int | str | bytes
"""What an `LSN` is made of."""

Streaming: TypeAlias = bool | Literal["parallel"]
"""Whether transactions are sent that are in progress."""

_EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)


class LSN(int):
    """A position in a server's write-ahead log: a number of bytes, in text two halves in hexadecimal.

    Made of such a text, as `16/B374D848`, or of a number. Positions compare as numbers do; the difference
    of two is a number of bytes. To compare with a `pg_lsn` in SQL, pass `str(lsn)`. A text may be bytes, as
    which connections for physical replication load text. Raises `ValueError` for another text, and for a
    number that is no position.
    """

    __slots__ = ()

    def __new__(cls, value: AnyLSN = 0) -> Self:
        text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
        number = _parsed(text) if isinstance(text, str) else int(text)
        if not 0 <= number < 2**64:
            raise ValueError(f"not a position in a log: {value!r}")
        return super().__new__(cls, number)

    def __str__(self) -> str:
        number = int(self)
        return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"

    def __repr__(self) -> str:
        return f"LSN('{self}')"

    def __format__(self, spec: str) -> str:
        return str(self) if not spec else int(self).__format__(spec)


def _parsed(text: str) -> int:
    high, slash, low = text.partition("/")
    digits = "0123456789abcdefABCDEF"
    if not slash or not all(1 <= len(half) <= 8 and half.strip(digits) == "" for half in (high, low)):
        raise ValueError(f"not a position in a log: {text!r}")
    return (int(high, 16) << 32) | int(low, 16)


def _time_of(micros: int) -> datetime:
    """Return the time that so many microseconds since the beginning of the year 2000 make."""
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise e.DataError(f"not a time that Python can hold: {micros} microseconds since 2000") from None


class Unchanged(Enum):
    """What stands for a value that is not sent: it is large, and was not changed."""

    UNCHANGED = "UNCHANGED"

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = Unchanged.UNCHANGED


class XLogData:
    """A piece of the log, or a message of an output plugin."""

    __slots__: ClassVar = {
        "_end": None,
        "_sent_at": None,
        "_start": None,
        "payload": "The bytes of the log, or of the plugin.",
    }

    payload: bytes
    """The bytes of the log, or of the plugin."""

    def __init__(self, start: int, end: int, sent_at: int, payload: bytes) -> None:
        self._start = start
        self._end = end
        self._sent_at = sent_at
        self.payload = payload

    @property
    def wal_start(self) -> LSN:
        """Where it begins in the log; for the message that ends a transaction, where that ends."""
        return LSN(self._start)

    @property
    def wal_end(self) -> LSN:
        """Where the server's log ended; for a message of a plugin the same as `wal_start`."""
        return LSN(self._end)

    @property
    def send_time(self) -> datetime:
        """When the server sent it, by its clock."""
        return _time_of(self._sent_at)

    def __repr__(self) -> str:
        return f"<XLogData {self.wal_start} of {len(self.payload)} bytes>"


def logical_command(slot: str, lsn: AnyLSN, options: Mapping[str, OptionValue]) -> str:
    """Return the command that starts logical replication."""
    given = ", ".join(f"{_name(name)} {_option(value)}" for name, value in options.items() if value is not None)
    return f"START_REPLICATION SLOT {_name(slot)} LOGICAL {LSN(lsn)}" + (f" ({given})" if given else "")


def physical_command(slot: str | None, lsn: AnyLSN, timeline: int | None) -> str:
    """Return the command that starts physical replication."""
    named = f" SLOT {_name(slot)}" if slot is not None else ""
    on = f" TIMELINE {int(timeline)}" if timeline is not None else ""
    return f"START_REPLICATION{named} PHYSICAL {LSN(lsn)}{on}"


def pgoutput_options(
    publications: str | Sequence[str],
    server_version: int,
    *,
    version: int | None,
    streaming: Streaming,
    two_phase: bool,
    messages: bool,
    binary: bool,
    origin: str | None,
) -> dict[str, OptionValue]:
    """Return the options for the plugin `pgoutput`: only those that are not as by default, which older servers know."""
    options: dict[str, OptionValue] = {
        "proto_version": version if version is not None else newest_version(server_version),
        "publication_names": [publications] if isinstance(publications, str) else publications,
    }
    if streaming:
        options["streaming"] = "parallel" if streaming == "parallel" else "on"
    for name, wanted in (("two_phase", two_phase), ("messages", messages), ("binary", binary)):
        if wanted:
            options[name] = "on"
    if origin is not None:
        options["origin"] = origin
    return options


def newest_version(server_version: int) -> int:
    """Return the newest version of pgoutput's protocol that a server knows."""
    since = {160000: 4, 150000: 3, 140000: 2}
    return next((version for least, version in since.items() if server_version >= least), 1)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _option(value: OptionValue) -> str:
    if isinstance(value, bool):
        text = "on" if value else "off"
    elif isinstance(value, (str, int)):
        text = str(value)
    else:
        text = ",".join(_name(name) for name in value or ())
    return "'" + text.replace("'", "''") + "'"
