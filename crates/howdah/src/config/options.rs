//! The options of a connection as methods.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::{
    ChannelBinding, Config, GssEncMode, LoadBalanceHosts, SslCertMode, SslMode, TargetSessionAttrs,
    TlsVersion,
};

/// The option `sslnegotiation`.
///
/// ```
/// use howdah::config::{ChannelBinding, SslCertMode, SslMode, SslNegotiation, TlsVersion};
///
/// let mut config = howdah::Config::new();
/// config
///     .sslmode(SslMode::VerifyFull)
///     .sslnegotiation(SslNegotiation::Direct)
///     .sslrootcert("/etc/ssl/db/root.crt")
///     .sslcrl("/etc/ssl/db/root.crl")
///     .sslcrldir("/etc/ssl/db/crls")
///     .sslcert("/etc/ssl/db/client.crt")
///     .sslkey("/etc/ssl/db/client.key")
///     .sslpassword("of the key")
///     .sslcertmode(SslCertMode::Require)
///     .sslsni(false)
///     .ssl_min_protocol_version(TlsVersion::Tls1_2)
///     .ssl_max_protocol_version(TlsVersion::Tls1_3)
///     .channel_binding(ChannelBinding::Require);
/// assert_eq!(config.get("sslnegotiation"), Some("direct"));
/// config.sslrootcert_system();
/// assert_eq!(config.get("sslrootcert"), Some("system"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslNegotiation {
    /// The server is asked whether it takes TLS.
    Postgres,
    /// TLS begins at once, which needs PostgreSQL 17.
    Direct,
}

/// The option `replication`.
///
/// ```
/// use howdah::config::Replication;
///
/// let mut config = howdah::Config::new();
/// config.replication(Replication::Database);
/// assert_eq!(config.get("replication"), Some("database"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replication {
    /// The connection takes no statements but the commands of physical replication.
    Physical,
    /// It takes the commands of logical replication, and statements without parameters.
    Database,
}

/// Where.
impl Config {
    /// The host: a name, an address, or the directory of a Unix socket, which begins with `/`, or with `@` in the abstract namespace.
    ///
    /// It is one host: a comma is an error of the method that connects.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use howdah::config::LoadBalanceHosts;
    ///
    /// let mut config = howdah::Config::new();
    /// config.host("db.example").hostaddr([10, 0, 0, 1].into()).port(5433);
    /// assert_eq!(config.get("hostaddr"), Some("10.0.0.1"));
    /// config
    ///     .hosts(["db1.example", "db2.example"])
    ///     .hostaddrs([[10, 0, 0, 1].into(), [10, 0, 0, 2].into()])
    ///     .ports([5432, 5433])
    ///     .load_balance_hosts(LoadBalanceHosts::Random)
    ///     .keepalives(true)
    ///     .keepalives_idle(Duration::from_secs(60))
    ///     .keepalives_interval(Duration::from_secs(10))
    ///     .keepalives_count(3)
    ///     .tcp_user_timeout(Duration::from_secs(30));
    /// assert_eq!(config.get_hosts(), ["db1.example", "db2.example"]);
    /// ```
    pub fn host(&mut self, host: impl AsRef<str>) -> &mut Self {
        self.hosts([host])
    }

    /// The hosts to try in turn, each as for [`host`](Self::host).
    pub fn hosts<H: AsRef<str>>(&mut self, hosts: impl IntoIterator<Item = H>) -> &mut Self {
        let hosts: Vec<H> = hosts.into_iter().collect();
        if hosts.iter().any(|host| host.as_ref().contains(',')) {
            return self.refuse("host", "the name of a host has a comma");
        }
        self.list("host", hosts.iter().map(H::as_ref))
    }

    /// The address of the host, which then is not looked up; its name is still what a certificate is checked for.
    pub fn hostaddr(&mut self, address: IpAddr) -> &mut Self {
        self.hostaddrs([address])
    }

    /// The addresses of the hosts: as many as there are names, if there are any.
    pub fn hostaddrs(&mut self, addresses: impl IntoIterator<Item = IpAddr>) -> &mut Self {
        self.list("hostaddr", addresses)
    }

    /// The port of all hosts, which names a Unix socket, too.
    pub fn port(&mut self, port: u16) -> &mut Self {
        self.ports([port])
    }

    /// The ports: one for all hosts, or one for each.
    pub fn ports(&mut self, ports: impl IntoIterator<Item = u16>) -> &mut Self {
        self.list("port", ports)
    }

    /// The section of the service file that has further options.
    ///
    /// ```
    /// let mut config = howdah::Config::new();
    /// config.service("shop").passfile("/etc/shop/pgpass").fallback_application_name("till");
    /// assert_eq!(config.get("service"), Some("shop"));
    /// ```
    pub fn service(&mut self, name: impl Into<String>) -> &mut Self {
        self.put("service", name)
    }

