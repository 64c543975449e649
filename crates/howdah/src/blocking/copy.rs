//! COPY.

use std::fmt;
use std::io;

use howdah_net::drive::{Step, Until};

use super::Session;
use crate::core::LOOKS;
use crate::core::copying::Copying;
use crate::core::within::Within;
use crate::error::Result;

impl Session {
    /// Runs a `COPY ... FROM STDIN`, and takes its data, in the format that the statement says.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut copy = conn.copy_in("COPY users (id, name) FROM STDIN")?;
    /// copy.send(b"1\tann\n2\tbob\n")?;
    /// assert_eq!(copy.finish()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, or it is another statement, which has been executed then, or the connection is closed or lost. Where there are
    /// others in the same text, those are executed as well, and [`finish`](CopyIn::finish) fails.
    pub fn copy_in(&mut self, sql: &str) -> Result<CopyIn<'_>> {
        let copying = self.bounded().begin_copy(sql, true)?;
        Ok(CopyIn::new(self, copying))
    }

    /// Runs a `COPY ... TO STDOUT`, and gives its data as it arrives, in bounded memory: a row at a time.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut text = Vec::new();
    /// for row in conn.copy_out("COPY (SELECT 1, 'ann' UNION ALL SELECT 2, 'bob') TO STDOUT")? {
    ///     text.extend(row?);
    /// }
    /// assert_eq!(text, b"1\tann\n2\tbob\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`copy_in`](Self::copy_in). Errors of the server's that come behind data come from the iterator, as the one that there were
    /// other statements in the same text, which have been executed.
    pub fn copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>> {
        let copying = self.bounded().begin_copy(sql, false)?;
        Ok(CopyOut::new(self, copying))
    }

    pub(super) fn begin_copy(&mut self, sql: &str, is_in: bool) -> Result<Copying> {
        let mut watch = self.core.known.watch_copy(sql, is_in);
        match self.begin_unwatched(sql, is_in) {
            Ok(copying) => Ok(copying.watched(watch)),
            Err(error) => {
                watch.failed(&error);
                Err(error)
            }
        }
    }

    fn begin_unwatched(&mut self, sql: &str, is_in: bool) -> Result<Copying> {
        let id = self.begin(|core| core.queue_copy(sql))?;
        let begun = loop {
            let outcome = self.turn_until(Until::Rows(id))?;
            if let Some(begun) = Copying::begun(&mut self.core, id, is_in, outcome) {
                break begun;
            }
        };
        if begun.is_err() {
            self.settle()?;
        }
        begun.map_err(|error| error.in_statement(sql))
    }
}

/// A `COPY ... FROM STDIN` that takes data, from [`Session::copy_in`].
///
/// It is an `io::Write`. Dropping it before [`finish`](Self::finish) has the server undo the COPY, and leaves a transaction that it
/// runs in failed.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use std::io::Write;
///
/// conn.execute("CREATE TEMP TABLE squares (n int4, square int4)", ())?;
/// let mut copy = conn.copy_in("COPY squares FROM STDIN (FORMAT csv)")?;
/// for n in 1..=3 {
///     writeln!(copy, "{n},{}", n * n)?;
/// }
/// assert_eq!(copy.finish()?, 3);
/// # Ok(())
/// # }
/// ```
pub struct CopyIn<'a> {
    pub(super) session: &'a mut Session,
    pub(super) copying: Copying,
}

impl<'a> CopyIn<'a> {
    pub(super) fn new(session: &'a mut Session, copying: Copying) -> Self {
        Self { session, copying }
    }

    /// Sends data, which need not end where a row does. It waits when more was given than the server has taken.
    ///
    /// # Errors
    /// What the server says of earlier data, or the connection is lost. The COPY is over then.
    pub fn send(&mut self, data: &[u8]) -> Result<()> {
        let mut rest = data;
        while !rest.is_empty() {
            let taken = self.copying.gather(rest);
            rest = rest.get(taken..).unwrap_or_default();
            if self.copying.is_full() {
                self.push()?;
            }
        }
        Ok(())
    }

    /// Ends the data; tells how many rows the server has taken.
    ///
    /// # Errors
    /// What the server says of the data, or the connection is lost. Or there were other statements in the same text: all of them have
    /// been executed then, and the rows of the COPY are stored.
    pub fn finish(mut self) -> Result<u64> {
        self.end()
    }

