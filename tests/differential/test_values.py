"""Values that hypothesis invents, sent and loaded by the driver and by the oracle, with equal outcomes.

What each test does with a value is in support/differential.py, and the values are in support/differential_values.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from support.differences import is_mixture, of_parameter
from support.differential import Call, Case, Pair, check, compared, pair
from support.differential_texts import quoted
from support.differential_values import (
    ADDRESSES,
    BOUNDS,
    CASTS,
    NUMBERS,
    SCALARS,
    Values,
    integers,
    json_wrapped,
    lists_of,
    multiranges,
    ranges,
    texts,
)  # fmt: skip

__all__ = ["pair"]


NUMERIC = 1700


def prepare(data: st.DataObject) -> bool | None:
    return data.draw(st.sampled_from([None, True]))


@pytest.mark.parametrize("kind", SCALARS)
@compared(60)
def test_scalar(pair: Pair, kind: str, data: st.DataObject) -> None:
    case = Case(data.draw(SCALARS[kind]), CASTS[kind], binary=data.draw(st.booleans()), prepare=prepare(data))
    check(pair, case)


@pytest.mark.parametrize("kind", SCALARS)
@compared(40)
def test_list(pair: Pair, kind: str, data: st.DataObject) -> None:
    value = data.draw(lists_of(SCALARS[kind]))
    check(pair, Case(value, f"{CASTS[kind]}[]", binary=data.draw(st.booleans()), prepare=prepare(data)))


@compared(300)
def test_mixed_list(pair: Pair, data: st.DataObject) -> None:
    items = st.one_of(st.none(), *SCALARS.values(), st.lists(integers, max_size=3))
    value, binary = data.draw(st.lists(items, max_size=4)), data.draw(st.booleans())
    if of_parameter(value, "%s") is None and not is_mixture(value, "%s"):
        pair.same(lambda side: side.rows("select %s", (value,), binary=binary), f"select %s of {value!r}")


@compared(150)
def test_json(pair: Pair, data: st.DataObject) -> None:
    wrapped, is_list = data.draw(json_wrapped), data.draw(st.booleans())
    value = [wrapped, None] if is_list else wrapped
    cast = "jsonb[]" if is_list else "jsonb"
    check(pair, Case(value, cast, binary=data.draw(st.booleans()), prepare=prepare(data)))


@compared(300)
def test_row(pair: Pair, data: st.DataObject) -> None:
    """Values of several types in one statement, which is prepared or not."""
    row = data.draw(st.lists(st.none() | st.one_of(*SCALARS.values()), min_size=1, max_size=8))
    binary, prepare = data.draw(st.booleans()), data.draw(st.booleans())
    query = "select " + ", ".join(["%s"] * len(row))
    pair.same(lambda side: side.rows(query, row, binary=binary, prepare=prepare), f"{query} of {row!r}")


@compared(150)
def test_executemany(pair: Pair, data: st.DataObject) -> None:
    """Rows of which each has values of other classes: the types are chosen anew for each."""
    column = st.none() | st.one_of(*SCALARS.values())
    rows = data.draw(st.lists(st.tuples(column, column), min_size=1, max_size=6))
    placeholder, cast = data.draw(st.sampled_from(["%s", "%t", "%b"])), data.draw(st.sampled_from(["", "::text"]))
    query = f"select {placeholder}{cast}, {placeholder}, pg_typeof({placeholder})::text"

    def loaded(side: Any) -> Any:
        cur, found = side.conn.cursor(), []
        cur.executemany(query, [(a, b, b) for a, b in rows], returning=True)
        while True:
            found.append(cur.fetchall())
            if not cur.nextset():
                return found

    def told(side: Any) -> Any:
        # The oracle sends several rows before it reads what the server thinks of the first: of several errors it
        # raises this one or that.
        found = side.outcome(lambda: loaded(side))
        return found if found[0] != "error" else "error"

    pair.same(told, f"{query} of {rows!r}")


@compared(150)
def test_dump_sequence(pair: Pair, data: st.DataObject) -> None:
    """What the transformer makes of a row: bytes, types and formats."""
    kinds = list(SCALARS.values())
    row = data.draw(st.lists(st.none() | st.one_of(*kinds), min_size=1, max_size=6))
    formats = data.draw(st.lists(st.sampled_from("stb"), min_size=len(row), max_size=len(row)))

    def dumped(side: Any) -> Any:
        tx, known = side.transformer(), side.formats()
        found = tx.dump_sequence(row, [known[f] for f in formats])
        # howdah leaves groups of zeros of a numeric out, as the server does.
        told = [None if v is None or oid == NUMERIC else bytes(v) for v, oid in zip(found, tx.types, strict=True)]
        return [told, list(tx.types), [f.name for f in tx.formats]]

    pair.same(lambda side: side.outcome(lambda: dumped(side)), f"{formats} of {row!r}")


NUMBER_CASTS = {
    "Int2": "int2", "Int4": "int4", "Int8": "int8", "IntNumeric": "numeric", "Oid": "oid", "Float4": "float4",
    "Float8": "float8",
}  # fmt: skip


RANGE_CASTS = {
    "int": "int8", "decimal": "num", "date": "date", "naive": "ts", "aware": "tstz", "str": "int4", "Int4": "int4",
    "Int8": "int8", "Numeric": "num", "Date": "date", "Timestamp": "ts", "Timestamptz": "tstz",
}  # fmt: skip


def compare(pair: Pair, data: st.DataObject, item: Values, cast: str) -> None:
    """One of these values, or a list of them."""
    is_list = data.draw(st.integers(0, 2)) == 0
    value = data.draw(st.lists(st.none() | item, max_size=4) if is_list else item)
    prepare = data.draw(st.sampled_from([None, True]))
    check(pair, Case(value, cast + "[]" * is_list, binary=data.draw(st.booleans()), prepare=prepare))


@pytest.mark.parametrize("kind", ADDRESSES)
@compared(60)
def test_network(pair: Pair, kind: str, data: st.DataObject) -> None:
    compare(pair, data, ADDRESSES[kind], "inet")


@pytest.mark.parametrize("name", NUMBERS)
@compared(60)
def test_number(pair: Pair, name: str, data: st.DataObject) -> None:
    compare(pair, data, NUMBERS[name].map(lambda number: Call(name, (number,))), NUMBER_CASTS[name])


@pytest.mark.parametrize("kind", BOUNDS)
@compared(60)
def test_range(pair: Pair, kind: str, data: st.DataObject) -> None:
    compare(pair, data, ranges(*BOUNDS[kind]), f"{RANGE_CASTS[kind]}range")


@pytest.mark.parametrize("kind", BOUNDS)
@compared(50)
def test_multirange(pair: Pair, kind: str, data: st.DataObject) -> None:
    compare(pair, data, multiranges(*BOUNDS[kind]), f"{RANGE_CASTS[kind]}multirange")


fields = st.one_of(st.none(), *SCALARS.values())


tuples = st.recursive(
    st.lists(fields, max_size=5).map(tuple),
    lambda inner: st.lists(fields | inner | st.lists(st.none() | texts, max_size=3), max_size=4).map(tuple),
    max_leaves=6,
)


@compared(200)
def test_tuple(pair: Pair, data: st.DataObject) -> None:
    compare(pair, data, tuples, "text")


@compared(200)
def test_record(pair: Pair, data: st.DataObject) -> None:
    """Records that the server makes of expressions, and records in them."""
    made = ["null", "1", "1.50", "''", "true", "now() - now()", "'{1,NULL}'::int[]", "'[1,5)'::int4range"]
    row = data.draw(st.lists(st.sampled_from(made) | texts.map(quoted), max_size=5))
    record = f"row({', '.join(row)})"
    query = f"select row(1, {record}), array[{record}]" if data.draw(st.booleans()) else f"select {record}"
    binary = data.draw(st.booleans())
    # Without parameters: the strings may have percent signs.
    pair.same(lambda side: side.rows(query, binary=binary), query)
