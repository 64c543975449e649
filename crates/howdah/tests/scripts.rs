//! Texts of several statements, and what is said of a statement without running it.

mod common;

use common::{connect, resident, unique};
use howdah::{Connection, Error, Statement, ToSql, TransactionStatus};

const TWO_ROWS: &str = "SELECT 7 AS n, 'x' AS t UNION ALL SELECT 8, NULL ORDER BY 1";

fn prepared(conn: &mut Connection) -> i64 {
    conn.query_scalar("SELECT count(*) FROM pg_prepared_statements", ())
        .unwrap()
}

#[test]
fn values_are_text_and_read_as_any_type() {
    let mut conn = connect();
    let sql = format!(
        "SELECT '2020-03-02'::date; {TWO_ROWS}; ;UPDATE pg_class SET relname = '' WHERE false"
    );
    let mut results = conn.simple_query(&sql).unwrap();
    assert_eq!(results.len(), 3);
    let date = results[0].row(0).unwrap();
    assert_eq!(date.text(0).unwrap().unwrap(), "2020-03-02");
    let read: Vec<(i32, Option<String>)> = results.remove(1).read_all().unwrap();
    assert_eq!(read, [(7, Some("x".to_owned())), (8, None)]);
    assert_eq!(
        (results[1].status(), results[1].rows_affected()),
        ("UPDATE 0", 0)
    );
    assert_eq!(conn.simple_query("").unwrap().len(), 1);
    assert_eq!(prepared(&mut conn), 0);
}

#[test]
fn an_error_undoes_what_came_before_and_skips_what_follows() {
    let mut conn = connect();
    conn.batch_execute("CREATE TEMP TABLE t (n int4); INSERT INTO t VALUES (1)")
        .unwrap();
    for end in ["SELECT 1/0", "COPY t FROM STDIN"] {
        let sql = format!("INSERT INTO t VALUES (2); {end}; INSERT INTO t VALUES (3)");
        let error = conn.batch_execute(&sql).unwrap_err();
        let error_of_results = conn.simple_query(&sql).unwrap_err();
        assert_eq!(error.to_string(), error_of_results.to_string());
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    }
    let count = conn.query_scalar::<i64>("SELECT count(*) FROM t WHERE n = 2", ());
    assert_eq!(count.unwrap(), 0);
    let mut tx = conn.transaction().unwrap();
    assert!(tx.batch_execute("SELECT 1; SELECT 1/0").is_err());
    assert_eq!(tx.info().transaction_status(), TransactionStatus::Failed);
    assert!(tx.commit().is_err());
    // What ends the transaction is seen also where its result is thrown away.
    let mut tx = conn.transaction().unwrap();
    tx.batch_execute("INSERT INTO t VALUES (4); COMMIT")
        .unwrap();
    assert!(tx.execute("SELECT 1", ()).unwrap_err().is_usage());
    assert!(tx.commit().unwrap_err().is_usage());
    assert!(conn.batch_execute("SELECT '\0'").unwrap_err().is_usage());
}

/// Whether a text that was refused for its COPY has been run as a whole or not at all, with a row of 1 before and one of 2 behind.
const IS_WHOLE: &str =
    "SELECT count(*) FILTER (WHERE n = 1) = count(*) FILTER (WHERE n = 2) FROM t";

