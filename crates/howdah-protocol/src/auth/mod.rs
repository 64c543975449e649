//! Authentication methods, each without I/O and with its randomness passed in.
//!
//! Source: PostgreSQL documentation, "SASL Authentication" and "AuthenticationMD5Password".

pub mod md5;
mod password;
mod pbkdf2;
mod require;
mod saslprep;
pub mod scram;
pub mod verifier;

pub use password::Password;
pub(crate) use require::Method;
pub use require::{RequireAuth, RequireAuthError};
