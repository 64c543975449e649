//! `numeric`: decimal digits in text, base-10000 digits in binary (`numeric_recv` in numeric.c).
//!
//! Precision is never lost: the number of decimals (`dscale`) is part of the value, `1.10` stays `1.10`.
//! A short binary value can stand for a long text (1e131071 is ten bytes), so the text of a value is bounded
//! by the format's own limits, about 147 kB, not by the length of the input.

use std::fmt;

use crate::memory::FIXED;
use crate::reader::{Reader, Scanner};
use crate::{DecodeError, EncodeError};

const NAME: &str = "numeric";
/// The most decimals of the binary format: 14 bits.
const MAX_DSCALE: i64 = 0x3FFF;
const DIGITS_PER_GROUP: i64 = 4;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEG_INFINITY: u16 = 0xF000;

/// Whether a [`Numeric`] is a number, and which side of zero it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Zero or more.
    Positive,
    /// Less than zero.
    Negative,
    /// Not a number.
    NaN,
    /// Infinity, since PostgreSQL 14.
    Infinity,
    /// Negative infinity, since PostgreSQL 14.
    NegInfinity,
}

/// A `numeric` as PostgreSQL stores it: `digits` in base 10000, the first worth `10000^weight`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Numeric {
    sign: Sign,
    weight: i16,
    dscale: u16,
    digits: Vec<u16>,
}

impl Numeric {
    /// The length of the binary form.
    pub(crate) fn binary_len(&self) -> usize {
        8 + 2 * self.digits.len()
    }

    /// The length of the text form, at most.
    pub(crate) fn text_len(&self) -> usize {
        let whole = usize::from(self.weight.max(0).unsigned_abs()) + 1;
        4 * whole + usize::from(self.dscale) + FIXED
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// A length that contradicts the header, an unknown sign, or a base-10000 digit above 9999.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let Parts {
            sign,
            weight,
            dscale,
            digits,
        } = Parts::read(raw)?;
        // The server sends a scale with an infinity, of which text tells nothing.
        if !matches!(sign, Sign::Positive | Sign::Negative) {
            return Ok(Self {
                sign,
                weight: 0,
                dscale: 0,
                digits: Vec::new(),
            });
        }
        Ok(Self {
            sign,
            weight,
            dscale,
            digits: digits
                .iter()
                .map(|pair| u16::from_be_bytes(*pair))
                .collect(),
        })
    }

    /// Reads the text form, with or without an exponent.
    ///
    /// # Errors
    /// Not a decimal number, `NaN` or an infinity; or outside the limits of the type.
    pub fn from_text(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut binary = Vec::new();
        text_to_binary(raw, &mut binary)
            .map_err(|error| DecodeError::invalid(NAME, error.detail()))?;
        Self::from_binary(&binary)
    }

    /// Appends the binary form.
    ///
    /// # Errors
    /// More than 65535 digits, which only a value that was not read from a server can have.
    pub fn to_binary(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let count = u16::try_from(self.digits.len()).map_err(|_| TOO_LARGE)?;
        header(out, count, self.weight, self.sign, self.dscale);
        for digit in &self.digits {
            out.extend_from_slice(&digit.to_be_bytes());
        }
        Ok(())
    }

    /// Appends the text form.
    pub fn to_text(&self, out: &mut Vec<u8>) {
        let digits = self.digits.iter().copied();
        write_text(self.sign, self.weight, self.dscale, out, digits);
    }

    /// Whether it is a number, and which side of zero it is on.
    #[must_use]
    pub const fn sign(&self) -> Sign {
        self.sign
    }

    /// How many decimals are shown.
    #[must_use]
    pub const fn dscale(&self) -> u16 {
        self.dscale
    }

    /// The power of 10000 that the first of [`digits`](Self::digits) is multiplied with.
    #[must_use]
    pub const fn weight(&self) -> i16 {
        self.weight
    }

    /// The base-10000 digits, most significant first; zeros at the end are left out.
    #[must_use]
    pub fn digits(&self) -> &[u16] {
        &self.digits
    }

    /// The value as an integer, `None` if it has a fraction, is not finite or is too large.
    #[must_use]
    pub fn to_i128(&self) -> Option<i128> {
        if !matches!(self.sign, Sign::Positive | Sign::Negative) {
            return None;
        }
        let mut exponent = i32::from(self.weight);
        let mut value = 0_i128;
        for &digit in &self.digits {
            if exponent < 0 && digit != 0 {
                return None;
            }
            if exponent >= 0 {
                value = value.checked_mul(10_000)?.checked_sub(i128::from(digit))?;
            }
            exponent -= 1;
        }
        if value != 0 && exponent >= 0 {
            value = value.checked_mul(10_000_i128.checked_pow(exponent.unsigned_abs() + 1)?)?;
        }
        // Accumulated below zero, where i128 has one value more.
        if self.sign == Sign::Negative {
            Some(value)
        } else {
            value.checked_neg()
        }
    }
}

