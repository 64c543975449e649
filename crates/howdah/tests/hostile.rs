//! Servers that misbehave, and what is left of the connection.

mod common;

use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::{message, within};
use howdah::Connection;
use howdah_protocol::wire::backend::FieldDescription;
use howdah_protocol::wire::{BackendMessage, Diagnostic, Format, FrontendMessage};
use howdah_testkit::{MockServer, Script};

const BOUND: Duration = Duration::from_secs(5);

fn cancel_request(script: Script) -> Script {
    script.expect_startup("CancelRequest", |message| {
        matches!(message, FrontendMessage::CancelRequest { .. })
    })
}

/// Runs a query against a server that answers it like this; gives the error, which closes the connection.
fn query_against(answer: impl FnOnce(Script) -> Script) -> howdah::Error {
    let script = answer(Script::new().accept_startup().until_sync());
    let server = MockServer::tcp([script]).unwrap();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    within(BOUND, move || {
        let error = conn.query("SELECT 1", ()).unwrap_err();
        assert!(conn.is_closed() && conn.is_broken());
        assert!(conn.query("SELECT 1", ()).unwrap_err().is_closed());
        drop(server);
        error
    })
}

#[test]
fn garbage_closes_the_connection() {
    let error = query_against(|script| script.send_raw(*b"\xffgarbage garbage").expect_eof());
    assert!(error.is_closed() && !error.is_safe_to_retry(), "{error}");
    let error = query_against(|script| script.send_ready().expect_eof());
    assert!(error.to_string().contains("expecting"), "{error}");
}

/// A FATAL error with this SQLSTATE.
fn fatal(script: Script, sqlstate: &str) -> Script {
    let fields = [
        (b'S', "FATAL"),
        (b'V', "FATAL"),
        (b'C', sqlstate),
        (b'M', "going"),
    ];
    let fields = fields.map(|(code, text)| (code, text.as_bytes()));
    script.send(&[BackendMessage::ErrorResponse(
        Diagnostic::from_fields(fields).unwrap(),
    )])
}

/// As PgBouncer has it, whose own error follows the server's; here it keeps the socket open besides.
#[test]
fn a_fatal_error_closes_the_connection_and_the_first_of_two_is_told() {
    let error = query_against(|script| fatal(fatal(script, "57P01"), "08P01").send_ready().hang());
    assert_eq!(error.sqlstate(), Some("57P01"));
    assert!(error.is_closed());
}

/// Notifications with a payload of 7 bytes on a channel of 4.
fn notifications(count: usize) -> Vec<u8> {
    message(b'A', b"\0\0\0\x07chan\0payload\0").repeat(count)
}

