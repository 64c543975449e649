"""Loaders registered after a result came: what they get is in the session's styles, prepared or not."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from support.adapting import part

VALUES = {
    "date": ("'2000-02-03'::date", "DateLoader"),
    "timestamp": ("'2000-02-03 01:02:03.5'::timestamp", "TimestampLoader"),
    "date[]": ("array['2000-02-03'::date, null]", "DateLoader"),
}


@pytest.mark.parametrize("style", ["ISO,MDY", "SQL,DMY", "SQL,MDY", "German", "Postgres,DMY"])
@pytest.mark.parametrize("name", VALUES)
def test_loader_derived_from_a_built_in_one(conn: Any, driver: ModuleType, style: str, name: str) -> None:
    expression, base = VALUES[name]

    class Tagged(getattr(part(driver, "types.datetime"), base)):  # type: ignore[misc]
        def load(self, data: Any) -> Any:
            return ("tagged", super().load(data))

    conn.execute(f"set datestyle to '{style}'")
    plain = conn.execute(f"select {expression}").fetchone()[0]
    for prepare in (False, True):
        cur = conn.cursor()
        for _ in range(3):
            cur.execute(f"select {expression}", prepare=prepare)
        cur.adapters.register_loader(name.removesuffix("[]"), Tagged)
        expected = [("tagged", plain[0]), None] if isinstance(plain, list) else ("tagged", plain)
        assert cur.fetchone() == (expected,)


@pytest.mark.parametrize(
    ("setting", "expression"),
    [
        ("datestyle to 'German'", "'2000-02-03 01:02'::timestamptz"),
        ("intervalstyle to 'postgres_verbose'", "'1 day'::interval"),
        ("intervalstyle to 'iso_8601'", "array['1 day'::interval]"),
    ],
)
def test_styles_that_are_not_read_are_refused_each_time(conn: Any, setting: str, expression: str) -> None:
    conn.execute(f"set {setting}")
    for _ in range(10):
        with pytest.raises(NotImplementedError):
            conn.execute(f"select {expression}").fetchone()


@pytest.mark.parametrize(("option", "plain"), [(1, True), ("yes", True), (0, False), ([], False)])
def test_options_are_truth_values(conn: Any, option: Any, plain: bool) -> None:
    cur = conn.cursor(binary=option)
    assert cur.format == plain
    assert conn.cursor().execute("select 1", binary=option, prepare=option).fetchone() == (1,)
    assert conn.execute("select 1", binary=option, prepare=option).fetchone() == (1,)
    cur.executemany("select %s::int", [(1,), (2,)], returning=option)
    if plain:
        assert cur.fetchone() == (1,)
