//! What holds for any stream of messages and any stream of bytes.

use howdah_protocol::connection::{Connection, Event};
use howdah_protocol::wire::{Authentication, DataRow, TransactionStatus};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::client::{Client, On, Plan, Raw, config, params};
use crate::server::{
    KEY, Message, READY, bytes, columns, complete, copy_response, error, notice, notification,
    parameter,
};

/// One exchange: what the client asks, what the server answers, how many rows that has.
#[derive(Debug, Clone, Copy)]
enum Exchange {
    Simple {
        results: usize,
        rows: usize,
        fails: bool,
    },
    Extended {
        rows: usize,
        fails: bool,
    },
    Reused {
        rows: usize,
    },
    Described,
    CopyOut {
        pieces: usize,
    },
}

impl Exchange {
    fn ask(self, connection: &mut Connection) {
        let none = params(&[]);
        match self {
            Self::Simple { .. } | Self::CopyOut { .. } => connection.query(b"select").unwrap(),
            Self::Extended { .. } => {
                connection.parse(b"", b"select", &[], true).unwrap();
                connection.bind(b"", &none, &[]).unwrap();
                connection.describe_portal().unwrap();
                connection.execute(0, false).unwrap();
                connection.sync();
            }
            Self::Reused { .. } => {
                let Message::RowDescription(known) = columns(&["a"]) else {
                    return;
                };
                connection.bind(b"s", &none, &[]).unwrap();
                connection.execute_known(0, Some(known.into())).unwrap();
                connection.sync();
            }
            Self::Described => {
                connection.parse(b"s", b"select", &[], false).unwrap();
                connection.describe_statement(b"s", false).unwrap();
                connection.close_statement(b"t", false).unwrap();
                connection.sync();
            }
        }
    }

    fn answer(self) -> Vec<Message<'static>> {
        let mut out = Vec::new();
        match self {
            Self::Simple {
                results,
                rows,
                fails,
            } => {
                for _ in 0..results {
                    out.push(columns(&["a"]));
                    out.extend((0..rows).map(|_| row()));
                    out.push(complete("SELECT"));
                }
                if fails {
                    out.push(error("22012"));
                }
            }
            Self::Extended { rows, fails } => {
                out.extend([
                    Message::ParseComplete,
                    Message::BindComplete,
                    columns(&["a"]),
                ]);
                out.extend((0..rows).map(|_| row()));
                out.push(if fails {
                    error("22012")
                } else {
                    complete("SELECT")
                });
            }
            Self::Reused { rows } => {
                out.push(Message::BindComplete);
                out.extend((0..rows).map(|_| row()));
                out.push(complete("SELECT"));
            }
            Self::Described => out.extend([
                Message::ParseComplete,
                Message::ParameterDescription(vec![]),
                Message::NoData,
                Message::CloseComplete,
            ]),
            Self::CopyOut { pieces } => {
                out.push(Message::CopyOutResponse(copy_response()));
                out.extend((0..pieces).map(|_| Message::CopyData(b"data")));
                out.extend([Message::CopyDone, complete("COPY")]);
            }
        }
        out.push(READY);
        out
    }

    fn rows(self) -> usize {
        match self {
            Self::Simple { results, rows, .. } => results * rows,
            Self::Extended { rows, fails: false } | Self::Reused { rows } => rows,
            _ => 0,
        }
    }
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let rows = prop_oneof![0..3_usize, 0..40_usize];
    prop_oneof![
        (0..3_usize, rows.clone(), any::<bool>()).prop_map(|(results, rows, fails)| {
            Exchange::Simple {
                results,
                rows,
                fails,
            }
        }),
        (rows.clone(), any::<bool>()).prop_map(|(rows, fails)| Exchange::Extended { rows, fails }),
        rows.prop_map(|rows| Exchange::Reused { rows }),
        Just(Exchange::Described),
        (0..5_usize).prop_map(|pieces| Exchange::CopyOut { pieces }),
    ]
}

/// A row of 210 bytes, so that a few dozen cross the border of the first buffer.
fn row() -> Message<'static> {
    const BODY: [u8; 206] = {
        let mut body = [b'x'; 206];
        (body[0], body[1], body[2], body[3], body[4], body[5]) = (0, 1, 0, 0, 0, 200);
        body
    };
    Message::DataRow(DataRow::decode(&BODY).expect("a row of one column of 200 bytes"))
}

/// Messages that may come at any time.
fn chatter() -> impl Strategy<Value = Option<Message<'static>>> {
    let some = select(vec![
        notice("psst"),
        notification("news"),
        parameter("TimeZone", "UTC"),
    ]);
    proptest::option::weighted(0.2, some)
}

/// Any message at all.
fn any_message() -> impl Strategy<Value = Message<'static>> {
    select(vec![
        Message::Authentication(Authentication::Ok),
        Message::Authentication(Authentication::CleartextPassword),
        Message::BindComplete,
        Message::CloseComplete,
        Message::CopyBothResponse(copy_response()),
        Message::CopyData(b"data"),
        Message::CopyDone,
        Message::CopyInResponse(copy_response()),
        Message::CopyOutResponse(copy_response()),
        Message::EmptyQueryResponse,
        Message::FunctionCallResponse { value: None },
        Message::NoData,
        Message::ParameterDescription(vec![23]),
        Message::ParseComplete,
        Message::PortalSuspended,
        Message::ReadyForQuery(TransactionStatus::Failed),
        KEY,
        READY,
        columns(&["a"]),
        columns(&[]),
        complete("SELECT 1"),
        error("22012"),
        crate::server::fatal("57P01"),
        notice("psst"),
        notification("news"),
        parameter("TimeZone", "UTC"),
        row(),
    ])
}

