"""What can be asked about a connection."""

from __future__ import annotations

import logging
from datetime import timezone, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ._howdah import conninfo_defaults, conninfo_secrets
from .conninfo import make_conninfo
from .errors import OperationalError
from .pq import ConnStatus, PipelineStatus, TransactionStatus

if TYPE_CHECKING:
    from ._howdah import BaseConnection, PGconn

_logger = logging.getLogger("howdah")


class ConnectionInfo:
    """What the client and the server agreed on, and the state of the session.

    Attributes raise `OperationalError` after the connection was closed, except `status`,
    `transaction_status`, `pipeline_status`, `encoding` and `error_message`. After a connection was
    lost they keep their last values, and `backend_pid` and the versions are 0.
    """

    __module__ = "howdah"

    def __init__(self, connection: BaseConnection) -> None:
        self._connection = connection

    @property
    def pgconn(self) -> PGconn:
        """The connection as libpq has it."""
        return self._connection.pgconn

    @property
    def vendor(self) -> str:
        """The name of the database product."""
        return "PostgreSQL"

    @property
    def host(self) -> str:
        """The host name, the address, or the directory of the socket."""
        return self._parameter("host")

    @property
    def hostaddr(self) -> str:
        """The IP address of the server, empty for a Unix socket."""
        return self._parameter("hostaddr")

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self._parameter("port") or conninfo_defaults()["port"])

    @property
    def dbname(self) -> str:
        """The name of the database."""
        return self._parameter("dbname")

    @property
    def user(self) -> str:
        """The name of the user."""
        return self._parameter("user")

    @property
    def password(self) -> str:
        """The password, empty if there is none."""
        return self._open()._password() or ""

    @property
    def options(self) -> str:
        """The command-line options given to the server at start."""
        return self._parameter("options")

    def get_parameters(self) -> dict[str, str]:
        """Return the parameters that do not have their default value, without the password and other secrets."""
        secrets, defaults = conninfo_secrets(), conninfo_defaults()
        return {
            key: value
            for key, value in self._open()._conninfo().items()
            if key not in secrets and value is not None and value != defaults.get(key)
        }

    @property
    def dsn(self) -> str:
        """A connection string of `get_parameters()`, so without secrets."""
        return make_conninfo("", **self.get_parameters())

    @property
    def status(self) -> ConnStatus:
        """`OK`, or `BAD` if the connection is closed."""
        return ConnStatus.BAD if self._connection.closed else ConnStatus.OK

    @property
    def transaction_status(self) -> TransactionStatus:
        """Where the session is in its transaction, `UNKNOWN` if the connection is closed."""
        if self._connection.closed:
            return TransactionStatus.UNKNOWN
        return TransactionStatus(self._connection._transaction_status())

    @property
    def pipeline_status(self) -> PipelineStatus:
        """Whether the connection is in pipeline mode, and whether a statement of it has failed."""
        return PipelineStatus(self._connection._pipeline_status())

    def parameter_status(self, param_name: str) -> str | None:
        """Return a setting that the server reports by itself, `None` if it does not report it.

        Source: protocol page, section "Asynchronous Operations", ParameterStatus.
        """
        return self._open()._parameter_status(param_name)

    @property
    def ssl_in_use(self) -> bool:
        """Whether the connection is encrypted with TLS."""
        return self._open()._tls() is not None

    def ssl_attribute(self, name: str) -> str | None:
        """Return what TLS has agreed on, by libpq's names, or `None` if the connection is not encrypted.

        `protocol` is `TLSv1.2` or `TLSv1.3`, `cipher` has OpenSSL's name, `key_bits` is a number, `alpn` is
        `postgresql` or empty, `compression` is `off`, and `library` is `rustls`. Other names are `None`.
        """
        tls = self._open()._tls()
        if tls is None:
            return None
        version, cipher, key_bits, alpn = tls
        attributes = {
            "library": "rustls",
            "protocol": version,
            "cipher": cipher,
            "key_bits": str(key_bits),
            "compression": "off",
            "alpn": "postgresql" if alpn else "",
        }
        return attributes.get(name)

    @property
    def server_version(self) -> int:
        """The version of the server as a number: 180006 for 18.6."""
        connection = self._open()
        return 0 if connection.closed else connection._server_version()

    @property
    def full_protocol_version(self) -> int:
        """The version of the protocol as a number: 30000 for 3.0, 30002 for 3.2."""
        connection = self._open()
        if connection.closed:
            return 0
        major, minor = connection._protocol()
        return major * 10000 + minor

    @property
    def backend_pid(self) -> int:
        """The process ID of the server session."""
        connection = self._open()
        return 0 if connection.closed else connection._backend_pid()

    @property
    def error_message(self) -> str:
        """The message of the last failure on this connection, empty if there was none."""
        return self._connection._error_message() or ""

    @property
    def timezone(self) -> tzinfo:
        """The time zone of the session.

        UTC, with a warning in the log, if Python does not know the zone of the server.
        """
        return _time_zone(self.parameter_status("TimeZone") or "UTC")

    @property
    def encoding(self) -> str:
        """The Python name of the client encoding."""
        return self._connection._encoding()

    def _parameter(self, keyword: str) -> str:
        return self._open()._conninfo().get(keyword) or ""

    def _open(self) -> BaseConnection:
        if self._connection.closed and not self._connection.broken:
            raise OperationalError("the connection is closed")
        return self._connection


@lru_cache(64)
def _time_zone(name: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc
    try:
        return ZoneInfo(name)
    # A name that is no path, as POSIX zones can be, gives ValueError or OSError.
    except (KeyError, ValueError, OSError) as error:
        _logger.warning("unknown PostgreSQL timezone: %r; will use UTC (%s)", name, error)
        return timezone.utc
