//! The text of a value that came in binary, as the server would have written it.
//!
//! For a caller that asked for binary results and then has to hand the text to somebody. The settings that shape
//! text are taken to be DateStyle ISO, IntervalStyle `postgres`, `bytea_output` hex and TimeZone UTC.

use crate::array::{ArrayBinary, Dimension, quote_element};
use crate::bit::Bits;
use crate::datetime::{Date, Interval, Time, TimeTz, Timestamp, TimestampTz};
use crate::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use crate::net::Inet;
use crate::oid::{self, TypeKind};
use crate::quoting::room_for_quotes;
use crate::range::{MultirangeBinary, Range, range_from_binary, range_to_text};
use crate::{
    DecodeError, DecodeErrorKind, IsNull, boolean, bytea, float, int, json, lsn, net, numeric,
    text, tsquery, tsvector, uuid,
};

/// The longest text that a server makes of one value, its `MaxAllocSize`.
const MAX_TEXT: usize = 0x3FFF_FFFF;

/// Appends the text of the binary value `data` of the built-in type `oid`.
///
/// Scalars, ranges and multiranges are known, and arrays of them; `out` is left as it was if there is an error.
/// The text is at most some times as long as `data`, except where there is a `numeric`: the ten bytes of 1e131071
/// have a text of 131072 digits. Like a server, this makes no text longer than 1 GB.
///
/// # Errors
/// `UnknownType` for every other type, composites, `money` and types of users among them; what the type's own
/// reader refuses; elements of an array that are of another type than the array's.
pub fn binary_to_text(oid: u32, data: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let start = out.len();
    let written = match oid::element_of(oid) {
        Some(element) => {
            let is_of = |told| told == element.oid;
            array(data, element.delimiter, out, is_of, one)
        }
        None => one(oid, data, out),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Whether [`binary_to_text`] knows the scalar type `oid`.
#[must_use]
pub fn knows_scalar(oid: u32) -> bool {
    let made = scalar(oid, &[], &mut Vec::new());
    !made.is_err_and(|error| error.kind() == DecodeErrorKind::UnknownType)
}

fn one(oid: u32, data: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match oid::lookup(oid).map(|entry| entry.kind) {
        Some(TypeKind::Range { subtype, .. }) => {
            range(&range_from_binary(data)?, out, |bound, out| {
                scalar(subtype, bound, out)
            })
        }
        Some(TypeKind::Multirange { subtype, .. }) => {
            multirange(data, out, |bound, out| scalar(subtype, bound, out))
        }
        _ => scalar(oid, data, out),
    }
}

pub(crate) fn scalar(oid: u32, data: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match oid {
        oid::BOOL => boolean::bool_to_text(boolean::bool_from_binary(data)?, out),
        oid::INT2 => int::int_to_text(int::int2_from_binary(data)?, out),
        oid::INT4 => int::int_to_text(int::int4_from_binary(data)?, out),
        oid::INT8 => int::int_to_text(int::int8_from_binary(data)?, out),
        oid::OID | oid::XID | oid::CID => int::int_to_text(int::oid_from_binary(data)?, out),
        oid::XID8 => int::int_to_text(int::xid8_from_binary(data)?, out),
        oid::FLOAT4 => float::float4_to_text(float::float4_from_binary(data)?, out),
        oid::FLOAT8 => float::float8_to_text(float::float8_from_binary(data)?, out),
        oid::NUMERIC => numeric::binary_to_text(data, out)?,
        oid::CHAR => text::char_to_text(text::char_from_binary(data)?, out),
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::CSTRING => {
            out.extend_from_slice(data);
        }
        oid::JSON | oid::XML | oid::REFCURSOR => out.extend_from_slice(data),
        oid::JSONB | oid::JSONPATH => out.extend_from_slice(json::jsonb_from_binary(data)?),
        oid::BYTEA => bytea::bytea_to_text(data, out),
        oid::UUID => uuid::uuid_to_text(&uuid::uuid_from_binary(data)?, out),
        _ => return calendar(oid, data, out),
    }
    Ok(())
}

fn calendar(oid: u32, data: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match oid {
        oid::DATE => Date::from_binary(data)?.to_text(out),
        oid::TIME => Time::from_binary(data)?.to_text(out),
        oid::TIMETZ => TimeTz::from_binary(data)?.to_text(out),
        oid::TIMESTAMP => Timestamp::from_binary(data)?.to_text(out),
        oid::TIMESTAMPTZ => TimestampTz::from_binary(data)?.to_text(out),
        oid::INTERVAL => Interval::from_binary(data)?.to_postgres_text(out),
        _ => return special(oid, data, out),
    }
    Ok(())
}

fn special(oid: u32, data: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match oid {
        oid::INET => Inet::from_binary(data)?.to_text(false, out),
        oid::CIDR => Inet::from_binary(data)?.to_text(true, out),
        oid::MACADDR => net::macaddr_to_text(&net::macaddr_from_binary::<6>(data)?, out),
        oid::MACADDR8 => net::macaddr_to_text(&net::macaddr_from_binary::<8>(data)?, out),
        oid::BIT | oid::VARBIT => Bits::from_binary(data)?.to_text(out),
        oid::PG_LSN => lsn::pg_lsn_to_text(lsn::pg_lsn_from_binary(data)?, out),
        oid::TSVECTOR => tsvector::binary_to_text(data, out)?,
        oid::TSQUERY => tsquery::binary_to_text(data, out)?,
        _ => return shape(oid, data, out),
    }
    Ok(())
}

fn shape(oid: u32, data: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match oid {
        oid::POINT => Point::from_binary(data)?.to_text(out),
        oid::LINE => Line::from_binary(data)?.to_text(out),
        oid::LSEG => Segment::from_binary(data)?.to_text(out),
        oid::BOX => Rectangle::from_binary(data)?.to_text(out),
        oid::PATH => Path::from_binary(data)?.to_text(out),
        oid::POLYGON => Polygon::from_binary(data)?.to_text(out),
        oid::CIRCLE => Circle::from_binary(data)?.to_text(out),
        _ => {
            let name = oid::lookup(oid).map_or("a type that is not built in", |entry| entry.name);
            let kind = DecodeErrorKind::UnknownType;
            return Err(DecodeError::new(
                kind,
                name,
                "no text is made of its binary form",
            ));
        }
    }
    Ok(())
}

/// What appends the text of a value within another.
type Written = Result<(), DecodeError>;

/// Appends a range, whose bounds `write` appends.
pub(crate) fn range(
    range: &Range<&[u8]>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&[u8], &mut Vec<u8>) -> Written,
) -> Written {
    range_to_text(range, out, |bound, out| {
        write(bound, out).map(|()| IsNull::No)
    })
}

/// Appends a multirange, whose bounds `write` appends.
pub(crate) fn multirange(
    data: &[u8],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&[u8], &mut Vec<u8>) -> Written,
) -> Written {
    let mut ranges = MultirangeBinary::new(data)?;
    let start = out.len();
    let mut before = b'{';
    while let Some(next) = ranges.next_range()? {
        out.push(before);
        range(&next, out, &mut write)?;
        check_length(start, out)?;
        before = b',';
    }
    if before == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}