/// What a COPY TO STDOUT gives is thrown away; one that goes on is cancelled, with what the text has done before it.
#[test]
fn a_copy_to_stdout_is_refused() {
    let mut conn = connect();
    conn.batch_execute("CREATE TEMP TABLE t (n int4)").unwrap();
    let before = resident();
    let mut most = 0;
    let mut refused = |ended: Result<(), Error>| {
        let error = ended.unwrap_err();
        assert!(error.to_string().contains("COPY cannot be used"), "{error}");
        assert!(!error.is_closed() && error.sqlstate().is_none());
        most = most.max(resident().saturating_sub(before));
    };
    for rows in [1, 2000, 1_000_000] {
        let copy =
            format!("COPY (SELECT repeat('x', 100000) FROM generate_series(1, {rows})) TO STDOUT");
        let sql = format!("INSERT INTO t VALUES (1); {copy}; INSERT INTO t VALUES (2)");
        refused(conn.simple_query(&sql).map(drop));
        refused(conn.batch_execute(&sql));
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
        assert!(conn.query_scalar::<bool>(IS_WHOLE, ()).unwrap());
        let mut tx = conn.transaction().unwrap();
        refused(tx.simple_query(&sql).map(drop));
        tx.rollback().unwrap();
    }
    assert!(most < 64 << 20, "{most}");
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn copies_are_refused_on_tokio() {
    let mut conn = howdah::AsyncConnection::connect(&common::dsn())
        .await
        .unwrap();
    conn.batch_execute("CREATE TEMP TABLE t (n int4)")
        .await
        .unwrap();
    for copy in ["COPY t FROM STDIN", "COPY t TO STDOUT"] {
        let sql = format!("INSERT INTO t VALUES (1); {copy}; INSERT INTO t VALUES (2)");
        for error in [
            conn.simple_query(&sql).await.unwrap_err(),
            conn.batch_execute(&sql).await.unwrap_err(),
        ] {
            assert!(error.to_string().contains("COPY cannot be used"), "{error}");
            assert!(!error.is_closed());
        }
        assert!(conn.query_scalar::<bool>(IS_WHOLE, ()).await.unwrap());
    }
}

#[test]
fn results_that_are_thrown_away_take_no_memory() {
    let mut conn = connect();
    let many = "SELECT repeat('x', 100000) FROM generate_series(1, 1000);".repeat(3);
    let mut most = 0;
    let before = resident();
    for _ in 0..2 {
        conn.batch_execute(&many).unwrap();
        most = most.max(resident().saturating_sub(before));
    }
    assert!(most < 64 << 20, "{most}");
}

/// A type that another statement of the same text has changed is looked up again.
#[test]
fn what_changes_types_is_noted_without_its_result() {
    let mut conn = connect();
    let name = unique("scripted");
    conn.batch_execute(&format!("CREATE TYPE {name} AS (a int4)"))
        .unwrap();
    let row = conn
        .query_one(&format!("SELECT ROW(1)::{name}"), ())
        .unwrap();
    assert_eq!(row.get::<(i32,)>(0).unwrap(), (1,));
    let many = "SELECT repeat('x', 100000) FROM generate_series(1, 100);";
    conn.batch_execute(&format!("ALTER TYPE {name} ADD ATTRIBUTE b text; {many}"))
        .unwrap();
    let row = conn
        .query_one(&format!("SELECT ROW(1, 'x')::{name}"), ())
        .unwrap();
    assert_eq!(row.get::<(i32, String)>(0).unwrap(), (1, "x".to_owned()));
    conn.batch_execute(&format!("DROP TYPE {name}")).unwrap();
}

fn described(statement: &Statement) -> (Vec<String>, Vec<String>) {
    let parameters = statement.parameters().map(|each| each.type_name().into());
    let columns = statement.columns().map(|column| {
        let origin = (column.table_oid().is_some(), column.table_column());
        format!("{} {} {origin:?}", column.name(), column.type_name())
    });
    (parameters.collect(), columns.collect())
}

const CLASSES: &str = "SELECT relname, oid::int8 + $1 AS sum FROM pg_class WHERE relkind = $2";
const EXPECTED: [&str; 2] = ["relname name (true, Some(2))", "sum int8 (false, None)"];

#[test]
fn a_description_leaves_nothing_prepared() {
    let mut conn = connect();
    let statement = conn.describe(CLASSES).unwrap();
    let (parameters, columns) = described(&statement);
    assert_eq!(parameters, ["int8", "char"]);
    assert_eq!(columns, EXPECTED);
    assert_eq!(prepared(&mut conn), 0);
    let kept = conn.prepare(CLASSES).unwrap();
    assert_eq!(described(&kept), (parameters, columns));
    assert_eq!(prepared(&mut conn), 1);
    // It stands for its text.
    let params: [&dyn ToSql; 2] = [&0, &"i"];
    assert!(conn.query(&statement, params).unwrap().row_count() > 0);
    let none = conn.describe("SET datestyle = iso").unwrap();
    assert_eq!((none.parameters().len(), none.columns().len()), (0, 0));
    let error = conn.describe("SELECT nothing").unwrap_err();
    assert_eq!(error.sqlstate(), Some("42703"));
    let mut tx = conn.transaction().unwrap();
    assert_eq!(tx.describe("SELECT 1").unwrap().columns().len(), 1);
    tx.commit().unwrap();
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use super::*;
    use common::polled::polled;
    use howdah::AsyncConnection;

    async fn connect() -> AsyncConnection {
        AsyncConnection::connect(&common::dsn()).await.unwrap()
    }

    #[tokio::test]
    async fn scripts_and_descriptions() {
        let mut conn = connect().await;
        conn.batch_execute("CREATE TEMP TABLE t (n int4); INSERT INTO t VALUES (1), (2)")
            .await
            .unwrap();
        let results = conn
            .simple_query("SELECT n FROM t; DELETE FROM t")
            .await
            .unwrap();
        assert_eq!((results[0].row_count(), results[1].rows_affected()), (2, 2));
        let error = conn
            .batch_execute("SELECT 1; SELECT 1/0")
            .await
            .unwrap_err();
        assert_eq!(error.sqlstate(), Some("22012"));
        let statement = conn.describe(CLASSES).await.unwrap();
        assert_eq!(described(&statement).1, EXPECTED);
        let client = conn.into_client();
        let statement = client.describe(CLASSES).await.unwrap();
        assert_eq!(described(&statement).1, EXPECTED);
        let left = "SELECT count(*) FROM pg_prepared_statements";
        assert_eq!(client.query_scalar::<i64>(left, ()).await.unwrap(), 0);
        client
            .batch_execute("INSERT INTO t VALUES (3)")
            .await
            .unwrap();
        let results = client.simple_query("SELECT n FROM t").await.unwrap();
        assert_eq!(results[0].row(0).unwrap().get::<i32>(0).unwrap(), 3);
        assert!(client.batch_execute("BEGIN; SELECT 1/0").await.is_err());
        assert_eq!(client.query_scalar::<i64>(left, ()).await.unwrap(), 0);
    }

    /// Wherever the future is dropped, the next operation has the connection as it was.
    #[tokio::test]
    async fn those_that_are_dropped_leave_the_connection_usable() {
        let mut conn = connect().await;
        let many = "SELECT repeat('x', 1000000) FROM generate_series(1, 20); SELECT 1";
        let (mut dropped, mut ended) = (0, 0);
        for polls in 0..200 {
            let done = polled(polls, conn.batch_execute(many)).await;
            assert_eq!(conn.query_scalar::<i32>("SELECT 5", ()).await.unwrap(), 5);
            match done {
                None => dropped += 1,
                Some(done) => {
                    done.unwrap();
                    ended += 1;
                    break;
                }
            }
        }
        assert!(dropped > 0 && ended == 1, "{dropped} {ended}");
        for polls in 0..20 {
            let done = polled(polls, conn.describe(CLASSES)).await;
            assert_eq!(conn.query_scalar::<i32>("SELECT 5", ()).await.unwrap(), 5);
            if let Some(done) = done {
                assert_eq!(described(&done.unwrap()).1, EXPECTED);
                return;
            }
        }
        panic!("it never ended");
    }
}
