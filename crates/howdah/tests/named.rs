//! Parameters whose types are named: the server is not asked for them, and each is sent as its type or not at all.

mod common;

use common::{connect, unique};
use howdah::types::datetime::Interval;
use howdah::types::oid;
use howdah::{Batch, Connection, Error, Session, ToParams, ToSql, Typed};
use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::{MockServer, Script};

const TYPE: &str = "SELECT pg_typeof($1)::text";

/// Which statements the session has prepared.
fn prepared(session: &mut Session) -> Vec<(String, String)> {
    let sql =
        "SELECT statement, parameter_types::text FROM pg_prepared_statements ORDER BY prepare_time";
    session.query_as(sql, ()).unwrap()
}

#[test]
fn one_exchange_is_enough_for_a_statement_that_is_new() {
    let script = Script::new()
        .accept_startup()
        .expect("Parse of the unnamed statement with the type", |message| {
            matches!(message, FrontendMessage::Parse { name: b"", parameter_oids, .. } if parameter_oids == &[oid::INT4])
        })
        .expect("Bind of four bytes", |message| {
            matches!(message, FrontendMessage::Bind { values, .. } if values == &[Some(b"\0\0\0\x07".as_slice())])
        })
        .until_sync()
        .send_raw(b"1\0\0\0\x042\0\0\0\x04".as_slice())
        .send_result(&[("n", oid::INT4)], &[&[Some("8")]], "SELECT 1")
        .send_ready()
        .expect_eof();
    let server = MockServer::tcp([script]).unwrap();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    let number: i32 = conn
        .query_scalar("SELECT $1 + 1", Typed(&[oid::INT4], (7,)))
        .unwrap();
    assert_eq!(number, 8);
    drop(conn);
    server.join().unwrap();
}

#[test]
fn the_types_are_those_that_were_named() {
    let mut conn = connect();
    for (ty, name) in [
        (oid::INT2, "smallint"),
        (oid::INT8, "bigint"),
        (oid::NUMERIC, "numeric"),
    ] {
        for _ in 0..7 {
            let named: String = conn.query_scalar(TYPE, Typed(&[ty], (7,))).unwrap();
            assert_eq!(named, name);
        }
    }
    // Those that are executed often are prepared, each with its type.
    let types: Vec<_> = prepared(&mut conn)
        .into_iter()
        .map(|(_, types)| types)
        .collect();
    assert_eq!(types, ["{smallint}", "{bigint}", "{numeric}"]);
    // What the server infers is another thing.
    let inferred: i64 = conn.query_scalar("SELECT $1::int8", (7,)).unwrap();
    assert_eq!(inferred, 7);
    let text = Typed(&[oid::UNKNOWN], ("7",));
    assert_eq!(conn.query_scalar::<i32>("SELECT $1 + 1", text).unwrap(), 8);
}

#[test]
fn a_value_of_another_type_is_refused_before_anything_is_sent() {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE t (a text)", ()).unwrap();
    let sql = "INSERT INTO t VALUES ($1)";
    for (named, why) in [
        (
            Typed(&[oid::TEXT], (1,)),
            "parameter $1 (text): i32 cannot be sent as text",
        ),
        (
            Typed(&[], (1,)),
            "0 types are named, and 1 parameters were given",
        ),
        (
            Typed(&[oid::INT4; 2], (1,)),
            "2 types are named, and 1 parameters were given",
        ),
    ] {
        for error in [
            conn.execute(sql, named).unwrap_err(),
            conn.execute_many(sql, [named]).unwrap_err(),
            conn.query_stream(sql, named).map(drop).unwrap_err(),
        ] {
            assert!(error.is_usage(), "{error:?}");
            assert!(error.to_string().ends_with(why), "{error}");
        }
    }
    assert_eq!(
        conn.query_scalar::<i64>("SELECT count(*) FROM t", ())
            .unwrap(),
        0
    );
    conn.execute(sql, Typed(&[oid::INT4], (1,))).unwrap();
    assert_eq!(
        conn.query_scalar::<String>("SELECT a FROM t", ()).unwrap(),
        "1"
    );
}

