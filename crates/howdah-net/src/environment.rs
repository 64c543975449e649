//! What the process knows: environment variables, the user's name, the password file.

use std::fs;
use std::io;

use howdah_protocol::conninfo::{
    Config, ConninfoError, Environment, KEYWORDS, Keyword, Params, Passfile,
};

use crate::platform;

/// Completes the options with the service file, the environment, defaults and the password file.
///
/// # Errors
/// An option that is wrong, or not supported.
pub fn complete(params: &Params) -> Result<Config, ConninfoError> {
    let user = platform::os_user();
    let home = platform::home();
    Config::resolve(
        params,
        &Environment {
            env: &|name| std::env::var(name).ok(),
            os_user: user.as_deref(),
            home: home.as_deref(),
            system: platform::SYSTEM,
            socket_dirs: platform::SOCKET_DIRS,
            config_dirs: platform::CONFIG_DIRS,
            service_file: &|path| fs::read(path).ok(),
            passfile: &read_passfile,
        },
    )
}

/// What options are where none are given, from the environment and the system: libpq's `PQconndefaults`.
#[must_use]
pub fn defaults() -> Vec<(String, String)> {
    let known = |keyword: &Keyword| {
        let set = keyword.envvar.and_then(|name| std::env::var(name).ok());
        let user = || platform::os_user().filter(|_| keyword.name == "user");
        let value = set
            .or_else(|| keyword.compiled.map(str::to_owned))
            .or_else(user)?;
        Some((keyword.name.to_owned(), value))
    };
    KEYWORDS.iter().filter_map(known).collect()
}

/// Sixteen bytes that nobody can guess.
///
/// # Errors
/// The system has no randomness to give.
pub fn salt() -> io::Result<[u8; 16]> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(salt)
}

/// The password file, if only its owner can read it.
fn read_passfile(path: &str) -> Passfile {
    let Ok(metadata) = fs::metadata(path) else {
        return Passfile::Missing;
    };
    if !metadata.is_file() {
        return Passfile::Unsafe("is not a plain file");
    }
    if platform::is_open_to_others(&metadata) {
        return Passfile::Unsafe(
            "has group or world access; permissions should be u=rw (0600) or less",
        );
    }
    // Of lines in another encoding the others can be used.
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    text.map_or(Passfile::Missing, Passfile::Text)
}
