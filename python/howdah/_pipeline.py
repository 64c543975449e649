# Made from _pipeline_async.py by tools/async_to_sync.py: do not edit.
"""The pipeline mode of synchronous connections."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._pipeline_base import SyncPipelineBase, is_interruption

if TYPE_CHECKING:
    from .connection import Connection

_logger = logging.getLogger("howdah")


class Pipeline(SyncPipelineBase):
    """The pipeline mode of a connection, entered with `Connection.pipeline()`.

    Statements are sent without waiting for the results of the earlier ones.
    """

    __module__ = "howdah"

    _conn: Connection[Any]

    def sync(self) -> None:
        """Have the server answer all that was sent, and give the results to their cursors.

        Ends the aborted state after an error, and in autocommit the implicit transaction of the
        statements before it. Raises the first error that was not raised before; `PipelineAborted`
        if statements were skipped because of one that was.
        """
        self._conn._pipeline_sync()

    def _exit(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            if is_interruption(exc_val):
                self._conn._pipeline_cancel()
            else:
                self._conn._pipeline_sync()
        except Exception as error:
            if exc_val is None:
                raise
            _logger.warning("error ignored at the end of %r: %s", self, error)