#[test]
fn all_that_runs_statements_takes_them() {
    let mut conn = connect();
    let named = |number: i32| Typed(&[oid::INT8], (number,));
    for _ in 0..3 {
        let rows: Vec<_> = conn.query_stream(TYPE, named(1)).unwrap().collect();
        let row = rows.into_iter().next().unwrap().unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "bigint");

        let mut batch = Batch::new();
        batch
            .add(TYPE, named(1))
            .add("SELECT $1 + 1", named(2))
            .add(TYPE, named(3));
        let results = conn.batch(&batch).unwrap();
        let names: Vec<_> = results.iter().map(|rows| rows.row(0).unwrap()).collect();
        assert_eq!(names[0].get::<&str>(0).unwrap(), "bigint");
        assert_eq!(names[1].get::<i64>(0).unwrap(), 3);
        assert_eq!(names[2].get::<&str>(0).unwrap(), "bigint");

        let mut tx = conn.transaction().unwrap();
        let mut portal = tx.portal(TYPE, named(1)).unwrap();
        let row = tx.fetch(&mut portal, 10).unwrap().fetch_one().unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "bigint");
        tx.commit().unwrap();
    }
    conn.execute("CREATE TEMP TABLE t (a text)", ()).unwrap();
    let sql = "INSERT INTO t VALUES (pg_typeof($1))";
    assert_eq!(conn.execute_many(sql, (0..5).map(named)).unwrap(), 5);
    let count = "SELECT count(*) FROM t WHERE a = 'bigint'";
    assert_eq!(conn.query_scalar::<i64>(count, ()).unwrap(), 5);
}

#[test]
fn types_made_by_users_are_looked_up() {
    let mut conn = connect();
    let mood = unique("mood");
    conn.batch_execute(&format!("CREATE TYPE {mood} AS ENUM ('sad', 'happy')"))
        .unwrap();
    let ty = conn
        .query_scalar("SELECT $1::regtype::oid", (&mood,))
        .unwrap();
    let types = [ty];
    let named: String = conn.query_scalar(TYPE, Typed(&types, ("happy",))).unwrap();
    assert_eq!(named, mood);
    let error = conn.query(TYPE, Typed(&types, (1,))).unwrap_err();
    assert!(error.to_string().contains(&mood), "{error}");
    conn.batch_execute(&format!("DROP TYPE {mood}")).unwrap();
}

#[test]
fn results_in_styles_that_are_not_read_come_in_binary() {
    let mut conn = connect();
    conn.batch_execute("SET intervalstyle = sql_standard")
        .unwrap();
    let interval = Interval {
        months: -14,
        days: 3,
        micros: -1,
    };
    let named = Typed(&[oid::INTERVAL], (interval,));
    for _ in 0..3 {
        assert_eq!(
            conn.query_scalar::<Interval>("SELECT $1", named).unwrap(),
            interval
        );
        let mut batch = Batch::new();
        batch
            .add("SELECT $1", named)
            .add("SELECT $1 AS again", named);
        for mut rows in conn.batch(&batch).unwrap() {
            assert_eq!(
                rows.fetch_one().unwrap().get::<Interval>(0).unwrap(),
                interval
            );
        }
    }
}

#[test]
fn what_was_prepared_and_is_of_no_use_is_not_used_in_a_batch() {
    let mut conn = connect();
    // Nobody sees what a function does.
    let function = "CREATE FUNCTION pg_temp.forget() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$";
    conn.execute(function, ()).unwrap();
    let named = Typed(&[oid::INT8], (1,));
    for _ in 0..7 {
        conn.query(TYPE, named).unwrap();
    }
    assert_eq!(prepared(&mut conn).len(), 1);
    let mut batch = Batch::new();
    batch.add("SELECT pg_temp.forget()", ()).add(TYPE, named);
    let results = conn.batch(&batch).unwrap();
    assert_eq!(results[1].row(0).unwrap().get::<&str>(0).unwrap(), "bigint");
    // By itself it is run again.
    assert_eq!(conn.query_scalar::<String>(TYPE, named).unwrap(), "bigint");
}

/// A number, with its type named or not.
#[derive(Clone, Copy)]
struct Number(Option<&'static [u32]>, i32);

impl ToParams for Number {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        work(&[&self.1])
    }

    fn types(&self) -> Option<&[u32]> {
        self.0
    }
}

const INSERT_TYPE: &str = "INSERT INTO t VALUES (pg_typeof($1 + 1)) RETURNING *";

/// Items of different types, some as the server infers them.
const MIXED: [Number; 7] = [
    Number(None, 1),
    Number(Some(&[oid::INT8]), 2),
    Number(Some(&[oid::INT8]), 3),
    Number(None, 4),
    Number(Some(&[oid::NUMERIC]), 5),
    Number(Some(&[oid::UNKNOWN]), 6),
    Number(Some(&[oid::INT8]), 7),
];

