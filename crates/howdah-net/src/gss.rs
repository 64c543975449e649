//! GSSAPI: the tokens of the method `gss`, made by the system's library.
//!
//! The library asks a KDC when it has no ticket for the server yet, and waits for it as long as `krb5.conf` says. So each
//! call has a thread of its own, in every shell, and the link looks again and again whether it has ended: whoever connects
//! can time out, be cancelled or interrupted meanwhile. The call itself cannot be ended; its thread goes on to its end, and
//! what it made is dropped.

use std::fmt;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use howdah_protocol::conninfo::{Config, Target};
use howdah_protocol::startup::GssAnswer;
use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext};
use libgssapi::name::Name;
use libgssapi::oid::GSS_NT_HOSTBASED_SERVICE;

/// The client's side of a context with one server.
pub(crate) struct Gss {
    service: Service,
    /// Between two tokens. The mutex is there because a context may go to another thread, but not be seen by two.
    context: Mutex<Option<ClientCtx>>,
    running: Option<Running>,
}

/// Whom the client wants to talk to.
#[derive(Clone)]
struct Service {
    /// `postgres@db.example.org`; or why there is no such name.
    name: Result<String, &'static str>,
    /// Whether the server may act in the client's name.
    delegates: bool,
    /// Whether no error may show names, see [`Config::is_torn`].
    is_secret: bool,
}

/// A call of the library.
struct Running {
    call: JoinHandle<Made>,
    /// When to look at it again.
    due: Instant,
    pause: Duration,
}

struct Made {
    context: Option<ClientCtx>,
    answer: Result<GssAnswer, String>,
}

impl Gss {
    /// For a session with `target`.
    pub(crate) fn new(config: &Config, target: Option<&Target>) -> Self {
        let filled = |name: &str| config.params.get(name).filter(|value| !value.is_empty());
        let host = target.and_then(|target| target.host.as_deref());
        let name = match (filled("krbsrvname"), host) {
            (Some(service), Some(host)) => Ok(format!("{service}@{host}")),
            (Some(_), None) => Err("host name must be specified"),
            (None, _) => Err("the name of the service must be specified: see \"krbsrvname\""),
        };
        Self {
            service: Service {
                name,
                delegates: filled("gssdelegation") == Some("1"),
                is_secret: config.is_torn(),
            },
            context: Mutex::new(None),
            running: None,
        }
    }

    /// What the mechanism makes of the server's token, which is empty at first; `None` while it is being made. Then it is to be
    /// called again, with the same token, at [`Gss::poll_timeout`].
    pub(crate) fn poll(&mut self, input: &[u8], now: Instant) -> Option<Result<GssAnswer, String>> {
        let Some(mut running) = self.running.take() else {
            return self.begin(input, now);
        };
        if !running.call.is_finished() {
            if running.due <= now {
                running.pause = (running.pause * 2).min(LONGEST_PAUSE);
                running.due = now + running.pause;
            }
            self.running = Some(running);
            return None;
        }
        let Ok(made) = running.call.join() else {
            return Some(Err("the GSSAPI library failed".to_owned()));
        };
        self.context = Mutex::new(made.context);
        Some(made.answer)
    }

    /// When to call [`Gss::poll`] again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.running.as_ref().map(|running| running.due)
    }

    fn begin(&mut self, input: &[u8], now: Instant) -> Option<Result<GssAnswer, String>> {
        let context = self.context.get_mut().ok().and_then(Option::take);
        let (service, input) = (self.service.clone(), input.to_vec());
        let work = move || service.step(context, &input);
        match thread::Builder::new()
            .name("howdah-gssapi".into())
            .spawn(work)
        {
            Ok(call) => {
                self.running = Some(Running {
                    call,
                    due: now + FIRST_PAUSE,
                    pause: FIRST_PAUSE,
                });
                None
            }
            Err(error) => Some(Err(format!("no thread for GSSAPI: {error}"))),
        }
    }
}

impl fmt::Debug for Gss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gss").finish_non_exhaustive()
    }
}

impl Service {
    /// One call of the library, which may wait for a KDC.
    fn step(&self, context: Option<ClientCtx>, input: &[u8]) -> Made {
        let mut context = match context.map_or_else(|| self.context(), Ok) {
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

    fn context(&self) -> Result<ClientCtx, String> {
        let name = self.name.clone()?;
        let name = Name::new(name.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))
            .map_err(|error| self.describe("GSSAPI name import error", &error))?;
        let mut flags = CtxFlags::GSS_C_MUTUAL_FLAG;
        if self.delegates {
            flags |= CtxFlags::GSS_C_DELEG_FLAG;
        }
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

/// A KDC nearby answers within this.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
