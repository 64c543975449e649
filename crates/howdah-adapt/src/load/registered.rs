//! Loaders of the user's: which one loads a type is asked of the map of adapters.

use std::sync::{Arc, Mutex};

use howdah_protocol::connection::Columns;
use howdah_protocol::wire::Format;
use howdah_types::{oid, transcode};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use super::{Loader, array, enumeration, record};
use crate::adaptation::Adaptation;
use crate::codec::LoadCodec;
use crate::context::LoadContext;
use crate::dump::class_function;
use crate::error;
use crate::format::{BINARY, TEXT};
use crate::lock;
use crate::memory;
use crate::nested::Nested;

/// The columns that default loaders were last chosen for: those of a prepared statement stay the same.
#[derive(Debug, Default)]
pub struct LastLoaders(Mutex<Option<(Columns, Arc<[Loader]>)>>);

impl LastLoaders {
    /// The loaders for the columns of a result where the user has registered none.
    #[inline]
    pub fn defaults(&self, columns: &Columns) -> Arc<[Loader]> {
        let mut last = lock(&self.0);
        if let Some((known, loaders)) = last.as_ref()
            && Arc::ptr_eq(known, columns)
        {
            return Arc::clone(loaders);
        }
        let loaders: Arc<[Loader]> = columns
            .iter()
            .map(|field| Loader::by_default(field.type_oid, field.format))
            .collect();
        *last = Some((Arc::clone(columns), Arc::clone(&loaders)));
        loaders
    }
}

/// The loaders for the columns of a result.
///
/// Where the format was left to us (`asked` is false), what was registered since may be for text only: columns that
/// came in binary, automatically, are then loaded as if they had come as text.
///
/// # Errors
/// Those of making a loader of the user's.
pub fn for_columns(
    py: Python<'_>,
    columns: &Columns,
    asked: bool,
    adaptation: &Adaptation,
) -> PyResult<Arc<[Loader]>> {
    let loader_of = |oid, format| {
        if asked || format == Format::Text {
            return of_oid(py, oid, format, adaptation);
        }
        if adaptation.map().binary_is_equal(py, oid) {
            return Ok(Loader::by_default(oid, Format::Binary));
        }
        let loader = of_oid(py, oid, Format::Text, adaptation)?;
        Ok(Loader::ByText(oid, Box::new(loader)))
    };
    columns
        .iter()
        .map(|field| loader_of(field.type_oid, field.format))
        .collect()
}

/// The loaders for values of these types in a format.
///
/// # Errors
/// Those of making a loader of the user's.
pub fn for_types(
    py: Python<'_>,
    types: &[u32],
    format: Format,
    adaptation: &Adaptation,
) -> PyResult<Arc<[Loader]>> {
    let loaders = types.iter().map(|oid| of_oid(py, *oid, format, adaptation));
    loaders.collect()
}

/// The loader for a type and a format.
///
/// # Errors
/// Those of making a loader of the user's.
#[inline]
pub(super) fn find(
    py: Python<'_>,
    oid: u32,
    format: Format,
    cx: &LoadContext<'_>,
) -> PyResult<Loader> {
    match cx.own_loaders() {
        None => Ok(Loader::by_default(oid, format)),
        Some(adaptation) => of_oid(py, oid, format, adaptation),
    }
}

/// The loader that a class or an instance of one with a codec stands for.
///
/// # Errors
/// AttributeError and TypeError for a class that lacks what its codec needs; RecursionError.
pub(crate) fn of_class(
    owner: &Bound<'_, PyAny>,
    codec: LoadCodec,
    format: Format,
    adaptation: &Adaptation,
) -> PyResult<Loader> {
    let py = owner.py();
    let binary = format == Format::Binary;
    let nested = || {
        let oid = owner.getattr(intern!(py, "subtype_oid"))?.extract()?;
        of_oid(py, oid, format, adaptation).map(Box::new)
    };
    Ok(match codec {
        LoadCodec::Json | LoadCodec::Jsonb => {
            let class = owner.cast::<PyType>()?;
            let loads = class_function(class, intern!(py, "_loads"))?;
            json_by(loads, matches!(codec, LoadCodec::Jsonb), format)
        }
        LoadCodec::Array if binary => Loader::ArrayBinary(Box::new(array::BinaryElements {
            // The array says itself what is in it.
            oid: 0,
            loader: Loader::Bytes,
        })),
        LoadCodec::Array => text_array(owner, adaptation)?,
        LoadCodec::Range if binary => Loader::RangeBinary(nested()?),
        LoadCodec::Range => Loader::Range(nested()?),
        LoadCodec::Multirange if binary => Loader::MultirangeBinary(nested()?),
        LoadCodec::Multirange => Loader::Multirange(nested()?),
        LoadCodec::Composite => {
            let made = Arc::new(record::Composite::of(owner, format, adaptation)?);
            if binary {
                Loader::CompositeBinary(made)
            } else {
                Loader::Composite(made)
            }
        }
        LoadCodec::Enum => Loader::Enum(Arc::new(enumeration::Enumeration::of(owner)?)),
        LoadCodec::Hstore if binary => Loader::HstoreBinary,
        LoadCodec::Hstore => {
            // In text it is a text: what loads those decides what is parsed.
            let text = of_oid(py, oid::TEXT, Format::Text, adaptation)?;
            Loader::Hstore(Box::new(text))
        }
        plain => Loader::plain(plain, binary),
    })
}

