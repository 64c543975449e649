//! Accounts, and transfers between them: a service with axum, howdah and a pool of deadpool.
//!
//! | route | what it shows |
//! |---|---|
//! | `POST /accounts` | a row that is a struct; what a constraint says as an HTTP status |
//! | `GET /accounts/{id}` | one row or none |
//! | `GET /accounts` | a stream of rows as lines of JSON, in bounded memory |
//! | `POST /transfers` | a serializable transaction that is run again if others were in the way |
//! | `GET /events` | notifications as server-sent events |
//! | `GET /health` | whether the database answers, in bounded time |

mod accounts;
mod events;
mod failure;

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use howdah::{Config, Error};
use howdah_deadpool::deadpool::Runtime;
use howdah_deadpool::{Manager, Object, Pool};
use tokio::net::TcpListener;

pub use accounts::{Account, NewAccount, Transfer};
use events::Events;
pub use failure::Failure;

/// How long a request waits for a connection of the pool.
const WAIT: Duration = Duration::from_secs(5);
/// How long the look at the health may take in all.
const HEALTH: Duration = Duration::from_secs(2);
/// How long requests that run may take after the service was asked to end.
const GRACE: Duration = Duration::from_secs(20);

/// What the handlers share. Clones are cheap, and the same service.
#[derive(Clone)]
pub struct Service {
    pool: Pool,
    events: Events,
}

impl Service {
    /// Makes a pool of at most so many connections, and one more that listens. No statement may run for longer than ten seconds.
    ///
    /// # Errors
    /// The connection that listens could not be made.
    pub async fn connect(config: &Config, most: usize) -> Result<Self, Error> {
        let mut config = config.clone();
        config.connect_timeout(Duration::from_secs(5));
        let events = Events::connect(&config).await?;
        config.setting("statement_timeout", "10s");
        let pool = Pool::builder(Manager::new(config))
            .max_size(most)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .build()
            .expect("there is a runtime for the timeout");
        Ok(Self { pool, events })
    }

    /// Makes the tables, if they are not there.
    ///
    /// # Errors
    /// There is no connection, or the server refuses.
    pub async fn create_tables(&self) -> Result<(), Failure> {
        Ok(self.connection().await?.batch_execute(TABLES).await?)
    }

    /// A connection of the pool.
    ///
    /// # Errors
    /// All are in use for too long, or none can be made.
    pub async fn connection(&self) -> Result<Object, Failure> {
        Ok(self.pool.get().await?)
    }
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS accounts (
        id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        owner text NOT NULL UNIQUE CHECK (owner <> ''),
        balance int8 NOT NULL CHECK (balance >= 0)
    )
";

/// The routes.
pub fn router(service: Service) -> Router {
    Router::new()
        .route("/accounts", post(accounts::create).get(accounts::list))
        .route("/accounts/{id}", get(accounts::read))
        .route("/transfers", post(accounts::transfer))
        .route("/events", get(events::stream))
        .route("/health", get(health))
        .with_state(service)
}

/// Whether the database answers. It does not wait for a connection as long as others do: whoever asks has a timeout, too.
async fn health(State(service): State<Service>) -> Result<&'static str, Failure> {
    let ask = async {
        service.connection().await?.execute("SELECT 1", ()).await?;
        Ok("ok\n")
    };
    tokio::time::timeout(HEALTH, ask)
        .await
        .unwrap_or(Err(Failure::Busy))
}

/// Serves until `shutdown` is there. Then streams of events end, requests that run are answered, and all connections are closed.
///
/// # Errors
/// No more connections can be accepted.
pub async fn serve(
    service: Service,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (told, tell) = tokio::sync::oneshot::channel();
    let events = service.events.clone();
    let shutdown = async move {
        shutdown.await;
        // They would never end by themselves, and axum waits for them.
        events.close();
        let _ = told.send(());
    };
    let server = axum::serve(listener, router(service.clone())).with_graceful_shutdown(shutdown);
    let late = async move {
        let _ = tell.await;
        tokio::time::sleep(GRACE).await;
    };
    let served = tokio::select! {
        served = server.into_future() => served,
        () = late => Ok(()),
    };
    service.pool.close();
    served
}
