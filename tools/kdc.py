"""A private Kerberos realm for the tests: a KDC of Debian's krb5-kdc, and a PostgreSQL server that trusts it.

with Realm() as realm, realm.server() as server:
    os.environ.update(realm.environ, KRB5CCNAME=realm.ticket("alice"))
    howdah.connect(realm.dsn(server))
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pgserver import PgServer, Watchdog, available_flavours

NAME = "HOWDAH.TEST"
USERS = ("alice", "mallory")
"""Principals with a ticket for the asking; only the first is a user of the server."""

START_TIMEOUT = 20.0
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

CLIENT = """[libdefaults]
    default_realm = {name}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    clockskew = 1
[realms]
    {name} = {{
        kdc = 127.0.0.1:{port}
    }}
"""
SERVER = """[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {name} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        max_life = 1h
    }}
"""
DATABASES = ("onlygss", "trusting", "secret", "nogss", "onlyssl", "either")
"""Databases by what pg_hba.conf says of encryption; all others ask for authentication by GSSAPI, encrypted or not."""

HBA = """local all all trust
hostgssenc onlygss all 127.0.0.1/32 gss include_realm=0
hostgssenc trusting all 127.0.0.1/32 trust
hostgssenc secret all 127.0.0.1/32 scram-sha-256
hostnogssenc nogss all 127.0.0.1/32 trust
hostssl onlyssl all 127.0.0.1/32 trust
host either all 127.0.0.1/32 trust
host +databases all 127.0.0.1/32 reject
host all scram 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 gss include_realm=0
""".replace("+databases", ",".join(DATABASES))


def missing() -> str | None:
    """What this machine lacks for a realm, if anything."""
    for program in PROGRAMS:
        if shutil.which(program, path=PATH) is None:
            return f"{program} is not installed"
    if "debian" not in available_flavours():
        return "Debian's PostgreSQL, which knows GSSAPI, is not installed"
    return None


class Realm:
    """A realm with its KDC, started by `with`; gone at the end, with every file, even when the process is killed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="howdah-krb5-", dir="/tmp"))
        self.folder.chmod(0o755)
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            self.port: int = holder.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None

    @property
    def environ(self) -> dict[str, str]:
        """Environment variables of clients and servers in the realm; there is no ticket yet."""
        return {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5CCNAME": f"FILE:{self.folder}/none",
            "KRB5RCACHENAME": "none:",
        }

    def __enter__(self) -> Realm:
        try:
            self._create()
            self._process = subprocess.Popen(
                [_program("krb5kdc"), "-n"],
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._watchdog = Watchdog(self._process.pid, self.folder)
            self._wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the KDC and remove every file."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._watchdog is not None:
            self._watchdog.dismiss()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ticket(self, user: str, *, seconds: int = 600) -> str:
        """Get a ticket by the user's key; the name of the file it is in, for KRB5CCNAME."""
        name = f"FILE:{self.folder}/{user}-{seconds}"
        self._run("kinit", "-k", "-t", str(self.folder / "users.keytab"), "-l", f"{seconds}s", "-c", name, "-f", user)
        return name

    @contextlib.contextmanager
    def server(self, **config: str) -> Iterator[PgServer]:
        """Start a server that lets in who has a ticket for their name, and `scram` by password; see `DATABASES`."""
        before = {name: os.environ.get(name) for name in self.environ}
        os.environ.update(self.environ)
        try:
            keytab = str(self.folder / "server.keytab")
            server = PgServer("debian", hba=HBA, config={"krb_server_keyfile": keytab, **config})
            server.start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        with contextlib.closing(server):
            roles = f"create role {USERS[0]} login; create role scram login password 'sesame'"
            words = [roles, *(f"create database {name}" for name in DATABASES)]
            commands = [argument for each in words for argument in ("-c", each)]
            command = [str(server.bin_dir / "psql"), "-q", *commands, server.dsn]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            yield server

    def dsn(self, server: PgServer, user: str = USERS[0]) -> str:
        """Connection string to a server of the realm, by the name that its key has."""
        where = f"host=localhost hostaddr=127.0.0.1 port={server.port}"
        return f"{where} user={user} dbname=postgres gssencmode=disable connect_timeout=20"

    def _create(self) -> None:
        names = {"name": NAME, "port": self.port, "folder": self.folder}
        (self.folder / "krb5.conf").write_text(CLIENT.format(**names))
        (self.folder / "kdc.conf").write_text(SERVER.format(**names))
        self._run("kdb5_util", "create", "-s", "-r", NAME, "-P", "master")
        for principal in ("postgres/localhost", "other/localhost", *USERS):
            self._run("kadmin.local", "addprinc", "-randkey", principal)
        self._run("kadmin.local", "ktadd", "-k", str(self.folder / "server.keytab"), "postgres/localhost")
        self._run("kadmin.local", "ktadd", "-k", str(self.folder / "users.keytab"), *USERS)
        # The server runs as another user than root.
        (self.folder / "server.keytab").chmod(0o644)

    def _environ(self) -> dict[str, str]:
        return {**os.environ, **self.environ, "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"), "LC_ALL": "C"}

    def _run(self, program: str, *arguments: str) -> None:
        command = [_program(program), *arguments]
        done = subprocess.run(
            command,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout.decode(errors='replace')}")

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError("the KDC did not start") from None
                time.sleep(0.02)
            else:
                return


def _program(name: str) -> str:
    found = shutil.which(name, path=PATH)
    if found is None:
        raise RuntimeError(f"{name} is not installed")
    return found
