//! `numeric` as a decimal with a fixed number of decimals.

use howdah_types::{Format, numeric};

use crate::error::Fault;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEG_INFINITY: u16 = 0xF000;

/// The value times `10^scale`, if it has no more decimals than that.
pub(super) fn scaled(raw: &[u8], format: Format, scale: i8) -> Result<i128, Fault> {
    if format == Format::Binary {
        return of_binary(raw, scale);
    }
    let mut binary = Vec::new();
    numeric::text_to_binary(raw, &mut binary)?;
    of_binary(&binary, scale)
}

/// The same, with no more digits than `precision`.
pub(super) fn decimal(raw: &[u8], format: Format, precision: u8, scale: i8) -> Result<i128, Fault> {
    let value = scaled(raw, format, scale)?;
    let limit = 10_u128.checked_pow(u32::from(precision));
    if limit.is_some_and(|limit| value.unsigned_abs() >= limit) {
        return Err(TOO_LARGE);
    }
    Ok(value)
}

fn of_binary(raw: &[u8], scale: i8) -> Result<i128, Fault> {
    let Some((header, digits)) = raw.split_first_chunk::<8>() else {
        return Err(MALFORMED);
    };
    let [c1, c0, w1, w0, s1, s0, ..] = *header;
    let (count, weight) = (u16::from_be_bytes([c1, c0]), i16::from_be_bytes([w1, w0]));
    let negative = match u16::from_be_bytes([s1, s0]) {
        0 => false,
        NEGATIVE => true,
        NAN => return Err(Fault::Other("NaN, which a decimal cannot be")),
        INFINITY => return Err(Fault::Other("Infinity, which a decimal cannot be")),
        NEG_INFINITY => return Err(Fault::Other("-Infinity, which a decimal cannot be")),
        _ => return Err(MALFORMED),
    };
    if digits.len() != usize::from(count) * 2 {
        return Err(MALFORMED);
    }
    let mut value = 0_i128;
    // What the last digit of a group is worth, as a power of ten, in units of the result.
    let mut exponent = 4 * i32::from(weight) + i32::from(scale) + 4;
    for pair in digits.chunks_exact(2) {
        let group = i128::from(u16::from_be_bytes([
            pair.first().copied().unwrap_or_default(),
            pair.get(1).copied().unwrap_or_default(),
        ]));
        if group > 9999 {
            return Err(MALFORMED);
        }
        exponent -= 4;
        value = match exponent {
            0.. => appended(value, 10_000, group),
            // Some of its decimal digits are behind the last that there is room for.
            -3..0 => {
                let behind = 10_i128.pow(exponent.unsigned_abs());
                if group % behind != 0 {
                    return Err(TOO_FINE);
                }
                appended(value, 10_000 / behind, group / behind)
            }
            _ if group == 0 => Some(value),
            _ => return Err(TOO_FINE),
        }
        .ok_or(TOO_LARGE)?;
    }
    if exponent > 0 && value != 0 {
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        let grown = power.and_then(|power| value.checked_mul(power));
        value = grown.ok_or(TOO_LARGE)?;
    }
    Ok(if negative { -value } else { value })
}

fn appended(value: i128, factor: i128, digits: i128) -> Option<i128> {
    value.checked_mul(factor)?.checked_add(digits)
}

const MALFORMED: Fault = Fault::Other("malformed numeric");
const TOO_FINE: Fault = Fault::Other("more decimals than the scale of the decimal type");
const TOO_LARGE: Fault = Fault::Other("more digits than the precision of the decimal type");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, precision: u8, scale: i8) -> Result<i128, String> {
        decimal(text.as_bytes(), Format::Text, precision, scale)
            .map_err(|fault| fault.at("c", 0).to_string())
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(read("12.50", 10, 2), Ok(1250));
        assert_eq!(read("-0.000012", 10, 6), Ok(-12));
        assert_eq!(read("0", 1, 0), Ok(0));
        assert_eq!(read("123400", 6, -2), Ok(1234));
        let largest = "99999999999999999999999999999999999999";
        assert_eq!(read(largest, 38, 0), Ok(10_i128.pow(38) - 1));
        assert_eq!(read("1e-30", 38, 38), Ok(10_i128.pow(8)));
        let finest = "0.99999999999999999999999999999999999999";
        assert_eq!(read(finest, 38, 38), Ok(10_i128.pow(38) - 1));
        assert_eq!(read("1e37", 38, 0), Ok(10_i128.pow(37)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (text, precision, scale) in [
            ("0.125", 10, 2),
            ("100", 2, 0),
            ("1e38", 38, 0),
            ("1e100", 38, 0),
            ("1e-100", 38, 38),
            ("NaN", 10, 2),
            ("-Infinity", 10, 2),
        ] {
            assert!(read(text, precision, scale).is_err(), "{text}");
        }
    }
}
