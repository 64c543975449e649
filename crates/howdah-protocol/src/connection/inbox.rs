//! The receive buffer: bytes in at one end, whole frames out at the other.

use crate::memory::{self, OutOfMemory};

/// Size of the first buffer, and of the one a connection rests with, in bytes.
const MIN_CHUNK: usize = 16 * 1024;
/// Buffers double up to this size while a result keeps coming, in bytes.
const MAX_CHUNK: usize = 256 * 1024;
/// How many times the part of a large frame that has arrived there may be memory for: the system gives it page by page, as it is
/// written to, so that a frame that never comes costs nothing.
const AHEAD: usize = 8;

/// One buffer that is received into, framed in place, and either reused or handed over to a result.
///
/// It grows with the bytes that have arrived, never by what a frame declares: a peer that announces 1 GiB and sends
/// ten bytes costs nothing.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    chunk: Vec<u8>,
    /// Bytes of `chunk` that have been received.
    filled: usize,
    /// Start of the first frame that has not been consumed.
    pos: usize,
    /// Size of the frame at `pos` where its header said so; 0 when unknown.
    wanted: usize,
    /// How many of the bytes to come are the rest of a frame that is skipped.
    skipping: usize,
}

impl Inbox {
    /// Bytes received and not consumed.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        self.chunk.get(self.pos..self.filled).unwrap_or_default()
    }

    /// Offset of the first unconsumed byte in the current buffer.
    #[inline]
    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// The received bytes from `start`, `len` of them.
    #[inline]
    pub(super) fn slice(&self, start: usize, len: usize) -> &[u8] {
        self.chunk.get(start..start + len).unwrap_or_default()
    }

    #[inline]
    pub(super) fn consume(&mut self, len: usize) {
        self.pos = (self.pos + len).min(self.filled);
        self.wanted = 0;
    }

    /// Whether the frame at the front has not arrived whole.
    pub(super) fn wants_more(&self) -> bool {
        self.wanted > 0
    }

    /// Remembers that the frame at the front is `total` bytes long.
    pub(super) fn expect_frame(&mut self, total: usize) {
        self.wanted = total;
    }

    /// Notes that `len` bytes were received into what [`Inbox::spare`] gave.
    pub(super) fn received(&mut self, len: usize) {
        self.filled = (self.filled + len).min(self.chunk.len());
        let skipped = self.skipping.min(self.filled - self.pos);
        self.pos += skipped;
        self.skipping -= skipped;
    }

    /// The room to receive into.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        self.chunk.get_mut(self.filled..).unwrap_or_default()
    }

    /// Whether there is no room to receive into.
    pub(super) fn is_full(&self) -> bool {
        self.filled == self.chunk.len()
    }

    /// The whole current buffer.
    pub(super) fn current(&self) -> &[u8] {
        &self.chunk
    }

    /// Reuses the buffer from its start, where nothing in it is needed any more; a connection at `rest` keeps a small one.
    pub(super) fn rewind(&mut self, rest: bool) {
        let keep = if rest { MIN_CHUNK } else { MAX_CHUNK };
        if self.pos == self.filled {
            self.pos = 0;
            self.filled = 0;
            if self.chunk.len() > keep {
                self.chunk = Vec::new();
            }
        }
    }

    /// Makes room in the same buffer: moves the unread bytes to the front, then doubles as needed.
    pub(super) fn make_room(&mut self) -> Result<(), OutOfMemory> {
        if self.makes_room_for_frame() {
            return Ok(());
        }
        if self.pos > 0 {
            self.chunk.copy_within(self.pos..self.filled, 0);
            self.filled -= self.pos;
            self.pos = 0;
        }
        if self.filled * 2 > self.chunk.len() || self.chunk.is_empty() {
            let size = self.next_size(self.filled, self.chunk.len());
            let grown = memory::extend_to(&mut self.chunk, size);
            if self.is_full() {
                return grown;
            }
        }
        Ok(())
    }

    /// Goes on in a buffer for all of the frame at the front, or for much more of it, if that is far larger than this one and
    /// there is memory.
    fn makes_room_for_frame(&mut self) -> bool {
        let size = self.size_ahead(self.filled - self.pos);
        size > 2 * self.chunk.len().max(MIN_CHUNK) && self.renew(size).is_ok()
    }

    /// Goes on in a new buffer, which starts with the unread bytes; gives the old one.
    fn renew(&mut self, size: usize) -> Result<Vec<u8>, OutOfMemory> {
        let unread = self.filled - self.pos;
        let mut fresh = memory::receiving(size)?;
        if let Some(head) = fresh.get_mut(..unread) {
            head.copy_from_slice(self.unread());
        }
        let mut old = std::mem::replace(&mut self.chunk, fresh);
        old.truncate(self.pos);
        self.pos = 0;
        self.filled = unread;
        Ok(old)
    }

    /// How large a buffer the frame at the front may have, of which this much has arrived.
    fn size_ahead(&self, unread: usize) -> usize {
        self.wanted.min(unread.saturating_mul(AHEAD))
    }

    /// Drops what is left of the frame at the front, of which the header has arrived; the rest is dropped as it comes.
    pub(super) fn skip_frame(&mut self) {
        self.skipping = self.wanted.saturating_sub(self.unread().len());
        self.consume(self.filled - self.pos);
    }

    /// Forgets all that was received, which nobody will read: there is room again, if there ever was.
    pub(super) fn clear(&mut self) {
        self.pos = 0;
        self.filled = 0;
    }

    /// Gives the current buffer away and goes on in a new one, which starts with the unread bytes.
    ///
    /// `more` says that more of the same is coming, so that the new buffer may be larger than the old.
    pub(super) fn detach(&mut self, more: bool) -> Result<Vec<u8>, OutOfMemory> {
        let unread = self.filled - self.pos;
        let size = if more {
            let usual = self.next_size(unread, self.chunk.len());
            usual.max(self.size_ahead(unread))
        } else {
            MIN_CHUNK.max(unread)
        };
        self.renew(size)
    }

    /// Size of the next buffer: twice the last one up to a bound, more only for a frame that has mostly arrived.
    fn next_size(&self, unread: usize, last: usize) -> usize {
        let usual = (last * 2).clamp(MIN_CHUNK, MAX_CHUNK);
        let for_frame = self.wanted.min(unread.saturating_mul(2));
        usual.max(for_frame).max(unread + 1)
    }
}
