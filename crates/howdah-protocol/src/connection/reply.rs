//! What the server says, matched against what was asked.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::inbox::Inbox;
use super::parameters::Parameters;
use super::rows::RowCollector;
use super::{Columns, Connection, Ending, Error, Event, Notification, Phase, QueryResult, Queue};
use crate::error::{OutOfMemory, ProtocolError};
use crate::memory;
use crate::replication::{self, Keepalive, Kind, WalData};
use crate::startup::Progress;
use crate::wire::backend::{
    BackendMessage, Diagnostic, check_data_row, message_name, row_description,
};
use crate::wire::{Format, HEADER_LEN, TransactionStatus, frontend, whole_data_row};

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// A simple query: any number of results, then ReadyForQuery.
    Query,
    /// ParseComplete. The driver's own statements are silent: they give no event.
    Parse { silent: bool },
    /// BindComplete.
    Bind,
    /// RowDescription or NoData of a portal.
    DescribePortal {
        /// Whether the columns are an event.
        tell: bool,
    },
    /// ParameterDescription, then RowDescription or NoData.
    DescribeStatement {
        formats: Formats,
        /// Whether the columns are an event.
        tell: bool,
    },
    /// Rows, then CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute {
        silent: bool,
        columns: Asked,
        /// How many rows there may be, if that was bounded.
        limit: Option<NonZeroU32>,
    },
    /// CloseComplete.
    Close { silent: bool },
    /// Any number of ReadyForQuery, then CloseComplete: see [`Connection::resync_after_copy`].
    Resync,
    /// ReadyForQuery.
    Sync,
}

/// Where the columns of an executed portal are known from.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// From the Describe message sent just before.
    Described,
    /// From an earlier description of the same statement.
    Known(Option<Columns>),
}

/// The formats to put into a statement's description, which does not know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Formats {
    AsDescribed,
    AllBinary,
}

/// The state of the answers.
#[derive(Debug)]
pub(super) struct Replies {
    pub(super) expected: Queue,
    pub(super) status: TransactionStatus,
    /// Columns of the result that is coming, once known.
    pub(super) columns: Option<Columns>,
    /// Number of those columns; a row without a description is an error.
    width: Option<usize>,
    pub(super) rows: RowCollector,
    last_description: LastDescription,
    /// A COPY that is running.
    pub(super) copy: Copying,
    /// Whether the server, after an error, skips what is still to be asked up to the next Sync.
    pub(super) skipping: bool,
    /// Whether the last error came before anything was executed: to Parse or Bind.
    pub(super) failed_unbound: bool,
    /// How far the data of a two-way COPY has come.
    pub(super) followed: Followed,
    /// Whether the client has ended a two-way COPY.
    pub(super) ended_following: bool,
}

/// Positions in the log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Followed {
    /// Where the last message starts.
    pub(super) start: u64,
    /// Where its payload ends, if that is the log itself.
    pub(super) end: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copying {
    No,
    In,
    /// The client has ended it, and sent the Sync behind it again.
    InEnded {
        /// What [`Connection::resync_after_copy`] does has been done as well.
        resynced: bool,
    },
    Out,
    /// The same, with the data kept like rows: see [`Connection::keep_copy_data`].
    OutKept,
    Both,
    /// The same, with the data kept like rows: see [`Connection::follow`].
    Following,
    /// The same, and the client has ended it; what the server still sends is nobody's.
    FollowingEnded,
}

impl Default for Replies {
    fn default() -> Self {
        Self {
            expected: Queue::new(),
            status: TransactionStatus::Idle,
            columns: None,
            width: None,
            rows: RowCollector::default(),
            last_description: LastDescription::default(),
            copy: Copying::No,
            skipping: false,
            failed_unbound: false,
            followed: Followed::default(),
            ended_following: false,
        }
    }
}

/// The last RowDescription, as it came and as it is read: a statement that is run again and again without being prepared has
/// the same each time.
#[derive(Debug, Default)]
pub(super) struct LastDescription {
    body: Vec<u8>,
    columns: Option<Columns>,
}

