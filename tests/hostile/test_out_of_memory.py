"""Memory that cannot be had: an exception comes of it, the process lives, and the connection goes on where it can.

Each case runs in a process of its own, forked when everything has been imported, whose address space is limited then.
"""

from __future__ import annotations

import importlib
import os
import resource
import struct
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "python")]

from support.doors import Door, run_on_loop  # noqa: E402
from support.hostile import HostileServer, Peer, complete, data_row, ready, row_description  # noqa: E402

pytestmark = [
    pytest.mark.limit(320),
    pytest.mark.skipif(sys.platform != "linux", reason="how much is in use is read from /proc"),
]
MIB = 1024 * 1024
TEXT, INT4 = 25, 23

Case = Callable[[Any], Awaitable[None]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


@contextmanager
def limited(more: int) -> Iterator[None]:
    """No more memory than there is in use, and so many bytes."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (in_use + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


async def raises(awaitable: Awaitable[Any], expected: type[BaseException] = MemoryError) -> BaseException:
    try:
        await awaitable
    except expected as ex:
        return ex
    raise AssertionError("nothing was raised")


async def goes_on(conn: Any) -> None:
    """The connection is usable, and idle."""
    assert not conn.closed
    assert await (await conn.execute("select 41 + %s, 'é'", (1,))).fetchone() == (42, "é")
    await conn.rollback()


RESULTS = {
    "a large text": "select repeat('x', 40 * 1024 * 1024)",
    "a large text among others": "select n, repeat('x', n * 1000) from (values (1), (30000), (2)) v (n)",
    "large rows": "select repeat('x', 1000000) from generate_series(1, 40)",
    "rows": "select repeat('x', 1000) from generate_series(1, 40000)",
    "small rows": "select i from generate_series(1, 800000) i",
    "empty rows": "select from generate_series(1, 1500000)",
    "bytea": "select decode(repeat('00', 30 * 1024 * 1024), 'hex')",
    "two statements": "select 1; select repeat('x', 40 * 1024 * 1024); select 2",
}


def results_case(name: str, query: str, **options: Any) -> None:
    async def run(conn: Any) -> None:
        with limited(12 * MIB):
            for _ in range(2):
                await raises(conn.execute(query, **options))
                await goes_on(conn)

    CASES[f"result of {name}{options or ''}"] = run


for _name, _query in RESULTS.items():
    results_case(_name, _query)
    if ";" not in _query:
        results_case(_name, _query, binary=True)
        results_case(_name, _query, prepare=True)


VALUES = {
    "text": "select repeat('x', 12 * 1024 * 1024)",
    "bytea": "select decode(repeat('00', 10 * 1024 * 1024), 'hex')",
    "an array of ints": "select array_agg(i) from generate_series(1, 400000) i",
    "an array of bigints": "select array_agg(i + 10000000000) from generate_series(1, 300000) i",
    "an array of texts": "select array_agg(i || 'a b') from generate_series(1, 200000) i",
    "an array of nulls": "select array_agg(null::text) from generate_series(1, 1000000) i",
    "an array of floats": "select array_agg(i + 0.5::float8) from generate_series(1, 300000) i",
    "an array of numerics": "select array_agg(i + 0.5) from generate_series(1, 100000) i",
    "an array of uuids": "select array_agg(gen_random_uuid()) from generate_series(1, 100000) i",
    "an array of timestamps": "select array_agg(now() + i * interval '1s') from generate_series(1, 200000) i",
    "json": "select json_agg(i) from generate_series(100000, 500000) i",
    "json with objects": "select json_agg(json_build_object('a', i + 0.5)) from generate_series(1, 60000) i",
    "json with a string": "select to_json(repeat('\\\"', 4 * 1024 * 1024))",
    "jsonb": "select jsonb_agg(i::text) from generate_series(1, 200000) i",
    "a record": "select row(repeat('x y', 4 * 1024 * 1024))",
    "a record with quotes": "select row(repeat('\\\"', 4 * 1024 * 1024))",
    "an array with quotes": "select array[repeat('\\\"', 4 * 1024 * 1024)]",
    "a multirange": "select range_agg(int8range(i * 2, i * 2 + 1)) from generate_series(1, 40000) i",
    "numerics of many digits": "select array_agg(1e1000 + i) from generate_series(1, 20000) i",
}


def value_case(name: str, query: str, binary: bool) -> None:
    async def run(conn: Any) -> None:
        cur = await conn.execute(query, binary=binary)
        await cur.fetchone()
        await cur.scroll(0, mode="absolute")
        for spare in (2, 6):
            with limited(spare * MIB):
                await raises(kept(cur))
                await cur.scroll(0, mode="absolute")
        assert len(str(await cur.fetchone())) > 1000
        await goes_on(conn)

    CASES[f"value of {name}{' in binary' if binary else ''}"] = run


async def kept(cur: Any) -> Any:
    """The row, again and again."""
    rows = []
    for _ in range(8):
        rows.append(await cur.fetchone())
        await cur.scroll(0, mode="absolute")
    return rows


for _name, _query in VALUES.items():
    value_case(_name, _query, False)
    value_case(_name, _query, True)


@case
async def rows_that_fit_and_objects_that_do_not(conn: Any) -> None:
    cur = await conn.execute("select i, i + 0.5::float8, gen_random_uuid() from generate_series(1, 60000) i")
    with limited(6 * MIB):
        await raises(cur.fetchall())
        assert (await cur.fetchone())[0] == 1
        await raises(cur.fetchmany(59_999))
        await goes_on(conn)
    assert len(await cur.fetchall()) == 59_999


def parameters() -> dict[str, Any]:
    numeric = importlib.import_module("howdah.types.numeric")
    ranges = importlib.import_module("howdah.types.range")
    wrapper = importlib.import_module("howdah.types.json").Jsonb
    multi = importlib.import_module("howdah.types.multirange").Multirange
    return {
        "text": "x" * (8 * MIB),
        "text with quotes in a list": ['"\\' * (3 * MIB)],
        "bytes": b"x" * (8 * MIB),
        "a bytearray": bytearray(8 * MIB),
        "a memoryview": memoryview(bytearray(8 * MIB)),
        "ints": list(range(10**9, 10**9 + 800_000)),
        "big ints": [10**30] * 300_000,
        "ints of a class": [numeric.Int8(10**12)] * 700_000,
        "nones": [None] * 1_500_000,
        "texts": ["abcdefgh"] * 700_000,
        "floats": [0.123456789] * 700_000,
        "decimals": [Decimal("0.123456789")] * 700_000,
        "lists": [[]] * 2_000_000,
        "a tuple": (None,) * 5_000_000,
        "a tuple of texts": ("abcdefgh",) * 700_000,
        "a list of bytes": [b"abc"] * 700_000,
        "a range": ranges.Range("(" * (4 * MIB), None),
        "a multirange": multi([ranges.Range(1, 2)] * 300_000),
        "json": wrapper(["abc"] * 700_000),
    }


def parameter_case(name: str, placeholder: str) -> None:
    async def run(conn: Any) -> None:
        value = parameters()[name]
        with limited(4 * MIB):
            await raises(conn.execute(f"select {placeholder}", (value,)))
            assert conn.info.transaction_status.name == "IDLE"
            if placeholder == "%s":
                await raises(conn.execute("select %(v)s", {"v": value}))
                await raises(conn.cursor().executemany("select %s", [(1,), (value,)]))
            await goes_on(conn)

    CASES[f"parameter of {name} as {placeholder}"] = run


for _name in (
    "text", "text with quotes in a list", "bytes", "a bytearray", "a memoryview", "ints", "big ints", "ints of a class",
    "nones", "texts", "floats", "decimals", "lists", "a tuple", "a tuple of texts", "a list of bytes", "a range",
    "a multirange", "json",
):  # fmt: skip
    for _placeholder in ("%s", "%t", "%b"):
        # Some have no binary form.
        if _placeholder != "%b" or _name not in ("a tuple", "a tuple of texts", "lists", "a range"):
            parameter_case(_name, _placeholder)


@case
async def streams(conn: Any) -> None:
    """Rows that are taken as they come need little memory; one that is too large ends the stream alone."""
    query = "select i, repeat('x', case i when 50000 then 40000000 else 1000 end) from generate_series(1, 50001) i"
    seen = 0
    cur = conn.cursor()
    rows = cur.stream(query)
    with limited(16 * MIB):
        try:
            if hasattr(rows, "__anext__"):
                async for row in rows:
                    seen = row[0]
            else:
                for row in rows:
                    seen = row[0]
        except MemoryError:
            pass
        else:
            raise AssertionError("nothing was raised")
        assert 0 < seen < 50000, seen
        await goes_on(conn)


@case
async def results_of_executemany(conn: Any) -> None:
    cur = conn.cursor()
    sizes = [(10,), (40_000_000,), (10,)]
    with limited(12 * MIB):
        await raises(cur.executemany("select repeat('x', %s::int)", sizes, returning=True))
        await goes_on(conn)


@case
async def results_in_a_pipeline(conn: Any) -> None:
    """The one result that there is no memory for is an error; the others are there."""
    face = conn.wrapped if hasattr(conn, "wrapped") else conn
    with limited(12 * MIB):
        pipeline = face.pipeline()
        enter, leave = ("__enter__", "__exit__") if hasattr(pipeline, "__enter__") else ("__aenter__", "__aexit__")
        entered = getattr(pipeline, enter)()
        if hasattr(entered, "__await__"):
            await entered
        cursors = [await conn.execute("select repeat('x', %s::int)", (size,)) for size in (10, 40_000_000, 10)]
        assert len((await cursors[0].fetchone())[0]) == 10
        await raises(cursors[1].fetchone())
        assert len((await cursors[2].fetchone())[0]) == 10
        left = getattr(pipeline, leave)(None, None, None)
        if hasattr(left, "__await__"):
            await left
        await goes_on(conn)


@case
async def many_parameters(conn: Any) -> None:
    count = 60_000
    query, params = "select " + ",".join(["%s"] * count), ["x" * 1000] * count
    with limited(24 * MIB):
        await raises(conn.execute(query, params))
        await goes_on(conn)


def query_case(name: str, make: Callable[[], tuple[Any, ...]], **options: Any) -> None:
    async def run(conn: Any) -> None:
        args = make()
        with limited(8 * MIB):
            await raises(conn.execute(*args, **options))
            assert conn.info.transaction_status.name == "IDLE"
            await goes_on(conn)

    CASES[f"query of {name}{options or ''}"] = run


query_case("text", lambda: ("select 1 --" + "x" * (20 * MIB),))
query_case("text", lambda: ("select 1 --" + "x" * (12 * MIB),), prepare=True)
query_case("text with parameters", lambda: ("select %s --" + "x" * (12 * MIB), (1,)))
query_case("bytes", lambda: (b"select 1 --" + b"x" * (12 * MIB),))
query_case("bytes with parameters", lambda: (b"select %s --" + b"x" * (12 * MIB), (1,)))
query_case("placeholders", lambda: ("select " + "%s," * (4 * MIB), (1,)))
query_case("names", lambda: ("select " + "".join(f"%(n{n})s," for n in range(200_000)), {"n": 1}))


@case
async def literals(conn: Any) -> None:
    cur = conn.cursor()
    transformer = importlib.import_module("howdah.adapt").Transformer(cur.wrapped if hasattr(cur, "wrapped") else cur)
    for value in ("\\'" * (6 * MIB), b"\0" * (6 * MIB), ["'" * (6 * MIB)]):
        with limited(6 * MIB):
            try:
                transformer.as_literal(value)
            except MemoryError:
                pass
            else:
                raise AssertionError("nothing was raised")
    await goes_on(conn)


@case
async def other_encodings(conn: Any) -> None:
    await conn.execute("set client_encoding to 'latin1'")
    text = "é" * (12 * MIB)
    for value in (text, [text], (text,)):
        with limited(8 * MIB):
            await raises(conn.execute("select %s::text", (value,)))
    await conn.rollback()
    await conn.execute("set client_encoding to 'latin1'")
    cur = await conn.execute("select repeat('é', 6 * 1024 * 1024), array[repeat('é', 6 * 1024 * 1024)]")
    with limited(6 * MIB):
        await raises(kept(cur))
    await conn.rollback()
    await goes_on(conn)


@case
async def hstore(conn: Any) -> None:
    module = importlib.import_module("howdah.types.hstore")
    value = {str(n): "\\" * 90 for n in range(40_000)}
    for cls in (module.BaseHstoreDumper, module.BaseHstoreBinaryDumper):
        with limited(3 * MIB):
            try:
                cls(dict).dump(value)
            except MemoryError:
                pass
            else:
                raise AssertionError("nothing was raised")
    await goes_on(conn)


@case
async def users_loaders_and_dumpers(conn: Any) -> None:
    adapt = importlib.import_module("howdah.adapt")

    class OwnLoader(adapt.Loader):  # type: ignore[misc, name-defined]
        def load(self, data: Any) -> Any:
            return data

    class OwnDumper(adapt.Dumper):  # type: ignore[misc, name-defined]
        def dump(self, obj: Any) -> Any:
            return obj.data

    class Own:
        data = b"x" * (12 * MIB)

    conn.adapters.register_loader("text", OwnLoader)
    conn.adapters.register_dumper(Own, OwnDumper)
    cur = await conn.execute("select repeat('x', 12 * 1024 * 1024)")
    with limited(6 * MIB):
        await raises(cur.fetchone())
        await raises(conn.execute("select %s", (Own(),)))
        await raises(conn.execute("select %s", ([Own()],)))
    assert len((await cur.fetchone())[0]) == 12 * MIB


async def on_hostile_server(door: Door, script: Callable[[Peer], None], lost: bool, query: str = "select") -> None:
    """The server is in the same process, and sends in small pieces."""
    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        await (await conn.execute("select 1", prepare=False)).fetchall()
        with limited(16 * MIB):
            error = importlib.import_module("howdah").OperationalError if lost else MemoryError
            await raises(conn.execute(query, prepare=False), error)
        assert conn.closed == lost
        if not lost:
            assert await (await conn.execute("select 7", prepare=False)).fetchone() == (7,)
        assert server.errors == []


def sends_large(kind: bytes, size: int, inner: bytes, before: bytes, after: bytes) -> Callable[[Peer], None]:
    """A server whose second answer has a frame of `size` bytes."""

    def script(peer: Peer) -> None:
        peer.greet()
        peer.read_command()
        peer.send(row_description(("a", INT4)) + complete(b"SELECT 0") + ready())
        peer.read_command()
        peer.send(before + kind + struct.pack("!i", size) + inner)
        left, piece = size - 4 - len(inner), b"x" * 65536
        while left:
            peer.send(piece[:left])
            left -= min(left, len(piece))
        peer.send(after)
        peer.read_command()
        peer.send(row_description(("a", INT4)) + data_row(b"7") + complete(b"SELECT 1") + ready())
        peer.drain()

    return script


ROWS = row_description(("a", TEXT)) + data_row(b"first")
END = data_row(b"last") + complete(b"SELECT 3") + ready()
LARGE = 40 * MIB
HOSTILE: dict[str, tuple[Callable[[Peer], None], bool]] = {
    "a row": (sends_large(b"D", LARGE, struct.pack("!hi", 1, LARGE - 10), ROWS, END), False),
    "a row at first": (sends_large(b"D", LARGE, struct.pack("!hi", 1, LARGE - 10), ROWS[:-16], END), False),
    "the largest row": (sends_large(b"D", 1023 * MIB, struct.pack("!hi", 1, 1023 * MIB - 10), ROWS, END), False),
    "an error": (sends_large(b"E", LARGE, b"SERROR\0C22012\0M", b"", b""), True),
    "a notice": (sends_large(b"N", LARGE, b"SNOTICE\0C01000\0M", ROWS, END), True),
    "a notification": (sends_large(b"A", LARGE, b"\0\0\0\1channel\0", b"", b""), True),
    "columns": (sends_large(b"T", LARGE, b"\0\1", b"", b""), True),
}


GROUPS = {
    "results": [name for name in CASES if name.startswith("result")],
    "values": [name for name in CASES if name.startswith("value")],
    "parameters": [name for name in CASES if name.startswith("parameter")],
    "queries": [name for name in CASES if name.startswith("query")],
    "others": [name for name in CASES if name.split()[0] not in ("result", "value", "parameter", "query")],
    "hostile servers": [*HOSTILE],
}


def run_case(name: str, kind: str, dsn: str) -> None:
    """One case, on a connection of its own."""
    door = Door(importlib.import_module("howdah"), kind, dsn)

    async def run() -> None:
        if name in HOSTILE:
            await on_hostile_server(door, *HOSTILE[name])
        else:
            conn = await door.connect()
            await goes_on(conn)
            await CASES[name](conn)
        await door.close_all()

    run_on_loop(kind, run())


def main(kind: str, dsn: str, *names: str) -> None:
    """Each of the cases in a fork of this process; prints how those ended that did not end well."""
    for part in ("types.json", "types.range", "types.multirange", "types.hstore", "rows", "adapt", "_value_errors"):
        importlib.import_module(f"howdah.{part}")
    for name in names:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                run_case(name, kind, dsn)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended:
            print(f"{name}: ended with {ended}", file=sys.stderr, flush=True)


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
@pytest.mark.parametrize("group", GROUPS)
def test_out_of_memory(dsn: str, group: str, kind: str) -> None:
    command = [sys.executable, "-W", "error", __file__, kind, dsn, *GROUPS[group]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


if __name__ == "__main__":
    main(*sys.argv[1:])
