//! One-dimensional arrays as `Vec<T>` and `&[T]`.

use std::any::type_name;

use super::{Element, FromSql, FromSqlOwned, IsNull, SqlType, ToSql};
use crate::array::{ArrayBinary, ArrayEvent, ArrayText, ArrayWriter, quote_element};
use crate::{DecodeError, EncodeError, Format, LoadContext, length, oid};

impl<T: FromSqlOwned> FromSql<'_> for Vec<T> {
    /// Reads an array of built-in elements with one dimension or none.
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let element = oid::element_of(ty)
            .filter(|entry| T::accepts(entry.oid))
            .ok_or_else(|| DecodeError::mismatch(ty, type_name::<Self>()))?;
        match format {
            Format::Text => from_text(element, raw, ctx),
            Format::Binary => from_binary(element.oid, raw, ctx),
        }
    }

    fn accepts(ty: u32) -> bool {
        oid::element_of(ty).is_some_and(|entry| T::accepts(entry.oid))
    }
}

impl<T: Element> ToSql for [T] {
    fn oid(&self) -> u32 {
        Self::OID
    }

    fn format(&self) -> Format {
        T::FORMAT
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        match T::FORMAT {
            Format::Text => to_text(self, out)?,
            Format::Binary => to_binary(self, out)?,
        }
        Ok(IsNull::No)
    }
}

impl<T: Element> ToSql for Vec<T> {
    fn oid(&self) -> u32 {
        Self::OID
    }

    fn format(&self) -> Format {
        T::FORMAT
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql(out)
    }
}

impl<T: Element> SqlType for [T] {
    const OID: u32 = oid::array_of(T::OID);
    const FORMAT: Format = T::FORMAT;
}

impl<T: Element> SqlType for Vec<T> {
    const OID: u32 = oid::array_of(T::OID);
    const FORMAT: Format = T::FORMAT;
}

fn from_text<T: FromSqlOwned>(
    element: &oid::TypeEntry,
    raw: &[u8],
    ctx: &LoadContext,
) -> Result<Vec<T>, DecodeError> {
    let mut reader = ArrayText::new(raw, element.delimiter)?;
    let mut scratch = Vec::new();
    let mut out = Vec::new();
    let mut opened = false;
    while let Some(event) = reader.next_event()? {
        match event {
            ArrayEvent::Open if opened => return Err(NESTED),
            ArrayEvent::Open => opened = true,
            ArrayEvent::Close => {}
            ArrayEvent::Null => out.push(T::from_null()?),
            ArrayEvent::Element(text) => {
                out.push(T::from_sql(
                    element.oid,
                    Format::Text,
                    text.bytes(&mut scratch),
                    ctx,
                )?);
            }
        }
    }
    Ok(out)
}

fn from_binary<T: FromSqlOwned>(
    element: u32,
    raw: &[u8],
    ctx: &LoadContext,
) -> Result<Vec<T>, DecodeError> {
    let mut reader = ArrayBinary::new(raw)?;
    if reader.dimensions().len() > 1 {
        return Err(NESTED);
    }
    if reader.element_oid() != element {
        return Err(DecodeError::invalid(
            "array",
            "elements of another type than the array's",
        ));
    }
    let mut out = Vec::with_capacity(reader.remaining());
    while let Some(value) = reader.next_element()? {
        out.push(T::from_nullable(element, Format::Binary, value, ctx)?);
    }
    Ok(out)
}

const NESTED: DecodeError = DecodeError::range("array", "more than one dimension");

fn to_text<T: Element>(values: &[T], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    out.push(b'{');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let start = out.len();
        match value.to_sql(out)? {
            IsNull::No => quote_element(out, start, b','),
            IsNull::Yes => out.extend_from_slice(b"NULL"),
        }
    }
    out.push(b'}');
    Ok(())
}

fn to_binary<T: Element>(values: &[T], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let lengths: &[usize] = if values.is_empty() {
        &[]
    } else {
        &[values.len()]
    };
    let mut writer = ArrayWriter::begin(out, T::OID, lengths)?;
    for value in values {
        let mark = length::begin(out);
        match value.to_sql(out)? {
            IsNull::No => length::end(out, mark)?,
            IsNull::Yes => {
                out.truncate(mark - 4);
                writer.null(out);
            }
        }
    }
    writer.finish(out);
    Ok(())
}
