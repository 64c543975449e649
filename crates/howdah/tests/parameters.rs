//! A parameter is sent as the type that the server has inferred for it, exactly or not at all.

mod common;

use howdah::types::Oid;
use howdah::types::numeric::Numeric;
use howdah::types::range::{Bounds, Range};
use howdah::{Connection, ToSql};

/// A connection with a table of one column of each of these types, named by the types.
fn with_table(types: &[&str]) -> Connection {
    let mut conn = common::connect();
    let columns: Vec<_> = types.iter().map(|ty| format!("\"{ty}\" {ty}")).collect();
    let sql = format!("CREATE TEMP TABLE t ({})", columns.join(", "));
    conn.execute(&sql, ()).unwrap();
    conn
}

/// Stores a value in the column of the type; gives what is there then, as text.
fn store(conn: &mut Connection, ty: &str, value: &dyn ToSql) -> howdah::Result<String> {
    conn.execute("DELETE FROM t", ())?;
    conn.execute(&format!("INSERT INTO t (\"{ty}\") VALUES ($1)"), (value,))?;
    let row = conn.query_one(&format!("SELECT \"{ty}\"::text FROM t"), ())?;
    row.get(0)
}

/// Has a value refused for the column of the type, before anything is executed.
fn refused(conn: &mut Connection, ty: &str, value: &dyn ToSql, why: &str) {
    conn.execute("DELETE FROM t", ()).unwrap();
    for _ in 0..7 {
        for sql in [
            format!("INSERT INTO t (\"{ty}\") VALUES ($1)"),
            format!("SELECT count(*) FROM t WHERE \"{ty}\" = $1"),
            format!("UPDATE t SET \"{ty}\" = $1"),
        ] {
            let error = conn.execute(&sql, (value,)).expect_err(&sql);
            assert!(error.is_usage() && error.sqlstate().is_none(), "{error:?}");
            assert_eq!(error.to_string(), format!("parameter $1 ({ty}): {why}"));
        }
    }
    let row = conn.query_one("SELECT count(*) FROM t", ()).unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 0);
}

#[test]
fn integers_go_where_they_fit() {
    let types = ["int2", "int4", "int8", "numeric", "oid", "xid8"];
    let mut conn = with_table(&types);
    let values: [&dyn ToSql; 11] = [
        &7_i8, &7_i16, &7_i32, &7_i64, &7_i128, &7_isize, &7_u8, &7_u16, &7_u32, &7_u64, &7_usize,
    ];
    for ty in types {
        for value in values {
            assert_eq!(store(&mut conn, ty, value).unwrap(), "7");
        }
    }
    assert_eq!(store(&mut conn, "int8", &u32::MAX).unwrap(), "4294967295");
    assert_eq!(store(&mut conn, "oid", &u32::MAX).unwrap(), "4294967295");
    assert_eq!(
        store(&mut conn, "oid", &Oid(u32::MAX)).unwrap(),
        "4294967295"
    );
    let largest = "18446744073709551615";
    assert_eq!(store(&mut conn, "xid8", &u64::MAX).unwrap(), largest);
    assert_eq!(store(&mut conn, "numeric", &u64::MAX).unwrap(), largest);
    let rows = conn.query("SELECT generate_series(1, 9) LIMIT $1", (3_usize,));
    assert_eq!(rows.unwrap().row_count(), 3);
}

