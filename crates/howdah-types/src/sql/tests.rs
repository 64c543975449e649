use super::*;
use crate::datetime::{Date, Timestamp};
use crate::numeric::Numeric;
use crate::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Format, LoadContext, oid};
use proptest::prelude::*;

/// What a value is sent as, in the format it wants.
fn send_as(value: &dyn ToSql, ty: Type<'_>) -> Result<(Format, Vec<u8>), EncodeError> {
    let mut out = Vec::new();
    let format = value.format(ty);
    let null = value.to_sql(ty, format, &mut out)?;
    assert_eq!(
        (null, out.is_empty() && null == IsNull::Yes),
        (null, null == IsNull::Yes)
    );
    Ok((format, out))
}

/// The bytes of a value that is sent in binary.
fn send(value: &dyn ToSql, ty: u32) -> Vec<u8> {
    let (format, raw) = send_as(value, ty.into()).unwrap();
    assert_eq!(format, Format::Binary);
    raw
}

/// The text of a value.
fn text(value: &dyn ToSql, ty: Type<'_>) -> Result<String, EncodeError> {
    let mut out = Vec::new();
    value.to_sql(ty, Format::Text, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
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
    let ty = Type::built_in(oid::INT4);
    assert_eq!(Option::<i32>::from_null(ty), Ok(None));
    assert_eq!(
        i32::from_null(ty).unwrap_err().kind(),
        DecodeErrorKind::Null
    );
    let ctx = LoadContext::default();
    assert_eq!(
        Option::<i32>::from_nullable(ty, Format::Text, Some(b"4"), &ctx),
        Ok(Some(4))
    );
    assert!(i32::from_nullable(ty, Format::Text, None, &ctx).is_err());
}

#[test]
fn a_null_is_of_a_type_as_a_value_is() {
    let mismatch = |error: DecodeError| assert_eq!(error.kind(), DecodeErrorKind::Mismatch);
    let int4 = Type::built_in(oid::INT4);
    mismatch(Option::<String>::from_null(int4).unwrap_err());
    mismatch(Box::<Option<String>>::from_null(int4).unwrap_err());
    mismatch(String::from_null(int4).unwrap_err());
    mismatch(Option::<i32>::from_null(oid::INT8.into()).unwrap_err());
    mismatch(Option::<Vec<i32>>::from_null(int4).unwrap_err());
    mismatch(Option::<Vec<i32>>::from_null(oid::INT8_ARRAY.into()).unwrap_err());
    mismatch(Option::<crate::range::Range<i32>>::from_null(oid::INT8RANGE.into()).unwrap_err());
    mismatch(Option::<Multirange<i32>>::from_null(oid::INT4RANGE.into()).unwrap_err());
    assert_eq!(
        Option::<Vec<i64>>::from_null(oid::INT4_ARRAY.into()),
        Ok(None)
    );
    // Of what is in the text of a record nothing is known.
    assert_eq!(Option::<bool>::from_null(Type::UNTYPED), Ok(None));
    // In arrays, where a list of lists has another depth too.
    let raw = b"{NULL}";
    assert!(read::<Vec<Option<String>>>(oid::INT4_ARRAY, Format::Text, raw).is_err());
    assert!(read::<Vec<Option<Vec<i32>>>>(oid::INT4_ARRAY, Format::Text, raw).is_err());
    assert_eq!(
        read::<Vec<Option<i32>>>(oid::INT4_ARRAY, Format::Text, raw),
        Ok(vec![None])
    );
    // In composites.
    let raw = b"\0\0\0\x01\0\0\0\x17\xff\xff\xff\xff";
    assert!(read::<(Option<String>,)>(oid::RECORD, Format::Binary, raw).is_err());
    assert!(read::<(Option<i64>,)>(oid::RECORD, Format::Binary, raw).is_ok());
}

/// A composite `pair` of an `int8` and a `text`, a list of them, a domain over it, one that contains it, and an enum.
fn user_types() -> Types {
    let mut types = Types::new();
    let mut add = |oid, name: &str, kind| {
        let name = name.to_owned();
        types.insert(oid, Definition { name, kind });
    };
    let attribute = |name: &str, oid| Attribute {
        name: name.to_owned(),
        oid,
    };
    let pair = vec![attribute("a", oid::INT8), attribute("b", oid::TEXT)];
    add(20_000, "pair", Kind::Composite(pair));
    add(
        20_001,
        "_pair",
        Kind::Array {
            element: 20_000,
            delimiter: b',',
        },
    );
    add(20_002, "pair_too", Kind::Domain(20_000));
    let outer = vec![attribute("p", 20_002), attribute("list", 20_001)];
    add(20_003, "outer", Kind::Composite(outer));
    add(20_004, "mood", Kind::Enum);
    add(20_005, "positive", Kind::Domain(oid::INT4));
    add(
        20_006,
        "_positive",
        Kind::Array {
            element: 20_005,
            delimiter: b',',
        },
    );
    let mixed = vec![attribute("m", oid::MONEY), attribute("n", oid::INT4)];
    add(20_007, "mixed", Kind::Composite(mixed));
    add(
        20_008,
        "positive_pair",
        Kind::Composite(vec![attribute("a", 20_005)]),
    );
    let endless = vec![attribute("x", 20_009), attribute("y", 20_009)];
    add(20_009, "endless", Kind::Composite(endless));
    types
}

#[test]
fn where_there_is_no_value_the_parts_of_the_type_are_looked_at() {
    let types = user_types();
    let ctx = LoadContext::default();
    let pair = Type::new(20_000, &types);
    let list = Type::new(20_001, &types);
    let outer = Type::new(20_003, &types);
    assert!(Option::<(i64, String)>::from_null(pair).is_ok());
    assert!(Option::<(i32, String)>::from_null(pair).is_err());
    assert!(Option::<(i64,)>::from_null(pair).is_err());
    assert!(Option::<((i64, String), Vec<(i64, String)>)>::from_null(outer).is_ok());
    assert!(Option::<((i64, String), Vec<(i64, bool)>)>::from_null(outer).is_err());
    let empty = |raw: &[u8]| Vec::<(i32, String)>::from_sql(list, Format::Text, raw, &ctx);
    assert!(empty(b"{}").is_err() && empty(b"{\"(1,x)\"}").is_err());
    let nulls = Vec::<Option<(i32, String)>>::from_sql(list, Format::Text, b"{NULL}", &ctx);
    assert!(nulls.is_err());
    assert_eq!(
        Vec::<(i64, String)>::from_sql(list, Format::Text, b"{}", &ctx),
        Ok(vec![])
    );
    // The same for what is sent.
    for (value, is_sent) in [
        (&None::<(i64, &str)> as &dyn ToSql, true),
        (&None::<(bool, &str)>, false),
        (&None::<(i64,)>, false),
    ] {
        assert_eq!(send_as(value, pair).is_ok(), is_sent);
    }
    assert!(send_as(&Vec::<(i64, &str)>::new(), list).is_ok());
    assert!(send_as(&Vec::<(bool, &str)>::new(), list).is_err());
    assert!(send_as(&vec![None::<(bool, &str)>], list).is_err());
}

/// A Rust type that holds itself twice, as a server that lies may say of a composite.
#[derive(Debug)]
struct Endless;

impl FromSql<'_> for Endless {
    fn from_sql(_: Type<'_>, _: Format, _: &[u8], _: &LoadContext) -> Result<Self, DecodeError> {
        Ok(Self)
    }

    fn accepts(ty: Type<'_>) -> bool {
        ty.is_composite(None) && ty.parts_accepted(&[Self::accepts, Self::accepts])
    }
}

