//! Resolution of options: learnt from libpq 18.6 and psycopg 3.3.9 where they have a word to say.

use std::net::IpAddr;
use std::time::Duration;

use super::{
    Config, ConninfoError, ConninfoErrorKind, Encryption, Endpoint, Environment, GssEncMode,
    LoadBalanceHosts, OptionalFile, Passfile, RootCertificates, SslCertMode, SslMode, System,
    parse,
};

type Vars<'a> = &'a [(&'a str, &'a str)];

const PASSFILE: &str = "\
    *:*:*:ann:of ann\n\
    localhost:*:*:*:of the socket\n\
    10.0.0.1:*:*:*:of the address\n\
    db:5433:*:*:of db\n";

const SERVICES: &str = "\
    # services\n\
    host=before any section is not looked at\n\
    [other]\n\
    nonsense that is not looked at\n\
    [shop]\n\
    \n\
    \x20 # with spaces in front and behind\n\
    \thost=db \r\n\
    port=7\n\
    application_name= a 'b' \n\
    port=8\n\
    password=from the service\n\
    [shop]\n\
    dbname=the first section of a name counts\n\
    [nested]\n\
    service=shop\n\
    [spaced]\n\
    host = db\n\
    [unknown]\n\
    hots=db\n\
    [ldap]\n\
    ldap://ldap.example/x\n\
    [word]\n\
    host=db\n\
    word\n\
    [tail]x\n\
    host=tail\n";

fn resolve_in(conninfo: &str, vars: Vars<'_>) -> Result<Config, ConninfoError> {
    let service_file = |path: &str| match path {
        "/home/bob/.pg_service.conf" => Some(SERVICES.as_bytes().to_owned()),
        "/etc/pg/pg_service.conf" => Some(b"[sys]\nhost=sys\n[shop]\nhost=sys".to_vec()),
        "/conf/pg_service.conf" => Some(b"[sys]\nhost=conf".to_vec()),
        "/long" => Some([b"[shop]\nhost=".as_slice(), &[b'x'; 1100]].concat()),
        "/latin" => Some(b"[other]\nuser=\xe9\n[shop]\nuser=\xe9".to_vec()),
        _ => None,
    };
    let environment = Environment {
        env: &|name| {
            vars.iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        },
        os_user: Some("bob"),
        home: Some("/home/bob"),
        system: System::Unix,
        socket_dirs: &["/var/run/postgresql", "/tmp"],
        config_dirs: &["/nowhere", "/etc/pg"],
        service_file: &service_file,
        passfile: &|path| match path {
            "/home/bob/.pgpass" => Passfile::Text(PASSFILE.to_owned()),
            "/open" => Passfile::Unsafe("can be read by all"),
            _ => Passfile::Missing,
        },
    };
    Config::resolve(&parse(conninfo)?, &environment)
}

fn resolve(conninfo: &str) -> Config {
    resolve_in(conninfo, &[]).unwrap_or_else(|error| panic!("{conninfo}: {error}"))
}

fn operational(conninfo: &str) -> String {
    let error = resolve_in(conninfo, &[]).expect_err(conninfo);
    assert_eq!(error.kind(), ConninfoErrorKind::Operational, "{error}");
    error.message().to_owned()
}

fn not_supported(conninfo: &str, vars: Vars<'_>) -> String {
    let error = resolve_in(conninfo, vars).expect_err(conninfo);
    assert_eq!(error.kind(), ConninfoErrorKind::NotSupported, "{error}");
    error.message().to_owned()
}

/// The host plan in short: `name|address|port`, or the socket's path.
fn plan(conninfo: &str) -> Vec<String> {
    let target = |target: &super::Target| match &target.endpoint {
        Endpoint::Unix(_) => target.socket_path().unwrap(),
        Endpoint::Tcp(name) => {
            let address = target
                .hostaddr
                .map(|address| address.to_string())
                .unwrap_or_default();
            format!("{name}|{address}|{}", target.port)
        }
    };
    resolve(conninfo).targets.iter().map(target).collect()
}

fn startup(conninfo: &str, vars: Vars<'_>) -> String {
    let params = resolve_in(conninfo, vars).unwrap().startup_params();
    params
        .iter()
        .map(|(name, value)| format!("{name}={value};"))
        .collect()
}

