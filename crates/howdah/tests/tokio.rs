//! The tokio connection against a real server.

#![cfg(feature = "tokio")]

mod common;

use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{dsn, tcp_dsn, terminate, unique, wait_until_running};
use howdah::{AsyncConnection, Notify, TransactionStatus};
use tokio::time::timeout;

async fn connect() -> AsyncConnection {
    AsyncConnection::connect(&dsn())
        .await
        .expect("the server of the tests")
}

async fn one(conn: &mut AsyncConnection, sql: &str) -> i32 {
    let row = conn.query_one(sql, ()).await.unwrap();
    row.get(0).unwrap()
}

#[tokio::test]
async fn queries_over_tcp_and_unix_sockets() {
    for dsn in [
        dsn(),
        tcp_dsn(),
        format!("{} connect_timeout=10", tcp_dsn()),
    ] {
        let mut conn = AsyncConnection::connect(&dsn).await.unwrap();
        for n in 0..10_i32 {
            let row = conn
                .query_one(
                    "SELECT $1::int4, 'text', $2::bytea",
                    (&n, b"bytes".as_slice()),
                )
                .await
                .unwrap();
            let values: (i32, &str, &[u8]) = row.read().unwrap();
            assert_eq!(values, (n, "text", b"bytes".as_slice()));
        }
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
        conn.close().await;
        assert!(conn.is_closed() && !conn.is_broken());
        assert!(conn.execute("SELECT 1", ()).await.unwrap_err().is_closed());
    }
}

#[tokio::test]
async fn names_are_resolved() {
    let dsn = tcp_dsn().replace("127.0.0.1", "localhost");
    let mut conn = AsyncConnection::connect(&format!("{dsn} connect_timeout=10"))
        .await
        .unwrap();
    assert_eq!(conn.info().host(), "localhost");
    assert_eq!(one(&mut conn, "SELECT 1").await, 1);
    let error = AsyncConnection::connect("host=no-such-host.invalid")
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("failed to resolve host 'no-such-host.invalid'"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_move_between_threads() {
    let tasks: Vec<_> = (0..8_i32)
        .map(|n| {
            tokio::spawn(async move {
                let mut conn = connect().await;
                let doubled = conn
                    .with_transaction(async |conn| {
                        let row = conn.query_one("SELECT $1 * 2", (n,)).await?;
                        row.get::<i32>(0)
                    })
                    .await?;
                let mut total = 0;
                let mut stream = conn
                    .query_stream("SELECT generate_series(1, 1000)", ())
                    .await?;
                while let Some(row) = stream.next().await {
                    total += row?.get::<i32>(0)?;
                }
                drop(stream);
                let heard = conn.notifies(Some(Duration::ZERO)).next().await;
                assert!(heard.is_none());
                Ok::<_, howdah::Error>((doubled, total))
            })
        })
        .collect();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(task.await.unwrap().unwrap(), (n * 2, 500_500));
    }
}

#[tokio::test]
async fn a_dropped_future_leaves_a_usable_connection() {
    let mut conn = connect().await;
    for _ in 0..3 {
        let query = conn.execute("SELECT pg_sleep(3600)", ());
        assert!(timeout(Duration::from_millis(50), query).await.is_err());
        let begun = Instant::now();
        assert_eq!(one(&mut conn, "SELECT 7").await, 7);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    // Dropped at every stage, from before the first byte on.
    for micros in 0..60 {
        let query = conn.query("SELECT 1, pg_sleep(0.001)", ());
        let _ = timeout(Duration::from_micros(micros * 50), query).await;
        assert_eq!(one(&mut conn, "SELECT 8").await, 8);
    }
}

#[tokio::test]
async fn a_dropped_future_has_its_statement_cancelled_at_once() {
    let mut conn = connect().await;
    let pid = conn.info().backend_pid();
    let query = conn.execute("SELECT pg_sleep(3600), 'left behind'", ());
    assert!(timeout(Duration::from_millis(300), query).await.is_err());
    let mut watcher = connect().await;
    let running = format!(
        "SELECT count(*)::int4 FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'"
    );
    let begun = Instant::now();
    while one(&mut watcher, &running).await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it still runs");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(one(&mut conn, "SELECT 1").await, 1);
}

#[test]
fn cancelling_takes_no_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        let mut conn = connect().await;
        let mut tcp = AsyncConnection::connect(&tcp_dsn()).await.unwrap();
        // The only thread for what blocks is taken.
        tokio::task::spawn_blocking(move || held.recv());
        for conn in [&mut conn, &mut tcp] {
            let begun = Instant::now();
            let query = conn.execute("SELECT pg_sleep(3600)", ());
            assert!(timeout(Duration::from_millis(100), query).await.is_err());
            assert_eq!(one(conn, "SELECT 7").await, 7);
            let handle = conn.cancel_handle();
            let (error, cancelled) =
                tokio::join!(conn.execute("SELECT pg_sleep(3600)", ()), async {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    handle.cancel_async().await
                });
            cancelled.unwrap();
            assert!(error.unwrap_err().is_cancelled());
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
        release.send(()).unwrap();
    });
}

