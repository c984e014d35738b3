//! How much a host takes upon itself: settings, and what follows from the machine where they say
//! nothing.
//!
//! What must hold: every figure is finite, and the memory that all of them allow together is a
//! part of what the machine, or the control group in which the host runs, has.

use clap::Args;
use jackfield_engine::RoomOptions;
use jackfield_messaging::LARGEST_FILE;
use std::num::NonZeroUsize;
use std::path::Path;

/// The memory of a machine that does not say how much it has, in bytes.
const UNKNOWN: u64 = 2 << 30;
/// Of the memory, runs may have one part of so many, and request bodies another.
const PART: u64 = 16;
/// What is reckoned for a run that is driven: its task, its data, what it is about to commit.
const RUN: u64 = 128 << 10;
/// Runs driven at once where nothing is said: bounds of what follows from the memory. More than
/// some thousands gain nothing, because fewer plugins than that are active at once.
const RUNS: (u64, u64) = (256, 4_096);
/// The same of bytes of request bodies. Two uploads of the largest plugin fit.
const BODIES: (u64, u64) = (128 << 20, 1 << 30);

/// How much is done at once, and what happens beyond it.
#[derive(Debug, Clone, Args)]
pub struct LoadOptions {
    /// How many runs are driven at the same time; the others stand in line [default: by the
    /// machine's memory, 256 to 4096]
    #[arg(long, env = "JACKFIELD_MAX_RUNS", value_name = "N")]
    pub max_runs: Option<NonZeroUsize>,

    /// How many runs may stand in line before new ones are refused
    #[arg(
        long,
        env = "JACKFIELD_MAX_IN_LINE",
        default_value_t = RoomOptions::default().in_line,
        value_name = "N"
    )]
    pub max_in_line: usize,

    /// How many bytes of request bodies may be in memory [default: by the machine's memory, 128 MiB
    /// to 1 GiB]
    #[arg(long, env = "JACKFIELD_MAX_BODY_BYTES", value_name = "BYTES")]
    pub max_body_bytes: Option<u64>,

    /// How large a file of a workspace may be, at most 64 MiB
    #[arg(
        long,
        env = "JACKFIELD_MAX_FILE_BYTES",
        default_value_t = LoadOptions::default().max_file_bytes,
        value_parser = clap::value_parser!(u32).range(1..=LARGEST_FILE as i64),
        value_name = "BYTES"
    )]
    pub max_file_bytes: u32,

    /// With fewer free bytes on the disk of the data folder, /readyz says that the host is not ready
    #[arg(
        long,
        env = "JACKFIELD_DISK_RESERVE",
        default_value_t = LoadOptions::default().disk_reserve,
        value_name = "BYTES"
    )]
    pub disk_reserve: u64,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            max_runs: None,
            max_in_line: RoomOptions::default().in_line,
            max_body_bytes: None,
            max_file_bytes: 20 << 20,
            disk_reserve: 256 << 20,
        }
    }
}

impl LoadOptions {
    /// The engine's part.
    #[must_use]
    pub fn room(&self) -> RoomOptions {
        let by_memory = (memory() / PART / RUN).clamp(RUNS.0, RUNS.1);
        RoomOptions {
            driven: self.max_runs.map_or_else(
                || usize::try_from(by_memory).unwrap_or(usize::MAX),
                NonZeroUsize::get,
            ),
            in_line: self.max_in_line,
        }
    }

    /// Bytes of request bodies.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.max_body_bytes
            .unwrap_or_else(|| (memory() / PART).clamp(BODIES.0, BODIES.1))
    }
}

/// The memory that the host may use, in bytes: that of the machine, or of its control group.
fn memory() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total_in(&text));
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = group_in(&groups)
        .and_then(|group| {
            limit_of(&Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/')))
        })
        .or_else(|| limit_of(Path::new("/sys/fs/cgroup")));
    machine.into_iter().chain(group).min().unwrap_or(UNKNOWN)
}

/// What `/proc/meminfo` says of the whole machine.
fn total_in(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1_024)
}

/// The group of version 2 that `/proc/self/cgroup` names.
fn group_in(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::"))
}

/// A group's limit, if it has one.
fn limit_of(group: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(group.join("memory.max")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_follows_from_the_memory_within_bounds() {
        let options = LoadOptions::default();
        let driven = u64::try_from(options.room().driven).unwrap();
        assert!((RUNS.0..=RUNS.1).contains(&driven), "{driven}");
        assert!((BODIES.0..=BODIES.1).contains(&options.body_bytes()));
        let said = LoadOptions {
            max_runs: NonZeroUsize::new(3),
            max_body_bytes: Some(7),
            ..options
        };
        assert_eq!((said.room().driven, said.body_bytes()), (3, 7));
    }

    #[test]
    fn the_memory_is_read_from_what_the_kernel_says() {
        let meminfo = "MemTotal:       24560868 kB\nMemFree:        17 kB\n";
        assert_eq!(total_in(meminfo), Some(24_560_868 * 1_024));
        assert_eq!(total_in("MemFree: 17 kB\n"), None);
        assert_eq!(
            group_in("1:name=x:/a\n0::/system.slice/b\n"),
            Some("/system.slice/b")
        );
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(limit_of(folder.path()), None);
        for (text, limit) in [("max\n", None), ("536870912\n", Some(536_870_912))] {
            std::fs::write(folder.path().join("memory.max"), text).unwrap();
            assert_eq!(limit_of(folder.path()), limit);
        }
    }
}
