"""AdaptersMap: contexts, registration, and what is found."""

from __future__ import annotations

import decimal
import enum
import fractions
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.adapting import SubThing, Thing, dumper, in_subprocess, is_adapter, loader, made, part
from support.doors import Door

INT4, TEXT, DATE = 23, 25, 1082


def shout(driver: ModuleType, **kwargs: Any) -> Any:
    return dumper(driver, lambda obj: f"{obj}!".encode(), **kwargs)


def reverse(driver: ModuleType, **kwargs: Any) -> Any:
    return loader(driver, lambda data: data.decode()[::-1], **kwargs)


async def one(cur: Any, query: str, params: Any = None, **kwargs: Any) -> Any:
    return (await (await cur.execute(query, params, **kwargs)).fetchone())[0]


async def test_connection_to_cursor(door: Door) -> None:
    conn = await door.connect()
    before = conn.cursor()
    assert await one(before, "select 'abc'::text") == "abc"
    conn.adapters.register_loader("text", reverse(door.module))
    conn.adapters.register_dumper(str, shout(door.module))
    after = conn.cursor()
    assert await one(after, "select %s::text", ("abc",)) == "!cba"
    assert await one(conn, "select %s::text", ("abc",)) == "!cba"
    assert await one(before, "select %s::text", ("abc",)) == "abc"
    other = await door.connect()
    assert await one(other, "select %s::text", ("abc",)) == "abc"


async def test_what_is_registered_is_for_cursors_to_come(door: Door) -> None:
    conn = await door.connect()
    before = conn.cursor()
    conn.adapters.register_loader("text", reverse(door.module))
    assert await one(before, "select 'abc'::text") == "abc"
    assert await one(conn.cursor(), "select 'abc'::text") == "cba"


async def test_cursor_does_not_touch_its_connection(door: Door) -> None:
    conn = await door.connect()
    cur, other = conn.cursor(), conn.cursor()
    cur.adapters.register_loader("text", reverse(door.module))
    cur.adapters.register_dumper(str, shout(door.module))
    assert await one(cur, "select %s::text", ("abc",)) == "!cba"
    for untouched in (other, conn, conn.cursor()):
        assert await one(untouched, "select %s::text", ("abc",)) == "abc"


async def test_context_of_the_connection(door: Door) -> None:
    adapt, postgres = part(door.module, "adapt"), part(door.module, "postgres")
    context = adapt.AdaptersMap(postgres.adapters)
    context.register_loader("text", reverse(door.module))
    conn = await door.connect(context=context)
    assert await one(conn, "select 'abc'::text") == "cba"
    context.register_loader("text", loader(door.module, lambda data: None))
    assert await one(conn.cursor(), "select 'abc'::text") == "cba"
    heir = await door.connect(context=conn.wrapped if door.is_sync else conn)
    assert await one(heir, "select 'abc'::text") == "cba"


GLOBAL = """
import DRIVER
from support.adapting import *
conn = DRIVER.connect(DSN)
cur = conn.cursor()
conn.execute("select 'x'::text, %s::text", ("y",)).fetchone()
DRIVER.adapters.register_loader("text", loader(DRIVER, lambda data: data.decode()[::-1]))
DRIVER.adapters.register_dumper(Thing, dumper(DRIVER, lambda obj: obj.value.encode()))
assert DRIVER.adapters is DRIVER.postgres.adapters
print(conn.execute("select 'abc'::text").fetchone(), cur.execute("select 'abc'::text").fetchone())
try:
    conn.execute("select %s::text", (Thing("a"),))
except DRIVER.ProgrammingError as ex:
    print(ex)
with DRIVER.connect(DSN) as new:
    print(new.execute("select %s::text", (Thing("abc"),)).fetchone())
conn.close()
"""


def test_global_registration_is_for_connections_to_come(driver: ModuleType, dsn: str) -> None:
    message = "cannot adapt type 'Thing' using placeholder '%s' (format: AUTO)"
    expected = ["('abc',) ('abc',)", message, "('cba',)"]
    assert in_subprocess(driver, GLOBAL, dsn).splitlines() == expected


