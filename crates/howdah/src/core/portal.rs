//! Portals: statements whose rows are fetched in pages.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use howdah_protocol::connection::{Columns, Ending, RowSet};
use howdah_protocol::session::{Description, ExchangeId, Outcome};
use howdah_types::Types;

use super::statement::is_copy;
use super::{Core, Finished};
use crate::error::{Error, Result};
use crate::row::{Column, Rows};

/// A statement whose rows are fetched in pages, within a transaction: from [`Session::portal`](crate::Session::portal), for
/// [`Session::fetch`](crate::Session::fetch), or their twins on tokio.
///
/// It does not borrow the transaction: several are open at once, and other statements run between their pages. The server closes it
/// when the transaction ends, and what is fetched after that is an error. Dropping it has it closed with the next statement.
///
/// ```no_run
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let mut tx = conn.transaction()?;
/// let mut orders = tx.portal("SELECT id FROM orders WHERE open", ())?;
/// while !orders.is_done() {
///     for order in tx.fetch(&mut orders, 100)? {
///         tx.execute("INSERT INTO reminders (order_id) VALUES ($1)", (order.get::<i64>("id")?,))?;
///     }
/// }
/// tx.commit()?;
/// # Ok(())
/// # }
/// ```
pub struct Portal {
    name: Box<[u8]>,
    sql: Box<str>,
    /// What its rows are like; `None` where there are none.
    columns: Option<Columns>,
    types: Arc<Types>,
    /// The transaction that it is in, by the session's count.
    transaction: u64,
    state: State,
    home: Arc<Dropped>,
}

/// Whether there is anything to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// A page was asked for whose answer nobody has seen.
    Fetching,
    Failed,
    Done,
}

/// The portals of a connection that were dropped, by their names and transactions: they are to be closed.
type Dropped = Mutex<Vec<(Box<[u8]>, u64)>>;

/// What a connection knows of its portals.
#[derive(Debug, Default)]
pub(crate) struct Portals {
    opened: u64,
    /// There once one has been opened.
    dropped: Option<Arc<Dropped>>,
}

impl Portal {
    /// The statement.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The columns from left to right; none for a statement that returns no rows.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = Column<'_>> {
        let fields = self.columns.as_deref().unwrap_or_default();
        fields.iter().map(|field| Column::new(field, &self.types))
    }

    /// Whether all rows have been given. It is known when a page has fewer rows than were asked for, and not before that.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the server may have it.
    fn is_open(&self) -> bool {
        self.state != State::Done
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// Notes that it has been opened, with these columns.
    pub(crate) fn opened(&mut self, core: &Core, description: Description) {
        self.columns = description.columns;
        self.types = core.known.types();
        self.transaction = core.session.transaction_number();
        self.state = State::Open;
    }

    /// Queues the next page.
    pub(crate) fn queue(&mut self, core: &mut Core, rows: u32) -> Result<ExchangeId> {
        let session = &mut core.session;
        let id = session.fetch_portal(&self.name, rows, self.columns.clone())?;
        self.state = State::Fetching;
        Ok(id)
    }

    /// The page that has come, and what comes of the portal when that has been given.
    ///
    /// Until [`proceed`](Self::proceed) it counts as lost: whoever waits for something more may give up.
    pub(crate) fn take(
        &mut self,
        core: &mut Core,
        outcome: Outcome,
    ) -> Result<(Finished<Rows>, State)> {
        core.note_block();
        let sqlstate = outcome.error.as_ref().and_then(|error| error.sqlstate());
        let was_refused = sqlstate == Some(b"25P02");
        let ending = outcome.results.last().map(|result| result.ending);
        match core.known.one(outcome) {
            Ok(page) if ending == Some(Ending::Suspended) => Ok((page, State::Open)),
            Ok(page) => Ok((page, State::Done)),
            Err(error) => {
                // Where nothing has been executed it goes on after a rollback to a savepoint.
                self.state = if was_refused {
                    State::Open
                } else {
                    State::Failed
                };
                Err(error.in_statement(&self.sql))
            }
        }
    }

    /// Notes that the page has been given, and what comes of the portal by that.
    pub(crate) fn proceed(&mut self, state: State) {
        self.state = state;
        if state == State::Done {
            self.give_up();
        }
    }

    /// Has the server close it with the next statement.
    fn give_up(&mut self) {
        let name = mem::take(&mut self.name);
        let mut dropped = self.home.lock().unwrap_or_else(PoisonError::into_inner);
        dropped.push((name, self.transaction));
    }
}

