//! How columns become Arrow's: described by the server, with the types of users that are in them.

use std::sync::{Arc, Mutex};

use arrow_schema::{DataType, SchemaRef};
use howdah_arrow::catalog::CatalogRow;
use howdah_arrow::{Catalog, Column, ReadPlan, WritePlan};
use howdah_ffi::arrow::Batches;
use howdah_protocol::connection::{Params, QueryResult};
use howdah_protocol::session::{ExchangeId, Execute, Outcome, ResultFormat, Session};
use howdah_protocol::wire::backend::Fields;
use howdah_types::{DecodeError, Format, FromSql, LoadContext, Type, oid};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::execute::{Text, check_text, queue_description};
use super::{check, queue};
use crate::core::Core;
use crate::cursor::BaseCursor;
use crate::cursor::arrow::{ArrowPlan, described, error};
use crate::cursor::arrow_in::ArrowWriting;
use crate::errors;
use crate::shell::{Job, Next};

/// Finds out how columns become Arrow's.
pub(crate) struct PlanArrow {
    cursor: Py<BaseCursor>,
    source: Source,
    overrides: Vec<(String, DataType)>,
    catalog: Catalog,
    /// What goes into the columns, if they are a table's.
    data: Option<Loaded>,
    stage: Stage,
}

/// Whose columns they are.
pub(crate) enum Source {
    /// Those of a query, which is described.
    Query(Py<PyAny>, Option<Py<PyAny>>),
    /// These.
    Columns(Vec<Column>),
    /// Those of a table that data goes into: a query tells of them. The data waits here until the columns are known.
    Table(Vec<u8>, Loaded),
}

/// Data for a table.
pub(crate) struct Loaded {
    pub(crate) batches: Mutex<Option<Batches>>,
    pub(crate) schema: SchemaRef,
    /// The columns that its fields go to.
    pub(crate) columns: Vec<String>,
}

/// What the answer that is awaited is about.
enum Stage {
    Begun,
    Describing(Text),
    ListingColumns,
    LookingUp(String),
}

impl PlanArrow {
    pub(crate) fn new(
        cursor: &Bound<'_, BaseCursor>,
        source: Source,
        overrides: Vec<(String, DataType)>,
    ) -> Self {
        Self {
            cursor: cursor.clone().unbind(),
            source,
            overrides,
            catalog: Catalog::default(),
            data: None,
            stage: Stage::Begun,
        }
    }

    /// The columns have been described.
    fn take_description(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        outcome: Outcome,
    ) -> PyResult<Next> {
        let columns = outcome.description.and_then(|found| found.columns);
        let columns = columns.ok_or_else(|| {
            errors::programming(
                py,
                "the query does not return rows, so there is nothing to read",
            )
        })?;
        let encoding = core.snapshot.settings().encoding;
        self.source = Source::Columns(described(py, &columns, encoding)?);
        self.look_up(py, core)
    }

    /// The catalogue has told of the columns of a table.
    fn take_columns(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        outcome: &Outcome,
    ) -> PyResult<Next> {
        let cx = core.snapshot.settings().of_codecs();
        let found = outcome.results.last().map(|result| columns(result, &cx));
        let found = found
            .unwrap_or_else(|| Ok(Vec::new()))
            .map_err(|error| malformed(py, &error))?;
        let source = std::mem::replace(&mut self.source, Source::Columns(Vec::new()));
        let Source::Table(_, data) = source else {
            return Err(errors::new(py, "InternalError", "no data"));
        };
        let mut wanted = Vec::new();
        for name in &data.columns {
            let column = found.iter().find(|column| column.name == *name);
            wanted.push(column.cloned().ok_or_else(|| {
                errors::programming(py, format!("the table has no column {name:?}"))
            })?);
        }
        self.source = Source::Columns(wanted);
        self.data = Some(data);
        self.look_up(py, core)
    }

