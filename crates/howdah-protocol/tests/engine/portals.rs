//! Portals of a session, against a model of the server that has them.

use std::collections::BTreeMap;
use std::time::Duration;

use howdah_protocol::connection::{Columns, Connection, Ending, Error};
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{BinaryChoice, Execute, Outcome, Progress, ResultFormat, Session};
use howdah_protocol::wire::{
    Authentication, Format, FrontendMessage, HEADER_LEN, Target, TransactionStatus, frontend,
};

use crate::client::{begun, config, params, show_result, some_time, statement, text};
use crate::fixture::receive;
use crate::server::{IN_BLOCK, KEY, Message, READY, bytes, columns, complete, error};

/// A session, and a server whose statements are `select N`: so many rows.
struct Model {
    session: Session,
    status: TransactionStatus,
    /// How many rows each portal has given, and how many it has.
    portals: BTreeMap<String, (u32, u32)>,
    statements: BTreeMap<String, String>,
    sent: Vec<String>,
    /// Has a portal give so many rows more than it is asked for.
    excess: u32,
}

impl Model {
    fn new() -> Self {
        let mut session = Session::new(Connection::start(config()).unwrap());
        let sent = session.outgoing().len();
        session.sent(sent);
        let ok = Message::Authentication(Authentication::Ok);
        receive(&mut session, &bytes(&[ok, KEY, READY]));
        assert!(matches!(session.advance(some_time()), Ok(Progress::Idle)));
        Self {
            session,
            status: TransactionStatus::Idle,
            portals: BTreeMap::new(),
            statements: BTreeMap::new(),
            sent: Vec::new(),
            excess: 0,
        }
    }

    /// Opens a portal of so many rows; gives its columns.
    fn open(&mut self, name: &str, rows: u32) -> Columns {
        let (sql, none) = (format!("select {rows}"), params(&[]));
        let opened = self
            .session
            .open_portal(name.as_bytes(), &begun(&sql, &none));
        opened.unwrap();
        self.exchange().description.unwrap().columns.unwrap()
    }

    /// Fetches so many rows; gives the result in short.
    fn fetch(&mut self, name: &str, rows: u32) -> String {
        let Message::RowDescription(known) = columns(&["n"]) else {
            unreachable!()
        };
        let fetched = self
            .session
            .fetch_portal(name.as_bytes(), rows, Some(known.into()));
        fetched.unwrap();
        let outcome = self.exchange();
        match &outcome.error {
            Some(error) => text(error.sqlstate().unwrap()),
            None => show_result(&outcome.results[0]),
        }
    }

    /// Has the server answer all that is outgoing, and gives the last outcome.
    fn exchange(&mut self) -> Outcome {
        self.serve();
        let mut last = Outcome::default();
        loop {
            match self.session.advance(some_time()).unwrap() {
                Progress::Ended(_, outcome) => last = *outcome,
                Progress::Idle => return last,
                other => panic!("{other:?}"),
            }
        }
    }

    fn serve(&mut self) {
        let requests = self.session.outgoing().to_vec();
        self.session.sent(requests.len());
        self.sent.clear();
        let (mut rest, mut skipping) = (requests.as_slice(), false);
        while let Some(header) = frontend::frame_header(rest).unwrap() {
            let (frame, behind) = rest.split_at(header.frame_len());
            rest = behind;
            let message = FrontendMessage::decode(header.tag, &frame[HEADER_LEN..]).unwrap();
            let answer = match self.answer(&message) {
                _ if skipping && message != FrontendMessage::Sync => continue,
                Ok(answer) => answer,
                Err(sqlstate) => {
                    self.status = TransactionStatus::Failed;
                    skipping = true;
                    bytes(&[error(sqlstate)])
                }
            };
            receive(&mut self.session, &answer);
        }
    }

