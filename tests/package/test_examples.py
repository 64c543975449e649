"""The examples: first steps, transactions, and one program for each section of the page on asynchronous operations.

They run, say what they promise, and are typed. Those that need nothing of howdah's own run on psycopg too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"

OUTPUT = {
    "basic_usage.py": [
        "inserted: 3",
        "columns: ['id', 'title', 'published']",
        "one: (1, 'It\\'s a 100% \"title\"', datetime.date(1999, 12, 31))",
        "some: [(2, \"'); DROP TABLE book; --\", None), (3, 'Volume 1', datetime.date(2001, 1, 1))]",
        "the next: (4, 'Volume 2', datetime.date(2002, 1, 1))",
        "the next: (5, 'Volume 3', datetime.date(2003, 1, 1))",
        "short: (1,)",
        "dict: {'id': 3, 'published': datetime.date(2001, 1, 1)}",
        "object: Book(id=4, title='Volume 2', published=datetime.date(2002, 1, 1))",
        "values: ['Volume 2', 'Volume 3']",
        "refused: 23502 title",
        "closed: True",
    ],
    "transactions.py": [
        "at first: IDLE",
        "then: INTRANS",
        "kept: ['ann']",
        "after an error: INERROR",
        "refused: current transaction is aborted, commands ignored until end of transaction block",
        "autocommit: IDLE ['ann', 'cid']",
        "not enough: the transfer is undone, and INTRANS",
        "dan: (10,)",
        "on second thoughts: 3",
        "a trial run: 0",
        "after it: 3",
        "level: ('serializable',)",
        "read only: cannot execute CREATE TABLE in a read-only transaction",
        "in one phase: ['ann', 'cid', 'dan', 'eve']",
    ],
    "operations.py": [
        'blocking: (100, "abc\'def")',
        "blocking: (1, 'x')",
        "blocking: (2, 'xx')",
        'blocking: (100, "abc\'def")',
        'asyncio: (100, "abc\'def")',
        "asyncio: (1, 'x')",
        "asyncio: (2, 'xx')",
        'asyncio: (100, "abc\'def")',
    ],
    "contexts.py": [
        "after the block: closed True",
        "rolled back: division by zero - closed True",
        "by hand: (datetime.date(2020, 2, 29),)",
    ],
    "ctrl_c.py": [
        "blocking: interrupted, INERROR",
        "blocking: works again (1,)",
        "asyncio: canceling statement due to user request",
        "asyncio: works again (1,)",
        "timeout: INERROR",
        "timeout: works again (1,)",
    ],
    "server_messages.py": [
        "The server says: WARNING - there is no transaction in progress",
        "ROLLBACK",
        "The server says: NOTICE - halfway",
    ],
    "tracing.py": [
        "CONNECT",
        "  SELECT: SELECT %s::text",
        "  BEGIN: BEGIN",
        "  CREATE: CREATE TEMP TABLE item (id int UNIQUE)",
        "  INSERT: INSERT INTO item VALUES (%s)",
        "  COMMIT: COMMIT",
        "  INSERT: INSERT INTO item VALUES (1) - 23505",
        "order",
    ],
    "notifications.py": [
        "mychan hello",
        "mychan hey",
        "mychan stop",
        "there, I stopped",
        "got this: hey",
        "received one",
        "received two",
    ],
    "disconnections.py": [
        "blocking: we lost our database! True True",
        "asyncio: we lost our database! True True",
    ],
}


def run(*command: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=80,
        env={**os.environ, **environ},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_every_example_is_tested() -> None:
    # The one that follows a table has a file of tests in tests/replication.
    assert {p.name for p in EXAMPLES.glob("*.py")} == {*OUTPUT, "follow_table.py"}


@pytest.mark.parametrize("name", OUTPUT)
def test_example(howdah: ModuleType, dsn: str, name: str) -> None:
    assert run("-W", "error", str(EXAMPLES / name), HOWDAH_DSN=dsn).splitlines() == OUTPUT[name]


ON_PSYCOPG = """
import importlib, runpy, sys
sys.modules["howdah"] = importlib.import_module("psycopg")
sys.modules["howdah.rows"] = importlib.import_module("psycopg.rows")
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize("name", ["basic_usage.py", "transactions.py"])
def test_example_on_psycopg(dsn: str, name: str) -> None:
    assert run("-W", "error", "-c", ON_PSYCOPG, str(EXAMPLES / name), HOWDAH_DSN=dsn).splitlines() == OUTPUT[name]


@pytest.mark.limit(300)
def test_examples_are_typed(howdah: ModuleType, tmp_path: Path) -> None:
    files = [str(p) for p in sorted(EXAMPLES.glob("*.py"))]
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\n")
    output = run("-m", "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path / "cache"), *files)
    assert "Success" in output
