//! The time of an operation: whatever the server does, it is over by then, and the connection is at rest or closed.
//!
//! Where a server is frozen, `cancel_timeout` is an hour: what does not end by the time of the operation does not end.

mod common;

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{connect, dsn, unique, within};
use howdah::{Batch, Config, Connection, Error, LargeObjectMode, Result, Session};
use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::{MockServer, Script};

/// A time that a frozen server lets pass.
const SHORT: Duration = Duration::from_millis(400);
/// A time of which a second is for coming to rest.
const ENOUGH: Duration = Duration::from_secs(4);
const HOUR: Duration = Duration::from_secs(3600);
/// Only a guard against tests that hang.
const GUARD: Duration = Duration::from_secs(30);

/// A server that goes on like this and then answers nothing more, and no cancel request either.
fn frozen_after(script: Script) -> MockServer {
    let cancel = || {
        let script = Script::new().expect_startup("CancelRequest", |message| {
            matches!(message, FrontendMessage::CancelRequest { .. })
        });
        script.hang()
    };
    MockServer::tcp([script.hang(), cancel(), cancel()]).unwrap()
}

fn frozen() -> MockServer {
    frozen_after(Script::new().accept_startup())
}

/// How a COPY begins.
fn copying(kind: u8) -> Script {
    let begun = [&[kind], &8_u32.to_be_bytes()[..], b"\0\0\0\0"].concat();
    Script::new()
        .accept_startup()
        .expect("Query", |message| {
            matches!(message, FrontendMessage::Query(_))
        })
        .send_raw(begun.get(..8).unwrap())
}

fn batch<'a>(statements: impl IntoIterator<Item = &'a str>) -> Batch<'a> {
    let mut batch = Batch::new();
    for sql in statements {
        batch.add(sql, ());
    }
    batch
}

/// Whether it says that time is over, and that the connection is.
fn assert_closed(error: &Error) {
    assert!(error.is_timeout() && error.is_closed(), "{error}");
    assert!(!error.is_safe_to_retry() && !error.is_usage(), "{error}");
}

/// Whether it says that time is over, and that the connection can be used.
fn assert_at_rest(error: &Error) {
    assert!(error.is_timeout() && !error.is_closed(), "{error}");
    assert!(!error.is_safe_to_retry() && !error.is_usage(), "{error}");
    assert!(error.to_string().contains("within"), "{error}");
}

/// Does it on a connection to this server; the connection is closed then.
fn closes(server: MockServer, work: impl FnOnce(&mut Connection) -> Result<()> + Send + 'static) {
    within(GUARD, move || {
        let mut conn = Connection::connect(&server.conninfo()).unwrap();
        conn.set_cancel_timeout(HOUR);
        conn.set_operation_timeout(Some(SHORT));
        assert_closed(&work(&mut conn).unwrap_err());
        assert!(conn.is_closed() && conn.is_broken());
    });
}

#[test]
fn a_frozen_server_holds_up_no_operation() {
    closes(frozen(), |conn| conn.execute("SELECT 1", ()).map(drop));
    closes(frozen(), |conn| conn.query("SELECT $1", (1,)).map(drop));
    closes(frozen(), |conn| conn.prepare("SELECT 1").map(drop));
    closes(frozen(), |conn| conn.simple_query("SELECT 1").map(drop));
    closes(frozen(), |conn| {
        conn.execute_many("SELECT $1::int", [(1,), (2,)]).map(drop)
    });
    closes(frozen(), |conn| {
        conn.batch(&batch(["SELECT 1", "SELECT 2"])).map(drop)
    });
    closes(frozen(), |conn| conn.transaction()?.savepoint().map(drop));
    closes(frozen(), |conn| {
        conn.transaction()?.create_large_object(None).map(drop)
    });
    closes(frozen(), |conn| {
        conn.transaction()?.portal("SELECT 1", ()).map(drop)
    });
    closes(frozen(), |conn| conn.copy_in("COPY t FROM STDIN").map(drop));
    closes(frozen(), |conn| {
        conn.copy_out_rows("COPY t TO STDOUT").map(drop)
    });
}