#[test]
fn a_type_within_itself_is_looked_at_for_a_bounded_time() {
    let types = user_types();
    let endless = Type::new(20_009, &types);
    assert!(Option::<Endless>::from_null(endless).unwrap().is_none());
}

#[test]
fn a_null_is_sent_as_the_types_that_a_value_is_sent_as() {
    let accepted: [(&dyn ToSql, u32); 6] = [
        (&None::<i32>, oid::INT8),
        (&None::<f32>, oid::FLOAT8),
        (&None::<&str>, oid::INT4),
        (&None::<Vec<u8>>, oid::BYTEA),
        (&None::<u8>, oid::INT2),
        (&None::<Vec<i32>>, oid::INT8_ARRAY),
    ];
    for (value, ty) in accepted {
        let mut out = Vec::new();
        let null = value.to_sql(ty.into(), value.format(ty.into()), &mut out);
        assert_eq!((null, out.len()), (Ok(IsNull::Yes), 0));
    }
    let refused: [(&dyn ToSql, u32); 6] = [
        (&None::<i32>, oid::TEXT),
        (&None::<f64>, oid::FLOAT4),
        (&None::<bool>, oid::INT4),
        (&None::<Vec<i32>>, oid::TEXT_ARRAY),
        (&None::<Date>, oid::TIMESTAMP),
        (&vec![None::<Date>], oid::TIMESTAMP_ARRAY),
    ];
    for (value, ty) in refused {
        assert!(send_as(value, ty.into()).is_err());
    }
    let error = send_as(&None::<i32>, oid::TEXT.into()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Rust type core::option::Option<i32> cannot be sent as PostgreSQL type text"
    );
}

