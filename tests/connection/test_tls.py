"""TLS as libpq does it: which servers are accepted, encrypted and verified how, by all shells as by psycopg."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pgserver import PgServer, available_flavours

from support.certificates import CLIENT_AUTH, DAY, Authority, Signed, self_signed
from support.doors import Door, howdah_alone
from support.tls import Files, target, tls_server

pytestmark = [
    pytest.mark.skipif("debian" not in available_flavours(), reason="only Debian's server has TLS"),
    pytest.mark.usefixtures("nothing_at_home"),
]

MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
IN_USE = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def encrypted(files: Files) -> Iterator[PgServer]:
    with tls_server(files, files.server, "server") as server:
        yield server


@pytest.fixture(scope="module")
def unencrypted(files: Files) -> Iterator[PgServer]:
    with tls_server(files, None, "none") as server:
        yield server


async def outcome(door: Door, conninfo: str) -> str:
    """Whether the server was accepted, and by which means."""
    try:
        conn = await door.connect(conninfo)
    except door.module.Error as error:
        # What the server said has a class of its own with howdah.
        kind = door.module.OperationalError if error.sqlstate else type(error)
        return kind.__name__
    cur = await conn.execute(IN_USE)
    [encrypted] = await cur.fetchone()
    if door.module.__name__ == "howdah":
        assert conn.info.ssl_in_use is encrypted
    await conn.close()
    return "TLS" if encrypted else "plaintext"


_known: WeakKeyDictionary[PgServer, dict[str, str]] = WeakKeyDictionary()


async def as_psycopg(server: PgServer, conninfo: str) -> str:
    """The same with psycopg, asked once of each server: the port of one that has ended may be another's."""
    known = _known.setdefault(server, {})
    if conninfo not in known:
        known[conninfo] = await outcome(Door(psycopg, "sync", conninfo), conninfo)
    return known[conninfo]


@howdah_alone
@pytest.mark.limit(240)
@pytest.mark.parametrize("mode", MODES)
async def test_which_servers_are_accepted(
    door: Door, files: Files, encrypted: PgServer, unencrypted: PgServer, mode: str
) -> None:
    servers = [(encrypted, user) for user in ("any", "onlyssl", "nossl", "cert")]
    servers += [(unencrypted, "any"), (unencrypted, "nossl")]
    roots = [files.right, files.wrong, files.missing]
    certificates = ["", " sslcert={} sslkey={}".format(*files.client_files)]
    seen = set()
    for (server, user), root, host, certificate in itertools.product(
        servers, roots, ["localhost", "127.0.0.1"], certificates
    ):
        conninfo = f"{target(server, user)} host={host} sslmode={mode} sslrootcert={root}{certificate}"
        got = await outcome(door, conninfo)
        assert got == await as_psycopg(server, conninfo), conninfo
        seen.add(got)
        if mode in ("require", "verify-ca", "verify-full"):
            assert got != "plaintext"
        if mode.startswith("verify") and got == "TLS":
            assert root == files.right
        if mode == "verify-full" and got == "TLS":
            assert host == "localhost"
        if user == "cert" and got == "TLS":
            assert certificate
    assert len(seen) > 1


@pytest.mark.parametrize("mode", MODES)
async def test_a_local_socket_is_not_encrypted(door: Door, encrypted: PgServer, mode: str) -> None:
    conninfo = f"{encrypted.dsn} sslmode={mode} sslrootcert=/nowhere/root.crt"
    assert await outcome(door, conninfo) == "plaintext"
    with pytest.raises(door.module.OperationalError):
        await door.connect(f"{conninfo} sslcertmode=require")


NAMES: list[tuple[str, str | None, list[str]]] = [
    ("cn", "localhost", []),
    ("cn-upper", "LOCALhost", []),
    ("cn-beside-dns", "localhost", ["db.example"]),
    ("cn-beside-address", "localhost", ["127.0.0.9"]),
    ("cn-of-address", "127.0.0.1", ["db.example"]),
    ("cn-of-address-beside-address", "127.0.0.1", ["127.0.0.9"]),
    ("dns", None, ["db.example", "localhost"]),
    ("address", None, ["127.0.0.1"]),
    ("address-as-dns", "x", ["localhost"]),
    ("wildcard", "x", ["*.localhost", "*host", "*"]),
    ("nobody", None, []),
]


