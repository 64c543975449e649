//! Arrays: `{...}` in text (`array_in`, `array_out`), dimensions and framed elements in binary (`array_recv`).
//!
//! Both readers hand out one element at a time, so that a caller builds its own nested lists without a tree in
//! between, and hold no memory besides: what is open is counted, not kept.

pub use crate::quoting::ElementText;
use crate::quoting::quote;
use crate::reader::{Reader, Scanner};
use crate::{DecodeError, EncodeError, length};

const NAME: &str = "array";

/// The most dimensions that PostgreSQL has, `MAXDIM`.
pub const MAX_DIMENSIONS: usize = 6;
/// The deepest nesting read from text; the server writes at most [`MAX_DIMENSIONS`].
pub const MAX_DEPTH: u32 = 32;

/// One dimension of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dimension {
    /// The number of elements.
    pub length: i32,
    /// The index of the first element, 1 unless set otherwise.
    pub lower_bound: i32,
}

/// What comes next in the text of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArrayEvent<'a> {
    /// `{`: the array itself, then a nested list.
    Open,
    /// `}`
    Close,
    /// An element that is NULL.
    Null,
    /// An element.
    Element(ElementText<'a>),
}

/// Reads the text form of an array as a series of events.
///
/// The series of a well-formed array starts with `Open`, balances, and ends with the `Close` of the outermost
/// list. That nested lists are of equal length is not checked.
#[derive(Debug, Clone)]
pub struct ArrayText<'a> {
    scanner: Scanner<'a>,
    delimiter: u8,
    depth: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing read yet.
    Start,
    /// Behind `{`: a value, or `}` for an empty list.
    Opened,
    /// Behind a value: a delimiter or `}`.
    Separator,
    /// Behind the outermost `}`.
    End,
}

impl<'a> ArrayText<'a> {
    /// Starts reading; `delimiter` is a comma for every built-in type but `box`.
    ///
    /// Explicit bounds (`[0:2]={1,2,3}`) are skipped.
    ///
    /// # Errors
    /// Bounds that are malformed.
    pub fn new(raw: &'a [u8], delimiter: u8) -> Result<Self, DecodeError> {
        let mut scanner = Scanner::new(raw);
        while scanner.peek() == Some(b'[') {
            bounds(&mut scanner).ok_or(BAD_BOUNDS)?;
        }
        if scanner.rest().len() < raw.len() && !scanner.eat(b'=') {
            return Err(BAD_BOUNDS);
        }
        Ok(Self {
            scanner,
            delimiter,
            depth: 0,
            state: State::Start,
        })
    }

