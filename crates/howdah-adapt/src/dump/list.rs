//! Lists to arrays.
//!
//! The type of the array follows from the elements; it is psycopg's for every list. Where psycopg sends text and the
//! binary form means the same, binary is sent: it is quicker to write and to read.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::array::{ArrayWriter, quote_element};
use howdah_types::{length, oid};
use pyo3::exceptions::PyOverflowError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyType};

use super::adapter::Adapter;
use super::plan::DumperPlan;
use super::written::{as_binary, as_text};
use super::{dump_as, mixture, range, scalar, structured};
use crate::adaptation::Adaptation;
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;
use crate::memory;
use crate::nested::Nested;
use crate::types::Kind;
use howdah_ffi::values::int_as_i64;

const DELIMITER: u8 = b',';
/// Far beyond the six dimensions that the server takes, far below what the stack holds.
const MAX_DEPTH: usize = 100;

pub(super) fn list(
    list: &Bound<'_, PyList>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    if want != PyFormat::Text
        && ints_are_default(list.py(), cx)?
        && let Some(ints) = flat_ints(list)?
    {
        return write_ints(list.py(), &ints, out);
    }
    let survey = Survey::of(list)?;
    let Some(element) = survey.element(list, want, cx)? else {
        // Nothing but NULLs has no type, and without one there is only text.
        return write_text(list, 0, 0, DELIMITER, out, cx);
    };
    let text = |delimiter, array_oid, out: &mut Vec<u8>| {
        write_text(list, element.oid, array_oid, delimiter, out, cx)
    };
    let (array_oid, delimiter) = element.array_type(list.py(), want, cx)?;
    let start = out.len();
    match want {
        PyFormat::Binary => match element.write_binary(list, out, cx) {
            Err(Misfit::OnlyText) => {
                out.truncate(start);
                return text(delimiter, array_oid, out);
            }
            done => done.map_err(|e| e.raise(list.py()))?,
        },
        PyFormat::Auto if element.prefers_binary() => match element.write_binary(list, out, cx) {
            Ok(()) => {}
            Err(Misfit::Raised(error)) => return Err(error),
            Err(_) => {
                out.truncate(start);
                return text(delimiter, array_oid, out);
            }
        },
        PyFormat::Auto | PyFormat::Text => return text(delimiter, array_oid, out),
    }
    Ok(as_binary(array_oid))
}

/// A list whose elements are all dumped by one plan, as the type `oid`; in the adapter's format.
///
/// # Errors
/// DataError for lists of unequal lengths or depths in binary, and those of the elements.
pub(super) fn list_of(
    list: &Bound<'_, PyList>,
    plan: &DumperPlan<'_>,
    oid: u32,
    delimiter: u8,
    adapter: &Adapter<'_>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    if adapter.format == Format::Text {
        let _nested = Nested::enter(list.py())?;
        return structured::write(list.py(), out, cx, |out, cx| {
            let write = |item: &Bound<'_, PyAny>, out: &mut Vec<u8>| {
                // Whose type the user has settled.
                element_text(plan, item, 0, delimiter, out, cx)
            };
            write_list(list, delimiter, out, 0, &write)
        });
    }
    let element = Element {
        kind: None,
        oid,
        plan: Some(plan),
        mixed: false,
    };
    element
        .write_binary(list, out, cx)
        .map_err(|misfit| misfit.raise(list.py()))
}

/// The OID that a value has as an element of a list, or as the bound of a range.
pub(super) fn element_oid(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    cx: &DumpContext<'_>,
) -> PyResult<u32> {
    Element::of(value, want, cx).map(|element| element.oid)
}

/// Whether the user has left it to howdah how ints are sent.
fn ints_are_default(py: Python<'_>, cx: &DumpContext<'_>) -> PyResult<bool> {
    let Some(adaptation) = cx.own_dumpers() else {
        return Ok(true);
    };
    let found = adaptation
        .map()
        .dumper(&py.get_type::<PyInt>(), PyFormat::Auto)?;
    Ok(found.is_some_and(|entry| entry.get().is_default()))
}

