//! What a fuzzer does with its input, one function for each thing that reads what others have written.
//!
//! Used from two places: the targets in `fuzz/`, and `seeds.rs`, which replays what is in `fuzz/seeds`.

mod certificates;
mod converse;
#[path = "../../../howdah-types/tests/fuzzing/memory.rs"]
mod memory;
mod tunnel;

type Target = fn(&[u8]);

/// A target by its name, which is that of its folder of seeds too, and what it may hold in memory whatever its input.
pub(crate) const TARGETS: [(&str, Target, usize); 2] = [
    // What scrypt may take for the key of a client, and a conversation.
    ("certificates", certificates::certificates, 36 << 20),
    // Buffers of both sides.
    ("tunnel", tunnel::tunnel, 2 << 20),
];

/// How many times the length of its input a target may hold in memory at once, what it writes itself included.
const MEMORY: usize = 64;

/// Runs a target.
///
/// # Panics
/// The target does, or it took more memory than it may.
pub(crate) fn run(name: &str, data: &[u8]) {
    let (_, target, more) = TARGETS
        .iter()
        .find(|(target, ..)| *target == name)
        .expect("a target");
    let peak = memory::peak_of(|| target(data));
    assert!(
        peak <= MEMORY * data.len() + more,
        "{name}: {peak} bytes of memory for {} bytes of input",
        data.len()
    );
}
