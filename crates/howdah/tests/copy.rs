//! COPY through both shells, against a real server.

#![cfg(feature = "tokio")]

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};

use common::lying::{socket_of, wait_until_it_lies_in};
use common::{connect, connect_without_autocommit, dsn, terminate};
use howdah::{AsyncConnection, Connection, Error};
use howdah_protocol::wire::{BackendMessage, Diagnostic, FrontendMessage};
use howdah_testkit::{MockServer, Script};

const MANY: &str =
    "COPY (SELECT g, repeat('x', 1000) FROM generate_series(1, 10000000) g) TO STDOUT";
const LINE: &[u8] = b"1\txxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n";

fn with_table() -> Connection {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE copied (a int, b text)", ())
        .unwrap();
    conn
}

fn count(conn: &mut Connection) -> i64 {
    let row = conn.query_one("SELECT count(*) FROM copied", ()).unwrap();
    row.get(0).unwrap()
}

fn sqlstate(error: &Error) -> Option<&str> {
    error.sqlstate()
}

#[test]
fn data_goes_in_and_comes_out() {
    let mut conn = with_table();
    let mut copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    copy.send(b"1\tx\n2\t").unwrap();
    copy.send(b"").unwrap();
    copy.write_all(b"y\n").unwrap();
    copy.flush().unwrap();
    assert_eq!(copy.finish().unwrap(), 2);
    let copy = conn.copy_out("COPY copied TO STDOUT (FORMAT csv)").unwrap();
    let lines: Vec<Vec<u8>> = copy.map(Result::unwrap).collect();
    assert_eq!(lines, [b"1,x\n", b"2,y\n"]);
    assert_eq!(count(&mut conn), 2);
}

#[test]
fn nothing_goes_in_and_comes_out() {
    let mut conn = with_table();
    let copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    assert_eq!(copy.finish().unwrap(), 0);
    assert_eq!(conn.copy_out("COPY copied TO STDOUT").unwrap().count(), 0);
    assert_eq!(count(&mut conn), 0);
}

#[test]
fn much_data() {
    let mut conn = with_table();
    let mut copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    let lines = LINE.repeat(100_000);
    copy.send(&lines).unwrap();
    assert_eq!(copy.finish().unwrap(), 100_000);
    let mut bytes = 0;
    for line in conn.copy_out("COPY copied TO STDOUT").unwrap() {
        bytes += line.unwrap().len();
    }
    assert_eq!(bytes, lines.len());
}

#[test]
fn a_copy_that_is_dropped_is_undone() {
    let mut conn = with_table();
    let mut copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    copy.send(&LINE.repeat(10_000)).unwrap();
    drop(copy);
    assert_eq!(count(&mut conn), 0);
    let mut copy = conn.copy_out(MANY).unwrap();
    assert!(copy.next().unwrap().unwrap().starts_with(b"1\tx"));
    drop(copy);
    assert_eq!(count(&mut conn), 0);
}

#[test]
fn errors_of_the_server() {
    let mut conn = with_table();
    let mut copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    copy.send(b"x\ty\n").unwrap();
    assert_eq!(sqlstate(&copy.finish().unwrap_err()), Some("22P02"));
    let mut copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    copy.send(b"x\ty\n").unwrap();
    let lines = LINE.repeat(1000);
    let sent = (0..1000).try_for_each(|_| copy.send(&lines));
    let ended = sent.and_then(|()| copy.finish().map(drop));
    assert_eq!(sqlstate(&ended.unwrap_err()), Some("22P02"));
    let query = "COPY (SELECT 1 / (3 - x) FROM generate_series(1, 5) x) TO STDOUT";
    let mut copy = conn.copy_out(query).unwrap();
    assert_eq!(copy.next().unwrap().unwrap(), b"0\n");
    assert_eq!(copy.next().unwrap().unwrap(), b"1\n");
    let error = copy.next().unwrap().unwrap_err();
    assert_eq!(sqlstate(&error), Some("22012"));
    assert!(copy.next().is_none());
    drop(copy);
    assert_eq!(count(&mut conn), 0);
}

