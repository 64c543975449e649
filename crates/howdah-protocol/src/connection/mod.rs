//! One connection's conversation with the server, without its socket.
//!
//! The run loop of a shell:
//!
//! ```text
//! loop {
//!     write connection.outgoing() to the socket; connection.sent(n)
//!     while let Some(event) = connection.poll()? { hand it out }
//!     if connection.is_idle() { break }
//!     read from the socket into connection.spare(); connection.received(n)      // 0 bytes: connection.eof()
//! }
//! ```

mod gss;
mod inbox;
#[cfg(test)]
mod memory_tests;
mod parameters;
mod reply;
mod request;
mod rows;
mod version;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{OutOfMemory, ProtocolError, UsageError};
use crate::memory::Kept;
use crate::replication::Keepalive;
use crate::startup::{Channel, EncryptionError, Startup, StartupConfig, StartupError};
use crate::wire::backend::{CopyResponse, Diagnostic, FieldDescription};
use crate::wire::{self, Limits, TransactionStatus};

use inbox::Inbox;
use reply::{Expected, Replies};

pub use parameters::{MAX_PARAMETER_BYTES, Parameters};
pub use request::{Mark, Params, Written};
pub use rows::RowSet;
pub use version::server_version_number;

/// The columns of a result, shared between the results of one prepared statement.
pub type Columns = Arc<[FieldDescription]>;

/// Why a conversation cannot go on. After any of these the connection is over.
#[derive(Debug, Clone)]
pub enum Error {
    /// The server broke the protocol.
    Protocol(ProtocolError),
    /// The session could not be started.
    Startup(StartupError),
    /// The connection could not be encrypted as was asked for, or the encryption broke.
    Encryption(Box<EncryptionError>),
    /// The server ended the session, with a FATAL error or by hanging up; with its last words, where it had any.
    Disconnected(Option<Diagnostic>),
    /// The server did not end in this time what it was asked to give up, or what it owed.
    Unresponsive(Duration),
    /// There is no memory for what the server has sent, and it is no row that could be dropped.
    OutOfMemory(OutOfMemory),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Startup(error) => error.fmt(f),
            Self::Encryption(error) => error.fmt(f),
            Self::OutOfMemory(error) => error.fmt(f),
            Self::Disconnected(Some(last_words)) => {
                let text = last_words.message_primary().unwrap_or_default();
                write!(f, "{}", String::from_utf8_lossy(text))
            }
            Self::Unresponsive(time) => write!(
                f,
                "the server did not end what was interrupted within {} seconds",
                time.as_secs_f64()
            ),
            Self::Disconnected(None) => f.write_str(
                "server closed the connection unexpectedly\n\
                 \tThis probably means the server terminated abnormally\n\
                 \tbefore or while processing the request.",
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Startup(error) => Some(error),
            Self::Encryption(error) => Some(error),
            Self::OutOfMemory(error) => Some(error),
            Self::Disconnected(_) | Self::Unresponsive(_) => None,
        }
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        match error.out_of_memory() {
            Some(error) => Self::OutOfMemory(error),
            None => Self::Protocol(error),
        }
    }
}

impl From<OutOfMemory> for Error {
    fn from(error: OutOfMemory) -> Self {
        Self::OutOfMemory(error)
    }
}

/// A notification that another session sent with NOTIFY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Process ID of the session that sent it.
    pub process_id: i32,
    /// Name of the channel, in the client encoding.
    pub channel: Box<[u8]>,
    /// The payload, in the client encoding; empty when none was given.
    pub payload: Box<[u8]>,
    /// The parameters that were in force when it came, the client encoding among them.
    pub parameters: Arc<Parameters>,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// CommandComplete.
    Complete,
    /// EmptyQueryResponse: there was no statement in the query.
    Empty,
    /// PortalSuspended: the row limit was reached.
    Suspended,
}

