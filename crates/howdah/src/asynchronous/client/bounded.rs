//! The time of a client's requests.

use std::sync::Arc;
use std::time::Duration;

use howdah_net::Limit;

use super::{AsyncClient, AsyncLease, On, request};
use crate::error::Result;

impl AsyncClient {
    /// How long an operation may take that is given no time of its own; `None`, as at first, is no limit.
    #[must_use]
    pub fn operation_timeout(&self) -> Option<Duration> {
        self.hub.timeout.get()
    }

    /// Sets the [`operation_timeout`](Self::operation_timeout), for all clones, leases and transactions.
    ///
    /// It bounds all of an operation, as [`AsyncSession::set_operation_timeout`](crate::AsyncSession::set_operation_timeout) says: also
    /// the wait for a turn. Who waits for that only leaves the line. What runs is cancelled on the server if nobody waits for any other
    /// answer; else it runs to its end, and its result is thrown away.
    ///
    /// ```no_run
    /// # fn example(client: &howdah::AsyncClient) {
    /// client.set_operation_timeout(Some(std::time::Duration::from_secs(10)));
    /// client.set_cancel_timeout(std::time::Duration::from_secs(2));
    /// # }
    /// ```
    pub fn set_operation_timeout(&self, timeout: Option<Duration>) {
        self.hub.timeout.set(timeout);
    }

    /// The client for a group of operations, which all have to be over within `time` from now; also a transaction or a lease that was
    /// taken through it. [`AsyncSession::within`](crate::AsyncSession::within) says more.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: &howdah::AsyncClient) -> Result<(), howdah::Error> {
    /// let client = client.within(Duration::from_millis(500));
    /// let name: String = client.query_scalar("SELECT name FROM users WHERE id = $1", (1,)).await?;
    /// client.execute("INSERT INTO greetings VALUES ($1)", (name,)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        let mut client = self.clone();
        client.limit = Limit::earliest(self.limit, Limit::after(time));
        client
    }

    /// How long the connection may take to come to rest after an operation was given up, as
    /// [`AsyncSession::cancel_timeout`](crate::AsyncSession::cancel_timeout) says.
    #[must_use]
    pub fn cancel_timeout(&self) -> Duration {
        self.hub.cancel_timeout()
    }

    /// Sets the [`cancel_timeout`](Self::cancel_timeout). A lease that is out knows it when it was given back.
    pub fn set_cancel_timeout(&self, timeout: Duration) {
        self.hub.set_cancel_timeout(timeout);
    }

    /// Takes the connection, within `wait`; what is done with it has to be over within `limit`.
    pub(super) async fn lease_within(
        &self,
        wait: Option<Limit>,
        limit: Option<Limit>,
    ) -> Result<AsyncLease> {
        let mut session = request::lease(&self.hub, wait).await?;
        session.core.limit = limit;
        Ok(AsyncLease::new(Arc::clone(&self.hub), session))
    }

    /// Takes the connection for an operation that begins now.
    pub(super) async fn lease_for_one(&self) -> Result<AsyncLease> {
        let limit = self.operation_limit();
        self.lease_within(limit, limit).await
    }

    /// What bounds an operation that begins now.
    pub(super) fn operation_limit(&self) -> Option<Limit> {
        self.hub.timeout.limit_within(self.limit)
    }

    /// Requests for an operation that begins now, among others.
    pub(super) fn on(&self) -> On<'_> {
        On {
            hub: &self.hub,
            limit: self.operation_limit(),
        }
    }
}
