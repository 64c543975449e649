//! How a value is dumped: by what its class is by default, or by what the user has registered.

use howdah_protocol::wire::Format;
use pyo3::prelude::*;

use crate::adaptation::Adaptation;
use crate::context::DumpContext;
use crate::error;
use crate::format::{BINARY, PyFormat, TEXT};
use crate::registry::DumperEntry;
use crate::types::Kind;

/// How a value is dumped.
pub(super) enum DumperPlan<'py> {
    /// As howdah does unless told otherwise.
    Kind(Kind),
    /// Not at all: None is NULL, of the type of its dumper.
    Null(u32),
    /// By a built-in class that was registered for its class.
    Builtin(Bound<'py, DumperEntry>),
    /// By the built-in class for a type.
    Settled(Bound<'py, DumperEntry>),
    /// By a dumper that is called.
    Object(Bound<'py, PyAny>),
}

impl<'py> DumperPlan<'py> {
    /// The plan for a value.
    ///
    /// # Errors
    /// ProgrammingError for a class that cannot be sent; what a dumper of the user's raises.
    #[inline]
    pub(super) fn find(
        value: &Bound<'py, PyAny>,
        want: PyFormat,
        cx: &DumpContext<'_>,
    ) -> PyResult<Self> {
        let kind = match cx.own_dumpers() {
            None => Kind::of(value)?,
            Some(adaptation) => return Self::registered(value, want, adaptation),
        };
        kind.map(Self::Kind)
            .ok_or_else(|| error::cannot_adapt(value, want))
    }

    fn registered(
        value: &Bound<'py, PyAny>,
        want: PyFormat,
        adaptation: &Adaptation,
    ) -> PyResult<Self> {
        if value.is_none() {
            return adaptation.map().null_oid(value).map(Self::Null);
        }
        let Some(entry) = adaptation.map().dumper(&value.get_type(), want)? else {
            return Err(error::cannot_adapt(value, want));
        };
        if entry.get().is_default()
            && let Some(kind) = Kind::of(value)?
        {
            return Ok(Self::Kind(kind));
        }
        if entry.get().codec.is_some() {
            return Ok(Self::Builtin(entry));
        }
        let transformer = adaptation.transformer(value.py())?;
        let dumper = transformer.get().dumper_for(transformer, value, want)?;
        Ok(Self::Object(dumper))
    }

    /// The plan for values that are to be of a type, whatever their class.
    ///
    /// # Errors
    /// ProgrammingError if no dumper is registered for the type.
    pub(super) fn by_oid(
        py: Python<'py>,
        oid: u32,
        format: Format,
        adaptation: &Adaptation,
    ) -> PyResult<Self> {
        let number = if format == Format::Binary {
            BINARY
        } else {
            TEXT
        };
        let map = adaptation.map();
        let entry = map
            .dumper_by_oid(py, oid, number)?
            .ok_or_else(|| map.no_dumper_by_oid(py, oid, number))?;
        if entry.get().codec.is_some() {
            return Ok(Self::Settled(entry));
        }
        let transformer = adaptation.transformer(py)?;
        let class = entry.get().class.bind(py);
        let made = transformer
            .get()
            .dumper_of_type(transformer, class, oid, number)?;
        Ok(Self::Object(made))
    }
}
