//! A network that is slow, freezes, hangs up or makes things up, with and without TLS: errors in time, through both doors.

mod common;

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::certificates::{authority, server};
use common::passing::{pass_on, upstream};
use common::{resident, tcp_dsn, within};
use howdah::{AsyncConnection, Connection, Error};
use rustix::net::sockopt::set_socket_linger;
use rustls::{ServerConfig, ServerConnection};

const BOUND: Duration = Duration::from_secs(30);
const ROWS: &str = "SELECT i, repeat('x', 50) FROM generate_series(1, 1000) i";
const LINKS: [Link; 2] = [Link::Tls, Link::Plain];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Tls,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Cut,
    Reset,
    /// The server's half is closed, the client's goes on.
    HalfClose,
    Freeze,
    /// Connections that are made later are none the worse.
    FreezeExisting,
    Inject(&'static [u8]),
}

#[derive(Debug)]
struct State {
    fault: Fault,
    /// How many bytes of the server's come before it.
    left: usize,
    /// How many connections there have been, and how many when the fault came.
    count: usize,
    existing: usize,
}

/// Stands before the real server, or before what ends TLS for it.
struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Passes everything on in pieces of `step` bytes, each after a pause.
    fn new(link: Link, step: usize, pause: Duration) -> Self {
        let target = match link {
            Link::Tls => tls_port(),
            Link::Plain => upstream().peer_addr().unwrap().port(),
        };
        let state = Arc::new(Mutex::new(State {
            fault: Fault::None,
            left: 0,
            count: 0,
            existing: 0,
        }));
        let shared = Arc::clone(&state);
        let port = listen(move |client| {
            let server = TcpStream::connect(("127.0.0.1", target))?;
            let wire = Wire { step, pause };
            wire.run(client, server, &shared)
        });
        Self { port, state }
    }

    fn arm(&self, fault: Fault, left: usize) {
        let mut state = self.state.lock().unwrap();
        (state.fault, state.left, state.existing) = (fault, left, state.count);
    }

    fn dsn(&self, link: Link) -> String {
        let mode = match link {
            Link::Tls => "require",
            Link::Plain => "disable",
        };
        let (base, port) = (tcp_dsn(), self.port);
        format!("{base} host=127.0.0.1 port={port} sslmode={mode} connect_timeout=20")
    }
}

/// Serves each connection in a thread of its own, as long as the process runs.
fn listen(serve: impl Fn(TcpStream) -> Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            // The client may hang up at any time.
            std::thread::spawn(move || serve(client));
        }
    });
    port
}

/// What ends TLS before the real server.
fn tls_port() -> u16 {
    let (config, _) = server("localhost", &authority("any").0);
    let config: Arc<ServerConfig> = Arc::new(config);
    listen(move |mut client| {
        client.read_exact(&mut [0; 8])?;
        client.write_all(b"S")?;
        let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        pass_on(client, tls, 65_536)
    })
}

#[derive(Clone, Copy)]
struct Wire {
    step: usize,
    pause: Duration,
}