GLOBAL_BUILTIN = """
import datetime, DRIVER
from support.adapting import *
from DRIVER.types.string import TextLoader
from DRIVER.types.numeric import FloatLoader
DRIVER.adapters.register_loader("date", TextLoader)
DRIVER.adapters.register_loader("numeric", FloatLoader)
DRIVER.adapters.register_dumper(str, DRIVER.types.string.StrDumper)
with DRIVER.connect(DSN) as conn:
    row = conn.execute("select '2020-01-01'::date, 1.5::numeric, pg_typeof(%s)::text", ("x",)).fetchone()
    rows = conn.execute("select array['2020-01-01'::date], array[1.5], pg_typeof(%s)::text", (["x"],)).fetchone()
    print(row, rows)
"""


def test_global_registration_of_built_in_adapters(driver: ModuleType, dsn: str) -> None:
    expected = "('2020-01-01', 1.5, 'text') (['2020-01-01'], [1.5], 'text[]')\n"
    assert in_subprocess(driver, GLOBAL_BUILTIN, dsn) == expected


def test_contexts(driver: ModuleType, connect: Callable[..., Any]) -> None:
    conn = connect()
    cur = conn.cursor()
    assert conn.connection is conn
    assert cur.connection is conn
    adapters = part(driver, "postgres").adapters
    assert conn.adapters is conn.adapters
    assert cur.adapters is cur.adapters
    assert len({id(m) for m in (conn.adapters, cur.adapters, adapters, conn.cursor().adapters)}) == 4
    for found in (conn.adapters, cur.adapters, adapters):
        assert type(found) is part(driver, "adapt").AdaptersMap
        assert found.adapters is found
        assert found.connection is None
    assert conn.adapters.types is not adapters.types


def test_copy_on_write(driver: ModuleType) -> None:
    adapt, postgres = part(driver, "adapt"), part(driver, "postgres")
    parent = adapt.AdaptersMap(postgres.adapters)
    children = [adapt.AdaptersMap(parent) for _ in range(2)]
    formats = adapt.PyFormat
    first, second, third = (shout(driver) for _ in range(3))
    parent.register_dumper(Thing, first)
    for child in children:
        with pytest.raises(driver.ProgrammingError):
            child.get_dumper(Thing, formats.TEXT)
    children[0].register_dumper(Thing, second)
    grandchild = adapt.AdaptersMap(children[0])
    children[0].register_dumper(Thing, third)
    assert parent.get_dumper(Thing, formats.TEXT) is first
    assert children[0].get_dumper(Thing, formats.AUTO) is third
    assert grandchild.get_dumper(Thing, formats.AUTO) is second
    with pytest.raises(driver.ProgrammingError):
        children[1].get_dumper(Thing, formats.AUTO)
    with pytest.raises(driver.ProgrammingError):
        postgres.adapters.get_dumper(Thing, formats.AUTO)


def test_copies_of_loaders_and_types(driver: ModuleType) -> None:
    adapt, postgres = part(driver, "adapt"), part(driver, "postgres")
    text = part(driver, "pq").Format.TEXT
    parent = adapt.AdaptersMap(postgres.adapters)
    child = adapt.AdaptersMap(parent)
    mine = reverse(driver)
    child.register_loader("date", mine)
    child.types.add(part(driver, "types").TypeInfo("mine", 99999, 0))
    child.register_loader("mine", mine)
    assert child.get_loader(99999, text) is child.get_loader(DATE, text) is mine
    for other in (parent, postgres.adapters):
        assert is_adapter(other.get_loader(DATE, text), part(driver, "types.datetime").DateLoader)
        assert other.get_loader(99999, text) is None
        assert other.types.get("mine") is None
        with pytest.raises(KeyError):
            other.register_loader("mine", mine)


def test_empty_map(driver: ModuleType) -> None:
    adapt, types = part(driver, "adapt"), part(driver, "types")
    empty = adapt.AdaptersMap()
    assert list(empty.types) == []
    assert empty.get_loader(TEXT, part(driver, "pq").Format.TEXT) is None
    for found in (int, str, type(None)):
        with pytest.raises(driver.ProgrammingError, match="cannot adapt type"):
            empty.get_dumper(found, adapt.PyFormat.AUTO)
    registry = types.TypesRegistry()
    registry.add(types.TypeInfo("mine", 5, 6))
    assert adapt.AdaptersMap(types=registry).types is registry
    mine = reverse(driver)
    named = adapt.AdaptersMap(types=registry)
    named.register_loader("mine", mine)
    assert named.get_loader(5, mine.format) is mine


