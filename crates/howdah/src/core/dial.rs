//! Connecting: what the shells do with the plan of a connection.

use std::time::Instant;

use howdah_protocol::connection::{self, Connection};
use howdah_protocol::conninfo::{self, Encryption};
use howdah_protocol::session::Session;

use super::cancel::CancelHandle;
use super::info::Facts;
use super::observe::{Dialling, Place};
use super::{Core, Known};
use crate::config::{ClientSettings, Config, Provider};
use crate::error::{Error, Result, Unconnected};
use howdah_net::connect::ConnectError;
use howdah_net::connector::{Action, Connector};
use howdah_net::drive::Lost;
use howdah_net::link::Link;
use howdah_net::socket::{Peer, Socket, TcpOptions};

/// A connection on its way, for any shell.
pub(crate) struct Dial {
    pub(crate) connector: Connector,
    /// What the last attempt ended with.
    last: Option<Unconnected>,
    watch: Dialling,
    client: ClientSettings,
}

/// Why one server was not it.
pub(crate) enum Refusal {
    /// It could not be reached.
    Unreachable(ConnectError),
    /// It did not let the session start; and the encryptions with which it may.
    Session(Lost, &'static [Encryption]),
    /// No other server will be it either: a function that was to give a password failed.
    Final(Error),
}

impl Refusal {
    /// What ended the session before it began.
    pub(crate) fn of(link: &Link, lost: Lost) -> Self {
        let others = match &lost {
            Lost::Session(error) => link.other_encryptions(error),
            Lost::Io(_) => &[],
        };
        Self::Session(lost, others)
    }
}

impl Dial {
    /// Completes the options, and lays out the servers to try.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let mut params = config.params()?.clone();
        match params.get("client_encoding") {
            None | Some("" | "auto") => params.set("client_encoding", "UTF8")?,
            Some(name) if is_utf8(name) => {}
            Some(name) => {
                let text = "the client_encoding of a Rust program is UTF8";
                let name = conninfo::shown(name);
                return Err(Error::usage(format!("{text}, not {name:?}")));
            }
        }
        let connector = Connector::new(&params)?;
        let asked = connector.config();
        let watch = Dialling::new(&asked.dbname, &asked.user);
        Ok(Self {
            connector,
            last: None,
            watch,
            client: config.client,
        })
    }

    /// Takes the secrets for the server that has been reached, from functions that block.
    pub(crate) fn ask(&mut self, config: &Config) -> Result<()> {
        let ask = |provider: &Option<Provider>| provider.as_ref().map(Provider::ask).transpose();
        let (password, token) = (ask(&config.password)?, ask(&config.oauth_token)?);
        self.provide(password, token);
        Ok(())
    }

    pub(crate) fn provide(&mut self, password: Option<String>, oauth_token: Option<String>) {
        if let Some(password) = password {
            self.connector.set_password(&password);
        }
        if let Some(token) = oauth_token {
            self.connector.set_oauth_token(&token);
        }
    }

    pub(crate) fn next_action(&mut self) -> Action {
        self.connector.next_action()
    }

    /// When an attempt that begins now has to be over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.connector.deadline(self.connector.timeout()?)
    }

    /// Checks who serves the socket that is connected.
    pub(crate) fn check_peer(&self, socket: &Socket) -> std::result::Result<(), Refusal> {
        let checked = self.connector.check_peer(socket);
        checked.map_err(Refusal::Unreachable)
    }

    pub(crate) fn tcp_options(&self) -> TcpOptions {
        self.connector.tcp_options()
    }

    /// The session for the current server, its first bytes outgoing.
    pub(crate) fn session(&self) -> std::result::Result<Link, Refusal> {
        let startup = self.connector.startup().map_err(Refusal::Unreachable)?;
        Connection::start(startup)
            .map(|connection| {
                let mut session = Session::new(connection);
                session.detect_poolers();
                self.connector.link(session)
            })
            .map_err(|error| {
                let error = connection::Error::Startup(error);
                Refusal::Session(Lost::Session(error), &[])
            })
    }

    /// Notes why the current server was not it.
    ///
    /// # Errors
    /// There is no use in trying others.
    pub(crate) fn refused(&mut self, refusal: Refusal) -> Result<()> {
        let before = self.connector.failures().len();
        let last = match refusal {
            Refusal::Final(error) => {
                self.watch.failed(&error);
                return Err(error);
            }
            Refusal::Unreachable(error) => {
                self.connector.unreachable(&error);
                Unconnected::Unreachable(error)
            }
            Refusal::Session(Lost::Io(error), _) => {
                self.connector.refused(&error, None, &[]);
                Unconnected::Io(error)
            }
            Refusal::Session(Lost::Session(error), others) => {
                let startup = match &error {
                    connection::Error::Startup(error) => Some(error),
                    _ => None,
                };
                self.connector.refused(&error, startup, others);
                Unconnected::Session(error)
            }
        };
        for failure in self.connector.failures().iter().skip(before) {
            self.watch.refused(&failure.target, &failure.message);
        }
        // What the server says, and the name of a host, may have a part of a password in it.
        self.last = Some(last).filter(|_| !self.connector.config().is_torn());
        Ok(())
    }

    /// The error for all attempts together.
    pub(crate) fn give_up(mut self) -> Error {
        let error = Error::connect(&self.connector, self.last);
        self.watch.failed(&error);
        error
    }

    /// The core of the connection that was made.
    pub(crate) fn done(self, mut session: Link) -> Core {
        let peer = self.connector.peer().cloned();
        let target = peer.clone().and_then(|peer| session.cancel_target(peer));
        let facts = self.facts(peer.as_ref(), &session);
        let pid = session.connection().process_id();
        let place = Place::new(&facts, pid, self.client.traces_values());
        let life = self.watch.done(&place);
        let cancel = CancelHandle::new(target, place.clone());
        self.client.apply(&mut session);
        cancel.gate().set_timeout(session.cancel_timeout());
        let core = Core::new(session, facts, cancel, Known::new(place), life);
        core.timeout.set(self.client.operation_timeout);
        core
    }

    fn facts(&self, peer: Option<&Peer>, link: &Link) -> Facts {
        let config = self.connector.config();
        let target = self.connector.target();
        let hostaddr = match peer {
            Some(Peer::Tcp(address)) => Some(address.ip().to_string()),
            _ => None,
        };
        let host = target.map(|target| match &target.endpoint {
            conninfo::Endpoint::Unix(host) | conninfo::Endpoint::Tcp(host) => host.clone(),
        });
        Facts {
            host: host.unwrap_or_default(),
            hostaddr,
            port: target.map(|target| target.port).unwrap_or_default(),
            dbname: config.dbname.clone(),
            user: config.user.clone(),
            warnings: config.warnings.clone(),
            tls: link.tls().cloned(),
            gss_encrypted: link.is_gss_encrypted(),
        }
    }
}

/// Whether PostgreSQL takes a name for UTF-8: it ignores case and punctuation.
fn is_utf8(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    matches!(name.as_str(), "utf8" | "unicode")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(conninfo: &str) -> Result<Dial> {
        Dial::new(&conninfo.parse()?)
    }

    #[test]
    fn only_utf8_is_spoken() {
        assert!(dial("host=h client_encoding=utf-8").is_ok());
        assert!(dial("host=h").is_ok());
        let error = dial("host=h client_encoding=latin1").err().unwrap();
        assert!(error.is_usage() && error.to_string().contains("latin1"));
    }

    #[test]
    fn a_malformed_conninfo_does_not_show_its_password() {
        let error = dial("password=SECRET host").err().unwrap();
        assert!(error.is_usage());
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
    }
}