/// Why a list has no binary form.
enum Misfit {
    /// The lists in it are not all alike.
    Shape(&'static str),
    /// Within one class the type differs: ranges do that.
    Types,
    /// The same, and an element would be taken for another value of this type.
    Mixture(u32),
    /// An element has only a text form.
    OnlyText,
    /// An int of more than 64 bits whose class stands for fewer.
    TooLarge,
    Raised(PyErr),
}

impl Misfit {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Shape(message) => error::data(py, message),
            Self::Mixture(oid) => mixture::refused(py, oid),
            Self::TooLarge => PyOverflowError::new_err("int too large for its type"),
            Self::Types | Self::OnlyText => {
                error::data(py, "cannot dump lists of ranges of different types")
            }
            Self::Raised(error) => error,
        }
    }
}

impl From<PyErr> for Misfit {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

/// The numbers of a list that has nothing but ints up to 64 bits and None, at least one of the former.
fn flat_ints(list: &Bound<'_, PyList>) -> PyResult<Option<Vec<Option<i64>>>> {
    let mut ints = Vec::new();
    memory::reserve(&mut ints, list.len())?;
    for item in list {
        let int = if item.is_none() {
            None
        } else if item.is_exact_instance_of::<PyInt>()
            && let Some(int) = int_as_i64(item.cast::<PyInt>()?.as_borrowed())
        {
            Some(int)
        } else {
            return Ok(None);
        };
        memory::push(&mut ints, int)?;
    }
    Ok(ints.iter().any(Option::is_some).then_some(ints))
}

/// All in the type of the largest.
fn write_ints(py: Python<'_>, ints: &[Option<i64>], out: &mut Vec<u8>) -> PyResult<Written> {
    let known = || ints.iter().flatten().copied();
    let least = scalar::int_oid(known().min().unwrap_or_default());
    let most = scalar::int_oid(known().max().unwrap_or_default());
    let oid = wider(least, most);
    let mut array =
        ArrayWriter::begin(out, oid, &[ints.len()]).map_err(|e| error::encode(py, e))?;
    let width = int_width(oid);
    memory::room(out, ints.len() * (4 + width))?;
    for int in ints {
        match int {
            Some(int) => write_int(*int, width, out),
            None => array.null(out),
        }
    }
    array.finish(out);
    Ok(as_binary(oid::array_of(oid)))
}

#[inline]
fn write_int(int: i64, width: usize, out: &mut Vec<u8>) {
    let bytes = int.to_be_bytes();
    match width {
        2 => {
            out.extend_from_slice(&[0, 0, 0, 2]);
            out.extend_from_slice(&bytes[6..]);
        }
        4 => {
            out.extend_from_slice(&[0, 0, 0, 4]);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.extend_from_slice(&[0, 0, 0, 8]);
            out.extend_from_slice(&bytes);
        }
    }
}

const fn int_width(oid: u32) -> usize {
    match oid {
        oid::INT2 => 2,
        oid::INT4 => 4,
        _ => 8,
    }
}

fn wider(a: u32, b: u32) -> u32 {
    let rank = |oid| match oid {
        oid::INT2 => 0,
        oid::INT4 => 1,
        oid::INT8 => 2,
        _ => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

/// What is in a list and the lists within it.
struct Survey<'py> {
    /// Every class, in the order of its first element, with its last element.
    classes: Vec<(Bound<'py, PyType>, Bound<'py, PyAny>)>,
    /// The OID of the largest int.
    widest_int: u32,
}

impl<'py> Survey<'py> {
    fn of(list: &Bound<'py, PyList>) -> PyResult<Self> {
        let mut survey = Self {
            classes: Vec::new(),
            widest_int: oid::INT2,
        };
        survey.visit(list, &mut Vec::new())?;
        Ok(survey)
    }

    fn visit(
        &mut self,
        list: &Bound<'py, PyList>,
        path: &mut Vec<*mut pyo3::ffi::PyObject>,
    ) -> PyResult<()> {
        if path.contains(&list.as_ptr()) {
            return Err(error::data(list.py(), "cannot dump a recursive list"));
        }
        if path.len() == MAX_DEPTH {
            return Err(error::too_deep(list.py(), "too many nested lists"));
        }
        path.push(list.as_ptr());
        for item in list {
            if let Ok(nested) = item.cast::<PyList>() {
                self.visit(nested, path)?;
            } else if !item.is_none() {
                self.note(item);
            }
        }
        path.pop();
        Ok(())
    }

    fn note(&mut self, item: Bound<'py, PyAny>) {
        if let Ok(int) = item.cast::<PyInt>() {
            let oid = int_as_i64(int.as_borrowed()).map_or(oid::NUMERIC, scalar::int_oid);
            self.widest_int = wider(self.widest_int, oid);
        }
        let class = item.get_type_ptr();
        let known = self
            .classes
            .iter_mut()
            .find(|(known, _)| known.as_type_ptr() == class);
        match known {
            Some((_, last)) => *last = item,
            None => self.classes.push((item.get_type(), item)),
        }
    }

    /// The type of the elements; `None` without any.
    fn element(
        &self,
        list: &Bound<'py, PyList>,
        want: PyFormat,
        cx: &DumpContext<'_>,
    ) -> PyResult<Option<Element<'_, 'py>>> {
        let Some((class, value)) = self.classes.last() else {
            return Ok(None);
        };
        if self.classes.len() > 1 {
            self.check_uniform(want, value.py(), cx)?;
        }
        let mut element = Element::of(value, want, cx)?;
        // Of ints the largest counts; of a subclass the user knows what it is, but for the one that has no size.
        let by_size = match element.kind {
            Some(Kind::Number(oid::NUMERIC)) => want == PyFormat::Binary,
            kind => kind.is_some() && class.is(value.py().get_type::<PyInt>()),
        };
        if by_size {
            element.oid = self.widest_int;
        }
        if want == PyFormat::Binary && element.oid == 0 && element.takes_any(value)? {
            element.oid = type_of_any(list, cx)?;
        }
        element.mixed = self.classes.len() > 1 && cx.own_dumpers().is_some();
        Ok(Some(element))
    }

    fn check_uniform(&self, want: PyFormat, py: Python<'py>, cx: &DumpContext<'_>) -> PyResult<()> {
        let oids: PyResult<Vec<u32>> = self
            .classes
            .iter()
            .map(|(_, value)| Element::of(value, want, cx).map(|element| element.oid))
            .collect();
        if oids?.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(());
        }
        let names: PyResult<Vec<String>> = self
            .classes
            .iter()
            .map(|(class, _)| Ok(class.name()?.to_string()))
            .collect();
        let mut names = names?;
        names.sort();
        let message = format!(
            "cannot dump lists of mixed types; got: {}",
            names.join(", ")
        );
        Err(error::data(py, &message))
    }
}

/// The type that all elements of a list are sent as.
struct Element<'a, 'py> {
    /// `None` if the user has registered a dumper.
    kind: Option<Kind>,
    oid: u32,
    /// The one plan for all of them, where it does not depend on their classes.
    plan: Option<&'a DumperPlan<'py>>,
    /// Whether there are several classes, of which some may have dumpers for text only.
    mixed: bool,
}

impl<'py> Element<'_, 'py> {
    fn of(value: &Bound<'py, PyAny>, want: PyFormat, cx: &DumpContext<'_>) -> PyResult<Self> {
        // What is registered for a list as a whole is for text, unless binary is asked for.
        let format = match want {
            PyFormat::Binary => PyFormat::Binary,
            PyFormat::Auto | PyFormat::Text => PyFormat::Text,
        };
        let kind = match DumperPlan::find(value, want, cx)? {
            DumperPlan::Kind(kind) => kind,
            DumperPlan::Null(_)
            | DumperPlan::Builtin(_)
            | DumperPlan::Settled(_)
            | DumperPlan::Object(_) => {
                let plan = DumperPlan::find(value, format, cx)?;
                return Ok(Self {
                    kind: None,
                    oid: plan.oid(value, format, cx)?,
                    plan: None,
                    mixed: false,
                });
            }
        };
        let oid = match kind {
            // What these call is the user's code, so they are not dumped to find out.
            Kind::Json => oid::JSON,
            Kind::Jsonb => oid::JSONB,
            Kind::Enum => 0,
            Kind::Str if want != PyFormat::Binary => 0,
            Kind::Str => oid::TEXT,
            Kind::Bytes | Kind::Buffer | Kind::Binary => oid::BYTEA,
            Kind::Decimal => oid::NUMERIC,
            Kind::Tuple if want != PyFormat::Binary => 0,
            Kind::Number(oid) if oid != oid::NUMERIC || want != PyFormat::Binary => oid,
            Kind::Numpy(oid) => oid,
            Kind::Address | Kind::Interface => oid::INET,
            Kind::Network => oid::CIDR,
            Kind::RangeOf(oid) | Kind::MultirangeOf(oid) => oid,
            Kind::Range => range::type_of(value, false, want, cx)?,
            Kind::Multirange => range::type_of(value, true, want, cx)?,
            _ => {
                dump_as(
                    kind,
                    value,
                    PyFormat::Binary,
                    &mut Vec::new(),
                    &cx.in_utf8(),
                )?
                .oid
            }
        };
        Ok(Self {
            kind: Some(kind),
            oid,
            plan: None,
            mixed: false,
        })
    }

