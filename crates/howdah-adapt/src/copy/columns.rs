//! Columns of a COPY whose types were set: the commonest values have a short way to the type of their column.

use howdah_ffi::values::int_as_i64;
use howdah_protocol::wire::Format;
use howdah_types::oid;
use howdah_types::{boolean, float, int, text};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};

use super::append_plain;
use crate::adaptation::Adaptation;
use crate::codec::DumpCodec;
use crate::context::DumpContext;
use crate::dump::float_text;
use crate::encoding::Encoding;
use crate::format::{BINARY, TEXT};
use crate::memory;

/// A column whose type was set.
#[derive(Debug, Clone, Copy)]
pub struct TypedColumn {
    pub(super) oid: u32,
    quick: Quick,
}

/// What values of the class that goes with the type have a short way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quick {
    Nothing,
    Bool,
    Int2,
    Int4,
    Int8,
    Float8,
    Text,
}

impl TypedColumn {
    /// The columns of these types, as they are dumped by what is registered for them at this moment.
    ///
    /// # Errors
    /// MemoryError.
    pub fn of_types(
        py: Python<'_>,
        types: &[u32],
        is_binary: bool,
        adaptation: &Adaptation,
    ) -> PyResult<Vec<Self>> {
        let place = if is_binary { BINARY } else { TEXT };
        let mut columns = Vec::new();
        for &oid in types {
            let entry = adaptation.map().dumper_by_oid(py, oid, place)?;
            let quick = match entry.and_then(|entry| entry.get().codec) {
                Some(codec) => Quick::of(codec, oid),
                None => Quick::Nothing,
            };
            memory::push(&mut columns, Self { oid, quick })?;
        }
        Ok(columns)
    }

    /// Appends a value, framed as its format wants it, if it is of the class that goes with the type and has nothing special about
    /// it; tells whether it did.
    #[inline]
    pub(super) fn dump(
        self,
        value: &Bound<'_, PyAny>,
        format: Format,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<bool> {
        match self.quick {
            Quick::Nothing => Ok(false),
            Quick::Bool => Ok(bool_to(value, format, out)),
            Quick::Int2 | Quick::Int4 | Quick::Int8 => Ok(self.int_to(value, format, out)),
            Quick::Float8 => float_to(value, format, out),
            Quick::Text => text_to(value, format, out, cx),
        }
    }

    fn int_to(self, value: &Bound<'_, PyAny>, format: Format, out: &mut Vec<u8>) -> bool {
        let number = value.cast_exact::<PyInt>().ok();
        let Some(number) = number.and_then(|number| int_as_i64(number.as_borrowed())) else {
            return false;
        };
        let (short, medium) = (i16::try_from(number), i32::try_from(number));
        match (self.quick, format) {
            (Quick::Int2, _) if short.is_err() => return false,
            (Quick::Int4, _) if medium.is_err() => return false,
            (_, Format::Text) => int::int_to_text(number, out),
            (Quick::Int2, Format::Binary) => {
                out.extend_from_slice(&2_i32.to_be_bytes());
                int::int2_to_binary(short.unwrap_or_default(), out);
            }
            (Quick::Int4, Format::Binary) => {
                out.extend_from_slice(&4_i32.to_be_bytes());
                int::int4_to_binary(medium.unwrap_or_default(), out);
            }
            (_, Format::Binary) => {
                out.extend_from_slice(&8_i32.to_be_bytes());
                int::int8_to_binary(number, out);
            }
        }
        true
    }
}

impl Quick {
    fn of(codec: DumpCodec, oid: u32) -> Self {
        match (codec, oid) {
            (DumpCodec::Bool, oid::BOOL) => Self::Bool,
            (DumpCodec::Integer(oid::INT2), oid::INT2) => Self::Int2,
            (DumpCodec::Integer(oid::INT4), oid::INT4) => Self::Int4,
            (DumpCodec::Integer(oid::INT8), oid::INT8) => Self::Int8,
            (DumpCodec::Float8, oid::FLOAT8) => Self::Float8,
            (DumpCodec::Str, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME) => Self::Text,
            _ => Self::Nothing,
        }
    }
}

fn bool_to(value: &Bound<'_, PyAny>, format: Format, out: &mut Vec<u8>) -> bool {
    let Ok(value) = value.cast_exact::<PyBool>() else {
        return false;
    };
    match format {
        Format::Text => boolean::bool_to_text(value.is_true(), out),
        Format::Binary => {
            out.extend_from_slice(&1_i32.to_be_bytes());
            boolean::bool_to_binary(value.is_true(), out);
        }
    }
    true
}

fn float_to(value: &Bound<'_, PyAny>, format: Format, out: &mut Vec<u8>) -> PyResult<bool> {
    let Ok(number) = value.cast_exact::<PyFloat>() else {
        return Ok(false);
    };
    match format {
        Format::Text => {
            float_text(value.py(), number.value(), oid::FLOAT8, out)?;
        }
        Format::Binary => {
            out.extend_from_slice(&8_i32.to_be_bytes());
            float::float8_to_binary(number.value(), out);
        }
    }
    Ok(true)
}

fn text_to(
    value: &Bound<'_, PyAny>,
    format: Format,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<bool> {
    let Ok(value) = value.cast_exact::<PyString>() else {
        return Ok(false);
    };
    if cx.encoding != Encoding::Utf8 {
        return Ok(false);
    }
    let bytes = value.to_str()?.as_bytes();
    match format {
        Format::Text => return append_plain(bytes, out),
        Format::Binary => {
            let Ok(length) = i32::try_from(bytes.len()) else {
                return Ok(false);
            };
            if text::has_nul(bytes) {
                return Ok(false);
            }
            memory::append(out, &length.to_be_bytes())?;
            memory::append(out, bytes)?;
        }
    }
    Ok(true)
}