    /// How long one attempt may take, of which there is one for each address of each host: in whole seconds, rounded up, and not
    /// less than two. Zero is no limit.
    pub fn connect_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.put("connect_timeout", seconds(timeout).to_string())
    }

    /// Which servers are taken.
    pub fn target_session_attrs(&mut self, attributes: TargetSessionAttrs) -> &mut Self {
        self.put("target_session_attrs", attributes.as_str())
    }

    /// Whether hosts, and the addresses of each, are tried in the order given or in any.
    pub fn load_balance_hosts(&mut self, order: LoadBalanceHosts) -> &mut Self {
        self.put("load_balance_hosts", order.as_str())
    }

    /// Whether the system probes a TCP connection on which nothing happens. At first it does.
    pub fn keepalives(&mut self, on: bool) -> &mut Self {
        self.put("keepalives", if on { "1" } else { "0" })
    }

    /// After how long without traffic it is probed: in whole seconds, rounded up. Zero leaves it to the system.
    pub fn keepalives_idle(&mut self, time: Duration) -> &mut Self {
        self.put("keepalives_idle", seconds(time).to_string())
    }

    /// How long after a probe without an answer comes the next: in whole seconds, rounded up. Zero leaves it to the system.
    pub fn keepalives_interval(&mut self, time: Duration) -> &mut Self {
        self.put("keepalives_interval", seconds(time).to_string())
    }

    /// After how many probes without an answer the connection is lost. Zero leaves it to the system.
    pub fn keepalives_count(&mut self, count: u32) -> &mut Self {
        self.put("keepalives_count", limited(count.into()).to_string())
    }

    /// How long what was sent may stay unacknowledged before the connection is lost: in milliseconds, rounded up. Zero leaves it
    /// to the system.
    pub fn tcp_user_timeout(&mut self, time: Duration) -> &mut Self {
        let millis = time.as_nanos().div_ceil(1_000_000);
        self.put("tcp_user_timeout", limited(millis).to_string())
    }
}

/// Who, and what for.
impl Config {
    /// The user to connect as.
    pub fn user(&mut self, user: impl Into<String>) -> &mut Self {
        self.put("user", user)
    }

    /// The user that was set.
    #[must_use]
    pub fn get_user(&self) -> Option<&str> {
        self.get("user")
    }

    /// The password, which may have any characters but NUL; an empty one is none. Functions that were to give it are
    /// forgotten.
    pub fn password(&mut self, password: impl Into<String>) -> &mut Self {
        self.password = None;
        self.put("password", password)
    }

    /// The file of passwords, in place of `~/.pgpass`.
    pub fn passfile(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.put_path("passfile", path.as_ref())
    }

    /// The methods of authentication that are acceptable, as libpq writes them: `scram-sha-256`, or `!password,!md5`.
    ///
    /// ```
    /// let mut config = howdah::Config::new();
    /// config.require_auth("scram-sha-256").requirepeer("postgres");
    /// ```
    pub fn require_auth(&mut self, methods: impl Into<String>) -> &mut Self {
        self.put("require_auth", methods)
    }

    /// How much the authentication is to be bound to the encrypted channel.
    pub fn channel_binding(&mut self, binding: ChannelBinding) -> &mut Self {
        self.put("channel_binding", binding.as_str())
    }

    /// The user of the operating system that a server behind a Unix socket has to run as.
    pub fn requirepeer(&mut self, user: impl Into<String>) -> &mut Self {
        self.put("requirepeer", user)
    }

    /// The database.
    pub fn dbname(&mut self, name: impl Into<String>) -> &mut Self {
        self.put("dbname", name)
    }

    /// The database that was set.
    #[must_use]
    pub fn get_dbname(&self) -> Option<&str> {
        self.get("dbname")
    }

    /// What the server calls the connection, in its log and in `pg_stat_activity`.
    pub fn application_name(&mut self, name: impl Into<String>) -> &mut Self {
        self.put("application_name", name)
    }

    /// The name that was set.
    #[must_use]
    pub fn get_application_name(&self) -> Option<&str> {
        self.get("application_name")
    }

    /// What the server calls the connection if nothing else gives a name.
    pub fn fallback_application_name(&mut self, name: impl Into<String>) -> &mut Self {
        self.put("fallback_application_name", name)
    }

    /// Options of the server's process, in place of those that were set: `-c name=value`, spaces and backslashes within a value
    /// after a backslash. [`setting`](Self::setting) writes them.
    ///
    /// ```
    /// let mut config = howdah::Config::new();
    /// config.options("-c statement_timeout=5s");
    /// ```
    pub fn options(&mut self, options: impl Into<String>) -> &mut Self {
        self.put("options", options)
    }