impl Wire {
    fn run(self, mut client: TcpStream, mut server: TcpStream, state: &Mutex<State>) -> Result<()> {
        let number = {
            let mut state = state.lock().unwrap();
            state.count += 1;
            state.count
        };
        for socket in [&client, &server] {
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
        }
        let mut buffer = vec![0; 65_536];
        loop {
            let mut moved = false;
            if let Some(count) = receive(&mut client, &mut buffer)? {
                if count == 0 {
                    return Ok(());
                }
                self.send(&mut server, &buffer[..count])?;
                moved = true;
            }
            if let Some(count) = receive(&mut server, &mut buffer)? {
                if count == 0 {
                    return Ok(());
                }
                let (fault, rest) = {
                    let mut state = state.lock().unwrap();
                    let spared = state.fault == Fault::FreezeExisting && number > state.existing;
                    let fault = if spared { Fault::None } else { state.fault };
                    let before = match fault {
                        Fault::None => count,
                        _ => state.left.min(count),
                    };
                    state.left -= state.left.min(before);
                    if matches!(fault, Fault::Inject(_)) && before < count {
                        state.fault = Fault::None;
                    }
                    (fault, before)
                };
                self.send(&mut client, &buffer[..rest])?;
                if rest < count {
                    let bytes = &buffer[rest..count];
                    match fault {
                        Fault::Inject(invented) => {
                            self.send(&mut client, invented)?;
                            self.send(&mut client, bytes)?;
                        }
                        other => return end(other, client),
                    }
                }
                moved = true;
            }
            if !moved {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn send(self, sink: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        for mut piece in bytes.chunks(self.step) {
            std::thread::sleep(self.pause);
            while !piece.is_empty() {
                match sink.write(piece) {
                    Ok(count) => piece = &piece[count..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

fn receive(source: &mut TcpStream, buffer: &mut [u8]) -> Result<Option<usize>> {
    match source.read(buffer) {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// The end of what is passed on to this client.
fn end(fault: Fault, mut client: TcpStream) -> Result<()> {
    client.set_nonblocking(false)?;
    match fault {
        Fault::Reset => set_socket_linger(&client, Some(Duration::ZERO))?,
        Fault::HalfClose => {
            client.shutdown(Shutdown::Write)?;
            std::io::copy(&mut client, &mut std::io::sink())?;
        }
        Fault::Freeze | Fault::FreezeExisting => std::thread::sleep(BOUND),
        _ => {}
    }
    Ok(())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// The errors of a statement through both doors, with a connection to itself each; whatever comes of it, nothing is left over.
fn statement(link: Link, fault: Fault, after: usize) -> Vec<Option<Error>> {
    let proxy = Proxy::new(link, 65_536, Duration::ZERO);
    within(BOUND, move || {
        let dsn = proxy.dsn(link);
        let mut conn = Connection::connect(&dsn).unwrap();
        proxy.arm(fault, after);
        let blocking = conn.query(ROWS, ()).err();
        assert_eq!(conn.is_closed(), blocking.is_some());
        proxy.arm(Fault::None, 0);
        let tokio = runtime().block_on(async {
            let mut conn = AsyncConnection::connect(&dsn).await.unwrap();
            proxy.arm(fault, after);
            let error = conn.query(ROWS, ()).await.err();
            assert_eq!(conn.is_closed(), error.is_some());
            error
        });
        vec![blocking, tokio]
    })
}

/// The same for connecting.
fn connecting(link: Link, fault: Fault, after: usize) -> Vec<Option<Error>> {
    let proxy = Proxy::new(link, 65_536, Duration::ZERO);
    within(BOUND, move || {
        let dsn = proxy.dsn(link);
        proxy.arm(fault, after);
        let blocking = Connection::connect(&dsn).err();
        proxy.arm(fault, after);
        let tokio = runtime().block_on(AsyncConnection::connect(&dsn)).err();
        vec![blocking, tokio]
    })
}

#[test]
fn a_slow_network() {
    for link in LINKS {
        for (step, pause, rows) in [(1, 0, 300), (65_536, 5, 20_000)] {
            let proxy = Proxy::new(link, step, Duration::from_millis(pause));
            let sql = format!("SELECT i, repeat('x', 50) FROM generate_series(1, {rows}) i");
            let mut conn = Connection::connect(&proxy.dsn(link)).unwrap();
            let result = conn.query(&sql, ()).unwrap();
            assert_eq!(result.row_count(), rows);
            let error = conn.query("SELECT 1/0", ()).unwrap_err();
            assert_eq!(error.sqlstate(), Some("22012"));
            let result = runtime().block_on(async {
                let mut conn = AsyncConnection::connect(&proxy.dsn(link)).await.unwrap();
                conn.query(&sql, ()).await.unwrap()
            });
            assert_eq!(result.row_count(), rows);
        }
    }
}

#[test]
fn a_network_that_hangs_up() {
    for link in LINKS {
        for fault in [Fault::Cut, Fault::Reset, Fault::HalfClose] {
            for after in [0, 1, 4, 5, 6, 30, 100, 1000, 30_000] {
                for error in statement(link, fault, after) {
                    let error = error.expect("it cannot be complete");
                    assert!(error.is_closed(), "{link:?} {fault:?} {after}: {error}");
                }
            }
            for after in [0, 1, 5, 14, 100, 300] {
                for error in connecting(link, fault, after) {
                    let error = error.expect("it cannot be complete");
                    assert!(error.is_closed(), "{link:?} {fault:?} {after}: {error}");
                }
            }
        }
    }
}

/// TLS finds out what its peer has not said. Without it, what the protocol does not allow is.
#[test]
fn a_network_that_makes_things_up() {
    let inventions: [&[u8]; 6] = [
        &[0; 8],
        b"Z\0\0\0\x05I",
        b"D\xff\xff\xff\xff",
        b"D\x7f\xff\xff\xff",
        b"D\0\0\0\x03",
        &[21, 3, 3, 0, 2, 2, 40],
    ];
    for link in LINKS {
        for invented in inventions {
            for error in statement(link, Fault::Inject(invented), 0) {
                let error = error.expect("nobody has said that");
                assert!(error.is_closed(), "{link:?} {invented:?}: {error}");
            }
        }
    }
}

/// Cancel requests get through, or do not: it is given up in time.
#[test]
fn a_network_that_freezes() {
    for link in LINKS {
        for fault in [Fault::Freeze, Fault::FreezeExisting] {
            let proxy = Proxy::new(link, 65_536, Duration::ZERO);
            within(BOUND, move || {
                let dsn = proxy.dsn(link);
                let mut conn = Connection::connect(&dsn).unwrap();
                conn.set_cancel_timeout(Duration::from_millis(500));
                proxy.arm(fault, 40_000);
                let mut stream = conn.query_stream(ROWS, ()).unwrap();
                stream.next().unwrap().unwrap();
                drop(stream);
                assert!(conn.execute("SELECT 1", ()).unwrap_err().is_closed());
                proxy.arm(Fault::None, 0);
                let error = runtime().block_on(async {
                    let mut conn = AsyncConnection::connect(&dsn).await.unwrap();
                    conn.set_cancel_timeout(Duration::from_millis(500));
                    proxy.arm(fault, 40_000);
                    let query = conn.query(ROWS, ());
                    let given_up = tokio::time::timeout(Duration::from_millis(200), query).await;
                    assert!(given_up.is_err());
                    conn.execute("SELECT 1", ()).await.unwrap_err()
                });
                assert!(error.is_closed(), "{error}");
            });
        }
        for after in [0, 1, 300] {
            let proxy = Proxy::new(link, 65_536, Duration::ZERO);
            let dsn = format!("{} connect_timeout=2", proxy.dsn(link));
            proxy.arm(Fault::Freeze, after);
            let error = within(BOUND, move || Connection::connect(&dsn).err().unwrap());
            assert!(error.is_timeout(), "{link:?} {after} {error}");
        }
    }
}

#[test]
fn nothing_grows() {
    let faults = [
        Fault::Cut,
        Fault::Reset,
        Fault::HalfClose,
        Fault::Inject(&[0; 8]),
    ];
    for link in LINKS {
        let proxy = Proxy::new(link, 65_536, Duration::ZERO);
        let dsn = proxy.dsn(link);
        let suffer = |times: usize| {
            for number in 0..times {
                proxy.arm(Fault::None, 0);
                let mut conn = Connection::connect(&dsn).unwrap();
                proxy.arm(faults[number % faults.len()], 0);
                assert!(conn.query(ROWS, ()).unwrap_err().is_closed());
            }
            resident()
        };
        let before = suffer(100);
        let after = suffer(200);
        assert!(after.saturating_sub(before) < 4 << 20, "{before} {after}");
    }
}