#[test]
fn a_frozen_server_holds_up_no_stream_and_no_copy() {
    closes(frozen(), |conn| {
        conn.set_prepare_threshold(None);
        let mut stream = conn.query_stream("SELECT 1", ())?;
        let row = stream.next().expect("an item");
        assert!(stream.next().is_none());
        row.map(drop)
    });
    closes(frozen_after(copying(b'H')), |conn| {
        let mut copy = conn.copy_out("COPY t TO STDOUT")?;
        let row = copy.next().expect("an item");
        assert!(copy.next().is_none());
        row.map(drop)
    });
    closes(frozen_after(copying(b'G')), |conn| {
        let mut copy = conn.copy_in("COPY t FROM STDIN")?;
        copy.send(b"1\n")?;
        copy.finish().map(drop)
    });
}

/// Its first statement goes, and its end does not.
#[test]
fn a_frozen_server_holds_up_no_end_of_a_transaction() {
    for commits in [true, false] {
        let begun = Script::new()
            .accept_startup()
            .until_sync()
            .send_raw(*b"1\0\0\0\x042\0\0\0\x04C\0\0\0\x0aBEGIN\x001\0\0\0\x042\0\0\0\x04n\0\0\0\x04C\0\0\0\x07DO\0Z\0\0\0\x05T");
        let server = frozen_after(begun);
        closes(server, move |conn| {
            conn.set_prepare_threshold(None);
            let mut tx = conn.transaction()?;
            if let Err(error) = tx.execute("DO ''", ()) {
                panic!("{error}");
            }
            match commits {
                true => tx.commit(),
                false => tx.rollback(),
            }
        });
    }
}

/// Gives it up; the connection can be used then, and the server runs nothing.
fn rests(work: impl FnOnce(&mut Connection) -> Result<()>) {
    let mut conn = connect();
    let pid = conn.info().backend_pid();
    assert_at_rest(&work(&mut conn).unwrap_err());
    conn.set_operation_timeout(None);
    conn.rollback().unwrap();
    assert_eq!(
        conn.query_scalar::<i32>("SELECT pg_backend_pid()", ())
            .unwrap(),
        pid
    );
}

const SLEEP: &str = "SELECT pg_sleep(3600)";

#[test]
fn what_is_given_up_is_cancelled_and_the_connection_can_be_used() {
    std::thread::scope(|scope| {
        let begin = |work: fn(&mut Connection) -> Result<()>| {
            scope.spawn(move || {
                rests(|conn| {
                    conn.set_operation_timeout(Some(ENOUGH));
                    work(conn)
                });
            });
        };
        begin(|conn| conn.execute(SLEEP, ()).map(drop));
        begin(|conn| {
            let mut tx = conn.transaction()?;
            let mut portal = tx.portal(SLEEP, ())?;
            tx.fetch(&mut portal, 10).map(drop)
        });
        begin(|conn| conn.query("SELECT pg_sleep($1::int)", (3600,)).map(drop));
        begin(|conn| {
            conn.simple_query("SELECT 1; SELECT pg_sleep(3600)")
                .map(drop)
        });
        begin(|conn| {
            conn.execute_many("SELECT pg_sleep($1::int)", [(0,), (3600,), (0,)])
                .map(drop)
        });
        begin(|conn| conn.batch(&batch(["SELECT 1", SLEEP])).map(drop));
        begin(|conn| conn.transaction()?.execute(SLEEP, ()).map(drop));
        begin(|conn| {
            conn.query_stream(SLEEP, ())?
                .try_for_each(|row| row.map(drop))
        });
        begin(|conn| {
            conn.copy_out("COPY (SELECT pg_sleep(3600)) TO STDOUT")?
                .try_for_each(|row| row.map(drop))
        });
        begin(|conn| {
            conn.within(Duration::from_secs(3600))
                .execute(SLEEP, ())
                .map(drop)
        });
    });
}

#[test]
fn within_bounds_one_operation_or_a_group_and_the_sooner_time_holds() {
    std::thread::scope(|scope| {
        scope.spawn(|| rests(|conn| conn.within(ENOUGH).execute(SLEEP, ()).map(drop)));
        scope.spawn(|| {
            rests(|conn| {
                conn.set_operation_timeout(Some(HOUR));
                let mut conn = conn.within(ENOUGH);
                let mut conn = conn.within(HOUR);
                // A function takes what it gives for any other.
                fn sleep(db: &mut Session) -> Result<()> {
                    db.execute(SLEEP, ()).map(drop)
                }
                sleep(&mut conn)
            });
        });
        scope.spawn(|| {
            rests(|conn| {
                let mut conn = conn.within(ENOUGH);
                let error = conn.execute(SLEEP, ()).unwrap_err();
                assert_at_rest(&error);
                // It is the time of the whole group that is over.
                conn.execute("SELECT 1", ()).map(drop)
            });
        });
    });
}

