//! The host plan: which servers to try, in which order, and with which password.

use std::net::IpAddr;

use super::config::{Environment, Passfile};
use super::error::ConninfoError;
use super::params::Params;
use super::passfile;
use super::secrecy::{HIDDEN, shown};
use crate::auth::Password;

const DEFAULT_PORT: u16 = 5432;

/// One server to try.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// The host as the user named it; `None` where a default was taken.
    pub host: Option<String>,
    /// The address, if it is known without name resolution.
    pub hostaddr: Option<IpAddr>,
    /// The port, which also names a Unix socket.
    pub port: u16,
    /// Where to connect.
    pub endpoint: Endpoint,
    /// The password for this server.
    pub password: Option<Password>,
    /// Whether the password comes from the password file: an authentication error should say so.
    pub password_from_passfile: bool,
}

/// Where a [`Target`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket in this directory; a name that begins with `@` is in the abstract namespace.
    Unix(String),
    /// A TCP port on this host: a name to resolve, unless [`Target::hostaddr`] is set.
    Tcp(String),
}

impl Target {
    /// The path of the Unix socket, or `None` for TCP.
    pub fn socket_path(&self) -> Option<String> {
        match &self.endpoint {
            Endpoint::Unix(directory) => Some(format!("{directory}/.s.PGSQL.{}", self.port)),
            Endpoint::Tcp(_) => None,
        }
    }

    /// How libpq begins an error about this server: `connection to server at "db" (10.0.0.1), port 5432`.
    ///
    /// `address` is the address that was tried, if a name was resolved.
    pub fn describe(&self, address: Option<IpAddr>) -> String {
        let name = match (&self.endpoint, self.socket_path()) {
            (_, Some(path)) => return format!("connection to server on socket \"{path}\""),
            (Endpoint::Tcp(name) | Endpoint::Unix(name), None) => name,
        };
        match address.or(self.hostaddr).map(|address| address.to_string()) {
            Some(address) if address != *name => {
                format!(
                    "connection to server at \"{name}\" ({address}), port {}",
                    self.port
                )
            }
            _ => format!("connection to server at \"{name}\", port {}", self.port),
        }
    }
}

/// Lays out the hosts of the options `host`, `hostaddr` and `port`, without passwords.
///
/// A host that is not given stands for each of the default socket directories in turn.
pub(super) fn plan(
    params: &Params,
    environment: &Environment<'_>,
) -> Result<Vec<Target>, ConninfoError> {
    let hosts = split(params.filled("host"));
    let addresses = split(params.filled("hostaddr"));
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        let message = format!(
            "could not match {} host names with {} hostaddr values",
            hosts.len(),
            addresses.len()
        );
        return Err(ConninfoError::operational(message));
    }
    let count = hosts.len().max(addresses.len()).max(1);
    let ports = ports(&split(params.filled("port")), count)?;
    let mut targets = Vec::with_capacity(count);
    for (index, port) in ports.into_iter().enumerate() {
        let host = hosts.get(index).copied().unwrap_or_default();
        let address = addresses.get(index).copied().unwrap_or_default();
        targets.extend(targets_of(host, address, port, environment)?);
    }
    Ok(targets)
}

/// Gives every target its password: the one of the options, else the password file's. Tells why a password file was not used.
pub(super) fn assign_passwords(
    targets: &mut [Target],
    params: &Params,
    (user, dbname): (&str, &str),
    passfile: Option<&str>,
    environment: &Environment<'_>,
) -> Option<String> {
    if let Some(password) = params.filled("password") {
        for target in targets {
            target.password = Some(Password::new(password));
        }
        return None;
    }
    let path = passfile?;
    let text = match (environment.passfile)(path) {
        Passfile::Missing => return None,
        Passfile::Unsafe(reason) => {
            let path = shown(path);
            return Some(format!("password file \"{path}\" {reason}"));
        }
        Passfile::Text(text) => text,
    };
    for target in targets {
        let port = target.port.to_string();
        let host = passfile_host(target, environment);
        let entry = passfile::Entry {
            host: &host,
            port: &port,
            dbname,
            user,
        };
        target.password = passfile::lookup(&text, &entry).map(Password::new);
        target.password_from_passfile = target.password.is_some();
    }
    None
}

/// The host to look for in a password file: the default socket directory is called `localhost` there.
fn passfile_host(target: &Target, environment: &Environment<'_>) -> String {
    match (&target.host, target.hostaddr) {
        (Some(host), _) if environment.socket_dirs.first() == Some(&host.as_str()) => {
            "localhost".to_owned()
        }
        (Some(host), _) => host.clone(),
        (None, Some(address)) => address.to_string(),
        (None, None) => "localhost".to_owned(),
    }
}

fn split(list: Option<&str>) -> Vec<&str> {
    list.map(|list| list.split(',').collect())
        .unwrap_or_default()
}

/// One port for each of `count` hosts.
fn ports(words: &[&str], count: usize) -> Result<Vec<u16>, ConninfoError> {
    match words {
        [] => Ok(vec![DEFAULT_PORT; count]),
        [one] => Ok(vec![port(one)?; count]),
        many if many.len() == count => many.iter().map(|word| port(word)).collect(),
        many => {
            let message = format!(
                "could not match {} port numbers to {count} hosts",
                many.len()
            );
            Err(ConninfoError::operational(message))
        }
    }
}

fn port(word: &str) -> Result<u16, ConninfoError> {
    if word.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    // Where a URI lacks the host, the port is a password: its value is not shown.
    let number = super::config::parse_integer(word)
        .ok_or_else(|| super::config::invalid_integer("port", HIDDEN))?;
    u16::try_from(number)
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| ConninfoError::operational(format!("invalid port number: \"{HIDDEN}\"")))
}

fn targets_of(
    host: &str,
    address: &str,
    port: u16,
    environment: &Environment<'_>,
) -> Result<Vec<Target>, ConninfoError> {
    let target = |hostaddr, endpoint| Target {
        host: (!host.is_empty()).then(|| host.to_owned()),
        hostaddr,
        port,
        endpoint,
        password: None,
        password_from_passfile: false,
    };
    if !address.is_empty() {
        let parsed = address.parse().map_err(|_| {
            let address = shown(address);
            ConninfoError::operational(format!("could not parse network address \"{address}\""))
        })?;
        let name = if host.is_empty() { address } else { host };
        return Ok(vec![target(Some(parsed), Endpoint::Tcp(name.to_owned()))]);
    }
    if environment.system.is_socket_directory(host) {
        return Ok(vec![target(None, Endpoint::Unix(host.to_owned()))]);
    }
    if !host.is_empty() {
        return Ok(vec![target(
            host.parse().ok(),
            Endpoint::Tcp(host.to_owned()),
        )]);
    }
    if environment.socket_dirs.is_empty() {
        return Ok(vec![target(None, Endpoint::Tcp("localhost".to_owned()))]);
    }
    let directories = environment.socket_dirs.iter();
    Ok(directories
        .map(|directory| target(None, Endpoint::Unix((*directory).to_owned())))
        .collect())
}
