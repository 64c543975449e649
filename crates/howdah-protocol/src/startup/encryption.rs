//! Before the handshake: SSLRequest, whose answer is one byte; and what the handshake has to know of the encryption.
//!
//! Source: PostgreSQL documentation, "Message Flow", "SSL Session Encryption".

use std::fmt;

use crate::error::ProtocolError;
use crate::wire::frontend;

/// Awaits the answer to an SSLRequest.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExpectTlsAnswer;

/// What a server answers to an SSLRequest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsAnswer {
    /// `S`: the handshake of TLS is to begin.
    Accepted,
    /// `N`: the server goes on without, if the client wants that.
    Refused,
}

impl ExpectTlsAnswer {
    /// Appends an SSLRequest to `out`.
    #[must_use]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        frontend::ssl_request(out);
        Self
    }

    /// Takes what was received, one byte at least.
    ///
    /// # Errors
    /// The server failed, which it may say in a message: that is not read, as anybody could have sent it (CVE-2024-10977).
    /// Another byte than the protocol knows. Bytes behind the answer: they came before TLS began, and must not be taken for
    /// something that came by it (CVE-2021-23222).
    pub fn answer(self, received: &[u8]) -> Result<TlsAnswer, EncryptionError> {
        let (answer, rest) = match received {
            [b'S', rest @ ..] => (TlsAnswer::Accepted, rest),
            [b'N', rest @ ..] => (TlsAnswer::Refused, rest),
            [b'E', ..] => {
                let text = "server sent an error response during SSL exchange";
                return Err(EncryptionError::new(text));
            }
            other => {
                let byte = other.first().copied().unwrap_or_default();
                let got = format!("the byte 0x{byte:02x}");
                let error = ProtocolError::unexpected(got, "the answer to an SSLRequest");
                return Err(EncryptionError::new(error.to_string()));
            }
        };
        if rest.is_empty() {
            return Ok(answer);
        }
        Err(EncryptionError::new(
            "received unencrypted data after SSL response",
        ))
    }
}

/// Why a connection is not encrypted as was asked for, or cannot be read any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionError {
    text: String,
    in_handshake: bool,
}

impl EncryptionError {
    /// The encryption broke, or the server broke the protocol.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            in_handshake: false,
        }
    }

    /// The encryption could not be agreed on: with `sslmode=prefer` a connection without it may still be tried.
    pub fn in_handshake(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            in_handshake: true,
        }
    }

    /// Whether it came before the encryption was agreed on.
    #[must_use]
    pub fn is_in_handshake(&self) -> bool {
        self.in_handshake
    }
}

impl fmt::Display for EncryptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for EncryptionError {}

/// What carries a session, as far as authentication has to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Channel {
    /// The socket itself.
    #[default]
    Plain,
    /// TLS.
    Tls(Box<TlsChannel>),
}

/// What authentication has to know of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsChannel {
    /// The channel binding `tls-server-end-point` (RFC 5929): a hash of the server's certificate; or why there is none.
    pub end_point: Result<Vec<u8>, String>,
    /// Whether the server asked for a certificate.
    pub certificate_requested: bool,
    /// Whether it was sent one.
    pub certificate_sent: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(received: &[u8]) -> Result<TlsAnswer, String> {
        let mut out = Vec::new();
        let next = ExpectTlsAnswer::begin(&mut out);
        assert_eq!(out, [0, 0, 0, 8, 4, 210, 22, 47]);
        next.answer(received).map_err(|error| error.to_string())
    }

    #[test]
    fn the_answer_is_one_byte() {
        assert_eq!(answer(b"S"), Ok(TlsAnswer::Accepted));
        assert_eq!(answer(b"N"), Ok(TlsAnswer::Refused));
        for byte in (0..=u8::MAX).filter(|byte| !b"SN".contains(byte)) {
            assert!(answer(&[byte]).is_err(), "{byte}");
        }
    }

    #[test]
    fn nothing_may_be_behind_it() {
        for received in [&b"SR\0\0\0\x08\0\0\0\0"[..], b"S\0", b"SS", b"NN", b"N\0"] {
            let error = answer(received).unwrap_err();
            assert!(error.contains("unencrypted data"), "{error}");
        }
    }

    #[test]
    fn an_error_before_tls_is_not_shown() {
        let error = answer(b"E\0\0\0\x20SFATAL\0MSESAME is the password\0\0").unwrap_err();
        assert_eq!(error, "server sent an error response during SSL exchange");
    }
}
