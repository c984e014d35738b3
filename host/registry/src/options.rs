//! What the caller decides: how much, how long, and whom to trust.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of a fetch or a push.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Allows plain HTTP to other machines than this one.
    pub insecure: bool,
    /// Files with root certificates (PEM) to trust beside those of the system, for servers with a
    /// certificate of their own.
    pub trust: Vec<PathBuf>,
    /// The folder of Docker's `config.json`. None: `DOCKER_CONFIG`, else `~/.docker`.
    pub docker_config: Option<PathBuf>,
    /// How much and how long.
    pub limits: Limits,
}

/// Every limit is finite: the other side may be broken or hostile.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of a component.
    pub bytes: u64,
    /// The most bytes of a manifest.
    pub manifest: u64,
    /// The most bytes of a signature.
    pub signature: u64,
    /// The longest time until a connection stands, TLS included.
    pub connect: Duration,
    /// The longest time in which no byte moves. The head of an answer has to be there whole in it.
    pub idle: Duration,
    /// The longest time for the whole, whatever it consists of.
    pub whole: Duration,
}

impl Default for Limits {
    /// A component of an interpreted language has some 18 MB; registries hold manifests to 4 MiB,
    /// and ours have 2 KiB; a minisign signature has some 300 bytes. Ten minutes for 64 MiB are
    /// 0.9 Mbit/s.
    fn default() -> Self {
        Limits {
            bytes: 64 * 1024 * 1024,
            manifest: 1024 * 1024,
            signature: 4 * 1024,
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(10 * 60),
        }
    }
}
