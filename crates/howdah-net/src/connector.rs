//! The plan of a connection, step by step: what a shell has to do next, and what the failures add up to.
//!
//! Blocking, tokio and asyncio shells all follow it; none of them decides which server comes next.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use howdah_protocol::auth::Password;
use howdah_protocol::conninfo::{
    Config, ConninfoError, Encryption, Endpoint, LoadBalanceHosts, Params, Target,
    TargetSessionAttrs, shown,
};
use howdah_protocol::session::Session;
use howdah_protocol::startup::{StartupConfig, StartupError};

use crate::connect::ConnectError;
use crate::environment;
use crate::link::{Link, Plan};
use crate::socket::{Peer, Socket, TcpOptions};

/// What to do next.
#[derive(Debug)]
pub enum Action {
    /// Resolve this name, then call [`Connector::resolved`] or [`Connector::failed`].
    Resolve {
        /// The host's name.
        host: String,
        /// Its port.
        port: u16,
    },
    /// Connect a socket to this server and run the handshake of [`Connector::startup`]; if that fails, call [`Connector::failed`].
    Connect(Peer),
    /// Every server has been tried.
    GiveUp,
}

/// One attempt that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which server was tried.
    pub target: String,
    /// What happened.
    pub message: String,
    /// Whether the time was over.
    pub timed_out: bool,
}

/// A connection on its way.
#[derive(Debug)]
pub struct Connector {
    config: Config,
    targets: VecDeque<Target>,
    current: Option<Target>,
    addresses: VecDeque<SocketAddr>,
    peer: Option<Peer>,
    /// How the attempt is encrypted, and how else it may be.
    encryptions: &'static [Encryption],
    /// Whether the attempt is such a one: it is a part of the first.
    is_second: bool,
    /// When the attempt began.
    began: Instant,
    failures: Vec<Failure>,
    wanted: TargetSessionAttrs,
    oauth_token: Option<Password>,
    /// The servers that work, but are no standby: the last resort of `target_session_attrs=prefer-standby`.
    second_choice: VecDeque<Target>,
}

impl Connector {
    /// Completes the options with the environment, and lays out the servers to try.
    ///
    /// # Errors
    /// An option that is wrong, or not supported.
    pub fn new(params: &Params) -> Result<Self, ConninfoError> {
        let config = environment::complete(params)?;
        #[cfg(not(feature = "gssapi"))]
        let config = config.without_gss_encryption()?;
        #[cfg(not(feature = "rustls"))]
        let config = config.without_tls()?;
        let mut targets: Vec<Target> = config.targets.clone();
        if config.load_balance_hosts == LoadBalanceHosts::Random {
            shuffle(&mut targets);
        }
        Ok(Self {
            wanted: config.target_session_attrs,
            second_choice: VecDeque::new(),
            oauth_token: None,
            config,
            targets: targets.into(),
            current: None,
            addresses: VecDeque::new(),
            peer: None,
            encryptions: &[],
            is_second: false,
            began: Instant::now(),
            failures: Vec::new(),
        })
    }

