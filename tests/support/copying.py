"""COPY for tests: a table, what is in it, and statements that move its data."""

from __future__ import annotations

from typing import Any

from support.doors import Door

IDLE, INERROR = 0, 3


async def with_table(door: Door, columns: str = "a int, b text", **kwargs: Any) -> Any:
    conn = await door.connect(autocommit=True, **kwargs)
    await conn.execute(f"create temp table copied ({columns})")
    return conn


async def rows_of(conn: Any) -> Any:
    return await (await conn.execute("select * from copied order by 1")).fetchall()


async def data_of(conn: Any, statement: Any, params: Any = None) -> bytes:
    async with conn.cursor().copy(statement, params) as copy:
        return b"".join([bytes(data) async for data in copy])


async def write(conn: Any, *pieces: Any, statement: str = "copy copied from stdin") -> Any:
    cur = conn.cursor()
    async with cur.copy(statement) as copy:
        for piece in pieces:
            await copy.write(piece)
    return cur


async def assert_usable(conn: Any, status: int = IDLE) -> None:
    assert conn.info.transaction_status == status
    if status == INERROR:
        await conn.rollback()
    assert await (await conn.execute("select 42")).fetchone() == (42,)
