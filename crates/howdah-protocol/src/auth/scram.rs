//! SCRAM-SHA-256, the client's side: one struct for each reply that is awaited.
//!
//! Sources: RFC 5802 (SCRAM), RFC 7677 (SHA-256), RFC 4013 (SASLprep); PostgreSQL documentation, "SCRAM-SHA-256
//! Authentication". Channel binding: RFC 5929, `tls-server-end-point`, whose hash is an input.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::Mac;
use hmac::digest::Digest;
use sha2::Sha256;

use super::pbkdf2::{HmacSha256, Pbkdf2, keyed};
use super::{Password, saslprep};
use crate::error::ProtocolError;

/// The mechanism's name in AuthenticationSASL.
pub const MECHANISM: &str = "SCRAM-SHA-256";

/// The name of the mechanism with channel binding.
pub const MECHANISM_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// The most iterations that a server may ask for.
///
/// PostgreSQL's default is 4096. This many take about a second; without a bound a hostile server could keep the client
/// computing for minutes.
pub const MAX_ITERATIONS: u32 = 4_000_000;

/// How many iterations are done at once.
///
/// So many take 0.4 ms, or 2 ms on processors without instructions for SHA-256: an event loop does not notice. And it is
/// PostgreSQL's default, so that the usual derivation is done in one go.
pub const SLICE: u32 = 4096;

/// Whether the proof is one of the channel as well, so that nobody between client and server can pass it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// The client does not do that.
    Unsupported,
    /// The client would, but the server has not offered it. A server that had is told so, and refuses.
    NotOffered,
    /// With `tls-server-end-point`: the hash of the server's certificate.
    EndPoint(Vec<u8>),
}

impl Binding {
    /// The mechanism's name in AuthenticationSASL.
    #[must_use]
    pub fn mechanism(&self) -> &'static str {
        if self.is_bound() {
            MECHANISM_PLUS
        } else {
            MECHANISM
        }
    }

    /// Whether the channel is part of the proof.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        matches!(self, Self::EndPoint(_))
    }

    /// RFC 5802, `gs2-header`.
    fn header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::NotOffered => "y,,",
            Self::EndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// RFC 5802, `cbind-input`.
    fn input(&self) -> Vec<u8> {
        let mut input = self.header().as_bytes().to_vec();
        if let Self::EndPoint(hash) = self {
            input.extend_from_slice(hash);
        }
        input
    }
}

/// Keys that stand in for what is derived from the password: the options `scram_client_key` and `scram_server_key`.
///
/// With both no password is needed, and nothing is derived. `Debug` hides them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    client: Option<[u8; 32]>,
    server: Option<[u8; 32]>,
}

impl Keys {
    /// Decodes the options, each in base64 if it is given.
    ///
    /// # Errors
    /// What is wrong, in libpq's words.
    pub(crate) fn decode(client: Option<&str>, server: Option<&str>) -> Result<Self, String> {
        Ok(Self {
            client: client.map(|text| key(text, "client")).transpose()?,
            server: server.map(|text| key(text, "server")).transpose()?,
        })
    }

    /// Whether both are there.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.client.is_some() && self.server.is_some()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

fn key(text: &str, whose: &str) -> Result<[u8; 32], String> {
    let decoded = BASE64
        .decode(text)
        .map_err(|_| format!("invalid SCRAM {whose} key"))?;
    let length = decoded.len();
    decoded
        .try_into()
        .map_err(|_| format!("invalid SCRAM {whose} key length: {length}"))
}

/// Begins an exchange: gives the client-first-message, and what to do with the reply.
///
/// `user` may be empty: PostgreSQL uses the name of the startup message. `nonce` must be fresh for every exchange,
/// printable ASCII without commas, and hard to guess: 18 random bytes in base64 are usual.
///
/// # Errors
/// A nonce that SCRAM cannot carry.
pub fn begin(
    user: &str,
    password: &Password,
    keys: Keys,
    nonce: &str,
    binding: &Binding,
) -> Result<(Vec<u8>, ExpectServerFirst), InvalidNonce> {
    if nonce.is_empty() || !nonce.bytes().all(is_nonce_byte) {
        return Err(InvalidNonce);
    }
    let user = user.replace('=', "=3D").replace(',', "=2C");
    let client_first_bare = format!("n={user},r={nonce}");
    let message = format!("{}{client_first_bare}", binding.header());
    let next = ExpectServerFirst {
        password: password.clone(),
        keys,
        nonce: nonce.to_owned(),
        client_first_bare,
        binding: BASE64.encode(binding.input()),
    };
    Ok((message.into_bytes(), next))
}

/// The nonce is empty or has bytes other than printable ASCII without commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNonce;

impl fmt::Display for InvalidNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SCRAM nonce must be printable ASCII without commas")
    }
}

