//! JSON text to Python objects: the very ones that `json.loads` gives.
//!
//! Read here is what nearly all text consists of. Whatever is left (errors, whose messages are the standard library's,
//! integers of more than 18 digits, `NaN` and infinities, halves of surrogate pairs, deep nesting) ends the reading,
//! and the caller has the standard library read the text from its start.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::memory;

use howdah_ffi::values::{ListBuilder, dict, float, quick_ascii, quick_int, str_from_utf8};

/// Far below the recursion limit, and little of any stack.
const MAX_DEPTH: u32 = 64;
/// Integers of so many digits fit 64 bits.
const INT_DIGITS: usize = 18;

/// The value of a text in UTF-8; `None` if it is to be read by the standard library.
pub(super) fn parse<'py>(py: Python<'py>, text: &[u8]) -> Option<Bound<'py, PyAny>> {
    let mut parser = Parser {
        py,
        text,
        at: 0,
        items: Vec::new(),
        // Taken already if reading this runs code of the user's that reads JSON.
        keys: KEYS.try_lock().ok(),
    };
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    (parser.at == text.len()).then_some(value)
}

struct Parser<'a, 'py> {
    py: Python<'py>,
    text: &'a [u8],
    at: usize,
    /// The elements of the arrays that are not at their end yet.
    items: Vec<Bound<'py, PyAny>>,
    keys: Option<MutexGuard<'static, Keys>>,
}

impl<'a, 'py> Parser<'a, 'py> {
    fn value(&mut self, depth: u32) -> Option<Bound<'py, PyAny>> {
        match self.peek()? {
            b'"' => {
                let content = self.string()?;
                self.text_of(content)
            }
            b'{' if depth < MAX_DEPTH => self.object(depth + 1),
            b'[' if depth < MAX_DEPTH => self.array(depth + 1),
            b't' => self.word(b"true", PyBool::new(self.py, true).to_owned().into_any()),
            b'f' => self.word(b"false", PyBool::new(self.py, false).to_owned().into_any()),
            b'n' => self.word(b"null", self.py.None().into_bound(self.py)),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn object(&mut self, depth: u32) -> Option<Bound<'py, PyAny>> {
        self.at += 1;
        let dict = dict(self.py).ok()?;
        self.skip_space();
        if self.eat(b'}') {
            return Some(dict.into_any());
        }
        loop {
            if self.peek()? != b'"' {
                return None;
            }
            let content = self.string()?;
            let key = self.key_of(content)?;
            self.skip_space();
            if !self.eat(b':') {
                return None;
            }
            self.skip_space();
            let value = self.value(depth)?;
            dict.set_item(key, value).ok()?;
            self.skip_space();
            if self.eat(b'}') {
                return Some(dict.into_any());
            }
            if !self.eat(b',') {
                return None;
            }
            self.skip_space();
        }
    }

    fn array(&mut self, depth: u32) -> Option<Bound<'py, PyAny>> {
        self.at += 1;
        let first = self.items.len();
        self.skip_space();
        if !self.eat(b']') {
            loop {
                let value = self.value(depth)?;
                memory::push(&mut self.items, value).ok()?;
                self.skip_space();
                if self.eat(b']') {
                    break;
                }
                if !self.eat(b',') {
                    return None;
                }
                self.skip_space();
            }
        }
        let mut list = ListBuilder::new(self.py, self.items.len() - first).ok()?;
        for item in self.items.drain(first..) {
            list.push(item);
        }
        Some(list.finish().into_any())
    }

    fn word(&mut self, word: &[u8], value: Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
        self.rest().starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn number(&mut self) -> Option<Bound<'py, PyAny>> {
        let start = self.at;
        self.eat(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let digits = self.digits()?;
        if leading_zero && digits > 1 {
            return None;
        }
        let mut is_float = false;
        if self.eat(b'.') {
            self.digits()?;
            is_float = true;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.eat(b'-') {
                self.eat(b'+');
            }
            self.digits()?;
            is_float = true;
        }
        let text = std::str::from_utf8(self.text.get(start..self.at)?).ok()?;
        if is_float {
            return float(self.py, text.parse().ok()?).ok();
        }
        if digits > INT_DIGITS {
            return None;
        }
        quick_int(self.py, text.parse().ok()?)
    }

    /// Skips digits, of which there must be one; how many there were.
    fn digits(&mut self) -> Option<usize> {
        let rest = self.rest();
        let count = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
        self.at += count;
        (count > 0).then_some(count)
    }

    /// Skips a string; what is between its quotes.
    #[inline]
    fn string(&mut self) -> Option<Content> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.rest();
            let stop = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
            self.at += stop + 1;
            match rest.get(stop)? {
                b'"' => {
                    let range = start..self.at - 1;
                    return Some(Content { range, escaped });
                }
                // The byte behind it belongs to it, whatever it is.
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                }
                _ => return None,
            }
        }
    }

    #[inline]
    fn text_of(&self, content: Content) -> Option<Bound<'py, PyAny>> {
        let raw = self.text.get(content.range)?;
        if content.escaped {
            let text = unescaped(raw)?;
            return str_from_utf8(self.py, &text).ok().map(Bound::into_any);
        }
        quick_ascii(self.py, raw).or_else(|| str_from_utf8(self.py, raw).ok().map(Bound::into_any))
    }

    #[inline]
    fn key_of(&mut self, content: Content) -> Option<Bound<'py, PyAny>> {
        let raw = self.text.get(content.range.clone())?;
        match &mut self.keys {
            Some(keys) if !content.escaped && raw.len() <= Keys::LENGTH && raw.is_ascii() => {
                keys.find(self.py, raw)
            }
            _ => self.text_of(content),
        }
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// Where a string lies, without its quotes, and whether there is a backslash in it.
struct Content {
    range: Range<usize>,
    escaped: bool,
}

