"""Exceptions: classes per SQLSTATE, diagnostics, texts equal to the oracle's, pickling, and use after close."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.differences import AFTER_CLOSE as AFTER_CLOSE_DIFFERENCES
from support.doors import Door, howdah_alone

HIERARCHY = {
    "Warning": "Exception",
    "Error": "Exception",
    "InterfaceError": "Error",
    "DatabaseError": "Error",
    "DataError": "DatabaseError",
    "OperationalError": "DatabaseError",
    "IntegrityError": "DatabaseError",
    "InternalError": "DatabaseError",
    "ProgrammingError": "DatabaseError",
    "NotSupportedError": "DatabaseError",
}


def test_pep_249_hierarchy(driver: ModuleType) -> None:
    for name, base in HIERARCHY.items():
        error = getattr(driver, name)
        assert error.__bases__ == (getattr(driver, base, Exception),)
        assert (error.__name__, error.__module__) == (name, driver.__name__)
        assert getattr(driver.errors, name) is error
        assert getattr(driver.Connection, name) is error
        assert getattr(driver.AsyncConnection, name) is error


def sqlstate_classes(errors: ModuleType) -> dict[str, tuple[str, list[str]]]:
    found = {}
    for name, value in vars(errors).items():
        sqlstate = getattr(value, "sqlstate", None)
        if isinstance(value, type) and issubclass(value, errors.Error) and sqlstate:
            found[name] = (sqlstate, [b.__name__ for b in value.__mro__[1:-3]])
    return found


def test_a_class_for_every_sqlstate_of_the_oracle(driver: ModuleType, oracle: ModuleType) -> None:
    ours, theirs = sqlstate_classes(driver.errors), sqlstate_classes(oracle.errors)
    assert len(theirs) > 250
    assert {k: v for k, v in ours.items() if k in theirs} == theirs


def test_lookup(driver: ModuleType, oracle: ModuleType) -> None:
    assert driver.errors.lookup("23505") is driver.errors.UniqueViolation
    assert driver.errors.lookup("undefined_table".upper()) is driver.errors.UndefinedTable
    with pytest.raises(KeyError):
        driver.errors.lookup("XXXXX_NOT")
    for name, (code, _) in sqlstate_classes(oracle.errors).items():
        assert driver.errors.lookup(code).__name__ == name
        assert driver.errors.lookup(code).__module__ == f"{driver.__name__}.errors"


@pytest.mark.parametrize("code", ["22012", "23505", "42P01", "57014", "0A000", "XX000", "P0001", "40001", "25P02"])
async def test_every_code_raises_its_class(door: Door, code: str) -> None:
    conn = await door.connect(autocommit=True)
    expected = door.errors.lookup(code)
    with pytest.raises(expected) as caught:
        await conn.execute(f"do $$ begin raise exception 'oh' using errcode = '{code}'; end $$")
    assert type(caught.value) is expected
    assert (caught.value.sqlstate, caught.value.diag.sqlstate) == (code, code)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("22ZZZ", "DataError"),
        ("23ZZZ", "IntegrityError"),
        ("42ZZZ", "ProgrammingError"),
        ("57ZZZ", "OperationalError"),
        ("0AZZZ", "NotSupportedError"),
        ("XXZZZ", "InternalError"),
        ("40ZZZ", "OperationalError"),
        ("ZZ123", "DatabaseError"),
    ],
)
async def test_code_without_a_class(door: Door, oracle: ModuleType, code: str, kind: str) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.module.Error) as caught:
        await conn.execute(f"do $$ begin raise exception 'oh' using errcode = '{code}'; end $$")
    assert caught.value.sqlstate == code
    assert isinstance(caught.value, getattr(door.module, kind))
    assert type(caught.value).__name__ == type(oracle_error(oracle, door.dsn, code)).__name__


def oracle_error(oracle: ModuleType, dsn: str, code: str) -> BaseException:
    with oracle.connect(dsn, autocommit=True) as conn, pytest.raises(oracle.Error) as caught:
        conn.execute(f"do $$ begin raise exception 'oh' using errcode = '{code}'; end $$")
    error: BaseException = caught.value
    return error


# Statements that fail in different places: parser, analyser, executor, functions, constraints, with every decoration.
FAILING: list[tuple[str, Any]] = [
    ("selec 1", None),
    ("select", (1,)),
    ("select wat", None),
    ("select 'é', wat", None),
    ("select\n\n  wat\n", None),
    ("select %s from wat", (1,)),
    ("select * from no_such_table", None),
    ("select 1 / 0", None),
    ("select 1 / %s", (0,)),
    ("select 'x'::int", None),
    ("select %s::int", ("x",)),
    ("select 1 + 'x'", None),
    ("select no_such_function(%s)", (1,)),
    ("insert into pg_temp.pairs values (1, 1), (1, 2)", None),
    ("insert into pg_temp.pairs values (null, 2)", None),
    ("insert into pg_temp.pairs values (2, -1)", None),
    ("insert into pg_temp.pairs values (%s, %s)", (3, 2**40)),
    ("do $$ begin raise exception 'multi\nline' using hint = 'a hint', detail = 'a\ndetail'; end $$", None),
    ("do $$ begin execute 'select wat'; end $$", None),
    ("select pg_temp.nested(0)", None),
    ("create table pg_temp.pairs (a int)", None),
    ("select 1; select 1 / 0; select 2", None),
    ("select %s; select %s", (1, 2)),
    ("select set_config('no.such thing', '', false)", None),
    ("set work_mem to 'wat'", None),
    ("select xmlparse(document '<a>')", None),
    ("select '{1,2'::int[]", None),
    ("select '2020-13-45'::date", None),
    ("select row(1, 2) = row(1)", None),
    ("select repeat('x', 2000000000)", None),
    ("select chr(0)", None),
    ("rollback to savepoint no_such", None),
    ("select %s", (object(),)),
    ("select %s, %s", (1,)),
    ("select %(a)s", (1,)),
    ("select %(a)s", {"b": 1}),
    ("select %s", {"b": 1}),
    ("select %d", (1,)),
    ("select %(a", {"a": 1}),
    ("select '%'", (1,)),
    ("select % 1", (1,)),
    ("select %s, %(a)s", (1,)),
    ("select %(a)s, %(a)b", {"a": 1}),
    ("select %s", ("a\0b",)),
    ("select %s", ([1, "x"],)),
    ("select %s", ([[1, 2], [3]],)),
]

SETUP = """
create temp table pairs (a int not null constraint pairs_key primary key, b int constraint positive check (b > 0));
create function pg_temp.nested(n int) returns int language plpgsql as $$ begin return 1 / n; end $$;
"""


def failure(driver: ModuleType, dsn: str, query: str, params: Any) -> Any:
    """All that a program can see of an error, without the driver's name."""
    with driver.connect(dsn, autocommit=True) as conn:
        conn.execute(SETUP)
        conn.execute("begin")
        try:
            conn.execute(query, params)
        except Exception as ex:
            seen = describe(ex)
        else:
            seen = {"class": None}
        seen["state"] = (conn.info.transaction_status.name, conn.closed, conn.broken)
        conn.rollback()
        seen["after"] = conn.execute("select 1").fetchone()
    return without_session(seen)


