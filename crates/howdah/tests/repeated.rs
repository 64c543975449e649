//! Sequences and streams of which what was prepared is missing or of no use: run again where nothing has been executed.

#![cfg(feature = "tokio")]

mod common;

use common::{connect, connect_without_autocommit, dsn, unique};
use howdah::{AsyncConnection, AsyncSession, Batch, Connection, Session, ToSql, TransactionStatus};

/// Drops all that is prepared, and its command tag does not say so.
const FORGET: &str = "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$";

/// What makes statements of no use that were prepared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoiled {
    Widened,
    Lost,
}

const WAYS: [Spoiled; 2] = [Spoiled::Widened, Spoiled::Lost];

/// A table with a sequence, which are dropped at the end.
struct Table(String);

impl Table {
    fn new() -> Self {
        let name = unique("repeated");
        let mut conn = connect();
        let sql = format!("CREATE TABLE {name} (n int4); CREATE SEQUENCE {name}_s");
        conn.simple_query(&sql).unwrap();
        Self(name)
    }

    /// Gives the results of all statements about it another type.
    fn widen(&self) {
        let sql = format!("ALTER TABLE {} ADD {} int", self.0, unique("more"));
        connect().execute(&sql, ()).unwrap();
    }

    fn count(&self) -> i64 {
        let sql = format!("SELECT count(*) FROM {}", self.0);
        connect().query_scalar(&sql, ()).unwrap()
    }

    fn select(&self) -> String {
        format!("SELECT * FROM {} WHERE n = $1", self.0)
    }

    fn insert(&self) -> String {
        format!("INSERT INTO {} (n) VALUES ($1) RETURNING *", self.0)
    }

    /// What cannot be undone by a rollback.
    fn next(&self) -> String {
        format!("SELECT nextval('{}_s') + $1::int4", self.0)
    }

    fn spoil(&self, way: Spoiled, conn: &mut Session) {
        // What is prepared is relied on once it is known that the server itself answers.
        conn.execute("SELECT 1", ()).unwrap();
        match way {
            Spoiled::Widened => self.widen(),
            Spoiled::Lost => drop(conn.execute(FORGET, ()).unwrap()),
        }
    }

