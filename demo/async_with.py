"""`with` async connections: what the end of a context does."""

from __future__ import annotations

from typing import Any

from .stage import Stage, fetch_value

TITLE = "with async connections"


class Oops(Exception):
    """What the demo raises inside a context."""


def sync_context(stage: Stage) -> None:
    """With the sync objects, for comparison."""
    out = stage.out
    out.code(f"""
        with {stage.name}.connect(dsn) as conn:
            with conn.cursor() as cur:
                cur.execute("INSERT ...")
            # the cursor is closed upon leaving the context
        # the transaction is committed, the connection closed
    """)
    with stage.connect() as conn:
        with conn.cursor() as cur:
            cur.execute(f"INSERT INTO {stage.table} (num) VALUES (1)")
        out.check("the cursor is closed upon leaving the context", cur.closed)
    out.check("the connection is closed", conn.closed)
    out.equal("the transaction is committed", count(stage, 1), 1)
    try:
        with stage.connect() as conn:
            conn.execute(f"INSERT INTO {stage.table} (num) VALUES (2)")
            raise Oops
    except Oops:
        out.got("an exception left the context:", repr(Oops()))
    out.check("after an exception the connection is closed", conn.closed)
    out.equal("after an exception the transaction is rolled back", count(stage, 2), 0)


def two_steps(stage: Stage) -> None:
    """In two steps, connect() first: it returns an object which can be used as a context."""
    out = stage.out
    out.code(f"""
        aconn = await {stage.name}.AsyncConnection.connect(dsn)
        async with aconn:
            async with aconn.cursor() as cur:
                await cur.execute("INSERT ...")
    """)
    conn, cur, open_inside = stage.run(insert_in_two_steps(stage))
    out.check("the connection is open inside the context", open_inside)
    out.check("the cursor is closed upon leaving the context", cur.closed)
    out.check("the connection is closed", conn.closed)
    out.equal("the transaction is committed", count(stage, 3), 1)


async def insert_in_two_steps(stage: Stage) -> tuple[Any, Any, bool]:
    aconn = await stage.aconnect()
    async with aconn:
        open_inside = not aconn.closed
        async with aconn.cursor() as cur:
            await cur.execute(f"INSERT INTO {stage.table} (num) VALUES (3)")
    return aconn, cur, open_inside


def condensed(stage: Stage) -> None:
    """Condensed into `async with await`, and left by an exception."""
    out = stage.out
    out.code(f"""
        async with await {stage.name}.AsyncConnection.connect(dsn) as aconn:
            async with aconn.cursor() as cur:
                await cur.execute("INSERT ...")
                raise Oops
    """)
    conn, raised = stage.run(insert_and_raise(stage))
    out.got("left by", repr(raised))
    out.check("the exception comes out as it was", isinstance(raised, Oops), raised)
    out.check("the connection is closed", conn.closed)
    out.equal("the transaction is rolled back", count(stage, 4), 0)


async def insert_and_raise(stage: Stage) -> tuple[Any, Exception | None]:
    conn, raised = None, None
    try:
        async with await stage.aconnect() as conn, conn.cursor() as cur:
            await cur.execute(f"INSERT INTO {stage.table} (num) VALUES (4)")
            raise Oops
    except Exception as ex:
        raised = ex
    return conn, raised


def not_less(stage: Stage) -> None:
    """No less than that: `async with connect()` does not work, and cursor() needs no await."""
    out = stage.out
    problem = stage.run(without_await(stage))
    out.got("async with AsyncConnection.connect(): ->", repr(problem))
    out.check("`async with connect()` is an error", isinstance(problem, (TypeError, AttributeError)), problem)
    out.check("cursor() returns the cursor itself", stage.run(cursor_is_immediate(stage)))


async def without_await(stage: Stage) -> Exception | None:
    attempt: Any = stage.db.AsyncConnection.connect(stage.dsn)
    try:
        async with attempt:
            return None
    except Exception as ex:
        return ex
    finally:
        attempt.close()


async def cursor_is_immediate(stage: Stage) -> bool:
    async with await stage.aconnect() as aconn:
        cur = aconn.cursor()
        return isinstance(cur, stage.db.AsyncCursor)


def by_hand(stage: Stage) -> None:
    """Handled manually: commit(), rollback() and close() when required."""
    out = stage.out
    out.code("await conn.commit(); await conn.rollback(); await conn.close()")
    kept, closed = stage.run(manual(stage))
    out.equal("commit() keeps, rollback() discards", kept, 1)
    out.check("close() closes", closed)


async def manual(stage: Stage) -> tuple[int, bool]:
    conn = await stage.aconnect()
    await conn.execute(f"INSERT INTO {stage.table} (num) VALUES (5)")
    await conn.commit()
    await conn.execute(f"INSERT INTO {stage.table} (num) VALUES (5)")
    await conn.rollback()
    kept = await fetch_value(conn, f"SELECT count(*) FROM {stage.table} WHERE num = 5")
    await conn.close()
    return kept, conn.closed


def count(stage: Stage, num: int) -> int:
    """How many rows with that number another session sees."""
    with stage.connect() as conn:
        row = conn.execute(f"SELECT count(*) FROM {stage.table} WHERE num = %s", (num,)).fetchone()
        return int(row[0])


PARTS = [sync_context, two_steps, condensed, not_less, by_hand]
