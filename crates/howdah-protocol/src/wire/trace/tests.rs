use super::*;
use crate::wire::frontend;

fn frames(mut stream: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((&[tag, a, b, c, d], rest)) = stream.split_first_chunk::<5>() {
        let len = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap() - 4;
        frames.push((tag, rest[..len].to_vec()));
        stream = &rest[len..];
    }
    frames
}

fn lines(tracer: &mut Tracer, direction: Direction, stream: &[u8]) -> String {
    let mut out = String::new();
    for (tag, body) in frames(stream) {
        tracer
            .message(&mut out, None, direction, tag, &body)
            .unwrap();
    }
    out
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![tag];
    frame.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    frame.extend(body);
    frame
}

/// The lines that libpq's own test suite expects of these messages.
#[test]
fn frontend_lines_are_those_of_libpq() {
    let mut out = Vec::new();
    let sql = b"SELECT $1, '42', $1::numeric, interval '1 sec'";
    frontend::parse(&mut out, b"select_one", sql, &[23]).unwrap();
    frontend::describe_statement(&mut out, b"select_one").unwrap();
    let mut values = Vec::new();
    frontend::put_value(&mut values, b"1").unwrap();
    let result = [crate::wire::Format::Text];
    frontend::bind(&mut out, b"", b"", &[], &values, 1, &result).unwrap();
    frontend::describe_portal(&mut out, b"").unwrap();
    frontend::execute(&mut out, b"", 0).unwrap();
    frontend::sync(&mut out);
    frontend::query(&mut out, b"BEGIN").unwrap();
    frontend::close_statement(&mut out, b"select_one").unwrap();
    frontend::terminate(&mut out);
    assert_eq!(
        lines(&mut Tracer::regress(), Direction::Frontend, &out),
        concat!(
            "F\t68\tParse\t \"select_one\" \"SELECT $1, '42', $1::numeric, interval '1 sec'\" 1 NNNN\n",
            "F\t16\tDescribe\t S \"select_one\"\n",
            "F\t19\tBind\t \"\" \"\" 0 1 1 '1' 1 0\n",
            "F\t6\tDescribe\t P \"\"\n",
            "F\t9\tExecute\t \"\" 0\n",
            "F\t4\tSync\n",
            "F\t10\tQuery\t \"BEGIN\"\n",
            "F\t16\tClose\t S \"select_one\"\n",
            "F\t4\tTerminate\n",
        )
    );
}

#[test]
fn backend_lines_are_those_of_libpq() {
    let mut stream = frame(b'1', b"");
    stream.extend(frame(b't', &[0, 1, 0, 0, 0, 23]));
    let column = b"\0\x01?column?\0\0\0\0\0\0\0\0\0\x06\xa4\xff\xff\xff\xff\xff\xff\0\0";
    stream.extend(frame(b'T', column));
    stream.extend(frame(b'D', b"\0\x01\0\0\0\x160.33333333333333333333"));
    stream.extend(frame(b'C', b"INSERT 0 1\0"));
    stream.extend(frame(
        b'E',
        b"SERROR\0VERROR\0C22012\0Mdivision by zero\0Fnumeric.c\0L9\0Rdiv\0\0",
    ));
    stream.extend(frame(b'Z', b"I"));
    assert_eq!(
        lines(&mut Tracer::regress(), Direction::Backend, &stream),
        concat!(
            "B\t4\tParseComplete\n",
            "B\t10\tParameterDescription\t 1 NNNN\n",
            "B\t33\tRowDescription\t 1 \"?column?\" NNNN 0 NNNN 65535 -1 0\n",
            "B\t32\tDataRow\t 1 22 '0.33333333333333333333'\n",
            "B\t15\tCommandComplete\t \"INSERT 0 1\"\n",
            "B\tNN\tErrorResponse\t S \"ERROR\" V \"ERROR\" C \"22012\" M \"division by zero\" ",
            "F \"SSSS\" L \"SSSS\" R \"SSSS\" \\x00\n",
            "B\t5\tReadyForQuery\t I\n",
        )
    );
}

#[test]
fn outside_regress_mode_numbers_places_and_timestamps_are_shown() {
    let mut out = String::new();
    let mut tracer = Tracer::new();
    let now = Some("2026-01-02 03:04:05.000006");
    let b = Direction::Backend;
    tracer
        .message(&mut out, now, b, b'A', b"\0\0\0\x07c\0p\0")
        .unwrap();
    tracer.message(&mut out, None, b, b'N', b"L12\0\0").unwrap();
    tracer.message(&mut out, None, b, b'd', b"a\tb\n").unwrap();
    tracer
        .message(&mut out, None, b, b'D', b"\0\x01\xff\xff\xff\xff")
        .unwrap();
    assert_eq!(
        out,
        concat!(
            "2026-01-02 03:04:05.000006\tB\t12\tNotificationResponse\t 7 \"c\" \"p\"\n",
            "B\t9\tNoticeResponse\t L \"12\" \\x00\n",
            "B\t8\tCopyData\t 'a\\x09b\\x0a'\n",
            "B\t10\tDataRow\t 1 -1\n",
        )
    );
    let mut out = String::new();
    Tracer::regress()
        .message(&mut out, now, b, b'd', b"a")
        .unwrap();
    assert_eq!(out, "B\t5\tCopyData\t 'BBBB'\n");
}

