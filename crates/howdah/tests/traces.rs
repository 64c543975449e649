//! What programs see in their traces, with the feature `tracing`.

mod common;

use common::recorder::{assert_failed, recorded, recorded_async};
use common::{dsn, tcp_dsn, terminate};
use howdah::{AsyncClient, AsyncConnection, Connection, Error};

/// Sends SECRET wherever a program may.
const WITH_SECRETS: [&str; 3] = [
    "SELECT 'SECRET' AS a -- SECRET",
    "SELECT $$SECRET$$ AS a",
    "DO $$ BEGIN PERFORM 'SECRET'::text; END $$",
];

#[test]
fn a_statement_has_its_fields() {
    let mut pid = 0;
    let seen = recorded(|| {
        let mut conn = Connection::connect(&tcp_dsn()).unwrap();
        pid = conn.info().backend_pid();
        let rows = conn
            .query("SELECT g FROM generate_series(1, $1) AS g", (3,))
            .unwrap();
        assert_eq!(rows.row_count(), 3);
    });
    let span = seen.statement("SELECT g FROM generate_series(?, $1) AS g");
    let connected = seen.spans("connect").remove(0);
    for (name, value) in [
        ("otel.kind", "client"),
        ("db.system.name", "postgresql"),
        ("server.address", connected.field("server.address").unwrap()),
        ("server.port", connected.field("server.port").unwrap()),
        ("db.namespace", connected.field("db.namespace").unwrap()),
        ("howdah.backend_pid", &pid.to_string()),
    ] {
        assert_eq!(span.field(name), Some(value), "{span:?}");
        assert!(!value.is_empty() && value != "0", "{name}");
    }
    assert_eq!(span.field("otel.name"), Some("SELECT"));
    assert_eq!(span.field("db.operation.name"), Some("SELECT"));
    assert_eq!(span.field("howdah.rows"), Some("3"));
    assert_eq!(span.field("error.type"), None);
}

#[test]
fn an_error_has_its_sqlstate_and_not_its_text() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        let error = conn
            .query("SELECT $1::text::int4", ("SECRET",))
            .unwrap_err();
        assert!(error.to_string().contains("SECRET"));
        assert!(conn.execute("SELECT $1::int4", ("SECRET",)).is_err());
        assert!(
            conn.query("SELECT $1::int4", (1_i64 << 40,))
                .unwrap_err()
                .is_usage()
        );
        let mut rows = conn.query_stream("SELECT $1::int4 / 0", (1,)).unwrap();
        assert!(rows.next().unwrap().is_err());
    });
    assert_failed(&seen.statement("SELECT $1::text::int4"), "22P02");
    assert_failed(&seen.statement("SELECT $1::int4 / ?"), "22012");
    let unsent = seen.spans("statement");
    let unsent: Vec<_> = unsent
        .iter()
        .filter_map(|span| span.field("error.type"))
        .collect();
    assert!(unsent.contains(&"usage"), "{unsent:?}");
    seen.assert_nowhere("SECRET");
}

#[test]
fn nothing_secret_is_seen() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        for sql in WITH_SECRETS {
            conn.execute(sql, ()).unwrap();
        }
        conn.simple_query("SELECT 'SECRET'; SELECT 'SECRET'")
            .unwrap();
        let mut batch = howdah::Batch::new();
        batch
            .add("SELECT $1::text", ("SECRET",))
            .add("SELECT 'SECRET'", ());
        conn.batch(&batch).unwrap();
        conn.execute_many("SELECT $1::text", [("SECRET",), ("SECRET",)])
            .unwrap();
        assert!(conn.execute("SELECT 'SECRET", ()).is_err());
        let wrong = format!("{} password=SECRET user=nobody_of_that_name", tcp_dsn());
        assert!(Connection::connect(&wrong).is_err());
    });
    assert_eq!(
        seen.statement("SELECT $1::text; SELECT ?")
            .field("howdah.rows"),
        Some("2")
    );
    assert_eq!(
        seen.statement("SELECT ?; SELECT ?").field("howdah.rows"),
        Some("2")
    );
    assert_eq!(
        seen.statement("SELECT $1::text").field("howdah.rows"),
        Some("2")
    );
    let connects = seen.spans("connect");
    assert!(
        connects
            .iter()
            .any(|span| span.field("otel.status_code") == Some("ERROR"))
    );
    seen.event("an attempt to connect");
    seen.assert_nowhere("SECRET");
}

