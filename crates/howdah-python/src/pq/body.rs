//! What a result is made of: the rows as they came, and what the server said of them.

use std::borrow::Cow;
use std::sync::Arc;

use howdah_protocol::connection::{Columns, Ending, QueryResult, RowSet};
use howdah_protocol::wire::backend::{CopyResponse, FieldDescription};
use howdah_protocol::wire::{Diagnostic, Format};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors;
use crate::imports;

/// The numbers of `howdah.pq.ExecStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    EmptyQuery = 0,
    CommandOk = 1,
    TuplesOk = 2,
    CopyOut = 3,
    CopyIn = 4,
    BadResponse = 5,
    NonfatalError = 6,
    FatalError = 7,
    CopyBoth = 8,
    SingleTuple = 9,
    PipelineSync = 10,
    PipelineAborted = 11,
    TuplesChunk = 12,
}

impl Status {
    const ALL: [Self; 13] = [
        Self::EmptyQuery,
        Self::CommandOk,
        Self::TuplesOk,
        Self::CopyOut,
        Self::CopyIn,
        Self::BadResponse,
        Self::NonfatalError,
        Self::FatalError,
        Self::CopyBoth,
        Self::SingleTuple,
        Self::PipelineSync,
        Self::PipelineAborted,
        Self::TuplesChunk,
    ];

    pub(super) fn from_number(number: i64) -> Option<Self> {
        let index = usize::try_from(number).ok()?;
        Self::ALL.get(index).copied()
    }

    /// The status of a statement's result.
    pub(crate) fn of(result: &QueryResult) -> Self {
        match (&result.columns, result.ending) {
            (Some(_), _) => Self::TuplesOk,
            (None, Ending::Empty) => Self::EmptyQuery,
            (None, _) => Self::CommandOk,
        }
    }

    /// Its name in `howdah.pq.ExecStatus`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EmptyQuery => "EMPTY_QUERY",
            Self::CommandOk => "COMMAND_OK",
            Self::TuplesOk => "TUPLES_OK",
            Self::CopyOut => "COPY_OUT",
            Self::CopyIn => "COPY_IN",
            Self::BadResponse => "BAD_RESPONSE",
            Self::NonfatalError => "NONFATAL_ERROR",
            Self::FatalError => "FATAL_ERROR",
            Self::CopyBoth => "COPY_BOTH",
            Self::SingleTuple => "SINGLE_TUPLE",
            Self::PipelineSync => "PIPELINE_SYNC",
            Self::PipelineAborted => "PIPELINE_ABORTED",
            Self::TuplesChunk => "TUPLES_CHUNK",
        }
    }
}

/// Some of the rows that came together.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) rows: Rows,
    pub(super) start: usize,
    pub(super) count: usize,
}

/// Rows that are shared with other results, or with a cursor.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    Set(Arc<RowSet>),
    Result(Arc<QueryResult>),
}

impl Rows {
    /// A value of row `number`; `None` where it is NULL, or not there.
    pub(super) fn value(&self, number: usize, column: i64) -> Option<&[u8]> {
        let rows = match self {
            Self::Set(rows) => rows,
            Self::Result(result) => &result.rows,
        };
        rows.get(number)?.nth(usize::try_from(column).ok()?)?
    }
}

/// What went wrong, in the server's words or in ours.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// The server's report, and the statement that its position counts in.
    Server(Arc<Diagnostic>, Option<Statement>),
    /// The server's report, and the message that has been made of it.
    Laid(Arc<Diagnostic>, Arc<[u8]>),
    /// A text, with the line end behind it.
    Text(Arc<[u8]>),
}

/// The text of a statement.
pub(super) type Statement = Arc<Vec<u8>>;

impl Said {
    pub(super) fn text(text: &str) -> Self {
        let mut text = text.as_bytes().to_vec();
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        Self::Text(text.into())
    }

    /// The server's report, if it is one.
    pub(super) fn report(&self) -> Option<&Diagnostic> {
        match self {
            Self::Server(report, _) | Self::Laid(report, _) => Some(report),
            Self::Text(_) => None,
        }
    }

