//! Pools of bb8, against a real server.

#[path = "../../howdah-deadpool/tests/scenarios/mod.rs"]
mod scenarios;

use std::time::Duration;

use howdah_bb8::{Manager, Pool, RunError};

async fn pool(manager: Manager) -> Pool {
    Pool::builder().max_size(2).build(manager).await.unwrap()
}

fn manager() -> Manager {
    Manager::new(scenarios::config())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let config = "host=/nonexistent".parse().unwrap();
    let builder = Pool::builder()
        .retry_connection(false)
        .connection_timeout(Duration::from_millis(100));
    let pool = builder.build_unchecked(Manager::new(config));
    let error = pool.get().await.unwrap_err();
    assert!(matches!(error, RunError::TimedOut | RunError::User(_)));
}

#[tokio::test]
async fn connections_are_shared() {
    let pool = pool(manager()).await;
    scenarios::connections_are_shared(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn dead_connections_are_replaced() {
    let pool = pool(manager()).await;
    scenarios::dead_connections_are_replaced(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn nothing_is_left_over() {
    let pool = pool(manager()).await;
    scenarios::nothing_is_left_over(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn a_dropped_transaction_holds_no_locks() {
    let pool = pool(manager()).await;
    scenarios::a_dropped_transaction_holds_no_locks(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn settings_are_discarded() {
    let pool = pool(manager().discard_all(true)).await;
    scenarios::settings_are_discarded(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn what_does_not_come_to_rest_is_replaced() {
    let pool = pool(Manager::new(scenarios::hasty_config())).await;
    scenarios::what_does_not_come_to_rest_is_replaced(async || pool.get().await.unwrap()).await;
}
