//! The blocking connection against a real server.

mod common;

use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{connect, dsn, tcp_dsn, terminate, unique, wait_until_running, within};
use howdah::Connection;

#[test]
fn rows_are_fetched_like_from_a_cursor() {
    let mut conn = connect();
    let mut rows = conn
        .query("SELECT i, 'row ' || i FROM generate_series(1, 5) i", ())
        .unwrap();
    assert_eq!(rows.status(), "SELECT 5");
    assert_eq!(rows.row_count(), 5);
    let first = rows.fetch_one().unwrap();
    assert_eq!(first.read::<(i32, &str)>().unwrap(), (1, "row 1"));
    assert_eq!(rows.fetch_many(2).len(), 2);
    let rest = rows.fetch_all();
    assert_eq!(rest[1].get::<String>(1).unwrap(), "row 5");
    assert!(rows.fetch_one().is_none());
    rows.rewind();
    assert_eq!(rows.map(|row| row.get::<i32>(0).unwrap()).sum::<i32>(), 15);
}

#[test]
fn parameters_and_results_of_every_basic_type() {
    let mut conn = connect();
    let bytes: &[u8] = b"\x00\xff\\'";
    let row = conn
        .query_one(
            "SELECT $1::bool AS a, $2::int2 AS b, $3::int4 AS c, $4::int8 AS d, $5::float4 AS e, \
             $6::float8 AS f, $7::text AS g, $8::bytea AS h, $9::text AS i, $10::int4[] AS j",
            (
                true,
                -2_i16,
                &i32::MAX,
                &i64::MIN,
                1.5_f32,
                0.1_f64,
                "abc'def\u{1f418}",
                &bytes,
                None::<String>,
                vec![Some(1), None, Some(3)],
            ),
        )
        .unwrap();
    assert!(row.get::<bool>("a").unwrap());
    assert_eq!(row.get::<i16>("b").unwrap(), -2);
    assert_eq!(row.get::<i32>("c").unwrap(), i32::MAX);
    assert_eq!(row.get::<i64>("d").unwrap(), i64::MIN);
    assert_eq!(row.get::<f32>("e").unwrap(), 1.5);
    assert_eq!(row.get::<f64>("f").unwrap(), 0.1);
    assert_eq!(row.get::<&str>("g").unwrap(), "abc'def\u{1f418}");
    assert_eq!(row.get::<&[u8]>("h").unwrap(), bytes);
    assert_eq!(row.get::<Vec<u8>>("h").unwrap(), bytes);
    assert_eq!(row.get::<Option<String>>("i").unwrap(), None);
    assert_eq!(
        row.get::<Vec<Option<i32>>>("j").unwrap(),
        [Some(1), None, Some(3)]
    );
    let names: Vec<_> = row
        .columns()
        .map(|column| column.type_name().into_owned())
        .collect();
    assert_eq!(names[..3], ["bool", "int2", "int4"]);
    assert_eq!(names[9], "int4[]");
}

#[test]
fn a_statement_gives_the_same_values_before_and_after_it_is_prepared() {
    let mut conn = connect();
    let sql = "SELECT $1::int4, 'x'::bytea, 'a'::text, 1.5::numeric, '2 days'::interval IS NULL, NULL::int8";
    let prepared = "SELECT count(*) FROM pg_prepared_statements";
    for n in 0..12 {
        let row = conn.query_one(sql, (n,)).unwrap();
        let values = row.read::<(i32, &[u8], &str, i128, bool, Option<i64>)>();
        // A fraction is not an i128: the error is the same in both formats.
        assert!(values.unwrap_err().to_string().contains("column 3"));
        assert_eq!(row.get::<i32>(0).unwrap(), n);
        assert_eq!(row.get::<&[u8]>(1).unwrap(), b"x");
        assert_eq!(row.get::<Option<i64>>(5).unwrap(), None);
    }
    let row = conn.query_one(prepared, ()).unwrap();
    assert_eq!(row.get::<i64>(0).unwrap(), 1);
}

#[test]
fn errors_of_reading_name_the_column_and_both_types() {
    let mut conn = connect();
    let row = conn.query_one("SELECT 1 AS num, NULL::int4", ()).unwrap();
    let error = row.get::<bool>("num").unwrap_err().to_string();
    assert_eq!(error, "column 0 \"num\" (int4) cannot be read as bool");
    let error = row.get::<Option<Vec<String>>>("num").unwrap_err();
    assert_eq!(
        error.to_string(),
        "column 0 \"num\" (int4) cannot be read as Option<Vec<String>>"
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        source.starts_with("PostgreSQL type int4 cannot be read"),
        "{source}"
    );
    let error = row.get::<i32>(1).unwrap_err().to_string();
    assert!(
        error.contains("NULL cannot be read as Rust type i32"),
        "{error}"
    );
    // The statement has been run.
    assert!(!row.get::<i32>("nothing").unwrap_err().is_usage());
    assert!(!row.get::<i32>(2).unwrap_err().is_usage());
    let error = row.read::<(i32,)>().unwrap_err().to_string();
    assert_eq!(error, "a row of 2 columns cannot be read as a tuple of 1");
}

