"""Enumerations registered with their types: labels, mappings, missing members, both formats."""

from __future__ import annotations

import contextlib
import enum
import itertools
from types import ModuleType
from typing import Any

import pytest

from support.adapting import in_subprocess, part
from support.doors import Door

SETUP = """
create type pg_temp.mood as enum ('sad', 'ok', 'happy day', 'it''s "x"', 'glück');
create type pg_temp.digit as enum ('1', '2');
create type pg_temp.nothing as enum ();
create type pg_temp.pair as (m mood, ms mood[]);
create type pg_temp.moodrange as range (subtype = mood);
"""
PLACEHOLDERS = ["%s", "%t", "%b"]
Mood = enum.Enum("Mood", ["sad", "ok", "happy day", 'it\'s "x"', "glück"])


class Part(enum.Enum):
    """Some of the labels, and one that the server does not know."""

    sad = 1
    ok = 2
    unknown = 3


class StrMood(str, enum.Enum):
    """Names are the labels, not the values."""

    sad = "SAD"
    ok = "OK"


class IntMood(enum.IntEnum):
    """The same of ints."""

    sad = 10
    ok = 20


@pytest.fixture
def typed(conn: Any) -> Any:
    conn.execute(SETUP)
    return conn


def register(driver: ModuleType, conn: Any, name: str, cls: Any = None, context: Any = None, **kwargs: Any) -> Any:
    module = part(driver, "types.enum")
    info = module.EnumInfo.fetch(conn, name)
    module.register_enum(info, context or conn, cls, **kwargs)
    return info


async def test_round_trip(door: Door) -> None:
    conn = await door.connect()
    await conn.execute(SETUP)
    target = conn.wrapped if door.is_sync else conn
    module = part(door.module, "types.enum")
    info = module.EnumInfo.fetch(target, "mood")
    info = info if door.is_sync else await info
    module.register_enum(info, target, Mood)
    assert info.enum is Mood
    for member, placeholder, binary in itertools.product(Mood, PLACEHOLDERS, [False, True]):
        query = f"select {placeholder}, pg_typeof({placeholder})::text, {placeholder}, null::mood"
        cur = await conn.execute(query, (member, member, [member, None]), binary=binary)
        assert await cur.fetchone() == (member, "mood", [member, None], None)


def test_made_by_the_driver(typed: Any, driver: ModuleType) -> None:
    info = register(driver, typed, "mood")
    assert (info.enum.__name__, [m.name for m in info.enum]) == (
        "Mood",
        ["sad", "ok", "happy day", 'it\'s "x"', "glück"],
    )
    assert info.enum.__module__ == f"{driver.__name__}.types.enum"
    assert [m.value for m in info.enum] == [1, 2, 3, 4, 5]
    for binary in (False, True):
        assert typed.execute("select 'ok'::mood, '{sad}'::mood[]", binary=binary).fetchone() == (
            info.enum["ok"], [info.enum["sad"]],
        )  # fmt: skip
    again = register(driver, typed, "mood")
    assert again.enum is info.enum


def test_labels_that_are_digits_and_none_at_all(typed: Any, driver: ModuleType) -> None:
    digit = register(driver, typed, "digit").enum
    assert typed.execute("select '2'::digit").fetchone() == (digit["2"],)
    info = part(driver, "types.enum").EnumInfo.fetch(typed, "nothing")
    assert [label for label in info.labels if label is not None] == []


@pytest.mark.parametrize("cls", [Part, StrMood, IntMood])
def test_members_that_are_missing(typed: Any, driver: ModuleType, cls: Any) -> None:
    register(driver, typed, "mood", cls)
    for binary, placeholder in itertools.product([False, True], PLACEHOLDERS):
        row = typed.execute(f"select {placeholder}, pg_typeof({placeholder})::text, {placeholder}",
            (cls.ok, cls.ok, [cls.sad, None]), binary=binary).fetchone()  # fmt: skip
        assert row[0] is cls.ok
        assert row[1:] == ("mood", [cls.sad, None])
        with pytest.raises(driver.DataError, match=f"bad member for enum {cls.__name__}: 'happy day'"):
            typed.execute("select 'happy day'::mood", binary=binary).fetchone()
        with pytest.raises(driver.DataError, match="bad member for enum"):
            typed.execute("select array['glück'::mood]", binary=binary).fetchone()


