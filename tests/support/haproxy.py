"""A HAProxy in TCP mode in front of test servers."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pgserver import PgServer

PROGRAM = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PATIENCE = 20.0

CONFIG = """
global
    maxconn 200
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    retries 2
    option redispatch
listen postgresql
    bind 127.0.0.1:{port}
    balance roundrobin
{servers}
"""


@contextlib.contextmanager
def haproxy(*servers: PgServer) -> Iterator[str]:
    """Start one in front of these servers; gives the connection string.

    Where it is not installed the test is skipped.
    """
    if PROGRAM is None:
        pytest.skip("haproxy is not installed")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
    lines = [f"    server s{number} 127.0.0.1:{server.port}" for number, server in enumerate(servers)]
    with tempfile.TemporaryDirectory(prefix="howdah-haproxy-") as folder:
        config = Path(folder) / "cfg"
        config.write_text(CONFIG.format(port=port, servers="\n".join(lines)))
        process = subprocess.Popen(
            [PROGRAM, "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(port, process)
            yield f"host=127.0.0.1 port={port} user={servers[0].user} dbname={servers[0].dbname}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert process.poll() is None, "haproxy did not start"
        assert time.monotonic() < deadline, "haproxy does not accept"
        time.sleep(0.05)
