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
    #[cfg(feature = "tracing")]
    trace_values: bool,
    pub(crate) operation_timeout: Option<Duration>,
}

/// What the connection does by itself, which the server is not told.
impl Config {
    /// After how many executions a statement is prepared, as [`set_prepare_threshold`](crate::Session::set_prepare_threshold) says.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut config = howdah::Config::new();
    /// config.prepare_threshold(Some(1)).prepared_max(Some(500)).cancel_timeout(Duration::from_secs(1));
    /// ```
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

    /// Whether traces have the values of parameters. At first they do not.
    ///
    /// Each execution then has an event within the span of its statement, with the field `howdah.parameters`: `$1 = 'ann', $2 = NULL`, as the
    /// server's log has them. Of a text no more than 128 bytes are shown, of a value of more than 512 bytes its length, and of all about
    /// 2 KiB. They are of `execute()` and its like, of streams, of each item of `execute_many()` and `batch()`; not of COPY. Passwords
    /// that are parameters are among them.
    ///
    /// ```
    /// let mut config = howdah::Config::new();
    /// config.trace_values(true);
    /// ```
    #[cfg(feature = "tracing")]
    pub fn trace_values(&mut self, on: bool) -> &mut Self {
        self.client.trace_values = on;
        self
    }

    /// How long an operation may take, as [`set_operation_timeout`](crate::Session::set_operation_timeout) says. To connect is not one:
    /// that has [`connect_timeout`](Self::connect_timeout).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), howdah::Error> {
    /// let mut config: howdah::Config = "postgresql://ann@db.example/shop".parse()?;
    /// config.connect_timeout(Duration::from_secs(5)).operation_timeout(Duration::from_secs(10));
    /// let mut conn = config.connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn operation_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.client.operation_timeout = Some(timeout);
        self
    }
}

impl ClientSettings {
    pub(crate) fn traces_values(&self) -> bool {
        #[cfg(feature = "tracing")]
        let traced = self.trace_values;
        #[cfg(not(feature = "tracing"))]
        let traced = false;
        traced
    }

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