#[test]
fn hosts() {
    let default = ["/var/run/postgresql/.s.PGSQL.5432", "/tmp/.s.PGSQL.5432"];
    assert_eq!(plan(""), default);
    assert_eq!(plan("host='' port=''"), default);
    assert_eq!(plan("host=db"), ["db||5432"]);
    assert_eq!(plan("host=db port=' 7 '"), ["db||7"]);
    assert_eq!(plan("host=127.0.0.1"), ["127.0.0.1|127.0.0.1|5432"]);
    assert_eq!(plan("host=::1"), ["::1|::1|5432"]);
    assert_eq!(plan("host=/run/pg port=6"), ["/run/pg/.s.PGSQL.6"]);
    assert_eq!(plan("host=@pg"), ["@pg/.s.PGSQL.5432"]);
    assert_eq!(plan("hostaddr=10.0.0.1"), ["10.0.0.1|10.0.0.1|5432"]);
    assert_eq!(plan("host=db hostaddr=10.0.0.1"), ["db|10.0.0.1|5432"]);
    assert_eq!(
        plan("host=/run/pg hostaddr=10.0.0.1"),
        ["/run/pg|10.0.0.1|5432"]
    );
    assert_eq!(
        plan("host=a,/b,::1 port=1"),
        ["a||1", "/b/.s.PGSQL.1", "::1|::1|1"]
    );
    assert_eq!(plan("host=a,b,c port=1,,3"), ["a||1", "b||5432", "c||3"]);
    assert_eq!(
        plan("host=a,b hostaddr=,10.0.0.1"),
        ["a||5432", "b|10.0.0.1|5432"]
    );
    assert_eq!(
        plan("host=,a port=4"),
        ["/var/run/postgresql/.s.PGSQL.4", "/tmp/.s.PGSQL.4", "a||4"]
    );
    assert_eq!(
        plan("hostaddr=10.0.0.1,::1 port=1,2"),
        ["10.0.0.1|10.0.0.1|1", "::1|::1|2"]
    );
    assert_eq!(plan("postgresql://a,b:3/"), ["a||5432", "b||3"]);
}

#[test]
fn without_sockets_the_default_is_localhost() {
    let environment = Environment {
        env: &|_| None,
        os_user: Some("bob"),
        home: None,
        system: System::Unix,
        socket_dirs: &[],
        config_dirs: &[],
        service_file: &|_| panic!("no service is asked for"),
        passfile: &|_| panic!("there is no home, hence no password file"),
    };
    let config = Config::resolve(&parse("").unwrap(), &environment).unwrap();
    assert_eq!(
        config.targets[0].endpoint,
        Endpoint::Tcp("localhost".to_owned())
    );
    let nobody = Environment {
        os_user: None,
        ..environment
    };
    let error = Config::resolve(&parse("").unwrap(), &nobody).unwrap_err();
    assert_eq!(error.kind(), ConninfoErrorKind::Operational);
}

#[test]
fn files_and_paths_on_windows() {
    let environment = Environment {
        env: &|_| None,
        os_user: Some("bob"),
        home: Some("C:/Roaming/postgresql"),
        system: System::Windows,
        socket_dirs: &[],
        config_dirs: &[],
        service_file: &|path| {
            (path == "C:/Roaming/postgresql/.pg_service.conf").then(|| b"[shop]\nport=7".to_vec())
        },
        passfile: &|path| match path {
            "C:/Roaming/postgresql/pgpass.conf" => Passfile::Text("*:*:*:*:secret".to_owned()),
            _ => Passfile::Missing,
        },
    };
    let resolve = |text: &str| Config::resolve(&parse(text).unwrap(), &environment).unwrap();
    let config = resolve("service=shop");
    let target = &config.targets[0];
    assert_eq!(target.endpoint, Endpoint::Tcp("localhost".to_owned()));
    assert_eq!((target.port, target.password_from_passfile), (7, true));
    let key = config.tls.key.unwrap();
    assert_eq!(key.path, "C:/Roaming/postgresql/postgresql.key");
    for path in ["/run", r"\run", r"c:\run", "D:/run", "@run"] {
        let mut params = parse("").unwrap();
        params.set("host", path).unwrap();
        let targets = Config::resolve(&params, &environment).unwrap().targets;
        assert_eq!(targets[0].endpoint, Endpoint::Unix(path.to_owned()));
    }
    for name in ["c", "c:", "c:run", "1:/run", "db.example"] {
        let targets = resolve(&format!("host={name}")).targets;
        assert_eq!(targets[0].endpoint, Endpoint::Tcp(name.to_owned()));
    }
}

