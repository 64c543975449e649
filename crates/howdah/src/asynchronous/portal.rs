//! Statements whose rows are fetched in pages.

use howdah_protocol::session::Outcome;

use super::AsyncSession;
use crate::core::Mode;
use crate::core::portal::Portal;
use crate::error::Result;
use crate::params::{Parameters, ToParams};
use crate::row::Rows;

impl AsyncSession {
    /// Opens a portal within the running transaction: a statement whose rows are [fetched](Self::fetch) in pages.
    ///
    /// It sees what a query would see now. Several can be open at once.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// let mut old = tx.portal("SELECT id, name FROM old_users ORDER BY id", ()).await?;
    /// let mut new = tx.portal("SELECT id, name FROM users WHERE id > $1 ORDER BY id", (0,)).await?;
    /// while !(old.is_done() && new.is_done()) {
    ///     let (left, right) = (tx.fetch(&mut old, 100).await?, tx.fetch(&mut new, 100).await?);
    ///     println!("{} {}", left.row_count(), right.row_count());
    /// }
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); no transaction is running, and the connection is in autocommit; or it is a COPY.
    pub async fn portal(&mut self, sql: &str, params: impl ToParams) -> Result<Portal> {
        let mut session = self.bounded();
        session.settle().await?;
        let mut portal = session.core.begin_portal(sql)?;
        let watch = session.core.known.watch(sql);
        let outcome = watch.over(session.open_portal(&portal, &params)).await?;
        session.core.note_block();
        let described = session.core.known.described(outcome);
        let (description, unknown) = described.map_err(|error| error.in_statement(sql))?;
        session.attach_types(&mut [], &unknown).await?;
        portal.opened(&session.core, description);
        Ok(portal)
    }

    /// Fetches the next rows of a portal, at most so many; none once it [is done](Portal::is_done).
    ///
    /// Fewer rows than were asked for are the last ones. Each page is a round trip. If the future is dropped, the page is lost, and the
    /// portal cannot be used any more.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// let mut users = tx.portal("SELECT id FROM users ORDER BY id", ()).await?;
    /// let first_ten: Vec<(i64,)> = tx.fetch(&mut users, 10).await?.read_all()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute), after which the portal cannot be used. It [`is_usage`](crate::Error::is_usage) if the transaction
    /// of the portal has ended, if it is of another connection, if an earlier page has failed, and for a page of no rows.
    pub async fn fetch(&mut self, portal: &mut Portal, rows: usize) -> Result<Rows> {
        let mut session = self.bounded();
        session.settle().await?;
        let Some(rows) = session.core.check_portal(portal, rows)? else {
            return Ok(session.core.no_rows(portal));
        };
        let watch = session.core.known.watch(portal.sql());
        let outcome = watch
            .over(session.perform(|core| portal.queue(core, rows)))
            .await?;
        let (mut page, state) = portal.take(&mut session.core, outcome)?;
        let given = std::slice::from_mut(&mut page.results);
        session.attach_types(given, &page.unknown).await?;
        portal.proceed(state);
        Ok(page.results)
    }

    /// Closes a portal, and waits until the server has. Dropping it has it closed with the next statement.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// let mut users = tx.portal("SELECT id FROM users ORDER BY id", ()).await?;
    /// tx.fetch(&mut users, 10).await?;
    /// tx.close_portal(users).await?;
    /// tx.execute("TRUNCATE users", ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The portal is of another connection; or the connection is closed or lost.
    pub async fn close_portal(&mut self, portal: Portal) -> Result<()> {
        let mut session = self.bounded();
        session.settle().await?;
        if session.core.drop_portal(portal)? {
            let outcome = session
                .perform(|core| Ok(core.session.close_portals()?))
                .await?;
            session.core.known.ended(outcome)?;
        }
        Ok(())
    }

    async fn open_portal(&mut self, portal: &Portal, params: &dyn Parameters) -> Result<Outcome> {
        let mut outcome = self.open_portal_once(portal, params).await?;
        if outcome.again {
            if self.core.in_transaction() {
                self.perform(|core| core.queue_control("ROLLBACK")).await?;
            }
            outcome = self.open_portal_once(portal, params).await?;
        }
        Ok(outcome)
    }

    async fn open_portal_once(
        &mut self,
        portal: &Portal,
        params: &dyn Parameters,
    ) -> Result<Outcome> {
        let mut ready = self.make_ready(portal.sql(), params, Mode::Stream).await?;
        self.perform(|core| ready.open(core, portal)).await
    }
}
