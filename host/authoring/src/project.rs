//! A plugin's project: a folder with a `jackfield.toml`, which says what is built and what the
//! plugin may call.

use crate::component;
use crate::errors::{BuildError, NewError};
use crate::files;
use crate::languages::Made;
use clap::ValueEnum;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The file that makes a folder a project.
pub const MANIFEST: &str = "jackfield.toml";

/// The language of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Rust, for `wasm32-unknown-unknown`.
    Rust,
    /// C, with clang and wasi-libc.
    C,
    /// Python, with componentize-py.
    Python,
    /// TypeScript or JavaScript, with componentize-js.
    Js,
}

/// Which of the two kinds of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A workflow step.
    Step,
    /// A channel connector.
    Connector,
}

impl Kind {
    /// `step` or `connector`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Step => "step",
            Kind::Connector => "connector",
        }
    }

    /// The interfaces that it may import, as its world in `wit/worlds.wit` has them.
    #[must_use]
    pub fn offered(self) -> Vec<&'static str> {
        include_str!("../../../wit/worlds.wit")
            .lines()
            .skip_while(|line| *line != format!("world {}-plugin {{", self.name()))
            .take_while(|line| *line != "}")
            .filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';'))
            .collect()
    }

    /// What its template calls.
    const fn of_template(self) -> &'static [&'static str] {
        match self {
            Kind::Step => &[],
            Kind::Connector => &["http"],
        }
    }
}

/// What a new project is to be.
#[derive(Debug, Clone)]
pub struct New {
    /// The plugin's name.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Its kind.
    pub kind: Kind,
    /// The interfaces that it will call, beside those that its template calls.
    pub needs: Vec<String>,
}

/// Makes a project that builds as it is.
///
/// # Errors
/// When the name or a need is wrong, the folder is not empty, or a file cannot be written; in the
/// last case what was written before is left.
pub fn create(folder: &Path, new: &New) -> Result<(), NewError> {
    if !is_name(&new.name) {
        return Err(NewError::Name(new.name.clone()));
    }
    let offered = new.kind.offered();
    if let Some(need) = new
        .needs
        .iter()
        .find(|need| !offered.contains(&need.as_str()))
    {
        return Err(NewError::Need {
            need: need.clone(),
            kind: new.kind.name(),
            offered: offered.join(", "),
        });
    }
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(NewError::NotEmpty(folder.to_owned()));
    }
    // In the order of the contract, each once.
    let needs: Vec<String> = offered
        .iter()
        .filter(|name| {
            new.kind.of_template().contains(name) || new.needs.iter().any(|n| n == *name)
        })
        .map(|name| format!("\"{name}\""))
        .collect();
    files::write(folder, new, &needs.join(", "))
}

/// What every descriptor wants of a name (`wit/schemas`).
fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// A project as its manifest has it.
#[derive(Debug, Clone)]
pub struct Project {
    /// Where it is.
    pub folder: PathBuf,
    /// The plugin's name.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Its kind.
    pub kind: Kind,
    /// The interfaces that it may import.
    pub needs: Vec<String>,
    /// The folder that holds the contract (`wit/`) and the SDKs (`sdk/`).
    pub jackfield: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    plugin: Section,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Section {
    name: String,
    language: Language,
    kind: Kind,
    #[serde(default)]
    needs: Vec<String>,
    /// From the project's folder; where it is left out, what `create` has put there.
    #[serde(default = "jackfield")]
    jackfield: PathBuf,
}

fn jackfield() -> PathBuf {
    PathBuf::from(files::JACKFIELD)
}

impl Project {
    /// Reads the project of a folder.
    ///
    /// # Errors
    /// `NoProject`, `Manifest`.
    pub fn of(folder: &Path) -> Result<Project, BuildError> {
        let path = folder.join(MANIFEST);
        let wrong = |reason: String| BuildError::Manifest {
            path: path.clone(),
            reason,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BuildError::NoProject(folder.to_owned()));
            }
            Err(error) => return Err(wrong(error.to_string())),
        };
        let Manifest { plugin } =
            toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if !is_name(&plugin.name) {
            return Err(wrong(NewError::Name(plugin.name).to_string()));
        }
        Ok(Project {
            folder: folder.to_owned(),
            jackfield: folder.join(plugin.jackfield),
            name: plugin.name,
            language: plugin.language,
            kind: plugin.kind,
            needs: plugin.needs,
        })
    }
}

/// A component that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// Where it is.
    pub file: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// The interfaces of the contract that it imports.
    pub imports: Vec<String>,
}

/// Builds the component of a project: `NAME.wasm` in its folder.
///
/// # Errors
/// See `BuildError`: what is missing, what the compiler said, what the plugin calls undeclared.
pub fn build(project: &Project) -> Result<Built, BuildError> {
    let component = match (project.language.chain().build)(project)? {
        Made::Module(module) => component::from_module(&module)?,
        Made::Component(component) => component::from_component(component)?,
    };
    let imports = component::imports(&component)?;
    if let Some(import) = imports.iter().find(|name| !project.needs.contains(name)) {
        return Err(BuildError::Undeclared {
            import: import.clone(),
        });
    }
    let file = project.folder.join(format!("{}.wasm", project.name));
    files::write_built(&file, &component)?;
    Ok(Built {
        file,
        size: component.len() as u64,
        imports,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn new(name: &str, kind: Kind, needs: &[&str]) -> New {
        New {
            name: name.to_owned(),
            language: Language::Rust,
            kind,
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        }
    }

    #[test]
    fn a_new_project_is_read_back_with_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("hooks");
        create(
            &place,
            &new("web-hooks", Kind::Connector, &["crypto", "log"]),
        )
        .unwrap();
        let project = Project::of(&place).unwrap();
        assert_eq!(
            (project.name.as_str(), project.kind),
            ("web-hooks", Kind::Connector)
        );
        assert_eq!(project.needs, ["log", "http", "crypto"]);
        assert!(place.join("jackfield/sdk/rust/src/lib.rs").is_file());
        assert!(place.join("jackfield/wit/step.wit").is_file());
        let again = create(&place, &new("web-hooks", Kind::Step, &[])).unwrap_err();
        assert!(matches!(again, NewError::NotEmpty(_)), "{again}");
    }

    #[test]
    fn what_cannot_be_a_name_or_a_need_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        for name in [
            "",
            "Greet",
            "1st",
            "a--b",
            "a-",
            "a_b",
            "../a",
            &"a".repeat(65),
        ] {
            let error = create(&place, &new(name, Kind::Step, &[])).unwrap_err();
            assert!(matches!(error, NewError::Name(_)), "{name}: {error}");
        }
        let error = create(&place, &new("greet", Kind::Step, &["email"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a step cannot need `email`; it may need log, clock, random, http, crypto, templates, \
             conditions, variables, contacts, messages, conversations, lists, tables, files, workflows"
        );
        assert!(!place.exists());
    }

    #[test]
    fn a_folder_without_a_manifest_or_with_a_wrong_one_says_what_would_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let error = Project::of(folder.path()).unwrap_err().to_string();
        assert!(error.contains("jackfield plugin new"), "{error}");
        fs::write(
            folder.path().join(MANIFEST),
            "[plugin]\nname = \"a\"\nlanguage = \"cobol\"\nkind = \"step\"\n",
        )
        .unwrap();
        let error = Project::of(folder.path()).unwrap_err().to_string();
        assert!(error.contains("cobol") && error.contains("rust"), "{error}");
    }
}
