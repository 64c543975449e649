"""What the tests start ends with the process that started it, though that is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kdc import missing

from support.waiting import PATIENCE

TOOLS = Path(__file__).parents[2] / "tools"

SERVER = """
import sys
from pgserver import PgServer
with PgServer() as server:
    print(server.data_dir, flush=True)
    sys.stdin.read()
"""
REALM = """
import sys
from kdc import Realm
with Realm() as realm:
    print(realm.folder, flush=True)
    sys.stdin.read()
"""

NEEDS_KERBEROS = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has started something, and the folder of that."""
    command = [sys.executable, "-c", request.param]
    with subprocess.Popen(command, cwd=TOOLS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("started", "program"),
    [
        pytest.param(SERVER, "postgres", id="server"),
        pytest.param(
            REALM, "krb5kdc", id="realm", marks=pytest.mark.skipif(missing() is not None, reason=str(missing()))
        ),
    ],
    indirect=["started"],
)
def test_nothing_outlives_an_owner_that_is_killed(started: tuple[subprocess.Popen[str], Path], program: str) -> None:
    process, folder = started
    offspring = psutil.Process(process.pid).children(recursive=True)
    assert program in [each.name() for each in offspring]
    assert folder.is_dir()
    process.kill()
    process.wait()
    deadline = time.monotonic() + PATIENCE
    while any(map(runs, offspring)):
        assert time.monotonic() < deadline, [each for each in offspring if runs(each)]
        time.sleep(0.02)
    assert not folder.exists()


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended; who inherited it may not have looked."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
