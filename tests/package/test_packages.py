"""The tool that looks at packages before they are published: what it reports, and what it lets pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import check_packages
import pytest


def package(folder: Path, **changes: Any) -> dict[str, Any]:
    """What cargo says of a package with which nothing is wrong, in a folder that has its files."""
    for name in check_packages.LICENCES:
        (folder / name).touch()
    (folder / "README.md").write_text("Needs Rust 1.95 or newer.")
    said = dict.fromkeys(("description", "license", "keywords", "categories"), "x")
    facts: dict[str, Any] = {
        "name": "howdah-new",
        "version": "0.1.0",
        "publish": None,
        "readme": "README.md",
        "rust_version": "1.95",
        "manifest_path": str(folder / "Cargo.toml"),
        "dependencies": [],
        "features": {"default": [], "gssapi": []},
        "metadata": None,
    }
    return facts | said | changes


def complaints(*packages: dict[str, Any]) -> list[str]:
    unpublished = [{"name": name, "publish": []} for name in check_packages.UNPUBLISHED]
    return list(check_packages.complaints([*packages, *unpublished]))


def test_a_good_package_passes(tmp_path: Path) -> None:
    assert complaints(package(tmp_path)) == []


def test_what_a_package_does_not_say(tmp_path: Path) -> None:
    found = complaints(package(tmp_path, categories=[], rust_version="1.96"))
    assert found == ["howdah-new: has no categories", 'howdah-new: its README lacks "Needs Rust 1.96 or newer."']
    (tmp_path / "LICENSE-MIT").unlink()
    bare = package(tmp_path)
    (tmp_path / "LICENSE-MIT").unlink()
    assert complaints(bare) == ["howdah-new: has no LICENSE-MIT"]


@pytest.mark.parametrize(
    ("name", "kind", "req", "complaint"),
    [
        ("howdah-types", None, "=0.1.0", None),
        ("howdah-types", None, "^0.1.0", "depends on howdah-types ^0.1.0, and not on the release that it belongs to"),
        ("howdah-testkit", "dev", "*", None),
        ("howdah-testkit", "dev", "^0.1.0", "its tests ask for a version of howdah-testkit, which is not published"),
        ("howdah-testkit", None, "*", "depends on howdah-testkit, which is not published"),
    ],
)
def test_dependencies_that_others_cannot_have(
    tmp_path: Path, name: str, kind: str | None, req: str, complaint: str | None
) -> None:
    dependency = {"name": name, "kind": kind, "req": req, "path": "elsewhere"}
    found = complaints(package(tmp_path, dependencies=[dependency]))
    assert found == ([f"howdah-new: {complaint}"] if complaint else [])


def test_features_that_pages_lack(tmp_path: Path) -> None:
    features: dict[str, list[str]] = {"default": [], "gssapi": [], "uuid": [], "time": []}
    metadata = {"docs": {"rs": {"features": ["uuid"]}}}
    found = complaints(package(tmp_path, features=features, metadata=metadata))
    assert found == ["howdah-new: its pages on docs.rs lack the features time"]
    everything = {"docs": {"rs": {"all-features": True}}}
    assert complaints(package(tmp_path, features=features, metadata=everything)) == []


def test_who_is_published_is_said_twice(tmp_path: Path) -> None:
    assert complaints(package(tmp_path, publish=[])) == [
        "howdah-new: tools/check_packages.py and its Cargo.toml disagree on whether it is published"
    ]