def test_label_that_the_server_does_not_know(typed: Any, driver: ModuleType) -> None:
    register(driver, typed, "mood", Part)
    for placeholder in PLACEHOLDERS:
        with pytest.raises(driver.errors.InvalidTextRepresentation), typed.transaction():
            typed.execute(f"select {placeholder}", (Part.unknown,))


@pytest.mark.parametrize("as_list", [False, True])
def test_mapping(typed: Any, driver: ModuleType, as_list: bool) -> None:
    mapping: Any = {Part.unknown: "happy day", Part.sad: "glück"}
    register(driver, typed, "mood", Part, mapping=list(mapping.items()) if as_list else mapping)
    for binary in (False, True):
        row = typed.execute(
            "select 'happy day'::mood, 'glück'::mood, 'sad'::mood, 'ok'::mood", binary=binary
        ).fetchone()
        assert row == (Part.unknown, Part.sad, Part.sad, Part.ok)
    for placeholder in PLACEHOLDERS:
        row = typed.execute(f"select {placeholder}::text, {placeholder}::text[]", (Part.sad, [Part.unknown, Part.ok]))
        assert row.fetchone() == ("glück", ["happy day", "ok"])


def test_several_labels_for_one_member(typed: Any, driver: ModuleType) -> None:
    register(driver, typed, "mood", Part, mapping=[(Part.ok, "happy day"), (Part.ok, "glück")])
    row = typed.execute("select 'happy day'::mood, 'glück'::mood, 'ok'::mood, %s::text", (Part.ok,)).fetchone()
    assert row == (Part.ok, Part.ok, Part.ok, "glück")


def test_mapping_by_value(typed: Any, driver: ModuleType) -> None:
    class Value(enum.Enum):
        GOOD = "ok"
        BAD = "sad"

    register(driver, typed, "mood", Value, mapping={m: m.value for m in Value})
    assert typed.execute("select 'ok'::mood, %s, %s", (Value.BAD, [Value.GOOD])).fetchone() == (
        Value.GOOD, Value.BAD, [Value.GOOD],
    )  # fmt: skip


def test_without_registration(typed: Any) -> None:
    # The name goes as text of no known type.
    row = typed.execute("select 'ok'::mood, %s::mood, %s::mood[]", (Part.sad, [Part.ok])).fetchone()
    assert row == ("ok", "sad", "{ok}")
    assert typed.execute("select 'ok'::mood", binary=True).fetchone() == (b"ok",)
    assert typed.execute("select %s::text, %s::int", (StrMood.sad, IntMood.ok)).fetchone() == ("SAD", 20)


def test_nested(typed: Any, driver: ModuleType) -> None:
    register(driver, typed, "mood", Mood)
    composite, rng = part(driver, "types.composite"), part(driver, "types.range")
    info = composite.CompositeInfo.fetch(typed, "pair")
    composite.register_composite(info, typed)
    rng.register_range(rng.RangeInfo.fetch(typed, "moodrange"), typed)
    glad, sad = Mood["happy day"], Mood["sad"]
    pair, span = info.python_type(glad, [sad, None]), rng.Range(sad, glad)
    for binary, placeholder in itertools.product([False, True], PLACEHOLDERS):
        row = typed.execute(
            f"select {placeholder}, {placeholder}, {placeholder}", (pair, [pair], span), binary=binary
        ).fetchone()
        assert row == (pair, [pair], span)


def test_contexts(typed: Any, driver: ModuleType) -> None:
    cur, other = typed.cursor(), typed.cursor()
    register(driver, typed, "mood", Part, cur)
    assert cur.execute("select 'ok'::mood").fetchone() == (Part.ok,)
    assert other.execute("select 'ok'::mood").fetchone() == ("ok",)


def test_no_info(driver: ModuleType, conn: Any) -> None:
    with pytest.raises(TypeError, match=r"no info passed\. Is the requested enum available\?"):
        part(driver, "types.enum").register_enum(None, conn, Part)


