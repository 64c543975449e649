//! How to connect, where a connection string is not enough: secrets that are asked for at each attempt.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use howdah_protocol::conninfo::{self, Params};

use crate::error::{Error, ProviderError, Result};

#[cfg(feature = "tokio")]
use std::pin::Pin;

/// Options for connecting, and functions that give what changes: passwords and tokens.
///
/// Options that are not set come from a service file, the environment (`PGHOST`, `PGUSER`, ...) and the password file, when
/// the connection is made.
///
/// ```no_run
/// # fn token_of_the_vault() -> Result<String, std::io::Error> { Ok(String::new()) }
/// # fn main() -> Result<(), howdah::Error> {
/// let mut config: howdah::Config = "host=db.example dbname=shop".parse()?;
/// config.set("target_session_attrs", "read-write")?;
/// config.password_with(|| Ok(token_of_the_vault()?));
/// let mut conn = config.connect()?;
/// # Ok(())
/// # }
/// ```
///
/// `Debug` shows no password and no other secret.
#[derive(Clone, Default)]
pub struct Config {
    params: Params,
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
    /// # Errors
    /// There is no such option, or the value has a NUL.
    pub fn set(&mut self, name: &str, value: &str) -> Result<&mut Self> {
        self.params.set(name, value)?;
        Ok(self)
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

    pub(crate) fn params(&self) -> &Params {
        &self.params
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
        f.debug_tuple("Config").field(&self.params).finish()
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
