//! The commands that start replication, and what is asked before.

use std::time::Duration;

use howdah_net::standby::{ASK_TIMEOUT, DEFAULT_INTERVAL, clock, interval_within};
use howdah_protocol::replication::pgoutput::NEWEST_VERSION;
use howdah_protocol::session::{ExchangeId, Outcome, StandbyOptions};
use howdah_types::PgLsn;

use crate::core::observe::StreamWatch;
use crate::core::statement::quoted;
use crate::core::{Core, Known};
use crate::error::{Error, Result};

/// How changes are told: `ChangeOptions::default()` is from where the slot is, committed transactions, values as text.
///
/// ```
/// use howdah::replication::{ChangeOptions, Streaming};
/// use howdah::types::PgLsn;
///
/// let options = ChangeOptions::default()
///     .lsn("0/16B3748".parse::<PgLsn>().unwrap())
///     .version(4)
///     .streaming(Streaming::Parallel)
///     .two_phase(true)
///     .messages(true)
///     .binary(true)
///     .origin("none");
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct ChangeOptions {
    lsn: PgLsn,
    version: Option<u8>,
    streaming: Streaming,
    two_phase: bool,
    messages: bool,
    binary: bool,
    origin: Option<String>,
}

/// Whether changes are sent of transactions that are in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Streaming {
    /// Only those of committed ones.
    #[default]
    Off,
    /// Of large ones also before, since PostgreSQL 14.
    On,
    /// The same, and it is told where and when one was rolled back, since PostgreSQL 16.
    Parallel,
}

impl ChangeOptions {
    /// Where to start; what has been confirmed before does not come again.
    #[must_use]
    pub fn lsn(mut self, lsn: PgLsn) -> Self {
        self.lsn = lsn;
        self
    }

    /// The version of the plugin's protocol, 1 to 4; otherwise it is the newest that the server knows.
    #[must_use]
    pub fn version(mut self, version: u8) -> Self {
        self.version = Some(version);
        self
    }

    /// Whether changes are sent of transactions that are in progress.
    #[must_use]
    pub fn streaming(mut self, streaming: Streaming) -> Self {
        self.streaming = streaming;
        self
    }

    /// Whether prepared transactions are told as such, of a slot that was created for that.
    #[must_use]
    pub fn two_phase(mut self, on: bool) -> Self {
        self.two_phase = on;
        self
    }

    /// Whether what `pg_logical_emit_message()` is given is told.
    #[must_use]
    pub fn messages(mut self, on: bool) -> Self {
        self.messages = on;
        self
    }

    /// Whether values come in their binary form, since PostgreSQL 14.
    #[must_use]
    pub fn binary(mut self, on: bool) -> Self {
        self.binary = on;
        self
    }

    /// Changes of which origin are sent: `none` is those that were made on this server; since PostgreSQL 16.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }
}

/// A stream on its way to be started.
#[derive(Debug)]
pub(crate) struct Start {
    command: String,
    slot: Option<String>,
    pub(super) is_physical: bool,
    /// That of the messages of `pgoutput`.
    pub(super) version: u8,
    interval: Duration,
    /// What is to be asked before, in reverse.
    questions: Vec<Question>,
}

/// What is asked before a stream is started.
#[derive(Debug)]
pub(crate) enum Question {
    /// How long the server waits to hear from the client.
    Timeout,
    /// The types of the columns that will come, by this query.
    Columns(String),
    /// What these types are.
    Types(Vec<u32>),
}

impl Start {
    pub(crate) fn logical(slot: &str, lsn: PgLsn, options: &[(&str, &str)]) -> Self {
        let given: Vec<String> = options
            .iter()
            .map(|(name, value)| format!("{} {}", quoted(name), literal(value)))
            .collect();
        let given = match given.is_empty() {
            true => String::new(),
            false => format!(" ({})", given.join(", ")),
        };
        let name = quoted(slot);
        let command = format!("START_REPLICATION SLOT {name} LOGICAL {lsn}{given}");
        Self::new(command, Some(slot))
    }

    pub(crate) fn physical(lsn: PgLsn, slot: Option<&str>, timeline: Option<u32>) -> Self {
        let name = slot.map_or_else(String::new, |slot| format!(" SLOT {}", quoted(slot)));
        let timeline = timeline.map_or_else(String::new, |number| format!(" TIMELINE {number}"));
        let command = format!("START_REPLICATION{name} PHYSICAL {lsn}{timeline}");
        Self {
            is_physical: true,
            ..Self::new(command, slot)
        }
    }

