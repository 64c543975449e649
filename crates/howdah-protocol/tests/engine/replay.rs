//! One conversation, replayed in every way bytes can arrive, stop arriving, or be wrong.

use howdah_protocol::connection::Error;
use howdah_protocol::wire::{Limits, frame_header};
use howdah_testkit::{Chunking, Pair, Script, State, split_everywhere};

use crate::client::{Client, show_error};
use crate::server::{bytes, notice, notification, parameter};

/// A conversation as data.
pub(crate) struct Conversation {
    pub(crate) name: &'static str,
    /// What the server expects and answers.
    pub(crate) server: fn() -> Script,
    /// A fresh client.
    pub(crate) client: fn() -> Box<dyn Client>,
    /// What the client is to see.
    pub(crate) sees: &'static [&'static str],
    /// The names of the messages that the client is to send, after its StartupMessage.
    pub(crate) sends: &'static str,
}

impl Conversation {
    /// Runs it whole, then in every other way.
    pub(crate) fn check(&self) {
        let bursts = self.play_whole();
        self.split(bursts.concat().len());
        self.interrupt(&bursts);
        self.spoil(&bursts);
        self.chatter(&bursts);
    }

    /// Gives what the server sent, one item for each time it had something to say.
    fn play_whole(&self) -> Vec<Vec<u8>> {
        let mut bursts = Vec::new();
        let mut client = (self.client)();
        let mut pair = Pair::new((self.server)(), Chunking::Whole);
        let state = pair.run(|bytes| {
            bursts.push(bytes.to_vec());
            client.turn(bytes)
        });
        let log = finished(&mut *client, state.unwrap_or_else(|e| self.fail(&e)));
        assert_eq!(log, self.sees, "{}: what the client sees", self.name);
        assert_eq!(
            names(pair.transcript()),
            self.sends,
            "{}: what the client sends",
            self.name
        );
        pair.close().unwrap_or_else(|e| self.fail(&e));
        bursts
    }

    fn split(&self, len: usize) {
        for chunking in split_everywhere(len) {
            let mut client = (self.client)();
            let mut pair = Pair::new((self.server)(), chunking);
            let state = pair.run(|bytes| client.turn(bytes));
            let log = finished(&mut *client, state.unwrap_or_else(|e| self.fail(&e)));
            assert_eq!(log, self.sees, "{}: {chunking:?}", self.name);
            assert_eq!(
                names(pair.transcript()),
                self.sends,
                "{}: {chunking:?}",
                self.name
            );
        }
    }

    /// The end of the input at every offset: a clean error, and no event that did not happen.
    fn interrupt(&self, bursts: &[Vec<u8>]) {
        let whole = bursts.concat();
        for at in 0..=whole.len() {
            let mut client = (self.client)();
            feed(&mut *client, bursts, at);
            let seen = client.log().to_vec();
            assert!(
                self.sees.iter().zip(&seen).all(|(a, b)| a == b),
                "{} {at}: {seen:?}",
                self.name
            );
            if client.error().is_some() {
                continue;
            }
            let error = client.eof();
            assert_eq!(show_error(&error), "disconnected", "{} {at}", self.name);
            assert!(!error.to_string().is_empty());
        }
    }

    /// Garbage at every offset: an error or a wait, never a panic, and always an error where a message should begin.
    fn spoil(&self, bursts: &[Vec<u8>]) {
        let whole = bursts.concat();
        let boundaries = boundaries(&whole);
        for at in 0..=whole.len() {
            for garbage in GARBAGE {
                let mut client = (self.client)();
                feed(&mut *client, bursts, at);
                if client.error().is_some() {
                    continue;
                }
                client.turn(garbage);
                match client.error() {
                    Some(Error::Protocol(_) | Error::Startup(_)) => {}
                    // It got into the text of a FATAL error.
                    Some(Error::Disconnected(Some(_))) if !boundaries.contains(&at) => {}
                    Some(other) => panic!("{} {at} {garbage:?}: {other:?}", self.name),
                    None => assert!(
                        self.ends_by_terminate(&boundaries, at) || !boundaries.contains(&at),
                        "{} {at}: {garbage:?} was accepted",
                        self.name
                    ),
                }
                // A connection that is over stays over, and takes whatever else comes.
                client.turn(&whole);
                client.eof();
            }
        }
    }

