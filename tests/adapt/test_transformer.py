"""The Transformer, recursive adapters, and values quoted as literals."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import Thing, dumper, loader, made, part

INT2, INT4, INT8, TEXT, FLOAT8, BYTEA, NUMERIC, DATE = 21, 23, 20, 25, 701, 17, 1700, 1082
UTC = dt.timezone.utc


@pytest.fixture
def tx(conn: Any, driver: ModuleType) -> Any:
    return part(driver, "adapt").Transformer(conn)


class Colour(enum.Enum):
    """Any enumeration."""

    RED = 1


def test_context(conn: Any, driver: ModuleType) -> None:
    transformer = part(driver, "adapt").Transformer
    tx = transformer(conn)
    assert (tx.connection, tx.adapters) == (conn, conn.adapters)
    cur = conn.cursor()
    assert transformer(cur).adapters is cur.adapters
    assert transformer(cur).connection is conn
    assert transformer.from_context(tx) is tx
    assert transformer.from_context(conn) is not tx
    assert transformer(tx).adapters is conn.adapters
    alone = transformer()
    assert alone.connection is None
    assert alone.adapters is part(driver, "postgres").adapters
    assert (tx.types, tx.formats) == (None, None)
    assert transformer.from_context(None).connection is None


@pytest.mark.parametrize(("encoding", "name"), [("utf8", "utf-8"), ("latin1", "iso8859-1"), ("sql_ascii", "ascii")])
def test_encoding(conn: Any, driver: ModuleType, encoding: str, name: str) -> None:
    conn.execute(f"set client_encoding to {encoding}")
    assert part(driver, "adapt").Transformer(conn).encoding == name
    assert part(driver, "adapt").Transformer().encoding == "utf-8"


DUMPERS: list[tuple[Any, str]] = [
    (1, "Int2"), (2**15, "Int4"), (2**31, "Int8"), (2**63, "IntNumeric"), (-(2**15), "Int2"), (-(2**15) - 1, "Int4"),
    (1.5, "Float"), (True, "Bool"), (b"x", "Bytes"), (bytearray(b"x"), "Bytes"), (Decimal(1), "Decimal"),
    (dt.date(2020, 1, 1), "Date"), (dt.time(1), "Time"), (dt.time(1, tzinfo=UTC), "TimeTz"),
    (dt.datetime(2020, 1, 1), "DatetimeNoTz"), (dt.datetime(2020, 1, 1, tzinfo=UTC), "Datetime"),
    (dt.timedelta(1), "Timedelta"), (uuid.UUID(int=1), "UUID"), (Colour.RED, "Enum"),
    (ipaddress.ip_network("10.0.0.0/8"), "Network"), (ipaddress.ip_interface("10.0.0.1/8"), "Interface"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "name"), DUMPERS, ids=repr)
def test_get_dumper(tx: Any, driver: ModuleType, value: Any, name: str) -> None:
    formats = part(driver, "adapt").PyFormat
    for form, suffix in [(formats.TEXT, "Dumper"), (formats.BINARY, "BinaryDumper")]:
        found = tx.get_dumper(value, form)
        assert type(found).__name__ == name + suffix
        assert found is tx.get_dumper(value, form)
        assert found.format == form.as_pq(form)
        assert bytes(found.dump(value)) == bytes(found.dump(value))
        assert found.get_key(value, form) == tx.get_dumper(value, form).get_key(value, form)


def test_dumpers_of_lists(tx: Any, driver: ModuleType) -> None:
    formats = part(driver, "adapt").PyFormat
    for value, oid in [([1], 1005), ([2**20], 1007), ([1.5], 1022), (["x"], 0), ([dt.date(2020, 1, 1)], 1182), ([], 0)]:
        assert tx.get_dumper(value, formats.TEXT).oid == oid
    assert tx.get_dumper(["x"], formats.BINARY).oid == 1009
    assert bytes(tx.get_dumper([1, None], formats.TEXT).dump([1, None])) == b"{1,NULL}"
    assert bytes(tx.get_dumper([1], formats.BINARY).dump([1])) == bytes.fromhex(
        "00000001 00000000 00000015 00000001 00000001 00000002 0001"
    )


def test_get_dumper_of_unknown_class(tx: Any, driver: ModuleType) -> None:
    formats = part(driver, "adapt").PyFormat
    with pytest.raises(driver.ProgrammingError) as info:
        tx.get_dumper(Thing(1), formats.TEXT)
    assert str(info.value) == "cannot adapt type 'Thing' using placeholder '%t' (format: TEXT)"


def test_what_the_dumpers_give(tx: Any, driver: ModuleType) -> None:
    formats = part(driver, "adapt").PyFormat
    for value, text, binary in [
        (5, b"5", b"\0\5"), (True, b"t", b"\1"), (1.5, b"1.5", b"\x3f\xf8" + b"\0" * 6),
        ("é", b"\xc3\xa9", b"\xc3\xa9"),
        (b"\0a", b"\\x0061", b"\0a"), (uuid.UUID(int=1), b"0" * 31 + b"1", b"\0" * 15 + b"\1"),
        (dt.date(2000, 1, 2), b"2000-01-02", b"\0\0\0\1"),
        (Decimal("1.5"), b"1.5", bytes.fromhex("0002 0000 0000 0001 0001 1388")),
    ]:  # fmt: skip
        assert bytes(tx.get_dumper(value, formats.TEXT).dump(value)) == text
        assert bytes(tx.get_dumper(value, formats.BINARY).dump(value)) == binary


def test_dump_sequence(tx: Any, driver: ModuleType) -> None:
    formats, form = part(driver, "adapt").PyFormat, part(driver, "pq").Format
    values = [1, "x", None, 1.5, [1], b"y"]
    found = tx.dump_sequence(
        values, [formats.AUTO, formats.AUTO, formats.AUTO, formats.TEXT, formats.BINARY, formats.TEXT]
    )
    shown = [None if v is None else bytes(v) for v in found]
    assert shown[:4] == [b"\0\1", b"x", None, b"1.5"]
    assert shown[5] == b"\\x79"
    assert tx.types == (INT2, 0, 0, FLOAT8, 1005, BYTEA)
    assert list(tx.formats) == [form.BINARY, form.TEXT, form.TEXT, form.TEXT, form.BINARY, form.TEXT]
    assert list(tx.dump_sequence([], [])) == []
    assert (tx.types, list(tx.formats)) == ((), [])


def test_dump_sequence_of_set_types(tx: Any, driver: ModuleType) -> None:
    formats, form = part(driver, "adapt").PyFormat, part(driver, "pq").Format
    tx.set_dumper_types([INT4, TEXT, NUMERIC], form.BINARY)
    assert (tx.types, list(tx.formats)) == ((INT4, TEXT, NUMERIC), [form.BINARY] * 3)
    found = tx.dump_sequence([5, "x", None], [formats.BINARY] * 3)
    assert [None if v is None else bytes(v) for v in found] == [b"\0\0\0\5", b"x", None]
    found = tx.dump_sequence([6, None, Decimal(1)], [formats.BINARY] * 3)
    assert [None if v is None else bytes(v) for v in found] == [
        b"\0\0\0\6",
        None,
        bytes.fromhex("0001 0000 0000 0000 0001"),
    ]
    if type(tx).__module__ != "psycopg_binary._psycopg":
        with pytest.raises(driver.DataError, match="expected 3 values in row, got 2"):
            tx.dump_sequence([1, "x"], [formats.BINARY] * 2)
    with pytest.raises(driver.ProgrammingError, match="cannot find a dumper for"):
        tx.set_dumper_types([142], form.BINARY)


def test_get_dumper_by_oid(howdah: ModuleType) -> None:
    # Only psycopg's Python implementation has the method.
    tx, form = part(howdah, "adapt").Transformer(), part(howdah, "pq").Format
    found = tx.get_dumper_by_oid(DATE, form.TEXT)
    assert type(found) is part(howdah, "types.datetime").DateDumper
    assert found is tx.get_dumper_by_oid(DATE, form.TEXT)
    assert bytes(found.dump(dt.date(2020, 1, 1))) == b"2020-01-01"
    assert bytes(tx.get_dumper_by_oid(1007, form.TEXT).dump([1, None])) == b"{1,NULL}"


def test_load_sequence(tx: Any, driver: ModuleType) -> None:
    form = part(driver, "pq").Format
    tx.set_loader_types([INT4, TEXT, DATE, 1007], form.TEXT)
    for record in [(b"5", b"x", None, b"{1,NULL}"), [bytearray(b"5"), memoryview(b"x"), None, b"{1,NULL}"]]:
        assert tx.load_sequence(record) == (5, "x", None, [1, None])
    with pytest.raises(driver.ProgrammingError, match="cannot load sequence of 2 items: 4 loaders registered"):
        tx.load_sequence([b"1", b"2"])
    tx.set_loader_types([INT4, 99999], form.BINARY)
    assert tx.load_sequence([b"\0\0\0\5", b"raw"]) == (5, b"raw")
    tx.set_loader_types([], form.TEXT)
    assert tx.load_sequence([]) == ()


def test_get_loader(tx: Any, driver: ModuleType) -> None:
    form = part(driver, "pq").Format
    found = tx.get_loader(INT4, form.TEXT)
    assert (found.load(b"5"), found.load(memoryview(b"-6")), found.load(bytearray(b"7"))) == (5, -6, 7)
    assert found is tx.get_loader(INT4, form.TEXT)
    assert (found.oid, found.format) == (INT4, form.TEXT) or type(found).__module__ == "psycopg_binary._psycopg"
    assert tx.get_loader(99999, form.TEXT).load(b"abc") == "abc"
    assert tx.get_loader(99999, form.BINARY).load(b"abc") == b"abc"
    assert tx.get_loader(TEXT, form.BINARY).load("é".encode()) == "é"


@pytest.mark.parametrize("data", [b"", b"x", b"12x", b"99999999999999999999x"])
@pytest.mark.parametrize("name", ["int4", "float8", "numeric", "date", "timestamp", "uuid", "json", "inet"])
def test_loaders_of_bad_text(howdah: ModuleType, dsn: str, name: str, data: bytes) -> None:
    # psycopg reads the beginning of some, and lets an IndexError out for others.
    oid = part(howdah, "postgres").types[name].oid
    with howdah.connect(dsn) as conn:
        tx = part(howdah, "adapt").Transformer(conn)
        with pytest.raises((howdah.DataError, ValueError, ArithmeticError)):
            tx.get_loader(oid, part(howdah, "pq").Format.TEXT).load(data)


@pytest.mark.parametrize("size", [0, 1, 3, 5, 9, 33])
@pytest.mark.parametrize("name", ["int2", "int4", "int8", "oid", "float4", "float8", "numeric", "date", "time",
"timestamp",
    "timestamptz", "interval", "uuid", "jsonb"])  # fmt: skip
def test_loaders_of_binary_of_the_wrong_size(howdah: ModuleType, dsn: str, name: str, size: int) -> None:
    # psycopg reads beyond the end, or lets a struct.error out.
    oid = part(howdah, "postgres").types[name].oid
    with howdah.connect(dsn) as conn:
        tx = part(howdah, "adapt").Transformer(conn)
        with pytest.raises((howdah.DataError, ValueError)):
            tx.get_loader(oid, part(howdah, "pq").Format.BINARY).load(b"\xff" * size)


def test_user_adapters(conn: Any, driver: ModuleType) -> None:
    adapt, form = part(driver, "adapt"), part(driver, "pq").Format
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: b"thing", oid=TEXT))
    conn.adapters.register_loader("int4", loader(driver, lambda data: Thing(data)))
    tx = adapt.Transformer(conn)
    assert list(tx.dump_sequence([Thing(1), [Thing(1)]], [adapt.PyFormat.AUTO, adapt.PyFormat.TEXT])) == [
        b"thing",
        b"{thing}",
    ]
    assert tx.types == (TEXT, 1009)
    tx.set_loader_types([INT4, 1007], form.TEXT)
    assert tx.load_sequence([b"1", b"{2}"]) == (Thing(b"1"), [Thing(b"2")])


class Box:
    """What recursive adapters carry."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Box) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]


