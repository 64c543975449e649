//! Composites, as structs.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::Fields;
use howdah_types::composite::{CompositeBinary, CompositeText};
use howdah_types::{Format, LoadContext};

use super::column::Builder;
use super::validity::Validity;
use crate::error::{Error, Fault};

/// Composites of a known type.
pub(super) struct Records {
    fields: Fields,
    /// A column for each attribute, and the OID of its type.
    columns: Vec<(u32, Box<dyn Builder>)>,
    validity: Validity,
    scratch: Vec<u8>,
}

impl Records {
    pub(super) fn new(fields: Fields, columns: Vec<(u32, Box<dyn Builder>)>) -> Self {
        Self {
            fields,
            columns,
            validity: Validity::default(),
            scratch: Vec::new(),
        }
    }

    fn binary(&mut self, raw: &[u8], cx: &LoadContext) -> Result<(), Fault> {
        let mut fields = CompositeBinary::new(raw)?;
        if fields.remaining() != self.columns.len() {
            return Err(Fault::Other(OTHER_FIELDS));
        }
        for (oid, column) in &mut self.columns {
            match fields.next_field()? {
                Some((found, value)) if found == *oid => column.push(value, Format::Binary, cx)?,
                _ => return Err(Fault::Other(OTHER_FIELDS)),
            }
        }
        fields.next_field()?;
        Ok(())
    }

    fn text(&mut self, raw: &[u8], cx: &LoadContext) -> Result<(), Fault> {
        let mut fields = CompositeText::new(raw)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        for (_, column) in &mut self.columns {
            let field = fields.next_field()?.ok_or(Fault::Other(OTHER_FIELDS))?;
            let value = field.map(|text| text.try_bytes(&mut scratch)).transpose()?;
            column.push(value, Format::Text, cx)?;
        }
        self.scratch = scratch;
        match fields.next_field()? {
            // What has no attributes looks as if it had one that is NULL.
            Some(None) if self.columns.is_empty() => Ok(()),
            Some(_) => Err(Fault::Other(OTHER_FIELDS)),
            None => Ok(()),
        }
    }
}

const OTHER_FIELDS: &str = "a composite with other fields than its type had when it was looked up";

impl Builder for Records {
    fn push(
        &mut self,
        value: Option<&[u8]>,
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        self.validity.push(value.is_some())?;
        match (value, format) {
            (Some(raw), Format::Binary) => self.binary(raw, cx),
            (Some(raw), Format::Text) => self.text(raw, cx),
            (None, _) => {
                let mut columns = self.columns.iter_mut();
                columns.try_for_each(|(_, column)| column.push(None, format, cx))
            }
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let len = self.validity.len();
        let columns = self.columns.iter_mut().map(|(_, column)| column.finish());
        let columns = columns.collect::<Result<_, _>>()?;
        let (fields, nulls) = (self.fields.clone(), self.validity.finish());
        let array = StructArray::try_new_with_length(fields, columns, nulls, len)?;
        Ok(Arc::new(array))
    }
}
