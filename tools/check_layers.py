#!/usr/bin/env python3
"""Check the walls: which crate may use which, that files import each other in no circle, where unsafe code may be.

Rust is read as text: its `mod` and `use` items, and its paths. A path counts for the file that has the item, even if it
goes through a re-export; tests within the sources do not count. Of Python every import counts, those within functions
too; only those for type checkers do not.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ALLOWED: dict[str, set[str]] = {
    "howdah-protocol": set(),
    "howdah-types": set(),
    "howdah-arrow": {"howdah-types"},
    "howdah-derive": set(),
    "howdah-testkit": {"howdah-protocol"},
    "howdah-net": {"howdah-protocol"},
    "howdah": {"howdah-arrow", "howdah-derive", "howdah-net", "howdah-protocol", "howdah-types"},
    "howdah-bb8": {"howdah"},
    "howdah-deadpool": {"howdah"},
    "howdah-ffi": set(),
    "howdah-adapt": {"howdah-ffi", "howdah-protocol", "howdah-types"},
    "howdah-python": {"howdah-adapt", "howdah-arrow", "howdah-ffi", "howdah-net", "howdah-protocol", "howdah-types"},
}
"""Which crates of the workspace a crate may use. What only its tests use is not asked."""

UNSAFE_CRATE = "howdah-ffi"

LARGEST_CIRCLE = 5
"""How many files of a crate may import each other in a circle; no two modules of the Python package may.

Those of five have a reason: in howdah-adapt `load.rs` and `dump.rs`, each with arrays, ranges, records and what is
registered, since values lie in values; in howdah-types the dates.
"""

Graph = dict[str, set[str]]
RustPath = tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Print what is wrong; the exit code."""
    root = Path(arguments[0]) if arguments else ROOT
    found = list(complaints(root))
    for complaint in found:
        print(complaint)
    print(f"{len(found)} holes in the walls")
    return 1 if found else 0


def complaints(root: Path) -> Iterator[str]:
    """What is wrong in the tree at `root`, a line each."""
    graphs: dict[str, Graph] = {}
    for manifest in sorted(root.glob("crates/*/Cargo.toml")):
        crate = manifest.parent
        yield from forbidden_crates(crate)
        yield from missing_forbid(crate)
        graphs[crate.name] = Crate(crate / "src").graph()
    graphs["python"] = python_graph(root / "python/howdah")
    for name, graph in graphs.items():
        for circle in circles(graph):
            if len(circle) > LARGEST_CIRCLE or name == "python":
                yield f"{name}: {len(circle)} files import each other in a circle: {', '.join(sorted(circle))}"


# --- crates ------------------------------------------------------------------------------------------------------


def forbidden_crates(crate: Path) -> Iterator[str]:
    """The crates of the workspace that a crate depends on and may not."""
    if crate.name not in ALLOWED:
        yield f"{crate.name}: tools/check_layers.py does not say what it may use"
        return
    used = dependencies(crate / "Cargo.toml")
    for name in sorted(used - ALLOWED[crate.name]):
        yield f"{crate.name}: depends on {name}, which it may not"


def dependencies(manifest: Path) -> set[str]:
    """The crates of the workspace that a manifest names, but for tests."""
    found = set()
    section = ""
    for line in manifest.read_text().splitlines():
        if header := re.match(r"\[(.+)\]", line):
            section = header[1]
        name = re.match(r"howdah[\w-]*", line)
        if name and section.endswith("dependencies") and "dev-dependencies" not in section:
            found.add(name[0])
    return found


def missing_forbid(crate: Path) -> Iterator[str]:
    """Whether a crate does not have the compiler forbid unsafe code, and is not the one that may."""
    code = code_of(crate / "src/lib.rs")
    if crate.name != UNSAFE_CRATE and "#![forbid(unsafe_code)]" not in code:
        yield f"{crate.name}: src/lib.rs lacks #![forbid(unsafe_code)]"


