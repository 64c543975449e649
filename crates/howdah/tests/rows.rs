//! Whole rows as tuples and structs, through each kind of connection.

#![cfg(all(feature = "derive", feature = "tokio"))]

mod common;

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{connect, dsn};
use howdah::{
    AsyncClient, AsyncConnection, Error, FromRow, FromSql, Places, Placing, Result, Row, ToSql,
};

#[derive(Debug, Clone, PartialEq, FromRow)]
#[howdah(rename_all = "camelCase")]
struct User {
    user_id: i64,
    #[howdah(name = "full name")]
    name: String,
    r#type: Option<i16>,
    #[howdah(default)]
    tags: Vec<String>,
    #[howdah(skip)]
    cached: Option<usize>,
}

const USER: &str =
    r#"SELECT 'other' AS x, 7::int2 AS type, 'Ann' AS "full name", 1::int8 AS "userId""#;

fn ann() -> User {
    User {
        user_id: 1,
        name: "Ann".into(),
        r#type: Some(7),
        tags: Vec::new(),
        cached: None,
    }
}

#[derive(Debug, PartialEq, FromRow)]
struct Borrowed<'a, 'b, T> {
    text: &'a str,
    cow: Cow<'b, str>,
    bytes: &'a [u8],
    value: T,
    list: Vec<Option<T>>,
}

#[derive(Debug, PartialEq, FromRow)]
struct Point<T>(T, #[howdah(skip)] u8, T);

#[derive(Debug, PartialEq, FromRow)]
struct Id(i32);

#[derive(Debug, PartialEq, FromRow)]
struct Order<A> {
    id: i32,
    #[howdah(flatten)]
    address: A,
    #[howdah(name = "sum", default)]
    total: i64,
}

#[derive(Debug, PartialEq, FromRow, ToSql, FromSql)]
#[howdah(name = "rows_address")]
struct Address {
    street: String,
    zip: Option<i32>,
}

fn said<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.expect_err("it cannot be read");
    assert!(!error.is_usage(), "the statement has been run: {error}");
    error.to_string()
}

#[test]
fn fields_are_the_columns_of_their_names() {
    let mut conn = connect();
    assert_eq!(conn.query_as::<User>(USER, ()).unwrap(), [ann()]);
    assert_eq!(conn.query_one_as::<User>(USER, ()).unwrap(), ann());
    let row = conn.query_one(USER, ()).unwrap();
    assert_eq!(row.read::<User>().unwrap(), ann());
    let none = format!("{USER} LIMIT $1");
    let found: Option<User> = conn.query_opt_as(&none, (0,)).unwrap();
    assert_eq!(found, None);
    let found: Option<User> = conn.query_opt_as(&none, (1,)).unwrap();
    assert_eq!(found, Some(ann()));
    let tagged = format!("{USER}, ARRAY['a', 'b'] AS tags");
    let found: User = conn.query_one_as(&tagged, ()).unwrap();
    assert_eq!(found.tags, ["a", "b"]);
}

#[test]
fn equal_names_are_the_first_column() {
    let mut conn = connect();
    let found: Order<Nothing> = conn
        .query_one_as("SELECT 1 AS id, 2 AS id, 3::int8 AS sum", ())
        .unwrap();
    assert_eq!((found.id, found.total), (1, 3));
}

/// It wants no columns.
struct Nothing;

impl FromRow<'_> for Nothing {
    fn from_row(_: &Row) -> Result<Self> {
        Ok(Self)
    }
}

#[test]
fn tuples_and_tuple_structs_are_positions() {
    let mut conn = connect();
    let rows = conn
        .query("SELECT i, i + 1 FROM generate_series(1, 2) i", ())
        .unwrap();
    let points: Vec<Point<i32>> = rows.clone().read_all().unwrap();
    assert_eq!(points, [Point(1, 0, 2), Point(2, 0, 3)]);
    let tuples: Vec<(i32, i32)> = rows.clone().read_all().unwrap();
    assert_eq!(tuples, [(1, 2), (2, 3)]);
    let id: Id = conn.query_one_as("SELECT 5", ()).unwrap();
    assert_eq!(id, Id(5));
    assert_eq!(
        said(rows.clone().read_all::<Id>()),
        "a row of 2 columns cannot be read as Id, which has 1"
    );
    let mut rest = rows;
    rest.fetch_one();
    assert_eq!(
        rest.read_all::<(i32, i32)>().unwrap(),
        [(2, 3)],
        "what has been fetched does not come again"
    );
    assert_eq!(
        said(conn.query_as::<(i32, i32, i32)>("SELECT 1, 2 WHERE false", ())),
        "a row of 2 columns cannot be read as a tuple of 3"
    );
}

