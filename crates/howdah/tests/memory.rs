//! Memory that cannot be had: an error comes of it, and the connection goes on where it can.
//!
//! Each case runs in a process of its own, whose address space is limited.

#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use common::connect;
use howdah::{Connection, Error, Result, ToSql};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MIB: usize = 1024 * 1024;
const SPARE: usize = 12 * MIB;

/// The limit until it is dropped: what is in use, and [`SPARE`].
struct Limited(Rlimit);

impl Limited {
    fn begin() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmSize:"));
        let size = line.unwrap().split_whitespace().nth(1).unwrap();
        let kilobytes: u64 = size.parse().unwrap();
        let before = getrlimit(Resource::As);
        let current = Some(kilobytes * 1024 + SPARE as u64);
        let limit = Rlimit { current, ..before };
        setrlimit(Resource::As, limit).unwrap();
        Self(before)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        setrlimit(Resource::As, self.0).unwrap();
    }
}

fn limited<T>(work: impl FnOnce() -> T) -> T {
    let _limited = Limited::begin();
    work()
}

#[track_caller]
fn is_refused<T>(result: Result<T>) {
    let error = result.err().expect("there is too little memory for it");
    assert!(error.is_out_of_memory(), "{error}");
    assert!(!error.is_closed() && !error.is_safe_to_retry(), "{error}");
}

/// Whether a connection can be used; nothing is asserted while memory is short.
fn goes_on(conn: &mut Connection) -> Result<i32> {
    conn.query_one("SELECT $1::int4 + 41", (1,))?.get(0)
}

/// That a statement is refused and another is not.
#[track_caller]
fn refuses<T>(conn: &mut Connection, run: impl FnOnce(&mut Connection) -> Result<T>) {
    let (refused, after) = limited(|| (run(conn).map(drop), goes_on(conn)));
    is_refused(refused);
    assert_eq!(after.unwrap(), 42);
}

const RESULTS: [&str; 5] = [
    "SELECT repeat('x', 40 * 1024 * 1024)",
    "SELECT repeat('x', 1000000) FROM generate_series(1, 40)",
    "SELECT repeat('x', 1000) FROM generate_series(1, 40000)",
    "SELECT i FROM generate_series(1, 1500000) i",
    "SELECT decode(repeat('00', 40 * 1024 * 1024), 'hex')",
];

fn result<const NUMBER: usize>() {
    refuses(&mut connect(), |conn| conn.query(RESULTS[NUMBER], ()));
}

fn script<const NUMBER: usize>() {
    let script = format!("SELECT 1; {}; SELECT 2", RESULTS[NUMBER]);
    refuses(&mut connect(), |conn| conn.simple_query(&script));
}

/// Rows that are taken as they come need little; one that is too large ends the stream.
fn streams() {
    let sql = "SELECT i, repeat('x', CASE i WHEN 30000 THEN 40000000 ELSE 1000 END) \
               FROM generate_series(1, 30001) i";
    let mut seen = 0;
    refuses(&mut connect(), |conn| {
        for row in conn.query_stream(sql, ())? {
            row?;
            seen += 1;
        }
        Ok(())
    });
    assert!(seen > 0 && seen < 30_000, "{seen}");
}

fn value<T: for<'a> howdah::FromSql<'a>>(sql: &str) {
    let row = connect().query_one(sql, ()).unwrap();
    is_refused(limited(|| row.get::<T>(0).map(drop)));
    row.get::<T>(0).unwrap();
}

