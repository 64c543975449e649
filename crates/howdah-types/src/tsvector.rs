//! `tsvector`: lexemes with the positions they were found at.
//!
//! Text is turned into binary and back; the binary form is what [`TsvectorBinary`] reads without copies.

use crate::reader::{Reader, Scanner};
use crate::{DecodeError, int};

const NAME: &str = "tsvector";
/// The largest position, 14 bits; the two above them are the weight.
const MAX_POSITION: u16 = 0x3FFF;

/// What a position counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// The default, which has no letter in text.
    D,
    /// More than D.
    C,
    /// More than C.
    B,
    /// The most.
    A,
}

/// Where a lexeme was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The number of the word in the document, up to 16383.
    pub at: u16,
    /// What it counts for.
    pub weight: Weight,
}

/// A lexeme of a [`TsvectorBinary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexeme<'a> {
    word: &'a [u8],
    positions: &'a [[u8; 2]],
}

impl<'a> Lexeme<'a> {
    /// The word, in the client encoding.
    #[must_use]
    pub const fn word(&self) -> &'a [u8] {
        self.word
    }

    /// Where it was found, perhaps nowhere.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = Position> + use<'a> {
        self.positions.iter().map(|word| {
            let word = u16::from_be_bytes(*word);
            let weight = match word >> 14 {
                0 => Weight::D,
                1 => Weight::C,
                2 => Weight::B,
                _ => Weight::A,
            };
            let at = word & MAX_POSITION;
            Position { at, weight }
        })
    }
}

/// Reads the lexemes of a `tsvector` in binary: a count, then words that end with NUL, with their positions.
#[derive(Debug, Clone)]
pub struct TsvectorBinary<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> TsvectorBinary<'a> {
    /// Starts reading.
    ///
    /// # Errors
    /// A count that is negative or larger than the bytes allow.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let left = usize::try_from(reader.i32()?).ok();
        // A lexeme has at least the end of its word and the number of its positions.
        let left = left.filter(|left| *left <= reader.remaining() / 3);
        let left = left.ok_or(DecodeError::length(NAME, "more lexemes than bytes"))?;
        Ok(Self { reader, left })
    }

    /// The next lexeme, `None` after the last.
    ///
    /// # Errors
    /// A word without end, fewer positions than announced, or bytes after the last lexeme.
    pub fn next_lexeme(&mut self) -> Result<Option<Lexeme<'a>>, DecodeError> {
        if self.left == 0 {
            return self.reader.finish().map(|()| None);
        }
        self.left -= 1;
        let word = self.reader.cstring()?;
        let count = usize::from(self.reader.u16()?);
        let (positions, _) = self.reader.bytes(2 * count)?.as_chunks();
        Ok(Some(Lexeme { word, positions }))
    }
}

/// Appends the text of a binary value, as `tsvectorout` would write it: `'cat':3A,7 'fat'`.
///
/// # Errors
/// Those of [`TsvectorBinary`].
pub fn binary_to_text(raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut lexemes = TsvectorBinary::new(raw)?;
    let mut first = true;
    while let Some(lexeme) = lexemes.next_lexeme()? {
        if !first {
            out.push(b' ');
        }
        first = false;
        word_to_text(lexeme.word, out);
        let mut before = b':';
        for position in lexeme.positions() {
            out.push(before);
            int::int_to_text(position.at, out);
            match position.weight {
                Weight::A => out.push(b'A'),
                Weight::B => out.push(b'B'),
                Weight::C => out.push(b'C'),
                Weight::D => {}
            }
            before = b',';
        }
    }
    Ok(())
}

/// Appends the binary form of a text as the server writes it: quoted lexemes, each with its positions.
///
/// # Errors
/// Another layout, a position above 16383, or more positions than a lexeme can have.
pub fn text_to_binary(raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let written = lexemes_to_binary(&mut Scanner::new(raw), out).and_then(|count| {
        let count = i32::try_from(count).ok()?;
        let place = out.get_mut(start..start + 4)?;
        place.copy_from_slice(&count.to_be_bytes());
        Some(())
    });
    if written.is_none() {
        out.truncate(start);
    }
    written.ok_or(DecodeError::invalid(
        NAME,
        "not quoted lexemes with positions",
    ))
}

