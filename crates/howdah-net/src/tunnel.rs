//! The bytes of an encrypted connection: what is said before the encryption, its handshake, and what goes through it.
//!
//! It is sans-IO, as a session is: whoever has a socket moves bytes between it and the tunnel.

use std::fmt;
use std::mem;
use std::time::Instant;

use howdah_protocol::startup::{Channel, EncryptionError};

#[cfg(feature = "gssapi")]
use crate::gss::{GssCipher, Service};
use crate::tls::TlsFacts;
#[cfg(feature = "rustls")]
use crate::tls::{TlsCipher, TlsPlan, TlsRoute};

/// How much is encrypted at once, in bytes: what is outgoing is kept twice meanwhile.
const CHUNK: usize = 64 * 1024;

/// Room for what is received: two records of TLS, or packets of GSSAPI.
const ROOM: usize = 34 * 1024;

/// An encrypted connection, from the request for the encryption on.
pub(crate) struct Tunnel {
    cipher: Cipher,
    /// Bytes for the socket.
    out: Vec<u8>,
    /// How many of them have been written.
    written: usize,
    /// How many bytes of plaintext are in `out`.
    taken: usize,
    room: Box<[u8]>,
    /// Why nothing could be encrypted.
    failed: Option<EncryptionError>,
}

enum Cipher {
    #[cfg(feature = "rustls")]
    Tls(Box<TlsCipher>),
    #[cfg(feature = "gssapi")]
    Gss(Box<GssCipher>),
    /// It was given up before it began: nothing goes through it.
    Over,
}

/// How a session is encrypted, which its cancel requests are as well.
#[derive(Clone, Debug)]
pub enum Route {
    /// By TLS.
    #[cfg(feature = "rustls")]
    Tls(TlsRoute),
    /// By GSSAPI.
    #[cfg(feature = "gssapi")]
    Gss(Service),
}

/// What the bytes received have brought about.
#[derive(Debug)]
pub(crate) enum Change {
    /// Nothing but, perhaps, plaintext.
    None,
    /// There is no such encryption, and why.
    Refused(&'static str),
    /// The handshake is over: from here on plaintext goes through.
    Open(Box<Agreed>),
}

/// What both sides have agreed on.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) route: Route,
    pub(crate) channel: Channel,
    /// What TLS says of it, where it is TLS.
    pub(crate) tls: Option<TlsFacts>,
}

impl Tunnel {
    /// A connection by TLS, as the options ask for it.
    #[cfg(feature = "rustls")]
    pub(crate) fn tls(plan: TlsPlan) -> Result<Self, EncryptionError> {
        let mut out = Vec::new();
        let cipher = TlsCipher::plan(plan, &mut out)?;
        Ok(Self::new(Cipher::Tls(Box::new(cipher)), out))
    }

    /// A connection by GSSAPI, if there is a ticket.
    #[cfg(feature = "gssapi")]
    pub(crate) fn gss(service: Service) -> Self {
        let cipher = GssCipher::new(service, Instant::now());
        Self::new(Cipher::Gss(Box::new(cipher)), Vec::new())
    }

    /// A connection that was given up before it began: nothing goes through it.
    pub(crate) fn over() -> Self {
        Self::new(Cipher::Over, Vec::new())
    }

    /// One more connection of the same kind.
    pub(crate) fn again(route: &Route) -> Result<Self, EncryptionError> {
        let mut out = Vec::new();
        let cipher = route.cipher(&mut out)?;
        Ok(Self::new(cipher, out))
    }

    fn new(cipher: Cipher, out: Vec<u8>) -> Self {
        Self {
            cipher,
            out,
            written: 0,
            taken: 0,
            room: vec![0; ROOM].into(),
            failed: None,
        }
    }

    /// The bytes for the socket, where `plain` is what is to be sent through. Call [`Tunnel::sent`] with how many were written.
    pub(crate) fn outgoing(&mut self, plain: &[u8]) -> &[u8] {
        if self.out.is_empty() && self.failed.is_none() {
            self.encrypt(plain);
        }
        self.out.get(self.written..).unwrap_or_default()
    }

    fn encrypt(&mut self, plain: &[u8]) {
        let chunk = plain.get(..plain.len().min(CHUNK)).unwrap_or_default();
        let encrypted = match &mut self.cipher {
            #[cfg(feature = "rustls")]
            Cipher::Tls(cipher) => {
                let is_last = chunk.len() == plain.len();
                Ok(cipher.encrypt(chunk, is_last, &mut self.out))
            }
            #[cfg(feature = "gssapi")]
            Cipher::Gss(cipher) => cipher.encrypt(chunk, &mut self.out),
            Cipher::Over => Ok(0),
        };
        match encrypted {
            Ok(taken) => self.taken = taken,
            Err(error) => self.failed = Some(error),
        }
    }

