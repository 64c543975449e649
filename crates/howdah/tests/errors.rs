//! What errors say of themselves, against what the server has done.

mod common;

use std::error::Error as _;
use std::io::{self, Read};
use std::net::TcpListener;

use common::{connect, connect_without_autocommit, dsn, tcp_dsn, terminate, unique};
use howdah::{Batch, Connection, Error, Session, SqlState, ToSql, TransactionStatus};

/// The system's error that is at the end of the causes.
fn root(error: &Error) -> io::ErrorKind {
    let mut cause = error.source().expect("a cause");
    while let Some(next) = cause.source() {
        cause = next;
    }
    let cause = cause.downcast_ref::<io::Error>();
    cause.unwrap_or_else(|| panic!("{error:?}")).kind()
}

/// A table of numbers that are unique, seen by all sessions and dropped at the end.
struct Table(String);

impl Table {
    fn new() -> Self {
        let name = unique("errors");
        let sql = format!("CREATE TABLE {name} (n int PRIMARY KEY)");
        connect().execute(&sql, ()).unwrap();
        Self(name)
    }

    fn insert(&self) -> String {
        format!("INSERT INTO {} VALUES ($1)", self.0)
    }

    fn count(&self) -> i64 {
        let sql = format!("SELECT count(*) FROM {}", self.0);
        connect().query_one(&sql, ()).unwrap().get(0).unwrap()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let _ = connect().execute(&format!("DROP TABLE {}", self.0), ());
    }
}

#[test]
fn the_sqlstate_is_matched_on() {
    let table = Table::new();
    let mut conn = connect();
    conn.execute(&table.insert(), (1,)).unwrap();
    let error = conn.execute(&table.insert(), (1,)).unwrap_err();
    assert_eq!(error.code(), Some(SqlState::UniqueViolation));
    assert_eq!(error.code().map(|state| state.class() == "23"), Some(true));
    let sql = "DO $$ BEGIN RAISE 'no' USING ERRCODE = 'MY001'; END $$";
    let error = conn.execute(sql, ()).unwrap_err();
    match error.code() {
        Some(SqlState::Other(code)) if code == "MY001" => {}
        other => panic!("{other:?}"),
    }
    let error = conn.query("SELECT * FROM nowhere", ()).unwrap_err();
    assert_eq!(error.code(), Some(SqlState::UndefinedTable));
    let closed = howdah::Config::default().set("nonsense", "1").unwrap_err();
    assert_eq!((closed.code(), closed.is_usage()), (None, true));
}

/// A statement with its error in the second line, behind characters of several bytes and columns.
const WRONG: &str = "SELECT 'é日本',\r\n\t'日', nope";

const SHOWN: &str = "column \"nope\" does not exist\nLINE 2:  '日', nope\n               ^";

#[test]
fn the_place_in_the_statement_is_shown() {
    let mut conn = connect();
    let with_parameter = format!("{WRONG}, $1::int");
    let second = format!("SELECT 1;\n{WRONG}");
    let third_line = SHOWN.replace("LINE 2", "LINE 3");
    let copy = format!("COPY ({WRONG}\n) TO STDOUT");
    let shown = |result: Result<(), Error>, text: &str| {
        let error = result.unwrap_err();
        assert!(error.diagnostic().unwrap().position().is_some());
        assert_eq!(error.to_string(), text);
    };
    shown(conn.execute(WRONG, ()).map(drop), SHOWN);
    shown(conn.query(WRONG, ()).map(drop), SHOWN);
    shown(conn.query_stream(WRONG, ()).map(drop), SHOWN);
    shown(conn.simple_query(&second).map(drop), &third_line);
    shown(conn.copy_out(&copy).map(drop), SHOWN);
    shown(conn.prepare(WRONG).map(drop), SHOWN);
    let behind = format!("{SHOWN}, $1::int").replace("nope\n  ", "nope, $1::int\n  ");
    let behind = behind.trim_end_matches(", $1::int");
    shown(conn.query(&with_parameter, (1,)).map(drop), behind);
    let item = format!("item 0: {behind}");
    shown(conn.execute_many(&with_parameter, [(1,)]).map(drop), &item);
    shown(conn.batch_execute(&second), &third_line);
    shown(conn.describe(WRONG).map(drop), SHOWN);
    let batch = [("SELECT 1", ()), (WRONG, ())].into_iter().collect();
    shown(conn.batch(&batch).map(drop), &format!("item 1: {SHOWN}"));
}

