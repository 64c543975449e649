//! TLS through both of this crate's doors: a proxy that ends TLS stands before the real server.

#![cfg(feature = "tokio")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::certificates::{authority, server};
use common::passing::{pass_on, upstream};
use common::{dsn, tcp_dsn};
use howdah::{AsyncConnection, Connection, Error};
use rustls::{ServerConfig, ServerConnection};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What stands between the client and the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// TLS after an SSLRequest, in pieces of so many bytes.
    Tls(usize),
    /// TLS from the first byte, with this in ALPN.
    Direct(Option<&'static [u8]>),
    /// It answers the SSLRequest with these bytes, and hangs up.
    Answer(&'static [u8]),
    /// It has no TLS.
    Without,
}

struct Proxy {
    port: u16,
    /// The files of the certificate's authority, and of another one.
    root: PathBuf,
    other_root: PathBuf,
    /// How many connections have come.
    count: Arc<AtomicUsize>,
    /// How many bytes came that were neither an SSLRequest nor TLS.
    plain: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy with a certificate for `name`.
    fn new(kind: Kind, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (root_key, root) = authority("one");
        let (_, other) = authority("another");
        let (mut config, _) = server(name, &root_key);
        if let Kind::Direct(Some(alpn)) = kind {
            config.alpn_protocols = vec![alpn.to_vec()];
        }
        let config = Arc::new(config);
        let folder = std::env::temp_dir().join(format!("howdah-tls-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let files = [folder.join("root.crt"), folder.join("other.crt")];
        for (file, content) in files.iter().zip([root, other]) {
            std::fs::write(file, content).unwrap();
        }
        let [root, other_root] = files;
        let (count, plain) = (Arc::default(), Arc::default());
        let counters: [Arc<AtomicUsize>; 2] = [Arc::clone(&count), Arc::clone(&plain)];
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                let [count, plain] = counters.clone();
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(client, kind, config, &plain));
            }
        });
        Self {
            port,
            root,
            other_root,
            count,
            plain,
        }
    }

    fn dsn(&self, options: &str) -> String {
        format!("{} host=localhost port={} {options}", tcp_dsn(), self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let folder = self.root.parent().unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }
}

fn serve(mut client: TcpStream, kind: Kind, config: Arc<ServerConfig>, plain: &AtomicUsize) {
    let mut request = [0; 8];
    let step = match kind {
        Kind::Direct(_) => 65_536,
        _ if client.read_exact(&mut request).is_err() => return,
        _ if request != SSL_REQUEST => {
            plain.fetch_add(8, Ordering::SeqCst);
            return;
        }
        Kind::Tls(step) => {
            client.write_all(b"S").unwrap();
            step
        }
        Kind::Answer(bytes) => {
            client.write_all(bytes).unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            let more = client.read(&mut request).unwrap_or_default();
            plain.fetch_add(more, Ordering::SeqCst);
            return;
        }
        Kind::Without => {
            client.write_all(b"N").unwrap();
            return copy_plain(client);
        }
    };
    let tls = ServerConnection::new(config).unwrap();
    // The client may hang up at any time.
    let _ = pass_on(client, tls, step);
}

fn copy_plain(client: TcpStream) {
    let server = upstream();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    let (mut from, mut to) = (server, client);
    let _ = std::io::copy(&mut from, &mut to);
}

