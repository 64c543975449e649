//! Columns of any type, as text and as values of an enum: both are the same whether they came as text or in binary.

mod common;

use std::cell::{Cell, RefCell};

use howdah::types::datetime::Date;
use howdah::types::{AnyText, AnyValue};
use howdah::{Connection, Error, Row};
use proptest::test_runner::{Config, TestRunner};

/// A type, and what its literals look like; a literal that the server refuses is left out.
type Sample = (&'static str, &'static str);

const NUMBERS: [Sample; 12] = [
    ("bool", "[tf]"),
    ("int2", "-?[0-9]{1,4}"),
    ("int4", "-?[0-9]{1,9}"),
    ("int8", "-?[0-9]{1,18}"),
    ("oid", "[0-9]{1,9}"),
    ("xid", "[0-9]{1,9}"),
    ("cid", "[0-9]{1,9}"),
    ("xid8", "1?[0-9]{1,19}"),
    (
        "float4",
        "-?[0-9]{1,9}(\\.[0-9]{1,9})?(e-?[0-9]{1,2})?|NaN|-?inf",
    ),
    (
        "float8",
        "-?[0-9]{1,17}(\\.[0-9]{1,9})?(e-?[0-9]{1,3})?|NaN|-?inf",
    ),
    (
        "numeric",
        "-?[0-9]{1,30}(\\.[0-9]{1,20})?(e-?[0-9]{1,2})?|NaN",
    ),
    ("pg_lsn", "[0-9A-F]{1,8}/[0-9A-F]{1,8}"),
];

const TEXTS: [Sample; 13] = [
    ("text", "[a-cN \"\\\\{}(),;\u{e9}\u{1f418}]{0,6}|NULL"),
    ("varchar(8)", "[a \"\\\\{}(),\u{e9}]{0,6}"),
    ("char(8)", "[a \"\\\\{}(),\u{e9}]{0,6}"),
    ("name", "[a \"\\\\{}(),]{0,6}"),
    ("\"char\"", "[a \"\\\\{(]?|\\\\[23][0-7][0-7]"),
    ("xml", "<a b=\"[a-c ]{0,3}\">[a-c(),\\\\]{0,3}</a>"),
    ("bytea", "\\\\x([0-9a-f]{2}){0,6}"),
    ("json", "\\{\"[a-c ]{0,3}\": ?[0-9]{1,3}\\}|null|\"[a-c]\""),
    ("jsonb", "\\{\"[a-c ]{0,3}\": ?[1-9]{1,3}\\}|null|\"[a-c]\""),
    ("tsvector", "[a-c' ]{0,8}|[a-c]:[1-9]A?"),
    ("tsquery", "[a-c]( [&|] !?[a-c])?"),
    ("jsonpath", "\\$\\.[a-c]"),
    ("uuid", "[0-9a-f]{32}"),
];

const TIMES: [Sample; 6] = [
    (
        "date",
        "[1-4][0-9]{3}-(0[1-9]|1[0-2])-[0-2][1-8]( BC)?|-?infinity",
    ),
    (
        "time",
        "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?",
    ),
    (
        "timetz",
        "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9][+-]0[0-9](:30)?",
    ),
    (
        "timestamp",
        "[1-4][0-9]{3}-0[1-9]-[0-2][1-8] [01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?( BC)?|-?infinity",
    ),
    (
        "timestamptz",
        "[1-4][0-9]{3}-0[1-9]-[0-2][1-8] [01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?[+-]0[0-9]( BC)?|-?infinity",
    ),
    (
        "interval",
        "(-?[0-9]{1,3} years? )?(-?[0-9] mons )?(-?[0-9]{1,3} days )?-?[0-9]{1,3}:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?",
    ),
];

const OTHERS: [Sample; 13] = [
    (
        "inet",
        "10\\.[1-9]\\.[0-9]\\.1(/[0-9])?|::[1-9a-f]{1,4}(/12[0-8])?",
    ),
    ("cidr", "10\\.[1-9]\\.0\\.0/1[6-9]|fe80::/1[0-9]"),
    ("macaddr", "([0-9a-f]{2}:){5}[0-9a-f]{2}"),
    ("macaddr8", "([0-9a-f]{2}:){7}[0-9a-f]{2}"),
    ("bit(4)", "[01]{4}"),
    ("varbit", "[01]{0,20}"),
    ("point", "\\(-?[0-9](\\.[0-9])?,[0-9]\\)"),
    ("line", "\\{1,-?[1-9],[0-9]\\}"),
    ("lseg", "\\[\\([0-9],[0-9]\\),\\([0-9],[0-9]\\)\\]"),
    ("box", "\\([0-9],[0-9]\\),\\([0-9],[0-9]\\)"),
    (
        "path",
        "[(]\\([0-9],[0-9]\\),\\([0-9],1\\)[)]|\\[\\([0-9],1\\)\\]",
    ),
    ("polygon", "\\(\\([0-9],[0-9]\\),\\([0-9],1\\)\\)"),
    ("circle", "<\\([0-9],[0-9]\\),[0-9]>"),
];

