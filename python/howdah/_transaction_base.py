"""Transaction blocks: what the two kinds share, which is everything except waiting.

The outermost block is a transaction, a block inside it is a savepoint.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Generic, TypeVar

from ._howdah import BaseConnection, PGconn, TransactionBlock, TransactionScope
from .errors import ProgrammingError
from .pq.misc import connection_summary

ConnectionType = TypeVar("ConnectionType", bound=BaseConnection)


class Rollback(Exception):
    """Raise it in a transaction block to leave the block and undo what it did.

    With a transaction as argument it leaves the blocks up to and including that one. The `with`
    statement that it ends swallows it.
    """

    __module__ = "howdah"

    def __init__(self, transaction: BaseTransaction[Any] | None = None) -> None:
        super().__init__(transaction)
        self.transaction = transaction

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({self.transaction!r})"


class OutOfOrderTransactionNesting(ProgrammingError):
    """A transaction block was left while a block begun inside it was still open."""

    __module__ = "howdah.transaction"


class BaseTransaction(Generic[ConnectionType]):
    """The state of a block. What begins and ends it is decided by the engine when it has its turn."""

    __module__ = "howdah.transaction"

    class Status(str, Enum):
        """What has become of a transaction block."""

        NOT_STARTED = "not_started"
        ACTIVE = "active"
        COMMITTED = "committed"
        FAILED = "failed"
        ROLLED_BACK_EXPLICITLY = "rolled_back_explicitly"
        ROLLED_BACK_WITH_ERROR = "rolled_back_with_error"

    def __init__(
        self, connection: ConnectionType, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> None:
        self._conn = connection
        self._savepoint_name = savepoint_name or ""
        self._block: TransactionBlock | None = None
        self.force_rollback = force_rollback
        """Whether to roll back at the end of the block even if nothing was raised."""
        self.status = self.Status.NOT_STARTED

    @property
    def connection(self) -> ConnectionType:
        """The connection that the block is on."""
        return self._conn

    @property
    def pgconn(self) -> PGconn:
        """Its connection as libpq has it."""
        return self._conn.pgconn

    @property
    def savepoint_name(self) -> str:
        """The name of the savepoint, empty if the block is the transaction itself."""
        return self._savepoint_name

    def __repr__(self) -> str:
        cls = f"{type(self).__module__}.{type(self).__qualname__}"
        name = f"{self.savepoint_name!r} " if self.savepoint_name else ""
        return f"<{cls} {name}({self.status.value}) {connection_summary(self.pgconn)} at 0x{id(self):x}>"

    def _start(self) -> str | None:
        """Note that the block is being entered. Returns the name of its savepoint, if the user chose one."""
        if self.status is not self.Status.NOT_STARTED:
            raise TypeError("transaction blocks can be used only once")
        self.status = self.Status.ACTIVE
        return self._savepoint_name or None

    def _end(self) -> TransactionBlock:
        # It stays here: whoever ends it takes what it holds, so that it is ended once, or found here to be left.
        if self._block is None:
            raise TypeError("the transaction block is not active")
        return self._block

    def _explicitly(self, error: BaseException | None) -> bool:
        return self.force_rollback or isinstance(error, Rollback)

    def _swallows(self, error: BaseException | None) -> bool:
        return isinstance(error, Rollback) and error.transaction in (None, self)


class SyncTransactionBase(TransactionScope, BaseTransaction[ConnectionType]):
    """The same with the `with` statement, which no signal can tear apart."""

    __module__ = "howdah"
