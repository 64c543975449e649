//! What the engine keeps in memory: no more than has arrived, and no row twice or never.

use std::sync::Arc;

use howdah_protocol::connection::{Connection, Error, Event, RowSet};
use howdah_protocol::session::Session;
use howdah_protocol::wire::{Authentication, DataRow};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::client::{config, params, some_time, statement};
use crate::fixture::{Fixture, receive};
use crate::server::{KEY, Message, READY, bytes, columns, complete};

type Row = Vec<Option<Vec<u8>>>;

/// A connection that has asked one query.
fn asked() -> Connection {
    let mut connection = Connection::start(config()).unwrap();
    let ok = Message::Authentication(Authentication::Ok);
    feed(&mut connection, &bytes(&[ok, KEY, READY]));
    assert!(matches!(connection.poll(), Ok(Some(Event::Started))));
    connection.query(b"select").unwrap();
    assert!(matches!(connection.poll(), Ok(None)));
    connection
}

/// Hands bytes in as a socket would, as much at a time as there is room for.
fn feed(connection: &mut Connection, mut stream: &[u8]) {
    while !stream.is_empty() {
        let spare = connection.spare();
        assert!(!spare.is_empty(), "there is always room");
        let (now, later) = stream.split_at(spare.len().min(stream.len()));
        spare[..now.len()].copy_from_slice(now);
        connection.received(now.len());
        stream = later;
    }
}

fn row_bytes(values: &[Option<Vec<u8>>]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(Option::as_deref).collect();
    let mut body = Vec::new();
    DataRow::encode_body(&mut body, &values).unwrap();
    bytes(&[Message::DataRow(DataRow::decode(&body).unwrap())])
}

fn owned(rows: &RowSet) -> Vec<Row> {
    let row = |row: howdah_protocol::wire::Fields<'_>| row.map(|v| v.map(<[u8]>::to_vec)).collect();
    rows.iter().map(row).collect()
}

#[test]
fn a_frame_that_declares_much_and_sends_little_costs_little() {
    for tag in *b"DTdVANE" {
        let mut connection = asked();
        if tag == b'D' {
            feed(&mut connection, &bytes(&[columns(&["a"])]));
        }
        feed(&mut connection, &[tag, 0x3f, 0xff, 0xff, 0xfe]);
        feed(&mut connection, b"ten bytes.");
        assert!(matches!(connection.poll(), Ok(None)), "{tag}");
        assert!(connection.spare().len() <= 16 * 1024, "{tag}");
        // It grows by what comes, not by what is announced.
        let mut received = 0;
        while received < 1_000_000 {
            let piece = connection.spare().len();
            assert!(
                piece <= (8 * received).max(32 * 1024),
                "{piece} after {received}"
            );
            connection.received(piece);
            received += piece;
            assert!(matches!(connection.poll(), Ok(None)), "{tag}");
        }
    }
}

#[test]
fn a_frame_that_is_too_long_is_refused_by_its_header() {
    for header in [
        b"D\x3f\xff\xff\xff",
        b"D\x7f\xff\xff\xff",
        b"D\xff\xff\xff\xff",
        b"C\x00\x10\x00\x01",
    ] {
        let mut connection = asked();
        feed(&mut connection, header);
        assert!(matches!(connection.poll(), Err(Error::Protocol(_))));
        assert!(connection.is_over());
    }
    let mut connection = Connection::start(config()).unwrap();
    feed(&mut connection, b"R\x7f\xff\xff\xff");
    assert!(matches!(connection.poll(), Err(Error::Protocol(_))));
}

#[test]
fn a_large_result_is_kept_in_little_more_than_its_size() {
    const ROWS: usize = 100_000;
    let row = row_bytes(&[Some(vec![b'x'; 1_000])]);
    let mut connection = asked();
    feed(&mut connection, &bytes(&[columns(&["a"])]));
    let mut pending = Vec::new();
    for _ in 0..ROWS {
        pending.extend_from_slice(&row);
        if pending.len() >= 64 * 1024 {
            let spare = connection.spare();
            assert!(spare.len() <= 256 * 1024);
            let len = spare.len().min(64 * 1024);
            spare[..len].copy_from_slice(&pending[..len]);
            connection.received(len);
            pending.drain(..len);
            assert!(matches!(connection.poll(), Ok(None)));
        }
    }
    feed(&mut connection, &pending);
    feed(&mut connection, &bytes(&[complete("SELECT 100000"), READY]));
    let Ok(Some(Event::Result(result))) = connection.poll() else {
        panic!("a result was expected");
    };
    assert_eq!(result.rows.len(), ROWS);
    assert!(result.rows.iter().all(|mut row| {
        row.next() == Some(Some([b'x'; 1_000].as_slice())) && row.next().is_none()
    }));
    let sent = ROWS * row.len();
    let kept = result.rows.heap_size();
    assert!(
        (sent..sent + sent / 20).contains(&kept),
        "{kept} for {sent}"
    );
    assert!(matches!(connection.poll(), Ok(Some(Event::Ready(_)))));
    assert!(matches!(connection.poll(), Ok(None)));
    assert!(connection.spare().len() <= 16 * 1024, "at rest");
}

