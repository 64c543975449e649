"""JSON: functions of users, globally and in a context, given by a wrapper, and what they are called with."""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import in_subprocess, made, part
from support.doors import Door

WRAPPERS = ["Json", "Jsonb"]


PLACEHOLDERS = ["%s", "%t", "%b"]


decimals = functools.partial(json.loads, parse_float=Decimal)


def loads_marked(data: Any) -> Any:
    return ("mine", json.loads(data))


def dumps_sorted(obj: Any) -> str:
    return json.dumps(obj, sort_keys=True, separators=(",", ":"))


def module(driver: ModuleType) -> Any:
    return part(driver, "types.json")


@pytest.mark.parametrize("binary", [False, True])
async def test_loads_in_contexts(door: Door, binary: bool) -> None:
    conn = await door.connect()
    query = "select '[1.5]'::json, '[1.5]'::jsonb, array['2.5'::jsonb], array['2.5'::json], null::json"
    before, cur = conn.cursor(binary=binary), conn.cursor(binary=binary)
    module(door.module).set_json_loads(decimals, cur.wrapped if door.is_sync else cur)
    expected = ([Decimal("1.5")], [Decimal("1.5")], [Decimal("2.5")], [Decimal("2.5")], None)
    for _ in range(7):
        await cur.execute(query)
        found = await cur.fetchone()
        assert found == expected
        assert type(found[0][0]) is type(found[2][0]) is Decimal
    await before.execute(query)
    assert [type(v) for v in (await before.fetchone())[2]] == [float]
    module(door.module).set_json_loads(loads_marked, conn.wrapped if door.is_sync else conn)
    cur = await conn.execute(query, binary=binary)
    assert (await cur.fetchone())[:2] == (("mine", [1.5]), ("mine", [1.5]))


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_dumps_in_contexts(conn: Any, driver: ModuleType, wrapper: str) -> None:
    wrap = getattr(module(driver), wrapper)
    value = wrap({"b": 1, "a": 2})
    cur, other = conn.cursor(), conn.cursor()
    module(driver).set_json_dumps(dumps_sorted, cur)
    for placeholder in PLACEHOLDERS:
        query = f"select {placeholder}::json::text, pg_typeof({placeholder})::text"
        kind = wrapper.lower()
        text = '{"a":2,"b":1}' if kind == "json" else '{"a": 2, "b": 1}'
        assert cur.execute(query, (value, value)).fetchone() == (text, kind)
        assert other.execute(query, (value, value)).fetchone()[1] == kind
        assert cur.execute(f"select {placeholder}", ([value, None],)).fetchone() == ([{"a": 2, "b": 1}, None],)
    assert other.execute("select %s::json::text", (module(driver).Json({"b": 1, "a": 2}),)).fetchone() == (
        '{"b": 1, "a": 2}',
    )


def test_what_the_functions_may_give(conn: Any, driver: ModuleType) -> None:
    json_, jsonb = module(driver).Json, module(driver).Jsonb
    for result in ("[1]", b"[1]", bytearray(b"[1]"), '["\u00e9"]'):
        for wrapper in (json_, jsonb):
            for placeholder in PLACEHOLDERS:
                row = conn.execute(f"select {placeholder}", (wrapper("x", dumps=lambda obj, r=result: r),)).fetchone()
                assert row in [([1],), (["é"],)]
    module(driver).set_json_dumps(lambda obj: b'"bytes"', conn)
    assert conn.execute("select %s, %s", (json_(1), [jsonb(2)])).fetchone() == ("bytes", ["bytes"])


def test_dumps_of_the_wrapper_comes_first(conn: Any, driver: ModuleType) -> None:
    module(driver).set_json_dumps(lambda obj: '"connection"', conn)
    for wrapper in WRAPPERS:
        wrap = getattr(module(driver), wrapper)
        values = (wrap(1), wrap(1, dumps=lambda obj: '"own"'), wrap(2, lambda obj: json.dumps([obj])))
        assert conn.execute("select %s, %s, %s", values).fetchone() == ("connection", "own", [2])


