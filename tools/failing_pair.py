"""A primary and its standby, for tests in other languages.

It prints a conninfo of both and then reads commands from its standard input, a line each: `stop` (the primary, at
once), `promote` (the standby). Each is answered by `done`. At the end of the input both are stopped.
"""

from __future__ import annotations

import sys

from pgserver import PgServer


def main() -> None:
    """Serve until nobody writes commands."""
    with PgServer() as primary, PgServer(standby_of=primary) as standby:
        ports = f"{primary.port},{standby.port}"
        print(f"host=127.0.0.1,127.0.0.1 port={ports} user=postgres dbname=postgres", flush=True)
        for line in sys.stdin:
            if line.strip() == "stop":
                primary.stop("immediate")
            elif line.strip() == "promote":
                standby.promote()
            else:
                raise SystemExit(f"unknown command: {line!r}")
            print("done", flush=True)


if __name__ == "__main__":
    main()
