//! The connection service file: options by a name.
//!
//! Source: libpq, "The Connection Service File". A section `[name]` holds lines `option=value`; `#` begins a comment. There is no
//! quoting, and what stands around the `=` belongs to the option or the value.

use super::config::Environment;
use super::error::ConninfoError;
use super::keywords;
use super::params::Params;
use super::parse::{is_secret, is_space};
use super::secrecy::{HIDDEN, shown, shown_word};

/// Bytes that libpq has room for, of a line with its newline.
const MAX_LINE: usize = 1022;

/// Sets the options of the service that is asked for, where `params` does not have them.
///
/// The user's file comes first. If it has the service, or is wrong, the file of the system is not looked at.
pub(super) fn apply(
    params: &mut Params,
    environment: &Environment<'_>,
) -> Result<(), ConninfoError> {
    let named = params.get("service").map(str::to_owned);
    let Some(service) = named.or_else(|| (environment.env)("PGSERVICE")) else {
        return Ok(());
    };
    for (path, text) in files(environment)? {
        let file = File {
            path: &path,
            service: &service,
        };
        if let Some(found) = file.find(&text)? {
            for (name, value) in found {
                if params.get(&name).is_none() {
                    params.set(&name, value)?;
                }
            }
            return Ok(());
        }
    }
    let service = shown(&service);
    Err(ConninfoError::operational(format!(
        "definition of service \"{service}\" not found"
    )))
}

/// The files that exist, in the order in which they are looked at. One that is named has to exist.
fn files(environment: &Environment<'_>) -> Result<Vec<(String, Vec<u8>)>, ConninfoError> {
    let read = |path: String| (environment.service_file)(&path).map(|text| (path, text));
    let users = match (environment.env)("PGSERVICEFILE") {
        Some(path) => {
            let missing = format!("service file \"{}\" not found", shown(&path));
            Some(read(path).ok_or_else(|| ConninfoError::operational(missing))?)
        }
        None => environment
            .home
            .and_then(|home| read(format!("{home}/.pg_service.conf"))),
    };
    let systems = match (environment.env)("PGSYSCONFDIR") {
        Some(directory) => read(format!("{directory}/pg_service.conf")),
        None => environment
            .config_dirs
            .iter()
            .find_map(|directory| read(format!("{directory}/pg_service.conf"))),
    };
    Ok(users.into_iter().chain(systems).collect())
}

struct File<'a> {
    path: &'a str,
    service: &'a str,
}

impl File<'_> {
    /// The service's options, if it is in the text. What stands behind it is not looked at.
    fn find(&self, text: &[u8]) -> Result<Option<Vec<(String, String)>>, ConninfoError> {
        let mut found: Option<Vec<(String, String)>> = None;
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let number = index.saturating_add(1);
            if line.len() >= MAX_LINE {
                return Err(self.error(&format!("line {number} too long in")));
            }
            // Other services may be in another encoding.
            let decoded = String::from_utf8_lossy(line);
            let line = decoded.trim_matches(is_space);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(section) = line.strip_prefix('[') {
                if found.is_some() {
                    break;
                }
                let rest = section.strip_prefix(self.service);
                if rest.is_some_and(|rest| rest.starts_with(']')) {
                    found = Some(Vec::new());
                }
            } else if let Some(options) = &mut found {
                options.push(self.option(line, number)?);
            }
        }
        Ok(found)
    }

    fn option(&self, line: &str, number: usize) -> Result<(String, String), ConninfoError> {
        let error = |problem: &str| Err(self.error_at(problem, number));
        if line.starts_with("ldap") {
            return Err(ConninfoError::not_supported(format!(
                "service file \"{}\", line {number}: options from an LDAP server are not supported",
                shown(self.path)
            )));
        }
        let Some((name, value)) = line.split_once('=') else {
            return error("syntax error");
        };
        if name == "service" {
            return error("nested service specifications not supported");
        }
        if keywords::find(name).is_none() {
            let hint = keywords::near_miss(name);
            if hint.is_empty() {
                // It may be anything, a part of a password too.
                return error("syntax error");
            }
            let name = shown_word(name);
            return error(&format!("invalid connection option \"{name}\"{hint}"));
        }
        if value.contains(char::REPLACEMENT_CHARACTER) {
            let value = if is_secret(name) { HIDDEN } else { name };
            return error(&format!("the value of \"{value}\" is not UTF-8"));
        }
        Ok((name.to_owned(), value.to_owned()))
    }

    fn error(&self, problem: &str) -> ConninfoError {
        let path = shown(self.path);
        ConninfoError::operational(format!("{problem} service file \"{path}\""))
    }

    fn error_at(&self, problem: &str, number: usize) -> ConninfoError {
        let path = shown(self.path);
        let text = format!("{problem} in service file \"{path}\", line {number}");
        ConninfoError::operational(text)
    }
}
