//! A connection is made ready for whoever uses it next.

mod common;

use std::time::Duration;

use common::{connect, terminate, within};
use howdah::{Connection, TransactionStatus};
use howdah_protocol::wire::BackendMessage;
use howdah_testkit::{MockServer, Script};

const SETUP: &str = "CREATE TEMP TABLE t (n int); SET application_name = 'mine'; LISTEN mine";
const INSERT: &str = "INSERT INTO pg_temp.t VALUES (1)";
const COUNT: &str = "SELECT count(*), current_setting('application_name') FROM pg_temp.t";
const ENDLESS: &str = "SELECT generate_series(1, 1000000000)";
const BOUND: Duration = Duration::from_millis(500);
/// Only a guard against tests that hang.
const GUARD: Duration = Duration::from_secs(30);

/// A server that expects nothing but the goodbye.
fn silent() -> MockServer {
    MockServer::tcp([Script::new().accept_startup().expect_eof()]).unwrap()
}

/// A server that begins a transaction and says nothing more.
fn frozen() -> MockServer {
    let script = Script::new().accept_startup().until_sync().send(&[
        BackendMessage::ParseComplete,
        BackendMessage::BindComplete,
        BackendMessage::NoData,
        BackendMessage::CommandComplete { tag: b"BEGIN" },
        BackendMessage::ReadyForQuery(TransactionStatus::InTransaction),
    ]);
    MockServer::tcp([script.hang()]).unwrap()
}

#[test]
fn what_was_left_is_ended() {
    let leave: [fn(&mut Connection); 6] = [
        |_| {},
        |conn| {
            conn.execute("BEGIN", ()).unwrap();
            conn.execute(INSERT, ()).unwrap();
        },
        |conn| {
            conn.set_autocommit(false).unwrap();
            conn.execute(INSERT, ()).unwrap();
            conn.execute("SELECT 1/0", ()).unwrap_err();
        },
        |conn| {
            let mut tx = conn.transaction().unwrap();
            tx.execute(INSERT, ()).unwrap();
            std::mem::forget(tx);
        },
        |conn| {
            let mut stream = conn.query_stream(ENDLESS, ()).unwrap();
            stream.next().unwrap().unwrap();
            std::mem::forget(stream);
        },
        |conn| {
            conn.execute("NOTIFY mine", ()).unwrap();
        },
    ];
    let mut conn = connect();
    conn.batch_execute(SETUP).unwrap();
    for (number, leave) in leave.into_iter().enumerate() {
        leave(&mut conn);
        conn.reset().unwrap();
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
        assert!(conn.autocommit());
        let left = conn.query_one(COUNT, ()).unwrap();
        let left = left.read::<(i64, String)>().unwrap();
        assert_eq!(left, (0, "mine".to_owned()), "{number}");
        let none = conn.notifies(Some(Duration::ZERO)).next();
        assert!(none.is_none(), "{number}");
    }
}

#[test]
fn where_nothing_was_left_nothing_is_sent() {
    let server = silent();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    conn.reset().unwrap();
    conn.reset().unwrap();
    conn.close();
    server.join().unwrap();
}

#[test]
fn what_is_closed_is_an_error() {
    let mut conn = connect();
    terminate(conn.info().backend_pid());
    let error = conn.reset().unwrap_err();
    assert_eq!(error.sqlstate(), Some("57P01"));
    assert!(conn.is_closed());
    assert!(conn.reset().unwrap_err().is_closed());
}

#[test]
fn what_does_not_come_to_rest_is_an_error_within_the_bound() {
    let server = frozen();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    conn.set_cancel_timeout(BOUND);
    conn.execute("BEGIN", ()).unwrap();
    let error = within(GUARD, move || {
        let error = conn.reset().unwrap_err();
        assert!(conn.is_closed());
        error
    });
    assert!(error.is_closed() && error.is_timeout(), "{error}");
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use common::dsn;
    use howdah::AsyncConnection;

    use super::*;

    async fn connect() -> AsyncConnection {
        AsyncConnection::connect(&dsn()).await.unwrap()
    }

    /// Polls a future once, which must not be ready, and drops it.
    async fn begin(future: impl Future) {
        let mut future = pin!(future);
        poll_fn(|cx| {
            assert!(future.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    async fn leave(conn: &mut AsyncConnection, number: usize) {
        match number {
            0 => {}
            1 => {
                conn.execute("BEGIN", ()).await.unwrap();
                conn.execute(INSERT, ()).await.unwrap();
            }
            2 => {
                conn.set_autocommit(false).await.unwrap();
                conn.execute(INSERT, ()).await.unwrap();
                conn.execute("SELECT 1/0", ()).await.unwrap_err();
            }
            3 => {
                let mut tx = conn.transaction().await.unwrap();
                tx.execute(INSERT, ()).await.unwrap();
                std::mem::forget(tx);
            }
            4 => {
                let mut tx = conn.transaction().await.unwrap();
                tx.execute(INSERT, ()).await.unwrap();
                begin(tx.execute("SELECT pg_sleep(3600)", ())).await;
            }
            5 => {
                let mut stream = conn.query_stream(ENDLESS, ()).await.unwrap();
                stream.next().await.unwrap().unwrap();
                std::mem::forget(stream);
            }
            _ => {
                conn.execute("NOTIFY mine", ()).await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn what_was_left_is_ended() {
        let mut conn = connect().await;
        conn.batch_execute(SETUP).await.unwrap();
        for number in 0..7 {
            leave(&mut conn, number).await;
            conn.reset().await.unwrap();
            assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
            assert!(conn.autocommit());
            let left = conn.query_one(COUNT, ()).await.unwrap();
            let left = left.read::<(i64, String)>().unwrap();
            assert_eq!(left, (0, "mine".to_owned()), "{number}");
            let none = conn.notifies(Some(Duration::ZERO)).next().await;
            assert!(none.is_none(), "{number}");
        }
    }

    #[tokio::test]
    async fn where_nothing_was_left_nothing_is_sent() {
        let server = silent();
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        conn.reset().await.unwrap();
        conn.reset().await.unwrap();
        drop(conn);
        let joined = tokio::task::spawn_blocking(|| server.join());
        joined.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_is_closed_is_an_error() {
        let mut conn = connect().await;
        terminate(conn.info().backend_pid());
        let error = conn.reset().await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("57P01"));
        assert!(conn.is_closed());
        assert!(conn.reset().await.unwrap_err().is_closed());
    }

    #[tokio::test]
    async fn what_does_not_come_to_rest_is_an_error_within_the_bound() {
        let server = frozen();
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        conn.set_cancel_timeout(BOUND);
        conn.execute("BEGIN", ()).await.unwrap();
        let reset = tokio::time::timeout(GUARD, conn.reset());
        let error = reset.await.unwrap().unwrap_err();
        assert!(error.is_closed() && error.is_timeout(), "{error}");
        assert!(conn.is_closed());
        drop(server);
    }
}
