//! A server's side of a conversation as a list of steps, played without I/O.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use howdah_protocol::error::ProtocolError;
use howdah_protocol::wire::trace::{Direction, Tracer};
use howdah_protocol::wire::{
    Authentication, BackendMessage, DataRow, Diagnostic, FieldDescription, Format, FrontendMessage,
    HEADER_LEN, Secret, TransactionStatus, frontend,
};

type Predicate = Box<dyn Fn(&FrontendMessage<'_>) -> bool + Send>;

enum Step {
    /// Reads one message, which has to match.
    Expect(String, Predicate),
    /// Reads one message without a type byte, which has to match.
    ExpectStartup(String, Predicate),
    /// Reads messages up to and including the first that matches.
    Until(String, Predicate),
    /// Answers encryption requests with 'N' until StartupMessage arrives.
    Startup,
    ExpectEof,
    Send(Vec<u8>),
    Sleep(Duration),
    Close,
    Hang,
}

/// What the server does on one connection, in order.
#[derive(Default)]
pub struct Script {
    steps: VecDeque<Step>,
}

impl Script {
    /// A server that accepts the connection, reads nothing, says nothing and closes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one message with a type byte that has to match; `what` names it in the error.
    #[must_use]
    pub fn expect(
        self,
        what: &str,
        matches: impl Fn(&FrontendMessage<'_>) -> bool + Send + 'static,
    ) -> Self {
        self.push(Step::Expect(what.to_owned(), Box::new(matches)))
    }

    /// Reads one message without a type byte, encryption and cancel requests included, that has to match.
    #[must_use]
    pub fn expect_startup(
        self,
        what: &str,
        matches: impl Fn(&FrontendMessage<'_>) -> bool + Send + 'static,
    ) -> Self {
        self.push(Step::ExpectStartup(what.to_owned(), Box::new(matches)))
    }

    /// Reads one message that has to be a Query with this text.
    #[must_use]
    pub fn expect_query(self, sql: &str) -> Self {
        let sql = sql.to_owned();
        self.expect(
            &format!("Query {sql:?}"),
            move |message| matches!(message, FrontendMessage::Query(text) if *text == sql.as_bytes()),
        )
    }

    /// Reads whatever comes, up to and including the first message that matches.
    #[must_use]
    pub fn until(
        self,
        what: &str,
        matches: impl Fn(&FrontendMessage<'_>) -> bool + Send + 'static,
    ) -> Self {
        self.push(Step::Until(what.to_owned(), Box::new(matches)))
    }

    /// Reads whatever comes, up to and including a Sync.
    #[must_use]
    pub fn until_sync(self) -> Self {
        self.until("Sync", |message| *message == FrontendMessage::Sync)
    }

    /// Waits until the client closes the connection; Terminate may come before.
    #[must_use]
    pub fn expect_eof(self) -> Self {
        self.push(Step::ExpectEof)
    }

    /// Sends messages.
    ///
    /// # Panics
    /// If one of them can't be encoded.
    #[must_use]
    pub fn send(self, messages: &[BackendMessage<'_>]) -> Self {
        let mut bytes = Vec::new();
        for message in messages {
            message
                .encode(&mut bytes)
                .unwrap_or_else(|error| panic!("{}: {error}", message.name()));
        }
        self.send_raw(bytes)
    }

    /// Sends bytes as they are, garbage included.
    #[must_use]
    pub fn send_raw(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.push(Step::Send(bytes.into()))
    }

    /// Sends a whole result in text format: RowDescription, the rows, CommandComplete.
    ///
    /// # Panics
    /// If it can't be encoded.
    #[must_use]
    pub fn send_result(self, columns: &[(&str, u32)], rows: &[&[Option<&str>]], tag: &str) -> Self {
        let description = columns
            .iter()
            .map(|&(name, type_oid)| text_column(name, type_oid))
            .collect();
        rows.iter()
            .fold(
                self.send(&[BackendMessage::RowDescription(description)]),
                |script, row| script.send_row(row),
            )
            .send(&[BackendMessage::CommandComplete {
                tag: tag.as_bytes(),
            }])
    }

    /// Sends a DataRow in text format.
    ///
    /// # Panics
    /// If it can't be encoded.
    #[must_use]
    pub fn send_row(self, values: &[Option<&str>]) -> Self {
        let values: Vec<_> = values.iter().map(|v| v.map(str::as_bytes)).collect();
        let mut body = Vec::new();
        DataRow::encode_body(&mut body, &values).expect("a row that can be encoded");
        let row = DataRow::decode(&body).expect("what was encoded can be decoded");
        self.send(&[BackendMessage::DataRow(row)])
    }

    /// Sends an ErrorResponse with severity `ERROR`, a SQLSTATE and a message.
    ///
    /// # Panics
    /// If it can't be encoded.
    #[must_use]
    pub fn send_error(self, sqlstate: &str, message: &str) -> Self {
        let fields = [
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', sqlstate),
            (b'M', message),
        ];
        let fields = fields.map(|(code, text)| (code, text.as_bytes()));
        let error = Diagnostic::from_fields(fields).expect("an error that can be encoded");
        self.send(&[BackendMessage::ErrorResponse(error)])
    }

    /// Sends ReadyForQuery, idle.
    #[must_use]
    pub fn send_ready(self) -> Self {
        self.send(&[BackendMessage::ReadyForQuery(TransactionStatus::Idle)])
    }

    /// Does nothing for a while; in memory this takes no time.
    #[must_use]
    pub fn sleep(self, time: Duration) -> Self {
        self.push(Step::Sleep(time))
    }

    /// Closes the connection; steps that follow are not reached.
    #[must_use]
    pub fn close(self) -> Self {
        self.push(Step::Close)
    }

    /// Keeps the connection open and silent until the client closes it or the server is dropped.
    #[must_use]
    pub fn hang(self) -> Self {
        self.push(Step::Hang)
    }

    /// Reads the startup messages and lets the client in without authentication, up to ReadyForQuery.
    ///
    /// Encryption is refused. The process ID is 4242, the key `[1, 2, 3, 4]`.
    #[must_use]
    pub fn accept_startup(self) -> Self {
        self.read_startup()
            .send(&[BackendMessage::Authentication(Authentication::Ok)])
            .finish_startup()
    }

    /// Reads the startup messages up to StartupMessage, refusing encryption.
    #[must_use]
    pub fn read_startup(self) -> Self {
        self.push(Step::Startup)
    }

    /// Sends what follows AuthenticationOk: parameters, the key, ReadyForQuery.
    #[must_use]
    pub fn finish_startup(self) -> Self {
        const PARAMETERS: [(&str, &str); 6] = [
            ("server_version", "18.1"),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
        ];
        let mut messages: Vec<_> = PARAMETERS
            .iter()
            .map(|(name, value)| BackendMessage::ParameterStatus {
                name: name.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        messages.push(BackendMessage::BackendKeyData {
            process_id: 4242,
            secret_key: Secret(&[1, 2, 3, 4]),
        });
        self.send(&messages).send_ready()
    }

    fn push(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

fn text_column(name: &str, type_oid: u32) -> FieldDescription {
    FieldDescription {
        name: name.as_bytes().into(),
        table_oid: 0,
        column_id: 0,
        type_oid,
        type_size: -1,
        type_modifier: -1,
        format: Format::Text,
    }
}

/// What a [`Player`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Bytes from the client, or its end.
    Input,
    /// This much time, then [`Player::play`] again.
    Sleep(Duration),
    /// The client's end; nothing is read before.
    Hang,
    /// Nothing: the server has closed the connection.
    Closed,
}

/// The conversation was not the one in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    what: String,
    transcript: String,
}

impl ScriptError {
    pub(crate) fn new(what: impl Into<String>, transcript: &str) -> Self {
        Self {
            what: what.into(),
            transcript: transcript.to_owned(),
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if !self.transcript.is_empty() {
            write!(f, "; the client sent:\n{}", self.transcript)?;
        }
        Ok(())
    }
}

impl std::error::Error for ScriptError {}

/// Plays a script: takes the client's bytes, gives the server's.
pub struct Player {
    steps: VecDeque<Step>,
    inbox: Vec<u8>,
    eof: bool,
    tracer: Tracer,
    transcript: String,
}

impl Player {
    /// A player at the beginning of the script.
    #[must_use]
    pub fn new(script: Script) -> Self {
        Self {
            steps: script.steps,
            inbox: Vec::new(),
            eof: false,
            tracer: Tracer::regress(),
            transcript: String::new(),
        }
    }

    /// Hands in bytes from the client.
    pub fn received(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
    }

    /// The client has closed the connection.
    pub fn received_eof(&mut self) {
        self.eof = true;
    }

    /// Plays as many steps as the bytes at hand allow and appends what the server sends.
    ///
    /// # Errors
    /// A message that does not match, or is none, or the client's end while a message was expected.
    pub fn play(&mut self, out: &mut Vec<u8>) -> Result<State, ScriptError> {
        while let Some(step) = self.steps.pop_front() {
            let (again, state) = match &step {
                Step::Send(bytes) => {
                    out.extend_from_slice(bytes);
                    (false, None)
                }
                Step::Sleep(time) => (false, Some(State::Sleep(*time))),
                Step::Close => (true, Some(State::Closed)),
                Step::Hang => (true, Some(self.until_eof(State::Hang))),
                Step::ExpectEof => self.expect_eof()?,
                Step::Startup => self.startup(out)?,
                Step::Expect(what, matches) => self.expect(what, matches)?,
                Step::ExpectStartup(what, matches) => self.expect_startup(what, matches)?,
                Step::Until(what, matches) => self.until(what, matches)?,
            };
            if again {
                self.steps.push_front(step);
            }
            if let Some(state) = state {
                return Ok(state);
            }
        }
        Ok(State::Closed)
    }

    /// What the client has sent so far, one line a message, in the format of libpq's traces.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    fn until_eof(&self, state: State) -> State {
        if self.eof { State::Closed } else { state }
    }

    fn expect_eof(&mut self) -> Result<Reply, ScriptError> {
        match self.message()? {
            Some((b'X', _)) => Ok(AGAIN),
            Some(_) => Err(self.error("expected the client to close")),
            None if !self.inbox.is_empty() && self.eof => {
                Err(self.error("the client closed amid a message"))
            }
            None if self.eof => Ok(DONE),
            None => Ok(WAIT),
        }
    }

    fn startup(&mut self, out: &mut Vec<u8>) -> Result<Reply, ScriptError> {
        let Some(body) = self.startup_message("StartupMessage")? else {
            return Ok(WAIT);
        };
        match self.decoded(FrontendMessage::decode_startup(&body))? {
            FrontendMessage::StartupMessage { .. } => Ok(DONE),
            FrontendMessage::SslRequest | FrontendMessage::GssEncRequest => {
                out.push(b'N');
                Ok(AGAIN)
            }
            _ => Err(self.error("expected StartupMessage")),
        }
    }

    fn expect(&mut self, what: &str, matches: &Predicate) -> Result<Reply, ScriptError> {
        let Some((tag, body)) = self.awaited(what)? else {
            return Ok(WAIT);
        };
        let message = self.decoded(FrontendMessage::decode(tag, &body))?;
        self.matched(matches(&message), what)
    }

    fn expect_startup(&mut self, what: &str, matches: &Predicate) -> Result<Reply, ScriptError> {
        let Some(body) = self.startup_message(what)? else {
            return Ok(WAIT);
        };
        let message = self.decoded(FrontendMessage::decode_startup(&body))?;
        self.matched(matches(&message), what)
    }

    fn until(&mut self, what: &str, matches: &Predicate) -> Result<Reply, ScriptError> {
        let Some((tag, body)) = self.awaited(what)? else {
            return Ok(WAIT);
        };
        let message = self.decoded(FrontendMessage::decode(tag, &body))?;
        Ok(if matches(&message) { DONE } else { AGAIN })
    }

    fn matched(&self, matches: bool, what: &str) -> Result<Reply, ScriptError> {
        if matches {
            Ok(DONE)
        } else {
            Err(self.error(&format!("expected {what}")))
        }
    }

    /// The next message, if it is there; the client's end is an error.
    fn awaited(&mut self, what: &str) -> Result<Option<(u8, Vec<u8>)>, ScriptError> {
        match self.message()? {
            None if self.eof => Err(self.error(&format!("the client closed, expected {what}"))),
            message => Ok(message),
        }
    }

    fn message(&mut self) -> Result<Option<(u8, Vec<u8>)>, ScriptError> {
        let Some(header) = self.decoded(frontend::frame_header(&self.inbox))? else {
            return Ok(None);
        };
        let Some(frame) = self.inbox.get(..header.frame_len()) else {
            return Ok(None);
        };
        let body = frame[HEADER_LEN..].to_vec();
        self.inbox.drain(..header.frame_len());
        let direction = Direction::Frontend;
        // Writing to a String does not fail.
        let _ = self
            .tracer
            .message(&mut self.transcript, None, direction, header.tag, &body);
        Ok(Some((header.tag, body)))
    }

    fn startup_message(&mut self, what: &str) -> Result<Option<Vec<u8>>, ScriptError> {
        let len = self.decoded(frontend::startup_frame_len(&self.inbox))?;
        let Some(frame) = len.and_then(|len| self.inbox.get(..len)) else {
            if self.eof {
                return Err(self.error(&format!("the client closed, expected {what}")));
            }
            return Ok(None);
        };
        let body = frame[4..].to_vec();
        self.inbox.drain(..body.len() + 4);
        let _ = self.tracer.startup(&mut self.transcript, None, &body);
        Ok(Some(body))
    }

    fn decoded<T>(&self, result: Result<T, ProtocolError>) -> Result<T, ScriptError> {
        result.map_err(|error| self.error(&error.to_string()))
    }

    pub(crate) fn error(&self, what: &str) -> ScriptError {
        ScriptError::new(what, &self.transcript)
    }
}

/// Whether the step is to be played again, and what has to happen first.
type Reply = (bool, Option<State>);
const DONE: Reply = (false, None);
const AGAIN: Reply = (true, None);
const WAIT: Reply = (true, Some(State::Input));
