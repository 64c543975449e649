//! The way that a value is dumped: by what its class is by default, or by what the user has registered.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use pyo3::intern;
use pyo3::prelude::*;

use super::{NULL, PyFormat, by_codec, dump_as, scalar};
use crate::adaptation::Adaptation;
use crate::context::DumpContext;
use crate::error;
use crate::registry::{BINARY, DumperEntry, TEXT};
use crate::types::Kind;

/// How a value is dumped.
pub(super) enum Way<'py> {
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

impl<'py> Way<'py> {
    /// The way for a value.
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
            return null(value, adaptation);
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

    /// The way for values that are to be of a type, whatever their class.
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

    pub(super) fn dump(
        &self,
        value: &Bound<'_, PyAny>,
        want: PyFormat,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<Written> {
        match self {
            Self::Kind(kind) => dump_as(*kind, value, want, out, cx),
            Self::Null(oid) => Ok(Written { oid: *oid, ..NULL }),
            Self::Builtin(entry) | Self::Settled(entry) => {
                let is_settled = matches!(self, Self::Settled(_));
                let adapter = by_codec::Adapter::of_entry(entry, is_settled)?;
                by_codec::dump(&adapter, value, out, cx)
            }
            Self::Object(dumper) => called(dumper, value, out, cx),
        }
    }

    /// The OID that a value is sent with.
    pub(super) fn oid(
        &self,
        value: &Bound<'_, PyAny>,
        want: PyFormat,
        cx: &DumpContext<'_>,
    ) -> PyResult<u32> {
        if let Self::Object(dumper) = self {
            return dumper.getattr(intern!(value.py(), "oid"))?.extract();
        }
        if let Self::Builtin(entry) | Self::Settled(entry) = self {
            let is_settled = matches!(self, Self::Settled(_));
            let adapter = by_codec::Adapter::of_entry(entry, is_settled)?;
            if let Some(oid) = adapter.fixed_oid() {
                return Ok(oid);
            }
        }
        let written = self.dump(value, want, &mut Vec::new(), &cx.in_utf8())?;
        Ok(written.oid)
    }

    /// Dumps one of several values that are of one type: the value may not have another.
    pub(super) fn dump_typed(
        &self,
        value: &Bound<'_, PyAny>,
        oid: u32,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<IsNull> {
        if value.is_none() {
            return Ok(IsNull::Yes);
        }
        let written = self.dump(value, PyFormat::Text, out, cx)?;
        if written.format == Format::Binary && written.oid != oid && oid != 0 {
            let name = value.get_type().name()?;
            let message = format!("cannot send a value of type {name} as the type with oid {oid}");
            return Err(error::data(value.py(), &message));
        }
        Ok(written.null)
    }
}

/// None is NULL in any format; of which type, its dumper for text says.
fn null<'py>(value: &Bound<'_, PyAny>, adaptation: &Adaptation) -> PyResult<Way<'py>> {
    let py = value.py();
    let entry = adaptation.map().dumper(&value.get_type(), PyFormat::Text)?;
    let Some(entry) = entry else {
        return Ok(Way::Null(0));
    };
    let oid = entry.get().class.bind(py).getattr(intern!(py, "oid"))?;
    Ok(Way::Null(oid.extract()?))
}

/// What a dumper's method gives.
fn called(
    dumper: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let dumped = dumper.call_method1(intern!(py, "dump"), (value,))?;
    let format: i16 = dumper.getattr(intern!(py, "format"))?.extract()?;
    let mut written = Written {
        oid: dumper.getattr(intern!(py, "oid"))?.extract()?,
        format: Format::from_code(format)
            .ok_or_else(|| error::data(py, &format!("bad format of a dumper: {format}")))?,
        null: IsNull::No,
    };
    if dumped.is_none() {
        written.null = IsNull::Yes;
    } else if written.format == Format::Text {
        cx.append_encoded(py, out, |out| scalar::append_buffer(&dumped, out))?;
    } else {
        scalar::append_buffer(&dumped, out)?;
    }
    Ok(written)
}
