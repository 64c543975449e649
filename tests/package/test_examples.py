"""The examples: one program for each section of the page. They run, say what they promise, and are typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"

OUTPUT = {
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
    assert {p.name for p in EXAMPLES.glob("*.py")} == set(OUTPUT)


@pytest.mark.parametrize("name", OUTPUT)
def test_example(howdah: ModuleType, dsn: str, name: str) -> None:
    assert run("-W", "error", str(EXAMPLES / name), HOWDAH_DSN=dsn).splitlines() == OUTPUT[name]


@pytest.mark.limit(300)
def test_examples_are_typed(howdah: ModuleType, tmp_path: Path) -> None:
    files = [str(p) for p in sorted(EXAMPLES.glob("*.py"))]
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = true\n")
    output = run("-m", "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path / "cache"), *files)
    assert "Success" in output
