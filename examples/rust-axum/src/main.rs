//! Serves until Ctrl-C or SIGTERM. `DATABASE_URL` says where the database is, or libpq's variables do; `LISTEN`, if set, where to listen.

use std::error::Error;

use howdah::Config;
use howdah_example_axum::{Service, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config: Config = match std::env::var("DATABASE_URL") {
        Ok(url) => url.parse()?,
        Err(_) => Config::new(),
    };
    config.application_name("accounts");
    let service = Service::connect(&config, 16).await?;
    service.create_tables().await?;
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(&address).await?;
    eprintln!("serving on http://{}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    serve(service, listener, shutdown).await?;
    Ok(())
}
