//! Values as literals of SQL.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::buffer::append_buffer;
use super::encoding::{Encoding, multibyte};
use super::{error, settings};
use crate::memory;
use howdah_ffi::values::bytes;

/// The text of a value as a literal, with its quotes.
///
/// Where there is a backslash in it, it is one of the kind that is read alike whatever the session's
/// `standard_conforming_strings`. Without a connection the encoding is taken for UTF-8.
///
/// Source: PostgreSQL documentation, "Lexical Structure", string constants; libpq's PQescapeLiteral.
///
/// # Errors
/// OperationalError for text that is not in the connection's encoding.
#[pyfunction]
#[pyo3(signature = (value, connection=None))]
pub fn quote_literal<'py>(
    value: &Bound<'py, PyAny>,
    connection: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = value.py();
    let mut raw = Vec::new();
    append_buffer(value, &mut raw)?;
    let settings = settings::of_connection(connection)?;
    let encoding = settings.map_or(Encoding::Utf8, |settings| settings.encoding);
    bytes(py, &quoted(py, &raw, encoding)?)
}

/// The same for bytes in an encoding.
///
/// # Errors
/// As [`quote_literal`].
pub fn quoted(py: Python<'_>, raw: &[u8], encoding: Encoding) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    memory::room(&mut out, 2 * raw.len() + 4)?;
    match encoding {
        Encoding::SqlAscii => escape(raw, &mut out, |_| Some(1)),
        Encoding::Utf8 => {
            std::str::from_utf8(raw).map_err(|_| malformed(py))?;
            escape(raw, &mut out, |_| Some(1))
        }
        // In some encodings a byte of a character looks like a backslash.
        Encoding::Python(_) | Encoding::Unavailable(_) => {
            let codec = encoding.python_name(py)?;
            escape(raw, &mut out, |text| multibyte::length(codec, text))
        }
    }
    .ok_or_else(|| malformed(py))?;
    Ok(out)
}

/// Text with each of some ASCII characters doubled, as it stands between quotes; `what` is what asks, for the error.
///
/// # Errors
/// OperationalError for text that is not in the encoding, or has a NUL.
pub fn doubled(
    py: Python<'_>,
    raw: &[u8],
    encoding: Encoding,
    doubles: &[u8],
    what: &str,
) -> PyResult<Vec<u8>> {
    let codec = match encoding {
        Encoding::SqlAscii | Encoding::Utf8 => "",
        Encoding::Python(_) | Encoding::Unavailable(_) => encoding.python_name(py)?,
    };
    let failed = |why: &str| {
        let message = format!("{what} failed: {why}");
        error::of_class(py, "OperationalError", &message)
    };
    if encoding == Encoding::Utf8 && std::str::from_utf8(raw).is_err() {
        return Err(failed("incomplete or invalid multibyte character"));
    }
    let mut out = Vec::new();
    memory::room(&mut out, 2 * raw.len())?;
    let mut rest = raw;
    while !rest.is_empty() {
        let length = multibyte::length(codec, rest);
        let split = length.and_then(|length| rest.split_at_checked(length));
        let (char, behind) =
            split.ok_or_else(|| failed("incomplete or invalid multibyte character"))?;
        match char {
            [0] => return Err(failed("there is a NUL in the text")),
            [byte] if doubles.contains(byte) => out.push(*byte),
            _ => {}
        }
        out.extend_from_slice(char);
        rest = behind;
    }
    Ok(out)
}

/// Appends text between quotes; `length` is how many bytes of one character are at the front. `None` if one is incomplete.
fn escape(text: &[u8], out: &mut Vec<u8>, length: impl Fn(&[u8]) -> Option<usize>) -> Option<()> {
    let start = out.len();
    out.push(b'\'');
    let mut has_backslash = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (char, behind) = rest.split_at_checked(length(rest)?)?;
        if let [byte @ (b'\'' | b'\\')] = char {
            has_backslash |= *byte == b'\\';
            out.push(*byte);
        }
        out.extend_from_slice(char);
        rest = behind;
    }
    out.push(b'\'');
    if has_backslash {
        // The space keeps it apart from a letter before it.
        out.splice(start..start, *b" E");
    }
    Some(())
}

#[cold]
fn malformed(py: Python<'_>) -> PyErr {
    let message = "escape_literal failed: incomplete or invalid multibyte character";
    error::of_class(py, "OperationalError", message)
}

/// What is put in front of a negative number, so that no comment begins with two dashes.
pub(super) fn number(mut text: Vec<u8>) -> PyResult<Vec<u8>> {
    if text.starts_with(b"-") {
        memory::room(&mut text, 1)?;
        text.insert(0, b' ');
    }
    Ok(text)
}

/// A float or a Decimal: those that are no numbers need quotes and a type.
pub(super) fn special_or_number(text: Vec<u8>, type_name: &str) -> PyResult<Vec<u8>> {
    let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
    let name = if is("nan") {
        "NaN"
    } else if is("inf") || is("infinity") {
        "Infinity"
    } else if is("-inf") || is("-infinity") {
        "-Infinity"
    } else {
        return number(text);
    };
    Ok(format!("'{name}'::{type_name}").into_bytes())
}

/// What follows a quoted literal: the type that it is of, by what is registered of it.
///
/// # Errors
/// Those of the registry.
pub(super) fn type_name(
    registry: &Bound<'_, PyAny>,
    oid: u32,
    encoding: Encoding,
) -> PyResult<Vec<u8>> {
    /// OIDs from here on are not PostgreSQL's own.
    const FIRST_OF_EXTENSIONS: u32 = 8192;
    let py = registry.py();
    let info = registry.call_method1(intern!(py, "get"), (oid,))?;
    if info.is_none() {
        return Ok(Vec::new());
    }
    // `timestamptz` is shorter than `timestamp with time zone`.
    let name = if oid < FIRST_OF_EXTENSIONS {
        info.getattr(intern!(py, "name"))?
    } else {
        info.getattr(intern!(py, "regtype"))?
    };
    let mut out = b"::".to_vec();
    encoding.encode(name.cast::<PyString>()?, &mut out)?;
    let array: u32 = info.getattr(intern!(py, "array_oid"))?.extract()?;
    if oid == array {
        out.extend_from_slice(b"[]");
    }
    Ok(out)
}
