"""What libraries do besides using a driver: they subscribe classes, wrap methods, look behind cursors, pickle."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import wrapt

from support.doors import Door

KINDS = ["", "Client", "Raw", "Server", "RawServer"]
CLASSES = [
    ("", "BaseConnection", 1),
    ("", "Connection", 1),
    ("", "AsyncConnection", 1),
    *[("", f"{shell}{kind}Cursor", 1) for shell in ("", "Async") for kind in KINDS],
    ("", "Copy", 0),
    ("", "Pipeline", 0),
    ("", "Transaction", 0),
    (".adapt", "Transformer", 0),
    (".rows", "RowFactory", 1),
    (".rows", "RowMaker", 1),
    (".types", "TypeInfo", 0),
    (".types", "TypesRegistry", 0),
    (".types.multirange", "Multirange", 1),
    (".types.range", "Range", 1),
]


@pytest.mark.parametrize(("module", "name", "generic"), CLASSES)
def test_generic_classes_are_subscriptable(driver: ModuleType, module: str, name: str, generic: int) -> None:
    cls = getattr(importlib.import_module(driver.__name__ + module), name)
    if generic:
        assert cls[int].__origin__ is cls
        assert cls in types.new_class("Derived", (cls[int],)).__mro__
    else:
        with pytest.raises(TypeError):
            cls[int]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Wraps methods of classes, as tracing libraries do, and notes their calls."""

    def wrap(cls: type, *names: str) -> list[str]:
        calls: list[str] = []

        def noted(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            calls.append(wrapped.__name__)
            return wrapped(*args, **kwargs)

        for name in names:
            monkeypatch.setattr(cls, name, wrapt.FunctionWrapper(getattr(cls, name), noted))
        return calls

    return wrap


async def test_wrapped_methods_are_called(door: Door, watch: Callable[..., list[str]]) -> None:
    of_connection = watch(door.connection_class, "cursor", "execute", "commit", "rollback", "close")
    of_cursor = watch(door.cursor_class, "execute", "executemany", "fetchone", "fetchall")
    conn = await door.connect()
    cur = await conn.execute("select %s::int", (1,))
    assert await cur.fetchone() == (1,)
    await cur.executemany("select %s::int", [(1,), (2,)], returning=True)
    assert await cur.fetchall() == [(1,)]
    await conn.rollback()
    async with conn:
        await conn.execute("select 1")
    assert of_connection == ["execute", "cursor", "rollback", "execute", "cursor", "commit", "close"]
    assert of_cursor == ["execute", "fetchone", "executemany", "fetchall", "execute"]


async def test_a_method_that_is_wrapped_while_a_connection_is_open(
    door: Door, watch: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    conn = await door.connect()
    await conn.execute("select 1")
    calls = watch(door.cursor_class, "execute")
    await conn.execute("select 1")
    assert calls == ["execute"]
    monkeypatch.undo()
    await conn.execute("select 1")
    assert calls == ["execute"]


async def test_wrapped_methods_of_server_cursors(door: Door, watch: Callable[..., list[str]]) -> None:
    cls = door.module.ServerCursor if door.is_sync else door.module.AsyncServerCursor
    calls = watch(cls, "execute", "fetchone", "close")
    conn = await door.connect()
    async with conn.cursor("served") as cur:
        await cur.execute("select 1")
        assert await cur.fetchone() == (1,)
    assert calls == ["execute", "fetchone", "close"]


async def test_what_was_executed(door: Door) -> None:
    conn = await door.connect()
    cur: Any = conn.cursor()
    assert [cur._query] == [None]
    await cur.execute("select %(n)t || %(n)t", {"n": "x"})
    assert (cur._query.query, [bytes(value) for value in cur._query.params]) == (b"select $1 || $1", [b"x"])
    with pytest.raises(door.errors.UndefinedColumn):
        await cur.execute("select wat")
    assert (cur._query.query, cur._query.params) == (b"select wat", None)


STATEMENTS = ["select 1", "", "set timezone to utc", "create temp table x ()", "delete from pg_class where false"]


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_every_statement_has_a_result(door: Door, statement: str) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    await cur.execute(statement)
    assert cur.pgresult.status in (0, 1, 2)
    await conn.rollback()
    await cur.executemany(statement, [()], returning=True)
    assert cur.pgresult.status in (0, 1, 2)
    _ = [row async for row in cur.stream("select 1")]
    assert cur.pgresult is not None
    async with conn.cursor("served") as served:
        await served.execute("select 1")
        assert served.pgresult is not None
        await served.fetchall()
        assert served.pgresult is not None


async def test_what_libraries_ask_a_connection(door: Door) -> None:
    conn = await door.connect()
    assert conn.pgconn.transaction_status == 0
    assert conn.pgconn.server_version == conn.info.server_version > 90000
    await conn.execute("select 1")
    assert conn.pgconn.transaction_status == 2
    with pytest.raises(door.errors.SyntaxError):
        await conn.execute("wat")
    assert conn.pgconn.transaction_status == 3
    await conn.close()
    assert conn.pgconn.transaction_status == 4


PICKLED = """
import pickle, sys
import howdah
howdah.install_as_psycopg()
import psycopg
from psycopg.types.range import Range
from psycopg.types.json import Jsonb
try:
    psycopg.connect(sys.argv[1]).execute("selec")
except psycopg.Error as error:
    some = [error, Range(1, 2), psycopg.errors.UniqueViolation("x"), psycopg.rows.dict_row]
    sys.stdout.buffer.write(pickle.dumps(some))
"""


def test_pickles_under_the_installed_name(howdah: ModuleType, oracle: ModuleType, dsn: str) -> None:
    """They can be read where psycopg is installed."""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", PICKLED, dsn], capture_output=True, check=True)
    assert b"howdah" not in run.stdout.replace(b"_howdah_", b"")
    error, bounds, violation, factory = pickle.loads(run.stdout)
    assert (type(error), error.sqlstate) == (oracle.errors.SyntaxError, "42601")
    assert bounds == importlib.import_module("psycopg.types.range").Range(1, 2)
    assert type(violation) is oracle.errors.UniqueViolation
    assert factory is importlib.import_module("psycopg.rows").dict_row


def lines_of(*arguments: str) -> list[str]:
    """What an interpreter of its own prints, which ends well and complains of nothing."""
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.splitlines()


HOOKED = """
import importlib, sys
import wrapt

told = []

def wrapper(wrapped, instance, args, kwargs):
    return "wrapped"

def hook(module):
    told.append((module.__name__, hasattr(module, "SQL"), hasattr(module, "connect"), hasattr(module, "dict_row")))
    if module.__name__ == "psycopg":
        wrapt.wrap_function_wrapper(module, "connect", wrapper)
        wrapt.wrap_function_wrapper(module, "AsyncConnection.connect", wrapper)
    if module.__name__ == "psycopg.sql":
        wrapt.wrap_function_wrapper(module, "Identifier.as_string", wrapper)

for name in ("psycopg", "psycopg.sql", "psycopg.rows", "psycopg.types.json"):
    wrapt.register_post_import_hook(hook, name)
importlib.import_module(sys.argv[1])
if sys.argv[1] == "howdah":
    sys.modules["howdah"].install_as_psycopg()
import psycopg
from psycopg import rows, sql
from psycopg.types import json
print(psycopg.connect(), psycopg.AsyncConnection.connect(), sql.Identifier("x").as_string(None))
print(sorted(told))
print(psycopg.__spec__.name, psycopg.__package__, psycopg.sql is sql, type(psycopg.__path__))
"""


def test_hooks_that_wait_for_the_import_are_told(driver: ModuleType) -> None:
    """Agents that were started before the program have set them."""
    assert lines_of("-W", "error", "-c", HOOKED, driver.__name__) == [
        "wrapped wrapped wrapped",
        "[('psycopg', False, True, False), ('psycopg.rows', False, False, True), ('psycopg.sql', True, False, False),"
        " ('psycopg.types.json', False, False, False)]",
        "psycopg psycopg True <class 'list'>",
    ]


PATCHED = """
import importlib, sys
import wrapt

def told(module):
    wrapt.wrap_function_wrapper(module, "make_conninfo", lambda wrapped, instance, args, kwargs: "wrapped")
    module.added = 1
    module.taken = 2
    del module.taken
    print(module.__name__, module.added, hasattr(module, "taken"))

wrapt.register_post_import_hook(told, "psycopg.conninfo")
importlib.import_module(sys.argv[1])
if sys.argv[1] == "howdah":
    sys.modules["howdah"].install_as_psycopg()
import psycopg
from psycopg import conninfo
print(conninfo.make_conninfo(), conninfo.added, hasattr(conninfo, "taken"))
print(conninfo is psycopg.conninfo is sys.modules["psycopg.conninfo"], conninfo.conninfo_to_dict("host=x"))
print(conninfo is importlib.import_module(sys.argv[1] + ".conninfo"), conninfo.__spec__.name.partition(".")[2])
"""


def test_hooks_patch_the_functions_of_a_module(driver: ModuleType) -> None:
    assert lines_of("-W", "error", "-c", PATCHED, driver.__name__) == [
        "psycopg.conninfo 1 False",
        "wrapped 1 False",
        "True {'host': 'x'}",
        "True conninfo",
    ]


REFUSED = """
import sys
import howdah
import wrapt

def told(module):
    raise TypeError(module.__name__)

def modules():
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "psycopg"}

force = len(sys.argv) == 3
if force:
    import psycopg
before = modules()
# A hook for what has been imported would be told at once.
module = sys.modules.pop(sys.argv[1], None)
wrapt.register_post_import_hook(told, sys.argv[1])
if module is not None:
    sys.modules[sys.argv[1]] = module
finders = list(sys.meta_path)
try:
    howdah.install_as_psycopg(force=force)
except TypeError as error:
    print(error)
print(sys.meta_path == finders, before == modules(), bool(before))
print(howdah.connect.__module__, howdah.Connection.__module__, howdah.Connection.transaction.__module__)
# The hook has had its turn.
howdah.install_as_psycopg(force=force)
import psycopg
print(psycopg.connect == howdah.connect, howdah.Connection.__module__)
"""


@pytest.mark.parametrize("name", ["psycopg", "psycopg.rows"])
@pytest.mark.parametrize("force", [False, True])
def test_a_hook_that_raises_leaves_nothing_installed(
    howdah: ModuleType, oracle: ModuleType, name: str, force: bool
) -> None:
    assert lines_of("-c", REFUSED, name, *(["force"] if force else [])) == [
        name,
        f"True True {force}",
        "howdah.connection howdah howdah.connection",
        "True psycopg",
    ]


IN_FRONT = """
import sys
from importlib.machinery import PathFinder

sys.meta_path.insert(0, PathFinder())
import howdah
howdah.install_as_psycopg()
import psycopg
from psycopg import sql
print(psycopg.connect is howdah.connect, psycopg.Connection is howdah.Connection, sql is howdah.sql)
print(psycopg.types.range.Range is howdah.types.range.Range)
"""


def test_installed_before_a_finder_that_has_psycopg(howdah: ModuleType, oracle: ModuleType) -> None:
    assert lines_of("-c", IN_FRONT) == ["True True True", "True"]


METHODS = """
import importlib, sys
if sys.argv[1] == "howdah":
    importlib.import_module("howdah").install_as_psycopg()
import psycopg
from psycopg import sql
from psycopg.types.range import Range
for it in (psycopg.connect, psycopg.Connection.connect, psycopg.AsyncConnection.connect, psycopg.Connection.transaction,
           sql.SQL.format, Range.__init__, psycopg.rows.dict_row):
    print(it.__module__)
"""


def test_methods_say_that_they_are_psycopgs(driver: ModuleType) -> None:
    """Spans are named after the place of a method."""
    names = ["connection", "connection", "connection_async", "connection", "sql", "types.range", "rows"]
    assert lines_of("-c", METHODS, driver.__name__) == [f"psycopg.{name}" for name in names]


def test_installed_by_a_pth_file(howdah: ModuleType, tmp_path: Path) -> None:
    """Before a `sitecustomize`, where agents import psycopg."""
    (tmp_path / "howdah.pth").write_text("import howdah; howdah.install_as_psycopg()")
    (tmp_path / "sitecustomize.py").write_text("import psycopg; agents = psycopg.connect")
    package = Path(str(howdah.__file__)).parents[1]
    # As in an environment's folder of packages, whose .pth files are read as the interpreter starts.
    start = f"""
import site, sys
sys.path[:0] = [{str(tmp_path)!r}, {str(package)!r}]
site.addsitedir({str(tmp_path)!r})
import sitecustomize, howdah
print(sitecustomize.agents.__self__ is howdah.Connection)
"""
    assert lines_of("-S", "-c", start) == ["True"]