/// CopyInResponse or CopyBothResponse for the statement of an exchange, and then nothing; or what the server owes, up to its end.
fn copying(kind: u8, fails: bool) -> impl FnOnce(Script) -> Script {
    move |script| {
        let script = script
            .send_raw(*b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04")
            .send_raw(message(kind, b"\0\0\0"));
        let error = message(b'E', b"SERROR\0VERROR\0C57014\0Mfailed\0\0");
        if fails {
            script.send_raw(error)
        } else {
            script
        }
        .hang()
    }
}

#[test]
fn a_copy_that_does_not_go_on_takes_no_longer_than_the_bound() {
    for (kind, fails) in [(b'G', false), (b'W', false), (b'G', true)] {
        let script = copying(kind, fails)(Script::new().accept_startup().until_sync());
        let server = MockServer::tcp([script]).unwrap();
        let mut conn = Connection::connect(&server.conninfo()).unwrap();
        conn.set_cancel_timeout(Duration::from_secs(1));
        let begun = Instant::now();
        let error = within(BOUND, move || {
            let error = conn.query("SELECT 1", ()).unwrap_err();
            assert!(conn.is_closed() && conn.is_broken());
            error
        });
        assert!(error.is_closed() && error.is_timeout(), "{error}");
        assert!(begun.elapsed() > Duration::from_millis(900));
        drop(server);
    }
}

#[test]
fn parameters_of_ever_new_names_close_the_connection() {
    let parameter = |number| {
        let text = format!("parameter{number}\0{}\0", "x".repeat(1000));
        message(b'S', text.as_bytes())
    };
    let many: Vec<u8> = (0..2000).flat_map(parameter).collect();
    let error = query_against(|script| script.send_raw(many).hang());
    assert!(
        error.to_string().contains("1048576 bytes of parameters"),
        "{error}"
    );
}

#[test]
fn too_many_notifications_that_nobody_takes_close_the_connection() {
    let error = query_against(|script| script.send_raw(notifications(140_000)).hang());
    assert!(error.to_string().contains("at most 131072"), "{error}");
}

#[test]
fn how_many_notifications_wait_can_be_set() {
    for (count, bytes) in [(10, usize::MAX), (usize::MAX, 110)] {
        let answer = |script: Script, count| {
            let script = script.until_sync().send_raw(notifications(count));
            script.send_raw(*b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04C\0\0\0\x07DO\0Z\0\0\0\x05I")
        };
        let script = answer(answer(Script::new().accept_startup(), 10), 11).hang();
        let server = MockServer::tcp([script]).unwrap();
        let mut conn = Connection::connect(&server.conninfo()).unwrap();
        conn.set_prepare_threshold(None);
        conn.set_max_notifications(count, bytes);
        within(BOUND, move || {
            conn.execute("DO ''", ()).unwrap();
            let taken = conn.notifies(Some(Duration::ZERO)).count();
            assert_eq!(taken, 10);
            let error = conn.execute("DO ''", ()).unwrap_err();
            let text = format!("at most {count} of {bytes}");
            assert!(error.to_string().contains(&text), "{error}");
            assert!(conn.is_closed() && conn.is_broken());
        });
    }
}

#[test]
fn the_end_of_the_connection_within_a_row_is_an_error() {
    let row: &[u8] = b"1\0\0\0\x042\0\0\0\x04T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0D\0\0\0\x0b\0\x01";
    let error = query_against(|script| script.send_raw(row).close());
    assert!(error.is_closed(), "{error}");
    assert!(
        error
            .to_string()
            .contains("server closed the connection unexpectedly"),
        "{error}"
    );
}

/// Authentication, then notices without end.
const ACCEPTED: &[u8] = b"R\0\0\0\x08\0\0\0\0";
const NOTICE: &[u8] = b"N\0\0\0\x11SNOTICE\0Mhi\0\0";

/// A server that goes on sending notices instead of finishing the handshake; gives its conninfo.
fn talking_server() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let flood = NOTICE.repeat(1_000);
        let mut alive = stream.write_all(ACCEPTED).is_ok();
        while alive {
            alive = stream.write_all(&flood).is_ok();
        }
    });
    format!("host=127.0.0.1 port={port} user=me sslmode=disable connect_timeout=2")
}

