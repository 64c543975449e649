"""How each Python driver connects, repeats a case and closes: the only code between the clock and the driver.

`repeat` is the measured loop, written out for each driver so that nothing of ours runs per operation.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.metadata
import json
import marshal
import pickle
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .arrow import prepare_arrow, read_frames, write_tables
from .copying import async_psycopg_copies, asyncpg_copies, psycopg_copies
from .model import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import Case

__all__ = ["AsyncPeer", "SyncPeer", "peer"]

Server = dict[str, Any]


class SyncPeer(ABC):
    """A driver whose calls block."""

    version: str

    @abstractmethod
    def connect(self, server: Server) -> Any:
        """Open a connection in autocommit."""

    def prepare(self, conn: Any, case: Case) -> None:
        """What comes once for a connection, before anything is measured."""
        if case.kind.is_arrow:
            prepare_arrow(case)

    @abstractmethod
    def repeat(self, conn: Any, case: Case, ops: int) -> None:
        """Execute the case's statement and fetch its rows, `ops` times."""

    def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        """Do what the case's kind says instead, `ops` times."""
        raise NotImplementedError(f"{type(self).__name__} has no part in cases of the kind {case.kind.value}")

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

    async def connect_for(self, server: Server, case: Case) -> Any:
        """Open what a case stands on: a connection, or as many as its tasks want."""
        return await self.connect(server)

    async def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        """Do what the case's kind says instead, `ops` times."""
        raise NotImplementedError(f"{type(self).__name__} has no part in cases of the kind {case.kind.value}")

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
    others: dict[str, type[SyncPeer | AsyncPeer]] = {
        "psycopg2": Psycopg2,
        "adbc": Adbc,
        "connectorx": Connectorx,
        "asyncpg": Asyncpg,
        "psqlpy": Psqlpy,
        "objects": Objects,
    }
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

    def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.sql, case.params or None
        if case.kind is Kind.MANY:
            many = [case.params] * case.batch
            for _ in range(ops):
                conn.cursor().executemany(sql, many)
        elif case.kind is Kind.PIPELINE:
            for _ in range(ops):
                with conn.pipeline():
                    cursors = [conn.execute(sql, params) for _ in range(case.batch)]
                    for cur in cursors:
                        cur.fetchall()
        elif case.kind is Kind.TRANSACTION:
            conn.autocommit = False
            for _ in range(ops):
                cur = conn.execute(sql, params)
                cur.fetchall()
                conn.commit()
            conn.autocommit = True
        elif case.kind is Kind.STREAM:
            for _ in range(ops):
                count = 0
                for _row in conn.cursor().stream(sql, params):
                    count += 1
                _check_count(count, case)
        elif case.kind is Kind.ROWS:
            factory = getattr(self.module.rows, case.row_factory)
            for _ in range(ops):
                conn.cursor(row_factory=factory).execute(sql, params).fetchall()
        elif case.kind is Kind.SERVER:
            for _ in range(ops):
                count = 0
                with conn.transaction(), conn.cursor("bench") as cur:
                    for _row in cur.execute(sql, params):
                        count += 1
                _check_count(count, case)
        elif case.kind.is_copy:
            psycopg_copies(conn, case, ops)
        elif case.kind is Kind.ARROW_IN:
            table = functools.partial(self.module.sql.Identifier, "howdah_bench")
            write_tables(conn.execute, lambda data, name: conn.copy_arrow(table(name), data), case, ops)
        elif case.kind.is_arrow:
            read_frames(lambda: self.module.read_arrow(conn, sql), case, ops)
        else:
            super().repeat_kind(conn, case, ops)


class Objects(SyncPeer):
    """No driver: builds the objects that a result is made of, as `marshal` does, or `pickle` where marshal cannot."""

    def __init__(self) -> None:
        self.api = PsycopgApi("howdah")
        self.version = f"marshal {marshal.version}"

    def connect(self, server: Server) -> Any:
        return self.api.connect(server)

    def repeat(self, conn: Any, case: Case, ops: int) -> None:
        rows: Any = self.api.fetch(conn, case)
        try:
            data, loads = marshal.dumps(rows), marshal.loads
        except ValueError:
            data, loads = pickle.dumps(rows, pickle.HIGHEST_PROTOCOL), pickle.loads
        for _ in range(ops):
            loads(data)

    def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        return self.api.fetch(conn, case)


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

    async def connect_for(self, server: Server, case: Case) -> Any:
        if case.kind is not Kind.TASKS:
            return await self.connect(server)
        if self.module.__name__ == "psycopg":
            return Connections([await self.connect(server) for _ in range(case.batch)])
        return await self.module.AsyncConnection.connect(**server, sslmode="disable", autocommit=True, pipelining=True)

    async def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.sql, case.params or None
        if case.kind is Kind.MANY:
            many = [case.params] * case.batch
            for _ in range(ops):
                await conn.cursor().executemany(sql, many)
        elif case.kind is Kind.TRANSACTION:
            await conn.set_autocommit(False)
            for _ in range(ops):
                cur = await conn.execute(sql, params)
                await cur.fetchall()
                await conn.commit()
            await conn.set_autocommit(True)
        elif case.kind is Kind.PIPELINE:
            for _ in range(ops):
                async with conn.pipeline():
                    cursors = [await conn.execute(sql, params) for _ in range(case.batch)]
                    for cur in cursors:
                        await cur.fetchall()
        elif case.kind is Kind.STREAM:
            for _ in range(ops):
                count = 0
                async for _row in conn.cursor().stream(sql, params):
                    count += 1
                _check_count(count, case)
        elif case.kind is Kind.ROWS:
            factory = getattr(self.module.rows, case.row_factory)
            for _ in range(ops):
                cur = await conn.cursor(row_factory=factory).execute(sql, params)
                await cur.fetchall()
        elif case.kind is Kind.SERVER:
            for _ in range(ops):
                count = 0
                async with conn.transaction(), conn.cursor("bench") as cur:
                    async for _row in await cur.execute(sql, params):
                        count += 1
                _check_count(count, case)
        elif case.kind is Kind.TASKS:
            conns = conn if isinstance(conn, Connections) else [conn] * case.batch

            async def one(conn: Any) -> None:
                cur = await conn.execute(sql, params)
                await cur.fetchall()

            for _ in range(ops):
                await asyncio.gather(*map(one, conns))
        elif case.kind.is_copy:
            await async_psycopg_copies(conn, case, ops)
        else:
            await super().repeat_kind(conn, case, ops)

    async def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        conn = conn[0] if isinstance(conn, Connections) else conn
        cur = await conn.execute(case.sql, case.params or None)
        rows: list[tuple[Any, ...]] = await cur.fetchall() if case.rows is not None else []
        return rows


