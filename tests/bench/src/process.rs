//! Processes that a benchmark starts, and how much memory they take.
//!
//! What must hold: nothing that was started here outlives the benchmark.

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to come up: the first start compiles every plugin.
const START: Duration = Duration::from_secs(300);
/// The time between two looks at a process that starts: what is measured is exact to this.
const LOOK: Duration = Duration::from_millis(3);

/// Linux tells times in `/proc` in hundredths of a second (USER_HZ, part of its interface).
const TICKS: f64 = 100.0;

/// A process. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    began: Instant,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has in memory, in MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// All of its pages in memory.
    pub resident: f64,
    /// Those of them that no file backs: what it cannot give back.
    pub own: f64,
}

impl Memory {
    /// From the text of `/proc/PID/status`.
    fn of(status: &str) -> Option<Memory> {
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        Some(Memory {
            resident: kib("VmRSS")? / 1_024.0,
            own: kib("RssAnon")? / 1_024.0,
        })
    }
}

impl Process {
    /// Starts a program, its standard output thrown away.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Result<Process> {
        let began = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| {
                let program = command.get_program().to_string_lossy();
                format!("cannot start {program}; run it as `cargo xtask bench`")
            })?;
        Ok(Process { child, began })
    }

    /// When it was started.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Asks until a GET of this address is answered with success, and says how long after the
    /// start that was.
    ///
    /// # Errors
    /// When it ends instead, or is not ready after minutes.
    pub async fn ready(&mut self, client: &reqwest::Client, url: &str) -> Result<Duration> {
        loop {
            let answer = client.get(url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(self.began.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("the process behind {url} ended with {status}");
            }
            ensure!(self.began.elapsed() < START, "{url} does not come up");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The processor's time that it has used so far, in seconds: unlike the time on the wall it
    /// does not grow with what else the machine does.
    ///
    /// # Errors
    /// Where there is no `/proc`, or the process has ended.
    pub fn worked(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let ticks = ticks(&stat).with_context(|| format!("{path} does not say utime and stime"))?;
        Ok(ticks / TICKS)
    }

    /// What it has in memory now.
    ///
    /// # Errors
    /// Where there is no `/proc`, or the process has ended.
    pub fn memory(&self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        Memory::of(&status).with_context(|| format!("{path} does not say VmRSS and RssAnon"))
    }

    /// Has it end in order, as systemd does.
    ///
    /// # Errors
    /// When it fails.
    pub fn stop(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the process ended with {status}");
        Ok(())
    }
}

/// User's and system's time from the text of `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<f64> {
    // The second field is the program's name, in brackets, whatever is in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// An address of loopback on a port that is free.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<String> {
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    Ok(address.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_time_worked_is_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(ticks(stat), Some(200.0));
        assert_eq!(ticks("7 (a) S"), None);
    }

    #[test]
    fn memory_is_read_from_what_linux_says() {
        let status = "Name:\thost\nVmRSS:\t    2048 kB\nRssAnon:\t    1024 kB\nRssFile:\t 1 kB\n";
        let memory = Memory::of(status).unwrap();
        assert_eq!((memory.resident, memory.own), (2.0, 1.0));
        assert!(Memory::of("Name:\thost\n").is_none());
    }
}
