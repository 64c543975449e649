//! A runtime that ends while something of it is alive: nothing waits, and the server sees the connection closed.
//!
//! `cancel_timeout` is an hour: what waited for the connection to come to rest would not end. The server never answers a cancel
//! request either.

#![cfg(feature = "tokio")]

mod common;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use common::within;
use howdah::{AsyncClient, AsyncConnection, AsyncListener, Config};
use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::{MockServer, Script};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

const HOUR: Duration = Duration::from_secs(3600);
/// Only a guard against tests that hang.
const GUARD: Duration = Duration::from_secs(30);

fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_current_thread().enable_all().build().unwrap(),
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap(),
    ]
}

/// Runs it with runtimes of both kinds, and a server that has to see the end of the connection; of one with a `statement` after that.
fn each(statement: bool, work: fn(Runtime, &Config) -> Box<dyn Send>) {
    for runtime in runtimes() {
        within(GUARD, move || {
            let script = Script::new().accept_startup();
            let script = match statement {
                true => script.until("a statement", |message| {
                    matches!(message, FrontendMessage::Query(_) | FrontendMessage::Sync)
                }),
                false => script,
            };
            let server = MockServer::tcp([script.expect_eof()]).unwrap();
            let mut config: Config = server.conninfo().parse().unwrap();
            config.cancel_timeout(HOUR);
            let alive = work(runtime, &config);
            server
                .join()
                .expect("it has seen the end of the connection");
            drop(alive);
        });
    }
}

/// Polls a future once; it must not be ready.
async fn begin(future: Pin<&mut impl Future>) {
    let mut future = Some(future);
    poll_fn(|cx| {
        if let Some(future) = future.take() {
            assert!(future.poll(cx).is_pending());
        }
        Poll::Ready(())
    })
    .await;
}

/// Has a task of the runtime wait for what never comes; it has been polled when this returns.
fn leave_waiting(runtime: &Runtime, work: impl Future<Output: Send> + Send + 'static) {
    let (sender, begun) = oneshot::channel();
    runtime.spawn(async move {
        let mut work = pin!(work);
        begin(work.as_mut()).await;
        sender.send(()).unwrap();
        work.await
    });
    runtime.block_on(begun).unwrap();
}

/// Has the tasks of the runtime run that have been woken.
fn let_run(runtime: &Runtime) {
    for _ in 0..3 {
        // It comes behind them.
        let behind = runtime.spawn(async {});
        runtime.block_on(behind).unwrap();
    }
}

async fn connection(config: &Config) -> AsyncConnection {
    config.connect_async().await.unwrap()
}

async fn client(config: &Config) -> AsyncClient {
    config.connect_client().await.unwrap()
}

#[test]
fn a_connection_that_is_idle() {
    each(false, |runtime, config| {
        let mut conn = runtime.block_on(connection(config));
        leave_waiting(&runtime, async move { conn.readable().await });
        Box::new(())
    });
}

#[test]
fn a_connection_that_outlives_its_runtime() {
    each(false, |runtime, config| {
        let conn = runtime.block_on(connection(config));
        drop(runtime);
        drop(conn);
        Box::new(())
    });
}

#[test]
fn an_operation_in_flight() {
    each(true, |runtime, config| {
        let mut conn = runtime.block_on(connection(config));
        leave_waiting(&runtime, async move { conn.execute("SELECT 1", ()).await });
        Box::new(())
    });
    each(true, |runtime, config| {
        let mut conn = runtime.block_on(connection(config));
        leave_waiting(&runtime, async move {
            let mut tx = conn.transaction().await?;
            tx.within(HOUR).execute("SELECT 1", ()).await
        });
        Box::new(())
    });
}

#[test]
fn an_operation_that_was_dropped() {
    each(true, |runtime, config| {
        runtime.block_on(async {
            let mut conn = connection(config).await;
            begin(pin!(conn.execute("SELECT 1", ()))).await;
        });
        Box::new(runtime)
    });
    each(true, |runtime, config| {
        let mut conn = runtime.block_on(connection(config));
        runtime.block_on(async { begin(pin!(conn.execute("SELECT 1", ()))).await });
        // The connection goes with a thread that has no runtime.
        drop(runtime);
        drop(conn);
        Box::new(())
    });
}

#[test]
fn a_shared_client() {
    each(false, |runtime, config| {
        let client = runtime.block_on(client(config));
        drop(runtime);
        assert!(client.is_closed());
        Box::new(client)
    });
    each(true, |runtime, config| {
        let client = runtime.block_on(client(config));
        let clone = client.clone();
        leave_waiting(&runtime, async move { clone.execute("SELECT 1", ()).await });
        drop(runtime);
        Box::new(client)
    });
    each(true, |runtime, config| {
        let client = runtime.block_on(client(config));
        let clone = client.clone();
        leave_waiting(&runtime, async move {
            let mut tx = clone.transaction().await?;
            tx.execute("SELECT 1", ()).await
        });
        drop(runtime);
        Box::new(client)
    });
}

/// A request that waits for an answer elsewhere is told.
#[test]
fn a_request_that_outlives_its_runtime() {
    each(true, |runtime, config| {
        let client = runtime.block_on(client(config));
        let other = Builder::new_current_thread().enable_all().build().unwrap();
        let error = other.block_on(async {
            let mut request = pin!(client.execute("SELECT 1", ()));
            begin(request.as_mut()).await;
            // The task behind it sends it.
            let ending = tokio::task::spawn_blocking(move || {
                let_run(&runtime);
                drop(runtime);
            });
            ending.await.unwrap();
            request.await.unwrap_err()
        });
        assert!(error.is_closed() && !error.is_safe_to_retry(), "{error}");
        Box::new(client)
    });
}

#[test]
fn a_listener() {
    each(false, |runtime, config| {
        let options = howdah::ListenerOptions::new();
        let listener: AsyncListener = runtime.block_on(options.connect_async(config)).unwrap();
        drop(runtime);
        Box::new(listener)
    });
    each(true, |runtime, config| {
        let options = howdah::ListenerOptions::new();
        let listener = runtime.block_on(options.connect_async(config)).unwrap();
        runtime.block_on(async { begin(pin!(listener.listen("news"))).await });
        // Its task sends the statement.
        let_run(&runtime);
        drop(runtime);
        Box::new(listener)
    });
}