impl Core {
    /// A portal that is to be opened; until it is, dropping it has the server close what it may have opened.
    ///
    /// # Errors
    /// There is no transaction, or it is not a statement that can have one.
    pub(crate) fn begin_portal(&mut self, sql: &str) -> Result<Portal> {
        self.check_block()?;
        if self.speaks_replication() {
            return Err(Error::usage("a connection for replication has no portals"));
        }
        if !self.has_transaction() {
            let text = "no transaction is running that could have a portal: use transaction()";
            return Err(Error::usage(text));
        }
        if is_copy(sql) {
            return Err(Error::usage("COPY cannot be used with this method"));
        }
        let portals = &mut self.portals;
        portals.opened += 1;
        Ok(Portal {
            name: format!("_howdah_portal_{}", portals.opened)
                .into_bytes()
                .into(),
            sql: sql.into(),
            columns: None,
            types: self.known.types(),
            transaction: self.session.transaction_number(),
            state: State::Failed,
            home: Arc::clone(portals.dropped.get_or_insert_default()),
        })
    }

    /// How many rows are to be asked for; none where the portal has given all.
    ///
    /// # Errors
    /// The portal cannot give any.
    pub(crate) fn check_portal(&self, portal: &Portal, rows: usize) -> Result<Option<u32>> {
        self.check_block()?;
        let problem = match portal.state {
            _ if !self.has_opened(portal) => "the portal is of another connection",
            _ if rows == 0 => "a page of a portal has at least one row",
            State::Done => return Ok(None),
            _ if !self.is_current(portal) => "the transaction of the portal has ended",
            State::Open => return Ok(Some(u32::try_from(rows).unwrap_or(u32::MAX))),
            State::Fetching => "a page of the portal was given up, and its rows are lost",
            State::Failed => "the portal has failed",
        };
        Err(Error::usage(problem))
    }

    /// Takes a portal that is to be closed at once; tells whether the server has to be told.
    pub(crate) fn drop_portal(&mut self, portal: Portal) -> Result<bool> {
        if !self.has_opened(&portal) {
            return Err(Error::usage("the portal is of another connection"));
        }
        let is_open = portal.is_open() && self.is_current(&portal);
        drop(portal);
        self.take_dropped_portals();
        Ok(is_open)
    }

    fn has_opened(&self, portal: &Portal) -> bool {
        let own = self.portals.dropped.as_ref();
        own.is_some_and(|own| Arc::ptr_eq(own, &portal.home))
    }

    fn is_current(&self, portal: &Portal) -> bool {
        portal.transaction == self.session.transaction_number()
    }

    /// What a portal gives that has given all.
    pub(crate) fn no_rows(&self, portal: &Portal) -> Rows {
        let columns = portal.columns.clone().unwrap_or_default();
        let parameters = self.session.connection().shared_parameters();
        self.known.some(columns, RowSet::default(), parameters)
    }

    /// Has the portals closed that were dropped, with the next statement.
    pub(super) fn take_dropped_portals(&mut self) {
        let Some(dropped) = &self.portals.dropped else {
            return;
        };
        let dropped = mem::take(&mut *dropped.lock().unwrap_or_else(PoisonError::into_inner));
        for (name, transaction) in dropped {
            if transaction == self.session.transaction_number() {
                self.session.drop_portal(&name);
            }
        }
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if self.is_open() {
            self.give_up();
        }
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portal")
            .field("sql", &self.sql())
            .field("columns", &self.columns().collect::<Vec<_>>())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