@howdah_alone
@pytest.mark.limit(180)
@pytest.mark.parametrize(("name", "common_name", "names"), NAMES, ids=[name for name, *_ in NAMES])
async def test_whose_certificate_it_is(
    door: Door, files: Files, name: str, common_name: str | None, names: list[str]
) -> None:
    signed = files.root.issue(common_name, names)
    with tls_server(files, signed, name) as server:
        for host, mode in itertools.product(["localhost", "127.0.0.1"], ["verify-ca", "verify-full"]):
            conninfo = f"{target(server)} host={host} sslmode={mode} sslrootcert={files.right}"
            assert await outcome(door, conninfo) == await as_psycopg(server, conninfo), (host, mode)
        # The name counts, not the address that was given for it.
        for host in ("db.example", "a.localhost", "b.a.localhost", "localhost.example"):
            conninfo = f"{target(server)} host={host} hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={files.right}"
            assert await outcome(door, conninfo) == await as_psycopg(server, conninfo), host
        conninfo = f"{target(server)} host='' hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={files.right}"
        assert await outcome(door, conninfo) == "OperationalError"


def _chained(files: Files) -> Signed:
    return Authority("between", parent=files.root).issue("localhost", ["localhost"])


CERTIFICATES: dict[str, Any] = {
    "rsa": lambda files: files.root.issue("localhost", ["localhost"], kind="rsa"),
    "chain": _chained,
    "expired": lambda files: files.root.issue("localhost", ["localhost"], end=-DAY / 2),
    "too-early": lambda files: files.root.issue("localhost", ["localhost"], begin=DAY),
    "for-clients": lambda files: files.root.issue("localhost", ["localhost"], usage=CLIENT_AUTH),
    "of-nobody": lambda files: self_signed("localhost", authority=False),
}


@howdah_alone
@pytest.mark.parametrize("kind", CERTIFICATES)
async def test_which_certificates_are_trusted(door: Door, files: Files, kind: str) -> None:
    with tls_server(files, CERTIFICATES[kind](files), f"kind-{kind}") as server:
        for mode, root in itertools.product(["prefer", "require", "verify-full"], [files.right, files.missing]):
            conninfo = f"{target(server)} host=localhost sslmode={mode} sslrootcert={root}"
            assert await outcome(door, conninfo) == await as_psycopg(server, conninfo), (mode, root)


@pytest.mark.parametrize("authority", [True, False])
async def test_a_certificate_that_signed_itself_is_its_own_root(door: Door, files: Files, authority: bool) -> None:
    signed = self_signed("localhost", authority=authority)
    root = files.write(f"self-{authority}.crt", signed.pem())
    another = files.write("other-self.crt", self_signed("localhost", authority=authority).pem())
    with tls_server(files, signed, f"self-{authority}") as server:
        conninfo = f"{target(server)} host=localhost sslmode=verify-full sslrootcert="
        assert await outcome(door, conninfo + root) == "TLS"
        assert await outcome(door, conninfo + another) == "OperationalError"


async def test_revoked_certificates(door: Door, files: Files, encrypted: PgServer, tmp_path: Path) -> None:
    other = files.root.issue("x")
    lists = {
        "of-it": files.root.revocation_list(files.server),
        "of-others": files.root.revocation_list(other),
        "expired": files.root.revocation_list(other, end=-DAY),
        "of-another-root": files.other_root.revocation_list(),
    }
    for name, content in lists.items():
        crl = files.write(f"{name}.crl", content)
        conninfo = f"{target(encrypted)} sslmode=verify-ca sslrootcert={files.right} sslcrl={crl}"
        assert await outcome(door, conninfo) == ("TLS" if name == "of-others" else "OperationalError"), name
    home = Path.home() / ".postgresql"
    home.mkdir()
    (home / "root.crl").write_bytes(lists["of-it"])
    conninfo = f"{target(encrypted)} sslmode=verify-ca sslrootcert={files.right}"
    assert await outcome(door, conninfo) == "OperationalError"
    assert await outcome(door, f"{conninfo} sslcrl={files.folder}/of-others.crl") == "TLS"


