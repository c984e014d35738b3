//! Room on the disk, for bytes and for files.

use super::{Findings, Local, bytes};
use crate::options::Options;
use std::path::Path;

/// Below so many bytes commits may fail at any moment.
const NO_ROOM: u64 = 256 << 20;
/// Below so many bytes it is time to do something.
const LITTLE_ROOM: u64 = 2 << 30;
/// Below so many hundredths of the files that a disk can have it is time to do something.
const FEW_FILES: u64 = 5;

/// Looks at the disks of the data folder and the archive.
pub(super) fn look(local: &Local, options: Option<&Options>, findings: &mut Findings) {
    disk(&local.data, findings);
    if let Some(archive) = options.and_then(|options| options.retention.archive.as_ref())
        && archive.is_dir()
    {
        disk(archive, findings);
    }
}

#[cfg(unix)]
fn disk(path: &Path, findings: &mut Findings) {
    let found = match rustix::fs::statvfs(path) {
        Ok(found) => found,
        Err(error) => {
            findings.warn(
                "disk",
                format!("{}: {error}", path.display()),
                "check the folder",
            );
            return;
        }
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let said = format!("{} free under {}", bytes(free), path.display());
    let advice =
        "make room, or keep less: `jackfield serve --retention-runs`, --retention-messages";
    match free {
        0..NO_ROOM => findings.fail("disk", said, advice),
        NO_ROOM..LITTLE_ROOM => findings.warn("disk", said, advice),
        _ => findings.ok("disk", said),
    }
    // Some file systems make room for files as they are needed, and say 0.
    let hundredths = found.f_favail.saturating_mul(100);
    if let Some(hundredths) = hundredths.checked_div(found.f_files) {
        let said = format!(
            "{hundredths} % of the inodes under {} are free",
            path.display()
        );
        if hundredths < FEW_FILES {
            findings.warn("inodes", said, "remove files that nobody needs");
        } else {
            findings.ok("inodes", said);
        }
    }
}

#[cfg(not(unix))]
fn disk(_: &Path, _: &mut Findings) {}
