//! A value is the same in text and in binary: what is read does not depend on how often a statement has run.

mod common;

use std::fmt::Debug;
use std::net::IpAddr;

use howdah::types::datetime::{Date, Interval, Time, TimeTz, Timestamp, TimestampTz};
use howdah::types::numeric::Numeric;
use howdah::types::range::Range;
use howdah::types::{FromSqlOwned, Oid};
use howdah::{Connection, Row, ToSql};

/// What a row has in its first column, or nothing where the Rust type does not have the value.
fn read<T: FromSqlOwned + Debug>(row: &Row) -> String {
    format!("{:?}", row.get::<T>(0).ok())
}

/// The row that a statement gives, as text and in binary.
fn both(conn: &mut Connection, sql: &str) -> [Row; 2] {
    let mut results = conn.simple_query(sql).expect(sql);
    let text = results[0].fetch_one().unwrap();
    conn.set_prepare_threshold(Some(0));
    conn.query_one(sql, ()).unwrap();
    let binary = conn.query_one(sql, ()).unwrap();
    [text, binary]
}

/// Reads values as a `T` in both formats, alone and as items of a list. Each is a literal of the type `ty`.
fn same<T: FromSqlOwned + Debug>(conn: &mut Connection, ty: &str, literals: &[&str]) {
    let mut read_well = 0;
    for literal in literals {
        let [text, binary] = both(conn, &format!("SELECT '{literal}'::{ty}"));
        assert_eq!(read::<T>(&text), read::<T>(&binary), "{literal}::{ty}");
        read_well += usize::from(text.get::<T>(0).is_ok());
        let list = format!("SELECT ARRAY['{literal}', NULL, '{literal}']::{ty}[]");
        let [text, binary] = both(conn, &list);
        assert_eq!(
            read::<Vec<Option<T>>>(&text),
            read::<Vec<Option<T>>>(&binary),
            "{literal}::{ty}[]"
        );
    }
    assert!(read_well > 0, "{ty} as {}", std::any::type_name::<T>());
    let [text, binary] = both(conn, &format!("SELECT NULL::{ty}"));
    for null in [text, binary] {
        assert_eq!(read::<Option<T>>(&null), "Some(None)", "{ty}");
        assert_eq!(read::<T>(&null), "None");
        assert_eq!(read::<Option<(i32,)>>(&null), "None", "{ty}");
    }
}

#[test]
fn numbers() {
    let mut conn = common::connect_without_autocommit();
    let conn = &mut conn;
    same::<bool>(conn, "bool", &["t", "f"]);
    let small = ["0", "-1", "32767", "-32768"];
    same::<i16>(conn, "int2", &small);
    same::<i32>(conn, "int2", &small);
    same::<f32>(conn, "int2", &small);
    same::<i32>(conn, "int4", &["2147483647", "-2147483648"]);
    same::<f64>(conn, "int4", &["2147483647", "-2147483648"]);
    let large = ["0", "9223372036854775807", "-9223372036854775808"];
    same::<i64>(conn, "int8", &large);
    same::<i128>(conn, "int8", &large);
    same::<Numeric>(conn, "int8", &large);
    for ty in ["oid", "xid", "cid"] {
        same::<u32>(conn, ty, &["0", "4294967295"]);
        same::<i64>(conn, ty, &["0", "4294967295"]);
        same::<u64>(conn, ty, &["0", "4294967295"]);
    }
    same::<Oid>(conn, "oid", &["0", "4294967295"]);
    same::<u64>(conn, "xid8", &["0", "18446744073709551615"]);
    let narrow = [
        "0",
        "-0",
        "0.1",
        "1e-45",
        "3.4028235e38",
        "1.17549435e-38",
        "16777217",
        "NaN",
        "Infinity",
        "-Infinity",
    ];
    same::<f32>(conn, "float4", &narrow);
    same::<f64>(conn, "float4", &narrow);
    let wide = [
        "0",
        "-0",
        "0.1",
        "5e-324",
        "1.7976931348623157e308",
        "1e23",
        "9007199254740993",
        "NaN",
        "Infinity",
        "-Infinity",
    ];
    same::<f64>(conn, "float8", &wide);
    let numerics = [
        "0",
        "0.00",
        "1.10",
        "-12345.6780",
        "1e-20",
        "1e40",
        "79228162514264337593543950335",
        "79228162514264337593543950336",
        "170141183460469231731687303715884105727",
        "5.00",
        "NaN",
    ];
    same::<Numeric>(conn, "numeric", &numerics);
    same::<i128>(conn, "numeric", &numerics);
    #[cfg(feature = "rust_decimal")]
    same::<rust_decimal::Decimal>(conn, "numeric", &numerics);
    if conn.info().server_version() >= 140_000 {
        same::<Numeric>(conn, "numeric", &["Infinity", "-Infinity"]);
    }
}