def test_what_loads_is_given(conn: Any, driver: ModuleType) -> None:
    seen: list[Any] = []

    def loads(data: Any) -> Any:
        seen.append(data)
        return len(data)

    module(driver).set_json_loads(loads, conn)
    for binary in (False, True):
        row = conn.execute("""select '{"é": 1}'::json, '[1]'::jsonb""", binary=binary).fetchone()
        assert row == (9, 3)
    assert {type(data) for data in seen} == {bytes}
    assert set(seen) == {'{"é": 1}'.encode(), b"[1]"}


class Oops(Exception):
    """An error of the user's own."""


def test_errors_pass_through(conn: Any, driver: ModuleType) -> None:
    def fail(value: Any) -> Any:
        raise Oops

    conn.autocommit = True
    module(driver).set_json_loads(fail, conn)
    module(driver).set_json_dumps(fail, conn)
    for binary in (False, True):
        for column in ("'1'::json", "'1'::jsonb", "array['1'::jsonb]"):
            with pytest.raises(Oops):
                conn.execute(f"select {column}", binary=binary).fetchone()
    for placeholder in PLACEHOLDERS:
        for value in (module(driver).Json(1), [module(driver).Jsonb(1)], module(driver).Json(1, dumps=fail)):
            with pytest.raises(Oops):
                conn.execute(f"select {placeholder}", (value,))
    assert conn.execute("select 1").fetchone() == (1,)
    with pytest.raises(TypeError, match="not JSON serializable"):
        conn.execute("select %s", (module(driver).Json(object(), dumps=json.dumps),))


@pytest.mark.parametrize("wrong", [5, ["x"], 1.5])
def test_results_of_dumps_that_are_refused(conn: Any, driver: ModuleType, wrong: Any) -> None:
    for placeholder in ("%t", "%b"):
        with pytest.raises((TypeError, driver.Error)):
            conn.execute(f"select {placeholder}", (module(driver).Jsonb(1, dumps=lambda obj: wrong),))
        conn.rollback()


def test_nan_and_large_numbers(conn: Any, driver: ModuleType) -> None:
    with pytest.raises(driver.errors.InvalidTextRepresentation):
        conn.execute("select %s", (module(driver).Jsonb(float("nan")),))
    conn.rollback()
    value = [10**30, 1e300, -0.0, "\ud83d\udc18".encode("utf-16", "surrogatepass").decode("utf-16")]
    assert conn.execute("select %s", (module(driver).Json(value),)).fetchone() == (value,)


def test_classes_that_are_made(conn: Any, driver: ModuleType) -> None:
    formats, form = part(driver, "adapt").PyFormat, part(driver, "pq").Format
    module(driver).set_json_dumps(dumps_sorted, conn)
    module(driver).set_json_loads(loads_marked, conn)
    first = [conn.adapters.get_dumper(getattr(module(driver), w), f) for w in WRAPPERS for f in formats]
    loaders = [conn.adapters.get_loader(oid, f) for oid in (114, 3802) for f in form]
    module(driver).set_json_dumps(dumps_sorted, conn)
    module(driver).set_json_loads(loads_marked, conn)
    assert [conn.adapters.get_loader(oid, f) for oid in (114, 3802) for f in form] == loaders
    assert all(cls.__name__.startswith("CustomJson") for cls in [*first, *loaders])
    assert issubclass(loaders[0], module(driver).JsonLoader)
    factor = 2
    module(driver).set_json_loads(lambda data: json.loads(data) * factor, conn)
    assert conn.execute("select '[1]'::jsonb").fetchone() == ([1, 1],)


