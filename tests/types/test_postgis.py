"""Geometries of PostGIS through shapely, where the server has the extension: Debian's, in CI."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.adapting import part

pytest.importorskip("shapely")
shapely = importlib.import_module("shapely")
geometry = importlib.import_module("shapely.geometry")

SHAPES = [
    geometry.Point(1.5, -2.25),
    geometry.Point(1, 2, 3),
    geometry.LineString([(0, 0), (1, 1), (2, 0)]),
    geometry.Polygon([(0, 0), (4, 0), (4, 4)], [[(1, 0.5), (2, 0.5), (2, 1)]]),
    geometry.MultiPoint([(0, 0), (1, 1)]),
    geometry.GeometryCollection([geometry.Point(0, 0), geometry.LineString([(0, 0), (1, 1)])]),
]


@pytest.fixture
def postgis(connect: Callable[..., Any], driver: ModuleType) -> Any:
    """A connection that knows PostGIS's geometries."""
    conn = connect(autocommit=True)
    available = conn.execute("select 1 from pg_available_extensions where name = 'postgis'").fetchone()
    if available is None:
        pytest.skip("the server has no PostGIS")
    conn.execute("set client_min_messages to warning")
    conn.execute("create extension if not exists postgis")
    info = part(driver, "types").TypeInfo.fetch(conn, "geometry")
    part(driver, "types.shapely").register_shapely(info, conn)
    return conn


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: f"{s.geom_type}-{s.has_z}")
def test_there_and_back(postgis: Any, shape: Any) -> None:
    for binary in (False, True):
        for placeholder in ("%s", "%t", "%b"):
            cur = postgis.cursor(binary=binary)
            query = f"select {placeholder}, ST_AsText({placeholder}), pg_typeof({placeholder})::text"
            value, text, name = cur.execute(query, (shape, shape, shape)).fetchone()
            assert (value, name) == (shape, "geometry")
            assert shapely.from_wkt(text.replace("POINT Z", "POINT Z ")) == shape


def test_the_server_decides_what_is_near(postgis: Any) -> None:
    near, far = geometry.Point(0, 0), geometry.Point(3, 4)
    assert postgis.execute("select ST_Distance(%s, %s)", (near, far)).fetchone() == (5.0,)
    assert postgis.execute("select ST_Centroid(%s)", (geometry.box(0, 0, 2, 2),)).fetchone() == (geometry.Point(1, 1),)


def test_reference_systems_lists_and_rows(postgis: Any) -> None:
    place = shapely.set_srid(geometry.Point(12.5, 41.9), 4326)
    found = postgis.execute("select %s", (place,)).fetchone()[0]
    assert (found, shapely.get_srid(found)) == (place, 4326)
    for binary in (False, True):
        cur = postgis.cursor(binary=binary)
        assert cur.execute("select %s::geometry[]", ([place, None, SHAPES[0]],)).fetchone() == (
            [place, None, SHAPES[0]],
        )
    postgis.execute("create temp table places (name text, at geometry)")
    with postgis.cursor() as cur:
        cur.executemany("insert into places values (%s, %s)", [("a", SHAPES[0]), ("b", None), ("c", place)])
    for _ in range(8):
        rows = postgis.execute("select at from places order by name").fetchall()
        assert rows == [(SHAPES[0],), (None,), (place,)]
