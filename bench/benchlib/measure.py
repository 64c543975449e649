"""The run: one process for each driver and case, and the rounds of all drivers interleaved."""

from __future__ import annotations

import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .model import Case, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .drivers import Driver

__all__ = ["Plan", "Results", "Sample", "run"]

BENCH = Path(__file__).resolve().parent.parent
ANSWER_TIMEOUT = 120.0
# Drivers prepare a statement after a few executions: these come before anything is measured.
WARM_UP = {
    Kind.QUERY: 100,
    Kind.CONNECT: 5,
    Kind.MANY: 5,
    Kind.PIPELINE: 5,
    Kind.TASKS: 10,
    Kind.TRANSACTION: 100,
    Kind.ROWS: 20,
    Kind.SERVER: 1,
    Kind.ROW_STREAM: 1,
    Kind.ONCE: 100,
    Kind.ONCE_TYPED: 100,
    Kind.COPY_IN: 2,
    Kind.COPY_ROWS: 2,
    Kind.COPY_OUT: 1,
    Kind.COPY_RAW: 1,
    Kind.ARROW_OUT: 1,
    Kind.ARROW_IN: 1,
}
CALIBRATION_SECONDS = 0.05
# Memory hardly differs from one process to the next.
IDLE_ROUNDS = 5
MEMORY_ROUNDS = 3


@dataclass(frozen=True)
class Sample:
    """One round: operations, seconds of client CPU and of wall clock, bytes of resident memory gained."""

    ops: int
    cpu: float
    wall: float
    grown: int

    @property
    def cpu_us(self) -> float:
        """Microseconds of client CPU per operation."""
        return self.cpu / self.ops * 1e6

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.ops / self.wall

    @property
    def grown_kib(self) -> float:
        """KiB of resident memory per operation: what an idle connection takes."""
        return self.grown / self.ops / 1024


@dataclass(frozen=True)
class Plan:
    """How much to measure: `idle` is the number of connections left open in the memory case."""

    rounds: int
    seconds: float
    idle: int


@dataclass
class Results:
    """What was measured: the rounds of every case and driver, and a note for everything that was left out."""

    versions: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def median(self, case: Case, driver: str) -> float | None:
        """The figure that counts for a case: CPU per operation, or memory per connection."""
        samples = self.rounds.get(case.name, {}).get(driver)
        return statistics.median(figures(case, samples)) if samples else None

    def best(self, case: Case, drivers: Sequence[str]) -> str | None:
        """The driver with the least figure, of those that have one."""
        known = {driver: value for driver in drivers if (value := self.median(case, driver)) is not None}
        return min(known, key=known.__getitem__, default=None)

    def ratio(self, case: Case, driver: str, peer: str) -> float | None:
        """Median of the ratio in each round: a round's drivers ran within seconds of each other."""
        measured = self.rounds.get(case.name, {})
        if driver not in measured or peer not in measured:
            return None
        ours, theirs = (figures(case, measured[key]) for key in (driver, peer))
        return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))

    def limit(self, case: Case) -> float | None:
        """The floor, and the time that CPython takes to build the same objects (`marshal.loads` of the result), in
        microseconds of CPU: what no driver can be below."""
        floor, objects = self.median(case, "floor/blocking"), self.median(case, "objects/sync")
        return None if floor is None or objects is None else floor + objects

    def as_json(self) -> dict[str, Any]:
        """Every round, for `latest.json`."""
        return asdict(self)


def figures(case: Case, samples: Sequence[Sample]) -> list[float]:
    """The figure that counts for a case, of every round."""
    if case.kind.is_memory:
        return [s.grown_kib for s in samples]
    return [s.wall / s.ops * 1e6 if case.wall else s.cpu_us for s in samples]


class WorkerError(Exception):
    """A worker could not do what it was asked, or its driver is not there."""


def run(
    cases: Sequence[Case],
    drivers: Sequence[Driver],
    server: dict[str, Any],
    rust_worker: Path | None,
    plan: Plan,
    say: Callable[[str], None],
) -> Results:
    """Measure every case with every driver on one server."""
    results = Results()
    fleet = Fleet(server, rust_worker, results)
    fleet.muster(drivers)
    for number, case in enumerate(cases, 1):
        count = sum(driver.takes_part(case) for driver in fleet.drivers)
        say(f"[{number}/{len(cases)}] {case.title}: {count} drivers")
        if case.kind is Kind.IDLE:
            fleet.measure_idle(case, plan, say)
        elif case.kind.is_peak:
            fleet.measure_memory(case, say)
        else:
            fleet.measure(case, plan, say)
    return results


