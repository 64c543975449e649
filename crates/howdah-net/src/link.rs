//! A session as its socket sees it: the place where encryption stands.
//!
//! The loops of all shells move bytes between a socket and a [`Link`]. It has the session's own seam
//! ([`outgoing`](Link::outgoing), [`sent`](Link::sent), [`spare`](Link::spare), [`received`](Link::received),
//! [`eof`](Link::eof), [`advance`](Link::advance)), and is the session for everything else.
//!
//! ```text
//!   plain:                                     session <-> socket
//!   TLS:   SSLRequest, S, handshake, then      session <-> tunnel <-> socket
//!          or SSLRequest, N, then, if allowed  session <-> socket
//! ```
//!
//! What the session has to send waits until it is settled what it goes through.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use howdah_protocol::connection::Error;
use howdah_protocol::conninfo::Encryption;
use howdah_protocol::session::{Progress, Session};
use howdah_protocol::startup::{EncryptionError, StartupError};

use crate::cancel::CancelTarget;
#[cfg(feature = "gssapi")]
use crate::gss::Gss;
use crate::socket::Peer;
use crate::tls::{Change, TlsFacts, TlsPlan, TlsRoute, Tunnel};

/// A session, and what stands between it and the socket. What it does not hide is the session's.
#[derive(Debug)]
pub struct Link {
    session: Session,
    /// Nothing where the bytes are the session's own.
    tunnel: Option<Box<Tunnel>>,
    /// Whether the session may go without TLS if the server says that it has none.
    or_plain: bool,
    /// Whether it does so.
    was_refused: bool,
    /// TLS, once it is agreed on.
    agreed: Option<Box<(TlsRoute, TlsFacts)>>,
    /// Whether there was no memory for what came: the session says so at its end.
    is_full: bool,
    /// What makes the tokens of GSSAPI, until the session has begun.
    #[cfg(feature = "gssapi")]
    gss: Option<Box<Gss>>,
    /// What ended the encryption: given once the session has used up what came before.
    failed: Option<EncryptionError>,
}

impl Link {
    /// A link whose bytes are the session's own.
    #[must_use]
    pub fn plain(session: Session) -> Self {
        Self {
            session,
            tunnel: None,
            or_plain: false,
            was_refused: false,
            agreed: None,
            is_full: false,
            #[cfg(feature = "gssapi")]
            gss: None,
            failed: None,
        }
    }

    /// With what makes the tokens of GSSAPI, should the server ask for any.
    #[cfg(feature = "gssapi")]
    #[must_use]
    pub(crate) fn with_gss(mut self, gss: Gss) -> Self {
        self.gss = Some(Box::new(gss));
        self
    }

    /// A link for a session that is about to begin.
    #[must_use]
    pub fn new(session: Session, encryption: Encryption, plan: TlsPlan) -> Self {
        let mut link = Self::plain(session);
        if let Encryption::Tls { or_plain } = encryption {
            link.or_plain = or_plain;
            let tunnel = Tunnel::plan(plan).unwrap_or_else(|error| {
                link.fail(error);
                Tunnel::over()
            });
            link.tunnel = Some(Box::new(tunnel));
        }
        link
    }

