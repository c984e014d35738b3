//! `jackfield plugin test` and `check`: a plugin's cases in the sandbox of production, and the rules
//! that every plugin keeps. No host runs for it.

use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::progress;
use crate::cli::table::print_json;
use crate::cli::text::{self, Paint};
use jackfield_authoring::Project;
use jackfield_egress::{AddressRule, Egress, Options, Secret};
use jackfield_trial::case::{self, Found};
use jackfield_trial::check::{Finding, Verdict, check};
use jackfield_trial::{Bench, Outside, Tried};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What is tried, and with which cases.
#[derive(Debug, clap::Args)]
pub(crate) struct What {
    /// The project's folder, which is built first, or a component (.wasm)
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// The cases: files, or folders of them; `cases` in the project's folder, where they are left out
    #[arg(long, value_name = "PATH")]
    cases: Vec<PathBuf>,
    /// Takes the component of the last build
    #[arg(long)]
    no_build: bool,
    /// Addresses that are not global and may be called all the same, such as `127.0.0.0/8`
    #[arg(long, value_name = "RULE")]
    allow_address: Vec<AddressRule>,
}

/// `plugin test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    #[command(flatten)]
    what: What,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Does the calls of cases that expect nothing yet for real, and writes what came of it into
    /// their files
    #[arg(long)]
    record: bool,
    /// A secret for recording, as `NAME=VALUE` or `NAME=@FILE`; it is not written anywhere
    #[arg(long, value_name = "NAME=VALUE", requires = "record")]
    secret: Vec<String>,
}

/// `plugin check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    what: What,
}

/// A file with its cases.
struct File {
    path: PathBuf,
    text: String,
    found: Vec<Found>,
}

/// What was opened.
struct Opened {
    name: String,
    bench: Bench,
    egress: Egress,
    files: Vec<File>,
    needs: Option<Vec<String>>,
}

async fn open(what: What) -> Result<Opened, Failure> {
    let (file, folder, needs) = if what.plugin.is_dir() {
        let project = Project::of(&what.plugin).map_err(super::project::refused)?;
        let needs = Some(project.needs.clone());
        let file = if what.no_build {
            project.folder.join(format!("{}.wasm", project.name))
        } else {
            super::project::built(project).await?.file
        };
        (file, Some(what.plugin), needs)
    } else {
        (what.plugin, None, None)
    };
    let mut paths = what.cases;
    if let (true, Some(folder)) = (paths.is_empty(), folder) {
        paths.extend(Some(folder.join("cases")).filter(|cases| cases.exists()));
    }
    let shown = file.display().to_string();
    let bytes = input::bytes(&shown)?;
    let egress = Egress::new(Options {
        allow_addresses: what.allow_address,
        ..Options::default()
    })
    .map_err(|error| Failure::Failed(error.to_string()))?;
    let spinner = progress::spinner(&format!("compiling {shown}"));
    let cache = cache_folder()?;
    let bench = Bench::open(bytes, cache.path(), egress.clone()).await;
    spinner.finish_and_clear();
    let bench = bench.map_err(|error| Failure::Invalid(format!("{shown}: {error}")))?;
    let mut files = Vec::new();
    for path in case_files(&paths)? {
        let shown = path.display().to_string();
        let text = input::text(&shown)?;
        let found = case::read(&shown, &text).map_err(|error| Failure::Usage(error.to_string()))?;
        files.push(File { path, text, found });
    }
    Ok(Opened {
        name: bench.descriptor["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        bench,
        egress,
        files,
        needs,
    })
}

/// Where compiled components are kept between two commands: the user's own folder, because what
/// stands there is run. Where there is none, a folder that is gone afterwards.
enum CacheFolder {
    Kept(PathBuf),
    Gone(tempfile::TempDir),
}

impl CacheFolder {
    fn path(&self) -> &Path {
        match self {
            CacheFolder::Kept(path) => path,
            CacheFolder::Gone(folder) => folder.path(),
        }
    }
}

fn cache_folder() -> Result<CacheFolder, Failure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")));
    match folder {
        Some(folder) => Ok(CacheFolder::Kept(folder.join("jackfield/components"))),
        None => tempfile::tempdir()
            .map(CacheFolder::Gone)
            .map_err(|error| Failure::Failed(format!("no temporary folder: {error}"))),
    }
}

/// The files of cases, in the order of their names.
fn case_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unread = |error| Failure::Usage(format!("{} cannot be read: {error}", path.display()));
        let mut within = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unread)? {
            let file = entry.map_err(unread)?.path();
            let kind = file.extension().and_then(|it| it.to_str());
            if matches!(kind, Some("yaml" | "yml" | "json")) {
                within.push(file);
            }
        }
        within.sort();
        files.extend(within);
    }
    Ok(files)
}

