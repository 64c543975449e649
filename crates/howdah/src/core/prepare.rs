//! What has to be asked before a statement is executed: what its parameters are, and the types made by users among them.
//!
//! A statement with parameters is described when it is first executed, and kept prepared, so that later executions ask
//! nothing. Where their types are named that is only needed for its columns. A shell asks as long as there is a [`Question`], then
//! executes.

use std::collections::HashMap;
use std::sync::Arc;

use howdah_protocol::connection::Params;
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{
    BinaryChoice, Description, ExchangeId, Execute, Outcome, ResultFormat, Session,
};
use howdah_protocol::wire::TransactionStatus;

use super::known::Known;
use super::portal::Portal;
use super::{Core, is_read_in_binary};
use crate::error::{Error, Result};
use crate::params::Parameters;

/// How a statement is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All its rows are received before they are handed out.
    Gather,
    /// Its rows are handed out as they arrive, when nothing can be asked about them any more.
    Stream,
}

/// What is to be asked next.
#[derive(Debug)]
pub(crate) enum Question {
    /// What the statement's parameters and columns are, with the types that were named for its parameters, if any were.
    Description(Option<Arc<[u32]>>),
    /// What these types are.
    Types(Vec<u32>),
}

/// What is to be known of parameters before they are encoded.
pub(crate) struct Given {
    count: usize,
    /// Their types, where they are named.
    named: Option<Arc<[u32]>>,
}

/// A statement with its parameters, on its way to be executed.
pub(crate) struct Preparation {
    mode: Mode,
    /// Whether it is described before it is executed.
    ///
    /// Without parameters it is where its text might not be read as its binary form is: in styles that are not read.
    is_described: bool,
    /// The types that were named for its parameters: none is inferred then, and there is nothing to be asked about those.
    named: Option<Arc<[u32]>>,
    /// Whether types can be looked up: a failed transaction has no answers, and names in another encoding could not be read.
    looks_up: bool,
    /// Whether the server keeps it prepared once it is described.
    is_kept: bool,
    description: Option<Description>,
    /// Whether the types of the parameters cannot be out of date: they were asked for just now, or named.
    is_fresh: bool,
    /// Whether what is prepared for it without a description is not to be used.
    is_renewed: bool,
    has_met_types: bool,
    encoded: Params,
}

/// Descriptions of statements that the server does not keep, because nothing is to be prepared.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    map: HashMap<Box<str>, Description>,
}

/// With more descriptions than this, all are forgotten.
const MOST_DESCRIPTIONS: usize = 100;

impl Core {
    /// Begins to prepare the execution of a statement. The connection has to be at rest until it is executed.
    ///
    /// # Errors
    /// The block that is open has been ended, or the session's encoding does not allow what is to be sent.
    pub(crate) fn prepare(&mut self, sql: &str, given: Given, mode: Mode) -> Result<Preparation> {
        let Given { count, named } = given;
        self.check_block()?;
        if let Some(types) = named.as_deref().filter(|types| types.len() != count) {
            let types = types.len();
            return Err(Error::usage(format!(
                "{types} types are named, and {count} parameters were given"
            )));
        }
        self.check_encoding(sql, count > 0)?;
        let is_kept = self.keeps_statements();
        let looks_up = self.status() != TransactionStatus::Failed && self.is_utf8();
        let parameters = self.session.connection().shared_parameters();
        let by_style = || is_kept && !self.known.is_read_in_text(parameters);
        // A walsender describes nothing.
        let is_inferred = count > 0 && named.is_none();
        let is_described =
            is_inferred || (!self.speaks_replication() && (mode == Mode::Stream || by_style()));
        let description = match (is_described, &named) {
            (true, named) => self
                .description(sql, named.as_deref())
                .map(|description| with_named(description, named.as_ref())),
            (false, Some(types)) => Some(Description {
                parameters: Arc::clone(types),
                columns: None,
            }),
            (false, None) => None,
        };
        Ok(Preparation {
            mode,
            is_described,
            looks_up,
            is_kept,
            description,
            is_fresh: !is_described || named.is_some(),
            named,
            is_renewed: false,
            has_met_types: false,
            encoded: std::mem::take(&mut self.params),
        })
    }

