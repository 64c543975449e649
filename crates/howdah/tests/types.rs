//! Values of every family of types, there and back through a real server, and types made by users without the macros.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use howdah::types::bit::Bits;
use howdah::types::datetime::{Date, Interval, Timestamp};
use howdah::types::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use howdah::types::net::Inet;
use howdah::types::numeric::Numeric;
use howdah::types::range::{Bounds, Range};
use howdah::types::{FromSqlOwned, MacAddr, MacAddr8, Money, Multirange, PgLsn};
use howdah::{Connection, ToSql};

/// Sends a value as the type `ty` often enough for both formats, and within a record; compares what comes back.
fn there_and_back<T: ToSql + FromSqlOwned + PartialEq + Debug>(
    conn: &mut Connection,
    ty: &str,
    value: T,
) {
    let sql = format!("SELECT $1::{ty}, ROW($1::{ty})");
    for _ in 0..8 {
        let row = conn.query_one(&sql, (&value,)).unwrap();
        assert_eq!(row.get::<T>(0).unwrap(), value, "{ty}");
        assert_eq!(row.get::<(T,)>(1).unwrap().0, value, "{ty} in a record");
    }
    let name = common::unique("one");
    conn.execute(&format!("CREATE TYPE {name} AS (a {ty})"), ())
        .unwrap();
    let row = conn
        .query_one(&format!("SELECT $1::{name}, ($1::{name}).a"), ((&value,),))
        .unwrap();
    assert_eq!(row.get::<(T,)>(0).unwrap().0, value, "{ty} in a composite");
    assert_eq!(row.get::<T>(1).unwrap(), value, "{ty} of a composite");
}

fn range<T>(lower: T, upper: Option<T>) -> Range<T> {
    Range::Bounds(Bounds {
        lower: Some(lower),
        upper,
        lower_inclusive: true,
        upper_inclusive: false,
    })
}

#[test]
fn scalars() {
    let mut conn = common::connect_without_autocommit();
    there_and_back(&mut conn, "bool", true);
    there_and_back(&mut conn, "int2", i16::MIN);
    there_and_back(&mut conn, "int4", i32::MIN);
    there_and_back(&mut conn, "int8", i64::MIN);
    there_and_back(&mut conn, "oid", u32::MAX);
    there_and_back(&mut conn, "float4", 0.1_f32);
    there_and_back(&mut conn, "float8", -1.5e300);
    there_and_back(&mut conn, "float8", f64::INFINITY);
    there_and_back(&mut conn, "numeric", i128::from(i64::MIN) * 3);
    let numeric = |text: &str| text.parse::<Numeric>().unwrap();
    there_and_back(&mut conn, "numeric", numeric("-123.4500"));
    there_and_back(&mut conn, "text", "a\"b\\c,(d) \u{1f418}".to_owned());
    there_and_back(&mut conn, "varchar", String::new());
    there_and_back(&mut conn, "bytea", b"\x00\xff\\".to_vec());
    there_and_back(&mut conn, "bytea", *b"abc");
    there_and_back(&mut conn, "date", Date { days: -1 });
    there_and_back(&mut conn, "date", Date::INFINITY);
    there_and_back(&mut conn, "timestamp", Timestamp { micros: 1 });
    let interval = Interval {
        months: -14,
        days: 3,
        micros: -1,
    };
    there_and_back(&mut conn, "interval", interval);
    conn.execute("SET intervalstyle = sql_standard", ())
        .unwrap();
    let row = conn
        .query_one(
            "SELECT $1::interval = '-14 mons +3 days -00:00:00.000001'",
            (&interval,),
        )
        .unwrap();
    assert!(row.get::<bool>(0).is_ok());
}

