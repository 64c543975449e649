//! What a PostgreSQL 18 server sends (samples.tsv, made by samples.sql) reads the same in both formats, and what is
//! written is what the server writes.

use howdah_types::array::{ArrayBinary, ArrayEvent, ArrayText, quote_element};
use howdah_types::bit::Bits;
use howdah_types::bytea;
use howdah_types::composite::{CompositeBinary, CompositeText};
use howdah_types::datetime::{Date, Interval, Time, TimeTz, Timestamp, TimestampTz};
use howdah_types::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use howdah_types::hstore::{HstoreBinary, HstoreText};
use howdah_types::net::{self, Inet};
use howdah_types::numeric::{self, Numeric};
use howdah_types::range::{MultirangeBinary, MultirangeText, Range};
use howdah_types::{
    DateStyle, DecodeError, DecodeErrorKind, Format, FromSqlOwned, IntervalStyle, LoadContext, lsn,
    money, oid, transcode, tsquery, tsvector,
};

struct Sample<'a> {
    name: &'a str,
    setting: &'a str,
    text: &'a [u8],
    binary: Vec<u8>,
}

#[test]
fn every_sample() {
    let samples = samples();
    assert!(samples.len() > 250, "only {} samples", samples.len());
    samples.iter().for_each(check);
}

/// Cut at every length and with every bit of the first bytes flipped, whatever decoder it is given to.
#[test]
fn damaged_samples_never_panic() {
    for sample in samples() {
        for raw in [sample.text, &sample.binary] {
            for length in 0..raw.len().min(20) {
                decode_as_everything(&raw[..length]);
                for bit in 0..8 {
                    let mut damaged = raw[..raw.len().min(20)].to_vec();
                    damaged[length] ^= 1 << bit;
                    decode_as_everything(&damaged);
                }
            }
        }
    }
}

/// A value that is read from fewer bytes than it needs would be an invention.
#[test]
fn binary_values_do_not_read_when_cut() {
    for sample in samples() {
        let ty = match sample.name {
            "bytea" | "record" => continue,
            name => oid_of(name),
        };
        for length in 0..sample.binary.len() {
            assert!(
                !reads(ty, Format::Binary, &sample.binary[..length]),
                "{} {length}",
                sample.name
            );
        }
    }
}

/// Under the settings that it assumes, what is made of the binary value is the server's text.
#[test]
fn text_of_binary_values() {
    let mut checked = 0;
    for sample in samples() {
        let mut text = Vec::new();
        let made = transcode::binary_to_text(oid_of(sample.name), &sample.binary, &mut text);
        if matches!(sample.name, "money" | "record") {
            assert_eq!(made.unwrap_err().kind(), DecodeErrorKind::UnknownType);
            continue;
        }
        made.unwrap();
        let utc = [&b"+00"[..], b"+00 BC", b"infinity"];
        let other_zone =
            sample.name == "timestamptz" && !utc.iter().any(|end| sample.text.ends_with(end));
        // Hosts among the samples are shown with their prefix; inet[] has them without.
        let shown_otherwise = other_zone || sample.name == "inet";
        if !shown_otherwise && matches!(sample.setting, "" | "ISO, MDY") {
            let text = String::from_utf8_lossy(&text);
            assert_eq!(
                text,
                String::from_utf8_lossy(sample.text),
                "{}",
                sample.name
            );
            checked += 1;
        }
    }
    assert!(checked > 200, "only {checked} values");
}

/// The OID of a type by its name, or that of its array if `[]` follows.
fn oid_of(name: &str) -> u32 {
    let entry = |name: &str| *oid::by_name(name).expect("a built-in type");
    name.strip_suffix("[]")
        .map_or_else(|| entry(name).oid, |element| entry(element).array_oid)
}

fn samples() -> Vec<Sample<'static>> {
    let sample = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, setting, text, hex] = fields[..] else {
            panic!("four fields: {line}");
        };
        let binary =
            written(|out| bytea::bytea_from_text(format!("\\x{hex}").as_bytes(), out).unwrap());
        Sample {
            name,
            setting,
            text: text.as_bytes(),
            binary,
        }
    };
    include_str!("samples.tsv").lines().map(sample).collect()
}