/// The UTF-8 of a string with escapes; `None` for those that are wrong or stand for half a character.
fn unescaped(raw: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    memory::reserve(&mut text, raw.len()).ok()?;
    let mut rest = raw;
    while let Some(stop) = rest.iter().position(|byte| *byte == b'\\') {
        text.extend_from_slice(rest.get(..stop)?);
        rest = rest.get(stop + 1..)?;
        let (letter, after) = rest.split_first()?;
        rest = after;
        let plain = match letter {
            b'"' | b'\\' | b'/' => *letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, after) = code_point(rest)?;
                let mut buffer = [0; 4];
                text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                rest = after;
                continue;
            }
            _ => return None,
        };
        text.push(plain);
    }
    text.extend_from_slice(rest);
    Some(text)
}

/// The character that `\u` stands for, with the second escape of a surrogate pair.
fn code_point(rest: &[u8]) -> Option<(char, &[u8])> {
    let (first, rest) = hex(rest)?;
    if !(0xD800..0xE000).contains(&first) {
        return Some((char::from_u32(first)?, rest));
    }
    let (second, rest) = hex(rest.strip_prefix(b"\\u")?)?;
    if first >= 0xDC00 || !(0xDC00..0xE000).contains(&second) {
        return None;
    }
    let both = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    Some((char::from_u32(both)?, rest))
}

fn hex(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<4>()?;
    let value = digits.iter().try_fold(0, |value, digit| {
        Some(value * 16 + char::from(*digit).to_digit(16)?)
    })?;
    Some((value, rest))
}

/// Keys of objects that were met before: documents of a column mostly have the same ones, and a str that is not new
/// knows its hash.
struct Keys {
    slots: [Option<Py<PyString>>; Keys::SLOTS],
}

static KEYS: Mutex<Keys> = Mutex::new(Keys {
    slots: [const { None }; Keys::SLOTS],
});

impl Keys {
    const SLOTS: usize = 512;
    /// The longest key that is kept.
    const LENGTH: usize = 32;

    /// The str for ASCII text.
    #[inline]
    fn find<'py>(&mut self, py: Python<'py>, text: &[u8]) -> Option<Bound<'py, PyAny>> {
        let slot = self.slots.get_mut(Self::slot(text))?;
        if let Some(known) = slot
            && known
                .bind(py)
                .to_str()
                .is_ok_and(|known| known.as_bytes() == text)
        {
            return Some(known.bind(py).clone().into_any());
        }
        let fresh = str_from_utf8(py, text).ok()?;
        *slot = Some(fresh.clone().unbind());
        Some(fresh.into_any())
    }

    #[inline]
    fn slot(text: &[u8]) -> usize {
        // Fowler, Noll and Vo's hash: short, and good enough for a place to look.
        let hash = text.iter().fold(0x811C_9DC5_u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        (hash ^ (hash >> 16)) as usize % Self::SLOTS
    }
}
