//! Rows as they arrive, against a real server.

mod common;

use std::time::{Duration, Instant};

use common::{connect, resident, unique, within};
use howdah::types::datetime::Date;
use howdah::{Connection, Row, Session};

const ENDLESS: &str = "SELECT generate_series(1, 1000000000)";
const MANY: &str = "SELECT i, repeat('x', 100) FROM generate_series(1, 2000000) i";
/// What a stream may take, above what there was.
const MOST: usize = 32 << 20;

fn one(session: &mut Session, sql: &str) -> i32 {
    session.query_one(sql, ()).unwrap().get(0).unwrap()
}

/// Whether the server waits for somebody to read what it has sent.
fn server_waits(watcher: &mut Connection, pid: i32) -> bool {
    let sql = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'ClientWrite'";
    watcher.query_opt(sql, (pid,)).unwrap().is_some()
}

#[test]
fn rows_come_as_they_arrive() {
    let mut conn = connect();
    let sql = "SELECT i, repeat('x', 1000) FROM generate_series(1, $1::int4) i";
    for _ in 0..2 {
        let mut count = 0;
        for row in conn.query_stream(sql, (20_000,)).unwrap() {
            count += 1;
            let (number, text): (i32, String) = row.unwrap().read().unwrap();
            assert_eq!((number, text.len()), (count, 1000));
        }
        assert_eq!(count, 20_000);
    }
    assert_eq!(conn.query_stream("SELECT 1", ()).unwrap().count(), 1);
    assert_eq!(
        conn.query_stream("SELECT 1 WHERE false", ())
            .unwrap()
            .count(),
        0
    );
    let set = "SET work_mem = 1024";
    assert_eq!(conn.query_stream(set, ()).unwrap().count(), 0);
    assert!(conn.query_stream("SELECT nothing", ()).is_err());
}

#[test]
fn an_error_is_the_last_item_behind_all_rows_that_came() {
    let mut conn = connect();
    for (rows, before) in [(10, 4), (10_000, 5_000), (500_000, 499_990)] {
        let sql = "SELECT 1 / ($1 - i), i FROM generate_series(1, $2::int4) i";
        let mut stream = conn.query_stream(sql, ((before + 1), &rows)).unwrap();
        for n in 1..=before {
            assert_eq!(stream.next().unwrap().unwrap().get::<i32>(1).unwrap(), n);
        }
        let error = stream.next().unwrap().unwrap_err();
        assert_eq!(error.sqlstate(), Some("22012"));
        assert!(stream.next().is_none());
        drop(stream);
        assert_eq!(one(&mut conn, "SELECT 7"), 7);
    }
}

/// The values of a row, as what they are in Rust.
fn values(row: &Row) -> (i64, Date, String, Vec<f64>, Option<bool>) {
    row.read().unwrap()
}

#[test]
fn a_stream_gives_what_a_query_gives() {
    let mut conn = connect();
    let sql =
        "SELECT $1::int8, '2020-03-02'::date, 'text'::varchar, '{1.5,0.1}'::float8[], NULL::bool";
    for style in ["iso", "sql, dmy", "german"] {
        conn.execute(&format!("SET datestyle TO {style}"), ())
            .unwrap();
        for n in 0..8_i64 {
            let expected = conn.query_one(sql, (n,)).unwrap();
            let row = conn
                .query_stream(sql, (n,))
                .unwrap()
                .next()
                .unwrap()
                .unwrap();
            assert_eq!(values(&row), values(&expected));
            assert_eq!(values(&row).0, n);
        }
    }
    // It is one prepared statement for both.
    let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = $1";
    let row = conn.query_one(prepared, (&sql,)).unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 1);
}

#[test]
fn types_made_by_users_are_known_before_the_first_row() {
    let mut conn = connect();
    let name = unique("pair");
    conn.execute(&format!("CREATE TYPE {name} AS (a int4, b text)"), ())
        .unwrap();
    let sql = format!("SELECT ROW(i, 'x')::{name}, $1::{name} FROM generate_series(1, 3) i");
    let mut fresh = connect();
    let parameter = (5, "y".to_owned());
    for (n, row) in (1..).zip(fresh.query_stream(&sql, (&parameter,)).unwrap()) {
        let row = row.unwrap();
        assert_eq!(row.columns().next().unwrap().type_name(), name);
        assert_eq!(row.get::<(i32, String)>(0).unwrap(), (n, "x".to_owned()));
        assert_eq!(row.get::<(i32, String)>(1).unwrap(), parameter);
    }
    conn.execute(&format!("DROP TYPE {name}"), ()).unwrap();
}

#[test]
fn memory_is_bounded_and_the_server_waits() {
    within(Duration::from_secs(100), || {
        let (mut conn, mut watcher) = (connect(), connect());
        let pid = conn.info().backend_pid();
        let before = resident();
        let mut stream = conn.query_stream(MANY, ()).unwrap();
        for n in 1..=2_000_000 {
            let row = stream.next().unwrap().unwrap();
            if n % 500_000 == 1 {
                std::thread::sleep(Duration::from_millis(200));
                assert!(server_waits(&mut watcher, pid));
            }
            if n % 1000 == 1 {
                assert_eq!(row.get::<i32>(0).unwrap(), n);
                let grown = resident().saturating_sub(before);
                assert!(grown < MOST, "{grown} after {n} rows");
            }
        }
        assert!(stream.next().is_none());
    });
}

