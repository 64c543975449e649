//! Rows of a COPY: Python values to its formats, and back.
//!
//! A row of the binary format is laid out as a DataRow is, and one of the text format is turned into that: both are then loaded
//! as rows of results are. Source: PostgreSQL documentation, "COPY", "File Formats".

mod columns;

use std::sync::Arc;

use howdah_ffi::values::int_as_i64;
use howdah_protocol::connection::Written;
pub use howdah_protocol::wire::copy::{BINARY_HEADER, BINARY_TRAILER};
use howdah_protocol::wire::copy::{
    CharacterLength, Malformed, binary_row, escape, plain_values, split,
};
use howdah_protocol::wire::fields;
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::int;
use howdah_types::oid::FLOAT8;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyString, PyTuple};

use crate::adaptation::Adaptation;
use crate::context::{DumpContext, LoadContext};
use crate::dump::{dump, dump_as_type, float_text};
use crate::encoding::{Encoding, multibyte};
use crate::error;
use crate::format::PyFormat;
use crate::load::{self, Loader};
use crate::memory;

pub use columns::TypedColumn;

/// Appends a row in the text format. Values are dumped as the types of `columns` where these are given, whatever their classes.
///
/// # Errors
/// Those of [`dump`]; `out` then holds part of the row.
pub fn dump_text<'a, 'py: 'a>(
    values: impl Iterator<Item = Borrowed<'a, 'py, PyAny>>,
    columns: Option<&[TypedColumn]>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    let mut field = Vec::new();
    let is_quick = cx.encoding == Encoding::Utf8 && cx.own_dumpers().is_none();
    for (number, value) in values.enumerate() {
        memory::room(out, 0)?;
        if number > 0 {
            out.push(b'\t');
        }
        let column = columns.and_then(|columns| columns.get(number));
        let is_done = match column {
            None => is_quick && dump_quickly(&value, out)?,
            Some(column) => column.dump(&value, Format::Text, out, cx)?,
        };
        if is_done {
            continue;
        }
        field.clear();
        match dump_field(&value, column, Format::Text, &mut field, cx)?.null {
            IsNull::Yes => memory::append(out, b"\\N")?,
            IsNull::No => with_length(cx.encoding, |length| escape(&field, out, length))
                .map_err(|_| PyMemoryError::new_err(()))?,
        }
    }
    memory::append(out, b"\n")
}

/// Appends a value in which there is nothing to escape, if it is of one of the commonest classes; tells whether it did. There has to
/// be room for a value of limited length.
#[inline]
fn dump_quickly(value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<bool> {
    if let Ok(text) = value.cast_exact::<PyString>() {
        return append_plain(text.to_str()?.as_bytes(), out);
    }
    if let Ok(number) = value.cast_exact::<PyInt>() {
        let number = int_as_i64(number.as_borrowed());
        if let Some(number) = number {
            int::int_to_text(number, out);
        }
        return Ok(number.is_some());
    }
    if value.is_none() {
        out.extend_from_slice(b"\\N");
        return Ok(true);
    }
    if let Ok(number) = value.cast_exact::<PyFloat>() {
        float_text(value.py(), number.value(), FLOAT8, out)?;
        return Ok(true);
    }
    Ok(false)
}

/// Appends a text in which there is nothing to escape; tells whether it is one.
#[inline]
fn append_plain(text: &[u8], out: &mut Vec<u8>) -> PyResult<bool> {
    let is_plain = !has_special(text);
    if is_plain {
        memory::append(out, text)?;
    }
    Ok(is_plain)
}

/// Whether there may be a byte in a text that is to be escaped or refused.
#[inline]
fn has_special(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const BACKSLASHES: u64 = ONES * 0x5c;
    // Eight at a time: the highest bit of a difference tells which byte was the smaller one.
    let any = |bytes: &[u8; 8]| {
        let bytes = u64::from_ne_bytes(*bytes);
        let others = bytes ^ BACKSLASHES;
        let low = bytes.wrapping_sub(ONES * 14) & !bytes;
        let backslash = others.wrapping_sub(ONES) & !others;
        (low | backslash) & (ONES * 0x80) != 0
    };
    match text.last_chunk::<8>() {
        Some(last) => text.as_chunks::<8>().0.iter().any(any) || any(last),
        None => text.iter().any(|byte| *byte < 14 || *byte == b'\\'),
    }
}

/// Appends a row in the binary format, as [`dump_text`].
///
/// # Errors
/// The same, and DataError for a row or value that is too long.
pub fn dump_binary<'a, 'py: 'a>(
    py: Python<'py>,
    values: impl Iterator<Item = Borrowed<'a, 'py, PyAny>>,
    columns: Option<&[TypedColumn]>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    let cx = &cx.in_copy();
    let start = out.len();
    memory::append(out, &[0, 0])?;
    let mut count: i16 = 0;
    for (number, value) in values.enumerate() {
        memory::room(out, 0)?;
        let column = columns.and_then(|columns| columns.get(number));
        let is_done = match column {
            Some(column) => column.dump(&value, Format::Binary, out, cx)?,
            None => false,
        };
        if !is_done {
            dump_framed(&value, column, out, cx)?;
        }
        let next = count.checked_add(1);
        count = next.ok_or_else(|| error::data(py, "a row of a COPY has too many values"))?;
    }
    patch(out, start, &count.to_be_bytes());
    Ok(())
}