/// Appends an array, whose elements `write` appends: it is given their OID, which `is_of` has been asked about.
pub(crate) fn array(
    data: &[u8],
    delimiter: u8,
    out: &mut Vec<u8>,
    is_of: impl FnOnce(u32) -> bool,
    mut write: impl FnMut(u32, &[u8], &mut Vec<u8>) -> Written,
) -> Written {
    let mut elements = ArrayBinary::new(data)?;
    let element = elements.element_oid();
    if !is_of(element) {
        return Err(DecodeError::invalid("array", "elements of another type"));
    }
    let start = out.len();
    let all = elements.remaining();
    let dimensions = elements.clone();
    let dimensions = dimensions.dimensions();
    bounds(dimensions, out);
    if all == 0 {
        out.extend_from_slice(b"{}");
    }
    while let Some(value) = elements.next_element()? {
        let at = all - elements.remaining() - 1;
        if at > 0 {
            out.push(delimiter);
        }
        braces(dimensions, at, b'{', out);
        match value {
            Some(value) => {
                let start = out.len();
                write(element, value, out)?;
                room_for_quotes(out, start)?;
                quote_element(out, start, delimiter);
            }
            None => out.extend_from_slice(b"NULL"),
        }
        braces(dimensions, at + 1, b'}', out);
        check_length(start, out)?;
    }
    Ok(())
}

/// Whether what was written since `start` is not too long.
pub(crate) fn check_length(start: usize, out: &[u8]) -> Result<(), DecodeError> {
    if out.len() - start > MAX_TEXT {
        return Err(DecodeError::range("value", "its text is longer than 1 GB"));
    }
    Ok(())
}

