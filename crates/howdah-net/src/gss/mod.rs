//! GSSAPI by the system's library: the tokens of the method `gss`, and encryption.
//!
//! The library asks a KDC when it has no ticket for the server yet, and waits for it as long as `krb5.conf` says. So what may
//! ask has a thread of its own, in every shell, and the link looks again and again whether it has ended: whoever connects
//! can time out, be cancelled or interrupted meanwhile. The call itself cannot be ended; its thread goes on to its end, and
//! what it made is dropped.

mod cipher;
mod work;

use std::fmt;
use std::sync::Mutex;
use std::time::Instant;

use howdah_protocol::conninfo::{Config, Target};
use howdah_protocol::startup::GssAnswer;
use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::GSS_NT_HOSTBASED_SERVICE;

pub(crate) use cipher::GssCipher;
use work::Work;

/// The client's side of a context with one server.
pub(crate) struct Gss {
    service: Service,
    /// What is asked of the mechanism.
    flags: CtxFlags,
    /// Between two tokens. The mutex is there because a context may go to another thread, but not be seen by two.
    context: Mutex<Option<ClientCtx>>,
    running: Option<Work<Made>>,
    /// What was made, until it is asked for.
    ready: Option<Result<GssAnswer, String>>,
}

/// Whom the client wants to talk to.
#[derive(Clone)]
pub struct Service {
    /// `postgres@db.example.org`; or why there is no such name.
    name: Result<String, &'static str>,
    /// Whether the server may act in the client's name.
    delegates: bool,
    /// Whether no error may show names, see [`Config::is_torn`].
    is_secret: bool,
}

struct Made {
    context: Option<ClientCtx>,
    answer: Result<GssAnswer, String>,
}

impl Gss {
    /// For the method `gss`.
    pub(crate) fn new(service: Service) -> Self {
        Self::with(service, CtxFlags::GSS_C_MUTUAL_FLAG)
    }

    fn with(service: Service, mut flags: CtxFlags) -> Self {
        if service.delegates {
            flags |= CtxFlags::GSS_C_DELEG_FLAG;
        }
        Self {
            service,
            flags,
            context: Mutex::new(None),
            running: None,
            ready: None,
        }
    }

    /// What the mechanism makes of the server's token, which is empty at first; `None` while it is being made. Then it is to be
    /// called again, with the same token, at [`Gss::poll_timeout`].
    pub(crate) fn poll(&mut self, input: &[u8], now: Instant) -> Option<Result<GssAnswer, String>> {
        if self.running.is_none() && self.ready.is_none() {
            self.begin(input, now);
        }
        self.look(now);
        self.ready.take()
    }

    /// When to call [`Gss::poll`] again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.running.as_ref().map(Work::due)
    }

    /// Has a token made, for [`Gss::poll`] to give.
    fn begin(&mut self, input: &[u8], now: Instant) {
        let context = self.context.get_mut().ok().and_then(Option::take);
        let (service, flags, input) = (self.service.clone(), self.flags, input.to_vec());
        let call = move || service.step(context, flags, &input);
        self.running = Some(Work::begin(now, call));
    }

    /// Takes what has been made meanwhile.
    fn look(&mut self, now: Instant) {
        let made = self.running.as_mut().and_then(|work| work.poll(now));
        let Some(made) = made else { return };
        self.running = None;
        self.ready = Some(made.and_then(|made| {
            self.context = Mutex::new(made.context);
            made.answer
        }));
    }
}

impl fmt::Debug for Gss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gss").finish_non_exhaustive()
    }
}

/// Without names.
impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// The server that the options mean.
    pub(crate) fn new(config: &Config, target: Option<&Target>) -> Self {
        let filled = |name: &str| config.params.get(name).filter(|value| !value.is_empty());
        let host = target.and_then(|target| target.host.as_deref());
        let name = match (filled("krbsrvname"), host) {
            (Some(service), Some(host)) => Ok(format!("{service}@{host}")),
            (Some(_), None) => Err("host name must be specified"),
            (None, _) => Err("the name of the service must be specified: see \"krbsrvname\""),
        };
        Self {
            name,
            delegates: filled("gssdelegation") == Some("1"),
            is_secret: config.is_torn(),
        }
    }

    /// Finds out whether the client has anything to prove who it is. It may ask a KDC.
    fn has_credentials() -> bool {
        Cred::acquire(None, None, CredUsage::Initiate, None).is_ok()
    }

    /// One call of the library, which may wait for a KDC.
    fn step(&self, context: Option<ClientCtx>, flags: CtxFlags, input: &[u8]) -> Made {
        let mut context = match context.map_or_else(|| self.context(flags), Ok) {
            Ok(context) => context,
            Err(text) => return Made::failed(text),
        };
        let input = (!input.is_empty()).then_some(input);
        match context.step(input, None) {
            Ok(token) => Made {
                answer: Ok(GssAnswer {
                    token: token.map(|token| token.to_vec()).unwrap_or_default(),
                    is_complete: context.is_complete(),
                }),
                context: Some(context),
            },
            // The words for the error are the library's, for this thread only.
            Err(error) => Made::failed(self.describe("GSSAPI continuation error", &error)),
        }
    }

    fn context(&self, flags: CtxFlags) -> Result<ClientCtx, String> {
        let name = self.name.clone()?;
        let name = Name::new(name.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))
            .map_err(|error| self.describe("GSSAPI name import error", &error))?;
        Ok(ClientCtx::new(None, name, flags, None))
    }

    fn describe(&self, what: &str, error: &libgssapi::error::Error) -> String {
        if self.is_secret {
            return what.to_owned();
        }
        format!("{what}: {error}")
    }
}

impl Made {
    fn failed(text: String) -> Self {
        Self {
            context: None,
            answer: Err(text),
        }
    }
}
