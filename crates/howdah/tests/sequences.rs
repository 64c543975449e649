//! `execute_many()` and `batch()`: many executions in one exchange, against a real server.

mod common;

use std::time::Duration;

use common::lying::{socket_of, wait_until_it_lies_in};
use common::{connect, resident, unique, within};
use howdah::{Batch, Connection, ToParams, ToSql, TransactionStatus};

const INSERT: &str = "INSERT INTO t VALUES ($1, $2)";
const BOUND: Duration = Duration::from_secs(60);

fn with_table() -> Connection {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE t (n int4 PRIMARY KEY, s text)", ())
        .unwrap();
    conn
}

fn count(session: &mut howdah::Session) -> i64 {
    let row = session.query_one("SELECT count(*) FROM t", ()).unwrap();
    row.get(0).unwrap()
}

#[test]
fn all_items_are_executed_and_counted() {
    let mut conn = with_table();
    let items = (0..10_000).map(|n| (n, format!("text {n}")));
    assert_eq!(conn.execute_many(INSERT, items).unwrap(), 10_000);
    let none: [(i32, &str); 0] = [];
    assert_eq!(conn.execute_many(INSERT, none).unwrap(), 0);
    let pairs = vec![(10_000, None), (10_001, Some("x"))];
    assert_eq!(conn.execute_many(INSERT, &pairs).unwrap(), 2);
    assert_eq!(count(&mut conn), 10_002);
    // In the order in which they were given.
    let update = "UPDATE t SET s = s || $1 WHERE n = 1";
    let letters = ["a", "b", "c"].map(|letter| (letter,));
    assert_eq!(conn.execute_many(update, letters).unwrap(), 3);
    let row = conn.query_one("SELECT s FROM t WHERE n = 1", ()).unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "text 1abc");
    // Rows that are given are counted, and not kept.
    let select = "SELECT * FROM t WHERE n < $1";
    assert_eq!(conn.execute_many(select, [[3], [4]]).unwrap(), 7);
    assert_eq!(conn.execute_many("SELECT 1", [(), ()]).unwrap(), 2);
    assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    let prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = $1";
    let row = conn.query_one(prepared, (&INSERT,)).unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 1);
}

struct Pair(i32, String);

impl ToParams for Pair {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        work(&[&self.0, &self.1])
    }
}

#[test]
fn items_are_tuples_lists_and_types_of_ones_own() {
    let mut conn = with_table();
    let own = [Pair(1, "a".into()), Pair(2, "b".into())];
    assert_eq!(conn.execute_many(INSERT, &own).unwrap(), 2);
    let mixed: [Vec<&dyn ToSql>; 2] = [vec![&3, &"c"], vec![&4, &None::<&str>]];
    assert_eq!(conn.execute_many(INSERT, mixed).unwrap(), 2);
    let slices: [&[&str]; 2] = [&["5", "e"], &["6", "f"]];
    assert_eq!(conn.execute_many(INSERT, slices).unwrap(), 2);
    let row = conn
        .query_one(
            "SELECT string_agg(n || coalesce(s, '-'), ' ' ORDER BY n) FROM t",
            (),
        )
        .unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "1a 2b 3c 4- 5e 6f");
}

/// Outside of a transaction all is done or nothing, whoever finds the error, and wherever it is.
#[test]
fn an_error_names_its_item_and_nothing_is_done() {
    for count_of_items in [10, 20_000] {
        for wrong in [0, 5, count_of_items - 1] {
            let mut conn = with_table();
            // By the server.
            let items = (0..count_of_items).map(|n| (if n == wrong { 0 } else { n + 1 }, "x"));
            conn.execute(INSERT, (0, "there")).unwrap();
            let error = conn.execute_many(INSERT, items).unwrap_err();
            assert_eq!(error.sqlstate(), Some("23505"));
            assert_eq!(error.item(), Some(usize::try_from(wrong).unwrap()));
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("item {wrong}: duplicate"))
            );
            assert_eq!(count(&mut conn), 1);
            // By the driver.
            let text = |n| if n == wrong { "a\0b" } else { "x" };
            let items = (0..count_of_items).map(|n| (n + 1, text(n)));
            let error = conn.execute_many(INSERT, items).unwrap_err();
            assert!(error.is_usage(), "{error}");
            assert_eq!(error.item(), Some(usize::try_from(wrong).unwrap()));
            assert_eq!(count(&mut conn), 1);
            assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
        }
    }
    let mut conn = connect();
    let error = conn
        .execute_many("INSERT INTO nothing VALUES ($1)", [[1]])
        .unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some("42P01"), Some(0)));
    let error = conn
        .execute_many("SELECT $1::int4", [vec![1], vec![1, 2]])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has 1 parameters, and 2 were given"),
        "{error}"
    );
    assert_eq!(error.item(), Some(1));
}