def without_session(seen: Any) -> Any:
    """The same, without the number of the session's own schema."""
    if isinstance(seen, dict):
        return {k: without_session(v) for k, v in seen.items()}
    return re.sub(r"pg_temp_\d+", "pg_temp", seen) if isinstance(seen, str) else seen


def describe(ex: BaseException) -> dict[str, Any]:
    seen: dict[str, Any] = {"class": type(ex).__name__, "text": str(ex), "sqlstate": getattr(ex, "sqlstate", None)}
    if hasattr(ex, "diag"):
        names = [n for n in dir(ex.diag) if not n.startswith("_") and n not in ("from_pgresult", "pgresult")]
        seen["diag"] = {n: getattr(ex.diag, n) for n in names if not callable(getattr(ex.diag, n))}
    return seen


@pytest.mark.parametrize("number", range(len(FAILING)))
def test_failure_equals_the_oracles(driver: ModuleType, oracle: ModuleType, dsn: str, number: int) -> None:
    query, params = FAILING[number]
    assert failure(driver, dsn, query, params) == failure(oracle, dsn, query, params)


ENDLESS = "copy (select repeat('x', 10000), generate_series(1, 1000000000)) to stdout"


@pytest.mark.parametrize("query", ["copy pairs from stdin", "copy pairs to stdout", "select 1; copy pairs from stdin"])
def test_copy_outside_copy_is_refused(driver: ModuleType, dsn: str, query: str) -> None:
    # psycopg's connection stays ACTIVE and is lost; howdah's must be idle or in error again.
    conn = driver.connect(dsn, autocommit=True)
    conn.execute(SETUP)
    with pytest.raises(driver.ProgrammingError, match="COPY"):
        conn.execute(query)
    if driver.__name__ == "howdah":
        assert conn.execute("select 1").fetchone() == (1,)
    conn.close()


@howdah_alone
async def test_a_long_copy_outside_copy_is_cancelled(door: Door) -> None:
    """Its data, 10 TB, is not read to the end."""
    conn = await door.connect()
    with pytest.raises(door.errors.ProgrammingError, match="COPY"):
        await conn.execute(ENDLESS)
    assert conn.info.transaction_status == 3
    await conn.rollback()
    cur = await conn.execute("select 1")
    assert await cur.fetchone() == (1,)


def test_text_has_no_severity_and_shows_the_position(conn: Any, driver: ModuleType) -> None:
    with pytest.raises(driver.errors.UndefinedColumn) as caught:
        conn.execute("select wat")
    assert str(caught.value) == 'column "wat" does not exist\nLINE 1: select wat\n               ^'


def test_pickling(conn: Any, driver: ModuleType) -> None:
    with pytest.raises(driver.errors.UndefinedColumn) as caught:
        conn.execute("select wat")
    again = pickle.loads(pickle.dumps(caught.value))
    assert describe(again) == describe(caught.value)
    assert type(again) is driver.errors.UndefinedColumn


