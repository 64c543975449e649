"""Dumpers of users: what they may return and raise, and everywhere a parameter may stand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.adapting import SubThing, Thing, dumper, made, part
from support.doors import Door

INT4, TEXT, BYTEA = 23, 25, 17


UTC = dt.timezone.utc
DATE, FLOAT8 = 1082, 701


def value_dumper(driver: ModuleType, **kwargs: Any) -> Any:
    """Sends what is in a `Thing`."""
    return dumper(driver, lambda obj: str(obj.value).encode(), **kwargs)


@pytest.fixture
def things(conn: Any, driver: ModuleType) -> Any:
    """A connection that sends a `Thing` as text of no known type."""
    conn.adapters.register_dumper(Thing, value_dumper(driver))
    return conn


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("binary", [False, True])
def test_kinds_of_buffers(conn: Any, driver: ModuleType, kind: Any, binary: bool) -> None:
    for data in (b"abc", b"", b"x" * 100_000):
        conn.adapters.register_dumper(Thing, dumper(driver, lambda v, d=data: kind(d), oid=TEXT, binary=binary))
        query = "select %s, %s || '!', " + ("%b" if binary else "%t")
        row = conn.execute(query, (Thing(1), Thing(1), [Thing(1), Thing(2)])).fetchone()
        assert row == (data.decode(), data.decode() + "!", [data.decode()] * 2)


def test_part_of_a_buffer(howdah: ModuleType, dsn: str) -> None:
    # psycopg sends such a text up to the end of what it is a part of.
    whole = memoryview(b"0123456789")
    with howdah.connect(dsn) as conn:
        conn.adapters.register_dumper(Thing, dumper(howdah, lambda v: whole[2:5], oid=TEXT))
        conn.adapters.register_dumper(SubThing, dumper(howdah, lambda v: whole[8:4:-2], oid=TEXT, binary=True))
        row = conn.execute("select %s, %s, %s", (Thing(1), SubThing(1), [Thing(1)])).fetchone()
        assert row == ("234", "86", ["234"])


def test_none_is_null(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: v.value, oid=TEXT))
    row = conn.execute("select %s, pg_typeof(%s)::text, %s is null", [Thing(None)] * 3).fetchone()
    assert row == (None, "text", True)
    values = [Thing(b"a"), Thing(None), None]
    assert conn.execute("select %s, %s", (values, Thing(b"x"))).fetchone() == (["a", None, None], "x")
    assert conn.execute("select (%s::text is null)", (Thing(None),)).fetchone() == (True,)
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: v.value, oid=TEXT, binary=True))
    assert conn.execute("select %b, %b", (values, Thing(None))).fetchone() == (["a", None, None], None)
    assert conn.execute("select %s::text", ((Thing(None), Thing(b"x"), 1),)).fetchone() == ("(,x,1)",)


@pytest.mark.parametrize("wrong", ["text", 5, 1.5, object(), [b"x"]])
def test_other_results_are_refused(conn: Any, driver: ModuleType, wrong: Any) -> None:
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: wrong))
    with pytest.raises((TypeError, driver.Error)):
        conn.execute("select %s::text", (Thing(1),))
    with pytest.raises((TypeError, driver.Error)):
        conn.execute("select %s::text[]", ([Thing(1)],))
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


class Oops(Exception):
    """An error of the user's own."""


@pytest.mark.parametrize("error", [Oops("x"), ValueError("x"), KeyboardInterrupt(), SystemExit(5)])
@pytest.mark.parametrize("place", ["%s", "list", "tuple", "many", "range"])
def test_exceptions_pass_through(conn: Any, driver: ModuleType, error: BaseException, place: str) -> None:
    def dump(value: Any) -> bytes:
        raise error

    conn.autocommit = True
    conn.adapters.register_dumper(Thing, dumper(driver, dump, oid=TEXT))
    bad = {"list": [Thing(1)], "tuple": (1, Thing(2)), "range": part(driver, "types.range").Range(Thing(1))}
    with pytest.raises(type(error)) as info:
        if place == "many":
            conn.cursor().executemany("select %s", [(1,), (Thing(1),)])
        else:
            conn.execute("select %s::text", (bad.get(place, Thing(1)),))
    assert info.value is error
    assert conn.execute("select 1").fetchone() == (1,)


