use super::*;
use crate::numeric::Numeric;
use crate::{DecodeErrorKind, oid};
use proptest::prelude::*;

fn send(value: &dyn ToSql) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(value.to_sql(&mut out), Ok(IsNull::No));
    out
}

fn read<'a, T: FromSql<'a>>(ty: u32, format: Format, raw: &'a [u8]) -> Result<T, DecodeError> {
    T::from_sql(ty.into(), format, raw, &LoadContext::default())
}

#[test]
fn widening() {
    assert_eq!(
        read::<i64>(oid::INT2, Format::Binary, &[0xFF, 0xFE]),
        Ok(-2)
    );
    assert_eq!(read::<i64>(oid::INT4, Format::Text, b"-2"), Ok(-2));
    assert_eq!(read::<i32>(oid::INT2, Format::Text, b"7"), Ok(7));
    assert_eq!(
        read::<f64>(oid::INT4, Format::Binary, &[0, 0, 0, 3]),
        Ok(3.0)
    );
    assert_eq!(
        read::<f64>(oid::FLOAT4, Format::Text, b"0.1"),
        Ok(f64::from(0.1_f32))
    );
    assert_eq!(
        read::<i64>(oid::OID, Format::Text, b"4294967295"),
        Ok(4_294_967_295)
    );
    assert_eq!(
        read::<Numeric>(oid::INT4, Format::Text, b"-5")
            .unwrap()
            .to_string(),
        "-5"
    );
    assert_eq!(read::<i128>(oid::NUMERIC, Format::Text, b"-5.00"), Ok(-5));
}

#[test]
fn narrowing_names_both_types() {
    let error = read::<i32>(oid::INT8, Format::Text, b"1").unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Mismatch);
    assert_eq!(
        error.to_string(),
        "PostgreSQL type int8 cannot be read as Rust type i32"
    );
    assert!(!<i32 as FromSql<'_>>::accepts(oid::INT8.into()));
    let error = read::<String>(oid::INT4, Format::Text, b"1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "PostgreSQL type int4 cannot be read as Rust type alloc::string::String"
    );
    assert!(read::<f32>(oid::FLOAT8, Format::Text, b"1").is_err());
    assert!(read::<Vec<i32>>(oid::INT8_ARRAY, Format::Text, b"{1}").is_err());
    assert!(read::<Vec<i32>>(oid::INT4, Format::Text, b"{1}").is_err());
}

#[test]
fn nulls() {
    assert_eq!(Option::<i32>::from_null(), Ok(None));
    assert_eq!(i32::from_null().unwrap_err().kind(), DecodeErrorKind::Null);
    let ctx = LoadContext::default();
    assert_eq!(
        Option::<i32>::from_nullable(oid::INT4.into(), Format::Text, Some(b"4"), &ctx),
        Ok(Some(4))
    );
    assert!(i32::from_nullable(oid::INT4.into(), Format::Text, None, &ctx).is_err());
    let mut out = Vec::new();
    assert_eq!(None::<&str>.to_sql(&mut out), Ok(IsNull::Yes));
    assert!(out.is_empty());
    assert_eq!(None::<Vec<i32>>.oid(), oid::INT4_ARRAY);
    assert_eq!(Some(5_i64).oid(), oid::INT8);
}

#[test]
fn text_and_bytes() {
    assert_eq!(
        read::<&str>(oid::VARCHAR, Format::Binary, b"hey"),
        Ok("hey")
    );
    assert_eq!(
        read::<String>(99_999, Format::Text, b"enum label"),
        Ok("enum label".into())
    );
    assert_eq!(
        read::<&str>(oid::JSONB, Format::Binary, b"\x01{}"),
        Ok("{}")
    );
    assert!(read::<&str>(oid::JSONB, Format::Binary, b"\x02{}").is_err());
    assert_eq!(
        read::<&[u8]>(oid::BYTEA, Format::Binary, b"\0\xff"),
        Ok(&b"\0\xff"[..])
    );
    assert!(read::<&[u8]>(oid::BYTEA, Format::Text, b"\\x00").is_err());
    assert_eq!(
        read::<Vec<u8>>(oid::BYTEA, Format::Text, b"\\x00ff"),
        Ok(vec![0, 255])
    );
    assert_eq!("text".oid(), 0);
    assert_eq!("text".format(), Format::Text);
    assert_eq!(vec![1_u8].oid(), oid::BYTEA);
    assert!("a\0".to_sql(&mut Vec::new()).is_err());
}

