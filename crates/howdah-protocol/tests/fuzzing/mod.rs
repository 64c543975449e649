//! What a fuzzer does with its input, one function for each thing that reads what others have written.
//!
//! Used from two places: the targets in `fuzz/`, and `seeds.rs`, which replays what is in `fuzz/seeds`.

mod conninfo;
mod gss;
#[path = "../../../howdah-types/tests/fuzzing/memory.rs"]
mod memory;
mod pgoutput;
mod scram;
mod session;
mod startup;
mod wire;

type Target = fn(&[u8]);

/// A target by its name, which is that of its folder of seeds too.
pub(crate) const TARGETS: [(&str, Target); 7] = [
    ("conninfo", conninfo::conninfo),
    ("gss", gss::gss),
    ("pgoutput", pgoutput::pgoutput),
    ("scram", scram::scram),
    ("session", session::session),
    ("startup", startup::startup),
    ("wire", wire::wire),
];

/// How many times the length of its input a target may hold in memory at once, what it writes itself included.
pub(crate) const MEMORY: usize = 64;
/// The same where the input is operations: three bytes queue a statement, and both sides remember it.
const MEMORY_OF_OPERATIONS: usize = 1_000;
/// What comes on top.
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
    let peak = memory::peak_of(|| target(data));
    let multiple = if name == "session" {
        MEMORY_OF_OPERATIONS
    } else {
        MEMORY
    };
    let limit = multiple * data.len() + MEMORY_OF_ANY;
    assert!(
        peak <= limit,
        "{name}: {peak} bytes of memory for {} bytes of input",
        data.len()
    );
}
