//! What is known of a connection.

use std::fmt;

use howdah_protocol::connection::Connection;

pub use howdah_net::tls::TlsFacts;
pub use howdah_protocol::wire::TransactionStatus;

/// What a connection was made with.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) host: String,
    pub(crate) hostaddr: Option<String>,
    pub(crate) port: u16,
    pub(crate) dbname: String,
    pub(crate) user: String,
    pub(crate) tls: Option<TlsFacts>,
    pub(crate) gss_encrypted: bool,
    pub(crate) warnings: Vec<String>,
}

/// What is known of a connection: where it goes, and what the server has told.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let info = conn.info();
/// println!("{}@{}:{} is served by process {}", info.user(), info.host(), info.port(), info.backend_pid());
/// assert!(info.server_version() >= 90_000);
/// assert_eq!(info.parameter("client_encoding"), Some("UTF8"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Info<'a> {
    facts: &'a Facts,
    connection: &'a Connection,
}

impl<'a> Info<'a> {
    pub(crate) fn new(facts: &'a Facts, connection: &'a Connection) -> Self {
        Self { facts, connection }
    }

    /// What a user should know of how the connection was made, though it was: that a password file was not used, as others can
    /// read it.
    #[must_use]
    pub fn warnings(&self) -> &'a [String] {
        &self.facts.warnings
    }

    /// The host that was connected to: a name, an address, or the folder of a Unix socket.
    #[must_use]
    pub fn host(&self) -> &'a str {
        &self.facts.host
    }

    /// The IP address that was connected to; `None` for a Unix socket.
    #[must_use]
    pub fn hostaddr(&self) -> Option<&'a str> {
        self.facts.hostaddr.as_deref()
    }

    /// The port, which also names a Unix socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.facts.port
    }

    /// The database.
    #[must_use]
    pub fn dbname(&self) -> &'a str {
        &self.facts.dbname
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &'a str {
        &self.facts.user
    }

    /// What TLS has agreed on; `None` where the connection is not encrypted by it.
    #[must_use]
    pub fn tls(&self) -> Option<&'a TlsFacts> {
        self.facts.tls.as_ref()
    }

    /// Whether the connection is encrypted by GSSAPI, see the option `gssencmode`.
    #[must_use]
    pub fn is_gss_encrypted(&self) -> bool {
        self.facts.gss_encrypted
    }

    /// Process ID of the server process that serves this connection.
    #[must_use]
    pub fn backend_pid(&self) -> i32 {
        self.connection.process_id()
    }

    /// The server's version as a number: 180006 is 18.6, 90603 is 9.6.3. 0 where it is not known.
    #[must_use]
    pub fn server_version(&self) -> u32 {
        self.connection.server_version()
    }

    /// The transaction status after the last statement.
    #[must_use]
    pub fn transaction_status(&self) -> TransactionStatus {
        self.connection.transaction_status()
    }

    /// The value of a parameter that the server reports, such as `TimeZone`; `None` for those it does not report.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.connection.parameter(name)
    }
}

impl fmt::Debug for Info<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info")
            .field("host", &self.host())
            .field("port", &self.port())
            .field("dbname", &self.dbname())
            .field("user", &self.user())
            .field("backend_pid", &self.backend_pid())
            .field("server_version", &self.server_version())
            .field("transaction_status", &self.transaction_status())
            .finish()
    }
}
