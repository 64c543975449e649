//! Portals: pages of rows within a transaction.

mod common;

use std::time::Duration;

use common::{connect, connect_without_autocommit, unique, within};
use howdah::{Connection, Error, Portal, Session, TransactionStatus};
use howdah_testkit::{MockServer, Script};

const BOUND: Duration = Duration::from_secs(10);
const FIVE: &str = "SELECT n, 'text ' || n FROM generate_series(1, 5) AS n";

/// How many portals the server has.
const THERE: &str = r"SELECT count(*) FROM pg_cursors WHERE name LIKE '\_howdah\_portal%'";

/// The first column of a page.
fn page(session: &mut Session, portal: &mut Portal, rows: usize) -> Vec<i32> {
    let rows = session.fetch(portal, rows).unwrap();
    rows.map(|row| row.get(0).unwrap()).collect()
}

fn there(session: &mut Session) -> i64 {
    session.query_scalar(THERE, ()).unwrap()
}

fn is_usage(result: Result<impl Sized, Error>, text: &str) {
    let Err(error) = result else {
        panic!("it should be an error: {text}");
    };
    assert!(
        error.is_usage() && error.to_string().contains(text),
        "{error}"
    );
}

#[test]
fn pages_of_several_portals_by_turns() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let mut five = tx.portal(FIVE, ()).unwrap();
    let columns: Vec<_> = five
        .columns()
        .map(|column| column.type_name().into_owned())
        .collect();
    assert_eq!(
        (five.sql(), columns),
        (FIVE, vec!["int4".to_owned(), "text".to_owned()])
    );
    let mut four = tx
        .portal("SELECT generate_series($1::int4, $2)", (11, 14))
        .unwrap();
    assert_eq!(page(&mut tx, &mut five, 2), [1, 2]);
    assert_eq!(page(&mut tx, &mut four, 2), [11, 12]);
    // Other statements come between, also those that change what is read.
    assert_eq!(tx.query_scalar::<i32>("SELECT 7", ()).unwrap(), 7);
    let rows = tx.fetch(&mut five, 2).unwrap();
    assert_eq!((rows.row_count(), rows.status()), (2, ""));
    let read: Vec<(i32, String)> = rows.read_all().unwrap();
    assert_eq!(read, [(3, "text 3".to_owned()), (4, "text 4".to_owned())]);
    // That these were the last is known when there are no more.
    assert_eq!(page(&mut tx, &mut four, 2), [13, 14]);
    assert!(!four.is_done() && !five.is_done());
    assert_eq!(page(&mut tx, &mut four, 2), [0; 0]);
    assert_eq!(page(&mut tx, &mut five, usize::MAX), [5]);
    assert!(four.is_done() && five.is_done());
    let none = tx.fetch(&mut five, 1).unwrap();
    assert_eq!((none.row_count(), none.columns().len()), (0, 2));
    assert_eq!(there(&mut tx), 0);
    tx.commit().unwrap();
    assert_eq!(conn.fetch(&mut five, 1).unwrap().row_count(), 0);
}

#[test]
fn what_a_portal_sees_is_settled_when_it_is_opened() {
    let mut conn = connect();
    conn.batch_execute("CREATE TEMP TABLE t (n int4); INSERT INTO t SELECT generate_series(1, 4)")
        .unwrap();
    let mut tx = conn.transaction().unwrap();
    let mut portal = tx.portal("SELECT n FROM t ORDER BY n", ()).unwrap();
    tx.execute("DELETE FROM t WHERE n > 2", ()).unwrap();
    assert_eq!(page(&mut tx, &mut portal, 3), [1, 2, 3]);
    assert_eq!(page(&mut tx, &mut portal, 3), [4]);
    tx.commit().unwrap();
}