    /// Queues the question what a statement takes and gives, for the user. It is kept prepared if that is wanted and possible.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare), and nothing can be prepared.
    pub(crate) fn queue_description(&mut self, sql: &str, keep: bool) -> Result<ExchangeId> {
        self.check_block()?;
        // Names of types would be in the other encoding as well.
        self.check_encoding(sql, true)?;
        if self.speaks_replication() {
            let text = "a connection for replication prepares no statements";
            return Err(Error::usage(text));
        }
        let keep = keep && self.keeps_statements();
        Ok(self.session.prepare(sql.as_bytes(), &[], keep)?)
    }

    /// Queues a question in an exchange that goes on.
    pub(crate) fn ask_more(&mut self, sql: &str, question: &Question) -> Result<ExchangeId> {
        match question {
            Question::Description(named) => {
                self.describe(sql, named.as_deref(), Session::prepare_more)
            }
            Question::Types(oids) => self.lookup(oids, Session::execute_more),
        }
    }

    /// Queues a question.
    pub(crate) fn ask(&mut self, sql: &str, question: &Question) -> Result<ExchangeId> {
        match question {
            Question::Description(named) => self.describe(sql, named.as_deref(), Session::prepare),
            Question::Types(oids) => self.queue_lookup(oids),
        }
    }

    /// Queues by `queue` the question what a statement is.
    fn describe(
        &mut self,
        sql: &str,
        named: Option<&[u32]>,
        queue: impl FnOnce(
            &mut Session,
            &[u8],
            &[u32],
            bool,
        ) -> std::result::Result<ExchangeId, UsageError>,
    ) -> Result<ExchangeId> {
        let keep = self.keeps_statements();
        let types = named.unwrap_or_default();
        Ok(queue(&mut self.session, sql.as_bytes(), types, keep)?)
    }

    /// What was found out about a statement before.
    fn description(&self, sql: &str, named: Option<&[u32]>) -> Option<Description> {
        if self.keeps_statements() {
            let types = named.unwrap_or_default();
            self.session.description(sql.as_bytes(), types)
        } else if named.is_none() {
            self.known.description(sql)
        } else {
            None
        }
    }

    /// Whether statements may be prepared.
    fn keeps_statements(&self) -> bool {
        self.session.keeps_statements()
    }
}

impl Preparation {
    /// What has to be asked now; `None` when the statement can be executed.
    ///
    /// # Errors
    /// A parameter cannot be sent as its type; nothing has been executed.
    pub(crate) fn question(
        &mut self,
        known: &Known,
        params: &dyn Parameters,
    ) -> Result<Option<Question>> {
        let Some(description) = &self.description else {
            self.encoded.clear();
            return Ok(self.is_described.then(|| self.about_it()));
        };
        if !std::mem::replace(&mut self.has_met_types, true) && self.looks_up {
            let unknown = known.unknown_types(types_in(description));
            if !unknown.is_empty() {
                return Ok(Some(Question::Types(unknown)));
            }
        }
        let types = &description.parameters;
        match params.encode(types, &known.types(), &mut self.encoded) {
            Ok(()) => Ok(None),
            // What was described earlier may have changed since.
            Err(_) if !self.is_fresh => Ok(Some(self.about_it())),
            Err(error) => Err(error),
        }
    }

    fn about_it(&self) -> Question {
        Question::Description(self.named.clone())
    }

    /// Has nothing used that was prepared before; what has been `described` since is right.
    pub(crate) fn renew(&mut self, described: bool) {
        self.is_renewed = !self.is_described;
        if !described && self.is_described {
            self.description = None;
        }
    }

    /// The types that were named for its parameters.
    pub(crate) fn named(&self) -> Option<&Arc<[u32]>> {
        self.named.as_ref()
    }

    /// Whether it is described before it is executed.
    pub(crate) fn is_described(&self) -> bool {
        self.is_described
    }

    /// Gives it up; the next statement is encoded into the same memory.
    pub(crate) fn leave(self, core: &mut Core) {
        core.params = self.encoded;
    }

    /// The columns that the statement has, if it was described and gives rows.
    #[cfg(feature = "arrow")]
    pub(crate) fn columns(self) -> Option<howdah_protocol::connection::Columns> {
        self.description?.columns
    }

