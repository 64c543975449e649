//! Sequences of statements before one Sync, whose results are taken while more is sent.

use howdah_protocol::connection::Connection;
use howdah_protocol::session::{ExchangeId, Progress, Session};
use howdah_protocol::wire::{Authentication, TransactionStatus};

use crate::client::{begun, config, params, show_result, some_time, statement, text};
use crate::server::{
    FAILED_BLOCK, IN_BLOCK, KEY, Message, READY, bytes, columns, complete, copy_response, error,
    parameter,
};

/// A session that is idle, and has sent everything.
struct Fixture {
    session: Session,
}

const BEGUN: [Message<'static>; 3] = [
    Message::ParseComplete,
    Message::BindComplete,
    Message::CommandComplete { tag: b"BEGIN" },
];

impl Fixture {
    fn new() -> Self {
        let mut fixture = Self {
            session: Session::new(Connection::start(config()).unwrap()),
        };
        let startup = fixture.session.outgoing().len();
        fixture.session.sent(startup);
        let ok = Message::Authentication(Authentication::Ok);
        assert!(matches!(fixture.receive(&[ok, KEY, READY]), Progress::Idle));
        fixture
    }

    fn more(&mut self, sql: &str) -> ExchangeId {
        let one = params(&[Some("x")]);
        self.session.execute_more(&statement(sql, &one)).unwrap()
    }

    /// The tags of the messages that were outgoing.
    fn sent(&mut self) -> String {
        let mut rest = self.session.outgoing().to_vec();
        self.session.sent(rest.len());
        let mut tags = String::new();
        while let [tag, a, b, c, d, ..] = rest[..] {
            tags.push(char::from(tag));
            let len = u32::from_be_bytes([a, b, c, d]) as usize;
            rest.drain(..=len);
        }
        tags
    }