class Connections(list[Any]):
    """One connection for each task, closed together."""

    async def close(self) -> None:
        for conn in self:
            await conn.close()


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


class ArrowPeer(SyncPeer):
    """A driver that is there for Arrow data alone."""

    def repeat(self, conn: Any, case: Case, ops: int) -> None:
        self.repeat_kind(conn, case, ops)

    def fetch(self, conn: Any, case: Case) -> Sequence[Sequence[Any]]:
        raise NotImplementedError(f"{type(self).__name__} has Arrow data alone")


class Adbc(ArrowPeer):
    """ADBC's driver for PostgreSQL, by its DBAPI."""

    def __init__(self) -> None:
        self.module = importlib.import_module("adbc_driver_postgresql.dbapi")
        self.version = importlib.metadata.version("adbc-driver-postgresql")

    def connect(self, server: Server) -> Any:
        return self.module.connect(_uri(server), autocommit=True)

    def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        with conn.cursor() as cur:
            if case.kind is Kind.ARROW_IN:
                options = {"mode": "append", "db_schema_name": "howdah_bench"}
                write_tables(cur.execute, lambda data, name: cur.adbc_ingest(name, data, **options), case, ops)
            else:
                read_frames(lambda: cur.execute(case.sql).fetch_arrow_table(), case, ops)


class Connectorx(ArrowPeer):
    """connectorx, which reads with connections of its own."""

    def __init__(self) -> None:
        self.module = importlib.import_module("connectorx")
        self.version = importlib.metadata.version("connectorx")

    def connect(self, server: Server) -> Any:
        return _uri(server)

    def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        read_frames(lambda: self.module.read_sql(conn, case.sql, return_type="arrow"), case, ops)

    def close(self, conn: Any) -> None:
        """There is nothing to close."""


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

    async def connect_for(self, server: Server, case: Case) -> Any:
        if case.kind is not Kind.TASKS:
            return await self.connect(server)
        renamed = _renamed(server, dbname="database")
        return await self.module.create_pool(**renamed, ssl=False, min_size=case.batch, max_size=case.batch)

    async def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        sql, params = case.numbered, case.params
        if case.kind is Kind.MANY:
            many = [params] * case.batch
            for _ in range(ops):
                await conn.executemany(sql, many)
        elif case.kind is Kind.TASKS:
            for _ in range(ops):
                await asyncio.gather(*(conn.fetch(sql, *params) for _ in range(case.batch)))
        elif case.kind.is_copy:
            await asyncpg_copies(conn, case, ops)
        else:
            await super().repeat_kind(conn, case, ops)

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

    async def repeat_kind(self, conn: Any, case: Case, ops: int) -> None:
        if case.kind is not Kind.MANY:
            await super().repeat_kind(conn, case, ops)
        many = [list(case.params)] * case.batch
        for _ in range(ops):
            await conn.execute_many(case.numbered, many)

    async def close(self, conn: Any) -> None:
        conn.close()


def _check_count(count: int, case: Case) -> None:
    if count != case.rows:
        raise ValueError(f"{count} rows instead of {case.rows}")


def _psycopg_version(module: Any) -> str:
    pq = getattr(module, "pq", None)
    impl = getattr(pq, "__impl__", None)
    if module.__name__ == "psycopg" and impl not in ("binary", "c"):
        raise ImportError("psycopg is installed without its C implementation: install psycopg[binary]")
    return f"{module.__version__} ({impl})" if module.__name__ == "psycopg" else str(module.__version__)


def _uri(server: Server) -> str:
    user = ":".join(quote(server[key], safe="") for key in ("user", "password") if server.get(key))
    return f"postgresql://{user}@{server['host']}:{server['port']}/{server['dbname']}?sslmode=disable"


def _renamed(server: Server, **names: str) -> Server:
    return {names.get(key, key): value for key, value in server.items()}
