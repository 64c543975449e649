//! Authentication and encryption by GSSAPI through both of this crate's doors, with a real KDC.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use howdah::{AsyncConnection, Connection, Error};

/// A conninfo for a server in a realm of which this process has a ticket.
fn dsn() -> String {
    std::env::var("HOWDAH_TEST_GSS_DSN")
        .expect("HOWDAH_TEST_GSS_DSN is not set: run this test by `make test-gssapi`")
}

const WHO: &str = "SELECT principal FROM pg_stat_gssapi WHERE pid = pg_backend_pid()";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// What both doors say when they connect.
fn outcomes(dsn: &str) -> [Result<String, Error>; 2] {
    let blocking =
        Connection::connect(dsn).and_then(|mut conn| conn.query_one(WHO, ())?.get::<String>(0));
    let asynchronous = runtime().block_on(async {
        let mut conn = AsyncConnection::connect(dsn).await?;
        conn.query_one(WHO, ()).await?.get::<String>(0)
    });
    [blocking, asynchronous]
}

#[test]
#[ignore = "needs a KDC: make test-gssapi"]
fn a_ticket_lets_in() {
    for options in ["", "require_auth=gss", "gssdelegation=1 gssencmode=prefer"] {
        for outcome in outcomes(&format!("{} {options}", dsn())) {
            assert_eq!(outcome.unwrap(), "alice@HOWDAH.TEST", "{options}");
        }
    }
}

#[test]
#[ignore = "needs a KDC: make test-gssapi"]
fn what_is_refused_says_why() {
    let cases = [
        (
            "require_auth=!gss",
            "server requested GSSAPI authentication",
        ),
        ("krbsrvname=nobody", "not found in Kerberos database"),
        ("user=postgres", "GSSAPI authentication failed"),
        ("dbname=nowhere", "does not exist"),
    ];
    for (options, text) in cases {
        for outcome in outcomes(&format!("{} {options}", dsn())) {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(text), "{options}: {error}");
        }
    }
}

#[test]
#[ignore = "needs a KDC: make test-gssapi"]
fn a_server_that_proves_nothing_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut peer, _) = listener.accept().unwrap();
            let mut received = [0; 4096];
            assert!(peer.read(&mut received).unwrap() > 0);
            // AuthenticationGSS; then, for its token, AuthenticationOk and ReadyForQuery.
            peer.write_all(b"R\0\0\0\x08\0\0\0\x07").unwrap();
            assert!(peer.read(&mut received).unwrap() > 0);
            assert_eq!(received[0], b'p');
            peer.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").unwrap();
            let _ = peer.read(&mut received);
        }
    });
    let began = Instant::now();
    let dsn = format!(
        "host=localhost hostaddr=127.0.0.1 port={port} user=u dbname=d sslmode=disable connect_timeout=20"
    );
    for outcome in outcomes(&dsn) {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("AuthenticationGSSContinue"), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    serving.join().unwrap();
}

const ENCRYPTED: &str = "SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()";

/// A conninfo for a database that only those may use who are encrypted by GSSAPI.
fn encrypted_dsn() -> String {
    format!("{} dbname=onlygss gssencmode=require", dsn())
}

#[test]
#[ignore = "needs a KDC: make test-gssapi"]
fn sessions_are_encrypted() {
    for (options, encrypted) in [
        ("gssencmode=require", true),
        ("gssencmode=prefer sslmode=require", true),
        ("gssencmode=require require_auth=gss", true),
        ("gssencmode=disable", false),
    ] {
        let dsn = format!("{} {options}", dsn());
        let mut conn = Connection::connect(&dsn).unwrap();
        let seen: bool = conn.query_one(ENCRYPTED, ()).unwrap().get(0).unwrap();
        assert_eq!(
            (seen, conn.info().is_gss_encrypted()),
            (encrypted, encrypted)
        );
        runtime().block_on(async {
            let mut conn = AsyncConnection::connect(&dsn).await.unwrap();
            let row = conn.query_one(ENCRYPTED, ()).await.unwrap();
            assert_eq!(row.get::<bool>(0).unwrap(), encrypted);
            assert_eq!(conn.info().is_gss_encrypted(), encrypted);
        });
    }
}

#[test]
#[ignore = "needs a KDC: make test-gssapi"]
fn what_is_not_encrypted_is_refused() {
    for (options, text) in [
        ("gssencmode=disable sslmode=disable", "no encryption"),
        ("gssencmode=require dbname=nogss", "GSS encryption"),
        (
            "gssencmode=require krbsrvname=nobody",
            "not found in Kerberos",
        ),
    ] {
        for outcome in outcomes(&format!("{} dbname=onlygss {options}", dsn())) {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(text), "{options}: {error}");
        }
    }
}

#[test]
#[ignore = "needs a KDC: make test-gssapi"]
fn large_data_goes_both_ways() {
    const ECHO: &str = "SELECT $1::bytea";
    let large: Vec<u8> = (0..16 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    let mut conn = Connection::connect(&encrypted_dsn()).unwrap();
    let back: Vec<u8> = conn.query_one(ECHO, (&large,)).unwrap().get(0).unwrap();
    assert!(back == large);
    runtime().block_on(async {
        let mut conn = AsyncConnection::connect(&encrypted_dsn()).await.unwrap();
        let row = conn.query_one(ECHO, (&large,)).await.unwrap();
        assert!(row.get::<Vec<u8>>(0).unwrap() == large);
    });
}

#[test]
#[ignore = "needs a KDC: make test-gssapi"]
fn statements_are_cancelled() {
    const SLEEP: &str = "SELECT pg_sleep(60)";
    let soon = || std::thread::sleep(Duration::from_millis(300));
    let mut conn = Connection::connect(&encrypted_dsn()).unwrap();
    for _ in 0..2 {
        let handle = conn.cancel_handle();
        let cancelling = std::thread::spawn(move || {
            soon();
            handle.cancel()
        });
        let error = conn.execute(SLEEP, ()).unwrap_err();
        assert_eq!(error.sqlstate(), Some("57014"));
        cancelling.join().unwrap().unwrap();
    }
    runtime().block_on(async {
        let mut conn = AsyncConnection::connect(&encrypted_dsn()).await.unwrap();
        for _ in 0..2 {
            // Dropped: what comes next is to be answered all the same.
            let limit = Duration::from_millis(300);
            let given_up = tokio::time::timeout(limit, conn.execute(SLEEP, ())).await;
            assert!(given_up.is_err());
            let row = conn.query_one("SELECT 1", ()).await.unwrap();
            assert_eq!(row.get::<i32>(0).unwrap(), 1);
        }
    });
}
