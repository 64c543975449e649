//! Record batches through both shells, against a real server.

mod common;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type};
use arrow_array::{ArrayRef, Int64Array, StringArray};
use common::{connect, dsn};
use howdah::arrow::{ArrowOptions, DataType, RecordBatch};
use howdah::{AsyncConnection, Connection};

const NUMBERS: &str = "SELECT g::int4 AS a, 'n' || g AS b FROM generate_series(1, 1000) g";

fn read(conn: &mut Connection, sql: &str, options: &ArrowOptions) -> Vec<RecordBatch> {
    let stream = conn.query_arrow(sql, (), options).unwrap();
    stream.map(Result::unwrap).collect()
}

#[test]
fn rows_come_in_batches() {
    let mut conn = connect();
    let options = ArrowOptions::default().batch_rows(300);
    for _ in 0..3 {
        let batches = read(&mut conn, NUMBERS, &options);
        let sizes: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [300, 300, 300, 100]);
        let last = batches.last().unwrap();
        assert_eq!(last.column(0).as_primitive::<Int32Type>().value(99), 1000);
        assert_eq!(last.column(1).as_string::<i32>().value(99), "n1000");
    }
}

#[test]
fn parameters_types_of_users_and_overrides() {
    let mut conn = connect();
    conn.batch_execute(
        "CREATE TYPE pg_temp.mood AS ENUM ('sad', 'ok'); CREATE DOMAIN pg_temp.price AS numeric(8, 2)",
    )
    .unwrap();
    let sql = "SELECT 'ok'::pg_temp.mood AS m, ARRAY[1.5]::pg_temp.price[] AS p, $1::int4 AS n";
    let options = ArrowOptions::default().column("n", DataType::Int64);
    let mut stream = conn.query_arrow(sql, (7,), &options).unwrap();
    assert_eq!(stream.schema().field(2).data_type(), &DataType::Int64);
    let batch = stream.next().unwrap().unwrap();
    assert!(stream.next().is_none());
    drop(stream);
    let moods = batch.column(0).as_dictionary::<Int32Type>();
    assert_eq!(moods.values().as_string::<i32>().value(1), "ok");
    assert_eq!(moods.keys().value(0), 1);
    let prices = batch.column(1).as_list::<i32>().value(0);
    assert_eq!(prices.as_primitive::<Decimal128Type>().value(0), 150);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let mut conn = connect();
    let options = ArrowOptions::default();
    let error = conn.query_arrow("SET x.y TO 1", (), &options).unwrap_err();
    assert!(error.is_usage());
    let unknown = ArrowOptions::default().column("z", DataType::Utf8);
    assert!(
        conn.query_arrow(NUMBERS, (), &unknown)
            .unwrap_err()
            .is_usage()
    );
    let sql = "SELECT CASE WHEN g = 900 THEN 'infinity' ELSE 'today' END::date AS d FROM generate_series(1, 1000) g";
    let mut stream = conn.query_arrow(sql, (), &options).unwrap();
    let error = stream.next().unwrap().unwrap_err();
    assert!(
        error.to_string().contains("column \"d\", row 899"),
        "{error}"
    );
    assert!(stream.next().is_none());
    drop(stream);
    let mut stream = conn
        .query_arrow(
            "SELECT 1 / (900 - g) FROM generate_series(1, 1000) g",
            (),
            &options,
        )
        .unwrap();
    let error = stream.find_map(Result::err).unwrap();
    assert_eq!(error.sqlstate(), Some("22012"));
    drop(stream);
    assert_eq!(conn.execute("SELECT 1", ()).unwrap(), 1);
}

#[test]
fn no_rows_have_a_schema() {
    let mut conn = connect();
    let batches = read(
        &mut conn,
        "SELECT 1 AS a WHERE false",
        &ArrowOptions::default(),
    );
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].num_rows(), 0);
    assert_eq!(batches[0].schema().field(0).name(), "a");
}

#[test]
fn a_stream_that_is_left_leaves_the_connection_usable() {
    let mut conn = connect();
    let options = ArrowOptions::default().batch_rows(10);
    let sql = "SELECT g, repeat('x', 100) FROM generate_series(1, 10000000) g";
    let mut stream = conn.query_arrow(sql, (), &options).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().num_rows(), 10);
    drop(stream);
    assert_eq!(conn.execute("SELECT 1", ()).unwrap(), 1);
}

fn some_rows() -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b\t\\N"), None]));
    RecordBatch::try_from_iter([("a", numbers), ("b", names)]).unwrap()
}

#[test]
fn batches_go_into_a_table() {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE \"t\"\"u\" (b text, a int4, c int)", ())
        .unwrap();
    let batch = some_rows();
    let written = conn.copy_arrow("t\"u", batch.schema_ref(), [batch.clone(), batch.clone()]);
    assert_eq!(written.unwrap(), 6);
    let options = ArrowOptions::default().column("a", DataType::Int64);
    let back = read(&mut conn, "SELECT a, b FROM \"t\"\"u\" LIMIT 3", &options);
    assert_eq!(back[0].columns(), batch.columns());
}

#[test]
fn what_cannot_be_written_is_undone() {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE t (a int2, b bool)", ())
        .unwrap();
    let batch = some_rows();
    let error = conn.copy_arrow("t", batch.schema_ref(), [batch.clone()]);
    assert!(error.unwrap_err().is_usage());
    let large: ArrayRef = Arc::new(Int64Array::from(vec![1, 40_000]));
    let large = RecordBatch::try_from_iter([("a", large)]).unwrap();
    let error = conn
        .copy_arrow("t", large.schema_ref(), [large.clone()])
        .unwrap_err();
    assert!(error.to_string().contains("column \"a\", row 1"), "{error}");
    let row = conn.query_one("SELECT count(*) FROM t", ()).unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 0);
}

#[tokio::test]
async fn the_same_on_tokio() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    conn.execute("CREATE TEMP TABLE t (a int8, b text)", ())
        .await
        .unwrap();
    let batch = some_rows();
    let written = conn
        .copy_arrow("t", batch.schema_ref(), [batch.clone()])
        .await;
    assert_eq!(written.unwrap(), 3);
    let options = ArrowOptions::default();
    let mut stream = conn
        .query_arrow("SELECT * FROM t", (), &options)
        .await
        .unwrap();
    let back = stream.next().await.unwrap().unwrap();
    assert_eq!(back.columns(), batch.columns());
    assert!(stream.next().await.is_none());
    drop(stream);
    let options = ArrowOptions::default().batch_rows(10);
    let sql = "SELECT g FROM generate_series(1, 10000000) g";
    let mut stream = conn.query_arrow(sql, (), &options).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 10);
    drop(stream);
    assert_eq!(conn.execute("SELECT 1", ()).await.unwrap(), 1);
}
