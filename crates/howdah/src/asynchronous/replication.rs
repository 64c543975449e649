//! Replication.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_core::Stream;
use howdah_net::Limit;
use howdah_net::drive::{Until, flush};
use howdah_protocol::session::Outcome;
use howdah_types::PgLsn;

use super::session::Running;
use super::timer::Timer;
use super::{AsyncConnection, AsyncSession};
use crate::core::replication::{
    Change, ChangeOptions, Feedback, Following, Start, StreamItem, WalData, stream_methods,
};
use crate::core::within::Within;
use crate::error::{Error, Result};

impl AsyncConnection {
    /// Starts logical replication from a slot, with these options of its output plugin; gives what the plugin sends.
    ///
    /// It starts at `lsn`, or where the slot is if that is further. The connection has to have been opened with
    /// `replication=database`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), howdah::Error> {
    /// use howdah::types::PgLsn;
    ///
    /// let mut conn = howdah::AsyncConnection::connect("dbname=test replication=database").await?;
    /// let mut stream = conn.start_replication("a_slot", PgLsn(0), &[("include-xids", "off")]).await?;
    /// let data = stream.next().await.expect("data")?;
    /// println!("{} {}", data.start, String::from_utf8_lossy(&data.payload));
    /// stream.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, or the connection was not opened for replication, or is closed or lost.
    pub async fn start_replication(
        &mut self,
        slot: &str,
        lsn: PgLsn,
        options: &[(&str, &str)],
    ) -> Result<AsyncReplicationStream<'_, WalData>> {
        self.begin_stream(Start::logical(slot, lsn, options)).await
    }

    /// Starts physical replication: gives the bytes of the log.
    ///
    /// The connection has to have been opened with `replication=true`.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), howdah::Error> {
    /// use howdah::types::PgLsn;
    ///
    /// let mut conn = howdah::AsyncConnection::connect("replication=true").await?;
    /// let start: PgLsn = conn.query_one("IDENTIFY_SYSTEM", ()).await?.get("xlogpos")?;
    /// let mut stream = conn.start_physical_replication(start, None, None).await?;
    /// let data = stream.next().await.expect("a piece of the log")?;
    /// println!("{} bytes at {}", data.payload.len(), data.start);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start_replication`](Self::start_replication).
    pub async fn start_physical_replication(
        &mut self,
        lsn: PgLsn,
        slot: Option<&str>,
        timeline: Option<u32>,
    ) -> Result<AsyncReplicationStream<'_, WalData>> {
        self.begin_stream(Start::physical(lsn, slot, timeline))
            .await
    }

    /// Follows the changes of tables that publications have, from a slot for the plugin `pgoutput`.
    ///
    /// ```no_run
    /// use howdah::replication::{Change, ChangeOptions};
    ///
    /// # async fn example() -> Result<(), howdah::Error> {
    /// let mut conn = howdah::AsyncConnection::connect("dbname=test replication=database").await?;
    /// let options = ChangeOptions::default().binary(true);
    /// let mut stream = conn.follow_changes("a_slot", &["a_publication"], &options).await?;
    /// while let Some(change) = stream.next().await {
    ///     let change = change?;
    ///     if let Change::Insert(insert) = &change {
    ///         println!("{}: {}", insert.relation.name, insert.new.get::<i32>("id")?);
    ///     }
    ///     if let Some(end) = change.end_lsn() {
    ///         // All of the transaction is on disk here.
    ///         stream.flushed(end);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Types of users are looked up before, those of the columns that are published by then; later ones are read as text.
    ///
    /// # Errors
    /// As [`start_replication`](Self::start_replication).
    pub async fn follow_changes(
        &mut self,
        slot: &str,
        publications: &[&str],
        options: &ChangeOptions,
    ) -> Result<AsyncReplicationStream<'_, Change>> {
        let start = Start::changes(&self.core, slot, publications, options)?;
        self.begin_stream(start).await
    }

    async fn begin_stream<M: StreamItem>(
        &mut self,
        mut start: Start,
    ) -> Result<AsyncReplicationStream<'_, M>> {
        let mut conn = Within::operation(self, |conn| &mut conn.core);
        conn.settle().await?;
        while let Some(question) = start.question(&mut conn.core)? {
            let outcome = conn.perform(|core| Start::ask(core, &question)).await?;
            start.learn(&conn.core, &question, outcome)?;
        }
        let mut watch = start.watch(&conn.core.known);
        let begun = conn.begin_following(&start).await;
        drop(conn);
        let following = begun.inspect_err(|error| watch.failed(error))?;
        Ok(AsyncReplicationStream {
            session: self,
            following: following.watched(watch),
            timer: Timer::default(),
            limit: None,
            items: PhantomData,
        })
    }

    async fn begin_following(&mut self, start: &Start) -> Result<Following> {
        let id = self.begin(|core| start.queue(core)).await?;
        let running = Running(self);
        let begun = poll_fn(|cx| {
            let session = &mut *running.0;
            loop {
                let outcome = ready!(session.poll_until(Until::Rows(id), cx))?;
                if let Some(begun) = Following::begun(&mut session.core, id, start, outcome) {
                    return Poll::Ready(begun);
                }
            }
        })
        .await?;
        // The stream goes on with the connection.
        std::mem::forget(running);
        Ok(begun)
    }
}

