//! What a connection object, its cursors, its operations and its event loop share.
//!
//! Locks in here are held for moments, never across a callback into Python or a wait; with one exception: a blocking
//! exchange holds [`Core::io`] while it waits, detached from the interpreter. So only who has the [`Gate`] may lock it.

pub(crate) mod deliver;
pub(crate) mod facts;
pub(crate) mod gate;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use howdah_adapt::load::LastLoaders;
use howdah_adapt::lock;
use howdah_net::Socket;
use howdah_net::cancel::CancelTarget;
use howdah_net::drive::Lost;
use howdah_protocol::connection::{Error, Params};
use howdah_protocol::session::{Outcome, Session};
use pyo3::prelude::*;

use crate::errors;
use deliver::{Backlog, Handlers};
use facts::Facts;
use gate::Gate;

/// A session and its socket.
pub(crate) struct Io {
    pub(crate) session: Session,
    pub(crate) socket: Arc<Socket>,
}

/// Whether operations block or are awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sync,
    Async,
}

/// How new transactions are begun.
#[derive(Debug, Default, Clone)]
pub(crate) struct Settings {
    pub(crate) autocommit: bool,
    /// Name of the level, as in SQL.
    pub(crate) isolation_level: Option<&'static str>,
    pub(crate) read_only: Option<bool>,
    pub(crate) deferrable: Option<bool>,
}

/// The heart of a connection.
pub(crate) struct Core {
    pub(crate) kind: Kind,
    pub(crate) io: Mutex<Option<Io>>,
    /// The socket again, for whoever may not lock `io`.
    socket: Mutex<Option<Arc<Socket>>>,
    pub(crate) gate: Gate,
    pub(crate) facts: Facts,
    pub(crate) settings: Mutex<Settings>,
    begin: Mutex<Option<Arc<[u8]>>>,
    pub(crate) handlers: Mutex<Handlers>,
    pub(crate) backlog: Mutex<Backlog>,
    scratch: Mutex<Params>,
    pub(crate) last_loaders: LastLoaders,
    /// How many `transaction()` blocks are entered.
    pub(crate) transactions: AtomicU32,
    cancels: Cancels,
    /// Why the connection was lost while nobody waited: for the next operation to raise.
    reason: Mutex<Option<PyErr>>,
    fork_generation: u32,
    /// Prepared statement policy as the user set it: read at every execution.
    pub(crate) policy: Mutex<Policy>,
}

/// The user's wishes about prepared statements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) threshold: Option<u32>,
    pub(crate) max: Option<usize>,
}

/// How long a cancel request may take.
pub(crate) const CANCEL_TIME: Duration = Duration::from_secs(5);

/// When to ask again for a cancellation, and when to give up the connection.
///
/// A server ignores a request that arrives before it has read the statement, so one may not be enough.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    give_up: Instant,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self {
            give_up: Instant::now() + CANCEL_TIME * 2,
            pause: Duration::from_millis(250),
        }
    }

    /// Until when to wait before asking again; `None` when it is time to give up. Each pause is twice the last.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let next = (now + self.pause).min(self.give_up);
        self.pause *= 2;
        (now < self.give_up).then_some(next)
    }
}

impl Core {
    /// Takes over a session that has been started.
    pub(crate) fn new(kind: Kind, io: Io, facts: Facts) -> Self {
        let socket = Arc::clone(&io.socket);
        Self {
            kind,
            io: Mutex::new(Some(io)),
            socket: Mutex::new(Some(socket)),
            gate: Gate::default(),
            facts,
            settings: Mutex::default(),
            begin: Mutex::new(Some(b"BEGIN".as_slice().into())),
            handlers: Mutex::default(),
            backlog: Mutex::default(),
            scratch: Mutex::default(),
            last_loaders: LastLoaders::default(),
            transactions: AtomicU32::new(0),
            reason: Mutex::default(),
            cancels: Cancels::default(),
            fork_generation: FORKS.load(Ordering::Relaxed),
            policy: Mutex::new(Policy {
                threshold: Some(5),
                max: Some(100),
            }),
        }
    }

