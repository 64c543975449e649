//! Ranges and multiranges: their structure; what is between the brackets is the subtype's own codec.

use crate::quoting::{field, quote_field};
use crate::reader::{Reader, Scanner};
use crate::{DecodeError, EncodeError, IsNull, length};

pub use crate::quoting::ElementText;

const NAME: &str = "range";

// The flags of rangetypes.h that travel.
const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// A range whose bounds are of type `B`: bytes to be decoded, or a decoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Range<B> {
    /// No value is inside.
    Empty,
    /// The values between two bounds.
    Bounds(Bounds<B>),
}

/// The bounds of a [`Range`] that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds<B> {
    /// The lower bound, `None` if there is none.
    pub lower: Option<B>,
    /// The upper bound, `None` if there is none.
    pub upper: Option<B>,
    /// Whether the lower bound is inside.
    pub lower_inclusive: bool,
    /// Whether the upper bound is inside.
    pub upper_inclusive: bool,
}

/// Reads a range in text: `empty`, or two bounds in brackets.
///
/// # Errors
/// Neither of them.
pub fn range_from_text(raw: &[u8]) -> Result<Range<ElementText<'_>>, DecodeError> {
    if raw.eq_ignore_ascii_case(b"empty") {
        return Ok(Range::Empty);
    }
    let mut scanner = Scanner::new(raw);
    let bounds = bounds_text(&mut scanner)?;
    if scanner.is_empty() {
        Ok(Range::Bounds(bounds))
    } else {
        Err(DecodeError::invalid(NAME, "text after the closing bracket"))
    }
}

/// Reads a range in binary.
///
/// # Errors
/// A length that contradicts the flags.
pub fn range_from_binary(raw: &[u8]) -> Result<Range<&[u8]>, DecodeError> {
    let mut reader = Reader::new(NAME, raw);
    let [flags] = reader.array()?;
    if flags & EMPTY != 0 {
        return reader.finish().map(|()| Range::Empty);
    }
    let mut bound = |infinite: u8| {
        if flags & infinite != 0 {
            return Ok(None);
        }
        let value = reader.value()?;
        value
            .map(Some)
            .ok_or(DecodeError::invalid(NAME, "a bound that is NULL"))
    };
    let lower = bound(LOWER_INFINITE)?;
    let upper = bound(UPPER_INFINITE)?;
    reader.finish()?;
    Ok(Range::Bounds(Bounds {
        lower,
        upper,
        lower_inclusive: flags & LOWER_INCLUSIVE != 0,
        upper_inclusive: flags & UPPER_INCLUSIVE != 0,
    }))
}

/// Appends a range in text; `write` appends a bound, and a NULL one counts as missing.
///
/// # Errors
/// What `write` gives.
pub fn range_to_text<B, E>(
    range: &Range<B>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&B, &mut Vec<u8>) -> Result<IsNull, E>,
) -> Result<(), E> {
    let Range::Bounds(bounds) = range else {
        out.extend_from_slice(b"empty");
        return Ok(());
    };
    let mut bound = |bound: &Option<B>, out: &mut Vec<u8>| {
        if let Some(bound) = bound {
            let start = out.len();
            match write(bound, out)? {
                IsNull::No => quote_field(out, start),
                IsNull::Yes => out.truncate(start),
            }
        }
        Ok(())
    };
    out.push(if bounds.lower_inclusive { b'[' } else { b'(' });
    bound(&bounds.lower, out)?;
    out.push(b',');
    bound(&bounds.upper, out)?;
    out.push(if bounds.upper_inclusive { b']' } else { b')' });
    Ok(())
}

/// Appends a range in binary; `write` appends a bound, and a NULL one counts as missing.
///
/// # Errors
/// What `write` gives, or a bound longer than 2 GiB.
pub fn range_to_binary<B, E: From<EncodeError>>(
    range: &Range<B>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&B, &mut Vec<u8>) -> Result<IsNull, E>,
) -> Result<(), E> {
    let Range::Bounds(bounds) = range else {
        out.push(EMPTY);
        return Ok(());
    };
    let at = out.len();
    out.push(0);
    let mut bound = |bound: &Option<B>, infinite: u8, out: &mut Vec<u8>| -> Result<u8, E> {
        let Some(bound) = bound else {
            return Ok(infinite);
        };
        let mark = length::begin(out);
        match write(bound, out)? {
            IsNull::No => length::end(out, mark)?,
            IsNull::Yes => {
                out.truncate(mark - 4);
                return Ok(infinite);
            }
        }
        Ok(0)
    };
    let mut flags = bound(&bounds.lower, LOWER_INFINITE, out)?;
    flags |= bound(&bounds.upper, UPPER_INFINITE, out)?;
    flags |= if bounds.lower_inclusive {
        LOWER_INCLUSIVE
    } else {
        0
    };
    flags |= if bounds.upper_inclusive {
        UPPER_INCLUSIVE
    } else {
        0
    };
    if let Some(byte) = out.get_mut(at) {
        *byte = flags;
    }
    Ok(())
}