#[test]
fn drives_are_names_on_unix() {
    let config = resolve("host=c:/run");
    assert_eq!(
        config.targets[0].endpoint,
        Endpoint::Tcp("c:/run".to_owned())
    );
}

#[test]
fn host_errors() {
    let cases = [
        ("port=1,2", "could not match 2 port numbers to 1 hosts"),
        (
            "host=/a,/b port=1,2,3",
            "could not match 3 port numbers to 2 hosts",
        ),
        (
            "host=a,b,c port=1,2",
            "could not match 2 port numbers to 3 hosts",
        ),
        (
            "host=/a,/b hostaddr=127.0.0.1",
            "could not match 2 host names with 1 hostaddr values",
        ),
        (
            "port=abc",
            "invalid integer value \"***\" for connection option \"port\"",
        ),
        (
            "port=5x",
            "invalid integer value \"***\" for connection option \"port\"",
        ),
        ("port=0", "invalid port number: \"***\""),
        ("port=99999", "invalid port number: \"***\""),
        ("port=-1", "invalid port number: \"***\""),
        ("hostaddr=nope", "could not parse network address \"nope\""),
    ];
    for (conninfo, message) in cases {
        assert_eq!(operational(conninfo), message, "{conninfo}");
    }
}

#[test]
fn descriptions_are_libpqs() {
    let describe = |conninfo| resolve(conninfo).targets[0].describe(None);
    assert_eq!(
        describe("host=/t port=1"),
        "connection to server on socket \"/t/.s.PGSQL.1\""
    );
    assert_eq!(
        describe("host=127.0.0.1"),
        "connection to server at \"127.0.0.1\", port 5432"
    );
    assert_eq!(
        describe("host=db hostaddr=::1"),
        "connection to server at \"db\" (::1), port 5432"
    );
    let address: IpAddr = "10.0.0.9".parse().unwrap();
    let described = resolve("host=db").targets[0].describe(Some(address));
    assert_eq!(
        described,
        "connection to server at \"db\" (10.0.0.9), port 5432"
    );
}

#[test]
fn values_that_make_no_connection() {
    let cases = [
        ("sslmode=zz", "invalid sslmode value: \"zz\""),
        ("sslmode=REQUIRE", "invalid sslmode value: \"REQUIRE\""),
        ("sslmode=''", "invalid sslmode value: \"\""),
        ("sslnegotiation=x", "invalid sslnegotiation value: \"x\""),
        ("sslcertmode=x", "invalid sslcertmode value: \"x\""),
        (
            "ssl_min_protocol_version=x",
            "invalid \"ssl_min_protocol_version\" value: \"x\"",
        ),
        (
            "ssl_min_protocol_version=tlsv1.3 ssl_max_protocol_version=TLSv1.2",
            "invalid SSL protocol version range",
        ),
        (
            "sslrootcert=system sslmode=verify-ca",
            "weak sslmode \"verify-ca\" may not be used with sslrootcert=system (use \"verify-full\")",
        ),
        (
            "sslnegotiation=direct",
            "weak sslmode \"prefer\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \"verify-full\")",
        ),
        ("require_auth=foo", "invalid require_auth value: \"foo\""),
        (
            "min_protocol_version=x",
            "invalid min_protocol_version value: \"x\"",
        ),
        (
            "max_protocol_version=3.1",
            "invalid max_protocol_version value: \"3.1\"",
        ),
        (
            "max_protocol_version=3",
            "invalid max_protocol_version value: \"3\"",
        ),
        (
            "min_protocol_version=latest max_protocol_version=3.0",
            "\"min_protocol_version\" is greater than \"max_protocol_version\"",
        ),
        (
            "target_session_attrs=x",
            "invalid target_session_attrs value: \"x\"",
        ),
        (
            "load_balance_hosts=x",
            "invalid load_balance_hosts value: \"x\"",
        ),
        ("channel_binding=x", "invalid channel_binding value: \"x\""),
        ("gssencmode=x", "invalid gssencmode value: \"x\""),
        (
            "keepalives=x",
            "invalid integer value \"x\" for connection option \"keepalives\"",
        ),
        (
            "keepalives_idle=1.5",
            "invalid integer value \"1.5\" for connection option \"keepalives_idle\"",
        ),
        (
            "tcp_user_timeout=''",
            "invalid integer value \"\" for connection option \"tcp_user_timeout\"",
        ),
    ];
    for (conninfo, message) in cases {
        assert_eq!(operational(conninfo), message, "{conninfo}");
    }
}