const MADE_OF_OTHERS: [Sample; 15] = [
    (
        "int4[]",
        "\\{([0-9]{1,3}|NULL)(,[0-9]{1,3}){0,3}\\}|\\{\\}|\\[2:3\\]=\\{1,2\\}|\\{\\{1,2\\},\\{3,NULL\\}\\}",
    ),
    ("int4range", "[\\[(]-?[0-4]?,[5-9]?[\\])]|empty"),
    ("int8range", "[\\[(]-?[0-4]?,[5-9]?[\\])]|empty"),
    ("numrange", "[\\[(]-?(0\\.[0-9])?,[5-9]?[\\])]|empty"),
    ("tsrange", "[\\[(]\"?2000-01-0[1-9] 01:00\"?,[\\])]|empty"),
    (
        "tstzrange",
        "[\\[(]2000-01-0[1-9] 01:00\\+0[0-9],[\\])]|empty",
    ),
    (
        "daterange",
        "[\\[(]2000-01-0[1-4],2000-01-0[5-9]?[\\])]|empty",
    ),
    (
        "int4multirange",
        "\\{(\\[[1-4],[5-9]\\))?\\}|\\{\\[1,2\\],\\[5,[67]\\]\\}",
    ),
    (
        "tstzmultirange",
        "\\{\\[2000-01-0[1-9] 01:00\\+0[0-9],\\)\\}|\\{\\}",
    ),
    ("dynamic_mood", "sad|\"a b\",|\\(\\[x\\]\\)"),
    (
        "dynamic_row",
        "\\([0-9]?,(\"[a-c\\[( ]{0,3}\")?,(2000-01-01 0[0-9]:00:00\\+02)?,\\{(0\\.[1-9])?\\}\\)",
    ),
    ("dynamic_one", "\\([a-c]?\\)"),
    ("dynamic_domain", "[0-9]{1,4}"),
    ("dynamic_list", "\\{[0-9](,[0-9]){0,2}\\}"),
    ("dynamic_range", "[\\[(](0\\.[0-9])?,[5-9]?[\\])]|empty"),
];

