//! One struct for each awaited reply.

use std::fmt;

use super::gss::{AwaitAnswer, ExpectToken};
use super::negotiate::Offer;
use super::oauth::ExpectOauthError;
use super::target::{self, Checking};
use super::{Channel, Progress, SessionParameters, Startup, StartupError, gss, oauth};
use crate::auth::{Method, Password, RequireAuth, md5, scram};
use crate::conninfo::{ChannelBinding, TargetSessionAttrs};
use crate::error::ProtocolError;
use crate::wire::{Authentication, BackendMessage, Diagnostic, TransactionStatus, frontend};

const NOT_OFFERED: &str = "channel binding is required, but server did not offer an authentication method that supports channel binding";

#[derive(Debug)]
pub(super) enum Step {
    Request(Box<ExpectRequest>),
    ScramFirst(ExpectScramFirst),
    Deriving(Deriving),
    ScramFinal(ExpectScramFinal),
    GssAnswer(AwaitAnswer),
    GssToken(ExpectToken),
    Accepted(ExpectAccepted),
    OauthRefused(ExpectOauthError),
    Ready(ExpectReady),
    Checking(Checking),
}

impl Step {
    /// The error for an ErrorResponse.
    pub(super) fn refused(self, diagnostic: Diagnostic) -> StartupError {
        match self {
            Step::OauthRefused(step) => step.refused(diagnostic),
            Step::Ready(_) | Step::Checking(_) => StartupError::Server(diagnostic),
            _ => StartupError::Rejected(diagnostic),
        }
    }
}

/// What outlives the single steps.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) require_auth: Option<RequireAuth>,
    pub(super) channel_binding: ChannelBinding,
    pub(super) require_certificate: bool,
    pub(super) channel: Channel,
    /// Whether the proof of the password is one of the channel as well.
    pub(super) is_bound: bool,
    pub(super) minor_version: u16,
    pub(super) used_password: bool,
    pub(super) used_gssapi: bool,
    pub(super) wanted: TargetSessionAttrs,
}

impl Facts {
    pub(super) fn then(self, step: Step) -> Result<Progress, StartupError> {
        Ok(Progress::Continue(Startup { facts: self, step }))
    }

    pub(super) fn check_request(&self, method: Method) -> Result<(), StartupError> {
        if let Some(require_auth) = &self.require_auth {
            require_auth
                .check_request(method)
                .map_err(StartupError::Auth)?;
        }
        let is_sasl = matches!(method, Method::ScramSha256 | Method::Oauth);
        if self.channel_binding == ChannelBinding::Require && !is_sasl {
            return Err(refused(
                "channel binding required but not supported by server's authentication request",
            ));
        }
        Ok(())
    }

    /// Whether `require_auth` has nothing against a method.
    fn accepts(&self, method: Method) -> bool {
        let required = self.require_auth.as_ref();
        required.is_none_or(|require_auth| require_auth.check_request(method).is_ok())
    }

    /// Checks that a method may be used that cannot be bound to the channel, before anything secret is sent.
    fn check_unbound(&self) -> Result<(), StartupError> {
        if self.channel_binding == ChannelBinding::Require {
            return Err(refused(NOT_OFFERED));
        }
        Ok(())
    }

    /// How SCRAM is to be bound to the channel, where the server offers SCRAM with and without that.
    fn scram_binding(&self, mechanisms: &[&[u8]]) -> Result<scram::Binding, StartupError> {
        let Channel::Tls(tls) = &self.channel else {
            if self.channel_binding == ChannelBinding::Require {
                let text = "channel binding required, but SSL not in use";
                return Err(refused(text));
            }
            if mechanisms.contains(&scram::MECHANISM_PLUS.as_bytes()) {
                // TLS was stripped off on the way.
                return Err(refused(
                    "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection",
                ));
            }
            return Ok(scram::Binding::Unsupported);
        };
        let offered = mechanisms.contains(&scram::MECHANISM_PLUS.as_bytes());
        match self.channel_binding {
            ChannelBinding::Disable => Ok(scram::Binding::Unsupported),
            // Never without, if both sides know it: else whoever stands between could have it left out.
            _ if offered => match &tls.end_point {
                Ok(hash) => Ok(scram::Binding::EndPoint(hash.clone())),
                Err(why) => Err(StartupError::Auth(why.clone())),
            },
            ChannelBinding::Prefer => Ok(scram::Binding::NotOffered),
            ChannelBinding::Require => Err(refused(NOT_OFFERED)),
        }
    }

