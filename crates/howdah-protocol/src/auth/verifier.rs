//! What servers keep of a password, to be given to `ALTER ROLE ... PASSWORD`, so that the password itself is not sent.
//!
//! Source: PostgreSQL documentation, "pg_authid"; libpq's `PQencryptPasswordConn`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::Mac;
use sha2::{Digest, Sha256};

use super::pbkdf2::{Pbkdf2, keyed};
use super::{Password, md5, saslprep};

/// How often the password is hashed: PostgreSQL's default.
const ITERATIONS: u32 = 4096;

/// The form of the MD5 method.
#[must_use]
pub fn md5(user: &str, password: &Password) -> String {
    format!("md5{}", md5::stored(user, password))
}

/// The form of SCRAM-SHA-256; `salt` is to be random, of 16 bytes.
#[must_use]
pub fn scram(password: &Password, salt: &[u8]) -> String {
    let prepared = saslprep::prepare(password.expose());
    let mut derivation = Pbkdf2::new(prepared.as_bytes(), salt, ITERATIONS);
    let salted = derivation.run(ITERATIONS).unwrap_or_default();
    let key = |name: &[u8]| keyed(&salted).chain_update(name).finalize().into_bytes();
    let stored_key = Sha256::digest(key(b"Client Key"));
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        BASE64.encode(salt),
        BASE64.encode(stored_key),
        BASE64.encode(key(b"Server Key"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The salt and the password of the example in RFC 7677.
    #[test]
    fn scram_of_a_known_salt() {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(
            scram(&Password::new("pencil"), &salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn md5_of_a_known_password() {
        let stored = md5("ann", &Password::new("secret"));
        assert_eq!(stored, "md59d792a3a8853c2411afb9163d088c036");
    }
}
