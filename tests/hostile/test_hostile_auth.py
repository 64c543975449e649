"""Servers that cheat while the client authenticates: none gets a password that it must not have, none is believed."""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.hostile import AUTH_OK, GREETING, HostileServer, Peer, ScramServer, message, parameter, ready

SALT = base64.b64encode(b"salt")
SIGNATURE = b"v=" + base64.b64encode(bytes(32))


def request(kind: int, data: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!i", kind) + data)


CLEARTEXT, MD5, SCRAM = request(3), request(5, b"salt"), request(10, b"SCRAM-SHA-256\0\0")


class Liar:
    """Asks for SCRAM, and answers the client's first message, and its proof, with what a test wants."""

    def __init__(self, first: Callable[[bytes], bytes], final: bytes = b"") -> None:
        self.first = first
        self.final = final
        self.proofs: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        peer.read_startup()
        peer.send(SCRAM)
        nonce = peer.read_message()[1].rpartition(b"r=")[2]
        peer.send(self.first(nonce))
        self.proofs.append(peer.read_message()[1])
        peer.send(self.final)
        peer.drain()


def challenge(
    nonce: bytes = b"%b-and-more", iterations: bytes = b"4096", salt: bytes = SALT
) -> Callable[[bytes], bytes]:
    return lambda clients: request(11, b"r=" + nonce.replace(b"%b", clients) + b",s=" + salt + b",i=" + iterations)


BEFORE_THE_PROOF: dict[str, Callable[[bytes], bytes]] = {
    "let in at once": lambda nonce: GREETING,
    "let in after a challenge in the same breath": lambda nonce: AUTH_OK + challenge()(nonce),
    "a signature at once": lambda nonce: request(12, SIGNATURE) + GREETING,
    "cleartext after all": lambda nonce: CLEARTEXT,
    "md5 after all": lambda nonce: MD5,
    "SCRAM again": lambda nonce: SCRAM,
    "another nonce": challenge(b"another"),
    "no nonce of its own": challenge(b"%b"),
    "a nonce with the client's at its end": challenge(b"x%b"),
    "a nonce that begins with half of the client's": lambda nonce: challenge(nonce[:10] + b"xxxxxxxxxxxxxxx")(nonce),
    "no iterations": challenge(iterations=b"0"),
    "negative iterations": challenge(iterations=b"-4096"),
    "4,294,967,295 iterations": challenge(iterations=b"4294967295"),
    "2,147,483,647 iterations": challenge(iterations=b"2147483647"),
    "iterations beyond 64 bits": challenge(iterations=b"9" * 30),
    "iterations in words": challenge(iterations=b"many"),
    "an empty salt": challenge(salt=b""),
    "a salt that is no base64": challenge(salt=b"!"),
    "an extension that has to be understood": lambda nonce: request(11, b"m=x,r=" + nonce + b"x,s=c2FsdA==,i=4096"),
    "garbage": lambda nonce: request(11, b"\xff\xfe"),
    "a NUL": lambda nonce: request(11, b"r=" + nonce + b"x\0,s=c2FsdA==,i=4096"),
    "nothing": lambda nonce: request(11),
}
AFTER_THE_PROOF = {
    "a wrong signature": request(12, SIGNATURE) + GREETING,
    "a short signature": request(12, b"v=AAAA") + GREETING,
    "an empty signature": request(12, b"v=") + GREETING,
    "no signature": request(12) + GREETING,
    "an error and let in": request(12, b"e=other-error") + GREETING,
    "let in without a signature": GREETING,
    "a challenge again": challenge()(b"x"),
    "ready at once": ready(),
    "parameters before": parameter(b"is_superuser", b"on") + GREETING,
}


# libpq does some of what is asked here: it answers a request for cleartext in the middle of SCRAM.
@howdah_alone
@pytest.mark.parametrize("name", BEFORE_THE_PROOF)
async def test_lies_before_the_proof(door: Door, name: str) -> None:
    liar = Liar(BEFORE_THE_PROOF[name])
    with HostileServer(liar) as server:
        with pytest.raises(door.module.OperationalError) as caught:
            await door.connect(server.dsn, password="sesame")
        assert "sesame" not in str(caught.value)
    assert liar.proofs == []


@howdah_alone
@pytest.mark.parametrize("name", AFTER_THE_PROOF)
async def test_lies_after_the_proof(door: Door, name: str) -> None:
    liar = Liar(challenge(), AFTER_THE_PROOF[name])
    with HostileServer(liar) as server:
        with pytest.raises(door.module.OperationalError):
            await door.connect(server.dsn, password="sesame")
    assert len(liar.proofs) == 1
    assert b"sesame" not in liar.proofs[0]


@howdah_alone
async def test_too_many_iterations_are_refused_before_any_is_done(door: Door) -> None:
    """In processor time, whatever else the machine does: 4,000,000 iterations take 300 ms and more."""
    with HostileServer(Liar(challenge(iterations=b"4294967295"))) as server:
        begin = time.thread_time()
        with pytest.raises(door.module.OperationalError, match="iterations"):
            await door.connect(server.dsn, password="sesame")
        assert time.thread_time() - begin < 0.05


REQUESTS = {"password": CLEARTEXT, "md5": MD5, "scram-sha-256": SCRAM, "none": GREETING, "gss": request(7)}


@pytest.mark.parametrize("wanted", ["password", "md5", "scram-sha-256", "none", "gss,md5"])
@pytest.mark.parametrize("negated", [False, True])
async def test_require_auth(door: Door, wanted: str, negated: bool) -> None:
    """A server that asks for something else gets nothing."""
    if negated:
        wanted = ",".join(f"!{method}" for method in wanted.split(","))
    for method, asked in REQUESTS.items():
        answers: list[bytes] = []

        def script(peer: Peer, asked: bytes = asked, answers: list[bytes] = answers) -> None:
            peer.read_startup()
            peer.send(asked)
            answers.append(peer.read_message()[1])

        accepted = (method in wanted.replace("!", "").split(",")) != negated
        with HostileServer(script) as server:
            target = f"{server.dsn} require_auth={wanted} password=sesame"
            if method == "none" and accepted:
                await (await door.connect(target)).close()
                continue
            with pytest.raises(door.module.OperationalError) as caught:
                await door.connect(target)
        if accepted and method != "gss":
            assert len(answers) == 1
        else:
            assert answers == []
        if not accepted:
            assert "authentication method requirement" in str(caught.value)


@howdah_alone
async def test_an_empty_require_auth_accepts_no_method(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [CLEARTEXT, request(5, b"salt"), request(7), request(10, b"SCRAM-SHA-256\0\0")]
    monkeypatch.setenv("PGREQUIREAUTH", "")
    for first in asked:
        with HostileServer(says(first)) as server:
            with pytest.raises(door.module.OperationalError, match='method requirement "" failed: server requested'):
                await door.connect(server.dsn, password="sesame")
    with HostileServer(says(GREETING)) as server:
        for required in ("", "none"):
            await (await door.connect(server.dsn, require_auth=required)).close()


def says(words: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(words)
        peer.drain()

    return script


async def test_nothing_is_left_of_an_earlier_host(door: Door) -> None:
    """Neither that it has authenticated, nor its nonce, nor what it reported."""
    nonces: list[bytes] = []

    class First(ScramServer):
        def __call__(self, peer: Peer) -> None:
            peer.read_startup()
            self._authenticate(peer)
            peer.send(AUTH_OK + parameter(b"is_superuser", b"on") + parameter(b"in_hot_standby", b"off"))

    def second(peer: Peer) -> None:
        peer.read_startup()
        peer.send(GREETING)
        peer.drain()

    def nosy(peer: Peer) -> None:
        peer.read_startup()
        peer.send(SCRAM)
        nonces.append(peer.read_message()[1])

    first = First(4096)
    with HostileServer(first) as one, HostileServer(second) as two, HostileServer(nosy) as three:
        ports = f"{one.port},{two.port}"
        target = f"host=127.0.0.1,127.0.0.1 port={ports} user=u dbname=d sslmode=disable password=secret"
        with pytest.raises(door.module.OperationalError, match="did not complete authentication"):
            await door.connect(target, require_auth="scram-sha-256")
        assert first.answered.is_set()
        conn = await door.connect(target)
        assert conn.info.port == two.port
        assert conn.info.parameter_status("is_superuser") is None
        await conn.close()
        target = target.replace(ports, f"{three.port},{three.port}")
        with pytest.raises(door.module.OperationalError):
            await door.connect(target)
    assert len(set(nonces)) == 2


async def test_each_host_gets_its_own_password(door: Door, tmp_path: Path) -> None:
    got: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(CLEARTEXT)
        got.append(peer.read_message()[1])

    with HostileServer(script) as one, HostileServer(script) as two, HostileServer(script) as three:
        passfile = tmp_path / "pgpass"
        passfile.write_text(f"*:{one.port}:*:*:of one\n*:{two.port}:*:*:of two\n")
        passfile.chmod(0o600)
        target = f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={one.port},{two.port},{three.port} user=u dbname=d"
        with pytest.raises(door.module.OperationalError, match="no password supplied"):
            await door.connect(f"{target} sslmode=disable passfile={passfile}")
    assert got == [b"of one\0", b"of two\0"]


def test_a_nul_in_any_option(howdah: ModuleType) -> None:
    """psycopg sends what is before it."""
    names = [option.keyword.decode() for option in howdah.pq.Conninfo.get_defaults()]
    assert {"user", "dbname", "password", "options", "host", "service", "application_name"} < set(names)
    visits: list[Peer] = []
    with HostileServer(visits.append) as server:
        for option in names:
            for arguments in ({option: "before\0behind"}, {"conninfo": f"{option}='before\0behind'"}):
                with pytest.raises(howdah.ProgrammingError, match="NUL"):
                    howdah.connect(**{"conninfo": server.dsn, **arguments})
    assert visits == []


@howdah_alone
@pytest.mark.parametrize("source", ["passfile", "function", "service"])
async def test_a_nul_from_elsewhere(door: Door, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file, or from a function: it is refused, and nothing is sent that was to be before it."""
    answers: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(CLEARTEXT)
        answers.append(peer.read_message()[1])

    passfile, services = tmp_path / "pgpass", tmp_path / "services"
    passfile.write_bytes(b"*:*:*:*:before\0behind\n")
    passfile.chmod(0o600)
    services.write_bytes(b"[s]\nuser=before\0behind\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    sources: dict[str, dict[str, Any]] = {
        "passfile": {"user": "u", "passfile": str(passfile)},
        "function": {"user": "u", "password": lambda: "before\0behind"},
        "service": {"service": "s"},
    }
    with HostileServer(script) as server:
        target = f"host=127.0.0.1 port={server.port} dbname=d sslmode=disable gssencmode=disable"
        with pytest.raises(door.module.Error, match="NUL"):
            await door.connect(target, **sources[source])
    assert answers == []
