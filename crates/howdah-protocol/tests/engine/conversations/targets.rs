//! Servers that are not what `target_session_attrs` asks for, and questions to those that do not say what they are.

use howdah_protocol::conninfo::TargetSessionAttrs;
use howdah_testkit::Script;

use super::check;
use crate::client::{Client, Raw, config};
use crate::replay::Conversation;
use crate::server::{ACCEPTED, KEY, READY, error, parameter};

#[test]
fn conversations_about_targets() {
    check(TABLE);
}

fn wanting(wanted: TargetSessionAttrs) -> Box<dyn Client> {
    let mut config = config();
    config.target_session_attrs = wanted;
    Box::new(Raw::new(config, &[]))
}

/// A server of version 14 or later.
fn reporting(default_read_only: &str, in_hot_standby: &str) -> Script {
    Script::new()
        .read_startup()
        .send(&[
            ACCEPTED,
            parameter("default_transaction_read_only", default_read_only),
            parameter("in_hot_standby", in_hot_standby),
            KEY,
            READY,
        ])
        .expect_eof()
}

/// An older server that is asked.
fn asked(sql: &str, column: &str, answer: &str) -> Script {
    Script::new()
        .read_startup()
        .send(&[ACCEPTED, KEY, READY])
        .expect_query(sql)
        .send_result(&[(column, 25)], &[&[Some(answer)]], "SHOW")
        .send_ready()
        .expect_eof()
}

fn shows(read_only: &str) -> Script {
    asked(
        "SHOW transaction_read_only",
        "transaction_read_only",
        read_only,
    )
}

fn recovers(recovery: &str) -> Script {
    asked(
        "SELECT pg_catalog.pg_is_in_recovery()",
        "pg_is_in_recovery",
        recovery,
    )
}

const STARTED: &[&str] = &["started"];
const READ_ONLY: &[&str] = &["no start: session is read-only"];
const NOT_READ_ONLY: &[&str] = &["no start: session is not read-only"];
const STANDBY: &[&str] = &["no start: server is in hot standby mode"];
const NO_STANDBY: &[&str] = &["no start: server is not in hot standby mode"];

macro_rules! target {
    ($name:literal, $wanted:ident, $server:expr, $sees:expr, $sends:literal) => {
        Conversation {
            name: $name,
            server: || $server,
            client: || wanting(TargetSessionAttrs::$wanted),
            sees: $sees,
            sends: $sends,
        }
    };
}

const TABLE: &[Conversation] = &[
    target!("any", Any, reporting("on", "on"), STARTED, ""),
    target!(
        "read-write",
        ReadWrite,
        reporting("off", "off"),
        STARTED,
        ""
    ),
    target!(
        "read-write, standby",
        ReadWrite,
        reporting("off", "on"),
        READ_ONLY,
        ""
    ),
    target!(
        "read-write, read-only",
        ReadWrite,
        reporting("on", "off"),
        READ_ONLY,
        ""
    ),
    target!(
        "read-only",
        ReadOnly,
        reporting("off", "off"),
        NOT_READ_ONLY,
        ""
    ),
    target!(
        "read-only, standby",
        ReadOnly,
        reporting("off", "on"),
        STARTED,
        ""
    ),
    target!(
        "read-only, read-only",
        ReadOnly,
        reporting("on", "off"),
        STARTED,
        ""
    ),
    target!("primary", Primary, reporting("on", "off"), STARTED, ""),
    target!(
        "primary, standby",
        Primary,
        reporting("off", "on"),
        STANDBY,
        ""
    ),
    target!("standby", Standby, reporting("off", "on"), STARTED, ""),
    target!(
        "standby, primary",
        Standby,
        reporting("on", "off"),
        NO_STANDBY,
        ""
    ),
    target!(
        "prefer-standby",
        PreferStandby,
        reporting("off", "on"),
        STARTED,
        ""
    ),
    target!(
        "prefer-standby, primary",
        PreferStandby,
        reporting("off", "off"),
        NO_STANDBY,
        ""
    ),
    target!(
        "read-write, asked",
        ReadWrite,
        shows("off"),
        STARTED,
        "Query"
    ),
    target!(
        "read-write, asked in vain",
        ReadWrite,
        shows("on"),
        READ_ONLY,
        "Query"
    ),
    target!("read-only, asked", ReadOnly, shows("on"), STARTED, "Query"),
    target!(
        "read-only, asked in vain",
        ReadOnly,
        shows("off"),
        NOT_READ_ONLY,
        "Query"
    ),
    target!("primary, asked", Primary, recovers("f"), STARTED, "Query"),
    target!(
        "primary, asked in vain",
        Primary,
        recovers("t"),
        STANDBY,
        "Query"
    ),
    target!("standby, asked", Standby, recovers("t"), STARTED, "Query"),
    target!(
        "standby, asked in vain",
        Standby,
        recovers("f"),
        NO_STANDBY,
        "Query"
    ),
    Conversation {
        name: "the question is an error",
        server: || {
            Script::new()
                .read_startup()
                .send(&[ACCEPTED, KEY, READY])
                .expect_query("SHOW transaction_read_only")
                .send(&[error("42501")])
        },
        client: || wanting(TargetSessionAttrs::ReadWrite),
        sees: &["refused: 42501"],
        sends: "Query",
    },
    Conversation {
        name: "the question has no answer",
        server: || {
            Script::new()
                .read_startup()
                .send(&[ACCEPTED, KEY, READY])
                .expect_query("SHOW transaction_read_only")
                .send_result(&[("x", 25)], &[], "SHOW")
                .send_ready()
                .expect_eof()
        },
        client: || wanting(TargetSessionAttrs::ReadWrite),
        sees: &["no start: the server did not say whether it is read-only"],
        sends: "Query",
    },
    Conversation {
        name: "the question has two answers",
        server: || {
            Script::new()
                .read_startup()
                .send(&[ACCEPTED, KEY, READY])
                .expect_query("SHOW transaction_read_only")
                .send_result(&[("x", 25)], &[&[Some("off")], &[Some("on")]], "SHOW")
                .send_ready()
                .expect_eof()
        },
        client: || wanting(TargetSessionAttrs::ReadWrite),
        sees: &["no start: got DataRow while expecting whether the server is read-only"],
        sends: "Query",
    },
];
