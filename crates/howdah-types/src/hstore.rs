//! `hstore`, of the extension of that name: pairs of a key and a value that may be NULL.

use crate::quoting::{ElementText, quote};
use crate::reader::{Reader, Scanner};
use crate::{DecodeError, EncodeError, length};

const NAME: &str = "hstore";

/// Reads the pairs of an `hstore` in text, as `hstore_out` writes them: `"a"=>"1", "b"=>NULL`.
#[derive(Debug, Clone)]
pub struct HstoreText<'a> {
    scanner: Scanner<'a>,
}

impl<'a> HstoreText<'a> {
    /// Starts reading.
    #[must_use]
    pub const fn new(raw: &'a [u8]) -> Self {
        Self {
            scanner: Scanner::new(raw),
        }
    }

    /// The next key and value, `None` after the last.
    ///
    /// # Errors
    /// Malformed text.
    pub fn next_pair(
        &mut self,
    ) -> Result<Option<(ElementText<'a>, Option<ElementText<'a>>)>, DecodeError> {
        if self.scanner.is_empty() {
            return Ok(None);
        }
        let pair = self.pair();
        let pair = pair.ok_or(DecodeError::invalid(
            NAME,
            "not a pair of a key and a value",
        ))?;
        if self.scanner.is_empty() {
            return Ok(Some(pair));
        }
        self.spaces();
        let more = self.scanner.eat(b',');
        self.spaces();
        if !more || self.scanner.is_empty() {
            return Err(DecodeError::invalid(
                NAME,
                "no other pair after a comma, or no comma",
            ));
        }
        Ok(Some(pair))
    }

    fn pair(&mut self) -> Option<(ElementText<'a>, Option<ElementText<'a>>)> {
        let key = self.quoted()?;
        self.spaces();
        if !self.scanner.eat_str(b"=>") {
            return None;
        }
        self.spaces();
        if self.scanner.peek() == Some(b'"') {
            return Some((key, Some(self.quoted()?)));
        }
        self.scanner
            .letters()
            .eq_ignore_ascii_case(b"NULL")
            .then_some((key, None))
    }

    fn quoted(&mut self) -> Option<ElementText<'a>> {
        if !self.scanner.eat(b'"') {
            return None;
        }
        let mut escaped = false;
        let raw = self.scanner.until(|byte, skip| {
            *skip = byte == b'\\';
            escaped |= *skip;
            byte == b'"'
        })?;
        self.scanner
            .eat(b'"')
            .then_some(ElementText::new(raw, escaped))
    }

    fn spaces(&mut self) {
        while self.scanner.eat(b' ') {}
    }
}

/// A key and a value in binary, `None` for NULL.
pub type Pair<'a> = (&'a [u8], Option<&'a [u8]>);

/// Reads the pairs of an `hstore` in binary: a count, then framed keys and values.
#[derive(Debug, Clone)]
pub struct HstoreBinary<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> HstoreBinary<'a> {
    /// Starts reading.
    ///
    /// # Errors
    /// A count that is negative or larger than the bytes allow.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let left = usize::try_from(reader.i32()?).ok();
        // A pair has at least two lengths.
        let left = left.filter(|left| *left <= reader.remaining() / 8);
        let left = left.ok_or(DecodeError::length(NAME, "more pairs than bytes"))?;
        Ok(Self { reader, left })
    }

    /// The next key and value, `None` after the last.
    ///
    /// # Errors
    /// A key that is NULL, a length that is negative or beyond the end, or bytes after the last pair.
    pub fn next_pair(&mut self) -> Result<Option<Pair<'a>>, DecodeError> {
        if self.left == 0 {
            return self.reader.finish().map(|()| None);
        }
        self.left -= 1;
        let key = self.reader.value()?;
        let key = key.ok_or(DecodeError::invalid(NAME, "a key that is NULL"))?;
        Ok(Some((key, self.reader.value()?)))
    }
}