#[test]
fn secrets_are_masked_in_every_mode() {
    let secret = "hunter2secret";
    for mut tracer in [Tracer::new(), Tracer::regress()] {
        let mut out = String::new();
        let requests: [(&[u8], &[u8], &str); 4] = [
            (
                b"\0\0\0\x03",
                b"hunter2secret\0",
                "PasswordMessage\t \"SSSS\"",
            ),
            (
                b"\0\0\0\x0aSCRAM-SHA-256\0\0",
                b"SCRAM-SHA-256\0\0\0\0\x0dhunter2secret",
                "SASLInitialResponse\t \"SCRAM-SHA-256\" 13 'BBBB'",
            ),
            (
                b"\0\0\0\x0bhunter2secret",
                b"hunter2secret",
                "SASLResponse\t 'BBBB'",
            ),
            (
                b"\0\0\0\x08hunter2secret",
                b"hunter2secret",
                "GSSResponse\t 'BBBB'",
            ),
        ];
        for (request, response, expected) in requests {
            tracer
                .message(&mut out, None, Direction::Backend, b'R', request)
                .unwrap();
            tracer
                .message(&mut out, None, Direction::Frontend, b'p', response)
                .unwrap();
            assert!(out.ends_with(&format!("{expected}\n")), "{out}");
        }
        // A response nobody asked for, and the key.
        tracer
            .message(&mut out, None, Direction::Frontend, b'p', b"hunter2secret")
            .unwrap();
        assert!(out.ends_with("UnknownAuthenticationResponse\t 'BBBB'\n"));
        tracer
            .message(
                &mut out,
                None,
                Direction::Backend,
                b'K',
                b"\0\0\0\x01hunter2secret",
            )
            .unwrap();
        tracer
            .startup(&mut out, None, b"\x04\xd2\x16\x2e\0\0\0\x01hunter2secret")
            .unwrap();
        assert!(!out.contains(secret), "{out}");
        assert!(!out.contains("mismatched"), "{out}");
    }
}

#[test]
fn authentication_and_startup_lines() {
    let mut out = String::new();
    let mut tracer = Tracer::regress();
    let b = Direction::Backend;
    for body in [
        &b"\0\0\0\0"[..],
        b"\0\0\0\x05salt",
        b"\0\0\0\x0aSCRAM-SHA-256\0\0",
        b"\0\0\0\x04",
    ] {
        tracer.message(&mut out, None, b, b'R', body).unwrap();
    }
    for body in [
        &b"\0\x03\0\x02user\0me\0database\0db\0\0"[..],
        b"\x04\xd2\x16\x2f",
        b"\x04\xd2\x16\x30",
        b"\x04\xd2\x16\x2e\0\0\0\x01key!",
    ] {
        tracer.startup(&mut out, None, body).unwrap();
    }
    tracer
        .encryption_response(&mut out, None, "SSLResponse", b'N')
        .unwrap();
    assert_eq!(
        out,
        concat!(
            "B\t8\tAuthenticationOk\n",
            "B\t12\tAuthenticationMD5Password\n",
            "B\t23\tAuthenticationSASL\t \"SCRAM-SHA-256\" \"\"\n",
            "B\t8\tUnknown authentication message\t 4\n",
            "F\t29\tStartupMessage\t 3 2 \"user\" \"me\" \"database\" \"db\"\n",
            "F\t8\tSSLRequest\t 1234 5679\n",
            "F\t8\tGSSENCRequest\t 1234 5680\n",
            "F\t16\tCancelRequest\t 1234 5678 NNNN 'BBBB'\n",
            "B\t1\tSSLResponse\t N\n",
        )
    );
}

#[test]
fn a_message_stays_on_its_line() {
    let mut out = String::new();
    Tracer::new()
        .message(
            &mut out,
            None,
            Direction::Frontend,
            b'Q',
            "select\n'é\u{1b}'\0".as_bytes(),
        )
        .unwrap();
    assert_eq!(out, "F\t17\tQuery\t \"select\\x0a'é\\x1b'\"\n");
    out.clear();
    Tracer::new()
        .message(&mut out, None, Direction::Frontend, b'Q', b"\xff\0")
        .unwrap();
    assert_eq!(out, "F\t6\tQuery\t \"\\xff\"\n");
}

#[test]
fn broken_messages_are_printed_as_far_as_they_go() {
    let mut out = String::new();
    let mut tracer = Tracer::new();
    let b = Direction::Backend;
    tracer.message(&mut out, None, b, b'Z', b"").unwrap();
    tracer.message(&mut out, None, b, b'Z', b"Ix").unwrap();
    tracer.message(&mut out, None, b, b'!', b"x").unwrap();
    tracer.startup(&mut out, None, b"x").unwrap();
    assert_eq!(
        out,
        concat!(
            "B\t4\tReadyForQuery\t\nmismatched message length: consumed 4, expected 4\n",
            "B\t6\tReadyForQuery\t I\nmismatched message length: consumed 5, expected 6\n",
            "B\t5\tUnknown message: 21\n",
            "F\t5\tUnknown message\n",
        )
    );
}
