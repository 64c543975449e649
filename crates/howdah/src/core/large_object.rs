//! Large objects, as both shells have them: the server's functions, and what is known of an object that is open.
//!
//! Source: the PostgreSQL manual, "Large Objects", server-side functions.

use std::io::SeekFrom;
use std::iter::{Repeat, Zip};
use std::slice::Chunks;

use howdah_protocol::wire::TransactionStatus;
use howdah_types::memory;

use super::observe::ObjectWatch;
use super::{Core, Known};
use crate::error::{Error, Result};
use crate::row::{Row, Rows};

/// What a large object is opened for.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use howdah::LargeObjectMode;
///
/// let mut tx = conn.transaction()?;
/// let oid = tx.create_large_object(None)?.oid();
/// let object = tx.open_large_object(oid, LargeObjectMode::Read)?;
/// assert_eq!(object.mode(), LargeObjectMode::Read);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LargeObjectMode {
    /// To read what was there when it was opened.
    Read,
    /// To write. Nothing is cut off.
    Write,
    /// To read, with all that is written meanwhile, and to write.
    ReadWrite,
}

/// A large object that is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) oid: u32,
    pub(crate) mode: LargeObjectMode,
    /// The server's descriptor, which is good until the transaction ends.
    pub(crate) fd: i32,
    pub(crate) watch: ObjectWatch,
}

/// How much is read or written by one call of a function of the server's, in bytes.
const PIECE: usize = 256 * 1024;
/// How many pieces one statement reads.
const PIECES: usize = 16;
/// How much one statement reads.
pub(crate) const MOST: usize = PIECE * PIECES;

pub(crate) const CREATE: &str =
    "SELECT made, pg_catalog.lo_open(made, $2) FROM pg_catalog.lo_create($1) made";
pub(crate) const OPEN: &str = "SELECT pg_catalog.lo_open($1, $2)";
pub(crate) const READ: &str =
    "SELECT pg_catalog.loread($1, $2) FROM pg_catalog.generate_series(1, $3)";
pub(crate) const WRITE: &str = "SELECT pg_catalog.lowrite($1, $2)";
pub(crate) const SEEK: &str = "SELECT pg_catalog.lo_lseek64($1, $2, $3)";
pub(crate) const TELL: &str = "SELECT pg_catalog.lo_tell64($1)";
pub(crate) const TRUNCATE: &str = "SELECT pg_catalog.lo_truncate64($1, $2)";
pub(crate) const CLOSE: &str = "SELECT pg_catalog.lo_close($1)";
pub(crate) const UNLINK: &str = "SELECT pg_catalog.lo_unlink($1)";

const INV_WRITE: i32 = 0x0002_0000;
const INV_READ: i32 = 0x0004_0000;

impl LargeObjectMode {
    /// The server's.
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::Read => INV_READ,
            Self::Write => INV_WRITE,
            Self::ReadWrite => INV_READ | INV_WRITE,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadWrite => "read write",
        }
    }
}

impl Core {
    /// Fails unless a transaction is running, or will be: an object is open until its end.
    pub(crate) fn check_opening(&self) -> Result<()> {
        if self.has_transaction() {
            return Ok(());
        }
        Err(Error::usage(
            "a large object is open until the end of a transaction, and none is running: use transaction()",
        ))
    }

    /// Whether the transaction goes on: one that has failed, or ended, has closed its objects.
    pub(crate) fn keeps_objects(&self) -> bool {
        !self.is_closed() && self.status() == TransactionStatus::InTransaction
    }
}

impl Opened {
    /// What [`CREATE`] has given.
    pub(crate) fn created(row: &Row, known: &Known) -> Result<Self> {
        Ok(Self::new(
            row.get(0)?,
            LargeObjectMode::ReadWrite,
            row.get(1)?,
            known,
        ))
    }

    /// What [`OPEN`] has given.
    pub(crate) fn existing(
        row: &Row,
        oid: u32,
        mode: LargeObjectMode,
        known: &Known,
    ) -> Result<Self> {
        Ok(Self::new(oid, mode, row.get(0)?, known))
    }

    fn new(oid: u32, mode: LargeObjectMode, fd: i32, known: &Known) -> Self {
        let watch = known.watch_object(oid, mode.name());
        Self {
            oid,
            mode,
            fd,
            watch,
        }
    }

    /// The size and the number of the pieces to be read, where so much is wanted.
    pub(crate) fn reading(&self, wanted: usize) -> Result<(i32, i32)> {
        // The server would let it: an object that is open for writing can be read, too.
        if self.mode == LargeObjectMode::Write {
            let text = "the large object was not opened for reading";
            return Err(Error::usage(text));
        }
        let (size, count) = match wanted / PIECE {
            0 => (wanted, 1),
            count => (PIECE, count.min(PIECES)),
        };
        let [size, count] = [size, count].map(|n| i32::try_from(n).unwrap_or(i32::MAX));
        Ok((size, count))
    }

    /// What is to be written, as parameters of [`WRITE`].
    pub(crate) fn writing<'a>(&self, data: &'a [u8]) -> Result<Zip<Repeat<i32>, Chunks<'a, u8>>> {
        self.check_writable()?;
        Ok(std::iter::repeat(self.fd).zip(data.chunks(PIECE)))
    }

    /// A size to be truncated to.
    pub(crate) fn truncating(&self, size: u64) -> Result<i64> {
        self.check_writable()?;
        number(size)
    }

    fn check_writable(&self) -> Result<()> {
        if self.mode != LargeObjectMode::Read {
            return Ok(());
        }
        Err(Error::usage("the large object was not opened for writing"))
    }
}

/// The offset and the place it counts from, as parameters of [`SEEK`].
pub(crate) fn place(position: SeekFrom) -> Result<(i64, i32)> {
    Ok(match position {
        SeekFrom::Start(offset) => (number(offset)?, 0),
        SeekFrom::Current(offset) => (offset, 1),
        SeekFrom::End(offset) => (offset, 2),
    })
}

/// What was read, put into the beginning of a buffer; gives how much.
pub(crate) fn fill(rows: Rows, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    for row in rows {
        let piece: &[u8] = row.get(0)?;
        let end = filled + piece.len();
        let room = buffer.get_mut(filled..end);
        let room = room.ok_or_else(|| Error::shape("the server gave more than was to be read"))?;
        room.copy_from_slice(piece);
        filled = end;
    }
    Ok(filled)
}

/// What was read, appended; gives how much.
pub(crate) fn append(rows: Rows, buffer: &mut Vec<u8>) -> Result<usize> {
    let mut appended = 0;
    for row in rows {
        let piece: &[u8] = row.get(0)?;
        memory::room(buffer, piece.len()).map_err(|_| Error::rows_out_of_memory())?;
        buffer.extend_from_slice(piece);
        appended += piece.len();
    }
    Ok(appended)
}

/// A position or a size that the server has given.
pub(crate) fn given(row: &Row) -> Result<u64> {
    let number: i64 = row.get(0)?;
    u64::try_from(number).map_err(|_| Error::shape("the server gave a negative position"))
}

fn number(place: u64) -> Result<i64> {
    let text = "positions and sizes of 2^63 or more are none of a large object";
    i64::try_from(place).map_err(|_| Error::usage(text))
}
