"""Geometries of shapely. PostGIS is not at hand: text and bytea stand in for its type, hexadecimal and binary."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest

from support.adapting import part

pytest.importorskip("shapely")
shapely = importlib.import_module("shapely")
geometry = importlib.import_module("shapely.geometry")

TEXT, BYTEA = 25, 17
SHAPES = [
    geometry.Point(1.5, -2.25), geometry.Point(1, 2, 3), geometry.LineString([(0, 0), (1, 1),
    (2, 0)]), geometry.Point(),
    geometry.Polygon([(0, 0), (4, 0), (4, 4)], [[(1, 0.5), (2, 0.5), (2, 1)]]), geometry.MultiPoint([(0, 0), (1, 1)]),
    geometry.GeometryCollection([geometry.Point(0, 0), geometry.LineString([(0, 0), (1, 1)])]),
]  # fmt: skip


def register(driver: ModuleType, conn: Any, oid: int, array_oid: int) -> None:
    info = part(driver, "types").TypeInfo("geometry", oid, array_oid)
    part(driver, "types.shapely").register_shapely(info, conn)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.geom_type)
def test_text(conn: Any, driver: ModuleType, shape: Any) -> None:
    register(driver, conn, TEXT, 1009)
    row = conn.execute("select %t, pg_typeof(%t)::varchar, %t, null::text", (shape, shape, [shape, None])).fetchone()
    assert row == (shape, "text", [shape, None], None)
    hexadecimal = conn.execute("select %t::varchar", (shape,)).fetchone()[0]
    assert hexadecimal == shapely.to_wkb(shape, hex=True, include_srid=True)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.geom_type)
def test_binary(conn: Any, driver: ModuleType, shape: Any) -> None:
    register(driver, conn, BYTEA, 1001)
    cur = conn.cursor(binary=True)
    for placeholder in ("%s", "%b"):
        row = cur.execute(f"select {placeholder}, length({placeholder}), %b", (shape, shape, [shape, None])).fetchone()
        assert row == (shape, len(shapely.to_wkb(shape)), [shape, None])


def test_reference_system_is_kept(conn: Any, driver: ModuleType) -> None:
    shape = shapely.set_srid(geometry.Point(1, 2), 4326)
    register(driver, conn, TEXT, 1009)
    found = conn.execute("select %t", (shape,)).fetchone()[0]
    assert shapely.get_srid(found) == 4326
    register(driver, conn, BYTEA, 1001)
    found = conn.execute("select %b", (shape,), binary=True).fetchone()[0]
    assert shapely.get_srid(found) == 4326


def test_nested(conn: Any, driver: ModuleType) -> None:
    conn.execute("create type pg_temp.place as (name varchar, at text)")
    composite = part(driver, "types.composite")
    info = composite.CompositeInfo.fetch(conn, "place")
    register(driver, conn, TEXT, 1009)
    composite.register_composite(info, conn)
    value = info.python_type("x", SHAPES[0])
    for placeholder in ("%s", "%t"):
        assert conn.execute(f"select {placeholder}, {placeholder}", (value, [value])).fetchone() == (value, [value])


def test_what_is_no_geometry(conn: Any, driver: ModuleType) -> None:
    register(driver, conn, TEXT, 1009)
    with pytest.raises(shapely.errors.ShapelyError):
        conn.execute("select 'wat'::text").fetchone()
    assert conn.execute("select 5").fetchone() == (5,)


def test_no_info_and_contexts(conn: Any, driver: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"no info passed\. Is the 'postgis' extension loaded\?"):
        part(driver, "types.shapely").register_shapely(None, conn)
    cur = conn.cursor()
    register(driver, cur, TEXT, 1009)
    hexadecimal = SHAPES[0].wkb_hex
    assert cur.execute(f"select '{hexadecimal}'::text").fetchone() == (SHAPES[0],)
    assert conn.execute(f"select '{hexadecimal}'::text").fetchone() == (hexadecimal,)
    with pytest.raises(driver.ProgrammingError, match="cannot adapt type 'Point'"):
        conn.execute("select %s", (SHAPES[0],))


def test_classes(driver: ModuleType, conn: Any) -> None:
    register(driver, conn, 99990, 99991)
    formats = part(driver, "adapt").PyFormat
    base = geometry.base.BaseGeometry
    found = [conn.adapters.get_dumper(geometry.Point, f) for f in (formats.AUTO, formats.TEXT, formats.BINARY)]
    assert [cls.__name__ for cls in found] == ["GeometryBinaryDumper", "GeometryDumper", "GeometryBinaryDumper"]
    assert {cls.oid for cls in found} == {99990}
    assert conn.adapters.get_dumper(base, formats.TEXT) is found[1]
    register(driver, conn, 99990, 99991)
    assert conn.adapters.get_dumper(base, formats.TEXT) is found[1]
