"""A result is read with the settings that were in force when it came, whatever has changed since."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone

pytestmark = howdah_alone

DAY = dt.date(2020, 2, 3)
SPAN = dt.timedelta(days=1, hours=2)

CASES: list[tuple[str, str, str, Any]] = [
    ("set client_encoding to utf8", "select 'é'", "set client_encoding to latin1", "é"),
    ("set client_encoding to latin1", "select 'é'", "set client_encoding to utf8", "é"),
    ("set client_encoding to utf8", "select array['é', 'ß']", "set client_encoding to latin1", ["é", "ß"]),
    ("set client_encoding to utf8", "select row('é'::text, '1'::text)", "set client_encoding to latin1", ("é", "1")),
    ("set client_encoding to utf8", "select '{\"é\": 1}'::json", "set client_encoding to latin1", {"é": 1}),
    ("set datestyle to 'sql, dmy'", "select date '2020-02-03'", "set datestyle to 'sql, mdy'", DAY),
    ("set datestyle to 'german'", "select date '2020-02-03'", "set datestyle to 'iso'", DAY),
    ("set datestyle to 'sql, dmy'", "select array[date '2020-02-03']", "set datestyle to 'sql, mdy'", [DAY]),
    (
        "set datestyle to 'sql, dmy'",
        "select daterange('2020-02-03', '2020-02-04')",
        "set datestyle to 'sql, mdy'",
        "Range(datetime.date(2020, 2, 3), datetime.date(2020, 2, 4), '[)')",
    ),
    ("set intervalstyle to 'postgres'", "select interval '1 day 2 hours'", "set intervalstyle to 'iso_8601'", SPAN),
    (
        "set timezone to 'Asia/Tokyo'",
        "select timestamptz '2020-02-03 04:05:06+00'",
        "set timezone to 'America/New_York'",
        "datetime.datetime(2020, 2, 3, 13, 5, 6, tzinfo=zoneinfo.ZoneInfo(key='Asia/Tokyo'))",
    ),
]


def same(value: Any, expected: Any) -> bool:
    return repr(value) == expected if isinstance(expected, str) and "(" in expected else bool(value == expected)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("before", "query", "after", "expected"), CASES)
async def test_settings_change_before_the_fetch(
    door: Door, before: str, query: str, after: str, expected: Any, binary: bool
) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(before)
    cur = await conn.cursor(binary=binary).execute(query)
    await conn.execute(after)
    (value,) = await cur.fetchone()
    assert same(value, expected)


@pytest.mark.parametrize(("before", "query", "after", "expected"), CASES)
async def test_prepared_statements_too(door: Door, before: str, query: str, after: str, expected: Any) -> None:
    conn = await door.connect(autocommit=True, prepare_threshold=0)
    for _ in range(3):
        await conn.execute(before)
        cur = await conn.execute(query)
        await conn.execute(after)
        (value,) = await cur.fetchone()
        assert same(value, expected)


@asyncio_only
async def test_settings_of_a_block_end_with_it(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.transaction():
        await conn.execute("set local datestyle to 'sql, dmy'")
        cur = await conn.execute("select date '2020-02-03'")
    assert await cur.fetchall() == [(DAY,)]


async def test_settings_change_in_the_middle_of_an_iteration(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    cur = await conn.execute("select 'é' from generate_series(1, 4)")
    seen = []
    async for (value,) in cur:
        seen.append(value)
        await conn.execute(f"set client_encoding to {'latin1' if len(seen) % 2 else 'utf8'}")
    assert seen == ["é"] * 4


async def test_several_results_of_one_query(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    cur = await conn.execute(
        "set datestyle to 'sql, dmy'; select date '2020-02-03'; set datestyle to 'sql, mdy'; select date '2020-02-03'"
    )
    await conn.execute("set datestyle to 'iso'")
    seen = []
    while True:
        if cur.description:
            seen += await cur.fetchall()
        if not cur.nextset():
            break
    # The server tells of changes at the end of the query only: of two in one query, the last is known.
    assert seen[-1] == (DAY,)


async def test_results_of_executemany(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    cur = conn.cursor()
    await cur.executemany("select %s::text", [("é",), ("ß",)], returning=True)
    await conn.execute("set client_encoding to latin1")
    assert await cur.fetchone() == ("é",)
    assert cur.nextset()
    assert await cur.fetchone() == ("ß",)


async def test_names_of_columns(door: Door) -> None:
    conn = await door.connect(autocommit=True, row_factory=door.module.rows.dict_row)
    cur = await conn.execute('select 1 as "é"')
    await conn.execute("set client_encoding to latin1")
    assert cur.description[0].name == "é"
    assert await cur.fetchall() == [{"é": 1}]


async def test_a_notification_that_waits(door: Door, channel: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")
    await conn.execute(f"notify {channel}, 'é'")
    await conn.execute("set client_encoding to latin1")
    async for notify in conn.notifies(timeout=1, stop_after=1):
        assert notify.payload == "é"


async def test_a_row_of_a_stream(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("set datestyle to 'sql, dmy'")
    assert [row async for row in conn.cursor().stream("select date '2020-02-03'")] == [(DAY,)]