#[test]
fn integers_are_never_wrapped() {
    let mut conn = with_table(&["int2", "int4", "int8", "oid", "xid8", "int4[]", "int4range"]);
    let conn = &mut conn;
    let large = 3_000_000_000_u32;
    let why = "3000000000 (u32) is out of range for int4";
    refused(conn, "int4", &large, why);
    refused(conn, "int4", &Some(large), why);
    refused(conn, "int4[]", &vec![large], why);
    refused(conn, "int4[]", &[[Some(1), Some(large)]], why);
    let range = Range::Bounds(Bounds {
        lower: Some(large),
        upper: None,
        lower_inclusive: true,
        upper_inclusive: false,
    });
    refused(conn, "int4range", &range, why);
    refused(
        conn,
        "int2",
        &40_000_u16,
        "40000 (u16) is out of range for int2",
    );
    refused(
        conn,
        "int2",
        &-40_000_i32,
        "-40000 (i32) is out of range for int2",
    );
    refused(
        conn,
        "int8",
        &u64::MAX,
        "18446744073709551615 (u64) is out of range for int8",
    );
    refused(conn, "oid", &-1, "-1 (i32) is out of range for oid");
    refused(conn, "xid8", &-1_i64, "-1 (i64) is out of range for xid8");
    // The domain is the type beneath it.
    let name = common::unique("positive");
    conn.execute(
        &format!("CREATE DOMAIN {name} AS int4 CHECK (value > 0)"),
        (),
    )
    .unwrap();
    let error = conn
        .query(&format!("SELECT $1::{name}"), (&large,))
        .unwrap_err();
    assert_eq!(error.to_string(), format!("parameter $1 (int4): {why}"));
    conn.execute(&format!("DROP DOMAIN {name}"), ()).unwrap();
}

#[test]
fn other_types_are_not_converted() {
    let types = [
        "bool", "int4", "float4", "float8", "numeric", "text", "bytea", "money", "int4[]",
    ];
    let mut conn = with_table(&types);
    let conn = &mut conn;
    assert_eq!(store(conn, "float4", &0.1_f32).unwrap(), "0.1");
    assert_eq!(
        store(conn, "float8", &0.1_f32).unwrap(),
        "0.10000000149011612"
    );
    assert_eq!(store(conn, "float8", &0.1).unwrap(), "0.1");
    refused(conn, "int4", &1.0, "f64 cannot be sent as int4");
    refused(conn, "float4", &0.5, "f64 cannot be sent as float4");
    refused(conn, "numeric", &0.5, "f64 cannot be sent as numeric");
    refused(conn, "float8", &1, "i32 cannot be sent as float8");
    refused(conn, "int4", &true, "bool cannot be sent as int4");
    refused(conn, "bool", &1, "i32 cannot be sent as bool");
    refused(conn, "text", &1, "i32 cannot be sent as text");
    refused(
        conn,
        "text",
        &Some(b"x".as_slice()),
        "[u8] cannot be sent as text",
    );
    refused(conn, "bytea", &vec![1_i16], "[i16] cannot be sent as bytea");
    let ten = "10".parse::<Numeric>().unwrap();
    refused(conn, "int4", &ten, "Numeric cannot be sent as int4");
    refused(conn, "int4", &vec![1], "[i32] cannot be sent as int4");
    refused(conn, "int4[]", &1, "i32 cannot be sent as array");
    refused(conn, "int4[]", &vec![true], "bool cannot be sent as int4");
    refused(
        conn,
        "int4[]",
        &Vec::<bool>::new(),
        "[bool] cannot be sent as array",
    );
    // NULL is of a type as well.
    assert!(
        conn.execute("INSERT INTO t (int4) VALUES ($1)", (None::<u64>,))
            .is_ok()
    );
    refused(
        conn,
        "int4",
        &None::<bool>,
        "Option<bool> cannot be sent as int4",
    );
    refused(
        conn,
        "int4[]",
        &vec![None::<f64>],
        "Option<f64> cannot be sent as int4",
    );
}