    fn answer(&mut self, message: &FrontendMessage<'_>) -> Result<Vec<u8>, &'static str> {
        let said = match message {
            FrontendMessage::Parse { name, sql, .. } => {
                self.note(format!("Parse {}", text(sql)));
                self.statements.insert(text(name), text(sql));
                Message::ParseComplete
            }
            FrontendMessage::Bind {
                portal, statement, ..
            } => {
                self.note(format!("Bind {} {}", text(portal), text(statement)));
                let sql = self.statements.get(&text(statement)).ok_or("26000")?;
                let rows = sql.rsplit(' ').next().unwrap().parse().unwrap_or_default();
                self.portals.insert(text(portal), (0, rows));
                Message::BindComplete
            }
            FrontendMessage::Describe(Target::Portal, name) => {
                self.portals.get(&text(name)).ok_or("34000")?;
                columns(&["n"])
            }
            FrontendMessage::Describe(Target::Statement, _) => {
                return Ok(bytes(&[
                    Message::ParameterDescription(Vec::new()),
                    columns(&["n"]),
                ]));
            }
            FrontendMessage::Execute { portal, max_rows } => {
                self.note(format!("Execute {} {max_rows}", text(portal)));
                return self.execute(&text(portal), u32::try_from(*max_rows).unwrap());
            }
            FrontendMessage::Close(Target::Statement, _) => Message::CloseComplete,
            FrontendMessage::Close(Target::Portal, name) => {
                self.note(format!("Close {}", text(name)));
                self.portals.remove(&text(name));
                Message::CloseComplete
            }
            FrontendMessage::Query(sql) => {
                self.note(text(sql));
                if sql.starts_with(b"COMMIT") || sql.starts_with(b"ROLLBACK") {
                    self.status = TransactionStatus::Idle;
                    self.portals.clear();
                }
                let ready = Message::ReadyForQuery(self.status);
                return Ok(bytes(&[complete("DONE"), ready]));
            }
            FrontendMessage::Sync => Message::ReadyForQuery(self.status),
            other => panic!("the session does not send {other:?}"),
        };
        Ok(bytes(&[said]))
    }

    fn execute(&mut self, name: &str, most: u32) -> Result<Vec<u8>, &'static str> {
        if self.statements.get("").is_some_and(|sql| sql == "BEGIN") && name.is_empty() {
            self.status = TransactionStatus::InTransaction;
            return Ok(bytes(&[complete("BEGIN")]));
        }
        let (given, rows) = self.portals.get_mut(name).ok_or("34000")?;
        let left = *rows - *given;
        let count = if most == 0 { left } else { left.min(most) };
        let mut out = Vec::new();
        for number in *given..*given + count + self.excess {
            let digit = b'0' + u8::try_from(number).unwrap();
            out.extend(b"D\0\0\0\x0b\0\x01\0\0\0\x01");
            out.push(digit);
        }
        *given += count;
        // As a server does: it does not look for another row where the limit has been reached.
        let end = if most != 0 && count == most {
            Message::PortalSuspended
        } else {
            complete("SELECT")
        };
        out.extend(bytes(&[end]));
        Ok(out)
    }

    fn note(&mut self, what: String) {
        self.sent.push(what);
    }
}

#[test]
fn portals_give_pages_by_turns() {
    let mut model = Model::new();
    assert_eq!(model.open("p", 5).len(), 1);
    assert_eq!(
        model.sent,
        [
            "Parse BEGIN",
            "Bind  ",
            "Execute  0",
            "Parse select 5",
            "Bind p "
        ]
    );
    model.open("q", 3);
    assert_eq!(model.sent, ["Parse select 3", "Bind q "]);
    assert_eq!(model.fetch("p", 2), "n:25 | 0 | 1 | Suspended");
    assert_eq!(model.fetch("q", 3), "n:25 | 0 | 1 | 2 | Suspended");
    assert_eq!(model.fetch("p", 2), "n:25 | 2 | 3 | Suspended");
    assert_eq!(model.fetch("q", 3), "n:25 | SELECT");
    assert_eq!(model.fetch("p", u32::MAX), "n:25 | 4 | SELECT");
    assert_eq!(model.sent, [format!("Execute p {}", i32::MAX)]);
    assert_eq!(model.fetch("p", 0), "n:25 | SELECT");
    assert_eq!(model.fetch("r", 1), "34000");
    assert!(model.session.is_settled());
}

