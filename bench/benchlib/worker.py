"""One worker: a Python driver in one mode, obeying `bench/run.py` over its standard input and output.

Each line is a JSON object. The worker says its version, then answers `open`, `run` and `close`; `bench/rust` speaks
the same. A worker lives through all rounds of a case, so those of several drivers interleave without reconnecting.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import resource
import sys
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from .cases import CASES
from .model import Case, Kind
from .peers import AsyncPeer, SyncPeer, peer

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> None:
    """`python -m benchlib.worker DRIVER MODE [fresh]`."""
    # What a driver prints must not end up between the answers.
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, mode, *rest = sys.argv[1:]
    if rest != ["fresh"]:
        settle_heap()
    try:
        bench, version = _bench(name, mode)
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=out)
        return
    print(json.dumps({"version": version}), file=out)
    for line in sys.stdin:
        print(json.dumps(_answer(bench, json.loads(line))), file=out)


def settle_heap() -> None:
    """Free one large block, as a program that has run for a while has done.

    asyncio's transports receive into a new block of 256 KiB each time. glibc maps and unmaps blocks of that size, with
    a page fault for each, until a larger one has been freed once (mallopt(3), M_MMAP_THRESHOLD): that alone doubles
    what asyncpg costs on asyncio in a fresh process. Every worker settles, and asyncpg is measured without it as well.
    """
    bytearray(1 << 20)


def _bench(name: str, mode: str) -> tuple[Bench, str]:
    found = peer(name, mode)
    if isinstance(found, SyncPeer):
        return SyncBench(found), found.version
    if mode == "uvloop":
        uvloop = importlib.import_module("uvloop")
        return AsyncBench(found, uvloop.new_event_loop()), f"{found.version}, uvloop {uvloop.__version__}"
    return AsyncBench(found, asyncio.new_event_loop()), found.version


def _answer(bench: Bench, request: Any) -> dict[str, Any]:
    try:
        if request == "close":
            bench.close()
        elif "run" in request:
            return {"sample": _measure(bench, request["run"]["ops"])}
        else:
            bench.open(request["open"]["server"], CASES[request["open"]["case"]["name"]])
    except Exception as error:  # whatever a driver raises becomes a note of the report
        return {"error": f"{type(error).__name__}: {error}"}
    return {"done": True}


def _measure(bench: Bench, ops: int) -> dict[str, float]:
    peak = bench.case.kind.is_peak
    if peak:
        _forget_peak()
    resident, cpu, start = _resident_bytes(), _cpu_seconds(), time.perf_counter()
    bench.run(ops)
    wall, cpu = time.perf_counter() - start, _cpu_seconds() - cpu
    grown = (_peak_bytes() if peak else _resident_bytes()) - resident
    return {"ops": ops, "cpu": cpu, "wall": wall, "grown": grown}


def _forget_peak() -> None:
    # proc(5): 5 resets the peak resident set size.
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _peak_bytes() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _resident_bytes() -> int:
    # statm lags behind by what each CPU has not yet added up.
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))


class Bench(ABC):
    """A case under way: its connections, opened and checked, and the operation to repeat."""

    case: Case
    server: dict[str, Any]

    def __init__(self) -> None:
        self.conns: list[Any] = []

    def open(self, server: dict[str, Any], case: Case) -> None:
        """Open the connections that the case stands on and check what they give."""
        self.server, self.case = {k: v for k, v in server.items() if v is not None}, case
        try:
            if case.kind not in (Kind.CONNECT, Kind.IDLE):
                self.grow(case.connections)
            else:
                # Imports and caches of the first connection are no part of what the next ones cost.
                self.grow(1)
                self.close()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def run(self, ops: int) -> None:
        """Do the case's operation `ops` times in all."""

    @abstractmethod
    def grow(self, count: int) -> None:
        """Open and check that many more connections."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""

    def check(self, rows: Sequence[Sequence[Any]]) -> None:
        """Refuse rows that are not what the case announces."""
        case = self.case
        if case.rows is None or case.kind is Kind.STREAM:
            return
        if len(rows) != case.rows or not _matches(rows[0], case.first):
            raise ValueError(f"{len(rows)} rows starting with {rows[:1]!r} instead of {case.rows} with {case.first!r}")


class SyncBench(Bench):
    """A blocking driver: one thread for each connection."""

    def __init__(self, driver: SyncPeer) -> None:
        super().__init__()
        self.driver = driver

    def run(self, ops: int) -> None:
        if self.case.kind is Kind.IDLE:
            self.grow(ops)
        elif self.case.kind is Kind.CONNECT:
            for _ in range(ops):
                self.driver.close(self.driver.connect(self.server))
        elif self.case.kind is not Kind.QUERY:
            self.driver.repeat_kind(self.conns[0], self.case, ops)
        elif len(self.conns) == 1:
            self.driver.repeat(self.conns[0], self.case, ops)
        else:
            self._run_threads(ops)

    def _run_threads(self, ops: int) -> None:
        failures: list[Exception] = []

        def target(conn: Any, share: int) -> None:
            try:
                self.driver.repeat(conn, self.case, share)
            except Exception as error:  # raised below, in the thread that reports
                failures.append(error)

        threads = [threading.Thread(target=target, args=pair) for pair in _shares(self.conns, ops)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def grow(self, count: int) -> None:
        for _ in range(count):
            conn = self.driver.connect(self.server)
            self.conns.append(conn)
            self.driver.prepare(conn, self.case)
            if not self.case.kind.is_bulk:
                self.check(self.driver.fetch(conn, self.case))

    def close(self) -> None:
        while self.conns:
            self.driver.close(self.conns.pop())


class AsyncBench(Bench):
    """An asyncio driver: one task for each connection, all on one loop."""

    def __init__(self, driver: AsyncPeer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.driver = driver
        self.loop = loop
        asyncio.set_event_loop(loop)

    def run(self, ops: int) -> None:
        self.loop.run_until_complete(self._run(ops))

    async def _run(self, ops: int) -> None:
        if self.case.kind is Kind.IDLE:
            await self._grow(ops)
        elif self.case.kind is Kind.CONNECT:
            for _ in range(ops):
                await self.driver.close(await self.driver.connect(self.server))
        elif self.case.kind is not Kind.QUERY:
            await self.driver.repeat_kind(self.conns[0], self.case, ops)
        elif len(self.conns) == 1:
            await self.driver.repeat(self.conns[0], self.case, ops)
        else:
            tasks = (self.driver.repeat(conn, self.case, share) for conn, share in _shares(self.conns, ops))
            await asyncio.gather(*tasks)

    def grow(self, count: int) -> None:
        self.loop.run_until_complete(self._grow(count))

    async def _grow(self, count: int) -> None:
        for _ in range(count):
            conn = await self.driver.connect_for(self.server, self.case)
            self.conns.append(conn)
            await self.driver.prepare(conn, self.case)
            if not self.case.kind.is_bulk:
                self.check(await self.driver.fetch(conn, self.case))

    def close(self) -> None:
        self.loop.run_until_complete(self._close())

    async def _close(self) -> None:
        while self.conns:
            await self.driver.close(self.conns.pop())


def _matches(row: Sequence[Any], expected: Sequence[Any] | None) -> bool:
    return expected is None or (
        len(row) == len(expected) and all(b is ... or a == b for a, b in zip(row, expected, strict=True))
    )


def _shares(conns: list[Any], ops: int) -> list[tuple[Any, int]]:
    return [(conn, ops // len(conns) + (i < ops % len(conns))) for i, conn in enumerate(conns)]


if __name__ == "__main__":
    main()
