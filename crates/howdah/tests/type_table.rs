//! The table of types in docs/rust-types.md, row by row, against tokio-postgres: what one driver writes the other reads.

mod common;

use std::any::type_name;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, Bytes, BytesMut};
use howdah::types::bit::Bits;
use howdah::types::datetime::{self, Interval, TimeTz};
use howdah::types::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use howdah::types::net::Inet;
use howdah::types::numeric::Numeric;
use howdah::types::range::{Bounds, Range};
use howdah::types::{FromSqlOwned, Json, MacAddr, MacAddr8, Money, Multirange, Oid, PgLsn};
use howdah::{Connection, FromSql, ToSql};
use tokio_postgres::types as peer;

/// A row of the table: its first cell, and what tests it.
type Row = (&'static str, fn(&mut Both));

const ROWS: [Row; 24] = [
    ("`bool`", booleans),
    ("`int2`, `int4`, `int8`", integers),
    ("`oid`", oids),
    ("`xid`, `cid`, `xid8`", transactions),
    ("`float4`, `float8`", floats),
    ("`numeric`", numerics),
    (
        "`text`, `varchar`, `bpchar`, `name`, `xml`, `\"char\"`",
        texts,
    ),
    ("`bytea`", bytes),
    (
        "`date`, `time`, `timetz`, `timestamp`, `timestamptz`, `interval`",
        times,
    ),
    ("`uuid`", uuids),
    ("`json`, `jsonb`", json),
    ("`inet`, `cidr`", addresses),
    ("`macaddr`, `macaddr8`", hardware),
    ("`bit`, `varbit`", bits),
    ("arrays", arrays),
    ("ranges, multiranges", ranges),
    ("composites, `record`", composites),
    ("enums", enums),
    ("`hstore`", hstore),
    ("`money`", money),
    ("`pg_lsn`", positions),
    (
        "`point`, `line`, `lseg`, `box`, `path`, `polygon`, `circle`",
        shapes,
    ),
    (
        "`tsvector`, `tsquery`, `regclass` and its kin, base types of extensions",
        their_text,
    ),
    ("domains", domains),
];

const TABLE: &str = include_str!("../../../docs/rust-types.md");

#[test]
fn every_row_of_the_table() {
    let rows = table();
    let written: Vec<&str> = rows.iter().map(|cells| cells[0]).collect();
    let tested: Vec<&str> = ROWS.iter().map(|(cell, _)| *cell).collect();
    assert_eq!(
        written, tested,
        "the rows of the table, and those with tests"
    );
    let mut both = Both::connect();
    for ((cell, test), cells) in ROWS.iter().zip(&rows) {
        both.seen.clear();
        both.seen_in_rust.clear();
        test(&mut both);
        for ty in code(cell) {
            assert!(both.seen.contains(ty), "the test of {cell} leaves out {ty}");
        }
        for rust in cells[1..].iter().flat_map(|cell| code(cell)) {
            let is_meant = |seen: &&str| seen.contains(identifier(rust));
            let is_seen = both
                .seen_in_rust
                .iter()
                .any(|seen| is_meant(&seen.as_str()));
            let is_tested = is_seen || both.seen.contains(rust);
            assert!(is_tested, "the test of {cell} leaves out {rust}");
        }
    }
    both.finish();
}

/// The cells of each row of the first table in the document.
fn table() -> Vec<Vec<&'static str>> {
    let rows = TABLE.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &'static str| row.trim_matches('|').split('|').map(str::trim).collect();
    rows.map(cells).collect()
}

/// What is written as code in a cell.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// What has to be in the name of a Rust type that is the one meant: `Json` for `types::Json<T>`.
fn identifier(rust: &str) -> &str {
    match rust.trim_start_matches('&') {
        "[T]" | "[T; N]" => "[",
        "[u8; N]" => "[u8; ",
        slice if slice.starts_with('[') => slice,
        path => {
            let path = path.split('<').next().unwrap_or(path);
            path.rsplit("::").next().unwrap_or(path)
        }
    }
}

/// Both drivers, and a table of one column between them.
struct Both {
    howdah: Connection,
    runtime: tokio::runtime::Runtime,
    peer: tokio_postgres::Client,
    schema: String,
    /// The types that the tests of the row have used.
    seen: BTreeSet<String>,
    /// The Rust types, with their paths.
    seen_in_rust: BTreeSet<String>,
}

/// The bytes of a value of any type, for those that tokio-postgres has no Rust type for.
#[derive(Debug, PartialEq)]
struct Raw(Vec<u8>);

