//! The method `gss`: tokens of GSSAPI go to and fro. What makes them is outside; here is when they are made and sent.
//!
//! Sources: PostgreSQL documentation, "Message Flow", "Start-up"; RFC 2743, section 2.2.1.

use std::fmt;

use super::steps::{ExpectAccepted, Facts, Step, unexpected};
use super::{Channel, Progress, StartupError};
use crate::auth::Method;
use crate::wire::{Authentication, BackendMessage, frontend};

/// What the mechanism makes of the server's token.
#[derive(Clone, PartialEq, Eq)]
pub struct GssAnswer {
    /// What to send; nothing is sent if it is empty.
    pub token: Vec<u8>,
    /// Whether the context is established: both sides have proved who they are.
    pub is_complete: bool,
}

/// Without the token.
impl fmt::Debug for GssAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GssAnswer")
            .field("is_complete", &self.is_complete)
            .finish_non_exhaustive()
    }
}

/// Has the first token made.
pub(super) fn begin(mut facts: Facts, is_available: bool) -> Result<Progress, StartupError> {
    facts.check_request(Method::Gss)?;
    if facts.channel == Channel::Gss {
        // Who both sides are has been proved.
        let text = "duplicate GSS authentication request";
        return Err(StartupError::Auth(text.to_owned()));
    }
    if !is_available {
        let text =
            "GSSAPI authentication not supported: howdah was built without its feature \"gssapi\"";
        return Err(StartupError::Auth(text.to_owned()));
    }
    facts.used_gssapi = true;
    facts.then(Step::GssAnswer(AwaitAnswer {
        input: Vec::new(),
        rounds: 0,
    }))
}

/// Awaits nothing of the server's, but what the mechanism makes of its token.
pub(super) struct AwaitAnswer {
    /// The server's token; empty before there was any.
    input: Vec<u8>,
    /// How many tokens the server has sent.
    rounds: usize,
}

/// Without the token.
impl fmt::Debug for AwaitAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitAnswer")
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

impl AwaitAnswer {
    pub(super) fn input(&self) -> &[u8] {
        &self.input
    }

    pub(super) fn answer(
        self,
        facts: Facts,
        answer: &GssAnswer,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        if !answer.token.is_empty() {
            frontend::gss_response(out, &answer.token)?;
        }
        if answer.is_complete {
            return facts.then(Step::Accepted(ExpectAccepted { bearer: false }));
        }
        let rounds = self.rounds;
        facts.then(Step::GssToken(ExpectToken { rounds }))
    }
}

/// Awaits the server's next token, without which it has proved nothing.
#[derive(Debug)]
pub(super) struct ExpectToken {
    rounds: usize,
}

impl ExpectToken {
    pub(super) fn handle(
        self,
        facts: Facts,
        message: &BackendMessage<'_>,
    ) -> Result<Progress, StartupError> {
        let BackendMessage::Authentication(Authentication::GssContinue(token)) = message else {
            return Err(unexpected(message, "AuthenticationGSSContinue"));
        };
        let rounds = self.rounds + 1;
        if rounds > MAX_ROUNDS {
            return Err(StartupError::Auth(format!(
                "GSSAPI authentication did not end after {MAX_ROUNDS} tokens of the server"
            )));
        }
        facts.then(Step::GssAnswer(AwaitAnswer {
            input: token.to_vec(),
            rounds,
        }))
    }
}

/// How many tokens a server may send. Kerberos needs one, negotiated mechanisms a few.
pub(super) const MAX_ROUNDS: usize = 16;
