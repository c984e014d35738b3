//! Mutations of the seeds, without any tool: what a fuzzer would try first, in every test run.
//!
//! libFuzzer looks for new ways through the code and is far better at it (`cargo xtask fuzz`); this
//! needs no other build than that of the tests. A run is the same every time: the inputs follow from
//! a fixed number. `JACKFIELD_FUZZ_SECONDS=300 cargo test -p jackfield-fuzz-targets` gives each target
//! so long, and `JACKFIELD_FUZZ_SEED=7` begins elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_fuzz_targets::{TARGETS, Target};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Each target has so long, where nobody says otherwise.
const TIME: Duration = Duration::from_secs(1);
/// So long one input may take, in a build without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// No input grows beyond this, in bytes.
const LONGEST: usize = 16 << 10;

/// What readers of text trip over.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "$",
    "${",
    "${a|",
    "$$",
    "|",
    ".",
    "..",
    ",",
    ":",
    "-",
    "+",
    "@",
    "%",
    "%%",
    "&",
    "&#",
    "&#x110000;",
    "<",
    ">",
    "<!--",
    "-->",
    "</",
    "<script>",
    "*a",
    "!!",
    "? ",
    "- ",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "😀",
    "null",
    "true",
    "0",
    "-0",
    "1e999",
    "9223372036854775808",
    "18446744073709551616",
    "0.1",
    "{\"not\":",
    "\n%%\n",
];

/// Numbers that follow from the one before (xorshift64*): no test needs better ones.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end.max(1)
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds"));
    let entries = fs::read_dir(root.join(target)).unwrap().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A seed with one to four changes.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(24)).min(input.len());
        match random.below(6) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < end => drop(input.drain(at..end)),
            2 if at < end => {
                let piece = input[at..end].repeat(1 + random.below(40));
                input.splice(at..at, piece);
            }
            3 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            4 => drop(input.splice(at..at, [u8::try_from(random.below(256)).unwrap()])),
            _ => {
                let token = TOKENS[random.below(TOKENS.len())].as_bytes();
                input.splice(at..at, token.iter().copied());
            }
        }
        input.truncate(LONGEST);
    }
    input
}

/// Tries for so long; gives how many inputs, and the first that breaks the target.
fn fuzz(name: &str, target: Target, seed: u64, time: Duration) -> Result<usize, String> {
    let seeds = seeds(name);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let began = Instant::now();
    let mut tried = 0;
    while began.elapsed() < time {
        let input = mutated(&seeds, &mut random);
        let start = Instant::now();
        let well = catch_unwind(AssertUnwindSafe(|| target(&input))).is_ok();
        if !well || start.elapsed() > PATIENCE {
            let artifacts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/artifacts");
            let folder = Path::new(artifacts).join(name);
            fs::create_dir_all(&folder).unwrap();
            let file = folder.join(format!("mutation-{seed}-{tried}"));
            fs::write(&file, &input).unwrap();
            return Err(format!(
                "{name}: {} breaks it or takes {:?}",
                file.display(),
                start.elapsed()
            ));
        }
        tried += 1;
    }
    Ok(tried)
}

#[test]
fn no_mutation_of_a_seed_breaks_a_target() {
    let asked = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let time = asked("JACKFIELD_FUZZ_SECONDS").map_or(TIME, Duration::from_secs);
    let seed = asked("JACKFIELD_FUZZ_SEED").unwrap_or(20_261_121);
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        match fuzz(name, *target, seed, time) {
            Ok(tried) => println!("{name}: {tried} inputs"),
            Err(said) => broken.push(said),
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
