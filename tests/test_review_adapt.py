"""Adapters in the hands of a hostile reviewer: what holds locks, what is rounded, what is never freed."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import gc
import json
import struct
import warnings
import weakref
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import Thing, dumper, in_subprocess, loader, made, part

DATE, INT4, REGCLASS, FLOAT8 = 1082, 23, 2205, 701


class SubFloat(float):
    """A float that a program sends in its own way."""


class SubDate(dt.date):
    """A date that a program sends in its own way."""


@pytest.fixture
def composite(conn: Any, driver: ModuleType) -> Any:
    """A registered composite of an int4, an array of them and a float8."""
    conn.execute("create type pg_temp.rounded as (a int4, b int4[], c float8)")
    info = part(driver, "types.composite").CompositeInfo.fetch(conn, "rounded")
    part(driver, "types.composite").register_composite(info, conn)
    return info.python_type


# What is sent.


@pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
def test_none_beside_a_dumper_for_another_class(conn: Any, driver: ModuleType, placeholder: str) -> None:
    conn.adapters.register_dumper(Thing, dumper(driver, lambda value: b"1"))
    assert conn.execute(f"select {placeholder}::int4", (None,)).fetchone() == (None,)


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


@pytest.mark.parametrize(
    "name", ["Int2Dumper", "Int4Dumper", "Int4BinaryDumper", "IntNumericDumper", "OidBinaryDumper"]
)
def test_dumper_of_integers_for_a_float(conn: Any, driver: ModuleType, name: str) -> None:
    conn.adapters.register_dumper(SubFloat, getattr(part(driver, "types.numeric"), name))
    with pytest.raises((TypeError, AttributeError, struct.error, driver.DataError)):
        conn.execute("select %s", (SubFloat(1.9),))


@pytest.mark.parametrize(
    ("name", "oid", "width"),
    [("Int4BinaryDumper", REGCLASS, 4), ("OidBinaryDumper", REGCLASS, 4), ("Int2BinaryDumper", 0, 2)],
)
def test_width_of_a_subclass_with_another_type(driver: ModuleType, name: str, oid: int, width: int) -> None:
    derived = made(getattr(part(driver, "types.numeric"), name), oid=oid)
    assert len(derived(int).dump(5)) == width


def test_regclass_in_binary(conn: Any, driver: ModuleType) -> None:
    derived = made(part(driver, "types.numeric").OidBinaryDumper, oid=REGCLASS)
    conn.adapters.register_dumper(Thing, made(derived, dump=lambda self, thing: derived.dump(self, thing.value)))
    assert conn.execute("select %s::text", (Thing(1259),)).fetchone() == ("pg_class",)


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


@pytest.mark.parametrize("name", ["Jsonb", "Json"])
def test_dumps_is_called_once_for_an_element(conn: Any, driver: ModuleType, name: str) -> None:
    module, calls = part(driver, "types.json"), []

    def dumps(value: Any) -> str:
        calls.append(value)
        return json.dumps(value)

    module.set_json_dumps(dumps, conn)
    conn.execute("select %s", ([getattr(module, name)(number) for number in (1, 2)],))
    assert calls == [1, 2]


def test_executemany_makes_a_dumper_once(conn: Any, driver: ModuleType) -> None:
    made_ = []

    def init(self: Any, *args: Any) -> None:
        made_.append(self)
        part(driver, "adapt").Dumper.__init__(self, *args)

    conn.adapters.register_dumper(Thing, dumper(driver, lambda value: b"1", __init__=init))
    conn.cursor().executemany("select %s", [(Thing(number),) for number in range(20)])
    assert len(made_) == 1


@pytest.mark.parametrize("text", ["Nobody", "sold"])
def test_dumper_of_decimals_for_something_else(howdah: ModuleType, dsn: str, text: str) -> None:
    shown = made(Thing, __str__=lambda self: text)
    for name in ("DecimalDumper", "DecimalBinaryDumper"):
        with howdah.connect(dsn) as conn:
            conn.adapters.register_dumper(shown, getattr(part(howdah, "types.numeric"), name))
            with pytest.raises((howdah.DataError, TypeError, AttributeError)):
                conn.execute("select %s::text", (shown(1),))


@pytest.mark.parametrize("named", [False, True])
def test_dumper_that_takes_parameters_away(howdah: ModuleType, dsn: str, named: bool) -> None:
    # The server is not to be asked to notice it.
    with howdah.connect(dsn, autocommit=True) as conn:
        params: Any = {"a": Thing(1), "b": 2} if named else [Thing(1), 2]
        conn.adapters.register_dumper(Thing, dumper(howdah, lambda value: params.clear() or b"1"))
        with pytest.raises(howdah.ProgrammingError) as raised:
            conn.execute("select %(a)s::int, %(b)s::int" if named else "select %s::int, %s::int", params)
        assert raised.value.sqlstate is None


# What is loaded.


def as_marked(driver: ModuleType) -> Any:
    return loader(driver, lambda data: f"loaded {data.decode()}")


def test_loader_registered_by_a_dumper(conn: Any, driver: ModuleType) -> None:
    query = "select 1::int4, %s::text"

    def dump(value: Thing) -> bytes:
        cur.adapters.register_loader("int4", as_marked(driver))
        return b"x"

    conn.adapters.register_dumper(Thing, dumper(driver, dump))
    cur = conn.cursor()
    for _ in range(3):
        cur.execute(query, ("x",), prepare=True)
    assert cur.execute(query, (Thing(1),), prepare=True).fetchone() == ("loaded 1", "x")


def test_loader_registered_while_a_query_runs(driver: ModuleType, dsn: str) -> None:
    async def run() -> Any:
        conn = await driver.AsyncConnection.connect(dsn, autocommit=True)
        cur, query = conn.cursor(), "select 1::int4, pg_sleep(0.2)::text"
        for _ in range(3):
            await cur.execute(query, prepare=True)
        running = asyncio.create_task(_awaited(cur.execute(query, prepare=True)))
        await asyncio.sleep(0.05)
        cur.adapters.register_loader("int4", as_marked(driver))
        await running
        row = await cur.fetchone()
        await conn.close()
        return row

    assert asyncio.run(run()) == ("loaded 1", "")


async def _awaited(operation: Any) -> Any:
    return await operation


# Locks: none may be held while code of the program runs.

WATCHED = """
import atexit, faulthandler, threading, time
faulthandler.dump_traceback_later(20, exit=True)
import DRIVER
from DRIVER.adapt import Dumper, Loader
conn = DRIVER.connect(DSN, autocommit=True)
atexit.register(conn.close)
"""

LOADER_WITH_FINALIZER = """
class AsInt(Loader):
    def load(self, data):
        return int(bytes(data))
    def __del__(self):
        FINALIZER