impl peer::FromSql<'_> for Raw {
    fn from_sql(_: &peer::Type, raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &peer::Type) -> bool {
        true
    }
}

impl peer::ToSql for Raw {
    fn to_sql(
        &self,
        _: &peer::Type,
        out: &mut BytesMut,
    ) -> Result<peer::IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.0);
        Ok(peer::IsNull::No)
    }

    fn accepts(_: &peer::Type) -> bool {
        true
    }

    peer::to_sql_checked!();
}

impl Both {
    fn connect() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let dsn = common::tcp_dsn();
        let connected = tokio_postgres::connect(&dsn, tokio_postgres::NoTls);
        let (peer, connection) = runtime.block_on(connected).unwrap();
        runtime.spawn(connection);
        let schema = common::unique("table");
        let mut both = Self {
            howdah: common::connect(),
            runtime,
            peer,
            schema,
            seen: BTreeSet::new(),
            seen_in_rust: BTreeSet::new(),
        };
        let schema = &both.schema;
        let path = format!("SET search_path = {schema}, public; SET lc_monetary = 'C'");
        both.howdah
            .batch_execute(&format!("CREATE SCHEMA {schema}; {path}"))
            .unwrap();
        both.runtime
            .block_on(both.peer.batch_execute(&path))
            .unwrap();
        both
    }

    fn finish(mut self) {
        let schema = &self.schema;
        self.howdah
            .batch_execute(&format!("DROP SCHEMA {schema} CASCADE"))
            .unwrap();
    }

    /// Makes the table anew, with a column of this type, for values of a Rust type.
    fn begin<T: ?Sized>(&mut self, ty: &str) {
        let name = ty.split_once('(').map_or(ty, |(name, _)| name);
        self.seen.insert(name.to_owned());
        self.seen_in_rust.insert(type_name::<T>().to_owned());
        self.howdah
            .batch_execute(&format!("DROP TABLE IF EXISTS t; CREATE TABLE t (v {ty})"))
            .unwrap();
    }

    fn peer_reads<N: for<'a> peer::FromSql<'a>>(&self, sql: &str) -> N {
        let row = self.runtime.block_on(self.peer.query_one(sql, &[]));
        row.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
    }

    fn peer_writes(&self, value: &(dyn peer::ToSql + Sync)) {
        let sql = "INSERT INTO t VALUES ($1)";
        let done = self.runtime.block_on(self.peer.execute(sql, &[value]));
        done.unwrap_or_else(|error| panic!("{value:?}: {error}"));
    }

    /// Has howdah read what is in the table, from text and as `query()` does, and compares.
    fn howdah_reads<T: FromSqlOwned + PartialEq + Debug>(&mut self, ty: &str, value: &T) {
        let sql = "SELECT v FROM t";
        let text = self.howdah.simple_query(sql).unwrap().remove(0);
        let mixed = self.howdah.query(sql, ()).unwrap();
        assert_eq!((text.row_count(), mixed.row_count()), (1, 1));
        for row in text.chain(mixed) {
            let found: T = row.get(0).unwrap();
            assert_eq!(found, *value, "read from {ty}");
        }
    }

    /// What howdah writes is, for tokio-postgres, what the server makes of the literal.
    fn sends<T: ToSql + ?Sized>(&mut self, ty: &str, value: &T, literal: &str) {
        self.begin::<T>(ty);
        self.howdah
            .execute("INSERT INTO t VALUES ($1)", (value,))
            .unwrap();
        let written: Raw = self.peer_reads("SELECT v FROM t");
        let wanted: Raw = self.peer_reads(&format!("SELECT '{literal}'::{ty}"));
        assert_eq!(written, wanted, "{literal} sent as {ty}");
    }

    /// What tokio-postgres writes of the literal reads as the value.
    fn reads<T: FromSqlOwned + PartialEq + Debug>(&mut self, ty: &str, value: T, literal: &str) {
        self.begin::<T>(ty);
        let raw: Raw = self.peer_reads(&format!("SELECT '{literal}'::{ty}"));
        self.peer_writes(&raw);
        self.howdah_reads(ty, &value);
    }

    fn both<T>(&mut self, ty: &str, value: T, literal: &str)
    where
        T: ToSql + FromSqlOwned + PartialEq + Debug,
    {
        self.sends(ty, &value, literal);
        self.reads(ty, value, literal);
    }

    /// The Rust types of both drivers hold the same, whoever writes it.
    fn native<T, N>(&mut self, ty: &str, value: T, native: N)
    where
        T: ToSql + FromSqlOwned + PartialEq + Debug,
        N: peer::ToSql + Sync + for<'a> peer::FromSql<'a> + PartialEq + Debug,
    {
        self.begin::<T>(ty);
        self.howdah
            .execute("INSERT INTO t VALUES ($1)", (&value,))
            .unwrap();
        let found: N = self.peer_reads("SELECT v FROM t");
        assert_eq!(found, native, "sent as {ty}");
        self.begin::<T>(ty);
        self.peer_writes(&native);
        self.howdah_reads(ty, &value);
    }

    /// A Rust type that both drivers have.
    fn shared<T>(&mut self, ty: &str, value: T)
    where
        T: ToSql + FromSqlOwned + Clone + PartialEq + Debug,
        T: peer::ToSql + Sync + for<'a> peer::FromSql<'a>,
    {
        self.native(ty, value.clone(), value);
    }

    /// Has every integer type send 7.
    fn sends_seven(&mut self, ty: &str) {
        macro_rules! each {
            ($($rust:ty)+) => { $(self.sends(ty, &<$rust>::from(7_u8), "7");)+ };
        }
        each!(u8 i16 u16 i32 u32 i64 u64 i128 usize isize);
        self.sends(ty, &7_i8, "7");
    }
}