/// What the loader makes of the text of a value that came in binary.
pub(super) fn by_text<'py>(
    py: Python<'py>,
    oid: u32,
    data: &[u8],
    loader: &Loader,
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut text = Vec::new();
    // No type has text that is longer in proportion, quotes and escapes of arrays included.
    memory::room(&mut text, 4 * data.len())?;
    transcode::binary_to_text(oid, data, &mut text).map_err(|e| error::decode(py, e, data))?;
    loader.load(py, &text, cx)
}

/// The loader that is registered for a type, else the one for types that are not known.
pub(crate) fn of_oid(
    py: Python<'_>,
    oid: u32,
    format: Format,
    adaptation: &Adaptation,
) -> PyResult<Loader> {
    const INVALID: u32 = 0;
    let _nested = Nested::enter(py)?;
    let number = match format {
        Format::Text => TEXT,
        Format::Binary => BINARY,
    };
    let map = adaptation.map();
    let entry = match map.loader(py, oid, number)? {
        Some(entry) => entry,
        None => map
            .loader(py, INVALID, number)?
            .ok_or_else(|| error::of_class(py, "InterfaceError", "unknown oid loader not found"))?,
    };
    let class = entry.get().class.bind(py);
    match &entry.get().codec {
        Some(codec) => of_class(class, *codec, format, adaptation),
        None => called(class, oid, format, adaptation),
    }
}

/// A loader of the user's own making.
fn called(
    class: &Bound<'_, PyType>,
    oid: u32,
    format: Format,
    adaptation: &Adaptation,
) -> PyResult<Loader> {
    let py = class.py();
    let transformer = adaptation.transformer(py)?;
    let made = transformer
        .get()
        .loader_of(transformer, class, oid, format)?;
    let load = made.getattr(intern!(py, "load"))?;
    Ok(Loader::Python(Arc::new(load.unbind())))
}

fn text_array(owner: &Bound<'_, PyAny>, adaptation: &Adaptation) -> PyResult<Loader> {
    let py = owner.py();
    let element = owner.getattr(intern!(py, "base_oid"))?.extract()?;
    let delimiter = owner.getattr(intern!(py, "delimiter"))?;
    let delimiter = delimiter.cast::<PyBytes>()?.as_bytes().first().copied();
    Ok(Loader::Array(Box::new(array::TextElements {
        loader: of_oid(py, element, Format::Text, adaptation)?,
        delimiter: delimiter.unwrap_or(b','),
    })))
}

/// By a function of the user's, if there is one, else by what `set_json_loads()` set for all.
pub(crate) fn json_by(loads: Option<Bound<'_, PyAny>>, is_jsonb: bool, format: Format) -> Loader {
    let has_version = is_jsonb && format == Format::Binary;
    let loads = loads.map(|loads| Arc::new(loads.unbind()));
    match (loads, has_version) {
        (None, true) => Loader::JsonbBinary,
        (None, false) => Loader::Json,
        (Some(loads), true) => Loader::JsonbBinaryBy(loads),
        (Some(loads), false) => Loader::JsonBy(loads),
    }
}

impl Loader {
    /// That of a codec which has to know nothing of the class.
    fn plain(codec: LoadCodec, binary: bool) -> Self {
        let either = |text: Self, of_binary: Self| if binary { of_binary } else { text };
        match codec {
            LoadCodec::Str => Self::Str,
            LoadCodec::Bytea => either(Self::Bytea, Self::Bytes),
            LoadCodec::Bool => either(Self::Bool, Self::BoolBinary),
            LoadCodec::Int => Self::Int,
            LoadCodec::Int2 => either(Self::Int, Self::Int2Binary),
            LoadCodec::Int4 => either(Self::Int, Self::Int4Binary),
            LoadCodec::Int8 => either(Self::Int, Self::Int8Binary),
            LoadCodec::Oid => either(Self::Int, Self::OidBinary),
            LoadCodec::Float4 => either(Self::Float, Self::Float4Binary),
            LoadCodec::Float8 => either(Self::Float, Self::Float8Binary),
            LoadCodec::Numeric => either(Self::Numeric, Self::NumericBinary),
            LoadCodec::Uuid => either(Self::Uuid, Self::UuidBinary),
            LoadCodec::Date => either(Self::Date, Self::DateBinary),
            LoadCodec::Time => either(Self::Time, Self::TimeBinary),
            LoadCodec::TimeTz => either(Self::TimeTz, Self::TimeTzBinary),
            LoadCodec::Timestamp => either(Self::Timestamp, Self::TimestampBinary),
            LoadCodec::TimestampTz => either(Self::TimestampTz, Self::TimestampTzBinary),
            LoadCodec::Interval => either(Self::Interval, Self::IntervalBinary),
            LoadCodec::Inet => either(Self::Inet, Self::InetBinary),
            LoadCodec::Cidr => either(Self::Cidr, Self::CidrBinary),
            LoadCodec::Record => either(Self::Record, Self::RecordBinary),
            // `Bytes`: those that have to know the class do not come here.
            _ => Self::Bytes,
        }
    }
}