conn.adapters.register_loader("int4", AsInt)
cur = conn.cursor()
"""


@pytest.mark.parametrize(
    "use",
    [
        "cur.execute('select 1'); cur.execute('select 2')",
        "cur.execute('select 1; select 2'); cur.nextset()",
        "cur.execute('select 1'); cur.close()",
        "cur.executemany('select %s::int4', [(1,), (2,)], returning=True); cur.nextset()",
    ],
)
def test_finalizer_of_a_loader_uses_the_cursor(driver: ModuleType, dsn: str, use: str) -> None:
    code = WATCHED + LOADER_WITH_FINALIZER.replace("FINALIZER", "cur.rowcount") + use + "\nprint('done')"
    assert in_subprocess(driver, code, dsn) == "done\n"


def test_finalizer_of_a_loader_lets_another_thread_run(driver: ModuleType, dsn: str) -> None:
    code = WATCHED + LOADER_WITH_FINALIZER.replace("FINALIZER", "time.sleep(0.01)")
    code += """
stop = threading.Event()
def look():
    while not stop.is_set():
        cur.rowcount
thread = threading.Thread(target=look)
thread.start()
for _ in range(30):
    cur.execute("select 1").fetchall()
stop.set()
thread.join()
print("done")
"""
    assert in_subprocess(driver, code, dsn) == "done\n"


def test_hash_of_an_oid_uses_the_map(driver: ModuleType, dsn: str) -> None:
    code = (
        WATCHED
        + """
