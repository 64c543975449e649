//! Ranges and multiranges.
//!
//! The class `Range` itself takes its type from its bounds. Ints have none: the server does not turn an `int4range`
//! into an `int8range`, so that it has to choose itself, by the context, from text. The subclasses have their type.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{self, Format};
use howdah_types::oid::{self, TypeKind};
use howdah_types::range::{Range, range_to_binary, range_to_text};
use howdah_types::{EncodeError, IsNull, length};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

use super::plan::DumperPlan;
use super::written::{as_binary, as_text};
use super::{datetime, dump, list, mixture, number, structured};
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;
use crate::imports::{self, Imported};
use crate::memory;
use crate::nested::Nested;
use crate::types::Types;

/// A `Range`, or a `Multirange` if `several`, of no particular type.
pub(super) fn plain(
    value: &Bound<'_, PyAny>,
    several: bool,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let ranges = members(value, several)?;
    let plan = Plan::of(&ranges, is_plain(value, several)?, want, cx)?;
    let write = |bound: &Bound<'_, PyAny>, out: &mut Vec<u8>, cx: &DumpContext<'_>| {
        plan.bound(bound, out, cx)
    };
    let format = format_of(plan.binary);
    write_all(value.py(), several, format, &ranges, out, cx, &write)?;
    Ok(written(plan.oid(value.py(), several, cx)?, format))
}

/// A range or a multirange of the built-in type `oid`, whose bounds may have a dumper of the user's.
pub(super) fn typed(
    value: &Bound<'_, PyAny>,
    oid: u32,
    several: bool,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let subtype = subtype_of(oid);
    if let Some(adaptation) = cx.adaptation
        && !adaptation.dumps_as_default(py, subtype, want)?
    {
        let target = Target {
            oid,
            format: format_of(want == PyFormat::Binary),
            several,
        };
        let plan = DumperPlan::by_oid(py, subtype, target.format, adaptation)?;
        return by_plan(&target, value, &plan, subtype, out, cx);
    }
    let ranges = members(value, several)?;
    let typed = Typed::of(oid, &ranges, want)?;
    let write =
        |bound: &Bound<'_, PyAny>, out: &mut Vec<u8>, _: &DumpContext<'_>| typed.bound(bound, out);
    let format = format_of(typed.binary);
    write_all(py, several, format, &ranges, out, cx, &write)?;
    Ok(written(oid, format))
}

/// The OID that a `Range` or a `Multirange` of no particular type is sent with.
pub(super) fn type_of(
    value: &Bound<'_, PyAny>,
    several: bool,
    want: PyFormat,
    cx: &DumpContext<'_>,
) -> PyResult<u32> {
    let ranges = members(value, several)?;
    let plan = Plan::of(&ranges, is_plain(value, several)?, want, cx)?;
    plan.oid(value.py(), several, cx)
}

/// Whether the type is a built-in range or multirange.
pub(super) fn is_known(oid: u32) -> bool {
    subtype_of(oid) != 0
}

/// What a range or a multirange is sent as.
pub(super) struct Target {
    pub(super) oid: u32,
    pub(super) format: Format,
    /// Whether it is a multirange.
    pub(super) several: bool,
}

/// A range or a multirange whose bounds are all dumped by one plan, as the type `subtype`.
pub(super) fn by_plan(
    target: &Target,
    value: &Bound<'_, PyAny>,
    plan: &DumperPlan<'_>,
    subtype: u32,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let write = |bound: &Bound<'_, PyAny>, out: &mut Vec<u8>, cx: &DumpContext<'_>| {
        plan.dump_typed(bound, subtype, out, cx).map(is_null)
    };
    let ranges = members(value, target.several)?;
    let format = target.format;
    write_all(value.py(), target.several, format, &ranges, out, cx, &write)?;
    Ok(written(target.oid, format))
}

/// Whether there is no bound in a range, or in any of a multirange: such a value is of every type.
pub(super) fn is_unbounded(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let class = Types::get(value.py())?.range.bind(value.py());
    let several = !value.is_instance(class)?;
    Ok(first_bound(&members(value, several)?).is_none())
}

type Ends<'py> = Range<Bound<'py, PyAny>>;

/// How a range whose class says nothing is sent.
struct Plan {
    /// The OID of the bounds, 0 if that is not to be told.
    subtype: u32,
    /// The OID that all bounds must have in binary.
    bound: u32,
    ints: bool,
    strings: bool,
    binary: bool,
}

