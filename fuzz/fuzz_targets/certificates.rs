#![no_main]

#[path = "../../crates/howdah-net/tests/fuzzing/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "every target has a file of its own"
)]
mod fuzzing;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::run("certificates", data));