fn booleans(both: &mut Both) {
    both.both("bool", true, "t");
    both.shared("bool", false);
}

fn integers(both: &mut Both) {
    for ty in ["int2", "int4", "int8"] {
        both.sends_seven(ty);
        both.reads(ty, 7_i64, "7");
    }
    both.reads("int2", 7_i32, "7");
    both.shared("int2", i16::MIN);
    both.shared("int4", i32::MIN);
    both.shared("int8", i64::MIN);
}

fn oids(both: &mut Both) {
    both.sends_seven("oid");
    both.both("oid", Oid(u32::MAX), "4294967295");
    both.reads("oid", u64::from(u32::MAX), "4294967295");
    both.reads("oid", i64::from(u32::MAX), "4294967295");
    both.shared("oid", u32::MAX);
}

fn transactions(both: &mut Both) {
    for ty in ["xid", "cid"] {
        both.sends_seven(ty);
        both.reads(ty, 7_u32, "7");
        both.reads(ty, 7_u64, "7");
        both.reads(ty, 7_i64, "7");
    }
    both.sends_seven("xid8");
    both.reads("xid8", u64::MAX, "18446744073709551615");
}

fn floats(both: &mut Both) {
    both.both("float4", 0.1_f32, "0.1");
    both.both("float8", 0.1_f64, "0.1");
    both.sends("float8", &0.5_f32, "0.5");
    both.shared("float4", f32::MAX);
    both.shared("float8", f64::MIN_POSITIVE);
}

fn numerics(both: &mut Both) {
    both.sends_seven("numeric");
    let numeric = |text: &str| text.parse::<Numeric>().unwrap();
    both.both("numeric", numeric("-1234567.8900"), "-1234567.8900");
    both.both("numeric", numeric("NaN"), "NaN");
    both.both("numeric", i128::from(i64::MIN), "-9223372036854775808");
    let literal = "-79228162514264.337593543950335";
    let decimal: rust_decimal::Decimal = literal.parse().unwrap();
    both.both("numeric", decimal, literal);
}

