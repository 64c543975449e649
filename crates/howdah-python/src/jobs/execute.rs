//! `execute()`: converts the query, dumps the parameters, and gives the results to the cursor.

use std::sync::Arc;

use howdah_protocol::connection::Params;
use howdah_protocol::session::{BinaryChoice, ExchangeId, Execute, Outcome, ResultFormat, Session};
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping, PySequence, PyString, PyTuple};

use super::pipeline::await_ticket;
use super::{bind, check, push, queue};
use crate::binding::Binding;
use crate::core::Core;
use crate::core::watched::WatchedRecipient;
use crate::cursor::BaseCursor;
use crate::errors;
use crate::hooks::{Span, Subject, Watched};
use crate::query::object::{self, ObjectText};
use crate::query::{self, CachedTemplate, Template};
use crate::shell::{Job, Next};
use howdah_adapt::dump::dump;
use howdah_adapt::{DumpContext, Encoding, PyFormat, memory};
use howdah_ffi::values;

/// One call of `execute()`.
pub(crate) struct ExecuteQuery {
    pub(crate) cursor: Py<BaseCursor>,
    pub(crate) query: Py<PyAny>,
    pub(crate) params: Option<Py<PyAny>>,
    pub(crate) options: Options,
    pub(crate) text: Option<Text>,
    /// Its result comes later.
    pub(crate) in_pipeline: bool,
    pub(crate) watched: Watched,
}

/// How a statement is to be executed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Options {
    /// Whether to prepare it; `None` leaves that to the policy.
    pub(crate) prepare: Option<bool>,
    /// The format of the results; `None` is the cursor's.
    pub(crate) binary: Option<bool>,
    /// By the extended protocol also without parameters, which allows one statement only.
    pub(crate) extended: bool,
    /// Anew, because what was prepared was missing or of no use.
    pub(crate) again: bool,
}

/// Queues a statement of a cursor in an exchange of its own; gives its text as well.
pub(crate) fn queue_query(
    py: Python<'_>,
    core: &Arc<Core>,
    cursor: &BaseCursor,
    query: &Py<PyAny>,
    params: Option<&Py<PyAny>>,
    options: &Options,
) -> PyResult<(ExchangeId, Text)> {
    let (text, own) = begin(py, core, cursor, query, params, options)?;
    let params = params.or(own.as_ref());
    let id = dump_and_queue(py, core, cursor, &text, params, options, |request| {
        if options.again {
            queue(py, core, request, Session::execute_again)
        } else {
            queue(py, core, request, Session::execute)
        }
    })?;
    cursor.note_query(py, &text, params);
    Ok((id, text))
}

/// Queues the question what columns a statement of a cursor has; gives its text as well.
pub(crate) fn queue_description(
    py: Python<'_>,
    core: &Arc<Core>,
    cursor: &BaseCursor,
    query: &Py<PyAny>,
    params: Option<&Py<PyAny>>,
) -> PyResult<(ExchangeId, Text)> {
    let options = Options::default();
    let (text, own) = begin(py, core, cursor, query, params, &options)?;
    let params = params.or(own.as_ref());
    let id = dump_and_queue(py, core, cursor, &text, params, &options, |request| {
        queue(py, core, request, Session::describe)
    })?;
    Ok((id, text))
}

/// Begins an execution of a cursor; gives the query's text, and the parameters that it brings along.
fn begin(
    py: Python<'_>,
    core: &Arc<Core>,
    cursor: &BaseCursor,
    query: &Py<PyAny>,
    params: Option<&Py<PyAny>>,
    options: &Options,
) -> PyResult<(Text, Option<Py<PyAny>>)> {
    let binary = options.binary(cursor);
    core.check_open(py)?;
    cursor.begin(py, binary)?;
    cursor.binding.check_format(py, binary)?;
    let params = params.map(|params| params.bind(py));
    bind::text(cursor, core, query.bind(py), params)
}