def test_recursive_dumper(conn: Any, driver: ModuleType) -> None:
    adapt = part(driver, "adapt")

    def dump(self: Any, obj: Box) -> bytes:
        parts = [self._tx.get_dumper(item, adapt.PyFormat.TEXT).dump(item) for item in obj.items]
        return b"|".join(bytes(p) for p in parts)

    conn.adapters.register_dumper(Box, made(adapt.RecursiveDumper, dump=dump, oid=TEXT))
    value = Box(1, "é", dt.date(2020, 1, 1), [1, None], Box(True, Box()))
    assert conn.execute("select %s, %s", (value, [value])).fetchone() == (
        "1|é|2020-01-01|{1,NULL}|t|", ["1|é|2020-01-01|{1,NULL}|t|"],
    )  # fmt: skip
    alone = made(adapt.RecursiveDumper, dump=dump)(Box)
    assert alone.dump(Box(1, "x")) == b"1|x"
    assert alone._tx.connection is None


def test_recursive_loader(conn: Any, driver: ModuleType) -> None:
    adapt, form = part(driver, "adapt"), part(driver, "pq").Format

    def load(self: Any, data: Any) -> Any:
        return Box(*(self._tx.get_loader(INT4, form.TEXT).load(p) for p in bytes(data).split(b"|")))

    conn.adapters.register_loader("text", made(adapt.RecursiveLoader, load=load))
    assert conn.execute("select '1|2'::text, array['3|4']").fetchone() == (Box(1, 2), [Box(3, 4)])
    conn.adapters.register_loader("int4", loader(driver, lambda data: -int(data)))
    assert conn.execute("select '1|2'::text").fetchone() == (Box(-1, -2),)


