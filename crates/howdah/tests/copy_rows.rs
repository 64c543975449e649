//! COPY of rows through both shells, against a real server.

#![cfg(feature = "tokio")]

mod common;

use std::time::Duration;

use common::polled::polled;
use common::{connect, dsn, resident, terminate, within};
use howdah::types::datetime::{Date, TimestampTz};
use howdah::types::oid;
use howdah::{AsyncConnection, Connection, Error, ToSql};

const BINARY: &str = "COPY copied FROM STDIN (FORMAT binary)";
const MANY: &str = "COPY (SELECT g, repeat('x', 1000) AS text FROM generate_series(1, 10000000) g) TO STDOUT (FORMAT binary)";

fn with_table() -> Connection {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE copied (a int, b text)", ())
        .unwrap();
    conn
}

async fn with_table_on_tokio() -> AsyncConnection {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    conn.execute("CREATE TEMP TABLE copied (a int, b text)", ())
        .await
        .unwrap();
    conn
}

fn count(conn: &mut Connection) -> i64 {
    let row = conn.query_one("SELECT count(*) FROM copied", ()).unwrap();
    row.get(0).unwrap()
}

async fn count_on_tokio(conn: &mut AsyncConnection) -> i64 {
    let row = conn.query_one("SELECT count(*) FROM copied", ()).await;
    row.unwrap().get(0).unwrap()
}

type Pair = (Option<i32>, Option<String>);

fn pairs(conn: &mut Connection) -> Vec<Pair> {
    let rows = conn.query("SELECT a, b FROM copied ORDER BY a", ());
    rows.unwrap().map(|row| row.read().unwrap()).collect()
}

const FORMATS: [&str; 2] = ["(FORMAT binary)", ""];

#[test]
fn rows_go_in_and_come_out() {
    let mut conn = with_table();
    let values: [Pair; 4] = [
        (Some(1), Some("x".to_owned())),
        (
            Some(2),
            Some("tab\t, line\n, \\N, \\., \r, ä, \u{1f418}".to_owned()),
        ),
        (Some(3), Some(String::new())),
        (Some(4), None),
    ];
    for format in FORMATS {
        let mut copy = conn
            .copy_in_rows(&format!("COPY copied FROM STDIN {format}"))
            .unwrap();
        copy.write_rows(&values).unwrap();
        copy.flush().unwrap();
        copy.write_row([None::<i32>, None].map(|none| none.map(i64::from)))
            .unwrap_err();
        let dynamic: &[&dyn ToSql] = &[&Some(5_i64), &"dynamic"];
        copy.write_row(dynamic).unwrap();
        assert_eq!(copy.finish().unwrap(), 5);
        let sql = format!("COPY (SELECT * FROM copied ORDER BY a) TO STDOUT {format}");
        let rows = conn.copy_out_rows(&sql).unwrap();
        let read: Vec<Pair> = rows.map(|row| row.unwrap().read().unwrap()).collect();
        assert_eq!(read[..4], values);
        assert_eq!(read[4], (Some(5), Some("dynamic".to_owned())));
        assert_eq!(pairs(&mut conn), read);
        let named = conn.copy_out_rows(&sql).unwrap().next().unwrap().unwrap();
        assert_eq!(named.get::<i32>("a").unwrap(), 1);
        assert_eq!(named.get::<&str>("b").unwrap(), "x");
        conn.execute("TRUNCATE copied", ()).unwrap();
    }
}