    /// The OID and the delimiter of the array.
    fn array_type(
        &self,
        py: Python<'_>,
        want: PyFormat,
        cx: &DumpContext<'_>,
    ) -> PyResult<(u32, u8)> {
        if self.oid == 0 {
            let oid = match want {
                PyFormat::Binary => oid::TEXT_ARRAY,
                PyFormat::Auto | PyFormat::Text => 0,
            };
            return Ok((oid, DELIMITER));
        }
        let known = oid::array_of(self.oid);
        if let (0, Some(adaptation)) = (known, cx.adaptation) {
            return registered_array(py, self.oid, adaptation);
        }
        let delimiter = if self.oid == oid::BOX {
            b';'
        } else {
            DELIMITER
        };
        Ok((if known == 0 { oid::TEXT_ARRAY } else { known }, delimiter))
    }

    /// Whether binary means the same as text and is quick to write.
    ///
    /// Of the types that only classes of their own stand for, the integers alone.
    fn prefers_binary(&self) -> bool {
        let Some(kind) = self.kind.filter(|_| !self.mixed) else {
            return false;
        };
        match kind {
            Kind::Str | Kind::Enum | Kind::Json | Kind::Jsonb | Kind::Tuple => false,
            Kind::Address | Kind::Interface | Kind::Network | Kind::Numpy(_) => false,
            Kind::Range | Kind::RangeOf(_) | Kind::Multirange | Kind::MultirangeOf(_) => false,
            Kind::Number(oid) => matches!(oid, oid::INT2 | oid::INT4 | oid::INT8),
            _ => self.oid != oid::NUMERIC,
        }
    }

