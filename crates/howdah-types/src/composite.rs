//! Composites and records: their structure; what is in a field is its type's own codec.

use crate::quoting::field;
use crate::reader::{Reader, Scanner};
use crate::{DecodeError, EncodeError, length};

pub use crate::quoting::{ElementText, Unquotable, quote_field, room_for_quotes};

const NAME: &str = "record";

/// Reads the fields of a composite in text: `(1,,"a b")`.
///
/// `()` has no fields: the server writes a composite of one NULL and one of nothing alike.
#[derive(Debug, Clone)]
pub struct CompositeText<'a> {
    scanner: Scanner<'a>,
    done: bool,
}

impl<'a> CompositeText<'a> {
    /// Starts reading.
    ///
    /// # Errors
    /// No opening parenthesis.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut scanner = Scanner::new(raw);
        if !scanner.eat(b'(') {
            return Err(DecodeError::invalid(NAME, "no '(' at the start"));
        }
        let done = scanner.rest() == b")";
        Ok(Self { scanner, done })
    }

    /// The next field, `None` inside for NULL and outside after the last.
    ///
    /// # Errors
    /// Malformed text, or text after the closing parenthesis.
    pub fn next_field(&mut self) -> Result<Option<Option<ElementText<'a>>>, DecodeError> {
        if self.done {
            return Ok(None);
        }
        let text = field(&mut self.scanner, NAME, |byte| byte == b')')?;
        match self.scanner.next() {
            Some(b',') => Ok(Some(text)),
            Some(b')') if self.scanner.is_empty() => {
                self.done = true;
                Ok(Some(text))
            }
            _ => Err(DecodeError::invalid(
                NAME,
                "neither ',' nor the last ')' after a field",
            )),
        }
    }
}

/// The OID and the value of a field in binary, `None` for NULL.
pub type Field<'a> = (u32, Option<&'a [u8]>);

/// Reads the fields of a composite in binary: a count, then an OID and a framed value each.
#[derive(Debug, Clone)]
pub struct CompositeBinary<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> CompositeBinary<'a> {
    /// Starts reading.
    ///
    /// # Errors
    /// A count that is negative or larger than the bytes allow.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let left = usize::try_from(reader.i32()?).ok();
        // A field has at least its OID and its length.
        let left = left.filter(|left| *left <= reader.remaining() / 8);
        let left = left.ok_or(DecodeError::length(NAME, "more fields than bytes"))?;
        Ok(Self { reader, left })
    }

    /// How many fields are still to be read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.left
    }

    /// The next field, `None` after the last.
    ///
    /// # Errors
    /// A length that is negative or beyond the end, or bytes after the last field.
    pub fn next_field(&mut self) -> Result<Option<Field<'a>>, DecodeError> {
        if self.left == 0 {
            return self.reader.finish().map(|()| None);
        }
        self.left -= 1;
        let oid = self.reader.u32()?;
        Ok(Some((oid, self.reader.value()?)))
    }
}

/// Appends the count that a composite in binary starts with.
///
/// # Errors
/// More than 2147483647 fields.
pub fn begin_binary(out: &mut Vec<u8>, fields: usize) -> Result<(), EncodeError> {
    let count = i32::try_from(fields).map_err(|_| EncodeError::new(NAME, "too many fields"))?;
    out.extend_from_slice(&count.to_be_bytes());
    Ok(())
}

/// Appends what goes in front of a field in binary; append the value and give the result to [`length::end`], or to
/// [`length::end_null`] if it is NULL.
#[must_use]
pub fn begin_field(out: &mut Vec<u8>, oid: u32) -> usize {
    out.extend_from_slice(&oid.to_be_bytes());
    length::begin(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Vec<Option<String>>, DecodeError> {
        let mut reader = CompositeText::new(text.as_bytes())?;
        let mut out = Vec::new();
        let mut scratch = Vec::new();
        while let Some(field) = reader.next_field()? {
            out.push(
                field.map(|field| String::from_utf8_lossy(field.bytes(&mut scratch)).into_owned()),
            );
        }
        Ok(out)
    }

    fn write(fields: &[Option<String>]) -> String {
        let mut out = vec![b'('];
        for (at, field) in fields.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if let Some(field) = field {
                let start = out.len();
                out.extend_from_slice(field.as_bytes());
                quote_field(&mut out, start);
            }
        }
        out.push(b')');
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text() {
        let some = |text: &str| Some(text.to_owned());
        for (text, expected) in [
            ("()", vec![]),
            ("(,)", vec![None, None]),
            ("(1,,\"\")", vec![some("1"), None, some("")]),
            (
                "(\"a b\",\"x\"\"y\\\\z\")",
                vec![some("a b"), some("x\"y\\z")],
            ),
            ("(\"(1,\"\"q\"\")\")", vec![some("(1,\"q\")")]),
            // `record_out` quotes round brackets only.
            ("([a],b])", vec![some("[a]"), some("b]")]),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for bad in [
            "", "(", ")", "(1", "(1,", "1)", "(1)x", "(\"a)", "(\"a\"b)", "(a\"b)", "(\\", "())",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn binary() {
        let mut out = Vec::new();
        begin_binary(&mut out, 2).unwrap();
        let mark = begin_field(&mut out, 25);
        out.extend_from_slice(b"ab");
        length::end(&mut out, mark).unwrap();
        let mark = begin_field(&mut out, 23);
        length::end_null(&mut out, mark);
        let mut reader = CompositeBinary::new(&out).unwrap();
        assert_eq!(reader.remaining(), 2);
        assert_eq!(reader.next_field(), Ok(Some((25, Some(&b"ab"[..])))));
        assert_eq!(reader.next_field(), Ok(Some((23, None))));
        assert_eq!(reader.next_field(), Ok(None));
        for length in 0..out.len() {
            let mut failed = CompositeBinary::new(&out[..length]);
            let mut fields = 0;
            while let Ok(reader) = &mut failed {
                match reader.next_field() {
                    Ok(Some(_)) => fields += 1,
                    Ok(None) => panic!("{length} bytes are a whole composite"),
                    Err(error) => failed = Err(error),
                }
            }
            assert!(fields < 2);
        }
        assert!(CompositeBinary::new(&[0x7F, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(CompositeBinary::new(&[0xFF; 12]).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(fields in prop::collection::vec(prop::option::of("[a-c\"\\\\,() \u{e9}]{0,5}"), 2..6)) {
            prop_assert_eq!(read(&write(&fields)), Ok(fields));
        }

        #[test]
        fn hostile_input_never_panics(text in "[(),\"\\\\a\\]]{0,16}", raw: Vec<u8>) {
            let _ = read(&text);
            if let Ok(mut reader) = CompositeBinary::new(&raw) {
                let _ = reader.next_field();
            }
        }
    }
}
