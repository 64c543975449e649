//! Arrays to lists.

use howdah_protocol::wire::Format;
use howdah_types::array::{ArrayBinary, ArrayEvent, ArrayText, Dimension};
use howdah_types::int;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::{Loader, registered, scalar};
use crate::context::LoadContext;
use crate::encoding::Encoding;
use crate::error;
use crate::memory;
use howdah_ffi::values::{ListBuilder, list_of, quick_int};

/// What is in an array that comes as text.
#[derive(Debug, Clone)]
pub struct TextElements {
    pub(super) loader: Loader,
    pub(super) delimiter: u8,
}

/// What is expected in an array that comes in binary; its header may say otherwise.
#[derive(Debug, Clone)]
pub struct BinaryElements {
    pub(super) oid: u32,
    pub(super) loader: Loader,
}

impl TextElements {
    pub(super) fn load<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if matches!(self.loader, Loader::Int)
            && let Some(list) = flat_ints(py, data)
        {
            return Ok(list);
        }
        if matches!(cx.encoding, Encoding::Utf8 | Encoding::SqlAscii) {
            return self.load_plain(py, data, cx);
        }
        // In some encodings a byte of a character looks like a backslash or a brace.
        let text = cx.encoding.load(py, data)?;
        let text = text.cast::<PyString>()?;
        self.load_plain(py, text.to_str()?.as_bytes(), &cx.in_utf8())
    }

    fn load_plain<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let bad = |e| error::decode(py, e, data);
        let mut events = ArrayText::new(data, self.delimiter).map_err(bad)?;
        let mut scratch = Vec::new();
        let mut open: Vec<Vec<Bound<'py, PyAny>>> = Vec::with_capacity(1);
        let mut done = None;
        while let Some(event) = events.next_event().map_err(bad)? {
            let value = match event {
                ArrayEvent::Open => {
                    open.push(Vec::new());
                    continue;
                }
                ArrayEvent::Close => list_of(py, open.pop().unwrap_or_default())?.into_any(),
                ArrayEvent::Null => py.None().into_bound(py),
                ArrayEvent::Element(text) => {
                    let text = memory::unescaped(&text, &mut scratch)?;
                    self.loader.load(py, text, cx)?
                }
            };
            match open.last_mut() {
                Some(list) => memory::push(list, value)?,
                None => done = Some(value),
            }
        }
        match done {
            Some(list) => Ok(list),
            None => Ok(list_of(py, Vec::new())?.into_any()),
        }
    }
}

/// The list for `{1,2,3}`; `None` for anything but integers in a single pair of braces, and if there is no memory.
fn flat_ints<'py>(py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyAny>> {
    let items = data.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let mut ints = Vec::new();
    memory::reserve(&mut ints, items.len() / 4).ok()?;
    for item in items.split(|byte| *byte == b',') {
        let int = int::int8_from_text(item).ok()?;
        memory::push(&mut ints, quick_int(py, int)?).ok()?;
    }
    list_of(py, ints).ok().map(Bound::into_any)
}

impl BinaryElements {
    pub(super) fn load<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(list) = self.flat_ints(py, data) {
            return Ok(list.into_any());
        }
        let mut array = ArrayBinary::new(data).map_err(|e| error::decode(py, e, data))?;
        let dimensions: Vec<Dimension> = array.dimensions().to_vec();
        let loaded = if array.element_oid() == self.oid {
            nest(py, &mut array, &dimensions, &self.loader, cx)?
        } else {
            let loader = registered::find(py, array.element_oid(), Format::Binary, cx)?;
            // No server has those, and a peer could nest them as deep as the message is long.
            if matches!(loader, Loader::ArrayBinary(_)) {
                return Err(error::data(
                    py,
                    "can't parse array: its elements are arrays",
                ));
            }
            nest(py, &mut array, &dimensions, &loader, cx)?
        };
        // Only now it is known whether anything follows the last element.
        array
            .next_element()
            .map_err(|e| error::decode(py, e, data))?;
        Ok(loaded.into_any())
    }

    /// The list for integers of one dimension without a NULL; `None` for anything else.
    #[inline]
    fn flat_ints<'py>(&self, py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyList>> {
        let load = match self.loader {
            Loader::Int2Binary => equally_wide::<6>,
            Loader::Int4Binary => equally_wide::<8>,
            Loader::Int8Binary => equally_wide::<12>,
            _ => return None,
        };
        let (header, elements) = data.split_first_chunk::<20>()?;
        let (fields, _) = header.as_chunks::<4>();
        let [one, _, oid, length, bound] = *fields else {
            return None;
        };
        let usual = one == ONE && bound == ONE && oid == self.oid.to_be_bytes();
        let length = usize::try_from(i32::from_be_bytes(length)).ok()?;
        if usual {
            load(py, elements, length)
        } else {
            None
        }
    }
}

const ONE: [u8; 4] = 1_i32.to_be_bytes();

/// The list of `length` integers that lie in `WIDTH` bytes each, of which the first four say how many follow.
fn equally_wide<'py, const WIDTH: usize>(
    py: Python<'py>,
    data: &[u8],
    length: usize,
) -> Option<Bound<'py, PyList>> {
    let (elements, rest) = data.as_chunks::<WIDTH>();
    if !rest.is_empty() || elements.len() != length {
        return None;
    }
    let width = i32::try_from(WIDTH).ok()? - 4;
    let mut list = ListBuilder::new(py, length).ok()?;
    for element in elements {
        let (size, value) = element.split_first_chunk::<4>()?;
        if i32::from_be_bytes(*size) != width {
            return None;
        }
        let value = match value {
            [a, b] => i64::from(i16::from_be_bytes([*a, *b])),
            [a, b, c, d] => i64::from(i32::from_be_bytes([*a, *b, *c, *d])),
            _ => i64::from_be_bytes(value.try_into().ok()?),
        };
        list.push(quick_int(py, value)?);
    }
    Some(list.finish())
}

/// The lists of one dimension; there are at most six dimensions.
fn nest<'py>(
    py: Python<'py>,
    array: &mut ArrayBinary<'_>,
    dimensions: &[Dimension],
    loader: &Loader,
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyList>> {
    let Some((dimension, inner)) = dimensions.split_first() else {
        return list_of(py, Vec::new());
    };
    let length = usize::try_from(dimension.length).unwrap_or_default();
    if !inner.is_empty() {
        let mut list = ListBuilder::new(py, length)?;
        for _ in 0..length {
            list.push(nest(py, array, inner, loader, cx)?.into_any());
        }
        return Ok(list.finish());
    }
    // A loop of its own for the types that long arrays are made of.
    match loader {
        Loader::Int2Binary => fill(py, array, length, |data| scalar::int2_binary(py, data)),
        Loader::Int4Binary => fill(py, array, length, |data| scalar::int4_binary(py, data)),
        Loader::Int8Binary => fill(py, array, length, |data| scalar::int8_binary(py, data)),
        Loader::Float8Binary => fill(py, array, length, |data| scalar::float8_binary(py, data)),
        _ => fill(py, array, length, |data| loader.load(py, data, cx)),
    }
}

#[inline]
fn fill<'py>(
    py: Python<'py>,
    array: &mut ArrayBinary<'_>,
    length: usize,
    load: impl Fn(&[u8]) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let mut list = ListBuilder::new(py, length)?;
    for _ in 0..length {
        match array
            .next_element()
            .map_err(|e| error::decode(py, e, &[]))?
            .flatten()
        {
            Some(data) => list.push(load(data)?),
            None => list.push(py.None().into_bound(py)),
        }
    }
    Ok(list.finish())
}
