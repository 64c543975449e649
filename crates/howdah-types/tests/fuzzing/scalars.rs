//! Types whose values have no parts of other types.

use howdah_types::bit::Bits;
use howdah_types::datetime::{Date, Interval, Time, TimeTz, Timestamp, TimestampTz, Years};
use howdah_types::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use howdah_types::net::Inet;
use howdah_types::numeric::{self, Numeric};
use howdah_types::text as characters;
use howdah_types::{
    DateFormat, DateStyle, DecodeError, IntervalStyle, boolean, bytea, float, int, json, lsn,
    money, net, tsquery, tsvector, uuid,
};

use super::{again, written};

/// For each pair: what is read is written, read again, and is the same.
macro_rules! all_again {
    ($data:expr; $($read:path, $write:path;)*) => {
        $( again($read($data), |value, out| $write(*value, out), $read); )*
    };
}

/// `bool`, integers, floats, `numeric`, `money` and `pg_lsn`.
pub(crate) fn numbers(data: &[u8]) {
    all_again! { data;
        boolean::bool_from_text, boolean::bool_to_text;
        boolean::bool_from_binary, boolean::bool_to_binary;
        int::int2_from_text, int::int_to_text;
        int::int4_from_text, int::int_to_text;
        int::int8_from_text, int::int_to_text;
        int::oid_from_text, int::int_to_text;
        int::xid8_from_text, int::int_to_text;
        int::int2_from_binary, int::int2_to_binary;
        int::int4_from_binary, int::int4_to_binary;
        int::int8_from_binary, int::int8_to_binary;
        int::oid_from_binary, int::oid_to_binary;
        int::xid8_from_binary, int::xid8_to_binary;
        money::money_from_text, money::money_to_text;
        money::money_from_binary, money::money_to_binary;
        lsn::pg_lsn_from_text, lsn::pg_lsn_to_text;
        lsn::pg_lsn_from_binary, lsn::pg_lsn_to_binary;
    }
    floats(data);
    numerics(data);
}

/// Compared by their bits, because NaN equals nothing; all of them are written as one.
fn floats(data: &[u8]) {
    let bits = |value: f64| if value.is_nan() { 0 } else { value.to_bits() };
    let wide = |raw: &[u8]| float::float8_from_text(raw).map(bits);
    let from = |raw: &[u8]| float::float8_from_binary(raw).map(bits);
    for value in [
        float::float8_from_text(data),
        float::float8_from_binary(data),
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(
            wide(&written(|o| float::float8_to_text(value, o))),
            Ok(bits(value))
        );
        assert_eq!(
            from(&written(|o| float::float8_to_binary(value, o))),
            Ok(bits(value))
        );
    }
    let bits = |value: f32| if value.is_nan() { 0 } else { value.to_bits() };
    let narrow = |raw: &[u8]| float::float4_from_text(raw).map(bits);
    for value in [
        float::float4_from_text(data),
        float::float4_from_binary(data),
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(
            narrow(&written(|o| float::float4_to_text(value, o))),
            Ok(bits(value))
        );
    }
}

/// A negative zero and zeros in front, which no server sends, do not come back as they were; the text does.
fn numerics(data: &[u8]) {
    let text = |raw: &[u8]| {
        let mut out = Vec::new();
        numeric::binary_to_text(raw, &mut out).map(|()| out)
    };
    if let Ok(shown) = text(data) {
        let mut binary = Vec::new();
        numeric::text_to_binary(&shown, &mut binary).expect("what was written is a number");
        let zero = shown.iter().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
        let unsigned = shown.strip_prefix(b"-").filter(|_| zero).unwrap_or(&shown);
        assert_eq!(text(&binary).as_deref(), Ok(unsigned));
        let number = Numeric::from_binary(data).expect("what has a text is a number");
        assert_eq!(written(|o| number.to_text(o)), shown);
        let _ = number.to_i128();
    }
    again(
        Numeric::from_text(data),
        Numeric::to_text,
        Numeric::from_text,
    );
}

/// Characters, `bytea`, `uuid`, `jsonb` and bits.
pub(crate) fn text(data: &[u8]) {
    let _ = (characters::str_from(data), json::jsonb_from_binary(data));
    again(
        characters::char_from_text(data),
        |v, o| characters::char_to_text(*v, o),
        characters::char_from_text,
    );
    again(
        characters::char_from_binary(data),
        |v, o| characters::char_to_binary(*v, o),
        characters::char_from_binary,
    );
    again(
        uuid::uuid_from_text(data),
        uuid::uuid_to_text,
        uuid::uuid_from_text,
    );
    again(
        uuid::uuid_from_binary(data),
        uuid::uuid_to_binary,
        uuid::uuid_from_binary,
    );
    again(Bits::from_text(data), Bits::to_text, Bits::from_text);
    again(Bits::from_binary(data), Bits::to_binary, Bits::from_binary);
    let bytes = |raw: &[u8]| {
        let mut out = Vec::new();
        bytea::bytea_from_text(raw, &mut out).map(|()| out)
    };
    again(bytes(data), |v, o| bytea::bytea_to_text(v, o), bytes);
    again(Ok(data.to_vec()), |v, o| bytea::bytea_to_text(v, o), bytes);
    if let Some(length) = bytea::hex_length(data) {
        let mut exact = vec![0; length];
        let read = bytea::bytea_from_hex(data, &mut exact);
        assert_eq!(read.map(|()| exact), bytes(data));
    }
}

