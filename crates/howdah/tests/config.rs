//! A config: what the server gets of it.

mod common;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use common::{dsn, tcp_dsn};
use howdah::config::{
    ChannelBinding, GssEncMode, LoadBalanceHosts, Replication, SslCertMode, SslMode,
    SslNegotiation, TargetSessionAttrs, TlsVersion,
};
use howdah::{Config, Connection};
use howdah_protocol::conninfo;
use howdah_protocol::wire::{Authentication, BackendMessage, FrontendMessage};
use howdah_testkit::{MockServer, Script};

/// What tears a connection string into others.
const DIFFICULT: &[&str] = &[
    "with spaces host=elsewhere",
    "' host='elsewhere",
    r"\' host=elsewhere \",
    "\\",
    "'",
    "@elsewhere/other?host=elsewhere#",
    "%40%00%zz",
    "a=b;c=d,e=f",
    " at both ends ",
    "line\nand\ttab",
    "ünïcödé ☃",
    "***",
];

/// A server that checks the startup parameters, and the password if there is to be one.
fn takes(startup: &[(&str, &str)], password: &str) -> Script {
    let wanted: HashMap<Vec<u8>, Vec<u8>> = startup
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect();
    let is_startup = move |message: &FrontendMessage<'_>| {
        let FrontendMessage::StartupMessage { parameters, .. } = message else {
            return false;
        };
        let get = |name: &[u8]| parameters.iter().find(|(known, _)| *known == name);
        wanted
            .iter()
            .all(|(name, value)| get(name).is_some_and(|(_, got)| got == value))
    };
    let script = Script::new().expect_startup("the parameters", is_startup);
    let request = BackendMessage::Authentication(Authentication::CleartextPassword);
    let password = [password.as_bytes(), b"\0"].concat();
    script
        .send(&[request])
        .expect("the password", move |message| {
            matches!(message, FrontendMessage::AuthenticationResponse(answer) if *answer.0 == *password)
        })
        .send(&[BackendMessage::Authentication(Authentication::Ok)])
        .finish_startup()
}

#[test]
fn values_arrive_unharmed() {
    for value in DIFFICULT {
        let startup = [
            ("user", *value),
            ("database", value),
            ("application_name", value),
            ("options", value),
        ];
        let server = MockServer::tcp([takes(&startup, value)]).unwrap();
        let mut config = Config::new();
        config
            .host(server.host())
            .port(server.port())
            .sslmode(SslMode::Disable)
            .user(*value)
            .password(*value)
            .dbname(*value)
            .application_name(*value)
            .options(*value);
        drop(config.connect().unwrap());
        server.join().unwrap();
        assert_eq!(config.get_user(), Some(*value));
        assert_eq!(config.get_dbname(), Some(*value));
        assert_eq!(config.get_application_name(), Some(*value));
        assert_eq!(config.get("password"), Some(*value));
    }
}

#[test]
fn names_arrive_at_a_server() {
    let mut admin = common::connect();
    for (number, difficult) in DIFFICULT.iter().enumerate() {
        // The server cuts longer names off.
        let name = format!("{number} {difficult}\" {}", std::process::id());
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        admin
            .batch_execute(&format!("CREATE ROLE {quoted} LOGIN"))
            .unwrap();
        let mut config: Config = tcp_dsn().parse().unwrap();
        config.user(&name).dbname("postgres");
        let user: String = config
            .connect()
            .and_then(|mut conn| conn.query_one("SELECT session_user::text", ())?.get(0))
            .unwrap();
        assert_eq!(user, name);
        admin.batch_execute(&format!("DROP ROLE {quoted}")).unwrap();
    }
}

#[test]
fn settings_arrive_at_a_server() {
    let mut config: Config = dsn().parse().unwrap();
    for value in DIFFICULT {
        config.setting("howdah.difficult", value);
        let mut conn = config.connect().unwrap();
        let row = conn
            .query_one("SELECT current_setting('howdah.difficult')", ())
            .unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), *value);
    }
    let error = config.setting("a b", "c").setting("jit", "off").connect();
    let error = error.unwrap_err();
    assert!(error.is_usage(), "{error}");
}

#[test]
fn hosts_are_tried_in_turn() {
    let server = MockServer::tcp([Script::new().accept_startup()]).unwrap();
    let mut config = Config::new();
    config
        .hosts(["127.0.0.1", "localhost"])
        .hostaddrs([IpAddr::V4(Ipv4Addr::LOCALHOST); 2])
        .ports([1, server.port()])
        .user("me")
        .sslmode(SslMode::Disable);
    assert_eq!(config.get_hosts(), ["127.0.0.1", "localhost"]);
    let conn = config.connect().unwrap();
    assert_eq!(conn.info().port(), server.port());
    server.join().unwrap();
}