def test_wrappers(driver: ModuleType) -> None:
    for name in WRAPPERS:
        wrap = getattr(module(driver), name)
        value = wrap({"a": 1}, dumps_sorted)
        assert (value.obj, value.dumps, wrap(1).dumps) == ({"a": 1}, dumps_sorted, None)
        assert repr(value) == f"{name}({{'a': 1}})"
        assert repr(wrap("x" * 100)) == f"{name}('{'x' * 34} ... (102 chars))"
        assert wrap("x" * 38).__repr__() == f"{name}('{'x' * 38}')"
        with pytest.raises(AttributeError):
            value.other = 1
        own = made(wrap)
        assert own(1).obj == 1


def test_subclasses_of_wrappers(conn: Any, driver: ModuleType) -> None:
    own = made(module(driver).Jsonb)
    assert conn.execute("select %s, pg_typeof(%s)::text, %s", (own([1]), own(1), [own(2)])).fetchone() == (
        [1],
        "jsonb",
        [2],
    )


GLOBAL = """
import json, DRIVER
from decimal import Decimal
from DRIVER.types.json import Json, Jsonb, JsonbDumper, set_json_dumps, set_json_loads
old = DRIVER.connect(DSN)
cur = old.execute("select '[1.5]'::jsonb")
set_json_loads(lambda data: json.loads(data, parse_float=Decimal))
set_json_dumps(lambda obj: json.dumps(obj, default=str))
query = "select '[1.5]'::jsonb, '1.5'::json, %s, array['2.5'::jsonb]"
with DRIVER.connect(DSN) as conn:
    print(conn.execute(query, (Jsonb({"a": Decimal("1")}),)).fetchone())
    print(conn.execute(query, (Json(Ellipsis),), binary=True).fetchone())
    print(conn.execute("select %s", ([Jsonb(Ellipsis)],)).fetchone())
    print(conn.execute("select %b", (Jsonb(Decimal("5")),)).fetchone())
print(old.execute("select '[1.5]'::jsonb").fetchone())
old.close()
"""


def test_globally(driver: ModuleType, dsn: str) -> None:
    row = "([Decimal('1.5')], Decimal('1.5'), {!r}, [Decimal('2.5')])"
    assert in_subprocess(driver, GLOBAL, dsn).splitlines() == [
        row.format({"a": "1"}), row.format("Ellipsis"), "(['Ellipsis'],)", "('5',)", "([Decimal('1.5')],)",
    ]  # fmt: skip


def test_jsonb_of_another_version(driver: ModuleType) -> None:
    found = module(driver).JsonbBinaryLoader(3802)
    assert found.load(b"\x01[1]") == [1]
    with pytest.raises(driver.DataError, match="unknown jsonb binary format: 2"):
        found.load(b"\x02[1]")


@pytest.mark.parametrize("encoding", ["latin1", "sql_ascii", "utf8"])
def test_client_encodings(conn: Any, driver: ModuleType, encoding: str) -> None:
    conn.execute(f"set client_encoding to {encoding}")
    for wrapper in WRAPPERS:
        value = getattr(module(driver), wrapper)({"k": "x"})
        assert conn.execute("select %s, %s", (value, [value])).fetchone() == ({"k": "x"}, [{"k": "x"}])
        escaped = getattr(module(driver), wrapper)("é\u65e5")
        assert conn.execute("""select %s = '"x"'""", (module(driver).Jsonb("x"),)).fetchone() == (True,)
        if encoding != "latin1":
            assert conn.execute("select %s", (escaped,)).fetchone() == ("é\u65e5",)


@pytest.mark.parametrize("name", ["Jsonb", "Json"])
def test_dumps_is_called_once_for_an_element(conn: Any, driver: ModuleType, name: str) -> None:
    module, calls = part(driver, "types.json"), []

    def dumps(value: Any) -> str:
        calls.append(value)
        return json.dumps(value)

    module.set_json_dumps(dumps, conn)
    conn.execute("select %s", ([getattr(module, name)(number) for number in (1, 2)],))
    assert calls == [1, 2]
