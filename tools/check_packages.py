#!/usr/bin/env python3
"""Check what `cargo publish` would not: that a package that is published says what it is, and others can build it.

With `--release TAG` also that this tree is what the tag says, and that the packages say where they come from.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

UNPUBLISHED = {"howdah-adapt", "howdah-ffi", "howdah-python", "howdah-testkit"}
"""The extension, which comes as wheels, and what only development needs."""

ELSEWHERE = {"default", "gssapi"}
"""Features that the pages on docs.rs need not ask for, or cannot: `gssapi` needs a library of the system."""

LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")

Package = dict[str, Any]


def main() -> int:
    """Print what is wrong; the exit code."""
    command = ["cargo", "metadata", "--no-deps", "--format-version=1"]
    metadata = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout)
    urls = written_urls((ROOT / "pyproject.toml").read_text("utf-8"))
    found = [*complaints(metadata["packages"]), *addresses(metadata["packages"], urls)]
    if sys.argv[1:2] == ["--release"]:
        changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
        found += release(sys.argv[2], metadata["packages"], changes)
    for complaint in found:
        print(complaint)
    print(f"{len(metadata['packages'])} packages, {len(found)} complaints")
    return 1 if found else 0


def complaints(packages: list[Package]) -> Iterator[str]:
    """What is wrong with the packages of the workspace, a line each."""
    unpublished = {package["name"] for package in packages if package["publish"] == []}
    for name in sorted(unpublished ^ UNPUBLISHED):
        yield f"{name}: tools/check_packages.py and its Cargo.toml disagree on whether it is published"
    for package in packages:
        if package["name"] not in unpublished:
            for complaint in (*unsaid(package), *dependencies(package, unpublished), *pages(package)):
                yield f"{package['name']}: {complaint}"


def written_urls(pyproject: str) -> list[str]:
    """The addresses in `project.urls`. The oldest Python has no parser of TOML."""
    section = re.search(r"(?ms)^\[project\.urls\]$(.*?)(^\[|\Z)", pyproject)
    return re.findall(r'(?m)^[^#=]+=\s*"([^"]*)"', section[1]) if section else []


def addresses(packages: list[Package], urls: list[str]) -> Iterator[str]:
    """Where the packages say that they come from: all the same, or none. The Python package may say more."""
    said = {package["name"]: package["repository"] for package in packages if package["publish"] != []}
    if len(set(said.values())) > 1:
        silent = [name for name, address in said.items() if address != max(said.values(), key=str)]
        yield f"{', '.join(silent)}: another repository than the others'"
    for address in set(said.values()) - {None}:
        if address not in urls:
            yield f"pyproject.toml: project.urls lacks {address}"
    if urls and set(said.values()) == {None}:
        yield "pyproject.toml has project.urls, and the crates say no repository"


def release(tag: str, packages: list[Package], changes: str) -> Iterator[str]:
    """What keeps this tree from being released under a tag."""
    for package in packages:
        if tag != f"v{package['version']}":
            yield f"{package['name']}: its version is {package['version']}, and the tag {tag}"
        if package["publish"] != [] and not package["repository"]:
            yield f"{package['name']}: says no repository"
    if not re.search(rf"(?m)^## \[{re.escape(tag[1:])}\]", changes):
        yield f"CHANGELOG.md has no heading [{tag[1:]}]"


def unsaid(package: Package) -> Iterator[str]:
    """What a package does not say of itself."""
    for field in ("description", "license", "rust_version", "keywords", "categories", "readme"):
        if not package[field]:
            yield f"has no {field}"
    folder = Path(package["manifest_path"]).parent
    readme = folder / (package["readme"] or "README.md")
    needs = f"Needs Rust {package['rust_version']} or newer."
    if not readme.exists() or needs not in readme.read_text("utf-8"):
        yield f'its README lacks "{needs}"'
    for name in LICENCES:
        if not (folder / name).exists():
            yield f"has no {name}"


def dependencies(package: Package, unpublished: set[str]) -> Iterator[str]:
    """Dependencies that others could not have. Those of tests are left out of a package if they have no version."""
    for dependency in package["dependencies"]:
        if "path" not in dependency:
            continue
        name, required = dependency["name"], dependency["req"]
        if dependency["kind"] == "dev":
            if name in unpublished and required != "*":
                yield f"its tests ask for a version of {name}, which is not published"
        elif name in unpublished:
            yield f"depends on {name}, which is not published"
        elif required != f"={package['version']}":
            yield f"depends on {name} {required}, and not on the release that it belongs to"


def pages(package: Package) -> Iterator[str]:
    """Features that are left out of the pages on docs.rs."""
    asked = ((package["metadata"] or {}).get("docs") or {}).get("rs") or {}
    if asked.get("all-features"):
        return
    missing = package["features"].keys() - ELSEWHERE - set(asked.get("features", ()))
    if missing:
        yield f"its pages on docs.rs lack the features {', '.join(sorted(missing))}"


if __name__ == "__main__":
    sys.exit(main())
