"""Proxies of connections and cursors, as monitoring makes them, in the place of what they stand for."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest
import wrapt

from support.adapting import Thing, dumper, part
from support.doors import Door


class Watched(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """A proxy that adds nothing."""


def plain(conn: Any) -> Any:
    """The connection itself, without the face of a sync one."""
    return getattr(conn, "wrapped", conn)


async def watched(door: Door, **options: Any) -> Any:
    return Watched(plain(await door.connect(**options)))


async def given(door: Door, result: Any) -> Any:
    """What a method gives, which is awaited on asyncio."""
    return result if door.is_sync else await result


async def test_proxy_of_a_connection_works_like_it(door: Door) -> None:
    proxy = await watched(door)
    cursor = await given(door, proxy.execute("select 1"))
    assert await given(door, cursor.fetchone()) == (1,)
    await given(door, proxy.commit())
    assert proxy.info.transaction_status == 0


async def test_cursor_on_a_proxy(door: Door) -> None:
    proxy = await watched(door)
    rows = part(door.module, "rows")
    cursor = door.cursor_class(proxy, row_factory=rows.dict_row)
    await given(door, cursor.execute("select 1 as n"))
    assert await given(door, cursor.fetchone()) == {"n": 1}


async def test_type_info_is_fetched_and_registered(door: Door) -> None:
    types = part(door.module, "types")
    proxy = await watched(door)
    info = await given(door, types.TypeInfo.fetch(proxy, "text"))
    assert info.oid == 25
    info.register(proxy)
    for each in (proxy, Watched(proxy.cursor())):
        info.register(each)


async def test_types_are_registered_in_proxies(door: Door, channel: str) -> None:
    proxy = await watched(door)
    types = importlib.import_module(f"{door.module.__name__}.types.composite")
    await given(door, proxy.execute(f"create type pg_temp.{channel} as (a int, b text)"))
    info = await given(door, types.CompositeInfo.fetch(proxy, f"pg_temp.{channel}"))
    types.register_composite(info, proxy)
    cursor = Watched(proxy.cursor())
    await given(door, cursor.execute(f"select row(1, 'x')::pg_temp.{channel}"))
    assert await given(door, cursor.fetchone()) == (info.python_type(1, "x"),)


async def test_adapters_of_proxies(door: Door) -> None:
    proxy = await watched(door)
    proxy.adapters.register_dumper(Thing, dumper(door.module, lambda obj: b"thing"))
    cursor = Watched(proxy.cursor())
    transformer = part(door.module, "adapt").Transformer
    assert transformer.from_context(cursor).connection is plain(proxy).connection
    assert transformer(proxy).get_dumper(Thing(1), part(door.module, "adapt").PyFormat.TEXT) is not None
    json = importlib.import_module(f"{door.module.__name__}.types.json")
    json.set_json_loads(lambda data: ("loaded", data), proxy)
    await given(door, cursor.connection.execute("select '1'::json"))
    other = proxy.cursor()
    await given(door, other.execute("select '1'::json"))
    assert (await given(door, other.fetchone()))[0][0] == "loaded"


async def test_composed_statements_as_strings(door: Door) -> None:
    proxy = await watched(door)
    sql = part(door.module, "sql")
    query = sql.SQL("select {} from {}").format(sql.Literal("it's"), sql.Identifier("a b"))
    for context in (proxy, Watched(proxy.cursor())):
        assert query.as_string(context) == "select 'it''s' from \"a b\""
        assert query.as_bytes(context) == b"select 'it''s' from \"a b\""


async def test_blocks_on_a_proxy(door: Door) -> None:
    proxy = await watched(door)
    name = "Transaction" if door.is_sync else "AsyncTransaction"
    block = getattr(door.module, name)(proxy)
    if door.is_sync:
        with block:
            proxy.execute("select 1")
        with proxy.pipeline():
            cursor = proxy.execute("select 2")
            assert cursor.fetchone() == (2,)
    else:
        async with block:
            await proxy.execute("select 1")
        async with proxy.pipeline():
            cursor = await proxy.execute("select 2")
            assert await cursor.fetchone() == (2,)
    assert block.status is block.Status.COMMITTED


async def test_context_of_a_new_connection(door: Door) -> None:
    proxy = await watched(door)
    proxy.adapters.register_dumper(Thing, dumper(door.module, lambda obj: b"thing"))
    other = await door.connect(context=proxy)
    adapt = part(door.module, "adapt")
    key = other.adapters.get_dumper(Thing, adapt.PyFormat.AUTO)
    assert key is proxy.adapters.get_dumper(Thing, adapt.PyFormat.AUTO)


def test_what_is_no_connection(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        for wrong in (None, 1, conn.cursor(), Watched(conn.cursor()), Watched(1)):
            with pytest.raises(TypeError, match="connection"):
                howdah.Cursor(wrong)
        with pytest.raises(TypeError, match="synchronous"):
            howdah.AsyncCursor(Watched(conn))
