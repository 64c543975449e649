//! Many requests on one connection, against a real server.

#![cfg(feature = "tokio")]

mod common;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use common::{dsn, resident, tcp_dsn, terminate, unique, wait_until_running};
use howdah::types::datetime::Date;
use howdah::{AsyncClient, AsyncConnection, Notify, Result, ToSql};
use tokio::task::JoinSet;
use tokio::time::timeout;

const BOUND: Duration = Duration::from_secs(10);
const SLEEP: &str = "SELECT pg_sleep(3600)";

async fn connect() -> AsyncClient {
    AsyncClient::connect(&dsn())
        .await
        .expect("the server of the tests")
}

async fn one(client: &AsyncClient, sql: &str) -> i32 {
    let row = client.query_one(sql, ()).await.unwrap();
    row.get(0).unwrap()
}

/// What is true at last, and within the bound.
async fn eventually(mut what: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !what().await {
        assert!(begun.elapsed() < BOUND, "it never was");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Polls all futures until each is ready, in their order.
async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    poll_fn(|cx| {
        for (future, done) in &mut futures {
            if done.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        let ready = futures.iter().all(|(_, done)| done.is_some());
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}

/// Polls a future once; it must not be ready.
async fn begin(future: Pin<&mut impl Future>) {
    let mut future = Some(future);
    poll_fn(|cx| {
        if let Some(future) = future.take() {
            assert!(future.poll(cx).is_pending());
        }
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn each_request_gets_its_own_result_in_the_order_in_which_they_were_made() {
    for dsn in [dsn(), tcp_dsn()] {
        let client = AsyncClient::connect(&dsn).await.unwrap();
        client
            .execute("CREATE TEMP SEQUENCE numbers", ())
            .await
            .unwrap();
        let ask = async |n: i32| {
            let sql = "SELECT $1::int4, nextval('numbers')";
            let row = client.query_one(sql, (n,)).await?;
            row.read::<(i32, i64)>()
        };
        // The statement has been described then, so that a request is one exchange.
        ask(0).await.unwrap();
        for _ in 0..3 {
            let first = one(&client, "SELECT nextval('numbers')::int4").await;
            let results = all((1..=100).map(ask)).await;
            for (n, result) in (1..).zip(results) {
                assert_eq!(result.unwrap(), (n, i64::from(first + n)));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn clones_are_used_by_tasks_of_several_threads() {
    let client = connect().await;
    let mut tasks = JoinSet::new();
    for n in 0..50_i32 {
        let client = client.clone();
        tasks.spawn(async move {
            for m in 0..50 {
                let row = client.query_one("SELECT $1 * 100 + $2", (n, m)).await?;
                assert_eq!(row.get::<i32>(0)?, n * 100 + m);
            }
            Ok::<_, howdah::Error>(())
        });
    }
    tasks.join_all().await.into_iter().for_each(Result::unwrap);
}

#[tokio::test]
async fn an_error_is_that_of_its_request_only() {
    let client = connect().await;
    let ask = async |n: i32| {
        let row = match n % 4 {
            0 => client.query_one("SELECT 100 / $1", ((n - 20),)).await?,
            1 => client.query_one("SELECT nothing", ()).await?,
            2 => client.query_one("SELECT $1::int4", ("text",)).await?,
            _ => client.query_one("SELECT $1::int4", (n,)).await?,
        };
        row.get::<i32>(0)
    };
    for (n, result) in (0..40).zip(all((0..40).map(ask)).await) {
        match n % 4 {
            0 if n == 20 => assert_eq!(result.unwrap_err().sqlstate(), Some("22012")),
            0 => assert_eq!(result.unwrap(), 100 / (n - 20)),
            1 => assert_eq!(result.unwrap_err().sqlstate(), Some("42703")),
            2 => assert!(result.is_err()),
            _ => assert_eq!(result.unwrap(), n),
        }
    }
}

#[tokio::test]
async fn scripts_and_statements_that_cannot_be_sent_leave_the_others_alone() {
    let client = connect().await;
    let results = all((0..20).map(async |n: i32| match n % 3 {
        0 => {
            let results = client.simple_query("SELECT 1; SELECT 2").await?;
            results[1].row(0).expect("a row").get::<i32>(0)
        }
        1 => client
            .execute("SELECT $1::text", ("a\0b",))
            .await
            .map(|_| 0),
        _ => client.query_one("SELECT 2", ()).await?.get::<i32>(0),
    }))
    .await;
    for (n, result) in (0..).zip(results) {
        match n % 3 {
            1 => assert!(result.unwrap_err().is_usage()),
            _ => assert_eq!(result.unwrap(), 2),
        }
    }
}

#[tokio::test]
async fn a_future_that_nobody_polls_stalls_nobody() {
    let client = connect().await;
    let mut asked = pin!(client.query_one("SELECT 7", ()));
    begin(asked.as_mut()).await;
    assert_eq!(one(&client, "SELECT 1").await, 1);
    // One that waits for the connection behind an operation that goes on.
    let mut slow = pin!(client.execute("SELECT pg_sleep(0.2)", ()));
    begin(slow.as_mut()).await;
    let mut lease = pin!(client.lease());
    begin(lease.as_mut()).await;
    let begun = Instant::now();
    assert_eq!(one(&client, "SELECT 2").await, 2);
    assert!(begun.elapsed() < BOUND);
    assert_eq!(slow.await.unwrap(), 1);
    let mut lease = timeout(BOUND, lease).await.unwrap().unwrap();
    assert_eq!(lease.execute("SELECT 1", ()).await.unwrap(), 1);
    drop(lease);
    assert_eq!(asked.await.unwrap().get::<i32>(0).unwrap(), 7);
}

#[tokio::test]
async fn large_values_go_both_ways_at_once() {
    let client = connect().await;
    let large = "x".repeat(16 << 20);
    let echo = async |n: i32| {
        let row = client
            .query_one("SELECT $1::text || $2::int4", (&large, &n))
            .await?;
        let text: &str = row.get(0)?;
        assert!(text.len() > large.len() && text.ends_with(&n.to_string()));
        Ok::<_, howdah::Error>(())
    };
    let echoes = timeout(Duration::from_secs(60), all((0..4).map(echo)));
    echoes.await.unwrap().into_iter().for_each(Result::unwrap);
}

#[tokio::test]
async fn a_dropped_future_has_its_statement_cancelled_if_nobody_else_waits() {
    let client = connect().await;
    let pid = client.backend_pid();
    for dropped in [1, 5, 20] {
        let begun = Instant::now();
        let sleeps = all((0..dropped).map(|_| client.execute(SLEEP, ())));
        assert!(timeout(Duration::from_millis(100), sleeps).await.is_err());
        assert_eq!(one(&client, "SELECT 7").await, 7);
        assert!(begun.elapsed() < Duration::from_secs(2));
        // Also if nothing else is asked.
        let sleep = client.execute(SLEEP, ());
        assert!(timeout(Duration::from_millis(100), sleep).await.is_err());
        let other = connect().await;
        let running = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active'";
        eventually(async || {
            let rows = other.query(running, (pid,)).await.unwrap();
            rows.row_count() == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_dropped_future_never_cancels_the_statement_of_another() {
    let client = connect().await;
    let work = "SELECT pg_sleep(0.05), $1::int4";
    client.query(work, (0,)).await.unwrap();
    for n in 1..10_i32 {
        // One before and one behind the statement that is dropped.
        let (before, behind) = (n, -n);
        let (before, behind): ([&dyn ToSql; 1], [&dyn ToSql; 1]) = ([&before], [&behind]);
        let mut first = pin!(client.query_one(work, &before));
        begin(first.as_mut()).await;
        let mut dropped = Box::pin(client.execute("SELECT pg_sleep(0.05)", ()));
        begin(dropped.as_mut()).await;
        let mut last = pin!(client.query_one(work, &behind));
        begin(last.as_mut()).await;
        tokio::time::sleep(Duration::from_millis(10 * (n % 7) as u64)).await;
        drop(dropped);
        assert_eq!(first.await.unwrap().get::<i32>(1).unwrap(), n);
        assert_eq!(last.await.unwrap().get::<i32>(1).unwrap(), -n);
    }
}

#[tokio::test]
async fn the_large_result_of_a_dropped_future_is_not_kept() {
    let client = connect().await;
    let large = "SELECT repeat('x', 1000) FROM generate_series(1, 300000)";
    let mut dropped = Box::pin(client.query(large, ()));
    begin(dropped.as_mut()).await;
    let mut behind = pin!(client.query_one("SELECT 5", ()));
    begin(behind.as_mut()).await;
    drop(dropped);
    let before = resident();
    assert_eq!(behind.await.unwrap().get::<i32>(0).unwrap(), 5);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown}");
}

#[tokio::test]
async fn a_lost_server_is_told_to_all_who_wait() {
    let client = connect().await;
    let pid = client.backend_pid();
    let killer = tokio::task::spawn_blocking(move || {
        wait_until_running(pid, "pg_sleep");
        terminate(pid);
    });
    let mut requests = JoinSet::new();
    for n in 0..10 {
        let client = client.clone();
        requests.spawn(async move {
            match n {
                9 => client.transaction().await.map(drop),
                8 => client
                    .notifies(None)
                    .next()
                    .await
                    .expect("an error")
                    .map(drop),
                _ => client.execute(SLEEP, ()).await.map(drop),
            }
        });
    }
    let ended = timeout(BOUND, requests.join_all()).await.unwrap();
    for result in ended {
        assert!(result.unwrap_err().is_closed());
    }
    killer.await.unwrap();
    assert!(client.is_closed());
    let error = client.execute("SELECT 1", ()).await.unwrap_err();
    assert!(error.is_closed() && error.is_safe_to_retry(), "{error}");
    assert!(
        error.to_string().contains("terminating connection"),
        "{error}"
    );
    // It is noticed also while nothing is asked.
    let client = connect().await;
    let pid = client.backend_pid();
    tokio::task::spawn_blocking(move || terminate(pid))
        .await
        .unwrap();
    eventually(async || client.is_closed()).await;
    assert!(client.lease().await.unwrap_err().is_closed());
}

#[tokio::test]
async fn a_transaction_has_the_connection_for_itself() {
    let client = connect().await;
    client
        .execute("CREATE TEMP TABLE t (n int4)", ())
        .await
        .unwrap();
    let insert = "INSERT INTO t VALUES ($1)";
    let write = async |n: i32| {
        if n % 3 > 0 {
            return client.execute(insert, (n,)).await.map(drop);
        }
        let mut tx = client.transaction().await?;
        tx.execute(insert, (n,)).await?;
        tokio::task::yield_now().await;
        let seen = tx.query_one("SELECT max(n) FROM t", ()).await?;
        assert_eq!(seen.get::<i32>(0)?, n, "nobody else has inserted meanwhile");
        match n % 6 {
            0 => tx.commit().await,
            _ => tx.rollback().await,
        }
    };
    let written = timeout(BOUND, all((1..=60).map(write))).await.unwrap();
    written.into_iter().for_each(Result::unwrap);
    let row = client
        .query_one("SELECT array_agg(n ORDER BY n) FROM t", ())
        .await
        .unwrap();
    let expected: Vec<i32> = (1..=60).filter(|n| n % 6 != 3).collect();
    assert_eq!(row.get::<Vec<i32>>(0).unwrap(), expected);
    let failed: Result<u64> = client
        .with_transaction(async |tx| {
            let mut inner = tx.savepoint().await?;
            inner.execute(insert, (100,)).await?;
            inner.release().await?;
            tx.execute("SELECT 1/0", ()).await
        })
        .await;
    assert_eq!(failed.unwrap_err().sqlstate(), Some("22012"));
    assert_eq!(one(&client, "SELECT max(n) FROM t").await, 60);
}

/// Leaves something behind in a lease or a transaction that is dropped.
async fn leave_behind(client: &AsyncClient, what: i32) {
    if what < 4 {
        let mut lease = client.lease().await.unwrap();
        match what {
            0 => assert_eq!(lease.execute("BEGIN", ()).await.unwrap(), 0),
            1 => {
                lease.execute("BEGIN", ()).await.unwrap();
                lease.execute("SELECT 1/0", ()).await.unwrap_err();
            }
            2 => {
                let sleep = lease.execute(SLEEP, ());
                assert!(timeout(Duration::from_millis(50), sleep).await.is_err());
            }
            _ => {
                let endless = "SELECT generate_series(1, 1000000000)";
                let mut stream = lease.query_stream(endless, ()).await.unwrap();
                stream.next().await.unwrap().unwrap();
            }
        }
        return;
    }
    let mut tx = client.transaction().await.unwrap();
    tx.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    if what == 4 {
        let sleep = tx.execute(SLEEP, ());
        assert!(timeout(Duration::from_millis(50), sleep).await.is_err());
    } else {
        std::mem::forget(tx.savepoint().await.unwrap());
    }
}

#[tokio::test]
async fn a_lease_that_is_dropped_leaves_nothing_behind() {
    let client = connect().await;
    client
        .execute("CREATE TEMP TABLE t (n int4)", ())
        .await
        .unwrap();
    for round in 0..6 {
        leave_behind(&client, round).await;
        assert_eq!(one(&client, "SELECT count(*)::int4 FROM t").await, 0);
        client.transaction().await.unwrap().commit().await.unwrap();
    }
}

/// Else whatever others do meanwhile would be in it.
#[tokio::test]
async fn a_transaction_begun_by_a_statement_is_an_error_and_rolled_back() {
    let client = connect().await;
    client
        .execute("CREATE TEMP TABLE t (n int4)", ())
        .await
        .unwrap();
    let statements = ["BEGIN", "INSERT INTO t VALUES (1)", "SELECT 1/0"];
    let results = all(statements.map(|sql| client.execute(sql, ()))).await;
    for (number, result) in results.into_iter().enumerate() {
        let error = result.unwrap_err();
        if number < 2 {
            assert!(error.to_string().contains("use transaction()"), "{error}");
            assert!(!error.is_closed());
        } else {
            assert_eq!(error.sqlstate(), Some("22012"));
        }
    }
    assert_eq!(one(&client, "SELECT count(*)::int4 FROM t").await, 0);
    let error = client.simple_query("BEGIN; SELECT 1").await;
    error.unwrap();
    client
        .execute("INSERT INTO t VALUES (2)", ())
        .await
        .unwrap();
    // One of which nobody hears.
    let mut begun = Box::pin(client.execute("BEGIN", ()));
    begin(begun.as_mut()).await;
    let mut behind = pin!(client.execute("SELECT pg_sleep(0.05)", ()));
    begin(behind.as_mut()).await;
    drop(begun);
    assert!(behind.await.is_err());
    client
        .execute("INSERT INTO t VALUES (3)", ())
        .await
        .unwrap();
    drop(client.transaction().await.unwrap());
    assert_eq!(one(&client, "SELECT count(*)::int4 FROM t").await, 2);
}

#[tokio::test]
async fn a_copy_is_refused_and_harms_nobody() {
    let client = connect().await;
    client
        .execute("CREATE TEMP TABLE t (n int4)", ())
        .await
        .unwrap();
    let results = all((0..30).map(async |n: i32| match n % 3 {
        0 => client.execute("COPY t FROM STDIN", ()).await,
        1 => client.execute("/* x */ copy t TO STDOUT", ()).await,
        _ => client.execute("INSERT INTO t VALUES ($1)", (n,)).await,
    }))
    .await;
    for (n, result) in results.into_iter().enumerate() {
        match n % 3 {
            2 => assert_eq!(result.unwrap(), 1),
            _ => assert!(result.unwrap_err().to_string().contains("COPY")),
        }
    }
    assert_eq!(one(&client, "SELECT count(*)::int4 FROM t").await, 10);
}

#[tokio::test]
async fn statements_that_another_request_has_dropped_are_run_all_the_same() {
    let client = connect().await;
    let ask = async |n: i32| match n % 5 {
        4 => client.execute("DEALLOCATE ALL", ()).await.map(|_| n),
        _ => {
            let row = client.query_one("SELECT $1::int4", (n,)).await?;
            row.get::<i32>(0)
        }
    };
    for _ in 0..10 {
        let results = all((0..20).map(ask)).await;
        for (n, result) in (0..).zip(results) {
            assert_eq!(result.unwrap(), n);
        }
    }
}

#[tokio::test]
async fn types_made_by_users_are_looked_up_among_other_requests() {
    let client = connect().await;
    let name = unique("pair");
    client
        .execute(&format!("CREATE TYPE {name} AS (a int4, b text)"), ())
        .await
        .unwrap();
    let sql = format!("SELECT ROW($1::int4, 'x')::{name}");
    let ask = async |n: i32| {
        let row = client.query_one(&sql, (n,)).await?;
        assert_eq!(row.columns().next().expect("one").type_name(), name);
        row.get::<(i32, String)>(0)
    };
    for (n, result) in (0..20).zip(all((0..20).map(ask)).await) {
        assert_eq!(result.unwrap(), (n, "x".to_owned()));
    }
    // A change is seen by those who come behind it, also where nobody hears of it.
    let three = format!("SELECT ROW(1, 'x', true)::{name}");
    let alter = format!("ALTER TYPE {name} ADD ATTRIBUTE c bool");
    let mut altered = Box::pin(client.execute(&alter, ()));
    begin(altered.as_mut()).await;
    let mut asked = pin!(client.query_one(&three, ()));
    begin(asked.as_mut()).await;
    drop(altered);
    let row = asked.await.unwrap();
    assert_eq!(
        row.get::<(i32, String, bool)>(0).unwrap(),
        (1, "x".to_owned(), true)
    );
    client
        .execute(&format!("DROP TYPE {name}"), ())
        .await
        .unwrap();
}

#[tokio::test]
async fn values_are_read_with_the_settings_of_their_arrival() {
    let client = connect().await;
    let day = "SELECT '2020-03-02'::date::text, '2020-03-02'::date";
    let (first, _, second, _, third) = tokio::join!(
        client.query_one(day, ()),
        client.execute("SET datestyle TO 'sql, dmy'", ()),
        client.query_one(day, ()),
        client.execute("SET datestyle TO 'iso, mdy'", ()),
        client.query_one(day, ()),
    );
    let (first, second, third) = (first.unwrap(), second.unwrap(), third.unwrap());
    let date = first.get::<Date>(1).unwrap();
    for row in [&first, &third] {
        assert_eq!(row.read::<(&str, Date)>().unwrap(), ("2020-03-02", date));
    }
    assert_eq!(second.get::<&str>(0).unwrap(), "02/03/2020");
    assert_eq!(second.get::<Date>(1).unwrap(), date);
}

#[tokio::test]
async fn notices_and_notifications_are_handed_out_as_they_come() {
    let (client, other) = (connect().await, connect().await);
    let channel = unique("client");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (log, clone) = (Arc::clone(&heard), client.clone());
    let id = client.add_notify_handler(move |notify: &Notify| {
        // A handler may use the client.
        assert!(!clone.is_closed());
        log.lock().unwrap().push(notify.payload.clone());
        panic!("on purpose");
    });
    client
        .execute(&format!("LISTEN {channel}"), ())
        .await
        .unwrap();
    let notify = async |payload: &str| {
        other
            .execute("SELECT pg_notify($1, $2)", (&channel, &payload))
            .await
            .unwrap();
    };
    notify("one").await;
    // Nothing is asked of the client.
    eventually(async || *heard.lock().unwrap() == ["one"]).await;
    assert!(client.remove_notify_handler(id) && !client.remove_notify_handler(id));
    notify("two").await;
    let mut notifies = client.notifies(None);
    assert_eq!(notifies.next().await.unwrap().unwrap().payload, "two");
    let listener = tokio::spawn(async move {
        let three = notifies.next().await.unwrap().unwrap();
        (three.channel, three.payload)
    });
    let mut tx = client.transaction().await.unwrap();
    tx.execute("SELECT 1", ()).await.unwrap();
    notify("three").await;
    tx.commit().await.unwrap();
    let three = timeout(BOUND, listener).await.unwrap().unwrap();
    assert_eq!(three, (channel.clone(), "three".to_owned()));
    let begun = Instant::now();
    let mut none = client.notifies(Some(Duration::from_millis(50)));
    assert!(none.next().await.is_none() && none.next().await.is_none());
    assert!(begun.elapsed() >= Duration::from_millis(50));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    client.add_notice_handler(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let raise = "DO $$ BEGIN RAISE NOTICE 'a'; END $$";
    all((0..10).map(|_| client.execute(raise, ()))).await;
    assert_eq!(count.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn notifications_that_nobody_takes_wait_at_the_server() {
    let (client, other) = (connect().await, connect().await);
    let channel = unique("full");
    client
        .execute(&format!("LISTEN {channel}"), ())
        .await
        .unwrap();
    let many = "SELECT pg_notify($1, repeat('x', 7000) || n) FROM generate_series(1, 3000) n";
    other.execute(many, (&channel,)).await.unwrap();
    let mut notifies = client.notifies(Some(BOUND));
    for n in 1..=3000 {
        let notify = notifies.next().await.unwrap().unwrap();
        assert!(notify.payload.ends_with(&format!("x{n}")));
    }
    assert_eq!(one(&client, "SELECT 1").await, 1);
}

#[tokio::test]
async fn the_connection_closes_with_the_last_clone() {
    let watcher = connect().await;
    let is_there = async |pid: i32| {
        let sql = "SELECT 1 FROM pg_stat_activity WHERE pid = $1";
        watcher.query_opt(sql, (pid,)).await.unwrap().is_some()
    };
    let client = connect().await;
    let pid = client.backend_pid();
    let clone = client.clone();
    drop(client);
    assert_eq!(one(&clone, "SELECT 1").await, 1);
    let lease = clone.lease().await.unwrap();
    drop(clone);
    assert!(is_there(pid).await);
    drop(lease);
    eventually(async || !is_there(pid).await).await;
    // Closing waits for what was asked before, and ends it for all.
    let client = connect().await;
    let pid = client.backend_pid();
    let mut before = pin!(client.execute("SELECT pg_sleep(0.1)", ()));
    begin(before.as_mut()).await;
    client.close().await;
    assert_eq!(before.await.unwrap(), 1);
    assert!(client.is_closed());
    assert!(
        client
            .execute("SELECT 1", ())
            .await
            .unwrap_err()
            .is_closed()
    );
    eventually(async || !is_there(pid).await).await;
    client.close().await;
}

#[test]
fn a_runtime_that_ends_takes_the_connection_along() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let client = first.block_on(connect());
    let leased = first.block_on(async { connect().await.lease().await.unwrap() });
    let other = first.block_on(connect());
    let _lease = first.block_on(other.lease()).unwrap();
    drop(first);
    second.block_on(async {
        assert!(client.is_closed());
        assert!(
            client
                .execute("SELECT 1", ())
                .await
                .unwrap_err()
                .is_closed()
        );
    });
    drop(leased);
    assert!(other.is_closed());
}

#[tokio::test]
async fn a_connection_becomes_a_client() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    conn.add_notice_handler(move |notice| {
        log.lock()
            .unwrap()
            .push(notice.message_primary().unwrap_or_default().to_owned());
    });
    conn.execute("CREATE TEMP TABLE t (n int4)", ())
        .await
        .unwrap();
    conn.set_autocommit(false).await.unwrap();
    conn.execute("INSERT INTO t VALUES (1)", ()).await.unwrap();
    let client = conn.into_client();
    assert_eq!(one(&client, "SELECT count(*)::int4 FROM t").await, 0);
    client
        .execute("DO $$ BEGIN RAISE NOTICE 'hey'; END $$", ())
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), ["hey"]);
}

/// A generator of numbers that need not be good.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One round: something that is asked, and perhaps dropped; what it gives must be its own.
async fn round(client: &AsyncClient, dice: &mut Dice, n: i32) -> Result<()> {
    let asked = async {
        match n % 10 {
            0 => {
                let mut tx = client.transaction().await?;
                let row = tx.query_one("SELECT $1::int4", (n,)).await?;
                assert_eq!(row.get::<i32>(0)?, n);
                tx.commit().await
            }
            1 => {
                let error = client.execute("SELECT 1 / $1::int4", (0,)).await;
                assert_eq!(error.unwrap_err().sqlstate(), Some("22012"));
                Ok(())
            }
            2 => {
                let sql = "SELECT repeat('x', 10000), $1::int4 FROM generate_series(1, 20)";
                for row in client.query(sql, (n,)).await? {
                    assert_eq!(row.get::<i32>(1)?, n);
                }
                Ok(())
            }
            _ => {
                let row = client.query_one("SELECT $1::int4, $1::text", (n,)).await?;
                assert_eq!(row.read::<(i32, &str)>()?, (n, &*n.to_string()));
                Ok(())
            }
        }
    };
    match dice.roll(4) {
        // Polled a few times at most.
        0 => {
            let (mut asked, mut polls) = (pin!(asked), dice.roll(4));
            poll_fn(|cx| {
                if polls == 0 {
                    return Poll::Ready(Ok(()));
                }
                polls -= 1;
                asked.as_mut().poll(cx)
            })
            .await
        }
        1 => {
            let time = Duration::from_micros(dice.roll(3000));
            timeout(time, asked).await.unwrap_or(Ok(()))
        }
        _ => asked.await,
    }
}

async fn rounds(tasks: u64, each: i32) {
    let client = connect().await;
    let mut running = JoinSet::new();
    for task in 1..=tasks {
        let client = client.clone();
        running.spawn(async move {
            let mut dice = Dice(task.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for n in 0..each {
                round(&client, &mut dice, n).await?;
            }
            Ok::<_, howdah::Error>(())
        });
    }
    let ended = timeout(Duration::from_secs(120), running.join_all()).await;
    ended.unwrap().into_iter().for_each(Result::unwrap);
    assert_eq!(one(&client, "SELECT 1").await, 1);
}

#[tokio::test]
async fn ten_thousand_rounds_with_drops_in_one_thread() {
    rounds(10, 1000).await;
    // With one task, a statement that is dropped is cancelled.
    rounds(1, 500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_rounds_with_drops_in_several_threads() {
    rounds(10, 1000).await;
    rounds(2, 500).await;
}
