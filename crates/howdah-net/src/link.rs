//! A session as its socket sees it: the place where encryption stands.
//!
//! The loops of all shells move bytes between a socket and a [`Link`]. It has the session's own seam
//! ([`outgoing`](Link::outgoing), [`sent`](Link::sent), [`spare`](Link::spare), [`received`](Link::received),
//! [`eof`](Link::eof), [`advance`](Link::advance)), and is the session for everything else.
//!
//! ```text
//!   plain:                                      session <-> socket
//!   TLS:     SSLRequest, S, handshake, then     session <-> tunnel <-> socket
//!   GSSAPI:  GSSENCRequest, G, tokens, then     session <-> tunnel <-> socket
//! ```
//!
//! If the server answers N, the next encryption that the options allow is asked for, or the session goes without. What the
//! session has to send waits until it is settled what it goes through.

use std::ops::{Deref, DerefMut};
use std::time::Instant;

use howdah_protocol::connection::Error;
use howdah_protocol::conninfo::{Config, Encryption, Target};
use howdah_protocol::session::{Progress, Session};
use howdah_protocol::startup::{Channel, EncryptionError, StartupError};

use crate::cancel::CancelTarget;
#[cfg(feature = "gssapi")]
use crate::gss::{Gss, Service};
use crate::socket::Peer;
use crate::tls::TlsFacts;
#[cfg(feature = "rustls")]
use crate::tls::TlsPlan;
use crate::tunnel::{Agreed, Change, Tunnel};

/// A session, and what stands between it and the socket. What it does not hide is the session's.
#[derive(Debug)]
pub struct Link {
    session: Session,
    /// Nothing where the bytes are the session's own.
    tunnel: Option<Box<Tunnel>>,
    /// The encryption that is tried, and then those that may be if it fails.
    encryptions: &'static [Encryption],
    /// What they need, as long as one may be tried.
    plan: Option<Box<Plan>>,
    /// The encryption, once it is agreed on.
    agreed: Option<Box<Agreed>>,
    /// Whether there was no memory for what came: the session says so at its end.
    is_full: bool,
    /// What makes the tokens of GSSAPI, until the session has begun.
    #[cfg(feature = "gssapi")]
    gss: Option<Box<Gss>>,
    /// What ended the encryption: given once the session has used up what came before.
    failed: Option<EncryptionError>,
}

/// What the options of a connection say about encryption with one server.
#[derive(Debug, Clone)]
pub struct Plan {
    #[cfg(feature = "rustls")]
    tls: TlsPlan,
    #[cfg(feature = "gssapi")]
    gss: Service,
}

impl Plan {
    /// What the options say about a server.
    #[must_use]
    pub fn new(config: &Config, target: Option<&Target>) -> Self {
        let _ = (config, target);
        Self {
            #[cfg(feature = "rustls")]
            tls: TlsPlan::new(config, target),
            #[cfg(feature = "gssapi")]
            gss: Service::new(config, target),
        }
    }

    /// Whether TLS begins at once, without an SSLRequest.
    fn is_tls_direct(&self) -> bool {
        #[cfg(feature = "rustls")]
        return self.tls.is_direct();
        #[cfg(not(feature = "rustls"))]
        return false;
    }
}

impl Link {
    /// A link whose bytes are the session's own.
    #[must_use]
    pub fn plain(session: Session) -> Self {
        Self {
            session,
            tunnel: None,
            encryptions: &[Encryption::Plain],
            plan: None,
            agreed: None,
            is_full: false,
            #[cfg(feature = "gssapi")]
            gss: None,
            failed: None,
        }
    }

    /// A link for a session that is about to begin, by the first of these encryptions; by the next where the server, or this
    /// side, does not have it. There has to be one.
    #[must_use]
    pub fn new(session: Session, encryptions: &'static [Encryption], plan: Plan) -> Self {
        let mut link = Self::plain(session);
        #[cfg(feature = "gssapi")]
        {
            link.gss = Some(Box::new(Gss::new(plan.gss.clone())));
        }
        link.encryptions = encryptions;
        link.plan = Some(Box::new(plan));
        link.begin_encryption();
        link
    }

