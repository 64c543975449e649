//! Query texts: `%s` and `%(name)s` to `$1`, once per text.
//!
//! Source: psycopg's documentation, "Passing parameters to SQL queries".

pub(crate) mod object;

use std::collections::HashMap;
use std::ops::Range;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::binding::Binding;
use crate::errors;
use howdah_adapt::{Encoding, PyFormat, memory};

/// A query text in the server's syntax, with what it wants for parameters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) sql: Vec<u8>,
    /// The placeholder's format of each parameter.
    pub(crate) formats: Vec<PyFormat>,
    /// The parameters' names, where they have names; in the order of `$1`...
    pub(crate) names: Option<Vec<String>>,
    /// How many placeholders there are: names may be repeated, positions not.
    pub(crate) placeholders: usize,
    /// Where in `sql` they are.
    pub(crate) marks: Vec<Mark>,
}

/// A placeholder in a converted text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) place: Range<usize>,
    /// Index of its parameter.
    pub(crate) param: usize,
}

/// Texts longer than this are not kept: they are made by programs, and rarely twice.
const CACHED_LENGTH: usize = 4096;
/// The cache is emptied when it holds this many texts.
const CACHED_TEXTS: usize = 512;

/// A template as the cache's dictionary holds it.
#[pyclass(frozen)]
pub(crate) struct CachedTemplate {
    pub(crate) template: Template,
    /// The text that it was made of, a str or bytes.
    source: Py<PyAny>,
}

impl CachedTemplate {
    /// The text that the template was made of, and where in it a place in the converted text comes from; both in characters.
    /// `None` if nothing was converted.
    pub(crate) fn place_in_source<'a>(
        &'a self,
        py: Python<'a>,
        place: usize,
    ) -> Option<(&'a str, usize)> {
        let source = self.source.bind(py);
        let source = match source.cast::<PyString>() {
            Ok(text) => text.to_str().ok()?,
            Err(_) => std::str::from_utf8(source.cast::<PyBytes>().ok()?.as_bytes()).ok()?,
        };
        let sql = std::str::from_utf8(&self.template.sql).ok()?;
        if sql == source {
            return None;
        }
        let mut starts = sql.char_indices().map(|(start, _)| start);
        let start = starts.nth(place).unwrap_or(sql.len());
        let start = source_offset(py, source.as_bytes(), &self.template, start)?;
        Some((source, source.get(..start)?.chars().count()))
    }
}

/// The template of a query text in UTF-8, from the cache or made anew.
pub(crate) fn template(
    py: Python<'_>,
    text: &Bound<'_, PyString>,
    binding: Binding,
) -> PyResult<Py<CachedTemplate>> {
    static CACHES: [PyOnceLock<Py<PyDict>>; 2] = [const { PyOnceLock::new() }; 2];
    let cache = cache(py, &CACHES[usize::from(binding.is_in_text())]);
    cached(text.as_any(), text.to_str()?.as_bytes(), cache, binding)
}

/// The same of bytes. A `str` is never looked up beside bytes: comparing them may be a warning.
pub(crate) fn template_of_bytes(
    text: &Bound<'_, PyBytes>,
    binding: Binding,
) -> PyResult<Py<CachedTemplate>> {
    static CACHES: [PyOnceLock<Py<PyDict>>; 2] = [const { PyOnceLock::new() }; 2];
    let cache = cache(text.py(), &CACHES[usize::from(binding.is_in_text())]);
    cached(text.as_any(), text.as_bytes(), cache, binding)
}

fn cache<'py>(py: Python<'py>, cell: &'static PyOnceLock<Py<PyDict>>) -> &'py Bound<'py, PyDict> {
    cell.get_or_init(py, || PyDict::new(py).unbind()).bind(py)
}

fn cached(
    text: &Bound<'_, PyAny>,
    sql: &[u8],
    cache: &Bound<'_, PyDict>,
    binding: Binding,
) -> PyResult<Py<CachedTemplate>> {
    let py = text.py();
    if let Some(found) = cache.get_item(text)? {
        return Ok(found.cast_into::<CachedTemplate>()?.unbind());
    }
    let made = CachedTemplate {
        template: parse(py, sql, Encoding::Utf8, binding)?,
        source: text.clone().unbind(),
    };
    let made = Py::new(py, made)?;
    if sql.len() <= CACHED_LENGTH {
        if cache.len() >= CACHED_TEXTS {
            cache.clear();
        }
        cache.set_item(text, &made)?;
    }
    Ok(made)
}

/// What stands behind a `%`.
enum Piece<'a> {
    Percent,
    Positional(PyFormat),
    Named(&'a [u8], PyFormat),
}

/// Converts a query text.
pub(crate) fn parse(
    py: Python<'_>,
    query: &[u8],
    encoding: Encoding,
    binding: Binding,
) -> PyResult<Template> {
    let mut sql = Vec::new();
    memory::room(&mut sql, query.len())?;
    let mut formats = Vec::new();
    let mut marks = Vec::new();
    let mut placeholders = 0;
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    let mut names: Option<Vec<&[u8]>> = None;
    let mut rest = query;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let (before, from) = rest.split_at(at);
        sql.extend_from_slice(before);
        rest = from;
        // A `%` at the very end is an operator with nothing to work on: the server will say so.
        let Some((piece, len)) = read_piece(py, from)? else {
            break;
        };
        rest = from.get(len..).unwrap_or_default();
        // A number may be longer than what it stands for.
        memory::room(&mut sql, rest.len())?;
        let (name, mut format) = match piece {
            Piece::Percent => {
                sql.push(b'%');
                continue;
            }
            Piece::Positional(format) => (None, format),
            Piece::Named(name, format) => (Some(name), format),
        };
        if placeholders > 0 && names.is_some() != name.is_some() {
            return Err(errors::programming(
                py,
                "positional and named placeholders cannot be mixed",
            ));
        }
        placeholders += 1;
        if binding == Binding::Client {
            // Literals have one form.
            format = PyFormat::Text;
        }
        let number = match name {
            None => {
                memory::push(&mut formats, format)?;
                formats.len()
            }
            Some(name) => {
                let names = names.get_or_insert_default();
                number_of(py, name, format, names, &mut formats, &mut seen)?
            }
        };
        let start = sql.len();
        sql.extend_from_slice(format!("${number}").as_bytes());
        let mark = Mark {
            place: start..sql.len(),
            param: number - 1,
        };
        memory::push(&mut marks, mark)?;
    }
    sql.extend_from_slice(rest);
    Ok(Template {
        sql,
        formats,
        names: names
            .map(|names| decoded(py, &names, encoding))
            .transpose()?,
        placeholders,
        marks,
    })
}