    fn check_certificate(&self) -> Result<(), StartupError> {
        let (requested, sent) = match &self.channel {
            Channel::Plain | Channel::Gss => (false, false),
            Channel::Tls(tls) => (tls.certificate_requested, tls.certificate_sent),
        };
        match (self.require_certificate, requested, sent) {
            (true, false, _) => Err(refused("server did not request an SSL certificate")),
            (true, true, false) => Err(refused(
                "server accepted connection without a valid SSL certificate",
            )),
            _ => Ok(()),
        }
    }

    /// The server lets the client in: `authenticated` says whether it wanted, and got, proof of who that is.
    pub(super) fn accepted(self, authenticated: bool) -> Result<Progress, StartupError> {
        self.check_certificate()?;
        if let Some(require_auth) = &self.require_auth {
            // Encryption by GSSAPI has proved who the client is, and a server asks for nothing more then.
            let is_proved = self.channel == Channel::Gss && self.accepts(Method::Gss);
            require_auth
                .check_finished(authenticated || is_proved)
                .map_err(StartupError::Auth)?;
        }
        if self.channel_binding == ChannelBinding::Require && !self.is_bound {
            return Err(refused(
                "channel binding required, but server authenticated client without channel binding",
            ));
        }
        self.then(Step::Ready(ExpectReady::default()))
    }
}

/// Awaits the server's request for authentication, or its consent to go without.
#[derive(Debug)]
pub(super) struct ExpectRequest {
    pub(super) user: String,
    pub(super) password: Option<Password>,
    pub(super) nonce: String,
    pub(super) scram_keys: scram::Keys,
    pub(super) oauth_token: Option<Password>,
    pub(super) has_gssapi: bool,
    pub(super) is_confidential: bool,
    pub(super) offer: Offer,
    pub(super) negotiated: bool,
}

impl ExpectRequest {
    pub(super) fn handle(
        self,
        facts: Facts,
        message: BackendMessage<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        match message {
            BackendMessage::Authentication(request) => self.answer(facts, request, out),
            BackendMessage::NegotiateProtocolVersion {
                version,
                unrecognized,
            } if !self.negotiated => self.negotiate(facts, version, &unrecognized),
            other => Err(unexpected(&other, "an authentication request")),
        }
    }

    fn negotiate(
        self,
        facts: Facts,
        version: i32,
        unrecognized: &[&[u8]],
    ) -> Result<Progress, StartupError> {
        let minor_version = self.offer.agree(version, unrecognized)?;
        Facts {
            minor_version,
            ..facts
        }
        .then(Step::Request(Box::new(Self {
            negotiated: true,
            ..self
        })))
    }

    fn answer(
        self,
        facts: Facts,
        request: Authentication<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        match request {
            Authentication::Ok => facts.accepted(false),
            Authentication::CleartextPassword => {
                facts.check_request(Method::Password)?;
                let password = self.password.ok_or_else(no_password)?;
                frontend::password(out, password.expose().as_bytes())?;
                password_sent(facts)
            }
            Authentication::Md5Password { salt } => {
                facts.check_request(Method::Md5)?;
                let password = self.password.ok_or_else(no_password)?;
                frontend::password(out, md5::response(&self.user, &password, salt).as_bytes())?;
                password_sent(facts)
            }
            Authentication::Sasl(mechanisms) => self.begin_sasl(facts, &mechanisms, out),
            Authentication::Gss => gss::begin(facts, self.has_gssapi),
            Authentication::Sspi => unavailable(&facts, Some(Method::Sspi), "SSPI"),
            Authentication::KerberosV5 => unavailable(&facts, None, "Kerberos 5"),
            other => Err(unexpected(
                &BackendMessage::Authentication(other),
                "an authentication request",
            )),
        }
    }