LITERALS: list[tuple[Any, str]] = [
    (None, "NULL"), (1, "1"), (-1, " -1"), (2**40, "1099511627776"), (-(2**70), f" -{2**70}"), (True, "true"),
    (False, "false"),
    (1.5, "1.5"), (-1.5, " -1.5"), (-0.0, " -0.0"), (math.inf, "'Infinity'::float8"),
    (-math.inf, "'-Infinity'::float8"),
    (math.nan, "'NaN'::float8"), (1e300, "1e+300"), (Decimal("1.50"), "1.50"), (Decimal("-1"), " -1"),
    (Decimal("NaN"), "'NaN'::numeric"), (Decimal("Infinity"), "'Infinity'::numeric"),
    (Decimal("-Infinity"), "'-Infinity'::numeric"), (Decimal("sNaN"), "'NaN'::numeric"),
    ("abc", "'abc'"), ("", "''"), ("it's", "'it''s'"), ("a\\b", " E'a\\\\b'"), ("é\n", "'é\n'"), ("%s {}", "'%s {}'"),
    (b"\0a'\\", "'\\x0061275c'::bytea"), (b"", "'\\x'::bytea"), (bytearray(b"x"), "'\\x78'::bytea"),
    (dt.date(2020, 1, 2), "'2020-01-02'::date"), (dt.time(1, 2, 3), "'01:02:03'::time"),
    (dt.time(1, tzinfo=UTC), "'01:00:00+00:00'::timetz"), (dt.datetime(2020, 1, 2), "'2020-01-02 00:00:00'::timestamp"),
    (dt.datetime(2020, 1, 2, tzinfo=UTC), "'2020-01-02 00:00:00+00:00'::timestamptz"),
    (dt.timedelta(1, 5), "'1 day 0:00:05'::interval"), (uuid.UUID(int=1), f"'{'0' * 31}1'::uuid"),
    ([1, 2], "'{1,2}'::int2[]"), ([2**40], "'{1099511627776}'::int8[]"), (["a", None, 'q"'], "'{a,NULL,\"q\\\"\"}'"),
    ([], "'{}'"),
    ([[1.5], [2.5]], "'{{1.5},{2.5}}'::float8[]"), ((1, "a b"), "'(1,\"a b\")'"), (Colour.RED, "'RED'"),
    (ipaddress.ip_address("::1"), "'::1'::inet"), (ipaddress.ip_network("10.0.0.0/8"), "'10.0.0.0/8'::cidr"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), LITERALS, ids=repr)