fn connect() -> Connection {
    let mut conn = common::connect_without_autocommit();
    conn.batch_execute(
        "SET TimeZone = 'UTC';
         CREATE SCHEMA dynamic; SET search_path = dynamic, public;
         CREATE TYPE dynamic_mood AS ENUM ('sad', '\"a b\",', '([x])');
         CREATE TYPE dynamic_row AS (number int4, \"the text\" text, time timestamptz, list float4[]);
         CREATE TYPE dynamic_one AS (a text);
         CREATE DOMAIN dynamic_domain AS int8 CHECK (value >= 0);
         CREATE DOMAIN dynamic_list AS int4[];
         CREATE TYPE dynamic_range AS RANGE (subtype = float8, multirange_type_name = dynamic_ranges)",
    )
    .unwrap();
    conn
}

/// The statement that has a value alone, in an array, in composites, and each of these as the server's text.
fn statement(literal: &str, ty: &str) -> String {
    // A list within a list would be its dimension.
    let list = if ty.ends_with("[]") || ty == "dynamic_list" {
        "x"
    } else {
        "ARRAY[x, NULL, x]"
    };
    let literal = format!("E'{}'", literal.replace('\\', "\\\\").replace('\'', "\\'"));
    format!(
        "SELECT v.*, format('%s', a), format('%s', b), format('%s', c), format('%s', d) \
         FROM (SELECT x AS a, {list} AS b, ROW(x, 'a [b]', NULL)::dynamic_of AS c, \
                ARRAY[NULL, ROW(x, '', 'c')::dynamic_of] AS d \
               FROM (SELECT {literal}::{ty} AS x) x) v"
    )
}

/// The row that a statement gives, as text, in binary where values are asked for in binary, and in binary altogether.
fn each_way(conn: &mut Connection, sql: &str) -> [Row; 3] {
    let mut results = conn.simple_query(sql).expect(sql);
    let text = results[0].fetch_one().expect("a row");
    conn.query_one(sql, ()).unwrap();
    let mixed = conn.query_one(sql, ()).unwrap();
    let copy = format!("COPY ({sql}) TO STDOUT (FORMAT binary)");
    let mut copy = conn.copy_out_rows(&copy).unwrap();
    let binary = copy.next().expect("a row").unwrap();
    [text, mixed, binary]
}

fn same_each_way(samples: &[Sample]) {
    let conn = RefCell::new(connect());
    conn.borrow_mut().set_prepare_threshold(Some(0));
    for &(ty, literals) in samples {
        if ty == "xml" && !has_xml(&mut conn.borrow_mut()) {
            println!("this server has no xml");
            continue;
        }
        let sql = format!("CREATE TYPE dynamic_of AS (x {ty}, \"a b\" text, c varchar)");
        conn.borrow_mut().execute(&sql, ()).unwrap();
        let config = Config {
            failure_persistence: None,
            ..Config::with_cases(12)
        };
        let found = Cell::new(0);
        TestRunner::new(config)
            .run(
                &proptest::string::string_regex(literals).unwrap(),
                |literal| {
                    let sql = statement(&literal, ty);
                    let conn = &mut *conn.borrow_mut();
                    let mut attempt = conn.savepoint().unwrap();
                    let accepted = attempt.execute(&sql, ()).is_ok();
                    attempt.rollback().unwrap();
                    if accepted {
                        found.set(found.get() + 1);
                        same(&each_way(conn, &sql), &literal, ty);
                    }
                    Ok(())
                },
            )
            .unwrap();
        assert!(
            found.get() > 3,
            "{ty}: the server takes too few of the literals"
        );
        let conn = &mut *conn.borrow_mut();
        conn.execute("DROP TYPE dynamic_of", ()).unwrap();
        conn.forget_types();
    }
}

fn has_xml(conn: &mut Connection) -> bool {
    let mut attempt = conn.savepoint().unwrap();
    let has = attempt.execute("SELECT '<a/>'::xml", ()).is_ok();
    attempt.rollback().unwrap();
    has
}

fn same(rows: &[Row; 3], literal: &str, ty: &str) {
    for column in 0..4 {
        let wanted: String = rows[0].get(column + 4).unwrap();
        let values = rows.each_ref().map(|row| {
            let text = row.text(column).unwrap().expect("no NULL");
            assert_eq!(text, wanted, "{literal}::{ty}, column {column}");
            format!("{:?}", row.get::<AnyValue>(column).unwrap())
        });
        let [text, mixed, binary] = values;
        assert_eq!(text, mixed, "{literal}::{ty}");
        assert_eq!(text, binary, "{literal}::{ty}");
    }
}

#[test]
fn numbers() {
    same_each_way(&NUMBERS);
}

#[test]
fn texts() {
    same_each_way(&TEXTS);
}

#[test]
fn times() {
    same_each_way(&TIMES);
}

#[test]
fn other_types() {
    same_each_way(&OTHERS);
}

#[test]
fn types_made_of_others() {
    same_each_way(&MADE_OF_OTHERS);
}

#[test]
fn types_of_extensions() {
    let mut conn = connect();
    if conn
        .execute("CREATE EXTENSION IF NOT EXISTS hstore", ())
        .is_err()
    {
        println!("this server has no hstore");
        return;
    }
    conn.set_prepare_threshold(Some(0));
    let text = r#""c"=>NULL, "a b"=>"\"\\,""#;
    let sql = format!("SELECT '{text}'::hstore");
    for row in each_way(&mut conn, &sql) {
        assert_eq!(row.text(0).unwrap().as_deref(), Some(text));
        let value: AnyValue = row.get(0).unwrap();
        assert_eq!(value, AnyValue::Other(text.to_owned()));
    }
}

#[test]
fn what_only_the_server_knows_the_text_of() {
    let mut conn = connect();
    conn.set_prepare_threshold(Some(0));
    for (ty, literal) in [("money", "1234.50"), ("regclass", "pg_type")] {
        let sql = format!("SELECT '{literal}'::{ty}, format('%s', '{literal}'::{ty})");
        let [text, mixed, binary] = each_way(&mut conn, &sql);
        for row in [text, mixed] {
            let wanted: String = row.get(1).unwrap();
            assert_eq!(row.text(0).unwrap().as_deref(), Some(wanted.as_str()));
            assert_eq!(row.get::<AnyValue>(0).unwrap(), AnyValue::Other(wanted));
        }
        let error = binary.text(0).unwrap_err().to_string();
        assert!(
            error.contains("no text is made of its binary form"),
            "{error}"
        );
        assert!(binary.get::<AnyValue>(0).is_err());
    }
}

#[test]
fn the_settings_of_the_session_make_no_difference() {
    let mut conn = connect();
    conn.set_prepare_threshold(Some(0));
    let sql = "SELECT '2000-01-01 00:00:00+00'::timestamptz, \
               ARRAY['\\x00ff'::bytea], \
               '[2000-01-01 00:00:00+00,)'::tstzrange, \
               '(1,x,2000-01-01 00:00:00+00,{})'::dynamic_row";
    let wanted = [
        "2000-01-01 00:00:00+00",
        "{\"\\\\x00ff\"}",
        "[\"2000-01-01 00:00:00+00\",)",
        "(1,x,\"2000-01-01 00:00:00+00\",{})",
    ];
    conn.batch_execute("SET TimeZone = 'Asia/Kolkata'; SET bytea_output = escape")
        .unwrap();
    for row in each_way(&mut conn, sql) {
        let texts: Vec<_> = (0..4).map(|at| row.text(at).unwrap().unwrap()).collect();
        assert_eq!(texts, wanted);
    }
    conn.batch_execute("SET DateStyle = German").unwrap();
    let row = conn
        .query_one("SELECT '2000-02-01'::date, '2000-02-01'::timestamp", ())
        .unwrap();
    assert_eq!(row.text(0).unwrap().as_deref(), Some("2000-02-01"));
    assert_eq!(row.text(1).unwrap().as_deref(), Some("2000-02-01 00:00:00"));
}

#[test]
fn values() {
    let mut conn = connect();
    let int = AnyValue::Int;
    let text = |text: &str| AnyValue::Text(text.to_owned());
    for (sql, wanted) in [
        ("NULL::int4", AnyValue::Null),
        ("true", AnyValue::Bool(true)),
        ("7::int2", int(7)),
        ("0.1::float4", AnyValue::Float4(0.1)),
        ("0.1::float8", AnyValue::Float8(0.1)),
        ("1.50", AnyValue::Numeric("1.50".parse().unwrap())),
        ("'a'::varchar", text("a")),
        ("'sad'::dynamic_mood", text("sad")),
        ("'\\x00'::bytea", AnyValue::Bytes(vec![0])),
        ("'2000-01-02'::date", AnyValue::Date(Date { days: 1 })),
        ("'[1]'::jsonb", AnyValue::Json("[1]".into())),
        ("'10.0.0.0/8'::cidr", AnyValue::Other("10.0.0.0/8".into())),
        ("7::dynamic_domain", int(7)),
        (
            "ARRAY[[1, NULL]]",
            AnyValue::Array(vec![AnyValue::Array(vec![int(1), AnyValue::Null])]),
        ),
        (
            "ROW('b')::dynamic_one",
            AnyValue::Composite(vec![("a".into(), text("b"))]),
        ),
        (
            "ROW(NULL)::dynamic_one",
            AnyValue::Composite(vec![("a".into(), AnyValue::Null)]),
        ),
        (
            "ROW(1, NULL)",
            AnyValue::Composite(vec![
                (String::new(), text("1")),
                (String::new(), AnyValue::Null),
            ]),
        ),
    ] {
        let sql = format!("SELECT {sql}");
        for row in each_way(&mut conn, &sql) {
            let found: AnyValue = row.get(0).unwrap();
            assert_eq!(found, wanted, "{sql}");
            assert_eq!(found.is_null(), wanted == AnyValue::Null);
        }
    }
    let row = conn
        .query_one("SELECT '(1,a,,)'::dynamic_row AS r, 2 AS n", ())
        .unwrap();
    let value: AnyValue = row.get("r").unwrap();
    assert_eq!(value.field("the text"), Some(&text("a")));
    assert_eq!(value.field("time"), Some(&AnyValue::Null));
    assert_eq!(value.field("other"), None);
    let all: (AnyValue, AnyValue) = row.read().unwrap();
    assert_eq!(all, (value, int(2)));
    let texts: (AnyText<'_>, AnyText<'_>) = row.read().unwrap();
    assert_eq!((&*texts.0.0, &*texts.1.0), ("(1,a,,)", "2"));
}

#[test]
fn text_of_a_column() -> Result<(), Error> {
    let mut conn = connect();
    let row = conn.query_one("SELECT 'a' AS a, NULL AS b", ())?;
    assert_eq!(row.text("a")?.as_deref(), Some("a"));
    assert!(matches!(
        row.text(0)?,
        Some(std::borrow::Cow::Borrowed("a"))
    ));
    assert_eq!(row.text("b")?, None);
    let error = row.text("c").unwrap_err();
    assert_eq!(error.to_string(), "the result has no column \"c\"");
    Ok(())
}
