//! Statements whose rows are fetched in pages.

use howdah_protocol::session::Outcome;

use super::Session;
use crate::core::Mode;
use crate::core::portal::Portal;
use crate::error::Result;
use crate::params::{Parameters, ToParams};
use crate::row::Rows;

impl Session {
    /// Opens a portal within the running transaction: a statement whose rows are [fetched](Self::fetch) in pages.
    ///
    /// It sees what a query would see now. Several can be open at once.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// let mut old = tx.portal("SELECT id, name FROM old_users ORDER BY id", ())?;
    /// let mut new = tx.portal("SELECT id, name FROM users WHERE id > $1 ORDER BY id", (0,))?;
    /// while !(old.is_done() && new.is_done()) {
    ///     let (left, right) = (tx.fetch(&mut old, 100)?, tx.fetch(&mut new, 100)?);
    ///     println!("{} {}", left.row_count(), right.row_count());
    /// }
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); no transaction is running, and the connection is in autocommit; or it is a COPY.
    pub fn portal(&mut self, sql: &str, params: impl ToParams) -> Result<Portal> {
        let mut session = self.bounded();
        session.settle()?;
        let mut portal = session.core.begin_portal(sql)?;
        let watch = session.core.known.watch(sql);
        let outcome = watch.of(|| session.open_portal(&portal, &params))?;
        session.core.note_block();
        let described = session.core.known.described(outcome);
        let (description, unknown) = described.map_err(|error| error.in_statement(sql))?;
        session.attach_types(&mut [], &unknown)?;
        portal.opened(&session.core, description);
        Ok(portal)
    }

    /// Fetches the next rows of a portal, at most so many; none once it [is done](Portal::is_done).
    ///
    /// Fewer rows than were asked for are the last ones. Each page is a round trip.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// let mut users = tx.portal("SELECT id FROM users ORDER BY id", ())?;
    /// let first_ten: Vec<(i64,)> = tx.fetch(&mut users, 10)?.read_all()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute), after which the portal cannot be used. It [`is_usage`](crate::Error::is_usage) if the transaction
    /// of the portal has ended, if it is of another connection, if an earlier page has failed, and for a page of no rows.
    pub fn fetch(&mut self, portal: &mut Portal, rows: usize) -> Result<Rows> {
        let mut session = self.bounded();
        session.settle()?;
        let Some(rows) = session.core.check_portal(portal, rows)? else {
            return Ok(session.core.no_rows(portal));
        };
        let watch = session.core.known.watch(portal.sql());
        let outcome = watch.of(|| session.perform(|core| portal.queue(core, rows)))?;
        let (mut page, state) = portal.take(&mut session.core, outcome)?;
        let given = std::slice::from_mut(&mut page.results);
        session.attach_types(given, &page.unknown)?;
        portal.proceed(state);
        Ok(page.results)
    }

    /// Closes a portal, and waits until the server has. Dropping it has it closed with the next statement.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// let mut users = tx.portal("SELECT id FROM users ORDER BY id", ())?;
    /// tx.fetch(&mut users, 10)?;
    /// tx.close_portal(users)?;
    /// tx.execute("TRUNCATE users", ())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The portal is of another connection; or the connection is closed or lost.
    pub fn close_portal(&mut self, portal: Portal) -> Result<()> {
        let mut session = self.bounded();
        session.settle()?;
        if session.core.drop_portal(portal)? {
            let outcome = session.perform(|core| Ok(core.session.close_portals()?))?;
            session.core.known.ended(outcome)?;
        }
        Ok(())
    }

    fn open_portal(&mut self, portal: &Portal, params: &dyn Parameters) -> Result<Outcome> {
        let mut outcome = self.open_portal_once(portal, params)?;
        if outcome.again {
            if self.core.in_transaction() {
                self.perform(|core| core.queue_control("ROLLBACK"))?;
            }
            outcome = self.open_portal_once(portal, params)?;
        }
        Ok(outcome)
    }

    fn open_portal_once(&mut self, portal: &Portal, params: &dyn Parameters) -> Result<Outcome> {
        let mut ready = self.make_ready(portal.sql(), params, Mode::Stream)?;
        self.perform(|core| ready.open(core, portal))
    }
}
