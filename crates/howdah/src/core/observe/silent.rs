//! Without the feature: nothing is seen, and nothing of this is left in the program.

use std::fmt::Display;
use std::time::Duration;

use howdah_protocol::connection::{Params, RowSet};
use howdah_protocol::session::Outcome;
use howdah_protocol::wire;
use howdah_types::{PgLsn, Types};

use crate::core::info::Facts;
use crate::error::{Error, Result};

/// Where a connection goes.
#[derive(Default, Clone)]
pub(crate) struct Place(());

/// A statement that is watched.
#[derive(Debug)]
pub(crate) struct Watch;

/// A connection that is being made.
pub(crate) struct Dialling;

/// A connection for as long as it is open.
pub(crate) struct Life;

/// A COPY that is watched.
#[derive(Debug)]
pub(crate) struct CopyWatch;

/// A stream of replication that is watched.
#[derive(Debug)]
pub(crate) struct StreamWatch;

/// A large object that is watched while it is open.
#[derive(Debug)]
pub(crate) struct ObjectWatch;

/// What a listener tells.
pub(crate) struct ListenerWatch;

pub(crate) fn notice(_: &wire::Diagnostic) {}

pub(crate) fn repeated() {}

pub(crate) fn transaction_repeated(_: u32, _: Duration) {}

impl Place {
    pub(crate) fn new(_: &Facts, _: i32, _: bool) -> Self {
        Self(())
    }

    pub(crate) fn watch(&self, _: &str) -> Watch {
        Watch
    }

    pub(crate) fn watch_all<'a>(&self, _: impl Iterator<Item = &'a str>) -> Watch {
        Watch
    }

    pub(crate) fn watch_copy(&self, _: &str, _: bool) -> CopyWatch {
        CopyWatch
    }

    pub(crate) fn watch_replication(&self, _: &str, _: Option<&str>, _: bool) -> StreamWatch {
        StreamWatch
    }

    pub(crate) fn watch_object(&self, _: u32, _: &str) -> ObjectWatch {
        ObjectWatch
    }

    pub(crate) const fn tells_values(&self) -> bool {
        false
    }

    pub(crate) fn values(&self, _: &Params, _: &[u32], _: &Types) {}

    pub(crate) fn cancelling(&self) {}

    pub(crate) fn not_cancelled(&self, _: &dyn Display) {}

    pub(crate) fn lost(&self, _: &Error) {}
}

impl Watch {
    pub(crate) fn of<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        work()
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn over<T, F: Future<Output = Result<T>>>(self, work: F) -> F {
        work
    }

    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn beside<F: Future>(&self, work: F) -> F {
        work
    }

    pub(crate) fn ended(&mut self, _: &Outcome) {}

    pub(crate) fn failed(&mut self, _: &Error) {}
}

impl Dialling {
    pub(crate) fn new(_: &str, _: &str) -> Self {
        Self
    }

    pub(crate) fn refused(&self, _: &str, _: &str) {}

    pub(crate) fn done(self, _: &Place) -> Life {
        Life
    }

    pub(crate) fn failed(&mut self, _: &Error) {}
}

impl Life {
    pub(crate) fn lost(&mut self, _: &Error) {}

    pub(crate) fn closed(&mut self) {}
}

impl CopyWatch {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn sent(&mut self, _: usize) {}

    pub(crate) fn received(&mut self, _: &RowSet) {}

    pub(crate) fn ended(&mut self, _: &Result<u64>) {}

    pub(crate) fn failed(&mut self, _: &Error) {}
}

impl StreamWatch {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn ended(&mut self, _: std::result::Result<(), &Error>) {}

    pub(crate) fn failed(&mut self, _: &Error) {}

    pub(crate) fn left(&self, _: PgLsn) {}
}

impl ObjectWatch {
    pub(crate) fn read(&mut self, _: &Result<usize>) {}

    pub(crate) fn written(&mut self, _: usize, _: &Result<()>) {}

    pub(crate) fn asked<T>(&mut self, _: &Result<T>) {}
}

impl ListenerWatch {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn lost(&self, _: &Error) {}

    pub(crate) fn failed(&self, _: &Error, _: u32) {}

    pub(crate) fn reconnected(&self, _: usize) {}
}