    fn begin_sasl(
        self,
        facts: Facts,
        mechanisms: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        let offers = |name: &[u8]| mechanisms.contains(&name);
        let offers_oauth = offers(oauth::MECHANISM);
        let offers_scram =
            offers(scram::MECHANISM.as_bytes()) || offers(scram::MECHANISM_PLUS.as_bytes());
        // SCRAM has the server prove itself too. It gives way only where `require_auth` does not accept it.
        if offers_scram && (facts.accepts(Method::ScramSha256) || !offers_oauth) {
            return self.begin_scram(facts, mechanisms, out);
        }
        facts.check_request(Method::Oauth)?;
        if offers_oauth {
            facts.check_unbound()?;
            let is_confidential = self.is_confidential || facts.channel != Channel::Plain;
            return oauth::begin(facts, self.oauth_token, is_confidential, out);
        }
        Err(no_mechanism())
    }

    fn begin_scram(
        self,
        mut facts: Facts,
        mechanisms: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        facts.check_request(Method::ScramSha256)?;
        let binding = facts.scram_binding(mechanisms)?;
        let (mechanism, is_bound) = (binding.mechanism(), binding.is_bound());
        if !mechanisms.contains(&mechanism.as_bytes()) {
            return Err(no_mechanism());
        }
        let password = match self.password {
            Some(password) => password,
            None if self.scram_keys.are_complete() => Password::new(""),
            None => return Err(no_password()),
        };
        // PostgreSQL takes the user's name from the startup message.
        let (response, next) = scram::begin("", &password, self.scram_keys, &self.nonce, &binding)?;
        frontend::sasl_initial_response(out, mechanism.as_bytes(), Some(&response))?;
        facts.used_password = true;
        facts.is_bound = is_bound;
        facts.then(Step::ScramFirst(ExpectScramFirst(next)))
    }
}

/// Awaits SCRAM's server-first-message.
#[derive(Debug)]
pub(super) struct ExpectScramFirst(scram::ExpectServerFirst);

impl ExpectScramFirst {
    pub(super) fn handle(
        self,
        facts: Facts,
        message: BackendMessage<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        let BackendMessage::Authentication(Authentication::SaslContinue(data)) = message else {
            return Err(unexpected(&message, "AuthenticationSASLContinue"));
        };
        Deriving(Box::new(self.0.server_first(data)?)).work(facts, out)
    }
}

/// Awaits nothing but the end of a computation, which goes on when it is asked to.
#[derive(Debug)]
pub(super) struct Deriving(Box<scram::DeriveKey>);

impl Deriving {
    pub(super) fn work(self, facts: Facts, out: &mut Vec<u8>) -> Result<Progress, StartupError> {
        match self.0.step() {
            scram::Derived::More(next) => facts.then(Step::Deriving(Self(Box::new(next)))),
            scram::Derived::Done(response, next) => {
                frontend::sasl_response(out, &response)?;
                facts.then(Step::ScramFinal(ExpectScramFinal(next)))
            }
        }
    }
}

/// Awaits SCRAM's server-final-message, without which the server has proved nothing.
#[derive(Debug)]
pub(super) struct ExpectScramFinal(scram::ExpectServerFinal);

impl ExpectScramFinal {
    pub(super) fn handle(
        self,
        facts: Facts,
        message: BackendMessage<'_>,
    ) -> Result<Progress, StartupError> {
        let BackendMessage::Authentication(Authentication::SaslFinal(data)) = message else {
            return Err(unexpected(&message, "AuthenticationSASLFinal"));
        };
        self.0.server_final(data)?;
        facts.then(Step::Accepted(ExpectAccepted { bearer: false }))
    }
}

