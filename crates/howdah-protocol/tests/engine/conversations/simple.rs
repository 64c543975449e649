//! The simple protocol.

use super::{check, raw};
use crate::client::On;
use crate::replay::Conversation;
use crate::server::{
    FAILED_BLOCK, IN_BLOCK, Message, READY, ScriptExt, columns, complete, error, notice,
    notification, parameter, server,
};

#[test]
fn conversations_in_the_simple_protocol() {
    check(TABLE);
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "several results",
        server: || {
            server()
                .expect_query("begin; select a, b; insert")
                .send(&[complete("BEGIN"), columns(&["a", "b:23"])])
                .send_row(&[Some("x"), Some("1")])
                .send_row(&[None, Some("")])
                .send(&[complete("SELECT 2"), complete("INSERT 0 3"), IN_BLOCK])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"begin; select a, b; insert").unwrap();
            })])
        },
        sees: &[
            "started",
            "BEGIN",
            "a:25, b:23 | x, 1 | NULL,  | SELECT 2",
            "INSERT 0 3",
            "ready T",
        ],
        sends: "Query",
    },
    Conversation {
        name: "an empty query",
        server: || {
            server()
                .expect_query(" ;")
                .send(&[Message::EmptyQueryResponse, READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b" ;").unwrap();
            })])
        },
        sees: &["started", "Empty", "ready I"],
        sends: "Query",
    },
    Conversation {
        name: "no rows, and rows without columns",
        server: || {
            server()
                .expect_query("select a where false; select; select")
                .send(&[columns(&["a"]), complete("SELECT 0"), columns(&[])])
                .send_row(&[])
                .send_row(&[])
                .send(&[complete("SELECT 2"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection
                    .query(b"select a where false; select; select")
                    .unwrap();
            })])
        },
        sees: &["started", "a:25 | SELECT 0", " |  |  | SELECT 2", "ready I"],
        sends: "Query",
    },
    Conversation {
        name: "an error after a result and amid another's rows",
        server: || {
            server()
                .expect_query("select a; select b")
                .send(&[columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), columns(&["b"])])
                .send_row(&[Some("lost")])
                .send(&[error("22012"), FAILED_BLOCK])
                .expect_query("select c")
                .send(&[columns(&["c"])])
                .send_row(&[Some("3")])
                .send(&[complete("SELECT 1"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.query(b"select a; select b").unwrap();
                }),
                (On::Idle, |connection| {
                    connection.query(b"select c").unwrap();
                }),
            ])
        },
        sees: &[
            "started",
            "a:25 | 1 | SELECT 1",
            "failed 22012",
            "ready E",
            "c:25 | 3 | SELECT 1",
            "ready I",
        ],
        sends: "Query Query",
    },
    Conversation {
        name: "notices, notifications and parameters between any two messages",
        server: || {
            server()
                .send(&[notification("idle")])
                .expect_query("select a")
                .send(&[notice("first"), columns(&["a"]), parameter("a", "1")])
                .send_row(&[Some("1")])
                .send(&[notice("amid")])
                .send_row(&[Some("2")])
                .send(&[
                    notification("n"),
                    complete("SELECT 2"),
                    parameter("a", "2"),
                    READY,
                    notification("late"),
                ])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &[
            "started",
            "notification idle",
            "notice first",
            "parameter a=1",
            "notice amid",
            "notification n",
            "a:25 | 1 | 2 | SELECT 2",
            "parameter a=2",
            "ready I",
            "notification late",
        ],
        sends: "Query",
    },
    Conversation {
        name: "two queries on the way at once",
        server: || {
            server()
                .expect_query("select 1/0")
                .send(&[error("22012"), READY])
                .expect_query("select a")
                .send(&[columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select 1/0").unwrap();
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &[
            "started",
            "failed 22012",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Query Query",
    },
    Conversation {
        name: "a second description amid a result",
        server: || {
            server()
                .until_query()
                .send(&[columns(&["a"]), columns(&["b", "c"])])
                .hang()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &[
            "started",
            "protocol error: got RowDescription while expecting the results of a simple query",
        ],
        sends: "Query",
    },
    Conversation {
        name: "ReadyForQuery amid a result",
        server: || {
            server()
                .until_query()
                .send(&[columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[READY])
                .hang()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &[
            "started",
            "protocol error: got ReadyForQuery while expecting the results of a simple query",
        ],
        sends: "Query",
    },
    Conversation {
        name: "a row of another width",
        server: || {
            server()
                .until_query()
                .send(&[columns(&["a"])])
                .send_row(&[Some("1"), Some("2")])
                .hang()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &[
            "started",
            "protocol error: got DataRow with 2 columns while expecting 1 columns",
        ],
        sends: "Query",
    },
    Conversation {
        name: "a row that was not described",
        server: || server().until_query().send_row(&[Some("1")]).hang(),
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &[
            "started",
            "protocol error: got DataRow while expecting the results of a simple query",
        ],
        sends: "Query",
    },
    Conversation {
        name: "an answer to nothing",
        server: || server().send(&[complete("SELECT 1")]).hang(),
        client: || raw(&[]),
        sees: &[
            "started",
            "protocol error: got CommandComplete while expecting nothing: no request is waiting for an answer",
        ],
        sends: "",
    },
];
