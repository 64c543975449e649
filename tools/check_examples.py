"""Check that what the Rust crates export has an example in its documentation.

Each exported type, trait and module needs one of its own, or an example in its file that names it. A method or a
function needs one, or an example that calls it, in the documentation of its type or elsewhere in its file; getters do
not, which take nothing but `&self` and wait for nothing. What a macro adds to several types may be shown by any example
of the crate.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
CRATES = ROOT / "crates"

# The files whose public items are looked at, and the file that says which of them are exported.
CHECKED = {
    "howdah": ("src",),
    "howdah-types": ("src/sql", "src/context.rs", "src/error.rs"),
    "howdah-derive": ("src/lib.rs",),
    "howdah-deadpool": ("src",),
    "howdah-bb8": ("src",),
}

ITEM = re.compile(
    r"\s*pub (?:const |async |unsafe )*(?P<kind>struct|enum|trait|fn|mod|type) (?P<name>\w+)(?P<rest>.*)",
)
IMPL = re.compile(r"impl\b(?:<.*?>)? (?:.* for )?(?:\w+::)*(?P<name>\$?\w+)")
DERIVE = re.compile(r"#\[proc_macro_derive\((?P<name>\w+)")


@dataclass
class Item:
    """Something public."""

    path: Path
    line: int
    kind: str
    name: str
    owner: str
    doc: str
    signature: str
    attributes: str

    @property
    def is_getter(self) -> bool:
        """Whether it is a method that only tells something."""
        parameters = re.search(r"\((.*?)\)", self.signature)
        alone = parameters is not None and parameters[1].strip() in ("&self", "self", "&'a self")
        return alone and "async" not in self.signature and "-> Self" not in self.signature and "->" in self.signature

    def __str__(self) -> str:
        owner = f"{self.owner}::" if self.owner else ""
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.kind} {owner}{self.name}"


@dataclass
class Examples:
    """The code of examples, by what it belongs to."""

    of_owner: dict[str, str] = field(default_factory=dict)
    of_file: dict[Path, str] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        """Notes those of an item."""
        code = "\n".join(re.findall(r"```.*?\n(.*?)```", item.doc, flags=re.DOTALL))
        owner = item.owner or item.name
        self.of_owner[owner] = self.of_owner.get(owner, "") + code
        self.of_file[item.path] = self.of_file.get(item.path, "") + code

    def show(self, item: Item) -> bool:
        """Whether one of them calls a method or a function, or names what else it is."""
        places = [self.of_owner.get(item.owner, ""), self.of_file[item.path]]
        if item.owner.startswith("$"):
            places = list(self.of_file.values())
        call = re.compile(rf"\b{item.name}(?:\(|::<)" if item.kind == "fn" else rf"\b{item.name}\b")
        return any(call.search(place) for place in places)


def main() -> int:
    """Name what has no example; the exit code."""
    count, missing = 0, []
    for crate, sources in CHECKED.items():
        exported = exports(CRATES / crate / "src/lib.rs")
        files = [file for source in sources for file in files_of(CRATES / crate / source)]
        items = [item for file in files for item in items_of(file)]
        examples = Examples()
        for item in items:
            examples.add(item)
        wanted = [item for item in items if is_wanted(item, exported)]
        count += len(wanted)
        missing += [item for item in wanted if "```" not in item.doc and not is_shown(item, examples)]
    for item in missing:
        print(item)
    print(f"{count} exported items, {len(missing)} without an example")
    return 1 if missing else 0


def is_wanted(item: Item, exported: set[str]) -> bool:
    """Whether an item is exported, and needs an example."""
    if "doc(hidden)" in item.attributes or "include_str!" in item.attributes:
        return False
    if item.kind == "impl":
        return False
    if item.kind == "mod":
        return item.path.name == "lib.rs"
    if item.kind == "fn":
        is_exported = item.owner in exported or item.owner.startswith("$") or item.kind == "derive"
        return is_exported and not item.is_getter
    return item.name in exported


def is_shown(item: Item, examples: Examples) -> bool:
    """Whether another item's example shows it."""
    return examples.show(item)


def exports(lib: Path) -> set[str]:
    """The names that a crate exports: those that it uses publicly, and those of `lib.rs` itself."""
    text = lib.read_text()
    found = set(re.findall(r"^\s*pub (?:struct|enum|trait|type) (\w+)", text, flags=re.MULTILINE))
    for module in re.findall(r"^pub mod (\w+);", text, flags=re.MULTILINE):
        file = lib.parent / f"{module}.rs"
        if file.exists() and lib.parent.parent.name == "howdah":
            found |= exports(file)
    text = re.sub(r"#\[doc\((?:hidden|no_inline)\)\]\s*pub use [^;]*;", "", text)
    for used in re.findall(r"^\s*pub use ([^;]*);", text, flags=re.MULTILINE):
        found |= set(re.findall(r"\b[A-Z]\w*", used))
    return found


def files_of(source: Path) -> list[Path]:
    """The files of a source, sorted."""
    return sorted(source.rglob("*.rs")) if source.is_dir() else [source]


def items_of(path: Path) -> list[Item]:
    """The public items of a file, with their documentation."""
    items: list[Item] = []
    owner, depth_of_owner, doc, attributes = "", 0, "", ""
    lines = path.read_text().splitlines()
    inner = "".join(line[3:].removeprefix(" ") + "\n" for line in lines if line.startswith("//!"))
    items.append(Item(path, 1, "impl", path.stem, "", inner, "", ""))
    for number, line in enumerate(lines, 1):
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if owner and text.startswith("}") and indent <= depth_of_owner:
            owner = ""
        if text.startswith("///"):
            doc += text[3:].removeprefix(" ") + "\n"
        elif text.startswith("#["):
            attributes += text
        elif match := IMPL.match(text):
            # What is said of a block of methods is said of its type.
            owner, depth_of_owner = match["name"], indent
            items.append(Item(path, number, "impl", owner, "", doc, "", attributes))
            doc, attributes = "", ""
        elif match := ITEM.match(line):
            signature = " ".join(lines[number - 1 : number + 8]).partition("{")[0].partition(";")[0]
            kind, name = match["kind"], match["name"]
            if kind == "mod" and (file := path.parent / f"{name}.rs").exists():
                doc += "".join(text + "\n" for text in file.read_text().splitlines() if text.startswith("//!"))
            if derive := DERIVE.search(attributes):
                kind, name = "derive", derive["name"]
            items.append(Item(path, number, kind, name, owner if kind == "fn" else "", doc, signature, attributes))
            if kind == "trait":
                owner, depth_of_owner = name, indent
            doc, attributes = "", ""
        elif text and not text.startswith("//"):
            doc, attributes = "", ""
    return items


if __name__ == "__main__":
    sys.exit(main())