impl std::error::Error for InvalidNonce {}

/// Awaits the server-first-message: salt, iterations and the server's part of the nonce.
#[derive(Debug)]
pub struct ExpectServerFirst {
    password: Password,
    keys: Keys,
    nonce: String,
    client_first_bare: String,
    /// What `c=` carries.
    binding: String,
}

impl ExpectServerFirst {
    /// Takes the server-first-message; the key is to be derived next, before anything is sent.
    ///
    /// # Errors
    /// A malformed message, a nonce that does not continue ours, more than [`MAX_ITERATIONS`].
    pub fn server_first(self, message: &[u8]) -> Result<DeriveKey, ProtocolError> {
        let text = text_of(message)?;
        let challenge = Challenge::parse(text, &self.nonce)?;
        let without_proof = format!("c={},r={}", self.binding, challenge.nonce);
        Ok(DeriveKey {
            derivation: (!self.keys.are_complete()).then(|| challenge.derivation(&self.password)),
            keys: self.keys,
            auth_message: format!("{},{text},{without_proof}", self.client_first_bare),
            without_proof,
        })
    }
}

/// Derives the key from the password, which takes long by design: [`SLICE`] iterations at a time.
pub struct DeriveKey {
    /// `None` if the keys are known.
    derivation: Option<Pbkdf2>,
    keys: Keys,
    auth_message: String,
    without_proof: String,
}

/// How far the derivation of the key has come.
#[derive(Debug)]
pub enum Derived {
    /// There is more to compute. Whatever else waits may have its turn first.
    More(DeriveKey),
    /// The client-final-message, and what to do with the reply.
    Done(Vec<u8>, ExpectServerFinal),
}

impl DeriveKey {
    /// Computes one slice.
    pub fn step(mut self) -> Derived {
        let Some(derivation) = &mut self.derivation else {
            return self.finish(&[0; 32]);
        };
        match derivation.run(SLICE) {
            None => Derived::More(self),
            Some(salted) => self.finish(&salted),
        }
    }

    fn finish(self, salted: &[u8; 32]) -> Derived {
        let derived = |name: &[u8]| hmac(salted, name);
        let client_key = self.keys.client.unwrap_or_else(|| derived(b"Client Key"));
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        let client_signature = hmac(&stored_key, self.auth_message.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(client_signature)
            .map(|(key, signature)| key ^ signature)
            .collect();
        let message = format!("{},p={}", self.without_proof, BASE64.encode(proof));
        let server_key = self.keys.server.unwrap_or_else(|| derived(b"Server Key"));
        let signature = keyed(&server_key).chain_update(self.auth_message.as_bytes());
        Derived::Done(message.into_bytes(), ExpectServerFinal { signature })
    }
}

impl fmt::Debug for DeriveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeriveKey").finish_non_exhaustive()
    }
}

/// Awaits the server-final-message: the proof that the server knows the password too.
pub struct ExpectServerFinal {
    signature: HmacSha256,
}

