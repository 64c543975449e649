//! Rows in the data of a COPY, in the binary and in the text format.
//!
//! A row of the binary format is laid out as the body of a DataRow is; one of the text format is turned into that by [`split`]. Both
//! are then read by [`fields`](super::fields). Source: PostgreSQL documentation, "COPY", "File Formats".

use std::ops::Range;

use super::backend::check_data_row;
use crate::memory::{self, OutOfMemory};

/// What stands before the rows of the binary format: the signature, the flags, and the length of an extension.
pub const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands behind them.
pub const BINARY_TRAILER: &[u8] = &[0xff, 0xff];

/// The length of the signature in the header.
const SIGNATURE: usize = 11;

/// How many bytes the character at the front of a text has, `None` if it is none.
///
/// It is needed for encodings whose characters may have the byte of a backslash in them.
pub type CharacterLength<'a> = &'a dyn Fn(&[u8]) -> Option<usize>;

/// Data that is not in its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The data is not a row.
    NoRow,
    /// There is no memory for the row.
    OutOfMemory(OutOfMemory),
}

impl From<OutOfMemory> for Malformed {
    fn from(error: OutOfMemory) -> Self {
        Self::OutOfMemory(error)
    }
}

/// Where in a message of the binary format its row lies, as the body of a DataRow; `None` if there is none in it, as in the last one.
/// `is_first` says whether it is the first message, which has the header.
///
/// # Errors
/// It is not a row, or not one of `columns` columns, where that is given.
pub fn binary_row(
    message: &[u8],
    is_first: bool,
    columns: Option<usize>,
) -> Result<Option<Range<usize>>, Malformed> {
    let body = match is_first {
        true => behind_header(message).ok_or(Malformed::NoRow)?,
        false => message,
    };
    if body.is_empty() || body == BINARY_TRAILER {
        return Ok(None);
    }
    let start = message.len() - body.len();
    let count = body.first_chunk::<2>().ok_or(Malformed::NoRow)?;
    let columns = columns.unwrap_or_else(|| usize::from(u16::from_be_bytes(*count)));
    if check_data_row(body, columns).is_ok() {
        return Ok(Some(start..message.len()));
    }
    // The last row may have the trailer behind it.
    body.strip_suffix(BINARY_TRAILER)
        .filter(|body| check_data_row(body, columns).is_ok())
        .map(|body| Some(start..start + body.len()))
        .ok_or(Malformed::NoRow)
}

/// What is behind the header of the binary format.
fn behind_header(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(BINARY_HEADER.get(..SIGNATURE)?)?;
    let (_flags, rest) = rest.split_first_chunk::<4>()?;
    let (extension, rest) = rest.split_first_chunk::<4>()?;
    let extension = usize::try_from(u32::from_be_bytes(*extension)).ok()?;
    rest.get(extension..)
}