/// One type for every decoder.
const DECODED: [u32; 35] = [
    oid::BOOL,
    oid::INT8,
    oid::FLOAT8,
    oid::NUMERIC,
    oid::TEXT,
    oid::BYTEA,
    oid::UUID,
    oid::DATE,
    oid::TIME,
    oid::TIMETZ,
    oid::TIMESTAMP,
    oid::TIMESTAMPTZ,
    oid::INTERVAL,
    oid::INET,
    oid::MACADDR,
    oid::MACADDR8,
    oid::VARBIT,
    oid::INT4RANGE,
    oid::TSRANGE,
    oid::INT4MULTIRANGE,
    oid::RECORD,
    oid::INT4_ARRAY,
    oid::TEXT_ARRAY,
    oid::BOX_ARRAY,
    oid::MONEY,
    oid::PG_LSN,
    oid::POINT,
    oid::LINE,
    oid::LSEG,
    oid::BOX,
    oid::PATH,
    oid::POLYGON,
    oid::CIRCLE,
    oid::TSVECTOR,
    oid::TSQUERY,
];

fn decode_as_everything(raw: &[u8]) {
    for ty in DECODED {
        reads(ty, Format::Text, raw);
        reads(ty, Format::Binary, raw);
    }
    for style in [
        "SQL, DMY",
        "SQL, MDY",
        "German, DMY",
        "Postgres, DMY",
        "Postgres, MDY",
    ] {
        let style = DateStyle::parse(style).expect("a style");
        let _ = (
            Date::from_text(raw, style),
            Timestamp::from_text(raw, style),
        );
    }
    let _ = drain(HstoreText::new(raw), HstoreText::next_pair);
    let _ = HstoreBinary::new(raw).and_then(|reader| drain(reader, HstoreBinary::next_pair));
}

/// Whether the bytes are a value of the type, by the Rust type or the reader that takes it.
fn reads(ty: u32, format: Format, raw: &[u8]) -> bool {
    fn is<T: FromSqlOwned>(ty: u32, format: Format, raw: &[u8]) -> bool {
        T::from_sql(ty.into(), format, raw, &LoadContext::default()).is_ok()
    }
    match (ty, format) {
        (oid::UUID, Format::Text) => howdah_types::uuid::uuid_from_text(raw).is_ok(),
        (oid::UUID, Format::Binary) => howdah_types::uuid::uuid_from_binary(raw).is_ok(),
        (oid::MACADDR, Format::Text) => net::macaddr_from_text::<6>(raw).is_ok(),
        (oid::MACADDR, Format::Binary) => net::macaddr_from_binary::<6>(raw).is_ok(),
        (oid::MACADDR8, Format::Text) => net::macaddr_from_text::<8>(raw).is_ok(),
        (oid::MACADDR8, Format::Binary) => net::macaddr_from_binary::<8>(raw).is_ok(),
        (oid::INT4MULTIRANGE, Format::Text) => MultirangeText::new(raw)
            .and_then(|reader| drain(reader, MultirangeText::next_range))
            .is_ok(),
        (oid::INT4MULTIRANGE, Format::Binary) => MultirangeBinary::new(raw)
            .and_then(|reader| drain(reader, MultirangeBinary::next_range))
            .is_ok(),
        (oid::RECORD, Format::Text) => CompositeText::new(raw)
            .and_then(|reader| drain(reader, CompositeText::next_field))
            .is_ok(),
        (oid::RECORD, Format::Binary) => CompositeBinary::new(raw)
            .and_then(|reader| drain(reader, CompositeBinary::next_field))
            .is_ok(),
        (oid::BOX_ARRAY, Format::Text) => ArrayText::new(raw, b';')
            .and_then(|reader| drain(reader, ArrayText::next_event))
            .is_ok(),
        (_, Format::Binary) if oid::element_of(ty).is_some() => ArrayBinary::new(raw)
            .and_then(|reader| drain(reader, ArrayBinary::next_element))
            .is_ok(),
        _ => {
            reads_without_rust_type(ty, format, raw)
                || is::<bool>(ty, format, raw)
                || is::<i64>(ty, format, raw)
                || is::<f64>(ty, format, raw)
                || is::<Numeric>(ty, format, raw)
                || is::<String>(ty, format, raw)
                || is::<Vec<u8>>(ty, format, raw)
                || is::<Date>(ty, format, raw)
                || is::<Time>(ty, format, raw)
                || is::<TimeTz>(ty, format, raw)
                || is::<Timestamp>(ty, format, raw)
                || is::<TimestampTz>(ty, format, raw)
                || is::<Interval>(ty, format, raw)
                || is::<Inet>(ty, format, raw)
                || is::<Bits>(ty, format, raw)
                || is::<Range<i32>>(ty, format, raw)
                || is::<Range<Timestamp>>(ty, format, raw)
                || is::<Vec<Option<i32>>>(ty, format, raw)
                || is::<Vec<Option<String>>>(ty, format, raw)
        }
    }
}