    /// The options in effect.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The server that is being tried, or that was reached.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.current.as_ref()
    }

    /// The address that is being tried, or that was reached.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// The time for each attempt, from name resolution to the end of the handshake.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.config.connect_timeout
    }

    /// When the current attempt has to be over, where each may take `time`.
    #[must_use]
    pub fn deadline(&self, time: Duration) -> Option<Instant> {
        self.began.checked_add(time)
    }

    /// The link for the current attempt, around a session that is about to begin.
    #[must_use]
    pub fn link(&self, session: Session) -> Link {
        let plan = Plan::new(&self.config, self.target());
        Link::new(session, self.encryptions, plan)
    }

    /// What to do next.
    pub fn next_action(&mut self) -> Action {
        if let (true, Some(peer)) = (self.is_second, &self.peer) {
            return Action::Connect(peer.clone());
        }
        self.began = Instant::now();
        if let Some(address) = self.addresses.pop_front() {
            return self.connect_to(Peer::Tcp(address));
        }
        if self.targets.is_empty() {
            self.targets = std::mem::take(&mut self.second_choice);
            self.wanted = TargetSessionAttrs::Any;
        }
        let Some(target) = self.targets.pop_front() else {
            return Action::GiveUp;
        };
        self.peer = None;
        let action = match (target.socket_path(), target.hostaddr, &target.endpoint) {
            (Some(path), _, _) => Some(Peer::Unix(PathBuf::from(path))),
            (None, Some(ip), _) => Some(Peer::Tcp(SocketAddr::new(ip, target.port))),
            (None, None, Endpoint::Tcp(host) | Endpoint::Unix(host)) => {
                let (host, port) = (host.clone(), target.port);
                self.current = Some(target);
                return Action::Resolve { host, port };
            }
        };
        self.current = Some(target);
        match action {
            Some(peer) => self.connect_to(peer),
            None => Action::GiveUp,
        }
    }

    /// The password for the server that is being tried, in place of the options'.
    pub fn set_password(&mut self, password: &str) {
        if let Some(target) = &mut self.current {
            target.password = Some(Password::new(password));
            target.password_from_passfile = false;
        }
    }

    /// The bearer token for the method `oauth`.
    pub fn set_oauth_token(&mut self, token: &str) {
        self.oauth_token = Some(Password::new(token));
    }

    /// The addresses of the name that was to be resolved.
    pub fn resolved(&mut self, mut addresses: Vec<SocketAddr>) {
        if addresses.is_empty() {
            let host = self
                .current
                .as_ref()
                .and_then(|target| target.host.as_deref());
            let text = format!("failed to resolve host '{}'", host.unwrap_or_default());
            self.unreachable(&ConnectError::Unresolved(text, None));
        }
        if self.config.load_balance_hosts == LoadBalanceHosts::Random {
            shuffle(&mut addresses);
        }
        self.addresses = addresses.into();
    }

    /// Notes that the current attempt failed; `message` tells why.
    pub fn failed(&mut self, message: &str, timed_out: bool) {
        if std::mem::take(&mut self.is_second)
            && let Some(first) = self.failures.last_mut()
        {
            first.message.push('\n');
            first.message.push_str(message);
            first.timed_out = timed_out;
            return;
        }
        self.failures.push(Failure {
            target: self.describe_target(),
            message: message.to_owned(),
            timed_out,
        });
    }

    /// Notes that the current server could not be reached.
    pub fn unreachable(&mut self, error: &ConnectError) {
        let timed_out = matches!(error, ConnectError::TimedOut);
        let message = match error {
            ConnectError::Unresolved(..) if self.config.is_torn() => {
                format!("failed to resolve a host's name{TORN}")
            }
            ConnectError::TimedOut | ConnectError::Unresolved(..) => error.to_string(),
            ConnectError::WrongPeer(reason) => {
                let attempt = self.attempt();
                format!(
                    "connection failed: {attempt} failed: {reason}{}",
                    self.torn()
                )
            }
            ConnectError::Io(_) | ConnectError::Interrupted => {
                format!(
                    "connection failed: {} failed: {error}{}{}",
                    self.attempt(),
                    self.hint(),
                    self.torn()
                )
            }
        };
        self.failed(&message, timed_out);
    }

    /// Notes that the current server did not let the session start; `error` is the handshake's, if that is what failed.
    ///
    /// Of a server that is none of those asked for, other addresses are not tried. With `others` the server is tried once more,
    /// by these encryptions: see [`Link::other_encryptions`].
    pub fn refused(
        &mut self,
        reason: &dyn fmt::Display,
        error: Option<&StartupError>,
        others: &'static [Encryption],
    ) {
        let reason = self.config.without_names(reason.to_string());
        let message = format!(
            "connection failed: {} failed: {reason}{}{}",
            self.attempt(),
            self.where_from(error),
            self.torn()
        );
        self.failed(&message, false);
        if !others.is_empty() {
            self.encryptions = others;
            self.is_second = true;
        }
        if matches!(error, Some(StartupError::WrongServer(_))) {
            self.addresses.clear();
            if self.wanted == TargetSessionAttrs::PreferStandby {
                self.second_choice.extend(self.current.clone());
            }
        }
    }

    /// Checks that the server at the other end of a socket runs as the user of `requirepeer`.
    ///
    /// # Errors
    /// It does not, or that cannot be told.
    pub fn check_peer(&self, socket: &Socket) -> Result<(), ConnectError> {
        let (Some(Peer::Unix(_)), Some(wanted)) = (&self.peer, &self.config.requirepeer) else {
            return Ok(());
        };
        let actual = socket.peer_user().map_err(|error| {
            ConnectError::WrongPeer(format!("could not get peer credentials: {error}"))
        })?;
        if actual == *wanted {
            return Ok(());
        }
        let wanted = shown(wanted);
        let text = format!(
            "requirepeer specifies \"{wanted}\", but actual peer user name is \"{actual}\""
        );
        Err(ConnectError::WrongPeer(text))
    }

    /// All failed attempts, oldest first.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The message for all failures together.
    #[must_use]
    pub fn failure_text(&self) -> String {
        let last = self.failures.last().map(|failure| failure.message.clone());
        let mut text = last.unwrap_or_default();
        for warning in &self.config.warnings {
            text.push_str(&format!("\n\tWarning: {warning}"));
        }
        if self.failures.len() > 1 {
            text.push_str("\nMultiple connection attempts failed. All failures were:");
            for failure in &self.failures {
                text.push_str(&format!("\n- {}: {}", failure.target, failure.message));
            }
        }
        text
    }

    /// The handshake for the current server.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn startup(&self) -> Result<StartupConfig, ConnectError> {
        let mut nonce = [0_u8; 18];
        getrandom::fill(&mut nonce)
            .map_err(|error| ConnectError::Io(std::io::Error::other(error.to_string())))?;
        let target = self.current.as_ref().or(self.config.targets.first());
        let target = target
            .ok_or_else(|| ConnectError::Unresolved("no server to connect to".into(), None))?;
        Ok(StartupConfig {
            target_session_attrs: self.wanted,
            oauth_token: self.oauth_token.clone(),
            is_confidential: self.is_local(),
            has_gssapi: cfg!(feature = "gssapi"),
            ..StartupConfig::new(&self.config, target, STANDARD_NO_PAD.encode(nonce))
        })
    }

    /// Whether what is sent does not leave this machine.
    fn is_local(&self) -> bool {
        match &self.peer {
            Some(Peer::Tcp(address)) => address.ip().is_loopback(),
            Some(Peer::Unix(_)) => true,
            None => false,
        }
    }

    /// The socket options for TCP servers.
    #[must_use]
    pub fn tcp_options(&self) -> TcpOptions {
        let keepalives = self.config.keepalives;
        TcpOptions {
            no_keepalives: !keepalives.enabled,
            keepalives_idle: keepalives.idle,
            keepalives_interval: keepalives.interval,
            keepalives_count: keepalives.count,
            user_timeout: self.config.tcp_user_timeout,
        }
    }

    fn connect_to(&mut self, peer: Peer) -> Action {
        let is_local = matches!(peer, Peer::Unix(_));
        self.encryptions = self.config.encryptions(is_local);
        self.peer = Some(peer.clone());
        Action::Connect(peer)
    }

    /// Which server is being tried, as libpq begins its messages.
    fn attempt(&self) -> String {
        if self.config.is_torn() {
            return "connection to server".to_owned();
        }
        let address = match &self.peer {
            Some(Peer::Tcp(address)) => Some(address.ip()),
            _ => None,
        };
        let target = self.current.as_ref();
        target
            .map(|target| target.describe(address))
            .unwrap_or_default()
    }

    fn hint(&self) -> &'static str {
        match self.peer {
            Some(Peer::Unix(_)) => {
                "\n\tIs the server running locally and accepting connections on that socket?"
            }
            _ => "\n\tIs the server running on that host and accepting TCP/IP connections?",
        }
    }

    /// Where a password that is wrong comes from, in libpq's words.
    fn where_from(&self, error: Option<&StartupError>) -> String {
        let reported = error.and_then(StartupError::diagnostic);
        let is_wrong = reported.is_some_and(|error| error.get(b'C') == Some(b"28P01"));
        let target = self.current.as_ref();
        match &self.config.passfile {
            Some(path) if is_wrong && target.is_some_and(|it| it.password_from_passfile) => {
                format!("\npassword retrieved from file \"{}\"", shown(path))
            }
            _ => String::new(),
        }
    }

    fn torn(&self) -> &'static str {
        if self.config.is_torn() { TORN } else { "" }
    }

    fn describe_target(&self) -> String {
        let Some(target) = &self.current else {
            return String::new();
        };
        if self.config.is_torn() {
            return "a host".to_owned();
        }
        let address = match (&self.peer, target.hostaddr) {
            (Some(Peer::Tcp(address)), _) => Some(address.ip().to_string()),
            (_, hostaddr) => hostaddr.map(|ip| ip.to_string()),
        };
        let quote = |text: Option<String>| text.map_or("None".into(), |text| format!("'{text}'"));
        let host = match &target.endpoint {
            Endpoint::Unix(name) | Endpoint::Tcp(name) => name.clone(),
        };
        format!(
            "host: {}, port: '{}', hostaddr: {}",
            quote(Some(host)),
            target.port,
            quote(address)
        )
    }
}

/// Behind a message that shows no names.
const TORN: &str = "\n\tNames, addresses and ports are not shown, as they look like parts of a password: in a URI the characters \
                    \"/\", \"@\", \",\" and \"?\" of a password are written as %2F, %40, %2C and %3F.";

/// Puts things into a random order: without randomness they stay as they are.
fn shuffle<T>(things: &mut [T]) {
    for last in (1..things.len()).rev() {
        let mut bytes = [0_u8; 8];
        if getrandom::fill(&mut bytes).is_err() {
            return;
        }
        let other = u64::from_ne_bytes(bytes) % (last as u64 + 1);
        things.swap(last, usize::try_from(other).unwrap_or(last));
    }
}