/// Awaits AuthenticationOk, after the client has sent all that was asked for.
#[derive(Debug)]
pub(super) struct ExpectAccepted {
    /// Whether what was sent is a bearer token, which the server may refuse with a reason.
    pub(super) bearer: bool,
}

impl ExpectAccepted {
    pub(super) fn handle(
        self,
        facts: Facts,
        message: BackendMessage<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        match message {
            BackendMessage::Authentication(Authentication::SaslContinue(reason)) if self.bearer => {
                oauth::refused(facts, reason, out)
            }
            BackendMessage::Authentication(Authentication::Ok) => facts.accepted(true),
            other => Err(unexpected(&other, "AuthenticationOk")),
        }
    }
}

/// Awaits the first ReadyForQuery, and keeps what comes before it.
pub(super) struct ExpectReady(SessionParameters);

impl Default for ExpectReady {
    fn default() -> Self {
        Self(SessionParameters {
            process_id: 0,
            secret_key: Box::default(),
            parameters: Vec::new(),
            minor_version: 0,
            status: TransactionStatus::Idle,
            used_password: false,
            used_gssapi: false,
        })
    }
}

impl fmt::Debug for ExpectReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpectReady").finish_non_exhaustive()
    }
}

impl ExpectReady {
    pub(super) fn handle(
        mut self,
        facts: Facts,
        message: BackendMessage<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, StartupError> {
        let session = &mut self.0;
        match message {
            BackendMessage::BackendKeyData {
                process_id,
                secret_key,
            } => {
                session.process_id = process_id;
                session.secret_key = secret_key.0.into();
            }
            BackendMessage::ParameterStatus { name, value } => {
                session.set_parameter(name, value)?;
            }
            BackendMessage::ReadyForQuery(status) => {
                session.status = status;
                session.minor_version = facts.minor_version;
                session.used_password = facts.used_password;
                session.used_gssapi = facts.used_gssapi || facts.channel == Channel::Gss;
                return target::check(facts, self.0, out);
            }
            other => return Err(unexpected(&other, "ReadyForQuery")),
        }
        facts.then(Step::Ready(self))
    }
}

fn password_sent(mut facts: Facts) -> Result<Progress, StartupError> {
    facts.used_password = true;
    facts.then(Step::Accepted(ExpectAccepted { bearer: false }))
}

fn no_mechanism() -> StartupError {
    let text = "none of the server's SASL authentication mechanisms are supported";
    StartupError::NotSupported(text.to_owned())
}

/// Why this side does not go on.
fn refused(why: &str) -> StartupError {
    StartupError::Auth(why.to_owned())
}

/// libpq's text, by which programs recognise that they have to ask for a password.
fn no_password() -> StartupError {
    StartupError::Auth("fe_sendauth: no password supplied".to_owned())
}

fn unavailable(
    facts: &Facts,
    method: Option<Method>,
    name: &str,
) -> Result<Progress, StartupError> {
    if let Some(method) = method {
        facts.check_request(method)?;
    }
    Err(StartupError::NotSupported(format!(
        "{name} authentication not supported"
    )))
}

pub(super) fn unexpected(message: &BackendMessage<'_>, expecting: &str) -> StartupError {
    let got = match message {
        BackendMessage::Authentication(request) => request_name(request),
        other => other.name(),
    };
    ProtocolError::unexpected(got, expecting).into()
}

fn request_name(request: &Authentication<'_>) -> &'static str {
    match request {
        Authentication::Ok => "AuthenticationOk",
        Authentication::KerberosV5 => "AuthenticationKerberosV5",
        Authentication::CleartextPassword => "AuthenticationCleartextPassword",
        Authentication::Md5Password { .. } => "AuthenticationMD5Password",
        Authentication::Gss => "AuthenticationGSS",
        Authentication::GssContinue(_) => "AuthenticationGSSContinue",
        Authentication::Sspi => "AuthenticationSSPI",
        Authentication::Sasl(_) => "AuthenticationSASL",
        Authentication::SaslContinue(_) => "AuthenticationSASLContinue",
        Authentication::SaslFinal(_) => "AuthenticationSASLFinal",
    }
}
