//! `money`: a number of the smallest coins in binary, in text what the server's `lc_monetary` makes of it.
//!
//! The binary form is the same under every setting, but does not say how many coins make a unit. The text form is
//! read where the locale writes two decimals after a point and at most commas between the digits before it, as C and
//! the English ones do (`-$1,234.56`); what another locale writes is an error and never read as another amount.

use crate::DecodeError;
use crate::int::int_to_text;
use crate::reader::{Scanner, fixed};

const NAME: &str = "money";

/// Reads an amount in text, in hundredths.
///
/// The currency symbol may be any, or missing. A minus sign before or after it, or parentheses, make it negative.
///
/// # Errors
/// Not exactly two decimals after a point, other separators than commas, or an amount out of range.
pub fn money_from_text(raw: &[u8]) -> Result<i64, DecodeError> {
    let (parentheses, raw) = match raw {
        [b'(', inner @ .., b')'] => (true, inner),
        _ => (false, raw),
    };
    let mut scanner = Scanner::new(raw);
    let before = scanner.eat(b'-');
    let symbol = scanner.until(|byte, _| byte.is_ascii_digit() || SIGNIFICANT.contains(&byte));
    symbol.ok_or(BAD)?;
    let after = scanner.eat(b'-');
    let marks = [parentheses, before, after];
    if marks.iter().filter(|mark| **mark).count() > 1 {
        return Err(BAD);
    }
    let cents = negative_cents(&mut scanner)?;
    if marks.contains(&true) {
        Ok(cents)
    } else {
        cents.checked_neg().ok_or(OUT_OF_RANGE)
    }
}

/// Reads an amount in binary.
///
/// # Errors
/// Not exactly eight bytes.
pub fn money_from_binary(raw: &[u8]) -> Result<i64, DecodeError> {
    fixed(NAME, raw).map(i64::from_be_bytes)
}

/// Appends an amount of hundredths in text, without a symbol: `-1234.56`.
///
/// A server whose `lc_monetary` has a comma before the decimals reads another amount from it: the binary form is the
/// one that always means the same.
pub fn money_to_text(cents: i64, out: &mut Vec<u8>) {
    if cents < 0 {
        out.push(b'-');
    }
    let cents = cents.unsigned_abs();
    int_to_text(cents / 100, out);
    out.push(b'.');
    if cents % 100 < 10 {
        out.push(b'0');
    }
    int_to_text(cents % 100, out);
}

/// Appends an amount in binary.
pub fn money_to_binary(cents: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&cents.to_be_bytes());
}

const SIGNIFICANT: &[u8] = b"-.,()";
const BAD: DecodeError = DecodeError::invalid(
    NAME,
    "not an amount with two decimals after a point (see lc_monetary)",
);
const OUT_OF_RANGE: DecodeError = DecodeError::range(NAME, "amount out of range");

/// Counted below zero, where an i64 has one value more.
fn negative_cents(scanner: &mut Scanner<'_>) -> Result<i64, DecodeError> {
    let mut cents = 0_i64;
    let mut add = |digits: &[u8]| {
        for digit in digits {
            let tens = cents.checked_mul(10).ok_or(OUT_OF_RANGE)?;
            let digit = i64::from(digit.wrapping_sub(b'0'));
            cents = tens.checked_sub(digit).ok_or(OUT_OF_RANGE)?;
        }
        Ok::<(), DecodeError>(())
    };
    loop {
        let digits = scanner.digits();
        if digits.is_empty() {
            return Err(BAD);
        }
        add(digits)?;
        if !scanner.eat(b',') {
            break;
        }
    }
    let decimals = if scanner.eat(b'.') {
        scanner.digits()
    } else {
        b""
    };
    if decimals.len() != 2 || !scanner.is_empty() {
        return Err(BAD);
    }
    add(decimals)?;
    Ok(cents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeErrorKind;
    use proptest::prelude::*;

    #[test]
    fn amounts() {
        for (text, cents) in [
            ("$0.00", 0),
            ("$1,234.56", 123_456),
            ("-$1,234.56", -123_456),
            ("($1,234.56)", -123_456),
            ("\u{a3}-0.05", -5),
            ("12,34,567.89", 123_456_789),
            ("-$92,233,720,368,547,758.08", i64::MIN),
            ("$92,233,720,368,547,758.07", i64::MAX),
        ] {
            assert_eq!(money_from_text(text.as_bytes()), Ok(cents), "{text}");
        }
    }

    #[test]
    fn other_locales_are_refused() {
        for bad in [
            "",
            "$",
            "-",
            "()",
            "1.234,56 \u{20ac}",
            "1234,56",
            "\u{a5}1,234",
            "1.234",
            "1 234.56",
            "1'234.56",
            "--1.00",
            "-$-1.00",
            "(-1.00)",
            "$1.00 EUR",
            ".50",
            "1,.00",
            "1.0",
        ] {
            assert!(money_from_text(bad.as_bytes()).is_err(), "{bad}");
        }
        let large = money_from_text(b"$92,233,720,368,547,758.08").unwrap_err();
        assert_eq!(large.kind(), DecodeErrorKind::OutOfRange);
        assert!(money_from_binary(&[0; 7]).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(cents: i64) {
            let mut out = Vec::new();
            money_to_text(cents, &mut out);
            prop_assert_eq!(money_from_text(&out), Ok(cents));
            out.clear();
            money_to_binary(cents, &mut out);
            prop_assert_eq!(money_from_binary(&out), Ok(cents));
        }
    }
}