    /// Fails in a child of the process that opened the connection: locks and gate may be held by threads that it lacks.
    pub(crate) fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        if self.forked() {
            return Err(errors::operational(
                py,
                "the connection was opened by another process: a child cannot use what its parent opened",
            ));
        }
        Ok(())
    }

    /// Fails unless the connection can be used.
    pub(crate) fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        self.check_process(py)?;
        if self.facts.is_closed() {
            if let Some(reason) = lock(&self.reason).take() {
                return Err(reason);
            }
            return Err(errors::operational(py, "the connection is closed"));
        }
        Ok(())
    }

    /// Whether a `transaction()` block is entered.
    pub(crate) fn in_transaction_block(&self) -> bool {
        self.transactions.load(Ordering::Relaxed) > 0
    }

    /// Fails within a `transaction()` block, which ends the transaction by itself.
    pub(crate) fn check_no_transaction_block(&self, py: Python<'_>, method: &str) -> PyResult<()> {
        if self.in_transaction_block() {
            return Err(errors::programming(
                py,
                format!(
                    "{method}() cannot be used within a transaction() block, which does that itself at its end"
                ),
            ));
        }
        Ok(())
    }

    /// Whether this process is a child of the one that opened the connection.
    pub(crate) fn forked(&self) -> bool {
        self.fork_generation != FORKS.load(Ordering::Relaxed)
    }

    /// The socket, while the connection is open.
    pub(crate) fn socket(&self) -> Option<Arc<Socket>> {
        lock(&self.socket).clone()
    }

    /// The statement that begins a transaction, unless in autocommit.
    pub(crate) fn begin_statement(&self) -> Option<Arc<[u8]>> {
        lock(&self.begin).clone()
    }

    /// Changes how transactions are begun.
    pub(crate) fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = lock(&self.settings);
        change(&mut settings);
        *lock(&self.begin) = settings.begin().map(|sql| sql.into_bytes().into());
    }

    /// Runs `queue` on the session.
    ///
    /// The caller has the gate.
    pub(crate) fn with_session<T>(
        &self,
        py: Python<'_>,
        queue: impl FnOnce(&mut Session) -> T,
    ) -> PyResult<T> {
        self.check_open(py)?;
        let mut io = lock(&self.io);
        let io = io
            .as_mut()
            .ok_or_else(|| errors::operational(py, "the connection is closed"))?;
        Ok(queue(&mut io.session))
    }

    /// Lends the buffer that parameters are written into; give it back with [`Core::return_params`].
    pub(crate) fn borrow_params(&self) -> Params {
        std::mem::take(&mut *lock(&self.scratch))
    }

    pub(crate) fn return_params(&self, mut params: Params) {
        params.clear();
        *lock(&self.scratch) = params;
    }

    /// What the exchange that has just ended gave. Brings the facts up to date.
    pub(crate) fn take_outcome(&self) -> Outcome {
        let mut io = lock(&self.io);
        let Some(io) = io.as_mut() else {
            return Outcome::default();
        };
        self.facts.update(io.session.connection());
        io.session.take_outcome()
    }

    /// Keeps the reason why the connection was lost, where nobody waits who could be told.
    pub(crate) fn keep_reason(&self, reason: Option<PyErr>) {
        if let Some(reason) = reason {
            let old = lock(&self.reason).replace(reason);
            drop(old);
        }
    }

    /// Closes the connection because it cannot be used any more; gives the exception that says why.
    pub(crate) fn broken(&self, py: Python<'_>, lost: &Lost) -> PyErr {
        self.lose();
        let error = match lost {
            Lost::Session(error) => errors::lost(py, error, self.facts.encoding(py)),
            Lost::Io(error) => errors::operational(py, format!("consuming input failed: {error}")),
        };
        self.facts.set_error_message(error.value(py).to_string());
        error
    }

    /// Closes the connection at the user's wish, saying goodbye to the server if that does not have to wait.
    pub(crate) fn close(&self) {
        let reason = lock(&self.reason).take();
        drop(reason);
        if !self.forked()
            && !self.facts.is_closed()
            && let Ok(mut io) = self.io.try_lock()
            && let Some(io) = io.as_mut()
            && io.session.is_idle()
        {
            io.session.terminate();
            // The server also notices when the socket closes.
            let _ = io.socket.send_now(io.session.outgoing());
        }
        self.close_as(facts::Closed::ByUser);
    }

    /// Closes the connection because it cannot be used any more.
    pub(crate) fn lose(&self) {
        self.close_as(facts::Closed::Broken);
    }

    /// Closes the connection if the thread panics before the guard is dropped: where the session stands is not known then.
    pub(crate) fn lost_by_panic(&self) -> PanicGuard<'_> {
        PanicGuard(self)
    }

    fn close_as(&self, how: facts::Closed) {
        self.facts.close(how);
        // The descriptor of a lost connection stays until `close()`: whoever watches it is to see the end.
        let socket = match how {
            facts::Closed::ByUser => lock(&self.socket).take(),
            facts::Closed::Broken => self.socket(),
        };
        match self.io.try_lock() {
            Ok(mut io) => drop(io.take()),
            // Another thread waits for the server: it has to be woken.
            Err(_) => {
                if let (Some(socket), false) = (socket, self.forked()) {
                    socket.shut_down();
                }
            }
        }
    }

    /// Whether the server still owes an answer.
    pub(crate) fn is_unfinished(&self) -> bool {
        let io = lock(&self.io);
        io.as_ref().is_some_and(|io| !io.session.is_idle())
    }

    /// Brings the facts up to date with what came while nothing was asked.
    pub(crate) fn refresh_facts(&self) {
        if let Some(io) = lock(&self.io).as_ref() {
            self.facts.update(io.session.connection());
        }
    }

    /// What a cancel request needs, while there is something to cancel.
    fn cancel_target(&self) -> Option<&CancelTarget> {
        let wanted = !self.facts.is_closed() && !self.forked() && self.facts.is_busy();
        let started = self.facts.started().filter(|_| wanted)?;
        started.cancel.as_ref()
    }

    /// Begins a cancel request, if there is something to cancel: until [`Core::cancel_ends`] no other statement is sent.
    pub(crate) fn cancel_begins(&self) -> Option<&CancelTarget> {
        // Counted before looking whether something runs, as an exchange looks at the count after it has noted its end:
        // one of the two sees the other, and a late request does not hit the next statement.
        self.cancels.pending.fetch_add(1, Ordering::SeqCst);
        let target = self.cancel_target();
        if target.is_none() {
            self.cancel_ends();
        }
        target
    }

    /// The end of what [`Core::cancel_begins`] began.
    pub(crate) fn cancel_ends(&self) {
        let _guard = lock(&self.cancels.lock);
        self.cancels.pending.fetch_sub(1, Ordering::SeqCst);
        self.cancels.ended.notify_all();
    }

    /// Whether no cancel request is under way.
    pub(crate) fn no_cancel_pending(&self) -> bool {
        self.cancels.pending.load(Ordering::SeqCst) == 0
    }

    /// Waits until no cancel request is under way: each ends within [`CANCEL_TIME`]. Detached from the interpreter.
    pub(crate) fn wait_for_cancels(&self, py: Python<'_>) {
        if self.no_cancel_pending() {
            return;
        }
        py.detach(|| {
            let mut guard = lock(&self.cancels.lock);
            while !self.no_cancel_pending() {
                guard = self
                    .cancels
                    .ended
                    .wait(guard)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        });
    }
}