#[test]
fn money_positions_and_shapes() {
    let mut conn = common::connect_without_autocommit();
    conn.execute("SET lc_monetary = 'C'", ()).unwrap();
    there_and_back(&mut conn, "money", Money(-123_456));
    there_and_back(&mut conn, "money[]", vec![Some(Money(5)), None]);
    there_and_back(&mut conn, "pg_lsn", PgLsn(0x16_B374_D848));
    let [a, b] = [(1.0, 2.5), (3.0, 4.0)].map(|(x, y)| Point { x, y });
    there_and_back(&mut conn, "point", a);
    let line = Line {
        a: 1.0,
        b: -1.0,
        c: 0.5,
    };
    there_and_back(&mut conn, "line", line);
    there_and_back(&mut conn, "lseg", Segment { start: a, end: b });
    let rectangle = Rectangle { high: b, low: a };
    there_and_back(&mut conn, "box", rectangle);
    // In a record nothing tells that boxes have another delimiter.
    let boxes = vec![Some(rectangle), None];
    let row = conn
        .query_one("SELECT $1::box[], ROW($1::box[])", (&boxes,))
        .unwrap();
    assert_eq!(row.get::<Vec<Option<Rectangle>>>(0).unwrap(), boxes);
    assert!(row.get::<(Vec<Option<Rectangle>>,)>(1).is_err());
    for closed in [false, true] {
        let points = vec![a, b];
        there_and_back(&mut conn, "path", Path { closed, points });
    }
    there_and_back(
        &mut conn,
        "polygon",
        Polygon {
            points: vec![a, b, b],
        },
    );
    let circle = Circle {
        center: a,
        radius: 0.5,
    };
    there_and_back(&mut conn, "circle", circle);
}

#[test]
fn types_without_a_rust_type_are_strings() {
    let mut conn = common::connect_without_autocommit();
    for (ty, text) in [
        ("money", "$1.50"),
        ("point", "(1,2.5)"),
        ("box", "(3,4),(1,2)"),
        ("path", "[(1,2),(3,4)]"),
        ("circle", "<(1,2),3>"),
        ("pg_lsn", "16/B374D848"),
        ("tsvector", "'a':1 'b':2"),
        ("tsquery", "'a' & 'b'"),
        ("regclass", "pg_type"),
        ("oidvector", "1 2 3"),
    ] {
        there_and_back(&mut conn, ty, text.to_owned());
    }
    let sql = "SELECT '{(3,4),(1,2);(5,6),(0,0)}'::box[]";
    let row = conn.query_one(sql, ()).unwrap();
    assert_eq!(
        row.get::<Vec<String>>(0).unwrap(),
        ["(3,4),(1,2)", "(5,6),(0,0)"]
    );
}

#[test]
fn addresses_and_bits() {
    let mut conn = common::connect_without_autocommit();
    let inet = Inet {
        address: IpAddr::from([10, 1, 2, 3]),
        prefix: 8,
    };
    there_and_back(&mut conn, "inet", inet);
    there_and_back(&mut conn, "inet", IpAddr::V6(Ipv6Addr::LOCALHOST));
    there_and_back(&mut conn, "inet", Ipv4Addr::LOCALHOST);
    there_and_back(&mut conn, "cidr", Ipv6Addr::LOCALHOST);
    there_and_back(&mut conn, "macaddr", MacAddr([8, 0, 43, 1, 2, 3]));
    there_and_back(&mut conn, "macaddr8", MacAddr8([8, 0, 43, 1, 2, 3, 4, 5]));
    there_and_back(&mut conn, "varbit", Bits::from_text(b"10110").unwrap());
    there_and_back(&mut conn, "bit(3)", Bits::from_text(b"101").unwrap());
}

