//! What is known of a connection beside its session: how its values are read, its types made by users, its statements.
//!
//! An outcome is made a result with it, which needs no turn on the connection. Clones share what they know, under a lock that
//! is held for moments only and under which nothing of others is called.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use howdah_protocol::connection::{Columns, Parameters, Params, QueryResult, RowSet};
use howdah_protocol::session::{Description, Outcome};
use howdah_types::Types;

use super::observe::{CopyWatch, ObjectWatch, Place, StreamWatch, Watch};
use super::prepare::{Descriptions, types_in};
use super::settings::Settings;
use super::types::TypeCache;
use crate::error::{Error, Result};
use crate::row::{Reading, Rows};

#[derive(Default, Clone)]
pub(crate) struct Known {
    inner: Arc<Mutex<Inner>>,
    place: Place,
}

#[derive(Default)]
struct Inner {
    types: TypeCache,
    descriptions: Descriptions,
    /// Those of the last result.
    settings: Settings,
}

/// Results, and the types in them that are to be looked up before they are handed out.
pub(crate) struct Finished<T> {
    pub(crate) results: T,
    pub(crate) unknown: Vec<u32>,
}

impl Known {
    /// Of a connection that goes there, so far nothing is known.
    pub(crate) fn new(place: Place) -> Self {
        Self {
            inner: Arc::default(),
            place,
        }
    }

    /// Begins to watch a statement.
    pub(crate) fn watch(&self, sql: &str) -> Watch {
        self.place.watch(sql)
    }