    /// What TLS has agreed on, where there is TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.agreed.as_ref().map(|agreed| &agreed.1)
    }

    /// What cancels the session's statements: the same server, by the same encryption. `None` where the server gave no key.
    #[must_use]
    pub fn cancel_target(&self, peer: Peer) -> Option<CancelTarget> {
        let request = self.session.connection().cancel_request().ok()?;
        Some(CancelTarget {
            peer,
            request,
            tls: self.agreed.as_ref().map(|agreed| agreed.0.clone()),
        })
    }

    /// Whether the server may still let the session begin, after this error, if it comes with another encryption. Source: libpq,
    /// `connection_failed`.
    #[must_use]
    pub fn allows_other_encryption(&self, error: &Error) -> bool {
        match error {
            Error::Encryption(error) => error.is_in_handshake(),
            // A server that cannot take anybody yet will not take us by other means.
            Error::Startup(StartupError::Rejected(words)) => {
                !self.was_refused && words.sqlstate() != Some(b"57P03")
            }
            _ => false,
        }
    }

    /// Bytes to be written to the socket. Call [`Link::sent`] with how many of them were.
    #[inline]
    pub fn outgoing(&mut self) -> &[u8] {
        match &mut self.tunnel {
            None => self.session.outgoing(),
            Some(tunnel) => tunnel.outgoing(self.session.outgoing()),
        }
    }

    /// Whether TLS has failed: only its own last words are outgoing then, an alert.
    pub(crate) fn is_refusing(&self) -> bool {
        self.tunnel.as_deref().is_some_and(Tunnel::is_over)
    }

    /// How many bytes of the session have not been written.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.session.outgoing().len()
    }

    /// Notes how many bytes were written.
    #[inline]
    pub fn sent(&mut self, len: usize) {
        // What has been encrypted stays outgoing for the session until all of it is with the kernel.
        let len = match &mut self.tunnel {
            None => len,
            Some(tunnel) => tunnel.sent(len),
        };
        self.session.sent(len);
    }

    /// Room to receive into. Call [`Link::received`] with how many bytes arrived.
    #[inline]
    pub fn spare(&mut self) -> &mut [u8] {
        match &mut self.tunnel {
            None => self.session.spare(),
            Some(tunnel) => tunnel.spare(),
        }
    }

    /// Notes how many bytes arrived; then call [`Link::advance`] until it has nothing more to give.
    #[inline]
    pub fn received(&mut self, len: usize) {
        match &mut self.tunnel {
            None => self.session.received(len),
            Some(_) => self.decrypt(len),
        }
    }

    /// To be called at the socket's end: tells what that means.
    pub fn eof(&mut self) -> Error {
        let told = self.session.eof();
        let in_handshake = |tunnel: &Tunnel| tunnel.is_in_handshake();
        match (self.failed.take(), told) {
            (Some(error), _) => Error::Encryption(Box::new(error)),
            (None, Error::Disconnected(None))
                if self.tunnel.as_deref().is_some_and(in_handshake) =>
            {
                let text = "the server closed the connection in the handshake of TLS";
                Error::Encryption(Box::new(EncryptionError::in_handshake(text)))
            }
            (None, told) => told,
        }
    }

    /// Moves on with the bytes received, see [`Session::advance`].
    ///
    /// # Errors
    /// The session is over.
    #[inline]
    pub fn advance(&mut self, now: Instant) -> Result<Progress, Error> {
        #[cfg(feature = "gssapi")]
        if self.gss.is_some() {
            return self.advance_with_gss(now);
        }
        self.advance_session(now)
    }

    /// When to call [`Link::advance`] at the latest, even if nothing has been received.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let session = self.session.poll_timeout();
        #[cfg(feature = "gssapi")]
        if let Some(gss) = &self.gss {
            return session.into_iter().chain(gss.poll_timeout()).min();
        }
        session
    }

    /// Queues the end of the session, see [`Session::terminate`].
    pub fn terminate(&mut self) {
        self.session.terminate();
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.end();
        }
    }

    /// The same as [`Link::advance`] while the session begins: gives the server the tokens that it asks for.
    #[cfg(feature = "gssapi")]
    #[cold]
    fn advance_with_gss(&mut self, now: Instant) -> Result<Progress, Error> {
        loop {
            let progress = self.advance_session(now)?;
            match progress {
                Progress::NeedInput => {}
                Progress::Idle => {
                    self.gss = None;
                    return Ok(progress);
                }
                other => return Ok(other),
            }
            let (Some(gss), Some(token)) = (&mut self.gss, self.session.gss_request()) else {
                return Ok(progress);
            };
            match gss.poll(token, now) {
                Some(answer) => self.session.gss_answer(answer)?,
                None => return Ok(progress),
            }
        }
    }

    #[inline]
    fn advance_session(&mut self, now: Instant) -> Result<Progress, Error> {
        match self.tunnel {
            None => self.session.advance(now),
            Some(_) => self.advance_encrypted(now),
        }
    }

    /// The same; an end of the encryption is one of the session, once it has used up what came before.
    fn advance_encrypted(&mut self, now: Instant) -> Result<Progress, Error> {
        let progress = self.session.advance(now)?;
        let is_at_end = matches!(progress, Progress::NeedInput | Progress::Idle);
        let has_ended = |tunnel: &Tunnel| tunnel.is_ended();
        let is_ended = self.tunnel.as_deref().is_some_and(has_ended);
        if is_at_end && (self.failed.is_some() || self.is_full || is_ended) {
            return Err(self.eof());
        }
        Ok(progress)
    }

    fn decrypt(&mut self, len: usize) {
        let Some(tunnel) = &mut self.tunnel else {
            return;
        };
        let session = &mut self.session;
        let mut is_full = false;
        let received = tunnel.received(len, &mut |plain| is_full |= !deliver(session, plain));
        self.is_full |= is_full;
        match received {
            Ok(Change::None) => {}
            Ok(Change::Refused) if self.or_plain => {
                self.tunnel = None;
                self.was_refused = true;
            }
            Ok(Change::Refused) => {
                let text = "server does not support SSL, but SSL was required";
                self.fail(EncryptionError::new(text));
            }
            Ok(Change::Open(route, facts, channel)) => {
                session.set_channel(channel);
                self.agreed = Some(Box::new((route, facts)));
            }
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: EncryptionError) {
        self.failed.get_or_insert(error);
    }
}

/// Gives plaintext to the session, unless it has no room.
fn deliver(session: &mut Session, mut plain: &[u8]) -> bool {
    while !plain.is_empty() {
        let room = session.spare();
        let count = room.len().min(plain.len());
        let Some((now, later)) = plain.split_at_checked(count) else {
            return false;
        };
        if count == 0 {
            return false;
        }
        if let Some(room) = room.get_mut(..count) {
            room.copy_from_slice(now);
        }
        session.received(count);
        plain = later;
    }
    true
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
