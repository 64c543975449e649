//! Before the handshake: SSLRequest and GSSENCRequest, whose answer is one byte; and what the handshake has to know of the
//! encryption.
//!
//! Source: PostgreSQL documentation, "Message Flow", "SSL Session Encryption" and "GSSAPI Session Encryption".

use std::fmt;

use crate::error::ProtocolError;
use crate::wire::frontend;

/// What a server can be asked for before the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionRequest {
    /// SSLRequest, which a server accepts with `S`.
    Tls,
    /// GSSENCRequest, which a server accepts with `G`.
    Gss,
}

/// What a server answers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionAnswer {
    /// `S` or `G`: the handshake of the encryption is to begin.
    Accepted,
    /// `N`: the server goes on without, if the client wants that.
    Refused,
}

/// Awaits the answer to an SSLRequest or a GSSENCRequest.
#[derive(Debug)]
#[non_exhaustive]
pub struct ExpectEncryptionAnswer {
    request: EncryptionRequest,
}

impl ExpectEncryptionAnswer {
    /// Appends the request to `out`.
    #[must_use]
    pub fn begin(request: EncryptionRequest, out: &mut Vec<u8>) -> Self {
        match request {
            EncryptionRequest::Tls => frontend::ssl_request(out),
            EncryptionRequest::Gss => frontend::gssenc_request(out),
        }
        Self { request }
    }

    /// Takes what was received, one byte at least.
    ///
    /// # Errors
    /// The server failed, which it may say in a message: that is not read, as anybody could have sent it (CVE-2024-10977).
    /// Another byte than the protocol knows. Bytes behind the answer: they came before the encryption began, and must not be
    /// taken for something that came by it (CVE-2021-23222).
    pub fn answer(self, received: &[u8]) -> Result<EncryptionAnswer, EncryptionError> {
        let (accepting, message, name, exchange) = match self.request {
            EncryptionRequest::Tls => (b'S', "an SSLRequest", "SSL", "SSL"),
            EncryptionRequest::Gss => (b'G', "a GSSENCRequest", "GSSAPI", "GSS encryption"),
        };
        let (first, rest) = received.split_first().unwrap_or((&0, &[]));
        let answer = match *first {
            byte if byte == accepting => EncryptionAnswer::Accepted,
            b'N' => EncryptionAnswer::Refused,
            b'E' => {
                let text = format!("server sent an error response during {exchange} exchange");
                return Err(EncryptionError::new(text));
            }
            byte => {
                let got = format!("the byte 0x{byte:02x}");
                let error = ProtocolError::unexpected(got, &format!("the answer to {message}"));
                return Err(EncryptionError::new(error.to_string()));
            }
        };
        if rest.is_empty() {
            return Ok(answer);
        }
        let text = format!("received unencrypted data after {name} response");
        Err(EncryptionError::new(text))
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
    /// Encryption by GSSAPI, which has proved both sides to each other.
    Gss,
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

    const BOTH: [(EncryptionRequest, u8, u8); 2] = [
        (EncryptionRequest::Tls, b'S', 47),
        (EncryptionRequest::Gss, b'G', 48),
    ];

    fn answer(request: EncryptionRequest, received: &[u8]) -> Result<EncryptionAnswer, String> {
        let next = ExpectEncryptionAnswer::begin(request, &mut Vec::new());
        next.answer(received).map_err(|error| error.to_string())
    }

    #[test]
    fn the_answer_is_one_byte() {
        for (request, yes, code) in BOTH {
            let mut out = Vec::new();
            let _ = ExpectEncryptionAnswer::begin(request, &mut out);
            assert_eq!(out, [0, 0, 0, 8, 4, 210, 22, code]);
            assert_eq!(answer(request, &[yes]), Ok(EncryptionAnswer::Accepted));
            assert_eq!(answer(request, b"N"), Ok(EncryptionAnswer::Refused));
            for byte in (0..=u8::MAX).filter(|byte| *byte != yes && *byte != b'N') {
                assert!(answer(request, &[byte]).is_err(), "{byte}");
            }
            assert!(answer(request, b"").is_err());
        }
    }

    #[test]
    fn nothing_may_be_behind_it() {
        for (request, yes, _) in BOTH {
            for rest in [&b"R\0\0\0\x08\0\0\0\0"[..], b"\0", b"S", b"G", b"N"] {
                for first in [yes, b'N'] {
                    let error = answer(request, &[&[first], rest].concat()).unwrap_err();
                    assert!(error.contains("unencrypted data"), "{error}");
                }
            }
        }
    }

    #[test]
    fn an_error_before_the_encryption_is_not_shown() {
        let received = b"E\0\0\0\x20SFATAL\0MSESAME is the password\0\0";
        for (request, exchange) in [
            (EncryptionRequest::Tls, "SSL"),
            (EncryptionRequest::Gss, "GSS encryption"),
        ] {
            let error = answer(request, received).unwrap_err();
            let text = format!("server sent an error response during {exchange} exchange");
            assert_eq!(error, text);
        }
    }
}
