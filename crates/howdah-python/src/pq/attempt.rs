//! Opening a connection without waiting, but for names, as libpq does it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use howdah_adapt::lock;
use howdah_net::cancel::deadline_after;
use howdah_net::drive::{self, Lost, Step, Until};
use howdah_net::platform::{AsFd, AsRawFd, RawFd};
use howdah_net::socket::Waited;
use howdah_net::{Action, ConnectError, Connector, Socket};
use howdah_protocol::connection::Error;
use howdah_protocol::conninfo::{ConninfoError, Encryption, Params};
use howdah_protocol::wire::Diagnostic;
use pyo3::prelude::*;

use super::conn::closed;
use super::numbers::{BAD, MADE, STARTED};
use crate::connect;
use crate::core::deliver::Message;
use crate::core::{Core, Flavor};
use crate::log;
use crate::shell::select::{wait_for, wait_slice};

/// A connection on its way.
pub(super) struct Attempt {
    connector: Connector,
    stage: Stage,
    /// What the last server that was reached has done.
    pub(super) answer: ServerAnswer,
}

enum Stage {
    /// A socket is being connected.
    Reaching(Socket),
    /// The handshake runs.
    Shaking(Arc<Core>),
    /// Every server has been tried.
    Over,
}

/// What is known of a server that did not let the session start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerAnswer {
    /// It was not reached.
    None,
    /// It cannot take connections at this time.
    NotNow,
    /// It has spoken.
    Some,
}

/// How far an attempt has come.
pub(super) enum Polled {
    /// It goes on when the socket can be read.
    Reading,
    /// It goes on when the socket can be written.
    Writing,
    Done(Arc<Core>),
    Failed,
}

impl Attempt {
    /// Begins with the first server.
    ///
    /// # Errors
    /// The options are wrong, or not supported. The outer error is what a signal's handler has raised.
    pub(super) fn begin(py: Python<'_>, params: &Params) -> PyResult<Result<Self, ConninfoError>> {
        let connector = match Connector::new(params) {
            Ok(connector) => connector,
            Err(error) => return Ok(Err(error)),
        };
        for warning in &connector.config().warnings {
            log::warning(py, warning);
        }
        let mut attempt = Self {
            connector,
            stage: Stage::Over,
            answer: ServerAnswer::None,
        };
        attempt.next_server(py)?;
        Ok(Ok(attempt))
    }

    /// The options, and why it failed.
    pub(super) fn report(&self) -> (Vec<(String, String)>, String) {
        let last = self.connector.failures().last();
        let message = last.map(|failure| failure.message.clone());
        let options = connect::effective(&self.connector);
        (options, message.unwrap_or_default())
    }