@howdah_alone
async def test_a_revocation_list_that_cannot_be_read_is_an_error(
    door: Door, files: Files, encrypted: PgServer, tmp_path: Path
) -> None:
    conninfo = f"{target(encrypted)} sslmode=verify-ca sslrootcert={files.right}"
    (tmp_path / "empty").mkdir()
    for option in ("sslcrl=/nowhere", f"sslcrl={files.right}", "sslcrldir=/nowhere", f"sslcrldir={tmp_path}/empty"):
        with pytest.raises(door.module.OperationalError, match="revocation list"):
            await door.connect(f"{conninfo} {option}")
    (tmp_path / "of-it.r0").write_bytes(files.root.revocation_list(files.server))
    with pytest.raises(door.module.OperationalError, match="revoked"):
        await door.connect(f"{conninfo} sslcrldir={tmp_path}")
    (tmp_path / "of-it.r0").write_bytes(files.root.revocation_list())
    assert await outcome(door, f"{conninfo} sslcrldir={tmp_path}") == "TLS"


async def test_files_at_home(door: Door, files: Files, encrypted: PgServer) -> None:
    home = Path.home() / ".postgresql"
    home.mkdir()
    assert await outcome(door, f"{target(encrypted, 'cert')} sslmode=require") == "OperationalError"
    for name, signed in (("postgresql.crt", files.client.pem()), ("postgresql.key", files.client.key_pem())):
        (home / name).write_bytes(signed)
        (home / name).chmod(0o600)
    assert await outcome(door, f"{target(encrypted, 'cert')} sslmode=require") == "TLS"
    # A root that is there is believed, also where it is not asked for.
    (home / "root.crt").write_bytes(files.other_root.pem())
    assert await outcome(door, f"{target(encrypted)} sslmode=require") == "OperationalError"
    assert await outcome(door, f"{target(encrypted)} sslmode=prefer") == "plaintext"
    (home / "root.crt").write_bytes(files.root.pem())
    assert await outcome(door, f"{target(encrypted)} sslmode=verify-ca") == "TLS"


KEYS: dict[str, Any] = {
    "pkcs8": lambda key: key.key_pem(),
    "traditional": lambda key: key.key_pem(PrivateFormat.TraditionalOpenSSL),
    "der": lambda key: key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    "encrypted": lambda key: key.key_pem(PrivateFormat.PKCS8, BestAvailableEncryption(b"open")),
}


@pytest.mark.parametrize("kind", ["rsa", "ec", "ed25519"])
@pytest.mark.parametrize("form", KEYS)
async def test_keys_of_clients(door: Door, files: Files, encrypted: PgServer, kind: str, form: str) -> None:
    if form == "traditional" and kind == "ed25519":
        pytest.skip("there is no such form")
    client = files.root.issue("cert", kind=kind, usage=CLIENT_AUTH)
    certificate, _ = client.write(files.folder, f"{kind}-{form}")
    key = files.write(f"{kind}-{form}.key", KEYS[form](client))
    conninfo = f"{target(encrypted, 'cert')} sslmode=require sslcert={certificate} sslkey={key}"
    assert await outcome(door, f"{conninfo} sslpassword=open") == "TLS"
    if form == "encrypted":
        for password in ("", " sslpassword=wrong"):
            if password or door.module.__name__ == "howdah":
                assert await outcome(door, conninfo + password) == "OperationalError"