impl ExpectServerFinal {
    /// Takes the server-final-message; `Ok` means that the server has proved itself.
    ///
    /// # Errors
    /// A malformed message, the server's own error, a wrong signature.
    pub fn server_final(self, message: &[u8]) -> Result<(), ScramError> {
        let text = text_of(message)?;
        if let Some(error) = text.strip_prefix("e=") {
            let error = error.escape_debug();
            return Err(ScramError::Refused(format!(
                "error received from server in SCRAM exchange: {error}"
            )));
        }
        let mut attributes = text.split(',');
        let encoded = attribute(attributes.next(), 'v')?;
        extensions(attributes)?;
        let claimed = BASE64
            .decode(encoded)
            .map_err(|_| malformed("invalid server signature"))?;
        // The comparison takes the same time wherever the first difference is.
        self.signature
            .verify_slice(&claimed)
            .map_err(|_| ScramError::Refused("incorrect server signature".to_owned()))
    }
}

impl fmt::Debug for ExpectServerFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpectServerFinal").finish_non_exhaustive()
    }
}

/// Why the last step of an exchange failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScramError {
    /// The server's message is not SCRAM.
    Protocol(ProtocolError),
    /// The server refused the client, or could not prove itself: the text says which.
    Refused(String),
}

impl From<ProtocolError> for ScramError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// The content of a server-first-message.
struct Challenge<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> Challenge<'a> {
    fn parse(text: &'a str, client_nonce: &str) -> Result<Self, ProtocolError> {
        let mut attributes = text.split(',');
        let nonce = attribute(attributes.next(), 'r')?;
        let salt = attribute(attributes.next(), 's')?;
        let iterations = attribute(attributes.next(), 'i')?;
        extensions(attributes)?;
        let servers_part = nonce.strip_prefix(client_nonce).unwrap_or_default();
        if servers_part.is_empty() || !servers_part.bytes().all(is_nonce_byte) {
            return Err(malformed("nonce mismatch"));
        }
        let salt = BASE64.decode(salt).ok().filter(|salt| !salt.is_empty());
        let salt = salt.ok_or_else(|| malformed("invalid salt"))?;
        Ok(Self {
            nonce,
            salt,
            iterations: parse_iterations(iterations)?,
        })
    }

    fn derivation(&self, password: &Password) -> Pbkdf2 {
        let password = saslprep::prepare(password.expose());
        Pbkdf2::new(password.as_bytes(), &self.salt, self.iterations)
    }
}

fn parse_iterations(digits: &str) -> Result<u32, ProtocolError> {
    // `parse` alone would take a sign.
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<u64>() {
        _ if !valid => Err(malformed("invalid iteration count")),
        Ok(0) => Err(malformed("invalid iteration count")),
        Ok(count) => match u32::try_from(count) {
            Ok(count) if count <= MAX_ITERATIONS => Ok(count),
            _ => Err(too_many_iterations()),
        },
        Err(_) => Err(too_many_iterations()),
    }
}

fn too_many_iterations() -> ProtocolError {
    ProtocolError::refused(format!(
        "server asks for more than {MAX_ITERATIONS} SCRAM iterations"
    ))
}

/// The value of the attribute with a name, which has to be the one that comes next.
fn attribute(next: Option<&str>, name: char) -> Result<&str, ProtocolError> {
    let value = next
        .and_then(|text| text.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix('='));
    value.ok_or_else(|| malformed(format_args!("attribute \"{name}\" expected")))
}

/// Checks the form of the attributes that may follow, and ignores them, as RFC 5802 asks.
fn extensions<'a>(attributes: impl Iterator<Item = &'a str>) -> Result<(), ProtocolError> {
    for text in attributes {
        let mut chars = text.chars();
        let named = chars.next().is_some_and(|name| name.is_ascii_alphabetic())
            && chars.next() == Some('=');
        if !named || chars.next().is_none() {
            return Err(malformed("garbage at its end"));
        }
    }
    Ok(())
}

fn text_of(message: &[u8]) -> Result<&str, ProtocolError> {
    str::from_utf8(message)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| malformed("not a text"))
}

fn malformed(why: impl fmt::Display) -> ProtocolError {
    ProtocolError::malformed(format_args!("SCRAM message: {why}"))
}

/// RFC 5802, `printable`: ASCII from "!" to "~" without the comma.
fn is_nonce_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}

fn hmac(key: &[u8; 32], data: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(data).finalize().into_bytes().into()
}

#[cfg(test)]
#[path = "scram_tests.rs"]
mod tests;
