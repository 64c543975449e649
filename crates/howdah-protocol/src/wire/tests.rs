//! Messages of both directions: round trips, truncation, lies, limits.

mod backend;
mod frames;
mod frontend;
mod properties;

/// A whole message with a type byte.
fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![tag];
    frame.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    frame.extend(body);
    frame
}

/// The type byte and the body of one whole message.
fn unframe(frame: &[u8]) -> (u8, &[u8]) {
    let len = u32::from_be_bytes(frame[1..5].try_into().unwrap());
    assert_eq!(usize::try_from(len).unwrap(), frame.len() - 1);
    (frame[0], &frame[5..])
}
