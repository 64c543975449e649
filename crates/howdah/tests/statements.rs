//! Statements that are asked about before they are run, and single values.

mod common;

use howdah::{Column, Connection, Statement};

fn parameters(statement: &Statement) -> Vec<String> {
    let names = statement
        .parameters()
        .map(|one| one.type_name().into_owned());
    names.collect()
}

fn columns(statement: &Statement) -> Vec<String> {
    statement.columns().map(|one| format!("{one:?}")).collect()
}

/// How often the prepared statements of the session with such a text have been executed.
fn executions(conn: &mut Connection, pattern: &str) -> Vec<i64> {
    let sql =
        "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE $1";
    let counts = conn.query_as::<(i64,)>(sql, (pattern,)).unwrap();
    counts.into_iter().map(|(count,)| count).collect()
}

#[test]
fn a_statement_tells_what_it_takes_and_gives() {
    let mut conn = common::connect();
    let mood = common::unique("mood");
    conn.execute(&format!("CREATE TYPE {mood} AS ENUM ('sad', 'happy')"), ())
        .unwrap();
    conn.execute(&format!("CREATE TEMP TABLE t (id int8, now {mood})"), ())
        .unwrap();
    let table: u32 = conn.query_scalar("SELECT 't'::regclass::oid", ()).unwrap();

    let sql = "SELECT now, id, id + 1 AS more FROM t WHERE id = $1 AND now = ANY($2)";
    let statement = conn.prepare(sql).unwrap();
    assert_eq!(statement.sql(), sql);
    assert_eq!(
        parameters(&statement),
        ["int8".to_owned(), format!("{mood}[]")]
    );
    assert_eq!(
        columns(&statement),
        [
            format!("now: {mood}"),
            "id: int8".to_owned(),
            "more: int8".to_owned()
        ]
    );
    let place = |column: Column<'_>| (column.table_oid(), column.table_column());
    let places: Vec<_> = statement.columns().map(place).collect();
    assert_eq!(
        places,
        [(Some(table), Some(2)), (Some(table), Some(1)), (None, None)]
    );
    let oids: Vec<_> = statement.parameters().map(|one| one.type_oid()).collect();
    assert_eq!(oids[0], 20);

    let none = conn.prepare("CREATE TEMP TABLE u (a int4)").unwrap();
    assert_eq!((none.parameters().len(), none.columns().len()), (0, 0));
    assert_eq!(conn.execute(&none, ()).unwrap(), 0);
    conn.execute("DROP TABLE t", ()).unwrap();
    conn.execute(&format!("DROP TYPE {mood}"), ()).unwrap();
}

#[test]
fn a_statement_is_executed_as_it_was_prepared() {
    let mut conn = common::connect();
    let sum = conn
        .prepare("SELECT $1::int4 + $2::int4 AS sum_of_two")
        .unwrap();
    let now = conn.prepare("SELECT 'nothing_to_give'").unwrap();
    for n in 1..=3 {
        assert_eq!(conn.query_scalar::<i32>(&sum, (n, 1)).unwrap(), n + 1);
        let row = conn.query_one(&now, ()).unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "nothing_to_give");
    }
    assert_eq!(executions(&mut conn, "%sum_of_two"), [3]);
    assert_eq!(executions(&mut conn, "SELECT 'nothing%"), [3]);
    let again = conn.prepare(&sum).unwrap();
    assert_eq!(conn.query_scalar::<i32>(&again, (1, 1)).unwrap(), 2);
    assert_eq!(executions(&mut conn, "%sum_of_two"), [1]);
}

#[test]
fn a_statement_outlives_what_the_server_has_prepared() {
    let mut conn = common::connect();
    let sum = conn.prepare("SELECT $1::int4 + 1").unwrap();
    let mut other = common::connect();
    assert_eq!(other.query_scalar::<i32>(&sum, (1,)).unwrap(), 2);
    conn.set_prepare_threshold(None);
    assert_eq!(conn.query_scalar::<i32>(&sum, (1,)).unwrap(), 2);
    let length = conn.prepare("SELECT length($1)").unwrap();
    assert_eq!(parameters(&length), ["text"]);
    assert_eq!(conn.query_scalar::<i32>(&length, ("abc",)).unwrap(), 3);
    assert_eq!(executions(&mut conn, "SELECT length%"), [0; 0]);
}

