"""Transaction blocks: what the two kinds share, which is everything except waiting.

The outermost block is a transaction, a block inside it is a savepoint.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Generic, TypeVar

from ._enums import IsolationLevel
from ._howdah import BaseConnection
from .errors import ProgrammingError
from .pq import TransactionStatus

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
    """The state of a block, and the commands that begin and end it."""

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
        self._is_outermost = False
        self._depth = -1
        self.force_rollback = force_rollback
        """Whether to roll back at the end of the block even if nothing was raised."""
        self.status = self.Status.NOT_STARTED

    @property
    def connection(self) -> ConnectionType:
        """The connection that the block is on."""
        return self._conn

    @property
    def savepoint_name(self) -> str:
        """The name of the savepoint, empty if the block is the transaction itself."""
        return self._savepoint_name

    def __repr__(self) -> str:
        cls = f"{type(self).__module__}.{type(self).__qualname__}"
        name = f"{self.savepoint_name!r} " if self.savepoint_name else ""
        return f"<{cls} {name}({self.status.value}) on {self._conn!r} at 0x{id(self):x}>"

    def _begin(self) -> list[str]:
        """Enter the block. Returns the commands that the server has to run."""
        if self.status is not self.Status.NOT_STARTED:
            raise TypeError("transaction blocks can be used only once")
        self.status = self.Status.ACTIVE
        self._depth = self._conn._num_transactions
        self._is_outermost = self._conn._transaction_status() == TransactionStatus.IDLE
        if not self._is_outermost and not self._savepoint_name:
            self._savepoint_name = f"_howdah_{self._depth + 1}"
        self._conn._num_transactions += 1
        commands = [begin_command(self._conn)] if self._is_outermost else []
        return commands + ([f"SAVEPOINT {self._quoted_name}"] if self._savepoint_name else [])

    def _commit(self) -> list[str]:
        """Leave the block and keep what it did. Returns the commands."""
        self.status = self.Status.COMMITTED
        self._leave("commit")
        return ["COMMIT"] if self._is_outermost else [f"RELEASE {self._quoted_name}"]

    def _roll_back(self, error: BaseException | None) -> list[str]:
        """Leave the block and undo what it did. Returns the commands."""
        explicit = self.force_rollback or isinstance(error, Rollback)
        self.status = self.Status.ROLLED_BACK_EXPLICITLY if explicit else self.Status.ROLLED_BACK_WITH_ERROR
        self._leave("rollback")
        if self._is_outermost:
            return ["ROLLBACK"]
        return [f"ROLLBACK TO {self._quoted_name}", f"RELEASE {self._quoted_name}"]

    def _swallows(self, error: BaseException | None) -> bool:
        return isinstance(error, Rollback) and error.transaction in (None, self)

    def _leave(self, action: str) -> None:
        self._conn._num_transactions -= 1
        if self._conn._num_transactions != self._depth:
            raise OutOfOrderTransactionNesting(f"transaction {action} at the wrong nesting level: {self}")

    @property
    def _quoted_name(self) -> str:
        name = self._savepoint_name.replace('"', '""')
        return f'"{name}"'


def begin_command(connection: BaseConnection) -> str:
    """Return the BEGIN that has the characteristics set on the connection."""
    words = ["BEGIN"]
    if connection.isolation_level is not None:
        level = IsolationLevel(connection.isolation_level).name.replace("_", " ")
        words.append(f"ISOLATION LEVEL {level}")
    if connection.read_only is not None:
        words.append("READ ONLY" if connection.read_only else "READ WRITE")
    if connection.deferrable is not None:
        words.append("DEFERRABLE" if connection.deferrable else "NOT DEFERRABLE")
    return " ".join(words)
