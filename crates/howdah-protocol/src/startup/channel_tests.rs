//! Authentication and the channel that carries it: what is bound to it, and what is refused.

use super::{
    Channel, Progress, SessionParameters, Startup, StartupConfig, StartupError, TlsChannel,
};
use crate::auth::{Password, RequireAuth};
use crate::conninfo::ChannelBinding;
use crate::wire::{Authentication, BackendMessage, TransactionStatus};

const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=1";
// Made with Python's hashlib and hmac: the proofs of `pencil` bound to 32 bytes of 7, and not bound where that was possible.
const BOUND: [&str; 2] = [
    "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=,r=rOprNGfwEbeRWgbNEkqO3rfcNHYJY1ZVvWVs7j,p=8e9E8yiqS6YYLDc7HKn6DCVlBAQbqcFpc2v+cZbuPew=",
    "v=DIOpdi0okO31u2WGwmB9vWwjH40YgphZ9YNz7sJ5V9s=",
];
const NOT_OFFERED: [&str; 2] = [
    "c=eSws,r=rOprNGfwEbeRWgbNEkqO3rfcNHYJY1ZVvWVs7j,p=3VJasHLdieh7dlmufVFdNUkfqEtenAS2WOtiSE+MGWs=",
    "v=OAYTmT4psZ3upn8lXZ9jYgwOP4Vi3B2A9gD3exfN73Y=",
];

const BOTH: &[&str] = &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];
const UNBOUND: &[&str] = &["SCRAM-SHA-256"];

fn config(channel_binding: ChannelBinding) -> StartupConfig {
    StartupConfig {
        params: vec![("user".into(), "ann".into())],
        user: "ann".into(),
        password: Some(Password::new("pencil")),
        nonce: "rOprNGfwEbeRWgbNEkqO".into(),
        protocol_minor: 0,
        min_protocol_minor: 0,
        channel_binding,
        ..StartupConfig::default()
    }
}

fn tls() -> Channel {
    Channel::Tls(Box::new(TlsChannel {
        end_point: Ok(vec![7; 32]),
        certificate_requested: false,
        certificate_sent: false,
    }))
}

fn hashless() -> Channel {
    Channel::Tls(Box::new(TlsChannel {
        end_point: Err("no hash".into()),
        certificate_requested: false,
        certificate_sent: false,
    }))
}

fn auth(request: Authentication<'_>) -> BackendMessage<'_> {
    BackendMessage::Authentication(request)
}

fn sasl<'a>(mechanisms: &[&'a str]) -> BackendMessage<'a> {
    let names = mechanisms.iter().map(|name| name.as_bytes()).collect();
    auth(Authentication::Sasl(names))
}

/// Plays the server's messages; gives how it ended, and what the client sent, as text.
fn play(
    config: StartupConfig,
    channel: Channel,
    script: &[BackendMessage<'_>],
) -> Result<(Option<SessionParameters>, String), StartupError> {
    let mut startup = Startup::begin(config, &mut Vec::new())?;
    startup.set_channel(channel);
    let mut out = Vec::new();
    for message in script {
        match startup.advance(message.clone(), &mut out)? {
            Progress::Continue(next) => startup = next,
            Progress::Ready(session) => {
                return Ok((Some(session), String::from_utf8_lossy(&out).into()));
            }
        }
    }
    Ok((None, String::from_utf8_lossy(&out).into()))
}

fn scram<'a>(mechanisms: &[&'a str], last: &'a str) -> [BackendMessage<'a>; 5] {
    [
        sasl(mechanisms),
        auth(Authentication::SaslContinue(FIRST.as_bytes())),
        auth(Authentication::SaslFinal(last.as_bytes())),
        auth(Authentication::Ok),
        BackendMessage::ReadyForQuery(TransactionStatus::Idle),
    ]
}

/// Whether a session begins, with which proof; or why not.
fn scrammed(
    wish: ChannelBinding,
    channel: Channel,
    mechanisms: &[&str],
    [proof, signature]: [&str; 2],
) -> Result<(), String> {
    let played = play(config(wish), channel, &scram(mechanisms, signature));
    let (session, sent) = played.map_err(|error| error.to_string())?;
    assert!(session.is_some() && sent.contains(proof), "{sent}");
    Ok(())
}

