"""What the driver can do, for programs that ask before they use it."""

from __future__ import annotations


class Capabilities:
    """Answers whether a feature is there; `howdah.capabilities` is the object to ask.

    psycopg's features depend on the version of libpq, and with `check=True` one that is not there raises
    `NotSupportedError`. howdah's are its own, and all of them are there.
    """

    def has_encrypt_password(self, check: bool = False) -> bool:
        """Tell whether `PGconn.encrypt_password()` is there."""
        return True

    def has_hostaddr(self, check: bool = False) -> bool:
        """Tell whether `ConnectionInfo.hostaddr` is there."""
        return True

    def has_pipeline(self, check: bool = False) -> bool:
        """Tell whether there is a pipeline mode."""
        return True

    def has_set_trace_flags(self, check: bool = False) -> bool:
        """Tell whether `PGconn.set_trace_flags()` is there."""
        return True

    def has_used_gssapi(self, check: bool = False) -> bool:
        """Tell whether `PGconn.used_gssapi` is there."""
        return True

    def has_full_protocol_version(self, check: bool = False) -> bool:
        """Tell whether `ConnectionInfo.full_protocol_version` is there."""
        return True

    def has_cancel_safe(self, check: bool = False) -> bool:
        """Tell whether `cancel_safe()` does not block, and is encrypted as the connection is."""
        return True

    def has_stream_chunked(self, check: bool = False) -> bool:
        """Tell whether `Cursor.stream()` takes a `size` greater than 1."""
        return True

    def has_send_close_prepared(self, check: bool = False) -> bool:
        """Tell whether prepared statements are closed by a message of the protocol, which poolers understand."""
        return True


capabilities = Capabilities()
"""The capabilities of this version."""
