use super::*;

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &str =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn expect_first() -> ExpectServerFirst {
    begin(
        "user",
        &Password::new("pencil"),
        Keys::default(),
        NONCE,
        &Binding::Unsupported,
    )
    .unwrap()
    .1
}

/// Takes the server-first-message and derives the key, in one go.
fn answer(next: ExpectServerFirst, message: &str) -> (Vec<u8>, ExpectServerFinal) {
    match next.server_first(message.as_bytes()).unwrap().step() {
        Derived::Done(message, next) => (message, next),
        Derived::More(_) => panic!("more iterations than expected"),
    }
}

fn expect_final() -> ExpectServerFinal {
    answer(expect_first(), SERVER_FIRST).1
}

/// The example of RFC 7677, section 3.
#[test]
fn rfc_7677() {
    let (message, next) = begin(
        "user",
        &Password::new("pencil"),
        Keys::default(),
        NONCE,
        &Binding::Unsupported,
    )
    .unwrap();
    assert_eq!(message, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let (message, next) = answer(next, SERVER_FIRST);
    assert_eq!(
        String::from_utf8(message).unwrap(),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    assert_eq!(next.server_final(SERVER_FINAL.as_bytes()), Ok(()));
}

/// Passwords as libpq 18.6 stores them (`PQencryptPasswordConn`): plain, normalized, and forbidden by SASLprep.
#[rustfmt::skip]
const STORED: &[(&str, &str)] = &[
    ("pencil", "SCRAM-SHA-256$4096:EGjjzEvcDhL8taTdmVFHyA==$QpATSJBm0oSR0us4RtvDa785qsrpSoSqvOL+IjsS0ng=:wPaJU8yMA0UhNRE6xpaQYJdzmz57ttE7TLhlTUqACDc="),
    ("I\u{ad}X", "SCRAM-SHA-256$4096:lJTYM2Uw01+oIT5TqWgzcw==$JAO9tIgmYvTPDrmLnO51dIirXYLlZax/V76MZpJWAXE=:rG5lDdqoXccM93N39fa5xnK8EUvBQ8RavWxIN5Lr5ww="),
    ("\u{2168}", "SCRAM-SHA-256$4096:G9XJ+wYsjPCaS88MnGjH+A==$MSgX41beiPvpkh4eMFSiE2mgqOl4ugjjCVDTB5yL22U=:ZDprf9+gPWH5aRsV5lkwB7T+92nwK1WTiynQijhzvp8="),
    ("\u{aa}", "SCRAM-SHA-256$4096:eQrlNCZs3zDIeAW75u3GdQ==$dWxtlBkySMkdkKjrtlrgarO3znZ8ek+pCAKP1G54Xck=:NvHxA+bCfxwrHEns3FkND+Cs1L0l5sKARAWu2RlGcpU="),
    ("a\u{a0}b", "SCRAM-SHA-256$4096:K5jHD97uf4YeMwnc4HFz5w==$pQfvu4hun61Mn7gL9wfHXWFUCHBaIXfMHh0ftxJRCf8=:YxfD7BiPXNVtE+U+Nnly2ERCV0Nzjt5JKzpHwTE8J4M="),
    ("\u{7}", "SCRAM-SHA-256$4096:+hzfv41vpJyESySJgMkqkg==$0VdJubGWXiMpBsV3acf6Z4cIB+v2Zwg12e5MA5nGnSU=:/c5HcrpS+rIMtJDQjZm99Z+UCrEJiX1vSa1wEcG8o9s="),
    ("\u{627}1", "SCRAM-SHA-256$4096:w+SKsa8kYpnmyHyALSnkIA==$TxUTCkfaHGl+Sl0I3tbF6FiuQYPf554sM7dazFp9ZCk=:7JahbxxSmfmS4hBlHLCX+CDXmjqXs9QLSKKIz3epevE="),
    ("\u{627}1\u{628}", "SCRAM-SHA-256$4096:9dyTSaADnzz8bb0R5mLYOg==$gVyqKObjwH1WDO3tjEbTqhwFOjJzoiPGCO3krDA7ijs=:GgbLNITDY/gZ27Ahp/wWCyVW2Ll0SyPDwZcEYZkPmwM="),
    ("p\u{e4}ss w\u{f6}rd", "SCRAM-SHA-256$4096:LdxZ4y+0CBw+1xWAUhezaw==$tbiqu1GaFYp4+Jx2rWVgwMQXnAfX75Q+mfv/75G8w+0=:6Xw+uYxzk/8sT/zC8zZSI7nuD0e9gz25k9/w9RKWq6o="),
    ("\u{ad}", "SCRAM-SHA-256$4096:2ZZ9YsGZ6GZfaZ6vlWg/Kw==$yAFPfKv3MA0dnQx5Kv4SGnLWty6GBY2k/6JiPkIZuC0=:HljbaF3TNYx+q4EpDp9pWnkMsGF3NnJ2nXdMnqX2JT0="),
    ("\u{221}", "SCRAM-SHA-256$4096:SqQb/Js5By5F/5VPhuBuKQ==$hgILrwYV7cPd1UXM08iIbNjE9OlXHQplm5gci0WgE9s=:+nCftLe+5qEdPa5dQvDmrf1Mer9k9Lt56cxJj+T9whQ="),
    ("\u{1f418}", "SCRAM-SHA-256$4096:nuGdKN4VZYTC267DnN6rUg==$pbMRnxzpKXlV2gvF/XsfLOIJTuDtle14VrrnTCqIUgY=:44htVgTr0xwIazlmj7BnfsXGLFXMCxMYeZF+hhYZ040="),
    ("a\u{200b}b", "SCRAM-SHA-256$4096:QFnfVJ9v+ihRoeHza0aVuA==$CNUUBlbM0SfFnMY+m98UTiTpromLVkOjA1WHbgeIFJk=:hJHs61i4a8i8fa6oZxH/hbzWAJfWxmqPvrhrdbT90So="),
    ("\u{340}", "SCRAM-SHA-256$4096:wNE+pEEw+0vYzulHowjN+w==$ZT1hUH7FGir0H+mIQQ4oA/tXuOOWODQ6RQSTcupX1Sw=:tJb8Lm3kysgO6rLD5hzwdev1udgErgpNxv4jiAEuwu4="),
    ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "SCRAM-SHA-256$4096:hXIt07O02RIZoRxh97AuCg==$1rwnD6vmoWf+Zl9s4Fh8b9xF68oZoSYZmK/ve4fm1aQ=:pUawZFquDYOC4Q6TiJBPIl+cTAJfWFt0i0n024UY4so="),
];

#[test]
fn keys_are_those_that_libpq_makes() {
    for (password, stored) in STORED {
        let mut parts = stored.split(['$', ':']);
        assert_eq!(parts.next(), Some("SCRAM-SHA-256"));
        let iterations = parts.next().unwrap().parse().unwrap();
        let salt = BASE64.decode(parts.next().unwrap()).unwrap();
        let challenge = Challenge {
            nonce: "",
            salt,
            iterations,
        };
        let mut derivation = challenge.derivation(&Password::new(*password));
        let salted = derivation.run(iterations).unwrap();
        let stored_key: [u8; 32] = Sha256::digest(hmac(&salted, b"Client Key")).into();
        assert_eq!(
            parts.next(),
            Some(&*BASE64.encode(stored_key)),
            "{password:?}"
        );
        let server_key = hmac(&salted, b"Server Key");
        assert_eq!(
            parts.next(),
            Some(&*BASE64.encode(server_key)),
            "{password:?}"
        );
    }
}

#[test]
fn user_names_are_escaped() {
    let (message, _) = begin(
        "a=b,c",
        &Password::new("x"),
        Keys::default(),
        "n",
        &Binding::Unsupported,
    )
    .unwrap();
    assert_eq!(message, b"n,,n=a=3Db=2Cc,r=n");
}

#[test]
fn nonces_are_checked() {
    for nonce in ["", "a,b", "a b", "\u{e9}", "a\0"] {
        assert_eq!(
            begin(
                "",
                &Password::new("x"),
                Keys::default(),
                nonce,
                &Binding::Unsupported
            )
            .err(),
            Some(InvalidNonce),
            "{nonce:?}"
        );
    }
}

/// Server-first-messages, with `OURS` for our nonce, and what is wrong with them.
#[rustfmt::skip]
const MALFORMED: &[(&str, &str)] = &[
    ("", "attribute \"r\" expected"),
    ("e=other-error", "attribute \"r\" expected"),
    ("m=x,r=OURSx,s=QQ==,i=1", "attribute \"r\" expected"),
    ("r=OURSx", "attribute \"s\" expected"),
    ("r=OURSx,s=QQ==", "attribute \"i\" expected"),
    ("r=OURSx,i=1,s=QQ==", "attribute \"s\" expected"),
    ("r=OURS,s=QQ==,i=1", "nonce mismatch"),
    ("r=other,s=QQ==,i=1", "nonce mismatch"),
    ("r=xOURS,s=QQ==,i=1", "nonce mismatch"),
    ("r=OURS\u{7f},s=QQ==,i=1", "nonce mismatch"),
    ("r=OURSx,s=,i=1", "invalid salt"),
    ("r=OURSx,s=Q,i=1", "invalid salt"),
    ("r=OURSx,s=QQ==,i=", "invalid iteration count"),
    ("r=OURSx,s=QQ==,i=0", "invalid iteration count"),
    ("r=OURSx,s=QQ==,i=-1", "invalid iteration count"),
    ("r=OURSx,s=QQ==,i=+1", "invalid iteration count"),
    ("r=OURSx,s=QQ==,i=1 ", "invalid iteration count"),
    ("r=OURSx,s=QQ==,i=1,", "garbage at its end"),
    ("r=OURSx,s=QQ==,i=1,garbage", "garbage at its end"),
    ("r=OURSx,s=QQ==,i=1\0", "not a text"),
];

#[test]
fn malformed_first_messages_are_refused() {
    for (message, why) in MALFORMED {
        let message = message.replace("OURS", NONCE);
        let error = expect_first().server_first(message.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("malformed SCRAM message: {why}"),
            "{message}"
        );
    }
    assert!(expect_first().server_first(b"r=\xff").is_err());
    let extended = format!("r={NONCE}x,s=QQ==,i=1,x=later");
    assert!(expect_first().server_first(extended.as_bytes()).is_ok());
}

#[test]
fn the_work_is_bounded() {
    for iterations in ["4000001", "4294967297", "99999999999999999999"] {
        let message = format!("r={NONCE}x,s=QQ==,i={iterations}");
        let error = expect_first().server_first(message.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "server asks for more than 4000000 SCRAM iterations"
        );
    }
}

#[test]
fn the_work_is_done_in_slices() {
    let slices_of = |iterations: u32| {
        let message = format!("r={NONCE}x,s=QQ==,i={iterations}");
        let mut derive = expect_first().server_first(message.as_bytes()).unwrap();
        let mut slices = 1;
        while let Derived::More(next) = derive.step() {
            derive = next;
            slices += 1;
        }
        slices
    };
    assert_eq!([4096, 4097, 4098, 8194].map(slices_of), [1, 1, 2, 3]);
}

#[test]
fn only_the_right_signature_is_accepted() {
    let refused = |message: &str| match expect_final().server_final(message.as_bytes()) {
        Err(ScramError::Refused(text)) => text,
        other => panic!("{message}: {other:?}"),
    };
    assert_eq!(
        refused("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        "incorrect server signature"
    );
    assert_eq!(refused("v="), "incorrect server signature");
    assert_eq!(
        refused("v=6rriTRBi23WpRR/wtuo="),
        "incorrect server signature"
    );
    assert_eq!(
        refused("e=invalid-proof\u{1b}"),
        "error received from server in SCRAM exchange: invalid-proof\\u{1b}"
    );
    for message in [
        "",
        "v",
        "x=1",
        "v=6",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,",
        "v=\0",
    ] {
        let result = expect_final().server_final(message.as_bytes());
        assert!(
            matches!(result, Err(ScramError::Protocol(_))),
            "{message}: {result:?}"
        );
    }
}

#[test]
fn debug_shows_no_secret() {
    let first = format!("{:?}", expect_first());
    assert!(!first.contains("pencil"), "{first}");
    let derive = expect_first().server_first(SERVER_FIRST.as_bytes());
    assert_eq!(format!("{:?}", derive.unwrap()), "DeriveKey { .. }");
    assert_eq!(format!("{:?}", expect_final()), "ExpectServerFinal { .. }");
}

proptest::proptest! {
    #[test]
    fn no_message_panics(first in "\\PC*", tail in "[a-z0-9=,/+]{0,40}", last in "\\PC*") {
        let _ = expect_first().server_first(first.as_bytes());
        // A leading 1 bounds the time, not the shape.
        let _ = expect_first().server_first(format!("r={NONCE}x,s=QQ==,i=1,{tail}").as_bytes());
        for last in [last, format!("v={tail}")] {
            let quick = format!("r={NONCE}x,s=QQ==,i=1");
            let (_, next) = answer(expect_first(), &quick);
            let _ = next.server_final(last.as_bytes());
        }
    }
}

/// The keys of the example of RFC 7677, made with Python's hashlib and hmac.
const CLIENT_KEY: &str = "pg/JI9Z+hkSpLRa5btpe9GVrDHJcSEN0viVTVXaZbos=";
const SERVER_KEY: &str = "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

fn with_keys(password: &str, client: Option<&str>, server: Option<&str>) -> ExpectServerFirst {
    let keys = Keys::decode(client, server).unwrap();
    begin(
        "user",
        &Password::new(password),
        keys,
        NONCE,
        &Binding::Unsupported,
    )
    .unwrap()
    .1
}

#[test]
fn keys_stand_in_for_the_password() {
    let cases = [
        ("", Some(CLIENT_KEY), Some(SERVER_KEY)),
        ("pencil", Some(CLIENT_KEY), None),
        ("pencil", None, Some(SERVER_KEY)),
    ];
    let expected = answer(expect_first(), SERVER_FIRST).0;
    for (password, client, server) in cases {
        let (message, next) = answer(with_keys(password, client, server), SERVER_FIRST);
        assert_eq!(message, expected);
        assert_eq!(next.server_final(SERVER_FINAL.as_bytes()), Ok(()));
    }
}

#[test]
fn with_both_keys_nothing_is_derived_and_the_server_is_still_checked() {
    let many = SERVER_FIRST.replace("i=4096", "i=4000000");
    let (_, next) = answer(with_keys("", Some(CLIENT_KEY), Some(SERVER_KEY)), &many);
    assert!(next.server_final(SERVER_FINAL.as_bytes()).is_err());
    // The client's key where the server's should be.
    let wrong = with_keys("", Some(CLIENT_KEY), Some(CLIENT_KEY));
    let (_, next) = answer(wrong, SERVER_FIRST);
    assert_eq!(
        next.server_final(SERVER_FINAL.as_bytes()),
        Err(ScramError::Refused("incorrect server signature".to_owned()))
    );
}

#[test]
fn keys_that_are_none() {
    let wrong = |client, server| Keys::decode(client, server).unwrap_err();
    assert_eq!(wrong(Some("%"), None), "invalid SCRAM client key");
    assert_eq!(
        wrong(None, Some("eA==")),
        "invalid SCRAM server key length: 1"
    );
    assert_eq!(wrong(Some(""), None), "invalid SCRAM client key length: 0");
    let keys = Keys::decode(Some(CLIENT_KEY), None).unwrap();
    assert!(!keys.are_complete());
    assert_eq!(format!("{keys:?}"), "Keys { .. }");
}
