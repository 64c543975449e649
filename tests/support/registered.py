"""Tells what a driver's global adapters map and types registry hold: `python -m support.registered howdah`.

Only psycopg can list the classes that have dumpers (in attributes of its own): what it prints goes to the standard
input of the process that asks howdah about the same.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from support import pure_psycopg

# Beyond what is registered: subclasses by their order of resolution, and classes that cannot be adapted.
OTHERS = [
    "builtins.dict", "builtins.set", "builtins.frozenset", "builtins.complex", "builtins.object", "builtins.type",
    "builtins.range", "builtins.Exception", "enum.Enum", "enum.IntEnum", "enum.Flag", "enum.IntFlag",
    "collections.OrderedDict", "collections.UserList", "array.array", "fractions.Fraction", "pathlib.PurePosixPath",
    "zoneinfo.ZoneInfo", "datetime.timezone", "numpy.generic", "numpy.ndarray", "numpy.intc", "numpy.uintc",
    "numpy.str_", "numpy.bytes_", "numpy.complex128", "numpy.float64", "numpy.longdouble", "numpy.datetime64",
    "types.NoneType", "decimal.Decimal", "uuid.SafeUUID",
    *(
        f"PACKAGE.types.{name}"
        for name in [
            "range.Range", "range.DateRange", "multirange.Multirange", "json.Json", "numeric.Int2",
            "numeric.IntNumeric", "TypeInfo", "string.StrDumper",
        ]
    ),
]  # fmt: skip
HIGHEST_OID = 10_000


def main(package: str) -> None:
    pure_psycopg.choose()
    psycopg_keys = json.load(sys.stdin) if package != "psycopg" else registered_in_psycopg()
    adapters = importlib.import_module(f"{package}.postgres").adapters
    found = {
        "keys": psycopg_keys,
        "dumpers": dumpers(package, adapters, sorted({*psycopg_keys, *OTHERS})),
        "dumpers by oid": by_oid(package, adapters.get_dumper_by_oid),
        "loaders": by_oid(package, adapters.get_loader),
        "types": types(package),
    }
    print(json.dumps(found))


def registered_in_psycopg() -> list[str]:
    adapters = importlib.import_module("psycopg.postgres").adapters
    keys = {key for registered in adapters._dumpers.values() for key in registered}
    names = {k if isinstance(k, str) else f"{k.__module__}.{k.__qualname__}" for k in keys}
    return sorted(
        "types.NoneType" if n == "builtins.NoneType" else n.replace("psycopg.", "PACKAGE.", 1)
        for n in names
        if exists(n)
    )


def exists(name: str) -> bool:
    """A class of a version of numpy that is not installed is registered all the same."""
    module, _, attribute = name.rpartition(".")
    return name == "builtins.NoneType" or hasattr(importlib.import_module(module), attribute)


def dumpers(package: str, adapters: Any, names: list[str]) -> dict[str, str]:
    formats = importlib.import_module(f"{package}.adapt").PyFormat
    found = {}
    for name in names:
        module, _, attribute = name.replace("PACKAGE", package).rpartition(".")
        cls = getattr(importlib.import_module(module), attribute)
        for fmt in formats:
            found[f"{name} {fmt.name}"] = outcome(package, lambda c=cls, f=fmt: adapters.get_dumper(c, f))
    return found


def by_oid(package: str, get: Any) -> dict[str, str]:
    formats = importlib.import_module(f"{package}.pq").Format
    found = {}
    for oid in range(HIGHEST_OID):
        for fmt in formats:
            seen = outcome(package, lambda o=oid, f=fmt: get(o, f))
            if not seen.startswith("ProgrammingError: cannot find a dumper for unknown type") and seen != "None":
                found[f"{oid} {fmt.name}"] = seen
    return found


def outcome(package: str, get: Any) -> str:
    try:
        found = get()
    except Exception as ex:
        return f"{type(ex).__name__}: {ex}"
    return "None" if found is None else described(package, found)


def described(package: str, adapter: Any) -> str:
    """A class by its name and home, with what tells adapters of one name apart."""
    plain = ["format", "oid", "base_oid", "element_oid", "subtype_oid", "delimiter"]
    told = [f"{name}={getattr(adapter, name)!r}" for name in plain if hasattr(adapter, name)]
    made = adapter.__name__.endswith(("ArrayLoader", "ListDumper", "ListBinaryDumper"))
    home = "" if made else adapter.__module__.replace(package, "") + "."
    return f"{home}{adapter.__name__} {' '.join(told)}"


def types(package: str) -> dict[str, str]:
    plain = ["name", "oid", "array_oid", "regtype", "delimiter", "subtype_oid", "range_oid"]
    found = {}
    for info in importlib.import_module(f"{package}.postgres").types:
        told = [f"{name}={getattr(info, name)!r}" for name in plain if hasattr(info, name)]
        found[str(info.oid)] = f"{type(info).__name__} {' '.join(told)} {type(info.typemod).__name__}"
    return found


if __name__ == "__main__":
    main(sys.argv[1])
