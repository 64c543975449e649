"""What tests of replication stand on: a table that is published, and a slot to follow it from."""

from __future__ import annotations

import importlib
import itertools
import os
from typing import TYPE_CHECKING, Any

from .doors import Door

if TYPE_CHECKING:
    from howdah.replication import LSN

FLAVOUR = os.environ.get("HOWDAH_TESTS_FLAVOUR", "embedded")
CONFIG = {"wal_level": "logical", "logical_decoding_work_mem": "64kB", "track_commit_timestamp": "on"}

_numbers = itertools.count()


class Source:
    """A published table and a slot, of one test; the connection is one to write with."""

    def __init__(self, dsn: str, columns: str = "id int primary key, a text", *, two_phase: bool = False) -> None:
        self.dsn = dsn
        self.name = f"followed_{next(_numbers)}"
        self.conn: Any = importlib.import_module("howdah").connect(dsn, autocommit=True)
        self.run(f"create table {self.name} ({columns})")
        self.run(f"create publication {self.name} for table {self.name}")
        temporary, phases = "false", ", true" if two_phase else ""
        self.run(f"select pg_create_logical_replication_slot('{self.name}', 'pgoutput', {temporary}{phases})")

    def run(self, query: str) -> Any:
        cur = self.conn.execute(query)
        return cur.fetchall() if cur.description else None

    def insert(self, *ids: int) -> None:
        values = ", ".join(f"({number}, 'row {number}')" for number in ids)
        self.run(f"insert into {self.name} values {values}")

    @property
    def confirmed(self) -> LSN:
        from howdah.replication import LSN

        query = f"select confirmed_flush_lsn::text from pg_replication_slots where slot_name = '{self.name}'"
        return LSN(self.run(query)[0][0])

    def close(self) -> None:
        slots = f"from pg_replication_slots where slot_name = '{self.name}'"
        self.run(f"select pg_terminate_backend(active_pid) {slots} and active")
        self.run(f"do $$ begin while (select active {slots}) loop perform pg_sleep(0.01); end loop; end $$")
        self.run(f"select pg_drop_replication_slot(slot_name) {slots}")
        self.run(f"drop publication {self.name}")
        self.run(f"drop table {self.name}")
        self.conn.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def replicating(door: Door, dsn: str, replication: str = "database") -> Any:
    """A connection for replication."""
    return await door.connect(dsn, replication=replication, autocommit=True)


async def commits(stream: Any, count: int = 1) -> list[Any]:
    """The next changes, up to so many commits."""
    from howdah.replication import Commit, StreamCommit

    changes: list[Any] = []
    while count:
        change = await stream.read(timeout=20)
        assert change is not None, f"only {changes}"
        changes.append(change)
        count -= isinstance(change, (Commit, StreamCommit))
    return changes
