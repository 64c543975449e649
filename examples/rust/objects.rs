//! Asynchronous operations: the same objects, with `.await` here and there.
//!
//! Reads the connection string from HOWDAH_DSN.

use howdah::{AsyncConnection, Connection};

type Anything = Box<dyn std::error::Error>;

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    conn.execute("CREATE TEMP TABLE test (num integer, data text)", ())?;
    let insert = "INSERT INTO test (num, data) VALUES ($1, $2)";
    assert_eq!(conn.execute(insert, (100, "abc'def"))?, 1);
    conn.execute(insert, (200, None::<String>))?;
    let mut rows = conn.query("SELECT num, data FROM test ORDER BY num", ())?;
    let first = rows.fetch_one().ok_or("a row")?;
    assert_eq!(first.read::<(i32, &str)>()?, (100, "abc'def"));
    for row in rows {
        let (num, data): (i32, Option<&str>) = row.read()?;
        println!("blocking: {num} {data:?}");
        assert_eq!((num, data), (200, None));
    }
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(dsn).await?;
    conn.execute("CREATE TEMP TABLE test (num integer, data text)", ())
        .await?;
    let insert = "INSERT INTO test (num, data) VALUES ($1, $2)";
    assert_eq!(conn.execute(insert, (100, "abc'def")).await?, 1);
    let row = conn.query_one("SELECT num, data FROM test", ()).await?;
    assert_eq!(row.get::<i32>("num")?, 100);
    println!("tokio: {} {}", row.get::<i32>(0)?, row.get::<&str>(1)?);

    // Rows as they arrive, in bounded memory.
    let mut total = 0;
    let sql = "SELECT generate_series(1, $1::int8)";
    let mut stream = conn.query_stream(sql, (100_000_i64,)).await?;
    while let Some(row) = stream.next().await {
        total += row?.get::<i64>(0)?;
    }
    drop(stream);
    println!("tokio: a stream of 100000 rows, which add up to {total}");
    assert_eq!(total, 5_000_050_000);
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
