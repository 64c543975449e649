"""Values that no server should send: what raises is a howdah.Error, and still what psycopg raises."""

from __future__ import annotations

import copy
import decimal
import importlib
import ipaddress
import json
import pickle
import random
import struct
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.adapting import loader, made, part
from support.doors import Door
from support.hostile import GREETING, HostileServer, Peer, complete, data_row, error, message, ready, row_description

BOOL, INT4, TEXT, JSON, JSONB, NUMERIC, UUID, INET, CIDR, FLOAT8 = 16, 23, 25, 114, 3802, 1700, 2950, 869, 650, 701
NUMRANGE, NUMMULTIRANGE, RECORD, DATE = 3906, 4532, 2249, 1082
NUMERIC_ARRAY, TEXT_ARRAY, JSON_ARRAY, JSONB_ARRAY, CIDR_ARRAY, NUMRANGE_ARRAY = 1231, 1009, 199, 3807, 651, 3907
DEEP = b"[" * 100_000


def binary_array(oid: int, *items: bytes) -> bytes:
    body = b"".join(struct.pack("!i", len(item)) + item for item in items)
    return struct.pack("!iiIii", 1, 0, oid, len(items), 1) + body


def binary_record(*fields: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("!Ii", oid, len(data)) + data for oid, data in fields)
    return struct.pack("!i", len(fields)) + body


HOST_BITS = b"\x02\x08\x01\x04\x0a\x00\x00\x01"
BROKEN: list[tuple[str, int, int, bytes, type[Exception]]] = [
    ("numeric", NUMERIC, 0, b"abc", decimal.InvalidOperation),
    ("numeric not utf8", NUMERIC, 0, b"\xff", UnicodeDecodeError),
    ("json", JSON, 0, b'{"a":', json.JSONDecodeError),
    ("json deep", JSON, 0, DEEP, RecursionError),
    ("json long int", JSON, 0, b"9" * 5000, ValueError),
    ("json not utf8", JSON, 0, b'"\xff"', UnicodeDecodeError),
    ("jsonb", JSONB, 0, b"[1,]", json.JSONDecodeError),
    ("json binary", JSON, 1, b"nul", json.JSONDecodeError),
    ("jsonb binary", JSONB, 1, b"\1{", json.JSONDecodeError),
    ("jsonb binary deep", JSONB, 1, b"\1" + DEEP, RecursionError),
    ("text", TEXT, 0, b"abc\xff", UnicodeDecodeError),
    ("text binary", TEXT, 1, b"abc\xff", UnicodeDecodeError),
    ("an unknown type", 99999, 0, b"\xff", UnicodeDecodeError),
    ("cidr", CIDR, 0, b"10.0.0.1/8", ValueError),
    ("cidr binary", CIDR, 1, HOST_BITS, ValueError),
    ("int4", INT4, 0, b"x", ValueError),
    ("float8", FLOAT8, 0, b"x", ValueError),
    ("uuid", UUID, 0, b"x", ValueError),
    ("inet", INET, 0, b"x", ValueError),
    ("numeric array", NUMERIC_ARRAY, 0, b"{{1},{abc}}", decimal.InvalidOperation),
    ("text array", TEXT_ARRAY, 0, b"{\xff}", UnicodeDecodeError),
    ("text array binary", TEXT_ARRAY, 1, binary_array(TEXT, b"a", b"\xff"), UnicodeDecodeError),
    ("json array", JSON_ARRAY, 0, b"{nul}", json.JSONDecodeError),
    ("jsonb array binary", JSONB_ARRAY, 1, binary_array(JSONB, b"\1[", b"\1" + DEEP), json.JSONDecodeError),
    ("cidr array", CIDR_ARRAY, 0, b"{10.0.0.1/8}", ValueError),
    ("cidr array binary", CIDR_ARRAY, 1, binary_array(CIDR, HOST_BITS), ValueError),
    ("numrange", NUMRANGE, 0, b"[1,abc)", decimal.InvalidOperation),
    ("nummultirange", NUMMULTIRANGE, 0, b"{[1,2),[abc,)}", decimal.InvalidOperation),
    ("numrange array", NUMRANGE_ARRAY, 0, b'{"[1,abc)"}', decimal.InvalidOperation),
    ("record", RECORD, 0, b"(a,\xff)", UnicodeDecodeError),
    ("record binary", RECORD, 1, binary_record((INT4, b"\0\0\0\1"), (TEXT, b"\xff")), UnicodeDecodeError),
    ("record binary json", RECORD, 1, binary_record((JSON, b"{")), json.JSONDecodeError),
]
BROKEN_IDS = [row[0] for row in BROKEN]


