//! `numeric` to Decimal.

use howdah_types::numeric as codec;
use pyo3::exceptions::PyArithmeticError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::error;
use crate::memory;
use crate::types::Types;
use howdah_ffi::decimal::{DecimalMaker, Digits};
use howdah_ffi::values::str_from_utf8;

#[inline]
pub(super) fn text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match from_digits(py, digits_of_text(data))? {
        Some(made) => Ok(made),
        None => parse(py, data),
    }
}

#[inline]
pub(super) fn binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match from_digits(py, digits_of_binary(data))? {
        Some(made) => Ok(made),
        None => {
            let mut text = Vec::new();
            memory::room(&mut text, longest_text(data))?;
            codec::binary_to_text(data, &mut text).map_err(|e| error::decode(py, e, data))?;
            parse(py, &text)
        }
    }
}

/// The value that the class makes of the text.
fn parse<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let class = Types::get(py)?.decimal.bind(py);
    let made = str_from_utf8(py, text).and_then(|text| class.call1((text,)));
    made.map_err(|e| {
        if e.is_instance_of::<PyArithmeticError>(py) {
            // Its own text says nothing of the value.
            let message = format!("can't parse numeric {}", error::shown(py, text));
            return error::also_of(&e.get_type(py), "DataError", &message);
        }
        error::of_value(py, e)
    })
}

#[inline]
fn from_digits(py: Python<'_>, digits: Option<Digits>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static MAKER: PyOnceLock<Option<DecimalMaker>> = PyOnceLock::new();
    let Some(digits) = digits else {
        return Ok(None);
    };
    let maker =
        MAKER.get_or_try_init(py, || DecimalMaker::find(Types::get(py)?.decimal.bind(py)))?;
    match maker {
        Some(maker) => maker.make(py, digits),
        None => Ok(None),
    }
}

/// The digits that a word holds.
const WORD_DIGITS: usize = 19;

/// The digits of `-123.45`; `None` for other spellings and for more characters than two words hold digits.
#[inline]
fn digits_of_text(text: &[u8]) -> Option<Digits> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (start, end) = text.split_at(text.len().min(WORD_DIGITS));
    let mut point = None;
    let (high, _) = word(start, &mut point)?;
    let coefficient = if end.is_empty() {
        u128::from(high)
    } else if end.len() <= WORD_DIGITS {
        let in_start = point;
        let (low, digits) = word(end, &mut point)?;
        if in_start.is_none() {
            point = point.map(|at| at + WORD_DIGITS);
        }
        u128::from(high) * 10_u128.pow(digits) + u128::from(low)
    } else {
        return None;
    };
    if text.len() == usize::from(point.is_some()) {
        return None;
    }
    let decimals = point.map_or(0, |at| text.len() - at - 1);
    Some(Digits {
        negative,
        coefficient,
        exponent: -decimals.cast_signed(),
    })
}

/// The number that digits make and how many there are; notes where a decimal point is, of which there is one in all.
#[inline]
fn word(text: &[u8], point: &mut Option<usize>) -> Option<(u64, u32)> {
    let mut number = 0_u64;
    let mut digits = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            number = number * 10 + u64::from(digit);
            digits += 1;
        } else if *byte == b'.' && point.is_none() {
            *point = Some(at);
        } else {
            return None;
        }
    }
    Some((number, digits))
}

/// The base-10000 digits of numbers whose coefficient certainly has less than 38 digits.
const MAX_GROUPS: usize = 8;
const SIGN_NEGATIVE: u16 = 0x4000;

/// How many characters the text of a binary `numeric` has at most, by its weight and its scale.
fn longest_text(data: &[u8]) -> usize {
    let field = |at| {
        let bytes = data.get(at..).and_then(<[u8]>::first_chunk::<2>);
        bytes.map_or(0, |bytes| u16::from_be_bytes(*bytes))
    };
    let weight = field(2).cast_signed().max(0).unsigned_abs();
    4 * (usize::from(weight) + 1) + usize::from(field(6))
}

/// The digits of the binary form; `None` if it is malformed, not finite or long.
fn digits_of_binary(data: &[u8]) -> Option<Digits> {
    let (header, groups) = data.split_first_chunk::<8>()?;
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (count, weight, sign, dscale) = (field(0), field(2).cast_signed(), field(4), field(6));
    let (groups, rest) = groups.as_chunks::<2>();
    if !rest.is_empty() || groups.len() != usize::from(count) || groups.len() > MAX_GROUPS {
        return None;
    }
    let negative = match sign {
        0 => false,
        SIGN_NEGATIVE if count > 0 => true,
        _ => return None,
    };
    let mut coefficient = 0_u128;
    for group in groups {
        let group = u16::from_be_bytes(*group);
        if group >= 10_000 {
            return None;
        }
        coefficient = coefficient * 10_000 + u128::from(group);
    }
    let written = 4 * (i32::from(count) - 1 - i32::from(weight));
    Some(Digits {
        negative,
        coefficient: scaled(coefficient, i32::from(dscale) - written)?,
        exponent: -isize::from(i16::try_from(dscale).ok()?),
    })
}

/// `coefficient * 10^power`, `None` if that is no integer or may be too large.
fn scaled(coefficient: u128, power: i32) -> Option<u128> {
    match (coefficient, power) {
        (0, _) => Some(0),
        (_, 0..=5) => Some(coefficient * 10_u128.pow(power.unsigned_abs())),
        (_, -3..0) => {
            let divisor = 10_u128.pow(power.unsigned_abs());
            coefficient
                .is_multiple_of(divisor)
                .then_some(coefficient / divisor)
        }
        _ => None,
    }
}
