//! What programs see in their traces of what lasts: connections, COPY, replication, large objects, listeners; and of values.

mod common;

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use common::recorder::{Recorder, Seen, assert_failed, recorded, recorded_async};
use common::{connect, dsn, tcp_dsn, terminate, unique, wait_until_running};
use howdah::replication::ChangeOptions;
use howdah::types::PgLsn;
use howdah::{
    AsyncConnection, AsyncListener, Batch, Config, Connection, LargeObjectMode, Listener,
    ListenerEvent, Result, RetryPolicy,
};

const COPY_IN: &str = "COPY t FROM STDIN";
const TABLE: &str = "CREATE TEMP TABLE t (id int4, name text)";
const COPY_OUT: &str = "COPY (SELECT 12345 FROM generate_series(1, 3)) TO STDOUT";
const COPY_ENDLESS: &str = "COPY (SELECT generate_series(1, 100000000)) TO STDOUT";

fn assert_fields(seen: &Seen, fields: &[(&str, Option<&str>)]) {
    for (name, value) in fields {
        assert_eq!(seen.field(name), *value, "{name}: {seen:?}");
    }
}

/// The spans of COPYs: one in, one out, one that failed, two that were given up, one that could not begin.
fn assert_copies(seen: &Recorder) {
    let copies = seen.spans("copy");
    let [taken, given, failed, left_in, left_out, unbegun] = &copies[..] else {
        panic!("{copies:?}");
    };
    assert_fields(
        taken,
        &[
            ("db.query.text", Some(COPY_IN)),
            ("db.operation.name", Some("COPY")),
            ("howdah.copy.direction", Some("in")),
            ("howdah.copy.bytes", Some("12")),
            ("howdah.rows", Some("2")),
            ("howdah.dropped", None),
            ("error.type", None),
        ],
    );
    assert!(taken.field("server.address").is_some());
    assert_fields(
        given,
        &[
            ("howdah.copy.direction", Some("out")),
            ("howdah.copy.bytes", Some("18")),
            ("howdah.rows", Some("3")),
            ("howdah.dropped", None),
        ],
    );
    assert_failed(failed, "22P02");
    assert_fields(
        failed,
        &[
            ("howdah.copy.bytes", Some("9")),
            ("howdah.rows", None),
            ("howdah.dropped", None),
        ],
    );
    for left in [left_in, left_out] {
        assert_fields(
            left,
            &[("howdah.dropped", Some("true")), ("howdah.rows", None)],
        );
    }
    assert_ne!(left_out.field("howdah.copy.bytes"), Some("0"));
    assert_failed(unbegun, "42P01");
    seen.event("a cancel request is sent");
    seen.assert_nowhere("SECRET");
}

#[test]
fn a_copy_has_its_direction_bytes_rows_and_outcome() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        conn.execute(TABLE, ()).unwrap();
        let mut copy = conn.copy_in(COPY_IN).unwrap();
        copy.send(b"1\tann\n2\tbob\n").unwrap();
        assert_eq!(copy.finish().unwrap(), 2);
        assert_eq!(conn.copy_out(COPY_OUT).unwrap().count(), 3);
        let mut copy = conn.copy_in(COPY_IN).unwrap();
        copy.send(b"SECRET\tx\n").unwrap();
        copy.finish().unwrap_err();
        drop(conn.copy_in(COPY_IN).unwrap());
        let mut copy = conn.copy_out(COPY_ENDLESS).unwrap();
        copy.next().unwrap().unwrap();
        drop(copy);
        conn.copy_in("COPY nowhere FROM STDIN").unwrap_err();
    });
    assert_copies(&seen);
}

#[tokio::test]
async fn a_copy_on_tokio_has_the_same() {
    let seen = recorded_async(async || {
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        conn.execute(TABLE, ()).await.unwrap();
        let mut copy = conn.copy_in(COPY_IN).await.unwrap();
        copy.send(b"1\tann\n2\tbob\n").await.unwrap();
        assert_eq!(copy.finish().await.unwrap(), 2);
        let mut copy = conn.copy_out(COPY_OUT).await.unwrap();
        while let Some(data) = copy.next().await {
            data.unwrap();
        }
        drop(copy);
        let mut copy = conn.copy_in(COPY_IN).await.unwrap();
        copy.send(b"SECRET\tx\n").await.unwrap();
        copy.finish().await.unwrap_err();
        drop(conn.copy_in(COPY_IN).await.unwrap());
        let mut copy = conn.copy_out(COPY_ENDLESS).await.unwrap();
        copy.next().await.unwrap().unwrap();
        drop(copy);
        conn.copy_in("COPY nowhere FROM STDIN").await.unwrap_err();
    })
    .await;
    assert_copies(&seen);
}

