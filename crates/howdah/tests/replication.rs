//! Replication through both shells, against a real server.

#![cfg(all(feature = "derive", feature = "tokio"))]

mod common;

use std::time::{Duration, Instant};

use common::source::{LONG, Source, followed, ids, next, on_tokio, replicating, rows};
use common::streamed::{begins, then_ended};
use common::{connect, dsn, message, terminate, unique, within};
use howdah::replication::{Change, ChangeOptions, ChangedRow, Feedback, Old, Streaming, Value};
use howdah::types::PgLsn;
use howdah::{AsyncConnection, Connection, FromSql, ToSql};
use howdah_testkit::{MockServer, Script};
use tokio::time::timeout;

#[test]
fn a_walsender_takes_commands_and_queries() {
    let mut conn = Connection::connect(&replicating("")).unwrap();
    let kind = unique("kind");
    connect()
        .execute(&format!("CREATE TYPE {kind} AS ENUM ('a', 'b')"), ())
        .unwrap();
    // More often than statements are prepared after.
    for _ in 0..8 {
        let row = conn.query_one("IDENTIFY_SYSTEM", ()).unwrap();
        let at: PgLsn = row.get::<&str>("xlogpos").unwrap().parse().unwrap();
        assert!(at > PgLsn(0));
        assert_eq!(row.get::<i64>("timeline").unwrap(), 1);
    }
    let slot = unique("temporary");
    let create = format!("CREATE_REPLICATION_SLOT {slot} TEMPORARY LOGICAL pgoutput");
    let row = conn.query_one(&create, ()).unwrap();
    assert_eq!(row.get::<&str>("slot_name").unwrap(), slot);
    let sql = format!("SELECT 'b'::{kind}, '{{a}}'::{kind}[], now()");
    let row = conn.query_one(&sql, ()).unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "b");
    assert_eq!(row.get::<Vec<String>>(1).unwrap(), ["a"]);
    let streamed: Vec<i32> = conn
        .query_stream("SELECT g FROM generate_series(1, 3) g", ())
        .unwrap()
        .map(|row| row.unwrap().get(0).unwrap())
        .collect();
    assert_eq!(streamed, [1, 2, 3]);
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("")).await.unwrap();
        for _ in 0..8 {
            let row = conn.query_one("IDENTIFY_SYSTEM", ()).await.unwrap();
            assert!(row.get::<&str>("dbname").is_ok());
        }
        let row = conn.query_one(&sql, ()).await.unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "b");
    });
    connect().execute(&format!("DROP TYPE {kind}"), ()).unwrap();
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
enum Mood {
    #[howdah(name = "happy")]
    Happy,
}

#[test]
fn changes_are_typed() {
    let columns =
        "id int PRIMARY KEY, a text, n numeric, b bytea, t timestamptz, l int[], m {}_mood";
    let mood = "CREATE TYPE {}_mood AS ENUM ('happy')";
    let mut source = Source::after(&[mood], columns);
    source.more.push(format!("DROP TYPE {}_mood", source.name));
    source.run(
        "INSERT INTO {} VALUES (1, 'one', 12.5, '\\x0001', '2000-01-01 00:00:01Z', '{1,2}', 'happy')",
    );
    source.run("INSERT INTO {} VALUES (2, NULL)");
    source.run("UPDATE {} SET a = 'ONE' WHERE id = 1");
    source.run("UPDATE {} SET id = 3 WHERE id = 1");
    source.run("DELETE FROM {} WHERE id = 2");
    source.run("TRUNCATE {} RESTART IDENTITY");
    for binary in [false, true] {
        let options = ChangeOptions::default().binary(binary);
        for changes in source.changes(&options, 6) {
            let [first, second, updated, moved, deleted] = rows(&changes)[..] else {
                panic!("{changes:?}");
            };
            assert_eq!(first.relation().unwrap().name, source.name);
            assert_eq!(first.relation().unwrap().schema, "public");
            check_first(first.new_row().unwrap());
            let second = second.new_row().unwrap();
            assert_eq!(second.get::<Option<&str>>("a").unwrap(), None);
            assert!(second.get::<&str>("a").is_err() && second.get::<i32>("none").is_err());
            assert_eq!(updated.new_row().unwrap().get::<&str>(1).unwrap(), "ONE");
            assert!(updated.old().is_none());
            let Some(Old::Key(key)) = moved.old() else {
                panic!("{moved:?}");
            };
            assert_eq!((key.len(), key.get::<i32>("id").unwrap()), (1, 1));
            assert!(matches!(deleted, Change::Delete(each) if each.xid > 0));
            let old = deleted.old().unwrap().row();
            assert_eq!(old.get::<i32>("id").unwrap(), 2);
            let truncated = changes.iter().find_map(|change| match change {
                Change::Truncate(truncate) => Some(truncate),
                _ => None,
            });
            let truncated = truncated.unwrap();
            assert!(truncated.restart_identity && !truncated.cascade);
            assert_eq!(truncated.relations[0].name, source.name);
        }
    }
}