    async fn spoil_on_tokio(&self, way: Spoiled, conn: &mut AsyncSession) {
        conn.execute("SELECT 1", ()).await.unwrap();
        match way {
            Spoiled::Widened => self.widen(),
            Spoiled::Lost => drop(conn.execute(FORGET, ()).await.unwrap()),
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let name = &self.0;
        let _ = connect().simple_query(&format!("DROP TABLE {name}; DROP SEQUENCE {name}_s"));
    }
}

/// With few items, and with more than are sent at once.
const COUNTS: [i32; 2] = [3, 20_000];

#[test]
fn blocking_executions_are_done_once() {
    for way in WAYS {
        for count in COUNTS {
            let (table, mut conn) = (Table::new(), connect());
            let sql = table.insert();
            conn.execute_many(&sql, [(0,)]).unwrap();
            table.spoil(way, &mut conn);
            let mut given = 0;
            let items = (1..=count).map(|n| {
                given += 1;
                (n,)
            });
            let done = conn.execute_many(&sql, items).unwrap();
            assert_eq!(done, u64::try_from(count).unwrap(), "{way:?}");
            assert_eq!(given, count);
            assert_eq!(table.count(), i64::from(count) + 1);
            // In order, each of them.
            let order = format!("SELECT count(DISTINCT n), max(n) FROM {}", table.0);
            let found: (i64, i32) = conn.query_one(&order, ()).unwrap().read().unwrap();
            assert_eq!(found, (i64::from(count) + 1, count));
        }
    }
}

#[test]
fn without_autocommit_too() {
    for way in WAYS {
        let (table, mut conn) = (Table::new(), connect_without_autocommit());
        let sql = table.insert();
        conn.execute_many(&sql, [(0,)]).unwrap();
        conn.commit().unwrap();
        table.spoil(way, &mut conn);
        conn.commit().unwrap();
        assert_eq!(conn.execute_many(&sql, [(1,), (2,)]).unwrap(), 2);
        let status = conn.info().transaction_status();
        assert_eq!(status, TransactionStatus::InTransaction);
        conn.rollback().unwrap();
        assert_eq!(table.count(), 1);
    }
}

#[test]
fn an_item_that_cannot_be_sent_has_nothing_done() {
    let (table, mut conn) = (Table::new(), connect());
    let sql = table.insert();
    conn.execute_many(&sql, [(0,)]).unwrap();
    table.widen();
    let items: [&dyn ToSql; 2] = [&1, &1_000_000_000_000_i64];
    let error = conn
        .execute_many(&sql, items.map(|item| [item]))
        .unwrap_err();
    assert!(error.is_usage());
    assert_eq!(error.item(), Some(1));
    assert_eq!(table.count(), 1);
}

#[test]
fn in_a_transaction_that_has_done_something_it_is_the_callers_error() {
    let (table, mut conn) = (Table::new(), connect());
    let (sql, select) = (table.insert(), table.select());
    conn.execute_many(&sql, [(0,)]).unwrap();
    conn.query(&select, (0,)).unwrap();
    for run in 0..3 {
        let mut block = conn.transaction().unwrap();
        block.execute("SELECT 1", ()).unwrap();
        block.execute(FORGET, ()).unwrap();
        let error = match run {
            0 => block.execute_many(&sql, [(1,)]).unwrap_err(),
            1 => block
                .batch(&[(select.as_str(), (1,))].into_iter().collect())
                .unwrap_err(),
            _ => {
                let mut stream = block.query_stream(&select, (1,)).unwrap();
                stream.next().unwrap().unwrap_err()
            }
        };
        assert_eq!(error.sqlstate(), Some("26000"));
        block.rollback().unwrap();
        conn.execute_many(&sql, [(0,)]).unwrap();
        conn.query(&select, (0,)).unwrap();
    }
}

/// The statements of a batch that come before the one that is of no use are not run twice.
#[test]
fn blocking_batches_are_done_once() {
    for way in WAYS {
        let (table, mut conn) = (Table::new(), connect());
        let (next, insert, select) = (table.next(), table.insert(), table.select());
        let add = format!("INSERT INTO {} (n) VALUES (7)", table.0);
        let mut statements = Batch::new();
        statements
            .add(&next, (0,))
            .add(&add, ())
            .add(&insert, (7,))
            .add(&select, (7,))
            .add(&select, (8,));
        for round in 1..4_i32 {
            let results = conn.batch(&statements).unwrap();
            let number = results[0].row(0).unwrap().get::<i64>(0).unwrap();
            assert_eq!(number, i64::from(round), "{way:?}");
            let rows = usize::try_from(2 * round).unwrap();
            assert_eq!((results[3].len(), results[4].len()), (rows, 0));
            assert_eq!(table.count(), i64::from(2 * round));
            table.spoil(way, &mut conn);
        }
    }
}

/// A statement that is right only after another one of the batch.
#[test]
fn a_batch_may_make_what_it_needs() {
    let mut conn = connect();
    let name = unique("made");
    let make = format!("CREATE TABLE {name} (n int4)");
    let insert = format!("INSERT INTO {name} VALUES ($1) RETURNING *");
    let undo = format!("DROP TABLE {name}");
    let mut statements = Batch::new();
    statements.add(&make, ()).add(&insert, (1,)).add(&undo, ());
    for _ in 0..3 {
        assert_eq!(conn.batch(&statements).unwrap()[1].len(), 1);
    }
}

#[test]
fn blocking_streams_are_run_once() {
    for (way, mut conn) in WAYS
        .into_iter()
        .zip([connect(), connect_without_autocommit()])
    {
        let table = Table::new();
        let sql = format!("SELECT *, nextval('{0}_s') FROM {0} WHERE n = $1", table.0);
        conn.execute_many(&table.insert(), [(1,), (1,)]).unwrap();
        conn.commit().unwrap();
        for round in 0..3_i64 {
            conn.query(&sql, (1,)).unwrap();
            conn.commit().unwrap();
            table.spoil(way, &mut conn);
            conn.commit().unwrap();
            let stream = conn.query_stream(&sql, (1,)).unwrap();
            let rows: Vec<_> = stream.map(Result::unwrap).collect();
            let last = rows[1].columns().len() - 1;
            let numbers = rows.iter().map(|row| row.get::<i64>(last).unwrap());
            assert!(numbers.eq([4 * round + 3, 4 * round + 4]), "{way:?}");
            conn.commit().unwrap();
        }
    }
}

async fn on_tokio(conn: &mut AsyncSession, way: Spoiled) {
    let table = Table::new();
    let (next, insert, select) = (table.next(), table.insert(), table.select());
    let mut statements = Batch::new();
    statements
        .add(&next, (0,))
        .add(&insert, (7,))
        .add(&select, (7,));
    for round in 1..4_i32 {
        let results = conn.batch(&statements).await.unwrap();
        let number = results[0].row(0).unwrap().get::<i64>(0).unwrap();
        assert_eq!(number, i64::from(round), "{way:?}");
        assert_eq!(results[2].len(), usize::try_from(round).unwrap());
        table.spoil_on_tokio(way, conn).await;
        let mut stream = conn.query_stream(&select, (7,)).await.unwrap();
        for _ in 0..round {
            let row = stream.next().await.unwrap().unwrap();
            assert_eq!(row.get::<i32>("n").unwrap(), 7);
        }
        assert!(stream.next().await.is_none());
        drop(stream);
        table.spoil_on_tokio(way, conn).await;
    }
    for count in COUNTS {
        let before = table.count();
        table.spoil_on_tokio(way, conn).await;
        let items = (1..=count).map(|n| (n + 100,));
        let done = conn.execute_many(&insert, items).await.unwrap();
        assert_eq!(done, u64::try_from(count).unwrap());
        assert_eq!(table.count(), before + i64::from(count));
    }
}

#[tokio::test]
async fn tokio_is_as_blocking() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    for way in WAYS {
        on_tokio(&mut conn, way).await;
    }
    let client = conn.into_client();
    for way in WAYS {
        on_tokio(&mut client.lease().await.unwrap(), way).await;
    }
    // The client's own, which lease.
    let table = Table::new();
    let insert = table.insert();
    for round in 1..4 {
        let statements: Batch<'_> = [1, 2]
            .map(|n| (insert.as_str(), (n,)))
            .into_iter()
            .collect();
        client.batch(&statements).await.unwrap();
        table.widen();
        client.execute_many(&insert, [(3,), (4,)]).await.unwrap();
        table.widen();
        assert_eq!(table.count(), round * 4);
    }
    client.close().await;
}

