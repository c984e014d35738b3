//! What every benchmark accepts on its command line.
//!
//! All of them take the same options, so that `cargo xtask bench -- OPTIONS` can hand them to each.

use clap::Parser;
use std::time::Duration;

/// The options of a benchmark.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// Print the figures as one list of JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Only show that it works: rounds of half a second and few runs; the figures mean nothing
    #[arg(long)]
    pub quick: bool,
    /// The most waiting runs, and as many timers due at once, up to a million
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    pub up_to: u32,
    /// What `cargo bench` adds and `cargo test` does not: as a test, a benchmark is quick
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Those of this process.
    #[must_use]
    pub fn given() -> Options {
        Options::parse().settled()
    }

    fn settled(mut self) -> Options {
        self.quick |= !self.bench;
        self
    }

    /// How long one side is measured before it is the other's turn.
    #[must_use]
    pub fn round(&self) -> Duration {
        if self.quick {
            Duration::from_millis(500)
        } else {
            Duration::from_secs(5)
        }
    }

    /// How many rounds each side gets; the median one counts.
    #[must_use]
    pub fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_test_runs_is_quick() {
        let given = |words: &[&str]| Options::parse_from(words).settled();
        assert!(given(&["workflow"]).quick);
        assert!(!given(&["workflow", "--bench", "--json"]).quick);
        let quick = given(&["workflow", "--bench", "--quick"]);
        assert!(quick.quick && quick.round() < Duration::from_secs(1));
    }
}
