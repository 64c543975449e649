//! COPY.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use howdah_net::drive::{Step, Until};

use super::AsyncSession;
use super::session::Running;
use crate::core::LOOKS;
use crate::core::copying::Copying;
use crate::core::within::Within;
use crate::error::Result;
use howdah_net::Limit;

impl AsyncSession {
    /// Runs a `COPY ... FROM STDIN`, and takes its data, in the format that the statement says.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut copy = conn.copy_in("COPY users (id, name) FROM STDIN").await?;
    /// copy.send(b"1\tann\n2\tbob\n").await?;
    /// assert_eq!(copy.finish().await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, or it is another statement, which has been executed then, or the connection is closed or lost. Where there are
    /// others in the same text, those are executed as well, and [`finish`](AsyncCopyIn::finish) fails.
    pub async fn copy_in(&mut self, sql: &str) -> Result<AsyncCopyIn<'_>> {
        let copying = self.bounded().begin_copy(sql, true).await?;
        Ok(AsyncCopyIn::new(self, copying))
    }

    /// Runs a `COPY ... TO STDOUT`, and gives its data as it arrives, in bounded memory: a row at a time.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let mut text = Vec::new();
    /// let mut copy = conn.copy_out("COPY (SELECT 1, 'ann' UNION ALL SELECT 2, 'bob') TO STDOUT").await?;
    /// while let Some(row) = copy.next().await {
    ///     text.extend(row?);
    /// }
    /// assert_eq!(text, b"1\tann\n2\tbob\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`copy_in`](Self::copy_in). Errors of the server's that come behind data come from the stream, as the one that there were
    /// other statements in the same text, which have been executed.
    pub async fn copy_out(&mut self, sql: &str) -> Result<AsyncCopyOut<'_>> {
        let copying = self.bounded().begin_copy(sql, false).await?;
        Ok(AsyncCopyOut::new(self, copying))
    }

    pub(super) async fn begin_copy(&mut self, sql: &str, is_in: bool) -> Result<Copying> {
        let mut watch = self.core.known.watch_copy(sql, is_in);
        match self.begin_unwatched(sql, is_in).await {
            Ok(copying) => Ok(copying.watched(watch)),
            Err(error) => {
                watch.failed(&error);
                Err(error)
            }
        }
    }

    async fn begin_unwatched(&mut self, sql: &str, is_in: bool) -> Result<Copying> {
        let id = self.begin(|core| core.queue_copy(sql)).await?;
        let running = Running(self);
        let begun = poll_fn(|cx| {
            let session = &mut *running.0;
            loop {
                let outcome = ready!(session.poll_until(Until::Rows(id), cx))?;
                if let Some(begun) = Copying::begun(&mut session.core, id, is_in, outcome) {
                    return Poll::Ready(begun);
                }
            }
        })
        .await;
        if begun.is_ok() {
            // The COPY goes on with the connection.
            std::mem::forget(running);
        }
        begun.map_err(|error| error.in_statement(sql))
    }
}

/// A `COPY ... FROM STDIN` that takes data, from [`AsyncSession::copy_in`].
///
/// Dropping it before [`finish`](Self::finish) has the server undo the COPY, and leaves a transaction that it runs in failed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// conn.execute("CREATE TEMP TABLE squares (n int4, square int4)", ()).await?;
/// let mut copy = conn.copy_in("COPY squares FROM STDIN (FORMAT csv)").await?;
/// for n in 1..=3 {
///     copy.send(format!("{n},{}\n", n * n).as_bytes()).await?;
/// }
/// assert_eq!(copy.finish().await?, 3);
/// # Ok(())
/// # }
/// ```
pub struct AsyncCopyIn<'a> {
    pub(super) session: &'a mut AsyncSession,
    pub(super) copying: Copying,
}

impl<'a> AsyncCopyIn<'a> {
    pub(super) fn new(session: &'a mut AsyncSession, copying: Copying) -> Self {
        Self { session, copying }
    }

    /// Sends data, which need not end where a row does. It waits when more was given than the server has taken.
    ///
    /// If the future is dropped, part of the data may have been sent.
    ///
    /// # Errors
    /// What the server says of earlier data, or the connection is lost. The COPY is over then.
    pub async fn send(&mut self, data: &[u8]) -> Result<()> {
        let mut rest = data;
        while !rest.is_empty() {
            let taken = self.copying.gather(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if self.copying.is_full() {
                self.push().await?;
            }
        }
        Ok(())
    }

    /// Ends the data; tells how many rows the server has taken.
    ///
    /// # Errors
    /// What the server says of the data, or the connection is lost. Or there were other statements in the same text: all of them have
    /// been executed then, and the rows of the COPY are stored.
    pub async fn finish(mut self) -> Result<u64> {
        self.end().await
    }

    pub(super) async fn end(&mut self) -> Result<u64> {
        let mut copy = self.bounded();
        while copy.copying.is_long() {
            copy.push_piece().await?;
        }
        copy.wait_until_sent().await?;
        copy.queue_piece()?;
        copy.queue_end();
        while !copy.copying.is_over {
            copy.turn(Until::Idle).await?;
        }
        copy.copying.take_end()
    }

    /// Sends what was gathered.
    pub(super) async fn push(&mut self) -> Result<()> {
        let mut copy = self.bounded();
        while copy.push_piece().await? {}
        Ok(())
    }

    /// This COPY, for one operation that begins now.
    fn bounded(&mut self) -> Within<'_, Self> {
        Within::operation(self, |copy| &mut copy.session.core)
    }

