//! Large objects.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::Session;
use crate::core::large_object::{self as objects, LargeObjectMode, Opened};
use crate::core::sequence::Wanted;
use crate::core::within::Within;
use crate::error::Result;
use crate::row::Rows;

impl Session {
    /// Creates a large object, with this OID or one that is free, and opens it to be read and written.
    ///
    /// ```no_run
    /// use std::io::Write;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// let mut picture = tx.create_large_object(None)?;
    /// picture.write_all(b"...")?;
    /// let oid = picture.oid();
    /// picture.close()?;
    /// tx.execute("INSERT INTO pictures (oid) VALUES ($1)", (oid,))?;
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It is open for as long as the transaction runs, and borrows it:
    ///
    /// ```compile_fail,E0505
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// let picture = tx.create_large_object(None)?;
    /// tx.commit()?;
    /// picture.close()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, of SQLSTATE 23505 if there is an object with that OID; or no transaction is running, and the connection is
    /// in autocommit; or the connection is closed or lost.
    pub fn create_large_object(&mut self, oid: Option<u32>) -> Result<LargeObject<'_>> {
        let mut session = self.bounded();
        session.settle()?;
        session.core.check_opening()?;
        let mode = LargeObjectMode::ReadWrite.number();
        let row = session.query_one(objects::CREATE, (oid.unwrap_or(0), mode))?;
        drop(session);
        let object = Opened::created(&row, &self.core.known)?;
        Ok(LargeObject::new(self, object))
    }

    /// Opens a large object, at its beginning.
    ///
    /// ```no_run
    /// use std::io::{Read, Seek, SeekFrom};
    ///
    /// use howdah::LargeObjectMode;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (mut conn, oid) = (howdah::Connection::connect("")?, 1);
    /// let mut tx = conn.transaction()?;
    /// let mut picture = tx.open_large_object(oid, LargeObjectMode::Read)?;
    /// picture.seek(SeekFrom::End(-100))?;
    /// let mut end = Vec::new();
    /// picture.read_to_end(&mut end)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, of SQLSTATE 42704 if there is no such object; or no transaction is running, and the connection is in
    /// autocommit; or the connection is closed or lost.
    pub fn open_large_object(
        &mut self,
        oid: u32,
        mode: LargeObjectMode,
    ) -> Result<LargeObject<'_>> {
        let mut session = self.bounded();
        session.settle()?;
        session.core.check_opening()?;
        let row = session.query_one(objects::OPEN, (oid, mode.number()))?;
        drop(session);
        let object = Opened::existing(&row, oid, mode, &self.core.known)?;
        Ok(LargeObject::new(self, object))
    }

    /// Deletes a large object.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// let oid = tx.create_large_object(None)?.oid();
    /// tx.unlink_large_object(oid)?;
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, of SQLSTATE 42704 if there is no such object; or the connection is closed or lost.
    pub fn unlink_large_object(&mut self, oid: u32) -> Result<()> {
        self.query_one(objects::UNLINK, (oid,)).map(drop)
    }
}

/// A large object that is open, from [`Session::create_large_object`] or [`Session::open_large_object`].
///
/// It is read, written and moved about in by the methods of [`Read`], [`Write`] and [`Seek`]. Each call waits for the server: small
/// pieces are better read through an [`io::BufReader`], and written through an [`io::BufWriter`]. Gaps that were never written are
/// read as zeros, and take no place.
///
/// * `read()` gives at most 4 MiB, and 0 bytes only at the end.
/// * `write()` writes all that it is given, and `flush()` has nothing to do.
/// * The [`Error`](crate::Error) of an [`io::Error`] is in its `get_ref()`. What the server refuses makes the transaction fail, such
///   as a position before the beginning or beyond 4 TiB (SQLSTATE 22023). What [was not sent](crate::Error::is_usage) does not, such
///   as a `write()` to what was opened to be read.
///
/// Dropping it closes it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use std::io::{Read, Seek, Write};
///
/// let mut tx = conn.transaction()?;
/// let mut object = tx.create_large_object(None)?;
/// object.write_all(b"some data")?;
/// object.truncate(4)?;
/// object.rewind()?;
/// let mut data = String::new();
/// object.read_to_string(&mut data)?;
/// assert_eq!(data, "some");
/// # Ok(())
/// # }
/// ```
pub struct LargeObject<'a> {
    session: &'a mut Session,
    object: Opened,
    closed: bool,
}

