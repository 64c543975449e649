//! Options of a connection that decide where it goes and who may connect: a config, secrets that are asked for, targets.

#![cfg(feature = "tokio")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::dsn;
use howdah::{AsyncConnection, Config, Connection, Error};
use howdah_protocol::wire::{Authentication, BackendMessage, Diagnostic, FrontendMessage};
use howdah_testkit::{MockServer, Script};

/// A server that asks for a cleartext password, and lets in who has this one.
fn asks(password: &'static [u8]) -> Script {
    let request = BackendMessage::Authentication(Authentication::CleartextPassword);
    let fields = [
        (b'S', "FATAL"),
        (b'V', "FATAL"),
        (b'C', "28P01"),
        (b'M', "no"),
    ];
    let fields = fields.map(|(code, text)| (code, text.as_bytes()));
    let refusal = BackendMessage::ErrorResponse(Diagnostic::from_fields(fields).unwrap());
    let script = Script::new().read_startup().send(&[request]);
    let is = move |message: &FrontendMessage<'_>| {
        matches!(message, FrontendMessage::AuthenticationResponse(answer)
            if answer.0.strip_suffix(b"\0") == Some(password))
    };
    let script = script.expect("the password", is);
    if password == b"wrong" {
        script.send(&[refusal])
    } else {
        let ok = BackendMessage::Authentication(Authentication::Ok);
        script.send(&[ok]).finish_startup()
    }
}

/// A server that says what it is.
fn reports(name: &str, value: &str) -> Script {
    let parameter = BackendMessage::ParameterStatus {
        name: name.as_bytes(),
        value: value.as_bytes(),
    };
    let ok = BackendMessage::Authentication(Authentication::Ok);
    let ready = BackendMessage::ReadyForQuery(howdah::TransactionStatus::Idle);
    Script::new()
        .read_startup()
        .send(&[ok, parameter, ready])
        .expect_eof()
}

/// Both shells.
fn connect_both(config: &Config) -> Vec<Result<(), Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    vec![
        config.connect().map(drop),
        runtime.block_on(config.connect_async()).map(drop),
    ]
}

