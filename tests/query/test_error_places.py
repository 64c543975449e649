"""Notes that show where in the program's query an error is: the message shows what the server got, with `$1`."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest

from support.doors import Door, howdah_alone

pytestmark = [
    howdah_alone,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes before Python 3.11"),
]

HEAD = "in the query as it was given:"

PLACES: list[tuple[Any, Any, list[str]]] = [
    ("select %s, wat", [1], ["LINE 1: select %s, wat", "                   ^"]),
    (b"select %b, wat", [1], ["LINE 1: select %b, wat", "                   ^"]),
    ("select %(a)s,\n\t5 %% 3, wat", {"a": 1}, ["LINE 2:  5 %% 3, wat", "                 ^"]),
    ("select '日本', %s\n, é wat(", [1], ["LINE 2: , é wat(", "               ^"]),
    ("select %s %(", [1], []),
    ("select %s::wat", [1], ["LINE 1: select %s::wat", "                   ^"]),
    ("select %s %s", [1, 2], ["LINE 1: select %s %s", "                  ^"]),
    ("select 1 %% 2, wat", [], ["LINE 1: select 1 %% 2, wat", "                       ^"]),
    ("select %(long_name)s, %(long_name)s, wat, %(long_name)s", {"long_name": 1},
        ["LINE 1: select %(long_name)s, %(long_name)s, wat, %(long_name)s", " " * 45 + "^"]),
    ("select " + "%s, " * 100 + "wat", [1] * 100, ["LINE 1: ..." + " %s," * 14 + " wat", " " * 68 + "^"]),
    # Nothing was converted, or nothing is shown.
    ("select wat", None, []),
    ("select wat", [], []),
    ("select %s / 0", [1], []),
]  # fmt: skip


@pytest.mark.parametrize(("query", "params", "lines"), PLACES)
async def test_places(door: Door, query: Any, params: Any, lines: list[str]) -> None:
    conn = await door.connect(autocommit=True)
    for _ in range(7):
        with pytest.raises(door.module.Error) as caught:
            await conn.execute(query, params)
        assert notes(caught.value) == (["\n".join([HEAD, *lines])] if lines else [])
        assert HEAD not in str(caught.value)
    assert notes(pickle.loads(pickle.dumps(caught.value))) == notes(caught.value)


async def test_wherever_it_is_raised(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    cur, query = conn.cursor(), "select %s, wat"
    expected = "\n".join([HEAD, "LINE 1: select %s, wat", "                   ^"])
    with pytest.raises(door.errors.UndefinedColumn) as caught:
        await cur.executemany(query, [[1], [2]])
    assert notes(caught.value) == [expected, "executemany(): at index 0 of the parameters"]
    with pytest.raises(door.errors.UndefinedColumn) as caught:
        _ = [row async for row in cur.stream(query, [1])]
    assert notes(caught.value) == [expected]
    with pytest.raises(door.errors.UndefinedColumn) as caught:
        async with conn.pipeline():
            await cur.execute(query, [1])
            await cur.fetchall()
    assert notes(caught.value) == [expected]


async def test_other_encodings_and_cursors(door: Door) -> None:
    """The server's message shows the text that was sent; more is not known of it."""
    conn = await door.connect(autocommit=True)
    client = door.module.ClientCursor(conn.wrapped) if door.is_sync else door.module.AsyncClientCursor(conn)
    with pytest.raises(door.errors.UndefinedColumn, match="LINE 1: select 1, wat") as caught:
        pending = client.execute("select %s, wat", [1])
        _ = pending if door.is_sync else await pending
    assert notes(caught.value) == []
    await conn.execute("set client_encoding to sjis")
    with pytest.raises(door.errors.UndefinedColumn, match="LINE 1: select 'ソ', ") as caught:
        await conn.execute("select 'ソ', %s, wat", [1])
    assert notes(caught.value) == []


def notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", []))
