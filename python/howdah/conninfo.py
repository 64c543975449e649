"""Connection strings and their parameters.

Source: libpq documentation, "Connection Strings".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from . import _howdah
from .errors import OperationalError, ProgrammingError

__all__ = [
    "ConnDict",
    "ConnParam",
    "conninfo_attempts",
    "conninfo_attempts_async",
    "conninfo_to_dict",
    "make_conninfo",
    "timeout_from_conninfo",
]

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


def timeout_from_conninfo(params: ConnDict) -> int:
    """Return how many seconds an attempt to connect may take, by the parameter `connect_timeout`.

    Where that is not given, by the environment variable PGCONNECT_TIMEOUT. It is 130 if neither is there, or not
    positive, and 2 at least. Raises `ProgrammingError` for what is no number.
    """
    value: Any = params.get("connect_timeout", os.environ.get("PGCONNECT_TIMEOUT", _DEFAULT_CONNECT_TIMEOUT))
    try:
        seconds = int(float(value))
    except (ValueError, TypeError, OverflowError):
        raise ProgrammingError(f"bad value for connect_timeout: {str(value)!r}") from None
    return max(seconds, 2) if seconds > 0 else _DEFAULT_CONNECT_TIMEOUT


def conninfo_attempts(params: ConnDict) -> list[ConnDict]:
    """Return the parameters of each attempt to connect: one host or address, one port.

    Hosts, addresses and ports that are not given are those of the environment. The names of hosts are resolved, and
    `hostaddr` is the address; hosts that have none are left out. They come in a random order if `load_balance_hosts`
    is `random`. Raises `OperationalError` if none is left, or if there are not as many ports as hosts. `connect()` does
    this by itself.
    """
    places = _places(params)
    return _attempts(params, places, [_resolve(host) for _, host in places])


async def conninfo_attempts_async(params: ConnDict) -> list[ConnDict]:
    """Return what `conninfo_attempts()` does, without blocking the event loop."""
    places = _places(params)
    loop = asyncio.get_running_loop()
    found = [await loop.run_in_executor(None, _resolve, host) if host else [] for _, host in places]
    return _attempts(params, places, found)


def _split_hosts(params: ConnDict) -> list[tuple[str, str]]:
    """Return the hosts with their ports. Raises `OperationalError` if there are not as many ports as hosts."""
    hosts = _items(params, "host")
    return list(zip(hosts, _ports(params, len(hosts)), strict=True))


_DEFAULT_CONNECT_TIMEOUT: Final = 130


_VARIABLES: Final = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
    "port": "PGPORT",
}


def _value(params: ConnDict, key: str) -> str | None:
    """Return a parameter, or what the environment says where it is not given."""
    value = params.get(key)
    return (os.environ.get(_VARIABLES[key]) or None) if value is None else str(value)


def _items(params: ConnDict, key: str) -> list[str]:
    value = _value(params, key)
    return value.split(",") if value else []


def _ports(params: ConnDict, count: int) -> Sequence[str]:
    ports = _items(params, "port") or [""]
    if len(ports) == 1:
        return ports * count
    if len(ports) != count:
        raise OperationalError(f"could not match {len(ports)} port numbers to {count} hosts")
    return ports


def _places(params: ConnDict) -> list[tuple[ConnDict, str]]:
    """Return the parameters for each of the hosts, and the name that is to be resolved, empty if there is none."""
    lists = {key: items for key in ("host", "hostaddr") if (items := _items(params, key))}
    counts = [len(items) for items in lists.values()]
    if len({*counts}) > 1:
        raise OperationalError(f"could not match {counts[0]} host names with {counts[1]} hostaddr values")
    count = counts[0] if counts else 0
    ports = _ports(params, count)
    if not count:
        return [(dict(params), "")]
    chosen: list[dict[str, str]] = [
        dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)
    ]
    names = ["" if each.get("hostaddr") else each.get("host", "") for each in chosen]
    if count == 1:
        return [(dict(params), names[0])]
    if _value(params, "port") is not None:
        chosen = [{**each, "port": port} for each, port in zip(chosen, ports, strict=True)]
    return [({**params, **each}, name) for each, name in zip(chosen, names, strict=True)]


def _resolve(host: str) -> list[str] | OSError:
    """Return the addresses of a host; nothing if it needs none."""
    if not host or host.startswith(("/", "@")):
        return []
    with contextlib.suppress(ValueError):
        return [str(ip_address(host))]
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    return [str(info[4][0]) for info in found]


def _attempts(params: ConnDict, places: list[tuple[ConnDict, str]], found: list[list[str] | OSError]) -> list[ConnDict]:
    attempts: list[ConnDict] = []
    failure = ""
    for (place, host), addresses in zip(places, found, strict=True):
        if isinstance(addresses, OSError):
            failure = f"failed to resolve host {host!r}: {addresses}"
        elif addresses:
            attempts += [{**place, "hostaddr": address} for address in addresses]
        else:
            attempts.append(place)
    if not attempts:
        raise OperationalError(failure)
    if _value(params, "load_balance_hosts") == "random":
        random.shuffle(attempts)
    return attempts


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
