//! Encryption by GSSAPI: the answer to a GSSENCRequest, tokens to and fro, and then what the mechanism makes of plaintext. All
//! that comes behind the answer is packets: a length of four bytes, and as many bytes. What makes tokens and encrypts is
//! outside; here is when that is done, and how long things may be.
//!
//! Source: PostgreSQL documentation, "Message Flow", "GSSAPI Session Encryption".

use std::fmt;
use std::ops::Range;

use super::gss::{GssAnswer, MAX_ROUNDS};
use super::{EncryptionAnswer, EncryptionError, EncryptionRequest, ExpectEncryptionAnswer};

/// The longest packet once the encryption stands, with its length. Source: libpq, `PQ_GSS_MAX_PACKET_SIZE`.
const MAX_PACKET: usize = 16_384;

/// The longest packet before. Source: libpq, `PQ_GSS_AUTH_BUFFER_SIZE`.
const MAX_TOKEN: usize = 65_536;

const HEADER: usize = 4;

/// What a server may send before it knows what its token is worth.
const MAX_HELD_BACK: usize = 2 * MAX_TOKEN;

/// One encrypted connection.
///
/// Give what is received to [`received`](Self::received); then, until both have nothing more, answer
/// [`request`](Self::request) by [`answer`](Self::answer), and decrypt [`next_packet`](Self::next_packet). What is to be sent
/// is encrypted outside, and framed by [`packet`](Self::packet).
pub struct GssEncryption {
    stage: Stage,
    input: Vec<u8>,
    /// Where in `input` the bytes begin that have not been used.
    start: usize,
}

#[derive(Debug)]
enum Stage {
    Asking(ExpectEncryptionAnswer),
    /// The server's next token is awaited, after so many.
    Token(usize),
    /// The mechanism is to make a token of this part of the input.
    Answer(Range<usize>, usize),
    Open,
    Over,
}