/// A value with its length in front.
fn dump_framed(
    value: &Bound<'_, PyAny>,
    column: Option<&TypedColumn>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    let place = out.len();
    memory::append(out, &(-1_i32).to_be_bytes())?;
    let null = dump_field(value, column, Format::Binary, out, cx)?.null;
    let begin = place + 4;
    if matches!(null, IsNull::Yes) {
        out.truncate(begin);
        return Ok(());
    }
    let len = i32::try_from(out.len() - begin);
    let len = len.map_err(|_| error::data(value.py(), "a value of a COPY is too long"))?;
    patch(out, place, &len.to_be_bytes());
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
    column: Option<&TypedColumn>,
    format: Format,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    match column {
        Some(column) => dump_as_type(value, column.oid, format, out, cx),
        None => {
            let want = match format {
                Format::Text => PyFormat::Text,
                Format::Binary => PyFormat::Binary,
            };
            dump(value, want, out, cx)
        }
    }
}

/// Calls `work` with what finds the characters of an encoding, where they may have the byte of a backslash in them.
fn with_length<T>(encoding: Encoding, work: impl FnOnce(Option<CharacterLength<'_>>) -> T) -> T {
    match encoding {
        Encoding::Python(
            codec @ ("shift_jis" | "shift_jis_2004" | "big5" | "gbk" | "gb18030" | "cp949"
            | "johab"),
        ) => work(Some(&|text| multibyte::length(codec, text))),
        _ => work(None),
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
        if let Some(loaders) = &self.loaders
            && !self.is_binary
            && cx.encoding == Encoding::Utf8
            && let Some(values) = plain_values(message, loaders.len())
        {
            return load::load_row(py, values, loaders, cx).map(Some);
        }
        let mut made = Vec::new();
        let body = if self.is_binary {
            match binary_row(message, is_first, None).map_err(|error| malformed(py, error))? {
                Some(place) => message.get(place).unwrap_or_default(),
                None => return Ok(None),
            }
        } else {
            with_length(cx.encoding, |length| {
                split(message, self.columns, &mut made, length)
            })
            .map_err(|error| malformed(py, error))?;
            made.as_slice()
        };
        let count = body
            .first_chunk::<2>()
            .map_or(0, |count| usize::from(u16::from_be_bytes(*count)));
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

fn malformed(py: Python<'_>, error: Malformed) -> PyErr {
    match error {
        Malformed::NoRow => error::data(py, "a message of the COPY is not a row of its format"),
        Malformed::OutOfMemory(_) => PyMemoryError::new_err(()),
    }
}
