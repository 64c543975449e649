"""What libraries do with adapters: one map for all connections, registrations in it, dumpers chosen by the object."""

from __future__ import annotations

import array
import datetime as dt
import enum
import functools
import json
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import in_subprocess, made, part

UTC = dt.timezone.utc
SETUP = """
create extension if not exists hstore;
drop type if exists framework_pair, framework_mood, framework_range cascade;
create type framework_pair as (a int4, b text);
create type framework_mood as enum ('sad', 'ok');
create type framework_range as range (subtype = float8, multirange_type_name = framework_multirange);
"""


class Mood(enum.Enum):
    """An enumeration."""

    sad = 1
    ok = 2


@pytest.fixture
def adapters(driver: ModuleType) -> Any:
    """A map of one's own, as an engine of SQLAlchemy or a database of Django has."""
    return part(driver, "adapt").AdaptersMap(part(driver, "postgres").adapters)


def test_json_functions_in_a_map(driver: ModuleType, adapters: Any, connect: Callable[..., Any]) -> None:
    module = part(driver, "types.json")
    module.set_json_loads(functools.partial(json.loads, parse_float=Decimal), adapters)
    module.set_json_dumps(functools.partial(json.dumps, default=str), context=adapters)
    for _ in range(2):
        conn = connect(context=adapters)
        for binary in (False, True):
            row = conn.execute("select %s, '1.5'::json", (module.Jsonb({"d": dt.date(2020, 1, 2)}),), binary=binary)
            assert row.fetchone() == ({"d": "2020-01-02"}, Decimal("1.5"))
    assert type(connect().execute("select '1.5'::json").fetchone()[0]) is float


def test_types_in_a_map(driver: ModuleType, adapters: Any, connect: Callable[..., Any]) -> None:
    admin = connect(autocommit=True)
    admin.execute(SETUP)
    modules = {name: part(driver, f"types.{name}") for name in ("composite", "enum", "hstore", "range", "multirange")}
    info = modules["composite"].CompositeInfo.fetch(admin, "framework_pair")
    modules["composite"].register_composite(info, adapters)
    modules["enum"].register_enum(modules["enum"].EnumInfo.fetch(admin, "framework_mood"), adapters, Mood)
    modules["hstore"].register_hstore(part(driver, "types").TypeInfo.fetch(admin, "hstore"), adapters)
    modules["range"].register_range(modules["range"].RangeInfo.fetch(admin, "framework_range"), adapters)
    multi = modules["multirange"].MultirangeInfo.fetch(admin, "framework_multirange")
    modules["multirange"].register_multirange(multi, adapters)
    rng = modules["range"].Range(1.5, 2.5)
    values = (info.python_type(1, "x"), Mood.ok, {"a": None}, rng, modules["multirange"].Multirange([rng]))
    query = "select " + ", ".join(["%s"] * len(values))
    for binary in (False, True):
        conn = connect(context=adapters)
        for _ in range(7):
            assert conn.execute(query, values, binary=binary).fetchone() == values
            assert conn.execute(query, [[v] for v in values], binary=binary).fetchone() == tuple([v] for v in values)
    assert admin.execute("select 'ok'::framework_mood").fetchone() == ("ok",)
    admin.execute("drop type framework_pair, framework_mood, framework_range cascade")


def test_django(driver: ModuleType, adapters: Any, connect: Callable[..., Any]) -> None:
    string, rng, datetimes = (part(driver, f"types.{name}") for name in ("string", "range", "datetime"))
    adapters.register_loader("jsonb", string.TextLoader)
    adapters.register_loader("inet", string.TextLoader)

    class Zone(datetimes.TimestamptzLoader):  # type: ignore[misc, name-defined]
        timezone: Any = None

        def load(self, data: Any) -> Any:
            return super().load(data).replace(tzinfo=self.timezone)

    class SpecificZone(Zone):
        timezone = dt.timezone(dt.timedelta(hours=2))

    adapters.register_loader("timestamptz", SpecificZone)
    adapters.register_dumper(rng.Range, made(rng.RangeDumper))
    conn = connect(context=adapters)
    conn.execute("set timezone to 'UTC'")
    row = conn.execute("select '{\"a\": 1}'::jsonb, '1.2.3.4'::inet, '2020-01-01 00:00+00'::timestamptz").fetchone()
    assert row == ('{"a": 1}', "1.2.3.4", dt.datetime(2020, 1, 1, tzinfo=SpecificZone.timezone))
    # A cursor without time zones.
    cur = conn.cursor()
    cur.adapters.register_loader("timestamptz", made(Zone))
    assert cur.execute("select now()").fetchone()[0].tzinfo is None
    assert conn.execute("select now()").fetchone()[0].tzinfo is SpecificZone.timezone


