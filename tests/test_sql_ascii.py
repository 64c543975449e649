"""A database without an encoding: what is no text must not break what has to be text."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from support.doors import Door

DATABASE = "howdah_sql_ascii"


@pytest.fixture
def ascii_database(oracle: ModuleType, dsn: str) -> Iterator[str]:
    with oracle.connect(dsn, autocommit=True) as admin:
        admin.execute(f"create database {DATABASE} encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
        try:
            yield DATABASE
        finally:
            admin.execute(f"drop database {DATABASE} with (force)")


async def test_notification_that_is_no_text(door: Door, ascii_database: str) -> None:
    if door.module.__name__ != "howdah":
        pytest.skip("what psycopg makes of it is not the point")
    conn = await door.connect(dbname=ascii_database, autocommit=True)
    await conn.execute("listen ascii")
    await conn.execute("select pg_notify('ascii', convert_from('\\xff41'::bytea, 'SQL_ASCII'))")
    received = [notify async for notify in conn.notifies(timeout=10, stop_after=1)]
    assert [(notify.channel, notify.payload) for notify in received] == [("ascii", "\ufffdA")]
    cur = await conn.execute("select 'x' as n")
    assert cur.description[0].name == "n"
    assert await cur.fetchone() == (b"x",)
