//! What dumping and loading have to know of the session.

use howdah_types::{DateStyle, IntervalStyle};
use pyo3::exceptions::{PyKeyError, PyOSError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTzInfo;

use super::encoding::Encoding;
use super::error;

/// What dumping has to know of the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DumpContext {
    /// How strings are sent.
    pub(crate) encoding: Encoding,
}

/// What loading has to know of the session: the parameters that change how the server writes values.
///
/// To be made anew when one of [`LoadContext::PARAMETERS`] changes.
pub(crate) struct LoadContext {
    /// How strings are received.
    pub(crate) encoding: Encoding,
    pub(super) date_style: Setting<DateStyle>,
    pub(super) interval_style: Setting<IntervalStyle>,
    time_zone: Option<String>,
    tzinfo: PyOnceLock<Py<PyTzInfo>>,
}

/// A parameter as the server reported it, and what it means; `None` if that is not known.
pub(super) struct Setting<T> {
    pub(super) text: String,
    pub(super) value: Option<T>,
}

impl LoadContext {
    /// The parameters (ParameterStatus) that the context depends on.
    pub(crate) const PARAMETERS: [&'static str; 4] =
        ["client_encoding", "DateStyle", "IntervalStyle", "TimeZone"];

    /// Reads the session's parameters; `get` gives the value of a parameter that the server has reported.
    pub(crate) fn from_parameters(get: impl Fn(&str) -> Option<String>) -> Self {
        let [encoding, date_style, interval_style, time_zone] = Self::PARAMETERS.map(get);
        let date_style = date_style.unwrap_or_else(|| "ISO, DMY".into());
        let interval_style = interval_style.unwrap_or_else(|| "unknown".into());
        Self {
            encoding: encoding.map_or(Encoding::Utf8, |name| Encoding::from_postgres(&name)),
            date_style: Setting {
                value: DateStyle::parse(&date_style),
                text: date_style,
            },
            interval_style: Setting {
                value: IntervalStyle::parse(&interval_style),
                text: interval_style,
            },
            time_zone,
            tzinfo: PyOnceLock::new(),
        }
    }

    /// The session's time zone.
    ///
    /// A name that Python does not know is logged and taken for UTC.
    ///
    /// # Errors
    /// Only of the interpreter, or of the logger.
    #[inline]
    pub(super) fn tzinfo<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyTzInfo>> {
        if let Some(known) = self.tzinfo.get(py) {
            return Ok(known.bind(py));
        }
        let found = match self.time_zone.as_deref() {
            None | Some("UTC") => PyTzInfo::utc(py)?.to_owned(),
            Some(name) => zone(py, name)?,
        };
        Ok(self.tzinfo.get_or_init(py, || found.unbind()).bind(py))
    }

    /// The DateStyle.
    ///
    /// # Errors
    /// InterfaceError if the server reported one that is not known.
    #[inline]
    pub(super) fn date_style(&self, py: Python<'_>) -> PyResult<DateStyle> {
        self.date_style.value.ok_or_else(|| {
            let message = format!("unexpected DateStyle: {}", self.date_style.text);
            error::of_class(py, "InterfaceError", &message)
        })
    }

    /// The same context for text that is in UTF-8 already.
    pub(super) fn in_utf8(&self, py: Python<'_>) -> Self {
        let tzinfo = PyOnceLock::new();
        if let Some(known) = self.tzinfo.get(py) {
            // A new cell is empty.
            let _ = tzinfo.set(py, known.clone_ref(py));
        }
        Self {
            encoding: Encoding::Utf8,
            date_style: self.date_style.again(),
            interval_style: self.interval_style.again(),
            time_zone: self.time_zone.clone(),
            tzinfo,
        }
    }
}

impl<T: Copy> Setting<T> {
    fn again(&self) -> Self {
        Self {
            text: self.text.clone(),
            value: self.value,
        }
    }
}

impl From<&LoadContext> for DumpContext {
    fn from(context: &LoadContext) -> Self {
        Self {
            encoding: context.encoding,
        }
    }
}

fn zone<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyTzInfo>> {
    let failure = match PyTzInfo::timezone(py, name) {
        Ok(zone) => return Ok(zone),
        Err(failure) => failure,
    };
    let logger = py
        .import("logging")?
        .call_method1("getLogger", ("howdah",))?;
    let unknown =
        failure.is_instance_of::<PyKeyError>(py) || failure.is_instance_of::<PyOSError>(py);
    if unknown {
        let message = "unknown PostgreSQL timezone: %r; will use UTC";
        logger.call_method1("warning", (message, name))?;
    } else {
        let message = "error handling PostgreSQL timezone: %r; will use UTC (%s)";
        logger.call_method1("warning", (message, name, failure.to_string()))?;
    }
    Ok(PyTzInfo::utc(py)?.to_owned())
}
