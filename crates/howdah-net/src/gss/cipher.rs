//! Encryption by GSSAPI for a tunnel.

use std::fmt;
use std::ops::Deref;
use std::sync::Mutex;
use std::time::Instant;

use howdah_protocol::startup::{
    Channel, EncryptionAnswer, EncryptionError, GssAnswer, GssEncryption,
};
use libgssapi::context::{CtxFlags, SecurityContext};

use super::work::Work;
use super::{Gss, Service};
use crate::tunnel::{Agreed, Change, Route};

/// How much plaintext goes in one packet. The mechanism adds its header, a confounder and a checksum, which together are less
/// than what is left of a packet.
const PIECE: usize = 16_000;

/// What both sides have to agree on. Source: libpq, `GSS_REQUIRED_FLAGS`.
const FLAGS: CtxFlags = CtxFlags::GSS_C_MUTUAL_FLAG
    .union(CtxFlags::GSS_C_REPLAY_FLAG)
    .union(CtxFlags::GSS_C_SEQUENCE_FLAG)
    .union(CtxFlags::GSS_C_CONF_FLAG)
    .union(CtxFlags::GSS_C_INTEG_FLAG);

/// GSSAPI for one connection, from the look for a ticket on.
pub(crate) struct GssCipher {
    mechanism: Gss,
    stage: Stage,
}

enum Stage {
    /// Whether there are credentials is being found out: nothing has been sent.
    Looking(Work<bool>),
    Going(GssEncryption),
    /// There are none, the server has refused, or it has failed.
    Over,
}

impl GssCipher {
    /// For a session, if there are credentials.
    pub(crate) fn new(service: Service, now: Instant) -> Self {
        Self {
            mechanism: Gss::with(service, FLAGS),
            stage: Stage::Looking(Work::begin(now, Service::has_credentials)),
        }
    }

    /// As for another connection before; what is to be sent first is appended to `out`.
    ///
    /// The first token is made at once: with that there is nothing left that would wait for anything but the server.
    pub(crate) fn again(service: Service, now: Instant, out: &mut Vec<u8>) -> Self {
        let mut mechanism = Gss::with(service, FLAGS);
        mechanism.begin(&[], now);
        let stage = Stage::Going(GssEncryption::begin(out));
        Self { mechanism, stage }
    }

    /// Appends `plain` to `out`, encrypted, if it is time for that; tells how much of it was.
    ///
    /// # Errors
    /// The mechanism's.
    pub(crate) fn encrypt(
        &mut self,
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, EncryptionError> {
        match &self.stage {
            Stage::Going(going) if going.is_open() => {}
            _ => return Ok(0),
        }
        for piece in plain.chunks(PIECE) {
            let sealed = self.mechanism.wrap(piece);
            GssEncryption::packet(out, &sealed.map_err(EncryptionError::new)?)?;
        }
        Ok(plain.len())
    }

    /// Takes what was received, and hands out the plaintext in it. Then call [`GssCipher::advance`].
    ///
    /// # Errors
    /// The server breaks the protocol, or what it sends is not what was encrypted.
    pub(crate) fn received(
        &mut self,
        bytes: &[u8],
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<Change, EncryptionError> {
        let going = match &mut self.stage {
            Stage::Going(going) => going,
            Stage::Over => return Ok(Change::None),
            Stage::Looking(_) => {
                self.stage = Stage::Over;
                let text = "server speaks before GSSAPI encryption was asked for";
                return Err(EncryptionError::new(text));
            }
        };
        if going.received(bytes)? == EncryptionAnswer::Refused {
            let why = "server doesn't support GSSAPI encryption, but it was required";
            return Ok(Change::Refused(why));
        }
        self.decrypt(deliver)?;
        Ok(Change::None)
    }

    /// Moves on with what the library has done meanwhile, see [`GssCipher::poll_timeout`].
    ///
    /// # Errors
    /// There is no ticket for the server, or it cannot prove who it is.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        out: &mut Vec<u8>,
        deliver: &mut dyn FnMut(&[u8]),
    ) -> Result<Change, EncryptionError> {
        if let Stage::Looking(work) = &mut self.stage {
            match work.poll(now) {
                None => return Ok(Change::None),
                Some(Ok(true)) => self.stage = Stage::Going(GssEncryption::begin(out)),
                Some(Ok(false) | Err(_)) => {
                    self.stage = Stage::Over;
                    let why = "GSSAPI encryption required but no credential cache";
                    return Ok(Change::Refused(why));
                }
            }
        }
        self.mechanism.look(now);
        while let Stage::Going(going) = &mut self.stage {
            let Some(request) = going.request() else {
                break;
            };
            let Some(answer) = self.mechanism.answer(request, now) else {
                break;
            };
            going.answer(answer, out)?;
            if going.is_open() {
                if !self.mechanism.is_confidential() {
                    self.stage = Stage::Over;
                    let text = "GSSAPI has not agreed to encrypt what is sent";
                    return Err(EncryptionError::in_handshake(text));
                }
                self.decrypt(deliver)?;
                return Ok(Change::Open(Box::new(Agreed {
                    route: Route::Gss(self.mechanism.service.clone()),
                    channel: Channel::Gss,
                    tls: None,
                })));
            }
        }
        Ok(Change::None)
    }

    /// When to call [`GssCipher::advance`] at the latest, even if nothing has been received.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Looking(work) => Some(work.due()),
            Stage::Going(_) => self.mechanism.poll_timeout(),
            Stage::Over => None,
        }
    }

    /// Whether tokens go to and fro.
    pub(crate) fn is_in_handshake(&self) -> bool {
        matches!(&self.stage, Stage::Going(going) if going.is_in_handshake())
    }

    /// Whether it has failed.
    pub(crate) fn is_over(&self) -> bool {
        match &self.stage {
            Stage::Going(going) => going.is_over(),
            Stage::Looking(_) => false,
            Stage::Over => true,
        }
    }

    fn decrypt(&mut self, deliver: &mut dyn FnMut(&[u8])) -> Result<(), EncryptionError> {
        let Stage::Going(going) = &mut self.stage else {
            return Ok(());
        };
        let opened = loop {
            match going.next_packet() {
                Ok(None) => return Ok(()),
                Ok(Some(packet)) => match self.mechanism.unwrap(packet, deliver) {
                    Ok(()) => {}
                    Err(text) => break EncryptionError::new(text),
                },
                Err(error) => break error,
            }
        };
        self.stage = Stage::Over;
        Err(opened)
    }
}

