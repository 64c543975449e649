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

#[test]
fn lists_of_lists() {
    let grid = vec![vec![Some(1_i32), None], vec![Some(3), Some(4)]];
    assert_eq!(grid.oid(), oid::INT4_ARRAY);
    let raw = send(&grid);
    assert_eq!(raw[..12], [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 23]);
    assert_eq!(
        read(oid::INT4_ARRAY, Format::Binary, &raw),
        Ok(grid.clone())
    );
    assert!(read::<Vec<Option<i32>>>(oid::INT4_ARRAY, Format::Binary, &raw).is_err());
    assert_eq!(
        read(oid::INT4_ARRAY, Format::Binary, &raw),
        Ok([grid[0].clone(), grid[1].clone()])
    );
    let mut text = Vec::new();
    grid.to_sql_text(&mut text).unwrap();
    assert_eq!(text, b"{{1,NULL},{3,4}}");
    assert_eq!(read(oid::INT4_ARRAY, Format::Text, &text), Ok(grid));
    let empty: Vec<Vec<i32>> = vec![vec![], vec![]];
    assert_eq!(send(&empty)[..4], [0; 4]);
    assert_eq!(
        read::<Vec<Vec<i32>>>(oid::INT4_ARRAY, Format::Text, b"{}"),
        Ok(vec![])
    );
    let refused: [&dyn ToSql; 3] = [
        &vec![vec![1], vec![]],
        &vec![Some(vec![1]), None],
        &[[[[[[[1]]]]]]],
    ];
    for value in refused {
        assert!(value.to_sql(&mut Vec::new()).is_err());
        assert!(value.to_sql_text(&mut Vec::new()).is_err());
    }
}

#[test]
fn tuples() {
    let value = (1_i32, None::<String>, "a \"b\"".to_owned(), vec![0.5_f64]);
    assert_eq!((value.oid(), value.format()), (0, Format::Text));
    let raw = send(&value);
    assert_eq!(raw, b"(1,,\"a \"\"b\"\"\",{0.5})");
    assert_eq!(read(oid::RECORD, Format::Text, &raw), Ok(value));
    assert_eq!(
        read::<(Option<i32>,)>(oid::RECORD, Format::Text, b"()"),
        Ok((None,))
    );
    let binary = b"\0\0\0\x02\0\0\0\x17\0\0\0\x04\0\0\0\x07\0\0\0\x19\xff\xff\xff\xff";
    assert_eq!(
        read::<(i64, Option<String>)>(oid::RECORD, Format::Binary, binary),
        Ok((7, None))
    );
    let error = read::<(i16, Option<String>)>(oid::RECORD, Format::Binary, binary).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::Mismatch);
    assert!(read::<(i64,)>(oid::RECORD, Format::Binary, binary).is_err());
    assert!(read::<(i64, i64, i64)>(oid::RECORD, Format::Binary, binary).is_err());
    assert!(read::<(i64,)>(oid::TEXT, Format::Text, b"(1)").is_err());
}

/// A Rust type that may hold itself.
#[derive(Debug, PartialEq)]
struct Chain(Vec<Chain>);

impl FromSql<'_> for Chain {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let mut fields = Fields::new::<Self>(ty, format, raw, ctx, 1)?;
        let chain = Self(fields.next()?);
        fields.finish().map(|()| chain)
    }

    fn accepts(ty: Type<'_>) -> bool {
        ty.is_composite(None)
    }
}

#[test]
fn depth_has_an_end() {
    let nested = |levels: usize| {
        let mut raw = b"\0\0\0\x01\0\0\x08\xef\0\0\0\x0c\0\0\0\0\0\0\0\0\0\0\x08\xc9".to_vec();
        for _ in 0..levels {
            let mut list = b"\0\0\0\x01\0\0\0\0\0\0\x08\xc9\0\0\0\x01\0\0\0\x01".to_vec();
            crate::length::value(&mut list, &raw).unwrap();
            raw = b"\0\0\0\x01\0\0\x08\xef".to_vec();
            crate::length::value(&mut raw, &list).unwrap();
        }
        raw
    };
    let read = |levels| read::<Chain>(oid::RECORD, Format::Binary, &nested(levels));
    assert_eq!(read(1), Ok(Chain(vec![Chain(vec![])])));
    assert!(read(20).is_ok());
    assert!(read(40).is_err());
    assert!(read(10_000).is_err());
}

proptest! {
    #[test]
    fn vectors_round_trip(ints: Vec<i64>, floats: Vec<f32>, flags: Vec<Option<bool>>) {
        prop_assert_eq!(read::<Vec<i64>>(oid::INT8_ARRAY, Format::Binary, &send(&ints)).unwrap(), ints);
        prop_assert_eq!(read::<Vec<f32>>(oid::FLOAT4_ARRAY, Format::Binary, &send(&floats)).unwrap(), floats);
        prop_assert_eq!(read::<Vec<Option<bool>>>(oid::BOOL_ARRAY, Format::Binary, &send(&flags)).unwrap(), flags);
    }

    #[test]
    fn grids_round_trip(rows in prop::collection::vec(prop::array::uniform3(any::<Option<i16>>()), 0..4), words: Vec<Option<String>>) {
        prop_assert_eq!(&read::<Vec<[Option<i16>; 3]>>(oid::INT2_ARRAY, Format::Binary, &send(&rows)).unwrap(), &rows);
        let mut text = Vec::new();
        rows.to_sql_text(&mut text).unwrap();
        prop_assert_eq!(read::<Vec<[Option<i16>; 3]>>(oid::INT2_ARRAY, Format::Text, &text).unwrap(), rows);
        let words: Vec<_> = words.into_iter().map(|word| word.map(|word| word.replace('\0', ""))).collect();
        let value = (words.clone(), words);
        prop_assert_eq!(read::<(Vec<Option<String>>, Vec<Option<String>>)>(oid::RECORD, Format::Text, &send(&value)).unwrap(), value);
    }

    #[test]
    fn hostile_input_never_panics(raw: Vec<u8>, text in "[(){}\\[\\],\"\\\\1a=> ]{0,24}") {
        for (format, raw) in [(Format::Binary, raw.as_slice()), (Format::Text, text.as_bytes())] {
            let _ = read::<Vec<Vec<Option<i32>>>>(oid::INT4_ARRAY, format, raw);
            let _ = read::<[[String; 2]; 1]>(oid::TEXT_ARRAY, format, raw);
            let _ = read::<(i32, Option<Vec<String>>, (bool,))>(oid::RECORD, format, raw);
            let _ = read::<Vec<(i32,)>>(oid::RECORD_ARRAY, format, raw);
            let _ = read::<Multirange<i32>>(oid::INT4MULTIRANGE, format, raw);
            let _ = read::<crate::range::Range<i128>>(oid::NUMRANGE, format, raw);
            let _ = read::<std::collections::HashMap<String, Option<String>>>(90_000, format, raw);
            let _ = read::<Vec<Chain>>(90_000, format, raw);
        }
    }
}
