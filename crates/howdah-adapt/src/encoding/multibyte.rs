//! Where the characters of a client encoding begin and end.
//!
//! What the server takes for one character has to be one for us, whatever Python's codec says: a quote that is swallowed by an
//! incomplete character before it ends nothing (CVE-2025-1094).
//!
//! Source: PostgreSQL's `src/common/wchar.c`, the functions `pg_*_mblen` and `pg_*_verifychar`. Where those take any second byte,
//! the encoding's own definition counts, in which no second byte looks like a quote.

use std::ops::RangeInclusive;

/// How many bytes the character at the front of `text` has, in the encoding that Python calls `codec`; `None` if it is
/// incomplete, or none. Encodings that are not named have one byte for each.
pub(crate) fn length(codec: &str, text: &[u8]) -> Option<usize> {
    let first = *text.first()?;
    if first.is_ascii() {
        return Some(1);
    }
    match codec {
        "euc_jp" | "euc_jis_2004" => euc_jp(first, text),
        "euc_kr" | "gb2312" => two(text, EUC, &[EUC]),
        "johab" => johab(first, text),
        "shift_jis" | "shift_jis_2004" => shift_jis(first, text),
        "big5" => two(text, 0x81..=0xfe, &[0x40..=0x7e, EUC]),
        "gbk" => two(text, 0x81..=0xfe, &[0x40..=0x7e, 0x80..=0xfe]),
        "cp949" => two(text, 0x81..=0xfe, &[0x41..=0x5a, 0x61..=0x7a, 0x81..=0xfe]),
        "gb18030" => gb18030(text),
        _ => Some(1),
    }
}

const EUC: RangeInclusive<u8> = 0xa1..=0xfe;
const DIGIT: RangeInclusive<u8> = 0x30..=0x39;
const GB: RangeInclusive<u8> = 0x81..=0xfe;

fn two(text: &[u8], first: RangeInclusive<u8>, second: &[RangeInclusive<u8>]) -> Option<usize> {
    let [a, b, ..] = text else {
        return None;
    };
    let fits = first.contains(a) && second.iter().any(|range| range.contains(b));
    fits.then_some(2)
}

fn euc_jp(first: u8, text: &[u8]) -> Option<usize> {
    match first {
        0x8e => two(text, 0x8e..=0x8e, &[0xa1..=0xdf]),
        0x8f => euc_of_three(text),
        _ => two(text, EUC, &[EUC]),
    }
}

fn euc_of_three(text: &[u8]) -> Option<usize> {
    match text {
        [_, b, c, ..] if EUC.contains(b) && EUC.contains(c) => Some(3),
        _ => None,
    }
}

/// The server takes it for a kind of EUC, which is a part of it.
fn johab(first: u8, text: &[u8]) -> Option<usize> {
    match first {
        0x8f => euc_of_three(text),
        _ => two(text, 0x80..=0xff, &[EUC]),
    }
}

fn shift_jis(first: u8, text: &[u8]) -> Option<usize> {
    const SECOND: [RangeInclusive<u8>; 2] = [0x40..=0x7e, 0x80..=0xfc];
    match first {
        0xa1..=0xdf => Some(1),
        0x81..=0x9f => two(text, 0x81..=0x9f, &SECOND),
        _ => two(text, 0xe0..=0xfc, &SECOND),
    }
}

fn gb18030(text: &[u8]) -> Option<usize> {
    match text {
        [a, b, c, d, ..] if DIGIT.contains(b) => {
            (GB.contains(a) && GB.contains(c) && DIGIT.contains(d)).then_some(4)
        }
        _ => two(text, GB, &[0x40..=0x7e, 0x80..=0xfe]),
    }
}
