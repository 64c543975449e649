//! Large objects.

use std::fmt;
use std::io::SeekFrom;

use super::AsyncSession;
use crate::core::large_object::{self as objects, LargeObjectMode, Opened};
use crate::core::sequence::Wanted;
use crate::core::within::Within;
use crate::error::Result;
use crate::row::Rows;

impl AsyncSession {
    /// Creates a large object, with this OID or one that is free, and opens it to be read and written.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// let mut picture = tx.create_large_object(None).await?;
    /// picture.write_all(b"...").await?;
    /// let oid = picture.oid();
    /// picture.close().await?;
    /// tx.execute("INSERT INTO pictures (oid) VALUES ($1)", (oid,)).await?;
    /// tx.commit().await
    /// # }
    /// ```
    ///
    /// It is open for as long as the transaction runs, and borrows it:
    ///
    /// ```compile_fail,E0505
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// let picture = tx.create_large_object(None).await?;
    /// tx.commit().await?;
    /// picture.close().await
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, of SQLSTATE 23505 if there is an object with that OID; or no transaction is running, and the connection is
    /// in autocommit; or the connection is closed or lost.
    pub async fn create_large_object(&mut self, oid: Option<u32>) -> Result<AsyncLargeObject<'_>> {
        let mut session = self.bounded();
        session.settle().await?;
        session.core.check_opening()?;
        let mode = LargeObjectMode::ReadWrite.number();
        let row = session
            .query_one(objects::CREATE, (oid.unwrap_or(0), mode))
            .await?;
        drop(session);
        let object = Opened::created(&row, &self.core.known)?;
        Ok(AsyncLargeObject::new(self, object))
    }

    /// Opens a large object, at its beginning.
    ///
    /// ```no_run
    /// use std::io::SeekFrom;
    ///
    /// use howdah::LargeObjectMode;
    ///
    /// # async fn example(conn: &mut howdah::AsyncConnection, oid: u32) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// let mut picture = tx.open_large_object(oid, LargeObjectMode::Read).await?;
    /// picture.seek(SeekFrom::End(-100)).await?;
    /// let mut end = Vec::new();
    /// picture.read_to_end(&mut end).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, of SQLSTATE 42704 if there is no such object; or no transaction is running, and the connection is in
    /// autocommit; or the connection is closed or lost.
    pub async fn open_large_object(
        &mut self,
        oid: u32,
        mode: LargeObjectMode,
    ) -> Result<AsyncLargeObject<'_>> {
        let mut session = self.bounded();
        session.settle().await?;
        session.core.check_opening()?;
        let opened = session.query_one(objects::OPEN, (oid, mode.number()));
        let row = opened.await?;
        drop(session);
        let object = Opened::existing(&row, oid, mode, &self.core.known)?;
        Ok(AsyncLargeObject::new(self, object))
    }

    /// Deletes a large object.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let mut tx = conn.transaction().await?;
    /// let oid = tx.create_large_object(None).await?.oid();
    /// tx.unlink_large_object(oid).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, of SQLSTATE 42704 if there is no such object; or the connection is closed or lost.
    pub async fn unlink_large_object(&mut self, oid: u32) -> Result<()> {
        self.query_one(objects::UNLINK, (oid,)).await.map(drop)
    }
}

/// A large object that is open, from [`AsyncSession::create_large_object`] or [`AsyncSession::open_large_object`].
///
/// Each call waits for the server: small pieces are better gathered. Gaps that were never written are read as zeros, and take no
/// place. What the server refuses makes the transaction fail, such as a position before the beginning or beyond 4 TiB (SQLSTATE
/// 22023). What [was not sent](crate::Error::is_usage) does not, such as a write to what was opened to be read.
///
/// **A future may be dropped at any time.** If the transaction has not failed by that, all of what was asked has been done or
/// nothing; of a `read_to_end()` also a part, as the position says.
///
/// Dropping the object leaves it to the end of the transaction to close it on the server. Where a transaction opens many,
/// [`close`](Self::close) them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// use std::io::SeekFrom;
///
/// let mut tx = conn.transaction().await?;
/// let mut object = tx.create_large_object(None).await?;
/// object.write_all(b"some data").await?;
/// object.truncate(6).await?;
/// assert_eq!(object.tell().await?, 9);
/// object.seek(SeekFrom::Start(0)).await?;
/// let mut start = [0; 4];
/// assert_eq!(object.read(&mut start).await?, 4);
/// let mut rest = Vec::new();
/// object.read_to_end(&mut rest).await?;
/// assert_eq!((&start, &*rest), (b"some", &b" d"[..]));
/// # Ok(())
/// # }
/// ```
pub struct AsyncLargeObject<'a> {
    session: &'a mut AsyncSession,
    object: Opened,
}

