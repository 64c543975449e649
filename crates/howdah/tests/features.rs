//! Types of other crates, there and back through a real server, before and after the statement is prepared.

mod common;

use std::fmt::Debug;

use howdah::types::FromSqlOwned;
use howdah::{Connection, ToSql};

/// Sends a value as the type `ty` often enough for both formats, and compares what comes back.
#[allow(dead_code)]
fn there_and_back<T: ToSql + FromSqlOwned + PartialEq + Debug>(
    conn: &mut Connection,
    ty: &str,
    value: T,
) {
    let sql = format!("SELECT $1::{ty}");
    for _ in 0..8 {
        let row = conn.query_one(&sql, (&value,)).unwrap();
        assert_eq!(row.get::<T>(0).unwrap(), value, "{ty}");
    }
}

#[cfg(feature = "chrono")]
#[test]
fn chrono() {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
    let mut conn = common::connect_without_autocommit();
    there_and_back::<NaiveDate>(&mut conn, "date", "2024-02-29".parse().unwrap());
    there_and_back::<NaiveTime>(&mut conn, "time", "23:59:59.999999".parse().unwrap());
    there_and_back::<NaiveDateTime>(
        &mut conn,
        "timestamp",
        "1999-12-31T23:59:59.5".parse().unwrap(),
    );
    there_and_back::<DateTime<Utc>>(
        &mut conn,
        "timestamptz",
        "2030-06-01T12:00:00.000001Z".parse().unwrap(),
    );
}

#[cfg(feature = "jiff")]
#[test]
fn jiff() {
    use jiff::Timestamp;
    use jiff::civil::{Date, DateTime, Time};
    let mut conn = common::connect_without_autocommit();
    there_and_back::<Date>(&mut conn, "date", "2024-02-29".parse().unwrap());
    there_and_back::<Time>(&mut conn, "time", "23:59:59.999999".parse().unwrap());
    there_and_back::<DateTime>(
        &mut conn,
        "timestamp",
        "1999-12-31T23:59:59.5".parse().unwrap(),
    );
    there_and_back::<Timestamp>(
        &mut conn,
        "timestamptz",
        "2030-06-01T12:00:00.000001Z".parse().unwrap(),
    );
}

#[cfg(feature = "time")]
#[test]
fn time() {
    use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};
    let mut conn = common::connect_without_autocommit();
    let date = Date::from_calendar_date(2024, Month::February, 29).unwrap();
    let time = Time::from_hms_micro(23, 59, 59, 999_999).unwrap();
    there_and_back(&mut conn, "date", date);
    there_and_back(&mut conn, "time", time);
    there_and_back(&mut conn, "timestamp", PrimitiveDateTime::new(date, time));
    there_and_back(&mut conn, "timestamptz", OffsetDateTime::UNIX_EPOCH);
    there_and_back(&mut conn, "interval", Duration::milliseconds(-1500));
}

#[cfg(feature = "bytes")]
#[test]
fn bytes() {
    use bytes::Bytes;
    let mut conn = common::connect_without_autocommit();
    let value = Bytes::from_static(b"\x00\xff\\'");
    there_and_back(&mut conn, "bytea", value.clone());
    there_and_back(&mut conn, "bytea[]", vec![Some(value), None]);
}

#[cfg(feature = "ipnet")]
#[test]
fn ipnet() {
    use ipnet::{IpNet, Ipv4Net, Ipv6Net};
    let mut conn = common::connect_without_autocommit();
    there_and_back::<IpNet>(&mut conn, "inet", "10.1.2.3/8".parse().unwrap());
    there_and_back::<Ipv4Net>(&mut conn, "cidr", "10.0.0.0/8".parse().unwrap());
    there_and_back::<Ipv6Net>(&mut conn, "cidr", "2001:db8::/32".parse().unwrap());
}

#[cfg(feature = "geo-types")]
#[test]
fn geo_types() {
    use geo_types::{Coord, Line, LineString, Point, Polygon, Rect};
    let mut conn = common::connect_without_autocommit();
    let [a, b, c] = [(1.0, 2.5), (3.0, 4.0), (5.0, -6.0)].map(Coord::from);
    there_and_back(&mut conn, "point", Point(a));
    there_and_back(&mut conn, "point[]", vec![Some(a), None]);
    there_and_back(&mut conn, "lseg", Line::new(a, b));
    there_and_back(&mut conn, "box", Rect::new(a, b));
    there_and_back(&mut conn, "box[]", vec![Rect::new(a, b), Rect::new(b, c)]);
    there_and_back(&mut conn, "path", LineString::new(vec![a, b, c]));
    there_and_back(&mut conn, "path", LineString::new(vec![a, b, c, a]));
    let polygon = Polygon::new(LineString::new(vec![a, b, c]), Vec::new());
    there_and_back(&mut conn, "polygon", polygon);
}

