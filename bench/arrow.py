"""Arrow data, howdah beside ADBC and connectorx: `python bench/arrow.py [DSN]`, with tools/requirements/bench.txt.

1,000,000 rows of int, float8, timestamptz and text go into a polars frame, and from one into a table. Each round is a
process of its own: what counts is its CPU time, imports and connecting apart, and the most memory that it had beyond
that before.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
ROWS = 1_000_000
QUERY = "select a, b, c, d from howdah_arrow"
COLUMNS = "a int, b float8, c timestamptz, d text"
FILL = (
    "insert into howdah_arrow select n, n / 7.0::float8, timestamptz '2024-01-01 UTC' + n * interval '11.25 s',"
    f" 'the name of number ' || n from generate_series(1, {ROWS}) n"
)


def uri(dsn: str) -> str:
    """The same place as a URI, which the peers take."""
    parts = dict(part.split("=", 1) for part in dsn.split())
    return f"postgresql://{parts.get('user', '')}@{quote(parts['host'], safe='')}:{parts['port']}/{parts['dbname']}"


def peer(name: str) -> Any:
    """Import a peer, with what it gives its results as: the import is not what is measured."""
    importlib.import_module("pyarrow")
    return importlib.import_module(name)


def howdah_read(dsn: str) -> Callable[[], Any]:
    import howdah
    import polars

    conn = howdah.connect(dsn)
    return lambda: polars.DataFrame(howdah.read_arrow(conn, QUERY))


def adbc_read(dsn: str) -> Callable[[], Any]:
    import polars

    adbc = peer("adbc_driver_postgresql.dbapi")
    cursor = adbc.connect(uri(dsn)).cursor()

    def read() -> Any:
        cursor.execute(QUERY)
        return polars.from_arrow(cursor.fetch_arrow_table())

    return read


def connectorx_read(dsn: str) -> Callable[[], Any]:
    import polars

    connectorx = peer("connectorx")
    # It makes its own connections.
    return lambda: polars.from_arrow(connectorx.read_sql(uri(dsn), QUERY, return_type="arrow"))


def howdah_write(dsn: str) -> Callable[[], Any]:
    import howdah
    import polars

    conn = howdah.connect(dsn, autocommit=True)
    frame = polars.DataFrame(howdah.read_arrow(conn, QUERY))
    conn.execute(f"drop table if exists howdah_arrow_in; create unlogged table howdah_arrow_in ({COLUMNS})")
    return lambda: conn.copy_arrow("howdah_arrow_in", frame)


def adbc_write(dsn: str) -> Callable[[], Any]:
    import howdah
    import polars

    adbc = peer("adbc_driver_postgresql.dbapi")
    with howdah.connect(dsn, autocommit=True) as conn:
        frame = polars.DataFrame(howdah.read_arrow(conn, QUERY))
        conn.execute(f"drop table if exists howdah_arrow_in; create unlogged table howdah_arrow_in ({COLUMNS})")
    connection = adbc.connect(uri(dsn))

    def write() -> None:
        connection.cursor().adbc_ingest("howdah_arrow_in", frame.to_arrow(), mode="append")
        connection.commit()

    return write


CASES = {
    "read": {"howdah": howdah_read, "adbc": adbc_read, "connectorx": connectorx_read},
    "write": {"howdah": howdah_write, "adbc": adbc_write},
}


def measure(case: str, peer: str, dsn: str) -> None:
    """Run one round, and print what it took."""
    work = CASES[case][peer](dsn)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = time.process_time(), time.perf_counter()
    result = work()
    cpu, wall = time.process_time() - before[0], time.perf_counter() - before[1]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    rows = len(result) if case == "read" else ROWS
    print(json.dumps({"cpu": cpu, "wall": wall, "mib": grown / 1024, "rows": rows}))


def compare(dsn: str, rounds: int) -> None:
    """Print the medians of all, with the ratio of howdah's to each."""
    import howdah

    with howdah.connect(dsn, autocommit=True) as conn:
        conn.execute(f"drop table if exists howdah_arrow; create table howdah_arrow ({COLUMNS}); {FILL}")
    for case, peers in CASES.items():
        rounds_of: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
        for _ in range(rounds):
            for peer, taken in rounds_of.items():
                command = [sys.executable, __file__, "--case", case, "--peer", peer, dsn]
                ended = subprocess.run(command, capture_output=True, text=True, check=False)
                if ended.returncode:
                    print(f"{case}, {peer}: {ended.stderr.strip().splitlines()[-1]}")
                    break
                taken.append(json.loads(ended.stdout))
        medians = {
            peer: {key: statistics.median(one[key] for one in taken) for key in ("cpu", "wall", "mib", "rows")}
            for peer, taken in rounds_of.items()
            if taken
        }
        own = medians["howdah"]
        for peer, found in medians.items():
            ratios = f"CPU {own['cpu'] / found['cpu']:.2f} x, memory {own['mib'] / max(found['mib'], 0.1):.2f} x"
            figures = f"{found['cpu']:.3f} s CPU, {found['wall']:.3f} s, {found['mib']:.0f} MiB"
            print(f"{case:5} {peer:10} {figures:40} howdah takes {ratios}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--peer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("dsn", nargs="?")
    options = parser.parse_args()
    if options.case:
        measure(options.case, options.peer, options.dsn)
    elif options.dsn:
        compare(options.dsn, options.rounds)
    else:
        sys.path.insert(0, str(ROOT / "tools"))
        from pgserver import PgServer

        # By TCP, which all of them speak.
        with PgServer() as server:
            compare(server.tcp_dsn, options.rounds)


if __name__ == "__main__":
    main()