const NAMES: [&str; 7] = [
    "integer", "bigint", "bigint", "integer", "numeric", "integer", "bigint",
];

/// Of these one has no type for its parameter.
const WRONG: [Number; 3] = [
    Number(Some(&[oid::INT8]), 1),
    Number(None, 2),
    Number(Some(&[]), 3),
];

fn is_wrong(error: &Error) -> bool {
    error.is_usage() && error.item() == Some(2) && error.to_string().contains("0 types are named")
}

/// A session whose table has other columns after `SELECT pg_temp.widen()`, of which nobody is told.
fn with_table(conn: &mut Session) {
    conn.batch_execute(WITH_TABLE).unwrap();
}

const WITH_TABLE: &str = "CREATE TEMP TABLE t (a text);
    CREATE FUNCTION pg_temp.widen() RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE 'ALTER TABLE t ADD b int'; END $$;
    CREATE FUNCTION pg_temp.forget() RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$";

const OTHER_STYLE: &str = "SET intervalstyle = sql_standard";

#[test]
fn items_of_one_statement_have_their_own_types() {
    for style in ["", OTHER_STYLE] {
        let mut conn = connect();
        with_table(&mut conn);
        conn.batch_execute(style).unwrap();
        for _ in 0..3 {
            assert_eq!(conn.execute_many(INSERT_TYPE, MIXED).unwrap(), 7);
            let names: Vec<(String,)> = conn.query_as("SELECT a FROM t", ()).unwrap();
            assert!(names.iter().map(|(name,)| &**name).eq(NAMES), "{names:?}");
            conn.execute("TRUNCATE t", ()).unwrap();
            let error = conn.execute_many(INSERT_TYPE, WRONG).unwrap_err();
            assert!(is_wrong(&error), "{error:?}");
        }
        assert_eq!(conn.execute_many(INSERT_TYPE, [WRONG[0]; 3]).unwrap(), 3);
    }
}

#[test]
fn items_with_other_types_rely_on_nothing_that_was_prepared_before() {
    for style in ["", OTHER_STYLE] {
        let mut conn = connect();
        with_table(&mut conn);
        conn.batch_execute(style).unwrap();
        for item in MIXED {
            conn.execute_many(INSERT_TYPE, [item; 2]).unwrap();
        }
        conn.query("SELECT pg_temp.widen()", ()).unwrap();
        // The first is found to be of no use, and all is run again; the others would be when it has been executed.
        assert_eq!(conn.execute_many(INSERT_TYPE, MIXED).unwrap(), 7);
    }
}

const ALL: &str = "SELECT * FROM t WHERE $1::int4 IS NOT NULL";

#[test]
fn a_batch_has_a_text_with_types_and_without() {
    let named = Typed(&[oid::INT4], (1,));
    for style in ["", OTHER_STYLE] {
        for before in ["", "SELECT pg_temp.widen()", "SELECT pg_temp.forget()"] {
            let mut conn = connect();
            with_table(&mut conn);
            conn.batch_execute(style).unwrap();
            conn.query(ALL, (1,)).unwrap();
            conn.batch(Batch::new().add(ALL, named)).unwrap();
            if !before.is_empty() {
                conn.query(before, ()).unwrap();
            }
            let columns = if before.contains("widen") { 2 } else { 1 };
            let mut batch = Batch::new();
            batch
                .add(ALL, named)
                .add(ALL, (1,))
                .add("ALTER TABLE t ADD c int", ())
                .add(ALL, named)
                .add(ALL, (1,))
                .add(ALL, named);
            let results = conn.batch(&batch).unwrap();
            let counts: Vec<_> = results.iter().map(|rows| rows.columns().len()).collect();
            let after = columns + 1;
            assert_eq!(counts, [columns, columns, 0, after, after, after]);
        }
    }
}

