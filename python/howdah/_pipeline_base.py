"""Pipeline mode: what the two kinds of connection share, which is everything except waiting."""

from __future__ import annotations

import asyncio
from typing import Any

from ._howdah import BaseConnection, PGconn, PipelineScope
from .pq import PipelineStatus


class BasePipeline:
    """The pipeline mode of a connection. What is queued and what has come is the engine's."""

    def __init__(self, conn: BaseConnection) -> None:
        self._conn: Any = conn

    @property
    def pgconn(self) -> PGconn:
        """Its connection as libpq has it."""
        pgconn: PGconn = self._conn.pgconn
        return pgconn

    @property
    def level(self) -> int:
        """How many `pipeline()` blocks of the connection are entered."""
        level: int = self._conn._pipeline_level()
        return level

    @property
    def status(self) -> PipelineStatus:
        """`ON`, `ABORTED` after an error up to the next synchronisation point, `OFF` after the end of the block."""
        return PipelineStatus(self._conn._pipeline_status())

    @classmethod
    def is_supported(cls) -> bool:
        """Return `True`: the engine has a pipeline mode, and every server since PostgreSQL 7.4."""
        return True

    def __repr__(self) -> str:
        cls = f"{type(self).__module__}.{type(self).__qualname__}"
        return f"<{cls} {self._conn._summary()} at 0x{id(self):x}>"


class SyncPipelineBase(PipelineScope, BasePipeline):
    """The same with the `with` statement, which no signal can tear apart."""


def is_interruption(error: BaseException | None) -> bool:
    """Return whether a block ends because its program or task has been told to end."""
    return isinstance(error, (KeyboardInterrupt, asyncio.CancelledError))