fn check_first(row: &ChangedRow) {
    assert_eq!(row.get::<i32>("id").unwrap(), 1);
    assert_eq!(row.get::<String>("a").unwrap(), "one");
    let number = row.get::<howdah::types::numeric::Numeric>("n").unwrap();
    assert_eq!(number.to_string(), "12.5");
    assert_eq!(row.get::<&[u8]>("b").unwrap(), [0, 1]);
    let time = row.get::<howdah::types::datetime::TimestampTz>("t");
    assert_eq!(time.unwrap().micros, 1_000_000);
    assert_eq!(row.get::<Vec<i32>>("l").unwrap(), [1, 2]);
    assert_eq!(row.get::<Mood>("m").unwrap(), Mood::Happy);
    assert!(row.get::<bool>("id").is_err());
}

#[test]
fn large_values_that_were_not_changed_are_not_sent() {
    let mut source = Source::new("id int PRIMARY KEY, a text, big text");
    source.run("ALTER TABLE {} ALTER big SET STORAGE EXTERNAL");
    source.run("INSERT INTO {} VALUES (1, 'x', repeat('big', 5000))");
    source.run("UPDATE {} SET a = 'y'");
    source.run("ALTER TABLE {} REPLICA IDENTITY FULL");
    source.run("UPDATE {} SET a = 'z'");
    for changes in source.changes(&ChangeOptions::default(), 3) {
        let [inserted, updated, full] = rows(&changes)[..] else {
            panic!("{changes:?}");
        };
        let big = inserted.new_row().unwrap().value::<&str>("big").unwrap();
        assert_eq!(big.sent().map(str::len), Some(15_000));
        let row = updated.new_row().unwrap();
        assert_eq!(row.value::<&str>("big").unwrap(), Value::Unchanged);
        assert!(row.is_unchanged("big") && !row.is_unchanged("a"));
        let error = row.get::<Option<&str>>("big").unwrap_err();
        assert!(error.to_string().contains("not sent"), "{error}");
        let Some(Old::Full(old)) = full.old() else {
            panic!("{full:?}");
        };
        assert_eq!(old.get::<&str>("a").unwrap(), "y");
        assert_eq!(old.get::<&str>("big").unwrap().len(), 15_000);
    }
}

#[test]
fn messages_and_transactions_in_progress() {
    let mut source = Source::alone("id int PRIMARY KEY, a text");
    source.run("SELECT pg_logical_emit_message(true, 'greeting', 'hello')");
    source.insert(0..5000);
    let options = ChangeOptions::default()
        .messages(true)
        .streaming(Streaming::On);
    for changes in source.changes(&options, 2) {
        let greeting = changes.iter().find_map(|change| match change {
            Change::Message(message) => Some(message),
            _ => None,
        });
        let greeting = greeting.unwrap();
        assert_eq!(
            (&*greeting.prefix, &*greeting.content),
            ("greeting", &b"hello"[..])
        );
        assert!(greeting.is_transactional && greeting.xid.is_some());
        let start = changes.iter().find_map(|change| match change {
            Change::StreamStart(start) => Some(start),
            _ => None,
        });
        let xid = start.unwrap().xid;
        assert!(matches!(changes.last(), Some(Change::StreamCommit(end)) if end.xid == xid));
        assert_eq!(ids(&changes), (0..5000).collect::<Vec<_>>());
        let is_its = |change: &Change| matches!(change, Change::Insert(each) if each.xid == xid);
        assert_eq!(changes.iter().filter(|each| is_its(each)).count(), 5000);
    }
}

