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
        let row = conn.query_one(&sql, &[&value]).unwrap();
        assert_eq!(row.get::<T>(0).unwrap(), value, "{ty}");
    }
}

#[cfg(feature = "chrono")]
#[test]
fn chrono() {
    use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
    let mut conn = common::connect();
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
    let mut conn = common::connect();
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

#[cfg(feature = "uuid")]
#[test]
fn uuid() {
    let mut conn = common::connect();
    let value = uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    there_and_back(&mut conn, "uuid", value);
    there_and_back(&mut conn, "uuid[]", vec![Some(value), None]);
}

#[cfg(feature = "serde_json")]
#[test]
fn serde_json() {
    use howdah::types::Json;
    let mut conn = common::connect();
    let value = serde_json::json!({"a": [1, null, "caf\u{e9}"], "b": {"c": true}});
    there_and_back(&mut conn, "jsonb", value.clone());
    there_and_back(&mut conn, "json", value);
    there_and_back(&mut conn, "jsonb", Json(vec![1, 2, 3]));
}

#[cfg(feature = "rust_decimal")]
#[test]
fn rust_decimal() {
    use rust_decimal::Decimal;
    let mut conn = common::connect();
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
    let mut conn = common::connect();
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
    conn.execute(&format!("CREATE TYPE {name} AS ENUM ('sad', 'happy')"), &[])
        .unwrap();
    there_and_back(&mut conn, &name, "happy".to_owned());
    conn.execute(&format!("CREATE DOMAIN {name}_domain AS int4"), &[])
        .unwrap();
    there_and_back(&mut conn, &format!("{name}_domain"), 7);
}
