//! What a connection does by itself, as it is first set.

use std::time::Duration;

use howdah_protocol::session::Session;

use super::Config;

/// Settings of the client's, `None` where the default holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClientSettings {
    prepare_threshold: Option<Option<u32>>,
    prepared_max: Option<Option<usize>>,
    cancel_timeout: Option<Duration>,
}

/// What the connection does by itself, which the server is not told.
impl Config {
    /// After how many executions a statement is prepared, as [`set_prepare_threshold`](crate::Session::set_prepare_threshold) says.
    pub fn prepare_threshold(&mut self, executions: Option<u32>) -> &mut Self {
        self.client.prepare_threshold = Some(executions);
        self
    }

    /// How many statements are kept prepared, as [`set_prepared_max`](crate::Session::set_prepared_max) says.
    pub fn prepared_max(&mut self, count: Option<usize>) -> &mut Self {
        self.client.prepared_max = Some(count);
        self
    }

    /// How long the connection may take to come to rest after an operation was given up, as
    /// [`cancel_timeout`](crate::Session::cancel_timeout) says.
    pub fn cancel_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.client.cancel_timeout = Some(timeout);
        self
    }
}

impl ClientSettings {
    /// Has a session begin with them.
    pub(crate) fn apply(&self, session: &mut Session) {
        if let Some(threshold) = self.prepare_threshold {
            session.statements.threshold = threshold;
        }
        if let Some(max) = self.prepared_max {
            session.statements.max = max;
        }
        if let Some(timeout) = self.cancel_timeout {
            session.set_cancel_timeout(timeout);
        }
    }
}
