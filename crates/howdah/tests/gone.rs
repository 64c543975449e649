//! A server that goes while nothing is running: connections say so, without a round trip.

#![cfg(feature = "tokio")]

mod common;

use std::time::Duration;

use common::{connect, dsn, eventually, tcp_dsn, terminate, within};
use howdah::{AsyncClient, AsyncConnection, Connection};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_server_that_went_while_nothing_was_running() {
    for dsn in [dsn(), tcp_dsn()] {
        within(LONG, move || {
            let mut conn = Connection::connect(&dsn).unwrap();
            assert!(!conn.is_closed());
            let pid = conn.info().backend_pid();
            terminate(pid);
            eventually(|| conn.is_closed());
            // What it had to say is not lost, nor is it said that a statement was lost.
            let error = conn.query_one("SELECT 1", ()).unwrap_err();
            assert_eq!(error.sqlstate(), Some("57P01"));
            assert!(error.is_closed() && conn.is_closed() && conn.is_broken());
        });
    }
}

#[test]
fn what_came_before_it_went_is_still_given() {
    within(LONG, || {
        let mut conn = Connection::connect(&dsn()).unwrap();
        conn.execute("LISTEN gone_before", ()).unwrap();
        let mut other = connect();
        other
            .execute("NOTIFY gone_before, 'last words'", ())
            .unwrap();
        terminate(conn.info().backend_pid());
        eventually(|| conn.is_closed());
        let first = conn.notifies(None).next().unwrap().unwrap();
        assert_eq!(first.payload, "last words");
    });
}

#[test]
fn one_that_is_used_is_not_closed() {
    let mut conn = connect();
    for _ in 0..100 {
        conn.query_one("SELECT 1", ()).unwrap();
        assert!(!conn.is_closed());
    }
    conn.close();
    assert!(conn.is_closed() && !conn.is_broken());
}

#[tokio::test]
async fn on_tokio() {
    let mut conn = AsyncConnection::connect(&dsn()).await.unwrap();
    let client = AsyncClient::connect(&tcp_dsn()).await.unwrap();
    client.execute("SELECT 1", ()).await.unwrap();
    assert!(!conn.is_closed() && !client.is_closed());
    let (first, second) = (conn.info().backend_pid(), client.backend_pid());
    tokio::task::spawn_blocking(move || {
        terminate(first);
        terminate(second);
    })
    .await
    .unwrap();
    let seen = async {
        while !(conn.is_closed() && client.is_closed()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, seen).await.unwrap();
    let error = conn.query_one("SELECT 1", ()).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("57P01"));
    assert!(client.query_one("SELECT 1", ()).await.is_err());
}
