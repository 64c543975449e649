//! While a token of GSSAPI is made: what the server sends meanwhile waits.
//!
//! A server that has sent its last token does not wait for what is made of it: it may let the client in at once, or end the
//! session with an error, before the client knows whether the server is the right one.

use super::{Connection, Error, Phase};
use crate::error::ProtocolError;
use crate::startup::{GssAnswer, StartupError};
use crate::wire::{self, BackendMessage, Limits};

impl Connection {
    /// The server's token that a mechanism of GSSAPI has to answer, empty at first; `None` while there is nothing to answer.
    /// [`Connection::poll`] gives nothing then, until [`Connection::gss_answer`] was called.
    #[inline]
    #[must_use]
    pub fn gss_request(&self) -> Option<&[u8]> {
        match &self.phase {
            Phase::Starting(startup) => startup.gss_request(),
            _ => None,
        }
    }

    /// Takes what the mechanism made of [`Connection::gss_request`], or why it made nothing.
    ///
    /// # Errors
    /// The mechanism's. The connection is over then.
    pub fn gss_answer(&mut self, answer: Result<GssAnswer, String>) -> Result<(), Error> {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Starting(startup) => {
                let progress = startup
                    .gss_answer(answer, &mut self.outbox)
                    .map_err(Error::Startup)?;
                self.started_up(progress).map(drop)
            }
            other => {
                self.phase = other;
                Ok(())
            }
        }
    }

    /// Leaves what has come for later, if it is not too much.
    #[cold]
    pub(super) fn hold_back(&self) -> Result<(), ProtocolError> {
        if self.inbox.unread().len() <= MAX_HELD_BACK {
            return Ok(());
        }
        Err(ProtocolError::refused(format!(
            "server sends more than {MAX_HELD_BACK} bytes before GSSAPI authentication is over"
        )))
    }

    /// The error with which the server has ended the session, where it lies behind something that waits.
    pub(super) fn held_back_error(&self) -> Option<StartupError> {
        self.gss_request()?;
        let mut unread = self.inbox.unread();
        let mut is_first = true;
        loop {
            let header = wire::frame_header(unread, &Limits::SESSION).ok()??;
            let frame = unread.get(..header.frame_len())?;
            if header.tag == b'E' {
                let message = BackendMessage::decode(b'E', frame.get(wire::HEADER_LEN..)?).ok()?;
                let BackendMessage::ErrorResponse(diagnostic) = message else {
                    return None;
                };
                return Some(match is_first {
                    true => StartupError::Rejected(diagnostic),
                    false => StartupError::Server(diagnostic),
                });
            }
            is_first &= header.tag == b'N';
            unread = unread.get(header.frame_len()..)?;
        }
    }
}

/// More than a server says in one go before it waits for a statement.
const MAX_HELD_BACK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Event;
    use crate::startup::StartupConfig;
    use crate::wire::{Authentication, Diagnostic, TransactionStatus};

    const GSS: BackendMessage<'_> = BackendMessage::Authentication(Authentication::Gss);
    const LAST: BackendMessage<'_> =
        BackendMessage::Authentication(Authentication::GssContinue(b"last"));
    const OK: BackendMessage<'_> = BackendMessage::Authentication(Authentication::Ok);
    const READY: BackendMessage<'_> = BackendMessage::ReadyForQuery(TransactionStatus::Idle);

    fn connection() -> Connection {
        let config = StartupConfig {
            params: vec![("user".into(), "ann".into())],
            user: "ann".into(),
            has_gssapi: true,
            ..StartupConfig::default()
        };
        Connection::start(config).unwrap()
    }

    fn receive(connection: &mut Connection, messages: &[BackendMessage<'_>]) {
        let mut bytes = Vec::new();
        for message in messages {
            message.encode(&mut bytes).unwrap();
        }
        while !bytes.is_empty() {
            let room = connection.spare();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            connection.received(count);
            bytes.drain(..count);
        }
    }

    fn answer(connection: &mut Connection, is_complete: bool) {
        let token = b"t".to_vec();
        let answer = GssAnswer { token, is_complete };
        connection.gss_answer(Ok(answer)).unwrap();
    }

    fn fatal() -> BackendMessage<'static> {
        let fields = [(b'S', &b"FATAL"[..]), (b'C', b"57P01"), (b'M', b"no more")];
        BackendMessage::ErrorResponse(Diagnostic::from_fields(fields).unwrap())
    }

    #[test]
    fn what_comes_meanwhile_is_believed_after_the_proof() {
        let mut connection = connection();
        receive(&mut connection, &[GSS]);
        assert!(connection.poll().unwrap().is_none());
        answer(&mut connection, false);
        receive(&mut connection, &[LAST, OK, READY]);
        assert!(connection.poll().unwrap().is_none());
        assert_eq!(connection.gss_request(), Some(&b"last"[..]));
        assert!(connection.poll().unwrap().is_none());
        answer(&mut connection, true);
        assert!(matches!(connection.poll(), Ok(Some(Event::Started))));
        assert!(connection.used_gssapi() && connection.is_idle());
    }

    #[test]
    fn without_a_proof_it_is_not() {
        let mut connection = connection();
        receive(&mut connection, &[GSS, OK, READY]);
        assert!(connection.poll().unwrap().is_none());
        answer(&mut connection, false);
        assert!(matches!(connection.poll(), Err(Error::Startup(_))));
        assert!(connection.is_over());
    }

    #[test]
    fn an_error_behind_it_is_told_at_the_end() {
        for (messages, is_in) in [(&[GSS, fatal()][..], false), (&[GSS, OK, fatal()], true)] {
            let mut connection = connection();
            receive(&mut connection, messages);
            assert!(connection.poll().unwrap().is_none());
            match connection.eof() {
                Error::Startup(StartupError::Rejected(_)) => assert!(!is_in),
                Error::Startup(StartupError::Server(_)) => assert!(is_in),
                other => panic!("{other}"),
            }
        }
        let mut connection = connection();
        receive(&mut connection, &[GSS, OK]);
        assert!(connection.poll().unwrap().is_none());
        assert!(matches!(connection.eof(), Error::Disconnected(None)));
    }

    #[test]
    fn there_is_a_bound() {
        let value = vec![b'x'; 1000];
        let parameter = BackendMessage::ParameterStatus {
            name: b"a",
            value: &value,
        };
        let mut connection = connection();
        receive(&mut connection, &[GSS]);
        assert!(connection.poll().unwrap().is_none());
        for _ in 0..MAX_HELD_BACK / 1007 {
            receive(&mut connection, std::slice::from_ref(&parameter));
            assert!(connection.poll().unwrap().is_none());
        }
        receive(&mut connection, &[parameter.clone(), parameter]);
        assert!(matches!(connection.poll(), Err(Error::Protocol(_))));
    }

    #[test]
    fn the_mechanism_can_fail() {
        let mut connection = connection();
        receive(&mut connection, &[GSS]);
        assert!(connection.poll().unwrap().is_none());
        let error = connection.gss_answer(Err("no ticket".into())).unwrap_err();
        assert_eq!(error.to_string(), "no ticket");
        assert!(connection.is_over());
    }
}
