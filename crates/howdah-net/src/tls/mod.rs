//! TLS, with the feature `rustls`: certificates, keys, the cipher.

#[cfg(feature = "rustls")]
mod certificate;
#[cfg(feature = "rustls")]
mod cipher;
#[cfg(feature = "rustls")]
mod files;
#[cfg(feature = "rustls")]
mod key_log;
#[cfg(feature = "rustls")]
mod names;
#[cfg(feature = "rustls")]
mod plan;
#[cfg(feature = "rustls")]
mod verify;

#[cfg(feature = "rustls")]
pub(crate) use cipher::TlsCipher;
#[cfg(feature = "rustls")]
pub use plan::{TlsPlan, TlsRoute};

/// What has been agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The version: `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite, as OpenSSL calls it.
    pub cipher: &'static str,
    /// The bits of the cipher's key.
    pub key_bits: u16,
    /// Whether both sides said by ALPN that PostgreSQL's protocol follows.
    pub alpn: bool,
}