    /// Whether the item is a range of no type, which is of any.
    fn takes_any(&self, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        match self.kind {
            Some(Kind::Range | Kind::Multirange) => range::is_unbounded(item),
            _ => Ok(false),
        }
    }

    fn write_binary(
        &self,
        list: &Bound<'_, PyList>,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> Result<(), Misfit> {
        let mut lengths = Vec::new();
        if self.plan.is_none() || !list.is_empty() {
            measure(list, &mut lengths)?;
        }
        // An enumeration has no type of its own here.
        let oid = if self.oid == 0 { oid::TEXT } else { self.oid };
        let mut array =
            ArrayWriter::begin(out, oid, &lengths).map_err(|e| Misfit::Shape(e.detail()))?;
        if !lengths.is_empty() {
            self.write_items(list, &lengths, &mut array, out, cx)?;
        }
        array.finish(out);
        Ok(())
    }

    fn write_items(
        &self,
        list: &Bound<'_, PyList>,
        lengths: &[usize],
        array: &mut ArrayWriter,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> Result<(), Misfit> {
        let Some((length, inner)) = lengths.split_first() else {
            return Err(Misfit::Shape(DEPTHS));
        };
        let mut written = 0;
        for item in list {
            written += 1;
            if written > *length {
                break;
            }
            match item.cast::<PyList>() {
                Ok(nested) if !inner.is_empty() => {
                    self.write_items(nested, inner, array, out, cx)?;
                }
                Err(_) if inner.is_empty() => self.write_item(&item, array, out, cx)?,
                _ => return Err(Misfit::Shape(DEPTHS)),
            }
        }
        if written == *length {
            Ok(())
        } else {
            Err(Misfit::Shape(LENGTHS))
        }
    }

    fn write_item(
        &self,
        item: &Bound<'_, PyAny>,
        array: &mut ArrayWriter,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> Result<(), Misfit> {
        memory::room(out, 0)?;
        if item.is_none() {
            array.null(out);
            return Ok(());
        }
        let start = out.len();
        let mark = length::begin(out);
        if let Some(plan) = self.plan {
            let null = plan.dump_typed(item, self.oid, out, cx)?;
            return end_item(null, start, mark, array, out);
        }
        if self.kind.is_some()
            && matches!(self.oid, oid::INT2 | oid::INT4 | oid::INT8)
            && let Ok(int) = item.cast::<PyInt>()
        {
            let int = int_as_i64(int.as_borrowed()).ok_or(Misfit::TooLarge)?;
            if wider(scalar::int_oid(int), self.oid) != self.oid {
                return Err(Misfit::Shape("integer out of range"));
            }
            out.truncate(start);
            write_int(int, int_width(self.oid), out);
            return Ok(());
        }
        let written = self.dump_item(item, out, cx)?;
        if written.null == IsNull::No {
            self.check_item(item, written)?;
        }
        end_item(written.null, start, mark, array, out)
    }

    /// Writes an item by a dumper of its own.
    fn dump_item(
        &self,
        item: &Bound<'_, PyAny>,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<Written> {
        match DumperPlan::find(item, PyFormat::Binary, cx)? {
            DumperPlan::Kind(Kind::Int | Kind::Number(oid::NUMERIC))
                if self.oid == oid::NUMERIC =>
            {
                numeric_int(item, out)
            }
            // Without a type they are elements of an array of text, but for a COPY, whose columns have types.
            DumperPlan::Kind(kind @ (Kind::Range | Kind::Multirange))
                if self.oid == 0 && !cx.in_copy =>
            {
                dump_as(kind, item, PyFormat::Text, out, cx)
            }
            plan => plan.dump(item, PyFormat::Binary, out, cx),
        }
    }

    /// Fails if what an item was written as is no element of the list.
    fn check_item(&self, item: &Bound<'_, PyAny>, written: Written) -> Result<(), Misfit> {
        if written.oid != self.oid && !self.takes_any(item)? {
            return Err(if mixture::changes(self.oid, written.oid) {
                Misfit::Mixture(self.oid)
            } else {
                Misfit::Types
            });
        }
        if written.format == Format::Text && self.oid != 0 {
            return Err(Misfit::OnlyText);
        }
        Ok(())
    }
}

/// Ends an item whose value has been written, unless it is NULL.
fn end_item(
    null: IsNull,
    start: usize,
    mark: usize,
    array: &mut ArrayWriter,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    match null {
        IsNull::Yes => {
            out.truncate(start);
            array.null(out);
            Ok(())
        }
        IsNull::No => length::end(out, mark).map_err(|e| Misfit::Shape(e.detail())),
    }
}

/// The type of the last element in binary that has one, 0 if none has.
fn type_of_any(list: &Bound<'_, PyList>, cx: &DumpContext<'_>) -> PyResult<u32> {
    for item in list.iter().rev().filter(|item| !item.is_none()) {
        let oid = match item.cast::<PyList>() {
            Ok(nested) => type_of_any(nested, cx)?,
            Err(_) => element_oid(&item, PyFormat::Binary, cx)?,
        };
        if oid != 0 {
            return Ok(oid);
        }
    }
    Ok(0)
}

const DEPTHS: &str = "nested lists have inconsistent depths";
const LENGTHS: &str = "nested lists have inconsistent lengths";

/// Lengths of the list and of the first list in it, and so on.
fn measure(list: &Bound<'_, PyList>, lengths: &mut Vec<usize>) -> Result<(), Misfit> {
    let Ok(first) = list.get_item(0) else {
        return Err(Misfit::Shape("lists cannot contain empty lists"));
    };
    lengths.push(list.len());
    match first.cast::<PyList>() {
        Ok(nested) => measure(nested, lengths),
        Err(_) => Ok(()),
    }
}

/// An int among others that are too large for anything but `numeric`.
fn numeric_int(item: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<Written> {
    let Some(int) = int_as_i64(item.cast::<PyInt>()?.as_borrowed()) else {
        return scalar::int(item, PyFormat::Binary, out);
    };
    howdah_types::numeric::int_to_binary(i128::from(int), out)
        .map_err(|e| error::encode(item.py(), e))?;
    Ok(as_binary(oid::NUMERIC))
}

/// What is registered of the array over a type: OID and delimiter.
fn registered_array(py: Python<'_>, element: u32, adaptation: &Adaptation) -> PyResult<(u32, u8)> {
    let registry = adaptation.map().registry(py)?;
    let info = registry.call_method1(intern!(py, "get"), (element,))?;
    if info.is_none() {
        return Ok((oid::TEXT_ARRAY, DELIMITER));
    }
    let oid = info.getattr(intern!(py, "array_oid"))?.extract()?;
    let delimiter: String = info.getattr(intern!(py, "delimiter"))?.extract()?;
    let oid = if oid == 0 { oid::TEXT_ARRAY } else { oid };
    Ok((oid, delimiter.bytes().next().unwrap_or(DELIMITER)))
}

/// The array of the type `oid`, whose elements are of the type `element`; 0 for those that have none.
fn write_text(
    list: &Bound<'_, PyList>,
    element: u32,
    oid: u32,
    delimiter: u8,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let _nested = Nested::enter(list.py())?;
    structured::write(list.py(), out, cx, |out, cx| {
        let write = |item: &Bound<'_, PyAny>, out: &mut Vec<u8>| {
            // Which needs no dumper in a list.
            let plan = if item.is_none() {
                DumperPlan::Null(0)
            } else {
                DumperPlan::find(item, PyFormat::Text, cx)?
            };
            element_text(&plan, item, element, delimiter, out, cx)
        };
        write_list(list, delimiter, out, 0, &write)
    })?;
    Ok(as_text(oid))
}

fn write_list(
    list: &Bound<'_, PyList>,
    delimiter: u8,
    out: &mut Vec<u8>,
    depth: usize,
    write: &impl Fn(&Bound<'_, PyAny>, &mut Vec<u8>) -> PyResult<()>,
) -> PyResult<()> {
    if depth == MAX_DEPTH {
        return Err(error::too_deep(list.py(), "too many nested lists"));
    }
    out.push(b'{');
    for (number, item) in list.iter().enumerate() {
        memory::room(out, 0)?;
        if number > 0 {
            out.push(delimiter);
        }
        match item.cast::<PyList>() {
            Ok(nested) => write_list(nested, delimiter, out, depth + 1, write)?,
            Err(_) => write(&item, out)?,
        }
    }
    out.push(b'}');
    Ok(())
}

fn element_text(
    plan: &DumperPlan<'_>,
    item: &Bound<'_, PyAny>,
    element: u32,
    delimiter: u8,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    let start = out.len();
    let null = if item.is_none() {
        IsNull::Yes
    } else {
        let written = plan.dump(item, PyFormat::Text, out, cx)?;
        if mixture::changes(element, written.oid) {
            return Err(mixture::refused(item.py(), element));
        }
        written.null
    };
    if null == IsNull::Yes {
        out.truncate(start);
        out.extend_from_slice(b"NULL");
    } else if !matches!(plan, DumperPlan::Kind(Kind::Int | Kind::Bool)) {
        memory::room_for_quotes(item.py(), out, start)?;
        quote_element(out, start, delimiter);
    }
    Ok(())
}
