//! Replication.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use howdah_net::drive::{Step, Until, drive, flush};
use howdah_types::PgLsn;

use super::{Connection, Session};
use crate::core::replication::{
    Change, ChangeOptions, Feedback, Following, Start, StreamItem, WalData, stream_methods,
};
use crate::core::within::Within;
use crate::error::{Error, Result};

impl Connection {
    /// Starts logical replication from a slot, with these options of its output plugin; gives what the plugin sends.
    ///
    /// It starts at `lsn`, or where the slot is if that is further. The connection has to have been opened with
    /// `replication=database`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// use howdah::types::PgLsn;
    ///
    /// let mut conn = howdah::Connection::connect("dbname=test replication=database")?;
    /// let mut stream = conn.start_replication("a_slot", PgLsn(0), &[("include-xids", "off")])?;
    /// let data = stream.next().expect("data")?;
    /// println!("{} {}", data.start, String::from_utf8_lossy(&data.payload));
    /// stream.close()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, or the connection was not opened for replication, or is closed or lost.
    pub fn start_replication(
        &mut self,
        slot: &str,
        lsn: PgLsn,
        options: &[(&str, &str)],
    ) -> Result<ReplicationStream<'_, WalData>> {
        self.begin_stream(Start::logical(slot, lsn, options))
    }

    /// Starts physical replication: gives the bytes of the log.
    ///
    /// The connection has to have been opened with `replication=true`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// use howdah::types::PgLsn;
    ///
    /// let mut conn = howdah::Connection::connect("replication=true")?;
    /// let start: PgLsn = conn.query_one("IDENTIFY_SYSTEM", ())?.get("xlogpos")?;
    /// let mut stream = conn.start_physical_replication(start, None, None)?;
    /// let data = stream.next().expect("a piece of the log")?;
    /// println!("{} bytes at {}", data.payload.len(), data.start);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`start_replication`](Self::start_replication).
    pub fn start_physical_replication(
        &mut self,
        lsn: PgLsn,
        slot: Option<&str>,
        timeline: Option<u32>,
    ) -> Result<ReplicationStream<'_, WalData>> {
        self.begin_stream(Start::physical(lsn, slot, timeline))
    }

    /// Follows the changes of tables that publications have, from a slot for the plugin `pgoutput`.
    ///
    /// ```no_run
    /// use howdah::replication::{Change, ChangeOptions};
    ///
    /// # fn main() -> Result<(), howdah::Error> {
    /// let mut conn = howdah::Connection::connect("dbname=test replication=database")?;
    /// let options = ChangeOptions::default().binary(true);
    /// let mut stream = conn.follow_changes("a_slot", &["a_publication"], &options)?;
    /// while let Some(change) = stream.next() {
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
    pub fn follow_changes(
        &mut self,
        slot: &str,
        publications: &[&str],
        options: &ChangeOptions,
    ) -> Result<ReplicationStream<'_, Change>> {
        let start = Start::changes(&self.core, slot, publications, options)?;
        self.begin_stream(start)
    }

    fn begin_stream<M: StreamItem>(
        &mut self,
        mut start: Start,
    ) -> Result<ReplicationStream<'_, M>> {
        let mut conn = Within::operation(self, |conn| &mut conn.core);
        conn.settle()?;
        while let Some(question) = start.question(&mut conn.core)? {
            let outcome = conn.perform(|core| Start::ask(core, &question))?;
            start.learn(&conn.core, &question, outcome)?;
        }
        let mut watch = start.watch(&conn.core.known);
        let begun = conn.begin_following(&start);
        drop(conn);
        let following = begun.inspect_err(|error| watch.failed(error))?;
        Ok(ReplicationStream {
            session: self,
            following: following.watched(watch),
            items: PhantomData,
        })
    }

    fn begin_following(&mut self, start: &Start) -> Result<Following> {
        let id = self.begin(|core| start.queue(core))?;
        let begun = loop {
            let outcome = self.turn_until(Until::Rows(id))?;
            if let Some(begun) = Following::begun(&mut self.core, id, start, outcome) {
                break begun;
            }
        };
        if begun.is_err() {
            self.settle()?;
        }
        begun
    }
}

/// What a server sends of its log, from [`Connection::follow_changes`] and its like: an iterator that gives messages as they come.
///
/// It waits for more, and ends when the server ends it; an error is the last item. The server's keepalives are answered, and it is told at
/// intervals how far the client is, whenever a message is asked for: a program that asks for none longer than the server's
/// `wal_sender_timeout` loses the connection. Dropping it ends it, as [`close`](Self::close) does.
///
/// Where operations [have a time](Session::set_operation_timeout), each wait for a message is one; the time of
/// [`within`](Connection::within) is one for all. When it is over there is an error that [`is_timeout`](Error::is_timeout), and the
/// stream goes on: the next message is the one that would have come.
///
/// ```no_run
/// # fn main() -> Result<(), howdah::Error> {
/// use std::time::Duration;
///
/// use howdah::replication::{ChangeOptions, Feedback};
///
/// let mut conn = howdah::Connection::connect("dbname=test replication=database")?;
/// let mut stream = conn.follow_changes("a_slot", &["a_publication"], &ChangeOptions::default())?;
/// while let Some(change) = stream.read_timeout(Duration::from_secs(10))? {
///     println!("{change:?}");
/// }
/// let all = stream.position();
/// stream.send_feedback(Feedback { written: all, flushed: all, ..Feedback::default() })?;
/// stream.close()?;
/// # Ok(())
/// # }
/// ```
pub struct ReplicationStream<'a, M: StreamItem> {
    session: &'a mut Session,
    following: Following,
    items: PhantomData<fn() -> M>,
}

