//! Exchanges of a session that are queued before the first is answered.

use howdah_protocol::session::Session;
use howdah_protocol::wire::TransactionStatus;

use super::{check, runner};
use crate::client::{begun, params, statement};
use crate::replay::Conversation;
use crate::server::{
    FAILED_BLOCK, IN_BLOCK, Message, READY, ScriptExt, columns, complete, copy_response, error,
    server,
};

#[test]
fn conversations_of_queued_exchanges() {
    check(TABLE);
}

const UNNAMED: [Message<'static>; 3] = [
    Message::ParseComplete,
    Message::BindComplete,
    Message::NoData,
];
const BEGUN: [Message<'static>; 2] = [Message::ParseComplete, Message::BindComplete];

fn insert(session: &mut Session) {
    session
        .execute(&statement("insert $1", &params(&[Some("x")])))
        .unwrap();
}

fn begun_insert(session: &mut Session) {
    session
        .execute(&begun("insert $1", &params(&[Some("x")])))
        .unwrap();
}

fn insert_more(session: &mut Session) {
    session
        .execute_more(&statement("insert $1", &params(&[Some("x")])))
        .unwrap();
}

fn select(session: &mut Session) {
    session
        .execute(&statement("select a", &params(&[])))
        .unwrap();
}

fn owe_rollback(session: &mut Session) {
    let status = TransactionStatus::InTransaction;
    let block = session.transactions.open(status, Some("s"), false);
    session.transactions.owe_rollback(block);
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "each exchange has its own result",
        server: || {
            server()
                .until_sync()
                .until_sync()
                .until_query()
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), READY])
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 2"), READY, columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                insert(session);
                insert(session);
                select(session);
                assert_eq!(session.unanswered(), 3);
            }])
        },
        sees: &["[INSERT 0 1]", "[INSERT 0 2]", "[a:25 | 1 | SELECT 1]"],
        sends: "Parse Bind Describe Execute Sync Parse Bind Describe Execute Sync Query",
    },
    Conversation {
        name: "an error belongs to its exchange and to no other",
        server: || {
            server()
                .until_sync()
                .until_query()
                .until_sync()
                .send(&[error("22P02"), READY, error("42601"), READY])
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                insert(session);
                select(session);
                insert(session);
            }])
        },
        sees: &[
            "[failed at 0: 22P02]",
            "[failed at 0: 42601]",
            "[INSERT 0 1]",
        ],
        sends: "Parse Bind Describe Execute Sync Query Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "only the first statement brings a BEGIN along",
        server: || {
            server()
                .until_sync()
                .until_sync()
                .send(&BEGUN)
                .send(&[complete("BEGIN")])
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), IN_BLOCK])
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), IN_BLOCK])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                begun_insert(session);
                begun_insert(session);
            }])
        },
        sees: &["[INSERT 0 1]", "[INSERT 0 1]"],
        sends: "Parse Bind Execute Parse Bind Describe Execute Sync Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "what nobody wants any more is not given, also if it fails",
        server: || {
            server()
                .until_sync()
                .until_query()
                .until_sync()
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 1"), READY, columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[error("22012"), READY])
                .send(&UNNAMED)
                .send(&[complete("INSERT 0 3"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                let one = params(&[Some("x")]);
                let first = session.execute(&statement("insert $1", &one)).unwrap();
                let none = params(&[]);
                let second = session.execute(&statement("select a", &none)).unwrap();
                insert(session);
                session.detach(first);
                session.detach(second);
            }])
        },
        sees: &["[INSERT 0 3]"],
        sends: "Parse Bind Describe Execute Sync Query Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "what is queued behind an error in a sequence is skipped up to its end",
        server: || {
            server()
                .until_sync()
                .send(&[error("22P02"), READY])
                .until_query()
                .send(&[columns(&["a"]), complete("SELECT 0"), READY])
                .expect_eof()
        },
        client: || {
            runner(&[
                |session| {
                    insert_more(session);
                    insert_more(session);
                    session.end_exchange();
                },
                select,
            ])
        },
        sees: &["[failed at 0: 22P02]", "[a:25 | SELECT 0]"],
        sends: "Parse Bind Describe Execute Parse Bind Describe Execute Sync Query",
    },
    Conversation {
        name: "a rollback that is owed goes before anything else, and says nothing",
        server: || {
            server()
                .until_query()
                .send(&[complete("BEGIN"), IN_BLOCK])
                .expect_query("ROLLBACK TO SAVEPOINT \"s\"; RELEASE SAVEPOINT \"s\"")
                .send(&[complete("ROLLBACK"), complete("RELEASE"), IN_BLOCK])
                .expect_query("select a")
                .send(&[columns(&["a"]), complete("SELECT 0"), IN_BLOCK])
                .expect_eof()
        },
        client: || {
            runner(&[
                |session| {
                    session.command(b"BEGIN").unwrap();
                    owe_rollback(session);
                    assert!(!session.is_settled());
                },
                |session| {
                    assert!(session.is_settled());
                    select(session);
                },
            ])
        },
        sees: &["[BEGIN]", "[a:25 | SELECT 0]"],
        sends: "Query Query Query",
    },
    Conversation {
        name: "a rollback that is owed and fails is the end",
        server: || {
            server()
                .until_query()
                .send(&[complete("BEGIN"), FAILED_BLOCK])
                .until_query()
                .send(&[error("53200"), FAILED_BLOCK])
        },
        client: || {
            runner(&[|session| {
                session.command(b"BEGIN").unwrap();
                owe_rollback(session);
            }])
        },
        sees: &[
            "[BEGIN]",
            "protocol error: the transaction block that was interrupted could not be rolled back",
        ],
        sends: "Query Query",
    },
    Conversation {
        name: "a COPY refused in one exchange leaves the next as it is",
        server: || {
            server()
                .until_query()
                .until_query()
                .send(&[Message::CopyInResponse(copy_response())])
                .until_copy_fail()
                .send(&[error("57014"), READY, columns(&["a"]), complete("SELECT 0")])
                .send(&[READY])
                .expect_eof()
        },
        client: || {
            runner(&[|session| {
                session
                    .execute(&statement("copy t from stdin", &params(&[])))
                    .unwrap();
                select(session);
            }])
        },
        sees: &["[failed at 0: 57014] [refused copy]", "[a:25 | SELECT 0]"],
        sends: "Query Query CopyFail",
    },
];