impl LastDescription {
    /// Longer ones are not kept: what a connection holds while it is idle is to stay small.
    const LONGEST: usize = 1024;

    /// The columns that the body of a RowDescription tells.
    fn read(&mut self, body: &[u8]) -> Result<Columns, ProtocolError> {
        if let Some(columns) = &self.columns
            && self.body == body
        {
            return Ok(Arc::clone(columns));
        }
        let columns: Columns = row_description(body)?.into();
        if body.len() <= Self::LONGEST {
            self.body = memory::copy(body)?;
            self.columns = Some(Arc::clone(&columns));
        }
        Ok(columns)
    }
}

impl Connection {
    /// One message other than DataRow; a `stale` one lay there before anything was asked.
    pub(super) fn message(
        &mut self,
        tag: u8,
        start: usize,
        len: usize,
        stale: bool,
    ) -> Result<Option<Event>, Error> {
        if let Phase::Starting(_) = self.phase {
            return self.startup_message(tag, start, len);
        }
        let body = self.inbox.slice(start, len);
        if let Some(event) = self.replies.quick(tag, body) {
            return Ok(event);
        }
        if tag == b'T' {
            return Ok(self.replies.row_description(body)?);
        }
        let message = BackendMessage::decode(tag, body)?;
        let event = match message {
            BackendMessage::NoticeResponse(diagnostic) => Some(Event::Notice(diagnostic)),
            BackendMessage::NotificationResponse {
                process_id,
                channel,
                payload,
            } => Some(Event::Notification(Notification {
                process_id,
                channel: memory::boxed(channel)?,
                payload: memory::boxed(payload)?,
                parameters: Arc::clone(&self.session.parameters),
            })),
            BackendMessage::ParameterStatus { name, value } => {
                let name = String::from_utf8_lossy(name).into_owned();
                let value = String::from_utf8_lossy(value).into_owned();
                Arc::make_mut(&mut self.session.parameters).set(&name, &value)?;
                Some(Event::ParameterStatus { name, value })
            }
            // The session is gone, even where the socket stays open. What follows is somebody else's: PgBouncer adds an error
            // of its own behind the server's.
            BackendMessage::ErrorResponse(diagnostic) if is_fatal(&diagnostic) => {
                return Err(Error::Disconnected(Some(diagnostic)));
            }
            BackendMessage::ErrorResponse(diagnostic)
                if stale || self.replies.expected.is_empty() =>
            {
                // Nothing was asked: whoever it is will hang up, and says why.
                self.last_words.get_or_insert(diagnostic);
                None
            }
            BackendMessage::ErrorResponse(diagnostic) => {
                self.keep_unfinished(start.saturating_sub(HEADER_LEN));
                if matches!(
                    self.replies.copy,
                    Copying::In | Copying::InEnded { resynced: false }
                ) {
                    self.resync_after_copy();
                }
                self.replies.failed();
                Some(Event::Failed(diagnostic))
            }
            other => self.replies.answer(other, &self.session.parameters)?,
        };
        Ok(event.map(|event| self.with_rows(event, start)))
    }

    /// Adds its rows to the end of a result, whose message's body begins at `start`.
    fn with_rows(&mut self, event: Event, start: usize) -> Event {
        let Event::Result(mut result) = event else {
            return event;
        };
        result.rows = self.collect_rows(start.saturating_sub(HEADER_LEN));
        result.incomplete = self.replies.rows.is_incomplete();
        self.replies.rows.restart();
        Event::Result(result)
    }

    /// Keeps the rows of a result that an error ends, before offset `end` of the current buffer.
    fn keep_unfinished(&mut self, end: usize) {
        self.unfinished = self.has_rows().then(|| QueryResult {
            columns: self.replies.current_columns(),
            rows: self.collect_rows(end),
            tag: Box::default(),
            ending: Ending::Suspended,
            incomplete: false,
            parameters: Arc::clone(&self.session.parameters),
        });
    }