#[test]
fn other_statements_are_refused() {
    let mut conn = with_table();
    for sql in ["SELECT 1", "", "COPY copied TO STDOUT", "SET a.b = 1"] {
        let error = conn.copy_in(sql).unwrap_err();
        assert!(error.to_string().contains("FROM STDIN"), "{error}");
        assert_eq!(count(&mut conn), 0);
    }
    for sql in ["SELECT 1", "", "COPY copied FROM STDIN"] {
        let error = conn.copy_out(sql).unwrap_err();
        assert!(error.to_string().contains("TO STDOUT"), "{error}");
        assert_eq!(count(&mut conn), 0);
    }
    let error = conn.copy_in("COPY copied FRO STDIN").unwrap_err();
    assert_eq!(sqlstate(&error), Some("42601"));
    assert_eq!(count(&mut conn), 0);
}

#[test]
fn statements_behind_a_copy_are_no_data() {
    let mut conn = with_table();
    for rows in [0, 1, 20_000] {
        let sql = format!("COPY (VALUES (1), (2)) TO STDOUT; SELECT generate_series(1, {rows})");
        let mut copy = conn.copy_out(&sql).unwrap();
        assert_eq!(copy.next().unwrap().unwrap(), b"1\n");
        assert_eq!(copy.next().unwrap().unwrap(), b"2\n");
        let error = copy.next().unwrap().unwrap_err();
        assert!(error.to_string().contains("other statements"), "{error}");
        assert!(copy.next().is_none());
    }
    let sql = "COPY copied FROM STDIN; SELECT 1";
    let mut copy = conn.copy_in(sql).unwrap();
    copy.send(LINE).unwrap();
    let error = copy.finish().unwrap_err();
    assert!(error.to_string().contains("other statements"), "{error}");
    assert_eq!(count(&mut conn), 1);
}

#[test]
fn a_transaction_is_begun() {
    let mut conn = connect_without_autocommit();
    conn.execute("CREATE TEMP TABLE copied (a int, b text)", ())
        .unwrap();
    conn.commit().unwrap();
    let mut copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    copy.send(LINE).unwrap();
    assert_eq!(copy.finish().unwrap(), 1);
    conn.rollback().unwrap();
    assert_eq!(count(&mut conn), 0);
}

#[test]
fn a_server_that_is_killed() {
    let mut conn = with_table();
    let pid = conn.info().backend_pid();
    let mut copy = conn.copy_in("COPY copied FROM STDIN").unwrap();
    terminate(pid);
    let lines = LINE.repeat(1000);
    let sent = (0..10_000).try_for_each(|_| copy.send(&lines));
    let ended = sent.and_then(|()| copy.finish().map(drop));
    ended.unwrap_err();
    assert!(conn.is_closed());
}

#[tokio::test]
async fn data_goes_in_and_comes_out_on_tokio() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    conn.execute("CREATE TEMP TABLE copied (a int, b text)", ())
        .await
        .unwrap();
    let mut copy = conn.copy_in("COPY copied FROM STDIN").await.unwrap();
    copy.send(b"1\tx\n").await.unwrap();
    copy.send(&LINE.repeat(50_000)).await.unwrap();
    assert_eq!(copy.finish().await.unwrap(), 50_001);
    let mut copy = conn.copy_out("COPY copied TO STDOUT").await.unwrap();
    assert_eq!(copy.next().await.unwrap().unwrap(), b"1\tx\n");
    let mut lines = 0;
    while let Some(line) = copy.next().await {
        assert_eq!(line.unwrap(), LINE);
        lines += 1;
    }
    assert_eq!(lines, 50_000);
    drop(copy);
    let mut copy = conn.copy_in("COPY copied FROM STDIN").await.unwrap();
    copy.send(b"x\ty\n").await.unwrap();
    let error = copy.finish().await.unwrap_err();
    assert_eq!(sqlstate(&error), Some("22P02"));
    let error = conn.copy_in("COPY copied TO STDOUT").await.unwrap_err();
    assert!(error.to_string().contains("FROM STDIN"), "{error}");
    let sql = "COPY (SELECT 5) TO STDOUT; SELECT generate_series(1, 20000)";
    let mut copy = conn.copy_out(sql).await.unwrap();
    assert_eq!(copy.next().await.unwrap().unwrap(), b"5\n");
    assert!(copy.next().await.unwrap().is_err());
    assert!(copy.next().await.is_none());
    drop(copy);
    let row = conn.query_one("SELECT count(*) FROM copied", ()).await;
    assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 50_001);
}

