//! Whole exchanges of a session.

use howdah_protocol::session::Session;

use super::{check, runner, then_query};
use crate::client::{begun, params, statement};
use crate::replay::Conversation;
use crate::server::{
    FAILED_BLOCK, IN_BLOCK, Message, READY, ScriptExt, columns, complete, copy_response, error,
    server,
};

#[test]
fn conversations_of_a_session() {
    check(TABLE);
}

const BEGUN: [Message<'static>; 2] = [Message::ParseComplete, Message::BindComplete];
const UNNAMED: [Message<'static>; 3] = [
    Message::ParseComplete,
    Message::BindComplete,
    Message::NoData,
];

fn simple(session: &mut Session) {
    session
        .execute(&statement("select a", &params(&[])))
        .unwrap();
}

fn many(session: &mut Session) {
    for value in ["1", "2", "3", "4"] {
        session
            .execute_more(&begun("insert $1", &params(&[Some(value)])))
            .unwrap();
    }
    session.end_exchange();
    session.end_exchange();
}

fn copy(session: &mut Session) {
    session
        .execute(&statement("copy t from stdin", &params(&[])))
        .unwrap();
}

fn copy_begun(session: &mut Session) {
    session
        .execute(&begun("copy t from stdin", &params(&[])))
        .unwrap();
}

fn copy_extended(session: &mut Session) {
    let none = params(&[]);
    let mut request = statement("copy t from stdin", &none);
    request.extended = true;
    session.execute(&request).unwrap();
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "simple",
        server: || then_query(server()),
        client: || runner(&[simple]),
        sees: &["[a:25 | 1 | SELECT 1]"],
        sends: "Query",
    },
    Conversation {
        name: "extended",
        server: || {
            server()
                .until_sync()
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                session
                    .execute(&statement("insert $1", &params(&[Some("x")])))
                    .unwrap();
            }])
        },
        sees: &["[INSERT 0 1]"],
        sends: "Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "BEGIN in front of a simple query, and not again in the block",
        server: || {
            server()
                .until_query()
                .send(&BEGUN)
                .send(&[complete("BEGIN"), columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), IN_BLOCK])
                .expect_sync()
                .send(&[IN_BLOCK])
                .expect_query("select b")
                .send(&[complete("SELECT 0"), IN_BLOCK])
                .expect_eof()
        },
        client: || {
            runner(&[
                |session| {
                    session.execute(&begun("select a", &params(&[]))).unwrap();
                },
                |session| {
                    session.execute(&begun("select b", &params(&[]))).unwrap();
                },
            ])
        },
        sees: &["[a:25 | 1 | SELECT 1]", "[SELECT 0]"],
        sends: "Parse Bind Execute Query Sync Query",
    },
    Conversation {
        name: "BEGIN in front of an extended query",
        server: || {
            server()
                .until_sync()
                .send(&BEGUN)
                .send(&[complete("BEGIN")])
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), IN_BLOCK])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                session
                    .execute(&begun("insert $1", &params(&[Some("x")])))
                    .unwrap();
            }])
        },
        sees: &["[INSERT 0 1]"],
        sends: "Parse Bind Execute Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "BEGIN that fails: what follows is skipped, and can be tried again",
        server: || {
            then_query(
                server()
                    .until_sync()
                    .send(&[Message::ParseComplete, Message::BindComplete])
                    .send(&[error("25006"), READY])
                    .until_sync()
                    .send(&[error("25006"), READY]),
            )
        },
        client: || {
            runner(&[
                |session| {
                    session.execute(&begun("select a", &params(&[]))).unwrap();
                },
                |session| {
                    session
                        .execute(&begun("insert $1", &params(&[Some("x")])))
                        .unwrap();
                },
                simple,
            ])
        },
        sees: &[
            "[failed at 0: 25006]",
            "[failed at 0: 25006]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Parse Bind Execute Query Sync Parse Bind Execute Parse Bind Describe Execute Sync Query",
    },
    Conversation {
        name: "many executions",
        server: || {
            then_query(
                server()
                    .until_sync()
                    .send(&BEGUN)
                    .send(&[complete("BEGIN")])
                    .send(&UNNAMED)
                    .send(&[complete("INSERT 0 1")])
                    .send(&UNNAMED)
                    .send(&[complete("INSERT 0 2")])
                    .send(&UNNAMED)
                    .send(&[complete("INSERT 0 3")])
                    .send(&UNNAMED)
                    .send(&[complete("INSERT 0 4"), IN_BLOCK]),
            )
        },
        client: || runner(&[many, simple]),
        sees: &[
            "[INSERT 0 1] [INSERT 0 2] [INSERT 0 3] [INSERT 0 4]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Parse Bind Execute Parse Bind Describe Execute Parse Bind Describe Execute \
                Parse Bind Describe Execute Parse Bind Describe Execute Sync Query",
    },
    Conversation {
        name: "many executions with an error in the middle",
        server: || {
            then_query(
                server()
                    .until_sync()
                    .send(&BEGUN)
                    .send(&[complete("BEGIN")])
                    .send(&UNNAMED)
                    .send(&[complete("INSERT 0 1")])
                    .send(&UNNAMED)
                    .send(&[complete("INSERT 0 2")])
                    .send(&[Message::ParseComplete, error("22P02"), FAILED_BLOCK]),
            )
        },
        client: || runner(&[many, simple]),
        sees: &[
            "[INSERT 0 1] [INSERT 0 2] [failed at 2: 22P02]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Parse Bind Execute Parse Bind Describe Execute Parse Bind Describe Execute \
                Parse Bind Describe Execute Parse Bind Describe Execute Sync Query",
    },
    Conversation {
        name: "an error of the last Sync names no statement",
        server: || {
            server()
                .until_sync()
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), error("23505"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                session
                    .execute(&statement("insert $1", &params(&[Some("x")])))
                    .unwrap();
            }])
        },
        sees: &["[INSERT 0 1] [failed at 1: 23505]"],
        sends: "Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "a statement without parameters ends what was left open",
        server: || then_query(server().until_sync().send(&[error("22P02"), READY])),
        client: || {
            runner(&[
                |session| {
                    session
                        .execute_more(&statement("insert $1", &params(&[Some("x")])))
                        .unwrap();
                    session
                        .execute(&statement("select b", &params(&[])))
                        .unwrap();
                },
                simple,
            ])
        },
        sees: &["[failed at 0: 22P02]", "[a:25 | 1 | SELECT 1]"],
        sends: "Parse Bind Describe Execute Parse Bind Describe Execute Sync Query",
    },
    Conversation {
        name: "COPY in is refused: simple",
        server: || {
            then_query(
                server()
                    .expect_query("copy t from stdin")
                    .send(&[Message::CopyInResponse(copy_response())])
                    .until_copy_fail()
                    .send(&[error("57014"), READY]),
            )
        },
        client: || runner(&[copy, simple]),
        sees: &[
            "[failed at 0: 57014] [refused copy]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Query CopyFail Query",
    },
    Conversation {
        name: "COPY in is refused: simple, behind BEGIN",
        server: || {
            then_query(
                server()
                    .until_query()
                    .send(&BEGUN)
                    .send(&[complete("BEGIN"), Message::CopyInResponse(copy_response())])
                    .until_copy_fail()
                    .send(&[error("57014"), FAILED_BLOCK])
                    .expect_sync()
                    .send(&[FAILED_BLOCK])
                    .until_sync()
                    .send(&[Message::CloseComplete, FAILED_BLOCK]),
            )
        },
        client: || runner(&[copy_begun, simple]),
        sees: &[
            "[failed at 0: 57014] [refused copy]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Parse Bind Execute Query Sync CopyFail Sync Close Sync Query",
    },
    Conversation {
        name: "COPY in is refused: extended",
        server: || {
            then_query(
                server()
                    .until_sync()
                    .send(&UNNAMED)
                    .send(&[Message::CopyInResponse(copy_response())])
                    .until_copy_fail()
                    .send(&[error("57014")])
                    .expect_sync()
                    .send(&[READY])
                    .until_sync()
                    .send(&[Message::CloseComplete, READY]),
            )
        },
        client: || runner(&[copy_extended, simple]),
        sees: &[
            "[failed at 0: 57014] [refused copy]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Parse Bind Describe Execute Sync CopyFail Sync Close Sync Query",
    },
    Conversation {
        name: "COPY in is refused when the server has failed by itself, without reading the Sync before",
        server: || {
            then_query(
                server()
                    .until_query()
                    .send(&BEGUN)
                    .send(&[
                        complete("BEGIN"),
                        Message::CopyInResponse(copy_response()),
                        error("42809"),
                        FAILED_BLOCK,
                    ])
                    .expect_sync()
                    .send(&[FAILED_BLOCK])
                    .until_copy_fail()
                    .expect_sync()
                    .send(&[FAILED_BLOCK])
                    .until_sync()
                    .send(&[Message::CloseComplete, FAILED_BLOCK]),
            )
        },
        client: || runner(&[copy_begun, simple]),
        sees: &[
            "[failed at 0: 42809] [refused copy]",
            "[a:25 | 1 | SELECT 1]",
        ],
        sends: "Parse Bind Execute Query Sync CopyFail Sync Close Sync Query",
    },
    Conversation {
        name: "COPY out is refused: its data is dropped",
        server: || {
            then_query(server().expect_query("copy t from stdin").send(&[
                Message::CopyOutResponse(copy_response()),
                Message::CopyData(b"1\n"),
                Message::CopyDone,
                complete("COPY 1"),
                READY,
            ]))
        },
        client: || runner(&[copy, simple]),
        sees: &["[COPY 1] [refused copy]", "[a:25 | 1 | SELECT 1]"],
        sends: "Query Query",
    },
];
