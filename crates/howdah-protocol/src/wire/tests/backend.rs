use super::super::*;
use super::{frame, unframe};
use crate::error::UsageError;

const KEY: [u8; 256] = [7; 256];

fn diagnostic() -> Diagnostic {
    let fields = [
        (b'S', &b"FEHLER"[..]),
        (b'V', b"ERROR"),
        (b'C', b"23505"),
        (b'M', b"duplicate key"),
        (b'!', b"from the future"),
        (b'n', b"t_pkey"),
    ];
    Diagnostic::from_fields(fields).unwrap()
}

fn column(name: &[u8], format: Format) -> FieldDescription {
    FieldDescription {
        name: name.into(),
        table_oid: 4_000_000_000,
        column_id: -7,
        type_oid: 23,
        type_size: -1,
        type_modifier: i32::MIN,
        format,
    }
}

fn copy(format: Format, columns: &[Format]) -> CopyResponse {
    let columns = columns.to_vec();
    CopyResponse { format, columns }
}

fn authentications() -> Vec<Authentication<'static>> {
    vec![
        Authentication::Ok,
        Authentication::KerberosV5,
        Authentication::CleartextPassword,
        Authentication::Md5Password { salt: [1, 2, 0, 4] },
        Authentication::Gss,
        Authentication::GssContinue(b"token\0"),
        Authentication::Sspi,
        Authentication::Sasl(vec![b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"]),
        Authentication::SaslContinue(b"r=abc,s=def,i=4096"),
        Authentication::SaslFinal(b"v=abc"),
    ]
}

/// At least one of every message that the server sends; `row` is the body of a DataRow.
fn samples(row: &[u8]) -> Vec<BackendMessage<'_>> {
    let both = [Format::Text, Format::Binary];
    let mut samples = vec![
        BackendMessage::BackendKeyData {
            process_id: -1,
            secret_key: Secret(&KEY[..4]),
        },
        BackendMessage::BackendKeyData {
            process_id: 1,
            secret_key: Secret(&KEY),
        },
        BackendMessage::BindComplete,
        BackendMessage::CloseComplete,
        BackendMessage::CommandComplete { tag: b"INSERT 0 1" },
        BackendMessage::CopyData(b"1\t2\n"),
        BackendMessage::CopyDone,
        BackendMessage::CopyInResponse(copy(Format::Text, &both[..1])),
        BackendMessage::CopyOutResponse(copy(Format::Binary, &both)),
        BackendMessage::CopyBothResponse(copy(Format::Text, &[])),
        BackendMessage::DataRow(DataRow::decode(row).unwrap()),
        BackendMessage::EmptyQueryResponse,
        BackendMessage::ErrorResponse(diagnostic()),
        BackendMessage::NoticeResponse(Diagnostic::from_fields([]).unwrap()),
        BackendMessage::FunctionCallResponse { value: None },
        BackendMessage::FunctionCallResponse {
            value: Some(b"\0\x01"),
        },
        BackendMessage::NegotiateProtocolVersion {
            version: 3 << 16,
            unrecognized: vec![b"_pq_.a", b"_pq_.b"],
        },
        BackendMessage::NoData,
        BackendMessage::NotificationResponse {
            process_id: 9,
            channel: "kanał".as_bytes(),
            payload: b"",
        },
        BackendMessage::ParameterDescription(vec![23, u32::MAX]),
        BackendMessage::ParameterStatus {
            name: b"DateStyle",
            value: b"ISO, DMY",
        },
        BackendMessage::ParseComplete,
        BackendMessage::PortalSuspended,
        BackendMessage::ReadyForQuery(TransactionStatus::Idle),
        BackendMessage::ReadyForQuery(TransactionStatus::InTransaction),
        BackendMessage::ReadyForQuery(TransactionStatus::Failed),
        BackendMessage::RowDescription(vec![]),
        BackendMessage::RowDescription(vec![
            column(b"", Format::Text),
            column(b"?column?", Format::Binary),
        ]),
    ];
    samples.extend(
        authentications()
            .into_iter()
            .map(BackendMessage::Authentication),
    );
    samples
}

fn row() -> Vec<u8> {
    let mut row = Vec::new();
    DataRow::encode_body(&mut row, &[Some(b"42"), None, Some(b"")]).unwrap();
    row
}

/// Every sample as tag and body.
pub(super) fn bodies() -> Vec<(u8, Vec<u8>)> {
    let encoded = |message: &BackendMessage<'_>| {
        let mut out = Vec::new();
        message.encode(&mut out).unwrap();
        let (tag, body) = unframe(&out);
        (tag, body.to_vec())
    };
    samples(&row()).iter().map(encoded).collect()
}

/// From which length on a body may end anywhere: it ends in bytes whose length the message does not say.
fn open_from(tag: u8, body: &[u8]) -> usize {
    match (tag, body) {
        (b'd', _) => 0,
        (b'K', _) => 8,
        (b'R', [0, 0, 0, 8 | 11 | 12, ..]) => 4,
        _ => usize::MAX,
    }
}

