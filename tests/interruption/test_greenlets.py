"""gevent's greenlets: a wait lets the others run, and what is thrown into it interrupts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pgserver import PgServer

TESTS = Path(__file__).resolve().parent.parent

BOTH = [
    "a_statement_waits_for_another_greenlet",
    "a_generator_waits_for_another_greenlet",
    "many_run_at_the_same_time",
    "streams_are_interleaved",
    "copies_are_interleaved",
    "a_timeout_is_raised",
    "a_greenlet_is_killed",
    "a_greenlet_cancels_another",
    "ctrl_c",
    "connecting_lets_others_run",
    "names_are_resolved",
    "notifications_are_waited_for",
    "much_is_sent_and_received",
]
OURS = [
    "a_pgconn_waits_for_another_greenlet",
    "greenlets_share_a_connection",
    "one_that_waits_for_its_turn_leaves",
    "a_stream_holds_the_connection",
    "a_connection_is_closed_meanwhile",
    "operations_have_a_time",
    "a_server_says_nothing",
    "a_callback_of_the_hub_cannot_wait",
    "threads_of_a_pool",
    "a_listener_lets_others_run",
    "one_that_waits_for_notifications_gives_way",
]
"""What psycopg loses the connection over, or does not have."""


def run(driver: ModuleType, scenario: str, server: PgServer) -> None:
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        "-m",
        "support.greenlets",
        driver.__name__,
        scenario,
        server.tcp_dsn,
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=80, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.parametrize("scenario", BOTH)
def test_greenlets(driver: ModuleType, scenario: str, server: PgServer) -> None:
    run(driver, scenario, server)


@pytest.mark.parametrize("scenario", OURS)
def test_greenlets_of_howdah(howdah: ModuleType, scenario: str, server: PgServer) -> None:
    run(howdah, scenario, server)
