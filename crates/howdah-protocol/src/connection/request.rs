//! Requests: each method appends its message to the outgoing bytes and notes which answer is expected.

use std::num::NonZeroU32;

use super::reply::{Asked, Copying, Expected, Followed, Formats};
use super::{Columns, Connection, Phase};
use crate::error::{OutOfMemory, UsageError};
use crate::memory::{Kept, room};
use crate::wire::{Format, IsNull, frontend};

/// The parameters of a Bind message, written value by value before it is known which statement they go to.
#[derive(Debug, Default, Clone)]
pub struct Params {
    /// Format of each value.
    pub formats: Vec<Format>,
    /// Type OID of each value; 0 lets the server decide.
    pub oids: Vec<u32>,
    /// Each value as an i32 length and its bytes; length -1 is NULL.
    pub values: Vec<u8>,
    kept: Kept,
}

impl Params {
    /// How many parameters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.formats.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.formats.is_empty()
    }

    /// The values in order, `None` for NULL.
    pub fn values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut rest = self.values.as_slice();
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first_chunk::<4>()?;
            let len = usize::try_from(i32::from_be_bytes(*len)).ok();
            let (value, behind) = behind.split_at_checked(len.unwrap_or_default())?;
            rest = behind;
            Some(len.map(|_| value))
        })
    }

    /// Forgets the values and keeps the memory, up to a bound.
    pub fn clear(&mut self) {
        self.formats.clear();
        self.oids.clear();
        self.kept.clear(&mut self.values);
    }

    /// Appends one value, which `write` puts behind what is already in the buffer.
    ///
    /// # Errors
    /// What `write` gives, or a value too large for a message. The parameters are as before then.
    #[inline]
    pub fn push<E: From<UsageError>>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<Written, E>,
    ) -> Result<(), E> {
        room(&mut self.oids, 1).map_err(out_of_memory)?;
        room(&mut self.formats, 1).map_err(out_of_memory)?;
        let mut how = (0, Format::Text);
        frontend::value(&mut self.values, |out| {
            let written = write(out)?;
            how = (written.oid, written.format);
            Ok::<_, E>(written.null)
        })?;
        self.oids.push(how.0);
        self.formats.push(how.1);
        Ok(())
    }
}

fn out_of_memory<E: From<UsageError>>(error: OutOfMemory) -> E {
    UsageError::from(error).into()
}

/// What was written for one parameter.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// OID of its type; 0 lets the server decide.
    pub oid: u32,
    /// Format of the bytes.
    pub format: Format,
    /// Whether it is NULL; bytes written all the same are dropped.
    pub null: IsNull,
}

/// A place to go back to when a sequence of requests cannot be completed.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    outbox: usize,
    expected: usize,
}