#[test]
fn each_of_many_results_in_one_buffer_keeps_about_its_own_size() {
    for (size, results) in [(10, 3_000), (5_000, 300), (20_000, 100), (100_000, 20)] {
        let row = row_bytes(&[Some(vec![b'x'; size])]);
        let one = [
            bytes(&[columns(&["a"])]),
            row,
            bytes(&[complete("SELECT 1")]),
        ]
        .concat();
        let mut connection = asked();
        // A large row first, so that the buffer is as large as it gets.
        let large = row_bytes(&[Some(vec![b'y'; 300_000])]);
        feed(&mut connection, &bytes(&[columns(&["a"])]));
        feed(&mut connection, &large);
        feed(&mut connection, &bytes(&[complete("SELECT 1")]));
        let mut kept = Vec::new();
        let stream = one.repeat(results);
        for piece in stream.chunks(200_000) {
            feed(&mut connection, piece);
            while let Some(event) = connection.poll().unwrap() {
                if let Event::Result(result) = event {
                    kept.push(result.rows.heap_size());
                }
            }
        }
        assert_eq!(kept.len(), results + 1);
        let largest = kept[1..].iter().max();
        assert!(
            largest <= Some(&(5 * size + 16 * 1024 + 1_000)),
            "{size}: {largest:?}"
        );
        let (total, sent) = (kept[1..].iter().sum::<usize>(), results * one.len());
        assert!(
            total <= 4 * sent + results * 200,
            "{size}: {total} for {sent}"
        );
    }
}

#[test]
fn an_idle_connection_rests_with_a_small_buffer() {
    let mut connection = asked();
    let stream = [
        bytes(&[Message::CopyOutResponse(crate::server::copy_response())]),
        bytes(&[Message::CopyData(&vec![b'x'; 200_000])]),
        bytes(&[Message::CopyDone, complete("COPY 1"), READY]),
    ];
    feed(&mut connection, &stream.concat());
    while connection.poll().unwrap().is_some() {}
    assert!(connection.is_idle());
    assert!(connection.spare().len() <= 16 * 1024);
}

#[test]
fn bytes_that_are_written_leave_memory_even_if_some_always_wait() {
    let mut connection = asked();
    let stream = bytes(&[Message::CopyInResponse(crate::server::copy_response())]);
    let sent = connection.outgoing().len();
    connection.sent(sent);
    feed(&mut connection, &stream);
    assert!(matches!(connection.poll(), Ok(Some(Event::CopyIn(_)))));
    let mut expected = Vec::new();
    let mut written = Vec::new();
    for number in 0..2_000_u32 {
        let data = number.to_be_bytes().repeat(250);
        connection.copy_data(&data).unwrap();
        expected.extend_from_slice(b"d\0\0\x03\xec");
        expected.extend_from_slice(&data);
        if number > 2 {
            let now = 1_005;
            written.extend_from_slice(&connection.outgoing()[..now]);
            connection.sent(now);
        }
        assert!(connection.outgoing().len() < 4_100);
    }
    written.extend_from_slice(connection.outgoing());
    assert_eq!(written, expected);
}

#[test]
fn streaming_knows_the_columns_of_a_prepared_statement() {
    let mut connection = asked();
    feed(&mut connection, &bytes(&[complete("SELECT 0"), READY]));
    while connection.poll().unwrap().is_some() {}
    let Message::RowDescription(known) = columns(&["a"]) else {
        unreachable!("it is one")
    };
    let none = params(&[]);
    connection.bind(b"s", &none, &[]).unwrap();
    connection.execute_known(0, Some(known.into())).unwrap();
    connection.sync();
    feed(&mut connection, &bytes(&[Message::BindComplete]));
    feed(&mut connection, &row_bytes(&[Some(b"1".to_vec())]));
    assert!(matches!(connection.poll(), Ok(None)));
    let (columns, rows) = connection.take_rows();
    assert_eq!(columns.map(|columns| columns.len()), Some(1));
    assert_eq!(owned(&rows), [[Some(b"1".to_vec())]]);
}

/// Mostly small values, now and then a large one, up to 1 MB.
fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    let size = prop_oneof![
        40 => 0..40_usize,
        4 => 0..5_000_usize,
        2 => 10_000..70_000_usize,
        1 => 100_000..1_000_000_usize,
    ];
    prop_oneof![
        1 => Just(None),
        8 => (size, any::<u8>()).prop_map(|(size, byte)| Some(vec![byte; size])),
    ]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    (0..4_usize).prop_flat_map(|width| vec(vec(value(), width), 0..60))
}

/// Sizes of the pieces that arrive.
fn pieces() -> impl Strategy<Value = Vec<usize>> {
    vec(
        prop_oneof![1..30_usize, 1..3_000_usize, 1..300_000_usize],
        1..40,
    )
}

