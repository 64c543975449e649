"""Text in client encodings other than UTF8, and SQL_ASCII, alone and in what contains it."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.adapting import Thing, dumper, loader, part

ENCODINGS = {
    "utf8": ("é日\U0001f418", "utf-8"), "latin1": ("éß", "latin1"), "latin9": ("é€", "iso8859-15"), "win1252": ("é€“",
    "cp1252"),
    "win1251": ("привет", "cp1251"), "koi8r": ("привет", "koi8-r"), "euc_jp": ("日本", "euc_jp"), "sjis": ("日本",
    "shift_jis"),
    "euc_kr": ("한국", "euc_kr"), "gb18030": ("中文€", "gb18030"), "big5": ("中文", "big5"), "gbk": ("中文", "gbk"),
}  # fmt: skip


WITH_BACKSLASHES = {"sjis": "表ソ", "big5": "許功", "gbk": "誠綷", "gb18030": "誠"}


"""Characters of which a byte is that of a backslash, or of a bracket."""


PLACEHOLDERS = ["%s", "%t", "%b"]


SETUP = "create type pg_temp.pair as (a text, b text[]); create type pg_temp.textrange as range (subtype = text)"


class Pair(tuple):  # type: ignore[type-arg]
    """A composite."""

    __slots__ = ()

    def __new__(cls, *items: Any) -> Pair:
        return super().__new__(cls, items)


@pytest.fixture(params=ENCODINGS)
def encoded(request: pytest.FixtureRequest, connect: Callable[..., Any]) -> tuple[Any, str, str]:
    """A connection in an encoding, a text that it can tell, and Python's name of it."""
    conn = connect(autocommit=True, client_encoding=request.param)
    assert conn.execute("show client_encoding").fetchone()[0].lower().replace("windows", "win") == request.param
    return conn, *ENCODINGS[request.param]


def test_text(encoded: tuple[Any, str, str]) -> None:
    conn, text, name = encoded
    for binary, placeholder in itertools.product([False, True], PLACEHOLDERS):
        query = "select %s::text, %s::varchar, %s::text[], length(%s::text)".replace("%s", placeholder) + f", '{text}'"
        row = conn.execute(query, (text, text, [text, None, f'"{text}\\'], text), binary=binary).fetchone()
        expected = text.encode(name) if row[4] != text else text
        assert row == (text, text, [text, None, f'"{text}\\'], len(text), expected)


def test_names_and_literals(encoded: tuple[Any, str, str], driver: ModuleType) -> None:
    conn, text, name = encoded
    cur = conn.execute(f'select 5 as "{text}"')
    assert cur.description[0].name == text
    literal = part(driver, "adapt").Transformer(conn).as_literal(text)
    assert literal == b"'" + text.encode(name) + b"'"
    assert conn.execute(b"select " + literal + b"::text").fetchone() == (text,)


def test_containers(encoded: tuple[Any, str, str], driver: ModuleType) -> None:
    conn, text, _ = encoded
    conn.execute(SETUP)
    composite, rng = part(driver, "types.composite"), part(driver, "types.range")
    composite.register_composite(composite.CompositeInfo.fetch(conn, "pair"), conn,
        lambda *items: Pair(*items))  # fmt: skip
    rng.register_range(rng.RangeInfo.fetch(conn, "textrange"), conn)
    span = rng.Range(text, None)
    for binary in (False, True):
        row = conn.execute(
            "select row(%s::text, array[%s::text])::pair, %s", (text, text, span), binary=binary
        ).fetchone()
        assert row == (Pair(text, [text]), span)
        record = conn.execute("select row(%s::text, %s::text)", (text, f"{text}, {text}"), binary=binary).fetchone()
        assert record == ((text, f"{text}, {text}"),)
    assert conn.execute("select %s::pair", ((text, [text]),)).fetchone() == (Pair(text, [text]),)


def test_enumerations(encoded: tuple[Any, str, str], driver: ModuleType) -> None:
    conn, text, _ = encoded
    conn.execute(f"create type pg_temp.mood as enum ('{text}', 'plain')")
    module = part(driver, "types.enum")
    info = module.EnumInfo.fetch(conn, "mood")
    assert list(info.labels) == [text, "plain"]
    mood = enum.Enum("mood", {text: 1, "plain": 2})  # type: ignore[misc]
    assert conn.execute("select %s::mood", (mood[text],)).fetchone() == (text,)
    module.register_enum(info, conn, mood)
    for binary, placeholder in itertools.product([False, True], PLACEHOLDERS):
        row = conn.execute(f"select {placeholder}, {placeholder}", (mood[text], [mood[text]]), binary=binary).fetchone()
        assert row == (mood[text], [mood[text]])
    only = enum.Enum("only", {"plain": 2})
    module.register_enum(info, conn, only)
    with pytest.raises(driver.DataError) as caught:
        conn.execute(f"select '{text}'::mood").fetchone()
    assert repr(text) in str(caught.value)


