//! Rows as they came from the server: the received buffers, and where each row lies in them.

use std::ops::Range;

use crate::memory::{self, OutOfMemory};
use crate::wire::HEADER_LEN;
use crate::wire::backend::{Fields, fields};

/// The rows of one result, uncopied: whole receive buffers with an index into them.
///
/// Every row in here has been checked against its row description (column count and lengths), so reading the
/// fields cannot fail. Rows are read in any order, any number of times.
#[derive(Debug, Default, Clone)]
pub struct RowSet {
    chunks: Chunks,
    index: Vec<RowRef>,
}

/// Buffers in order. Most results have one, which needs no list.
#[derive(Debug, Default, Clone)]
struct Chunks {
    first: Option<Vec<u8>>,
    more: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy)]
struct RowRef {
    chunk: u32,
    start: u32,
    len: u32,
}

impl RowSet {
    /// A row that the server has not sent as one: the body of a DataRow, which has to be well formed.
    #[must_use]
    pub fn of_row(row: Vec<u8>) -> Self {
        let index = vec![RowRef {
            chunk: 0,
            start: 0,
            len: place(row.len()),
        }];
        let chunks = Chunks {
            first: Some(row),
            more: Vec::new(),
        };
        Self { chunks, index }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How much memory the rows hold on to, in bytes: at most about four times what the server sent, mostly less than twice.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        let chunks = self.chunks.first.iter().chain(&self.chunks.more);
        chunks.map(Vec::capacity).sum::<usize>()
            + self.chunks.more.capacity() * size_of::<Vec<u8>>()
            + self.index.capacity() * size_of::<RowRef>()
    }

