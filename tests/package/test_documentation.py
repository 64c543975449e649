"""The examples of docs/adaptation.md and of the READMEs, run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def examples(page: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def printed(program: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_page_of_adaptation(howdah: ModuleType, dsn: str) -> None:
    program = "\n".join(examples("docs/adaptation.md"))
    assert program.count("howdah.connect()") == 1
    assert program.count("assert ") > 15
    assert printed(program.replace("howdah.connect()", f"howdah.connect({dsn!r})") + "\nconn.close()") == ""


READMES = {"README.md": 2, "python/README.md": 2}


def program_of(page: str, number: int, dsn: str) -> str:
    """A program of a README, with the server of the tests."""
    programs = examples(page)
    assert len(programs) == READMES[page]
    program, count = re.subn(r'(onnect\()"[^"]*"', lambda m: f"{m[1]}{dsn!r}", programs[number])
    assert count == 1
    return program


@pytest.mark.parametrize("page", READMES)
def test_first_program_of_a_readme(howdah: ModuleType, dsn: str, page: str) -> None:
    assert printed(program_of(page, 0, dsn)) == '(1, 100, "abc\'def")\n'


def test_program_with_asyncio_of_the_packages_readme(howdah: ModuleType, dsn: str) -> None:
    assert printed(program_of("python/README.md", 1, dsn)) == "[1, 2, 3]\n"


def test_listener_of_the_readme(howdah: ModuleType, dsn: str) -> None:
    program = program_of("README.md", 1, dsn)
    assert program.count("timeout=60") == 1
    program = program.replace("timeout=60", "timeout=60, stop_after=1")
    with (
        howdah.connect(dsn, autocommit=True) as conn,
        subprocess.Popen([sys.executable, "-W", "error", "-c", program], stdout=subprocess.PIPE, text=True) as process,
    ):
        # It listens sooner or later, and hears one of them, or some that come together.
        while process.poll() is None:
            conn.execute("NOTIFY mychan, 'hello'")
        assert process.stdout is not None
        assert re.fullmatch(r"(Notify\(channel='mychan', payload='hello', pid=\d+\)\n)+", process.stdout.read())
        assert process.returncode == 0
