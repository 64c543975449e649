"""Column: what a cursor tells of each column of its result."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from support.adapting import part
from support.doors import Door

# Expression, type_display, display_size, internal_size, precision, scale.
COLUMNS: list[tuple[str, str, int | None, int | None, int | None, int | None]] = [
    ("1::int2", "int2", None, 2, None, None), ("1", "int4", None, 4, None, None), ("1::int8",
    "int8", None, 8, None, None),
    ("1.5::float4", "float4", None, 4, None, None), ("1.5::float8", "float8", None, 8, None, None),
    ("1.5", "numeric", None, None, None, None), ("1.5::numeric(10,2)", "numeric(10,2)", None, None, 10, 2),
    ("1.5::numeric(10)", "numeric(10,0)", None, None, 10, 0), ("1::numeric(4,-2)", "numeric(4,-2)", None, None, 4, -2),
    ("0.005::numeric(3,5)", "numeric(3,5)", None, None, 3, 5), ("'{1}'::numeric(10,2)[]",
    "numeric(10,2)[]", None, None, 10, 2),
    ("'x'::text", "text", None, None, None, None), ("'x'::varchar", "varchar", None, None, None, None),
    ("'x'::varchar(42)", "varchar(42)", 42, None, None, None), ("'x'::char(5)", "bpchar(5)", 5, None, None, None),
    ("'x'::\"char\"", '"char"', None, 1, None, None), ("'x'::name", "name", None, 64, None, None),
    ("array['x'::varchar(42)]", "varchar(42)[]", 42, None, None, None), ("'{1}'::int4[]",
    "int4[]", None, None, None, None),
    ("b'101'::bit(3)", "bit(3)", 3, None, None, None), ("b'1'::varbit(7)", "varbit(7)", 7, None, None, None),
    ("b'1'::varbit", "varbit", None, None, None, None), ("now()::date", "date", None, 4, None, None),
    ("now()::time", "time", None, 8, None, None), ("now()::time(3)", "time(3)", None, 8, 3, None),
    ("now()::timetz(0)", "timetz(0)", None, 12, 0, None), ("now()::timestamp(6)", "timestamp(6)", None, 8, 6, None),
    ("now()", "timestamptz", None, 8, None, None), ("now()::timestamptz(2)", "timestamptz(2)", None, 8, 2, None),
    ("'1 s'::interval", "interval", None, 16, None, None), ("'1 s'::interval(3)", "interval(3)", None, 16, 3, None),
    ("'1 s'::interval day to second", "interval", None, 16, None, None),
    ("'1 s'::interval day to second (2)", "interval(2)", None, 16, 2, None), ("true", "bool", None, 1, None, None),
    ("'{}'::jsonb", "jsonb", None, None, None, None), ("int4range(1, 2)", "int4range", None, None, None, None),
    ("'{}'::int4multirange", "int4multirange", None, None, None, None), ("1::oid", "oid", None, 4, None, None),
    ("'x'::bytea", "bytea", None, None, None, None), ("row(1)", "record", None, None, None, None),
    ("null::void", "2278", None, 4, None, None), ("null::box[]", "box[]", None, None, None, None),
    ("gen_random_uuid()", "uuid", None, 16, None, None), ("null", "text", None, None, None, None),
    ("'(1,2)'::point", "point", None, 16, None, None), ("'1.2.3.4'::inet", "inet", None, None, None, None),
]  # fmt: skip


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("expression", "display", "size", "internal", "precision", "scale"), COLUMNS)
def test_attributes(
    conn: Any, expression: str, display: str, size: Any, internal: Any, precision: Any, scale: Any, binary: bool
) -> None:
    column = conn.execute(f'select {expression} as "a B"', binary=binary).description[0]
    assert column.type_display == display
    assert (column.name, column.display_size, column.internal_size) == ("a B", size, internal)
    assert (column.precision, column.scale, column.null_ok) == (precision, scale, None)
    assert tuple(column) == column[:] == ("a B", column.type_code, size, internal, precision, scale, None)
    assert repr(column) == f"<Column 'a B', type: {column.type_display} (oid: {column.type_code})>"


def test_sequence(conn: Any, driver: ModuleType) -> None:
    name_as_index: Any = "name"
    column = conn.execute("select 1::numeric(10,2) as n").description[0]
    assert type(column) is driver.Column
    assert isinstance(column, Sequence)
    assert (len(column), column[0], column[1], column[-1], column[4], column[5]) == (7, "n", 1700, None, 10, 2)
    assert (column[2:5], column[::-1][2]) == ((None, None, 10), 10)
    assert list(column) == list(column[:])
    assert "n" in column
    assert (column.index(10), column.count(None)) == (4, 3)
    for wrong in (7, -8):
        with pytest.raises(IndexError):
            column[wrong]
    with pytest.raises(TypeError):
        column[name_as_index]
    for name in ("name", "type_code", "precision"):
        with pytest.raises(AttributeError):
            setattr(column, name, 5)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(conn: Any, driver: ModuleType, protocol: int) -> None:
    cur = conn.execute("select 1::numeric(10,2) as n, '{x}'::varchar(5)[] as \"é\", null::void, now()::time(3)")
    before = cur.description
    data = pickle.dumps(before, protocol=protocol)
    conn.close()
    after = pickle.loads(data)
    assert [type(c) for c in after] == [driver.Column] * 4
    assert [(tuple(c), c.type_display, repr(c)) for c in after] == [(tuple(c), c.type_display, repr(c)) for c in before]


async def test_description(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    seen = [names(cur)]
    for query in ["select 1 as a, 'x' as b", "create temp table described (i int)", "insert into described values (1)"
        " returning i, i::text as t", "select", "select i from described where false"]:  # fmt: skip
        await cur.execute(query)
        seen.append(names(cur))
    assert seen == [None, ["a int4", "b text"], None, ["i int4", "t text"], [], ["i int4"]]


def names(cur: Any) -> list[str] | None:
    return None if cur.description is None else [f"{c.name} {c.type_display}" for c in cur.description]


@pytest.mark.parametrize("encoding", ["utf8", "latin1", "sql_ascii"])
def test_names_in_other_encodings(conn: Any, encoding: str) -> None:
    conn.execute(f"set client_encoding to {encoding}")
    name = "é" if encoding != "sql_ascii" else "e"
    assert conn.execute(f'select 1 as "{name}"').description[0].name == name


def test_types_of_the_context(conn: Any, driver: ModuleType) -> None:
    conn.execute("create type pg_temp.mood as enum ('a')")
    query = "select 'a'::mood, array['a'::mood]"
    oids = [c.type_code for c in conn.execute(query).description]
    assert [c.type_display for c in conn.execute(query).description] == [str(oid) for oid in oids]
    cur = conn.cursor()
    part(driver, "types").TypeInfo.fetch(conn, "mood").register(cur)
    assert [c.type_display for c in cur.execute(query).description] == ["mood", "mood[]"]
    assert [c.type_display for c in conn.execute(query).description] == [str(oid) for oid in oids]


def test_modifier_of_a_registered_type(conn: Any, driver: ModuleType) -> None:
    class Modifier:
        def __init__(self, oid: int) -> None:
            self.oid = oid

        def get_modifier(self, typemod: int) -> Any:
            return (typemod, "x")

        def get_display_size(self, typemod: int) -> int:
            return self.oid

        get_precision = get_scale = get_display_size

    info = part(driver, "types").TypeInfo("text", 25, 1009, typemod=Modifier)
    info.register(conn)
    column = conn.execute("select 'x'::text").description[0]
    assert (column.type_display, column.display_size, column.precision, column.scale) == ("text(-1,x)", 25, 25, 25)
    assert conn.execute("select array['x']").description[0].type_display == "text(-1,x)[]"