def load(driver: ModuleType, oid: int, format: int, data: bytes, conn: Any = None) -> Any:
    tx = part(driver, "adapt").Transformer(conn)
    return tx.get_loader(oid, part(driver, "pq").Format(format)).load(data)


def caught(function: Callable[..., Any], *args: Any) -> Exception:
    """Whatever it raises."""
    try:
        function(*args)
    except Exception as ex:
        return ex
    pytest.fail("nothing was raised")


@pytest.mark.parametrize(("name", "oid", "format", "data", "cls"), BROKEN, ids=BROKEN_IDS)
def test_class_and_base(
    driver: ModuleType, name: str, oid: int, format: int, data: bytes, cls: type[Exception]
) -> None:
    found = caught(load, driver, oid, format, data)
    assert isinstance(found, cls)
    if driver.__name__ == "howdah":
        assert isinstance(found, driver.DataError)
        assert type(found).__module__ == "howdah.errors"


@pytest.mark.parametrize(("name", "oid", "format", "data", "cls"), BROKEN, ids=BROKEN_IDS)
def test_made_once_copied_and_pickled(
    howdah: ModuleType, name: str, oid: int, format: int, data: bytes, cls: type[Exception]
) -> None:
    found = caught(load, howdah, oid, format, data)
    assert type(caught(load, howdah, oid, format, data)) is type(found)
    copies: list[Any] = [pickle.loads(pickle.dumps(found)), copy.copy(found)]
    for again in copies:
        assert (type(again), str(again), again.args) == (type(found), str(found), found.args)
        assert again.diag.sqlstate is None


def test_text_not_in_the_encoding_has_the_five_arguments(howdah: ModuleType) -> None:
    found: Any = caught(load, howdah, TEXT, 0, b"abc\xffd")
    with pytest.raises(UnicodeDecodeError) as info:
        b"abc\xffd".decode()
    expected = info.value
    assert str(found) == str(expected)
    assert found.args == expected.args
    assert (found.encoding, found.object, found.start, found.end, found.reason) == expected.args
    assert type(found.__cause__) is UnicodeDecodeError
    assert pickle.loads(pickle.dumps(found)).object == b"abc\xffd"


def test_json_has_the_place_of_the_error(howdah: ModuleType) -> None:
    text = '{"a": 1,\n "b": nul}'
    found: Any = caught(load, howdah, JSON, 0, text.encode())
    with pytest.raises(json.JSONDecodeError) as info:
        json.loads(text)
    for err in (found, pickle.loads(pickle.dumps(found))):
        assert str(err) == str(info.value)
        assert (err.msg, err.doc, err.pos, err.lineno, err.colno) == ("Expecting value", text, 15, 2, 7)
    assert type(found.__cause__) is json.JSONDecodeError


def test_messages_tell_the_value(howdah: ModuleType) -> None:
    assert "'1x2'" in str(caught(load, howdah, NUMERIC, 0, b"1x2"))
    assert "10.0.0.1/8 has host bits set" in str(caught(load, howdah, CIDR, 0, b"10.0.0.1/8"))
    assert "'x'" in str(caught(load, howdah, INT4, 0, b"x"))


def test_styles_that_are_not_read(driver: ModuleType, dsn: str) -> None:
    with driver.connect(dsn) as conn:
        conn.execute("set datestyle to 'sql'")
        with pytest.raises(NotImplementedError) as stamp:
            conn.execute("select '2020-01-02 00:00Z'::timestamptz", binary=False).fetchone()
        conn.execute("set intervalstyle to 'iso_8601'")
        with pytest.raises(NotImplementedError) as interval:
            conn.execute("select '1 day'::interval", binary=False).fetchone()
    if driver.__name__ == "howdah":
        assert isinstance(stamp.value, driver.NotSupportedError)
        assert isinstance(interval.value, driver.NotSupportedError)


def test_intervals_without_a_connection(driver: ModuleType) -> None:
    assert str(load(driver, 1186, 0, b"1 day 02:00:00")) == "1 day, 2:00:00"


class OwnError(ValueError):
    """What code of the user's raises, of a class that is converted when the driver's readers raise it."""


def fail(*_: Any, **__: Any) -> Any:
    raise FAILURES[-1]


FAILURES: list[Exception] = []

