//! The bytes of an encrypted connection: what is said before TLS, its handshake, and what goes through it.
//!
//! It is sans-IO, as a session is: whoever has a socket moves bytes between it and the tunnel.

use std::fmt;
use std::io::{Read, Write};
use std::mem;

use howdah_protocol::startup::{EncryptionError, ExpectTlsAnswer, TlsAnswer};
use rustls::{ClientConnection, Error};

use super::{TlsFacts, TlsPlan, TlsRoute};

/// How much is encrypted at once, in bytes: what is outgoing is kept twice meanwhile.
const CHUNK: usize = 64 * 1024;

/// Room for what is received: two records of TLS.
const ROOM: usize = 34 * 1024;

/// An encrypted connection, from the SSLRequest on.
pub(crate) struct Tunnel {
    stage: Stage,
    /// Bytes for the socket.
    out: Vec<u8>,
    /// How many of them have been written.
    written: usize,
    /// How many bytes of plaintext are in `out`.
    taken: usize,
    room: Box<[u8]>,
    /// Whether the server has said that nothing more comes.
    is_ended: bool,
    /// Whether this side says so next.
    is_ending: bool,
}

enum Stage {
    /// The answer to an SSLRequest is awaited.
    Asking(ExpectTlsAnswer, Source),
    Handshake(Box<ClientConnection>, TlsRoute),
    Open(Box<ClientConnection>),
    /// The server has refused, or it has failed.
    Over,
}

/// Where the configuration comes from, when it is needed.
enum Source {
    Plan(Box<TlsPlan>),
    Route(TlsRoute),
}

/// What the bytes received have brought about.
#[derive(Debug)]
pub(crate) enum Change {
    /// Nothing but, perhaps, plaintext.
    None,
    /// The server has no TLS.
    Refused,
    /// The handshake is over: from here on plaintext goes through.
    Open(TlsRoute, TlsFacts, howdah_protocol::startup::Channel),
}

impl Tunnel {
    /// A connection as the options ask for it.
    pub(crate) fn plan(plan: TlsPlan) -> Result<Self, EncryptionError> {
        if plan.is_direct() {
            return Self::direct(plan.route()?);
        }
        Ok(Self::ask(Source::Plan(Box::new(plan))))
    }

    /// A connection that was given up before it began: nothing goes through it.
    pub(crate) fn over() -> Self {
        Self::new(Stage::Over, Vec::new())
    }

    /// One more connection of the same kind.
    pub(crate) fn again(route: &TlsRoute) -> Result<Self, EncryptionError> {
        if route.is_direct() {
            return Self::direct(route.clone());
        }
        Ok(Self::ask(Source::Route(route.clone())))
    }

    fn ask(source: Source) -> Self {
        let mut out = Vec::new();
        let next = ExpectTlsAnswer::begin(&mut out);
        Self::new(Stage::Asking(next, source), out)
    }

    fn direct(route: TlsRoute) -> Result<Self, EncryptionError> {
        let connection = Box::new(route.connect()?);
        Ok(Self::new(Stage::Handshake(connection, route), Vec::new()))
    }

    fn new(stage: Stage, out: Vec<u8>) -> Self {
        Self {
            stage,
            out,
            written: 0,
            taken: 0,
            room: vec![0; ROOM].into(),
            is_ended: false,
            is_ending: false,
        }
    }

    /// The bytes for the socket, where `plain` is what is to be sent through. Call [`Tunnel::sent`] with how many were written.
    pub(crate) fn outgoing(&mut self, plain: &[u8]) -> &[u8] {
        if self.out.is_empty() {
            self.encrypt(plain);
        }
        self.out.get(self.written..).unwrap_or_default()
    }

