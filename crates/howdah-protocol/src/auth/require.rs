//! `require_auth`: which authentication methods the user accepts.
//!
//! Source: libpq, "require_auth".

use std::fmt;

use crate::conninfo::secrecy::shown;

/// An authentication method that `require_auth` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Password,
    Md5,
    Gss,
    Sspi,
    ScramSha256,
    Oauth,
}

impl Method {
    const ALL: [(&'static str, Method); 6] = [
        ("password", Method::Password),
        ("md5", Method::Md5),
        ("gss", Method::Gss),
        ("sspi", Method::Sspi),
        ("scram-sha-256", Method::ScramSha256),
        ("oauth", Method::Oauth),
    ];

    /// Whether this crate can perform it.
    fn is_implemented(self) -> bool {
        !matches!(self, Method::Sspi)
    }

    fn request(self) -> &'static str {
        match self {
            Method::Password => "server requested a cleartext password",
            Method::Md5 => "server requested a hashed password",
            Method::Gss => "server requested GSSAPI authentication",
            Method::Sspi => "server requested SSPI authentication",
            Method::ScramSha256 | Method::Oauth => "server requested SASL authentication",
        }
    }
}

/// The authentication methods that the user accepts, from the option `require_auth`.
#[derive(Clone, PartialEq, Eq)]
pub struct RequireAuth {
    text: String,
    accepted: Vec<Method>,
    /// Whether the server must have authenticated the client before it lets it in.
    must_authenticate: bool,
}

/// What is wrong with the value of `require_auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequireAuthError {
    /// An unknown method, a repetition, or positive and negative methods mixed.
    Invalid(String),
    /// It only accepts methods that this version cannot perform.
    NotSupported(String),
}

impl RequireAuth {
    /// Reads a list such as `scram-sha-256,md5` or `!password`. An empty one lets the server ask for nothing, as `none` does.
    ///
    /// # Errors
    /// [`RequireAuthError`], with libpq's text.
    pub fn parse(text: &str) -> Result<Self, RequireAuthError> {
        let negative = text.starts_with('!');
        let accepted = if negative {
            Method::ALL.map(|(_, method)| method).to_vec()
        } else {
            Vec::new()
        };
        let mut require = Self {
            text: text.to_owned(),
            accepted,
            must_authenticate: !negative && !text.is_empty(),
        };
        if text.is_empty() {
            return Ok(require);
        }
        for word in text.split(',') {
            let name = match (word.strip_prefix('!'), negative) {
                (Some(name), true) => name,
                (None, false) => word,
                (Some(_), false) => return Err(mixed("negative ", word, "non-negative")),
                (None, true) => return Err(mixed("", word, "negative")),
            };
            require.apply(word, name, negative)?;
        }
        require.refuse_unimplemented()?;
        Ok(require)
    }

    /// Checks a request of the server.
    ///
    /// # Errors
    /// Why the requirement is not met, in libpq's words.
    pub(crate) fn check_request(&self, method: Method) -> Result<(), String> {
        if self.accepted.contains(&method) {
            Ok(())
        } else {
            Err(self.failed(method.request()))
        }
    }

    /// Checks that the server may let the client in.
    ///
    /// # Errors
    /// Why the requirement is not met, in libpq's words.
    pub(crate) fn check_finished(&self, authenticated: bool) -> Result<(), String> {
        if authenticated || !self.must_authenticate {
            return Ok(());
        }
        Err(self.failed("server did not complete authentication"))
    }

    fn failed(&self, reason: &str) -> String {
        format!(
            "authentication method requirement \"{}\" failed: {reason}",
            self.text
        )
    }