# --- files of a crate --------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Module:
    """A module of a crate: its place in the crate, its file, and what its code names."""

    path: RustPath
    file: Path
    children: set[str] = field(default_factory=set)
    names: dict[str, RustPath] = field(default_factory=dict)
    """What `use` brings in, and what it stands for."""
    shown: set[str] = field(default_factory=set)
    """Names of `names` that are re-exported."""
    paths: set[RustPath] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    """All identifiers outside of `use`."""


class Crate:
    """The modules of a crate."""

    def __init__(self, sources: Path) -> None:
        self.sources = sources
        self.modules: dict[RustPath, Module] = {}
        self.read((), sources / "lib.rs")

    def read(self, path: RustPath, file: Path) -> None:
        """Read a file and the files of the modules below it."""
        module = self.modules[path] = Module(path, file)
        parse(code_of(file), module)
        folder = file.parent if file.name in ("lib.rs", "mod.rs") else file.with_suffix("")
        for child in module.children:
            files = [folder / f"{child}.rs", folder / child / "mod.rs"]
            for found in filter(Path.exists, files):
                self.read((*path, child), found)

    def graph(self) -> Graph:
        """Which file uses which."""
        graph: Graph = {}
        for module in self.modules.values():
            used = {self.owner(path) for path in self.used(module)} - {module}
            graph[self.name(module)] = {self.name(other) for other in used}
        return graph

    def name(self, module: Module) -> str:
        return module.file.relative_to(self.sources).as_posix()

    def used(self, module: Module) -> Iterator[RustPath]:
        """The paths from the crate's root that a module uses."""
        for path in module.paths:
            if (used := self.absolute(module, path)) is not None:
                yield used
        first_words = {path[0] for path in module.paths}
        for name, path in module.names.items():
            used = self.absolute(module, path)
            # What is only shown to others is not used here, and a module is used for what is in it: see above.
            only_shown = name in module.shown and name not in module.words
            if used is not None and not only_shown and not (name in first_words and self.target(used) in self.modules):
                yield used

    def absolute(self, module: Module, path: RustPath) -> RustPath | None:
        """A path as from the crate's root, none if it leads out of the crate."""
        first, rest = path[0], path[1:]
        if first == "crate":
            return rest
        if first in ("self", "super"):
            base = module.path
            while path and path[0] in ("self", "super"):
                base = base[:-1] if path[0] == "super" else base
                path = path[1:]
            return (*base, *path)
        if first in module.children:
            return (*module.path, *path)
        if first in module.names and module.names[first] != path:
            start = self.absolute(module, module.names[first])
            return None if start is None else (*start, *rest)
        return None

    def target(self, path: RustPath) -> RustPath:
        """Where the item of a path is: `path` without the detours of re-exports."""
        for _ in range(20):
            module = self.modules[()]
            for index, name in enumerate(path):
                below = (*module.path, name)
                if below in self.modules:
                    module = self.modules[below]
                    continue
                shown = module.names.get(name)
                further = self.absolute(module, shown) if shown else None
                if further is None:
                    return path
                path = (*further, *path[index + 1 :])
                break
            else:
                return path
        return path

    def owner(self, path: RustPath) -> Module:
        """The module whose file has the item of a path."""
        path = self.target(path)
        while path not in self.modules:
            path = path[:-1]
        return self.modules[path]


def parse(code: str, module: Module) -> None:
    """Note what the code of a file declares, uses and names."""
    for visible, tree in re.findall(r"(\bpub\b(?:\s*\([^)]*\))?\s+)?\buse\s+([^;]+);", code):
        for name, path in use_tree(tree):
            module.names[name] = path
            if visible:
                module.shown.add(name)
    code = re.sub(r"\buse\s+[^;]+;", ";", code)
    module.children.update(re.findall(r"\bmod\s+(\w+)\s*;", code))
    code = re.sub(r"\bmod\s+\w+\s*;", ";", code)
    module.words.update(re.findall(r"\w+", code))
    for text in re.findall(r"(?<![\w:])\w+(?:\s*::\s*\w+)+", code):
        module.paths.add(tuple(re.split(r"\s*::\s*", text)))