async def test_everywhere(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    conn.adapters.register_dumper(Thing, value_dumper(door.module))
    for query, params in [
        ("select %s::text, %s::int", (Thing("a"), Thing(5))),
        ("select %(a)s::text, %(b)s::int", {"a": Thing("a"), "b": Thing(5)}),
        ("select %s::text, %s::int", [SubThing("a"), SubThing(5)]),
        ("select %t::text, %t::int", (Thing("a"), Thing(5))),
    ]:
        assert await (await conn.execute(query, params)).fetchone() == ("a", 5)
        assert await (await conn.execute(query, params, prepare=True)).fetchone() == ("a", 5)
    cur = conn.cursor()
    await cur.executemany("select %s::text", [(Thing(i),) for i in range(3)], returning=True)
    results = [await cur.fetchone()]
    while cur.nextset():
        results.append(await cur.fetchone())
    assert results == [("0",), ("1",), ("2",)]


def test_in_lists(things: Any, driver: ModuleType) -> None:
    for placeholder in ("%s", "%t"):
        query = f"select {placeholder}::text[], {placeholder}::int[]"
        row = things.execute(query, ([Thing('q"\\,{}'), None, Thing("")], [[Thing(1)], [Thing(2)]])).fetchone()
        assert row == (['q"\\,{}', None, ""], [[1], [2]])
    things.adapters.register_dumper(Thing, value_dumper(driver, oid=INT4))
    assert things.execute("select %s, pg_typeof(%s)::text", ([Thing(1), Thing(2)], [Thing(1)])).fetchone() == (
        [1, 2], "integer[]",
    )  # fmt: skip


def test_binary_in_lists(conn: Any, driver: ModuleType) -> None:
    as_int = dumper(driver, lambda v: int(v.value).to_bytes(4, "big", signed=True), oid=INT4, binary=True)
    conn.adapters.register_dumper(Thing, as_int)
    value = [[Thing(1), None], [Thing(-5), Thing(7)]]
    assert conn.execute("select %b, pg_typeof(%b)::text", (value, value)).fetchone() == (
        [[1, None], [-5, 7]], "integer[]",
    )  # fmt: skip
    with pytest.raises(driver.ProgrammingError, match="cannot adapt type 'Thing' using placeholder '%t'"):
        conn.execute("select %s", (value,))
    assert conn.execute("select %s", (Thing(5),)).fetchone() == (5,)


def test_user_dumpers_of_types_without_array(conn: Any, driver: ModuleType) -> None:
    # A list of what has an unknown OID, or one that the registry does not know, is one of text.
    conn.adapters.register_dumper(Thing, value_dumper(driver, oid=3))
    assert conn.execute("select pg_typeof(%s)::text, %s", ([Thing(1)], [Thing(1)])).fetchone() == ("text[]", ["1"])
    conn.adapters.register_dumper(Thing, value_dumper(driver))
    assert conn.execute("select %s::int[]", ([Thing(1), Thing(2)],)).fetchone() == ([1, 2],)


def test_lists_of_several_classes(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_dumper(Thing, value_dumper(driver, oid=INT4))
    conn.adapters.register_dumper(SubThing, dumper(driver, lambda v: b"-1", oid=INT4))
    found = conn.execute("select %s", ([Thing(1), SubThing(1), Thing(3)],)).fetchone()
    assert found is not None
    assert len(found[0]) == 3
    conn.adapters.register_dumper(SubThing, value_dumper(driver, oid=TEXT))
    with pytest.raises(driver.DataError, match=r"cannot dump lists of mixed types; got: SubThing, Thing"):
        conn.execute("select %s", ([Thing(1), SubThing(1)],))


def test_in_tuples(things: Any) -> None:
    row = things.execute(
        "select %s::text, %s::text", ((1, Thing('a "b"'), (Thing(""), None)), (Thing("x"),))
    ).fetchone()
    assert row == ('(1,"a ""b""","("""",)")', "(x)")
    assert things.execute("select 5 = any(%s), 'x' = (%s)", ([5], Thing("x"))).fetchone() == (True, True)


def test_in_ranges(conn: Any, driver: ModuleType) -> None:
    rng = part(driver, "types.range").Range
    conn.adapters.register_dumper(Thing, dumper(driver, lambda v: v.value.encode(), oid=1082))
    value = rng(Thing("2020-01-01"), Thing("2020-02-01"))
    row = conn.execute("select %s, pg_typeof(%s)::text, %s", (value, value, [value])).fetchone()
    expected = rng(dt.date(2020, 1, 1), dt.date(2020, 2, 1))
    assert row == (expected, "daterange", [expected])
    multi = part(driver, "types.multirange").Multirange
    value = multi([value])
    row = conn.execute("select %s, pg_typeof(%s)::text", (value, value)).fetchone()
    assert row == (multi([expected]), "datemultirange")


def test_oid_and_format_of_the_instance(conn: Any, driver: ModuleType) -> None:
    dumper_class, pq = part(driver, "adapt").Dumper, part(driver, "pq")

    def init(self: Any, cls: type, context: Any = None) -> None:
        dumper_class.__init__(self, cls, context)
        self.oid = INT4
        self.format = pq.Format.BINARY

    binary = made(dumper_class, __init__=init, dump=lambda self, obj: b"\0\0\0\x05", format=pq.Format.BINARY)
    conn.adapters.register_dumper(Thing, binary)
    assert conn.execute("select %s, pg_typeof(%s)::text", [Thing(1)] * 2).fetchone() == (5, "integer")


def test_what_a_dumper_is_given(conn: Any, driver: ModuleType) -> None:
    seen: list[Any] = []
    dumper_class = part(driver, "adapt").Dumper

    def init(self: Any, cls: type, context: Any = None) -> None:
        dumper_class.__init__(self, cls, context)
        seen.append((cls, self.connection is conn, context.connection is conn, type(context.adapters).__name__))

    conn.adapters.register_dumper(Thing, made(dumper_class, __init__=init, dump=lambda self, obj: b"x"))
    query = "select %s::text, %s::text, %s::text"
    assert conn.execute(query, (Thing(1), Thing(2), SubThing(3))).fetchone() == ("x",) * 3
    # One for each class and statement.
    assert seen == [(Thing, True, True, "AdaptersMap"), (SubThing, True, True, "AdaptersMap")]


def test_repr(driver: ModuleType) -> None:
    found = value_dumper(driver, oid=TEXT)(Thing)
    assert repr(found).startswith(f"<{type(found).__module__}.UserDumper (oid=25) at 0x")
    assert found.connection is None
    assert found.cls is Thing


def test_dumper_is_abstract(driver: ModuleType) -> None:
    adapt = part(driver, "adapt")
    for cls in (adapt.Dumper, adapt.RecursiveDumper, adapt.Loader, adapt.RecursiveLoader):
        with pytest.raises(TypeError, match="abstract"):
            cls(int)


def sized(driver: ModuleType, calls: list[str]) -> Any:
    """Sends short things as int2, long ones as text; upgrades itself like psycopg's own dumper of ints."""
    base = part(driver, "adapt").Dumper

    def get_key(self: Any, obj: Any, form: Any) -> Any:
        calls.append("key")
        return self.cls if len(str(obj.value)) < 3 else (self.cls,)

    def upgrade(self: Any, obj: Any, form: Any) -> Any:
        calls.append("upgrade")
        return self if len(str(obj.value)) < 3 else long(self.cls)

    def dump(self: Any, obj: Any) -> bytes:
        return str(obj.value).encode()

    long = made(base, "Long", get_key=get_key, dump=dump, oid=TEXT)
    return made(base, "Short", get_key=get_key, upgrade=upgrade, dump=dump, oid=21)


def test_get_key_and_upgrade(conn: Any, driver: ModuleType) -> None:
    calls: list[str] = []
    conn.adapters.register_dumper(Thing, sized(driver, calls))
    query = "select " + ", ".join(["pg_typeof(%s)::text"] * 4)
    row = conn.execute(query, [Thing(1), Thing(1000), Thing(2), Thing(2000)]).fetchone()
    assert row == ("smallint", "text", "smallint", "text")
    assert calls.count("upgrade") == 1


def test_get_key_and_upgrade_in_lists(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_dumper(Thing, sized(driver, []))
    for value, kind in [([Thing(1)], "smallint[]"), ([Thing(1000)], "text[]"), ([[Thing(1000)]], "text[]")]:
        assert conn.execute("select pg_typeof(%s)::text", (value,)).fetchone() == (kind,)
    assert conn.execute("select %s, %s", ([Thing(1)], [Thing(1000)])).fetchone() == ([1], ["1000"])


def test_upgrade_that_needs_the_format(conn: Any, driver: ModuleType) -> None:
    seen = []
    base = part(driver, "adapt").Dumper
    formats = part(driver, "adapt").PyFormat

    def upgrade(self: Any, obj: Any, form: Any) -> Any:
        seen.append(form)
        return self

    cls = made(base, get_key=lambda s, o, f: (s.cls, type(o.value)), upgrade=upgrade, dump=lambda s, o: b"1", oid=INT4)
    conn.adapters.register_dumper(Thing, cls)
    conn.execute("select %s, %t, %s, %s", (Thing(1), Thing(1), Thing("a"), Thing(2)))
    assert seen == [formats.AUTO, formats.TEXT, formats.AUTO]


def test_error_of_get_key(conn: Any, driver: ModuleType) -> None:
    def fail(self: Any, *args: Any) -> Any:
        raise Oops

    base = part(driver, "adapt").Dumper
    conn.adapters.register_dumper(Thing, made(base, get_key=fail, dump=lambda s, o: b"1"))
    conn.adapters.register_dumper(
        SubThing, made(base, get_key=lambda s, o, f: (s.cls,), upgrade=fail, dump=lambda s, o: b"1")
    )
    for value in (Thing(1), SubThing(1), [Thing(1)], [SubThing(1)]):
        with pytest.raises(Oops):
            conn.execute("select %s", (value,))


def test_dumper_of_none(conn: Any, driver: ModuleType) -> None:
    # NULL is sent as such, but with the OID of the dumper.
    conn.adapters.register_dumper(type(None), dumper(driver, lambda v: b"never", oid=INT4))
    row = conn.execute("select %s, pg_typeof(%s)::text, %s", (None, None, [None])).fetchone()
    assert row[:2] == (None, "integer")


@pytest.mark.parametrize("order", [(False, True), (True, False), (True,), (False,)])
def test_the_dumper_of_none_for_any_format_tells_the_type(
    conn: Any, driver: ModuleType, order: tuple[bool, ...]
) -> None:
    """The last one registered, as for any other `%s`."""
    adapt = part(driver, "adapt")
    types = {False: INT4, True: DATE}
    for binary in order:
        conn.adapters.register_dumper(type(None), dumper(driver, lambda v: b"never", oid=types[binary], binary=binary))
    for fmt, placeholder in zip(adapt.PyFormat, ("%s", "%t", "%b"), strict=True):
        tx = adapt.Transformer(conn)
        assert tx.dump_sequence([None], [fmt]) == [None]
        assert list(tx.types) == [types[order[-1]]]
        row = conn.execute(f"select pg_typeof({placeholder})::text", (None,)).fetchone()
        assert row == ("date" if order[-1] else "integer",)


@pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
async def test_none_without_a_dumper(door: Door, placeholder: str) -> None:
    """It is like any other value: of a class that nothing is registered for."""
    adapt, string = part(door.module, "adapt"), part(door.module, "types.string")
    context = adapt.AdaptersMap(types=door.module.adapters.types)
    for dump in (string.StrBinaryDumper, string.StrDumper):
        context.register_dumper(str, dump)
    context.register_dumper(list, part(door.module, "types.array").ListDumper)
    context.register_dumper(tuple, part(door.module, "types.composite").TupleDumper)
    context.register_loader(0, string.TextLoader)
    conn = await door.connect(context=context, autocommit=True)
    for params in ((None,), ("a", None), (None, "a")):
        query = "select " + ",".join([placeholder] * len(params))
        with pytest.raises(door.module.ProgrammingError, match="cannot adapt type 'NoneType' using placeholder '%s'"):
            await conn.execute(query, params)
        with pytest.raises(door.module.ProgrammingError, match="cannot adapt type 'NoneType'"):
            await conn.cursor().executemany(query, [params])
    cur = await conn.execute(f"select {placeholder}::varchar", ("a",))
    assert await cur.fetchone() == ("a",)
    # In other values there is no type to be told.
    cur = await conn.execute("select %s::varchar, %s::varchar", (["a", None], ("a", None)))
    assert await cur.fetchone() == ("{a,NULL}", "(a,)")


@pytest.mark.parametrize("cls", [int, str, float, bool, bytes, dt.date, list, tuple])
def test_replacing_the_dumper_of_a_built_in_class(connect: Callable[..., Any], driver: ModuleType, cls: type) -> None:
    values: dict[Any, Any] = {dt.date: dt.date(2020, 1, 1), list: [1], tuple: (1,), bytes: b"x", str: "x"}
    value = values.get(cls, cls(1) if cls in (int, float, bool) else None)
    conn, other = connect(), connect()
    expected = other.execute("select %s::text", (value,)).fetchone()
    conn.adapters.register_dumper(cls, dumper(driver, lambda v: b"mine", oid=TEXT))
    assert conn.execute("select %s, %t", (value, value)).fetchone() == ("mine", "mine")
    if cls is not list:
        assert conn.execute("select %s::text[]", ([value],)).fetchone() == (["mine"],)
    assert other.execute("select %s::text", (value,)).fetchone() == expected


def test_replacing_the_dumper_of_int_in_what_is_nested(conn: Any, driver: ModuleType) -> None:
    rng = part(driver, "types.range")
    conn.adapters.register_dumper(int, dumper(driver, lambda v: str(v + 1).encode(), oid=INT4))
    row = conn.execute("select %s, %s::text, %t, %s", ([1, [2]][:1], (1, 2), [5], rng.Range(1, 5))).fetchone()
    assert row[:3] == ([2], "(2,3)", [6])
    assert str(row[3]) == "[2,6)"


def test_wrappers_have_dumpers_of_their_own(conn: Any, driver: ModuleType) -> None:
    numeric = part(driver, "types.numeric")
    conn.adapters.register_dumper(int, dumper(driver, lambda v: b"1000", oid=INT4))
    values = (5, numeric.Int2(5), numeric.Int8(5), True)
    assert conn.execute("select %s, %s, %s, %s", values).fetchone() == (1000, 5, 5, True)


def test_prepared_statements(conn: Any, driver: ModuleType) -> None:
    conn.autocommit = True
    conn.adapters.register_dumper(Thing, sized(driver, []))
    cur = conn.cursor()
    for i in range(12):
        value = 10 ** (i % 4)
        cur.execute("select pg_typeof(%s)::text, %s::text", (Thing(value), Thing(value)))
        assert cur.fetchone() == ("smallint" if value < 100 else "text", str(value))
    cur.adapters.register_dumper(SubThing, dumper(driver, lambda v: b"\x01", oid=BYTEA, binary=True))
    cur.execute("select pg_typeof(%s)::text, %s::text", (SubThing(1), SubThing(1)))
    assert cur.fetchone() == ("bytea", "\\x01")


def test_executemany_takes_each_value_by_itself(conn: Any, driver: ModuleType) -> None:
    conn.execute("create temp table many (kind text, value text)")
    conn.adapters.register_dumper(Thing, sized(driver, []))
    cur = conn.cursor()
    rows = [(Thing(1), Thing(1)), (Thing(1000), Thing(2)), (Thing(5), Thing(3000)), (Thing(6), None)]
    cur.executemany("insert into many values (pg_typeof(%s)::text, %s)", rows)
    found = conn.execute("select kind, value from many").fetchall()
    assert found == [("smallint", "1"), ("text", "2"), ("smallint", "3000"), ("smallint", None)]


class SubFloat(float):
    """A float that a program sends in its own way."""


class SubDate(dt.date):
    """A date that a program sends in its own way."""


@pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
def test_none_beside_a_dumper_for_another_class(conn: Any, driver: ModuleType, placeholder: str) -> None:
    conn.adapters.register_dumper(Thing, dumper(driver, lambda value: b"1"))
    assert conn.execute(f"select {placeholder}::int4", (None,)).fetchone() == (None,)


@pytest.mark.parametrize("last", [True, False])
def test_list_of_a_class_with_a_dumper_and_one_without(howdah: ModuleType, dsn: str, last: bool) -> None:
    # psycopg sends all elements by the dumper of the last one's class.
    for value, plain, oid, text, shown in (
        (SubDate(2020, 1, 1), dt.date(2020, 1, 2), DATE, b"infinity", ["2020-01-02", "infinity"]),
        (SubFloat(1), 2.5, FLOAT8, b"7.5", ["2.5", "7.5"]),
        (Thing(1), 2.5, FLOAT8, b"7.5", ["2.5", "7.5"]),
    ):
        with howdah.connect(dsn) as conn:
            conn.adapters.register_dumper(type(value), dumper(howdah, lambda value, text=text: text, oid=oid))
            items = [plain, value] if last else [value, plain]
            row = conn.execute("select %s::text", (items,)).fetchone()
            assert row == ("{" + ",".join(shown if last else shown[::-1]) + "}",)


def test_executemany_makes_a_dumper_once(conn: Any, driver: ModuleType) -> None:
    made_ = []

    def init(self: Any, *args: Any) -> None:
        made_.append(self)
        part(driver, "adapt").Dumper.__init__(self, *args)

    conn.adapters.register_dumper(Thing, dumper(driver, lambda value: b"1", __init__=init))
    conn.cursor().executemany("select %s", [(Thing(number),) for number in range(20)])
    assert len(made_) == 1
