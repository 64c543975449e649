"""The examples of docs/adaptation.md and of the README, run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

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


def test_first_program_of_the_readme(howdah: ModuleType, dsn: str) -> None:
    program = examples("README.md")[0]
    assert program.count("howdah.connect(") == 1
    program = re.sub(r"howdah\.connect\(\".*?\"\)", f"howdah.connect({dsn!r})", program)
    assert printed(program) == '(1, 100, "abc\'def")\n'
