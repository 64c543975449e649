//! What libpq 18.6 makes of connection strings, learnt through psycopg 3.3.9's `conninfo_to_dict`.

use super::{ConninfoErrorKind, make, parse};

type Accepted = (&'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
const ACCEPTED: &[Accepted] = &[
    ("", &[]),
    ("user=foo", &[("user", "foo")]),
    ("user = foo", &[("user", "foo")]),
    ("user= foo", &[("user", "foo")]),
    ("host='a b' port=1", &[("host", "a b"), ("port", "1")]),
    ("user=a\\ b", &[("user", "a b")]),
    ("user=a\\'b", &[("user", "a'b")]),
    ("user='a\\'b'", &[("user", "a'b")]),
    ("user='a\\\\b'", &[("user", "a\\b")]),
    ("user=", &[("user", "")]),
    ("user= ", &[("user", "")]),
    ("user=''", &[("user", "")]),
    ("user=abc\\", &[("user", "abc")]),
    ("host=a host=b", &[("host", "b")]),
    ("user=a  password=b", &[("user", "a"), ("password", "b")]),
    ("\tuser=a\tpassword=b", &[("user", "a"), ("password", "b")]),
    ("user=a=b", &[("user", "a=b")]),
    ("user =  'x'port=3", &[("user", "x"), ("port", "3")]),
    ("user='x'port=3", &[("user", "x"), ("port", "3")]),
    ("host=a,b port=1,2", &[("host", "a,b"), ("port", "1,2")]),
    ("user==", &[("user", "=")]),
    ("host=/tmp dbname=x", &[("dbname", "x"), ("host", "/tmp")]),
    ("requiressl=1", &[("sslmode", "require")]),
    ("requiressl=0", &[("sslmode", "prefer")]),
    ("requiressl=x", &[("sslmode", "prefer")]),
    ("sslmode=zz", &[("sslmode", "zz")]),
    ("port=abc", &[("port", "abc")]),
    ("user=é", &[("user", "é")]),
    ("dbname='postgres://h/d'", &[("dbname", "postgres://h/d")]),
    ("service=nosuch", &[("service", "nosuch")]),
    ("user=a host=' x'", &[("user", "a"), ("host", " x")]),
    ("postgresql://", &[]),
    ("postgres://", &[]),
    ("postgresql:///", &[]),
    ("postgresql://host", &[("host", "host")]),
    ("postgresql://host/", &[("host", "host")]),
    ("postgresql://host/db", &[("dbname", "db"), ("host", "host")]),
    ("postgresql://host:5/db", &[("dbname", "db"), ("host", "host"), ("port", "5")]),
    ("postgresql://host:/db", &[("dbname", "db"), ("host", "host")]),
    ("postgresql://:5/db", &[("dbname", "db"), ("port", "5")]),
    ("postgresql://u@h", &[("user", "u"), ("host", "h")]),
    ("postgresql://u:p@h", &[("user", "u"), ("password", "p"), ("host", "h")]),
    ("postgresql://u:@h", &[("user", "u"), ("host", "h")]),
    ("postgresql://:p@h", &[("password", "p"), ("host", "h")]),
    ("postgresql://@h", &[("host", "h")]),
    ("postgresql://u@", &[("user", "u")]),
    ("postgresql://u@/db", &[("user", "u"), ("dbname", "db")]),
    ("postgresql://u:p@/db?host=/tmp", &[("user", "u"), ("password", "p"), ("dbname", "db"), ("host", "/tmp")]),
    ("postgresql://[::1]", &[("host", "::1")]),
    ("postgresql://[::1]:5", &[("host", "::1"), ("port", "5")]),
    ("postgresql://[::1]/db", &[("dbname", "db"), ("host", "::1")]),
    ("postgresql://[::1]:5,[::2]:6/db", &[("dbname", "db"), ("host", "::1,::2"), ("port", "5,6")]),
    ("postgresql://u@[::1]?user=x", &[("user", "x"), ("host", "::1")]),
    ("postgresql://[::1],h", &[("host", "::1,h"), ("port", ",")]),
    ("postgresql://h1,h2", &[("host", "h1,h2"), ("port", ",")]),
    ("postgresql://h1:1,h2:2/db", &[("dbname", "db"), ("host", "h1,h2"), ("port", "1,2")]),
    ("postgresql://h1:1,h2/db", &[("dbname", "db"), ("host", "h1,h2"), ("port", "1,")]),
    ("postgresql://,", &[("host", ","), ("port", ",")]),
    ("postgresql://h1,", &[("host", "h1,"), ("port", ",")]),
    ("postgresql://,h", &[("host", ",h"), ("port", ",")]),
    ("postgresql://:1,:2", &[("host", ","), ("port", "1,2")]),
    ("postgresql://h:1,2", &[("host", "h,2"), ("port", "1,")]),
    ("postgresql://%2Ftmp/db", &[("dbname", "db"), ("host", "/tmp")]),
    ("postgresql://%2ftmp:5/db", &[("dbname", "db"), ("host", "/tmp"), ("port", "5")]),
    ("postgresql://h/d%20b", &[("dbname", "d b"), ("host", "h")]),
    ("postgresql://u%40x:p%3a@h", &[("user", "u@x"), ("password", "p:"), ("host", "h")]),
    ("postgresql://h/%C3%A9", &[("dbname", "é"), ("host", "h")]),
    ("postgresql://h?user=x", &[("user", "x"), ("host", "h")]),
    ("postgresql://h/?user=x", &[("user", "x"), ("host", "h")]),
    ("postgresql://h/db?user=x&password=y", &[("user", "x"), ("password", "y"), ("dbname", "db"), ("host", "h")]),
    ("postgresql://h?user=", &[("user", ""), ("host", "h")]),
    ("postgresql://h?user=x&", &[("user", "x"), ("host", "h")]),
    ("postgresql://h?ssl=true", &[("host", "h"), ("sslmode", "require")]),
    ("postgresql://h?host=x", &[("host", "x")]),
    ("postgresql://h?h%6fst=x", &[("host", "x")]),
    ("postgresql://h?requiressl=1", &[("host", "h"), ("sslmode", "require")]),
    ("postgresql://h?sslmode=require&ssl=true", &[("host", "h"), ("sslmode", "require")]),
    ("postgresql://h?user=x?y", &[("user", "x?y"), ("host", "h")]),
    ("postgresql://h?user=a%26b", &[("user", "a&b"), ("host", "h")]),
    ("postgresql://h?user=a+b", &[("user", "a+b"), ("host", "h")]),
    ("postgresql://h?", &[("host", "h")]),
    ("postgresql://h/?", &[("host", "h")]),
    ("postgresql://h/a/b", &[("dbname", "a/b"), ("host", "h")]),
    ("postgresql://a@b@c", &[("user", "a"), ("host", "b@c")]),
    ("postgresql://u:p:q@h", &[("user", "u"), ("password", "p:q"), ("host", "h")]),
    ("postgresql://h:abc", &[("host", "h"), ("port", "abc")]),
    ("postgresql://h:1:2", &[("host", "h"), ("port", "1:2")]),
    ("postgresql:// h /d", &[("dbname", "d"), ("host", "h")]),
    ("postgresql://u:p?x@h", &[("user", "u"), ("password", "p?x"), ("host", "h")]),
    ("postgresql://u/x@h", &[("dbname", "x@h"), ("host", "u")]),
    ("postgresql://h/db#frag", &[("dbname", "db#frag"), ("host", "h")]),
    ("postgresql://h?connect_timeout=5&application_name=my%20app", &[("connect_timeout", "5"), ("host", "h"), ("application_name", "my app")]),
    ("postgresql://u:pp@h?password=zz", &[("user", "u"), ("password", "zz"), ("host", "h")]),
    ("postgres://u:p@h1:1,[::1]:2,%2Fx:3/d?sslmode=disable", &[("user", "u"), ("password", "p"), ("dbname", "d"), ("host", "h1,::1,/x"), ("port", "1,2,3"), ("sslmode", "disable")]),
    ("postgresql://h/ db", &[("dbname", "db"), ("host", "h")]),
    ("postgresql://h? user=x", &[("user", "x"), ("host", "h")]),
    ("postgresql://[::1]@h", &[("user", "["), ("password", ":1]"), ("host", "h")]),
    ("postgresql://u:[p]@h", &[("user", "u"), ("password", "[p]"), ("host", "h")]),
    ("postgresql://h[::1]", &[("host", "h["), ("port", ":1]")]),
    ("postgresql://[::1]:abc", &[("host", "::1"), ("port", "abc")]),
    ("postgresql://h:%35", &[("host", "h"), ("port", "5")]),
    ("postgresql://[%3A]", &[("host", ":")]),
    (" user=x ", &[("user", "x")]),
    ("user=a\\", &[("user", "a")]),
    ("user==x", &[("user", "=x")]),
    ("user=x,port=5", &[("user", "x,port=5")]),
    ("  ", &[]),
    ("user\t=", &[("user", "")]),
    ("user\n=\nx\ndbname=\n'a\nb'", &[("user", "x"), ("dbname", "a\nb")]),
    ("user=a\u{b}password=b\u{c}", &[("user", "a"), ("password", "b")]),
    ("user=a\rpassword=x", &[("user", "a"), ("password", "x")]),
    ("user=a\u{a0}b", &[("user", "a\u{a0}b")]),
];

#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    ("user='a''b'", "missing \"=\" after \"'b'\" in connection info string"),
    ("user=a'b c'", "missing \"=\" after \"c'\" in connection info string"),
    ("user", "missing \"=\" after \"user\" in connection info string"),
    ("user foo", "missing \"=\" after \"user\" in connection info string"),
    ("user='abc", "unterminated quoted string in connection info string"),
    ("=x", "invalid connection option \"\""),
    (" = x", "invalid connection option \"\""),
    ("foo=bar", "invalid connection option \"foo\""),
    ("USER=x", "invalid connection option \"USER\""),
    ("user 'x'", "missing \"=\" after \"user\" in connection info string"),
    ("user=x y", "missing \"=\" after \"y\" in connection info string"),
    ("user=x y=", "invalid connection option \"y\""),
    ("user=x password", "missing \"=\" after \"password\" in connection info string"),
    ("authtype=x", "invalid connection option \"authtype\""),
    ("tty=x", "invalid connection option \"tty\""),
    ("usér=a", "invalid connection option \"usér\""),
    ("user='a'b", "missing \"=\" after \"b\" in connection info string"),
    ("user=\"x y\"", "missing \"=\" after \"y\"\" in connection info string"),
    ("'user'=x", "invalid connection option \"'user'\""),
    ("postgresql:", "missing \"=\" after \"postgresql:\" in connection info string"),
    ("postgresql:/", "missing \"=\" after \"postgresql:/\" in connection info string"),
    ("postgresqlx://", "missing \"=\" after \"postgresqlx://\" in connection info string"),
    ("postgresql://[::1", "end of string reached when looking for matching \"]\" in IPv6 host address in URI: \"postgresql://[::1\""),
    ("postgresql://[]", "IPv6 host address may not be empty in URI: \"postgresql://[]\""),
    ("postgresql://[::1]x", "unexpected character \"x\" at position 19 in URI (expected \":\" or \"/\"): \"postgresql://[::1]x\""),
    ("postgresql://h/%zz", "invalid percent-encoded token: \"%zz\""),
    ("postgresql://h/%2", "invalid percent-encoded token: \"%2\""),
    ("postgresql://h/%", "invalid percent-encoded token: \"%\""),
    ("postgresql://h/%00", "forbidden value %00 in percent-encoded value: \"%00\""),
    ("postgresql://%00", "forbidden value %00 in percent-encoded value: \"%00\""),
    ("postgresql://h/a%2Gb", "invalid percent-encoded token: \"a%2Gb\""),
    ("postgresql://h?user", "missing key/value separator \"=\" in URI query parameter: \"user\""),
    ("postgresql://h?=x", "invalid URI query parameter: \"\""),
    ("postgresql://h?&user=x", "missing key/value separator \"=\" in URI query parameter: \"\""),
    ("postgresql://h?user==x", "extra key/value separator \"=\" in URI query parameter: \"user\""),
    ("postgresql://h?user=x=y", "extra key/value separator \"=\" in URI query parameter: \"user\""),
    ("postgresql://h?foo=x", "invalid URI query parameter: \"foo\""),
    ("postgresql://h?ssl=false", "invalid URI query parameter: \"ssl\""),
    ("postgresql://h?ssl=1", "invalid URI query parameter: \"ssl\""),
    ("postgresql://h?ssl=", "invalid URI query parameter: \"ssl\""),
    ("postgresql://h/db?a&b", "missing key/value separator \"=\" in URI query parameter: \"a\""),
    ("postgresql://h ?user=a b", "unexpected spaces found in \"a b\", use percent-encoded spaces (%20) instead"),
    ("POSTGRESQL://h", "missing \"=\" after \"POSTGRESQL://h\" in connection info string"),
    ("postgresql://h?fo%6f=x", "invalid URI query parameter: \"foo\""),
    ("postgresql://h?f%zz=x", "invalid percent-encoded token: \"f%zz\""),
    ("postgresql://h?user=%zz", "invalid percent-encoded token: \"%zz\""),
    ("postgresql://h?user=%00", "forbidden value %00 in percent-encoded value: \"%00\""),
    ("postgresql://h?user=x&foo=", "invalid URI query parameter: \"foo\""),
    ("postgresql://h%", "invalid percent-encoded token: \"h%\""),
    ("postgresql://u%zz@h", "invalid percent-encoded token: \"u%zz\""),
    ("postgresql://%zz:5/x", "invalid percent-encoded token: \"%zz\""),
    ("postgresql://[:%zz]", "invalid percent-encoded token: \":%zz\""),
    ("  postgresql://h", "missing \"=\" after \"postgresql://h\" in connection info string"),
    ("user='a\\", "unterminated quoted string in connection info string"),
    ("user='a\\'", "unterminated quoted string in connection info string"),
    ("user=''x", "missing \"=\" after \"x\" in connection info string"),
    ("user='x\\'", "unterminated quoted string in connection info string"),
    ("user = = x", "missing \"=\" after \"x\" in connection info string"),
    ("host = a , b", "missing \"=\" after \",\" in connection info string"),
    ("x", "missing \"=\" after \"x\" in connection info string"),
    ("user=x\ny", "missing \"=\" after \"y\" in connection info string"),
    ("a b=c", "missing \"=\" after \"a\" in connection info string"),
];