#[test]
fn a_copy_whose_connection_is_lost_has_failed() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        conn.execute(TABLE, ()).unwrap();
        let pid = conn.info().backend_pid();
        let copy = conn.copy_in(COPY_IN).unwrap();
        terminate(pid);
        assert!(copy.finish().unwrap_err().is_closed());
    });
    let copy = seen.span("copy");
    assert_eq!(copy.field("otel.status_code"), Some("ERROR"));
    assert_eq!(copy.field("howdah.dropped"), None);
}

#[test]
fn rows_that_are_copied_are_counted() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        conn.execute(TABLE, ()).unwrap();
        let mut copy = conn
            .copy_in_rows("COPY t FROM STDIN (FORMAT binary)")
            .unwrap();
        copy.write_rows([(1, "ann"), (2, "bob")]).unwrap();
        assert_eq!(copy.finish().unwrap(), 2);
        let copy = conn
            .copy_out_rows("COPY t TO STDOUT (FORMAT binary)")
            .unwrap();
        assert_eq!(copy.count(), 2);
    });
    let copies = seen.spans("copy");
    // A header of 19 bytes, two rows of 17 each, and an end of 2.
    for copy in &copies {
        assert_fields(
            copy,
            &[
                ("howdah.rows", Some("2")),
                ("howdah.copy.bytes", Some("55")),
            ],
        );
    }
    assert_eq!(copies.len(), 2);
}

#[test]
fn a_connection_has_a_span_for_as_long_as_it_is_open() {
    let seen = Recorder::default();
    tracing::subscriber::with_default(seen.clone(), || {
        let request = tracing::info_span!(target: "howdah", "request");
        let entered = request.enter();
        let mut conn = Connection::connect(&tcp_dsn()).unwrap();
        drop(entered);
        drop(request);
        // What the program was doing then does not stay open with it.
        assert!(seen.is_open("connection") && !seen.is_open("request"));
        conn.execute("SELECT 1", ()).unwrap();
        conn.close();
        let (connect, life) = (seen.span("connect"), seen.span("connection"));
        assert_eq!(life.parent, 0);
        assert_eq!(life.follows, [connect.id]);
        assert_eq!(connect.parent, seen.span("request").id);
        for field in [
            "server.address",
            "server.port",
            "db.namespace",
            "howdah.user",
            "howdah.backend_pid",
        ] {
            assert!(
                life.field(field).is_some_and(|text| !text.is_empty()),
                "{field}"
            );
            assert_eq!(life.field(field), connect.field(field));
        }
        assert_eq!(life.field("otel.status_code"), None);
    });
}

#[test]
fn a_connection_that_was_lost_says_so() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        terminate(conn.info().backend_pid());
        conn.execute("SELECT 1", ()).unwrap_err();
    });
    // The second is of the one that has ended it.
    let lives = seen.spans("connection");
    assert_failed(&lives[0], "57P01");
    assert_eq!(lives[1].field("otel.status_code"), None);
}

#[tokio::test]
async fn attempts_to_connect_end_as_they_did() {
    let seen = recorded_async(async || {
        let wrong = format!("{} user=nobody_of_that_name password=SECRET", tcp_dsn());
        AsyncConnection::connect(&wrong).await.unwrap_err();
        // Nobody answers there.
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let silent = format!("host=127.0.0.1 port={port} dbname=d user=u sslmode=disable");
        let connecting = AsyncConnection::connect(&silent);
        let given_up = tokio::time::timeout(Duration::from_millis(1), connecting).await;
        assert!(given_up.is_err());
    })
    .await;
    let [refused, dropped] = &seen.spans("connect")[..] else {
        panic!("{:?}", seen.all());
    };
    assert_fields(
        refused,
        &[
            ("otel.status_code", Some("ERROR")),
            ("howdah.user", Some("nobody_of_that_name")),
            ("howdah.dropped", None),
        ],
    );
    assert_fields(
        dropped,
        &[
            ("db.namespace", Some("d")),
            ("howdah.dropped", Some("true")),
            ("otel.status_code", None),
        ],
    );
    assert!(seen.spans("connection").is_empty());
    seen.assert_nowhere("SECRET");
}

