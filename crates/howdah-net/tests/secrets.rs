//! Whatever is wrong with a connection string, or with the servers that it leads to, no error shows the password in it.

use howdah_net::connect::ConnectError;
use howdah_net::connector::{Action, Connector};
use howdah_protocol::conninfo;
use proptest::prelude::*;
use proptest::sample::select;

/// In every password; long enough not to be in a text by chance.
const SECRET: &str = "sesame";

/// What passwords are made of: all that means something in connection strings.
const PIECES: &[&str] = &[
    SECRET, SECRET, "/", "@", ":", ",", "?", "#", "[", "]", "%", "%2F", "&", "=", "1", "'", "\"",
    "\\", ";",
];

/// Where nothing is escaped, though it should be.
const STRINGS: &[&str] = &[
    "postgresql://ann:{}@db.example:5432/shop",
    "postgresql://ann:{}@db.example",
    "postgres://ann:{}@one.example:1,two.example:2/shop?application_name=x",
    "postgresql://ann:{}@/shop?host=/run",
    "postgresql://ann:{}@[::1]/shop",
    "postgresql://db.example/shop?user=ann&password={}",
    "postgresql://db.example?password={}&user=ann",
    "postgresql://db.example/shop?sslpassword={}&user=ann",
    "POSTGRESQL://ann:{}@db.example/shop",
    "jdbc:postgresql://db.example/shop?user=ann&password={}",
    "ann:{}@db.example/shop",
    "host=db.example password={} user=ann",
    "password={} host=db.example",
    "host=db.example user=ann password='{}'",
    "host=db.example;user=ann;password={}",
    "user=ann;password={}",
];

fn password(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(select(pieces), 1..8);
    pieces.prop_map(|pieces| pieces.concat() + SECRET)
}

/// All that can be read about an attempt to connect with this.
fn told(text: &str, resolvable: bool) -> String {
    let params = match conninfo::parse(text) {
        Ok(params) => params,
        Err(error) => return format!("{error} {error:?}"),
    };
    let debug = format!("{params:?}");
    let mut connector = match Connector::new(&params) {
        Ok(connector) => connector,
        Err(error) => return format!("{error} {error:?}"),
    };
    loop {
        match connector.next_action() {
            Action::GiveUp => break,
            Action::Resolve { host, port } if resolvable => {
                assert!(!host.is_empty());
                connector.resolved(vec![([127, 0, 0, 1], port).into()]);
            }
            Action::Resolve { host, .. } => {
                let text = format!("failed to resolve host '{host}': no such name");
                connector.unreachable(&ConnectError::Unresolved(text, None));
            }
            Action::Connect(_) if resolvable => {
                let config = connector.config();
                // Servers cut long names off.
                let dbname: String = config.dbname.chars().take(63).collect();
                let text = format!("FATAL:  database \"{dbname}\" of \"{}\"", config.user);
                connector.refused(&text, None, &[]);
            }
            Action::Connect(_) => {
                let error = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                connector.unreachable(&ConnectError::Io(error));
            }
        }
    }
    let failures = format!("{:?}", connector.failures());
    let torn = connector.config().is_torn();
    // A string that was torn is no secret's place; what one that was not torn holds is hidden where it is secret.
    let debug = if torn { String::new() } else { debug };
    format!("{} {failures} {debug}", connector.failure_text())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_error_shows_a_password_that_is_not_escaped(
        string in select(STRINGS), password in password(PIECES), resolvable: bool,
    ) {
        let text = string.replace("{}", &password);
        let told = told(&text, resolvable);
        prop_assert!(!told.contains(SECRET), "{text}\n{told}");
    }

    #[test]
    fn no_error_shows_a_password_with_spaces(
        string in select(STRINGS),
        words in prop::collection::vec(password(PIECES), 2..4),
        resolvable: bool,
    ) {
        let text = string.replace("{}", &words.join(" "));
        let told = told(&text, resolvable);
        prop_assert!(!told.contains(SECRET), "{text}\n{told}");
    }
}

#[test]
fn names_are_shown_where_nothing_was_torn() {
    let text = told("postgresql://ann:%2Fsesame%40@db.example:77/shop", true);
    for name in ["127.0.0.1", "db.example", "77", "shop", "ann"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(!text.contains("not shown"));
    assert!(told("postgresql://ann:1/sesame@db.example:77/shop", true).contains("not shown"));
}
