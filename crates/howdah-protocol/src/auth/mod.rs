//! Authentication methods, each without I/O and with its randomness passed in.

mod password;
mod require;

pub use password::Password;
pub use require::{RequireAuth, RequireAuthError};
