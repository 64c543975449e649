//! The parameters that the server reports, such as `client_encoding` and `DateStyle`.

use std::collections::BTreeMap;

use crate::error::ProtocolError;

/// How many bytes of names and values a server may report. Source: PostgreSQL 18 reports 15 parameters.
pub const MAX_PARAMETER_BYTES: usize = 1024 * 1024;

/// The parameters at one time. A result keeps those that were in force when it came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    version: u64,
    bytes: usize,
}

impl Parameters {
    /// The value of a parameter, by the name as the server writes it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Counts the changes of one session: two snapshots of a session with the same number are the same.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Notes what the server has reported.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), ProtocolError> {
        self.version += 1;
        self.bytes += value.len();
        match self.values.insert(name.to_owned(), value.to_owned()) {
            Some(old) => self.bytes -= old.len(),
            None => self.bytes += name.len(),
        }
        if self.bytes <= MAX_PARAMETER_BYTES {
            return Ok(());
        }
        Err(ProtocolError::refused(format!(
            "the server reported more than {MAX_PARAMETER_BYTES} bytes of parameters"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_values_replace_the_old_and_new_names_are_bounded() {
        let mut parameters = Parameters::default();
        let long = "x".repeat(1000);
        for _ in 0..10_000 {
            parameters.set("same", &long).unwrap();
        }
        assert_eq!(parameters.get("same"), Some(long.as_str()));
        assert_eq!(parameters.version(), 10_000);
        let refused = (0..2000).find(|number| parameters.set(&number.to_string(), &long).is_err());
        assert!(refused.is_some_and(|number| number > 1000));
    }
}