def test_registered_twice(typed: Any, driver: ModuleType) -> None:
    register(driver, typed, "mood", Part)
    register(driver, typed, "mood", Mood)
    row = typed.execute("select 'ok'::mood, %s, %s, pg_typeof(%s)::text", (Mood["ok"], Part.sad, Part.sad)).fetchone()
    assert row == (Mood["ok"], Mood["ok"], Mood["sad"], "mood")


def test_flags_and_aliases(typed: Any, driver: ModuleType) -> None:
    class Alias(enum.Enum):
        sad = 1
        ok = sad

    register(driver, typed, "mood", Alias)
    assert typed.execute("select 'ok'::mood, 'sad'::mood, %s::text", (Alias.ok,)).fetchone() == (
        Alias.sad, Alias.sad, "sad",
    )  # fmt: skip


class Bits(enum.Flag):
    """Of a combination without a name, what has none depends on the interpreter: CPython 3.10 names no combinations."""

    sad = 1
    ok = 2


class Nameless(enum.Enum):
    """A name that is none."""

    sad = 1

    @property
    def name(self) -> Any:
        return 5


@pytest.mark.parametrize("value", [Bits(0), Bits.sad | Bits.ok, Nameless.sad])
async def test_members_without_a_name(door: Door, value: Any) -> None:
    def outcome() -> Any:
        return contextlib.nullcontext() if isinstance(value.name, str) else pytest.raises(AttributeError)

    conn = await door.connect(autocommit=True)
    cur = conn.cursor()
    for placeholder, param in itertools.product(PLACEHOLDERS, [value, [value], [Bits.ok, value]]):
        with outcome():
            await cur.execute(f"select {placeholder}::text", (param,))
    for param in (value, (1, value)):
        with outcome():
            await cur.executemany("select %s::text", [("x",), (param,)])
        with outcome():
            await cur.execute("select %s::text", (param,))
    await conn.execute("create temp table t (x text)")
    for form in ("text", "binary"):
        with outcome():
            async with cur.copy(f"copy t from stdin (format {form})") as copy:
                await copy.write_row((value,))
    assert conn.info.transaction_status.name == "IDLE"


@pytest.mark.parametrize("value", [Bits(0), Nameless.sad])
def test_dumpers_of_members_without_a_name(driver: ModuleType, value: Any) -> None:
    module = part(driver, "types.enum")
    for dump in (
        module.EnumDumper(type(value)).dump,
        module.EnumDumper(type(value)).quote,
        module.EnumBinaryDumper(type(value)).dump,
    ):
        with pytest.raises(AttributeError):
            dump(value)


@pytest.mark.parametrize("value", [Bits(0), Bits.sad | Bits.ok])
def test_combinations_of_registered_flags(typed: Any, driver: ModuleType, value: Any) -> None:
    register(driver, typed, "mood", Bits)
    for placeholder in PLACEHOLDERS:
        assert typed.execute(f"select {placeholder}", (Bits.ok,)).fetchone() == (Bits.ok,)
        with pytest.raises(KeyError), typed.transaction():
            typed.execute(f"select {placeholder}", (value,))


GLOBAL = """
import enum, DRIVER
from DRIVER.types.enum import EnumInfo, register_enum
class Mood(enum.Enum):
    sad = 1
with DRIVER.connect(DSN, autocommit=True) as conn:
    conn.execute("drop type if exists global_mood cascade")
    conn.execute("create type global_mood as enum ('sad')")
    register_enum(EnumInfo.fetch(conn, "global_mood"), None, Mood)
    print(conn.execute("select 'sad'::global_mood").fetchone())
    with DRIVER.connect(DSN) as new:
        print(new.execute("select 'sad'::global_mood, pg_typeof(%s)::text", (Mood.sad,)).fetchone())
    conn.execute("drop type global_mood")
"""


def test_globally(driver: ModuleType, dsn: str) -> None:
    assert in_subprocess(driver, GLOBAL, dsn).splitlines() == ["('sad',)", "(<Mood.sad: 1>, 'global_mood')"]
