//! The handshake, and what a server says after it to a client that has asked nothing: the same however it is cut.

use howdah_protocol::auth::{Password, RequireAuth};
use howdah_protocol::connection::{Connection, Event};
use howdah_protocol::conninfo::TargetSessionAttrs;
use howdah_protocol::startup::StartupConfig;

/// More slices of SCRAM's derivation take too long here.
const SLICES: usize = 2;
/// No handshake has a client send more.
const LONGEST_ANSWER: usize = 1_000;

/// The first byte chooses what the client wants, the second where the rest, the server's messages, is cut.
pub(super) fn startup(data: &[u8]) {
    let [choice, cut, stream @ ..] = data else {
        return;
    };
    let whole = Run::new(*choice).feed(stream).end();
    let at = usize::from(*cut).min(stream.len());
    let (head, tail) = stream.split_at(at);
    assert_eq!(Run::new(*choice).feed(head).feed(tail).end(), whole);
    let mut slowly = Run::new(*choice);
    // Byte by byte as far as that is quick.
    let (head, tail) = stream.split_at(stream.len().min(200));
    for byte in head {
        slowly = slowly.feed(&[*byte]);
    }
    assert_eq!(slowly.feed(tail).end(), whole);
}

struct Run {
    connection: Connection,
    seen: Vec<String>,
    slices: usize,
}

impl Run {
    fn new(choice: u8) -> Self {
        Self {
            connection: Connection::start(config(choice)).expect("parameters that can be sent"),
            seen: Vec::new(),
            slices: 0,
        }
    }

    fn feed(mut self, mut stream: &[u8]) -> Self {
        while !stream.is_empty() {
            let spare = self.connection.spare();
            let (now, later) = stream.split_at(spare.len().min(stream.len()));
            spare[..now.len()].copy_from_slice(now);
            self.connection.received(now.len());
            stream = later;
            self.poll();
        }
        self
    }

    fn poll(&mut self) {
        while self.slices < SLICES {
            match self.connection.poll() {
                Ok(None) => return,
                Ok(Some(Event::Working)) => self.slices += 1,
                Ok(Some(event)) => self.seen.push(format!("{event:?}")),
                Err(error) => {
                    assert!(self.connection.is_over() && !self.connection.is_idle());
                    self.seen.push(format!("{error:?}"));
                    return;
                }
            }
        }
    }

    /// What there is to be seen: the events, and what the client has sent.
    fn end(mut self) -> (Vec<String>, Vec<u8>) {
        let started = self.seen.iter().any(|event| event == "Started");
        assert!(started || !self.connection.is_idle());
        let sent = self.connection.outgoing().to_vec();
        assert!(sent.len() <= LONGEST_ANSWER);
        self.seen.push(format!("{}", self.connection.eof()));
        (self.seen, sent)
    }
}

fn config(choice: u8) -> StartupConfig {
    let bit = |number: u8| choice >> number & 1 == 1;
    let mut params = vec![("user".to_owned(), "ann".to_owned())];
    if bit(2) {
        params.push(("_pq_.o".to_owned(), "on".to_owned()));
    }
    let require = if bit(4) {
        "scram-sha-256,none"
    } else {
        "!password"
    };
    StartupConfig {
        params,
        user: "ann".to_owned(),
        password: bit(0).then(|| Password::new("secret")),
        nonce: "n".to_owned(),
        protocol_minor: if bit(1) { 2 } else { 0 },
        min_protocol_minor: if bit(1) && bit(5) { 2 } else { 0 },
        require_auth: bit(3).then(|| RequireAuth::parse(require).expect("known methods")),
        oauth_token: bit(6).then(|| Password::new("token")),
        is_confidential: true,
        target_session_attrs: if bit(7) {
            TargetSessionAttrs::ReadWrite
        } else {
            TargetSessionAttrs::Any
        },
        ..StartupConfig::default()
    }
}