#[test]
fn each_rust_type_is_sent_as_its_own_types_only() {
    let everything = [
        oid::BOOL,
        oid::INT2,
        oid::INT4,
        oid::INT8,
        oid::FLOAT4,
        oid::FLOAT8,
        oid::NUMERIC,
        oid::TEXT,
        oid::BYTEA,
        oid::DATE,
        oid::TIMESTAMP,
        oid::TIMESTAMPTZ,
        oid::TIME,
        oid::INTERVAL,
        oid::JSON,
        oid::UUID,
        oid::INET,
        oid::POINT,
        oid::MONEY,
        oid::INT4_ARRAY,
        oid::INT4RANGE,
    ];
    let cases: [(&dyn ToSql, &[u32]); 9] = [
        (&true, &[oid::BOOL]),
        (&0.5_f32, &[oid::FLOAT4, oid::FLOAT8]),
        (&0.5_f64, &[oid::FLOAT8]),
        (&Numeric::from(5), &[oid::NUMERIC]),
        (&b"x", &[oid::BYTEA]),
        (&Date { days: 0 }, &[oid::DATE]),
        (&Timestamp { micros: 0 }, &[oid::TIMESTAMP]),
        (&vec![5], &[oid::INT4_ARRAY]),
        (&Money(5), &[oid::MONEY]),
    ];
    for (value, own) in cases {
        for ty in everything {
            match send_as(value, ty.into()) {
                Ok((format, _)) => {
                    assert!(own.contains(&ty), "{}", Type::built_in(ty).name());
                    assert_eq!(format, Format::Binary);
                }
                Err(error) => {
                    assert!(!own.contains(&ty), "{}", Type::built_in(ty).name());
                    assert_eq!(error.kind(), EncodeErrorKind::Mismatch);
                }
            }
        }
    }
}

#[test]
fn a_float_is_the_same_number_in_the_wider_type() {
    assert_eq!(
        send(&0.1_f32, oid::FLOAT8),
        f64::from(0.1_f32).to_be_bytes()
    );
    assert_eq!(text(&0.1_f32, oid::FLOAT4.into()).unwrap(), "0.1");
    assert_eq!(
        text(&0.1_f32, oid::FLOAT8.into()).unwrap(),
        "0.10000000149011612"
    );
}