#[test]
fn lists_of_any_dimension() {
    let mut conn = common::connect_without_autocommit();
    there_and_back(&mut conn, "int4[]", vec![Some(1), None]);
    there_and_back(&mut conn, "int4[]", Vec::<Vec<i32>>::new());
    there_and_back(&mut conn, "int4[]", vec![vec![1, 2, 3], vec![4, 5, 6]]);
    there_and_back(
        &mut conn,
        "int8[]",
        vec![vec![[1_i64], [2]], vec![[3], [4]]],
    );
    there_and_back(&mut conn, "float8[]", [[0.5, -0.5], [1.0, 2.0]]);
    let words = vec![
        vec![Some("a,b".to_owned()), None],
        vec![Some("NULL".to_owned()), Some("\"{}".to_owned())],
    ];
    there_and_back(&mut conn, "text[]", words);
    there_and_back(&mut conn, "bytea[]", vec![b"\x00\xff".to_vec(), Vec::new()]);
    let bounds = "SELECT '[0:1]={7,8}'::int4[], '[2:2][-1:0]={{1,2}}'::int4[]";
    for _ in 0..8 {
        let row = conn.query_one(bounds, ()).unwrap();
        assert_eq!(row.get::<Vec<i32>>(0).unwrap(), [7, 8]);
        assert_eq!(row.get::<Vec<Vec<i32>>>(1).unwrap(), [[1, 2]]);
        let error = row.get::<Vec<i32>>(1).unwrap_err().to_string();
        assert!(error.contains("more dimensions"), "{error}");
        let error = row.get::<Vec<Vec<i32>>>(0).unwrap_err().to_string();
        assert!(error.contains("fewer dimensions"), "{error}");
        assert!(row.get::<[i32; 3]>(0).is_err());
        assert_eq!(row.get::<[i32; 2]>(0).unwrap(), [7, 8]);
    }
}

#[test]
fn lists_that_no_array_can_hold() {
    let mut conn = common::connect_without_autocommit();
    let mut refused = |value: &dyn ToSql, why: &str| {
        let error = conn.query("SELECT $1::int4[]", (value,)).unwrap_err();
        assert!(
            error.is_usage() && error.to_string().contains(why),
            "{error}"
        );
    };
    refused(&vec![vec![1], vec![2, 3]], "different lengths");
    refused(&vec![Some(vec![1]), None], "a NULL in the place of a list");
    refused(&vec![vec![vec![vec![vec![vec![vec![1]]]]]]], "more than 6");
    there_and_back(&mut conn, "int4[]", vec![vec![1], vec![2]]);
}

#[test]
fn ranges_and_multiranges() {
    let mut conn = common::connect_without_autocommit();
    there_and_back(&mut conn, "int4range", range(1, Some(5)));
    there_and_back(&mut conn, "int8range", Range::<i64>::Empty);
    there_and_back(&mut conn, "numrange", range(i128::MIN, None));
    there_and_back(&mut conn, "daterange", range(Date { days: 5 }, None));
    there_and_back(&mut conn, "int4range[]", vec![Some(range(1, None)), None]);
    let parts = vec![range(1, Some(5)), range(7, None)];
    there_and_back(&mut conn, "int4multirange", Multirange(parts));
    there_and_back(&mut conn, "int8multirange", Multirange::<i64>(Vec::new()));
    // Ranges made by users, and the types of their bounds, are found by the lookup.
    let name = common::unique("floats");
    conn.execute(
        &format!(
            "CREATE TYPE {name} AS RANGE (subtype = float8, multirange_type_name = {name}_multi)"
        ),
        (),
    )
    .unwrap();
    there_and_back(&mut conn, &name, range(0.5, Some(1.5)));
    there_and_back(
        &mut conn,
        &format!("{name}_multi"),
        Multirange(vec![range(0.5, None)]),
    );
    let row = conn
        .query_one(&format!("SELECT '[1,2)'::{name} AS r"), ())
        .unwrap();
    let error = row.get::<Range<i32>>("r").unwrap_err().to_string();
    assert_eq!(
        error,
        format!("column 0 \"r\" ({name}) cannot be read as Range<i32>")
    );
}

