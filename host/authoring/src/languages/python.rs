//! Plugins in Python: `componentize-py` wraps the sources together with an interpreter.
//!
//! It runs the plugin's modules once while it builds and keeps the interpreter's memory as it then
//! stands, so an activation imports nothing and begins at the plugin's own function. WASI is stubbed
//! out: what would reach for a clock, a file or the environment ends the activation, and the component
//! imports the contract alone.
//!
//! What must hold: nothing outside of `build/` is written, although the interpreter leaves compiled
//! files beside every source that it reads; so it is given copies. Packages of the project's own
//! `.venv` can be imported, those of the machine cannot: another machine has others.

use super::{Chain, Made, Source};
use crate::errors::BuildError;
use crate::files;
use crate::project::Project;
use crate::{shell, world};
use include_dir::include_dir;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// The program that makes components of Python.
const PROGRAM: &str = "componentize-py";
/// The version that the SDK is tested with, as the template's `requirements.txt` has it.
const TESTED: &str = "0.25.1";
/// Versions before this one make other bindings than the SDK expects.
const OLDEST: (u32, u32) = (0, 25);
/// The module that the build writes and the tool begins with.
const ENTRY: &str = "jackfield_component";
/// The module of the author's that holds the plugin.
const MODULE: &str = "plugin";

pub(crate) static CHAIN: Chain = Chain {
    common: include_dir!("$CARGO_MANIFEST_DIR/templates/python"),
    step: include_dir!("$CARGO_MANIFEST_DIR/templates/python-step"),
    connector: include_dir!("$CARGO_MANIFEST_DIR/templates/python-connector"),
    sdk: &[(
        "jackfield/sdk/python/jackfield_plugin",
        Source::Folder(include_dir!(
            "$CARGO_MANIFEST_DIR/../../sdk/python/jackfield_plugin"
        )),
    )],
    tests: "python3 -m unittest",
    build,
};

/// The tool as a `requirements.txt` names it, in the version that the SDK is tested with.
#[must_use]
pub fn requirement() -> String {
    format!("{PROGRAM}=={TESTED}\n")
}

/// Builds the component of a project.
fn build(project: &Project) -> Result<Made, BuildError> {
    let venv = project.folder.join(".venv");
    let program = program(&venv)?;
    let wit = world::write(project)?;
    let build = project.folder.join(world::BUILD);
    let sources = build.join("python");
    let written = |path: &Path| {
        let path = path.to_owned();
        move |cause: io::Error| BuildError::Write { path, cause }
    };
    // What an earlier build has put there may be gone from the sources.
    match fs::remove_dir_all(&sources) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(written(&sources)(error));
        }
        _ => {}
    }
    copy(&project.folder.join("src"), &sources)?;
    copy(
        &project.jackfield.join("sdk/python/jackfield_plugin"),
        &sources.join("jackfield_plugin"),
    )?;
    let entry = sources.join(format!("{ENTRY}.py"));
    files::write_built(&entry, entry_module(project).as_bytes())?;
    // Its way to be told which packages can be imported. Without it those of the machine can.
    let packages = if venv.is_dir() {
        venv
    } else {
        let none = build.join("venv");
        let folder = none.join("lib/site-packages");
        fs::create_dir_all(&folder).map_err(written(&folder))?;
        none
    };
    let component = build.join("plugin.wasm");
    let mut command = Command::new(program);
    command
        .arg("--quiet")
        .arg("--wit-path")
        .arg(&wit)
        .args(["--world", world::WORLD, "componentize", "--stub-wasi"])
        .arg("--python-path")
        .arg(&sources)
        .arg("--output")
        .arg(&component)
        .arg(ENTRY)
        .env("VIRTUAL_ENV", packages)
        // The author's mistake is in Python's traceback; the tool's own says nothing to them.
        .env("RUST_BACKTRACE", "0");
    shell::run(&mut command).map_err(BuildError::Compile)?;
    files::read(&component).map(Made::Component)
}

/// The module that the tool begins with: it has the class that the tool looks for.
fn entry_module(project: &Project) -> String {
    let kind = project.kind.name();
    let class = match project.kind {
        crate::Kind::Step => "Step",
        crate::Kind::Connector => "Connector",
    };
    format!(
        "# Made by `jackfield plugin build`.\nimport {MODULE}\nfrom jackfield_plugin import component\n\n\
         {class} = component.{kind}({MODULE})\n"
    )
}

