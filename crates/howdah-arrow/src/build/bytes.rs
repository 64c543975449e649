//! Columns of text and of bytes.

use std::sync::Arc;

use arrow_array::types::{BinaryType, ByteArrayType, GenericBinaryType, GenericStringType};
use arrow_array::{ArrayRef, BinaryViewArray, GenericByteArray, StringViewArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::DataType;
use howdah_types::memory::{FIXED, room};
use howdah_types::{Format, LoadContext, bytea, json, transcode};

use super::column::Builder;
use super::validity::Validity;
use crate::error::{Error, ErrorKind, Fault};

/// What the bytes of a value are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Through {
    /// Characters in both formats.
    Characters,
    /// `jsonb`, which has a version in front in binary.
    Jsonb,
    /// `bytea`.
    Bytes,
    /// In binary a value of this type, of which the text is wanted.
    Text(u32),
}

/// Values of any length, one behind the other.
struct Bytes {
    data: Vec<u8>,
    /// Where each ends.
    offsets: Vec<i32>,
    validity: Validity,
    through: Through,
    data_type: DataType,
}

/// A column of this type, one of text or of bytes; `None` for other types.
pub(super) fn bytes(through: Through, data_type: &DataType) -> Option<Box<dyn Builder>> {
    let of_bytes = matches!(through, Through::Bytes);
    let fits = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => !of_bytes,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => of_bytes,
        _ => false,
    };
    fits.then(|| -> Box<dyn Builder> {
        Box::new(Bytes {
            data: Vec::new(),
            offsets: Vec::new(),
            validity: Validity::default(),
            through,
            data_type: data_type.clone(),
        })
    })
}

impl Bytes {
    fn append(&mut self, raw: &[u8], format: Format, cx: &LoadContext) -> Result<(), Fault> {
        let raw = match (self.through, format) {
            (Through::Bytes, Format::Text) => {
                room(&mut self.data, raw.len())?;
                return Ok(bytea::bytea_from_text(raw, &mut self.data)?);
            }
            (Through::Text(oid), Format::Binary) => {
                room(&mut self.data, raw.len().saturating_mul(4) + FIXED)?;
                return Ok(transcode::binary_to_text(oid, raw, &mut self.data)?);
            }
            (Through::Jsonb, Format::Binary) => json::jsonb_from_binary(raw)?,
            _ => raw,
        };
        if cx.other_encoding && !matches!(self.through, Through::Bytes) && !raw.is_ascii() {
            return Err(Fault::Other(OTHER_ENCODING));
        }
        room(&mut self.data, raw.len())?;
        self.data.extend_from_slice(raw);
        Ok(())
    }
}

const OTHER_ENCODING: &str = "client_encoding is not UTF8, and the text is not ASCII";

impl Builder for Bytes {
    #[inline]
    fn push(
        &mut self,
        value: Option<&[u8]>,
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), Fault> {
        room(&mut self.offsets, 2)?;
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.validity.push(value.is_some())?;
        if let Some(raw) = value {
            self.append(raw, format, cx)?;
        }
        let end = i32::try_from(self.data.len());
        let end = end.map_err(|_| Fault::Other("more than 2 GiB of text in one batch"))?;
        self.offsets.push(end);
        Ok(())
    }

    fn finish(&mut self) -> Result<ArrayRef, Error> {
        let data = Buffer::from_vec(std::mem::take(&mut self.data));
        let mut offsets = std::mem::take(&mut self.offsets);
        if offsets.is_empty() {
            offsets.push(0);
        }
        let nulls = self.validity.finish();
        let small = |offsets| OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(match self.data_type {
            DataType::LargeUtf8 => array::<GenericStringType<i64>>(wide(&offsets)?, data, nulls)?,
            DataType::LargeBinary => array::<GenericBinaryType<i64>>(wide(&offsets)?, data, nulls)?,
            DataType::Binary => array::<BinaryType>(small(offsets), data, nulls)?,
            DataType::BinaryView => {
                let array = GenericByteArray::<BinaryType>::try_new(small(offsets), data, nulls)?;
                Arc::new(BinaryViewArray::from(&array))
            }
            DataType::Utf8View => {
                let array = GenericByteArray::<GenericStringType<i32>>::try_new(
                    small(offsets),
                    data,
                    nulls,
                )?;
                Arc::new(StringViewArray::from(&array))
            }
            _ => array::<GenericStringType<i32>>(small(offsets), data, nulls)?,
        })
    }
}

fn array<T: ByteArrayType>(
    offsets: OffsetBuffer<T::Offset>,
    data: Buffer,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, Error> {
    Ok(Arc::new(GenericByteArray::<T>::try_new(
        offsets, data, nulls,
    )?))
}

/// The same offsets in 64 bits.
fn wide(offsets: &[i32]) -> Result<OffsetBuffer<i64>, Error> {
    let mut wide = Vec::new();
    let no_memory = |_| Error::new(ErrorKind::OutOfMemory, "out of memory");
    room(&mut wide, offsets.len()).map_err(no_memory)?;
    wide.extend(offsets.iter().map(|&offset| i64::from(offset)));
    Ok(OffsetBuffer::new(ScalarBuffer::from(wide)))
}
