//! Python values to parameters, result values to Python.
//!
//! [`dump::dump`] appends one parameter to a buffer; [`load::load_row`] and [`load::load_rows`] make tuples of the
//! rows of a result, with one [`load::Loader`] a column. Which Python type becomes which PostgreSQL type, and back,
//! is as in psycopg 3.
//!
//! Nothing here holds a lock or a borrow of a `#[pyclass]`, because any value can call back into Python. Nothing here
//! knows a connection: what adaptation has to know of a session is in [`SessionSettings`], which a connection object
//! shows as its attribute `_settings`.
#![forbid(unsafe_code)]

mod adaptation;
mod buffer;
pub mod builtin;
mod codec;
mod context;
pub mod copy;
pub mod dump;
pub mod encoding;
pub mod error;
mod format;
pub mod imports;
pub mod literal;
pub mod load;
pub mod log;
pub mod memory;
mod nested;
pub mod registry;
mod settings;
mod sync;
pub mod transformer;
mod types;

use pyo3::prelude::*;

pub use adaptation::Adaptation;
pub use buffer::bytes_of;
pub use context::{DumpContext, LoadContext};
pub use encoding::Encoding;
pub use format::PyFormat;
pub use registry::AdaptersMap;
pub use settings::{SessionSettings, SettingsObject};
pub use sync::lock;

/// Imports what adaptation needs; to be called when the package has been imported.
///
/// # Errors
/// ImportError.
pub fn import(py: Python<'_>) -> PyResult<()> {
    for object in imports::ALL {
        object.get(py)?;
    }
    log::logger(py)?;
    load::import(py)?;
    types::Types::get(py).map(drop)
}
