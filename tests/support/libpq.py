"""libpq's own functions for connection strings, called with ctypes: what howdah's are compared with."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from pathlib import Path

import psycopg
import pytest


class _Option(ctypes.Structure):
    _fields_ = [
        ("keyword", ctypes.c_char_p),
        ("envvar", ctypes.c_char_p),
        ("compiled", ctypes.c_char_p),
        ("val", ctypes.c_char_p),
        ("label", ctypes.c_char_p),
        ("dispchar", ctypes.c_char_p),
        ("dispsize", ctypes.c_int),
    ]


_Options = ctypes.POINTER(_Option)


class Libpq:
    """The library that psycopg brings along, or else the system's if it is of version 18."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL(_path())
        self._lib.PQconninfoParse.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
        self._lib.PQconninfoParse.restype = _Options
        self._lib.PQconndefaults.restype = _Options
        self._lib.PQconninfoFree.argtypes = [_Options]
        self._lib.PQfreemem.argtypes = [ctypes.c_void_p]
        self.version: int = self._lib.PQlibVersion()

    def parse(self, conninfo: str) -> dict[str, str] | str:
        """The options that a connection string gives, in libpq's order; or the error's text."""
        error = ctypes.c_void_p()
        options = self._lib.PQconninfoParse(conninfo.encode(), ctypes.byref(error))
        if not options:
            text = ctypes.string_at(error.value or 0).decode("utf-8", "replace")
            self._lib.PQfreemem(error)
            return text.strip()
        return self._taken(options)

    def defaults(self) -> dict[str, str]:
        """The options that environment, service file and defaults give."""
        return self._taken(self._lib.PQconndefaults())

    def _taken(self, options: ctypes._Pointer[_Option]) -> dict[str, str]:
        found = {}
        index = 0
        while keyword := options[index].keyword:
            value = options[index].val
            if value is not None:
                found[keyword.decode()] = value.decode("utf-8", "replace")
            index += 1
        self._lib.PQconninfoFree(options)
        return found


@functools.cache
def libpq() -> Libpq:
    """The library; skips the test where there is none of version 18."""
    try:
        found = Libpq()
    except OSError as error:
        pytest.skip(f"there is no libpq: {error}")
    if found.version < 180000:
        pytest.skip(f"libpq is of version {found.version}")
    return found


def _path() -> str:
    packages = Path(psycopg.__file__).parent.parent
    bundled = sorted(packages.glob("psycopg_binary.libs/libpq-*.so*"))
    if bundled:
        # Imported, psycopg's extension has loaded what the library needs.
        return str(bundled[0])
    return ctypes.util.find_library("pq") or "libpq.so.5"