#[test]
fn many_types() {
    let mut conn = connect();
    conn.batch_execute(
        "CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok');
         CREATE DOMAIN pg_temp.positive AS int CHECK (VALUE > 0);
         CREATE TEMP TABLE typed (a bool, b int2, c int8, d float4, e float8, f numeric, g bytea, h date, i timestamptz,
           j int4[], k jsonb, l pg_temp.positive)",
    )
    .unwrap();
    let row = conn.query_one(
        "SELECT date '2024-02-29', timestamptz '2024-02-29 12:00:00.25+00'",
        (),
    );
    let (day, instant): (Date, TimestampTz) = row.unwrap().read().unwrap();
    for format in FORMATS {
        let mut copy = conn
            .copy_in_rows(&format!("COPY typed FROM STDIN {format}"))
            .unwrap();
        copy.write_row((
            true,
            7_i64,
            i64::MIN,
            1.5_f32,
            0.1_f64,
            12_i32,
            &[0_u8, 1, 255][..],
            day,
            instant,
            vec![Some(1), None],
            "{\"a\": [1]}",
            3,
        ))
        .unwrap();
        let nothing = None::<&str>;
        let nothings: [&dyn ToSql; 12] = [&nothing; 12].map(|none| none as _);
        copy.write_row(&nothings[..]).unwrap();
        assert_eq!(copy.finish().unwrap(), 2);
        let sql = "SELECT * FROM typed";
        let stored: Vec<_> = conn.query(sql, ()).unwrap().collect();
        let sql = format!("COPY typed TO STDOUT {format}");
        let copied: Vec<_> = conn
            .copy_out_rows(&sql)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for rows in [&stored, &copied] {
            let row = &rows[0];
            assert!(row.get::<bool>("a").unwrap());
            assert_eq!(row.get::<i16>("b").unwrap(), 7);
            assert_eq!(row.get::<i64>("c").unwrap(), i64::MIN);
            assert_eq!(row.get::<f32>("d").unwrap(), 1.5);
            assert_eq!(row.get::<f64>("e").unwrap(), 0.1);
            assert_eq!(row.get::<i128>("f").unwrap(), 12);
            assert_eq!(row.get::<&[u8]>("g").unwrap(), [0, 1, 255]);
            assert_eq!(row.get::<Date>("h").unwrap(), day);
            assert_eq!(row.get::<TimestampTz>("i").unwrap(), instant);
            assert_eq!(row.get::<Vec<Option<i32>>>("j").unwrap(), [Some(1), None]);
            assert_eq!(row.get::<i32>("l").unwrap(), 3);
            for column in 0..12 {
                assert_eq!(rows[1].get::<Option<String>>(column).ok().flatten(), None);
            }
        }
        conn.execute("TRUNCATE typed", ()).unwrap();
    }
}

#[test]
fn types_of_users_are_looked_up() {
    let mut conn = connect();
    conn.batch_execute(
        "CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok'); CREATE TEMP TABLE moods (m pg_temp.mood, l pg_temp.mood[])",
    )
    .unwrap();
    let mut other = connect();
    let oid = conn
        .query_one("SELECT 'pg_temp.mood'::regtype::oid", ())
        .unwrap()
        .get::<u32>(0)
        .unwrap();
    let mut copy = conn
        .copy_in_rows("COPY moods FROM STDIN (FORMAT binary)")
        .unwrap();
    copy.write_row(("ok", vec!["sad", "ok"])).unwrap();
    let error = copy.write_row((1, None::<Vec<String>>)).unwrap_err();
    assert!(error.is_usage());
    assert_eq!(
        error.to_string(),
        "column 1 (mood): i32 cannot be sent as enum"
    );
    assert_eq!(copy.finish().unwrap(), 1);
    let sql = "COPY moods (m) FROM STDIN (FORMAT binary)";
    let mut copy = conn.copy_in_typed(sql, &[oid]).unwrap();
    copy.write_row(["sad"]).unwrap();
    assert_eq!(copy.finish().unwrap(), 1);
    let copied: Vec<_> = conn
        .copy_out_rows("COPY moods TO STDOUT (FORMAT binary)")
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(copied[0].columns().next().unwrap().type_name(), "mood");
    assert_eq!(copied[0].get::<String>("m").unwrap(), "ok");
    assert_eq!(copied[0].get::<Vec<String>>("l").unwrap(), ["sad", "ok"]);
    let sql = "COPY (VALUES (1)) TO STDOUT (FORMAT binary)";
    let row = other
        .copy_out_typed(sql, &[oid::INT4])
        .unwrap()
        .next()
        .unwrap();
    assert_eq!(row.unwrap().get::<i32>("column1").unwrap(), 1);
}

