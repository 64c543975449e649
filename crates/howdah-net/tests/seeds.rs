//! Replays the seeds of the fuzz targets: what is right, what is cut or lies, and what fuzzing has found. A panic fails the
//! test, and so does more memory than the input can account for.

mod fuzzing;
#[path = "../../../fuzz/seeds.rs"]
mod seeds;

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use seeds::seeds;

#[test]
fn every_seed_whole_and_cut_and_given_to_every_target() {
    for (target, ..) in fuzzing::TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
        for seed in seeds {
            let data = fs::read(&seed).expect("a readable seed");
            // The name is shown only if the test fails.
            println!("{}", seed.display());
            for length in 0..data.len().min(20) {
                fuzzing::run(target, &data[..length]);
            }
            for (other, ..) in fuzzing::TARGETS {
                fuzzing::run(other, &data);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Other places each time.
    #[test]
    fn somebody_on_the_way(choice in any::<[u8; 5]>(), words in vec(any::<u8>(), 0..100)) {
        fuzzing::run("tunnel", &[&choice[..], &words].concat());
    }

    /// The seeds, with a piece of them replaced.
    #[test]
    fn files_with_a_hole(seed in any::<usize>(), at in any::<usize>(), piece in vec(any::<u8>(), 1..6)) {
        let seeds = seeds("certificates");
        let mut data = fs::read(&seeds[seed % seeds.len()]).expect("a readable seed");
        let at = at % data.len();
        let end = data.len().min(at + piece.len());
        data.splice(at..end, piece);
        fuzzing::run("certificates", &data);
    }
}