#[test]
fn what_is_not_served_says_so() {
    let cases = [
        "ssl_min_protocol_version=TLSv1 ssl_max_protocol_version=TLSv1.1",
        "require_auth=sspi",
    ];
    for conninfo in cases {
        not_supported(conninfo, &[]);
    }
}

#[test]
fn services() {
    let shop = resolve("service=shop user=ann");
    let get = |name| shop.params.get(name);
    assert_eq!(get("service"), Some("shop"));
    assert_eq!((get("host"), get("port")), (Some("db"), Some("7")));
    assert_eq!(get("application_name"), Some(" a 'b'"));
    assert_eq!((get("dbname"), get("user")), (Some("ann"), Some("ann")));
    let password = shop.targets[0].password.as_ref().unwrap();
    assert_eq!(password.expose(), "from the service");

    let hosts = |conninfo: &str, vars: Vars<'_>| {
        let params = resolve_in(conninfo, vars).unwrap().params;
        params.get("host").map(str::to_owned)
    };
    let some = |host: &str| Some(host.to_owned());
    assert_eq!(hosts("", &[("PGSERVICE", "shop")]), some("db"));
    assert_eq!(
        hosts("service=shop host=mine", &[("PGHOST", "env")]),
        some("mine")
    );
    assert_eq!(hosts("service=shop", &[("PGHOST", "env")]), some("db"));
    assert_eq!(hosts("service=sys", &[("PGSERVICE", "shop")]), some("sys"));
    assert_eq!(
        hosts("service=sys", &[("PGSYSCONFDIR", "/conf")]),
        some("conf")
    );
    let file = ("PGSERVICEFILE", "/etc/pg/pg_service.conf");
    assert_eq!(hosts("service=shop", &[file]), some("sys"));
    assert_eq!(hosts("service=tail", &[]), some("tail"));
}

#[test]
fn services_that_are_wrong() {
    let home = "service file \"/home/bob/.pg_service.conf\"";
    let operational = [
        (
            "nosuch",
            "definition of service \"nosuch\" not found".to_owned(),
        ),
        ("", "definition of service \"\" not found".to_owned()),
        ("sho", "definition of service \"sho\" not found".to_owned()),
        (
            "nested",
            format!("nested service specifications not supported in {home}, line 16"),
        ),
        (
            "spaced",
            format!(
                "invalid connection option \"host \"; did you mean \"host\"? in {home}, line 18"
            ),
        ),
        (
            "unknown",
            format!(
                "invalid connection option \"hots\"; did you mean \"host\"? in {home}, line 20"
            ),
        ),
        ("word", format!("syntax error in {home}, line 25")),
    ];
    for (service, message) in operational {
        let error = resolve_in(&format!("service='{service}'"), &[]).unwrap_err();
        assert_eq!(error.message(), message);
        assert_eq!(error.kind(), ConninfoErrorKind::Operational);
    }
    not_supported("service=ldap", &[]);
    let in_file = |path| {
        let error = resolve_in("service=shop", &[("PGSERVICEFILE", path)]).unwrap_err();
        error.message().to_owned()
    };
    assert_eq!(in_file("/nosuch"), "service file \"/nosuch\" not found");
    assert_eq!(
        in_file("/long"),
        "line 2 too long in service file \"/long\""
    );
    assert!(in_file("/latin").contains("is not UTF-8"));
}

#[test]
fn a_password_file_that_is_not_used_is_a_warning() {
    let config = resolve("host=db passfile=/open");
    let warning = "password file \"/open\" can be read by all";
    assert_eq!(config.warnings, [warning]);
    assert_eq!(config.targets[0].password, None);
    assert!(
        resolve("host=db passfile=/open password=x")
            .warnings
            .is_empty()
    );
    assert!(resolve("host=db passfile=/nowhere").warnings.is_empty());
}