    /// The next event, `None` after the end.
    ///
    /// # Errors
    /// Malformed text, text after the end, or more than [`MAX_DEPTH`] nested lists.
    pub fn next_event(&mut self) -> Result<Option<ArrayEvent<'a>>, DecodeError> {
        match self.state {
            State::End if self.scanner.is_empty() => Ok(None),
            State::End => Err(DecodeError::invalid(NAME, "text after the last '}'")),
            State::Start => self.open().map(Some),
            State::Opened if self.scanner.peek() == Some(b'}') => self.close().map(Some),
            State::Opened => self.value().map(Some),
            State::Separator if self.scanner.eat(self.delimiter) => self.value().map(Some),
            State::Separator => self.close().map(Some),
        }
    }

    fn value(&mut self) -> Result<ArrayEvent<'a>, DecodeError> {
        match self.scanner.peek() {
            Some(b'{') => self.open(),
            Some(b'"') => self.quoted(),
            _ => self.plain(),
        }
    }

    fn open(&mut self) -> Result<ArrayEvent<'a>, DecodeError> {
        if !self.scanner.eat(b'{') {
            return Err(DecodeError::invalid(NAME, "no '{' at the start"));
        }
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::range(NAME, "too many nested lists"));
        }
        self.depth += 1;
        self.state = State::Opened;
        Ok(ArrayEvent::Open)
    }

    fn close(&mut self) -> Result<ArrayEvent<'a>, DecodeError> {
        if !self.scanner.eat(b'}') {
            return Err(DecodeError::invalid(
                NAME,
                "neither a delimiter nor '}' after an element",
            ));
        }
        self.depth -= 1;
        self.state = if self.depth == 0 {
            State::End
        } else {
            State::Separator
        };
        Ok(ArrayEvent::Close)
    }

    fn plain(&mut self) -> Result<ArrayEvent<'a>, DecodeError> {
        let delimiter = self.delimiter;
        let mut escaped = false;
        let raw = self.scanner.until(|byte, skip| {
            if byte == b'\\' {
                escaped = true;
                *skip = true;
            }
            byte == delimiter || matches!(byte, b'{' | b'}' | b'"')
        });
        let raw = raw.filter(|raw| !raw.is_empty());
        let raw = raw.ok_or(DecodeError::invalid(
            NAME,
            "an element is missing or has no end",
        ))?;
        self.state = State::Separator;
        if raw.eq_ignore_ascii_case(b"NULL") {
            return Ok(ArrayEvent::Null);
        }
        Ok(ArrayEvent::Element(ElementText::new(raw, escaped)))
    }

    fn quoted(&mut self) -> Result<ArrayEvent<'a>, DecodeError> {
        self.scanner.eat(b'"');
        let mut escaped = false;
        let raw = self.scanner.until(|byte, skip| {
            if byte == b'\\' {
                escaped = true;
                *skip = true;
            }
            byte == b'"'
        });
        let raw = raw.filter(|_| self.scanner.eat(b'"'));
        let raw = raw.ok_or(DecodeError::invalid(NAME, "a quoted element has no end"))?;
        self.state = State::Separator;
        Ok(ArrayEvent::Element(ElementText::new(raw, escaped)))
    }
}

/// The header of a binary array, checked against the bytes that follow.
#[derive(Debug, Clone)]
pub struct ArrayBinary<'a> {
    reader: Reader<'a>,
    element_oid: u32,
    dimensions: [Dimension; MAX_DIMENSIONS],
    count: usize,
    left: usize,
}

impl<'a> ArrayBinary<'a> {
    /// Reads the header.
    ///
    /// An array without elements has no dimensions, whatever its header says, so that the lists a caller builds
    /// from [`dimensions`](Self::dimensions) are never larger than the input.
    ///
    /// # Errors
    /// More than [`MAX_DIMENSIONS`], negative lengths, bounds that overflow, or more elements than bytes.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let count = usize::try_from(reader.i32()?)
            .ok()
            .filter(|count| *count <= MAX_DIMENSIONS);
        let count = count.ok_or(DecodeError::range(NAME, "too many dimensions"))?;
        let flags = reader.u32()?;
        if flags > 1 {
            return Err(DecodeError::invalid(NAME, "unknown flags"));
        }
        let element_oid = reader.u32()?;
        let mut dimensions = [Dimension::default(); MAX_DIMENSIONS];
        for dimension in dimensions.iter_mut().take(count) {
            *dimension = read_dimension(&mut reader)?;
        }
        let elements = if count == 0 {
            0
        } else {
            product(dimensions.iter().take(count))?
        };
        // Every element has at least its length.
        if elements > reader.remaining() / 4 {
            return Err(DecodeError::length(NAME, "more elements than bytes"));
        }
        Ok(Self {
            reader,
            element_oid,
            dimensions,
            count: if elements == 0 { 0 } else { count },
            left: elements,
        })
    }

    /// The OID of the elements.
    #[must_use]
    pub const fn element_oid(&self) -> u32 {
        self.element_oid
    }

    /// The dimensions, outermost first; none for an empty array.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        self.dimensions.get(..self.count).unwrap_or_default()
    }

    /// The number of elements that are still to be read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.left
    }

    /// The next element in row-major order, `None` inside for NULL and outside after the last.
    ///
    /// # Errors
    /// A length that is negative or beyond the end, or bytes after the last element.
    pub fn next_element(&mut self) -> Result<Option<Option<&'a [u8]>>, DecodeError> {
        if self.left == 0 {
            return self.reader.finish().map(|()| None);
        }
        self.left -= 1;
        self.reader.value().map(Some)
    }
}

impl<'a> Iterator for ArrayBinary<'a> {
    type Item = Result<Option<&'a [u8]>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_element().transpose()
    }
}

