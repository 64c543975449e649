//! Operations on a session against a server that is always right, as far as the fuzzer leaves its words alone.
//!
//! The input is read as operations: statements are queued, sent in pieces, answered message by message, delivered in pieces,
//! given up, detached, and time passes. Whatever their order: no panic; each outcome is that of the exchange it is given for,
//! once and in order; there are no more outcomes than exchanges; and in the end an honest server brings the session to rest.

mod asked;
mod server;

use std::time::{Duration, Instant};

use howdah_protocol::connection::{Connection, Error, Params, Written};
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{
    BinaryChoice, Block, ExchangeId, Execute, Progress, ResultFormat, Session,
};
use howdah_protocol::startup::StartupConfig;
use howdah_protocol::wire::{
    Authentication, BackendMessage, Format, IsNull, Secret, TransactionStatus,
};

use asked::{Asked, Statement};
use server::{Server, WORDS, diagnostic, notice};

/// Operations from here on are about portals.
const PORTALS: u8 = 240;
/// How long a session may take to come to rest.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// An honest server brings every session to rest in fewer steps for each operation.
const STEPS: usize = 1_000;

/// The input is a sequence of operations.
pub(super) fn session(data: &[u8]) {
    let mut run = Run::new();
    let mut input = Input(data);
    let mut operations = 0;
    while let Some(operation) = input.byte() {
        operations += 1;
        run.operate(operation, &mut input);
        if run.over {
            break;
        }
    }
    run.finish(operations);
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte, or 0 at the end.
    fn next(&mut self) -> u8 {
        self.byte().unwrap_or_default()
    }

    fn bit(&mut self, number: u8) -> bool {
        self.0.first().is_some_and(|byte| byte >> number & 1 == 1)
    }
}

struct Run {
    session: Session,
    server: Server,
    asked: Asked,
    now: Instant,
    /// Since when the session has to come to rest; until it has, nothing may be queued.
    interrupted: Option<Instant>,
    /// A COPY was asked for: when it is refused, the server has to end it within a bound, too, or what it sends.
    copies: bool,
    /// The COPY that was queued last, behind which nothing may be queued.
    copy: Option<ExchangeId>,
    block: Option<Block>,
    /// The portals that were opened last, with their statements.
    portals: Vec<(Vec<u8>, &'static str)>,
    /// Statements queued, each with a number of its own.
    number: u32,
    notifications: usize,
    over: bool,
}

impl Run {
    #[expect(clippy::disallowed_methods, reason = "a time to begin with")]
    fn new() -> Self {
        let mut session =
            Session::new(Connection::start(config()).expect("parameters that can be sent"));
        session.set_cancel_timeout(CANCEL_TIMEOUT);
        session.transactions.change(|how| how.autocommit = true);
        let sent = session.outgoing().len();
        session.sent(sent);
        let mut run = Self {
            session,
            server: Server::new(),
            asked: Asked::new(),
            now: Instant::now(),
            interrupted: None,
            copies: false,
            copy: None,
            block: None,
            portals: Vec::new(),
            number: 0,
            notifications: 0,
            over: false,
        };
        run.server
            .say(&BackendMessage::Authentication(Authentication::Ok));
        run.server.say(&BackendMessage::BackendKeyData {
            process_id: 1,
            secret_key: Secret(b"keys"),
        });
        let ready = BackendMessage::ReadyForQuery(TransactionStatus::Idle);
        run.server.say(&ready);
        run.deliver(usize::MAX);
        run
    }