#[test]
fn a_dropped_future_has_its_statement_cancelled_also_if_the_runtime_is_left() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut conn = runtime.block_on(async {
        let mut conn = connect().await;
        let query = conn.execute("SELECT pg_sleep(3600), 'left alone'", ());
        assert!(timeout(Duration::from_millis(300), query).await.is_err());
        conn
    });
    // Nothing drives the runtime now.
    let pid = conn.info().backend_pid();
    let mut watcher = howdah::Connection::connect(&dsn()).unwrap();
    let running = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'";
    let begun = Instant::now();
    let count = |watcher: &mut howdah::Connection| {
        let row = watcher.query_one(running, (pid,)).unwrap();
        row.get::<i64>(0).unwrap()
    };
    while count(&mut watcher) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(runtime.block_on(one(&mut conn, "SELECT 1")), 1);
}

#[tokio::test]
async fn a_dropped_future_with_much_to_send_and_to_receive() {
    let mut conn = connect().await;
    let large = "x".repeat(30_000_000);
    for millis in [0, 1, 5, 20] {
        let params: [&dyn howdah::ToSql; 1] = [&large];
        let sql = "SELECT $1::text, repeat('y', 1000) FROM generate_series(1, 100000)";
        let query = conn.query(sql, &params);
        let _ = timeout(Duration::from_millis(millis), query).await;
        assert_eq!(one(&mut conn, "SELECT 9").await, 9);
    }
    let row = conn
        .query_one("SELECT length($1::text), $1::text", (&large,))
        .await
        .unwrap();
    assert_eq!(row.get::<i32>(0).unwrap(), 30_000_000);
    assert_eq!(row.get::<&str>(1).unwrap().len(), 30_000_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_cancels_from_another_task() {
    let mut conn = connect().await;
    let (pid, handle) = (conn.info().backend_pid(), conn.cancel_handle());
    handle.cancel_async().await.unwrap();
    for _ in 0..3 {
        let handle = handle.clone();
        let canceller = tokio::spawn(async move {
            tokio::task::spawn_blocking(move || wait_until_running(pid, "pg_sleep(3600)"))
                .await
                .unwrap();
            handle.cancel_async().await
        });
        let error = conn.execute("SELECT pg_sleep(3600)", ()).await.unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(conn.execute("SELECT pg_sleep(0.02)", ()).await.unwrap(), 1);
        canceller.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn notices_and_notifications_reach_their_handlers() {
    let mut conn = connect().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let id = conn.add_notice_handler(move |diag| {
        log.lock()
            .unwrap()
            .push(diag.message_primary().unwrap_or_default().to_owned());
        panic!("on purpose");
    });
    conn.execute(
        "DO $$ BEGIN RAISE NOTICE 'one'; RAISE NOTICE 'two'; END $$",
        (),
    )
    .await
    .unwrap();
    assert_eq!(*seen.lock().unwrap(), ["one", "two"]);
    assert!(conn.remove_notice_handler(id));
    let channel = unique("handled");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    conn.add_notify_handler(move |notify: &Notify| log.lock().unwrap().push(notify.clone()));
    conn.execute(&format!("LISTEN {channel}"), ())
        .await
        .unwrap();
    conn.execute("SELECT pg_notify($1, 'hey')", (&channel,))
        .await
        .unwrap();
    let heard = heard.lock().unwrap();
    assert_eq!(
        (heard[0].payload.as_str(), heard[0].pid),
        ("hey", conn.info().backend_pid())
    );
}

#[tokio::test]
async fn notifications_are_not_lost() {
    let channel = unique("stream");
    let (mut conn, mut other) = (connect().await, connect().await);
    conn.execute(&format!("LISTEN {channel}"), ())
        .await
        .unwrap();
    for payload in ["one", "two"] {
        other
            .execute("SELECT pg_notify($1, $2)", (&channel, &payload))
            .await
            .unwrap();
    }
    let first = conn.notifies(None).next().await.unwrap().unwrap();
    assert_eq!(
        (first.channel, first.payload),
        (channel.clone(), "one".into())
    );
    // A query that is dropped has to be ended before anything is heard.
    let sleep = conn.execute("SELECT pg_sleep(3600)", ());
    assert!(timeout(Duration::from_millis(20), sleep).await.is_err());
    other
        .execute("SELECT pg_notify($1, 'three')", (&channel,))
        .await
        .unwrap();
    let mut heard = Vec::new();
    let mut notifies = conn.notifies(Some(Duration::from_millis(1500)));
    {
        // As a Stream, not by the method.
        use futures_core::Stream;
        while let Some(notify) = std::future::poll_fn(|cx| pin!(&mut notifies).poll_next(cx)).await
        {
            heard.push(notify.unwrap().payload);
        }
    }
    drop(notifies);
    assert_eq!(heard, ["two", "three"]);
    other
        .execute("SELECT pg_notify($1, 'four')", (&channel,))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut none_waited = conn.notifies(Some(Duration::ZERO));
    assert_eq!(none_waited.next().await.unwrap().unwrap().payload, "four");
    assert!(none_waited.next().await.is_none());
}

#[tokio::test]
async fn a_lost_server_is_reported() {
    let mut conn = connect().await;
    let pid = conn.info().backend_pid();
    assert!(
        timeout(Duration::from_millis(20), conn.readable())
            .await
            .is_err()
    );
    assert!(conn.as_fd().try_clone_to_owned().is_ok());
    tokio::task::spawn_blocking(move || terminate(pid))
        .await
        .unwrap();
    timeout(Duration::from_secs(10), conn.readable())
        .await
        .unwrap()
        .unwrap();
    let error = conn.execute("SELECT 1", ()).await.unwrap_err();
    assert!(error.is_closed() && !error.is_safe_to_retry());
    assert_eq!(error.sqlstate(), Some("57P01"));
    assert!(conn.is_closed() && conn.is_broken());
    let mut conn = connect().await;
    let pid = conn.info().backend_pid();
    let killer = tokio::task::spawn_blocking(move || terminate(pid));
    let mut notifies = conn.notifies(None);
    let error = timeout(Duration::from_secs(10), notifies.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert!(error.is_closed());
    assert!(notifies.next().await.is_none());
    killer.await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let begun = Instant::now();
    let conninfo = format!("host=127.0.0.1 port={port} connect_timeout=2");
    let error = AsyncConnection::connect(&conninfo).await.unwrap_err();
    assert!(error.is_timeout() && error.is_closed());
    assert!((2..5).contains(&begun.elapsed().as_secs()));
}
