//! An answer that came in time is in time, however late it is looked at, and whatever lies before it.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use common::{message, within};
use howdah::{Connection, Diagnostic};

/// The time of the operation, a part of which is for coming to rest.
const TIME: Duration = Duration::from_millis(1500);
/// Only a guard against tests that hang.
const GUARD: Duration = Duration::from_secs(30);

fn receive(socket: &mut TcpStream) -> u8 {
    let mut head = [0; 5];
    socket.read_exact(&mut head).unwrap();
    let size = u32::from_be_bytes(head[1..].try_into().unwrap());
    let mut rest = vec![0; size as usize - 4];
    socket.read_exact(&mut rest).unwrap();
    head[0]
}

fn receive_startup(socket: &mut TcpStream) {
    let mut size = [0; 4];
    socket.read_exact(&mut size).unwrap();
    let mut rest = vec![0; u32::from_be_bytes(size) as usize - 4];
    socket.read_exact(&mut rest).unwrap();
}

/// Answers a statement when it has been asked to cancel it: behind a notice, and more than one look at the socket takes.
fn talk(listener: &TcpListener, noticed: &Receiver<()>, sent: &Sender<()>) {
    let (mut socket, _) = listener.accept().unwrap();
    receive_startup(&mut socket);
    let greeting = [
        message(b'R', &[0; 4]),
        message(b'S', b"client_encoding\0UTF8\0"),
        message(b'S', b"server_version\x0018.0\0"),
        message(b'K', &[1; 8]),
        message(b'Z', b"I"),
    ];
    socket.write_all(&greeting.concat()).unwrap();
    while !b"QS".contains(&receive(&mut socket)) {}
    receive_startup(&mut listener.accept().unwrap().0);
    let notice = message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0");
    socket.write_all(&notice).unwrap();
    noticed.recv_timeout(GUARD).unwrap();
    let answer = [
        message(b'A', b"\0\0\0\x07chan\0payload\0").repeat(7000),
        message(b'E', b"SERROR\0VERROR\0C57014\0Mcanceled\0\0"),
        message(b'Z', b"I"),
    ];
    socket.write_all(&answer.concat()).unwrap();
    sent.send(()).unwrap();
    // Until it is closed.
    let _ = socket.read_to_end(&mut Vec::new());
}

/// Where such a server listens, and what to do about its notice: to let the time pass when all of the answer has been sent.
fn talkative() -> (String, impl Fn(&Diagnostic) + Send + Sync + 'static) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (noticed, notices) = channel();
    let (sending, sent) = channel();
    std::thread::spawn(move || talk(&listener, &notices, &sending));
    let sent = Mutex::new(sent);
    let handler = move |_: &Diagnostic| {
        noticed.send(()).unwrap();
        sent.lock().unwrap().recv_timeout(GUARD).unwrap();
        // It began before.
        std::thread::sleep(TIME);
    };
    let conninfo = format!("host=127.0.0.1 port={port} user=u dbname=d sslmode=disable");
    (conninfo, handler)
}

#[test]
fn blocking() {
    let (conninfo, handler) = talkative();
    within(GUARD, move || {
        let mut conn = Connection::connect(&conninfo).unwrap();
        conn.add_notice_handler(handler);
        let error = conn.within(TIME).execute("SELECT 1", ()).unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(!conn.is_closed(), "{error}");
    });
}

#[cfg(feature = "tokio")]
mod tokio_shell {
    use howdah::{AsyncClient, AsyncConnection};

    use super::*;

    #[tokio::test]
    async fn of_its_own() {
        let (conninfo, handler) = talkative();
        let mut conn = AsyncConnection::connect(&conninfo).await.unwrap();
        conn.add_notice_handler(handler);
        let error = conn.within(TIME).execute("SELECT 1", ()).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(!conn.is_closed(), "{error}");
    }

    #[tokio::test]
    async fn shared() {
        let (conninfo, handler) = talkative();
        let client = AsyncClient::connect(&conninfo).await.unwrap();
        client.add_notice_handler(handler);
        let error = client.within(TIME).execute("SELECT 1", ()).await;
        let error = error.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(!client.is_closed(), "{error}");
    }
}
