"""The module: PEP 249 attributes, names, signatures, and howdah under psycopg's name."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_origin

import pytest

from support.doors import Door

NAMES = [
    "AsyncConnection", "AsyncCursor", "BaseConnection", "Column", "Connection", "ConnectionInfo", "Cursor",
    "IsolationLevel",
    "Notify", "connect", "apilevel", "threadsafety", "paramstyle", "Warning", "Error", "InterfaceError",
    "DatabaseError",
    "DataError", "OperationalError", "IntegrityError", "InternalError", "ProgrammingError", "NotSupportedError",
    "Binary",
    "Date", "DateFromTicks", "Time", "TimeFromTicks", "Timestamp", "TimestampFromTicks", "BINARY", "DATETIME", "NUMBER",
    "ROWID", "STRING",
]  # fmt: skip


METHODS: dict[str, list[str]] = {
    "Connection": [
        "connect", "close", "cursor", "execute", "commit", "rollback", "cancel", "cancel_safe", "notifies", "fileno",
        "set_autocommit", "add_notice_handler", "remove_notice_handler", "add_notify_handler", "remove_notify_handler",
    ],
    "Cursor": [
        "execute", "executemany", "fetchone", "fetchmany", "fetchall", "scroll", "close", "nextset", "setinputsizes",
        "setoutputsize", "__iter__", "__next__", "__enter__", "__exit__",
    ],
}  # fmt: skip


OWN_PARAMETERS = {
    "AsyncConnection.connect": [
        "pipelining",
        "prepared_max",
        "cancel_timeout",
        "timeout",
        "operation_timeout",
        "password",
        "oauth_token",
    ],
    "Connection.connect": [
        "prepared_max",
        "cancel_timeout",
        "timeout",
        "operation_timeout",
        "password",
        "oauth_token",
    ],
    **{
        f"{prefix}{name}": ["timeout"]
        for prefix in ("", "Async")
        for name in (
            "Connection.execute",
            "Connection.commit",
            "Connection.rollback",
            "Cursor.execute",
        )
    },
    "Cursor.executemany": ["rewrite", "timeout"],
    "AsyncCursor.executemany": ["rewrite", "timeout"],
}
"""Keywords that howdah has and psycopg has not."""


def test_pep_249_attributes(driver: ModuleType) -> None:
    assert (driver.apilevel, driver.threadsafety, driver.paramstyle) == ("2.0", 2, "pyformat")
    assert driver.__version__.split(".")[0].isdigit()


def test_names(driver: ModuleType) -> None:
    assert [name for name in NAMES if not hasattr(driver, name)] == []
    assert set(NAMES) <= set(driver.__all__)
    assert [name for name in driver.__all__ if not hasattr(driver, name)] == []


@pytest.mark.parametrize(
    ("owner", "name"),
    [(prefix + owner, name) for owner, names in METHODS.items() for name in names for prefix in ("", "Async")],
)
def test_parameters_have_the_oracles_names(driver: ModuleType, oracle: ModuleType, owner: str, name: str) -> None:
    if owner.startswith("Async"):
        name = {
            "__iter__": "__aiter__",
            "__next__": "__anext__",
            "__enter__": "__aenter__",
            "__exit__": "__aexit__",
        }.get(name, name)
    ours, theirs = (getattr(getattr(module, owner), name) for module in (driver, oracle))
    if name.startswith("__"):
        return
    parameters = [p for p in inspect.signature(ours).parameters if p not in OWN_PARAMETERS.get(f"{owner}.{name}", ())]
    assert parameters == list(inspect.signature(theirs).parameters)


def test_pep_249_constructors(driver: ModuleType) -> None:
    ticks = time.mktime(dt.datetime(2020, 1, 2, 3, 4, 5).timetuple())
    assert driver.Date(2020, 1, 2) == dt.date(2020, 1, 2)
    assert driver.Time(3, 4, 5) == dt.time(3, 4, 5)
    assert driver.Timestamp(2020, 1, 2, 3, 4, 5) == dt.datetime(2020, 1, 2, 3, 4, 5)
    assert driver.DateFromTicks(ticks) == dt.date(2020, 1, 2)
    assert driver.TimeFromTicks(ticks).replace(tzinfo=None) == dt.time(3, 4, 5)
    assert driver.TimestampFromTicks(ticks).replace(tzinfo=None) == dt.datetime(2020, 1, 2, 3, 4, 5)


def test_binary_constructor(conn: Any, driver: ModuleType) -> None:
    value = driver.Binary(b"\x00\xff")
    assert conn.execute("select %s, pg_typeof(%s)::text", (value, value)).fetchone() == (b"\x00\xff", "bytea")


def test_pep_249_type_objects(conn: Any, driver: ModuleType) -> None:
    query = (
        "select 'x'::text, '\\x00'::bytea, 1, 1.5::float8, 1.5::numeric, current_date, now(), '1 day'::interval, 1::oid"
    )
    cur = conn.execute(query)
    kinds = [driver.STRING, driver.BINARY, *[driver.NUMBER] * 3, *[driver.DATETIME] * 3, driver.ROWID]
    others = [driver.STRING, driver.BINARY, driver.NUMBER, driver.DATETIME, driver.ROWID]
    for column, kind in zip(cur.description, kinds, strict=True):
        assert column.type_code == kind
        assert [o for o in others if o is not kind and column.type_code == o] == []


def test_classes_say_where_they_live(driver: ModuleType) -> None:
    for name in ("Connection", "AsyncConnection", "Cursor", "AsyncCursor", "Notify", "Column", "ConnectionInfo"):
        assert getattr(driver, name).__module__ == driver.__name__
        assert getattr(driver, name).__name__ == name


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_import_is_silent(driver: ModuleType) -> None:
    assert run("-W", "error", "-c", f"import {driver.__name__}") == ""


def test_no_libpq(howdah: ModuleType) -> None:
    code = "import howdah; print('libpq' in open('/proc/self/maps').read())"
    assert run("-c", code) == "False\n"


def test_package_is_typed(howdah: ModuleType) -> None:
    assert howdah.__file__ is not None
    assert (Path(howdah.__file__).parent / "py.typed").exists()


INSTALLED = """
import howdah
howdah.install_as_psycopg()
import psycopg
from psycopg import errors, rows, AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
import psycopg.errors as again
assert psycopg.connect is howdah.connect or psycopg.connect == howdah.connect
assert psycopg.Error is howdah.Error and UniqueViolation is howdah.errors.UniqueViolation
assert errors is again and AsyncConnection is howdah.AsyncConnection
assert importlib.import_module("howdah.types.json").Jsonb is Jsonb
assert "site-packages/psycopg/" not in (psycopg.__file__ or "")
with psycopg.connect(DSN, row_factory=dict_row) as conn:
    row = conn.execute("select %s as a, %s as b", ("x", Jsonb([1]))).fetchone()
    try:
        conn.execute("wat")
    except psycopg.errors.SyntaxError as ex:
        print(type(ex).__mro__[1].__name__, row)
