//! `commit()`, `rollback()`, and changes of how transactions are begun.

use std::sync::Arc;

use howdah_protocol::session::{Characteristics, Outcome};
use pyo3::prelude::*;

use super::{check, queue_command};
use crate::core::Core;
use crate::errors;
use crate::shell::{Job, Next};

/// The transaction status that means that no transaction is running.
const IDLE: u8 = 0;

/// The end of the running transaction, if there is one.
pub(crate) struct End {
    pub(crate) sql: &'static str,
    pub(crate) name: &'static str,
}

impl Job for End {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        core.check_no_transaction_block(py, self.name)?;
        if core.facts.settled_status() == IDLE {
            return Ok(Next::Done(py.None()));
        }
        queue_command(py, core, self.sql.as_bytes()).map(Next::Exchange)
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        check(py, core, &outcome, Some(self.sql.as_bytes()))?;
        Ok(Next::Done(py.None()))
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

/// A change of the transactions to come: not possible within one.
pub(crate) struct Change {
    pub(crate) attribute: &'static str,
    pub(crate) change: Box<dyn Fn(&mut Characteristics) + Send + Sync>,
}

impl Job for Change {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let attribute = self.attribute;
        if core.in_transaction_block() {
            return Err(errors::programming(
                py,
                format!(
                    "can't change '{attribute}' now: connection.transaction() context in progress"
                ),
            ));
        }
        core.check_open(py)?;
        let status = match core.facts.settled_status() {
            IDLE => {
                core.change_characteristics(&*self.change);
                return Ok(Next::Done(py.None()));
            }
            2 => "INTRANS",
            _ => "INERROR",
        };
        Err(errors::programming(
            py,
            format!("can't change '{attribute}' now: connection in transaction status {status}"),
        ))
    }

    fn resume(&mut self, py: Python<'_>, _core: &Arc<Core>, _outcome: Outcome) -> PyResult<Next> {
        Ok(Next::Done(py.None()))
    }

    fn name(&self) -> &'static str {
        self.attribute
    }
}