#[test]
fn statements_of_other_kinds() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let mut create = tx.portal("CREATE TEMP TABLE t (n int4)", ()).unwrap();
    assert_eq!(tx.fetch(&mut create, 1).unwrap().status(), "CREATE TABLE");
    assert!(create.is_done());
    let mut insert = tx
        .portal(
            "INSERT INTO t SELECT generate_series(1, $1::int4) RETURNING n",
            (3,),
        )
        .unwrap();
    assert_eq!(page(&mut tx, &mut insert, 2), [1, 2]);
    // All has been inserted by the first page.
    assert_eq!(
        tx.query_scalar::<i64>("SELECT count(*) FROM t", ())
            .unwrap(),
        3
    );
    assert_eq!(page(&mut tx, &mut insert, 2), [3]);
    let mut update = tx.portal("UPDATE t SET n = n + 1", ()).unwrap();
    assert_eq!(tx.fetch(&mut update, 1).unwrap().rows_affected(), 3);
    let mut empty = tx.portal("", ()).unwrap();
    assert_eq!(tx.fetch(&mut empty, 1).unwrap().row_count(), 0);
    for copy in ["COPY t TO STDOUT", "copy t FROM STDIN"] {
        is_usage(tx.portal(copy, ()), "COPY");
    }
    is_usage(tx.portal("SELECT $1::int4", (1, 2)), "2 were given");
    assert_eq!(
        tx.portal("SELECT nothing", ()).unwrap_err().sqlstate(),
        Some("42703")
    );
    assert!(tx.commit().is_err());
}

#[test]
fn types_made_by_users() {
    let mut conn = connect();
    let name = unique("paged");
    conn.batch_execute(&format!("CREATE TYPE {name} AS (a int4, b text)"))
        .unwrap();
    let mut fresh = connect();
    let mut tx = fresh.transaction().unwrap();
    let sql = format!("SELECT ROW(n, 'x')::{name} FROM generate_series(1, 3) AS n");
    let mut portal = tx.portal(&sql, ()).unwrap();
    assert_eq!(portal.columns().next().unwrap().type_name(), name);
    for (rows, first) in [(2, 1), (2, 3)] {
        let read: Vec<((i32, String),)> = tx.fetch(&mut portal, rows).unwrap().read_all().unwrap();
        assert_eq!(read[0].0, (first, "x".to_owned()));
        tx.forget_types();
    }
    drop(tx);
    conn.batch_execute(&format!("DROP TYPE {name}")).unwrap();
}

#[test]
fn without_a_transaction_there_is_none() {
    let mut conn = connect();
    is_usage(conn.portal(FIVE, ()), "no transaction");
    let mut conn = connect_without_autocommit();
    let mut portal = conn.portal(FIVE, ()).unwrap();
    assert_eq!(
        conn.info().transaction_status(),
        TransactionStatus::InTransaction
    );
    assert_eq!(page(&mut conn, &mut portal, 3), [1, 2, 3]);
    conn.commit().unwrap();
    is_usage(conn.fetch(&mut portal, 1), "has ended");
}

#[test]
fn what_comes_too_late_or_elsewhere_is_a_clear_error() {
    let (mut conn, mut other) = (connect(), connect());
    let mut tx = conn.transaction().unwrap();
    let mut portal = tx.portal(FIVE, ()).unwrap();
    is_usage(tx.fetch(&mut portal, 0), "at least one row");
    is_usage(other.fetch(&mut portal, 1), "another connection");
    let mut elsewhere = other.transaction().unwrap();
    let foreign = elsewhere.portal(FIVE, ()).unwrap();
    is_usage(tx.close_portal(foreign), "another connection");
    drop(elsewhere);
    tx.commit().unwrap();
    is_usage(conn.fetch(&mut portal, 1), "has ended");
    let mut next = conn.transaction().unwrap();
    is_usage(next.fetch(&mut portal, 1), "has ended");
    next.execute("SELECT 1", ()).unwrap();
    is_usage(next.fetch(&mut portal, 1), "has ended");
    let mut second = next.portal(FIVE, ()).unwrap();
    drop(portal);
    // A statement that ends the transaction.
    next.execute("COMMIT", ()).unwrap();
    assert!(next.fetch(&mut second, 1).unwrap_err().is_usage());
    assert!(next.portal(FIVE, ()).unwrap_err().is_usage());
    drop(next);
    is_usage(conn.fetch(&mut second, 1), "has ended");
    conn.close_portal(second).unwrap();
    assert_eq!(conn.query_scalar::<i32>("SELECT 7", ()).unwrap(), 7);
}