for statement in ("import psycopg.pool", "from psycopg import no_such_name", "import psycopg.types.wat"):
    try:
        exec(statement)
    except ImportError as ex:
        assert isinstance(ex, ModuleNotFoundError) or "howdah" in str(ex), ex
        assert statement.split()[-1].split(".")[-1] in str(ex), ex
    else:
        raise AssertionError(statement)
assert not [m for m in sys.modules if m.startswith("psycopg_")]
"""


def test_install_as_psycopg(howdah: ModuleType, dsn: str) -> None:
    code = f"import importlib, sys\nDSN = {dsn!r}\n{INSTALLED}"
    assert run("-W", "error", "-c", code) == "ProgrammingError {'a': 'x', 'b': [1]}\n"


COPIED = """
import howdah
howdah.install_as_psycopg()
import psycopg
# What SQLAlchemy makes of a driver's module.
copied = dict(vars(psycopg))
assert set(howdah.__all__) <= set(copied), set(howdah.__all__) - set(copied)
assert all(copied[name] is getattr(howdah, name) for name in howdah.__all__ if name != "__version__")
assert copied["__version__"] == psycopg.__version__ == "3.3.9" and copied["__name__"] == "psycopg"
assert all(name in copied for name in ("errors", "rows", "types", "adapt", "pq", "abc", "conninfo", "postgres"))
try:
    psycopg.wat
except AttributeError as ex:
    print(ex)