#[test]
fn strings_are_literals_of_any_type() {
    let types = user_types();
    for ty in [oid::INT4, oid::DATE, oid::INT4_ARRAY, oid::NAME, 20_000] {
        let sent = send_as(&"1", Type::new(ty, &types)).unwrap();
        assert_eq!(sent, (Format::Text, b"1".to_vec()));
        let in_binary = "1".to_sql(Type::new(ty, &types), Format::Binary, &mut Vec::new());
        assert!(in_binary.is_err());
    }
    assert_eq!(send(&"1".to_owned(), oid::TEXT), b"1");
    assert_eq!(text(&"1", oid::JSONB.into()).unwrap(), "1");
    assert_eq!(send(&"1", oid::JSONB), b"\x011");
    let label = send_as(&"ok", Type::new(20_004, &types)).unwrap();
    assert_eq!(label, (Format::Binary, b"ok".to_vec()));
    let list = send_as(&vec!["1", "a b"], oid::DATE_ARRAY.into()).unwrap();
    assert_eq!(list, (Format::Text, b"{1,\"a b\"}".to_vec()));
    assert!(send_as(&vec!["1"], oid::INT4.into()).is_err());
    assert!(send_as(&"a\0", oid::TEXT.into()).is_err());
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
    assert_eq!(send(&vec![1_u8], oid::BYTEA), [1]);
}

#[test]
fn arrays() {
    let values = vec![Some(1_i32), None, Some(-3)];
    let raw = send(&values, oid::INT4_ARRAY);
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
        read::<Vec<i32>>(
            oid::INT4_ARRAY,
            Format::Binary,
            &send(&empty, oid::INT4_ARRAY)
        ),
        Ok(vec![])
    );
    let words = ["a b", "NULL", "", "x\"y\\"];
    let raw = text(&words.as_slice(), oid::TEXT_ARRAY.into()).unwrap();
    assert_eq!(
        read::<Vec<String>>(oid::TEXT_ARRAY, Format::Text, raw.as_bytes()).unwrap(),
        words
    );
    let blobs: Vec<Vec<u8>> = vec![vec![0, 255], vec![]];
    assert_eq!(
        read::<Vec<Vec<u8>>>(
            oid::BYTEA_ARRAY,
            Format::Binary,
            &send(&blobs, oid::BYTEA_ARRAY)
        ),
        Ok(blobs)
    );
}

#[test]
fn damaged_values_never_panic() {
    let samples: Vec<(u32, Vec<u8>)> = vec![
        (oid::INT8, send(&5_i64, oid::INT8)),
        (
            oid::NUMERIC,
            send(&"-123.4500".parse::<Numeric>().unwrap(), oid::NUMERIC),
        ),
        (oid::INT4_ARRAY, send(&vec![1, 2, 3], oid::INT4_ARRAY)),
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
    let raw = send(&grid, oid::INT4_ARRAY);
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
    let raw = text(&grid, oid::INT4_ARRAY.into()).unwrap();
    assert_eq!(raw, "{{1,NULL},{3,4}}");
    assert_eq!(
        read(oid::INT4_ARRAY, Format::Text, raw.as_bytes()),
        Ok(grid)
    );
    let empty: Vec<Vec<i32>> = vec![vec![], vec![]];
    assert_eq!(send(&empty, oid::INT4_ARRAY)[..4], [0; 4]);
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
        assert!(send_as(value, oid::INT4_ARRAY.into()).is_err());
        assert!(text(value, oid::INT4_ARRAY.into()).is_err());
    }
}