def test_as_literal(tx: Any, conn: Any, value: Any, expected: str) -> None:
    found = tx.as_literal(value)
    assert type(found) is bytes
    if isinstance(value, list) and "\\" in expected:
        expected = " E" + expected.replace("\\", "\\\\")
    assert found.decode().replace("+", "").replace("days", "day") == expected.replace("+", "")
    row = conn.execute(b"select (" + found + b") is null, pg_typeof(" + found + b")::text").fetchone()
    assert row[0] is (value is None)


@pytest.mark.parametrize("value", [v for v, _ in LITERALS if not isinstance(v, tuple | enum.Enum | list)], ids=repr)
def test_literals_are_read_back(tx: Any, conn: Any, value: Any) -> None:
    found = conn.execute(b"select " + tx.as_literal(value)).fetchone()[0]
    if isinstance(value, float | Decimal):
        assert repr(float(found)).lstrip("-") == repr(float(str(value).replace("sNaN", "NaN"))).lstrip("-")
    else:
        assert found == value


def test_literals_of_wrappers(tx: Any, driver: ModuleType) -> None:
    json, rng, multi = (part(driver, f"types.{name}") for name in ("json", "range", "multirange"))
    numeric = part(driver, "types.numeric")
    for value, expected in [
        (json.Json({"a": "it's"}), b"""'{"a": "it''s"}'::json"""), (json.Jsonb([1]), b"'[1]'::jsonb"),
        (json.Jsonb("\\"), b""" E'"\\\\\\\\"'::jsonb"""), (rng.Range(1, 5), b"'[1,5)'"),
        (rng.Int4Range(1, 5), b"'[1,5)'::int4range"),
        (rng.Range(dt.date(2020, 1, 1)), b"'[2020-01-01,)'::daterange"), (rng.Range(empty=True), b"'empty'"),
        (multi.Multirange([rng.Range(Decimal(1))]), b"'{[1,)}'::nummultirange"),
        ([rng.Range(Decimal(1))], b"""'{"[1,)"}'::numrange[]"""), (numeric.Int4(-5), b" -5"),
        (numeric.Float4(1.5), b"1.5"),
        (numeric.Oid(5), b"5"), ([json.Jsonb(1)], b"'{1}'::jsonb[]"),
    ]:  # fmt: skip
        assert tx.as_literal(value) == expected