class Number(int):
    def __hash__(self):
        conn.adapters.get_loader(20, 0)
        return int(self)
class AsInt(Loader):
    def load(self, data):
        return int(bytes(data))
conn.adapters.register_loader(Number(23), AsInt)
print("done")
"""
    )
    assert in_subprocess(driver, code, dsn) == "done\n"


def test_finalizer_called_while_adapters_are_registered(driver: ModuleType, dsn: str) -> None:
    # Before CPython 3.12 whatever allocates may have the collector run.
    code = (
        WATCHED
        + """
import gc
class AsInt(Loader):
    def load(self, data):
        return int(bytes(data))
class Looking:
    def __del__(self):
        conn.adapters.get_loader(23, 0)
kept = []
for number in range(200):
    gc.collect()
    gc.disable()
    shared = DRIVER.adapt.AdaptersMap(conn.adapters)
    garbage = Looking()
    garbage.itself = garbage
    del garbage
    kept.extend({} for _ in range(200))
    gc.set_threshold(gc.get_count()[0] + number % 12 + 1)
    gc.enable()
    conn.adapters.register_loader(23, AsInt)
    gc.disable()
    gc.set_threshold(700)
print("done")
"""
    )
    assert in_subprocess(driver, code, dsn) == "done\n"


# Memory.


def freed(make: Any) -> bool:
    """Whether what `make` makes is gone when nothing but its own cycles holds it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        made_ = weakref.ref(make())
        gc.collect()
    left = made_()
    if left is not None:
        left.close()
    return left is None


@pytest.mark.parametrize("place", ["cursor", "value"])
def test_connection_with_a_loader_is_collected(driver: ModuleType, dsn: str, place: str) -> None:
    def make() -> Any:
        conn = made(driver.Connection).connect(dsn)
        keeping = loader(driver, int) if place == "cursor" else made(loader(driver, int), load=lambda self, data: self)
        conn.adapters.register_loader("int4", keeping)
        cur = conn.cursor()
        row = cur.execute("select 1").fetchone()
        if place == "cursor":
            conn.cur = cur
        else:
            row[0].cur = cur
        return conn

    assert freed(make)


@pytest.mark.parametrize("with_cursor", [False, True])
def test_connection_that_its_adapters_refer_to_is_collected(howdah: ModuleType, dsn: str, with_cursor: bool) -> None:
    # psycopg leaks it.
    def make() -> Any:
        conn = made(howdah.Connection).connect(dsn)
        conn.adapters.register_dumper(Thing, dumper(howdah, lambda value: conn and b"1"))
        if with_cursor:
            conn.cur = conn.cursor()
        return conn

    assert freed(make)


def test_composite_fetched_and_registered_many_times(howdah: ModuleType, dsn: str) -> None:
    # psycopg keeps four classes for each time.
    composites = part(howdah, "types.composite")
    with howdah.connect(dsn) as conn:
        conn.execute("create type pg_temp.many as (a int4)")

        def register(times: int) -> int:
            for _ in range(times):
                composites.register_composite(composites.CompositeInfo.fetch(conn, "many"), conn)
            gc.collect()
            return len(gc.get_objects())

        before = register(10)
        assert register(100) - before < 500


# Copies.


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_of_adapters(driver: ModuleType, copied: Any) -> None:
    numbers = part(driver, "types.numeric")
    assert copied(numbers.IntLoader(INT4)).load(b"5") == 5
    assert bytes(copied(numbers.Int4Dumper(int)).dump(5)) == b"5"
    assert copied(part(driver, "types.json").JsonDumper(dict)).oid == 114


def test_copy_of_a_map(driver: ModuleType) -> None:
    copied = copy.copy(driver.adapters)
    text = part(driver, "pq").Format.TEXT
    assert copied.get_loader(INT4, text) is driver.adapters.get_loader(INT4, text)
