"""Values as deep as the driver goes, in a thread with the smallest stack that CPython's builds give: 1 MiB, on musl."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

PROGRAM = """
import sys, threading
import howdah

def work():
    with howdah.connect(sys.argv[1], autocommit=True) as conn:
        value = conn.execute("select " + "row(" * 190 + "1" + ")" * 190, binary=True).fetchone()[0]
        depth = 0
        while value != 1:
            (value,), depth = value, depth + 1
        print("records", depth)
        deep, lists = (), 1
        for _ in range(10_000):
            deep = (deep,)
        for _ in range(100):
            lists = [lists]
        refused("tuples", lambda: conn.execute("select %s", (deep,)))
        while deep:
            (deep,) = deep
        refused("lists", lambda: conn.execute("select %s", (lists,)))
        refused("json", lambda: conn.execute("select (repeat('[', 5000) || repeat(']', 5000))::json").fetchone())
        print(conn.execute("select 'works'").fetchone())

def refused(what, call):
    try:
        call()
    except howdah.Error as error:
        print(what, type(error).__name__)

threading.stack_size(1 << 20)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""

EXPECTED = ["records 190", "tuples RecursionError", "lists ProgramLimitExceeded", "json RecursionError", "('works',)"]


def test_deep_values_on_a_small_stack(howdah: ModuleType, dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, dsn], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == EXPECTED