async def test_keys_that_are_not_used(door: Door, files: Files, encrypted: PgServer) -> None:
    certificate, key = files.client_files
    conninfo = f"{target(encrypted)} sslmode=require sslcert={certificate}"
    open_to_all = files.write("open.key", files.client.key_pem(), 0o644)
    of_another = files.write("another.key", files.server.key_pem())
    garbage = files.write("garbage.key", b"-----BEGIN PRIVATE KEY-----\nxx\n-----END PRIVATE KEY-----\n")
    for path in (open_to_all, of_another, garbage, "/nowhere", str(files.folder)):
        assert await outcome(door, f"{conninfo} sslkey={path}") == "OperationalError", path
        # With `prefer` that is a reason to go without.
        assert await outcome(door, f"{conninfo} sslkey={path} sslmode=prefer") == "plaintext", path
    assert await outcome(door, f"{conninfo} sslkey={key}") == "TLS"
    assert await outcome(door, f"{target(encrypted)} sslmode=require sslcert=/nowhere sslkey=/nowhere") == "TLS"


async def test_whether_certificates_are_sent(
    door: Door, files: Files, encrypted: PgServer, unencrypted: PgServer
) -> None:
    sending = " sslcert={} sslkey={}".format(*files.client_files)
    cases = [
        (encrypted, "cert", f"sslcertmode=disable{sending}", "OperationalError"),
        (encrypted, "cert", f"sslcertmode=allow{sending}", "TLS"),
        (encrypted, "any", f"sslcertmode=require{sending}", "TLS"),
        (encrypted, "any", "sslcertmode=require", "OperationalError"),
        (encrypted, "any", f"sslmode=disable sslcertmode=require{sending}", "OperationalError"),
        (unencrypted, "any", f"sslmode=prefer sslcertmode=require{sending}", "OperationalError"),
    ]
    for server, user, options, expected in cases:
        conninfo = f"{target(server, user)} sslmode=require {options}"
        assert await outcome(door, conninfo) == expected, options


BINDINGS = ["disable", "prefer", "require"]


@howdah_alone
@pytest.mark.parametrize("binding", BINDINGS)
async def test_channel_binding(
    door: Door, files: Files, encrypted: PgServer, unencrypted: PgServer, binding: str
) -> None:
    certificate = " sslcert={} sslkey={}".format(*files.client_files)
    for server, user, mode in itertools.product(
        [encrypted, unencrypted],
        ["any", "scram", "md5", "password", "cert"],
        ["disable", "allow", "prefer", "require"],
    ):
        options = f"password=sesame sslmode={mode} channel_binding={binding}{certificate}"
        conninfo = f"{target(server, user)} {options}"
        got = await outcome(door, conninfo)
        assert got == await as_psycopg(server, conninfo), conninfo
        if binding == "require" and got != "OperationalError":
            assert (got, user, server) == ("TLS", "scram", encrypted)
        wrong = conninfo.replace("sesame", "wrong")
        assert await outcome(door, wrong) == await as_psycopg(server, wrong), wrong


@howdah_alone
@pytest.mark.parametrize("kind", ["sha256", "sha384", "sha512", "pss", "ed25519"])
async def test_channel_binding_by_the_hash_of_the_certificate(door: Door, files: Files, kind: str) -> None:
    if kind == "pss":
        root = Authority("of pss", kind="rsa")
        signed = root.issue("localhost", ["localhost"], algorithm=hashes.SHA384(), pss=True)
    elif kind == "ed25519":
        signed = Authority("of ed25519", kind="ed25519").issue("localhost", ["localhost"])
    else:
        algorithm = {"sha384": hashes.SHA384(), "sha512": hashes.SHA512()}.get(kind)
        signed = files.root.issue("localhost", ["localhost"], algorithm=algorithm)
    with tls_server(files, signed, f"hash-{kind}") as server:
        for binding in BINDINGS:
            conninfo = f"{target(server, 'scram')} password=sesame sslmode=require channel_binding={binding}"
            got = await outcome(door, conninfo)
            assert got == await as_psycopg(server, conninfo), binding
            # An algorithm without a hash is no reason to leave the binding out.
            assert got == ("TLS" if kind != "ed25519" or binding == "disable" else "OperationalError"), binding


