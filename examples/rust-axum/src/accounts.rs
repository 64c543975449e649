//! Accounts, and transfers between them.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use howdah::{Error, FromRow, IsolationLevel, RetryPolicy};
use howdah_deadpool::Object;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{Failure, Service, events};

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub id: i64,
    /// Whose it is.
    pub owner: String,
    /// How much is on it.
    pub balance: i64,
}

/// An account that is to be opened.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewAccount {
    /// Whose it is.
    pub owner: String,
    /// How much is on it at first.
    pub balance: i64,
}

/// Money that is to go from one account to another.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Transfer {
    /// The number of the account that has less then.
    pub from: i64,
    /// The number of the account that has more then.
    pub to: i64,
    /// How much.
    pub amount: u32,
}

pub(crate) async fn create(
    State(service): State<Service>,
    Json(new): Json<NewAccount>,
) -> Result<impl IntoResponse, Failure> {
    let sql = "INSERT INTO accounts (owner, balance) VALUES ($1, $2) RETURNING id, owner, balance";
    let mut conn = service.connection().await?;
    let account: Account = conn.query_one_as(sql, (&new.owner, new.balance)).await?;
    let place = format!("/accounts/{}", account.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, place)],
        Json(account),
    ))
}

pub(crate) async fn read(
    State(service): State<Service>,
    Path(id): Path<i64>,
) -> Result<Json<Account>, Failure> {
    let sql = "SELECT id, owner, balance FROM accounts WHERE id = $1";
    let mut conn = service.connection().await?;
    // That there is no row is an error, which `Failure` knows.
    Ok(Json(conn.query_one_as(sql, (id,)).await?))
}

pub(crate) async fn transfer(
    State(service): State<Service>,
    Json(transfer): Json<Transfer>,
) -> Result<StatusCode, Failure> {
    let mut conn = service.connection().await?;
    conn.build_transaction()
        .isolation(IsolationLevel::Serializable)
        .retry(RetryPolicy::new(20))
        // Each attempt has a transaction of its own, and `?` rolls it back.
        .run(async move |tx| {
            let Transfer { from, to, amount } = transfer;
            let amount = i64::from(amount);
            let sql = "UPDATE accounts SET balance = balance + $1 WHERE id = $2";
            for (amount, id) in [(-amount, from), (amount, to)] {
                if tx.execute(sql, (amount, id)).await? == 0 {
                    return Err(Failure::NotFound);
                }
            }
            // Nobody hears of it before it is committed.
            let told = serde_json::to_string(&transfer).unwrap_or_default();
            tx.execute("SELECT pg_notify($1, $2)", (events::CHANNEL, told))
                .await?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}

/// All accounts, as lines of JSON. A task of its own has the connection, and goes no faster than the client reads. If the client
/// goes away, the task finds nobody to send to, and the statement is cancelled; if it fails half-way, the response is broken off.
pub(crate) async fn list(State(service): State<Service>) -> Result<Response, Failure> {
    let conn = service.connection().await?;
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        if let Err(error) = send_all(conn, &sender).await {
            let _ = sender.send(Err(error)).await;
        }
    });
    // What fails at once can still have its status.
    let first = receiver.recv().await.transpose()?;
    let rest = stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let body = Body::from_stream(stream::iter(first.map(Ok)).chain(rest));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

async fn send_all(
    mut conn: Object,
    sender: &mpsc::Sender<Result<Vec<u8>, Error>>,
) -> Result<(), Error> {
    /// How much goes to the client at once, in bytes.
    const PIECE: usize = 16 * 1024;
    let sql = "SELECT id, owner, balance FROM accounts ORDER BY id";
    let mut rows = conn.query_stream(sql, ()).await?;
    let mut piece = Vec::new();
    while let Some(row) = rows.next().await {
        let account: Account = row?.read()?;
        serde_json::to_writer(&mut piece, &account).expect("it has a text");
        piece.push(b'\n');
        if piece.len() >= PIECE && sender.send(Ok(std::mem::take(&mut piece))).await.is_err() {
            return Ok(());
        }
    }
    if !piece.is_empty() {
        let _ = sender.send(Ok(piece)).await;
    }
    Ok(())
}