#[test]
fn every_message_comes_back_as_it_was() {
    let row = row();
    let mut tags = std::collections::BTreeSet::new();
    for message in samples(&row) {
        let mut out = b"before".to_vec();
        message.encode(&mut out).unwrap();
        let (tag, body) = unframe(&out[6..]);
        assert_eq!(tag, message.tag());
        assert_ne!(message.name(), "unknown");
        let header = frame_header(&out[6..], &Limits::SESSION).unwrap().unwrap();
        assert_eq!((header.tag, header.body_len), (tag, body.len()));
        assert_eq!(BackendMessage::decode(tag, body).unwrap(), message);
        tags.insert(tag);
    }
    assert_eq!(tags.len(), 24, "every message of the protocol has a sample");
}

#[test]
fn every_truncation_and_every_byte_too_many_is_an_error() {
    for (tag, body) in bodies() {
        let open = open_from(tag, &body);
        for len in (0..body.len()).filter(|&len| len < open) {
            let error = BackendMessage::decode(tag, &body[..len]).unwrap_err();
            assert!(error.to_string().starts_with("malformed "), "{error}");
        }
        let mut longer = body;
        longer.push(0);
        if open == usize::MAX {
            let message = BackendMessage::decode(tag, &longer);
            assert!(message.is_err(), "{message:?}");
        }
    }
}

#[test]
fn golden_bytes() {
    let mut out = Vec::new();
    let messages = [
        BackendMessage::Authentication(Authentication::Ok),
        BackendMessage::ReadyForQuery(TransactionStatus::Idle),
        BackendMessage::ParameterStatus {
            name: b"a",
            value: b"b",
        },
        BackendMessage::ParameterDescription(vec![23]),
    ];
    for message in messages {
        message.encode(&mut out).unwrap();
    }
    let expected: [&[u8]; 4] = [
        b"R\0\0\0\x08\0\0\0\0",
        b"Z\0\0\0\x05I",
        b"S\0\0\0\x08a\0b\0",
        b"t\0\0\0\x0a\0\x01\0\0\0\x17",
    ];
    assert_eq!(out, expected.concat());
}

#[test]
fn lies_are_errors() {
    let lies: [(u8, &[u8], &str); 16] = [
        (b'T', b"\xff\xff", "a count is larger"),
        (b't', b"\xff\xff\0\0\0\x17", "a count is larger"),
        (b'v', b"\0\x03\0\0\x7f\xff\xff\xff", "a count is larger"),
        (b'v', b"\0\x03\0\0\xff\xff\xff\xff", "a count is negative"),
        (b'G', b"\0\xff\xff\0\0", "a count is larger"),
        (b'H', b"\x02\0\0", "unknown format code"),
        (b'W', b"\0\0\x01\0\x02", "unknown format code"),
        (b'V', b"\xff\xff\xff\xfe", "a length is negative"),
        (b'V', b"\x7f\xff\xff\xff", "ends early"),
        (b'Z', b"X", "unknown transaction status"),
        (b'K', b"\0\0\0\x01abc", "4 to 256 bytes"),
        (b'R', b"\0\0\0\x0aSCRAM", "a string does not end"),
        (b'C', b"SELECT 1\0\0", "bytes left over"),
        (b'D', b"\0\x01\x80\0\0\0", "a length is negative"),
        (b'D', b"\0\x01\xff\xff\xff\xffx", "bytes left over"),
        (b'D', b"\xff\xff", "ends early"),
    ];
    for (tag, body, why) in lies {
        let error = BackendMessage::decode(tag, body).unwrap_err().to_string();
        assert!(error.contains(why), "{error} / {why}");
    }
    let long_key = [0; 4 + 257];
    assert!(BackendMessage::decode(b'K', &long_key).is_err());
    let error = BackendMessage::decode(b'R', b"\0\0\0\x06").unwrap_err();
    assert_eq!(error.to_string(), "authentication method 6 not supported");
    let error = BackendMessage::decode(b'?', b"").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("got message type '?' while expecting")
    );
}

