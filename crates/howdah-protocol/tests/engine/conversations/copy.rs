//! COPY, over a bare connection. A server in copy-in mode ignores Sync, which is what most of these are about.

use howdah_protocol::connection::Connection;
use howdah_testkit::Script;

use super::{check, raw, then_query};
use crate::client::{On, params};
use crate::replay::Conversation;
use crate::server::{
    FAILED_BLOCK, IN_BLOCK, Message, READY, ScriptExt, complete, copy_response, error, server,
};

#[test]
fn conversations_with_copy() {
    check(TABLE);
}

fn copy_in() -> Message<'static> {
    Message::CopyInResponse(copy_response())
}

/// BEGIN by the extended protocol, the COPY by the simple one, and a Sync.
fn begun(connection: &mut Connection) {
    let none = params(&[]);
    connection.parse(b"", b"BEGIN", &[], true).unwrap();
    connection.bind(b"", &none, &[]).unwrap();
    connection.execute(0, true).unwrap();
    connection.query(b"copy t from stdin").unwrap();
    connection.sync();
}

/// The server's side of [`begun`], up to copy-in mode. The Sync is still to be read.
fn begun_server() -> Script {
    server()
        .until_query()
        .send(&[Message::ParseComplete, Message::BindComplete])
        .send(&[complete("BEGIN"), copy_in()])
}

fn extended(connection: &mut Connection) {
    let none = params(&[]);
    connection
        .parse(b"", b"copy t from stdin", &[], true)
        .unwrap();
    connection.bind(b"", &none, &[]).unwrap();
    connection.describe_portal().unwrap();
    connection.execute(0, false).unwrap();
    connection.sync();
}

/// The server's side of [`extended`], up to copy-in mode, before it has read the Sync.
fn extended_server() -> Script {
    server()
        .until("Execute", |message| {
            matches!(
                message,
                howdah_protocol::wire::FrontendMessage::Execute { .. }
            )
        })
        .send(&[
            Message::ParseComplete,
            Message::BindComplete,
            Message::NoData,
        ])
        .send(&[copy_in()])
}

fn query(connection: &mut Connection) {
    connection.query(b"select a").unwrap();
}

fn two_lines(connection: &mut Connection) {
    connection.copy_data(b"1\n").unwrap();
    connection.copy_data(b"2\n").unwrap();
    connection.copy_done();
}