/// Whether the type's own functions read it.
fn reads_without_rust_type(ty: u32, format: Format, raw: &[u8]) -> bool {
    match (ty, format) {
        (oid::MONEY, Format::Text) => money::money_from_text(raw).is_ok(),
        (oid::MONEY, Format::Binary) => money::money_from_binary(raw).is_ok(),
        (oid::PG_LSN, Format::Text) => lsn::pg_lsn_from_text(raw).is_ok(),
        (oid::TSVECTOR, Format::Text) => tsvector::text_to_binary(raw, &mut Vec::new()).is_ok(),
        (oid::TSQUERY, Format::Text) => tsquery::text_to_binary(raw, &mut Vec::new()).is_ok(),
        (oid::POINT, Format::Text) => Point::from_text(raw).is_ok(),
        (oid::LINE, Format::Text) => Line::from_text(raw).is_ok(),
        (oid::LSEG, Format::Text) => Segment::from_text(raw).is_ok(),
        (oid::BOX, Format::Text) => Rectangle::from_text(raw).is_ok(),
        (oid::PATH, Format::Text) => Path::from_text(raw).is_ok(),
        (oid::POLYGON, Format::Text) => Polygon::from_text(raw).is_ok(),
        (oid::CIRCLE, Format::Text) => Circle::from_text(raw).is_ok(),
        (_, Format::Text) => false,
        (_, Format::Binary) => transcode::binary_to_text(ty, raw, &mut Vec::new()).is_ok(),
    }
}

/// Reads to the end, and fails the test if there is none.
fn drain<R, T>(
    mut reader: R,
    next: impl Fn(&mut R) -> Result<Option<T>, DecodeError>,
) -> Result<(), DecodeError> {
    for _ in 0..100_000 {
        if next(&mut reader)?.is_none() {
            return Ok(());
        }
    }
    panic!("the reader does not end");
}

