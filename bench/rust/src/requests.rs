//! The conversation with `bench/run.py`: one JSON object per line, each way.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Request {
    Open { server: Server, case: Box<Case> },
    Run { ops: u64 },
    Close,
}

/// Where the server listens, always over TCP so that every driver uses the same transport.
#[derive(Clone, Deserialize)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) dbname: String,
    pub(crate) password: Option<String>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The statement, with `$1`, `$2`, ...
    pub(crate) numbered: String,
    pub(crate) params: Vec<Value>,
    /// How many rows come back; none for a statement without a result.
    pub(crate) rows: Option<usize>,
    pub(crate) connections: usize,
    /// How many statements an operation has, where it is not one.
    #[serde(default = "one")]
    pub(crate) batch: usize,
}

fn one() -> usize {
    1
}

/// What one operation is: a statement, a connection opened and closed, a connection left open, or a batch of statements that
/// are asked at once on one connection.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Query,
    Connect,
    Idle,
    Tasks,
    /// Rows go into a table.
    CopyIn,
    /// Data comes out, and goes into a file.
    CopyRaw,
    /// A statement whose text was never seen before.
    Once,
    /// The same, where the type of its parameter is named.
    OnceTyped,
    /// Rows are looked at as they arrive, and what counts is time.
    RowStream,
    /// The same, and what counts is the most memory that it takes.
    Stream,
}

impl Kind {
    pub(crate) fn is_copy(self) -> bool {
        matches!(self, Self::CopyIn | Self::CopyRaw)
    }

    pub(crate) fn is_single(self) -> bool {
        matches!(
            self,
            Self::Once | Self::OnceTyped | Self::RowStream | Self::Stream
        )
    }
}

/// The bytes of a parameter that is given by its size.
pub(crate) fn sized(value: &Value) -> Option<Vec<u8>> {
    let size = usize::try_from(value.get("size")?.as_u64()?).ok()?;
    Some(vec![b'x'; size])
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reply {
    Version(String),
    Missing(String),
    Done(bool),
    Sample(Sample),
    Error(String),
}

/// One measured run: seconds of CPU and of wall clock, and bytes of resident memory gained.
#[derive(Serialize)]
pub(crate) struct Sample {
    pub(crate) ops: u64,
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    pub(crate) grown: i64,
}