#[test]
fn the_place_in_a_statement_of_a_function_is_shown() {
    let sql = "DO $$ BEGIN PERFORM 1 + nope; END $$";
    let error = connect().execute(sql, ()).unwrap_err();
    let lines = error.to_string();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines[1].find("nope"), lines[2].find('^'), "{error}");
    assert_eq!(lines[3], "QUERY:  SELECT 1 + nope", "{error}");
}

/// The state that statements depend on.
fn state(conn: &Session) -> (bool, TransactionStatus) {
    (conn.is_closed(), conn.info().transaction_status())
}

/// What asks for something that cannot be done.
fn misuse(conn: &mut Session) -> Vec<Error> {
    let big = i64::MAX;
    let wrong: [(&str, &[&dyn ToSql]); 2] =
        [("SELECT $1::int4", &[&true]), ("SELECT $1::int4", &[&big])];
    let mut errors = Vec::new();
    for (sql, params) in wrong {
        errors.push(conn.execute(sql, params).unwrap_err());
        errors.push(conn.query(sql, params).unwrap_err());
        errors.push(conn.query_stream(sql, params).map(drop).unwrap_err());
        errors.push(conn.batch(Batch::new().add(sql, params)).unwrap_err());
    }
    errors.push(conn.execute_many("SELECT $1::int4", [(true,)]).unwrap_err());
    errors.push(conn.execute_many("COPY t FROM STDIN", [()]).unwrap_err());
    errors.push(conn.execute("SELECT 'a\0b'", ()).unwrap_err());
    errors
}

#[test]
fn what_is_usage_leaves_the_connection_as_it_was() {
    let mut conn = connect();
    let check = |conn: &mut Session| {
        for error in misuse(conn) {
            assert!(error.is_usage() && !error.is_closed(), "{error:?}");
        }
        let before = state(conn);
        for error in misuse(conn) {
            assert!(error.is_usage(), "{error:?}");
            assert_eq!(error.code(), None);
        }
        assert_eq!(state(conn), before);
        assert_eq!(
            conn.query_one("SELECT 7", ())
                .unwrap()
                .get::<i32>(0)
                .unwrap(),
            7
        );
    };
    check(&mut conn);
    assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    let mut block = conn.transaction().unwrap();
    check(&mut block);
    block.execute("CREATE TEMP TABLE kept ()", ()).unwrap();
    check(&mut block);
    block.commit().unwrap();
    conn.execute("DROP TABLE kept", ()).unwrap();
}

#[test]
fn usage_begins_no_transaction() {
    let mut conn = connect_without_autocommit();
    for _ in 0..2 {
        let error = conn.execute("SELECT $1::int4", (true,)).unwrap_err();
        assert!(error.is_usage());
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    }
}

#[test]
fn an_item_that_cannot_be_sent_is_usage_unless_a_transaction_has_failed_by_it() {
    let table = Table::new();
    let mut conn = connect();
    let (one, wrong): (&dyn ToSql, &dyn ToSql) = (&1, &true);
    let items = || [vec![one], vec![wrong]];
    let insert = table.insert();
    conn.execute(&insert, (7,)).unwrap();
    let error = conn.execute_many(&insert, items()).unwrap_err();
    assert_eq!((error.item(), error.is_usage()), (Some(1), true), "{error}");
    assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
    let mut block = conn.transaction().unwrap();
    block.execute(&insert, (2,)).unwrap();
    let error = block.execute_many(&insert, items()).unwrap_err();
    assert_eq!(
        (error.item(), error.is_usage()),
        (Some(1), false),
        "{error}"
    );
    let failed = block.execute("SELECT 1", ()).unwrap_err();
    assert_eq!(failed.code(), Some(SqlState::InFailedSqlTransaction));
    drop(block);
    assert_eq!(table.count(), 1);
}