fn check(sample: &Sample<'_>) {
    let Sample {
        text, ref binary, ..
    } = *sample;
    match sample.name {
        "numeric" => numbers(sample),
        "bytea" => bytes(sample),
        "float8" => agree::<f64>(sample, oid::FLOAT8, |value, out| {
            howdah_types::float::float8_to_binary(value, out)
        }),
        "float4" => agree::<f32>(sample, oid::FLOAT4, |value, out| {
            howdah_types::float::float4_to_binary(value, out)
        }),
        "int8" => agree::<i64>(sample, oid::INT8, |value, out| {
            howdah_types::int::int8_to_binary(value, out)
        }),
        "bool" => agree::<bool>(sample, oid::BOOL, |value, out| {
            howdah_types::boolean::bool_to_binary(value, out)
        }),
        "uuid" => {
            let value = howdah_types::uuid::uuid_from_text(text).unwrap();
            assert_eq!(howdah_types::uuid::uuid_from_binary(binary), Ok(value));
            assert_eq!(
                written(|out| howdah_types::uuid::uuid_to_text(&value, out)),
                text
            );
        }
        "inet" | "cidr" => {
            let cidr = sample.name == "cidr";
            let value = Inet::from_binary(binary).unwrap();
            assert_eq!(Inet::from_text(text), Ok(value));
            assert_eq!(&written(|out| value.to_binary(cidr, out)), binary);
            assert_eq!(written(|out| value.to_text(true, out)), text);
        }
        "macaddr" => macaddr::<6>(sample),
        "macaddr8" => macaddr::<8>(sample),
        "varbit" => agree_with(
            sample,
            Bits::from_text(text).unwrap(),
            Bits::from_binary(binary).unwrap(),
            |v, out| v.to_binary(out),
            |v, out| v.to_text(out),
        ),
        name if name.ends_with("[]") => array(sample),
        "daterange" => range::<Date>(sample, oid::DATERANGE),
        "int4range" => range::<i32>(sample, oid::INT4RANGE),
        "tsrange" => range::<Timestamp>(sample, oid::TSRANGE),
        "int4multirange" | "nummultirange" => multirange(sample),
        "record" => record(sample),
        _ => check_calendar(sample),
    }
}

fn check_calendar(sample: &Sample<'_>) {
    let Sample {
        text, ref binary, ..
    } = *sample;
    let style = DateStyle::parse(sample.setting).unwrap_or_default();
    match sample.name {
        "date" => agree_with(
            sample,
            Date::from_text(text, style).unwrap(),
            Date::from_binary(binary).unwrap(),
            |v, out| v.to_binary(out),
            |v, out| v.to_text(out),
        ),
        "timestamp" => agree_with(
            sample,
            Timestamp::from_text(text, style).unwrap(),
            Timestamp::from_binary(binary).unwrap(),
            |v, out| v.to_binary(out),
            |v, out| v.to_text(out),
        ),
        "timestamptz" => assert_eq!(
            TimestampTz::from_text(text, style),
            TimestampTz::from_binary(binary)
        ),
        "time" => agree_with(
            sample,
            Time::from_text(text).unwrap(),
            Time::from_binary(binary).unwrap(),
            |v, out| v.to_binary(out),
            |v, out| v.to_text(out),
        ),
        "timetz" => agree_with(
            sample,
            TimeTz::from_text(text).unwrap(),
            TimeTz::from_binary(binary).unwrap(),
            |v, out| v.to_binary(out),
            |v, out| v.to_text(out),
        ),
        "interval" => {
            let value = Interval::from_text(text, IntervalStyle::Postgres).unwrap();
            assert_eq!(Interval::from_binary(binary), Ok(value));
            assert_eq!(&written(|out| value.to_binary(out)), binary);
        }
        _ => check_special(sample),
    }
}

fn check_special(sample: &Sample<'_>) {
    let Sample {
        text, ref binary, ..
    } = *sample;
    match sample.name {
        "money" => {
            let value = money::money_from_binary(binary).unwrap();
            assert_eq!(money::money_from_text(text), Ok(value));
            assert_eq!(&written(|out| money::money_to_binary(value, out)), binary);
        }
        "pg_lsn" => agree_with(
            sample,
            lsn::pg_lsn_from_text(text).unwrap(),
            lsn::pg_lsn_from_binary(binary).unwrap(),
            |v, out| lsn::pg_lsn_to_binary(*v, out),
            |v, out| lsn::pg_lsn_to_text(*v, out),
        ),
        "point" => shape(sample, Point::from_text, Point::from_binary, |v, out| {
            v.to_binary(out)
        }),
        "line" => shape(sample, Line::from_text, Line::from_binary, |v, out| {
            v.to_binary(out)
        }),
        "lseg" => shape(
            sample,
            Segment::from_text,
            Segment::from_binary,
            |v, out| v.to_binary(out),
        ),
        "box" => shape(
            sample,
            Rectangle::from_text,
            Rectangle::from_binary,
            |v, out| v.to_binary(out),
        ),
        "path" => shape(sample, Path::from_text, Path::from_binary, |v, out| {
            v.to_binary(out)
        }),
        "polygon" => shape(
            sample,
            Polygon::from_text,
            Polygon::from_binary,
            |v, out| v.to_binary(out),
        ),
        "circle" => shape(sample, Circle::from_text, Circle::from_binary, |v, out| {
            v.to_binary(out)
        }),
        "tsvector" => assert_eq!(
            &written(|out| tsvector::text_to_binary(text, out).unwrap()),
            binary
        ),
        "tsquery" => assert_eq!(
            &written(|out| tsquery::text_to_binary(text, out).unwrap()),
            binary
        ),
        other => panic!("no check for {other}"),
    }
}

