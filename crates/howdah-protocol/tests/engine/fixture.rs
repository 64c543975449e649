//! A session and a server that answers each request by itself, for tests of what is sent.

use howdah_protocol::connection::Connection;
use howdah_protocol::session::{Execute, Outcome, Progress, Session};
use howdah_protocol::wire::{Authentication, FrontendMessage, HEADER_LEN, Target, frontend};

use crate::client::{config, params, some_time, statement, text};
use crate::server::{KEY, Message, READY, bytes, columns, complete, error};

/// A session and a server that answers each request by itself: rows of `a, n` for what begins with "select".
pub(crate) struct Fixture {
    pub(crate) session: Session,
    /// What the exchanges since the last look at it gave.
    pub(crate) outcome: Outcome,
    /// Statements that the server has, by name.
    pub(crate) prepared: Vec<String>,
    /// Queries and names of everything the session has sent, such as `Parse s: select`.
    pub(crate) sent: Vec<String>,
    /// The error to answer the next Bind, Parse or Query with.
    pub(crate) fail_next: Option<&'static str>,
    /// The error to answer the next Parse with.
    pub(crate) fail_parse: Option<&'static str>,
    /// The error to answer the next Execute with.
    pub(crate) fail_execute: Option<&'static str>,
    /// The error to answer a Bind with, and how many come before.
    pub(crate) fail_bind: Option<(usize, &'static str)>,
    pub(crate) tag: &'static str,
    /// Whether what is executed next is a BEGIN, which has no row.
    begins: bool,
    /// What a Sync is answered with.
    pub(crate) ready: Message<'static>,
    /// The process that answers the question who does.
    pub(crate) backend_pid: &'static str,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let mut session = Session::new(Connection::start(config()).unwrap());
        let sent = session.outgoing().len();
        session.sent(sent);
        let ok = Message::Authentication(Authentication::Ok);
        receive(&mut session, &bytes(&[ok, KEY, READY]));
        assert!(matches!(session.advance(some_time()), Ok(Progress::Idle)));
        Self {
            session,
            outcome: Outcome::default(),
            prepared: Vec::new(),
            sent: Vec::new(),
            fail_next: None,
            fail_parse: None,
            fail_execute: None,
            fail_bind: None,
            tag: "SELECT 1",
            begins: false,
            ready: READY,
            backend_pid: "7",
        }
    }

    /// Runs one statement; gives what was sent for it, in short.
    pub(crate) fn run(&mut self, request: &Execute<'_>) -> String {
        self.session.execute(request).unwrap();
        self.exchange();
        self.sent.join(", ")
    }

    pub(crate) fn run_text(&mut self, sql: &str) -> String {
        let one = params(&[Some("x")]);
        self.run(&statement(sql, &one))
    }

    /// The same with a parameter of no declared type.
    pub(crate) fn run_untyped(&mut self, sql: &str) -> String {
        let mut one = params(&[Some("x")]);
        one.oids.fill(0);
        self.run(&statement(sql, &one))
    }

    pub(crate) fn run_simple(&mut self, sql: &str) -> String {
        let none = params(&[]);
        self.run(&statement(sql, &none))
    }

    /// Has a statement described and kept; gives what was sent for it, in short.
    pub(crate) fn prepare(&mut self, sql: &str) -> String {
        self.session.prepare(sql.as_bytes(), &[], true).unwrap();
        self.exchange();
        self.sent.join(", ")
    }

    /// Runs something that ends with another command tag than SELECT.
    pub(crate) fn run_tagged(&mut self, tag: &'static str) -> String {
        self.tag = tag;
        let sent = self.run_simple("something");
        self.tag = "SELECT 1";
        sent
    }

    pub(crate) fn outcome(&mut self) -> Outcome {
        std::mem::take(&mut self.outcome)
    }

    /// Answers everything that is outgoing.
    pub(crate) fn exchange(&mut self) {
        let requests = self.session.outgoing().to_vec();
        self.session.sent(requests.len());
        let answers = self.answer(&requests);
        receive(&mut self.session, &answers);
        self.advance();
        assert!(self.session.is_idle());
    }

