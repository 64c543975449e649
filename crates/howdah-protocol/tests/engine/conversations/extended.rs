//! The extended protocol and pipelines, over a bare connection.

use howdah_protocol::connection::Connection;
use howdah_protocol::wire::Format;

use super::{check, raw};
use crate::client::{On, params};
use crate::replay::Conversation;
use crate::server::{
    FAILED_BLOCK, IN_BLOCK, Message, READY, ScriptExt, columns, complete, error, fatal, server,
};

#[test]
fn conversations_in_the_extended_protocol() {
    check(TABLE);
}

/// Parse, Bind, Describe and Execute of the unnamed statement.
fn unnamed(connection: &mut Connection, sql: &str, values: &[Option<&str>]) {
    let params = params(values);
    connection
        .parse(b"", sql.as_bytes(), &params.oids, true)
        .unwrap();
    connection.bind(b"", &params, &[]).unwrap();
    connection.describe_portal().unwrap();
    connection.execute(0, false).unwrap();
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "a portal described and closed by name",
        server: || {
            server()
                .until_sync()
                .send(&[columns(&["a"]), Message::NoData, Message::CloseComplete])
                .send(&[READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.ask_portal_description(b"p").unwrap();
                connection.ask_portal_description(b"q").unwrap();
                connection.close_portal(b"p", false).unwrap();
                connection.sync();
            })])
        },
        sees: &[
            "started",
            "described true",
            "described false",
            "closed",
            "ready I",
        ],
        sends: "Describe Describe Close Sync",
    },
    Conversation {
        name: "unnamed",
        server: || {
            server()
                .until_sync()
                .send(&[Message::ParseComplete, Message::BindComplete])
                .send(&[columns(&["a"])])
                .send_row(&[Some("1")])
                .send_row(&[None])
                .send(&[complete("SELECT 2"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                unnamed(connection, "select $1, $2", &[Some("x"), None]);
                connection.sync();
            })])
        },
        sees: &["started", "a:25 | 1 | NULL | SELECT 2", "ready I"],
        sends: "Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "unnamed, again and again, until its columns are others",
        server: || {
            let mut script = server();
            for (names, value) in [
                (["a", "b:23"], "1"),
                (["a", "b:23"], "2"),
                (["a", "b:20"], "3"),
                (["a", "b:23"], "4"),
            ] {
                script = script
                    .until_sync()
                    .send(&[Message::ParseComplete, Message::BindComplete])
                    .send(&[columns(&names)])
                    .send_row(&[Some(value), None])
                    .send(&[complete("SELECT 1"), READY]);
            }
            script.expect_eof()
        },
        client: || {
            const RUN: fn(&mut Connection) = |connection| {
                unnamed(connection, "select", &[]);
                connection.sync();
            };
            raw(&[
                (On::Idle, RUN),
                (On::Idle, RUN),
                (On::Idle, RUN),
                (On::Idle, RUN),
            ])
        },
        sees: &[
            "started",
            "a:25, b:23 | 1, NULL | SELECT 1",
            "ready I",
            "a:25, b:23 | 2, NULL | SELECT 1",
            "ready I",
            "a:25, b:20 | 3, NULL | SELECT 1",
            "ready I",
            "a:25, b:23 | 4, NULL | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute Sync Parse Bind Describe Execute Sync \
                Parse Bind Describe Execute Sync Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "a statement described in binary, whose columns in text are the same",
        server: || {
            server()
                .until_sync()
                .send(&[Message::ParameterDescription(vec![]), columns(&["a:23"])])
                .send(&[Message::BindComplete, columns(&["a:23"])])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), READY])
                .until_sync()
                .send(&[Message::ParameterDescription(vec![]), columns(&["a:23"])])
                .send(&[Message::BindComplete])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    connection.describe_statement(b"s", true).unwrap();
                    connection.bind(b"s", &params(&[]), &[]).unwrap();
                    connection.describe_portal().unwrap();
                    connection.execute(0, false).unwrap();
                    connection.sync();
                }),
                (On::Idle, |connection| {
                    connection.describe_statement(b"s", true).unwrap();
                    connection.bind(b"s", &params(&[]), &[]).unwrap();
                    connection.execute(0, false).unwrap();
                    connection.sync();
                }),
            ])
        },
        sees: &[
            "started",
            "parameters []",
            "a:23 | 1 | SELECT 1",
            "ready I",
            "parameters []",
            "a:23* | 1 | SELECT 1",
            "ready I",
        ],
        sends: "Describe Bind Describe Execute Sync Describe Bind Execute Sync",
    },
    Conversation {
        name: "a description that says nothing",
        server: || {
            server()
                .until_sync()
                .send(&[Message::ParseComplete, Message::BindComplete])
                .send_raw(*b"T\0\0\0\x04")
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                unnamed(connection, "select", &[]);
                connection.sync();
            })])
        },
        sees: &[
            "started",
            "protocol error: malformed RowDescription message: ends early",
        ],
        sends: "Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "unnamed, without rows and without a statement",
        server: || {
            server()
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    Message::NoData,
                ])
                .send(&[complete("INSERT 0 1")])
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    Message::NoData,
                ])
                .send(&[Message::EmptyQueryResponse, READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                unnamed(connection, "insert", &[Some("x")]);
                unnamed(connection, "", &[]);
                connection.sync();
            })])
        },
        sees: &["started", "INSERT 0 1", "Empty", "ready I"],
        sends: "Parse Bind Describe Execute Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "prepared, described, and used again with known columns",
        server: || {
            server()
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::ParameterDescription(vec![25, 23]),
                    columns(&["a:23"]),
                    Message::BindComplete,
                ])
                .send_row(&[Some("one")])
                .send(&[complete("SELECT 1"), READY])
                .until_sync()
                .send(&[Message::BindComplete])
                .send_row(&[Some("two")])
                .send(&[complete("SELECT 1"), READY])
                .until_sync()
                .send(&[Message::CloseComplete, READY])
                .expect_eof()
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    let params = params(&[Some("x"), None]);
                    connection.parse(b"s", b"select", &[25, 0], false).unwrap();
                    connection.describe_statement(b"s", true).unwrap();
                    connection.bind(b"s", &params, &[Format::Binary]).unwrap();
                    connection.execute(0, false).unwrap();
                    connection.sync();
                }),
                (On::Idle, |connection| {
                    let Message::RowDescription(known) = columns(&["known:23"]) else {
                        return;
                    };
                    let params = params(&[Some("y"), None]);
                    connection.bind(b"s", &params, &[]).unwrap();
                    connection.execute_known(0, Some(known.into())).unwrap();
                    connection.sync();
                }),
                (On::Idle, |connection| {
                    connection.close_statement(b"s", false).unwrap();
                    connection.sync();
                }),
            ])
        },
        sees: &[
            "started",
            "prepared",
            "parameters [25, 23]",
            "a:23* | one | SELECT 1",
            "ready I",
            "known:23 | two | SELECT 1",
            "ready I",
            "closed",
            "ready I",
        ],
        sends: "Parse Describe Bind Execute Sync Bind Execute Sync Close Sync",
    },
    Conversation {
        name: "PortalSuspended, and the rest of the rows",
        server: || {
            server()
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    columns(&["a"]),
                ])
                .send_row(&[Some("1")])
                .send_row(&[Some("2")])
                .send(&[Message::PortalSuspended])
                .send_row(&[Some("3")])
                .send(&[complete("SELECT 1"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                let params = params(&[]);
                let Message::RowDescription(known) = columns(&["a"]) else {
                    return;
                };
                connection.parse(b"", b"select a", &[], true).unwrap();
                connection.bind(b"", &params, &[]).unwrap();
                connection.describe_portal().unwrap();
                connection.execute(2, false).unwrap();
                connection.execute_known(2, Some(known.into())).unwrap();
                connection.sync();
            })])
        },
        sees: &[
            "started",
            "a:25 | 1 | 2 | Suspended",
            "a:25 | 3 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute Execute Sync",
    },
    Conversation {
        name: "an error inside a pipeline: what follows is skipped up to its Sync",
        server: || {
            server()
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    Message::NoData,
                ])
                .send(&[complete("INSERT 0 1")])
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    columns(&["a"]),
                ])
                .send_row(&[Some("lost")])
                .send(&[error("22012"), READY])
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    Message::NoData,
                ])
                .send(&[complete("INSERT 0 4"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                unnamed(connection, "1", &[]);
                unnamed(connection, "2", &[]);
                unnamed(connection, "3", &[]);
                connection.sync();
                unnamed(connection, "4", &[]);
                connection.sync();
            })])
        },
        sees: &[
            "started",
            "INSERT 0 1",
            "failed 22012",
            "ready I",
            "INSERT 0 4",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute Parse Bind Describe Execute Parse Bind Describe Execute Sync \
                Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "an error of Parse, of Bind, and of Sync itself",
        server: || {
            server()
                .until_sync()
                .send(&[error("42601"), FAILED_BLOCK])
                .until_sync()
                .send(&[Message::ParseComplete, error("22P02"), FAILED_BLOCK])
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    Message::NoData,
                ])
                .send(&[complete("INSERT 0 1"), error("23505"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                for sql in ["1", "2", "3"] {
                    unnamed(connection, sql, &[Some("x")]);
                    connection.sync();
                }
            })])
        },
        sees: &[
            "started",
            "failed 42601",
            "ready E",
            "failed 22P02",
            "ready E",
            "INSERT 0 1",
            "failed 23505",
            "ready I",
        ],
        sends: "Parse Bind Describe Execute Sync Parse Bind Describe Execute Sync Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "silent statements, then a query in the same packet",
        server: || {
            server()
                .until_query()
                .send(&[Message::ParseComplete, Message::BindComplete])
                .send(&[complete("BEGIN"), columns(&["a"])])
                .send_row(&[Some("1")])
                .send(&[complete("SELECT 1"), IN_BLOCK])
                .expect_sync()
                .send(&[IN_BLOCK])
                .expect_eof()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                let none = params(&[]);
                connection.parse(b"", b"BEGIN", &[], true).unwrap();
                connection.bind(b"", &none, &[]).unwrap();
                connection.execute(0, true).unwrap();
                connection.query(b"select a").unwrap();
                connection.sync();
            })])
        },
        sees: &["started", "a:25 | 1 | SELECT 1", "ready T", "ready T"],
        sends: "Parse Bind Execute Query Sync",
    },
    Conversation {
        name: "FATAL amid a pipeline",
        server: || {
            server()
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    columns(&["a"]),
                ])
                .send_row(&[Some("1")])
                .send(&[fatal("57P01")])
                .hang()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                unnamed(connection, "1", &[]);
                unnamed(connection, "2", &[]);
                connection.sync();
            })])
        },
        sees: &["started", "disconnected: 57P01"],
        sends: "Parse Bind Describe Execute Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "rows of a statement that was said to have none",
        server: || {
            server()
                .until_sync()
                .send(&[
                    Message::ParseComplete,
                    Message::BindComplete,
                    Message::NoData,
                ])
                .send_row(&[Some("1")])
                .hang()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                unnamed(connection, "insert", &[]);
                connection.sync();
            })])
        },
        sees: &[
            "started",
            "protocol error: got DataRow while expecting the result of an executed portal",
        ],
        sends: "Parse Bind Describe Execute Sync",
    },
    Conversation {
        name: "an answer out of turn",
        server: || server().until_sync().send(&[Message::BindComplete]).hang(),
        client: || {
            raw(&[(On::Idle, |connection| {
                unnamed(connection, "insert", &[]);
                connection.sync();
            })])
        },
        sees: &[
            "started",
            "protocol error: got BindComplete while expecting ParseComplete",
        ],
        sends: "Parse Bind Describe Execute Sync",
    },
];