/// Dates and times in every DateStyle, intervals in every IntervalStyle.
pub(crate) fn datetime(data: &[u8]) {
    for format in [
        DateFormat::Iso,
        DateFormat::Sql,
        DateFormat::German,
        DateFormat::Postgres,
    ] {
        for day_first in [false, true] {
            in_style(data, DateStyle { format, day_first });
        }
    }
    let iso = DateStyle::default();
    again(
        Date::from_binary(data),
        |v, o| v.to_text(o),
        |raw| Date::from_text(raw, iso),
    );
    again(
        Timestamp::from_binary(data),
        |v, o| v.to_text(o),
        |raw| Timestamp::from_text(raw, iso),
    );
    again(
        TimestampTz::from_binary(data),
        |v, o| v.to_text(o),
        |raw| TimestampTz::from_text(raw, iso),
    );
    again(
        Time::from_text(data),
        |v, o| v.to_binary(o),
        Time::from_binary,
    );
    again(
        Time::from_binary(data),
        |v, o| v.to_text(o),
        Time::from_text,
    );
    again(
        TimeTz::from_text(data),
        |v, o| v.to_binary(o),
        TimeTz::from_binary,
    );
    again(
        TimeTz::from_binary(data),
        |v, o| v.to_text(o),
        TimeTz::from_text,
    );
    assert_eq!(
        Time::civil_from_text(data),
        Time::from_text(data).and_then(Time::civil)
    );
    intervals(data);
}

fn intervals(data: &[u8]) {
    let postgres = |raw: &[u8]| Interval::from_text(raw, IntervalStyle::Postgres);
    again(postgres(data), |v, o| v.to_binary(o), Interval::from_binary);
    again(Interval::from_binary(data), |v, o| v.to_text(o), postgres);
    again(
        Interval::from_binary(data),
        |v, o| v.to_postgres_text(o),
        postgres,
    );
    for style in [
        IntervalStyle::PostgresVerbose,
        IntervalStyle::SqlStandard,
        IntervalStyle::Iso8601,
    ] {
        let _ = Interval::from_text(data, style);
    }
}

fn in_style(data: &[u8], style: DateStyle) {
    let date = Date::from_text(data, style);
    let stamp = Timestamp::from_text(data, style);
    let zoned = TimestampTz::from_text_with_offset(data, style);
    again(date, |v, o| v.to_binary(o), Date::from_binary);
    again(stamp, |v, o| v.to_binary(o), Timestamp::from_binary);
    for years in [Years::ALL, Years::FOUR_DIGITS] {
        assert_eq!(
            Date::civil_from_text(data, style, years),
            date.and_then(|date| date.civil(years))
        );
        assert_eq!(
            Timestamp::civil_from_text(data, style, years),
            stamp.and_then(|stamp| stamp.civil(years))
        );
        let civil = zoned.and_then(|(zoned, offset)| Ok((zoned.civil_at(offset, years)?, offset)));
        assert_eq!(TimestampTz::civil_from_text(data, style, years), civil);
    }
}

/// Addresses of networks and of interfaces.
pub(crate) fn network(data: &[u8]) {
    for cidr in [false, true] {
        again(
            Inet::from_text(data),
            |v, o| v.to_text(cidr, o),
            Inet::from_text,
        );
        again(
            Inet::from_binary(data),
            |v, o| v.to_binary(cidr, o),
            Inet::from_binary,
        );
        again(
            Inet::from_binary(data),
            |v, o| v.to_text(cidr, o),
            Inet::from_text,
        );
    }
    again(
        net::macaddr_from_text::<6>(data),
        |v, o| net::macaddr_to_text(v, o),
        net::macaddr_from_text,
    );
    again(
        net::macaddr_from_text::<8>(data),
        |v, o| net::macaddr_to_text(v, o),
        net::macaddr_from_text,
    );
    again(
        net::macaddr_from_binary::<6>(data),
        |v, o| net::macaddr_to_binary(v, o),
        net::macaddr_from_binary,
    );
    again(
        net::macaddr_from_binary::<8>(data),
        |v, o| net::macaddr_to_binary(v, o),
        net::macaddr_from_binary,
    );
}

/// `tsvector` and `tsquery`.
pub(crate) fn search(data: &[u8]) {
    type Convert = fn(&[u8], &mut Vec<u8>) -> Result<(), DecodeError>;
    let pairs: [(Convert, Convert); 2] = [
        (tsvector::binary_to_text, tsvector::text_to_binary),
        (tsquery::binary_to_text, tsquery::text_to_binary),
    ];
    for (to_text, to_binary) in pairs {
        let convert = |convert: Convert, raw: &[u8]| {
            let mut out = Vec::new();
            convert(raw, &mut out).map(|()| out)
        };
        if let Ok(text) = convert(to_text, data) {
            let binary = convert(to_binary, &text);
            let shown = binary.and_then(|binary| convert(to_text, &binary));
            assert_eq!(shown, Ok(text));
        }
        if let Ok(binary) = convert(to_binary, data) {
            assert!(convert(to_text, &binary).is_ok());
        }
    }
}

/// Points and what is made of them. What is written is compared, because NaN equals nothing.
pub(crate) fn geometry(data: &[u8]) {
    macro_rules! shapes {
        ($($shape:ident),*) => { $(
            for shape in [$shape::from_text(data), $shape::from_binary(data)].into_iter().flatten() {
                let text = written(|o| shape.to_text(o));
                // A shape without points has no text that a server reads.
                if let Ok(read) = $shape::from_text(&text) {
                    assert_eq!(written(|o| read.to_text(o)), text);
                } else {
                    assert!(matches!(text.as_slice(), b"()" | b"[]"));
                }
                let binary = written(|o| shape.to_binary(o));
                let read = $shape::from_binary(&binary).expect("what was written can be read");
                assert_eq!(written(|o| read.to_binary(o)), binary);
            }
        )* };
    }
    shapes!(Point, Line, Segment, Rectangle, Path, Polygon, Circle);
}