/// Reads the ranges of a multirange in text: `{[1,2),[3,4)}`.
#[derive(Debug, Clone)]
pub struct MultirangeText<'a> {
    scanner: Scanner<'a>,
    first: bool,
    done: bool,
}

impl<'a> MultirangeText<'a> {
    /// Starts reading.
    ///
    /// # Errors
    /// No opening brace.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut scanner = Scanner::new(raw);
        if !scanner.eat(b'{') {
            return Err(DecodeError::invalid("multirange", "no '{' at the start"));
        }
        Ok(Self {
            scanner,
            first: true,
            done: false,
        })
    }

    /// The next range, `None` after the last.
    ///
    /// # Errors
    /// Malformed text, or text after the closing brace.
    pub fn next_range(&mut self) -> Result<Option<Range<ElementText<'a>>>, DecodeError> {
        if self.done {
            return Ok(None);
        }
        if self.scanner.eat(b'}') {
            self.done = true;
            return if self.scanner.is_empty() {
                Ok(None)
            } else {
                Err(DecodeError::invalid(
                    "multirange",
                    "text after the closing brace",
                ))
            };
        }
        if !self.first && !self.scanner.eat(b',') {
            return Err(DecodeError::invalid(
                "multirange",
                "neither ',' nor '}' after a range",
            ));
        }
        self.first = false;
        if self.scanner.eat_str(b"empty") {
            return Ok(Some(Range::Empty));
        }
        bounds_text(&mut self.scanner).map(|bounds| Some(Range::Bounds(bounds)))
    }
}

/// Reads the ranges of a multirange in binary: a count and framed ranges.
#[derive(Debug, Clone)]
pub struct MultirangeBinary<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> MultirangeBinary<'a> {
    /// Starts reading.
    ///
    /// # Errors
    /// A count that is negative or larger than the bytes allow.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("multirange", raw);
        let left = usize::try_from(reader.i32()?).ok();
        // A range has at least its length and its flags.
        let left = left.filter(|left| *left <= reader.remaining() / 5);
        let left = left.ok_or(DecodeError::length("multirange", "more ranges than bytes"))?;
        Ok(Self { reader, left })
    }

    /// How many ranges are still to be read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.left
    }

    /// The next range, `None` after the last.
    ///
    /// # Errors
    /// Malformed ranges, or bytes after the last.
    pub fn next_range(&mut self) -> Result<Option<Range<&'a [u8]>>, DecodeError> {
        if self.left == 0 {
            return self.reader.finish().map(|()| None);
        }
        self.left -= 1;
        match self.reader.value()? {
            Some(raw) => range_from_binary(raw).map(Some),
            None => Err(DecodeError::invalid("multirange", "a range that is NULL")),
        }
    }
}

