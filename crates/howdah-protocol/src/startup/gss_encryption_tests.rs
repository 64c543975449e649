//! Encryption by GSSAPI, with a mechanism that is a toy.

use proptest::prelude::*;

use super::*;

fn token(bytes: &[u8], is_complete: bool) -> Result<GssAnswer, String> {
    let token = bytes.to_vec();
    Ok(GssAnswer { token, is_complete })
}

fn packet(bytes: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// One whose server has accepted, and that awaits its first token.
fn begun() -> GssEncryption {
    let mut out = Vec::new();
    let mut gss = GssEncryption::begin(&mut out);
    assert_eq!(out, [0, 0, 0, 8, 4, 210, 22, 48]);
    assert_eq!(gss.received(b"G"), Ok(EncryptionAnswer::Accepted));
    assert_eq!(gss.request(), Some(&b""[..]));
    out.clear();
    gss.answer(token(b"first", false), &mut out).unwrap();
    assert_eq!(out, packet(b"first"));
    assert_eq!(gss.request(), None);
    gss
}

fn open() -> GssEncryption {
    let mut gss = begun();
    gss.received(&packet(b"last")).unwrap();
    gss.answer(token(b"", true), &mut Vec::new()).unwrap();
    assert!(gss.is_open());
    gss
}

#[test]
fn the_server_can_refuse() {
    let mut gss = GssEncryption::begin(&mut Vec::new());
    assert_eq!(gss.received(b"N"), Ok(EncryptionAnswer::Refused));
    assert!(gss.is_over() && gss.request().is_none());
}

#[test]
fn tokens_go_to_and_fro_however_they_are_cut() {
    let conversation = [packet(b"second"), packet(b"fourth"), packet(b"data")].concat();
    for cut in 0..conversation.len() {
        let mut gss = begun();
        let mut out = Vec::new();
        let mut seen = Vec::new();
        for part in [&conversation[..cut], &conversation[cut..]] {
            gss.received(part).unwrap();
            while let Some(request) = gss.request() {
                seen.push(request.to_vec());
                let is_complete = seen.len() == 2;
                gss.answer(token(b"mine", is_complete), &mut out).unwrap();
            }
            while let Some(data) = gss.next_packet().unwrap() {
                seen.push(data.to_vec());
            }
        }
        assert_eq!(seen, [&b"second"[..], b"fourth", b"data"], "{cut}");
        assert_eq!(out, [packet(b"mine"), packet(b"mine")].concat());
    }
}

#[test]
fn lengths_lie() {
    for (header, text) in [
        (0, "empty GSSAPI packet"),
        (65_533, "(65533 > 65532)"),
        (u32::MAX, "(4294967295 > 65532)"),
    ] {
        let error = begun().received(&u32::to_be_bytes(header)).unwrap_err();
        assert!(error.to_string().contains(text) && error.is_in_handshake());
    }
    assert!(begun().received(&65_532_u32.to_be_bytes()).is_ok());
    for (header, text) in [
        (0, "empty GSSAPI packet"),
        (16_381, "(16381 > 16380)"),
        (u32::MAX, "(4294967295 > 16380)"),
    ] {
        let mut gss = open();
        gss.received(&u32::to_be_bytes(header)).unwrap();
        let error = gss.next_packet().unwrap_err();
        assert!(error.to_string().contains(text) && !error.is_in_handshake());
        assert!(gss.is_over());
    }
    let longest = vec![7; 16_380];
    let mut gss = open();
    gss.received(&packet(&longest)).unwrap();
    assert_eq!(gss.next_packet(), Ok(Some(&longest[..])));
    assert_eq!(gss.next_packet(), Ok(None));
}

#[test]
fn nothing_longer_is_sent() {
    let mut out = Vec::new();
    GssEncryption::packet(&mut out, &vec![7; 16_380]).unwrap();
    assert_eq!(out.len(), 16_384);
    assert!(GssEncryption::packet(&mut out, &vec![7; 16_381]).is_err());
    assert_eq!(out.len(), 16_384);
    let mut gss = begun();
    gss.received(&packet(b"second")).unwrap();
    assert!(
        gss.answer(token(&vec![7; 65_533], false), &mut out)
            .is_err()
    );
    assert_eq!(out.len(), 16_384);
}

#[test]
fn an_error_instead_of_a_token_is_not_shown() {
    let received = b"ESESAME is the password\0";
    let error = begun().received(received).unwrap_err();
    let text = "server sent an error response during GSS encryption exchange";
    assert_eq!(error, EncryptionError::in_handshake(text));
}

#[test]
fn what_comes_while_a_token_is_made_is_bounded() {
    let mut gss = begun();
    gss.received(&packet(b"second")).unwrap();
    let mut sent = 0;
    let error = loop {
        match gss.received(&[7; 1000]) {
            Ok(_) => sent += 1000,
            Err(error) => break error,
        }
    };
    assert!(sent > 65_536 && sent <= MAX_HELD_BACK, "{sent}");
    assert!(error.is_in_handshake());
}

#[test]
fn it_does_not_go_on_for_ever() {
    let mut gss = begun();
    let mut rounds = 0;
    while gss.received(&packet(b"more")).is_ok() {
        gss.answer(token(b"more", false), &mut Vec::new()).unwrap();
        rounds += 1;
    }
    assert_eq!(rounds, MAX_ROUNDS);
}

#[test]
fn the_mechanism_can_fail() {
    let mut gss = begun();
    gss.received(&packet(b"second")).unwrap();
    let error = gss.answer(Err("no".to_owned()), &mut Vec::new());
    assert_eq!(error, Err(EncryptionError::in_handshake("no")));
    assert!(gss.is_over());
}

proptest! {
    /// Packets come out as they went in, in whatever pieces; and memory does not grow with what has been used.
    #[test]
    fn packets_survive_any_cut(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..20),
        cuts in prop::collection::vec(1_usize..500, 1..50),
    ) {
        let stream: Vec<u8> = packets.iter().flat_map(|bytes| packet(bytes)).collect();
        let mut gss = open();
        let mut seen = Vec::new();
        let mut rest = &stream[..];
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            gss.received(now).unwrap();
            while let Some(bytes) = gss.next_packet().unwrap() {
                seen.push(bytes.to_vec());
            }
            prop_assert!(gss.input.len() < 304);
            rest = later;
        }
        prop_assert_eq!(seen, packets);
    }
}
