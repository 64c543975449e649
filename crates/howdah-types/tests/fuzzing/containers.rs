//! Types whose values have parts of other types.

use howdah_types::array::{ArrayBinary, ArrayEvent, ArrayText, ElementText, quote_element};
use howdah_types::composite::{CompositeBinary, CompositeText, quote_field};
use howdah_types::hstore::{self, HstoreBinary, HstoreText};
use howdah_types::range::{
    MultirangeBinary, MultirangeText, Range, range_from_binary, range_from_text, range_to_text,
};
use howdah_types::{
    DecodeError, Format, FromSql, IsNull, LoadContext, datetime::Timestamp, oid, transcode as codec,
};

use super::{drain, written};

/// Arrays of any type, and lists made of them.
pub(crate) fn arrays(data: &[u8]) {
    for delimiter in [b',', b';'] {
        if let Ok(text) = rewritten(data, delimiter) {
            assert_eq!(rewritten(&text, delimiter).as_ref(), Ok(&text));
        }
    }
    let mut count = 0;
    let reader = ArrayBinary::new(data);
    if let Ok(reader) = &reader {
        let elements: i64 = reader
            .dimensions()
            .iter()
            .map(|d| i64::from(d.length))
            .product();
        assert!(
            reader.dimensions().is_empty() || usize::try_from(elements) == Ok(reader.remaining())
        );
    }
    let _ = drain(reader, data.len(), ArrayBinary::next_element, |_| {
        count += 1
    });
    let cx = LoadContext::default();
    for format in [Format::Text, Format::Binary] {
        let _ = Vec::<Option<i32>>::from_sql(oid::INT4_ARRAY.into(), format, data, &cx);
        let _ = Vec::<Option<String>>::from_sql(oid::TEXT_ARRAY.into(), format, data, &cx);
    }
}

/// The array with its quotes where `array_out` would put them.
fn rewritten(data: &[u8], delimiter: u8) -> Result<Vec<u8>, DecodeError> {
    let mut out: Vec<u8> = Vec::new();
    // A list has a delimiter in front unless it is first, and the word NULL may be an element in quotes.
    let mut first = true;
    let reader = ArrayText::new(data, delimiter);
    drain(reader, data.len(), ArrayText::next_event, |event| {
        if !first && !matches!(event, ArrayEvent::Close) {
            out.push(delimiter);
        }
        first = matches!(event, ArrayEvent::Open);
        match event {
            ArrayEvent::Open => out.push(b'{'),
            ArrayEvent::Close => out.push(b'}'),
            ArrayEvent::Null => out.extend_from_slice(b"NULL"),
            ArrayEvent::Element(text) => {
                let start = out.len();
                out.extend_from_slice(text.bytes(&mut Vec::new()));
                quote_element(&mut out, start, delimiter);
            }
        }
    })?;
    Ok(out)
}

/// Composites and records.
pub(crate) fn composites(data: &[u8]) {
    let fields = |raw: &[u8]| {
        let mut fields = Vec::new();
        let reader = CompositeText::new(raw);
        drain(reader, raw.len(), CompositeText::next_field, |field| {
            fields.push(field.map(own))
        })?;
        Ok::<_, DecodeError>(fields)
    };
    if let Ok(read) = fields(data) {
        let text = written(|out| {
            for (at, field) in read.iter().enumerate() {
                out.push(if at == 0 { b'(' } else { b',' });
                let start = out.len();
                if let Some(field) = field {
                    out.extend_from_slice(field);
                    quote_field(out, start);
                }
            }
            out.extend_from_slice(if read.is_empty() { b"()" } else { b")" });
        });
        // One NULL and nothing at all are written alike.
        assert!(read == [None] || fields(&text) == Ok(read));
    }
    let _ = drain(
        CompositeBinary::new(data),
        data.len(),
        CompositeBinary::next_field,
        drop,
    );
}

/// Ranges and multiranges.
pub(crate) fn ranges(data: &[u8]) {
    if let Ok(range) = range_from_text(data) {
        let text = shown(&range);
        assert_eq!(range_from_text(&text).map(|range| shown(&range)), Ok(text));
    }
    let _ = range_from_binary(data);
    let _ = drain(
        MultirangeText::new(data),
        data.len(),
        MultirangeText::next_range,
        drop,
    );
    let _ = drain(
        MultirangeBinary::new(data),
        data.len(),
        MultirangeBinary::next_range,
        drop,
    );
    let cx = LoadContext::default();
    for format in [Format::Text, Format::Binary] {
        let _ = Range::<i32>::from_sql(oid::INT4RANGE.into(), format, data, &cx);
        let _ = Range::<Timestamp>::from_sql(oid::TSRANGE.into(), format, data, &cx);
    }
}

fn shown(range: &Range<ElementText<'_>>) -> Vec<u8> {
    written(|out| {
        let ended = range_to_text(range, out, |bound, out| {
            out.extend_from_slice(&own(*bound));
            Ok::<_, DecodeError>(IsNull::No)
        });
        assert!(ended.is_ok());
    })
}

/// `hstore`.
pub(crate) fn hstores(data: &[u8]) {
    let pairs = |raw: &[u8]| {
        let mut pairs = Vec::new();
        let reader = Ok(HstoreText::new(raw));
        drain(reader, raw.len(), HstoreText::next_pair, |(key, value)| {
            pairs.push((own(key), value.map(own)));
        })?;
        Ok::<_, DecodeError>(pairs)
    };
    if let Ok(read) = pairs(data) {
        let text = written(|out| {
            for (at, (key, value)) in read.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                hstore::pair_to_text(key, value.as_deref(), out);
            }
        });
        assert_eq!(pairs(&text), Ok(read));
    }
    let _ = drain(
        HstoreBinary::new(data),
        data.len(),
        HstoreBinary::next_pair,
        drop,
    );
}

/// The first byte chooses a built-in type, or the array of one above 127; the rest is a binary value of it.
pub(crate) fn transcode(data: &[u8]) {
    let Some((oid, value)) = choice(data) else {
        return;
    };
    let mut out = b"before".to_vec();
    match codec::binary_to_text(oid, value, &mut out) {
        Ok(()) => assert!(out.starts_with(b"before")),
        Err(_) => assert_eq!(out, b"before"),
    }
}

/// Whether the type that [`transcode`] chooses is `numeric` or has values of it inside.
pub(super) fn has_numerics(data: &[u8]) -> bool {
    let numerics = [oid::NUMERIC, oid::NUMRANGE, oid::NUMMULTIRANGE];
    let with_arrays = |oid: u32| oid::element_of(oid).map_or(oid, |element| element.oid);
    choice(data).is_some_and(|(oid, _)| numerics.contains(&with_arrays(oid)))
}

fn choice(data: &[u8]) -> Option<(u32, &[u8])> {
    let (chosen, value) = data.split_first()?;
    let entry = oid::TYPES.get(usize::from(chosen & 127))?;
    let oid = if *chosen > 127 {
        entry.array_oid
    } else {
        entry.oid
    };
    Some((oid, value))
}

fn own(text: ElementText<'_>) -> Vec<u8> {
    text.bytes(&mut Vec::new()).to_vec()
}
