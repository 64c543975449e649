//! The one error of the crate.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use howdah_protocol::connection;
use howdah_protocol::conninfo::ConninfoError;
use howdah_protocol::error::UsageError;
use howdah_types::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Type};

use crate::batch::Batch;
use crate::diagnostic::Diagnostic;
use crate::sqlstate::SqlState;
use howdah_net::connect::ConnectError;
use howdah_net::connector::Connector;
use howdah_net::drive::Lost;
use howdah_net::limit::Limit;

/// What an operation ends with.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a function could not give a secret. It becomes the [source](StdError::source) of the [`Error`].
///
/// ```
/// use howdah::ProviderError;
///
/// fn password() -> Result<String, ProviderError> {
///     Ok(std::fs::read_to_string("/run/secrets/db")?)
/// }
///
/// let mut config = howdah::Config::new();
/// config.password_with(password);
/// ```
pub type ProviderError = Box<dyn StdError + Send + Sync>;

/// Anything that can go wrong between a program and its database.
///
/// The kind of error is asked for by predicates; [`code`](Self::code) and [`diagnostic`](Self::diagnostic) hold what the server
/// said, and [`source`](StdError::source) what the system said, down to the [`std::io::Error`]. The text has the line of the
/// statement where the server found the error, as psql shows it, and never a password of the connection.
///
/// ```no_run
/// use howdah::SqlState;
///
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// match conn.execute("INSERT INTO users (name) VALUES ($1)", ("ann",)) {
///     Err(error) if error.code() == Some(SqlState::UniqueViolation) => println!("ann is there already"),
///     other => println!("{} row", other?),
/// }
/// # Ok(())
/// # }
/// ```
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    diagnostic: Option<Diagnostic>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    timed_out: bool,
    out_of_memory: bool,
    item: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The conninfo cannot be used.
    Config,
    /// No server let the session start.
    Connect,
    /// The connection was lost during the operation.
    Lost,
    /// The connection had been closed before the operation.
    Closed,
    /// The connection had been lost before the operation.
    WasLost,
    /// The server reported an error.
    Server,
    /// The caller asked for something that cannot be done; nothing of it was done.
    Usage,
    /// The statement was not what the method that ran it is for, or what was begun with it could not be gone on with.
    Refused,
    /// There was no row where one was wanted.
    NoRows,
    /// COMMIT was answered by ROLLBACK.
    RolledBack,
    /// A value could not be read.
    Decode,
    /// There was no memory for the rows of a result.
    Memory,
    /// The server took too long to obey a cancel request, or a cancel request could not be sent.
    Cancel,
    /// The time of an operation was over before anything of it, or of its last part, was sent.
    OutOfTime,
    /// The time of an operation was over, and it was given up.
    GivenUp,
}