/// A connection that has been started.
fn started() -> Connection {
    let mut connection = Connection::start(config()).unwrap();
    let ok = Message::Authentication(Authentication::Ok);
    deliver(&mut connection, &bytes(&[ok, KEY, READY]));
    assert!(matches!(connection.poll(), Ok(Some(Event::Started))));
    connection
}

fn deliver(connection: &mut Connection, mut stream: &[u8]) {
    while !stream.is_empty() {
        let spare = connection.spare();
        let (now, later) = stream.split_at(spare.len().min(stream.len()));
        spare[..now.len()].copy_from_slice(now);
        connection.received(now.len());
        stream = later;
    }
}

/// What a connection makes of a stream that is cut at these places: its events and its error, as text.
fn events(asked: &[Exchange], stream: &[u8], cuts: &[Index]) -> (Vec<String>, usize) {
    let mut connection = started();
    asked
        .iter()
        .for_each(|exchange| exchange.ask(&mut connection));
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.push(stream.len());
    places.sort_unstable();
    let (mut seen, mut rows, mut from) = (Vec::new(), 0, 0);
    for to in places {
        deliver(&mut connection, &stream[from..to]);
        from = to;
        loop {
            match connection.poll() {
                Ok(None) => break,
                Ok(Some(Event::Result(result))) => {
                    rows += result.rows.len();
                    assert!(result.rows.is_empty() || result.columns.is_some());
                    let width = result.columns.as_ref().map_or(0, |columns| columns.len());
                    assert!(result.rows.iter().all(|row| row.count() == width));
                    let tag = String::from_utf8_lossy(&result.tag);
                    seen.push(format!(
                        "{} rows, {:?} {tag}",
                        result.rows.len(),
                        result.ending
                    ));
                }
                Ok(Some(event)) => seen.push(format!("{event:?}")),
                Err(error) => {
                    seen.push(format!("error: {error}"));
                    assert!(connection.is_over());
                    break;
                }
            }
        }
    }
    seen.push(format!("idle {}", connection.is_idle()));
    seen.push(format!("{}", connection.eof()));
    (seen, rows)
}

const NOTHING: Plan = &[];
const QUERY: Plan = &[(On::Idle, |connection| {
    connection.query(b"select").unwrap();
})];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_valid_stream_gives_the_same_events_however_it_is_cut(
        exchanges in vec(exchange(), 0..6),
        chatter in vec(chatter(), 1..60),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let mut messages = Vec::new();
        let mut chatter = chatter.into_iter().cycle();
        for message in exchanges.iter().flat_map(|exchange| exchange.answer()) {
            messages.extend(chatter.next().flatten());
            messages.push(message);
        }
        let stream = bytes(&messages);
        let (whole, rows) = events(&exchanges, &stream, &[]);
        prop_assert_eq!(rows, exchanges.iter().map(|exchange| exchange.rows()).sum::<usize>());
        let ready = whole.iter().filter(|event| event.starts_with("Ready")).count();
        prop_assert_eq!(ready, exchanges.len());
        prop_assert!(whole.contains(&"idle true".to_owned()), "{:?}", whole);
        prop_assert_eq!(events(&exchanges, &stream, &cuts), (whole, rows));
    }

    #[test]
    fn any_messages_give_the_same_events_however_they_are_cut(
        exchanges in vec(exchange(), 0..4),
        messages in vec(any_message(), 0..12),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let stream = bytes(&messages);
        let whole = events(&exchanges, &stream, &[]);
        prop_assert_eq!(events(&exchanges, &stream, &cuts), whole);
    }

    #[test]
    fn a_stream_with_wrong_bytes_gives_the_same_events_however_it_is_cut(
        exchanges in vec(exchange(), 1..4),
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let messages: Vec<_> = exchanges.iter().flat_map(|exchange| exchange.answer()).collect();
        let mut stream = bytes(&messages);
        for (index, byte) in changes {
            let at = index.index(stream.len());
            stream[at] = byte;
        }
        let whole = events(&exchanges, &stream, &[]);
        prop_assert_eq!(events(&exchanges, &stream, &cuts), whole);
    }

    #[test]
    fn no_bytes_make_a_connection_panic(
        pieces in vec(vec(any::<u8>(), 1..40), 0..8),
        querying: bool,
        from_the_start: bool,
    ) {
        let plan = if querying { QUERY } else { NOTHING };
        let mut client = Raw::new(config(), plan);
        if !from_the_start {
            let ok = Message::Authentication(Authentication::Ok);
            client.turn(&bytes(&[ok, KEY, READY]));
            prop_assert!(client.error().is_none());
        }
        for piece in &pieces {
            client.turn(piece);
        }
        // No five random bytes in a row are likely to be a header.
        let sent = pieces.concat();
        let tag_is_known = sent.first().is_some_and(|tag| b"123ACDEGHIKNRSTVWZcdnstv".contains(tag));
        if sent.len() >= 5 && !tag_is_known {
            prop_assert!(client.error().is_some());
        }
        client.eof();
    }
}
