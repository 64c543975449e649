//! Moving a connection on: without waiting, as code that drives it by itself wants, or until a result has come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use howdah_adapt::lock;
use howdah_net::drive::{self, Lost};
use howdah_net::socket::SLICE;
use howdah_protocol::connection::{Connection, Error, Params};
use howdah_protocol::error::UsageError;
use howdah_protocol::wire::Format;
use pyo3::prelude::*;

use super::body::{Body, Said, Statement, Status};
use super::conn::{PgConn, closed};
use super::lease;
use super::machine::{Answer, CopyStep, Copying, Kind, Mode};
use super::result::PgResult;
use crate::core::Core;
use crate::core::deliver::Message;
use crate::errors;
use crate::shell::blocking;
use crate::shell::select::wait_slice;

/// What a non-blocking connection keeps of COPY data that the server does not take, in bytes.
const MOST_OUTGOING: usize = 1024 * 1024;

impl PgConn {
    /// The connection, for a command; `what` cannot be done without one.
    pub(super) fn usable(&self, py: Python<'_>, what: &str) -> PyResult<Arc<Core>> {
        let core = self.core(py)?;
        match core.filter(|core| !core.snapshot.is_closed()) {
            Some(core) => core.check_process(py).map(|()| core),
            None if self.is_closed() => Err(closed(py)),
            None => {
                let text = format!("{what} failed: no connection to the server");
                Err(errors::operational(py, text))
            }
        }
    }

