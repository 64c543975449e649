//! What happens when there is no memory.

use super::*;
use crate::memory::limit;
use crate::startup::StartupConfig;
use crate::wire::{Format, IsNull};

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &len.to_be_bytes()[..], body].concat()
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

fn column() -> Vec<u8> {
    let field = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0,
    ];
    message(b'T', &[&[0, 1, b'a', 0], &field[..]].concat())
}

fn row(len: usize) -> Vec<u8> {
    let value = vec![b'x'; len];
    let len = u32::try_from(len).unwrap().to_be_bytes();
    message(b'D', &[&[0, 1], &len[..], &value].concat())
}

fn complete() -> Vec<u8> {
    message(b'C', b"SELECT 1\0")
}

fn started() -> Connection {
    let config = StartupConfig {
        params: vec![("user".into(), "ann".into())],
        user: "ann".into(),
        password: None,
        nonce: "abcdefghijklmnopqrstuvwx".into(),
        protocol_minor: 0,
        min_protocol_minor: 0,
        ..StartupConfig::default()
    };
    let mut connection = Connection::start(config).unwrap();
    let greeting = [message(b'R', &[0; 4]), message(b'K', &[0; 8]), ready()].concat();
    let events = feed(&mut connection, &greeting).unwrap();
    assert!(matches!(events[..], [Event::Started]));
    connection.sent(connection.outgoing().len());
    connection
}

/// All events of a stream of bytes, handed in as there is room for them.
fn feed(connection: &mut Connection, mut stream: &[u8]) -> Result<Vec<Event>, Error> {
    let mut events = Vec::new();
    loop {
        while let Some(event) = connection.poll()? {
            events.push(event);
        }
        if stream.is_empty() {
            return Ok(events);
        }
        let spare = connection.spare();
        if spare.is_empty() {
            return Err(connection.eof());
        }
        let (now, later) = stream.split_at(spare.len().min(stream.len()).min(5000));
        spare[..now.len()].copy_from_slice(now);
        connection.received(now.len());
        stream = later;
    }
}

fn asked() -> Connection {
    let mut connection = started();
    connection.query(b"select").unwrap();
    connection
}

/// A second query on the same connection gives its row.
fn goes_on(connection: &mut Connection) {
    connection.query(b"select").unwrap();
    let answer = [column(), row(10), complete(), ready()].concat();
    let events = feed(connection, &answer).unwrap();
    let [Event::Result(result), Event::Ready(_)] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!((result.rows.len(), result.incomplete), (1, false));
    assert!(connection.is_idle());
}

#[test]
fn rows_without_memory_are_dropped_and_the_connection_goes_on() {
    let short = || vec![row(1000); 1000].concat();
    let streams = [
        ("one large row", row(1_000_000)),
        (
            "a large row behind others",
            [short(), row(300_000), short()].concat(),
        ),
        ("many rows", [short(), short()].concat()),
        ("many empty rows", vec![row(0); 20_000].concat()),
        ("two large rows", [row(300_000), row(300_000)].concat()),
    ];
    for (name, rows) in streams {
        for most in [20_000, 40_000, 100_000, 150_000] {
            let mut connection = asked();
            limit::set(most);
            let answer = [column(), row(1), rows.clone(), complete(), ready()].concat();
            let events = feed(&mut connection, &answer).unwrap();
            let [Event::Result(result), Event::Ready(_)] = &events[..] else {
                panic!("{name} {most}: {events:?}");
            };
            assert!(result.incomplete, "{name} {most}");
            assert!(result.rows.is_empty());
            assert_eq!(&*result.tag, b"SELECT 1");
            goes_on(&mut connection);
            limit::set(usize::MAX);
        }
    }
}

#[test]
fn each_result_of_a_query_stands_for_itself() {
    let mut connection = asked();
    limit::set(100_000);
    let large = [column(), row(1_000_000), complete()].concat();
    let small = [column(), row(3), complete()].concat();
    let failed = [
        column(),
        row(1_000_000),
        message(b'E', b"SERROR\0C22012\0Mx\0\0"),
    ]
    .concat();
    let answer = [large.clone(), small.clone(), large, small, failed, ready()].concat();
    let events = feed(&mut connection, &answer).unwrap();
    let incomplete: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Result(result) => Some(result.incomplete),
            _ => None,
        })
        .collect();
    assert_eq!(
        incomplete,
        [Some(true), Some(false), Some(true), Some(false), None, None]
    );
    goes_on(&mut connection);
    limit::set(usize::MAX);
}

