//! What pools have in common, against a real server: each is given as what takes a connection from it, of two at most.

use std::collections::HashSet;
use std::future::poll_fn;
use std::ops::DerefMut;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use howdah::{AsyncConnection, Config, TransactionStatus};

const COUNT: &str = "SELECT count(*)::int4 FROM pg_temp.t";

pub(crate) fn config() -> Config {
    dsn().parse().expect("a connection string")
}

fn dsn() -> String {
    std::env::var("HOWDAH_TEST_DSN").expect("run the tests by `make test-rust`")
}

async fn connect() -> AsyncConnection {
    AsyncConnection::connect(&dsn())
        .await
        .expect("the server of the tests")
}

async fn one(conn: &mut AsyncConnection, sql: &str) -> i32 {
    let row = conn.query_one(sql, ()).await.unwrap();
    row.get(0).unwrap()
}

fn pid(conn: &AsyncConnection) -> i32 {
    conn.info().backend_pid()
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

/// Connections are used again, at most two, by many tasks that wait for them.
pub(crate) async fn connections_are_shared<C>(get: impl AsyncFn() -> C)
where
    C: DerefMut<Target = AsyncConnection>,
{
    let mut pids = HashSet::new();
    for _ in 0..20 {
        let (mut first, mut second) = tokio::join!(get(), get());
        pids.extend([pid(&first), pid(&second)]);
        let (one, two) = tokio::join!(one(&mut first, "SELECT 1"), one(&mut second, "SELECT 2"));
        assert_eq!((one, two), (1, 2));
    }
    assert_eq!(pids.len(), 2);
}

/// Those that the server has closed while they were idle are replaced, without an error for anybody.
pub(crate) async fn dead_connections_are_replaced<C>(get: impl AsyncFn() -> C)
where
    C: DerefMut<Target = AsyncConnection>,
{
    let mut killer = connect().await;
    for _ in 0..5 {
        let (first, second) = tokio::join!(get(), get());
        let dead = [pid(&first), pid(&second)];
        drop((first, second));
        for pid in dead {
            let kill = killer.execute("SELECT pg_terminate_backend($1, 5000)", (pid,));
            kill.await.unwrap();
        }
        let (mut first, mut second) = tokio::join!(get(), get());
        for conn in [&mut first, &mut second] {
            assert!(!dead.contains(&pid(conn)));
            assert_eq!(one(conn, "SELECT 3").await, 3);
        }
    }
    // Killed while it is used.
    let mut conn = get().await;
    let dead = pid(&conn);
    killer
        .execute("SELECT pg_terminate_backend($1, 5000)", (dead,))
        .await
        .unwrap();
    assert!(conn.query("SELECT 1", ()).await.unwrap_err().is_closed());
    drop(conn);
    for _ in 0..4 {
        let conn = get().await;
        assert_ne!(pid(&conn), dead);
    }
}

/// Whatever somebody leaves behind, the next one has the same connection as if it were new.
pub(crate) async fn nothing_is_left_over<C>(get: impl AsyncFn() -> C)
where
    C: DerefMut<Target = AsyncConnection>,
{
    // The other one of the two stays taken, so that each round has the same.
    let _other = get().await;
    let mut conn = get().await;
    let same = pid(&conn);
    conn.execute("CREATE TEMP TABLE t (n int4)", ())
        .await
        .unwrap();
    drop(conn);
    for what in 0..8 {
        let mut conn = get().await;
        assert_eq!(pid(&conn), same);
        leave_behind(&mut conn, what).await;
        drop(conn);
        let mut conn = get().await;
        assert_eq!(pid(&conn), same, "after {what}");
        assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
        assert!(conn.autocommit());
        assert_eq!(one(&mut conn, COUNT).await, 0, "after {what}");
        conn.transaction().await.unwrap().commit().await.unwrap();
    }
}

async fn leave_behind(conn: &mut AsyncConnection, what: i32) {
    let insert = "INSERT INTO pg_temp.t VALUES (1)";
    match what {
        0 => begin(conn.execute("SELECT pg_sleep(3600)", ())).await,
        1 => {
            conn.execute("BEGIN", ()).await.unwrap();
            conn.execute(insert, ()).await.unwrap();
        }
        2 => {
            conn.set_autocommit(false).await.unwrap();
            conn.execute(insert, ()).await.unwrap();
            conn.execute("SELECT 1/0", ()).await.unwrap_err();
        }
        3 => {
            let mut tx = conn.transaction().await.unwrap();
            tx.execute(insert, ()).await.unwrap();
        }
        4 => {
            let mut tx = conn.transaction().await.unwrap();
            tx.execute(insert, ()).await.unwrap();
            std::mem::forget(tx);
        }
        5 => {
            let mut tx = conn.transaction().await.unwrap();
            tx.execute(insert, ()).await.unwrap();
            begin(tx.execute("SELECT pg_sleep(3600)", ())).await;
        }
        6 => {
            let endless = "SELECT generate_series(1, 1000000000)";
            let mut stream = conn.query_stream(endless, ()).await.unwrap();
            stream.next().await.unwrap().unwrap();
        }
        _ => {
            let many = vec![(); 3];
            begin(conn.execute_many("SELECT pg_sleep(1000)", many)).await;
        }
    }
}

/// A transaction that was dropped holds no locks while its connection is in the pool.
pub(crate) async fn a_dropped_transaction_holds_no_locks<C>(get: impl AsyncFn() -> C)
where
    C: DerefMut<Target = AsyncConnection>,
{
    for has_savepoint in [false, true] {
        let mut conn = get().await;
        let mut tx = conn.transaction().await.unwrap();
        tx.execute("SELECT pg_advisory_xact_lock(4711)", ())
            .await
            .unwrap();
        if has_savepoint {
            let mut savepoint = tx.savepoint().await.unwrap();
            savepoint.execute("SELECT nonsense", ()).await.unwrap_err();
            drop(savepoint);
        }
        drop(tx);
        drop(conn);
        let mut other = connect().await;
        let wait = other.execute("SELECT pg_advisory_xact_lock(4711)", ());
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        waited.expect("the lock is free").unwrap();
    }
}

/// One that does not come to rest within its bound is replaced, without an error for anybody. The pool's connections have
/// [`hasty_config`].
pub(crate) async fn what_does_not_come_to_rest_is_replaced<C>(get: impl AsyncFn() -> C)
where
    C: DerefMut<Target = AsyncConnection>,
{
    let _other = get().await;
    let mut conn = get().await;
    let stubborn = pid(&conn);
    tokio::select! {
        ended = conn.execute(STUBBORN, ()) => panic!("{ended:?}"),
        () = sleeps(stubborn) => {}
    }
    drop(conn);
    let mut conn = get().await;
    assert_ne!(pid(&conn), stubborn);
    assert_eq!(one(&mut conn, "SELECT 3").await, 3);
    let mut killer = connect().await;
    let kill = killer.execute("SELECT pg_terminate_backend($1, 5000)", (stubborn,));
    kill.await.unwrap();
}

/// Goes on when it is cancelled.
const STUBBORN: &str = "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(3600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$";

/// Gives a connection half a second to come to rest.
pub(crate) fn hasty_config() -> Config {
    let mut config = config();
    config.cancel_timeout(Duration::from_millis(500));
    config
}

/// Waits until a backend sleeps.
async fn sleeps(pid: i32) {
    let mut watcher = connect().await;
    let sql =
        "SELECT count(*)::int4 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'";
    loop {
        let row = watcher.query_one(sql, (pid,)).await.unwrap();
        if row.get::<i32>(0).unwrap() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// With `DISCARD ALL` settings and prepared statements do not outlive a user.
pub(crate) async fn settings_are_discarded<C>(get: impl AsyncFn() -> C)
where
    C: DerefMut<Target = AsyncConnection>,
{
    let _other = get().await;
    for _ in 0..3 {
        let mut conn = get().await;
        let name = "SELECT current_setting('application_name') = 'mine', $1::int4";
        for n in 0..8 {
            let row = conn.query_one(name, (n,)).await.unwrap();
            assert_eq!(row.read::<(bool, i32)>().unwrap(), (false, n));
        }
        conn.execute("SET application_name = 'mine'", ())
            .await
            .unwrap();
        conn.execute("LISTEN mine", ()).await.unwrap();
    }
}
