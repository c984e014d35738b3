//! Every seed, and everything that a fuzzer has found on this machine, once through its target.
//!
//! A crash that `cargo xtask fuzz` finds lies in `fuzz/artifacts/TARGET`; it fails this test until
//! it is mended. Then it moves to `fuzz/seeds/TARGET`, named after what was wrong.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_fuzz_targets::TARGETS;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So long one input may take, in a build without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn fuzz() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

#[test]
fn no_seed_and_nothing_that_was_found_breaks_a_target() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let seeds = files(&fuzz().join("seeds").join(name));
        assert!(!seeds.is_empty(), "fuzz/seeds/{name} has no seeds");
        for file in seeds
            .into_iter()
            .chain(files(&fuzz().join("artifacts").join(name)))
        {
            let input = fs::read(&file).unwrap();
            let began = Instant::now();
            if std::panic::catch_unwind(|| target(&input)).is_err() {
                broken.push(format!("{} breaks {name}", file.display()));
            }
            if began.elapsed() > PATIENCE {
                broken.push(format!("{} takes {:?}", file.display(), began.elapsed()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_target_has_a_program_and_every_program_a_target() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let programs: BTreeSet<String> = files(&fuzz().join("fuzz_targets"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(programs, known);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in known {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
