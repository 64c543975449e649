"""How each Python driver connects, repeats a case and closes: the only code between the clock and the driver.

`repeat` is the measured loop, written out for each driver so that nothing of ours runs per operation.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cases import Case

__all__ = ["AsyncPeer", "SyncPeer", "peer"]

Server = dict[str, Any]


class SyncPeer(ABC):
    """A driver whose calls block."""

    version: str

    @abstractmethod
    def connect(self, server: Server) -> Any:
        """Open a connection in autocommit."""

    @abstractmethod
    def repeat(self, conn: Any, case: Case, ops: int) -> None:
        """Execute the case's statement and fetch its rows, `ops` times."""

    @abstractmethod
    def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        """The same once, for the check before a case is measured."""

    def close(self, conn: Any) -> None:
        """Close a connection."""
        conn.close()


class AsyncPeer(ABC):
    """A driver whose calls are awaited."""

    version: str

    @abstractmethod
    async def connect(self, server: Server) -> Any:
        """Open a connection in autocommit."""

    async def prepare(self, conn: Any, case: Case) -> None:  # noqa: B027 - not every driver has to have it
        """What a program would tell the driver once for a connection; most need no telling."""

    @abstractmethod
    async def repeat(self, conn: Any, case: Case, ops: int) -> None:
        """Execute the case's statement and fetch its rows, `ops` times."""

    @abstractmethod
    async def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        """The same once, for the check before a case is measured."""

    async def close(self, conn: Any) -> None:
        """Close a connection."""
        await conn.close()


def peer(name: str, mode: str) -> SyncPeer | AsyncPeer:
    """The peer of that name; ImportError when it is not installed."""
    if name in ("howdah", "psycopg"):
        return PsycopgApi(name) if mode == "sync" else AsyncPsycopgApi(name)
    others: dict[str, type[SyncPeer | AsyncPeer]] = {"psycopg2": Psycopg2, "asyncpg": Asyncpg, "psqlpy": Psqlpy}
    return others[name]()


class PsycopgApi(SyncPeer):
    """psycopg and howdah: the same program for both, as their API is the same."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.version = _psycopg_version(self.module)

    def connect(self, server: Server) -> Any:
        return self.module.connect(**server, sslmode="disable", autocommit=True)

    def repeat(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.sql, case.params or None
        if case.rows is None:
            for _ in range(ops):
                conn.execute(sql, params)
            return
        for _ in range(ops):
            cur = conn.execute(sql, params)
            cur.fetchall()

    def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        cur = conn.execute(case.sql, case.params or None)
        rows: list[tuple[Any, ...]] = cur.fetchall() if case.rows is not None else []
        return rows


class AsyncPsycopgApi(AsyncPeer):
    """The asyncio half of PsycopgApi."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.version = _psycopg_version(self.module)

    async def connect(self, server: Server) -> Any:
        return await self.module.AsyncConnection.connect(**server, sslmode="disable", autocommit=True)

    async def repeat(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.sql, case.params or None
        if case.rows is None:
            for _ in range(ops):
                await conn.execute(sql, params)
            return
        for _ in range(ops):
            cur = await conn.execute(sql, params)
            await cur.fetchall()

    async def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        cur = await conn.execute(case.sql, case.params or None)
        rows: list[tuple[Any, ...]] = await cur.fetchall() if case.rows is not None else []
        return rows


class Psycopg2(SyncPeer):
    """psycopg2: a cursor for each statement, as `execute` of psycopg 3 makes one."""

    def __init__(self) -> None:
        self.module = importlib.import_module("psycopg2")
        self.version = self.module.__version__.split()[0]

    def connect(self, server: Server) -> Any:
        conn = self.module.connect(**server, sslmode="disable")
        conn.autocommit = True
        return conn

    def repeat(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.sql, case.params or None
        if case.rows is None:
            for _ in range(ops):
                conn.cursor().execute(sql, params)
            return
        for _ in range(ops):
            cur = conn.cursor()
            cur.execute(sql, params)
            cur.fetchall()

    def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        cur = conn.cursor()
        cur.execute(case.sql, case.params or None)
        rows: list[tuple[Any, ...]] = cur.fetchall() if case.rows is not None else []
        return rows


class Asyncpg(AsyncPeer):
    """asyncpg, with its statement cache as it is by default."""

    def __init__(self) -> None:
        self.module = importlib.import_module("asyncpg")
        self.version = self.module.__version__

    async def connect(self, server: Server) -> Any:
        return await self.module.connect(**_renamed(server, dbname="database"), ssl=False)

    async def prepare(self, conn: Any, case: Case) -> None:
        # It gives jsonb as str; its documentation shows this codec.
        if case.parsed_json:
            await conn.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")

    async def repeat(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.numbered, case.params
        for _ in range(ops):
            await conn.fetch(sql, *params)

    async def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        return [tuple(row) for row in await conn.fetch(case.numbered, *case.params)]


class Psqlpy(AsyncPeer):
    """psqlpy: rows come as dictionaries, which is what it has."""

    def __init__(self) -> None:
        self.module = importlib.import_module("psqlpy")
        self.version = importlib.metadata.version("psqlpy")

    async def connect(self, server: Server) -> Any:
        named = _renamed(server, dbname="db_name", user="username")
        return await self.module.connect(**named, ssl_mode=self.module.SslMode.Disable)

    async def repeat(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.numbered, list(case.params) or None
        for _ in range(ops):
            (await conn.execute(sql, params)).result()

    async def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        result = await conn.execute(case.numbered, list(case.params) or None)
        return [tuple(row.values()) for row in result.result()]

    async def close(self, conn: Any) -> None:
        conn.close()


def _psycopg_version(module: Any) -> str:
    pq = getattr(module, "pq", None)
    impl = getattr(pq, "__impl__", None)
    if module.__name__ == "psycopg" and impl not in ("binary", "c"):
        raise ImportError("psycopg is installed without its C implementation: install psycopg[binary]")
    return f"{module.__version__} ({impl})" if module.__name__ == "psycopg" else str(module.__version__)


def _renamed(server: Server, **names: str) -> Server:
    return {names.get(key, key): value for key, value in server.items()}
