"""`_dns`: hosts by SRV records, with a stand-in for dnspython whose zone the test writes."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest


class Record(NamedTuple):
    target: str
    port: int
    priority: int = 0
    weight: int = 0


class NoSuchName(Exception):
    """dnspython's."""


ZONE = {
    "_postgres._tcp.foo.example": [Record("h2.foo.example.", 5433, 2), Record("h1.foo.example.", 5432, 1)],
    "srv.example": [Record("by-port.example.", 6000)],
    "_pg._tcp.bar.example": [Record("w1.", 1, 1, 90), Record("w2.", 2, 1, 10), Record("w3.", 3, 0, 5)],
}


class Resolver:
    """Of `dns.resolver` and, with coroutines, of `dns.asyncresolver`."""

    cache: Any = None

    def resolve(self, name: str, kind: str) -> list[Record]:
        if kind != "SRV" or name not in ZONE:
            raise NoSuchName(name)
        return ZONE[name]


class AsyncResolver(Resolver):
    async def resolve(self, name: str, kind: str) -> list[Record]:  # type: ignore[override]
        return super().resolve(name, kind)


STAND_INS: dict[str, dict[str, Any]] = {
    "dns": {"__path__": []},
    "dns.exception": {"DNSException": NoSuchName},
    "dns.resolver": {"Resolver": Resolver, "Cache": object},
    "dns.asyncresolver": {"Resolver": AsyncResolver},
    "dns.rdtypes": {"__path__": []},
    "dns.rdtypes.IN": {"__path__": []},
    "dns.rdtypes.IN.A": {"A": object},
    "dns.rdtypes.IN.AAAA": {"AAAA": object},
    "dns.rdtypes.IN.SRV": {"SRV": Record},
}


@pytest.fixture
def dns(driver: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, attributes in STAND_INS.items():
        module = ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    name = f"{driver.__name__}._dns"
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module(name)
    sys.modules.pop(name, None)


def resolved(dns: Any, params: Any, asynchronous: bool) -> Any:
    return asyncio.run(dns.resolve_srv_async(params)) if asynchronous else dns.resolve_srv(params)


FOO = "_postgres._tcp.foo.example"
SERVERS = ("h1.foo.example,h2.foo.example", "5432,5433")

CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"host": ""}, {"host": ""}),
    ({"host": "a,b"}, {"host": "a,b"}),
    ({"host": "a", "port": 5}, {"host": "a", "port": 5}),
    ({"host": FOO, "user": "u"}, {"host": SERVERS[0], "port": SERVERS[1], "user": "u"}),
    ({"host": FOO, "port": "5"}, {"host": SERVERS[0], "port": SERVERS[1]}),
    ({"host": FOO, "port": "srv"}, {"host": SERVERS[0], "port": SERVERS[1]}),
    ({"host": "srv.example", "port": "SRV"}, {"host": "by-port.example", "port": "6000"}),
    ({"host": f"a,{FOO}", "port": "1,2"}, {"host": f"a,{SERVERS[0]}", "port": f"1,{SERVERS[1]}"}),
    ({"host": f"a,{FOO}", "port": "7"}, {"host": f"a,{SERVERS[0]}", "port": f"7,{SERVERS[1]}"}),
    ({"host": f"a,{FOO}"}, {"host": f"a,{SERVERS[0]}", "port": f",{SERVERS[1]}"}),
    ({"host": FOO, "hostaddr": "1.1.1.1"}, {"host": FOO, "hostaddr": "1.1.1.1"}),
    ({"host": "_x._tcp.none.example", "port": "5"}, {"host": "none.example", "port": "5"}),
    ({"host": "a,_x._tcp.none.example"}, {"host": "a,none.example", "port": ","}),
    ({"host": "a,gone.example", "port": "5,SRV"}, {"host": "a", "port": "5"}),
]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("params", "expected"), CASES)
def test_srv(dns: Any, params: Any, expected: Any, asynchronous: bool) -> None:
    given = dict(params)
    assert resolved(dns, params, asynchronous) == expected
    assert params == given


@pytest.mark.parametrize("asynchronous", [False, True])
def test_host_of_the_environment(dns: Any, monkeypatch: pytest.MonkeyPatch, asynchronous: bool) -> None:
    monkeypatch.setenv("PGHOST", FOO)
    assert resolved(dns, {"user": "u"}, asynchronous) == {"host": SERVERS[0], "port": SERVERS[1], "user": "u"}
    monkeypatch.setenv("PGHOSTADDR", "1.1.1.1")
    assert resolved(dns, {"user": "u"}, asynchronous) == {"user": "u"}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "params",
    [{"host": "gone.example", "port": "SRV"}, {"host": "/tmp", "port": "SRV"}, {"host": f"a,{FOO}", "port": "1,2,3"}],
)
def test_no_host(driver: ModuleType, dns: Any, params: Any, asynchronous: bool) -> None:
    with pytest.raises(driver.OperationalError):
        resolved(dns, params, asynchronous)


def test_by_weight(dns: Any) -> None:
    """Of 300 lookups those where the heavy one came before the light one are about 270; far from half."""
    orders = Counter(dns.resolve_srv({"host": "_pg._tcp.bar.example"})["port"] for _ in range(300))
    assert set(orders) <= {"3,1,2", "3,2,1"}
    assert orders["3,1,2"] > 200


def test_addresses(driver: ModuleType, dns: Any) -> None:
    params = {"host": "127.0.0.1,no.host.invalid,127.0.0.2", "port": "1,2,3", "user": "u"}
    with pytest.warns(DeprecationWarning, match="resolve_hostaddr_async"):
        found = asyncio.run(dns.resolve_hostaddr_async(params))
    assert found == {"host": "127.0.0.1,127.0.0.2", "hostaddr": "127.0.0.1,127.0.0.2", "port": "1,3", "user": "u"}
    with pytest.warns(DeprecationWarning, match="resolve_hostaddr_async"), pytest.raises(driver.OperationalError):
        asyncio.run(dns.resolve_hostaddr_async({"host": "no.host.invalid"}))


def test_a_connection_class(driver: ModuleType, dns: Any, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection(driver.Connection):  # type: ignore[misc, name-defined]
        @classmethod
        def _get_connection_params(cls, conninfo: str, **kwargs: Any) -> Any:
            return dns.resolve_srv(super()._get_connection_params(conninfo, **kwargs))

    real = driver.conninfo.conninfo_to_dict(dsn)
    monkeypatch.setitem(ZONE, "_postgres._tcp.test.example", [Record("127.0.0.1.", int(real["port"]))])
    with Connection.connect(dsn, host="_postgres._tcp.test.example") as conn:
        assert conn.execute("select 1").fetchone() == (1,)


def test_without_dnspython(driver: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"{driver.__name__}._dns", raising=False)
    for name in STAND_INS:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="dnspython"):
        importlib.import_module(f"{driver.__name__}._dns")