/// Appends a pair in text; a comma goes between two of them.
pub fn pair_to_text(key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    quoted_to_text(key, out);
    out.extend_from_slice(b"=>");
    match value {
        Some(value) => quoted_to_text(value, out),
        None => out.extend_from_slice(b"NULL"),
    }
}

/// Appends the count that an `hstore` in binary starts with; [`pair_to_binary`] appends the pairs.
///
/// # Errors
/// More than 2147483647 pairs.
pub fn begin_binary(out: &mut Vec<u8>, pairs: usize) -> Result<(), EncodeError> {
    let count = i32::try_from(pairs).map_err(|_| EncodeError::new(NAME, "too many pairs"))?;
    out.extend_from_slice(&count.to_be_bytes());
    Ok(())
}

/// Appends a pair in binary.
///
/// # Errors
/// A key or a value longer than 2 GiB.
pub fn pair_to_binary(
    key: &[u8],
    value: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    length::value(out, key)?;
    match value {
        Some(value) => length::value(out, value),
        None => {
            length::null(out);
            Ok(())
        }
    }
}

fn quoted_to_text(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(text);
    quote(out, start, |_| b'\\');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Pairs = Vec<(String, Option<String>)>;

    fn read(text: &str) -> Result<Pairs, DecodeError> {
        let own = |text: ElementText<'_>| {
            String::from_utf8_lossy(text.bytes(&mut Vec::new())).into_owned()
        };
        let mut reader = HstoreText::new(text.as_bytes());
        let mut out = Vec::new();
        while let Some((key, value)) = reader.next_pair()? {
            out.push((own(key), value.map(own)));
        }
        Ok(out)
    }

    #[test]
    fn text() {
        assert_eq!(read(""), Ok(vec![]));
        let expected = vec![
            ("a".to_owned(), Some("1\"\\".to_owned())),
            (String::new(), None),
        ];
        assert_eq!(read("\"a\"=>\"1\\\"\\\\\", \"\"=>NULL"), Ok(expected));
        for bad in [
            " ",
            "a=>1",
            "\"a\"",
            "\"a\"=>",
            "\"a\"=>1",
            "\"a\"=>\"1",
            "\"a\"=>\"1\\",
            "\"a\"=>NULL,",
            "\"a\"=>NULL \"b\"=>NULL",
            "\"a\"=>NULLx",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hostile_binary() {
        for bad in [
            &[][..],
            &[0xFF; 4],
            &[0x7F, 0xFF, 0xFF, 0xFF],
            &[0, 0, 0, 1],
        ] {
            assert!(HstoreBinary::new(bad).is_err());
        }
        let null_key = [&1_i32.to_be_bytes()[..], &[0xFF; 8]].concat();
        assert!(HstoreBinary::new(&null_key).unwrap().next_pair().is_err());
    }

    proptest! {
        #[test]
        fn round_trip(pairs in prop::collection::vec(("[a\"\\\\, =>\u{e9}]{0,5}", prop::option::of("[a\"\\\\, =>]{0,5}")), 0..5)) {
            let mut text = Vec::new();
            let mut binary = Vec::new();
            begin_binary(&mut binary, pairs.len()).unwrap();
            for (at, (key, value)) in pairs.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                let value = value.as_ref().map(String::as_bytes);
                pair_to_text(key.as_bytes(), value, &mut text);
                pair_to_binary(key.as_bytes(), value, &mut binary).unwrap();
            }
            let mut reader = HstoreBinary::new(&binary).unwrap();
            for (key, value) in &pairs {
                let expected = (key.as_bytes(), value.as_ref().map(String::as_bytes));
                prop_assert_eq!(reader.next_pair(), Ok(Some(expected)));
            }
            prop_assert_eq!(reader.next_pair(), Ok(None));
            prop_assert_eq!(read(std::str::from_utf8(&text).unwrap()), Ok(pairs));
        }

        #[test]
        fn hostile_text_never_panics(text in "[\"\\\\=>,NUL a]{0,16}") {
            let _ = read(&text);
        }
    }
}