    fn apply(&mut self, word: &str, name: &str, negative: bool) -> Result<(), RequireAuthError> {
        if name == "none" {
            // "none" allows the server to ask nothing, "!none" forbids it.
            if self.must_authenticate == negative {
                return Err(repeated(word));
            }
            self.must_authenticate = negative;
            return Ok(());
        }
        let Some((_, method)) = Method::ALL.into_iter().find(|(known, _)| *known == name) else {
            return Err(RequireAuthError::Invalid(format!(
                "invalid require_auth value: \"{}\"",
                shown(name)
            )));
        };
        let known = self.accepted.len();
        self.accepted.retain(|accepted| *accepted != method);
        let was_accepted = self.accepted.len() < known;
        if was_accepted != negative {
            return Err(repeated(word));
        }
        if !negative {
            self.accepted.push(method);
        }
        Ok(())
    }

    fn refuse_unimplemented(&self) -> Result<(), RequireAuthError> {
        if !self.must_authenticate || self.accepted.iter().any(|method| method.is_implemented()) {
            return Ok(());
        }
        let message = format!(
            "require_auth value \"{}\" is not supported: this version authenticates with password, md5, scram-sha-256, oauth and gss",
            self.text
        );
        Err(RequireAuthError::NotSupported(message))
    }
}

impl fmt::Debug for RequireAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequireAuth({:?})", self.text)
    }
}

fn repeated(word: &str) -> RequireAuthError {
    let word = shown(word);
    RequireAuthError::Invalid(format!(
        "require_auth method \"{word}\" is specified more than once"
    ))
}

fn mixed(sign: &str, word: &str, others: &str) -> RequireAuthError {
    let word = shown(word);
    let message =
        format!("{sign}require_auth method \"{word}\" cannot be mixed with {others} methods");
    RequireAuthError::Invalid(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_libpqs() {
        let cases = [
            ("foo", "invalid require_auth value: \"foo\""),
            ("md5,", "invalid require_auth value: \"\""),
            (
                "md5,!none",
                "negative require_auth method \"!none\" cannot be mixed with non-negative methods",
            ),
            (
                "!md5,none",
                "require_auth method \"none\" cannot be mixed with negative methods",
            ),
            (
                "md5,md5",
                "require_auth method \"md5\" is specified more than once",
            ),
            (
                "none,none",
                "require_auth method \"none\" is specified more than once",
            ),
            (
                "!none,!none",
                "require_auth method \"!none\" is specified more than once",
            ),
            (
                "!oauth,!oauth",
                "require_auth method \"!oauth\" is specified more than once",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(
                RequireAuth::parse(text),
                Err(RequireAuthError::Invalid(message.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn only_unimplemented_methods_are_refused_early() {
        for text in ["sspi", "!password,!md5,!scram-sha-256,!oauth,!gss,!none"] {
            assert!(
                matches!(
                    RequireAuth::parse(text),
                    Err(RequireAuthError::NotSupported(_))
                ),
                "{text}"
            );
        }
        for text in ["gss", "sspi,gss", "sspi,none", "oauth", "!gss", "!none"] {
            assert!(RequireAuth::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn requests_are_checked() {
        let require = RequireAuth::parse("scram-sha-256,none").unwrap();
        assert_eq!(require.check_request(Method::ScramSha256), Ok(()));
        assert_eq!(
            require.check_request(Method::Password).unwrap_err(),
            "authentication method requirement \"scram-sha-256,none\" failed: server requested a cleartext password"
        );
        assert_eq!(require.check_finished(false), Ok(()));
        let require = RequireAuth::parse("!password,!none").unwrap();
        assert_eq!(require.check_request(Method::Md5), Ok(()));
        assert!(require.check_request(Method::Password).is_err());
        assert!(
            require
                .check_finished(false)
                .unwrap_err()
                .ends_with("server did not complete authentication")
        );
        assert_eq!(require.check_finished(true), Ok(()));
        for text in ["!md5", ""] {
            let require = RequireAuth::parse(text).unwrap();
            assert_eq!(require.check_finished(false), Ok(()));
            assert_eq!(
                require.check_request(Method::Md5).unwrap_err(),
                format!(
                    "authentication method requirement \"{text}\" failed: server requested a hashed password"
                )
            );
        }
    }
}
