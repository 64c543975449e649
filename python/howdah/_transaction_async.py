"""The transaction block of asynchronous connections."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._transaction_base import BaseTransaction, OutOfOrderTransactionNesting

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
        commands = self._begin()
        try:
            await self._run(commands)
        except BaseException as error:
            # An interrupted enter has no exit: put the connection back here.
            await self.__aexit__(type(error), error, None)
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
            await self._run(self._commit())
            return False
        try:
            await self._run(self._roll_back(exc_val))
        except OutOfOrderTransactionNesting:
            raise
        except Exception as error:
            _logger.warning("error ignored in rollback of %s: %s", self, error)
            return False
        return self._swallows(exc_val)

    async def _run(self, commands: list[str]) -> None:
        for command in commands:
            await self._conn._command(command)
