//! Servers that cheat while the client authenticates: none gets a password that it must not have, none is believed.

#![cfg(feature = "tokio")]

mod common;

use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use common::{message, within};
use howdah::{AsyncConnection, Connection, Error};

const BOUND: Duration = Duration::from_secs(20);

/// What a server says, given the client's nonce.
type Say = fn(&str) -> Vec<u8>;

fn request(kind: u32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes()[..], data].concat())
}

fn challenge(nonce: &str, iterations: &str) -> Vec<u8> {
    let text = format!("r={nonce},s=c2FsdA==,i={iterations}");
    request(11, text.as_bytes())
}

fn greeting() -> Vec<u8> {
    [request(0, b""), message(b'Z', b"I")].concat()
}

fn signed(signature: &str) -> Vec<u8> {
    [request(12, signature.as_bytes()), greeting()].concat()
}

fn read_message(stream: &mut TcpStream, header: usize) -> Result<Vec<u8>> {
    let mut head = vec![0; header];
    stream.read_exact(&mut head)?;
    let size = u32::from_be_bytes(head[header - 4..].try_into().unwrap());
    let mut body = vec![0; usize::try_from(size).unwrap() - 4];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// Asks for SCRAM, and lies; gives what the client answered to the first lie, if it did.
fn lie(stream: &mut TcpStream, first: Say, last: Say) -> Result<Vec<u8>> {
    read_message(stream, 4)?;
    stream.write_all(&request(10, b"SCRAM-SHA-256\0\0"))?;
    let answer = read_message(stream, 5)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let nonce = answer.rsplit_once("r=").unwrap().1;
    stream.write_all(&first(nonce))?;
    let proof = read_message(stream, 5)?;
    // The client may have gone.
    let _ = stream.write_all(&last(nonce));
    let _ = stream.read(&mut [0; 100]);
    Ok(proof)
}

/// Serves both shells, one after the other.
fn server(first: Say, last: Say) -> (String, JoinHandle<Vec<Option<Vec<u8>>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let visits = (0..2).map(|_| lie(&mut listener.accept().unwrap().0, first, last).ok());
        visits.collect()
    });
    let text =
        format!("host=127.0.0.1 port={port} user=me dbname=db sslmode=disable password=sesame");
    (text, thread)
}

/// The errors of both shells.
fn connect(conninfo: &str) -> [Error; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let blocking = Connection::connect(conninfo).map(drop);
    let tokio = runtime
        .block_on(AsyncConnection::connect(conninfo))
        .map(drop);
    [
        blocking.expect_err("a cheat is believed"),
        tokio.expect_err("a cheat is believed"),
    ]
}

fn check(name: &str, first: Say, last: Say, proofs: bool) {
    let (conninfo, thread) = server(first, last);
    for error in within(BOUND, move || connect(&conninfo)) {
        assert!(error.is_closed(), "{name}: {error}");
        assert!(!format!("{error} {error:?}").contains("sesame"), "{name}");
    }
    for proof in thread.join().unwrap() {
        assert_eq!(proof.is_some(), proofs, "{name}");
        let proof = proof.unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&proof).contains("sesame"),
            "{name}"
        );
    }
}

#[test]
fn lies_before_the_proof() {
    let lies: [(&str, Say); 13] = [
        ("let in at once", |_| greeting()),
        ("a signature at once", |_| signed("v=AAAA")),
        ("cleartext after all", |_| request(3, b"")),
        ("md5 after all", |_| request(5, b"salt")),
        ("SCRAM again", |_| request(10, b"SCRAM-SHA-256\0\0")),
        ("another nonce", |_| challenge("another", "4096")),
        ("no nonce of its own", |nonce| challenge(nonce, "4096")),
        ("no iterations", |nonce| {
            challenge(&format!("{nonce}x"), "0")
        }),
        ("too many", |nonce| {
            challenge(&format!("{nonce}x"), "4294967295")
        }),
        ("beyond 64 bits", |nonce| {
            challenge(&format!("{nonce}x"), &"9".repeat(30))
        }),
        ("garbage", |_| request(11, b"\xff\xfe")),
        ("a frame of negative size", |_| {
            b"R\xff\xff\xff\xff\0\0\0\0".to_vec()
        }),
        ("a frame of 2 GiB", |_| {
            b"R\x7f\xff\xff\xff\0\0\0\0".to_vec()
        }),
    ];
    for (name, first) in lies {
        check(name, first, |_| Vec::new(), false);
    }
}

#[test]
fn lies_after_the_proof() {
    let lies: [(&str, Say); 7] = [
        ("a wrong signature", |_| {
            signed("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        }),
        ("a short signature", |_| signed("v=AAAA")),
        ("no signature", |_| signed("")),
        ("an error and let in", |_| signed("e=other-error")),
        ("let in without a signature", |_| greeting()),
        ("a challenge again", |nonce| challenge(nonce, "4096")),
        ("ready at once", |_| message(b'Z', b"I")),
    ];
    for (name, last) in lies {
        check(
            name,
            |nonce| challenge(&format!("{nonce}-more"), "4096"),
            last,
            true,
        );
    }
}

#[test]
fn no_password_leaves_for_a_method_that_is_not_accepted() {
    for method in ["scram-sha-256", "!password,!md5"] {
        for asked in [request(3, b""), request(5, b"salt"), request(7, b"")] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let thread = std::thread::spawn(move || {
                (0..2).any(|_| {
                    let mut stream = listener.accept().unwrap().0;
                    read_message(&mut stream, 4).unwrap();
                    stream.write_all(&asked).unwrap();
                    read_message(&mut stream, 5).is_ok()
                })
            });
            let options = format!("require_auth={method} sslmode=disable password=sesame");
            let text = format!("host=127.0.0.1 port={port} user=me dbname=db {options}");
            within(BOUND, move || connect(&text));
            assert!(!thread.join().unwrap(), "{method}");
        }
    }
}

#[test]
fn a_nul_in_any_option_is_refused() {
    for name in [
        "user",
        "dbname",
        "password",
        "application_name",
        "options",
        "host",
        "service",
        "passfile",
        "sslrootcert",
        "require_auth",
        "target_session_attrs",
    ] {
        let mut config = howdah::Config::new();
        let error = config.set(name, "before\0behind").unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains("NUL"),
            "{error}"
        );
        let error = Connection::connect(&format!("{name}='before\0behind'"))
            .err()
            .unwrap();
        assert!(
            error.is_usage() && error.to_string().contains("NUL"),
            "{error}"
        );
    }
}
