"""Describes the public surface of a driver as JSON: `python -m support.surface psycopg`.

One script for both drivers, run in a process of its own, because psycopg must be asked for its Python implementation:
what its C implementation exposes has no signatures. Every key of the result says what is described, every value how.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from enum import Enum
from types import ClassMethodDescriptorType, MappingProxyType, ModuleType, UnionType
from typing import Any, Generic, Protocol, TypeVar, get_origin

from support import pure_psycopg

MODULES = [
    "",
    "adapt", "abc", "client_cursor", "conninfo", "copy", "crdb", "dbapi20", "errors", "generators", "postgres", "pq",
    "pq.abc", "pq.misc", "raw_cursor", "rows", "sql",
    "types", "waiting",
    *(
        f"types.{name}"
        for name in [
            "array", "bool", "composite", "datetime", "enum", "hstore", "json", "multirange", "net", "none",
            "numeric", "numpy", "range", "shapely", "string", "uuid",
        ]
    ),
]  # fmt: skip

OPERATORS = [
    "__aenter__", "__aexit__", "__aiter__", "__anext__", "__bool__", "__call__", "__class_getitem__", "__contains__",
    "__delitem__", "__enter__", "__eq__", "__exit__", "__ge__", "__getitem__", "__gt__", "__hash__", "__iter__",
    "__le__", "__len__", "__lt__", "__ne__", "__next__", "__repr__", "__setitem__", "__str__",
]  # fmt: skip

PLAIN = (bool, int, float, str, bytes, type(None))

Description = dict[str, str]


def main(package: str) -> None:
    pure_psycopg.choose()
    found: Description = {}
    for name in MODULES:
        found.update(module(package, name))
    print(json.dumps(found))


def module(package: str, name: str) -> Description:
    """Every public name of a module, and what is behind it."""
    try:
        imported = importlib.import_module(f"{package}.{name}".rstrip("."))
    except ModuleNotFoundError:
        return {name: "no module"}
    found = {name: "module"}
    for public in sorted(public_names(imported)):
        found.update(thing(package, f"{name}.{public}".lstrip("."), getattr(imported, public)))
    return found


def thing(package: str, path: str, value: Any) -> Description:
    """A class with its members, a function with its signature, a value."""
    if isinstance(value, ModuleType | TypeVar):
        return {}
    if isinstance(value, type) and is_ours(package, value):
        home = address(package, value)
        return class_members(package, path, value) if home == path else {path: f"class {home}"}
    if inspect.isroutine(value):
        return {path: f"function{signature(package, value)}"}
    return {path: plain(package, value)}


def class_members(package: str, path: str, cls: type) -> Description:
    """Its public ancestors, what makes an instance, and every public member, inherited or not."""
    found = {path: f"class ({', '.join(ancestors(package, cls))})"}
    if not issubclass(cls, Enum) and not getattr(cls, "_is_protocol", False):
        found[f"{path}()"] = signature(package, cls)
    for name in public_members(package, cls):
        found[f"{path}.{name}"] = member(package, cls, name) if hasattr(cls, name) else "attribute of instances"
    for name in OPERATORS:
        home = next((a for a in cls.__mro__[:-1] if name in vars(a)), None)
        if home and (home is not Generic or (hasattr(cls, "__parameters__") and cls.__parameters__)):
            found[f"{path}.{name}"] = "none" if vars(home)[name] is None else "operator"
    return found


def member(package: str, cls: type, name: str) -> str:
    declared = inspect.getattr_static(cls, name)
    if isinstance(declared, classmethod | ClassMethodDescriptorType) or inspect.ismethod(getattr(cls, name)):
        return f"classmethod{signature(package, getattr(cls, name))}"
    if isinstance(declared, staticmethod):
        return f"staticmethod{signature(package, getattr(cls, name))}"
    if isinstance(declared, property) or inspect.isgetsetdescriptor(declared) or inspect.ismemberdescriptor(declared):
        return "attribute of instances"
    if inspect.isroutine(declared):
        return f"method{signature(package, declared, bound=True)}"
    return plain(package, getattr(cls, name))


def signature(package: str, value: Callable[..., Any], bound: bool = False) -> str:
    """Names, kinds and defaults; annotations may differ."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except ValueError:
        return "(unknown)"
    shown = [
        p.replace(annotation=p.empty, default=p.default if p.default is p.empty else Shown(plain(package, p.default)))
        for p in parameters[bound:]
    ]
    return str(inspect.Signature([p for p in shown if not p.name.startswith("_")]))


class Shown:
    """A default, as it is to be printed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def plain(package: str, value: Any) -> str:
    """A value that says all by its `repr`, or the name of its type."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, PLAIN):
        return repr(value).replace(package, "psycopg")
    if isinstance(value, tuple | list):
        return repr([plain(package, v) for v in value])
    if isinstance(value, dict | MappingProxyType):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, UnionType) or get_origin(value):
        return "alias"
    if callable(value) and not isinstance(value, type):
        return f"callable {getattr(value, '__name__', type(value).__name__)}"
    return f"a {type(value).__name__}"


def ancestors(package: str, cls: type) -> list[str]:
    """The public classes that it descends from, in the order of resolution."""
    others = [a for a in cls.__mro__[1:-1] if a not in (Generic, Protocol)]
    found = [address(package, a) if is_ours(package, a) else foreign(a) for a in others]
    return [name for name in found if name]


def address(package: str, cls: type) -> str:
    """Where a class of the driver is found by the name it gives itself; nothing if it is not."""
    home = cls.__module__.removeprefix(package).lstrip(".")
    path = f"{home}.{cls.__qualname__}" if home else cls.__qualname__
    if any(part.startswith("_") for part in path.split(".")):
        return ""
    found: Any = importlib.import_module(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return path if found is cls else ""


def foreign(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def is_ours(package: str, cls: type) -> bool:
    return cls.__module__ == package or cls.__module__.startswith(f"{package}.")


def public_members(package: str, cls: type) -> list[str]:
    """What the driver's own classes define; what `int` or `tuple` can do is not the driver's surface."""
    ours = [a for a in cls.__mro__ if is_ours(package, a)]
    names = {n for a in ours for n in [*vars(a), *getattr(a, "__annotations__", ()), *assigned(a)]}
    return sorted(n for n in names if not n.startswith("_"))


def assigned(cls: type) -> set[str]:
    """What its constructor gives to each instance."""
    init = vars(cls).get("__init__")
    if not inspect.isfunction(init) or init.__code__.co_filename.startswith("<"):
        return set()
    body = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(init))))
    stores = (n for n in body if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store))
    return {n.attr for n in stores if isinstance(n.value, ast.Name) and n.value.id == "self"}


def public_names(imported: ModuleType) -> set[str]:
    """The names that a module's source gives: defined there, or imported for others as `x as x` or in `__all__`."""
    assert imported.__file__ is not None
    with open(imported.__file__, encoding="utf8") as file:
        tree = ast.parse(file.read())
    found = {*bound_names(tree.body), *getattr(imported, "__all__", ())}
    return {name for name in found if not name.startswith("_") and hasattr(imported, name)}


def bound_names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.asname and alias.asname == alias.name)
        elif isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING":
            yield from bound_names([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from bound_names([*node.body, *node.orelse, *node.finalbody])


if __name__ == "__main__":
    main(sys.argv[1])