    fn queue_piece(&mut self) -> Result<bool> {
        self.copying.queue_piece(&mut self.session.core)
    }

    fn queue_end(&mut self) {
        self.copying.queue_end(&mut self.session.core);
    }

    /// Sends a piece of what was gathered; tells whether there was any.
    async fn push_piece(&mut self) -> Result<bool> {
        // What is left of a send whose future was dropped goes before.
        self.wait_until_sent().await?;
        let queued = self.queue_piece()?;
        self.wait_until_sent().await?;
        self.hear().await?;
        Ok(queued)
    }

    /// Takes in what the server has said, without waiting for more: also where the runtime has not heard of it, which it does not
    /// as long as a task never gives way.
    async fn hear(&mut self) -> Result<()> {
        for _ in 0..LOOKS {
            let received = self.session.receive_now();
            if !received.inspect_err(|error| self.copying.fail(error))? {
                break;
            }
            // An error may have notices before it.
            while !self.turn(Until::Sent).await? {}
            self.wait_until_sent().await?;
        }
        Ok(())
    }

    async fn wait_until_sent(&mut self) -> Result<()> {
        while !self.copying.is_over && !self.session.core.session.outgoing().is_empty() {
            self.turn(Until::Sent).await?;
        }
        if self.copying.is_over {
            return self.copying.take_end().map(drop);
        }
        Ok(())
    }

    /// One turn; tells whether what is waited for has happened, or the COPY is over.
    async fn turn(&mut self, until: Until) -> Result<bool> {
        let turned = poll_fn(|cx| self.session.poll_bounded(until, cx)).await;
        let done = matches!(turned, Ok(Step::Done));
        let ended = turned.and_then(|step| self.session.take_step(Ok(step)));
        if let Some(outcome) = ended.inspect_err(|error| self.copying.fail(error))? {
            self.session.core.cancel.gate().leave();
            self.copying.ended(&mut self.session.core, outcome);
        }
        Ok(done || self.copying.is_over)
    }
}

impl Drop for AsyncCopyIn<'_> {
    fn drop(&mut self) {
        self.session.detach();
    }
}

impl fmt::Debug for AsyncCopyIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCopyIn").finish_non_exhaustive()
    }
}

/// The data of a `COPY ... TO STDOUT` as it arrives, from [`AsyncSession::copy_out`].
///
/// It is a `Stream`; [`next`](Self::next) is there for those who use no other crate for streams. An item is what the server sends at
/// once, which is a row. An error is the last item. Dropping it before its end cancels the statement, which leaves a transaction
/// that it runs in failed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// let mut lines = conn.copy_out("COPY (SELECT generate_series(1, 3)) TO STDOUT").await?;
/// assert_eq!(lines.next().await.expect("a row")?, b"1\n");
/// // The rest is not sent.
/// drop(lines);
/// # Ok(())
/// # }
/// ```
pub struct AsyncCopyOut<'a> {
    pub(super) session: &'a mut AsyncSession,
    pub(super) copying: Copying,
    /// What bounds the wait that goes on.
    limit: Option<Option<Limit>>,
}

impl<'a> AsyncCopyOut<'a> {
    pub(super) fn new(session: &'a mut AsyncSession, copying: Copying) -> Self {
        Self {
            session,
            copying,
            limit: None,
        }
    }

    /// The next of the data; `None` when there is no more.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>>> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>>>> {
        loop {
            if let Some(message) = self.copying.next_message() {
                return Poll::Ready(Some(message));
            }
            if self.copying.is_over {
                return Poll::Ready(None);
            }
            if let Err(error) = ready!(self.poll_receive(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    /// Waits for more of the data, or its end.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let (id, limit) = (self.copying.id, &mut self.limit);
        let turned = self.session.poll_rows(id, Until::Rows(id), limit, cx);
        match ready!(turned) {
            Ok(Some(outcome)) => self.copying.ended(&mut self.session.core, outcome),
            Ok(None) => self.copying.take_in(&mut self.session.core),
            Err(error) => {
                self.copying.fail(&error);
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream for AsyncCopyOut<'_> {
    type Item = Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx)
    }
}

impl Drop for AsyncCopyOut<'_> {
    fn drop(&mut self) {
        self.session.detach();
    }
}

impl fmt::Debug for AsyncCopyOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCopyOut").finish_non_exhaustive()
    }
}
