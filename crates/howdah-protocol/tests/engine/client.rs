//! Clients that follow a plan and log what they see, over a bare connection and over a session.

use std::collections::VecDeque;
use std::time::Instant;

use howdah_protocol::auth::Password;
use howdah_protocol::connection::{Connection, Error, Event, Params, QueryResult, Written};
use howdah_protocol::session::{Execute, Outcome, Progress, ResultFormat, Session};
use howdah_protocol::startup::{StartupConfig, StartupError};
use howdah_protocol::wire::{Diagnostic, Format, IsNull};

/// What a conversation's client has to be able to do.
pub(crate) trait Client {
    /// Takes bytes from the server, acts on them, and gives the bytes to be sent.
    fn turn(&mut self, bytes: &[u8]) -> Vec<u8>;
    /// What happened so far, in words that do not depend on how the bytes were cut.
    fn log(&self) -> &[String];
    /// The error that ended the conversation, if one did.
    fn error(&self) -> Option<&Error>;
    /// The server has closed the connection.
    fn eof(&mut self) -> Error;
}

/// When the next step of a plan is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// Every request has been answered.
    Idle,
    /// The server waits for copy data.
    Copy,
}

/// What a client of a bare connection does, in order.
pub(crate) type Plan = &'static [Step];
type Step = (On, fn(&mut Connection));

/// A client of a [`Connection`].
pub(crate) struct Raw {
    connection: Connection,
    plan: VecDeque<Step>,
    log: Vec<String>,
    error: Option<Error>,
}

impl Raw {
    pub(crate) fn new(config: StartupConfig, plan: Plan) -> Self {
        Self {
            connection: Connection::start(config).expect("parameters that can be sent"),
            plan: plan.iter().copied().collect(),
            log: Vec::new(),
            error: None,
        }
    }

    fn drain(&mut self) {
        while self.error.is_none() {
            match self.connection.poll() {
                Ok(Some(event)) => {
                    self.log.push(show_event(&event));
                    if matches!(event, Event::CopyIn(_) | Event::CopyBoth(_)) {
                        self.act(On::Copy);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.log.push(show_error(&error));
                    self.error = Some(error);
                }
            }
        }
        if self.connection.is_idle() {
            self.act(On::Idle);
        }
    }

    fn act(&mut self, on: On) {
        if let Some((when, step)) = self.plan.front().copied()
            && when == on
        {
            self.plan.pop_front();
            step(&mut self.connection);
        }
    }
}

impl Client for Raw {
    fn turn(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        self.drain();
        while !bytes.is_empty() {
            let spare = self.connection.spare();
            let (now, later) = bytes.split_at(spare.len().min(bytes.len()));
            spare[..now.len()].copy_from_slice(now);
            self.connection.received(now.len());
            bytes = later;
            self.drain();
        }
        let outgoing = self.connection.outgoing().to_vec();
        self.connection.sent(outgoing.len());
        outgoing
    }

    fn log(&self) -> &[String] {
        &self.log
    }

    fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn eof(&mut self) -> Error {
        self.connection.eof()
    }
}

/// What a client of a session does, in order, each step when the last one is done.
pub(crate) type Steps = &'static [fn(&mut Session)];

/// A client of a [`Session`].
pub(crate) struct Runner {
    session: Session,
    steps: VecDeque<fn(&mut Session)>,
    log: Vec<String>,
    error: Option<Error>,
    now: Instant,
}

impl Runner {
    pub(crate) fn new(config: StartupConfig, steps: Steps) -> Self {
        let connection = Connection::start(config).expect("parameters that can be sent");
        Self {
            session: Session::new(connection),
            steps: steps.iter().copied().collect(),
            log: Vec::new(),
            error: None,
            now: some_time(),
        }
    }

