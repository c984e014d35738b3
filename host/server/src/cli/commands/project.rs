//! `jackfield plugin new`, `build`, `test`, `check` and `inspect`: an author's work on their own
//! machine, for which no host runs and no key is needed.

use super::trial;
use crate::cli::exit::Failure;
use crate::cli::input;
use crate::cli::sources::{self, Reach};
use crate::cli::table::print_json;
use crate::cli::text;
use clap::Subcommand;
use jackfield_authoring::{self as authoring, BuildError, Built, Project};
use jackfield_registry::Source;
use jackfield_sandbox::{Inspection, Interface};
use serde_json::json;
use std::path::PathBuf;

/// What an author does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a plugin's project in a new folder, which builds as it is
    New(New),
    /// Builds the plugin of a project: NAME.wasm in its folder
    Build {
        /// The project's folder
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Runs a plugin's cases in the sandbox, under the limits and the contract of production
    Test(trial::Test),
    /// Holds a plugin against the rules that every plugin keeps, with its cases
    Check(trial::Check),
    /// Says what a component is and may ask for, without running it and without a host
    Inspect {
        /// Where it is: FILE (.wasm), https://…, or oci://HOST/NAME:TAG
        #[arg(value_name = "SOURCE")]
        source: String,
        #[command(flatten)]
        reach: Reach,
    },
}

pub(crate) async fn run(json: bool, command: Command) -> Result<(), Failure> {
    match command {
        Command::New(given) => new(json, given),
        Command::Build { folder } => build(json, folder).await,
        Command::Test(given) => trial::test(json, given).await,
        Command::Check(given) => trial::conforms(json, given).await,
        Command::Inspect { source, reach } => inspect(json, &source, &reach).await,
    }
}

/// `plugin new`.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// The plugin's name, such as `crm-lookup`; also that of the folder
    name: String,
    /// The language
    #[arg(long)]
    lang: authoring::Language,
    /// What it is to be
    #[arg(long, default_value = "step")]
    kind: authoring::Kind,
    /// The imports that it will call, such as `http,contacts`
    #[arg(long, value_delimiter = ',', value_name = "IMPORT,...")]
    needs: Vec<String>,
    /// The folder in which the project's folder is made; this one, where it is left out
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

fn new(json: bool, new: New) -> Result<(), Failure> {
    let folder = new.into.unwrap_or_default().join(&new.name);
    let project = authoring::New {
        name: new.name,
        language: new.lang,
        kind: new.kind,
        needs: new.needs,
    };
    authoring::create(&folder, &project).map_err(|error| match error {
        authoring::NewError::Write { .. } => Failure::Failed(error.to_string()),
        _ => Failure::Usage(error.to_string()),
    })?;
    let shown = folder.display().to_string();
    if json {
        print_json(&json!({"name": project.name, "folder": shown}));
        return Ok(());
    }
    let name = &project.name;
    println!("{shown} is made. Go on with:");
    println!(
        "  cd {shown} && {}   # its tests, without a host",
        new.lang.tests()
    );
    println!("  jackfield plugin test {shown}   # builds it, and tries its cases in the sandbox");
    println!("  jackfield plugin install {shown}/{name}.wasm --grant");
    Ok(())
}

async fn build(json: bool, folder: PathBuf) -> Result<(), Failure> {
    let project = Project::of(&folder).map_err(refused)?;
    let built = built(project).await?;
    let file = built.file.display().to_string();
    if json {
        print_json(&json!({"file": file, "size": built.size, "imports": built.imports}));
    } else {
        let calls = if built.imports.is_empty() {
            "nothing of the host".to_owned()
        } else {
            built.imports.join(", ")
        };
        println!("{file}: {}, calls {calls}", text::bytes(built.size));
    }
    Ok(())
}

/// Builds a project.
pub(crate) async fn built(project: Project) -> Result<Built, Failure> {
    tokio::task::spawn_blocking(move || authoring::build(&project))
        .await
        .map_err(|error| Failure::Failed(error.to_string()))?
        .map_err(refused)
}

/// Why there is no project, or no component of it.
pub(crate) fn refused(error: BuildError) -> Failure {
    match error {
        BuildError::NoProject(_) | BuildError::Manifest { .. } => Failure::Usage(error.to_string()),
        BuildError::Undeclared { .. } | BuildError::Component(_) => {
            Failure::Invalid(error.to_string())
        }
        _ => Failure::Failed(error.to_string()),
    }
}

/// What a component is and may ask for, wherever it is.
async fn inspect(json: bool, file: &str, reach: &Reach) -> Result<(), Failure> {
    let bytes = match file.parse() {
        Ok(Source::Url(_) | Source::Oci(_)) => sources::component(file, reach, None).await?.bytes,
        _ => input::bytes(file)?,
    };
    let most = jackfield_sandbox::Options::new("").max_component_bytes;
    let found = jackfield_sandbox::inspect(&bytes, most)
        .map_err(|error| Failure::Invalid(format!("{file}: {error}")))?;
    if json {
        print_json(&serde_json::to_value(&found).unwrap_or_default());
    } else {
        print!("{}", in_words(file, &found));
    }
    Ok(())
}

fn in_words(file: &str, found: &Inspection) -> String {
    let kind = match found.kind {
        jackfield_sandbox::Kind::Step => "a step of workflows",
        jackfield_sandbox::Kind::Connector => "a connector of channels",
    };
    let contract = found.contract.as_ref().map_or_else(
        || "not stamped with a version of the contract".to_owned(),
        |version| format!("made against the contract {version}"),
    );
    let mut out = format!(
        "{file} is {kind}, {contract}.\n  {}, {}\n",
        text::bytes(found.size),
        found.digest
    );
    let imports: Vec<Interface> = found.interfaces().iter().collect();
    if imports.is_empty() {
        out.push_str("It can call nothing of the host.\n");
    } else {
        out.push_str("It can call, once it is granted, and nothing else:\n");
    }
    for interface in imports {
        out.push_str(&format!(
            "  {:<11} {}\n",
            interface.name(),
            words(interface)
        ));
    }
    if !found.wasi.is_empty() {
        out.push_str(
            "Its tool-chain links WASI, where it finds clocks and randomness of the run, a log for \
             what it prints, and nothing else: no files, no environment, no sockets.\n",
        );
    }
    out.push_str(
        "Which hosts, secrets and limits it asks for it says when it is installed; installing grants \
         nothing.\n",
    );
    out
}

/// What an import lets a plugin do, for whoever decides.
fn words(interface: Interface) -> &'static str {
    match interface {
        Interface::Log => "write lines into the run's timeline and the log",
        Interface::Clock => "read the time, and reckon with dates and business hours",
        Interface::Random => "draw random bytes",
        Interface::Http => "send HTTP requests, to the hosts that you approve",
        Interface::Email => "send mail, through the servers that you approve",
        Interface::Crypto => "make and check signatures with the secrets that you approve, unseen",
        Interface::Templates => "fill in the workspace's templates",
        Interface::Conditions => "evaluate conditions about the run and its contact",
        Interface::Variables => "read what the run knows, its contact too, and set variables",
        Interface::Contacts => "read and change the run's contact",
        Interface::Messages => "send messages through the workspace's channels",
        Interface::Conversations => "open, close and comment on the contact's conversations",
        Interface::Tables => "add rows to the workspace's tables",
        Interface::Files => "read the workspace's files",
        Interface::Lists => "put the contact on the workspace's lists, and take it off",
        Interface::Workflows => "start other workflows for the contact",
    }
}