    /// The time for each server.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.connector.timeout()
    }

    /// The descriptor to wait for, which changes from server to server.
    pub(super) fn descriptor(&self) -> Option<RawFd> {
        match &self.stage {
            Stage::Reaching(socket) => Some(socket.as_fd().as_raw_fd()),
            Stage::Shaking(core) => core.socket().map(|socket| socket.as_fd().as_raw_fd()),
            Stage::Over => None,
        }
    }

    /// A number of `ConnStatus`.
    pub(super) fn status(&self) -> u8 {
        match &self.stage {
            Stage::Reaching(_) => STARTED,
            Stage::Shaking(_) => MADE,
            Stage::Over => BAD,
        }
    }

    /// Does what can be done without waiting; what the server says meanwhile goes to `beside`.
    pub(super) fn poll(&mut self, py: Python<'_>, beside: &mut Vec<Message>) -> PyResult<Polled> {
        loop {
            match &self.stage {
                Stage::Over => return Ok(Polled::Failed),
                Stage::Reaching(socket) => {
                    if socket.wait(false, true, Duration::ZERO)? == Waited::NotYet {
                        return Ok(Polled::Writing);
                    }
                    self.reached(py)?;
                }
                Stage::Shaking(core) => match shake(core, beside) {
                    Ok(Shaken::Reading) => match self.awaits_more_than_bytes(core) {
                        Some((socket, time)) => wait_for(py, &socket, (true, false), time)?,
                        None => return Ok(Polled::Reading),
                    },
                    Ok(Shaken::Writing) => return Ok(Polled::Writing),
                    Ok(Shaken::Done) => {
                        let core = Arc::clone(core);
                        return Ok(self.started(core));
                    }
                    Err(lost) => {
                        let others = core.other_encryptions(&lost);
                        core.close();
                        self.refused(py, &lost, others)?;
                    }
                },
            }
        }
    }

    /// Goes on until the connection stands or every server was tried, looking for signals.
    pub(super) fn wait(
        &mut self,
        py: Python<'_>,
        beside: &mut Vec<Message>,
    ) -> PyResult<Option<Arc<Core>>> {
        let mut server = self.descriptor();
        let mut deadline = self.deadline();
        loop {
            let write = match self.poll(py, beside)? {
                Polled::Done(core) => return Ok(Some(core)),
                Polled::Failed => return Ok(None),
                Polled::Reading => false,
                Polled::Writing => true,
            };
            if self.descriptor() != server {
                server = self.descriptor();
                deadline = self.deadline();
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.connector.unreachable(&ConnectError::TimedOut);
                self.next_server(py)?;
                deadline = self.deadline();
                continue;
            }
            match &self.stage {
                Stage::Reaching(socket) => wait_slice(py, socket, !write, write)?,
                Stage::Shaking(core) => {
                    let socket = core.socket().ok_or_else(|| closed(py))?;
                    wait_slice(py, &socket, !write, write)?;
                }
                Stage::Over => {}
            }
        }
    }

    /// For how long to wait where the socket alone does not tell when to go on: a token of GSSAPI is being made. libpq, too, waits for
    /// that in `PQconnectPoll`.
    fn awaits_more_than_bytes(&self, core: &Core) -> Option<(Arc<Socket>, Duration)> {
        let now = Instant::now();
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            return None;
        }
        let io = lock(&core.io);
        let io = io.as_ref()?;
        let due = io.session.poll_timeout()?;
        Some((Arc::clone(&io.socket), due.saturating_duration_since(now)))
    }

    fn deadline(&self) -> Option<Instant> {
        self.connector.deadline(self.timeout()?)
    }

    /// Goes to the next server, of which a name is resolved first.
    fn next_server(&mut self, py: Python<'_>) -> PyResult<()> {
        self.stage = Stage::Over;
        loop {
            let peer = match self.connector.next_action() {
                Action::GiveUp => return Ok(()),
                Action::Connect(peer) => peer,
                Action::Resolve { host, port } => {
                    let deadline = deadline_after(self.timeout().unwrap_or(Duration::MAX));
                    let resolved = connect::look_up(py, &host, port, deadline)?;
                    match resolved {
                        Ok(addresses) => self.connector.resolved(addresses),
                        Err(error) => self.connector.unreachable(&error),
                    }
                    continue;
                }
            };
            self.answer = ServerAnswer::None;
            match Socket::begin_connect(&peer, &self.connector.tcp_options()) {
                Ok(socket) => {
                    self.stage = Stage::Reaching(socket);
                    return Ok(());
                }
                Err(error) => self.connector.unreachable(&ConnectError::Io(error)),
            }
        }
    }

    /// The socket is connected, or cannot be.
    fn reached(&mut self, py: Python<'_>) -> PyResult<()> {
        let Stage::Reaching(socket) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Ok(());
        };
        if let Err(error) = socket.finish_connect() {
            self.connector.unreachable(&ConnectError::Io(error));
            return self.next_server(py);
        }
        if let Err(error) = self.connector.check_peer(&socket) {
            self.connector.unreachable(&error);
            return self.next_server(py);
        }
        drive::prepare(&socket)?;
        let core = connect::session(py, &self.connector, Flavor::Sync, socket)?;
        self.stage = Stage::Shaking(Arc::new(core));
        Ok(())
    }

    fn started(&mut self, core: Arc<Core>) -> Polled {
        self.stage = Stage::Over;
        let peer = self.connector.peer().cloned();
        if let (Some(io), Some(peer)) = (lock(&core.io).as_ref(), peer) {
            core.snapshot.start(&io.session, peer);
        }
        Polled::Done(core)
    }

    fn refused(
        &mut self,
        py: Python<'_>,
        lost: &Lost,
        others: &'static [Encryption],
    ) -> PyResult<()> {
        let said = |report: &Diagnostic| match report.sqlstate() {
            // cannot_connect_now
            Some(b"57P03") => ServerAnswer::NotNow,
            _ => ServerAnswer::Some,
        };
        match lost {
            Lost::Session(Error::Startup(error)) => {
                self.answer = error.diagnostic().map_or(ServerAnswer::Some, said);
                self.connector.refused(error, Some(error), others);
            }
            Lost::Session(error) => {
                if let Error::Disconnected(Some(report)) = error {
                    self.answer = said(report);
                }
                self.connector.refused(error, None, others);
            }
            Lost::Io(error) => self.connector.refused(&connect_failure(error), None, &[]),
        }
        self.next_server(py)
    }
}

fn connect_failure(error: &std::io::Error) -> String {
    format!("could not receive data from server: {error}")
}

/// How far a handshake has come.
enum Shaken {
    Reading,
    Writing,
    Done,
}

/// Moves a handshake on, without waiting.
fn shake(core: &Core, beside: &mut Vec<Message>) -> Result<Shaken, Lost> {
    let mut io = lock(&core.io);
    let Some(io) = io.as_mut() else {
        return Err(crate::core::disconnected());
    };
    loop {
        let handed_out = drive::hand_out(&mut io.session, Until::Idle, Instant::now());
        match handed_out.inspect_err(|_| drive::take_leave(&mut io.session, &io.socket))? {
            Some(Step::Done) => return Ok(Shaken::Done),
            Some(Step::Notice(notice)) => beside.push(Message::Notice(notice)),
            Some(_) => {}
            None => {
                if !drive::flush(&mut io.session, &io.socket)? {
                    return Ok(Shaken::Writing);
                }
                if !drive::try_receive(&mut io.session, &io.socket)? {
                    return Ok(Shaken::Reading);
                }
            }
        }
    }
}
