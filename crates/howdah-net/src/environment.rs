//! What the process knows: environment variables, the user's name, the password file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use howdah_protocol::conninfo::{
    Config, ConninfoError, Environment, KEYWORDS, Keyword, Params, Passfile,
};

/// Where servers put their Unix sockets: Debian's place, then PostgreSQL's own default.
const SOCKET_DIRS: &[&str] = &["/var/run/postgresql", "/tmp"];

/// Where the system's service file may be: Debian's place, Red Hat's, then PostgreSQL's own default.
const CONFIG_DIRS: &[&str] = &[
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/usr/local/pgsql/etc",
];

/// Completes the options with the service file, the environment, defaults and the password file.
///
/// # Errors
/// An option that is wrong, or not supported.
pub fn complete(params: &Params) -> Result<Config, ConninfoError> {
    let user = os_user();
    let home = std::env::var("HOME").ok();
    Config::resolve(
        params,
        &Environment {
            env: &|name| std::env::var(name).ok(),
            os_user: user.as_deref(),
            home: home.as_deref(),
            socket_dirs: SOCKET_DIRS,
            config_dirs: CONFIG_DIRS,
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
        let user = || os_user().filter(|_| keyword.name == "user");
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

/// The name of the user that runs this process.
fn os_user() -> Option<String> {
    user_name(rustix::process::geteuid().as_raw())
        .or_else(|| std::env::var("USER").ok().filter(|name| !name.is_empty()))
}

/// The name of the user with this id, if the system's list has it.
pub(crate) fn user_name(uid: u32) -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// The password file, if only its owner can read it.
fn read_passfile(path: &str) -> Passfile {
    let Ok(metadata) = fs::metadata(path) else {
        return Passfile::Missing;
    };
    if !metadata.is_file() {
        return Passfile::Unsafe("is not a plain file");
    }
    if metadata.mode() & 0o077 != 0 {
        return Passfile::Unsafe(
            "has group or world access; permissions should be u=rw (0600) or less",
        );
    }
    // Of lines in another encoding the others can be used.
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    text.map_or(Passfile::Missing, Passfile::Text)
}
