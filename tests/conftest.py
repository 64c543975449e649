"""Fixtures: a private server, the drivers, their shells, and a limit on the time of each test.

Every test of behaviour runs on howdah and on psycopg, the oracle that validates the test itself. With
HOWDAH_TESTS_ORACLE_ONLY=1 the howdah half is skipped. HOWDAH_TESTS_FLAVOUR=debian uses Debian's server.
"""

from __future__ import annotations

import faulthandler
import importlib
import inspect
import os
import signal
import socket
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from kdc import USERS, Realm, missing  # noqa: E402
from pgserver import PgServer, available_flavours  # noqa: E402

from support.doors import HAS_UVLOOP, Door, run_on_loop  # noqa: E402
from support.gssapi import needs_gssapi  # noqa: E402
from support.replicating import CONFIG as FOLLOWED  # noqa: E402
from support.replicating import Source  # noqa: E402
from support.sessions import Observer  # noqa: E402
from support.tls import Files  # noqa: E402

FLAVOUR = os.environ.get("HOWDAH_TESTS_FLAVOUR", "embedded")
ORACLE_ONLY = os.environ.get("HOWDAH_TESTS_ORACLE_ONLY") == "1"
TIME_LIMIT = 90
GRACE = 20


class TestTookTooLong(BaseException):
    """A test hung; not an Exception, so that no driver or test swallows it."""

    __test__ = False


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "limit(seconds): time after which the test counts as hung")
    config.addinivalue_line("markers", "doors(*kinds): the shells that this test is about")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "door" in metafunc.fixturenames:
        kinds = ["sync", "asyncio", *(["uvloop"] if HAS_UVLOOP else [])]
        only = [m.args for m in metafunc.definition.iter_markers("doors")]
        kinds = [k for k in kinds if not only or k in only[0]]
        metafunc.parametrize("door_kind", kinds, scope="function")


@pytest.fixture(params=["howdah", "psycopg"])
def driver(request: pytest.FixtureRequest) -> ModuleType:
    """The driver under test, as a module."""
    return _driver(request.param)


@pytest.fixture
def howdah() -> ModuleType:
    """howdah alone, for what it promises beyond the oracle."""
    return _driver("howdah")


@pytest.fixture
def oracle() -> ModuleType:
    return importlib.import_module("psycopg")


@pytest.fixture(scope="session")
def server() -> Iterator[PgServer]:
    """The server of the session: trust, Unix socket and TCP."""
    with PgServer(FLAVOUR) as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[PgServer]:
    """A server of this test alone, to stop or restart."""
    with PgServer(FLAVOUR) as running:
        yield running


@pytest.fixture(scope="session")
def debian_server_factory() -> Callable[..., PgServer]:
    if "debian" not in available_flavours():
        pytest.skip("Debian's server is not installed")
    return lambda **kwargs: PgServer("debian", **kwargs)


@pytest.fixture(scope="session")
def password_server() -> Iterator[PgServer]:
    """A server that asks for a password over TCP."""
    with PgServer(FLAVOUR, auth="scram-sha-256") as running:
        yield running


@pytest.fixture(scope="session")
def followed_server() -> Iterator[PgServer]:
    """A server whose changes can be followed."""
    with PgServer(FLAVOUR, config=FOLLOWED) as running:
        yield running


@pytest.fixture
def followed_dsn(followed_server: PgServer) -> str:
    return followed_server.dsn


@pytest.fixture
def source(followed_dsn: str) -> Iterator[Source]:
    """A table of that server that is published, and a slot."""
    with Source(followed_dsn) as source:
        yield source


@pytest.fixture(scope="module")
def files() -> Iterator[Files]:
    """Certificates and keys for TLS, of these tests alone."""
    made = Files()
    yield made
    made.remove()


@pytest.fixture
def nothing_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file in the home folder changes how a connection is made."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections: bound, so that nobody else gets it, and not listening."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def dsn(server: PgServer) -> str:
    return server.dsn


@pytest.fixture
def observer(dsn: str) -> Iterator[Observer]:
    """Another session."""
    session = Observer(dsn)
    yield session
    session.close()


@pytest.fixture
def connect(driver: ModuleType, dsn: str) -> Iterator[Callable[..., Any]]:
    """Opens sync connections that the fixture closes."""
    opened: list[Any] = []

    def open_one(conninfo: str = dsn, **kwargs: Any) -> Any:
        opened.append(driver.connect(conninfo, **kwargs))
        return opened[-1]

    yield open_one
    for conn in opened:
        conn.close()


@pytest.fixture
def conn(connect: Callable[..., Any]) -> Any:
    """A sync connection."""
    return connect()


@pytest.fixture
def door(driver: ModuleType, door_kind: str, dsn: str) -> Door:
    """Sync and asyncio behind one face; see support/doors.py."""
    return Door(driver, door_kind, dsn)


@pytest.fixture
def channel(request: pytest.FixtureRequest) -> str:
    """A notification channel of this test alone."""
    return f"c{zlib.crc32(request.node.nodeid.encode()):x}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests on the loop of their door, and close the door's connections in that loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    kind = pyfuncitem.callspec.params.get("door_kind", "asyncio") if hasattr(pyfuncitem, "callspec") else "asyncio"
    run_on_loop(str(kind), _with_cleanup(pyfuncitem.obj(**arguments), arguments.get("door")))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Fail a test that hangs; end the whole run if even that does not help."""
    mark = item.get_closest_marker("limit")
    seconds = mark.args[0] if mark else TIME_LIMIT
    previous = signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=sys.__stderr__ or 2)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        faulthandler.cancel_dump_traceback_later()


async def _with_cleanup(test: Any, door: Door | None) -> None:
    try:
        await test
    finally:
        if door is not None:
            await door.close_all()


def _too_long(*_: object) -> None:
    raise TestTookTooLong("the test hung")


def _driver(name: str) -> ModuleType:
    if name == "howdah" and ORACLE_ONLY:
        pytest.skip("HOWDAH_TESTS_ORACLE_ONLY is set")
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def realm() -> Iterator[Realm]:
    """A private Kerberos realm."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with Realm() as running:
        yield running


@pytest.fixture
def ticket(realm: Realm, door: Door, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The first user has a ticket."""
    needs_gssapi(door)
    for name, value in realm.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRB5CCNAME", realm.ticket(USERS[0]))
    return monkeypatch


@pytest.fixture
def silent_kdc(ticket: pytest.MonkeyPatch, realm: Realm, tmp_path: Path) -> Iterator[socket.socket]:
    """There is a ticket, and a KDC that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = Path(os.environ["KRB5_CONFIG"]).read_text()
        mute = tmp_path / "krb5.conf"
        mute.write_text(config.replace(f":{realm.port}\n", f":{listener.getsockname()[1]}\n"))
        ticket.setenv("KRB5_CONFIG", str(mute))
        yield listener
