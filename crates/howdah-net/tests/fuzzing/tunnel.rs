//! What a server, or somebody on the way to it, sends where TLS was asked for.
//!
//! Nothing is seen that the server did not say: what comes out of the tunnel is what a session is told that has none, or the
//! beginning of that and an error. However the bytes are cut.

use howdah_protocol::connection::Error;
use howdah_protocol::conninfo::Config;
use rustls::SupportedProtocolVersion;
use rustls::version::TLS12;

use super::converse::{Client, Server, config, converse, folder, own_certificate, server_config};

/// What the input's first bytes say.
struct Choice {
    bits: u8,
    /// Where in the server's bytes something is changed.
    at: usize,
    change: u8,
    /// How many bytes come at once, in one of the runs.
    piece: usize,
}

impl Choice {
    fn bit(&self, number: u8) -> bool {
        self.bits >> number & 1 == 1
    }

    fn is_direct(&self) -> bool {
        self.bit(0)
    }

    fn config(&self) -> Config {
        let root = folder().join("server.crt");
        let root = root.to_str().expect("a path");
        let mut options = vec![("sslmode", "require"), ("sslrootcert", "/nowhere")];
        if self.bit(2) {
            options = vec![("sslmode", "verify-full"), ("sslrootcert", root)];
        }
        if self.is_direct() {
            options.push(("sslnegotiation", "direct"));
        }
        config(&options)
    }
}

/// The input is the server's words; or its certificate; or all that comes instead of a server's.
pub(super) fn tunnel(data: &[u8]) {
    let [bits, high, low, change, cut, rest @ ..] = data else {
        return;
    };
    let choice = Choice {
        bits: *bits,
        at: usize::from(u16::from_be_bytes([*high, *low])),
        change: *change,
        piece: usize::from(*cut) + 1,
    };
    if choice.bit(4) {
        without_tls(&choice, rest);
    } else if choice.bit(3) {
        certificate(&choice, rest);
    } else {
        session(&choice, rest);
    }
}

/// Nothing of it is believed, and the same is said of it however it is cut.
fn without_tls(choice: &Choice, bytes: &[u8]) {
    let config = choice.config();
    let told = [usize::MAX, choice.piece].map(|piece| {
        let mut client = Client::new(&config);
        client.send();
        // What comes with the answer to an SSLRequest is an error: it is cut behind that.
        let (answer, bytes) = bytes.split_at(usize::from(!choice.is_direct()).min(bytes.len()));
        client.receive(answer, piece);
        for _ in 0..=16 * usize::from(choice.change) {
            client.receive(bytes, piece);
            client.send();
        }
        assert!(!client.is_encrypted() && client.seen.is_empty());
        let error = client.end();
        assert!(
            matches!(error, Error::Encryption(_) | Error::Disconnected(_)),
            "{error:?}"
        );
        format!("{error:?}")
    });
    assert_eq!(told[0], told[1]);
}

/// A server's certificate that may be anything. The server has the key of the right one.
fn certificate(choice: &Choice, certificate: &[u8]) {
    let own = own_certificate();
    let is_own = *own == *certificate;
    let config = server_config(certificate.to_vec().into(), versions(choice));
    let mut client = Client::new(&choice.config());
    let mut server = Server::new(config, choice.is_direct(), b"");
    converse(&mut client, &mut server, choice.piece, |bytes| bytes);
    assert!(!choice.bit(2) || client.is_encrypted() == is_own);
    client.end();
}

fn session(choice: &Choice, words: &[u8]) {
    let config = choice.config();
    let mut plain = Client::plain(&config);
    plain.receive(words, usize::MAX);
    for piece in [usize::MAX, choice.piece] {
        let mut server = Server::new(
            server_config(own_certificate(), versions(choice)),
            choice.is_direct(),
            words,
        );
        if choice.bit(5) {
            server = server.refreshing(choice.piece);
        }
        let mut client = Client::new(&config);
        let mut attacker = Attacker { choice, passed: 0 };
        let change = |bytes| attacker.change(bytes);
        converse(&mut client, &mut server, piece, change);
        if choice.bits >> 6 == 0 {
            assert!(client.is_encrypted());
            assert_eq!(client.seen, plain.seen);
        } else {
            assert!(plain.seen.starts_with(&client.seen));
        }
        client.end();
    }
}

fn versions(choice: &Choice) -> &'static [&'static SupportedProtocolVersion] {
    static OLD: &[&SupportedProtocolVersion] = &[&TLS12];
    if choice.bit(1) {
        OLD
    } else {
        rustls::ALL_VERSIONS
    }
}

/// Somebody on the way.
struct Attacker<'a> {
    choice: &'a Choice,
    passed: usize,
}

impl Attacker<'_> {
    fn change(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let len = bytes.len();
        let here = self.choice.at.checked_sub(self.passed);
        let here = here.filter(|here| *here < len);
        self.passed += len;
        let change = self.choice.change;
        match (self.choice.bits >> 6, here) {
            (1, Some(here)) => bytes[here] ^= change,
            (2, Some(here)) => {
                let more = vec![change; change.into()];
                bytes.splice(here..here, more);
            }
            (3, Some(here)) => bytes.truncate(here),
            (3, None) if self.passed > self.choice.at => bytes.clear(),
            _ => {}
        }
        bytes
    }
}
