//! Transactions and savepoints against a real server.

mod common;

use common::{connect, connect_without_autocommit, unique};
use howdah::{Connection, Result, Session, TransactionStatus};

const INSERT: &str = "INSERT INTO t VALUES ($1)";

/// A connection with an empty table that is gone when it closes.
fn with_table() -> Connection {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE t (n int4)", ()).unwrap();
    conn
}

/// What is in that table.
fn kept(session: &mut Session) -> Vec<i32> {
    let rows = session.query("SELECT n FROM t ORDER BY n", ()).unwrap();
    rows.map(|row| row.get(0).unwrap()).collect()
}

#[test]
fn each_statement_is_a_transaction_of_its_own() {
    let table = unique("own");
    let mut conn = connect();
    assert!(conn.autocommit());
    conn.execute(&format!("CREATE TABLE {table} (n int4)"), ())
        .unwrap();
    conn.execute(&format!("INSERT INTO {table} VALUES (1)"), ())
        .unwrap();
    assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    drop(conn);
    let mut conn = connect();
    let rows = conn.query(&format!("SELECT n FROM {table}"), ()).unwrap();
    assert_eq!(rows.row_count(), 1);
    // A commit where nothing is running does nothing.
    conn.commit().unwrap();
    conn.rollback().unwrap();
    conn.execute(&format!("DROP TABLE {table}"), ()).unwrap();
}

/// What is committed is there also for others; a read before it, without a transaction, changes nothing about that.
#[test]
fn a_commit_that_is_ok_has_committed() {
    let table = unique("committed");
    let mut conn = connect();
    conn.execute(&format!("CREATE TABLE {table} (n int4)"), ())
        .unwrap();
    conn.query("SELECT 1", ()).unwrap();
    let mut tx = conn.transaction().unwrap();
    tx.execute(&format!("INSERT INTO {table} VALUES (1)"), ())
        .unwrap();
    tx.commit().unwrap();
    drop(conn);
    let mut conn = connect();
    let rows = conn.query(&format!("SELECT n FROM {table}"), ()).unwrap();
    assert_eq!(rows.row_count(), 1);
    conn.execute(&format!("DROP TABLE {table}"), ()).unwrap();
}

#[test]
fn without_autocommit_the_first_statement_begins_a_transaction() {
    let table = unique("implicit");
    let mut conn = connect_without_autocommit();
    conn.execute(&format!("CREATE TABLE {table} (n int)"), ())
        .unwrap();
    assert_eq!(
        conn.info().transaction_status(),
        TransactionStatus::InTransaction
    );
    assert!(conn.set_autocommit(true).unwrap_err().is_usage());
    conn.commit().unwrap();
    let insert = format!("INSERT INTO {table} VALUES ($1), ($1)");
    assert_eq!(conn.execute(&insert, (1,)).unwrap(), 2);
    conn.rollback().unwrap();
    conn.rollback().unwrap();
    conn.execute(&insert, (2,)).unwrap();
    drop(conn);
    let mut conn = connect();
    let rows = conn.query(&format!("SELECT n FROM {table}"), ()).unwrap();
    assert_eq!(rows.row_count(), 0);
    conn.execute(&format!("DROP TABLE {table}"), ()).unwrap();
}

#[test]
fn a_failed_transaction_needs_a_rollback_and_cannot_be_committed() {
    let mut conn = connect_without_autocommit();
    let error = conn.execute("SELECT 1/0", ()).unwrap_err();
    assert_eq!(error.sqlstate(), Some("22012"));
    assert!(error.diagnostic().unwrap().message_primary().is_some());
    let error = conn.execute("SELECT 1", ()).unwrap_err();
    assert_eq!(error.sqlstate(), Some("25P02"));
    let error = conn.commit().unwrap_err();
    assert!(error.to_string().contains("COMMIT has rolled it back"));
    assert_eq!(conn.execute("SELECT 1", ()).unwrap(), 1);
    let mut conn = with_table();
    let mut tx = conn.transaction().unwrap();
    tx.execute(INSERT, (1,)).unwrap();
    tx.execute("SELECT 1/0", ()).unwrap_err();
    let error = tx.commit().unwrap_err();
    assert!(error.to_string().contains("COMMIT has rolled it back"));
    assert!(kept(&mut conn).is_empty());
}

