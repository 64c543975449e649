//! Rows in bulk by COPY: in and out, with errors on either side.
//!
//! Reads the connection string from HOWDAH_DSN.

use howdah::{AsyncConnection, Connection};

type Anything = Box<dyn std::error::Error>;

const IN: &str = "COPY reading (sensor, value, note) FROM STDIN (FORMAT binary)";
const OUT: &str = "COPY (SELECT * FROM reading ORDER BY sensor) TO STDOUT (FORMAT binary)";

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    conn.execute(
        "CREATE TEMP TABLE reading (sensor int, value float8 CHECK (value < 1e9), note text)",
        (),
    )?;

    let mut copy = conn.copy_in_rows(IN)?;
    for sensor in 0..100_000 {
        copy.write_row((sensor, f64::from(sensor) / 4.0, None::<&str>))?;
    }
    // A value that does not fit is found before it is sent: the row is left out.
    let refused = copy
        .write_row((5_000_000_000_i64, 1.0, "too large"))
        .expect_err("an int has 4 bytes");
    println!("blocking: {refused}");
    copy.write_row((100_000, 0.5, Some("the last")))?;
    println!("blocking: {} rows in", copy.finish()?);

    let mut sum = 0.0;
    for row in conn.copy_out_rows(OUT)? {
        sum += row?.get::<f64>("value")?;
    }
    println!("blocking: the values add up to {sum}");
    assert!((sum - 1_249_987_500.5).abs() < f64::EPSILON);

    // What the server refuses undoes the whole COPY, and the connection can be used.
    let mut copy = conn.copy_in_rows(IN)?;
    copy.write_row((1, 1e10, "too large"))?;
    let refused = copy.finish().expect_err("there is a constraint");
    assert_eq!(refused.sqlstate(), Some("23514"));

    // So does a COPY that is not finished.
    let mut copy = conn.copy_in_rows(IN)?;
    copy.write_row((1, 1.0, "never stored"))?;
    drop(copy);
    let count = conn.query_one("SELECT count(*) FROM reading", ())?;
    assert_eq!(count.get::<i64>(0)?, 100_001);
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(dsn).await?;
    conn.execute(
        "CREATE TEMP TABLE reading (sensor int, value float8, note text)",
        (),
    )
    .await?;
    let mut copy = conn.copy_in_rows(IN).await?;
    copy.write_rows((0..1000).map(|sensor| (sensor, 0.5, "a note")))
        .await?;
    println!("tokio: {} rows in", copy.finish().await?);
    let mut rows = conn.copy_out_rows(OUT).await?;
    let mut last = None;
    while let Some(row) = rows.next().await {
        let (sensor, _, note): (i32, f64, Option<String>) = row?.read()?;
        last = Some((sensor, note));
    }
    println!("tokio: the last row is {last:?}");
    assert_eq!(last, Some((999, Some("a note".to_owned()))));
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