"""


def test_names_of_the_installed_psycopg(howdah: ModuleType) -> None:
    assert run("-c", COPIED) == "howdah, installed as psycopg, has no attribute 'wat'\n"


@pytest.mark.parametrize("as_psycopg", [False, True])
def test_missing_submodules_have_no_spec(howdah: ModuleType, as_psycopg: bool) -> None:
    installed = "import howdah; howdah.install_as_psycopg()\n" if as_psycopg else ""
    code = (
        f"{installed}from importlib.util import find_spec\n"
        "names = ['psycopg', 'psycopg.errors', 'psycopg.types.json', 'psycopg.wat', 'psycopg.types.wat']\n"
        "print([find_spec(name) is None for name in names])\n"
        "try: find_spec('psycopg.errors.wat')\n"
        "except ModuleNotFoundError as ex: print(ex.name)"
    )
    assert run("-c", code) == "[False, False, False, True, True]\npsycopg.errors.wat\n"


def test_install_as_psycopg_twice(howdah: ModuleType) -> None:
    code = "import howdah\nfor _ in range(2): howdah.install_as_psycopg()\nimport psycopg\nprint(psycopg.apilevel)"
    assert run("-c", code) == "2.0\n"


def test_submodules(driver: ModuleType) -> None:
    for name in ("errors", "rows", "conninfo", "types.json"):
        importlib.import_module(f"{driver.__name__}.{name}")


@pytest.mark.parametrize(
    ("conninfo", "kwargs"),
    [
        ("", {}),
        ("host=a port=1", {"dbname": "x y", "user": None}),
        ("postgresql://u:p@h:1/d?application_name=a%20b", {"port": 2}),
        ("host='it''s'", {}),
        (r"password='\'\\'", {}),
        (None, {}),
    ],
)
def test_conninfo_helpers_equal_the_oracles(
    driver: ModuleType, oracle: ModuleType, conninfo: str | None, kwargs: dict[str, Any]
) -> None:
    results: list[Any] = []
    for module in (driver, oracle):
        helpers = importlib.import_module(f"{module.__name__}.conninfo")
        try:
            made = helpers.make_conninfo(conninfo, **kwargs)
            results.append((made, helpers.conninfo_to_dict(made)))
        except module.Error as ex:
            results.append(type(ex).__name__)
    assert results[0] == results[1]


def test_types_of_the_installed_psycopg(howdah: ModuleType) -> None:
    code = (
        "import howdah; howdah.install_as_psycopg()\n"
        "from psycopg.types.range import Range, Int4Range\n"
        "from psycopg.types.multirange import Multirange\n"
        "from psycopg.types.numeric import Int2\n"
        "print(Range.__module__, Multirange.__module__, Int2.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["psycopg.types.range", "psycopg.types.multirange", "psycopg.types.numeric"]


CLASSES = """
import importlib, pkgutil, sys
howdah = importlib.import_module(sys.argv[1])
walked = pkgutil.walk_packages(importlib.import_module("howdah").__path__, "howdah.")
names = [module.name.removeprefix("howdah.") for module in walked if "._" not in module.name]
count = 0
for module in [howdah, *(importlib.import_module(f"{sys.argv[1]}.{name}") for name in names)]:
    for name, cls in vars(module).items():
        if name.startswith("_") or not isinstance(cls, type) or not cls.__module__.startswith(sys.argv[1]):
            continue
        found = importlib.import_module(cls.__module__)
        for part in cls.__qualname__.split("."):
            found = getattr(found, part)
        assert found is cls, (module, name)
        count += 1
print(count > 500)
"""


@pytest.mark.parametrize("as_psycopg", [True, False])
def test_classes_are_found_by_the_names_that_they_give_themselves(howdah: ModuleType, as_psycopg: bool) -> None:
    """As serialisers write them by reference."""
    installed = "import howdah; howdah.install_as_psycopg()\n" if as_psycopg else ""
    package = "psycopg" if as_psycopg else "howdah"
    command = [sys.executable, "-W", "ignore", "-c", installed + CLASSES, package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize("name", ["types.range.Range", "types.json.Jsonb", "Connection", "errors.Diagnostic", "Xid"])
def test_names_of_classes_are_those_of_psycopg(driver: ModuleType, name: str) -> None:
    module, _, attribute = name.rpartition(".")
    cls = getattr(importlib.import_module(f"{driver.__name__}.{module}".rstrip(".")), attribute)
    assert f"{cls.__module__}.{cls.__qualname__}" == f"{driver.__name__}.{name}"


def test_connections_have_the_exceptions(driver: ModuleType) -> None:
    """PEP 249, "Optional DB API Extensions"."""
    names = [name for name in dir(driver) if name == "Warning" or name.endswith("Error")]
    assert len(names) == 10
    for name in names:
        for cls in (driver.BaseConnection, driver.Connection, driver.AsyncConnection):
            assert getattr(cls, name) is getattr(driver, name)


@pytest.mark.parametrize("name", ["BaseConnection", "Connection", "AsyncConnection"])
def test_connections_take_the_type_of_their_rows(driver: ModuleType, name: str) -> None:
    """Libraries have it in annotations that run when they are imported."""
    cls = getattr(driver, name)
    assert get_args(cls[int]) == (int,)
    assert get_origin(cls[int]) is cls


async def test_connections_are_base_connections(driver: ModuleType, door: Door) -> None:
    conn = await door.connect()
    inner = conn.wrapped if door.is_sync else conn
    assert isinstance(inner, driver.BaseConnection)
    assert inner.connection is inner


async def test_lock(door: Door) -> None:
    conn = await door.connect()
    if door.is_sync:
        with conn.lock:
            assert conn.lock.locked()
    else:
        async with conn.lock:
            assert conn.lock.locked()
    assert not conn.lock.locked()