#[test]
fn tuples() {
    let value = (1_i32, None::<String>, "a \"b\"".to_owned(), vec![0.5_f64]);
    let (format, raw) = send_as(&value, Type::UNTYPED).unwrap();
    assert_eq!(format, Format::Text);
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

#[test]
fn composites_are_sent_in_binary_if_all_in_them_can_be() {
    let types = user_types();
    let ctx = LoadContext::default();
    let pair = Type::new(20_000, &types);
    let (format, raw) = send_as(&(7_i32, "x"), pair).unwrap();
    assert_eq!(format, Format::Binary);
    assert_eq!(
        raw,
        b"\0\0\0\x02\0\0\0\x14\0\0\0\x08\0\0\0\0\0\0\0\x07\0\0\0\x19\0\0\0\x01x"
    );
    // A string for an int8 is a literal, and then all is.
    let sent = send_as(&("7", None::<String>), pair).unwrap();
    assert_eq!(sent, (Format::Text, b"(7,)".to_vec()));
    // Elements and attributes are named by the domain that they are of.
    let sent = send_as(&vec![5_i64], Type::new(20_006, &types)).unwrap();
    assert_eq!(sent.1[8..12], 20_005_u32.to_be_bytes());
    let sent = send_as(&(5_i64,), Type::new(20_008, &types)).unwrap();
    assert_eq!(sent.1[4..8], 20_005_u32.to_be_bytes());
    let outer = ((1_i64, "a".to_owned()), vec![(2_i64, "b".to_owned())]);
    let ty = Type::new(20_003, &types);
    let (format, raw) = send_as(&outer, ty).unwrap();
    assert_eq!(format, Format::Binary);
    assert_eq!(FromSql::from_sql(ty, format, &raw, &ctx), Ok(outer));
    // One that has not been looked up is text.
    let sent = send_as(&(7_i32, "x"), Type::new(30_000, &types)).unwrap();
    assert_eq!(sent, (Format::Text, b"(7,x)".to_vec()));
}

#[test]
fn fields_are_checked_as_values_are() {
    let types = user_types();
    let pair = Type::new(20_000, &types);
    let kind = |value: &dyn ToSql, ty| send_as(value, ty).unwrap_err().kind();
    assert_eq!(kind(&(true, "x"), pair), EncodeErrorKind::Mismatch);
    assert_eq!(
        kind(&(u64::MAX, "x"), pair),
        EncodeErrorKind::OutOfRange(u64::MAX.into())
    );
    assert_eq!(kind(&(1,), pair), EncodeErrorKind::Invalid);
    assert_eq!(
        kind(&(1, 2), Type::new(20_004, &types)),
        EncodeErrorKind::Mismatch
    );
    assert_eq!(kind(&(1, 2), oid::INT4.into()), EncodeErrorKind::Mismatch);
    assert_eq!(
        kind(&vec![5_i64 << 40], Type::new(20_006, &types)),
        EncodeErrorKind::OutOfRange(5 << 40)
    );
    // What money means in text depends on a setting.
    let mixed = Type::new(20_007, &types);
    assert!(send_as(&(Money(5), 1), mixed).is_ok());
    assert!(send_as(&(Money(5), "1"), mixed).is_err());
}

#[test]
fn lists_of_values_of_different_types() {
    let list: Vec<&dyn ToSql> = vec![&1_i16, &2_i64, &None::<i32>];
    let raw = send(&list, oid::INT4_ARRAY);
    assert_eq!(
        read::<Vec<Option<i32>>>(oid::INT4_ARRAY, Format::Binary, &raw),
        Ok(vec![Some(1), Some(2), None])
    );
    let list: Vec<Box<dyn ToSql + Send>> = vec![Box::new(1), Box::new("2")];
    let sent = send_as(&list, oid::INT4_ARRAY.into()).unwrap();
    assert_eq!(sent, (Format::Text, b"{1,2}".to_vec()));
    let list: Vec<Box<dyn ToSql>> = vec![Box::new(1), Box::new(true)];
    assert!(send_as(&list, oid::INT4_ARRAY.into()).is_err());
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

/// A record in an array in a record, and so on.
struct Nested(Option<Box<[Self; 1]>>);

impl Nested {
    fn new(levels: usize) -> Self {
        (0..levels).fold(Self(None), |inner, _| Self(Some(Box::new([inner]))))
    }
}

impl ToSql for Nested {
    fn format(&self, _: Type<'_>) -> Format {
        Format::Text
    }

    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        let mut fields = FieldWriter::begin::<Self>(ty, format, out, 1)?;
        match &self.0 {
            Some(inner) => fields.field(inner.as_ref())?,
            None => fields.field("x")?,
        }
        fields.finish()
    }
}

impl SqlType for Nested {
    fn is_sent_as(_: Type<'_>) -> bool {
        true
    }
}

impl Element for Nested {}

/// A record in a record, and so on, in binary.
fn nested_records(levels: usize) -> Vec<u8> {
    let mut raw = b"\0\0\0\0".to_vec();
    for _ in 0..levels {
        let inner = std::mem::replace(&mut raw, b"\0\0\0\x01\0\0\x08\xc9".to_vec());
        crate::length::value(&mut raw, &inner).unwrap();
    }
    raw
}

#[test]
fn quotes_of_nested_values_have_an_end() {
    let refused = "cannot write value: too many nested values: quotes double at each level";
    let write = |levels: usize, out: &mut Vec<u8>| {
        Nested::new(levels).to_sql(Type::UNTYPED, Format::Text, out)
    };
    for (levels, length) in [(1, 9), (2, 25), (10, 1_048_617)] {
        let mut out = Vec::new();
        write(levels, &mut out).unwrap();
        assert_eq!(out.len(), length, "{levels}");
    }
    for levels in [11, 12, 40] {
        let mut out = Vec::new();
        let error = write(levels, &mut out).unwrap_err();
        assert_eq!(error.to_string(), refused, "{levels}");
        assert!(out.capacity() < 1 << 23, "{}", out.capacity());
    }
}

#[test]
fn quotes_of_nested_values_that_are_read_have_an_end() {
    let text = |levels| {
        let raw = nested_records(levels);
        read::<AnyText<'_>>(oid::RECORD, Format::Binary, &raw).map(|text| text.0.len())
    };
    assert_eq!(text(1), Ok(6));
    assert!(text(17).is_ok());
    let refused =
        "cannot read value: too many nested values: quotes double at each level".to_owned();
    assert_eq!(text(30).map_err(|error| error.to_string()), Err(refused));
}

#[test]
fn strings_of_quotes_are_no_nested_values() {
    let many = "\"".repeat(2 << 20);
    let mut out = Vec::new();
    (many.as_str(),)
        .to_sql(Type::UNTYPED, Format::Text, &mut out)
        .unwrap();
    // Brackets in front say nothing yet.
    let mut json = "{\"a\": 1}".repeat(1 << 18);
    json.insert_str(0, "[(");
    (json,)
        .to_sql(Type::UNTYPED, Format::Text, &mut out)
        .unwrap();
}

proptest! {
    #[test]
    fn vectors_round_trip(ints: Vec<i64>, floats: Vec<f32>, flags: Vec<Option<bool>>) {
        prop_assert_eq!(read::<Vec<i64>>(oid::INT8_ARRAY, Format::Binary, &send(&ints, oid::INT8_ARRAY)).unwrap(), ints);
        prop_assert_eq!(read::<Vec<f32>>(oid::FLOAT4_ARRAY, Format::Binary, &send(&floats, oid::FLOAT4_ARRAY)).unwrap(), floats);
        prop_assert_eq!(read::<Vec<Option<bool>>>(oid::BOOL_ARRAY, Format::Binary, &send(&flags, oid::BOOL_ARRAY)).unwrap(), flags);
    }

    #[test]
    fn grids_round_trip(rows in prop::collection::vec(prop::array::uniform3(any::<Option<i16>>()), 0..4), words: Vec<Option<String>>) {
        prop_assert_eq!(&read::<Vec<[Option<i16>; 3]>>(oid::INT2_ARRAY, Format::Binary, &send(&rows, oid::INT2_ARRAY)).unwrap(), &rows);
        let raw = text(&rows, oid::INT2_ARRAY.into()).unwrap();
        prop_assert_eq!(read::<Vec<[Option<i16>; 3]>>(oid::INT2_ARRAY, Format::Text, raw.as_bytes()).unwrap(), rows);
        let words: Vec<_> = words.into_iter().map(|word| word.map(|word| word.replace('\0', ""))).collect();
        let value = (words.clone(), words);
        prop_assert_eq!(read::<(Vec<Option<String>>, Vec<Option<String>>)>(oid::RECORD, Format::Text, text(&value, Type::UNTYPED).unwrap().as_bytes()).unwrap(), value);
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