    /// Takes in what has been received.
    pub(crate) fn advance(&mut self) {
        loop {
            match self.session.advance(some_time()).unwrap() {
                Progress::Ended(_, outcome) => {
                    self.outcome.results.extend(outcome.results);
                    self.outcome.description = outcome.description;
                    self.outcome.again = outcome.again;
                    if outcome.error.is_some() {
                        self.outcome.error = outcome.error;
                        self.outcome.failed_at = outcome.failed_at;
                    }
                }
                Progress::Idle => return,
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn answer(&mut self, mut requests: &[u8]) -> Vec<u8> {
        self.sent.clear();
        let (mut out, mut skipping) = (Vec::new(), false);
        while let Some(header) = frontend::frame_header(requests).unwrap() {
            let (frame, rest) = requests.split_at(header.frame_len());
            requests = rest;
            let message = FrontendMessage::decode(header.tag, &frame[HEADER_LEN..]).unwrap();
            self.sent.push(show(&message));
            if message == FrontendMessage::Sync {
                skipping = false;
                out.extend(bytes(std::slice::from_ref(&self.ready)));
            } else if !skipping {
                let (answer, failed) = self.answer_one(&message);
                skipping = failed && !matches!(message, FrontendMessage::Query(_));
                out.extend(answer);
            }
        }
        out
    }

    pub(crate) fn answer_one(&mut self, message: &FrontendMessage<'_>) -> (Vec<u8>, bool) {
        let fallible = matches!(
            message,
            FrontendMessage::Bind { .. } | FrontendMessage::Query(_)
        );
        if let Some(sqlstate) = self.fail_next.filter(|_| fallible) {
            self.fail_next = None;
            let mut answer = bytes(&[error(sqlstate)]);
            if matches!(message, FrontendMessage::Query(_)) {
                answer.extend(bytes(&[READY]));
            }
            return (answer, true);
        }
        let failure = match message {
            FrontendMessage::Parse { .. } => self.fail_parse.take(),
            FrontendMessage::Execute { .. } => self.fail_execute.take(),
            FrontendMessage::Bind { .. } => self.failure_of_bind(),
            _ => None,
        };
        if let Some(sqlstate) = failure {
            return (bytes(&[error(sqlstate)]), true);
        }
        let answer = match message {
            FrontendMessage::Query(sql) => self.result_of_query(&text(sql)),
            FrontendMessage::Parse {
                name: statement,
                sql,
                ..
            } => {
                self.begins = sql.starts_with(b"BEGIN");
                if !statement.is_empty() {
                    let name = text(statement);
                    assert!(!self.prepared.contains(&name), "{name} exists already");
                    self.prepared.push(name);
                }
                bytes(&[Message::ParseComplete])
            }
            FrontendMessage::Bind { statement, .. } => {
                let name = text(statement);
                if !name.is_empty() && !self.prepared.contains(&name) {
                    return (bytes(&[error("26000")]), true);
                }
                bytes(&[Message::BindComplete])
            }
            FrontendMessage::Describe(Target::Statement, name)
                if !name.is_empty() && !self.prepared.contains(&text(name)) =>
            {
                return (bytes(&[error("26000")]), true);
            }
            FrontendMessage::Describe(Target::Portal, _) => bytes(&[columns(&["a", "n:23"])]),
            FrontendMessage::Describe(Target::Statement, _) => bytes(&[
                Message::ParameterDescription(vec![25]),
                columns(&["a", "n:23"]),
            ]),
            FrontendMessage::Execute { .. } if std::mem::take(&mut self.begins) => {
                bytes(&[complete("BEGIN")])
            }
            FrontendMessage::Execute { .. } => [row(), bytes(&[complete(self.tag)])].concat(),
            FrontendMessage::Close(Target::Statement, name) => {
                self.prepared.retain(|known| *known != text(name));
                bytes(&[Message::CloseComplete])
            }
            other => panic!("the session does not send {other:?}"),
        };
        (answer, false)
    }

    fn failure_of_bind(&mut self) -> Option<&'static str> {
        match &mut self.fail_bind {
            Some((0, _)) => self.fail_bind.take().map(|(_, sqlstate)| sqlstate),
            Some((before, _)) => {
                *before -= 1;
                None
            }
            None => None,
        }
    }

    pub(crate) fn result_of_query(&self, sql: &str) -> Vec<u8> {
        if sql.contains("pg_backend_pid") {
            let row = [b"D\0\0\0\x0b\0\x01\0\0\0\x01", self.backend_pid.as_bytes()].concat();
            let end = bytes(&[complete("SELECT 1"), READY]);
            return [bytes(&[columns(&["pid:23"])]), row, end].concat();
        }
        let one = [
            bytes(&[columns(&["a", "n:23"])]),
            row(),
            bytes(&[complete(self.tag)]),
        ]
        .concat();
        let count = sql.split(';').count();
        [one.repeat(count), bytes(&[READY])].concat()
    }
}

pub(crate) fn row() -> Vec<u8> {
    b"D\0\0\0\x10\0\x02\0\0\0\x01x\0\0\0\x011".to_vec()
}

pub(crate) fn receive(session: &mut Session, stream: &[u8]) {
    let mut rest = stream;
    while !rest.is_empty() {
        let spare = session.spare();
        let (now, later) = rest.split_at(spare.len().min(rest.len()));
        spare[..now.len()].copy_from_slice(now);
        session.received(now.len());
        rest = later;
    }
}

/// A request in short.
pub(crate) fn show(message: &FrontendMessage<'_>) -> String {
    match message {
        FrontendMessage::Query(sql) => format!("Query {}", text(sql)),
        FrontendMessage::Parse {
            name: statement, ..
        } => format!("Parse {}", text(statement)),
        FrontendMessage::Bind { statement, .. } => format!("Bind {}", text(statement)),
        FrontendMessage::Close(_, name) => format!("Close {}", text(name)),
        other => other.name().to_owned(),
    }
}
