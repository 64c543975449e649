"""The same page through the Rust door: the programs of examples/rust, one for each section."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .stage import Stage

TITLE = "The same page in Rust"
ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "rust"
PROGRAM_TIMEOUT = 120.0
FOLLOWS = "following"
"""The program that follows changes."""


def examples(stage: Stage) -> None:
    """The programs of examples/rust, each run against the same server."""
    out = stage.out
    cargo = shutil.which(os.environ.get("CARGO", "cargo"))
    if cargo is None or not stage.is_howdah:
        out.say("Skipped: these programs need cargo, and are howdah's alone.")
        return
    targets = find_targets(cargo)
    out.check("there is a program for each section", len(targets) == len(list(EXAMPLES.glob("*.rs"))) > 0)
    out.say(f"Building {len(targets)} programs...")
    for target in targets:
        if target == FOLLOWS and not logs_changes(stage):
            out.say(f"Skipped: {target} needs a server with wal_level = logical.")
        else:
            run_target(stage, cargo, target)


def logs_changes(stage: Stage) -> bool:
    """Whether the server's log tells of changes to rows."""
    with stage.connect(autocommit=True) as conn:
        return bool(conn.execute("SHOW wal_level").fetchone() == ("logical",))


def find_targets(cargo: str) -> list[str]:
    """The names of the Cargo examples whose source lies in examples/rust."""
    command = [cargo, "metadata", "--no-deps", "--format-version=1"]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout
    targets = [target for package in json.loads(output)["packages"] for target in package["targets"]]
    # A test may have the name of an example.
    targets = [target for target in targets if target["kind"] == ["example"]]
    sources = {str(target["name"]): Path(target["src_path"]).resolve() for target in targets}
    return sorted(name for name, source in sources.items() if source.parent == EXAMPLES.resolve())


def run_target(stage: Stage, cargo: str, name: str) -> None:
    """Build a program, run it with the server in HOWDAH_DSN, and show what it prints."""
    out = stage.out
    chosen = ["--package=howdah", "--example", name, "--all-features"]
    out.code(f"cargo run {' '.join(chosen)}")
    if subprocess.run([cargo, "build", *chosen], stdin=subprocess.DEVNULL, cwd=ROOT).returncode:
        out.check(f"{name} builds", False)
        return
    environ = {**os.environ, "HOWDAH_DSN": stage.dsn}
    done = subprocess.run(
        [cargo, "run", "--quiet", *chosen],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environ,
        cwd=ROOT,
        timeout=PROGRAM_TIMEOUT,
    )
    out.got(done.stdout.rstrip())
    out.equal(f"{name} does what the page promises", done.returncode, 0)


PARTS = [examples]
