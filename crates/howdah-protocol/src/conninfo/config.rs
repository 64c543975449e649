//! From options to a plan: defaults, environment, validation.

use std::time::Duration;

use super::encoding;
use super::error::ConninfoError;
use super::keywords::KEYWORDS;
use super::params::Params;
use super::secrecy::{self, shown};
use super::service;
use super::targets::{self, Target};
use super::tls::TlsOptions;
use crate::auth::scram::Keys;
use crate::auth::{RequireAuth, RequireAuthError};

/// What the outside world contributes to a connection: found by the shell, only looked at here.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// An environment variable's value.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The name of the operating system's user.
    pub os_user: Option<&'a str>,
    /// The directory where the user's files are: on Unix the home directory, on Windows `%APPDATA%/postgresql`.
    pub home: Option<&'a str>,
    /// Whose names and paths they are.
    pub system: System,
    /// Where Unix sockets are by default, tried in this order; empty where there are none.
    pub socket_dirs: &'a [&'a str],
    /// Directories where the system's service file is looked for, unless `PGSYSCONFDIR` names one.
    pub config_dirs: &'a [&'a str],
    /// The content of the service file at a path; `None` if there is none. Called only when a service is asked for.
    pub service_file: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// The password file at a path. Called at most once, and only when no password is given.
    pub passfile: &'a dyn Fn(&str) -> Passfile,
}

/// Kinds of systems, as far as libpq has other names and paths on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Unix, and whatever is like it.
    Unix,
    /// Windows.
    Windows,
}

/// A password file, as the shell found it.
#[derive(Clone)]
pub enum Passfile {
    /// There is none, or it cannot be read.
    Missing,
    /// It must not be used, for this reason: others may read it, or it is no plain file.
    Unsafe(&'static str),
    /// Its text.
    Text(String),
}

/// A connection's options, completed and checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The servers to try, in the order given. At least one.
    pub targets: Vec<Target>,
    /// The user to connect as.
    pub user: String,
    /// The database to connect to.
    pub dbname: String,
    /// The time for one attempt; `None` is no limit. At least two seconds, as in libpq.
    pub connect_timeout: Option<Duration>,
    /// Whether to try the targets in the order given, or in random order (the shell has the randomness).
    pub load_balance_hosts: LoadBalanceHosts,
    /// Which servers are acceptable.
    pub target_session_attrs: TargetSessionAttrs,
    /// How much TLS is wanted.
    pub sslmode: SslMode,
    /// How TLS is done, where it is.
    pub tls: TlsOptions,
    /// How much GSSAPI encryption is wanted.
    pub gssencmode: GssEncMode,
    /// How much channel binding is wanted.
    pub channel_binding: ChannelBinding,
    /// The authentication methods that are acceptable; `None` is any.
    pub require_auth: Option<RequireAuth>,
    /// Keys that stand in for the password with SCRAM.
    pub scram_keys: Keys,
    /// The user that a server behind a Unix socket has to run as; `None` is any.
    pub requirepeer: Option<String>,
    /// The lowest minor version of protocol 3 that is acceptable.
    pub min_protocol_minor: u16,
    /// The minor version of protocol 3 to ask for.
    pub max_protocol_minor: u16,
    /// TCP keepalives.
    pub keepalives: Keepalives,
    /// How long sent data may stay unacknowledged; `None` is the system's default.
    pub tcp_user_timeout: Option<Duration>,
    /// The password file that is used if no password is given.
    pub passfile: Option<String>,
    /// Every option with its final value, in libpq's order: what `PQconninfo` returns.
    pub params: Params,
    /// What the user should know, though it does not hinder the connection: a password file that was not used, and why.
    pub warnings: Vec<String>,
    /// Settings that come from variables such as `PGTZ`.
    session_settings: Vec<(String, String)>,
}

/// TCP keepalives. `None` leaves a number to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalives {
    /// Whether they are on.
    pub enabled: bool,
    /// Inactivity before the first one.
    pub idle: Option<Duration>,
    /// Time between two.
    pub interval: Option<Duration>,
    /// How many may be lost.
    pub count: Option<u32>,
}

/// The option `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS if the server insists.
    Allow,
    /// TLS if the server offers it.
    Prefer,
    /// TLS or nothing.
    Require,
    /// TLS with a trusted certificate.
    VerifyCa,
    /// TLS with a trusted certificate for the host's name.
    VerifyFull,
}

/// The option `gssencmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GssEncMode {
    /// Never GSSAPI encryption.
    Disable,
    /// GSSAPI encryption if there are credentials.
    Prefer,
    /// GSSAPI encryption or nothing.
    Require,
}

/// The option `channel_binding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If both sides can.
    #[default]
    Prefer,
    /// Or nothing.
    Require,
}

