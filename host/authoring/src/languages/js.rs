//! Plugins in TypeScript and JavaScript: `esbuild` makes one module of the sources and their
//! libraries, `componentize-js` wraps it together with a JavaScript engine.
//!
//! Both are npm packages of the project's own, so that a project says in its lock file what builds
//! it; nothing of the machine is used but Node. The script that calls them comes with this program
//! and is written into the project's `build/`, from where Node finds the project's packages. Of `jco`,
//! through which `componentize-js` reaches the component tools, a project takes the oldest version
//! that will do (`overrides` in its `package.json`): later ones bring a bundler, compilers and a
//! second engine, 200 MB that nothing here runs.
//!
//! What must hold: an undeclared import is found in the bundle, before the slow half of the build,
//! which would only say that a module cannot be found.

use super::{Chain, Made, Source};
use crate::errors::BuildError;
use crate::project::Project;
use crate::{files, shell, world};
use include_dir::include_dir;
use std::path::Path;
use std::process::Command;

/// The oldest Node that runs the tool-chain and the tests.
const OLDEST: (u32, u32) = (18, 20);
/// The packages without which nothing is built; the project's `package.json` names their versions.
const PACKAGES: [&str; 3] = [
    "@bytecodealliance/componentize-js",
    "esbuild",
    "@jackfield/plugin",
];
/// What calls them, in two phases.
const SCRIPT: &[u8] = include_bytes!("../../../../sdk/js/build.mjs");

pub(crate) static CHAIN: Chain = Chain {
    common: include_dir!("$CARGO_MANIFEST_DIR/templates/js"),
    step: include_dir!("$CARGO_MANIFEST_DIR/templates/js-step"),
    connector: include_dir!("$CARGO_MANIFEST_DIR/templates/js-connector"),
    sdk: &[
        (
            "jackfield/sdk/js/src",
            Source::Folder(include_dir!("$CARGO_MANIFEST_DIR/../../sdk/js/src")),
        ),
        (
            "jackfield/sdk/js/package.json",
            Source::File(include_bytes!("../../../../sdk/js/package.json")),
        ),
        (
            "jackfield/sdk/js/README.md",
            Source::File(include_bytes!("../../../../sdk/js/README.md")),
        ),
    ],
    tests: "npm ci && npm test",
    build,
};

/// Builds the component of a project.
fn build(project: &Project) -> Result<Made, BuildError> {
    node()?;
    packages(&project.folder)?;
    world::write(project)?;
    let build = project.folder.join(world::BUILD);
    let script = build.join("build.mjs");
    files::write_built(&script, SCRIPT)?;
    let run = |phase: &str| {
        let mut command = Command::new("node");
        command.arg(&script).args([phase, project.kind.name()]);
        shell::run(&mut command).map_err(BuildError::Compile)
    };
    run("bundle")?;
    let imports = files::read(&build.join("plugin.imports"))?;
    let imports = String::from_utf8_lossy(&imports);
    let undeclared = |name: &&str| !project.needs.iter().any(|need| need == name);
    if let Some(import) = imports.lines().find(undeclared) {
        let import = import.to_owned();
        return Err(BuildError::Undeclared { import });
    }
    run("componentize")?;
    files::read(&build.join("plugin.wasm")).map(Made::Component)
}

/// Whether there is a Node that is new enough.
fn node() -> Result<(), BuildError> {
    let found = match shell::find("node") {
        None => "there is no `node` on the PATH".to_owned(),
        Some(program) => match shell::capture(Command::new(&program).arg("--version")) {
            Ok(said) if version(&said).is_some_and(|version| version >= OLDEST) => return Ok(()),
            Ok(said) => format!("{} is {said}", program.display()),
            Err(error) => error.to_string(),
        },
    };
    let (major, minor) = OLDEST;
    Err(BuildError::Missing {
        what: format!("Node.js {major}.{minor} or newer"),
        found,
        get: "`sudo apt-get install nodejs npm`".to_owned(),
    })
}

/// Whether the project's packages are installed.
fn packages(folder: &Path) -> Result<(), BuildError> {
    let modules = folder.join("node_modules");
    let Some(missing) = PACKAGES.iter().find(|name| !modules.join(name).is_dir()) else {
        return Ok(());
    };
    let lock = folder.join("package-lock.json").is_file();
    Err(BuildError::Missing {
        what: format!("the npm package {missing}"),
        found: format!("there is no {}", modules.join(missing).display()),
        get: format!(
            "`npm {} --prefix {}`",
            if lock { "ci" } else { "install" },
            folder.display()
        ),
    })
}

/// Major and minor of `v20.20.2`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Kind, Language, New, create};

    fn project(folder: &Path) -> Project {
        let new = New {
            name: "greet".to_owned(),
            language: Language::Js,
            kind: Kind::Step,
            needs: Vec::new(),
        };
        create(folder, &new).unwrap();
        Project::of(folder).unwrap()
    }

    #[test]
    fn the_version_of_node_is_read_from_what_it_says() {
        assert_eq!(version("v20.20.2"), Some((20, 20)));
        assert!(version("v18.20.4").unwrap() >= OLDEST);
        assert!(version("v18.13.0").unwrap() < OLDEST);
        assert_eq!(version("20"), None);
    }

    #[test]
    fn a_project_without_its_packages_is_told_what_to_type() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("greet");
        let error = packages(&project(&place).folder).unwrap_err().to_string();
        assert!(error.contains("componentize-js is missing"), "{error}");
        let get = format!("`npm ci --prefix {}`", place.display());
        assert!(error.contains(&get), "{error}");
    }

    #[test]
    fn a_new_project_holds_the_sdk_that_its_package_names() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("greet");
        project(&place);
        let package = std::fs::read_to_string(place.join("package.json")).unwrap();
        assert!(package.contains("file:jackfield/sdk/js"), "{package}");
        assert!(place.join("jackfield/sdk/js/src/index.ts").is_file());
        assert!(place.join("src/plugin.ts").is_file());
    }
}
