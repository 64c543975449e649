"""Subclasses of connections, cursors and maps of adapters: constructors, and methods in the place of the base's."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import pytest

from support.adapting import Thing, dumper, part
from support.doors import Door, howdah_alone
from support.sessions import Observer


class Passing:
    """A mixin that passes all arguments on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.passed = (len(args), sorted(kwargs))
        super().__init__(*args, **kwargs)


def derived(base: Any, *mixins: type, **members: Any) -> Any:
    return type(f"Derived{base.__name__}", (*mixins, base), members)


async def one(door: Door, cursor: Any) -> Any:
    return (
        cursor.execute("select 1 as n").fetchone()
        if door.is_sync
        else await (await cursor.execute("select 1 as n")).fetchone()
    )


def plain(conn: Any) -> Any:
    """The connection itself, without the face of a sync one."""
    return getattr(conn, "wrapped", conn)


async def test_plain_subclass_of_a_connection(door: Door) -> None:
    cls = derived(door.connection_class)
    conn = await door.connect(subclass=cls)
    assert type(plain(conn)) is cls
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_connection_that_passes_its_arguments_on(door: Door) -> None:
    conn = await door.connect(subclass=derived(door.connection_class, Passing), autocommit=True)
    assert plain(conn).passed == (1, [])
    assert conn.autocommit
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_connection_with_a_row_factory_of_its_class(door: Door) -> None:
    rows = part(door.module, "rows")

    def init(self: Any, pgconn: Any, row_factory: Any = rows.dict_row) -> None:
        super(cls, self).__init__(pgconn, row_factory)

    cls = derived(door.connection_class, __init__=init)
    assert await one(door, plain(await door.connect(subclass=cls)).cursor()) == {"n": 1}
    chosen = await door.connect(subclass=cls, row_factory=rows.scalar_row)
    assert await one(door, plain(chosen).cursor()) == 1


async def test_connection_that_chooses_factories_when_it_is_made(door: Door) -> None:
    rows, mine, other = part(door.module, "rows"), derived(door.cursor_class), derived(door.cursor_class)

    def init(self: Any, *args: Any) -> None:
        super(cls, self).__init__(*args)
        assert self.row_factory is rows.tuple_row
        assert self.cursor_factory is door.cursor_class
        self.row_factory, self.cursor_factory = rows.dict_row, mine

    cls = derived(door.connection_class, __init__=init)
    cursor = plain(await door.connect(subclass=cls)).cursor()
    assert type(cursor) is mine
    assert await one(door, cursor) == {"n": 1}
    conn = plain(await door.connect(subclass=cls, cursor_factory=other, row_factory=rows.tuple_row))
    assert (conn.cursor_factory, conn.row_factory) == (other, rows.tuple_row)


@howdah_alone
async def test_connection_whose_constructor_raises_is_closed(door: Door, observer: Observer) -> None:
    pids = []

    def init(self: Any, *args: Any) -> None:
        pids.append(self.info.backend_pid)
        raise LookupError

    with pytest.raises(LookupError):
        await door.connect(subclass=derived(door.connection_class, __init__=init))
    observer.wait_gone(pids[0])


def test_connections_are_made_by_connect(howdah: ModuleType) -> None:
    for cls in (howdah.Connection, howdah.AsyncConnection):
        for arguments in ((), (None,), ("dbname=x",)):
            with pytest.raises(TypeError, match="connect"):
                cls(*arguments)


async def test_cursor_that_passes_its_arguments_on(door: Door) -> None:
    rows, cls = part(door.module, "rows"), derived(door.cursor_class, Passing)
    conn = plain(await door.connect(cursor_factory=cls))
    assert await one(door, conn.cursor()) == (1,)
    cursor = conn.cursor(row_factory=rows.dict_row)
    assert cursor.passed == (1, ["row_factory"])
    assert await one(door, cursor) == {"n": 1}
    assert await one(door, cls(connection=conn, row_factory=rows.scalar_row)) == 1
    assert await one(door, cls(conn, row_factory=None)) == (1,)


async def test_cursor_with_arguments_of_its_own(door: Door) -> None:
    def init(self: Any, tag: str, holder: list[Any], *, more: int) -> None:
        super(cls, self).__init__(holder[0], row_factory=part(door.module, "rows").scalar_row)
        self.tag, self.more = tag, more

    cls = derived(door.cursor_class, __init__=init)
    conn = plain(await door.connect())
    cursor = cls("x", [conn], more=5)
    assert (cursor.tag, cursor.more, cursor.connection) == ("x", 5, conn)
    assert await one(door, cursor) == 1


async def test_what_a_cursor_factory_is_called_with(door: Door) -> None:
    rows, seen = part(door.module, "rows"), []

    def factory(*args: Any, **kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return door.cursor_class(*args, **kwargs)

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))
        super(cls, self).__init__(*args, **kwargs)

    cls = derived(door.cursor_class, __init__=init)
    conn = plain(await door.connect())
    for conn.cursor_factory in (functools.partial(factory), cls):
        conn.cursor()
        conn.cursor(row_factory=None)
        conn.cursor(row_factory=rows.dict_row)
    expected = [((conn,), {"row_factory": f}) for f in (rows.tuple_row, rows.tuple_row, rows.dict_row)]
    assert seen == expected * 2


