"""The exception classes of PEP 249, and the report that a server error carries.

This module imports nothing of howdah, so that `tools/generate_sqlstates.py` can read the map from
SQLSTATE class to base exception without a built extension. Import from `howdah.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, Union

if TYPE_CHECKING:
    from .pq.abc import PGconn, PGresult

ErrorInfo: TypeAlias = Union[Mapping[Any, "bytes | None"], "PGresult", None]
"""Where the fields of a server's report come from."""

_classes_by_code: Final[dict[str, type[Error]]] = {}


def lookup(sqlstate: str) -> type[Error]:
    """Return the exception class of a SQLSTATE, or of a condition name such as `UNIQUE_VIOLATION`.

    Case does not matter. Raises `KeyError` if PostgreSQL's list does not have it.
    Source: appendix "PostgreSQL Error Codes".
    """
    return _classes_by_code[sqlstate.upper()]


def class_for_sqlstate(sqlstate: str) -> type[Error]:
    """Return the exception class of a SQLSTATE, known or not.

    A code that PostgreSQL's list does not have gives the PEP 249 class of its SQLSTATE class.
    """
    return _classes_by_code.get(sqlstate.upper()) or get_base_exception(sqlstate)


def get_base_exception(sqlstate: str) -> type[Error]:
    """Return the PEP 249 class that errors of this SQLSTATE derive from."""
    name = BASE_BY_SQLSTATE_CLASS.get(sqlstate[:2]) or BASE_BY_SQLSTATE_CLASS.get(sqlstate[:1])
    return _bases_by_name.get(name or "", DatabaseError)


class Diagnostic:
    """What the server says about an error or a notice, one attribute for each protocol field.

    Every attribute is a `str`, or `None` when the server did not send the field. The fields are
    kept as received and decoded when read; bytes that are not valid in the client encoding become
    replacement characters. The object owns its data: it stays valid for ever and can be pickled.
    Source: protocol page "Error and Notice Message Fields".
    """

    __module__ = "howdah.errors"

    def __init__(self, info: ErrorInfo, encoding: str = "utf-8") -> None:
        self._info = _fields_by_letter(info)
        self._encoding = encoding

    @property
    def severity(self) -> str | None:
        """The severity, in the server's language: ERROR, FATAL, WARNING, NOTICE..."""
        return self._text("S")

    @property
    def severity_nonlocalized(self) -> str | None:
        """The severity, never translated."""
        return self._text("V")

    @property
    def sqlstate(self) -> str | None:
        """The five characters of the SQLSTATE code."""
        return self._text("C")

    @property
    def message_primary(self) -> str | None:
        """The message for a person, usually one line."""
        return self._text("M")

    @property
    def message_detail(self) -> str | None:
        """More about the problem, maybe on several lines."""
        return self._text("D")

    @property
    def message_hint(self) -> str | None:
        """What to do about the problem, according to the server."""
        return self._text("H")

    @property
    def statement_position(self) -> str | None:
        """Where in the statement the problem is, in characters, counted from 1."""
        return self._text("P")

    @property
    def internal_position(self) -> str | None:
        """Where in `internal_query` the problem is, in characters, counted from 1."""
        return self._text("p")

    @property
    def internal_query(self) -> str | None:
        """The text of the failed command that the server made by itself, as a function does."""
        return self._text("q")

    @property
    def context(self) -> str | None:
        """Where the error happened: a call stack of functions, one entry on each line."""
        return self._text("W")

    @property
    def schema_name(self) -> str | None:
        """The schema of the object that the error is about."""
        return self._text("s")

    @property
    def table_name(self) -> str | None:
        """The table that the error is about."""
        return self._text("t")

    @property
    def column_name(self) -> str | None:
        """The column that the error is about."""
        return self._text("c")

    @property
    def datatype_name(self) -> str | None:
        """The data type that the error is about."""
        return self._text("d")

    @property
    def constraint_name(self) -> str | None:
        """The constraint that the error is about."""
        return self._text("n")

    @property
    def source_file(self) -> str | None:
        """The file of the server's source that reported the error."""
        return self._text("F")

    @property
    def source_line(self) -> str | None:
        """The line in `source_file`."""
        return self._text("L")

    @property
    def source_function(self) -> str | None:
        """The function in `source_file`."""
        return self._text("R")

    def __repr__(self) -> str:
        severity = self.severity_nonlocalized or self.severity or "no severity"
        return f"<{type(self).__name__} {severity}: {self.message_primary!r}>"

    def _text(self, letter: str) -> str | None:
        value = self._info.get(letter) if self._info else None
        return None if value is None else value.decode(self._encoding, "replace")


_LETTERS: Final = "SVCMDHPpqWstcdnFLR"
"""The fields of a report."""

_GONE: Final = frozenset(["25006", "57P01", "57P02", "57P03", "57P05"])
"""Conditions after which another server, or the same one later, serves the program better."""


class Warning(Exception):  # noqa: A001 the name is PEP 249's
    """An important warning. Defined because PEP 249 asks for it; howdah never raises it."""

    __module__ = "howdah"


