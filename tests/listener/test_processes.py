"""Listeners where a process forks, or ends."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

FORKED = """
import asyncio, os
import howdah

def refused(call):
    try:
        call()
    except howdah.OperationalError as error:
        print(error, flush=True)

with howdah.Listener({dsn!r}, channels=["forked"]) as listener:
    child = os.fork()
    if child == 0:
        refused(listener.get)
        refused(lambda: next(listener))
        refused(lambda: listener.listen("other"))
        listener.close()
        print(listener.closed, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    with howdah.connect({dsn!r}, autocommit=True) as conn:
        conn.execute("notify forked, 'the parent hears'")
    print(listener.get(timeout=20).payload)
"""

LEFT_OPEN = """
import howdah
listener = howdah.Listener({dsn!r}, channels=["left"])
listener.open()
print("end")
"""

LEFT_OPEN_ON_ASYNCIO = """
import asyncio
import howdah

async def main():
    global listener
    listener = howdah.AsyncListener({dsn!r}, channels=["left"])
    await listener.open()

asyncio.run(main())
print(listener.closed)
"""


def run(code: str) -> list[str]:
    command = [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_leaves_the_listener_to_the_parent(howdah: ModuleType, dsn: str) -> None:
    # Since CPython 3.12 a fork beside threads gives a warning.
    lines = run("import warnings; warnings.simplefilter('ignore', DeprecationWarning)" + FORKED.format(dsn=dsn))
    assert lines == ["the listener was opened in another process, before a fork"] * 3 + ["True", "the parent hears"]


def test_a_process_that_ends_with_an_open_listener(howdah: ModuleType, dsn: str) -> None:
    assert run(LEFT_OPEN.format(dsn=dsn)) == ["end"]


def test_a_loop_that_ends_with_an_open_listener(howdah: ModuleType, dsn: str) -> None:
    assert run(LEFT_OPEN_ON_ASYNCIO.format(dsn=dsn)) == ["True"]
