//! What holds for any bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::trace::{Direction, Tracer};
use super::super::*;
use super::{backend, frame, frontend};

/// A sample with some of its bytes changed and its end cut or lengthened: near enough to valid to get far.
fn mutated<T: Clone + std::fmt::Debug + 'static>(
    samples: Vec<(T, Vec<u8>)>,
) -> impl Strategy<Value = (T, Vec<u8>)> {
    let changes = vec((any::<Index>(), select(INTERESTING)), 0..4);
    (select(samples), changes, vec(any::<u8>(), 0..3), 0..3_usize).prop_map(
        |((tag, mut body), changes, more, less)| {
            for (index, byte) in changes {
                if !body.is_empty() {
                    let at = index.index(body.len());
                    body[at] = byte;
                }
            }
            body.truncate(body.len().saturating_sub(less));
            body.extend(more);
            (tag, body)
        },
    )
}

const INTERESTING: &[u8] = &[0, 1, 2, 4, 8, 0x7f, 0x80, 0xfe, 0xff, b'I', b'S', b'a'];

fn startup_samples() -> Vec<((), Vec<u8>)> {
    let bodies = frontend::startup_bodies();
    bodies.into_iter().map(|body| ((), body)).collect()
}

/// A row as it would be read by someone in no hurry.
fn slow_row(body: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let count = u16::from_be_bytes(body.get(..2)?.try_into().ok()?);
    let mut at = 2;
    let mut values = Vec::new();
    for _ in 0..count {
        let len = i32::from_be_bytes(body.get(at..at + 4)?.try_into().ok()?);
        at += 4;
        if len == -1 {
            values.push(None);
        } else {
            let len = usize::try_from(len).ok()?;
            values.push(Some(body.get(at..at + len)?));
            at += len;
        }
    }
    (at == body.len()).then_some(values)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_backend_message_that_decodes_encodes_to_the_same_bytes(
        (tag, body) in mutated(backend::bodies())
    ) {
        if let Ok(message) = BackendMessage::decode(tag, &body) {
            let mut out = Vec::new();
            message.encode(&mut out).unwrap();
            prop_assert_eq!(out, frame(tag, &body));
        }
    }

    #[test]
    fn a_frontend_message_that_decodes_encodes_to_the_same_bytes(
        (tag, body) in mutated(frontend::bodies())
    ) {
        if let Ok(message) = FrontendMessage::decode(tag, &body) {
            let mut out = Vec::new();
            message.encode(&mut out).unwrap();
            prop_assert_eq!(out, frame(tag, &body));
        }
    }

    #[test]
    fn a_startup_message_that_decodes_encodes_to_the_same_bytes(
        ((), body) in mutated(startup_samples())
    ) {
        if let Ok(message) = FrontendMessage::decode_startup(&body) {
            let mut out = Vec::new();
            message.encode(&mut out).unwrap();
            prop_assert_eq!(&out[4..], &body[..]);
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_or_the_tracer_panic(tag: u8, body in vec(any::<u8>(), 0..64)) {
        let (backend, frontend) = (Direction::Backend, Direction::Frontend);
        let mut line = String::new();
        let mut tracer = Tracer::new();
        let _ = BackendMessage::decode(tag, &body);
        let _ = FrontendMessage::decode(tag, &body);
        let _ = FrontendMessage::decode_startup(&body);
        let _ = frame_header(&body, &Limits::SESSION);
        tracer.message(&mut line, None, backend, tag, &body).unwrap();
        tracer.message(&mut line, None, frontend, tag, &body).unwrap();
        tracer.startup(&mut line, None, &body).unwrap();
        let starts = ["B\t", "F\t", "mismatched "];
        let every_line_starts_well =
            line.lines().all(|line| starts.iter().any(|start| line.starts_with(start)));
        prop_assert!(every_line_starts_well, "{}", line);
    }

    #[test]
    fn rows_are_judged_and_read_as_by_a_slow_reader(
        (_, body) in mutated(vec![
            (b'D', b"\0\x02\0\0\0\x01a\xff\xff\xff\xff".to_vec()),
            (b'D', b"\0\x03\0\0\0\0\0\0\0\x02ab\xff\xff\xff\xff".to_vec()),
        ]),
        columns in 0..4_usize,
    ) {
        let slow = slow_row(&body);
        let expected = slow.as_ref().is_some_and(|values| values.len() == columns);
        prop_assert_eq!(check_data_row(&body, columns).is_ok(), expected);
        prop_assert_eq!(DataRow::decode(&body).is_ok(), slow.is_some());
        let fast: Vec<_> = fields(&body).collect();
        if let Some(slow) = slow {
            prop_assert_eq!(fast, slow);
        }
    }

    #[test]
    fn any_row_comes_back_as_it_was(
        values in vec(proptest::option::of(vec(any::<u8>(), 0..20)), 0..20)
    ) {
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        let mut body = Vec::new();
        DataRow::encode_body(&mut body, &values).unwrap();
        prop_assert!(check_data_row(&body, values.len()).is_ok());
        let row = DataRow::decode(&body).unwrap();
        prop_assert_eq!(row.iter().collect::<Vec<_>>(), values);
    }
}
