"""Connections that cannot be made: the exception, the list of attempts, and that nothing hangs or leaks."""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer

from support.doors import Door, howdah_alone
from support.ticking import ticking

BAD_CONNINFO = [
    "wat",
    "dbname",
    "dbname=",
    "no_such_option=1",
    "host='unterminated",
    "host=a dbname = 'x' y",
    "= x",
    "postgresql://host:notaport/db",
    "postgresql://host/db?no_such_option=1",
    "postgresql://host/db?x",
    "postgresql://[::1/db",
    "postgresql://host/%zz",
    "postgresql://host/%00",
    "http://host/db",
    "host=127.0.0.1 port=notaport",
    "host=127.0.0.1 port=0",
    "host=127.0.0.1 port=99999",
    "host=127.0.0.1,127.0.0.1 port=1,2,3",
    "host=127.0.0.1 sslmode=wat",
    "host=127.0.0.1 target_session_attrs=wat",
    "host=127.0.0.1 connect_timeout=wat",
    "host=127.0.0.1 hostaddr=127.0.0.1,127.0.0.2",
]


def failure(module: ModuleType, conninfo: str, **kwargs: Any) -> tuple[str, str]:
    try:
        module.connect(conninfo, **kwargs).close()
    except Exception as ex:
        return type(ex).__name__, str(ex)
    return "connected", ""


@pytest.mark.parametrize("number", range(len(BAD_CONNINFO)))
def test_bad_conninfo_raises_the_oracles_class(
    driver: ModuleType, oracle: ModuleType, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "5")
    conninfo = BAD_CONNINFO[number]
    assert failure(driver, conninfo)[0] == failure(oracle, conninfo)[0]


@pytest.mark.parametrize("conninfo", ["wat", "no_such_option=1", "postgresql://host/db?no_such_option=1", "x='"])
async def test_malformed_conninfo(door: Door, conninfo: str) -> None:
    with pytest.raises(door.module.ProgrammingError) as caught:
        await door.connect(conninfo)
    assert str(caught.value)


async def test_unknown_keyword(door: Door) -> None:
    with pytest.raises(door.module.ProgrammingError, match="no_such_option"):
        await door.connect(door.dsn, no_such_option=1)


async def test_refused_port(door: Door, closed_port: int) -> None:
    with pytest.raises(door.module.OperationalError, match="refused") as caught:
        await door.connect(f"host=127.0.0.1 port={closed_port} dbname=x user=x")
    assert str(closed_port) in str(caught.value)
    assert caught.value.sqlstate is None


async def test_every_attempt_is_listed(door: Door, closed_port: int) -> None:
    target = f"host=127.0.0.1,/nowhere,127.0.0.2 port={closed_port},{closed_port},{closed_port} dbname=x user=x"
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(target)
    text = str(caught.value)
    assert all(part in text for part in ("127.0.0.1", "/nowhere", "127.0.0.2"))
    assert "All failures were" in text or text.count("failed") >= 3


async def test_missing_socket(door: Door) -> None:
    with pytest.raises(door.module.OperationalError, match="No such file") as caught:
        await door.connect("host=/nowhere dbname=x user=x")
    assert "/nowhere/.s.PGSQL.5432" in str(caught.value)


async def test_name_that_does_not_resolve(door: Door) -> None:
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect("host=no-such-host.invalid dbname=x user=x connect_timeout=20")
    assert "no-such-host.invalid" in str(caught.value)


async def test_unknown_database(door: Door) -> None:
    with pytest.raises(door.module.OperationalError, match='database "nope" does not exist'):
        await door.connect(door.dsn, dbname="nope")


@pytest.mark.parametrize(
    ("wrong", "code", "kind"),
    [
        ({"dbname": "nope"}, "3D000", "OperationalError"),
        ({"user": "nope"}, "28000", "InvalidAuthorizationSpecification"),
        ({"options": "-c nope=1"}, "42704", "OperationalError"),
    ],
)
@howdah_alone
async def test_what_the_server_said(door: Door, wrong: dict[str, str], code: str, kind: str) -> None:
    """With psycopg such an exception has no SQLSTATE."""
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(door.dsn, **wrong)
    error = caught.value
    assert (type(error).__name__, error.sqlstate, error.diag.sqlstate) == (kind, code, code)
    assert error.diag.severity_nonlocalized == "FATAL"
    assert error.diag.message_primary in str(error)
    assert error.is_connection_lost
    assert error.pgconn is not None
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.sqlstate, again.diag.sqlstate) == (type(error), str(error), code, code)


