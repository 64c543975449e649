//! Encryption by GSSAPI as a server likes it: with a mechanism that takes everything, packets come out as they lie in what was
//! received, or there is an error; the same however it is cut.

use howdah_protocol::startup::{EncryptionAnswer, EncryptionError, GssAnswer, GssEncryption};

/// A server may send twice the longest token before its token has been looked at.
const HELD_BACK: usize = 128 * 1024;
/// No client answers more tokens.
const MAX_TOKENS: usize = 17;

/// The first byte chooses what the mechanism does: after how many of the server's tokens it has enough, and whether it fails
/// then; the second where the rest, what the server sends, is cut.
pub(super) fn gss(data: &[u8]) {
    let [choice, cut, stream @ ..] = data else {
        return;
    };
    let whole = Run::new(*choice).feed(stream);
    // What comes with the answer to the request is an error: all other cuts are the same.
    let (answer, rest) = stream.split_at(stream.len().min(1));
    let begun = || Run::new(*choice).feed(answer);
    let at = usize::from(*cut).min(rest.len());
    let (head, tail) = rest.split_at(at);
    let cut = begun().feed(head).feed(tail);
    let mut slowly = begun();
    let (head, tail) = rest.split_at(rest.len().min(200));
    for byte in head {
        slowly = slowly.feed(&[*byte]);
    }
    slowly = slowly.feed(tail);
    assert_eq!(cut.told, slowly.told);
    assert!(stream.len() < 2 || whole.told.error.is_some() || whole.told.refused);
    cut.check(rest);
}

struct Run {
    gss: GssEncryption,
    choice: u8,
    told: Told,
    received: usize,
}

/// What has come out.
#[derive(Debug, Default, PartialEq)]
struct Told {
    tokens: Vec<Vec<u8>>,
    packets: Vec<Vec<u8>>,
    refused: bool,
    error: Option<EncryptionError>,
}

impl Run {
    fn new(choice: u8) -> Self {
        Self {
            gss: GssEncryption::begin(&mut Vec::new()),
            choice,
            told: Told::default(),
            received: 0,
        }
    }

    /// As a tunnel does it, which ends at the first error or refusal.
    fn feed(mut self, bytes: &[u8]) -> Self {
        // No more at once than there is room for in a tunnel.
        for bytes in bytes.chunks(34 * 1024) {
            if self.told.error.is_some() || self.told.refused {
                break;
            }
            if let Err(error) = self.receive(bytes) {
                self.told.error = Some(error);
            }
        }
        self
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), EncryptionError> {
        self.received += bytes.len();
        if self.gss.received(bytes)? == EncryptionAnswer::Refused {
            self.told.refused = true;
            return Ok(());
        }
        while let Some(token) = self.gss.request() {
            self.told.tokens.push(token.to_vec());
            let mut out = Vec::new();
            let answer = self.answer();
            self.gss.answer(answer, &mut out)?;
            assert!(out.is_empty() || out == *b"\0\0\0\x04mine");
        }
        while let Some(packet) = self.gss.next_packet()? {
            assert!(!packet.is_empty() && packet.len() <= 16_380);
            self.told.packets.push(packet.to_vec());
        }
        assert!(self.gss.is_open() || self.gss.is_in_handshake());
        assert!(self.gss.is_open() || self.received <= HELD_BACK + 1 + self.used());
        Ok(())
    }

    fn answer(&self) -> Result<GssAnswer, String> {
        let (enough, fails) = (usize::from(self.choice & 0x1F), self.choice & 0x40 != 0);
        // The first is the mechanism's own.
        let is_complete = self.told.tokens.len() > enough;
        if is_complete && fails {
            return Err("no".to_owned());
        }
        let token = b"mine".to_vec();
        Ok(GssAnswer { token, is_complete })
    }

    /// How many bytes the tokens were.
    fn used(&self) -> usize {
        self.told.tokens.iter().map(|token| token.len() + 4).sum()
    }

    /// What came out lies, one behind the other, in what went in.
    fn check(&self, stream: &[u8]) {
        assert!(self.told.tokens.len() <= MAX_TOKENS);
        let mut rest = stream;
        for packet in self.told.tokens.iter().skip(1).chain(&self.told.packets) {
            let (header, behind) = rest.split_first_chunk::<4>().expect("a length");
            let (bytes, behind) = behind.split_at(packet.len());
            let len = usize::try_from(u32::from_be_bytes(*header));
            assert_eq!((len, bytes), (Ok(packet.len()), &packet[..]));
            rest = behind;
        }
        // What is an error of the server is not shown.
        if let Some(error) = &self.told.error {
            assert!(error.to_string().len() < 200 && self.gss.is_over());
        }
    }
}
