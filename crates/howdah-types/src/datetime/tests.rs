use super::*;
use crate::DateFormat;
use proptest::prelude::*;

const ISO: DateStyle = DateStyle {
    format: DateFormat::Iso,
    day_first: false,
};

const fn style(format: DateFormat, day_first: bool) -> DateStyle {
    DateStyle { format, day_first }
}

const fn day(year: i32, month: u8, day: u8) -> CivilDate {
    CivilDate { year, month, day }
}

fn stamp(
    year: i32,
    month: u8,
    d: u8,
    hour: u8,
    minute: u8,
    second: u8,
    micro: u32,
) -> CivilDateTime {
    let time = CivilTime {
        hour,
        minute,
        second,
        micro,
    };
    CivilDateTime {
        date: day(year, month, d),
        time,
    }
}

#[test]
fn dates_in_every_style() {
    for (text, style, expected) in [
        ("1997-12-17", ISO, day(1997, 12, 17)),
        ("0044-03-15 BC", ISO, day(-43, 3, 15)),
        ("12345-01-02", ISO, day(12_345, 1, 2)),
        (
            "12/17/1997",
            style(DateFormat::Sql, false),
            day(1997, 12, 17),
        ),
        (
            "17/12/1997",
            style(DateFormat::Sql, true),
            day(1997, 12, 17),
        ),
        (
            "17.12.1997",
            style(DateFormat::German, false),
            day(1997, 12, 17),
        ),
        (
            "12-17-1997",
            style(DateFormat::Postgres, false),
            day(1997, 12, 17),
        ),
        (
            "17-12-1997",
            style(DateFormat::Postgres, true),
            day(1997, 12, 17),
        ),
        (
            "15-03-0044 BC",
            style(DateFormat::Postgres, true),
            day(-43, 3, 15),
        ),
    ] {
        let date = Date::from_text(text.as_bytes(), style).unwrap();
        assert_eq!(date.civil(Years::ALL), Ok(expected), "{text}");
    }
}

#[test]
fn timestamps_in_every_style() {
    let expected = stamp(1997, 12, 17, 7, 37, 16, 10);
    for (text, style) in [
        ("1997-12-17 07:37:16.00001", ISO),
        ("1997-12-17T07:37:16.000010", ISO),
        ("12/17/1997 07:37:16.00001", style(DateFormat::Sql, false)),
        ("17/12/1997 07:37:16.00001", style(DateFormat::Sql, true)),
        ("17.12.1997 07:37:16.00001", style(DateFormat::German, true)),
        (
            "Wed Dec 17 07:37:16.00001 1997",
            style(DateFormat::Postgres, false),
        ),
        (
            "Wed 17 Dec 07:37:16.00001 1997",
            style(DateFormat::Postgres, true),
        ),
    ] {
        let parsed = Timestamp::from_text(text.as_bytes(), style).unwrap();
        assert_eq!(parsed.civil(Years::ALL), Ok(expected), "{text}");
    }
    let bc = Timestamp::from_text(
        b"Mon Mar 15 00:00:00 0044 BC",
        style(DateFormat::Postgres, false),
    );
    assert_eq!(bc.unwrap().civil(Years::ALL).unwrap().date, day(-43, 3, 15));
}

#[test]
fn bad_dates() {
    for bad in [
        "",
        "1997",
        "1997-12",
        "1997-13-01",
        "1997-02-29",
        "97-12-17",
        "1997-12-17 ",
        "1997-12-17 AD",
        "1997/12/17",
        "99999999999-01-01",
        "-1997-12-17",
        "1997-1-1",
        "Infinity",
    ] {
        assert!(Date::from_text(bad.as_bytes(), ISO).is_err(), "{bad:?}");
    }
    for bad in [
        "",
        "1997-12-17",
        "1997-12-17 ",
        "1997-12-17 07:37",
        "1997-12-17 25:00:00",
        "1997-12-17 07:60:00",
        "1997-12-17 07:37:16.",
        "1997-12-17 07:37:16.1234567",
        "1997-12-17 07:37:16+00",
        "300000-01-01 00:00:00",
    ] {
        assert!(
            Timestamp::from_text(bad.as_bytes(), ISO).is_err(),
            "{bad:?}"
        );
    }
    let postgres = style(DateFormat::Postgres, false);
    for bad in [
        "Wed",
        "Wed ",
        "Wed Foo 17 07:37:16 1997",
        "Wed Dec 17 07:37:16",
        "17 Dec 07:37:16 1997",
    ] {
        assert!(
            Timestamp::from_text(bad.as_bytes(), postgres).is_err(),
            "{bad:?}"
        );
    }
}

