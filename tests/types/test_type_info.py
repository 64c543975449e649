"""TypeInfo and its kin: what is fetched, registered and found."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from support.adapting import loader, part
from support.doors import Door, SyncFace

KINDS = ["types.TypeInfo", "types.range.RangeInfo", "types.multirange.MultirangeInfo", "types.composite.CompositeInfo",
    "types.enum.EnumInfo"]  # fmt: skip
SETUP = """
create type pg_temp.mood as enum ('sad', 'so so', 'it''s "fine"', 'glück');
create type pg_temp.pair as (a int4, "B c" text, d float8[]);
create type pg_temp.empty as ();
create domain pg_temp.positive as int4 check (value > 0);
create type pg_temp.floatrange as range (subtype = float8, multirange_type_name = pg_temp.floatmultirange);
create type pg_temp."Odd ""na me" as enum ('x');
create table pg_temp.people (id int8, name text, gone int, born date);
alter table pg_temp.people drop column gone;
"""


def info_class(driver: ModuleType, name: str) -> Any:
    home, _, cls = name.rpartition(".")
    return getattr(part(driver, home), cls)


async def fetch(door: Door, conn: Any, name: Any, kind: str = "types.TypeInfo") -> Any:
    """Sync and asyncio: `fetch` gives a result or what is to be awaited."""
    cls = info_class(door.module, kind)
    if door.is_sync:
        return cls.fetch(conn.wrapped if isinstance(conn, SyncFace) else conn, name)
    return await cls.fetch(conn, name)


async def prepared(door: Door, **kwargs: Any) -> Any:
    conn = await door.connect(autocommit=True, **kwargs)
    await conn.execute(SETUP)
    return conn


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("int4", ("int4", 23, 1007, "integer", ",")), ("integer", ("int4", 23, 1007, "integer", ",")),
        ("timestamp with time zone", ("timestamptz", 1184, 1185, "timestamp with time zone", ",")),
        ("box", ("box", 603, 1020, "box", ";")), ("pg_catalog.text", ("text", 25, 1009, "text", ",")),
        ("character varying", ("varchar", 1043, 1015, "character varying", ",")),
        ('"char"', ("char", 18, 1002, '"char"', ",")),
        ("int4[]", ("_int4", 1007, 0, "integer[]", ",")), ("numeric(10,2)", ("numeric", 1700, 1231, "numeric", ",")),
        ("INT4", ("int4", 23, 1007, "integer", ",")),
    ],
)  # fmt: skip
async def test_fetch(door: Door, name: str, expected: Any) -> None:
    conn = await door.connect()
    found = await fetch(door, conn, name)
    assert type(found) is part(door.module, "types").TypeInfo
    assert (found.name, found.oid, found.array_oid, found.regtype, found.delimiter) == expected
    assert conn.info.transaction_status.name == "IDLE"


@pytest.mark.parametrize("name", ["no_such_type", "no_schema.t", "pg_temp.nothing", '"INT4"', "int5[]"])
async def test_missing(door: Door, name: str) -> None:
    conn = await door.connect()
    for kind in KINDS:
        assert await fetch(door, conn, name, kind) is None
    assert conn.info.transaction_status.name == "IDLE"
    await conn.execute("select 1")
    assert await fetch(door, conn, name) is None
    assert conn.info.transaction_status.name == "INTRANS"


@pytest.mark.parametrize("name", ["int4 int4", "a.b.c.d", "int4;"])
async def test_name_that_is_no_name(door: Door, name: str) -> None:
    conn = await door.connect()
    with pytest.raises(door.module.ProgrammingError):
        await fetch(door, conn, name)
    assert conn.info.transaction_status.name == "IDLE"


async def test_every_kind(door: Door) -> None:
    conn = await prepared(door)
    mood = await fetch(door, conn, "mood", "types.enum.EnumInfo")
    assert (mood.name, list(mood.labels), mood.enum) == ("mood", ["sad", "so so", 'it\'s "fine"', "glück"], None)
    pair = await fetch(door, conn, "pair", "types.composite.CompositeInfo")
    assert (pair.field_names, pair.field_types, pair.python_type) == (("a", "B c", "d"), (23, 25, 1022), None)
    people = await fetch(door, conn, "people", "types.composite.CompositeInfo")
    assert (people.field_names, people.field_types) == (("id", "name", "born"), (20, 25, 1082))
    empty = await fetch(door, conn, "pg_temp.empty", "types.composite.CompositeInfo")
    assert (empty.field_names, empty.field_types) == ((), ())
    rng = await fetch(door, conn, "floatrange", "types.range.RangeInfo")
    assert (rng.name, rng.subtype_oid) == ("floatrange", 701)
    multi = await fetch(door, conn, "floatmultirange", "types.multirange.MultirangeInfo")
    assert (multi.subtype_oid, multi.range_oid) == (701, rng.oid)
    positive = await fetch(door, conn, "positive")
    assert (positive.name, positive.delimiter) == ("positive", ",")
    found = [mood, pair, people, empty, rng, multi, positive]
    for info in found:
        assert info.oid > 10_000 < info.array_oid
        assert f"{info.name} (oid: {info.oid}, array oid: {info.array_oid})" in repr(info)
        assert repr(info).startswith(f"<{type(info).__name__}: ")
    assert len({info.oid for info in found}) == 7


@pytest.mark.parametrize("kind", KINDS)
async def test_name_of_another_kind(door: Door, kind: str) -> None:
    conn = await prepared(door)
    for name in ("int4", "mood", "pair", "floatrange", "floatmultirange"):
        found = await fetch(door, conn, name, kind)
        if found is not None:
            assert found.name == name
    if kind in ("types.range.RangeInfo", "types.multirange.MultirangeInfo"):
        assert await fetch(door, conn, "int4", kind) is None


async def test_quoted_and_composed_names(door: Door) -> None:
    conn = await prepared(door)
    for name in ('"Odd ""na me"', 'pg_temp."Odd ""na me"'):
        found = await fetch(door, conn, name, "types.enum.EnumInfo")
        assert (found.name, list(found.labels)) == ('Odd "na me', ["x"])
    assert await fetch(door, conn, "odd", "types.enum.EnumInfo") is None
    with pytest.raises(door.errors.SyntaxError):
        await fetch(door, conn, 'Odd "na me', "types.enum.EnumInfo")


async def test_identifiers(door: Door) -> None:
    identifier = part(door.module, "sql").Identifier
    conn = await prepared(door)
    for name in (identifier('Odd "na me'), identifier("pg_temp", 'Odd "na me')):
        found = await fetch(door, conn, name, "types.enum.EnumInfo")
        assert found.name == 'Odd "na me'


async def test_inside_a_transaction(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create type pg_temp.inside as (a int)")
    found = await fetch(door, conn, "inside", "types.composite.CompositeInfo")
    assert found.field_names == ("a",)
    assert conn.info.transaction_status.name == "INTRANS"
    await conn.execute("select null::inside")


@pytest.mark.parametrize("kind", KINDS)
async def test_inside_a_failed_transaction(door: Door, kind: str) -> None:
    conn = await door.connect()
    with pytest.raises(door.module.Error):
        await conn.execute("wat")
    with pytest.raises(door.errors.InFailedSqlTransaction):
        await fetch(door, conn, "int4", kind)
    assert conn.info.transaction_status.name == "INERROR"
    await conn.rollback()
    assert (await fetch(door, conn, "int4")).oid == 23


async def test_row_factory_and_loaders_of_the_connection_do_not_matter(door: Door) -> None:
    conn = await prepared(door, row_factory=part(door.module, "rows").scalar_row)
    assert (await fetch(door, conn, "int4")).array_oid == 1007
    assert (await fetch(door, conn, "pair", "types.composite.CompositeInfo")).field_types == (23, 25, 1022)


async def test_autocommit_is_kept(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await fetch(door, conn, "int4")
    assert conn.info.transaction_status.name == "IDLE"
    await conn.execute("select 1")
    assert conn.info.transaction_status.name == "IDLE"


def test_what_is_no_connection(driver: ModuleType) -> None:
    for wrong in (None, 5, "dsn"):
        with pytest.raises(TypeError, match="expected Connection or AsyncConnection"):
            part(driver, "types").TypeInfo.fetch(wrong, "int4")


def test_closed_connection(conn: Any, driver: ModuleType) -> None:
    conn.close()
    with pytest.raises(driver.OperationalError):
        part(driver, "types").TypeInfo.fetch(conn, "int4")


@pytest.mark.parametrize("encoding", ["sql_ascii", "latin1", "euc_jp", "utf8"])
async def test_client_encodings(door: Door, encoding: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create type pg_temp.accented as enum ('é', 'ö')" if encoding != "euc_jp"
        else "create type pg_temp.accented as enum ('日', '本')")  # fmt: skip
    await conn.execute(f"set client_encoding to {encoding}")
    found = await fetch(door, conn, "accented", "types.enum.EnumInfo")
    assert list(found.labels) == (["é", "ö"] if encoding != "euc_jp" else ["日", "本"])
    status = (await (await conn.execute("show client_encoding")).fetchone())[0]
    status = status.decode() if isinstance(status, bytes) else status
    assert status.lower().replace("_", "") == encoding.replace("_", "")


async def test_register(door: Door) -> None:
    conn = await prepared(door)
    info = await fetch(door, conn, "mood")
    assert conn.adapters.types.get("mood") is None
    cur = conn.cursor()
    info.register(cur.wrapped if door.is_sync else cur)
    assert cur.adapters.types["mood"] is info
    assert conn.adapters.types.get("mood") is None
    info.register(conn.wrapped if door.is_sync else conn)
    assert conn.adapters.types["mood"] is conn.adapters.types[info.oid] is conn.adapters.types[info.array_oid] is info
    cur = await conn.execute("select 'sad'::mood, '{sad,\"so so\",NULL}'::mood[], '{}'::mood[]")
    assert await cur.fetchone() == ("sad", ["sad", "so so", None], [])
    assert [c.type_display for c in cur.description] == ["mood", "mood[]", "mood[]"]
    other = await prepared(door)
    found = await (await other.execute("select '{sad,NULL}'::mood[]")).fetchone()
    assert found == ("{sad,NULL}",)


def test_registered_type_gives_lists_their_type(conn: Any, driver: ModuleType) -> None:
    conn.execute(SETUP)
    info = part(driver, "types").TypeInfo.fetch(conn, "mood")
    info.register(conn)
    string = part(driver, "types.string")
    conn.adapters.register_dumper(str, type("Mood", (string.StrDumper,), {"oid": info.oid}))
    assert conn.execute("select pg_typeof(%s)::text, %s", (["sad"], ["so so"])).fetchone() == ("mood[]", ["so so"])
    assert conn.adapters.get_dumper_by_oid(info.array_oid, part(driver, "pq").Format.TEXT).element_oid == info.oid


def test_domains(conn: Any, driver: ModuleType) -> None:
    # The server sends a domain as its base type, and an array of a domain as an array of its own type.
    conn.execute(SETUP)
    array = "select '{1,NULL}'::positive[]"
    assert conn.execute("select 5::positive, array[1::positive, null]").fetchone() == (5, [1, None])
    assert conn.execute(array).fetchone() == ("{1,NULL}",)
    info = part(driver, "types").TypeInfo.fetch(conn, "positive")
    info.register(conn)
    assert conn.execute(array).fetchone() == (["1", None],)
    conn.adapters.register_loader(info.oid, part(driver, "types.numeric").IntLoader)
    assert conn.execute(array).fetchone() == ([1, None],)
    conn.adapters.register_loader(info.oid, part(driver, "types.numeric").Int4BinaryLoader)
    assert conn.execute(array, binary=True).fetchone() == ([1, None],)
    with pytest.raises(driver.errors.CheckViolation):
        conn.execute("select %s::positive", (-1,))


class TestRegistry:
    """The container by itself."""

    def test_lookups(self, driver: ModuleType) -> None:
        types = part(driver, "postgres").types
        for key in ("int4", "integer", 23, 1007, "int4[]", "integer[]"):
            assert types[key].name == "int4"
            assert types.get(key) is types[key]
        assert (types.get_oid("int4"), types.get_oid("int4[]"), types.get_oid("text[]")) == (23, 1007, 1009)
        assert types['"char"'].oid == 18

    def test_missing(self, driver: ModuleType) -> None:
        types = part(driver, "postgres").types
        for key in ("nothing", 99999, "nothing[]", (int, 5)):
            with pytest.raises(KeyError):
                types[key]
            assert types.get(key) is None
        with pytest.raises(KeyError, match="couldn't find the type 'nothing' in the types registry"):
            types.get_oid("nothing")
        for wrong in (None, 1.5, b"int4"):
            with pytest.raises(TypeError):
                types[wrong]

    def test_by_subtype(self, driver: ModuleType) -> None:
        types = part(driver, "postgres").types
        ranges, multiranges = part(driver, "types.range").RangeInfo, part(driver, "types.multirange").MultirangeInfo
        for key in ("int4", 23, "integer"):
            assert types.get_by_subtype(ranges, key).name == "int4range"
            assert types.get_by_subtype(multiranges, key).name == "int4multirange"
            assert types[ranges, 23].name == "int4range"
        assert types.get_by_subtype(ranges, "text") is None
        assert types.get_by_subtype(ranges, "nothing") is None

    def test_copies(self, driver: ModuleType) -> None:
        module = part(driver, "types")
        parent = module.TypesRegistry()
        one, two = module.TypeInfo("one", 1, 2), module.TypeInfo("two", 3, 0, regtype="the second", delimiter=";")
        parent.add(one)
        child = module.TypesRegistry(parent)
        child.add(two)
        parent.add(module.TypeInfo("three", 5, 6))
        assert [t.name for t in child] == ["one", "two"]
        assert [t.name for t in parent] == ["one", "three"]
        assert child["the second"] is child["two"] is child[3] is two
        assert (two.delimiter, two.regtype, one.regtype) == (";", "the second", "one")
        child.clear()
        assert list(child) == []
        assert parent.get("one") is one

    def test_replacing(self, driver: ModuleType) -> None:
        module = part(driver, "types")
        registry = module.TypesRegistry()
        old, new = module.TypeInfo("name", 1, 2), module.TypeInfo("name", 3, 4)
        registry.add(old)
        registry.add(new)
        assert registry["name"] is registry[3] is new
        assert registry[1] is registry[2] is old
        assert set(registry) == {old, new}

    def test_constructors(self, driver: ModuleType) -> None:
        composite = part(driver, "types.composite").CompositeInfo("n", 1, 2, field_names=["a"], field_types=[23])
        assert (composite.field_names, composite.field_types) == (("a",), (23,))
        assert hash(composite) == hash(
            part(driver, "types.composite").CompositeInfo("n", 1, 2, field_names=("a",), field_types=(23,))
        )
        assert part(driver, "types.enum").EnumInfo("n", 1, 2, ["x"]).labels == ["x"]
        rng = part(driver, "types.range").RangeInfo("n", 1, 2, subtype_oid=23)
        assert (rng.subtype_oid, rng.delimiter, rng.regtype) == (23, ",", "n")
        assert issubclass(type(rng), part(driver, "types").TypeInfo)


def test_loader_of_a_registered_name(conn: Any, driver: ModuleType) -> None:
    conn.execute(SETUP)
    info = part(driver, "types").TypeInfo.fetch(conn, "mood")
    info.register(conn)
    conn.adapters.register_loader("mood", loader(driver, lambda data: data.upper()))
    assert conn.execute("select 'sad'::mood, array['sad'::mood]").fetchone() == (b"SAD", [b"SAD"])


def test_literals_name_registered_types(conn: Any, driver: ModuleType) -> None:
    conn.execute(SETUP)
    info = part(driver, "types").TypeInfo.fetch(conn, "mood")
    base = part(driver, "types.string").StrDumper
    conn.adapters.register_dumper(str, type("Mood", (base,), {"oid": info.oid}))
    transformer = part(driver, "adapt").Transformer
    assert transformer(conn).as_literal("sad") == b"'sad'"
    info.register(conn)
    literal = transformer(conn).as_literal("sad")
    assert literal == f"'sad'::{info.regtype}".encode()
    assert conn.execute(b"select " + literal).fetchone() == ("sad",)
    assert transformer(conn).as_literal(["sad"]) == f"'{{sad}}'::{info.regtype}[]".encode()