impl Plan {
    /// `plain` is whether the value is of the very class and not of a subclass of the user's, which has no type.
    fn of(
        ranges: &[Ends<'_>],
        plain: bool,
        want: PyFormat,
        cx: &DumpContext<'_>,
    ) -> PyResult<Self> {
        let mut plan = Self {
            subtype: 0,
            bound: 0,
            ints: false,
            strings: false,
            binary: want == PyFormat::Binary,
        };
        let Some(first) = first_bound(ranges) else {
            return Ok(plan);
        };
        let _nested = Nested::enter(first.py())?;
        if first.is_instance_of::<PyList>() {
            // There are no ranges of arrays, and finding out the type of a list in a list in ... takes long.
            plan.binary = false;
            return Ok(plan);
        }
        plan.ints = first.is_exact_instance_of::<PyInt>();
        plan.binary &= !plan.ints;
        plan.bound = list::element_oid(first, want, cx)?;
        if plain && !plan.ints {
            plan.subtype = plan.bound;
            plan.strings = plan.bound == 0 && first.is_instance_of::<PyString>();
        }
        Ok(plan)
    }

    fn oid(&self, py: Python<'_>, several: bool, cx: &DumpContext<'_>) -> PyResult<u32> {
        let class = if several {
            &imports::MULTIRANGE_INFO
        } else {
            &imports::RANGE_INFO
        };
        match self.registered(py, class, cx)? {
            0 if several => Ok(multirange_over(self.subtype)),
            0 => Ok(oid::range_of(self.subtype)),
            known => Ok(known),
        }
    }

    /// What the user has registered for the bounds' type; strings, which have none, count as text.
    fn registered(&self, py: Python<'_>, class: &Imported, cx: &DumpContext<'_>) -> PyResult<u32> {
        let subtype = if self.strings {
            oid::TEXT
        } else {
            self.subtype
        };
        let Some(adaptation) = cx.adaptation.filter(|_| subtype != 0) else {
            return Ok(0);
        };
        let class = class.get(py)?;
        let info = adaptation
            .map()
            .registry(py)?
            .call_method1(intern!(py, "get_by_subtype"), (class, subtype))?;
        match info.getattr_opt(intern!(py, "oid"))? {
            Some(oid) => oid.extract(),
            None => Ok(0),
        }
    }

    fn bound(
        &self,
        bound: &Bound<'_, PyAny>,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<IsNull> {
        let py = bound.py();
        if self.ints && number::as_int(bound)?.is_none() {
            return Err(not_an_integer(bound));
        }
        let _nested = Nested::enter(py)?;
        let want = if self.binary {
            PyFormat::Binary
        } else {
            PyFormat::Text
        };
        let written = dump(bound, want, out, cx)?;
        if mixture::changes(self.bound, written.oid) {
            return Err(mixture::refused(py, self.bound));
        }
        if self.binary && written.oid != self.bound {
            return Err(error::data(py, "the bounds of a range are not of one type"));
        }
        Ok(is_null(written.null))
    }
}

/// How a range of a known type is sent.
struct Typed {
    subtype: u32,
    binary: bool,
}

impl Typed {
    fn of(oid: u32, ranges: &[Ends<'_>], want: PyFormat) -> PyResult<Self> {
        let subtype = subtype_of(oid);
        let mut binary = want != PyFormat::Text;
        refuse_mixture(ranges, subtype)?;
        // Without a time zone it is a time in the session's, which the server knows best.
        if binary && subtype == oid::TIMESTAMPTZ {
            for bound in bounds(ranges) {
                binary &= !zone_of(bound)?.is_none();
            }
        }
        Ok(Self { subtype, binary })
    }

    fn bound(&self, bound: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<IsNull> {
        memory::room(out, 0)?;
        let written = match (self.subtype, self.binary) {
            (oid::INT4 | oid::INT8, true) => number::int_binary(bound, self.subtype, out)?,
            (oid::INT4 | oid::INT8, false) => {
                let int = number::as_int(bound)?.ok_or_else(|| not_an_integer(bound))?;
                number::int_text(&int, self.subtype, out)?
            }
            (oid::NUMERIC, true) => number::to_numeric(bound, PyFormat::Binary, out)?,
            (oid::NUMERIC, false) => number::to_numeric(bound, PyFormat::Text, out)?,
            (oid::DATE, true) => datetime::date(bound, PyFormat::Binary, out)?,
            (oid::TIMESTAMP, true) => {
                datetime::datetime(&without_zone(bound)?, PyFormat::Binary, out)?
            }
            (_, true) => datetime::datetime(bound, PyFormat::Binary, out)?,
            (_, false) => {
                memory::append(out, bound.str()?.to_str()?.as_bytes())?;
                return Ok(IsNull::No);
            }
        };
        Ok(is_null(written.null))
    }
}

/// Refuses bounds of which only some have a time zone, or a time of day.
///
/// That all of them have what the type has not is for the user to know, who has chosen the type.
fn refuse_mixture(ranges: &[Ends<'_>], subtype: u32) -> PyResult<()> {
    let mut found = (None, None, None);
    for bound in bounds(ranges) {
        match datetime::type_of(bound) {
            Some(oid::DATE) => found.0 = Some(bound),
            Some(oid::TIMESTAMP) => found.1 = Some(bound),
            Some(_) => found.2 = Some(bound),
            None => {}
        }
    }
    match (subtype, found) {
        (oid::DATE, (Some(bound), Some(_), _) | (Some(bound), _, Some(_)))
        | (oid::TIMESTAMP | oid::TIMESTAMPTZ, (_, Some(bound), Some(_))) => {
            Err(mixture::refused(bound.py(), subtype))
        }
        _ => Ok(()),
    }
}

/// Writes the only range, or all of them as a multirange if `several`.
fn write_all(
    py: Python<'_>,
    several: bool,
    format: Format,
    ranges: &[Ends<'_>],
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
    write: &impl Fn(&Bound<'_, PyAny>, &mut Vec<u8>, &DumpContext<'_>) -> PyResult<IsNull>,
) -> PyResult<()> {
    match (format, ranges) {
        (Format::Binary, [range]) if !several => binary(py, range, out, cx, write),
        (Format::Binary, _) => binary_of_all(py, ranges, out, cx, write),
        (Format::Text, [range]) if !several => text(py, range, out, cx, write),
        (Format::Text, _) => text_of_all(py, ranges, out, cx, write),
    }
}

const fn format_of(binary: bool) -> Format {
    if binary { Format::Binary } else { Format::Text }
}

const fn written(oid: u32, format: Format) -> Written {
    match format {
        Format::Text => as_text(oid),
        Format::Binary => as_binary(oid),
    }
}

/// Whether the value is of the very class, and not of a subclass of the user's.
fn is_plain(value: &Bound<'_, PyAny>, several: bool) -> PyResult<bool> {
    let types = Types::get(value.py())?;
    let class = if several {
        &types.multirange
    } else {
        &types.range
    };
    Ok(value.get_type().is(class.bind(value.py())))
}

fn text(
    py: Python<'_>,
    range: &Ends<'_>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
    write: impl Fn(&Bound<'_, PyAny>, &mut Vec<u8>, &DumpContext<'_>) -> PyResult<IsNull>,
) -> PyResult<()> {
    structured::write(py, out, cx, |out, cx| {
        range_to_text(range, out, |bound, out| bound_text(bound, out, cx, &write))
    })
}

fn text_of_all(
    py: Python<'_>,
    ranges: &[Ends<'_>],
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
    write: impl Fn(&Bound<'_, PyAny>, &mut Vec<u8>, &DumpContext<'_>) -> PyResult<IsNull>,
) -> PyResult<()> {
    structured::write(py, out, cx, |out, cx| {
        out.push(b'{');
        for (number, range) in ranges.iter().enumerate() {
            memory::room(out, 0)?;
            if number > 0 {
                out.push(b',');
            }
            range_to_text(range, out, |bound, out| bound_text(bound, out, cx, &write))?;
        }
        out.push(b'}');
        Ok(())
    })
}

/// A bound, with room for quotes behind it.
fn bound_text(
    bound: &Bound<'_, PyAny>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
    write: impl Fn(&Bound<'_, PyAny>, &mut Vec<u8>, &DumpContext<'_>) -> PyResult<IsNull>,
) -> PyResult<IsNull> {
    let start = out.len();
    let null = write(bound, out, cx)?;
    memory::room_for_quotes(bound.py(), out, start)?;
    Ok(null)
}

fn binary(
    py: Python<'_>,
    range: &Ends<'_>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
    write: &impl Fn(&Bound<'_, PyAny>, &mut Vec<u8>, &DumpContext<'_>) -> PyResult<IsNull>,
) -> PyResult<()> {
    let done = range_to_binary(range, out, |bound, out| {
        write(bound, out, cx).map_err(Failed::Raised)
    });
    done.map_err(|failed| failed.raise(py))
}

fn binary_of_all(
    py: Python<'_>,
    ranges: &[Ends<'_>],
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
    write: &impl Fn(&Bound<'_, PyAny>, &mut Vec<u8>, &DumpContext<'_>) -> PyResult<IsNull>,
) -> PyResult<()> {
    let count = i32::try_from(ranges.len()).map_err(|_| error::data(py, "too many ranges"))?;
    out.extend_from_slice(&count.to_be_bytes());
    for range in ranges {
        memory::room(out, 0)?;
        let mark = length::begin(out);
        binary(py, range, out, cx, write)?;
        length::end(out, mark).map_err(|e| error::encode(py, e))?;
    }
    Ok(())
}

enum Failed {
    Raised(PyErr),
    Encode(EncodeError),
}

impl Failed {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Raised(error) => error,
            Self::Encode(error) => error::encode(py, error),
        }
    }
}

impl From<EncodeError> for Failed {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// The range itself, or the ranges of a multirange.
fn members<'py>(value: &Bound<'py, PyAny>, several: bool) -> PyResult<Vec<Ends<'py>>> {
    if several {
        return memory::collect(value.try_iter()?.map(|range| ends(&range?)));
    }
    Ok(vec![ends(value)?])
}

fn ends<'py>(range: &Bound<'py, PyAny>) -> PyResult<Ends<'py>> {
    let py = range.py();
    let brackets = range.getattr(intern!(py, "bounds"))?;
    let brackets = brackets.cast::<PyString>()?.to_str()?;
    if brackets.is_empty() {
        return Ok(Range::Empty);
    }
    let present = |bound: Bound<'py, PyAny>| (!bound.is_none()).then_some(bound);
    let lower = present(range.getattr(intern!(py, "lower"))?);
    let upper = present(range.getattr(intern!(py, "upper"))?);
    Ok(Range::Bounds(howdah_types::range::Bounds {
        lower_inclusive: lower.is_some() && brackets.starts_with('['),
        upper_inclusive: upper.is_some() && brackets.ends_with(']'),
        lower,
        upper,
    }))
}

fn bounds<'a, 'py>(ranges: &'a [Ends<'py>]) -> impl Iterator<Item = &'a Bound<'py, PyAny>> {
    ranges.iter().flat_map(|range| match range {
        Range::Empty => [None, None].into_iter().flatten(),
        Range::Bounds(bounds) => [bounds.lower.as_ref(), bounds.upper.as_ref()]
            .into_iter()
            .flatten(),
    })
}

fn first_bound<'a, 'py>(ranges: &'a [Ends<'py>]) -> Option<&'a Bound<'py, PyAny>> {
    bounds(ranges).next()
}

