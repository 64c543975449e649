"""Replication: streams of a server's log, and of the changes in it. See `AsyncConnection.start_replication()`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._replication import ReplicationStream
from ._replication_async import AsyncReplicationStream
from ._replication_base import LSN, UNCHANGED, OptionValue, Unchanged, XLogData

if TYPE_CHECKING:
    from ._replication_changes import (
        Begin,
        BeginPrepare,
        Change,
        Commit,
        CommitPrepared,
        Delete,
        Insert,
        Message,
        Origin,
        Prepare,
        Relation,
        RelationColumn,
        RollbackPrepared,
        StreamAbort,
        StreamCommit,
        StreamPrepare,
        StreamStart,
        StreamStop,
        Truncate,
        Type,
        Update,
    )

__all__ = [
    "LSN",
    "UNCHANGED",
    "AsyncReplicationStream",
    "Begin",
    "BeginPrepare",
    "Change",
    "Commit",
    "CommitPrepared",
    "Delete",
    "Insert",
    "Message",
    "OptionValue",
    "Origin",
    "Prepare",
    "Relation",
    "RelationColumn",
    "ReplicationStream",
    "RollbackPrepared",
    "StreamAbort",
    "StreamCommit",
    "StreamPrepare",
    "StreamStart",
    "StreamStop",
    "Truncate",
    "Type",
    "Unchanged",
    "Update",
    "XLogData",
]


def __getattr__(name: str) -> Any:
    """Return a class of changes, which are loaded when the first is wanted."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _replication_changes

    return getattr(_replication_changes, name)
