"""Server messages: a handler receives the notices that come with the results."""

from __future__ import annotations

import os

import howdah

DSN = os.environ.get("HOWDAH_DSN", "")


def log_notice(diag: howdah.errors.Diagnostic) -> None:
    """Print a notice; the object stays valid for as long as it is kept."""
    print(f"The server says: {diag.severity} - {diag.message_primary}")


def main() -> None:
    """Provoke a warning of the server and one of a program in the server."""
    with howdah.connect(DSN, autocommit=True) as conn:
        conn.add_notice_handler(log_notice)
        cur = conn.execute("ROLLBACK")
        print(cur.statusmessage)
        conn.execute("DO $$ BEGIN RAISE NOTICE 'halfway' USING hint = 'be patient'; END $$")

        conn.remove_notice_handler(log_notice)
        conn.execute("ROLLBACK")


if __name__ == "__main__":
    main()