async def test_wrong_arguments_of_a_cursor(door: Door) -> None:
    conn = plain(await door.connect())
    wrong: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), {}), ((conn, None), {}), ((conn,), {"nothing": 1}), ((conn,), {"connection": conn}),
    ]  # fmt: skip
    for args, kwargs in wrong:
        for cls in (door.cursor_class, derived(door.cursor_class, Passing)):
            with pytest.raises(TypeError):
                cls(*args, **kwargs)


@howdah_alone
async def test_cursor_that_was_not_initialized(door: Door) -> None:
    cursor = derived(door.cursor_class, __init__=lambda self: None)()
    refused = door.module.InterfaceError
    for use in (
        lambda: cursor.execute("select 1"), lambda: cursor.executemany("select 1", [()]), cursor.fetchone, cursor.close,
        lambda: cursor.connection, lambda: cursor.adapters, lambda: cursor.scroll(1),
    ):  # fmt: skip
        with pytest.raises(refused, match="__init__"):
            use()
    assert cursor.description is None
    assert "no result" in repr(cursor)


@howdah_alone
async def test_cursor_initialized_twice(door: Door) -> None:
    conn, other = plain(await door.connect()), plain(await door.connect())
    cursor = conn.cursor()
    cursor.__init__(conn, row_factory=part(door.module, "rows").scalar_row)
    assert await one(door, cursor) == 1
    with pytest.raises(door.module.InterfaceError, match="another connection"):
        cursor.__init__(other)


async def test_execute_of_the_connection_uses_its_cursor(door: Door) -> None:
    rows, seen = part(door.module, "rows"), []

    def cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return super(cls, self).cursor(*args, row_factory=rows.dict_row, **kwargs)

    cls = derived(door.connection_class, cursor=cursor)
    conn = await door.connect(subclass=cls)
    cur = await conn.execute("select %s::int as n", (5,), prepare=True, binary=True)
    assert await cur.fetchone() == {"n": 5}
    assert cur.format == 1
    assert seen == [((), {})]


async def test_execute_of_the_connection_uses_that_of_the_cursor(door: Door) -> None:
    seen: list[Any] = []

    def execute(self: Any, query: str, params: Any = None, **kwargs: Any) -> Any:
        seen.append((query, params, {name: value for name, value in kwargs.items() if value is not None}))
        return super(cls, self).execute(query + " + 1", params, **kwargs)

    cls = derived(door.cursor_class, execute=execute)
    conn = await door.connect(cursor_factory=cls)
    cur = await conn.execute("select %s", (5,))
    assert await cur.fetchone() == (6,)
    await conn.execute("select 1", prepare=False)
    assert seen == [("select %s", (5,), {}), ("select 1", None, {"prepare": False})]


async def test_methods_put_on_the_objects(door: Door) -> None:
    class Cursor:
        def execute(self, query: str, *args: Any, **kwargs: Any) -> Any:
            return done(query)

    async def later(query: str) -> Any:
        return query

    done: Any = str if door.is_sync else later
    conn = plain(await door.connect())
    conn.cursor = Cursor
    result = conn.execute("select 1")
    assert (result if door.is_sync else await result) == "select 1"


def test_attributes_are_set_by_the_methods(driver: ModuleType, dsn: str) -> None:
    seen: list[Any] = []

    def setter(name: str) -> Any:
        def method(self: Any, value: Any) -> None:
            seen.append((name, value))
            getattr(super(cls, self), name)(value)

        return method

    values = {"autocommit": True, "isolation_level": None, "read_only": True, "deferrable": False}
    cls = derived(driver.Connection, **{f"set_{name}": setter(f"set_{name}") for name in values})
    with cls.connect(dsn) as conn:
        for name, value in values.items():
            setattr(conn, name, value)
            assert getattr(conn, name) is value
    assert seen == [(f"set_{name}", value) for name, value in values.items()]


def test_map_of_adapters(driver: ModuleType, dsn: str) -> None:
    def init(self: Any, name: str, *, base: Any) -> None:
        super(named, self).__init__(base)
        self.name = name

    cls = driver.adapt.AdaptersMap
    named = derived(cls, __init__=init)
    made = [derived(cls, Passing)(driver.adapters), derived(cls, Passing)(template=driver.adapters)]
    made.append(named("mine", base=driver.adapters))
    for adapters in made:
        adapters.register_dumper(Thing, dumper(driver, lambda thing: b"7"))
        with driver.connect(dsn, context=adapters) as conn:
            assert conn.execute("select %s::int, %s::text", (Thing(1), "x")).fetchone() == (7, "x")
    types = part(driver, "types").TypesRegistry(driver.adapters.types)
    own = derived(cls, Passing)(types=types)
    assert own.types is types
    assert own.types["int4"].oid == 23
    with pytest.raises(TypeError):
        derived(cls, Passing)(nothing=1)