#[test]
fn transactions_and_streams_have_spans() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        let mut tx = conn.transaction().unwrap();
        let rows = tx
            .query_stream("SELECT g FROM generate_series(1, 5) AS g", ())
            .unwrap();
        assert_eq!(rows.count(), 5);
        tx.commit().unwrap();
    });
    let span = seen.statement("SELECT g FROM generate_series(?, ?) AS g");
    assert_eq!(span.field("howdah.rows"), Some("5"));
    seen.statement("COMMIT");
}

#[test]
fn notices_and_a_lost_server_are_events() {
    let seen = recorded(|| {
        let mut conn = Connection::connect(&dsn()).unwrap();
        conn.execute("DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$", ())
            .unwrap();
        terminate(conn.info().backend_pid());
        assert!(conn.execute("SELECT 1", ()).unwrap_err().is_closed());
    });
    let notice = seen.event("mind the gap");
    assert_eq!(notice.field("severity"), Some("WARNING"));
    assert_eq!(notice.field("db.response.status_code"), Some("01000"));
    let lost = seen.event("the connection was lost");
    assert_eq!(lost.field("db.system.name"), Some("postgresql"));
    assert_eq!(
        seen.statement("SELECT ?").field("otel.status_code"),
        Some("ERROR")
    );
}

#[tokio::test]
async fn the_same_on_tokio() {
    let seen = recorded_async(async || {
        let mut conn = AsyncConnection::connect(&tcp_dsn()).await.unwrap();
        assert!(
            conn.execute("SELECT $1::text::int4", ("SECRET",))
                .await
                .is_err()
        );
        let mut rows = conn
            .query_stream("SELECT g FROM generate_series(1, $1) AS g", (4,))
            .await
            .unwrap();
        while let Some(row) = rows.next().await {
            row.unwrap();
        }
        drop(rows);
        let mut batch = howdah::Batch::new();
        batch
            .add("SELECT $1::text", ("SECRET",))
            .add("SELECT 'SECRET'", ());
        conn.batch(&batch).await.unwrap();
        conn.simple_query("SELECT 'SECRET'; SELECT 1")
            .await
            .unwrap();
        conn.execute("DO $$ BEGIN RAISE NOTICE 'by the way'; END $$", ())
            .await
            .unwrap();
        let tx = conn.transaction().await.unwrap();
        tx.commit().await.unwrap();
    })
    .await;
    assert_failed(&seen.statement("SELECT $1::text::int4"), "22P02");
    let rows = seen.statement("SELECT g FROM generate_series(?, $1) AS g");
    assert_eq!(rows.field("howdah.rows"), Some("4"));
    assert_eq!(
        seen.statement("SELECT $1::text; SELECT ?")
            .field("howdah.rows"),
        Some("2")
    );
    seen.statement("SELECT ?; SELECT ?");
    assert_eq!(seen.event("by the way").field("severity"), Some("NOTICE"));
    assert!(seen.spans("connect")[0].field("server.address").is_some());
    seen.assert_nowhere("SECRET");
}

#[tokio::test]
async fn requests_of_a_shared_client_have_a_span_each() {
    let seen = recorded_async(async || {
        let client = AsyncClient::connect(&tcp_dsn()).await.unwrap();
        let (one, other): (Result<_, Error>, Result<_, Error>) = tokio::join!(
            client.query_one("SELECT $1::int4 + 1", (1,)),
            client.query_one("SELECT $1::text::int4", ("SECRET",)),
        );
        assert_eq!(one.unwrap().get::<i32>(0).unwrap(), 2);
        other.unwrap_err();
    })
    .await;
    let good = seen.statement("SELECT $1::int4 + ?");
    assert_eq!(good.field("howdah.rows"), Some("1"));
    assert!(good.field("server.port").is_some_and(|port| port != "0"));
    assert_failed(&seen.statement("SELECT $1::text::int4"), "22P02");
    seen.assert_nowhere("SECRET");
}

#[tokio::test]
async fn a_dropped_future_ends_its_span() {
    let seen = recorded_async(async || {
        let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
        let sleep = conn.execute("SELECT pg_sleep(60)", ());
        let given_up = std::time::Duration::ZERO;
        assert!(tokio::time::timeout(given_up, sleep).await.is_err());
        conn.execute("SELECT", ()).await.unwrap();
    })
    .await;
    assert_eq!(
        seen.statement("SELECT pg_sleep(?)").field("howdah.rows"),
        None
    );
    assert_eq!(seen.statement("SELECT").field("howdah.rows"), Some("1"));
}
