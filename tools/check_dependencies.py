"""Check that every direct dependency of the workspace's crates has its reason in DESIGN.md's list."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Name the dependencies without a reason; the exit code."""
    found = direct_dependencies()
    missing = sorted(found - explained())
    for name in missing:
        print(f"{name} is not in the list of dependencies of DESIGN.md")
    print(f"{len(found)} direct dependencies, {len(missing)} without a reason")
    return 1 if missing else 0


def direct_dependencies() -> set[str]:
    """The names of the dependencies that come from outside the workspace."""
    command = ["cargo", "metadata", "--no-deps", "--format-version=1"]
    metadata = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout)
    return {d["name"] for package in metadata["packages"] for d in package["dependencies"] if "path" not in d}


def explained() -> set[str]:
    """The names in the first column of the list."""
    text = (ROOT / "DESIGN.md").read_text()
    section = text.partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    rows = (line.split("|")[1] for line in section.splitlines() if line.startswith("|"))
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


if __name__ == "__main__":
    sys.exit(main())
