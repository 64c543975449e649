//! The options of a connection string, as libpq 18 knows them.

/// One option of a connection string: what `PQconndefaults` says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keyword {
    /// The option's name, for example `dbname`.
    pub name: &'static str,
    /// The environment variable that supplies it, for example `PGDATABASE`.
    pub envvar: Option<&'static str>,
    /// The value used when neither the caller nor the environment gives one.
    pub compiled: Option<&'static str>,
    /// A label for a dialogue.
    pub label: &'static str,
    /// How a dialogue shows its value.
    pub display: Display,
    /// The size of its field in a dialogue, in characters.
    pub display_size: u16,
}

/// How a dialogue shows the value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// As it is.
    Normal,
    /// Hidden: passwords and the like. libpq's `*`.
    Secret,
    /// Not at all, unless asked for. libpq's `D`.
    Debug,
}

impl Keyword {
    /// Whether the value must never be printed.
    ///
    /// Wider than [`Display::Secret`]: SCRAM keys stand in for the password.
    pub fn is_secret(&self) -> bool {
        self.display == Display::Secret || self.name.starts_with("scram_")
    }
}

/// Looks an option up by its name, which is case-sensitive.
pub fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// What to write behind an error about an unknown option: `; did you mean "host"?`, or nothing.
pub(super) fn near_miss(name: &str) -> String {
    let meant = closest(name);
    meant.map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"))
}

/// The option that was most probably meant: the one that other drivers call so, or one with a few other letters.
fn closest(name: &str) -> Option<&'static str> {
    let name: String = name.to_ascii_lowercase().replace('-', "_");
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    if let Some((_, meant)) = alias {
        return Some(meant);
    }
    let allowed = match name.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=40 => 2,
        _ => return None,
    };
    let measured = KEYWORDS
        .iter()
        .map(|keyword| (distance(keyword.name, &name), keyword.name));
    measured
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters have to be put in, left out, changed or swapped with their neighbour to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut last_letter = None;
    for (row, letter) in one.chars().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        for (column, theirs) in other.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let changed = at(&last, column).saturating_add(usize::from(letter != *theirs));
            let next = column.saturating_add(1);
            let put_in = at(&last, next).min(at(&current, column)).saturating_add(1);
            let previous = column.checked_sub(1);
            let swapped = previous.filter(|previous| {
                last_letter == Some(*theirs) && other.get(*previous) == Some(&letter)
            });
            let swapped = swapped.map_or(usize::MAX, |index| at(&before, index).saturating_add(1));
            current.push(changed.min(put_in).min(swapped));
        }
        last_letter = Some(letter);
        before = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

/// What other drivers call the options.
const ALIASES: [(&str, &str); 16] = [
    ("appname", "application_name"),
    ("charset", "client_encoding"),
    ("database", "dbname"),
    ("db", "dbname"),
    ("encoding", "client_encoding"),
    ("hostname", "host"),
    ("login", "user"),
    ("passwd", "password"),
    ("pgpass", "passfile"),
    ("pwd", "password"),
    ("server", "host"),
    ("ssl", "sslmode"),
    ("timeout", "connect_timeout"),
    ("uid", "user"),
    ("unix_socket", "host"),
    ("username", "user"),
];