OWN: dict[str, Callable[[ModuleType, Any], Any]] = {
    "loader": lambda driver, conn: conn.adapters.register_loader("text", loader(driver, fail)),
    "binary loader": lambda driver, conn: conn.adapters.register_loader("text", loader(driver, fail, binary=True)),
    "json": lambda driver, conn: part(driver, "types.json").set_json_loads(fail, conn),
}


@pytest.mark.parametrize("cls", [OwnError, ValueError, RecursionError, ZeroDivisionError, LookupError])
@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize(
    "query",
    ["select {}", "select array[{}]", "select row(1, {})::pg_temp.pair", "select array[row(1, {})::pg_temp.pair]"],
)
def test_exceptions_of_the_users_code_pass(
    conn: Any, driver: ModuleType, own: str, query: str, cls: type[Exception]
) -> None:
    kind = "json" if own == "json" else "text"
    conn.execute(f"create type pg_temp.pair as (a int, b {kind})")
    info = part(driver, "types.composite").CompositeInfo.fetch(conn, "pair")
    OWN[own](driver, conn)
    part(driver, "types.composite").register_composite(info, conn)
    cur = conn.execute(query.format(f"'1'::{kind}"), binary="binary" in own)
    FAILURES.append(cls("mine"))
    with pytest.raises(cls) as caught:
        cur.fetchone()
    assert caught.value is FAILURES.pop()


def test_exceptions_of_the_users_bounds_and_objects_pass(conn: Any, driver: ModuleType) -> None:
    FAILURES.append(OwnError("mine"))
    conn.execute("create type pg_temp.pair as (a int, b text)")
    composite = part(driver, "types.composite")
    composite.register_composite(
        composite.CompositeInfo.fetch(conn, "pair"), conn, factory=OwnError, make_object=fail, make_sequence=fail
    )
    conn.adapters.register_loader("numeric", loader(driver, fail))
    ranges = ("select '[1,2)'::numrange", "select array['{[1,2)}'::nummultirange]")
    for query in ("select row(1, 'x')::pg_temp.pair", *ranges):
        with pytest.raises(OwnError) as caught:
            conn.execute(query, binary=False).fetchone()
        assert caught.value is FAILURES[-1]
    FAILURES.pop()


def test_a_class_derived_from_a_reader_sees_what_it_raises(driver: ModuleType, conn: Any) -> None:
    base = part(driver, "types.numeric").NumericLoader

    def load(self: Any, data: Any) -> Any:
        try:
            return base.load(self, data)
        except decimal.InvalidOperation:
            return None

    conn.adapters.register_loader("text", made(base, load=load))
    assert conn.execute("select 'abc'::text, array['1', 'x']").fetchone() == (None, [1, None])


def junk(rnd: random.Random) -> bytes:
    alphabet: list[bytes] = [
        *(bytes([n]) for n in (0, 1, 2, 3, 4, 8, 0x10, 0x7F, 0x80, 0xC3, 0xFF, 0x81, 0x40)),
        *b'{ } ( ) [ ] , " \\ : = > - + . e E 1 9 0 x / t f N a'.split(),
        b"\0\0\0\1", b"\xff\xff\xff\xff", b"\0\0\0\x19", b"\0\0\0\x17", b"infinity", b"2020-01-01", b"12:00", b"null",
    ]  # fmt: skip
    return b"".join(rnd.choices(alphabet, k=rnd.randrange(0, 40)))


@pytest.mark.parametrize("encoding", ["utf8", "latin1", "euc_jp", "sjis", "big5", "sql_ascii", "gb18030"])
def test_nothing_else_comes_out_whatever_is_sent(howdah: ModuleType, dsn: str, encoding: str) -> None:
    rnd = random.Random(encoding)
    types = importlib.import_module("howdah.adapt")
    with howdah.connect(dsn, client_encoding=encoding, autocommit=True) as conn:
        conn.execute("drop type if exists broken_pair; create type broken_pair as (a text, b numeric[])")
        info = howdah.types.composite.CompositeInfo.fetch(conn, "broken_pair")
        howdah.types.composite.register_composite(info, conn)
        tx = types.Transformer(conn)
        oids = [oid for t in howdah.adapters.types for oid in (t.oid, t.array_oid) if oid]
        loaders = [
            (oid, form, tx.get_loader(oid, howdah.pq.Format(form)))
            for oid in (*oids, info.oid, info.array_oid)
            for form in (0, 1)
        ]
        refused = 0
        for oid, form, found in loaders:
            for data in [junk(rnd) for _ in range(25)]:
                try:
                    found.load(data)
                except howdah.Error:
                    refused += 1
                except Exception as ex:
                    pytest.fail(f"{ex!r} for {data!r} of the type {oid} in format {form}")
        assert refused > len(loaders) * 5
        conn.execute("drop type broken_pair")


