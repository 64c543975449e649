//! What a connection object, its cursors, its operations and its event loop share.
//!
//! Locks in here are held for moments, never across a callback into Python or a wait; with one exception: a blocking
//! exchange holds [`Core::io`] while it waits, detached from the interpreter. So only who has the [`Gate`] may lock it.

pub(crate) mod cancel;
pub(crate) mod copying;
pub(crate) mod deliver;
pub(crate) mod descriptors;
pub(crate) mod gate;
pub(crate) mod limit;
pub(crate) mod pipeline;
pub(crate) mod snapshot;
pub(crate) mod watched;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use howdah_adapt::load::LastLoaders;
use howdah_adapt::lock;
use howdah_net::drive::Lost;
use howdah_net::{Link, Socket};
use howdah_protocol::connection::{Ending, Error, Params, QueryResult};
use howdah_protocol::conninfo::Encryption;
use howdah_protocol::session::{Block, Characteristics, ExchangeId, Outcome, Session, TwoPhase};
use howdah_protocol::startup::StartupError;
use howdah_protocol::wire::Diagnostic;
use pyo3::prelude::*;

use crate::errors;
use crate::hooks::{Hooks, Place, Span, Subject};
use cancel::Cancels;
use deliver::{Handlers, Limits};
use descriptors::Descriptors;
use gate::Gate;
use limit::Timeout;
use pipeline::Pipeline;
use snapshot::SessionSnapshot;

/// A session and its socket.
pub(crate) struct Io {
    pub(crate) session: Link,
    pub(crate) socket: Arc<Socket>,
}

/// Whether operations block or are awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    Sync,
    Async,
}

/// The heart of a connection.
pub(crate) struct Core {
    pub(crate) flavor: Flavor,
    pub(crate) io: Mutex<Option<Io>>,
    /// The socket again, for whoever may not lock `io`.
    socket: Mutex<Option<Arc<Socket>>>,
    pub(crate) gate: Gate,
    pub(crate) snapshot: SessionSnapshot,
    pub(crate) pipeline: Pipeline,
    /// How new transactions are begun: the session's, for readers that may not touch the session.
    characteristics: Mutex<Characteristics>,
    pub(crate) handlers: Mutex<Handlers>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) hooks: Arc<Hooks>,
    place: OnceLock<Arc<Place>>,
    /// Whether statements of several tasks are sent without waiting for each other.
    pub(crate) pipelining: AtomicBool,
    /// Whether a stream has the gate: what it has not asked for yet is not read.
    pub(crate) streaming: AtomicBool,
    /// How many `notifies()` generators run: they take notifications even if there are handlers.
    pub(crate) generators: AtomicU32,
    scratch: Mutex<Params>,
    pub(crate) last_loaders: LastLoaders,
    /// How many `transaction()` blocks are entered: the session's, for readers that may not touch the session.
    transactions: AtomicU32,
    /// Blocks whose end was interrupted before it had its turn: to be rolled back before anything else.
    left_blocks: Mutex<Vec<LeftBlock>>,
    /// Whether a two-phase transaction is prepared: the session's, for readers that may not touch the session.
    is_prepared: AtomicBool,
    cancels: Cancels,
    pub(crate) descriptors: Descriptors,
    /// Why the session could not be started.
    refusal: Mutex<Option<StartupError>>,
    /// Why the connection was lost while nobody waited: for the next operation to raise.
    reason: Mutex<Option<PyErr>>,
    /// When the connection is lost, if operations are not over: it is being left.
    deadline: Mutex<Option<Instant>>,
    operation_timeout: Mutex<Timeout>,
    /// How many wait for the socket without holding `io`: they are to be woken at the end.
    pub(crate) waiting: AtomicU32,
    /// Whether the server, which has refused the session, may be tried with another encryption.
    others: Mutex<&'static [Encryption]>,
    fork_generation: u32,
    /// Prepared statement policy as the user set it: read at every execution.
    pub(crate) policy: Mutex<Policy>,
}

