"""The tuples of `howdah.pq`, and texts about connections and results.

Source: libpq documentation, "PQconndefaults", "PQnotifies", "PQsetResultAttrs".
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, NamedTuple

from ._enums import ConnStatus, PipelineStatus, TransactionStatus

if TYPE_CHECKING:
    from . import abc

logger = logging.getLogger("howdah.pq")

OK = ConnStatus.OK

PREFIXES = re.compile(r"\A[^\W\d_]+(?: [^\W\d_]+)?:\s{2,}")
"""A severity in front of a message, in any language: words, a colon, two spaces."""


class PGnotify(NamedTuple):
    """A notification: the channel, the process that sent it, and the payload."""

    relname: bytes
    be_pid: int
    extra: bytes


class ConninfoOption(NamedTuple):
    """A connection option: where its value comes from, its value, and how a dialogue would show it."""

    keyword: bytes
    envvar: bytes | None
    compiled: bytes | None
    val: bytes | None
    label: bytes
    dispchar: bytes
    dispsize: int


class PGresAttDesc(NamedTuple):
    """A column, for `PGresult.set_attributes()`."""

    name: bytes
    tableid: int
    columnid: int
    format: int
    typid: int
    typlen: int
    atttypmod: int


def error_message(obj: abc.PGconn | abc.PGresult | abc.PGcancelConn, encoding: str = "") -> str:
    """Return the error of a connection or result as text, without its severity.

    It is decoded from `encoding`, by default the client encoding.
    """
    return obj.get_error_message(encoding)


def strip_severity(msg: str) -> str:
    """Return a message without the severity in front of it."""
    return PREFIXES.sub("", msg).strip()


def _clean_message(msg: bytes, encoding: str) -> str:
    text = msg.decode(encoding, "replace")
    return strip_severity(text) or "no error details available"


def connection_summary(pgconn: abc.PGconn) -> str:
    """Return state and place of a connection in short, without what goes without saying."""
    if pgconn.status != OK:
        return f"[{ConnStatus(pgconn.status).name}]"
    state = TransactionStatus(pgconn.transaction_status).name
    if pgconn.pipeline_status:
        state += f", pipeline={PipelineStatus(pgconn.pipeline_status).name}"
    host, port, user, db = (bytes(v).decode() for v in (pgconn.host, pgconn.port, pgconn.user, pgconn.db))
    parts = [] if host.startswith("/") else [f"host={host}"]
    if port and port != get_compiled_port():
        parts.append(f"port={port}")
    if user != db:
        parts.append(f"user={user}")
    return f"[{state}] ({' '.join([*parts, f'database={db}'])})"


def version_pretty(version: int) -> str:
    """Return a version as it is written: 18.6 for 180006, 9.6.3 for 90603."""
    version, patch = divmod(version, 100)
    major, minor = divmod(version, 100)
    return f"{major}.{patch}" if major >= 10 and minor == 0 else f"{major}.{minor}.{patch}"


def get_compiled_port() -> str:
    """Return the port of servers unless another one is given."""
    return "5432"


def find_libpq_full_path() -> None:
    """Return `None`: howdah has no libpq."""
    return None