#[test]
fn an_error_within_a_transaction_leaves_it_failed() {
    let mut conn = with_table();
    for wrong in [("1", "x"), ("3", "a\0b")] {
        let mut tx = conn.transaction().unwrap();
        let items = [("1", "x"), ("2", "y"), wrong];
        assert_eq!(tx.execute_many(INSERT, items).unwrap_err().item(), Some(2));
        assert_eq!(
            tx.execute("SELECT 1", ()).unwrap_err().sqlstate(),
            Some("25P02")
        );
        assert!(tx.commit().is_err());
        assert_eq!(count(&mut conn), 0);
    }
    // Nothing has been executed before the first item: the transaction goes on.
    let mut tx = conn.transaction().unwrap();
    tx.execute(INSERT, (1, "x")).unwrap();
    assert_eq!(
        tx.execute_many(INSERT, [(2, "a\0b")]).unwrap_err().item(),
        Some(0)
    );
    assert_eq!(tx.execute_many(INSERT, [(2, "y"), (3, "z")]).unwrap(), 2);
    let mut inner = tx.savepoint().unwrap();
    assert!(inner.execute_many(INSERT, [(4, ""), (1, "")]).is_err());
    inner.rollback().unwrap();
    tx.commit().unwrap();
    assert_eq!(count(&mut conn), 3);
    // The first of a transaction, with its BEGIN.
    let mut tx = conn.transaction().unwrap();
    tx.execute_many(INSERT, (10..20_000).map(|n| (n, "x")))
        .unwrap();
    assert_eq!(
        tx.info().transaction_status(),
        TransactionStatus::InTransaction
    );
    tx.rollback().unwrap();
    assert_eq!(count(&mut conn), 3);
    conn.set_autocommit(false).unwrap();
    conn.execute_many(INSERT, [(5, "x")]).unwrap();
    conn.rollback().unwrap();
    assert_eq!(count(&mut conn), 3);
}

#[test]
fn an_iterator_that_panics_leaves_nothing_behind() {
    for count_of_items in [0, 10, 20_000] {
        let mut conn = with_table();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let items = (0..).map(|n| {
                assert!(n < count_of_items, "on purpose");
                (n, "x")
            });
            conn.execute_many(INSERT, items)
        }));
        assert!(panicked.is_err());
        assert_eq!(count(&mut conn), 0);
        assert_eq!(conn.execute_many(INSERT, [(1, "x")]).unwrap(), 1);
    }
}

#[test]
fn much_goes_both_ways_in_bounded_memory() {
    within(BOUND, || {
        let mut conn = connect();
        let sql = "SELECT repeat($1, 1000)";
        let text = "x".repeat(1000);
        conn.execute_many(sql, [[&text]]).unwrap();
        let before = resident();
        // 16 MiB and more to the server, and a thousand times that from it for some.
        let items = (0..16_500).map(|n| if n % 100 == 0 { [text.as_str()] } else { ["y"] });
        assert_eq!(conn.execute_many(sql, items).unwrap(), 16_500);
        let large = "x".repeat(16 << 20);
        assert_eq!(
            conn.execute_many("SELECT $1::text", [[&large]; 3]).unwrap(),
            3
        );
        let grown = resident().saturating_sub(before);
        assert!(grown < 100 << 20, "{grown}");
        // A result of many rows.
        let many = "SELECT generate_series(1, $1::int4), repeat('x', 100)";
        let before = resident();
        assert_eq!(
            conn.execute_many(many, [[1_000_000], [1]]).unwrap(),
            1_000_001
        );
        let grown = resident().saturating_sub(before);
        assert!(grown < 32 << 20, "{grown}");
    });
}

