//! Passwords of the builder, against a real server that asks for SCRAM: none is put into a string that is read again.

mod common;

use common::{connect, dsn, tcp_dsn};
use howdah::{Config, SqlState};

const PASSWORDS: [&str; 12] = [
    "with spaces  in it ",
    "it's 'quoted'",
    r#"back\slash \' \\ and "quotes""#,
    "a=b host=elsewhere.invalid",
    "postgresql://u:p@elsewhere.invalid/?x=%20&y#z",
    "%41%zz%",
    "$user ${HOME} `id` ;--",
    "grüße, 世界, ключ, ☃",
    // What SASLprep makes other characters of: a ligature, a space that does not break, a soft hyphen, a Roman numeral.
    "ﬁ\u{a0}so\u{ad}ft Ⅸ",
    // What it forbids: the password goes as it is.
    "bell \u{7} and \u{e000}",
    "tab\tand\nlines\r\n",
    "long long long long long long long long long long long long long long long long long long long long long",
];

/// A literal of SQL.
fn literal(text: &str) -> String {
    let text = text.replace('\'', "''").replace('\\', r"\\");
    format!("E'{text}'")
}

/// The server of the tests over TCP, for this role.
fn config(user: &str) -> Config {
    let mut config: Config = tcp_dsn().parse().unwrap();
    config.user(user);
    config
}

#[test]
fn every_character_of_a_password_gets_to_the_server() {
    let mut admin = connect();
    let rules = "SELECT count(*) FROM pg_hba_file_rules WHERE '+howdah_scram' = ANY (user_name)";
    let known: i64 = admin.query_scalar(rules, ()).unwrap();
    assert_eq!(known, 1, "the server has to be one of tools/with_server.py");
    // The name of the role has to be quoted, too.
    let role = r#"o'scar \ "the" guest"#;
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    admin
        .batch_execute(&format!(
            "DROP ROLE IF EXISTS {quoted}, howdah_scram;
             CREATE ROLE howdah_scram;
             CREATE ROLE {quoted} LOGIN IN ROLE howdah_scram"
        ))
        .unwrap();
    for password in PASSWORDS {
        let alter = format!("ALTER ROLE {quoted} PASSWORD {}", literal(password));
        admin.batch_execute(&alter).unwrap();
        let mut conn = config(role).password(password).connect().unwrap();
        let (user, sent): (String, String) = conn
            .query_one_as("SELECT session_user::text, $1::text", (password,))
            .unwrap();
        assert_eq!((user.as_str(), sent.as_str()), (role, password));
        let given = password.to_owned();
        config(role)
            .password_with(move || Ok(given.clone()))
            .connect()
            .unwrap();
        // It is asked for, and compared whole.
        let shorter = password.chars().skip(1).collect();
        for wrong in [format!("{password}x"), shorter, String::new()] {
            let error = config(role).password(&wrong).connect().unwrap_err();
            let refused = error.code() == Some(SqlState::InvalidPassword);
            assert!(refused || wrong.is_empty(), "{error}");
            assert!(error.is_closed() && !format!("{error} {error:?}").contains(password));
        }
    }
    #[cfg(feature = "tokio")]
    on_tokio(&mut admin, role, &quoted);
    admin
        .batch_execute(&format!("DROP ROLE {quoted}, howdah_scram"))
        .unwrap();
    // Where nothing is asked for, a password does no harm.
    let mut trusted: Config = dsn().parse().unwrap();
    trusted.password(PASSWORDS[2]).connect().unwrap();
}

#[cfg(feature = "tokio")]
fn on_tokio(admin: &mut howdah::Connection, role: &str, quoted: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for password in PASSWORDS {
        let alter = format!("ALTER ROLE {quoted} PASSWORD {}", literal(password));
        admin.batch_execute(&alter).unwrap();
        let user: String = runtime
            .block_on(async {
                let mut config = config(role);
                let client = config.password(password).connect_client().await?;
                client.query_scalar("SELECT session_user::text", ()).await
            })
            .unwrap();
        assert_eq!(user, role);
    }
}