/// A block that is to be rolled back before anything else is done.
pub(crate) struct LeftBlock {
    pub(crate) block: Block,
    /// Whether the session still counts it as entered.
    pub(crate) is_open: bool,
}

/// The user's wishes about prepared statements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) threshold: Option<u32>,
    pub(crate) max: Option<usize>,
}

impl Core {
    /// Takes over a session that has been started.
    pub(crate) fn new(flavor: Flavor, io: Io, snapshot: SessionSnapshot) -> Self {
        let socket = Arc::clone(&io.socket);
        Self {
            flavor,
            io: Mutex::new(Some(io)),
            socket: Mutex::new(Some(socket)),
            gate: Gate::default(),
            snapshot,
            pipeline: Pipeline::default(),
            characteristics: Mutex::default(),
            handlers: Mutex::default(),
            limits: Mutex::default(),
            hooks: Arc::default(),
            place: OnceLock::new(),
            pipelining: AtomicBool::new(false),
            streaming: AtomicBool::new(false),
            generators: AtomicU32::new(0),
            scratch: Mutex::default(),
            last_loaders: LastLoaders::default(),
            transactions: AtomicU32::new(0),
            left_blocks: Mutex::default(),
            refusal: Mutex::default(),
            reason: Mutex::default(),
            is_prepared: AtomicBool::new(false),
            cancels: Cancels::default(),
            descriptors: Descriptors::default(),
            deadline: Mutex::default(),
            operation_timeout: Mutex::new(Timeout::NONE),
            waiting: AtomicU32::new(0),
            others: Mutex::new(&[]),
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
        if self.snapshot.is_closed() {
            if let Some(reason) = lock(&self.reason).take() {
                return Err(reason);
            }
            return Err(errors::closed(py));
        }
        Ok(())
    }

    /// Whether a `transaction()` block is entered.
    pub(crate) fn in_transaction_block(&self) -> bool {
        self.transaction_depth() > 0
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

    /// Fails within a two-phase transaction, which has methods of its own for its end. The caller has the gate.
    pub(crate) fn check_no_two_phase(&self, py: Python<'_>, method: &str) -> PyResult<()> {
        if self.with_session(py, |session| session.two_phase.is_active())? {
            let text = format!(
                "{method}() cannot be used during a two-phase transaction: use tpc_{method}()"
            );
            return Err(errors::programming(py, text));
        }
        Ok(())
    }

    /// Tells the hooks that an operation begins.
    ///
    /// # Errors
    /// Only what must not be swallowed, such as `KeyboardInterrupt`.
    pub(crate) fn begin_span(&self, py: Python<'_>, subject: Subject) -> PyResult<Arc<Span>> {
        let own = self.copy_handlers(py, |handlers| &handlers.query);
        self.hooks.begin(py, own, self.place(), subject)
    }

    /// Where the connection leads.
    fn place(&self) -> &Arc<Place> {
        self.place.get_or_init(|| {
            let options = &self.snapshot.conninfo;
            let option = |name: &str| {
                let found = options.iter().find(|(key, _)| key == name);
                found.map_or_else(String::new, |(_, value)| value.clone())
            };
            let started = self.snapshot.started();
            Arc::new(Place {
                host: option("host"),
                port: option("port"),
                dbname: option("dbname"),
                user: option("user"),
                backend_pid: started.map(|started| started.process_id),
            })
        })
    }

    /// Whether this process is a child of the one that opened the connection.
    pub(crate) fn forked(&self) -> bool {
        self.fork_generation != FORKS.load(Ordering::Relaxed)
    }

    /// The socket, while the connection is open.
    pub(crate) fn socket(&self) -> Option<Arc<Socket>> {
        lock(&self.socket).clone()
    }

    /// How new transactions are begun.
    pub(crate) fn characteristics(&self) -> Characteristics {
        lock(&self.characteristics).clone()
    }

    /// Changes how transactions are begun. The caller has the gate, or nobody else has the connection yet.
    pub(crate) fn change_characteristics(&self, change: impl FnOnce(&mut Characteristics)) {
        if let Some(io) = lock(&self.io).as_mut() {
            io.session.transactions.change(change);
            *lock(&self.characteristics) = io.session.transactions.characteristics().clone();
        }
    }

    /// How many `transaction()` blocks are entered.
    pub(crate) fn transaction_depth(&self) -> u32 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// Notes how many blocks are entered, after a change of the session's.
    fn note_depth(&self, session: &Session) {
        let depth = u32::try_from(session.transactions.depth()).unwrap_or(u32::MAX);
        self.transactions.store(depth, Ordering::Relaxed);
    }

    /// Opens a block; with the statements that open it on the server. The caller has the gate.
    pub(crate) fn open_block(
        &self,
        py: Python<'_>,
        savepoint: Option<&str>,
    ) -> PyResult<(Block, Vec<Vec<u8>>)> {
        self.with_session(py, |session| {
            let status = session.transaction_status();
            let block = session.transactions.open(status, savepoint, false);
            self.note_depth(session);
            let statements = session.transactions.opening(&block);
            (block, statements)
        })
    }

    /// Closes a block; `false` if one that was opened within it is still open. The caller has the gate.
    pub(crate) fn close_block(&self, block: &Block) -> bool {
        let mut io = lock(&self.io);
        let Some(io) = io.as_mut() else {
            return true;
        };
        let in_order = io.session.transactions.close(block);
        self.note_depth(&io.session);
        in_order
    }

    /// Leaves a block, to be rolled back before anything else is done, because its beginning or end was interrupted. From
    /// anywhere.
    pub(crate) fn leave_block(&self, block: LeftBlock) {
        lock(&self.left_blocks).push(block);
    }

    /// Whether statements may be sent now without waiting for each other: each is a transaction of its own then, or they are all
    /// in one, and nothing is left over that has to be done before, nor is a cancel request under way that could hit them.
    pub(crate) fn can_share(&self) -> bool {
        let interrupted = || {
            let io = lock(&self.io);
            io.as_ref().is_some_and(|io| io.session.is_interrupted())
        };
        self.pipelining.load(Ordering::Relaxed)
            && !self.pipeline.is_on()
            && lock(&self.characteristics).autocommit
            && lock(&self.left_blocks).is_empty()
            && !self.is_held_up()
            && !interrupted()
    }

    /// Has the outcome of an exchange thrown away; tells whether nobody wants anything of what is unanswered.
    pub(crate) fn leave_exchange(&self, id: ExchangeId) -> bool {
        let mut io = lock(&self.io);
        let Some(io) = io.as_mut() else {
            return true;
        };
        io.session.detach(id);
        io.session.is_detached()
    }

    /// How many exchanges have not been answered.
    pub(crate) fn unanswered(&self) -> usize {
        let io = lock(&self.io);
        io.as_ref().map_or(0, |io| io.session.unanswered())
    }

    /// Whether the session is at rest, so that an operation can begin. If something is left over, begins to end it.
    ///
    /// The caller has the gate.
    pub(crate) fn is_settled(&self) -> bool {
        if self.is_undisturbed() {
            return true;
        }
        if self.pipeline.open().is_some() {
            Python::attach(|py| self.pipeline.interrupt(py));
        }
        if let Some(io) = lock(&self.io).as_mut() {
            io.session.cancel_and_drain(Instant::now());
        }
        false
    }

    /// Raises `ProgrammingError` if a two-phase transaction is prepared: its end is not to be cancelled, nor does anything else run.
    pub(crate) fn check_not_prepared(&self, py: Python<'_>, method: &str) -> PyResult<()> {
        if self.is_prepared.load(Ordering::Relaxed) && !self.snapshot.is_closed() {
            let text = format!("{method}() is not possible: a two-phase transaction is prepared");
            return Err(errors::programming(py, text));
        }
        Ok(())
    }

    /// Takes a step of the session's two-phase transaction. The caller has the gate.
    pub(crate) fn with_two_phase<T>(
        &self,
        py: Python<'_>,
        step: impl FnOnce(&mut TwoPhase) -> T,
    ) -> PyResult<T> {
        self.with_session(py, |session| {
            let done = step(&mut session.two_phase);
            let is_prepared = session.two_phase.is_prepared();
            self.is_prepared.store(is_prepared, Ordering::Relaxed);
            done
        })
    }

    /// Whether nothing is left over of what was interrupted, blocks that were left included.
    fn is_undisturbed(&self) -> bool {
        let left = std::mem::take(&mut *lock(&self.left_blocks));
        let mut io = lock(&self.io);
        // A closed connection has nothing left; one that is being started is not to be disturbed.
        let Some(io) = io.as_mut().filter(|_| self.snapshot.started().is_some()) else {
            return true;
        };
        for left in left {
            if left.is_open {
                io.session.transactions.close(&left.block);
            }
            io.session.transactions.owe_rollback(left.block);
        }
        self.note_depth(&io.session);
        io.session.set_cancel_timeout(self.cancels.gate.timeout());
        // The exchange of a pipeline is not left over.
        match self.pipeline.open() {
            Some(_) => !io.session.is_interrupted(),
            None => io.session.is_settled(),
        }
    }

    /// Gives up what a pipeline waits for, because whoever waited for it was interrupted.
    ///
    /// The caller has the gate, and brings the session to rest.
    pub(crate) fn interrupt_pipeline(&self, py: Python<'_>) {
        if self.pipeline.open().is_none() {
            return;
        }
        self.pipeline.interrupt(py);
        if let Some(io) = lock(&self.io).as_mut() {
            io.session.cancel_and_drain(Instant::now());
        }
    }

    /// Runs `queue` on the session. If that queues anything, what went wrong before is no matter any more.
    ///
    /// The caller has the gate.
    pub(crate) fn with_session<T>(
        &self,
        py: Python<'_>,
        queue: impl FnOnce(&mut Session) -> T,
    ) -> PyResult<T> {
        self.check_open(py)?;
        let mut io = lock(&self.io);
        let io = io.as_mut().ok_or_else(|| errors::closed(py))?;
        if !self.snapshot.has_failed() {
            return Ok(queue(&mut io.session));
        }
        let queued = |session: &Session| session.outgoing().len();
        let before = queued(&io.session);
        let done = queue(&mut io.session);
        if queued(&io.session) > before {
            self.snapshot.clear_error_message();
        }
        Ok(done)
    }

    /// Lends the buffer that parameters are written into; give it back with [`Core::return_params`].
    pub(crate) fn borrow_params(&self) -> Params {
        std::mem::take(&mut *lock(&self.scratch))
    }

    pub(crate) fn return_params(&self, mut params: Params) {
        params.clear();
        *lock(&self.scratch) = params;
    }

    /// Whether nothing is left over of what was interrupted.
    pub(crate) fn is_at_rest(&self) -> bool {
        if self.snapshot.is_closed() {
            return true;
        }
        // The exchange of a pipeline is not left over.
        let in_pipeline = self.pipeline.open().is_some();
        let io = lock(&self.io);
        io.as_ref().is_none_or(|io| match in_pipeline {
            true => !io.session.is_interrupted(),
            false => io.session.is_settled(),
        })
    }

    /// Notes that the cancel request which the session asked for has ended.
    pub(crate) fn cancel_request_ended(&self) {
        if let Some(io) = lock(&self.io).as_mut() {
            io.session.cancel_request_ended();
        }
    }

    /// The rows that have come so far of a result that is coming, as a result of its own.
    pub(crate) fn take_rows(&self, id: ExchangeId) -> Option<QueryResult> {
        let mut io = lock(&self.io);
        let session = &mut io.as_mut()?.session;
        let (columns, rows) = session.take_rows(id);
        Some(QueryResult {
            columns: Some(columns?),
            rows,
            tag: Box::default(),
            ending: Ending::Suspended,
            incomplete: false,
            parameters: Arc::clone(session.connection().shared_parameters()),
        })
    }

    /// Whether rows have come of a result that is coming.
    pub(crate) fn has_rows(&self, id: ExchangeId) -> bool {
        let io = lock(&self.io);
        io.as_ref().is_some_and(|io| io.session.has_rows(id))
    }

    /// Whether the session wants to be looked at by some time.
    pub(crate) fn wants_time(&self) -> bool {
        let io = lock(&self.io);
        io.as_ref()
            .is_some_and(|io| io.session.poll_timeout().is_some())
    }

    /// Whether the time to come to rest has passed, and the socket may still hold what came in time.
    pub(crate) fn is_overdue(&self) -> bool {
        let io = lock(&self.io);
        io.as_ref().is_some_and(|io| io.session.is_overdue())
    }

    /// Whether results of an exchange have come, or its error.
    pub(crate) fn has_partial(&self, id: ExchangeId) -> bool {
        let io = lock(&self.io);
        io.as_ref().is_some_and(|io| io.session.has_partial(id))
    }

    /// What has come so far of an exchange that goes on. That of a pipeline is handed out by [`Core::collect`].
    pub(crate) fn take_partial(&self, id: ExchangeId) -> Outcome {
        if self.pipeline.open() == Some(id) {
            return Outcome::default();
        }
        let mut io = lock(&self.io);
        let Some(io) = io.as_mut() else {
            return Outcome::default();
        };
        io.session.take_partial(id, false)
    }

    /// The exception for an error of the server; `query` is what it was about.
    pub(crate) fn server_error(
        &self,
        py: Python<'_>,
        diagnostic: &Diagnostic,
        query: Option<&[u8]>,
    ) -> PyErr {
        let error = errors::server(py, diagnostic, self.snapshot.encoding(py), query);
        self.snapshot
            .set_error_message(message_of(py, &error, Some(diagnostic)));
        error
    }

    /// Keeps the reason why the connection was lost, where nobody waits who could be told. The first one stays: the loop may still
    /// call us, and finds that the connection is closed.
    pub(crate) fn keep_reason(&self, reason: PyErr) {
        let mut kept = lock(&self.reason);
        if kept.is_none() {
            *kept = Some(reason);
        } else {
            // What its end runs may need the lock.
            drop(kept);
            drop(reason);
        }
    }

    /// Closes the connection because it cannot be used any more; gives the exception that says why.
    pub(crate) fn broken(&self, py: Python<'_>, lost: &Lost) -> PyErr {
        *lock(&self.others) = self.other_encryptions(lost);
        self.lose();
        let refusal = match lost {
            Lost::Session(Error::Startup(error)) => Some(error.clone()),
            // In answer to the question of `target_session_attrs`.
            Lost::Session(Error::Disconnected(Some(report)))
                if self.snapshot.started().is_none() =>
            {
                Some(StartupError::Server(report.clone()))
            }
            _ => None,
        };
        if refusal.is_some() {
            *lock(&self.refusal) = refusal;
        }
        let report = match lost {
            Lost::Session(Error::Disconnected(report)) => report.as_ref(),
            _ => None,
        };
        let error = match lost {
            Lost::Session(error) => errors::lost(py, error, self.snapshot.encoding(py)),
            Lost::Io(error) => errors::operational(py, format!("consuming input failed: {error}")),
        };
        self.snapshot
            .set_error_message(message_of(py, &error, report));
        errors::gone(py, error)
    }

    /// Why the session could not be started, if it is the handshake that failed.
    pub(crate) fn refusal(&self) -> Option<StartupError> {
        lock(&self.refusal).clone()
    }

    /// The encryptions that the server may let a session begin with, which it has not done for this reason.
    pub(crate) fn other_encryptions(&self, lost: &Lost) -> &'static [Encryption] {
        let (Lost::Session(error), None) = (lost, self.snapshot.started()) else {
            return &[];
        };
        let io = self.io.try_lock();
        let others = |io: &Io| io.session.other_encryptions(error);
        io.ok()
            .and_then(|io| io.as_ref().map(others))
            .unwrap_or_default()
    }

    /// The same of what has ended the connection.
    pub(crate) fn others(&self) -> &'static [Encryption] {
        *lock(&self.others)
    }

