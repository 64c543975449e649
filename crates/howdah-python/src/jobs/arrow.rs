//! How columns become Arrow's: described by the server, with the types of users that are in them.

use std::sync::Arc;

use arrow_schema::DataType;
use howdah_arrow::catalog::CatalogRow;
use howdah_arrow::{Catalog, Column, ReadPlan};
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
use crate::errors;
use crate::shell::{Job, Next};

/// Finds out how columns become Arrow's.
pub(crate) struct PlanArrow {
    cursor: Py<BaseCursor>,
    source: Source,
    overrides: Vec<(String, DataType)>,
    catalog: Catalog,
    stage: Stage,
}

/// Whose columns they are.
pub(crate) enum Source {
    /// Those of a query, which is described.
    Query(Py<PyAny>, Option<Py<PyAny>>),
    /// These.
    Columns(Vec<Column>),
}

/// What the answer that is awaited is about.
enum Stage {
    Begun,
    Describing(Text),
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

    /// Asks for the types that are not known, if there are any.
    fn look_up(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Source::Columns(columns) = &self.source else {
            return Err(errors::new(py, "InternalError", "no columns"));
        };
        let unknown = self
            .catalog
            .unknown(columns.iter().map(|column| column.oid));
        if unknown.is_empty() {
            return self.planned(py);
        }
        if core.pipeline.is_on() {
            let text = "types made by users cannot be looked up in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        let sql = Catalog::lookup(&unknown);
        let id = ask(py, core, &sql)?;
        self.stage = Stage::LookingUp(sql);
        Ok(Next::Exchange(id))
    }

    fn planned(&mut self, py: Python<'_>) -> PyResult<Next> {
        let Source::Columns(columns) = &mut self.source else {
            return Err(errors::new(py, "InternalError", "no columns"));
        };
        let columns = std::mem::take(columns);
        let plan = ReadPlan::new(columns, &self.catalog, &self.overrides);
        let plan = plan.map_err(|refused| error(py, &refused))?;
        Ok(Next::Done(Py::new(py, ArrowPlan::new(plan))?.into_any()))
    }
}

/// Queues a question of the driver's own, which is answered in binary.
fn ask(py: Python<'_>, core: &Arc<Core>, sql: &str) -> PyResult<ExchangeId> {
    let request = Execute {
        sql: sql.as_bytes(),
        params: &Params::default(),
        format: ResultFormat::Binary,
        prepare: Some(false),
        begin: true,
        extended: true,
    };
    queue(py, core, &request, Session::execute)
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
        let Source::Query(query, params) = &self.source else {
            return self.look_up(py, core);
        };
        if core.pipeline.is_on() {
            let text = "Arrow data cannot be streamed in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
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
            Stage::LookingUp(sql) => {
                check(py, core, &outcome, Some(sql.as_bytes()))?;
                let cx = core.snapshot.settings().of_codecs();
                if let Some(result) = outcome.results.last() {
                    learn(&mut self.catalog, result, &cx)
                        .map_err(|error| errors::new(py, "DataError", error.to_string()))?;
                }
                self.planned(py)
            }
            Stage::Begun => self.planned(py),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        match &self.source {
            Source::Query(query, params) => {
                visit.call(query)?;
                visit.call(params)
            }
            Source::Columns(_) => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        "fetch_arrow"
    }
}
