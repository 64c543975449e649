//! Large objects through both shells, against a real server.

#![cfg(feature = "tokio")]

mod common;

use std::future::poll_fn;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::pin;
use std::task::Poll;

use common::{connect, connect_without_autocommit, dsn, terminate};
use howdah::{AsyncConnection, Connection, Error, LargeObjectMode, Session};
use proptest::collection::vec;
use proptest::prelude::*;

const MIB: usize = 1024 * 1024;
/// What no object of the tests has: OIDs are given from 16384 on.
const MISSING: u32 = 12;

/// Bytes that differ from those of every other place nearby.
fn bytes(count: usize) -> Vec<u8> {
    let words = (0_u32..).map(|word| word.wrapping_mul(2_654_435_761));
    words.flat_map(u32::to_be_bytes).take(count).collect()
}

/// The driver's error in one of `std::io`.
fn inner(error: &io::Error) -> &Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.expect("an error of the driver")
}

fn sqlstate(error: &Error) -> Option<&str> {
    error.sqlstate()
}

fn count(db: &mut Session, oid: u32) -> i64 {
    let sql = "SELECT count(*) FROM pg_largeobject_metadata WHERE oid = $1";
    db.query_one(sql, (oid,)).unwrap().get(0).unwrap()
}

#[test]
fn much_goes_in_and_comes_out() {
    let data = bytes(20 * MIB + 7);
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let mut object = tx.create_large_object(None).unwrap();
    let oid = object.oid();
    assert_eq!(object.mode(), LargeObjectMode::ReadWrite);
    object.write_all(&data).unwrap();
    object.flush().unwrap();
    assert_eq!(object.stream_position().unwrap(), data.len() as u64);
    object.close().unwrap();
    tx.commit().unwrap();

    let mut tx = conn.transaction().unwrap();
    let mut object = tx.open_large_object(oid, LargeObjectMode::Read).unwrap();
    let mut all = Vec::new();
    assert_eq!(object.read_to_end(&mut all).unwrap(), data.len());
    assert!(all == data);
    object.rewind().unwrap();
    let mut buffer = vec![0; 5 * MIB];
    assert_eq!(object.read(&mut buffer).unwrap(), 4 * MIB);
    assert!(buffer[..4 * MIB] == data[..4 * MIB]);
    object.seek(SeekFrom::End(-10)).unwrap();
    assert_eq!(object.read(&mut buffer).unwrap(), 10);
    assert!(buffer[..10] == data[data.len() - 10..]);
    assert_eq!(object.read(&mut buffer).unwrap(), 0);
    object.rewind().unwrap();
    let mut copied = Vec::new();
    io::copy(&mut io::BufReader::with_capacity(MIB, object), &mut copied).unwrap();
    assert!(copied == data);
    tx.unlink_large_object(oid).unwrap();
    assert_eq!(count(&mut tx, oid), 0);
    tx.commit().unwrap();
}

#[test]
fn positions_have_64_bits() {
    let far = 3_u64 << 30;
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let mut object = tx.create_large_object(None).unwrap();
    assert_eq!(object.seek(SeekFrom::Start(far)).unwrap(), far);
    object.write_all(b"end").unwrap();
    assert_eq!(object.seek(SeekFrom::Current(-5)).unwrap(), far - 2);
    let mut end = Vec::new();
    object.read_to_end(&mut end).unwrap();
    assert_eq!(end, b"\0\0end");
    assert_eq!(object.stream_position().unwrap(), far + 3);
    object.truncate(far + 1).unwrap();
    assert_eq!(object.seek(SeekFrom::End(0)).unwrap(), far + 1);
    object.truncate(2 * far).unwrap();
    assert_eq!(object.seek(SeekFrom::End(0)).unwrap(), 2 * far);
    // Beyond what an i64 holds nothing is asked.
    let error = object.seek(SeekFrom::Start(u64::MAX)).unwrap_err();
    assert!(inner(&error).is_usage());
    assert!(object.truncate(u64::MAX).unwrap_err().is_usage());
    assert_eq!(object.stream_position().unwrap(), 2 * far);
    // Beyond 4 TiB it is the server's error.
    let error = object.seek(SeekFrom::Start(1 << 62)).unwrap_err();
    assert_eq!(sqlstate(inner(&error)), Some("22023"));
    object.close().unwrap();
    tx.rollback().unwrap();
}