/// Dumps the parameters of a statement and has it queued.
fn dump_and_queue<T>(
    py: Python<'_>,
    core: &Arc<Core>,
    cursor: &BaseCursor,
    text: &Text,
    params: Option<&Py<PyAny>>,
    options: &Options,
    queue: impl FnOnce(&Execute<'_>) -> PyResult<T>,
) -> PyResult<T> {
    let adaptation = cursor.adaptation(py)?;
    let settings = core.snapshot.settings();
    let cx = DumpContext::new(&settings, Some(&adaptation));
    let params = params.map(|params| params.bind(py));
    let loaders = cursor.adapters(py)?.get();
    let accepts = |oid| settings.text_is_plain(oid) && loaders.binary_is_equal(py, oid);
    let choice = settings.choice_id(loaders.loaders_id());
    let mut values = core.borrow_params();
    let dumped = bind::dump(cursor.binding, text, params, &cx, &mut values);
    let queued = dumped.and_then(|()| {
        queue(&Execute {
            sql: text.sql(py),
            params: &values,
            format: result_format(options.binary(cursor), choice, &accepts),
            prepare: cursor.binding.prepare(options.prepare),
            begin: true,
            extended: options.extended,
        })
    });
    core.return_params(values);
    queued
}

impl Options {
    fn binary(&self, cursor: &BaseCursor) -> bool {
        self.binary.unwrap_or_else(|| cursor.is_binary())
    }
}

impl ExecuteQuery {
    /// In a pipeline the result goes to the cursor when it has come.
    fn start_in_pipeline(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let bound = self.cursor.bind(py);
        if let Some(error) = core.pipeline.take_unwanted(bound.as_any()) {
            return Err(error);
        }
        let (cursor, options) = (bound.get(), &self.options);
        let params = self.params.as_ref();
        let (text, own) = begin(py, core, cursor, &self.query, params, options)?;
        let (text, params) = (Arc::new(text), params.or(own.as_ref()));
        let mut recipient = BaseCursor::recipient(bound, &text, None)?;
        if let Some(span) = self.watched.get() {
            recipient = WatchedRecipient::new(py, recipient, span, Some(1))?;
        }
        let skipped = core.pipeline.is_aborted();
        let queued = dump_and_queue(py, core, cursor, &text, params, options, |request| {
            if skipped {
                return Ok(None);
            }
            queue(py, core, request, Session::execute_more).map(Some)
        })?;
        cursor.note_query(py, &text, params);
        let Some(id) = queued else {
            core.pipeline.skip(py, Some(&*recipient));
            return Ok(Next::Done(self.cursor.clone_ref(py).into_any()));
        };
        self.in_pipeline = true;
        let ticket = core.pipeline.push(id, 1, recipient);
        cursor.note_ticket(ticket);
        if text.may_copy(py) {
            return await_ticket(py, core, ticket);
        }
        Ok(Next::Pump(id))
    }
}

impl Job for ExecuteQuery {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if core.pipeline.is_on() {
            return self.start_in_pipeline(py, core);
        }
        let cursor = self.cursor.get();
        let params = self.params.as_ref();
        let (id, text) = queue_query(py, core, cursor, &self.query, params, &self.options)?;
        self.text = Some(text);
        Ok(Next::Exchange(id))
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        if self.in_pipeline {
            return Ok(Next::Done(self.cursor.clone_ref(py).into_any()));
        }
        if outcome.again && !std::mem::replace(&mut self.options.again, true) {
            return self.start(py, core);
        }
        check_text(py, core, &outcome, self.text.as_ref())?;
        if outcome.results.is_empty() {
            return Err(errors::new(
                py,
                "InternalError",
                "got no result from the query",
            ));
        }
        BaseCursor::set_results(self.cursor.bind(py), outcome.results)?;
        self.cursor.get().tell(&self.watched);
        Ok(Next::Done(self.cursor.clone_ref(py).into_any()))
    }

    fn subject(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let (cursor, params) = (self.cursor.get(), self.params.as_ref());
        bind::subject(py, core, "execute", cursor, &self.query, params)
    }

    fn observed(&mut self, _py: Python<'_>, span: &Arc<Span>) -> PyResult<()> {
        self.watched = Watched::by(span);
        Ok(())
    }

    fn can_share(&self, py: Python<'_>) -> bool {
        !may_copy(self.query.bind(py))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        visit.call(&self.query)?;
        visit.call(&self.params)
    }

    fn name(&self) -> &'static str {
        "execute"
    }
}

