//! The time of waits for replication: when it is over the stream goes on, and nothing of it is lost.

#![cfg(feature = "tokio")]

mod common;

use std::time::Duration;

use common::streamed::{begins, then_ended};
use common::{message, within};
use howdah::replication::{AsyncReplicationStream, Feedback, ReplicationStream, WalData};
use howdah::types::PgLsn;
use howdah::{AsyncConnection, Connection, Error};
use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::{MockServer, Script};

/// A time that a silent server lets pass, and in which one that answers does.
const TIME: Duration = Duration::from_secs(2);
const HOUR: Duration = Duration::from_secs(3600);
/// Only a guard against tests that hang.
const GUARD: Duration = Duration::from_secs(30);

/// A piece of the log.
fn data(start: u64, payload: &[u8]) -> Vec<u8> {
    let head = [start, start, 0].map(u64::to_be_bytes).concat();
    message(b'd', &[b"w", &head[..], payload].concat())
}

/// Waits until the client says that it is so far.
fn until_told(script: Script, lsn: u64) -> Script {
    script.until("a status", move |message| {
        let FrontendMessage::CopyData(status) = message else {
            return false;
        };
        status.get(9..17) == Some(&lsn.to_be_bytes())
    })
}

/// A server whose stream is silent until it is told a position: then comes the first message but for its end, and at the next
/// position that, and another message. When the client ends the stream, it takes a query.
fn silent() -> MockServer {
    let script = Script::new()
        .accept_startup()
        .expect("SHOW", begins(b"SHOW wal_sender_timeout"))
        .send_error("42601", "an old server")
        .send_ready()
        .expect("START_REPLICATION", begins(b"START_REPLICATION"))
        .send_raw(message(b'W', b"\0\0\0"));
    let first = data(7, b"first");
    let (beginning, rest) = first.split_at(20);
    let script = until_told(script, 1).send_raw(beginning);
    let script = until_told(script, 2).send_raw([rest, &data(8, b"second")].concat());
    then_ended(script)
}

fn replicating(server: &MockServer) -> String {
    format!("{} replication=database", server.conninfo())
}

fn flushed(lsn: u64) -> Feedback {
    Feedback {
        flushed: PgLsn(lsn),
        ..Feedback::default()
    }
}

/// Whether it says that the time is over, and no more than that.
fn assert_late(item: Option<Result<WalData, Error>>) {
    let error = item.unwrap().unwrap_err();
    assert!(error.is_timeout() && !error.is_closed(), "{error}");
    assert!(error.to_string().contains("within"), "{error}");
}

fn payload(item: Option<Result<WalData, Error>>) -> String {
    String::from_utf8(item.unwrap().unwrap().payload).unwrap()
}

type Following<'a> = ReplicationStream<'a, WalData>;
type AsyncFollowing<'a> = AsyncReplicationStream<'a, WalData>;

#[test]
fn a_wait_that_takes_too_long_loses_nothing() {
    let server = silent();
    let dsn = replicating(&server);
    within(GUARD, move || {
        let mut conn = Connection::connect(&dsn).unwrap();
        conn.set_cancel_timeout(HOUR);
        conn.set_operation_timeout(Some(TIME));
        let mut stream: Following<'_> = conn.start_replication("s", PgLsn(0), &[]).unwrap();
        assert_late(stream.next());
        // One that is over before has no error.
        assert_eq!(stream.read_timeout(Duration::from_millis(1)).unwrap(), None);
        stream.send_feedback(flushed(1)).unwrap();
        assert!(stream.read_timeout(HOUR).unwrap_err().is_timeout());
        assert!(!stream.has_ended() && stream.position() == PgLsn(0));
        stream.send_feedback(flushed(2)).unwrap();
        assert_eq!(payload(stream.next()), "first");
        assert_eq!(payload(stream.next()), "second");
        stream.close().unwrap();
        conn.set_operation_timeout(None);
        let one: i32 = conn.simple_query("SELECT 1").unwrap()[0]
            .row(0)
            .unwrap()
            .get(0)
            .unwrap();
        assert_eq!(one, 1);
    });
    server.join().unwrap();
}

#[tokio::test]
async fn a_wait_that_takes_too_long_loses_nothing_on_tokio() {
    let server = silent();
    let mut conn = AsyncConnection::connect(&replicating(&server))
        .await
        .unwrap();
    conn.set_cancel_timeout(HOUR);
    conn.set_operation_timeout(Some(TIME));
    let mut stream: AsyncFollowing<'_> = conn.start_replication("s", PgLsn(0), &[]).await.unwrap();
    assert_late(stream.next().await);
    let waited = tokio::time::timeout(Duration::from_millis(1), stream.next()).await;
    assert!(waited.is_err());
    stream.send_feedback(flushed(1)).await.unwrap();
    assert_late(stream.next().await);
    assert!(!stream.has_ended() && stream.position() == PgLsn(0));
    stream.send_feedback(flushed(2)).await.unwrap();
    assert_eq!(payload(stream.next().await), "first");
    assert_eq!(payload(stream.next().await), "second");
    stream.close().await.unwrap();
    conn.set_operation_timeout(None);
    let results = conn.simple_query("SELECT 1").await.unwrap();
    assert_eq!(results[0].row(0).unwrap().get::<i32>(0).unwrap(), 1);
    drop(conn);
    server.join().unwrap();
}

/// Once the time of a group is over nothing more is sent, and the stream is there for as long as the group.
#[test]
fn the_time_of_a_group_bounds_its_waits() {
    let server = silent();
    let dsn = replicating(&server);
    within(GUARD, move || {
        let mut conn = Connection::connect(&dsn).unwrap();
        conn.set_cancel_timeout(HOUR);
        let mut hurried = conn.within(TIME);
        let mut stream: Following<'_> = hurried.start_replication("s", PgLsn(0), &[]).unwrap();
        for _ in 0..2 {
            assert_late(stream.next());
        }
        assert!(stream.send_feedback(flushed(1)).unwrap_err().is_timeout());
        assert!(!stream.has_ended());
    });
    drop(server);
}

#[tokio::test]
async fn the_time_of_a_group_bounds_its_waits_on_tokio() {
    let server = silent();
    let mut conn = AsyncConnection::connect(&replicating(&server))
        .await
        .unwrap();
    conn.set_cancel_timeout(HOUR);
    let mut hurried = conn.within(TIME);
    let mut stream: AsyncFollowing<'_> =
        hurried.start_replication("s", PgLsn(0), &[]).await.unwrap();
    for _ in 0..2 {
        assert_late(stream.next().await);
    }
    let late = stream.send_feedback(flushed(1)).await.unwrap_err();
    assert!(late.is_timeout() && !stream.has_ended());
    drop(stream);
    drop(server);
}
