"""The pipeline mode of asynchronous connections."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._pipeline_base import BasePipeline, is_interruption

if TYPE_CHECKING:
    from ._compat import Self  # async only
    from .connection_async import AsyncConnection

_logger = logging.getLogger("howdah")


class AsyncPipeline(BasePipeline):
    """The pipeline mode of a connection, entered with `AsyncConnection.pipeline()`.

    Statements are sent without waiting for the results of the earlier ones.
    """

    __module__ = "howdah"

    _conn: AsyncConnection[Any]

    async def sync(self) -> None:
        """Have the server answer all that was sent, and give the results to their cursors.

        Ends the aborted state after an error, and in autocommit the implicit transaction of the
        statements before it. Raises the first error that was not raised before; `PipelineAborted`
        if statements were skipped because of one that was.
        """
        await self._conn._pipeline_sync()

    async def __aenter__(self) -> Self:  # async only
        await self._conn._pipeline_enter()  # async only
        return self  # async only

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            if is_interruption(exc_val):
                await self._conn._pipeline_cancel()
            else:
                await self._conn._pipeline_sync()
        except Exception as error:
            if exc_val is None:
                raise
            _logger.warning("error ignored at the end of %r: %s", self, error)
        finally:  # async only
            self._conn._pipeline_leave()  # async only
