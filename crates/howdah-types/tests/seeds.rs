//! Replays the seeds of the fuzz targets: what a server sends, what is cut, contradicts itself or is deep, and what
//! fuzzing has found. A panic fails the test, and so does more memory than the input can account for.

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

use seeds::seeds;

#[test]
fn every_seed() {
    for (target, _) in fuzzing::TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
        for seed in seeds {
            let data = fs::read(&seed).expect("a readable seed");
            // The name is shown only if the test fails.
            println!("{}", seed.display());
            fuzzing::run(target, &data);
        }
    }
}

/// Every beginning of a seed is one too, and every seed is given to every target.
#[test]
fn seeds_cut_and_swapped() {
    for (target, _) in fuzzing::TARGETS {
        for seed in seeds(target) {
            let data = fs::read(&seed).expect("a readable seed");
            println!("{}", seed.display());
            for length in 0..data.len().min(48) {
                fuzzing::run(target, &data[..length]);
            }
            for (other, _) in fuzzing::TARGETS {
                fuzzing::run(other, &data);
            }
        }
    }
}