impl<'a> AsyncLargeObject<'a> {
    fn new(session: &'a mut AsyncSession, object: Opened) -> Self {
        Self { session, object }
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

    /// Reads into the beginning of `buffer`, at most 4 MiB; gives how many bytes, 0 only at the end or if it has no room.
    ///
    /// # Errors
    /// It was opened to be written only; or the server's, or the connection is lost.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let rows = self.fetch(buffer.len()).await;
        let filled = rows.and_then(|rows| objects::fill(rows, buffer));
        self.object.watch.read(&filled);
        filled
    }

    /// Appends all up to the end; gives how many bytes. What has been read before an error, or before the future is dropped, is in
    /// `buffer`.
    ///
    /// # Errors
    /// As [`read`](Self::read), and there is no memory for it.
    pub async fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> Result<usize> {
        let mut all = 0;
        let mut object = Within::operation(self, |object| &mut object.session.core);
        loop {
            let rows = object.fetch(objects::MOST).await;
            let appended = rows.and_then(|rows| objects::append(rows, buffer));
            object.object.watch.read(&appended);
            let count = appended?;
            all += count;
            if count < objects::MOST {
                return Ok(all);
            }
        }
    }

    /// Writes all of `data`, in pieces that do not wait for each other.
    ///
    /// # Errors
    /// It was opened to be read only; or the server's, or the connection is lost.
    pub async fn write_all(&mut self, data: &[u8]) -> Result<()> {
        let pieces = self.object.writing(data)?;
        let mut session = self.session.bounded();
        let written = session.run_many(Wanted::Nothing, objects::WRITE, pieces);
        let written = written.await.map(drop);
        drop(session);
        self.object.watch.written(data.len(), &written);
        written
    }

    /// Moves to another position, from the beginning, the position or the end; gives it.
    ///
    /// # Errors
    /// The server's, or the connection is lost.
    pub async fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        let (offset, whence) = objects::place(position)?;
        let params = (self.object.fd, offset, whence);
        let moved = self.session.query_one(objects::SEEK, params).await;
        self.object.watch.asked(&moved);
        objects::given(&moved?)
    }

    /// The position.
    ///
    /// # Errors
    /// The server's, or the connection is lost.
    pub async fn tell(&mut self) -> Result<u64> {
        let params = (self.object.fd,);
        objects::given(&self.session.query_one(objects::TELL, params).await?)
    }

    /// Cuts it off at `size` bytes, or has it grow to that by zeros. The position stays.
    ///
    /// # Errors
    /// It was opened to be read only; or the server's, or the connection is lost.
    pub async fn truncate(&mut self, size: u64) -> Result<()> {
        let size = self.object.truncating(size)?;
        let params = (self.object.fd, size);
        let truncated = self.session.query_one(objects::TRUNCATE, params).await;
        self.object.watch.asked(&truncated);
        truncated.map(drop)
    }

    /// Closes it. If the transaction has failed, that has closed it already.
    ///
    /// # Errors
    /// The server's, or the connection is lost.
    pub async fn close(mut self) -> Result<()> {
        if self.session.core.is_closed() {
            return Ok(());
        }
        let mut session = self.session.bounded();
        // What was dropped may have made the transaction fail.
        session.settle().await?;
        if !session.core.keeps_objects() {
            return Ok(());
        }
        let params = (self.object.fd,);
        let closed = session.query_one(objects::CLOSE, params).await;
        drop(session);
        self.object.watch.asked(&closed);
        closed.map(drop)
    }

    /// Reads up to so many bytes.
    async fn fetch(&mut self, wanted: usize) -> Result<Rows> {
        let (size, count) = self.object.reading(wanted)?;
        self.session
            .query(objects::READ, (self.object.fd, size, count))
            .await
    }
}

impl fmt::Debug for AsyncLargeObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncLargeObject")
            .field("oid", &self.object.oid)
            .field("mode", &self.object.mode)
            .finish_non_exhaustive()
    }
}
