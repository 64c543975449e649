//! Detecting disconnections: the system says when a connection has something to say, without polling.
//!
//! Reads the connection string from HOWDAH_DSN. The program ends its own sessions from another connection.

use std::thread;
use std::time::Duration;

use howdah::{AsyncConnection, Connection};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::timeout;

type Anything = Box<dyn std::error::Error>;

/// What an administrator would do, a little later.
fn terminate_later(dsn: &str, pid: i32) -> thread::JoinHandle<Result<u64, howdah::Error>> {
    let dsn = dsn.to_owned();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        let mut admin = Connection::connect(&dsn)?;
        admin.execute("SELECT pg_terminate_backend($1)", (pid,))
    })
}

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    let admin = terminate_later(dsn, conn.info().backend_pid());
    let minute = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    let error = loop {
        let ready = poll(&mut [PollFd::new(&conn, PollFlags::IN)], Some(&minute))?;
        assert_eq!(ready, 1, "no activity in one minute");
        // Is the connection still there?
        if let Err(error) = conn.execute("SELECT 1", ()) {
            break error;
        }
    };
    println!("blocking: we lost our database: {error}");
    assert!(error.is_closed() && conn.is_closed() && conn.is_broken());
    assert_eq!(error.sqlstate(), Some("57P01"));
    admin.join().map_err(|_| "the thread panicked")??;
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(dsn).await?;
    assert_eq!(conn.execute("SELECT 1", ()).await?, 1);
    let admin = terminate_later(dsn, conn.info().backend_pid());
    let error = loop {
        timeout(Duration::from_secs(60), conn.readable()).await??;
        if let Err(error) = conn.execute("SELECT 1", ()).await {
            break error;
        }
    };
    println!("tokio: we lost our database: {error}");
    assert!(error.is_closed() && conn.is_closed() && conn.is_broken());
    tokio::task::spawn_blocking(|| admin.join())
        .await?
        .map_err(|_| "the thread panicked")??;

    // Who listens hears of it at once.
    let mut conn = AsyncConnection::connect(dsn).await?;
    let admin = terminate_later(dsn, conn.info().backend_pid());
    let heard = timeout(Duration::from_secs(60), conn.notifies(None).next()).await?;
    let error = heard.ok_or("an error")?.expect_err("the server is gone");
    println!("tokio, listening: {error}");
    assert!(error.is_closed());
    tokio::task::spawn_blocking(|| admin.join())
        .await?
        .map_err(|_| "the thread panicked")??;
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