def test_get_dumper(driver: ModuleType, conn: Any) -> None:
    formats, types = part(driver, "adapt").PyFormat, part(driver, "types.numeric")
    expected = [types.DecimalDumper, types.DecimalDumper, types.DecimalBinaryDumper]
    for form, cls in zip(formats, expected, strict=True):
        assert is_adapter(conn.adapters.get_dumper(decimal.Decimal, form), cls)
    assert is_adapter(conn.adapters.get_dumper(uuid.UUID, formats.AUTO), part(driver, "types.uuid").UUIDBinaryDumper)
    assert is_adapter(conn.adapters.get_dumper(type(None), formats.TEXT), part(driver, "types.none").NoneDumper)


@pytest.mark.parametrize("cls", [object, Thing, type, fractions.Fraction])
def test_get_dumper_of_unknown_class(driver: ModuleType, conn: Any, cls: type) -> None:
    for form in part(driver, "adapt").PyFormat:
        expected = f"cannot adapt type '{cls.__name__}' using placeholder '%{form.value}' (format: {form.name})"
        with pytest.raises(driver.ProgrammingError) as info:
            conn.adapters.get_dumper(cls, form)
        assert str(info.value) == expected
        with pytest.raises(driver.ProgrammingError) as info:
            conn.execute(f"select %{form.value}", (cls if cls is type else object.__new__(cls),))
        assert str(info.value) == expected


def test_format_without_dumper(driver: ModuleType, conn: Any) -> None:
    # A tuple has no binary dumper.
    with pytest.raises(driver.ProgrammingError) as info:
        conn.execute("select %b", ((1,),))
    assert str(info.value) == "cannot adapt type 'tuple' using placeholder '%b' (format: BINARY)"
    conn.adapters.register_dumper(Thing, shout(driver))
    assert conn.execute("select %t::text", (Thing(1),)).fetchone() == ("Thing(1)!",)
    with pytest.raises(driver.ProgrammingError, match="cannot adapt type 'Thing' using placeholder '%b'"):
        conn.execute("select %b", (Thing(1),))


def test_get_dumper_by_oid(driver: ModuleType, conn: Any) -> None:
    form, adapters = part(driver, "pq").Format, conn.adapters
    assert is_adapter(adapters.get_dumper_by_oid(INT4, form.BINARY), part(driver, "types.numeric").Int4BinaryDumper)
    assert is_adapter(adapters.get_dumper_by_oid(TEXT, form.TEXT), part(driver, "types.string").StrDumper)
    for oid, form_, message in [
        (142, form.TEXT, "cannot find a dumper for type xml (oid 142) format TEXT"),
        (99999, form.BINARY, "cannot find a dumper for unknown type with oid 99999 format BINARY"),
        (0, form.TEXT, "cannot find a dumper for unknown type with oid 0 format TEXT"),
    ]:
        with pytest.raises(driver.ProgrammingError) as info:
            adapters.get_dumper_by_oid(oid, form_)
        assert str(info.value) == message


def test_get_loader(driver: ModuleType, conn: Any) -> None:
    form, adapters = part(driver, "pq").Format, conn.adapters
    assert is_adapter(adapters.get_loader(DATE, form.BINARY), part(driver, "types.datetime").DateBinaryLoader)
    assert is_adapter(adapters.get_loader(0, form.TEXT), part(driver, "types.string").TextLoader)
    assert is_adapter(adapters.get_loader(0, form.BINARY), part(driver, "types.string").ByteaBinaryLoader)
    assert adapters.get_loader(99999, form.TEXT) is None


def test_bad_registrations(driver: ModuleType, conn: Any) -> None:
    adapters = conn.adapters
    with pytest.raises(TypeError):
        adapters.register_dumper(5, shout(driver))
    with pytest.raises(TypeError):
        adapters.register_loader(5.0, reverse(driver))
    with pytest.raises(TypeError):
        adapters.register_loader(None, reverse(driver))
    with pytest.raises(KeyError):
        adapters.register_loader("no_such_type", reverse(driver))


