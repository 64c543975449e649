#!/usr/bin/env python3
"""Write THIRD-PARTY-LICENSES: what a wheel has in it that others wrote, and under which terms. `--check` compares only.

Counted are the crates that are linked into the extension on any system for which there are wheels. Where a crate
offers the Apache licence among others, that one is taken, and of its files only notices are copied.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "THIRD-PARTY-LICENSES"

TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
"""Of the wheels in .github/workflows/release.yml."""

HEAD = """Third-party software in the wheels of howdah

The extension module howdah._howdah is linked with Rust's standard library, which is offered under the MIT and the
Apache licence, and with the crates below, on some systems with fewer of them. What is offered under the Apache licence
2.0 among others is used under it: its text is in LICENSE-APACHE.
"""

LICENCE = re.compile(r"(?i)^(licen[cs]e|copying|notice|unlicense)")
RULE = "-" * 80


def main() -> int:
    """Write the file, or tell whether it is current; the exit code."""
    text = document()
    if "--check" not in sys.argv[1:]:
        OUTPUT.write_text(text, "utf-8")
        return 0
    if OUTPUT.exists() and OUTPUT.read_text("utf-8") == text:
        return 0
    print(f"{OUTPUT.name} is not current: run tools/third_party.py")
    return 1


def document() -> str:
    """The text of the file."""
    packages = linked()
    lines = [f"* {p['name']} {p['version']}: {p['license'].replace('/', ' OR ')}" for p in packages]
    texts: dict[str, list[str]] = {}
    for package in packages:
        for text in terms(package):
            texts.setdefault(text, []).append(package["name"])
    parts = [HEAD, "\n".join(lines) + "\n"]
    for text, names in texts.items():
        parts.append(f"{RULE}\n{', '.join(dict.fromkeys(names))}\n{RULE}\n\n{text}\n")
    return "\n".join(parts)


def linked() -> list[dict[str, Any]]:
    """The packages that are linked on one of the systems, without our own."""
    wanted = set()
    for target in TARGETS:
        tree = ("tree", "--package=howdah-python", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}")
        for line in cargo(*tree, f"--target={target}").splitlines():
            name, version = line.split()[:2]
            wanted.add((name, version.removeprefix("v")))
    metadata = json.loads(cargo("metadata", "--format-version=1"))
    found = [p for p in metadata["packages"] if p["source"] and (p["name"], p["version"]) in wanted]
    return sorted(found, key=lambda p: (p["name"], p["version"]))


def cargo(*arguments: str) -> str:
    """What cargo prints, with the versions of Cargo.lock."""
    command = ["cargo", arguments[0], "--locked", *arguments[1:]]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT, text=True).stdout


def terms(package: dict[str, Any]) -> list[str]:
    """The texts that go with a package."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(p for p in folder.iterdir() if p.is_file() and LICENCE.match(p.name))
    if not files:
        raise SystemExit(f"{package['name']} {package['version']} has no licence in its package")
    offered, *besides = re.split(r"\s+AND\s+(?=[\w.-]+$)", package["license"])
    if re.search(r"(OR|/)", offered) and "Apache-2.0" in offered:
        words = ("notice", *(licence.split("-")[0].lower() for licence in besides))
        files = [p for p in files if any(word in p.name.lower() for word in words)]
    return [tidy(p.read_text("utf-8")) for p in files]


def tidy(text: str) -> str:
    """A text without blanks at the ends of its lines, or lines at its own."""
    return "\n".join(line.rstrip() for line in text.replace("\f", "\n").splitlines()).strip("\n")


if __name__ == "__main__":
    sys.exit(main())
