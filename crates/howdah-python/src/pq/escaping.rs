//! `Escaping`: texts and bytes made fit to stand in a statement, in every client encoding.

use std::sync::Arc;

use howdah_adapt::Encoding;
use howdah_adapt::literal::{doubled, quoted};
use howdah_ffi::values::bytes;
use howdah_types::bytea::{bytea_from_text, bytea_to_text};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::conn::PgConn;
use super::params::BytesLike;
use crate::core::Core;
use crate::errors;

/// Makes texts and bytes fit to stand in a statement.
///
/// Text that is not in the client encoding is an error, as is one with a NUL: neither could be told from another text by the
/// server. Without a connection the encoding is UTF-8; with one that was closed all methods raise `OperationalError`.
#[pyclass(frozen, module = "howdah._howdah", name = "Escaping")]
pub(crate) struct Escaping {
    conn: Option<Py<PgConn>>,
}

/// How texts are written for a connection.
struct Manner {
    encoding: Encoding,
    /// Whether a backslash means itself in strings.
    plain_backslashes: bool,
}

impl Escaping {
    fn manner(&self, py: Python<'_>) -> PyResult<Manner> {
        let core = match &self.conn {
            Some(conn) => conn.get().present(py)?,
            None => None,
        };
        let Some(core) = core else {
            return Ok(Manner {
                encoding: Encoding::Utf8,
                plain_backslashes: true,
            });
        };
        let parameters = core.snapshot.parameters();
        let setting = parameters.get("standard_conforming_strings");
        Ok(Manner {
            encoding: core.snapshot.settings().encoding,
            plain_backslashes: setting != Some("off"),
        })
    }

    /// A name as an identifier.
    pub(super) fn identifier(
        py: Python<'_>,
        core: Option<&Arc<Core>>,
        name: &[u8],
    ) -> PyResult<Vec<u8>> {
        let encoding = core.map_or(Encoding::Utf8, |core| core.snapshot.settings().encoding);
        let name = doubled(py, name, encoding, b"\"", "escape_identifier")?;
        Ok([b"\"", name.as_slice(), b"\""].concat())
    }

    fn needs_connection(&self, py: Python<'_>, what: &str) -> PyResult<Manner> {
        let Some(conn) = &self.conn else {
            let text = format!("{what} failed: no connection provided");
            return Err(errors::operational(py, text));
        };
        conn.get().usable(py, what)?;
        self.manner(py)
    }
}

#[pymethods]
impl Escaping {
    #[new]
    #[pyo3(signature = (conn=None))]
    fn new(conn: Option<Py<PgConn>>) -> Self {
        Self { conn }
    }

    /// The connection that it writes for.
    #[getter]
    fn conn(&self, py: Python<'_>) -> Option<Py<PgConn>> {
        self.conn.as_ref().map(|conn| conn.clone_ref(py))
    }

    /// Return a text as a string constant, with its quotes.
    fn escape_literal<'py>(
        &self,
        py: Python<'py>,
        data: BytesLike,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let what = "escape_literal";
        let encoding = self.needs_connection(py, what)?.encoding;
        // For the error that a NUL is.
        doubled(py, &data.0, encoding, b"", what)?;
        bytes(py, &quoted(py, &data.0, encoding)?)
    }

    /// Return a name as an identifier, with its quotes.
    fn escape_identifier<'py>(
        &self,
        py: Python<'py>,
        data: BytesLike,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.needs_connection(py, "escape_identifier")?;
        let core = match &self.conn {
            Some(conn) => conn.get().core(py)?,
            None => None,
        };
        bytes(py, &Self::identifier(py, core.as_ref(), &data.0)?)
    }

    /// Return a text as it stands between the quotes of a string constant.
    fn escape_string<'py>(
        &self,
        py: Python<'py>,
        data: BytesLike,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let manner = self.manner(py)?;
        let doubles: &[u8] = if manner.plain_backslashes {
            b"'"
        } else {
            b"'\\"
        };
        let text = doubled(py, &data.0, manner.encoding, doubles, "escape_string")?;
        bytes(py, &text)
    }

    /// Return bytes as they stand between the quotes of a string constant that becomes a `bytea`.
    fn escape_bytea<'py>(&self, py: Python<'py>, data: BytesLike) -> PyResult<Bound<'py, PyBytes>> {
        let manner = self.manner(py)?;
        let mut out = Vec::new();
        if !manner.plain_backslashes {
            out.push(b'\\');
        }
        bytea_to_text(&data.0, &mut out);
        bytes(py, &out)
    }

    /// Return the bytes that the text of a `bytea` stands for.
    fn unescape_bytea<'py>(
        &self,
        py: Python<'py>,
        data: BytesLike,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if let Some(conn) = &self.conn {
            conn.get().present(py)?;
        }
        let mut parsed = Vec::new();
        bytea_from_text(&data.0, &mut parsed)
            .map_err(|error| errors::new(py, "DataError", error.to_string()))?;
        bytes(py, &parsed)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.conn)
    }
}