/// Every option, in libpq's order. Source: libpq 18, "Parameter Key Words".
#[rustfmt::skip]
pub const KEYWORDS: &[Keyword] = &[
    keyword("service", Some("PGSERVICE"), None, "Database-Service", Display::Normal, 20),
    keyword("user", Some("PGUSER"), None, "Database-User", Display::Normal, 20),
    keyword("password", Some("PGPASSWORD"), None, "Database-Password", Display::Secret, 20),
    keyword("passfile", Some("PGPASSFILE"), None, "Database-Password-File", Display::Normal, 64),
    keyword("channel_binding", Some("PGCHANNELBINDING"), Some("prefer"), "Channel-Binding", Display::Normal, 8),
    keyword("connect_timeout", Some("PGCONNECT_TIMEOUT"), None, "Connect-timeout", Display::Normal, 10),
    keyword("dbname", Some("PGDATABASE"), None, "Database-Name", Display::Normal, 20),
    keyword("host", Some("PGHOST"), None, "Database-Host", Display::Normal, 40),
    keyword("hostaddr", Some("PGHOSTADDR"), None, "Database-Host-IP-Address", Display::Normal, 45),
    keyword("port", Some("PGPORT"), Some("5432"), "Database-Port", Display::Normal, 6),
    keyword("client_encoding", Some("PGCLIENTENCODING"), None, "Client-Encoding", Display::Normal, 10),
    keyword("options", Some("PGOPTIONS"), Some(""), "Backend-Options", Display::Normal, 40),
    keyword("application_name", Some("PGAPPNAME"), None, "Application-Name", Display::Normal, 64),
    keyword("fallback_application_name", None, None, "Fallback-Application-Name", Display::Normal, 64),
    keyword("keepalives", None, None, "TCP-Keepalives", Display::Normal, 1),
    keyword("keepalives_idle", None, None, "TCP-Keepalives-Idle", Display::Normal, 10),
    keyword("keepalives_interval", None, None, "TCP-Keepalives-Interval", Display::Normal, 10),
    keyword("keepalives_count", None, None, "TCP-Keepalives-Count", Display::Normal, 10),
    keyword("tcp_user_timeout", None, None, "TCP-User-Timeout", Display::Normal, 10),
    keyword("sslmode", Some("PGSSLMODE"), Some("prefer"), "SSL-Mode", Display::Normal, 12),
    keyword("sslnegotiation", Some("PGSSLNEGOTIATION"), Some("postgres"), "SSL-Negotiation", Display::Normal, 9),
    keyword("sslcompression", Some("PGSSLCOMPRESSION"), Some("0"), "SSL-Compression", Display::Normal, 1),
    keyword("sslcert", Some("PGSSLCERT"), None, "SSL-Client-Cert", Display::Normal, 64),
    keyword("sslkey", Some("PGSSLKEY"), None, "SSL-Client-Key", Display::Normal, 64),
    keyword("sslcertmode", Some("PGSSLCERTMODE"), None, "SSL-Client-Cert-Mode", Display::Normal, 8),
    keyword("sslpassword", None, None, "SSL-Client-Key-Password", Display::Secret, 20),
    keyword("sslrootcert", Some("PGSSLROOTCERT"), None, "SSL-Root-Certificate", Display::Normal, 64),
    keyword("sslcrl", Some("PGSSLCRL"), None, "SSL-Revocation-List", Display::Normal, 64),
    keyword("sslcrldir", Some("PGSSLCRLDIR"), None, "SSL-Revocation-List-Dir", Display::Normal, 64),
    keyword("sslsni", Some("PGSSLSNI"), Some("1"), "SSL-SNI", Display::Normal, 1),
    keyword("requirepeer", Some("PGREQUIREPEER"), None, "Require-Peer", Display::Normal, 10),
    keyword("require_auth", Some("PGREQUIREAUTH"), None, "Require-Auth", Display::Normal, 14),
    keyword("min_protocol_version", Some("PGMINPROTOCOLVERSION"), None, "Min-Protocol-Version", Display::Normal, 6),
    keyword("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), None, "Max-Protocol-Version", Display::Normal, 6),
    keyword("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), Some("TLSv1.2"), "SSL-Minimum-Protocol-Version", Display::Normal, 8),
    keyword("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), None, "SSL-Maximum-Protocol-Version", Display::Normal, 8),
    keyword("gssencmode", Some("PGGSSENCMODE"), Some("disable"), "GSSENC-Mode", Display::Normal, 8),
    keyword("krbsrvname", Some("PGKRBSRVNAME"), Some("postgres"), "Kerberos-service-name", Display::Normal, 20),
    keyword("gsslib", Some("PGGSSLIB"), None, "GSS-library", Display::Normal, 7),
    keyword("gssdelegation", Some("PGGSSDELEGATION"), Some("0"), "GSS-delegation", Display::Normal, 1),
    keyword("replication", None, None, "Replication", Display::Debug, 5),
    keyword("target_session_attrs", Some("PGTARGETSESSIONATTRS"), Some("any"), "Target-Session-Attrs", Display::Normal, 15),
    keyword("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), Some("disable"), "Load-Balance-Hosts", Display::Normal, 8),
    keyword("scram_client_key", None, None, "SCRAM-Client-Key", Display::Debug, 64),
    keyword("scram_server_key", None, None, "SCRAM-Server-Key", Display::Debug, 64),
    keyword("oauth_issuer", None, None, "OAuth-Issuer", Display::Normal, 40),
    keyword("oauth_client_id", None, None, "OAuth-Client-ID", Display::Normal, 40),
    keyword("oauth_client_secret", None, None, "OAuth-Client-Secret", Display::Secret, 40),
    keyword("oauth_scope", None, None, "OAuth-Scope", Display::Normal, 15),
    keyword("sslkeylogfile", None, None, "SSL-Key-Log-File", Display::Debug, 64),
];

const fn keyword(
    name: &'static str,
    envvar: Option<&'static str>,
    compiled: Option<&'static str>,
    label: &'static str,
    display: Display,
    display_size: u16,
) -> Keyword {
    Keyword {
        name,
        envvar,
        compiled,
        label,
        display,
        display_size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (index, keyword) in KEYWORDS.iter().enumerate() {
            assert_eq!(
                KEYWORDS.iter().position(|k| k.name == keyword.name),
                Some(index)
            );
        }
    }

    #[test]
    fn near_misses_are_told() {
        let cases = [
            ("HOST", "host"),
            ("hots", "host"),
            ("hst", "host"),
            ("usr", "user"),
            ("pasword", "password"),
            ("connect_timout", "connect_timeout"),
            ("target-session-attrs", "target_session_attrs"),
            ("aplication_nmae", "application_name"),
            ("database", "dbname"),
            ("username", "user"),
            ("sslmod", "sslmode"),
        ];
        for (name, meant) in cases {
            assert_eq!(closest(name), Some(meant), "{name}");
            assert!(ALIASES.iter().all(|(_, meant)| find(meant).is_some()));
        }
        for name in ["", "x", "ab", "foo", "no_such_option", &"host".repeat(100)] {
            assert_eq!(closest(name), None, "{name}");
        }
        assert_eq!(near_miss("prot"), "; did you mean \"port\"?");
        assert_eq!(near_miss("foo"), "");
    }

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
            ("abc", "abc", 0),
        ] {
            assert_eq!(distance(one, other), expected);
            assert_eq!(distance(other, one), expected);
        }
    }

    #[test]
    fn secrets_are_known() {
        let secrets: Vec<_> = KEYWORDS
            .iter()
            .filter(|k| k.is_secret())
            .map(|k| k.name)
            .collect();
        assert_eq!(
            secrets,
            [
                "password",
                "sslpassword",
                "scram_client_key",
                "scram_server_key",
                "oauth_client_secret"
            ]
        );
    }
}
