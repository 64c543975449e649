"""Several hosts: in which order they are tried, which of them are wanted, and what the error says of each."""

from __future__ import annotations

import os
import pwd
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pgserver import PgServer, available_flavours

from support.doors import Door, howdah_alone
from support.hostile import AUTH_OK, KEY, HostileServer, Peer, complete, data_row, ready, row_description
from support.sessions import Observer
from support.tls import Relay

ATTRIBUTES = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]
# What each accepts, of a primary, a primary whose transactions are read-only by default, and a standby.
ACCEPTS = {
    "any": {"primary", "readonly", "standby"},
    "read-write": {"primary"},
    "read-only": {"readonly", "standby"},
    "primary": {"primary", "readonly"},
    "standby": {"standby"},
    "prefer-standby": {"standby"},
}


@pytest.fixture(scope="module", params=["embedded", "debian"])
def cluster(request: pytest.FixtureRequest) -> Iterator[dict[str, PgServer]]:
    """A primary, its standby, and another primary that is read-only by default."""
    if request.param not in available_flavours():
        pytest.skip(f"there is no {request.param} server")
    with (
        PgServer(request.param) as primary,
        PgServer(standby_of=primary) as standby,
        PgServer(request.param, config={"default_transaction_read_only": "on"}) as readonly,
    ):
        yield {"primary": primary, "standby": standby, "readonly": readonly}


def hosts(servers: list[PgServer]) -> str:
    ports = ",".join(str(server.port) for server in servers)
    return f"host={','.join('127.0.0.1' for _ in servers)} port={ports} user=postgres dbname=postgres"


@pytest.mark.parametrize("attributes", ATTRIBUTES)
async def test_wanted_servers(door: Door, cluster: dict[str, PgServer], attributes: str) -> None:
    for name, server in cluster.items():
        # One host alone is psycopg's second choice as well.
        if name in ACCEPTS[attributes] or attributes == "prefer-standby":
            conn = await door.connect(hosts([server]), target_session_attrs=attributes)
            assert await (await conn.execute("select 1")).fetchone() == (1,)
            assert conn.info.transaction_status.name == "INTRANS"
            await conn.close()
        else:
            with pytest.raises(door.module.OperationalError, match=r"read-only|standby mode") as caught:
                await door.connect(hosts([server]), target_session_attrs=attributes)
            assert str(server.port) in str(caught.value)


@howdah_alone
@pytest.mark.parametrize("attributes", ATTRIBUTES)
async def test_the_first_wanted_of_several(door: Door, cluster: dict[str, PgServer], attributes: str) -> None:
    for order in (["primary", "readonly", "standby"], ["standby", "readonly", "primary"]):
        conn = await door.connect(hosts([cluster[name] for name in order]), target_session_attrs=attributes)
        first = next(name for name in order if name in ACCEPTS[attributes])
        assert conn.info.port == cluster[first].port
        await conn.close()


@howdah_alone
async def test_no_standby_is_preferred_to_nothing(
    door: Door, cluster: dict[str, PgServer], closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    primaries = hosts([cluster["primary"], cluster["readonly"]])
    conn = await door.connect(primaries, target_session_attrs="prefer-standby")
    assert conn.info.port == cluster["primary"].port
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "prefer-standby")
    conn = await door.connect(primaries.replace("port=", f"port={closed_port},").replace("host=", "host=127.0.0.1,"))
    assert conn.info.port == cluster["primary"].port
    with pytest.raises(door.module.OperationalError, match="refused"):
        await door.connect(f"host=127.0.0.1 port={closed_port} user=x dbname=x")


async def test_the_error_names_every_attempt_and_its_cause(
    door: Door, cluster: dict[str, PgServer], closed_port: int
) -> None:
    target = hosts([cluster["standby"], cluster["readonly"]])
    target = target.replace("port=", f"port={closed_port},").replace("host=", "host=127.0.0.1,")
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(target, target_session_attrs="read-write")
    listed = str(caught.value).split("All failures were:")[1]
    assert listed.count("session is read-only") == 2
    assert listed.count("refused") == 1
    for port in (closed_port, cluster["standby"].port, cluster["readonly"].port):
        assert f"port: '{port}'" in listed


class OldServer(HostileServer):
    """A server that reports nothing of itself, and is asked."""

    def __init__(self, answer: bytes) -> None:
        self.asked: list[bytes] = []

        def script(peer: Peer) -> None:
            peer.greet()
            kind, query = peer.read_message()
            while kind == b"Q":
                self.asked.append(query)
                row = row_description(("x", 25)) + data_row(answer)
                peer.send(row + complete(b"SELECT 1") + ready())
                kind, query = peer.read_message()

        super().__init__(script)