impl Error {
    /// Whether there is no connection (any more): it was closed, lost, or never came to be.
    ///
    /// All later operations of the same connection fail as well: connect again.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.is_connection_lost() || matches!(self.0.kind, Kind::Closed | Kind::Connect)
    }

    /// Whether the connection broke, during this operation or before: nobody on this side has closed it.
    ///
    /// If that was during this operation, the server may have done it or not; if it was before,
    /// [`is_safe_to_retry`](Self::is_safe_to_retry) is true as well.
    #[must_use]
    pub fn is_connection_lost(&self) -> bool {
        matches!(self.0.kind, Kind::Lost | Kind::WasLost)
    }

    /// Whether a program, or its pool, should give up the connection and make another one.
    ///
    /// Besides [`is_closed`](Self::is_closed) that is so where the server refuses to write (SQLSTATE 25006): it may have become
    /// a standby, and with `target_session_attrs=read-write` a new connection finds the primary. A transaction that was
    /// declared `READ ONLY` gives the same SQLSTATE.
    #[must_use]
    pub fn needs_reconnect(&self) -> bool {
        let is_going = |code| matches!(code, "25006" | "57P01" | "57P02" | "57P03" | "57P05");
        self.is_closed() || self.sqlstate().is_some_and(is_going)
    }

    /// Whether a time that was given has passed: `connect_timeout`, the time of an operation
    /// ([`set_operation_timeout`](crate::Session::set_operation_timeout), [`within`](crate::Session::within)), or the bounds of a cancel
    /// request.
    ///
    /// An operation whose time was over may have been done or not. The connection can be used further, unless it
    /// [is closed](Self::is_closed).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.timed_out
    }

    /// Whether there was no memory for what was to be sent or has come.
    ///
    /// What was to be sent has not been sent. Of a result the server has done its part, but there are no rows. The
    /// connection can be used further, unless it [is closed](Self::is_closed): of messages other than rows none can be
    /// left out.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        self.0.out_of_memory
    }

    /// Whether the statement was cancelled: by a [`CancelHandle`](crate::CancelHandle), or by the server's
    /// `statement_timeout` (SQLSTATE 57014).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.sqlstate() == Some("57014")
    }

    /// Whether a statement that was to give a row gave none, as for `query_one()`. It has been run.
    #[must_use]
    pub fn is_no_rows(&self) -> bool {
        self.0.kind == Kind::NoRows
    }

    /// Whether the caller asked for something that cannot be done. Nothing has been done, and the connection is as before: open,
    /// and in the same transaction or in none.
    ///
    /// False where a transaction has failed by it: if an item of [`execute_many()`](crate::Session::execute_many) within one cannot be
    /// sent, those before it are undone.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self.0.kind, Kind::Usage | Kind::Config)
    }

    /// Whether running the whole transaction again, on a new connection if this one [is closed](Self::is_closed), cannot
    /// do its work twice and may well succeed.
    ///
    /// True for serialization failures and deadlocks (the server has rolled the transaction back), for a connection
    /// that could not be made, and for an operation on a connection that had been lost before. False when the
    /// connection was lost during the operation: whether the server has done it is unknown.
    #[must_use]
    pub fn is_safe_to_retry(&self) -> bool {
        match self.0.kind {
            Kind::Connect => !matches!(self.sqlstate().map(class), Some("28" | "3D")),
            Kind::Closed | Kind::WasLost => true,
            Kind::Server => matches!(
                self.code(),
                Some(SqlState::SerializationFailure | SqlState::DeadlockDetected)
            ),
            _ => false,
        }
    }

    /// Whether a COMMIT has rolled back, or what ran was rolled back for another reason of the driver's.
    pub(crate) fn is_rolled_back(&self) -> bool {
        self.0.kind == Kind::RolledBack
    }

    /// The SQLSTATE code, where the error is the server's: five characters, such as `42P01`.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        self.diagnostic().and_then(Diagnostic::sqlstate)
    }

    /// The SQLSTATE as an enum, to be matched on.
    #[must_use]
    pub fn code(&self) -> Option<SqlState> {
        self.diagnostic().and_then(Diagnostic::code)
    }

    /// Which item of an `execute_many()`, or statement of a `batch()`, could not be sent or run, counted from 0.
    #[must_use]
    pub fn item(&self) -> Option<usize> {
        self.0.item
    }

    /// All that the server said of the error, where it is the server's.
    #[must_use]
    pub fn diagnostic(&self) -> Option<&Diagnostic> {
        self.0.diagnostic.as_ref()
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            diagnostic: None,
            source: None,
            timed_out: false,
            out_of_memory: false,
            item: None,
        }))
    }

    fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// The same, of what ended a session: where nobody has said more, as the system's error that it amounts to.
    fn caused_by_end(self, end: connection::Error) -> Self {
        match end {
            connection::Error::Disconnected(None) => {
                self.caused_by(io::Error::from(io::ErrorKind::UnexpectedEof))
            }
            connection::Error::Unresponsive(_) => {
                self.caused_by(io::Error::from(io::ErrorKind::TimedOut))
            }
            end => self.caused_by(end),
        }
    }

    /// A function that was to give a password or a token has failed.
    pub(crate) fn provider(error: ProviderError) -> Self {
        let text = format!("the secret for the connection could not be had: {error}");
        let mut provider = Self::new(Kind::Connect, text);
        provider.0.source = Some(Arc::from(error));
        provider
    }

    /// The caller asked for something that cannot be done.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// What was sent is not what the method is for, and that was found out too late for the connection to be as before.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// There was no row where one was wanted.
    pub(crate) fn no_rows() -> Self {
        Self::new(Kind::NoRows, "the statement gave 0 rows instead of one")
    }

    /// The connection was closed.
    pub(crate) fn closed(reason: &str) -> Self {
        Self::new(Kind::Closed, reason)
    }

    /// The connection had been lost, for `reason`.
    pub(crate) fn was_lost(reason: &str) -> Self {
        Self::new(Kind::WasLost, format!("the connection was lost: {reason}"))
    }

    /// The server reported an error.
    pub(crate) fn server(diagnostic: howdah_protocol::wire::Diagnostic) -> Self {
        let diagnostic = Diagnostic::new(diagnostic);
        let mut error = Self::new(Kind::Server, diagnostic.in_statement(None));
        error.0.diagnostic = Some(diagnostic);
        error
    }

    /// The same, with the statement that it is about: its place is shown.
    #[cold]
    pub(crate) fn in_statement(mut self, sql: &str) -> Self {
        if self.0.kind == Kind::Server
            && let Some(diagnostic) = &self.0.diagnostic
        {
            self.0.message = diagnostic.in_statement(Some(sql));
        }
        self
    }

    /// The same for one of several statements.
    pub(crate) fn in_one_of(self, batch: &Batch<'_>) -> Self {
        match self.item().and_then(|item| batch.texts().nth(item)) {
            Some(sql) => self.in_statement(sql),
            None => self,
        }
    }

    /// Of what follows on a statement that has been run: it is not safe to run that again.
    #[cfg(feature = "tokio")]
    pub(crate) fn behind_a_statement(mut self) -> Self {
        if matches!(self.0.kind, Kind::Closed | Kind::WasLost) {
            self.0.kind = Kind::Lost;
        }
        self
    }

    /// The same, where the transaction that it came in has failed by it.
    pub(crate) fn has_failed_transaction(mut self) -> Self {
        if self.0.kind == Kind::Usage {
            self.0.kind = Kind::Refused;
        }
        self
    }

    /// The connection was lost.
    pub(crate) fn lost(lost: Lost) -> Self {
        match lost {
            Lost::Io(error) => {
                Self::new(Kind::Lost, format!("the connection was lost: {error}")).caused_by(error)
            }
            Lost::Session(error) => {
                let mut lost = Self::new(Kind::Lost, error.to_string());
                lost.0.diagnostic = match &error {
                    connection::Error::Disconnected(Some(words)) => {
                        Some(Diagnostic::new(words.clone()))
                    }
                    _ => None,
                };
                lost.0.timed_out = matches!(error, connection::Error::Unresponsive(_));
                lost.0.out_of_memory = matches!(error, connection::Error::OutOfMemory(_));
                lost.caused_by_end(error)
            }
        }
    }

    /// There was no memory for the rows of a result.
    pub(crate) fn rows_out_of_memory() -> Self {
        let message = "out of memory: there is no room for the rows of the result";
        let mut error = Self::new(Kind::Memory, message);
        error.0.out_of_memory = true;
        error
    }

    /// The item, counted from 0, that it is the error of.
    pub(crate) fn of_item(mut self, item: usize) -> Self {
        self.0.item = Some(item);
        self
    }

    /// The same error for another operation that it has ended.
    pub(crate) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// A statement on a shared connection ran in a transaction that somebody's BEGIN had begun.
    #[cfg(feature = "tokio")]
    pub(crate) fn stray_transaction() -> Self {
        Self::new(
            Kind::RolledBack,
            "the statement ran in a transaction that a BEGIN on this client had begun, and was rolled back: use transaction()",
        )
    }

    /// A transaction was to be committed that had failed.
    pub(crate) fn rolled_back() -> Self {
        Self::new(
            Kind::RolledBack,
            "the transaction had failed: COMMIT has rolled it back",
        )
    }

    /// The time of an operation was over before it was sent.
    pub(crate) fn out_of_time(limit: Limit) -> Self {
        Self::timed_out(Kind::OutOfTime, limit)
    }

    /// The time of an operation was over, and it was given up.
    pub(crate) fn given_up(limit: Limit) -> Self {
        Self::timed_out(Kind::GivenUp, limit)
    }

    fn timed_out(kind: Kind, limit: Limit) -> Self {
        let cause = io::Error::from(io::ErrorKind::TimedOut);
        Self::new(kind, limit.to_string())
            .caused_by(cause)
            .in_overtime()
    }

    /// The same, of an operation whose time was over.
    pub(crate) fn in_overtime(mut self) -> Self {
        self.0.timed_out = true;
        self
    }

    /// Whether an operation was given up by this, and the connection is at rest.
    pub(crate) fn is_given_up(&self) -> bool {
        matches!(self.0.kind, Kind::OutOfTime | Kind::GivenUp)
    }

    /// Whether it was given up before it was sent.
    pub(crate) fn is_unsent(&self) -> bool {
        self.0.kind == Kind::OutOfTime
    }

    /// A cancel request could not be sent.
    pub(crate) fn cancel(error: ConnectError) -> Self {
        let timed_out = matches!(error, ConnectError::TimedOut);
        let message = format!("the cancel request could not be sent: {error}");
        let mut cancel = Self::new(Kind::Cancel, message).caused_by(error);
        cancel.0.timed_out = timed_out;
        cancel
    }

    /// Every attempt to connect has failed; `last` is what the last one ended with.
    pub(crate) fn connect(connector: &Connector, last: Option<Unconnected>) -> Self {
        let mut error = Self::new(Kind::Connect, connector.failure_text());
        error.0.timed_out = connector
            .failures()
            .last()
            .is_some_and(|failure| failure.timed_out);
        match last {
            Some(Unconnected::Session(last)) => {
                error.0.diagnostic = match &last {
                    connection::Error::Startup(error) => error.diagnostic().cloned(),
                    connection::Error::Disconnected(words) => words.clone(),
                    _ => None,
                }
                .map(Diagnostic::new);
                error.caused_by_end(last)
            }
            Some(Unconnected::Io(last)) => error.caused_by(last),
            Some(Unconnected::Unreachable(ConnectError::Io(last))) => error.caused_by(last),
            Some(Unconnected::Unreachable(ConnectError::TimedOut)) => {
                error.caused_by(io::Error::from(io::ErrorKind::TimedOut))
            }
            Some(Unconnected::Unreachable(last)) => error.caused_by(last),
            None => error,
        }
    }

    /// A column could not be read: `place` names it.
    pub(crate) fn decode(place: &str, error: DecodeError) -> Self {
        let mut decode = Self::new(Kind::Decode, format!("{place}: {error}"));
        decode.0.out_of_memory = error.kind() == DecodeErrorKind::OutOfMemory;
        decode.caused_by(error)
    }

    /// A column's type does not load into the Rust type: `message` names both.
    pub(crate) fn mismatch(message: String, error: DecodeError) -> Self {
        Self::new(Kind::Decode, message).caused_by(error)
    }

    /// A result is not as the caller said it would be.
    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self::new(Kind::Decode, message)
    }

    /// The parameter with this number, from 1, cannot be sent as a value of its type.
    pub(crate) fn parameter(number: usize, ty: Type<'_>, error: EncodeError) -> Self {
        Self::unsent(&format!("parameter ${number}"), ty, error)
    }

    /// The value for the column with this number, from 1, cannot be sent as a value of its type.
    pub(crate) fn copied(number: usize, ty: Type<'_>, error: EncodeError) -> Self {
        Self::unsent(&format!("column {number}"), ty, error)
    }

    fn unsent(place: &str, ty: Type<'_>, error: EncodeError) -> Self {
        let (sent_as, rust) = (error.type_name(), short_name(error.detail()));
        let reason = match error.kind() {
            EncodeErrorKind::Mismatch => format!("{rust} cannot be sent as {sent_as}"),
            EncodeErrorKind::OutOfRange(value) => {
                format!("{value} ({rust}) is out of range for {sent_as}")
            }
            _ => error.to_string(),
        };
        let message = format!("{place} ({}): {reason}", ty.name());
        let mut usage = Self::new(Kind::Usage, message);
        usage.0.out_of_memory = error.kind() == EncodeErrorKind::OutOfMemory;
        usage.caused_by(error)
    }

    /// There was no memory for a row that was to be sent.
    pub(crate) fn row_out_of_memory() -> Self {
        let mut error = Self::new(Kind::Usage, "out of memory: there is no room for the row");
        error.0.out_of_memory = true;
        error
    }
}

