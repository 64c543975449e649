"""The transaction block of asynchronous connections."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._hints import hint_failed_block
from ._transaction_base import BaseTransaction, OutOfOrderTransactionNesting
from .errors import DatabaseError, InFailedSqlTransaction

if TYPE_CHECKING:
    from ._compat import Self
    from .connection_async import AsyncConnection

    _Base = BaseTransaction[AsyncConnection[Any]]
else:
    _Base = BaseTransaction

_logger = logging.getLogger("howdah")


class AsyncTransaction(_Base):
    """A transaction block, made by `AsyncConnection.transaction()`.

    It commits when the block ends, and rolls back when the block raises.
    """

    __module__ = "howdah"

    async def __aenter__(self) -> Self:
        name = self._start()
        try:
            self._block = await self._conn._begin_block(name)
            self._savepoint_name = self._block.savepoint_name
        except BaseException:
            # The engine puts the connection back.
            self.status = self.Status.FAILED
            self._block = None
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool:
        if self._conn.closed:
            self.status = self.Status.FAILED
            return False
        if exc_val is None and not self.force_rollback:
            await self._commit()
            return False
        return await self._roll_back(exc_val)

    async def _commit(self) -> None:
        # What became of it is only known once the server has answered.
        self.status = self.Status.FAILED
        try:
            await self._conn._end_block(self._end(), True)
        except OutOfOrderTransactionNesting:
            raise
        except DatabaseError as error:
            if not self._conn.closed:
                self.status = self.Status.ROLLED_BACK_WITH_ERROR
            if isinstance(error, InFailedSqlTransaction):
                hint_failed_block(error)
            raise
        self.status = self.Status.COMMITTED

    async def _roll_back(self, error: BaseException | None) -> bool:
        """Undo what the block did. Returns whether the exception ends here."""
        self.status = self.Status.FAILED
        try:
            failure = await self._conn._end_block(self._end(), False)
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
