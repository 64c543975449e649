//! libpq's order of results, over the engine's events: what has been asked, and what has come of it.
//!
//! Nothing in here waits. Outside of pipeline mode one command runs, and [`Answer::End`] follows its results. In pipeline mode
//! an end follows the results of each command, but for synchronisation points, which stand alone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use howdah_adapt::Encoding;
use howdah_net::Link;
use howdah_protocol::connection::{Columns, Error, Event, QueryResult, RowSet};
use howdah_protocol::wire::Diagnostic;
use howdah_protocol::wire::backend::CopyResponse;

use super::body::{Body, Rows, Said, Segment, Statement, Status};
use crate::core::deliver::Message;

/// What a command was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A statement, or several by the simple protocol.
    Query,
    /// Preparing, describing, closing.
    Other,
    /// A synchronisation point of a pipeline.
    Sync,
}

/// How rows are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// All at once.
    Whole,
    /// One by one.
    Single,
    /// So many at a time.
    Chunks(usize),
}

/// A command whose results have not all come.
struct Command {
    kind: Kind,
    query: Option<Statement>,
    in_pipeline: bool,
    mode: Mode,
    /// Whether something has come of it.
    begun: bool,
    parameters: Arc<[u32]>,
}

/// The direction of a COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copying {
    In,
    Out,
    Both,
}

/// Something to be handed out.
pub(super) enum Answer {
    Result(Body),
    Copy(Copying, Body),
    End,
}

/// What a COPY from the server brings.
enum CopyItem {
    Data(Vec<u8>),
    Done,
}

/// What came of asking for COPY data.
pub(super) enum CopyStep {
    Data(Vec<u8>),
    Done,
    /// More has to be received.
    Wait,
    /// There is no COPY from the server.
    NoCopy,
}

/// The state of the commands of one connection.
#[derive(Default)]
pub(super) struct Machine {
    commands: VecDeque<Command>,
    ready: VecDeque<Answer>,
    /// The COPY that was handed out and has not ended.
    copy: Option<(Copying, Body)>,
    copied: VecDeque<CopyItem>,
    /// Rows that wait for others to make a chunk.
    held: Vec<Segment>,
    held_count: usize,
    pub(super) pipeline: bool,
    /// The error of a command of the pipeline was handed out, and its synchronisation point was not.
    aborted: bool,
    /// What is sent now will be skipped by the server, up to the next synchronisation point.
    skipping: bool,
    /// The last error.
    pub(super) said: Option<Said>,
    encoding: Option<Encoding>,
}

impl Machine {
    /// Whether nothing is asked, and all that came was handed out.
    pub(super) fn is_idle(&self) -> bool {
        self.commands.is_empty() && self.ready.is_empty() && self.copy.is_none()
    }

    /// Whether all results were handed out; what ends the last of them need not be.
    pub(super) fn is_collected(&self) -> bool {
        let ended = self
            .ready
            .iter()
            .all(|answer| matches!(answer, Answer::End));
        self.commands.is_empty() && ended && self.copy.is_none()
    }

    /// Whether the next result has not come whole.
    pub(super) fn is_busy(&self) -> bool {
        self.ready.is_empty() && self.copy.is_none() && !self.commands.is_empty()
    }

    /// Whether what is waited for has come: a result, or data of a COPY from the server.
    pub(super) fn has_come(&self) -> bool {
        match self.copying() {
            Some(Copying::Out | Copying::Both) => {
                !self.copied.is_empty() || self.commands.is_empty()
            }
            Some(Copying::In) => false,
            None => !self.is_busy(),
        }
    }

    /// Whether a command of the pipeline has failed, as far as results were looked at.
    pub(super) fn is_aborted(&self) -> bool {
        let next = self.ready.front();
        let fails = |answer: &Answer| matches!(answer, Answer::Result(body) if body.status == Status::FatalError);
        self.pipeline && (self.aborted || next.is_some_and(fails))
    }

    /// Enters or leaves pipeline mode, with nothing asked and all results handed out.
    pub(super) fn set_pipeline(&mut self, on: bool) {
        self.ready.clear();
        self.pipeline = on;
        self.aborted = false;
        self.skipping = false;
    }

    pub(super) fn copying(&self) -> Option<Copying> {
        self.copy.as_ref().map(|(copying, _)| *copying)
    }