#[test]
fn what_no_server_could_be_told_is_an_error() {
    let commas = Config::new().host("127.0.0.1,elsewhere").connect();
    assert!(commas.unwrap_err().is_usage());
    let mut config = Config::new();
    config.host("127.0.0.1").port(1).password("a\0sesame");
    let error = config.connect().unwrap_err();
    assert!(error.is_usage() && !error.to_string().contains("sesame"));
    // Another value makes it good: nobody listens there.
    let error = config.password("b").connect().unwrap_err();
    assert!(!error.is_usage() && error.is_closed(), "{error}");
    let set = config.password("a\0b").set("password", "b").unwrap();
    assert!(!set.connect().unwrap_err().is_usage());
}

#[test]
fn choices_are_the_words_of_libpq() {
    let mut config = Config::new();
    config
        .sslmode(SslMode::VerifyFull)
        .sslnegotiation(SslNegotiation::Direct)
        .sslrootcert_system()
        .sslcert("/c")
        .sslkey("/k")
        .sslpassword("p")
        .sslcertmode(SslCertMode::Require)
        .sslcrl("/r")
        .sslcrldir("/d")
        .sslsni(false)
        .ssl_min_protocol_version(TlsVersion::Tls1_2)
        .ssl_max_protocol_version(TlsVersion::Tls1_3)
        .gssencmode(GssEncMode::Disable)
        .krbsrvname("pg")
        .channel_binding(ChannelBinding::Require)
        .require_auth("scram-sha-256")
        .requirepeer("postgres")
        .target_session_attrs(TargetSessionAttrs::PreferStandby)
        .load_balance_hosts(LoadBalanceHosts::Random)
        .replication(Replication::Database)
        .keepalives(true)
        .keepalives_idle(Duration::from_millis(1500))
        .keepalives_interval(Duration::ZERO)
        .keepalives_count(u32::MAX)
        .tcp_user_timeout(Duration::from_micros(1))
        .connect_timeout(Duration::from_millis(1))
        .passfile("/p")
        .service("s")
        .fallback_application_name("f");
    let written = "sslmode=verify-full sslnegotiation=direct sslrootcert=system sslcert=/c sslkey=/k sslpassword=p \
        sslcertmode=require sslcrl=/r sslcrldir=/d sslsni=0 ssl_min_protocol_version=TLSv1.2 \
        ssl_max_protocol_version=TLSv1.3 gssencmode=disable krbsrvname=pg channel_binding=require \
        require_auth=scram-sha-256 requirepeer=postgres target_session_attrs=prefer-standby load_balance_hosts=random \
        replication=database keepalives=1 keepalives_idle=2 keepalives_interval=0 keepalives_count=2147483647 \
        tcp_user_timeout=1 connect_timeout=1 passfile=/p service=s fallback_application_name=f";
    let written = conninfo::parse(written).unwrap();
    assert_eq!(written.len(), 29);
    for (name, value) in written.iter() {
        assert_eq!(config.get(name), Some(value), "{name}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let mut config: Config = "postgresql://ann:se?s@me@db.example/shop".parse().unwrap();
    assert!(!format!("{config:?}").contains("me@"), "{config:?}");
    config = Config::new();
    config.user("ann").password("sesame").sslpassword("sesame");
    config.set("scram_client_key", "sesame").unwrap();
    config.set("oauth_client_secret", "sesame").unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(
        shown.contains("ann") && !shown.contains("sesame"),
        "{shown}"
    );
}

#[test]
fn configs_can_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let config: Config = dsn().parse().unwrap();
    shared(&config);
    let other = config.clone();
    std::thread::spawn(move || other.connect().unwrap())
        .join()
        .unwrap();
}

fn prepared(conn: &mut Connection) -> i64 {
    let sql = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%number%'";
    conn.simple_query(sql).unwrap()[0]
        .row(0)
        .unwrap()
        .get(0)
        .unwrap()
}

#[test]
fn statements_are_prepared_as_the_config_says() {
    let mut config: Config = dsn().parse().unwrap();
    for (threshold, max, expected) in [
        (None, Some(100), 0),
        (Some(0), Some(100), 5),
        (Some(0), Some(2), 2),
        (Some(0), None, 5),
        (Some(2), None, 0),
    ] {
        config.prepare_threshold(threshold).prepared_max(max);
        let mut conn = config.connect().unwrap();
        for number in 0..5 {
            let sql = format!("SELECT {number} AS number");
            conn.query(&sql, ()).unwrap();
        }
        assert_eq!(prepared(&mut conn), expected, "{threshold:?} {max:?}");
        conn.set_prepared_max(Some(1));
        conn.set_prepare_threshold(Some(0));
        conn.query("SELECT -1 AS number", ()).unwrap();
        conn.query("SELECT -2 AS number", ()).unwrap();
        assert_eq!(prepared(&mut conn), 1);
    }
}

#[test]
fn the_cancel_timeout_is_the_configs() {
    let mut config: Config = dsn().parse().unwrap();
    assert_eq!(
        config.connect().unwrap().cancel_timeout(),
        Duration::from_secs(5)
    );
    config.cancel_timeout(Duration::from_millis(700));
    let conn = config.connect().unwrap();
    assert_eq!(conn.cancel_timeout(), Duration::from_millis(700));
}
