//! geo-types' shapes of `f64`: `Coord` and `Point` as `point`, `Line` as `lseg`, `Rect` as `box`, `LineString` as `path`
//! and `Polygon` as `polygon`.
//!
//! A closed path is a line string that ends where it starts. A polygon with holes cannot be sent.

use geo_types::{Coord, Line, LineString, Point, Polygon, Rect};

use super::{from_sql_as, to_sql_as};
use crate::EncodeError;
use crate::geometry as pg;

to_sql_as!(Coord<f64>, pg::Point, |value| from_coord(*value));
to_sql_as!(Point<f64>, pg::Point, |value| from_coord(value.0));
to_sql_as!(Line<f64>, pg::Segment, |value| pg::Segment {
    start: from_coord(value.start),
    end: from_coord(value.end),
});
to_sql_as!(Rect<f64>, pg::Rectangle, |value| pg::Rectangle {
    high: from_coord(value.max()),
    low: from_coord(value.min()),
});
to_sql_as!(LineString<f64>, pg::Path, |value| from_line_string(value));
to_sql_as!(Polygon<f64>, pg::Polygon, |value| from_polygon(value)?);

from_sql_as!(Coord<f64>, pg::Point, |point| Ok(coord(point)));
from_sql_as!(Point<f64>, pg::Point, |point| Ok(Self(coord(point))));
from_sql_as!(Line<f64>, pg::Segment, |segment| Ok(Self::new(
    coord(segment.start),
    coord(segment.end)
)));
from_sql_as!(Rect<f64>, pg::Rectangle, |rectangle| Ok(Self::new(
    coord(rectangle.low),
    coord(rectangle.high)
)));
from_sql_as!(LineString<f64>, pg::Path, |path| {
    let mut line = line_string(path.points);
    if path.closed {
        line.0.extend(line.0.first().copied());
    }
    Ok(line)
});
from_sql_as!(Polygon<f64>, pg::Polygon, |polygon| Ok(Self::new(
    line_string(polygon.points),
    Vec::new()
)));

const fn from_coord(coord: Coord<f64>) -> pg::Point {
    pg::Point {
        x: coord.x,
        y: coord.y,
    }
}

const fn coord(point: pg::Point) -> Coord<f64> {
    Coord {
        x: point.x,
        y: point.y,
    }
}

fn from_line_string(line: &LineString<f64>) -> pg::Path {
    let closed = line.0.len() > 1 && line.is_closed();
    pg::Path {
        closed,
        points: points(line, closed),
    }
}

/// geo-types closes each ring by repeating its first point; PostgreSQL does not.
fn from_polygon(polygon: &Polygon<f64>) -> Result<pg::Polygon, EncodeError> {
    if !polygon.interiors().is_empty() {
        return Err(EncodeError::new("polygon", "it has holes"));
    }
    let ring = polygon.exterior();
    Ok(pg::Polygon {
        points: points(ring, ring.0.len() > 1 && ring.is_closed()),
    })
}

/// The points of a line, without the last where that is the first again.
fn points(line: &LineString<f64>, closed: bool) -> Vec<pg::Point> {
    let count = line.0.len() - usize::from(closed);
    line.0.iter().take(count).copied().map(from_coord).collect()
}

fn line_string(points: Vec<pg::Point>) -> LineString<f64> {
    LineString::new(points.into_iter().map(coord).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSqlOwned, LoadContext, ToSql, oid};

    fn round_trip<T>(ty: u32, value: T, text: &str)
    where
        T: ToSql + FromSqlOwned + PartialEq + std::fmt::Debug,
    {
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        value.to_sql(ty.into(), Format::Binary, &mut out).unwrap();
        assert_eq!(
            T::from_sql(ty.into(), Format::Binary, &out, &ctx).as_ref(),
            Ok(&value)
        );
        out.clear();
        value.to_sql(ty.into(), Format::Text, &mut out).unwrap();
        assert_eq!(out, text.as_bytes());
        assert_eq!(T::from_sql(ty.into(), Format::Text, &out, &ctx), Ok(value));
    }

    #[test]
    fn shapes() {
        let [a, b, c] = [(1.0, 2.5), (3.0, 4.0), (5.0, -6.0)].map(Coord::from);
        round_trip(oid::POINT, a, "(1,2.5)");
        round_trip(oid::POINT, Point(a), "(1,2.5)");
        round_trip(oid::LSEG, Line::new(a, b), "[(1,2.5),(3,4)]");
        round_trip(oid::BOX, Rect::new(b, a), "(3,4),(1,2.5)");
        round_trip(
            oid::PATH,
            LineString::new(vec![a, b, c]),
            "[(1,2.5),(3,4),(5,-6)]",
        );
        round_trip(
            oid::PATH,
            LineString::new(vec![a, b, c, a]),
            "((1,2.5),(3,4),(5,-6))",
        );
        let ring = LineString::new(vec![a, b, c]);
        round_trip(
            oid::POLYGON,
            Polygon::new(ring.clone(), Vec::new()),
            "((1,2.5),(3,4),(5,-6))",
        );
        let holed = Polygon::new(ring.clone(), vec![ring]);
        assert!(
            holed
                .to_sql(oid::POLYGON.into(), Format::Binary, &mut Vec::new())
                .is_err()
        );
    }
}
