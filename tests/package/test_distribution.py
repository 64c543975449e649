"""What is published of the Python package: what it says of itself, and what is in its files."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import check_distribution
import other_pythons
import pytest
import third_party
from pgserver import PgServer

from support.project import CLAIMED_PYTHONS, PROJECT, ROOT

REQUIREMENTS = ROOT / "tools" / "requirements"
PUBLISHED = [ROOT / "python" / "README.md", *sorted(ROOT.glob("crates/*/README.md"))]


def requirements(name: str) -> set[str]:
    """The lines of a file of requirements, and of those that it includes."""
    found = set()
    for line in (REQUIREMENTS / name).read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found |= requirements(line[3:])
        elif line and not line.startswith("#"):
            found.add(line.replace('"', "'"))
    return found


def test_claimed_pythons_are_tested_ones() -> None:
    claimed = CLAIMED_PYTHONS
    assert PROJECT["requires-python"] == f">={claimed[0]}"
    assert claimed == sorted(claimed, key=other_pythons.release)
    assert set(claimed) <= set(other_pythons.VERSIONS)


def test_extras_that_users_of_psycopg_ask_for() -> None:
    extras = PROJECT["optional-dependencies"]
    assert extras["binary"] == extras["c"] == []
    assert [re.split(r"[><=]", line)[0] for line in extras["pool"]] == ["psycopg_pool"]


def test_extras_are_what_make_installs() -> None:
    extras = PROJECT["optional-dependencies"]
    written = {line.replace('"', "'") for name in ("test", "dev") for line in extras[name]}
    assert written - {"howdah[docs,test]"} == requirements("test.txt")
    assert set(extras["docs"]) | requirements("base.txt") == requirements("docs.txt")
    assert set(extras["libraries"]) | requirements("arrow.txt") == requirements("libraries.txt")


def test_pool_of_the_extra_needs_no_psycopg(howdah: ModuleType, server: PgServer) -> None:
    program = """
import sys
import howdah
howdah.install_as_psycopg()
from psycopg_pool import ConnectionPool
with ConnectionPool(sys.argv[1], min_size=1) as pool, pool.connection() as conn:
    assert type(conn) is howdah.Connection
    print(conn.execute("SELECT 1 + 1").fetchone())
places = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
assert not [place for place in places if "/psycopg/" in place.replace("\\\\", "/")]
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program, server.dsn], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(2,)\n", "")


@pytest.mark.parametrize("page", PUBLISHED, ids=lambda page: page.parent.name)
def test_pages_of_packages_link_to_nothing_beside_them(page: Path) -> None:
    assert check_distribution.relative_links(page.read_text("utf-8")) == []


def test_relative_links_are_found() -> None:
    page = '[a](docs/a.md) [b](https://b.example/x) [c](#d)\n\n[e]: ../e.md\n\n<img src="f.png">\n'
    assert check_distribution.relative_links(page) == ["docs/a.md", "../e.md", "f.png"]


MODULE_DEFINITION_SLOTS = 72
PY_MOD_GIL, PY_MOD_GIL_USED = 4, 0


def test_the_module_asks_for_the_gil(howdah: ModuleType) -> None:
    source = (ROOT / "crates" / "howdah-python" / "src" / "lib.rs").read_text("utf-8")
    assert re.findall(r"^#\[pymodule.*\]$", source, re.MULTILINE) == ["#[pymodule(gil_used = true)]"]
    # Older interpreters have no word for it.
    if sys.hexversion >= 0x030D0000:
        assert slots(howdah._howdah)[PY_MOD_GIL] == PY_MOD_GIL_USED


def slots(module: ModuleType) -> dict[int, int]:
    """The slots of a module's definition, as the interpreter has it."""
    definition = ctypes.pythonapi.PyModule_GetDef
    definition.restype = ctypes.c_void_p
    definition.argtypes = [ctypes.py_object]
    place = ctypes.c_void_p.from_address(definition(module) + MODULE_DEFINITION_SLOTS).value
    assert place is not None
    found = {}
    while (slot := ctypes.c_int.from_address(place).value) != 0:
        found[slot] = ctypes.c_void_p.from_address(place + 8).value or 0
        place += 16
    return found


METADATA = b"""\
Metadata-Version: 2.4
Name: howdah
Summary: x
License-Expression: MIT
License-File: LICENSE-APACHE
License-File: LICENSE-MIT
License-File: THIRD-PARTY-LICENSES
Requires-Python: >=3.10
Author: x
Keywords: x
Description-Content-Type: text/markdown

A page.
"""
LICENCES = [f"howdah-1.dist-info/licenses/{name}" for name in check_distribution.LICENCES]
PACKAGE = ["howdah/__init__.py", "howdah/py.typed", "howdah/_howdah.pyi", "howdah/_howdah.cpython-311.so"]


