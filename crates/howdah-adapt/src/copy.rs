//! Rows of a COPY: Python values to its formats, and back.
//!
//! A row of the binary format is laid out as a DataRow is, and one of the text format is turned into that: both are then loaded
//! as rows of results are. Source: PostgreSQL documentation, "COPY", "File Formats".

use std::sync::Arc;

use howdah_protocol::connection::Written;
use howdah_protocol::wire::backend::{check_data_row, fields};
use howdah_protocol::wire::{Format, IsNull};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::adaptation::Adaptation;
use crate::context::{DumpContext, LoadContext};
use crate::dump::{dump, dump_as_type};
use crate::encoding::{Encoding, multibyte};
use crate::error;
use crate::format::PyFormat;
use crate::load::{self, Loader};
use crate::memory;

/// What stands before the rows of the binary format: the signature, the flags, and the length of an extension.
pub const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands behind them.
pub const BINARY_TRAILER: &[u8] = &[0xff, 0xff];

/// The length of the signature in the header.
const SIGNATURE: usize = 11;

/// Appends a row in the text format. `types` are those of the columns, whatever the classes of the values.
///
/// # Errors
/// Those of [`dump`]; `out` then holds part of the row.
pub fn dump_text<'py>(
    values: impl Iterator<Item = Bound<'py, PyAny>>,
    types: Option<&[u32]>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    let mut field = Vec::new();
    for (number, value) in values.enumerate() {
        memory::room(out, 0)?;
        if number > 0 {
            out.push(b'\t');
        }
        field.clear();
        let oid = types.and_then(|types| types.get(number));
        match dump_field(&value, oid, Format::Text, &mut field, cx)?.null {
            IsNull::Yes => memory::append(out, b"\\N")?,
            IsNull::No => escape(&field, out, cx.encoding)?,
        }
    }
    memory::append(out, b"\n")
}

/// Appends a row in the binary format, as [`dump_text`].
///
/// # Errors
/// The same, and DataError for a row or value that is too long.
pub fn dump_binary<'py>(
    py: Python<'py>,
    values: impl Iterator<Item = Bound<'py, PyAny>>,
    types: Option<&[u32]>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    let start = out.len();
    memory::append(out, &[0, 0])?;
    let mut count: i16 = 0;
    for (number, value) in values.enumerate() {
        let oid = types.and_then(|types| types.get(number));
        let place = out.len();
        memory::append(out, &(-1_i32).to_be_bytes())?;
        let null = dump_field(&value, oid, Format::Binary, out, cx)?.null;
        let begin = place + 4;
        if matches!(null, IsNull::Yes) {
            out.truncate(begin);
        } else {
            let len = i32::try_from(out.len() - begin);
            let len = len.map_err(|_| error::data(py, "a value of a COPY is too long"))?;
            patch(out, place, &len.to_be_bytes());
        }
        let next = count.checked_add(1);
        count = next.ok_or_else(|| error::data(py, "a row of a COPY has too many values"))?;
    }
    patch(out, start, &count.to_be_bytes());
    Ok(())
}

fn patch(out: &mut [u8], place: usize, bytes: &[u8]) {
    if let Some(room) = out.get_mut(place..place + bytes.len()) {
        room.copy_from_slice(bytes);
    }
}

#[inline]
fn dump_field(
    value: &Bound<'_, PyAny>,
    oid: Option<&u32>,
    format: Format,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    match oid {
        Some(oid) => dump_as_type(value, *oid, format, out, cx),
        None => {
            let want = match format {
                Format::Text => PyFormat::Text,
                Format::Binary => PyFormat::Binary,
            };
            dump(value, want, out, cx)
        }
    }
}

