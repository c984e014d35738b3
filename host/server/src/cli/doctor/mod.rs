//! `jackfield doctor`: can this host do its work, and if not, what is to be done?
//!
//! It looks from two sides: at the host's API, if one answers, and at the data folder, if it is on
//! this machine. The folder is read beside a host that runs (`SqliteReader`), so most of it works
//! whether the host runs or not; nothing is changed, and no lock is taken that a starting host
//! could meet.
//!
//! Each finding is good, worth a look, or bad, and the last two say what to do. The exit code is
//! that of the worst: 0, 6, 1.

mod clock;
mod configuration;
mod database;
mod disk;
mod host;
mod keys;
mod plugins;
mod work;

use super::client::Connection;
use super::table::print_json;
use super::text::{self, Paint};
use clap::Args;
use database::Database;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// The exit code when something is worth a look.
const LOOK: u8 = 6;

/// What `jackfield doctor` takes.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    to: Connection,

    /// Has the providers asked whether each channel's credentials are good; needs a running host
    #[arg(long)]
    online: bool,

    /// Checks every page of the database also when it is larger than 1 GiB
    #[arg(long)]
    full: bool,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// Good.
    Ok,
    /// Worth a look.
    Warn,
    /// The host cannot do its work, or not for long.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    what: &'static str,
    level: Level,
    said: String,
    /// What to do about it.
    advice: String,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, what: &'static str, said: impl Into<String>) {
        self.add(what, Level::Ok, said, "");
    }

    fn warn(&mut self, what: &'static str, said: impl Into<String>, advice: impl Into<String>) {
        self.add(what, Level::Warn, said, advice);
    }

    fn fail(&mut self, what: &'static str, said: impl Into<String>, advice: impl Into<String>) {
        self.add(what, Level::Fail, said, advice);
    }

    fn add(
        &mut self,
        what: &'static str,
        level: Level,
        said: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.0.push(Finding {
            what,
            level,
            said: text::line(&said.into(), 400),
            advice: text::line(&advice.into(), 400),
        });
    }

    fn worst(&self) -> Level {
        let levels = self.0.iter().map(|finding| finding.level);
        levels.max().unwrap_or(Level::Ok)
    }
}

/// A data folder on this machine, with its database if that can be read.
struct Local {
    data: PathBuf,
    database: Option<Database>,
}

/// Looks at everything and says it.
pub(super) async fn run(doctor: Doctor) -> ExitCode {
    let mut findings = Findings::default();
    let options = configuration::options(&mut findings);
    let runs = host::look(&doctor.to, &mut findings).await;
    let data = &doctor.to.data_dir;
    if data.is_dir() {
        configuration::folder(data, &mut findings);
        let local = Local {
            data: data.clone(),
            database: database::look(data, options.as_ref(), doctor.full, &mut findings).await,
        };
        disk::look(&local, options.as_ref(), &mut findings);
        clock::look(&local, &mut findings).await;
        keys::look(&local, options.as_ref(), &mut findings).await;
        if let Some(database) = &local.database {
            plugins::look(&local, &database.store(), &mut findings).await;
            work::look(&*database.store(), &mut findings).await;
        }
    } else if runs {
        findings.ok(
            "data",
            format!(
                "{} is not on this machine; the host is asked instead",
                data.display()
            ),
        );
        host::contents(&doctor.to, &mut findings).await;
    } else {
        findings.fail(
            "data",
            format!("there is no folder {}", data.display()),
            "--data-dir (JACKFIELD_DATA) says where the data is; `jackfield serve` makes it",
        );
    }
    if doctor.online {
        host::online(&doctor.to, runs, &mut findings).await;
    }
    report(doctor.to.json, &findings);
    match findings.worst() {
        Level::Ok => ExitCode::SUCCESS,
        Level::Warn => ExitCode::from(LOOK),
        Level::Fail => ExitCode::FAILURE,
    }
}

fn report(json: bool, findings: &Findings) {
    if json {
        let list: Vec<Value> = findings.0.iter().map(in_json).collect();
        print_json(&Value::from(list));
        return;
    }
    let paint = Paint::for_stdout();
    for finding in &findings.0 {
        let mark = match finding.level {
            Level::Ok => paint.green("ok  "),
            Level::Warn => paint.yellow("warn"),
            Level::Fail => paint.red("fail"),
        };
        println!("{mark}  {:<14} {}", finding.what, finding.said);
        if !finding.advice.is_empty() {
            println!("{:<21}{}", "", finding.advice);
        }
    }
}

fn in_json(finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Fail => "fail",
    };
    let mut value = json!({"what": finding.what, "level": level, "said": finding.said});
    if !finding.advice.is_empty() {
        value["do"] = finding.advice.clone().into();
    }
    value
}

/// A number of bytes for people.
fn bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