/// Where in a query text a place in what was made of it comes from, in bytes; a placeholder is one place.
fn source_offset(
    py: Python<'_>,
    source: &[u8],
    template: &Template,
    place: usize,
) -> Option<usize> {
    let mut marks = template.marks.iter();
    let (mut from, mut to) = (0, 0);
    while to < place {
        let rest = source.get(from..)?;
        let plain = rest.iter().position(|byte| *byte == b'%');
        let plain = plain.unwrap_or(rest.len()).min(place - to);
        if plain > 0 {
            (from, to) = (from + plain, to + plain);
            continue;
        }
        let (piece, len) = read_piece(py, rest).ok()??;
        let width = match piece {
            Piece::Percent => 1,
            Piece::Positional(_) | Piece::Named(..) => marks.next()?.place.len(),
        };
        if to + width > place {
            break;
        }
        (from, to) = (from + len, to + width);
    }
    Some(from)
}

/// Names as the keys of the parameters are written.
fn decoded(py: Python<'_>, names: &[&[u8]], encoding: Encoding) -> PyResult<Vec<String>> {
    let mut out = Vec::new();
    for name in names {
        let name = match encoding {
            Encoding::Utf8 | Encoding::SqlAscii => String::from_utf8_lossy(name).into_owned(),
            _ => encoding.decode_str(py, name)?.to_str()?.to_owned(),
        };
        memory::push(&mut out, name)?;
    }
    Ok(out)
}

/// The number of a named parameter: a new one for a new name.
fn number_of<'a>(
    py: Python<'_>,
    name: &'a [u8],
    format: PyFormat,
    names: &mut Vec<&'a [u8]>,
    formats: &mut Vec<PyFormat>,
    seen: &mut HashMap<&'a [u8], usize>,
) -> PyResult<usize> {
    if let Some(number) = seen.get(name) {
        if formats.get(number - 1) != Some(&format) {
            let name = String::from_utf8_lossy(name);
            return Err(errors::programming(
                py,
                format!("placeholder '{name}' cannot have different formats"),
            ));
        }
        return Ok(*number);
    }
    memory::push(names, name)?;
    memory::push(formats, format)?;
    seen.try_reserve(1)
        .map_err(|_| PyMemoryError::new_err(()))?;
    seen.insert(name, formats.len());
    Ok(formats.len())
}

/// Reads what begins with the `%` at the front of `from`; with its length. `None` for a lone `%` at the end.
fn read_piece<'a>(py: Python<'_>, from: &'a [u8]) -> PyResult<Option<(Piece<'a>, usize)>> {
    let Some(next) = from.get(1) else {
        return Ok(None);
    };
    let named = (*next == b'(').then(|| named_piece(from)).flatten();
    let (name, letter, len) = match named {
        Some((name, letter, len)) => (Some(name), letter, len),
        None => (None, *next, 2),
    };
    let format = match letter {
        b's' => PyFormat::Auto,
        b'b' => PyFormat::Binary,
        b't' => PyFormat::Text,
        b'%' if name.is_none() => return Ok(Some((Piece::Percent, 2))),
        // A line break is no character that could stand behind a `%`.
        b'\n' if name.is_none() => return Ok(Some((Piece::Percent, 1))),
        _ => return Err(bad_placeholder(py, from, name.is_some(), len)),
    };
    Ok(Some(match name {
        Some(name) => (Piece::Named(name, format), len),
        None => (Piece::Positional(format), len),
    }))
}

/// The name, the letter and the length of `%(name)s`, where there is all of that.
fn named_piece(from: &[u8]) -> Option<(&[u8], u8, usize)> {
    let close = from.iter().position(|byte| *byte == b')')?;
    let name = from.get(2..close).filter(|name| !name.is_empty())?;
    let letter = *from.get(close + 1).filter(|letter| **letter != b'\n')?;
    Some((name, letter, close + 2))
}

fn bad_placeholder(py: Python<'_>, from: &[u8], named: bool, len: usize) -> PyErr {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let message = match from.get(1) {
        Some(b'(') if !named => {
            let word = from.split(u8::is_ascii_whitespace).next().unwrap_or(from);
            format!("incomplete placeholder: '{}'", text(word))
        }
        Some(b' ') => "incomplete placeholder: '%'; if you want to use '%' as an operator you can \
                       double it up, i.e. use '%%'"
            .to_owned(),
        _ => {
            // The whole character, should it be more than one byte.
            let end = (len..=from.len())
                .find(|end| {
                    from.get(..*end)
                        .is_some_and(|part| std::str::from_utf8(part).is_ok())
                })
                .unwrap_or(len);
            let got = text(from.get(..end).unwrap_or(from));
            format!("only '%s', '%b', '%t' are allowed as placeholders, got '{got}'")
        }
    };
    errors::programming(py, message)
}
