//! What a made-up server says before and behind the data of a replication stream.

use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::{MockServer, Script};

use super::message;

/// Whether a message is a simple query that begins so.
pub(crate) fn begins(
    start: &'static [u8],
) -> impl Fn(&FrontendMessage<'_>) -> bool + Send + 'static {
    move |message| matches!(message, FrontendMessage::Query(sql) if sql.starts_with(start))
}

/// Ends the stream when it is told to, and then takes a query.
pub(crate) fn then_ended(script: Script) -> MockServer {
    let script = script
        .until("CopyDone", |message| *message == FrontendMessage::CopyDone)
        .send_raw(message(b'c', b""))
        .send_raw(message(b'C', b"START_STREAMING\0"))
        .send_ready()
        .expect_query("SELECT 1")
        .send_result(&[("one", 23)], &[&[Some("1")]], "SELECT 1")
        .send_ready()
        .expect_eof();
    MockServer::tcp([script]).unwrap()
}
