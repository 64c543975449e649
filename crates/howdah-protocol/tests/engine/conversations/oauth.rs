//! The method `oauth`: OAUTHBEARER.

use howdah_protocol::auth::{Password, RequireAuth};
use howdah_protocol::wire::{Authentication, FrontendMessage};
use howdah_testkit::Script;

use super::check;
use crate::client::{Client, Raw, config};
use crate::replay::Conversation;
use crate::server::{ACCEPTED, KEY, Message, READY, fatal};

#[test]
fn conversations_about_oauth() {
    check(TABLE);
}

const INITIAL: &[u8] = b"OAUTHBEARER\0\0\0\0\x19n,,\x01auth=Bearer t0k.en=\x01\x01";
const REASON: &[u8] = br#"{"status":"invalid_token","scope":"pg"}"#;

fn client(token: Option<&str>, is_confidential: bool, require_auth: &str) -> Box<dyn Client> {
    let mut config = config();
    config.oauth_token = token.map(Password::new);
    config.is_confidential = is_confidential;
    config.require_auth = Some(RequireAuth::parse(require_auth).unwrap());
    Box::new(Raw::new(config, &[]))
}

fn offers(mechanisms: Vec<&'static [u8]>) -> Script {
    let request = Message::Authentication(Authentication::Sasl(mechanisms));
    Script::new().read_startup().send(&[request])
}

fn answer(script: Script, what: &str, bytes: &'static [u8]) -> Script {
    script.expect(what, move |message| {
        matches!(message, FrontendMessage::AuthenticationResponse(answer) if answer.0 == bytes)
    })
}

fn refuses() -> Script {
    let script = answer(offers(vec![b"OAUTHBEARER"]), "the token", INITIAL);
    let reason = Message::Authentication(Authentication::SaslContinue(REASON));
    answer(script.send(&[reason]), "the empty answer", b"\x01")
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "a token that is accepted",
        server: || {
            answer(offers(vec![b"OAUTHBEARER"]), "the token", INITIAL)
                .send(&[ACCEPTED, KEY, READY])
                .expect_eof()
        },
        client: || client(Some("t0k.en="), true, "oauth"),
        sees: &["started"],
        sends: "UnknownAuthenticationResponse",
    },
    Conversation {
        name: "a token that is refused",
        server: || refuses().send(&[fatal("28000")]),
        client: || client(Some("t0k.en="), true, "!none"),
        sees: &["refused: 28000"],
        sends: "UnknownAuthenticationResponse UnknownAuthenticationResponse",
    },
    Conversation {
        name: "a token that is refused and accepted all the same",
        server: || refuses().send(&[ACCEPTED, KEY, READY]).expect_eof(),
        client: || client(Some("t0k.en="), true, "oauth"),
        sees: &[
            "no start: got AuthenticationOk while expecting the error for a refused OAuth token",
        ],
        sends: "UnknownAuthenticationResponse UnknownAuthenticationResponse",
    },
    Conversation {
        name: "no token",
        server: || offers(vec![b"OAUTHBEARER"]).expect_eof(),
        client: || client(None, true, "oauth"),
        sees: &[
            "no start: the server asks for an OAuth bearer token, and none was given: see \"oauth_token\"",
        ],
        sends: "",
    },
    Conversation {
        name: "a token where others can read",
        server: || offers(vec![b"OAUTHBEARER"]).expect_eof(),
        client: || client(Some("t0k.en="), false, "oauth"),
        sees: &[
            "no start: an OAuth bearer token is not sent over a connection that others can read",
        ],
        sends: "",
    },
    Conversation {
        name: "a token that would add to the message",
        server: || offers(vec![b"OAUTHBEARER"]).expect_eof(),
        client: || client(Some("t\x01host=evil"), true, "oauth"),
        sees: &["no start: the OAuth bearer token has characters that no token has"],
        sends: "",
    },
    Conversation {
        name: "a token that require_auth does not let out",
        server: || offers(vec![b"OAUTHBEARER"]).expect_eof(),
        client: || client(Some("t0k.en="), true, "scram-sha-256"),
        sees: &[
            "no start: authentication method requirement \"scram-sha-256\" failed: server requested SASL authentication",
        ],
        sends: "",
    },
];