fn subtype_of(oid: u32) -> u32 {
    match oid::lookup(oid).map(|entry| entry.kind) {
        Some(TypeKind::Range { subtype, .. } | TypeKind::Multirange { subtype, .. }) => subtype,
        _ => 0,
    }
}

/// The OID of the multirange over a type, 0 if there is none.
fn multirange_over(subtype: u32) -> u32 {
    match oid::lookup(oid::range_of(subtype)).map(|entry| entry.kind) {
        Some(TypeKind::Range { multirange, .. }) => multirange,
        _ => 0,
    }
}

fn zone_of<'py>(bound: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    bound.getattr(intern!(bound.py(), "tzinfo"))
}

/// A datetime or time without its time zone.
pub(super) fn without_zone<'py>(bound: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if zone_of(bound)?.is_none() {
        return Ok(bound.clone());
    }
    let none = PyDict::new(bound.py());
    none.set_item(intern!(bound.py(), "tzinfo"), bound.py().None())?;
    bound.call_method(intern!(bound.py(), "replace"), (), Some(&none))
}

const fn is_null(null: wire::IsNull) -> IsNull {
    match null {
        wire::IsNull::Yes => IsNull::Yes,
        wire::IsNull::No => IsNull::No,
    }
}

#[cold]
fn not_an_integer(bound: &Bound<'_, PyAny>) -> PyErr {
    match bound.get_type().name() {
        Ok(name) => error::data(bound.py(), &format!("integer expected, got '{name}'")),
        Err(error) => error,
    }
}