#[test]
fn what_has_been_run_by_the_wrong_method_is_no_usage() {
    let table = Table::new();
    let mut conn = connect();
    let sql = format!("INSERT INTO {} VALUES (1)", table.0);
    let error = conn.copy_in(&sql).map(drop).unwrap_err();
    assert!(!error.is_usage(), "{error:?}");
    assert_eq!(table.count(), 1);
    let mut block = conn.transaction().unwrap();
    let copy = format!("COPY {} FROM STDIN", table.0);
    let error = block.execute(&copy, ()).unwrap_err();
    assert!(!error.is_usage(), "{error:?}");
    let failed = block.execute("SELECT 1", ()).unwrap_err();
    assert_eq!(failed.code(), Some(SqlState::InFailedSqlTransaction));
}

#[test]
fn no_rows_is_not_too_many_and_the_statement_has_been_run() {
    let table = Table::new();
    let mut conn = connect();
    let error = conn.query_one("SELECT 1 WHERE false", ()).unwrap_err();
    assert!(error.is_no_rows() && !error.is_usage() && !error.is_safe_to_retry());
    let error = conn.query_one(&table.insert(), (1,)).unwrap_err();
    assert!(error.is_no_rows());
    assert_eq!(table.count(), 1);
    let error = conn
        .query_one("SELECT generate_series(1, 2)", ())
        .unwrap_err();
    assert!(!error.is_no_rows() && !error.is_usage());
    let error = conn.query_one("SELECT 1 / 0", ()).unwrap_err();
    assert!(!error.is_no_rows());
}

#[test]
fn what_is_safe_to_retry_was_not_done() {
    let table = Table::new();
    let (mut one, mut other) = (connect(), connect());
    let begin = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
    let count = format!("SELECT count(*) FROM {}", table.0);
    let mut first = one.transaction().unwrap();
    let mut second = other.transaction().unwrap();
    for tx in [&mut first, &mut second] {
        tx.execute(begin, ()).unwrap();
        tx.query(&count, ()).unwrap();
    }
    first.execute(&table.insert(), (1,)).unwrap();
    second.execute(&table.insert(), (2,)).unwrap();
    first.commit().unwrap();
    let error = second.commit().unwrap_err();
    assert_eq!(error.code(), Some(SqlState::SerializationFailure));
    assert!(error.is_safe_to_retry() && !error.is_closed());
    assert_eq!(table.count(), 1);
    let mut again = other.transaction().unwrap();
    again.execute(&table.insert(), (2,)).unwrap();
    again.commit().unwrap();
    assert_eq!(table.count(), 2);
}

#[test]
fn a_connection_that_breaks_may_have_done_it_and_then_does_nothing_more() {
    let table = Table::new();
    let mut conn = connect();
    let pid = conn.info().backend_pid();
    terminate(pid);
    let error = conn.execute("SELECT 1", ()).unwrap_err();
    assert_eq!(error.code(), Some(SqlState::AdminShutdown));
    assert!(error.is_connection_lost() && error.is_closed() && !error.is_safe_to_retry());
    let error = conn.execute(&table.insert(), (1,)).unwrap_err();
    assert!(error.is_connection_lost() && error.is_closed() && error.is_safe_to_retry());
    assert!(conn.is_closed() && conn.is_broken());
    assert_eq!(table.count(), 0);

    let mut conn = connect();
    conn.close();
    let error = conn.execute(&table.insert(), (1,)).unwrap_err();
    assert!(!error.is_connection_lost() && error.is_closed() && error.is_safe_to_retry());
    assert_eq!(table.count(), 0);
}