#[cfg(feature = "chrono")]
#[test]
fn instants_and_local_times_are_not_taken_for_each_other() {
    use chrono::{DateTime, FixedOffset, Utc};
    let mut conn = with_table(&["date", "timestamp", "timestamptz"]);
    let conn = &mut conn;
    conn.execute("SET timezone = 'Asia/Tokyo'", ()).unwrap();
    let utc: DateTime<Utc> = "2024-02-29T20:00:00Z".parse().unwrap();
    let naive = utc.naive_utc();
    let stored = "2024-03-01 05:00:00+09";
    assert_eq!(store(conn, "timestamptz", &utc).unwrap(), stored);
    let east = FixedOffset::east_opt(3600).unwrap();
    assert_eq!(
        store(conn, "timestamptz", &utc.with_timezone(&east)).unwrap(),
        stored
    );
    assert_eq!(
        store(conn, "timestamp", &naive).unwrap(),
        "2024-02-29 20:00:00"
    );
    assert_eq!(store(conn, "date", &naive.date()).unwrap(), "2024-02-29");
    for ty in ["timestamp", "date"] {
        let why = format!("DateTime<Utc> cannot be sent as {ty}");
        refused(conn, ty, &utc, &why);
    }
    for ty in ["timestamptz", "date"] {
        let why = format!("NaiveDateTime cannot be sent as {ty}");
        refused(conn, ty, &naive, &why);
    }
    for ty in ["timestamptz", "timestamp"] {
        let why = format!("NaiveDate cannot be sent as {ty}");
        refused(conn, ty, &naive.date(), &why);
    }
}

#[cfg(feature = "serde_json")]
#[test]
fn json_is_sent_as_what_the_column_is() {
    use howdah::types::Json;
    let mut conn = with_table(&["json", "jsonb", "json[]", "text"]);
    let conn = &mut conn;
    // A jsonb has short keys first.
    let document = serde_json::json!({"a10": 1, "b": 2});
    assert_eq!(
        store(conn, "json", &document).unwrap(),
        "{\"a10\":1,\"b\":2}"
    );
    assert_eq!(
        store(conn, "jsonb", &document).unwrap(),
        "{\"b\": 2, \"a10\": 1}"
    );
    let list = store(conn, "json[]", &vec![Some(Json(&document)), None]).unwrap();
    assert_eq!(list, "{\"{\\\"a10\\\":1,\\\"b\\\":2}\",NULL}");
    refused(conn, "text", &Json(1), "Json<i32> cannot be sent as text");
}

#[test]
fn strings_are_literals_of_any_type() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("s");
    conn.batch_execute(&format!(
        "CREATE TYPE {name}_mood AS ENUM ('sad', 'happy');
         CREATE TYPE {name}_pair AS (a int4, b {name}_mood);
         CREATE DOMAIN {name}_domain AS int4"
    ))
    .unwrap();
    let mut check = |ty: &str, text: &str| {
        let sql = format!("SELECT $1::{ty}::text");
        for _ in 0..7 {
            let row = conn.query_one(&sql, (&text,)).unwrap();
            assert_eq!(row.get::<&str>(0).unwrap(), text, "{ty}");
            let row = conn.query_one(&sql, (Some(text.to_owned()),)).unwrap();
            assert_eq!(row.get::<&str>(0).unwrap(), text, "{ty}");
        }
    };
    for (ty, text) in [
        ("text", "abc"),
        ("int4", "-5"),
        ("float8", "0.5"),
        ("date", "2024-02-29"),
        ("interval", "1 day"),
        ("jsonb", "{\"a\": 1}"),
        ("bytea", "\\x00ff"),
        ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("inet", "10.1.2.3/8"),
        ("point", "(1,2)"),
        ("int4[]", "{1,2}"),
        ("int4range", "[1,5)"),
        ("regclass", "pg_type"),
    ] {
        check(ty, text);
    }
    check(&format!("{name}_mood"), "happy");
    check(&format!("{name}_pair"), "(5,sad)");
    check(&format!("{name}_domain"), "7");
    // So are those in lists, ranges and tuples.
    let row = conn
        .query_one(
            &format!("SELECT $1::int4[], $2::{name}_mood[]::text[], $3::daterange::text, $4::{name}_pair::text"),
            (vec!["1", "2"], ["sad", "happy"], Range::Bounds(Bounds { lower: Some("2024-02-29"), upper: None, lower_inclusive: true, upper_inclusive: false, }), (5, "sad")),
        )
        .unwrap();
    assert_eq!(row.get::<Vec<i32>>(0).unwrap(), [1, 2]);
    assert_eq!(row.get::<Vec<String>>(1).unwrap(), ["sad", "happy"]);
    assert_eq!(row.get::<&str>(2).unwrap(), "[2024-02-29,)");
    assert_eq!(row.get::<&str>(3).unwrap(), "(5,sad)");
    let error = conn.query("SELECT $1::int4", ("five",)).unwrap_err();
    assert_eq!(error.sqlstate(), Some("22P02"));
}

