//! Giving statements up, with a simulated clock.

use std::time::{Duration, Instant};

use howdah_protocol::connection::{Connection, Error};
use howdah_protocol::session::{Progress, Session};
use howdah_protocol::wire::{Authentication, TransactionStatus};

use crate::client::{config, params, some_time, statement};
use crate::server::{IN_BLOCK, KEY, Message, READY, bytes, columns, complete, error};

/// A session that is idle, and what time it is.
struct Fixture {
    session: Session,
    now: Instant,
}

impl Fixture {
    fn new() -> Self {
        let mut fixture = Self {
            session: Session::new(Connection::start(config()).unwrap()),
            now: some_time(),
        };
        fixture.send();
        let ok = Message::Authentication(Authentication::Ok);
        fixture.receive(&[ok, KEY, READY]);
        assert!(matches!(fixture.advance(), Progress::Idle));
        fixture
    }

    /// Queues a statement and writes it to the server.
    fn run(&mut self) {
        let none = params(&[]);
        self.session.execute(&statement("select a", &none)).unwrap();
        self.send();
    }

    fn send(&mut self) -> usize {
        let len = self.session.outgoing().len();
        self.session.sent(len);
        len
    }

    fn receive(&mut self, messages: &[Message<'_>]) {
        let bytes = bytes(messages);
        self.session.spare()[..bytes.len()].copy_from_slice(&bytes);
        self.session.received(bytes.len());
    }

    fn advance(&mut self) -> Progress {
        self.session.advance(self.now).unwrap()
    }

    /// The bound has passed: the socket is looked at, and nothing is there.
    fn look_in_vain(&mut self) -> Error {
        assert!(!self.session.is_overdue());
        assert!(matches!(self.advance(), Progress::NeedInput));
        assert!(self.session.is_overdue());
        self.session.nothing_came();
        self.session.advance(self.now).unwrap_err()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// A transaction block is given up that was opened.
    fn owe_rollback(&mut self) {
        let transactions = &mut self.session.transactions;
        let block = transactions.open(TransactionStatus::Idle, None, false);
        transactions.owe_rollback(block);
    }

    /// Cancels, up to the request that is to be sent.
    fn cancel(&mut self) {
        self.session.cancel_and_drain(self.now);
        assert!(matches!(self.advance(), Progress::SendCancel));
    }
}

#[test]
fn a_cancelled_statement_gives_nothing_and_the_session_goes_on() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.cancel();
    fixture.receive(&[columns(&["a"]), error("57014"), READY]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert!(fixture.session.is_idle());
    assert!(!fixture.session.is_settled(), "the request is under way");
    fixture.session.cancel_request_ended();
    assert!(matches!(fixture.advance(), Progress::Idle));
    assert!(fixture.session.is_settled());
    assert_eq!(fixture.session.poll_timeout(), None);
}

#[test]
fn a_request_waits_until_the_server_has_the_statement() {
    let mut fixture = Fixture::new();
    let none = params(&[]);
    fixture
        .session
        .execute(&statement("select a", &none))
        .unwrap();
    fixture.session.cancel_and_drain(fixture.now);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    fixture.send();
    assert!(matches!(fixture.advance(), Progress::SendCancel));
}

#[test]
fn a_server_that_does_not_obey_is_asked_again_and_then_given_up() {
    let mut fixture = Fixture::new();
    fixture.session.set_cancel_timeout(Duration::from_secs(2));
    fixture.run();
    let start = fixture.now;
    let mut requests = 0;
    fixture.session.cancel_and_drain(fixture.now);
    let error = loop {
        match fixture.session.advance(fixture.now) {
            Ok(Progress::SendCancel) => {
                requests += 1;
                fixture.session.cancel_request_ended();
            }
            Ok(Progress::NeedInput) if fixture.session.is_overdue() => {
                fixture.session.nothing_came();
            }
            Ok(Progress::NeedInput) => fixture.now = fixture.session.poll_timeout().unwrap(),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Unresponsive(_)), "{error}");
    assert_eq!(fixture.now - start, Duration::from_secs(2));
    assert_eq!(requests, 4);
    assert!(fixture.session.connection().is_over());
}

#[test]
fn interrupting_again_does_not_extend_the_bound() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.cancel();
    let bound = fixture.now + fixture.session.cancel_timeout();
    for _ in 0..4 {
        fixture.pass(Duration::from_secs(1));
        fixture.session.cancel_and_drain(fixture.now);
    }
    assert_eq!(fixture.session.poll_timeout(), Some(bound));
}

#[test]
fn the_bound_can_be_shortened_and_holds_for_the_rollback_too() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.owe_rollback();
    fixture.cancel();
    fixture.session.cancel_request_ended();
    let bound = fixture.now + Duration::from_millis(200);
    fixture.session.hasten_rest(bound);
    fixture.session.hasten_rest(bound + Duration::from_secs(1));
    fixture.pass(Duration::from_millis(100));
    fixture.receive(&[columns(&["a"]), complete("SELECT 0"), IN_BLOCK]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert_eq!(fixture.session.poll_timeout(), Some(bound));
    assert!(fixture.send() > 0, "ROLLBACK");
    fixture.now = bound;
    match fixture.look_in_vain() {
        Error::Unresponsive(time) => assert_eq!(time, Duration::from_millis(200)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_has_been_sent_is_asked_for_at_once() {
    let none = params(&[]);
    let mut fixture = Fixture::new();
    fixture
        .session
        .execute(&statement("select a", &none))
        .unwrap();
    fixture.session.cancel_and_drain(fixture.now);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert!(fixture.session.poll_timeout() > Some(fixture.now));
    fixture.send();
    assert!(fixture.session.poll_timeout() <= Some(fixture.now));
    assert!(matches!(fixture.advance(), Progress::SendCancel));
}

#[test]
fn the_rollback_that_is_owed_has_the_same_bound() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.owe_rollback();
    fixture.cancel();
    fixture.session.cancel_request_ended();
    let bound = fixture.now + fixture.session.cancel_timeout();
    fixture.pass(Duration::from_secs(4));
    fixture.receive(&[columns(&["a"]), complete("SELECT 0"), IN_BLOCK]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert_eq!(fixture.session.poll_timeout(), Some(bound));
    assert!(fixture.send() > 0, "ROLLBACK");
    fixture.now = bound;
    assert!(matches!(fixture.look_in_vain(), Error::Unresponsive(_)));
}

/// A rollback is owed and sent, and the bound has passed since.
fn overdue() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.owe_rollback();
    fixture.cancel();
    fixture.session.cancel_request_ended();
    fixture.receive(&[columns(&["a"]), complete("SELECT 0"), IN_BLOCK]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert!(fixture.send() > 0, "ROLLBACK");
    fixture.pass(fixture.session.cancel_timeout());
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert_eq!(fixture.session.poll_timeout(), Some(fixture.now));
    fixture
}

const SAID: Message<'_> = Message::NotificationResponse {
    process_id: 7,
    channel: b"c",
    payload: b"p",
};

#[test]
fn an_answer_that_came_in_time_is_seen_behind_what_came_before_it() {
    let mut fixture = overdue();
    // However often the session is moved on meanwhile.
    for _ in 0..20 {
        fixture.receive(&[SAID, SAID]);
        for _ in 0..2 {
            assert!(matches!(fixture.advance(), Progress::Notification(_)));
        }
        for _ in 0..2 {
            assert!(matches!(fixture.advance(), Progress::NeedInput));
        }
    }
    fixture.receive(&[SAID, complete("ROLLBACK"), READY]);
    assert!(matches!(fixture.advance(), Progress::Notification(_)));
    assert!(matches!(fixture.advance(), Progress::Idle));
    assert!(fixture.session.is_settled());
    assert!(!fixture.session.is_overdue());
    assert_eq!(fixture.session.poll_timeout(), None);
}

#[test]
fn a_server_that_talks_without_end_is_not_listened_to_without_end() {
    let many = [SAID; 100];
    let mut fixture = overdue();
    let mut total = 0;
    loop {
        fixture.receive(&many);
        total += bytes(&many).len();
        for _ in 0..many.len() {
            assert!(matches!(fixture.advance(), Progress::Notification(_)));
        }
        match fixture.session.advance(fixture.now) {
            Ok(Progress::NeedInput) => assert!(total < 8 << 20, "{total}"),
            Err(Error::Unresponsive(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(total >= 8 << 20, "{total}");

    let mut fixture = overdue();
    for _ in 0..4 {
        fixture.receive(&[SAID]);
        assert!(matches!(fixture.advance(), Progress::Notification(_)));
        assert!(matches!(fixture.advance(), Progress::NeedInput));
        fixture.pass(Duration::from_millis(249));
    }
    fixture.pass(Duration::from_millis(4));
    fixture.receive(&[SAID]);
    assert!(matches!(fixture.advance(), Progress::Notification(_)));
    let error = fixture.session.advance(fixture.now).unwrap_err();
    assert!(matches!(error, Error::Unresponsive(_)), "{error}");
}

#[test]
fn the_rollback_itself_is_not_cancelled() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.receive(&[columns(&["a"]), complete("SELECT 0"), IN_BLOCK]);
    assert!(matches!(fixture.advance(), Progress::Ended(..)));
    fixture.owe_rollback();
    fixture.session.cancel_and_drain(fixture.now);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert!(fixture.send() > 0, "ROLLBACK");
    // As often as it is given up: an answer of 57014 would leave the transaction open.
    for _ in 0..4 {
        fixture.session.cancel_and_drain(fixture.now);
        assert!(matches!(fixture.advance(), Progress::NeedInput));
        fixture.pass(Duration::from_millis(500));
    }
    assert!(!fixture.session.is_cancel_in_flight());
}

#[test]
fn an_error_that_a_server_owes_for_a_refused_copy_has_a_bound() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.receive(&[Message::CopyInResponse(crate::server::copy_response())]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    fixture.send();
    fixture.now = fixture.session.poll_timeout().unwrap();
    assert!(matches!(fixture.look_in_vain(), Error::Unresponsive(_)));
}

#[test]
fn the_data_of_a_refused_copy_is_not_read_to_its_end() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.receive(&[Message::CopyOutResponse(crate::server::copy_response())]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    // It may be short.
    fixture.now = fixture.session.poll_timeout().unwrap();
    fixture.receive(&[Message::CopyData(b"1\n")]);
    assert!(matches!(fixture.advance(), Progress::SendCancel));
    fixture.receive(&[error("57014"), READY]);
    let Progress::Ended(_, outcome) = fixture.advance() else {
        panic!("not ended");
    };
    assert_eq!((outcome.refused_copy, outcome.failed_at), (vec![0], 0));
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    fixture.session.cancel_request_ended();
    assert!(matches!(fixture.advance(), Progress::Idle));
    assert!(fixture.session.is_settled());
}

#[test]
fn a_short_copy_that_is_refused_ends_by_itself() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.receive(&[Message::CopyOutResponse(crate::server::copy_response())]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    // What follows it in the same query is not given up.
    fixture.receive(&[Message::CopyDone, complete("COPY 1")]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert_eq!(fixture.session.poll_timeout(), None);
    fixture.receive(&[complete("INSERT 0 1"), READY]);
    assert!(matches!(fixture.advance(), Progress::Ended(..)));
    assert!(matches!(fixture.advance(), Progress::Idle));
}

#[test]
fn a_refused_copy_before_what_others_wait_for_is_not_cancelled() {
    let mut fixture = Fixture::new();
    fixture.run();
    fixture.receive(&[Message::CopyOutResponse(crate::server::copy_response())]);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    let due = fixture.session.poll_timeout().unwrap();
    fixture.run();
    fixture.now = due;
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    assert_eq!(fixture.session.poll_timeout(), None);
}

#[test]
fn nothing_to_cancel_is_no_matter() {
    let mut fixture = Fixture::new();
    fixture.session.cancel_and_drain(fixture.now);
    assert!(matches!(fixture.advance(), Progress::Idle));
    assert_eq!(fixture.session.poll_timeout(), None);
    fixture.run();
    fixture.receive(&[columns(&["a"]), complete("SELECT 0"), READY]);
    assert!(matches!(fixture.advance(), Progress::Ended(..)));
}

#[test]
fn a_sequence_that_failed_and_was_not_ended_is_not_over() {
    let mut fixture = Fixture::new();
    let one = params(&[Some("x")]);
    let insert = statement("insert into t values ($1)", &one);
    fixture.session.execute_more(&insert).unwrap();
    fixture.send();
    // Servers send errors at once, and whoever queued the statement is interrupted before they hear of it.
    fixture.receive(&[error("23505")]);
    fixture.advance();
    assert!(!fixture.session.is_settled());
    fixture.session.cancel_and_drain(fixture.now);
    assert!(matches!(fixture.advance(), Progress::NeedInput));
    fixture.send();
    fixture.receive(&[READY]);
    assert!(matches!(fixture.advance(), Progress::Idle));
    assert!(fixture.session.is_settled());
    // The next statement has an exchange of its own.
    let id = fixture.session.execute(&insert).unwrap();
    fixture.send();
    fixture.receive(&[
        Message::ParseComplete,
        Message::BindComplete,
        Message::NoData,
        complete("INSERT 0 1"),
        READY,
    ]);
    let Progress::Ended(ended, outcome) = fixture.advance() else {
        panic!("not ended");
    };
    assert_eq!(ended, id);
    assert!(outcome.error.is_none(), "{outcome:?}");
}

#[test]
fn an_error_that_came_before_a_statement_was_queued_is_not_its_own() {
    let mut fixture = Fixture::new();
    fixture.receive(&[error("57P05")]);
    let none = params(&[]);
    let id = fixture
        .session
        .execute(&statement("select a", &none))
        .unwrap();
    fixture.send();
    fixture.receive(&[columns(&["a"]), complete("SELECT 0"), READY]);
    let Progress::Ended(ended, outcome) = fixture.advance() else {
        panic!("not ended");
    };
    assert_eq!(ended, id);
    assert!(outcome.error.is_none(), "{outcome:?}");
    // They may be the server's last words all the same.
    let last_words = fixture.session.eof();
    assert!(
        matches!(&last_words, Error::Disconnected(Some(words)) if words.sqlstate() == Some(b"57P05")),
        "{last_words:?}"
    );
}
