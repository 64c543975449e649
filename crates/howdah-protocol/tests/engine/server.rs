//! Scripts of servers, and the messages they are made of.

use howdah_protocol::wire::{
    Authentication, BackendMessage, CopyResponse, Diagnostic, FieldDescription, Format,
    FrontendMessage, Secret, TransactionStatus,
};
use howdah_testkit::Script;

pub(crate) use howdah_protocol::wire::BackendMessage as Message;

/// A server that lets anyone in and says as little as it may.
pub(crate) fn server() -> Script {
    Script::new().read_startup().send(&[ACCEPTED, KEY, READY])
}

pub(crate) const ACCEPTED: Message<'static> = Message::Authentication(Authentication::Ok);
pub(crate) const KEY: Message<'static> = Message::BackendKeyData {
    process_id: 7,
    secret_key: Secret(b"\0\x01\x02\xff"),
};
pub(crate) const READY: Message<'static> = Message::ReadyForQuery(TransactionStatus::Idle);
pub(crate) const IN_BLOCK: Message<'static> =
    Message::ReadyForQuery(TransactionStatus::InTransaction);
pub(crate) const FAILED_BLOCK: Message<'static> = Message::ReadyForQuery(TransactionStatus::Failed);

pub(crate) fn complete(tag: &str) -> Message<'_> {
    Message::CommandComplete {
        tag: tag.as_bytes(),
    }
}

/// The description of columns of type text, or of the type behind a colon: `a`, `n:23`.
pub(crate) fn columns(names: &[&str]) -> Message<'static> {
    let column = |name: &&str| {
        let (name, oid) = name.split_once(':').unwrap_or((name, "25"));
        FieldDescription {
            name: name.as_bytes().into(),
            table_oid: 0,
            column_id: 0,
            type_oid: oid.parse().expect("an OID"),
            type_size: -1,
            type_modifier: -1,
            format: Format::Text,
        }
    };
    BackendMessage::RowDescription(names.iter().map(column).collect())
}

/// An error with this SQLSTATE; behind a slash may be the function of the server that reports it.
pub(crate) fn error(sqlstate: &str) -> Message<'static> {
    let (sqlstate, routine) = sqlstate.split_once('/').unwrap_or((sqlstate, ""));
    let said = diagnostic("ERROR", sqlstate, "it failed");
    let routine = (!routine.is_empty()).then_some((b'R', routine.as_bytes()));
    let fields = said.iter().chain(routine);
    Message::ErrorResponse(Diagnostic::from_fields(fields).expect("fields without NUL"))
}

pub(crate) fn fatal(sqlstate: &str) -> Message<'static> {
    Message::ErrorResponse(diagnostic("FATAL", sqlstate, "it is over"))
}

pub(crate) fn notice(text: &str) -> Message<'static> {
    Message::NoticeResponse(diagnostic("NOTICE", "00000", text))
}

pub(crate) fn notification(channel: &str) -> Message<'_> {
    Message::NotificationResponse {
        process_id: 8,
        channel: channel.as_bytes(),
        payload: b"payload",
    }
}

pub(crate) fn parameter<'a>(name: &'a str, value: &'a str) -> Message<'a> {
    Message::ParameterStatus {
        name: name.as_bytes(),
        value: value.as_bytes(),
    }
}

pub(crate) fn copy_response() -> CopyResponse {
    CopyResponse {
        format: Format::Text,
        columns: vec![Format::Text],
    }
}

fn diagnostic(severity: &str, sqlstate: &str, text: &str) -> Diagnostic {
    let fields = [
        (b'S', severity),
        (b'V', severity),
        (b'C', sqlstate),
        (b'M', text),
    ];
    Diagnostic::from_fields(fields.map(|(code, text)| (code, text.as_bytes())))
        .expect("fields without NUL")
}

/// The bytes of messages.
pub(crate) fn bytes(messages: &[Message<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        message
            .encode(&mut out)
            .expect("a message that can be encoded");
    }
    out
}

/// What the scripts of this crate add to the testkit's.
pub(crate) trait ScriptExt: Sized {
    /// Reads up to and including CopyDone.
    fn until_copy_done(self) -> Self;
    /// Reads up to and including CopyFail.
    fn until_copy_fail(self) -> Self;
    /// Reads exactly one Sync.
    fn expect_sync(self) -> Self;
    /// Reads up to and including a Query.
    fn until_query(self) -> Self;
}

impl ScriptExt for Script {
    fn until_copy_done(self) -> Self {
        self.until("CopyDone", |message| *message == FrontendMessage::CopyDone)
    }

    fn until_copy_fail(self) -> Self {
        self.until("CopyFail", |message| {
            matches!(message, FrontendMessage::CopyFail(_))
        })
    }

    fn expect_sync(self) -> Self {
        self.expect("Sync", |message| *message == FrontendMessage::Sync)
    }

    fn until_query(self) -> Self {
        self.until("Query", |message| {
            matches!(message, FrontendMessage::Query(_))
        })
    }
}