    /// Finds the way back from a COPY FROM STDIN that has failed, or will, with a Sync behind it.
    ///
    /// A server in copy-in mode ignores Sync. Whether it did is not known: it may also have failed before it read anything,
    /// as `COPY` into a view does after CopyInResponse. So the Sync is sent again, and behind it a Close, whose answer
    /// tells where the ReadyForQuery of the first or the second Sync, or of both, end.
    pub(super) fn resync_after_copy(&mut self) {
        if !self.replies.has_sync() {
            return;
        }
        if !matches!(self.replies.copy, Copying::InEnded { .. }) {
            frontend::sync(&mut self.outbox);
        }
        // The name is empty: this cannot fail.
        if frontend::close_portal(&mut self.outbox, b"").is_ok() {
            frontend::sync(&mut self.outbox);
            self.replies.expect_resync();
        }
    }

    /// Goes on with what the handshake computes; messages of the server wait until that is done.
    pub(super) fn work(&mut self) -> Result<Option<Event>, Error> {
        let Phase::Starting(startup) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return Ok(None);
        };
        let progress = startup.work(&mut self.outbox).map_err(Error::Startup)?;
        self.started_up(progress)
    }

    fn startup_message(
        &mut self,
        tag: u8,
        start: usize,
        len: usize,
    ) -> Result<Option<Event>, Error> {
        let message = BackendMessage::decode(tag, self.inbox.slice(start, len))?;
        if let BackendMessage::NoticeResponse(diagnostic) = message {
            return Ok(Some(Event::Notice(diagnostic)));
        }
        let Phase::Starting(startup) = std::mem::replace(&mut self.phase, Phase::Over) else {
            return Ok(None);
        };
        let progress = startup
            .advance(message, &mut self.outbox)
            .map_err(Error::Startup)?;
        self.started_up(progress)
    }

    pub(super) fn started_up(&mut self, progress: Progress) -> Result<Option<Event>, Error> {
        Ok(match progress {
            Progress::Continue(next) => {
                let working = next.is_working();
                self.phase = Phase::Starting(Box::new(next));
                working.then_some(Event::Working)
            }
            Progress::Ready(session) => {
                self.phase = Phase::Open;
                self.replies.status = session.status;
                self.session.process_id = session.process_id;
                self.session.secret_key = session.secret_key;
                self.session.minor_version = session.minor_version;
                self.session.used_password = session.used_password;
                self.session.used_gssapi = session.used_gssapi;
                let parameters = Arc::make_mut(&mut self.session.parameters);
                for (name, value) in session.parameters {
                    let name = String::from_utf8_lossy(&name);
                    parameters.set(&name, &String::from_utf8_lossy(&value))?;
                }
                Some(Event::Started)
            }
        })
    }
}

impl Replies {
    /// Notes the DataRows that come next and have arrived whole, after checking them against their description.
    #[inline]
    pub(super) fn data_rows(&mut self, inbox: &mut Inbox) -> Result<(), ProtocolError> {
        let unread = inbox.unread();
        if unread.first() != Some(&b'D') {
            return Ok(());
        }
        let Some(width) = self.width_of_row() else {
            return Ok(());
        };
        let base = inbox.pos() + unread.len();
        let mut rest = unread;
        let mut checked = Ok(());
        while let Some((body, after)) = whole_data_row(rest) {
            checked = check_data_row(body, width);
            if checked.is_err() {
                break;
            }
            self.rows
                .push(base - after.len() - body.len(), body.len(), after.len());
            rest = after;
        }
        let taken = unread.len() - rest.len();
        inbox.consume(taken);
        checked.and_then(|()| self.check_limit())
    }

    /// Fails if there are more rows than were asked for: a page of a portal is bounded.
    fn check_limit(&self) -> Result<(), ProtocolError> {
        match self.limit() {
            Some(limit) if self.rows.count() > limit => Err(ProtocolError::refused(
                "the server sent more rows than it was asked for",
            )),
            _ => Ok(()),
        }
    }