#[test]
fn an_error_in_the_middle_ends_the_portal() {
    let mut conn = connect();
    let sql = "SELECT 12 / (4 - n) FROM generate_series(1, 6) AS n";
    let mut tx = conn.transaction().unwrap();
    let mut good = tx.portal(FIVE, ()).unwrap();
    let mut bad = tx.portal(sql, ()).unwrap();
    let mut attempt = tx.savepoint().unwrap();
    assert_eq!(page(&mut attempt, &mut bad, 2), [4, 6]);
    let error = attempt.fetch(&mut bad, 2).unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    is_usage(attempt.fetch(&mut bad, 2), "the portal has failed");
    // One that was not run is as good as before, once the savepoint has been rolled back to.
    let refused = attempt.fetch(&mut good, 2).unwrap_err();
    assert_eq!(refused.sqlstate(), Some("25P02"));
    attempt.rollback().unwrap();
    assert_eq!(page(&mut tx, &mut good, 2), [1, 2]);
    // One that was opened behind it is gone.
    let mut attempt = tx.savepoint().unwrap();
    let mut within = attempt.portal(FIVE, ()).unwrap();
    attempt.rollback().unwrap();
    let error = tx.fetch(&mut within, 2).unwrap_err();
    assert_eq!(error.sqlstate(), Some("34000"));
    assert!(tx.commit().is_err());
}

#[test]
fn what_is_dropped_or_closed_is_closed_on_the_server() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let mut first = tx.portal(FIVE, ()).unwrap();
    let second = tx.portal(FIVE, ()).unwrap();
    let third = tx.portal(FIVE, ()).unwrap();
    assert_eq!(there(&mut tx), 3);
    drop(second);
    assert_eq!(page(&mut tx, &mut first, 1), [1]);
    assert_eq!(there(&mut tx), 2);
    tx.close_portal(third).unwrap();
    tx.close_portal(first).unwrap();
    assert_eq!(there(&mut tx), 0);
    // A table that a portal reads cannot be truncated.
    tx.batch_execute("CREATE TEMP TABLE t AS SELECT 1 AS n")
        .unwrap();
    let mut reading = tx.portal("SELECT n FROM t", ()).unwrap();
    assert_eq!(page(&mut tx, &mut reading, 1), [1]);
    drop(reading);
    tx.execute("TRUNCATE t", ()).unwrap();
    // It goes with the commit, and with what follows a transaction there is nothing to be closed.
    drop(tx.portal(FIVE, ()).unwrap());
    tx.commit().unwrap();
    let mut tx = conn.transaction().unwrap();
    let left = tx.portal(FIVE, ()).unwrap();
    tx.rollback().unwrap();
    drop(left);
    assert_eq!(there(&mut conn), 0);
}