    /// Asks for the types that are not known, if there are any.
    fn look_up(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Source::Columns(columns) = &self.source else {
            return Err(errors::new(py, "InternalError", "no columns"));
        };
        let unknown = self
            .catalog
            .unknown(columns.iter().map(|column| column.oid));
        if unknown.is_empty() {
            return self.planned(py, core);
        }
        if core.pipeline.is_on() {
            let text = "types made by users cannot be looked up in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        let sql = Catalog::lookup(&unknown);
        let id = ask(py, core, sql.as_bytes())?;
        self.stage = Stage::LookingUp(sql);
        Ok(Next::Exchange(id))
    }

    fn planned(&mut self, py: Python<'_>, core: &Core) -> PyResult<Next> {
        let Source::Columns(columns) = &mut self.source else {
            return Err(errors::new(py, "InternalError", "no columns"));
        };
        let columns = std::mem::take(columns);
        if let Some(data) = self.data.take() {
            let plan = WritePlan::new(&data.schema, columns, &self.catalog);
            let plan = plan.map_err(|refused| error(py, &refused))?;
            let is_utf8 = !core.snapshot.settings().of_codecs().other_encoding;
            let writing = ArrowWriting::new(data, plan, is_utf8);
            return Ok(Next::Done(Py::new(py, writing)?.into_any()));
        }
        let plan = ReadPlan::new(columns, &self.catalog, &self.overrides);
        let plan = plan.map_err(|refused| error(py, &refused))?;
        Ok(Next::Done(Py::new(py, ArrowPlan::new(plan))?.into_any()))
    }
}

/// Queues a question of the driver's own, which is answered in binary.
fn ask(py: Python<'_>, core: &Arc<Core>, sql: &[u8]) -> PyResult<ExchangeId> {
    let request = Execute {
        sql,
        params: &Params::default(),
        format: ResultFormat::Binary,
        prepare: Some(false),
        begin: true,
        extended: true,
    };
    queue(py, core, &request, Session::execute)
}

/// The columns of a table, as the catalogue tells of them.
fn columns(result: &QueryResult, cx: &LoadContext) -> Result<Vec<Column>, DecodeError> {
    let column = |mut fields: Fields<'_>| {
        Ok(Column {
            name: next(&mut fields, oid::TEXT, cx)?,
            oid: next(&mut fields, oid::OID, cx)?,
            modifier: next(&mut fields, oid::INT4, cx)?,
        })
    };
    result.rows.iter().map(column).collect()
}

fn malformed(py: Python<'_>, error: &DecodeError) -> PyErr {
    errors::new(py, "DataError", error.to_string())
}

/// Takes over what the catalogue tells of types.
fn learn(catalog: &mut Catalog, result: &QueryResult, cx: &LoadContext) -> Result<(), DecodeError> {
    for mut fields in result.rows.iter() {
        let fields = &mut fields;
        catalog.insert(CatalogRow {
            oid: next(fields, oid::INT8, cx)?,
            name: next(fields, oid::TEXT, cx)?,
            kind: next(fields, oid::TEXT, cx)?,
            part: next(fields, oid::INT8, cx)?,
            modifier: next(fields, oid::INT4, cx)?,
            delimiter: next(fields, oid::TEXT, cx)?,
            names: next(fields, oid::TEXT_ARRAY, cx)?,
            oids: next(fields, oid::INT8_ARRAY, cx)?,
            modifiers: next(fields, oid::INT4_ARRAY, cx)?,
        });
    }
    Ok(())
}

/// The next field of a row that came in binary, which has this type.
fn next<T: for<'a> FromSql<'a>>(
    fields: &mut Fields<'_>,
    oid: u32,
    cx: &LoadContext,
) -> Result<T, DecodeError> {
    let raw = fields.next().flatten();
    let raw = raw.ok_or_else(|| DecodeError::null("a column of the catalogue"))?;
    T::from_sql(Type::built_in(oid), Format::Binary, raw, cx)
}

impl Job for PlanArrow {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let is_known = matches!(self.source, Source::Columns(_));
        if core.pipeline.is_on() && !is_known {
            let text = "Arrow data cannot be streamed in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        let (query, params) = match &self.source {
            Source::Query(query, params) => (query, params),
            Source::Table(sql, _) => {
                let id = ask(py, core, sql)?;
                self.stage = Stage::ListingColumns;
                return Ok(Next::Exchange(id));
            }
            Source::Columns(_) => return self.look_up(py, core),
        };
        let cursor = self.cursor.get();
        let (id, text) = queue_description(py, core, cursor, query, params.as_ref())?;
        self.stage = Stage::Describing(text);
        Ok(Next::Exchange(id))
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        match std::mem::replace(&mut self.stage, Stage::Begun) {
            Stage::Describing(text) => {
                check_text(py, core, &outcome, Some(&text))?;
                self.take_description(py, core, outcome)
            }
            Stage::ListingColumns => {
                check(py, core, &outcome, None)?;
                self.take_columns(py, core, &outcome)
            }
            Stage::LookingUp(sql) => {
                check(py, core, &outcome, Some(sql.as_bytes()))?;
                let cx = core.snapshot.settings().of_codecs();
                if let Some(result) = outcome.results.last() {
                    learn(&mut self.catalog, result, &cx).map_err(|error| malformed(py, &error))?;
                }
                self.planned(py, core)
            }
            Stage::Begun => self.planned(py, core),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        match &self.source {
            Source::Query(query, params) => {
                visit.call(query)?;
                visit.call(params)
            }
            Source::Columns(_) | Source::Table(..) => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        "fetch_arrow"
    }
}
