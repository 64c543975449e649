"""The changes that a stream of the plugin `pgoutput` gives: loaded when the first is wanted, as they take a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from ._replication_base import LSN


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
