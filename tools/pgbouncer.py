"""PgBouncer in transaction mode, or another, in front of a server, for tests.

    with PgServer() as server, bouncer(server, sessions=3) as dsn:
        conn = howdah.connect(dsn)

It is a pooler that knows nothing of prepared statements, or keeps track of them, whichever version is installed.
"""

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

from pgserver import PgServer

__all__ = ["PROGRAM", "bouncer"]

# Debian has it where only root looks.
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PATIENCE = 20.0

CONFIG = """
[databases]
{dbname} = host=127.0.0.1 port={server_port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {sessions}
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextlib.contextmanager
def bouncer(server: PgServer, sessions: int, mode: str = "transaction") -> Iterator[str]:
    """Start one with so many sessions of the server; gives the connection string.

    Raises `RuntimeError` where it is not installed, or does not start.
    """
    if PROGRAM is None:
        raise RuntimeError("pgbouncer is not installed")
    folder = Path(tempfile.mkdtemp(prefix="howdah-bouncer-"))
    port = _free_port()
    known = {"server_port": server.port, "dbname": server.dbname, "user": server.user}
    (folder / "ini").write_text(CONFIG.format(**known, port=port, folder=folder, sessions=sessions, mode=mode))
    (folder / "users").write_text(f'"{server.user}" ""\n')
    command = [PROGRAM, "-q", str(folder / "ini")]
    if os.getuid() == 0:
        # It refuses to run as root.
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "nobody")
        command[1:1] = ["-u", "nobody"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process, folder)
        yield f"host=127.0.0.1 port={port} user={server.user} dbname={server.dbname}"
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        log = folder / "log"
        said = log.read_text(errors="replace") if log.exists() else ""
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"pgbouncer does not accept connections:\n{said}")
        time.sleep(0.05)
