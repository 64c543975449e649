//! `rust_decimal::Decimal`, which holds 28 digits and no NaN: what does not fit is an error, never rounded.

use std::str;

use rust_decimal::Decimal;

use super::{scalar_from_sql, scalar_to_sql};
use crate::{DecodeError, EncodeError, int, numeric, oid};

scalar_to_sql!(Decimal, oid::NUMERIC, |value, out|
    binary to_binary(value, out)?,
    text out.extend_from_slice(value.to_string().as_bytes()));

scalar_from_sql!(Decimal, |raw, ctx| {
    oid::NUMERIC => from_text(raw), from_binary(raw);
    oid::INT8 => int::int8_from_text(raw).map(Self::from), int::int8_from_binary(raw).map(Self::from);
    oid::INT4 => int::int4_from_text(raw).map(Self::from), int::int4_from_binary(raw).map(Self::from);
    oid::INT2 => int::int2_from_text(raw).map(Self::from), int::int2_from_binary(raw).map(Self::from);
});

fn to_binary(value: &Decimal, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let digits = value.mantissa().unsigned_abs();
    let exponent = -i64::from(value.scale());
    numeric::decimal_to_binary(
        value.is_sign_negative(),
        itoa::Buffer::new().format(digits).as_bytes(),
        exponent,
        out,
    )
}

fn from_binary(raw: &[u8]) -> Result<Decimal, DecodeError> {
    let mut text = Vec::new();
    numeric::binary_to_text(raw, &mut text)?;
    from_text(&text)
}

fn from_text(raw: &[u8]) -> Result<Decimal, DecodeError> {
    let text = str::from_utf8(raw).ok();
    let value = text.and_then(|text| Decimal::from_str_exact(text).ok());
    value.ok_or(DecodeError::range(
        "numeric",
        "not a number of at most 28 digits",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSql, LoadContext, ToSql};

    fn read(format: Format, raw: &[u8]) -> Result<Decimal, DecodeError> {
        Decimal::from_sql(oid::NUMERIC.into(), format, raw, &LoadContext::default())
    }

    #[test]
    fn round_trip_keeps_the_scale() {
        for text in [
            "0",
            "1.10",
            "-12345.678",
            "0.0000000000000000000000000001",
            "79228162514264337593543950335",
        ] {
            let value = Decimal::from_str_exact(text).unwrap();
            let mut out = Vec::new();
            value
                .to_sql(oid::NUMERIC.into(), Format::Binary, &mut out)
                .unwrap();
            let back = read(Format::Binary, &out).unwrap();
            assert_eq!(back.to_string(), text);
            assert_eq!(read(Format::Text, text.as_bytes()), Ok(value));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for text in [
            "NaN",
            "Infinity",
            "79228162514264337593543950336",
            "0.00000000000000000000000000001",
        ] {
            assert!(read(Format::Text, text.as_bytes()).is_err(), "{text}");
            let mut out = Vec::new();
            numeric::text_to_binary(text.as_bytes(), &mut out).unwrap();
            assert!(read(Format::Binary, &out).is_err(), "{text}");
        }
    }
}