/// `[0:2][1:1]=`, if one of the dimensions does not start at 1.
fn bounds(dimensions: &[Dimension], out: &mut Vec<u8>) {
    if dimensions
        .iter()
        .all(|dimension| dimension.lower_bound == 1)
    {
        return;
    }
    for dimension in dimensions {
        out.push(b'[');
        int::int_to_text(dimension.lower_bound, out);
        out.push(b':');
        int::int_to_text(dimension.lower_bound + (dimension.length - 1), out);
        out.push(b']');
    }
    out.push(b'=');
}

/// A brace for each list that starts, or ends, at position `at` of the elements.
fn braces(dimensions: &[Dimension], at: usize, brace: u8, out: &mut Vec<u8>) {
    let mut stride = 1;
    for dimension in dimensions.iter().rev() {
        stride *= usize::try_from(dimension.length).unwrap_or(1);
        if !at.is_multiple_of(stride) {
            break;
        }
        out.push(brace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(oid: u32, data: &[u8]) -> Result<String, DecodeError> {
        let mut out = b"before ".to_vec();
        binary_to_text(oid, data, &mut out)?;
        Ok(String::from_utf8_lossy(&out["before ".len()..]).into_owned())
    }

    fn array_of(element: u32, dimensions: &[[i32; 2]], values: &[Option<&[u8]>]) -> Vec<u8> {
        let word = |value: i32| value.to_be_bytes();
        let count = i32::try_from(dimensions.len()).unwrap();
        let mut out = [word(count), word(0), element.to_be_bytes()].concat();
        out.extend(dimensions.concat().into_iter().flat_map(word));
        for value in values {
            match value {
                Some(value) => crate::length::value(&mut out, value).unwrap(),
                None => crate::length::null(&mut out),
            }
        }
        out
    }

    #[test]
    fn scalars() {
        assert_eq!(text(oid::BOOL, &[1]).as_deref(), Ok("t"));
        assert_eq!(text(oid::INT2, &[0xFF, 0xFE]).as_deref(), Ok("-2"));
        assert_eq!(text(oid::OID, &[0xFF; 4]).as_deref(), Ok("4294967295"));
        assert_eq!(
            text(oid::FLOAT8, &1e20_f64.to_be_bytes()).as_deref(),
            Ok("1e+20")
        );
        assert_eq!(text(oid::BYTEA, &[0, 255]).as_deref(), Ok("\\x00ff"));
        assert_eq!(text(oid::JSONB, b"\x01[1]").as_deref(), Ok("[1]"));
        assert_eq!(
            text(oid::TIMESTAMPTZ, &[0; 8]).as_deref(),
            Ok("2000-01-01 00:00:00+00")
        );
        assert_eq!(
            text(oid::DATE, &i32::MAX.to_be_bytes()).as_deref(),
            Ok("infinity")
        );
        assert_eq!(text(oid::INT4RANGE, &[1]).as_deref(), Ok("empty"));
    }

    #[test]
    fn arrays() {
        let ints = array_of(
            oid::INT2,
            &[[2, 1], [2, 1]],
            &[Some(&[0, 1]), None, Some(&[0, 3]), Some(&[0, 4])],
        );
        assert_eq!(
            text(oid::INT2_ARRAY, &ints).as_deref(),
            Ok("{{1,NULL},{3,4}}")
        );
        let words = array_of(
            oid::TEXT,
            &[[3, -1]],
            &[Some(b"a b"), Some(b""), Some(b"null")],
        );
        let expected = "[-1:1]={\"a b\",\"\",\"null\"}";
        assert_eq!(text(oid::TEXT_ARRAY, &words).as_deref(), Ok(expected));
        let empty = array_of(oid::TEXT, &[], &[]);
        assert_eq!(text(oid::TEXT_ARRAY, &empty).as_deref(), Ok("{}"));
        let other = text(oid::INT4_ARRAY, &words).unwrap_err();
        assert_eq!(other.kind(), DecodeErrorKind::Invalid);
    }

    #[test]
    fn an_error_leaves_the_buffer_alone() {
        let mut out = b"before".to_vec();
        let unknown = binary_to_text(oid::RECORD, &[0; 4], &mut out).unwrap_err();
        assert_eq!(unknown.kind(), DecodeErrorKind::UnknownType);
        assert!(binary_to_text(1_000_000, &[], &mut out).is_err());
        let cut = array_of(oid::INT4, &[[2, 1]], &[Some(&[0, 0, 0, 1]), Some(&[0])]);
        assert!(binary_to_text(oid::INT4_ARRAY, &cut, &mut out).is_err());
        assert_eq!(out, b"before");
    }
}