def test_hstore(encoded: tuple[Any, str, str], driver: ModuleType) -> None:
    conn, text, name = encoded
    conn.execute("create extension if not exists hstore")
    info = part(driver, "types").TypeInfo.fetch(conn, "hstore")
    part(driver, "types.hstore").register_hstore(info, conn)
    # The server's binary form has lengths in its own encoding: it can be read in that alone.
    formats = [False, True] if name == "utf-8" else [False]
    for binary, placeholder in itertools.product(formats * 4, PLACEHOLDERS):
        value = {text: f'{text}"', "n": None}
        row = conn.execute(f"select {placeholder}, {placeholder}", (value, [value]), binary=binary).fetchone()
        assert row == (value, [value])


def test_json(encoded: tuple[Any, str, str], driver: ModuleType) -> None:
    conn, text, _ = encoded
    json = part(driver, "types.json")
    for wrapper, placeholder in itertools.product([json.Json, json.Jsonb], PLACEHOLDERS):
        # What json.dumps gives by default is ASCII.
        row = conn.execute(
            f"select ({placeholder} -> 'k') is not null, {placeholder}::text", [wrapper({"k": "x"})] * 2
        ).fetchone()
        assert row[0] is True
        assert "x" in row[1]
    assert conn.execute("select %s::json ->> 'k'", (json.Json({"k": text}),)).fetchone() == (text,)


@pytest.mark.parametrize("encoding", WITH_BACKSLASHES)
def test_bytes_that_look_like_syntax(howdah: ModuleType, dsn: str, encoding: str) -> None:
    # psycopg quotes and parses byte by byte, and takes the second half of a character for syntax.
    text = WITH_BACKSLASHES[encoding]
    composite, rng = part(howdah, "types.composite"), part(howdah, "types.range").Range
    with howdah.connect(dsn, autocommit=True, client_encoding=encoding) as conn:
        conn.execute(SETUP)
        composite.register_composite(composite.CompositeInfo.fetch(conn, "pair"), conn)
        conn.execute("create extension if not exists hstore")
        part(howdah, "types.hstore").register_hstore(part(howdah, "types").TypeInfo.fetch(conn, "hstore"), conn)
        for placeholder in PLACEHOLDERS:
            row = conn.execute(
                f"select {placeholder}::text, {placeholder}::text[]", (text, [text, f'{text}"'])
            ).fetchone()
            assert row == (text, [text, f'{text}"'])
        assert conn.execute("select %s::pair", ((text, [text]),)).fetchone() == ((text, [text]),)
        assert conn.execute("select lower(%s::textrange)", (rng(text),)).fetchone() == (text,)
        assert conn.execute("select %s", ({text: text},)).fetchone() == ({text: text},)
        assert conn.execute("select row(%s::text)", (text,)).fetchone() == ((text,),)


def test_what_adapters_of_users_give_and_get(encoded: tuple[Any, str, str], driver: ModuleType) -> None:
    # Bytes in the client's encoding, in both directions.
    conn, text, name = encoded
    rng = part(driver, "types.range").Range
    conn.adapters.register_dumper(Thing, dumper(driver, lambda value: value.value.encode(name), oid=25))
    thing = Thing(text)
    row = conn.execute("select %s, %s, %s::text, %t", (thing, [thing, None], (thing, 1), [[thing]])).fetchone()
    assert row == (text, [text, None], f"({text},1)", [[text]])
    conn.execute(SETUP)
    row = conn.execute("select lower(%s::textrange), (%s::pair).a", (rng(thing), (thing, [thing]))).fetchone()
    assert row == (text, text)
    conn.adapters.register_loader("text", loader(driver, lambda data: data))
    raw = text.encode(name)
    row = conn.execute("select %s, %s, row(%s), %s::varchar", (thing, [thing], thing, thing)).fetchone()
    assert row == (raw, [raw], (raw,), text)


@pytest.mark.parametrize(
    ("encoding", "bad"), [("latin1", "日"), ("euc_jp", "\U0001f418"), ("win1251", "é"), ("sjis", "é")]
)
def test_what_cannot_be_told(connect: Callable[..., Any], driver: ModuleType, encoding: str, bad: str) -> None:
    conn = connect(autocommit=True, client_encoding=encoding)
    rng = part(driver, "types.range").Range
    for value in (bad, [bad], (bad,), rng(bad)):
        for placeholder in PLACEHOLDERS[: 2 if isinstance(value, tuple) else 3]:
            with pytest.raises(UnicodeEncodeError):
                conn.execute(f"select {placeholder}", (value,))
    with pytest.raises(driver.Error):
        conn.execute("select chr(128024)" if bad == "\U0001f418" else f"select U&'\\{ord(bad):04x}'")
    assert conn.execute("select 1").fetchone() == (1,)