@pytest.mark.parametrize(("writer", "reader"), [("howdah", "psycopg"), ("psycopg", "howdah")])
def test_pickles_of_the_other_driver(
    dsn: str, howdah: ModuleType, oracle: ModuleType, writer: str, reader: str
) -> None:
    """What one has written the other reads, under the names of its own classes, with the server's report."""
    drivers = {"howdah": howdah, "psycopg": oracle}
    with drivers[writer].connect(dsn) as conn, pytest.raises(drivers[writer].errors.UndefinedColumn) as caught:
        conn.execute("select wat")
    data = pickle.dumps(caught.value, protocol=2).replace(f"{writer}.".encode(), f"{reader}.".encode())
    again = pickle.loads(data)
    assert type(again) is drivers[reader].errors.UndefinedColumn
    assert describe(again) == describe(caught.value)
    assert again.diag.source_function == "errorMissingColumn"


def test_pickling_of_errors_without_a_server(conn: Any, driver: ModuleType) -> None:
    for kind in HIERARCHY:
        error = getattr(driver, kind)("some text")
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), "some text")
    error = driver.OperationalError("x")
    assert (error.sqlstate, error.diag.message_primary, error.diag.sqlstate) == (None, None, None)


def test_diag_outlives_the_connection(driver: ModuleType, dsn: str) -> None:
    with pytest.raises(driver.Error) as caught, driver.connect(dsn) as conn:
        conn.execute("select wat")
    assert caught.value.diag.message_primary == 'column "wat" does not exist'


def test_traceback_is_short(conn: Any, driver: ModuleType) -> None:
    with pytest.raises(driver.Error) as caught:
        conn.execute("select wat")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def outcome(function: Callable[[], Any]) -> tuple[str, str]:
    try:
        value = function()
    except Exception as ex:
        return type(ex).__name__, str(ex)
    return "value", repr(value)


AFTER_CLOSE: dict[str, Callable[[Any, Any], Any]] = {
    "cursor": lambda conn, cur: conn.cursor(),
    "execute": lambda conn, cur: conn.execute("select 1"),
    "commit": lambda conn, cur: conn.commit(),
    "rollback": lambda conn, cur: conn.rollback(),
    "close": lambda conn, cur: conn.close(),
    "cancel": lambda conn, cur: conn.cancel(),
    "cancel_safe": lambda conn, cur: conn.cancel_safe(),
    "fileno": lambda conn, cur: conn.fileno(),
    "notifies": lambda conn, cur: list(conn.notifies(timeout=0)),
    "autocommit": lambda conn, cur: conn.autocommit,
    "set_autocommit": lambda conn, cur: conn.set_autocommit(True),
    "closed": lambda conn, cur: (conn.closed, conn.broken),
    "host": lambda conn, cur: conn.info.dbname,
    "pid": lambda conn, cur: conn.info.backend_pid >= 0,
    "status": lambda conn, cur: conn.info.transaction_status.name,
    "parameter_status": lambda conn, cur: conn.info.parameter_status("TimeZone"),
    "encoding": lambda conn, cur: conn.info.encoding,
    "add_notice_handler": lambda conn, cur: conn.add_notice_handler(print),
    "with": lambda conn, cur: conn.__enter__() is conn,
    "cur.execute": lambda conn, cur: cur.execute("select 1"),
    "cur.executemany": lambda conn, cur: cur.executemany("select %s", [(1,)]),
    "cur.fetchone": lambda conn, cur: cur.fetchone(),
    "cur.fetchall": lambda conn, cur: cur.fetchall(),
    "cur.description": lambda conn, cur: [c.name for c in cur.description],
    "cur.rowcount": lambda conn, cur: (cur.rowcount, cur.statusmessage, cur.rownumber),
    "cur.nextset": lambda conn, cur: cur.nextset(),
    "cur.scroll": lambda conn, cur: cur.scroll(1),
    "cur.close": lambda conn, cur: cur.close(),
}


@pytest.mark.parametrize("what", ["connection", "cursor", "lost"])
@pytest.mark.parametrize("name", AFTER_CLOSE)
def test_use_after_close_equals_the_oracles(
    driver: ModuleType, oracle: ModuleType, dsn: str, observer: Any, name: str, what: str
) -> None:
    def attempt(module: ModuleType) -> tuple[str, str]:
        conn = module.connect(dsn)
        cur = conn.execute("select 1 as one union select 2")
        if what == "cursor":
            cur.close()
        elif what == "connection":
            conn.close()
        else:
            observer.terminate(conn.info.backend_pid)
            with pytest.raises(module.OperationalError):
                conn.execute("select 1")
        try:
            return outcome(lambda: AFTER_CLOSE[name](conn, cur))
        finally:
            conn.close()

    kind, text = attempt(driver)
    if driver.__name__ == "howdah" and (name, what) in AFTER_CLOSE_DIFFERENCES:
        assert kind == "value"
        return
    expected_kind, expected_text = attempt(oracle)
    assert kind == expected_kind
    if kind == "value" and not text.startswith("<"):
        assert text == expected_text
