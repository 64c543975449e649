"""Everything public says at run time what it is: `help()` and editors show it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest


def public_modules(howdah: ModuleType) -> list[str]:
    found = [each.name for each in pkgutil.walk_packages(howdah.__path__, "howdah.")]
    return ["howdah", *(name for name in found if not any(part.startswith("_") for part in name.split(".")))]


def described(value: Any) -> bool:
    return bool((inspect.getdoc(value) or "").strip())


def is_own(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).startswith("howdah")


def silent_members(cls: type) -> Iterator[str]:
    """Methods and attributes of a class, inherited ones of the package included, that have no docstring."""
    for name in dir(cls):
        owner = next((base for base in cls.__mro__ if name in vars(base)), None)
        if name.startswith("_") or owner is None or not is_own(owner):
            continue
        if name in getattr(owner, "__dataclass_fields__", ()):
            # The class's docstring tells of them.
            continue
        member = vars(owner)[name]
        member = getattr(member, "__func__", member)
        if (inspect.isroutine(member) or inspect.isdatadescriptor(member)) and not described(member):
            yield f"{owner.__module__}.{owner.__qualname__}.{name}"


def silent(module: ModuleType) -> Iterator[str]:
    if not described(module):
        yield module.__name__
    for name, value in vars(module).items():
        if name.startswith("_") or not (inspect.isclass(value) or inspect.isroutine(value)) or not is_own(value):
            continue
        # Not one that is inherited: a class is not what its base is.
        if not (value.__doc__ or "").strip():
            yield f"{module.__name__}.{name}"
        if inspect.isclass(value):
            yield from silent_members(value)


def test_everything_public_has_a_docstring(howdah: ModuleType) -> None:
    modules = [importlib.import_module(name) for name in public_modules(howdah)]
    assert len(modules) > 30
    assert sorted({name for module in modules for name in silent(module)}) == []


@pytest.mark.parametrize("wrong", ["function", "method", "attribute"])
def test_what_is_missing_would_be_found(wrong: str) -> None:
    def function(_: Any) -> None: ...

    function.__module__ = "howdah"
    member = property(function) if wrong == "attribute" else function
    documented = type("Documented", (), {"__doc__": "It is.", "__module__": "howdah", "member": member})
    module = ModuleType("howdah.x", "It is one.")
    vars(module)["name"] = function if wrong == "function" else documented
    assert list(silent(module)) == ["howdah.x.name" if wrong == "function" else "howdah.Documented.member"]