/// A name that is taken, as behind a pooler that nobody has told of.
#[test]
fn names_that_are_taken_are_replaced() {
    let mut conn = Connection::connect(&dsn()).unwrap();
    let names = (0..10).map(|n| format!("PREPARE _howdah_{n} AS SELECT 1;"));
    conn.simple_query(&names.collect::<String>()).unwrap();
    let pid = conn.info().backend_pid();
    let names = (0..10).step_by(2);
    let names = names.map(|n| format!("PREPARE _howdah_{pid:x}_{n} AS SELECT 1;"));
    conn.simple_query(&names.collect::<String>()).unwrap();
    let rows = conn.query("SELECT $1::int4", (1,)).unwrap();
    assert_eq!(rows.len(), 1);
    let table = Table::new();
    let done = conn.execute_many(&table.insert(), [(1,), (2,)]);
    assert_eq!(done.unwrap(), 2);
    assert_eq!(table.count(), 2);
}

/// A batch that gives its own statements, which were run before, other columns; `{}` is the table.
fn altering(table: &str) -> Vec<(String, Option<i32>)> {
    let of_one = (format!("SELECT * FROM {table} WHERE n = $1"), Some(1));
    let of_all = (format!("SELECT * FROM {table}"), None);
    let alter = |column: &str| format!("ALTER TABLE {table} ADD {column} int DEFAULT 7");
    vec![
        of_one.clone(),
        of_all.clone(),
        (alter("b"), None),
        of_one.clone(),
        of_all.clone(),
        (alter("c"), None),
        of_all.clone(),
        of_one.clone(),
        of_all,
        of_one,
    ]
}

fn batch(statements: &[(String, Option<i32>)]) -> Batch<'_> {
    let mut batch = Batch::new();
    for (sql, param) in statements {
        match param {
            Some(param) => batch.add(sql, (*param,)),
            None => batch.add(sql, ()),
        };
    }
    batch
}