#[tokio::test]
async fn a_copy_that_is_dropped_is_undone_on_tokio() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    conn.execute("CREATE TEMP TABLE copied (a int, b text)", ())
        .await
        .unwrap();
    for _ in 0..3 {
        let mut copy = conn.copy_in("COPY copied FROM STDIN").await.unwrap();
        copy.send(&LINE.repeat(10_000)).await.unwrap();
        drop(copy);
        let mut copy = conn.copy_out(MANY).await.unwrap();
        copy.next().await.unwrap().unwrap();
        drop(copy);
        let row = conn.query_one("SELECT count(*) FROM copied", ()).await;
        assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 0);
    }
}

/// A server that refuses a COPY when it has seen the first of its data and is told to, with notices before, and then reads whatever
/// comes.
fn refusing(notices: usize) -> (MockServer, Sender<()>) {
    let (go, told) = channel();
    let notice = [
        (b'S', "NOTICE"),
        (b'V', "NOTICE"),
        (b'C', "00000"),
        (b'M', "so"),
    ];
    let notice = Diagnostic::from_fields(notice.map(|(code, text)| (code, text.as_bytes())));
    let notice = BackendMessage::NoticeResponse(notice.unwrap());
    let script = Script::new()
        .accept_startup()
        .expect_query("COPY t FROM STDIN")
        .send_raw(*b"G\0\0\0\x07\0\0\0")
        .until("CopyData", move |message| {
            matches!(message, FrontendMessage::CopyData(_)) && told.recv().is_ok()
        });
    let script = (0..notices).fold(script, |script, _| {
        script.send(std::slice::from_ref(&notice))
    });
    let script = script.send_error("22P02", "no").send_ready().hang();
    (MockServer::tcp([script]).unwrap(), go)
}

/// Has [`refusing`] answer, and waits until all of that lies in the socket, without taking it.
fn have_it_refused(go: &Sender<()>, socket: &TcpStream) {
    go.send(()).unwrap();
    wait_until_it_lies_in(socket, |seen| seen.ends_with(b"Z\0\0\0\x05I"));
}

const ROW: [u8; 1000] = [b'x'; 1000];

/// Of these the first piece has been sent.
const BEFORE: usize = 70;

/// As many as a piece holds, of 64 KiB.
const AFTER: usize = 66;

#[test]
fn a_refused_copy_ends_with_the_next_piece() {
    for notices in [0, 100] {
        let (server, go) = refusing(notices);
        let mut conn = Connection::connect(&server.conninfo()).unwrap();
        let socket = socket_of(&conn);
        let mut copy = conn.copy_in("COPY t FROM STDIN").unwrap();
        (0..BEFORE).for_each(|_| copy.send(&ROW).unwrap());
        have_it_refused(&go, &socket);
        let refused = (0..AFTER).find_map(|_| copy.send(&ROW).err());
        assert_eq!(refused.unwrap().sqlstate(), Some("22P02"));
        drop(copy);
        assert!(!conn.is_closed());
    }
}

/// The runtime does not look at its sockets while the loop runs, which waits for nothing.
#[tokio::test(flavor = "current_thread")]
async fn a_refused_copy_ends_with_the_next_piece_on_tokio() {
    for notices in [0, 100] {
        let (server, go) = refusing(notices);
        let mut conn = AsyncConnection::connect(&server.conninfo()).await.unwrap();
        let socket = socket_of(&conn);
        let mut copy = conn.copy_in("COPY t FROM STDIN").await.unwrap();
        for _ in 0..BEFORE {
            copy.send(&ROW).await.unwrap();
        }
        have_it_refused(&go, &socket);
        let mut refused = None;
        for _ in 0..AFTER {
            refused = copy.send(&ROW).await.err();
            if refused.is_some() {
                break;
            }
        }
        assert_eq!(refused.unwrap().sqlstate(), Some("22P02"));
        drop(copy);
        assert!(!conn.is_closed());
    }
}
