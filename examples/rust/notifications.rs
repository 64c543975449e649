//! Asynchronous notifications: as an iterator, as a stream, and by handlers.
//!
//! Reads the connection string from HOWDAH_DSN.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use howdah::{AsyncConnection, Connection, Notify};

type Anything = Box<dyn std::error::Error>;

const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

/// What somebody else would do in psql.
fn notify(dsn: &str, payloads: &[&str]) -> Result<(), howdah::Error> {
    let mut conn = Connection::connect(dsn)?;
    for payload in payloads {
        conn.execute("SELECT pg_notify('mychan', $1)", (payload,))?;
    }
    Ok(())
}

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    conn.execute("LISTEN mychan", ())?;
    let same = dsn.to_owned();
    let other = thread::spawn(move || notify(&same, &["hello", "hey", "stop", "more"]));
    let mut heard = Vec::new();
    for notify in conn.notifies(PATIENCE) {
        let notify = notify?;
        println!("{notify:?}");
        heard.push(notify.payload);
        if heard.last().is_some_and(|payload| payload == "stop") {
            break;
        }
    }
    println!("there, I stopped");
    assert_eq!(heard, ["hello", "hey", "stop"]);
    other.join().map_err(|_| "the thread panicked")??;

    // Nothing is lost between two calls.
    let more = conn.notifies(PATIENCE).next().ok_or("a notification")??;
    assert_eq!(
        (more.channel.as_str(), more.payload.as_str()),
        ("mychan", "more")
    );
    Ok(())
}

fn by_handler(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(dsn)?;
    conn.execute("LISTEN mychan", ())?;
    let heard: Arc<Mutex<Vec<Notify>>> = Arc::default();
    let log = Arc::clone(&heard);
    let id = conn.add_notify_handler(move |notify| {
        println!("got this: {notify:?}");
        if let Ok(mut log) = log.lock() {
            log.push(notify.clone());
        }
    });
    notify(dsn, &["hey"])?;
    let row = conn.query_one("SELECT 1", ())?;
    assert_eq!(row.get::<i32>(0)?, 1);
    assert!(conn.remove_notify_handler(id));
    let heard = heard.lock().map_err(|_| "the handler panicked")?;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].payload, "hey");
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(dsn).await?;
    conn.execute("LISTEN mychan", ()).await?;
    let same = dsn.to_owned();
    let other = tokio::task::spawn_blocking(move || notify(&same, &["one", "two"]));
    let mut notifies = conn.notifies(PATIENCE);
    for expected in ["one", "two"] {
        let notify = notifies.next().await.ok_or("a notification")??;
        println!("tokio: {notify:?}");
        assert_eq!(notify.payload, expected);
    }
    drop(notifies);
    other.await??;
    // The stream ends when its time is over.
    let mut none = conn.notifies(Some(Duration::from_millis(50)));
    assert!(none.next().await.is_none());
    Ok(())
}

fn main() -> Result<(), Anything> {
    let dsn = std::env::var("HOWDAH_DSN")?;
    blocking(&dsn)?;
    by_handler(&dsn)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(with_tokio(&dsn))
}