#[test]
fn what_is_flushed_does_not_come_again() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    source.insert(0..1);
    let name = source.name.clone();
    // By the end of the stream, and by dropping it.
    for (number, closes) in [(0, true), (1, false)] {
        let mut conn = source.follower();
        let mut stream = conn
            .follow_changes(&name, &[&name], &ChangeOptions::default())
            .unwrap();
        let end = loop {
            let change = stream.next().unwrap().unwrap();
            if let Some(row) = change.new_row() {
                assert_eq!(row.get::<i32>("id").unwrap(), number);
            }
            if let Some(end) = change.end_lsn() {
                break end;
            }
        };
        assert_eq!(stream.position(), end);
        stream.flushed(end);
        assert!(stream.flushed_lsn() >= end);
        match closes {
            true => stream.close().unwrap(),
            false => drop(stream),
        }
        source.wait_until_confirmed(end);
        source.insert(number + 1..number + 2);
    }
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("")).await.unwrap();
        let options = ChangeOptions::default();
        let mut stream = followed(&mut conn, &name, &options).await;
        let mut end = None;
        while end.is_none() {
            let change = next(&mut stream).await;
            if let Some(row) = change.new_row() {
                assert_eq!(row.get::<i32>("id").unwrap(), 2);
            }
            end = change.end_lsn();
        }
        stream.flushed(end.unwrap());
        drop(stream);
        // The connection can be used when the stream has ended.
        let row = timeout(LONG, conn.query_one("IDENTIFY_SYSTEM", ()))
            .await
            .unwrap();
        assert!(row.is_ok());
        source.wait_until_confirmed(end.unwrap());
    });
}

#[test]
fn feedback_is_sent_at_once_and_answered() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    source.insert(0..1);
    let name = source.name.clone();
    let mut conn = source.follower();
    let mut stream = conn
        .follow_changes(&name, &[&name], &ChangeOptions::default())
        .unwrap();
    let end = loop {
        if let Some(end) = stream.next().unwrap().unwrap().end_lsn() {
            break end;
        }
    };
    let feedback = Feedback {
        flushed: end,
        wants_reply: true,
        ..Feedback::default()
    };
    stream.send_feedback(feedback).unwrap();
    source.wait_until_confirmed(end);
    let begun = Instant::now();
    while stream.server_lsn() < end {
        assert!(begun.elapsed() < LONG, "the server has not answered");
        assert!(
            stream
                .read_timeout(Duration::from_millis(20))
                .unwrap()
                .is_none()
        );
    }
    drop(stream);
    source.insert(1..2);
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("")).await.unwrap();
        let options = ChangeOptions::default();
        let mut stream = followed(&mut conn, &name, &options).await;
        let mut end = None;
        while end.is_none() {
            end = next(&mut stream).await.end_lsn();
        }
        let feedback = Feedback {
            flushed: end.unwrap(),
            ..Feedback::default()
        };
        stream.send_feedback(feedback).await.unwrap();
        source.wait_until_confirmed(end.unwrap());
    });
}

#[test]
fn keepalives_are_answered_while_nothing_comes() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    let name = source.name.clone();
    let options = ChangeOptions::default();
    let idle = Duration::from_millis(2500);
    let mut conn = Connection::connect(&replicating("1s")).unwrap();
    let mut stream = conn.follow_changes(&name, &[&name], &options).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < idle {
        assert!(stream.read_timeout(idle).unwrap().is_none());
    }
    source.insert(0..1);
    assert!(matches!(stream.next(), Some(Ok(Change::Begin(_)))));
    drop(stream);
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("1s")).await.unwrap();
        let mut stream = followed(&mut conn, &name, &options).await;
        while !matches!(stream.next().await, Some(Ok(Change::Commit(_)))) {}
        assert!(timeout(idle, stream.next()).await.is_err());
        source.insert(1..2);
        assert!(matches!(next(&mut stream).await, Change::Begin(_)));
    });
}

