use super::super::frontend::{self, startup_frame_len};
use super::super::*;
use super::unframe;
use crate::error::UsageError;

const KEY: [u8; 256] = [7; 256];

/// At least one of every message with a type byte.
fn samples() -> Vec<FrontendMessage<'static>> {
    vec![
        FrontendMessage::AuthenticationResponse(Secret(b"hunter2\0")),
        FrontendMessage::Bind {
            portal: b"",
            statement: b"s1",
            formats: vec![Format::Text, Format::Binary, Format::Text],
            values: vec![Some(b"42"), None, Some(b"")],
            result_formats: vec![Format::Binary],
        },
        FrontendMessage::Bind {
            portal: b"p",
            statement: b"",
            formats: vec![],
            values: vec![],
            result_formats: vec![],
        },
        FrontendMessage::Close(Target::Portal, b"p"),
        FrontendMessage::Close(Target::Statement, b""),
        FrontendMessage::CopyData(b"\0\x01"),
        FrontendMessage::CopyDone,
        FrontendMessage::CopyFail(b"no"),
        FrontendMessage::Describe(Target::Portal, b""),
        FrontendMessage::Describe(Target::Statement, b"s1"),
        FrontendMessage::Execute {
            portal: b"p",
            max_rows: 100,
        },
        FrontendMessage::Flush,
        FrontendMessage::FunctionCall {
            function_oid: u32::MAX,
            formats: vec![Format::Binary],
            arguments: vec![Some(b"x"), None],
            result_format: Format::Binary,
        },
        FrontendMessage::Parse {
            name: b"s1",
            sql: "select $1 -- ż".as_bytes(),
            parameter_oids: vec![0, 23],
        },
        FrontendMessage::Query(b"select 1; select 2"),
        FrontendMessage::Sync,
        FrontendMessage::Terminate,
    ]
}

/// At least one of every message without a type byte.
fn startup_samples() -> Vec<FrontendMessage<'static>> {
    let cancel = |secret_key| FrontendMessage::CancelRequest {
        process_id: -3,
        secret_key: Secret(secret_key),
    };
    vec![
        cancel(&KEY[..4]),
        cancel(&KEY),
        FrontendMessage::GssEncRequest,
        FrontendMessage::SslRequest,
        FrontendMessage::StartupMessage {
            minor: 2,
            parameters: vec![(b"user", b"me"), (b"options", b"")],
        },
        FrontendMessage::StartupMessage {
            minor: 0,
            parameters: vec![],
        },
    ]
}

fn encoded(message: &FrontendMessage<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out).unwrap();
    out
}

/// Every sample as tag and body.
pub(super) fn bodies() -> Vec<(u8, Vec<u8>)> {
    let split = |message| {
        let frame = encoded(&message);
        let (tag, body) = unframe(&frame);
        (tag, body.to_vec())
    };
    samples().into_iter().map(split).collect()
}

/// Every sample without a type byte: what follows the length.
pub(super) fn startup_bodies() -> Vec<Vec<u8>> {
    let body = |message| encoded(&message)[4..].to_vec();
    startup_samples().into_iter().map(body).collect()
}

#[test]
fn every_message_comes_back_as_it_was() {
    let mut tags = std::collections::BTreeSet::new();
    for message in samples() {
        let frame = encoded(&message);
        let (tag, body) = unframe(&frame);
        let header = frontend::frame_header(&frame).unwrap().unwrap();
        assert_eq!((header.tag, header.frame_len()), (tag, frame.len()));
        assert_eq!(FrontendMessage::decode(tag, body).unwrap(), message);
        tags.insert(tag);
    }
    assert_eq!(tags.len(), 14, "every message of the protocol has a sample");
    for message in startup_samples() {
        let frame = encoded(&message);
        assert_eq!(startup_frame_len(&frame).unwrap(), Some(frame.len()));
        let decoded = FrontendMessage::decode_startup(&frame[4..]).unwrap();
        assert_eq!(decoded, message);
    }
}

#[test]
fn every_truncation_and_every_byte_too_many_is_an_error() {
    for (tag, mut body) in bodies() {
        if matches!(tag, b'd' | b'p') {
            continue;
        }
        for len in 0..body.len() {
            assert!(FrontendMessage::decode(tag, &body[..len]).is_err());
        }
        body.push(0);
        assert!(FrontendMessage::decode(tag, &body).is_err());
    }
    for mut body in startup_bodies() {
        let is_cancel = body.starts_with(&80_877_102_u32.to_be_bytes());
        // A shorter key is a key.
        let end = if is_cancel { 12 } else { body.len() };
        for len in 0..end {
            assert!(FrontendMessage::decode_startup(&body[..len]).is_err());
        }
        body.push(0);
        let is_short_key = is_cancel && body.len() < 264;
        assert_eq!(
            FrontendMessage::decode_startup(&body).is_err(),
            !is_short_key
        );
    }
}

