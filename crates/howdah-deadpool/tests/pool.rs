//! Pools of deadpool, against a real server.

mod scenarios;

use howdah_deadpool::{Manager, Pool, PoolError};

fn pool(manager: Manager) -> Pool {
    Pool::builder(manager).max_size(2).build().unwrap()
}

fn manager() -> Manager {
    Manager::new(scenarios::config())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let config = "host=/nonexistent".parse().unwrap();
    let error = pool(Manager::new(config)).get().await.unwrap_err();
    assert!(matches!(error, PoolError::Backend(error) if error.is_closed()));
}

#[tokio::test]
async fn connections_are_shared() {
    let pool = pool(manager());
    scenarios::connections_are_shared(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn dead_connections_are_replaced() {
    let pool = pool(manager());
    scenarios::dead_connections_are_replaced(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn nothing_is_left_over() {
    let pool = pool(manager());
    scenarios::nothing_is_left_over(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn a_dropped_transaction_holds_no_locks() {
    let pool = pool(manager());
    scenarios::a_dropped_transaction_holds_no_locks(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn settings_are_discarded() {
    let pool = pool(manager().discard_all(true));
    scenarios::settings_are_discarded(async || pool.get().await.unwrap()).await;
}

#[tokio::test]
async fn what_does_not_come_to_rest_is_replaced() {
    let pool = pool(Manager::new(scenarios::hasty_config()));
    scenarios::what_does_not_come_to_rest_is_replaced(async || pool.get().await.unwrap()).await;
}
