//! The handshake of a session: startup message, version negotiation, authentication, first parameters.
//!
//! [`Startup::begin`] writes the startup message; every message of the server then goes to [`Startup::advance`], until
//! that gives [`Progress::Ready`]. Each awaited reply has a struct of its own in `steps`, so that a message out of turn
//! cannot be acted upon.
//!
//! Source: PostgreSQL documentation, "Message Flow", "Start-up".

mod encryption;
mod error;
mod gss;
mod gss_encryption;
mod negotiate;
mod oauth;
mod steps;
mod target;

pub use encryption::{
    Channel, EncryptionAnswer, EncryptionError, EncryptionRequest, ExpectEncryptionAnswer,
    TlsChannel,
};
pub use error::StartupError;
pub use gss::GssAnswer;
pub use gss_encryption::GssEncryption;

use std::fmt;

use crate::auth::scram::Keys;
use crate::auth::{Password, RequireAuth};
use crate::conninfo::{ChannelBinding, Config, SslCertMode, Target, TargetSessionAttrs};
use crate::error::ProtocolError;
use crate::wire::{BackendMessage, TransactionStatus, frontend};
use negotiate::{OPTION_PREFIX, Offer};
use steps::{ExpectRequest, Facts, Step, unexpected};

/// What a handshake needs to know.
///
/// The default has no parameters, no password and no nonce.
#[derive(Clone, Debug, Default)]
pub struct StartupConfig {
    /// The parameters of the startup message, with `user` and `database`, in order.
    pub params: Vec<(String, String)>,
    /// The user's name, which the MD5 method hashes.
    pub user: String,
    /// The password; an empty one counts as none.
    pub password: Option<Password>,
    /// Fresh randomness for SCRAM: printable ASCII without commas, 18 random bytes in base64 for example.
    pub nonce: String,
    /// The minor version of protocol 3 to ask for: 0 or 2.
    pub protocol_minor: u16,
    /// The lowest minor version to accept.
    pub min_protocol_minor: u16,
    /// The authentication methods to accept; `None` is any.
    pub require_auth: Option<RequireAuth>,
    /// Keys that stand in for the password with SCRAM.
    pub scram_keys: Keys,
    /// The bearer token that the method `oauth` sends; an empty one counts as none.
    pub oauth_token: Option<Password>,
    /// Whether the caller makes tokens of GSSAPI, see [`Startup::gss_request`].
    pub has_gssapi: bool,
    /// Whether nobody on the way can read what is sent, TLS or not: a bearer token goes over such connections only.
    pub is_confidential: bool,
    /// Which servers are wanted: the session begins with no other.
    pub target_session_attrs: TargetSessionAttrs,
    /// Whether the password is proved together with the TLS channel that it is sent through.
    pub channel_binding: ChannelBinding,
    /// Whether the server must have asked for a certificate, and got it.
    pub require_certificate: bool,
}

impl StartupConfig {
    /// The handshake with one of a configuration's targets.
    pub fn new(config: &Config, target: &Target, nonce: impl Into<String>) -> Self {
        Self {
            params: config.startup_params(),
            user: config.user.clone(),
            password: target.password.clone(),
            nonce: nonce.into(),
            protocol_minor: config.max_protocol_minor,
            min_protocol_minor: config.min_protocol_minor,
            require_auth: config.require_auth.clone(),
            scram_keys: config.scram_keys.clone(),
            target_session_attrs: config.target_session_attrs,
            channel_binding: config.channel_binding,
            require_certificate: config.tls.certificate_mode == SslCertMode::Require,
            ..Self::default()
        }
    }

    /// Whether a replication connection is asked for.
    pub(crate) fn speaks_replication(&self) -> bool {
        let value = self.params.iter().find(|(name, _)| name == "replication");
        value.is_some_and(|(_, value)| {
            !["", "false", "off", "no", "0"].contains(&value.to_ascii_lowercase().as_str())
        })
    }
}

/// A handshake that waits for the server's next message.
#[derive(Debug)]
pub struct Startup {
    facts: Facts,
    step: Step,
}

/// How far a handshake has come.
#[derive(Debug)]
pub enum Progress {
    /// The server's next message is awaited, once what was written to `out` is sent; or, where
    /// [`Startup::is_working`] says so, [`Startup::work`] is to be called.
    Continue(Startup),
    /// The session has begun.
    Ready(SessionParameters),
}

/// A parameter's name and value, in the client encoding.
pub type Parameter = (Box<[u8]>, Box<[u8]>);

/// What the server told while the session began.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionParameters {
    /// Process ID of the backend; 0 if the server gave none.
    pub process_id: i32,
    /// The key for a CancelRequest, of any length; empty if the server gave none, and then nothing can be cancelled.
    pub secret_key: Box<[u8]>,
    /// The parameters that the server reported, in its order, each with its last value.
    pub parameters: Vec<Parameter>,
    /// The minor version of protocol 3 that both sides speak.
    pub minor_version: u16,
    /// The state of the first ReadyForQuery.
    pub status: TransactionStatus,
    /// Whether the server asked for the password, and got it.
    pub used_password: bool,
    /// Whether GSSAPI authenticated the client, or encrypts the session.
    pub used_gssapi: bool,
}

/// Without the key.
impl fmt::Debug for SessionParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionParameters")
            .field("process_id", &self.process_id)
            .field("parameters", &self.parameters)
            .field("minor_version", &self.minor_version)
            .field("status", &self.status)
            .field("used_password", &self.used_password)
            .field("used_gssapi", &self.used_gssapi)
            .finish_non_exhaustive()
    }
}