#[test]
fn a_consumer_that_sleeps_between_messages_stays_connected() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    source.insert(0..12);
    let name = source.name.clone();
    let options = ChangeOptions::default();
    let nap = Duration::from_millis(250);
    let mut conn = Connection::connect(&replicating("1s")).unwrap();
    let mut stream = conn.follow_changes(&name, &[&name], &options).unwrap();
    let mut changes = Vec::new();
    while !matches!(changes.last(), Some(Change::Commit(_))) {
        changes.push(stream.next().unwrap().unwrap());
        std::thread::sleep(nap);
    }
    assert_eq!(ids(&changes), (0..12).collect::<Vec<_>>());
    source.insert(12..13);
    assert!(matches!(stream.next(), Some(Ok(Change::Begin(_)))));
    drop(stream);
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("1s")).await.unwrap();
        let mut stream = followed(&mut conn, &name, &options).await;
        let mut inserts = 0;
        while inserts < 13 {
            let change = timeout(LONG, stream.next()).await.unwrap();
            inserts += i32::from(matches!(change, Some(Ok(Change::Insert(_)))));
            tokio::time::sleep(nap).await;
        }
        assert!(matches!(stream.next().await, Some(Ok(Change::Commit(_)))));
    });
}

#[test]
fn one_that_sleeps_too_long_is_told_that_the_connection_is_lost() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    let name = source.name.clone();
    let mut conn = Connection::connect(&replicating("500ms")).unwrap();
    let mut stream = conn
        .follow_changes(&name, &[&name], &ChangeOptions::default())
        .unwrap();
    source.insert(0..1);
    let active = format!("SELECT active FROM pg_replication_slots WHERE slot_name = '{name}'");
    let begun = Instant::now();
    let mut is_active = true;
    while is_active {
        assert!(begun.elapsed() < LONG, "the server waits for ever");
        std::thread::sleep(Duration::from_millis(50));
        is_active = source.conn.query_one(&active, ()).unwrap().get(0).unwrap();
    }
    let error = stream.find_map(Result::err).unwrap();
    assert!(error.is_closed(), "{error}");
    assert!(stream.next().is_none() && stream.has_ended());
    drop(stream);
    assert!(conn.is_closed());
}

#[test]
fn a_server_that_is_killed() {
    let source = Source::new("id int PRIMARY KEY, a text");
    let name = source.name.clone();
    let options = ChangeOptions::default();
    let mut conn = source.follower();
    let pid = conn.info().backend_pid();
    let mut stream = conn.follow_changes(&name, &[&name], &options).unwrap();
    let killer = std::thread::spawn(move || terminate(pid));
    let error = stream.next().unwrap().unwrap_err();
    killer.join().unwrap();
    assert!(error.is_closed() && error.needs_reconnect(), "{error}");
    assert!(stream.next().is_none());
    assert!(stream.send_feedback(Feedback::default()).is_ok());
    stream.close().unwrap();
    assert!(conn.is_closed());
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("")).await.unwrap();
        let pid = conn.info().backend_pid();
        let mut stream = followed(&mut conn, &name, &options).await;
        tokio::task::spawn_blocking(move || terminate(pid))
            .await
            .unwrap();
        let error = timeout(LONG, stream.next()).await.unwrap().unwrap();
        assert!(error.unwrap_err().is_closed());
        assert!(stream.next().await.is_none());
        drop(stream);
        assert!(conn.is_closed());
    });
}

