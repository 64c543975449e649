"""What a destructor does with a connection when the interpreter ends, where nothing can be imported any more.

Types, errors and messages are used there for the first time. Some types psycopg would import then, and messages it
does not deliver: these are for howdah alone.
"""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

TYPES = [
    "1::int4, 'x'::text, true, 1.5::float8, 'x'::bytea",
    "1.5::numeric, 1e40::numeric",
    "'2020-01-02'::date, '10:00'::time, '10:00+02'::timetz",
    "'2020-01-02 10:00'::timestamp, '2020-01-02 10:00+00'::timestamptz, '1 day 02:00'::interval",
    """'{"a": [1, 2.5]}'::json, '{}'::jsonb""",
    "'[1,5)'::int4range, '{[1,2)}'::int4multirange, '[2020-01-01,2020-01-03)'::daterange",
    "array[1, 2], array['2020-01-01'::date], row(1, 'a')",
]
IMPORTED_BY_US = ["'7ec6c8a6-5b4e-4ff0-8c1c-2f1dd4a5c4f0'::uuid", "'1.2.3.4/8'::inet, '::1'::inet, '10.0.0.0/8'::cidr"]

PARAMETERS = """
import datetime as dt
from decimal import Decimal
VALUES = [
    1, 1.5, True, 'x', b'x', None, Decimal('1.5'), dt.date(2020, 1, 2), dt.time(1, 2), dt.timedelta(1, 2),
    dt.datetime(2020, 1, 2, 3, tzinfo=dt.timezone.utc), [1, 2], [Decimal(1)], ('a', 1),
]
"""

USE = """
def rows(conn, queries):
    for query in queries:
        for binary in (False, True):
            yield repr(conn.execute('select ' + query, binary=binary).fetchone())

def echoes(conn, values):
    for value in values:
        for placeholder in ('%s', '%t', '%b'):
            try:
                yield repr(conn.execute(f'select {placeholder}', (value,)).fetchone())
            except Exception as error:
                yield f'{type(error).__name__} {error}'

def failures(conn, queries):
    for query, params in queries:
        try:
            conn.execute(query, params)
        except Exception as error:
            yield f'{type(error).__name__} {error} {getattr(error, "sqlstate", None)}'.replace(chr(10), '|')

def messages(conn):
    found = []
    if conn.__module__.startswith('psycopg'):
        return found
    conn.add_notice_handler(lambda notice: found.append(f'{notice.severity} {notice.message_primary}'))
    conn.add_notify_handler(lambda notify: found.append(f'{notify.channel} {notify.payload}'))
    conn.execute("do $$begin raise notice 'here'; end$$")
    conn.execute('listen chan')
    conn.execute("notify chan, 'news'")
    return found

def attributes(conn):
    conn.isolation_level = conn.isolation_level
    cursor = conn.execute('select 1 as n, now() as t')
    yield repr(cursor.description)
    yield f'{cursor.format!r} {cursor.row_factory.__name__} {conn.info.dbname}'
"""

FAILING: list[tuple[str, tuple[Any, ...]]] = [
    ("select 1/0", ()),
    ("select nope", ()),
    ("nonsense", ()),
    ("select %s", ("a\0b",)),
    ("select %s", (...,)),
    ("select %s, %s", (1,)),
]

LAST = """
class Last:
    def __init__(self, conn):
        self.conn = conn

    def __del__(self):
        assert sys.meta_path is None
        for lines in (
            rows(self.conn, TYPES), echoes(self.conn, VALUES), failures(self.conn, FAILING), messages(self.conn),
            attributes(self.conn),
        ):
            for line in lines:
                os.write(1, line.encode() + b'\\n')
"""

PLACES = {
    "global": "",
    "global in a cycle": "last.itself = last",
    "in a module": "holder = types.ModuleType('holder'); holder.last, holder.itself = last, holder\n"
    "sys.modules['holder'] = holder; del last, holder",
}


def uses(driver: ModuleType, dsn: str, options: dict[str, str], queries: list[str]) -> list[str]:
    """What the destructor finds, found now."""
    space: dict[str, Any] = {}
    exec(PARAMETERS + USE, space)
    with driver.connect(dsn, autocommit=True, **options) as conn:
        found = [*space["rows"](conn, queries), *space["echoes"](conn, space["VALUES"])]
        return [*found, *space["failures"](conn, FAILING), *space["messages"](conn), *space["attributes"](conn)]


def program(driver: ModuleType, dsn: str, options: dict[str, str], queries: list[str]) -> str:
    head = f"import os, sys, types\nimport {driver.__name__} as driver\nTYPES = {queries}\nFAILING = {FAILING}\n"
    end = f"last = Last(driver.connect({dsn!r}, autocommit=True, **{options}))\n"
    return head + PARAMETERS + USE + LAST + end


def run(text: str) -> tuple[str, str]:
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    return done.stdout, done.stderr


@pytest.mark.parametrize("place", PLACES)
def test_a_destructor_uses_all_types(driver: ModuleType, dsn: str, place: str) -> None:
    options = {"options": "-c timezone=UTC"}
    out, err = run(program(driver, dsn, options, TYPES) + PLACES[place])
    assert out.splitlines() == uses(driver, dsn, options, TYPES)
    assert err == ""


@pytest.mark.parametrize("place", PLACES)
def test_a_destructor_uses_what_nobody_else_has_imported(howdah: ModuleType, dsn: str, place: str) -> None:
    queries = [*TYPES, *IMPORTED_BY_US]
    options = {"options": "-c timezone=Asia/Tokyo", "client_encoding": "latin3"}
    out, err = run(program(howdah, dsn, options, queries) + PLACES[place])
    assert out.splitlines() == uses(howdah, dsn, options, queries)
    assert err == ""


def test_a_handler_that_fails_in_a_destructor_is_logged(howdah: ModuleType, dsn: str) -> None:
    handler = "last.conn.add_notice_handler(lambda notice: 1 / 0)"
    out, err = run(program(howdah, dsn, {}, []) + handler)
    assert "NOTICE here" in out
    assert "tuple_row" in out
    # Since CPython 3.13 `logging` itself imports something to show an exception.
    assert ("error processing notice callback" in err and "ZeroDivisionError" in err) or "Logging error" in err
