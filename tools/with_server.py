"""Run a command beside a private PostgreSQL server: with_server.py COMMAND...

The command finds the server in HOWDAH_TEST_DSN (Unix socket) and HOWDAH_TEST_TCP_DSN. A HOWDAH_TEST_DSN that is
already set is left alone and no server is started.
"""

from __future__ import annotations

import os
import subprocess
import sys

from pgserver import PgServer


def main(command: list[str]) -> int:
    if os.environ.get("HOWDAH_TEST_DSN"):
        return subprocess.call(command)
    with PgServer() as server:
        environ = {"HOWDAH_TEST_DSN": server.dsn, "HOWDAH_TEST_TCP_DSN": server.tcp_dsn}
        return subprocess.call(command, env={**os.environ, **environ})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
