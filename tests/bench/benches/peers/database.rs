//! What the PostgreSQL server that several engines use takes of the machine.

use anyhow::{Context, Result};
use jackfield_postgres_peer::Server;
use std::fs;

/// The server's first process, the parent of all others: each connection is a process.
pub(crate) struct Postmaster(u32);

impl Postmaster {
    pub(crate) fn of(server: &Server) -> Result<Postmaster> {
        let file = server.sql("postgres", "SELECT pg_read_file('postmaster.pid')")?;
        let first = file.lines().next();
        let id = first.and_then(|line| line.trim().parse().ok());
        Ok(Postmaster(
            id.context("PostgreSQL does not say its process id")?,
        ))
    }

    /// The memory of its processes, in MiB. What they share is counted once (the sum of their
    /// proportional shares), for all of them map the same buffers.
    pub(crate) fn memory(&self) -> f64 {
        let kibibytes: u64 = self.family().into_iter().filter_map(share).sum();
        kibibytes as f64 / 1_024.0
    }

    /// The processor's time that the processes which now run have used, in seconds.
    pub(crate) fn worked(&self) -> f64 {
        let nanoseconds: u64 = self.family().into_iter().filter_map(worked).sum();
        nanoseconds as f64 / 1e9
    }

    fn family(&self) -> Vec<u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|&id| id == self.0 || parent(id) == Some(self.0))
            .collect()
    }
}

/// The fourth field of `/proc/ID/stat`; the second is a name in brackets, which may hold anything.
fn parent(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn share(id: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Nanoseconds on a processor: the first field, of a process that has one thread, as PostgreSQL's do.
fn worked(id: u32) -> Option<u64> {
    let statistics = fs::read_to_string(format!("/proc/{id}/schedstat")).ok()?;
    statistics.split_whitespace().next()?.parse().ok()
}
