//! Messages of either side: what decodes is encoded to the same bytes, and the trace can show all of it.

use howdah_protocol::wire::trace::{Direction, Tracer};
use howdah_protocol::wire::{
    BackendMessage, DataRow, FrontendMessage, HEADER_LEN, Limits, check_data_row, fields,
    frame_header, frontend,
};

/// The input is one message, its tag and its body, and also a stream of messages.
pub(super) fn wire(data: &[u8]) {
    if let Some((tag, body)) = data.split_first() {
        message(*tag, body);
    }
    startup_message(data);
    row(data);
    for limits in [Limits::SESSION, Limits::BEFORE_AUTHENTICATION] {
        stream(data, &limits);
    }
}

fn message(tag: u8, body: &[u8]) {
    if let Ok(message) = BackendMessage::decode(tag, body) {
        let mut out = Vec::new();
        message.encode(&mut out).expect("what came can be sent");
        assert_eq!(out, frame(tag, body), "{message:?}");
    }
    if let Ok(message) = FrontendMessage::decode(tag, body) {
        let mut out = Vec::new();
        message.encode(&mut out).expect("what came can be sent");
        assert_eq!(out, frame(tag, body), "{message:?}");
        if let FrontendMessage::AuthenticationResponse(answer) = message {
            let _ = (answer.password(), answer.sasl_initial());
        }
    }
    let mut line = String::new();
    for direction in [Direction::Backend, Direction::Frontend] {
        let traced = Tracer::regress().message(&mut line, None, direction, tag, body);
        traced.expect("a String takes everything");
    }
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short input");
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn startup_message(body: &[u8]) {
    if let Ok(message) = FrontendMessage::decode_startup(body) {
        let mut out = Vec::new();
        message.encode(&mut out).expect("what came can be sent");
        assert_eq!(out.get(4..), Some(body));
        assert_eq!(frontend::startup_frame_len(&out), Ok(Some(out.len())));
    }
    let mut line = String::new();
    let traced = Tracer::new().startup(&mut line, None, body);
    traced.expect("a String takes everything");
}

/// A row that is right has as many fields as it says, and is written to the same bytes.
fn row(body: &[u8]) {
    let count = body.get(..2).and_then(|count| count.try_into().ok());
    let count = usize::from(count.map_or(0, u16::from_be_bytes));
    let Ok(row) = DataRow::decode(body) else {
        assert!(check_data_row(body, count).is_err());
        // Whoever asks all the same gets an end.
        assert!(fields(body).count() <= body.len());
        return;
    };
    assert!(check_data_row(body, count).is_ok());
    assert!(check_data_row(body, count + 1).is_err());
    let values: Vec<_> = fields(body).collect();
    assert_eq!(values, row.iter().collect::<Vec<_>>());
    assert_eq!(values.len(), count);
    let mut out = Vec::new();
    DataRow::encode_body(&mut out, &values).expect("what came can be sent");
    assert_eq!(out, body);
}

fn stream(mut data: &[u8], limits: &Limits) {
    while let Ok(Some(header)) = frame_header(data, limits) {
        let length = header.frame_len();
        assert!(length >= HEADER_LEN);
        let Some(whole) = data.get(..length) else {
            break;
        };
        message(header.tag, &whole[HEADER_LEN..]);
        data = &data[length..];
    }
    let _ = frontend::frame_header(data);
    let _ = frontend::startup_frame_len(data);
}
