"""The same page through the Rust door: the programs of examples/rust, one for each section."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .stage import Stage

TITLE = "The same page in Rust"
ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "rust"
PROGRAM_TIMEOUT = 120.0


def examples(stage: Stage) -> None:
    """The programs of examples/rust, each run against the same server."""
    out = stage.out
    cargo = shutil.which(os.environ.get("CARGO", "cargo"))
    targets = find_targets(cargo) if cargo and stage.is_howdah else []
    if not targets:
        out.say("Skipped: there is no cargo, or no program in examples/rust.")
        return
    assert cargo is not None
    out.say(f"Building {len(targets)} programs...")
    for target in targets:
        run_target(stage, cargo, target)


def find_targets(cargo: str) -> list[dict[str, Any]]:
    """The Cargo targets whose source lies in examples/rust, as (package, name, kind)."""
    found = []
    for manifest in (ROOT / "Cargo.toml", EXAMPLES / "Cargo.toml"):
        if manifest.exists():
            command = [cargo, "metadata", "--no-deps", "--format-version=1", f"--manifest-path={manifest}"]
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout
            found += [t for p in json.loads(output)["packages"] for t in program_targets(p)]
    return sorted({t["name"]: t for t in found}.values(), key=lambda t: str(t["name"]))


def program_targets(package: dict[str, Any]) -> list[dict[str, Any]]:
    chosen = []
    for target in package["targets"]:
        kind = next((k for k in target["kind"] if k in ("bin", "example")), None)
        if kind and EXAMPLES in Path(target["src_path"]).parents:
            chosen.append({"name": target["name"], "kind": kind, "manifest": package["manifest_path"]})
    return chosen


def run_target(stage: Stage, cargo: str, target: dict[str, Any]) -> None:
    """Build a program, run it with the server in HOWDAH_DSN, and show what it prints."""
    out, name = stage.out, target["name"]
    chosen = [f"--manifest-path={target['manifest']}", f"--{target['kind']}", name, "--all-features"]
    out.code(f"cargo run --{target['kind']} {name}")
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