#[test]
fn connect_timeout_holds_while_notices_arrive() {
    let conninfo = talking_server();
    let error = within(BOUND, move || Connection::connect(&conninfo).unwrap_err());
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn a_wrong_password_is_told_by_its_sqlstate() {
    let script = Script::new()
        .read_startup()
        .send_error("28P01", "password authentication failed")
        .close();
    let server = MockServer::tcp([script]).unwrap();
    let conninfo = format!("{} password=SECRET", server.conninfo());
    let error = Connection::connect(&conninfo).unwrap_err();
    assert_eq!(error.sqlstate(), Some("28P01"));
    assert!(error.is_closed() && !error.is_safe_to_retry());
    assert!(!format!("{error} {error:?}").contains("SECRET"));
}

/// Describes the statement that a stream is asked for, as one without parameters and columns, and sends one row of it, behind the
/// answers to what goes before it.
fn begin_stream(script: Script, before: &[u8]) -> Script {
    script
        .until_sync()
        .send_raw(*b"1\0\0\0\x04t\0\0\0\x06\0\0T\0\0\0\x06\0\0")
        .send_ready()
        // The question whether there is a pooler.
        .expect("Query", |message| {
            matches!(message, FrontendMessage::Query(_))
        })
        .send(&[BackendMessage::EmptyQueryResponse])
        .send_ready()
        .until_sync()
        .send_raw([before, b"2\0\0\0\x04D\0\0\0\x06\0\0"].concat())
}

#[test]
fn a_server_that_ignores_a_cancel_request_loses_the_connection_in_bounded_time() {
    let scripts = std::iter::once(begin_stream(Script::new().accept_startup(), b"").hang())
        .chain((0..10).map(|_| cancel_request(Script::new()).close()));
    let server = MockServer::tcp(scripts).unwrap();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    let elapsed = within(Duration::from_secs(20), move || {
        let begun = Instant::now();
        drop(conn.query_stream("SELECT 1", ()).unwrap());
        assert!(conn.is_closed() && conn.is_broken());
        let error = conn.execute("SELECT 1", ()).unwrap_err();
        assert!(error.to_string().contains("within 5 seconds"), "{error}");
        begun.elapsed()
    });
    assert!((4..10).contains(&elapsed.as_secs()), "{elapsed:?}");
}

/// After this script neither the session nor the cancel requests are ever answered, as on a network that swallows all.
fn frozen_after(script: Script) -> MockServer {
    let scripts =
        std::iter::once(script.hang()).chain((0..10).map(|_| cancel_request(Script::new()).hang()));
    MockServer::tcp(scripts).unwrap()
}

#[test]
fn a_frozen_server_takes_no_longer_than_the_bound() {
    // BEGIN is parsed, bound and executed.
    let begun = b"1\0\0\0\x042\0\0\0\x04C\0\0\0\x0aBEGIN\0";
    let server = frozen_after(begin_stream(Script::new().accept_startup(), begun));
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    assert_eq!(conn.cancel_timeout(), Duration::from_secs(5));
    conn.set_cancel_timeout(Duration::from_secs(1));
    let elapsed = within(Duration::from_secs(20), move || {
        let begun = Instant::now();
        let mut tx = conn.transaction().unwrap();
        drop(tx.query_stream("SELECT 1", ()).unwrap());
        assert!(tx.is_broken());
        assert!(tx.commit().unwrap_err().is_closed());
        assert!(conn.execute("SELECT 1", ()).unwrap_err().is_closed());
        begun.elapsed()
    });
    assert!((900..2000).contains(&elapsed.as_millis()), "{elapsed:?}");
}

#[test]
fn a_stream_asks_for_binary_from_the_first_time_on() {
    let columns = BackendMessage::RowDescription(vec![FieldDescription {
        name: b"n".as_slice().into(),
        table_oid: 0,
        column_id: 0,
        type_oid: 23,
        type_size: 4,
        type_modifier: -1,
        format: Format::Text,
    }]);
    let script = Script::new()
        .accept_startup()
        .until_sync()
        .send(&[
            BackendMessage::ParseComplete,
            BackendMessage::ParameterDescription(Vec::new()),
            columns,
        ])
        .send_ready()
        // The question whether there is a pooler, of which the answer does not matter here.
        .expect("Query", |message| {
            matches!(message, FrontendMessage::Query(_))
        })
        .send(&[BackendMessage::EmptyQueryResponse])
        .send_ready()
        .expect("Bind", |message| match message {
            FrontendMessage::Bind { result_formats, .. } => *result_formats == [Format::Binary],
            _ => false,
        })
        .until_sync()
        .send_raw(*b"2\0\0\0\x04D\0\0\0\x0e\0\x01\0\0\0\x04\0\0\0\x07C\0\0\0\x0dSELECT 1\0")
        .send_ready()
        .expect_eof();
    let server = MockServer::tcp([script]).unwrap();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    let rows = conn.query_stream("SELECT 7", ()).unwrap();
    let values: Vec<i32> = rows.map(|row| row.unwrap().get(0).unwrap()).collect();
    assert_eq!(values, [7]);
    drop(conn);
    server.join().unwrap();
}

/// A server whose first result has a type made by a user, and that answers the lookup of that type like this.
fn lookup_against(answer: impl FnOnce(Script) -> Script) -> (howdah::Result<howdah::Rows>, bool) {
    let result = Script::new()
        .accept_startup()
        .until_sync()
        .send_raw(*b"1\0\0\0\x042\0\0\0\x04")
        .send_result(&[("a", 20_000)], &[&[Some("(1,2)")]], "SELECT 1")
        .send_ready()
        .expect("the lookup", |message| match message {
            FrontendMessage::Parse { sql, .. } => sql.starts_with(b"WITH RECURSIVE met"),
            _ => false,
        })
        .until_sync();
    let server = MockServer::tcp([answer(result)]).unwrap();
    let mut conn = Connection::connect(&server.conninfo()).unwrap();
    within(BOUND, move || {
        let rows = conn.query("SELECT 1", ());
        let closed = conn.is_broken();
        drop(conn);
        drop(server);
        (rows, closed)
    })
}

const LOOKED_UP: [(&str, u32); 9] = [
    ("oid", 26),
    ("typname", 25),
    ("typtype", 25),
    ("typbasetype", 26),
    ("element", 26),
    ("typdelim", 25),
    ("rngsubtype", 26),
    ("names", 1009),
    ("oids", 1028),
];

#[test]
fn a_lookup_that_fails_fails_the_query_and_leaves_the_connection() {
    let (rows, closed) = lookup_against(|script| {
        script
            .send_error("57014", "that took too long")
            .send_ready()
    });
    assert_eq!(rows.unwrap_err().sqlstate(), Some("57014"));
    assert!(!closed);
    let (rows, closed) = lookup_against(|script| script.send_raw(*b"\xff\0\0\0\x04").expect_eof());
    assert!(rows.unwrap_err().is_closed() && closed);
}

#[test]
fn a_type_that_the_catalogue_does_not_tell_of_is_read_by_its_text() {
    let (rows, _) = lookup_against(|script| {
        script
            .send_raw(*b"1\0\0\0\x042\0\0\0\x04")
            .send_result(&LOOKED_UP, &[], "SELECT 0")
            .send_ready()
    });
    let row = rows.unwrap().fetch_one().unwrap();
    assert_eq!(row.get::<(i32, i64)>(0).unwrap(), (1, 2));
    assert!(row.get::<i32>(0).is_err());
}

#[test]
fn types_that_contradict_themselves_are_errors() {
    let read = |definition: &[Option<&str>; 9]| {
        let definition = *definition;
        let (rows, _) = lookup_against(|script| {
            script
                .send_raw(*b"1\0\0\0\x042\0\0\0\x04")
                .send_result(&LOOKED_UP, &[&definition], "SELECT 1")
                .send_ready()
        });
        rows
    };
    let own = Some("20000");
    let zero = Some("0");
    // An array and a domain of itself, a composite that has itself in it.
    let array = [
        own,
        Some("x"),
        Some("b"),
        zero,
        own,
        Some(","),
        None,
        Some("{}"),
        Some("{}"),
    ];
    let row = read(&array).unwrap().fetch_one().unwrap();
    assert!(row.get::<Vec<Vec<i32>>>(0).is_err());
    assert_eq!(row.columns().next().unwrap().type_name(), "x[]");
    let domain = [
        own,
        Some("x"),
        Some("d"),
        own,
        zero,
        None,
        None,
        Some("{}"),
        Some("{}"),
    ];
    let row = read(&domain).unwrap().fetch_one().unwrap();
    assert!(row.get::<i32>(0).is_err());
    let names = Some("{a,b}");
    let oids = Some("{20000,23}");
    let composite = [
        own,
        Some("x"),
        Some("c"),
        zero,
        zero,
        None,
        None,
        names,
        oids,
    ];
    let row = read(&composite).unwrap().fetch_one().unwrap();
    assert!(row.get::<((i32, i32), i32)>(0).is_err());
    assert!(row.get::<(i32, i32)>(0).is_err());
    // What the lookup gives is not believed either.
    let not_a_number = [
        Some("y"),
        Some("x"),
        Some("c"),
        zero,
        zero,
        None,
        None,
        names,
        oids,
    ];
    assert!(read(&not_a_number).is_err());
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use super::*;
    use howdah::{AsyncClient, AsyncConnection};
    use tokio::time::timeout;

    #[tokio::test]
    async fn connect_timeout_holds_while_notices_arrive() {
        let conninfo = talking_server();
        let connected = timeout(BOUND, AsyncConnection::connect(&conninfo));
        let error = connected.await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
    }

    #[tokio::test]
    async fn nothing_is_sent_until_the_cancel_request_has_been_closed() {
        let session = Script::new()
            .accept_startup()
            .until_sync()
            .sleep(Duration::from_millis(100))
            .send_error("57014", "canceled")
            .send_ready()
            .expect("Parse", |message| {
                matches!(message, FrontendMessage::Parse { .. })
            })
            .until_sync()
            .send_error("42601", "that will do")
            .send_ready()
            .expect_eof();
        let slow = cancel_request(Script::new())
            .sleep(Duration::from_millis(600))
            .close();
        let server = MockServer::tcp([session, slow]).unwrap();
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        let begun = Instant::now();
        let query = conn.execute("SELECT 1", ());
        assert!(timeout(Duration::from_millis(20), query).await.is_err());
        let error = conn.execute("SELECT 2", ()).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("42601"));
        assert!(
            begun.elapsed() >= Duration::from_millis(600),
            "{:?}",
            begun.elapsed()
        );
        drop(conn);
        let sent = tokio::task::spawn_blocking(|| server.join())
            .await
            .unwrap()
            .unwrap();
        assert!(sent[0].contains("SELECT 2"), "{}", sent[0]);
    }

    #[tokio::test]
    async fn a_cancel_request_whose_future_is_dropped_goes_on() {
        let session = Script::new()
            .accept_startup()
            .until_sync()
            .sleep(Duration::from_millis(100))
            .send_error("57014", "canceled")
            .send_ready()
            .until_sync()
            .send_error("42601", "that will do")
            .send_ready()
            .expect_eof();
        let slow = cancel_request(Script::new())
            .sleep(Duration::from_millis(600))
            .close();
        let server = MockServer::tcp([session, slow]).unwrap();
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        let handle = conn.cancel_handle();
        let begun = Instant::now();
        let (first, given_up) = tokio::join!(
            conn.execute("SELECT 1", ()),
            timeout(Duration::from_millis(20), handle.cancel_async()),
        );
        assert!(given_up.is_err() && first.unwrap_err().is_cancelled());
        let error = conn.execute("SELECT 2", ()).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("42601"));
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_millis(600), "{waited:?}");
        drop(conn);
        tokio::task::spawn_blocking(|| server.join())
            .await
            .unwrap()
            .unwrap();
    }

    #[tokio::test]
    async fn a_server_that_ignores_a_cancel_request_loses_the_connection() {
        let scripts = std::iter::once(Script::new().accept_startup().hang())
            .chain((0..10).map(|_| cancel_request(Script::new()).close()));
        let server = MockServer::tcp(scripts).unwrap();
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        let query = conn.execute("SELECT 1", ());
        let begun = Instant::now();
        assert!(timeout(Duration::from_millis(20), query).await.is_err());
        let next = timeout(Duration::from_secs(20), conn.execute("SELECT 2", ()));
        let error = next.await.unwrap().unwrap_err();
        assert!(error.is_closed() && error.is_timeout(), "{error}");
        assert!(error.to_string().contains("within 5 seconds"), "{error}");
        let elapsed = begun.elapsed();
        assert!((4900..6000).contains(&elapsed.as_millis()), "{elapsed:?}");
        assert!(conn.is_closed() && conn.is_broken());
        drop(server);
    }

    #[tokio::test]
    async fn a_frozen_server_takes_no_longer_than_the_bound() {
        let server = frozen_after(Script::new().accept_startup());
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        assert_eq!(conn.cancel_timeout(), Duration::from_secs(5));
        conn.set_cancel_timeout(Duration::from_secs(1));
        let begun = Instant::now();
        let mut tx = conn.transaction().await.unwrap();
        let query = tx.execute("SELECT 1", ());
        assert!(timeout(Duration::from_millis(20), query).await.is_err());
        drop(tx);
        let next = timeout(Duration::from_secs(20), conn.execute("SELECT 2", ()));
        let error = next.await.unwrap().unwrap_err();
        assert!(error.is_closed() && error.is_timeout(), "{error}");
        let elapsed = begun.elapsed();
        assert!((900..2000).contains(&elapsed.as_millis()), "{elapsed:?}");
        drop(server);
    }

    #[tokio::test]
    async fn a_copy_that_does_not_go_on_takes_no_longer_than_the_bound() {
        for (kind, fails) in [(b'G', false), (b'W', false), (b'W', true)] {
            let script = copying(kind, fails)(Script::new().accept_startup().until_sync());
            let server = MockServer::tcp([script]).unwrap();
            let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
            conn.set_cancel_timeout(Duration::from_secs(1));
            let error = timeout(BOUND, conn.query("SELECT 1", ())).await.unwrap();
            let error = error.unwrap_err();
            assert!(error.is_closed() && error.is_timeout(), "{error}");
            assert!(conn.is_closed() && conn.is_broken());
            drop(conn);
            let dropped = tokio::task::spawn_blocking(|| drop(server));
            dropped.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_client_is_told_of_a_copy_that_does_not_go_on_within_the_bound() {
        let script = copying(b'G', false)(Script::new().accept_startup().until_sync());
        let server = MockServer::tcp([script]).unwrap();
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        conn.set_cancel_timeout(Duration::from_secs(1));
        let client = conn.into_client();
        let (one, other) = tokio::join!(
            timeout(BOUND, client.execute("SELECT 1", ())),
            timeout(BOUND, client.execute("SELECT 2", ())),
        );
        assert!(one.unwrap().unwrap_err().is_closed());
        assert!(other.unwrap().unwrap_err().is_closed());
        assert!(client.is_closed());
        drop(server);
    }

    #[tokio::test]
    async fn garbage_closes_the_connection() {
        let script = Script::new()
            .accept_startup()
            .until_sync()
            .send_raw(*b"\xff\0\0\0\x04")
            .expect_eof();
        let server = MockServer::unix([script]).unwrap();
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        let query = timeout(BOUND, conn.query("SELECT 1", ()));
        assert!(query.await.unwrap().unwrap_err().is_closed());
        assert!(conn.is_broken());
        assert!(conn.rollback().await.unwrap_err().is_closed());
        drop(server);
    }

    /// The answer to a statement without a result.
    fn done(script: Script) -> Script {
        script
            .send_raw(*b"1\0\0\0\x042\0\0\0\x04n\0\0\0\x04")
            .send_raw(*b"C\0\0\0\x0fINSERT 0 1\0")
            .send_ready()
    }

    #[tokio::test]
    async fn requests_are_sent_before_earlier_ones_are_answered() {
        let script = Script::new()
            .accept_startup()
            .until_sync()
            .until_sync()
            .until_sync();
        let script = done(script).send_error("22012", "not that").send_ready();
        let script = done(script).expect_eof();
        let server = MockServer::tcp([script]).unwrap();
        let client = AsyncClient::connect(&server.conninfo()).await.unwrap();
        let (first, second, third) = tokio::join!(
            client.execute("INSERT 1", ()),
            client.execute("INSERT 2", ()),
            client.execute("INSERT 3", ()),
        );
        assert_eq!(first.unwrap(), 1);
        assert_eq!(second.unwrap_err().sqlstate(), Some("22012"));
        assert_eq!(third.unwrap(), 1);
        drop(client);
        tokio::task::spawn_blocking(|| server.join())
            .await
            .unwrap()
            .unwrap();
    }

    #[tokio::test]
    async fn a_client_sends_nothing_until_the_cancel_request_has_been_closed() {
        let session = Script::new()
            .accept_startup()
            .until_sync()
            .sleep(Duration::from_millis(100))
            .send_error("57014", "canceled")
            .send_ready()
            .until_sync();
        let session = done(session).expect_eof();
        let slow = cancel_request(Script::new())
            .sleep(Duration::from_millis(600))
            .close();
        let server = MockServer::tcp([session, slow]).unwrap();
        let client = AsyncClient::connect(&server.conninfo()).await.unwrap();
        let begun = Instant::now();
        let dropped = client.execute("SELECT 1", ());
        assert!(timeout(Duration::from_millis(20), dropped).await.is_err());
        assert_eq!(client.execute("INSERT 1", ()).await.unwrap(), 1);
        let waited = begun.elapsed();
        assert!(waited >= Duration::from_millis(600), "{waited:?}");
        drop(client);
        tokio::task::spawn_blocking(|| server.join())
            .await
            .unwrap()
            .unwrap();
    }

    #[tokio::test]
    async fn a_frozen_server_keeps_those_who_wait_behind_a_dropped_future_no_longer_than_the_bound()
    {
        let server = frozen_after(Script::new().accept_startup());
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        conn.set_cancel_timeout(Duration::from_secs(1));
        let client = conn.into_client();
        let begun = Instant::now();
        let dropped = client.execute("SELECT 1", ());
        assert!(timeout(Duration::from_millis(20), dropped).await.is_err());
        let (one, other) = tokio::join!(client.execute("SELECT 2", ()), client.transaction());
        assert!(one.unwrap_err().is_closed() && other.unwrap_err().is_closed());
        let elapsed = begun.elapsed();
        assert!((900..2000).contains(&elapsed.as_millis()), "{elapsed:?}");
        assert!(client.is_closed());
        drop(server);
    }

    #[tokio::test]
    async fn garbage_is_told_to_all_who_wait() {
        let script = Script::new()
            .accept_startup()
            .until_sync()
            .until_sync()
            .until_sync();
        let script = done(script).send_raw(*b"\xff\0\0\0\x04").expect_eof();
        let server = MockServer::unix([script]).unwrap();
        let client = AsyncClient::connect(&server.conninfo()).await.unwrap();
        let (first, second, third) = tokio::join!(
            timeout(BOUND, client.execute("INSERT 1", ())),
            timeout(BOUND, client.execute("INSERT 2", ())),
            timeout(BOUND, client.execute("INSERT 3", ())),
        );
        assert_eq!(first.unwrap().unwrap(), 1);
        let texts = [second, third].map(|result| result.unwrap().unwrap_err().to_string());
        assert_eq!(texts[0], texts[1]);
        assert!(
            client
                .execute("INSERT 4", ())
                .await
                .unwrap_err()
                .is_closed()
        );
        drop(server);
    }
}