    fn operate(&mut self, operation: u8, input: &mut Input<'_>) {
        if operation >= PORTALS {
            return self.use_portals(operation, input.next());
        }
        match operation % 24 {
            0..=3 => self.execute(input, false),
            4 | 5 => self.execute(input, true),
            6 => self.session.end_exchange(),
            7 => self.prepare(input),
            8 | 9 => self.send(usize::from(input.next())),
            10 | 11 => (0..=input.next() % 16).for_each(|_| self.server.work()),
            12 | 13 => self.deliver(usize::from(input.next())),
            14 => self.server.wake(),
            15 => self.interrupt(),
            16 => self.cancel_arrives(!input.next().is_multiple_of(4)),
            17 => self.pass(Duration::from_millis(u64::from(input.next()) * 20)),
            18 => {
                if let Some(id) = self.asked.detach(usize::from(input.next() % 4)) {
                    self.session.detach(id);
                }
            }
            19 => self.take(input.next().is_multiple_of(2)),
            20 => self.change(input.next()),
            21 => self.use_block(input.next() % 4),
            22 => self.chatter(input.next()),
            _ => self.flush_or_break(input),
        }
    }

    /// Queues a statement, unless the session is coming to rest.
    fn execute(&mut self, input: &mut Input<'_>, more: bool) {
        let (wanted, bits) = (input.next(), Input(input.0).next());
        if !self.may_queue() {
            return;
        }
        self.number += 1;
        let mut sql = WORDS[usize::from(wanted) % WORDS.len()].to_owned();
        let mut parts = 1;
        if wanted & 0x30 == 0x30 && !more && !sql.is_empty() {
            sql = format!("{sql}; {}", WORDS[usize::from(wanted >> 6)]);
            parts = 2;
        }
        if input.bit(0) && sql.ends_with(char::is_alphabetic) {
            sql += &format!(" {}", self.number);
        }
        let argument = input.bit(1).then(|| self.number.to_string());
        let params = argument
            .as_deref()
            .map_or_else(Params::default, one_parameter);
        let choice = BinaryChoice {
            id: 1,
            accepts: &|oid| oid == 25,
        };
        let request = Execute {
            sql: sql.as_bytes(),
            params: &params,
            format: match bits >> 2 & 3 {
                0 | 1 => ResultFormat::Text,
                2 => ResultFormat::Auto(choice),
                _ => ResultFormat::Binary,
            },
            prepare: [None, Some(true), Some(false), None][usize::from(bits >> 4 & 3)],
            begin: input.bit(6),
            extended: input.bit(7),
        };
        input.next();
        let queued = if more {
            self.session.execute_more(&request)
        } else {
            self.session.execute(&request)
        };
        self.copies |= sql.contains("copy");
        let id = queued.expect("a statement that can be sent");
        self.asked.push(
            id,
            Statement {
                sql,
                argument,
                parts,
            },
        );
        self.refuse_nul(more);
    }

    /// What cannot be sent leaves everything as it was.
    fn refuse_nul(&mut self, more: bool) {
        let (before, unanswered) = (self.session.outgoing().len(), self.session.unanswered());
        let params = Params::default();
        let request = Execute {
            sql: b"a\0b",
            params: &params,
            format: ResultFormat::Text,
            prepare: Some(true),
            begin: true,
            extended: more,
        };
        let queued = if more {
            self.session.execute_more(&request)
        } else {
            self.session.execute(&request)
        };
        assert!(matches!(queued, Err(UsageError::NulInString { .. })));
        assert_eq!(self.session.outgoing().len(), before);
        assert_eq!(self.session.unanswered(), unanswered);
    }

    /// Opens a portal, fetches a page of one, or has some closed.
    fn use_portals(&mut self, operation: u8, choice: u8) {
        if !self.may_queue() || self.session.is_open() {
            return;
        }
        self.number += 1;
        let (id, sql, parts) = match operation {
            ..246 => {
                let sql = ["more", "rows", "insert", "nonsense"][usize::from(choice % 4)];
                let name = format!("p{}", self.number).into_bytes();
                let none = Params::default();
                let request = Execute {
                    sql: sql.as_bytes(),
                    params: &none,
                    format: ResultFormat::Text,
                    prepare: [None, Some(false)][usize::from(choice >> 2 & 1)],
                    begin: choice & 8 == 0,
                    extended: true,
                };
                let id = self.session.open_portal(&name, &request);
                self.portals.insert(0, (name, sql));
                self.portals.truncate(4);
                (id, sql, 1)
            }
            246..253 => {
                let Some((name, sql)) = self.portals.get(usize::from(choice % 4)).cloned() else {
                    return;
                };
                let columns = (sql != "insert").then(server::columns);
                let id = self
                    .session
                    .fetch_portal(&name, u32::from(choice >> 2 & 3), columns);
                (id, sql, 1)
            }
            253 | 254 => {
                if let Some((name, _)) = self.portals.get(usize::from(choice % 4)) {
                    self.session.drop_portal(name);
                }
                return;
            }
            // Behind a COPY that is fed its Sync would be lost.
            _ if !self.session.is_settled() => return,
            _ => (self.session.close_portals(), "", 0),
        };
        let sql = sql.to_owned();
        let argument = None;
        self.asked.push(
            id.expect("it can be sent"),
            Statement {
                sql,
                argument,
                parts,
            },
        );
    }