#[test]
fn one_row_or_none() {
    let mut conn = connect();
    let none = "SELECT 1 WHERE false";
    assert!(conn.query_opt(none, ()).unwrap().is_none());
    let error = conn.query_one(none, ()).unwrap_err().to_string();
    assert_eq!(error, "the statement gave 0 rows instead of one");
    let two = "SELECT generate_series(1, 2)";
    assert!(conn.query_one(two, ()).is_err());
    assert!(conn.query_opt(two, ()).is_err());
}

#[test]
fn a_script_gives_every_result() {
    let mut conn = connect();
    let results = conn
        .simple_query("SELECT 1; CREATE TEMP TABLE s (); SELECT 'two'")
        .unwrap();
    let status: Vec<_> = results
        .iter()
        .map(|rows| rows.status().to_owned())
        .collect();
    assert_eq!(status, ["SELECT 1", "CREATE TABLE", "SELECT 1"]);
    assert_eq!(results[2].row(0).unwrap().get::<&str>(0).unwrap(), "two");
    let error = conn.query("SELECT 1; SELECT 2", ()).unwrap_err();
    assert_eq!(error.sqlstate(), Some("42601"));
}

#[test]
fn what_cannot_be_sent_leaves_the_connection_as_it_was() {
    let mut conn = connect();
    assert!(conn.execute("SELECT '\0'", ()).unwrap_err().is_usage());
    let error = conn.execute("SELECT $1::text", ("a\0b",)).unwrap_err();
    assert!(
        error.is_usage() && error.to_string().starts_with("parameter $1"),
        "{error}"
    );
    let values = vec![1_i32; 65_536];
    let params: Vec<&dyn howdah::ToSql> = values.iter().map(|v| v as _).collect();
    let error = conn.execute("SELECT 1", &params).unwrap_err();
    assert!(
        error.is_usage() && error.to_string().contains("65536"),
        "{error}"
    );
    assert_eq!(conn.execute("SELECT 1", ()).unwrap(), 1);
    let error = conn.execute("SELECT $1::int4", ()).unwrap_err();
    assert_eq!(error.sqlstate(), Some("08P01"));
    let error = conn.simple_query("COPY pg_class TO STDOUT").unwrap_err();
    assert!(error.to_string().contains("COPY"));
    conn.execute("CREATE TEMP TABLE copied (n int)", ())
        .unwrap();
    assert!(
        conn.execute("COPY copied FROM STDIN", ())
            .unwrap_err()
            .to_string()
            .contains("COPY")
    );
    assert_eq!(conn.execute("SELECT 1", ()).unwrap(), 1);
}

#[test]
fn another_client_encoding_is_not_spoken() {
    let mut conn = connect();
    conn.execute("SET client_encoding TO latin1", ()).unwrap();
    let error = conn.execute("SELECT $1::text", ("a",)).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("client_encoding"));
    assert!(conn.execute("SELECT '\u{e9}'", ()).is_err());
    conn.execute("RESET client_encoding", ()).unwrap();
    let row = conn.query_one("SELECT $1::text", ("\u{e9}",)).unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), "\u{e9}");
}

#[test]
fn a_handle_cancels_from_another_thread_and_never_a_later_statement() {
    let mut conn = connect();
    let handle = conn.cancel_handle();
    handle.cancel().unwrap();
    for _ in 0..3 {
        let (pid, other) = (conn.info().backend_pid(), handle.clone());
        let canceller = std::thread::spawn(move || {
            wait_until_running(pid, "pg_sleep(3600)");
            other.cancel()
        });
        let error = conn.execute("SELECT pg_sleep(3600)", ()).unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        assert_eq!(conn.execute("SELECT pg_sleep(0.05)", ()).unwrap(), 1);
        canceller.join().unwrap().unwrap();
    }
    // Requests that come just as statements end.
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let canceller = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                handle.cancel().unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    for _ in 0..300 {
        if let Err(error) = conn.execute("SELECT 1", ()) {
            assert!(error.is_cancelled(), "{error}");
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    canceller.join().unwrap();
    for _ in 0..50 {
        assert_eq!(conn.execute("SELECT 1", ()).unwrap(), 1);
    }
}

#[test]
fn notices_reach_their_handlers() {
    let mut conn = connect();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    conn.add_notice_handler(|_| panic!("on purpose"));
    let id = conn.add_notice_handler(move |diag| log.lock().unwrap().push(diag.clone()));
    let rows = conn.query("ROLLBACK", ()).unwrap();
    assert_eq!(rows.status(), "ROLLBACK");
    assert!(conn.remove_notice_handler(id));
    assert!(!conn.remove_notice_handler(id));
    conn.execute("ROLLBACK", ()).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].severity_nonlocalized(), Some("WARNING"));
    assert_eq!(seen[0].sqlstate(), Some("25P01"));
}

