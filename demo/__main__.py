"""Run the demo: `python -m demo [SECTION...]`. The exit code says whether every promise held."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import async_objects, async_with, ctrl_c, disconnections, messages, notifications, rust_door
from .report import Report
from .server import open_server
from .stage import Stage

SECTIONS = {
    "objects": async_objects,
    "with": async_with,
    "ctrl-c": ctrl_c,
    "messages": messages,
    "notifications": notifications,
    "disconnections": disconnections,
    "rust": rust_door,
}
# A part that hangs is a failure with a traceback, not a terminal that stays silent.
HANG_TIMEOUT = 120.0
BUILD_TIMEOUT = 1800.0


def main() -> int:
    """Walk through the sections asked for, or all."""
    args = parse_args()
    db = importlib.import_module(args.driver)
    started = time.monotonic()
    out = Report()
    print(f"{db.__name__} {db.__version__}, {platform.python_implementation()} {platform.python_version()}")
    with open_server() as server:
        stage = Stage(db, server.dsn, out, server.tcp_dsn)
        with practice_table(stage):
            introduce(stage, server.origin)
            for name in args.section or SECTIONS:
                walk(stage, name)
    print(f"\n{time.monotonic() - started:.1f} seconds.", end="")
    return out.conclude()


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("section", nargs="*", help=f"what to show, all by default: {', '.join(SECTIONS)}")
    parser.add_argument("--driver", default="howdah", help=argparse.SUPPRESS)
    args = parser.parse_args()
    unknown = [name for name in args.section if name not in SECTIONS]
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}")
    return args


@contextmanager
def practice_table(stage: Stage) -> Iterator[None]:
    """A table of a name of its own, for what sessions must see of each other."""
    with stage.connect() as conn:
        conn.execute(f"CREATE TABLE {stage.table} (id serial PRIMARY KEY, num integer, data text)")
    try:
        yield
    finally:
        with stage.connect() as conn:
            conn.execute(f"DROP TABLE {stage.table}")


def introduce(stage: Stage, origin: str) -> None:
    """Say which server answers."""
    with stage.connect() as conn:
        print(f"PostgreSQL {conn.execute('SHOW server_version').fetchone()[0]}, {origin}")


def walk(stage: Stage, name: str) -> None:
    """Show one section, part by part."""
    module = SECTIONS[name]
    stage.out.section(module.TITLE)
    for part in module.PARTS:
        faulthandler.dump_traceback_later(BUILD_TIMEOUT if name == "rust" else HANG_TIMEOUT, exit=True)
        with stage.out.part((part.__doc__ or part.__name__).splitlines()[0].rstrip(".")):
            part(stage)
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
