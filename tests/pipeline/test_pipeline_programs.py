"""Programs in a pipeline, drawn at random and run by both drivers: results, exceptions and states are the same."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, run_on_loop

PROGRAMS = 25
LENGTH = 14

GOOD = ["select 1", "insert into t values (%(n)s) returning a", "update t set a = a", "select a from t order by a", ""]
BAD = ["select 1/0", "select nothing", "insert into t values (1), (1)", "select 'x'::int"]

Step = Callable[["Program"], Any]


class Program:
    """One run of a program: its connection, what it keeps, what it has seen."""

    def __init__(self, door: Door, conn: Any, seed: int) -> None:
        self.door = door
        self.conn = conn
        self.random = random.Random(seed)
        self.log: list[Any] = []
        self.pipeline: Any = None
        self.number = 100
        self.kept: list[Any] = []

    async def run(self) -> list[Any]:
        steps = [self.fetched, self.kept_back, self.fetch_kept, self.failing, self.aborted, self.many, self.sync]
        steps += [self.commit, self.rollback, self.nested, self.block, self.cannot_be_sent]
        async with self.conn.pipeline() as self.pipeline:
            for _ in range(LENGTH):
                step = self.random.choice(steps)
                await self.note(step.__name__, step)
                self.note_state()
        self.note_state()
        return self.log

    async def note(self, name: str, step: Any) -> None:
        try:
            self.log.append((name, await step()))
        except self.door.module.Error as error:
            await self.settle()
            self.log.append((name, type(error).__name__, error.sqlstate))

    def note_state(self) -> None:
        info = self.conn.info
        self.log.append((info.transaction_status.name, info.pipeline_status.name))

    async def settle(self) -> None:
        """Have everything answered and every error raised: psycopg may have raised one before it read the rest."""
        for _ in range(3):
            try:
                await self.pipeline.sync()
            except self.door.module.Error:
                continue
        self.kept.clear()

    async def execute(self, query: str) -> Any:
        self.number += 1
        return await self.conn.execute(query, {"n": self.number})

    async def rows(self, cur: Any) -> Any:
        try:
            return await cur.fetchall(), cur.rowcount, cur.statusmessage
        except self.door.module.ProgrammingError as error:
            if "produce records" not in str(error):
                raise
            return None, cur.rowcount, cur.statusmessage

    async def fetched(self) -> Any:
        """The status of an aborted transaction is known only when all has been answered."""
        cur = await self.execute(self.random.choice(GOOD))
        found = await self.rows(cur)
        await self.pipeline.sync()
        return found

    async def kept_back(self) -> Any:
        if self.conn.info.transaction_status.name != "INERROR":
            self.kept.append(await self.execute(self.random.choice(GOOD)))
        return None

    async def fetch_kept(self) -> Any:
        kept = list(self.kept)
        self.kept.clear()
        return [await self.rows(cur) for cur in kept]

    async def failing(self) -> Any:
        query = self.random.choice(BAD)
        await self.rows(await self.execute(query))

    async def aborted(self) -> Any:
        await self.note("failing", self.failing_unsettled)
        await self.rows(await self.execute("select 'skipped'"))

    async def failing_unsettled(self) -> Any:
        query = self.random.choice(BAD)
        try:
            await self.rows(await self.execute(query))
        except self.door.module.Error as error:
            return type(error).__name__, self.pipeline.status.name
        return None

    async def many(self) -> Any:
        await self.begun()
        cur = self.conn.cursor()
        self.number += 3
        returning = self.random.random() < 0.5
        values = [(self.number + i,) for i in self.random.choice([range(3), [0, 0], []])]
        await cur.executemany("insert into t values (%s) returning a", values, returning=returning)
        await self.pipeline.sync()
        found = [cur.rowcount, cur.statusmessage if values else None]
        while returning and values:
            found.append(await cur.fetchall())
            if not cur.nextset():
                break
        self.number += 3
        return found

    async def sync(self) -> Any:
        await self.pipeline.sync()

    async def commit(self) -> Any:
        await self.conn.commit()

    async def rollback(self) -> Any:
        await self.conn.rollback()

    async def nested(self) -> Any:
        async with self.conn.pipeline():
            cur = await self.execute(self.random.choice(GOOD))
        return await self.rows(cur)

    async def block(self) -> Any:
        query = self.random.choice(GOOD * 2 + BAD)
        force = self.random.random() < 0.3
        if self.conn.info.transaction_status.name == "INERROR":
            return None
        async with self.conn.transaction(force_rollback=force) as tx:
            cur = await self.execute(query)
        return tx.status.name, await self.rows(cur)

    async def begun(self) -> None:
        """psycopg has begun the transaction before it finds out that there is nothing to send."""
        if self.conn.info.transaction_status.name == "IDLE":
            await self.execute("select 1")
            await self.pipeline.sync()

    async def cannot_be_sent(self) -> Any:
        await self.begun()
        await self.conn.execute("select %s", [object()])


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_programs(howdah: ModuleType, door_kind: str, dsn: str, seed: int, autocommit: bool) -> None:
    logs = {}
    for module in (importlib.import_module("psycopg"), howdah):
        door = Door(module, door_kind, dsn)

        async def run(door: Door = door) -> None:
            # psycopg takes statements for prepared whose preparation the server has skipped.
            conn = await door.connect(autocommit=autocommit, prepare_threshold=None)
            try:
                await conn.execute("create temp table t (a int primary key)")
                await conn.commit()
                logs[door.module.__name__] = await Program(door, conn, seed).run()
            finally:
                await door.close_all()

        run_on_loop(door_kind, run())
    assert logs["howdah"] == logs["psycopg"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("door_kind", ["sync", "asyncio"])
