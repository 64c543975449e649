//! Cursors over the bytes of one value: big-endian fields for binary, digits for text.

use crate::DecodeError;

/// Reads the fields of a binary value.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    type_name: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(type_name: &'static str, raw: &'a [u8]) -> Self {
        Self {
            rest: raw,
            type_name,
        }
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((head, rest)) = self.rest.split_first_chunk() else {
            return Err(self.short());
        };
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, DecodeError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.short());
        };
        self.rest = rest;
        Ok(head)
    }

    /// The bytes up to a NUL, which is taken too.
    pub(crate) fn cstring(&mut self) -> Result<&'a [u8], DecodeError> {
        let end = self.rest.iter().position(|byte| *byte == 0);
        let text = self.bytes(end.ok_or(self.short())?)?;
        self.bytes(1)?;
        Ok(text)
    }

    /// A value with its length in front of it; -1, and nothing else below zero, is NULL.
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.i32()? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) => self.bytes(length).map(Some),
                Err(_) => Err(DecodeError::length(self.type_name, "negative length")),
            },
        }
    }

    pub(crate) const fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::length(
                self.type_name,
                "bytes after the end of the value",
            ))
        }
    }

    const fn short(&self) -> DecodeError {
        DecodeError::length(self.type_name, "the value ends too early")
    }
}

/// The bytes of a value of fixed size.
pub(crate) fn fixed<const N: usize>(
    type_name: &'static str,
    raw: &[u8],
) -> Result<[u8; N], DecodeError> {
    raw.try_into()
        .map_err(|_| DecodeError::length(type_name, "wrong length for the type"))
}

/// Reads the digits and separators of a text value.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(raw: &'a [u8]) -> Self {
        Self { rest: raw }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes one byte, whatever it is.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Takes `expected` if it is next.
    pub(crate) fn eat(&mut self, expected: u8) -> bool {
        if let Some((first, rest)) = self.rest.split_first()
            && *first == expected
        {
            self.rest = rest;
            return true;
        }
        false
    }

    /// Takes `expected` if it is next.
    pub(crate) fn eat_str(&mut self, expected: &[u8]) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes exactly two digits.
    pub(crate) fn two_digits(&mut self) -> Option<u32> {
        let ([high, low], rest) = self.rest.split_first_chunk()?;
        let (high, low) = (digit(*high)?, digit(*low)?);
        self.rest = rest;
        Some(high * 10 + low)
    }

    /// Takes one digit or more, and says how many; `None` without a digit or when the number overflows.
    pub(crate) fn number(&mut self) -> Option<(u64, usize)> {
        let mut value = 0_u64;
        let mut count = 0;
        while let Some((first, rest)) = self.rest.split_first() {
            let Some(digit) = digit(*first) else { break };
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            count += 1;
            self.rest = rest;
        }
        (count > 0).then_some((value, count))
    }

    /// Takes ASCII letters, perhaps none.
    pub(crate) fn letters(&mut self) -> &'a [u8] {
        self.take_while(u8::is_ascii_alphabetic)
    }

    /// Takes ASCII digits, perhaps none.
    pub(crate) fn digits(&mut self) -> &'a [u8] {
        self.take_while(u8::is_ascii_digit)
    }

    /// Takes bytes up to the first that `stop` wants, or to the end; `stop` may ask to skip the byte after the
    /// current one, and `None` says that there was none.
    pub(crate) fn until(
        &mut self,
        mut stop: impl FnMut(u8, &mut bool) -> bool,
    ) -> Option<&'a [u8]> {
        let mut skip = false;
        let found = self.rest.iter().position(|&byte| {
            if skip {
                skip = false;
                return false;
            }
            stop(byte, &mut skip)
        });
        if skip {
            return None;
        }
        let (taken, rest) = self.rest.split_at(found.unwrap_or(self.rest.len()));
        self.rest = rest;
        Some(taken)
    }

    fn take_while(&mut self, wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().take_while(|byte| wanted(byte)).count();
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }
}

pub(crate) fn digit(byte: u8) -> Option<u32> {
    let value = byte.wrapping_sub(b'0');
    (value < 10).then_some(u32::from(value))
}
