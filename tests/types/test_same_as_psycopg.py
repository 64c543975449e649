"""What a parameter becomes on the server and what comes back, compared with psycopg."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from support import composed_cases, type_cases
from support.differences import of_parameter
from support.type_cases import outcome, portrait

CASES = {**type_cases.cases(), **composed_cases.cases()}
LITERALS = [*type_cases.LITERALS, *composed_cases.LITERALS]


@pytest.fixture
def pair(driver: ModuleType, oracle: ModuleType, dsn: str) -> Iterator[tuple[Any, Any]]:
    """The same session twice: the driver under test and the oracle."""
    with driver.connect(dsn, autocommit=True) as ours, oracle.connect(dsn, autocommit=True) as theirs:
        for conn in (ours, theirs):
            conn.execute("set timezone to 'Europe/Rome'")
        yield ours, theirs


@pytest.mark.parametrize("name", CASES)
def test_parameter_equals_the_oracles(pair: tuple[Any, Any], driver: ModuleType, oracle: ModuleType, name: str) -> None:
    ours, theirs = CASES[name](driver), CASES[name](oracle)
    for placeholder, binary in itertools.product(("%s", "%b", "%t"), (False, True)):
        difference = of_parameter(ours, placeholder) if driver is not oracle else None
        for query in (f"select {placeholder}", f"select pg_typeof({placeholder})::text"):
            got, expected = outcome(pair[0], query, (ours,), binary), outcome(pair[1], query, (theirs,), binary)
            if difference is None:
                assert got == expected, (query, binary)
            elif difference.error:
                assert got[:2] == ("error", difference.error), (query, binary)
            elif "typeof" not in query:
                # howdah sends what the oracle cannot.
                assert got[0] == "rows", (query, binary)
                assert got != expected, (query, binary)


@pytest.mark.parametrize("expression", LITERALS)
def test_result_equals_the_oracles(pair: tuple[Any, Any], expression: str) -> None:
    for zone in ("UTC", "Europe/Rome"):
        for conn in pair:
            conn.execute(f"set timezone to '{zone}'")
        for binary in (False, True):
            query = f"select {expression}"
            assert fetched(pair[0], query, binary) == fetched(pair[1], query, binary), (zone, binary)


@pytest.mark.parametrize("expression", LITERALS)
def test_prepared_result_equals_the_oracles(pair: tuple[Any, Any], expression: str) -> None:
    # A driver may ask for other formats once it knows the columns: the values must stay the same.
    query = f"select {expression}"
    for _ in range(3):
        results = []
        for conn in pair:
            try:
                results.append(portrait(conn.execute(query, prepare=True).fetchone()))
            except Exception as ex:
                results.append((type(ex).__name__, getattr(ex, "sqlstate", None)))
        assert results[0] == results[1]


def fetched(conn: Any, query: str, binary: bool) -> Any:
    """The row and the columns' description."""
    seen = outcome(conn, query, None, binary)
    cur = conn.execute(query, binary=binary) if seen[0] == "rows" else None
    columns = [tuple(c) for c in cur.description] if cur else None
    return seen, columns
