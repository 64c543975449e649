//! A server that is always right: it answers what it is sent, as PostgreSQL does, when it is told to go on.

use std::collections::BTreeMap;

use howdah_protocol::connection::Columns;
use howdah_protocol::wire::{
    BackendMessage, CopyResponse, DataRow, Diagnostic, FieldDescription, Format, FrontendMessage,
    TransactionStatus, frontend,
};

/// What it understands; behind each word there may be a number, which comes back in errors.
///
/// `rows`, `more` and `wait` return rows, `wait` only when it is cancelled or told to go on.
pub(super) const WORDS: [&str; 16] = [
    "rows", "more", "insert", "fail", "wait", "nonsense", "set", "discard", "copy in", "copy out",
    "begin", "commit", "rollback", "alter", "notice", "",
];

/// The server's end of one session.
pub(super) struct Server {
    received: Vec<u8>,
    /// What it has said and nobody has delivered.
    pub(super) said: Vec<u8>,
    statements: BTreeMap<Vec<u8>, Statement>,
    portal: Option<Portal>,
    /// Those with names, and how many rows each has given.
    portals: BTreeMap<Vec<u8>, (Portal, u32)>,
    pub(super) status: TransactionStatus,
    savepoints: Vec<String>,
    /// In the extended protocol, after an error, until Sync.
    skipping: bool,
    copying: Option<Copying>,
    waiting: Option<Waiting>,
    /// A parameter has changed, which is told before ReadyForQuery.
    changed: bool,
    /// How many statements have been executed.
    executed: u32,
    /// It has ended the session.
    pub(super) gone: bool,
}

#[derive(Clone)]
struct Statement {
    sql: String,
    oids: Vec<u32>,
}

#[derive(Clone)]
struct Portal {
    sql: String,
    /// The first parameter, which comes back in rows and errors.
    argument: Option<String>,
    formats: Vec<Format>,
}

/// A COPY FROM STDIN that is being fed, and what is left of the simple query around it, if there is one.
struct Copying {
    rest: Option<Vec<String>>,
}

/// A statement that runs, and what is left of the simple query around it, if there is one.
struct Waiting {
    portal: Portal,
    rest: Option<Vec<String>>,
}

