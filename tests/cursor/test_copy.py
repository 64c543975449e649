"""copy(): data in bulk, in and out, in the text, CSV and binary formats."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from support.copying import assert_usable, data_of, rows_of, with_table, write
from support.doors import Door, howdah_alone

IDLE, ACTIVE, INTRANS, INERROR = 0, 1, 2, 3
FORMATS = ["text", "csv", "binary"]
SCALES = [1, 8, 10, 100, 1000, 4096, 10**4, 10**5, 10**6, 3]
HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
STRANGE = "tab\t, newline\n, return\r, backslash \\, \\N, \\., \b\v\f, quote ' \" , é, 漢"


# --- out ---------------------------------------------------------------------------------------------------------


async def test_text_out(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "copy (select g, case when g = 2 then null else 'x' || g end from generate_series(1, 3) g) to stdout"
    assert await data_of(conn, query) == b"1\tx1\n2\t\\N\n3\tx3\n"
    await assert_usable(conn)


async def test_csv_out(door: Door) -> None:
    conn = await door.connect()
    query = "copy (select 1 as a, 'x,\"y' as b) to stdout (format csv, header true)"
    assert await data_of(conn, query) == b'a,b\n1,"x,""y"\n'
    await assert_usable(conn, INTRANS)


async def test_binary_out(door: Door) -> None:
    conn = await door.connect()
    got = await data_of(conn, "copy (select 258::int4, null) to stdout (format binary)")
    assert got == HEADER + b"\0\2\0\0\0\4\0\0\1\2\xff\xff\xff\xff" + b"\xff\xff"


async def test_the_end_is_empty(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    async with cur.copy("copy (select 1) to stdout") as copy:
        assert bytes(await copy.read()) == b"1\n"
        assert bytes(await copy.read()) == b""
        assert bytes(await copy.read()) == b""
    assert cur.rowcount == 1


@pytest.mark.parametrize("binary", [False, True])
async def test_rows(door: Door, binary: bool) -> None:
    conn = await door.connect()
    query = (
        f"copy (select g, null, 'é' || g from generate_series(9998, 10001) g) to stdout (format {FORMATS[binary * 2]})"
    )
    cur = conn.cursor()
    async with cur.copy(query) as copy:
        copy.set_types(["int4", "text", 25])
        rows = [row async for row in copy.rows()]
    assert rows == [(g, None, f"é{g}") for g in range(9998, 10002)]
    assert cur.rowcount == 4


async def test_rows_without_types(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor().copy("copy (select 1, null, 'x') to stdout") as copy:
        assert await copy.read_row() == ("1", None, "x")
        assert await copy.read_row() is None
    async with conn.cursor().copy("copy (select 1, null, 'x') to stdout (format binary)") as copy:
        assert await copy.read_row() == (b"\0\0\0\1", None, b"x")
        assert await copy.read_row() is None
        assert await copy.read_row() is None


@pytest.mark.parametrize("form", ["text", "binary"])
async def test_no_rows(door: Door, form: str) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    async with cur.copy(f"copy (select 1 where false) to stdout (format {form})") as copy:
        assert [row async for row in copy.rows()] == []
    assert cur.rowcount == 0


@pytest.mark.parametrize("form", ["text", "binary"])
async def test_no_columns(door: Door, form: str) -> None:
    conn = await door.connect()
    async with conn.cursor().copy(f"copy (select from generate_series(1, 2)) to stdout (format {form})") as copy:
        assert [row async for row in copy.rows()] == [(), ()]


@pytest.mark.parametrize("form", ["text", "binary"])
async def test_strange_text_out(door: Door, form: str) -> None:
    conn = await door.connect()
    async with conn.cursor().copy(f"copy (select %s, '\\N', '') to stdout (format {form})", (STRANGE,)) as copy:
        copy.set_types(["text"] * 3)
        assert await copy.read_row() == (STRANGE, "\\N", "")


async def test_an_empty_text_alone(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor().copy("copy (select '') to stdout") as copy:
        assert [row async for row in copy.rows()] == [("",)]


async def test_many_rows_out(door: Door) -> None:
    conn = await door.connect()
    query = "copy (select g, repeat('x', g %% 500) from generate_series(1, 20000) g) to stdout (format binary)"
    async with conn.cursor().copy(query.replace("%%", "%")) as copy:
        copy.set_types(["int4", "text"])
        count = 0
        async for number, text in copy.rows():
            count += 1
            assert (number, len(text)) == (count, count % 500)
    assert count == 20000
    await assert_usable(conn, INTRANS)


@pytest.mark.parametrize("form", FORMATS)
async def test_description(door: Door, form: str) -> None:
    conn = await with_table(door)
    cur = conn.cursor()

    def described() -> list[Any]:
        return [tuple(column) for column in cur.description]

    columns = [(f"column_{number}", 0, None, 0, None, None, None) for number in (1, 2)]
    async with cur.copy(f"copy (select 1 as a, now() as b) to stdout (format {form})") as copy:
        assert described() == columns
        assert [data async for data in copy]
    assert described() == columns
    assert cur.description[1].type_display == "0"
    async with cur.copy(f"copy copied from stdin (format {form})"):
        assert described() == columns
    assert cur.description is None
    again = await cur.execute("select 1 as a")
    assert again.description[0].name == "a"


async def test_repr(door: Door) -> None:
    conn = await with_table(door)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        own = copy.wrapped if door.is_sync else copy
        name = f"{door.module.__name__}.{'' if door.is_sync else 'Async'}Copy"
        assert repr(own).startswith(f"<{name} [ACTIVE] (")
        assert "database=" in repr(own)
    assert "[IDLE]" in repr(own)


async def test_a_block_is_entered_once(door: Door) -> None:
    conn = await with_table(door)
    async with conn.cursor().copy("copy copied to stdout") as copy:
        assert [data async for data in copy] == []
    with pytest.raises(TypeError, match="once"):
        if door.is_sync:
            copy.wrapped.__enter__()
        else:
            await copy.__aenter__()
    await assert_usable(conn)


@howdah_alone
async def test_leaving_early(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    for _ in range(3):
        async with conn.cursor().copy("copy (select generate_series(1, 100000000)) to stdout") as copy:
            assert await copy.read() == b"1\n"
        await assert_usable(conn)
    with pytest.raises(ZeroDivisionError):
        async with conn.cursor().copy("copy (select generate_series(1, 100000000)) to stdout") as copy:
            assert await copy.read_row() == ("1",)
            raise ZeroDivisionError
    await assert_usable(conn)
    with pytest.raises(door.module.OperationalError, match="given up"):
        await copy.read()


async def test_a_client_exception_out(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(ZeroDivisionError):
        async with conn.cursor().copy("copy (select generate_series(1, 1000000)) to stdout") as copy:
            await copy.read()
            raise ZeroDivisionError
    await assert_usable(conn, INERROR)


async def test_a_server_error_out(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "copy (select 1 / (3 - x) from generate_series(1, 5) x) to stdout"
    got = []
    with pytest.raises(door.errors.DivisionByZero) as caught:
        async with conn.cursor().copy(query) as copy:
            async for row in copy:
                got.append(bytes(row))
    assert got == [b"0\n", b"1\n"]
    assert caught.value.sqlstate == "22012"
    await assert_usable(conn)


@howdah_alone
async def test_a_server_error_that_nobody_read(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.DivisionByZero):
        async with conn.cursor().copy("copy (select 1 / (3 - x) from generate_series(1, 5) x) to stdout") as copy:
            await copy.read()
    await assert_usable(conn)


# --- in ----------------------------------------------------------------------------------------------------------


async def test_text_in(door: Door) -> None:
    conn = await with_table(door)
    cur = await write(conn, "1\tx\n2\t", b"y\n", bytearray(b"3\t\\N\n"), memoryview(b"4\tz\n"))
    assert (cur.rowcount, cur.statusmessage) == (4, "COPY 4")
    assert await rows_of(conn) == [(1, "x"), (2, "y"), (3, None), (4, "z")]
    await assert_usable(conn)


async def test_csv_in(door: Door) -> None:
    conn = await with_table(door)
    await write(conn, 'a,b\n1,"x,""y"\n', "2,\n", statement="copy copied from stdin (format csv, header true)")
    assert await rows_of(conn) == [(1, 'x,"y'), (2, None)]


async def test_binary_in(door: Door) -> None:
    conn = await with_table(door)
    data = HEADER + b"\0\2\0\0\0\4\0\0\1\2\0\0\0\1x" + b"\xff\xff"
    await write(conn, data[:7], data[7:], statement="copy copied from stdin (format binary)")
    assert await rows_of(conn) == [(258, "x")]
    with pytest.raises(TypeError):
        await write(conn, "text", statement="copy copied from stdin (format binary)")
    await assert_usable(conn)


async def test_nothing_in(door: Door) -> None:
    conn = await with_table(door)
    for form in FORMATS:
        cur = await write(conn, statement=f"copy copied from stdin (format {form})")
        assert cur.rowcount == 0
    await assert_usable(conn)


@pytest.mark.parametrize("form", ["text", "binary"])
async def test_rows_in(door: Door, form: str) -> None:
    conn = await with_table(door)
    cur = conn.cursor()
    async with cur.copy(f"copy copied from stdin (format {form})") as copy:
        copy.set_types(["int4", "text"])
        await copy.write_row((1, STRANGE))
        await copy.write_row([2, None])
        await copy.write_row(value for value in (3, ""))
    assert cur.rowcount == 3
    assert await rows_of(conn) == [(1, STRANGE), (2, None), (3, "")]


async def test_rows_without_types_in(door: Door) -> None:
    columns = "a int, b numeric, c timestamptz, d uuid, e int[], f jsonb, g bytea, h bool, i float8, j date"
    conn = await with_table(door, columns)
    values = (
        1,
        Decimal("-1.50"),
        dt.datetime(2020, 2, 3, 4, 5, 6, 7, tzinfo=dt.timezone.utc),
        uuid.UUID(int=5),
        [1, None, 3],
        door.module.types.json.Jsonb({"a": ["\\", "\t"]}),
        b"\0\\\n",
        True,
        1.5,
        dt.date(1999, 12, 31),
    )
    async with conn.cursor().copy("copy copied from stdin") as copy:
        await copy.write_row(values)
    assert await rows_of(conn) == [(*values[:5], values[5].obj, *values[6:])]


async def test_types_in_binary(door: Door) -> None:
    conn = await with_table(door, "a int8, b int2, c float4, d text, e jsonb")
    async with conn.cursor().copy("copy copied from stdin (format binary)") as copy:
        copy.set_types(["int8", "int2", "float4", "text", "jsonb"])
        await copy.write_row((1, 2, 1.5, "x", door.module.types.json.Jsonb([1])))
        await copy.write_row((None,) * 5)
    assert await rows_of(conn) == [(1, 2, 1.5, "x", [1]), (None,) * 5]


async def test_rows_of_another_length_than_the_types(door: Door) -> None:
    conn = await with_table(door)
    with pytest.raises(door.module.DataError):
        async with conn.cursor().copy("copy copied from stdin (format binary)") as copy:
            copy.set_types(["int4"])
            await copy.write_row((1, "x"))
    await assert_usable(conn)
    with pytest.raises(door.module.ProgrammingError):
        async with conn.cursor().copy("copy (select 1, 2) to stdout") as copy:
            copy.set_types(["int4"])
            await copy.read_row()
    with pytest.raises(KeyError):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            copy.set_types(["no such type"])
    await assert_usable(conn)


async def test_wrong_rows(door: Door) -> None:
    conn = await with_table(door)
    for row, error in [(5, TypeError), ((object(), 1), door.module.ProgrammingError)]:
        with pytest.raises(error):
            async with conn.cursor().copy("copy copied from stdin") as copy:
                await copy.write_row((1, "x"))
                await copy.write_row(row)
        await assert_usable(conn)
    assert await rows_of(conn) == []


async def test_a_wrong_row_leaves_the_others(door: Door) -> None:
    conn = await with_table(door)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        await copy.write_row((1, "x"))
        with pytest.raises(door.module.ProgrammingError):
            await copy.write_row((2, object()))
        await copy.write_row((3, "z"))
    assert await rows_of(conn) == [(1, "x"), (3, "z")]


@howdah_alone
@pytest.mark.parametrize("form", ["text", "binary"])
async def test_write_rows(door: Door, form: str) -> None:
    conn = await with_table(door)
    expected = [(n, "x" * (n % 100)) for n in range(30000)]

    async def of_a_generator() -> Any:
        for row in expected:
            yield row

    for rows in (expected, iter(expected), *(() if door.is_sync else (of_a_generator(),))):
        cur = conn.cursor()
        async with cur.copy(f"copy copied from stdin (format {form})") as copy:
            copy.set_types(["int4", "text"])
            await copy.write_rows(rows)
        assert cur.rowcount == 30000
        assert await rows_of(conn) == expected
        await conn.execute("truncate copied")


@howdah_alone
@pytest.mark.parametrize("form", ["text", "binary"])
@pytest.mark.parametrize("made", [list, iter, tuple])
async def test_wrong_rows_among_others_leave_those(door: Door, form: str, made: Any) -> None:
    conn = await with_table(door)
    wrong = (0, object())
    good = [(2, "y"), (3, "z")]
    for rows, kept in (([], []), ([wrong, *good], []), ([*good, wrong, (4, "!")], good)):
        for more in ([], [(9, "last")]):
            async with conn.cursor().copy(f"copy copied from stdin (format {form})") as copy:
                copy.set_types(["int4", "text"])
                if wrong in rows:
                    with pytest.raises(TypeError):
                        await copy.write_rows(made(rows))
                else:
                    await copy.write_rows(made(rows))
                for row in more:
                    await copy.write_row(row)
            assert await rows_of(conn) == [*kept, *more]
            await conn.execute("truncate copied")


@howdah_alone
async def test_rows_that_raise(door: Door) -> None:
    conn = await with_table(door)

    def rows() -> Any:
        yield (1, "x")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            await copy.write_rows(rows())
    await assert_usable(conn)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        with pytest.raises(ZeroDivisionError):
            await copy.write_rows(rows())
    assert await rows_of(conn) == [(1, "x")]


async def test_a_server_error_in(door: Door) -> None:
    conn = await with_table(door)
    with pytest.raises(door.errors.InvalidTextRepresentation) as caught:
        await write(conn, "x\ty\n")
    assert caught.value.sqlstate == "22P02"
    await assert_usable(conn)
    await conn.set_autocommit(False)
    with pytest.raises(door.errors.BadCopyFileFormat):
        await write(conn, "1\n")
    await assert_usable(conn, INERROR)


async def test_a_server_error_long_before_the_end(door: Door) -> None:
    conn = await with_table(door)
    line = "1\t" + "x" * 10000 + "\n"
    with pytest.raises(door.errors.InvalidTextRepresentation):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            await copy.write("x\ty\n")
            for _ in range(2000):
                await copy.write(line)
    await assert_usable(conn)


async def test_a_client_exception_in(door: Door) -> None:
    conn = await with_table(door)
    with pytest.raises(ZeroDivisionError):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            await copy.write("1\tx\n")
            raise ZeroDivisionError("with a NUL \0 in it" + "x" * 5000)
    await assert_usable(conn)
    assert await rows_of(conn) == []
    await conn.set_autocommit(False)
    with pytest.raises(ZeroDivisionError):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            raise ZeroDivisionError
    await assert_usable(conn, INERROR)


async def test_a_view_refuses_what_it_has_asked_for(door: Door) -> None:
    conn = await with_table(door)
    await conn.execute("create temp view viewed as select * from copied")
    with pytest.raises(door.errors.WrongObjectType):
        await write(conn, "1\tx\n", statement="copy viewed from stdin")
    await assert_usable(conn)


@pytest.mark.limit(180)
async def test_a_huge_row(door: Door) -> None:
    """A row of 100 MiB, there and back."""
    conn = await with_table(door, "a text")
    huge = "x" * (100 * 1024 * 1024)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        await copy.write_row((huge,))
    async with conn.cursor().copy("copy copied to stdout") as copy:
        row = await copy.read_row()
        assert await copy.read_row() is None
    assert row is not None
    assert row[0] == huge
    await assert_usable(conn)


async def test_encodings(door: Door) -> None:
    """The second byte of the character is that of a backslash in Shift JIS, and in BIG5."""
    conn = await with_table(door)
    for encoding, text in [("latin1", "é\t"), ("sjis", "表\\\t"), ("big5", "功\\\n")]:
        if encoding != "latin1" and door.module.__name__ == "psycopg":
            continue
        await conn.execute(f"set client_encoding to {encoding}")
        async with conn.cursor().copy("copy copied from stdin") as copy:
            await copy.write_row((1, text))
        async with conn.cursor().copy("copy copied to stdout") as copy:
            assert await copy.read_row() == ("1", text)
            assert await copy.read_row() is None
        assert await rows_of(conn) == [(1, text)]
        await conn.execute("truncate copied")


async def test_adapters_of_the_user(door: Door) -> None:
    class Loud:
        def __init__(self, text: str) -> None:
            self.text = text

    class LoudDumper(door.module.adapt.Dumper):  # type: ignore[name-defined,misc]
        def dump(self, obj: Any) -> bytes:
            return f"{obj.text}\t!".encode()

    class LoudLoader(door.module.adapt.Loader):  # type: ignore[name-defined,misc]
        def load(self, data: Any) -> str:
            return bytes(data).decode().upper()

    conn = await with_table(door)
    conn.adapters.register_dumper(Loud, LoudDumper)
    conn.adapters.register_loader("text", LoudLoader)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        await copy.write_row((1, Loud("x")))
    async with conn.cursor().copy("copy copied to stdout") as copy:
        copy.set_types(["int4", "text"])
        assert await copy.read_row() == (1, "X\t!")


async def test_floats_in_and_special_characters(door: Door) -> None:
    random = Random(7)
    numbers = [
        sign * n / scale for n in (0, 1, 5, 123, 1007, 99999999999, 2**53) for scale in SCALES for sign in (1, -1)
    ]
    numbers += [random.uniform(-1, 1) * 10 ** random.randint(-8, 18) for _ in range(1000)]
    numbers += [round(random.uniform(-1000, 1000), random.randint(0, 6)) for _ in range(1000)]
    numbers += [
        -0.0,
        1e-4,
        9.999e-5,
        0.00012,
        1e9 + 0.5,
        1e10,
        123456789.12345,
        1e15,
        1e16,
        float("inf"),
        float("nan"),
        5e-324,
    ]
    texts = [STRANGE, "", "x" * 15, "x" * 16, "x" * 17, *("x" * n + "\t" + "y" * 3 for n in range(33)), "\\N", "é" * 9]
    conn = await with_table(door)
    await conn.execute("create temp table texts (a int, b text, c text)")
    rows = [(n, number, texts[n % len(texts)]) for n, number in enumerate(numbers)]
    async with conn.cursor().copy("copy texts from stdin") as copy:
        for row in rows:
            await copy.write_row(row)
    # As Python shows them, whatever the column.
    expected = [(n, repr(number), text) for n, number, text in rows]
    assert await (await conn.execute("select * from texts order by a")).fetchall() == expected
    async with conn.cursor().copy("copy (select * from texts order by a) to stdout") as copy:
        copy.set_types(["int4", "text", "text"])
        assert [row async for row in copy.rows()] == expected


async def test_a_nul_within_a_row(door: Door) -> None:
    conn = await with_table(door)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        for text in ("\0", "x" * 20 + "\0"):
            with pytest.raises(door.module.DataError):
                await copy.write_row((1, text))
        with pytest.raises(UnicodeEncodeError):
            await copy.write_row((1, "\ud800"))
        await copy.write_row((2, "y"))
    assert await rows_of(conn) == [(2, "y")]


@howdah_alone
async def test_rows_that_write_rows(door: Door) -> None:
    class Pair:
        pass

    class PairDumper(door.module.adapt.Dumper):  # type: ignore[name-defined,misc]
        def dump(self, obj: Any) -> bytes:
            copy._format_row((10 + len(told), "inner"))
            return b"outer"

    conn = await with_table(door)
    conn.adapters.register_dumper(Pair, PairDumper)
    told: list[tuple[int, int]] = []
    cur = conn.cursor()
    async with cur.copy("copy copied from stdin", progress=lambda *counts: told.append(counts)) as copy:
        await copy.write_row((1, Pair()))
        await copy.write_rows([(2, "x"), (3, Pair())])
    assert await rows_of(conn) == [(1, "outer"), (2, "x"), (3, "outer"), (10, "inner"), (10, "inner")]
    assert told == [(5, len("1\touter\n2\tx\n3\touter\n10\tinner\n10\tinner\n"))]
    assert cur.rowcount == 5


# --- misuse ------------------------------------------------------------------------------------------------------


async def test_reading_what_is_written(door: Door) -> None:
    conn = await with_table(door)
    for name in ("read", "read_row"):
        with pytest.raises(door.module.OperationalError):
            async with conn.cursor().copy("copy copied from stdin") as copy:
                await getattr(copy, name)()
        await assert_usable(conn)


@howdah_alone
async def test_writing_what_is_read(door: Door) -> None:
    conn = await with_table(door)
    for name, argument in (("write", "1\tx\n"), ("write_row", (1, "x")), ("write_rows", [(1, "x")])):
        with pytest.raises(door.module.OperationalError):
            async with conn.cursor().copy("copy copied to stdout") as copy:
                await getattr(copy, name)(argument)
        await assert_usable(conn)


@howdah_alone
async def test_a_copy_that_is_over(door: Door) -> None:
    conn = await with_table(door)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        await copy.write("1\tx\n")
        await copy.finish(None)
        await copy.finish(None)
        await assert_usable(conn)
    with pytest.raises(door.module.OperationalError):
        await copy.write("1\tx\n")
    with pytest.raises(door.module.OperationalError):
        await copy.write_row((1, "x"))
    async with conn.cursor().copy("copy copied to stdout") as copy:
        assert [bytes(data) async for data in copy] == [b"1\tx\n"]
    assert await copy.read() == b""
    assert await copy.read_row() is None


@pytest.mark.parametrize("rows", [2, 20000])
async def test_nothing_is_read_after_the_connection_was_closed(door: Door, rows: int) -> None:
    """Even if it had been received before."""
    statement = f"copy (select generate_series(1, {rows})) to stdout"
    for name in ("read", "read_row"):
        conn = await door.connect()
        # psycopg cannot say at the end of the block that the COPY was given up.
        with contextlib.suppress(door.module.OperationalError):
            async with conn.cursor().copy(statement) as copy:
                assert await getattr(copy, name)()
                await conn.close()
                for _ in range(2):
                    with pytest.raises(door.module.OperationalError, match="closed"):
                        await getattr(copy, name)()


@howdah_alone
async def test_no_block_is_read_after_the_connection_was_closed(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor().copy("copy (select generate_series(1, 3)) to stdout") as copy:
        await copy.read()
        await conn.close()
        with pytest.raises(door.module.OperationalError, match="closed"):
            assert [data async for data in copy.blocks()]


@howdah_alone
async def test_what_was_read_to_its_end_stays_so(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor().copy("copy (select 1) to stdout") as copy:
        assert [bytes(data) async for data in copy] == [b"1\n"]
        await conn.close()
        assert await copy.read() == b""


async def test_pipelines(door: Door) -> None:
    conn = await with_table(door)
    async with conn.pipeline():
        with pytest.raises(door.module.NotSupportedError):
            async with conn.cursor().copy("copy copied to stdout"):
                pass
    await assert_usable(conn)


async def test_execute_within(door: Door) -> None:
    """Only howdah tells; psycopg waits for ever in the same task, as howdah does for others of asyncio."""
    if door.module.__name__ == "psycopg" or not door.is_sync:
        pytest.skip("it would wait for ever")
    conn = await with_table(door)
    with pytest.raises(door.module.OperationalError, match="in use"):
        async with conn.cursor().copy("copy copied from stdin"):
            await conn.execute("select 1")
    await assert_usable(conn)


async def test_closed_cursors_and_connections(door: Door) -> None:
    conn = await with_table(door)
    cur = conn.cursor()
    await cur.close()
    with pytest.raises(door.module.InterfaceError):
        async with cur.copy("copy copied to stdout"):
            pass
    await assert_usable(conn)
    with pytest.raises(door.module.OperationalError):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            await conn.close()
            await copy.write("1\tx\n")
    with pytest.raises(door.module.OperationalError):
        async with conn.cursor().copy("copy copied from stdin"):
            pass


async def test_a_cursor_used_again(door: Door) -> None:
    conn = await with_table(door)
    cur = conn.cursor()
    for number in range(3):
        async with cur.copy("copy copied from stdin") as copy:
            await copy.write_row((number, "x"))
        assert cur.rowcount == 1
        with contextlib.suppress(ZeroDivisionError):
            async with cur.copy("copy copied to stdout") as copy:
                await copy.read()
                raise ZeroDivisionError
    await cur.execute("select count(*) from copied")
    assert await cur.fetchone() == (3,)
