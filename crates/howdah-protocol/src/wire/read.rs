//! A bounded cursor over one message body.

use super::Format;
use crate::error::ProtocolError;

/// Reads a body from front to back; every method fails if the bytes are not there.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// `what` names the message in errors.
    pub(crate) fn new(body: &'a [u8], what: &'static str) -> Self {
        Self { rest: body, what }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ProtocolError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ProtocolError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, ProtocolError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ProtocolError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, ProtocolError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ProtocolError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, ProtocolError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.malformed("ends early"));
        };
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], ProtocolError> {
        let Some((head, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.malformed("ends early"));
        };
        self.rest = rest;
        Ok(head)
    }

    /// A string that ends with NUL, without it.
    pub(crate) fn cstr(&mut self) -> Result<&'a [u8], ProtocolError> {
        let Some(end) = self.rest.iter().position(|&byte| byte == 0) else {
            return Err(self.malformed("a string does not end"));
        };
        let text = self.bytes(end)?;
        self.u8()?;
        Ok(text)
    }

    /// A 16-bit count of items of at least `width` bytes each: never more than the bytes that remain can hold.
    pub(crate) fn count(&mut self, width: usize) -> Result<usize, ProtocolError> {
        let count = usize::from(self.u16()?);
        self.check_count(count, width)
    }

    /// A 32-bit count, bounded in the same way.
    pub(crate) fn long_count(&mut self, width: usize) -> Result<usize, ProtocolError> {
        let Ok(count) = usize::try_from(self.i32()?) else {
            return Err(self.malformed("a count is negative"));
        };
        self.check_count(count, width)
    }

    /// A length and that many bytes, or NULL.
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>, ProtocolError> {
        match self.i32()? {
            -1 => Ok(None),
            len => match usize::try_from(len) {
                Ok(len) => self.bytes(len).map(Some),
                Err(_) => Err(self.malformed("a length is negative")),
            },
        }
    }

    pub(crate) fn format(&mut self) -> Result<Format, ProtocolError> {
        let code = self.i16()?;
        self.format_of(code)
    }

    pub(crate) fn format_of(&self, code: i16) -> Result<Format, ProtocolError> {
        Format::from_code(code).ok_or_else(|| self.malformed("unknown format code"))
    }

    pub(crate) fn formats(&mut self) -> Result<Vec<Format>, ProtocolError> {
        let count = self.count(2)?;
        (0..count).map(|_| self.format()).collect()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Everything that is left, which stays.
    pub(crate) fn peek_rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The end of the body: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), ProtocolError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.malformed("bytes left over"))
        }
    }

    #[cold]
    pub(crate) fn malformed(&self, why: &str) -> ProtocolError {
        ProtocolError::malformed(format_args!("{} message: {why}", self.what))
    }

    fn check_count(&self, count: usize, width: usize) -> Result<usize, ProtocolError> {
        if count > self.rest.len() / width {
            return Err(self.malformed("a count is larger than the message"));
        }
        Ok(count)
    }
}