@pytest.mark.parametrize("value", [v for v, _ in LITERALS], ids=repr)
def test_literals_without_a_connection(driver: ModuleType, oracle: ModuleType, value: Any) -> None:
    ours, theirs = (part(module, "adapt").Transformer().as_literal(value) for module in (driver, oracle))
    # howdah has the hexadecimal form of bytes and other signs in an interval.
    if not isinstance(value, bytes | bytearray | dt.timedelta):
        assert ours == theirs


@pytest.mark.parametrize("standard", ["on", "off"])
@pytest.mark.parametrize(
    "value", [v for v, _ in LITERALS if isinstance(v, str | bytes | bytearray | dt.timedelta)], ids=repr
)
def test_literals_without_a_connection_are_read_by_any(
    conn: Any, driver: ModuleType, value: Any, standard: str
) -> None:
    conn.execute(f"set standard_conforming_strings to {standard}")
    conn.add_notice_handler(lambda notice: pytest.fail(notice.message_primary or ""))
    literal = part(driver, "adapt").Transformer().as_literal(value)
    assert conn.execute(b"select " + literal).fetchone() == (value,)


def test_literals_without_standard_strings(conn: Any, driver: ModuleType) -> None:
    conn.execute("set standard_conforming_strings to off")
    tx = part(driver, "adapt").Transformer(conn)
    for value in ("a\\b", "it's", b"\0\\'", ["a\\b"], "\\'"):
        found = conn.execute(
            b"select " + tx.as_literal(value) + (b"::text[]" if isinstance(value, list) else b"")
        ).fetchone()
        assert found == (value,)


