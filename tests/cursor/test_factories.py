"""Which class the cursors of a connection are of."""

from __future__ import annotations

from typing import Any

import pytest

from support.doors import Door


def of(door: Door, name: str) -> Any:
    """The class of a driver's for a shell."""
    return getattr(door.module, name if door.is_sync else f"Async{name}")


async def test_parameter_of_connect(door: Door) -> None:
    conn = await door.connect(cursor_factory=of(door, "ClientCursor"))
    assert conn.cursor_factory is of(door, "ClientCursor")
    cur = await conn.execute("select %s", ["x"])
    assert cur._query.query == b"select 'x'"
    assert isinstance(getattr(cur, "wrapped", cur), of(door, "ClientCursor"))


async def test_attribute(door: Door) -> None:
    conn = await door.connect()
    assert conn.cursor_factory is door.cursor_class
    conn.cursor_factory = of(door, "RawCursor")
    assert await (await conn.execute("select $1::int", [4])).fetchone() == (4,)


@pytest.mark.parametrize("name", ["ClientCursor", "RawCursor"])
async def test_subclass_with_a_constructor_of_its_own(door: Door, name: str) -> None:
    base: Any = of(door, name)

    class Mine(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.given = kwargs
            super().__init__(*args, **kwargs)

    conn = await door.connect(cursor_factory=Mine)
    cur = conn.cursor()
    assert set(cur.given) == {"row_factory"}
    await cur.execute("select '%', 1 % 2" if name == "RawCursor" else "select %s, 1", ["%"] * (name != "RawCursor"))
    assert await cur.fetchone() == ("%", 1)


@pytest.mark.parametrize("name", ["ClientCursor", "RawCursor", "RawServerCursor"])
async def test_attributes_of_the_program(door: Door, name: str) -> None:
    conn = await door.connect()
    own = conn.wrapped if door.is_sync else conn
    args = ["named"] if "Server" in name else []
    cur = of(door, name)(own, *args)
    cur.label = "mine"
    assert cur.label == "mine"
    closed = cur.close()
    if not door.is_sync:
        await closed


def test_class_hierarchy(driver: Any) -> None:
    for prefix in ("", "Async"):
        base = getattr(driver, f"{prefix}Cursor")
        for name in ("ClientCursor", "RawCursor"):
            cls = getattr(driver, f"{prefix}{name}")
            assert issubclass(cls, base)
            assert (cls.__module__, cls.__qualname__) == (driver.__name__, f"{prefix}{name}")