#[test]
fn a_batch_gives_the_result_of_each_statement() {
    let mut conn = connect();
    let mut batch = Batch::new();
    batch
        .add("CREATE TEMP TABLE t (n int4 PRIMARY KEY, s text)", ())
        .add(
            "INSERT INTO t VALUES ($1, $2), ($3, $4)",
            (1, "a", 2, None::<&str>),
        )
        .add("SELECT n, s FROM t WHERE n > $1 ORDER BY n", [0])
        .add("UPDATE t SET s = $1", &[&"z" as &dyn ToSql] as &[_])
        .add("SELECT 'text'", ());
    assert_eq!((batch.len(), batch.is_empty()), (5, false));
    let results = conn.batch(&batch).unwrap();
    let status: Vec<_> = results.iter().map(howdah::Rows::status).collect();
    assert_eq!(
        status,
        [
            "CREATE TABLE",
            "INSERT 0 2",
            "SELECT 2",
            "UPDATE 2",
            "SELECT 1"
        ]
    );
    let row = results[2].row(1).unwrap();
    assert_eq!(row.read::<(i32, Option<&str>)>().unwrap(), (2, None));
    assert_eq!(conn.batch(&Batch::new()).unwrap().len(), 0);
    let large = "x".repeat(16 << 20);
    let results = within(BOUND, {
        let mut conn = connect();
        let large = large.clone();
        move || {
            let echo = ("SELECT $1::text", (&large,));
            conn.batch(&[echo; 4].into_iter().collect()).unwrap()
        }
    });
    let texts = results.iter().map(|rows| rows.row(0).unwrap());
    assert!(
        texts
            .into_iter()
            .all(|row| row.get::<&str>(0).unwrap() == large)
    );
    // The parameters go with it, to be run again and elsewhere.
    let mut batch = Batch::new();
    batch.add("SELECT $1::text", (large,));
    for _ in 0..2 {
        assert_eq!(conn.batch(&batch).unwrap().len(), 1);
    }
    let results = within(BOUND, move || connect().batch(&batch).unwrap());
    assert_eq!(results.len(), 1);
}

#[test]
fn an_error_of_a_batch_names_its_statement_and_nothing_is_done() {
    let mut conn = with_table();
    let insert = || {
        let mut batch = Batch::new();
        batch.add(INSERT, (1, "x"));
        batch
    };
    let mut batch = insert();
    batch
        .add("SELECT 1", ())
        .add("SELECT 1/0", ())
        .add(INSERT, (1, "x"));
    let error = conn.batch(&batch).unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some("22012"), Some(2)));
    assert_eq!(count(&mut conn), 0);
    let error = conn
        .batch(insert().add("SELECT nothing", ()).add(INSERT, (1, "x")))
        .unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some("42703"), Some(1)));
    let error = conn
        .batch(insert().add("SELECT $1::int4", ("x".to_owned(), 2)))
        .unwrap_err();
    assert!(error.is_usage() && error.item() == Some(1));
    for copy in ["COPY t FROM STDIN", " copy t TO STDOUT"] {
        let error = conn.batch(insert().add(copy, ())).unwrap_err();
        assert!(error.is_usage() && error.item() == Some(1));
    }
    assert_eq!(count(&mut conn), 0);
    // Statements that end transactions are what they are.
    let mut batch = Batch::new();
    batch
        .add("BEGIN", ())
        .add(INSERT, (1, "x"))
        .add("COMMIT", ());
    conn.batch(&batch).unwrap();
    assert_eq!(count(&mut conn), 1);
    let mut tx = conn.transaction().unwrap();
    tx.batch(Batch::new().add("COMMIT", ())).unwrap();
    assert!(tx.execute("SELECT 1", ()).unwrap_err().is_usage());
    assert!(tx.commit().unwrap_err().is_usage());
}