/// Coordinates may be NaN, which equals nothing: both formats give the same bytes.
fn shape<T>(
    sample: &Sample<'_>,
    from_text: impl Fn(&[u8]) -> Result<T, DecodeError>,
    from_binary: impl Fn(&[u8]) -> Result<T, DecodeError>,
    to_binary: impl Fn(&T, &mut Vec<u8>),
) {
    let text = from_text(sample.text).unwrap();
    let binary = from_binary(&sample.binary).unwrap();
    assert_eq!(written(|out| to_binary(&text, out)), sample.binary);
    assert_eq!(written(|out| to_binary(&binary, out)), sample.binary);
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// Both formats give the same bytes when written in binary, which tells NaN and -0 apart too.
fn agree<T: FromSqlOwned>(sample: &Sample<'_>, ty: u32, to_binary: impl Fn(T, &mut Vec<u8>)) {
    let ctx = LoadContext::default();
    let text = T::from_sql(ty.into(), Format::Text, sample.text, &ctx).unwrap();
    let binary = T::from_sql(ty.into(), Format::Binary, &sample.binary, &ctx).unwrap();
    assert_eq!(written(|out| to_binary(text, out)), sample.binary);
    assert_eq!(written(|out| to_binary(binary, out)), sample.binary);
}

fn agree_with<T: PartialEq + std::fmt::Debug>(
    sample: &Sample<'_>,
    from_text: T,
    from_binary: T,
    to_binary: impl Fn(&T, &mut Vec<u8>),
    to_text: impl Fn(&T, &mut Vec<u8>),
) {
    assert_eq!(
        from_text,
        from_binary,
        "{}",
        String::from_utf8_lossy(sample.text)
    );
    assert_eq!(written(|out| to_binary(&from_text, out)), sample.binary);
    if sample.setting.is_empty() || sample.setting.starts_with("ISO") {
        assert_eq!(written(|out| to_text(&from_text, out)), sample.text);
    }
}

fn numbers(sample: &Sample<'_>) {
    assert_eq!(
        written(|out| numeric::binary_to_text(&sample.binary, out).unwrap()),
        sample.text
    );
    let value = Numeric::from_text(sample.text).unwrap();
    assert_eq!(value.to_string().as_bytes(), sample.text);
    // The server fills in a scale for infinities that means nothing.
    if !sample.text.ends_with(b"Infinity") {
        assert_eq!(
            written(|out| numeric::text_to_binary(sample.text, out).unwrap()),
            sample.binary
        );
    }
    assert_eq!(Numeric::from_binary(&sample.binary), Ok(value));
}

fn bytes(sample: &Sample<'_>) {
    assert_eq!(
        written(|out| bytea::bytea_from_text(sample.text, out).unwrap()),
        sample.binary
    );
    if sample.setting.is_empty() {
        assert_eq!(
            written(|out| bytea::bytea_to_text(&sample.binary, out)),
            sample.text
        );
    }
}

fn macaddr<const N: usize>(sample: &Sample<'_>) {
    let value = net::macaddr_from_binary::<N>(&sample.binary).unwrap();
    assert_eq!(net::macaddr_from_text(sample.text), Ok(value));
    assert_eq!(
        written(|out| net::macaddr_to_text(&value, out)),
        sample.text
    );
}

fn array(sample: &Sample<'_>) {
    let delimiter = if sample.name == "box[]" { b';' } else { b',' };
    let mut reader = ArrayText::new(sample.text, delimiter).unwrap();
    let mut elements = Vec::new();
    let mut rewritten = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        let opens = !matches!(event, ArrayEvent::Close);
        if opens && rewritten.last().is_some_and(|byte| *byte != b'{') {
            rewritten.push(delimiter);
        }
        match event {
            ArrayEvent::Open => rewritten.push(b'{'),
            ArrayEvent::Close => rewritten.push(b'}'),
            ArrayEvent::Null => {
                rewritten.extend_from_slice(b"NULL");
                elements.push(None);
            }
            ArrayEvent::Element(text) => {
                let start = rewritten.len();
                let text = text.bytes(&mut Vec::new()).to_vec();
                rewritten.extend_from_slice(&text);
                quote_element(&mut rewritten, start, delimiter);
                elements.push(Some(text));
            }
        }
    }
    assert!(
        sample.text.ends_with(&rewritten),
        "{}",
        String::from_utf8_lossy(&rewritten)
    );
    let binary = ArrayBinary::new(&sample.binary)
        .unwrap()
        .map(Result::unwrap);
    let nulls: Vec<bool> = binary.clone().map(|element| element.is_none()).collect();
    assert_eq!(
        nulls,
        elements.iter().map(Option::is_none).collect::<Vec<_>>()
    );
    if sample.name == "text[]" {
        assert_eq!(
            binary
                .map(|element| element.map(<[u8]>::to_vec))
                .collect::<Vec<_>>(),
            elements
        );
    }
}

