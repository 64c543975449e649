//! What adaptation has to know of a session.

use std::sync::Arc;

use howdah_types::{DateFormat, DateStyle, IntervalStyle, oid};
use pyo3::exceptions::{PyKeyError, PyOSError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTzInfo;

use crate::encoding::Encoding;
use crate::error;
use crate::imports;
use crate::load::Zone;
use crate::log::logger;

/// The parameters of the session that change how values are read and written.
///
/// To be made anew when one of [`SessionSettings::PARAMETERS`] changes.
pub struct SessionSettings {
    /// The `client_encoding`.
    pub encoding: Encoding,
    /// Whether a backslash in a literal is a character like any other.
    pub standard_strings: bool,
    pub(super) date_style: Setting<DateStyle>,
    pub(super) interval_style: Setting<IntervalStyle>,
    time_zone: Option<String>,
    zone: PyOnceLock<Zone>,
}

/// The settings as a connection object shows them, in its attribute `_settings`: those of the moment it was asked.
#[pyclass(frozen, module = "howdah._howdah")]
pub struct SettingsObject(pub Arc<SessionSettings>);

/// A parameter as the server reported it, and what it means; `None` if that is not known.
pub(super) struct Setting<T> {
    pub(super) text: String,
    pub(super) value: Option<T>,
}

impl SessionSettings {
    /// The parameters (ParameterStatus) that the context depends on.
    pub const PARAMETERS: [&'static str; 5] = [
        "client_encoding",
        "DateStyle",
        "IntervalStyle",
        "TimeZone",
        "standard_conforming_strings",
    ];

    /// Reads the session's parameters; `get` gives the value of a parameter that the server has reported.
    pub fn from_parameters(get: impl Fn(&str) -> Option<String>) -> Self {
        let [
            encoding,
            date_style,
            interval_style,
            time_zone,
            standard_strings,
        ] = Self::PARAMETERS.map(get);
        let date_style = date_style.unwrap_or_else(|| "ISO, DMY".into());
        let interval_style = interval_style.unwrap_or_else(|| "unknown".into());
        Self {
            encoding: encoding.map_or(Encoding::Utf8, |name| Encoding::from_postgres(&name)),
            standard_strings: standard_strings.is_none_or(|value| value == "on"),
            date_style: Setting {
                value: DateStyle::parse(&date_style),
                text: date_style,
            },
            interval_style: Setting {
                value: IntervalStyle::parse(&interval_style),
                text: interval_style,
            },
            time_zone,
            zone: PyOnceLock::new(),
        }
    }

    /// Whether values of a type come as text in the style that any loader reads; if not, whoever asks for text wants it
    /// in the session's.
    pub fn text_is_plain(&self, oid: u32) -> bool {
        match oid {
            oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ => {
                let style = self.date_style.value;
                style.is_some_and(|style| style.format == DateFormat::Iso)
            }
            oid::INTERVAL => self.interval_style.value == Some(IntervalStyle::Postgres),
            _ => oid::element_of(oid).is_none_or(|element| self.text_is_plain(element.oid)),
        }
    }

    /// What the codecs have to know of it, which know nothing of Python's encodings.
    pub fn of_codecs(&self) -> howdah_types::LoadContext {
        howdah_types::LoadContext {
            date_style: self.date_style.value.unwrap_or_default(),
            interval_style: self.interval_style.value.unwrap_or_default(),
            time_zone: self.time_zone.clone().unwrap_or_default(),
            // SQL_ASCII is what was stored, whatever it is: if it is no UTF-8, reading says so.
            other_encoding: !matches!(self.encoding, Encoding::Utf8 | Encoding::SqlAscii),
        }
    }

    /// What tells the columns that are requested in binary automatically from those of other settings and loaders.
    #[inline]
    pub fn choice_id(&self, loaders_id: u64) -> u64 {
        let dates = u64::from(self.text_is_plain(oid::DATE));
        let intervals = u64::from(self.text_is_plain(oid::INTERVAL));
        loaders_id << 2 | dates << 1 | intervals
    }

    /// Has the interpreter load codec and time zone, as it cannot at its end.
    ///
    /// What is wrong with them, whoever needs them will be told.
    pub fn prepare(&self, py: Python<'_>) {
        drop(self.encoding.decode(py, b" "));
        if let Some(name) = self.time_zone.as_deref().filter(|name| *name != "UTC")
            && let Ok(tzinfo) = zone_info(py, name)
        {
            let _ = self.zone.set(py, Zone::named(name, tzinfo));
        }
    }

    /// The session's time zone.
    ///
    /// A name that Python does not know is logged and taken for UTC.
    ///
    /// # Errors
    /// Only of the interpreter, or of the logger.
    #[inline]
    pub(super) fn zone(&self, py: Python<'_>) -> PyResult<&Zone> {
        self.zone
            .get_or_try_init(py, || match self.time_zone.as_deref() {
                None | Some("UTC") => Zone::utc(py),
                Some(name) => zone(py, name),
            })
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
}

impl Default for SessionSettings {
    /// Those of no session.
    fn default() -> Self {
        Self::from_parameters(|name| (name == "IntervalStyle").then(|| "postgres".into()))
    }
}

/// The settings of a connection's session; `None` without a connection.
pub(super) fn of_connection(
    connection: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<Arc<SessionSettings>>> {
    let Some(connection) = connection.filter(|connection| !connection.is_none()) else {
        return Ok(None);
    };
    // Of a connection that is not ours nothing is known.
    let shown = connection.getattr_opt(intern!(connection.py(), "_settings"))?;
    let known = shown
        .as_ref()
        .and_then(|shown| shown.cast::<SettingsObject>().ok());
    Ok(known.map(|known| Arc::clone(&known.get().0)))
}

fn zone_info<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyTzInfo>> {
    Ok(imports::ZONE_INFO.get(py)?.call1((name,))?.cast_into()?)
}

fn zone(py: Python<'_>, name: &str) -> PyResult<Zone> {
    let failure = match zone_info(py, name) {
        Ok(tzinfo) => return Ok(Zone::named(name, tzinfo)),
        Err(failure) => failure,
    };
    let logger = logger(py)?;
    let unknown =
        failure.is_instance_of::<PyKeyError>(py) || failure.is_instance_of::<PyOSError>(py);
    if unknown {
        let message = "unknown PostgreSQL timezone: %r; will use UTC";
        logger.call_method1("warning", (message, name))?;
    } else {
        let message = "error handling PostgreSQL timezone: %r; will use UTC (%s)";
        logger.call_method1("warning", (message, name, failure.to_string()))?;
    }
    Zone::utc(py)
}