def test_register_by_name(driver: ModuleType, conn: Any) -> None:
    conn.adapters.register_dumper("support.adapting.Thing", shout(driver))
    for value in (Thing("x"), SubThing("y"), Thing("z")):
        assert conn.execute("select %s::text", (value,)).fetchone() == (f"Thing({value.value!r})!",)
    conn.adapters.register_dumper("fractions.Fraction", dumper(driver, lambda v: str(float(v)).encode(), oid=701))
    query = "select %s, pg_typeof(%s)::text"
    half = fractions.Fraction(1, 2)
    assert conn.execute(query, (half, half)).fetchone() == (0.5, "double precision")
    assert conn.execute("select %s", ([half, None],)).fetchone() == ([0.5, None],)


def test_class_replaces_a_name(driver: ModuleType, conn: Any) -> None:
    adapters, auto = conn.adapters, part(driver, "adapt").PyFormat.AUTO
    by_name, by_class, again = (shout(driver) for _ in range(3))
    adapters.register_dumper("support.adapting.Thing", by_name)
    assert adapters.get_dumper(Thing, auto) is by_name
    adapters.register_dumper(Thing, by_class)
    assert adapters.get_dumper(Thing, auto) is by_class
    # The class was met: what is registered by name afterwards is not looked for.
    adapters.register_dumper("support.adapting.Thing", again)
    assert adapters.get_dumper(Thing, auto) is by_class


def test_replacing_built_in_dumpers_registered_by_name(driver: ModuleType, conn: Any) -> None:
    value = uuid.UUID(int=5)
    conn.adapters.register_dumper(uuid.UUID, dumper(driver, lambda v: b"mine", oid=TEXT))
    assert conn.execute("select %s, %t", (value, value)).fetchone() == ("mine", "mine")
    assert conn.execute("select %b", (value,)).fetchone() == (value,)


def test_registered_by_oid_only(driver: ModuleType, conn: Any) -> None:
    adapt, pq = part(driver, "adapt"), part(driver, "pq")
    mine = dumper(driver, lambda v: b"7", oid=INT4)
    conn.adapters.register_dumper(None, mine)
    assert conn.adapters.get_dumper_by_oid(INT4, pq.Format.TEXT) is mine
    assert conn.execute("select %t", (2**20,)).fetchone() == (2**20,)
    tx = adapt.Transformer(conn)
    tx.set_dumper_types([INT4], pq.Format.TEXT)
    assert [bytes(v) for v in tx.dump_sequence([object()], [adapt.PyFormat.TEXT])] == [b"7"]


def test_dumper_without_oid_is_not_found_by_oid(driver: ModuleType, conn: Any) -> None:
    text = part(driver, "pq").Format.TEXT
    before = conn.adapters.get_dumper_by_oid(TEXT, text)
    conn.adapters.register_dumper(str, shout(driver))
    assert conn.adapters.get_dumper_by_oid(TEXT, text) is before
    conn.adapters.register_dumper(str, shout(driver, oid=TEXT))
    assert conn.adapters.get_dumper_by_oid(TEXT, text) is not before


def test_loader_by_oid_and_by_name(driver: ModuleType, conn: Any) -> None:
    for key in (DATE, "date", "DATE"):
        with driver.connect(conn.info.dsn) as other:
            if key == "DATE":
                with pytest.raises(KeyError):
                    other.adapters.register_loader(key, reverse(driver))
                continue
            other.adapters.register_loader(key, reverse(driver))
            assert other.execute("select '2020-01-02'::date, 5").fetchone() == ("20-10-0202", 5)


def test_loader_of_an_array_name_is_for_its_element(driver: ModuleType, conn: Any) -> None:
    conn.adapters.register_loader("date[]", reverse(driver))
    assert conn.execute("select '2020-01-02'::date").fetchone() == ("20-10-0202",)
    conn.adapters.register_loader("timestamp with time zone", loader(driver, lambda data: "moment"))
    assert conn.execute("select now()").fetchone() == ("moment",)


def test_fallback_loader(driver: ModuleType, conn: Any) -> None:
    conn.adapters.register_loader(0, loader(driver, lambda data: ("unknown", data)))
    row = conn.execute("select '(1,2)'::point, null::point, 5, '0/1F'::pg_lsn").fetchone()
    assert row == (("unknown", b"(1,2)"), None, 5, ("unknown", b"0/1F"))
    conn.adapters.register_loader(0, loader(driver, lambda data: ("binary", len(data)), binary=True))
    assert conn.execute("select '(1,2)'::point, 5", binary=True).fetchone() == (("binary", 16), 5)


