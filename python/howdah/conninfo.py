"""Connection strings and their parameters.

Source: libpq documentation, "Connection Strings".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from . import _howdah
from .errors import ProgrammingError

__all__ = ["ConnDict", "ConnParam", "conninfo_to_dict", "make_conninfo"]

ConnParam: TypeAlias = str | int | None
"""A parameter's value as functions take it; `None` means that the parameter is not given."""

ConnDict: TypeAlias = dict[str, ConnParam]
"""Parameters by their keywords."""


def make_conninfo(conninfo: str = "", **kwargs: ConnParam) -> str:
    """Join a connection string and parameters into one connection string.

    A parameter replaces the one in the string. Without parameters the string is checked and
    returned as it is. Raises `ProgrammingError` for a malformed string or an unknown keyword.
    """
    if not kwargs:
        if conninfo:
            _howdah.parse_conninfo(conninfo)
        return str(conninfo or "")
    params = conninfo_to_dict(conninfo, **kwargs)
    _check_keywords(params)
    return _howdah.make_conninfo({key: str(value) for key, value in params.items()})


def conninfo_to_dict(conninfo: str = "", **kwargs: ConnParam) -> ConnDict:
    """Return the parameters of a connection string and of the keywords, which win.

    Keyword parameters that are `None` are left out, and keep their type. Raises `ProgrammingError`
    for a malformed string.
    """
    params: ConnDict = dict(_howdah.parse_conninfo(conninfo)) if conninfo else {}
    params.update((key, value) for key, value in kwargs.items() if value is not None)
    return params


def _connect_params(params: ConnDict) -> dict[str, Any]:
    """Make what the extension connects with: strings, and a function that gives the password.

    Raises `ProgrammingError` for an unknown keyword, or for another function.
    """
    _check_keywords(params)
    given: dict[str, Any] = dict(params)
    functions = [key for key, value in given.items() if callable(value) and key != "password"]
    if functions:
        raise ProgrammingError(f"the connection option {functions[0]!r} cannot be a function")
    return {key: value if value is None or callable(value) else str(value) for key, value in given.items()}


def _check_keywords(names: Iterable[str]) -> None:
    for name in names:
        _howdah.check_conninfo_keyword(name)
