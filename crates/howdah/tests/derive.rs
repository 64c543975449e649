//! The derive macros, with and without a server.

#![cfg(feature = "derive")]

mod common;

use std::borrow::Cow;

use howdah::types::{
    Attribute, DecodeError, Definition, EncodeError, EncodeErrorKind, Format, FromSqlOwned, Kind,
    LoadContext, SqlType, Type, Types, oid,
};
use howdah::{FromSql, ToSql};

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[howdah(rename_all = "kebab-case")]
enum Mood {
    Sad,
    VeryHappy,
    #[howdah(name = "\"other\", one")]
    Other,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[howdah(rename_all = "camelCase")]
struct Address {
    street_name: String,
    #[howdah(name = "ZIP")]
    zip: Option<i32>,
    r#type: Mood,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Nested {
    home: Address,
    others: Vec<Option<Address>>,
    grid: Vec<[f64; 2]>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Pair<A, B>(A, B)
where
    A: Clone;

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Wrapper<T>(T);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Tree {
    value: i32,
    children: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Link {
    value: i32,
    next: Option<Box<Link>>,
}

#[derive(ToSql)]
struct Borrowed<'a> {
    text: &'a str,
    cow: Cow<'a, str>,
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
#[howdah(name = "address_of_another_name")]
struct Named {
    a: i32,
}

fn text(value: &dyn ToSql) -> String {
    let mut out = Vec::new();
    value.to_sql(Type::UNTYPED, Format::Text, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What a value is sent as, in the format it wants.
fn send(value: &dyn ToSql, ty: Type<'_>) -> Result<(Format, Vec<u8>), EncodeError> {
    let mut out = Vec::new();
    let format = value.format(ty);
    value.to_sql(ty, format, &mut out).map(|_| (format, out))
}

fn read<T: FromSqlOwned>(ty: u32, raw: &str) -> Result<T, DecodeError> {
    let ctx = LoadContext::default();
    T::from_sql(ty.into(), Format::Text, raw.as_bytes(), &ctx)
}

fn address() -> Address {
    Address {
        street_name: "Main \"St.\", 1".into(),
        zip: None,
        r#type: Mood::Other,
    }
}

#[test]
fn texts() {
    assert_eq!(text(&Mood::VeryHappy), "very-happy");
    assert_eq!(text(&Pair(1, Some("x"))), "(1,x)");
    assert_eq!(text(&Wrapper(5)), "5");
    let borrowed = Borrowed {
        text: "a",
        cow: "b c".into(),
    };
    assert_eq!(text(&borrowed), "(a,\"b c\")");
    assert_eq!(text(&vec![Mood::Sad, Mood::VeryHappy]), "{sad,very-happy}");
    let tree = Tree {
        value: 1,
        children: vec![Tree {
            value: 2,
            children: Vec::new(),
        }],
    };
    assert_eq!(read(oid::RECORD, &text(&tree)), Ok(tree));
    let link = |value, next: Option<Link>| Link {
        value,
        next: next.map(Box::new),
    };
    let chain = link(1, Some(link(2, None)));
    assert_eq!(text(&chain), "(1,\"(2,)\")");
    assert_eq!(read(oid::RECORD, &text(&chain)), Ok(chain));
    let value = address();
    assert_eq!(read(oid::RECORD, &text(&value)), Ok(value));
}

#[test]
fn a_wrapper_is_what_it_wraps() {
    assert_eq!(
        send(&Wrapper(5_i64), oid::INT2.into()),
        Ok((Format::Binary, vec![0, 5]))
    );
    assert!(send(&Wrapper(5_i64), oid::TEXT.into()).is_err());
    assert!(<Vec<Wrapper<i64>>>::is_sent_as(oid::INT8_ARRAY.into()));
    assert!(<Vec<Wrapper<Vec<i64>>>>::is_sent_as(oid::INT4_ARRAY.into()));
    assert!(!<Vec<Wrapper<Vec<i64>>>>::is_sent_as(oid::INT4.into()));
    assert_eq!(read::<Wrapper<i32>>(oid::INT4, "5"), Ok(Wrapper(5)));
    assert!(read::<Wrapper<i32>>(oid::INT8, "5").is_err());
    let nulls: Vec<Wrapper<Option<i32>>> = read(oid::INT4_ARRAY, "{1,NULL}").unwrap();
    assert_eq!(nulls, [Wrapper(Some(1)), Wrapper(None)]);
    let lists: Vec<Wrapper<Vec<i32>>> = read(oid::INT4_ARRAY, "{{1},{2}}").unwrap();
    assert_eq!(text(&lists), "{{1},{2}}");
}

/// An enum `mood` and a composite `address` as the structs above have them.
fn known_types() -> Types {
    let mut types = Types::new();
    let attribute = |name: &str, oid| Attribute {
        name: name.to_owned(),
        oid,
    };
    let attributes = |zip| {
        Kind::Composite(vec![
            attribute("streetName", oid::VARCHAR),
            attribute(zip, oid::INT2),
            attribute("type", 20_000),
        ])
    };
    for (oid, name, kind) in [
        (20_000, "mood", Kind::Enum),
        (20_001, "address", attributes("ZIP")),
        (20_002, "misnamed", attributes("zip")),
        (
            20_003,
            "address_of_another_name",
            Kind::Composite(vec![attribute("a", oid::INT8)]),
        ),
    ] {
        let name = name.to_owned();
        types.insert(oid, Definition { name, kind });
    }
    types
}

#[test]
fn values_are_sent_as_the_types_of_the_attributes() {
    let types = known_types();
    let [mood, address_type, misnamed, named] =
        [20_000, 20_001, 20_002, 20_003].map(|oid| Type::new(oid, &types));
    assert_eq!(
        send(&Mood::Sad, mood),
        Ok((Format::Binary, b"sad".to_vec()))
    );
    let kind = |value: &dyn ToSql, ty| send(value, ty).unwrap_err().kind();
    assert_eq!(
        kind(&Mood::Sad, oid::TEXT.into()),
        EncodeErrorKind::Mismatch
    );
    assert_eq!(kind(&Mood::Sad, address_type), EncodeErrorKind::Mismatch);

    let mut value = address();
    value.zip = Some(12_345);
    let (format, raw) = send(&value, address_type).unwrap();
    assert_eq!(format, Format::Binary);
    let ctx = LoadContext::default();
    let error = Address::from_sql(address_type, format, &raw, &ctx);
    assert_eq!(error, Ok(value.clone()));
    value.zip = Some(123_456);
    let error = send(&value, address_type).unwrap_err();
    assert_eq!(
        error.to_string(),
        "123456 of Rust type Option<i32> (field zip of Address) is out of range for PostgreSQL type int2"
    );
    let error = send(&address(), misnamed).unwrap_err().to_string();
    assert!(
        error.contains("field zip of Address is not named \"ZIP\""),
        "{error}"
    );
    assert!(send(&Named { a: 1 }, named).is_ok());
    assert_eq!(
        kind(&Named { a: 1 }, address_type),
        EncodeErrorKind::Mismatch
    );
    assert_eq!(kind(&Pair(1, 2), named), EncodeErrorKind::Invalid);
    let error = send(&Pair(1, Wrapper(true)), Type::UNTYPED);
    assert_eq!(error, Ok((Format::Text, b"(1,t)".to_vec())));
}

#[test]
fn a_null_of_a_struct_is_of_a_type_as_a_value_is() {
    let types = known_types();
    let [mood, address_type, misnamed] = [20_000, 20_001, 20_002].map(|oid| Type::new(oid, &types));
    assert_eq!(Option::<Address>::from_null(address_type), Ok(None));
    assert!(Option::<Address>::from_null(mood).is_err());
    assert!(Option::<Pair<String, Mood>>::from_null(address_type).is_err());
    assert!(Option::<Wrapper<Address>>::from_null(oid::TEXT.into()).is_err());
    assert!(Wrapper::<Option<Mood>>::from_null(address_type).is_err());
    assert_eq!(Wrapper::<Option<Mood>>::from_null(mood), Ok(Wrapper(None)));
    assert!(Option::<Named>::from_null(misnamed).is_err());
    assert!(send(&None::<Address>, address_type).is_ok());
    assert!(send(&None::<Address>, mood).is_err());
    assert!(send(&None::<Mood>, oid::TEXT.into()).is_err());
    assert!(send(&Vec::<Pair<bool, bool>>::new(), oid::INT4_ARRAY.into()).is_err());
}

#[test]
fn errors_name_the_field() {
    let error = read::<Address>(oid::RECORD, "(a,x,sad)").unwrap_err();
    assert!(error.to_string().contains("int4"), "{error}");
    let error = read::<Address>(oid::RECORD, "(,1,sad)").unwrap_err();
    assert_eq!(
        error.to_string(),
        "NULL cannot be read as Rust type String (field street_name of Address)"
    );
    let error = read::<Address>(oid::RECORD, "(a,1,cross)").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("label that Mood has no variant for"),
        "{error}"
    );
    for raw in ["(a,1)", "(a,1,sad,4)", "a", ""] {
        assert!(read::<Address>(oid::RECORD, raw).is_err(), "{raw}");
    }
    assert!(read::<Address>(oid::TEXT, "(a,1,sad)").is_err());
    assert!(read::<Mood>(oid::TEXT, "sad").is_err());
}

#[test]
fn there_and_back() {
    let mut conn = common::connect_without_autocommit();
    let [mood, address_type, nested] = ["mood", "address", "nested"].map(common::unique);
    conn.batch_execute(&format!(
        "CREATE TYPE {mood} AS ENUM ('sad', 'very-happy', '\"other\", one');
         CREATE TYPE {address_type} AS (\"streetName\" varchar(50), \"ZIP\" int8, type {mood});
         ALTER TYPE {address_type} ALTER ATTRIBUTE \"ZIP\" TYPE int4;
         CREATE TYPE {nested} AS (home {address_type}, others {address_type}[], grid float8[]);
         CREATE TEMP TABLE test (mood {mood}, moods {mood}[], nested {nested})"
    ))
    .unwrap();
    let value = Nested {
        home: address(),
        others: vec![Some(address()), None],
        grid: vec![[0.1, 0.2], [f64::INFINITY, -0.0]],
    };
    let moods = vec![Some(Mood::Sad), None, Some(Mood::Other)];
    let insert = "INSERT INTO test VALUES ($1, $2, $3)";
    for _ in 0..7 {
        conn.execute(insert, (&Mood::VeryHappy, &moods, &value))
            .unwrap();
    }
    conn.execute(insert, (None::<Mood>, &Vec::<Mood>::new(), None::<Nested>))
        .unwrap();
    let sql = "SELECT mood, moods, nested, test FROM test WHERE mood = $1 AND mood = ANY($2)";
    for _ in 0..8 {
        let rows = conn
            .query(sql, (&Mood::VeryHappy, vec![Mood::Sad, Mood::VeryHappy]))
            .unwrap();
        assert_eq!(rows.row_count(), 7);
        for row in rows {
            assert_eq!(row.get::<Mood>(0).unwrap(), Mood::VeryHappy);
            assert_eq!(row.get::<Vec<Option<Mood>>>(1).unwrap(), moods);
            assert_eq!(row.get::<Nested>(2).unwrap(), value);
            let whole: Pair<Mood, Wrapper<(Mood,)>> = Pair(Mood::Sad, Wrapper((Mood::Sad,)));
            assert_eq!(whole.clone(), whole);
            let whole: (Mood, Vec<Option<Mood>>, Nested) = row.get(3).unwrap();
            assert_eq!(whole, (Mood::VeryHappy, moods.clone(), value.clone()));
            assert_eq!(row.get::<String>(0).unwrap(), "very-happy");
        }
    }
    let row = conn
        .query_one("SELECT * FROM test WHERE mood IS NULL", ())
        .unwrap();
    let (mood, moods, nested): (Option<Mood>, Vec<Mood>, Option<Nested>) = row.read().unwrap();
    assert_eq!((mood, moods, nested), (None, vec![], None));
}

#[test]
fn names_are_checked() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("address");
    conn.batch_execute(&format!(
        "CREATE TYPE {name} AS (\"ZIP\" int4, \"streetName\" text, type text);
         CREATE TYPE {name}_2 AS (a int4)"
    ))
    .unwrap();
    let row = conn
        .query_one(
            &format!("SELECT '(1,a,sad)'::{name} AS x, '(1)'::{name}_2 AS y"),
            (),
        )
        .unwrap();
    let error = row.get::<Address>("x").unwrap_err().to_string();
    assert!(
        error.contains(
            "the attribute in the place of field street_name of Address is not named \"streetName\""
        ),
        "{error}"
    );
    let error = row.get::<Named>("y").unwrap_err().to_string();
    assert_eq!(
        error,
        format!("column 1 \"y\" ({name}_2) cannot be read as Named")
    );
    assert_eq!(row.get::<(i32,)>("y").unwrap(), (1,));
    // An attribute's type is checked as a column's is.
    let error = row
        .get::<Pair<String, String>>("x")
        .unwrap_err()
        .to_string();
    assert!(error.contains("another number of attributes"), "{error}");
    let error = row
        .get::<(String, String, String)>("x")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("PostgreSQL type int4 cannot be read"),
        "{error}"
    );
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn the_same_on_tokio() {
    let mut conn = howdah::AsyncConnection::connect(&common::dsn())
        .await
        .unwrap();
    let name = common::unique("mood");
    conn.batch_execute(&format!(
        "CREATE TYPE {name} AS ENUM ('sad', 'very-happy', '\"other\", one');
         CREATE TYPE {name}_pair AS (a int4, b {name})"
    ))
    .await
    .unwrap();
    let sql = format!("SELECT $1::{name}_pair, ARRAY[$2::{name}]");
    let pair = Pair(7, Mood::Other);
    for _ in 0..8 {
        let row = conn.query_one(&sql, (&pair, &Mood::Sad)).await.unwrap();
        assert_eq!(row.get::<Pair<i32, Mood>>(0).unwrap(), pair);
        assert_eq!(row.get::<Vec<Mood>>(1).unwrap(), [Mood::Sad]);
        let error = row.get::<Pair<i16, Mood>>(0).unwrap_err().to_string();
        assert!(error.contains("int4"), "{error}");
    }
    let mut results = conn
        .simple_query(&format!("SELECT 'sad'::{name}; SELECT ROW(1)"))
        .await
        .unwrap();
    let row = results[0].fetch_one().unwrap();
    assert_eq!(row.columns().next().unwrap().type_name(), name);
    let mut stream = conn.query_stream(&sql, (&pair, &Mood::Sad)).await.unwrap();
    let row = stream.next().await.unwrap().unwrap();
    assert_eq!(row.get::<Pair<i32, Mood>>(0).unwrap(), pair);
}