#[test]
fn rows_that_nobody_wants_and_statements_given_up_are_dropped() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        let mut rows = conn
            .query_stream("SELECT generate_series(1, 100000000)", ())
            .unwrap();
        rows.next().unwrap().unwrap();
    });
    let text = "SELECT generate_series(?, ?)";
    assert_fields(
        &seen.statement(text),
        &[("howdah.dropped", Some("true")), ("howdah.rows", None)],
    );
}

#[tokio::test]
async fn a_request_of_a_client_that_is_dropped_says_so() {
    let seen = recorded_async(async || {
        let client = howdah::AsyncClient::connect(&dsn()).await.unwrap();
        let pid = client.backend_pid();
        let sleep = client.execute("SELECT pg_sleep(3600)", ());
        let running = tokio::task::spawn_blocking(move || wait_until_running(pid, "pg_sleep"));
        tokio::select! {
            slept = sleep => panic!("{slept:?}"),
            running = running => running.unwrap(),
        }
        client.execute("SELECT", ()).await.unwrap();
    })
    .await;
    let sleep = seen.statement("SELECT pg_sleep(?)");
    assert_eq!(sleep.field("howdah.dropped"), Some("true"));
    assert_eq!(seen.statement("SELECT").field("howdah.dropped"), None);
}

/// A slot and a publication of a table with one row.
struct Source(String);

impl Source {
    fn new() -> Self {
        let source = Self(unique("traced"));
        source.run(&[
            "CREATE TABLE {} (id int4)",
            "CREATE PUBLICATION {} FOR TABLE {}",
            "SELECT pg_create_logical_replication_slot('{}', 'pgoutput')",
            "INSERT INTO {} VALUES (1)",
        ]);
        source
    }

    fn run(&self, statements: &[&str]) {
        let mut conn = connect();
        for sql in statements {
            conn.execute(&sql.replace("{}", &self.0), ()).unwrap();
        }
    }

    /// The spans of a stream that was followed to the end of a transaction, and of one that was refused.
    fn assert_seen(&self, seen: &Recorder, lsn: PgLsn) {
        let [followed, refused] = &seen.spans("replication")[..] else {
            panic!("{:?}", seen.all());
        };
        assert_fields(
            followed,
            &[
                ("db.operation.name", Some("START_REPLICATION")),
                ("howdah.replication.kind", Some("logical")),
                ("howdah.replication.slot", Some(self.0.as_str())),
                ("howdah.replication.lsn", Some(lsn.to_string().as_str())),
                ("howdah.dropped", None),
                ("otel.status_code", None),
            ],
        );
        assert_failed(refused, "42704");
        let slot = refused.field("howdah.replication.slot");
        assert_eq!(slot, Some("no_such_slot"));
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let drop = "SELECT pg_drop_replication_slot('{}')";
        self.run(&[drop, "DROP PUBLICATION {}", "DROP TABLE {}"]);
    }
}

#[test]
fn a_stream_of_replication_has_its_slot_and_where_it_ended() {
    let source = Source::new();
    let mut end = PgLsn(0);
    let seen = recorded(|| {
        let conninfo = format!("{} replication=database", dsn());
        let mut conn = Connection::connect(&conninfo).unwrap();
        let (name, options) = (&*source.0, ChangeOptions::default());
        let mut stream = conn.follow_changes(name, &[name], &options).unwrap();
        while stream.next().unwrap().unwrap().end_lsn().is_none() {}
        end = stream.position();
        stream.close().unwrap();
        let refused = conn.start_replication("no_such_slot", PgLsn(0), &[]);
        refused.unwrap_err();
    });
    source.assert_seen(&seen, end);
}

#[tokio::test]
async fn a_stream_of_replication_on_tokio_has_the_same() {
    let source = Source::new();
    let mut end = PgLsn(0);
    let seen = recorded_async(async || {
        let conninfo = format!("{} replication=database", dsn());
        let mut conn = AsyncConnection::connect(&conninfo).await.unwrap();
        let (name, options) = (&*source.0, ChangeOptions::default());
        let mut stream = conn.follow_changes(name, &[name], &options).await.unwrap();
        while stream.next().await.unwrap().unwrap().end_lsn().is_none() {}
        end = stream.position();
        stream.close().await.unwrap();
        let refused = conn.start_replication("no_such_slot", PgLsn(0), &[]);
        refused.await.unwrap_err();
        drop(conn);
    })
    .await;
    source.assert_seen(&seen, end);
}