    /// The Python name of the client encoding.
    pub(super) fn encoding(&self) -> &'static str {
        name_of(self.encoding.unwrap_or(Encoding::Utf8))
    }

    pub(super) fn set_encoding(&mut self, encoding: Encoding) {
        self.encoding = Some(encoding);
    }

    /// Notes a command that was queued. What the server will skip has its results at once.
    pub(super) fn sent(&mut self, kind: Kind, query: Option<Statement>) {
        self.said = None;
        if kind == Kind::Sync {
            self.skipping = false;
        } else if self.skipping {
            self.push_aborted();
            return;
        }
        self.commands.push_back(Command {
            kind,
            query,
            in_pipeline: self.pipeline,
            mode: Mode::Whole,
            begun: false,
            parameters: Arc::default(),
        });
    }

    /// Sets how the rows of the command are handed out whose results come next; `false` if that cannot be chosen any more.
    pub(super) fn set_mode(&mut self, mode: Mode) -> bool {
        if !self.ready.is_empty() || self.copy.is_some() {
            return false;
        }
        match self.commands.front_mut() {
            Some(command) if command.kind == Kind::Query && !command.begun => {
                command.mode = mode;
                true
            }
            _ => false,
        }
    }

    /// The next result, if it has come; a COPY that is under way comes again and again.
    pub(super) fn next(&mut self) -> Option<Answer> {
        if let Some((copying, body)) = &self.copy {
            return Some(Answer::Copy(*copying, body.clone()));
        }
        let answer = self.ready.pop_front()?;
        match &answer {
            Answer::Result(body) if body.status == Status::PipelineSync => self.aborted = false,
            Answer::Result(body) if self.pipeline && body.status == Status::FatalError => {
                self.aborted = true;
            }
            _ => {}
        }
        if let Answer::Copy(copying, body) = &answer {
            self.copy = Some((*copying, body.clone()));
        }
        Some(answer)
    }

    /// What has come of a COPY from the server.
    pub(super) fn next_copied(&mut self) -> CopyStep {
        if !matches!(self.copying(), Some(Copying::Out | Copying::Both)) {
            return CopyStep::NoCopy;
        }
        match self.copied.pop_front() {
            Some(CopyItem::Data(data)) => CopyStep::Data(data),
            Some(CopyItem::Done) => {
                self.end_copy();
                CopyStep::Done
            }
            None if self.commands.is_empty() => {
                self.end_copy();
                CopyStep::Done
            }
            None => CopyStep::Wait,
        }
    }

    /// Notes that all data of a COPY to the server was given.
    pub(super) fn end_copy(&mut self) {
        self.copy = None;
        self.copied.clear();
    }

    /// Moves on with what was received; what came beside results goes to `beside`.
    ///
    /// # Errors
    /// The connection is lost: see [`Machine::lost`].
    pub(super) fn advance(
        &mut self,
        session: &mut Link,
        beside: &mut Vec<Message>,
    ) -> Result<(), Error> {
        while let Some(event) = session.raw().poll()? {
            match event {
                Event::Notice(notice) => beside.push(Message::Notice(notice)),
                Event::Notification(notification) => {
                    beside.push(Message::Notification(notification));
                }
                Event::Result(result) => {
                    session.note_command(&result.tag);
                    self.on_result(result);
                }
                Event::Failed(report) => {
                    let unfinished = session.raw().take_unfinished();
                    self.on_failure(report, unfinished);
                }
                Event::ParameterStatus { name, value } if name == "client_encoding" => {
                    self.encoding = Some(Encoding::from_postgres(&value));
                }
                other => self.on_event(other),
            }
        }
        let in_pieces = self.commands.front().is_some_and(|c| c.mode != Mode::Whole);
        if in_pieces && session.raw().has_rows() {
            let (columns, rows) = session.raw().take_rows();
            self.hand_out_rows(columns.as_ref(), rows);
        }
        // There is no exchange that this could move; it tells whether the encryption has ended.
        session.advance(Instant::now()).map(drop)
    }

    /// The connection was lost: what was asked has failed, for this reason.
    pub(super) fn lost(&mut self, said: Said) {
        let interrupted = !self.commands.is_empty();
        self.commands.clear();
        self.copied.clear();
        self.held.clear();
        self.held_count = 0;
        self.copy = None;
        if interrupted {
            let mut body = Body::empty(Status::FatalError, self.encoding());
            body.said = Some(said.clone());
            self.ready.push_back(Answer::Result(body));
            self.ready.push_back(Answer::End);
        }
        self.said = Some(said);
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Prepared | Event::Closed => self.done(None),
            Event::Described(columns) => self.done(columns),
            Event::Parameters(oids) => {
                if let Some(command) = self.commands.front_mut() {
                    command.parameters = oids.into();
                }
            }
            Event::Ready(_) => self.on_ready(),
            Event::CopyIn(copy) => self.on_copy(Copying::In, Status::CopyIn, copy),
            Event::CopyOut(copy) => self.on_copy(Copying::Out, Status::CopyOut, copy),
            Event::CopyBoth(copy) => self.on_copy(Copying::Both, Status::CopyBoth, copy),
            Event::CopyData(data) => self.copied.push_back(CopyItem::Data(data)),
            Event::CopyDone => self.copied.push_back(CopyItem::Done),
            _ => {}
        }
    }

    fn on_result(&mut self, result: QueryResult) {
        let mode = self.begin_result();
        if mode == Mode::Whole || result.columns.is_none() {
            let body = Body::of_result(Arc::new(result), self.encoding());
            self.ready.push_back(Answer::Result(body));
        } else {
            self.hand_out_rows(result.columns.as_ref(), result.rows);
            self.hand_out_held(result.columns.as_ref());
            let mut last = Body::empty(Status::TuplesOk, self.encoding());
            last.columns = result.columns;
            last.tag = Some(result.tag);
            self.ready.push_back(Answer::Result(last));
        }
        self.finish();
    }

    /// Notes that something has come of the oldest command; gives the mode of its rows.
    fn begin_result(&mut self) -> Mode {
        let command = self.commands.front_mut();
        command.map_or(Mode::Whole, |command| {
            command.begun = true;
            command.mode
        })
    }

    /// A command that is no statement was done.
    fn done(&mut self, columns: Option<Columns>) {
        let mut body = Body::empty(Status::CommandOk, self.encoding());
        body.columns = columns;
        if let Some(command) = self.commands.front_mut() {
            command.begun = true;
            body.parameters = std::mem::take(&mut command.parameters);
        }
        self.ready.push_back(Answer::Result(body));
        self.finish();
    }

    fn on_copy(&mut self, copying: Copying, status: Status, copy: CopyResponse) {
        self.begin_result();
        let mut body = Body::empty(status, self.encoding());
        body.copy = Some(copy);
        self.ready.push_back(Answer::Copy(copying, body));
    }

    fn on_failure(&mut self, report: Diagnostic, unfinished: Option<QueryResult>) {
        if self.begin_result() != Mode::Whole
            && let Some(unfinished) = unfinished
        {
            self.hand_out_rows(unfinished.columns.as_ref(), unfinished.rows);
            self.hand_out_held(unfinished.columns.as_ref());
        }
        self.held.clear();
        self.held_count = 0;
        match self.copying() {
            Some(Copying::In) => self.end_copy(),
            Some(_) => self.copied.push_back(CopyItem::Done),
            // It has failed before it was handed out: so will whoever gives it data.
            None => self
                .ready
                .retain(|a| !matches!(a, Answer::Copy(Copying::In, _))),
        }
        let query = self.commands.front().and_then(|c| c.query.clone());
        let said = Said::Server(Arc::new(report), query);
        self.said = Some(said.clone());
        let body = Body::of_error(said, self.encoding());
        self.ready.push_back(Answer::Result(body));
        let in_pipeline = self.commands.front().is_some_and(|c| c.in_pipeline);
        if in_pipeline {
            self.finish();
            self.abort();
        }
    }

    /// What follows in the pipeline is skipped by the server, up to the next synchronisation point.
    fn abort(&mut self) {
        while let Some(command) = self.commands.front() {
            if command.kind == Kind::Sync {
                return;
            }
            self.commands.pop_front();
            self.push_aborted();
        }
        self.skipping = true;
    }

    fn push_aborted(&mut self) {
        let body = Body::empty(Status::PipelineAborted, self.encoding());
        self.ready.push_back(Answer::Result(body));
        self.ready.push_back(Answer::End);
    }

    /// In a pipeline a command is over with its result, otherwise when the server is ready.
    fn finish(&mut self) {
        if self.commands.front().is_some_and(|c| c.in_pipeline) {
            self.commands.pop_front();
            self.ready.push_back(Answer::End);
        }
    }

    fn on_ready(&mut self) {
        match self.commands.pop_front() {
            Some(command) if command.kind == Kind::Sync => {
                let body = Body::empty(Status::PipelineSync, self.encoding());
                self.ready.push_back(Answer::Result(body));
            }
            _ => self.ready.push_back(Answer::End),
        }
    }

    fn hand_out_rows(&mut self, columns: Option<&Columns>, rows: RowSet) {
        let count = rows.len();
        let rows = Arc::new(rows);
        let mut start = 0;
        let size = match self.begin_result() {
            Mode::Chunks(size) => size.max(1),
            _ => 1,
        };
        while start < count {
            let taken = (count - start).min(size - self.held_count);
            self.held.push(Segment {
                rows: Rows::Set(Arc::clone(&rows)),
                start,
                count: taken,
            });
            self.held_count += taken;
            start += taken;
            if self.held_count == size {
                self.hand_out_held(columns);
            }
        }
    }

    fn hand_out_held(&mut self, columns: Option<&Columns>) {
        if self.held_count == 0 {
            return;
        }
        let status = match self.commands.front().map(|c| c.mode) {
            Some(Mode::Chunks(_)) => Status::TuplesChunk,
            _ => Status::SingleTuple,
        };
        let mut body = Body::empty(status, self.encoding());
        body.columns = columns.cloned();
        body.segments = std::mem::take(&mut self.held);
        self.held_count = 0;
        self.ready.push_back(Answer::Result(body));
    }
}

/// Python's name of an encoding, UTF-8 where it has none.
fn name_of(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 | Encoding::Unavailable(_) => "utf-8",
        Encoding::SqlAscii => "ascii",
        Encoding::Python(name) => name,
    }
}
