"""Run a command beside a private Kerberos realm and a PostgreSQL server in it: with_kdc.py COMMAND...

The command has a ticket, and finds the server in HOWDAH_TEST_GSS_DSN.
"""

from __future__ import annotations

import os
import subprocess
import sys

from kdc import USERS, Realm, missing


def main(command: list[str]) -> int:
    reason = missing()
    if reason is not None:
        print(f"{reason}: skipped", file=sys.stderr)
        return 0
    with Realm() as realm, realm.server() as server:
        environ = {**realm.environ, "KRB5CCNAME": realm.ticket(USERS[0]), "HOWDAH_TEST_GSS_DSN": realm.dsn(server)}
        return subprocess.call(command, env={**os.environ, **environ})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