/// See [`Core::lost_by_panic`].
pub(crate) struct PanicGuard<'a>(&'a Core);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lose();
        }
    }
}

impl Settings {
    /// The statement that begins a transaction.
    fn begin(&self) -> Option<String> {
        if self.autocommit {
            return None;
        }
        let mut sql = String::from("BEGIN");
        if let Some(level) = self.isolation_level {
            sql.push_str(" ISOLATION LEVEL ");
            sql.push_str(level);
        }
        match self.read_only {
            Some(true) => sql.push_str(" READ ONLY"),
            Some(false) => sql.push_str(" READ WRITE"),
            None => {}
        }
        match self.deferrable {
            Some(true) => sql.push_str(" DEFERRABLE"),
            Some(false) => sql.push_str(" NOT DEFERRABLE"),
            None => {}
        }
        Some(sql)
    }
}

/// Cancel requests under way.
#[derive(Default)]
struct Cancels {
    pending: AtomicU32,
    lock: Mutex<()>,
    ended: std::sync::Condvar,
}

/// How often this process has been forked off: a child counts one more than its parent.
static FORKS: AtomicU32 = AtomicU32::new(0);
static FORK_HOOK: AtomicBool = AtomicBool::new(false);

/// To be called in a child, after a fork.
pub(crate) fn after_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Whether the caller is the first to ask, and so has to register [`after_fork`].
pub(crate) fn needs_fork_hook() -> bool {
    !FORK_HOOK.swap(true, Ordering::AcqRel)
}

/// The words for an end of the connection that came while something was waited for.
pub(crate) fn disconnected() -> Lost {
    Lost::Session(Error::Disconnected(None))
}
