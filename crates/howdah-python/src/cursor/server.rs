//! What is known here of a cursor that the server has.

use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use howdah_ffi::iteration::Page;
use howdah_protocol::wire::Format;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// How many rows iteration fetches at a time.
const ITERSIZE: i64 = 100;

/// A cursor of the server's: its name and its properties, which do not change, and where it stands.
pub(crate) struct ServerSide {
    pub(crate) name: Py<PyString>,
    pub(crate) scrollable: Option<bool>,
    pub(crate) withhold: bool,
    /// The rows that iteration takes from, and how many rows it has gone forward.
    pub(crate) page: Page,
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
    /// The last statement that fetched rows, and what it takes.
    pub(crate) last_fetch: Option<(Take, Arc<[u8]>)>,
}

/// Which rows are wanted, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// The next row, or `None`.
    One,
    /// A list of so many.
    Many(i64),
    /// A list of all that are left.
    All,
    /// As many as iteration takes at a time: the first of them, or the end.
    Page,
}

impl ServerSide {
    pub(crate) fn new(name: Py<PyString>, scrollable: Option<bool>, withhold: bool) -> Self {
        Self {
            name,
            scrollable,
            withhold,
            page: Page::default(),
            held: Mutex::new(Held {
                itersize: ITERSIZE,
                is_described: false,
                is_doubtful: false,
                is_adrift: false,
                formats: Arc::default(),
                last_fetch: None,
            }),
        }
    }

    /// Looks at where it stands, or changes that. What goes out of it is not to be dropped within: it may call Python.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut lock(&self.held))
    }

    /// Whether the last page was not full: there is no next one.
    pub(crate) fn is_last_page(&self, py: Python<'_>) -> bool {
        let len = self.page.len_of_page(py);
        len.is_some_and(|len| {
            i64::try_from(len).is_ok_and(|len| len < self.with(|held| held.itersize))
        })
    }

    /// Has it stand before the first row, of what has been declared anew or is forgotten.
    pub(crate) fn reset(&self, py: Python<'_>) {
        self.with(|held| {
            held.is_described = false;
            held.is_doubtful = false;
            held.is_adrift = false;
        });
        drop(self.page.reset(py));
    }

    /// Goes so many rows forward, or, if that is negative, back.
    pub(crate) fn advance(&self, py: Python<'_>, rows: i64) {
        self.page
            .set_pos(py, self.page.pos(py).saturating_add(rows));
    }

    /// The name in SQL.
    pub(crate) fn identifier(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "\"{}\"",
            self.name.bind(py).to_str()?.replace('"', "\"\"")
        ))
    }
}