#[test]
fn golden_bytes() {
    let mut out = Vec::new();
    frontend::startup_message(&mut out, 2, [(&b"user"[..], &b"me"[..])]).unwrap();
    assert_eq!(out, b"\0\0\0\x11\0\x03\0\x02user\0me\0\0");
    out.clear();
    frontend::ssl_request(&mut out);
    frontend::gssenc_request(&mut out);
    frontend::cancel_request(&mut out, 1, &[9; 5]).unwrap();
    let expected: [&[u8]; 3] = [
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\0\0\x08\x04\xd2\x16\x30",
        b"\0\0\0\x11\x04\xd2\x16\x2e\0\0\0\x01\x09\x09\x09\x09\x09",
    ];
    assert_eq!(out, expected.concat());
    out.clear();
    let mut values = Vec::new();
    frontend::put_value(&mut values, b"7").unwrap();
    frontend::put_null(&mut values).unwrap();
    let binary = [Format::Binary];
    frontend::bind(&mut out, b"", b"s", &binary, &values, 2, &binary).unwrap();
    let expected = b"B\0\0\0\x1a\0s\0\0\x01\0\x01\0\x02\0\0\0\x017\xff\xff\xff\xff\0\x01\0\x01";
    assert_eq!(out, expected);
}

#[test]
fn authentication_responses_share_a_tag() {
    let mut out = Vec::new();
    frontend::password(&mut out, b"hunter2").unwrap();
    assert_eq!(out, b"p\0\0\0\x0chunter2\0");
    let message = FrontendMessage::decode(b'p', &out[5..]).unwrap();
    assert!(!format!("{message:?}").contains("hunter2"));
    assert_eq!(Secret(b"hunter2\0").password().unwrap(), b"hunter2");
    assert!(Secret(b"hunter2").password().is_err());
    assert!(Secret(b"hunter2\0x").password().is_err());
    for response in [None, Some(&b""[..]), Some(&b"n,,"[..])] {
        out.clear();
        frontend::sasl_initial_response(&mut out, b"SCRAM-SHA-256", response).unwrap();
        let (_, body) = unframe(&out);
        let initial = Secret(body).sasl_initial().unwrap();
        assert_eq!(initial, (&b"SCRAM-SHA-256"[..], response));
        for len in 0..body.len() {
            assert!(Secret(&body[..len]).sasl_initial().is_err());
        }
    }
    out.clear();
    frontend::sasl_response(&mut out, b"c=").unwrap();
    frontend::gss_response(&mut out, b"\0").unwrap();
    assert_eq!(out, b"p\0\0\0\x06c=p\0\0\0\x05\0");
}

#[test]
fn a_nul_in_any_string_is_refused_and_nothing_is_written() {
    type Encoder = fn(&mut Vec<u8>) -> Result<(), UsageError>;
    const NUL: &[u8] = b"a\0b";
    let encoders: [(&str, Encoder); 16] = [
        ("startup parameter name", |o| {
            frontend::startup_message(o, 0, [(NUL, &b""[..])])
        }),
        ("startup parameter value", |o| {
            frontend::startup_message(o, 0, [(&b"user"[..], NUL)])
        }),
        ("password", |o| frontend::password(o, NUL)),
        ("SASL mechanism", |o| {
            frontend::sasl_initial_response(o, NUL, None)
        }),
        ("query", |o| frontend::query(o, NUL)),
        ("statement name", |o| frontend::parse(o, NUL, b"", &[])),
        ("query", |o| frontend::parse(o, b"s", NUL, &[])),
        ("portal name", |o| {
            frontend::bind(o, NUL, b"", &[], &[], 0, &[])
        }),
        ("statement name", |o| {
            frontend::bind(o, b"", NUL, &[], &[], 0, &[])
        }),
        ("statement name", |o| frontend::describe_statement(o, NUL)),
        ("portal name", |o| frontend::describe_portal(o, NUL)),
        ("statement name", |o| frontend::close_statement(o, NUL)),
        ("portal name", |o| frontend::close_portal(o, NUL)),
        ("portal name", |o| frontend::execute(o, NUL, 0)),
        ("reason", |o| frontend::copy_fail(o, NUL)),
        ("reason", |o| FrontendMessage::CopyFail(NUL).encode(o)),
    ];
    for (what, encode) in encoders {
        let mut out = b"before".to_vec();
        assert_eq!(encode(&mut out), Err(UsageError::NulInString { what }));
        assert_eq!(out, b"before");
    }
}

