"""Secrets in other forms than a password: functions that are asked at each attempt, SCRAM's keys, OAuth's tokens."""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import hmac
import struct
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pgserver import PgServer

from support.doors import Door, asyncio_only, howdah_alone
from support.hostile import AUTH_OK, GREETING, HostileServer, Peer, ScramServer, error, message

pytestmark = howdah_alone


@pytest.fixture
def target(password_server: PgServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PGPASSFILE", "/nowhere/passfile")
    return f"host=127.0.0.1 port={password_server.port} user=postgres dbname=postgres sslmode=disable"


class Rotating:
    """Gives one password after the other."""

    def __init__(self, *passwords: Any) -> None:
        self.passwords = passwords
        self.asked = 0

    def __call__(self) -> Any:
        self.asked += 1
        return self.passwords[min(self.asked, len(self.passwords)) - 1]


async def test_a_function_gives_the_password(door: Door, target: str, password_server: PgServer) -> None:
    provider = Rotating(password_server.password)
    for number in range(1, 3):
        conn = await door.connect(target, password=provider)
        assert provider.asked == number
        assert conn.info.password == password_server.password
        assert password_server.password not in conn.info.dsn
        assert "password" not in conn.info.get_parameters()


async def test_it_is_asked_at_each_attempt(
    door: Door, target: str, password_server: PgServer, closed_port: int
) -> None:
    provider = Rotating("wrong", password_server.password)
    twice = target.replace("port=", f"port={closed_port},{password_server.port},")
    twice = twice.replace("host=127.0.0.1", "host=127.0.0.1,127.0.0.1,127.0.0.1")
    conn = await door.connect(twice, password=provider)
    assert await (await conn.execute("select 1")).fetchone() == (1,)
    # Not for a server that could not be reached.
    assert provider.asked == 2
    provider = Rotating("sesame")
    with pytest.raises(door.module.OperationalError, match="password authentication failed") as caught:
        await door.connect(twice, password=provider)
    assert provider.asked == 2
    assert "sesame" not in str(caught.value)


async def test_no_password_after_all(door: Door, target: str) -> None:
    for nothing in (None, ""):
        with pytest.raises(door.module.OperationalError, match="no password supplied"):
            await door.connect(target, password=Rotating(nothing))


async def test_what_it_raises_comes_out(door: Door, target: str) -> None:
    def fails() -> str:
        raise OSError("the vault is closed")

    def interrupts() -> str:
        raise KeyboardInterrupt

    with pytest.raises(OSError, match="the vault is closed"):
        await door.connect(target, password=fails)
    with pytest.raises(KeyboardInterrupt):
        await door.connect(target, password=interrupts)
    gc.collect()


@pytest.mark.parametrize("wrong", [1, b"sesame", ["sesame"]])
async def test_what_is_no_password(door: Door, target: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match="has to return a string") as caught:
        await door.connect(target, password=Rotating(wrong))
    assert "sesame" not in str(caught.value)


async def test_passwords_that_cannot_be_sent(door: Door, target: str) -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        await door.connect(target, password=Rotating("sesame\ud800"))
    assert "sesame" not in repr(caught.value)
    with pytest.raises(door.module.Error) as refused:
        await door.connect(target, password=Rotating("sesame\0"))
    assert "sesame" not in str(refused.value)


async def test_other_options_are_no_functions(door: Door, target: str) -> None:
    with pytest.raises(door.module.ProgrammingError, match="'sslpassword' cannot be a function"):
        await door.connect(target, sslpassword=lambda: "x")


@asyncio_only
async def test_a_coroutine_function_gives_the_password(door: Door, target: str, password_server: PgServer) -> None:
    asked = 0

    async def provider() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return password_server.password

    conn = await door.connect(target, password=provider)
    assert await (await conn.execute("select 1")).fetchone() == (1,)
    assert asked == 1


@asyncio_only
async def test_one_that_takes_too_long_counts_to_the_attempt(door: Door, target: str) -> None:
    async def provider() -> str:
        await asyncio.sleep(60)
        return "sesame"

    with pytest.raises(door.errors.ConnectionTimeout):
        await door.connect(target, password=provider, connect_timeout=2)
    task = asyncio.ensure_future(door.connect(target, password=provider))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # What was opened for it is closed: a warning would fail the test.
    gc.collect()


@pytest.mark.doors("sync")
async def test_a_coroutine_function_is_for_asyncio(door: Door, target: str) -> None:
    async def provider() -> str:
        return "sesame"

    with pytest.raises(TypeError, match="AsyncConnection"):
        await door.connect(target, password=provider)
    gc.collect()


@pytest.fixture(scope="module")
def keys(password_server: PgServer) -> dict[str, str]:
    """The keys of the user's password, from what the server has stored."""
    with psycopg.connect(password_server.dsn) as conn:
        row = conn.execute("select rolpassword from pg_authid where rolname = 'postgres'").fetchone()
    assert row
    _, parameters, stored_keys = row[0].split("$")
    iterations, salt = parameters.split(":")
    password = password_server.password.encode()
    salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(salt), int(iterations))
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = base64.b64decode(stored_keys.split(":")[1])
    assert server == hmac.digest(salted, b"Server Key", "sha256")
    return {
        "scram_client_key": base64.b64encode(client).decode(),
        "scram_server_key": base64.b64encode(server).decode(),
    }


