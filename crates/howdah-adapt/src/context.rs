//! What dumping and loading have to know of the session, and of the adapters in force.

use std::borrow::Cow;
use std::ops::Deref;

use howdah_types::IntervalStyle;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::adaptation::Adaptation;
use super::encoding::Encoding;
use super::error;
use super::settings::SessionSettings;

/// What dumping has to know of the session and of the adapters in force.
#[derive(Clone, Copy)]
pub struct DumpContext<'a> {
    /// How strings are sent.
    pub encoding: Encoding,
    session_encoding: Encoding,
    /// Whether the session's IntervalStyle is `sql_standard`, in which a sign is of all that follows it.
    pub(super) sql_intervals: bool,
    /// Whether it is for a COPY, whose columns have their types.
    pub(super) in_copy: bool,
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

impl<'a> DumpContext<'a> {
    /// That of a session; with `adaptation`, what the user has registered counts.
    #[inline]
    pub fn new(settings: &SessionSettings, adaptation: Option<&'a Adaptation>) -> Self {
        Self {
            encoding: settings.encoding,
            session_encoding: settings.encoding,
            sql_intervals: settings.interval_style.value == Some(IntervalStyle::SqlStandard),
            in_copy: false,
            adaptation,
        }
    }

    /// The same context with other adapters.
    #[inline]
    #[must_use]
    pub const fn adapted<'b>(&self, adaptation: Option<&'b Adaptation>) -> DumpContext<'b> {
        DumpContext {
            encoding: self.encoding,
            session_encoding: self.session_encoding,
            sql_intervals: self.sql_intervals,
            in_copy: self.in_copy,
            adaptation,
        }
    }

    /// The adapters, which have to be known to find one by its type.
    ///
    /// # Errors
    /// InternalError if there are none.
    pub(super) fn adapters(&self, py: Python<'_>) -> PyResult<&'a Adaptation> {
        self.adaptation.ok_or_else(|| {
            let message = "there are no adapters to find a dumper among";
            error::of_class(py, "InternalError", message)
        })
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

    /// The same context for a row of a COPY.
    pub(super) const fn in_copy(self) -> Self {
        Self {
            in_copy: true,
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
    #[inline]
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
        let text = self.encoding.load(py, text)?;
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