fn texts(both: &mut Both) {
    let text = "a\u{e9} \"\\";
    for ty in ["text", "varchar", "bpchar", "name"] {
        both.both(ty, text.to_owned(), text);
        both.sends(ty, &text, text);
        both.sends(ty, &Cow::Borrowed(text), text);
        both.shared(ty, text.to_owned());
        let rows = both.howdah.query("SELECT v FROM t", ()).unwrap();
        for row in rows {
            assert_eq!(row.get::<&str>(0).unwrap(), text);
            assert_eq!(row.get::<Cow<'_, str>>(0).unwrap(), text);
        }
    }
    both.both("\"char\"", "x".to_owned(), "x");
    both.native("\"char\"", "x".to_owned(), i8::try_from(b'x').unwrap());
    if both.howdah.execute("SELECT '<a/>'::xml", ()).is_ok() {
        both.both("xml", "<a/>".to_owned(), "<a/>");
    } else {
        println!("this server has no xml");
        both.seen.insert("xml".to_owned());
    }
}

fn bytes(both: &mut Both) {
    let (bytes, literal) = (b"\x00\xff\\", "\\x00ff5c");
    both.both("bytea", bytes.to_vec(), literal);
    both.both("bytea", *bytes, literal);
    both.both("bytea", Bytes::from_static(bytes), literal);
    both.sends("bytea", &&bytes[..], literal);
    both.shared("bytea", bytes.to_vec());
    let rows = both.howdah.query("SELECT v FROM t", ()).unwrap();
    for row in rows {
        assert_eq!(row.get::<&[u8]>(0).unwrap(), bytes);
    }
}

fn times(both: &mut Both) {
    let micros = 86_399_999_999_i64;
    both.both("date", datetime::Date { days: -1 }, "1999-12-31");
    both.both("date", datetime::Date::INFINITY, "infinity");
    both.both("time", datetime::Time { micros }, "23:59:59.999999");
    let timetz = "23:59:59.999999+02:30";
    let zoned = TimeTz::from_text(timetz.as_bytes()).unwrap();
    both.both("timetz", zoned, timetz);
    let stamp = "2000-01-01 23:59:59.999999";
    both.both("timestamp", datetime::Timestamp { micros }, stamp);
    let stamp = "2000-01-01 23:59:59.999999+00";
    both.both("timestamptz", datetime::TimestampTz { micros }, stamp);
    let interval = Interval {
        months: -14,
        days: 3,
        micros: -1,
    };
    let literal = "-14 mons +3 days -00:00:00.000001";
    both.both("interval", interval, literal);
    times_of_chrono(both);
    times_of_jiff(both);
    times_of_time(both);
}

fn times_of_chrono(both: &mut Both) {
    use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
    both.shared::<NaiveDate>("date", "2024-02-29".parse().unwrap());
    both.shared::<NaiveTime>("time", "23:59:59.999999".parse().unwrap());
    both.shared::<NaiveDateTime>("timestamp", "1999-12-31T23:59:59.5".parse().unwrap());
    let instant: DateTime<Utc> = "2030-06-01T12:00:00.000001Z".parse().unwrap();
    both.shared("timestamptz", instant);
    both.shared::<DateTime<FixedOffset>>("timestamptz", instant.into());
    both.both("interval", TimeDelta::milliseconds(1500), "00:00:01.5");
}

fn times_of_jiff(both: &mut Both) {
    use jiff::civil::{Date, DateTime, Time};
    use jiff::{Span, Timestamp};
    let date: Date = "2024-02-29".parse().unwrap();
    both.both("date", date, "2024-02-29");
    let time: Time = "23:59:59.999999".parse().unwrap();
    both.both("time", time, "23:59:59.999999");
    let local: DateTime = "1999-12-31T23:59:59.5".parse().unwrap();
    both.both("timestamp", local, "1999-12-31 23:59:59.5");
    let instant: Timestamp = "2030-06-01T12:00:00.000001Z".parse().unwrap();
    both.both("timestamptz", instant, "2030-06-01 12:00:00.000001+00");
    both.sends("interval", &Span::new().months(2).days(3), "2 mons 3 days");
}

fn times_of_time(both: &mut Both) {
    use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time};
    let date = Date::from_calendar_date(2024, Month::February, 29).unwrap();
    let time = Time::from_hms_micro(23, 59, 59, 999_999).unwrap();
    both.shared("date", date);
    both.shared("time", time);
    both.shared("timestamp", PrimitiveDateTime::new(date, time));
    both.shared("timestamptz", OffsetDateTime::UNIX_EPOCH);
    both.both("interval", Duration::milliseconds(1500), "00:00:01.5");
}

fn uuids(both: &mut Both) {
    both.shared("uuid", uuid::Uuid::from_u128(u128::MAX / 3));
}

fn json(both: &mut Both) {
    let value = serde_json::json!({"a": [1, null, "caf\u{e9}"]});
    for ty in ["json", "jsonb"] {
        both.shared(ty, value.clone());
        both.both(ty, "[1, 2]".to_owned(), "[1, 2]");
        both.native(ty, Json(vec![1, 2]), peer::Json(vec![1, 2]));
    }
}