impl From<i128> for Numeric {
    fn from(value: i128) -> Self {
        let mut digits = Vec::new();
        let mut rest = value.unsigned_abs();
        while rest > 0 {
            digits.push(u16::try_from(rest % 10_000).unwrap_or_default());
            rest /= 10_000;
        }
        let weight = i16::try_from(digits.len()).unwrap_or_default();
        digits.reverse();
        while digits.pop_if(|digit| *digit == 0).is_some() {}
        Self {
            sign: if value < 0 {
                Sign::Negative
            } else {
                Sign::Positive
            },
            weight: (weight - 1).max(0),
            dscale: 0,
            digits,
        }
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.to_text(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl std::str::FromStr for Numeric {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_text(text.as_bytes())
    }
}

/// Appends the decimal text of a binary value, as `numeric_out` would write it.
///
/// # Errors
/// A length that contradicts the header, an unknown sign, or a base-10000 digit above 9999.
pub fn binary_to_text(raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let parts = Parts::read(raw)?;
    let digits = parts.digits.iter().map(|pair| u16::from_be_bytes(*pair));
    write_text(parts.sign, parts.weight, parts.dscale, out, digits);
    Ok(())
}

/// Appends the binary form of a decimal text: `[+-]digits[.digits][E[+-]digits]`, `NaN`, `[-]Infinity`.
///
/// A positive exponent adds zeros before the point (`1E+3` is 1000 without decimals), a negative one adds
/// decimals, as for Python's `Decimal`.
///
/// # Errors
/// Not such a text, or outside the limits of the binary format.
pub fn text_to_binary(text: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let mut scanner = Scanner::new(unsigned);
    let whole = scanner.digits();
    let fraction = if scanner.eat(b'.') {
        scanner.digits()
    } else {
        b""
    };
    if whole.is_empty() && fraction.is_empty() {
        return special_to_binary(negative, unsigned, out);
    }
    let exponent = exponent(&mut scanner).ok_or(NOT_A_NUMBER)?;
    let decimals = i64::try_from(fraction.len()).map_err(|_| TOO_PRECISE)?;
    let digits = Digits { whole, fraction };
    write_binary(negative, &digits, exponent.saturating_sub(decimals), out)
}

/// Appends the binary form of `coefficient * 10^exponent`, the coefficient being ASCII digits.
///
/// # Errors
/// Another character among the digits, or outside the limits of the binary format.
pub fn decimal_to_binary(
    negative: bool,
    coefficient: &[u8],
    exponent: i64,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if coefficient.is_empty() || !coefficient.iter().all(u8::is_ascii_digit) {
        return Err(NOT_A_NUMBER);
    }
    let digits = Digits {
        whole: coefficient,
        fraction: b"",
    };
    write_binary(negative, &digits, exponent, out)
}

/// Appends `NaN` or an infinity in binary; the other signs give zero.
pub fn special_binary(sign: Sign, out: &mut Vec<u8>) {
    header(out, 0, 0, sign, 0);
}

/// Appends an integer as a binary `numeric`.
///
/// # Errors
/// Never for an `i128`; the signature is that of the other writers.
pub fn int_to_binary(value: i128, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mut buffer = itoa::Buffer::new();
    decimal_to_binary(
        value < 0,
        buffer.format(value.unsigned_abs()).as_bytes(),
        0,
        out,
    )
}

const NOT_A_NUMBER: EncodeError = EncodeError::new(NAME, "not a decimal number");
const TOO_PRECISE: EncodeError = EncodeError::new(
    NAME,
    "decimal too precise for PostgreSQL numeric binary format (maximum 16383 digits after the decimal point)",
);
const TOO_LARGE: EncodeError = EncodeError::new(
    NAME,
    "decimal too large for PostgreSQL numeric binary format (maximum 32768 base-10000 digits)",
);

/// A binary value after its header has been checked.
struct Parts<'a> {
    sign: Sign,
    weight: i16,
    dscale: u16,
    digits: &'a [[u8; 2]],
}

impl<'a> Parts<'a> {
    fn read(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let count = usize::from(reader.u16()?);
        let weight = reader.i16()?;
        let sign = sign(reader.u16()?)?;
        let dscale = reader.u16()?;
        let (digits, []) = reader.rest().as_chunks::<2>() else {
            return Err(DecodeError::length(NAME, "half a digit"));
        };
        if digits.len() != count {
            return Err(DecodeError::length(
                NAME,
                "number of digits and length disagree",
            ));
        }
        if i64::from(dscale) > MAX_DSCALE {
            return Err(DecodeError::invalid(NAME, "scale out of range"));
        }
        if digits.iter().any(|pair| u16::from_be_bytes(*pair) > 9999) {
            return Err(DecodeError::invalid(NAME, "digit out of range"));
        }
        Ok(Self {
            sign,
            weight,
            dscale,
            digits,
        })
    }
}

fn sign(word: u16) -> Result<Sign, DecodeError> {
    Ok(match word {
        0 => Sign::Positive,
        NEGATIVE => Sign::Negative,
        NAN => Sign::NaN,
        INFINITY => Sign::Infinity,
        NEG_INFINITY => Sign::NegInfinity,
        _ => return Err(DecodeError::invalid(NAME, "unknown sign")),
    })
}

fn header(out: &mut Vec<u8>, count: u16, weight: i16, sign: Sign, dscale: u16) {
    let sign = match sign {
        Sign::Positive => 0,
        Sign::Negative => NEGATIVE,
        Sign::NaN => NAN,
        Sign::Infinity => INFINITY,
        Sign::NegInfinity => NEG_INFINITY,
    };
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&dscale.to_be_bytes());
}