    pub(crate) fn changes(
        core: &Core,
        slot: &str,
        publications: &[&str],
        options: &ChangeOptions,
    ) -> Result<Self> {
        let newest = newest_version(core.session.connection().server_version());
        let version = options.version.unwrap_or(newest);
        if !(1..=NEWEST_VERSION).contains(&version) {
            let text = format!("the versions of pgoutput's protocol are 1 to {NEWEST_VERSION}");
            return Err(Error::usage(text));
        }
        let number = version.to_string();
        let names: Vec<String> = publications.iter().map(|name| quoted(name)).collect();
        let names = names.join(",");
        let mut given = vec![("proto_version", &*number), ("publication_names", &*names)];
        // Only those that are not as by default, since older servers know fewer.
        match options.streaming {
            Streaming::Off => {}
            Streaming::On => given.push(("streaming", "on")),
            Streaming::Parallel => given.push(("streaming", "parallel")),
        }
        for (name, wanted) in [
            ("two_phase", options.two_phase),
            ("messages", options.messages),
            ("binary", options.binary),
        ] {
            if wanted {
                given.push((name, "on"));
            }
        }
        if let Some(origin) = &options.origin {
            given.push(("origin", origin));
        }
        let mut start = Self::logical(slot, options.lsn, &given);
        start.version = version;
        start
            .questions
            .insert(0, Question::Columns(published_types(publications)));
        Ok(start)
    }

    fn new(command: String, slot: Option<&str>) -> Self {
        Self {
            command,
            slot: slot.map(str::to_owned),
            is_physical: false,
            version: NEWEST_VERSION,
            interval: DEFAULT_INTERVAL,
            questions: vec![Question::Timeout],
        }
    }

    /// Begins to watch the stream.
    pub(crate) fn watch(&self, known: &Known) -> StreamWatch {
        known.watch_replication(&self.command, self.slot.as_deref(), self.is_physical)
    }

    /// What has to be asked next; `None` when the stream can be started.
    ///
    /// # Errors
    /// The connection was not opened for it, or the command cannot be sent.
    pub(crate) fn question(&mut self, core: &mut Core) -> Result<Option<Question>> {
        if !core.speaks_replication() {
            return Err(Error::usage(
                "the connection was not opened for replication: its parameter 'replication' has to be 'database' for logical, \
                 or 'true' for physical replication",
            ));
        }
        core.check_encoding(&self.command, false)?;
        Ok(self.questions.pop())
    }

    pub(crate) fn ask(core: &mut Core, question: &Question) -> Result<ExchangeId> {
        match question {
            Question::Timeout => core.queue_control(ASK_TIMEOUT),
            Question::Columns(sql) => core.queue_control(sql),
            Question::Types(oids) => core.queue_lookup(oids),
        }
    }

    /// Notes the answer. Without one the stream is started as well.
    pub(crate) fn learn(
        &mut self,
        core: &Core,
        question: &Question,
        outcome: Outcome,
    ) -> Result<()> {
        if let Question::Types(oids) = question {
            return core.known.insert_types(oids, outcome);
        }
        let Some(answer) = outcome.results.last() else {
            return Ok(());
        };
        let said = answer.rows.iter().filter_map(|mut row| row.next()?);
        match question {
            Question::Columns(_) => {
                let oids = said.filter_map(|oid| std::str::from_utf8(oid).ok()?.parse().ok());
                let unknown = core.known.unknown_types(oids);
                if !unknown.is_empty() {
                    self.questions.push(Question::Types(unknown));
                }
            }
            _ => {
                if let Some(said) = { said }.next() {
                    self.interval = interval_within(said);
                }
            }
        }
        Ok(())
    }

    /// Queues the command.
    pub(crate) fn queue(&self, core: &mut Core) -> Result<ExchangeId> {
        let options = StandbyOptions {
            interval: Some(self.interval),
            is_physical: self.is_physical,
            clock: clock(),
        };
        Ok(core.session.replicate(self.command.as_bytes(), options)?)
    }
}

/// The query that tells the types of users among the columns that are published.
fn published_types(publications: &[&str]) -> String {
    let names: Vec<String> = publications.iter().map(|name| literal(name)).collect();
    let names = match names.is_empty() {
        true => "NULL".to_owned(),
        false => names.join(", "),
    };
    format!(
        "SELECT DISTINCT a.atttypid FROM pg_catalog.pg_publication_tables p \
         JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname \
         JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE p.pubname IN ({names}) AND a.atttypid >= 10000"
    )
}

/// The newest version of pgoutput's protocol that a server knows.
fn newest_version(server_version: u32) -> u8 {
    match server_version {
        160_000.. => 4,
        150_000.. => 3,
        140_000.. => 2,
        _ => 1,
    }
}

/// As a walsender reads it, to which a backslash is one.
fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_quoted() {
        let start = Start::logical("a\"b", PgLsn(0x16_B374_D848), &[("x", "it's"), ("y", "")]);
        assert_eq!(
            start.command,
            "START_REPLICATION SLOT \"a\"\"b\" LOGICAL 16/B374D848 (\"x\" 'it''s', \"y\" '')"
        );
        let start = Start::physical(PgLsn(1), Some("s"), Some(2));
        assert_eq!(
            start.command,
            "START_REPLICATION SLOT \"s\" PHYSICAL 0/1 TIMELINE 2"
        );
    }
}