#[test]
fn errors_of_the_server() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let error = tx.open_large_object(MISSING, LargeObjectMode::Read);
    assert_eq!(sqlstate(&error.unwrap_err()), Some("42704"));
    let error = tx.create_large_object(None).unwrap_err();
    assert_eq!(sqlstate(&error), Some("25P02"));
    tx.rollback().unwrap();
    let error = conn.unlink_large_object(MISSING).unwrap_err();
    assert_eq!(sqlstate(&error), Some("42704"));

    let mut tx = conn.transaction().unwrap();
    let oid = tx.create_large_object(None).unwrap().oid();
    let error = tx.create_large_object(Some(oid)).unwrap_err();
    assert_eq!(sqlstate(&error), Some("23505"));
    tx.rollback().unwrap();

    let mut tx = conn.transaction().unwrap();
    let mut object = tx.create_large_object(None).unwrap();
    object
        .seek(SeekFrom::Start((1 << 42) - MIB as u64))
        .unwrap();
    let error = object.write_all(&bytes(2 * MIB)).unwrap_err();
    assert!(sqlstate(inner(&error)).is_some(), "{error}");
    assert_eq!(inner(&error).item(), None);
    let error = object.read(&mut [0; 8]).unwrap_err();
    assert_eq!(sqlstate(inner(&error)), Some("25P02"));
    object.close().unwrap();
    tx.rollback().unwrap();
    conn.execute("SELECT 1", ()).unwrap();
}

#[test]
fn what_the_mode_does_not_allow_is_not_asked() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let oid = tx.create_large_object(None).unwrap().oid();
    let mut object = tx.open_large_object(oid, LargeObjectMode::Read).unwrap();
    let error = object.write(b"x").unwrap_err();
    assert!(inner(&error).is_usage());
    assert!(object.write(b"").is_err());
    assert!(object.truncate(1).unwrap_err().is_usage());
    assert_eq!(object.read(&mut [0]).unwrap(), 0);
    drop(object);
    let mut object = tx.open_large_object(oid, LargeObjectMode::Write).unwrap();
    object.write_all(b"abc").unwrap();
    assert_eq!(object.write(b"").unwrap(), 0);
    let error = object.read(&mut [0]).unwrap_err();
    assert!(inner(&error).is_usage());
    drop(object);
    let mut object = tx.open_large_object(oid, LargeObjectMode::Read).unwrap();
    let mut text = String::new();
    object.read_to_string(&mut text).unwrap();
    assert_eq!(text, "abc");
    assert_eq!(object.read(&mut []).unwrap(), 0);
    drop(object);
    tx.rollback().unwrap();
    assert_eq!(count(&mut conn, oid), 0);
}

#[test]
fn one_is_open_in_a_transaction_only() {
    let mut conn = connect();
    assert!(conn.create_large_object(None).unwrap_err().is_usage());
    let opened = conn.open_large_object(MISSING, LargeObjectMode::Read);
    assert!(opened.unwrap_err().is_usage());
    let mut conn = connect_without_autocommit();
    let mut object = conn.create_large_object(None).unwrap();
    object.write_all(b"abc").unwrap();
    let oid = object.oid();
    drop(object);
    conn.rollback().unwrap();
    assert_eq!(count(&mut conn, oid), 0);
}

#[test]
fn dropping_one_closes_it() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let object = tx.create_large_object(None).unwrap();
    drop(object);
    // The server gives the first number that is free, which is the same again.
    let error = tx.query_one("SELECT lo_tell64(0)", ()).unwrap_err();
    assert_eq!(sqlstate(&error), Some("42704"));
    tx.rollback().unwrap();
}

#[test]
fn one_in_a_savepoint() {
    let mut conn = connect();
    let mut tx = conn.transaction().unwrap();
    let oid = tx.create_large_object(None).unwrap().oid();
    let mut attempt = tx.savepoint().unwrap();
    let mut object = attempt
        .open_large_object(oid, LargeObjectMode::Write)
        .unwrap();
    object.write_all(b"abc").unwrap();
    drop(object);
    attempt.rollback().unwrap();
    let mut object = tx.open_large_object(oid, LargeObjectMode::Read).unwrap();
    assert_eq!(object.read_to_end(&mut Vec::new()).unwrap(), 0);
    drop(object);
    tx.rollback().unwrap();
}

#[test]
fn a_server_that_is_killed() {
    let mut conn = connect();
    let pid = conn.info().backend_pid();
    let mut tx = conn.transaction().unwrap();
    let mut object = tx.create_large_object(None).unwrap();
    terminate(pid);
    let error = object.write_all(&bytes(MIB)).unwrap_err();
    assert!(inner(&error).is_closed());
    object.close().unwrap();
    drop(tx);
    assert!(conn.is_closed());
}

