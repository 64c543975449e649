//! What the process knows: environment variables, the user's name, the password file.

use std::fs;
use std::os::unix::fs::MetadataExt;

use howdah_protocol::conninfo::{Config, ConninfoError, Environment, Params};

/// Where servers put their Unix sockets: Debian's place, then PostgreSQL's own default.
const SOCKET_DIRS: &[&str] = &["/var/run/postgresql", "/tmp"];

/// Completes the options with the environment, defaults and the password file.
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
            passfile: &read_passfile,
        },
    )
}

/// The name of the user that runs this process.
fn os_user() -> Option<String> {
    let uid = rustix::process::geteuid().as_raw();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let listed = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    listed.or_else(|| std::env::var("USER").ok().filter(|name| !name.is_empty()))
}

/// The text of a password file that only its owner can read.
fn read_passfile(path: &str) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.mode() & 0o077 != 0 {
        return None;
    }
    fs::read_to_string(path).ok()
}