/// Whether a query may have a COPY in it, as far as can be told before it is converted. What is sent behind COPY FROM STDIN before
/// that is answered would be read as its data, and end the session.
fn may_copy(query: &Bound<'_, PyAny>) -> bool {
    if let Ok(text) = query.cast::<PyString>() {
        text.to_str().is_ok_and(|text| has_copy(text.as_bytes()))
    } else if let Ok(bytes) = query.cast::<PyBytes>() {
        has_copy(bytes.as_bytes())
    } else {
        true
    }
}

fn has_copy(text: &[u8]) -> bool {
    let mut words = text.windows(4);
    words.any(|word| word.eq_ignore_ascii_case(b"copy"))
}

/// The format to ask for results in; where it is left to us, by the loaders that are known by `id`.
pub(crate) fn result_format(
    binary: bool,
    id: u64,
    accepts: &dyn Fn(u32) -> bool,
) -> ResultFormat<'_> {
    if binary {
        ResultFormat::Binary
    } else {
        ResultFormat::Auto(BinaryChoice { id, accepts })
    }
}

/// The exception that the outcome of a text stands for, if it failed.
pub(crate) fn check_text(
    py: Python<'_>,
    core: &Arc<Core>,
    outcome: &Outcome,
    text: Option<&Text>,
) -> PyResult<()> {
    check(py, core, outcome, text.map(|text| text.sql(py))).inspect_err(|error| {
        if let Some(text) = text {
            text.note_place(py, error);
        }
    })
}

/// A query as it is sent, kept in the form that costs least.
pub(crate) enum Text {
    /// A str that is sent as it is, in UTF-8.
    Plain(Py<PyString>),
    /// Bytes that are sent as they are.
    Bytes(Py<PyBytes>),
    /// A query with placeholders, converted before.
    Cached(Py<CachedTemplate>),
    /// Bytes made for this call; with what they want for parameters.
    Made(Arc<Template>),
    /// Bytes with the parameters in them; with what these have become.
    Merged(Arc<[u8]>, Py<PyTuple>),
}

impl Text {
    /// Converts a query of a cursor; its placeholders only where there are parameters. With the parameters of a template string.
    pub(crate) fn new(
        query: &Bound<'_, PyAny>,
        has_params: bool,
        encoding: Encoding,
        cursor: &BaseCursor,
    ) -> PyResult<(Self, Option<Py<PyAny>>)> {
        Self::with_binding(query, has_params, encoding, cursor, cursor.binding)
    }

    /// The same with another binding than the cursor's.
    pub(crate) fn with_binding(
        query: &Bound<'_, PyAny>,
        has_params: bool,
        encoding: Encoding,
        cursor: &BaseCursor,
        binding: Binding,
    ) -> PyResult<(Self, Option<Py<PyAny>>)> {
        if let Ok(text) = query.cast::<PyString>() {
            return Self::of_str(text, has_params, encoding, binding).map(|text| (text, None));
        }
        if let Ok(bytes) = query.cast::<PyBytes>() {
            return Self::of_bytes(bytes, has_params, encoding, binding).map(|text| (text, None));
        }
        let adaptation = cursor.adaptation(query.py())?;
        match object::text(query, has_params, &adaptation, binding)? {
            ObjectText::Bytes(bytes) => {
                Self::of_bytes(&bytes, has_params, encoding, binding).map(|text| (text, None))
            }
            ObjectText::WithParams(template, values) => Ok((
                Self::Made(Arc::new(template)),
                Some(values.into_any().unbind()),
            )),
        }
    }

    fn of_str(
        text: &Bound<'_, PyString>,
        has_params: bool,
        encoding: Encoding,
        binding: Binding,
    ) -> PyResult<Self> {
        let py = text.py();
        match (encoding, has_params) {
            (Encoding::Utf8 | Encoding::SqlAscii, true) => {
                query::template(py, text, binding).map(Self::Cached)
            }
            (Encoding::Utf8 | Encoding::SqlAscii, false) => {
                // Finds out whether it can be encoded at all.
                text.to_str()?;
                Ok(Self::Plain(text.clone().unbind()))
            }
            _ => {
                let mut bytes = Vec::new();
                encoding.encode(text, &mut bytes)?;
                Self::of_bytes(&values::bytes(py, &bytes)?, has_params, encoding, binding)
            }
        }
    }