impl GssEncryption {
    /// Appends a GSSENCRequest to `out`.
    #[must_use]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        let next = ExpectEncryptionAnswer::begin(EncryptionRequest::Gss, out);
        Self {
            stage: Stage::Asking(next),
            input: Vec::new(),
            start: 0,
        }
    }

    /// Takes what was received. The server may refuse: then the connection goes on without, or is to be closed.
    ///
    /// # Errors
    /// As [`ExpectEncryptionAnswer::answer`]; or the server sends more than it may before the encryption stands.
    pub fn received(&mut self, bytes: &[u8]) -> Result<EncryptionAnswer, EncryptionError> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Asking(next) => {
                let answer = next.answer(bytes)?;
                if answer == EncryptionAnswer::Accepted {
                    self.stage = Stage::Answer(0..0, 0);
                }
                Ok(answer)
            }
            Stage::Over => Ok(EncryptionAnswer::Accepted),
            stage => {
                self.stage = stage;
                self.keep(bytes)?;
                self.next_token()?;
                Ok(EncryptionAnswer::Accepted)
            }
        }
    }

    /// The server's token that the mechanism has to answer, empty at first; `None` while there is nothing to answer.
    #[must_use]
    pub fn request(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Answer(token, _) => Some(self.input.get(token.clone()).unwrap_or_default()),
            _ => None,
        }
    }

    /// Takes what the mechanism made of [`GssEncryption::request`], or why it made nothing; appends its token to `out`.
    ///
    /// # Errors
    /// The mechanism's; or its token is longer than may be sent.
    pub fn answer(
        &mut self,
        answer: Result<GssAnswer, String>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncryptionError> {
        let Stage::Answer(token, rounds) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Ok(());
        };
        let answer = answer.map_err(EncryptionError::in_handshake)?;
        self.start = self.start.max(token.end);
        if !answer.token.is_empty() {
            frame(out, &answer.token, MAX_TOKEN)?;
        }
        if answer.is_complete {
            self.stage = Stage::Open;
            return Ok(());
        }
        self.stage = Stage::Token(rounds);
        self.next_token()
    }

    /// Whether both sides have proved who they are, and all is encrypted from here on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open)
    }

    /// Whether tokens go to and fro.
    #[must_use]
    pub fn is_in_handshake(&self) -> bool {
        matches!(self.stage, Stage::Token(_) | Stage::Answer(..))
    }

    /// Whether the server has refused, or it has failed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The next packet to be decrypted, once the encryption stands; `None` until all of it has come.
    ///
    /// # Errors
    /// It would be empty, or longer than packets may be.
    pub fn next_packet(&mut self) -> Result<Option<&[u8]>, EncryptionError> {
        if !self.is_open() {
            return Ok(None);
        }
        match self.next_frame(MAX_PACKET) {
            Ok(Some(packet)) => {
                self.start = packet.end;
                Ok(self.input.get(packet))
            }
            Ok(None) => {
                self.tidy();
                Ok(None)
            }
            Err(text) => {
                self.stage = Stage::Over;
                Err(EncryptionError::new(text))
            }
        }
    }

    /// Appends to `out` what was encrypted, as a packet.
    ///
    /// # Errors
    /// It is longer than packets may be.
    pub fn packet(out: &mut Vec<u8>, encrypted: &[u8]) -> Result<(), EncryptionError> {
        frame(out, encrypted, MAX_PACKET)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EncryptionError> {
        if matches!(self.stage, Stage::Open) {
            self.tidy();
        } else if self.input.len() + bytes.len() > MAX_HELD_BACK {
            self.stage = Stage::Over;
            let text = format!(
                "server sends more than {MAX_HELD_BACK} bytes before GSSAPI encryption is agreed on"
            );
            return Err(EncryptionError::in_handshake(text));
        }
        self.input.extend_from_slice(bytes);
        Ok(())
    }

    /// Drops what has been used.
    fn tidy(&mut self) {
        self.input.drain(..self.start);
        self.start = 0;
    }

    /// Has the mechanism answer the server's token, if it awaits one and all of it has come.
    fn next_token(&mut self) -> Result<(), EncryptionError> {
        let Stage::Token(rounds) = self.stage else {
            return Ok(());
        };
        // Anybody may have sent it: not shown, as before TLS (CVE-2024-10977).
        let is_error = self.input.get(self.start) == Some(&b'E');
        let token = match self.next_frame(MAX_TOKEN) {
            _ if is_error => {
                Err("server sent an error response during GSS encryption exchange".to_owned())
            }
            Ok(Some(_)) if rounds == MAX_ROUNDS => Err(format!(
                "GSSAPI encryption was not agreed on after {MAX_ROUNDS} tokens of the server"
            )),
            found => found,
        };
        match token {
            Ok(None) => Ok(()),
            Ok(Some(token)) => {
                self.stage = Stage::Answer(token, rounds + 1);
                Ok(())
            }
            Err(text) => {
                self.stage = Stage::Over;
                Err(EncryptionError::in_handshake(text))
            }
        }
    }

    /// Where the next packet lies, if all of it has come.
    fn next_frame(&self, max: usize) -> Result<Option<Range<usize>>, String> {
        let unused = self.input.get(self.start..).unwrap_or_default();
        let Some(header) = unused.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let len = u32::from_be_bytes(*header);
        let max = max - HEADER;
        let len = match usize::try_from(len) {
            Ok(0) => return Err("empty GSSAPI packet sent by the server".to_owned()),
            Ok(len) if len <= max => len,
            _ => {
                return Err(format!(
                    "oversize GSSAPI packet sent by the server ({len} > {max})"
                ));
            }
        };
        let start = self.start + HEADER;
        Ok((unused.len() >= HEADER + len).then_some(start..start + len))
    }
}

/// Without what is encrypted.
impl fmt::Debug for GssEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GssEncryption")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

fn frame(out: &mut Vec<u8>, bytes: &[u8], max: usize) -> Result<(), EncryptionError> {
    let (len, max) = (bytes.len(), max - HEADER);
    match u32::try_from(len) {
        Ok(header) if len <= max => {
            out.extend_from_slice(&header.to_be_bytes());
            out.extend_from_slice(bytes);
            Ok(())
        }
        _ => {
            let text = format!("client tried to send oversize GSSAPI packet ({len} > {max})");
            Err(EncryptionError::in_handshake(text))
        }
    }
}

#[cfg(test)]
#[path = "gss_encryption_tests.rs"]
mod tests;