async def test_scram_keys(door: Door, target: str, keys: dict[str, str], password_server: PgServer) -> None:
    conn = await door.connect(target, **keys)
    assert await (await conn.execute("select 1")).fetchone() == (1,)
    assert not {*keys} & {*conn.info.get_parameters()}
    client = {"scram_client_key": keys["scram_client_key"]}
    conn = await door.connect(target, **client, password=password_server.password)
    assert await (await conn.execute("select 1")).fetchone() == (1,)
    with pytest.raises(door.module.OperationalError, match="no password supplied"):
        await door.connect(target, **client)
    swapped = dict(zip(keys, reversed(keys.values()), strict=True))
    with pytest.raises(door.module.OperationalError, match="authentication failed") as caught:
        await door.connect(target, **swapped)
    assert not any(key in str(caught.value) for key in keys.values())
    other = {**keys, "scram_server_key": keys["scram_client_key"]}
    with pytest.raises(door.module.OperationalError, match="incorrect server signature"):
        await door.connect(target, **other)


@pytest.mark.parametrize(("key", "why"), [("sesame!", "invalid SCRAM client key"), ("eA==", "key length: 1")])
async def test_scram_keys_that_are_none(door: Door, target: str, key: str, why: str) -> None:
    with pytest.raises(door.module.OperationalError, match=why) as caught:
        await door.connect(target, scram_client_key=key)
    assert key not in str(caught.value)


def sasl(kind: int, data: bytes) -> bytes:
    return message(b"R", struct.pack("!i", kind) + data)


class OauthServer:
    """Lets in who has the token."""

    token = b"t0k.en-~+/="

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        peer.read_startup()
        peer.send(sasl(10, b"OAUTHBEARER\0\0"))
        _, answer = peer.read_message()
        self.seen.append(answer)
        initial = b"n,,\x01auth=Bearer " + self.token + b"\x01\x01"
        if answer == b"OAUTHBEARER\0" + struct.pack("!i", len(initial)) + initial:
            peer.send(GREETING)
            peer.drain()
            return
        peer.send(sasl(11, b'{"status":"invalid_token","scope":"openid pg"}'))
        _, answer = peer.read_message()
        self.seen.append(answer)
        peer.send(error(b"OAuth bearer authentication failed", b"28000", b"FATAL"))


@pytest.fixture
def oauth_server() -> Iterator[tuple[OauthServer, str]]:
    script = OauthServer()
    with HostileServer(script) as server:
        yield script, f"host=127.0.0.1 port={server.port} user=x dbname=x sslmode=disable"


async def test_an_oauth_token(door: Door, oauth_server: tuple[OauthServer, str]) -> None:
    script, target = oauth_server
    token = script.token.decode()
    conn = await door.connect(target, oauth_token=token, require_auth="oauth")
    await conn.close()
    provider = Rotating(token)
    conn = await door.connect(target, oauth_token=provider)
    assert provider.asked == 1
    assert token not in repr(conn) + str(conn.info.get_parameters())


async def test_an_oauth_token_that_is_refused(door: Door, oauth_server: tuple[OauthServer, str]) -> None:
    script, target = oauth_server
    with pytest.raises(door.module.OperationalError, match="OAuth bearer authentication failed") as caught:
        await door.connect(target, oauth_token="sesame")
    assert "invalid_token" in str(caught.value)
    assert "openid pg" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert script.seen[1] == b"\x01"


async def test_no_oauth_token(door: Door, oauth_server: tuple[OauthServer, str]) -> None:
    script, target = oauth_server
    for token in (None, "", Rotating(None)):
        with pytest.raises(door.module.OperationalError, match="oauth_token"):
            await door.connect(target, oauth_token=token)
    with pytest.raises(door.module.OperationalError, match="server requested SASL authentication"):
        await door.connect(target, oauth_token="sesame", require_auth="scram-sha-256")
    with pytest.raises(door.module.OperationalError, match="characters that no token has"):
        await door.connect(target, oauth_token="sesame\x01host=x")
    assert script.seen == []


@pytest.mark.parametrize("order", [(b"SCRAM-SHA-256", b"OAUTHBEARER"), (b"OAUTHBEARER", b"SCRAM-SHA-256")])
async def test_a_server_that_offers_tokens_and_scram(door: Door, order: tuple[bytes, ...]) -> None:
    """SCRAM is chosen, unless `require_auth` does not accept it."""
    chosen: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(sasl(10, b"\0".join(order) + b"\0\0"))
        chosen.append(peer.read_message()[1].partition(b"\0")[0])

    with HostileServer(script) as server:
        target = f"host=127.0.0.1 port={server.port} user=x dbname=x sslmode=disable password=x"
        for required in (None, "oauth", "!scram-sha-256", "scram-sha-256", "!oauth", "md5"):
            with pytest.raises(door.module.OperationalError):
                await door.connect(target, oauth_token="sesame", require_auth=required)
        with pytest.raises(door.module.OperationalError, match="channel binding"):
            await door.connect(target, oauth_token="sesame", require_auth="oauth", channel_binding="require")
    scram, oauth = b"SCRAM-SHA-256", b"OAUTHBEARER"
    assert chosen == [scram, oauth, oauth, scram, scram]


async def test_a_token_is_not_taken_for_a_password(door: Door) -> None:
    """Nor is it sent to a server that asks for something else."""
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(message(b"R", struct.pack("!i", 3)))
        seen.append(peer.read_message()[1])
        peer.send(AUTH_OK)

    with HostileServer(script) as server:
        target = f"host=127.0.0.1 port={server.port} user=x dbname=x sslmode=disable"
        with pytest.raises(door.module.OperationalError, match="no password supplied"):
            await door.connect(target, oauth_token="sesame")
    assert seen == []


async def test_a_token_does_not_hinder_scram(door: Door) -> None:
    scram = ScramServer(4096)
    with HostileServer(scram) as server:
        target = f"host=127.0.0.1 port={server.port} user=x dbname=x sslmode=disable"
        conn = await door.connect(target, password="secret", oauth_token="sesame")
        await conn.close()
