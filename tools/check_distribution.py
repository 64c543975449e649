#!/usr/bin/env python3
"""Check the files that an index of Python packages would get: check_distribution.py WHEEL-OR-SDIST..."""

from __future__ import annotations

import fnmatch
import re
import struct
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path

LICENCES = ("LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENSES")
BUILT = ("*.so", "*.pyd", "*.dylib", "*.pdb", "*.dwp", "*.pyc", "*.o", "*.rlib")
EXTENSION = ("howdah/_howdah*.so", "howdah/_howdah*.pyd")
OURS = ("howdah/*", "howdah-*.dist-info/*")
CRATES = ("crates/*/Cargo.toml",)
LARGEST = 12 << 20
"""Bytes of a wheel; with what debuggers want it has twice as many."""

Files = dict[str, bytes]


def main(names: list[str]) -> int:
    """Print what is wrong with each file; the exit code."""
    found = 0
    for name in names:
        path = Path(name)
        built = path.suffix == ".whl"
        complaints = list(wheel(read_wheel(path), path.stat().st_size) if built else sdist(read_sdist(path)))
        for complaint in complaints:
            print(f"{path.name}: {complaint}")
        found += len(complaints)
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {len(complaints)} complaints")
    return 1 if found else 0


def read_wheel(path: Path) -> Files:
    """What is in a wheel."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def read_sdist(path: Path) -> Files:
    """What is in a source distribution, without the folder that holds it all."""
    files = {}
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                files[member.name.partition("/")[2]] = content.read()
    return files


def wheel(files: Files, size: int) -> Iterator[str]:
    """What is wrong with a wheel of so many bytes."""
    for name in files:
        if not matches(name, OURS) or "/tests/" in name:
            yield f"{name} does not belong there"
        elif matches(name, BUILT) and not matches(name, EXTENSION):
            yield f"{name} is built, and not the extension"
    extensions = [name for name in files if matches(name, EXTENSION)]
    if len(extensions) != 1:
        yield f"has {len(extensions)} extension modules"
    for name in extensions:
        if any(section.startswith((".debug", ".symtab")) for section in sections(files[name])):
            yield f"{name} is not stripped"
    if size > LARGEST:
        yield f"has {size} bytes, more than {LARGEST}"
    for name in ("howdah/__init__.py", "howdah/py.typed", "howdah/_howdah.pyi"):
        if name not in files:
            yield f"lacks {name}"
    for name in LICENCES:
        if not fnmatch.filter(files, f"howdah-*.dist-info/licenses/{name}"):
            yield f"lacks {name}"
    for name in fnmatch.filter(files, "howdah-*.dist-info/METADATA"):
        yield from metadata(files[name])


def sdist(files: Files) -> Iterator[str]:
    """What is wrong with a source distribution."""
    for name in files:
        if matches(name, BUILT) or name.startswith(("tests/", "bench/", "target/")):
            yield f"{name} does not belong there"
    wanted = ("Cargo.toml", "Cargo.lock", "pyproject.toml", "PKG-INFO", "python/howdah/__init__.py", *LICENCES)
    for name in wanted:
        if name not in files:
            yield f"lacks {name}"
    for name in {"crates/howdah-python", *(name[: -len("/Cargo.toml")] for name in files if matches(name, CRATES))}:
        if f"{name}/src/lib.rs" not in files:
            yield f"lacks {name}/src/lib.rs"
    if "PKG-INFO" in files:
        yield from metadata(files["PKG-INFO"])


def metadata(text: bytes) -> Iterator[str]:
    """What is wrong with what a distribution says of itself."""
    said = BytesParser().parsebytes(text)
    for field in ("Summary", "License-Expression", "Requires-Python", "Author", "Keywords", "Description-Content-Type"):
        if not said[field]:
            yield f"does not say {field}"
    for name in LICENCES:
        if name not in said.get_all("License-File", []):
            yield f"does not name {name}"
    for link in relative_links(said.get_payload(decode=False)):
        yield f"its page links to {link}, which is not on the index"


def relative_links(markdown: object) -> list[str]:
    """Links of a page that lead nowhere once it is shown elsewhere."""
    found = re.findall(r"\]\(([^)\s]+)", str(markdown)) + re.findall(r"(?m)^\[[^\]]+\]:\s*(\S+)", str(markdown))
    found += re.findall(r"(?:href|src)=[\"']([^\"']+)", str(markdown))
    return [link for link in found if not re.match(r"(https?:|mailto:|#)", link)]


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name matches one of the patterns."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def sections(program: bytes) -> list[str]:
    """The names of the sections of an ELF file of 64 bits; none of others, which keep symbols elsewhere."""
    if program[:5] != b"\x7fELF\x02":
        return []
    table, size, count, names = struct.unpack_from("<Q10xHHH", program, 0x28)
    headers = [struct.unpack_from("<I20xQ", program, table + size * i) for i in range(count)]
    start = headers[names][1]
    return [program[start + at : program.index(b"\0", start + at)].decode() for at, _ in headers]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
