"""Networks, ranges, multiranges, numeric wrappers, tuples and records that hypothesis invents, against the oracle."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from support.differential import Call, Case, Pair, check, compared, pair
from support.differential_texts import quoted
from support.differential_values import (
    ADDRESSES,
    BOUNDS,
    NUMBERS,
    SCALARS,
    Values,
    multiranges,
    ranges,
    texts,
)  # fmt: skip

__all__ = ["pair"]

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