/// `groups` are the base-10000 digits, none above 9999; positions before and after them are zero.
fn write_text(
    sign: Sign,
    weight: i16,
    dscale: u16,
    out: &mut Vec<u8>,
    groups: impl ExactSizeIterator<Item = u16>,
) {
    match sign {
        Sign::Positive => {}
        Sign::Negative => out.push(b'-'),
        Sign::NaN => return out.extend_from_slice(b"NaN"),
        Sign::Infinity => return out.extend_from_slice(b"Infinity"),
        Sign::NegInfinity => return out.extend_from_slice(b"-Infinity"),
    }
    let mut groups = groups;
    let whole = usize::try_from(i32::from(weight) + 1).unwrap_or(0);
    write_whole(whole, &mut groups, out);
    if dscale > 0 {
        let missing = usize::try_from(-1 - i32::from(weight)).unwrap_or(0);
        write_fraction(usize::from(dscale), missing, groups, out);
    }
}

/// The `count` groups before the point, without leading zeros but at least one digit.
fn write_whole(count: usize, groups: &mut impl ExactSizeIterator<Item = u16>, out: &mut Vec<u8>) {
    let zeros = count.saturating_sub(groups.len());
    let mut before_point = groups.take(count);
    let Some(first) = before_point.find(|group| *group > 0) else {
        out.push(b'0');
        return;
    };
    let digits = four_digits(first);
    let leading = usize::from(first < 10) + usize::from(first < 100) + usize::from(first < 1000);
    out.extend_from_slice(digits.get(leading..).unwrap_or_default());
    for group in before_point {
        out.extend_from_slice(&four_digits(group));
    }
    if zeros > 0 {
        out.resize(out.len() + 4 * zeros, b'0');
    }
}

/// The point and `decimals` digits, of which the first `missing` groups are not among `groups`.
fn write_fraction(
    decimals: usize,
    missing: usize,
    groups: impl Iterator<Item = u16>,
    out: &mut Vec<u8>,
) {
    out.push(b'.');
    let end = out.len() + decimals;
    if missing > 0 {
        out.resize((out.len() + 4 * missing).min(end), b'0');
    }
    for group in groups {
        if out.len() >= end {
            break;
        }
        out.extend_from_slice(&four_digits(group));
    }
    if out.len() < end {
        out.resize(end, b'0');
    }
    out.truncate(end);
}

/// The digits of a number below 10000; multiplications instead of divisions, this is the inner loop.
fn four_digits(group: u16) -> [u8; 4] {
    let group = u32::from(group);
    let high = (group * 5243) >> 19;
    let low = group - high * 100;
    let pair = |value: u32| [value / 10, value % 10];
    let [a, b] = pair(high);
    let [c, d] = pair(low);
    [a, b, c, d].map(|digit| b'0' | digit.to_le_bytes()[0])
}