fn lexemes_to_binary(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Option<usize> {
    let mut count = 0;
    while !scanner.is_empty() {
        if count > 0 && !scanner.eat(b' ') {
            return None;
        }
        unquote_to(quoted_word(scanner)?, out);
        out.push(0);
        positions_to_binary(scanner, out)?;
        count += 1;
    }
    Some(count)
}

fn positions_to_binary(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 2]);
    let mut count = 0_u16;
    while scanner.eat(if count == 0 { b':' } else { b',' }) {
        let (at, _) = scanner.number()?;
        let at = u16::try_from(at).ok().filter(|at| *at <= MAX_POSITION)?;
        let weight = match scanner.peek() {
            Some(b'A') => 3,
            Some(b'B') => 2,
            Some(b'C') => 1,
            _ => 0,
        };
        if weight > 0 {
            scanner.next();
        }
        out.extend_from_slice(&(at | weight << 14).to_be_bytes());
        count = count.checked_add(1)?;
    }
    let place = out.get_mut(start..start + 2)?;
    place.copy_from_slice(&count.to_be_bytes());
    Some(())
}

/// Takes a word in quotes, its quotes and backslashes still doubled; `None` if it has no end or a NUL in it.
pub(crate) fn quoted_word<'a>(scanner: &mut Scanner<'a>) -> Option<&'a [u8]> {
    if !scanner.eat(b'\'') {
        return None;
    }
    let whole = scanner.rest();
    let mut length = 0;
    loop {
        let part = scanner.until(|byte, skip| {
            *skip = byte == b'\\';
            byte == b'\''
        })?;
        length += part.len();
        if !scanner.eat(b'\'') {
            return None;
        }
        if !scanner.eat(b'\'') {
            break;
        }
        length += 2;
    }
    whole.get(..length).filter(|word| !word.contains(&0))
}

/// Appends what [`quoted_word`] took, quotes and backslashes no longer doubled.
pub(crate) fn unquote_to(quoted: &[u8], out: &mut Vec<u8>) {
    let mut bytes = quoted.iter();
    while let Some(&byte) = bytes.next() {
        let second = matches!(byte, b'\'' | b'\\').then(|| bytes.next());
        out.push(second.flatten().copied().unwrap_or(byte));
    }
}

/// Appends a word in quotes, as both text search types have it.
pub(crate) fn word_to_text(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    for &byte in word {
        if matches!(byte, b'\'' | b'\\') {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to_binary(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        text_to_binary(text, &mut out).map(|()| out)
    }

    fn to_text(binary: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        binary_to_text(binary, &mut out).map(|()| out)
    }

    #[test]
    fn lexemes() {
        let binary = to_binary(b"'a''b':1A,2 'c\\\\d'").unwrap();
        let mut reader = TsvectorBinary::new(&binary).unwrap();
        let first = reader.next_lexeme().unwrap().unwrap();
        assert_eq!(first.word(), b"a'b");
        let expected = [(1, Weight::A), (2, Weight::D)].map(|(at, weight)| Position { at, weight });
        assert_eq!(first.positions().collect::<Vec<_>>(), expected);
        assert_eq!(reader.next_lexeme().unwrap().unwrap().word(), b"c\\d");
        assert_eq!(reader.next_lexeme(), Ok(None));
        assert_eq!(to_binary(b"").as_deref(), Ok(&[0; 4][..]));
    }

    #[test]
    fn refused() {
        for bad in [
            "a",
            "'a",
            "'a' ",
            " 'a'",
            "'a''",
            "'a\\",
            "'a'  'b'",
            "'a':",
            "'a':1,",
            "'a':16384",
            "'a':1E",
            "'a\0'",
            "'a':1'b'",
            "'a':1 2",
        ] {
            assert!(to_binary(bad.as_bytes()).is_err(), "{bad}");
        }
        let mut out = b"before".to_vec();
        assert!(text_to_binary(b"'a' b", &mut out).is_err());
        assert_eq!(out, b"before");
        for bad in [
            &b""[..],
            b"\xff\xff\xff\xff",
            b"\x7f\xff\xff\xff\0\0\0",
            b"\0\0\0\x01abc",
            b"\0\0\0\x01a\0\0\x01",
            b"\0\0\0\x01a\0\0\0\0",
        ] {
            assert!(to_text(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(words in prop::collection::vec(("[a'\\\\ :,\u{e9}]{0,4}", prop::collection::vec(any::<u16>(), 0..3)), 0..4)) {
            let mut binary = i32::try_from(words.len()).unwrap().to_be_bytes().to_vec();
            for (word, positions) in words {
                binary.extend_from_slice(word.as_bytes());
                binary.push(0);
                binary.extend(u16::try_from(positions.len()).unwrap().to_be_bytes());
                binary.extend(positions.into_iter().flat_map(u16::to_be_bytes));
            }
            let text = to_text(&binary).unwrap();
            prop_assert_eq!(to_binary(&text).unwrap(), binary);
        }
    }
}
