//! Text inside text: the elements, fields, bounds and pairs of types that contain others.

use crate::memory::{self, OutOfMemory};
use crate::reader::Scanner;
use crate::{DecodeError, EncodeError};

/// The text of one element, perhaps still with its escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementText<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> ElementText<'a> {
    pub(crate) const fn new(raw: &'a [u8], escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// As [`bytes`](Self::bytes), where there may be no memory.
    ///
    /// # Errors
    /// There is none for the text without its escapes.
    #[inline]
    pub fn try_bytes<'s>(&self, scratch: &'s mut Vec<u8>) -> Result<&'s [u8], OutOfMemory>
    where
        'a: 's,
    {
        if self.escaped {
            scratch.clear();
            memory::room(scratch, self.raw.len())?;
        }
        Ok(self.bytes(scratch))
    }

    /// The text without escapes. Borrowed from the input if it had none, else written to `scratch`.
    pub fn bytes<'s>(&self, scratch: &'s mut Vec<u8>) -> &'s [u8]
    where
        'a: 's,
    {
        if !self.escaped {
            return self.raw;
        }
        scratch.clear();
        let mut bytes = self.raw.iter();
        while let Some(&byte) = bytes.next() {
            // A reader lets a quote through only if it is doubled, and a backslash only if something follows.
            let byte = if matches!(byte, b'\\' | b'"') {
                bytes.next().copied().unwrap_or(byte)
            } else {
                byte
            };
            scratch.push(byte);
        }
        scratch
    }
}

/// Reads a field of a composite or a bound of a range up to a comma or a byte that `closes`; `None` if there is nothing.
///
/// `]` closes a range but not a composite, in which `record_out` leaves it without quotes. Quotes go around a whole field or not at all, as `record_out` and `range_out` write them; inside them a quote is
/// doubled, and a backslash escapes anywhere.
pub(crate) fn field<'a>(
    scanner: &mut Scanner<'a>,
    name: &'static str,
    closes: fn(u8) -> bool,
) -> Result<Option<ElementText<'a>>, DecodeError> {
    if scanner.peek() == Some(b'"') {
        return quoted_field(scanner, name).map(Some);
    }
    let mut escaped = false;
    let mut quote = false;
    let raw = scanner.until(|byte, skip| {
        *skip = byte == b'\\';
        escaped |= *skip;
        quote |= byte == b'"';
        byte == b',' || closes(byte)
    });
    match raw {
        Some(raw) if !quote => Ok(Some(ElementText::new(raw, escaped)).filter(|_| !raw.is_empty())),
        _ => Err(DecodeError::invalid(
            name,
            "a field is malformed or has no end",
        )),
    }
}

fn quoted_field<'a>(
    scanner: &mut Scanner<'a>,
    name: &'static str,
) -> Result<ElementText<'a>, DecodeError> {
    let no_end = DecodeError::invalid(name, "a quoted field has no end");
    scanner.eat(b'"');
    let whole = scanner.rest();
    let mut escaped = false;
    let mut length = 0;
    loop {
        let part = scanner.until(|byte, skip| {
            *skip = byte == b'\\';
            escaped |= *skip;
            byte == b'"'
        });
        length += part.ok_or(no_end)?.len();
        if !scanner.eat(b'"') {
            return Err(no_end);
        }
        if !scanner.eat(b'"') {
            break;
        }
        escaped = true;
        length += 2;
    }
    let raw = whole.get(..length).ok_or(no_end)?;
    Ok(ElementText::new(raw, escaped))
}

/// Why a value gets no quotes within another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unquotable {
    /// There is no memory.
    OutOfMemory,
    /// Values are nested so deep that their text is nothing but quotes and what escapes them, which double at each level.
    TooDeep,
}

/// So many bytes of text in a value that holds others may consist of quotes alone.
const MANY: usize = 1 << 20;

