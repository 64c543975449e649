"""hstore: registered, sent and loaded in both formats."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import pytest

from support.adapting import loader, part
from support.doors import Door

PLACEHOLDERS = ["%s", "%t", "%b"]
VALUES: list[dict[str, str | None]] = [
    {}, {"a": "1"}, {"a": None, "b": ""}, {"": ""}, {'q"': 'b\\"', "c,": "=>", " ": "\n\t"}, {"NULL": "NULL",
    "null": None},
    {"é": "日本", "\U0001f418": "ö"}, {str(i): str(i) * i for i in range(100)}, {"k" * 70: "v" * 5000}, {"a'b": "{}()"},
]  # fmt: skip


@pytest.fixture
def typed(conn: Any, driver: ModuleType) -> Any:
    conn.execute("create extension if not exists hstore")
    conn.commit()
    register(driver, conn)
    return conn


def register(driver: ModuleType, conn: Any, context: Any = None) -> Any:
    info = part(driver, "types").TypeInfo.fetch(conn, "hstore")
    part(driver, "types.hstore").register_hstore(info, context or conn)
    return info


@pytest.mark.parametrize("value", VALUES, ids=lambda v: f"{len(v)}")
@pytest.mark.parametrize("binary", [False, True])
def test_round_trip(typed: Any, value: Any, binary: bool) -> None:
    for placeholder in PLACEHOLDERS:
        query = f"select {placeholder}, pg_typeof({placeholder})::text, {placeholder}, {placeholder}::text[]"
        row = typed.execute(query, (value, value, [value, None, {"x": None}], ["x"]), binary=binary).fetchone()
        assert row == (value, "hstore", [value, None, {"x": None}], ["x"])


async def test_both_doors(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create extension if not exists hstore")
    target = conn.wrapped if door.is_sync else conn
    info = part(door.module, "types").TypeInfo.fetch(target, "hstore")
    part(door.module, "types.hstore").register_hstore(info if door.is_sync else await info, target)
    for _ in range(8):
        cur = await conn.execute("select %s, 'a=>1,b=>NULL'::hstore, null::hstore", ({"x": "y"},))
        assert await cur.fetchone() == ({"x": "y"}, {"a": "1", "b": None}, None)


def test_what_the_server_makes(typed: Any) -> None:
    for binary in (False, True):
        row = typed.execute(
            """select hstore(array['b', 'a'], array['1', '2']), ''::hstore, 'a=>1'::hstore || 'a=>2',
            hstore(row(1, 'x'))""",
            binary=binary,
        ).fetchone()
        assert row == ({"a": "2", "b": "1"}, {}, {"a": "2"}, {"f1": "1", "f2": "x"})
    assert typed.execute("select %s -> 'a', %s ? 'b'", ({"a": "1"}, {"b": None})).fetchone() == ("1", True)


@pytest.mark.parametrize("wrong", [{1: "x"}, {"x": 1}, {None: "x"}, {b"x": "y"}, {"x": b"y"}, {"x": ["y"]}])
@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_wrong_keys_and_values(typed: Any, driver: ModuleType, wrong: Any, placeholder: str) -> None:
    with pytest.raises(driver.DataError if placeholder == "%t" else (driver.DataError, AttributeError, TypeError)):
        typed.execute(f"select {placeholder}", (wrong,))
    assert typed.execute("select 1").fetchone() == (1,)


def test_malformed_text(driver: ModuleType) -> None:
    found = part(driver, "types.hstore").HstoreLoader(1)
    assert found.load(b'"a"=>"1", "b"=>NULL') == {"a": "1", "b": None}
    for data in (b"a=>1", b'"a"=>', b'"a"=>"1" x', b'"a"=>"1", ,', b'"a"', b"=", b'"a"=>NULLx'):
        with pytest.raises(driver.DataError):
            found.load(data)


def test_malformed_binary(howdah: ModuleType) -> None:
    found = part(howdah, "types.hstore").HstoreBinaryLoader(1)
    good = b"\0\0\0\x01\0\0\0\x01a\0\0\0\x01b"
    assert found.load(good) == {"a": "b"}
    # psycopg lets a struct.error out.
    for data in (good[:i] for i in range(1, len(good))):
        with pytest.raises(howdah.DataError):
            found.load(data)
    with pytest.raises(howdah.DataError):
        found.load(b"\xff\xff\xff\xff" + good[4:])


def test_nested(typed: Any, driver: ModuleType) -> None:
    typed.execute("create type pg_temp.holder as (h hstore, hs hstore[])")
    composite = part(driver, "types.composite")
    info = composite.CompositeInfo.fetch(typed, "holder")
    composite.register_composite(info, typed)
    value = info.python_type({'a"': "1,\\"}, [{"b": None}, None, {}])
    for binary, placeholder in itertools.product([False, True], PLACEHOLDERS):
        row = typed.execute(f"select {placeholder}, {placeholder}", (value, [value]), binary=binary).fetchone()
        assert row == (value, [value])


def test_contexts_and_no_info(conn: Any, driver: ModuleType) -> None:
    conn.execute("create extension if not exists hstore")
    conn.commit()
    assert conn.execute("select 'a=>1'::hstore").fetchone() == ('"a"=>"1"',)
    cur = conn.cursor()
    register(driver, conn, cur)
    assert cur.execute("select 'a=>1'::hstore, %s", ({"b": None},)).fetchone() == ({"a": "1"}, {"b": None})
    assert conn.execute("select 'a=>1'::hstore").fetchone() == ('"a"=>"1"',)
    with pytest.raises(driver.ProgrammingError, match="cannot adapt type 'dict'"):
        conn.execute("select %s", ({},))
    with pytest.raises(TypeError, match=r"no info passed\. Is the 'hstore' extension loaded\?"):
        part(driver, "types.hstore").register_hstore(None, conn)


def test_classes_are_made_once(conn: Any, driver: ModuleType) -> None:
    conn.execute("create extension if not exists hstore")
    register(driver, conn)
    formats = part(driver, "adapt").PyFormat
    before = [conn.adapters.get_dumper(dict, f) for f in formats]
    register(driver, conn)
    assert [conn.adapters.get_dumper(dict, f) for f in formats] == before
    assert [cls.__name__ for cls in before] == ["HstoreBinaryDumper", "HstoreDumper", "HstoreBinaryDumper"]


def test_subclasses_of_dict_and_text_loaders(typed: Any, driver: ModuleType) -> None:
    class Dict(dict[str, str]):
        pass

    assert typed.execute("select %s, %t", (Dict(a="1"), Dict(b="2"))).fetchone() == ({"a": "1"}, {"b": "2"})
    typed.adapters.register_loader("text", loader(driver, lambda data: data.decode().upper()))
    assert typed.execute("select 'a=>b'::hstore").fetchone() == ({"A": "B"},)