/// Cuts a stream into pieces of these sizes, over and over; the first 1,000 pieces only, then the rest at once.
fn cut<'a>(mut stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle().take(1_000) {
        let (piece, rest) = stream.split_at((*size).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

fn result_stream(rows: &[Row]) -> Vec<u8> {
    let names = ["a", "b", "c"];
    let width = rows.first().map_or(0, Vec::len);
    let mut stream = bytes(&[columns(&names[..width])]);
    rows.iter().for_each(|row| stream.extend(row_bytes(row)));
    stream.extend(bytes(&[complete("SELECT"), READY]));
    stream
}

#[test]
fn many_small_results_take_no_more_memory_than_one() {
    for rows in [1, 5, 34, 266] {
        let row = row_bytes(&[Some(b"1".to_vec())]);
        let one = [
            bytes(&[columns(&["a"])]),
            row.repeat(rows),
            bytes(&[complete("SELECT")]),
        ]
        .concat();
        let mut connection = asked();
        for piece in one.repeat(400).chunks(60_000) {
            feed(&mut connection, piece);
            while let Some(event) = connection.poll().unwrap() {
                let Event::Result(result) = event else {
                    panic!("{event:?}");
                };
                let size = result.rows.heap_size();
                assert!(size <= 4 * one.len(), "{size} for {}", one.len());
            }
        }
    }
}

#[test]
fn a_statement_that_is_run_again_shares_its_columns() {
    let mut connection = asked();
    let mut run = |name: &str| {
        let answer = bytes(&[columns(&[name]), complete("SELECT 0")]);
        feed(&mut connection, &answer);
        match connection.poll() {
            Ok(Some(Event::Result(result))) => result.columns.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    // One column takes 2 bytes, its name, a NUL, and 18 bytes.
    for (len, shared) in [(1, true), (1003, true), (1004, false)] {
        let name = "n".repeat(len);
        let (first, second) = (run(&name), run(&name));
        assert_eq!(first, second);
        assert_eq!(Arc::ptr_eq(&first, &second), shared, "{len}");
        assert!(!Arc::ptr_eq(&run("other"), &first));
    }
}

#[test]
fn rows_are_told_of_once_they_are_as_many_bytes_as_are_wanted() {
    let mut session = Fixture::new().session;
    let id = session.execute(&statement("select", &params(&[]))).unwrap();
    session.want_rows(id, 235);
    receive(&mut session, &bytes(&[columns(&["a"])]));
    // A header, which does not count, the number of columns, a length and the value.
    let row = row_bytes(&[Some(vec![b'x'; 100 - 5 - 2 - 4])]);
    let has_rows_behind = |session: &mut Session| {
        receive(session, &row);
        session.advance(some_time()).unwrap();
        session.has_rows(id)
    };
    for expected in [false, false, true, true] {
        assert_eq!(has_rows_behind(&mut session), expected);
    }
    assert_eq!(session.take_rows(id).1.len(), 4);
    for expected in [false, false, true] {
        assert_eq!(has_rows_behind(&mut session), expected);
    }
    session.want_rows(id, 10_000);
    assert!(!session.has_rows(id));
    session.want_rows(id, 0);
    assert!(session.has_rows(id));
    assert_eq!(session.take_rows(id).1.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn rows_are_right_across_the_borders_of_buffers(rows in rows(), sizes in pieces()) {
        let stream = result_stream(&rows);
        let mut connection = asked();
        let mut results = Vec::new();
        for piece in cut(&stream, &sizes) {
            feed(&mut connection, piece);
            while let Some(event) = connection.poll().unwrap() {
                if let Event::Result(result) = event {
                    results.push(result);
                }
            }
        }
        prop_assert!(connection.is_idle());
        prop_assert_eq!(results.len(), 1);
        let kept = &results[0].rows;
        prop_assert!(owned(kept) == rows);
        prop_assert!(kept.heap_size() <= 4 * stream.len() + 32 * 1024, "{}", kept.heap_size());
        prop_assert!(kept.get(rows.len()).is_none());
    }

    #[test]
    fn streaming_gives_every_row_exactly_once(
        rows in rows(),
        sizes in pieces(),
        moments in vec(any::<bool>(), 1..20),
    ) {
        let stream = result_stream(&rows);
        let mut connection = asked();
        let mut seen = Vec::new();
        let mut moments = moments.iter().cycle();
        for piece in cut(&stream, &sizes) {
            feed(&mut connection, piece);
            while let Some(event) = connection.poll().unwrap() {
                if let Event::Result(result) = event {
                    seen.extend(owned(&result.rows));
                }
            }
            if moments.next() == Some(&true) {
                let (columns, rows) = connection.take_rows();
                prop_assert!(columns.is_some() || rows.is_empty());
                seen.extend(owned(&rows));
            }
        }
        prop_assert!(seen == rows);
        prop_assert!(connection.is_idle());
    }
}