#[test]
fn arrays() {
    let values = vec![Some(1_i32), None, Some(-3)];
    assert_eq!(values.oid(), oid::INT4_ARRAY);
    let raw = send(&values);
    assert_eq!(
        read::<Vec<Option<i32>>>(oid::INT4_ARRAY, Format::Binary, &raw),
        Ok(values)
    );
    assert!(read::<Vec<i32>>(oid::INT4_ARRAY, Format::Binary, &raw).is_err());
    assert!(read::<Vec<Option<i64>>>(oid::INT8_ARRAY, Format::Binary, &raw).is_err());
    assert_eq!(
        read::<Vec<Option<i64>>>(oid::INT4_ARRAY, Format::Text, b"{1,NULL}"),
        Ok(vec![Some(1), None])
    );
    assert!(read::<Vec<i32>>(oid::INT4_ARRAY, Format::Text, b"{{1}}").is_err());
    let empty: &[i32] = &[];
    assert_eq!(
        read::<Vec<i32>>(oid::INT4_ARRAY, Format::Binary, &send(&empty)),
        Ok(vec![])
    );
    let words = ["a b", "NULL", "", "x\"y\\"];
    let raw = send(&words.as_slice());
    assert_eq!(
        read::<Vec<String>>(oid::TEXT_ARRAY, Format::Text, &raw).unwrap(),
        words
    );
    let blobs: Vec<Vec<u8>> = vec![vec![0, 255], vec![]];
    assert_eq!(blobs.oid(), oid::BYTEA_ARRAY);
    assert_eq!(
        read::<Vec<Vec<u8>>>(oid::BYTEA_ARRAY, Format::Binary, &send(&blobs)),
        Ok(blobs)
    );
}

#[test]
fn damaged_values_never_panic() {
    let samples: Vec<(u32, Vec<u8>)> = vec![
        (oid::INT8, send(&5_i64)),
        (oid::NUMERIC, send(&"-123.4500".parse::<Numeric>().unwrap())),
        (oid::INT4_ARRAY, send(&vec![1, 2, 3])),
        (oid::INTERVAL, vec![1; 16]),
        (oid::TIMETZ, vec![0; 12]),
    ];
    for (ty, raw) in &samples {
        for length in 0..raw.len() {
            let part = &raw[..length];
            assert!(read::<i64>(*ty, Format::Binary, part).is_err());
            assert!(read::<Numeric>(*ty, Format::Binary, part).is_err());
            assert!(read::<Vec<i32>>(*ty, Format::Binary, part).is_err());
            assert!(read::<crate::datetime::Interval>(*ty, Format::Binary, part).is_err());
            assert!(read::<crate::datetime::TimeTz>(*ty, Format::Binary, part).is_err());
        }
    }
}

proptest! {
    #[test]
    fn vectors_round_trip(ints: Vec<i64>, floats: Vec<f32>, flags: Vec<Option<bool>>) {
        prop_assert_eq!(read::<Vec<i64>>(oid::INT8_ARRAY, Format::Binary, &send(&ints)).unwrap(), ints);
        prop_assert_eq!(read::<Vec<f32>>(oid::FLOAT4_ARRAY, Format::Binary, &send(&floats)).unwrap(), floats);
        prop_assert_eq!(read::<Vec<Option<bool>>>(oid::BOOL_ARRAY, Format::Binary, &send(&flags)).unwrap(), flags);
    }
}