class Error(Exception):
    """The base of every exception that howdah raises on its own account.

    It can be pickled, and its `diag` survives. Source: PEP 249, "Exceptions".
    """

    __module__ = "howdah"

    _connection_lost = False

    sqlstate: str | None = None
    """The SQLSTATE of the error, `None` when the server did not report it."""

    def __init__(
        self,
        *args: Any,
        info: ErrorInfo = None,
        encoding: str = "utf-8",
        pgconn: PGconn | None = None,
    ) -> None:
        super().__init__(*args)
        self._info = _fields_by_letter(info)
        self._encoding = encoding
        self._pgconn = pgconn
        self._pgresult: PGresult | None = None
        self._of_server = False
        if self._info and not self.sqlstate:
            self.sqlstate = self.diag.sqlstate

    @property
    def pgconn(self) -> PGconn | None:
        """The attempt that failed, a `PGconn`, if the error is about opening a connection; otherwise `None`.

        It cannot be used, and tells of the server, the user and the options that were tried.
        """
        return self._pgconn

    @property
    def pgresult(self) -> PGresult | None:
        """The result of the statement that failed, a `PGresult`; `None` if the error came from elsewhere."""
        if self._pgresult is None and self._of_server and self._info:
            from ._howdah import PGresult

            severity = self._info.get("S", b"").decode(self._encoding, "replace")
            message = f"{severity}:  {self.args[0]}\n".encode(self._encoding, "replace")
            self._pgresult = PGresult._of_error(self._info, message, self._encoding)
        return self._pgresult

    @property
    def is_connection_lost(self) -> bool:
        """Whether there is no connection (any more): it was lost or closed, or never came to be.

        All later operations of the same connection fail as well.
        """
        return self._connection_lost

    @property
    def needs_reconnect(self) -> bool:
        """Whether a program, or its pool, should give up the connection and make another one.

        Besides `is_connection_lost` that is so where the server refuses to write (SQLSTATE 25006): it may
        have become a standby, and with `target_session_attrs=read-write` a new connection finds the
        primary. A transaction that was declared `READ ONLY` gives the same SQLSTATE.
        """
        return self._connection_lost or self.sqlstate in _GONE

    @property
    def diag(self) -> Diagnostic:
        """The server's report. All its attributes are `None` if the error came from elsewhere."""
        return Diagnostic(self._info, self._encoding)

    def __reduce__(self) -> str | tuple[Any, ...]:
        reduced = super().__reduce__()
        if isinstance(reduced, tuple) and len(reduced) > 2:
            # The fields by number, as psycopg has them: it reads what has the names of its classes.
            known = self._info or {}
            info = {ord(letter): known.get(letter) for letter in _LETTERS} if known else None
            fresh = {"_info": info, "_pgconn": None, "_pgresult": None, "_of_server": False}
            return (*reduced[:2], {**reduced[2], **fresh}, *reduced[3:])
        return reduced

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        super().__setstate__(state)
        self._info = _fields_by_letter(self._info)


class InterfaceError(Error):
    """Wrong use of the driver, found by the driver: fetching from a closed cursor, for example."""

    __module__ = "howdah"


class DatabaseError(Error):
    """The base of the errors that come from the database."""

    __module__ = "howdah"

    def __init_subclass__(cls, code: str | None = None, name: str | None = None) -> None:
        super().__init_subclass__()
        if code:
            cls.sqlstate = code
            _classes_by_code[code] = cls
        if name:
            _classes_by_code[name] = cls


class DataError(DatabaseError):
    """A value that cannot be processed: division by zero, out of range, invalid text."""

    __module__ = "howdah"


class OperationalError(DatabaseError):
    """A problem of the database's operation, not always in the programmer's hands.

    A lost or refused connection, a server out of memory, a cancelled statement.
    """

    __module__ = "howdah"


class IntegrityError(DatabaseError):
    """The relations between the data would break: a failed foreign key, a duplicate key."""

    __module__ = "howdah"


class InternalError(DatabaseError):
    """The database met a problem of its own, or a transaction is out of step."""

    __module__ = "howdah"


class ProgrammingError(DatabaseError):
    """A mistake in the program: SQL syntax, a missing table, a wrong number of parameters."""

    __module__ = "howdah"


class NotSupportedError(DatabaseError):
    """Something that the database, or this version of howdah, does not do."""

    __module__ = "howdah"


BASE_BY_SQLSTATE_CLASS: Final[dict[str, str]] = {
    "08": "OperationalError",
    "0A": "NotSupportedError",
    "10": "ProgrammingError",
    "20": "ProgrammingError",
    "21": "ProgrammingError",
    "22": "DataError",
    "23": "IntegrityError",
    "24": "InternalError",
    "25": "InternalError",
    "26": "ProgrammingError",
    "27": "OperationalError",
    "28": "OperationalError",
    "2B": "InternalError",
    "2D": "InternalError",
    "2F": "OperationalError",
    "34": "ProgrammingError",
    "38": "OperationalError",
    "39": "OperationalError",
    "3B": "OperationalError",
    "3D": "ProgrammingError",
    "3F": "ProgrammingError",
    "40": "OperationalError",
    "42": "ProgrammingError",
    "44": "ProgrammingError",
    "53": "OperationalError",
    "54": "OperationalError",
    "55": "OperationalError",
    "57": "OperationalError",
    "58": "OperationalError",
    "F": "OperationalError",
    "H": "OperationalError",
    "P": "ProgrammingError",
    "X": "InternalError",
}
"""The PEP 249 class of each SQLSTATE class, by its two characters or by the first alone.

A class that is not here has `DatabaseError`.
"""

_bases_by_name: Final[dict[str, type[Error]]] = {
    cls.__name__: cls
    for cls in (
        DataError,
        OperationalError,
        IntegrityError,
        InternalError,
        ProgrammingError,
        NotSupportedError,
    )
}


def _fields_by_letter(info: ErrorInfo) -> dict[str, bytes] | None:
    """Key the fields by protocol letter, also when they come keyed by `pq.DiagnosticField`, or in a `PGresult`."""
    if info is None:
        return None
    if not isinstance(info, Mapping):
        info = {letter: info.error_field(ord(letter)) for letter in _LETTERS}
    return {chr(key) if isinstance(key, int) else str(key): value for key, value in info.items() if value is not None}
