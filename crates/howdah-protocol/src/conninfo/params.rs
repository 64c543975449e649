//! Options by name, in order.

use std::fmt;

use super::error::ConninfoError;
use super::keywords::{self, KEYWORDS};
use super::secrecy;

/// The options of a connection string, in order, each at most once.
///
/// Only names in [`KEYWORDS`] and values without NUL can be in it. `Debug` hides the values of secret options.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an option: replaces its value where it stands, or appends it.
    ///
    /// # Errors
    /// An unknown name, or a NUL in the value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), ConninfoError> {
        if keywords::find(name).is_none() {
            let hint = keywords::near_miss(name);
            return Err(ConninfoError::programming(format!(
                "invalid connection option \"{name}\"{hint}"
            )));
        }
        let value = value.into();
        if value.contains('\0') {
            let message = format!("value of connection option \"{name}\" contains a NUL character");
            return Err(ConninfoError::programming(message));
        }
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
        Ok(())
    }

    /// Sets every option of `other` in this one.
    pub fn update(&mut self, other: Params) {
        for (name, value) in other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => self.0.push((name, value)),
            }
        }
    }

    /// The value of an option, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The options in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many options are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no option is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, unless it is absent or empty: libpq treats both alike for most options.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Puts the options in the order of [`KEYWORDS`], the order in which `PQconninfoParse` returns them.
    pub(super) fn sorted(mut self) -> Self {
        self.0
            .sort_by_key(|(name, _)| KEYWORDS.iter().position(|keyword| keyword.name == name));
        self
    }
}

impl IntoIterator for Params {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |name| self.get(name).unwrap_or_default();
        // Of a string that was torn at its password any option may have a part of that.
        let torn = secrecy::is_torn(named("host"), named("user"), named("dbname"));
        let shown = self.iter().map(|(name, value)| {
            let secret = torn
                || keywords::find(name).is_some_and(keywords::Keyword::is_secret)
                || (name == "port" && !value.split(',').all(is_port));
            (
                name,
                if secret && !value.is_empty() {
                    "***"
                } else {
                    value
                },
            )
        });
        f.debug_map().entries(shown).finish()
    }
}

/// Whether it is a port: the password is where the port should be if a URI lacks its host.
fn is_port(word: &str) -> bool {
    word.is_empty() || word.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_secrets() {
        let mut params = Params::new();
        params.set("user", "ann").unwrap();
        params.set("password", "hunter2").unwrap();
        params.set("scram_client_key", "a2V5").unwrap();
        assert_eq!(
            format!("{params:?}"),
            r#"{"user": "ann", "password": "***", "scram_client_key": "***"}"#
        );
    }

    #[test]
    fn debug_hides_what_a_torn_string_may_have_of_its_password() {
        let shown = |uri| format!("{:?}", crate::conninfo::parse(uri).unwrap());
        for uri in [
            "postgresql://ann:pass/word@db.example/shop",
            "postgresql://ann:pass@word@db.example/shop",
            "postgresql://ann:password",
        ] {
            let shown = shown(uri).replace("\"password\"", "");
            assert!(
                !shown.contains("pass") && !shown.contains("word"),
                "{shown}"
            );
        }
        let uri = "postgresql://ann@db.example:5432,/shop";
        assert_eq!(
            shown(uri),
            r#"{"user": "ann", "dbname": "shop", "host": "db.example,", "port": "5432,"}"#
        );
    }

    #[test]
    fn set_replaces_in_place_and_update_appends() {
        let mut params = Params::new();
        params.set("host", "a").unwrap();
        params.set("user", "b").unwrap();
        params.set("host", "c").unwrap();
        let mut other = Params::new();
        other.set("dbname", "d").unwrap();
        other.set("user", "e").unwrap();
        params.update(other);
        assert_eq!(
            params.iter().collect::<Vec<_>>(),
            [("host", "c"), ("user", "e"), ("dbname", "d")]
        );
    }

    #[test]
    fn unknown_names_and_nul_are_refused() {
        let mut params = Params::new();
        assert_eq!(
            params.set("foo", "1").unwrap_err().message(),
            "invalid connection option \"foo\""
        );
        let error = params.set("password", "a\0b").unwrap_err();
        assert_eq!(
            error.message(),
            "value of connection option \"password\" contains a NUL character"
        );
        assert!(params.is_empty());
    }
}
