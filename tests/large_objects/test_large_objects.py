"""Large objects as files of bytes: psycopg 3 has none."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Observer

MIB = 1024 * 1024
BIG = bytes(range(251)) * (9 * MIB // 251 + 1)
"""More than is read or written at once, and no multiple of anything."""


async def number_of(conn: Any, oid: int) -> int:
    cursor = await conn.execute("select count(*) from pg_largeobject_metadata where oid = %s", (oid,))
    return int((await cursor.fetchone())[0])


def status(conn: Any) -> str:
    return str(conn.info.transaction_status.name)


@howdah_alone
async def test_written_and_read(door: Door) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    assert (lobject.oid > 0, lobject.mode, lobject.closed) == (True, "rw", False)
    assert await lobject.write(b"hello world") == 11
    assert await lobject.tell() == 11
    assert await lobject.read() == b""
    assert await lobject.seek(6) == 6
    assert await lobject.read(3) == b"wor"
    assert await lobject.read(100) == b"ld"
    assert await lobject.seek(-5, 2) == 6
    assert await lobject.seek(2, 1) == 8
    assert await lobject.readall() == b"rld"
    assert await lobject.seek(0) == 0
    assert await lobject.read(0) == b""
    assert await lobject.read(None) == b"hello world"
    await lobject.flush()
    await lobject.close()
    assert lobject.closed
    await conn.commit()
    async with await conn.lobject(lobject.oid) as again:
        assert again.mode == "r"
        assert await again.read() == b"hello world"
    assert again.closed
    await again.unlink()
    assert await number_of(conn, lobject.oid) == 0
    await conn.commit()


@howdah_alone
async def test_large_pieces(door: Door) -> None:
    conn = await door.connect()
    async with await conn.lobject() as lobject:
        assert await lobject.write(BIG) == len(BIG)
        assert await lobject.seek(0, 2) == len(BIG)
        await lobject.seek(0)
        assert await lobject.read() == BIG
        await lobject.seek(1)
        assert await lobject.read(5 * MIB + 7) == BIG[1 : 5 * MIB + 8]
        assert await lobject.tell() == 5 * MIB + 8
        pieces = [piece async for piece in lobject.chunks(300_000)]
        assert b"".join(pieces) == BIG[5 * MIB + 8 :]
        assert {len(piece) for piece in pieces[:-1]} == {300_000}
        assert await lobject.seek(0) == 0
        assert [len(piece) async for piece in lobject.chunks()][:2] == [MIB, MIB]
        with pytest.raises(ValueError, match="size"):
            async for _ in lobject.chunks(0):
                pass


@howdah_alone
@pytest.mark.parametrize("make", [bytearray, memoryview, lambda data: memoryview(data).cast("H")])
async def test_other_buffers(door: Door, make: Callable[[bytes], Any]) -> None:
    conn = await door.connect()
    async with await conn.lobject() as lobject:
        data = BIG[: MIB + 2]
        assert await lobject.write(make(data)) == len(data)
        assert await lobject.write(make(b"")) == 0
        await lobject.seek(0)
        buffer = bytearray(MIB + 100)
        assert await lobject.readinto(memoryview(buffer)) == len(data)
        assert buffer == data + bytes(98)
        assert await lobject.readinto(buffer) == 0
        for wrong in ["text", None, 5]:
            with pytest.raises(TypeError):
                await lobject.write(wrong)
        with pytest.raises(TypeError):
            await lobject.readinto(b"cannot be written to")
    assert status(conn) == "INTRANS"


@howdah_alone
async def test_far_behind_two_gib(door: Door) -> None:
    conn = await door.connect()
    async with await conn.lobject() as lobject:
        far = 3 * 1024 * MIB + 5
        assert await lobject.seek(far) == far
        assert await lobject.write(b"there") == 5
        assert await lobject.tell() == far + 5
        assert await lobject.seek(-10, 2) == far - 5
        assert await lobject.read() == bytes(5) + b"there"
        assert await lobject.truncate(far + 2) == far + 2
        assert await lobject.seek(0, 2) == far + 2
        assert await lobject.seek(-2, 1) == far
        assert await lobject.truncate() == far
        assert await lobject.read() == b""
        assert await lobject.truncate(4) == 4
        assert await lobject.seek(0) == 0
        assert await lobject.read() == bytes(4)
    await conn.rollback()


@howdah_alone
async def test_oid_of_choice(door: Door) -> None:
    conn = await door.connect()
    lobject = await conn.lobject(new_oid=4_000_000_000)
    assert lobject.oid == 4_000_000_000
    with pytest.raises(door.errors.UniqueViolation):
        await conn.lobject(new_oid=4_000_000_000)
    assert status(conn) == "INERROR"
    await conn.rollback()
    wrong: list[dict[str, Any]] = [{"new_oid": 5}, {"new_file": io.BytesIO()}]
    for arguments in wrong:
        with pytest.raises(ValueError, match="new_oid"):
            await conn.lobject(5, **arguments)
    assert status(conn) == "IDLE"


@pytest.mark.parametrize(
    ("mode", "seen"), [("r", "r"), ("rb", "r"), ("w", "w"), ("bw", "w"), ("rw", "rw"), ("rwb", "rw"), ("", "r")]
)
@howdah_alone
async def test_modes(door: Door, mode: str, seen: str) -> None:
    conn = await door.connect()
    async with await conn.lobject() as made:
        await made.write(b"some data")
    async with await conn.lobject(made.oid, mode) as lobject:
        assert lobject.mode == seen
        assert (lobject.readable(), lobject.writable(), lobject.seekable()) == ("r" in seen, "w" in seen, True)
        if "r" in seen:
            assert await lobject.read(4) == b"some"
        else:
            with pytest.raises(io.UnsupportedOperation, match="reading"):
                await lobject.read(4)
            await lobject.seek(4)
        if "w" in seen:
            await lobject.write(b"-")
            assert await lobject.truncate() == 5
        else:
            with pytest.raises(io.UnsupportedOperation, match="writing"):
                await lobject.write(b"-")
            with pytest.raises(io.UnsupportedOperation, match="writing"):
                await lobject.truncate(3)
    assert status(conn) == "INTRANS"
    async with await conn.lobject(made.oid) as lobject:
        assert await lobject.read() == (b"some-" if "w" in seen else b"some data")


@howdah_alone
async def test_new_ones_in_other_modes(door: Door) -> None:
    conn = await door.connect()
    async with await conn.lobject(0, "r") as lobject:
        assert await lobject.read() == b""
        with pytest.raises(io.UnsupportedOperation):
            await lobject.write(b"x")
    async with await conn.lobject(0, "w") as lobject:
        assert await lobject.write(b"x") == 1
    lobject = await conn.lobject(0, "n")
    assert (lobject.mode, lobject.closed, await number_of(conn, lobject.oid)) == ("n", True, 1)


@howdah_alone
async def test_wrong_arguments(door: Door) -> None:
    conn = await door.connect()
    for mode in ["x", "a", "rr", "nr"]:
        with pytest.raises(ValueError, match="mode"):
            await conn.lobject(0, mode)
    with pytest.raises(door.module.NotSupportedError, match=r"io\.TextIOWrapper"):
        await conn.lobject(0, "rt")
    for oid in [-1, 1 << 32]:
        with pytest.raises(OverflowError):
            await conn.lobject(oid)
    async with await conn.lobject() as lobject:
        with pytest.raises(ValueError, match="negative"):
            await lobject.seek(-1)
        with pytest.raises(ValueError, match="whence"):
            await lobject.seek(0, 3)
        with pytest.raises(ValueError, match="negative"):
            await lobject.truncate(-1)
        with pytest.raises(io.UnsupportedOperation):
            lobject.fileno()
        assert lobject.isatty() is False
        assert status(conn) == "INTRANS"
        with pytest.raises(door.errors.InvalidParameterValue):
            await lobject.seek(-1, 1)
    assert (status(conn), lobject.closed) == ("INERROR", True)


@howdah_alone
async def test_none_there(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.UndefinedObject):
        await conn.lobject(1)
    await conn.rollback()
    lobject = await conn.lobject(1, "n")
    for operation in (lobject.unlink, lambda: lobject.export(io.BytesIO())):
        with pytest.raises(door.errors.UndefinedObject):
            await operation()
        await conn.rollback()


@howdah_alone
async def test_not_open(door: Door) -> None:
    conn = await door.connect()
    lobject = await conn.lobject(0, "n")
    with pytest.raises(door.module.ProgrammingError, match="not open"):
        await lobject.tell()
    lobject = await conn.lobject()
    await lobject.close()
    await lobject.close()
    for operation in (lobject.tell, lobject.read, lambda: lobject.write(b"x"), lobject.truncate):
        with pytest.raises(door.module.InterfaceError, match="closed"):
            await operation()
    assert status(conn) == "INTRANS"


@howdah_alone
@pytest.mark.parametrize("commit", [True, False])
async def test_the_end_of_its_transaction(door: Door, commit: bool) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    await (conn.commit() if commit else conn.rollback())
    assert await number_of(conn, lobject.oid) == commit
    # The server gives the same descriptor once more.
    other = await conn.lobject()
    await other.write(b"mine")
    for operation in (lobject.tell, lobject.read, lambda: lobject.write(b"x"), lambda: lobject.seek(0)):
        with pytest.raises(door.module.ProgrammingError, match="transaction that has ended"):
            await operation()
    await lobject.close()
    await other.seek(0)
    assert (await other.read(), status(conn)) == (b"mine", "INTRANS")


@howdah_alone
async def test_a_savepoint_that_is_rolled_back_to(door: Door) -> None:
    conn = await door.connect()
    before = await conn.lobject()
    with pytest.raises(LookupError):
        async with conn.transaction():
            lost = await conn.lobject()
            raise LookupError
    other = await conn.lobject()
    await other.write(b"mine")
    with pytest.raises(door.module.ProgrammingError, match="savepoint"):
        await lost.read()
    await lost.close()
    await other.seek(0)
    assert await other.read() == b"mine"
    assert await before.read() == b""


@howdah_alone
async def test_a_savepoint_that_is_rolled_back_to_and_nothing_else(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("savepoint one")
    lost = await conn.lobject()
    await conn.execute("rollback to one")
    with pytest.raises(door.errors.UndefinedObject):
        await lost.read()


@howdah_alone
async def test_autocommit(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.module.ProgrammingError, match=r"transaction\(\) block"):
        await conn.lobject()
    with pytest.raises(door.module.ProgrammingError, match=r"transaction\(\) block"):
        await conn.lobject(1, "r")
    made = await conn.lobject(0, "n")
    assert await number_of(conn, made.oid) == 1
    async with conn.transaction():
        lobject = await conn.lobject(made.oid, "rw")
        await lobject.write(b"data")
    with pytest.raises(door.module.ProgrammingError, match="ended"):
        await lobject.tell()
    await lobject.close()
    async with conn.transaction():
        assert await (await conn.lobject(made.oid)).read() == b"data"
    await made.unlink()
    assert await number_of(conn, made.oid) == 0


@howdah_alone
async def test_in_a_failed_transaction(door: Door) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    with pytest.raises(door.module.Error):
        await conn.execute("wrong")
    for operation in (lobject.tell, conn.lobject, lambda: lobject.write(b"x")):
        with pytest.raises(door.errors.InFailedSqlTransaction):
            await operation()
    await lobject.close()
    assert status(conn) == "INERROR"


@howdah_alone
async def test_in_a_transaction_that_only_reads(door: Door) -> None:
    conn = await door.connect()
    oid = (await conn.lobject()).oid
    await conn.commit()
    await conn.set_read_only(True)
    async with await conn.lobject(oid) as lobject:
        assert await lobject.read() == b""
    if conn.info.server_version >= 160000:
        with pytest.raises(door.errors.ReadOnlySqlTransaction):
            await conn.lobject()


@howdah_alone
async def test_an_object_read_sees_what_was_there_when_it_was_opened(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    oid = observer.value("select lo_from_bytea(0, 'before')")
    lobject = await conn.lobject(oid)
    observer.value("select lo_put(%s, 0, 'behind')", (oid,))
    assert await lobject.read() == b"before"


@howdah_alone
async def test_in_a_pipeline(door: Door) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    async with conn.pipeline():
        for operation in (conn.lobject, lobject.read, lobject.unlink):
            with pytest.raises(door.module.NotSupportedError, match="pipeline"):
                await operation()
    assert await lobject.read() == b""


@howdah_alone
async def test_on_a_closed_connection(door: Door) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    await conn.close()
    with pytest.raises(door.module.OperationalError, match="closed"):
        await lobject.read()
    await lobject.close()
    assert "closed" in repr(getattr(lobject, "wrapped", lobject))


@howdah_alone
async def test_settings_and_adapters_do_not_matter(door: Door) -> None:
    conn = await door.connect(row_factory=door.module.rows.dict_row)

    class Wrong(door.module.adapt.Dumper):  # type: ignore[name-defined,misc]
        def dump(self, obj: Any) -> Any:
            raise AssertionError

    for kind in (int, bytes):
        conn.adapters.register_dumper(kind, Wrong)
    await conn.cursor().execute("set bytea_output to escape")
    await conn.cursor().execute("set client_encoding to sjis")
    await conn.cursor().execute("set search_path to nowhere")
    async with await conn.lobject() as lobject:
        await lobject.write(bytes(range(256)))
        await lobject.seek(0)
        assert await lobject.read() == bytes(range(256))


@howdah_alone
async def test_class_of_choice(door: Door) -> None:
    module = door.module
    base: Any = module.LargeObject if door.is_sync else module.AsyncLargeObject

    class Mine(base):  # type: ignore[misc]
        pass

    conn = await door.connect()
    lobject = await conn.lobject(lobject_factory=Mine)
    assert isinstance(getattr(lobject, "wrapped", lobject), Mine)
    assert f"Mine {lobject.oid} (mode 'rw') [INTRANS]" in repr(getattr(lobject, "wrapped", lobject))
    await lobject.close()
    assert "(closed)" in repr(getattr(lobject, "wrapped", lobject))


@howdah_alone
async def test_export(door: Door, tmp_path: Path) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    await lobject.write(BIG)
    await lobject.seek(17)
    path = tmp_path / "exported"
    for name in (path, os.fspath(path)):
        assert await lobject.export(name) == len(BIG)
        assert path.read_bytes() == BIG
        path.unlink()
    assert await lobject.tell() == 17
    await lobject.close()
    file = io.BytesIO()
    assert await lobject.export(file) == len(BIG)
    assert file.getvalue() == BIG
    with pytest.raises(FileNotFoundError):
        await lobject.export(tmp_path / "nowhere" / "a")
    assert status(conn) == "INTRANS"


@howdah_alone
async def test_import(door: Door, tmp_path: Path) -> None:
    conn = await door.connect()
    path = tmp_path / "a"
    path.write_bytes(BIG)
    for file in (path, os.fspath(path), io.BytesIO(BIG)):
        for mode in (None, "r", "w", "n"):
            if isinstance(file, io.BytesIO):
                file.seek(0)
            lobject = await conn.lobject(0, mode, new_file=file)
            assert (lobject.mode, lobject.closed) == (mode or "rw", mode == "n")
            if mode in (None, "r"):
                assert await lobject.read() == BIG
            out = io.BytesIO()
            await lobject.export(out)
            assert out.getvalue() == BIG
            await lobject.unlink()


@howdah_alone
async def test_import_that_fails_leaves_nothing(door: Door) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            if self.tell():
                raise LookupError
            self.seek(1)
            return b"first"

        def seek(self, offset: int, whence: int = 0) -> int:
            self.place = offset
            return offset

        def tell(self) -> int:
            return getattr(self, "place", 0)

    conn = await door.connect()
    with pytest.raises(FileNotFoundError):
        await conn.lobject(new_oid=77001, new_file="/nowhere/at/all")
    with pytest.raises(LookupError):
        await conn.lobject(new_oid=77001, new_file=Broken())
    assert status(conn) == "INTRANS"
    assert await number_of(conn, 77001) == 0


@howdah_alone
@asyncio_only
async def test_files_of_coroutine_functions(door: Door) -> None:
    class AsyncFile:
        def __init__(self, data: bytes = b"") -> None:
            self.file = io.BytesIO(data)

        async def read(self, size: int) -> bytes:
            return self.file.read(size)

        async def write(self, data: bytes) -> int:
            return self.file.write(data)

    conn = await door.connect()
    lobject = await conn.lobject(new_file=AsyncFile(BIG))
    out = AsyncFile()
    assert await lobject.export(out) == len(BIG)
    assert out.file.getvalue() == BIG


def test_as_a_file_of_the_standard_library(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        assert issubclass(howdah.LargeObject, io.RawIOBase)
        lobject = conn.lobject()
        with io.TextIOWrapper(lobject, "utf8", write_through=True) as text:
            text.write("eins\nzw\u00f6lf\n")
            text.seek(0)
            assert list(text) == ["eins\n", "zw\u00f6lf\n"]
        assert lobject.closed
        with io.BufferedRandom(conn.lobject(lobject.oid, "rw")) as file:
            assert file.readline() == b"eins\n"
            file.write(b"Z")
            file.seek(0)
            assert file.read() == "eins\nZw\u00f6lf\n".encode()
        with io.BufferedReader(conn.lobject(lobject.oid)) as file:
            assert file.readlines() == [b"eins\n", "Zw\u00f6lf\n".encode()]


def test_a_connection_that_stands_for_another(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        assert howdah.LargeObject(conn, 5, "n").connection is conn
        with pytest.raises(TypeError, match="connection"):
            howdah.LargeObject(5)
