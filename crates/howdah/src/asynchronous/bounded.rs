//! Operations that have to be over in time.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use howdah_protocol::session::{ExchangeId, Outcome};

use super::turn::poll_turn;
use super::{AsyncConnection, AsyncSession};
use crate::core::within::Within;
use crate::error::{Error, Result};
use howdah_net::Limit;
use howdah_net::drive::{Step, Until};

impl AsyncConnection {
    /// Has all that is done through what this gives be over within `time` from now: one operation, a group of them, or a transaction.
    /// [`Session::within`](crate::Session::within) says more.
    ///
    /// Around one future `tokio::time::timeout()` does nearly the same. But that one is over when it is dropped, and the connection
    /// comes to rest afterwards, within [`cancel_timeout`](AsyncSession::cancel_timeout); this one leaves a connection that can be
    /// used, or is closed.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let quick = conn.within(Duration::from_millis(200)).query_one("SELECT count(*) FROM users", ()).await;
    /// if quick.is_err_and(|error| error.is_timeout()) {
    ///     println!("many");
    /// }
    /// let mut conn = conn.within(Duration::from_secs(3));
    /// let mut tx = conn.transaction().await?;
    /// tx.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1)).await?;
    /// tx.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", (10, 2)).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn within(&mut self, time: Duration) -> Within<'_, Self> {
        Within::group(self, |conn| &mut conn.core, time)
    }
}

impl AsyncSession {
    /// Fails if the connection is closed; ends what an earlier operation has left.
    ///
    /// It takes the session's bound at most, or the time of the operation, after which the connection is lost.
    pub(super) async fn settle(&mut self) -> Result<()> {
        self.core.check_open()?;
        if !self.core.is_settled() {
            // Where there is no time, the next operation does it.
            self.core.check_time()?;
            self.core.hasten_rest();
            // What lies there has come in time, however late this is.
            self.receive_now()?;
            let rested = poll_fn(|cx| self.poll_rest(cx)).await;
            rested.map_err(|lost| self.core.lost_meanwhile(lost))?;
        }
        self.core.check_time()
    }

    /// The same, and waits until nothing keeps it from sending.
    pub(super) async fn enter(&mut self) -> Result<()> {
        self.settle().await?;
        while !self.core.cancel.gate().try_enter() {
            poll_fn(|cx| self.poll_gate(cx)).await?;
        }
        Ok(())
    }

    /// Ready when no cancel request keeps it from sending.
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.core.cancel.gate().poll_free(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let give_up_at = self.core.give_up_at();
        self.timer
            .poll(give_up_at, cx)
            .map(|()| self.core.check_time())
    }

    /// One turn; if the time of the operation is over, what runs is given up.
    pub(super) fn poll_bounded(
        &mut self,
        until: Until,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Step>> {
        let Some(limit) = self.core.limit else {
            return self.poll_unbounded(until, cx);
        };
        if self.given_up != Some(limit) {
            if !limit.is_over()
                && let Poll::Ready(step) = self.poll_unbounded(until, cx)
            {
                return Poll::Ready(step);
            }
            ready!(self.timer.poll(Some(limit.give_up), cx));
            self.core.give_up(limit);
            self.given_up = Some(limit);
        }
        Poll::Ready(Err(match ready!(self.poll_rest(cx)) {
            Ok(()) => Error::given_up(limit),
            Err(lost) => lost.in_overtime(),
        }))
    }

    fn poll_unbounded(&mut self, until: Until, cx: &mut Context<'_>) -> Poll<Result<Step>> {
        match ready!(poll_turn(&mut self.core.session, &self.link, until, cx)) {
            Ok(step) => Poll::Ready(Ok(step.unwrap_or(Step::Interrupted))),
            Err(lost) => Poll::Ready(Err(self.lose(lost))),
        }
    }

    /// Ready when the session has come to rest after an interruption, or is lost because it did not in time.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.core.session.is_settled() {
            if self.poll_cancel_ended(cx) {
                continue;
            }
            if let Poll::Ready(step) = self.poll_unbounded(Until::Idle, cx) {
                self.take_step(Ok(step?))?;
                continue;
            }
            // A timer that fires has the session look at the time.
            let due = self.core.session.poll_timeout();
            ready!(self.timer.poll(due, cx));
            self.hand_out_message()?;
        }
        self.core.recovered();
        Poll::Ready(Ok(()))
    }

    /// Waits for rows of an exchange, or its end, as one operation. That begins with the first wait, and `limit` keeps its time until
    /// it is over.
    pub(super) fn poll_rows(
        &mut self,
        id: ExchangeId,
        until: Until,
        limit: &mut Option<Option<Limit>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Outcome>>> {
        let bound = *limit.get_or_insert_with(|| self.core.operation_limit());
        let mut session = self.bounded_by(bound);
        loop {
            let turned = ready!(session.poll_until(until, cx));
            if !matches!(turned, Ok(None)) || session.core.session.has_rows(id) {
                *limit = None;
                return Poll::Ready(turned);
            }
        }
    }
}
