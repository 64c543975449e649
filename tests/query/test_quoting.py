"""Quoting in every client encoding: whatever a value or a name holds, it stays one token of the statement.

Precedents: CVE-2025-1094 (incomplete characters swallow the closing quote) and CVE-2024-1597 (a negative number behind
a minus begins a comment).
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Iterator
from decimal import Decimal
from enum import IntEnum
from types import ModuleType
from typing import Any

import pytest

from support.templates import Templates, Value

ENCODINGS = {
    "UTF8": "utf-8",
    "LATIN1": "latin-1",
    "WIN1252": "cp1252",
    "SJIS": "shift_jis",
    "SHIFT_JIS_2004": "shift_jis_2004",
    "BIG5": "big5",
    "GBK": "gbk",
    "GB18030": "gb18030",
    "UHC": "cp949",
    "EUC_JP": "euc_jp",
    "EUC_JIS_2004": "euc_jis_2004",
    "EUC_KR": "euc_kr",
    "EUC_CN": "gb2312",
    "JOHAB": "johab",
}

CHUNK = 64


@pytest.fixture
def sql(driver: ModuleType) -> Any:
    return importlib.import_module(f"{driver.__name__}.sql")


@pytest.fixture(params=ENCODINGS)
def encoded(request: pytest.FixtureRequest, connect: Any) -> tuple[Any, str]:
    """A connection in a client encoding, and Python's name of that."""
    conn = connect(autocommit=True)
    conn.execute(f"set client_encoding to {request.param}")
    return conn, ENCODINGS[request.param]


def test_every_odd_character(driver: ModuleType, sql: Any, encoded: tuple[Any, str]) -> None:
    """What is written is read as it was, or the server refuses it as no text; never anything else."""
    conn, codec = encoded
    if driver.__name__ == "psycopg" and codec == "shift_jis_2004":
        pytest.skip("it sends yen signs as backslashes, and reads backslashes as yen signs")
    odd = list(odd_characters(codec))
    refused = 0
    for at in range(0, len(odd), CHUNK):
        refused += asked(driver, sql, conn, codec, odd[at : at + CHUNK])
    # PostgreSQL and Python do not agree on all that an encoding has; in JOHAB on nearly nothing.
    assert refused <= len(odd) / 4 or codec == "johab"


def odd_characters(codec: str) -> Iterator[str]:
    """Characters of several bytes, one of which looks like ASCII; a few of all others."""
    for code in range(0x80, 0x10000):
        char = chr(code)
        try:
            data = char.encode(codec)
        except UnicodeEncodeError:
            continue
        if data in (b"\\", b"~"):
            continue
        looks_odd = min(data) < 0x80
        if looks_odd or code % 97 == 0:
            yield char


def asked(driver: ModuleType, sql: Any, conn: Any, codec: str, chars: list[str]) -> int:
    """Send characters in front of all kinds of quotes; how many of them the server refuses."""
    text = "".join(char + tail for char in chars for tail in ("'", '"', "\\", "--"))
    names = [char + tail for char in chars for tail in ('"', '";--', "\\")]
    expected = text.encode(codec).decode(codec)
    query = sql.SQL("select {}, {} as {}, 'end'").format(text, 1, sql.Identifier(names[0]))
    columns = sql.SQL(", ").join(sql.SQL("1 as {}").format(sql.Identifier(name)) for name in names)
    try:
        assert conn.execute(query).fetchone() == (expected, 1, "end")
        cur = conn.execute(sql.SQL("select {}").format(columns))
    except (driver.errors.CharacterNotInRepertoire, driver.errors.UntranslatableCharacter, driver.OperationalError):
        if len(chars) == 1:
            return 1
        middle = len(chars) // 2
        return asked(driver, sql, conn, codec, chars[:middle]) + asked(driver, sql, conn, codec, chars[middle:])
    assert [column.name for column in cur.description] == [name.encode(codec).decode(codec) for name in names]
    return 0


