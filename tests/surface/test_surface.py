"""The public surface: names, signatures, classes, registrations, compared with psycopg's.

Differences that stay are in differences.txt, each with its reason.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).resolve().parents[1]
LISTED = TESTS / "surface" / "differences.txt"
AT_MOST = 188
"""How many differences the list holds: to be lowered with it, never raised."""

Description = dict[str, str]


def test_surface_differs_as_listed(howdah: ModuleType) -> None:
    found = set(differences(described("psycopg"), described("howdah")))
    assert sorted(found - listed()) == []


def test_listed_differences_exist(howdah: ModuleType) -> None:
    found = set(differences(described("psycopg"), described("howdah")))
    assert sorted(listed() - found) == []


def test_list_does_not_grow() -> None:
    assert len(listed()) == AT_MOST


def test_every_block_of_the_list_has_a_reason() -> None:
    for block in blocks():
        assert block[0].startswith("# ")
        assert any(not line.startswith("#") for line in block)


@pytest.mark.parametrize("part", ["dumpers", "dumpers by oid", "loaders", "types"])
def test_what_is_registered(howdah: ModuleType, part: str) -> None:
    theirs, ours = registered("psycopg")[part], registered("howdah")[part]
    assert len(theirs) > 70
    assert [f"{k}: {theirs.get(k)} / {ours.get(k)}" for k in sorted({*theirs, *ours}) if theirs.get(k) != ours.get(k)] \
        == []  # fmt: skip


def differences(theirs: Description, ours: Description) -> Iterator[str]:
    """What is missing, what is added, and what is not the same; only once for a class and its subclasses."""
    differing = {path for path in {*theirs, *ours} if theirs.get(path) != ours.get(path)}
    gone = {path for path in differing if path not in theirs or path not in ours}
    for path in sorted(differing):
        if not is_part_of(path, gone) and not is_inherited(path, differing, theirs, ours):
            yield told(path, theirs.get(path), ours.get(path))


def told(path: str, theirs: str | None, ours: str | None) -> str:
    if ours is None:
        return f"{path}: missing"
    if theirs is None:
        return f"{path}: added, {ours}"
    return f"{path}: {theirs} / {ours}"


def is_part_of(path: str, gone: set[str]) -> bool:
    """Whether it belongs to a module or class that only one of them has."""
    return owner(path) in gone or (bool(owner(path)) and is_part_of(owner(path), gone))


def owner(path: str) -> str:
    return path.removesuffix("()") if path.endswith("()") else path.rpartition(".")[0]


def is_inherited(path: str, differing: set[str], theirs: Description, ours: Description) -> bool:
    """Whether an ancestor, the same in both, has a member that differs in the same way."""
    member = path.removeprefix(owner(path))
    for ancestor in theirs.get(owner(path), "").removeprefix("class (").removesuffix(")").split(", "):
        same = f"{ancestor}{member}"
        if same in differing and (theirs.get(same), ours.get(same)) == (theirs.get(path), ours.get(path)):
            return True
    return False


def listed() -> set[str]:
    return {line for block in blocks() for line in block if not line.startswith("#")}


def blocks() -> list[list[str]]:
    """The list without its heading."""
    return [block.splitlines() for block in LISTED.read_text(encoding="utf8").strip().split("\n\n")[1:]]


@functools.cache
def described(package: str) -> Description:
    found: Description = json.loads(run("support.surface", package))
    return found


@functools.cache
def registered(package: str) -> dict[str, Description]:
    keys = "" if package == "psycopg" else json.dumps(registered("psycopg")["keys"])
    found: dict[str, Description] = json.loads(run("support.registered", package, keys))
    return found


def run(module: str, package: str, given: str = "") -> str:
    command = [sys.executable, "-m", module, package]
    done = subprocess.run(command, cwd=TESTS, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