#[test]
fn a_stream_that_is_dropped_leaves_a_usable_connection() {
    let mut conn = connect();
    let begun = Instant::now();
    for rows in [0, 1, 10_000] {
        let mut stream = conn.query_stream(ENDLESS, ()).unwrap();
        for n in 1..=rows {
            assert_eq!(stream.next().unwrap().unwrap().get::<i32>(0).unwrap(), n);
        }
        drop(stream);
        assert_eq!(one(&mut conn, "SELECT 7"), 7);
    }
    std::mem::forget(conn.query_stream(ENDLESS, ()).unwrap());
    assert_eq!(one(&mut conn, "SELECT 8"), 8);
    // A transaction has failed then, and a savepoint helps.
    let mut tx = conn.transaction().unwrap();
    let mut block = tx.savepoint().unwrap();
    block
        .query_stream(ENDLESS, ())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(
        block.execute("SELECT 1", ()).unwrap_err().sqlstate(),
        Some("25P02")
    );
    block.rollback().unwrap();
    assert_eq!(one(&mut tx, "SELECT 9"), 9);
    tx.commit().unwrap();
    // Nothing is lost by leaving what has ended.
    let mut tx = conn.transaction().unwrap();
    let mut stream = tx.query_stream("SELECT 1", ()).unwrap();
    stream.next().unwrap().unwrap();
    assert!(stream.next().is_none());
    drop(stream);
    tx.commit().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use super::*;
    use howdah::{AsyncClient, AsyncConnection, AsyncSession};
    use tokio::time::timeout;

    async fn connect() -> AsyncConnection {
        AsyncConnection::connect(&common::dsn()).await.unwrap()
    }

    async fn one(session: &mut AsyncSession, sql: &str) -> i32 {
        let row = session.query_one(sql, ()).await;
        row.unwrap().get(0).unwrap()
    }

    #[tokio::test]
    async fn an_error_is_the_last_item_behind_all_rows_that_came() {
        let mut conn = connect().await;
        for (rows, before) in [(10, 4), (100_000, 50_000)] {
            let sql = "SELECT 1 / ($1 - i), i FROM generate_series(1, $2::int4) i";
            let params: [&dyn howdah::ToSql; 2] = [&(before + 1), &rows];
            let mut stream = conn.query_stream(sql, &params).await.unwrap();
            for n in 1..=before {
                let row = stream.next().await.unwrap().unwrap();
                assert_eq!(row.get::<i32>(1).unwrap(), n);
            }
            let error = stream.next().await.unwrap().unwrap_err();
            assert_eq!(error.sqlstate(), Some("22012"));
            assert!(stream.next().await.is_none());
            drop(stream);
            assert_eq!(one(&mut conn, "SELECT 7").await, 7);
        }
    }

    #[tokio::test]
    async fn memory_is_bounded_and_the_server_waits() {
        let mut watcher = tokio::task::spawn_blocking(super::connect).await.unwrap();
        let mut conn = connect().await;
        let pid = conn.info().backend_pid();
        let before = resident();
        let mut stream = conn.query_stream(MANY, ()).await.unwrap();
        for n in 1..=2_000_000 {
            let row = stream.next().await.unwrap().unwrap();
            if n % 500_000 == 1 {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let (waits, back) = tokio::task::spawn_blocking(move || {
                    let waits = server_waits(&mut watcher, pid);
                    (waits, watcher)
                })
                .await
                .unwrap();
                assert!(waits);
                watcher = back;
            }
            if n % 1000 == 1 {
                assert_eq!(row.get::<i32>(0).unwrap(), n);
                let grown = resident().saturating_sub(before);
                assert!(grown < MOST, "{grown} after {n} rows");
            }
        }
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_stream_that_is_dropped_leaves_a_usable_connection() {
        let mut conn = connect().await;
        for rows in [0, 1, 10_000] {
            let mut stream = conn.query_stream(ENDLESS, ()).await.unwrap();
            for n in 1..=rows {
                let row = stream.next().await.unwrap().unwrap();
                assert_eq!(row.get::<i32>(0).unwrap(), n);
            }
            drop(stream);
            assert_eq!(one(&mut conn, "SELECT 1").await, 1);
        }
        // Also a future of it, at any time, and the one that begins it.
        let sql = "SELECT i, pg_sleep(0.001) FROM generate_series(1, 10000) i";
        for micros in (0..40).map(|n| n * 150) {
            let time = Duration::from_micros(micros);
            if let Ok(begun) = timeout(time, conn.query_stream(sql, ())).await {
                let mut stream = begun.unwrap();
                let _ = timeout(time, stream.next()).await;
            }
            assert_eq!(one(&mut conn, "SELECT 2").await, 2);
        }
    }

    #[tokio::test]
    async fn a_client_streams_on_a_lease_and_others_wait() {
        let client = AsyncClient::connect(&common::dsn()).await.unwrap();
        let mut lease = client.lease().await.unwrap();
        let sql = "SELECT generate_series(1, $1::int4)";
        let mut stream = lease.query_stream(sql, (100_000,)).await.unwrap();
        assert_eq!(
            stream.next().await.unwrap().unwrap().get::<i32>(0).unwrap(),
            1
        );
        let other = tokio::spawn({
            let client = client.clone();
            async move { client.query_one("SELECT 7", ()).await?.get::<i32>(0) }
        });
        let mut count = 1;
        while let Some(row) = stream.next().await {
            row.unwrap();
            count += 1;
        }
        assert_eq!(count, 100_000);
        assert!(!other.is_finished());
        drop(stream);
        drop(lease);
        assert_eq!(other.await.unwrap().unwrap(), 7);
    }
}
