"""Composites and records: registered, sent, loaded, nested, made by the user's own functions."""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections import namedtuple
from dataclasses import astuple, dataclass
from decimal import Decimal
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from support.adapting import dumper, in_subprocess, loader, part
from support.doors import Door, howdah_alone

SETUP = """
create type pg_temp.pair as (a int4, b text);
create type pg_temp.person as ("Full Name" text, age int2, born date, kind text, "1st" float8);
create type pg_temp.nested as (p pair, list pair[], r int4range, m numeric);
create type pg_temp.empty as ();
create type pg_temp.single as (one text);
create type pg_temp.pairrange as range (subtype = pair);
create type pg_temp.deep as (n nested, ns nested[], pr pairrange);
create domain pg_temp.good as pair check ((value).a > 0);
"""


PREFERRED = ["%s", "%t", "%b"]


@pytest.fixture
def typed(conn: Any) -> Any:
    conn.execute(SETUP)
    return conn


def fetch(driver: ModuleType, conn: Any, name: str) -> Any:
    return part(driver, "types.composite").CompositeInfo.fetch(conn, name)


def register(driver: ModuleType, conn: Any, name: str, context: Any = None, **kwargs: Any) -> Any:
    info = fetch(driver, conn, name)
    part(driver, "types.composite").register_composite(info, context or conn, **kwargs)
    return info


async def test_register(door: Door) -> None:
    conn = await door.connect()
    await conn.execute(SETUP)
    module = part(door.module, "types.composite")
    target = conn.wrapped if door.is_sync else conn
    info = module.CompositeInfo.fetch(target, "pair")
    info = info if door.is_sync else await info
    module.register_composite(info, target)
    cur = await conn.execute("select '(1,x)'::pair, '(,)'::pair, null::pair, array['(2,\"a b\")'::pair, null]")
    row = await cur.fetchone()
    pair = info.python_type
    assert [type(v) for v in row] == [pair, pair, type(None), list]
    assert row == (pair(1, "x"), pair(None, None), None, [pair(2, "a b"), None])
    assert (pair.__name__, pair._fields, row[0].a, row[0].b) == ("pair", ("a", "b"), 1, "x")
    for value in (pair(5, 'q"u\\o,t(e)'), pair(None, ""), pair(-1, None)):
        for placeholder in PREFERRED:
            cur = await conn.execute(f"select {placeholder}, pg_typeof({placeholder})::text", (value, value))
            assert await cur.fetchone() == (value, "pair")


def test_name_of_fields_that_are_no_identifiers(typed: Any, driver: ModuleType) -> None:
    info = register(driver, typed, "person")
    value = typed.execute("""select '("A B",5,2020-01-02,x,1.5)'::person""").fetchone()[0]
    assert value == ("A B", 5, dt.date(2020, 1, 2), "x", 1.5)
    assert info.python_type._fields == ("Full_Name", "age", "born", "kind", "f1st")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("My Type", ["Full Name", "a-b", "x"]), ("1", ["1st", "_hidden", "é"]), ("a.b", ['q"', "%s", "class"]),
        ("twice", ["a b", "a-b"]), ("", ["a"]), ("ok", []),
    ],
)  # fmt: skip
def test_python_names(driver: ModuleType, oracle: ModuleType, name: str, fields: list[str]) -> None:
    found = []
    for module in (driver, oracle):
        composite, adapt = part(module, "types.composite"), part(module, "adapt")
        info = composite.CompositeInfo(name, 99990, 0, field_names=fields, field_types=[25] * len(fields))
        try:
            composite.register_composite(info, adapt.AdaptersMap(part(module, "postgres").adapters))
            assert info.python_type is not None
            found.append((info.python_type.__name__, info.python_type._fields))
        except Exception as ex:
            found.append((type(ex).__name__, str(ex)))
    assert found[0] == found[1]


