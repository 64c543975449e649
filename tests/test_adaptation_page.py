"""The examples of docs/adaptation.md, one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

PAGE = Path(__file__).resolve().parent.parent / "docs" / "adaptation.md"


def test_examples_run(howdah: ModuleType, dsn: str) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    program = "\n".join(examples)
    assert program.count("howdah.connect()") == 1
    assert program.count("assert ") > 15
    program = program.replace("howdah.connect()", f"howdah.connect({dsn!r})")
    done = subprocess.run([sys.executable, "-c", program + "\nconn.close()"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
