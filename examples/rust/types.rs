//! Types made by users: a composite as a struct, an enum as an enum, a domain as a struct around one value.
//!
//! Reads the connection string from HOWDAH_DSN.

use howdah::types::range::{Bounds, Range};
use howdah::{AsyncConnection, Connection, FromSql, ToSql};

type Anything = Box<dyn std::error::Error>;

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[howdah(name = "size", rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[howdah(name = "item")]
struct Item {
    label: String,
    size: Size,
    prices: Vec<Price>,
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
struct Price(i32);

const SCHEMA: &str = "
    CREATE TYPE size AS ENUM ('small', 'large');
    CREATE DOMAIN price AS int4 CHECK (value > 0);
    CREATE TYPE item AS (label text, size size, prices price[]);
    CREATE TEMP TABLE orders (item item, others item[], valid daterange)";

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    // It is not committed: what is created here is gone in the end.
    let mut tx = conn.transaction()?;
    tx.batch_execute(SCHEMA)?;
    let tea = Item {
        label: "tea, \"green\"".into(),
        size: Size::Large,
        prices: vec![Price(3), Price(5)],
    };
    let cup = Item {
        label: "cup".into(),
        size: Size::Small,
        prices: Vec::new(),
    };
    tx.execute(
        "INSERT INTO orders VALUES ($1, $2, '[2024-01-01,)')",
        (&tea, vec![cup.clone(), tea.clone()]),
    )?;

    let row = tx.query_one("SELECT item, others FROM orders", ())?;
    let (item, others): (Item, Vec<Item>) = row.read()?;
    println!("an item: {item:?}");
    assert_eq!(item, tea);
    assert_eq!(others, [cup, tea]);

    // The server infers the type of a parameter from what it is compared with, or from a cast.
    let sql = "SELECT count(*) FROM orders WHERE (item).size = $1";
    assert_eq!(tx.query_one(sql, (&Size::Large,))?.get::<i64>(0)?, 1);
    let row = tx.query_one("SELECT ($1::item).prices", (&others[1],))?;
    assert_eq!(row.get::<Vec<Price>>(0)?, [Price(3), Price(5)]);

    let error = row.get::<Vec<String>>(0).unwrap_err();
    println!("an error: {error}");
    assert_eq!(
        error.to_string(),
        "column 0 \"prices\" (price[]) cannot be read as Vec<String>"
    );
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(dsn).await?;
    let mut tx = conn.transaction().await?;
    tx.batch_execute(SCHEMA).await?;
    let row = tx
        .query_one(
            "SELECT $1::size[], int4range(1, $2)",
            (vec![Size::Small], 9),
        )
        .await?;
    let (sizes, range): (Vec<Size>, Range<i32>) = row.read()?;
    println!("sizes: {sizes:?}, a range: {range:?}");
    assert_eq!(sizes, [Size::Small]);
    let bounds = Bounds {
        lower: Some(1),
        upper: Some(9),
        lower_inclusive: true,
        upper_inclusive: false,
    };
    assert_eq!(range, Range::Bounds(bounds));

    // Rows, tuples and lists of lists.
    let row = tx
        .query_one("SELECT ROW(1, 'one'), ARRAY[[1, 2], [3, 4]]", ())
        .await?;
    assert_eq!(row.get::<(i32, String)>(0)?, (1, "one".into()));
    assert_eq!(row.get::<Vec<[i32; 2]>>(1)?, [[1, 2], [3, 4]]);
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