/// What is done with an object, and with the vector that is its model.
#[derive(Debug, Clone)]
enum Step {
    Read(usize),
    Write(usize),
    Seek(u64),
    Back(u64),
    FromEnd(u64),
    Truncate(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // The server keeps pages of 2 KiB, and pieces have 256.
    let size = prop_oneof![4 => 0_usize..5_000, 1 => 200_000_usize..600_000];
    let place = prop_oneof![4 => 0_u64..8_000, 1 => 200_000_u64..600_000];
    prop_oneof![
        size.clone().prop_map(Step::Read),
        size.prop_map(Step::Write),
        place.clone().prop_map(Step::Seek),
        place.clone().prop_map(Step::Back),
        place.clone().prop_map(Step::FromEnd),
        place.prop_map(Step::Truncate),
    ]
}

fn run_steps(conn: &mut Connection, steps: &[Step]) {
    let mut tx = conn.transaction().unwrap();
    let mut object = tx.create_large_object(None).unwrap();
    let mut model = io::Cursor::new(Vec::new());
    let data = bytes(600_000);
    for step in steps {
        match *step {
            Step::Read(size) => {
                let (mut got, mut expected) = (Vec::new(), Vec::new());
                (&mut object)
                    .take(size as u64)
                    .read_to_end(&mut got)
                    .unwrap();
                (&mut model)
                    .take(size as u64)
                    .read_to_end(&mut expected)
                    .unwrap();
                assert!(got == expected);
            }
            Step::Write(size) => {
                object.write_all(&data[..size]).unwrap();
                // Of nothing, a `Cursor` beyond the end makes zeros.
                if size > 0 {
                    model.write_all(&data[..size]).unwrap();
                }
            }
            Step::Seek(place) => move_both(&mut object, &mut model, SeekFrom::Start(place)),
            Step::Back(by) => {
                let by = by.min(model.position()).cast_signed();
                move_both(&mut object, &mut model, SeekFrom::Current(-by));
            }
            Step::FromEnd(by) => {
                let by = by.min(model.get_ref().len() as u64).cast_signed();
                move_both(&mut object, &mut model, SeekFrom::End(-by));
            }
            Step::Truncate(size) => {
                object.truncate(size).unwrap();
                model.get_mut().resize(usize::try_from(size).unwrap(), 0);
            }
        }
        assert_eq!(object.stream_position().unwrap(), model.position());
    }
    object.rewind().unwrap();
    let mut all = Vec::new();
    object.read_to_end(&mut all).unwrap();
    assert!(all == *model.get_ref());
    drop(object);
    tx.rollback().unwrap();
}

fn move_both(object: &mut impl Seek, model: &mut impl Seek, position: SeekFrom) {
    let place = model.seek(position).unwrap();
    assert_eq!(object.seek(position).unwrap(), place);
}

#[test]
fn it_does_what_a_vector_does() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let conn = std::cell::RefCell::new(connect());
    let run = runner.run(&vec(step(), 1..20), |steps| {
        run_steps(&mut conn.borrow_mut(), &steps);
        Ok(())
    });
    run.unwrap();
}

