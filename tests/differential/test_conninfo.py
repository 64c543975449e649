"""Connection strings by the thousand: parsed as libpq parses them, and completed as it completes them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from support.hostile import HostileServer, Peer
from support.libpq import libpq

ROUNDS = int(os.environ.get("HOWDAH_TESTS_CONNINFO_ROUNDS", "15000"))

NAMES = ["host", "port", "user", "dbname", "password", "service", "options", "sslmode", "requiressl", "ssl"]
NAMES += ["HOST", "hots", "", "a", "é", "replication", "oauth_scope", "target_session_attrs", "h%6fst", "hostaddr"]
VALUES = ["", "x", "a b", "'", "\\", "a'b", "\\'", "%20", "%", "%zz", "%00", "%C3%A9", "%41", "é", "1", "0", "true"]
VALUES += ["::1", "[::1]", "[", "]", "/tmp", "@x", ",", "a,b", "=", "?", "&", "#", ":", "//", "\t", "\n", "\v", "+"]
PUNCTUATION = [*"=='\\ \t\n:/?&@,[]%#"]


def key_values(random: random.Random) -> str:
    words = []
    for _ in range(random.randrange(4)):
        value = "".join(random.choices(VALUES, k=random.randrange(1, 3)))
        if random.random() < 0.4:
            value = f"'{value}'"
        if random.random() < 0.3:
            value = value.replace("\\", "\\\\").replace("'", "\\'")
        space = random.choice(["", "", "", " ", "\t"])
        words.append(f"{random.choice(NAMES)}{space}={space}{value}")
    return random.choice([" ", " ", "  ", ""]).join(words)


def uri(random: random.Random) -> str:
    def some(chance: float, make: Callable[[], str]) -> str:
        return make() if random.random() < chance else ""

    def value() -> str:
        return "".join(random.choices(VALUES, k=random.randrange(1, 3)))

    def port() -> str:
        return ":" + random.choice(["1", "", "x", value()])

    names = ["h", "[::1]", "%2Ftmp", "", value()]
    hosts = ",".join(random.choice(names) + some(0.4, port) for _ in range(random.choice([1, 1, 2, 3])))
    query = "&".join(f"{random.choice(NAMES)}={value()}" for _ in range(random.randrange(3)))
    scheme = random.choice(["postgresql://", "postgresql://", "postgres://", "postgresql:/"])
    user = some(0.5, lambda: value() + some(0.5, lambda: ":" + value()) + "@")
    return scheme + user + hosts + some(0.6, lambda: "/" + some(0.7, value)) + some(0.5, lambda: "?" + query)


def mutated(random: random.Random, text: str) -> str:
    for _ in range(random.choice([0, 0, 1, 2])):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice(["", *PUNCTUATION]) + text[at + random.randrange(2) :]
    return text


@pytest.mark.limit(180)
def test_parsing_agrees_with_libpq(howdah: ModuleType, oracle: ModuleType) -> None:
    pq = libpq()
    seed = random.Random("conninfo")
    accepted = 0
    for _ in range(ROUNDS):
        text = mutated(seed, seed.choice([key_values, uri])(seed))
        theirs = pq.parse(text)
        ours = parsed(howdah, text)
        if isinstance(ours, str):
            told = ours.split("; did you mean")[0]
            if "is not UTF-8" in told:
                # psycopg cannot decode that either.
                continue
            assert isinstance(theirs, str), text
            # What may be a part of a password is not shown, nor is a query. libpq cuts a character into bytes.
            differs = "***" in told or "\ufffd" in theirs
            assert differs or told == theirs, text
        else:
            assert isinstance(theirs, dict), (text, theirs)
            assert list(ours.items()) == list(theirs.items()), text
            again = howdah.conninfo.make_conninfo(**ours)
            assert pq.parse(again) == theirs, text
            assert again == oracle.conninfo.make_conninfo(**ours), text
            accepted += 1
    assert accepted > ROUNDS // 20


SERVICE_LINES = ["[a]", "[b]", "[a]x", "[ab]", "[]", "", "#", "# [a]", "word", "host=x", "host=y", " port=7 ", "=x"]
SERVICE_LINES += ["user= a b ", "user=", "dbname=é", "options=-c a=b", "service=b", "hots=x", " = ", "\t", "host =x"]
SERVICE_LINES += ["port=8"]
VARIABLES = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGAPPNAME", "PGHOSTADDR"]


def parsed(module: ModuleType, text: str) -> dict[str, str] | str:
    try:
        options: dict[str, str] = module.conninfo.conninfo_to_dict(text)
    except module.ProgrammingError as error:
        return str(error)
    return options


def greets(peer: Peer) -> None:
    peer.greet()
    peer.drain()


def test_completion_agrees_with_libpq(
    howdah: ModuleType, oracle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Services and environment: what an option ends up with, or that there is an error."""
    seed = random.Random("services")
    path = tmp_path / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(path))
    monkeypatch.setenv("PGSYSCONFDIR", "/nowhere")
    seen = {"error": 0, "connected": 0}
    with HostileServer(greets) as server:
        target = {"host": "name", "hostaddr": "127.0.0.1", "port": server.port, "sslmode": "disable"}
        for _ in range(300):
            path.write_text("\n".join(seed.choices(SERVICE_LINES, k=seed.randrange(1, 9))))
            for name in VARIABLES:
                monkeypatch.delenv(name, raising=False)
                if seed.random() < 0.3:
                    monkeypatch.setenv(name, seed.choice(["", "1", "e v"]))
            given = {} if seed.random() < 0.5 else {"application_name": "given"}
            outcomes = [completed(module, {**target, **given, "service": "a"}) for module in (howdah, oracle)]
            assert outcomes[0] == outcomes[1], path.read_text()
            seen["error" if isinstance(outcomes[0], str) else "connected"] += 1
    assert min(seen.values()) > 20, seen


def completed(module: ModuleType, options: dict[str, object]) -> dict[str, str] | str:
    try:
        conn = module.connect(**options)
    except module.Error as error:
        return type(error).__name__
    try:
        parameters: dict[str, str] = conn.info.get_parameters()
        return parameters
    finally:
        conn.close()


def test_defaults_are_libpqs(howdah: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("PG"):
            monkeypatch.delenv(name)
    theirs = libpq().defaults()
    with HostileServer(greets) as server:
        conn = howdah.connect(host="/nowhere", hostaddr="127.0.0.1", port=server.port, sslmode="disable")
        ours = {o.keyword.decode(): o.val.decode() for o in conn.pgconn.info if o.val is not None}
        conn.close()
    # The last two come from no table, but when a connection is made.
    given = {"host", "hostaddr", "port", "sslmode", "dbname", "sslcertmode"}
    assert {k: v for k, v in ours.items() if k not in given} == {k: v for k, v in theirs.items() if k not in given}
