//! The options that the environment gives `jackfield serve`, and the data folder.

use super::Findings;
use crate::options::Options;
use clap::Parser;
use std::path::Path;

/// `jackfield serve` as the environment has it. Flags of a host that runs are not seen from here.
#[derive(Debug, Parser)]
struct Serve {
    #[command(flatten)]
    options: Options,
}

/// The options of the environment, if `jackfield serve` would take them.
pub(super) fn options(findings: &mut Findings) -> Option<Options> {
    let options = match Serve::try_parse_from(["serve"]) {
        Ok(serve) => serve.options,
        Err(error) => {
            let said = error.to_string();
            let first = said.lines().find(|line| !line.trim().is_empty());
            findings.fail(
                "options",
                first.unwrap_or("the environment cannot be read").to_owned(),
                "mend the variable; `jackfield serve --help` lists them",
            );
            return None;
        }
    };
    let before = findings.0.len();
    for path in &options.trust {
        if let Err(error) = std::fs::read(path) {
            let said = format!("JACKFIELD_TRUST names {}: {error}", path.display());
            findings.fail("options", said, "name a file that the host's user can read");
        }
    }
    if let Some(folder) = &options.plugins
        && let Err(error) = std::fs::read_dir(folder)
    {
        let said = format!("JACKFIELD_PLUGINS names {}: {error}", folder.display());
        findings.fail(
            "options",
            said,
            "name a folder that the host's user can read",
        );
    }
    if options.public_url.is_none() && !options.listen.ip().is_loopback() {
        findings.warn(
            "options",
            format!(
                "the host listens on {} and has no public address",
                options.listen
            ),
            "set JACKFIELD_PUBLIC_URL to where providers and contacts reach it",
        );
    }
    if findings.0.len() == before {
        findings.ok("options", "the environment's options can be used");
    }
    Some(options)
}

/// The folder's owner and permissions.
pub(super) fn folder(data: &Path, findings: &mut Findings) {
    let about = match std::fs::metadata(data) {
        Ok(about) => about,
        Err(error) => {
            let said = format!("{}: {error}", data.display());
            findings.fail("data", said, "check the folder's owner and permissions");
            return;
        }
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if about.mode() & 0o077 != 0 {
            findings.warn(
                "data",
                format!(
                    "others may look into {} (mode {:o})",
                    data.display(),
                    about.mode() & 0o777
                ),
                format!("chmod 700 {}", data.display()),
            );
            return;
        }
    }
    let _ = about;
    findings.ok("data", format!("{} is its owner's alone", data.display()));
}
