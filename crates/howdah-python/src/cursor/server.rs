//! What is known here of a cursor that the server has.

use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use howdah_protocol::wire::Format;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

/// How many rows iteration fetches at a time.
const ITERSIZE: i64 = 100;

/// A cursor of the server's: its name and its properties, which do not change, and where it stands.
pub(crate) struct ServerSide {
    pub(crate) name: Py<PyString>,
    pub(crate) scrollable: Option<bool>,
    pub(crate) withhold: bool,
    held: Mutex<Held>,
}

/// Where it stands.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) itersize: i64,
    /// Whether the server has it, as far as is known, and its columns are known.
    pub(crate) is_described: bool,
    /// Whether its declaration was interrupted: the server may have it or not.
    pub(crate) is_doubtful: bool,
    /// Whether a move or a fetch was interrupted: where the server's stands is not known.
    pub(crate) is_adrift: bool,
    /// The formats that rows are asked for in, one for each column.
    pub(crate) formats: Arc<[Format]>,
    /// How many rows it has gone forward.
    pub(crate) pos: i64,
    /// The rows that iteration takes from.
    pub(crate) page: Option<Page>,
}

/// Rows fetched at a time.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Py<PyList>,
    /// Index of the next of them.
    pub(crate) next: usize,
}

impl ServerSide {
    pub(crate) fn new(name: Py<PyString>, scrollable: Option<bool>, withhold: bool) -> Self {
        Self {
            name,
            scrollable,
            withhold,
            held: Mutex::new(Held {
                itersize: ITERSIZE,
                is_described: false,
                is_doubtful: false,
                is_adrift: false,
                formats: Arc::default(),
                pos: 0,
                page: None,
            }),
        }
    }

    /// Looks at where it stands, or changes that. What goes out of it is not to be dropped within: it may call Python.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut lock(&self.held))
    }

    /// The next row of the page.
    pub(crate) fn next_of_page<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let mut held = lock(&self.held);
        let page = held.page.as_mut()?;
        let rows = page.rows.bind(py);
        if page.next >= rows.len() {
            return None;
        }
        let row = rows.get_item(page.next).ok()?;
        page.next += 1;
        held.pos += 1;
        Some(row)
    }

    /// Whether the last page was not full: there is no next one.
    pub(crate) fn is_last_page(&self, py: Python<'_>) -> bool {
        let held = lock(&self.held);
        let len = held.page.as_ref().map(|page| page.rows.bind(py).len());
        len.is_some_and(|len| i64::try_from(len).is_ok_and(|len| len < held.itersize))
    }

    /// Has it stand before the first row, of what has been declared anew or is forgotten.
    pub(crate) fn reset(&self) {
        let old = self.with(|held| {
            held.is_described = false;
            held.is_doubtful = false;
            held.is_adrift = false;
            held.pos = 0;
            held.page.take()
        });
        drop(old);
    }

    /// Shows the collector what it holds.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(held) = self.held.try_lock()
            && let Some(page) = &held.page
        {
            visit.call(&page.rows)?;
        }
        Ok(())
    }

    /// The name in SQL.
    pub(crate) fn identifier(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "\"{}\"",
            self.name.bind(py).to_str()?.replace('"', "\"\"")
        ))
    }
}
