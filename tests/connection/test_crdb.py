"""Connections to CockroachDB, played by a server that says it is one; its types, compared with psycopg's."""

from __future__ import annotations

import enum
import importlib
import ipaddress
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door
from support.hostile import GREETING, HostileServer, Peer, parameter, ready

VERSION = b"CockroachDB CCL v22.1.3 (x86_64-pc-linux-gnu, built 2022/05/23 16:27:47, go1.17.6)"


def cockroach(peer: Peer) -> None:
    peer.greet(GREETING.removesuffix(ready()) + parameter(b"crdb_version", VERSION) + ready())
    peer.drain()


@pytest.fixture
def roach() -> Iterator[HostileServer]:
    with HostileServer(cockroach) as server:
        yield server


def crdb_of(module: ModuleType) -> Any:
    return importlib.import_module(f"{module.__name__}.crdb")


def connection_class(door: Door) -> Any:
    crdb = crdb_of(door.module)
    return crdb.CrdbConnection if door.is_sync else crdb.AsyncCrdbConnection


async def test_who_it_is(door: Door, roach: HostileServer) -> None:
    crdb, cls = crdb_of(door.module), connection_class(door)
    conn = await door.connect(roach.dsn, subclass=cls)
    assert conn.info.vendor == "CockroachDB"
    assert conn.info.server_version == 220103
    assert type(conn.info) is crdb.CrdbConnectionInfo
    assert issubclass(cls, door.connection_class)
    plain = await door.connect(roach.dsn)
    other = await door.connect()
    for connection, expected in ((conn, True), (plain, True), (other, False)):
        assert cls.is_crdb(getattr(connection, "wrapped", connection)) is expected
        assert cls.is_crdb(connection.pgconn) is expected
    assert plain.info.vendor == "PostgreSQL"


async def test_a_server_that_is_none(door: Door) -> None:
    conn = await door.connect(subclass=connection_class(door))
    with pytest.raises(door.module.InternalError):
        _ = conn.info.server_version
    assert await (await conn.execute("select %s, pg_typeof(%s)::text", ("a", "a"))).fetchone() == ("a", "text")


def test_connect(driver: ModuleType, roach: HostileServer) -> None:
    crdb = crdb_of(driver)
    with crdb.connect(roach.dsn, autocommit=True) as conn:
        assert type(conn) is crdb.CrdbConnection
        assert (type(conn).__module__, type(conn).__qualname__) == (f"{driver.__name__}.crdb", "CrdbConnection")
        assert conn.adapters.types["json"].oid == 3802
    with crdb.connect(roach.dsn, autocommit=True, context=driver.adapters) as conn:
        assert conn.adapters.types["json"].oid == 114


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (VERSION.decode(), 220103),
        ("CockroachDB CCL v21.2.10-dev", 210210),
        ("CockroachDB CCL v23.1.0-alpha.1", 230100),
        ("CockroachDB v1.2.3", 10203),
        ("PostgreSQL 14.1", None),
        ("", None),
    ],
)
def test_versions(driver: ModuleType, text: str, number: int | None) -> None:
    assert crdb_of(driver).CrdbConnectionInfo.parse_crdb_version(text) == number


class Colour(enum.Enum):
    RED = "r"


def test_same_types_as_psycopg(howdah: ModuleType, oracle: ModuleType) -> None:
    ours, theirs = crdb_of(howdah).adapters, crdb_of(oracle).adapters
    described = [{(t.name, t.oid, t.array_oid, t.regtype) for t in adapters.types} for adapters in (ours, theirs)]
    assert described[0] == described[1]
    assert len(described[0]) > 30


def test_same_adapters_as_psycopg(howdah: ModuleType, oracle: ModuleType) -> None:
    def found(driver: ModuleType, ask: Any) -> str:
        try:
            adapter = ask(driver, crdb_of(driver).adapters)
        except driver.Error as error:
            return type(error).__name__
        oid = getattr(adapter, "oid", None)
        return "None" if adapter is None else f"{oid if isinstance(oid, int) else ''} {adapter.format}"

    questions: list[Any] = []
    for cls in (str, int, bytes, type(None), Colour, ipaddress.IPv4Address, ipaddress.IPv6Network, list, tuple, float):
        questions += [
            lambda d, a, cls=cls, fmt=fmt: a.get_dumper(cls, d.adapt.PyFormat(fmt)) for fmt in ("s", "b", "t")
        ]
    for name in ("json.Json", "json.Jsonb", "range.Range", "multirange.Multirange", "range.Int4Range", "numeric.Int4"):
        module, _, cls_name = name.partition(".")
        questions.append(
            lambda d, a, m=module, c=cls_name: a.get_dumper(
                getattr(importlib.import_module(f"{d.__name__}.types.{m}"), c), d.adapt.PyFormat.AUTO
            )
        )
    for oid in range(6200):
        for fmt in (0, 1):
            questions.append(lambda d, a, oid=oid, fmt=fmt: a.get_loader(oid, d.pq.Format(fmt)))
            questions.append(lambda d, a, oid=oid, fmt=fmt: a.get_dumper_by_oid(oid, d.pq.Format(fmt)))
    differing = [
        (number, ours, theirs)
        for number, ask in enumerate(questions)
        if (ours := found(howdah, ask)) != (theirs := found(oracle, ask))
    ]
    assert differing == []


async def test_values(door: Door) -> None:
    """What is sent is what CockroachDB understands; PostgreSQL does as well."""
    conn = await door.connect(subclass=connection_class(door), autocommit=True)
    values = ["a", 1, None, Colour.RED, ["x"], [1], b"x", ipaddress.ip_address("1.2.3.4")]
    query = "select " + ", ".join(["pg_typeof(%s)::text"] * len(values))
    types = ("text", "smallint", "text", "text", "text[]", "smallint[]", "bytea", "inet")
    assert await (await conn.execute(query, values)).fetchone() == types
    json = importlib.import_module(f"{door.module.__name__}.types.json")
    cur = await conn.execute("select pg_typeof(%s)::text, '[1]'::jsonb, '{a}'::text[]", [json.Json([1])])
    assert await cur.fetchone() == ("jsonb", [1], ["a"])
    with pytest.raises(door.module.ProgrammingError):
        await conn.execute("select %s", [ipaddress.ip_network("1.2.3.0/24")])