def test_literals_in_other_encodings(conn: Any, driver: ModuleType) -> None:
    conn.execute("set client_encoding to latin1")
    tx = part(driver, "adapt").Transformer(conn)
    assert tx.as_literal("é") == b"'\xe9'"
    with pytest.raises(UnicodeEncodeError):
        tx.as_literal("日")


def test_quote(conn: Any, driver: ModuleType) -> None:
    text = part(driver, "types.string").StrDumper
    for context in (conn, None):
        found = text(str, context)
        assert bytes(found.quote("it's")) == b"'it''s'"
        assert bytes(found.quote("a\\b")) == b" E'a\\\\b'"
    assert bytes(part(driver, "types.none").NoneDumper(type(None)).quote(None)) == b"NULL"
    with pytest.raises(NotImplementedError):
        part(driver, "types.none").NoneDumper(type(None)).dump(None)


def test_quote_of_user_dumpers(conn: Any, driver: ModuleType) -> None:
    transformer = part(driver, "adapt").Transformer
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: v.value, oid=DATE))
    assert transformer(conn).as_literal(Thing(b"it's")) == b"'it''s'::date"
    assert transformer(conn).as_literal(Thing(None)) == b"NULL"
    assert transformer(conn).as_literal(Thing(memoryview(b"x"))) == b"'x'::date"
    own = dumper(driver, lambda v: b"x", oid=DATE, quote=lambda self, obj: bytearray(b"now()"))
    conn.adapters.register_dumper(Thing, own)
    assert transformer(conn).as_literal(Thing(1)) == b"now()"
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: b"x", oid=99999))
    assert transformer(conn).as_literal(Thing(1)) == b"'x'"


def test_quote_in_the_default_dumper_uses_dump_of_the_subclass(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "types.string").StrDumperUnknown
    conn.adapters.register_dumper(str, made(base, dump=lambda self, obj: base.dump(self, obj.upper())))
    assert part(driver, "adapt").Transformer(conn).as_literal("it's") == b"'IT''S'"


def test_pgresult_is_unset(tx: Any, driver: ModuleType) -> None:
    assert tx.pgresult is None
    for method, arguments in [(tx.load_rows, (0, 1)), (tx.load_row, (0,))]:
        with pytest.raises(driver.InterfaceError, match="result not set"):
            method(*arguments, tuple)


def test_binary_only_dumpers_have_no_literal(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: b"x", binary=True))
    with pytest.raises(driver.ProgrammingError, match="cannot adapt type 'Thing' using placeholder '%t'"):
        part(driver, "adapt").Transformer(conn).as_literal(Thing(1))


def test_subclass_of_the_transformer(conn: Any, driver: ModuleType) -> None:
    adapt = part(driver, "adapt")
    calls: list[Any] = []

    def get_dumper(self: Any, obj: Any, form: Any) -> Any:
        calls.append(obj)
        return adapt.Transformer.get_dumper(self, obj, form)

    own: Callable[..., Any] = made(adapt.Transformer, get_dumper=get_dumper)
    assert own(conn).get_dumper(5, adapt.PyFormat.TEXT).oid == INT2
    assert calls == [5]
