//! What dumping and loading have to know of the session, and of the adapters in force.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use howdah_types::{DateFormat, DateStyle, IntervalStyle, oid};
use pyo3::exceptions::{PyKeyError, PyOSError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTzInfo};

use super::adaptation::Adaptation;
use super::encoding::Encoding;
use super::error;
use super::load::Zone;
use super::registry::AdaptersMap;

/// What dumping has to know of the session and of the adapters in force.
#[derive(Clone, Copy)]
pub struct DumpContext<'a> {
    /// How strings are sent.
    pub encoding: Encoding,
    session_encoding: Encoding,
    /// Whether the session's IntervalStyle is `sql_standard`, in which a sign is of all that follows it.
    pub(super) sql_intervals: bool,
    /// The adapters; `None` for the defaults.
    pub(super) adaptation: Option<&'a Adaptation>,
}

/// What loading has to know of the session and of the adapters in force.
#[derive(Clone, Copy)]
pub struct LoadContext<'a> {
    settings: &'a SessionSettings,
    /// How strings are received.
    pub encoding: Encoding,
    /// The adapters; `None` for the defaults.
    pub(super) adaptation: Option<&'a Adaptation>,
}

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

    /// What tells the columns that are asked for in binary unasked from those of other settings and loaders.
    pub fn choice_id(&self, loaders: &AdaptersMap) -> u64 {
        let dates = u64::from(self.text_is_plain(oid::DATE));
        let intervals = u64::from(self.text_is_plain(oid::INTERVAL));
        loaders.loaders_id() << 2 | dates << 1 | intervals
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

impl<'a> DumpContext<'a> {
    /// That of a session; with `adaptation`, what the user has registered counts.
    pub fn new(settings: &SessionSettings, adaptation: Option<&'a Adaptation>) -> Self {
        Self {
            encoding: settings.encoding,
            session_encoding: settings.encoding,
            sql_intervals: settings.interval_style.value == Some(IntervalStyle::SqlStandard),
            adaptation,
        }
    }

    /// Appends text in the session's encoding, which whoever is not of this crate gives.
    pub(super) fn append_encoded(
        &self,
        py: Python<'_>,
        out: &mut Vec<u8>,
        append: impl FnOnce(&mut Vec<u8>) -> PyResult<()>,
    ) -> PyResult<()> {
        if self.encoding == self.session_encoding {
            return append(out);
        }
        let mut raw = Vec::new();
        append(&mut raw)?;
        let text = self.session_encoding.decode(py, &raw)?;
        self.encoding.encode(text.cast::<PyString>()?, out)
    }

    /// The same context for text that is turned into the session's encoding later.
    pub(super) const fn in_utf8(self) -> Self {
        Self {
            encoding: Encoding::Utf8,
            ..self
        }
    }

    /// The adapters, if the user has registered dumpers.
    #[inline]
    pub(super) fn own_dumpers(&self) -> Option<&'a Adaptation> {
        self.adaptation
            .filter(|adaptation| adaptation.map().has_own_dumpers())
    }
}

impl<'a> LoadContext<'a> {
    /// That of a session; with `adaptation`, what the user has registered counts.
    pub fn new(settings: &'a SessionSettings, adaptation: Option<&'a Adaptation>) -> Self {
        Self {
            settings,
            encoding: settings.encoding,
            adaptation,
        }
    }

    /// The same context for text that is in UTF-8 already.
    pub(super) const fn in_utf8(self) -> Self {
        Self {
            encoding: Encoding::Utf8,
            ..self
        }
    }

    /// Text in the session's encoding, which whoever is not of this crate gets.
    pub(super) fn encoded<'d>(&self, py: Python<'_>, text: &'d [u8]) -> PyResult<Cow<'d, [u8]>> {
        if self.encoding == self.settings.encoding {
            return Ok(Cow::Borrowed(text));
        }
        let text = self.encoding.decode(py, text)?;
        let mut encoded = Vec::new();
        let encoding = self.settings.encoding;
        encoding.encode(text.cast::<PyString>()?, &mut encoded)?;
        Ok(Cow::Owned(encoded))
    }

    /// The adapters, if the user has registered loaders.
    pub(super) fn own_loaders(&self) -> Option<&'a Adaptation> {
        self.adaptation
            .filter(|adaptation| adaptation.map().loaders_id() != 0)
    }
}

impl Deref for LoadContext<'_> {
    type Target = SessionSettings;

    fn deref(&self) -> &SessionSettings {
        self.settings
    }
}

impl Default for SessionSettings {
    /// Those of no session.
    fn default() -> Self {
        Self::from_parameters(|_| None)
    }
}

fn zone(py: Python<'_>, name: &str) -> PyResult<Zone> {
    let failure = match PyTzInfo::timezone(py, name) {
        Ok(tzinfo) => return Ok(Zone::named(name, tzinfo)),
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
    Zone::utc(py)
}