    /// What TLS has agreed on, where there is TLS.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.agreed.as_ref().and_then(|agreed| agreed.tls.as_ref())
    }

    /// Whether the session is encrypted by GSSAPI.
    #[must_use]
    pub fn is_gss_encrypted(&self) -> bool {
        let agreed = self.agreed.as_ref();
        agreed.is_some_and(|agreed| agreed.channel == Channel::Gss)
    }

    /// What cancels the session's statements: the same server, by the same encryption. `None` where the server gave no key.
    #[must_use]
    pub fn cancel_target(&self, peer: Peer) -> Option<CancelTarget> {
        let request = self.session.connection().cancel_request().ok()?;
        Some(CancelTarget {
            peer,
            request,
            route: self.agreed.as_ref().map(|agreed| agreed.route.clone()),
        })
    }

    /// The encryptions that the server may let the session begin with, after this error, on another connection: none where
    /// there is no hope. Source: libpq, `connection_failed`.
    #[must_use]
    pub fn other_encryptions(&self, error: &Error) -> &'static [Encryption] {
        let may_differ = match error {
            Error::Encryption(error) => error.is_in_handshake(),
            // A server that cannot take anybody yet will not take us by other means.
            Error::Startup(StartupError::Rejected(words)) => words.sqlstate() != Some(b"57P03"),
            _ => false,
        };
        match self.encryptions {
            [_, others @ ..] if may_differ => others,
            _ => &[],
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

    /// Whether the encryption has failed: only its own last words are outgoing then, an alert.
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
            Some(_) => self.through_tunnel(|tunnel, deliver| tunnel.received(len, deliver)),
        }
    }

    /// Notes that there was nothing to be received, see [`Session::nothing_came`].
    #[inline]
    pub fn nothing_came(&mut self) {
        self.session.nothing_came();
    }

    /// To be called at the socket's end: tells what that means.
    pub fn eof(&mut self) -> Error {
        let told = self.session.eof();
        let handshake = self.tunnel.as_deref().and_then(Tunnel::handshake);
        match (self.failed.take(), told, handshake) {
            (Some(error), ..) => Error::Encryption(Box::new(error)),
            (None, Error::Disconnected(None), Some(name)) => {
                let text = format!("the server closed the connection in the handshake of {name}");
                Error::Encryption(Box::new(EncryptionError::in_handshake(text)))
            }
            (None, told, _) => told,
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
        let tunnel = self.tunnel.as_deref().and_then(Tunnel::poll_timeout);
        #[cfg(feature = "gssapi")]
        let tunnel = {
            let gss = self.gss.as_deref().and_then(Gss::poll_timeout);
            tunnel.into_iter().chain(gss).min()
        };
        session.into_iter().chain(tunnel).min()
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
        self.through_tunnel(|tunnel, deliver| tunnel.advance(now, deliver));
        let progress = self.session.advance(now)?;
        let is_at_end = matches!(progress, Progress::NeedInput | Progress::Idle);
        let has_ended = |tunnel: &Tunnel| tunnel.is_ended();
        let is_ended = self.tunnel.as_deref().is_some_and(has_ended);
        if is_at_end && (self.failed.is_some() || self.is_full || is_ended) {
            return Err(self.eof());
        }
        Ok(progress)
    }

    /// Has the tunnel do something, and does what follows from it.
    fn through_tunnel(
        &mut self,
        act: impl FnOnce(&mut Tunnel, &mut dyn FnMut(&[u8])) -> Result<Change, EncryptionError>,
    ) {
        let Some(tunnel) = &mut self.tunnel else {
            return;
        };
        let session = &mut self.session;
        let mut is_full = false;
        let change = act(tunnel, &mut |plain| is_full |= !deliver(session, plain));
        self.is_full |= is_full;
        match change {
            Ok(Change::None) => {}
            Ok(Change::Refused(why)) => self.refused(why),
            Ok(Change::Open(agreed)) => {
                session.set_channel(agreed.channel.clone());
                self.agreed = Some(agreed);
                self.plan = None;
            }
            Err(error) => self.fail(error),
        }
    }

    /// Goes on with the next encryption on the same connection, if there is one, as libpq does.
    fn refused(&mut self, why: &str) {
        match self.encryptions {
            [_, others @ ..] if !others.is_empty() => {
                if self.needs_new_connection(others) {
                    return self.fail(EncryptionError::in_handshake(why));
                }
                self.encryptions = others;
                self.begin_encryption();
            }
            _ => self.fail(EncryptionError::new(why)),
        }
    }

    /// Whether TLS comes next and without an SSLRequest: a server would not expect that behind another request.
    fn needs_new_connection(&self, encryptions: &[Encryption]) -> bool {
        let plan = self.plan.as_deref();
        encryptions.first() == Some(&Encryption::Tls) && plan.is_some_and(Plan::is_tls_direct)
    }

    /// Sets up the first of the encryptions.
    fn begin_encryption(&mut self) {
        let plan = self.plan.as_deref();
        let tunnel = match (self.encryptions.first(), plan) {
            #[cfg(feature = "rustls")]
            (Some(Encryption::Tls), Some(plan)) => Tunnel::tls(plan.tls.clone()),
            #[cfg(feature = "gssapi")]
            (Some(Encryption::Gss), Some(plan)) => Ok(Tunnel::gss(plan.gss.clone())),
            (Some(Encryption::Plain), _) => {
                self.tunnel = None;
                self.plan = None;
                return;
            }
            _ => Err(EncryptionError::new(
                "GSSAPI encryption required but it is not supported over a local socket",
            )),
        };
        let tunnel = tunnel.unwrap_or_else(|error| {
            self.fail(error);
            Tunnel::over()
        });
        self.tunnel = Some(Box::new(tunnel));
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