#[test]
fn what_cannot_be_said_is_refused_and_nothing_is_written() {
    let nul = b"a\0b";
    let refused = [
        BackendMessage::CommandComplete { tag: nul },
        BackendMessage::ParameterStatus {
            name: b"ok",
            value: nul,
        },
        BackendMessage::NotificationResponse {
            process_id: 1,
            channel: b"ok",
            payload: nul,
        },
        BackendMessage::RowDescription(vec![column(b"a", Format::Text), column(nul, Format::Text)]),
        BackendMessage::ParameterDescription(vec![0; 65_536]),
        BackendMessage::CopyInResponse(copy(Format::Text, &[Format::Text; 65_536])),
        BackendMessage::BackendKeyData {
            process_id: 1,
            secret_key: Secret(b"abc"),
        },
        BackendMessage::Authentication(Authentication::Sasl(vec![b"A", b""])),
        BackendMessage::NegotiateProtocolVersion {
            version: 0,
            unrecognized: vec![b"ok", nul],
        },
    ];
    for message in refused {
        let mut out = b"before".to_vec();
        assert!(message.encode(&mut out).is_err(), "{}", message.name());
        assert_eq!(out, b"before");
    }
    let mut out = b"before".to_vec();
    let values = vec![None; 65_536];
    let error = DataRow::encode_body(&mut out, &values).unwrap_err();
    let (what, count) = ("columns", 65_536);
    assert_eq!(error, UsageError::TooManyItems { what, count });
    assert_eq!(out, b"before");
    assert!(Diagnostic::from_fields([(0, &b""[..])]).is_err());
    assert!(Diagnostic::from_fields([(b'M', &nul[..])]).is_err());
}

#[test]
fn rows_are_checked_against_their_result() {
    let row = row();
    assert!(check_data_row(&row, 3).is_ok());
    for columns in [0, 2, 4, usize::MAX] {
        let error = check_data_row(&row, columns).unwrap_err().to_string();
        assert!(
            error.starts_with("got DataRow with 3 columns while expecting"),
            "{error}"
        );
    }
    let values: Vec<_> = fields(&row).collect();
    assert_eq!(values, [Some(&b"42"[..]), None, Some(b"")]);
    let decoded = DataRow::decode(&row).unwrap();
    assert_eq!((decoded.len(), decoded.is_empty()), (3, false));
    assert_eq!(decoded.into_iter().collect::<Vec<_>>(), values);
    assert!(check_data_row(b"\0\0", 0).is_ok());
    assert_eq!(fields(b"\0\0").next(), None);
    assert!(DataRow::decode(b"\0\0").unwrap().is_empty());
}

#[test]
fn a_diagnostic_has_a_getter_for_every_field() {
    type Getter = fn(&Diagnostic) -> Option<&[u8]>;
    let getters: [(u8, Getter); 18] = [
        (b'S', Diagnostic::severity),
        (b'V', Diagnostic::severity_nonlocalized),
        (b'C', Diagnostic::sqlstate),
        (b'M', Diagnostic::message_primary),
        (b'D', Diagnostic::message_detail),
        (b'H', Diagnostic::message_hint),
        (b'P', Diagnostic::statement_position),
        (b'p', Diagnostic::internal_position),
        (b'q', Diagnostic::internal_query),
        (b'W', Diagnostic::context),
        (b's', Diagnostic::schema_name),
        (b't', Diagnostic::table_name),
        (b'c', Diagnostic::column_name),
        (b'd', Diagnostic::datatype_name),
        (b'n', Diagnostic::constraint_name),
        (b'F', Diagnostic::source_file),
        (b'L', Diagnostic::source_line),
        (b'R', Diagnostic::source_function),
    ];
    let texts: Vec<[u8; 2]> = getters.iter().map(|(code, _)| [b'=', *code]).collect();
    let fields = getters
        .iter()
        .zip(&texts)
        .map(|((code, _), text)| (*code, &text[..]));
    let full = Diagnostic::from_fields(fields).unwrap();
    let empty = Diagnostic::from_fields([]).unwrap();
    for ((code, getter), text) in getters.iter().zip(&texts) {
        assert_eq!(getter(&full), Some(&text[..]), "{}", char::from(*code));
        assert_eq!(getter(&empty), None);
    }
    assert_eq!(full.iter().count(), 18);
    assert_eq!(full.get(b'!'), None);
}

#[test]
fn fields_that_are_not_known_yet_are_kept() {
    let body = b"SERROR\0!new\0Mfirst\0Msecond\0\0";
    let message = BackendMessage::decode(b'E', body).unwrap();
    let BackendMessage::ErrorResponse(fields) = &message else {
        panic!("{message:?}");
    };
    assert_eq!(fields.get(b'!'), Some(&b"new"[..]));
    assert_eq!(fields.message_primary(), Some(&b"first"[..]));
    assert_eq!(format!("{fields:?}").matches("first").count(), 1);
    let mut out = Vec::new();
    message.encode(&mut out).unwrap();
    assert_eq!(out, frame(b'E', body));
}

#[test]
fn command_tags_say_how_many_rows() {
    let cases: [(&[u8], Option<u64>); 9] = [
        (b"INSERT 0 3", Some(3)),
        (b"SELECT 0", Some(0)),
        (b"COPY 18446744073709551615", Some(u64::MAX)),
        (b"COPY 18446744073709551616", None),
        (b"BEGIN", None),
        (b"CREATE TABLE", None),
        (b"SELECT ", None),
        (b"42", None),
        (b"", None),
    ];
    for (tag, rows) in cases {
        assert_eq!(affected_rows(tag), rows, "{}", tag.escape_ascii());
    }
}
