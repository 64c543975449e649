//! The programs of examples/rust, each of which fails unless the page's promises hold.

#![cfg(all(feature = "derive", feature = "tokio"))]

mod common;

use std::path::PathBuf;
use std::process::Command;

/// Runs the program that was built with this test, or builds it now.
fn run(name: &str) {
    let test = std::env::current_exe().expect("the path of this test");
    let built = test
        .parent()
        .and_then(|deps| deps.parent())
        .map(|folder| folder.join("examples").join(name));
    let mut command = match built.filter(|path| path.exists()) {
        Some(path) => Command::new(path),
        None => cargo_run(name),
    };
    let output = command
        .env("HOWDAH_DSN", common::dsn())
        .output()
        .expect("it can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{name}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    assert!(!output.stdout.is_empty(), "{name} printed nothing");
}

fn cargo_run(name: &str) -> Command {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["run", "--quiet", "--example", name, "--manifest-path"])
        .arg(manifest);
    command
}

macro_rules! programs {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )+

        #[test]
        fn every_program_is_run() {
            let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/rust");
            let entries = std::fs::read_dir(folder).expect("the folder of the examples");
            let mut found: Vec<_> = entries.filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned)).collect();
            found.sort();
            let mut listed = [$(stringify!($name)),+];
            listed.sort_unstable();
            assert_eq!(found, listed);
        }
    };
}

programs! { objects transactions interrupts messages notifications disconnections many types copying following }