@pytest.mark.parametrize(("encoding", "codec"), [("SJIS", "shift_jis"), ("EUC_JP", "euc_jp"), ("SHIFT_JIS_2004", "")])
def test_what_would_become_ascii(howdah: ModuleType, dsn: str, encoding: str, codec: str) -> None:
    """psycopg sends a yen sign as a backslash, which escapes what is behind it in arrays."""
    sql = howdah.sql
    with howdah.connect(dsn, autocommit=True, client_encoding=encoding) as conn:
        for char in ("\xa5", "\u203e"):
            assert char.encode(codec or "shift_jis_2004") in (b"\\", b"~")
            for value in (char, [char], (char,), sql.Literal(char), howdah.types.range.Range(char)):
                with pytest.raises(UnicodeEncodeError) as caught:
                    conn.execute(sql.SQL("select {}").format(value))
                assert caught.value.object == char
            for query in (f"select '{char}'", sql.SQL("select 1 as ") + sql.Identifier(char)):
                with pytest.raises(UnicodeEncodeError):
                    conn.execute(query)
        text = "~\\'\"表~~\\\\"
        for value in (text, [text, text], {text: [text]}):
            given = howdah.types.json.Jsonb(value) if isinstance(value, dict) else value
            cast = "" if isinstance(value, dict) else "::text" + "[]" * isinstance(value, list)
            for binary in (False, True):
                assert conn.execute(f"select %s{cast}", (given,), binary=binary).fetchone() == (value,)
            query = sql.SQL("select {}" + cast).format(given)
            assert conn.execute(query).fetchone() == (value,)
        assert conn.execute("select length(%s)", (text,)).fetchone() == (len(text),)
        assert conn.execute(f"select '~\\表' as \"{text.replace(chr(34), '')}\"").fetchone() == ("~\\表",)


def test_like_libpq(oracle: ModuleType, howdah: ModuleType, dsn: str) -> None:
    """Byte for byte, in every encoding."""
    with oracle.connect(dsn, autocommit=True) as theirs, howdah.connect(dsn, autocommit=True) as ours:
        for name, codec in ENCODINGS.items():
            theirs.execute(f"set client_encoding to {name}")
            ours.execute(f"set client_encoding to {name}")
            for char in odd_characters(codec):
                for kind in ("Literal", "Identifier"):
                    # psycopg has the backslash of SHIFT_JIS_2004 elsewhere.
                    texts = [f"{char}'", f'"{char}' + "\\" * (name != "SHIFT_JIS_2004")]
                    for text in texts:
                        expected = written(oracle, getattr(oracle.sql, kind)(text), theirs)
                        found = written(howdah, getattr(howdah.sql, kind)(text), ours)
                        # What libpq takes for incomplete we may leave to the server, as names in JOHAB.
                        assert found == expected or not expected


def written(driver: ModuleType, part: Any, conn: Any) -> bytes:
    """A part as it is sent; nothing if the driver refuses it."""
    try:
        return bytes(part.as_bytes(conn))
    except driver.OperationalError:
        return b""


