//! What a fuzzer does with its input, one function for each family of types.
//!
//! Used from two places: the targets in `fuzz/`, and `seeds.rs`, which replays what is in `fuzz/seeds`. The input goes
//! to every decoder of the family in both formats. A value that was read is written and read again, and has to be the
//! same; a reader that hands out parts has to end.

mod containers;
mod memory;
mod scalars;

use howdah_types::DecodeError;

use containers::{arrays, composites, hstores, ranges, transcode};
use scalars::{datetime, geometry, network, numbers, search, text};

type Target = fn(&[u8]);

/// A target by its name, which is that of its folder of seeds too.
pub(crate) const TARGETS: [(&str, Target); 11] = [
    ("arrays", arrays),
    ("composites", composites),
    ("datetime", datetime),
    ("geometry", geometry),
    ("hstores", hstores),
    ("network", network),
    ("numbers", numbers),
    ("ranges", ranges),
    ("search", search),
    ("text", text),
    ("transcode", transcode),
];

/// How many times the length of its input a target may hold in memory at once, what it writes itself included.
pub(crate) const MEMORY: usize = 64;
/// The same where values of `numeric` are written out: ten bytes can stand for 131072 digits.
const MEMORY_OF_NUMERICS: usize = 32_000;
/// What comes on top, of which the longest text of a single `numeric` needs most.
const MEMORY_OF_ANY: usize = 1 << 20;

/// Runs a target.
///
/// # Panics
/// The target does, or it took more memory than [`MEMORY`] allows.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS
        .iter()
        .find(|(target, _)| *target == name)
        .expect("a target");
    let multiple = if name == "transcode" && containers::has_numerics(data) {
        MEMORY_OF_NUMERICS
    } else {
        MEMORY
    };
    let peak = memory::peak_of(|| target(data));
    let limit = multiple * data.len() + MEMORY_OF_ANY;
    assert!(
        peak <= limit,
        "{name}: {peak} bytes of memory for {} bytes of input",
        data.len()
    );
}

/// The bytes that `write` appends.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// What was read is written, read again, and is the same.
fn again<T: PartialEq + std::fmt::Debug>(
    value: Result<T, DecodeError>,
    write: impl Fn(&T, &mut Vec<u8>),
    read: impl Fn(&[u8]) -> Result<T, DecodeError>,
) {
    if let Ok(value) = value {
        let bytes = written(|out| write(&value, out));
        assert_eq!(read(&bytes), Ok(value));
    }
}

/// Reads to the end, which has to come before there are more parts than bytes.
fn drain<R, T>(
    reader: Result<R, DecodeError>,
    length: usize,
    next: impl Fn(&mut R) -> Result<Option<T>, DecodeError>,
    mut part: impl FnMut(T),
) -> Result<(), DecodeError> {
    let mut reader = reader?;
    for _ in 0..=length + 1 {
        match next(&mut reader)? {
            Some(value) => part(value),
            None => return Ok(()),
        }
    }
    panic!("the reader does not end");
}