#[test]
fn values_that_do_not_fit_are_left_out() {
    let mut conn = with_table();
    let mut copy = conn.copy_in_rows(BINARY).unwrap();
    copy.write_row((1, "first")).unwrap();
    for (error, text) in [
        (
            copy.write_row((1_i64 << 40, "x")).unwrap_err(),
            "column 1 (int4): 1099511627776 (i64) is out of range for int4",
        ),
        (
            copy.write_row((2, 1.5)).unwrap_err(),
            "column 2 (text): f64 cannot be sent as text",
        ),
        (
            copy.write_row((2, "a\0")).unwrap_err(),
            "column 2 (text): cannot write text: PostgreSQL text cannot contain NUL (0x00) bytes",
        ),
        (
            copy.write_row(("1", "x")).unwrap_err(),
            "column 1 (int4): the value has no binary form of this type: use the text format",
        ),
        (
            copy.write_row((2,)).unwrap_err(),
            "the COPY has 2 columns, and the row has 1 values",
        ),
        (
            copy.write_row((2, "x", "y")).unwrap_err(),
            "the COPY has 2 columns, and the row has 3 values",
        ),
        // Even if one of them is wrong as well.
        (
            copy.write_row((1.5,)).unwrap_err(),
            "the COPY has 2 columns, and the row has 1 values",
        ),
        (
            copy.write_row(()).unwrap_err(),
            "the COPY has 2 columns, and the row has 0 values",
        ),
        (
            copy.write_row([2, 3, 4]).unwrap_err(),
            "the COPY has 2 columns, and the row has 3 values",
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert!(error.is_usage());
    }
    copy.write_row((2, "last")).unwrap();
    assert_eq!(copy.finish().unwrap(), 2);
    let mut copy = conn.copy_in_rows("COPY copied FROM STDIN").unwrap();
    copy.write_row(("3", "of strings")).unwrap();
    assert_eq!(copy.finish().unwrap(), 1);
    assert_eq!(count(&mut conn), 3);
}

#[test]
fn the_layout_is_checked() {
    let mut conn = with_table();
    let mut refused = |sql: &str, types: Option<&[u32]>| {
        let begun = match types {
            Some(types) => conn.copy_in_typed(sql, types).map(drop),
            None => conn.copy_in_rows(sql).map(drop),
        };
        let error = begun.unwrap_err();
        assert_eq!(count(&mut conn), 0);
        error
    };
    for (sql, option) in [
        ("COPY copied FROM STDIN (FORMAT csv)", "CSV"),
        ("COPY copied FROM STDIN CSV", "CSV"),
        ("COPY copied FROM STDIN (DELIMITER ',')", "DELIMITER"),
        ("COPY copied FROM STDIN (HEADER)", "HEADER"),
    ] {
        for types in [None, Some(&[oid::INT4, oid::TEXT][..])] {
            let error = refused(sql, types);
            assert!(
                error.is_usage() && error.to_string().contains(option),
                "{error}"
            );
        }
    }
    let error = refused(BINARY, Some(&[oid::INT4]));
    assert!(
        !error.is_usage() && error.to_string().contains("2 columns"),
        "{error}"
    );
    let error = refused("COPY (SELECT 1) TO STDOUT", None);
    assert!(error.to_string().contains("FROM STDIN"), "{error}");
    for (sql, state) in [
        ("COPY nowhere FROM STDIN", "42P01"),
        ("COPY copied (c) FROM STDIN", "42703"),
        ("COPY copied FRO STDIN", "42601"),
        ("COPY copied FROM STDIN (FORMAT nothing)", "22023"),
    ] {
        assert_eq!(refused(sql, None).sqlstate(), Some(state), "{sql}");
    }
    let error = refused("SELECT 1", None);
    assert!(error.to_string().contains("FROM STDIN"), "{error}");
    let error = conn.copy_out_rows("COPY copied FROM STDIN").unwrap_err();
    assert!(error.to_string().contains("TO STDOUT"), "{error}");
    let error = conn
        .copy_out_rows("COPY (SELECT) TO STDOUT (HEADER)")
        .unwrap_err();
    assert!(error.is_usage(), "{error}");
    conn.batch_execute(
        "CREATE TEMP TABLE made (a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO made VALUES (4)",
    )
    .unwrap();
    let error = conn.copy_in_rows("COPY made FROM STDIN").unwrap_err();
    assert!(
        !error.is_usage() && error.to_string().contains("generated"),
        "{error}"
    );
    let error = conn.copy_out_rows("COPY made TO STDOUT").unwrap_err();
    assert!(
        !error.is_usage() && error.to_string().contains("generated"),
        "{error}"
    );
    let mut copy = conn.copy_in_rows("COPY made (a) FROM STDIN").unwrap();
    copy.write_row([5]).unwrap();
    assert_eq!(copy.finish().unwrap(), 1);
    let rows = conn.copy_out_rows("COPY made (a) TO STDOUT").unwrap();
    let read: Vec<(i32,)> = rows.map(|row| row.unwrap().read().unwrap()).collect();
    assert_eq!(read, [(4,), (5,)]);
}

#[test]
fn a_table_that_was_altered_is_seen() {
    let mut conn = with_table();
    for (ty, shown) in [("int", "1"), ("float4", "1"), ("text", "one")] {
        conn.execute(
            &format!("ALTER TABLE copied ALTER a TYPE {ty} USING NULL"),
            (),
        )
        .unwrap();
        let mut copy = conn
            .copy_in_rows("COPY copied (a) FROM STDIN (FORMAT binary)")
            .unwrap();
        match ty {
            "int" => copy.write_row([1]).unwrap(),
            "float4" => copy.write_row([1_f32]).unwrap(),
            _ => copy.write_row(["one"]).unwrap(),
        }
        copy.finish().unwrap();
        let row = conn.query_one("SELECT a::text FROM copied WHERE a IS NOT NULL", ());
        assert_eq!(row.unwrap().get::<&str>(0).unwrap(), shown);
        conn.execute("TRUNCATE copied", ()).unwrap();
    }
}

#[test]
fn nothing_and_no_columns() {
    let mut conn = with_table();
    conn.execute("CREATE TEMP TABLE bare ()", ()).unwrap();
    for format in FORMATS {
        let copy = conn
            .copy_in_rows(&format!("COPY copied FROM STDIN {format}"))
            .unwrap();
        assert_eq!(copy.finish().unwrap(), 0);
        let sql = format!("COPY copied TO STDOUT {format}");
        assert_eq!(conn.copy_out_rows(&sql).unwrap().count(), 0);
        let mut copy = conn
            .copy_in_rows(&format!("COPY bare FROM STDIN {format}"))
            .unwrap();
        copy.write_rows([(), ()]).unwrap();
        copy.write_row([1]).unwrap_err();
        assert_eq!(copy.finish().unwrap(), 2);
        let sql = format!("COPY bare TO STDOUT {format}");
        let rows: Vec<_> = conn
            .copy_out_rows(&sql)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[1].is_empty());
        conn.execute("TRUNCATE bare", ()).unwrap();
    }
}

