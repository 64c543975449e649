"""Authentication: every method of this stage, right and wrong, with difficult passwords."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from pgserver import PgServer, available_flavours

from support.doors import Door
from support.sessions import Meanwhile, Observer

METHODS = ["trust", "password", "md5", "scram-sha-256"]
PASSWORDS = [
    "simple",
    "with space",
    "quote'\"\\",
    "pässwörd",
    "\u00ad soft hyphen",
    "日本語",
    "x" * 200,
    "\u2168",
    "a\u0301",
]
HBA = "local all all trust\n" + "".join(
    f"host all {role} 127.0.0.1/32 {method}\n"
    for method in METHODS
    for role in [f'"user_{method}"', *(f'"user_{method}_{i}"' for i in range(len(PASSWORDS)))]
)


@pytest.fixture(scope="module", params=["embedded", "debian"])
def auth_server(request: pytest.FixtureRequest) -> Iterator[PgServer]:
    """A server with one user for each method and password."""
    if request.param not in available_flavours():
        pytest.skip(f"there is no {request.param} server")
    with PgServer(request.param, hba=HBA + "host all nobody_may 127.0.0.1/32 reject\n") as server:
        with psycopg.connect(server.dsn, autocommit=True) as conn:
            for method in METHODS:
                encryption = "md5" if method == "md5" else "scram-sha-256"
                conn.execute(f"set password_encryption to '{encryption}'")
                for name, password in users(method):
                    query = psycopg.sql.SQL("create role {} login password {}")
                    conn.execute(query.format(psycopg.sql.Identifier(name), password))
        yield server


def users(method: str) -> list[tuple[str, str]]:
    return [(f"user_{method}", "secret"), *((f"user_{method}_{i}", p) for i, p in enumerate(PASSWORDS))]


def target(server: PgServer) -> str:
    return f"host=127.0.0.1 port={server.port} dbname=postgres"


@pytest.mark.parametrize("method", METHODS)
async def test_right_password(door: Door, auth_server: PgServer, method: str) -> None:
    conn = await door.connect(target(auth_server), user=f"user_{method}", password="secret")
    row = await (await conn.execute("select session_user::text")).fetchone()
    assert row == (f"user_{method}",)


@pytest.mark.parametrize("method", METHODS[1:])
async def test_wrong_password(door: Door, auth_server: PgServer, method: str) -> None:
    with pytest.raises(door.module.OperationalError, match="password authentication failed"):
        await door.connect(target(auth_server), user=f"user_{method}", password="wrong")


@pytest.mark.parametrize("method", METHODS[1:])
def test_difficult_passwords(driver: Any, auth_server: PgServer, method: str) -> None:
    for name, password in users(method)[1:]:
        with driver.connect(target(auth_server), user=name, password=password) as conn:
            assert conn.info.user == name
            assert conn.info.password == password


@pytest.mark.parametrize("method", METHODS[1:])
def test_password_from_the_environment(
    driver: Any, auth_server: PgServer, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    with driver.connect(target(auth_server), user=f"user_{method}") as conn:
        assert conn.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("method", METHODS[1:])
async def test_missing_password(
    door: Door, auth_server: PgServer, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nowhere/passfile")
    with pytest.raises(door.module.OperationalError, match="no password supplied"):
        await door.connect(target(auth_server), user=f"user_{method}")


async def test_refused_by_the_server(door: Door, auth_server: PgServer) -> None:
    with pytest.raises(door.module.OperationalError, match=r"pg_hba\.conf rejects"):
        await door.connect(target(auth_server), user="nobody_may")


@pytest.mark.parametrize("method", METHODS[1:])
def test_password_in_a_uri(driver: Any, auth_server: PgServer, method: str) -> None:
    uri = f"postgresql://user_{method}:secret@127.0.0.1:{auth_server.port}/postgres"
    with driver.connect(uri) as conn:
        assert conn.info.user == f"user_{method}"
        assert "secret" not in repr(conn) + conn.info.dsn


@pytest.mark.parametrize("method", METHODS[1:])
def test_cancel_works_with_a_password(driver: Any, auth_server: PgServer, method: str) -> None:
    with (
        driver.connect(target(auth_server), user=f"user_{method}", password="secret") as conn,
        contextlib.closing(Observer(auth_server.dsn)) as observer,
    ):
        for cancel in (conn.cancel, conn.cancel_safe):
            with Meanwhile(cancel_when_active, observer, conn, cancel), pytest.raises(driver.errors.QueryCanceled):
                conn.execute("select pg_sleep(60)")
            conn.rollback()


def cancel_when_active(observer: Observer, conn: Any, cancel: Callable[[], None]) -> None:
    observer.wait_active(conn.info.backend_pid)
    cancel()


@pytest.mark.parametrize(
    ("method", "requirement", "works"),
    [
        ("scram-sha-256", "scram-sha-256", True),
        ("scram-sha-256", "md5", False),
        ("scram-sha-256", "!scram-sha-256", False),
        ("md5", "!password", True),
        ("md5", "scram-sha-256", False),
        ("password", "!password", False),
        ("trust", "none", True),
        ("trust", "scram-sha-256", False),
    ],
)
def test_require_auth(driver: Any, auth_server: PgServer, method: str, requirement: str, works: bool) -> None:
    arguments = {"user": f"user_{method}", "password": "secret", "require_auth": requirement}
    if works:
        driver.connect(target(auth_server), **arguments).close()
    else:
        with pytest.raises(driver.OperationalError, match="auth"):
            driver.connect(target(auth_server), **arguments)
