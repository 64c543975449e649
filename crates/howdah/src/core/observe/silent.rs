//! Without the feature: nothing is seen, and nothing of this is left in the program.

use howdah_protocol::session::Outcome;
use howdah_protocol::wire;

use crate::core::info::Facts;
use crate::error::{Error, Result};

/// Where a connection goes.
#[derive(Default, Clone, Copy)]
pub(crate) struct Place;

/// A statement that is watched.
#[derive(Debug)]
pub(crate) struct Watch;

/// A connection that is being made.
pub(crate) struct Dialling;

pub(crate) fn notice(_: &wire::Diagnostic) {}

impl Place {
    pub(crate) fn new(_: &Facts, _: i32) -> Self {
        Self
    }

    pub(crate) fn watch(self, _: &str) -> Watch {
        Watch
    }

    pub(crate) fn watch_all<'a>(self, _: impl Iterator<Item = &'a str>) -> Watch {
        Watch
    }

    pub(crate) fn lost(self, _: &Error) {}
}

impl Watch {
    pub(crate) fn of<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        work()
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn over<T, F: Future<Output = Result<T>>>(self, work: F) -> F {
        work
    }

    pub(crate) fn ended(&self, _: &Outcome) {}

    pub(crate) fn failed(&self, _: &Error) {}
}

impl Dialling {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn refused(&self, _: &str, _: &str) {}

    pub(crate) fn done(&self, _: &Facts, _: i32) {}

    pub(crate) fn failed(&self, _: &Error) {}
}
