//! No password is in an error, its sources, or in what `Debug` shows.

use std::error::Error;

use howdah::Connection;
use howdah_protocol::wire::{Authentication, BackendMessage, FrontendMessage};
use howdah_testkit::{MockServer, Script};

const SECRET: &str = "sesame";

/// What an error shows, and the errors behind it.
fn everything(error: &(dyn Error + 'static)) -> String {
    let mut told = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        told += &format!("{error} {error:?} {error:#?}\n");
        next = error.source();
    }
    told
}

/// Numbers, as `Debug` writes bytes.
fn as_numbers(text: &str) -> String {
    let numbers: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
    numbers.join(", ")
}

fn assert_secret(told: &str) {
    assert!(!told.contains(SECRET), "{told}");
    assert!(!told.contains(&as_numbers(SECRET)), "{told}");
}

/// Where nothing is escaped that should be. 127.0.0.1:1 refuses connections.
const STRINGS: &[&str] = &[
    "postgresql://ann:{}@127.0.0.1:1/shop?connect_timeout=2",
    "postgresql://ann:{}@127.0.0.1:1",
    "postgres://ann:{}@127.0.0.1:1,127.0.0.1:1/shop?foo=x",
    "postgresql://ann:{}@[::1/shop",
    "POSTGRESQL://ann:{}@127.0.0.1:1/shop",
    "ann:{}@127.0.0.1:1/shop",
    "host=127.0.0.1 port=1 password={} user=ann",
    "password='{}' host=127.0.0.1 port=x",
    "host=127.0.0.1 port=1 client_encoding=x;password={}",
];

#[test]
fn errors_of_connection_strings() {
    for string in STRINGS {
        for difficult in [
            "", "/", "@", ":", ",", "?", "%", "%zz", " ", "'", "\\", ";", "1/", "1/@", "\0",
        ] {
            for password in [
                format!("{SECRET}{difficult}{SECRET}"),
                format!("{difficult}{SECRET}"),
            ] {
                let error = Connection::connect(&string.replace("{}", &password)).unwrap_err();
                assert_secret(&everything(&error));
            }
        }
    }
}

fn asking() -> Script {
    let request = BackendMessage::Authentication(Authentication::CleartextPassword);
    Script::new()
        .read_startup()
        .send(&[request])
        .expect("the password", |message| {
            matches!(message, FrontendMessage::AuthenticationResponse(_))
        })
}

#[test]
fn errors_of_servers() {
    for script in [
        asking().send_error("28P01", "no").close(),
        asking()
            .send_raw(*b"\xff\xff\xff\xff\xff\xff\xff\xff")
            .close(),
        asking().close(),
    ] {
        let server = MockServer::tcp([script]).unwrap();
        let conninfo = format!("{} password={SECRET}", server.conninfo());
        assert_secret(&everything(&Connection::connect(&conninfo).unwrap_err()));
    }
}

#[test]
fn connections() {
    let ok = BackendMessage::Authentication(Authentication::Ok);
    let server = MockServer::tcp([asking().send(&[ok]).finish_startup().hang()]).unwrap();
    let conninfo = format!(
        "{} password={SECRET} sslpassword={SECRET}",
        server.conninfo()
    );
    let conn = Connection::connect(&conninfo).unwrap();
    assert_secret(&format!(
        "{conn:?} {:?} {:?}",
        conn.info(),
        conn.cancel_handle()
    ));
}