#[test]
fn rows_of_100_mebibytes_and_memory() {
    let mut conn = with_table();
    let huge = "x".repeat(100 << 20);
    let mut copy = conn.copy_in_rows(BINARY).unwrap();
    copy.write_row((1, "before")).unwrap();
    copy.write_row((2, &huge)).unwrap();
    copy.write_row((3, "after")).unwrap();
    assert_eq!(copy.finish().unwrap(), 3);
    let before = resident();
    let mut copy = conn
        .copy_in_rows("COPY copied (b) FROM STDIN (FORMAT binary)")
        .unwrap();
    let kilobyte = "x".repeat(1000);
    for _ in 0..100_000 {
        copy.write_row([kilobyte.as_str()]).unwrap();
    }
    assert_eq!(copy.finish().unwrap(), 100_000);
    let sql = "COPY copied (b) TO STDOUT (FORMAT binary)";
    let mut lengths = 0;
    for row in conn.copy_out_rows(sql).unwrap().skip(3) {
        lengths += row.unwrap().get::<&str>(0).unwrap().len();
    }
    assert_eq!(lengths, 100_000_000);
    let grown = resident().saturating_sub(before);
    assert!(grown < 300 << 20, "{grown} bytes");
    for format in FORMATS {
        let sql = format!("COPY (SELECT a, b FROM copied WHERE a = 2) TO STDOUT {format}");
        let row = conn.copy_out_rows(&sql).unwrap().next().unwrap().unwrap();
        assert_eq!(row.read::<(i32, &str)>().unwrap(), (2, huge.as_str()));
    }
}