fn parameter(sql: &str, value: &(dyn ToSql + 'static)) {
    refuses(&mut connect(), |conn| conn.query(sql, (value,)));
}

/// A server that answers the first query with an error of 40 MiB, for which it needs no memory itself.
fn serve(listener: &TcpListener) -> std::io::Result<()> {
    static PIECE: [u8; 65_536] = [b'x'; 65_536];
    let (mut socket, _) = listener.accept()?;
    let mut request = [0; 4096];
    let _ = socket.read(&mut request)?;
    socket.write_all(b"R\0\0\0\x08\0\0\0\0S\0\0\0\x19client_encoding\0UTF8\0")?;
    socket.write_all(b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I")?;
    let _ = socket.read(&mut request)?;
    let length = u32::try_from(40 * MIB).unwrap();
    socket.write_all(b"E")?;
    socket.write_all(&length.to_be_bytes())?;
    socket.write_all(b"SERROR\0M")?;
    loop {
        socket.write_all(&PIECE)?;
    }
}

/// A message that is no row cannot be left out.
fn lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || serve(&listener));
    let conninfo = format!("host=127.0.0.1 port={port} user=ann sslmode=disable");
    let mut conn = Connection::connect(&conninfo).unwrap();
    let error: Error = limited(|| conn.query("SELECT 1", ())).unwrap_err();
    assert!(error.is_out_of_memory() && error.is_closed(), "{error}");
    assert!(conn.is_closed());
}

/// Says the head of a message whose size is a lie, and goes on for as long as the client reads, up to 100 MiB.
fn lie(listener: &TcpListener, kind: u8, size: u32) -> std::io::Result<()> {
    static PIECE: [u8; 65_536] = [0; 65_536];
    let (mut socket, _) = listener.accept()?;
    let _ = socket.read(&mut [0; 4096])?;
    socket.write_all(&[kind])?;
    socket.write_all(&size.to_be_bytes())?;
    for _ in 0..1600 {
        socket.write_all(&PIECE)?;
    }
    Ok(())
}

/// The most memory that this process has had.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let size = line.unwrap().split_whitespace().nth(1).unwrap();
    size.parse::<usize>().unwrap() * 1024
}

/// Whom nobody knows yet can say what he likes: it takes no memory, and is not waited for.
fn lies_about_sizes() {
    const SIZES: [u32; 8] = [
        0x7fff_ffff,
        0x3fff_fffe,
        10_000_000,
        40_000,
        u32::MAX,
        0x8000_0000,
        3,
        0,
    ];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        loop {
            for kind in *b"RENSKvZTDx" {
                for size in SIZES {
                    // The client hangs up.
                    let _ = lie(&listener, kind, size);
                }
            }
        }
    });
    let conninfo = format!("host=127.0.0.1 port={port} user=ann sslmode=disable");
    let doors: &[fn(&str) -> Error] = &[
        |conninfo| Connection::connect(conninfo).err().unwrap(),
        #[cfg(feature = "tokio")]
        |conninfo| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let connecting = howdah::AsyncConnection::connect(conninfo);
            runtime.block_on(connecting).err().unwrap()
        },
    ];
    for connect in doors {
        // The first two only have the client show everything that it needs.
        let mut before = 0;
        for number in 0..82 {
            if number == 2 {
                before = peak();
            }
            let error = connect(&conninfo);
            assert!(error.is_closed(), "{error}");
        }
        let grown = peak() - before;
        assert!(grown < MIB, "{grown}");
    }
}

#[cfg(feature = "tokio")]
fn asynchronous() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut conn = howdah::AsyncConnection::connect(&common::dsn())
            .await
            .unwrap();
        let text = "x".repeat(20 * MIB);
        let sql = format!("SELECT 1 --{text}");
        let limited = Limited::begin();
        let refused = [
            conn.query(RESULTS[0], ()).await.map(drop),
            conn.query(RESULTS[1], ()).await.map(drop),
            conn.query(RESULTS[2], ()).await.map(drop),
            conn.query("SELECT length($1)", (&text,)).await.map(drop),
            conn.query(&sql, ()).await.map(drop),
        ];
        let after = conn.query_one("SELECT 42", ()).await;
        drop(limited);
        refused.into_iter().for_each(is_refused);
        assert_eq!(after.unwrap().get::<i32>(0).unwrap(), 42);
    });
}