/// Connects by both doors, which have to agree: whether it is encrypted, or why there is no connection.
fn connected(dsn: &str) -> Result<bool, String> {
    let blocking = Connection::connect(dsn).map(|mut conn| {
        assert_eq!(
            conn.query_one("SELECT 1", ())
                .unwrap()
                .get::<i32>(0)
                .unwrap(),
            1
        );
        conn.info().tls().is_some()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tokio = runtime.block_on(async {
        let mut conn = AsyncConnection::connect(dsn).await?;
        let row = conn.query_one("SELECT 1", ()).await?;
        assert_eq!(row.get::<i32>(0)?, 1);
        Ok::<_, Error>(conn.info().tls().is_some())
    });
    let told = |outcome: Result<bool, Error>| outcome.map_err(|error| error.to_string());
    let (blocking, tokio) = (told(blocking), told(tokio));
    assert_eq!(blocking, tokio);
    blocking
}

#[test]
fn sslmode_decides_which_servers_are_accepted() {
    let good = Proxy::new(Kind::Tls(65_536), "localhost");
    let misnamed = Proxy::new(Kind::Tls(65_536), "elsewhere");
    let without = Proxy::new(Kind::Without, "localhost");
    let missing = PathBuf::from("/nonexistent/root.crt");
    for proxy in [&good, &misnamed, &without] {
        for (root, is_right) in [
            (&proxy.root, Some(true)),
            (&proxy.other_root, Some(false)),
            (&missing, None),
        ] {
            for mode in ["disable", "prefer", "require", "verify-ca", "verify-full"] {
                let options = format!("sslmode={mode} sslrootcert={}", root.display());
                let outcome = connected(&proxy.dsn(&options));
                let has_tls = proxy.port != without.port;
                let is_named = proxy.port != misnamed.port;
                // As libpq decides: a root that is there is believed; `verify-ca` and `verify-full` need one.
                let expected = match mode {
                    // The proxies take nobody who does not ask for TLS first.
                    "disable" => None,
                    "prefer" if !has_tls => Some(false),
                    "prefer" | "require" => (has_tls && is_right != Some(false)).then_some(true),
                    "verify-ca" => (has_tls && is_right == Some(true)).then_some(true),
                    _ => (has_tls && is_right == Some(true) && is_named).then_some(true),
                };
                assert_eq!(
                    outcome.clone().ok(),
                    expected,
                    "{mode} {root:?} {outcome:?}"
                );
            }
        }
    }
}

#[test]
fn nothing_is_said_to_whoever_answers_wrongly() {
    let answers: [&[u8]; 6] = [
        b"SR\0\0\0\x08\0\0\0\0",
        b"S\0",
        b"NN",
        b"E\0\0\0\x1dSFATAL\0MCall 555-1234\0\0",
        b"R\0\0\0\x08\0\0\0\0",
        b"\0",
    ];
    for answer in answers {
        let proxy = Proxy::new(Kind::Answer(answer), "localhost");
        for mode in ["prefer", "require", "verify-full"] {
            let options = format!("sslmode={mode} sslrootcert={}", proxy.root.display());
            let error = connected(&proxy.dsn(&options)).unwrap_err();
            assert!(!error.contains("555"), "{error}");
        }
        assert_eq!(proxy.plain.load(Ordering::SeqCst), 0, "{answer:?}");
    }
    let proxy = Proxy::new(Kind::Answer(b"N"), "localhost");
    let error = connected(&proxy.dsn("sslmode=require")).unwrap_err();
    assert!(error.contains("does not support SSL"), "{error}");
    assert_eq!(proxy.plain.load(Ordering::SeqCst), 0);
}

#[test]
fn direct_negotiation_needs_alpn() {
    for (alpn, accepted) in [
        (Some(&b"postgresql"[..]), true),
        (None, false),
        (Some(&b"http/1.1"[..]), false),
    ] {
        let proxy = Proxy::new(Kind::Direct(alpn), "localhost");
        let outcome = connected(&proxy.dsn("sslmode=require sslnegotiation=direct"));
        assert_eq!(outcome.is_ok(), accepted, "{outcome:?}");
    }
    let asking = Proxy::new(Kind::Tls(65_536), "localhost");
    let outcome = connected(&asking.dsn("sslmode=require sslnegotiation=direct"));
    assert!(outcome.is_err());
}

#[test]
fn much_goes_both_ways_in_pieces_of_any_size() {
    let text = "x".repeat(3_000_000);
    for (step, size) in [(65_536, text.len()), (1_000, 300_000), (1, 2_000)] {
        let proxy = Proxy::new(Kind::Tls(step), "localhost");
        let text = &text[..size];
        let mut conn = Connection::connect(&proxy.dsn("sslmode=require")).unwrap();
        let row = conn
            .query_one("SELECT $1::text || $1::text", (&text,))
            .unwrap();
        assert_eq!(row.get::<String>(0).unwrap().len(), 2 * size);
        let rows = conn
            .query("SELECT i FROM generate_series(1, 1000) i", ())
            .unwrap();
        assert_eq!(rows.row_count(), 1000);
        let error = conn.execute("SELECT 1/0", ()).unwrap_err();
        assert_eq!(error.sqlstate(), Some("22012"));
        let tls = conn.info().tls().unwrap().clone();
        assert_eq!(tls.version, "TLSv1.3");
        assert!(tls.cipher.starts_with("TLS_") && tls.key_bits >= 128);
    }
}

#[test]
fn a_statement_is_cancelled_through_tls() {
    let proxy = Proxy::new(Kind::Tls(65_536), "localhost");
    let mut conn = Connection::connect(&proxy.dsn("sslmode=require")).unwrap();
    let handle = conn.cancel_handle();
    let sent = Arc::new(Mutex::new(None));
    let timer = std::thread::spawn({
        let sent = Arc::clone(&sent);
        move || {
            std::thread::sleep(Duration::from_millis(300));
            *sent.lock().unwrap() = Some(handle.cancel());
        }
    });
    let error = conn.execute("SELECT pg_sleep(60)", ()).unwrap_err();
    timer.join().unwrap();
    assert!(error.is_cancelled(), "{error}");
    assert!(sent.lock().unwrap().take().unwrap().is_ok());
    assert_eq!(proxy.count.load(Ordering::SeqCst), 2);
    assert_eq!(proxy.plain.load(Ordering::SeqCst), 0);
    assert_eq!(
        conn.query_one("SELECT 1", ())
            .unwrap()
            .get::<i32>(0)
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn futures_are_dropped_and_shared_through_tls() {
    let proxy = Proxy::new(Kind::Tls(65_536), "localhost");
    let mut conn = AsyncConnection::connect(&proxy.dsn("sslmode=require"))
        .await
        .unwrap();
    let sleep = conn.execute("SELECT pg_sleep(60)", ());
    assert!(
        tokio::time::timeout(Duration::from_millis(300), sleep)
            .await
            .is_err()
    );
    let row = conn.query_one("SELECT 2", ()).await.unwrap();
    assert_eq!(row.get::<i32>(0).unwrap(), 2);
    let client = conn.into_client();
    let tasks: Vec<_> = (0..100)
        .map(|n: i32| {
            let client = client.clone();
            tokio::spawn(async move {
                let row = client
                    .query_one("SELECT $1::int4, repeat('x', 20000)", (n,))
                    .await;
                assert_eq!(row.unwrap().get::<i32>(0).unwrap(), n);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// A future is dropped about when its statement ends; whatever becomes of the request, the next statement is unharmed.
#[tokio::test]
async fn late_cancels_never_hit_the_next_statement() {
    let proxy = Proxy::new(Kind::Tls(65_536), "localhost");
    let mut conn = AsyncConnection::connect(&proxy.dsn("sslmode=require"))
        .await
        .unwrap();
    let mut dropped = 0;
    for number in 0..500_i32 {
        let pause = Duration::from_micros(u64::from(number.unsigned_abs() % 13) * 400);
        let statement = conn.execute("SELECT pg_sleep(0.001)", ());
        dropped += i32::from(tokio::time::timeout(pause, statement).await.is_err());
        let row = conn.query_one("SELECT $1::int4", (&number,)).await.unwrap();
        assert_eq!(row.get::<i32>(0).unwrap(), number);
    }
    assert!((1..500).contains(&dropped), "{dropped}");
    assert!(proxy.count.load(Ordering::SeqCst) > 1);
    assert_eq!(proxy.plain.load(Ordering::SeqCst), 0);
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let dsn = format!("host=127.0.0.1 port={port} user=u sslmode=prefer connect_timeout=2");
    let begun = std::time::Instant::now();
    assert!(connected(&dsn).is_err());
    assert!(begun.elapsed() < Duration::from_secs(20));
    drop(listener);
}

#[test]
fn a_local_socket_is_not_encrypted() {
    for mode in ["prefer", "require", "verify-full"] {
        let outcome = connected(&format!("{} sslmode={mode}", dsn()));
        assert_eq!(outcome, Ok(false), "{mode}");
    }
}

#[test]
fn a_server_is_told_why_it_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, _) = server("elsewhere", &authority("any").0);
    let config = Arc::new(config);
    let thread = std::thread::spawn(move || {
        let visits = (0..2).map(|_| {
            let mut client = listener.accept().unwrap().0;
            client.read_exact(&mut [0; 8]).unwrap();
            client.write_all(b"S").unwrap();
            let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            tls.complete_io(&mut client).unwrap_err().to_string()
        });
        visits.collect::<Vec<_>>()
    });
    let right = Proxy::new(Kind::Without, "localhost");
    let options = format!("sslmode=verify-full sslrootcert={}", right.root.display());
    let dsn = format!("host=localhost port={port} user=u {options}");
    assert!(connected(&dsn).is_err());
    for told in thread.join().unwrap() {
        assert!(told.contains("fatal alert"), "{told}");
    }
}