/// Quotes, if it has to be, the element that was appended to `out` since it had the length `start`.
///
/// The rule is `array_out`'s: empty, the word NULL, or with a brace, the delimiter, a quote, a backslash or white
/// space in it.
pub fn quote_element(out: &mut Vec<u8>, start: usize, delimiter: u8) {
    let Some(element) = out.get(start..) else {
        return;
    };
    if needs_quotes(element, delimiter) {
        quote(out, start, |_| b'\\');
    }
}

/// Writes the binary form of an array: header first, then an element at a time.
///
/// Between [`begin`](Self::begin) and [`finish`](Self::finish) append each element in row-major order: a NULL with
/// [`null`](Self::null), a value with [`length::begin`] and [`length::end`] around it.
#[derive(Debug)]
pub struct ArrayWriter {
    flags_at: usize,
    has_null: bool,
}

impl ArrayWriter {
    /// Appends the header of an array with these lengths and lower bounds of 1; no lengths make an empty array.
    ///
    /// # Errors
    /// More than [`MAX_DIMENSIONS`], or a length beyond 2147483647.
    pub fn begin(
        out: &mut Vec<u8>,
        element_oid: u32,
        lengths: &[usize],
    ) -> Result<Self, EncodeError> {
        if lengths.len() > MAX_DIMENSIONS {
            return Err(EncodeError::new(NAME, "more than 6 dimensions"));
        }
        let too_long = EncodeError::new(NAME, "too many elements");
        let count = i32::try_from(lengths.len()).map_err(|_| too_long)?;
        out.extend_from_slice(&count.to_be_bytes());
        let flags_at = out.len();
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&element_oid.to_be_bytes());
        for &length in lengths {
            let length = i32::try_from(length).map_err(|_| too_long)?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&1_i32.to_be_bytes());
        }
        Ok(Self {
            flags_at,
            has_null: false,
        })
    }

    /// Appends a NULL element.
    pub fn null(&mut self, out: &mut Vec<u8>) {
        self.has_null = true;
        length::null(out);
    }

    /// Completes the header.
    pub fn finish(self, out: &mut [u8]) {
        if self.has_null
            && let Some(flag) = out.get_mut(self.flags_at + 3)
        {
            *flag = 1;
        }
    }
}

const BAD_BOUNDS: DecodeError = DecodeError::invalid(NAME, "bad bounds before '='");

/// `[lower:upper]` or `[upper]`.
fn bounds(scanner: &mut Scanner<'_>) -> Option<()> {
    let mut bound = |opening: u8| {
        if !scanner.eat(opening) {
            return None;
        }
        if !scanner.eat(b'-') {
            scanner.eat(b'+');
        }
        scanner.number().map(|_| scanner.peek())
    };
    if bound(b'[')? == Some(b':') {
        bound(b':')?;
    }
    scanner.eat(b']').then_some(())
}

fn read_dimension(reader: &mut Reader<'_>) -> Result<Dimension, DecodeError> {
    let dimension = Dimension {
        length: reader.i32()?,
        lower_bound: reader.i32()?,
    };
    if dimension.length < 0
        || dimension
            .lower_bound
            .checked_add(dimension.length)
            .is_none()
    {
        return Err(DecodeError::range(NAME, "bad bounds of a dimension"));
    }
    Ok(dimension)
}

fn product<'d>(mut dimensions: impl Iterator<Item = &'d Dimension>) -> Result<usize, DecodeError> {
    dimensions
        .try_fold(1_usize, |product, dimension| {
            product.checked_mul(usize::try_from(dimension.length).ok()?)
        })
        .ok_or(DecodeError::range(NAME, "too many elements"))
}

fn needs_quotes(element: &[u8], delimiter: u8) -> bool {
    element.is_empty()
        || element.eq_ignore_ascii_case(b"NULL")
        || element.iter().any(|&byte| {
            byte == delimiter || matches!(byte, b'"' | b'\\' | b'{' | b'}' | b' ' | b'\t'..=b'\r')
        })
}

#[cfg(test)]
#[path = "array_tests.rs"]
mod tests;