#[test]
fn types_made_by_users_go_in_and_out() {
    let mut conn = connect();
    let name = unique("pair");
    let create = format!("CREATE TYPE {name} AS (a int4, b text)");
    let select = format!("SELECT $1::{name}");
    let drop_type = format!("DROP TYPE {name}");
    let pair = (7, "x".to_owned());
    let mut batch = Batch::new();
    batch
        .add(&create, ())
        .add(&select, (&pair,))
        .add("SET datestyle TO 'sql, dmy'", ())
        .add("SELECT '2020-03-02'::date::text", ())
        .add("RESET datestyle", ());
    let results = conn.batch(&batch).unwrap();
    let row = results[1].row(0).unwrap();
    assert_eq!(row.columns().next().unwrap().type_name(), name);
    assert_eq!(row.get::<(i32, String)>(0).unwrap(), pair);
    assert_eq!(conn.execute_many(&select, [(&pair,), (&pair,)]).unwrap(), 2);
    conn.execute(&drop_type, ()).unwrap();
}

#[test]
fn nothing_is_prepared_where_that_is_not_wanted() {
    let mut conn = with_table();
    conn.set_prepare_threshold(None);
    assert_eq!(
        conn.execute_many(INSERT, (0..1000).map(|n| (n, "x")))
            .unwrap(),
        1000
    );
    let row = conn.query_one("SELECT count(*) FROM pg_prepared_statements", ());
    assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 0);
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use super::*;
    use howdah::{AsyncClient, AsyncConnection, AsyncSession};
    use tokio::time::timeout;

    async fn with_table() -> AsyncConnection {
        let mut conn = AsyncConnection::connect(&common::dsn()).await.unwrap();
        conn.execute("CREATE TEMP TABLE t (n int4 PRIMARY KEY, s text)", ())
            .await
            .unwrap();
        conn
    }

    async fn count(session: &mut AsyncSession) -> i64 {
        let row = session.query_one("SELECT count(*) FROM t", ()).await;
        row.unwrap().get(0).unwrap()
    }

    #[tokio::test]
    async fn all_items_are_executed_and_errors_name_theirs() {
        let mut conn = with_table().await;
        let items = (0..20_000).map(|n| (n, format!("text {n}")));
        assert_eq!(conn.execute_many(INSERT, items).await.unwrap(), 20_000);
        let items = (0..20_000).map(|n| (n + 15_000, "x"));
        let error = conn.execute_many(INSERT, items).await.unwrap_err();
        assert_eq!((error.sqlstate(), error.item()), (Some("23505"), Some(0)));
        let text = |n| if n == 39_000 { "a\0b" } else { "x" };
        let items = (20_000..40_000).map(|n| (n, text(n)));
        let error = conn.execute_many(INSERT, items).await.unwrap_err();
        assert!(error.is_usage() && error.item() == Some(19_000));
        assert_eq!(count(&mut conn).await, 20_000);
        let mut tx = conn.transaction().await.unwrap();
        tx.execute_many(INSERT, [(20_000, "")]).await.unwrap();
        let error = tx.execute_many(INSERT, [(20_001, ""), (1, "")]).await;
        assert_eq!(error.unwrap_err().item(), Some(1));
        assert!(tx.commit().await.is_err());
        assert_eq!(count(&mut conn).await, 20_000);
    }

    #[tokio::test]
    async fn a_batch_gives_the_result_of_each_statement() {
        let mut conn = with_table().await;
        let large = "x".repeat(16 << 20);
        let mut batch = Batch::new();
        batch
            .add(INSERT, (1, &large))
            .add("SELECT s FROM t WHERE n = $1", (1,))
            .add("SELECT $1::text", (&large,));
        let results = conn.batch(&batch).await.unwrap();
        for rows in &results[1..] {
            assert_eq!(rows.row(0).unwrap().get::<&str>(0).unwrap(), large);
        }
        let error = conn
            .batch(Batch::new().add(INSERT, (2, "x")).add("SELECT 1/0", ()))
            .await;
        assert_eq!(error.unwrap_err().item(), Some(1));
        assert_eq!(count(&mut conn).await, 1);
    }

    /// Whenever it is dropped, all is done or nothing.
    #[tokio::test]
    async fn one_that_is_dropped_is_done_whole_or_not_at_all() {
        let mut conn = with_table().await;
        let mut all = 0;
        for micros in (0..40).map(|n| n * n * 40) {
            let items = (0..3_000).map(|n| (n, "text"));
            let many = conn.execute_many(INSERT, items);
            let ended = timeout(Duration::from_micros(micros), many).await;
            let done = count(&mut conn).await;
            assert!(done == 0 || done == 3000, "{done}");
            if let Ok(result) = ended {
                assert_eq!((result.unwrap(), done), (3000, 3000));
            }
            all += i64::from(done > 0);
            conn.execute("DELETE FROM t", ()).await.unwrap();
        }
        assert!(all > 0);
        // Within a transaction it fails that.
        let mut tx = conn.transaction().await.unwrap();
        let slow = tx.execute_many("SELECT pg_sleep($1)", [[0.0], [3600.0]]);
        assert!(timeout(Duration::from_millis(100), slow).await.is_err());
        assert!(tx.execute("SELECT 1", ()).await.is_err());
        assert!(tx.commit().await.is_err());
        assert_eq!(count(&mut conn).await, 0);
    }

    #[tokio::test]
    async fn a_batch_that_is_dropped_anywhere_is_done_whole_or_not_at_all() {
        let mut conn = with_table().await;
        for polls in 0..100 {
            let batch: Batch<'_> = (0..3).map(|n| (INSERT, (n, "x"))).collect();
            let ended = common::polled::polled(polls, conn.batch(&batch)).await;
            let done = count(&mut conn).await;
            assert!(done == 0 || done == 3, "{done}");
            if let Some(results) = ended {
                assert_eq!((results.unwrap().len(), done), (3, 3));
                return;
            }
            conn.execute("DELETE FROM t", ()).await.unwrap();
        }
        panic!("it never ended");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tasks_run_sequences_on_one_connection() {
        let conn = with_table().await;
        let client = conn.into_client();
        let run = async |client: AsyncClient, task: i32| {
            let items = (0..100).map(|n| (task * 100 + n, "x"));
            assert_eq!(client.execute_many(INSERT, items).await?, 100);
            let key = task * 100;
            let mut batch = Batch::new();
            batch
                .add("UPDATE t SET s = 'y' WHERE n = $1", (key,))
                .add("SELECT s FROM t WHERE n = $1", (key,));
            let results = client.batch(&batch).await?;
            results[1].row(0).expect("a row").get::<String>(0)
        };
        let tasks: Vec<_> = (0..20)
            .map(|task| tokio::spawn(run(client.clone(), task)))
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), "y");
        }
        let row = client.query_one("SELECT count(*) FROM t", ()).await;
        assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 2000);
    }
}

