//! `PGresult`: a result as libpq shows it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use howdah_ffi::values::bytes;
use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::CopyStart;
use howdah_protocol::wire::backend::{CopyResponse, FieldDescription, affected_rows};
use howdah_protocol::wire::{Diagnostic, Format};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::body::{Body, Rows, Said, Segment, Status};
use crate::errors;
use crate::imports;

/// The result of a command, as libpq has it. It owns what it shows, also after its connection was closed.
#[pyclass(frozen, weakref, module = "howdah._howdah", name = "PGresult")]
pub(crate) struct PgResult(Mutex<Body>);

/// What a cursor shows as its result.
pub(crate) enum Shown {
    /// A result, with this status.
    Result(Arc<QueryResult>, Status),
    /// A COPY that has begun, or has ended after it gave data.
    Copy(CopyStart),
}

impl Shown {
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Result(_, status) => *status,
            Self::Copy(start) if start.is_in => Status::CopyIn,
            Self::Copy(_) => Status::CopyOut,
        }
    }
}

impl PgResult {
    pub(super) fn new(body: Body) -> Self {
        Self(Mutex::new(body))
    }

    /// What a cursor shows.
    pub(crate) fn of_cursor(shown: Shown, encoding: &'static str) -> Self {
        let status = shown.status();
        let mut body = match shown {
            Shown::Result(result, _) => Body::of_result(result, encoding),
            Shown::Copy(start) => {
                let mut body = Body::empty(status, encoding);
                body.copy = Some(response(&start));
                body
            }
        };
        body.status = status;
        Self::new(body)
    }

    /// Whether it shows this one.
    pub(crate) fn shows(&self, shown: &Shown) -> bool {
        let body = lock(&self.0);
        let same = match (shown, body.segments.first()) {
            (
                Shown::Result(result, _),
                Some(Segment {
                    rows: Rows::Result(known),
                    ..
                }),
            ) => Arc::ptr_eq(known, result),
            (Shown::Copy(_), None) => true,
            _ => false,
        };
        same && shown.status() == body.status
    }

    pub(super) fn body_status(&self) -> Status {
        lock(&self.0).status
    }

    /// The first value of the first row.
    pub(super) fn first_value(&self) -> Option<Vec<u8>> {
        let body = lock(&self.0);
        let (rows, row) = body.place(0)?;
        rows.value(row, 0).map(<[u8]>::to_vec)
    }

    fn said(&self) -> (Option<Said>, Cow<'static, str>) {
        let body = lock(&self.0);
        (body.said.clone(), body.encoding.clone())
    }
}

#[pymethods]
impl PgResult {
    /// Forget all that the result holds.
    fn clear(&self) {
        let mut body = lock(&self.0);
        let cleared = Body::cleared(body.encoding.clone());
        let old = std::mem::replace(&mut *body, cleared);
        drop(body);
        drop(old);
    }

    /// What came of the command: a number of `ExecStatus`.
    #[getter]
    fn status(&self) -> u8 {
        lock(&self.0).status as u8
    }

