//! The messages within the data of a two-way COPY.
//!
//! Positions in the log are numbers; times are microseconds since the beginning of the year 2000 in UTC.

use crate::error::ProtocolError;
use crate::wire::Reader;

/// A piece of the log, or a message of an output plugin: `XLogData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalData<'a> {
    /// Where it starts in the log. The message that ends a transaction says where that ends.
    pub start: u64,
    /// Where the server's log ended when it was sent; of an output plugin's message, the same as `start`.
    pub end: u64,
    /// When the server sent it.
    pub sent_at: i64,
    /// The log's bytes, or the plugin's.
    pub payload: &'a [u8],
}

/// What precedes the payload.
const WAL_HEADER: usize = 25;

impl<'a> WalData<'a> {
    /// Reads the body of a CopyData message.
    ///
    /// # Errors
    /// It is no such message.
    pub fn read(body: &'a [u8]) -> Result<Self, ProtocolError> {
        let mut r = Reader::new(body, "XLogData");
        if r.u8()? != b'w' {
            return Err(r.malformed("another kind"));
        }
        Ok(Self {
            start: r.u64()?,
            end: r.u64()?,
            sent_at: r.i64()?,
            payload: r.rest(),
        })
    }

    /// Appends the body of a CopyData message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'w');
        out.extend_from_slice(&self.start.to_be_bytes());
        out.extend_from_slice(&self.end.to_be_bytes());
        out.extend_from_slice(&self.sent_at.to_be_bytes());
        out.extend_from_slice(self.payload);
    }

    /// The position behind the payload, if that is the log itself.
    #[must_use]
    pub fn end_of_payload(&self) -> u64 {
        let len = u64::try_from(self.payload.len()).unwrap_or(u64::MAX);
        self.start.saturating_add(len)
    }
}

/// The server says that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Up to where the server has sent what there is to send.
    pub end: u64,
    /// When the server sent it.
    pub sent_at: i64,
    /// Whether the client is to answer at once, before it is taken for lost.
    pub wants_reply: bool,
}

impl Keepalive {
    /// Reads the body of a CopyData message.
    ///
    /// # Errors
    /// It is no such message.
    pub fn read(body: &[u8]) -> Result<Self, ProtocolError> {
        let mut r = Reader::new(body, "keepalive");
        if r.u8()? != b'k' {
            return Err(r.malformed("another kind"));
        }
        let keepalive = Self {
            end: r.u64()?,
            sent_at: r.i64()?,
            wants_reply: r.u8()? != 0,
        };
        r.finish()?;
        Ok(keepalive)
    }

    /// Appends the body of a CopyData message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'k');
        out.extend_from_slice(&self.end.to_be_bytes());
        out.extend_from_slice(&self.sent_at.to_be_bytes());
        out.push(u8::from(self.wants_reply));
    }
}

/// What the client says of how far it has come: a standby status update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StandbyStatus {
    /// Up to where the client has received and written; 0 where that is not known, as in the others.
    pub written: u64,
    /// Up to where nothing will be lost: the server need not keep what is before.
    pub flushed: u64,
    /// Up to where it has been applied.
    pub applied: u64,
    /// The client's time.
    pub sent_at: i64,
    /// Whether the server is to answer at once, with a keepalive.
    pub wants_reply: bool,
}

/// How many bytes a status takes.
pub(crate) const STATUS_LEN: usize = 34;

impl StandbyStatus {
    /// Reads the body of a CopyData message of a client's.
    ///
    /// # Errors
    /// It is no such message.
    pub fn read(body: &[u8]) -> Result<Self, ProtocolError> {
        let mut r = Reader::new(body, "standby status");
        if r.u8()? != b'r' {
            return Err(r.malformed("another kind"));
        }
        let status = Self {
            written: r.u64()?,
            flushed: r.u64()?,
            applied: r.u64()?,
            sent_at: r.i64()?,
            wants_reply: r.u8()? != 0,
        };
        r.finish()?;
        Ok(status)
    }

    /// Appends the body of a CopyData message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'r');
        for position in [self.written, self.flushed, self.applied] {
            out.extend_from_slice(&position.to_be_bytes());
        }
        out.extend_from_slice(&self.sent_at.to_be_bytes());
        out.push(u8::from(self.wants_reply));
    }
}

/// What a message of the server's is, by its first byte and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Wal,
    Keepalive,
}

/// What a message of the server's is.
pub(crate) fn kind_of(body: &[u8]) -> Result<Kind, ProtocolError> {
    match body.first() {
        Some(b'w') if body.len() >= WAL_HEADER => Ok(Kind::Wal),
        Some(b'k') => Ok(Kind::Keepalive),
        _ => Err(ProtocolError::malformed("message of replication")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out);
        out
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let wal = WalData {
            start: 1,
            end: u64::MAX,
            sent_at: -1,
            payload: b"abc",
        };
        let body = written(|out| wal.write(out));
        assert_eq!(WalData::read(&body), Ok(wal));
        assert_eq!(wal.end_of_payload(), 4);
        assert_eq!(kind_of(&body), Ok(Kind::Wal));
        let keepalive = Keepalive {
            end: 7,
            sent_at: 8,
            wants_reply: true,
        };
        let body = written(|out| keepalive.write(out));
        assert_eq!(Keepalive::read(&body), Ok(keepalive));
        assert_eq!(kind_of(&body), Ok(Kind::Keepalive));
        let status = StandbyStatus {
            written: 3,
            flushed: 2,
            applied: 1,
            sent_at: 4,
            wants_reply: false,
        };
        let body = written(|out| status.write(out));
        assert_eq!(body.len(), STATUS_LEN);
        assert_eq!(StandbyStatus::read(&body), Ok(status));
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        let keepalive = Keepalive {
            end: 7,
            sent_at: 8,
            wants_reply: false,
        };
        let body = written(|out| keepalive.write(out));
        for len in 0..body.len() {
            assert!(Keepalive::read(&body[..len]).is_err(), "{len}");
        }
        assert!(Keepalive::read(&[&body[..], b"x"].concat()).is_err());
        let wal = WalData {
            start: 1,
            end: 2,
            sent_at: 3,
            payload: b"",
        };
        let body = written(|out| wal.write(out));
        assert_eq!(body.len(), WAL_HEADER);
        for len in 0..body.len() {
            assert!(WalData::read(&body[..len]).is_err(), "{len}");
            assert!(kind_of(&body[..len]).is_err(), "{len}");
        }
        assert!(kind_of(b"x").is_err());
    }
}