/// What runs then: a COPY, a COMMIT, a call of a large object.
#[test]
fn what_waits_in_other_places_is_given_up_too() {
    let table = unique("deadlines");
    let mut conn = connect();
    conn.batch_execute(&format!(
        "CREATE TABLE {table} (n int);
         CREATE FUNCTION {table}_wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END';
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION {table}_wait();
         CREATE TABLE {table}_now (n int);
         CREATE TRIGGER soon BEFORE INSERT ON {table}_now FOR EACH ROW EXECUTE FUNCTION {table}_wait()"
    ))
    .unwrap();
    let mut tx = conn.transaction().unwrap();
    let oid = tx.create_large_object(None).unwrap().oid();
    tx.commit().unwrap();
    let mut holder = conn.transaction().unwrap();
    holder.unlink_large_object(oid).unwrap();
    std::thread::scope(|scope| {
        let table = &table;
        scope.spawn(move || {
            rests(|conn| {
                let mut conn = conn.within(ENOUGH);
                let mut tx = conn.transaction()?;
                tx.execute(&format!("INSERT INTO {table} VALUES (1)"), ())?;
                tx.commit()
            });
        });
        scope.spawn(move || {
            rests(|conn| {
                conn.set_operation_timeout(Some(ENOUGH));
                let mut copy = conn.copy_in(&format!("COPY {table}_now FROM STDIN"))?;
                copy.send(b"1\n2\n")?;
                copy.finish().map(drop)
            });
        });
        scope.spawn(move || {
            rests(|conn| {
                conn.set_operation_timeout(Some(ENOUGH));
                conn.transaction()?.unlink_large_object(oid)
            });
        });
    });
    holder.commit().unwrap();
    let count: i64 = conn
        .query_scalar(&format!("SELECT count(*) FROM {table}"), ())
        .unwrap();
    assert_eq!(count, 0);
    let drops = format!("DROP TABLE {table}, {table}_now; DROP FUNCTION {table}_wait()");
    conn.batch_execute(&drops).unwrap();
}

#[test]
fn where_there_is_no_time_nothing_is_sent() {
    let table = unique("deadlines");
    let mut conn = connect();
    conn.batch_execute(&format!("CREATE TEMP TABLE {table} (n int)"))
        .unwrap();
    let insert = format!("INSERT INTO {table} VALUES (1)");
    let mut hurried = conn.within(Duration::ZERO);
    assert_at_rest(&hurried.execute(&insert, ()).unwrap_err());
    assert_at_rest(&hurried.execute_many(&insert, [(), ()]).unwrap_err());
    assert_at_rest(&hurried.simple_query(&insert).unwrap_err());
    assert_at_rest(&hurried.batch(&batch([insert.as_str()])).unwrap_err());
    assert_at_rest(
        &hurried
            .copy_in(&format!("COPY {table} FROM STDIN"))
            .unwrap_err(),
    );
    assert_at_rest(&hurried.query_stream("SELECT 1", ()).unwrap_err());
    assert_at_rest(&hurried.transaction().unwrap_err());
    assert_at_rest(&hurried.notifies(None).next().unwrap().unwrap_err());
    drop(hurried);
    let count: i64 = conn
        .query_scalar(&format!("SELECT count(*) FROM {table}"), ())
        .unwrap();
    assert_eq!(count, 0);
    conn.within(Duration::MAX).execute(&insert, ()).unwrap();
}