/// What a server sends of its log, from [`AsyncConnection::follow_changes`] and its like, as it comes.
///
/// It is a `Stream`; [`next`](Self::next) is there for those who use no other crate for streams. It waits for more, and ends when the
/// server ends it; an error is the last item. A future of `next()` that is dropped loses nothing: `tokio::time::timeout()` is how to
/// wait for some time.
///
/// Where operations [have a time](AsyncSession::set_operation_timeout), each wait for a message is one; the time of
/// [`within`](AsyncConnection::within) is one for all. When it is over there is an error that [`is_timeout`](Error::is_timeout), and the
/// stream goes on: the next message is the one that would have come.
///
/// The server's keepalives are answered, and it is told at intervals how far the client is, while a message is waited for: there is
/// no task behind the stream, and a program that asks for none longer than the server's `wal_sender_timeout` loses the connection.
/// Dropping the stream tells the server to end it; the next operation waits for that.
///
/// ```no_run
/// # async fn example() -> Result<(), howdah::Error> {
/// use std::time::Duration;
///
/// use howdah::replication::{ChangeOptions, Feedback};
/// use tokio::time::timeout;
///
/// let mut conn = howdah::AsyncConnection::connect("dbname=test replication=database").await?;
/// let mut stream = conn.follow_changes("a_slot", &["a_publication"], &ChangeOptions::default()).await?;
/// while let Ok(Some(change)) = timeout(Duration::from_secs(10), stream.next()).await {
///     println!("{:?}", change?);
/// }
/// let all = stream.position();
/// stream.send_feedback(Feedback { written: all, flushed: all, ..Feedback::default() }).await?;
/// stream.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct AsyncReplicationStream<'a, M: StreamItem> {
    session: &'a mut AsyncSession,
    following: Following,
    /// Goes off when the server is to be told something, or the time of the operation is over.
    timer: Timer,
    /// What bounds the wait that goes on.
    limit: Option<Option<Limit>>,
    items: PhantomData<fn() -> M>,
}

stream_methods!(AsyncReplicationStream);