#[test]
fn a_statement_that_was_cancelled_is_neither_usage_nor_a_timeout() {
    let mut conn = connect();
    conn.execute("SET statement_timeout = 1", ()).unwrap();
    let error = conn.execute("SELECT pg_sleep(60)", ()).unwrap_err();
    assert!(error.is_cancelled() && !error.is_timeout() && !error.is_usage());
    assert!(!error.is_closed() && !error.is_safe_to_retry());
    conn.execute("SET statement_timeout = 0", ()).unwrap();
}

#[test]
fn the_causes_go_down_to_the_system() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let sql = format!("host=127.0.0.1 port={port} user=u dbname=d");
    let error = Connection::connect(&sql).unwrap_err();
    assert_eq!(root(&error), io::ErrorKind::ConnectionRefused);
    assert!(error.is_closed() && error.is_safe_to_retry() && !error.is_connection_lost());
    let error = Connection::connect("host=/nowhere user=u dbname=d").unwrap_err();
    assert_eq!(root(&error), io::ErrorKind::NotFound);
    // Names under `invalid` do not exist (RFC 2606).
    let error = Connection::connect("host=nobody.invalid user=u dbname=d").unwrap_err();
    assert!(error.source().unwrap().source().unwrap().is::<io::Error>());
}

/// A listener, and the conninfo for it.
fn listener(options: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let conninfo = format!(
        "host=127.0.0.1 port={port} user=u dbname=d sslmode=disable gssencmode=disable {options}"
    );
    (listener, conninfo)
}

#[test]
fn a_server_that_hangs_up_is_told_as_the_system_does() {
    for reset in [true, false] {
        let (listener, conninfo) = listener("");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // What was not read has the kernel reset the connection.
            let mut taken = vec![0; if reset { 1 } else { 10_000 }];
            assert!(stream.read(&mut taken).unwrap() > 0);
        });
        let error = Connection::connect(&conninfo).unwrap_err();
        server.join().unwrap();
        let kind = match reset {
            true => io::ErrorKind::ConnectionReset,
            false => io::ErrorKind::UnexpectedEof,
        };
        assert_eq!(root(&error), kind);
        assert!(error.is_closed() && !error.is_timeout());
    }
}

#[test]
fn a_server_that_says_nothing_is_a_timeout() {
    let (silent, conninfo) = listener("connect_timeout=1");
    let error = Connection::connect(&conninfo).unwrap_err();
    assert!(error.is_timeout() && error.is_closed() && error.is_safe_to_retry());
    assert_eq!(root(&error), io::ErrorKind::TimedOut);
    drop(silent);
}

#[test]
fn a_server_without_tls_and_a_wrong_user_are_told() {
    let error = Connection::connect(&format!("{} sslmode=require", tcp_dsn()));
    let error = error.unwrap_err();
    assert!(error.is_closed() && error.source().is_some(), "{error:?}");
    let error = Connection::connect(&format!("{} dbname=nowhere", dsn())).unwrap_err();
    assert_eq!(error.code(), Some(SqlState::InvalidCatalogName));
    assert!(!error.is_safe_to_retry());
}

#[cfg(feature = "tokio")]
mod on_tokio {
    use super::*;
    use howdah::{AsyncClient, AsyncConnection};
    use std::time::Duration;

    async fn connect() -> AsyncConnection {
        AsyncConnection::connect(&dsn()).await.unwrap()
    }