def use_tree(tree: str) -> Iterator[tuple[str, RustPath]]:
    """The names that a `use` brings in, each with its path."""
    tree = re.sub(r"\s+", " ", tree).strip()
    head, brace, body = tree.partition("{")
    prefix = tuple(part for part in head.replace(" ", "").split("::") if part)
    if not brace:
        path_text, _, alias = tree.partition(" as ")
        path = tuple(path_text.replace(" ", "").split("::"))
        yield (alias.strip() or path[-1]), path
        return
    for part in split_list(body.rstrip()[:-1]):
        for name, path in use_tree(part):
            if path == ("self",):
                yield (prefix[-1] if name == "self" else name), prefix
            else:
                yield name, (*prefix, *path)


def split_list(text: str) -> Iterator[str]:
    """The elements of a list, which may have lists in them."""
    depth = start = 0
    for index, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    if text[start:].strip():
        yield text[start:]


NO_CODE = re.compile(
    r"""//[^\n]*
    | /\*.*?\*/
    | \bb?r(?P<hashes>\#*)".*?"(?P=hashes)
    | "(?:[^"\\]|\\.)*"
    | '(?:[^'\\\n]|\\[^\n]+?)'""",
    re.VERBOSE | re.DOTALL,
)


def code_of(file: Path) -> str:
    """A file without comments, texts and tests."""
    code = NO_CODE.sub(" ", file.read_text())
    while found := re.search(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*", code):
        code = code[: found.start()] + code[end_of_item(code, found.end()) :]
    return code


def end_of_item(code: str, start: int) -> int:
    """Where the item that begins at `start` is over: at its `;`, or with its block."""
    depth = 0
    for match in re.compile(r"[{};]").finditer(code, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(code)


# --- modules of Python -------------------------------------------------------------------------------------------


def python_graph(package: Path) -> Graph:
    """Which module of a package imports which. What has a stub only, as an extension module, imports nothing."""
    modules = {module_name(file, package): file for file in package.rglob("*.py")}
    known = {module_name(file, package) for file in chain(package.rglob("*.py"), package.rglob("*.pyi"))}
    graph: Graph = {}
    for name, file in modules.items():
        context = name if file.name == "__init__.py" else name.rpartition(".")[0]
        found = set()
        for module, member in imports(ast.parse(file.read_text()), context):
            found.add(f"{module}.{member}" if f"{module}.{member}" in known else module)
        graph[name] = (found & known) - {name}
    return graph


def module_name(file: Path, package: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(node: ast.AST, context: str) -> Iterator[tuple[str, str]]:
    """The modules that a module imports, with what it takes out of them; `context` is the package that it is in."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = context.split(".")
        package = package[: len(package) - node.level + 1] if node.level else []
        module = ".".join([*package, *filter(None, [node.module])])
        yield from ((module, alias.name) for alias in node.names)
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        yield from imports(ast.Module(node.orelse, []), context)
    else:
        for child in ast.iter_child_nodes(node):
            yield from imports(child, context)


# --- circles -----------------------------------------------------------------------------------------------------


def circles(graph: Graph) -> list[set[str]]:
    """The sets of more than one node of which each can be reached from each other one."""
    reached = {node: reachable(graph, node) for node in graph}
    found: list[set[str]] = []
    for node in graph:
        if not any(node in circle for circle in found):
            circle = {other for other in reached[node] if node in reached.get(other, ())}
            if len(circle) > 1:
                found.append(circle)
    return found


def reachable(graph: Graph, start: str) -> set[str]:
    """The nodes that can be reached from one; itself too if there is a way back."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for node in graph.get(waiting.pop(), ()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