/// What there is no time for is owed: nothing is kept of a transaction that could not be rolled back in time.
#[test]
fn a_transaction_whose_end_has_no_time_is_rolled_back_before_anything_else() {
    type End = fn(howdah::Transaction<'_>);
    let ends: [End; 3] = [
        |tx| drop(tx),
        |tx| assert_at_rest(&tx.rollback().unwrap_err()),
        |tx| assert_at_rest(&tx.commit().unwrap_err()),
    ];
    for end in ends {
        let table = unique("deadlines");
        let mut conn = connect();
        conn.batch_execute(&format!("CREATE TEMP TABLE {table} (n int)"))
            .unwrap();
        let insert = format!("INSERT INTO {table} VALUES (1)");
        let mut tx = conn.transaction().unwrap();
        tx.execute(&insert, ()).unwrap();
        {
            let mut savepoint = tx.savepoint().unwrap();
            savepoint.execute(&insert, ()).unwrap();
            savepoint.set_operation_timeout(Some(Duration::ZERO));
            assert_at_rest(&savepoint.rollback().unwrap_err());
            tx.set_operation_timeout(None);
        }
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(tx.query_scalar::<i64>(&count, ()).unwrap(), 1);
        tx.set_operation_timeout(Some(Duration::ZERO));
        end(tx);
        conn.set_operation_timeout(None);
        assert_eq!(conn.query_scalar::<i64>(&count, ()).unwrap(), 0);
        assert_eq!(
            conn.info().transaction_status(),
            howdah::TransactionStatus::Idle
        );
    }
}

#[test]
fn the_time_of_a_stream_is_that_of_each_wait() {
    let mut conn = connect();
    let time = Duration::from_secs(2);
    conn.set_operation_timeout(Some(time));
    let mut stream = conn
        .query_stream("SELECT generate_series(1, 100000)", ())
        .unwrap();
    stream.next().unwrap().unwrap();
    // Longer than the time, but nothing is waited for meanwhile.
    std::thread::sleep(time + Duration::from_millis(100));
    assert_eq!(stream.map(Result::unwrap).count(), 99_999);
    // The same of a COPY.
    let table = unique("deadlines");
    conn.batch_execute(&format!("CREATE TEMP TABLE {table} (n int)"))
        .unwrap();
    let mut copy = conn.copy_in(&format!("COPY {table} FROM STDIN")).unwrap();
    copy.send(b"1\n").unwrap();
    copy.flush().unwrap();
    std::thread::sleep(time + Duration::from_millis(100));
    copy.send(b"2\n").unwrap();
    assert_eq!(copy.finish().unwrap(), 2);
}

/// The server takes no more data while it waits, and the socket only so much.
#[test]
fn a_copy_that_was_given_up_is_over() {
    let table = unique("deadlines");
    let mut conn = connect();
    conn.batch_execute(&format!(
        "CREATE TEMP TABLE {table} (n int);
         CREATE FUNCTION pg_temp.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END';
         CREATE TRIGGER soon BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION pg_temp.wait()"
    ))
    .unwrap();
    conn.set_operation_timeout(Some(ENOUGH));
    let mut copy = conn.copy_in(&format!("COPY {table} FROM STDIN")).unwrap();
    let rows = b"1\n".repeat(1 << 20);
    let error = std::iter::repeat_with(|| copy.send(&rows)).find_map(Result::err);
    assert_at_rest(&error.unwrap());
    let error = copy.send(&rows).unwrap_err();
    assert!(!error.is_timeout() && !error.is_closed(), "{error}");
    drop(copy);
    conn.execute("SELECT 1", ()).unwrap();
}

/// A cancel request that hangs holds the connection up, so that it cannot hit what is sent next; but not beyond the time.
#[test]
fn a_cancel_request_of_another_thread_is_waited_for_no_longer() {
    let answered = Script::new()
        .accept_startup()
        .until_sync()
        // Time for the other thread to begin.
        .sleep(Duration::from_secs(1))
        .send_raw(*b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04C\0\0\0\x07DO\0Z\0\0\0\x05I");
    let server = frozen_after(answered);
    within(GUARD, move || {
        let mut conn = Connection::connect(&server.conninfo()).unwrap();
        conn.set_cancel_timeout(HOUR);
        conn.set_prepare_threshold(None);
        let handle = conn.cancel_handle();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // As long as nothing runs it does nothing.
                while !over.load(Ordering::Relaxed) && handle.cancel().is_ok() {
                    std::thread::yield_now();
                }
            });
            conn.execute("DO ''", ()).unwrap();
            let error = conn.within(SHORT).execute("DO ''", ()).unwrap_err();
            assert_at_rest(&error);
            over.store(true, Ordering::Relaxed);
            drop(server);
        });
    });
}