#[test]
fn what_was_prepared_is_prepared_anew_if_it_is_stale() {
    for mut conn in [connect(), connect_without_autocommit()] {
        let (sql, table) = ("SELECT * FROM stale_portals", "stale_portals");
        conn.batch_execute(&format!("CREATE TEMP TABLE {table} AS SELECT 1 AS n"))
            .unwrap();
        conn.commit().unwrap();
        conn.prepare(sql).unwrap();
        conn.commit().unwrap();
        // Its tag says nothing of that.
        let widen = format!("DO $$ BEGIN ALTER TABLE {table} ADD m int4; END $$");
        conn.execute(&widen, ()).unwrap();
        conn.commit().unwrap();
        let autocommit = conn.autocommit();
        let run = |session: &mut Session| {
            let mut portal = session.portal(sql, ()).unwrap();
            assert_eq!(session.fetch(&mut portal, 9).unwrap().columns().len(), 2);
        };
        if autocommit {
            let mut tx = conn.transaction().unwrap();
            run(&mut tx);
            tx.commit().unwrap();
        } else {
            run(&mut conn);
        }
        assert_eq!(
            conn.info().transaction_status() == TransactionStatus::Idle,
            autocommit
        );
    }
    let mut conn = connect();
    conn.set_prepare_threshold(None);
    let mut tx = conn.transaction().unwrap();
    let mut portal = tx.portal(FIVE, ()).unwrap();
    assert_eq!(page(&mut tx, &mut portal, 2), [1, 2]);
    assert_eq!(
        tx.query_scalar::<i64>("SELECT count(*) FROM pg_prepared_statements", ())
            .unwrap(),
        0
    );
}

/// Fetches two rows from a server that answers like this; gives the error, and whether the connection is closed.
fn fetch_against(answer: &[u8]) -> (Error, bool) {
    // RowDescription of a column of type int4.
    let columns = b"T\0\0\0\x1a\0\x01n\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0";
    let script = Script::new()
        .accept_startup()
        .until_sync()
        .send_raw([b"1\0\0\0\x04t\0\0\0\x06\0\0".as_slice(), columns].concat())
        .send_ready()
        .until_sync()
        .send_raw(b"1\0\0\0\x042\0\0\0\x04C\0\0\0\x0aBEGIN\x001\0\0\0\x042\0\0\0\x04".to_vec())
        .send_raw([columns.as_slice(), b"Z\0\0\0\x05T"].concat())
        .until_sync()
        .send_raw(answer.to_vec())
        .hang();
    let server = MockServer::tcp([script]).unwrap();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    conn.set_prepare_threshold(None);
    within(BOUND, move || {
        let mut tx = conn.transaction().unwrap();
        let mut portal = tx.portal("SELECT n", ()).unwrap();
        let error = tx.fetch(&mut portal, 2).unwrap_err();
        assert!(tx.fetch(&mut portal, 2).is_err());
        let closed = tx.is_closed();
        drop(tx);
        drop(server);
        (error, closed)
    })
}