/// The result of one statement.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// The columns, where the statement returns rows.
    pub columns: Option<Columns>,
    /// The rows.
    pub rows: RowSet,
    /// The command tag, such as `SELECT 5`; empty unless `ending` is [`Ending::Complete`].
    pub tag: Box<[u8]>,
    /// How it ended.
    pub ending: Ending,
    /// Whether there was no memory for the rows: those that came were dropped, and there are none.
    pub incomplete: bool,
    /// The parameters that were in force when it came, which say how its values are written.
    pub parameters: Arc<Parameters>,
}

impl QueryResult {
    /// The number of rows that the command tag tells, where it does (`INSERT 0 3`, `UPDATE 2`, `SELECT 5`).
    #[must_use]
    pub fn tagged_rows(&self) -> Option<u64> {
        wire::backend::affected_rows(&self.tag)
    }
}

/// What the server said.
#[derive(Debug, Clone)]
pub enum Event {
    /// The handshake is computing (a SCRAM key, for up to a second) and has paused: call [`Connection::poll`] again, after
    /// a look at whatever else waits, such as timers and signals.
    Working,
    /// The session has been started; the connection is ready for its first request.
    Started,
    /// ParseComplete: a statement was prepared.
    Prepared,
    /// ParameterDescription: the types of a described statement's parameters.
    Parameters(Vec<u32>),
    /// RowDescription or NoData: the columns of a described statement or cursor, see [`Connection::ask_description`].
    Described(Option<Columns>),
    /// A statement ended well.
    Result(QueryResult),
    /// A statement failed. What follows it, up to its Sync, is skipped by the server.
    Failed(Diagnostic),
    /// COPY FROM STDIN has begun: call [`Connection::copy_data`], then [`Connection::copy_done`] or `copy_fail`.
    CopyIn(CopyResponse),
    /// COPY TO STDOUT has begun.
    CopyOut(CopyResponse),
    /// A two-way copy (replication) has begun.
    CopyBoth(CopyResponse),
    /// The server of a two-way copy says how far it has come, see [`Connection::follow`].
    Keepalive(Keepalive),
    /// One CopyData message.
    CopyData(Vec<u8>),
    /// The server has sent all its copy data.
    CopyDone,
    /// CloseComplete: a statement or portal was closed.
    Closed,
    /// ReadyForQuery: one simple query, or one Sync, has been answered.
    Ready(TransactionStatus),
    /// A notice: not a reply to anything.
    Notice(Diagnostic),
    /// A notification: not a reply to anything.
    Notification(Notification),
    /// A parameter changed: not a reply to anything.
    ParameterStatus {
        /// The parameter's name.
        name: String,
        /// Its new value.
        value: String,
    },
}

/// One connection: requests in, bytes out; bytes in, events out.
pub struct Connection {
    inbox: Inbox,
    outbox: Vec<u8>,
    outbox_kept: Kept,
    /// Bytes of `outbox` that have been written to the socket.
    written: usize,
    phase: Phase,
    replies: Replies,
    /// Whether the server takes replication commands, and statements by the simple protocol only.
    speaks_replication: bool,
    /// The rows of the result that an error has ended.
    unfinished: Option<QueryResult>,
    /// Answers asked for since the start.
    asked: u64,
    /// Bytes received that lay there before the oldest request was made, so that they cannot answer it.
    stale: usize,
    session: SessionSnapshot,
    /// An error that answers nothing: the server's last words, should it hang up next.
    last_words: Option<Diagnostic>,
    /// What could not be received for lack of memory.
    no_memory: Option<OutOfMemory>,
}

/// Without the buffers and the key for cancelling: there may be a password in them.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("process_id", &self.session.process_id)
            .field("status", &self.replies.status)
            .field("awaited", &self.replies.expected.len())
            .field("outgoing", &self.outgoing().len())
            .field("unread", &self.inbox.unread().len())
            .field("is_over", &self.is_over())
            .finish_non_exhaustive()
    }
}

enum Phase {
    Starting(Box<Startup>),
    Open,
    Over,
}

