//! SCRAM with as many iterations as are accepted: the derivation of the key keeps nobody from anything.

use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use howdah::Connection;

/// A server that asks for 4,000,000 iterations: 0.3 s and more, however fast the processor.
struct Server {
    conninfo: String,
    /// Tells when the client has what it needs to derive its key.
    #[cfg_attr(
        not(feature = "tokio"),
        expect(dead_code, reason = "a blocking client is not interrupted")
    )]
    challenged: Receiver<()>,
    /// Gives whether the client has sent its proof before it hung up.
    thread: JoinHandle<bool>,
}

impl Server {
    fn new(pause: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, challenged) = channel();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            challenge(&mut stream, pause).unwrap();
            sender.send(()).unwrap();
            matches!(stream.read(&mut [0; 100]), Ok(1..))
        });
        let host = format!("host=127.0.0.1 port={port}");
        Self {
            conninfo: format!("{host} user=me dbname=db password=secret sslmode=disable"),
            challenged,
            thread,
        }
    }
}

fn challenge(stream: &mut TcpStream, pause: Duration) -> Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let startup = u32::from_be_bytes(length) - 4;
    stream.read_exact(&mut vec![0; usize::try_from(startup).unwrap()])?;
    say(stream, 10, b"SCRAM-SHA-256\0\0")?;
    let mut response = [0; 200];
    let count = stream.read(&mut response)?;
    let response = String::from_utf8_lossy(&response[..count]).into_owned();
    let nonce = response.rsplit_once("r=").unwrap().1;
    std::thread::sleep(pause);
    say(
        stream,
        11,
        format!("r={nonce}x,s=c2FsdA==,i=4000000").as_bytes(),
    )
}

fn say(stream: &mut TcpStream, kind: u32, data: &[u8]) -> Result<()> {
    let length = u32::try_from(data.len()).unwrap() + 8;
    let head = [length.to_be_bytes(), kind.to_be_bytes()].concat();
    stream.write_all(&[b"R", &*head, data].concat())
}

#[test]
fn connect_timeout_holds() {
    let server = Server::new(Duration::from_millis(1900));
    let begun = Instant::now();
    let error = Connection::connect(&format!("{} connect_timeout=2", server.conninfo)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(!server.thread.join().unwrap());
}

#[cfg(feature = "tokio")]
mod asynchronous {
    use howdah::AsyncConnection;

    use super::*;

    #[tokio::test]
    async fn connect_timeout_holds() {
        let server = Server::new(Duration::from_millis(1900));
        let conninfo = format!("{} connect_timeout=2", server.conninfo);
        let error = AsyncConnection::connect(&conninfo).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(!server.thread.join().unwrap());
    }

    #[tokio::test]
    async fn other_tasks_run_meanwhile_and_the_work_can_be_dropped() {
        let server = Server::new(Duration::ZERO);
        let conninfo = server.conninfo;
        let connecting = tokio::spawn(async move { AsyncConnection::connect(&conninfo).await });
        let mut challenged = false;
        while !challenged {
            tokio::time::sleep(Duration::from_millis(1)).await;
            challenged = server.challenged.try_recv().is_ok();
        }
        // Were it done in one go, the server would have the proof by the end of the first of these.
        for pause in [100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        assert!(!connecting.is_finished());
        connecting.abort();
        assert!(connecting.await.unwrap_err().is_cancelled());
        assert!(!server.thread.join().unwrap());
    }
}
