//! Values in values: lists, ranges, structs.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use howdah_types::array::{ArrayWriter, MAX_DIMENSIONS};
use howdah_types::range::{Bounds, Range, range_to_binary};
use howdah_types::{IsNull, composite, length};

use super::encode::{Encode, encoder};
use super::values::Get;
use crate::build::RANGE_FIELDS;
use crate::error::Fault;
use crate::node::Node;

/// The items of a list array, and where those of each list begin and end.
type Lists = (ArrayRef, Get<(usize, usize)>);

/// Where the lists of one depth begin and end, and which are NULL.
type Level = (Get<(usize, usize)>, Option<NullBuffer>);

fn lists(array: &ArrayRef) -> Option<Lists> {
    let place = |at: i64| usize::try_from(at).unwrap_or_default();
    Some(match array.data_type() {
        DataType::List(_) => {
            let array = array.as_list_opt::<i32>()?;
            let (items, offsets) = (array.values().clone(), array.offsets().clone());
            let at = move |row: usize| place(offsets.get(row).copied().unwrap_or_default().into());
            (items, Box::new(move |row| (at(row), at(row + 1))))
        }
        DataType::LargeList(_) => {
            let array = array.as_list_opt::<i64>()?;
            let (items, offsets) = (array.values().clone(), array.offsets().clone());
            let at = move |row: usize| place(offsets.get(row).copied().unwrap_or_default());
            (items, Box::new(move |row| (at(row), at(row + 1))))
        }
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).ok()?;
            let items = array.as_fixed_size_list_opt()?.values().clone();
            (items, Box::new(move |row| (row * size, (row + 1) * size)))
        }
        _ => return None,
    })
}

/// Values that may be NULL.
struct Part {
    nulls: Option<NullBuffer>,
    encode: Encode,
}

impl Part {
    fn new(node: &Node, array: &ArrayRef) -> Option<Self> {
        Some(Self {
            nulls: array.logical_nulls(),
            encode: encoder(node, array)?,
        })
    }

    fn is_null(&self, row: usize) -> bool {
        let nulls = self.nulls.as_ref();
        nulls.is_some_and(|nulls| nulls.is_null(row))
    }
}

/// An array of lists, or of lists in lists that are as long as each other.
pub(super) fn list(element: &Node, array: &ArrayRef) -> Option<Encode> {
    let mut levels: Vec<Level> = Vec::new();
    let mut inner = array.clone();
    let mut elements = loop {
        let nulls = inner.logical_nulls();
        let (items, places) = lists(&inner)?;
        levels.push((places, nulls));
        if let Some(elements) = Part::new(element, &items) {
            break elements;
        }
        if levels.len() == MAX_DIMENSIONS {
            return None;
        }
        inner = items;
    };
    let oid = element.oid;
    Some(Box::new(move |row, out| {
        let (mut first, mut last) = (row, row + 1);
        let mut lengths = Vec::with_capacity(levels.len());
        for (depth, (places, nulls)) in levels.iter().enumerate() {
            let (start, end) = (places(first).0, places(last - 1).1);
            let length = (end - start) / (last - first);
            let ragged = (first..last).any(|list| {
                let (start, end) = places(list);
                let null = depth > 0 && nulls.as_ref().is_some_and(|nulls| nulls.is_null(list));
                end - start != length || null
            });
            if ragged {
                return Err(Fault::Other(
                    "lists in a list that differ in length, or are NULL",
                ));
            }
            lengths.push(length);
            (first, last) = (start, end);
            if first == last {
                lengths.clear();
                break;
            }
        }
        let mut writer = ArrayWriter::begin(out, oid, &lengths)?;
        let mut is_text = false;
        for item in first..last {
            if elements.is_null(item) {
                writer.null(out);
                continue;
            }
            let mark = length::begin(out);
            is_text |= (elements.encode)(item, out)?;
            length::end(out, mark)?;
        }
        writer.finish(out);
        Ok(is_text)
    }))
}

/// The columns of the struct that stands for a range.
fn range_parts(array: &ArrayRef) -> Option<&StructArray> {
    let array = array.as_struct_opt()?;
    let names = array.column_names();
    (names == RANGE_FIELDS).then_some(array)
}

pub(super) fn range(bound: &Node, array: &ArrayRef) -> Option<Encode> {
    let array = range_parts(array)?;
    let mut lower = Part::new(bound, array.column(0))?;
    let mut upper = Part::new(bound, array.column(1))?;
    let lower_inclusive = array.column(2).as_boolean_opt()?.clone();
    let upper_inclusive = array.column(3).as_boolean_opt()?.clone();
    let empty = array.column(4).as_boolean_opt()?.clone();
    Some(Box::new(move |row, out| {
        let range = if empty.is_valid(row) && empty.value(row) {
            Range::Empty
        } else {
            Range::Bounds(Bounds {
                lower: (!lower.is_null(row)).then_some(false),
                upper: (!upper.is_null(row)).then_some(true),
                lower_inclusive: lower_inclusive.is_valid(row) && lower_inclusive.value(row),
                upper_inclusive: upper_inclusive.is_valid(row) && upper_inclusive.value(row),
            })
        };
        let mut is_text = false;
        range_to_binary(&range, out, |&is_upper, out| {
            let part = if is_upper { &mut upper } else { &mut lower };
            is_text |= (part.encode)(row, out)?;
            Ok::<_, Fault>(IsNull::No)
        })?;
        Ok(is_text)
    }))
}

pub(super) fn multirange(bound: &Node, array: &ArrayRef) -> Option<Encode> {
    let (items, places) = lists(array)?;
    let nulls = items.logical_nulls();
    let mut ranges = range(bound, &items)?;
    Some(Box::new(move |row, out| {
        let (start, end) = places(row);
        let count = i32::try_from(end - start).map_err(|_| Fault::Other("too many ranges"))?;
        out.extend_from_slice(&count.to_be_bytes());
        let mut is_text = false;
        for item in start..end {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(item)) {
                return Err(Fault::Other("a multirange with a range that is NULL"));
            }
            let mark = length::begin(out);
            is_text |= ranges(item, out)?;
            length::end(out, mark)?;
        }
        Ok(is_text)
    }))
}

pub(super) fn record(parts: &[(String, Node)], array: &ArrayRef) -> Option<Encode> {
    let array = array.as_struct_opt()?;
    if array.num_columns() != parts.len() {
        return None;
    }
    let columns = parts.iter().zip(array.columns());
    let columns = columns.map(|((_, node), array)| Some((node.oid, Part::new(node, array)?)));
    let mut columns = columns.collect::<Option<Vec<_>>>()?;
    Some(Box::new(move |row, out| {
        composite::begin_binary(out, columns.len())?;
        let mut is_text = false;
        for (oid, part) in &mut columns {
            let mark = composite::begin_field(out, *oid);
            if part.is_null(row) {
                length::end_null(out, mark);
            } else {
                is_text |= (part.encode)(row, out)?;
                length::end(out, mark)?;
            }
        }
        Ok(is_text)
    }))
}
