"""PEP 249, item by item: what the text asks of a module, of its connections and of their cursors."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

SIX = [(n, f"row {n}") for n in range(1, 7)]
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


@pytest.fixture
def table(conn: Any) -> Any:
    """A connection with six rows in its table `six`, committed."""
    conn.execute("create temp table six (n int primary key, t text)")
    conn.cursor().executemany("insert into six values (%s, %s)", SIX)
    conn.commit()
    return conn


@pytest.fixture
def cur(table: Any) -> Any:
    """A cursor that has selected them."""
    return table.cursor().execute("select n, t from six order by n")


# The module.


def test_globals(driver: ModuleType) -> None:
    assert driver.apilevel == "2.0"
    assert driver.threadsafety == 2, "threads may share the module and connections"
    assert driver.paramstyle == "pyformat"
    assert callable(driver.connect)


@pytest.mark.parametrize("name", HIERARCHY)
def test_hierarchy_of_exceptions(driver: ModuleType, name: str) -> None:
    base = HIERARCHY[name]
    expected = Exception if base == "Exception" else getattr(driver, base)
    assert getattr(driver, name).__bases__ == (expected,)


def test_exceptions_are_attributes_of_connections(conn: Any, driver: ModuleType) -> None:
    for name in HIERARCHY:
        assert getattr(conn, name) is getattr(driver, name)
    with pytest.raises(conn.ProgrammingError):
        conn.execute("select from nowhere at all")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("wat", "ProgrammingError"),
        ("select * from no_such_table", "ProgrammingError"),
        ("select 1/0", "DataError"),
        ("select 'x'::int", "DataError"),
        ("insert into six values (1, 'again')", "IntegrityError"),
        ("insert into six values (null, '')", "IntegrityError"),
        ("set transaction_read_only = on; create table dbapi_none ()", "InternalError"),
        ("rollback to savepoint nowhere", "OperationalError"),
        ("set statement_timeout = 1; select pg_sleep(10)", "OperationalError"),
    ],
)
def test_errors_of_the_server_have_their_class(table: Any, driver: ModuleType, statement: str, kind: str) -> None:
    with pytest.raises(driver.DatabaseError) as caught:
        table.execute(statement)
    classes = [name for name in HIERARCHY if isinstance(caught.value, getattr(driver, name))]
    assert classes == ["Error", "DatabaseError", kind]


# Type objects and constructors.


def test_constructors_make_parameters(conn: Any, driver: ModuleType) -> None:
    values = [
        driver.Date(2002, 12, 25),
        driver.Time(13, 45, 30),
        driver.Timestamp(2002, 12, 25, 13, 45, 30),
        driver.Binary(b"\0with NUL"),
        driver.Binary(bytearray(b"an array")),
        driver.Binary(memoryview(b"a view")),
        None,
    ]
    casts = ["date", "time", "timestamp", "bytea", "bytea", "bytea", "text"]
    query = "select " + ", ".join(f"%s::{cast}" for cast in casts)
    assert conn.execute(query, values).fetchone() == (
        dt.date(2002, 12, 25),
        dt.time(13, 45, 30),
        dt.datetime(2002, 12, 25, 13, 45, 30),
        b"\0with NUL",
        b"an array",
        b"a view",
        None,
    )


def test_constructors_from_ticks(driver: ModuleType) -> None:
    moment = dt.datetime(2002, 12, 25, 13, 45, 30)
    ticks = time.mktime(moment.timetuple())
    assert driver.DateFromTicks(ticks) == moment.date()
    assert driver.TimeFromTicks(ticks).replace(tzinfo=None) == moment.time()
    assert driver.TimestampFromTicks(ticks).replace(tzinfo=None) == moment


def test_type_objects_compare_to_type_codes(conn: Any, driver: ModuleType) -> None:
    cur = conn.execute(
        "select 't'::text, 'v'::varchar, 'c'::char(3), '\\x00'::bytea, 1::int2, 1::int4, 1::int8, 1::float4,"
        " 1::float8, 1::numeric, '2000-01-01'::date, '1:2'::time, now(), now()::timestamp, '1 day'::interval, 7::oid"
    )
    kinds = {"STRING": driver.STRING, "BINARY": driver.BINARY, "NUMBER": driver.NUMBER}
    kinds |= {"DATETIME": driver.DATETIME, "ROWID": driver.ROWID}
    found = [[name for name, kind in kinds.items() if column[1] == kind] for column in cur.description]
    assert found == [["STRING"]] * 3 + [["BINARY"]] + [["NUMBER"]] * 6 + [["DATETIME"]] * 5 + [["ROWID"]]
    for number, kind in enumerate(kinds.values()):
        assert [kind == other for other in kinds.values()] == [n == number for n in range(5)]


# Connections.


def test_nothing_is_committed_without_commit(table: Any, connect: Callable[..., Any]) -> None:
    other = connect()
    table.execute("create table dbapi_kept (n int)")
    table.commit()
    try:
        table.execute("insert into dbapi_kept values (1)")
        assert other.execute("select count(*) from dbapi_kept").fetchone() == (0,)
        table.rollback()
        table.execute("insert into dbapi_kept values (2)")
        table.commit()
        assert other.execute("select n from dbapi_kept").fetchall() == [(2,)]
        other.rollback()
    finally:
        table.rollback()
        table.execute("drop table dbapi_kept")
        table.commit()


def test_closing_rolls_back(connect: Callable[..., Any]) -> None:
    conn, other = connect(), connect()
    conn.execute("create table dbapi_dropped (n int)")
    conn.close()
    other.autocommit = True
    # The server notices a little later.
    for _ in range(500):
        if other.execute("select to_regclass('dbapi_dropped')").fetchone() == (None,):
            break
        time.sleep(0.01)
    other.execute("create table dbapi_dropped (n int)")
    other.execute("drop table dbapi_dropped")


def test_commit_and_rollback_without_a_transaction(conn: Any) -> None:
    for _ in range(2):
        assert conn.commit() is None
        assert conn.rollback() is None


def test_after_close(conn: Any, driver: ModuleType) -> None:
    cur = conn.cursor()
    assert conn.close() is None
    assert conn.close() is None, "closing again is allowed"
    for operation in (
        conn.commit,
        conn.rollback,
        conn.cursor,
        lambda: conn.execute("select 1"),
        lambda: cur.execute("select 1"),
        lambda: cur.executemany("select %s", [(1,)]),
    ):
        with pytest.raises(driver.Error) as caught:
            operation()
        assert isinstance(caught.value, driver.OperationalError)
        assert "closed" in str(caught.value)


def test_cursors_of_a_connection_are_not_isolated(table: Any) -> None:
    one, other = table.cursor(), table.cursor()
    one.execute("update six set t = 'changed' where n = 1")
    other.execute("select t from six where n = 1")
    assert other.fetchone() == ("changed",)
    assert one.connection is table


# Descriptions and counts.


def test_description(table: Any) -> None:
    cur = table.cursor()
    assert not cur.description, "nothing was executed"
    cur.execute("select n, t as label, 1.5::numeric(8, 2) as amount, 'x'::varchar(9) as short from six")
    assert [len(column) for column in cur.description] == [7] * 4
    assert [column[0] for column in cur.description] == ["n", "label", "amount", "short"]
    assert [column[3] for column in cur.description] == [4, None, None, None], "internal size"
    assert [tuple(column)[4:6] for column in cur.description] == [(None, None), (None, None), (8, 2), (None, None)]
    assert cur.description[3][2] == 9, "display size"
    assert {column[6] for column in cur.description} == {None}, "whether it may be NULL is not known"
    name, type_code, *rest = cur.description[0]
    assert (name, type_code, len(rest)) == ("n", 23, 5)
    cur.execute("delete from six where n = 1")
    assert not cur.description, "no rows are returned"
    cur.execute("delete from six returning n")
    assert [column[0] for column in cur.description] == ["n"]
    cur.execute("select n from six")
    assert [column[0] for column in cur.description] == ["n"], "an empty result has columns"


def test_rowcount(table: Any) -> None:
    cur = table.cursor()
    assert cur.rowcount == -1
    for statement, count in (
        ("select n from six", 6),
        ("select n from six where n > 100", 0),
        ("update six set t = 'x' where n < 3", 2),
        ("delete from six where n in (1, 6)", 2),
        ("insert into six values (8, 'eight') returning n", 1),
    ):
        assert cur.execute(statement).rowcount == count, statement
    cur.execute("create temp table unused ()")
    assert cur.rowcount == -1
    cur.executemany("insert into six values (%s, %s)", [(n, "many") for n in range(20, 30)])
    assert cur.rowcount == 10


# Executing.


def test_execute_with_parameters(table: Any) -> None:
    cur = table.cursor()
    tricky = "'; drop table six; -- \\ % %s %(n)s"
    assert cur.execute("select %s::text, '%%s'", (tricky,)).fetchone() == (tricky, "%s")
    assert cur.execute("select %(b)s::int, %(a)s::text", {"a": tricky, "b": 3}).fetchone() == (3, tricky)
    assert cur.execute("select count(*) from six").fetchone() == (6,)
    assert cur.execute("select '%s'").fetchone() == ("%s",), "without parameters nothing is a placeholder"


def test_executemany(table: Any, driver: ModuleType) -> None:
    cur = table.cursor()
    cur.executemany("insert into six values (%s, %s)", [[10, "list"], (11, "tuple")])
    cur.executemany("insert into six values (%(n)s, %(t)s)", ({"n": n, "t": "dict"} for n in (12, 13)))
    cur.executemany("insert into six values (%s, %s)", [])
    cur.execute("select t from six where n >= 10 order by n")
    assert cur.fetchall() == [("list",), ("tuple",), ("dict",), ("dict",)]
    with pytest.raises(driver.IntegrityError):
        cur.executemany("insert into six values (%s, 'x')", [(20,), (1,), (21,)])
    table.rollback()
    assert table.execute("select count(*) from six").fetchone() == (6,)


def test_execute_replaces_the_result(cur: Any) -> None:
    assert cur.fetchone() == SIX[0]
    cur.execute("select 'other'")
    assert cur.fetchall() == [("other",)]


def test_sizes_may_be_set(cur: Any) -> None:
    assert cur.setinputsizes((25,)) is None
    assert cur.setoutputsize(1000) is None
    assert cur.setoutputsize(2000, 0) is None
    assert cur.fetchone() == SIX[0]


def test_stored_procedures_are_called_by_execute(conn: Any) -> None:
    assert not hasattr(conn.cursor(), "callproc"), "which is optional"
    assert conn.execute("select lower(%s)", ("FOO",)).fetchone() == ("foo",)


# Fetching.


def test_fetchone(cur: Any) -> None:
    assert [cur.fetchone() for _ in range(6)] == SIX
    assert cur.fetchone() is None
    assert cur.fetchone() is None
    assert isinstance(cur.execute("select 1").fetchone(), tuple)


def test_fetchmany(cur: Any) -> None:
    assert cur.arraysize == 1
    assert cur.fetchmany() == SIX[:1]
    assert cur.fetchmany(2) == SIX[1:3]
    cur.arraysize = 2
    assert cur.fetchmany() == SIX[3:5]
    assert cur.fetchmany(100) == SIX[5:], "fewer than were asked for"
    assert cur.fetchmany(100) == []
    assert cur.fetchmany() == []


def test_fetchall(cur: Any) -> None:
    assert cur.fetchone() == SIX[0]
    assert cur.fetchmany(2) == SIX[1:3]
    assert cur.fetchall() == SIX[3:]
    assert cur.fetchall() == []
    assert cur.rowcount == 6
    assert cur.execute("select 1 where false").fetchall() == []


def test_iteration(cur: Any) -> None:
    assert iter(cur) is cur
    assert next(cur) == SIX[0]
    assert list(cur) == SIX[1:]
    with pytest.raises(StopIteration):
        next(cur)


def test_rownumber_and_scroll(cur: Any, driver: ModuleType) -> None:
    assert cur.rownumber == 0
    assert cur.fetchmany(2) == SIX[:2]
    assert cur.rownumber == 2
    cur.scroll(2)
    assert cur.fetchone() == SIX[4]
    cur.scroll(-3)
    assert cur.fetchone() == SIX[2]
    cur.scroll(0, mode="absolute")
    assert cur.fetchall() == SIX
    for value, mode in ((1, "relative"), (-1, "absolute"), (7, "absolute")):
        with pytest.raises(IndexError):
            cur.scroll(value, mode)
    with pytest.raises(ValueError, match="mode"):
        cur.scroll(1, "sideways")


def test_nothing_to_fetch(table: Any, driver: ModuleType) -> None:
    cur = table.cursor()
    for prepare in (lambda: None, lambda: cur.execute("delete from six where n = 100")):
        prepare()
        for fetch in (cur.fetchone, cur.fetchmany, cur.fetchall, lambda: next(cur)):
            with pytest.raises(driver.ProgrammingError):
                fetch()
    table.rollback()
    with pytest.raises(driver.Error):
        cur.execute("select from six where")
    with pytest.raises(driver.ProgrammingError):
        cur.fetchone()


def test_nextset(table: Any) -> None:
    cur = table.cursor()
    cur.execute("select 1, 'a'; select n from six where n > 4 order by n; delete from six; select 4")
    assert cur.fetchall() == [(1, "a")]
    assert cur.nextset() is True
    assert cur.fetchone() == (5,)
    assert cur.nextset() is True, "rows that are left are skipped"
    assert (cur.description, cur.rowcount) == (None, 6)
    assert cur.nextset() is True
    assert cur.fetchall() == [(4,)]
    assert cur.nextset() is None


def test_nulls(conn: Any) -> None:
    assert conn.execute("select null, null::int, %s::date", (None,)).fetchone() == (None, None, None)


# Cursors.


def test_closed_cursor(table: Any, driver: ModuleType) -> None:
    cur = table.cursor()
    cur.execute("select 1")
    assert cur.close() is None
    assert cur.close() is None, "closing again is allowed"
    for operation in (
        lambda: cur.execute("select 1"),
        lambda: cur.executemany("select %s", [(1,)]),
        cur.fetchone,
        cur.fetchmany,
        cur.fetchall,
        lambda: next(cur),
        lambda: cur.scroll(1),
    ):
        with pytest.raises(driver.Error) as caught:
            operation()
        assert isinstance(caught.value, driver.InterfaceError)
    assert table.cursor().execute("select 2").fetchone() == (2,)


def test_rows_stay_after_the_connection_is_closed(cur: Any, table: Any) -> None:
    assert cur.fetchone() == SIX[0]
    table.close()
    assert cur.fetchall() == SIX[1:]


def test_autocommit(connect: Callable[..., Any]) -> None:
    conn, other = connect(autocommit=True), connect(autocommit=True)
    assert conn.autocommit is True
    conn.execute("create table dbapi_autocommit ()")
    other.execute("drop table dbapi_autocommit")
    conn.autocommit = False
    conn.execute("create table dbapi_autocommit ()")
    assert other.execute("select to_regclass('dbapi_autocommit')").fetchone() == (None,)
    conn.rollback()


def test_two_phase_commit(table: Any, driver: ModuleType) -> None:
    for method in ("tpc_begin", "tpc_prepare", "tpc_commit", "tpc_rollback", "tpc_recover", "xid"):
        assert callable(getattr(table, method))
    xid = table.xid(1, "global", "branch")
    assert (xid[0], xid[1], xid[2]) == (1, "global", "branch")
    table.tpc_begin(xid)
    for method in (table.commit, table.rollback):
        with pytest.raises(driver.ProgrammingError):
            method()
    table.tpc_rollback()
