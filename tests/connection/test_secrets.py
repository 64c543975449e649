"""No password, and no other secret, is in an error, a chained error, a log, a warning or a representation."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import struct
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from support.hostile import GREETING, HostileServer, Peer, ScramServer, Script, error, message, ready

# In every password here, on either side of what makes it difficult.
SECRET = "sesame"
DIFFICULT = [*"/@:,?#[]%&= '\"\\;\ud800", "%zz", "1/", "1/@", "//"]
PASSWORDS = [SECRET, *(SECRET + middle + SECRET for middle in DIFFICULT), *(start + SECRET for start in DIFFICULT)]

# Where nothing is escaped that should be. 127.0.0.1:1 refuses connections.
STRINGS = [
    "postgresql://ann:{}@127.0.0.1:1/shop?connect_timeout=2",
    "postgresql://ann:{}@127.0.0.1:1",
    "postgres://ann:{}@127.0.0.1:1,127.0.0.1:1/shop?foo=x",
    "postgresql://ann:{}@[::1/shop",
    "postgresql://127.0.0.1:1/shop?user=ann&password={}",
    "postgresql://127.0.0.1:1/shop?sslpassword={}&x",
    "POSTGRESQL://ann:{}@127.0.0.1:1/shop",
    "jdbc:postgresql://127.0.0.1:1/shop?user=ann&password={}",
    "ann:{}@127.0.0.1:1/shop",
    "host=127.0.0.1 port=1 password={} user=ann",
    "password='{}' host=127.0.0.1 port=x",
    "host=127.0.0.1 port=1 password='{}",
    "host=127.0.0.1 port=1 oauth_client_secret={} sslmode=wat",
]


def everything(seen: BaseException) -> str:
    """All that an exception tells, and those that it carries or that it is chained to, suppressed or not."""
    told: list[str] = []
    waiting: list[Any] = [seen]
    done: set[int] = set()
    while waiting:
        thing = waiting.pop()
        if id(thing) in done:
            continue
        done.add(id(thing))
        told.append(ascii(thing))
        if isinstance(thing, BaseException):
            told += [str(thing).encode("utf-8", "replace").decode(), ascii(vars(thing))]
            told += traceback.TracebackException.from_exception(thing, lookup_lines=False).format_exception_only()
            waiting += [*thing.args, thing.__cause__, thing.__context__, *getattr(thing, "__notes__", [])]
            waiting += [getattr(thing, name, None) for name in ("object", "diag", "pgconn", "filename", "reason")]
        elif isinstance(thing, (tuple, list)):
            waiting += thing
    return "\n".join(told)


def outcome(function: Callable[[], Any]) -> str:
    """What can be seen of a call that fails. That it succeeds is possible: libpq takes some of the strings too."""
    try:
        result = function()
    except Exception as caught:
        return everything(caught)
    if hasattr(result, "close"):
        result.close()
    return ""


def connecting(howdah: ModuleType, shell: str) -> Callable[..., str]:
    """A way to connect that gives what can be seen of the failure."""

    async def main(*args: Any, **kwargs: Any) -> None:
        await (await howdah.AsyncConnection.connect(*args, **kwargs)).close()

    def call(*args: Any, **kwargs: Any) -> str:
        if shell == "sync":
            return outcome(lambda: howdah.connect(*args, **kwargs))
        return outcome(lambda: asyncio.run(main(*args, **kwargs), debug=True))

    return call


@pytest.fixture(params=["sync", "asyncio"])
def failing(request: pytest.FixtureRequest, howdah: ModuleType) -> Callable[..., str]:
    return connecting(howdah, request.param)


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert SECRET not in caplog.text
    assert SECRET not in " ".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("string", STRINGS)
def test_strings_that_are_not_escaped(failing: Callable[..., str], string: str) -> None:
    for password in PASSWORDS:
        told = failing(string.replace("{}", password))
        assert told, password
        assert SECRET not in told, password


@pytest.mark.parametrize("string", STRINGS)
def test_functions_of_connection_strings(howdah: ModuleType, string: str) -> None:
    to_dict, make = howdah.conninfo.conninfo_to_dict, howdah.conninfo.make_conninfo
    for password in PASSWORDS:
        text = string.replace("{}", password)
        for function, parameters in itertools.product((to_dict, make), ({}, {"port": 1})):
            assert SECRET not in outcome(partial(function, text, **parameters)), password
    for name in ("password", "sslpassword"):
        for end in ("\ud800", "\0"):
            told = outcome(partial(make, **{name: SECRET + end}))
            assert told
            assert SECRET not in told


@pytest.mark.parametrize("name", ["password", "sslpassword", "oauth_client_secret", "scram_client_key"])
def test_parameters(failing: Callable[..., str], name: str) -> None:
    wrong: list[dict[str, Any]] = [{}, {"port": "x"}, {"foo": 1}, {"sslmode": "wat"}, {"hostaddr": "wat"}]
    values: list[Any] = [SECRET, SECRET + "\ud800", SECRET + "\0", SECRET.encode(), [SECRET], {SECRET: SECRET}]
    for parameters, value in itertools.product(wrong, values):
        told = failing("host=127.0.0.1 port=1", **{name: value, **parameters})
        assert told
        assert SECRET not in told


def test_wrong_types(failing: Callable[..., str]) -> None:
    for conninfo in (b"password=" + SECRET.encode(), [SECRET], {"password": SECRET}):
        told = failing(conninfo)
        assert told
        assert SECRET not in told


def refuses(*messages: bytes, count: int = 1) -> Script:
    """A server that asks, hears so many answers, and then says this."""

    def script(peer: Peer) -> None:
        peer.read_startup()
        for _ in range(count):
            peer.send(messages[0])
            peer.read_message()
        peer.send(b"".join(messages[1:]))

    return script


AUTHENTICATION = {
    "cleartext": message(b"R", struct.pack("!i", 3)),
    "md5": message(b"R", struct.pack("!i", 5) + b"salt"),
    "scram": message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"),
}
ENDINGS = {
    "refusal": error(b"password authentication failed", b"28P01", b"FATAL"),
    "garbage": b"\xff" * 20,
    "nothing": b"",
    "nonsense": message(b"R", struct.pack("!i", 11) + b"r=x,s=,i=0"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("method", AUTHENTICATION)
def test_refusals(failing: Callable[..., str], method: str, ending: str) -> None:
    with HostileServer(refuses(AUTHENTICATION[method], ENDINGS[ending])) as server:
        told = failing(server.dsn, password=SECRET)
        assert told
        assert SECRET not in told


def test_servers_that_cannot_prove_themselves(failing: Callable[..., str]) -> None:
    with HostileServer(ScramServer(1, b"other")) as server:
        told = failing(server.dsn, password=SECRET)
        assert "authentication failed" in told
        assert SECRET not in told


@pytest.mark.parametrize("text", ["*:*:*:*:{}", "{}", "*:*:*:{}", "*:*:*:*:{}\\", "\ud800*:{}"])
def test_password_files(failing: Callable[..., str], text: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passfile = tmp_path / "passfile"
    passfile.write_text(text.format(SECRET), errors="replace")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    with HostileServer(refuses(AUTHENTICATION["cleartext"], ENDINGS["refusal"])) as server:
        told = failing(server.dsn)
        assert told
        assert SECRET not in told


SERVICES = ["password={}", "password={}\nwat", "password={}\nwat=1", "password={}\nservice=x", "wat:{}\n", "{}=1;x={}"]
SERVICES += ["password {}", "host=127.0.0.1;password={}", "password=x\nport={}@", "oauth_client_secret={}\nsslmode=wat"]


@pytest.mark.parametrize("text", SERVICES)
def test_service_files(failing: Callable[..., str], text: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    services = tmp_path / "services"
    services.write_text("[shop]\n" + text.replace("{}", SECRET))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    with HostileServer(refuses(AUTHENTICATION["cleartext"], ENDINGS["refusal"])) as server:
        told = failing(server.dsn + " service=shop")
        assert told
        assert SECRET not in told


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("method", AUTHENTICATION)
def test_functions_that_give_secrets(failing: Callable[..., str], method: str, ending: str) -> None:
    with HostileServer(refuses(AUTHENTICATION[method], ENDINGS[ending])) as server:
        for value in (SECRET, SECRET + "\0", SECRET + "\ud800", SECRET.encode(), [SECRET]):
            for name in ("password", "oauth_token"):
                told = failing(server.dsn, **{name: lambda value=value: value})
                assert told
                assert SECRET not in told


def test_tokens(failing: Callable[..., str]) -> None:
    ask = message(b"R", struct.pack("!i", 10) + b"OAUTHBEARER\0\0")
    for ending in ENDINGS.values():
        with HostileServer(refuses(ask, ending)) as server:
            for token in (SECRET, SECRET + "\x01", SECRET + "\0", SECRET + "é"):
                told = failing(server.dsn, oauth_token=token)
                assert told
                assert SECRET not in told


@pytest.mark.parametrize("end", ["", "\udc80", "/@"])
def test_environment(failing: Callable[..., str], end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET + end)
    with HostileServer(refuses(AUTHENTICATION["cleartext"], ENDINGS["refusal"])) as server:
        told = failing(server.dsn)
        assert told
        assert SECRET not in told


def trusting(peer: Peer) -> None:
    peer.greet(GREETING)
    peer.read_command()
    peer.send(error(b"wat is unknown", b"42703", b"ERROR") + ready())
    peer.drain()


def test_connections_do_not_show_secrets(howdah: ModuleType) -> None:
    secrets = dict.fromkeys(("password", "sslpassword", "oauth_client_secret"), SECRET)
    with HostileServer(trusting) as server, howdah.connect(server.dsn, autocommit=True, **secrets) as conn:
        assert conn.info.password == SECRET
        things = [conn, conn.info, conn.info.dsn, conn.info.get_parameters(), conn.cursor(), vars(conn)]
        for thing in things:
            assert SECRET not in f"{thing!r} {thing}"
        assert SECRET not in outcome(lambda: conn.execute("select wat"))
        conn.close()
        assert SECRET not in repr(conn)


def test_names_are_shown_where_the_string_is_right(failing: Callable[..., str]) -> None:
    told = failing(f"postgresql://ann:%2F{SECRET}%40@127.0.0.1:1/shop?connect_timeout=2")
    assert 'connection to server at "127.0.0.1", port 1 failed' in told
    told = failing(f"postgresql://ann:1/{SECRET}@127.0.0.1:1/shop?connect_timeout=2")
    assert "not shown" in told
    assert "%2F" in told