#[test]
fn text_and_bytes() {
    let mut conn = common::connect_without_autocommit();
    let conn = &mut conn;
    let texts = ["", " ", "a\"b\\c,{}", "NULL", "\u{1f418}"];
    for ty in ["text", "varchar", "bpchar", "name"] {
        same::<String>(conn, ty, &texts);
    }
    same::<String>(conn, "char(3)", &["a"]);
    same::<String>(conn, "\"char\"", &["", "a", "\\303"]);
    for ty in ["json", "jsonb"] {
        let documents = ["{\"b\": 1, \"a\": [null, \"x\"]}", "1.50", "null"];
        same::<String>(conn, ty, &documents);
        #[cfg(feature = "serde_json")]
        same::<serde_json::Value>(conn, ty, &documents);
    }
    same::<String>(conn, "jsonpath", &["$.\"a\"[*]"]);
    for output in ["hex", "escape"] {
        conn.execute(&format!("SET bytea_output = {output}"), ())
            .unwrap();
        let bytes = ["", "\\x00ff5c27", "abc", "\\\\\\000\\377"];
        same::<Vec<u8>>(conn, "bytea", &bytes);
        same::<[u8; 3]>(conn, "bytea", &bytes);
        #[cfg(feature = "bytes")]
        same::<bytes::Bytes>(conn, "bytea", &bytes);
        for literal in bytes {
            let [text, binary] = both(conn, &format!("SELECT '{literal}'::bytea"));
            assert_eq!(
                text.get::<&[u8]>(0).unwrap(),
                binary.get::<&[u8]>(0).unwrap()
            );
        }
    }
    #[cfg(feature = "uuid")]
    same::<uuid::Uuid>(conn, "uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]);
    same::<IpAddr>(conn, "inet", &["10.1.2.3", "10.1.2.3/8", "::1"]);
}

const DATES: [&str; 9] = [
    "2000-01-01",
    "2024-02-29",
    "0001-01-01",
    "0044-03-15 BC",
    "4713-01-01 BC",
    "9999-12-31",
    "10000-01-01",
    "infinity",
    "-infinity",
];

const STAMPS: [&str; 9] = [
    "2000-01-01",
    "1999-12-31 23:59:59.999999",
    "2024-07-01 12:00:00.25",
    "1800-01-01 00:00:00",
    "0044-03-15 01:02:03 BC",
    "9999-12-31 23:59:59.999999",
    "294275-12-31 23:59:59.999999",
    "infinity",
    "-infinity",
];

const TIMES: [&str; 4] = ["00:00:00", "23:59:59.999999", "24:00:00", "12:34:56.7"];

const INTERVALS: [&str; 8] = [
    "0",
    "1 year 2 months 3 days 04:05:06.789",
    "-1 year -2 months +3 days -04:05:06",
    "1 mon",
    "-1 day +02:03",
    "-00:00:00.000001",
    "2562047788:00:54.775807",
    "100000 hours",
];

/// Each type of dates and times, in the styles that are now set.
fn calendar(conn: &mut Connection) {
    same::<Date>(conn, "date", &DATES);
    same::<Time>(conn, "time", &TIMES);
    same::<TimeTz>(
        conn,
        "timetz",
        &["00:00:00+00", "24:00:00-12", "10:20:30.5+02:30:15"],
    );
    same::<Timestamp>(conn, "timestamp", &STAMPS);
    same::<TimestampTz>(conn, "timestamptz", &STAMPS);
    same::<Interval>(conn, "interval", &INTERVALS);
    #[cfg(feature = "chrono")]
    {
        use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
        same::<NaiveDate>(conn, "date", &DATES);
        same::<NaiveTime>(conn, "time", &TIMES);
        same::<NaiveDateTime>(conn, "timestamp", &STAMPS);
        same::<DateTime<Utc>>(conn, "timestamptz", &STAMPS);
        same::<DateTime<FixedOffset>>(conn, "timestamptz", &STAMPS);
        same::<TimeDelta>(conn, "interval", &INTERVALS);
    }
    #[cfg(feature = "jiff")]
    {
        same::<jiff::civil::Date>(conn, "date", &DATES);
        same::<jiff::civil::Time>(conn, "time", &TIMES);
        same::<jiff::civil::DateTime>(conn, "timestamp", &STAMPS);
        same::<jiff::Timestamp>(conn, "timestamptz", &STAMPS);
        same::<jiff::Span>(conn, "interval", &INTERVALS);
    }
    #[cfg(feature = "time")]
    {
        same::<time::Date>(conn, "date", &DATES);
        same::<time::Time>(conn, "time", &TIMES);
        same::<time::PrimitiveDateTime>(conn, "timestamp", &STAMPS);
        same::<time::OffsetDateTime>(conn, "timestamptz", &STAMPS);
        same::<time::Duration>(conn, "interval", &INTERVALS);
    }
}

#[test]
fn dates_and_times_in_any_zone() {
    for zone in [
        "UTC",
        "Europe/Paris",
        "Asia/Kathmandu",
        "America/St_Johns",
        "-12",
    ] {
        let mut conn = common::connect_without_autocommit();
        conn.execute(&format!("SET timezone = '{zone}'"), ())
            .unwrap();
        calendar(&mut conn);
    }
}

#[test]
fn infinite_intervals() {
    let mut conn = common::connect_without_autocommit();
    if conn.info().server_version() >= 170_000 {
        same::<Interval>(&mut conn, "interval", &["infinity", "-infinity"]);
    }
}

/// What eight executions of a statement give in their first column, which has to be the same.
fn always<T: FromSqlOwned + Debug>(conn: &mut Connection, sql: &str, params: &[&dyn ToSql]) {
    let mut read_again = || read::<T>(&conn.query_one(sql, params).unwrap());
    let first = read_again();
    assert_ne!(first, "None", "{sql}");
    for execution in 2..=8 {
        assert_eq!(read_again(), first, "execution {execution} of {sql}");
    }
}

#[test]
fn what_is_read_does_not_depend_on_how_often_a_statement_has_run() {
    for settings in [
        "",
        "SET timezone = 'America/St_Johns'",
        "SET datestyle = 'SQL, DMY'",
        "SET datestyle = 'German'",
        "SET datestyle = 'Postgres, MDY'; SET timezone = 'Europe/Paris'",
        "SET intervalstyle = 'sql_standard'",
        "SET intervalstyle = 'postgres_verbose'",
        "SET intervalstyle = 'iso_8601'",
        "SET bytea_output = 'escape'",
    ] {
        let mut conn = common::connect_without_autocommit();
        conn.batch_execute(settings).unwrap();
        let conn = &mut conn;
        always::<Date>(conn, "SELECT '2020-02-03'::date", &[]);
        always::<Timestamp>(conn, "SELECT '2020-02-03 04:05:06.7'::timestamp", &[]);
        always::<TimestampTz>(conn, "SELECT '2020-02-03 04:05:06.7+00'::timestamptz", &[]);
        always::<Vec<TimestampTz>>(
            conn,
            "SELECT '{2020-07-03 04:05:06+00}'::timestamptz[]",
            &[],
        );
        always::<TimeTz>(conn, "SELECT '04:05:06+02:30'::timetz", &[]);
        always::<Interval>(conn, "SELECT '1 year -2 days 03:04:05.6'::interval", &[]);
        always::<Vec<Option<Interval>>>(conn, "SELECT '{1 day,NULL}'::interval[]", &[]);
        always::<Vec<u8>>(conn, "SELECT '\\x005cff'::bytea", &[]);
        always::<f64>(conn, "SELECT 1/3::float8", &[]);
        let day = Date { days: 7_338 };
        always::<Date>(conn, "SELECT $1::date", &[&day]);
        always::<Timestamp>(conn, "SELECT $1::date + interval '1 hour'", &[&day]);
        always::<TimestampTz>(conn, "SELECT $1::date::timestamptz", &[&day]);
        always::<Interval>(conn, "SELECT make_interval(days => $1)", &[&3]);
        #[cfg(feature = "chrono")]
        always::<chrono::DateTime<chrono::FixedOffset>>(
            conn,
            "SELECT '2020-02-03 04:05:06+00'::timestamptz",
            &[],
        );
    }
}

#[test]
fn a_null_is_of_a_type_as_a_value_is() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("n");
    conn.batch_execute(&format!(
        "CREATE TYPE {name} AS (a int8, b text); CREATE DOMAIN {name}_domain AS {name}"
    ))
    .unwrap();
    let sql = format!(
        "SELECT NULL::int4, ARRAY[NULL]::int4[], ARRAY[]::int4[], ROW(NULL::int4)::{name}_row,
            NULL::int4range, 'empty'::int4range, NULL::{name}, NULL::{name}_domain, ARRAY[]::{name}[]"
    );
    conn.execute(&format!("CREATE TYPE {name}_row AS (a int4)"), ())
        .unwrap();
    for _ in 0..8 {
        let row = conn.query_one(&sql, ()).unwrap();
        let error = row.get::<Option<String>>(0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column 0 \"int4\" (int4) cannot be read as Option<String>"
        );
        assert_eq!(row.get::<Option<i32>>(0).unwrap(), None);
        assert!(row.get::<Option<i16>>(0).is_err());
        assert!(row.get::<Vec<Option<String>>>(1).is_err());
        assert_eq!(row.get::<Vec<Option<i64>>>(1).unwrap(), [None]);
        assert!(row.get::<Vec<String>>(2).is_err());
        assert!(row.get::<(Option<String>,)>(3).is_err());
        assert_eq!(row.get::<(Option<i64>,)>(3).unwrap(), (None,));
        assert!(row.get::<Option<Range<i64>>>(4).is_ok());
        assert!(row.get::<Option<Range<String>>>(4).is_err());
        assert!(row.get::<Range<String>>(5).is_err());
        for column in [6, 7] {
            assert_eq!(row.get::<Option<(i64, String)>>(column).unwrap(), None);
            assert!(row.get::<Option<(i32, String)>>(column).is_err());
            assert!(row.get::<Option<(i64,)>>(column).is_err());
            assert!(row.get::<Option<i64>>(column).is_err());
        }
        assert!(row.get::<Vec<(i64, String)>>(8).unwrap().is_empty());
        assert!(row.get::<Vec<(i32, String)>>(8).is_err());
    }
    let sql = "SELECT 1, NULL::int4";
    for _ in 0..8 {
        let row = conn.query_one(sql, ()).unwrap();
        assert!(row.read::<(i32, Option<String>)>().is_err());
        assert_eq!(row.read::<(i32, Option<i32>)>().unwrap(), (1, None));
    }
    let mut stream = conn.query_stream(sql, ()).unwrap();
    let row = stream.next().unwrap().unwrap();
    assert!(row.get::<Option<String>>(1).is_err());
}