    /// Notes how many bytes were written; tells how much of the plaintext is with that.
    pub(crate) fn sent(&mut self, len: usize) -> usize {
        self.written += len;
        if self.written < self.out.len() {
            return 0;
        }
        self.out.clear();
        self.out.shrink_to(2 * CHUNK);
        self.written = 0;
        mem::take(&mut self.taken)
    }

    /// Room to receive into. Call [`Tunnel::received`] with how many bytes arrived.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        &mut self.room
    }

    /// Takes what was received, and hands out the plaintext in it.
    ///
    /// # Errors
    /// The encryption cannot be agreed on, or is broken.
    pub(crate) fn received(
        &mut self,
        len: usize,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<Change, EncryptionError> {
        let bytes = self.room.get(..len).unwrap_or_default();
        match &mut self.cipher {
            #[cfg(feature = "rustls")]
            Cipher::Tls(cipher) => cipher.received(bytes, &mut self.out, deliver),
            #[cfg(feature = "gssapi")]
            Cipher::Gss(cipher) => cipher.received(bytes, deliver),
            Cipher::Over => Ok(Change::None),
        }
    }

    /// Moves on with what has been done elsewhere meanwhile, see [`Tunnel::poll_timeout`].
    ///
    /// # Errors
    /// As [`Tunnel::received`]; or nothing could be encrypted.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<Change, EncryptionError> {
        if let Some(error) = self.failed.clone() {
            return Err(error);
        }
        match &mut self.cipher {
            #[cfg(feature = "gssapi")]
            Cipher::Gss(cipher) => cipher.advance(now, &mut self.out, deliver),
            _ => {
                let _ = (now, deliver);
                Ok(Change::None)
            }
        }
    }

    /// When to call [`Tunnel::advance`] at the latest, even if nothing has been received.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.failed.is_some() {
            return Some(Instant::now());
        }
        match &self.cipher {
            #[cfg(feature = "gssapi")]
            Cipher::Gss(cipher) => cipher.poll_timeout(),
            _ => None,
        }
    }

    /// Whether the server has said that nothing more comes.
    pub(crate) fn is_ended(&self) -> bool {
        match &self.cipher {
            #[cfg(feature = "rustls")]
            Cipher::Tls(cipher) => cipher.is_ended(),
            _ => false,
        }
    }

    /// What has begun and not been agreed on, if that is so.
    pub(crate) fn handshake(&self) -> Option<&'static str> {
        match &self.cipher {
            #[cfg(feature = "rustls")]
            Cipher::Tls(cipher) => cipher.is_in_handshake().then_some("TLS"),
            #[cfg(feature = "gssapi")]
            Cipher::Gss(cipher) => cipher.is_in_handshake().then_some("GSSAPI encryption"),
            Cipher::Over => None,
        }
    }

    /// Whether it has failed.
    pub(crate) fn is_over(&self) -> bool {
        match &self.cipher {
            #[cfg(feature = "rustls")]
            Cipher::Tls(cipher) => cipher.is_over(),
            #[cfg(feature = "gssapi")]
            Cipher::Gss(cipher) => cipher.is_over(),
            Cipher::Over => true,
        }
    }

    /// Says goodbye, behind all the plaintext that is there by then.
    pub(crate) fn end(&mut self) {
        #[cfg(feature = "rustls")]
        if let Cipher::Tls(cipher) = &mut self.cipher {
            cipher.end();
        }
    }
}

impl Route {
    /// What a connection of this kind begins with.
    fn cipher(&self, out: &mut Vec<u8>) -> Result<Cipher, EncryptionError> {
        match *self {
            #[cfg(feature = "rustls")]
            Route::Tls(ref route) => Ok(Cipher::Tls(Box::new(TlsCipher::again(route, out)?))),
            #[cfg(feature = "gssapi")]
            Route::Gss(ref service) => {
                let cipher = GssCipher::again(service.clone(), Instant::now(), out);
                Ok(Cipher::Gss(Box::new(cipher)))
            }
        }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Tunnel");
        match &self.cipher {
            #[cfg(feature = "rustls")]
            Cipher::Tls(cipher) => debug.field("tls", cipher),
            #[cfg(feature = "gssapi")]
            Cipher::Gss(cipher) => debug.field("gss", cipher),
            Cipher::Over => &mut debug,
        };
        debug.finish_non_exhaustive()
    }
}
