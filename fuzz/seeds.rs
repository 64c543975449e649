//! The seeds of the fuzz targets, for the tests that replay them.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a target, in order.
pub(crate) fn seeds(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    let entries = fs::read_dir(folder.join(target)).expect("a folder of seeds for each target");
    let mut seeds: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    seeds.sort();
    seeds
}