    fn of_bytes(
        bytes: &Bound<'_, PyBytes>,
        has_params: bool,
        encoding: Encoding,
        binding: Binding,
    ) -> PyResult<Self> {
        match (encoding, has_params) {
            (_, false) => Ok(Self::Bytes(bytes.clone().unbind())),
            (Encoding::Utf8 | Encoding::SqlAscii, true) => {
                query::template_of_bytes(bytes, binding).map(Self::Cached)
            }
            (_, true) => {
                let made = query::parse(bytes.py(), bytes.as_bytes(), encoding, binding)?;
                Ok(Self::Made(Arc::new(made)))
            }
        }
    }

    /// The same once more.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Plain(text) => Self::Plain(text.clone_ref(py)),
            Self::Bytes(bytes) => Self::Bytes(bytes.clone_ref(py)),
            Self::Cached(template) => Self::Cached(template.clone_ref(py)),
            Self::Made(template) => Self::Made(Arc::clone(template)),
            Self::Merged(sql, literals) => Self::Merged(Arc::clone(sql), literals.clone_ref(py)),
        }
    }

    /// The same behind other text, for an execution with the same parameters.
    pub(super) fn behind(&self, py: Python<'_>, front: &[u8]) -> PyResult<Self> {
        let mut sql = Vec::new();
        memory::append(&mut sql, front)?;
        memory::append(&mut sql, self.sql(py))?;
        Ok(match (self, self.template()) {
            (_, Some(template)) => Self::Made(Arc::new(Template {
                sql,
                formats: template.formats.clone(),
                names: template.names.clone(),
                placeholders: template.placeholders,
                marks: Vec::new(),
            })),
            (Self::Merged(_, literals), None) => Self::Merged(sql.into(), literals.clone_ref(py)),
            _ => Self::Bytes(values::bytes(py, &sql)?.unbind()),
        })
    }

    /// Adds to an exception where in the query, as it was given, the place is that the server means, and what it may be about.
    pub(crate) fn note_place(&self, py: Python<'_>, error: &PyErr) {
        if let Self::Cached(template) = self
            && let Some(place) = errors::place(py, error)
            && let Some((source, place)) = template.get().place_in_source(py, place)
        {
            errors::note_place(py, error, source, place);
        }
        match self {
            // A literal has no place of its own.
            Self::Merged(..) => {}
            Self::Cached(_) | Self::Made(_) => errors::hint(py, error, self.sql(py), "%s"),
            Self::Plain(_) | Self::Bytes(_) => errors::hint(py, error, self.sql(py), "$1"),
        }
    }

    /// Whether it may have a COPY in it.
    pub(super) fn may_copy(&self, py: Python<'_>) -> bool {
        has_copy(self.sql(py))
    }

    /// The bytes to send.
    pub(crate) fn sql<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        match self {
            // Encoded once already, so it can be.
            Self::Plain(text) => text.bind(py).to_str().map_or(&[], str::as_bytes),
            Self::Bytes(bytes) => bytes.as_bytes(py),
            Self::Cached(template) => &template.get().template.sql,
            Self::Made(template) => &template.sql,
            Self::Merged(sql, _) => sql,
        }
    }

    /// The bytes to send, with the parameters in them.
    pub(super) fn merged(&self, py: Python<'_>) -> Arc<[u8]> {
        match self {
            Self::Merged(sql, _) => Arc::clone(sql),
            _ => self.sql(py).into(),
        }
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::Plain(_) | Self::Bytes(_) | Self::Merged(..) => None,
            Self::Cached(template) => Some(&template.get().template),
            Self::Made(template) => Some(template),
        }
    }
}

