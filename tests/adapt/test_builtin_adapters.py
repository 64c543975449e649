"""Built-in adapters that users subclass, the way frameworks do."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import json
import struct
import uuid
from decimal import Decimal
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.adapting import Thing, made, part

UTC = dt.timezone.utc


ROME = ZoneInfo("Europe/Rome")


TSRANGE, TSTZRANGE, TEXT, INT8, REGCLASS = 3908, 3910, 25, 20, 2205


@pytest.mark.parametrize("binary", [False, True])
def test_timestamptz_in_another_zone(conn: Any, driver: ModuleType, binary: bool) -> None:
    # As Django does: the zone of the connection is replaced by the one of the application.
    name = "TimestamptzBinaryLoader" if binary else "TimestamptzLoader"
    base = getattr(part(driver, "types.datetime"), name)

    def load(self: Any, data: Any) -> Any:
        return base.load(self, data).replace(tzinfo=self.timezone)

    conn.execute("set timezone to 'America/New_York'")
    conn.adapters.register_loader("timestamptz", made(base, load=load, timezone=ROME))
    row = conn.execute("select '2020-07-01 12:00+00'::timestamptz, array['2020-01-01 00:00+00'::timestamptz],"
        " tstzrange('2020-01-01 00:00+00', null)", binary=binary).fetchone()  # fmt: skip
    assert (row[0], row[0].tzinfo) == (dt.datetime(2020, 7, 1, 8, tzinfo=ROME), ROME)
    assert row[1][0].tzinfo is ROME
    assert row[2].lower == dt.datetime(2019, 12, 31, 19, tzinfo=ROME)


def test_range_dumper_that_sets_the_oid(conn: Any, driver: ModuleType) -> None:
    # As Django does: ranges of naive datetimes go to tstzrange.
    rng = part(driver, "types.range")

    def upgrade(self: Any, obj: Any, form: Any) -> Any:
        found = rng.RangeDumper.upgrade(self, obj, form)
        if found is not self and found.oid == TSRANGE:
            found.oid = TSTZRANGE
        return found

    naive, aware = dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=UTC)
    values = [
        rng.Range(naive, None),
        rng.Range(aware, None),
        rng.Range(1, 5),
        rng.Range(dt.date(2020, 1, 1)),
        rng.Range(),
    ]
    query = "select " + ", ".join(["pg_typeof(%s)::text"] * 4)
    assert conn.execute(query, [values[0], values[1], values[3], [values[0]]]).fetchone()[0] == "tsrange"
    conn.adapters.register_dumper(rng.Range, made(rng.RangeDumper, upgrade=upgrade))
    assert conn.execute(query, [*values[:2], values[3], [values[0]]]).fetchone() == (
        "tstzrange", "tstzrange", "daterange", "tstzrange[]",
    )  # fmt: skip
    row = conn.execute(
        "select %s::int8range, %s::int4range, %s::numrange", (values[2], values[4], values[2])
    ).fetchone()
    assert row == (rng.Range(1, 5), rng.Range(bounds="()"), rng.Range(Decimal(1), Decimal(5)))


def test_another_loader_for_a_type(conn: Any, driver: ModuleType) -> None:
    text, numeric = part(driver, "types.string").TextLoader, part(driver, "types.numeric")
    for name in ("jsonb", "inet", "cidr", "uuid", "date"):
        conn.adapters.register_loader(name, text)
    conn.adapters.register_loader("numeric", numeric.FloatLoader)
    conn.adapters.register_loader("int8", numeric.NumericLoader)
    conn.adapters.register_loader("text", part(driver, "types.string").ByteaBinaryLoader)
    row = conn.execute("""select '{"a": 1}'::jsonb, '1.2.3.4'::inet, '1.0.0.0/8'::cidr,
        '12345678-1234-5678-1234-567812345679'::uuid, '2020-01-01'::date, 1.5, 7::int8, array[1.5, null]""").fetchone()
    assert row == (
        '{"a": 1}', "1.2.3.4", "1.0.0.0/8", "12345678-1234-5678-1234-567812345679", "2020-01-01", 1.5, Decimal(7),
        [1.5, None],
    )  # fmt: skip
    assert [type(v) for v in row[5:7]] == [float, Decimal]
    # That loader was for the binary format.
    assert conn.execute("select 'x'::text").fetchone() == ("x",)
    assert conn.execute("select 'x'::text", binary=True).fetchone() == (b"x",)


def test_binary_loader_for_another_type(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_loader("oid", part(driver, "types.numeric").Int4BinaryLoader)
    conn.adapters.register_loader("timestamptz", part(driver, "types.datetime").TimestampBinaryLoader)
    conn.adapters.register_loader("uuid", part(driver, "types.string").ByteaBinaryLoader)
    query = "select 4294967295::oid, '2020-01-01 05:00+05'::timestamptz, '12345678-1234-5678-1234-567812345679'::uuid"
    for _ in range(3):
        row = conn.execute(query, binary=True).fetchone()
        assert row == (-1, dt.datetime(2020, 1, 1), uuid.UUID("12345678-1234-5678-1234-567812345679").bytes)


def test_text_loader(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "types.string").TextLoader
    conn.adapters.register_loader("text", made(base, load=lambda self, data: base.load(self, data).upper()))
    conn.adapters.register_loader("varchar", made(base))
    row = conn.execute("select 'aé'::text, 'b'::varchar, array['c'::text, null], null::text").fetchone()
    assert row == ("AÉ", "b", ["C", None], None)


def test_numeric_as_float(conn: Any, driver: ModuleType) -> None:
    numeric = part(driver, "types.numeric")
    for name in ("NumericLoader", "NumericBinaryLoader"):
        base = getattr(numeric, name)
        conn.adapters.register_loader("numeric", made(base, load=lambda self, data, b=base: float(b.load(self, data))))
    for binary in (False, True):
        row = conn.execute("select 1.25, array[1.5, null], numrange(1, 2), 'NaN'::numeric", binary=binary).fetchone()
        assert row[:2] == (1.25, [1.5, None])
        assert repr(row[2]) == "Range(1.0, 2.0, '[)')"
        assert row[3] != row[3]


def test_str_dumper(conn: Any, driver: ModuleType) -> None:
    string = part(driver, "types.string")
    query = "select pg_typeof(%s)::text, %s || '', pg_typeof(%s)::text"
    conn.adapters.register_dumper(str, string.StrDumper)
    assert conn.execute(query, ("a", "b", ["c"])).fetchone() == ("text", "b", "text[]")
    base = string.StrDumperVarchar
    conn.adapters.register_dumper(str, made(base, dump=lambda self, obj: base.dump(self, obj.strip())))
    assert conn.execute(query, (" a ", " b ", [" c "])).fetchone() == ("character varying", "b", "character varying[]")
    # A NUL is refused by the base.
    with pytest.raises(driver.DataError):
        conn.execute("select %s", ("a\0b",))


def test_int_dumper(conn: Any, driver: ModuleType) -> None:
    numeric = part(driver, "types.numeric")
    query = "select pg_typeof(%s)::text, pg_typeof(%s)::text, pg_typeof(%s)::text"
    conn.adapters.register_dumper(int, numeric.Int8Dumper)
    assert conn.execute(query, (1, 2**40, [1])).fetchone() == ("bigint", "bigint", "bigint[]")
    assert conn.execute(query, (True, numeric.Int2(1), [True])).fetchone() == ("boolean", "smallint", "boolean[]")
    conn.adapters.register_dumper(int, made(numeric.IntDumper))
    assert conn.execute(query, (1, 2**40, [1])).fetchone() == ("smallint", "bigint", "smallint[]")
    conn.adapters.register_dumper(int, made(numeric.IntNumericDumper, oid=TEXT))
    assert conn.execute(query, (1, 2**70, [1])).fetchone() == ("text", "text", "text[]")


def test_int_dumper_that_upgrades_otherwise(conn: Any, driver: ModuleType) -> None:
    numeric = part(driver, "types.numeric")

    def upgrade(self: Any, obj: int, form: Any) -> Any:
        found = numeric.IntDumper.upgrade(self, obj, form)
        return numeric.Int8Dumper(numeric.Int8) if found.oid < INT8 or found.oid in (21, 23) else found

    conn.adapters.register_dumper(int, made(numeric.IntDumper, upgrade=upgrade))
    query = "select pg_typeof(%s)::text, pg_typeof(%s)::text, pg_typeof(%s)::text"
    assert conn.execute(query, (1, 2**20, 2**70)).fetchone() == ("bigint", "bigint", "numeric")
    assert conn.execute("select %s, %s", (1, [1, 2**20])).fetchone() == (1, [1, 2**20])


def test_dispatchers_of_ints_do_not_dump(driver: ModuleType) -> None:
    numeric = part(driver, "types.numeric")
    for cls in (numeric.IntDumper, numeric.IntBinaryDumper):
        with pytest.raises(TypeError, match=r"is a dispatcher to other dumpers: dump\(\) is not supposed to be called"):
            cls(int).dump(5)


def test_list_dumper(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "types.array").ListDumper
    conn.adapters.register_dumper(list, made(base, dump=lambda self, obj: base.dump(self, sorted(obj))))
    assert conn.execute("select %s, %s::text[], %t", ([3, 1, 2], ["b", "a"], [2.5, 1.5])).fetchone() == (
        [1, 2, 3], ["a", "b"], [1.5, 2.5],
    )  # fmt: skip
    assert conn.execute("select %b, %s::int[]", ([3, 1], [])).fetchone() == ([3, 1], [])
    binary = part(driver, "types.array").ListBinaryDumper
    conn.adapters.register_dumper(list, made(binary, dump=lambda self, obj: binary.dump(self, obj[::-1])))
    assert conn.execute("select %s, pg_typeof(%s)::text", ([3, 1], [2**40])).fetchone() == ([1, 3], "bigint[]")


def test_list_dumper_for_other_classes(conn: Any, driver: ModuleType) -> None:
    array = part(driver, "types.array")
    base = array.ListDumper

    def get_key(self: Any, obj: Any, form: Any) -> Any:
        return base.get_key(self, list(obj), form)

    def upgrade(self: Any, obj: Any, form: Any) -> Any:
        return base.upgrade(self, list(obj), form)

    as_list = made(base, get_key=get_key, upgrade=upgrade, dump=lambda self, obj: base.dump(self, list(obj)))
    conn.adapters.register_dumper(set, as_list)
    conn.adapters.register_dumper(tuple, as_list)
    row = conn.execute("select %s, %s, pg_typeof(%s)::text", ({5}, (1, None, 2**20), (2**40,))).fetchone()
    assert row == ([5], [1, None, 2**20], "bigint[]")
    assert conn.execute("select 5 = any(%s), 'x' = any(%s)", ((1, 5), ("x",))).fetchone() == (True, True)


def test_jsonb_dumper_with_its_own_dumps(conn: Any, driver: ModuleType) -> None:
    module = part(driver, "types.json")

    class Encoder(json.JSONEncoder):
        def default(self, o: Any) -> Any:
            return str(o)

    for base in (module.JsonbDumper, module.JsonbBinaryDumper):
        conn.adapters.register_dumper(module.Jsonb, made(base, _dumps=lambda obj: json.dumps(obj, cls=Encoder)))
        row = conn.execute("select %s, pg_typeof(%s)::text", [module.Jsonb({"d": dt.date(2020, 1, 1)})] * 2).fetchone()
        assert row == ({"d": "2020-01-01"}, "jsonb")
    own = module.Jsonb({"d": 1}, dumps=lambda obj: b'"own"')
    assert conn.execute("select %s, %s", (own, [own])).fetchone() == ("own", ["own"])


def test_dict_as_json(conn: Any, driver: ModuleType) -> None:
    # As many applications do.
    module = part(driver, "types.json")
    with pytest.raises(driver.ProgrammingError, match="cannot adapt type 'dict'"):
        conn.execute("select %s", ({},))
    conn.rollback()
    conn.adapters.register_dumper(dict, module.JsonbDumper)
    row = conn.execute("select %s, pg_typeof(%s)::text, %s", ({"a": [1]}, {}, [{"b": None}])).fetchone()
    assert row == ({"a": [1]}, "jsonb", [{"b": None}])
    conn.adapters.register_dumper(dict, module.JsonBinaryDumper)
    assert conn.execute("select pg_typeof(%s)::text", ({"a": 1},)).fetchone() == ("json",)


def test_json_loader(conn: Any, driver: ModuleType) -> None:
    module = part(driver, "types.json")
    for name in ("JsonbLoader", "JsonbBinaryLoader", "JsonLoader", "JsonBinaryLoader"):
        base = getattr(module, name)
        conn.adapters.register_loader(
            "jsonb" if "Jsonb" in name else "json", made(base, _loads=lambda s: json.loads(s, parse_float=Decimal))
        )
    for binary in (False, True):
        row = conn.execute("select '[1.5]'::jsonb, '[1.5]'::json, array['2.5'::jsonb]", binary=binary).fetchone()
        assert row == ([Decimal("1.5")], [Decimal("1.5")], [Decimal("2.5")])


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    ("name", "expression", "expected"),
    [
        ("numeric.Int{}Loader", "-7::int4", -7), ("bool.Bool{}Loader", "true", True),
        ("datetime.Date{}Loader", "'2020-01-02'::date", dt.date(2020, 1, 2)),
        ("datetime.Time{}Loader", "'12:30'::time", dt.time(12, 30)),
        ("datetime.Timestamp{}Loader", "'2020-01-02 03:04'::timestamp", dt.datetime(2020, 1, 2, 3, 4)),
        ("datetime.Interval{}Loader", "'1 day 2 seconds'::interval", dt.timedelta(1, 2)),
        ("uuid.UUID{}Loader", "'12345678-1234-5678-1234-567812345679'::uuid",
            uuid.UUID("12345678-1234-5678-1234-567812345679")),
        ("string.Bytea{}Loader", "'\\x0001'::bytea", b"\0\1"), ("numeric.Float8{}Loader", "1.5::float8", 1.5),
        ("array.Array{}Loader", "'{1,NULL}'::int4[]", [1, None]), ("json.Jsonb{}Loader", "'[1]'::jsonb", [1]),
        ("composite.Record{}Loader", "row('a'::text, null::text)", ("a", None)),
    ],
)  # fmt: skip
def test_every_kind_of_loader(
    conn: Any, driver: ModuleType, name: str, expression: str, expected: Any, binary: bool
) -> None:
    home, _, cls = name.format("Binary" if binary else "").partition(".")
    cls = {"IntBinaryLoader": "Int4BinaryLoader", "Float8Loader": "FloatLoader"}.get(cls, cls)
    base = getattr(part(driver, f"types.{home}"), cls)
    own = {"base_oid": 23} if cls == "ArrayLoader" else {}
    wrapped = made(base, load=lambda self, data: ("mine", base.load(self, bytes(data))), **own)
    oid = conn.execute(f"select {expression}").description[0].type_code
    conn.adapters.register_loader(oid, wrapped)
    assert conn.execute(f"select {expression}", binary=binary).fetchone() == (("mine", expected),)


@pytest.mark.parametrize(
    ("name", "value", "cast"),
    [
        ("numeric.Float{}Dumper", 1.5, "float8"), ("bool.Bool{}Dumper", True, "bool"),
        ("datetime.Date{}Dumper", dt.date(2020, 1, 2), "date"), ("string.Bytes{}Dumper", b"\0x", "bytea"),
        ("datetime.Datetime{}Dumper", dt.datetime(2020, 1, 2, tzinfo=UTC), "timestamptz"),
        ("datetime.Datetime{}Dumper", dt.datetime(2020, 1, 2), "timestamp"),
        ("datetime.Time{}Dumper", dt.time(12), "time"), ("datetime.Time{}Dumper", dt.time(12, tzinfo=UTC), "timetz"),
        ("datetime.Timedelta{}Dumper", dt.timedelta(1, 5), "interval"), ("uuid.UUID{}Dumper", uuid.UUID(int=5), "uuid"),
        ("numeric.Decimal{}Dumper", Decimal("1.50"), "numeric"), ("array.List{}Dumper", [1, 2], "int[]"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("binary", [False, True])
def test_every_kind_of_dumper(conn: Any, driver: ModuleType, name: str, value: Any, cast: str, binary: bool) -> None:
    home, _, cls = name.format("Binary" if binary else "").partition(".")
    base = getattr(part(driver, f"types.{home}"), cls)
    conn.adapters.register_dumper(type(value), base)
    plain = conn.execute("select pg_typeof(%s)::text, %s::text", (value, value)).fetchone()
    calls = []

    def dump(self: Any, obj: Any) -> Any:
        calls.append(obj)
        return base.dump(self, obj)

    upgraded = name.startswith(("datetime.Datetime", "datetime.Time{}")) and (
        (getattr(value, "tzinfo", None) is None) == isinstance(value, dt.datetime)
    )
    conn.adapters.register_dumper(type(value), made(base, dump=dump))
    query = f"select %s::{cast}, pg_typeof(%s)::text, %s::text"
    row = conn.execute(query, (value, value, value)).fetchone()
    assert row == (value, *plain)
    assert calls == ([] if upgraded else [value] * 3)


def test_all_adapters_can_be_subclassed_and_made(driver: ModuleType) -> None:
    count = 0
    for home in ("array", "bool", "datetime", "hstore", "json", "multirange", "net", "numeric", "numpy", "range",
                 "string", "uuid"):  # fmt: skip
        module = importlib.import_module(f"{driver.__name__}.types.{home}")
        for name, cls in vars(module).items():
            is_own = inspect.isclass(cls) and cls.__module__ == module.__name__ and not inspect.isabstract(cls)
            if not is_own or not name.endswith(("Dumper", "Loader")) or name.startswith(("_", "Base")):
                continue
            own = {"base_oid": 23} if name == "ArrayLoader" else {}
            own |= {"subtype_oid": 23} if name in ("RangeLoader", "RangeBinaryLoader") else {}
            own |= {"subtype_oid": 23} if name in ("MultirangeLoader", "MultirangeBinaryLoader") else {}
            instance = made(cls, **own)(int if name.endswith("Dumper") else 23)
            assert instance.connection is None
            assert callable(instance.dump if name.endswith("Dumper") else instance.load)
            count += 1
    assert count > 120


def test_subclasses_of_subclasses(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "types.datetime").DateLoader
    first = made(base, load=lambda self, data: [base.load(self, data)])
    second = made(first, load=lambda self, data: (*first.load(self, data), "second"))
    third = made(second)
    conn.adapters.register_loader("date", third)
    assert conn.execute("select '2020-01-02'::date").fetchone() == ((dt.date(2020, 1, 2), "second"),)


def test_mixing_in(conn: Any, driver: ModuleType) -> None:
    class Logged:
        seen: list[Any] = []

        def load(self, data: Any) -> Any:
            value = super().load(data)  # type: ignore[misc]
            self.seen.append(value)
            return value

    loader = type("LoggedInt", (Logged, part(driver, "types.numeric").IntLoader), {})
    conn.adapters.register_loader("int4", loader)
    assert conn.execute("select 5, array[6]").fetchone() == (5, [6])
    assert sorted(Logged.seen) == [5, 6]


def test_attributes_set_by_subclasses(conn: Any, driver: ModuleType) -> None:
    string, numeric = part(driver, "types.string"), part(driver, "types.numeric")
    conn.adapters.register_dumper(Thing, made(string.StrDumper, dump=lambda self, obj: str(obj.value).encode()))
    conn.adapters.register_dumper(Decimal, made(numeric.DecimalDumper, oid=701))
    row = conn.execute("select pg_typeof(%s)::text, pg_typeof(%s)::text", (Thing(5), Decimal(1))).fetchone()
    assert row == ("text", "double precision")


def test_date_style_of_a_subclass(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "types.datetime").DateLoader
    conn.adapters.register_loader("date", made(base))
    for style in ("ISO, DMY", "German", "SQL, DMY", "SQL, MDY", "Postgres, DMY", "Postgres, MDY"):
        conn.execute(f"set datestyle to '{style}'")
        assert conn.execute("select '2020-11-02'::date").fetchone() == (dt.date(2020, 11, 2),)


class SubFloat(float):
    """A float that a program sends in its own way."""


@pytest.mark.parametrize(
    "name", ["Int2Dumper", "Int4Dumper", "Int4BinaryDumper", "IntNumericDumper", "OidBinaryDumper"]
)
def test_dumper_of_integers_for_a_float(conn: Any, driver: ModuleType, name: str) -> None:
    conn.adapters.register_dumper(SubFloat, getattr(part(driver, "types.numeric"), name))
    with pytest.raises((TypeError, AttributeError, struct.error, driver.DataError)):
        conn.execute("select %s", (SubFloat(1.9),))


@pytest.mark.parametrize(
    ("name", "oid", "width"),
    [("Int4BinaryDumper", REGCLASS, 4), ("OidBinaryDumper", REGCLASS, 4), ("Int2BinaryDumper", 0, 2)],
)
def test_width_of_a_subclass_with_another_type(driver: ModuleType, name: str, oid: int, width: int) -> None:
    derived = made(getattr(part(driver, "types.numeric"), name), oid=oid)
    assert len(derived(int).dump(5)) == width


def test_regclass_in_binary(conn: Any, driver: ModuleType) -> None:
    derived = made(part(driver, "types.numeric").OidBinaryDumper, oid=REGCLASS)
    conn.adapters.register_dumper(Thing, made(derived, dump=lambda self, thing: derived.dump(self, thing.value)))
    assert conn.execute("select %s::text", (Thing(1259),)).fetchone() == ("pg_class",)


@pytest.mark.parametrize("text", ["Nobody", "sold"])
def test_dumper_of_decimals_for_something_else(howdah: ModuleType, dsn: str, text: str) -> None:
    shown = made(Thing, __str__=lambda self: text)
    for name in ("DecimalDumper", "DecimalBinaryDumper"):
        with howdah.connect(dsn) as conn:
            conn.adapters.register_dumper(shown, getattr(part(howdah, "types.numeric"), name))
            with pytest.raises((howdah.DataError, TypeError, AttributeError)):
                conn.execute("select %s::text", (shown(1),))