class Shape:
    """A geometry or a raster."""

    def __init__(self, kind: type, data: bytes) -> None:
        self.kind, self.data = kind, data


class Geometry:
    """A key."""


class Raster:
    """Another."""


def test_geographic_library(driver: ModuleType, adapters: Any, connect: Callable[..., Any]) -> None:
    base, form = part(driver, "adapt").Dumper, part(driver, "pq").Format

    class ShapeDumper(base):  # type: ignore[misc, valid-type]
        def __init_subclass__(cls, prefix: bytes) -> None:
            super().__init_subclass__()
            cls.prefix = prefix

        def get_key(self, obj: Any, format_: Any) -> Any:
            return obj.kind

        def upgrade(self, obj: Any, format_: Any) -> Any:
            made_ = type(self)(obj.kind)
            made_.oid = 25 if obj.kind is Geometry else 17
            return made_

        def dump(self, obj: Any) -> Any:
            return self.prefix + obj.data if self.oid == 25 else b"\\x" + obj.data.hex().encode()

    class TextDumper(ShapeDumper, prefix=b"text:"):
        format = form.TEXT

    adapters.register_dumper(Shape, TextDumper)
    conn = connect(context=adapters)
    values = [Shape(Geometry, b"a"), Shape(Raster, b"b"), Shape(Geometry, b"c")]
    assert conn.execute("select %s, %s, %s", values).fetchone() == ("text:a", b"b", "text:c")
    assert conn.execute("select %s, pg_typeof(%s)::text", ([values[0]], [values[1]])).fetchone() == (
        ["text:a"],
        "bytea[]",
    )


def test_vector_library(driver: ModuleType, conn: Any) -> None:
    adapt, form = part(driver, "adapt"), part(driver, "pq").Format
    info = part(driver, "types").TypeInfo.fetch(conn, "bytea")

    class VectorDumper(adapt.Dumper):  # type: ignore[misc, name-defined]
        format = form.TEXT

        def dump(self, obj: Any) -> Any:
            return b"\\x" + obj.tobytes().hex().encode()

    class VectorBinaryDumper(VectorDumper):
        format = form.BINARY

        def dump(self, obj: Any) -> Any:
            return bytes(obj.tobytes())

    class VectorLoader(adapt.Loader):  # type: ignore[misc, name-defined]
        format = form.TEXT

        def load(self, data: Any) -> Any:
            return array.array("f", bytes.fromhex(bytes(data)[2:].decode()))

    class VectorBinaryLoader(VectorLoader):
        format = form.BINARY

        def load(self, data: Any) -> Any:
            return array.array("f", bytes(data))

    info.register(conn)
    for each in (VectorDumper, VectorBinaryDumper):
        conn.adapters.register_dumper("array.array", type("", (each,), {"oid": info.oid}))
    for each in (VectorLoader, VectorBinaryLoader):
        conn.adapters.register_loader(info.oid, each)
    value = array.array("f", [1.5, -2.5])
    for binary in (False, True):
        for placeholder in ("%s", "%t", "%b"):
            assert conn.execute(f"select {placeholder}", (value,), binary=binary).fetchone() == (value,)
        assert conn.execute("select %b", ([value, None],), binary=binary).fetchone() == ([value, None],)
    conn.execute("create temp table vectors (v bytea)")
    conn.cursor().executemany("insert into vectors values (%s)", [(value,), (None,)])
    assert conn.execute("select v from vectors").fetchall() == [(value,), (None,)]


def test_installed_under_psycopgs_name(howdah: ModuleType) -> None:

    code = """
import howdah
howdah.install_as_psycopg()
import psycopg
from psycopg import adapt, postgres, abc, types
from psycopg.adapt import AdaptersMap, Buffer, Dumper, Loader, PyFormat, RecursiveDumper, RecursiveLoader, Transformer
from psycopg.types import TypeInfo, TypesRegistry
from psycopg.types import array, bool, composite, datetime, enum, hstore, json, multirange, net, none, numeric, numpy
from psycopg.types import range, shapely, string, uuid
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.range import BaseRangeDumper, Range, RangeDumper
from psycopg.types.string import TextLoader
from psycopg.postgres import adapters, types as registry
assert psycopg.adapters is adapters is howdah.adapters and adapt is howdah.adapt
assert AdaptersMap(psycopg.adapters).get_dumper(str, PyFormat.AUTO) is string.StrDumperUnknown
print(registry["int4"].oid)
"""
    assert in_subprocess(howdah, code) == "23\n"
