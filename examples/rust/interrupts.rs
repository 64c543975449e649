//! Interrupting operations: a Ctrl-C cancels the running query, and the connection goes on.
//!
//! Reads the connection string from HOWDAH_DSN. The program sends SIGINT to itself.

use std::thread;
use std::time::{Duration, Instant};

use howdah::{AsyncConnection, CancelHandle, Connection};
use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::ctrl_c;
use tokio::time::timeout;

type Anything = Box<dyn std::error::Error>;

const BOUND: Duration = Duration::from_secs(10);
const SLEEP: &str = "SELECT pg_sleep(3600)";

/// Has `handle` cancel what runs when a Ctrl-C comes; the real program would not send it to itself.
async fn on_ctrl_c(handle: CancelHandle) -> Result<(), Anything> {
    let interrupted = tokio::spawn(ctrl_c());
    tokio::time::sleep(Duration::from_millis(300)).await;
    kill_process(getpid(), Signal::INT)?;
    interrupted.await??;
    Ok(handle.cancel_async().await?)
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(dsn).await?;
    let handle = conn.cancel_handle();
    let begun = Instant::now();
    let (query, cancelled) = tokio::join!(conn.execute(SLEEP, ()), on_ctrl_c(handle));
    cancelled?;
    let error = query.expect_err("the query was cancelled");
    println!("tokio: {error}");
    assert!(error.is_cancelled() && begun.elapsed() < BOUND);
    assert_eq!(conn.execute("SELECT 1", ()).await?, 1);

    // Dropping the future does the same: here because the time is over.
    let query = conn.execute(SLEEP, ());
    assert!(timeout(Duration::from_millis(200), query).await.is_err());
    println!("tokio: a query that took too long was dropped");
    assert_eq!(conn.execute("SELECT 1", ()).await?, 1);
    assert!(begun.elapsed() < BOUND);
    Ok(())
}

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    let handle = conn.cancel_handle();
    let watcher = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime
            .block_on(on_ctrl_c(handle))
            .map_err(|error| error.to_string())
    });
    let error = conn
        .execute(SLEEP, ())
        .expect_err("the query was cancelled");
    println!("blocking: {error}");
    assert!(error.is_cancelled());
    watcher.join().map_err(|_| "the thread panicked")??;
    assert_eq!(conn.execute("SELECT 1", ())?, 1);
    Ok(())
}

fn main() -> Result<(), Anything> {
    let dsn = std::env::var("HOWDAH_DSN")?;
    blocking(&dsn)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(with_tokio(&dsn))
}