fn bounds_text<'a>(scanner: &mut Scanner<'a>) -> Result<Bounds<ElementText<'a>>, DecodeError> {
    let malformed = DecodeError::invalid(NAME, "not two bounds in brackets");
    let lower_inclusive = match scanner.next() {
        Some(b'[') => true,
        Some(b'(') => false,
        _ => return Err(malformed),
    };
    let closes = |byte| matches!(byte, b')' | b']');
    let lower = field(scanner, NAME, closes)?;
    if !scanner.eat(b',') {
        return Err(malformed);
    }
    let upper = field(scanner, NAME, closes)?;
    let upper_inclusive = match scanner.next() {
        Some(b']') => true,
        Some(b')') => false,
        _ => return Err(malformed),
    };
    Ok(Bounds {
        lower,
        upper,
        lower_inclusive,
        upper_inclusive,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Owned = Range<Vec<u8>>;

    fn own(range: Range<ElementText<'_>>) -> Owned {
        let own =
            |bound: Option<ElementText<'_>>| bound.map(|text| text.bytes(&mut Vec::new()).to_vec());
        match range {
            Range::Empty => Range::Empty,
            Range::Bounds(Bounds {
                lower,
                upper,
                lower_inclusive,
                upper_inclusive,
            }) => Range::Bounds(Bounds {
                lower: own(lower),
                upper: own(upper),
                lower_inclusive,
                upper_inclusive,
            }),
        }
    }

    fn bounds(lower: Option<&str>, upper: Option<&str>, brackets: &str) -> Owned {
        let own = |bound: Option<&str>| bound.map(|text| text.as_bytes().to_vec());
        Range::Bounds(Bounds {
            lower: own(lower),
            upper: own(upper),
            lower_inclusive: brackets.starts_with('['),
            upper_inclusive: brackets.ends_with(']'),
        })
    }

    fn copy<B: AsRef<[u8]>>(bound: &B, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        out.extend_from_slice(bound.as_ref());
        Ok(IsNull::No)
    }

    #[test]
    fn text() {
        for (text, expected) in [
            ("empty", Range::Empty),
            ("[1,10)", bounds(Some("1"), Some("10"), "[)")),
            ("(,)", bounds(None, None, "()")),
            ("[,5]", bounds(None, Some("5"), "[]")),
            (
                "[\"2024-01-01 00:00:00\",)",
                bounds(Some("2024-01-01 00:00:00"), None, "[)"),
            ),
            (
                "(\"a\"\"b\\\\c\",\"\")",
                bounds(Some("a\"b\\c"), Some(""), "()"),
            ),
        ] {
            assert_eq!(
                range_from_text(text.as_bytes()).map(own),
                Ok(expected.clone()),
                "{text}"
            );
            let mut out = Vec::new();
            range_to_text(&expected, &mut out, copy).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn malformed_text() {
        for bad in [
            "",
            "[",
            "[1",
            "[1,",
            "[1,2",
            "1,2",
            "[1,2,3)",
            "[1)",
            "[\"1,2)",
            "[1,2)x",
            "[\"1\"x,2)",
            "[1\\",
            "[a\"b,)",
            "[1],2)",
        ] {
            assert!(range_from_text(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn binary() {
        let mut out = Vec::new();
        range_to_binary(&bounds(Some("ab"), None, "[]"), &mut out, copy).unwrap();
        assert_eq!(out, b"\x16\0\0\0\x02ab");
        for length in 0..out.len() {
            assert!(range_from_binary(&out[..length]).is_err());
        }
        assert_eq!(range_from_binary(&[EMPTY]), Ok(Range::Empty));
        assert!(range_from_binary(&[EMPTY, 0]).is_err());
        assert!(range_from_binary(b"\x18x").is_err());
        assert!(range_from_binary(b"\x10\xff\xff\xff\xff").is_err());
    }

    fn multi(text: &str) -> Result<Vec<Owned>, DecodeError> {
        let mut reader = MultirangeText::new(text.as_bytes())?;
        let mut out = Vec::new();
        while let Some(range) = reader.next_range()? {
            out.push(own(range));
        }
        Ok(out)
    }

    #[test]
    fn multiranges() {
        assert_eq!(multi("{}"), Ok(vec![]));
        let two = vec![
            bounds(Some("1"), Some("2"), "[)"),
            bounds(Some("5"), None, "[)"),
        ];
        assert_eq!(multi("{[1,2),[5,)}"), Ok(two));
        for bad in [
            "",
            "{",
            "}",
            "{[1,2)",
            "{[1,2),}",
            "{,[1,2)}",
            "{[1,2)[3,4)}",
            "{}x",
            "{x}",
        ] {
            assert!(multi(bad).is_err(), "{bad:?}");
        }
        let raw = [
            &2_i32.to_be_bytes()[..],
            b"\0\0\0\x01\x01",
            b"\0\0\0\x01\x18",
        ]
        .concat();
        let mut reader = MultirangeBinary::new(&raw).unwrap();
        assert_eq!(reader.remaining(), 2);
        assert_eq!(reader.next_range(), Ok(Some(Range::Empty)));
        assert!(matches!(reader.next_range(), Ok(Some(Range::Bounds(_)))));
        assert_eq!(reader.next_range(), Ok(None));
        assert!(MultirangeBinary::new(&[0x7F, 0xFF, 0xFF, 0xFF, 0]).is_err());
        assert!(MultirangeBinary::new(&[0xFF; 4]).is_err());
        let trailing = [&0_i32.to_be_bytes()[..], b"x"].concat();
        assert!(
            MultirangeBinary::new(&trailing)
                .unwrap()
                .next_range()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn round_trip(lower in prop::option::of("[a-c\"\\\\,()\\[\\] ]{0,5}"), upper in prop::option::of("[0-9\"]{0,3}"), flags in 0_usize..4) {
            let brackets = ["()", "[)", "(]", "[]"][flags];
            let range = bounds(lower.as_deref(), upper.as_deref(), brackets);
            let mut out = Vec::new();
            range_to_text(&range, &mut out, copy).unwrap();
            prop_assert_eq!(range_from_text(&out).map(own), Ok(range.clone()));
            out.clear();
            range_to_binary(&range, &mut out, copy).unwrap();
            let Ok(Range::Bounds(read)) = range_from_binary(&out) else { panic!("not bounds") };
            let Range::Bounds(range) = range else { panic!("not bounds") };
            prop_assert_eq!(read.lower, range.lower.as_deref());
            prop_assert_eq!(read.upper, range.upper.as_deref());
        }

        #[test]
        fn hostile_input_never_panics(text in "[\\[\\](){},\"\\\\a]{0,16}", raw: Vec<u8>) {
            let _ = range_from_text(text.as_bytes());
            let _ = multi(&text);
            let _ = range_from_binary(&raw);
        }
    }
}