    fn prepare(&mut self, input: &mut Input<'_>) {
        let choice = input.next();
        if !self.may_queue() || self.session.is_open() {
            return;
        }
        let sql = WORDS[usize::from(choice) % WORDS.len()].to_owned();
        let keep = choice & 0x80 != 0;
        let id = self
            .session
            .prepare(sql.as_bytes(), &[], keep)
            .expect("a statement that can be sent");
        self.asked.push(
            id,
            Statement {
                sql,
                argument: None,
                parts: 1,
            },
        );
    }

    /// Before a session that was interrupted has come to rest, nothing may be queued.
    fn may_queue(&mut self) -> bool {
        if self.interrupted.is_some() && self.session.is_settled() {
            self.interrupted = None;
        }
        if self.session.unanswered() == 0 {
            self.copy = None;
        }
        self.copy.is_none()
            && self.interrupted.is_none()
            && !self.session.transactions.owes_rollback()
    }

    /// Sends so many bytes of what is outgoing.
    fn send(&mut self, most: usize) {
        let outgoing = self.session.outgoing();
        let now = outgoing.get(..most).unwrap_or(outgoing);
        self.server.receive(now);
        let count = now.len();
        self.session.sent(count);
    }

    /// Delivers so many bytes of what the server has said.
    fn deliver(&mut self, most: usize) {
        let most = most.min(self.server.said.len());
        let bytes: Vec<u8> = self.server.said.drain(..most).collect();
        let mut bytes = bytes.as_slice();
        while !bytes.is_empty() {
            let spare = self.session.spare();
            let (now, later) = bytes.split_at(spare.len().min(bytes.len()));
            spare[..now.len()].copy_from_slice(now);
            self.session.received(now.len());
            bytes = later;
            self.advance();
        }
        self.advance();
    }

    fn advance(&mut self) {
        if self.over {
            let advanced = self.session.advance(self.now);
            assert!(!matches!(
                advanced,
                Ok(Progress::Ended(..) | Progress::Idle)
            ));
            return;
        }
        for _ in 0..STEPS {
            match self.session.advance(self.now) {
                Ok(Progress::Ended(id, outcome)) => {
                    self.asked.end(id, &outcome);
                }
                Ok(Progress::Notification(notification)) => {
                    self.notifications += 1;
                    let kept = self.session.backlog.push(notification);
                    kept.expect("there are not that many");
                }
                Ok(Progress::SendCancel) => assert!(self.session.is_cancel_in_flight()),
                Ok(Progress::Notice(_) | Progress::Working) => {}
                Ok(Progress::NeedInput) if self.session.is_overdue() => self.session.nothing_came(),
                Ok(rest @ (Progress::NeedInput | Progress::Idle)) => {
                    return self.rests(matches!(rest, Progress::Idle));
                }
                Err(error) => return self.ends(&error),
            }
        }
        panic!("the session does not come to rest");
    }

