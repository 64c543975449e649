"""Ranges, multiranges and arrays of types that the server learnt later."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import dumper, loader, made, part
from support.doors import Door

SETUP = """
create type pg_temp.floatrange as range (subtype = float8, multirange_type_name = pg_temp.floatmultirange);
create type pg_temp.textrange as range (subtype = text, collation = "C", multirange_type_name = pg_temp.textmultirange);
create type pg_temp.timerange as range (subtype = time);
create type pg_temp.uuidrange as range (subtype = uuid);
create domain pg_temp.year as int4range check (not isempty(value));
"""


PLACEHOLDERS = ["%s", "%t", "%b"]


@pytest.fixture
def typed(conn: Any) -> Any:
    conn.execute(SETUP)
    return conn


def ranges(driver: ModuleType) -> ModuleType:
    return part(driver, "types.range")


def register_range(driver: ModuleType, conn: Any, name: str, context: Any = None) -> Any:
    info = ranges(driver).RangeInfo.fetch(conn, name)
    ranges(driver).register_range(info, context or conn)
    return info


def register_multirange(driver: ModuleType, conn: Any, name: str, context: Any = None) -> Any:
    module = part(driver, "types.multirange")
    info = module.MultirangeInfo.fetch(conn, name)
    module.register_multirange(info, context or conn)
    return info


async def test_range_in_both_doors(door: Door) -> None:
    conn = await door.connect()
    await conn.execute(SETUP)
    target, module = conn.wrapped if door.is_sync else conn, ranges(door.module)
    info = module.RangeInfo.fetch(target, "floatrange")
    module.register_range(info if door.is_sync else await info, target)
    value = module.Range(1.5, 2.5)
    for _ in range(8):
        cur = await conn.execute("select %s, pg_typeof(%s)::text, '(,1.5]'::floatrange", (value, value))
        assert await cur.fetchone() == (value, "floatrange", module.Range(None, 1.5, "(]"))


@pytest.mark.parametrize("binary", [False, True])
def test_ranges_of_every_subtype(typed: Any, driver: ModuleType, binary: bool) -> None:
    rng = ranges(driver).Range
    for name in ("floatrange", "textrange", "timerange", "uuidrange"):
        register_range(driver, typed, name)
    values = [
        ("floatrange", rng(1.5, 2.5)), ("floatrange", rng(None, float("inf"), "(]")),
        ("timerange", rng(dt.time(1), dt.time(2))),
        ("textrange", rng("a,", 'b"\\c')), ("textrange", rng("", "(x)")), ("textrange", rng("é", None)),
    ]  # fmt: skip
    for (name, value), placeholder in itertools.product(values, PLACEHOLDERS):
        row = typed.execute(
            f"select {placeholder}, pg_typeof({placeholder})::text", (value, value), binary=binary
        ).fetchone()
        assert row == (value, name)
        if placeholder != "%b" or name != "textrange":
            row = typed.execute(f"select {placeholder}", ([value, None],), binary=binary).fetchone()
            assert row == ([value, None],)
    empty = typed.execute("select 'empty'::floatrange, '(,)'::textrange", binary=binary).fetchone()
    assert empty == (rng(empty=True), rng(bounds="()"))


@pytest.mark.parametrize("binary", [False, True])
def test_multiranges(typed: Any, driver: ModuleType, binary: bool) -> None:
    rng, multi = ranges(driver).Range, part(driver, "types.multirange").Multirange
    register_range(driver, typed, "floatrange")
    register_multirange(driver, typed, "floatmultirange")
    register_range(driver, typed, "textrange")
    register_multirange(driver, typed, "textmultirange")
    for name, value in [
        ("floatmultirange", multi([rng(1.5, 2.5), rng(5.5, None)])),
        ("textmultirange", multi([rng("a,", "b")])),
    ]:
        for placeholder in PLACEHOLDERS:
            query = f"select {placeholder}, pg_typeof({placeholder})::text, {placeholder}"
            row = typed.execute(query, (value, value, value), binary=binary).fetchone()
            assert row == (value, name, value)
    row = typed.execute(
        "select '{}'::floatmultirange, array['{[1,2)}'::floatmultirange, null]", binary=binary
    ).fetchone()
    assert row == (multi(), [multi([rng(1.0, 2.0)]), None])


def lists_with_untyped(driver: ModuleType) -> list[tuple[str, list[Any]]]:
    rng, multi = ranges(driver).Range, part(driver, "types.multirange").Multirange
    empty, unbounded, some, more = rng(empty=True), rng(), rng("a", "b"), multi([rng("a", "b")])
    return [
        ("textrange", [some, empty]), ("textrange", [empty, some, None, unbounded]), ("textrange", [[some], [empty]]),
        ("floatrange", [rng(1.5, None), unbounded]), ("textmultirange", [more, multi()]),
    ]  # fmt: skip


def typed_by_text(driver: ModuleType, typed: Any) -> None:
    for name in ("textrange", "floatrange"):
        register_range(driver, typed, name)
    register_multirange(driver, typed, "textmultirange")


def test_ranges_without_bounds_take_the_type_of_the_others(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        conn.execute(SETUP)
        typed_by_text(howdah, conn)
        for name, value in lists_with_untyped(howdah):
            assert conn.execute("select %b, pg_typeof(%b)::text", (value, value)).fetchone() == (value, f"{name}[]")
        dates = [ranges(howdah).Range(dt.date(2020, 1, 1), None), ranges(howdah).Range(empty=True)]
        assert conn.execute("select %b, pg_typeof(%b)::text", (dates, dates)).fetchone() == (dates, "daterange[]")


@pytest.mark.parametrize("binary", [False, True])
def test_copy_of_lists_with_ranges_without_bounds(typed: Any, driver: ModuleType, binary: bool) -> None:
    typed_by_text(driver, typed)
    rng, multi = ranges(driver).Range, part(driver, "types.multirange").Multirange
    alone: list[tuple[str, list[Any]]] = [("textrange", [rng(empty=True), rng()]), ("textmultirange", [multi()])]
    for number, (name, value) in enumerate([*lists_with_untyped(driver), *alone]):
        typed.execute(f"create temp table written{number} (v {name}[])")
        cur = typed.cursor()
        with cur.copy(f"copy written{number} from stdin (format {'binary' if binary else 'text'})") as copy:
            copy.write_row([value])
        assert cur.execute(f"select v from written{number}").fetchone() == (value,)


def test_classes_and_contexts(typed: Any, driver: ModuleType) -> None:
    cur = typed.cursor()
    info = register_range(driver, typed, "floatrange", cur)
    assert typed.execute("select '[1,2)'::floatrange").fetchone() == ("[1,2)",)
    value = ranges(driver).Range(1.0, 2.0)
    assert cur.execute("select '[1,2)'::floatrange").fetchone() == (value,)
    assert cur.adapters.types.get_by_subtype(ranges(driver).RangeInfo, "float8") is info
    assert typed.adapters.types.get_by_subtype(ranges(driver).RangeInfo, "float8") is None
    form = part(driver, "pq").Format
    found = [cur.adapters.get_loader(info.oid, f) for f in form]
    assert [cls.subtype_oid for cls in found] == [701, 701]
    assert [cls.__name__ for cls in found] == ["FloatrangeLoader", "FloatrangeBinaryLoader"]


def test_no_info(driver: ModuleType, conn: Any) -> None:
    with pytest.raises(TypeError, match=r"no info passed\. Is the requested range available\?"):
        ranges(driver).register_range(None, conn)
    with pytest.raises(TypeError, match=r"no info passed\. Is the requested multirange available\?"):
        part(driver, "types.multirange").register_multirange(None, conn)


def test_range_of_the_users_own_class(typed: Any, driver: ModuleType) -> None:
    module = ranges(driver)
    info = register_range(driver, typed, "floatrange")
    own = made(module.Range, "FloatRange")
    for base in (module.RangeDumper, module.RangeBinaryDumper):
        typed.adapters.register_dumper(own, made(base, oid=info.oid, subtype_oid=701))
    for placeholder in PLACEHOLDERS:
        row = typed.execute(f"select {placeholder}, pg_typeof({placeholder})::text", (own(1.5, 2), own())).fetchone()
        assert row == (module.Range(1.5, 2.0), "floatrange")


def test_multirange_of_the_users_own_class(typed: Any, driver: ModuleType) -> None:
    module, rng = part(driver, "types.multirange"), ranges(driver).Range
    register_range(driver, typed, "floatrange")
    info = register_multirange(driver, typed, "floatmultirange")
    own = made(module.Multirange, "FloatMultirange")
    typed.adapters.register_dumper(own, made(module.MultirangeDumper, oid=info.oid, subtype_oid=701))
    row = typed.execute("select %s, pg_typeof(%s)::text", (own([rng(1.5, 2)]), own())).fetchone()
    assert row == (module.Multirange([rng(1.5, 2.0)]), "floatmultirange")


def test_wrappers_of_built_in_ranges(conn: Any, driver: ModuleType) -> None:
    module = ranges(driver)
    for name, kind, value in [
        ("Int4Range", "int4range", (1, 5)), ("Int8Range", "int8range", (1, 5)), ("NumericRange",
        "numrange", (1, Decimal(5))),
        ("DateRange", "daterange", (dt.date(2020, 1, 1), None)), ("TimestampRange",
        "tsrange", (dt.datetime(2020, 1, 1), None)),
        ("TimestamptzRange", "tstzrange", (dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc), None)),
    ]:  # fmt: skip
        made_ = getattr(module, name)(*value)
        for placeholder in PLACEHOLDERS:
            query = (
                f"select pg_typeof({placeholder})::text, pg_typeof({placeholder})::text, {placeholder} = {placeholder}"
            )
            assert conn.execute(query, (made_, [made_], made_, made_)).fetchone() == (kind, f"{kind}[]", True)


def test_loaders_of_the_bounds(typed: Any, driver: ModuleType) -> None:
    typed.adapters.register_loader("float8", loader(driver, lambda data: data.decode()))
    register_range(driver, typed, "floatrange")
    rng = ranges(driver).Range
    assert typed.execute("select '[1.5,)'::floatrange").fetchone() == (rng("1.5", None),)
    typed.adapters.register_loader("date", part(driver, "types.string").TextLoader)
    assert typed.execute("select '[2020-01-01,)'::daterange").fetchone() == (rng("2020-01-01", None),)


def test_domain_over_a_range(typed: Any, driver: ModuleType) -> None:
    rng = ranges(driver).Range
    assert typed.execute("select '[1,5)'::year, %s::year", (rng(1, 5),)).fetchone() == (rng(1, 5), rng(1, 5))


class TestArrays:
    """register_array."""

    def test_of_box(self, conn: Any) -> None:
        # The one built-in type with another delimiter.
        row = conn.execute("select '{(2,2),(1,1);(4,4),(3,3)}'::box[], '{}'::box[]").fetchone()
        assert row == (["(2,2),(1,1)", "(4,4),(3,3)"], [])
        assert conn.execute("select %s::box[]", (["(1,1),(0,0)"],)).fetchone() != ()

    def test_own_dumper_of_box(self, conn: Any, driver: ModuleType) -> None:
        class Box(str):
            __slots__ = ()

        conn.adapters.register_dumper(Box, dumper(driver, lambda v: v.encode(), oid=603))
        row = conn.execute(
            "select %s, pg_typeof(%s)::text", ([Box("(2,2),(1,1)"), None], [Box("(2,2),(1,1)")])
        ).fetchone()
        assert row == (["(2,2),(1,1)", None], "box[]")

    def test_of_a_new_type(self, typed: Any, driver: ModuleType) -> None:
        array, types = part(driver, "types.array"), part(driver, "types")
        info = types.TypeInfo.fetch(typed, "floatrange")
        assert typed.execute("select '{\"[1,2)\"}'::floatrange[]").fetchone() == ('{"[1,2)"}',)
        array.register_array(info, typed)
        assert typed.execute("select '{\"[1,2)\",NULL}'::floatrange[]").fetchone() == (["[1,2)", None],)
        assert typed.adapters.types.get("floatrange") is None
        form = part(driver, "pq").Format
        assert typed.adapters.get_loader(info.array_oid, form.TEXT).base_oid == info.oid
        assert typed.adapters.get_dumper_by_oid(info.array_oid, form.BINARY).element_oid == info.oid

    def test_type_without_array(self, driver: ModuleType, conn: Any) -> None:
        info = part(driver, "types").TypeInfo("lonely", 99999, 0)
        with pytest.raises(ValueError, match="doesn't describe an array"):
            part(driver, "types.array").register_array(info, conn)

    def test_loader_of_the_elements_registered_afterwards(self, conn: Any, driver: ModuleType) -> None:
        conn.adapters.register_loader("point", loader(driver, lambda data: tuple(map(float, data[1:-1].split(b",")))))
        assert conn.execute("select array['(1,2)'::point, null]").fetchone() == ([(1.0, 2.0), None],)

    def test_lower_bounds_and_dimensions(self, conn: Any) -> None:
        for binary in (False, True):
            row = conn.execute(
                "select '[2:3][-1:0]={{1,2},{3,NULL}}'::int8[], '{{{a}}}'::text[]", binary=binary
            ).fetchone()
            assert row == ([[1, 2], [3, None]], [[["a"]]])

    def test_malformed(self, driver: ModuleType) -> None:
        cls = made(part(driver, "types.array").ArrayLoader, base_oid=23)
        # psycopg's Python implementation lets what is cut short pass.
        cut = [b"", b"{1,2", b'{"1'] if driver.__name__ == "howdah" else []
        for data in [b"[0:1]{1}", b"[0:1", b"1}", b"{1}}", b"}", b"{1}x", *cut]:
            with pytest.raises(driver.DataError):
                cls(1007).load(data)
        assert cls(1007).load(b"{{1,2},{NULL,3}}") == [[1, 2], [None, 3]]

    def test_mixed_types_and_recursion(self, conn: Any, driver: ModuleType) -> None:
        recursive: list[Any] = [1]
        recursive.append(recursive)
        for wrong in ([1, "a"], [[1], ["a"]], recursive, [dt.date(2020, 1, 1), 1]):
            with pytest.raises(driver.DataError):
                conn.execute("select %s", (wrong,))


@pytest.mark.parametrize("kind", ["DateRange", "DateMultirange"])
@pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
def test_bounds_of_a_typed_range(conn: Any, driver: ModuleType, kind: str, placeholder: str) -> None:
    dates, ranges = part(driver, "types.datetime"), part(driver, "types.range")
    far = {dates.DateDumper: b"infinity", dates.DateBinaryDumper: b"\x7f\xff\xff\xff"}
    for base, infinity in far.items():
        dump = base.dump
        special = lambda self, day, dump=dump, infinity=infinity: infinity if day == dt.date.max else dump(self, day)
        conn.adapters.register_dumper(dt.date, made(base, dump=special))
    value = ranges.DateRange(dt.date(2020, 1, 1), dt.date.max)
    shown = "[2020-01-01,infinity)"
    if kind == "DateMultirange":
        value, shown = part(driver, "types.multirange").DateMultirange([value]), f"{{{shown}}}"
    assert conn.execute(f"select {placeholder}::text", (value,)).fetchone() == (shown,)