impl fmt::Debug for GssCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage: &dyn fmt::Debug = match &self.stage {
            Stage::Looking(_) => &"looking",
            Stage::Going(going) => going,
            Stage::Over => &"over",
        };
        f.debug_struct("GssCipher")
            .field("stage", stage)
            .finish_non_exhaustive()
    }
}

impl Gss {
    /// The same as [`Gss::poll`] for a context that is to encrypt. Only the first token may ask a KDC: what the server answers
    /// to it is looked at here and now.
    fn answer(&mut self, input: &[u8], now: Instant) -> Option<Result<GssAnswer, String>> {
        let begun = self.context.get_mut().ok();
        if self.ready.is_none()
            && let Some(context) = begun.and_then(Option::take)
        {
            let made = self.service.step(Some(context), self.flags, input);
            self.context = Mutex::new(made.context);
            self.ready = Some(made.answer);
        }
        self.poll(input, now)
    }

    /// Whether the mechanism does what was asked of it.
    fn is_confidential(&mut self) -> bool {
        let context = self.context.get_mut().ok().and_then(|it| it.as_ref());
        let flags = context.map(SecurityContext::flags);
        flags.is_some_and(|flags| flags.is_ok_and(|flags| flags.contains(FLAGS)))
    }

    fn wrap(&mut self, plain: &[u8]) -> Result<impl Deref<Target = [u8]>, String> {
        let context = self.context.get_mut().ok().and_then(Option::as_mut);
        let context = context.ok_or_else(no_context)?;
        let sealed = context
            .wrap(true, plain)
            .map_err(|error| self.service.describe("GSSAPI wrap error", &error))?;
        if !is_sealed(&sealed) {
            return Err("outgoing GSSAPI message would not use confidentiality".to_owned());
        }
        Ok(sealed)
    }

    fn unwrap(&mut self, sealed: &[u8], deliver: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let context = self.context.get_mut().ok().and_then(Option::as_mut);
        let context = context.ok_or_else(no_context)?;
        let plain = context
            .unwrap(sealed)
            .map_err(|error| self.service.describe("GSSAPI unwrap error", &error))?;
        if !is_sealed(sealed) {
            return Err("incoming GSSAPI message did not use confidentiality".to_owned());
        }
        deliver(&plain);
        Ok(())
    }
}

fn no_context() -> String {
    "the GSSAPI library failed".to_owned()
}

/// Whether a token is encrypted and not only signed, which the library does not tell. It has checked, or made, its header.
///
/// Source: RFC 4121, section 4.2.6.2. Older tokens, of ciphers that nobody should use any more, count as not encrypted.
fn is_sealed(token: &[u8]) -> bool {
    const SEALED: u8 = 0x02;
    matches!(token, [0x05, 0x04, flags, ..] if flags & SEALED != 0)
}

#[cfg(test)]
mod tests {
    use super::is_sealed;

    #[test]
    fn what_is_only_signed_is_not_sealed() {
        assert!(is_sealed(&[5, 4, 2, 255]) && is_sealed(&[5, 4, 7, 255]));
        for token in [
            &b""[..],
            &[5, 4],
            &[5, 4, 0, 255],
            &[5, 4, 5, 255],
            &[4, 4, 2],
        ] {
            assert!(!is_sealed(token), "{token:?}");
        }
    }
}