    /// Begins to watch statements that go as one.
    pub(crate) fn watch_all<'a>(&self, statements: impl Iterator<Item = &'a str>) -> Watch {
        self.place.watch_all(statements)
    }

    /// Begins to watch a COPY.
    pub(crate) fn watch_copy(&self, sql: &str, is_in: bool) -> CopyWatch {
        self.place.watch_copy(sql, is_in)
    }

    /// Begins to watch a stream of replication.
    pub(crate) fn watch_replication(
        &self,
        command: &str,
        slot: Option<&str>,
        is_physical: bool,
    ) -> StreamWatch {
        self.place.watch_replication(command, slot, is_physical)
    }

    /// Begins to watch a large object.
    pub(crate) fn watch_object(&self, oid: u32, mode: &str) -> ObjectWatch {
        self.place.watch_object(oid, mode)
    }

    /// Tells the parameters of an execution to those who want to know them.
    pub(crate) fn tell_values(&self, params: &Params, types: &[u32]) {
        if self.place.tells_values() {
            self.place.values(params, types, &self.types());
        }
    }

    /// Notes that the connection has been lost.
    pub(crate) fn lost(&self, error: &Error) {
        self.place.lost(error);
    }

    /// The results of the statements of an exchange.
    ///
    /// # Errors
    /// The server's, or there was a COPY.
    pub(crate) fn results(&self, outcome: Outcome) -> Result<Vec<QueryResult>> {
        if !outcome.refused_copy.is_empty() {
            return Err(Error::refused("COPY cannot be used with this method"));
        }
        if let Some(diagnostic) = outcome.error {
            // One of them may be what was wrong.
            self.lock().descriptions.forget();
            return Err(Error::server(diagnostic));
        }
        if outcome.results.iter().any(|result| result.incomplete) {
            return Err(Error::rows_out_of_memory());
        }
        Ok(outcome.results)
    }

    /// The result of the one statement of an exchange.
    pub(crate) fn one(&self, outcome: Outcome) -> Result<Finished<Rows>> {
        let result = self.results(outcome)?.pop();
        let result = result.ok_or_else(|| Error::shape("the server gave no result"))?;
        let mut unknown = Vec::new();
        let results = self.lock().rows(result, &mut unknown);
        Ok(Finished { results, unknown })
    }

    /// The results of all statements of an exchange.
    pub(crate) fn all(&self, outcome: Outcome) -> Result<Finished<Vec<Rows>>> {
        let results = self.results(outcome)?;
        Ok(self.rows_of(results))
    }

    /// Results to be handed out.
    pub(crate) fn rows_of(&self, results: Vec<QueryResult>) -> Finished<Vec<Rows>> {
        let mut inner = self.lock();
        let mut unknown = Vec::new();
        let rows = results
            .into_iter()
            .map(|result| inner.rows(result, &mut unknown));
        let results = rows.collect();
        Finished { results, unknown }
    }

    /// The end of statements whose results nobody wants.
    pub(crate) fn ended(&self, mut outcome: Outcome) -> Result<()> {
        outcome.results.clear();
        self.results(outcome).map(drop)
    }

    /// How many rows the statements of an exchange gave or changed.
    pub(crate) fn count(&self, outcome: Outcome) -> Result<u64> {
        let results = self.results(outcome)?;
        let counts = results.iter().filter_map(QueryResult::tagged_rows);
        Ok(counts.fold(0, u64::saturating_add))
    }

    /// The end of a statement of the driver's own.
    pub(crate) fn control(&self, sql: &str, outcome: Outcome) -> Result<()> {
        let results = self.results(outcome)?;
        let rolled_back = results.iter().any(|result| *result.tag == *b"ROLLBACK");
        if sql == "COMMIT" && rolled_back {
            return Err(Error::rolled_back());
        }
        Ok(())
    }

    /// The answer to the lookup of these types.
    pub(crate) fn insert_types(&self, asked: &[u32], outcome: Outcome) -> Result<()> {
        let found = self.one(outcome)?.results;
        self.lock().types.insert(asked, found)
    }

    /// Some rows of a result that is coming, with the parameters of now.
    pub(crate) fn some(&self, columns: Columns, rows: RowSet, parameters: &Parameters) -> Rows {
        let mut inner = self.lock();
        let reading = inner.reading(parameters);
        Rows::from_parts(columns, rows, Box::default(), reading)
    }

    /// Has results know of the types that have been looked up since they came.
    pub(crate) fn attach_types(&self, results: &mut [Rows]) {
        for rows in results {
            rows.set_types(self.types());
        }
    }

    /// Those of these types that have not been looked up.
    pub(crate) fn unknown_types(&self, oids: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut unknown = Vec::new();
        self.lock().types.unknown(oids, &mut unknown);
        unknown
    }

    pub(crate) fn types(&self) -> Arc<Types> {
        self.lock().types.known()
    }

    pub(crate) fn forget_types(&self) {
        self.lock().types.forget();
    }

    /// Notes what results mean for what is known, in the order in which they come.
    pub(crate) fn note(&self, results: &[QueryResult]) {
        self.lock().types.invalidate_on(results);
    }

    /// Whether values with these parameters look the same in text as in binary once they are read.
    pub(crate) fn is_read_in_text(&self, parameters: &Parameters) -> bool {
        let mut inner = self.lock();
        inner.settings.refresh(parameters);
        inner.settings.load.is_read_in_text()
    }

    /// What the server has said that a statement takes and gives, and the types in it that are to be looked up.
    pub(crate) fn described(&self, outcome: Outcome) -> Result<(Description, Vec<u32>)> {
        let description = self.description_in(outcome)?;
        let unknown = self.unknown_types(types_in(&description));
        Ok((description, unknown))
    }

    /// The description that an exchange gave.
    pub(super) fn description_in(&self, mut outcome: Outcome) -> Result<Description> {
        let description = outcome.description.take();
        self.results(outcome)?;
        description.ok_or_else(|| Error::shape("the server gave no description"))
    }

    pub(crate) fn description(&self, sql: &str) -> Option<Description> {
        self.lock().descriptions.get(sql)
    }

    pub(crate) fn keep_description(&self, sql: &str, description: Description) {
        self.lock().descriptions.insert(sql, description);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn rows(&mut self, result: QueryResult, unknown: &mut Vec<u32>) -> Rows {
        let columns = result.columns.unwrap_or_default();
        let reading = self.reading(&result.parameters);
        // Names in another encoding could not be read.
        if self.settings.utf8 {
            let oids = columns.iter().map(|field| field.type_oid);
            self.types.unknown(oids, unknown);
        }
        Rows::from_parts(columns, result.rows, result.tag, reading)
    }

    fn reading(&mut self, parameters: &Parameters) -> Reading {
        self.settings.refresh(parameters);
        Reading {
            load: Arc::clone(&self.settings.load),
            types: self.types.known(),
        }
    }
}
