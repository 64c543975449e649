# Made from _transaction_async.py by tools/async_to_sync.py: do not edit.
"""The transaction block of synchronous connections."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._transaction_base import BaseTransaction, OutOfOrderTransactionNesting

if TYPE_CHECKING:
    from ._compat import Self
    from .connection import Connection

    _Base = BaseTransaction[Connection[Any]]
else:
    _Base = BaseTransaction

_logger = logging.getLogger("howdah")


class Transaction(_Base):
    """A transaction block, made by `Connection.transaction()`.

    It commits when the block ends, and rolls back when the block raises.
    """

    __module__ = "howdah"

    def __enter__(self) -> Self:
        commands = self._begin()
        try:
            self._run(commands)
        except BaseException as error:
            # An interrupted enter has no exit: put the connection back here.
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool:
        if self._conn.closed:
            self.status = self.Status.FAILED
            return False
        if exc_val is None and not self.force_rollback:
            self._run(self._commit())
            return False
        try:
            self._run(self._roll_back(exc_val))
        except OutOfOrderTransactionNesting:
            raise
        except Exception as error:
            _logger.warning("error ignored in rollback of %s: %s", self, error)
            return False
        return self._swallows(exc_val)

    def _run(self, commands: list[str]) -> None:
        for command in commands:
            self._conn._command(command)