#[test]
fn a_refused_parameter_leaves_the_connection_as_it_was() {
    let mut conn = common::connect_without_autocommit();
    conn.execute("CREATE TEMP TABLE t (a int4, b text)", ())
        .unwrap();
    let insert = "INSERT INTO t VALUES ($1, $2)";
    for _ in 0..7 {
        let error = conn.execute(insert, (1, 2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter $2 (text): i32 cannot be sent as text"
        );
        let error = conn.execute(insert, (1,)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the statement has 2 parameters, and 1 were given"
        );
        assert!(conn.execute(insert, (1, "x", 2)).unwrap_err().is_usage());
        assert_eq!(conn.execute(insert, (1, "x")).unwrap(), 1);
    }
    let row = conn.query_one("SELECT count(*) FROM t", ()).unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 7);
    conn.commit().unwrap();
}

#[test]
fn a_statement_that_cannot_be_described_is_the_servers_error() {
    let mut conn = common::connect();
    for (sql, sqlstate) in [
        ("SELECT $1 FROM nowhere", "42P01"),
        ("SELECT $1 +", "42601"),
        ("SELECT pg_typeof($1)", "42P18"),
        ("SELECT 1; SELECT $1", "42601"),
    ] {
        for _ in 0..2 {
            let error = conn.query(sql, (1,)).unwrap_err();
            assert_eq!(error.sqlstate(), Some(sqlstate), "{error}");
        }
    }
    assert!(conn.query("SELECT $1::int4", (1,)).is_ok());
}

#[test]
fn types_made_by_users_are_looked_up_for_parameters() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("u");
    conn.batch_execute(&format!(
        "CREATE TYPE {name}_mood AS ENUM ('sad');
         CREATE TYPE {name} AS (a int8, b {name}_mood);
         CREATE TEMP TABLE t (v {name}, list {name}[])"
    ))
    .unwrap();
    let insert = "INSERT INTO t VALUES ($1, $2)";
    for _ in 0..7 {
        let good = (5, "sad");
        conn.execute(insert, (&good, vec![good])).unwrap();
        let error = conn.execute(insert, ((5, true), vec![good])).unwrap_err();
        let why = "bool cannot be sent as enum";
        assert_eq!(error.to_string(), format!("parameter $1 ({name}): {why}"));
        let error = conn.execute(insert, (&good, vec![(5,)])).unwrap_err();
        let why =
            "cannot write composite: another number of attributes than the Rust type has fields";
        assert_eq!(error.to_string(), format!("parameter $2 ({name}[]): {why}"));
        let nothing: Option<(bool, &str)> = None;
        let error = conn.execute(insert, (&nothing, vec![good])).unwrap_err();
        let why = "Option<(bool, &str)> cannot be sent as composite";
        assert_eq!(error.to_string(), format!("parameter $1 ({name}): {why}"));
    }
    // One that changes is looked up again.
    conn.execute(&format!("ALTER TYPE {name} ADD ATTRIBUTE c int4"), ())
        .unwrap();
    conn.execute(insert, ((5, "sad", 6), None::<Vec<(i64, &str, i32)>>))
        .unwrap();
}

#[test]
fn a_stream_has_its_parameters_checked_as_well() {
    let mut conn = common::connect_without_autocommit();
    let sql = "SELECT generate_series(1, $1::int4)";
    for _ in 0..3 {
        let error = conn.query_stream(sql, (3_000_000_000_u32,)).err().unwrap();
        assert!(error.is_usage(), "{error:?}");
        let rows: Vec<i32> = conn
            .query_stream(sql, (3_u32,))
            .unwrap()
            .map(|row| row.unwrap().get(0).unwrap())
            .collect();
        assert_eq!(rows, [1, 2, 3]);
    }
}