impl<'a> LargeObject<'a> {
    fn new(session: &'a mut Session, object: Opened) -> Self {
        Self {
            session,
            object,
            closed: false,
        }
    }

    /// Its OID.
    #[must_use]
    pub fn oid(&self) -> u32 {
        self.object.oid
    }

    /// What it was opened for.
    #[must_use]
    pub fn mode(&self) -> LargeObjectMode {
        self.object.mode
    }

    /// Cuts it off at `size` bytes, or has it grow to that by zeros. The position stays.
    ///
    /// # Errors
    /// It was opened to be read only; or the server's, or the connection is lost.
    pub fn truncate(&mut self, size: u64) -> Result<()> {
        let size = self.object.truncating(size)?;
        let params = (self.object.fd, size);
        let truncated = self.session.query_one(objects::TRUNCATE, params);
        self.object.watch.asked(&truncated);
        truncated.map(drop)
    }

    /// Closes it. If the transaction has failed, that has closed it already.
    ///
    /// # Errors
    /// The server's, or the connection is lost.
    pub fn close(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.closed, true) || !self.session.core.keeps_objects() {
            return Ok(());
        }
        let closed = self.session.query_one(objects::CLOSE, (self.object.fd,));
        self.object.watch.asked(&closed);
        closed.map(drop)
    }

    /// Reads up to so many bytes.
    fn fetch(&mut self, wanted: usize) -> Result<Rows> {
        let (size, count) = self.object.reading(wanted)?;
        self.session
            .query(objects::READ, (self.object.fd, size, count))
    }

    fn fetch_into(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let rows = self.fetch(buffer.len());
        let filled = rows.and_then(|rows| objects::fill(rows, buffer));
        self.object.watch.read(&filled);
        filled
    }

    fn fetch_rest(&mut self, buffer: &mut Vec<u8>) -> Result<usize> {
        let mut all = 0;
        let mut object = Within::operation(self, |object| &mut object.session.core);
        loop {
            let rows = object.fetch(objects::MOST);
            let appended = rows.and_then(|rows| objects::append(rows, buffer));
            object.object.watch.read(&appended);
            let count = appended?;
            all += count;
            if count < objects::MOST {
                return Ok(all);
            }
        }
    }

    fn put(&mut self, data: &[u8]) -> Result<()> {
        let pieces = self.object.writing(data)?;
        let written = self
            .session
            .bounded()
            .run_many(Wanted::Nothing, objects::WRITE, pieces)
            .map(drop);
        self.object.watch.written(data.len(), &written);
        written
    }

    fn move_to(&mut self, position: SeekFrom) -> Result<u64> {
        let (offset, whence) = objects::place(position)?;
        let params = (self.object.fd, offset, whence);
        let moved = self.session.query_one(objects::SEEK, params);
        self.object.watch.asked(&moved);
        objects::given(&moved?)
    }

    fn position(&mut self) -> Result<u64> {
        let told = self.session.query_one(objects::TELL, (self.object.fd,))?;
        objects::given(&told)
    }
}

impl Read for LargeObject<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fetch_into(buffer).map_err(io::Error::other)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.fetch_rest(buffer).map_err(io::Error::other)
    }
}

impl Write for LargeObject<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.put(data).map_err(io::Error::other)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for LargeObject<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.move_to(position).map_err(io::Error::other)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.position().map_err(io::Error::other)
    }
}

impl Drop for LargeObject<'_> {
    fn drop(&mut self) {
        // A failure means a lost connection, or a transaction that has failed: either has closed it.
        let _ = self.end();
    }
}

impl fmt::Debug for LargeObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeObject")
            .field("oid", &self.object.oid)
            .field("mode", &self.object.mode)
            .finish_non_exhaustive()
    }
}