    /// How many rows the result that is coming may have, if that is bounded.
    fn limit(&self) -> Option<usize> {
        match self.expected.front() {
            Some(Expected::Execute { limit, .. }) => limit.map(|limit| limit.get() as usize),
            _ => None,
        }
    }

    /// Whether as many rows have come as were asked for, so that the server may stop there.
    fn has_reached_limit(&self) -> bool {
        let incomplete = self.rows.is_incomplete();
        self.limit()
            .is_some_and(|limit| incomplete || self.rows.count() == limit)
    }

    /// The error for a DataRow that no description came for.
    #[cold]
    pub(super) fn unexpected_row(&self) -> ProtocolError {
        ProtocolError::unexpected("DataRow", self.expecting())
    }

    /// Whether a message of a COPY is kept like a row.
    #[inline]
    pub(super) fn keeps_copy_data(&self) -> bool {
        matches!(
            self.copy,
            Copying::OutKept | Copying::Following | Copying::FollowingEnded
        )
    }

    /// Keeps a message of a COPY like a row; of a two-way one only those that are no keepalive.
    #[inline]
    pub(super) fn copy_data(
        &mut self,
        start: usize,
        body: &[u8],
    ) -> Result<Option<Keepalive>, ProtocolError> {
        match self.copy {
            Copying::FollowingEnded => return Ok(None),
            Copying::Following => match replication::kind_of(body)? {
                Kind::Keepalive => return Keepalive::read(body).map(Some),
                Kind::Wal => {
                    let data = WalData::read(body)?;
                    self.followed.start = self.followed.start.max(data.start);
                    self.followed.end = self.followed.end.max(data.end_of_payload());
                }
            },
            _ => {}
        }
        self.rows.push(start, body.len(), 0);
        if self.copy == Copying::Following && self.rows.is_incomplete() {
            // Nothing of it may be missing, and nobody would be told.
            return Err(OutOfMemory { bytes: body.len() }.into());
        }
        Ok(None)
    }

    #[inline]
    pub(super) fn width_of_row(&mut self) -> Option<usize> {
        if self.width.is_none() {
            match self.expected.front()? {
                Expected::Execute {
                    columns: Asked::Known(Some(columns)),
                    ..
                } => self.width = Some(columns.len()),
                Expected::Execute {
                    columns: Asked::Described,
                    ..
                }
                | Expected::Query => self.width = Some(self.columns.as_ref()?.len()),
                _ => return None,
            }
        }
        self.width
    }

    /// The columns of the result that is coming, once known.
    pub(super) fn current_columns(&self) -> Option<Columns> {
        match self.expected.front() {
            Some(Expected::Execute {
                columns: Asked::Known(known),
                ..
            }) => known.clone(),
            _ => self.columns.clone(),
        }
    }

    /// Whether a Sync follows the request that is being answered.
    pub(super) fn has_sync(&self) -> bool {
        self.expected
            .iter()
            .any(|expected| matches!(expected, Expected::Sync))
    }

    fn expect_resync(&mut self) {
        let sync = self
            .expected
            .iter()
            .position(|expected| matches!(expected, Expected::Sync));
        if let Some(at) = sync {
            self.expected.insert(at, Expected::Resync);
        }
    }

    /// A statement failed. In the extended protocol the server now skips everything up to the next Sync.
    pub(super) fn failed(&mut self) {
        self.failed_unbound = matches!(
            self.expected.front(),
            Some(Expected::Parse { .. } | Expected::Bind)
        );
        self.reset_result();
        self.copy = Copying::No;
        self.rows.restart();
        if matches!(self.expected.front(), Some(Expected::Query)) {
            return;
        }
        while !matches!(
            self.expected.front(),
            None | Some(Expected::Sync | Expected::Resync)
        ) {
            self.expected.pop_front();
        }
        self.skipping = self.expected.is_empty();
    }