def test_subclasses_by_order_of_resolution(driver: ModuleType, conn: Any) -> None:
    class Left(Thing):
        pass

    class Right(Thing):
        pass

    class Both(Left, Right):
        pass

    adapters = conn.adapters
    adapters.register_dumper(Thing, dumper(driver, lambda v: b"thing"))
    adapters.register_dumper(Right, dumper(driver, lambda v: b"right"))
    found = conn.execute("select %s::text, %s::text, %s::text", (Thing(1), Left(1), Both(1))).fetchone()
    assert found == ("thing", "thing", "right")
    conn.adapters.register_dumper(Left, dumper(driver, lambda v: b"left"))
    assert conn.execute("select %s::text", (Both(1),)).fetchone() == ("left",)
    adapters.register_dumper(object, dumper(driver, lambda v: b"object"))
    assert conn.execute("select %s::text, %s::text, %s::int", (1j, {}, 5)).fetchone() == ("object", "object", 5)


def test_subclasses_of_built_in_classes(driver: ModuleType, conn: Any) -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    class Kind(enum.Enum):
        ONE = 1

    conn.adapters.register_dumper(str, dumper(driver, lambda v: b"str"))
    conn.adapters.register_dumper(Number, dumper(driver, lambda v: b"5", oid=INT4))
    conn.adapters.register_dumper(enum.Enum, dumper(driver, lambda v: b"enum", oid=TEXT))
    assert conn.execute("select %s::text, %s, %s, %s", (Text("x"), Number(7), 7, Kind.ONE)).fetchone() == (
        "str", 5, 7, "enum",
    )  # fmt: skip


def test_last_registered_wins(driver: ModuleType, conn: Any) -> None:
    text = dumper(driver, lambda v: b"text", oid=TEXT)
    binary = dumper(driver, lambda v: b"binary", oid=TEXT, binary=True)
    for order, auto in [((text, binary), "binary"), ((binary, text), "text"), ((text, binary, text), "text")]:
        for registered in order:
            conn.adapters.register_dumper(Thing, registered)
        assert conn.execute("select %s, %t, %b", [Thing(1)] * 3).fetchone() == (auto, "text", "binary")


def test_registering_a_built_in_class_again_changes_the_format(driver: ModuleType, conn: Any) -> None:
    numeric = part(driver, "types.numeric")
    formats = part(driver, "adapt").PyFormat
    conn.adapters.register_dumper(float, numeric.FloatDumper)
    assert is_adapter(conn.adapters.get_dumper(float, formats.AUTO), numeric.FloatDumper)
    conn.adapters.register_dumper(float, numeric.FloatBinaryDumper)
    assert is_adapter(conn.adapters.get_dumper(float, formats.AUTO), numeric.FloatBinaryDumper)
    conn.adapters.register_dumper(float, numeric.Float4Dumper)
    assert conn.execute("select pg_typeof(%s)::text, pg_typeof(%b)::text", (1.5, 1.5)).fetchone() == (
        "real", "double precision",
    )  # fmt: skip


def test_names_of_classes(driver: ModuleType) -> None:
    adapt, types = part(driver, "adapt"), part(driver, "types")
    homes = [(adapt, "adapt", ["AdaptersMap", "Transformer", "PyFormat", "Dumper", "Loader", "RecursiveDumper"])]
    homes.append((types, "types", ["TypeInfo", "TypesRegistry"]))
    for module, home, names in homes:
        for name in names:
            cls = getattr(module, name)
            assert cls.__qualname__ == name
            assert cls.__module__ in (f"{driver.__name__}.{home}", "psycopg_binary._psycopg")
    assert driver.adapters is part(driver, "postgres").adapters


def test_subclass_of_the_map(driver: ModuleType, connect: Callable[..., Any]) -> None:
    adapt, postgres = part(driver, "adapt"), part(driver, "postgres")
    seen = []

    def register_loader(self: Any, oid: Any, cls: Any) -> None:
        seen.append(oid)
        adapt.AdaptersMap.register_loader(self, oid, cls)

    own = made(adapt.AdaptersMap, register_loader=register_loader)(postgres.adapters)
    own.register_loader("date", reverse(driver))
    assert seen == ["date"]
    assert connect(context=own).execute("select '2020-01-02'::date").fetchone() == ("20-10-0202",)
