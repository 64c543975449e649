//! Ranges, as structs, and multiranges, as lists of them.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, StructArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use howdah_types::memory::room;
use howdah_types::range::{
    Bounds, MultirangeBinary, MultirangeText, Range, range_from_binary, range_from_text,
};
use howdah_types::{Format, LoadContext};

use super::column::Builder;
use super::fixed::Bools;
use super::validity::Validity;
use crate::error::{Error, Fault};

/// The names of the fields of a range.
pub(crate) const RANGE_FIELDS: [&str; 5] = ["lower", "upper", "lower_inc", "upper_inc", "isempty"];

/// The fields of a range with bounds like this field.
pub(super) fn range_fields(bound: &Field) -> Fields {
    let bounds = RANGE_FIELDS
        .iter()
        .take(2)
        .map(|name| bound.clone().with_name(*name));
    let flags = RANGE_FIELDS.iter().skip(2);
    let flags = flags.map(|name| Field::new(*name, DataType::Boolean, true));
    bounds.chain(flags).collect()
}

/// Ranges.
pub(super) struct Ranges {
    fields: Fields,
    lower: Box<dyn Builder>,
    upper: Box<dyn Builder>,
    lower_inclusive: Bools,
    upper_inclusive: Bools,
    empty: Bools,
    validity: Validity,
    scratch: Vec<u8>,
}

impl Ranges {
    pub(super) fn new(fields: Fields, lower: Box<dyn Builder>, upper: Box<dyn Builder>) -> Self {
        Self {
            fields,
            lower,
            upper,
            lower_inclusive: Bools::default(),
            upper_inclusive: Bools::default(),
            empty: Bools::default(),
            validity: Validity::default(),
            scratch: Vec::new(),
        }
    }

    fn append(
        &mut self,
        range: Option<&Range<&[u8]>>,
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        self.validity.push(range.is_some())?;
        let bounds = match range {
            Some(Range::Bounds(bounds)) => Some(bounds),
            _ => None,
        };
        let inside =
            |inclusive: fn(&Bounds<&[u8]>) -> bool| range.map(|_| bounds.is_some_and(inclusive));
        self.lower_inclusive
            .append(inside(|bounds| bounds.lower_inclusive))?;
        self.upper_inclusive
            .append(inside(|bounds| bounds.upper_inclusive))?;
        self.empty
            .append(range.map(|range| matches!(range, Range::Empty)))?;
        self.lower
            .push(bounds.and_then(|bounds| bounds.lower), format, cx)?;
        self.upper
            .push(bounds.and_then(|bounds| bounds.upper), format, cx)
    }

    fn append_text(
        &mut self,
        range: &Range<howdah_types::range::ElementText<'_>>,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        let Range::Bounds(bounds) = range else {
            return self.append(Some(&Range::Empty), Format::Text, cx);
        };
        let mut scratch = (std::mem::take(&mut self.scratch), Vec::new());
        let lower = bounds
            .lower
            .map(|text| text.try_bytes(&mut scratch.0))
            .transpose()?;
        let upper = bounds
            .upper
            .map(|text| text.try_bytes(&mut scratch.1))
            .transpose()?;
        let range = Range::Bounds(Bounds {
            lower,
            upper,
            lower_inclusive: bounds.lower_inclusive,
            upper_inclusive: bounds.upper_inclusive,
        });
        self.append(Some(&range), Format::Text, cx)?;
        self.scratch = scratch.0;
        Ok(())
    }
}

impl Builder for Ranges {
    fn push(
        &mut self,
        value: Option<&[u8]>,
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        match (value, format) {
            (None, _) => self.append(None, format, cx),
            (Some(raw), Format::Binary) => self.append(Some(&range_from_binary(raw)?), format, cx),
            (Some(raw), Format::Text) => self.append_text(&range_from_text(raw)?, cx),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let columns = vec![
            self.lower.finish()?,
            self.upper.finish()?,
            self.lower_inclusive.finish()?,
            self.upper_inclusive.finish()?,
            self.empty.finish()?,
        ];
        let nulls = self.validity.finish();
        Ok(Arc::new(StructArray::try_new(
            self.fields.clone(),
            columns,
            nulls,
        )?))
    }
}

/// Multiranges.
pub(super) struct Multiranges {
    item: FieldRef,
    ranges: Ranges,
    ends: Vec<i32>,
    validity: Validity,
}

impl Multiranges {
    pub(super) fn new(item: FieldRef, ranges: Ranges) -> Self {
        Self {
            item,
            ranges,
            ends: vec![0],
            validity: Validity::default(),
        }
    }

    fn append(&mut self, raw: &[u8], format: Format, cx: &LoadContext) -> Result<(), Fault> {
        match format {
            Format::Binary => {
                let mut ranges = MultirangeBinary::new(raw)?;
                while let Some(range) = ranges.next_range()? {
                    self.ranges.append(Some(&range), format, cx)?;
                }
            }
            Format::Text => {
                let mut ranges = MultirangeText::new(raw)?;
                while let Some(range) = ranges.next_range()? {
                    self.ranges.append_text(&range, cx)?;
                }
            }
        }
        Ok(())
    }
}

impl Builder for Multiranges {
    fn push(
        &mut self,
        value: Option<&[u8]>,
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        self.validity.push(value.is_some())?;
        if let Some(raw) = value {
            self.append(raw, format, cx)?;
        }
        let end = i32::try_from(self.ranges.validity.len());
        let end = end.map_err(|_| Fault::Other("too many ranges in one batch"))?;
        room(&mut self.ends, 1)?;
        self.ends.push(end);
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let ranges = self.ranges.finish()?;
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let nulls = self.validity.finish();
        let list = ListArray::try_new(Arc::clone(&self.item), offsets, ranges, nulls)?;
        Ok(Arc::new(list))
    }
}