    /// The error with its severity, empty if there is none.
    #[getter(error_message)]
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        match self.said() {
            (Some(said), encoding) => said.message(py, &encoding),
            (None, _) => bytes(py, b""),
        }
    }

    /// Return the error as text, without its severity.
    #[pyo3(signature = (encoding=None), text_signature = "($self, encoding='')")]
    fn get_error_message(slf: &Bound<'_, Self>, encoding: Option<String>) -> PyResult<Py<PyAny>> {
        let own = lock(&slf.get().0).encoding.clone();
        error_message(slf.as_any(), encoding, &own)
    }

    /// Return a field of the server's report, `None` if it is not there.
    fn error_field<'py>(
        &self,
        py: Python<'py>,
        fieldcode: i64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let (said, _) = self.said();
        let Some(report) = said.as_ref().and_then(Said::report) else {
            return Ok(None);
        };
        let code = u8::try_from(fieldcode).ok().filter(|code| *code != 0);
        let text = code.and_then(|code| report.get(code));
        text.map(|text| bytes(py, text)).transpose()
    }

    /// How many rows there are.
    #[getter]
    fn ntuples(&self) -> usize {
        lock(&self.0).row_count()
    }

    /// How many columns there are.
    #[getter]
    fn nfields(&self) -> usize {
        lock(&self.0).column_count()
    }

    /// Return the name of a column, `None` if there is none of this number.
    fn fname<'py>(
        &self,
        py: Python<'py>,
        column_number: i64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let columns = lock(&self.0).columns.clone();
        let number = usize::try_from(column_number).ok();
        let column = number.and_then(|number| columns.as_ref()?.get(number));
        column.map(|column| bytes(py, &column.name)).transpose()
    }

    /// Return the OID of the table that a column comes from, or 0.
    fn ftable(&self, column_number: i64) -> u32 {
        self.of_column(column_number, |column| column.table_oid)
    }

    /// Return the number of a column in its table, or 0.
    fn ftablecol(&self, column_number: i64) -> i16 {
        self.of_column(column_number, |column| column.column_id)
    }

    /// Return the format of a column: 0 for text, 1 for binary.
    fn fformat(&self, column_number: i64) -> i16 {
        lock(&self.0).format(column_number).code()
    }

    /// Return the OID of a column's type, or 0.
    fn ftype(&self, column_number: i64) -> u32 {
        self.of_column(column_number, |column| column.type_oid)
    }

    /// Return the type modifier of a column, such as a length.
    fn fmod(&self, column_number: i64) -> i32 {
        self.of_column(column_number, |column| column.type_modifier)
    }

    /// Return the size of a column's type in bytes; negative where it varies.
    fn fsize(&self, column_number: i64) -> i16 {
        self.of_column(column_number, |column| column.type_size)
    }

    /// 1 if all columns are in binary.
    #[getter]
    fn binary_tuples(&self) -> u8 {
        u8::from(lock(&self.0).is_binary())
    }

    /// Return a value as it came, `None` if it is NULL or not there.
    fn get_value<'py>(
        &self,
        py: Python<'py>,
        row_number: i64,
        column_number: i64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        // The object is made without the lock.
        let place = {
            let body = lock(&self.0);
            body.place(row_number)
                .map(|(rows, row)| (rows.clone(), row))
        };
        let Some((rows, row)) = place else {
            return Ok(None);
        };
        let value = rows.value(row, column_number);
        value.map(|value| bytes(py, value)).transpose()
    }

    /// How many parameters a described statement has.
    #[getter]
    fn nparams(&self) -> usize {
        lock(&self.0).parameters.len()
    }

    /// Return the OID of the type of a parameter of a described statement, or 0.
    fn param_type(&self, param_number: i64) -> u32 {
        let number = usize::try_from(param_number).ok();
        let body = lock(&self.0);
        let oid = number.and_then(|number| body.parameters.get(number));
        oid.copied().unwrap_or(0)
    }

    /// The command tag.
    #[getter]
    fn command_status<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let tag = lock(&self.0).tag.clone();
        tag.map(|tag| bytes(py, &tag)).transpose()
    }

    /// How many rows the command was about, `None` if its tag does not say.
    #[getter]
    fn command_tuples(&self) -> Option<u64> {
        let body = lock(&self.0);
        body.tag.as_deref().and_then(affected_rows)
    }

    /// The OID of the row that was inserted; 0, as tables have none since PostgreSQL 12.
    #[getter]
    fn oid_value(&self) -> u32 {
        let body = lock(&self.0);
        let tag = body.tag.as_deref().unwrap_or_default();
        let oid = tag.strip_prefix(b"INSERT ");
        let oid = oid.and_then(|rest| rest.split(|byte| *byte == b' ').next());
        let oid = oid.and_then(|oid| std::str::from_utf8(oid).ok());
        oid.and_then(|oid| oid.parse().ok()).unwrap_or(0)
    }

    /// Give an empty result its columns.
    fn set_attributes(&self, descriptions: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = descriptions.py();
        let mut columns = Vec::new();
        for description in descriptions.try_iter()? {
            columns.push(column(&description?)?);
        }
        let mut body = lock(&self.0);
        if body.columns.is_some() {
            drop(body);
            let text = "PQsetResultAttrs failed: the result has columns already";
            return Err(errors::operational(py, text));
        }
        body.columns = Some(columns.into());
        Ok(())
    }

    /// Make the result of a statement whose error is an exception already: of its fields and its message.
    #[staticmethod]
    fn _of_error(
        fields: &Bound<'_, PyDict>,
        message: &Bound<'_, PyBytes>,
        encoding: String,
    ) -> PyResult<Self> {
        let mut texts = Vec::new();
        for (letter, text) in fields {
            let letter: char = letter.extract()?;
            let code = u8::try_from(letter).unwrap_or_default();
            texts.push((code, text.cast_into::<PyBytes>()?));
        }
        let fields = texts.iter().map(|(code, text)| (*code, text.as_bytes()));
        let report = Diagnostic::from_fields(fields)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let said = Said::Laid(Arc::new(report), message.as_bytes().into());
        Ok(Self::new(Body::of_error(said, encoding)))
    }

    /// A pointer of libpq's: there is none.
    #[getter]
    fn pgresult_ptr(&self, py: Python<'_>) -> PyResult<i64> {
        Err(no_pointer(py))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let status = lock(&slf.get().0).status.name();
        let address = slf.as_ptr().addr();
        format!("<howdah.pq.PGresult [{status}] at 0x{address:x}>")
    }
}

impl PgResult {
    fn of_column<T: Default>(&self, number: i64, what: impl Fn(&FieldDescription) -> T) -> T {
        let body = lock(&self.0);
        body.column(number).map(what).unwrap_or_default()
    }
}

/// The text of an object's `error_message`, without its severity.
pub(super) fn error_message(
    object: &Bound<'_, PyAny>,
    encoding: Option<String>,
    own: &str,
) -> PyResult<Py<PyAny>> {
    let py = object.py();
    let message = object.getattr("error_message")?;
    let encoding = encoding.filter(|encoding| !encoding.is_empty());
    let encoding = encoding.as_deref().unwrap_or(own);
    let clean = imports::CLEAN_MESSAGE.get(py)?;
    clean.call1((message, encoding)).map(Bound::unbind)
}

/// What has no meaning without libpq.
pub(super) fn no_pointer(py: Python<'_>) -> PyErr {
    errors::new(
        py,
        "NotSupportedError",
        "howdah has no libpq, and so no pointers of libpq's",
    )
}

/// How a COPY began, as the server said it.
fn response(start: &CopyStart) -> CopyResponse {
    let format = match start.is_binary {
        true => Format::Binary,
        false => Format::Text,
    };
    CopyResponse {
        format,
        columns: vec![format; start.columns],
    }
}

/// A column from a `PGresAttDesc`.
fn column(description: &Bound<'_, PyAny>) -> PyResult<FieldDescription> {
    let (name, table_oid, column_id, format, type_oid, type_size, type_modifier) = description
        .extract::<(Vec<u8>, u32, i16, i16, u32, i16, i32)>()
        .map_err(|_| PyTypeError::new_err("a column is described by a PGresAttDesc"))?;
    let format = Format::from_code(format)
        .ok_or_else(|| PyValueError::new_err(format!("{format} is not a valid Format")))?;
    Ok(FieldDescription {
        name: name.into(),
        table_oid,
        column_id,
        type_oid,
        type_size,
        type_modifier,
        format,
    })
}