#[test]
fn accepts_what_libpq_accepts() {
    for (conninfo, expected) in ACCEPTED {
        let params = parse(conninfo).unwrap_or_else(|error| panic!("{conninfo:?}: {error}"));
        assert_eq!(params.iter().collect::<Vec<_>>(), *expected, "{conninfo:?}");
    }
}

#[test]
fn refuses_what_libpq_refuses() {
    for (conninfo, message) in REFUSED {
        let error = parse(conninfo).expect_err(conninfo);
        // The hint is not libpq's.
        let told = error.message().split("; did you").next();
        assert_eq!(told, Some(*message), "{conninfo:?}");
        assert_eq!(error.kind(), ConninfoErrorKind::Programming, "{conninfo:?}");
    }
}

#[test]
fn what_make_writes_parse_reads() {
    for (_, options) in ACCEPTED {
        let text = make(options.iter().copied()).unwrap();
        assert_eq!(
            parse(&text).unwrap().iter().collect::<Vec<_>>(),
            *options,
            "{text:?}"
        );
    }
}

#[test]
fn make_quotes_as_psycopg_does() {
    let cases = [
        ("a b", "user='a b'"),
        ("", "user=''"),
        ("a'b", "user=a\\'b"),
        ("a\\b", "user=a\\\\b"),
        ("a\u{a0}b", "user='a\u{a0}b'"),
        ("a\u{1c}b", "user='a\u{1c}b'"),
        ("a\nb", "user='a\nb'"),
        ("a=b", "user=a=b"),
    ];
    for (value, text) in cases {
        assert_eq!(make([("user", value)]).unwrap(), text);
    }
    assert_eq!(make([]).unwrap(), "");
    assert_eq!(
        make([("port", "5"), ("user", "x"), ("port", "6")]).unwrap(),
        "port=6 user=x"
    );
    assert_eq!(
        make([("foo", "1")]).unwrap_err().message(),
        "invalid connection option \"foo\""
    );
    assert_eq!(
        make([("user", "a\0b")]).unwrap_err().kind(),
        ConninfoErrorKind::Programming
    );
}

