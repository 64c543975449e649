use super::super::frontend::{self, startup_frame_len};
use super::super::*;

fn header(tag: u8, len: i32) -> Vec<u8> {
    let mut header = vec![tag];
    header.extend(len.to_be_bytes());
    header
}

#[test]
fn a_header_needs_five_bytes() {
    let bytes = header(b'D', 11);
    for len in 0..5 {
        assert_eq!(frame_header(&bytes[..len], &Limits::SESSION), Ok(None));
        assert_eq!(frontend::frame_header(&bytes[..len]), Ok(None));
    }
    let expected = FrameHeader {
        tag: b'D',
        body_len: 7,
    };
    assert_eq!(frame_header(&bytes, &Limits::SESSION), Ok(Some(expected)));
    assert_eq!(expected.frame_len(), 12);
    let empty = frame_header(&header(b'1', 4), &Limits::SESSION);
    assert_eq!(empty.unwrap().unwrap().body_len, 0);
}

#[test]
fn limits_are_judged_by_the_header_alone() {
    let mebibyte = 1 << 20;
    let most = i32::try_from(MAX_MESSAGE_LEN).unwrap();
    let cases = [
        (Limits::BEFORE_AUTHENTICATION, b'R', 2_000),
        (Limits::BEFORE_AUTHENTICATION, b'v', 2_000),
        (Limits::BEFORE_AUTHENTICATION, b'E', 30_000),
        (Limits::BEFORE_AUTHENTICATION, b'N', 30_000),
        (Limits::BEFORE_AUTHENTICATION, b'D', 2_000),
        (Limits::BEFORE_AUTHENTICATION, b'S', 2_000),
        (Limits::SESSION, b'D', most),
        (Limits::SESSION, b'd', most),
        (Limits::SESSION, b'E', most),
        (Limits::SESSION, b'T', most),
        (Limits::SESSION, b'V', most),
        (Limits::SESSION, b'A', most),
        (Limits::SESSION, b'Z', mebibyte),
        (Limits::SESSION, b't', mebibyte),
        (Limits::SESSION, b'C', mebibyte),
        (Limits::SESSION, b'R', 2_000),
        (Limits::SESSION.capped_at(100), b'D', 100),
        (Limits::SESSION.capped_at(100), b'C', 100),
    ];
    for (limits, tag, limit) in cases {
        let accepted = frame_header(&header(tag, limit), &limits);
        assert!(accepted.is_ok(), "{} {limit}", char::from(tag));
        for len in [limit + 1, i32::MAX, 3, 0, -1, i32::MIN] {
            let error = frame_header(&header(tag, len), &limits).unwrap_err();
            assert!(
                error.to_string().ends_with(&format!("cannot be {len}")),
                "{error}"
            );
        }
    }
}

#[test]
fn every_message_of_the_server_has_a_limit_and_nothing_else() {
    for tag in 0..=u8::MAX {
        let known = backend::message_name(tag) != "unknown";
        let result = frame_header(&header(tag, 4), &Limits::SESSION);
        assert_eq!(result.is_ok(), known, "{}", tag.escape_ascii());
    }
}

#[test]
fn garbage_is_recognised_by_its_first_bytes() {
    for garbage in [
        &b"HTTP/1.1 400 Bad Request"[..],
        b"220 smtp",
        b"\x15\x03\x01\0\x02\x02\x28",
    ] {
        assert!(frame_header(garbage, &Limits::BEFORE_AUTHENTICATION).is_err());
    }
}

#[test]
fn frames_of_the_client_have_limits_too() {
    assert!(frontend::frame_header(&header(b'Q', i32::MAX)).is_err());
    assert!(frontend::frame_header(&header(b'Q', 3)).is_err());
    assert!(frontend::frame_header(&header(b'Z', 4)).is_err());
    for len in 0..4 {
        assert_eq!(startup_frame_len(&header(0, 8)[1..][..len]), Ok(None));
    }
    for (len, accepted) in [
        (8, true),
        (10_000, true),
        (7, false),
        (10_001, false),
        (-1, false),
    ] {
        let result = startup_frame_len(&header(0, len)[1..]);
        assert_eq!(result.is_ok(), accepted, "{len}");
    }
}

#[test]
fn codes_and_status_bytes() {
    for code in [-1, 2, i16::MAX] {
        assert_eq!(Format::from_code(code), None);
    }
    for format in [Format::Text, Format::Binary] {
        assert_eq!(Format::from_code(format.code()), Some(format));
    }
    let known: Vec<u8> = (0..=u8::MAX)
        .filter(|&byte| TransactionStatus::from_byte(byte).is_some())
        .collect();
    assert_eq!(known, b"EIT");
    for byte in known {
        assert_eq!(TransactionStatus::from_byte(byte).unwrap().as_byte(), byte);
    }
}