#[test]
fn a_statement_that_is_wrong_is_the_servers_error() {
    let mut conn = common::connect();
    for (sql, state) in [
        ("SELEC 1", "42601"),
        ("SELECT * FROM no_such_table", "42P01"),
        ("SELECT pg_typeof($1)", "42P18"),
        ("SELECT 1; SELECT 2", "42601"),
    ] {
        let error = conn.prepare(sql).unwrap_err();
        assert_eq!(error.sqlstate(), Some(state), "{error}");
    }
    assert!(conn.prepare("SELECT '\0'").unwrap_err().is_usage());
    assert_eq!(conn.query_scalar::<i32>("SELECT 1", ()).unwrap(), 1);

    let mut tx = conn.transaction().unwrap();
    let in_it = tx.prepare("SELECT 1").unwrap();
    assert_eq!(tx.query_scalar::<i32>(&in_it, ()).unwrap(), 1);
    assert!(tx.prepare("SELEC 1").is_err());
    assert_eq!(
        tx.prepare("SELECT 2").unwrap_err().sqlstate(),
        Some("25P02")
    );
    drop(tx);
    assert_eq!(conn.query_scalar::<i32>(&in_it, ()).unwrap(), 1);
    conn.execute("SET client_encoding = latin1", ()).unwrap();
    assert!(conn.prepare("SELECT 1").unwrap_err().is_usage());

    let conninfo = format!("{} replication=database", common::dsn());
    let mut walsender = Connection::connect(&conninfo).unwrap();
    assert!(walsender.prepare("SELECT 1").unwrap_err().is_usage());
    assert_eq!(walsender.execute("IDENTIFY_SYSTEM", ()).unwrap(), 0);
}

#[test]
fn a_scalar_is_the_one_value_of_one_row() {
    let mut conn = common::connect();
    let text: String = conn.query_scalar("SELECT $1::text", ("abc",)).unwrap();
    assert_eq!(text, "abc");
    let none = conn.query_scalar::<Option<i32>>("SELECT NULL::int4", ());
    assert_eq!(none.unwrap(), None);
    let opt = |conn: &mut Connection, sql| conn.query_scalar_opt::<Option<i32>>(sql, ());
    assert_eq!(opt(&mut conn, "SELECT 1").unwrap(), Some(Some(1)));
    assert_eq!(opt(&mut conn, "SELECT NULL::int4").unwrap(), Some(None));
    assert_eq!(opt(&mut conn, "SELECT 1 WHERE false").unwrap(), None);

    let mut said = |sql: &str| {
        let error = conn.query_scalar::<i32>(sql, ()).unwrap_err().to_string();
        let as_well = conn.query_scalar_opt::<i32>(sql, ()).map(|_| String::new());
        (error, as_well.unwrap_or_else(|error| error.to_string()))
    };
    let (error, as_well) = said("SELECT 1, 2");
    assert_eq!(error, "a row of 2 columns cannot be read as one value");
    assert_eq!(error, as_well);
    let (error, as_well) = said("SELECT 1 UNION SELECT 2");
    assert_eq!(error, "the statement gave 2 rows instead of one");
    assert_eq!(error, as_well);
    let (error, as_well) = said("SELECT NULL::int4");
    assert!(error.contains("NULL"), "{error}");
    assert_eq!(error, as_well);
    let (error, as_well) = said("SELECT 1 WHERE false");
    assert_eq!(error, "the statement gave 0 rows instead of one");
    assert_eq!(as_well, "");
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use howdah::{AsyncClient, AsyncConnection};

    use super::*;

    #[tokio::test]
    async fn a_statement_is_prepared_and_executed() {
        let mut conn = AsyncConnection::connect(&common::dsn()).await.unwrap();
        let sum = conn.prepare("SELECT $1::int4 + 1").await.unwrap();
        assert_eq!(parameters(&sum), ["int4"]);
        assert_eq!(columns(&sum), ["?column?: int4"]);
        assert_eq!(conn.query_scalar::<i32>(&sum, (1,)).await.unwrap(), 2);
        let error = conn.prepare("SELEC 1").await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("42601"));
        let none = conn.query_scalar_opt::<i32>("SELECT 1 WHERE false", ());
        assert_eq!(none.await.unwrap(), None);
    }

    #[tokio::test]
    async fn tasks_share_a_statement() {
        let client = AsyncClient::connect(&common::dsn()).await.unwrap();
        let (sum, wrong, one) = tokio::join!(
            client.prepare("SELECT $1::int4 + 1 AS shared_sum"),
            client.prepare("SELEC 1"),
            client.query_scalar::<i32>("SELECT 1", ()),
        );
        let sum = sum.unwrap();
        assert_eq!(wrong.unwrap_err().sqlstate(), Some("42601"));
        assert_eq!(one.unwrap(), 1);
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let (client, sum) = (client.clone(), sum.clone());
                tokio::spawn(async move { client.query_scalar::<i32>(&sum, (n,)).await })
            })
            .collect();
        for (n, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap().unwrap(), n + 1);
        }
        let sql = "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE '%shared_sum'";
        assert_eq!(client.query_scalar::<i64>(sql, ()).await.unwrap(), 10);
    }
}
