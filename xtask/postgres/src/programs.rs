//! Where PostgreSQL's programs are, and as whom they run.

use crate::Error;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of `initdb`, `postgres` and `psql`, where they are in none of the usual places.
pub const VARIABLE: &str = "JACKFIELD_POSTGRES_BIN";
/// Where Debian and Ubuntu put each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Without these there is no server.
const NEEDED: &[&str] = &["initdb", "postgres", "psql", "createdb", "pg_isready"];

/// The folder of the programs.
#[derive(Debug)]
pub(crate) struct Programs(PathBuf);

impl Programs {
    pub(crate) fn find() -> Result<Programs, Error> {
        let named = std::env::var_os(VARIABLE).map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        named
            .into_iter()
            .chain(std::env::split_paths(&path))
            .chain(debian())
            .find(|folder| NEEDED.iter().all(|name| folder.join(name).is_file()))
            .map(Programs)
            .ok_or(Error::Missing)
    }

    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }
}

/// Debian's folders, the newest version first.
fn debian() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, path)| path).collect()
}

/// The user that the server runs as when we are root.
#[derive(Debug)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// None if we are not root: then the server is ours.
    pub(crate) fn for_server() -> Result<Option<User>, Error> {
        if std::fs::metadata("/proc/self")?.uid() != 0 {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        let found = ["postgres", "nobody"]
            .iter()
            .find_map(|name| users.lines().find_map(|line| entry(line, name)));
        match found {
            Some(user) => Ok(Some(user)),
            None => Err(Error::Failed {
                what: "finding a user for PostgreSQL, which refuses to run as root,".into(),
                said: "/etc/passwd has neither `postgres` nor `nobody`".into(),
            }),
        }
    }

    /// Makes the file or folder the user's.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }

    /// The program, run as the user.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", self.uid))
            .arg(format!("--regid={}", self.gid))
            .arg("--clear-groups")
            .arg("--")
            .arg(program);
        command
    }
}

/// `name:x:uid:gid:…`
fn entry(line: &str, name: &str) -> Option<User> {
    let mut fields = line.split(':');
    (fields.next()? == name).then_some(())?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User { uid, gid })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_users_file_is_read() {
        let line = "nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin";
        let user = entry(line, "nobody").unwrap();
        assert_eq!((user.uid, user.gid), (65_534, 65_533));
        assert!(entry(line, "no").is_none());
        assert!(entry("nobody:x", "nobody").is_none());
    }
}