#[test]
fn servers_that_do_not_keep_to_the_page_are_not_believed() {
    let row = b"D\0\0\0\x0b\0\x01\0\0\0\x017".as_slice();
    let suspended = b"s\0\0\0\x04".as_slice();
    for answer in [
        row.repeat(3),
        [row, suspended].concat(),
        suspended.to_vec(),
        [row, b"Z\0\0\0\x05T"].concat(),
        [&row.repeat(2), suspended, row].concat(),
    ] {
        let (error, closed) = fetch_against(&answer);
        assert!(closed && error.is_connection_lost(), "{error}");
    }
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use super::{BOUND, FIVE, THERE};
    use crate::common::{dsn, polled::polled};
    use howdah::{AsyncClient, AsyncConnection, AsyncSession, Error, Portal};
    use tokio::time::timeout;

    async fn page(session: &mut AsyncSession, portal: &mut Portal, rows: usize) -> Vec<i32> {
        let rows = session.fetch(portal, rows).await.unwrap();
        rows.map(|row| row.get(0).unwrap()).collect()
    }

    async fn there(session: &mut AsyncSession) -> i64 {
        session.query_scalar(THERE, ()).await.unwrap()
    }

    /// All of it can be spawned.
    async fn by_turns(client: AsyncClient) -> Result<(), Error> {
        let mut tx = client.transaction().await?;
        let mut five = tx.portal(FIVE, ()).await?;
        let mut four = tx
            .portal("SELECT generate_series($1::int4, $2)", (11, 14))
            .await?;
        assert_eq!(page(&mut tx, &mut five, 2).await, [1, 2]);
        assert_eq!(page(&mut tx, &mut four, 3).await, [11, 12, 13]);
        assert_eq!(page(&mut tx, &mut five, 2).await, [3, 4]);
        assert_eq!(page(&mut tx, &mut four, 3).await, [14]);
        assert!(four.is_done() && !five.is_done());
        assert_eq!(there(&mut tx).await, 1);
        tx.close_portal(five).await?;
        assert_eq!(there(&mut tx).await, 0);
        let mut late = tx.portal(FIVE, ()).await?;
        tx.commit().await?;
        let mut lease = client.lease().await?;
        let error = lease.fetch(&mut late, 1).await.unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains("has ended"),
            "{error}"
        );
        let error = lease.portal(FIVE, ()).await.unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains("no transaction"),
            "{error}"
        );
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn pages_of_several_portals_by_turns() {
        let client = AsyncClient::connect(&dsn()).await.unwrap();
        let tasks: Vec<_> = (0..4)
            .map(|_| tokio::spawn(by_turns(client.clone())))
            .collect();
        for task in tasks {
            timeout(BOUND, task).await.unwrap().unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn an_error_in_the_middle_ends_the_portal() {
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        let mut tx = conn.transaction().await.unwrap();
        let sql = "SELECT 12 / (4 - n) FROM generate_series(1, 6) AS n";
        let mut portal = tx.portal(sql, ()).await.unwrap();
        assert_eq!(page(&mut tx, &mut portal, 2).await, [4, 6]);
        let error = tx.fetch(&mut portal, 2).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("22012"));
        assert!(tx.fetch(&mut portal, 2).await.unwrap_err().is_usage());
        drop(tx);
        assert_eq!(conn.query_scalar::<i32>("SELECT 5", ()).await.unwrap(), 5);
    }

    /// Wherever a page is given up, its rows are not missing from those that follow: there are none.
    #[tokio::test]
    async fn a_page_that_is_given_up_is_the_last() {
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        let sql = "SELECT n, repeat('x', 100000) FROM generate_series(1, 200) AS n";
        let (mut untouched, mut lost) = (0, 0);
        for polls in 0..10_000 {
            let mut tx = conn.transaction().await.unwrap();
            let mut portal = tx.portal(sql, ()).await.unwrap();
            if let Some(done) = polled(polls, tx.fetch(&mut portal, 100)).await {
                assert_eq!(done.unwrap().row_count(), 100);
                assert_eq!(page(&mut tx, &mut portal, 1).await, [101]);
                tx.commit().await.unwrap();
                assert!(untouched > 0 && lost > 0, "{untouched} {lost}");
                return;
            }
            match tx.fetch(&mut portal, 1).await {
                Ok(rows) => {
                    let first = rows.map(|row| row.get::<i32>(0).unwrap()).next();
                    assert_eq!(first, Some(1));
                    untouched += 1;
                }
                Err(error) => {
                    assert!(
                        error.is_usage() && error.to_string().contains("given up"),
                        "{error}"
                    );
                    lost += 1;
                }
            }
            drop(tx);
            assert_eq!(conn.query_scalar::<i32>("SELECT 5", ()).await.unwrap(), 5);
        }
        panic!("it never ended");
    }

    #[tokio::test]
    async fn one_that_is_not_opened_to_the_end_is_closed() {
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        for polls in 0..100 {
            let mut tx = conn.transaction().await.unwrap();
            tx.execute("SELECT 1", ()).await.unwrap();
            let done = polled(polls, tx.portal(FIVE, ())).await;
            let ended = done.is_some();
            drop(done);
            // A cancel request may have come in time: then the transaction has failed.
            if let Ok(count) = tx.query_scalar::<i64>(THERE, ()).await {
                assert_eq!(count, 0);
            }
            drop(tx);
            assert_eq!(conn.query_scalar::<i32>("SELECT 5", ()).await.unwrap(), 5);
            if ended {
                return;
            }
        }
        panic!("it never ended");
    }
}
