//! The method `oauth`: SASL's OAUTHBEARER, with a token that the caller has.
//!
//! Sources: RFC 7628; PostgreSQL documentation, "OAUTHBEARER Authentication".

use super::steps::{ExpectAccepted, Facts, Step, unexpected};
use super::{Progress, StartupError};
use crate::auth::Password;
use crate::wire::{BackendMessage, Diagnostic, frontend};

/// The mechanism's name in AuthenticationSASL.
pub(super) const MECHANISM: &[u8] = b"OAUTHBEARER";

/// Sends the token.
pub(super) fn begin(
    mut facts: Facts,
    token: Option<Password>,
    is_confidential: bool,
    out: &mut Vec<u8>,
) -> Result<Progress, StartupError> {
    let failed = |text: &str| Err(StartupError::Auth(text.to_owned()));
    let Some(token) = token else {
        return failed(
            "the server asks for an OAuth bearer token, and none was given: see \"oauth_token\"",
        );
    };
    if !is_confidential {
        return failed("an OAuth bearer token is not sent over a connection that others can read");
    }
    if !token.expose().bytes().all(is_token_byte) {
        return failed("the OAuth bearer token has characters that no token has");
    }
    let response = format!("n,,\x01auth=Bearer {}\x01\x01", token.expose());
    frontend::sasl_initial_response(out, MECHANISM, Some(response.as_bytes()))?;
    facts.used_password = true;
    facts.then(Step::Accepted(ExpectAccepted { bearer: true }))
}

/// The server does not accept the token, and says why: an empty answer has it send its error.
pub(super) fn refused(
    facts: Facts,
    reason: &[u8],
    out: &mut Vec<u8>,
) -> Result<Progress, StartupError> {
    frontend::sasl_response(out, b"\x01")?;
    let reason = String::from_utf8_lossy(reason).into_owned();
    facts.then(Step::OauthRefused(ExpectOauthError { reason }))
}

/// Awaits the error behind a refused token.
#[derive(Debug)]
pub(super) struct ExpectOauthError {
    /// A JSON object, with the status and what the server would accept.
    reason: String,
}

impl ExpectOauthError {
    pub(super) fn handle(self, message: &BackendMessage<'_>) -> Result<Progress, StartupError> {
        Err(unexpected(message, "the error for a refused OAuth token"))
    }

    /// The server's error, with the reason as its detail where it has none.
    pub(super) fn refused(self, diagnostic: Diagnostic) -> StartupError {
        if diagnostic.message_detail().is_some() {
            return StartupError::Rejected(diagnostic);
        }
        let reason = format!("The token was refused: {}", self.reason.escape_debug());
        let detail = std::iter::once((b'D', reason.as_bytes()));
        let detailed = Diagnostic::from_fields(diagnostic.iter().chain(detail));
        StartupError::Rejected(detailed.unwrap_or(diagnostic))
    }
}

/// RFC 6750, `b64token`: what a bearer token is made of.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}