const CASES: &[(&str, fn())] = &[
    ("a value", result::<0>),
    ("large rows", result::<1>),
    ("rows", result::<2>),
    ("many rows", result::<3>),
    ("a bytea", result::<4>),
    ("a value of a script", script::<0>),
    ("large rows of a script", script::<1>),
    ("rows of a script", script::<2>),
    ("many rows of a script", script::<3>),
    ("streams", streams),
    ("a value of a batch", || {
        refuses(&mut connect(), |conn| {
            let batch = ["SELECT 1", RESULTS[0], "SELECT 2"].map(|sql| (sql, ()));
            conn.batch(&batch.into_iter().collect())
        });
    }),
    ("a string", || {
        value::<String>("SELECT repeat('x', 20 * 1024 * 1024)");
    }),
    ("bytes", || {
        value::<Vec<u8>>("SELECT decode(repeat('00', 20 * 1024 * 1024), 'hex')");
    }),
    ("numbers", || {
        value::<Vec<i64>>("SELECT array_agg(i::int8) FROM generate_series(1, 3000000) i");
    }),
    ("strings", || {
        value::<Vec<Option<String>>>(
            "SELECT array_agg(i::text) FROM generate_series(1, 1000000) i",
        );
    }),
    ("a record", || {
        value::<(String,)>("SELECT ROW(repeat('x', 20 * 1024 * 1024))");
    }),
    ("a string to be sent", || {
        parameter("SELECT length($1)", &"x".repeat(20 * MIB));
    }),
    ("bytes to be sent", || {
        parameter("SELECT length($1::bytea)", &vec![0_u8; 20 * MIB]);
    }),
    ("numbers to be sent", || {
        parameter("SELECT $1::int8[]", &(0..2_000_000).collect::<Vec<i64>>());
    }),
    ("strings to be sent", || {
        parameter("SELECT $1::text[]", &vec![Some("abcdefgh"); 2_000_000]);
    }),
    ("NULLs to be sent", || {
        parameter("SELECT $1::int4[]", &vec![None::<i32>; 6_000_000]);
    }),
    ("a literal in an array to be sent", || {
        parameter("SELECT $1::xml[] IS NULL", &vec!["\"\\".repeat(8 * MIB)]);
    }),
    ("an hstore to be sent", || {
        let mut conn = connect();
        conn.batch_execute("CREATE EXTENSION IF NOT EXISTS hstore")
            .unwrap();
        let pair = |n: i32| (n.to_string(), Some("\\".repeat(200)));
        let map: BTreeMap<String, Option<String>> = (0..100_000).map(pair).collect();
        refuses(&mut conn, |conn| {
            conn.query("SELECT $1::hstore IS NULL", (&map,))
        });
    }),
    #[cfg(feature = "serde_json")]
    ("JSON to be sent", || {
        let value = howdah::types::Json(vec!["abcdefgh"; 2_000_000]);
        parameter("SELECT $1::jsonb IS NULL", &value);
    }),
    ("a query text", || {
        let sql = format!("SELECT 1 --{}", "x".repeat(20 * MIB));
        refuses(&mut connect(), |conn| conn.query(&sql, ()));
    }),
    ("a script", || {
        let sql = format!("SELECT 1 --{}", "x".repeat(20 * MIB));
        refuses(&mut connect(), |conn| conn.simple_query(&sql));
    }),
    ("an error of the server", lost),
    ("sizes that lie before authentication", lies_about_sizes),
    #[cfg(feature = "tokio")]
    ("asynchronous", asynchronous),
];

const CASE: &str = "HOWDAH_MEMORY_CASE";

#[test]
fn memory_that_cannot_be_had_is_an_error() {
    if let Ok(wanted) = std::env::var(CASE) {
        let case = CASES.iter().find(|(name, _)| *name == wanted);
        return case.unwrap().1();
    }
    for (name, _) in CASES {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args([
            "--exact",
            "memory_that_cannot_be_had_is_an_error",
            "--nocapture",
        ]);
        // An arena of a thread has 64 MiB of addresses in reserve.
        child.env("MALLOC_ARENA_MAX", "1").env(CASE, name);
        let done = child.output().unwrap();
        assert!(
            done.status.success(),
            "{name}: {}\n{}",
            done.status,
            String::from_utf8_lossy(&done.stderr)
        );
    }
}