#[test]
fn instants() {
    let expected = TimestampTz::from_civil(stamp(2024, 2, 29, 12, 0, 0, 500_000), 0).unwrap();
    for (text, offset) in [
        ("2024-02-29 12:00:00.5+00", 0),
        ("2024-02-29 14:00:00.5+02", 7200),
        ("2024-02-29 17:30:00.5+05:30", 19_800),
        ("2024-02-29 14:30:15.5+02:30:15", 9015),
        ("2024-02-29 09:29:45.5-02:30:15", -9015),
    ] {
        let parsed = TimestampTz::from_text_with_offset(text.as_bytes(), ISO);
        assert_eq!(parsed, Ok((expected, offset)), "{text}");
    }
    let bc = TimestampTz::from_text(b"0044-03-15 00:00:00+00 BC", ISO).unwrap();
    assert_eq!(bc.civil_utc(Years::ALL).unwrap().date, day(-43, 3, 15));
    for bad in [
        "2024-02-29 12:00:00",
        "2024-02-29 12:00:00Z",
        "2024-02-29 12:00:00+",
        "2024-02-29 12:00:00+24",
        "2024-02-29 12:00:00+0:00",
    ] {
        assert!(
            TimestampTz::from_text(bad.as_bytes(), ISO).is_err(),
            "{bad:?}"
        );
    }
    let sql = TimestampTz::from_text(b"02/29/2024 12:00:00 UTC", style(DateFormat::Sql, false));
    assert_eq!(sql.unwrap_err().kind(), DecodeErrorKind::Unsupported);
    assert_eq!(expected.civil_at(-3600, Years::ALL).unwrap().time.hour, 11);
}

#[test]
fn times() {
    let time = Time::from_text(b"23:59:59.999999").unwrap();
    assert_eq!(time.micros, MICROS_PER_DAY - 1);
    assert_eq!(
        Time::from_text(b"24:00:00").unwrap().civil().unwrap().hour,
        24
    );
    for bad in [
        "",
        "1:2:3",
        "24:00:01",
        "12:60:00",
        "12:00",
        "12:00:00+01",
        "12:00:00.",
    ] {
        assert!(Time::from_text(bad.as_bytes()).is_err(), "{bad:?}");
    }
    let zoned = TimeTz::from_text(b"10:20:30.5-02:30:15").unwrap();
    assert_eq!((zoned.time.micros, zoned.offset), (37_230_500_000, -9015));
    let mut out = Vec::new();
    zoned.to_text(&mut out);
    assert_eq!(out, b"10:20:30.5-02:30:15");
    out.clear();
    zoned.to_binary(&mut out);
    assert_eq!(out[8..], 9015_i32.to_be_bytes());
    assert_eq!(TimeTz::from_binary(&out), Ok(zoned));
    assert!(TimeTz::from_text(b"10:20:30").is_err());
    assert!(Time::from_binary(&(-1_i64).to_be_bytes()).is_err());
    assert!(Time::from_binary(&i64::MAX.to_be_bytes()).is_err());
    assert!(TimeTz::from_binary(&[0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0]).is_err());
    assert!(Time { micros: -1 }.civil().is_err());
}

