//! An engine and a scripted server in one process, without sockets.

use crate::chunk::Chunking;
use crate::script::{Player, Script, ScriptError, State};

/// Carries bytes between a client and a [`Script`] in memory.
pub struct Pair {
    player: Player,
    chunking: Chunking,
    sent: Vec<u8>,
}

impl Pair {
    /// A pair whose server plays `script` and whose bytes arrive at the client as `chunking` says.
    ///
    /// The offset of [`Chunking::SplitAt`] counts from the first byte that the server sends.
    #[must_use]
    pub fn new(script: Script, chunking: Chunking) -> Self {
        Self {
            player: Player::new(script),
            chunking,
            sent: Vec::new(),
        }
    }

    /// Runs until neither side has anything to say.
    ///
    /// `client` is called with bytes from the server and returns what the client sends; it is called with nothing first.
    /// It is `FnMut(&[u8]) -> Vec<u8>`, so that it works with every engine.
    ///
    /// # Errors
    /// What [`Player::play`] returns.
    pub fn run(&mut self, mut client: impl FnMut(&[u8]) -> Vec<u8>) -> Result<State, ScriptError> {
        let mut outgoing = client(&[]);
        loop {
            self.player.received(&outgoing);
            outgoing.clear();
            let mut incoming = Vec::new();
            let state = self.play(&mut incoming)?;
            if incoming.is_empty() {
                return Ok(state);
            }
            let from = self.sent.len();
            self.sent.extend_from_slice(&incoming);
            for piece in self.chunking_from(from).cut(&incoming) {
                outgoing.extend(client(piece));
            }
        }
    }

    /// Tells the server that the client has closed, and runs it to its end.
    ///
    /// # Errors
    /// What [`Player::play`] returns: among others, that the script was not played to its end.
    pub fn close(&mut self) -> Result<State, ScriptError> {
        self.player.received_eof();
        let mut late = Vec::new();
        let state = self.play(&mut late)?;
        self.sent.extend_from_slice(&late);
        Ok(state)
    }

    /// All that the server has sent.
    #[must_use]
    pub fn sent(&self) -> &[u8] {
        &self.sent
    }

    /// All that the client has sent, as lines of a trace.
    #[must_use]
    pub fn transcript(&self) -> &str {
        self.player.transcript()
    }

    fn play(&mut self, out: &mut Vec<u8>) -> Result<State, ScriptError> {
        loop {
            match self.player.play(out)? {
                State::Sleep(_) => {}
                state => return Ok(state),
            }
        }
    }

    fn chunking_from(&self, from: usize) -> Chunking {
        match self.chunking {
            Chunking::SplitAt(at) => Chunking::SplitAt(at.saturating_sub(from)),
            whole_or_bytes => whole_or_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use howdah_protocol::wire::{BackendMessage, Limits, frame_header, frontend};

    use super::*;
    use crate::split_everywhere;

    /// A client that sends a startup message, one query once it may, and Terminate after the answer.
    fn client() -> impl FnMut(&[u8]) -> Vec<u8> {
        let (mut started, mut seen, mut ready) = (false, Vec::new(), 0);
        move |bytes| {
            let mut out = Vec::new();
            if !started {
                started = true;
                let parameters = [(&b"user"[..], &b"me"[..])];
                frontend::startup_message(&mut out, 0, parameters).unwrap();
            }
            for &byte in bytes {
                seen.push(byte);
                if seen.ends_with(b"Z\0\0\0\x05I") {
                    ready += 1;
                    match ready {
                        1 => frontend::query(&mut out, b"select 1").unwrap(),
                        _ => frontend::terminate(&mut out),
                    }
                }
            }
            out
        }
    }

    fn script() -> Script {
        Script::new()
            .accept_startup()
            .expect_query("select 1")
            .send_ready()
            .expect_eof()
    }

    #[test]
    fn a_conversation_is_the_same_however_it_is_cut() {
        let mut whole = Pair::new(script(), Chunking::Whole);
        assert_eq!(whole.run(client()), Ok(State::Input));
        assert_eq!(whole.close(), Ok(State::Closed));
        assert!(whole.transcript().ends_with("Terminate\n"));
        for chunking in split_everywhere(whole.sent().len()) {
            let mut pair = Pair::new(script(), chunking);
            pair.run(client()).unwrap();
            pair.close().unwrap();
            assert_eq!(pair.sent(), whole.sent(), "{chunking:?}");
            assert_eq!(pair.transcript(), whole.transcript(), "{chunking:?}");
        }
    }

    #[test]
    fn a_mismatch_says_what_came_and_what_was_expected() {
        let script = Script::new().accept_startup().expect_query("select 2");
        let error = Pair::new(script, Chunking::Whole)
            .run(client())
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected Query \"select 2\""), "{error}");
        assert!(error.contains("Query\t \"select 1\""), "{error}");
    }

    #[test]
    fn a_script_that_was_not_played_to_its_end_is_an_error() {
        let script = Script::new().accept_startup().until_sync();
        let mut pair = Pair::new(script, Chunking::Bytes);
        assert_eq!(pair.run(client()), Ok(State::Input));
        let error = pair.close().unwrap_err().to_string();
        assert!(
            error.contains("the client closed, expected Sync"),
            "{error}"
        );
    }

    #[test]
    fn results_and_errors_are_messages_that_decode() {
        let script = Script::new()
            .send_result(&[("n", 23)], &[&[Some("1")], &[None]], "SELECT 2")
            .send_error("42601", "syntax error");
        let mut pair = Pair::new(script, Chunking::Whole);
        assert_eq!(pair.run(|_| Vec::new()), Ok(State::Closed));
        let mut names = Vec::new();
        let mut rest = pair.sent();
        while let Ok(Some(header)) = frame_header(rest, &Limits::SESSION) {
            let (frame, after) = rest.split_at(header.frame_len());
            let message = BackendMessage::decode(header.tag, &frame[5..]).unwrap();
            names.push(message.name());
            rest = after;
        }
        let expected = "RowDescription DataRow DataRow CommandComplete ErrorResponse";
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn encryption_is_refused_and_startup_read_again() {
        let mut answers = Vec::new();
        let mut pair = Pair::new(Script::new().read_startup(), Chunking::Whole);
        pair.run(|bytes| {
            answers.extend_from_slice(bytes);
            let mut out = Vec::new();
            match answers.len() {
                0 => frontend::gssenc_request(&mut out),
                1 => frontend::ssl_request(&mut out),
                _ => frontend::startup_message(&mut out, 2, []).unwrap(),
            }
            out
        })
        .unwrap();
        assert_eq!(answers, b"NN");
        assert_eq!(pair.close(), Ok(State::Closed));
    }
}