#[test]
fn it_is_set_by_the_config_and_on_the_connection() {
    let mut config: Config = dsn().parse().unwrap();
    assert_eq!(config.connect().unwrap().operation_timeout(), None);
    config.operation_timeout(ENOUGH);
    let mut conn = config.connect().unwrap();
    assert_eq!(conn.operation_timeout(), Some(ENOUGH));
    conn.set_operation_timeout(None);
    assert_eq!(conn.operation_timeout(), None);
    conn.execute("SELECT 1", ()).unwrap();
}

#[test]
fn a_large_object_is_read_and_written_within_the_time() {
    let mut conn = connect();
    conn.set_operation_timeout(Some(GUARD));
    let mut tx = conn.transaction().unwrap();
    let mut object = tx.create_large_object(None).unwrap();
    object.write_all(b"all of it").unwrap();
    let oid = object.oid();
    drop(object);
    let mut object = tx.open_large_object(oid, LargeObjectMode::Read).unwrap();
    let mut all = Vec::new();
    object.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"all of it");
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use std::future::poll_fn;
    use std::pin::{Pin, pin};
    use std::task::Poll;

    use howdah::{AsyncClient, AsyncConnection};
    use tokio::time::timeout;

    use super::*;

    async fn by_guard<T>(work: impl Future<Output = T>) -> T {
        timeout(GUARD, work).await.expect("it does not hang")
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

    /// Does it on a connection to this server; the connection is closed then.
    async fn closes(
        server: MockServer,
        work: impl AsyncFnOnce(&mut AsyncConnection) -> Result<()>,
    ) {
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        conn.set_cancel_timeout(HOUR);
        conn.set_operation_timeout(Some(SHORT));
        assert_closed(&by_guard(work(&mut conn)).await.unwrap_err());
        assert!(conn.is_closed() && conn.is_broken());
    }

    #[tokio::test]
    async fn a_frozen_server_holds_up_no_operation() {
        closes(frozen(), async |conn| {
            conn.execute("SELECT 1", ()).await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| {
            conn.query("SELECT $1", (1,)).await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| {
            conn.prepare("SELECT 1").await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| conn.batch_execute("SELECT 1").await).await;
        closes(frozen(), async |conn| {
            let items = [(1,), (2,)];
            conn.execute_many("SELECT $1::int", items).await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| {
            conn.batch(&batch(["SELECT 1", "SELECT 2"])).await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| {
            conn.transaction().await?.savepoint().await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| {
            let mut tx = conn.transaction().await?;
            tx.create_large_object(None).await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| {
            conn.copy_in("COPY t FROM STDIN").await.map(drop)
        })
        .await;
        closes(frozen(), async |conn| {
            conn.copy_out_rows("COPY t TO STDOUT").await.map(drop)
        })
        .await;
    }

    #[tokio::test]
    async fn a_frozen_server_holds_up_no_stream_and_no_copy() {
        closes(frozen(), async |conn| {
            conn.set_prepare_threshold(None);
            let mut stream = conn.query_stream("SELECT 1", ()).await?;
            // A future that is dropped does not begin the wait anew.
            begin(pin!(stream.next())).await;
            let row = stream.next().await.expect("an item");
            assert!(stream.next().await.is_none());
            row.map(drop)
        })
        .await;
        closes(frozen_after(copying(b'H')), async |conn| {
            let mut copy = conn.copy_out("COPY t TO STDOUT").await?;
            let row = copy.next().await.expect("an item");
            assert!(copy.next().await.is_none());
            row.map(drop)
        })
        .await;
        closes(frozen_after(copying(b'G')), async |conn| {
            let mut copy = conn.copy_in("COPY t FROM STDIN").await?;
            copy.send(b"1\n").await?;
            copy.finish().await.map(drop)
        })
        .await;
    }

    /// Gives it up; the connection can be used then, and the server runs nothing.
    async fn rests(work: impl AsyncFnOnce(&mut AsyncConnection) -> Result<()>) {
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        let pid = conn.info().backend_pid();
        conn.set_operation_timeout(Some(ENOUGH));
        assert_at_rest(&by_guard(work(&mut conn)).await.unwrap_err());
        conn.set_operation_timeout(None);
        conn.rollback().await.unwrap();
        let sql = "SELECT pg_backend_pid()";
        assert_eq!(conn.query_scalar::<i32>(sql, ()).await.unwrap(), pid);
    }

    #[tokio::test]
    async fn what_is_given_up_is_cancelled_and_the_connection_can_be_used() {
        tokio::join!(
            rests(async |conn| conn.execute(SLEEP, ()).await.map(drop)),
            rests(async |conn| {
                let mut tx = conn.transaction().await?;
                let mut portal = tx.portal(SLEEP, ()).await?;
                tx.fetch(&mut portal, 10).await.map(drop)
            }),
            rests(async |conn| conn
                .within(HOUR)
                .query("SELECT pg_sleep($1::int)", (3600,))
                .await
                .map(drop)),
            rests(async |conn| conn
                .simple_query("SELECT 1; SELECT pg_sleep(3600)")
                .await
                .map(drop)),
            rests(async |conn| {
                let items = [(0,), (3600,), (0,)];
                conn.execute_many("SELECT pg_sleep($1::int)", items)
                    .await
                    .map(drop)
            }),
            rests(async |conn| conn.batch(&batch(["SELECT 1", SLEEP])).await.map(drop)),
            rests(async |conn| conn.transaction().await?.execute(SLEEP, ()).await.map(drop)),
            rests(async |conn| {
                let mut stream = conn.query_stream(SLEEP, ()).await?;
                stream.next().await.expect("an item").map(drop)
            }),
            rests(async |conn| {
                let mut copy = conn
                    .copy_out("COPY (SELECT pg_sleep(3600)) TO STDOUT")
                    .await?;
                copy.next().await.expect("an item").map(drop)
            }),
            rests(async |conn| {
                conn.set_operation_timeout(None);
                let mut conn = conn.within(ENOUGH);
                let mut tx = conn.transaction().await?;
                assert_at_rest(&tx.execute(SLEEP, ()).await.unwrap_err());
                // It is the time of the whole group that is over.
                tx.execute("SELECT 1", ()).await.map(drop)
            }),
        );
    }

    #[tokio::test]
    async fn where_there_is_no_time_nothing_is_sent() {
        let table = unique("deadlines");
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        let create = format!("CREATE TEMP TABLE {table} (n int)");
        conn.batch_execute(&create).await.unwrap();
        let insert = format!("INSERT INTO {table} VALUES (1)");
        let count = format!("SELECT count(*) FROM {table}");
        let mut hurried = conn.within(Duration::ZERO);
        assert_at_rest(&hurried.execute(&insert, ()).await.unwrap_err());
        assert_at_rest(&hurried.execute_many(&insert, [(), ()]).await.unwrap_err());
        assert_at_rest(&hurried.batch(&batch([insert.as_str()])).await.unwrap_err());
        assert_at_rest(&hurried.query_stream("SELECT 1", ()).await.unwrap_err());
        assert_at_rest(&hurried.transaction().await.unwrap_err());
        drop(hurried);
        assert_eq!(conn.query_scalar::<i64>(&count, ()).await.unwrap(), 0);
        let mut tx = conn.transaction().await.unwrap();
        tx.execute(&insert, ()).await.unwrap();
        tx.set_operation_timeout(Some(Duration::ZERO));
        assert_at_rest(&tx.commit().await.unwrap_err());
        conn.set_operation_timeout(None);
        assert_eq!(conn.query_scalar::<i64>(&count, ()).await.unwrap(), 0);
        // The limit goes with the future that is dropped.
        conn.set_operation_timeout(Some(HOUR));
        begin(pin!(conn.execute(SLEEP, ()))).await;
        conn.set_operation_timeout(None);
        conn.execute(&insert, ()).await.unwrap();
    }

    async fn frozen_client(server: &MockServer) -> AsyncClient {
        let client = AsyncClient::connect(&server.conninfo()).await.unwrap();
        client.set_cancel_timeout(HOUR);
        client.set_operation_timeout(Some(SHORT));
        client
    }

    #[tokio::test]
    async fn a_frozen_server_holds_up_nobody_who_shares_a_client() {
        let server = frozen();
        let client = frozen_client(&server).await;
        let (one, other, third) = by_guard(async {
            tokio::join!(
                client.execute("SELECT 1", ()),
                client.query_one("SELECT $1::int", (2,)),
                client.batch_execute("SELECT 3"),
            )
        })
        .await;
        for error in [one.unwrap_err(), other.unwrap_err(), third.unwrap_err()] {
            assert!(error.is_timeout() && !error.is_safe_to_retry(), "{error}");
        }
        // Nobody waits for anything: the connection could not be brought to rest.
        by_guard(async {
            while !client.is_closed() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(
            client
                .execute("SELECT 4", ())
                .await
                .unwrap_err()
                .is_closed()
        );

        let server = frozen();
        let client = frozen_client(&server).await;
        assert_closed(&by_guard(client.execute("SELECT 1", ())).await.unwrap_err());
        let server = frozen();
        let client = frozen_client(&server).await;
        assert_closed(
            &by_guard(client.execute_many("SELECT 1", [()]))
                .await
                .unwrap_err(),
        );
        let server = frozen();
        let client = frozen_client(&server).await;
        let mut tx = client.transaction().await.unwrap();
        assert_closed(&by_guard(tx.execute("SELECT 1", ())).await.unwrap_err());
    }

    #[tokio::test]
    async fn a_client_can_be_used_when_what_it_ran_was_given_up() {
        let client = AsyncClient::connect(&dsn()).await.unwrap();
        let pid = client.backend_pid();
        let hurried = client.within(ENOUGH);
        assert_at_rest(&by_guard(hurried.execute(SLEEP, ())).await.unwrap_err());
        // It is the time of the whole group that is over, and not that of the others.
        assert_at_rest(&hurried.execute("SELECT 1", ()).await.unwrap_err());
        assert_at_rest(&hurried.transaction().await.unwrap_err());
        let sql = "SELECT pg_backend_pid()";
        assert_eq!(client.query_scalar::<i32>(sql, ()).await.unwrap(), pid);
        client.set_operation_timeout(Some(ENOUGH));
        assert_eq!(client.operation_timeout(), Some(ENOUGH));
        assert_at_rest(
            &by_guard(client.clone().batch_execute(SLEEP))
                .await
                .unwrap_err(),
        );
        assert_eq!(client.query_scalar::<i32>(sql, ()).await.unwrap(), pid);
    }

    #[tokio::test]
    async fn who_waits_for_a_turn_leaves_the_line() {
        let client = AsyncClient::connect(&dsn()).await.unwrap();
        let mut lease = client.lease().await.unwrap();
        let hurried = client.within(SHORT);
        let (one, other) =
            by_guard(async { tokio::join!(hurried.execute("SELECT 1", ()), hurried.lease()) })
                .await;
        assert_at_rest(&one.unwrap_err());
        assert_at_rest(&other.unwrap_err());
        lease.execute("SELECT 1", ()).await.unwrap();
        drop(lease);
        client.execute("SELECT 1", ()).await.unwrap();
        // What is leased through it has its time, and gives it back.
        let hurried = client.within(ENOUGH);
        let mut tx = hurried.transaction().await.unwrap();
        assert_at_rest(&by_guard(tx.execute(SLEEP, ())).await.unwrap_err());
        assert_at_rest(&tx.commit().await.unwrap_err());
        client
            .transaction()
            .await
            .unwrap()
            .execute("SELECT 1", ())
            .await
            .unwrap();
    }

    /// What was dropped is over within `cancel_timeout`, also on a shared connection that answers nothing.
    #[tokio::test]
    async fn a_dropped_future_of_a_client_holds_up_nobody_longer_than_the_bound() {
        for leased in [false, true] {
            let server = frozen();
            let client = AsyncClient::connect(&server.conninfo()).await.unwrap();
            assert_eq!(client.cancel_timeout(), Duration::from_secs(5));
            client.set_cancel_timeout(SHORT);
            if leased {
                // A lease that was out knows it when it is back.
                client.set_cancel_timeout(HOUR);
                let lease = client.lease().await.unwrap();
                client.set_cancel_timeout(SHORT);
                assert_eq!(lease.cancel_timeout(), HOUR);
            }
            begin(pin!(client.execute("SELECT 1", ()))).await;
            let error = by_guard(client.execute("SELECT 2", ())).await.unwrap_err();
            assert!(error.is_closed(), "{error}");
            assert!(client.is_closed());
        }
    }
}