/// What no Rust type holds is an error in both formats, and never another value.
#[cfg(all(feature = "chrono", feature = "jiff", feature = "time"))]
#[test]
fn dates_that_do_not_fit() {
    fn refused<T: FromSqlOwned + Debug>(conn: &mut Connection, literal: &str) {
        let sql = format!("SELECT {literal} AS x");
        for _ in 0..8 {
            let row = conn.query_one(&sql, ()).unwrap();
            let error = row.get::<T>("x").unwrap_err();
            assert!(error.to_string().contains("cannot be read as"), "{error}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }
    let mut conn = common::connect_without_autocommit();
    for literal in [
        "date 'infinity'",
        "date '-infinity'",
        "date '5874897-12-31'",
    ] {
        refused::<chrono::NaiveDate>(&mut conn, literal);
        refused::<jiff::civil::Date>(&mut conn, literal);
        refused::<time::Date>(&mut conn, literal);
    }
    for literal in [
        "timestamptz 'infinity'",
        "timestamptz '-infinity'",
        "timestamptz '294276-12-31'",
    ] {
        refused::<jiff::Timestamp>(&mut conn, literal);
        refused::<time::OffsetDateTime>(&mut conn, literal);
    }
    refused::<chrono::DateTime<chrono::Utc>>(&mut conn, "timestamptz 'infinity'");
    refused::<chrono::NaiveDateTime>(&mut conn, "timestamp '-infinity'");
    refused::<jiff::civil::Time>(&mut conn, "time '24:00:00'");
    refused::<chrono::NaiveTime>(&mut conn, "time '24:00:00'");
    refused::<time::Time>(&mut conn, "time '24:00:00'");
    refused::<chrono::TimeDelta>(&mut conn, "interval '1 mon'");
    refused::<time::Duration>(&mut conn, "interval '1 day'");
}

#[cfg(feature = "uuid")]
#[test]
fn uuid() {
    let mut conn = common::connect_without_autocommit();
    let value = uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    there_and_back(&mut conn, "uuid", value);
    there_and_back(&mut conn, "uuid[]", vec![Some(value), None]);
}

#[cfg(feature = "serde_json")]
#[test]
fn serde_json() {
    use howdah::types::Json;
    let mut conn = common::connect_without_autocommit();
    let value = serde_json::json!({"a": [1, null, "caf\u{e9}"], "b": {"c": true}});
    there_and_back(&mut conn, "jsonb", value.clone());
    there_and_back(&mut conn, "json", value);
    there_and_back(&mut conn, "jsonb", Json(vec![1, 2, 3]));
}

#[cfg(feature = "rust_decimal")]
#[test]
fn rust_decimal() {
    use rust_decimal::Decimal;
    let mut conn = common::connect_without_autocommit();
    for text in [
        "0",
        "1.50",
        "-79228162514264337593543950335",
        "0.0000000000000000000000000001",
    ] {
        there_and_back::<Decimal>(&mut conn, "numeric", text.parse().unwrap());
    }
}

#[test]
fn the_types_that_need_no_feature() {
    use howdah::types::numeric::Numeric;
    let mut conn = common::connect_without_autocommit();
    there_and_back::<i128>(&mut conn, "numeric", i128::from(i64::MAX) * 1000);
    there_and_back(
        &mut conn,
        "numeric",
        Numeric::from_text(b"123.4500").unwrap(),
    );
    there_and_back(&mut conn, "bytea[]", vec![b"\x00\xff".to_vec(), Vec::new()]);
    there_and_back(&mut conn, "float8[]", vec![0.1, f64::INFINITY]);
    there_and_back(
        &mut conn,
        "text[]",
        vec![Some("a,b\"{}".to_owned()), None, Some(String::new())],
    );
    // Types made by users are read as their text, prepared or not.
    let name = common::unique("mood");
    conn.execute(&format!("CREATE TYPE {name} AS ENUM ('sad', 'happy')"), ())
        .unwrap();
    there_and_back(&mut conn, &name, "happy".to_owned());
    conn.execute(&format!("CREATE DOMAIN {name}_domain AS int4"), ())
        .unwrap();
    there_and_back(&mut conn, &format!("{name}_domain"), 7);
}