/// Does something with the value of each parameter of one execution, in order.
#[inline]
pub(crate) fn each_param(
    template: &Template,
    params: &Bound<'_, PyAny>,
    each: &mut impl FnMut(&Bound<'_, PyAny>, PyFormat) -> PyResult<()>,
) -> PyResult<()> {
    if let Ok(tuple) = params.cast_exact::<PyTuple>() {
        check_count(params, template, tuple.len())?;
        return each_of(params.py(), tuple.iter(), template, each);
    }
    if let Ok(list) = params.cast_exact::<PyList>() {
        check_count(params, template, list.len())?;
        return each_of(params.py(), list.iter(), template, each);
    }
    if params.is_none() {
        // In `executemany()`.
        return check_count(params, template, 0);
    }
    if !params.is_instance_of::<PyDict>() && is_sequence(params)? {
        let items = params.cast::<PySequence>()?.to_tuple()?;
        check_count(params, template, items.len())?;
        return each_of(params.py(), items.iter(), template, each);
    }
    each_named(params, template, each)
}

pub(crate) fn is_sequence(params: &Bound<'_, PyAny>) -> PyResult<bool> {
    if params.is_instance_of::<PyString>() || params.is_instance_of::<PyBytes>() {
        return Err(wrong_params(params));
    }
    Ok(params.cast::<PySequence>().is_ok())
}

fn check_count(params: &Bound<'_, PyAny>, template: &Template, count: usize) -> PyResult<()> {
    if count != template.placeholders {
        let py = params.py();
        let error = errors::programming(
            py,
            format!(
                "the query has {} placeholders but {count} parameters were passed",
                template.placeholders
            ),
        );
        if template.placeholders == 0 {
            errors::hint_count(py, &error, &template.sql);
        }
        return Err(error);
    }
    if count > 0 && template.names.is_some() {
        return Err(PyTypeError::new_err(
            "named placeholders require a mapping of parameters",
        ));
    }
    Ok(())
}

#[inline]
fn each_of<'py>(
    py: Python<'py>,
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    template: &Template,
    each: &mut impl FnMut(&Bound<'_, PyAny>, PyFormat) -> PyResult<()>,
) -> PyResult<()> {
    let mut formats = template.formats.iter();
    for (item, format) in items.zip(&mut formats) {
        each(&item, *format)?;
    }
    // A dumper may have changed the list.
    match formats.len() {
        0 => Ok(()),
        missing => Err(errors::programming(
            py,
            format!("{missing} parameters were taken away while they were dumped"),
        )),
    }
}

fn each_named(
    params: &Bound<'_, PyAny>,
    template: &Template,
    each: &mut impl FnMut(&Bound<'_, PyAny>, PyFormat) -> PyResult<()>,
) -> PyResult<()> {
    let mapping = params
        .cast::<PyMapping>()
        .map_err(|_| wrong_params(params))?;
    let Some(names) = &template.names else {
        if template.placeholders > 0 && !mapping.is_empty()? {
            return Err(PyTypeError::new_err(
                "positional placeholders (%s) require a sequence of parameters",
            ));
        }
        if template.placeholders > 0 {
            return Err(errors::programming(
                params.py(),
                format!(
                    "the query has {} placeholders but 0 parameters were passed",
                    template.placeholders
                ),
            ));
        }
        return Ok(());
    };
    let mut missing = Vec::new();
    for (name, format) in names.iter().zip(&template.formats) {
        match mapping.get_item(name) {
            Ok(value) if missing.is_empty() => each(&value, *format)?,
            Ok(_) => {}
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyKeyError>(params.py()) => {
                missing.push(name.as_str());
            }
            Err(error) => return Err(error),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable();
    Err(errors::programming(
        params.py(),
        format!("query parameter missing: {}", missing.join(", ")),
    ))
}

/// Dumps one parameter.
#[inline]
pub(crate) fn dump_one(
    value: &Bound<'_, PyAny>,
    format: PyFormat,
    cx: &DumpContext<'_>,
    out: &mut Params,
) -> PyResult<()> {
    push(value.py(), out, |buffer| dump(value, format, buffer, cx))
}

pub(crate) fn wrong_params(params: &Bound<'_, PyAny>) -> PyErr {
    let name = params.get_type().qualname();
    let name = name.map_or_else(|_| "object".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "query parameters should be a sequence or a mapping, got {name}"
    ))
}