    pub(super) fn end(&mut self) -> Result<u64> {
        let mut copy = self.bounded();
        while copy.copying.is_long() {
            copy.push_piece()?;
        }
        copy.wait_until_sent()?;
        copy.queue_piece()?;
        copy.queue_end();
        while !copy.copying.is_over {
            copy.turn(Until::Idle)?;
        }
        copy.copying.take_end()
    }

    /// Sends what was gathered.
    pub(super) fn push(&mut self) -> Result<()> {
        let mut copy = self.bounded();
        while copy.push_piece()? {}
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
    fn push_piece(&mut self) -> Result<bool> {
        // What is left of a send that was given up goes before.
        self.wait_until_sent()?;
        let queued = self.queue_piece()?;
        self.wait_until_sent()?;
        self.hear()?;
        Ok(queued)
    }

    /// Takes in what the server has said, without waiting for more.
    fn hear(&mut self) -> Result<()> {
        for _ in 0..LOOKS {
            let received = self.session.has_come();
            if !received.inspect_err(|error| self.copying.fail(error))? {
                break;
            }
            // An error may have notices before it.
            while !self.turn(Until::Sent)? {}
            self.wait_until_sent()?;
        }
        Ok(())
    }

    fn wait_until_sent(&mut self) -> Result<()> {
        while !self.copying.is_over && !self.session.core.session.outgoing().is_empty() {
            self.turn(Until::Sent)?;
        }
        if self.copying.is_over {
            return self.copying.take_end().map(drop);
        }
        Ok(())
    }

    /// One turn; tells whether what is waited for has happened, or the COPY is over.
    fn turn(&mut self, until: Until) -> Result<bool> {
        let step = self.session.step(until);
        let done = matches!(step, Ok(Step::Done));
        let ended = self.session.take_bounded(step);
        if let Some((_, outcome)) = ended.inspect_err(|error| self.copying.fail(error))? {
            self.session.core.cancel.gate().leave();
            self.copying.ended(&mut self.session.core, outcome);
        }
        Ok(done || self.copying.is_over)
    }
}

impl io::Write for CopyIn<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.send(data).map_err(io::Error::other)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push().map_err(io::Error::other)
    }
}

impl Drop for CopyIn<'_> {
    fn drop(&mut self) {
        leave(self.session, &self.copying);
    }
}

impl fmt::Debug for CopyIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyIn").finish_non_exhaustive()
    }
}

/// The data of a `COPY ... TO STDOUT` as it arrives, from [`Session::copy_out`].
///
/// An item is what the server sends at once, which is a row. An error is the last item. Dropping it before its end cancels the
/// statement, which leaves a transaction that it runs in failed.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let lines = conn.copy_out("COPY (SELECT generate_series(1, 3)) TO STDOUT")?;
/// let lines: Vec<Vec<u8>> = lines.collect::<Result<_, _>>()?;
/// assert_eq!(lines, [b"1\n", b"2\n", b"3\n"]);
/// # Ok(())
/// # }
/// ```
pub struct CopyOut<'a> {
    pub(super) session: &'a mut Session,
    pub(super) copying: Copying,
}

impl<'a> CopyOut<'a> {
    pub(super) fn new(session: &'a mut Session, copying: Copying) -> Self {
        Self { session, copying }
    }
}

impl Iterator for CopyOut<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.copying.next_message() {
                return Some(message);
            }
            if self.copying.is_over {
                return None;
            }
            if let Err(error) = self.receive() {
                return Some(Err(error));
            }
        }
    }
}

impl CopyOut<'_> {
    /// Waits for more of the data, or its end.
    pub(super) fn receive(&mut self) -> Result<()> {
        let (until, mut session) = (Until::Rows(self.copying.id), self.session.bounded());
        loop {
            match session.turn_until(until) {
                Ok(Some(outcome)) => self.copying.ended(&mut session.core, outcome),
                Ok(None) => self.copying.take_in(&mut session.core),
                Err(error) => {
                    self.copying.fail(&error);
                    return Err(error);
                }
            }
            if self.copying.is_over || self.copying.has_messages() {
                return Ok(());
            }
        }
    }
}

impl Drop for CopyOut<'_> {
    fn drop(&mut self) {
        leave(self.session, &self.copying);
    }
}

impl fmt::Debug for CopyOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOut").finish_non_exhaustive()
    }
}

fn leave(session: &mut Session, copying: &Copying) {
    if !copying.is_over && !session.core.is_closed() {
        // A connection that does not come to rest is closed by this, and says so at its next use.
        let _ = session.bounded().settle();
    }
}