#[test]
fn rows_can_be_taken_as_they_come_and_are_counted_all_the_same() {
    for (excess, rows) in [(0, 2), (1, 3)] {
        let mut model = Model::new();
        let known = model.open("p", 5);
        model.excess = excess;
        let id = model.session.fetch_portal(b"p", 2, Some(known)).unwrap();
        let requests = model.session.outgoing().to_vec();
        model.session.sent(requests.len());
        let answer = [model.execute("p", 2).unwrap(), bytes(&[IN_BLOCK])].concat();
        let (mut taken, mut ended) = (0, false);
        for byte in &answer {
            receive(&mut model.session, &[*byte]);
            match model.session.advance(some_time()) {
                Ok(Progress::Ended(_, outcome)) => {
                    assert_eq!(outcome.results[0].ending, Ending::Suspended);
                    ended = true;
                }
                Ok(_) => taken += model.session.take_rows(id).1.len(),
                Err(Error::Protocol(error)) => {
                    assert!(error.to_string().contains("more rows"), "{error}");
                    break;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((taken, ended), (2, excess == 0), "of {rows}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up_within_the_bound() {
    let mut model = Model::new();
    let known = model.open("p", 5);
    model.session.fetch_portal(b"p", 2, Some(known)).unwrap();
    let sent = model.session.outgoing().len();
    model.session.sent(sent);
    let mut now = some_time();
    assert!(matches!(
        model.session.advance(now),
        Ok(Progress::NeedInput)
    ));
    model.session.cancel_and_drain(now);
    let end = now + model.session.cancel_timeout();
    loop {
        match model.session.advance(now) {
            Ok(Progress::SendCancel) => model.session.cancel_request_ended(),
            Ok(Progress::NeedInput) => {
                model.session.nothing_came();
                now = model.session.poll_timeout().expect("a bound");
                assert!(now <= end);
            }
            Err(Error::Unresponsive(time)) => {
                assert_eq!((time, now), (Duration::from_secs(5), end));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_page_that_is_given_up_is_thrown_away() {
    let mut model = Model::new();
    let known = model.open("p", 5);
    model.session.fetch_portal(b"p", 2, Some(known)).unwrap();
    model.session.cancel_and_drain(some_time());
    model.serve();
    loop {
        match model.session.advance(some_time()).unwrap() {
            Progress::SendCancel => model.session.cancel_request_ended(),
            Progress::Idle => break,
            Progress::NeedInput => {}
            other => panic!("{other:?}"),
        }
    }
    // The server was quicker: its portal stands where nobody has been told.
    assert_eq!(model.fetch("p", 1), "n:25 | 2 | Suspended");
}

#[test]
fn what_is_dropped_is_closed_with_the_next_statement() {
    let mut model = Model::new();
    model.open("p", 1);
    model.open("q", 1);
    model.session.drop_portal(b"p");
    // What cannot be sent takes nothing along.
    let none = params(&[]);
    let refused = model.session.execute(&statement("a\0b", &none));
    assert!(matches!(refused, Err(UsageError::NulInString { .. })));
    assert!(model.session.outgoing().is_empty());
    assert_eq!(model.fetch("q", 0), "n:25 | 0 | SELECT");
    assert_eq!(model.sent, ["Close p", "Execute q 0"]);
    model.session.drop_portal(b"q");
    model.session.close_portals().unwrap();
    model.exchange();
    assert_eq!(model.sent, ["Close q"]);
    model.open("r", 1);
    model.session.drop_portal(b"r");
    model.session.command(b"COMMIT").unwrap();
    model.exchange();
    assert_eq!(model.sent, ["Close r", "COMMIT"]);
    // The end of the transaction has closed all.
    model.open("s", 1);
    model.session.command(b"COMMIT").unwrap();
    model.session.drop_portal(b"s");
    model.exchange();
    model.session.command(b"SELECT").unwrap();
    model.exchange();
    assert_eq!(model.sent, ["SELECT"]);
}

#[test]
fn what_is_prepared_is_bound_and_found_missing() {
    let mut model = Model::new();
    model.session.prepare(b"select 4", &[], true).unwrap();
    model.exchange();
    let none = params(&[]);
    let choice = BinaryChoice {
        id: 1,
        accepts: &|oid| oid == 25,
    };
    let request = Execute {
        format: ResultFormat::Auto(choice),
        ..begun("select 4", &none)
    };
    model.session.open_portal(b"p", &request).unwrap();
    let requests = model.session.outgoing().to_vec();
    assert_eq!(formats_of_last_bind(&requests), [Format::Binary]);
    let outcome = model.exchange();
    assert!(outcome.error.is_none() && !outcome.again);
    assert!(model.sent.contains(&"Bind p _howdah_0".to_owned()));
    // A server without it: nothing has been done, and the same can be asked again.
    model.session.command(b"COMMIT").unwrap();
    model.exchange();
    model.statements.clear();
    model.session.open_portal(b"p", &request).unwrap();
    let outcome = model.exchange();
    assert!(outcome.again && outcome.error.is_some());
    model.session.command(b"ROLLBACK").unwrap();
    model.exchange();
    model.session.open_portal(b"p", &request).unwrap();
    assert!(model.exchange().error.is_none());
    assert_eq!(model.sent.last().unwrap(), "Bind p ");
}

fn formats_of_last_bind(mut requests: &[u8]) -> Vec<Format> {
    let mut last = Vec::new();
    while let Some(header) = frontend::frame_header(requests).unwrap() {
        let (frame, rest) = requests.split_at(header.frame_len());
        requests = rest;
        let message = FrontendMessage::decode(header.tag, &frame[HEADER_LEN..]).unwrap();
        if let FrontendMessage::Bind { result_formats, .. } = message {
            last = result_formats;
        }
    }
    last
}