#[test]
fn the_proof_is_bound_to_the_channel_if_both_sides_can() {
    for wish in [ChannelBinding::Prefer, ChannelBinding::Require] {
        for mechanisms in [BOTH, &["SCRAM-SHA-256-PLUS"]] {
            assert_eq!(scrammed(wish, tls(), mechanisms, BOUND), Ok(()));
        }
    }
    // A server that has offered it, whatever reached us, is told that nothing was seen of that.
    let played = scrammed(ChannelBinding::Prefer, tls(), UNBOUND, NOT_OFFERED);
    assert_eq!(played, Ok(()));
    let started = play(config(ChannelBinding::Disable), tls(), &[sasl(BOTH)]);
    assert!(started.unwrap().1.contains("n,,n=,r="));
}

#[test]
fn without_the_signature_of_the_bound_exchange_nothing_is_believed() {
    let error = scrammed(
        ChannelBinding::Require,
        tls(),
        BOTH,
        [BOUND[0], NOT_OFFERED[1]],
    );
    assert_eq!(error.unwrap_err(), "incorrect server signature");
}

#[test]
fn required_binding_is_never_left_out() {
    let refused = |channel: Channel, script: &[BackendMessage<'_>]| {
        let played = play(config(ChannelBinding::Require), channel, script);
        match played {
            Err(StartupError::Auth(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let not_in_use = "channel binding required, but SSL not in use";
    let not_offered = "channel binding is required, but server did not offer an authentication method that supports channel binding";
    let other_method =
        "channel binding required but not supported by server's authentication request";
    let unbound =
        "channel binding required, but server authenticated client without channel binding";
    for mechanisms in [BOTH, UNBOUND] {
        assert_eq!(refused(Channel::Plain, &[sasl(mechanisms)]), not_in_use);
        assert_eq!(
            refused(hashless(), &[sasl(mechanisms)]),
            if mechanisms == BOTH {
                "no hash"
            } else {
                not_offered
            }
        );
    }
    assert_eq!(refused(tls(), &[sasl(UNBOUND)]), not_offered);
    for channel in [Channel::Plain, tls()] {
        let salt = [1, 2, 3, 4];
        for request in [
            Authentication::CleartextPassword,
            Authentication::Md5Password { salt },
        ] {
            assert_eq!(refused(channel.clone(), &[auth(request)]), other_method);
        }
        assert_eq!(refused(channel, &[auth(Authentication::Ok)]), unbound);
    }
    // In the middle of the exchange, before the server has proved anything.
    let script = [sasl(BOTH), auth(Authentication::Ok)];
    assert!(play(config(ChannelBinding::Require), tls(), &script).is_err());
    let script = [
        sasl(BOTH),
        auth(Authentication::SaslContinue(FIRST.as_bytes())),
        auth(Authentication::Ok),
    ];
    assert!(play(config(ChannelBinding::Require), tls(), &script).is_err());
}

#[test]
fn a_certificate_without_a_hash_is_not_passed_over() {
    let played = play(config(ChannelBinding::Prefer), hashless(), &[sasl(BOTH)]);
    assert_eq!(played.unwrap_err(), StartupError::Auth("no hash".into()));
    let played = play(config(ChannelBinding::Disable), hashless(), &[sasl(BOTH)]);
    assert!(played.is_ok());
}

#[test]
fn an_offer_of_binding_in_plaintext_means_that_tls_was_taken_away() {
    let played = play(
        config(ChannelBinding::Prefer),
        Channel::Plain,
        &[sasl(BOTH)],
    );
    let text = "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection";
    assert_eq!(played.unwrap_err(), StartupError::Auth(text.into()));
}

#[test]
fn a_certificate_that_is_required_has_been_asked_for_and_sent() {
    let outcome = |channel: Channel| {
        let config = StartupConfig {
            require_certificate: true,
            ..config(ChannelBinding::Prefer)
        };
        play(config, channel, &[auth(Authentication::Ok)])
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let channel = |certificate_requested, certificate_sent| {
        Channel::Tls(Box::new(TlsChannel {
            end_point: Ok(vec![7; 32]),
            certificate_requested,
            certificate_sent,
        }))
    };
    let not_asked = "server did not request an SSL certificate";
    let not_sent = "server accepted connection without a valid SSL certificate";
    assert_eq!(outcome(Channel::Plain).unwrap_err(), not_asked);
    assert_eq!(outcome(channel(false, false)).unwrap_err(), not_asked);
    assert_eq!(outcome(channel(true, false)).unwrap_err(), not_sent);
    assert_eq!(outcome(channel(true, true)), Ok(()));
}

/// Which mechanism is chosen.
fn chosen(
    wish: ChannelBinding,
    channel: Channel,
    require_auth: Option<&str>,
    mechanisms: &[&str],
) -> Result<String, StartupError> {
    let config = StartupConfig {
        require_auth: require_auth.map(|text| RequireAuth::parse(text).unwrap()),
        oauth_token: Some(Password::new("token")),
        ..config(wish)
    };
    let (_, sent) = play(config, channel, &[sasl(mechanisms)])?;
    let name = sent[5..].split('\0').next().unwrap_or_default();
    Ok(name.to_owned())
}

#[test]
fn of_several_mechanisms_an_accepted_one_is_chosen() {
    let (scram, plus, oauth) = ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "OAUTHBEARER");
    for (mechanisms, required, expected) in [
        (&[scram, oauth][..], None, Some(scram)),
        (&[oauth, scram], None, Some(scram)),
        (&[oauth, scram, plus], None, Some(plus)),
        (&[scram, plus, oauth], Some("oauth"), Some(oauth)),
        (&[scram, oauth], Some("!scram-sha-256"), Some(oauth)),
        (&[oauth, scram], Some("scram-sha-256"), Some(scram)),
        (&[oauth, scram], Some("!oauth"), Some(scram)),
        (&[scram, oauth], Some("md5"), None),
        (&[scram, plus], Some("oauth"), None),
        (&[oauth], Some("scram-sha-256"), None),
        (&["GS2", oauth], None, Some(oauth)),
    ] {
        let got = chosen(ChannelBinding::Prefer, tls(), required, mechanisms);
        assert_eq!(
            got.as_deref().ok(),
            expected,
            "{mechanisms:?} {required:?} {got:?}"
        );
    }
}

#[test]
fn a_token_is_not_sent_where_binding_is_required() {
    for channel in [tls(), Channel::Plain] {
        let got = chosen(
            ChannelBinding::Require,
            channel,
            Some("oauth"),
            &["SCRAM-SHA-256-PLUS", "OAUTHBEARER"],
        );
        let text = "channel binding is required, but server did not offer an authentication method that supports channel binding";
        assert_eq!(got, Err(StartupError::Auth(text.into())));
    }
}

#[test]
fn encryption_by_gssapi_has_proved_who_the_client_is() {
    let ready = BackendMessage::ReadyForQuery(TransactionStatus::Idle);
    let outcome = |required: &str, channel: Channel, request| {
        let config = StartupConfig {
            require_auth: RequireAuth::parse(required).ok(),
            has_gssapi: true,
            ..config(ChannelBinding::Prefer)
        };
        let played = play(config, channel, &[auth(request), ready.clone()]);
        let session = played.map_err(|error| error.to_string())?.0;
        Ok::<_, String>(session.is_some_and(|session| session.used_gssapi))
    };
    for required in ["gss", "!none", "gss,none", "!password"] {
        let begun = outcome(required, Channel::Gss, Authentication::Ok);
        assert_eq!(begun, Ok(true), "{required}");
    }
    for (required, channel) in [
        ("gss", Channel::Plain),
        ("gss", tls()),
        ("scram-sha-256", Channel::Gss),
        ("!gss,!none", Channel::Gss),
    ] {
        let error = outcome(required, channel, Authentication::Ok).unwrap_err();
        assert!(error.ends_with("server did not complete authentication"));
    }
    let error = outcome("gss", Channel::Gss, Authentication::Gss).unwrap_err();
    assert_eq!(error, "duplicate GSS authentication request");
}