#[test]
fn a_dropped_future_loses_nothing() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    let name = source.name.clone();
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("")).await.unwrap();
        let options = ChangeOptions::default();
        let mut stream = followed(&mut conn, &name, &options).await;
        let writer = std::thread::spawn(move || {
            for n in 0..100 {
                source.insert(n * 20..n * 20 + 20);
            }
            source
        });
        let mut changes = Vec::new();
        let mut dropped = 0;
        let begun = Instant::now();
        while ids(&changes).len() < 2000 {
            assert!(begun.elapsed() < LONG, "only {} have come", changes.len());
            // As many as are there, and then a future that is dropped in its wait.
            for _ in 0..200 {
                match timeout(Duration::from_micros(200), stream.next()).await {
                    Ok(change) => changes.push(change.unwrap().unwrap()),
                    Err(_) => dropped += 1,
                }
            }
        }
        assert!(dropped > 0);
        assert_eq!(ids(&changes), (0..2000).collect::<Vec<_>>());
        stream.close().await.unwrap();
        assert!(conn.query_one("IDENTIFY_SYSTEM", ()).await.is_ok());
        drop(conn);
        writer.join().unwrap();
    });
}

#[test]
fn a_stream_that_is_dropped_in_a_long_transaction() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    source.insert(0..200_000);
    let name = source.name.clone();
    let options = ChangeOptions::default();
    let mut conn = source.follower();
    let mut stream = conn.follow_changes(&name, &[&name], &options).unwrap();
    assert!(matches!(stream.next(), Some(Ok(Change::Begin(_)))));
    drop(stream);
    assert!(conn.query_one("IDENTIFY_SYSTEM", ()).is_ok());
    let error = match conn.follow_changes(&name, &[&name], &options) {
        Ok(mut stream) => stream.find_map(Result::err).unwrap(),
        Err(error) => error,
    };
    assert!(
        error.is_usage() && error.to_string().contains("one stream"),
        "{error}"
    );
    drop(conn);
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("")).await.unwrap();
        let mut stream = followed(&mut conn, &name, &options).await;
        assert!(matches!(stream.next().await, Some(Ok(Change::Begin(_)))));
        drop(stream);
        assert!(conn.query_one("IDENTIFY_SYSTEM", ()).await.is_ok());
    });
}

#[test]
fn what_a_plugin_sends() {
    let mut source = Source::new("id int PRIMARY KEY, a text");
    source.insert(0..1);
    let name = source.name.clone();
    let mut conn = source.follower();
    let options = [("proto_version", "1"), ("publication_names", &*name)];
    let mut stream = conn.start_replication(&name, PgLsn(0), &options).unwrap();
    let kinds: Vec<u8> = (0..4)
        .map(|_| {
            let data = stream.next().unwrap().unwrap();
            assert!(data.sent_at.micros > 0 && data.start == data.end);
            data.payload[0]
        })
        .collect();
    assert_eq!(kinds, b"BRIC");
    stream.close().unwrap();
    assert!(conn.query_one("IDENTIFY_SYSTEM", ()).is_ok());
}

#[test]
fn the_log_itself() {
    let dsn = format!("{} replication=true", dsn());
    let position = "SELECT pg_current_wal_flush_lsn()";
    let mut writer = connect();
    let start: PgLsn = writer.query_one(position, ()).unwrap().get(0).unwrap();
    writer
        .execute(
            "SELECT pg_logical_emit_message(false, 'howdah', 'needle in the log'), txid_current()",
            (),
        )
        .unwrap();
    writer.execute("CHECKPOINT", ()).unwrap();
    let has_needle = |log: &[u8]| log.windows(6).any(|part| part == b"needle");
    let found = within(LONG, {
        let dsn = dsn.clone();
        move || {
            let mut conn = Connection::connect(&dsn).unwrap();
            let mut stream = conn.start_physical_replication(start, None, None).unwrap();
            let mut log = Vec::new();
            while !has_needle(&log) {
                let data = stream.next().unwrap().unwrap();
                assert_eq!(data.start.0, start.0 + log.len() as u64);
                log.extend(data.payload);
                assert_eq!(stream.position().0, start.0 + log.len() as u64);
            }
            let position = stream.position();
            stream.flushed(position);
            stream.close().unwrap();
            // Another one of the same connection.
            let mut stream = conn.start_physical_replication(start, None, None).unwrap();
            assert!(stream.next().unwrap().is_ok());
            true
        }
    });
    assert!(found);
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&dsn).await.unwrap();
        let stream = conn.start_physical_replication(start, None, Some(1)).await;
        let mut stream = stream.unwrap();
        let mut log = Vec::new();
        while !has_needle(&log) {
            log.extend(next(&mut stream).await.payload);
        }
    });
}

