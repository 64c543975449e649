//! Replication streams: operations that each go on with the lease of the one before, as those of a COPY.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use howdah_net::standby;
use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::{ExchangeId, Outcome, StandbyOptions};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::{check, queue_command, take_copy_start};
use crate::core::Core;
use crate::core::copying::Phase;
use crate::errors;
use crate::replication::BaseReplication;
use crate::shell::{Job, Next};

/// One operation of a replication stream.
pub(crate) struct FollowJob {
    stream: Py<BaseReplication>,
    /// What the state was taken from, while this is at it.
    phase: Phase,
    work: Work,
    /// The exchange that asks how long the server waits.
    asking: Option<ExchangeId>,
}

/// What an operation of a replication stream does.
pub(crate) enum Work {
    /// Begin, with this command.
    Start(Vec<u8>, Interval),
    /// Wait for messages, until this time.
    Wait(Option<Instant>),
    /// Tell the server how far the client is; with `true` it is to answer.
    Tell(bool),
    /// End it.
    End,
}

/// When the server is told how far the client is, beside when it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Interval {
    /// As often as the server wants to hear.
    AsServer,
    Every(Duration),
    Never,
}

impl FollowJob {
    /// Takes the stream, if what is to be done can be.
    pub(crate) fn new(stream: &Bound<'_, BaseReplication>, work: Work) -> PyResult<Self> {
        let py = stream.py();
        let state = &stream.get().state;
        match &work {
            Work::Start(..) if stream.get().was_begun() => {
                return Err(errors::operational(py, "the stream has been started"));
            }
            Work::Start(..) | Work::End => {}
            Work::Wait(_) | Work::Tell(_) => state.check_readable(py)?,
        }
        Ok(Self {
            stream: stream.clone().unbind(),
            phase: state.take(),
            work,
            asking: None,
        })
    }

    fn stream(&self) -> &BaseReplication {
        self.stream.get()
    }

    fn id(&self) -> Option<ExchangeId> {
        match self.phase {
            Phase::Out(id) => Some(id),
            _ => None,
        }
    }

    fn begin(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if core.pipeline.is_on() {
            let text = "replication cannot be used in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        let speaks = core.with_session(py, |session| session.connection().speaks_replication())?;
        if !speaks {
            let text = "the connection was not opened for replication: its parameter 'replication' has to be \
                        'database' for logical, or 'true' for physical replication";
            return Err(errors::programming(py, text));
        }
        if let Work::Start(_, Interval::AsServer) = self.work {
            let id = queue_command(py, core, standby::ASK_TIMEOUT.as_bytes())?;
            self.asking = Some(id);
            return Ok(Next::Exchange(id));
        }
        self.queue(py, core)
    }

    fn queue(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Work::Start(sql, interval) = &self.work else {
            return Ok(Next::Rest);
        };
        let options = StandbyOptions {
            interval: match interval {
                Interval::Every(interval) => Some(*interval),
                Interval::AsServer => Some(standby::DEFAULT_INTERVAL),
                Interval::Never => None,
            },
            is_physical: self.stream().is_physical,
            clock: standby::clock(),
        };
        let queued = core.with_session(py, |session| session.replicate(sql, options))?;
        let id = queued.map_err(|error| errors::usage(py, &error))?;
        let stream = self.stream();
        stream.state.begin(sql);
        stream.set_exchange(id);
        self.phase = Phase::Out(id);
        Ok(Next::Rows(id))
    }

    /// The server has said how long it waits to hear from the client, if it could.
    fn asked(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: &Outcome) -> PyResult<Next> {
        self.asking = None;
        let rows = outcome.results.last().map(|result| &result.rows);
        let said = rows.and_then(|rows| rows.get(0)?.next()?);
        if let (Work::Start(_, interval), Some(said)) = (&mut self.work, said) {
            *interval = Interval::Every(standby::interval_within(said));
        }
        self.queue(py, core)
    }

    fn begun(&mut self, py: Python<'_>, core: &Arc<Core>, mut outcome: Outcome) -> PyResult<Next> {
        let Some(id) = self.id() else {
            return Ok(Next::Rest);
        };
        let ended = outcome.statements > 0;
        let Some(start) = take_copy_start(py, core, id, &mut outcome)? else {
            if !ended {
                return Ok(Next::Rows(id));
            }
            self.phase = Phase::GivenUp;
            check(py, core, &outcome, Some(&self.stream().state.sql()))?;
            let text = "the command has started no replication";
            return Err(errors::programming(py, text));
        };
        self.stream().state.note_start(start);
        if ended {
            self.finish(py, core, outcome);
        }
        Ok(self.done(py, core))
    }

    /// The end that the server has made: with what was left of the messages, or the error that comes behind them.
    fn finish(&mut self, py: Python<'_>, core: &Arc<Core>, mut outcome: Outcome) {
        let stream = self.stream();
        if let Err(error) = check(py, core, &outcome, Some(&stream.state.sql())) {
            let rows = outcome.unfinished.map(|unfinished| unfinished.rows);
            stream.state.keep(rows.unwrap_or_default());
            self.phase = Phase::Failed(error);
            return;
        }
        stream.note_end(&outcome.results);
        let was_ended =
            || core.with_session(py, |session| session.connection().has_ended_following());
        if !stream.is_physical && !stream.has_given() && was_ended().unwrap_or(false) {
            let text = "the server has ended the stream at once: it runs one stream of logical replication for each \
                        connection, and there was one before; open another connection";
            self.phase = Phase::Failed(errors::new(py, "NotSupportedError", text));
            return;
        }
        // Those of a server that shuts down have a tag.
        let messages = outcome.results.first_mut();
        let messages = messages.filter(|first| first.columns.is_none());
        let messages = messages.map(|first| std::mem::take(&mut first.rows));
        stream.state.keep(messages.unwrap_or_default());
        self.phase = Phase::Over;
    }

    /// Tells the server what is to be told, then waits if there is nothing to give.
    fn wait(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Some(id) = self.id() else {
            return self.give(py, core);
        };
        let sends = core.with_session(py, |session| {
            session.report(Instant::now());
            !session.outgoing().is_empty()
        })?;
        if sends {
            return Ok(Next::Feed(id));
        }
        self.give(py, core)
    }

    /// Says that there are messages, or waits for some.
    fn give(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Work::Wait(deadline) = self.work else {
            return Ok(self.done(py, core));
        };
        self.take_received(py, core)?;
        if self.stream().state.has_messages() {
            return Ok(self.done_with(py, core, true));
        }
        if let Phase::Out(id) = self.phase {
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(self.done_with(py, core, false));
            }
            return Ok(Next::RowsBy(id, deadline));
        }
        match std::mem::replace(&mut self.phase, Phase::GivenUp) {
            Phase::Failed(error) => Err(error),
            phase => {
                self.phase = phase;
                Ok(self.done_with(py, core, false))
            }
        }
    }