#[test]
fn what_does_not_fit_is_named() {
    let kind = |result: Result<CivilDateTime, DecodeError>| result.unwrap_err().kind();
    let python = Years::FOUR_DIGITS;
    let iso = |text: &str| Timestamp::from_text(text.as_bytes(), ISO).unwrap();
    assert_eq!(
        kind(iso("infinity").civil(python)),
        DecodeErrorKind::Infinity
    );
    assert_eq!(
        kind(iso("-infinity").civil(Years::ALL)),
        DecodeErrorKind::NegInfinity
    );
    assert_eq!(
        kind(iso("0001-01-01 00:00:00 BC").civil(python)),
        DecodeErrorKind::YearTooSmall
    );
    assert_eq!(
        kind(iso("10000-01-01 00:00:00").civil(python)),
        DecodeErrorKind::YearTooLarge
    );
    assert!(iso("9999-12-31 23:59:59.999999").civil(python).is_ok());
    assert_eq!(
        Date::INFINITY.civil(python).unwrap_err().kind(),
        DecodeErrorKind::Infinity
    );
    assert_eq!(
        kind(TimestampTz::INFINITY.civil_at(3600, python)),
        DecodeErrorKind::Infinity
    );
    assert_eq!(
        kind(TimestampTz::NEG_INFINITY.civil_utc(python)),
        DecodeErrorKind::NegInfinity
    );
}

/// Texts around what the fast reader takes, which differ from it in a detail or not at all.
fn nearly_iso() -> impl Strategy<Value = String> {
    let date = "[0-9]{4}-[01][0-9]-[0-3][0-9]|(0000|0001|1900|2000|2023|2024|9999)-(02-2[89]|02-30|12-31|01-01)";
    let late = "[0-9]{5}-0[1-9]-[0-2][0-9]";
    let time = "[012][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,7})?|24:00:00|12:34:56(\\.[0-9]{1,6})?";
    let zone = "|[-+][012][0-9](:[0-9]{2}){0,2}|\\+0|\\+00:|\\+00:0";
    let era = "| BC| AD|x";
    (
        prop_oneof![8 => date, 1 => late],
        prop_oneof![Just(" "), Just("T"), Just("")],
        time,
        zone,
        era,
    )
        .prop_flat_map(|(date, gap, time, zone, era)| {
            prop_oneof![
                Just(format!("{date}{era}")),
                Just(format!("{date}{gap}{time}{era}")),
                Just(format!("{date}{gap}{time}{zone}{era}")),
                Just(format!("{time}{zone}{era}")),
            ]
        })
}

fn same_as_the_long_way(text: &str, years: Years) {
    let raw = text.as_bytes();
    assert_eq!(
        Date::civil_from_text(raw, ISO, years),
        parse::date(raw, ISO).and_then(|date| date.civil(years)),
    );
    assert_eq!(Date::from_text(raw, ISO), parse::date(raw, ISO));
    assert_eq!(
        Timestamp::civil_from_text(raw, ISO, years),
        parse::timestamp(raw, ISO).and_then(|stamp| stamp.civil(years)),
    );
    assert_eq!(Timestamp::from_text(raw, ISO), parse::timestamp(raw, ISO));
    assert_eq!(
        TimestampTz::civil_from_text(raw, ISO, years),
        parse::timestamptz(raw, ISO)
            .and_then(|(stamp, offset)| Ok((stamp.civil_at(offset, years)?, offset))),
    );
    assert_eq!(
        TimestampTz::from_text_with_offset(raw, ISO),
        parse::timestamptz(raw, ISO)
    );
    assert_eq!(
        Time::civil_from_text(raw),
        parse::time(raw).and_then(Time::civil)
    );
    assert_eq!(Time::from_text(raw), parse::time(raw));
    assert_eq!(TimeTz::civil_from_text(raw), parse::timetz(raw));
}

