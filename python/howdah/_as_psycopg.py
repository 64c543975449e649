"""Answering to the name of psycopg, for programs and libraries that import it themselves."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from types import FunctionType, ModuleType
from typing import Any, Final

PSYCOPG_VERSION: Final = "3.3.9"
"""The version whose API howdah follows, and which libraries that check the version see."""


def install_as_psycopg(*, force: bool = False) -> None:
    """Make `import psycopg` give howdah from now on, in the whole process.

    Submodules too: `psycopg.errors` is `howdah.errors`. One that howdah does not have raises
    `ModuleNotFoundError`, even if psycopg is installed. `psycopg.__version__` is the version whose
    API howdah follows. Classes and functions say that they are psycopg's (`__module__`), so that
    what refers to them by name (pickles, Django's migrations) can be read with psycopg, too, or
    after this function. Hooks that wait for the import of psycopg, as tracing tools set them, are
    told. Call it before anything imports psycopg: raises `RuntimeError` if that has happened,
    unless `force` is true; modules that imported names from psycopg keep them then. If it raises, also what such a hook
    has raised, nothing is installed.
    """
    current = sys.modules.get("psycopg")
    if isinstance(current, _Alias):
        return
    if current is not None and not force:
        raise RuntimeError(
            "psycopg is already imported: call howdah.install_as_psycopg() before that,"
            " or with force=True if nothing uses its names yet"
        )
    before = _modules()
    finder = _Finder()
    try:
        _install(finder)
    except BaseException:
        # Such as a hook's: the import of psycopg gives then what it would have given.
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)
        _forget()
        sys.modules.update(before)
        _rename_all("psycopg", "howdah")
        raise


def _install(finder: MetaPathFinder) -> None:
    sys.meta_path.insert(_place_of_finder(), finder)
    _import()
    if not isinstance(sys.modules["psycopg"], _Alias):
        # Somebody's own finder stands before those of Python and has psycopg itself.
        sys.meta_path.remove(finder)
        sys.meta_path.insert(0, finder)
        _import()
    _rename_all("howdah", "psycopg")


def _place_of_finder() -> int:
    """Before the finders of Python, which may know psycopg, and behind hooks, which ask all others."""
    ours = (BuiltinImporter, FrozenImporter, PathFinder)
    return next((i for i, finder in enumerate(sys.meta_path) if finder in ours), 0)


def _import() -> None:
    _forget()
    importlib.import_module("psycopg")


def _modules() -> dict[str, ModuleType]:
    return {name: module for name, module in list(sys.modules.items()) if f"{name}.".startswith("psycopg.")}


def _forget() -> None:
    for name in _modules():
        sys.modules.pop(name, None)


def _rename_all(package: str, new: str) -> None:
    for name, module in list(sys.modules.items()):
        if f"{name}.".startswith("howdah."):
            _rename(module, package, new)


def _rename(module: ModuleType, package: str, new: str) -> None:
    """Have the public classes and functions of a module, and methods, say that they are of another package."""
    for name, value in list(vars(module).items()):
        if name.startswith("_") or not isinstance(value, (type, FunctionType)) or not _is_of(value, package):
            continue
        if isinstance(value, type):
            members = [getattr(member, "__func__", member) for member in vars(value).values()]
            named = [value, *(f for f in members if isinstance(f, FunctionType) and _is_of(f, package))]
        else:
            named = [value]
        for item in named:
            item.__module__ = new + item.__module__.removeprefix(package)


def _is_of(value: type | FunctionType, package: str) -> bool:
    first, _, rest = (value.__module__ or "").partition(".")
    return first == package and not rest.startswith("_")


class _Alias(ModuleType):
    """The module `psycopg`: howdah's names, and psycopg's version."""

    def __init__(self) -> None:
        self._howdah = importlib.import_module("howdah")
        # Not only looked up there: programs also copy the names that a module has in `vars()`.
        names = {name: value for name, value in vars(self._howdah).items() if not name.startswith("_")}
        self.__dict__.update(names)
        super().__init__("psycopg", "howdah under the name of psycopg.")
        self.__version__ = PSYCOPG_VERSION
        self.__file__ = self._howdah.__file__
        # Empty: submodules come from the finder alone.
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self._howdah, name)
        except AttributeError:
            raise AttributeError(f"howdah, installed as psycopg, has no attribute {name!r}") from None

    def __dir__(self) -> list[str]:
        return dir(self._howdah)


class _Finder(MetaPathFinder):
    """Finds `psycopg` as the alias, and `psycopg.x` as `howdah.x`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, rest = fullname.partition(".")
        if package != "psycopg":
            return None
        if not rest:
            return ModuleSpec(fullname, _Root(), is_package=True)
        real = f"howdah.{rest}"
        found = importlib.util.find_spec(real)
        if found is None:
            # With the empty path of the package nobody else finds it either.
            return None
        is_package = found.submodule_search_locations is not None
        return ModuleSpec(fullname, _Redirect(real), is_package=is_package)


class _Root(Loader):
    """Makes the module `psycopg`."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Alias()

    def exec_module(self, module: ModuleType) -> None:
        """Import what howdah has imported: `from psycopg import x` finds it, and hooks would not hear of it."""
        for name in list(sys.modules):
            if name.startswith("howdah.") and "._" not in name:
                importlib.import_module(name.replace("howdah", module.__name__, 1))


class _Redirect(Loader):
    """Puts an existing module in the place of the one being imported."""

    def __init__(self, real: str) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        real = importlib.import_module(self._real)
        _rename(real, "howdah", "psycopg")
        if isinstance(module, _StandIn):
            module._stand_for(real)
        sys.modules[module.__name__] = real


class _StandIn(ModuleType):
    """What hooks for the import of a module get: it has that name, and what they patch is patched in howdah's."""

    def _stand_for(self, real: ModuleType) -> None:
        vars(self).update({name: value for name, value in vars(real).items() if not name.startswith("_")})
        vars(self)["_real"] = real

    def __getattr__(self, name: str) -> Any:
        if "_real" not in vars(self):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(vars(self)["_real"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "_real" in vars(self) and not _is_the_importers(name):
            setattr(vars(self)["_real"], name, value)

    def __delattr__(self, name: str) -> None:
        if "_real" in vars(self) and not _is_the_importers(name):
            delattr(vars(self)["_real"], name)
        if name in vars(self):
            super().__delattr__(name)


def _is_the_importers(name: str) -> bool:
    """Whether a module has an attribute from its import, so that each of two has its own."""
    return name.startswith("__")