    /// When the connection is lost, if operations are not over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        *lock(&self.deadline)
    }

    /// Has operations be over within the time that a cancellation may take, or no longer: for the end of a `with` block.
    pub(crate) fn set_leaving(&self, leaving: bool) {
        *lock(&self.deadline) = leaving.then(|| self.cancel_deadline());
    }

    /// Closes the connection because an operation was not over at the deadline; gives the exception that says so.
    pub(crate) fn too_late(&self, py: Python<'_>) -> PyErr {
        let error = Error::Unresponsive(self.cancels.gate.timeout());
        self.broken(py, &Lost::Session(error))
    }

    /// Closes the connection at the user's wish, saying goodbye to the server if that does not have to wait.
    pub(crate) fn close(&self) {
        let reason = lock(&self.reason).take();
        drop(reason);
        if !self.forked()
            && !self.snapshot.is_closed()
            && let Ok(mut io) = self.io.try_lock()
            && let Some(io) = io.as_mut()
            && io.session.is_idle()
        {
            io.session.terminate();
            // The server also notices when the socket closes.
            let _ = io.socket.send_now(io.session.outgoing());
        }
        self.close_as(snapshot::Closed::ByUser);
    }

    /// Closes the connection because it cannot be used any more.
    pub(crate) fn lose(&self) {
        self.close_as(snapshot::Closed::Broken);
    }

    /// Closes the connection if the thread panics before the guard is dropped: where the session stands is not known then.
    pub(crate) fn lost_by_panic(&self) -> PanicGuard<'_> {
        PanicGuard(self)
    }

    fn close_as(&self, how: snapshot::Closed) {
        self.snapshot.close(how);
        if !self.forked() {
            self.drop_requests();
        }
        // The descriptor of a lost connection stays until `close()`: whoever watches it is to see the end.
        let socket = match how {
            snapshot::Closed::ByUser => lock(&self.socket).take(),
            snapshot::Closed::Broken => self.socket(),
        };
        let waited_for = match self.io.try_lock() {
            Ok(mut io) => {
                drop(io.take());
                self.waiting.load(Ordering::Relaxed) > 0
            }
            Err(_) => true,
        };
        // Another thread or greenlet waits for the server: it has to be woken.
        if let Some(socket) = socket.filter(|_| waited_for && !self.forked()) {
            socket.shut_down();
        }
    }

    /// Brings the snapshot up to date with what came while nothing was asked.
    pub(crate) fn refresh_snapshot(&self) {
        if let Some(io) = lock(&self.io).as_ref() {
            self.snapshot.update(&io.session);
        }
    }

    /// The transaction status, or that something runs, or that it is not known: a number of `howdah.pq.TransactionStatus`.
    pub(crate) fn transaction_status(&self) -> u8 {
        if self.snapshot.is_closed() {
            snapshot::UNKNOWN
        } else if !self.forked() && self.cancels.gate.is_busy() {
            snapshot::ACTIVE
        } else {
            self.snapshot.settled_status()
        }
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

/// What libpq calls the error message of a connection: that of the exception, with the severity that the server has reported.
fn message_of(py: Python<'_>, error: &PyErr, report: Option<&Diagnostic>) -> String {
    let text = error.value(py);
    match report.and_then(Diagnostic::severity) {
        Some(severity) => format!("{}:  {text}\n", String::from_utf8_lossy(severity)),
        None => format!("{text}\n"),
    }
}