/// The option `target_session_attrs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetSessionAttrs {
    /// Every server will do.
    #[default]
    Any,
    /// Transactions are read-write by default.
    ReadWrite,
    /// Transactions are read-only by default.
    ReadOnly,
    /// Not in hot standby.
    Primary,
    /// In hot standby.
    Standby,
    /// A standby if there is one.
    PreferStandby,
}

/// The option `load_balance_hosts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadBalanceHosts {
    /// In the order given.
    Disable,
    /// In random order, and so for the addresses of one name.
    Random,
}

impl Config {
    /// Completes options from the environment and the defaults, and checks them.
    ///
    /// # Errors
    /// A value that makes no connection (libpq's text), and what this version does not serve.
    pub fn resolve(
        explicit: &Params,
        environment: &Environment<'_>,
    ) -> Result<Self, ConninfoError> {
        let mut params = complete(explicit, environment)?;
        let mut targets = targets::plan(&params, environment)?;
        let user = default(&mut params, "user", environment.os_user)?;
        let dbname = default(&mut params, "dbname", Some(&user))?;
        let passfile = passfile_path(&params, environment);
        let unused = targets::assign_passwords(
            &mut targets,
            &params,
            (&user, &dbname),
            passfile.as_deref(),
            environment,
        );
        if params.get("client_encoding") == Some("auto") {
            params.set("client_encoding", encoding::from_locale(environment.env))?;
        }
        let (min_protocol_minor, max_protocol_minor) = protocol_minors(&params)?;
        let sslmode = choice(&params, "sslmode", SSLMODE)?;
        let tls = TlsOptions::resolve(&params, sslmode, environment)?;
        Ok(Self {
            targets,
            user,
            dbname,
            connect_timeout: connect_timeout(&params)?,
            load_balance_hosts: choice(&params, "load_balance_hosts", LOAD_BALANCE_HOSTS)?,
            target_session_attrs: choice(&params, "target_session_attrs", TARGET_SESSION_ATTRS)?,
            sslmode,
            tls,
            gssencmode: choice(&params, "gssencmode", GSSENCMODE)?,
            channel_binding: choice(&params, "channel_binding", CHANNEL_BINDING)?,
            require_auth: require_auth(&params)?,
            scram_keys: scram_keys(&params)?,
            requirepeer: params.filled("requirepeer").map(str::to_owned),
            min_protocol_minor,
            max_protocol_minor,
            keepalives: keepalives(&params)?,
            tcp_user_timeout: positive(&params, "tcp_user_timeout")?
                .map(|ms| Duration::from_millis(ms.into())),
            passfile,
            warnings: unused.into_iter().collect(),
            session_settings: session_settings(environment),
            params,
        })
    }

    /// The parameters of the startup message, in libpq's order.
    ///
    /// `client_encoding` is among them only if it was asked for: the server tells what it chose.
    pub fn startup_params(&self) -> Vec<(String, String)> {
        let filled = |name: &str| self.params.filled(name).map(str::to_owned);
        let application_name =
            filled("application_name").or_else(|| filled("fallback_application_name"));
        let optional = [
            ("replication", filled("replication")),
            ("options", filled("options")),
            ("application_name", application_name),
            ("client_encoding", filled("client_encoding")),
        ];
        let mut startup = vec![
            ("user".to_owned(), self.user.clone()),
            ("database".to_owned(), self.dbname.clone()),
        ];
        startup.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        startup.extend(self.session_settings.iter().cloned());
        startup
    }

    /// Whether a host, the user or the database has a name like a piece of a connection string whose password was not
    /// escaped: no error may show names, addresses and ports then. Of other words see [`Config::without_names`].
    #[must_use]
    pub fn is_torn(&self) -> bool {
        let host = self.params.get("host").unwrap_or_default();
        secrecy::is_torn(host, &self.user, &self.dbname)
    }

    /// A server's message without the names in it, if [`Config::is_torn`].
    #[must_use]
    pub fn without_names(&self, message: String) -> String {
        if self.is_torn() {
            secrecy::without_quoted(&message)
        } else {
            message
        }
    }
}

/// Gives choices the words that stand for them in options.
macro_rules! words {
    ($($choice:ty: $words:ident),* $(,)?) => {
        $(impl $choice {
            /// The word for it, as it stands in a connection string.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                let found = $words.iter().find(|(_, choice)| *choice == self);
                found.map_or("", |(word, _)| word)
            }
        })*
    };
}

pub(super) use words;

const SSLMODE: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];
const GSSENCMODE: &[(&str, GssEncMode)] = &[
    ("disable", GssEncMode::Disable),
    ("prefer", GssEncMode::Prefer),
    ("require", GssEncMode::Require),
];
const CHANNEL_BINDING: &[(&str, ChannelBinding)] = &[
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];
const TARGET_SESSION_ATTRS: &[(&str, TargetSessionAttrs)] = &[
    ("any", TargetSessionAttrs::Any),
    ("read-write", TargetSessionAttrs::ReadWrite),
    ("read-only", TargetSessionAttrs::ReadOnly),
    ("primary", TargetSessionAttrs::Primary),
    ("standby", TargetSessionAttrs::Standby),
    ("prefer-standby", TargetSessionAttrs::PreferStandby),
];
const LOAD_BALANCE_HOSTS: &[(&str, LoadBalanceHosts)] = &[
    ("disable", LoadBalanceHosts::Disable),
    ("random", LoadBalanceHosts::Random),
];

words! {
    SslMode: SSLMODE,
    GssEncMode: GSSENCMODE,
    ChannelBinding: CHANNEL_BINDING,
    TargetSessionAttrs: TARGET_SESSION_ATTRS,
    LoadBalanceHosts: LOAD_BALANCE_HOSTS,
}

/// Minor versions of protocol 3 that exist. There is no 3.1: it was skipped.
const PROTOCOL_MINORS: &[(&str, u16)] = &[("3.0", 0), ("3.2", 2), ("latest", LATEST_MINOR)];
const LATEST_MINOR: u16 = 2;

/// Variables that become settings of the session. Source: libpq, "Environment Variables".
const SESSION_VARIABLES: [(&str, &str); 3] = [
    ("PGDATESTYLE", "datestyle"),
    ("PGTZ", "timezone"),
    ("PGGEQO", "geqo"),
];

/// Fills what is not given from the service, then from the environment, then from the compiled defaults. An empty value is given.
fn complete(explicit: &Params, environment: &Environment<'_>) -> Result<Params, ConninfoError> {
    let mut explicit = explicit.clone();
    service::apply(&mut explicit, environment)?;
    let mut params = Params::new();
    let mut sslmode_is_default = false;
    for keyword in KEYWORDS {
        let given = explicit.get(keyword.name).map(str::to_owned);
        let value = given
            .or_else(|| keyword.envvar.and_then(environment.env))
            .or_else(|| obsolete_requiressl(keyword.name, environment));
        sslmode_is_default |= keyword.name == "sslmode" && value.is_none();
        if let Some(value) = value.or_else(|| keyword.compiled.map(str::to_owned)) {
            params.set(keyword.name, value)?;
        }
    }
    if params.filled("sslcertmode").is_none() {
        // libpq has this default too, but not in its table.
        params.set("sslcertmode", "allow")?;
    }
    // Whom the whole world trusts has to be asked for by name.
    if sslmode_is_default && params.get("sslrootcert") == Some("system") {
        params.set("sslmode", "verify-full")?;
    }
    Ok(params)
}

/// `PGREQUIRESSL=1` still means `sslmode=require` to libpq.
fn obsolete_requiressl(name: &str, environment: &Environment<'_>) -> Option<String> {
    let value = (name == "sslmode").then(|| (environment.env)("PGREQUIRESSL"))??;
    value.starts_with('1').then(|| "require".to_owned())
}

/// The option's value, or the default if it is absent or empty.
fn default(
    params: &mut Params,
    name: &str,
    default: Option<&str>,
) -> Result<String, ConninfoError> {
    if let Some(value) = params.filled(name) {
        return Ok(value.to_owned());
    }
    let Some(value) = default.filter(|value| !value.is_empty()) else {
        return Err(ConninfoError::operational(
            "no user name given, and the operating system's user has none",
        ));
    };
    params.set(name, value)?;
    Ok(value.to_owned())
}

impl System {
    /// The name of the password file.
    fn passfile(self) -> &'static str {
        match self {
            Self::Unix => ".pgpass",
            Self::Windows => "pgpass.conf",
        }
    }

    /// The directory of certificates and keys, with a slash behind it, as it lies in the home directory.
    pub(super) fn tls_directory(self) -> &'static str {
        match self {
            Self::Unix => ".postgresql/",
            // The home directory is PostgreSQL's own there.
            Self::Windows => "",
        }
    }

    /// Whether a host is the directory of a Unix socket. Source: libpq, `is_unixsock_path`.
    pub(super) fn is_socket_directory(self, host: &str) -> bool {
        match (self, host.as_bytes()) {
            (_, [b'/' | b'@', ..]) | (Self::Windows, [b'\\', ..]) => true,
            (Self::Windows, [drive, b':', b'/' | b'\\', ..]) => drive.is_ascii_alphabetic(),
            _ => false,
        }
    }
}

fn passfile_path(params: &Params, environment: &Environment<'_>) -> Option<String> {
    match params.filled("passfile") {
        Some(path) => Some(path.to_owned()),
        None => environment
            .home
            .map(|home| format!("{home}/{}", environment.system.passfile())),
    }
}

pub(super) fn choice<T: Copy>(
    params: &Params,
    name: &str,
    choices: &[(&str, T)],
) -> Result<T, ConninfoError> {
    let value = params.get(name).unwrap_or_default();
    let found = choices.iter().find(|(known, _)| *known == value);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let value = shown(value);
        ConninfoError::operational(format!("invalid {name} value: \"{value}\""))
    })
}

fn require_auth(params: &Params) -> Result<Option<RequireAuth>, ConninfoError> {
    // An empty value is one: libpq accepts no method at all then.
    let Some(text) = params.get("require_auth") else {
        return Ok(None);
    };
    RequireAuth::parse(text)
        .map(Some)
        .map_err(|error| match error {
            RequireAuthError::Invalid(message) => ConninfoError::operational(message),
            RequireAuthError::NotSupported(message) => ConninfoError::not_supported(message),
        })
}

fn scram_keys(params: &Params) -> Result<Keys, ConninfoError> {
    // An empty value is one: libpq finds its length wrong.
    Keys::decode(
        params.get("scram_client_key"),
        params.get("scram_server_key"),
    )
    .map_err(ConninfoError::operational)
}

/// The minor versions of protocol 3 to accept and to ask for.
///
/// libpq 18 asks for 3.0 by default, for the sake of poolers that cannot negotiate.
fn protocol_minors(params: &Params) -> Result<(u16, u16), ConninfoError> {
    let minor = |name| {
        params
            .filled(name)
            .map(|_| choice(params, name, PROTOCOL_MINORS))
            .transpose()
    };
    let min = minor("min_protocol_version")?.unwrap_or(0);
    let default_max = if min > 0 { LATEST_MINOR } else { 0 };
    let max = minor("max_protocol_version")?.unwrap_or(default_max);
    if min > max {
        let message = "\"min_protocol_version\" is greater than \"max_protocol_version\"";
        return Err(ConninfoError::operational(message));
    }
    Ok((min, max))
}

/// Reads seconds as psycopg does, which accepts `1.5` and `1e1`; zero and less is no limit, and one is two.
fn connect_timeout(params: &Params) -> Result<Option<Duration>, ConninfoError> {
    let Some(value) = params.get("connect_timeout") else {
        return Ok(None);
    };
    let seconds: f64 = value.trim().parse().unwrap_or(f64::NAN);
    if !seconds.is_finite() {
        let value = shown(value);
        return Err(ConninfoError::programming(format!(
            "bad value for connect_timeout: '{value}'"
        )));
    }
    if seconds < 1.0 {
        return Ok(None);
    }
    // The cap keeps sums with a clock's time in range; no one waits a century.
    let seconds = seconds.trunc().clamp(2.0, 3e9);
    Ok(Some(Duration::from_secs_f64(seconds)))
}

fn keepalives(params: &Params) -> Result<Keepalives, ConninfoError> {
    let enabled = match params.get("keepalives") {
        Some(value) => integer("keepalives", value)? != 0,
        None => true,
    };
    let seconds =
        |name| Ok(positive(params, name)?.map(|seconds| Duration::from_secs(seconds.into())));
    Ok(Keepalives {
        enabled,
        idle: seconds("keepalives_idle")?,
        interval: seconds("keepalives_interval")?,
        count: positive(params, "keepalives_count")?,
    })
}

/// A number that means "the system's default" when it is absent, zero or negative.
fn positive(params: &Params, name: &str) -> Result<Option<u32>, ConninfoError> {
    let Some(value) = params.get(name) else {
        return Ok(None);
    };
    Ok(u32::try_from(integer(name, value)?)
        .ok()
        .filter(|number| *number > 0))
}

fn integer(name: &str, value: &str) -> Result<i32, ConninfoError> {
    parse_integer(value).ok_or_else(|| invalid_integer(name, shown(value)))
}

/// Reads an integer as libpq does: a C `int`, white space around it allowed.
pub(super) fn parse_integer(value: &str) -> Option<i32> {
    value.trim_matches(super::parse::is_space).parse().ok()
}

pub(super) fn invalid_integer(name: &str, shown: &str) -> ConninfoError {
    ConninfoError::operational(format!(
        "invalid integer value \"{shown}\" for connection option \"{name}\""
    ))
}

fn session_settings(environment: &Environment<'_>) -> Vec<(String, String)> {
    let setting = |(variable, name): (&str, &str)| {
        let value = (environment.env)(variable)?;
        (!value.eq_ignore_ascii_case("default")).then(|| (name.to_owned(), value))
    };
    SESSION_VARIABLES.into_iter().filter_map(setting).collect()
}
