//! The crate's own shapes.

use super::{scalar_from_sql, scalar_to_sql};
use crate::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use crate::{memory, oid};

/// How many bytes a point takes at most, in either format.
const LONGEST: usize = 64;

macro_rules! shapes {
    ($($shape:ty, $oid:path, |$value:ident| $points:expr;)+) => {
        $(
            scalar_to_sql!($shape, $oid, |$value, out|
                binary {
                    memory::room(out, LONGEST * $points)?;
                    $value.to_binary(out);
                },
                text {
                    memory::room(out, LONGEST * $points)?;
                    $value.to_text(out);
                });

            scalar_from_sql!($shape, |raw, ctx| {
                $oid => Self::from_text(raw), Self::from_binary(raw);
            });
        )+
    };
}

shapes! {
    Point, oid::POINT, |value| 1;
    Line, oid::LINE, |value| 2;
    Segment, oid::LSEG, |value| 2;
    Rectangle, oid::BOX, |value| 2;
    Path, oid::PATH, |value| 1 + value.points.len();
    Polygon, oid::POLYGON, |value| 1 + value.points.len();
    Circle, oid::CIRCLE, |value| 2;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSql, LoadContext, ToSql};

    #[test]
    fn boxes_are_separated_by_semicolons() {
        let corner = |x, y| Point { x, y };
        let value = Rectangle {
            high: corner(3.0, 4.0),
            low: corner(1.0, 2.0),
        };
        let list = vec![value, value];
        let mut out = Vec::new();
        list.to_sql(oid::BOX_ARRAY.into(), Format::Text, &mut out)
            .unwrap();
        assert_eq!(out, b"{(3,4),(1,2);(3,4),(1,2)}");
        let ctx = LoadContext::default();
        let back = Vec::from_sql(oid::BOX_ARRAY.into(), Format::Text, &out, &ctx);
        assert_eq!(back, Ok(list.clone()));
        out.clear();
        list.to_sql(oid::BOX_ARRAY.into(), Format::Binary, &mut out)
            .unwrap();
        let back = Vec::from_sql(oid::BOX_ARRAY.into(), Format::Binary, &out, &ctx);
        assert_eq!(back, Ok(list));
        assert!(Point::from_sql(oid::BOX.into(), Format::Text, b"(1,2)", &ctx).is_err());
    }
}