#[test]
fn hstore() {
    let mut conn = common::connect_without_autocommit();
    if conn
        .execute("CREATE EXTENSION IF NOT EXISTS hstore", ())
        .is_err()
    {
        println!("this server has no hstore");
        return;
    }
    let pairs = [
        ("a b".to_owned(), Some("\"=>,".to_owned())),
        ("n".to_owned(), None),
    ];
    there_and_back(&mut conn, "hstore", HashMap::from(pairs.clone()));
    there_and_back(&mut conn, "hstore", BTreeMap::from(pairs.clone()));
    there_and_back(&mut conn, "hstore[]", vec![HashMap::from(pairs)]);
}

#[test]
fn domains_are_the_types_beneath() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("d");
    conn.batch_execute(&format!(
        "CREATE DOMAIN {name}_int AS int4 CHECK (value > 0);
         CREATE DOMAIN {name}_more AS {name}_int;
         CREATE DOMAIN {name}_list AS {name}_more[];
         CREATE TYPE {name}_pair AS (a {name}_more, b {name}_list);
         CREATE DOMAIN {name}_row AS {name}_pair"
    ))
    .unwrap();
    there_and_back(&mut conn, &format!("{name}_more"), 7);
    there_and_back(&mut conn, &format!("{name}_more[]"), vec![7, 8]);
    there_and_back(&mut conn, &format!("{name}_list"), vec![7, 8]);
    // An array of arrays, which a domain in between makes possible, is read like one of two dimensions.
    let sql = format!("SELECT ARRAY['{{7,8}}', '{{9}}']::{name}_list[]");
    let row = conn.query_one(&sql, ()).unwrap();
    assert_eq!(row.get::<Vec<Vec<i32>>>(0).unwrap(), [vec![7, 8], vec![9]]);
    there_and_back(&mut conn, &format!("{name}_pair"), (7, vec![8, 9]));
    there_and_back(&mut conn, &format!("{name}_row"), (7, vec![8, 9]));
    there_and_back(&mut conn, &format!("{name}_row[]"), vec![(7, vec![8, 9])]);
}

#[test]
fn records_and_rows_of_tables() {
    let mut conn = common::connect_without_autocommit();
    let sql = "SELECT ROW(1, NULL, 'a,b', ROW(true, ARRAY[1.5])), ARRAY[ROW(1), ROW(2)]";
    for _ in 0..8 {
        let row = conn.query_one(sql, ()).unwrap();
        let record: (i32, Option<i64>, String, (bool, Vec<Numeric>)) = row.get(0).unwrap();
        assert_eq!((record.0, record.1, record.2.as_str()), (1, None, "a,b"));
        assert_eq!(record.3, (true, vec!["1.5".parse().unwrap()]));
        assert_eq!(row.get::<Vec<(i32,)>>(1).unwrap(), [(1,), (2,)]);
        assert!(row.get::<(i32, i32)>(0).is_err());
        assert!(row.get::<(bool, Option<i64>, String, String)>(0).is_err());
    }
    let sql = "SELECT n FROM pg_namespace n WHERE nspname = 'pg_catalog'";
    let row = conn.query_one(sql, ()).unwrap();
    assert_eq!(row.columns().next().unwrap().type_name(), "pg_namespace");
    let (oid, name, _, _): (u32, String, u32, Option<Vec<String>>) = row
        .get(0)
        .expect("the row of a catalogue, whose type is made by nobody");
    assert_eq!((oid, name.as_str()), (11, "pg_catalog"));
}

