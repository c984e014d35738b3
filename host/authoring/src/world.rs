//! The world of one project: a package of its own that imports what `needs` names and exports the
//! plugin's interface.
//!
//! Tool-chains of interpreters keep every import of the world that they were given, used or not; so
//! they are given one that names only what the plugin needs.

use crate::errors::BuildError;
use crate::files;
use crate::project::Project;
use std::path::PathBuf;

/// The folder, in a project's, of what a build makes on the way.
pub(crate) const BUILD: &str = "build";

/// The world's name.
pub const WORLD: &str = "plugin";

/// Writes the world of a project, with the contract beside it, into `build/wit` of its folder, and
/// gives that folder.
///
/// # Errors
/// When the project's copy of the contract cannot be read, or a file cannot be written.
pub fn write(project: &Project) -> Result<PathBuf, BuildError> {
    let contract = project.jackfield.join("wit");
    let folder = project.folder.join(BUILD).join("wit");
    let mut version = None;
    for name in ["types", "imports", "step", "connector"] {
        let name = format!("{name}.wit");
        let bytes = files::read(&contract.join(&name))?;
        let text = String::from_utf8_lossy(&bytes);
        if let Some(found) = package_version(&text) {
            version = Some(found.to_owned());
        }
        files::write_built(&folder.join("deps/jackfield-plugin").join(name), &bytes)?;
    }
    let version = version.ok_or_else(|| BuildError::Contract(contract.join("types.wit")))?;
    files::write_built(
        &folder.join("world.wit"),
        world(project, &version).as_bytes(),
    )?;
    Ok(folder)
}

/// The version in a package line.
fn package_version(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        line.strip_prefix("package jackfield:plugin@")?
            .strip_suffix(';')
    })
}

fn world(project: &Project, version: &str) -> String {
    let mut out = format!("package local:{};\n\nworld {WORLD} {{\n", project.name);
    for need in &project.needs {
        out.push_str(&format!("  import jackfield:plugin/{need}@{version};\n"));
    }
    out.push_str(&format!(
        "  export jackfield:plugin/{}@{version};\n}}\n",
        project.kind.name()
    ));
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Kind, Language, New, create};

    #[test]
    fn the_world_names_what_the_project_needs_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("greet");
        let new = New {
            name: "greet".to_owned(),
            language: Language::Rust,
            kind: Kind::Step,
            needs: vec!["contacts".to_owned(), "log".to_owned()],
        };
        create(&place, &new).unwrap();
        let wit = write(&Project::of(&place).unwrap()).unwrap();
        let world = std::fs::read_to_string(wit.join("world.wit")).unwrap();
        assert_eq!(
            world,
            "package local:greet;\n\nworld plugin {\n  import jackfield:plugin/log@1.1.0;\n  import \
             jackfield:plugin/contacts@1.1.0;\n  export jackfield:plugin/step@1.1.0;\n}\n"
        );
        assert!(wit.join("deps/jackfield-plugin/step.wit").is_file());
    }
}