    /// Takes what the session has received, if nothing is left of what it had before.
    fn take_received(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<()> {
        if let Phase::Out(id) = self.phase
            && !self.stream().state.has_messages()
        {
            let (_, messages) = core.with_session(py, |session| session.take_rows(id))?;
            self.stream().state.keep(messages);
        }
        Ok(())
    }

    /// Gives the stream back.
    fn restore(&mut self, core: &Core) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        let running = matches!(phase, Phase::Out(_));
        core.streaming.store(running, Ordering::Relaxed);
        self.stream().state.set(phase);
    }

    fn done(&mut self, py: Python<'_>, core: &Arc<Core>) -> Next {
        self.restore(core);
        Next::Done(py.None())
    }

    fn done_with(&mut self, py: Python<'_>, core: &Arc<Core>, value: bool) -> Next {
        self.restore(core);
        Next::Done(
            pyo3::types::PyBool::new(py, value)
                .to_owned()
                .into_any()
                .unbind(),
        )
    }
}

impl Job for FollowJob {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.streaming.store(false, Ordering::Relaxed);
        if let Work::Start(..) = self.work {
            return self.begin(py, core);
        }
        core.check_open(py)?;
        let now = Instant::now();
        match (&self.work, self.id()) {
            (Work::Tell(wants_reply), Some(id)) => {
                let wants_reply = *wants_reply;
                core.with_session(py, |session| {
                    session.ask_for_status(id, wants_reply, now);
                })?;
                self.wait(py, core)
            }
            (Work::End, Some(id)) => {
                core.with_session(py, |session| session.end_following(id, now))?;
                Ok(Next::Exchange(id))
            }
            _ => self.wait(py, core),
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        if self.asking.is_some() {
            return self.asked(py, core, &outcome);
        }
        let ended = outcome.statements > 0;
        match &self.work {
            Work::Start(..) => self.begun(py, core, outcome),
            Work::End => {
                self.phase = Phase::Over;
                let is_cancel = |error: &howdah_protocol::wire::Diagnostic| {
                    error.sqlstate() == Some(QUERY_CANCELED)
                };
                if !outcome.error.as_ref().is_some_and(is_cancel) {
                    check(py, core, &outcome, Some(&self.stream().state.sql()))?;
                }
                self.stream().note_end(&outcome.results);
                Ok(self.done(py, core))
            }
            _ if ended => {
                self.finish(py, core, outcome);
                self.give(py, core)
            }
            _ => self.give(py, core),
        }
    }

    fn interrupted(&mut self, core: &Arc<Core>) {
        core.streaming.store(false, Ordering::Relaxed);
        let phase = std::mem::replace(&mut self.phase, Phase::GivenUp);
        drop(phase);
        self.stream().state.set(Phase::GivenUp);
    }

    fn refused(&mut self, _core: &Arc<Core>) {
        let phase = std::mem::replace(&mut self.phase, Phase::GivenUp);
        self.stream().state.set(phase);
    }

    fn has_lease(&self) -> bool {
        self.id().is_some() && !matches!(self.work, Work::Start(..))
    }

    fn keeps_lease(&self) -> bool {
        self.stream().state.is_running()
    }

    fn has_own_bound(&self) -> bool {
        matches!(self.work, Work::Wait(_) | Work::End)
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.stream)
    }

    fn name(&self) -> &'static str {
        match self.work {
            Work::Start(..) => "start_replication",
            Work::Wait(_) => "read",
            Work::Tell(_) => "send_feedback",
            Work::End => "close",
        }
    }
}

const QUERY_CANCELED: &[u8] = b"57014";

/// The timeline that comes next, and where it begins, if the server has told.
pub(crate) fn next_timeline(results: &[QueryResult]) -> Option<(u64, u64)> {
    let (timeline, start) = standby::next_timeline(results)?;
    let start = howdah_types::lsn::pg_lsn_from_text(start).ok()?;
    Some((timeline.into(), start))
}
