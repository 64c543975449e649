use super::*;
use proptest::prelude::*;

fn to_binary(text: &str) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    text_to_binary(text.as_bytes(), &mut out).map(|()| out)
}

fn to_text(raw: &[u8]) -> Result<String, DecodeError> {
    let mut out = Vec::new();
    binary_to_text(raw, &mut out).map(|()| String::from_utf8(out).unwrap())
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn binary_layouts() {
    // ndigits, weight, sign, dscale, digits: as numeric_send of PostgreSQL 18 writes them.
    for (text, expected) in [
        ("0", &[0, 0, 0, 0][..]),
        ("0.00", &[0, 0, 0, 2]),
        ("1", &[1, 0, 0, 0, 1]),
        ("1.10", &[2, 0, 0, 2, 1, 1000]),
        ("-12345.678", &[3, 1, 0x4000, 3, 1, 2345, 6780]),
        ("0.0001", &[1, 0xFFFF, 0, 4, 1]),
        ("0.00001", &[1, 0xFFFE, 0, 5, 1000]),
        ("10000", &[1, 1, 0, 0, 1]),
        ("100000000", &[1, 2, 0, 0, 1]),
        ("NaN", &[0, 0, 0xC000, 0]),
        ("Infinity", &[0, 0, 0xD000, 0]),
        ("-Infinity", &[0, 0, 0xF000, 0]),
    ] {
        assert_eq!(to_binary(text), Ok(words(expected)), "{text}");
        assert_eq!(to_text(&words(expected)).as_deref(), Ok(text));
    }
}

#[test]
fn exponents() {
    for (text, plain) in [
        ("1E+3", "1000"),
        ("1.5e3", "1500"),
        ("-1E+7", "-10000000"),
        ("12.34E-5", "0.0001234"),
        ("0E-3", "0.000"),
        ("0E+3", "0"),
        ("+.5", "0.5"),
        ("5.", "5"),
        ("000123.4500", "123.4500"),
        ("-0", "0"),
        ("inf", "Infinity"),
        ("-INF", "-Infinity"),
    ] {
        assert_eq!(
            to_text(&to_binary(text).unwrap()).as_deref(),
            Ok(plain),
            "{text}"
        );
    }
}

#[test]
fn refused_text() {
    for bad in [
        "",
        "-",
        ".",
        "1e",
        "e5",
        "1.2.3",
        "1 ",
        "--1",
        "0x1",
        "1_0",
        "sNaN",
        "1e99999999999999999999",
    ] {
        assert!(to_binary(bad).is_err(), "{bad:?}");
        assert!(Numeric::from_text(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

#[test]
fn limits() {
    assert!(to_binary("1E-16383").is_ok());
    assert_eq!(to_binary("1E-16384"), Err(TOO_PRECISE));
    assert_eq!(to_binary("0E-16384"), Err(TOO_PRECISE));
    assert!(to_binary("1E+131071").is_ok());
    assert_eq!(to_binary("1E+131072"), Err(TOO_LARGE));
    assert_eq!(to_binary("1E-9223372036854775807"), Err(TOO_PRECISE));
    let text = to_text(&to_binary("1E+131071").unwrap()).unwrap();
    assert_eq!(text.len(), 131_072);
}

#[test]
fn refused_binary() {
    for bad in [
        words(&[]),
        words(&[0, 0, 0]),
        words(&[1, 0, 0, 0]),
        words(&[0, 0, 0, 0, 1]),
        words(&[1, 0, 0, 0, 10_000]),
        words(&[0, 0, 0x1234, 0]),
        words(&[0, 0, 0, 0x4000]),
        vec![0, 1, 0, 0, 0, 0, 0, 0, 1],
    ] {
        assert!(to_text(&bad).is_err(), "{bad:?}");
        assert!(Numeric::from_binary(&bad).is_err());
    }
}

#[test]
fn the_widest_header_is_bounded() {
    let widest = to_text(&words(&[1, 0x7FFF, 0x4000, 0x3FFF, 9999])).unwrap();
    assert!(widest.len() <= 2 + 131_072 + 16_383);
    let narrowest = to_text(&words(&[1, 0x8000, 0, 0x3FFF, 9999])).unwrap();
    assert!(narrowest.bytes().all(|byte| byte == b'0' || byte == b'.'));
}

#[test]
fn leading_zero_groups_are_dropped() {
    assert_eq!(to_text(&words(&[2, 1, 0, 0, 0, 5])).as_deref(), Ok("5"));
    assert_eq!(to_text(&words(&[1, 0, 0, 0, 0])).as_deref(), Ok("0"));
}

#[test]
fn every_group_is_written() {
    for group in 0..10_000_u16 {
        assert_eq!(four_digits(group), *format!("{group:04}").as_bytes());
    }
}

#[test]
fn zeros_on_either_side_of_the_groups() {
    assert_eq!(
        to_text(&words(&[1, 2, 0, 3, 7])).as_deref(),
        Ok("700000000.000")
    );
    assert_eq!(
        to_text(&words(&[1, 0xFFFD, 0, 14, 7])).as_deref(),
        Ok("0.00000000000700")
    );
    assert_eq!(
        to_text(&words(&[1, 0xFFFD, 0, 6, 7])).as_deref(),
        Ok("0.000000")
    );
    assert_eq!(
        to_text(&words(&[3, 0, 0, 2, 7, 1234, 5678])).as_deref(),
        Ok("7.12")
    );
    assert_eq!(to_text(&words(&[2, 3, 0, 1, 0, 0])).as_deref(), Ok("0.0"));
}

#[test]
fn coefficients() {
    let mut out = Vec::new();
    decimal_to_binary(true, b"00123", -1, &mut out).unwrap();
    assert_eq!(to_text(&out).as_deref(), Ok("-12.3"));
    assert!(decimal_to_binary(false, b"", 0, &mut out).is_err());
    assert!(decimal_to_binary(false, b"1a", 0, &mut out).is_err());
}

#[test]
fn integers_out_of_numerics() {
    let number = |text: &str| text.parse::<Numeric>().unwrap().to_i128();
    assert_eq!(
        number("170141183460469231731687303715884105727"),
        Some(i128::MAX)
    );
    assert_eq!(
        number("-170141183460469231731687303715884105728"),
        Some(i128::MIN)
    );
    assert_eq!(number("170141183460469231731687303715884105728"), None);
    assert_eq!(number("50000.000"), Some(50_000));
    assert_eq!(number("0.5"), None);
    assert_eq!(number("NaN"), None);
    assert_eq!(number("1e131071"), None);
    assert_eq!(number("0.00"), Some(0));
}

proptest! {
    #[test]
    fn decimal_round_trip(text in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?") {
        let binary = to_binary(&text).unwrap();
        let digits = text.trim_start_matches('-');
        let zero = digits.bytes().all(|byte| byte == b'0' || byte == b'.');
        let expected = if zero { digits } else { text.as_str() };
        prop_assert_eq!(to_text(&binary).unwrap(), expected);
        let number = Numeric::from_binary(&binary).unwrap();
        prop_assert_eq!(number.to_string(), expected);
        let mut again = Vec::new();
        number.to_binary(&mut again).unwrap();
        prop_assert_eq!(again, binary);
    }

    #[test]
    fn integer_round_trip(value: i128) {
        let mut out = Vec::new();
        int_to_binary(value, &mut out).unwrap();
        prop_assert_eq!(to_text(&out).unwrap(), value.to_string());
        let number = Numeric::from(value);
        prop_assert_eq!(Numeric::from_binary(&out).unwrap(), number.clone());
        prop_assert_eq!(number.to_i128(), Some(value));
    }

    #[test]
    fn any_binary_is_a_value_or_an_error(raw: Vec<u8>, weight in -3_i16..3, dscale in 0_u16..20, digits in prop::collection::vec(0_u16..10_000, 0..5)) {
        let _ = to_text(&raw);
        let number = Numeric { sign: Sign::Positive, weight, dscale, digits };
        let mut out = Vec::new();
        number.to_binary(&mut out).unwrap();
        let text = to_text(&out).unwrap();
        prop_assert!(text.parse::<Numeric>().is_ok());
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        prop_assert_eq!(decimals, usize::from(dscale));
    }

    #[test]
    fn any_text_is_a_value_or_an_error(text in "[-+.eE0-9a-zA-Z]{0,12}") {
        if let Ok(binary) = to_binary(&text) {
            prop_assert!(to_text(&binary).is_ok());
        }
    }
}