#[test]
fn a_commit_that_the_server_refuses_is_an_error() {
    let mut conn = connect();
    conn.execute(
        "CREATE TEMP TABLE u (n int4 UNIQUE DEFERRABLE INITIALLY DEFERRED)",
        (),
    )
    .unwrap();
    let mut tx = conn.transaction().unwrap();
    tx.execute("INSERT INTO u VALUES (1), (1)", ()).unwrap();
    assert_eq!(tx.commit().unwrap_err().sqlstate(), Some("23505"));
    assert_eq!(conn.execute("SELECT FROM u", ()).unwrap(), 0);
}

#[test]
fn a_transaction_within_a_transaction_is_refused() {
    let mut implicit = connect_without_autocommit();
    implicit.query("SELECT 1", ()).unwrap();
    let mut begun = connect();
    begun.execute("BEGIN", ()).unwrap();
    let mut failed = connect();
    failed.execute("BEGIN", ()).unwrap();
    failed.execute("SELECT 1/0", ()).unwrap_err();
    for conn in [&mut implicit, &mut begun, &mut failed] {
        let error = conn.transaction().unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().contains("savepoint()"), "{error}");
        let ran = conn.with_transaction(|_| -> Result<()> { panic!("it must not run") });
        assert!(ran.unwrap_err().is_usage());
        conn.rollback().unwrap();
        conn.transaction().unwrap().commit().unwrap();
    }
    // In those a savepoint can be opened, which does not claim to commit.
    begun.execute("BEGIN", ()).unwrap();
    begun.savepoint().unwrap().release().unwrap();
    begun.execute("ROLLBACK", ()).unwrap();
    implicit.savepoint().unwrap().release().unwrap();
    implicit.rollback().unwrap();
    let error = begun.savepoint().unwrap_err();
    assert!(error.is_usage());
    assert!(error.to_string().contains("transaction()"), "{error}");
}

#[test]
fn blocks_nest_and_end_as_they_should() {
    for autocommit in [false, true] {
        let mut conn = with_table();
        conn.set_autocommit(autocommit).unwrap();
        {
            let mut tx = conn.transaction().unwrap();
            let mut inner = tx.savepoint().unwrap();
            inner.execute(INSERT, (1,)).unwrap();
            inner.release().unwrap();
            let mut inner = tx.savepoint().unwrap();
            inner.execute(INSERT, (2,)).unwrap();
            assert!(inner.execute("SELECT 1/0", ()).is_err());
            drop(inner);
            let mut inner = tx.savepoint().unwrap();
            let mut innermost = inner.savepoint().unwrap();
            innermost.execute(INSERT, (3,)).unwrap();
            innermost.rollback().unwrap();
            inner.execute(INSERT, (4,)).unwrap();
            inner.release().unwrap();
            tx.execute(INSERT, (5,)).unwrap();
            tx.commit().unwrap();
        }
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
        drop(conn.transaction().unwrap());
        {
            let mut dropped = conn.transaction().unwrap();
            dropped.execute(INSERT, (6,)).unwrap();
        }
        assert_eq!(kept(&mut conn), [1, 4, 5]);
    }
}

#[test]
fn savepoints_nest() {
    let mut conn = with_table();
    let mut tx = conn.transaction().unwrap();
    let mut outer = tx.savepoint().unwrap();
    outer.execute(INSERT, (1,)).unwrap();
    let mut middle = outer.savepoint().unwrap();
    middle.execute(INSERT, (2,)).unwrap();
    for end in 0..3 {
        let mut inner = middle.savepoint().unwrap();
        inner.execute(INSERT, (3,)).unwrap();
        match end {
            0 => inner.release().unwrap(),
            1 => inner.rollback().unwrap(),
            _ => {
                inner.execute("SELECT 1/0", ()).unwrap_err();
                assert!(inner.savepoint().is_err());
                assert!(inner.release().is_err());
            }
        }
    }
    assert_eq!(kept(&mut middle), [1, 2, 3]);
    middle.rollback().unwrap();
    assert_eq!(kept(&mut outer), [1]);
    let mut middle = outer.savepoint().unwrap();
    middle.execute(INSERT, (4,)).unwrap();
    middle.release().unwrap();
    outer.release().unwrap();
    tx.commit().unwrap();
    assert_eq!(kept(&mut conn), [1, 4]);
}

