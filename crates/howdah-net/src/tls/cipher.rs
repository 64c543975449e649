//! TLS for a tunnel: what is said before it, its handshake, and what goes through it.

use std::fmt;
use std::io::{Read, Write};
use std::mem;

use howdah_protocol::startup::{
    EncryptionAnswer, EncryptionError, EncryptionRequest, ExpectEncryptionAnswer,
};
use rustls::{ClientConnection, Error};

use super::{TlsFacts, TlsPlan, TlsRoute};
use crate::tunnel::{Agreed, Change, Route};

/// TLS for one connection, from the SSLRequest on.
pub(crate) struct TlsCipher {
    stage: Stage,
    /// Whether the server has said that nothing more comes.
    is_ended: bool,
    /// Whether this side says so next.
    is_ending: bool,
}

enum Stage {
    /// The answer to an SSLRequest is awaited.
    Asking(ExpectEncryptionAnswer, Source),
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

impl TlsCipher {
    /// As the options ask for it; what is to be sent first is appended to `out`.
    pub(crate) fn plan(plan: TlsPlan, out: &mut Vec<u8>) -> Result<Self, EncryptionError> {
        if plan.is_direct() {
            return Self::direct(plan.route()?);
        }
        Ok(Self::ask(Source::Plan(Box::new(plan)), out))
    }

    /// As for another connection before.
    pub(crate) fn again(route: &TlsRoute, out: &mut Vec<u8>) -> Result<Self, EncryptionError> {
        if route.is_direct() {
            return Self::direct(route.clone());
        }
        Ok(Self::ask(Source::Route(route.clone()), out))
    }

    fn ask(source: Source, out: &mut Vec<u8>) -> Self {
        let next = ExpectEncryptionAnswer::begin(EncryptionRequest::Tls, out);
        Self::new(Stage::Asking(next, source))
    }

    fn direct(route: TlsRoute) -> Result<Self, EncryptionError> {
        let connection = Box::new(route.connect()?);
        Ok(Self::new(Stage::Handshake(connection, route)))
    }

    fn new(stage: Stage) -> Self {
        Self {
            stage,
            is_ended: false,
            is_ending: false,
        }
    }

    /// Appends to `out` what is to be sent, with `plain` encrypted if it is time for that; tells how much of it is.
    pub(crate) fn encrypt(&mut self, plain: &[u8], is_last: bool, out: &mut Vec<u8>) -> usize {
        let mut taken = 0;
        let connection = match &mut self.stage {
            Stage::Open(connection) => {
                // It takes all, as no limit is set, and cannot fail.
                taken = connection.writer().write(plain).unwrap_or_default();
                if self.is_ending && is_last && taken == plain.len() {
                    self.is_ending = false;
                    connection.send_close_notify();
                }
                connection
            }
            Stage::Handshake(connection, _) => connection,
            Stage::Asking(..) | Stage::Over => return 0,
        };
        drain(connection, out);
        taken
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

    /// Takes what was received, and hands out the plaintext in it.
    ///
    /// # Errors
    /// TLS cannot be agreed on, or is broken; what the server is told about that is in `out` then.
    pub(crate) fn received(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<Change, EncryptionError> {
        match mem::replace(&mut self.stage, Stage::Over) {
            Stage::Asking(next, source) => {
                if next.answer(bytes)? == EncryptionAnswer::Refused {
                    let why = "server does not support SSL, but SSL was required";
                    return Ok(Change::Refused(why));
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
                let read = self.decrypt_or_alert(&mut connection, bytes, out, deliver);
                if read.is_ok() && connection.is_handshaking() {
                    self.stage = Stage::Handshake(connection, route);
                    return Ok(Change::None);
                }
                let agreed = read.and_then(|()| check_alpn(&connection, &route));
                agreed.map_err(EncryptionError::in_handshake)?;
                let agreed = Agreed {
                    channel: route.channel(&connection),
                    tls: Some(TlsFacts::of(&connection)),
                    route: Route::Tls(route),
                };
                self.stage = Stage::Open(connection);
                Ok(Change::Open(Box::new(agreed)))
            }
            Stage::Open(mut connection) => {
                self.decrypt_or_alert(&mut connection, bytes, out, deliver)
                    .map_err(EncryptionError::new)?;
                self.stage = Stage::Open(connection);
                Ok(Change::None)
            }
            Stage::Over => Ok(Change::None),
        }
    }

    /// The same as [`TlsCipher::decrypt`]; where it fails, what the server is told about it is outgoing.
    fn decrypt_or_alert(
        &mut self,
        connection: &mut ClientConnection,
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<(), String> {
        let read = self.decrypt(connection, bytes, deliver);
        if read.is_err() {
            drain(connection, out);
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

impl fmt::Debug for TlsCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Asking(..) => "asking",
            Stage::Handshake(..) => "handshake",
            Stage::Open(_) => "open",
            Stage::Over => "over",
        };
        f.debug_struct("TlsCipher")
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