@pytest.mark.parametrize("binary", [False, True])
def test_nested(typed: Any, driver: ModuleType, binary: bool) -> None:
    rng = part(driver, "types.range")
    pair = register(driver, typed, "pair").python_type
    nested = register(driver, typed, "nested").python_type
    info = rng.RangeInfo.fetch(typed, "pairrange")
    rng.register_range(info, typed)
    deep = register(driver, typed, "deep").python_type
    inner = nested(pair(1, 'x "y" \\'), [pair(2, None), None, pair(None, "{}")], rng.Range(1, 5), Decimal("1.50"))
    value = deep(inner, [inner, None, nested(None, [], None, None)], rng.Range(pair(1, "a"), pair(2, "b,c")))
    for placeholder in ("%s", "%t"):
        row = typed.execute(
            f"select {placeholder}, pg_typeof({placeholder})::text", (value, value), binary=binary
        ).fetchone()
        assert row == (value, "deep")
        assert type(row[0].n.p) is pair
        assert type(row[0].ns[0]) is nested
    for _ in range(6):
        row = typed.execute("select %s, %s", (value, [value, None]), binary=binary, prepare=True).fetchone()
        assert row == (value, [value, None])
    simple = nested(pair(1, "x"), [pair(2, "y")], None, Decimal(5))
    assert typed.execute("select %b", (simple,), binary=binary).fetchone() == (simple,)


def test_empty_and_single(typed: Any, driver: ModuleType) -> None:
    empty = register(driver, typed, "empty").python_type
    single = register(driver, typed, "single").python_type
    for placeholder, binary in itertools.product(PREFERRED, [False, True]):
        query = f"select {placeholder}, {placeholder}, {placeholder}"
        row = typed.execute(query, (empty(), single("x"), single("")), binary=binary).fetchone()
        assert row == ((), ("x",), ("",))
    # In text, one field that is null looks like no field at all.
    assert typed.execute("select row(null)::single", binary=True).fetchone() == ((None,),)


class Pair(NamedTuple):
    """A factory that is a sequence."""

    a: int | None
    b: str | None


@dataclass
class Data:
    """A factory that is not."""

    a: int | None
    b: str | None


def test_factory_that_is_a_sequence(typed: Any, driver: ModuleType) -> None:
    info = register(driver, typed, "pair", factory=Pair)
    assert info.python_type is Pair
    for binary, placeholder in itertools.product([False, True], PREFERRED):
        row = typed.execute(f"select {placeholder}", (Pair(1, "x"),), binary=binary).fetchone()
        assert row == (Pair(1, "x"),)
        assert type(row[0]) is Pair
    for placeholder in PREFERRED:
        assert typed.execute(f"select {placeholder}", ([Pair(1, "x"), None],)).fetchone() == ([Pair(1, "x"), None],)
    # Other tuples are records.
    assert typed.execute("select %s::text", ((1, "x"),)).fetchone() == ("(1,x)",)


def test_factory_that_is_a_function(typed: Any, driver: ModuleType) -> None:
    info = register(driver, typed, "pair", factory=lambda a, b: {"a": a, "b": b})
    assert info.python_type is None
    for binary in (False, True):
        row = typed.execute("select '(1,x)'::pair, array['(,y)'::pair]", binary=binary).fetchone()
        assert row == ({"a": 1, "b": "x"}, [{"a": None, "b": "y"}])