#[test]
fn what_cannot_be_started() {
    let mut plain = connect();
    let options = ChangeOptions::default();
    let error = plain
        .follow_changes("none", &["none"], &options)
        .unwrap_err();
    assert!(
        error.is_usage() && error.to_string().contains("replication"),
        "{error}"
    );
    assert!(plain.query_one("SELECT 1", ()).is_ok());
    let mut conn = Connection::connect(&replicating("")).unwrap();
    let error = conn
        .follow_changes("none", &["none"], &options)
        .unwrap_err();
    assert_eq!(error.sqlstate(), Some("42704"));
    let error = conn
        .follow_changes("none", &["none"], &options.version(5))
        .unwrap_err();
    assert!(error.is_usage());
    assert!(conn.query_one("IDENTIFY_SYSTEM", ()).is_ok());
    on_tokio(async {
        let mut conn = AsyncConnection::connect(&replicating("")).await.unwrap();
        let error = conn
            .start_replication("none", PgLsn(0), &[])
            .await
            .unwrap_err();
        assert_eq!(error.sqlstate(), Some("42704"));
        assert!(conn.query_one("IDENTIFY_SYSTEM", ()).await.is_ok());
    });
}

/// A server that sends this as the data of a stream, ends it when it is told to, and then takes a query.
fn streaming(data: &[&[u8]]) -> MockServer {
    let data: Vec<u8> = data.iter().flat_map(|each| message(b'd', each)).collect();
    let script = Script::new()
        .accept_startup()
        .expect("SHOW", begins(b"SHOW wal_sender_timeout"))
        .send_error("42601", "an old server")
        .send_ready()
        .expect("the question for types", begins(b"SELECT DISTINCT"))
        .send_error("42601", "an old server")
        .send_ready()
        .expect("START_REPLICATION", begins(b"START_REPLICATION"))
        .send_raw(message(b'W', b"\0\0\0"))
        .send_raw(data);
    then_ended(script)
}

#[test]
fn what_is_no_change_is_the_last_item() {
    let begin = b"wAAAAAAAABBBBBBBB\0\0\0\0\0\0\0\0B\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\x02\0\0\0\x07";
    let second = begin.as_slice();
    let unknown = b"wAAAAAAAABBBBBBBB\0\0\0\0\0\0\0\0?".as_slice();
    let no_relation = b"wAAAAAAAABBBBBBBB\0\0\0\0\0\0\0\0I\0\0\0\x01N\0\0".as_slice();
    for wrong in [second, unknown, no_relation] {
        let server = streaming(&[begin, wrong, begin]);
        let dsn = format!("{} replication=database", server.conninfo());
        within(LONG, move || {
            let mut conn = Connection::connect(&dsn).unwrap();
            let options = ChangeOptions::default();
            let mut stream = conn.follow_changes("s", &["p"], &options).unwrap();
            assert!(matches!(stream.next(), Some(Ok(Change::Begin(each))) if each.xid == 7));
            let error = stream.next().unwrap().unwrap_err();
            assert!(!error.is_closed() && !error.is_usage(), "{error}");
            assert!(stream.next().is_none() && stream.has_ended());
            drop(stream);
            let row = conn.query_one("SELECT 1", ()).unwrap();
            assert_eq!(row.get::<i32>(0).unwrap(), 1);
        });
        server.join().unwrap();
    }
}

#[test]
fn data_that_is_none_of_replication_closes_the_connection() {
    let server = streaming(&[b"x"]);
    let dsn = format!("{} replication=database", server.conninfo());
    within(LONG, move || {
        let mut conn = Connection::connect(&dsn).unwrap();
        let options = ChangeOptions::default();
        let error = match conn.follow_changes("s", &["p"], &options) {
            Ok(mut stream) => stream.next().unwrap().unwrap_err(),
            Err(error) => error,
        };
        assert!(error.is_closed(), "{error}");
        assert!(conn.is_broken());
    });
}