#[test]
fn what_a_name_stands_for_is_asked_each_time() {
    let mut conn = common::connect_without_autocommit();
    let get = |conn: &mut Connection, sql: &str| conn.query_one(sql, ()).unwrap();
    for _ in 0..8 {
        conn.execute("DECLARE c CURSOR FOR SELECT 1", ()).unwrap();
        let row = get(&mut conn, "FETCH ALL FROM c");
        assert_eq!(row.get::<i32>(0).unwrap(), 1);
        conn.execute("CLOSE c", ()).unwrap();
        conn.execute("PREPARE p AS SELECT 1", ()).unwrap();
        let row = get(&mut conn, "/* the one /* and only */ */ execute p");
        assert_eq!(row.get::<i32>(0).unwrap(), 1);
        conn.execute("DEALLOCATE p", ()).unwrap();
    }
    conn.execute("DECLARE c SCROLL CURSOR FOR SELECT 'abcd'", ())
        .unwrap();
    let mut stream = conn.query_stream("FETCH ALL FROM c", ()).unwrap();
    let row = stream.next().unwrap().unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "abcd");
    drop(stream);
    conn.execute("MOVE BACKWARD ALL IN c", ()).unwrap();
    let row = get(&mut conn, "FETCH ALL FROM c");
    assert!(row.get::<i32>(0).is_err());
    assert_eq!(row.get::<&str>(0).unwrap(), "abcd");
    conn.execute("PREPARE p AS SELECT 'abcd'", ()).unwrap();
    let row = get(&mut conn, "/* the one /* and only */ */ execute p");
    assert_eq!(row.get::<&str>(0).unwrap(), "abcd");
}