def good_wheel() -> dict[str, bytes]:
    return dict.fromkeys([*PACKAGE, *LICENCES], b"") | {"howdah-1.dist-info/METADATA": METADATA}


def good_sdist() -> dict[str, bytes]:
    names = ["Cargo.toml", "Cargo.lock", "pyproject.toml", "python/howdah/__init__.py", *check_distribution.LICENCES]
    crate = ["crates/howdah-python/Cargo.toml", "crates/howdah-python/src/lib.rs"]
    return dict.fromkeys([*names, *crate], b"") | {"PKG-INFO": METADATA}


def test_good_files_pass(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "howdah-1.whl", "w") as archive:
        for name, content in good_wheel().items():
            archive.writestr(name, content)
    assert list(check_distribution.wheel(good_wheel(), 1)) == []
    assert list(check_distribution.sdist(good_sdist())) == []
    assert check_distribution.main([str(tmp_path / "howdah-1.whl")]) == 0


@pytest.mark.parametrize("name", sorted(good_wheel().keys() - {"howdah-1.dist-info/METADATA"}))
def test_what_a_wheel_lacks(name: str) -> None:
    files = good_wheel()
    del files[name]
    assert len(list(check_distribution.wheel(files, 1))) == 1


@pytest.mark.parametrize("name", sorted(good_sdist().keys() - {"crates/howdah-python/Cargo.toml"}))
def test_what_a_source_distribution_lacks(name: str) -> None:
    files = good_sdist()
    del files[name]
    assert len(list(check_distribution.sdist(files))) == 1


@pytest.mark.parametrize(
    "name", ["howdah/x.so", "howdah/__pycache__/x.pyc", "howdah/tests/x.py", "tests/x.py", "x.pth"]
)
def test_what_does_not_belong_into_a_wheel(name: str) -> None:
    found = list(check_distribution.wheel({**good_wheel(), name: b""}, 1))
    assert len(found) == 1
    assert found[0].startswith(name)


def test_a_wheel_that_is_not_stripped_or_too_large(howdah: ModuleType) -> None:
    program = Path(howdah._howdah.__file__).read_bytes()
    if not sys.platform.startswith("linux"):
        pytest.skip("programs are in another format")
    # Of the table of sections it is the names that count.
    names = check_distribution.sections(program)
    assert ".text" in names
    unstripped = program if ".symtab" in names else program.replace(b".comment\0", b".symtab\0\0")
    found = list(check_distribution.wheel({**good_wheel(), PACKAGE[-1]: unstripped}, 1))
    assert found == [f"{PACKAGE[-1]} is not stripped"]
    assert len(list(check_distribution.wheel(good_wheel(), check_distribution.LARGEST + 1))) == 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"Keywords: x\n", b"", "does not say Keywords"),
        (b"License-File: LICENSE-MIT\n", b"", "does not name LICENSE-MIT"),
        (b"A page.", b"[A](page.md)", "its page links to page.md, which is not on the index"),
    ],
)
def test_what_a_distribution_does_not_say(old: bytes, new: bytes, complaint: str) -> None:
    assert list(check_distribution.metadata(METADATA.replace(old, new))) == [complaint]


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT OR Apache-2.0", ["notice"]),
        ("MIT/Apache-2.0", ["notice"]),
        ("Apache-2.0", ["apache", "mit", "unicode", "notice"]),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", ["unicode", "notice"]),
        ("MIT", ["apache", "mit", "unicode", "notice"]),
    ],
)
def test_terms_of_others(tmp_path: Path, licence: str, expected: list[str]) -> None:
    names = ["LICENSE-APACHE", "LICENSE-MIT", "LICENSE-UNICODE", "NOTICE.txt"]
    for name in names:
        (tmp_path / name).write_text(f"\n{name} \n\n")
    package = {"name": "x", "version": "1", "license": licence, "manifest_path": str(tmp_path / "Cargo.toml")}
    assert third_party.terms(package) == [n for n in names if any(word in n.lower() for word in expected)]


def test_who_says_no_terms_is_not_linked(tmp_path: Path) -> None:
    package = {"name": "x", "version": "1", "license": "MIT", "manifest_path": str(tmp_path / "Cargo.toml")}
    with pytest.raises(SystemExit, match="x 1 has no licence"):
        third_party.terms(package)