/// Appends a value of the text format with its special characters escaped.
fn escape(field: &[u8], out: &mut Vec<u8>, encoding: Encoding) -> PyResult<()> {
    let codec = embedding(encoding);
    // Each byte may become two.
    memory::room(out, field.len().saturating_mul(2))?;
    let mut rest = field;
    while !rest.is_empty() {
        let plain = rest.iter().position(|byte| is_special(*byte, codec));
        let (before, from) = rest.split_at(plain.unwrap_or(rest.len()));
        out.extend_from_slice(before);
        let Some((&byte, behind)) = from.split_first() else {
            break;
        };
        rest = behind;
        if !byte.is_ascii() {
            let len = codec.and_then(|codec| multibyte::length(codec, from));
            let (character, behind) = from.split_at(len.unwrap_or(1).min(from.len()));
            out.extend_from_slice(character);
            rest = behind;
            continue;
        }
        let letter = match byte {
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            other => other,
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
    Ok(())
}

fn is_special(byte: u8, codec: Option<&str>) -> bool {
    matches!(byte, 8..=13 | b'\\') || (codec.is_some() && !byte.is_ascii())
}

/// The codec of an encoding whose characters may have the byte of a backslash in them.
fn embedding(encoding: Encoding) -> Option<&'static str> {
    match encoding {
        Encoding::Python(
            codec @ ("shift_jis" | "shift_jis_2004" | "big5" | "gbk" | "gb18030" | "cp949"
            | "johab"),
        ) => Some(codec),
        _ => None,
    }
}

/// What the messages of a COPY TO are read by.
pub struct RowReader {
    /// Whether it is the binary format.
    pub is_binary: bool,
    /// How many columns there are, as the server said.
    pub columns: usize,
    /// Loaders by column, where types were set.
    pub loaders: Option<Arc<[Loader]>>,
}

impl RowReader {
    /// The loaders for columns of these types.
    ///
    /// # Errors
    /// Those of making a loader of the user's.
    pub fn set_types(
        &mut self,
        py: Python<'_>,
        types: &[u32],
        adaptation: &Adaptation,
    ) -> PyResult<()> {
        self.loaders = Some(load::for_types(py, types, self.format(), adaptation)?);
        Ok(())
    }

    fn format(&self) -> Format {
        if self.is_binary {
            Format::Binary
        } else {
            Format::Text
        }
    }

    /// The row in a message; `None` if there is none in it, as in the last of the binary format. `is_first` says whether it is the
    /// first message.
    ///
    /// # Errors
    /// DataError for what is not in the format, or does not have as many values as there are types; those of [`Loader::load`].
    pub fn row<'py>(
        &self,
        py: Python<'py>,
        message: &[u8],
        is_first: bool,
        cx: &LoadContext<'_>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let mut made = Vec::new();
        let body = if self.is_binary {
            let body = match is_first {
                true => behind_header(message).ok_or_else(|| malformed(py))?,
                false => message,
            };
            if body.is_empty() || body == BINARY_TRAILER {
                return Ok(None);
            }
            body
        } else {
            split(message, self.columns, &mut made, cx.encoding)?.ok_or_else(|| malformed(py))?;
            made.as_slice()
        };
        let count = body
            .first_chunk::<2>()
            .map(|count| u16::from_be_bytes(*count));
        let count = usize::from(count.ok_or_else(|| malformed(py))?);
        // The last row may have the trailer behind it.
        let body = body
            .strip_suffix(BINARY_TRAILER)
            .filter(|body| self.is_binary && check_data_row(body, count).is_ok())
            .unwrap_or(body);
        check_data_row(body, count).map_err(|_| malformed(py))?;
        self.load(py, body, count, cx).map(Some)
    }

    fn load<'py>(
        &self,
        py: Python<'py>,
        body: &[u8],
        count: usize,
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let Some(loaders) = &self.loaders else {
            let loaders = match cx.adaptation {
                Some(adaptation) => load::for_types(py, &[0], self.format(), adaptation)?,
                None => Arc::from([]),
            };
            let loader = loaders.first().cloned().unwrap_or(Loader::Bytes);
            let loaders = vec![loader; count];
            return load::load_row(py, fields(body), &loaders, cx);
        };
        if loaders.len() != count {
            let text = format!(
                "the row has {count} values, and {} types were set",
                loaders.len()
            );
            return Err(error::of_class(py, "ProgrammingError", &text));
        }
        load::load_row(py, fields(body), loaders, cx)
    }
}

fn malformed(py: Python<'_>) -> PyErr {
    error::data(py, "a message of the COPY is not a row of its format")
}

/// What is behind the header of the binary format.
fn behind_header(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(BINARY_HEADER.get(..SIGNATURE)?)?;
    let (_flags, rest) = rest.split_first_chunk::<4>()?;
    let (extension, rest) = rest.split_first_chunk::<4>()?;
    let extension = usize::try_from(u32::from_be_bytes(*extension)).ok()?;
    rest.get(extension..)
}

/// Writes a row of the text format as the body of a DataRow; `None` if it is none.
fn split(
    message: &[u8],
    columns: usize,
    out: &mut Vec<u8>,
    encoding: Encoding,
) -> PyResult<Option<()>> {
    let Some(line) = message.strip_suffix(b"\n") else {
        return Ok(None);
    };
    let codec = embedding(encoding);
    memory::append(out, &[0, 0])?;
    memory::room(out, line.len())?;
    let mut count: u16 = 0;
    let mut rest = Some(line).filter(|line| columns > 0 || !line.is_empty());
    while let Some(text) = rest {
        let Some(next) = count.checked_add(1) else {
            return Ok(None);
        };
        count = next;
        let place = out.len();
        memory::append(out, &(-1_i32).to_be_bytes())?;
        rest = if text.starts_with(b"\\N") && matches!(text.get(2), None | Some(b'\t')) {
            text.get(3..)
        } else {
            let Some(rest) = unescape(text, out, codec)? else {
                return Ok(None);
            };
            let Ok(len) = i32::try_from(out.len() - place - 4) else {
                return Ok(None);
            };
            patch(out, place, &len.to_be_bytes());
            rest
        };
    }
    patch(out, 0, &count.to_be_bytes());
    Ok(Some(()))
}

/// Appends the field at the front of `text` without its escapes; with what is behind the tab that ends it. `None` if a line ends
/// in it.
fn unescape<'a>(
    text: &'a [u8],
    out: &mut Vec<u8>,
    codec: Option<&str>,
) -> PyResult<Option<Option<&'a [u8]>>> {
    let mut rest = text;
    loop {
        let place = rest.iter().position(|byte| {
            matches!(byte, b'\t' | b'\n' | b'\\') || (codec.is_some() && !byte.is_ascii())
        });
        let (plain, from) = rest.split_at(place.unwrap_or(rest.len()));
        memory::append(out, plain)?;
        match from {
            [] => return Ok(Some(None)),
            [b'\t', behind @ ..] => return Ok(Some(Some(behind))),
            [b'\\', letter, behind @ ..] => {
                let byte = match letter {
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    other => *other,
                };
                memory::append(out, &[byte])?;
                rest = behind;
            }
            [b'\n' | b'\\', ..] => return Ok(None),
            _ => {
                let len = codec.and_then(|codec| multibyte::length(codec, from));
                let (character, behind) = from.split_at(len.unwrap_or(1).min(from.len()));
                memory::append(out, character)?;
                rest = behind;
            }
        }
    }
}