#[test]
fn a_copy_that_is_dropped_is_undone() {
    let mut conn = with_table();
    let mut copy = conn.copy_in_rows(BINARY).unwrap();
    for number in 0..100_000 {
        copy.write_row((number, "x")).unwrap();
    }
    drop(copy);
    assert_eq!(count(&mut conn), 0);
    let mut rows = conn.copy_out_rows(MANY).unwrap();
    assert_eq!(rows.next().unwrap().unwrap().get::<i32>("g").unwrap(), 1);
    drop(rows);
    assert_eq!(count(&mut conn), 0);
    let mut tx = conn.transaction().unwrap();
    let mut copy = tx.copy_in_rows(BINARY).unwrap();
    copy.write_row((1, "x")).unwrap();
    drop(copy);
    let error = tx.execute("SELECT 1", ()).unwrap_err();
    assert_eq!(error.sqlstate(), Some("25P02"));
    tx.rollback().unwrap();
    assert_eq!(count(&mut conn), 0);
}

#[test]
fn errors_of_the_server() {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE copied (a int CHECK (a < 3), b text)", ())
        .unwrap();
    let mut copy = conn.copy_in_rows(BINARY).unwrap();
    copy.write_rows((0..5).map(|number| (number, "x"))).unwrap();
    assert_eq!(copy.finish().unwrap_err().sqlstate(), Some("23514"));
    let mut copy = conn.copy_in_rows(BINARY).unwrap();
    let sent = copy.write_rows((0..10_000_000).map(|number| (number, "x")));
    let ended = sent.and_then(|()| copy.finish().map(drop));
    assert_eq!(ended.unwrap_err().sqlstate(), Some("23514"));
    let mut copy = conn.copy_in_typed(BINARY, &[oid::INT8, oid::TEXT]).unwrap();
    copy.write_row((1, "x")).unwrap();
    assert_eq!(copy.finish().unwrap_err().sqlstate(), Some("22P03"));
    for format in FORMATS {
        let sql =
            format!("COPY (SELECT 1 / (3 - x) FROM generate_series(1, 5) x) TO STDOUT {format}");
        let mut rows = conn.copy_out_rows(&sql).unwrap();
        assert_eq!(rows.next().unwrap().unwrap().get::<i32>(0).unwrap(), 0);
        assert_eq!(rows.next().unwrap().unwrap().get::<i32>(0).unwrap(), 1);
        let error = rows.next().unwrap().unwrap_err();
        assert_eq!(error.sqlstate(), Some("22012"));
        assert!(rows.next().is_none());
        drop(rows);
        assert_eq!(count(&mut conn), 0);
    }
}

