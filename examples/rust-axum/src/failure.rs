//! Errors as HTTP responses.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use howdah::{Error, SqlState};
use howdah_deadpool::PoolError;

/// Why a request could not be done.
#[derive(Debug)]
pub enum Failure {
    /// There is no such thing.
    NotFound,
    /// There was no connection in time.
    Busy,
    /// The database, or the way to it.
    Database(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Database(error),
            // All are in use, or the service is about to end.
            _ => Self::Busy,
        }
    }
}

impl Failure {
    /// The status, and what the client is told. What the server says of constraints is for clients; anything else is not, since it
    /// may tell of the schema and of the data of others.
    #[must_use]
    pub fn answer(&self) -> (StatusCode, &str) {
        let error = match self {
            Self::NotFound => return (StatusCode::NOT_FOUND, "there is no such thing"),
            Self::Busy => return (StatusCode::SERVICE_UNAVAILABLE, "too many requests"),
            Self::Database(error) => error,
        };
        if error.is_no_rows() {
            return (StatusCode::NOT_FOUND, "there is no such thing");
        }
        match error.code() {
            Some(SqlState::UniqueViolation) => (StatusCode::CONFLICT, "it is there already"),
            Some(SqlState::CheckViolation) => {
                let constraint = error.diagnostic().and_then(|it| it.constraint_name());
                let text = match constraint {
                    Some("accounts_balance_check") => "the balance is too low",
                    _ => "a value is not allowed",
                };
                (StatusCode::UNPROCESSABLE_ENTITY, text)
            }
            // Data exceptions, such as a number out of range, and other constraints.
            Some(state) if matches!(state.class(), "22" | "23") => {
                (StatusCode::UNPROCESSABLE_ENTITY, "a value is not allowed")
            }
            Some(SqlState::QueryCanceled) => (StatusCode::GATEWAY_TIMEOUT, "it took too long"),
            // Others were in the way once too often; the server has no room, or is about to end; there is no connection.
            Some(SqlState::SerializationFailure | SqlState::DeadlockDetected) => BUSY,
            Some(state) if matches!(state.class(), "53" | "57") => BUSY,
            _ if error.is_closed() => BUSY,
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "it is our fault"),
        }
    }
}

const BUSY: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "try again later");

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            other => f.write_str(other.answer().1),
        }
    }
}

impl std::error::Error for Failure {}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text) = self.answer();
        if status.is_server_error() {
            eprintln!("{self}");
        }
        (status, Json(serde_json::json!({ "error": text }))).into_response()
    }
}