#[test]
fn choices_with_their_defaults() {
    for (conninfo, mode) in [
        ("", SslMode::Prefer),
        ("sslmode=allow", SslMode::Allow),
        ("sslmode=disable", SslMode::Disable),
        ("requiressl=1", SslMode::Require),
        ("postgresql://h?ssl=true", SslMode::Require),
        ("sslmode=verify-ca", SslMode::VerifyCa),
        ("sslrootcert=system", SslMode::VerifyFull),
    ] {
        assert_eq!(resolve(conninfo).sslmode, mode);
    }
    assert_eq!(resolve("gssencmode=prefer").gssencmode, GssEncMode::Prefer);
    assert_eq!(
        resolve("load_balance_hosts=random").load_balance_hosts,
        LoadBalanceHosts::Random
    );
    let config = resolve_in(
        "sslmode=prefer",
        &[("PGSSLMODE", "require"), ("PGREQUIRESSL", "1")],
    )
    .unwrap();
    assert_eq!(config.sslmode, SslMode::Prefer);
}

#[test]
fn user_and_dbname_have_defaults() {
    let names = |config: Config| (config.user, config.dbname);
    assert_eq!(names(resolve("")), ("bob".to_owned(), "bob".to_owned()));
    assert_eq!(
        names(resolve("user=ann")),
        ("ann".to_owned(), "ann".to_owned())
    );
    assert_eq!(
        names(resolve("user='' dbname=''")),
        ("bob".to_owned(), "bob".to_owned())
    );
    let vars = [
        ("PGUSER", "eve"),
        ("PGDATABASE", "shop"),
        ("PGPORT", "7"),
        ("PGHOST", "db"),
    ];
    let config = resolve_in("dbname=mine", &vars).unwrap();
    assert_eq!(
        (config.user.as_str(), config.dbname.as_str()),
        ("eve", "mine")
    );
    assert_eq!(
        (config.targets[0].host.as_deref(), config.targets[0].port),
        (Some("db"), 7)
    );
    assert_eq!(config.params.get("user"), Some("eve"));
    // An empty value counts as given: the environment is not asked.
    assert_eq!(resolve_in("user=''", &vars).unwrap().user, "bob");
}

#[test]
fn connect_timeout_is_psycopgs() {
    let timeout = |value: &str| {
        resolve_in(&format!("connect_timeout='{value}'"), &[]).map(|config| config.connect_timeout)
    };
    assert_eq!(resolve("").connect_timeout, None);
    for (value, seconds) in [
        ("0", None),
        ("-5", None),
        ("0.9", None),
        ("1", Some(2)),
        ("2", Some(2)),
        ("5.7", Some(5)),
        ("1e1", Some(10)),
    ] {
        assert_eq!(
            timeout(value).unwrap(),
            seconds.map(Duration::from_secs),
            "{value}"
        );
    }
    for value in ["x", "", "nan", "inf"] {
        let error = timeout(value).unwrap_err();
        assert_eq!(error.kind(), ConninfoErrorKind::Programming);
        assert_eq!(
            error.message(),
            format!("bad value for connect_timeout: '{value}'")
        );
    }
    assert!(timeout("1e300").unwrap().is_some());
}

#[test]
fn tcp_settings() {
    let config = resolve(
        "keepalives_idle=30 keepalives_interval=-1 keepalives_count=4 tcp_user_timeout=1500",
    );
    assert!(config.keepalives.enabled);
    assert_eq!(config.keepalives.idle, Some(Duration::from_secs(30)));
    assert_eq!(
        (config.keepalives.interval, config.keepalives.count),
        (None, Some(4))
    );
    assert_eq!(config.tcp_user_timeout, Some(Duration::from_millis(1500)));
    assert!(!resolve("keepalives=0").keepalives.enabled);
    assert_eq!(resolve("tcp_user_timeout=0").tcp_user_timeout, None);
}

#[test]
fn protocol_versions() {
    let minors = |conninfo| {
        let config = resolve(conninfo);
        (config.min_protocol_minor, config.max_protocol_minor)
    };
    assert_eq!(minors(""), (0, 0));
    assert_eq!(minors("max_protocol_version=latest"), (0, 2));
    assert_eq!(minors("min_protocol_version=3.2"), (2, 2));
    assert_eq!(
        minors("min_protocol_version='' max_protocol_version=3.2"),
        (0, 2)
    );
}

