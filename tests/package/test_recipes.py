"""The recipes of the manual: whole programs, whose files and commands are on the page, and what the commands print."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pgserver import PgServer

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "manual"
NEEDS = {
    "sqlalchemy": ["sqlalchemy", "alembic"],
    "django": ["django", "psycopg_pool"],
    "fastapi": ["fastapi", "httpx2", "psycopg_pool"],
}
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([\w./]+\.\w+)\n")


@pytest.fixture
def environ(howdah: ModuleType, server: PgServer, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment of a program, with a database for itself."""
    database = f"recipe_{request.node.callspec.params['page']}"
    with howdah.connect(server.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {database}")
        try:
            yield {
                **os.environ,
                "PGHOST": server.socket_dir,
                "PGPORT": str(server.port),
                "PGUSER": server.user,
                "PGDATABASE": database,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(Path(howdah.__path__[0]).parent),
                "PYTHONWARNINGS": "error",
            }
        finally:
            admin.execute(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.mark.limit(240)
@pytest.mark.parametrize("page", NEEDS)
def test_recipe(environ: dict[str, str], tmp_path: Path, page: str) -> None:
    for name in NEEDS[page]:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    printed = None
    blocks = FENCE.findall((MANUAL / f"{page}.md").read_text("utf-8"))
    for language, text in blocks:
        if language == "text":
            assert printed == text
        elif language == "sh":
            printed = run(text, tmp_path, environ)
        else:
            named = FILE.match(text)
            assert named, f"which file is it? {text}"
            (tmp_path / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / named[1]).write_text(text, "utf-8")
    assert printed is not None


def run(commands: str, folder: Path, environ: dict[str, str]) -> str:
    """What commands print; they have nothing to complain of."""
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout
