//! How to connect: the options of a [`Config`], and the choices that they have.
//!
//! ```
//! use howdah::config::{SslMode, TargetSessionAttrs};
//!
//! let mut config = howdah::Config::new();
//! config.sslmode(SslMode::VerifyFull).target_session_attrs(TargetSessionAttrs::ReadWrite);
//! ```

mod client;
mod options;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use howdah_protocol::conninfo::{self, Params};

use crate::error::{Error, ProviderError, Result};
pub(crate) use client::ClientSettings;
#[doc(inline)]
pub use howdah_protocol::conninfo::{
    ChannelBinding, GssEncMode, LoadBalanceHosts, SslCertMode, SslMode, TargetSessionAttrs,
    TlsVersion,
};
pub use options::{Replication, SslNegotiation};

#[cfg(feature = "tokio")]
use std::pin::Pin;

/// Where and how to connect: options by methods, from a connection string, or by their names; and functions that give what
/// changes, passwords and tokens.
///
/// ```no_run
/// use std::time::Duration;
///
/// use howdah::Config;
/// use howdah::config::{SslMode, TargetSessionAttrs};
///
/// # fn main() -> Result<(), howdah::Error> {
/// let mut conn = Config::new()
///     .hosts(["db1.example", "db2.example"])
///     .user("ann")
///     .password(r"any characters: ' \ @ /")
///     .dbname("shop")
///     .sslmode(SslMode::VerifyFull)
///     .target_session_attrs(TargetSessionAttrs::ReadWrite)
///     .connect_timeout(Duration::from_secs(5))
///     .connect()?;
/// # Ok(())
/// # }
/// ```
///
/// Of an option that is set twice the last value holds, also where the first comes from a connection string:
///
/// ```no_run
/// # fn token_of_the_vault() -> Result<String, std::io::Error> { Ok(String::new()) }
/// # fn main() -> Result<(), howdah::Error> {
/// let mut config: howdah::Config = "postgresql://ann@db.example/shop".parse()?;
/// config.application_name("till");
/// config.password_with(|| Ok(token_of_the_vault()?));
/// let mut conn = config.connect()?;
/// # Ok(())
/// # }
/// ```
///
/// Options that are not set, or empty, come from a service file, the environment (`PGHOST`, `PGUSER`, ...) and the password file,
/// when the connection is made. Values go as they are: nothing in them is taken for more options. One that no server could be
/// told, as it has a NUL, is an error of the method that connects, and [`is_usage`](Error::is_usage).
///
/// `Debug` shows no password and no other secret.
#[derive(Clone, Default)]
pub struct Config {
    params: Params,
    /// The options that were given what they cannot be, and why.
    wrong: Vec<(&'static str, String)>,
    pub(crate) client: ClientSettings,
    pub(crate) password: Option<Provider>,
    pub(crate) oauth_token: Option<Provider>,
}

/// A function that gives a secret.
#[derive(Clone)]
pub(crate) enum Provider {
    Blocking(Arc<BlockingProvider>),
    #[cfg(feature = "tokio")]
    Async(Arc<AsyncProvider>),
}

type Given = std::result::Result<String, ProviderError>;
type BlockingProvider = dyn Fn() -> Given + Send + Sync;
#[cfg(feature = "tokio")]
type AsyncProvider = dyn Fn() -> Pin<Box<dyn Future<Output = Given> + Send>> + Send + Sync;

impl Config {
    /// No options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an option, by libpq's name for it.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// let mut config = howdah::Config::new();
    /// config.set("host", "db.example")?.set("user", "ann")?;
    /// assert!(config.set("hots", "db.example").is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is no such option, or the value has a NUL.
    pub fn set(&mut self, name: &str, value: &str) -> Result<&mut Self> {
        self.params.set(name, value)?;
        self.wrong.retain(|(wrong, _)| *wrong != name);
        if name == "password" {
            self.password = None;
        }
        Ok(self)
    }

    /// The value of an option that was set, by libpq's name for it, also of a secret one.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// let config: howdah::Config = "postgresql://ann@db.example:5433/shop".parse()?;
    /// assert_eq!(config.get("user"), Some("ann"));
    /// assert_eq!(config.get("port"), Some("5433"));
    /// assert_eq!(config.get("sslmode"), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    /// The hosts that were set.
    #[must_use]
    pub fn get_hosts(&self) -> Vec<&str> {
        let hosts = self.params.get("host").filter(|hosts| !hosts.is_empty());
        hosts.map_or_else(Vec::new, |hosts| hosts.split(',').collect())
    }

    /// Has this function give the password at each attempt: for each server that could be reached.
    ///
    /// It runs in the thread that connects, or in the task that does, which it should not keep long; see
    /// [`password_with_async`](Self::password_with_async).
    pub fn password_with<F>(&mut self, give: F) -> &mut Self
    where
        F: Fn() -> Given + Send + Sync + 'static,
    {
        self.password = Some(Provider::Blocking(Arc::new(give)));
        self
    }

    /// The same for the bearer token that a server with the method `oauth` asks for (PostgreSQL 18).
    ///
    /// It goes over encrypted connections only, or to servers on this machine.
    ///
    /// ```
    /// let mut config = howdah::Config::new();
    /// config.oauth_token_with(|| Ok(std::fs::read_to_string("/run/secrets/token")?));
    /// ```
    pub fn oauth_token_with<F>(&mut self, give: F) -> &mut Self
    where
        F: Fn() -> Given + Send + Sync + 'static,
    {
        self.oauth_token = Some(Provider::Blocking(Arc::new(give)));
        self
    }

    /// Has this asynchronous function give the password at each attempt. Its time counts to `connect_timeout`.
    ///
    /// [`connect`](Self::connect), which blocks, fails then.
    ///
    /// ```
    /// # async fn of_the_vault(secret: &str) -> Result<String, std::io::Error> { Ok(secret.to_owned()) }
    /// let mut config = howdah::Config::new();
    /// config
    ///     .password_with_async(async || Ok(of_the_vault("password").await?))
    ///     .oauth_token_with_async(async || Ok(of_the_vault("token").await?));
    /// ```
    #[cfg(feature = "tokio")]
    pub fn password_with_async<F, T>(&mut self, give: F) -> &mut Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Given> + Send + 'static,
    {
        self.password = Some(Provider::Async(Arc::new(move || Box::pin(give()))));
        self
    }

    /// The same for the bearer token.
    #[cfg(feature = "tokio")]
    pub fn oauth_token_with_async<F, T>(&mut self, give: F) -> &mut Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Given> + Send + 'static,
    {
        self.oauth_token = Some(Provider::Async(Arc::new(move || Box::pin(give()))));
        self
    }

    /// The options by name.
    ///
    /// # Errors
    /// One was given a value that it cannot have.
    pub(crate) fn params(&self) -> Result<&Params> {
        match self.wrong.first() {
            None => Ok(&self.params),
            Some((_, why)) => Err(Error::usage(why)),
        }
    }
}

impl FromStr for Config {
    type Err = Error;

    /// Reads a connection string: `key=value` words, or a `postgresql://` URI.
    fn from_str(conninfo: &str) -> Result<Self> {
        Ok(Self {
            params: conninfo::parse(conninfo)?,
            ..Self::default()
        })
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("options", &self.params)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Provider {
    /// The secret, from a function that blocks.
    pub(crate) fn ask(&self) -> Result<String> {
        match self {
            Self::Blocking(give) => give().map_err(Error::provider),
            #[cfg(feature = "tokio")]
            Self::Async(_) => {
                let text = "the function for a secret has to be awaited: use connect_async()";
                Err(Error::usage(text))
            }
        }
    }

    /// The secret.
    #[cfg(feature = "tokio")]
    pub(crate) async fn ask_async(&self) -> Result<String> {
        match self {
            Self::Blocking(give) => give().map_err(Error::provider),
            Self::Async(give) => give().await.map_err(Error::provider),
        }
    }
}