#[test]
fn passwords_come_from_the_options_or_the_file() {
    let passwords = |conninfo: &str, vars: Vars<'_>| -> Vec<Option<String>> {
        let config = resolve_in(conninfo, vars).unwrap();
        let expose = |target: &super::Target| {
            assert!(
                !format!("{target:?}").contains("of "),
                "a password in Debug"
            );
            target
                .password
                .as_ref()
                .map(|password| password.expose().to_owned())
        };
        config.targets.iter().map(expose).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        passwords("password=x host=a,db port=5433", &[]),
        [some("x"), some("x")]
    );
    assert_eq!(
        passwords("host=a,db port=5433", &[("PGPASSWORD", "y")]),
        [some("y"), some("y")]
    );
    assert_eq!(passwords("host=a,db port=5433", &[]), [None, some("of db")]);
    assert_eq!(
        passwords("host=a password=''", &[("PGPASSWORD", "y")]),
        [None]
    );
    assert_eq!(passwords("user=ann host=db", &[]), [some("of ann")]);
    assert_eq!(
        passwords("", &[]),
        [some("of the socket"), some("of the socket")]
    );
    assert_eq!(
        passwords("host=/var/run/postgresql,/run/x", &[]),
        [some("of the socket"), None]
    );
    assert_eq!(
        passwords("hostaddr=10.0.0.1", &[]),
        [some("of the address")]
    );
    assert_eq!(passwords("host=db hostaddr=10.0.0.1", &[]), [None]);
    assert_eq!(passwords("passfile=/elsewhere", &[]), [None, None]);
    assert_eq!(passwords("", &[("PGPASSFILE", "/elsewhere")]), [None, None]);
    assert!(resolve("host=db port=5433").targets[0].password_from_passfile);
    assert!(!resolve("host=db port=5433 password=x").targets[0].password_from_passfile);
    assert!(!format!("{:?}", resolve("password=hunter2")).contains("hunter2"));
}

/// Torn at the wrong places, strings are accepted, as libpq accepts them; but what is wrong with them is not quoted.
#[test]
fn values_that_may_be_passwords_are_not_quoted() {
    let cases = [
        "postgresql://ann:sesame/word@db/shop",
        "postgresql://ann:sesame/shop",
        "postgresql://ann:12sesame/shop",
        "host=db port=5432;password=sesame",
        "host=db sslmode=prefer;password=sesame",
        "host=db connect_timeout=1;password=sesame",
        "host=db keepalives=1;password=sesame",
        "host=db hostaddr=::1;password=sesame",
        "host=db require_auth=md5;password=sesame",
        "host=db require_auth=md5,!x@sesame",
        "host=db service=x;password=sesame",
        "host=db ssl_min_protocol_version=x;password=sesame",
        "host=db max_protocol_version=x;password=sesame",
    ];
    for conninfo in cases {
        let error = resolve_in(conninfo, &[]).expect_err(conninfo);
        assert!(!error.message().contains("sesame"), "{error}");
        assert!(error.message().contains("***"), "{error}");
    }
}

#[test]
fn torn_strings_are_known_as_such() {
    let torn = |conninfo: &str| resolve(conninfo).is_torn();
    for conninfo in [
        "postgresql://ann:1/word@db/shop",
        "postgresql://ann:pass@word@db/shop",
        "postgresql://ann:pass@word/word@db/shop",
        "host=db;password=word",
        "dbname=shop;password=word host=db",
        "user=ann;password=word host=db",
    ] {
        assert!(torn(conninfo), "{conninfo}");
        let message = "no database \"word@db/shop\"".to_owned();
        assert_eq!(
            resolve(conninfo).without_names(message),
            "no database \"***\""
        );
    }
    for conninfo in [
        "",
        "host=@abstract,db user=ann@tenant",
        "postgresql://ann:pass%2Fword@db/shop",
    ] {
        assert!(!torn(conninfo), "{conninfo}");
    }
    let message = "no database \"shop\"".to_owned();
    assert_eq!(resolve("").without_names(message.clone()), message);
}

/// The order and the choice of parameters are those of psycopg's own startup message.
#[test]
fn startup_parameters() {
    assert_eq!(startup("", &[]), "user=bob;database=bob;");
    let vars = [
        ("PGTZ", "UTC"),
        ("PGDATESTYLE", "Default"),
        ("PGGEQO", "on"),
    ];
    assert_eq!(
        startup("client_encoding=utf8", &vars),
        "user=bob;database=bob;client_encoding=utf8;timezone=UTC;geqo=on;"
    );
    assert_eq!(
        startup(
            "fallback_application_name=fb application_name='' options='-c x=1' replication=database dbname=d",
            &[("PGCLIENTENCODING", "latin1")]
        ),
        "user=bob;database=d;replication=database;options=-c x=1;application_name=fb;client_encoding=latin1;"
    );
    assert_eq!(
        startup("fallback_application_name=fb", &[("PGAPPNAME", "mine")]),
        "user=bob;database=bob;application_name=mine;"
    );
    assert_eq!(
        startup("client_encoding=auto", &[("LANG", "de_DE.UTF-8")]),
        "user=bob;database=bob;client_encoding=UTF8;"
    );
}

