//! Texts of several statements.

use super::Session;
use crate::core::Finished;
use crate::error::Result;
use crate::row::Rows;

impl Session {
    /// Runs a text of any number of statements without parameters, by the simple protocol; gives the result of each.
    ///
    /// Values come as text, and are read as any type all the same. In autocommit the server runs the statements in one
    /// transaction. When one fails, those after it are not run.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let results = conn.simple_query("UPDATE users SET age = age + 1; SELECT id, name FROM users")?;
    /// println!("{} rows were changed", results[0].rows_affected());
    /// for user in results[1].clone() {
    ///     println!("{:?}: {:?}", user.text("id")?, user.text("name")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute). A COPY cannot be run: one FROM STDIN fails, one TO STDOUT is an error when all the others have been
    /// run, or, if what it gives takes longer than 0.25 seconds, is cancelled.
    pub fn simple_query(&mut self, sql: &str) -> Result<Vec<Rows>> {
        let mut session = self.bounded();
        let watch = session.core.known.watch(sql);
        let outcome = watch.of(|| session.perform(|core| core.queue_script(sql)))?;
        session.core.note_block();
        let finished = session.core.known.all(outcome);
        let Finished {
            mut results,
            unknown,
        } = finished.map_err(|error| error.in_statement(sql))?;
        session.attach_types(&mut results, &unknown)?;
        Ok(results)
    }

    /// Runs a text of any number of statements without parameters, as [`simple_query`](Self::simple_query), and keeps nothing of what
    /// they give: for schemas and the like.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// conn.batch_execute(
    ///     "CREATE TABLE users (id int8 PRIMARY KEY, name text);
    ///      CREATE INDEX ON users (name);",
    /// )?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`simple_query`](Self::simple_query).
    pub fn batch_execute(&mut self, sql: &str) -> Result<()> {
        let mut session = self.bounded();
        let watch = session.core.known.watch(sql);
        let outcome = watch.of(|| {
            let id = session.begin(|core| core.queue_script(sql))?;
            loop {
                match session.turn()? {
                    Some(outcome) => return Ok(outcome),
                    None => drop(session.core.take_unwanted(id)),
                }
            }
        })?;
        session.core.note_block();
        let ended = session.core.known.ended(outcome);
        ended.map_err(|error| error.in_statement(sql))
    }
}
