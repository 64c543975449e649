//! Scripted handshakes: what the server says, what the client answers, how it ends.

use super::*;
use crate::auth::md5;
use crate::error::UsageError;
use crate::wire::{Authentication, Diagnostic, FrontendMessage, Secret};

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";

fn config() -> StartupConfig {
    StartupConfig {
        params: vec![
            ("user".into(), "ann".into()),
            ("database".into(), "shop".into()),
        ],
        user: "ann".into(),
        password: Some(Password::new("pencil")),
        nonce: NONCE.into(),
        protocol_minor: 0,
        min_protocol_minor: 0,
        ..StartupConfig::default()
    }
}

fn requiring(methods: &str) -> StartupConfig {
    StartupConfig {
        require_auth: Some(RequireAuth::parse(methods).unwrap()),
        ..config()
    }
}

fn begin(config: StartupConfig) -> Startup {
    Startup::begin(config, &mut Vec::new()).unwrap()
}

/// Plays the server's messages; gives how it ended, and all that the client sent after its startup message.
fn play(
    config: StartupConfig,
    script: &[BackendMessage<'_>],
) -> (Result<Progress, StartupError>, Vec<u8>) {
    let mut out = Vec::new();
    let mut startup = begin(config);
    for message in script {
        match startup.advance(message.clone(), &mut out) {
            Ok(Progress::Continue(next)) => startup = next,
            ended => return (ended, out),
        }
    }
    (Ok(Progress::Continue(startup)), out)
}

fn ready(config: StartupConfig, script: &[BackendMessage<'_>]) -> SessionParameters {
    match play(config, script).0 {
        Ok(Progress::Ready(session)) => session,
        other => panic!("{other:?}"),
    }
}

fn failed(config: StartupConfig, script: &[BackendMessage<'_>]) -> StartupError {
    match play(config, script).0 {
        Err(error) => error,
        other => panic!("{other:?}"),
    }
}

fn protocol_error(config: StartupConfig, script: &[BackendMessage<'_>]) -> String {
    match failed(config, script) {
        StartupError::Protocol(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn auth(request: Authentication<'_>) -> BackendMessage<'_> {
    BackendMessage::Authentication(request)
}

const OK: BackendMessage<'static> = BackendMessage::Authentication(Authentication::Ok);
const READY: BackendMessage<'static> = BackendMessage::ReadyForQuery(TransactionStatus::Idle);
const CLEARTEXT: BackendMessage<'static> =
    BackendMessage::Authentication(Authentication::CleartextPassword);
const MD5: BackendMessage<'static> =
    BackendMessage::Authentication(Authentication::Md5Password { salt: [1, 2, 3, 4] });

fn sasl<'a>(mechanisms: &[&'a str]) -> BackendMessage<'a> {
    auth(Authentication::Sasl(
        mechanisms.iter().map(|name| name.as_bytes()).collect(),
    ))
}

fn status<'a>(name: &'a str, value: &'a str) -> BackendMessage<'a> {
    BackendMessage::ParameterStatus {
        name: name.as_bytes(),
        value: value.as_bytes(),
    }
}

fn diagnostic(fields: &[(u8, &str)]) -> Diagnostic {
    Diagnostic::from_fields(fields.iter().map(|(code, text)| (*code, text.as_bytes()))).unwrap()
}

/// A PasswordMessage with this text.
fn password_message(text: &str) -> Vec<u8> {
    let mut expected = Vec::new();
    frontend::password(&mut expected, text.as_bytes()).unwrap();
    expected
}

/// The server's side of the exchange of `pencil` with an empty user name, as the RFC's formulas give it.
struct ScramServer {
    first: String,
    last: String,
}

impl ScramServer {
    /// Made with Python's hashlib and hmac, for one iteration.
    fn new() -> Self {
        Self {
            first: format!("r={NONCE}3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=1"),
            last: SERVER_SIGNATURE.into(),
        }
    }

    fn challenge(&self) -> BackendMessage<'_> {
        auth(Authentication::SaslContinue(self.first.as_bytes()))
    }

    fn outcome(&self) -> BackendMessage<'_> {
        auth(Authentication::SaslFinal(self.last.as_bytes()))
    }
}

const SERVER_SIGNATURE: &str = "v=APO5jKAYz2Scq8D9g0+vOA/6lOPmuZVWoYxgoEPklmo=";
const CLIENT_FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO3rfcNHYJY1ZVvWVs7j,p=7VFEeIWz1XgrDeKYaXAchPLjYjFPmK9kOYUUGz80WPk=";

#[test]
fn the_startup_message_carries_the_parameters() {
    let mut out = Vec::new();
    Startup::begin(
        StartupConfig {
            protocol_minor: 2,
            ..config()
        },
        &mut out,
    )
    .unwrap();
    assert_eq!(out, b"\0\0\0\x20\0\x03\0\x02user\0ann\0database\0shop\0\0");
}

#[test]
fn parameters_that_cannot_be_sent_are_the_callers_fault() {
    let mut out = b"before".to_vec();
    let config = StartupConfig {
        params: vec![("user".into(), "a\0b".into())],
        ..config()
    };
    let error = Startup::begin(config, &mut out).unwrap_err();
    assert!(
        matches!(error, StartupError::Usage(UsageError::NulInString { .. })),
        "{error:?}"
    );
    assert_eq!(out, b"before");
}

#[test]
fn trust() {
    let key = BackendMessage::BackendKeyData {
        process_id: 7,
        secret_key: Secret(&[1; 32]),
    };
    let script = [
        OK,
        status("server_version", "18.6"),
        key,
        status("TimeZone", "UTC"),
        BackendMessage::NoticeResponse(diagnostic(&[(b'M', "welcome")])),
        status("TimeZone", "Europe/Rome"),
        READY,
    ];
    let session = ready(config(), &script);
    assert_eq!(
        (session.process_id, &*session.secret_key),
        (7, &[1; 32][..])
    );
    assert_eq!(session.parameters.len(), 2);
    assert_eq!(
        (&*session.parameters[1].0, &*session.parameters[1].1),
        (&b"TimeZone"[..], &b"Europe/Rome"[..])
    );
    assert_eq!((session.minor_version, session.used_password), (0, false));
    assert_eq!(session.status, TransactionStatus::Idle);
    assert!(play(config(), &script).1.is_empty());
}

#[test]
fn a_server_without_cancel_keys_will_do() {
    let session = ready(config(), &[OK, READY]);
    assert_eq!((session.process_id, session.secret_key.len()), (0, 0));
}

#[test]
fn cleartext() {
    let (end, sent) = play(config(), &[CLEARTEXT, OK, READY]);
    assert!(matches!(end, Ok(Progress::Ready(session)) if session.used_password));
    assert_eq!(sent, password_message("pencil"));
}

#[test]
fn md5_password() {
    let (end, sent) = play(config(), &[MD5, OK, READY]);
    assert!(matches!(end, Ok(Progress::Ready(session)) if session.used_password));
    assert_eq!(
        sent,
        password_message(&md5::response(
            "ann",
            &Password::new("pencil"),
            [1, 2, 3, 4]
        ))
    );
}

#[test]
fn scram() {
    let server = ScramServer::new();
    let offer = sasl(&["SCRAM-SHA-512", "SCRAM-SHA-256"]);
    let (end, sent) = play(
        config(),
        &[offer, server.challenge(), server.outcome(), OK, READY],
    );
    assert!(matches!(end, Ok(Progress::Ready(session)) if session.used_password));
    let mut expected = Vec::new();
    let first = format!("n,,n=,r={NONCE}");
    frontend::sasl_initial_response(&mut expected, b"SCRAM-SHA-256", Some(first.as_bytes()))
        .unwrap();
    frontend::sasl_response(&mut expected, CLIENT_FINAL.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&sent),
        String::from_utf8_lossy(&expected)
    );
}

/// A challenge with so many iterations.
fn challenge(iterations: u32) -> String {
    format!("r={NONCE}3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i={iterations}")
}

#[test]
fn a_long_derivation_is_done_in_pieces() {
    let challenge = challenge(10_000);
    let script = [
        sasl(&["SCRAM-SHA-256"]),
        auth(Authentication::SaslContinue(challenge.as_bytes())),
    ];
    let (Ok(Progress::Continue(mut startup)), sent) = play(config(), &script) else {
        panic!("it goes on");
    };
    let mut out = Vec::new();
    let mut pieces = 1;
    while startup.is_working() {
        assert!(out.is_empty());
        match startup.work(&mut out).unwrap() {
            Progress::Continue(next) => startup = next,
            other => panic!("{other:?}"),
        }
        pieces += 1;
    }
    assert_eq!(pieces, 3);
    assert!(out.starts_with(b"p") && !sent.is_empty());
    let early = play(config(), &[&script[..], &[OK]].concat())
        .0
        .unwrap_err();
    assert_eq!(
        early.to_string(),
        "got AuthenticationOk while expecting nothing: it is this side's turn"
    );
}

#[test]
fn scram_cannot_be_cut_short() {
    let server = ScramServer::new();
    let offer = sasl(&["SCRAM-SHA-256"]);
    assert_eq!(
        protocol_error(config(), &[offer.clone(), OK]),
        "got AuthenticationOk while expecting AuthenticationSASLContinue"
    );
    assert_eq!(
        protocol_error(config(), &[offer.clone(), server.challenge(), OK]),
        "got AuthenticationOk while expecting AuthenticationSASLFinal"
    );
    assert_eq!(
        protocol_error(config(), &[offer.clone(), server.outcome()]),
        "got AuthenticationSASLFinal while expecting AuthenticationSASLContinue"
    );
    assert_eq!(
        protocol_error(
            config(),
            &[offer.clone(), server.challenge(), server.outcome(), READY]
        ),
        "got ReadyForQuery while expecting AuthenticationOk"
    );
    assert_eq!(
        protocol_error(
            config(),
            &[offer.clone(), server.challenge(), server.challenge()]
        ),
        "got AuthenticationSASLContinue while expecting AuthenticationSASLFinal"
    );
}

#[test]
fn a_server_that_cannot_prove_itself_is_refused() {
    let server = ScramServer {
        last: SERVER_SIGNATURE.replace("v=", "v=A"),
        ..ScramServer::new()
    };
    let script = [
        sasl(&["SCRAM-SHA-256"]),
        server.challenge(),
        server.outcome(),
        OK,
        READY,
    ];
    assert!(matches!(
        failed(config(), &script),
        StartupError::Protocol(_)
    ));
    let other = StartupConfig {
        password: Some(Password::new("other")),
        ..config()
    };
    let server = ScramServer::new();
    let script = [
        sasl(&["SCRAM-SHA-256"]),
        server.challenge(),
        server.outcome(),
        OK,
        READY,
    ];
    assert_eq!(
        failed(other, &script),
        StartupError::Auth("incorrect server signature".into())
    );
}

#[test]
fn a_missing_password_is_noticed_before_anything_is_sent() {
    for password in [None, Some(Password::new(""))] {
        for request in [CLEARTEXT, MD5, sasl(&["SCRAM-SHA-256"])] {
            let config = StartupConfig {
                password: password.clone(),
                ..config()
            };
            let (end, sent) = play(config, &[request]);
            assert_eq!(
                end.unwrap_err(),
                StartupError::Auth("fe_sendauth: no password supplied".into())
            );
            assert!(sent.is_empty());
        }
    }
}

#[test]
fn foreign_methods_are_not_supported() {
    let cases = [
        (
            auth(Authentication::KerberosV5),
            "Kerberos 5 authentication not supported",
        ),
        (
            auth(Authentication::Sspi),
            "SSPI authentication not supported",
        ),
        (
            sasl(&["SCRAM-SHA-512"]),
            "none of the server's SASL authentication mechanisms are supported",
        ),
        (
            sasl(&[]),
            "none of the server's SASL authentication mechanisms are supported",
        ),
    ];
    for (request, message) in cases {
        assert_eq!(
            failed(config(), &[request]),
            StartupError::NotSupported(message.into())
        );
    }
}

#[test]
fn require_auth_is_checked_before_the_password_leaves() {
    let prefix = "authentication method requirement";
    let cases = [
        (
            "scram-sha-256",
            CLEARTEXT,
            "\"scram-sha-256\" failed: server requested a cleartext password",
        ),
        (
            "scram-sha-256",
            MD5,
            "\"scram-sha-256\" failed: server requested a hashed password",
        ),
        (
            "scram-sha-256",
            OK,
            "\"scram-sha-256\" failed: server did not complete authentication",
        ),
        (
            "md5",
            sasl(&["SCRAM-SHA-256"]),
            "\"md5\" failed: server requested SASL authentication",
        ),
        (
            "!none",
            OK,
            "\"!none\" failed: server did not complete authentication",
        ),
        (
            "none",
            CLEARTEXT,
            "\"none\" failed: server requested a cleartext password",
        ),
        (
            "!gss",
            auth(Authentication::Gss),
            "\"!gss\" failed: server requested GSSAPI authentication",
        ),
    ];
    for (methods, request, message) in cases {
        let (end, sent) = play(requiring(methods), &[request]);
        assert_eq!(
            end.unwrap_err(),
            StartupError::Auth(format!("{prefix} {message}"))
        );
        assert!(sent.is_empty(), "{methods}");
    }
    ready(requiring("md5"), &[MD5, OK, READY]);
    ready(requiring("none"), &[OK, READY]);
    ready(requiring("!password"), &[OK, READY]);
    let server = ScramServer::new();
    let script = [
        sasl(&["SCRAM-SHA-256"]),
        server.challenge(),
        server.outcome(),
        OK,
        READY,
    ];
    ready(requiring("scram-sha-256"), &script);
}

#[test]
fn the_servers_error_is_passed_on_at_every_step() {
    let error = diagnostic(&[
        (b'S', "FATAL"),
        (b'C', "28P01"),
        (b'M', "password authentication failed for user \"ann\""),
        (b'H', "try harder"),
    ]);
    let refusal = BackendMessage::ErrorResponse(error.clone());
    let server = ScramServer::new();
    let steps = [
        sasl(&["SCRAM-SHA-256"]),
        server.challenge(),
        server.outcome(),
        OK,
    ];
    for count in 0..=steps.len() {
        let mut script = steps[..count].to_vec();
        script.push(refusal.clone());
        let failure = failed(config(), &script);
        assert_eq!(
            failure,
            if count < steps.len() {
                StartupError::Rejected(error.clone())
            } else {
                StartupError::Server(error.clone())
            }
        );
        assert_eq!(
            failure.to_string(),
            "FATAL:  password authentication failed for user \"ann\"\nHINT:  try harder"
        );
    }
}

#[test]
fn messages_out_of_turn_break_the_protocol() {
    let cases: &[(&[BackendMessage<'_>], &str)] = &[
        (
            &[READY],
            "got ReadyForQuery while expecting an authentication request",
        ),
        (
            &[status("a", "b")],
            "got ParameterStatus while expecting an authentication request",
        ),
        (
            &[BackendMessage::BindComplete],
            "got BindComplete while expecting an authentication request",
        ),
        (
            &[auth(Authentication::SaslContinue(b""))],
            "got AuthenticationSASLContinue while expecting an authentication request",
        ),
        (
            &[auth(Authentication::GssContinue(b""))],
            "got AuthenticationGSSContinue while expecting an authentication request",
        ),
        (
            &[CLEARTEXT, CLEARTEXT],
            "got AuthenticationCleartextPassword while expecting AuthenticationOk",
        ),
        (
            &[MD5, MD5],
            "got AuthenticationMD5Password while expecting AuthenticationOk",
        ),
        (
            &[CLEARTEXT, READY],
            "got ReadyForQuery while expecting AuthenticationOk",
        ),
        (
            &[OK, OK],
            "got AuthenticationOk while expecting ReadyForQuery",
        ),
        (
            &[OK, CLEARTEXT],
            "got AuthenticationCleartextPassword while expecting ReadyForQuery",
        ),
        (
            &[OK, BackendMessage::CopyData(b"x")],
            "got CopyData while expecting ReadyForQuery",
        ),
        (
            &[OK, negotiation(0x3_0000, &[])],
            "got NegotiateProtocolVersion while expecting ReadyForQuery",
        ),
    ];
    for (script, message) in cases {
        assert_eq!(protocol_error(config(), script), *message);
    }
}

fn negotiation<'a>(version: i32, unrecognized: &[&'a str]) -> BackendMessage<'a> {
    let unrecognized = unrecognized.iter().map(|name| name.as_bytes()).collect();
    BackendMessage::NegotiateProtocolVersion {
        version,
        unrecognized,
    }
}

/// Asks for protocol 3.2 with an option.
fn modern() -> StartupConfig {
    let mut config = StartupConfig {
        protocol_minor: 2,
        ..config()
    };
    config.params.push(("_pq_.fast".into(), "on".into()));
    config
}

#[test]
fn versions_are_negotiated() {
    let minor = |config, message| ready(config, &[message, OK, READY]).minor_version;
    assert_eq!(minor(modern(), negotiation(0x3_0000, &["_pq_.fast"])), 0);
    assert_eq!(minor(modern(), negotiation(0x3_0000, &[])), 0);
    assert_eq!(minor(modern(), negotiation(0x3_0002, &["_pq_.fast"])), 2);
    assert_eq!(ready(modern(), &[OK, READY]).minor_version, 2);
}

#[test]
fn nonsense_is_not_negotiated() {
    let prefix = "received invalid protocol negotiation message: server negotiates";
    let cases = [
        (negotiation(0x2_0000, &[]), "to a version other than 3"),
        (negotiation(0x4_0000, &[]), "to a version other than 3"),
        (negotiation(-1, &[]), "to a version other than 3"),
        (
            negotiation(0x3_0001, &[]),
            "to protocol 3.1, which does not exist",
        ),
        (
            negotiation(0x3_0000, &["user"]),
            "a parameter that is no protocol option",
        ),
        (
            negotiation(0x3_0000, &["_pq_.other"]),
            "an option that was not asked for",
        ),
        (
            negotiation(0x3_0003, &["_pq_.fast"]),
            "to a higher version than was asked for",
        ),
        (negotiation(0x3_0002, &[]), "but asks for no changes"),
    ];
    for (message, what) in cases {
        assert_eq!(
            protocol_error(modern(), &[message]),
            format!("{prefix} {what}")
        );
    }
    let twice = [negotiation(0x3_0000, &[]), negotiation(0x3_0000, &[])];
    assert_eq!(
        protocol_error(modern(), &twice),
        "got NegotiateProtocolVersion while expecting an authentication request"
    );
}

#[test]
fn the_callers_minimum_is_kept() {
    let config = StartupConfig {
        min_protocol_minor: 2,
        ..modern()
    };
    let error = failed(config, &[negotiation(0x3_0000, &[])]);
    let text =
        "server only supports protocol version 3.0, but \"min_protocol_version\" was set to 3.2";
    assert_eq!(error, StartupError::NotSupported(text.into()));
}

#[test]
fn parameters_are_bounded() {
    let names: Vec<String> = (0..=1_000).map(|number| format!("p{number}")).collect();
    let mut script = vec![OK];
    script.extend(names.iter().map(|name| status(name, "x")));
    assert_eq!(
        protocol_error(config(), &script),
        "server reports more than 1000 parameters"
    );
}

#[test]
fn a_nonce_that_scram_cannot_carry_is_refused() {
    let config = StartupConfig {
        nonce: "a,b".into(),
        ..config()
    };
    let (end, sent) = play(config, &[sasl(&["SCRAM-SHA-256"])]);
    let text = "SCRAM nonce must be printable ASCII without commas";
    assert_eq!(end.unwrap_err(), StartupError::Auth(text.into()));
    assert!(sent.is_empty());
}

#[test]
fn debug_shows_no_password() {
    assert!(!format!("{:?}", config()).contains("pencil"));
    let mut startup = begin(config());
    let server = ScramServer::new();
    for message in [
        sasl(&["SCRAM-SHA-256"]),
        server.challenge(),
        server.outcome(),
        OK,
    ] {
        assert!(!format!("{startup:?}").contains("pencil"));
        match startup.advance(message, &mut Vec::new()) {
            Ok(Progress::Continue(next)) => startup = next,
            other => panic!("{other:?}"),
        }
    }
    assert!(format!("{startup:?}").contains("ExpectReady"));
}

#[test]
fn what_the_client_sends_is_what_a_server_reads() {
    let mut out = Vec::new();
    Startup::begin(config(), &mut out).unwrap();
    let message = FrontendMessage::decode_startup(&out[4..]).unwrap();
    let FrontendMessage::StartupMessage { minor, parameters } = message else {
        panic!("{message:?}");
    };
    assert_eq!(minor, 0);
    assert_eq!(
        parameters,
        [(&b"user"[..], &b"ann"[..]), (b"database", b"shop")]
    );
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    /// Every message that has a part in a handshake, and some that have not.
    fn frames() -> Vec<(u8, Vec<u8>)> {
        let server = ScramServer::new();
        let messages = [
            OK,
            READY,
            CLEARTEXT,
            MD5,
            sasl(&["SCRAM-SHA-256"]),
            sasl(&["OAUTHBEARER"]),
            server.challenge(),
            server.outcome(),
            auth(Authentication::Gss),
            auth(Authentication::GssContinue(b"x")),
            status("TimeZone", "UTC"),
            BackendMessage::BackendKeyData {
                process_id: 1,
                secret_key: Secret(b"1234"),
            },
            negotiation(0x3_0000, &["_pq_.fast"]),
            BackendMessage::NoticeResponse(diagnostic(&[(b'M', "hello")])),
            BackendMessage::ErrorResponse(diagnostic(&[(b'M', "no")])),
            BackendMessage::ParseComplete,
            BackendMessage::CommandComplete { tag: b"SELECT 1" },
        ];
        let frame = |message: &BackendMessage<'_>| {
            let mut bytes = Vec::new();
            message.encode(&mut bytes).unwrap();
            (message.tag(), bytes.split_off(crate::wire::HEADER_LEN))
        };
        messages.iter().map(frame).collect()
    }

    proptest! {
        #[test]
        fn any_order_of_messages_ends_well(order in prop::collection::vec(0..17_usize, 0..12)) {
            let frames = frames();
            let mut out = Vec::new();
            let mut startup = begin(modern());
            let mut accepted = false;
            for index in order {
                let (tag, body) = &frames[index];
                let message = BackendMessage::decode(*tag, body).unwrap();
                accepted |= message == OK;
                match startup.advance(message, &mut out) {
                    Ok(Progress::Continue(next)) => startup = next,
                    Ok(Progress::Ready(_)) => {
                        prop_assert!(accepted, "no session without AuthenticationOk");
                        break;
                    }
                    Err(_) => break,
                }
            }
        }

        #[test]
        fn damaged_messages_end_well(
            damage in prop::collection::vec((0..7_usize, any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let all = frames();
            let mut script: Vec<_> = [12, 4, 6, 7, 0, 11, 1].into_iter().map(|index| all[index].clone()).collect();
            for (step, at, byte) in damage {
                let (_, body) = &mut script[step];
                let at = at.index(body.len());
                body[at] = byte;
            }
            let (_, body) = &mut script[cut.index(7)];
            body.truncate(cut.index(body.len() + 1));
            let mut startup = begin(modern());
            for (tag, body) in &script {
                let Ok(message) = BackendMessage::decode(*tag, body) else { break };
                match startup.advance(message, &mut Vec::new()) {
                    Ok(Progress::Continue(next)) => startup = next,
                    _ => break,
                }
            }
        }
    }
}
