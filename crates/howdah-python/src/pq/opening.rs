//! `PGconn`s of their own: opened, opened anew, asked for.

use howdah_adapt::lock;
use howdah_protocol::conninfo::{self, Params};
use pyo3::prelude::*;

use super::attempt::{Attempt, Polled, ServerAnswer};
use super::conn::{Failed, Link, PgConn, closed};
use super::numbers::{POLL_FAILED, POLL_OK, POLL_READING, POLL_WRITING};
use crate::errors;

/// The numbers of `howdah.pq.Ping`.
const PING_OK: u8 = 0;
const PING_REJECT: u8 = 1;
const PING_NO_RESPONSE: u8 = 2;
const PING_NO_ATTEMPT: u8 = 3;

/// What is asked for: the options, or why they are wrong.
pub(super) fn parse(conninfo: &[u8]) -> Result<Params, String> {
    let Ok(text) = std::str::from_utf8(conninfo) else {
        return Err("connection options have to be in UTF-8".to_owned());
    };
    conninfo::parse(text).map_err(|error| error.to_string())
}

impl PgConn {
    /// Begins to connect.
    pub(super) fn start(py: Python<'_>, conninfo: &[u8]) -> PyResult<Self> {
        let (params, link) = match parse(conninfo) {
            Ok(params) => {
                let link = begin(py, &params)?;
                (Some(params), link)
            }
            Err(message) => (None, failure(&message)),
        };
        Ok(Self::own(link, params))
    }

    /// Goes on connecting, without waiting: a number of `PollingStatus`.
    pub(super) fn poll(&self, py: Python<'_>) -> PyResult<u8> {
        let Some(mut attempt) = self.take_attempt() else {
            self.core(py)?;
            return match &*lock(&self.link) {
                Link::Open(core) if !core.snapshot.is_closed() => Ok(POLL_OK),
                Link::Closed => Err(closed(py)),
                _ => Ok(POLL_FAILED),
            };
        };
        let mut beside = Vec::new();
        let polled = attempt.poll(py, &mut beside);
        self.put_back(py, attempt, polled, beside)
    }

    /// Goes on connecting until that has succeeded or failed.
    pub(super) fn wait_open(&self, py: Python<'_>) -> PyResult<()> {
        let Some(mut attempt) = self.take_attempt() else {
            return Ok(());
        };
        let mut beside = Vec::new();
        let waited = attempt.wait(py, &mut beside);
        let polled = waited.map(|core| core.map_or(Polled::Failed, Polled::Done));
        self.put_back(py, attempt, polled, beside).map(drop)
    }

    /// Closes the connection and begins to open it anew, with the same options.
    pub(super) fn start_anew(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_shared() {
            let text = "a Connection cannot be opened anew: open another one";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        self.core(py)?;
        if self.is_closed() {
            return Err(closed(py));
        }
        let params = lock(&self.params).clone();
        let Some(params) = params else {
            return Ok(());
        };
        let link = begin(py, &params)?;
        *lock(&self.machine) = super::machine::Machine::default();
        let old = std::mem::replace(&mut *lock(&self.link), link);
        if let Link::Open(core) = old {
            core.close();
        }
        Ok(())
    }

    fn take_attempt(&self) -> Option<Box<Attempt>> {
        let mut link = lock(&self.link);
        match std::mem::replace(&mut *link, Link::Closed) {
            Link::Starting(attempt) => Some(attempt),
            other => {
                *link = other;
                None
            }
        }
    }

    fn put_back(
        &self,
        py: Python<'_>,
        attempt: Box<Attempt>,
        polled: PyResult<Polled>,
        beside: Vec<crate::core::deliver::Message>,
    ) -> PyResult<u8> {
        let (number, link) = match polled {
            Ok(Polled::Reading) => (POLL_READING, Link::Starting(attempt)),
            Ok(Polled::Writing) => (POLL_WRITING, Link::Starting(attempt)),
            Ok(Polled::Failed) => (POLL_FAILED, failed(&attempt)),
            Ok(Polled::Done(core)) => {
                core.refresh_snapshot();
                let encoding = core.snapshot.settings().encoding;
                lock(&self.machine).set_encoding(encoding);
                self.deliver(py, &core, beside)?;
                (POLL_OK, Link::Open(core))
            }
            Err(error) => {
                *lock(&self.link) = failed(&attempt);
                return Err(error);
            }
        };
        *lock(&self.link) = link;
        Ok(number)
    }
}

fn begin(py: Python<'_>, params: &Params) -> PyResult<Link> {
    Ok(match Attempt::begin(py, params)? {
        Ok(attempt) if attempt.descriptor().is_none() => failed(&attempt),
        Ok(attempt) => Link::Starting(Box::new(attempt)),
        Err(error) => failure(&error.to_string()),
    })
}

fn failed(attempt: &Attempt) -> Link {
    let (options, message) = attempt.report();
    Link::Failed(Failed::new(options, &message))
}

fn failure(message: &str) -> Link {
    Link::Failed(Failed::new(Vec::new(), message))
}

/// Asks whether a server takes connections: a number of `Ping`.
pub(super) fn ping(py: Python<'_>, conninfo: &[u8]) -> PyResult<u8> {
    let Ok(params) = parse(conninfo) else {
        return Ok(PING_NO_ATTEMPT);
    };
    let Ok(mut attempt) = Attempt::begin(py, &params)? else {
        return Ok(PING_NO_ATTEMPT);
    };
    if let Some(core) = attempt.wait(py, &mut Vec::new())? {
        core.close();
        return Ok(PING_OK);
    }
    Ok(match attempt.answer {
        ServerAnswer::None => PING_NO_RESPONSE,
        ServerAnswer::NotNow => PING_REJECT,
        ServerAnswer::Some => PING_OK,
    })
}