#[test]
fn statements_that_are_never_prepared() {
    let mut conn = common::connect_without_autocommit();
    conn.set_prepare_threshold(None);
    for _ in 0..7 {
        let row = conn.query_one("SELECT $1::int8 + 1", (7_u8,)).unwrap();
        assert_eq!(row.get::<i64>(0).unwrap(), 8);
        assert!(
            conn.query("SELECT $1::int2", (40_000,))
                .unwrap_err()
                .is_usage()
        );
    }
    let row = conn.query_one("SELECT count(*) FROM pg_prepared_statements", ());
    assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 0);
}

#[test]
fn a_statement_is_described_once() {
    let mut conn = common::connect();
    let prepared =
        "SELECT string_agg(name || parameter_types::text, ' ') FROM pg_prepared_statements";
    let mut seen = Vec::new();
    for _ in 0..3 {
        conn.query("SELECT $1::int4 + $2", (1, 2)).unwrap();
        let row = conn.query_one(prepared, ()).unwrap();
        seen.push(row.get::<String>(0).unwrap());
    }
    let pid = conn.info().backend_pid();
    assert_eq!(seen[0], format!("_howdah_{pid:x}_0{{integer,integer}}"));
    assert!(seen.iter().all(|names| *names == seen[0]), "{seen:?}");
}

#[test]
fn a_column_that_another_session_changes() {
    let mut conn = common::connect();
    let mut other = common::connect();
    let name = common::unique("t");
    other
        .execute(&format!("CREATE TABLE {name} (a int4)"), ())
        .unwrap();
    for threshold in [Some(5), None] {
        conn.set_prepare_threshold(threshold);
        let alter = |other: &mut Connection, ty| {
            let sql = format!("ALTER TABLE {name} ALTER a TYPE {ty} USING NULL");
            other.execute(&sql, ()).unwrap();
        };
        let insert = format!("INSERT INTO {name} VALUES ($1)");
        let large = 1_i64 << 40;
        alter(&mut other, "int4");
        conn.execute(&insert, (1,)).unwrap();
        assert!(conn.execute(&insert, (&large,)).unwrap_err().is_usage());
        // What the Rust type could not be sent as is asked for again.
        alter(&mut other, "int8");
        conn.execute(&insert, (&large,)).unwrap();
        // Of what it still can be sent as the server says that it is no longer right; once.
        alter(&mut other, "bool");
        let error = conn.execute(&insert, (1,)).unwrap_err();
        assert_eq!(error.sqlstate(), Some("42804"), "{error}");
        let error = conn.execute(&insert, (1,)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter $1 (bool): i32 cannot be sent as bool"
        );
        conn.execute(&insert, (true,)).unwrap();
    }
    other.execute(&format!("DROP TABLE {name}"), ()).unwrap();
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn the_same_on_tokio() {
    let mut conn = howdah::AsyncConnection::connect(&common::dsn())
        .await
        .unwrap();
    conn.set_autocommit(false).await.unwrap();
    let name = common::unique("u");
    conn.batch_execute(&format!(
        "CREATE TYPE {name} AS (a int4); CREATE TEMP TABLE t (a int4, v {name})"
    ))
    .await
    .unwrap();
    let insert = "INSERT INTO t VALUES ($1, $2)";
    for _ in 0..7 {
        let error = conn.execute(insert, (3_000_000_000_u32, (1,))).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "parameter $1 (int4): 3000000000 (u32) is out of range for int4"
        );
        let error = conn.execute(insert, (1, (true,))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("parameter $2 ({name}): bool cannot be sent as int4")
        );
        conn.execute(insert, (1_u8, (1_i64,))).await.unwrap();
    }
    let row = conn
        .query_one("SELECT count(*) FROM t WHERE a = $1", (1_u64,))
        .await
        .unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 7);
    let mut stream = conn
        .query_stream("SELECT generate_series(1, $1::int4)", (2_u8,))
        .await
        .unwrap();
    let mut rows = Vec::new();
    while let Some(row) = stream.next().await {
        rows.push(row.unwrap().get::<i32>(0).unwrap());
    }
    assert_eq!(rows, [1, 2]);
}
