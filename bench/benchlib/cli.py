"""The command line: prepares the server and the workers, measures, and reports."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .build import ROOT, build_rust_worker
from .cases import CASES, SCHEMA
from .drivers import DRIVERS, choose
from .measure import Plan, print_progress, run
from .placement import PLACEMENTS, Placement, pinned, place
from .report import markdown, verdicts, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FULL = Plan(rounds=11, seconds=0.25, idle=200)
QUICK = Plan(rounds=1, seconds=0.02, idle=10)
# Every worker keeps ten connections during one case, next to the 200 idle ones of another.
SERVER_CONFIG = {"max_connections": 500, "shared_buffers": "256MB", "autovacuum": "off", "jit": "off"}

# Load average above which something else was running, and took time from the client and the server unevenly.
BUSY = 0.7


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code is 0 unless `--enforce` finds a target that is not reached."""
    args = _arguments(argv)
    if sys.platform != "linux":
        raise SystemExit("the benchmark reads memory and places processes as Linux does it")
    if args.list:
        print("cases:", *(f"  {c.name:10} {c.title}" for c in CASES.values()), sep="\n")
        print("drivers:", *(f"  {d.key}" for d in DRIVERS), sep="\n")
        return 0
    cases = [CASES[name] for name in args.cases]
    plan = _plan(args)
    rust_worker = None if args.no_rust else _built()
    placement = place(args.placement, private_server=not os.environ.get("HOWDAH_DSN"))
    load = os.getloadavg()[0]
    with _server(placement) as (server, version), pinned(placement.client):
        results = run(cases, args.drivers, server, rust_worker, plan, print_progress)
    facts = _facts(plan, version, placement, load)
    print(markdown(results, cases, facts, with_chart=False), end="")
    folder = args.output or ROOT / ("target/bench-quick" if args.quick else "docs/bench")
    write(results, cases, facts, folder)
    print_progress(f"written to {folder}")
    missed = [v for v in verdicts(results, cases) if not v.reached]
    return 1 if args.enforce and missed else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measure howdah and its peers on one server.")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it works, measures nothing")
    parser.add_argument("--cases", type=_list_of_cases, default=list(CASES), metavar="A,B", help="only these cases")
    parser.add_argument("--drivers", type=_list_of_drivers, default=list(DRIVERS), metavar="A,B/MODE,*/MODE")
    parser.add_argument("--rounds", type=_positive, help=f"rounds of each driver and case (default {FULL.rounds})")
    parser.add_argument("--seconds", type=float, help=f"length of a round (default {FULL.seconds})")
    parser.add_argument("--placement", choices=PLACEMENTS, default="split", help="which processors (default split)")
    parser.add_argument("--output", type=Path, help="folder for latest.md, latest.json and chart.svg")
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when a target is not reached")
    parser.add_argument("--no-rust", action="store_true", help="leave out the floor and the Rust drivers")
    parser.add_argument("--list", action="store_true", help="show the names of cases and drivers")
    return parser.parse_args(argv)


def _list_of_cases(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in CASES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    return names


def _list_of_drivers(text: str) -> list[Any]:
    try:
        return list(choose(text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _plan(args: argparse.Namespace) -> Plan:
    base = QUICK if args.quick else FULL
    return Plan(args.rounds or base.rounds, args.seconds or base.seconds, base.idle)


def _built() -> Path | None:
    print_progress("building the Rust workers")
    return build_rust_worker()


@contextlib.contextmanager
def _server(placement: Placement) -> Iterator[tuple[dict[str, Any], str]]:
    """Where to connect and the server's version: that of HOWDAH_DSN, or a private one for this run."""
    dsn = os.environ.get("HOWDAH_DSN")
    with contextlib.ExitStack() as stack:
        if not dsn:
            print_progress("starting a private PostgreSQL")
            sys.path.insert(0, str(ROOT / "tools"))
            pgserver = importlib.import_module("pgserver")
            with pinned(placement.server):
                dsn = stack.enter_context(pgserver.PgServer(flavour="embedded", config=SERVER_CONFIG)).tcp_dsn
        api = _setup_driver()
        server = _parts(api, dsn)
        with contextlib.closing(api.connect(dsn, autocommit=True)) as conn:
            for statement in SCHEMA:
                conn.execute(statement)
            version = conn.execute("show server_version").fetchone()[0]
            try:
                yield server, version
            finally:
                conn.execute("drop schema howdah_bench cascade")


def _setup_driver() -> Any:
    for name in ("psycopg", "howdah"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise SystemExit("the benchmark needs psycopg or howdah to prepare its tables")


def _parts(api: Any, dsn: str) -> dict[str, Any]:
    params = importlib.import_module(f"{api.__name__}.conninfo").conninfo_to_dict(dsn)
    host = params.get("host") or "127.0.0.1"
    if host.startswith(("/", "@")):
        raise SystemExit(
            "the benchmark measures over TCP, as not every peer has Unix sockets: name a host in HOWDAH_DSN"
        )
    user = params.get("user") or os.environ.get("USER", "postgres")
    return {
        "host": host,
        "port": int(params.get("port") or 5432),
        "user": user,
        "dbname": params.get("dbname") or user,
        "password": params.get("password"),
    }


def _facts(plan: Plan, server_version: str, placement: Placement, load: float) -> dict[str, str]:
    command = shlex.join(["python", "bench/run.py", *sys.argv[1:]])
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": f"`{command}` (by `make bench`), {plan.rounds} rounds of {plan.seconds:g} s",
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}",
        "placement": placement.text,
        "load before": f"{load:.2f}" + (" (busy: the figures are not to be relied on)" if load > BUSY else ""),
        "server": f"PostgreSQL {server_version}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _commit() -> str:
    def git(*args: str) -> str:
        done = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    with contextlib.suppress(FileNotFoundError):
        changed = " with uncommitted changes" if git("status", "--porcelain", "crates", "python", "bench") else ""
        return (git("rev-parse", "--short", "HEAD") or "unknown") + changed
    return "unknown"


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
