//! SCRAM as a server likes it: whatever it says, the client's side ends, and only a proof is taken for one.

use howdah_protocol::auth::Password;
use howdah_protocol::auth::scram::{self, DeriveKey, Derived};

/// Short, so that a fuzzer finds it.
const NONCE: &str = "n";
/// More slices of the derivation take too long here.
const SLICES: usize = 2;

/// The input is the server-first-message; behind a NUL, the server-final-message.
pub(super) fn scram(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let first = parts.next().unwrap_or_default();
    let last = parts.next().unwrap_or_default();
    let password = Password::new("p\u{e4}ss\u{ad}word");
    let (_, next) = scram::begin(
        "",
        &password,
        scram::Keys::default(),
        NONCE,
        &scram::Binding::Unsupported,
    )
    .expect("a nonce that can be sent");
    let Ok(derive) = next.server_first(first) else {
        return;
    };
    let text = String::from_utf8_lossy(first);
    assert!(text.starts_with("r=n") && text.contains(",s=") && text.contains(",i="));
    let Some((message, next)) = finish(derive) else {
        return;
    };
    assert!(message.starts_with(b"c=biws,r=n"));
    if next.server_final(last).is_ok() {
        let text = String::from_utf8_lossy(last);
        let proof = text
            .strip_prefix("v=")
            .and_then(|text| text.split(',').next());
        // 32 bytes in base64.
        assert_eq!(proof.map(str::len), Some(44));
    }
}

fn finish(mut derive: DeriveKey) -> Option<(Vec<u8>, scram::ExpectServerFinal)> {
    for _ in 0..SLICES {
        match derive.step() {
            Derived::Done(message, next) => return Some((message, next)),
            Derived::More(more) => derive = more,
        }
    }
    None
}