impl<M: StreamItem> AsyncReplicationStream<'_, M> {
    /// The next message; `None` when the stream [has ended](Self::has_ended).
    pub async fn next(&mut self) -> Option<Result<M>> {
        // The wait of a future that was dropped is over.
        self.limit = None;
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Tells the server now how far the client is.
    ///
    /// # Errors
    /// The connection is lost. Or the time of the operation is over: what was not sent goes with what is done next.
    pub async fn send_feedback(&mut self, feedback: Feedback) -> Result<()> {
        self.following.confirm(&mut self.session.core, feedback);
        let limit = self.session.core.new_limit()?;
        self.following
            .tell(&mut self.session.core, feedback.wants_reply);
        while !self.following.is_over && !self.session.core.session.outgoing().is_empty() {
            if let Some(limit) = limit.filter(Limit::is_over) {
                return Err(Error::given_up(limit));
            }
            let turned = poll_fn(|cx| self.poll_turn(Until::Sent, limit, cx)).await?;
            if let Some(outcome) = turned {
                self.following.ended(&mut self.session.core, outcome);
            }
        }
        Ok(())
    }

    /// Ends the stream: the server is told a last time how far the client is. The connection can be used afterwards, for another stream
    /// only if it is physical.
    ///
    /// # Errors
    /// One of the server's that was not given, or the connection is lost.
    pub async fn close(mut self) -> Result<()> {
        if self.following.needs_no_end(&self.session.core) {
            return self.following.take_end();
        }
        let mut stream = Within::operation(&mut self, |stream| &mut stream.session.core);
        let id = stream.following.id;
        let session = &mut stream.session.core.session;
        session.end_following(id, Instant::now());
        loop {
            let turned = poll_fn(|cx| stream.poll_ending(cx)).await;
            if let Some(outcome) = turned.map_err(|error| stream.failed(error))? {
                let Self {
                    session, following, ..
                } = &mut *stream;
                return following.closed(&mut session.core, outcome);
            }
        }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<M>>> {
        let item = ready!(self.poll_read(cx));
        self.limit = None;
        Poll::Ready(item.transpose())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<M>>> {
        let mut looked = false;
        loop {
            if self.following.is_status_due(&self.session.core) {
                self.report()?;
            }
            if let Some(item) = self.following.next(&self.session.core) {
                return Poll::Ready(item.map(Some));
            }
            if self.following.is_over {
                return Poll::Ready(Ok(None));
            }
            let limit = match self.limit {
                Some(limit) => limit,
                None => *self.limit.insert(self.session.core.new_limit()?),
            };
            if let Some(limit) = limit.filter(Limit::is_over) {
                // What is there already has come in time.
                let came = match looked {
                    true => Ok(false),
                    false => self.session.receive_now(),
                };
                looked = true;
                if !came.map_err(|error| self.failed(error))? {
                    return Poll::Ready(Err(Error::given_up(limit)));
                }
            }
            self.report()?;
            match ready!(self.poll_turn(Until::Rows(self.following.id), limit, cx))? {
                Some(outcome) => self.following.ended(&mut self.session.core, outcome),
                None => self.following.take_in(&mut self.session.core),
            }
        }
    }

    /// Tells the server what it is to be told, as far as it takes that at once.
    fn report(&mut self) -> Result<()> {
        let link = &mut self.session.core.session;
        link.report(Instant::now());
        match flush(link, &self.session.link.socket) {
            Ok(_) => Ok(()),
            Err(lost) => {
                let error = self.session.lose(lost);
                Err(self.failed(error))
            }
        }
    }

    /// One turn, and what the session has to do at its time; ready also when that of the operation is over, by which nothing is given
    /// up.
    fn poll_turn(
        &mut self,
        until: Until,
        limit: Option<Limit>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Outcome>>> {
        loop {
            self.session.poll_cancel_ended(cx);
            let turned = self.session.bounded_by(None).poll_until(until, cx);
            if let Poll::Ready(turned) = turned {
                return Poll::Ready(turned.map_err(|error| self.failed(error)));
            }
            let due = self.session.core.session.poll_timeout();
            let give_up = limit.map(|limit| limit.give_up);
            ready!(self.timer.poll(due.into_iter().chain(give_up).min(), cx));
            if limit.is_some_and(|limit| limit.is_over()) {
                return Poll::Ready(Ok(None));
            }
        }
    }

    /// One turn of a stream that is being ended; if the time is over, that is given up.
    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Outcome>>> {
        loop {
            self.session.poll_cancel_ended(cx);
            if let Poll::Ready(turned) = self.session.poll_until(Until::Idle, cx) {
                return Poll::Ready(turned);
            }
            let due = self.session.core.session.poll_timeout();
            ready!(self.timer.poll(due, cx));
        }
    }

    fn failed(&mut self, error: Error) -> Error {
        self.following.give_up(&error);
        error
    }
}

impl<M: StreamItem> Stream for AsyncReplicationStream<'_, M> {
    type Item = Result<M>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl<M: StreamItem> Drop for AsyncReplicationStream<'_, M> {
    fn drop(&mut self) {
        if !self.following.needs_no_end(&self.session.core) {
            // It is asked to cancel a moment later only: a server that is asked at once may not read what it is told.
            let id = self.following.id;
            self.session.core.session.end_following(id, Instant::now());
        }
        self.session.detach();
    }
}

impl<M: StreamItem> fmt::Debug for AsyncReplicationStream<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReplicationStream")
            .field("position", &self.position())
            .field("has_ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}
