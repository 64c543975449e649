//! What `with` is in Python: work that is committed when it ends well and rolled back when it does not.
//!
//! Reads the connection string from HOWDAH_DSN.

use howdah::{AsyncConnection, Connection, TransactionStatus};

type Anything = Box<dyn std::error::Error>;

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    conn.execute("CREATE TEMP TABLE blocks (n integer)", ())?;
    let insert = "INSERT INTO blocks VALUES ($1)";

    let mut tx = conn.transaction()?;
    tx.execute(insert, (1,))?;
    tx.commit()?;

    // `?` leaves the closure early: the transaction is rolled back.
    let failed = conn.with_transaction(|tx| {
        tx.execute(insert, (2,))?;
        tx.execute("SELECT 1/0", ())
    });
    println!("blocking: {}", failed.expect_err("a division by zero"));

    let count = conn.query_one("SELECT count(*) FROM blocks", ())?;
    assert_eq!(count.get::<i64>(0)?, 1);
    assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    conn.close();
    assert!(conn.is_closed());
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(dsn).await?;
    conn.execute("CREATE TEMP TABLE blocks (n integer)", ())
        .await?;
    let insert = "INSERT INTO blocks VALUES ($1)";
    conn.with_transaction(async |tx| {
        tx.execute(insert, (1,)).await?;
        // A part of it that can be undone by itself.
        let mut attempt = tx.savepoint().await?;
        attempt.execute(insert, (2,)).await?;
        attempt.rollback().await
    })
    .await?;
    let mut dropped = conn.transaction().await?;
    dropped.execute(insert, (3,)).await?;
    drop(dropped);
    let rows = conn.query("SELECT n FROM blocks", ()).await?;
    let kept = rows
        .map(|row| row.get(0))
        .collect::<Result<Vec<i32>, _>>()?;
    println!("tokio: kept {kept:?}");
    assert_eq!(kept, [1]);
    conn.close().await;
    assert!(conn.is_closed());
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Anything> {
    let dsn = std::env::var("HOWDAH_DSN")?;
    let same = dsn.clone();
    tokio::task::spawn_blocking(move || blocking(&same).map_err(|error| error.to_string()))
        .await??;
    with_tokio(&dsn).await
}