@howdah_alone
async def test_what_the_last_server_said_that_spoke(door: Door, password_server: PgServer, closed_port: int) -> None:
    target = (
        f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={password_server.port},{password_server.port},{closed_port}"
        " user=postgres dbname=postgres"
    )
    with pytest.raises(door.errors.InvalidPassword, match="All failures were") as caught:
        await door.connect(target, password="not the password")
    assert caught.value.sqlstate == "28P01"
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(f"host=127.0.0.1 port={closed_port} user=x dbname=x")
    assert type(caught.value) is door.module.OperationalError
    assert caught.value.diag.sqlstate is None


@howdah_alone
async def test_a_server_that_says_nothing_in_time(door: Door, password_server: PgServer) -> None:
    """The exception is about the time, whatever an earlier server has said."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        target = f"host=127.0.0.1,127.0.0.1 port={password_server.port},{port} user=postgres dbname=postgres"
        with pytest.raises(door.errors.ConnectionTimeout) as caught:
            await door.connect(target, password="not the password", connect_timeout=2)
    assert caught.value.sqlstate is None


async def test_unknown_user(door: Door) -> None:
    with pytest.raises(door.module.OperationalError, match='role "nope" does not exist'):
        await door.connect(door.dsn, user="nope")


async def test_wrong_password(door: Door, password_server: PgServer) -> None:
    with pytest.raises(door.module.OperationalError, match="password authentication failed") as caught:
        await door.connect(password_server.tcp_dsn, password="not the password")
    assert "not the password" not in str(caught.value) + repr(caught.value)


async def test_no_password(door: Door, password_server: PgServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nowhere/passfile")
    with pytest.raises(door.module.OperationalError, match="no password supplied"):
        await door.connect(f"host=127.0.0.1 port={password_server.port} user=postgres dbname=postgres")


async def test_too_many_connections(door: Door) -> None:
    with PgServer(config={"max_connections": 4, "superuser_reserved_connections": 0, "max_wal_senders": 0}) as small:
        with pytest.raises(door.module.OperationalError, match="too many clients"):
            for _ in range(6):
                await door.connect(small.dsn)
        await door.close_all()


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_required_encryption_never_falls_back(door: Door, server: PgServer, mode: str) -> None:
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(server.tcp_dsn, sslmode=mode)
    assert "SSL" in str(caught.value) or "certificate" in str(caught.value) or "TLS" in str(caught.value)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
async def test_optional_encryption(door: Door, server: PgServer, mode: str) -> None:
    conn = await door.connect(server.tcp_dsn, sslmode=mode)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    accepted.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for sock in accepted:
            sock.close()


async def test_connect_timeout(door: Door, silent_port: int) -> None:
    begin = time.monotonic()
    with pytest.raises(door.errors.ConnectionTimeout, match="timeout"):
        await door.connect(f"host=127.0.0.1 port={silent_port} dbname=x user=x connect_timeout=2")
    assert 1.5 < time.monotonic() - begin < 20
    assert issubclass(door.errors.ConnectionTimeout, door.module.OperationalError)


async def test_connect_timeout_then_the_next_host(door: Door, silent_port: int, server: PgServer) -> None:
    target = (
        f"host=127.0.0.1,127.0.0.1 port={silent_port},{server.port} user=postgres dbname=postgres connect_timeout=2"
    )
    conn = await door.connect(target)
    assert conn.info.port == server.port


async def test_connect_timeout_from_the_environment(
    door: Door, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    with pytest.raises(door.errors.ConnectionTimeout):
        await door.connect(f"host=127.0.0.1 port={silent_port} dbname=x user=x")


@pytest.mark.doors("asyncio", "uvloop")
async def test_connecting_does_not_block_the_loop(door: Door, silent_port: int) -> None:
    async with ticking() as ticks:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(door.connect(f"host=localhost port={silent_port} dbname=x user=x"), 0.5)
    assert ticks.count >= 5


@pytest.mark.doors("asyncio", "uvloop")
async def test_resolving_does_not_block_the_loop(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    # A resolver that takes its time in its thread; the loop goes on meanwhile.
    async with ticking(0) as ticks:
        with pytest.raises(door.module.OperationalError):
            await door.connect("host=no-such-host.invalid dbname=x user=x connect_timeout=20")
    assert ticks.count >= 1