fn addresses(both: &mut Both) {
    let inet = |address: IpAddr, prefix| Inet { address, prefix };
    let [four, six] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    both.both("inet", inet(four, 8), "127.0.0.1/8");
    both.both("cidr", inet(six, 128), "::1/128");
    both.shared("inet", four);
    both.shared("inet", six);
    for ty in ["inet", "cidr"] {
        both.both(ty, four, "127.0.0.1");
        both.both(ty, Ipv4Addr::LOCALHOST, "127.0.0.1");
        both.both(ty, Ipv6Addr::LOCALHOST, "::1");
        let [net, net4, net6] = ["10.0.0.0/8", "10.0.0.0/9", "fe80::/10"];
        both.both(ty, net.parse::<ipnet::IpNet>().unwrap(), net);
        both.both(ty, net4.parse::<ipnet::Ipv4Net>().unwrap(), net4);
        both.both(ty, net6.parse::<ipnet::Ipv6Net>().unwrap(), net6);
    }
}

fn hardware(both: &mut Both) {
    both.both("macaddr", MacAddr([8, 0, 43, 1, 2, 3]), "08:00:2b:01:02:03");
    let long = MacAddr8([8, 0, 43, 1, 2, 3, 4, 5]);
    both.both("macaddr8", long, "08:00:2b:01:02:03:04:05");
}

fn bits(both: &mut Both) {
    let bits = |text: &str| Bits::from_text(text.as_bytes()).unwrap();
    both.both("bit(3)", bits("101"), "101");
    both.both("varbit", bits("1011000001"), "1011000001");
}

fn arrays(both: &mut Both) {
    both.shared("int4[]", vec![Some(1), None]);
    both.shared("text[]", vec!["a,b".to_owned(), "NULL".to_owned()]);
    both.shared("bytea[]", vec![b"\x00".to_vec()]);
    both.shared::<Vec<i64>>("int8[]", Vec::new());
    both.sends("int8[]", &&[1, 2][..], "{1,2}");
    both.both("float8[]", [0.5, 1.5], "{0.5,1.5}");
    let grid = vec![vec![Some(1), None], vec![Some(3), Some(4)]];
    both.both("int2[]", grid, "{{1,NULL},{3,4}}");
}

fn ranges(both: &mut Both) {
    let range = |lower, upper| {
        Range::Bounds(Bounds {
            lower,
            upper,
            lower_inclusive: lower.is_some(),
            upper_inclusive: false,
        })
    };
    both.both("int4range", range(Some(1), Some(5)), "[1,5)");
    both.both("int8range", Range::<i64>::Empty, "empty");
    both.both("numrange", range(None, Some(7_i128)), "(,7)");
    let days = |days| datetime::Date { days };
    let dates = Range::Bounds(Bounds {
        lower: Some(days(0)),
        upper: None,
        lower_inclusive: true,
        upper_inclusive: false,
    });
    both.both("daterange", dates, "[2000-01-01,)");
    let parts = Multirange(vec![range(Some(1), Some(5)), range(Some(7), None)]);
    if both.howdah.info().server_version() >= 140_000 {
        both.both("int4multirange", parts, "{[1,5),[7,)}");
    }
}

#[derive(Debug, PartialEq, ToSql, FromSql)]
struct Pair {
    number: i32,
    text: Option<String>,
}