const FAILING: &str = "SELECT 1 / $1::int4 WHERE $2::text <> ''";

/// Behind the first 64 KiB, which are waited for, and in the second.
const WRONG: i32 = 100;
/// Of these twice 64 KiB have been sent.
const SENT: i32 = 150;
/// No more than those are sent at once.
const MORE: i32 = 66;

/// Items for [`FAILING`], of which one is wrong. When that has been sent, its error lies in the socket before the next item is given.
fn failing(socket: std::net::TcpStream) -> impl Iterator<Item = (i32, String)> {
    (0..i32::MAX).map(move |number| {
        if number == SENT {
            wait_until_it_lies_in(&socket, |seen| {
                seen.windows(6).any(|part| part == b"C22012")
            });
        }
        assert!(number <= SENT + MORE, "the error is not heard");
        (number - WRONG, "x".repeat(1000))
    })
}

#[test]
fn an_error_is_heard_while_items_are_sent() {
    let mut conn = connect();
    let items = failing(socket_of(&conn));
    let error = conn.execute_many(FAILING, items).unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some("22012"), Some(100)));
}

/// The runtime does not look at its sockets while the items are sent, which waits for nothing.
#[cfg(feature = "tokio")]
#[tokio::test(flavor = "current_thread")]
async fn an_error_is_heard_while_items_are_sent_on_tokio() {
    let mut conn = howdah::AsyncConnection::connect(&common::dsn())
        .await
        .unwrap();
    let items = failing(socket_of(&conn));
    let error = conn.execute_many(FAILING, items).await.unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some("22012"), Some(100)));
}
