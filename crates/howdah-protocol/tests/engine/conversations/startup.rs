//! Start-up, last words and goodbyes.

use howdah_protocol::connection::{Connection, Event};
use howdah_protocol::session::Session;
use howdah_protocol::startup::StartupConfig;
use howdah_protocol::wire::{Authentication, FrontendMessage, Secret, frontend};
use howdah_testkit::Script;

use super::{check, raw};
use crate::client::{On, Raw, config, show_error};
use crate::replay::Conversation;
use crate::server::{
    ACCEPTED, KEY, Message, READY, columns, complete, error, fatal, notice, parameter, server,
};

#[test]
fn conversations_about_startup() {
    check(TABLE);
}

const SCRAM_FIRST: &[u8] = b"r=clientnonceservernonce,s=c2FsdC1vZi1ob3dkYWghIQ==,i=2";
const SCRAM_PROOF: &[u8] =
    b"c=biws,r=clientnonceservernonce,p=Zd2OEdQfU3tLi02P+FOAkkQ0+6HtbIRAN/0PpsEzfJ0=";
const SCRAM_FINAL: &[u8] = b"v=NnTyEjAhMcclWk7Xj35d+0EBp/U2o630U6VphhfsYmk=";
const MD5: &[u8] = b"md58bd075d5e7d2b818ab12e416568949d3";

fn asks(request: Authentication<'static>) -> Script {
    Script::new()
        .read_startup()
        .send(&[Message::Authentication(request)])
}

fn expect_password(script: Script, password: &'static [u8]) -> Script {
    script.expect("the password", move |message| {
        let FrontendMessage::AuthenticationResponse(answer) = message else {
            return false;
        };
        answer.0.strip_suffix(b"\0") == Some(password)
    })
}

fn scram_to_proof() -> Script {
    asks(Authentication::Sasl(vec![
        b"SCRAM-SHA-512",
        b"SCRAM-SHA-256",
    ]))
    .expect("client-first-message", |message| {
        let FrontendMessage::AuthenticationResponse(answer) = message else {
            return false;
        };
        answer.0 == b"SCRAM-SHA-256\0\0\0\0\x13n,,n=,r=clientnonce"
    })
    .send(&[Message::Authentication(Authentication::SaslContinue(
        SCRAM_FIRST,
    ))])
    .expect("client-final-message", |message| {
        let FrontendMessage::AuthenticationResponse(answer) = message else {
            return false;
        };
        answer.0 == SCRAM_PROOF
    })
}

