//! A session as its socket sees it: the place where encryption stands.
//!
//! The loops of all shells move bytes between a socket and a [`Link`]. It has the session's own seam
//! ([`outgoing`](Link::outgoing), [`sent`](Link::sent), [`spare`](Link::spare), [`received`](Link::received),
//! [`eof`](Link::eof), [`advance`](Link::advance)), and is the session for everything else.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use howdah_protocol::connection::Error;
use howdah_protocol::session::{Progress, Session};

/// A session, and what stands between it and the socket. What it does not hide is the session's.
#[derive(Debug)]
pub struct Link {
    session: Session,
}

impl Link {
    /// A link whose bytes are the session's own.
    #[must_use]
    pub fn plain(session: Session) -> Self {
        Self { session }
    }

    /// Bytes to be written to the socket. Call [`Link::sent`] with how many of them were.
    #[inline]
    pub fn outgoing(&mut self) -> &[u8] {
        self.session.outgoing()
    }

    /// How many bytes of the session have not been written.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.session.outgoing().len()
    }

    /// Notes how many bytes were written.
    #[inline]
    pub fn sent(&mut self, len: usize) {
        self.session.sent(len);
    }

    /// Room to receive into. Call [`Link::received`] with how many bytes arrived.
    #[inline]
    pub fn spare(&mut self) -> &mut [u8] {
        self.session.spare()
    }

    /// Notes how many bytes arrived; then call [`Link::advance`] until it has nothing more to give.
    #[inline]
    pub fn received(&mut self, len: usize) {
        self.session.received(len);
    }

    /// To be called at the socket's end: tells what that means.
    pub fn eof(&mut self) -> Error {
        self.session.eof()
    }

    /// Moves on with the bytes received, see [`Session::advance`].
    ///
    /// # Errors
    /// The session is over.
    #[inline]
    pub fn advance(&mut self, now: Instant) -> Result<Progress, Error> {
        self.session.advance(now)
    }
}

impl Deref for Link {
    type Target = Session;

    #[inline]
    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Link {
    #[inline]
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