    /// The message with its severity and a line end.
    pub(super) fn message<'py>(
        &self,
        py: Python<'py>,
        encoding: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (report, query) = match self {
            Self::Text(text) | Self::Laid(_, text) => {
                return howdah_ffi::values::bytes(py, text);
            }
            Self::Server(report, query) => (report, query),
        };
        let fields = errors::fields(py, report)?;
        let query = query.as_deref();
        let query = query.map(|query| howdah_ffi::values::bytes(py, query));
        let text = imports::ERROR_MESSAGE.get(py)?;
        let text = text.call1((fields, encoding, query.transpose()?))?;
        Ok(text.cast_into::<PyBytes>()?)
    }
}

/// The parts of a result. What it does not have is empty, as in libpq.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) status: Status,
    pub(super) columns: Option<Columns>,
    pub(super) segments: Vec<Segment>,
    /// The command tag; `None` after `clear()`.
    pub(super) tag: Option<Box<[u8]>>,
    /// The types of a described statement's parameters.
    pub(super) parameters: Arc<[u32]>,
    pub(super) said: Option<Said>,
    pub(super) copy: Option<CopyResponse>,
    /// The Python name of the client encoding.
    pub(super) encoding: Cow<'static, str>,
}

impl Body {
    pub(super) fn empty(status: Status, encoding: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            columns: None,
            segments: Vec::new(),
            tag: Some(Box::default()),
            parameters: Arc::default(),
            said: None,
            copy: None,
            encoding: encoding.into(),
        }
    }

    /// What is left after `clear()`: libpq's answers for no result at all.
    pub(super) fn cleared(encoding: impl Into<Cow<'static, str>>) -> Self {
        Self {
            tag: None,
            ..Self::empty(Status::FatalError, encoding)
        }
    }

    /// A statement's result.
    pub(super) fn of_result(
        result: Arc<QueryResult>,
        encoding: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut body = Self::empty(Status::of(&result), encoding);
        body.columns.clone_from(&result.columns);
        body.tag = Some(result.tag.clone());
        body.segments = vec![Segment {
            start: 0,
            count: result.rows.len(),
            rows: Rows::Result(result),
        }];
        body
    }

    /// An error.
    pub(super) fn of_error(said: Said, encoding: impl Into<Cow<'static, str>>) -> Self {
        let mut body = Self::empty(Status::FatalError, encoding);
        body.said = Some(said);
        body
    }

    pub(super) fn row_count(&self) -> usize {
        self.segments.iter().map(|segment| segment.count).sum()
    }

    pub(super) fn column_count(&self) -> usize {
        match (&self.columns, &self.copy) {
            (Some(columns), _) => columns.len(),
            (None, Some(copy)) => copy.columns.len(),
            (None, None) => 0,
        }
    }

    pub(super) fn column(&self, number: i64) -> Option<&FieldDescription> {
        let number = usize::try_from(number).ok()?;
        self.columns.as_ref()?.get(number)
    }

    /// The format of a column, of a COPY's as well.
    pub(super) fn format(&self, number: i64) -> Format {
        let of_copy = || {
            let number = usize::try_from(number).ok()?;
            self.copy.as_ref()?.columns.get(number).copied()
        };
        let column = self.column(number).map(|column| column.format);
        column.or_else(of_copy).unwrap_or(Format::Text)
    }

    /// Whether all of it is in binary.
    pub(super) fn is_binary(&self) -> bool {
        match (&self.columns, &self.copy) {
            (Some(columns), _) => {
                !columns.is_empty() && columns.iter().all(|column| column.format == Format::Binary)
            }
            (None, Some(copy)) => copy.format == Format::Binary,
            (None, None) => false,
        }
    }

    /// Where a row lies: among which, and its number there.
    pub(super) fn place(&self, row: i64) -> Option<(&Rows, usize)> {
        let mut number = usize::try_from(row).ok()?;
        for segment in &self.segments {
            if number < segment.count {
                return Some((&segment.rows, segment.start + number));
            }
            number -= segment.count;
        }
        None
    }
}
