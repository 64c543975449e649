//! GSSAPI: when a token is made and sent, and what is refused.

use super::{GssAnswer, Progress, SessionParameters, Startup, StartupConfig, StartupError};
use crate::auth::RequireAuth;
use crate::conninfo::ChannelBinding;
use crate::wire::{Authentication, BackendMessage, TransactionStatus};

const OK: BackendMessage<'_> = auth(Authentication::Ok);
const GSS: BackendMessage<'_> = auth(Authentication::Gss);
const READY: BackendMessage<'_> = BackendMessage::ReadyForQuery(TransactionStatus::Idle);

const fn auth(request: Authentication<'_>) -> BackendMessage<'_> {
    BackendMessage::Authentication(request)
}

fn token(token: &[u8]) -> BackendMessage<'_> {
    auth(Authentication::GssContinue(token))
}

fn config() -> StartupConfig {
    StartupConfig {
        params: vec![("user".into(), "ann".into())],
        user: "ann".into(),
        has_gssapi: true,
        ..StartupConfig::default()
    }
}

fn requiring(methods: &str) -> StartupConfig {
    StartupConfig {
        require_auth: Some(RequireAuth::parse(methods).unwrap()),
        ..config()
    }
}

/// Plays the server's messages against a mechanism that is content after `rounds` tokens; gives what came of it, and what was
/// sent after the startup message.
fn play(
    config: StartupConfig,
    rounds: usize,
    script: &[BackendMessage<'_>],
) -> (Result<Option<SessionParameters>, StartupError>, Vec<u8>) {
    let mut startup = Startup::begin(config, &mut Vec::new()).unwrap();
    let mut out = Vec::new();
    for message in script {
        match startup.advance(message.clone(), &mut out) {
            Ok(Progress::Continue(next)) => startup = next,
            Ok(Progress::Ready(session)) => return (Ok(Some(session)), out),
            Err(error) => return (Err(error), out),
        }
        let Some(input) = startup.gss_request() else {
            continue;
        };
        let seen = input.len();
        let answer = GssAnswer {
            // What it is content with it does not answer.
            token: if seen < rounds {
                vec![b't'; seen + 1]
            } else {
                Vec::new()
            },
            is_complete: seen >= rounds,
        };
        match startup.gss_answer(Ok(answer), &mut out) {
            Ok(Progress::Continue(next)) => startup = next,
            other => panic!("{other:?}"),
        }
    }
    (Ok(None), out)
}

fn refusal(config: StartupConfig, rounds: usize, script: &[BackendMessage<'_>]) -> String {
    match play(config, rounds, script).0 {
        Err(error @ (StartupError::Auth(_) | StartupError::Protocol(_))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tokens_go_to_and_fro() {
    for config in [config(), requiring("gss"), requiring("!password,!none")] {
        let (outcome, sent) = play(config, 1, &[GSS, token(b"1"), OK, READY]);
        let session = outcome.unwrap().unwrap();
        assert!(session.used_gssapi && !session.used_password);
        assert_eq!(sent, b"p\0\0\0\x05t");
    }
    let (outcome, sent) = play(config(), 2, &[GSS, token(b"1"), token(b"22"), OK, READY]);
    assert!(outcome.unwrap().is_some());
    assert_eq!(sent, b"p\0\0\0\x05tp\0\0\0\x06tt");
}

#[test]
fn the_server_has_to_prove_itself_first() {
    let expected = "AuthenticationGSSContinue";
    for script in [
        &[GSS, OK][..],
        &[GSS, READY],
        &[GSS, GSS],
        &[GSS, token(b"1"), OK],
    ] {
        let error = refusal(config(), 2, script);
        assert!(error.contains(expected), "{error}");
    }
    let error = refusal(config(), 1, &[GSS, token(b"1"), token(b"1")]);
    assert!(error.ends_with("expecting AuthenticationOk"), "{error}");
}

#[test]
fn nothing_is_taken_while_a_token_is_made() {
    for message in [OK, token(b"1"), READY] {
        let mut out = Vec::new();
        let startup = Startup::begin(config(), &mut out).unwrap();
        let Ok(Progress::Continue(startup)) = startup.advance(GSS, &mut out) else {
            panic!("no token is asked for");
        };
        let error = startup.advance(message, &mut out).unwrap_err();
        assert!(error.to_string().contains("this side's turn"), "{error}");
    }
}

#[test]
fn a_server_that_never_ends_is_given_up() {
    let mut script = vec![GSS];
    script.extend((0..17).map(|_| token(b"x")));
    let error = refusal(config(), usize::MAX, &script);
    assert!(error.contains("did not end after 16 tokens"), "{error}");
    script.pop();
    assert!(play(config(), usize::MAX, &script).0.is_ok());
}

#[test]
fn what_the_mechanism_says_ends_it() {
    let mut out = Vec::new();
    let startup = Startup::begin(config(), &mut out).unwrap();
    let Ok(Progress::Continue(startup)) = startup.advance(GSS, &mut out) else {
        panic!("no token is asked for");
    };
    let error = startup.gss_answer(Err("no ticket".into()), &mut out);
    assert_eq!(error.unwrap_err(), StartupError::Auth("no ticket".into()));
}

#[test]
fn it_is_refused_where_it_is_not_wanted_or_cannot_be_had() {
    let error = refusal(requiring("!gss"), 1, &[GSS]);
    assert!(error.ends_with("server requested GSSAPI authentication"));
    let error = refusal(
        requiring("gss"),
        1,
        &[auth(Authentication::CleartextPassword)],
    );
    assert!(error.ends_with("server requested a cleartext password"));
    let error = refusal(requiring("gss"), 1, &[OK]);
    assert!(error.ends_with("server did not complete authentication"));
    let bound = StartupConfig {
        channel_binding: ChannelBinding::Require,
        ..config()
    };
    assert!(refusal(bound, 1, &[GSS]).starts_with("channel binding required"));
    let without = StartupConfig {
        has_gssapi: false,
        ..config()
    };
    assert!(refusal(without, 1, &[GSS]).contains("built without its feature \"gssapi\""));
}