#[test]
fn notifications_are_not_lost_between_two_calls() {
    let channel = unique("chan");
    let (mut conn, mut other) = (connect(), connect());
    conn.execute(&format!("LISTEN {channel}"), ()).unwrap();
    let mut send = |payload: &str| {
        other
            .execute("SELECT pg_notify($1, $2)", (&channel, &payload))
            .unwrap()
    };
    send("one");
    send("two");
    let first = conn.notifies(None).next().unwrap().unwrap();
    assert_eq!(
        (first.channel.as_str(), first.payload.as_str()),
        (channel.as_str(), "one")
    );
    conn.execute("SELECT 1", ()).unwrap();
    send("three");
    std::thread::sleep(Duration::from_millis(50));
    let rest: Vec<_> = conn
        .notifies(Some(Duration::ZERO))
        .map(|n| n.unwrap().payload)
        .collect();
    assert_eq!(rest, ["two", "three"]);
    let begun = Instant::now();
    assert_eq!(conn.notifies(Some(Duration::from_millis(150))).count(), 0);
    assert!(begun.elapsed() >= Duration::from_millis(150));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let id = conn.add_notify_handler(move |n| log.lock().unwrap().push(n.payload.clone()));
    send("four");
    conn.execute("SELECT 1", ()).unwrap();
    assert_eq!(*seen.lock().unwrap(), ["four"]);
    assert!(conn.remove_notify_handler(id));
    assert_eq!(conn.notifies(Some(Duration::ZERO)).count(), 0);
}

#[test]
fn a_lost_server_is_reported() {
    let mut conn = connect();
    terminate(conn.info().backend_pid());
    let error = conn.execute("SELECT 1", ()).unwrap_err();
    assert!(error.is_closed() && !error.is_safe_to_retry(), "{error}");
    assert_eq!(error.sqlstate(), Some("57P01"));
    assert!(conn.is_closed() && conn.is_broken());
    let error = conn.execute("SELECT 1", ()).unwrap_err();
    assert!(error.is_closed() && error.is_safe_to_retry());
    assert!(conn.as_fd().try_clone_to_owned().is_ok());
}

#[test]
fn a_listener_hears_of_a_lost_server_at_once() {
    let mut conn = connect();
    let pid = conn.info().backend_pid();
    let listener = std::thread::spawn(move || {
        let mut notifies = conn.notifies(None);
        let error = notifies.next().unwrap().unwrap_err();
        (error.is_closed(), notifies.next().is_none())
    });
    terminate(pid);
    let ended = within(Duration::from_secs(10), || listener.join().unwrap());
    assert_eq!(ended, (true, true));
}

#[test]
fn a_closed_connection_says_so() {
    let mut conn = connect();
    conn.close();
    conn.close();
    assert!(conn.is_closed() && !conn.is_broken());
    assert!(conn.execute("SELECT 1", ()).unwrap_err().is_closed());
    assert!(conn.commit().unwrap_err().is_closed());
    assert!(conn.transaction().is_err());
    assert!(conn.notifies(None).next().unwrap().is_err());
    assert!(conn.query_stream("SELECT 1", ()).is_err());
    conn.cancel_handle().cancel().unwrap();
}

#[test]
fn info_tells_where_the_connection_goes() {
    let mut conn = Connection::connect(&tcp_dsn()).unwrap();
    let row = conn.query_one("SELECT current_user::text, current_database()::text, pg_backend_pid(), current_setting('server_version_num')::int8", ()).unwrap();
    let (user, database, pid, version): (&str, &str, i32, i64) = row.read().unwrap();
    let info = conn.info();
    assert_eq!(
        (info.user(), info.dbname(), info.backend_pid()),
        (user, database, pid)
    );
    assert_eq!(i64::from(info.server_version()), version);
    assert_eq!(info.hostaddr(), Some("127.0.0.1"));
    assert!(info.port() > 0);
    assert_eq!(info.parameter("client_encoding"), Some("UTF8"));
    assert_eq!(info.parameter("nothing"), None);
}

#[test]
fn connection_errors_are_told_apart() {
    let error = Connection::connect("host=/nonexistent/folder").unwrap_err();
    assert!(error.is_closed() && error.is_safe_to_retry() && !error.is_usage());
    assert!(error.to_string().contains("/nonexistent/folder"));
    let error = Connection::connect("nonsense=1").unwrap_err();
    assert!(error.is_usage() && !error.is_closed());
    let error = Connection::connect(&format!("{} dbname=nothing_here", dsn())).unwrap_err();
    assert_eq!(error.sqlstate(), Some("3D000"));
    assert!(error.is_closed() && !error.is_safe_to_retry());
    let error =
        Connection::connect("host=127.0.0.1,/nonexistent port=1,2 password=SECRET").unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("port: '1'") && text.contains("/nonexistent"),
        "{text}"
    );
    assert!(!text.contains("SECRET"));
    let error = Connection::connect("host=no-such-host.invalid").unwrap_err();
    assert!(error.to_string().contains("no-such-host.invalid"));
    if cfg!(not(feature = "gssapi")) {
        let error = Connection::connect("host=h gssencmode=require").unwrap_err();
        assert!(error.to_string().contains("gssencmode"), "{error}");
    }
}