def test_factory_that_is_no_sequence(typed: Any, driver: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        register(driver, typed, "pair", factory=Data)
    assert "the type 'Data' is not a sequence" in caplog.text
    assert caplog.records[0].name == driver.__name__
    assert typed.execute("select '(1,x)'::pair").fetchone() == (Data(1, "x"),)
    for placeholder in PREFERRED:
        with pytest.raises(TypeError, match="'Data' objects cannot be dumped without specifying 'make_sequence'"):
            typed.execute(f"select {placeholder}", (Data(1, "x"),))


def test_make_sequence_and_make_object(typed: Any, driver: ModuleType) -> None:
    seen = []

    def make_sequence(obj: Any, info: Any) -> Any:
        seen.append(info)
        return [obj.a, obj.b]

    def make_object(values: Any, info: Any) -> Any:
        seen.append(info)
        return Data(**dict(zip(info.field_names, values, strict=True)))

    info = register(driver, typed, "pair", factory=Data, make_object=make_object, make_sequence=make_sequence)
    for binary, placeholder in itertools.product([False, True], PREFERRED):
        query = f"select {placeholder}, pg_typeof({placeholder})::text, {placeholder}"
        row = typed.execute(query, (Data(1, "x"), Data(None, None), [Data(2, 'a"b')]), binary=binary).fetchone()
        assert row == (Data(1, "x"), "pair", [Data(2, 'a"b')])
    assert all(i is info for i in seen)


def test_make_sequence_without_a_class(typed: Any, driver: ModuleType) -> None:
    with pytest.raises(TypeError, match="is not a type"):
        register(driver, typed, "pair", factory=lambda a, b: a, make_sequence=lambda obj, info: obj)


def test_errors_of_the_users_functions(typed: Any, driver: ModuleType) -> None:
    def fail(*args: Any) -> Any:
        raise ZeroDivisionError

    register(driver, typed, "pair", factory=Data, make_object=fail, make_sequence=fail)
    for binary in (False, True):
        with pytest.raises(ZeroDivisionError):
            typed.execute("select '(1,x)'::pair", binary=binary).fetchone()
        with pytest.raises(ZeroDivisionError):
            typed.execute("select array['(1,x)'::pair]", binary=binary).fetchone()
    for placeholder in PREFERRED:
        with pytest.raises(ZeroDivisionError):
            typed.execute(f"select {placeholder}", (Data(1, "x"),))
    assert typed.execute("select 1").fetchone() == (1,)


def test_wrong_number_of_fields(typed: Any, driver: ModuleType) -> None:
    triple = namedtuple("triple", "a b c")
    register(driver, typed, "pair", factory=triple)
    with pytest.raises(TypeError):
        typed.execute("select '(1,x)'::pair").fetchone()
    with pytest.raises(driver.Error):
        typed.execute("select %s", (triple(1, "x", 2),))


def test_wrong_number_of_fields_in_binary(howdah: ModuleType, dsn: str) -> None:
    # psycopg's C implementation crashes.
    triple: Any = namedtuple("triple", "a b c")
    single: Any = namedtuple("single", "a")
    with howdah.connect(dsn) as conn:
        conn.execute(SETUP)
        for wrong in (triple(1, "x", 2), single(1)):
            register(howdah, conn, "pair", factory=type(wrong))
            for value in (wrong, [wrong]):
                with pytest.raises(howdah.DataError):
                    conn.execute("select %b", (value,))
        assert conn.execute("select 1").fetchone() == (1,)


def test_wrong_types_of_fields(typed: Any, driver: ModuleType) -> None:
    register(driver, typed, "pair", factory=Pair)
    wrong: Any = Pair("five", "x")  # type: ignore[arg-type]
    with pytest.raises((driver.Error, TypeError, ValueError, OverflowError)):
        typed.execute("select %b", (wrong,))
    with pytest.raises(driver.errors.InvalidTextRepresentation):
        typed.execute("select %s", (wrong,))


def test_contexts(typed: Any, driver: ModuleType) -> None:
    cur, other = typed.cursor(), typed.cursor()
    register(driver, typed, "pair", cur, factory=Pair)
    assert cur.execute("select '(1,x)'::pair").fetchone() == (Pair(1, "x"),)
    assert other.execute("select '(1,x)'::pair").fetchone() == ("(1,x)",)
    assert typed.execute("select pg_typeof(%s::pair)::text", ((1, "x"),)).fetchone() == ("pair",)


def test_registered_twice(typed: Any, driver: ModuleType) -> None:
    register(driver, typed, "pair", factory=Pair)
    register(driver, typed, "pair", factory=lambda *args: list(args))
    assert typed.execute("select '(1,x)'::pair").fetchone() == ([1, "x"],)
    assert typed.execute("select %s, %s::text", (Pair(1, "x"), Pair(None, "y"))).fetchone() == ([1, "x"], "(,y)")


def test_no_info(driver: ModuleType, conn: Any) -> None:
    with pytest.raises(TypeError, match=r"no info passed\. Is the requested composite available\?"):
        part(driver, "types.composite").register_composite(None, conn)


def test_adapters_of_the_fields(typed: Any, driver: ModuleType) -> None:
    typed.adapters.register_loader("int4", loader(driver, lambda data: -int(data)))
    typed.adapters.register_loader("int4", loader(driver, lambda data: -data[-1], binary=True))
    typed.adapters.register_dumper(str, dumper(driver, lambda value: value.upper().encode(), oid=25))
    register(driver, typed, "pair", factory=Pair)
    for binary in (False, True):
        assert typed.execute("select '(1,x)'::pair", binary=binary).fetchone() == (Pair(-1, "x"),)
    assert typed.execute("select %s", (Pair(1, "x"),)).fetchone() == (Pair(-1, "X"),)


def test_table_and_its_changes(conn: Any, driver: ModuleType) -> None:
    conn.execute("create temp table people (id int8, gone int, name text)")
    conn.execute("alter table people drop column gone")
    person = register(driver, conn, "people").python_type
    conn.execute("insert into people values (1, 'x'), (2, null)")
    for binary in (False, True):
        assert conn.execute("select people from people order by id", binary=binary).fetchall() == [
            (person(1, "x"),), (person(2, None),),
        ]  # fmt: skip


def test_domain_over_a_composite(typed: Any, driver: ModuleType) -> None:
    pair = register(driver, typed, "pair").python_type
    row = typed.execute("select '(1,x)'::good").fetchone()
    assert row in [(pair(1, "x"),), ("(1,x)",)]
    info = part(driver, "types").TypeInfo.fetch(typed, "good")
    found = typed.execute("select %s::good::text", (pair(5, "x"),)).fetchone()
    assert found == ("(5,x)",)
    assert info.name == "good"


def test_without_registration(typed: Any) -> None:
    assert typed.execute("select '(1,x)'::pair, array['(1,x)'::pair]").fetchone() == ("(1,x)", '{"(1,x)"}')
    row = typed.execute("select '(1,x)'::pair", binary=True).fetchone()
    assert isinstance(row[0], bytes)


def test_records_in_binary_know_registered_types(typed: Any, driver: ModuleType) -> None:
    pair = register(driver, typed, "pair").python_type
    row = typed.execute("select row('(1,x)'::pair, array['(2,y)'::pair], 5)", binary=True).fetchone()
    assert row == ((pair(1, "x"), [pair(2, "y")], 5),)
    assert typed.execute("select row('(1,x)'::pair, 5)").fetchone() == (("(1,x)", "5"),)


GLOBAL = """
import DRIVER
from support.adapting import *
from DRIVER.types.composite import CompositeInfo, register_composite
with DRIVER.connect(DSN, autocommit=True) as conn:
    conn.execute("drop type if exists global_pair cascade")
    conn.execute("create type global_pair as (a int4, b text)")
    info = CompositeInfo.fetch(conn, "global_pair")
    register_composite(info)
    print(conn.execute("select '(1,x)'::global_pair").fetchone())
    with DRIVER.connect(DSN) as new:
        print(new.execute("select '(1,x)'::global_pair, %s", (info.python_type(None, "y"),)).fetchone())
    conn.execute("drop type global_pair")
"""


def test_globally(driver: ModuleType, dsn: str) -> None:
    assert in_subprocess(driver, GLOBAL, dsn).splitlines() == [
        "('(1,x)',)", "(global_pair(a=1, b='x'), global_pair(a=None, b='y'))",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value", ['"', "\\", ",", "()", "(", "a b", "", "{}", "é\u3000", "\n", '""', "\\\\", "null", "NULL"]
)
def test_quoting(typed: Any, driver: ModuleType, value: str) -> None:
    nested = register(driver, typed, "pair", factory=Pair)
    assert nested.python_type is Pair
    for placeholder, binary in itertools.product(PREFERRED, [False, True]):
        parameter = [Pair(1, value), Pair(None, value * 3)]
        row = typed.execute(f"select {placeholder}, {placeholder}", (parameter, parameter[0]), binary=binary).fetchone()
        assert row == (parameter, parameter[0])


def test_executemany(typed: Any, driver: ModuleType) -> None:
    register(driver, typed, "pair", factory=Data, make_sequence=lambda obj, info: astuple(obj))
    typed.execute("create temp table t (p pair)")
    rows = [(Data(i, str(i)),) for i in range(5)]
    typed.cursor().executemany("insert into t values (%s)", rows)
    assert typed.execute("select p from t").fetchall() == rows


def test_one_field_that_is_null(howdah: ModuleType, dsn: str) -> None:
    # The text of such a value is (), which psycopg takes for no field at all.
    with howdah.connect(dsn) as conn:
        conn.execute("create type pg_temp.lone as (a text)")
        info = part(howdah, "types.composite").CompositeInfo.fetch(conn, "lone")
        part(howdah, "types.composite").register_composite(info, conn)
        for binary in (False, True):
            (value,) = conn.execute("select row(null)::lone", binary=binary).fetchone()
            assert (value, value.a) == ((None,), None)
        conn.rollback()


@pytest.fixture
def composite(conn: Any, driver: ModuleType) -> Any:
    """A registered composite of an int4, an array of them and a float8."""
    conn.execute("create type pg_temp.rounded as (a int4, b int4[], c float8)")
    info = part(driver, "types.composite").CompositeInfo.fetch(conn, "rounded")
    part(driver, "types.composite").register_composite(info, conn)
    return info.python_type


@pytest.mark.parametrize("value", [1.9, Decimal("1.9"), "5", b"7"], ids=["float", "Decimal", "str", "bytes"])
def test_field_of_a_composite_that_is_no_integer(conn: Any, composite: Any, value: Any) -> None:
    for fields in ((value, [1], 1.0), (1, [value], 1.0)):
        with pytest.raises(TypeError):
            conn.execute("select %b", (composite(*fields),))


def test_field_of_a_composite_that_is_no_float(conn: Any, composite: Any) -> None:
    with pytest.raises(TypeError):
        conn.execute("select %b", (composite(1, [1], "1.5"),))


def test_empty_list_in_a_composite(conn: Any, composite: Any) -> None:
    sent = composite(1, [], 1.0)
    for placeholder in ("%s", "%b"):
        assert conn.execute(f"select {placeholder}", (sent,)).fetchone() == (sent,)


def test_deep_nesting_is_an_error(conn: Any, driver: ModuleType) -> None:
    deep: Any = ()
    for _ in range(100_000):
        deep = (deep,)
    with pytest.raises(RecursionError):
        conn.execute("select %s", (deep,))
    looped: list[Any] = []
    looped.append((looped,))
    with pytest.raises(RecursionError):
        conn.execute("select %s", (looped,))
    while deep:
        # Piecewise: freeing it at once would nest as deep.
        (deep,) = deep


def test_deep_records(conn: Any) -> None:
    def nested(levels: int) -> Any:
        return conn.execute("select " + "row(" * levels + "1" + ")" * levels, binary=True).fetchone()[0]

    value, levels = nested(150), 0
    while isinstance(value, tuple):
        (value,), levels = value, levels + 1
    assert (value, levels) == (1, 150)
    with pytest.raises(RecursionError):
        nested(1500)
    assert conn.execute("select 1").fetchone() == (1,)


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = (value,)
    return value


def nested_with_lists(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = ([value],)
    return value


def test_quotes_of_nested_values_double(conn: Any) -> None:
    for levels, value in [(19, nested(19)), (10, nested_with_lists(10))]:
        text, length = conn.execute("select v, length(v) from (select %s::text as v) as s", (value,)).fetchone()
        assert length > 1 << levels
        assert text.count("x") == 1
    many = '"' * (2 << 20)
    assert conn.execute("select length(%s::text)", ((many,),)).fetchone() == (len(many) * 2 + 4,)


@howdah_alone
@pytest.mark.parametrize("value", [nested(21), nested(150), nested_with_lists(11), (1, [2], nested(60), "y" * 1000)])
def test_quotes_of_nested_values_have_an_end(conn: Any, driver: ModuleType, value: Any) -> None:
    conn.execute("create temp table deep (t text)")
    with pytest.raises(driver.DataError, match="quotes double at each level") as raised:
        conn.execute("select %s::text", (value,))
    assert isinstance(raised.value, RecursionError)
    with pytest.raises(driver.DataError, match="quotes double"):
        conn.execute("select %s::text[]", ([value, value],))
    with pytest.raises(driver.DataError, match="quotes double"):
        with conn.cursor().copy("copy deep from stdin") as copy:
            copy.write_row((value,))
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)
