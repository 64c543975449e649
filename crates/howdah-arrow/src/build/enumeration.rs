//! Enums, as dictionaries of their labels.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow_buffer::ScalarBuffer;
use howdah_types::memory::room;
use howdah_types::{Format, LoadContext};

use super::column::Builder;
use super::validity::Validity;
use crate::error::{Error, Fault};

/// Numbers of labels. Those that the catalogue tells come first, in its order.
pub(super) struct Labels {
    known: Vec<String>,
    numbers: HashMap<Box<[u8]>, i32>,
    keys: Vec<i32>,
    validity: Validity,
}

impl Labels {
    pub(super) fn new(labels: &[String]) -> Self {
        let numbered = (0..).zip(labels);
        Self {
            known: labels.to_vec(),
            numbers: numbered
                .map(|(number, label)| (label.as_bytes().into(), number))
                .collect(),
            keys: Vec::new(),
            validity: Validity::default(),
        }
    }

    /// The number of a label, which may have been added to the type since.
    fn number(&mut self, raw: &[u8], cx: &LoadContext) -> Result<i32, Fault> {
        if let Some(&number) = self.numbers.get(raw) {
            return Ok(number);
        }
        let label = std::str::from_utf8(raw).ok();
        let label = label.filter(|label| !cx.other_encoding || label.is_ascii());
        let label = label.ok_or(Fault::Other("a label that is not in UTF-8"))?;
        let number = i32::try_from(self.known.len());
        let number = number.map_err(|_| Fault::Other("too many labels"))?;
        self.known.push(label.to_owned());
        self.numbers.insert(raw.into(), number);
        Ok(number)
    }
}

impl Builder for Labels {
    fn push(&mut self, value: Option<&[u8]>, _: Format, cx: &LoadContext) -> Result<(), Fault> {
        let key = value.map(|raw| self.number(raw, cx)).transpose()?;
        room(&mut self.keys, 1)?;
        self.validity.push(key.is_some())?;
        self.keys.push(key.unwrap_or_default());
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let keys = ScalarBuffer::from(std::mem::take(&mut self.keys));
        let keys = Int32Array::try_new(keys, self.validity.finish())?;
        let labels = StringArray::from_iter_values(&self.known);
        let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(labels))?;
        Ok(Arc::new(array))
    }
}