fn modern() -> StartupConfig {
    let mut config = config();
    config.protocol_minor = 2;
    config
        .params
        .push(("_pq_.shiny".to_owned(), "yes".to_owned()));
    config
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "trust",
        server: || {
            Script::new()
                .read_startup()
                .send(&[
                    ACCEPTED,
                    parameter("server_version", "18.1"),
                    KEY,
                    parameter("is_superuser", "off"),
                    READY,
                ])
                .expect_eof()
        },
        client: || raw(&[]),
        sees: &["started"],
        sends: "",
    },
    Conversation {
        name: "cleartext password",
        server: || {
            expect_password(asks(Authentication::CleartextPassword), b"pencil")
                .send(&[ACCEPTED, KEY, READY])
                .expect_eof()
        },
        client: || raw(&[]),
        sees: &["started"],
        sends: "UnknownAuthenticationResponse",
    },
    Conversation {
        name: "md5 password",
        server: || {
            expect_password(
                asks(Authentication::Md5Password { salt: [1, 2, 3, 4] }),
                MD5,
            )
            .send(&[ACCEPTED, KEY, READY])
            .expect_eof()
        },
        client: || raw(&[]),
        sees: &["started"],
        sends: "UnknownAuthenticationResponse",
    },
    Conversation {
        name: "SCRAM-SHA-256",
        server: || {
            scram_to_proof()
                .send(&[
                    Message::Authentication(Authentication::SaslFinal(SCRAM_FINAL)),
                    ACCEPTED,
                    KEY,
                    READY,
                ])
                .expect_eof()
        },
        client: || raw(&[]),
        sees: &["started"],
        sends: "UnknownAuthenticationResponse UnknownAuthenticationResponse",
    },
    Conversation {
        name: "SCRAM-SHA-256 by a server that does not know the password",
        server: || {
            scram_to_proof()
                .send(&[
                    Message::Authentication(Authentication::SaslFinal(
                        b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                    )),
                    ACCEPTED,
                    KEY,
                    READY,
                ])
                .expect_eof()
        },
        client: || raw(&[]),
        sees: &["no start: incorrect server signature"],
        sends: "UnknownAuthenticationResponse UnknownAuthenticationResponse",
    },
    Conversation {
        name: "wrong password",
        server: || {
            expect_password(asks(Authentication::CleartextPassword), b"pencil")
                .send(&[fatal("28P01")])
        },
        client: || raw(&[]),
        sees: &["refused: 28P01"],
        sends: "UnknownAuthenticationResponse",
    },
    Conversation {
        name: "NegotiateProtocolVersion: an older server that knows no options",
        server: || {
            Script::new()
                .read_startup()
                .send(&[
                    Message::NegotiateProtocolVersion {
                        version: 3 << 16,
                        unrecognized: vec![b"_pq_.shiny"],
                    },
                    ACCEPTED,
                    KEY,
                    READY,
                ])
                .expect_eof()
        },
        client: || Box::new(Raw::new(modern(), &[])),
        sees: &["started"],
        sends: "",
    },
    Conversation {
        name: "notices before and after AuthenticationOk, and a parameter of 3,000 bytes",
        server: || {
            let long = "a, ".repeat(1_000);
            Script::new()
                .read_startup()
                .send(&[
                    notice("before"),
                    ACCEPTED,
                    parameter("search_path", &long),
                    notice("after"),
                    KEY,
                    READY,
                ])
                .expect_eof()
        },
        client: || raw(&[]),
        sees: &["notice before", "notice after", "started"],
        sends: "",
    },
    Conversation {
        name: "Terminate",
        server: || server().expect_eof(),
        client: || raw(&[(On::Idle, Connection::terminate)]),
        sees: &["started"],
        sends: "Terminate",
    },
    Conversation {
        name: "FATAL while idle is the end, also of a socket that stays open",
        server: || server().send(&[notice("soon"), fatal("57P01")]).hang(),
        client: || raw(&[]),
        sees: &["started", "notice soon", "disconnected: 57P01"],
        sends: "",
    },
    Conversation {
        name: "FATAL while idle, noticed when the next request is answered: the first of two counts",
        server: || {
            server()
                .expect_query("select 1")
                .send(&[fatal("57P01"), fatal("08P01"), READY])
                .hang()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select 1").unwrap();
            })])
        },
        sees: &["started", "disconnected: 57P01"],
        sends: "Query",
    },
    Conversation {
        name: "the end amid a result, without a word",
        server: || {
            server()
                .expect_query("select a")
                .send(&[columns(&["a"])])
                .send_row(&[Some("1")])
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &["started", "EOF: disconnected"],
        sends: "Query",
    },
    Conversation {
        name: "an error that answered something is not taken for last words",
        server: || {
            server()
                .expect_query("select 1/0")
                .send(&[error("22012"), READY])
                .expect_query("select 1")
                .send(&[columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), READY])
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.query(b"select 1/0").unwrap();
                }),
                (On::Idle, |connection| {
                    connection.query(b"select 1").unwrap();
                }),
            ])
        },
        sees: &[
            "started",
            "failed 22012",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
            "EOF: disconnected",
        ],
        sends: "Query Query",
    },
];

#[test]
fn an_error_that_answers_nothing_is_the_last_word_of_who_hangs_up_next() {
    let mut connection = Connection::start(config()).unwrap();
    let stream = crate::server::bytes(&[ACCEPTED, READY, error("08006"), error("08P01")]);
    connection.spare()[..stream.len()].copy_from_slice(&stream);
    connection.received(stream.len());
    assert!(matches!(connection.poll(), Ok(Some(Event::Started))));
    assert!(matches!(connection.poll(), Ok(None)));
    assert!(connection.is_idle());
    assert_eq!(show_error(&connection.eof()), "disconnected: 08006");
}

#[test]
fn what_the_server_tells_at_the_start_is_kept() {
    let mut connection = Connection::start(modern()).unwrap();
    let stream = crate::server::bytes(&[
        Message::NegotiateProtocolVersion {
            version: 3 << 16,
            unrecognized: vec![b"_pq_.shiny"],
        },
        ACCEPTED,
        parameter("TimeZone", "UTC"),
        parameter("TimeZone", "Europe/Berlin"),
        KEY,
        READY,
        parameter("TimeZone", "Asia/Tokyo"),
    ]);
    connection.spare()[..stream.len()].copy_from_slice(&stream);
    connection.received(stream.len());
    assert!(!connection.is_idle());
    assert!(matches!(connection.poll(), Ok(Some(_))));
    assert!(connection.is_idle());
    assert_eq!(connection.parameter("TimeZone"), Some("Europe/Berlin"));
    let version = connection.parameters_version();
    assert!(matches!(connection.poll(), Ok(Some(_))));
    assert_eq!(connection.parameter("TimeZone"), Some("Asia/Tokyo"));
    assert_ne!(connection.parameters_version(), version);
    assert_eq!(connection.minor_version(), 0);
    assert_eq!(connection.process_id(), 7);
    assert!(!connection.used_password());
}