    fn receive(&mut self, messages: &[Message<'_>]) -> Progress {
        let bytes = bytes(messages);
        self.session.spare()[..bytes.len()].copy_from_slice(&bytes);
        self.session.received(bytes.len());
        self.session.advance(some_time()).unwrap()
    }

    /// The results that have come, and the error.
    fn partial(&mut self, id: ExchangeId, settled: bool) -> Vec<String> {
        let outcome = self.session.take_partial(id, settled);
        let results = outcome.results.iter().map(show_result);
        let error = outcome.error.as_ref();
        let error = error.map(|error| text(error.sqlstate().unwrap_or_default()));
        results.chain(error).collect()
    }
}

fn result(tag: &str) -> [Message<'_>; 4] {
    [
        Message::ParseComplete,
        Message::BindComplete,
        Message::NoData,
        complete(tag),
    ]
}

#[test]
fn results_are_taken_while_more_is_sent() {
    let mut fixture = Fixture::new();
    let id = fixture.more("insert $1");
    assert_eq!(fixture.more("insert $1"), id);
    fixture.session.flush();
    assert_eq!(fixture.sent(), "PBDEPBDEH");
    assert!(!fixture.session.has_partial(id));
    fixture.receive(&result("INSERT 0 1"));
    assert!(fixture.session.has_partial(id));
    assert_eq!(fixture.partial(id, true), ["INSERT 0 1"]);
    assert!(!fixture.session.has_partial(id));
    assert_eq!(fixture.more("insert $1"), id);
    fixture.session.end_exchange();
    assert_eq!(fixture.sent(), "PBDES");
    fixture.receive(&result("INSERT 0 2"));
    assert_eq!(fixture.partial(id, true), ["INSERT 0 2"]);
    fixture.receive(&result("INSERT 0 3"));
    let Progress::Ended(ended, outcome) = fixture.receive(&[READY]) else {
        panic!("the exchange has not ended");
    };
    let results: Vec<_> = outcome.results.iter().map(show_result).collect();
    assert_eq!((ended, results), (id, vec!["INSERT 0 3".to_owned()]));
}

#[test]
fn an_error_is_told_once_and_what_follows_is_skipped() {
    let mut fixture = Fixture::new();
    let id = fixture.more("insert $1");
    fixture.more("insert $1");
    fixture.receive(&result("INSERT 0 1"));
    fixture.receive(&[error("22012")]);
    assert!(fixture.session.has_partial(id));
    assert_eq!(fixture.partial(id, true), ["INSERT 0 1", "22012"]);
    assert!(!fixture.session.has_partial(id));
    fixture.more("insert $1");
    fixture.session.end_exchange();
    let Progress::Ended(_, outcome) = fixture.receive(&[READY]) else {
        panic!("the exchange has not ended");
    };
    assert_eq!((outcome.failed_at, outcome.statements), (1, 3));
    assert!(fixture.session.is_settled());
}

#[test]
fn a_sequence_has_one_begin_also_when_all_so_far_was_answered() {
    let mut fixture = Fixture::new();
    let one = params(&[Some("x")]);
    let request = begun("insert $1", &one);
    let id = fixture.session.execute_more(&request).unwrap();
    fixture.session.flush();
    assert_eq!(fixture.sent(), "PBEPBDEH");
    fixture.receive(&BEGUN);
    fixture.receive(&result("INSERT 0 1"));
    assert_eq!(fixture.partial(id, true), ["INSERT 0 1"]);
    assert_eq!(
        fixture.session.transaction_status(),
        TransactionStatus::InTransaction
    );
    fixture.session.execute_more(&request).unwrap();
    fixture.session.end_exchange();
    assert_eq!(fixture.sent(), "PBDES");
    fixture.receive(&[error("22012")]);
    assert!(matches!(
        fixture.receive(&[FAILED_BLOCK]),
        Progress::Ended(..)
    ));
    assert_eq!(
        fixture.session.transaction_status(),
        TransactionStatus::Failed
    );
    fixture.session.execute_more(&request).unwrap();
    assert_eq!(fixture.sent(), "PBDE", "a transaction is running");
}

#[test]
fn what_follows_a_set_waits_for_the_parameters_of_the_end() {
    let mut fixture = Fixture::new();
    let id = fixture.more("select $1");
    fixture.more("set $1");
    fixture.more("select $1");
    fixture.more("select $1");
    for tag in ["SELECT 1", "SET", "SELECT 2"] {
        fixture.receive(&result(tag));
    }
    assert_eq!(fixture.partial(id, true), ["SELECT 1", "SET"]);
    assert_eq!(fixture.partial(id, false), ["SELECT 2"], "unless asked");
    fixture.receive(&result("SELECT 3"));
    assert!(fixture.partial(id, true).is_empty());
    fixture.session.end_exchange();
    let Progress::Ended(_, outcome) = fixture.receive(&[parameter("DateStyle", "SQL"), READY])
    else {
        panic!("the exchange has not ended");
    };
    assert_eq!(show_result(&outcome.results[0]), "SELECT 3");
    let parameters = &outcome.results[0].parameters;
    assert_eq!(parameters.get("DateStyle"), Some("SQL"));
}

#[test]
fn a_refused_copy_names_its_statement_and_is_over_with_its_error() {
    let mut fixture = Fixture::new();
    let id = fixture.more("insert $1");
    fixture.more("copy");
    fixture.receive(&result("INSERT 0 1"));
    fixture.receive(&[
        Message::ParseComplete,
        Message::BindComplete,
        Message::NoData,
        Message::CopyInResponse(copy_response()),
    ]);
    assert!(fixture.session.poll_timeout().is_some(), "an error is owed");
    assert_eq!(fixture.sent(), "PBDEPBDEf");
    fixture.receive(&[error("57014")]);
    assert_eq!(fixture.session.poll_timeout(), None);
    let outcome = fixture.session.take_partial(id, true);
    assert_eq!((outcome.refused_copy, outcome.failed_at), (vec![1], 1));
}

#[test]
fn a_pipeline_prepares_what_it_repeats() {
    let mut fixture = Fixture::new();
    for _ in 0..5 {
        fixture.more("select $1");
    }
    assert_eq!(fixture.sent(), "PBDE".repeat(5));
    fixture.more("select $1");
    fixture.more("select $1");
    assert_eq!(fixture.sent(), "PDBEBDE", "prepared, then used");
    for _ in 0..5 {
        fixture.receive(&result("SELECT 1"));
    }
    fixture.receive(&[
        Message::ParseComplete,
        Message::ParameterDescription(vec![25]),
        columns(&["a"]),
        Message::BindComplete,
        complete("SELECT 0"),
    ]);
    fixture.more("select $1");
    assert_eq!(fixture.sent(), "BE", "its columns are known");
}

#[test]
fn what_failed_in_a_pipeline_is_not_counted() {
    let mut fixture = Fixture::new();
    for _ in 0..4 {
        fixture.more("select $1");
    }
    fixture.session.end_exchange();
    fixture.receive(&[error("22012"), READY]);
    fixture.sent();
    for _ in 0..5 {
        fixture.more("select $1");
    }
    assert_eq!(fixture.sent(), "PBDE".repeat(5));
}

#[test]
fn an_interrupted_pipeline_is_ended_and_cancelled() {
    let mut fixture = Fixture::new();
    fixture.more("insert $1");
    fixture.session.flush();
    fixture.sent();
    let now = some_time();
    assert!(!fixture.session.is_interrupted());
    fixture.session.cancel_and_drain(now);
    assert!(fixture.session.is_interrupted());
    assert_eq!(fixture.sent(), "S");
    assert!(matches!(
        fixture.session.advance(now),
        Ok(Progress::SendCancel)
    ));
    fixture.session.cancel_request_ended();
    assert!(matches!(
        fixture.receive(&[error("57014"), IN_BLOCK]),
        Progress::Idle
    ));
    assert!(fixture.session.is_settled());
}
