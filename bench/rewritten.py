"""What `executemany(rewrite=True)` saves: `python bench/rewritten.py DSN`.

Inserts rows of 7 columns into a temporary table, in the ordinary way and rewritten, and for comparison with COPY;
prints the best of some rounds, in microseconds for each row: wall time, and the client's CPU time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import howdah

ROWS = 10_000
ROUNDS = 7
COLUMNS = "id int, name text, price numeric, weight float8, at timestamptz, ok bool, data bytea"
INSERT = "insert into bench values (%s, %s, %s, %s, %s, %s, %s)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dsn", help="of a server")
    with howdah.connect(parser.parse_args().dsn) as conn:
        conn.execute(f"create temp table bench ({COLUMNS})")
        conn.commit()
        for name, insert in ways(conn).items():
            wall, cpu = best(conn, insert)
            print(f"{name:12} {wall:8.2f} us wall {cpu:8.2f} us CPU of the client, for each row")


def ways(conn: Any) -> dict[str, Callable[[], None]]:
    moment = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.timezone.utc)
    rows = [(n, f"name {n}", Decimal(n) / 100, n / 7, moment, n % 2 == 0, b"\x00\x01data") for n in range(ROWS)]

    def copy() -> None:
        with conn.cursor().copy("copy bench from stdin") as copying:
            copying.write_rows(rows)

    return {
        "ordinary": lambda: conn.cursor().executemany(INSERT, rows),
        "rewritten": lambda: conn.cursor().executemany(INSERT, rows, rewrite=True),
        "COPY": copy,
    }


def best(conn: Any, insert: Callable[[], None]) -> tuple[float, float]:
    """The least time of a row in microseconds."""
    found = []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        insert()
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
        conn.rollback()
    return min(each[0] for each in found) / ROWS * 1e6, min(each[1] for each in found) / ROWS * 1e6


if __name__ == "__main__":
    main()
