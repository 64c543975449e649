//! What the crate does without its feature `rustls`: `make test-rust` runs these tests by themselves.

#![cfg(all(feature = "tokio", not(feature = "rustls")))]

mod common;

use std::io::Read;
use std::net::TcpListener;

use common::{tcp_dsn, wait_until_running};
use howdah::{AsyncConnection, Config, Connection, Error};

#[tokio::test]
async fn what_needs_tls_is_a_usage_error() {
    let refused = [
        ("sslmode=require", "sslmode value \"require\""),
        ("sslmode=verify-ca", "sslmode value \"verify-ca\""),
        (
            "sslmode=verify-full sslrootcert=/nowhere",
            "sslmode value \"verify-full\"",
        ),
        ("sslrootcert=system", "sslmode value \"verify-full\""),
        (
            "sslmode=require sslnegotiation=direct",
            "sslmode value \"require\"",
        ),
        ("sslcertmode=require", "sslcertmode value \"require\""),
        (
            "channel_binding=require",
            "channel_binding value \"require\"",
        ),
    ];
    for (options, named) in refused {
        let dsn = format!("{} {options}", tcp_dsn());
        let config: Config = dsn.parse().unwrap();
        let errors = [
            Connection::connect(&dsn).unwrap_err(),
            AsyncConnection::connect(&dsn).await.unwrap_err(),
            config.connect_client().await.unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_usage(), "{error}");
            let text = error.to_string();
            assert!(
                text.contains(named) && text.contains("without its feature \"rustls\""),
                "{text}"
            );
        }
    }
}

#[test]
fn nobody_is_asked_for_tls() {
    for options in ["", "sslmode=prefer", "sslmode=allow sslrootcert=/nowhere"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut first = [0_u8; 8];
            client.read_exact(&mut first).unwrap();
            // A second attempt would find nobody.
            (u16::from_be_bytes([first[4], first[5]]), drop(listener)).0
        });
        let dsn = format!("host=127.0.0.1 port={port} user=ann dbname=shop {options}");
        let error = Connection::connect(&dsn).unwrap_err();
        assert!(error.is_closed() && !error.is_usage(), "{error}");
        // A startup message has the protocol's version there, an SSLRequest 1234.
        assert_eq!(heard.join().unwrap(), 3, "{options}");
    }
}

#[tokio::test]
async fn sessions_and_their_cancel_requests_are_plain() -> Result<(), Error> {
    let dsn = format!("{} sslmode=prefer", tcp_dsn());
    let mut conn = Connection::connect(&dsn)?;
    assert!(conn.info().tls().is_none());
    let pid = conn.info().backend_pid();
    let cancel = conn.cancel_handle();
    let canceller = std::thread::spawn(move || {
        wait_until_running(pid, "pg_sleep");
        cancel.cancel()
    });
    let error = conn.execute("SELECT pg_sleep(60)", ()).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    canceller.join().unwrap()?;
    assert_eq!(conn.query_scalar::<i32>("SELECT 1", ())?, 1);

    let mut conn = AsyncConnection::connect(&dsn).await?;
    assert!(conn.info().tls().is_none());
    assert_eq!(conn.query_scalar::<i32>("SELECT 1", ()).await?, 1);
    Ok(())
}
