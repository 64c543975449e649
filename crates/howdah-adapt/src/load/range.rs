//! Ranges and multiranges.

use howdah_types::range::{
    Bounds, MultirangeBinary, MultirangeText, Range, range_from_binary, range_from_text,
};
use pyo3::intern;
use pyo3::prelude::*;

use super::Loader;
use crate::context::LoadContext;
use crate::error;
use crate::memory;
use crate::types::Types;
use howdah_ffi::values::{dict, list_of};

/// A range whose bounds are read by `loader`, from text.
pub(super) fn range_text<'py>(
    py: Python<'py>,
    data: &[u8],
    loader: &Loader,
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let range = range_from_text(data).map_err(|e| error::decode(py, e, data))?;
    let mut scratch = Vec::new();
    make(py, range, |bound| {
        loader.load(py, memory::unescaped(&bound, &mut scratch)?, cx)
    })
}

/// A range whose bounds are read by `loader`, from binary.
pub(super) fn range_binary<'py>(
    py: Python<'py>,
    data: &[u8],
    loader: &Loader,
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let range = range_from_binary(data).map_err(|e| error::decode(py, e, data))?;
    make(py, range, |bound| loader.load(py, bound, cx))
}

/// A multirange whose bounds are read by `loader`, from text.
pub(super) fn multirange_text<'py>(
    py: Python<'py>,
    data: &[u8],
    loader: &Loader,
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let bad = |e| error::decode(py, e, data);
    let mut ranges = MultirangeText::new(data).map_err(bad)?;
    let mut scratch = Vec::new();
    let next = || ranges.next_range().map_err(bad);
    make_multirange(py, next, |bound| {
        loader.load(py, memory::unescaped(&bound, &mut scratch)?, cx)
    })
}

/// A multirange whose bounds are read by `loader`, from binary.
pub(super) fn multirange_binary<'py>(
    py: Python<'py>,
    data: &[u8],
    loader: &Loader,
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let bad = |e| error::decode(py, e, data);
    let mut ranges = MultirangeBinary::new(data).map_err(bad)?;
    let next = || ranges.next_range().map_err(bad);
    make_multirange(py, next, |bound| loader.load(py, bound, cx))
}

fn make_multirange<'py, B>(
    py: Python<'py>,
    mut next: impl FnMut() -> PyResult<Option<Range<B>>>,
    mut load: impl FnMut(B) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let made = list_of(py, Vec::new())?;
    while let Some(range) = next()? {
        made.append(make(py, range, &mut load)?)?;
    }
    Types::get(py)?.multirange.bind(py).call1((made,))
}

fn make<'py, B>(
    py: Python<'py>,
    range: Range<B>,
    mut load: impl FnMut(B) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let class = Types::get(py)?.range.bind(py);
    let Range::Bounds(bounds) = range else {
        let empty = dict(py)?;
        empty.set_item(intern!(py, "empty"), true)?;
        return class.call((), Some(&empty));
    };
    let brackets = brackets(&bounds);
    let lower = bounds.lower.map(&mut load).transpose()?;
    let upper = bounds.upper.map(load).transpose()?;
    class.call1((lower, upper, brackets))
}

const fn brackets<B>(bounds: &Bounds<B>) -> &'static str {
    match (bounds.lower_inclusive, bounds.upper_inclusive) {
        (true, true) => "[]",
        (true, false) => "[)",
        (false, true) => "(]",
        (false, false) => "()",
    }
}