/// What the server has told about the session.
#[derive(Debug, Default)]
struct SessionSnapshot {
    process_id: i32,
    secret_key: Box<[u8]>,
    minor_version: u16,
    used_password: bool,
    used_gssapi: bool,
    parameters: Arc<Parameters>,
}

impl Connection {
    /// Begins a session: the first bytes are in [`Connection::outgoing`], and [`Event::Started`] ends the handshake.
    ///
    /// # Errors
    /// A parameter that cannot be sent, such as one with a NUL in it.
    pub fn start(config: StartupConfig) -> Result<Self, StartupError> {
        let mut outbox = Vec::with_capacity(256);
        let speaks_replication = config.speaks_replication();
        let startup = Startup::begin(config, &mut outbox)?;
        Ok(Self {
            inbox: Inbox::default(),
            outbox,
            outbox_kept: Kept::default(),
            written: 0,
            phase: Phase::Starting(Box::new(startup)),
            replies: Replies::default(),
            unfinished: None,
            speaks_replication,
            asked: 0,
            stale: 0,
            session: SessionSnapshot::default(),
            last_words: None,
            no_memory: None,
        })
    }

    /// Tells what carries the session, where that is not the socket itself; before the startup message is sent.
    pub fn set_channel(&mut self, channel: Channel) {
        if let Phase::Starting(startup) = &mut self.phase {
            startup.set_channel(channel);
        }
    }