impl SessionParameters {
    fn parameter(&self, name: &str) -> Option<&[u8]> {
        let found = self
            .parameters
            .iter()
            .find(|(known, _)| **known == *name.as_bytes());
        found.map(|(_, value)| &**value)
    }

    /// Sets a parameter that the server reports.
    fn set_parameter(&mut self, name: &[u8], value: &[u8]) -> Result<(), ProtocolError> {
        let mut known = self.parameters.iter_mut();
        if let Some((_, old)) = known.find(|(known, _)| **known == *name) {
            *old = value.into();
            return Ok(());
        }
        if self.parameters.len() == MAX_PARAMETERS {
            return Err(ProtocolError::refused(format!(
                "server reports more than {MAX_PARAMETERS} parameters"
            )));
        }
        self.parameters.push((name.into(), value.into()));
        Ok(())
    }
}

/// How many parameters a server may report. PostgreSQL 18 reports 15.
const MAX_PARAMETERS: usize = 1_000;

impl Startup {
    /// Appends the startup message to `out`.
    ///
    /// # Errors
    /// Parameters that cannot be sent (a NUL, an empty name, too many bytes); `out` is then as before.
    pub fn begin(config: StartupConfig, out: &mut Vec<u8>) -> Result<Self, StartupError> {
        let params = config
            .params
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        frontend::startup_message(out, config.protocol_minor, params)?;
        let names = config.params.into_iter().map(|(name, _)| name);
        let offer = Offer {
            minor: config.protocol_minor,
            min_minor: config.min_protocol_minor,
            options: names
                .filter(|name| name.starts_with(OPTION_PREFIX))
                .collect(),
        };
        Ok(Self {
            facts: Facts {
                require_auth: config.require_auth,
                channel_binding: config.channel_binding,
                require_certificate: config.require_certificate,
                channel: Channel::Plain,
                is_bound: false,
                minor_version: config.protocol_minor,
                used_password: false,
                used_gssapi: false,
                wanted: config.target_session_attrs,
            },
            step: Step::Request(Box::new(ExpectRequest {
                user: config.user,
                password: config
                    .password
                    .filter(|password| !password.expose().is_empty()),
                nonce: config.nonce,
                scram_keys: config.scram_keys,
                oauth_token: config
                    .oauth_token
                    .filter(|token| !token.expose().is_empty()),
                has_gssapi: config.has_gssapi,
                is_confidential: config.is_confidential,
                offer,
                negotiated: false,
            })),
        })
    }

    /// Tells what carries the session, once that is agreed on and before the startup message is sent.
    pub(crate) fn set_channel(&mut self, channel: Channel) {
        self.facts.channel = channel;
    }

    /// Whether AuthenticationOk has come: the server is known now, and may send longer messages.
    pub(crate) fn is_authenticated(&self) -> bool {
        matches!(self.step, Step::Ready(_) | Step::Checking(_))
    }

    /// Whether the SCRAM key is being derived: the server awaits an answer that has yet to be computed.
    #[must_use]
    pub fn is_working(&self) -> bool {
        matches!(self.step, Step::Deriving(_))
    }

    /// Computes for about a millisecond, where [`Startup::is_working`]; at the end the answer is appended to `out`.
    ///
    /// # Errors
    /// As [`Startup::advance`].
    pub fn work(self, out: &mut Vec<u8>) -> Result<Progress, StartupError> {
        match self.step {
            Step::Deriving(step) => step.work(self.facts, out),
            _ => Ok(Progress::Continue(self)),
        }
    }

    /// The server's token for the mechanism of GSSAPI, where it is this side's turn: [`Startup::gss_answer`] goes on. It is
    /// empty before the server has sent any.
    #[must_use]
    pub fn gss_request(&self) -> Option<&[u8]> {
        match &self.step {
            Step::GssAnswer(step) => Some(step.input()),
            _ => None,
        }
    }

    /// Takes what the mechanism made of [`Startup::gss_request`], or why it made nothing, and appends the answer to `out`.
    ///
    /// # Errors
    /// As [`Startup::advance`]; the mechanism's error is [`StartupError::Auth`].
    pub fn gss_answer(
        self,
        answer: Result<GssAnswer, String>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        match self.step {
            Step::GssAnswer(step) => {
                let answer = answer.map_err(StartupError::Auth)?;
                step.answer(self.facts, &answer, out)
            }
            _ => Ok(Progress::Continue(self)),
        }
    }

    /// Takes the server's next message, and appends the answer, if there is one, to `out`.
    ///
    /// A NoticeResponse changes nothing here: report it before calling this, or do not call this for it.
    ///
    /// # Errors
    /// See [`StartupError`]. The session cannot begin then.
    pub fn advance(
        self,
        message: BackendMessage<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        match message {
            BackendMessage::ErrorResponse(diagnostic) => Err(self.step.refused(diagnostic)),
            BackendMessage::NoticeResponse(_) => Ok(Progress::Continue(self)),
            message => match self.step {
                Step::Request(step) => step.handle(self.facts, message, out),
                Step::ScramFirst(step) => step.handle(self.facts, message, out),
                Step::Deriving(_) | Step::GssAnswer(_) => {
                    Err(unexpected(&message, "nothing: it is this side's turn"))
                }
                Step::ScramFinal(step) => step.handle(self.facts, message),
                Step::Accepted(step) => step.handle(self.facts, message, out),
                Step::GssToken(step) => step.handle(self.facts, &message),
                Step::OauthRefused(step) => step.handle(&message),
                Step::Ready(step) => step.handle(self.facts, message, out),
                Step::Checking(step) => step.handle(self.facts, message),
            },
        }
    }
}

#[cfg(test)]
mod channel_tests;
#[cfg(test)]
mod gss_tests;
#[cfg(test)]
mod tests;
