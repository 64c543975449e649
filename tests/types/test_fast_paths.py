"""Values that have a quick way into Python: the same as by the slow one, at the edges between the two."""

from __future__ import annotations

import gc
import json
import math
import random
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.adapting import part

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
INTS = st.integers() | st.sampled_from([10**17, 10**18 - 1, 10**18, -(10**18), 2**63, -(2**63) - 1, 10**40])
SCALARS = st.none() | st.booleans() | INTS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))

SPELLINGS = [
    "1e400", "[-1e400, -0, -0.0, 0E1, 1E+2, 1.5e-3]", '{"a": 1, "b": 2, "a": 3}', "  [ ]\n", "\t{ }\r\n", "[[[]]]",
    r'"\ud83d\ude00 \u00e9 \/ \b\f\n\r\t \" \\"', r'"\ud800"', r'["\udc00x", "\ud800\ud800"]', r'{"\u0061": "\u20AC"}',
    "123456789012345678", "1234567890123456789", "-123456789012345678", "2.2250738585072011e-308", "0.1",
    "[" * 64 + "]" * 64, "[" * 70 + "]" * 70, '{"' + "k" * 33 + '": {"' + "k" * 32 + '": 1}}', '{"": {"": null}}',
]  # fmt: skip
MALFORMED = [
    "", " ", "[", "[1", "[1,", "[1,]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,}', "{1:2}", "{,}", '"', '"a', '"\\',
    '"\\x"', '"\\u12"', '"\\u12g4"', '"\n"', "01", "-", "1.", ".5", "1e", "1e+", "+1", "nul", "tru", "nulll", "1 2",
    "[1 2]", "]", "'a'",
]  # fmt: skip


def same(a: Any, b: Any) -> bool:
    """Whether values are equal, of the same classes, with the same order of keys and signs of zeros."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    return bool(a == b)


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 0, 2]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_is_what_the_standard_library_reads(howdah: Any, value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert same(json_loader(howdah).load(text.encode()), json.loads(text))


@pytest.mark.parametrize("text", [*SPELLINGS, "NaN", "[Infinity, -Infinity]"])
def test_json_spellings(howdah: Any, text: str) -> None:
    found, expected = json_loader(howdah).load(text.encode()), json.loads(text)
    assert same(found, expected) or repr(found) == repr(expected) == "nan"


@pytest.mark.parametrize("text", SPELLINGS)
def test_json_from_the_server(conn: Any, text: str) -> None:
    assert same(conn.execute("select %s::json", (text,)).fetchone()[0], json.loads(text))


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_json(howdah: Any, text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as found:
        json_loader(howdah).load(text.encode())
    assert str(found.value) == str(expected.value)


def test_json_that_is_no_text(howdah: Any) -> None:
    for data in (b'"\xff"', b'{"\xff": 1}', b'["a", "\xc3"]'):
        with pytest.raises(UnicodeDecodeError):
            json_loader(howdah).load(data)


def json_loader(howdah: Any) -> Any:
    oid = howdah.adapters.types["json"].oid
    return howdah.adapters.get_loader(oid, part(howdah, "pq").Format.TEXT)(oid, None)


@pytest.mark.parametrize("binary", [False, True])
def test_numeric_is_what_the_class_makes_of_the_text(conn: Any, binary: bool) -> None:
    rng = random.Random(1)
    texts = ["0", "0.00", "-0.5", "7e20", "9999999999999999999", "10000000000000000000", "0.0000000000000000001", "NaN"]
    for _ in range(2000):
        digits = rng.randrange(1, 45)
        scale = rng.randrange(digits + 6)
        texts.append(str(Decimal(rng.choice(["", "-"]) + str(rng.randrange(10**digits))).scaleb(-scale)))
    cur = conn.execute("select n, n::text from unnest(%s::numeric[]) n", (texts,), binary=binary)
    for found, text in cur:
        expected = Decimal(text if isinstance(text, str) else text.decode())
        assert type(found) is Decimal
        assert (found.as_tuple(), repr(found)) == (expected.as_tuple(), repr(expected))
        if not found.is_nan():
            assert (hash(found), found * 3, found.normalize()) == (hash(expected), expected * 3, expected.normalize())


@pytest.mark.parametrize("binary", [False, True])
def test_uuid_is_complete(conn: Any, binary: bool) -> None:
    texts = [str(UUID(int=n)) for n in (0, 1, 2**30, 2**60 - 1, 2**64, 2**128 - 1)]
    for (found,), text in zip(conn.execute("select unnest(%s::uuid[])", (texts,), binary=binary), texts, strict=True):
        expected = UUID(text)
        assert found == expected
        assert (type(found), hash(found), found.is_safe, str(found)) == (UUID, hash(expected), expected.is_safe, text)


ZONES = [
    "Europe/Berlin",
    "Europe/Dublin",
    "America/Boa_Vista",
    "Africa/Freetown",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "UTC",
]


@pytest.mark.parametrize("zone", ZONES)
def test_moments_in_zones(conn: Any, zone: str) -> None:
    """More than once, as offsets are remembered; close enough to meet the hours around every change."""

    conn.execute("select set_config('TimeZone', %s, false)", (zone,))
    moments = (
        "select extract(epoch from t)::int8, t from"
        " (select generate_series(timestamptz '1938-12-01+00', '1940-02-01+00', '55 min')"
        " union all select generate_series(timestamptz '2000-09-01+00', '2001-03-01+00', '29 min')"
        " union all select generate_series(timestamptz '2040-09-01+00', '2041-01-01+00', '29 min')) m(t)"
    )
    tz = ZoneInfo(zone)

    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    for binary in (False, True, False):
        for seconds, found in conn.execute(moments, binary=binary):
            expected = (epoch + timedelta(seconds=seconds)).astimezone(tz)
            assert (found.replace(tzinfo=None), found.fold) == (expected.replace(tzinfo=None), expected.fold)
            assert found.utcoffset() == expected.utcoffset()


def test_rows_with_containers_are_collected(conn: Any) -> None:
    (row,) = conn.execute("select 1, '[]'::jsonb").fetchall()
    assert gc.is_tracked(row)
    row[1].append(row)
    assert any(known is row for known in gc.get_objects())
    (plain,) = conn.execute("select 1, 'text', null").fetchall()
    assert plain == (1, "text", None)