/// How many columns the results of [`altering`] have.
const WIDTHS: [usize; 10] = [1, 1, 0, 2, 2, 0, 3, 3, 3, 3];

/// As often as it takes for a statement without parameters to be prepared.
const OFTEN: usize = 6;

#[test]
fn a_batch_may_change_what_its_own_statements_give() {
    for in_transaction in [false, true] {
        let mut conn = connect();
        conn.batch_execute("CREATE TEMP TABLE altered (n int4); INSERT INTO altered VALUES (1)")
            .unwrap();
        let statements = altering("altered");
        let batch = batch(&statements);
        for _ in 0..OFTEN {
            for (sql, param) in &statements[..2] {
                match param {
                    Some(param) => conn.execute(sql, (*param,)).unwrap(),
                    None => conn.execute(sql, ()).unwrap(),
                };
            }
        }
        let results = match in_transaction {
            false => conn.batch(&batch).unwrap(),
            true => {
                let mut tx = conn.transaction().unwrap();
                let results = tx.batch(&batch).unwrap();
                tx.commit().unwrap();
                results
            }
        };
        let widths: Vec<usize> = results.iter().map(|rows| rows.columns().len()).collect();
        assert_eq!(widths, WIDTHS);
        let last: (i32, i32, i32) = results[9].row(0).unwrap().read().unwrap();
        assert_eq!(last, (1, 7, 7));
    }
}

#[tokio::test]
async fn a_batch_may_change_what_its_own_statements_give_on_tokio() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    let create = "CREATE TEMP TABLE altered (n int4); INSERT INTO altered VALUES (1)";
    conn.batch_execute(create).await.unwrap();
    let statements = altering("altered");
    let batch = batch(&statements);
    for _ in 0..OFTEN {
        conn.execute(&statements[0].0, (1,)).await.unwrap();
        conn.execute(&statements[1].0, ()).await.unwrap();
    }
    let results = conn.batch(&batch).await.unwrap();
    let widths: Vec<usize> = results.iter().map(|rows| rows.columns().len()).collect();
    assert_eq!(widths, WIDTHS);
}

/// What is dropped by the batch itself is prepared anew.
#[test]
fn a_batch_may_drop_what_was_prepared() {
    let mut conn = connect();
    for _ in 0..OFTEN {
        conn.execute("SELECT 1", ()).unwrap();
        conn.execute("SELECT $1::int4", (1,)).unwrap();
    }
    let mut batch = Batch::new();
    batch
        .add("DEALLOCATE ALL", ())
        .add("SELECT 1", ())
        .add("SELECT $1::int4", (2,))
        .add("SELECT $1::int4", (3,));
    let results = conn.batch(&batch).unwrap();
    assert_eq!(results[3].row(0).unwrap().get::<i32>(0).unwrap(), 3);
    assert_eq!(
        conn.query_scalar::<i32>("SELECT $1::int4", (4,)).unwrap(),
        4
    );
}

/// What a function does is not seen, and nothing runs twice: all is undone.
#[test]
fn a_batch_fails_whose_function_changes_what_its_own_statements_give() {
    let mut conn = connect();
    conn.batch_execute(
        "CREATE TEMP TABLE altered (n int4); INSERT INTO altered VALUES (1);
         CREATE FUNCTION pg_temp.widen() RETURNS int LANGUAGE plpgsql AS
         $$ BEGIN ALTER TABLE altered ADD b int; RETURN 1; END $$",
    )
    .unwrap();
    let select = "SELECT * FROM altered WHERE n = $1";
    conn.execute(select, (1,)).unwrap();
    let mut batch = Batch::new();
    batch
        .add("INSERT INTO altered (n) VALUES (2)", ())
        .add("SELECT pg_temp.widen()", ())
        .add(select, (1,));
    let error = conn.batch(&batch).unwrap_err();
    assert_eq!((error.sqlstate(), error.item()), (Some("0A000"), Some(2)));
    let rows = conn.query("SELECT * FROM altered", ()).unwrap();
    assert_eq!((rows.len(), rows.columns().len()), (1, 1));
}
