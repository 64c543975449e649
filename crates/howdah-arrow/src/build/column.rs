//! What all columns have in common.

use arrow_array::ArrayRef;
use howdah_types::{Format, LoadContext};

use crate::error::{Error, Fault};

/// A column of a batch.
pub(crate) trait Builder: Send {
    /// Appends a value; `None` is NULL.
    fn push(&mut self, value: Option<&[u8]>, format: Format, cx: &LoadContext)
    -> Result<(), Fault>;

    /// Takes the next field of each of these rows, of which it leaves what is behind.
    ///
    /// # Errors
    /// The first value that is refused, with the number of its row among these.
    fn take(
        &mut self,
        rows: &mut [&[u8]],
        format: Format,
        cx: &LoadContext,
    ) -> Result<(), (usize, Fault)> {
        for (number, row) in rows.iter_mut().enumerate() {
            let pushed = next_field(row).and_then(|field| self.push(field, format, cx));
            pushed.map_err(|fault| (number, fault))?;
        }
        Ok(())
    }

    /// The values, as an array; the builder is empty then.
    fn finish(&mut self) -> Result<ArrayRef, Error>;
}

/// Takes a field off the front of a row.
#[inline]
fn next_field<'a>(row: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Fault> {
    let Some((&length, rest)) = row.split_first_chunk::<4>() else {
        return Err(Fault::Other("the row ends before this column"));
    };
    let length = i32::from_be_bytes(length);
    let Ok(size) = usize::try_from(length) else {
        *row = rest;
        return match length {
            -1 => Ok(None),
            _ => Err(Fault::Other("the value has a negative length")),
        };
    };
    let Some((value, rest)) = rest.split_at_checked(size) else {
        return Err(Fault::Other("the value is longer than its row"));
    };
    *row = rest;
    Ok(Some(value))
}
