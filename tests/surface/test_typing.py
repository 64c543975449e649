"""What `mypy --strict` infers of rows: from `connect()`, `cursor()` and the classes of cursors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = Path(__file__).with_name("typed_rows.py")
WRONG = {
    "howdah.connect().execute('select 1').fetchone()[0]": "index",
    "howdah.connect(row_factory=howdah.rows.dict_row).execute('select 1').fetchall()[0][0]": "index",
    "howdah.ServerCursor(howdah.connect())": "call-overload",
    "howdah.AsyncClientCursor(howdah.connect())": "call-overload",
}


def check(path: Path, cache: Path) -> str:
    """What mypy says of a file, nothing if it is content."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(cache)]
    done = subprocess.run([*command, str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def test_inferred_types(driver: ModuleType, tmp_path: Path, cache: Path) -> None:
    name = driver.__name__
    sample = tmp_path / f"typed_{name}.py"
    sample.write_text(SAMPLE.read_text(encoding="utf8").replace("howdah", name), encoding="utf8")
    assert check(sample, cache) == ""


def test_what_is_wrong(howdah: ModuleType, tmp_path: Path, cache: Path) -> None:
    sample = tmp_path / "wrong.py"
    lines = ["import howdah", *WRONG]
    sample.write_text("\n".join(lines) + "\n", encoding="utf8")
    found = check(sample, cache)
    for number, code in enumerate(WRONG.values(), 2):
        assert f"wrong.py:{number}: error:" in found, found
        (line,) = [line for line in found.splitlines() if f"wrong.py:{number}: error:" in line]
        assert line.endswith(f"[{code}]")