/// An error: its SQLSTATE; the text is the statement's.
struct Failed(&'static str);

impl Server {
    /// One that has accepted the client.
    pub(super) fn new() -> Self {
        Self {
            received: Vec::new(),
            said: Vec::new(),
            statements: BTreeMap::new(),
            portal: None,
            portals: BTreeMap::new(),
            status: TransactionStatus::Idle,
            savepoints: Vec::new(),
            skipping: false,
            copying: None,
            waiting: None,
            changed: false,
            executed: 0,
            gone: false,
        }
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Whether it has something to do.
    pub(super) fn can_work(&self) -> bool {
        let header = frontend::frame_header(&self.received);
        let header = header.expect("the client sends frames");
        self.waiting.is_none()
            && !self.gone
            && header.is_some_and(|header| header.frame_len() <= self.received.len())
    }

    /// Answers one message, if there is a whole one.
    pub(super) fn work(&mut self) {
        if !self.can_work() {
            return;
        }
        let header = frontend::frame_header(&self.received);
        let header = header.expect("as before").expect("as before");
        let frame: Vec<u8> = self.received.drain(..header.frame_len()).collect();
        let body = &frame[frame.len() - header.body_len..];
        let message = FrontendMessage::decode(header.tag, body).expect("the client sends messages");
        self.on_message(&message);
    }

    /// A request to cancel: it ends what runs.
    pub(super) fn cancel(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.failed(&waiting.portal, waiting.rest.is_some(), &Failed("57014"));
        }
    }

    /// What runs comes to its end.
    pub(super) fn wake(&mut self) {
        if let Some(Waiting { portal, rest }) = self.waiting.take() {
            self.rows(&portal, 2);
            self.complete("SELECT 3");
            if let Some(rest) = rest {
                self.simple(rest);
            }
        }
    }

    /// Says something that is no answer.
    pub(super) fn say(&mut self, message: &BackendMessage<'_>) {
        message.encode(&mut self.said).expect("it can be sent");
    }

    fn on_message(&mut self, message: &FrontendMessage<'_>) {
        if let Some(copying) = self.copying.take() {
            self.on_copy_message(message, copying);
            return;
        }
        match message {
            FrontendMessage::Sync => {
                self.skipping = false;
                self.ready();
            }
            FrontendMessage::Query(sql) if !self.skipping => {
                let sql = text(sql);
                let mut parts: Vec<String> = sql.split(';').map(str::to_owned).collect();
                if parts.len() > 1 && parts.last().is_some_and(|last| last.trim().is_empty()) {
                    parts.pop();
                }
                parts.reverse();
                self.simple(parts);
            }
            // What comes too late for a COPY that has failed.
            FrontendMessage::CopyData(_)
            | FrontendMessage::CopyDone
            | FrontendMessage::CopyFail(_) => {}
            FrontendMessage::Flush | FrontendMessage::Terminate => {}
            _ if self.skipping => {}
            message => {
                if let Err(error) = self.on_extended(message) {
                    let portal = self.portal.clone().unwrap_or_else(|| portal("?"));
                    self.failed(&portal, false, &error);
                }
            }
        }
    }

    fn on_extended(&mut self, message: &FrontendMessage<'_>) -> Result<(), Failed> {
        match message {
            FrontendMessage::Parse {
                name,
                sql,
                parameter_oids,
            } => {
                let sql = text(sql);
                self.portal = Some(portal(&sql));
                if word(&sql) == "nonsense" || sql.contains(';') {
                    return Err(Failed("42601"));
                }
                self.check_transaction(&sql)?;
                if !name.is_empty() && self.statements.contains_key(*name) {
                    return Err(Failed("42P05"));
                }
                let oids = parameter_oids.clone();
                self.statements
                    .insert(name.to_vec(), Statement { sql, oids });
                self.say(&BackendMessage::ParseComplete);
            }
            FrontendMessage::Bind {
                portal: own,
                statement,
                values,
                result_formats,
                ..
            } => {
                let found = self.statements.get(*statement).cloned();
                let argument = values.first().copied().flatten().map(text);
                let sql = found.as_ref().map_or("?", |found| &found.sql);
                self.portal = Some(Portal {
                    argument,
                    formats: result_formats.clone(),
                    ..portal(sql)
                });
                let Statement { sql, .. } = found.ok_or(Failed("26000"))?;
                self.check_transaction(&sql)?;
                if !own.is_empty() {
                    let bound = self.portal.clone().unwrap_or_else(|| portal(&sql));
                    let before = self.portals.insert(own.to_vec(), (bound, 0));
                    assert!(before.is_none(), "each portal has a name of its own");
                }
                self.say(&BackendMessage::BindComplete);
            }
            FrontendMessage::Describe(frontend::Target::Statement, name) => {
                let found = self.statements.get(*name).cloned();
                let Statement { sql, oids } = found.ok_or(Failed("26000"))?;
                self.say(&BackendMessage::ParameterDescription(oids));
                self.describe(&portal(&sql));
            }
            FrontendMessage::Describe(..) => {
                let portal = self.portal.clone().ok_or(Failed("34000"))?;
                self.describe(&portal);
            }
            FrontendMessage::Execute { portal, max_rows } if !portal.is_empty() => {
                self.execute_page(portal, *max_rows)?;
            }
            FrontendMessage::Execute { .. } => {
                let portal = self.portal.clone().ok_or(Failed("34000"))?;
                self.execute(&portal, None)?;
            }
            FrontendMessage::Close(frontend::Target::Statement, name) => {
                self.statements.remove(*name);
                self.say(&BackendMessage::CloseComplete);
            }
            FrontendMessage::Close(_, name) => {
                self.portals.remove(*name);
                self.say(&BackendMessage::CloseComplete);
            }
            other => panic!("nobody sends {other:?}"),
        }
        Ok(())
    }

    /// The next rows of a portal with a name.
    fn execute_page(&mut self, name: &[u8], most: i32) -> Result<(), Failed> {
        self.portal = Some(portal("?"));
        let (page_of, given) = self.portals.get(name).cloned().ok_or(Failed("34000"))?;
        self.portal = Some(page_of.clone());
        self.check_transaction(&page_of.sql)?;
        let rows: u32 = match word(&page_of.sql) {
            "more" => 3,
            "rows" => 1,
            _ => return self.execute(&page_of, None),
        };
        let most = u32::try_from(most).expect("no negative number");
        let left = rows - given;
        let count = if most == 0 { left } else { left.min(most) };
        self.executed += 1;
        self.rows(&page_of, count);
        if count == most && most > 0 {
            self.say(&BackendMessage::PortalSuspended);
        } else {
            self.complete(&format!("SELECT {count}"));
        }
        self.portals.insert(name.to_vec(), (page_of, given + count));
        Ok(())
    }

    /// In copy-in mode Sync and Flush are ignored, and everything else but COPY's own messages ends the session.
    fn on_copy_message(&mut self, message: &FrontendMessage<'_>, copying: Copying) {
        let code = match message {
            FrontendMessage::Sync | FrontendMessage::Flush | FrontendMessage::CopyData(_) => {
                self.copying = Some(copying);
                return;
            }
            FrontendMessage::CopyFail(_) => "57014",
            FrontendMessage::CopyDone => {
                self.complete("COPY 0");
                if let Some(rest) = copying.rest {
                    self.simple(rest);
                }
                return;
            }
            _ => {
                // It does not know any more where messages begin.
                for severity in ["ERROR", "FATAL"] {
                    let error = diagnostic(severity, "08P01", "unexpected message during COPY|-");
                    self.say(&BackendMessage::ErrorResponse(error));
                }
                self.gone = true;
                return;
            }
        };
        let portal = self.portal.clone().unwrap_or_else(|| portal("copy in"));
        self.failed(&portal, copying.rest.is_some(), &Failed(code));
    }

    /// The statements of a simple query, the next one last.
    fn simple(&mut self, mut rest: Vec<String>) {
        self.statements.remove(&b""[..]);
        while let Some(sql) = rest.pop() {
            let portal = portal(&sql);
            self.portal = Some(portal.clone());
            let executed = self.check_simple(&sql).and_then(|()| {
                if returns_rows(&sql) {
                    self.describe(&portal);
                }
                self.execute(&portal, Some(&rest))
            });
            if let Err(error) = executed {
                self.failed(&portal, true, &error);
                return;
            }
            if self.copying.is_some() || self.waiting.is_some() {
                return;
            }
        }
        self.ready();
    }

    fn check_simple(&self, sql: &str) -> Result<(), Failed> {
        if word(sql) == "nonsense" {
            return Err(Failed("42601"));
        }
        self.check_transaction(sql)
    }

    fn check_transaction(&self, sql: &str) -> Result<(), Failed> {
        let ends = matches!(word(sql), "commit" | "rollback" | "");
        if self.status == TransactionStatus::Failed && !ends {
            return Err(Failed("25P02"));
        }
        Ok(())
    }

    fn describe(&mut self, portal: &Portal) {
        if !returns_rows(&portal.sql) {
            self.say(&BackendMessage::NoData);
            return;
        }
        let format = portal.formats.first().copied().unwrap_or(Format::Text);
        self.say(&BackendMessage::RowDescription(vec![column(format)]));
    }

    fn execute(&mut self, portal: &Portal, rest: Option<&[String]>) -> Result<(), Failed> {
        let sql = portal.sql.as_str();
        self.check_transaction(sql)?;
        self.executed += 1;
        let rest = || rest.map(<[String]>::to_vec);
        match word(sql) {
            "rows" => self.rows_and_end(portal, 1),
            "more" => self.rows_and_end(portal, 3),
            "wait" => {
                self.rows(portal, 1);
                let portal = portal.clone();
                self.waiting = Some(Waiting {
                    portal,
                    rest: rest(),
                });
            }
            "insert" => self.complete("INSERT 0 1"),
            "alter" => self.complete("ALTER TABLE"),
            "fail" => return Err(Failed("22012")),
            "set" => {
                self.changed = true;
                self.complete("SET");
            }
            "discard" => {
                self.statements.clear();
                self.complete("DISCARD ALL");
            }
            "copy in" => {
                self.say(&BackendMessage::CopyInResponse(copy()));
                self.copying = Some(Copying { rest: rest() });
            }
            "copy out" => {
                self.say(&BackendMessage::CopyOutResponse(copy()));
                self.say(&BackendMessage::CopyData(b"1\n"));
                self.say(&BackendMessage::CopyDone);
                self.complete("COPY 1");
            }
            "notice" => {
                self.say(&notice());
                self.complete("NOTICE");
            }
            "" => self.say(&BackendMessage::EmptyQueryResponse),
            other => self.transaction(other, sql)?,
        }
        Ok(())
    }

    fn transaction(&mut self, word: &str, sql: &str) -> Result<(), Failed> {
        match word {
            "begin" => {
                self.status = TransactionStatus::InTransaction;
                self.complete("BEGIN");
            }
            "commit" => {
                let failed = self.status == TransactionStatus::Failed;
                self.end_transaction();
                self.complete(if failed { "ROLLBACK" } else { "COMMIT" });
            }
            "savepoint" => {
                self.in_transaction()?;
                self.savepoints.push(name(sql));
                self.complete("SAVEPOINT");
            }
            "release" => {
                self.in_transaction()?;
                let at = self.savepoint(sql)?;
                self.savepoints.truncate(at);
                self.complete("RELEASE");
            }
            "rollback" if sql.contains("SAVEPOINT") => {
                self.in_transaction()?;
                let at = self.savepoint(sql)?;
                self.savepoints.truncate(at + 1);
                self.status = TransactionStatus::InTransaction;
                self.complete("ROLLBACK");
            }
            "rollback" => {
                self.end_transaction();
                self.complete("ROLLBACK");
            }
            other => panic!("nobody asks for {other:?}"),
        }
        Ok(())
    }

    fn in_transaction(&self) -> Result<(), Failed> {
        if self.status == TransactionStatus::Idle {
            return Err(Failed("25P01"));
        }
        Ok(())
    }

    fn savepoint(&self, sql: &str) -> Result<usize, Failed> {
        let name = name(sql);
        let at = self.savepoints.iter().rposition(|known| *known == name);
        at.ok_or(Failed("3B001"))
    }

    fn end_transaction(&mut self) {
        self.status = TransactionStatus::Idle;
        self.savepoints.clear();
    }

    fn rows_and_end(&mut self, portal: &Portal, count: u32) {
        self.rows(portal, count);
        self.complete(&format!("SELECT {count}"));
    }

    /// Rows of one value: the number of the execution, and the argument.
    fn rows(&mut self, portal: &Portal, count: u32) {
        let argument = portal.argument.as_deref().unwrap_or("-");
        let value = format!("{} {argument}", self.executed);
        for _ in 0..count {
            let mut body = Vec::new();
            let values = [Some(value.as_bytes())];
            DataRow::encode_body(&mut body, &values).expect("a short row");
            let row = DataRow::decode(&body).expect("what was encoded");
            self.say(&BackendMessage::DataRow(row));
        }
    }

    fn complete(&mut self, tag: &str) {
        let tag = tag.as_bytes();
        self.say(&BackendMessage::CommandComplete { tag });
    }

    fn failed(&mut self, portal: &Portal, simple: bool, error: &Failed) {
        if self.status == TransactionStatus::InTransaction {
            self.status = TransactionStatus::Failed;
        }
        let argument = portal.argument.as_deref().unwrap_or("-");
        let text = format!("{}|{argument}", portal.sql.trim());
        self.say(&BackendMessage::ErrorResponse(diagnostic(
            "ERROR", error.0, &text,
        )));
        if simple {
            self.ready();
        } else {
            self.skipping = true;
        }
    }

    fn ready(&mut self) {
        if std::mem::take(&mut self.changed) {
            self.say(&BackendMessage::ParameterStatus {
                name: b"TimeZone",
                value: format!("UTC+{}", self.executed % 12).as_bytes(),
            });
        }
        if self.status == TransactionStatus::Idle {
            self.portals.clear();
        }
        self.say(&BackendMessage::ReadyForQuery(self.status));
    }
}

/// The columns of all that returns rows, in text.
pub(super) fn columns() -> Columns {
    vec![column(Format::Text)].into()
}

fn column(format: Format) -> FieldDescription {
    FieldDescription {
        name: b"a".as_slice().into(),
        table_oid: 0,
        column_id: 0,
        type_oid: 25,
        type_size: -1,
        type_modifier: -1,
        format,
    }
}

pub(super) fn diagnostic(severity: &str, code: &str, text: &str) -> Diagnostic {
    let fields = [
        (b'S', severity),
        (b'V', severity),
        (b'C', code),
        (b'M', text),
    ];
    let fields = fields.map(|(code, text)| (code, text.as_bytes()));
    Diagnostic::from_fields(fields).expect("field codes that are not zero")
}

pub(super) fn notice() -> BackendMessage<'static> {
    BackendMessage::NoticeResponse(diagnostic("NOTICE", "00000", "psst"))
}

fn copy() -> CopyResponse {
    CopyResponse {
        format: Format::Text,
        columns: vec![Format::Text],
    }
}

fn portal(sql: &str) -> Portal {
    Portal {
        sql: sql.to_owned(),
        argument: None,
        formats: Vec::new(),
    }
}

/// The statement without what may follow: its number, a name, characteristics.
fn word(sql: &str) -> &'static str {
    let sql = sql.trim().to_ascii_lowercase();
    let known = WORDS.iter().chain(&["savepoint", "release"]);
    let found = known
        .filter(|word| !word.is_empty())
        .find(|word| sql.starts_with(**word));
    assert!(found.is_some() || sql.is_empty(), "nobody asks for {sql:?}");
    found.unwrap_or(&"")
}

fn returns_rows(sql: &str) -> bool {
    matches!(word(sql), "rows" | "more" | "wait")
}

/// The last word, a savepoint's name.
fn name(sql: &str) -> String {
    sql.trim().rsplit(' ').next().unwrap_or_default().to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the client sends text")
}