    /// The bytes to be written to the socket. Call [`Connection::sent`] with how many of them were.
    #[inline]
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.outbox.get(self.written..).unwrap_or_default()
    }

    /// Notes that the first `len` bytes of [`Connection::outgoing`] were written.
    pub fn sent(&mut self, len: usize) {
        self.written = (self.written + len).min(self.outbox.len());
        if self.written == self.outbox.len() {
            self.outbox_kept.clear(&mut self.outbox);
            self.written = 0;
        } else if self.written > DRAINED_FROM.max(self.outbox.len() / 2) {
            // A COPY that always keeps something in here would otherwise keep all of it.
            self.outbox.drain(..self.written);
            self.written = 0;
        }
    }

    /// Room to receive into. Call [`Connection::received`] with how many bytes arrived.
    ///
    /// It is only empty if there is no memory for the first few bytes: [`Connection::eof`] then says so. Where there is none
    /// for more rows, those of the result are dropped, see [`QueryResult::incomplete`]; where there is none for anything else,
    /// [`Connection::poll`] fails once more bytes have come.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.inbox.is_full() && self.make_room().is_err() {
            self.drop_rows();
        }
        self.inbox.spare()
    }

    /// What has been received and not been looked at: for traces, before [`Connection::poll`] uses it up.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.inbox.unread()
    }

    /// Notes that `len` bytes arrived in [`Connection::spare`]; then call [`Connection::poll`] until it gives nothing.
    pub fn received(&mut self, len: usize) {
        self.inbox.received(len);
    }

    /// The next event, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// The server broke the protocol, or refused the session. The connection is over then.
    pub fn poll(&mut self) -> Result<Option<Event>, Error> {
        let outcome = self.next_event();
        if outcome.is_err() {
            self.phase = Phase::Over;
        }
        outcome
    }

    /// To be called when the socket reports its end: tells what that means.
    pub fn eof(&mut self) -> Error {
        let held_back = self.held_back_error();
        self.phase = Phase::Over;
        if let Some(error) = self.no_memory.take() {
            return Error::OutOfMemory(error);
        }
        if let Some(error) = held_back {
            return Error::Startup(error);
        }
        Error::Disconnected(self.last_words.take())
    }

    /// Whether every request has been answered and the connection can take another.
    #[inline]
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.replies.expected.is_empty() && matches!(self.phase, Phase::Open)
    }

    /// Whether the session was started with `replication`: commands then have to go by the simple protocol.
    /// Source: PostgreSQL documentation, "Streaming Replication Protocol".
    #[must_use]
    pub fn speaks_replication(&self) -> bool {
        self.speaks_replication
    }

    /// Whether the conversation is over, after an error or [`Connection::terminate`].
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The transaction status of the last ReadyForQuery.
    #[must_use]
    pub fn transaction_status(&self) -> TransactionStatus {
        self.replies.status
    }

    /// Process ID of the server process that serves this session.
    #[must_use]
    pub fn process_id(&self) -> i32 {
        self.session.process_id
    }

    /// Minor number of the protocol version in use: 3.`minor`.
    #[must_use]
    pub fn minor_version(&self) -> u16 {
        self.session.minor_version
    }

    /// Whether the server asked for a password and got one.
    #[must_use]
    pub fn used_password(&self) -> bool {
        self.session.used_password
    }

    /// Whether the client was authenticated by GSSAPI.
    #[must_use]
    pub fn used_gssapi(&self) -> bool {
        self.session.used_gssapi
    }

    /// The current value of a parameter that the server reports, such as `TimeZone`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.session.parameters.get(name)
    }

    /// All parameters that the server has reported.
    #[must_use]
    pub fn parameters(&self) -> &BTreeMap<String, String> {
        self.session.parameters.all()
    }

    /// The same as a snapshot that can be kept.
    #[must_use]
    pub fn shared_parameters(&self) -> &Arc<Parameters> {
        &self.session.parameters
    }

    /// The server's version as a number: 180006 is 18.6, 90603 is 9.6.3. 0 where it is not known.
    #[must_use]
    pub fn server_version(&self) -> u32 {
        self.parameter("server_version")
            .map_or(0, server_version_number)
    }

    /// A number that changes whenever a parameter does.
    #[must_use]
    pub fn parameters_version(&self) -> u64 {
        self.session.parameters.version()
    }

    /// Ends the conversation, because it cannot go on.
    pub fn give_up(&mut self) {
        self.phase = Phase::Over;
    }

    /// The bytes that, sent over a connection of their own, ask the server to cancel what this session is running.
    ///
    /// # Errors
    /// The server gave no key that can be sent back.
    pub fn cancel_request(&self) -> Result<Vec<u8>, UsageError> {
        let mut out = Vec::new();
        wire::frontend::cancel_request(
            &mut out,
            self.session.process_id,
            &self.session.secret_key,
        )?;
        Ok(out)
    }

    /// Whether rows have been received of the result that is coming.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        !self.replies.rows.is_empty()
    }

    /// Whether there are any, and they are about so many bytes.
    pub(crate) fn has_rows_of(&self, bytes: usize) -> bool {
        self.has_rows() && (bytes == 0 || self.replies.rows.size(self.inbox.pos()) >= bytes)
    }

    /// Takes the rows received so far of the result that is coming, with its columns: for streaming.
    pub fn take_rows(&mut self) -> (Option<Columns>, RowSet) {
        let rows = self.collect_rows(self.inbox.pos());
        (self.replies.current_columns(), rows)
    }

    /// Whether the error of [`Event::Failed`] came before its statement was executed: in answer to Parse or Bind.
    #[must_use]
    pub fn failed_unbound(&self) -> bool {
        self.replies.failed_unbound
    }

    /// Takes the rows of the result that the error of [`Event::Failed`] has ended, if any had come that were not taken.
    pub fn take_unfinished(&mut self) -> Option<QueryResult> {
        self.unfinished.take()
    }

    fn next_event(&mut self) -> Result<Option<Event>, Error> {
        if self.is_over() {
            return Ok(None);
        }
        if let Some(error) = self.no_memory.take() {
            return Err(Error::OutOfMemory(error));
        }
        if self.is_working()
            && let Some(event) = self.work()?
        {
            return Ok(Some(event));
        }
        if self.gss_request().is_some() {
            self.hold_back()?;
            return Ok(None);
        }
        let mut limits = self.limits();
        loop {
            if self.stale == 0 && matches!(self.phase, Phase::Open) {
                self.replies.data_rows(&mut self.inbox)?;
            }
            let unread = self.inbox.unread();
            let Some(header) = wire::frame_header(unread, limits)? else {
                break;
            };
            let total = header.frame_len();
            if unread.len() < total {
                self.inbox.expect_frame(total);
                break;
            }
            let start = self.inbox.pos() + wire::HEADER_LEN;
            let stale = self.stale > 0;
            if stale {
                self.check_stale(header.tag, total)?;
            }
            self.inbox.consume(total);
            if header.tag == b'D' && matches!(self.phase, Phase::Open) {
                return Err(self.replies.unexpected_row().into());
            } else if header.tag == b'd' && self.replies.keeps_copy_data() {
                let body = self.inbox.slice(start, header.body_len);
                if let Some(keepalive) = self.replies.copy_data(start, body)? {
                    return Ok(Some(Event::Keepalive(keepalive)));
                }
            } else if let Some(event) = self.message(header.tag, start, header.body_len, stale)? {
                return Ok(Some(event));
            } else if self.gss_request().is_some() {
                break;
            } else {
                limits = self.limits();
            }
        }
        if !self.replies.rows.pins_current() {
            self.inbox.rewind(self.is_idle());
        }
        Ok(None)
    }

    /// Whether the handshake has something to compute, rather than to wait for.
    fn is_working(&self) -> bool {
        matches!(&self.phase, Phase::Starting(startup) if startup.is_working())
    }

    /// A message that lay there before anything was asked: it answers nothing.
    #[cold]
    fn check_stale(&mut self, tag: u8, total: usize) -> Result<(), ProtocolError> {
        self.stale = self.stale.saturating_sub(total);
        // Notices, notifications, parameters and last words come by themselves.
        if matches!(tag, b'N' | b'A' | b'S' | b'E') {
            return Ok(());
        }
        let got = wire::backend::message_name(tag);
        let nothing = "nothing: no request is waiting for an answer";
        Err(ProtocolError::unexpected(got, nothing))
    }

    /// How long the server's next message may be.
    fn limits(&self) -> &'static Limits {
        match &self.phase {
            Phase::Starting(startup) if !startup.is_authenticated() => {
                &Limits::BEFORE_AUTHENTICATION
            }
            _ => &Limits::SESSION,
        }
    }

    /// The rows that end before offset `end` of the current buffer; the buffer goes along unless they are few.
    fn collect_rows(&mut self, end: usize) -> RowSet {
        if !self.free_current(end) {
            match self.inbox.detach(false) {
                Ok(chunk) => self.replies.rows.adopt(chunk),
                Err(OutOfMemory { .. }) => self.replies.rows.lose(),
            }
        }
        self.replies.rows.take()
    }

    /// Makes room to receive into, in the current buffer unless rows lie in it.
    fn make_room(&mut self) -> Result<(), OutOfMemory> {
        if self.free_current(self.inbox.pos()) {
            return self.inbox.make_room();
        }
        let chunk = self.inbox.detach(true)?;
        self.replies.rows.adopt(chunk);
        Ok(())
    }

    /// There is no memory to receive into: gives up the rows of the result that is coming.
    #[cold]
    fn drop_rows(&mut self) {
        let had_rows = self.replies.rows.has_rows();
        let in_row = self.inbox.unread().first() == Some(&b'D') && self.inbox.wants_more();
        if in_row && self.stale == 0 && self.replies.width_of_row().is_some() {
            self.replies.rows.lose();
            self.inbox.skip_frame();
        } else if had_rows {
            self.replies.rows.lose();
        }
        if let Err(error) = self.inbox.make_room() {
            // What is not a row cannot be done without.
            self.no_memory = Some(error);
            self.inbox.clear();
        }
    }

    /// Whether no row needs the current buffer any more, once those that end before `end` are copied out if they are few.
    fn free_current(&mut self, end: usize) -> bool {
        let rows = &mut self.replies.rows;
        !rows.pins_current() || rows.copy_small(self.inbox.current(), end)
    }
}

/// How many bytes at the front of the outbox may have been sent before the rest is moved there.
const DRAINED_FROM: usize = 16 * 1024;

/// The requests that have been made and not yet answered, oldest first.
type Queue = VecDeque<Expected>;