    /// Queues a command: `ask` makes the requests, but for the Sync that ends it outside of pipeline mode.
    pub(super) fn send(
        &self,
        py: Python<'_>,
        what: &str,
        kind: Kind,
        query: Option<Statement>,
        ask: impl FnOnce(&mut Connection) -> Result<Synced, UsageError>,
    ) -> PyResult<()> {
        let core = self.usable(py, what)?;
        {
            let machine = lock(&self.machine);
            let refused = if machine.copying().is_some() {
                Some("cannot queue commands during COPY")
            } else if !machine.pipeline && !machine.is_idle() {
                Some("another command is already in progress")
            } else {
                None
            };
            drop(machine);
            if let Some(why) = refused {
                return Err(errors::operational(py, format!("{what} failed: {why}")));
            }
        }
        self.take_turn(py, &core)?;
        self.note_time(py)?;
        let asked = {
            let mut machine = lock(&self.machine);
            let mut io = lock(&core.io);
            let asked = io.as_mut().map(|io| {
                self.asking(io.session.raw(), |connection| {
                    let mark = connection.mark();
                    let asked = ask(connection);
                    match &asked {
                        Ok(Synced::No) if !machine.pipeline => connection.sync(),
                        Ok(_) => {}
                        Err(_) => connection.forget_since(mark),
                    }
                    asked
                })
            });
            drop(io);
            if let Some(Ok(_)) = asked {
                machine.sent(kind, query);
            }
            asked
        };
        match asked {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                self.settle(py, &core)?;
                return Err(errors::usage(py, &error));
            }
            None => return Err(errors::closed(py)),
        }
        core.note_busy();
        // As in libpq, what the kernel takes goes at once; the rest goes with `flush()`.
        self.turn(py, &core, false).map(drop)
    }

    /// The next result, waiting for it; `None` at the end of a command's, or if nothing is asked.
    pub(super) fn wait_result(&self, py: Python<'_>) -> PyResult<Option<Body>> {
        loop {
            let answer = lock(&self.machine).next();
            let core = self.core(py)?;
            match answer {
                Some(Answer::Result(body) | Answer::Copy(_, body)) => return Ok(Some(body)),
                Some(Answer::End) => {
                    if let Some(core) = core {
                        self.settle(py, &core)?;
                    }
                    return Ok(None);
                }
                None => {}
            }
            let Some(core) = core.filter(|_| lock(&self.machine).is_busy()) else {
                return Ok(None);
            };
            match self.wait(py, &core) {
                // That it was lost is what came of the command.
                Err(_) if core.snapshot.is_closed() => {}
                waited => waited?,
            }
        }
    }

    /// Runs a command that was sent, to its end or to a COPY: its last result.
    pub(super) fn run(&self, py: Python<'_>) -> PyResult<PgResult> {
        let mut last = None;
        loop {
            match self.wait_result(py) {
                Ok(Some(body)) => {
                    let copies = body.copy.is_some();
                    last = Some(body);
                    if copies {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.abandon(py);
                    return Err(error);
                }
            }
        }
        let last = last.unwrap_or_else(|| {
            let machine = lock(&self.machine);
            let mut body = Body::empty(Status::FatalError, machine.encoding());
            body.said.clone_from(&machine.said);
            body
        });
        Ok(PgResult::new(last))
    }

    /// Throws away what is left of the last command, before another one is run.
    pub(super) fn discard(&self, py: Python<'_>) -> PyResult<()> {
        if lock(&self.machine).pipeline {
            let text = "synchronous command execution functions are not allowed in pipeline mode";
            return Err(errors::operational(py, text));
        }
        while !lock(&self.machine).is_idle() {
            let copying = lock(&self.machine).copying();
            match copying {
                Some(Copying::In | Copying::Both) => {
                    self.end_copy(py, Some(b"COPY terminated by new query"))?;
                }
                Some(Copying::Out) => drop(self.copied(py, true)?),
                None => drop(self.wait_result(py)?),
            }
        }
        Ok(())
    }

    /// The next data of a COPY from the server.
    pub(super) fn copied(&self, py: Python<'_>, wait: bool) -> PyResult<CopyStep> {
        loop {
            let step = lock(&self.machine).next_copied();
            if !matches!(step, CopyStep::Wait) {
                return Ok(step);
            }
            let core = self.usable(py, "getting copy data")?;
            if wait {
                self.wait(py, &core)?;
            } else {
                return Ok(step);
            }
        }
    }

    /// Gives data to a COPY to the server; `false` if that has to be tried again once the socket can be written.
    pub(super) fn give_copied(&self, py: Python<'_>, data: &[u8]) -> PyResult<bool> {
        let core = self.copying_in(py, "sending copy data")?;
        let nonblocking = self.nonblocking.load(Ordering::Relaxed);
        if nonblocking {
            let sent = self.turn(py, &core, false)?;
            if !sent && outgoing(&core) > MOST_OUTGOING {
                return Ok(false);
            }
        }
        let given = self.with_connection(&core, |connection| connection.copy_data(data));
        given
            .transpose()
            .map_err(|error| errors::usage(py, &error))?;
        if nonblocking {
            self.turn(py, &core, false)?;
        } else {
            self.flush_all(py, &core)?;
        }
        Ok(true)
    }

    /// Ends a COPY to the server, well or for a reason.
    pub(super) fn end_copy(&self, py: Python<'_>, reason: Option<&[u8]>) -> PyResult<()> {
        let core = self.copying_in(py, "sending copy end")?;
        let ended = self.with_connection(&core, |connection| match reason {
            Some(reason) => connection.copy_fail(reason),
            None => {
                connection.copy_done();
                Ok(())
            }
        });
        ended
            .transpose()
            .map_err(|error| errors::usage(py, &error))?;
        lock(&self.machine).end_copy();
        if self.nonblocking.load(Ordering::Relaxed) {
            self.turn(py, &core, false).map(drop)
        } else {
            self.flush_all(py, &core)
        }
    }

    fn copying_in(&self, py: Python<'_>, what: &str) -> PyResult<Arc<Core>> {
        let copying = lock(&self.machine).copying();
        match copying {
            Some(Copying::In | Copying::Both) => self.usable(py, what),
            _ => {
                let text = format!("{what} failed: no COPY in progress");
                Err(errors::operational(py, text))
            }
        }
    }

    /// Sends all that is outgoing, waiting as long as the server does not take it.
    pub(super) fn flush_all(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<()> {
        while !self.turn(py, core, false)? {
            self.wait(py, core)?;
        }
        Ok(())
    }

    /// Sends what goes, and receives what has come, without waiting; tells whether all has been sent.
    pub(super) fn turn(&self, py: Python<'_>, core: &Arc<Core>, read: bool) -> PyResult<bool> {
        self.note_time(py)?;
        let mut beside = Vec::new();
        let moved = self.move_on(core, read, &mut beside);
        self.deliver(py, core, beside)?;
        match moved {
            Ok(sent) => Ok(sent),
            Err(lost) => Err(self.lose(py, core, &lost)),
        }
    }

    fn move_on(
        &self,
        core: &Arc<Core>,
        read: bool,
        beside: &mut Vec<Message>,
    ) -> Result<bool, Lost> {
        let mut machine = lock(&self.machine);
        let mut io = lock(&core.io);
        let Some(io) = io.as_mut() else {
            return Err(crate::core::disconnected());
        };
        let sent = drive::flush(&mut io.session, &io.socket)?;
        if read {
            let received = drive::try_receive(&mut io.session, &io.socket);
            self.trace_received(io.session.connection());
            // What had come before the end still counts.
            let advanced = machine.advance(&mut io.session, beside);
            received?;
            advanced?;
        }
        Ok(sent)
    }

    /// Waits until the socket can be read, or written where something is outgoing, and goes on.
    fn wait(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<()> {
        // What has come already is not to be waited for.
        let sent = self.turn(py, core, true)?;
        let machine = lock(&self.machine);
        let come = machine.has_come();
        drop(machine);
        if come {
            return Ok(());
        }
        let Some(socket) = core.socket() else {
            return Err(errors::closed(py));
        };
        wait_slice(py, &socket, true, !sent)
    }

    /// Gives up a command that was interrupted: the server is asked to cancel it, and what it answers is thrown away. If that
    /// takes too long the connection is lost.
    pub(super) fn abandon(&self, py: Python<'_>) {
        let Ok(Some(core)) = self.core(py) else {
            return;
        };
        let deadline = core.cancel_deadline();
        // It may still end by itself.
        let _ = blocking::cancel(py, &core, deadline);
        while !core.snapshot.is_closed() && !lock(&self.machine).is_idle() {
            if Instant::now() >= deadline {
                let error = Error::Unresponsive(core.cancel_gate().timeout());
                drop(self.lose(py, &core, &Lost::Session(error)));
                break;
            }
            let copying = lock(&self.machine).copying();
            match copying {
                Some(Copying::In | Copying::Both) => {
                    drop(self.end_copy(py, Some(b"interrupted")));
                }
                _ => lock(&self.machine).end_copy(),
            }
            if lock(&self.machine).next().is_some() {
                continue;
            }
            let moved = self.turn(py, &core, true);
            if moved.is_ok()
                && lock(&self.machine).is_busy()
                && let Some(socket) = core.socket()
            {
                // A failed wait shows in the next turn.
                let _ = py.detach(|| socket.wait(true, false, SLICE));
            }
        }
        drop(self.settle(py, &core));
    }

    /// The connection is lost.
    pub(super) fn lose(&self, py: Python<'_>, core: &Arc<Core>, lost: &Lost) -> PyErr {
        let said = match lost {
            Lost::Session(Error::Disconnected(Some(report))) => {
                Said::Server(Arc::new(report.clone()), None)
            }
            Lost::Session(error) => Said::text(&error.to_string()),
            Lost::Io(error) => Said::text(&format!("could not receive data from server: {error}")),
        };
        lock(&self.machine).lost(said);
        let error = core.broken(py, lost);
        core.snapshot.leave_error_to_pgconn();
        if let Err(failed) = self.settle(py, core) {
            failed.write_unraisable(py, None);
        }
        error
    }

    /// Makes the connection this object's, for a command or a look at what has come.
    pub(super) fn take_turn(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<()> {
        let taken = self.is_leased.load(Ordering::Acquire);
        if !taken && self.is_shared() {
            lease::take(py, core, self.channel.as_ref())?;
            self.is_leased.store(true, Ordering::Release);
        }
        let encoding = core.snapshot.settings().encoding;
        lock(&self.machine).set_encoding(encoding);
        Ok(())
    }

    /// Gives it back, if nothing is asked and all was handed out.
    pub(super) fn settle(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<()> {
        let machine = lock(&self.machine);
        let over = core.snapshot.is_closed() || (machine.is_idle() && !machine.pipeline);
        drop(machine);
        core.refresh_snapshot();
        if !over {
            return Ok(());
        }
        if self.is_leased.swap(false, Ordering::AcqRel) {
            return lease::give_back(py, core, self.channel.as_ref());
        }
        if !self.is_shared() {
            core.note_rest();
        }
        Ok(())
    }
}

/// Whether a command has been ended by a request of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Synced {
    /// It is a simple query, or a synchronisation point.
    Yes,
    /// A Sync is still to be sent, outside of pipeline mode.
    No,
}

/// How many bytes the kernel has not taken.
pub(super) fn outgoing(core: &Core) -> usize {
    let io = lock(&core.io);
    io.as_ref().map_or(0, |io| io.session.unsent())
}

impl PgConn {
    /// Sets how the rows of the command come whose results are next.
    pub(super) fn choose_mode(&self, py: Python<'_>, mode: Mode, what: &str) -> PyResult<()> {
        if lock(&self.machine).set_mode(mode) {
            return Ok(());
        }
        Err(errors::operational(py, format!("setting {what} failed")))
    }
}

impl PgConn {
    pub(super) fn ask_query(&self, py: Python<'_>, what: &str, command: Vec<u8>) -> PyResult<()> {
        let command = Arc::new(command);
        let query = Some(Arc::clone(&command));
        self.send(py, what, Kind::Query, query, |connection| {
            connection.query(&command)?;
            Ok(Synced::Yes)
        })
    }

    /// Runs a command, or several: the last result.
    pub(super) fn execute(&self, py: Python<'_>, command: Vec<u8>) -> PyResult<PgResult> {
        self.discard(py)?;
        self.ask_query(py, "executing query", command)?;
        self.run(py)
    }

    pub(super) fn ask_params(
        &self,
        py: Python<'_>,
        what: &str,
        command: Vec<u8>,
        values: &Params,
        format: Format,
    ) -> PyResult<()> {
        let command = Arc::new(command);
        let query = Some(Arc::clone(&command));
        self.send(py, what, Kind::Query, query, |connection| {
            // As libpq: types are sent where any is given.
            let is_given = values.oids.iter().any(|oid| *oid != 0);
            let types = if is_given {
                values.oids.as_slice()
            } else {
                &[]
            };
            connection.parse(b"", &command, types, true)?;
            connection.bind(b"", values, &[format])?;
            connection.describe_portal()?;
            connection.execute(0, false)?;
            Ok(Synced::No)
        })
    }

    pub(super) fn ask_named(
        &self,
        py: Python<'_>,
        what: &str,
        name: &[u8],
        ask: impl FnOnce(&mut Connection, &[u8]) -> Result<(), UsageError>,
    ) -> PyResult<()> {
        self.send(py, what, Kind::Other, None, |connection| {
            ask(connection, name).map(|()| Synced::No)
        })
    }
}