    fn rests(&mut self, idle: bool) {
        assert!(!idle || self.session.is_idle());
        if idle {
            // An exchange that has not been ended may have been answered as far as it goes.
            assert_eq!(self.session.is_settled(), !self.session.is_open());
            let open = usize::from(self.session.is_open());
            assert_eq!(self.session.unanswered(), open, "one was forgotten");
            assert!(self.asked.wanted() <= open, "one was forgotten");
        }
        if let Some(since) = self.interrupted {
            let is_late = self.now >= since + CANCEL_TIMEOUT;
            assert!(self.session.is_settled() || !is_late, "the bound holds");
        }
        if let Some(due) = self.session.poll_timeout() {
            assert!(due > self.now, "what is due has been done");
        }
    }

    fn ends(&mut self, error: &Error) {
        self.over = true;
        assert!(self.session.connection().is_over());
        let in_time = self
            .interrupted
            .is_none_or(|since| self.now < since + CANCEL_TIMEOUT);
        let in_time = in_time && !self.copies && !self.server.gone;
        assert!(
            !self.asked.honest || !in_time,
            "an honest server has lost a session: {error}"
        );
    }

    fn interrupt(&mut self) {
        self.session.cancel_and_drain(self.now);
        self.asked.detach_all();
        if !self.session.is_settled() {
            self.interrupted.get_or_insert(self.now);
        }
        self.advance();
    }

