//! What a decoder has to know besides the bytes: the format and the session's settings.

use crate::{DecodeError, DecodeErrorKind};

/// The format of a value on the wire.
///
/// ```
/// use howdah_types::{Format, ToSql, oid};
///
/// let mut out = Vec::new();
/// 7.to_sql(oid::INT4.into(), Format::Binary, &mut out)?;
/// assert_eq!(out, [0, 0, 0, 7]);
/// # Ok::<(), howdah_types::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// The text that the type's output function writes.
    #[default]
    Text,
    /// The bytes that the type's send function writes.
    Binary,
}

/// How the server writes dates: the family of layouts of the `DateStyle` setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DateFormat {
    /// `1997-12-17 07:37:16-08`
    #[default]
    Iso,
    /// `12/17/1997 07:37:16.00 PST`
    Sql,
    /// `17.12.1997 07:37:16.00 PST`
    German,
    /// `Wed Dec 17 07:37:16 1997 PST`
    Postgres,
}

/// The session's `DateStyle`.
///
/// ```
/// use howdah_types::{DateFormat, DateStyle};
///
/// let style = DateStyle::parse("SQL, DMY").expect("a style");
/// assert_eq!((style.format, style.day_first), (DateFormat::Sql, true));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DateStyle {
    /// The layout.
    pub format: DateFormat,
    /// Whether the day comes before the month; of interest to the SQL and Postgres layouts only.
    pub day_first: bool,
}

impl DateStyle {
    /// Reads the value of the `DateStyle` parameter, such as `ISO, DMY`; `None` if the style is not known.
    #[must_use]
    pub fn parse(setting: &str) -> Option<Self> {
        let format = match setting.as_bytes().first()? {
            b'I' => DateFormat::Iso,
            b'S' => DateFormat::Sql,
            b'G' => DateFormat::German,
            b'P' => DateFormat::Postgres,
            _ => return None,
        };
        Some(Self {
            format,
            day_first: setting.ends_with("DMY"),
        })
    }
}

/// The session's `IntervalStyle`.
///
/// ```
/// use howdah_types::IntervalStyle;
///
/// assert_eq!(IntervalStyle::parse("iso_8601"), Some(IntervalStyle::Iso8601));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IntervalStyle {
    /// `1 year 2 mons 3 days 04:05:06`; the only style that is read.
    #[default]
    Postgres,
    /// `@ 1 year 2 mons`
    PostgresVerbose,
    /// `1-2 3 4:05:06`
    SqlStandard,
    /// `P1Y2M3DT4H5M6S`
    Iso8601,
}

impl IntervalStyle {
    /// Reads the value of the `IntervalStyle` parameter; `None` if it is not known.
    #[must_use]
    pub fn parse(setting: &str) -> Option<Self> {
        match setting {
            "postgres" => Some(Self::Postgres),
            "postgres_verbose" => Some(Self::PostgresVerbose),
            "sql_standard" => Some(Self::SqlStandard),
            "iso_8601" => Some(Self::Iso8601),
            _ => None,
        }
    }
}

/// The settings of a session that change how values are read.
///
/// ```
/// use howdah_types::{DateStyle, LoadContext};
///
/// let date_style = DateStyle::parse("German, DMY").expect("a style");
/// let ctx = LoadContext { date_style, time_zone: "Europe/Vienna".into(), ..LoadContext::default() };
/// assert!(!ctx.other_encoding);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadContext {
    /// How dates and timestamps are written in text.
    pub date_style: DateStyle,
    /// How intervals are written in text.
    pub interval_style: IntervalStyle,
    /// The name of the session's time zone, empty if unknown. No decoder of this crate needs it, a `timestamptz` being
    /// an instant; it is here for types that a caller makes and that show local time.
    pub time_zone: String,
    /// Whether the client encoding is another than UTF-8: then only ASCII is read as text, because what else the bytes are
    /// taken for would be other characters.
    pub other_encoding: bool,
}

impl LoadContext {
    /// Fails for bytes that are text, but not in UTF-8.
    pub(crate) fn check_encoding(&self, raw: &[u8]) -> Result<(), DecodeError> {
        if self.other_encoding && !raw.is_ascii() {
            return Err(DecodeError::new(
                DecodeErrorKind::Unsupported,
                "text",
                "client_encoding is not UTF8, and it is not ASCII",
            ));
        }
        Ok(())
    }

    /// Whether all dates, times and intervals are read as text: of a `timestamptz` only the ISO style tells the offset, and of
    /// intervals only the style `postgres` is read.
    #[must_use]
    pub fn is_read_in_text(&self) -> bool {
        self.date_style.format == DateFormat::Iso && self.interval_style == IntervalStyle::Postgres
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_styles() {
        let style = |format, day_first| Some(DateStyle { format, day_first });
        assert_eq!(DateStyle::parse("ISO, MDY"), style(DateFormat::Iso, false));
        assert_eq!(DateStyle::parse("SQL, DMY"), style(DateFormat::Sql, true));
        assert_eq!(
            DateStyle::parse("German, DMY"),
            style(DateFormat::German, true)
        );
        assert_eq!(
            DateStyle::parse("Postgres, YMD"),
            style(DateFormat::Postgres, false)
        );
        assert_eq!(DateStyle::parse("Klingon"), None);
        assert_eq!(DateStyle::parse(""), None);
    }

    #[test]
    fn interval_styles() {
        assert_eq!(
            IntervalStyle::parse("iso_8601"),
            Some(IntervalStyle::Iso8601)
        );
        assert_eq!(IntervalStyle::parse("unknown"), None);
    }
}
