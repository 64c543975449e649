"""Build the Rust workers in release mode."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

__all__ = ["build_rust_worker"]

ROOT = Path(__file__).resolve().parent.parent.parent


def build_rust_worker() -> Path | None:
    """Path of the program, or None when cargo is not there or fails (it says why on standard error)."""
    target = os.environ.get("CARGO_TARGET_DIR") or str(ROOT / "target" / "bench")
    command = ["cargo", "build", "--release", "--message-format=json-render-diagnostics", "--target-dir", target]
    try:
        built = subprocess.run(command, cwd=ROOT / "bench" / "rust", stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        return None
    if built.returncode:
        return None
    messages = (json.loads(line) for line in built.stdout.splitlines())
    programs = [m["executable"] for m in messages if m.get("executable")]
    return Path(programs[-1]) if programs else None