/// Polls a future so often, or until it is ready; tells whether it is.
async fn begin(future: impl Future, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn connect_async() -> AsyncConnection {
    AsyncConnection::connect(&dsn()).await.unwrap()
}

#[tokio::test]
async fn much_goes_in_and_comes_out_on_tokio() {
    // In a task: the futures can be sent to another thread.
    tokio::spawn(async {
        let data = bytes(20 * MIB + 7);
        let mut conn = connect_async().await;
        let mut tx = conn.transaction().await.unwrap();
        let mut object = tx.create_large_object(None).await.unwrap();
        let oid = object.oid();
        object.write_all(&data).await.unwrap();
        assert_eq!(object.tell().await.unwrap(), data.len() as u64);
        object.close().await.unwrap();
        tx.commit().await.unwrap();

        let client = conn.into_client();
        let mut tx = client.transaction().await.unwrap();
        let mut object = tx
            .open_large_object(oid, LargeObjectMode::ReadWrite)
            .await
            .unwrap();
        let mut all = Vec::new();
        assert_eq!(object.read_to_end(&mut all).await.unwrap(), data.len());
        assert!(all == data);
        object.seek(SeekFrom::Start(MIB as u64)).await.unwrap();
        let mut buffer = vec![0; 5 * MIB];
        assert_eq!(object.read(&mut buffer).await.unwrap(), 4 * MIB);
        assert!(buffer[..4 * MIB] == data[MIB..5 * MIB]);
        object.truncate(3).await.unwrap();
        assert_eq!(object.tell().await.unwrap(), 5 * MIB as u64);
        assert_eq!(object.read(&mut buffer).await.unwrap(), 0);
        let far = 3_u64 << 30;
        object.seek(SeekFrom::Start(far)).await.unwrap();
        object.write_all(b"end").await.unwrap();
        assert_eq!(object.seek(SeekFrom::End(-1)).await.unwrap(), far + 2);
        assert_eq!(object.read(&mut buffer).await.unwrap(), 1);
        assert_eq!(buffer[0], b'd');
        tx.unlink_large_object(oid).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn errors_on_tokio() {
    let mut conn = connect_async().await;
    let error = conn.create_large_object(None).await.unwrap_err();
    assert!(error.is_usage());
    let mut tx = conn.transaction().await.unwrap();
    let error = tx.open_large_object(MISSING, LargeObjectMode::Read).await;
    assert_eq!(sqlstate(&error.unwrap_err()), Some("42704"));
    tx.rollback().await.unwrap();
    let error = conn.unlink_large_object(MISSING).await.unwrap_err();
    assert_eq!(sqlstate(&error), Some("42704"));

    let mut tx = conn.transaction().await.unwrap();
    let oid = tx.create_large_object(None).await.unwrap().oid();
    let mut object = tx
        .open_large_object(oid, LargeObjectMode::Read)
        .await
        .unwrap();
    assert!(object.write_all(b"x").await.unwrap_err().is_usage());
    assert!(object.truncate(1).await.unwrap_err().is_usage());
    assert_eq!(object.read(&mut [0]).await.unwrap(), 0);
    object.close().await.unwrap();
    let mut object = tx
        .open_large_object(oid, LargeObjectMode::Write)
        .await
        .unwrap();
    assert!(object.read(&mut [0]).await.unwrap_err().is_usage());
    let place = SeekFrom::Current(-1);
    let error = object.seek(place).await.unwrap_err();
    assert_eq!(sqlstate(&error), Some("22023"));
    let error = object.write_all(b"x").await.unwrap_err();
    assert_eq!((sqlstate(&error), error.item()), (Some("25P02"), None));
    object.close().await.unwrap();
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn a_write_that_is_dropped_is_done_or_has_failed() {
    let data = bytes(20 * MIB);
    let mut conn = connect_async().await;
    for polls in [1, 2, 4, 8, 16] {
        let mut tx = conn.transaction().await.unwrap();
        let mut object = tx.create_large_object(None).await.unwrap();
        let oid = object.oid();
        // The statement is prepared by that.
        object.write_all(b"x").await.unwrap();
        let done = begin(object.write_all(&data), polls).await;
        assert!(!(done && polls == 1));
        match object.tell().await {
            Ok(place) => assert_eq!(place, data.len() as u64 + 1),
            Err(error) => assert_eq!((sqlstate(&error), done), (Some("25P02"), false)),
        }
        object.close().await.unwrap();
        tx.rollback().await.unwrap();
        let sql = "SELECT count(*) FROM pg_largeobject WHERE loid = $1";
        let row = conn.query_one(sql, (oid,)).await.unwrap();
        assert_eq!(row.get::<i64>(0).unwrap(), 0);
    }
}

#[tokio::test]
async fn a_read_that_is_dropped_leaves_the_connection_usable() {
    let data = bytes(20 * MIB);
    let mut conn = connect_async().await;
    let mut tx = conn.transaction().await.unwrap();
    let mut object = tx.create_large_object(None).await.unwrap();
    let oid = object.oid();
    object.write_all(&data).await.unwrap();
    tx.commit().await.unwrap();
    for polls in [1, 2, 4, 8, 16] {
        let mut tx = conn.transaction().await.unwrap();
        let mut object = tx
            .open_large_object(oid, LargeObjectMode::Read)
            .await
            .unwrap();
        let mut all = Vec::new();
        begin(object.read_to_end(&mut all), polls).await;
        assert!(data.starts_with(&all));
        // Whether the cancel request came in time is not known.
        match object.tell().await {
            Ok(place) => assert!(place >= all.len() as u64),
            Err(error) => assert_eq!(sqlstate(&error), Some("25P02")),
        }
        object.close().await.unwrap();
        tx.rollback().await.unwrap();
        let row = conn.query_one("SELECT 1", ()).await.unwrap();
        assert_eq!(row.get::<i32>(0).unwrap(), 1);
    }
    conn.unlink_large_object(oid).await.unwrap();
}
