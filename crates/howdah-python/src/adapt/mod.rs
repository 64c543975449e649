//! Python values to parameters, result values to Python.
//!
//! [`dump::dump`] appends one parameter to a buffer; [`load::load_row`] and [`load::load_rows`] make tuples of the
//! rows of a result, with one [`load::Loader`] a column. Which Python type becomes which PostgreSQL type, and back,
//! is as in psycopg 3.
//!
//! Nothing here holds a lock or a borrow of a `#[pyclass]`, because any value can call back into Python.

pub(crate) mod adaptation;
pub(crate) mod builtin;
mod codec;
pub(crate) mod context;
pub(crate) mod dump;
pub(crate) mod encoding;
mod error;
pub(crate) mod literal;
pub(crate) mod load;
mod nested;
pub(crate) mod registry;
pub(crate) mod transformer;
mod types;

pub(crate) use adaptation::Adaptation;
pub(crate) use context::{DumpContext, LoadContext, SessionSettings};
pub(crate) use encoding::Encoding;
pub(crate) use registry::AdaptersMap;