#[test]
fn text_in_another_encoding_is_not_taken_for_utf8() {
    let mut conn = common::connect();
    conn.execute("SET client_encoding = latin1", ()).unwrap();
    // In UTF-8 these two characters would be one.
    let two = "chr(195) || chr(169)";
    for sql in [
        format!("SELECT {two}"),
        format!("SELECT ({two})::varchar"),
        format!("SELECT ARRAY[{two}]"),
        format!("SELECT to_json({two})"),
        format!("SELECT to_jsonb({two})"),
    ] {
        for _ in 0..8 {
            let row = conn.query_one(&sql, ()).unwrap();
            let error = match row.columns().next().unwrap().type_oid() {
                howdah::types::oid::TEXT_ARRAY => row.get::<Vec<String>>(0).map(drop),
                _ => row.get::<String>(0).map(drop),
            };
            let error = error.unwrap_err().to_string();
            assert!(error.contains("client_encoding is not UTF8"), "{error}");
        }
    }
    for _ in 0..8 {
        let row = conn
            .query_one("SELECT 'abc', '\\xc3a9'::bytea", ())
            .unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "abc");
        assert_eq!(row.get::<Vec<u8>>(1).unwrap(), [0xC3, 0xA9]);
    }
}

#[test]
fn a_result_is_read_with_the_settings_that_it_came_with() {
    let mut conn = common::connect();
    let day = "SELECT '2020-02-03'::date";
    let script = format!("{day}; SELECT chr(233); SET datestyle = 'SQL, DMY'; {day}");
    let mut results = conn.simple_query(&script).unwrap();
    conn.batch_execute("SET datestyle = 'SQL, MDY'; SET client_encoding = latin1")
        .unwrap();
    let mut read = |at: usize| results[at].fetch_one().unwrap();
    assert_eq!(read(0).get::<Date>(0).unwrap(), Date { days: 7_338 });
    assert_eq!(read(1).get::<&str>(0).unwrap(), "\u{e9}");
    assert_eq!(read(3).get::<Date>(0).unwrap(), Date { days: 7_338 });
}