#[test]
fn a_large_object_has_what_was_read_and_written() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        let mut tx = conn.transaction().unwrap();
        let mut object = tx.create_large_object(None).unwrap();
        object.write_all(b"SECRET data").unwrap();
        let oid = object.oid();
        object.close().unwrap();
        let mut object = tx.open_large_object(oid, LargeObjectMode::Read).unwrap();
        let mut data = Vec::new();
        object.read_to_end(&mut data).unwrap();
        object.seek(SeekFrom::Current(-100)).unwrap_err();
        drop(object);
    });
    assert_objects(&seen);
}

#[tokio::test]
async fn a_large_object_on_tokio_has_the_same() {
    let seen = recorded_async(async || {
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        let mut tx = conn.transaction().await.unwrap();
        let mut object = tx.create_large_object(None).await.unwrap();
        object.write_all(b"SECRET data").await.unwrap();
        let oid = object.oid();
        object.close().await.unwrap();
        let opened = tx.open_large_object(oid, LargeObjectMode::Read);
        let mut object = opened.await.unwrap();
        let mut data = Vec::new();
        object.read_to_end(&mut data).await.unwrap();
        object.seek(SeekFrom::Current(-100)).await.unwrap_err();
        drop(object);
    })
    .await;
    assert_objects(&seen);
}

fn assert_objects(seen: &Recorder) {
    let [written, read] = &seen.spans("large object")[..] else {
        panic!("{:?}", seen.all());
    };
    assert_fields(
        written,
        &[
            ("howdah.large_object.mode", Some("read write")),
            ("howdah.large_object.bytes_written", Some("11")),
            ("howdah.large_object.bytes_read", Some("0")),
            ("otel.status_code", None),
            ("howdah.dropped", None),
        ],
    );
    assert_fields(
        read,
        &[
            ("howdah.large_object.mode", Some("read")),
            ("howdah.large_object.bytes_written", Some("0")),
            ("howdah.large_object.bytes_read", Some("11")),
            ("error.type", Some("22023")),
        ],
    );
    let oid = written.field("howdah.large_object.oid");
    assert_eq!(oid, read.field("howdah.large_object.oid"));
    seen.assert_nowhere("SECRET");
}

/// A configuration that is known by its application name.
fn named() -> (Config, String) {
    let name = unique("traced");
    let mut config: Config = dsn().parse().unwrap();
    config.application_name(&name);
    (config, name)
}

fn end_connection_of(name: &str) {
    let sql =
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1";
    assert_eq!(connect().query(sql, (name,)).unwrap().row_count(), 1);
}

fn assert_reconnected(seen: &Recorder) {
    assert!(
        seen.event("has lost its connection")
            .field("error.type")
            .is_some()
    );
    let again = seen.event("a listener has connected again");
    assert_eq!(again.field("howdah.channels"), Some("1"));
}