    fn encrypt(&mut self, plain: &[u8]) {
        let chunk = plain.get(..plain.len().min(CHUNK)).unwrap_or_default();
        let connection = match &mut self.stage {
            Stage::Open(connection) => {
                // It takes all, as no limit is set, and cannot fail.
                self.taken = connection.writer().write(chunk).unwrap_or_default();
                if self.is_ending && self.taken == plain.len() {
                    self.is_ending = false;
                    connection.send_close_notify();
                }
                connection
            }
            Stage::Handshake(connection, _) => connection,
            Stage::Asking(..) | Stage::Over => return,
        };
        drain(connection, &mut self.out);
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
    /// TLS cannot be agreed on, or is broken.
    pub(crate) fn received(
        &mut self,
        len: usize,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<Change, EncryptionError> {
        let room = mem::take(&mut self.room);
        let bytes = room.get(..len).unwrap_or_default();
        let change = self.take_in(bytes, deliver);
        self.room = room;
        change
    }

    /// Whether the server has said that nothing more comes.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Whether TLS has begun and not been agreed on.
    pub(crate) fn is_in_handshake(&self) -> bool {
        matches!(self.stage, Stage::Handshake(..))
    }

    /// Whether it has failed.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Says goodbye, behind all the plaintext that is there by then.
    pub(crate) fn end(&mut self) {
        self.is_ending = true;
    }

    fn take_in(
        &mut self,
        bytes: &[u8],
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<Change, EncryptionError> {
        match mem::replace(&mut self.stage, Stage::Over) {
            Stage::Asking(next, source) => {
                if next.answer(bytes)? == TlsAnswer::Refused {
                    return Ok(Change::Refused);
                }
                let route = match source {
                    Source::Plan(plan) => plan.route()?,
                    Source::Route(route) => route,
                };
                let connection = Box::new(route.connect()?);
                self.stage = Stage::Handshake(connection, route);
                Ok(Change::None)
            }
            Stage::Handshake(mut connection, route) => {
                let read = self.decrypt_or_alert(&mut connection, bytes, deliver);
                if read.is_ok() && connection.is_handshaking() {
                    self.stage = Stage::Handshake(connection, route);
                    return Ok(Change::None);
                }
                let agreed = read.and_then(|()| check_alpn(&connection, &route));
                agreed.map_err(EncryptionError::in_handshake)?;
                let facts = TlsFacts::of(&connection);
                let channel = route.channel(&connection);
                self.stage = Stage::Open(connection);
                Ok(Change::Open(route, facts, channel))
            }
            Stage::Open(mut connection) => {
                self.decrypt_or_alert(&mut connection, bytes, deliver)
                    .map_err(EncryptionError::new)?;
                self.stage = Stage::Open(connection);
                Ok(Change::None)
            }
            Stage::Over => Ok(Change::None),
        }
    }

    /// The same as [`Tunnel::decrypt`]; where it fails, what the server is told about it is outgoing.
    fn decrypt_or_alert(
        &mut self,
        connection: &mut ClientConnection,
        bytes: &[u8],
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<(), String> {
        let read = self.decrypt(connection, bytes, deliver);
        if read.is_err() {
            drain(connection, &mut self.out);
        }
        read
    }

    fn decrypt(
        &mut self,
        connection: &mut ClientConnection,
        mut bytes: &[u8],
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<(), String> {
        while !bytes.is_empty() {
            let count = connection
                .read_tls(&mut bytes)
                .map_err(|error| error.to_string())?;
            let state = connection
                .process_new_packets()
                .map_err(|error| words(&error))?;
            let mut plain = [0; 4096];
            let mut left = state.plaintext_bytes_to_read();
            while left > 0 {
                let read = connection.reader().read(&mut plain);
                let read = read.map_err(|error| error.to_string())?;
                deliver(plain.get(..read).unwrap_or_default());
                left = left.saturating_sub(read.max(1));
            }
            self.is_ended |= state.peer_has_closed();
            if count == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// Takes what a connection has for the socket.
fn drain(connection: &mut ClientConnection, out: &mut Vec<u8>) {
    // A vector takes all.
    while connection.wants_write() && connection.write_tls(out).is_ok() {}
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Asking(..) => "asking",
            Stage::Handshake(..) => "handshake",
            Stage::Open(_) => "open",
            Stage::Over => "over",
        };
        f.debug_struct("Tunnel")
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}

/// Without an SSLRequest it is ALPN that says that PostgreSQL is meant: a server that does not know it may be another one.
fn check_alpn(connection: &ClientConnection, route: &TlsRoute) -> Result<(), String> {
    if route.is_direct() && connection.alpn_protocol().is_none() {
        return Err(
            "direct SSL connection was established without ALPN protocol negotiation extension"
                .to_owned(),
        );
    }
    Ok(())
}

fn words(error: &Error) -> String {
    match error {
        Error::General(text) => text.clone(),
        Error::AlertReceived(alert) => {
            format!("SSL error: the server answers with the alert {alert:?}")
        }
        other => format!("SSL error: {other}"),
    }
}