stream_methods!(ReplicationStream);

impl<M: StreamItem> ReplicationStream<'_, M> {
    /// The next message; `None` if none has come in that time, or the stream [has ended](Self::has_ended).
    ///
    /// # Errors
    /// The server's, or the connection is lost, or a message is none of its kind: the stream is over. Or the time of the operation is
    /// over before: the stream goes on.
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Option<M>> {
        self.read(Instant::now().checked_add(timeout))
    }

    /// Tells the server now how far the client is.
    ///
    /// # Errors
    /// The connection is lost. Or the time of the operation is over: what was not sent goes with what is done next.
    pub fn send_feedback(&mut self, feedback: Feedback) -> Result<()> {
        self.following.confirm(&mut self.session.core, feedback);
        let limit = self.session.core.new_limit()?;
        self.following
            .tell(&mut self.session.core, feedback.wants_reply);
        while !self.following.is_over && !self.session.core.session.outgoing().is_empty() {
            let late = self.turn(Until::Sent, limit.map(|limit| limit.give_up))?;
            if let Some(limit) = limit.filter(|_| late) {
                return Err(Error::given_up(limit));
            }
        }
        Ok(())
    }

    /// Ends the stream: the server is told a last time how far the client is. The connection can be used afterwards, for another stream
    /// only if it is physical.
    ///
    /// # Errors
    /// One of the server's that was not given, or the connection is lost.
    pub fn close(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if self.following.needs_no_end(&self.session.core) {
            return self.following.take_end();
        }
        let mut stream = Within::operation(self, |stream| &mut stream.session.core);
        let id = stream.following.id;
        stream
            .session
            .core
            .session
            .end_following(id, Instant::now());
        loop {
            match stream.session.turn() {
                Ok(Some(outcome)) => {
                    let Self {
                        session, following, ..
                    } = &mut *stream;
                    return following.closed(&mut session.core, outcome);
                }
                Ok(None) => {}
                Err(error) => return Err(stream.failed(error)),
            }
        }
    }

    /// The next message; `None` at the end, and when the deadline has passed.
    fn read(&mut self, deadline: Option<Instant>) -> Result<Option<M>> {
        let mut limit = None;
        let mut looked = false;
        loop {
            if self.following.is_status_due(&self.session.core) {
                self.report()?;
            }
            if let Some(item) = self.following.next(&self.session.core) {
                return item.map(Some);
            }
            if self.following.is_over {
                return Ok(None);
            }
            let bound = match limit {
                Some(bound) => bound,
                None => *limit.insert(self.session.core.new_limit()?),
            };
            self.report()?;
            let bound = bound.filter(|bound| deadline.is_none_or(|at| bound.give_up < at));
            let until = Until::Rows(self.following.id);
            let late = self.turn(until, bound.map_or(deadline, |bound| Some(bound.give_up)))?;
            if !self.following.is_over {
                self.following.take_in(&mut self.session.core);
            }
            if late {
                // What is there already has come in time.
                let came = match looked {
                    true => Ok(false),
                    false => self.session.has_come(),
                };
                looked = true;
                if !came.map_err(|error| self.failed(error))? {
                    return bound.map_or(Ok(None), |bound| Err(Error::given_up(bound)));
                }
            }
        }
    }

    /// Tells the server what it is to be told, as far as it takes that at once.
    fn report(&mut self) -> Result<()> {
        let link = &mut self.session.core.session;
        link.report(Instant::now());
        match flush(link, &self.session.socket) {
            Ok(_) => Ok(()),
            Err(lost) => {
                let error = self.session.take_step(Err(lost)).map(drop);
                error.map_err(|error| self.failed(error))
            }
        }
    }

    /// Moves bytes until what is wanted has happened, or the end; tells whether the deadline has passed.
    fn turn(&mut self, until: Until, deadline: Option<Instant>) -> Result<bool> {
        let (link, socket) = (&mut self.session.core.session, &self.session.socket);
        let step = drive(link, socket, until, deadline);
        let timed_out = matches!(step, Ok(Step::TimedOut));
        let ended = self.session.take_step(step);
        if let Some((_, outcome)) = ended.map_err(|error| self.failed(error))? {
            self.session.core.cancel.gate().leave();
            self.following.ended(&mut self.session.core, outcome);
        }
        Ok(timed_out)
    }

    fn failed(&mut self, error: Error) -> Error {
        self.following.give_up(&error);
        error
    }
}

impl<M: StreamItem> Iterator for ReplicationStream<'_, M> {
    type Item = Result<M>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let item = self.read(None).transpose();
            if item.is_some() || self.following.is_over {
                return item;
            }
        }
    }
}

impl<M: StreamItem> Drop for ReplicationStream<'_, M> {
    fn drop(&mut self) {
        if self.session.core.is_closed() || self.session.core.session.is_settled() {
            return;
        }
        // A connection that does not come to rest is closed by this, and says so at its next use.
        let _ = self.end();
        let _ = self.session.settle();
    }
}

impl<M: StreamItem> fmt::Debug for ReplicationStream<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicationStream")
            .field("position", &self.position())
            .field("has_ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}