#[test]
fn counts_and_sizes_beyond_the_protocol_are_refused() {
    type Encoder = fn(&mut Vec<u8>) -> Result<(), UsageError>;
    fn too_many() -> UsageError {
        UsageError::TooManyParameters { count: 65_536 }
    }
    let encoders: [(UsageError, Encoder); 9] = [
        (too_many(), |o| frontend::parse(o, b"", b"", &[0; 65_536])),
        (too_many(), |o| {
            let nulls = [0xff; 4 * 65_536];
            frontend::bind(o, b"", b"", &[], &nulls, 65_536, &[])
        }),
        (too_many(), |o| {
            frontend::function_call(o, 1, &[], &[None; 65_536], Format::Text)
        }),
        (
            UsageError::TooManyItems {
                what: "format codes",
                count: 65_536,
            },
            |o| frontend::bind(o, b"", b"", &[], &[], 0, &[Format::Text; 65_536]),
        ),
        (
            UsageError::FormatCountMismatch {
                formats: 2,
                count: 1,
            },
            |o| frontend::bind(o, b"", b"", &[Format::Text; 2], &[0xff; 4], 1, &[]),
        ),
        (UsageError::InvalidKeyLength { length: 257 }, |o| {
            frontend::cancel_request(o, 1, &[0; 257])
        }),
        (UsageError::InvalidKeyLength { length: 3 }, |o| {
            frontend::cancel_request(o, 1, &[0; 3])
        }),
        (
            UsageError::EmptyName {
                what: "startup parameter name",
            },
            |o| frontend::startup_message(o, 0, [(&b""[..], &b"x"[..])]),
        ),
        (UsageError::MessageTooLarge { size: 10_011 }, |o| {
            frontend::startup_message(o, 0, [(&b"a"[..], &[b'x'; 9_999][..])])
        }),
    ];
    for (expected, encode) in encoders {
        let mut out = b"before".to_vec();
        assert_eq!(encode(&mut out), Err(expected));
        assert_eq!(out, b"before");
    }
    // The most that the protocol can say.
    let mut out = Vec::new();
    let nulls = [0xff; 4 * 65_535];
    frontend::bind(&mut out, b"", b"", &[], &nulls, 65_535, &[]).unwrap();
    let (tag, body) = unframe(&out);
    let decoded = FrontendMessage::decode(tag, body).unwrap();
    assert!(matches!(decoded, FrontendMessage::Bind { values, .. } if values.len() == 65_535));
}

/// Zeroed memory that nobody touches costs nothing, so this is cheap.
#[test]
fn a_message_over_a_gibibyte_is_refused_before_it_is_copied() {
    let huge = vec![0; MAX_MESSAGE_LEN + 1];
    let size = huge.len();
    let mut out = b"before".to_vec();
    let too_large = Err(UsageError::MessageTooLarge { size });
    assert_eq!(frontend::copy_data(&mut out, &huge), too_large);
    assert_eq!(frontend::query(&mut out, &huge), too_large);
    assert_eq!(frontend::put_value(&mut out, &huge), too_large);
    assert_eq!(frontend::sasl_response(&mut out, &huge), too_large);
    assert_eq!(out, b"before");
    assert!(out.capacity() < 1_000);
}

#[test]
fn a_value_written_by_a_closure_gets_its_length() {
    #[derive(Debug, PartialEq)]
    enum Failure {
        Ours,
        Usage(UsageError),
    }
    impl From<UsageError> for Failure {
        fn from(error: UsageError) -> Self {
            Self::Usage(error)
        }
    }
    let mut out = b"before".to_vec();
    frontend::value::<Failure>(&mut out, |out| {
        out.extend_from_slice(b"abc");
        Ok(IsNull::No)
    })
    .unwrap();
    frontend::value::<Failure>(&mut out, |out| {
        out.extend_from_slice(b"dropped");
        Ok(IsNull::Yes)
    })
    .unwrap();
    let failed = frontend::value(&mut out, |out| {
        out.extend_from_slice(b"dropped");
        Err(Failure::Ours)
    });
    assert_eq!(failed, Err(Failure::Ours));
    assert_eq!(out, b"before\0\0\0\x03abc\xff\xff\xff\xff");
}

#[test]
fn lies_are_errors() {
    let lies: [(u8, &[u8], &str); 8] = [
        (b'B', b"\0\0\xff\xff", "a count is larger"),
        (b'B', b"\0\0\0\0\xff\xff", "a count is larger"),
        (
            b'B',
            b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0",
            "a length is negative",
        ),
        (
            b'B',
            b"\0\0\0\x02\0\0\0\0\0\x01\xff\xff\xff\xff\0\0",
            "number of formats",
        ),
        (b'B', b"\0\0\0\x01\0\x02\0\0\0\0", "unknown format code"),
        (b'P', b"\0\0\xff\xff\0\0\0\0", "a count is larger"),
        (b'D', b"X\0", "neither a statement nor a portal"),
        (b'Z', b"I", "while expecting a message from a client"),
    ];
    for (tag, body, why) in lies {
        let error = FrontendMessage::decode(tag, body).unwrap_err().to_string();
        assert!(error.contains(why), "{error} / {why}");
    }
    let error = FrontendMessage::decode_startup(b"\0\x02\0\0").unwrap_err();
    assert!(error.to_string().contains("not protocol 3"));
}