    fn reset_result(&mut self) {
        self.columns = None;
        self.width = None;
    }

    /// One of the messages that every request has, by the shortest way; `None` leaves it to [`Replies::answer`].
    #[inline]
    fn quick(&mut self, tag: u8, body: &[u8]) -> Option<Option<Event>> {
        let event = match (tag, body, self.expected.front()?) {
            (b'1', [], Expected::Parse { silent }) => (!silent).then_some(Event::Prepared),
            (b'2', [], Expected::Bind) => None,
            (b'Z', [status], Expected::Sync) => {
                let status = TransactionStatus::from_byte(*status)?;
                return Some(Some(self.ready(status)));
            }
            _ => return None,
        };
        self.expected.pop_front();
        Some(event)
    }

    /// The oldest request has been answered to its end.
    fn ready(&mut self, status: TransactionStatus) -> Event {
        self.expected.pop_front();
        self.reset_result();
        self.copy = Copying::No;
        self.status = status;
        Event::Ready(status)
    }

    /// One message that answers a request.
    pub(super) fn answer(
        &mut self,
        message: BackendMessage<'_>,
        parameters: &Arc<Parameters>,
    ) -> Result<Option<Event>, ProtocolError> {
        match (message, self.expected.front_mut()) {
            (BackendMessage::CloseComplete, Some(Expected::Close { silent })) => {
                let silent = *silent;
                self.expected.pop_front();
                Ok((!silent).then_some(Event::Closed))
            }
            (
                BackendMessage::ParameterDescription(oids),
                Some(Expected::DescribeStatement { .. }),
            ) => Ok(Some(Event::Parameters(oids))),
            (
                BackendMessage::NoData,
                Some(Expected::DescribePortal { .. } | Expected::DescribeStatement { .. }),
            ) => Ok(self.described(None)),
            (BackendMessage::ReadyForQuery(_), Some(Expected::Resync)) => Ok(None),
            (BackendMessage::CloseComplete, Some(Expected::Resync)) => {
                self.expected.pop_front();
                Ok(None)
            }
            // Rows without an end would be taken for those of the next result.
            (message @ BackendMessage::ReadyForQuery(_), Some(Expected::Query))
                if self.columns.is_some() || self.copy == Copying::Following =>
            {
                self.result(message, parameters)
            }
            (BackendMessage::ReadyForQuery(status), Some(Expected::Query)) => {
                Ok(Some(self.ready(status)))
            }
            (message, Some(Expected::Query | Expected::Execute { .. })) => {
                self.result(message, parameters)
            }
            (message, _) => Err(ProtocolError::unexpected(
                message_name(message.tag()),
                self.expecting(),
            )),
        }
    }

    /// The columns of a result or of a statement, from the body of their message.
    fn row_description(&mut self, body: &[u8]) -> Result<Option<Event>, ProtocolError> {
        if let Some(Expected::DescribeStatement { formats, .. }) = self.expected.front() {
            // It is described once: nothing is gained by keeping that.
            let mut fields = row_description(body)?;
            if *formats == Formats::AllBinary {
                for field in &mut fields {
                    field.format = Format::Binary;
                }
            }
            return Ok(self.described(Some(fields.into())));
        }
        let columns = self.last_description.read(body)?;
        match self.expected.front() {
            Some(Expected::DescribePortal { .. }) => Ok(self.described(Some(columns))),
            Some(Expected::Query) if self.columns.is_none() => {
                self.columns = Some(columns);
                self.width = None;
                Ok(None)
            }
            _ => Err(ProtocolError::unexpected(
                message_name(b'T'),
                self.expecting(),
            )),
        }
    }

    /// The answer to Describe: the columns, where there are any.
    fn described(&mut self, columns: Option<Columns>) -> Option<Event> {
        let tell = match self.expected.pop_front() {
            Some(Expected::DescribeStatement { tell, .. } | Expected::DescribePortal { tell }) => {
                tell
            }
            _ => false,
        };
        self.columns = columns;
        tell.then(|| Event::Described(self.columns.clone()))
    }