    /// Has the session begin with this setting of the server's: adds to [`options`](Self::options).
    ///
    /// ```
    /// let mut config = howdah::Config::new();
    /// config.setting("search_path", "shop, public").setting("jit", "off");
    /// assert_eq!(config.get("options"), Some(r"-c search_path=shop,\ public -c jit=off"));
    /// ```
    pub fn setting(&mut self, name: &str, value: &str) -> &mut Self {
        if self.wrong.iter().any(|(wrong, _)| *wrong == "options") {
            // An earlier setting cannot be made: that is not to be forgotten by one that is added.
            return self;
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        if name.is_empty() || !name.chars().all(is_name) {
            return self.refuse("options", "the name of a setting has other characters");
        }
        let mut options = self.get("options").unwrap_or_default().to_owned();
        if !options.is_empty() {
            options.push(' ');
        }
        options.push_str("-c ");
        options.push_str(name);
        options.push('=');
        for c in value.chars() {
            if c == '\\' || c.is_ascii_whitespace() || c == '\x0b' {
                options.push('\\');
            }
            options.push(c);
        }
        self.put("options", options)
    }

    /// Makes it a connection for replication.
    pub fn replication(&mut self, kind: Replication) -> &mut Self {
        let word = match kind {
            Replication::Physical => "true",
            Replication::Database => "database",
        };
        self.put("replication", word)
    }
}

/// Encryption.
impl Config {
    /// How much TLS is wanted.
    pub fn sslmode(&mut self, mode: SslMode) -> &mut Self {
        self.put("sslmode", mode.as_str())
    }

    /// How TLS begins.
    pub fn sslnegotiation(&mut self, how: SslNegotiation) -> &mut Self {
        let word = match how {
            SslNegotiation::Postgres => "postgres",
            SslNegotiation::Direct => "direct",
        };
        self.put("sslnegotiation", word)
    }

    /// The file of the certificates that are trusted. A file called `system` needs its directory before its name.
    pub fn sslrootcert(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.put_path("sslrootcert", path.as_ref())
    }

    /// Trusts the certificates that the operating system does, which needs [`SslMode::VerifyFull`], and makes it the default.
    pub fn sslrootcert_system(&mut self) -> &mut Self {
        self.put("sslrootcert", "system")
    }

    /// The file of the client's certificate.
    pub fn sslcert(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.put_path("sslcert", path.as_ref())
    }

    /// The file of the client's private key.
    pub fn sslkey(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.put_path("sslkey", path.as_ref())
    }

    /// What the client's private key is encrypted with.
    pub fn sslpassword(&mut self, password: impl Into<String>) -> &mut Self {
        self.put("sslpassword", password)
    }

    /// Whether the client's certificate is sent.
    pub fn sslcertmode(&mut self, mode: SslCertMode) -> &mut Self {
        self.put("sslcertmode", mode.as_str())
    }

    /// The file of the certificates that have been revoked.
    pub fn sslcrl(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.put_path("sslcrl", path.as_ref())
    }

    /// The directory of the certificates that have been revoked.
    pub fn sslcrldir(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.put_path("sslcrldir", path.as_ref())
    }

    /// Whether the server is told, unencrypted, by which name it is reached. At first it is.
    pub fn sslsni(&mut self, on: bool) -> &mut Self {
        self.put("sslsni", if on { "1" } else { "0" })
    }

    /// The lowest version of TLS that is acceptable. At first it is 1.2, below which there is none.
    pub fn ssl_min_protocol_version(&mut self, version: TlsVersion) -> &mut Self {
        self.put("ssl_min_protocol_version", version.as_str())
    }

    /// The highest version of TLS that is acceptable.
    pub fn ssl_max_protocol_version(&mut self, version: TlsVersion) -> &mut Self {
        self.put("ssl_max_protocol_version", version.as_str())
    }

    /// How much encryption by GSSAPI is wanted, which takes the feature `gssapi`.
    ///
    /// ```
    /// use howdah::config::GssEncMode;
    ///
    /// let mut config = howdah::Config::new();
    /// config.gssencmode(GssEncMode::Prefer).krbsrvname("postgres");
    /// ```
    pub fn gssencmode(&mut self, mode: GssEncMode) -> &mut Self {
        self.put("gssencmode", mode.as_str())
    }

    /// The name of the service that a Kerberos ticket is for.
    pub fn krbsrvname(&mut self, name: impl Into<String>) -> &mut Self {
        self.put("krbsrvname", name)
    }
}

impl Config {
    fn put(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.wrong.retain(|(wrong, _)| *wrong != name);
        if let Err(error) = self.params.set(name, value) {
            self.wrong.push((name, error.to_string()));
        }
        self
    }

    fn put_path(&mut self, name: &'static str, path: &Path) -> &mut Self {
        match path.to_str() {
            Some(path) => self.put(name, path),
            None => self.refuse(name, "the path is not UTF-8"),
        }
    }

    fn list<T: ToString>(
        &mut self,
        name: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
        self.put(name, values.join(","))
    }

    /// Notes that an option was given what it cannot be.
    fn refuse(&mut self, name: &'static str, why: &str) -> &mut Self {
        let message = format!("invalid value of connection option \"{name}\": {why}");
        self.wrong.retain(|(wrong, _)| *wrong != name);
        self.wrong.push((name, message));
        self
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u128 {
    limited(time.as_nanos().div_ceil(1_000_000_000))
}

/// What goes into the integer that an option is.
fn limited(number: u128) -> u128 {
    number.min(i32::MAX.unsigned_abs().into())
}
