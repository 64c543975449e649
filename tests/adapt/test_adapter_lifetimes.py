"""Adapters that are freed, collected and copied, while others use what they belong to."""

from __future__ import annotations

import copy
import gc
import warnings
import weakref
from types import ModuleType
from typing import Any

import psutil
import pytest

from support.adapting import Thing, dumper, in_subprocess, loader, made, part
from support.doors import Door

# No lock may be held while code of the program runs.

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


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_of_adapters(driver: ModuleType, copied: Any) -> None:
    numbers = part(driver, "types.numeric")
    assert copied(numbers.IntLoader(23)).load(b"5") == 5
    assert bytes(copied(numbers.Int4Dumper(int)).dump(5)) == b"5"
    assert copied(part(driver, "types.json").JsonDumper(dict)).oid == 114


def test_copy_of_a_map(driver: ModuleType) -> None:
    copied = copy.copy(driver.adapters)
    text = part(driver, "pq").Format.TEXT
    assert copied.get_loader(23, text) is driver.adapters.get_loader(23, text)


@pytest.mark.doors("sync", "asyncio")
async def test_no_memory_is_lost(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    types_, process = part(door.module, "types"), psutil.Process()
    text = part(door.module, "types.string").TextLoader
    as_text = dumper(door.module, lambda value: b"x", oid=25)

    async def use(times: int) -> None:
        for _ in range(times):
            cur = conn.cursor()
            cur.adapters.register_loader("int4", text)
            cur.adapters.register_dumper(Thing, as_text)
            types_.TypeInfo("mine", 99990, 99991).register(cur.wrapped if door.is_sync else cur)
            await cur.execute("select %s, %s, array[1], 5", (Thing(1), [Thing(2)]))
            assert await cur.fetchall() == [("x", ["x"], ["1"], "5")]

    await use(300)
    gc.collect()
    before = process.memory_info().rss
    await use(1500)
    gc.collect()
    assert process.memory_info().rss - before < 4_000_000