/// It may have been meant to be undone.
#[test]
fn a_savepoint_that_was_never_dropped_leaves_a_rollback() {
    let mut conn = with_table();
    for end in 0..3 {
        let mut tx = conn.transaction().unwrap();
        tx.execute(INSERT, (1,)).unwrap();
        let mut outer = tx.savepoint().unwrap();
        let mut leaked = outer.savepoint().unwrap();
        leaked.execute(INSERT, (2,)).unwrap();
        std::mem::forget(leaked);
        match end {
            0 => {
                assert!(outer.release().unwrap_err().is_usage());
                assert_eq!(kept(&mut tx), [1]);
                tx.commit().unwrap();
            }
            1 => {
                outer.rollback().unwrap();
                tx.rollback().unwrap();
            }
            _ => {
                std::mem::forget(outer);
                assert!(tx.commit().unwrap_err().is_usage());
            }
        }
        assert_eq!(kept(&mut conn), [1]);
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    }
}

#[test]
fn with_transaction_rolls_back_on_error_and_panic() {
    let mut conn = with_table();
    let insert = |session: &mut Session, n: i32| session.execute(INSERT, (n,));
    let done = conn.with_transaction(|tx| insert(tx, 1));
    assert_eq!(done.unwrap(), 1);
    let failed = conn.with_transaction(|tx| {
        insert(tx, 2)?;
        tx.execute("SELECT 1/0", ())
    });
    assert_eq!(failed.unwrap_err().sqlstate(), Some("22012"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        conn.with_transaction(|tx| -> Result<()> {
            insert(tx, 3)?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(kept(&mut conn), [1]);
}

/// Whoever ends the transaction by a statement has the block know nothing of it: it must not say that it has committed.
#[test]
fn a_block_whose_transaction_was_ended_by_a_statement_takes_no_more() {
    for (end, rest) in [
        ("COMMIT", vec![1]),
        ("ROLLBACK", vec![]),
        ("COMMIT; SELECT 1/0", vec![1]),
    ] {
        let mut conn = with_table();
        let mut tx = conn.transaction().unwrap();
        tx.execute(INSERT, (1,)).unwrap();
        let _ = tx.simple_query(end);
        let error = tx.execute(INSERT, (2,)).unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains("has been ended"),
            "{error}"
        );
        assert!(tx.query("SELECT 1", ()).unwrap_err().is_usage());
        assert!(tx.query_stream("SELECT 1", ()).unwrap_err().is_usage());
        assert!(tx.simple_query("SELECT 1").unwrap_err().is_usage());
        assert!(tx.savepoint().unwrap_err().is_usage());
        assert!(tx.commit().unwrap_err().is_usage());
        // The connection itself is as good as new.
        assert_eq!(kept(&mut conn), rest);
        let mut tx = conn.transaction().unwrap();
        tx.execute(INSERT, (3,)).unwrap();
        let mut inner = tx.savepoint().unwrap();
        inner.execute(end.split(';').next().unwrap(), ()).unwrap();
        assert!(inner.release().unwrap_err().is_usage());
        assert!(tx.commit().unwrap_err().is_usage());
        conn.transaction().unwrap().commit().unwrap();
    }
}

#[test]
fn a_transaction_that_was_never_dropped_can_only_be_rolled_back() {
    let mut conn = with_table();
    let mut tx = conn.transaction().unwrap();
    tx.execute(INSERT, (1,)).unwrap();
    std::mem::forget(tx);
    assert!(conn.commit().unwrap_err().is_usage());
    assert!(conn.transaction().unwrap_err().is_usage());
    conn.rollback().unwrap();
    let mut tx = conn.transaction().unwrap();
    tx.execute(INSERT, (2,)).unwrap();
    tx.commit().unwrap();
    assert_eq!(kept(&mut conn), [2]);
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use std::time::Duration;

    use super::*;
    use howdah::{AsyncConnection, AsyncSession};
    use tokio::time::timeout;

    async fn with_table() -> AsyncConnection {
        let mut conn = AsyncConnection::connect(&common::dsn()).await.unwrap();
        conn.execute("CREATE TEMP TABLE t (n int4)", ())
            .await
            .unwrap();
        conn
    }

    async fn kept(session: &mut AsyncSession) -> Vec<i32> {
        let rows = session.query("SELECT n FROM t ORDER BY n", ());
        let rows = rows.await.unwrap();
        rows.map(|row| row.get(0).unwrap()).collect()
    }

    /// Runs a statement that takes too long, and drops it.
    async fn give_up(session: &mut AsyncSession) {
        let sleep = session.execute("SELECT pg_sleep(3600)", ());
        assert!(timeout(Duration::from_millis(20), sleep).await.is_err());
    }

    #[tokio::test]
    async fn blocks_nest_and_end_as_they_should() {
        for autocommit in [false, true] {
            let mut conn = with_table().await;
            assert!(conn.autocommit());
            conn.set_autocommit(autocommit).await.unwrap();
            let mut tx = conn.transaction().await.unwrap();
            let mut inner = tx.savepoint().await.unwrap();
            inner.execute(INSERT, (1,)).await.unwrap();
            inner.release().await.unwrap();
            let mut inner = tx.savepoint().await.unwrap();
            inner.execute(INSERT, (2,)).await.unwrap();
            give_up(&mut inner).await;
            drop(inner);
            let mut inner = tx.savepoint().await.unwrap();
            inner.execute(INSERT, (3,)).await.unwrap();
            inner.rollback().await.unwrap();
            tx.execute(INSERT, (4,)).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
            let mut dropped = conn.transaction().await.unwrap();
            let mut within = dropped.savepoint().await.unwrap();
            within.execute(INSERT, (5,)).await.unwrap();
            drop(within);
            drop(dropped);
            let failed: Result<()> = conn
                .with_transaction(async |tx| {
                    tx.execute(INSERT, (6,)).await?;
                    tx.execute("SELECT 1/0", ()).await.map(drop)
                })
                .await;
            assert_eq!(failed.unwrap_err().sqlstate(), Some("22012"));
            assert_eq!(kept(&mut conn).await, [1, 4]);
        }
    }

    #[tokio::test]
    async fn a_statement_that_is_dropped_fails_its_transaction() {
        let mut conn = with_table().await;
        let mut tx = conn.transaction().await.unwrap();
        tx.execute(INSERT, (1,)).await.unwrap();
        give_up(&mut tx).await;
        let error = tx.execute("SELECT 1", ()).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("25P02"));
        assert!(tx.commit().await.is_err());
        // It is the first of the transaction, whose BEGIN may not have been run.
        let mut tx = conn.transaction().await.unwrap();
        give_up(&mut tx).await;
        assert!(tx.execute(INSERT, (2,)).await.is_err());
        assert!(tx.commit().await.is_err());
        conn.set_autocommit(false).await.unwrap();
        give_up(&mut conn).await;
        conn.rollback().await.unwrap();
        assert!(kept(&mut conn).await.is_empty());
    }

    #[tokio::test]
    async fn a_transaction_within_a_transaction_is_refused() {
        let mut conn = with_table().await;
        conn.set_autocommit(false).await.unwrap();
        conn.query("SELECT 1", ()).await.unwrap();
        let error = conn.transaction().await.unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("savepoint()"));
        let mut block = conn.savepoint().await.unwrap();
        block.execute(INSERT, (1,)).await.unwrap();
        block.release().await.unwrap();
        conn.rollback().await.unwrap();
        conn.set_autocommit(true).await.unwrap();
        let error = conn.savepoint().await.unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("transaction()"));
        assert!(kept(&mut conn).await.is_empty());
    }

    #[tokio::test]
    async fn a_block_whose_transaction_was_ended_by_a_statement_takes_no_more() {
        for (end, rest) in [("COMMIT", vec![1]), ("ROLLBACK", vec![])] {
            let mut conn = with_table().await;
            let mut tx = conn.transaction().await.unwrap();
            tx.execute(INSERT, (1,)).await.unwrap();
            tx.execute(end, ()).await.unwrap();
            let error = tx.execute(INSERT, (2,)).await.unwrap_err();
            assert!(error.is_usage() && error.to_string().contains("has been ended"));
            assert!(tx.commit().await.unwrap_err().is_usage());
            assert_eq!(kept(&mut conn).await, rest);
            conn.transaction().await.unwrap().commit().await.unwrap();
        }
    }
}