def test_sql_ascii(connect: Callable[..., Any], driver: ModuleType) -> None:
    conn = connect(autocommit=True, client_encoding="sql_ascii")
    for binary in (False, True):
        raw, sql = "é".encode(), "U&'\\00e9'"
        row = conn.execute(f"select {sql}::text, {sql}::varchar, array[{sql}, null], 'x'::name, {sql}::char(1),"
            f" to_jsonb({sql}::text)", binary=binary).fetchone()  # fmt: skip
        assert row == (raw, raw, [raw, None], b"x", raw, "é")
    for placeholder in PLACEHOLDERS:
        row = conn.execute(f"select {placeholder}::text, {placeholder}::text[]", ("é", ["é"])).fetchone()
        assert row == (raw, [raw])
    assert conn.execute(f"select row({sql}::text, 1)").fetchone() == ((raw, b"1"),)
    assert conn.execute(f"select row({sql}::text, 1)", binary=True).fetchone() == ((raw, 1),)


def test_sql_ascii_in_what_is_registered(connect: Callable[..., Any], driver: ModuleType) -> None:
    conn = connect(autocommit=True, client_encoding="sql_ascii")
    conn.execute("create extension if not exists hstore")
    conn.execute(SETUP)
    conn.execute("create type pg_temp.mood as enum ('ok', 'sad')")
    composite, enums, hstore = (part(driver, f"types.{name}") for name in ("composite", "enum", "hstore"))
    composite.register_composite(composite.CompositeInfo.fetch(conn, "pair"), conn)
    enums.register_enum(enums.EnumInfo.fetch(conn, "mood"), conn)
    hstore.register_hstore(part(driver, "types").TypeInfo.fetch(conn, "hstore"), conn)
    assert conn.execute("select row(%s, array[%s])::pair", ("é", "é")).fetchone() == (("é".encode(), ["é".encode()]),)
    assert [m.name for m in type(conn.execute("select 'ok'::mood").fetchone()[0])] == ["ok", "sad"]
    assert conn.execute("select %b::hstore::text", ({"k": "é"},)).fetchone() == ('"k"=>"é"'.encode(),)
    assert conn.execute("show client_encoding").fetchone() == (b"SQL_ASCII",)


def test_encoding_changed_between_statements(conn: Any) -> None:
    for encoding, expected in [("latin1", "é"), ("utf8", "é"), ("sql_ascii", "é".encode()), ("euc_jp", "日")]:
        conn.execute(f"set client_encoding to {encoding}")
        column = "chr(26085)" if encoding == "euc_jp" else "U&'\\00e9'"
        for binary in (False, True):
            assert conn.execute(f"select {column}::text, array[{column}::text]", binary=binary).fetchone() == (
                expected, [expected],
            )  # fmt: skip


# In Shift JIS the second byte of the letter "so" is a backslash.
ENCODED = {"latin1": "é(", "euc_jp": "\u3042(", "shift_jis_2004": "\u30bd(\u30bd)", "sql_ascii": "é("}


@pytest.mark.parametrize("encoding", ENCODED)
def test_text_in_records(conn: Any, driver: ModuleType, encoding: str) -> None:
    text = ENCODED[encoding]
    conn.execute(f"set client_encoding to '{encoding}'")
    row = conn.execute("select row(%s::text, null), row(%t::text)", (text, text)).fetchone()
    loaded = text.encode() if encoding == "sql_ascii" else text
    assert row == ((loaded, None), (loaded,))


def test_tuples_in_other_encodings(howdah: ModuleType, dsn: str) -> None:
    # psycopg looks for backslashes among the encoded bytes, and breaks such letters.
    with howdah.connect(dsn) as conn:
        conn.execute("create type pg_temp.text_pair as (a text, b text)")
        for encoding, text in ENCODED.items():
            conn.execute(f"set client_encoding to '{encoding}'")
            row = conn.execute("select (%s::pg_temp.text_pair).a", ((text, None),)).fetchone()
            assert row == (text.encode() if encoding == "sql_ascii" else text,)


def test_names_of_encodings(driver: ModuleType) -> None:
    """The module is private, and programs use it."""
    pg2pyenc = part(driver, "_encodings").pg2pyenc
    names = b"UTF8 unicode SQL_ASCII latin-1 ISO_8859_5 LATIN10 WIN1252 KOI8R EUC_JIS_2004 Big5 UHC".split()
    assert [pg2pyenc(name) for name in names] == [
        "utf-8",
        "utf-8",
        "ascii",
        "iso8859-1",
        "iso8859-5",
        "iso8859-16",
        "cp1252",
        "koi8-r",
        "euc_jis_2004",
        "big5",
        "cp949",
    ]
    for name in ("EUC_TW", "MULE_INTERNAL", "klingon", ""):
        with pytest.raises(driver.NotSupportedError) as refused:
            pg2pyenc(name.encode())
        assert str(refused.value) == f"codec not available in Python: '{name}'"