#[test]
fn a_server_that_is_killed() {
    within(Duration::from_secs(60), || {
        let mut conn = with_table();
        let mut copy = conn.copy_in_rows(BINARY).unwrap();
        copy.write_row((1, "x")).unwrap();
        copy.flush().unwrap();
        let pid = backend_of("copied FROM");
        terminate(pid);
        let sent = copy.write_rows((0..10_000_000).map(|number| (number, "x")));
        let error = sent.and_then(|()| copy.finish().map(drop)).unwrap_err();
        assert!(error.is_closed(), "{error}");
        assert!(conn.is_closed());
        let mut conn = connect();
        let pid = conn.info().backend_pid();
        let mut rows = conn.copy_out_rows(MANY).unwrap();
        rows.next().unwrap().unwrap();
        terminate(pid);
        let error = rows.find_map(Result::err).expect("an error");
        assert!(error.is_closed(), "{error}");
        assert!(rows.next().is_none());
    });
}

/// The server process that runs a statement with this text.
fn backend_of(text: &str) -> i32 {
    let sql = "SELECT max(pid) FROM pg_stat_activity WHERE query LIKE $1 AND state = 'active' AND pid <> pg_backend_pid()";
    let row = connect().query_one(sql, (format!("COPY {text}%"),));
    row.unwrap().get(0).unwrap()
}

#[tokio::test]
async fn rows_go_in_and_come_out_on_tokio() {
    let mut conn = with_table_on_tokio().await;
    for format in FORMATS {
        let sql = format!("COPY copied FROM STDIN {format}");
        let mut copy = conn.copy_in_rows(&sql).await.unwrap();
        copy.write_row((0, None::<&str>)).await.unwrap();
        copy.write_row((1_i64 << 40, "x")).await.unwrap_err();
        copy.flush().await.unwrap();
        let rows = (1..50_000).map(|number| (number, Some("a text")));
        copy.write_rows(rows).await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 50_000);
        let sql = format!("COPY copied TO STDOUT {format}");
        let mut rows = conn.copy_out_rows(&sql).await.unwrap();
        let mut sum = 0;
        while let Some(row) = rows.next().await {
            let row = row.unwrap();
            sum += i64::from(row.get::<i32>("a").unwrap());
            let text: Option<&str> = row.get("b").unwrap();
            assert_eq!(text.is_some(), row.get::<i32>("a").unwrap() > 0);
        }
        drop(rows);
        assert_eq!(sum, 49_999 * 50_000 / 2);
        conn.execute("TRUNCATE copied", ()).await.unwrap();
    }
    let types = [oid::INT4, oid::TEXT];
    let mut copy = conn.copy_in_typed(BINARY, &types).await.unwrap();
    copy.write_row((1, "x")).await.unwrap();
    assert_eq!(copy.finish().await.unwrap(), 1);
    let sql = "COPY copied TO STDOUT (FORMAT binary)";
    let mut rows = conn.copy_out_typed(sql, &types).await.unwrap();
    let row = rows.next().await.unwrap().unwrap();
    assert_eq!(row.get::<&str>("column2").unwrap(), "x");
    drop(rows);
    let error = conn.copy_in_typed(BINARY, &types[..1]).await.unwrap_err();
    assert!(error.to_string().contains("2 columns"), "{error}");
    let error = conn.copy_in_rows("COPY nowhere FROM STDIN").await;
    assert_eq!(error.unwrap_err().sqlstate(), Some("42P01"));
    assert_eq!(count_on_tokio(&mut conn).await, 1);
}

