"""The example that follows a table: killed at random moments, as is its server, it loses and repeats nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import howdah
import pytest
from pgserver import PgServer

from support.replicating import CONFIG, FLAVOUR, Source

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "python" / "follow_table.py"
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class Writer(threading.Thread):
    """Changes a table, one transaction after the other, whatever becomes of the server."""

    def __init__(self, dsn: str, table: str) -> None:
        super().__init__(daemon=True)
        self.dsn = dsn
        self.table = table
        self.stopped = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopped.is_set():
            try:
                with howdah.connect(self.dsn, autocommit=True) as conn:
                    while not self.stopped.is_set():
                        number += 1
                        with conn.transaction(force_rollback=number % 7 == 0):
                            conn.execute(f"insert into {self.table} values ({number}, 'x'), (-{number}, 'x')")
                            conn.execute(f"update {self.table} set a = 'y' where id = {number}")
                            conn.execute(f"delete from {self.table} where id = {5 - number}")
            except howdah.OperationalError:
                time.sleep(0.05)


def state_of(path: Path) -> tuple[dict[int, str], list[int]]:
    """The table as the whole transactions of the file make it, and their numbers."""
    table: dict[int, str] = {}
    transactions: list[int] = []
    waiting: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        record = json.loads(line)
        if "end" not in record:
            waiting.append(record)
            continue
        for change in waiting:
            if "transaction" in change:
                transactions.append(change["transaction"])
            elif "insert" in change:
                assert change["row"]["id"] not in table, "repeated"
                table[change["row"]["id"]] = change["row"]["a"]
            elif "update" in change:
                table[change["row"]["id"]] = change["row"]["a"]
            else:
                del table[change["key"]["id"]]
        waiting.clear()
    return table, transactions


@pytest.mark.limit(180)
def test_it_survives_restarts_of_either_side(tmp_path: Path) -> None:
    path = tmp_path / "followed"
    path.touch()
    with PgServer(FLAVOUR, config={**CONFIG, **DURABLE}) as server:
        source = Source(server.dsn)
        name = source.name
        source.conn.close()
        writer = Writer(server.dsn, name)
        writer.start()

        def start() -> subprocess.Popen[bytes]:
            command = [sys.executable, str(EXAMPLE), name, name, str(path)]
            environment = {**os.environ, "HOWDAH_DSN": server.dsn}
            return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

        follower = start()
        for round_ in range(8):
            time.sleep(random.uniform(0.3, 1.5))
            if round_ % 2:
                server.stop("immediate")
                server.start()
            else:
                follower.kill()
                follower.wait()
                follower = start()
        writer.stopped.set()
        writer.join()
        with howdah.connect(server.dsn) as conn:
            wanted: dict[int, str] = dict(conn.execute(f"select id, a from {name}").fetchall())
        assert len(wanted) > 20
        for _ in range(300):
            if state_of(path)[0] == wanted:
                break
            time.sleep(0.1)
        follower.kill()
        follower.wait()
        table, transactions = state_of(path)
    assert table == wanted
    assert len(transactions) == len(set(transactions))