    /// The request to cancel has reached the server, or could not be sent.
    fn cancel_arrives(&mut self, arrives: bool) {
        if self.session.is_cancel_in_flight() {
            if arrives {
                self.server.cancel();
            }
            self.session.cancel_request_ended();
            self.advance();
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.advance();
    }

    fn take(&mut self, whole: bool) {
        let Some(id) = self.asked.front() else {
            return;
        };
        if whole {
            let outcome = self.session.take_partial(id, false);
            self.asked.partial(&outcome);
        } else {
            let has_rows = self.session.has_rows(id);
            let (columns, rows) = self.session.take_rows(id);
            let is_copy = self.copy == Some(id);
            assert!(rows.is_empty() || has_rows && (is_copy || columns.is_some()));
            self.asked.streamed();
        }
    }

    fn change(&mut self, choice: u8) {
        match choice % 4 {
            0 => self.session.statements.threshold = Some(u32::from(choice >> 2 & 3)),
            1 => self.session.statements.threshold = None,
            2 => self.session.statements.max = Some(usize::from(choice >> 2 & 3)),
            _ if self.session.is_settled() => {
                let autocommit = choice & 4 == 0;
                self.session
                    .transactions
                    .change(|how| how.autocommit = autocommit);
            }
            _ => {}
        }
    }

    /// Opens a block, or leaves it: with its end, or with a rollback that is owed.
    fn use_block(&mut self, choice: u8) {
        if !self.may_queue() || !self.session.is_settled() {
            return;
        }
        let Some(block) = self.block.take() else {
            let status = self.session.transaction_status();
            let block = self.session.transactions.open(status, None, choice == 3);
            for sql in self.session.transactions.opening(&block) {
                self.command(&sql);
            }
            self.block = Some(block);
            return;
        };
        self.session.transactions.close(&block);
        match choice {
            0 => self.command(block.commit().as_bytes()),
            1 => self.command(block.rollback().as_bytes()),
            _ => {
                self.session.transactions.owe_rollback(block);
                self.interrupt();
            }
        }
    }

    /// Notes a text without parameters that the server has been asked to run.
    fn note_asked(&mut self, id: ExchangeId, sql: String) {
        self.asked.push(
            id,
            Statement {
                parts: sql.split(';').count(),
                sql,
                argument: None,
            },
        );
    }

    fn command(&mut self, sql: &[u8]) {
        let id = self
            .session
            .command(sql)
            .expect("a statement that can be sent");
        let sql = String::from_utf8_lossy(sql).into_owned();
        self.note_asked(id, sql);
    }

    /// Messages that may come at any time between others.
    fn chatter(&mut self, choice: u8) {
        match choice % 3 {
            0 => self.server.say(&notice()),
            1 => self.server.say(&BackendMessage::ParameterStatus {
                name: b"application_name",
                value: b"x",
            }),
            _ => self.server.say(&BackendMessage::NotificationResponse {
                process_id: 1,
                channel: b"c",
                payload: b"p",
            }),
        }
    }

    /// From here on the server may say anything.
    fn flush_or_break(&mut self, input: &mut Input<'_>) {
        match input.next() % 8 {
            0 => {
                self.asked.honest = false;
                let garbage: Vec<u8> = (0..8).map_while(|_| input.byte()).collect();
                self.server.said.extend(garbage);
            }
            1 => {
                self.asked.honest = false;
                let ready = BackendMessage::ReadyForQuery(TransactionStatus::Failed);
                self.server.say(&ready);
            }
            2 => {
                self.asked.honest = false;
                let fatal = diagnostic("FATAL", "57P01", "it is over");
                self.server.say(&BackendMessage::ErrorResponse(fatal));
            }
            3 => {
                self.asked.honest = false;
                self.over = true;
                let _ = self.session.eof();
                assert!(self.session.connection().is_over());
            }
            4 => self.session.flush(),
            _ => self.use_copy(input.next()),
        }
    }

    /// Queues a COPY, or feeds, ends or fails the one that was queued.
    fn use_copy(&mut self, choice: u8) {
        if let Some(id) = self.copy.filter(|_| !self.may_queue()) {
            match choice % 8 {
                0 => self.session.copy_done(id),
                1 => self.session.copy_fail(id, b"no\0more"),
                2 => drop(self.session.take_copy_start(id)),
                _ => {
                    let takes = self.session.is_copying_in(id);
                    assert_eq!(self.session.copy_data(id, b"1\n"), Ok(takes));
                }
            }
            return;
        }
        if !self.may_queue() || self.session.is_open() {
            return;
        }
        let sql = [
            "copy in",
            "copy out",
            "copy in",
            "rows",
            "copy out; copy in",
        ];
        let sql = sql[usize::from(choice) % sql.len()].to_owned();
        let id = self.session.copy(sql.as_bytes(), choice & 0x80 != 0);
        let id = id.expect("a statement that can be sent");
        self.copies = true;
        self.copy = Some(id);
        self.note_asked(id, sql);
    }

    /// All that is left is sent and answered.
    fn finish(mut self, operations: usize) {
        assert!(self.asked.ended <= self.asked.count);
        if self.over || !self.asked.honest {
            self.deliver(usize::MAX);
            assert!(self.asked.ended <= self.asked.count);
            return;
        }
        self.session.end_exchange();
        for _ in 0..STEPS * (operations + 1) {
            if let Some(id) = self.copy {
                self.session.copy_done(id);
            }
            self.send(usize::MAX);
            while self.server.can_work() {
                self.server.work();
            }
            self.cancel_arrives(true);
            self.server.wake();
            self.deliver(usize::MAX);
            let is_quiet = self.session.outgoing().is_empty() && self.server.said.is_empty();
            if self.over || self.server.gone || (is_quiet && self.session.is_settled()) {
                return self.rested();
            }
        }
        panic!("the session does not come to rest");
    }

    fn rested(self) {
        if self.over || self.server.gone {
            return;
        }
        assert!(self.session.is_idle() && self.asked.wanted() == 0);
        assert_eq!(self.session.unanswered(), 0);
        assert_eq!(self.session.transaction_status(), self.server.status);
        assert_eq!(self.session.backlog.len(), self.notifications);
        assert_eq!(self.session.poll_timeout(), None);
    }
}

fn config() -> StartupConfig {
    StartupConfig {
        params: vec![("user".to_owned(), "ann".to_owned())],
        user: "ann".to_owned(),
        password: None,
        nonce: "n".to_owned(),
        protocol_minor: 0,
        min_protocol_minor: 0,
        ..StartupConfig::default()
    }
}

fn one_parameter(text: &str) -> Params {
    let mut params = Params::default();
    let pushed = params.push::<UsageError>(|out| {
        out.extend_from_slice(text.as_bytes());
        Ok(Written {
            oid: 25,
            format: Format::Text,
            null: IsNull::No,
        })
    });
    pushed.expect("a small value");
    params
}