async def test_versions(door: Door, encrypted: PgServer) -> None:
    version = "select version from pg_stat_ssl where pid = pg_backend_pid()"
    for options, expected in [
        ("", "TLSv1.3"),
        ("ssl_max_protocol_version=TLSv1.2", "TLSv1.2"),
        ("ssl_min_protocol_version=TLSv1.3", "TLSv1.3"),
        ("ssl_min_protocol_version=tlsv1.2 ssl_max_protocol_version=tlsv1.2", "TLSv1.2"),
        ("ssl_min_protocol_version=TLSv1", "TLSv1.3"),
    ]:
        conn = await door.connect(f"{target(encrypted)} sslmode=require {options}")
        cur = await conn.execute(version)
        assert await cur.fetchone() == (expected,), options


async def test_secrets_for_debugging(door: Door, encrypted: PgServer, tmp_path: Path) -> None:
    log = tmp_path / "keys"
    for count in (1, 2):
        conn = await door.connect(f"{target(encrypted)} sslmode=require sslkeylogfile={log}")
        await conn.close()
        assert log.read_text().count("CLIENT_TRAFFIC_SECRET_0 ") == count
    assert log.stat().st_mode & 0o777 == 0o600


@howdah_alone
async def test_what_was_agreed_on(door: Door, encrypted: PgServer) -> None:
    conn = await door.connect(f"{target(encrypted)} sslmode=require")
    cur = await conn.execute("select version, cipher, bits from pg_stat_ssl where pid = pg_backend_pid()")
    version, cipher, bits = await cur.fetchone()
    told = [conn.info.ssl_attribute(name) for name in ("protocol", "cipher", "key_bits", "library", "compression", "x")]
    assert told == [version, cipher, str(bits), "rustls", "off", None]
    plain = await door.connect(f"{target(encrypted)} sslmode=disable")
    assert not plain.info.ssl_in_use
    assert plain.info.ssl_attribute("protocol") is None


@howdah_alone
async def test_versions_that_rustls_lacks_are_refused(door: Door, encrypted: PgServer) -> None:
    for version in ("TLSv1", "TLSv1.1"):
        options = f"ssl_min_protocol_version=TLSv1 ssl_max_protocol_version={version}"
        with pytest.raises(door.module.NotSupportedError, match=r"TLSv1\.2"):
            await door.connect(f"{target(encrypted)} {options}")


async def test_options_that_contradict_each_other(door: Door, encrypted: PgServer) -> None:
    for options in [
        "sslrootcert=system sslmode=require",
        "sslnegotiation=direct",
        "sslnegotiation=direct sslmode=prefer",
        "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
        "ssl_min_protocol_version=x",
        "sslcertmode=x",
        "channel_binding=x",
    ]:
        with pytest.raises(door.module.OperationalError):
            await door.connect(f"{target(encrypted)} {options}")
    # Whom the system trusts has not signed this one.
    assert await outcome(door, f"{target(encrypted)} host=localhost sslrootcert=system") == "OperationalError"


@pytest.fixture
def trusted_by_the_system(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", files.right)


@howdah_alone
async def test_roots_of_the_system(door: Door, encrypted: PgServer, trusted_by_the_system: None) -> None:
    conninfo = f"{target(encrypted)} sslrootcert=system"
    assert await outcome(door, f"{conninfo} host=localhost") == "TLS"
    assert await outcome(door, conninfo) == "OperationalError"


def test_the_error_names_both_attempts(howdah: ModuleType, encrypted: PgServer) -> None:
    with pytest.raises(howdah.OperationalError) as caught:
        howdah.connect(f"{target(encrypted, 'nosuch')} sslmode=prefer")
    text = str(caught.value)
    assert text.count("no pg_hba.conf entry") == 2
    assert "SSL encryption" in text
    assert "no encryption" in text


def test_secrets_are_not_told(howdah: ModuleType, files: Files, encrypted: PgServer) -> None:
    key = files.write("secret.key", files.client.key_pem(PrivateFormat.PKCS8, BestAvailableEncryption(b"right")))
    options = f"sslmode=require sslcert={files.client_files[0]} sslkey={key} sslpassword=SESAME"
    with pytest.raises(howdah.OperationalError) as caught:
        howdah.connect(f"{target(encrypted)} {options}")
    assert "sslpassword is wrong" in str(caught.value)
    assert "SESAME" not in str(caught.value)