    /// Notes the answer.
    ///
    /// # Errors
    /// The server's: it has no such statement.
    pub(crate) fn learn(
        &mut self,
        known: &Known,
        sql: &str,
        question: &Question,
        outcome: Outcome,
    ) -> Result<()> {
        if let Question::Types(oids) = question {
            return known.insert_types(oids, outcome);
        }
        let description = known
            .description_in(outcome)
            .map_err(|error| error.in_statement(sql))?;
        if !self.is_kept && self.named.is_none() {
            known.keep_description(sql, description.clone());
        }
        self.description = Some(with_named(description, self.named.as_ref()));
        self.is_fresh = true;
        self.has_met_types = false;
        Ok(())
    }

    /// Queues the execution.
    pub(crate) fn execute(&mut self, core: &mut Core, sql: &str) -> Result<ExchangeId> {
        self.queue(core, sql, false, Session::execute)
    }

    /// Queues the opening of a portal, which is executed later.
    pub(crate) fn open(&mut self, core: &mut Core, portal: &Portal) -> Result<ExchangeId> {
        self.queue(core, portal.sql(), false, |session, request| {
            session.open_portal(portal.name(), request)
        })
    }

    /// Queues the execution in an exchange that goes on; the statement is prepared at once if it is to be `repeated`.
    pub(crate) fn execute_more(
        &mut self,
        core: &mut Core,
        sql: &str,
        repeated: bool,
    ) -> Result<ExchangeId> {
        self.queue(core, sql, repeated, Session::execute_more)
    }

    fn queue(
        &mut self,
        core: &mut Core,
        sql: &str,
        repeated: bool,
        queue: impl FnOnce(&mut Session, &Execute<'_>) -> std::result::Result<ExchangeId, UsageError>,
    ) -> Result<ExchangeId> {
        let keeps = core.keeps_statements();
        let named = self.named.as_deref();
        let is_kept = self.is_described && keeps && core.description(sql, named).is_some();
        if is_kept {
            // It is known by its text and the types that were named.
            match named {
                Some(types) => self.encoded.oids.copy_from_slice(types),
                None => self.encoded.oids.fill(0),
            }
        }
        if let Some(description) = &self.description {
            core.known
                .tell_values(&self.encoded, &description.parameters);
        }
        let streams = self.mode == Mode::Stream;
        let request = Execute {
            sql: sql.as_bytes(),
            params: &self.encoded,
            format: ResultFormat::Auto(BinaryChoice {
                id: 0,
                accepts: &is_read_in_binary,
            }),
            prepare: match () {
                () if self.is_renewed => Some(false),
                () if repeated && keeps => Some(true),
                () if streams && !is_kept => Some(false),
                () => None,
            },
            begin: true,
            extended: !core.speaks_replication(),
        };
        let id = queue(&mut core.session, &request)?;
        if !repeated {
            // The next statement is encoded into the same memory.
            core.params = std::mem::take(&mut self.encoded);
        }
        Ok(id)
    }
}

impl Given {
    pub(crate) fn of(params: &dyn Parameters) -> Self {
        Self {
            count: params.count(),
            named: params.named(),
        }
    }
}

/// A description with the types that were named for the parameters: one that was left to the server is sent as its text all the same.
fn with_named(mut description: Description, named: Option<&Arc<[u32]>>) -> Description {
    if let Some(named) = named.filter(|named| named.len() == description.parameters.len()) {
        description.parameters = Arc::clone(named);
    }
    description
}

/// The types of parameters and columns.
pub(super) fn types_in(description: &Description) -> impl Iterator<Item = u32> {
    let columns = description.columns.iter();
    let columns = columns.flat_map(|columns| columns.iter().map(|field| field.type_oid));
    description.parameters.iter().copied().chain(columns)
}

impl Descriptions {
    pub(super) fn get(&self, sql: &str) -> Option<Description> {
        self.map.get(sql).cloned()
    }

    pub(super) fn insert(&mut self, sql: &str, description: Description) {
        if self.map.len() >= MOST_DESCRIPTIONS {
            self.map.clear();
        }
        // Without memory for its text it is described again.
        let mut key = String::new();
        if key.try_reserve_exact(sql.len()).is_ok() {
            key.push_str(sql);
            self.map.insert(key.into(), description);
        }
    }

    /// Forgets all: one of them may be what was wrong.
    pub(super) fn forget(&mut self) {
        self.map.clear();
    }
}
