"""Build howdah for the other CPythons of this machine and run a part of the Python tests on each.

Each version gets an environment in build/, and an unoptimised extension: the release build is tested with the main
interpreter. HOWDAH_PYTHONS="3.10 3.13" chooses the versions.

Tests wait more than they compute: while one version is built, those before it are tested.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# The tests that touch the interpreter most, on every shell; a version that passes them differs little in the rest.
SMOKE = ["query", "cursor", "transactions", "interruption"]
SMOKE += [f"connection/test_{name}.py" for name in ("connect", "disconnections", "lifecycle", "event_loops", "sharing")]
SMOKE += [f"connection/test_{name}.py" for name in ("notices", "notifies")]
SMOKE += [f"adapt/test_{name}.py" for name in ("builtin_adapters", "dumpers", "loaders", "maps", "adapter_lifetimes")]
SMOKE += [f"types/test_{name}.py" for name in ("round_trips", "same_as_psycopg", "composites", "enums", "numpy")]
SMOKE += ["surface/test_module.py", "package/test_examples.py", "package/test_distribution.py"]
# How many versions are tested at the same time.
AT_ONCE = 3
# The oracle has been tested by the main interpreter.
CHOSEN = "not psycopg- and not psycopg]"


def main() -> int:
    """Test every version found; the exit code."""
    chosen = os.environ.get("HOWDAH_PYTHONS", " ".join(VERSIONS)).split()
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[Future[bool], str] = {}
        for version in chosen:
            python = None if version == own else find_python(version)
            if python is None:
                print(f"--- CPython {version}: {'the main one' if version == own else 'not here'}", flush=True)
            elif build(version, python):
                running[pool.submit(test, version)] = version
            else:
                failed.append(version)
        failed += [running[done] for done in as_completed(running) if not done.result()]
    print(f"--- other CPythons: {', '.join(failed) or 'none'} failed", flush=True)
    return 1 if failed else 0


def find_python(version: str) -> str | None:
    """An interpreter of that version: pyenv's newest, or one on the path that is what it says."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = sorted(pyenv.glob(f"{version}.*/bin/python"), key=lambda p: release(p.parents[1].name), reverse=True)
    on_path = shutil.which(f"python{version}")
    for candidate in [*map(str, candidates), *([on_path] if on_path else [])]:
        if answers(candidate, version):
            return candidate
    return None


def release(name: str) -> tuple[int, ...]:
    """A version's numbers, to be compared; no numbers for pre-releases and the like."""
    parts = name.split(".")
    return tuple(map(int, parts)) if all(p.isdigit() for p in parts) else ()


def answers(python: str, version: str) -> bool:
    """Whether that program is a CPython of that version: pyenv's shims exist for versions that are not active."""
    probe = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    done = subprocess.run([python, "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.split() == ["cpython", *version.split(".")]


def build(version: str, python: str) -> bool:
    """Make the environment of one version, with the extension; tells whether that went well."""
    print(f"\n--- CPython {version}: {python}", flush=True)
    requirements = ROOT / "tools" / "requirements" / "test.txt"
    prepare = [python, str(ROOT / "tools" / "make_venv.py"), str(venv(version)), str(requirements)]
    environ = {
        **os.environ,
        "VIRTUAL_ENV": str(venv(version)),
        "PYO3_PYTHON": interpreter(version),
        # PyO3 is built anew for each version: elsewhere, so that the main build stays as it is.
        "CARGO_TARGET_DIR": str(ROOT / "target" / "pythons"),
    }
    develop = [interpreter(version), "-m", "maturin", "develop", "--quiet"]
    return all(
        subprocess.call(command, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL) == 0 for command in (prepare, develop)
    )


def test(version: str) -> bool:
    """Run the tests on one version, print what they say when they are over, and tell whether all passed."""
    started = time.monotonic()
    files = [f"tests/{name}" for name in SMOKE]
    command = [interpreter(version), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", CHOSEN, *files]
    log = ROOT / "build" / f"tests-{version}.log"
    with log.open("wb") as out:
        code = subprocess.call(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    took = time.monotonic() - started
    said = log.read_text(errors="backslashreplace")
    print(f"\n{said}\n--- CPython {version}: {'FAILED' if code else 'passed'} in {took:.0f} s", flush=True)
    return code == 0


def venv(version: str) -> Path:
    """The environment of one version."""
    return ROOT / "build" / f"venv-{version}"


def interpreter(version: str) -> str:
    """Its interpreter."""
    return str(venv(version) / "bin" / "python")


if __name__ == "__main__":
    sys.exit(main())
