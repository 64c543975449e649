"""What replication gives, and what the synchronous and the asynchronous stream share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

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


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A column of a relation."""

    name: str
    type_oid: int
    type_modifier: int
    is_key: bool
    """Whether it is part of the key by which rows are known."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What a table is like: told before its first change, and when that may have changed."""

    oid: int
    schema: str
    name: str
    replica_identity: str
    """What is told of a row that is updated or deleted: `d`, `n`, `f` or `i`, as in `pg_class`."""
    columns: tuple[RelationColumn, ...]
    """The columns that are published."""

    def as_dict(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return a row of this relation by the names of its columns."""
        return {column.name: value for column, value in zip(self.columns, row, strict=True)}

    def key_dict(self, key: Sequence[Any]) -> dict[str, Any]:
        """Return the key of a row of this relation by the names of its columns."""
        columns = (column for column in self.columns if column.is_key)
        return {column.name: value for column, value in zip(columns, key, strict=True)}


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction begins that was committed; its changes follow, up to `Commit`."""

    xid: int
    final_lsn: LSN
    """Where its commit is in the log."""
    commit_time: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """The transaction ends that has begun."""

    commit_lsn: LSN
    end_lsn: LSN
    """Where it ends: what is to be confirmed when it is durable."""
    commit_time: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """The transaction that has begun comes from another server."""

    name: str
    """The name of the origin."""
    commit_lsn: LSN
    """Where its commit is in the log of that server."""


@dataclass(frozen=True, slots=True)
class Type:
    """The name of a type that is not built in."""

    oid: int
    schema: str
    name: str
    xid: int | None


@dataclass(frozen=True, slots=True)
class Insert:
    """A row was inserted."""

    relation: Relation
    new: tuple[Any, ...]
    """The row: a value for each column."""
    xid: int
    """The transaction; in a streamed one, its subtransaction if there is one."""


@dataclass(frozen=True, slots=True)
class Update:
    """A row was updated."""

    relation: Relation
    new: tuple[Any, ...]
    """The row: a value for each column, `UNCHANGED` where that is not sent."""
    old: tuple[Any, ...] | None
    """The row as it was, if the replica identity is `f`."""
    key: tuple[Any, ...] | None
    """The values of its key as they were, if these have changed."""
    xid: int
    """The transaction; in a streamed one, its subtransaction if there is one."""


@dataclass(frozen=True, slots=True)
class Delete:
    """A row was deleted."""

    relation: Relation
    old: tuple[Any, ...] | None
    """The row, if the replica identity is `f`."""
    key: tuple[Any, ...] | None
    """The values of its key otherwise."""
    xid: int
    """The transaction; in a streamed one, its subtransaction if there is one."""


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tables were truncated."""

    relations: tuple[Relation, ...]
    cascade: bool
    restart_identity: bool
    xid: int
    """The transaction; in a streamed one, its subtransaction if there is one."""


@dataclass(frozen=True, slots=True)
class Message:
    """What `pg_logical_emit_message()` was given."""

    prefix: str
    content: bytes
    lsn: LSN
    transactional: bool
    """Whether it is part of a transaction; if not, it comes by itself, whatever becomes of that."""
    xid: int | None


@dataclass(frozen=True, slots=True)
class StreamStart:
    """Changes follow of a transaction that is in progress, up to `StreamStop`."""

    xid: int
    first: bool
    """Whether these are its first."""


@dataclass(frozen=True, slots=True)
class StreamStop:
    """The changes end for now."""


@dataclass(frozen=True, slots=True)
class StreamCommit:
    """A transaction was committed whose changes were streamed."""

    xid: int
    commit_lsn: LSN
    end_lsn: LSN
    """Where it ends: what is to be confirmed when it is durable."""
    commit_time: datetime


@dataclass(frozen=True, slots=True)
class StreamAbort:
    """A transaction was rolled back whose changes were streamed, or a part of it."""

    xid: int
    subxid: int
    """The subtransaction whose changes are void; the same as `xid` if all are."""
    abort_lsn: LSN | None
    abort_time: datetime | None


@dataclass(frozen=True, slots=True)
class BeginPrepare:
    """A transaction begins that was prepared; its changes follow, up to `Prepare`."""

    gid: str
    xid: int
    prepare_lsn: LSN
    end_lsn: LSN
    prepare_time: datetime


@dataclass(frozen=True, slots=True)
class Prepare:
    """The transaction ends that has begun: it is prepared."""

    gid: str
    xid: int
    prepare_lsn: LSN
    end_lsn: LSN
    """Where it ends: once this is confirmed, its changes do not come again."""
    prepare_time: datetime


@dataclass(frozen=True, slots=True)
class CommitPrepared:
    """A prepared transaction was committed."""

    gid: str
    xid: int
    commit_lsn: LSN
    end_lsn: LSN
    commit_time: datetime


@dataclass(frozen=True, slots=True)
class RollbackPrepared:
    """A prepared transaction was rolled back."""

    gid: str
    xid: int
    prepare_end_lsn: LSN
    end_lsn: LSN
    prepare_time: datetime
    rollback_time: datetime


@dataclass(frozen=True, slots=True)
class StreamPrepare:
    """A transaction was prepared whose changes were streamed."""

    gid: str
    xid: int
    prepare_lsn: LSN
    end_lsn: LSN
    prepare_time: datetime


Change: TypeAlias = (
    Begin
    | Commit
    | Origin
    | Relation
    | Type
    | Insert
    | Update
    | Delete
    | Truncate
    | Message
    | StreamStart
    | StreamStop
    | StreamCommit
    | StreamAbort
    | BeginPrepare
    | Prepare
    | CommitPrepared
    | RollbackPrepared
    | StreamPrepare
)
"""What a stream of changes gives."""


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