#[test]
fn fields_borrow_from_the_row() {
    let mut conn = connect();
    let sql = r"SELECT 'a' AS text, 'b' AS cow, '\x00ff'::bytea AS bytes, 1 AS value, '{1,NULL}'::int4[] AS list";
    for _ in 0..2 {
        let rows = conn.query(sql, ()).unwrap().fetch_all();
        let read: Vec<Borrowed<'_, '_, i32>> =
            rows.iter().map(Row::read).collect::<Result<_>>().unwrap();
        let wanted = Borrowed {
            text: "a",
            cow: Cow::Borrowed("b"),
            bytes: b"\0\xff",
            value: 1,
            list: vec![Some(1), None],
        };
        assert_eq!(read, [wanted]);
    }
    let row = conn
        .query_one("SELECT 'a', ''::text, 'c' || 'd'", ())
        .unwrap();
    let Point(first, _, second) = conn
        .query_one("SELECT 'a', 'b'", ())
        .unwrap()
        .read::<Point<String>>()
        .unwrap();
    assert_eq!((first.as_str(), second.as_str()), ("a", "b"));
    let tuple: (&str, &str, &str) = row.read().unwrap();
    assert_eq!(tuple, ("a", "", "cd"));
}

#[test]
fn flattened_fields_are_read_from_the_same_row() {
    let mut conn = connect();
    let sql = "SELECT 'Main St.' AS street, 4::int4 AS id, NULL::int4 AS zip";
    let found: Order<Address> = conn.query_one_as(sql, ()).unwrap();
    let address = || Address {
        street: "Main St.".into(),
        zip: None,
    };
    let wanted = Order {
        id: 4,
        address: address(),
        total: 0,
    };
    assert_eq!(found, wanted);
    let deeper: Order<Order<Address>> = conn.query_one_as(sql, ()).unwrap();
    assert_eq!(deeper.address, wanted);
    assert_eq!(
        said(conn.query_as::<Order<Address>>("SELECT 1 AS id, 2 AS zip", ())),
        "the result has no column \"street\" for field street (String) of Address"
    );
}

/// Written by hand, for the lifetime that it borrows for.
#[derive(Debug, PartialEq)]
struct Street<'a>(&'a str);

impl<'a> FromRow<'a> for Street<'a> {
    fn from_row(row: &'a Row) -> Result<Self> {
        row.get("street").map(Self)
    }
}

#[derive(Debug, PartialEq, FromRow)]
struct House<'a> {
    #[howdah(flatten)]
    street: Street<'a>,
    number: i32,
}

#[test]
fn what_is_flattened_may_borrow_and_be_written_by_hand() {
    let mut conn = connect();
    let sql = "SELECT 'Main St.' AS street, 4::int4 AS number";
    let row = conn.query_one(sql, ()).unwrap();
    let house: House<'_> = row.read().unwrap();
    let expected = House {
        street: Street("Main St."),
        number: 4,
    };
    assert_eq!(house, expected);
    let sql = "SELECT 1 AS id, 'Main St.' AS street, 4 AS number";
    let row = conn.query_one(sql, ()).unwrap();
    let order: Order<House<'_>> = row.read().unwrap();
    assert_eq!((order.id, order.address), (1, expected));
}

