//! Columns of values that all have one size.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, PrimitiveArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, ScalarBuffer};
use arrow_schema::DataType;
use howdah_types::memory::room;
use howdah_types::{Format, LoadContext, boolean, uuid};

use super::column::Builder;
use super::validity::Validity;
use crate::error::{Error, Fault};

/// Numbers, and what Arrow keeps as numbers; `read` makes one.
struct Fixed<T: ArrowPrimitiveType, F> {
    values: Vec<T::Native>,
    validity: Validity,
    data_type: DataType,
    read: F,
}

/// A column of a type whose values `read` makes.
pub(super) fn fixed<T, F>(data_type: DataType, read: F) -> Box<dyn Builder>
where
    T: ArrowPrimitiveType,
    F: Fn(&[u8], Format, &LoadContext) -> Result<T::Native, Fault> + Send + 'static,
{
    Box::new(Fixed::<T, F> {
        values: Vec::new(),
        validity: Validity::default(),
        data_type,
        read,
    })
}

impl<T, F> Builder for Fixed<T, F>
where
    T: ArrowPrimitiveType,
    F: Fn(&[u8], Format, &LoadContext) -> Result<T::Native, Fault> + Send,
{
    #[inline]
    fn push(
        &mut self,
        value: Option<&[u8]>,
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        room(&mut self.values, 1)?;
        self.validity.push(value.is_some())?;
        self.values.push(match value {
            Some(raw) => (self.read)(raw, format, cx)?,
            None => T::Native::default(),
        });
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let values = ScalarBuffer::from(std::mem::take(&mut self.values));
        let array = PrimitiveArray::<T>::try_new(values, self.validity.finish())?;
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
    }
}

/// Truth values, a bit each.
#[derive(Default)]
pub(super) struct Bools {
    bits: Vec<u8>,
    validity: Validity,
}

impl Bools {
    /// Appends one; `None` is NULL.
    pub(super) fn append(&mut self, value: Option<bool>) -> Result<(), Fault> {
        let at = self.validity.len();
        if at.is_multiple_of(8) {
            room(&mut self.bits, 1)?;
            self.bits.push(0);
        }
        self.validity.push(value.is_some())?;
        if value == Some(true)
            && let Some(byte) = self.bits.get_mut(at / 8)
        {
            *byte |= 1 << (at % 8);
        }
        Ok(())
    }
}

impl Builder for Bools {
    fn push(&mut self, value: Option<&[u8]>, format: Format, _: &LoadContext) -> Result<(), Fault> {
        let value = value.map(|raw| match format {
            Format::Binary => boolean::bool_from_binary(raw),
            Format::Text => boolean::bool_from_text(raw),
        });
        self.append(value.transpose()?)
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let bits = Buffer::from_vec(std::mem::take(&mut self.bits));
        let bits = BooleanBuffer::new(bits, 0, self.validity.len());
        Ok(Arc::new(BooleanArray::new(bits, self.validity.finish())))
    }
}

/// UUIDs, sixteen bytes each.
#[derive(Default)]
pub(super) struct Uuids {
    data: Vec<u8>,
    validity: Validity,
}

impl Builder for Uuids {
    fn push(&mut self, value: Option<&[u8]>, format: Format, _: &LoadContext) -> Result<(), Fault> {
        let value = value.map(|raw| match format {
            Format::Binary => uuid::uuid_from_binary(raw),
            Format::Text => uuid::uuid_from_text(raw),
        });
        let value = value.transpose()?;
        room(&mut self.data, 16)?;
        self.validity.push(value.is_some())?;
        self.data.extend_from_slice(&value.unwrap_or_default());
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let data = Buffer::from_vec(std::mem::take(&mut self.data));
        let array = FixedSizeBinaryArray::try_new(16, data, self.validity.finish())?;
        Ok(Arc::new(array))
    }
}