BROKEN = {
    "UTF8": [b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\xa7", b"\xc0'", b"\xff", b"a\xc3'; select 1; --"],
    "SJIS": [b"\x83", b"a\x95", b"\x83'; select 1; --", b"\x80"],
    "SHIFT_JIS_2004": [b"\x83", b"a\x95", b"\x83'; select 1; --"],
    "BIG5": [b"\xa4", b"a\xa4"],
    "GBK": [b"\x81", b"a\xb0"],
    "UHC": [b"\x81", b"a\xb0"],
    "GB18030": [b"\x81", b"\x81\x30", b"\x81\x30\x81", b"\x81\x30\x81'", b"\x81'"],
    "EUC_JP": [b"\xa4", b"\x8f\xa2", b"\xa4'", b"\x8f\xa2'", b"\x8e'"],
    "EUC_JIS_2004": [b"\xa4", b"\xa4'"],
    "EUC_KR": [b"\xb0", b"\xb0'"],
    "EUC_CN": [b"\xb0", b"\xb0'"],
    "JOHAB": [b"\x88", b"\x88'", b"\x88a"],
}
REFUSED_BY_US = {"BIG5": [b"\xa4'", b"\xa4\x7f"], "GBK": [b"\xb0'", b"\x81\x7f"], "UHC": [b"\xb0'", b"\x81\\"]}


@pytest.mark.parametrize("encoding", BROKEN)
def test_broken_text_is_an_error(driver: ModuleType, connect: Any, sql: Any, encoding: str) -> None:
    class Raw(driver.adapt.Dumper):  # type: ignore[misc, name-defined]
        def dump(self, obj: Any) -> bytes:
            return bytes(obj.data)

    class Broken:
        data = b""

    conn = connect(autocommit=True)
    conn.adapters.register_dumper(Broken, Raw)
    conn.execute(f"set client_encoding to {encoding}")
    value = Broken()
    # What libpq lets through there, the server refuses.
    ours = REFUSED_BY_US.get(encoding, []) if driver.__name__ == "howdah" else []
    for value.data in BROKEN[encoding] + ours:
        for make in (sql.Literal(value).as_bytes, sql.SQL("select {}").format(value).as_bytes):
            with pytest.raises(driver.OperationalError):
                make(conn)
        with pytest.raises(driver.OperationalError):
            conn.execute(sql.SQL("select {}").format(value))
    assert conn.execute("select 1").fetchone() == (1,)


def test_broken_text_in_sql_ascii(driver: ModuleType, connect: Any, sql: Any) -> None:
    """No encoding, no broken text: the server, whose encoding is UTF-8, refuses it."""
    conn = connect(autocommit=True)
    conn.execute("set client_encoding to sql_ascii")
    with pytest.raises(driver.errors.CharacterNotInRepertoire):
        conn.execute(b"select '\xc3'")
    assert conn.execute(sql.SQL("select {}").format("it's\\")).fetchone() == (b"it's\\",)
    assert sql.quote("it's\\", conn) == " E'it''s\\\\'"


@pytest.mark.parametrize("standard", ["on", "off"])
def test_backslashes(conn: Any, sql: Any, standard: str) -> None:
    conn.execute(f"set standard_conforming_strings to {standard}")
    conn.execute("set escape_string_warning to off")
    for text in ("\\", "\\'", "'\\", "a\\'; select 1; --", "\\x41", "''", "$$"):
        query = sql.SQL("select {}, {}::text[], {}").format(text, [text], text.encode())
        assert conn.execute(query).fetchone() == (text, [text], text.encode())


class Level(IntEnum):
    LOW = -5


NEGATIVE: list[Any] = [-1, -(2**40), -(2**70), -1.5, -0.0, Decimal("-1.5"), Decimal("-1e-9"), Level.LOW]


@pytest.mark.parametrize("value", NEGATIVE)
def test_a_minus_before_a_negative_number(driver: ModuleType, conn: Any, sql: Any, value: Any) -> None:
    template = Templates(driver)
    queries = [
        sql.SQL("select 7-{}\n, 'end'").format(value),
        sql.SQL("select 7-") + sql.Literal(value) + sql.SQL("\n, 'end'"),
        template("select 7-", Value(value, "l"), "\n, 'end'"),
        f"select 7-{sql.quote(value)}\n, 'end'",
        sql.as_string(template("select 7-", Value(value), "\n, 'end'")),
    ]
    for query in queries:
        number, end = conn.execute(query).fetchone()
        assert float(number) == pytest.approx(float(7 - value))
        assert end == "end"


def test_a_minus_before_special_values(driver: ModuleType, conn: Any, sql: Any) -> None:
    numeric = driver.types.numeric
    values = [
        float("-inf"),
        Decimal("-Infinity"),
        numeric.Int2(-1),
        numeric.Int8(-1),
        numeric.Float4(-1.5),
        numeric.IntNumeric(-1),
    ]
    for value in values:
        number, end = conn.execute(sql.SQL("select 7-{}\n, 'end'").format(value)).fetchone()
        assert (float(number), end) == (7 - float(value), "end")
    shown = conn.execute(sql.SQL("select now()-{}\n - now(), 'end'").format(dt.timedelta(days=-1))).fetchone()
    assert shown == (dt.timedelta(days=1), "end")


def test_a_nul_in_a_name(driver: ModuleType, conn: Any, sql: Any) -> None:
    """It ends a string for libpq; nothing behind it may be cut off."""
    if driver.__name__ == "psycopg":
        pytest.skip("it cuts the statement off at the NUL")
    with pytest.raises(driver.ProgrammingError):
        conn.execute(sql.SQL("select 1 as {}").format(sql.Identifier("a\0b")))