class Fleet:
    """The drivers that are there. Each case gets new processes: what a case leaves in the heap changes the next one."""

    def __init__(self, server: dict[str, Any], rust_worker: Path | None, results: Results) -> None:
        self.server = server
        self.rust_worker = rust_worker
        self.results = results
        self.drivers: list[Driver] = []

    def muster(self, drivers: Sequence[Driver]) -> None:
        """Ask every driver for its version; one that is missing becomes a note."""
        for driver in drivers:
            try:
                worker = Worker(driver, self.rust_worker)
            except WorkerError as error:
                self.results.notes.append(f"{driver.key} skipped: {error}")
                continue
            worker.stop()
            self.drivers.append(driver)
            self.results.versions[driver.key] = worker.version

    def measure(self, case: Case, plan: Plan, say: Callable[[str], None]) -> None:
        """All rounds of a case: A1 B1 C1 ... A2 B2 C2 ..., on connections opened once."""
        with contextlib.ExitStack() as stack:
            drivers = [d for d in self.drivers if d.takes_part(case)]
            alive = [ready for d in drivers if (ready := self._ready(case, d, plan.seconds, stack))]
            for number in range(plan.rounds):
                say(f"    round {number + 1}/{plan.rounds}")
                for ready in list(alive):
                    worker, ops = ready
                    try:
                        self._keep(case, worker.driver, worker.run(ops))
                    except WorkerError as error:
                        self._give_up(case, worker.driver, error)
                        alive.remove(ready)
            for worker, _ in alive:
                self._close(case, worker)

    def measure_idle(self, case: Case, plan: Plan, say: Callable[[str], None]) -> None:
        """The memory case: a process of its own for every round too, as freed memory would be used again."""
        alive = [d for d in self.drivers if not d.special]
        rounds = min(plan.rounds, IDLE_ROUNDS)
        for number in range(rounds):
            say(f"    round {number + 1}/{rounds}")
            for driver in list(alive):
                try:
                    self._keep(case, driver, self._fresh_idle(case, driver, plan.idle))
                except WorkerError as error:
                    self._give_up(case, driver, error)
                    alive.remove(driver)

    def _fresh_idle(self, case: Case, driver: Driver, connections: int) -> Sample:
        worker = Worker(driver, self.rust_worker)
        try:
            worker.open(self.server, case)
            sample = worker.run(connections)
            worker.ask("close")
            return sample
        finally:
            worker.stop()

    def _ready(
        self, case: Case, driver: Driver, seconds: float, stack: contextlib.ExitStack
    ) -> tuple[Worker, int] | None:
        try:
            worker = Worker(driver, self.rust_worker)
            stack.callback(worker.stop)
            worker.open(self.server, case)
            return worker, worker.calibrate(case, seconds)
        except WorkerError as error:
            self._give_up(case, driver, error)
            return None

    def _close(self, case: Case, worker: Worker) -> None:
        try:
            worker.ask("close")
        except WorkerError as error:
            self.results.notes.append(f"{worker.driver.key} did not close after `{case.name}`: {error}")

    def measure_memory(self, case: Case, say: Callable[[str], None]) -> None:
        """The memory of one operation: a process of its own for every round."""
        alive = [d for d in self.drivers if d.takes_part(case)]
        for number in range(MEMORY_ROUNDS):
            say(f"    round {number + 1}/{MEMORY_ROUNDS}")
            for driver in list(alive):
                with contextlib.ExitStack() as stack:
                    try:
                        worker = Worker(driver, self.rust_worker)
                        stack.callback(worker.stop)
                        worker.open(self.server, case)
                        self._keep(case, driver, worker.run(1))
                    except WorkerError as error:
                        self._give_up(case, driver, error)
                        alive.remove(driver)

    def _keep(self, case: Case, driver: Driver, sample: Sample) -> None:
        self.results.rounds.setdefault(case.name, {}).setdefault(driver.key, []).append(sample)

    def _give_up(self, case: Case, driver: Driver, error: WorkerError) -> None:
        # Half a case is no figure: a median over fewer rounds would look like the others.
        self.results.rounds.get(case.name, {}).pop(driver.key, None)
        self.results.notes.append(f"{driver.key} has no figure for `{case.name}`: {error}")


class Worker:
    """A child process that holds one driver."""

    def __init__(self, driver: Driver, rust_worker: Path | None) -> None:
        command = driver.command(rust_worker)
        if command is None:
            raise WorkerError("the Rust workers were not built")
        # libpq would look for Kerberos tickets before each connection, which no other driver does.
        environ = {**os.environ, "PGGSSENCMODE": "disable", "PYTHONPATH": _python_path()}
        self.driver = driver
        self.process = subprocess.Popen(
            command, cwd=BENCH, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        try:
            self.version: str = self._answer()["version"]
        except BaseException:
            self.stop()
            raise

    def open(self, server: dict[str, Any], case: Case) -> None:
        """Connect for a case."""
        self.ask({"open": {"server": server, "case": case.as_json()}})

    def calibrate(self, case: Case, seconds: float) -> int:
        """Warm up, then give the number of operations that take about `seconds`."""
        ops = WARM_UP[case.kind] * case.connections
        self.run(ops)
        while (sample := self.run(ops)).wall < min(CALIBRATION_SECONDS, seconds):
            ops *= 2
        per_connection = sample.rate * seconds / case.connections
        return max(1, round(per_connection)) * case.connections

    def run(self, ops: int) -> Sample:
        """One measured round."""
        return Sample(**self.ask({"run": {"ops": ops}})["sample"])

    def ask(self, request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; WorkerError when it failed."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request, default=str) + "\n")
        except OSError as error:
            raise WorkerError(f"the worker is gone: {error}") from error
        return self._answer()

    def stop(self) -> None:
        """End the process: end of input first, then by force."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        # A worker says one line for each request, so nothing can hide in the reader's own buffer.
        if not select.select([self.process.stdout], [], [], ANSWER_TIMEOUT)[0]:
            self.process.kill()
            raise WorkerError(f"no answer within {ANSWER_TIMEOUT:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"the worker ended with status {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        for failure in ("missing", "error"):
            if failure in answer:
                raise WorkerError(answer[failure])
        return answer


def _python_path() -> str:
    """The benchmark's own modules, after what the caller put there: a build of howdah that is not installed."""
    return os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(BENCH))))


def print_progress(message: str) -> None:
    """Progress goes to standard error, so that the table alone is on standard output."""
    print(message, file=sys.stderr, flush=True)
