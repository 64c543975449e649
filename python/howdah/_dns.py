"""Servers found by the DNS: SRV records. Experimental, as in psycopg.

It needs the package dnspython, which howdah does not install. A connection class that uses it:

    class SrvConnection(howdah.Connection):
        @classmethod
        def _get_connection_params(cls, conninfo, **kwargs):
            return resolve_srv(super()._get_connection_params(conninfo, **kwargs))

Source: RFC 2782.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from .conninfo import _split_hosts, _value, conninfo_attempts_async
from .errors import OperationalError

try:
    from dns.asyncresolver import Resolver as AsyncResolver  # type: ignore[import-not-found, unused-ignore]
    from dns.exception import DNSException  # type: ignore[import-not-found, unused-ignore]
    from dns.resolver import Resolver  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    raise ImportError("the module howdah._dns needs the package 'dnspython', which is not installed") from None

if TYPE_CHECKING:
    from .abc import ConnDict

__all__ = ["resolve_hostaddr_async", "resolve_srv", "resolve_srv_async"]


def resolve_srv(params: ConnDict) -> ConnDict:
    """Return connection parameters with the hosts and ports of SRV records in the places of their names.

    A host is looked up if it is called `_service._proto.target`, or if its port is `SRV`. Of several servers those of
    the lowest priority come first, among them by chance in proportion to their weights. If the lookup fails, the host
    is `target`, or left out if there is none. Nothing is looked up if there is a `hostaddr`. Raises `OperationalError`
    if no host is left.
    """
    lookups = _lookups(params)
    answers = [_answer(lookup) for lookup in lookups]
    return _with_hosts(params, lookups, answers)


async def resolve_srv_async(params: ConnDict) -> ConnDict:
    """Return what `resolve_srv()` does, without blocking the event loop."""
    lookups = _lookups(params)
    answers = [await _answer_async(lookup) for lookup in lookups]
    return _with_hosts(params, lookups, answers)


async def resolve_hostaddr_async(params: ConnDict) -> ConnDict:
    """Return connection parameters with the addresses of the hosts in `hostaddr`.

    Hosts that have none are left out. Raises `OperationalError` if none is left. `AsyncConnection.connect()` does not
    need it: it resolves names by itself without blocking the event loop.
    """
    warnings.warn("'resolve_hostaddr_async()' is not needed any more", DeprecationWarning, stacklevel=2)
    attempts = await conninfo_attempts_async(params)
    joined = {key: [attempt.get(key) for attempt in attempts] for key in ("host", "hostaddr", "port")}
    found = {key: ",".join(str(x or "") for x in values) for key, values in joined.items() if any(values)}
    return {**params, **found}


_SRV_NAME = re.compile(r"_[^.]+\._(?:tcp|udp)\.(.+)", re.IGNORECASE)
_random = random.SystemRandom()


class _Lookup(NamedTuple):
    """A host of the parameters."""

    host: str
    port: str
    target: str
    """What to connect to if there is no record."""
    is_srv: bool


def _lookups(params: ConnDict) -> list[_Lookup]:
    """Return the hosts, or nothing if there is nothing to look up."""
    if _value(params, "hostaddr") or not _value(params, "host"):
        return []
    found = []
    for host, port in _split_hosts(params):
        named = _SRV_NAME.fullmatch(host)
        by_port = port.upper() == "SRV"
        target = "" if by_port else named[1] if named else host
        found.append(_Lookup(host, port, target, by_port or named is not None))
    return found if any(lookup.is_srv for lookup in found) else []


def _answer(lookup: _Lookup) -> list[Any]:
    try:
        return list(Resolver().resolve(lookup.host, "SRV")) if lookup.is_srv else []
    except DNSException:
        return []


async def _answer_async(lookup: _Lookup) -> list[Any]:
    try:
        return list(await AsyncResolver().resolve(lookup.host, "SRV")) if lookup.is_srv else []
    except DNSException:
        return []


def _with_hosts(params: ConnDict, lookups: list[_Lookup], answers: list[list[Any]]) -> ConnDict:
    if not lookups:
        return params
    found: list[tuple[str, str]] = []
    for lookup, records in zip(lookups, answers, strict=True):
        if records:
            found += [(str(record.target).rstrip("."), str(record.port)) for record in _in_order(records)]
        elif lookup.target:
            found.append((lookup.target, lookup.port))
    if not found:
        raise OperationalError("no host found after the lookup of SRV records")
    hosts, ports = zip(*found, strict=True)
    return {**params, "host": ",".join(hosts), "port": ",".join(ports)}


def _in_order(records: Iterable[Any]) -> list[Any]:
    """By priority; within one, the next is chosen with a chance in proportion to its weight."""
    # Those without weight are to have a very small chance while others are there.
    left = sorted(records, key=lambda record: (record.priority, record.weight))
    ordered = []
    while left:
        same = [record for record in left if record.priority == left[0].priority]
        chosen = _random.choices(same, [record.weight or 0.01 for record in same])[0]
        left.remove(chosen)
        ordered.append(chosen)
    return ordered
