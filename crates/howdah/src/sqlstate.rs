//! SQLSTATE codes as an enum.

mod table;

use std::fmt;

/// Makes the enum of a list of variants, codes and names. The list is in the order of the codes.
macro_rules! states {
    ($($variant:ident $code:literal $name:literal)*) => {
        /// What an error is, by its SQLSTATE: all codes of PostgreSQL's list, to be matched on, and those that are not in it.
        ///
        /// [`Error::code`](crate::Error::code) gives it. It can be compared with the five characters as well, and
        /// [`class`](Self::class) gives the first two of them. Source: PostgreSQL documentation, "PostgreSQL Error Codes".
        ///
        /// ```no_run
        /// use howdah::SqlState;
        ///
        /// # fn main() -> Result<(), howdah::Error> {
        /// # let mut conn = howdah::Connection::connect("")?;
        /// let inserted = conn.batch_execute("INSERT INTO users (name) VALUES ('ann')");
        /// match inserted.as_ref().err().and_then(howdah::Error::code) {
        ///     None => println!("ann has come"),
        ///     Some(SqlState::UniqueViolation) => println!("ann is there already"),
        ///     Some(SqlState::Other(code)) if code == "MY001" => println!("a trigger of ours says no"),
        ///     Some(state) if state.class() == "23" => println!("another constraint: {}", state.code()),
        ///     Some(state) => println!("{state:?}"),
        /// }
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum SqlState {
            $(
                #[doc = concat!("`", $code, "`, `", $name, "`")]
                $variant,
            )*
            /// A code that is not in PostgreSQL's list, such as one made up by `RAISE` or sent by a newer server.
            Other(crate::sqlstate::OtherCode),
        }

        impl SqlState {
            /// The five characters.
            #[must_use]
            pub fn code(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Other(other) => other.as_str(),
                }
            }
        }

        /// Every code with its name and variant, in the order of the codes.
        pub(super) const STATES: &[(&str, &str, SqlState)] = &[
            $(($code, $name, SqlState::$variant),)*
        ];
    };
}

use states;
pub use table::SqlState;

/// A SQLSTATE that is not in PostgreSQL's list: five letters and digits, as [`SqlState::Other`] has them.
///
/// ```
/// use howdah::{OtherCode, SqlState};
///
/// fn own(state: SqlState) -> Option<OtherCode> {
///     match state {
///         SqlState::Other(code) => Some(code),
///         _ => None,
///     }
/// }
///
/// assert_eq!(own(SqlState::from_code("MY001").unwrap()).unwrap().as_str(), "MY001");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OtherCode([u8; 5]);

impl SqlState {
    /// What a code stands for: `None` if it is not five letters or digits.
    ///
    /// ```
    /// use howdah::SqlState;
    ///
    /// assert_eq!(SqlState::from_code("23505"), Some(SqlState::UniqueViolation));
    /// assert_eq!(SqlState::from_code("too long"), None);
    /// ```
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let found = table::STATES.binary_search_by(|(known, ..)| (*known).cmp(code));
        if let Some((.., state)) = found.ok().and_then(|at| table::STATES.get(at)) {
            return Some(*state);
        }
        let bytes: [u8; 5] = code.as_bytes().try_into().ok()?;
        let is_code = bytes.iter().all(u8::is_ascii_alphanumeric);
        is_code.then_some(Self::Other(OtherCode(bytes)))
    }

    /// The first two characters, which say what kind of error it is: `23` for violated constraints, `40` for transactions that
    /// were rolled back, `53` for a server without resources.
    #[must_use]
    pub fn class(&self) -> &str {
        self.code().get(..2).unwrap_or_default()
    }

    /// The name of the condition, as PL/pgSQL spells it: `unique_violation`. `None` if it is not in PostgreSQL's list.
    #[must_use]
    pub fn condition_name(&self) -> Option<&'static str> {
        let found = table::STATES.iter().find(|(.., state)| state == self);
        found.map(|(_, name, _)| *name)
    }
}

impl OtherCode {
    /// The five characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // They are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for SqlState {
    /// The five characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for OtherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for OtherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for SqlState {
    fn eq(&self, code: &str) -> bool {
        self.code() == code
    }
}

impl PartialEq<&str> for SqlState {
    fn eq(&self, code: &&str) -> bool {
        self.code() == *code
    }
}

impl PartialEq<str> for OtherCode {
    fn eq(&self, code: &str) -> bool {
        self.as_str() == code
    }
}

impl PartialEq<&str> for OtherCode {
    fn eq(&self, code: &&str) -> bool {
        self.as_str() == *code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use howdah_types::sqlstate::CONDITIONS;

    #[test]
    fn every_code_is_found_again_with_its_name() {
        assert_eq!(table::STATES.len(), CONDITIONS.len());
        for (code, name) in CONDITIONS {
            let state = SqlState::from_code(code).unwrap();
            assert!(!matches!(state, SqlState::Other(_)), "{code}");
            assert_eq!(state.code(), *code);
            assert_eq!(state.condition_name(), Some(*name));
            assert!(state == *code && state.class() == &code[..2]);
        }
    }

    #[test]
    fn the_names_that_programs_match_on() {
        for (code, state) in [
            ("23505", SqlState::UniqueViolation),
            ("23503", SqlState::ForeignKeyViolation),
            ("40001", SqlState::SerializationFailure),
            ("40P01", SqlState::DeadlockDetected),
            ("42P01", SqlState::UndefinedTable),
            ("57014", SqlState::QueryCanceled),
            ("22001", SqlState::StringDataRightTruncation),
            ("01004", SqlState::WarningStringDataRightTruncation),
        ] {
            assert_eq!(SqlState::from_code(code), Some(state));
        }
    }

    #[test]
    fn an_unknown_code_keeps_its_text() {
        let state = SqlState::from_code("MY001").unwrap();
        assert!(matches!(state, SqlState::Other(code) if code == "MY001"));
        assert_eq!((state.code(), state.class()), ("MY001", "MY"));
        assert_eq!(format!("{state} {state:?}"), "MY001 Other(\"MY001\")");
        assert_eq!(state.condition_name(), None);
        for text in ["", "2350", "235055", "2350é", "2 505", "23\u{301}5"] {
            assert_eq!(SqlState::from_code(text), None, "{text}");
        }
    }
}
