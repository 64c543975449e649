# Made from _transaction_async.py by tools/async_to_sync.py: do not edit.
"""The transaction block of synchronous connections."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._hints import hint_failed_block
from ._transaction_base import OutOfOrderTransactionNesting, SyncTransactionBase
from .errors import DatabaseError, InFailedSqlTransaction

if TYPE_CHECKING:
    from ._compat import Self
    from .connection import Connection

    _Base = SyncTransactionBase[Connection[Any]]
else:
    _Base = SyncTransactionBase

_logger = logging.getLogger("howdah")


class Transaction(_Base):
    """A transaction block, made by `Connection.transaction()`.

    It commits when the block ends, and rolls back when the block raises.
    """

    __module__ = "howdah"

    def _enter(self) -> Self:
        name = self._start()
        try:
            self._block = self._conn._begin_block(name)
            self._savepoint_name = self._block.savepoint_name
        except BaseException:
            # The engine puts the connection back.
            self.status = self.Status.FAILED
            self._block = None
            raise
        return self

    def _exit(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool:
        if self._conn.closed:
            self.status = self.Status.FAILED
            return False
        if exc_val is None and not self.force_rollback:
            self._commit()
            return False
        return self._roll_back(exc_val)

    def _commit(self) -> None:
        # What became of it is only known once the server has answered.
        self.status = self.Status.FAILED
        try:
            self._conn._end_block(self._end(), True)
        except OutOfOrderTransactionNesting:
            raise
        except DatabaseError as error:
            if not self._conn.closed:
                self.status = self.Status.ROLLED_BACK_WITH_ERROR
            if isinstance(error, InFailedSqlTransaction):
                hint_failed_block(error)
            raise
        self.status = self.Status.COMMITTED

    def _roll_back(self, error: BaseException | None) -> bool:
        """Undo what the block did. Returns whether the exception ends here."""
        self.status = self.Status.FAILED
        try:
            failure = self._conn._end_block(self._end(), False)
        except OutOfOrderTransactionNesting:
            raise
        except Exception as problem:
            _logger.warning("error ignored in rollback of %s: %s", self, problem)
            return False
        explicitly = self._explicitly(error)
        self.status = self.Status.ROLLED_BACK_EXPLICITLY if explicitly else self.Status.ROLLED_BACK_WITH_ERROR
        if failure is not None and error is None:
            raise failure
        if failure is not None:
            _logger.warning("error ignored in the pipeline of %s: %s", self, failure)
        return self._swallows(error)