#[test]
fn mismatches_within_a_composite_are_found_before_and_after_it_is_known() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("c");
    conn.execute(&format!("CREATE TYPE {name} AS (a int8, b text)"), ())
        .unwrap();
    let sql = format!("SELECT '(5,x)'::{name} AS c");
    let row = conn.query_one(&sql, ()).unwrap();
    let error = row.get::<(i32, String)>("c").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "column 0 \"c\" ({name}) cannot be read as (i32, String): \
             PostgreSQL type int8 cannot be read as Rust type i32"
        )
    );
    assert!(error.source().is_some());
    assert!(row.get::<i32>("c").is_err());
    assert_eq!(row.get::<String>("c").unwrap(), "(5,x)");
    // Another session looks it up before a stream begins.
    conn.commit().unwrap();
    let mut other = common::connect_without_autocommit();
    let mut stream = other.query_stream(&sql, ()).unwrap();
    let row = stream.next().unwrap().unwrap();
    assert_eq!(row.columns().next().unwrap().type_name(), name);
    assert_eq!(row.get::<(i64, String)>("c").unwrap(), (5, "x".to_owned()));
    assert!(row.get::<(i32, String)>("c").is_err());
    drop(stream);
    other.rollback().unwrap();
    conn.execute(&format!("DROP TYPE {name}"), ()).unwrap();
    conn.commit().unwrap();
}

#[test]
fn a_type_that_changes_is_looked_up_again() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("c");
    conn.execute(&format!("CREATE TYPE {name} AS (a int4)"), ())
        .unwrap();
    conn.commit().unwrap();
    let one = format!("SELECT '(5)'::{name}");
    let two = format!("SELECT '(5,6)'::{name}");
    let pair = |conn: &mut Connection| conn.query_one(&two, ()).unwrap().get::<(i32, i32)>(0);
    assert_eq!(
        conn.query_one(&one, ()).unwrap().get::<(i32,)>(0).unwrap(),
        (5,)
    );
    conn.execute(&format!("ALTER TYPE {name} ADD ATTRIBUTE b int4"), ())
        .unwrap();
    assert_eq!(pair(&mut conn).unwrap(), (5, 6));
    conn.rollback().unwrap();
    assert_eq!(
        conn.query_one(&one, ()).unwrap().get::<(i32,)>(0).unwrap(),
        (5,)
    );
    conn.commit().unwrap();
    // By another session: it has to be told.
    let mut other = common::connect();
    other
        .execute(&format!("ALTER TYPE {name} ADD ATTRIBUTE b int4"), ())
        .unwrap();
    let error = pair(&mut conn).unwrap_err().to_string();
    assert!(error.contains("another number of attributes"), "{error}");
    conn.forget_types();
    assert_eq!(pair(&mut conn).unwrap(), (5, 6));
    conn.commit().unwrap();
    other.execute(&format!("DROP TYPE {name}"), ()).unwrap();
}

#[test]
fn a_lookup_is_made_once_and_in_the_same_transaction() {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("e");
    // Seen by this transaction only.
    conn.execute(&format!("CREATE TYPE {name} AS ENUM ('x')"), ())
        .unwrap();
    let sql = format!("SELECT 'x'::{name} AS e, pg_current_xact_id()::text");
    let first = conn.query_one(&sql, ()).unwrap();
    let second = conn.query_one(&sql, ()).unwrap();
    assert_eq!(
        first.get::<&str>(1).unwrap(),
        second.get::<&str>(1).unwrap()
    );
    for row in [first, second] {
        assert_eq!(row.columns().next().unwrap().type_name(), name);
        assert_eq!(row.get::<String>("e").unwrap(), "x");
        let error = row.get::<i32>("e").unwrap_err().to_string();
        assert_eq!(
            error,
            format!("column 0 \"e\" ({name}) cannot be read as i32")
        );
    }
}

#[test]
fn values_that_do_not_fit_are_errors() {
    let mut conn = common::connect_without_autocommit();
    let sql =
        "SELECT 'infinity'::interval::text, 'NaN'::numeric, 1e40::numeric, '10.0.0.0/8'::cidr";
    let row = match conn.query_one(sql, ()) {
        Ok(row) => row,
        // PostgreSQL 17 is the first to have infinite intervals.
        Err(_) => {
            conn.rollback().unwrap();
            conn.query_one(&sql.replace("'infinity'::interval", "''"), ())
                .unwrap()
        }
    };
    assert!(row.get::<i128>(1).is_err() && row.get::<i128>(2).is_err());
    assert!(row.get::<IpAddr>(3).is_err());
}
