//! Portals with names: statements that are bound once and executed in pages of rows, several of them by turns.
//!
//! A portal lives as long as the transaction in which it was opened. Each page is an exchange of its own, so that other statements can
//! come between.

use super::exchange::{ExchangeId, PendingStatement};
use super::statements::Plan;
use super::{Execute, Session};
use crate::connection::Columns;
use crate::error::UsageError;

impl Session {
    /// Queues the opening of a portal, in an exchange of its own: the statement is bound to it, and not executed. The outcome's
    /// description has the columns of its pages, in their formats, and no parameters.
    ///
    /// A statement that is prepared is used; nothing is prepared for a portal.
    ///
    /// # Errors
    /// As [`Session::execute`]; and a NUL in the name.
    pub fn open_portal(
        &mut self,
        name: &[u8],
        request: &Execute<'_>,
    ) -> Result<ExchangeId, UsageError> {
        self.single = !self.is_open();
        let queued = self.queue(|session, id| session.queue_opening(name, request, id));
        self.single = false;
        let id = queued?;
        self.end_exchange();
        Ok(id)
    }

    fn queue_opening(
        &mut self,
        name: &[u8],
        request: &Execute<'_>,
        id: ExchangeId,
    ) -> Result<PendingStatement, UsageError> {
        let Execute { sql, params, .. } = *request;
        self.begin(request.begin)?;
        let all = request.format.of_all();
        let prepared = match self.plan(request, id) {
            Plan::Prepared(prepared) => Some(prepared),
            _ => None,
        };
        match &prepared {
            Some(prepared) => {
                let (_, formats) = self.columns_for(request, prepared);
                let formats = formats.as_deref().unwrap_or(all);
                self.connection
                    .bind_portal(name, &prepared.name, params, formats)?;
            }
            None => {
                self.connection.parse(b"", sql, &params.oids, true)?;
                self.connection.bind_portal(name, b"", params, all)?;
            }
        }
        self.connection.ask_portal_description(name)?;
        Ok(PendingStatement::Portal(prepared))
    }

    /// Queues the next rows of a portal, at most `max_rows` of them, or all with 0; in an exchange of its own. `columns` are those of
    /// its description.
    ///
    /// The result is [`Suspended`](crate::connection::Ending::Suspended) if it has so many rows: there may be more then, or none.
    ///
    /// # Errors
    /// A NUL in the name.
    pub fn fetch_portal(
        &mut self,
        name: &[u8],
        max_rows: u32,
        columns: Option<Columns>,
    ) -> Result<ExchangeId, UsageError> {
        let id = self.queue(|session, _| {
            session.begin(false)?;
            session.connection.execute_portal(name, max_rows, columns)?;
            Ok(PendingStatement::Plain)
        })?;
        self.end_exchange();
        Ok(id)
    }

    /// Has a portal closed with the next statement, unless its transaction has ended by then.
    pub fn drop_portal(&mut self, name: &[u8]) {
        self.dropped_portals.push(name.into());
    }

    /// Queues the closing of the portals that were dropped, in an exchange of its own, while the session is settled.
    ///
    /// # Errors
    /// A NUL in a name.
    pub fn close_portals(&mut self) -> Result<ExchangeId, UsageError> {
        let id = self.queue(|session, _| {
            session.begin(false)?;
            Ok(PendingStatement::Plain)
        })?;
        self.end_exchange();
        Ok(id)
    }
}
