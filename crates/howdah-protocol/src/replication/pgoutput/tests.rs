use super::*;
use proptest::prelude::*;

/// Bytes of a message: numbers of some width, and strings.
fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag], parts.concat().as_slice()].concat()
}

fn begin() -> Vec<u8> {
    message(b'B', &[&[0; 8], &[0; 8], &7_u32.to_be_bytes()])
}

fn commit() -> Vec<u8> {
    let (first, second) = (1_u64.to_be_bytes(), 2_u64.to_be_bytes());
    message(b'C', &[&[0], &first, &second, &3_i64.to_be_bytes()])
}

/// A relation with a key of type int4 and a text.
fn relation(xid: &[u8]) -> Vec<u8> {
    let columns = b"\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0a\0\0\0\0\x19\xff\xff\xff\xff";
    message(b'R', &[xid, b"\0\0\0\x09public\0t\0d", columns])
}

fn insert(xid: &[u8], values: &[u8]) -> Vec<u8> {
    message(b'I', &[xid, b"\0\0\0\x09N\0\x02", values])
}

fn refused(decoder: &mut Decoder, message: &[u8]) -> String {
    decoder.decode(message).unwrap_err().to_string()
}

#[test]
fn a_transaction() {
    let mut decoder = Decoder::new(1);
    decoder.decode(&begin()).unwrap();
    assert!(decoder.is_in_transaction());
    decoder.decode(&relation(b"")).unwrap();
    let row = insert(b"", b"t\0\0\0\x011u");
    let Ok(Message::Insert(inserted)) = decoder.decode(&row) else {
        panic!("no insert");
    };
    let values: Vec<Value<'_>> = inserted.new.values().collect();
    assert_eq!(values, [Value::Text(b"1"), Value::Unchanged]);
    assert_eq!(&*inserted.relation.name, b"t");
    let columns = &inserted.relation.columns;
    let keys: Vec<bool> = columns.iter().map(|column| column.is_key).collect();
    assert_eq!(keys, [true, false]);
    let updated = b"\0\0\0\x09K\0\x02b\0\0\0\x04\0\0\0\x01nN\0\x02t\0\0\0\x012n";
    let updated = message(b'U', &[updated]);
    let Ok(Message::Update(updated)) = decoder.decode(&updated) else {
        panic!("no update");
    };
    let Some(Old::Key(key)) = updated.old else {
        panic!("no key");
    };
    let key: Vec<Value<'_>> = key.values().collect();
    assert_eq!(key, [Value::Binary(b"\0\0\0\x01"), Value::Null]);
    let end = commit();
    let committed = decoder.decode(&end).unwrap();
    let ended = Commit {
        commit_lsn: 1,
        end_lsn: 2,
        committed_at: 3,
    };
    assert_eq!(committed, Message::Commit(ended));
    assert!(!decoder.is_in_transaction());
}

#[test]
fn messages_of_a_streamed_transaction_name_it() {
    let mut decoder = Decoder::new(2);
    let xid = 5_u32.to_be_bytes();
    decoder.decode(&message(b'S', &[&xid, &[1]])).unwrap();
    decoder.decode(&relation(&xid)).unwrap();
    let row = insert(&xid, b"nn");
    let Ok(Message::Insert(inserted)) = decoder.decode(&row) else {
        panic!("no insert");
    };
    assert_eq!(inserted.xid, Some(5));
    assert_eq!(decoder.decode(b"E"), Ok(Message::StreamStop));
    let short = message(b'A', &[&xid, &xid]);
    let long = message(b'A', &[&xid, &xid, &[0; 16]]);
    for (abort, aborted) in [(short, None), (long, Some((0, 0)))] {
        let (xid, subxid) = (5, 5);
        let wanted = Message::StreamAbort(StreamAbort {
            xid,
            subxid,
            aborted,
        });
        assert_eq!(decoder.decode(&abort), Ok(wanted));
    }
}

#[test]
fn what_cannot_come_next_is_refused() {
    let mut decoder = Decoder::new(1);
    let expecting = "while expecting another message of pgoutput";
    assert_eq!(
        refused(&mut decoder, &commit()),
        format!("got Commit {expecting}")
    );
    assert_eq!(
        refused(&mut decoder, &insert(b"", b"nn")),
        format!("got Insert {expecting}")
    );
    assert_eq!(
        refused(&mut decoder, b"E"),
        format!("got Stream Stop {expecting}")
    );
    assert_eq!(refused(&mut decoder, b""), "malformed message of pgoutput");
    assert_eq!(refused(&mut decoder, b"?"), "malformed message of pgoutput");
    decoder.decode(&begin()).unwrap();
    assert_eq!(
        refused(&mut decoder, &begin()),
        format!("got Begin {expecting}")
    );
    let unknown = "malformed Insert message: a relation was not described";
    assert_eq!(refused(&mut decoder, &insert(b"", b"nn")), unknown);
    decoder.decode(&relation(b"")).unwrap();
    for (values, why) in [
        (&b"n"[..], "a count is larger than the message"),
        (b"n?", "unknown kind of value"),
        (b"nt\xff\xff\xff\xff", "a length is negative"),
        (b"nt\xff\xff\xff\xfe", "a length is negative"),
        (b"nt\x7f\xff\xff\xff", "ends early"),
        (b"nnn", "bytes left over"),
    ] {
        let why = format!("malformed Insert message: {why}");
        assert_eq!(refused(&mut decoder, &insert(b"", values)), why);
    }
    let narrow = message(b'I', &[b"\0\0\0\x09N\0\x01n"]);
    let why = "malformed Insert message: a row is not as its relation";
    assert_eq!(refused(&mut decoder, &narrow), why);
    let many = message(b'T', &[b"\x7f\xff\xff\xff\0\0\0\0\x09"]);
    let why = "malformed Truncate message: a count is larger than the message";
    assert_eq!(refused(&mut decoder, &many), why);
    // After all that it goes on.
    decoder.decode(&insert(b"", b"nn")).unwrap();
    decoder.decode(&commit()).unwrap();
}

#[test]
fn descriptions_are_bounded() {
    let mut decoder = Decoder::new(1);
    decoder.decode(&begin()).unwrap();
    let name = vec![b'x'; 1 << 20];
    let described = |oid: u32| message(b'R', &[&oid.to_be_bytes(), b"s\0", &name, b"\0d\0\0"]);
    let refused = (0..100).find(|oid| decoder.decode(&described(*oid)).is_err());
    assert_eq!(refused, Some(63));
    // The same again takes no more.
    for _ in 0..100 {
        decoder.decode(&described(0)).unwrap();
    }
}

proptest! {
    #[test]
    fn any_bytes(version in 0_u8..6, messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..8)) {
        let mut decoder = Decoder::new(version);
        for message in messages {
            let _ = decoder.decode(&message);
        }
    }

    #[test]
    fn a_part_of_a_message_is_none(len in 0_usize..40) {
        let mut decoder = Decoder::new(1);
        decoder.decode(&begin()).unwrap();
        for whole in [relation(b""), commit()] {
            let part = whole.get(..len.min(whole.len() - 1)).unwrap_or_default();
            prop_assert!(decoder.decode(part).is_err());
        }
    }
}
