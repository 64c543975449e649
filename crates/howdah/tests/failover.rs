//! Failover with a real primary and its standby: the new primary is found at the first attempt after its promotion.

#![cfg(feature = "tokio")]

mod common;

use common::own_server::OwnServer;
use howdah::{AsyncConnection, Connection, Error};

/// What a statement says of where it runs, through both doors.
fn ask(conninfo: &str, sql: &str) -> [Result<bool, Error>; 2] {
    let blocking = || Connection::connect(conninfo)?.query_one(sql, ())?.get(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let tokio = runtime.block_on(async {
        let mut conn = AsyncConnection::connect(conninfo).await?;
        conn.query_one(sql, ()).await?.get(0)
    });
    [blocking(), tokio]
}

const IS_STANDBY: &str = "SELECT pg_is_in_recovery()";

#[test]
fn the_new_primary_is_found() {
    let Some(mut pair) = OwnServer::run("failing_pair.py") else {
        eprintln!("nothing is tested: HOWDAH_TEST_PYTHON is not set");
        return;
    };
    let wants = |attrs: &str| format!("{} target_session_attrs={attrs}", pair.conninfo);
    let (writable, standby) = (wants("read-write"), wants("standby"));
    for is_standby in ask(&writable, IS_STANDBY) {
        assert!(!is_standby.unwrap());
    }
    for is_standby in ask(&standby, IS_STANDBY) {
        assert!(is_standby.unwrap());
    }
    for refused in ask(&standby, "CREATE TABLE t ()") {
        assert_eq!(refused.unwrap_err().sqlstate(), Some("25006"));
    }
    let mut conn = Connection::connect(&writable).unwrap();
    pair.command("stop");
    let error = conn.execute("SELECT 1", ()).unwrap_err();
    assert!(error.is_closed(), "{error}");
    for refused in ask(&writable, IS_STANDBY) {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("read-only"), "{error}");
    }
    pair.command("promote");
    for is_standby in ask(&writable, IS_STANDBY) {
        assert!(!is_standby.unwrap());
    }
}
