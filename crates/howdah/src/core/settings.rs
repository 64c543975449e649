//! The settings of the session that say how values are written.

use std::sync::Arc;

use howdah_protocol::connection::Parameters;
use howdah_types::{DateStyle, IntervalStyle, LoadContext};

/// Those settings at one time: a result is read with those that were in force when it came.
pub(super) struct Settings {
    version: u64,
    pub(super) load: Arc<LoadContext>,
    /// Whether the client encoding is UTF8, as Rust's strings are.
    pub(super) utf8: bool,
}

impl Settings {
    fn of(parameters: &Parameters) -> Self {
        let get = |name| parameters.get(name).unwrap_or_default();
        let encoding = get("client_encoding");
        Self {
            version: parameters.version(),
            load: Arc::new(LoadContext {
                date_style: DateStyle::parse(get("DateStyle")).unwrap_or_default(),
                interval_style: IntervalStyle::parse(get("IntervalStyle")).unwrap_or_default(),
                time_zone: get("TimeZone").to_owned(),
                // SQL_ASCII is what was stored, whatever it is: if it is no UTF-8, reading says so.
                other_encoding: !matches!(encoding, "UTF8" | "SQL_ASCII" | ""),
            }),
            utf8: is_utf8(parameters),
        }
    }

    /// Brings them up to date.
    pub(super) fn refresh(&mut self, parameters: &Parameters) {
        if self.version != parameters.version() {
            *self = Self::of(parameters);
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(&Parameters::default())
    }
}

/// Whether the client encoding is UTF8, as Rust's strings are.
pub(super) fn is_utf8(parameters: &Parameters) -> bool {
    matches!(
        parameters.get("client_encoding").unwrap_or_default(),
        "UTF8" | ""
    )
}