/// What an attempt to connect ended with.
pub(crate) enum Unconnected {
    /// What ended the session, before it began.
    Session(connection::Error),
    /// The same, where it was the system.
    Io(io::Error),
    /// Why the server could not be reached.
    Unreachable(ConnectError),
}

/// The name of a Rust type without its paths.
pub(crate) fn short_name(name: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let mut short = String::new();
    for part in name.split_inclusive(|c| !is_path(c)) {
        let from = part.rfind("::").map_or(0, |at| at + 2);
        short.push_str(part.get(from..).unwrap_or_default());
    }
    short
}

/// The first two characters of a SQLSTATE.
fn class(sqlstate: &str) -> &str {
    sqlstate.get(..2).unwrap_or_default()
}

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        let mut usage = Self::new(Kind::Usage, error.to_string());
        usage.0.out_of_memory = matches!(error, UsageError::OutOfMemory(_));
        usage.caused_by(error)
    }
}

impl From<ConninfoError> for Error {
    fn from(error: ConninfoError) -> Self {
        Self::new(Kind::Config, error.to_string()).caused_by(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(item) = self.0.item {
            write!(f, "item {item}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("sqlstate", &self.sqlstate())
            .field("message", &self.0.message)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use howdah_protocol::wire;

    fn server(sqlstate: &str) -> Error {
        let fields = [(b'C', sqlstate.as_bytes()), (b'M', b"said so")];
        Error::server(wire::Diagnostic::from_fields(fields).unwrap())
    }

    #[test]
    fn predicates_of_server_errors() {
        let error = server("40001");
        assert!(error.is_safe_to_retry() && !error.is_closed() && !error.is_usage());
        assert_eq!(error.sqlstate(), Some("40001"));
        assert_eq!(error.to_string(), "said so");
        assert!(server("57014").is_cancelled());
        assert!(!server("40003").is_safe_to_retry());
        assert!(server("25006").needs_reconnect() && server("57P01").needs_reconnect());
        assert!(!server("57014").needs_reconnect());
    }

    #[test]
    fn a_lost_connection_is_closed_and_not_to_be_retried_blindly() {
        let lost = Error::lost(Lost::Session(connection::Error::Disconnected(None)));
        assert!(lost.is_closed() && lost.needs_reconnect() && !lost.is_safe_to_retry());
        assert!(lost.source().is_some());
        let before = Error::closed("the connection is closed");
        assert!(before.is_closed() && before.is_safe_to_retry());
    }

    #[test]
    fn it_is_one_word() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn short_names_have_no_paths() {
        assert_eq!(short_name("i32"), "i32");
        assert_eq!(short_name("alloc::string::String"), "String");
        let nested = "core::option::Option<alloc::vec::Vec<app::Mood>>";
        assert_eq!(short_name(nested), "Option<Vec<Mood>>");
        assert_eq!(short_name("(i32, &a::B, [u8; 4])"), "(i32, &B, [u8; 4])");
    }
}
