"""Types that hypothesis makes, and values of them, sent and loaded by the driver and by the oracle."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from support.differential import Case, Pair, Registered, check, compared, pair
from support.differential_schemas import cases, schemas
from support.differential_texts import SETTINGS
from support.differential_values import TYPES, lists_of

__all__ = ["pair"]

HSTORE = (Registered("hstore", "hstore", "hstore"),)


@pytest.mark.parametrize("name", TYPES)
@compared(20)
def test_each_type(pair: Pair, name: str, data: st.DataObject) -> None:
    is_list = data.draw(st.integers(0, 2)) == 0
    value = data.draw(lists_of(TYPES[name]) if is_list else TYPES[name])
    settings = data.draw(SETTINGS | st.just({}))
    registered = HSTORE if name == "hstore" else ()
    cast = f"{name}[]" if is_list else name
    prepare = data.draw(st.sampled_from([None, True]))
    check(pair, Case(value, cast, (), registered, settings, data.draw(st.booleans()), prepare))


@compared(150)
def test_schema(pair: Pair, data: st.DataObject) -> None:
    kind = data.draw(schemas())
    for _ in range(3):
        check(pair, data.draw(cases(kind)))