fn composites(both: &mut Both) {
    both.howdah
        .batch_execute("CREATE TYPE pair AS (number int4, text text)")
        .unwrap();
    let text = || Some("a,b".to_owned());
    both.both("pair", (7, text()), "(7,\"a,b\")");
    let pair = || Pair {
        number: 7,
        text: text(),
    };
    both.both("pair", pair(), "(7,\"a,b\")");
    both.both(
        "pair[]",
        vec![Some(pair()), None],
        "{\"(7,\\\"a,b\\\")\",NULL}",
    );
    // No column is of this type, and no parameter: it is read only.
    both.seen.insert("record".to_owned());
    let row = both.howdah.query_one("SELECT ROW(7, 'a,b')", ()).unwrap();
    assert_eq!(row.get::<(i32, Option<String>)>(0).unwrap(), (7, text()));
    assert_eq!(row.get::<Pair>(0).unwrap(), pair());
    let read = both
        .runtime
        .block_on(both.peer.query_one("SELECT ROW(7, 'a,b')", &[]));
    assert_eq!(read.unwrap().columns()[0].type_(), &peer::Type::RECORD);
}

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[howdah(rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

fn enums(both: &mut Both) {
    both.howdah
        .batch_execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        .unwrap();
    both.both("mood", Mood::Happy, "happy");
    both.both("mood", "sad".to_owned(), "sad");
    both.both("mood[]", vec![Some(Mood::Sad), None], "{sad,NULL}");
}

fn hstore(both: &mut Both) {
    let create = "CREATE EXTENSION IF NOT EXISTS hstore SCHEMA public";
    if both.howdah.execute(create, ()).is_err() {
        println!("this server has no hstore");
        both.seen.insert("hstore".to_owned());
        return;
    }
    let pairs = [
        ("a b".to_owned(), Some("\"=>,".to_owned())),
        ("n".to_owned(), None),
    ];
    both.shared("hstore", HashMap::from(pairs.clone()));
    both.native(
        "hstore",
        BTreeMap::from(pairs.clone()),
        HashMap::from(pairs),
    );
}

fn money(both: &mut Both) {
    both.both("money", Money(-123_456), "-1234.56");
    both.both("money", "$1.50".to_owned(), "1.50");
}

fn positions(both: &mut Both) {
    let position = 0x16_B374_D848;
    both.native("pg_lsn", PgLsn(position), peer::PgLsn::from(position));
    both.both("pg_lsn", "16/B374D848".to_owned(), "16/B374D848");
}

fn shapes(both: &mut Both) {
    let [a, b] = [(1.0, 2.5), (3.0, 4.0)].map(|(x, y)| Point { x, y });
    both.both("point", a, "(1,2.5)");
    let line = Line {
        a: 1.0,
        b: -1.0,
        c: 0.5,
    };
    both.both("line", line, "{1,-1,0.5}");
    let segment = Segment { start: a, end: b };
    both.both("lseg", segment, "[(1,2.5),(3,4)]");
    let rectangle = Rectangle { high: b, low: a };
    both.both("box", rectangle, "(3,4),(1,2.5)");
    let points = || vec![a, b];
    let path = |closed| Path {
        closed,
        points: points(),
    };
    both.both("path", path(true), "((1,2.5),(3,4))");
    both.both("path", path(false), "[(1,2.5),(3,4)]");
    let polygon = Polygon { points: points() };
    both.both("polygon", polygon, "((1,2.5),(3,4))");
    let circle = Circle {
        center: a,
        radius: 0.5,
    };
    both.both("circle", circle, "<(1,2.5),0.5>");
    for (ty, text) in [
        ("point", "(1,2.5)"),
        ("line", "{1,-1,0.5}"),
        ("lseg", "[(1,2.5),(3,4)]"),
        ("box", "(3,4),(1,2.5)"),
        ("path", "[(1,2.5),(3,4)]"),
        ("polygon", "((1,2.5),(3,4))"),
        ("circle", "<(1,2.5),0.5>"),
    ] {
        both.both(ty, text.to_owned(), text);
    }
    shapes_of_geo_types(both);
}

fn shapes_of_geo_types(both: &mut Both) {
    use geo_types::{Coord, Line, LineString, Point, Polygon, Rect};
    let [a, b, c] = [(1.0, 2.5), (3.0, 4.0), (5.0, -6.0)].map(Coord::from);
    both.shared("point", Point(a));
    both.both("point", a, "(1,2.5)");
    both.shared("box", Rect::new(a, b));
    both.shared("path", LineString::new(vec![a, b, c]));
    both.both("lseg", Line::new(a, b), "[(1,2.5),(3,4)]");
    let polygon = Polygon::new(LineString::new(vec![a, b, c]), Vec::new());
    both.both("polygon", polygon, "((1,2.5),(3,4),(5,-6))");
}

fn their_text(both: &mut Both) {
    for (ty, text) in [
        ("tsvector", "'a':1 'b':2"),
        ("tsquery", "'a' & 'b'"),
        ("regclass", "pg_type"),
        ("regtype", "integer"),
        ("regproc", "now"),
        ("regnamespace", "pg_catalog"),
    ] {
        let quoted = text.replace('\'', "''");
        both.both(ty, text.to_owned(), &quoted);
        both.sends(ty, &text, &quoted);
        let row = both.howdah.query_one("SELECT v FROM t", ()).unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), text);
    }
    let create = "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public";
    match both.howdah.execute(create, ()) {
        Ok(_) => both.both("citext", "Ab".to_owned(), "Ab"),
        Err(_) => println!("this server has no citext"),
    }
}

fn domains(both: &mut Both) {
    both.howdah
        .batch_execute(
            "CREATE DOMAIN age AS int4; CREATE DOMAIN older AS age; CREATE DOMAIN ages AS age[]",
        )
        .unwrap();
    both.both("age", 7, "7");
    both.both("older", 7_i32, "7");
    both.both("older[]", vec![Some(7), None], "{7,NULL}");
    both.both("ages", vec![7, 8], "{7,8}");
    both.native("age", Some(7), Raw(7_i32.to_be_bytes().to_vec()));
}