fn give_up(connection: &mut Connection) {
    connection.copy_data(b"1\n").unwrap();
    connection.copy_fail(b"changed my mind").unwrap();
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "in, by the simple protocol",
        server: || {
            then_query(
                server()
                    .until_query()
                    .send(&[copy_in()])
                    .until_copy_done()
                    .send(&[complete("COPY 2"), READY]),
            )
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.query(b"copy t from stdin").unwrap();
                }),
                (On::Copy, two_lines),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy in",
            "COPY 2",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Query CopyData CopyData CopyDone Query",
    },
    Conversation {
        name: "in, by the simple protocol, given up",
        server: || {
            then_query(
                server()
                    .until_query()
                    .send(&[copy_in()])
                    .until_copy_fail()
                    .send(&[error("57014"), READY]),
            )
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.query(b"copy t from stdin").unwrap();
                }),
                (On::Copy, give_up),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy in",
            "failed 57014",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Query CopyData CopyFail Query",
    },
    Conversation {
        name: "in, by the extended protocol: the Sync is lost and comes again",
        server: || {
            then_query(
                extended_server()
                    .until_copy_done()
                    .expect_sync()
                    .send(&[complete("COPY 2"), READY]),
            )
        },
        client: || {
            raw(&[
                (On::Idle, extended),
                (On::Copy, two_lines),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy in",
            "COPY 2",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute Sync CopyData CopyData CopyDone Sync Query",
    },
    Conversation {
        name: "in, behind BEGIN: the Sync is lost and comes again",
        server: || {
            then_query(
                begun_server()
                    .until_copy_done()
                    .send(&[complete("COPY 2"), IN_BLOCK])
                    .expect_sync()
                    .send(&[IN_BLOCK]),
            )
        },
        client: || raw(&[(On::Idle, begun), (On::Copy, two_lines), (On::Idle, query)]),
        sees: &[
            "started",
            "copy in",
            "COPY 2",
            "ready T",
            "ready T",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Execute Query Sync CopyData CopyData CopyDone Sync Query",
    },
    Conversation {
        name: "in, behind BEGIN, given up: the Sync is lost",
        server: || {
            then_query(
                begun_server()
                    .until_copy_fail()
                    .send(&[error("57014"), FAILED_BLOCK])
                    .expect_sync()
                    .send(&[FAILED_BLOCK])
                    .until_sync()
                    .send(&[Message::CloseComplete, FAILED_BLOCK]),
            )
        },
        client: || raw(&[(On::Idle, begun), (On::Copy, give_up), (On::Idle, query)]),
        sees: &[
            "started",
            "copy in",
            "failed 57014",
            "ready E",
            "ready E",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Execute Query Sync CopyData CopyFail Sync Close Sync Query",
    },
    Conversation {
        name: "in, behind BEGIN, into a view: the server fails before it reads, and the Sync is not lost",
        server: || {
            then_query(
                begun_server()
                    .send(&[error("42809"), FAILED_BLOCK])
                    .expect_sync()
                    .send(&[FAILED_BLOCK])
                    .until_copy_done()
                    .expect_sync()
                    .send(&[FAILED_BLOCK])
                    .until_sync()
                    .send(&[Message::CloseComplete, FAILED_BLOCK]),
            )
        },
        client: || raw(&[(On::Idle, begun), (On::Copy, two_lines), (On::Idle, query)]),
        sees: &[
            "started",
            "copy in",
            "failed 42809",
            "ready E",
            "ready E",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Execute Query Sync CopyData CopyData CopyDone Sync Close Sync Query",
    },
    Conversation {
        name: "in, by the extended protocol: the server fails amid the data",
        server: || {
            then_query(
                extended_server()
                    .until("CopyData", |message| {
                        matches!(message, howdah_protocol::wire::FrontendMessage::CopyData(_))
                    })
                    .send(&[error("22P02")])
                    .expect_sync()
                    .send(&[READY])
                    .until_sync()
                    .send(&[Message::CloseComplete, READY]),
            )
        },
        client: || {
            raw(&[
                (On::Idle, extended),
                (On::Copy, |connection| {
                    connection.copy_data(b"no number\n").unwrap();
                }),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy in",
            "failed 22P02",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute Sync CopyData Sync Close Sync Query",
    },
    Conversation {
        name: "in, by the extended protocol: the server fails before it reads",
        server: || {
            then_query(
                extended_server()
                    .send(&[error("42809")])
                    .expect_sync()
                    .send(&[READY])
                    .expect_sync()
                    .send(&[READY])
                    .until_sync()
                    .send(&[Message::CloseComplete, READY]),
            )
        },
        client: || raw(&[(On::Idle, extended), (On::Idle, query)]),
        sees: &[
            "started",
            "copy in",
            "failed 42809",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute Sync Sync Close Sync Query",
    },
    Conversation {
        name: "in, twice in one query behind BEGIN: each swallows a Sync",
        server: || {
            then_query(
                begun_server()
                    .until_copy_done()
                    .send(&[complete("COPY 2"), copy_in()])
                    .until_copy_done()
                    .send(&[complete("COPY 2"), IN_BLOCK])
                    .expect_sync()
                    .send(&[IN_BLOCK]),
            )
        },
        client: || {
            raw(&[
                (On::Idle, begun),
                (On::Copy, two_lines),
                (On::Copy, two_lines),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy in",
            "COPY 2",
            "copy in",
            "COPY 2",
            "ready T",
            "ready T",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Execute Query Sync CopyData CopyData CopyDone Sync CopyData CopyData CopyDone Sync Query",
    },
    Conversation {
        name: "in, without a Sync before its end",
        server: || {
            then_query(
                extended_server()
                    .until_copy_done()
                    .expect_sync()
                    .send(&[complete("COPY 2"), READY]),
            )
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    let none = params(&[]);
                    connection.parse(b"", b"copy", &[], true).unwrap();
                    connection.bind(b"", &none, &[]).unwrap();
                    connection.describe_portal().unwrap();
                    connection.execute(0, false).unwrap();
                }),
                (On::Copy, |connection| {
                    two_lines(connection);
                    connection.sync();
                }),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy in",
            "COPY 2",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute CopyData CopyData CopyDone Sync Query",
    },
    Conversation {
        name: "out",
        server: || {
            then_query(server().until_query().send(&[
                Message::CopyOutResponse(copy_response()),
                Message::CopyData(b"1\n"),
                Message::CopyData(b""),
                Message::CopyData(b"2\n"),
                Message::CopyDone,
                complete("COPY 2"),
                READY,
            ]))
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.query(b"copy t to stdout").unwrap();
                }),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy out",
            "copy data \"1\\n\"",
            "copy data \"\"",
            "copy data \"2\\n\"",
            "copy done",
            "COPY 2",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Query Query",
    },
    Conversation {
        name: "out, with an error amid the data",
        server: || {
            then_query(server().until_query().send(&[
                Message::CopyOutResponse(copy_response()),
                Message::CopyData(b"1\n"),
                error("57014"),
                READY,
            ]))
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.query(b"copy t to stdout").unwrap();
                }),
                (On::Idle, query),
            ])
        },
        sees: &[
            "started",
            "copy out",
            "copy data \"1\\n\"",
            "failed 57014",
            "ready I",
            "a:25 | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Query Query",
    },
    Conversation {
        name: "both ways",
        server: || {
            server()
                .expect_query("START_REPLICATION")
                .send(&[
                    Message::CopyBothResponse(copy_response()),
                    Message::CopyData(b"wal"),
                ])
                .until_copy_done()
                .send(&[
                    Message::CopyData(b"more"),
                    Message::CopyDone,
                    complete("START_STREAMING"),
                    READY,
                ])
                .expect_eof()
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.query(b"START_REPLICATION").unwrap();
                }),
                (On::Copy, two_lines),
            ])
        },
        sees: &[
            "started",
            "copy both",
            "copy data \"wal\"",
            "copy data \"more\"",
            "copy done",
            "START_STREAMING",
            "ready I",
        ],
        sends: "Query CopyData CopyData CopyDone",
    },
    Conversation {
        name: "data that nobody asked for",
        server: || {
            server()
                .until_query()
                .send(&[Message::CopyData(b"1\n")])
                .hang()
        },
        client: || raw(&[(On::Idle, query)]),
        sees: &[
            "started",
            "protocol error: got CopyData while expecting the results of a simple query",
        ],
        sends: "Query",
    },
];
