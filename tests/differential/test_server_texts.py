"""Values that the server makes of text, under every setting that changes how it writes them, loaded by both drivers."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from support.differences import of_settings
from support.differential import Case, Pair, Registered, compared, pair
from support.differential_texts import POSSIBLE, QUIET, SETTINGS, TEXTS, quoted

__all__ = ["pair"]

HSTORE = (Registered("hstore", "hstore", "hstore"),)


def compare(pair: Pair, columns: list[str], binary: bool) -> bool:
    """Whether the columns could be loaded, which both drivers agree on."""
    query = f"select {', '.join(columns)}"
    # Without parameters and unprepared: the settings decide the text, and only text is asked for.
    answer = pair.same(lambda side: side.rows(query, binary=binary, prepare=False), f"{query} binary={binary}")
    return bool(answer[0] != "error")


def load(pair: Pair, name: str, texts: list[str], settings: dict[str, str], binary: bool, lower: int = 0) -> None:
    """One value and another, in arrays, in records, and as text: all at once, or one by one if that fails."""
    values = [f"{quoted(text)}::{name}" for text in texts]
    columns = [*values, f"array[{', '.join(values)}, null]", f"array[[{values[0]}]]", f"row({', '.join(values)}, null)"]
    if not name.endswith(")"):
        bounds = f"[{lower}:{lower + len(values) - 1}]="
        columns.append(f"('{bounds}' || array[{', '.join(values)}]::text)::{name}[]")
    if of_settings(settings, name, texts):
        return
    if of_settings(settings, f"{name}[]", texts):
        columns = values
    case = Case(None, name, (), HSTORE if name == "hstore" else (), settings)
    with pair.prepared_for(case):
        if not compare(pair, columns, binary):
            for column in columns:
                compare(pair, [column], binary)


@pytest.mark.parametrize("name", TEXTS)
@compared(25)
def test_text_of_each_type(pair: Pair, name: str, data: st.DataObject) -> None:
    texts = data.draw(st.lists(TEXTS[name], min_size=1, max_size=3))
    settings, binary = data.draw(SETTINGS | st.just({})), data.draw(st.booleans())
    load(pair, name, texts, settings, binary, data.draw(st.integers(-3, 3)))


@pytest.mark.parametrize("name", ["date", "timestamp", "timestamptz", "timetz", "interval"])
@pytest.mark.parametrize("style", [{}, {"datestyle": ""}, {"intervalstyle": ""}], ids=["default", "dates", "intervals"])
@compared(60)
def test_time(pair: Pair, name: str, style: dict[str, str], data: st.DataObject) -> None:
    """Years and zones, for each style."""
    chosen = {key: data.draw(POSSIBLE[key]) for key in [*style, "timezone"]}
    texts = data.draw(st.lists(TEXTS[name], min_size=1, max_size=2))
    load(pair, name, texts, {**QUIET, **chosen}, data.draw(st.booleans()))


@compared(300)
def test_text_in_encodings(pair: Pair, data: st.DataObject) -> None:
    """Whatever text, in the encodings of clients, through types that are loaded as str and bytes."""
    name = data.draw(st.sampled_from(["text", "varchar", "name", '"char"', "bytea", "json", "jsonb", "xml", "hstore"]))
    texts = data.draw(st.lists(TEXTS[name], min_size=1, max_size=2))
    load(
        pair,
        name,
        texts,
        {**QUIET, "client_encoding": data.draw(POSSIBLE["client_encoding"])},
        data.draw(st.booleans()),
    )


@compared(150)
def test_numeric_of_every_scale(pair: Pair, data: st.DataObject) -> None:
    number = data.draw(st.decimals(allow_nan=False, allow_infinity=False))
    text = format(number, "f") if abs(number.adjusted()) < 200 else "0"
    columns = [f"'{text}'::numeric", f"round('{text}'::numeric, {data.draw(st.integers(0, 40))})"]
    compare(pair, columns, data.draw(st.booleans()))
