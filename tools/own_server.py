"""A server that can be stopped and started again, for tests in other languages.

It prints a conninfo and then reads commands from its standard input, a line each: `stop MODE` and `start`. Each is
answered by `done`. At the end of the input it is gone.
"""

from __future__ import annotations

import sys

from pgserver import PgServer


def main() -> None:
    """Serve until nobody writes commands."""
    with PgServer() as server:
        print(server.tcp_dsn, flush=True)
        for line in sys.stdin:
            match line.split():
                case ["stop", mode]:
                    server.stop(mode)
                case ["start"]:
                    server.start()
                case _:
                    raise SystemExit(f"unknown command: {line!r}")
            print("done", flush=True)


if __name__ == "__main__":
    main()
