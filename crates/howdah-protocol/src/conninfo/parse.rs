//! `key=value` connection strings, and the way back.
//!
//! Source: libpq, "Keyword/Value Connection Strings".

use super::error::ConninfoError;
use super::keywords::{self, Keyword};
use super::params::Params;
use super::secrecy::{HIDDEN, shown_word};

pub(super) fn parse_key_values(text: &str) -> Result<Params, ConninfoError> {
    let mut params = Params::new();
    let mut after_secret = false;
    let mut rest = skip_space(text);
    while !rest.is_empty() {
        let (name, after) = take_name(rest, after_secret)?;
        let (value, after) = take_value(skip_space(after))?;
        check_name(name, after_secret)?;
        // With semicolons, as elsewhere, all options become the value of the first.
        after_secret = is_secret(name) || value.contains(';');
        store(&mut params, name, value)?;
        rest = skip_space(after);
    }
    Ok(params.sorted())
}

fn check_name(name: &str, after_secret: bool) -> Result<(), ConninfoError> {
    if name == "requiressl" || keywords::find(name).is_some() {
        return Ok(());
    }
    let shown = word(name, after_secret);
    let hint = if shown == HIDDEN {
        String::new()
    } else {
        keywords::near_miss(name)
    };
    Err(ConninfoError::programming(format!(
        "invalid connection option \"{shown}\"{hint}"
    )))
}

/// A word that should not be where it is, for an error. Behind a password it is most often the rest of one that lacked
/// quotes.
fn word(word: &str, after_secret: bool) -> &str {
    if after_secret {
        HIDDEN
    } else {
        shown_word(word)
    }
}

/// Stores one parsed option, translating `requiressl`, which PostgreSQL 7.x had instead of `sslmode`.
pub(super) fn store(params: &mut Params, name: &str, value: String) -> Result<(), ConninfoError> {
    if name != "requiressl" {
        return params.set(name, value);
    }
    params.set(
        "sslmode",
        if value.starts_with('1') {
            "require"
        } else {
            "prefer"
        },
    )
}

pub(super) fn is_secret(name: &str) -> bool {
    keywords::find(name).is_some_and(Keyword::is_secret)
}

/// White space as C's `isspace` has it in the "C" locale.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Writes options as a `key=value` string that [`parse`](super::parse) reads back.
///
/// # Errors
/// An unknown name, or a NUL in a value.
pub fn make<'a>(
    options: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<String, ConninfoError> {
    let mut params = Params::new();
    for (name, value) in options {
        params.set(name, value)?;
    }
    let words: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{name}={}", quote(value)))
        .collect();
    Ok(words.join(" "))
}

fn quote(value: &str) -> String {
    if value.is_empty() {
        return "''".to_owned();
    }
    let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
    if value.contains(wants_quotes) {
        format!("'{escaped}'")
    } else {
        escaped
    }
}

/// White space as Python's `str` has it: wider than libpq's, so that the text equals psycopg's.
fn wants_quotes(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

fn take_name(text: &str, after_secret: bool) -> Result<(&str, &str), ConninfoError> {
    let end = text.find(|c| c == '=' || is_space(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if let Some(value) = skip_space(rest).strip_prefix('=') {
        return Ok((name, value));
    }
    let shown = word(name, after_secret);
    Err(ConninfoError::programming(format!(
        "missing \"=\" after \"{shown}\" in connection info string"
    )))
}

fn take_value(text: &str) -> Result<(String, &str), ConninfoError> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let (value, rest) = unescape_until(text, is_space);
        return Ok((value, rest.unwrap_or_default()));
    };
    let (value, rest) = unescape_until(quoted, |c| c == '\'');
    match rest.and_then(|rest| rest.strip_prefix('\'')) {
        Some(rest) => Ok((value, rest)),
        None => Err(ConninfoError::programming(
            "unterminated quoted string in connection info string",
        )),
    }
}

/// The unescaped text before the first character that stops it, and what follows from that character on.
fn unescape_until(text: &str, stops: impl Fn(char) -> bool) -> (String, Option<&str>) {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        let rest = chars.as_str();
        match chars.next() {
            None => return (value, None),
            Some(c) if stops(c) => return (value, Some(rest)),
            Some('\\') => value.extend(chars.next()),
            Some(c) => value.push(c),
        }
    }
}
