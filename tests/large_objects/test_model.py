"""Random operations on a large object, and on a model of it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.doors import HAS_UVLOOP, Door, run_on_loop

SIZES = st.one_of(
    st.integers(0, 5000), st.integers(2040, 2056), st.integers(262_140, 262_150), st.integers(0, 5_000_000)
)
OPERATIONS = st.one_of(
    st.tuples(st.just("read"), SIZES),
    st.tuples(st.just("read"), st.just(-1)),
    st.tuples(st.just("write"), SIZES),
    st.tuples(st.just("seek"), SIZES, st.just(0)),
    st.tuples(st.just("seek"), st.integers(-3000, 3000), st.sampled_from([1, 2])),
    st.tuples(st.just("truncate"), SIZES),
    st.tuples(st.just("truncate"), st.none()),
    st.tuples(st.just("tell")),
    st.tuples(st.just("reopen")),
)


class Model:
    """A file as a large object is: what is truncated to more grows."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.place = 0

    def read(self, size: int) -> bytes:
        end = len(self.data) if size < 0 else self.place + size
        found = bytes(self.data[self.place : end])
        self.place += len(found)
        return found

    def write(self, data: bytes) -> int:
        if data:
            self._grow(self.place)
            self.data[self.place : self.place + len(data)] = data
            self.place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        self.place = [0, self.place, len(self.data)][whence] + offset
        return self.place

    def truncate(self, size: int | None) -> int:
        size = self.place if size is None else size
        self._grow(size)
        del self.data[size:]
        return size

    def tell(self) -> int:
        return self.place

    def _grow(self, size: int) -> None:
        self.data.extend(bytes(max(0, size - len(self.data))))


async def compare(door: Door, program: list[tuple[Any, ...]]) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    model = Model()
    for number, (name, *arguments) in enumerate(program):
        if name == "reopen":
            await lobject.close()
            lobject = await conn.lobject(lobject.oid, "rw")
            model.place = 0
            continue
        if name == "write":
            arguments = [bytes([number % 251 + 1]) * arguments[0]]
        if name == "seek" and arguments[1] and [0, model.place, len(model.data)][arguments[1]] + arguments[0] < 0:
            continue
        assert await getattr(lobject, name)(*arguments) == getattr(model, name)(*arguments)
    await lobject.seek(0)
    assert await lobject.read() == model.data
    await door.close_all()


@pytest.mark.parametrize("kind", ["sync", "asyncio", *(["uvloop"] if HAS_UVLOOP else [])])
@pytest.mark.limit(180)
@given(program=st.lists(OPERATIONS, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_operations(howdah: ModuleType, dsn: str, kind: str, program: list[tuple[Any, ...]]) -> None:
    run_on_loop(kind, compare(Door(howdah, kind, dsn), program))