/// `componentize-py`: that of the project's `.venv`, else that of the PATH.
fn program(venv: &Path) -> Result<PathBuf, BuildError> {
    let own = venv.join("bin").join(PROGRAM);
    let found = if own.is_file() {
        Some(own.clone())
    } else {
        shell::find(PROGRAM)
    };
    let missing = |found: String| BuildError::Missing {
        what: format!("{PROGRAM} {}.{} or newer", OLDEST.0, OLDEST.1),
        found,
        get: get(venv),
    };
    let Some(program) = found else {
        return Err(missing(format!(
            "there is no {}, and no {PROGRAM} on the PATH",
            own.display()
        )));
    };
    match shell::capture(Command::new(&program).arg("--version")) {
        Ok(said) if version(&said).is_some_and(|version| version >= OLDEST) => Ok(program),
        Ok(said) => Err(missing(format!("{} is `{said}`", program.display()))),
        Err(error) => Err(missing(error.to_string())),
    }
}

/// What to type. Debian's Python takes packages into an environment of the project's own only.
fn get(venv: &Path) -> String {
    let folder = venv.display();
    let install =
        format!("`python3 -m venv {folder} && {folder}/bin/pip install {PROGRAM}=={TESTED}`");
    if shell::find("python3").is_some() {
        format!("{install} (on Debian after `sudo apt-get install python3-venv`)")
    } else {
        format!("`sudo apt-get install python3 python3-venv`, then {install}")
    }
}

/// Major and minor of `componentize-py 0.25.1`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix(PROGRAM)?.trim().split('.');
    let mut next = || numbers.next()?.parse::<u32>().ok();
    Some((next()?, next()?))
}

/// Copies a folder without what interpreters leave in it.
fn copy(from: &Path, to: &Path) -> Result<(), BuildError> {
    let unreadable = |cause| BuildError::Read {
        path: from.to_owned(),
        cause,
    };
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.ends_with(files::LEFT_OVER) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &place)?;
        } else {
            files::write_built(&place, &files::read(&path)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Kind, Language, New, create};

    fn project(folder: &Path, kind: Kind) -> Project {
        let new = New {
            name: "sms-gateway".to_owned(),
            language: Language::Python,
            kind,
            needs: Vec::new(),
        };
        create(folder, &new).unwrap();
        Project::of(folder).unwrap()
    }

    #[test]
    fn a_new_project_has_the_sdk_and_nothing_that_an_interpreter_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        project(&place, Kind::Connector);
        let sdk = place.join("jackfield/sdk/python/jackfield_plugin");
        assert!(sdk.join("testing/host.py").is_file());
        assert!(sdk.join("py.typed").is_file());
        assert!(!sdk.join("__pycache__").exists());
        let source = fs::read_to_string(place.join("src/plugin.py")).unwrap();
        assert!(source.contains("name=\"sms-gateway\"") && source.contains("{{secret:token}}"));
        let requirements = fs::read_to_string(place.join("requirements.txt")).unwrap();
        assert!(requirements.contains(&format!("{PROGRAM}=={TESTED}")));
    }

    #[test]
    fn the_entry_module_asks_for_the_exports_of_the_projects_kind() {
        let folder = tempfile::tempdir().unwrap();
        let module = entry_module(&project(&folder.path().join("new"), Kind::Connector));
        assert!(
            module.ends_with("\nConnector = component.connector(plugin)\n"),
            "{module}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn an_old_tool_is_named_with_what_to_type() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let tool = bin.join(PROGRAM);
        fs::write(&tool, "#!/bin/sh\necho componentize-py 0.17.2\n").unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        let error = program(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("is `componentize-py 0.17.2`")
                && error.contains("pip install componentize-py=="),
            "{error}"
        );
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("componentize-py 0.25.1"), Some((0, 25)));
        assert!(version("componentize-py 1.0.0") > Some(OLDEST));
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn copies_leave_out_compiled_files() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("src");
        for name in ["plugin.py", "inner/table.json", "__pycache__/plugin.pyc"] {
            files::write_built(&from.join(name), b"x").unwrap();
        }
        let to = folder.path().join("build/python");
        copy(&from, &to).unwrap();
        assert!(to.join("inner/table.json").is_file());
        assert!(!to.join("__pycache__").exists());
    }
}