#[test]
fn a_type_that_is_left_to_the_server_is_sent_as_text_everywhere() {
    let sql = "SELECT $1::text";
    let text = Typed(&[oid::UNKNOWN], (7,));
    for style in ["", OTHER_STYLE] {
        let mut conn = connect();
        conn.batch_execute(style).unwrap();
        for _ in 0..3 {
            assert_eq!(conn.query_scalar::<String>(sql, text).unwrap(), "7");
            let mut rows = conn.query_stream(sql, text).unwrap();
            let row = rows.next().unwrap().unwrap();
            assert_eq!(row.get::<&str>(0).unwrap(), "7");
            drop(rows);
            let mut batch = Batch::new();
            batch.add(sql, text).add(sql, text);
            for rows in conn.batch(&batch).unwrap() {
                assert_eq!(rows.row(0).unwrap().get::<&str>(0).unwrap(), "7");
            }
            let mut tx = conn.transaction().unwrap();
            let mut portal = tx.portal(sql, text).unwrap();
            let row = tx.fetch(&mut portal, 10).unwrap().fetch_one().unwrap();
            assert_eq!(row.get::<&str>(0).unwrap(), "7");
            tx.commit().unwrap();
        }
    }
}

#[test]
fn equal_items_of_a_batch_are_described_once() {
    let mut conn = connect();
    conn.batch_execute(OTHER_STYLE).unwrap();
    let batch: Batch<'_> = (0..50)
        .map(|number| ("SELECT $1 + 1", Typed(&[oid::INT4], (number,))))
        .collect();
    assert_eq!(conn.batch(&batch).unwrap().len(), 50);
    let sql = "SELECT name FROM pg_prepared_statements WHERE statement = 'SELECT $1 + 1'";
    let name: String = conn.query_scalar(sql, ()).unwrap();
    assert!(name.ends_with("_0"), "{name} is not the first");
}

#[test]
fn rows_of_a_copy_are_refused_with_types() {
    let mut conn = connect();
    with_table(&mut conn);
    for sql in ["COPY t FROM STDIN", "COPY t FROM STDIN (FORMAT binary)"] {
        let mut copy = conn.copy_in_rows(sql).unwrap();
        copy.write_row(("a",)).unwrap();
        for named in [Typed(&[oid::TEXT], ("b",)), Typed(&[], ("c",))] {
            let error = copy.write_row(named).unwrap_err();
            assert!(error.is_usage(), "{error:?}");
            assert!(
                error.to_string().contains("types of the columns"),
                "{error}"
            );
        }
        assert_eq!(copy.finish().unwrap(), 1);
    }
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn connections_of_tokio_mix_types_too() {
    let dsn = common::dsn();
    let mut conn = howdah::AsyncConnection::connect(&dsn).await.unwrap();
    conn.batch_execute(WITH_TABLE).await.unwrap();
    assert_eq!(conn.execute_many(INSERT_TYPE, MIXED).await.unwrap(), 7);
    let names: Vec<(String,)> = conn.query_as("SELECT a FROM t", ()).await.unwrap();
    assert!(names.iter().map(|(name,)| &**name).eq(NAMES), "{names:?}");
    let error = conn.execute_many(INSERT_TYPE, WRONG).await.unwrap_err();
    assert!(is_wrong(&error), "{error:?}");

    conn.query(ALL, (1,)).await.unwrap();
    conn.query("SELECT pg_temp.widen()", ()).await.unwrap();
    let mut batch = Batch::new();
    let named = Typed(&[oid::INT4], (1,));
    batch.add(ALL, named).add(ALL, (1,));
    for rows in conn.batch(&batch).await.unwrap() {
        assert_eq!(rows.columns().len(), 2);
    }

    let text = Typed(&[oid::UNKNOWN], (7,));
    let mut rows = conn.query_stream("SELECT $1::text", text).await.unwrap();
    let row = rows.next().await.unwrap().unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "7");
    drop(rows);

    let mut copy = conn.copy_in_rows("COPY t (a) FROM STDIN").await.unwrap();
    let refused = copy.write_row(Typed(&[oid::TEXT], ("b",))).await;
    assert!(refused.unwrap_err().is_usage());
    assert_eq!(copy.finish().await.unwrap(), 0);
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn connections_of_tokio_take_them_too() {
    let dsn = common::dsn();
    let mut conn = howdah::AsyncConnection::connect(&dsn).await.unwrap();
    let client = howdah::AsyncClient::connect(&dsn).await.unwrap();
    for _ in 0..7 {
        let named = Typed(&[oid::INT8], (1,));
        let own: String = conn.query_scalar(TYPE, named).await.unwrap();
        let shared: String = client.query_scalar(TYPE, named).await.unwrap();
        assert_eq!((&*own, &*shared), ("bigint", "bigint"));
        let mut rows = conn.query_stream(TYPE, named).await.unwrap();
        let row = rows.next().await.unwrap().unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "bigint");
    }
}
