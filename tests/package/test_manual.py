"""The manual: what its pages show is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pgbouncer
import pytest
from pgserver import PgServer

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(p.stem for p in (ROOT / "docs" / "manual").glob("*.md"))
RUNNER = ROOT / "tests" / "support" / "manual_page.py"
# Recipes, which test_recipes.py tries.
NOTHING_TO_RUN = frozenset({"sqlalchemy", "django", "fastapi"})


def test_every_page_has_its_place() -> None:
    named = re.findall(r"^ +- manual/(.*)\.md$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_page(howdah: ModuleType, server: PgServer, page: str) -> None:
    database = f"manual_{page.replace('-', '_')}"
    with howdah.connect(server.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {database}")
        try:
            done = run(server, page, database)
        finally:
            admin.execute(f"DROP DATABASE {database} WITH (FORCE)")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    ran = int(done.stdout.splitlines()[-1].removeprefix("ran: "))
    assert (ran == 0) == (page in NOTHING_TO_RUN)


@pytest.mark.skipif(pgbouncer.PROGRAM is None, reason="pgbouncer is not installed")
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_page_of_pgbouncer_through_it(howdah: ModuleType, server: PgServer, mode: str) -> None:
    with pgbouncer.bouncer(server, sessions=2, mode=mode) as dsn:
        place = howdah.conninfo.conninfo_to_dict(dsn)
        done = run(server, "pgbouncer", server.dbname, PGHOST=place["host"], PGPORT=str(place["port"]))
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.removeprefix("ran: ")) >= 4


def run(server: PgServer, page: str, database: str, **others: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PGHOST": server.socket_dir,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGDATABASE": database,
        **others,
    }
    return subprocess.run(
        [sys.executable, "-W", "error", str(RUNNER), str(ROOT / "docs" / "manual" / f"{page}.md")],
        capture_output=True,
        text=True,
        timeout=80,
        env={**os.environ, **environ},
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1 + 1  # -> 3", "2 is not 3"),
        ("pass  # raises ValueError", "no ValueError"),
        ("int('x')  # raises KeyError", "is no KeyError"),
        ("x = 1\n# -> 1", "not behind a statement"),
        ("if True:\n    1 + 1  # -> 3", "2 is not 3"),
    ],
)
def test_what_is_not_true_is_found(tmp_path: Path, text: str, complaint: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n```python\n{text}\n```\n")
    done = subprocess.run([sys.executable, str(RUNNER), str(page)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert complaint in done.stderr
