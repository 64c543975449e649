//! The servers to try, within a time for all of them.

use std::time::{Duration, Instant};

use howdah_net::cancel::deadline_after;
use howdah_net::{Action, Connector};
use howdah_protocol::conninfo::Encryption;
use howdah_protocol::startup::StartupError;
use howdah_protocol::wire::Diagnostic;
use pyo3::intern;
use pyo3::prelude::*;

use super::effective;
use crate::core::limit::Timeout;
use crate::errors;
use crate::pq::PgConn;

/// The time for an attempt when the user gives none: libpq has no limit, and psycopg this one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(130);

/// The servers to try, and the time that there is for all of them.
pub(super) struct Plan {
    pub(super) connector: Connector,
    deadline: Option<Instant>,
    /// What the last server that gave a reason has said.
    report: Option<Diagnostic>,
}

impl Plan {
    pub(super) fn new(connector: Connector, timeout: Option<Timeout>) -> Self {
        Self {
            connector,
            deadline: timeout.and_then(Timeout::deadline),
            report: None,
        }
    }

    /// What to do next; nothing, once the time is over.
    pub(super) fn next_action(&mut self) -> Action {
        match self.is_over() {
            true => Action::GiveUp,
            false => self.connector.next_action(),
        }
    }

    /// Notes that the server did not let the session start.
    pub(super) fn refused(
        &mut self,
        text: &str,
        error: Option<&StartupError>,
        others: &'static [Encryption],
    ) {
        let report = error.and_then(StartupError::diagnostic);
        self.report = report.cloned().or(self.report.take());
        self.connector.refused(&text, error, others);
    }

    fn is_over(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| deadline <= Instant::now())
    }

    /// When the attempt that is under way has to be over.
    pub(super) fn attempt_deadline(&self) -> Instant {
        let timeout = self.connector.timeout().unwrap_or(DEFAULT_TIMEOUT);
        let attempt = self.connector.deadline(timeout);
        let attempt = attempt.unwrap_or_else(|| deadline_after(timeout));
        self.deadline.map_or(attempt, |all| all.min(attempt))
    }

    /// The exception for all failures together.
    pub(super) fn failure(&self, py: Python<'_>) -> PyErr {
        let last = self.connector.failures().last();
        let class = match last {
            _ if self.is_over() => "ConnectTimeout",
            Some(last) if last.timed_out => "ConnectionTimeout",
            _ => "OperationalError",
        };
        let text = match class {
            "ConnectTimeout" => self.time_is_over(),
            _ => self.connector.failure_text(),
        };
        let error = match &self.report {
            Some(report) if class == "OperationalError" => errors::refused(py, report, &text),
            _ => errors::new(py, class, text),
        };
        let error = errors::gone(py, error);
        let message = last.map_or("", |failure| failure.message.as_str());
        let pgconn = PgConn::of_failure(effective(&self.connector), message);
        let given = Py::new(py, pgconn)
            .and_then(|pgconn| error.value(py).setattr(intern!(py, "_pgconn"), pgconn));
        given.map_or_else(|failed| failed, |()| error)
    }

    fn time_is_over(&self) -> String {
        let mut text = "the time for connecting is over".to_owned();
        for failure in self.connector.failures() {
            text.push_str(&format!("\n- {}: {}", failure.target, failure.message));
        }
        text
    }
}