#[test]
fn files_are_given_or_at_their_usual_places() {
    let file = |path: &str, is_given| {
        let path = path.to_owned();
        Some(OptionalFile { path, is_given })
    };
    let tls = resolve("").tls;
    assert_eq!(
        tls.certificate,
        file("/home/bob/.postgresql/postgresql.crt", false)
    );
    assert_eq!(tls.key, file("/home/bob/.postgresql/postgresql.key", false));
    assert_eq!(tls.crl_file, file("/home/bob/.postgresql/root.crl", false));
    let root = file("/home/bob/.postgresql/root.crt", false);
    assert_eq!(Some(tls.roots), root.map(RootCertificates::File));
    assert!(tls.sni && !tls.direct && tls.certificate_mode == SslCertMode::Allow);
    let tls = resolve("sslcrldir=/r sslcert=c sslkey=k sslsni=0 sslpassword=sesame").tls;
    assert_eq!(tls.certificate, file("c", true));
    assert_eq!(tls.key, file("k", true));
    assert_eq!((tls.crl_file, tls.crl_dir.as_deref()), (None, Some("/r")));
    assert!(!tls.sni);
    assert!(!format!("{:?}", tls.key_password).contains("sesame"));
    assert_eq!(
        resolve("sslrootcert=system").tls.roots,
        RootCertificates::System
    );
}

#[test]
fn which_encryption_is_tried() {
    use Encryption::{Gss, Plain, Tls};
    for (mode, tried) in [
        ("disable", &[Gss, Plain][..]),
        ("allow", &[Gss, Plain, Tls]),
        ("prefer", &[Gss, Tls, Plain]),
        ("require", &[Gss, Tls]),
        ("verify-ca", &[Gss, Tls]),
        ("verify-full", &[Gss, Tls]),
    ] {
        let with = |gssencmode| resolve(&format!("sslmode={mode} gssencmode={gssencmode}"));
        assert_eq!(with("prefer").encryptions(false), tried, "{mode}");
        assert_eq!(with("disable").encryptions(false), &tried[1..], "{mode}");
        assert_eq!(with("require").encryptions(false), [Gss], "{mode}");
        assert_eq!(with("prefer").encryptions(true), [Plain], "{mode}");
        assert_eq!(with("require").encryptions(true), [], "{mode}");
        let without = with("prefer").without_gss_encryption().unwrap();
        assert_eq!(without.encryptions(false), &tried[1..], "{mode}");
        let error = with("require").without_gss_encryption().unwrap_err();
        assert_eq!(error.kind(), ConninfoErrorKind::NotSupported);
    }
}

#[test]
fn without_tls_nothing_is_encrypted_and_what_needs_it_is_refused() {
    use super::encryption::Encryption::{Gss, Plain};
    for conninfo in [
        "",
        "sslmode=prefer sslrootcert=/nowhere sslcert=/nowhere sslkey=/nowhere",
        "sslmode=allow channel_binding=prefer",
        "sslmode=disable sslcertmode=allow",
    ] {
        let with = resolve(&format!("gssencmode=prefer {conninfo}"));
        let without = with.without_tls().unwrap();
        assert_eq!(without.encryptions(false), [Gss, Plain], "{conninfo}");
    }
    let refused = [
        ("sslmode=require", "sslmode value \"require\""),
        ("sslmode=verify-ca", "sslmode value \"verify-ca\""),
        ("sslmode=verify-full", "sslmode value \"verify-full\""),
        ("sslrootcert=system", "sslmode value \"verify-full\""),
        (
            "sslnegotiation=direct sslmode=require",
            "sslmode value \"require\"",
        ),
        ("sslcertmode=require", "sslcertmode value \"require\""),
        (
            "sslmode=disable channel_binding=require",
            "channel_binding value \"require\"",
        ),
    ];
    for (conninfo, named) in refused {
        let error = resolve(conninfo).without_tls().unwrap_err();
        assert_eq!(error.kind(), ConninfoErrorKind::NotSupported);
        let text = error.to_string();
        assert!(
            text.starts_with(named) && text.contains("\"rustls\""),
            "{text}"
        );
    }
}