ROWS: list[tuple[int, bytes, type[Exception]]] = [(row[1], row[3], row[4]) for row in BROKEN if row[2] == 0]


def sends(rows: list[tuple[int, bytes, type[Exception]]]) -> Callable[[Peer], None]:
    """A server that answers the first query with a column of each type, a good row and a broken one, and goes on."""

    def script(peer: Peer) -> None:
        peer.greet(GREETING)
        peer.read_command()
        columns = row_description(*((f"c{n}", oid) for n, (oid, *_) in enumerate(rows)))
        good = data_row(*(None for _ in rows))
        places = range(len(rows))
        answer = b"".join(data_row(*(rows[at][1] if n == at else None for n in places)) for at in places)
        peer.send(columns + good + answer + good + complete(b"SELECT 9") + ready())
        peer.read_command()
        peer.send(row_description(("n", INT4)) + data_row(b"7") + complete(b"SELECT 1"))
        peer.send(ready())
        peer.drain()

    return script


async def test_rows_from_a_server(door: Door) -> None:
    with HostileServer(sends(ROWS)) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        cur = await conn.execute("select broken", prepare=False)
        empty = (None,) * len(ROWS)
        assert await cur.fetchone() == empty
        for _, _, cls in ROWS:
            with pytest.raises(cls) as caught:
                await cur.fetchone()
            if door.module.__name__ == "howdah":
                assert isinstance(caught.value, door.module.DataError)
            await cur.scroll(1)
        assert await cur.fetchone() == empty
        with pytest.raises(tuple({cls for *_, cls in ROWS})):
            await cur.scroll(0, mode="absolute")
            await cur.fetchall()
        cur = await conn.execute("select 7", prepare=False)
        assert await cur.fetchone() == (7,)
        assert server.errors == []


async def test_names_that_are_no_text(door: Door) -> None:
    """psycopg lets a UnicodeDecodeError out for some."""
    if door.module.__name__ != "howdah":
        pytest.skip("only howdah replaces what cannot be decoded")

    def script(peer: Peer) -> None:
        peer.greet(GREETING)
        peer.read_command()
        name = b"na\xffme\0" + struct.pack("!ihihih", 0, 0, INT4, -1, -1, 0)
        peer.send(message(b"T", struct.pack("!h", 1) + name) + data_row(b"1"))
        peer.send(message(b"A", struct.pack("!i", 5) + b"cha\xffnnel\0pay\xffload\0"))
        peer.send(message(b"N", b"SNOTICE\0VNOTICE\0C01000\0Mno\xfftice\0\0"))
        peer.send(message(b"S", b"application_name\0a\xffb\0"))
        peer.send(complete(b"SELECT \xff") + ready())
        peer.read_command()
        peer.send(error(b"mes\xffsage", b"22\xff12") + ready())
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        heard: list[Any] = []
        conn.add_notify_handler(lambda n: heard.append((n.channel, n.payload)))
        conn.add_notice_handler(lambda d: heard.append(d.message_primary))
        rows = importlib.import_module("howdah.rows")
        cur = conn.cursor(row_factory=rows.dict_row)
        await cur.execute("select 1", prepare=False)
        assert await cur.fetchone() == {"na\ufffdme": 1}
        assert cur.description[0].name == "na\ufffdme"
        assert cur.statusmessage == "SELECT \ufffd"
        assert heard == [("cha\ufffdnnel", "pay\ufffdload"), "no\ufffdtice"]
        with pytest.raises(door.module.Error, match="mes\ufffdsage"):
            await cur.execute("select 2", prepare=False)
        assert server.errors == []


def test_shapely(driver: ModuleType) -> None:
    pytest.importorskip("shapely")
    module = part(driver, "types.shapely")
    text, binary = module.GeometryLoader, module.GeometryBinaryLoader
    for cls, data in ((text, b"0G"), (text, b"\xff"), (binary, b"x")):
        found = caught(cls(99999).load, data)
        assert driver.__name__ == "psycopg" or isinstance(found, driver.DataError)


def test_addresses_of_the_standard_library(howdah: ModuleType) -> None:
    """What is converted is the error of the value, and a good value is what the library makes."""
    assert load(howdah, CIDR, 0, b"10.0.0.0/8") == ipaddress.ip_network("10.0.0.0/8")
