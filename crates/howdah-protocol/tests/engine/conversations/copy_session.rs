//! COPY as an exchange of a session: data that is kept like rows, and data that is fed.

use howdah_protocol::session::Session;
use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::Script;

use super::{check, runner, then_query};
use crate::client::{params, some_time, statement};
use crate::replay::Conversation;
use crate::server::{
    FAILED_BLOCK, IN_BLOCK, Message, READY, ScriptExt, columns, complete, copy_response, error,
    server,
};

#[test]
fn conversations_with_copy_of_a_session() {
    check(TABLE);
}

const BEGUN: [Message<'static>; 2] = [Message::ParseComplete, Message::BindComplete];

fn copy_in() -> Message<'static> {
    Message::CopyInResponse(copy_response())
}

fn data(text: &str) -> Message<'_> {
    Message::CopyData(text.as_bytes())
}

fn query(session: &mut Session) {
    session
        .execute(&statement("select a", &params(&[])))
        .unwrap();
}

fn into_table(session: &mut Session) {
    session.copy(b"copy t from stdin", false).unwrap();
}

fn out_of_table(session: &mut Session) {
    session.copy(b"copy t to stdout", false).unwrap();
}

fn two_lines(session: &mut Session) {
    let id = session.answering().unwrap();
    assert!(session.is_copying_in(id));
    assert_eq!(session.copy_data(id, b"1\n"), Ok(true));
    assert_eq!(session.copy_data(id, b"2\n"), Ok(true));
    session.copy_done(id);
    assert_eq!(session.copy_data(id, b"3\n"), Ok(false));
    session.copy_done(id);
    session.copy_fail(id, b"too late");
}

fn give_up(session: &mut Session) {
    let id = session.answering().unwrap();
    session.copy_data(id, b"1\n").unwrap();
    session.copy_fail(id, b"a reason\0 with a NUL");
}

/// The reason is what stands before the NUL.
fn expect_reason(script: Script) -> Script {
    script
        .expect("CopyData", |message| {
            *message == FrontendMessage::CopyData(b"1\n")
        })
        .expect("CopyFail", |message| {
            *message == FrontendMessage::CopyFail(b"a reason")
        })
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "session: COPY in",
        server: || {
            then_query(
                server()
                    .expect_query("copy t from stdin")
                    .send(&[copy_in()])
                    .until_copy_done()
                    .send(&[complete("COPY 2"), READY]),
            )
        },
        client: || runner(&[into_table, two_lines, query]),
        sees: &["[COPY 2]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query CopyData CopyData CopyDone Query",
    },
    Conversation {
        name: "session: COPY in behind BEGIN",
        server: || {
            server()
                .until_query()
                .send(&BEGUN)
                .send(&[complete("BEGIN"), copy_in()])
                .until_copy_done()
                .send(&[complete("COPY 2"), IN_BLOCK])
                .until_sync()
                .send(&[IN_BLOCK])
                .expect_eof()
        },
        client: || {
            runner(&[
                |session| {
                    session.copy(b"copy t from stdin", true).unwrap();
                },
                two_lines,
            ])
        },
        sees: &["[COPY 2]"],
        sends: "Parse Bind Execute Query Sync CopyData CopyData CopyDone Sync",
    },
    Conversation {
        name: "session: COPY in that is to fail",
        server: || {
            then_query(
                expect_reason(
                    server()
                        .expect_query("copy t from stdin")
                        .send(&[copy_in()]),
                )
                .send(&[error("57014"), READY]),
            )
        },
        client: || runner(&[into_table, give_up, query]),
        sees: &["[failed at 0: 57014]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query CopyData CopyFail Query",
    },
    Conversation {
        name: "session: COPY in that is interrupted",
        server: || {
            server()
                .until_query()
                .send(&BEGUN)
                .send(&[complete("BEGIN"), copy_in()])
                .until_copy_fail()
                .send(&[error("57014"), FAILED_BLOCK])
                .expect_sync()
                .send(&[FAILED_BLOCK])
                .until_sync()
                .send(&[Message::CloseComplete, FAILED_BLOCK])
                .expect_eof()
        },
        client: || {
            runner(&[
                |session| {
                    session.copy(b"copy t from stdin", true).unwrap();
                },
                |session| session.cancel_and_drain(some_time()),
            ])
        },
        sees: &[],
        sends: "Parse Bind Execute Query Sync CopyFail Sync Close Sync",
    },
    Conversation {
        name: "session: COPY in whose data the server refuses",
        server: || {
            then_query(
                server()
                    .expect_query("copy t from stdin")
                    .send(&[copy_in()])
                    .until_copy_done()
                    .send(&[error("22P02"), READY]),
            )
        },
        client: || runner(&[into_table, two_lines, query]),
        sees: &["[failed at 0: 22P02]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query CopyData CopyData CopyDone Query",
    },
    Conversation {
        name: "session: a second COPY in of one query is refused",
        server: || {
            then_query(
                server()
                    .until_query()
                    .send(&[copy_in()])
                    .until_copy_done()
                    .send(&[complete("COPY 2"), copy_in()])
                    .until_copy_fail()
                    .send(&[error("57014"), READY]),
            )
        },
        client: || runner(&[into_table, two_lines, query]),
        sees: &[
            "[COPY 2] [failed at 1: 57014] [refused copy]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Query CopyData CopyData CopyDone CopyFail Query",
    },
    Conversation {
        name: "session: COPY out",
        server: || {
            then_query(
                server()
                    .expect_query("copy t to stdout")
                    .send(&[Message::CopyOutResponse(copy_response())])
                    .send(&[data("one"), data(""), data("three")])
                    .send(&[Message::CopyDone, complete("COPY 3"), READY]),
            )
        },
        client: || runner(&[out_of_table, query]),
        sees: &["[one |  | three | COPY 3]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query Query",
    },
    Conversation {
        name: "session: COPY out that fails",
        server: || {
            then_query(
                server()
                    .expect_query("copy t to stdout")
                    .send(&[Message::CopyOutResponse(copy_response())])
                    .send(&[data("one"), error("22012"), READY]),
            )
        },
        client: || runner(&[out_of_table, query]),
        sees: &[
            "[failed at 0: 22012] [unfinished one | Suspended]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Query Query",
    },
    Conversation {
        name: "session: COPY out that is given up",
        server: || {
            server()
                .expect_query("copy t to stdout")
                .send(&[Message::CopyOutResponse(copy_response())])
                .send(&[data("one"), data("two"), error("57014"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                let id = session.copy(b"copy t to stdout", false).unwrap();
                session.detach(id);
            }])
        },
        sees: &[],
        sends: "Query",
    },
    Conversation {
        name: "session: data behind the end of a COPY out",
        server: || {
            server()
                .expect_query("copy t to stdout")
                .send(&[Message::CopyOutResponse(copy_response())])
                .send(&[Message::CopyDone, data("one")])
                .expect_eof()
        },
        client: || runner(&[out_of_table]),
        sees: &["protocol error: got CopyData while expecting the results of a simple query"],
        sends: "Query",
    },
    Conversation {
        name: "session: what is to be a COPY is none",
        server: || then_query(then_no_copy(server())),
        client: || runner(&[out_of_table, query]),
        sees: &["[a:25 | 1 | SELECT 1]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query Query",
    },
];

fn then_no_copy(script: Script) -> Script {
    script
        .expect_query("copy t to stdout")
        .send(&[columns(&["a"])])
        .send_row(&[Some("1")])
        .send(&[complete("SELECT 1"), READY])
}
