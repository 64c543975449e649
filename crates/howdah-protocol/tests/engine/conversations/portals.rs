//! Pages of portals by their names, from servers that keep to the protocol and from others, over a bare connection.

use howdah_protocol::connection::Connection;
use howdah_testkit::Script;

use super::{check, raw};
use crate::client::{On, params};
use crate::replay::Conversation;
use crate::server::{IN_BLOCK, Message, READY, ScriptExt, columns, complete, error, server};

#[test]
fn conversations_with_portals() {
    check(TABLE);
}

/// Asks for so many rows of a portal that was described before.
fn fetch(connection: &mut Connection, name: &[u8], max_rows: u32) {
    let Message::RowDescription(known) = columns(&["a"]) else {
        return;
    };
    let known = Some(known.into());
    connection.execute_portal(name, max_rows, known).unwrap();
    connection.sync();
}

/// A server that gives rows to the first request.
fn gives(rows: &[&str]) -> Script {
    let script = server().until_sync();
    rows.iter()
        .fold(script, |script, row| script.send_row(&[Some(row)]))
}

const TABLE: &[Conversation] = &[
    Conversation {
        name: "two portals by turns",
        server: || {
            server()
                .until_sync()
                .send(&[Message::ParseComplete, Message::BindComplete])
                .send(&[Message::BindComplete, IN_BLOCK])
                .until_sync()
                .send_row(&[Some("1")])
                .send(&[Message::PortalSuspended, IN_BLOCK])
                .until_sync()
                .send_row(&[Some("1")])
                .send_row(&[Some("2")])
                .send(&[Message::PortalSuspended, IN_BLOCK])
                .until_sync()
                .send(&[complete("SELECT 0"), IN_BLOCK])
                .until_sync()
                .send_row(&[Some("3")])
                .send(&[complete("SELECT 1"), READY])
                .expect_eof()
        },
        client: || {
            raw(&[
                (On::Idle, |connection| {
                    let none = params(&[]);
                    connection.parse(b"", b"select a", &[], true).unwrap();
                    connection.bind_portal(b"p", b"", &none, &[]).unwrap();
                    connection.bind_portal(b"q", b"", &none, &[]).unwrap();
                    connection.sync();
                }),
                (On::Idle, |connection| fetch(connection, b"p", 1)),
                (On::Idle, |connection| fetch(connection, b"q", 2)),
                (On::Idle, |connection| fetch(connection, b"p", 1)),
                (On::Idle, |connection| fetch(connection, b"q", 0)),
            ])
        },
        sees: &[
            "started",
            "ready T",
            "a:25 | 1 | Suspended",
            "ready T",
            "a:25 | 1 | 2 | Suspended",
            "ready T",
            "a:25 | SELECT 0",
            "ready T",
            "a:25 | 3 | SELECT 1",
            "ready I",
        ],
        sends: "Parse Bind Bind Sync Execute Sync Execute Sync Execute Sync Execute Sync",
    },
    Conversation {
        name: "a portal that does not exist",
        server: || {
            server()
                .until_sync()
                .send(&[error("34000"), READY])
                .expect_eof()
        },
        client: || raw(&[(On::Idle, |connection| fetch(connection, b"p", 1))]),
        sees: &["started", "failed 34000", "ready I"],
        sends: "Execute Sync",
    },
    Conversation {
        name: "more rows than were asked for",
        server: || gives(&["1", "2", "3"]).hang(),
        client: || raw(&[(On::Idle, |connection| fetch(connection, b"p", 2))]),
        sees: &[
            "started",
            "protocol error: the server sent more rows than it was asked for",
        ],
        sends: "Execute Sync",
    },
    Conversation {
        name: "suspended after fewer rows than were asked for",
        server: || gives(&["1"]).send(&[Message::PortalSuspended]).hang(),
        client: || raw(&[(On::Idle, |connection| fetch(connection, b"p", 2))]),
        sees: &[
            "started",
            "protocol error: got PortalSuspended while expecting the result of an executed portal",
        ],
        sends: "Execute Sync",
    },
    Conversation {
        name: "suspended where all rows were asked for",
        server: || gives(&["1"]).send(&[Message::PortalSuspended]).hang(),
        client: || raw(&[(On::Idle, |connection| fetch(connection, b"p", 0))]),
        sees: &[
            "started",
            "protocol error: got PortalSuspended while expecting the result of an executed portal",
        ],
        sends: "Execute Sync",
    },
    Conversation {
        name: "suspended twice",
        server: || {
            gives(&["1"])
                .send(&[Message::PortalSuspended, Message::PortalSuspended])
                .hang()
        },
        client: || raw(&[(On::Idle, |connection| fetch(connection, b"p", 1))]),
        sees: &[
            "started",
            "a:25 | 1 | Suspended",
            "protocol error: got PortalSuspended while expecting ReadyForQuery",
        ],
        sends: "Execute Sync",
    },
    Conversation {
        name: "suspended in a simple query",
        server: || {
            server()
                .until_query()
                .send(&[columns(&["a"]), Message::PortalSuspended])
                .hang()
        },
        client: || {
            raw(&[(On::Idle, |connection| {
                connection.query(b"select a").unwrap();
            })])
        },
        sees: &[
            "started",
            "protocol error: got PortalSuspended while expecting the results of a simple query",
        ],
        sends: "Query",
    },
    Conversation {
        name: "the end of the answers without that of the page",
        server: || gives(&["1"]).send(&[READY]).hang(),
        client: || raw(&[(On::Idle, |connection| fetch(connection, b"p", 2))]),
        sees: &[
            "started",
            "protocol error: got ReadyForQuery while expecting the result of an executed portal",
        ],
        sends: "Execute Sync",
    },
];
