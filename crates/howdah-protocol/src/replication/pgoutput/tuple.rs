//! Rows within messages.

use crate::error::ProtocolError;
use crate::wire::Reader;

/// A row, of as many values as its relation has columns. That has been checked, so that reading it cannot fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuple<'a> {
    count: usize,
    bytes: &'a [u8],
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A large value that was not changed, and is not sent.
    Unchanged,
    /// In text, in the client encoding.
    Text(&'a [u8]),
    /// In the type's binary format.
    Binary(&'a [u8]),
}

/// The values of a row, in the order of the columns.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Tuple<'a> {
    /// Reads a row of `width` values.
    pub(super) fn read(r: &mut Reader<'a>, width: usize) -> Result<Self, ProtocolError> {
        // Each takes a byte at least.
        let count = r.count(1)?;
        if count != width {
            return Err(r.malformed("a row is not as its relation"));
        }
        let all = r.peek_rest();
        for _ in 0..count {
            match r.u8()? {
                b'n' | b'u' => {}
                b't' | b'b' => {
                    if r.value()?.is_none() {
                        return Err(r.malformed("a length is negative"));
                    }
                }
                _ => return Err(r.malformed("unknown kind of value")),
            }
        }
        let len = all.len().saturating_sub(r.remaining());
        Ok(Self {
            count,
            bytes: all.get(..len).unwrap_or_default(),
        })
    }

    /// How many values it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its values.
    #[must_use]
    pub fn values(&self) -> Values<'a> {
        Values {
            left: self.count,
            rest: self.bytes,
        }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut r = Reader::new(self.rest, "row");
        let value = match r.u8().ok()? {
            b'u' => Value::Unchanged,
            b't' => Value::Text(r.value().ok()??),
            b'b' => Value::Binary(r.value().ok()??),
            _ => Value::Null,
        };
        self.rest = r.rest();
        Some(value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Values<'_> {}
