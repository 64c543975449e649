//! What is known of a session, for readers that may not touch the session itself.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use howdah_net::cancel::CancelTarget;
use howdah_net::tls::TlsFacts;
use howdah_net::{Link, Peer};
use howdah_protocol::connection::Parameters;
use howdah_protocol::session::Session;
use howdah_protocol::wire::TransactionStatus;
use pyo3::prelude::*;

use howdah_adapt::SessionSettings;
use howdah_adapt::lock;

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// By `close()`.
    ByUser,
    /// It was lost.
    Broken,
}

/// A snapshot of a session.
pub(crate) struct SessionSnapshot {
    status: AtomicU8,
    /// 0 open, 1 closed by the user, 2 broken.
    closed: AtomicU8,
    /// The connection options in effect.
    pub(crate) conninfo: Vec<(String, String)>,
    started: OnceLock<Started>,
    changing: Mutex<Changing>,
    /// The version of the parameters that the settings are made of.
    settings_version: AtomicU64,
    /// Whether there is an error message, or `pgconn` has it: to be looked at without the lock.
    has_failed: AtomicBool,
}

/// What is known once the session has been started, and never changes.
pub(crate) struct Started {
    pub(crate) process_id: i32,
    pub(crate) minor_version: u16,
    pub(crate) used_password: bool,
    pub(crate) used_gssapi: bool,
    pub(crate) cancel: Option<CancelTarget>,
    /// What TLS has agreed on, where there is TLS.
    pub(crate) tls: Option<TlsFacts>,
}

struct Changing {
    parameters: Arc<Parameters>,
    settings: Arc<SessionSettings>,
    error_message: String,
    /// Whether the last command was one of the connection's `pgconn`, which keeps what went wrong itself.
    error_of_pgconn: bool,
}

/// The numbers of `howdah.pq.TransactionStatus`.
pub(crate) const IDLE: u8 = 0;
pub(crate) const ACTIVE: u8 = 1;
pub(crate) const IN_TRANSACTION: u8 = 2;
pub(crate) const UNKNOWN: u8 = 4;

impl SessionSnapshot {
    /// The snapshot of a session that is about to be started.
    pub(crate) fn new(conninfo: Vec<(String, String)>) -> Self {
        Self {
            status: AtomicU8::new(UNKNOWN),
            closed: AtomicU8::new(0),
            conninfo,
            started: OnceLock::new(),
            changing: Mutex::new(Changing {
                parameters: Arc::default(),
                settings: Arc::new(SessionSettings::from_parameters(|_| None)),
                error_message: String::new(),
                error_of_pgconn: true,
            }),
            settings_version: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
        }
    }

    /// Notes that the session has been started, by the server at `peer`.
    pub(crate) fn start(&self, link: &Link, peer: Peer) {
        let connection = link.connection();
        let started = Started {
            process_id: connection.process_id(),
            minor_version: connection.minor_version(),
            used_password: connection.used_password(),
            used_gssapi: connection.used_gssapi(),
            cancel: link.cancel_target(peer),
            tls: link.tls().cloned(),
        };
        // A session starts once.
        let _ = self.started.set(started);
        self.update(link);
    }

    /// What is known of the session that has been started.
    pub(crate) fn started(&self) -> Option<&Started> {
        self.started.get()
    }

    /// Brings the snapshot up to date.
    pub(crate) fn update(&self, session: &Session) {
        let connection = session.connection();
        let status = number(session.transaction_status());
        self.status.store(status, Ordering::Release);
        let mut changing = lock(&self.changing);
        let parameters = connection.shared_parameters();
        if changing.parameters.version() == parameters.version() {
            return;
        }
        changing.parameters = Arc::clone(parameters);
        let new = Arc::new(settings_of(parameters));
        let old = std::mem::replace(&mut changing.settings, new);
        let version = parameters.version();
        self.settings_version.store(version, Ordering::Release);
        drop(changing);
        // Without the lock: they hold a time zone of Python's.
        drop(old);
    }

    /// How values are to be read that came when these parameters were in force.
    pub(crate) fn settings_for(&self, parameters: &Parameters) -> Arc<SessionSettings> {
        let changing = lock(&self.changing);
        if changing.parameters.version() == parameters.version() {
            return Arc::clone(&changing.settings);
        }
        drop(changing);
        Arc::new(settings_of(parameters))
    }

    /// How values are to be written, and read if they came now.
    pub(crate) fn settings(&self) -> Arc<SessionSettings> {
        Arc::clone(&lock(&self.changing).settings)
    }

    /// Tells whether [`settings`](Self::settings) are others than they were: by another number.
    #[inline]
    pub(crate) fn settings_version(&self) -> u64 {
        self.settings_version.load(Ordering::Acquire)
    }

    /// The Python name of the client encoding.
    pub(crate) fn encoding(&self, py: Python<'_>) -> &'static str {
        let encoding = self.settings().encoding;
        encoding.python_name(py).unwrap_or("utf-8")
    }

    pub(crate) fn parameters(&self) -> Arc<Parameters> {
        Arc::clone(&lock(&self.changing).parameters)
    }

    /// The status after the last exchange, whatever runs now.
    pub(crate) fn settled_status(&self) -> u8 {
        self.status.load(Ordering::Acquire)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != 0
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.closed.load(Ordering::Acquire) == 2
    }

    /// Whether it was closed at the user's wish, and not lost.
    pub(crate) fn was_closed(&self) -> bool {
        self.is_closed() && !self.is_broken()
    }

    /// Notes the end; the first reason stays.
    pub(crate) fn close(&self, how: Closed) {
        let number = match how {
            Closed::ByUser => 1,
            Closed::Broken => 2,
        };
        let _ = self
            .closed
            .compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Notes what went wrong.
    pub(crate) fn set_error_message(&self, message: String) {
        self.change_error(message, false, true);
    }

    /// Notes that a command was begun or has succeeded: what went wrong before is no matter any more.
    #[inline]
    pub(crate) fn clear_error_message(&self) {
        if self.has_failed() {
            self.change_error(String::new(), false, false);
        }
    }

    /// Whether there may be something for [`clear_error_message`](Self::clear_error_message) to do.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Notes that a command of the connection's `pgconn` is the last one: what comes next has to take that back.
    pub(crate) fn leave_error_to_pgconn(&self) {
        self.change_error(String::new(), true, true);
    }

    fn change_error(&self, message: String, of_pgconn: bool, has_failed: bool) {
        let mut changing = lock(&self.changing);
        changing.error_message = message;
        changing.error_of_pgconn = of_pgconn;
        // Under the lock, so that the flag and the message are always of one mind.
        self.has_failed.store(has_failed, Ordering::Relaxed);
    }

    /// What went wrong, empty if nothing has; nothing if the connection's `pgconn` is to be asked.
    pub(crate) fn error_message(&self) -> Option<String> {
        let changing = lock(&self.changing);
        (!changing.error_of_pgconn).then(|| changing.error_message.clone())
    }
}

fn settings_of(parameters: &Parameters) -> SessionSettings {
    SessionSettings::from_parameters(|name| parameters.get(name).map(str::to_owned))
}

/// The number of a status in `howdah.pq.TransactionStatus`.
pub(crate) fn number(status: TransactionStatus) -> u8 {
    match status {
        TransactionStatus::Idle => 0,
        TransactionStatus::InTransaction => 2,
        TransactionStatus::Failed => 3,
    }
}