fn special_to_binary(negative: bool, word: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let sign = if word.eq_ignore_ascii_case(b"NaN") {
        Sign::NaN
    } else if !word.eq_ignore_ascii_case(b"Infinity") && !word.eq_ignore_ascii_case(b"inf") {
        return Err(NOT_A_NUMBER);
    } else if negative {
        Sign::NegInfinity
    } else {
        Sign::Infinity
    };
    special_binary(sign, out);
    Ok(())
}

/// The exponent that ends a number, 0 if there is none; `None` if something else is there.
fn exponent(scanner: &mut Scanner<'_>) -> Option<i64> {
    if scanner.is_empty() {
        return Some(0);
    }
    if !scanner.eat(b'e') && !scanner.eat(b'E') {
        return None;
    }
    let negative = scanner.eat(b'-');
    if !negative {
        scanner.eat(b'+');
    }
    let (value, _) = scanner.number()?;
    let value = i64::try_from(value).ok().filter(|_| scanner.is_empty())?;
    Some(if negative { -value } else { value })
}

/// The digits of a number on both sides of its point.
struct Digits<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
}

impl Digits<'_> {
    /// The digits' values from the first that is not zero.
    fn significant(&self) -> impl Iterator<Item = u16> {
        let digits = self.whole.iter().chain(self.fraction);
        digits
            .map(|byte| u16::from(byte.wrapping_sub(b'0')))
            .skip_while(|digit| *digit == 0)
    }

    fn significant_count(&self) -> usize {
        let zeros = |digits: &[u8]| digits.iter().take_while(|byte| **byte == b'0').count();
        let leading = zeros(self.whole);
        if leading < self.whole.len() {
            self.whole.len() - leading + self.fraction.len()
        } else {
            self.fraction.len() - zeros(self.fraction)
        }
    }
}

/// Groups the digits by four around the point and leaves out zeros at both ends.
fn write_binary(
    negative: bool,
    digits: &Digits<'_>,
    exponent: i64,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let dscale = exponent.min(0).saturating_neg();
    if dscale > MAX_DSCALE {
        return Err(TOO_PRECISE);
    }
    let dscale = u16::try_from(dscale).map_err(|_| TOO_PRECISE)?;
    let count = i64::try_from(digits.significant_count()).map_err(|_| TOO_LARGE)?;
    if count == 0 {
        header(out, 0, 0, Sign::Positive, dscale);
        return Ok(());
    }
    // The power of ten of the first significant digit decides how many zeros its group starts with.
    let power = count.checked_add(exponent).ok_or(TOO_LARGE)? - 1;
    let weight = power.div_euclid(DIGITS_PER_GROUP);
    let leading = DIGITS_PER_GROUP - 1 - power.rem_euclid(DIGITS_PER_GROUP);
    let weight = i16::try_from(weight).map_err(|_| TOO_LARGE)?;
    let sign = if negative {
        Sign::Negative
    } else {
        Sign::Positive
    };
    let start = out.len();
    header(out, 0, weight, sign, dscale);
    let groups = write_groups(digits.significant(), leading, out);
    let patched = u16::try_from(groups).ok().and_then(|groups| {
        out.get_mut(start..start + 2)?
            .copy_from_slice(&groups.to_be_bytes());
        Some(())
    });
    if patched.is_none() {
        out.truncate(start);
    }
    patched.ok_or(TOO_LARGE)
}

/// Appends the groups up to the last that is not zero and returns their number.
fn write_groups(digits: impl Iterator<Item = u16>, leading: i64, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let mut end = start;
    let mut group = 0;
    let mut filled = leading;
    let mut flush = |group: u16, out: &mut Vec<u8>| {
        out.extend_from_slice(&group.to_be_bytes());
        if group != 0 {
            end = out.len();
        }
    };
    for digit in digits {
        group = group * 10 + digit;
        filled += 1;
        if filled == DIGITS_PER_GROUP {
            flush(group, out);
            (group, filled) = (0, 0);
        }
    }
    if filled > 0 {
        for _ in filled..DIGITS_PER_GROUP {
            group *= 10;
        }
        flush(group, out);
    }
    out.truncate(end);
    (end - start) / 2
}

#[cfg(test)]
#[path = "numeric_tests.rs"]
mod tests;