#[test]
fn fields_straight_from_text() {
    let python = Years::FOUR_DIGITS;
    let expected = stamp(2024, 2, 29, 14, 30, 0, 500_000);
    assert_eq!(
        TimestampTz::civil_from_text(b"2024-02-29 14:30:00.5+02:30:15", ISO, python),
        Ok((expected, 9015))
    );
    assert_eq!(
        Timestamp::civil_from_text(b"2024-02-29 14:30:00.5", ISO, python),
        Ok(expected)
    );
    assert_eq!(
        Timestamp::civil_from_text(
            b"29.02.2024 14:30:00.5",
            style(DateFormat::German, true),
            python
        ),
        Ok(expected)
    );
    assert_eq!(
        Date::civil_from_text(b"2024-02-29", ISO, python),
        Ok(expected.date)
    );
    assert_eq!(Time::civil_from_text(b"14:30:00.5"), Ok(expected.time));
    assert_eq!(Time::civil_from_text(b"24:00:00").map(|t| t.hour), Ok(24));
    let refused = |raw: &[u8]| Date::civil_from_text(raw, ISO, python).unwrap_err().kind();
    assert_eq!(refused(b"infinity"), DecodeErrorKind::Infinity);
    assert_eq!(refused(b"-infinity"), DecodeErrorKind::NegInfinity);
    assert_eq!(refused(b"0044-03-15 BC"), DecodeErrorKind::YearTooSmall);
    assert_eq!(refused(b"10000-01-01"), DecodeErrorKind::YearTooLarge);
    assert_eq!(refused(b"2023-02-29"), DecodeErrorKind::OutOfRange);
}

#[test]
fn the_fast_reader_takes_what_servers_write() {
    for text in [
        "2024-02-29 14:30:00+00",
        "0001-01-01 00:00:00.000001-00:00:01",
    ] {
        assert!(fast::timestamptz(text.as_bytes(), ISO).is_some(), "{text}");
    }
    assert!(fast::timestamp(b"9999-12-31 23:59:59.999999", ISO).is_some());
    assert!(fast::date(b"2000-02-29", ISO).is_some());
    assert!(fast::time(b"23:59:59.9").is_some());
    assert!(fast::timetz(b"23:59:59.9+05:30").is_some());
}

proptest! {
    #[test]
    fn fast_reader_agrees(text in nearly_iso()) {
        same_as_the_long_way(&text, Years::FOUR_DIGITS);
        same_as_the_long_way(&text, Years::ALL);
    }

    #[test]
    fn date_round_trip(days: i32) {
        let date = Date { days };
        let mut out = Vec::new();
        date.to_text(&mut out);
        prop_assert_eq!(Date::from_text(&out, ISO), Ok(date));
        out.clear();
        date.to_binary(&mut out);
        prop_assert_eq!(Date::from_binary(&out), Ok(date));
    }

    #[test]
    fn timestamp_round_trip(micros: i64) {
        let value = Timestamp { micros };
        let mut out = Vec::new();
        value.to_text(&mut out);
        prop_assert_eq!(Timestamp::from_text(&out, ISO), Ok(value));
        let zoned = TimestampTz { micros };
        out.clear();
        zoned.to_text(&mut out);
        prop_assert_eq!(TimestampTz::from_text(&out, ISO), Ok(zoned));
        out.clear();
        zoned.to_binary(&mut out);
        prop_assert_eq!(TimestampTz::from_binary(&out), Ok(zoned));
        prop_assert_eq!(Timestamp::from_binary(&out), Ok(value));
    }

    #[test]
    fn time_round_trip(micros in 0..=MICROS_PER_DAY, offset in -86_399..86_400) {
        let value = TimeTz { time: Time { micros }, offset };
        let mut out = Vec::new();
        value.to_text(&mut out);
        prop_assert_eq!(TimeTz::from_text(&out), Ok(value));
        out.clear();
        value.to_binary(&mut out);
        prop_assert_eq!(TimeTz::from_binary(&out), Ok(value));
        out.clear();
        value.time.to_text(&mut out);
        prop_assert_eq!(Time::from_text(&out), Ok(value.time));
        prop_assert_eq!(Time::from_civil(value.time.civil().unwrap()), Some(value.time));
    }

    #[test]
    fn hostile_text_never_panics(text in "[-+:. /0-9TBCWedDec]{0,30}", sql: bool, day_first: bool) {
        let format = if sql { DateFormat::Sql } else { DateFormat::Postgres };
        for style in [ISO, style(format, day_first)] {
            let _ = Date::from_text(text.as_bytes(), style);
            let _ = Timestamp::from_text(text.as_bytes(), style);
            let _ = TimestampTz::from_text(text.as_bytes(), style);
        }
        let _ = TimeTz::from_text(text.as_bytes());
        let _ = Interval::from_text(text.as_bytes(), crate::IntervalStyle::Postgres);
    }
}
