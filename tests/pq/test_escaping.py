"""`Escaping` and `Conninfo`: what is made of texts, in every client encoding."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from support.driving import module

TEXTS = ["", "plain", "it's", 'a "name"', "back\\slash", "\\", "'", "''", '"', "\u00e4\u20ac", "a\nb", "e'x'"]

FUNCTIONS = ["escape_literal", "escape_identifier", "escape_string", "escape_bytea"]

ENCODINGS = ["UTF8", "LATIN1", "SJIS", "BIG5", "GBK", "UHC", "GB18030", "EUC_JP", "EUC_KR", "JOHAB", "SQL_ASCII"]


def pair(howdah: ModuleType, oracle: ModuleType, dsn: str, *commands: bytes) -> list[Any]:
    made = []
    for driver in (howdah, oracle):
        conn = driver.connect(dsn, autocommit=True)
        for command in commands:
            conn.pgconn.exec_(command)
        made.append((conn, module(driver).Escaping(conn.pgconn)))
    return made


@pytest.mark.parametrize("standard", [b"on", b"off"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_same_as_libpq(howdah: ModuleType, oracle: ModuleType, dsn: str, name: str, standard: bytes) -> None:
    (one, ours), (two, theirs) = pair(howdah, oracle, dsn, b"set standard_conforming_strings to " + standard)
    with one, two:
        for text in TEXTS:
            for kind in (bytes, bytearray, memoryview):
                given = kind(text.encode())
                assert getattr(ours, name)(given) == getattr(theirs, name)(given), text


@pytest.mark.parametrize("standard", [b"on", b"off"])
def test_server_reads_what_was_written(driver: ModuleType, dsn: str, standard: bytes) -> None:
    with driver.connect(dsn, autocommit=True) as conn:
        conn.pgconn.exec_(b"set standard_conforming_strings to " + standard)
        escaping = module(driver).Escaping(conn.pgconn)
        for text in TEXTS:
            raw = text.encode()
            for statement in (
                b"select " + escaping.escape_literal(raw),
                b"select '" + escaping.escape_string(raw) + b"'",
                b"select convert_from('" + escaping.escape_bytea(raw) + b"'::bytea, 'UTF8')",
            ):
                assert conn.pgconn.exec_(statement).get_value(0, 0) == raw, statement
            if raw:
                assert conn.pgconn.exec_(b"select 1 as " + escaping.escape_identifier(raw)).fname(0) == raw


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_incomplete_characters_swallow_no_quote(howdah: ModuleType, dsn: str, encoding: str) -> None:
    """CVE-2025-1094: what follows half of a character must not end the string."""
    with howdah.connect(dsn, autocommit=True) as conn:
        conn.pgconn.exec_(b"set client_encoding to " + encoding.encode())
        escaping = module(howdah).Escaping(conn.pgconn)
        for first in range(0x80, 0x100):
            for behind in (b"", b"'", b"\\", b'"', b"x"):
                raw = b"a" + bytes([first]) + behind
                for name, quote in (("escape_string", b"'"), ("escape_identifier", b'"'), ("escape_literal", b"'")):
                    try:
                        made = getattr(escaping, name)(raw)
                    except howdah.OperationalError:
                        continue
                    # A byte for itself, or a whole character: an odd number of quotes behind it would be a way out.
                    inner = made.strip(b" E")[1:-1] if name != "escape_string" else made
                    if behind == quote:
                        assert inner.endswith(quote * 2), (raw, made)
                    if encoding == "UTF8":
                        pytest.fail(f"{raw!r} is no UTF-8, and was taken")


def test_characters_that_look_like_quotes(howdah: ModuleType, dsn: str) -> None:
    """In SJIS the second byte of a character may be a backslash."""
    with howdah.connect(dsn, autocommit=True) as conn:
        conn.pgconn.exec_(b"set client_encoding to SJIS")
        escaping = module(howdah).Escaping(conn.pgconn)
        text = "\u8868\u30bd'".encode("shift_jis")
        assert b"\\" in text
        literal = escaping.escape_literal(text)
        assert conn.pgconn.exec_(b"select " + literal).get_value(0, 0) == text
        conn.pgconn.exec_(b"set standard_conforming_strings to off")
        string = escaping.escape_string(text)
        assert string == text + b"'"
        assert conn.pgconn.exec_(b"select '" + string + b"'").get_value(0, 0) == text


def test_nul_is_an_error(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        escaping = module(howdah).Escaping(conn.pgconn)
        for name in ("escape_literal", "escape_identifier", "escape_string"):
            with pytest.raises(howdah.OperationalError, match="NUL"):
                getattr(escaping, name)(b"a\0b")
        assert escaping.escape_bytea(b"a\0b") == b"\\x610062"


def test_without_a_connection(driver: ModuleType) -> None:
    escaping = module(driver).Escaping()
    for name in ("escape_literal", "escape_identifier"):
        with pytest.raises(driver.OperationalError, match="no connection provided"):
            getattr(escaping, name)(b"x")
    assert escaping.escape_string(b"it's") == b"it''s"
    assert escaping.escape_bytea(b"") in (b"", b"\\x")


def test_closed_connection(driver: ModuleType, dsn: str) -> None:
    conn = driver.connect(dsn)
    escaping = module(driver).Escaping(conn.pgconn)
    conn.close()
    for name in [*FUNCTIONS, "unescape_bytea"]:
        with pytest.raises(driver.OperationalError):
            getattr(escaping, name)(b"x")


@pytest.mark.parametrize("text", [b"", b"\\x", b"\\x4142ff", b"a\\001\\\\x", b"plain", b"\\377"])
def test_unescape(howdah: ModuleType, oracle: ModuleType, text: bytes) -> None:
    assert module(howdah).Escaping().unescape_bytea(text) == module(oracle).Escaping().unescape_bytea(text)


def test_str_is_refused(driver: ModuleType, conn: Any) -> None:
    escaping = module(driver).Escaping(conn.pgconn)
    for name in FUNCTIONS:
        with pytest.raises(TypeError):
            getattr(escaping, name)("text")


def test_options_by_default(howdah: ModuleType, oracle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "15432")
    ours, theirs = (module(driver).Conninfo.get_defaults() for driver in (howdah, oracle))
    assert [(o.keyword, o.envvar, o.dispchar, o.dispsize) for o in ours] \
        == [(o.keyword, o.envvar, o.dispchar, o.dispsize) for o in theirs]  # fmt: skip
    for name in (b"port", b"user", b"host", b"sslsni", b"options", b"target_session_attrs"):
        assert [o.val for o in ours if o.keyword == name] == [o.val for o in theirs if o.keyword == name], name


@pytest.mark.parametrize("conninfo", [b"", b"host=a port=5 password='x y'", b"postgresql://ann@h:1/db?sslmode=allow"])
def test_options_of_a_string(howdah: ModuleType, oracle: ModuleType, conninfo: bytes) -> None:
    ours, theirs = (module(driver).Conninfo.parse(conninfo) for driver in (howdah, oracle))
    assert [(o.keyword, o.val) for o in ours] == [(o.keyword, o.val) for o in theirs]


@pytest.mark.parametrize("conninfo", [b"nope=1", b"host", b"host='a", b"postgresql://[::1"])
def test_options_of_a_string_that_is_malformed(driver: ModuleType, conninfo: bytes) -> None:
    with pytest.raises(driver.OperationalError):
        module(driver).Conninfo.parse(conninfo)
