"""Scalars of numpy where adapters are chosen by class, by OID and by name."""

from __future__ import annotations

import datetime as dt
import importlib
import itertools
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import dumper, part

pytest.importorskip("numpy")
numpy = importlib.import_module("numpy")

VALUES: list[tuple[Any, str]] = [
    (numpy.int8(-5), "smallint"), (numpy.int16(5), "smallint"), (numpy.int32(5), "integer"), (numpy.int64(5), "bigint"),
    (numpy.uint8(255), "smallint"), (numpy.uint16(65535), "integer"), (numpy.uint32(2**32 - 1), "bigint"),
    (numpy.uint64(2**64 - 1), "numeric"), (numpy.float16(1.5), "real"), (numpy.float32(1.5), "real"),
    (numpy.float64(1.1), "double precision"), (numpy.bool_(True), "boolean"), (numpy.longlong(7), "bigint"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=lambda v: type(v).__name__)
def test_types(conn: Any, value: Any, kind: str) -> None:
    for placeholder, binary in itertools.product(["%s", "%t", "%b"], [False, True]):
        query = f"select {placeholder}, pg_typeof({placeholder})::text, {placeholder}, pg_typeof({placeholder})::text"
        row = conn.execute(query, (value, value, [value, None], [value]), binary=binary).fetchone()
        assert row == (value.item(), kind, [value.item(), None], f"{kind}[]")


@pytest.mark.parametrize(("value", "kind"), VALUES, ids=lambda v: type(v).__name__)
def test_literals(conn: Any, driver: ModuleType, value: Any, kind: str) -> None:
    literal = part(driver, "adapt").Transformer(conn).as_literal(value)
    assert conn.execute(b"select " + literal).fetchone() == (value.item(),) or kind in ("real", "double precision")
    assert float(conn.execute(b"select " + literal).fetchone()[0]) == float(value)
    negative = part(driver, "adapt").Transformer(conn).as_literal(numpy.int32(-5))
    assert conn.execute(b"select 1 -" + negative).fetchone() == (6,)


def test_special_floats(conn: Any) -> None:
    for cls in (numpy.float32, numpy.float64):
        values = [cls("inf"), cls("-inf"), cls(-0.0)]
        for placeholder in ("%s", "%t", "%b"):
            assert conn.execute(f"select {placeholder}", (values,)).fetchone() == ([float(v) for v in values],)
            assert conn.execute(f"select {placeholder} = 'NaN'", (cls("nan"),)).fetchone() == (True,)


def test_in_everything(conn: Any, driver: ModuleType) -> None:
    rng = part(driver, "types.range")
    one, five = numpy.int64(1), numpy.int64(5)
    row = conn.execute(
        "select %s::text, %s, %s", ((one, numpy.float64(1.5)), rng.Int8Range(one, five), [[one], [five]])
    )
    assert row.fetchone() == ("(1,1.5)", rng.Range(1, 5), [[1], [5]])
    conn.execute("create type pg_temp.pair as (a int8, b float8)")
    composite = part(driver, "types.composite")
    info = composite.CompositeInfo.fetch(conn, "pair")
    composite.register_composite(info, conn)
    value = info.python_type(one, numpy.float64(2.5))
    for placeholder in ("%s", "%b"):
        assert conn.execute(f"select {placeholder}", (value,)).fetchone() == ((1, 2.5),)


@pytest.mark.parametrize("value", [numpy.complex128(1), numpy.datetime64("2020-01-01"), numpy.array([1, 2])], ids=repr)
def test_what_has_no_dumper(conn: Any, driver: ModuleType, value: Any) -> None:
    with pytest.raises(driver.ProgrammingError, match="cannot adapt type"):
        conn.execute("select %s", (value,))


def test_subclasses_of_strings_and_bytes(conn: Any) -> None:
    row = conn.execute(
        "select %s::text, %s, %s::text[]", (numpy.str_("x"), numpy.bytes_(b"y"), [numpy.str_("z")])
    ).fetchone()
    assert row == ("x", b"y", ["z"])


def test_registered_by_the_user(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_dumper(
        numpy.ndarray, dumper(driver, lambda v: ("{" + ",".join(map(str, v.tolist())) + "}").encode(), oid=1022)
    )
    conn.adapters.register_dumper("numpy.datetime64", dumper(driver, lambda v: str(v.item()).encode(), oid=1082))
    row = conn.execute("select %s, %s", (numpy.array([1.5, 2.5]), numpy.datetime64("2020-01-02"))).fetchone()
    assert row == ([1.5, 2.5], dt.date(2020, 1, 2))
    conn.adapters.register_dumper(numpy.int64, dumper(driver, lambda v: str(int(v) + 1).encode(), oid=23))
    assert conn.execute("select %s, %s, %s", (numpy.int64(1), numpy.int32(1), [numpy.int64(5)])).fetchone() == (
        2,
        1,
        [6],
    )


def test_by_oid(conn: Any, driver: ModuleType) -> None:
    form, adapt = part(driver, "pq").Format, part(driver, "adapt")
    for wanted in form:
        tx = adapt.Transformer(conn)
        tx.set_dumper_types([20, 701, 1700], wanted)
        values = (numpy.int64(5), numpy.float64(1.5), numpy.uint64(7))
        found = [bytes(v) for v in tx.dump_sequence(values, [adapt.PyFormat.from_pq(wanted)] * 3)]
        tx.set_loader_types([20, 701, 1700], wanted)
        assert tx.load_sequence(found) == (5, 1.5, Decimal(7))
