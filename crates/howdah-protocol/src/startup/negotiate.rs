//! NegotiateProtocolVersion: the server speaks another minor version, or refuses protocol options.
//!
//! Source: PostgreSQL documentation, "Message Formats" and "Protocol Versions".

use super::StartupError;
use crate::error::ProtocolError;

/// Prefix of the startup parameters that are protocol options.
pub(super) const OPTION_PREFIX: &str = "_pq_.";

/// What was asked for.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) minor: u16,
    pub(super) min_minor: u16,
    pub(super) options: Vec<String>,
}

impl Offer {
    /// The minor version to go on with.
    ///
    /// # Errors
    /// A version that does not exist or is higher than what was asked for, an option that was not asked for, no change at
    /// all, a version below the caller's minimum.
    pub(super) fn agree(&self, version: i32, unrecognized: &[&[u8]]) -> Result<u16, StartupError> {
        let theirs = minor_of(version).ok_or_else(|| nonsense("to a version other than 3"))?;
        if theirs == 1 && self.minor > 1 {
            return Err(nonsense("to protocol 3.1, which does not exist").into());
        }
        if theirs > self.minor {
            return Err(nonsense("to a higher version than was asked for").into());
        }
        if theirs == self.minor && unrecognized.is_empty() {
            return Err(nonsense("but asks for no changes").into());
        }
        if theirs < self.min_minor {
            let min = self.min_minor;
            return Err(StartupError::NotSupported(format!(
                "server only supports protocol version 3.{theirs}, but \"min_protocol_version\" was set to 3.{min}"
            )));
        }
        for name in unrecognized {
            if !name.starts_with(OPTION_PREFIX.as_bytes()) {
                return Err(nonsense("a parameter that is no protocol option").into());
            }
            if !self.options.iter().any(|option| option.as_bytes() == *name) {
                return Err(nonsense("an option that was not asked for").into());
            }
        }
        Ok(theirs)
    }
}

fn minor_of(version: i32) -> Option<u16> {
    let [major_high, major_low, minor_high, minor_low] = version.to_be_bytes();
    let is_three = u16::from_be_bytes([major_high, major_low]) == 3;
    is_three.then(|| u16::from_be_bytes([minor_high, minor_low]))
}

fn nonsense(what: &str) -> ProtocolError {
    ProtocolError::refused(format!(
        "received invalid protocol negotiation message: server negotiates {what}"
    ))
}