/// Appends a value of the text format with its special characters escaped.
///
/// # Errors
/// There is no memory for it; `out` is as before.
pub fn escape(
    value: &[u8],
    out: &mut Vec<u8>,
    length: Option<CharacterLength<'_>>,
) -> Result<(), OutOfMemory> {
    // Each byte may become two.
    memory::room(out, value.len().saturating_mul(2))?;
    let mut rest = value;
    while !rest.is_empty() {
        let plain = rest.iter().position(|byte| is_special(*byte, length));
        let (before, from) = rest.split_at(plain.unwrap_or(rest.len()));
        out.extend_from_slice(before);
        let Some((&byte, behind)) = from.split_first() else {
            break;
        };
        rest = behind;
        if !byte.is_ascii() {
            let (character, behind) = first_character(from, length);
            out.extend_from_slice(character);
            rest = behind;
            continue;
        }
        let letter = match byte {
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            other => other,
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
    Ok(())
}

fn is_special(byte: u8, length: Option<CharacterLength<'_>>) -> bool {
    matches!(byte, 8..=13 | b'\\') || (length.is_some() && !byte.is_ascii())
}

fn first_character<'a>(
    text: &'a [u8],
    length: Option<CharacterLength<'_>>,
) -> (&'a [u8], &'a [u8]) {
    let len = length.and_then(|length| length(text));
    text.split_at(len.unwrap_or(1).min(text.len()))
}

/// Appends the row in a message of the text format as the body of a DataRow. A COPY of no columns has empty lines.
///
/// # Errors
/// It is not a row, or there is no memory for it. `out` may then hold part of it.
pub fn split(
    message: &[u8],
    columns: usize,
    out: &mut Vec<u8>,
    length: Option<CharacterLength<'_>>,
) -> Result<(), Malformed> {
    let line = message.strip_suffix(b"\n").ok_or(Malformed::NoRow)?;
    let start = out.len();
    memory::room(out, line.len().saturating_add(2))?;
    out.extend_from_slice(&[0, 0]);
    let mut count: u16 = 0;
    let mut rest = Some(line).filter(|line| columns > 0 || !line.is_empty());
    while let Some(text) = rest {
        count = count.checked_add(1).ok_or(Malformed::NoRow)?;
        let place = out.len();
        append(out, &(-1_i32).to_be_bytes())?;
        rest = if text.starts_with(b"\\N") && matches!(text.get(2), None | Some(b'\t')) {
            text.get(3..)
        } else {
            let rest = unescape(text, out, length)?;
            let len = i32::try_from(out.len() - place - 4).map_err(|_| Malformed::NoRow)?;
            patch(out, place, &len.to_be_bytes());
            rest
        };
    }
    patch(out, start, &count.to_be_bytes());
    Ok(())
}

/// The values in a message of the text format, if it is a row of so many columns, at least one, without an escaped character in it.
/// What gives `None` is for [`split`].
///
/// In encodings whose characters may have the byte of a backslash in them that is not to be told so.
#[inline]
pub fn plain_values(message: &[u8], columns: usize) -> Option<impl Iterator<Item = Option<&[u8]>>> {
    let line = message.strip_suffix(b"\n")?;
    let mut tabs = 0_usize;
    let mut is_special = false;
    for byte in line {
        tabs += usize::from(*byte == b'\t');
        is_special |= matches!(byte, b'\n' | b'\\');
    }
    if columns == 0 || tabs + 1 != columns || (is_special && !has_only_nulls(line)) {
        return None;
    }
    let values = line.split(|byte| *byte == b'\t');
    Some(values.map(|value| (value != b"\\N").then_some(value)))
}

/// Whether each special character in a line is in a value that is NULL.
fn has_only_nulls(line: &[u8]) -> bool {
    let mut values = line.split(|byte| *byte == b'\t');
    let is_special = |byte: &u8| matches!(byte, b'\n' | b'\\');
    values.all(|value| value == b"\\N" || !value.iter().any(is_special))
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), OutOfMemory> {
    memory::room(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Writes over what is at a place.
fn patch(out: &mut [u8], place: usize, bytes: &[u8]) {
    if let Some(room) = out.get_mut(place..place + bytes.len()) {
        room.copy_from_slice(bytes);
    }
}

/// Appends the value at the front of `text` without its escapes; gives what is behind the tab that ends it.
fn unescape<'a>(
    text: &'a [u8],
    out: &mut Vec<u8>,
    length: Option<CharacterLength<'_>>,
) -> Result<Option<&'a [u8]>, Malformed> {
    let mut rest = text;
    loop {
        let place = rest.iter().position(|byte| {
            matches!(byte, b'\t' | b'\n' | b'\\') || (length.is_some() && !byte.is_ascii())
        });
        let (plain, from) = rest.split_at(place.unwrap_or(rest.len()));
        append(out, plain)?;
        match from {
            [] => return Ok(None),
            [b'\t', behind @ ..] => return Ok(Some(behind)),
            [b'\\', letter, behind @ ..] => {
                let byte = match letter {
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    other => *other,
                };
                append(out, &[byte])?;
                rest = behind;
            }
            [b'\n' | b'\\', ..] => return Err(Malformed::NoRow),
            _ => {
                let (character, behind) = first_character(from, length);
                append(out, character)?;
                rest = behind;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields;
    use super::*;

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = Vec::new();
        super::super::DataRow::encode_body(&mut body, values).unwrap();
        body
    }

    #[test]
    fn text_comes_back() {
        let every: Vec<u8> = (0..=255).collect();
        for value in [&b""[..], b"\\N", b"\\", b"a\tb\nc", &every] {
            let mut message = Vec::new();
            escape(value, &mut message, None).unwrap();
            assert!(!message.contains(&b'\n') && !message.contains(&b'\t'));
            message.extend_from_slice(b"\t\\N\n");
            let mut body = Vec::new();
            split(&message, 2, &mut body, None).unwrap();
            assert_eq!(body, row(&[Some(value), None]));
        }
    }

    #[test]
    fn a_character_may_have_the_byte_of_a_backslash() {
        let two: CharacterLength<'_> = &|text| Some(text.len().min(2));
        let mut message = Vec::new();
        escape(b"\x83\\\t", &mut message, Some(two)).unwrap();
        assert_eq!(message, b"\x83\\\\t");
        message.push(b'\n');
        let mut body = Vec::new();
        split(&message, 1, &mut body, Some(two)).unwrap();
        assert_eq!(fields(&body).next(), Some(Some(&b"\x83\\\t"[..])));
    }

    #[test]
    fn plain_values_are_found_in_place() {
        let values = |message: &'static [u8], columns| -> Option<Vec<Option<&[u8]>>> {
            plain_values(message, columns).map(Iterator::collect)
        };
        let whole = vec![Some(&b"a"[..]), None, Some(b""), Some(b"N")];
        assert_eq!(values(b"a\t\\N\t\tN\n", 4), Some(whole));
        assert_eq!(values(b"\n", 1), Some(vec![Some(&b""[..])]));
        assert_eq!(values(b"\\N\n", 1), Some(vec![None]));
        for message in [
            &b"a"[..],
            b"",
            b"\\\\\n",
            b"\\Na\n",
            b"a\\N\n",
            b"a\\tb\n",
            b"a\nb\n",
            b"a\tb\n",
        ] {
            assert_eq!(values(message, 1), None, "{message:?}");
        }
        assert_eq!(values(b"\n", 0), None);
    }

    #[test]
    fn lines_of_no_columns() {
        let mut body = Vec::new();
        split(b"\n", 0, &mut body, None).unwrap();
        assert_eq!(body, row(&[]));
        body.clear();
        split(b"\n", 1, &mut body, None).unwrap();
        assert_eq!(body, row(&[Some(b"")]));
    }

    #[test]
    fn what_is_no_row() {
        for message in [&b""[..], b"a", b"a\nb\n", b"a\\\n"] {
            let made = split(message, 1, &mut Vec::new(), None);
            assert_eq!(made, Err(Malformed::NoRow), "{message:?}");
        }
        for message in [&b"\0"[..], b"\0\x01", b"\0\x01\0\0\0\x02a", b"\0\0\0"] {
            let made = binary_row(message, false, None);
            assert_eq!(made, Err(Malformed::NoRow), "{message:?}");
        }
        assert_eq!(binary_row(b"\0\0", false, Some(1)), Err(Malformed::NoRow));
        assert_eq!(binary_row(b"PGCOPY\n", true, None), Err(Malformed::NoRow));
    }

    #[test]
    fn header_and_trailer_stand_beside_rows() {
        let body = row(&[Some(b"\xff\xff"), None]);
        let len = body.len();
        let mut first = BINARY_HEADER.to_vec();
        assert_eq!(binary_row(&first, true, None), Ok(None));
        first.extend_from_slice(&body);
        assert_eq!(binary_row(&first, true, Some(2)), Ok(Some(19..19 + len)));
        first.extend_from_slice(BINARY_TRAILER);
        assert_eq!(binary_row(&first, true, Some(2)), Ok(Some(19..19 + len)));
        assert_eq!(binary_row(&body, false, None), Ok(Some(0..len)));
        assert_eq!(binary_row(BINARY_TRAILER, false, None), Ok(None));
        let mut extended = BINARY_HEADER.to_vec();
        extended[18] = 3;
        extended.extend_from_slice(b"abc");
        extended.extend_from_slice(&body);
        assert_eq!(binary_row(&extended, true, None), Ok(Some(22..22 + len)));
    }
}