@pytest.mark.parametrize(
    ("attributes", "answer", "good"),
    [
        ("read-write", b"off", True),
        ("read-write", b"on", False),
        ("read-only", b"on", True),
        ("read-only", b"off", False),
        ("primary", b"f", True),
        ("primary", b"t", False),
        ("standby", b"t", True),
        ("standby", b"f", False),
    ],
)
async def test_old_servers_are_asked(door: Door, attributes: str, answer: bytes, good: bool) -> None:
    with OldServer(answer) as server:
        target = f"host=127.0.0.1 port={server.port} user=x dbname=x sslmode=disable"
        if good:
            await (await door.connect(target, target_session_attrs=attributes)).close()
        else:
            with pytest.raises(door.module.OperationalError, match=r"read-only|standby"):
                await door.connect(target, target_session_attrs=attributes)
    expected = {"read": b"SHOW transaction_read_only\0", "prim": b"SELECT pg_catalog.pg_is_in_recovery()\0"}
    assert server.asked == [expected.get(attributes[:4], expected["prim"])]


async def test_a_question_that_gets_no_answer(door: Door) -> None:
    def script(peer: Peer) -> None:
        peer.greet()
        peer.drain()

    with HostileServer(script) as server:
        target = f"host=127.0.0.1 port={server.port} user=x dbname=x sslmode=disable connect_timeout=2"
        with pytest.raises(door.module.OperationalError, match="timeout"):
            await door.connect(target, target_session_attrs="primary")


@pytest.fixture
def counting_servers() -> Iterator[tuple[list[HostileServer], Counter[int]]]:
    visits: Counter[int] = Counter()

    def script(number: int) -> Callable[[Peer], None]:
        def play(peer: Peer) -> None:
            visits[number] += 1
            peer.greet()
            peer.drain()

        return play

    servers = [HostileServer(script(number)) for number in range(3)]
    for server in servers:
        server.__enter__()
    yield servers, visits
    for server in servers:
        server.__exit__(None, None, None)


async def test_random_order(door: Door, counting_servers: tuple[list[HostileServer], Counter[int]]) -> None:
    servers, visits = counting_servers
    ports = ",".join(str(server.port) for server in servers)
    target = f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={ports} user=x dbname=x sslmode=disable"
    for _ in range(5):
        await (await door.connect(target)).close()
    assert visits == {0: 5}
    for _ in range(60):
        await (await door.connect(target, load_balance_hosts="random")).close()
    # By chance alone this fails once in 10 billion runs.
    assert set(visits) == {0, 1, 2}


@howdah_alone
async def test_keepalives_and_user_timeout(door: Door, server: PgServer) -> None:
    conn = await door.connect(
        server.tcp_dsn, keepalives_idle=77, keepalives_interval=11, keepalives_count=4, tcp_user_timeout=5000
    )
    with socket.socket(fileno=os.dup(conn.fileno())) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        options = [socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT]
        assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in options] == [77, 11, 4, 5000]
    conn = await door.connect(server.tcp_dsn, keepalives=0)
    with socket.socket(fileno=os.dup(conn.fileno())) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0


@pytest.mark.parametrize("wanted", ["right", "wrong"])
async def test_requirepeer(door: Door, server: PgServer, wanted: str) -> None:
    owner = pwd.getpwuid(Path(server.socket_dir).stat().st_uid).pw_name  # noqa: ASYNC240
    if wanted == "right":
        conn = await door.connect(server.dsn, requirepeer=owner)
        assert await (await conn.execute("select 1")).fetchone() == (1,)
    else:
        with pytest.raises(door.module.OperationalError, match=f'actual peer user name is "{owner}"'):
            await door.connect(server.dsn, requirepeer="somebody")
        # Over TCP nobody can tell.
        conn = await door.connect(server.tcp_dsn, requirepeer="somebody")
        assert await (await conn.execute("select 1")).fetchone() == (1,)


def test_the_abstract_namespace(howdah: ModuleType) -> None:
    """psycopg looks such a name up."""
    name = f"howdah-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}/.s.PGSQL.5432")
        listener.listen()
        listener.settimeout(20)

        def serve() -> None:
            sock, _ = listener.accept()
            with sock:
                assert sock.recv(1000).endswith(b"database\0x\0\0")
                sock.sendall(AUTH_OK + KEY + ready())
                while sock.recv(1000):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        conn = howdah.connect(f"host=@{name} user=x dbname=x sslmode=disable gssencmode=disable")
        assert conn.info.host == f"@{name}"
        conn.close()
        thread.join()


def test_cancel_requests_go_where_the_connection_is(
    driver: ModuleType, server: PgServer, observer: Observer, closed_port: int
) -> None:
    """Of several hosts that is one, by the address that it was reached at."""
    with Relay(server.port) as other, Relay(server.port) as relay:
        ports = f"{closed_port},{relay.port},{other.port}"
        target = f"host=127.0.0.1,localhost,127.0.0.1 hostaddr=127.0.0.1,127.0.0.1,127.0.0.1 port={ports}"
        with driver.connect(f"{target} user=postgres dbname=postgres", autocommit=True) as conn:
            pid = conn.info.backend_pid

            def cancel() -> None:
                observer.wait_active(pid)
                conn.cancel_safe()

            thread = threading.Thread(target=cancel)
            thread.start()
            with pytest.raises(driver.errors.QueryCanceled):
                conn.execute("select pg_sleep(60)")
            thread.join()
        assert (len(relay.first_bytes), len(other.first_bytes)) == (2, 0)