    #[tokio::test]
    async fn the_place_in_the_statement_is_shown() {
        let mut conn = connect().await;
        let copy = format!("COPY ({WRONG}\n) TO STDOUT");
        let batch = [("SELECT 1", ()), (WRONG, ())].into_iter().collect();
        let item = format!("item 1: {SHOWN}");
        let errors = [
            (conn.execute(WRONG, ()).await.unwrap_err(), SHOWN),
            (conn.query(WRONG, ()).await.unwrap_err(), SHOWN),
            (
                conn.query_stream(WRONG, ()).await.map(drop).unwrap_err(),
                SHOWN,
            ),
            (conn.simple_query(WRONG).await.unwrap_err(), SHOWN),
            (conn.copy_out(&copy).await.map(drop).unwrap_err(), SHOWN),
            (conn.batch_execute(WRONG).await.unwrap_err(), SHOWN),
            (conn.describe(WRONG).await.unwrap_err(), SHOWN),
            (conn.batch(&batch).await.unwrap_err(), &item),
        ];
        for (error, text) in errors {
            assert_eq!(error.to_string(), text);
        }
        let client = conn.into_client();
        for error in [
            client.execute(WRONG, ()).await.unwrap_err(),
            client.query(WRONG, ()).await.unwrap_err(),
        ] {
            assert_eq!(error.to_string(), SHOWN);
        }
    }

    #[tokio::test]
    async fn what_is_usage_leaves_the_connection_as_it_was() {
        let mut conn = connect().await;
        let wrong: &[&dyn ToSql] = &[&true];
        let mut tx = conn.transaction().await.unwrap();
        tx.execute("SELECT 1", ()).await.unwrap();
        for error in [
            tx.execute("SELECT $1::int4", wrong).await.unwrap_err(),
            tx.query_stream("SELECT $1::int4", wrong)
                .await
                .map(drop)
                .unwrap_err(),
            tx.execute_many("SELECT $1::int4", [wrong])
                .await
                .unwrap_err(),
        ] {
            assert!(error.is_usage(), "{error:?}");
        }
        assert_eq!(
            tx.info().transaction_status(),
            TransactionStatus::InTransaction
        );
        let items: [&[&dyn ToSql]; 2] = [&[&1], wrong];
        let error = tx.execute_many("SELECT $1::int4", items).await.unwrap_err();
        assert!(!error.is_usage(), "{error:?}");
        assert_eq!(tx.info().transaction_status(), TransactionStatus::Failed);
        drop(tx);
        let client = conn.into_client();
        let error = client.execute("SELECT $1::int4", wrong).await.unwrap_err();
        assert!(error.is_usage());
        let error = client
            .query_one("SELECT 1 WHERE false", ())
            .await
            .unwrap_err();
        assert!(error.is_no_rows() && !error.is_usage());
    }

    #[tokio::test]
    async fn a_connection_that_breaks_may_have_done_it_and_then_does_nothing_more() {
        let mut conn = connect().await;
        terminate(conn.info().backend_pid());
        let error = conn.execute("SELECT 1", ()).await.unwrap_err();
        assert_eq!(error.code(), Some(SqlState::AdminShutdown));
        assert!(error.is_connection_lost() && !error.is_safe_to_retry());
        let error = conn.execute("SELECT 1", ()).await.unwrap_err();
        assert!(error.is_connection_lost() && error.is_safe_to_retry());
    }

    #[test]
    fn the_causes_go_down_to_the_system() {
        common::within(Duration::from_secs(60), || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let (nobody, conninfo) = listener("");
                drop(nobody);
                let error = AsyncClient::connect(&conninfo).await.unwrap_err();
                assert_eq!(root(&error), io::ErrorKind::ConnectionRefused);
                let (_silent, conninfo) = listener("connect_timeout=1");
                let error = AsyncConnection::connect(&conninfo).await.unwrap_err();
                assert_eq!(root(&error), io::ErrorKind::TimedOut);
                assert!(error.is_timeout());
                let error = AsyncConnection::connect("host=nobody.invalid user=u").await;
                let error = error.unwrap_err();
                assert!(error.source().unwrap().source().unwrap().is::<io::Error>());
            });
        });
    }
}