    /// The fields of row `number`, counted from 0; `None` past the end.
    #[inline]
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Fields<'_>> {
        self.bytes(number).map(fields)
    }

    /// The bytes of one row, or of one message of a COPY; `None` past the end.
    #[inline]
    #[must_use]
    pub fn bytes(&self, number: usize) -> Option<&[u8]> {
        self.bytes_at(*self.index.get(number)?)
    }

    /// The fields of the rows with these numbers; none if `range` goes past the end.
    #[inline]
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = Fields<'_>> {
        let rows = self.index.get(range).unwrap_or_default();
        rows.iter().map_while(|row| self.bytes_at(*row).map(fields))
    }

    #[inline]
    fn bytes_at(&self, row: RowRef) -> Option<&[u8]> {
        let start = row.start as usize;
        let chunk = self.chunks.get(row.chunk as usize)?;
        chunk.get(start..start + row.len as usize)
    }

    /// The rows in the order the server sent them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Fields<'_>> {
        (0..self.len()).map(|number| self.get(number).unwrap_or_else(|| fields(&[])))
    }

    /// Has each message of a COPY be the part of it that `part` gives, without copying; one of which it gives `None` is left out.
    ///
    /// # Errors
    /// What `part` fails with. The messages from there on are left out.
    pub fn narrow<E>(
        &mut self,
        mut part: impl FnMut(&[u8]) -> Result<Option<Range<usize>>, E>,
    ) -> Result<(), E> {
        let mut failed = None;
        let chunks = &self.chunks;
        self.index.retain_mut(|row| {
            let start = row.start as usize;
            let chunk = chunks.get(row.chunk as usize);
            let bytes = chunk.and_then(|chunk| chunk.get(start..start + row.len as usize));
            if failed.is_some() {
                return false;
            }
            match part(bytes.unwrap_or_default()) {
                Ok(None) => false,
                Ok(Some(range)) => {
                    row.start += place(range.start);
                    row.len = place(range.len());
                    true
                }
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    /// The rows that `write` makes of the messages of a COPY, by appending the body of a DataRow for each.
    ///
    /// # Errors
    /// What `write` fails with, with the rows before; or that there is no memory.
    pub fn rewritten<E: From<OutOfMemory>>(
        &self,
        mut write: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), E>,
    ) -> (Self, Result<(), E>) {
        let mut made = Vec::new();
        let mut index = Vec::new();
        let mut written = memory::room(&mut index, self.len()).map_err(E::from);
        for number in 0..self.len() {
            let start = made.len();
            written =
                written.and_then(|()| write(self.bytes(number).unwrap_or_default(), &mut made));
            if written.is_err() {
                break;
            }
            index.push(RowRef {
                chunk: 0,
                start: place(start),
                len: place(made.len() - start),
            });
        }
        let chunks = Chunks {
            first: Some(made),
            more: Vec::new(),
        };
        (Self { chunks, index }, written)
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if let Some(first) = self.first.take() {
            memory::let_go(first);
        }
        self.more.drain(..).for_each(memory::let_go);
    }
}

impl Chunks {
    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    #[inline]
    fn get(&self, number: usize) -> Option<&Vec<u8>> {
        match number.checked_sub(1) {
            None => self.first.as_ref(),
            Some(number) => self.more.get(number),
        }
    }

    fn push(&mut self, chunk: Vec<u8>) -> Result<(), OutOfMemory> {
        if self.first.is_none() {
            self.first = Some(chunk);
            return Ok(());
        }
        memory::room(&mut self.more, 1)?;
        self.more.push(chunk);
        Ok(())
    }
}

/// A [`RowSet`] being filled. The newest rows still lie in the inbox's current buffer.
#[derive(Debug, Default)]
pub(super) struct RowCollector {
    rows: RowSet,
    /// Whether rows lie in the buffer that is still being received into.
    in_current: bool,
    /// Whether there was no memory for the rows of this result, which are dropped.
    incomplete: bool,
    /// How many rows of this result have been taken.
    taken: usize,
}

/// Rows of at most this many bytes are copied out, so that the receive buffer stays where it is.
const COPY_BELOW: usize = 4096;
/// So are rows that take less than this part of their buffer: giving it away would cost more, in copying what follows
/// them and in memory.
const COPY_PART: usize = 4;

/// Room is made at once for at most so many times the rows that have come.
const GROWTH: usize = 7;
/// Room for so many rows is kept, even if there is one.
const FEW: usize = 4;

impl RowCollector {
    /// Notes a row of `len` bytes at `start` of the current buffer, with `left` bytes received behind it. Buffers stay far below 4 GiB:
    /// a frame is at most 1 GiB.
    #[inline]
    pub(super) fn push(&mut self, start: usize, len: usize, left: usize) {
        let index = &self.rows.index;
        if index.len() == index.capacity() && !self.grow(left / (len + HEADER_LEN)) {
            return;
        }
        self.rows.index.push(RowRef {
            chunk: place(self.rows.chunks.len()),
            start: place(start),
            len: place(len),
        });
        self.in_current = true;
    }

    /// Makes room for one row more, and for those `behind` it that seem to have been received already: what is there may be other results
    /// instead, so that the room grows with the rows that have come.
    #[cold]
    fn grow(&mut self, behind: usize) -> bool {
        let index = &mut self.rows.index;
        let more = 1 + behind.min(GROWTH * index.len());
        let grown = !self.incomplete
            && (memory::room(index, more).is_ok() || memory::room(index, 1).is_ok());
        if !grown {
            self.lose();
        }
        grown
    }

    /// Whether the inbox must keep its current buffer as it is, because rows point into it.
    pub(super) fn pins_current(&self) -> bool {
        self.in_current
    }

    /// How many rows of this result have come, those among them that have been taken; not of one that is incomplete.
    pub(super) fn count(&self) -> usize {
        self.taken + self.rows.len()
    }

    /// Whether no row has been noted since the last [`RowCollector::take`].
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes over the buffer that the newest rows lie in.
    pub(super) fn adopt(&mut self, chunk: Vec<u8>) {
        self.in_current = false;
        if self.rows.chunks.push(chunk).is_err() {
            self.lose();
        }
    }

    /// Drops all rows of the result, for which there is no memory, and those that are still to come.
    #[cold]
    pub(super) fn lose(&mut self) {
        self.rows = RowSet::default();
        self.in_current = false;
        self.incomplete = true;
    }

    /// Whether rows of this result have been dropped.
    pub(super) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Whether there are rows, which could be given up for the memory that they take.
    pub(super) fn has_rows(&self) -> bool {
        !self.rows.is_empty()
    }

    /// About how many bytes the rows are that end before offset `end` of the current buffer, without the headers of their messages.
    pub(super) fn size(&self, end: usize) -> usize {
        let RowSet { chunks, index } = &self.rows;
        let whole: usize = chunks.first.iter().chain(&chunks.more).map(Vec::len).sum();
        let part = if self.in_current { end } else { 0 };
        // What lies in front of the first row was taken before.
        let taken = index.first().map_or(0, |row| row.start as usize);
        (whole + part).saturating_sub(taken + HEADER_LEN * index.len())
    }

    /// Whether the rows are few enough bytes to be copied out of `current`; if so, does it.
    pub(super) fn copy_small(&mut self, current: &[u8], end: usize) -> bool {
        let chunk = place(self.rows.chunks.len());
        let first = self.rows.index.partition_point(|row| row.chunk < chunk);
        let newest = self.rows.index.get_mut(first..).unwrap_or_default();
        let Some(base) = newest.first().map(|row| row.start) else {
            return true;
        };
        let Some(bytes) = current.get(base as usize..end) else {
            return false;
        };
        if bytes.len() > COPY_BELOW.max(current.len() / COPY_PART) {
            return false;
        }
        let Ok(copied) = memory::copy(bytes) else {
            return false;
        };
        for row in newest {
            row.start -= base;
        }
        self.adopt(copied);
        true
    }

    /// Hands out what was collected. The current buffer must have been adopted or copied before.
    pub(super) fn take(&mut self) -> RowSet {
        self.in_current = false;
        self.taken += self.rows.len();
        let mut rows = std::mem::take(&mut self.rows);
        // What was behind the rows were others.
        if rows.index.capacity() > FEW.max(2 * rows.len()) {
            rows.index.shrink_to_fit();
        }
        rows
    }

    /// Starts the next result.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}

#[inline]
fn place(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