#[test]
fn nul_and_foreign_bytes_are_refused() {
    assert_eq!(
        parse("user=a\0b").unwrap_err().message(),
        "connection info string contains a NUL character"
    );
    let error = parse("postgresql://h/%ff").unwrap_err();
    assert_eq!(
        error.message(),
        "percent-encoded value is not UTF-8: \"%ff\""
    );
}

/// Where libpq quotes a password in its message, we do not.
#[test]
fn errors_do_not_show_passwords() {
    let cases = [
        "password=open sesame",
        "password='open' sesame",
        "password=open sesame=x",
        "password='it's sesame' host=h",
        "ann:sesame@h",
        "postgres//ann:sesame@h/d",
        "POSTGRESQL://ann:sesame@h/d",
        "POSTGRESQL://ann:sesame@h/d?sslmode=prefer",
        "POSTGRESQL://ann:sesame/d",
        " postgresql://ann:sesame@h/d",
        "postgresql://ann:open/%zzsesame@h",
        "postgresql://ann:1/?sesame@h/d",
        "postgresql://ann:1/?sesame=x@h/d",
        "postgresql://ann:1/?x=sesame=x@h/d",
        "postgresql://ann:open@[sesame@h/d",
        "postgresql://ann:open@[sesame]@h/d",
        "postgresql://ann:open@[]sesame@h/d",
        "postgresql://ann:open@sesame%zz@h/d",
        "postgresql://ann:sesa me/d",
        "postgresql://ann:sesame%zz/d",
        "postgresql://h?password=open&sesame",
        "postgresql://h?password=open&sesame=x",
        "postgresql://h?password=open&sesame=x=y",
        "postgresql://h?password=open&sesame%zz=x",
        "postgresql://ann:sesame%zz@h",
        "postgresql://ann:sesame%00@h",
        "postgresql://ann:sesame x@h",
        "postgresql://ann:sesame@[::1",
        "postgresql://ann:sesame?x@[::1]y",
        "postgresql://ann:x@[]?password=sesame",
        "postgresql://h?password=sesame%zz",
        "postgresql://h?sslpassword=sesame%00",
        "postgresql://h?oauth_client_secret=sesame x",
    ];
    for conninfo in cases {
        let error = parse(conninfo).expect_err(conninfo);
        assert!(!error.message().contains("sesame"), "{error}");
        assert!(error.message().contains("***"), "{error}");
    }
    let error = parse("postgresql://ann:sesame@[::1]x/d?a=b").unwrap_err();
    assert_eq!(
        error.message(),
        "unexpected character \"x\" at position 30 in URI (expected \":\" or \"/\"): \"postgresql://ann:***@[::1]x/d?***\""
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC*", uri in "postgres://[a-z%0-9\\[\\]:/?&=,@ é]*") {
        let _ = parse(&text);
        if let Ok(params) = parse(&uri) {
            let options: Vec<_> = params.iter().collect();
            let text = make(options.iter().copied()).unwrap();
            let again = parse(&text).unwrap();
            proptest::prop_assert_eq!(again.iter().collect::<Vec<_>>(), options);
        }
    }

    #[test]
    fn any_value_survives_make(value in "[^\0]*", other in "[^\0]*") {
        let text = make([("user", value.as_str()), ("options", other.as_str())]).unwrap();
        let params = parse(&text).unwrap();
        proptest::prop_assert_eq!(params.get("user"), Some(value.as_str()));
        proptest::prop_assert_eq!(params.get("options"), Some(other.as_str()));
    }
}
