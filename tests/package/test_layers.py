"""The tool that keeps the walls between crates, files and modules: what it reports, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import check_layers
import pytest

FORBID = "#![forbid(unsafe_code)]\n"
RING = "abcdef"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def crate(name: str, files: dict[str, str], dependencies: str = "") -> dict[str, str]:
    """A crate's files; `lib.rs` declares the others."""
    mods = "".join(f"mod {Path(file).stem};\n" for file in files if "/" not in file and file != "lib.rs")
    lib = files.get("lib.rs", FORBID) + mods
    sources = {f"crates/{name}/src/{file}": text for file, text in {**files, "lib.rs": lib}.items()}
    return {f"crates/{name}/Cargo.toml": f'[package]\nname = "{name}"\n{dependencies}', **sources}


def complaints(root: Path, files: dict[str, str]) -> list[str]:
    write(root, files)
    return list(check_layers.complaints(root))


def ring(use: str = "use crate::{next}::Of{next};\n\nstruct Own(Of{next});\n") -> dict[str, str]:
    """Six files each of which uses the next, and the last the first."""
    following = [*RING[1:], RING[0]]
    return {f"{name}.rs": use.format(next=other) for name, other in zip(RING, following, strict=True)}


def test_this_tree_keeps_the_walls() -> None:
    assert list(check_layers.complaints(check_layers.ROOT)) == []


@pytest.mark.parametrize(
    "use",
    [
        "use crate::{next}::Of{next};\n\nstruct Own(Of{next});\n",
        "use super::{next}::Of{next} as Other;\n\nstruct Own(Other);\n",
        "use crate::{{\n    {next}::{{self, Of{next}}},\n}};\n\nfn own() -> Of{next} {{ {next}::make() }}\n",
        "use crate::{next};\n\nfn own() {{ {next}::make(); }}\n",
        "fn own() {{ crate::{next}::make(); }}\n",
        'fn own() -> char {{ let _: &\'static str = "x"; crate::{next}::make(\'"\', "// }}") }}\n',
    ],
)
def test_a_circle_of_files_is_reported(tmp_path: Path, use: str) -> None:
    found = complaints(tmp_path, crate("howdah-types", ring(use)))
    assert len(found) == 1
    assert "howdah-types: 6 files" in found[0]
    assert all(f"{name}.rs" in found[0] for name in RING)


def test_a_circle_through_reexports_is_that_of_the_files_with_the_items(tmp_path: Path) -> None:
    shown = "".join(f"pub use {name}::Thing as Of{name.upper()};\n" for name in RING)
    files = {"lib.rs": FORBID + shown}
    following = [*RING[1:], RING[0]]
    for name, other in zip(RING, following, strict=True):
        files[f"{name}.rs"] = f"use crate::Of{other.upper()};\n\nstruct Own(Of{other.upper()});\n"
    found = complaints(tmp_path, crate("howdah-types", files))
    assert len(found) == 1
    assert "lib.rs" not in found[0]
    assert "6 files" in found[0]


@pytest.mark.parametrize(
    "harmless",
    [
        "// use crate::{next}::Thing;\n",
        "/// See [`crate::{next}::Thing`].\nstruct Own;\n",
        'const TEXT: &str = "crate::{next}::Thing";\n',
        'const TEXT: &str = r#"" crate::{next}::Thing "#;\n',
        "#[cfg(test)]\nmod tests {{\n    use crate::{next}::Thing;\n    fn test() {{ Thing::new(); }}\n}}\n",
        "use pyo3::{next}::Thing;\n\nstruct Own(Thing);\n",
    ],
)
def test_what_is_no_use_of_a_file_is_not_counted(tmp_path: Path, harmless: str) -> None:
    assert complaints(tmp_path, crate("howdah-types", ring(harmless))) == []


def test_files_of_folders_are_modules_too(tmp_path: Path) -> None:
    files = {name.replace("b.rs", "b/mod.rs"): text for name, text in ring().items()}
    files["lib.rs"] = f"{FORBID}mod b;\n"
    found = complaints(tmp_path, crate("howdah-types", files))
    assert len(found) == 1
    assert "b/mod.rs" in found[0]


def test_a_small_circle_passes(tmp_path: Path) -> None:
    files = {"a.rs": "use crate::b::Thing;\nstruct Own(Thing);\n", "b.rs": "use crate::a::Own;\nstruct Thing(Own);\n"}
    assert complaints(tmp_path, crate("howdah-types", files)) == []


def test_a_crate_that_another_may_not_use_is_reported(tmp_path: Path) -> None:
    used = "[dependencies]\nhowdah-net = { workspace = true }\nserde.workspace = true\n"
    tests = (
        '[dev-dependencies]\nhowdah-testkit.workspace = true\n[target."cfg(unix)".dependencies]\nhowdah-types = "1"\n'
    )
    found = complaints(tmp_path, crate("howdah-protocol", {}, used + tests))
    assert found == [
        "howdah-protocol: depends on howdah-net, which it may not",
        "howdah-protocol: depends on howdah-types, which it may not",
    ]


def test_a_crate_of_which_nothing_is_said_is_reported(tmp_path: Path) -> None:
    assert "does not say" in complaints(tmp_path, crate("howdah-new", {}))[0]


def test_only_one_crate_may_have_unsafe_code(tmp_path: Path) -> None:
    # In a comment it forbids nothing.
    files = crate("howdah-types", {"lib.rs": f"// {FORBID}"}) | crate("howdah-ffi", {"lib.rs": ""})
    assert complaints(tmp_path, files) == ["howdah-types: src/lib.rs lacks #![forbid(unsafe_code)]"]


@pytest.mark.parametrize(
    "back",
    [
        "from .a import x\n",
        "from . import a\n",
        "from howdah.a import x\n",
        "import howdah.a\n",
        "def late() -> None:\n    from .a import x\n",
        "if True:\n    pass\nelse:\n    from .a import x\n",
    ],
)
def test_a_circle_of_python_modules_is_reported(tmp_path: Path, back: str) -> None:
    files = {"python/howdah/__init__.py": "", "python/howdah/a.py": "from .b import x\n", "python/howdah/b.py": back}
    assert complaints(tmp_path, files) == ["python: 2 files import each other in a circle: howdah.a, howdah.b"]


@pytest.mark.parametrize(
    "back",
    [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import x\n",
        "import typing\nif typing.TYPE_CHECKING:\n    from . import a\n",
        "from ._native import a\n",
        "from other.a import x\n",
    ],
)
def test_python_modules_may_name_each_others_types(tmp_path: Path, back: str) -> None:
    files = {
        "python/howdah/__init__.py": "from . import a\n",
        "python/howdah/_native.pyi": "a: int\n",
        "python/howdah/a.py": "from .b import x\n",
        "python/howdah/b.py": back,
    }
    assert complaints(tmp_path, files) == []
