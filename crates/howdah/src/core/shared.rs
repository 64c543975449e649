//! The methods that wait for nothing, the same for both sessions.

/// Adds them to a session that has a `core`, and its socket in that place.
macro_rules! shared_methods {
    ($session:ty, $($socket:ident).+) => {
        impl $session {
            /// Whether each statement outside of a transaction is one of its own.
            #[must_use]
            pub fn autocommit(&self) -> bool {
                self.core.session.transactions.characteristics().autocommit
            }

            /// Has `handler` called with each notice: what the server says beside results, such as warnings.
            ///
            /// It is called while an operation of this connection waits. If it panics, the panic ends there.
            pub fn add_notice_handler(
                &mut self,
                handler: impl FnMut(&$crate::Diagnostic) + Send + 'static,
            ) -> $crate::HandlerId {
                self.core.messages.notice.add(handler)
            }

            /// Removes a notice handler; tells whether it was there.
            pub fn remove_notice_handler(&mut self, id: $crate::HandlerId) -> bool {
                self.core.messages.notice.remove(id)
            }

            /// Has `handler` called with each notification.
            ///
            /// It is called while an operation of this connection waits. If it panics, the panic ends there. While there are
            /// handlers, notifications that come outside of [`notifies`](Self::notifies) are not kept for it.
            pub fn add_notify_handler(
                &mut self,
                handler: impl FnMut(&$crate::Notify) + Send + 'static,
            ) -> $crate::HandlerId {
                self.core.messages.notify.add(handler)
            }

            /// Removes a notify handler; tells whether it was there.
            pub fn remove_notify_handler(&mut self, id: $crate::HandlerId) -> bool {
                self.core.messages.notify.remove(id)
            }

            /// A handle that cancels, from another thread or task, what this connection is running.
            #[must_use]
            pub fn cancel_handle(&self) -> $crate::CancelHandle {
                self.core.cancel.clone()
            }

            /// What is known of the connection.
            #[must_use]
            pub fn info(&self) -> $crate::Info<'_> {
                $crate::core::info::Info::new(&self.core.facts, self.core.session.connection())
            }

            /// How long the connection may take to come to rest after an operation was given up, by a dropped future or stream:
            /// the cancel request, the end of the statement and the rollback of its block, all together. Then it is closed. At
            /// first it is 5 seconds. A [`CancelHandle`](crate::CancelHandle) waits no longer for the server either.
            #[must_use]
            pub fn cancel_timeout(&self) -> std::time::Duration {
                self.core.session.cancel_timeout()
            }

            /// Sets the [`cancel_timeout`](Self::cancel_timeout).
            ///
            /// ```
            /// # fn example(conn: &mut howdah::Session) {
            /// conn.set_cancel_timeout(std::time::Duration::from_secs(1));
            /// conn.set_max_notifications(1000, 1 << 20);
            /// # }
            /// ```
            pub fn set_cancel_timeout(&mut self, timeout: std::time::Duration) {
                self.core.session.set_cancel_timeout(timeout);
                self.core.cancel.gate().set_timeout(timeout);
            }

            /// How long an operation may take that is given no time of its own; `None`, as at first, is no limit.
            #[must_use]
            pub fn operation_timeout(&self) -> Option<std::time::Duration> {
                self.core.timeout.get()
            }

            /// Sets the [`operation_timeout`](Self::operation_timeout).
            ///
            /// It bounds all of an operation: the wait for what an earlier one has left, or for a cancel request that is under way, the
            /// sending, the receiving, and, if that takes too long, the cancel request and the end of the statement. When a quarter of
            /// the time is left, one second at most, the server is asked to cancel what runs. The operation then ends with an error of
            /// which [`is_timeout`](crate::Error::is_timeout) is true when the connection is at rest: it can be used further, and a
            /// transaction is to be rolled back. If the connection does not come to rest in time it is closed, and
            /// [`is_closed`](crate::Error::is_closed) is true as well. What was given up may have been done, a `COMMIT` too.
            ///
            /// An operation is one call. Of streams it is each wait for more, of a COPY each call that sends or waits, and of the end of
            /// a transaction the statement that ends it. A stream of replication goes on after a wait that took too long. Notifications
            /// are waited for without it. What the program does between, or a function that gives parameters, is not counted.
            pub fn set_operation_timeout(&mut self, timeout: Option<std::time::Duration>) {
                self.core.timeout.set(timeout);
            }

            /// Has all that is done through what this gives be over within `time` from now: one operation or a group of them, each of
            /// which ends as [`set_operation_timeout`](Self::set_operation_timeout) says. Of several times the one that is over first holds.
            ///
            /// It is a value, and not a setting, so that no path out of the group can forget to undo it.
            pub fn within(&mut self, time: std::time::Duration) -> $crate::Within<'_, Self> {
                $crate::Within::group(self, |session| &mut session.core, time)
            }

            /// This session, for one operation that begins now.
            pub(crate) fn bounded(&mut self) -> $crate::Within<'_, Self> {
                $crate::Within::operation(self, |session| &mut session.core)
            }

            /// The same, where that is known already.
            pub(crate) fn bounded_by(
                &mut self,
                limit: Option<howdah_net::Limit>,
            ) -> $crate::Within<'_, Self> {
                $crate::Within::new(self, |session| &mut session.core, limit)
            }

            /// Sets how many notifications, and how many bytes of channels and payloads, may wait until they are taken: a
            /// connection that has to read more of them is closed with an error. At first 131,072 and 32 MiB.
            pub fn set_max_notifications(&mut self, count: usize, bytes: usize) {
                self.core.session.backlog.max_count = count;
                self.core.session.backlog.max_bytes = bytes;
            }

            /// After how many executions a statement is prepared: 0 is at once, `None` never. At first it is 5.
            ///
            /// Statements with parameters, and those of streams, are described when they are first executed, and prepared by
            /// that, unless this is `None`.
            ///
            /// ```
            /// # fn example(conn: &mut howdah::Session) {
            /// conn.set_prepare_threshold(Some(0));
            /// conn.set_prepared_max(Some(20));
            /// # }
            /// ```
            pub fn set_prepare_threshold(&mut self, executions: Option<u32>) {
                self.core.session.statements.threshold = executions;
            }

            /// How many statements are kept prepared, the least recently used being closed for others; `None` is no limit. At
            /// first it is 100.
            pub fn set_prepared_max(&mut self, count: Option<usize>) {
                self.core.session.statements.max = count;
            }

            /// Forgets what is known of types made by users, which is kept as long as the connection.
            ///
            /// Only needed after another session, or a function, has changed a composite: the statements `ALTER TYPE`,
            /// `ALTER TABLE` and `ALTER DOMAIN` of this connection have the same effect.
            ///
            /// ```
            /// # fn example(conn: &mut howdah::Session) {
            /// // Another session has done: ALTER TYPE address ADD ATTRIBUTE country text
            /// conn.forget_types();
            /// # }
            /// ```
            pub fn forget_types(&mut self) {
                self.core.known.forget_types();
            }

            /// Whether the connection was closed, or is lost: also if the server has gone while nothing was running.
            ///
            /// It asks the system and not the server, so it costs no round trip, and does not see a network that is silent. What the
            /// server had to say before it went is the error of the next operation.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.core.is_closed() || self.$($socket).+.has_hung_up()
            }

            /// Whether the connection was found lost, rather than closed by its user.
            #[must_use]
            pub fn is_broken(&self) -> bool {
                self.core.is_lost()
            }
        }
    };
}

pub(crate) use shared_methods;
