//! Arrays, as lists.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::FieldRef;
use howdah_types::array::{ArrayBinary, ArrayEvent, ArrayText};
use howdah_types::memory::room;
use howdah_types::{Format, LoadContext};

use super::column::Builder;
use super::validity::Validity;
use crate::error::{Error, Fault};

/// Lists, as deep as arrays have dimensions.
pub(super) struct Lists {
    /// The lists from the outermost on: what is in each, and where each ends.
    levels: Vec<Level>,
    elements: Box<dyn Builder>,
    element_oid: u32,
    delimiter: u8,
    validity: Validity,
    scratch: Vec<u8>,
}

struct Level {
    item: FieldRef,
    ends: Vec<i32>,
}

impl Lists {
    /// Lists in lists, the items of each being these fields, of elements of a type.
    pub(super) fn new(
        items: Vec<FieldRef>,
        elements: Box<dyn Builder>,
        element_oid: u32,
        delimiter: u8,
    ) -> Self {
        let level = |item| Level {
            item,
            ends: vec![0],
        };
        Self {
            levels: items.into_iter().map(level).collect(),
            elements,
            element_oid,
            delimiter,
            validity: Validity::default(),
            scratch: Vec::new(),
        }
    }

    fn binary(&mut self, raw: &[u8], cx: &LoadContext) -> Result<(), Fault> {
        let mut array = ArrayBinary::new(raw)?;
        if array.remaining() > 0 && array.element_oid() != self.element_oid {
            return Err(Fault::Other("elements of another type than the array's"));
        }
        let mut lengths = [0; howdah_types::array::MAX_DIMENSIONS];
        let dimensions = array.dimensions();
        self.check_depth(dimensions.len())?;
        for (length, dimension) in lengths.iter_mut().zip(dimensions) {
            *length = usize::try_from(dimension.length).unwrap_or_default();
        }
        let deepest = dimensions.len();
        while let Some(element) = array.next_element()? {
            self.elements.push(element, Format::Binary, cx)?;
        }
        // Of a list in lists there are as many as the lengths of those around it say.
        let mut lists = 1_usize;
        for (level, length) in (1..deepest).zip(lengths) {
            lists = lists.saturating_mul(length);
            let inner = lengths.get(level).copied().unwrap_or_default();
            for _ in 0..lists {
                self.end_list(level, inner)?;
            }
        }
        let outer = lengths.first().copied().unwrap_or_default();
        self.end_list(0, outer)
    }

    fn text(&mut self, raw: &[u8], cx: &LoadContext) -> Result<(), Fault> {
        let mut array = ArrayText::new(raw, self.delimiter)?;
        // How many items there are in each list that is open.
        let mut open = [0_usize; howdah_types::array::MAX_DEPTH as usize];
        let mut depth = 0_usize;
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(event) = array.next_event()? {
            match event {
                ArrayEvent::Open => {
                    if let Some(outer) = depth.checked_sub(1).and_then(|at| open.get_mut(at)) {
                        *outer += 1;
                    }
                    if let Some(items) = open.get_mut(depth) {
                        *items = 0;
                    }
                    depth += 1;
                    if depth > self.levels.len() {
                        return Err(self.other_depth(depth));
                    }
                }
                ArrayEvent::Close => {
                    depth = depth.saturating_sub(1);
                    self.end_list(depth, open.get(depth).copied().unwrap_or_default())?;
                }
                ArrayEvent::Null | ArrayEvent::Element(_) => {
                    self.check_depth(depth)?;
                    let element = match &event {
                        ArrayEvent::Element(text) => Some(text.try_bytes(&mut scratch)?),
                        _ => None,
                    };
                    self.elements.push(element, Format::Text, cx)?;
                    if let Some(items) = depth.checked_sub(1).and_then(|at| open.get_mut(at)) {
                        *items += 1;
                    }
                }
            }
        }
        self.scratch = scratch;
        Ok(())
    }

    /// Fails for an array of other dimensions than the lists, if it is not empty.
    fn check_depth(&self, dimensions: usize) -> Result<(), Fault> {
        if dimensions == 0 || dimensions == self.levels.len() {
            return Ok(());
        }
        Err(self.other_depth(dimensions))
    }

    #[cold]
    fn other_depth(&self, dimensions: usize) -> Fault {
        let text = format!(
            "an array of {dimensions} dimensions, where lists of {} are made: override the type of the column",
            self.levels.len()
        );
        Fault::Said(text.into())
    }

    /// Notes the end of a list of so many items.
    fn end_list(&mut self, level: usize, items: usize) -> Result<(), Fault> {
        let Some(level) = self.levels.get_mut(level) else {
            return Ok(());
        };
        let start = level.ends.last().copied().unwrap_or_default();
        let end = i32::try_from(items)
            .ok()
            .and_then(|items| start.checked_add(items));
        let end = end.ok_or(Fault::Other("more than 2147483647 elements in one batch"))?;
        room(&mut level.ends, 1)?;
        level.ends.push(end);
        Ok(())
    }
}

impl Builder for Lists {
    fn push(
        &mut self,
        value: Option<&[u8]>,
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        self.validity.push(value.is_some())?;
        match (value, format) {
            (None, _) => self.end_list(0, 0),
            (Some(raw), Format::Binary) => self.binary(raw, cx),
            (Some(raw), Format::Text) => self.text(raw, cx),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let mut array = self.elements.finish()?;
        let mut nulls = Some(self.validity.finish());
        for (depth, level) in self.levels.iter_mut().enumerate().rev() {
            let ends = std::mem::replace(&mut level.ends, vec![0]);
            let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
            let nulls = if depth == 0 {
                nulls.take().flatten()
            } else {
                None
            };
            let list = ListArray::try_new(Arc::clone(&level.item), offsets, array, nulls)?;
            array = Arc::new(list);
        }
        Ok(array)
    }
}