    /// A message within the result of a query or of an executed portal.
    fn result(
        &mut self,
        message: BackendMessage<'_>,
        parameters: &Arc<Parameters>,
    ) -> Result<Option<Event>, ProtocolError> {
        match message {
            BackendMessage::CommandComplete { tag } => {
                Ok(self.finish(tag, Ending::Complete, parameters))
            }
            BackendMessage::EmptyQueryResponse => Ok(self.finish(b"", Ending::Empty, parameters)),
            BackendMessage::PortalSuspended if self.has_reached_limit() => {
                Ok(self.finish(b"", Ending::Suspended, parameters))
            }
            BackendMessage::CopyInResponse(copy) if self.copy == Copying::No => {
                self.copy = Copying::In;
                Ok(Some(Event::CopyIn(copy)))
            }
            BackendMessage::CopyOutResponse(copy) if self.copy == Copying::No => {
                self.copy = Copying::Out;
                Ok(Some(Event::CopyOut(copy)))
            }
            BackendMessage::CopyBothResponse(copy) if self.copy == Copying::No => {
                self.copy = Copying::Both;
                Ok(Some(Event::CopyBoth(copy)))
            }
            BackendMessage::CopyData(data) if matches!(self.copy, Copying::Out | Copying::Both) => {
                Ok(Some(Event::CopyData(memory::copy(data)?)))
            }
            BackendMessage::CopyDone
                if matches!(self.copy, Copying::Out | Copying::OutKept | Copying::Both) =>
            {
                self.copy = Copying::No;
                Ok(Some(Event::CopyDone))
            }
            // A result of its own: another one may follow, which says where the log goes on.
            BackendMessage::CopyDone if self.copy == Copying::Following => {
                Ok(self.finish(b"", Ending::Suspended, parameters))
            }
            // A logical sender that was in the middle of a transaction ends that first.
            BackendMessage::CopyDone if self.copy == Copying::FollowingEnded => Ok(None),
            other => Err(ProtocolError::unexpected(
                message_name(other.tag()),
                self.expecting(),
            )),
        }
    }

    /// The end of one statement's result. Its rows are added by the connection.
    fn finish(
        &mut self,
        tag: &[u8],
        ending: Ending,
        parameters: &Arc<Parameters>,
    ) -> Option<Event> {
        let mut columns = self.columns.take();
        self.reset_result();
        self.copy = Copying::No;
        if let Some(Expected::Execute {
            silent,
            columns: asked,
            ..
        }) = self.expected.front_mut()
        {
            let silent = *silent;
            if let Asked::Known(known) = asked {
                columns = known.take();
            }
            self.expected.pop_front();
            if silent {
                return None;
            }
        }
        Some(Event::Result(QueryResult {
            columns,
            rows: super::RowSet::default(),
            parameters: Arc::clone(parameters),
            tag: tag.into(),
            ending,
            incomplete: false,
        }))
    }

    /// What the oldest request waits for, in words.
    fn expecting(&self) -> &'static str {
        match self.expected.front() {
            None => "nothing: no request is waiting for an answer",
            Some(Expected::Query) => "the results of a simple query",
            Some(Expected::Parse { .. }) => "ParseComplete",
            Some(Expected::Bind) => "BindComplete",
            Some(Expected::DescribePortal { .. }) => "RowDescription or NoData",
            Some(Expected::DescribeStatement { .. }) => "a statement's description",
            Some(Expected::Execute { .. }) => "the result of an executed portal",
            Some(Expected::Close { .. }) => "CloseComplete",
            Some(Expected::Resync) => "ReadyForQuery or CloseComplete",
            Some(Expected::Sync) => "ReadyForQuery",
        }
    }
}

fn is_fatal(diagnostic: &Diagnostic) -> bool {
    let severity = diagnostic
        .severity_nonlocalized()
        .or_else(|| diagnostic.severity());
    matches!(severity, Some(b"FATAL" | b"PANIC"))
}