impl Connection {
    /// Remembers the requests made so far. Nothing may be written to the socket between this and [`Connection::forget_since`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            outbox: self.outbox.len(),
            expected: self.replies.expected.len(),
        }
    }

    /// Takes back the requests made since `mark`.
    pub fn forget_since(&mut self, mark: Mark) {
        self.outbox.truncate(mark.outbox);
        let before = self.replies.expected.len();
        self.replies.expected.truncate(mark.expected);
        let forgotten = before.saturating_sub(mark.expected);
        self.asked -= u64::try_from(forgotten).unwrap_or_default();
    }

    /// How many answers have been asked for since the start.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// How many of those have been given, or will not be because of an earlier error.
    #[must_use]
    pub fn answered(&self) -> u64 {
        let open = u64::try_from(self.replies.expected.len()).unwrap_or(u64::MAX);
        self.asked.saturating_sub(open)
    }

    fn ask(&mut self, answer: Expected) {
        self.asked += 1;
        if self.replies.expected.is_empty() && matches!(self.phase, Phase::Open) {
            self.stale = self.inbox.unread().len();
        }
        self.replies.skipping &= !matches!(answer, Expected::Sync);
        if !self.replies.skipping {
            self.replies.expected.push_back(answer);
        }
    }

    /// Query: one or more statements without parameters, by the simple protocol. Ends with [`super::Event::Ready`].
    ///
    /// # Errors
    /// A NUL in the text, or more than 1 GiB of it. Nothing has been queued then, as for all requests.
    pub fn query(&mut self, sql: &[u8]) -> Result<(), UsageError> {
        frontend::query(&mut self.outbox, sql)?;
        self.ask(Expected::Query);
        Ok(())
    }

    /// Parse: prepares `sql` under `name`, or as the unnamed statement.
    ///
    /// # Errors
    /// A NUL in a text, too many types, too large.
    pub fn parse(
        &mut self,
        name: &[u8],
        sql: &[u8],
        oids: &[u32],
        silent: bool,
    ) -> Result<(), UsageError> {
        frontend::parse(&mut self.outbox, name, sql, oids)?;
        self.ask(Expected::Parse { silent });
        Ok(())
    }

    /// Bind: gives the statement its parameters and makes the unnamed portal.
    ///
    /// # Errors
    /// A NUL in the name, more than 65,535 parameters, more than 1 GiB of values.
    pub fn bind(
        &mut self,
        statement: &[u8],
        params: &Params,
        result_formats: &[Format],
    ) -> Result<(), UsageError> {
        self.bind_portal(b"", statement, params, result_formats)
    }

    /// Bind: gives the statement its parameters and makes a portal, which must not exist unless it is the unnamed one.
    ///
    /// # Errors
    /// As [`Connection::bind`].
    pub fn bind_portal(
        &mut self,
        portal: &[u8],
        statement: &[u8],
        params: &Params,
        result_formats: &[Format],
    ) -> Result<(), UsageError> {
        frontend::bind(
            &mut self.outbox,
            portal,
            statement,
            &params.formats,
            &params.values,
            params.len(),
            result_formats,
        )?;
        self.ask(Expected::Bind);
        Ok(())
    }

    /// Describe, of the unnamed portal.
    ///
    /// # Errors
    /// None at present.
    pub fn describe_portal(&mut self) -> Result<(), UsageError> {
        frontend::describe_portal(&mut self.outbox, b"")?;
        self.ask(Expected::DescribePortal { tell: false });
        Ok(())
    }

    /// Describe, of a portal, as an end in itself: the answer is [`super::Event::Described`].
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn ask_portal_description(&mut self, name: &[u8]) -> Result<(), UsageError> {
        frontend::describe_portal(&mut self.outbox, name)?;
        self.ask(Expected::DescribePortal { tell: true });
        Ok(())
    }

    /// Describe, of a statement. `all_binary` says in which format its result will be asked for.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn describe_statement(&mut self, name: &[u8], all_binary: bool) -> Result<(), UsageError> {
        frontend::describe_statement(&mut self.outbox, name)?;
        let formats = if all_binary {
            Formats::AllBinary
        } else {
            Formats::AsDescribed
        };
        self.ask(Expected::DescribeStatement {
            formats,
            tell: false,
        });
        Ok(())
    }

    /// Describe, of a statement, as an end in itself: the answer is [`super::Event::Parameters`], then `Described`.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn ask_description(&mut self, name: &[u8]) -> Result<(), UsageError> {
        frontend::describe_statement(&mut self.outbox, name)?;
        self.ask(Expected::DescribeStatement {
            formats: Formats::AsDescribed,
            tell: true,
        });
        Ok(())
    }

    /// Execute, of the unnamed portal, which was described just before. `max_rows` 0 means all.
    ///
    /// # Errors
    /// None at present.
    pub fn execute(&mut self, max_rows: u32, silent: bool) -> Result<(), UsageError> {
        self.push_execute(b"", max_rows, silent, Asked::Described)
    }

    /// Execute, of the unnamed portal, whose columns are known from an earlier description.
    ///
    /// # Errors
    /// None at present.
    pub fn execute_known(
        &mut self,
        max_rows: u32,
        columns: Option<Columns>,
    ) -> Result<(), UsageError> {
        self.execute_portal(b"", max_rows, columns)
    }

    /// Execute, of a portal whose columns are known from an earlier description. Where `max_rows` is not 0 the result may be
    /// [`Suspended`](super::Ending::Suspended) after so many rows; more of them break the protocol.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn execute_portal(
        &mut self,
        portal: &[u8],
        max_rows: u32,
        columns: Option<Columns>,
    ) -> Result<(), UsageError> {
        self.push_execute(portal, max_rows, false, Asked::Known(columns))
    }

    fn push_execute(
        &mut self,
        portal: &[u8],
        max_rows: u32,
        silent: bool,
        columns: Asked,
    ) -> Result<(), UsageError> {
        // What the field cannot hold is as good as all.
        let limit = i32::try_from(max_rows).unwrap_or(i32::MAX);
        frontend::execute(&mut self.outbox, portal, limit)?;
        self.ask(Expected::Execute {
            silent,
            columns,
            limit: NonZeroU32::new(limit.unsigned_abs()),
        });
        Ok(())
    }

    /// Close, of a statement. Closing one that does not exist is no error.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn close_statement(&mut self, name: &[u8], silent: bool) -> Result<(), UsageError> {
        frontend::close_statement(&mut self.outbox, name)?;
        self.ask(Expected::Close { silent });
        Ok(())
    }

    /// Close, of a portal. Closing one that does not exist is no error.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn close_portal(&mut self, name: &[u8], silent: bool) -> Result<(), UsageError> {
        frontend::close_portal(&mut self.outbox, name)?;
        self.ask(Expected::Close { silent });
        Ok(())
    }

    /// Sync: ends a sequence of extended requests. Ends with [`super::Event::Ready`].
    pub fn sync(&mut self) {
        frontend::sync(&mut self.outbox);
        self.ask(Expected::Sync);
    }

    /// Flush: has the server send the answers it has so far. It has no answer itself.
    pub fn flush(&mut self) {
        frontend::flush(&mut self.outbox);
    }

    /// CopyData, after [`super::Event::CopyIn`] or `CopyBoth`.
    ///
    /// # Errors
    /// More than 1 GiB at once.
    pub fn copy_data(&mut self, data: &[u8]) -> Result<(), UsageError> {
        frontend::copy_data(&mut self.outbox, data)
    }

    /// Has the data of a COPY TO STDOUT that has begun kept like rows, each message one, instead of being an event:
    /// [`Connection::take_rows`] takes it, and what was not taken comes with the result.
    pub fn keep_copy_data(&mut self) {
        if self.replies.copy == Copying::Out {
            self.replies.copy = Copying::OutKept;
        }
    }

    /// Has the data of a two-way COPY that has begun kept like rows, each message one, save for keepalives, which are events.
    ///
    /// What was not taken when the server ends it comes with a result without a tag; what the server says of the end follows, in
    /// results of their own. The client has to answer with [`Connection::end_following`].
    pub fn follow(&mut self) {
        if self.replies.copy == Copying::Both {
            self.replies.copy = Copying::Following;
            self.replies.followed = Followed::default();
        }
    }

    /// Whether the server sends the data of such a COPY, and takes what the client says of it.
    #[must_use]
    pub fn is_following(&self) -> bool {
        self.replies.copy == Copying::Following
    }

    /// How far the data of such a COPY has come: where its last message starts, and where that would end if it were the log itself.
    #[must_use]
    pub fn followed_to(&self) -> (u64, u64) {
        let Followed { start, end } = self.replies.followed;
        (start, end)
    }

    /// CopyDone for a two-way COPY: what the server still sends of it is thrown away.
    pub fn end_following(&mut self) {
        if matches!(self.replies.copy, Copying::Both | Copying::Following) {
            self.replies.copy = Copying::FollowingEnded;
            self.replies.ended_following = true;
        }
        frontend::copy_done(&mut self.outbox);
    }

    /// Whether the client has ended a two-way COPY of this session before the server did. A server ends the next stream of logical
    /// replication at once then, because it remembers.
    #[must_use]
    pub fn has_ended_following(&self) -> bool {
        self.replies.ended_following
    }

    /// Whether the server takes data for a COPY FROM STDIN.
    #[must_use]
    pub fn is_copying_in(&self) -> bool {
        self.replies.copy == Copying::In
    }

    /// CopyDone: all data has been given. The next request may be made once the COPY has been answered.
    pub fn copy_done(&mut self) {
        frontend::copy_done(&mut self.outbox);
        self.end_copy_in(false);
    }

    /// CopyFail: the copy is to be given up, for `reason`, which comes back in the server's error.
    ///
    /// # Errors
    /// A NUL in the reason.
    pub fn copy_fail(&mut self, reason: &[u8]) -> Result<(), UsageError> {
        frontend::copy_fail(&mut self.outbox, reason)?;
        self.end_copy_in(true);
        Ok(())
    }

    /// A server in copy-in mode ignores Sync, so the one that was sent behind the COPY is lost and has to be sent again.
    ///
    /// Where the COPY `is_last` that the server runs before that Sync, the way back is taken at once, so that other requests
    /// can follow. A simple query may go on to another one, in which it would be an error.
    fn end_copy_in(&mut self, is_last: bool) {
        if self.replies.copy != Copying::In {
            return;
        }
        if is_last {
            self.resync_after_copy();
        } else if self.replies.has_sync() {
            frontend::sync(&mut self.outbox);
        }
        self.replies.copy = Copying::InEnded { resynced: is_last };
    }

    /// Terminate: the last message of a session.
    pub fn terminate(&mut self) {
        frontend::terminate(&mut self.outbox);
        self.phase = Phase::Over;
    }
}
