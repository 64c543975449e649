//! Many at once: tasks on one connection, statements without waiting for each, rows as they arrive.
//!
//! Reads the connection string from HOWDAH_DSN.

use std::time::Duration;

use howdah::{AsyncClient, Batch, Connection};
use tokio::task::JoinSet;
use tokio::time::timeout;

type Anything = Box<dyn std::error::Error>;

const CREATE: &str = "CREATE TEMP TABLE items (id integer PRIMARY KEY, name text)";
const INSERT: &str = "INSERT INTO items VALUES ($1, $2)";

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    conn.execute(CREATE, ())?;

    // One statement with many sets of parameters, which are made as they are sent.
    let items = (1..=10_000).map(|id| (id, format!("item {id}")));
    let count = conn.execute_many(INSERT, items)?;
    println!("blocking: {count} items");
    assert_eq!(count, 10_000);

    // Several statements, all done or none.
    let mut batch = Batch::new();
    batch
        .add("UPDATE items SET name = $1 WHERE id = $2", ("first", 1))
        .add("DELETE FROM items WHERE id > $1", (5000,))
        .add("SELECT count(*), min(name) FROM items", ());
    let results = conn.batch(&batch)?;
    let row = results[2].row(0).ok_or("a row")?;
    assert_eq!(row.read::<(i64, &str)>()?, (5000, "first"));
    let error = conn
        .batch(
            Batch::new()
                .add("DELETE FROM items", ())
                .add("SELECT 1/0", ()),
        )
        .expect_err("a division by zero");
    println!("blocking: {error}");
    assert_eq!(error.item(), Some(1));

    // Rows as they arrive; leaving early cancels the rest.
    let mut total = 0;
    for row in conn.query_stream("SELECT id FROM items ORDER BY id", ())? {
        total += row?.get::<i32>(0)?;
        if total > 1000 {
            break;
        }
    }
    println!("blocking: the first ids add up to {total}");
    assert_eq!(total, 1035);
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let client = AsyncClient::connect(dsn).await?;
    client.execute(CREATE, ()).await?;
    let items = (1..=100).map(|id| (id, format!("item {id}")));
    client.execute_many(INSERT, items).await?;

    // A hundred tasks on one connection: none waits for the answers to others.
    let mut tasks = JoinSet::new();
    for id in 1..=100 {
        let client = client.clone();
        tasks.spawn(async move {
            let sql = "SELECT name FROM items WHERE id = $1";
            let name = client.query_one(sql, (id,)).await?.get::<String>(0)?;
            Ok::<_, howdah::Error>(name == format!("item {id}"))
        });
    }
    for answer in tasks.join_all().await {
        assert!(answer?);
    }
    println!("tokio: 100 tasks have their answers");

    // Each may give up without harm to the others.
    let (slow, quick) = tokio::join!(
        timeout(
            Duration::from_millis(100),
            client.execute("SELECT pg_sleep(0.3)", ())
        ),
        client.query_one("SELECT 7", ()),
    );
    assert!(slow.is_err() && quick?.get::<i32>(0)? == 7);

    // A transaction has the connection for itself until it ends; so has a lease, for a stream.
    let mut tx = client.transaction().await?;
    tx.execute("DELETE FROM items WHERE id > 10", ()).await?;
    tx.rollback().await?;
    let mut lease = client.lease().await?;
    let mut stream = lease.query_stream("SELECT id FROM items", ()).await?;
    let mut count = 0;
    while let Some(row) = stream.next().await {
        row?;
        count += 1;
    }
    println!("tokio: a stream of {count} rows");
    assert_eq!(count, 100);
    Ok(())
}

fn main() -> Result<(), Anything> {
    let dsn = std::env::var("HOWDAH_DSN")?;
    blocking(&dsn)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(with_tokio(&dsn))
}
