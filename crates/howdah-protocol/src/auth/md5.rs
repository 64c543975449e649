//! The MD5 method.

use md5::{Digest, Md5};

use super::Password;

/// What a PasswordMessage answers to AuthenticationMD5Password: `md5` and 32 hexadecimal digits.
///
/// Source: PostgreSQL documentation, "Message Flow": `md5(md5(password || user) || salt)`.
pub fn response(user: &str, password: &Password, salt: [u8; 4]) -> String {
    format!(
        "md5{}",
        hex_digest(&[stored(user, password).as_bytes(), &salt])
    )
}

/// The digest that the server keeps, without the `md5` in front of it.
pub(super) fn stored(user: &str, password: &Password) -> String {
    hex_digest(&[password.expose().as_bytes(), user.as_bytes()])
}

fn hex_digest(parts: &[&[u8]]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part);
    }
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `PQencryptPassword`, which computes the inner hash.
    #[test]
    fn inner_hash_is_the_stored_one() {
        assert_eq!(
            hex_digest(&[b"secret", b"ann"]),
            "9d792a3a8853c2411afb9163d088c036"
        );
        let (password, user) = ("p\u{e4}", "\u{e9}");
        assert_eq!(
            hex_digest(&[password.as_bytes(), user.as_bytes()]),
            "5d7d08254f376bcc9b46e61d4ba5b319"
        );
    }

    /// The outer hash, made by Python's hashlib.
    #[test]
    fn response_is_salted() {
        let response = response("ann", &Password::new("secret"), [0, 1, 0xfe, 0xff]);
        assert_eq!(response, "md5691440573b13aa847b4f60225bd938b8");
    }
}