    /// Notices, notifications and parameters before every message: the rest stays as it was.
    fn chatter(&self, bursts: &[Vec<u8>]) {
        let notice = bytes(&[notice("psst")]);
        let all = [
            notice.clone(),
            bytes(&[notification("news"), parameter("TimeZone", "UTC")]),
        ]
        .concat();
        let ready = ready_offset(&bursts.concat());
        let mut client = (self.client)();
        let mut offset = 0;
        for burst in bursts {
            let mut spiced = Vec::new();
            let mut from = 0;
            for end in boundaries(burst).into_iter().skip(1) {
                let started = ready.is_some_and(|ready| offset + from >= ready);
                spiced.extend_from_slice(if started { &all } else { &notice });
                spiced.extend_from_slice(&burst[from..end]);
                from = end;
            }
            offset += burst.len();
            client.turn(&spiced);
        }
        let idle_chatter = |line: &&String| {
            !["notice psst", "notification news", "parameter TimeZone=UTC"].contains(&line.as_str())
        };
        let rest: Vec<_> = client.log().iter().filter(idle_chatter).cloned().collect();
        let expected = self.sees.iter().filter(|line| !line.starts_with(EOF));
        assert!(rest.iter().eq(expected), "{}: {rest:?}", self.name);
        let chatter = client.log().len() - rest.len();
        assert!(chatter > 0 || bursts.len() < 2, "{}", self.name);
    }

    /// Whether the client has said Terminate by the time it has seen `at` bytes, and so does not listen any more.
    fn ends_by_terminate(&self, boundaries: &[usize], at: usize) -> bool {
        self.sends.ends_with("Terminate") && boundaries.last() == Some(&at)
    }

    fn fail(&self, error: &dyn std::fmt::Display) -> ! {
        panic!("{}: {error}", self.name)
    }
}

const EOF: &str = "EOF: ";

const GARBAGE: [&[u8]; 5] = [
    &[0xff; 8],
    &[0; 8],
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"Z\xff\xff\xff\xfb",
    b"C\0\0\0\x03\0\0\0",
];

/// The client's log, with what the server's end means to it if the server has closed.
fn finished(client: &mut dyn Client, state: State) -> Vec<String> {
    let mut log = client.log().to_vec();
    if state == State::Closed && client.error().is_none() {
        log.push(format!("{EOF}{}", show_error(&client.eof())));
    }
    log
}

/// Gives a client the first `len` bytes, burst by burst.
fn feed(client: &mut dyn Client, bursts: &[Vec<u8>], mut len: usize) {
    for burst in bursts {
        let now = burst.len().min(len);
        client.turn(&burst[..now]);
        len -= now;
        if now < burst.len() {
            break;
        }
    }
}

/// Where messages begin and end.
fn boundaries(stream: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    let mut at = 0;
    while let Ok(Some(header)) = frame_header(&stream[at..], &Limits::SESSION) {
        at += header.frame_len();
        if at > stream.len() {
            break;
        }
        ends.push(at);
    }
    ends
}

/// The end of the first ReadyForQuery.
fn ready_offset(stream: &[u8]) -> Option<usize> {
    let ends = boundaries(stream);
    let ready = ends.windows(2).find(|ends| stream[ends[0]] == b'Z')?;
    Some(ready[1])
}

/// The names of the messages in a transcript, without the first, which is always StartupMessage.
fn names(transcript: &str) -> String {
    let names = transcript
        .lines()
        .filter_map(|line| line.split('\t').nth(2));
    names.skip(1).collect::<Vec<_>>().join(" ")
}
