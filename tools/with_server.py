"""Run a command beside a private PostgreSQL server: with_server.py COMMAND...

The command finds the server in HOWDAH_TEST_DSN (Unix socket) and HOWDAH_TEST_TCP_DSN, and in HOWDAH_TEST_POOLER_DSN
with a PgBouncer in front of it, where that is installed. With the interpreter in HOWDAH_TEST_PYTHON it can start
servers of its own. A HOWDAH_TEST_DSN that is already set is left alone and no server is started. With
HOWDAH_TESTS_FLAVOUR=debian it is Debian's server.

Examples of documentation (`cargo test --doc`) connect as the environment says: PGHOST and its like name the server.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from pgbouncer import PROGRAM, bouncer
from pgserver import PgServer

# What needs a password: TCP connections of those who are in this role, which a test makes.
HBA = """\
host all +howdah_scram all scram-sha-256
local all all trust
local replication all trust
host all all 127.0.0.1/32 trust
"""

FLAVOUR = os.environ.get("HOWDAH_TESTS_FLAVOUR", "embedded")

# What tests of replication need.
CONFIG = {"wal_level": "logical", "logical_decoding_work_mem": "64kB"}


def main(command: list[str]) -> int:
    if os.environ.get("HOWDAH_TEST_DSN"):
        return subprocess.call(command)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(PgServer(FLAVOUR, config=CONFIG, hba=HBA))
        environ = {"HOWDAH_TEST_DSN": server.dsn, "HOWDAH_TEST_TCP_DSN": server.tcp_dsn}
        environ["HOWDAH_TEST_PYTHON"] = sys.executable
        if "--doc" in command:
            environ |= {"PGHOST": str(server.socket_dir), "PGPORT": str(server.port)}
            environ |= {"PGUSER": server.user, "PGDATABASE": server.dbname}
        if PROGRAM is None:
            print("pgbouncer is not installed: what needs it tests nothing", file=sys.stderr)
        else:
            environ["HOWDAH_TEST_POOLER_DSN"] = stack.enter_context(bouncer(server, sessions=3))
        return subprocess.call(command, env={**os.environ, **environ})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