    fn advance(&mut self) {
        while self.error.is_none() {
            match self.session.advance(self.now) {
                Ok(Progress::Ended(_, outcome)) => self.log.push(show_outcome(&outcome)),
                Ok(Progress::Idle) => {
                    if !self.next_step() {
                        break;
                    }
                }
                Ok(Progress::NeedInput) => {
                    if !self.feed_copy() {
                        break;
                    }
                }
                Ok(Progress::Working) => {}
                Ok(Progress::SendCancel) => {
                    self.log.push("cancel".to_owned());
                    self.session.cancel_request_ended();
                }
                Ok(Progress::Notice(notice)) => self.log.push(show_notice(&notice)),
                Ok(Progress::Notification(notification)) => {
                    let channel = text(&notification.channel);
                    self.log.push(format!("notification {channel}"));
                }
                Err(error) => {
                    self.log.push(show_error(&error));
                    self.error = Some(error);
                }
            }
        }
    }

    /// Takes the next step if the server has begun to take data for a COPY, or a stream of replication has begun.
    fn feed_copy(&mut self) -> bool {
        let Some(id) = self.session.answering() else {
            return false;
        };
        let start = self.session.take_copy_start(id);
        let follows = self.session.is_following(id);
        start.is_some_and(|start| start.is_in || follows) && self.next_step()
    }

    /// Takes the next step of the plan, if there is one.
    fn next_step(&mut self) -> bool {
        let step = self.steps.pop_front();
        if let Some(step) = step {
            step(&mut self.session);
        }
        step.is_some()
    }
}

impl Client for Runner {
    fn turn(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        if bytes.is_empty() {
            self.advance();
        }
        while !bytes.is_empty() {
            let spare = self.session.spare();
            let (now, later) = bytes.split_at(spare.len().min(bytes.len()));
            spare[..now.len()].copy_from_slice(now);
            self.session.received(now.len());
            bytes = later;
            self.advance();
        }
        let outgoing = self.session.outgoing().to_vec();
        self.session.sent(outgoing.len());
        outgoing
    }

    fn log(&self) -> &[String] {
        &self.log
    }

    fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn eof(&mut self) -> Error {
        self.session.eof()
    }
}

/// A time to begin with.
#[expect(clippy::disallowed_methods, reason = "only its differences matter")]
pub(crate) fn some_time() -> Instant {
    Instant::now()
}

/// User `me` of database `db`, with the password `pencil`.
pub(crate) fn config() -> StartupConfig {
    StartupConfig {
        params: vec![
            ("user".to_owned(), "me".to_owned()),
            ("database".to_owned(), "db".to_owned()),
        ],
        user: "me".to_owned(),
        password: Some(Password::new("pencil")),
        nonce: "clientnonce".to_owned(),
        protocol_minor: 0,
        min_protocol_minor: 0,
        ..StartupConfig::default()
    }
}

/// Parameters in text, of no declared type.
pub(crate) fn params(values: &[Option<&str>]) -> Params {
    let mut params = Params::default();
    for value in values {
        params
            .push::<howdah_protocol::error::UsageError>(|out| {
                out.extend_from_slice(value.unwrap_or_default().as_bytes());
                Ok(Written {
                    oid: 25,
                    format: Format::Text,
                    null: if value.is_some() {
                        IsNull::No
                    } else {
                        IsNull::Yes
                    },
                })
            })
            .expect("small values");
    }
    params
}

/// A statement with the policy's defaults: no BEGIN, no wish about preparing.
pub(crate) fn statement<'a>(sql: &'a str, params: &'a Params) -> Execute<'a> {
    Execute {
        sql: sql.as_bytes(),
        params,
        format: ResultFormat::Text,
        prepare: None,
        begin: false,
        extended: false,
    }
}

/// The same behind an implicit BEGIN.
pub(crate) fn begun<'a>(sql: &'a str, params: &'a Params) -> Execute<'a> {
    Execute {
        begin: true,
        ..statement(sql, params)
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn show_event(event: &Event) -> String {
    match event {
        Event::Result(result) => show_result(result),
        Event::Failed(error) => format!("failed {}", show_diagnostic(error)),
        Event::CopyData(data) => format!("copy data {:?}", text(data)),
        Event::Notice(notice) => show_notice(notice),
        Event::Notification(notification) => {
            format!("notification {}", text(&notification.channel))
        }
        Event::ParameterStatus { name, value } => format!("parameter {name}={value}"),
        Event::CopyIn(_) => "copy in".to_owned(),
        Event::CopyOut(_) => "copy out".to_owned(),
        Event::CopyBoth(_) => "copy both".to_owned(),
        Event::Ready(status) => format!("ready {}", char::from(status.as_byte())),
        Event::Parameters(oids) => format!("parameters {oids:?}"),
        Event::Working => "working".to_owned(),
        Event::Described(columns) => format!("described {}", columns.is_some()),
        Event::Started => "started".to_owned(),
        Event::Prepared => "prepared".to_owned(),
        Event::CopyDone => "copy done".to_owned(),
        Event::Keepalive(keepalive) => format!("keepalive {}", keepalive.end),
        Event::Closed => "closed".to_owned(),
    }
}

/// `a:25 | 1, NULL | SELECT 1`; binary columns have a `*`.
pub(crate) fn show_result(result: &QueryResult) -> String {
    let mut parts = Vec::new();
    if let Some(columns) = &result.columns {
        let names = columns.iter().map(|column| {
            let star = if column.format == Format::Binary {
                "*"
            } else {
                ""
            };
            format!("{}:{}{star}", text(&column.name), column.type_oid)
        });
        parts.push(names.collect::<Vec<_>>().join(", "));
    }
    // Without columns they are the data of a COPY.
    let data = (0..result.rows.len()).filter(|_| result.columns.is_none());
    parts.extend(data.filter_map(|number| result.rows.bytes(number).map(text)));
    let rows = result.rows.iter().filter(|_| result.columns.is_some());
    for row in rows {
        let values = row.map(|value| value.map_or("NULL".to_owned(), text));
        parts.push(values.collect::<Vec<_>>().join(", "));
    }
    parts.push(match result.ending {
        howdah_protocol::connection::Ending::Complete => text(&result.tag),
        other => format!("{other:?}"),
    });
    parts.join(" | ")
}

fn show_outcome(outcome: &Outcome) -> String {
    let mut parts: Vec<_> = outcome.results.iter().map(show_result).collect();
    if let Some(error) = &outcome.error {
        let at = outcome.failed_at;
        parts.push(format!("failed at {at}: {}", show_diagnostic(error)));
    }
    if !outcome.refused_copy.is_empty() {
        parts.push("refused copy".to_owned());
    }
    if let Some(unfinished) = &outcome.unfinished {
        parts.push(format!("unfinished {}", show_result(unfinished)));
    }
    format!("[{}]", parts.join("] ["))
}

fn show_notice(notice: &Diagnostic) -> String {
    format!(
        "notice {}",
        text(notice.message_primary().unwrap_or_default())
    )
}

pub(crate) fn show_error(error: &Error) -> String {
    match error {
        Error::Protocol(error) => format!("protocol error: {error}"),
        Error::Startup(StartupError::Rejected(error) | StartupError::Server(error)) => {
            format!("refused: {}", show_diagnostic(error))
        }
        Error::Startup(error) => format!("no start: {error}"),
        Error::Encryption(error) => error.to_string(),
        Error::Unresponsive(time) => format!("unresponsive for {time:?}"),
        Error::Disconnected(None) => "disconnected".to_owned(),
        Error::Disconnected(Some(words)) => format!("disconnected: {}", show_diagnostic(words)),
        Error::OutOfMemory(error) => error.to_string(),
    }
}

fn show_diagnostic(diagnostic: &Diagnostic) -> String {
    text(diagnostic.sqlstate().unwrap_or(b"no SQLSTATE"))
}
