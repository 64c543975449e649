"""Numbers that libpq gives to states, formats and fields. Source: libpq-fe.h, postgres_ext.h."""

from enum import IntEnum, IntFlag


class ConnStatus(IntEnum):
    """The state of a connection. A `howdah` connection is `OK` or `BAD`; the rest is libpq's."""

    __module__ = "howdah.pq"

    OK = 0
    """Usable."""
    BAD = 1
    """Closed, by the program or by a failure."""
    STARTED = 2
    MADE = 3
    AWAITING_RESPONSE = 4
    AUTH_OK = 5
    SETENV = 6
    SSL_STARTUP = 7
    NEEDED = 8
    CHECK_WRITABLE = 9
    CONSUME = 10
    GSS_STARTUP = 11
    CHECK_TARGET = 12
    CHECK_STANDBY = 13
    ALLOCATED = 14
    AUTHENTICATING = 15


class PollingStatus(IntEnum):
    """What a connection attempt waits for."""

    __module__ = "howdah.pq"

    FAILED = 0
    READING = 1
    WRITING = 2
    OK = 3
    ACTIVE = 4


class ExecStatus(IntEnum):
    """What came of a command."""

    __module__ = "howdah.pq"

    EMPTY_QUERY = 0
    """The command was an empty string."""
    COMMAND_OK = 1
    """Done, without rows."""
    TUPLES_OK = 2
    """Done, with rows, maybe none."""
    COPY_OUT = 3
    """A COPY from the server has begun."""
    COPY_IN = 4
    """A COPY to the server has begun."""
    BAD_RESPONSE = 5
    """The server's answer was not understood."""
    NONFATAL_ERROR = 6
    """A notice or a warning."""
    FATAL_ERROR = 7
    """The command failed."""
    COPY_BOTH = 8
    """A COPY in both directions has begun, as replication uses it."""
    SINGLE_TUPLE = 9
    """One row of a result that arrives row by row."""
    PIPELINE_SYNC = 10
    """A synchronisation point of a pipeline."""
    PIPELINE_ABORTED = 11
    """Not run: an earlier command of the pipeline failed."""
    TUPLES_CHUNK = 12
    """Some rows of a result that arrives in pieces."""


class TransactionStatus(IntEnum):
    """Where a session is in its transaction."""

    __module__ = "howdah.pq"

    IDLE = 0
    """No transaction, no command."""
    ACTIVE = 1
    """A command is running."""
    INTRANS = 2
    """In a transaction, no command."""
    INERROR = 3
    """In a transaction that failed and waits for a rollback."""
    UNKNOWN = 4
    """The connection is closed."""


class Ping(IntEnum):
    """What came of asking a server whether it runs."""

    __module__ = "howdah.pq"

    OK = 0
    """It accepts connections."""
    REJECT = 1
    """It runs, and refuses connections."""
    NO_RESPONSE = 2
    """It did not answer."""
    NO_ATTEMPT = 3
    """It was not asked, because the parameters were wrong."""


class PipelineStatus(IntEnum):
    """Whether a connection is in pipeline mode."""

    __module__ = "howdah.pq"

    OFF = 0
    ON = 1
    ABORTED = 2
    """A command of the pipeline failed; the rest is skipped until the synchronisation point."""


class DiagnosticField(IntEnum):
    """The fields of an error or a notice; each value is the code of the field's protocol letter."""

    __module__ = "howdah.pq"

    SEVERITY = ord("S")
    SEVERITY_NONLOCALIZED = ord("V")
    SQLSTATE = ord("C")
    MESSAGE_PRIMARY = ord("M")
    MESSAGE_DETAIL = ord("D")
    MESSAGE_HINT = ord("H")
    STATEMENT_POSITION = ord("P")
    INTERNAL_POSITION = ord("p")
    INTERNAL_QUERY = ord("q")
    CONTEXT = ord("W")
    SCHEMA_NAME = ord("s")
    TABLE_NAME = ord("t")
    COLUMN_NAME = ord("c")
    DATATYPE_NAME = ord("d")
    CONSTRAINT_NAME = ord("n")
    SOURCE_FILE = ord("F")
    SOURCE_LINE = ord("L")
    SOURCE_FUNCTION = ord("R")


class Format(IntEnum):
    """The format of a value on the wire."""

    __module__ = "howdah.pq"

    TEXT = 0
    BINARY = 1


class Trace(IntFlag):
    """What a protocol trace leaves out."""

    __module__ = "howdah.pq"

    SUPPRESS_TIMESTAMPS = 1
    REGRESS_MODE = 2
    """Numbers that differ between runs, such as OIDs."""
