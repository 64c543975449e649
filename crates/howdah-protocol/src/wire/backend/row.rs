//! DataRow: the hottest functions of the driver.

use crate::error::{ProtocolError, UsageError};
use crate::wire::write;

/// The values of one row, borrowed from the message body; checked when decoded.
#[derive(Clone, Copy, PartialEq)]
pub struct DataRow<'a> {
    body: &'a [u8],
    len: usize,
}

impl<'a> DataRow<'a> {
    /// Reads a row of any number of columns.
    ///
    /// # Errors
    /// As [`check_data_row`], with the count that the row itself declares.
    pub fn decode(body: &'a [u8]) -> Result<Self, ProtocolError> {
        let Some((&count, _)) = body.split_first_chunk::<2>() else {
            return Err(malformed("ends early"));
        };
        let len = usize::from(u16::from_be_bytes(count));
        check_data_row(body, len)?;
        Ok(Self { body, len })
    }

    /// Appends the body of a row with these values, for servers and tests; `decode` reads it.
    ///
    /// # Errors
    /// More than 65,535 values, or a value that does not fit a message; `out` is then as before.
    pub fn encode_body(out: &mut Vec<u8>, values: &[Option<&[u8]>]) -> Result<(), UsageError> {
        let start = out.len();
        let written = write::count(out, values.len(), "columns")
            .and_then(|()| values.iter().try_for_each(|v| write::value(out, *v)));
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Number of columns.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the row has no columns, as in `select` without a list.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values from left to right, `None` for NULL.
    #[must_use]
    pub fn iter(&self) -> Fields<'a> {
        fields(self.body)
    }

    /// The message body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

impl std::fmt::Debug for DataRow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for DataRow<'a> {
    type Item = Option<&'a [u8]>;
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

/// Checks the body of a DataRow against the number of columns that its result has.
///
/// # Errors
/// Another number of columns, a negative length other than -1, or lengths that do not tile the body exactly.
#[inline]
pub fn check_data_row(body: &[u8], columns: usize) -> Result<(), ProtocolError> {
    tile(body, columns).map_err(|fault| refused(fault, body, columns))
}

/// What is wrong with a row: no more than a byte, so that rows without a fault are checked in registers.
enum Fault {
    EndsEarly,
    OtherCount,
    NegativeLength,
    LeftOver,
}

#[inline]
fn tile(body: &[u8], columns: usize) -> Result<(), Fault> {
    let Some((&count, mut rest)) = body.split_first_chunk::<2>() else {
        return Err(Fault::EndsEarly);
    };
    if usize::from(u16::from_be_bytes(count)) != columns {
        return Err(Fault::OtherCount);
    }
    for _ in 0..columns {
        let Some((&len, after)) = rest.split_first_chunk::<4>() else {
            return Err(Fault::EndsEarly);
        };
        // Read without a sign, -1 is NULL, and any other negative length is more than a body has.
        let len = u32::from_be_bytes(len);
        let size = if len == u32::MAX { 0 } else { len };
        let Some(after) = after.get(size as usize..) else {
            let is_negative = len > i32::MAX.unsigned_abs();
            return Err(if is_negative {
                Fault::NegativeLength
            } else {
                Fault::EndsEarly
            });
        };
        rest = after;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(Fault::LeftOver)
    }
}

#[cold]
fn refused(fault: Fault, body: &[u8], columns: usize) -> ProtocolError {
    match (fault, body) {
        (Fault::OtherCount, &[a, b, ..]) => wrong_count([a, b], columns),
        (Fault::OtherCount | Fault::EndsEarly, _) => malformed("ends early"),
        (Fault::NegativeLength, _) => malformed("a length is negative"),
        (Fault::LeftOver, _) => malformed("bytes left over"),
    }
}

/// The values in the body of a DataRow that [`check_data_row`] has passed.
///
/// A body that was not checked gives fewer or wrong values, never a panic.
#[inline]
#[must_use]
pub fn fields(body: &[u8]) -> Fields<'_> {
    Fields {
        rest: body.get(2..).unwrap_or_default(),
    }
}

/// Iterator over the values of a row; `None` is NULL.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&len, after) = self.rest.split_first_chunk::<4>()?;
        let Ok(size) = usize::try_from(i32::from_be_bytes(len)) else {
            self.rest = after;
            return Some(None);
        };
        let Some((value, after)) = after.split_at_checked(size) else {
            self.rest = &[];
            return None;
        };
        self.rest = after;
        Some(Some(value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.rest.len() / 4))
    }
}

fn malformed(why: &str) -> ProtocolError {
    ProtocolError::malformed(format_args!("DataRow message: {why}"))
}

fn wrong_count(got: [u8; 2], columns: usize) -> ProtocolError {
    let got = u16::from_be_bytes(got);
    ProtocolError::unexpected(
        format_args!("DataRow with {got} columns"),
        &format!("{columns} columns"),
    )
}