#[test]
fn a_cancel_request_shows_the_key_as_it_came_whatever_its_length() {
    for len in 4..=256_usize {
        let key: Vec<u8> = (0..len).map(|n| u8::try_from(n % 256).unwrap()).collect();
        let key = Message::BackendKeyData {
            process_id: -2,
            secret_key: Secret(&key),
        };
        let stream = crate::server::bytes(&[ACCEPTED, key.clone(), READY]);
        let mut connection = Connection::start(modern()).unwrap();
        connection.spare()[..stream.len()].copy_from_slice(&stream);
        connection.received(stream.len());
        connection.poll().unwrap();
        let request = connection.cancel_request().unwrap();
        assert_eq!(
            frontend::startup_frame_len(&request).unwrap(),
            Some(len + 12)
        );
        let Message::BackendKeyData {
            process_id,
            secret_key,
        } = key
        else {
            unreachable!("it was made so above")
        };
        assert_eq!(
            FrontendMessage::decode_startup(&request[4..]),
            Ok(FrontendMessage::CancelRequest {
                process_id,
                secret_key
            }),
            "{len}"
        );
    }
}

/// Numbers, as `Debug` writes bytes.
fn as_numbers(bytes: &[u8]) -> String {
    let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
    numbers.join(", ")
}

#[test]
fn debug_shows_neither_the_password_nor_the_key() {
    let request = Message::Authentication(Authentication::CleartextPassword);
    let key = Message::BackendKeyData {
        process_id: 7,
        secret_key: Secret(b"keys"),
    };
    let stream = crate::server::bytes(&[request, ACCEPTED, key.clone(), READY]);
    let mut connection = Connection::start(config()).unwrap();
    let mut seen = format!("{connection:?} {key:?}");
    connection.spare()[..stream.len()].copy_from_slice(&stream);
    connection.received(stream.len());
    seen += &format!("{connection:?}");
    connection.poll().unwrap();
    assert!(connection.outgoing().ends_with(b"pencil\0"));
    let request = connection.cancel_request().unwrap();
    let request = FrontendMessage::decode_startup(&request[4..]).unwrap();
    seen += &format!("{connection:?} {request:?}");
    seen += &format!("{:?}", Session::new(connection));
    for secret in ["pencil", "keys"] {
        assert!(!seen.contains(secret), "{seen}");
        assert!(!seen.contains(&as_numbers(secret.as_bytes())), "{seen}");
    }
}

#[test]
fn without_a_key_nothing_can_be_cancelled() {
    let stream = crate::server::bytes(&[ACCEPTED, READY]);
    let mut connection = Connection::start(config()).unwrap();
    connection.spare()[..stream.len()].copy_from_slice(&stream);
    connection.received(stream.len());
    connection.poll().unwrap();
    assert!(connection.cancel_request().is_err());
}

#[test]
fn a_long_derivation_pauses_and_what_arrives_meanwhile_waits() {
    let challenge = b"r=clientnonceservernonce,s=c2FsdC1vZi1ob3dkYWghIQ==,i=10000";
    let stream = crate::server::bytes(&[
        Message::Authentication(Authentication::Sasl(vec![b"SCRAM-SHA-256"])),
        Message::Authentication(Authentication::SaslContinue(challenge)),
        notice("patience"),
    ]);
    let mut connection = Connection::start(config()).unwrap();
    connection.spare()[..stream.len()].copy_from_slice(&stream);
    connection.received(stream.len());
    let mut sent = Vec::new();
    for _ in 0..2 {
        assert!(matches!(connection.poll(), Ok(Some(Event::Working))));
        sent = connection.outgoing().to_vec();
        assert!(!connection.is_idle());
    }
    assert!(matches!(connection.poll(), Ok(Some(Event::Notice(_)))));
    let answer = connection.outgoing().strip_prefix(&*sent).unwrap();
    assert!(answer.starts_with(b"p") && answer.ends_with(b"="));
    assert!(matches!(connection.poll(), Ok(None)));
}