#[test]
fn a_listener_that_connects_again_is_seen_where_it_was_made() {
    let seen = recorded(|| {
        let (config, name) = named();
        let mut listener: Listener = howdah::ListenerOptions::new()
            .delay(Duration::ZERO, Duration::from_millis(10))
            .connect(&config)
            .unwrap();
        listener.listen("traced").unwrap();
        end_connection_of(&name);
        let event = listener.next().unwrap().unwrap();
        assert!(matches!(event, ListenerEvent::Gap(_)), "{event:?}");
    });
    assert_reconnected(&seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_on_tokio_is_seen_as_well() {
    let seen = recorded_async(async || {
        let (config, name) = named();
        let options = howdah::ListenerOptions::new();
        let options = options.delay(Duration::ZERO, Duration::from_millis(10));
        let listener: AsyncListener = options.connect_async(&config).await.unwrap();
        listener.listen("traced").await.unwrap();
        tokio::task::block_in_place(|| end_connection_of(&name));
        let event = listener.next().await.unwrap().unwrap();
        assert!(matches!(event, ListenerEvent::Gap(_)), "{event:?}");
    })
    .await;
    assert_reconnected(&seen);
}

const CONFLICT: &str = "DO $$ BEGIN RAISE 'in the way' USING ERRCODE = '40001'; END $$";

#[test]
fn transactions_and_statements_that_are_run_again_are_events() {
    let (table, mut other) = (unique("traced"), connect());
    let query = format!("SELECT * FROM {table} WHERE a > $1");
    other
        .execute(&format!("CREATE TABLE {table} (a int4)"), ())
        .unwrap();
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        let mut runs = 0;
        let quick = RetryPolicy::new(3).backoff(Duration::ZERO, Duration::ZERO);
        let run = |tx: &mut howdah::Transaction<'_>| -> Result<u64> {
            runs += 1;
            tx.execute(if runs < 3 { CONFLICT } else { "SELECT" }, ())
        };
        conn.build_transaction().retry(quick).run(run).unwrap();
        conn.query(&query, (1,)).unwrap();
        other
            .execute(&format!("ALTER TABLE {table} ADD b int4"), ())
            .unwrap();
        conn.query(&query, (1,)).unwrap();
    });
    other.execute(&format!("DROP TABLE {table}"), ()).unwrap();
    let again = |each: &Seen| {
        let said = each.field("message").unwrap_or_default();
        said.starts_with("the transaction is run again")
    };
    let all = seen.all();
    let attempts: Vec<_> = all
        .iter()
        .filter(|each| again(each))
        .map(|each| each.field("howdah.attempts"))
        .collect();
    assert_eq!(attempts, [Some("1"), Some("2")]);
    let statements = seen.spans("statement");
    let repeated = seen.event("the statement is run again");
    let parent = statements.iter().find(|span| span.id == repeated.parent);
    let text = parent.and_then(|span| span.field("db.query.text"));
    assert_eq!(text, Some(query.as_str()));
}

#[test]
fn values_are_told_if_they_are_asked_for() {
    let statement = "SELECT $1::text || $2::text";
    let work = |asked: bool| {
        recorded(|| {
            let mut config: Config = dsn().parse().unwrap();
            config.trace_values(asked);
            let mut conn = config.connect().unwrap();
            conn.query(statement, ("VALUE", None::<&str>)).unwrap();
            let rows = conn.query_stream("SELECT $1::int4 AS b", (5,)).unwrap();
            assert_eq!(rows.count(), 1);
            let items = [("a", 1), ("b", 2)];
            conn.execute_many("SELECT $1::text, $2::int4", items)
                .unwrap();
            let mut batch = Batch::new();
            batch.add("SELECT $1::text AS c", ("in a batch",));
            conn.batch(&batch).unwrap();
        })
    };
    let seen = work(true);
    let all = seen.all();
    let told: Vec<_> = all
        .iter()
        .filter_map(|each| Some((each.field("howdah.parameters")?, each.parent)))
        .collect();
    let expected = [
        ("$1 = 'VALUE', $2 = NULL", statement),
        ("$1 = '5'", "SELECT $1::int4 AS b"),
        ("$1 = 'a', $2 = '1'", "SELECT $1::text, $2::int4"),
        ("$1 = 'b', $2 = '2'", "SELECT $1::text, $2::int4"),
        ("$1 = 'in a batch'", "SELECT $1::text AS c"),
    ]
    .map(|(values, text)| (values, seen.statement(text).id));
    assert_eq!(told, expected);
    let silent = work(false);
    silent.assert_nowhere("VALUE");
    assert!(
        silent
            .all()
            .iter()
            .all(|each| each.field("howdah.parameters").is_none())
    );
}

#[tokio::test]
async fn values_on_tokio_are_told_within_their_statement() {
    let seen = recorded_async(async || {
        let mut config: Config = dsn().parse().unwrap();
        config.trace_values(true);
        let mut conn = config.connect_async().await.unwrap();
        let mut rows = conn
            .query_stream("SELECT $1::int4 AS b", (5,))
            .await
            .unwrap();
        rows.next().await.unwrap().unwrap();
        drop(rows);
        let client = conn.into_client();
        client.query("SELECT $1::int4 AS c", (6,)).await.unwrap();
    })
    .await;
    for (text, values) in [
        ("SELECT $1::int4 AS b", "$1 = '5'"),
        ("SELECT $1::int4 AS c", "$1 = '6'"),
    ] {
        let span = seen.statement(text).id;
        let all = seen.all();
        let told = all
            .iter()
            .find(|each| each.field("howdah.parameters") == Some(values));
        assert_eq!(told.map(|each| each.parent), Some(span), "{text}");
    }
}
