//! Changes of a replication stream: whatever the messages are, what is read of them is whole, and a part of one is none.

use howdah_protocol::replication::pgoutput::{Decoder, Message, Old, Relation, Tuple, Value};

/// The input is the version of the protocol, then messages, each behind its length in two bytes.
pub(super) fn pgoutput(data: &[u8]) {
    let Some((version, mut rest)) = data.split_first() else {
        return;
    };
    let mut decoder = Decoder::new(version % 5);
    while let Some((len, after)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len)).min(after.len());
        let (message, later) = after.split_at(len);
        rest = later;
        one(&mut decoder, message);
    }
}

fn one(decoder: &mut Decoder, message: &[u8]) {
    if let Some((_, cut)) = message.split_last() {
        // Whatever it does to the decoder would show in what comes next.
        let before = decoder.is_in_transaction();
        if decoder.decode(cut).is_err() {
            assert_eq!(decoder.is_in_transaction(), before);
        }
    }
    match decoder.decode(message) {
        Ok(Message::Insert(insert)) => row(&insert.relation, &insert.new),
        Ok(Message::Update(update)) => {
            row(&update.relation, &update.new);
            update.old.iter().for_each(|old| was(&update.relation, old));
        }
        Ok(Message::Delete(delete)) => was(&delete.relation, &delete.old),
        Ok(Message::Relation(described)) => {
            let known = decoder.relation(described.relation.oid);
            assert_eq!(known, Some(&described.relation));
        }
        Ok(Message::Truncate(truncate)) => assert!(truncate.relations.len() * 4 < message.len()),
        Ok(_) | Err(_) => {}
    }
}

fn was(relation: &Relation, old: &Old<'_>) {
    match old {
        Old::Key(tuple) | Old::Full(tuple) => row(relation, tuple),
    }
}

fn row(relation: &Relation, tuple: &Tuple<'_>) {
    assert_eq!(tuple.len(), relation.columns.len());
    let bytes = tuple.values().map(|value| match value {
        Value::Text(data) | Value::Binary(data) => data.len(),
        Value::Null | Value::Unchanged => 0,
    });
    let (count, _sum) = bytes.fold((0, 0), |(count, sum), len| (count + 1, sum + len));
    assert_eq!(count, tuple.len());
}
