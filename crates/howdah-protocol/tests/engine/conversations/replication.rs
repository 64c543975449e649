//! Replication as an exchange of a session: messages that are kept like rows, and what the server is told meanwhile.

use std::time::Duration;

use howdah_protocol::replication::StandbyStatus;
use howdah_protocol::session::{Clock, Positions, Session, StandbyOptions};
use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::Script;

use super::{check, runner, then_query};
use crate::client::{params, some_time, statement};
use crate::replay::Conversation;
use crate::server::{Message, READY, ScriptExt, columns, complete, copy_response, error, server};

#[test]
fn conversations_with_replication() {
    check(TABLE);
}

/// A message that starts at the position 0x3030303030303031.
const FIRST: Message<'static> = Message::CopyData(b"w000000011111111122222222one");
const FIRST_START: u64 = 0x3030_3030_3030_3031;
const SECOND: Message<'static> = Message::CopyData(b"w000000021111111122222222two");
/// Keepalives of the position 0x3030303030303033, without and with the wish for an answer.
const KEEPALIVE: Message<'static> = Message::CopyData(b"k0000000322222222\0");
const URGENT: Message<'static> = Message::CopyData(b"k0000000322222222\x01");
const SERVER_END: u64 = 0x3030_3030_3030_3033;

fn begun() -> Script {
    server()
        .expect_query("start")
        .send(&[Message::CopyBothResponse(copy_response())])
}

fn start(session: &mut Session) {
    let options = StandbyOptions {
        interval: Some(Duration::from_secs(3600)),
        is_physical: false,
        clock: Clock {
            at: some_time(),
            micros: 1,
        },
    };
    session.replicate(b"start", options).unwrap();
}

fn wait(_: &mut Session) {}

fn query(session: &mut Session) {
    session
        .execute(&statement("select a", &params(&[])))
        .unwrap();
}

fn confirm_first(session: &mut Session) {
    let id = session.answering().unwrap();
    let flushed = FIRST_START;
    let positions = Positions {
        flushed,
        ..Positions::default()
    };
    session.confirm(id, positions);
    session.report(some_time());
}

fn end(session: &mut Session) {
    let id = session.answering().unwrap();
    session.end_following(id, some_time());
    assert!(!session.is_following(id));
    session.end_following(id, some_time());
}

trait Told: Sized {
    /// Reads a status that says that so much is durable.
    fn expect_flushed(self, wanted: u64) -> Self;
}

impl Told for Script {
    fn expect_flushed(self, wanted: u64) -> Self {
        self.expect("status", move |message| match message {
            FrontendMessage::CopyData(body) => StandbyStatus::read(body)
                .is_ok_and(|status| (status.flushed, status.applied) == (wanted, wanted)),
            _ => false,
        })
    }
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "replication: the server asks, and ends a timeline",
        server: || {
            then_query(
                begun()
                    .send(&[FIRST, KEEPALIVE, URGENT])
                    .expect_flushed(0)
                    .send(&[SECOND, Message::CopyDone])
                    .until_copy_done()
                    .send(&[columns(&["next_tli", "next_tli_startpos"])])
                    .send_row(&[Some("2"), Some("0/3000000")])
                    .send(&[
                        complete("START_STREAMING"),
                        complete("START_REPLICATION"),
                        READY,
                    ]),
            )
        },
        client: || runner(&[start, wait, query]),
        sees: &[
            "[w000000011111111122222222one | w000000021111111122222222two | Suspended] \
             [next_tli:25, next_tli_startpos:25 | 2, 0/3000000 | START_STREAMING] [START_REPLICATION]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Query CopyData CopyDone Query",
    },
    Conversation {
        name: "replication: all that came is durable",
        server: || {
            then_query(
                begun()
                    .expect_flushed(FIRST_START)
                    .send(&[FIRST, URGENT])
                    .expect_flushed(SERVER_END)
                    .send(&[SECOND, URGENT])
                    .expect_flushed(FIRST_START)
                    .send(&[Message::CopyDone])
                    .until_copy_done()
                    .send(&[complete("COPY 0"), complete("START_REPLICATION"), READY]),
            )
        },
        client: || runner(&[start, confirm_first, query]),
        sees: &[
            "[w000000011111111122222222one | w000000021111111122222222two | Suspended] [COPY 0] \
             [START_REPLICATION]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Query CopyData CopyData CopyData CopyDone Query",
    },
    Conversation {
        name: "replication: ended by the client",
        server: || {
            then_query(
                begun()
                    .expect_flushed(0)
                    .until_copy_done()
                    .send(&[Message::CopyDone, FIRST, URGENT])
                    .send(&[complete("COPY 0"), complete("START_REPLICATION"), READY]),
            )
        },
        client: || runner(&[start, end, query]),
        sees: &["[COPY 0] [START_REPLICATION]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query CopyData CopyDone Query",
    },
    Conversation {
        name: "replication: given up",
        server: || {
            server()
                .expect_query("start")
                .send(&[Message::CopyBothResponse(copy_response()), FIRST])
                .until_copy_done()
                .send(&[SECOND, Message::CopyDone, complete("COPY 0"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[start, |session| {
                session.cancel_and_drain(some_time() + Duration::from_secs(60));
            }])
        },
        sees: &[],
        sends: "Query CopyDone",
    },
    Conversation {
        name: "replication: an error ends it",
        server: || then_query(begun().send(&[FIRST, error("55006"), READY])),
        client: || runner(&[start, wait, query]),
        sees: &[
            "[failed at 0: 55006] [unfinished w000000011111111122222222one | Suspended]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Query Query",
    },
    Conversation {
        name: "replication: it never begins",
        server: || {
            then_query(
                server()
                    .expect_query("start")
                    .send(&[error("42704"), READY]),
            )
        },
        client: || runner(&[start, query]),
        sees: &["[failed at 0: 42704]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query Query",
    },
    Conversation {
        name: "replication: nobody has asked for it",
        server: || {
            then_query(
                server()
                    .expect_query("select s")
                    .send(&[Message::CopyBothResponse(copy_response()), FIRST])
                    .until_copy_done()
                    .send(&[Message::CopyDone, complete("COPY 0"), READY]),
            )
        },
        client: || {
            runner(&[
                |session| {
                    session
                        .execute(&statement("select s", &params(&[])))
                        .unwrap();
                },
                query,
            ])
        },
        sees: &["[COPY 0] [refused copy]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query CopyDone Query",
    },
    Conversation {
        name: "replication: data that is no message",
        server: || begun().send(&[Message::CopyData(b"x")]).expect_eof(),
        client: || runner(&[start, wait]),
        sees: &["protocol error: malformed message of replication"],
        sends: "Query",
    },
    Conversation {
        name: "replication: a keepalive that is cut",
        server: || {
            begun()
                .send(&[Message::CopyData(b"k00000003")])
                .expect_eof()
        },
        client: || runner(&[start, wait]),
        sees: &["protocol error: malformed keepalive message: ends early"],
        sends: "Query",
    },
    Conversation {
        name: "replication: data behind its end",
        server: || {
            begun()
                .send(&[Message::CopyDone])
                .until_copy_done()
                .send(&[FIRST])
                .expect_eof()
        },
        client: || runner(&[start, wait]),
        sees: &["protocol error: got CopyData while expecting the results of a simple query"],
        sends: "Query CopyDone",
    },
];
