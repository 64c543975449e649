//! What the server says of an error or a notice.

use std::fmt;

use howdah_protocol::wire;

use crate::excerpt::excerpt;
use crate::sqlstate::SqlState;

/// Everything the server tells of an error or a notice, owned and valid for as long as you keep it.
///
/// It is what a notice handler is given, and what [`Error::diagnostic`](crate::Error::diagnostic) holds. Source:
/// PostgreSQL documentation, "Error and Notice Message Fields".
///
/// ```no_run
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// conn.add_notice_handler(|diag| {
///     eprintln!("{}: {}", diag.severity().unwrap_or("?"), diag.message_primary().unwrap_or("?"));
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Its texts are valid UTF-8.
    inner: wire::Diagnostic,
}

impl Diagnostic {
    /// Takes over what came from the server. Bytes that are not UTF-8, as a server may send before it knows the client's
    /// encoding, are replaced.
    pub(crate) fn new(inner: wire::Diagnostic) -> Self {
        if inner
            .iter()
            .all(|(_, text)| std::str::from_utf8(text).is_ok())
        {
            return Self { inner };
        }
        let fields: Vec<(u8, String)> = inner
            .iter()
            .map(|(code, text)| (code, String::from_utf8_lossy(text).into_owned()))
            .collect();
        let fields = fields.iter().map(|(code, text)| (*code, text.as_bytes()));
        // The fields come from a diagnostic: no code is zero and no text has a NUL.
        let inner = wire::Diagnostic::from_fields(fields).unwrap_or(inner);
        Self { inner }
    }

    /// The text of the first field with a code, known to this driver or not.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let error = conn.execute("SELECT 1/0", ()).unwrap_err();
    /// let diagnostic = error.diagnostic().expect("the server's error");
    /// // R is the name of the server's routine.
    /// assert_eq!(diagnostic.get(b'R'), Some("int4div"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn get(&self, code: u8) -> Option<&str> {
        self.inner
            .get(code)
            .and_then(|text| std::str::from_utf8(text).ok())
    }

    /// The SQLSTATE as an enum.
    #[must_use]
    pub fn code(&self) -> Option<SqlState> {
        self.sqlstate().and_then(SqlState::from_code)
    }

    /// Where in the statement that was sent it is, in characters from 1.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.statement_position()?.parse().ok()
    }

    /// The message, with the line of the statement where it is, if that is known, and `DETAIL` and `HINT` lines; for one that the
    /// server made itself, which is known, with that as `QUERY`.
    pub(crate) fn in_statement(&self, sql: Option<&str>) -> String {
        let internal = self.internal_query();
        let place = match (self.position(), sql) {
            (Some(position), Some(sql)) => excerpt(sql, position),
            (Some(_), None) => None,
            (None, _) => {
                let position = self.internal_position().and_then(|text| text.parse().ok());
                internal
                    .zip(position)
                    .and_then(|(sql, position)| excerpt(sql, position))
            }
        };
        let mut text = self.primary().to_owned();
        let lines = place.map(|place| format!("\n{place}"));
        let query = internal.map(|sql| format!("\nQUERY:  {sql}"));
        text.extend(lines);
        text.push_str(&self.more());
        text.extend(query);
        text
    }

    fn primary(&self) -> &str {
        self.message_primary()
            .unwrap_or("the server gave no message")
    }

    /// The lines behind the message.
    fn more(&self) -> String {
        let detail = self
            .message_detail()
            .map(|text| format!("\nDETAIL:  {text}"));
        let hint = self.message_hint().map(|text| format!("\nHINT:  {text}"));
        detail.into_iter().chain(hint).collect()
    }

    /// All fields in the server's order, with their codes.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &str)> {
        self.inner
            .iter()
            .map(|(code, text)| (code, std::str::from_utf8(text).unwrap_or_default()))
    }
}

macro_rules! getters {
    ($($code:literal $name:ident $doc:literal)*) => {
        impl Diagnostic {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $name(&self) -> Option<&str> {
                    self.get($code)
                }
            )*
        }
    };
}

getters! {
    b'S' severity "Severity, in the server's language."
    b'V' severity_nonlocalized "Severity, never translated: `ERROR`, `FATAL`, `WARNING`, ..."
    b'C' sqlstate "The SQLSTATE code: five characters."
    b'M' message_primary "The message, usually one line."
    b'D' message_detail "More about the problem."
    b'H' message_hint "A suggestion what to do."
    b'P' statement_position "Where in the statement, in characters from 1, as decimal digits."
    b'p' internal_position "Where in the statement that the server made itself."
    b'q' internal_query "The statement that the server made itself."
    b'W' context "Call stack, one entry a line."
    b's' schema_name "Schema of the object that it is about."
    b't' table_name "Table that it is about."
    b'c' column_name "Column that it is about."
    b'd' datatype_name "Data type that it is about."
    b'n' constraint_name "Constraint that it is about."
    b'F' source_file "File of the server's source."
    b'L' source_line "Line in the server's source."
    b'R' source_function "Function of the server's source."
}

impl fmt::Display for Diagnostic {
    /// The message, with `DETAIL` and `HINT` lines where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.primary(), self.more())
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_not_utf8_are_replaced() {
        let fields = [(b'M', b"caf\xe9".as_slice()), (b'C', b"28P01")];
        let raw = wire::Diagnostic::from_fields(fields).unwrap();
        let diagnostic = Diagnostic::new(raw);
        assert_eq!(diagnostic.message_primary(), Some("caf\u{fffd}"));
        assert_eq!(diagnostic.sqlstate(), Some("28P01"));
        assert_eq!(diagnostic.to_string(), "caf\u{fffd}");
    }

    #[test]
    fn details_and_hints_are_shown() {
        let fields = [
            (b'M', b"no".as_slice()),
            (b'D', b"because"),
            (b'H', b"try again"),
        ];
        let raw = wire::Diagnostic::from_fields(fields).unwrap();
        assert_eq!(
            Diagnostic::new(raw).to_string(),
            "no\nDETAIL:  because\nHINT:  try again"
        );
    }
}