#[test]
fn rows_that_are_taken_meanwhile_stay() {
    let mut connection = asked();
    limit::set(100_000);
    feed(&mut connection, &[column(), row(5), row(6)].concat()).unwrap();
    let (_, rows) = connection.take_rows();
    assert_eq!(rows.len(), 2);
    feed(&mut connection, &[row(1_000_000), row(1)].concat()).unwrap();
    let (_, lost) = connection.take_rows();
    assert_eq!(lost.len(), 0);
    let events = feed(&mut connection, &[row(1), complete(), ready()].concat()).unwrap();
    assert!(matches!(&events[..], [Event::Result(result), _] if result.incomplete));
    assert_eq!(rows.get(1).unwrap().next().unwrap().unwrap().len(), 6);
    goes_on(&mut connection);
    limit::set(usize::MAX);
}

#[test]
fn what_is_no_row_ends_the_connection() {
    let text = [
        b"SERROR\0C22012\0M".to_vec(),
        vec![b'x'; 500_000],
        vec![0, 0],
    ]
    .concat();
    let long = [vec![0; 4], vec![b'x'; 500_000], vec![0, 0]].concat();
    for frame in [
        message(b'E', &text),
        message(b'N', &text),
        message(b'A', &long),
    ] {
        for before in [Vec::new(), [column(), row(10)].concat()] {
            let mut connection = asked();
            limit::set(100_000);
            let refused = feed(&mut connection, &[before, frame.clone()].concat());
            assert!(matches!(refused, Err(Error::OutOfMemory(_))), "{refused:?}");
            assert!(connection.is_over());
            limit::set(usize::MAX);
        }
    }
}

#[test]
fn a_row_that_nobody_asked_for_is_not_skipped() {
    let mut connection = started();
    limit::set(100_000);
    let refused = feed(&mut connection, &row(500_000));
    assert!(matches!(refused, Err(Error::OutOfMemory(_))), "{refused:?}");
    limit::set(usize::MAX);
}

#[test]
fn a_connection_without_its_first_buffer_says_so() {
    let mut connection = asked();
    connection.inbox = Inbox::default();
    limit::set(100);
    assert!(connection.spare().is_empty());
    assert!(matches!(connection.eof(), Error::OutOfMemory(_)));
    limit::set(usize::MAX);
}

#[test]
fn copied_data_without_memory_ends_the_connection() {
    let mut connection = asked();
    limit::set(100_000);
    let begun = message(b'H', &[0, 0, 0]);
    let refused = feed(
        &mut connection,
        &[begun, message(b'd', &vec![0; 500_000])].concat(),
    );
    assert!(matches!(refused, Err(Error::OutOfMemory(_))), "{refused:?}");
    limit::set(usize::MAX);
}

#[test]
fn a_request_without_memory_is_not_queued() {
    let mut connection = started();
    let mut params = Params::default();
    limit::set(100_000);
    let long = vec![b'x'; 200_000];
    let write = |out: &mut Vec<u8>| {
        out.extend_from_slice(b"a value");
        Ok::<_, UsageError>(Written {
            oid: 25,
            format: Format::Text,
            null: IsNull::No,
        })
    };
    params.push(write).unwrap();
    assert!(connection.query(&long).is_err());
    assert!(connection.parse(b"", &long, &[], false).is_err());
    assert!(
        connection
            .parse(b"", b"select", &vec![0; 30_000], false)
            .is_err()
    );
    assert!(connection.copy_data(&long).is_err());
    params.values = long;
    params.values[..4].copy_from_slice(&199_996_u32.to_be_bytes());
    let refused = connection.bind(b"", &params, &[]);
    assert!(
        matches!(refused, Err(UsageError::OutOfMemory(_))),
        "{refused:?}"
    );
    assert!(connection.outgoing().is_empty());
    assert!(connection.is_idle());
    goes_on(&mut connection);
    limit::set(usize::MAX);
}

#[test]
fn many_parameters_without_memory_are_refused() {
    let mut params = Params::default();
    limit::set(10_000);
    let refused = (0..60_000).find_map(|_| {
        let write = |_: &mut Vec<u8>| {
            Ok::<_, UsageError>(Written {
                oid: 0,
                format: Format::Text,
                null: IsNull::Yes,
            })
        };
        params.push(write).err()
    });
    assert!(matches!(refused, Some(UsageError::OutOfMemory(_))));
    assert_eq!(params.formats.len(), params.oids.len());
    assert_eq!(params.values.len(), 4 * params.oids.len());
    limit::set(usize::MAX);
}