#[test]
fn a_struct_is_a_composite_and_a_row() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    tx.batch_execute("CREATE TYPE rows_address AS (street text, zip int)")
        .unwrap();
    let address = Address {
        street: "x".into(),
        zip: Some(1),
    };
    let (composite,): (Address,) = tx
        .query_one_as("SELECT $1::rows_address", (&address,))
        .unwrap();
    assert_eq!(composite, address);
    let row: Address = tx
        .query_one_as("SELECT ($1::rows_address).*", (&address,))
        .unwrap();
    assert_eq!(row, address);
}

#[test]
fn errors_name_the_column_and_the_rust_type() {
    let mut conn = connect();
    let user = |columns: &str| format!("SELECT {columns}");
    for (columns, wanted) in [
        (
            r#"1 AS type, 'x' AS "full name""#,
            "the result has no column \"userId\" for field user_id (i64) of User",
        ),
        (
            r#"1::numeric AS "userId", 1::int2 AS type, 'x' AS "full name""#,
            "column 0 \"userId\" (numeric) cannot be read as i64",
        ),
        (
            r#"1::int8 AS "userId", 1::int2 AS type, NULL::text AS "full name""#,
            "column 2 \"full name\" (text) cannot be read as String: ",
        ),
        (
            r#"1::int8 AS "userId", 1::int2 AS type, 'x' AS "full name", NULL::text[] AS tags"#,
            "column 3 \"tags\" (text[]) cannot be read as Vec<String>: ",
        ),
    ] {
        let text = said(conn.query_as::<User>(&user(columns), ()));
        assert!(text.starts_with(wanted), "{text}");
    }
    let text = said(conn.query_as::<User>("SELECT 1 AS x WHERE false", ()));
    assert!(text.contains("no column \"userId\""), "{text}");
    assert_eq!(
        said(conn.query_one_as::<User>("SELECT 1 AS x WHERE false", ())),
        "the statement gave 0 rows instead of one"
    );
    assert_eq!(conn.query_one_as::<(i32,)>("SELECT 1", ()).unwrap(), (1,));
}

static PLACED: AtomicUsize = AtomicUsize::new(0);
static READ: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl FromRow<'_> for Counted {
    fn from_row(_: &Row) -> Result<Self> {
        unreachable!("the columns are found before")
    }

    fn place(_: &mut Placing<'_>) -> Result<()> {
        PLACED.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn from_places(_: &Row, _: &mut Places<'_>) -> Result<Self> {
        READ.fetch_add(1, Ordering::Relaxed);
        Ok(Self)
    }
}

#[test]
fn columns_are_looked_for_once() {
    let mut conn = connect();
    let sql = "SELECT i AS id FROM generate_series(1, 5) i";
    let found: Vec<Order<Counted>> = conn.query_as(sql, ()).unwrap();
    let ids: Vec<i32> = found.iter().map(|order| order.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    assert_eq!(PLACED.load(Ordering::Relaxed), 1);
    assert_eq!(READ.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn asynchronous_connections_read_rows() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    assert_eq!(conn.query_as::<User>(USER, ()).await.unwrap(), [ann()]);
    assert_eq!(conn.query_one_as::<User>(USER, ()).await.unwrap(), ann());
    let none = format!("{USER} LIMIT 0");
    let found: Option<User> = conn.query_opt_as(&none, ()).await.unwrap();
    assert_eq!(found, None);
    let mut tx = conn.transaction().await.unwrap();
    let (one,): (i32,) = tx.query_one_as("SELECT 1", ()).await.unwrap();
    assert_eq!(one, 1);
    assert!(tx.query_as::<Id>("SELECT 1, 2", ()).await.is_err());
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn clients_read_rows_on_other_tasks() {
    let client = AsyncClient::connect(&dsn()).await.unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let all: Vec<User> = client.query_as(USER, ()).await?;
                let one: User = client.query_one_as(USER, ()).await?;
                let some: Option<User> = client.query_opt_as(USER, ()).await?;
                Ok::<_, Error>((all, one, some))
            })
        })
        .collect();
    for task in tasks {
        let (all, one, some) = task.await.unwrap().unwrap();
        assert_eq!((all, one, some), (vec![ann()], ann(), Some(ann())));
    }
    let mut lease = client.lease().await.unwrap();
    assert_eq!(lease.query_one_as::<User>(USER, ()).await.unwrap(), ann());
}