#[tokio::test]
async fn errors_of_the_server_on_tokio() {
    let mut conn = with_table_on_tokio().await;
    conn.execute("ALTER TABLE copied ADD CHECK (a < 3)", ())
        .await
        .unwrap();
    let mut copy = conn.copy_in_rows(BINARY).await.unwrap();
    let sent = copy
        .write_rows((0..10_000_000).map(|number| (number, "x")))
        .await;
    let ended = copy.finish().await.map(drop);
    let error = sent.and(ended).unwrap_err();
    assert_eq!(error.sqlstate(), Some("23514"));
    let sql = "COPY (SELECT 1 / (3 - x) FROM generate_series(1, 5) x) TO STDOUT (FORMAT binary)";
    let mut rows = conn.copy_out_rows(sql).await.unwrap();
    rows.next().await.unwrap().unwrap();
    rows.next().await.unwrap().unwrap();
    let error = rows.next().await.unwrap().unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    assert!(rows.next().await.is_none());
    drop(rows);
    assert_eq!(count_on_tokio(&mut conn).await, 0);
    let pid = conn.info().backend_pid();
    let mut rows = conn.copy_out_rows(MANY).await.unwrap();
    rows.next().await.unwrap().unwrap();
    tokio::task::spawn_blocking(move || terminate(pid))
        .await
        .unwrap();
    let error: Error = loop {
        if let Err(error) = rows.next().await.expect("an error") {
            break error;
        }
    };
    assert!(error.is_closed(), "{error}");
}

#[tokio::test]
async fn given_up_at_any_point() {
    let mut conn = with_table_on_tokio().await;
    for polls in 0..40 {
        let copied = polled(polls, async {
            let mut copy = conn.copy_in_rows(BINARY).await.unwrap();
            copy.write_rows((0..20_000).map(|number| (number, "a text")))
                .await
                .unwrap();
            copy.finish().await.unwrap()
        })
        .await;
        let there = count_on_tokio(&mut conn).await;
        match copied {
            Some(count) => assert_eq!((count, there), (20_000, 20_000)),
            None => assert!(there == 0 || there == 20_000, "{there}"),
        }
        let read = polled(polls, async {
            let sql = "COPY (SELECT g FROM generate_series(1, 20000) g) TO STDOUT (FORMAT binary)";
            let mut rows = conn.copy_out_rows(sql).await.unwrap();
            let mut read = 0;
            while let Some(row) = rows.next().await {
                row.unwrap();
                read += 1;
            }
            read
        })
        .await;
        assert!(read.is_none_or(|read| read == 20_000));
        conn.execute("TRUNCATE copied", ()).await.unwrap();
    }
}

#[tokio::test]
async fn a_row_whose_future_is_dropped_is_not_written() {
    let mut conn = with_table_on_tokio().await;
    let text = "x".repeat(50_000);
    let mut copy = conn.copy_in_rows(BINARY).await.unwrap();
    let mut written = 0;
    for number in 0..2000 {
        let row = (number, text.as_str());
        // The server reads while nobody waits for it.
        if polled(1, copy.write_row(row)).await.is_some() {
            written += 1;
        }
        if number % 500 == 0 {
            copy.flush().await.unwrap();
        }
    }
    let count = copy.finish().await.unwrap();
    assert_eq!(count, written);
    let row = conn
        .query_one("SELECT count(*), count(DISTINCT a) FROM copied", ())
        .await
        .unwrap();
    let counts: (i64, i64) = row.read().unwrap();
    let written = i64::try_from(written).unwrap();
    assert_eq!(counts, (written, written));
}

#[tokio::test]
async fn a_copy_that_is_dropped_is_undone_on_tokio() {
    let mut conn = with_table_on_tokio().await;
    for _ in 0..3 {
        let mut copy = conn.copy_in_rows(BINARY).await.unwrap();
        let rows = (0..100_000).map(|number| (number, "x"));
        copy.write_rows(rows).await.unwrap();
        drop(copy);
        let mut rows = conn.copy_out_rows(MANY).await.unwrap();
        rows.next().await.unwrap().unwrap();
        drop(rows);
        assert_eq!(count_on_tokio(&mut conn).await, 0);
    }
}