#[test]
fn a_config_is_what_a_string_is() {
    let mut config: Config = dsn().parse().unwrap();
    config.set("application_name", "from a config").unwrap();
    let mut conn = config.connect().unwrap();
    let row = conn.query_one("SHOW application_name", ()).unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "from a config");
    let error = config.set("aplication_name", "x").unwrap_err();
    assert!(error.is_usage());
    let hint = "did you mean \"application_name\"?";
    assert!(error.to_string().contains(hint), "{error}");
    config.set("password", "sesame").unwrap();
    config.password_with(|| Ok("sesame".to_owned()));
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn a_function_gives_the_password_at_each_attempt() {
    let server = MockServer::tcp([
        asks(b"wrong"),
        asks(b"right"),
        asks(b"wrong"),
        asks(b"right"),
    ])
    .unwrap();
    let (host, port) = (server.host(), server.port());
    // The first of the hosts is nobody's.
    let text = format!(
        "host=127.0.0.1,{host},{host} port=1,{port},{port} user=me dbname=db sslmode=disable"
    );
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let mut config: Config = text.parse().unwrap();
    config.password_with(move || {
        let odd = counter.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        Ok(if odd { "right" } else { "wrong" }.to_owned())
    });
    for outcome in connect_both(&config) {
        outcome.unwrap();
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    server.join().unwrap();
}

#[test]
fn a_function_that_fails_ends_the_attempts() {
    let server = MockServer::tcp([Script::new().expect_eof(), Script::new().expect_eof()]).unwrap();
    let mut config: Config = format!("{} host={h},{h}", server.conninfo(), h = server.host())
        .parse()
        .unwrap();
    config.password_with(|| Err("the vault is closed".into()));
    for outcome in connect_both(&config) {
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("the vault is closed"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn an_asynchronous_function_gives_the_password() {
    let server = MockServer::tcp([asks(b"right"), Script::new().expect_eof()]).unwrap();
    let mut config: Config = server.conninfo().parse().unwrap();
    config.password_with_async(|| async {
        tokio::task::yield_now().await;
        Ok("right".to_owned())
    });
    drop(config.connect_async().await.unwrap());
    let error = config.connect().err().unwrap();
    assert!(
        error.is_usage() && error.to_string().contains("connect_async"),
        "{error}"
    );
}

#[test]
fn an_oauth_token_is_sent_to_who_asks_for_it() {
    let server = || {
        let request = Authentication::Sasl(vec![b"OAUTHBEARER".as_slice()]);
        Script::new()
            .read_startup()
            .send(&[BackendMessage::Authentication(request)])
            .expect("the token", |message| {
                let wanted = b"OAUTHBEARER\0\0\0\0\x17n,,\x01auth=Bearer t0k3n\x01\x01";
                matches!(message, FrontendMessage::AuthenticationResponse(answer) if answer.0 == wanted)
            })
            .send(&[BackendMessage::Authentication(Authentication::Ok)])
            .finish_startup()
    };
    let mock = MockServer::tcp([server(), server()]).unwrap();
    let mut config: Config = mock.conninfo().parse().unwrap();
    config.set("require_auth", "oauth").unwrap();
    config.oauth_token_with(|| Ok("t0k3n".to_owned()));
    for outcome in connect_both(&config) {
        outcome.unwrap();
    }
}

#[test]
fn only_servers_that_are_wanted_are_taken() {
    let servers = || {
        let standby = reports("in_hot_standby", "on");
        MockServer::tcp([standby, reports("in_hot_standby", "off")]).unwrap()
    };
    for _ in 0..2 {
        let server = servers();
        let (host, port) = (server.host(), server.port());
        let text = format!(
            "host={host},{host} port={port} user=me dbname=db sslmode=disable target_session_attrs=primary"
        );
        drop(Connection::connect(&text).unwrap());
        server.join().unwrap();
    }
    let mut config: Config = dsn().parse().unwrap();
    config.set("target_session_attrs", "standby").unwrap();
    for outcome in connect_both(&config) {
        let error = outcome.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("server is not in hot standby mode"),
            "{error}"
        );
        assert!(error.needs_reconnect());
    }
    config
        .set("target_session_attrs", "prefer-standby")
        .unwrap();
    for outcome in connect_both(&config) {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_does_not_say_what_it_is_is_asked() {
    let server = |answer| {
        let ok = BackendMessage::Authentication(Authentication::Ok);
        let ready = BackendMessage::ReadyForQuery(howdah::TransactionStatus::Idle);
        Script::new()
            .read_startup()
            .send(&[ok, ready])
            .expect_query("SHOW transaction_read_only")
            .send_result(&[("transaction_read_only", 25)], &[&[Some(answer)]], "SHOW")
            .send_ready()
            .expect_eof()
    };
    let mock = MockServer::tcp([server("on"), server("off")]).unwrap();
    let (host, port) = (mock.host(), mock.port());
    let text = format!(
        "host={host},{host} port={port} user=me dbname=db sslmode=disable target_session_attrs=read-write"
    );
    drop(AsyncConnection::connect(&text).await.unwrap());
    mock.join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_user_behind_a_unix_socket_is_checked() {
    let server =
        MockServer::unix([Script::new().expect_eof(), Script::new().expect_eof()]).unwrap();
    let mut config: Config = server.conninfo().parse().unwrap();
    config.set("requirepeer", "somebody").unwrap();
    for outcome in connect_both(&config) {
        let error = outcome.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("requirepeer specifies \"somebody\""),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_password_file_that_others_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(common::unique("howdah-passfile"));
    std::fs::write(&path, "*:*:*:*:sesame\n").unwrap();
    let mut config: Config = dsn().parse().unwrap();
    config.set("passfile", path.to_str().unwrap()).unwrap();
    let warnings = |mode| {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        config.connect().unwrap().info().warnings().to_vec()
    };
    assert_eq!(warnings(0o600), [""; 0]);
    let told = warnings(0o644);
    assert!(
        told[0].contains("group or world access") && !told[0].contains("sesame"),
        "{told:?}"
    );
    std::fs::remove_file(&path).unwrap();
}