/// Makes room for the quotes and escapes of the text that was appended since `out` had the length `start`.
///
/// # Errors
/// There is no memory, or it would be for a value that is nested too deep.
#[inline]
pub fn room_for_quotes(out: &mut Vec<u8>, start: usize) -> Result<(), Unquotable> {
    let text = out.get(start..).unwrap_or_default();
    let length = text.len();
    if length >= MANY && is_nothing_but_quotes(text) {
        return Err(Unquotable::TooDeep);
    }
    memory::room(out, length + memory::FIXED).map_err(|OutOfMemory| Unquotable::OutOfMemory)
}

/// Whether a value that holds others is one that quotes and escapes are seven eighths of: as many as what it holds can only have by
/// nesting, since a string of quotes starts with no bracket.
#[cold]
fn is_nothing_but_quotes(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'(' | b'[' | b'{')) && escapes(text) >= text.len() / 8 * 7
}

fn escapes(text: &[u8]) -> usize {
    let escaped = |byte: &&u8| matches!(**byte, b'"' | b'\\');
    text.iter().filter(escaped).count()
}

const TOO_DEEP: &str = "too many nested values: quotes double at each level";

impl From<Unquotable> for EncodeError {
    #[cold]
    fn from(reason: Unquotable) -> Self {
        match reason {
            Unquotable::OutOfMemory => OutOfMemory.into(),
            Unquotable::TooDeep => Self::new("value", TOO_DEEP),
        }
    }
}

impl From<Unquotable> for DecodeError {
    #[cold]
    fn from(reason: Unquotable) -> Self {
        match reason {
            Unquotable::OutOfMemory => OutOfMemory.into(),
            Unquotable::TooDeep => Self::range("value", TOO_DEEP),
        }
    }
}

/// Quotes, if it has to be, the field or bound that was appended to `out` since it had the length `start`.
///
/// The rule of `record_out` and `range_out` together, which is what either reader takes: empty, or with a comma, a
/// bracket, a quote, a backslash or white space in it; quotes and backslashes are doubled.
pub fn quote_field(out: &mut Vec<u8>, start: usize) {
    let Some(field) = out.get(start..) else {
        return;
    };
    let special = |byte: &u8| {
        matches!(
            byte,
            b'"' | b'\\' | b',' | b'(' | b')' | b'[' | b']' | b' ' | b'\t'..=b'\r'
        )
    };
    if field.is_empty() || field.iter().any(special) {
        quote(out, start, |byte| byte);
    }
}

/// The same by the rule of `record_out` alone: square brackets need no quotes.
pub(crate) fn quote_attribute(out: &mut Vec<u8>, start: usize) {
    let Some(field) = out.get(start..) else {
        return;
    };
    let special = |byte: &u8| {
        matches!(
            byte,
            b'"' | b'\\' | b',' | b'(' | b')' | b' ' | b'\t'..=b'\r'
        )
    };
    if field.is_empty() || field.iter().any(special) {
        quote(out, start, |byte| byte);
    }
}

/// Puts quotes around what was appended since `start`; `prefix` gives what goes in front of a quote or a backslash.
pub(crate) fn quote(out: &mut Vec<u8>, start: usize, prefix: impl Fn(u8) -> u8) {
    let escapes = escapes(out.get(start..).unwrap_or_default());
    out.insert(start.min(out.len()), b'"');
    if escapes > 0 {
        let end = out.len();
        out.resize(end + escapes, 0);
        spread(
            out.get_mut(start + 1..).unwrap_or_default(),
            escapes,
            prefix,
        );
    }
    out.push(b'"');
}

/// Moves text to the end of its place, in which there is room for a prefix in front of each quote or backslash.
fn spread(place: &mut [u8], prefixes: usize, prefix: impl Fn(u8) -> u8) {
    let mut to = place.len();
    let mut from = to.saturating_sub(prefixes);
    while from < to {
        from -= 1;
        to -= 1;
        let Some(byte) = place.get(from).copied() else {
            return;
        };
        put(place, to, byte);
        if matches!(byte, b'"' | b'\\') {
            to -= 1;
            put(place, to, prefix(byte));
        }
    }
}

#[inline]
fn put(place: &mut [u8], at: usize, byte: u8) {
    if let Some(slot) = place.get_mut(at) {
        *slot = byte;
    }
}
