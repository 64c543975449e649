//! Replays the seeds of the fuzz targets: what is right, what is cut or lies, and what fuzzing has found. A panic fails the
//! test, and so does more memory than the input can account for.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "the seeds are files"
)]

mod fuzzing;
#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use seeds::seeds;

#[test]
fn every_seed_whole_and_cut_and_given_to_every_target() {
    for (target, _) in fuzzing::TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
        for seed in seeds {
            let data = fs::read(&seed).expect("a readable seed");
            // The name is shown only if the test fails.
            println!("{}", seed.display());
            for length in 0..data.len().min(100) {
                fuzzing::run(target, &data[..length]);
            }
            for (other, _) in fuzzing::TARGETS {
                fuzzing::run(other, &data);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Other sequences each time.
    #[test]
    fn operations_on_a_session(operations in vec(any::<u8>(), 0..200)) {
        fuzzing::run("session", &operations);
    }
}
