//! What the integration tests share: the servers, and conversations with a mock.

#![allow(dead_code)]

pub(crate) mod certificates;
pub(crate) mod lying;
pub(crate) mod own_server;
pub(crate) mod passing;
pub(crate) mod polled;
#[cfg(feature = "tracing")]
pub(crate) mod recorder;
#[cfg(feature = "tokio")]
pub(crate) mod source;
pub(crate) mod streamed;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use howdah::Connection;

/// A backend message of this kind.
pub(crate) fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len() + 4).unwrap();
    [&[kind], &size.to_be_bytes()[..], payload].concat()
}

/// A conninfo for the real server, over a Unix socket.
pub(crate) fn dsn() -> String {
    variable("HOWDAH_TEST_DSN")
}

/// A conninfo for the same server, over TCP.
pub(crate) fn tcp_dsn() -> String {
    variable("HOWDAH_TEST_TCP_DSN")
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests by `make test-rust`"))
}

/// A connection to the real server.
pub(crate) fn connect() -> Connection {
    Connection::connect(&dsn()).expect("the server of the tests")
}

/// A connection whose first statement begins a transaction, which dropping it rolls back.
pub(crate) fn connect_without_autocommit() -> Connection {
    let mut conn = connect();
    conn.set_autocommit(false).expect("no transaction runs");
    conn
}

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos());
    format!("{prefix}_{}_{nanos}", std::process::id())
}

/// Waits until the session `pid` runs a statement that contains `text`.
pub(crate) fn wait_until_running(pid: i32, text: &str) {
    let mut watcher = connect();
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query LIKE $2";
    let pattern = format!("%{text}%");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let row = watcher.query_one(sql, (&pid, &pattern)).unwrap();
        if row.get::<i64>(0).unwrap() == 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the statement {text:?} never ran");
}

/// Ends a session from another one.
pub(crate) fn terminate(pid: i32) {
    let mut killer = connect();
    killer
        .execute("SELECT pg_terminate_backend($1, 5000)", (pid,))
        .unwrap();
}

/// Memory of this process, in bytes.
pub(crate) fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|text| text.parse().ok());
    pages.unwrap_or(0_usize) * 4096
}

/// Waits until it is so, 20 seconds at most.
pub(crate) fn eventually(mut what: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never was");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs `work` on a thread of its own, and fails if it does not end in time.
pub(crate) fn within<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = sender.send(work());
    });
    match receiver.recv_timeout(time) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it did not end within {time:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the thread sends before it ends"),
        },
    }
}
