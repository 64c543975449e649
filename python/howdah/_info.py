"""What can be asked about a connection."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timezone, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ._encodings import pg2pyenc
from ._howdah import conninfo_defaults, conninfo_secrets
from .conninfo import make_conninfo
from .pq import ConnStatus, PipelineStatus, TransactionStatus

if TYPE_CHECKING:
    from ._compat import Self
    from ._howdah import BaseConnection, PGconn

_logger = logging.getLogger("howdah")


class ConnectionInfo:
    """What the client and the server agreed on, and the state of the session.

    Attributes raise `OperationalError` after the connection was closed, except `status`,
    `transaction_status`, `pipeline_status` and `error_message`. After a connection was
    lost they keep their last values, and `backend_pid` and the versions are 0.
    """

    __module__ = "howdah"

    def __init__(self, pgconn: PGconn) -> None:
        self.pgconn = pgconn
        """The connection as libpq has it."""
        self._connection: BaseConnection | None = None

    @classmethod
    def _of(cls, connection: BaseConnection) -> Self:
        """Return what can be asked about `connection`, which is not collected as long as somebody may ask."""
        info = cls(connection.pgconn)
        info._connection = connection
        return info

    @property
    def vendor(self) -> str:
        """The name of the database product."""
        return "PostgreSQL"

    @property
    def host(self) -> str:
        """The host name, the address, or the directory of the socket."""
        return self.pgconn.host.decode()

    @property
    def hostaddr(self) -> str:
        """The IP address of the server, empty for a Unix socket."""
        return self.pgconn.hostaddr.decode()

    @property
    def port(self) -> int:
        """The port of the server."""
        return int(self.pgconn.port or conninfo_defaults()["port"])

    @property
    def dbname(self) -> str:
        """The name of the database."""
        return self.pgconn.db.decode()

    @property
    def user(self) -> str:
        """The name of the user."""
        return self.pgconn.user.decode()

    @property
    def password(self) -> str:
        """The password, empty if there is none."""
        return self.pgconn.password.decode()

    @property
    def options(self) -> str:
        """The command-line options given to the server at start."""
        return self.pgconn.options.decode()

    def get_parameters(self) -> dict[str, str]:
        """Return the parameters that do not have their default value, without the password and other secrets."""
        secrets, defaults = conninfo_secrets(), conninfo_defaults()
        return {key: value for key, value in self._options() if key not in secrets and value != defaults.get(key)}

    @property
    def dsn(self) -> str:
        """A connection string of `get_parameters()`, so without secrets."""
        return make_conninfo("", **self.get_parameters())

    @property
    def status(self) -> ConnStatus:
        """`OK`, or `BAD` if the connection is closed; others while it is being made."""
        return ConnStatus(self.pgconn.status)

    @property
    def transaction_status(self) -> TransactionStatus:
        """Where the session is in its transaction, `UNKNOWN` if the connection is closed."""
        return TransactionStatus(self.pgconn.transaction_status)

    @property
    def pipeline_status(self) -> PipelineStatus:
        """Whether the connection is in pipeline mode, and whether a statement of it has failed."""
        return PipelineStatus(self.pgconn.pipeline_status)

    def parameter_status(self, param_name: str) -> str | None:
        """Return a setting that the server reports by itself, `None` if it does not report it.

        Source: protocol page, section "Asynchronous Operations", ParameterStatus.
        """
        value = self.pgconn.parameter_status(param_name.encode(self.encoding))
        return None if value is None else self._text(value)

    @property
    def ssl_in_use(self) -> bool:
        """Whether the connection is encrypted with TLS."""
        return self.pgconn._tls() is not None

    def ssl_attribute(self, name: str) -> str | None:
        """Return what TLS has agreed on, by libpq's names, or `None` if the connection is not encrypted.

        `protocol` is `TLSv1.2` or `TLSv1.3`, `cipher` has OpenSSL's name, `key_bits` is a number, `alpn` is
        `postgresql` or empty, `compression` is `off`, and `library` is `rustls`. Other names are `None`.
        """
        tls = self.pgconn._tls()
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
        return self.pgconn.server_version

    @property
    def full_protocol_version(self) -> int:
        """The version of the protocol as a number: 30000 for 3.0, 30002 for 3.2."""
        return self.pgconn.full_protocol_version

    @property
    def backend_pid(self) -> int:
        """The process ID of the server session."""
        return self.pgconn.backend_pid

    @property
    def error_message(self) -> str:
        """The message of the last failure, with its severity; empty if the last command did not fail."""
        return self._text(self.pgconn.error_message)

    @property
    def timezone(self) -> tzinfo:
        """The time zone of the session.

        UTC, with a warning in the log, if Python does not know the zone of the server.
        """
        return _time_zone(self.parameter_status("TimeZone") or "UTC")

    @property
    def encoding(self) -> str:
        """The Python name of the client encoding."""
        name = None if self.pgconn.status == ConnStatus.BAD else self.pgconn.parameter_status(b"client_encoding")
        return pg2pyenc(name or b"UTF8")

    def _options(self) -> Iterator[tuple[str, str]]:
        for option in self.pgconn.info:
            if option.val is not None:
                # UTF-8, whatever the session has come to speak.
                yield option.keyword.decode(), option.val.decode()

    def _text(self, value: bytes) -> str:
        return value.decode(self.encoding, "replace")


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