pub(crate) async fn test(json: bool, test: Test) -> Result<(), Failure> {
    let mut secrets = std::collections::HashMap::new();
    for given in &test.secret {
        let (name, value) = given
            .split_once('=')
            .ok_or_else(|| Failure::Usage("a secret is given as NAME=VALUE".to_owned()))?;
        let value = match value.strip_prefix('@') {
            Some(file) => input::text(file)?.trim_end().to_owned(),
            None => value.to_owned(),
        };
        secrets.insert(name.to_owned(), Secret::new(value));
    }
    let opened = open(test.what).await?;
    let outside = Outside {
        egress: opened.egress.clone(),
        secrets,
    };
    let mut all = Vec::new();
    let mut recorded = Vec::new();
    for file in &opened.files {
        let mut text = file.text.clone();
        // From the last to the first, so that places before it stay where they are.
        let mut of_file = Vec::new();
        for found in file.found.iter().rev() {
            let case = &found.case;
            let wanted = test
                .only
                .as_ref()
                .is_none_or(|only| case.name.contains(only));
            if !wanted {
                continue;
            }
            let recording = test.record && case.expect.is_none();
            let tried = opened.bench.run(case, recording.then_some(&outside)).await;
            if recording && tried.passed() {
                let with_calls = case.calls.is_none();
                insert(&mut text, found.place.end, &tried.recorded(with_calls));
                recorded.push(case.name.clone());
            }
            of_file.push(tried);
        }
        of_file.reverse();
        all.extend(of_file);
        if text != file.text {
            std::fs::write(&file.path, text).map_err(|error| {
                Failure::Failed(format!(
                    "{} cannot be written: {error}",
                    file.path.display()
                ))
            })?;
        }
    }
    let failed = all.iter().filter(|tried| !tried.passed()).count();
    if json {
        print_json(&json!({"plugin": opened.name, "cases": all, "recorded": recorded}));
    } else {
        for tried in &all {
            print!("{}", in_words(tried));
        }
        for name in &recorded {
            println!("recorded: {}", text::line(name, 120));
        }
        println!("{} passed, {failed} failed", all.len() - failed);
    }
    if all.is_empty() {
        return Err(Failure::Usage(format!(
            "there is no case to run; write one into the folder `cases` beside the project's \
             jackfield.toml, such as:\n{EXAMPLE}"
        )));
    }
    if failed > 0 {
        return Err(Failure::Invalid(format!(
            "{failed} of {} cases failed",
            all.len()
        )));
    }
    Ok(())
}

/// The shortest case.
const EXAMPLE: &str =
    "  settings: {greeting: Hello}\n  expect: {done: {output: {text: Hello there}}}";

/// Puts text at the end of a case's text.
fn insert(text: &mut String, end: usize, addition: &str) {
    let lacks_break = !text[..end].ends_with('\n');
    text.insert_str(end, addition);
    if lacks_break {
        text.insert(end, '\n');
    }
}

fn in_words(tried: &Tried) -> String {
    let paint = Paint::for_stdout();
    let sign = if tried.passed() {
        paint.green("ok    ")
    } else {
        paint.red("FAILED")
    };
    let mut out = format!("{sign} {}\n", text::line(&tried.name, 120));
    for activation in &tried.activations {
        let usage = &activation.usage;
        let us = u64::try_from(usage.duration.as_micros()).unwrap_or(u64::MAX);
        out.push_str(&paint.dim(&format!(
            "       {:<8} {:>12} fuel  {:>9}  {:>8}\n",
            activation.function,
            text::count(usage.fuel),
            text::bytes(usage.memory_peak),
            text::micros(us)
        )));
    }
    for problem in &tried.problems {
        out.push_str(&format!("       {}\n", text::line(problem, 2_000)));
    }
    if !tried.passed() {
        for line in tried.activations.iter().flat_map(|it| &it.log) {
            out.push_str(&format!("       log: {}\n", text::line(line, 200)));
        }
    }
    out
}

pub(crate) async fn conforms(json: bool, given: Check) -> Result<(), Failure> {
    let opened = open(given.what).await?;
    let cases: Vec<_> = opened
        .files
        .into_iter()
        .flat_map(|file| file.found)
        .map(|found| found.case)
        .collect();
    let findings = check(&opened.bench, &cases, opened.needs.as_deref()).await;
    let broken = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Broken)
        .count();
    if json {
        print_json(&json!({"plugin": opened.name, "rules": findings}));
    } else {
        findings.iter().for_each(print_finding);
    }
    if broken > 0 {
        return Err(Failure::Invalid(format!(
            "{} breaks {broken} rule(s)",
            opened.name
        )));
    }
    Ok(())
}

fn print_finding(finding: &Finding) {
    let paint = Paint::for_stdout();
    let sign = match finding.verdict {
        Verdict::Kept => paint.green("kept     "),
        Verdict::Broken => paint.red("BROKEN   "),
        Verdict::NotTried => paint.yellow("not tried"),
    };
    println!("{sign} {:<17} {}", finding.rule, finding.means);
    for reason in &finding.because {
        println!("          {}", text::line(reason, 2_000));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_goes_to_the_end_of_its_case() {
        let mut text = "settings: {}\n---\nsettings: {a: 1}".to_owned();
        let end = text.len();
        insert(&mut text, end, "expect: {}\n");
        insert(&mut text, 13, "expect: {}\n");
        assert_eq!(
            text,
            "settings: {}\nexpect: {}\n---\nsettings: {a: 1}\nexpect: {}\n"
        );
    }
}
