//! Prepared statements that are missing or of no use: executed again where nothing has been executed.

#![cfg(feature = "tokio")]

mod common;

use common::{connect, connect_without_autocommit, dsn, unique};
use howdah::{AsyncConnection, Connection, ToSql, TransactionStatus};

/// Drops all that is prepared, and its command tag does not say so.
const FORGET: &str = "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$";

/// A table of one row that is dropped at the end.
struct Table(String);

impl Table {
    fn new() -> Self {
        let name = unique("lost");
        let mut conn = connect();
        conn.execute(&format!("CREATE TABLE {name} AS SELECT 1 AS n"), ())
            .unwrap();
        Self(name)
    }

    /// Gives the results of all statements about it another type.
    fn widen(&self) {
        let name = &self.0;
        let sql = format!("ALTER TABLE {name} ADD {} int", unique("more"));
        connect().execute(&sql, ()).unwrap();
    }

    fn select(&self) -> String {
        format!("SELECT * FROM {} WHERE n = $1", self.0)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let _ = connect().execute(&format!("DROP TABLE {}", self.0), ());
    }
}

fn columns(conn: &mut Connection, sql: &str) -> usize {
    let rows = conn.query(sql, (1_i32,)).unwrap();
    assert_eq!(rows.len(), 1);
    rows.columns().len()
}

#[test]
fn blocking_statements_are_prepared_anew() {
    for mut conn in [connect(), connect_without_autocommit()] {
        let (table, mut width) = (Table::new(), 1);
        let sql = table.select();
        for _ in 0..3 {
            assert_eq!(columns(&mut conn, &sql), width);
            conn.commit().unwrap();
            table.widen();
            width += 1;
            assert_eq!(columns(&mut conn, &sql), width);
            conn.execute(FORGET, ()).unwrap();
            conn.commit().unwrap();
        }
    }
}

#[test]
fn the_first_statement_of_a_block_too() {
    let (mut conn, table) = (connect(), Table::new());
    let sql = table.select();
    columns(&mut conn, &sql);
    conn.execute(FORGET, ()).unwrap();
    let mut block = conn.transaction().unwrap();
    assert_eq!(block.query(&sql, (1_i32,)).unwrap().len(), 1);
    let insert = format!("INSERT INTO {} VALUES (1)", table.0);
    block.execute(&insert, ()).unwrap();
    block.commit().unwrap();
    assert_eq!(conn.query(&sql, (1_i32,)).unwrap().len(), 2);
}

#[test]
fn not_in_a_transaction_that_has_done_something() {
    // The connection is closed before the table is dropped.
    let (table, mut conn) = (Table::new(), connect_without_autocommit());
    let sql = table.select();
    columns(&mut conn, &sql);
    conn.commit().unwrap();
    conn.execute(FORGET, ()).unwrap();
    let error = conn.query(&sql, (1_i32,)).unwrap_err();
    assert_eq!(error.sqlstate(), Some("26000"));
    assert_eq!(conn.info().transaction_status(), TransactionStatus::Failed);
    conn.rollback().unwrap();
    assert_eq!(columns(&mut conn, &sql), 1);
}

#[tokio::test]
async fn tokio_statements_are_prepared_anew() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    for autocommit in [true, false] {
        conn.set_autocommit(autocommit).await.unwrap();
        let table = Table::new();
        let sql = table.select();
        for width in 1..4 {
            let rows = conn.query(&sql, (1_i32,)).await.unwrap();
            assert_eq!(rows.columns().len(), width);
            conn.execute(FORGET, ()).await.unwrap();
            conn.commit().await.unwrap();
            table.widen();
        }
    }
    conn.close().await;
}

#[tokio::test]
async fn those_of_clients_too() {
    let conn = AsyncConnection::connect(&dsn()).await.unwrap();
    let client = conn.into_client();
    let table = Table::new();
    let sql = table.select();
    for width in 1..4 {
        let asked = (0..10).map(|_| {
            let (client, sql) = (client.clone(), sql.clone());
            tokio::spawn(async move { client.query(&sql, (1_i32,)).await.unwrap().columns().len() })
        });
        for task in asked.collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap(), width);
        }
        client.execute(FORGET, ()).await.unwrap();
        table.widen();
    }
    client.close().await;
}

/// A pooler in transaction mode in front of the server, where one is installed.
fn pooler() -> Option<String> {
    let dsn = std::env::var("HOWDAH_TEST_POOLER_DSN").ok();
    if dsn.is_none() {
        eprintln!(
            "HOWDAH_TEST_POOLER_DSN is not set: pgbouncer is not installed, and this test tests nothing"
        );
    }
    dsn
}

/// The same statements many times, while others take the sessions of the server in turn.
fn work(dsn: &str, autocommit: bool) {
    let mut conn = Connection::connect(dsn).unwrap();
    conn.set_autocommit(autocommit).unwrap();
    for n in 0..60_i32 {
        let row = conn.query_one("SELECT $1::int4 + 1", (n,)).unwrap();
        assert_eq!(row.get::<i32>(0).unwrap(), n + 1);
        let row = conn.query_one("SELECT $1::text, 5", ("x",)).unwrap();
        assert_eq!(row.get::<String>(0).unwrap(), "x");
        conn.execute_many("SELECT $1::int4", [(1,), (2,)]).unwrap();
        conn.commit().unwrap();
        let mut block = conn.transaction().unwrap();
        for _ in 0..2 {
            let row = block.query_one("SELECT $1::int4 + 1", (n,)).unwrap();
            assert_eq!(row.get::<i32>(0).unwrap(), n + 1);
        }
        block.commit().unwrap();
    }
}

#[test]
fn through_a_pooler() {
    let Some(dsn) = pooler() else { return };
    std::thread::scope(|scope| {
        for number in 0..6 {
            let dsn = &dsn;
            scope.spawn(move || work(dsn, number % 2 == 0));
        }
    });
}

#[tokio::test]
async fn through_a_pooler_on_tokio() {
    let Some(dsn) = pooler() else { return };
    let tasks = (0..6).map(|_| {
        let dsn = dsn.clone();
        tokio::spawn(async move {
            let conn = AsyncConnection::connect(&dsn).await.unwrap();
            let client = conn.into_client();
            for n in 0..60_i32 {
                let params: [&dyn ToSql; 1] = [&n];
                let (one, two) = tokio::join!(
                    client.query_one("SELECT $1::int4 + 1", &params),
                    client.query_one("SELECT $1::int4 * 2", &params),
                );
                assert_eq!(one.unwrap().get::<i32>(0).unwrap(), n + 1);
                assert_eq!(two.unwrap().get::<i32>(0).unwrap(), n * 2);
            }
            client.close().await;
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}
