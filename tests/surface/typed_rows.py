"""What type checkers are to infer of connections, cursors and rows: test_typing.py has them read this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import howdah
from howdah import pq, rows
from howdah.types import TypeInfo

if TYPE_CHECKING:
    from typing_extensions import assert_type

    DSN = ""
    Dict: TypeAlias = dict[str, Any]
    Tuple: TypeAlias = tuple[Any, ...]

    @dataclass
    class Point:
        x: int
        y: int

    def upper(cursor: howdah.Cursor[Any]) -> Callable[[Sequence[Any]], bytes]:
        return lambda values: bytes(values)

    def registered(conn: howdah.BaseConnection[Any], info: TypeInfo) -> None:
        info.register(conn)
        assert_type(conn.info, howdah.ConnectionInfo)

    def told(cursor: howdah.Cursor[Any], error: howdah.Error) -> None:
        assert_type(cursor.format, pq.Format)
        pgconn, pgresult = error.pgconn, error.pgresult
        if pgconn is not None and pgresult is not None:
            assert_type(pgconn.backend_pid, int)
            assert_type(pgresult.command_tuples, int | None)

    async def registered_with_both(info: TypeInfo) -> None:
        registered(howdah.connect(DSN), info)
        registered(await howdah.AsyncConnection.connect(DSN, row_factory=rows.dict_row), info)
        info.register(howdah.connect(DSN).cursor())
        info.register(howdah.connect(DSN).cursor().adapters)
        info.register(howdah.adapters)

    def fetched_by_connections() -> None:
        plain = howdah.connect(DSN)
        assert_type(plain, howdah.Connection[Tuple])
        assert_type(plain.execute("select 1").fetchone(), Tuple | None)
        dicts = howdah.connect(DSN, row_factory=rows.dict_row)
        assert_type(dicts, howdah.Connection[Dict])
        assert_type(dicts.execute("select 1"), howdah.Cursor[Dict])
        assert_type(dicts.execute("select 1").fetchone(), Dict | None)
        assert_type(dicts.cursor().fetchall(), list[Dict])
        points = howdah.Connection.connect(DSN, row_factory=rows.class_row(Point))
        assert_type(points.cursor().fetchmany(2), list[Point])
        for point in points.cursor().stream("select 1"):
            assert_type(point, Point)
        with howdah.connect(DSN, row_factory=rows.scalar_row) as scalars:
            assert_type(scalars.execute("select 1").fetchone(), Any | None)

    def fetched_by_cursors(conn: howdah.Connection[Tuple]) -> None:
        assert_type(conn.cursor(), howdah.Cursor[Tuple])
        assert_type(conn.cursor(row_factory=rows.tuple_row).fetchone(), Tuple | None)
        assert_type(conn.cursor(row_factory=rows.dict_row).fetchone(), Dict | None)
        assert_type(conn.cursor(row_factory=rows.namedtuple_row).fetchone(), NamedTuple | None)
        assert_type(conn.cursor(row_factory=rows.scalar_row).fetchone(), Any | None)
        assert_type(conn.cursor(row_factory=rows.class_row(Point)).fetchone(), Point | None)
        assert_type(conn.cursor(row_factory=rows.args_row(Point)).fetchone(), Point | None)
        assert_type(conn.cursor(row_factory=rows.kwargs_row(Point)).fetchall(), list[Point])
        assert_type(conn.cursor(row_factory=upper).fetchone(), bytes | None)
        with conn.cursor(row_factory=rows.dict_row) as cur:
            assert_type(cur, howdah.Cursor[Dict])
            assert_type(list(cur), list[Dict])
            assert_type(cur.execute("select 1"), howdah.Cursor[Dict])

    def fetched_by_cursors_of_the_server(conn: howdah.Connection[Tuple]) -> None:
        assert_type(conn.cursor("name"), howdah.ServerCursor[Tuple])
        assert_type(conn.cursor("name", scrollable=True, withhold=True).fetchone(), Tuple | None)
        with conn.cursor("name", row_factory=rows.dict_row) as cur:
            assert_type(cur, howdah.ServerCursor[Dict])
            assert_type(cur.execute("select 1"), howdah.ServerCursor[Dict])
            assert_type(cur.fetchall(), list[Dict])
            assert_type(cur.itersize, int)

    def made_by_classes(conn: howdah.Connection[Tuple]) -> None:
        assert_type(howdah.Cursor(conn), howdah.Cursor[Tuple])
        assert_type(howdah.Cursor(conn, row_factory=rows.dict_row).fetchone(), Dict | None)
        assert_type(howdah.ClientCursor(conn), howdah.ClientCursor[Tuple])
        client = howdah.ClientCursor(conn, row_factory=rows.class_row(Point))
        assert_type(client.execute("select 1"), howdah.ClientCursor[Point])
        assert_type(client.fetchone(), Point | None)
        assert_type(client.mogrify("select %s", [1]), str)
        assert_type(howdah.RawCursor(conn, row_factory=rows.dict_row).fetchall(), list[Dict])
        assert_type(howdah.ServerCursor(conn, "name"), howdah.ServerCursor[Tuple])
        raw = howdah.RawServerCursor(conn, "name", row_factory=rows.dict_row)
        assert_type(raw.fetchone(), Dict | None)

    async def fetched_asynchronously() -> None:
        conn = await howdah.AsyncConnection.connect(DSN)
        assert_type(conn, howdah.AsyncConnection[Tuple])
        assert_type(await (await conn.execute("select 1")).fetchone(), Tuple | None)
        dicts = await howdah.AsyncConnection.connect(DSN, row_factory=rows.dict_row)
        assert_type(await dicts.execute("select 1"), howdah.AsyncCursor[Dict])
        assert_type(await dicts.cursor().fetchall(), list[Dict])
        async with conn.cursor(row_factory=rows.class_row(Point)) as cur:
            assert_type(await cur.execute("select 1"), howdah.AsyncCursor[Point])
            assert_type(await cur.fetchmany(), list[Point])
            async for row in cur:
                assert_type(row, Point)
            async for row in cur.stream("select 1"):
                assert_type(row, Point)
        async with conn.cursor("name", row_factory=rows.scalar_row) as server:
            assert_type(server, howdah.AsyncServerCursor[Any])
        assert_type(conn.cursor("name"), howdah.AsyncServerCursor[Tuple])
        client = howdah.AsyncClientCursor(conn, row_factory=rows.dict_row)
        assert_type(await client.fetchone(), Dict | None)
        assert_type(howdah.AsyncRawCursor(conn), howdah.AsyncRawCursor[Tuple])
        named = howdah.AsyncRawServerCursor(conn, "name", row_factory=rows.namedtuple_row)
        assert_type(await named.fetchone(), NamedTuple | None)
