//! What has to be asked before a statement is executed: what its parameters are, and the types made by users among them.
//!
//! A statement with parameters is described when it is first executed, and kept prepared, so that later executions ask
//! nothing. A shell asks as long as there is a [`Question`], then executes.

use std::collections::HashMap;

use howdah_protocol::connection::Params;
use howdah_protocol::session::{
    BinaryChoice, Description, ExchangeId, Execute, Outcome, ResultFormat,
};
use howdah_protocol::wire::TransactionStatus;
use howdah_types::ToSql;

use super::{Core, is_read_in_binary};
use crate::error::{Error, Result};
use crate::params;

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
    /// What the statement's parameters and columns are.
    Description,
    /// What these types are.
    Types(Vec<u32>),
}

/// A statement with its parameters, on its way to be executed.
pub(crate) struct Preparation<'s> {
    sql: &'s str,
    params: &'s [&'s dyn ToSql],
    mode: Mode,
    is_to_be_described: bool,
    description: Option<Description>,
    /// Whether the description was asked for just now, and cannot be out of date.
    is_fresh: bool,
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
    pub(crate) fn prepare<'s>(
        &mut self,
        sql: &'s str,
        params: &'s [&'s dyn ToSql],
        mode: Mode,
    ) -> Result<Preparation<'s>> {
        self.check_block()?;
        self.check_encoding(sql, !params.is_empty())?;
        let is_to_be_described = self.is_to_be_described(params, mode);
        Ok(Preparation {
            sql,
            params,
            mode,
            is_to_be_described,
            description: is_to_be_described.then(|| self.description(sql)).flatten(),
            is_fresh: false,
            has_met_types: false,
            encoded: std::mem::take(&mut self.params),
        })
    }

    /// Queues a question.
    pub(crate) fn ask(&mut self, sql: &str, question: &Question) -> Result<ExchangeId> {
        match question {
            Question::Description => {
                let keep = self.keeps_statements();
                Ok(self.session.prepare(sql.as_bytes(), keep)?)
            }
            Question::Types(oids) => self.queue_lookup(oids),
        }
    }

    /// What was found out about a statement before.
    fn description(&self, sql: &str) -> Option<Description> {
        if self.keeps_statements() {
            self.session.description(sql.as_bytes())
        } else {
            self.descriptions.get(sql)
        }
    }

    /// Whether statements may be prepared.
    fn keeps_statements(&self) -> bool {
        self.session.statements.threshold.is_some()
    }

    /// Whether a statement has to be described before it is executed.
    ///
    /// Without parameters it has to be where its text might not be read as its binary form is: in styles that are not read.
    fn is_to_be_described(&self, params: &[&dyn ToSql], mode: Mode) -> bool {
        let by_style = self.keeps_statements() && !self.settings.load.is_read_in_text();
        !params.is_empty() || mode == Mode::Stream || by_style
    }

    /// The types in a description that have to be looked up.
    fn unmet_in(&self, description: &Description) -> Vec<u32> {
        // A failed transaction has no answers, and names in another encoding could not be read.
        if self.status() == TransactionStatus::Failed || !self.settings.utf8 {
            return Vec::new();
        }
        let parameters = description.parameters.iter().copied();
        let columns = description
            .columns
            .iter()
            .flat_map(|columns| columns.iter());
        self.types
            .unmet(parameters.chain(columns.map(|field| field.type_oid)))
    }
}

impl<'s> Preparation<'s> {
    /// What has to be asked now; `None` when the statement can be executed.
    ///
    /// # Errors
    /// A parameter cannot be sent as its type; nothing has been executed.
    pub(crate) fn question(&mut self, core: &Core) -> Result<Option<Question>> {
        let Some(description) = &self.description else {
            self.encoded.clear();
            let is_needed = self.is_to_be_described;
            return Ok(is_needed.then_some(Question::Description));
        };
        if !self.has_met_types {
            self.has_met_types = true;
            let unmet = core.unmet_in(description);
            if !unmet.is_empty() {
                return Ok(Some(Question::Types(unmet)));
            }
        }
        let types = &description.parameters;
        match params::encode(self.params, types, &core.types.known(), &mut self.encoded) {
            Ok(()) => Ok(None),
            // What was described earlier may have changed since.
            Err(_) if !self.is_fresh => Ok(Some(Question::Description)),
            Err(error) => Err(error),
        }
    }

    /// Notes the answer.
    ///
    /// # Errors
    /// The server's: it has no such statement.
    pub(crate) fn learn(
        &mut self,
        core: &mut Core,
        question: &Question,
        mut outcome: Outcome,
    ) -> Result<()> {
        if let Question::Types(oids) = question {
            return core.finish_lookup(oids, outcome);
        }
        let description = outcome.description.take();
        core.finish(outcome)?;
        let description =
            description.ok_or_else(|| Error::shape("the server gave no description"))?;
        if !core.keeps_statements() {
            core.descriptions.insert(self.sql, description.clone());
        }
        self.description = Some(description);
        self.is_fresh = true;
        self.has_met_types = false;
        Ok(())
    }

    /// Queues the execution.
    pub(crate) fn execute(self, core: &mut Core) -> Result<ExchangeId> {
        core.params = self.encoded;
        let is_kept = self.is_to_be_described
            && core.keeps_statements()
            && core.description(self.sql).is_some();
        if is_kept {
            // It is known by its text, without types.
            core.params.oids.fill(0);
        }
        Ok(core.session.execute(&Execute {
            sql: self.sql.as_bytes(),
            params: &core.params,
            format: ResultFormat::Auto(BinaryChoice {
                id: 0,
                accepts: &is_read_in_binary,
            }),
            prepare: (self.mode == Mode::Stream && !is_kept).then_some(false),
            begin: true,
            extended: true,
        })?)
    }
}

impl Descriptions {
    fn get(&self, sql: &str) -> Option<Description> {
        self.map.get(sql).cloned()
    }

    fn insert(&mut self, sql: &str, description: Description) {
        if self.map.len() >= MOST_DESCRIPTIONS {
            self.map.clear();
        }
        self.map.insert(sql.into(), description);
    }

    /// Forgets all: one of them may be what was wrong.
    pub(super) fn forget(&mut self) {
        self.map.clear();
    }
}