fn range<T: FromSqlOwned + PartialEq + std::fmt::Debug>(sample: &Sample<'_>, ty: u32)
where
    Range<T>: howdah_types::ToSql,
{
    use howdah_types::{FromSql as _, ToSql as _};
    let ctx = LoadContext::default();
    let text = Range::<T>::from_sql(ty.into(), Format::Text, sample.text, &ctx).unwrap();
    let binary = Range::<T>::from_sql(ty.into(), Format::Binary, &sample.binary, &ctx).unwrap();
    assert_eq!(text, binary);
    assert_eq!(
        written(|out| {
            text.to_sql(ty.into(), Format::Binary, out).unwrap();
        }),
        sample.binary
    );
}

fn multirange(sample: &Sample<'_>) {
    let mut text = MultirangeText::new(sample.text).unwrap();
    let mut binary = MultirangeBinary::new(&sample.binary).unwrap();
    loop {
        let pair = (text.next_range().unwrap(), binary.next_range().unwrap());
        match pair {
            (None, None) => break,
            (Some(Range::Bounds(text)), Some(Range::Bounds(binary))) => {
                assert_eq!(text.lower.is_some(), binary.lower.is_some());
                assert_eq!(text.upper.is_some(), binary.upper.is_some());
                assert_eq!(text.lower_inclusive, binary.lower_inclusive);
                assert_eq!(text.upper_inclusive, binary.upper_inclusive);
            }
            pair => panic!("{pair:?}"),
        }
    }
}

fn record(sample: &Sample<'_>) {
    let mut text = CompositeText::new(sample.text).unwrap();
    let mut binary = CompositeBinary::new(&sample.binary).unwrap();
    while let Some((oid, value)) = binary.next_field().unwrap() {
        let field = text.next_field().unwrap().expect("as many fields in text");
        let field = field.map(|field| field.bytes(&mut Vec::new()).to_vec());
        if matches!(oid, oid::TEXT | oid::UNKNOWN) {
            assert_eq!(field.as_deref(), value);
        } else {
            assert_eq!(field.is_some(), value.is_some());
        }
    }
    assert_eq!(text.next_field(), Ok(None));
}
