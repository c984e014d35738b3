//! Plugins in C: which compiler builds them, and how.
//!
//! A compiler with the target `wasm32-wasi`, its linker, a libc and compiler-rt for it are on every
//! Debian as packages; nothing else is wanted. The bindings are made here, from the project's own
//! world, by the library behind `wit-bindgen c`. The SDK's files, the bindings and the plugin's own
//! are compiled in one go; of the SDK's imports only those that `needs` names are.
//!
//! What must hold: the module imports nothing of WASI (`sdk/c/wasm/wasi.c` says how); where a
//! plugin calls what would, the build names it.

use super::{Chain, Made, Source};
use crate::component::ComponentError;
use crate::errors::BuildError;
use crate::project::{Kind, MANIFEST, Project};
use crate::shell::{self, ShellError};
use crate::world;
use include_dir::include_dir;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasmparser::{Parser, Payload};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

/// The target: wasi-libc, of which no import is left.
pub const TARGET: &str = "wasm32-wasi";

/// Debian's packages, in the version of Debian 12.
pub const PACKAGES: [&str; 4] = [
    "clang-19",
    "lld-19",
    "libclang-rt-19-dev-wasm32",
    "wasi-libc",
];

/// The compilers that are looked for, the first that has all it needs is taken.
const COMPILERS: [&str; 10] = [
    "clang-19", "clang-22", "clang-21", "clang-20", "clang-18", "clang-17", "clang-16", "clang-15",
    "clang-14", "clang",
];

pub(crate) static CHAIN: Chain = Chain {
    common: include_dir!("$CARGO_MANIFEST_DIR/templates/c"),
    step: include_dir!("$CARGO_MANIFEST_DIR/templates/c-step"),
    connector: include_dir!("$CARGO_MANIFEST_DIR/templates/c-connector"),
    sdk: &[
        (
            "jackfield/sdk/c/include",
            Source::Folder(include_dir!("$CARGO_MANIFEST_DIR/../../sdk/c/include")),
        ),
        (
            "jackfield/sdk/c/src",
            Source::Folder(include_dir!("$CARGO_MANIFEST_DIR/../../sdk/c/src")),
        ),
        (
            "jackfield/sdk/c/wasm",
            Source::Folder(include_dir!("$CARGO_MANIFEST_DIR/../../sdk/c/wasm")),
        ),
        (
            "jackfield/sdk/c/testing",
            Source::Folder(include_dir!("$CARGO_MANIFEST_DIR/../../sdk/c/testing")),
        ),
        (
            "jackfield/sdk/c/plugin.mk",
            Source::File(include_bytes!("../../../../sdk/c/plugin.mk")),
        ),
        (
            "jackfield/sdk/c/README.md",
            Source::File(include_bytes!("../../../../sdk/c/README.md")),
        ),
    ],
    tests: "make test",
    build,
};

/// Builds the core module of a project.
fn build(project: &Project) -> Result<Made, BuildError> {
    let compiler = compiler(&COMPILERS)?;
    let folder = project.folder.join(world::BUILD);
    let bindings = folder.join("bindings");
    bind(project, &bindings)?;
    let module = folder.join("module.wasm");
    compile(
        project,
        &mut command(project, &compiler, &bindings, &module)?,
    )?;
    let module = crate::files::read(&module)?;
    match of_wasi(&module)? {
        functions if functions.is_empty() => Ok(Made::Module(module)),
        functions => Err(ComponentError::NotOfContract(format!(
            "it calls {} of WASI by way of libc, and a plugin has no files, no environment and no \
             clock but the contract's; call the SDK's functions instead (jf_clock_now, \
             jf_random_bytes, jf_log_info)",
            functions.join(", ")
        ))
        .into()),
    }
}

/// Whether this machine can build plugins in C.
///
/// # Errors
/// `Missing`, with what to type.
pub fn ready() -> Result<(), BuildError> {
    compiler(&COMPILERS).map(drop)
}

/// The first compiler that has all it needs.
fn compiler(names: &[&str]) -> Result<PathBuf, BuildError> {
    let mut found = Vec::new();
    for name in names {
        // Its own folder, not that of a link to it: older ones look for the linker beside themselves.
        let Some(program) = shell::find(name).and_then(|link| link.canonicalize().ok()) else {
            continue;
        };
        match lacking(&program) {
            None => return Ok(program),
            Some(lacking) => found.push(format!("{name} is here, but {lacking}")),
        }
    }
    if found.is_empty() {
        found.push(format!("none of {} is on the PATH", names.join(", ")));
    }
    Err(BuildError::Missing {
        what: format!("a C compiler for {TARGET}, with its linker and libc"),
        found: found.join("; "),
        get: format!("`sudo apt-get install {}`", PACKAGES.join(" ")),
    })
}

/// What a compiler has not.
fn lacking(compiler: &Path) -> Option<&'static str> {
    let says = |argument: &str| {
        let mut command = Command::new(compiler);
        command.arg(format!("--target={TARGET}")).arg(argument);
        shell::capture(&mut command)
    };
    // A path, or the bare name where there is no such file.
    let has = |argument: &str| says(argument).is_ok_and(|path| Path::new(&path).is_file());
    if !says("-print-targets").is_ok_and(|targets| targets.contains("wasm32")) {
        Some("it was built without WebAssembly")
    } else if !has("-print-prog-name=wasm-ld") && shell::find("wasm-ld").is_none() {
        Some("its linker wasm-ld is not (lld in the same version)")
    } else if !has("-print-file-name=crt1-reactor.o") {
        Some("no libc for it is (wasi-libc)")
    } else if !has("-print-libgcc-file-name") {
        Some("its compiler-rt for wasm32 is not (libclang-rt-VERSION-dev-wasm32)")
    } else {
        None
    }
}

/// Makes the bindings of the project's world.
fn bind(project: &Project, folder: &Path) -> Result<(), BuildError> {
    let wit = world::write(project)?;
    let wrong = |error: String| BuildError::Manifest {
        path: project.folder.join(MANIFEST),
        reason: format!("of what `needs` names no world can be made: {error}"),
    };
    let mut resolve = Resolve::default();
    let mut files = Files::default();
    let (package, _) = resolve
        .push_dir(&wit)
        .map_err(|error| wrong(format!("{error:#}")))?;
    let world = resolve
        .select_world(&[package], Some(world::WORLD))
        .map_err(|error| wrong(format!("{error:#}")))?;
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .map_err(|error| wrong(format!("{error:#}")))?;
    for (name, bytes) in files.iter() {
        crate::files::write_built(&folder.join(name), bytes)?;
    }
    Ok(())
}

/// The one call of the compiler.
fn command(
    project: &Project,
    compiler: &Path,
    bindings: &Path,
    module: &Path,
) -> Result<Command, BuildError> {
    let sdk = project.jackfield.join("sdk/c");
    let of_boundary = ["memory", "boundary", "wasi", project.kind.name()];
    let of_boundary = of_boundary
        .into_iter()
        .chain(project.needs.iter().map(String::as_str))
        .map(|name| sdk.join("wasm").join(format!("{name}.c")));
    let mut command = Command::new(compiler);
    command
        .arg(format!("--target={TARGET}"))
        .args(["-std=gnu11", "-O2", "-Wall", "-Wextra"])
        // What nothing calls is left out.
        .args(["-ffunction-sections", "-fdata-sections"])
        // No `main`: a component is called by its exports.
        .arg("-mexec-model=reactor")
        // A stack below the data, so that running over its end is noticed, and a small one: it is a
        // part of the memory that every activation has to make ready.
        .args(["-Wl,--stack-first", "-Wl,-z,stack-size=65536"])
        // No names of functions; the section with the interface stays.
        .arg("-Wl,--strip-all")
        .arg("-I")
        .arg(sdk.join("include"))
        .arg("-I")
        .arg(bindings)
        .arg("-I")
        .arg(project.folder.join("src"))
        .args(sources(&project.folder.join("src"))?)
        .args(sources(&sdk.join("src"))?)
        .args(of_boundary)
        .arg(bindings.join("plugin.c"))
        .arg(bindings.join("plugin_component_type.o"))
        .arg("-o")
        .arg(module);
    Ok(command)
}

/// The C files of a folder and those below it, in the order of their names.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let failed = |cause| BuildError::Read {
        path: folder.to_owned(),
        cause,
    };
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "c") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Compiles; what the compiler says is shown. A call of an import that the project does not need is
/// told apart from other mistakes.
fn compile(project: &Project, command: &mut Command) -> Result<(), BuildError> {
    let output = command.output().map_err(|cause| {
        BuildError::Compile(ShellError::Start {
            command: shell::shown(command),
            cause,
        })
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        show(&said);
        return Ok(());
    }
    if let Some(import) = undeclared(project, &said) {
        return Err(BuildError::Undeclared { import });
    }
    show(&said);
    Err(BuildError::Compile(ShellError::Failed {
        // The whole line names every file of the SDK.
        command: command.get_program().to_string_lossy().into_owned(),
        status: output.status,
        said: String::new(),
    }))
}

/// To where the compiler would have written it; where that is closed, nobody wants to know.
fn show(said: &str) {
    let _ = std::io::stderr().write_all(said.as_bytes());
}

/// The interface of a function of the SDK that the linker has not found: it is compiled only where
/// `needs` names it.
fn undeclared(project: &Project, said: &str) -> Option<String> {
    let offered = [Kind::Step.offered(), Kind::Connector.offered()].concat();
    said.lines()
        .filter_map(|line| line.split_once("undefined symbol: jf_"))
        .find_map(|(_, function)| {
            offered.iter().find(|name| {
                let called = function.strip_prefix(**name);
                called.is_some_and(|rest| rest.starts_with('_'))
                    && !project.needs.iter().any(|need| need == *name)
            })
        })
        .map(|name| (*name).to_owned())
}

/// The functions of WASI that a module imports.
fn of_wasi(module: &[u8]) -> Result<Vec<String>, BuildError> {
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(imports) = payload.map_err(ComponentError::Unreadable)? {
            for import in imports.into_imports() {
                let import = import.map_err(ComponentError::Unreadable)?;
                if import.module.starts_with("wasi") {
                    functions.push(import.name.to_owned());
                }
            }
        }
    }
    Ok(functions)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Language, New, create};

    fn project(folder: &Path, needs: &[&str]) -> Project {
        let new = New {
            name: "greet".to_owned(),
            language: Language::C,
            kind: Kind::Step,
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        };
        create(folder, &new).unwrap();
        Project::of(folder).unwrap()
    }

    #[test]
    fn where_there_is_a_compiler_a_new_step_and_connector_build_as_they_are() {
        if let Err(missing) = compiler(&COMPILERS) {
            eprintln!("not tried: {missing}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        for (kind, imports) in [(Kind::Step, vec![]), (Kind::Connector, vec!["http"])] {
            let place = folder.path().join(kind.name());
            let new = New {
                name: "made-in-c".to_owned(),
                language: Language::C,
                kind,
                needs: kind.offered().into_iter().map(str::to_owned).collect(),
            };
            create(&place, &new).unwrap();
            let built = crate::build(&Project::of(&place).unwrap()).unwrap();
            // Every import is allowed, so that its file is compiled, and hardly one called.
            assert_eq!(built.imports, imports);
            assert!(built.size < 100_000, "{} bytes", built.size);
        }
    }

    #[test]
    fn without_a_compiler_it_says_what_was_looked_for_and_what_to_type() {
        let error = compiler(&["no-such-clang"]).unwrap_err().to_string();
        assert!(error.contains("none of no-such-clang"), "{error}");
        assert!(error.contains("apt-get install clang-19"), "{error}");
        // `true` answers everything with nothing: a compiler without WebAssembly.
        let error = compiler(&["true"]).unwrap_err().to_string();
        assert!(
            error.contains("true is here, but it was built without"),
            "{error}"
        );
    }

    #[test]
    fn a_function_of_an_import_that_is_not_needed_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(&folder.path().join("greet"), &["http"]);
        let said = |function: &str| format!("wasm-ld: error: a.o: undefined symbol: {function}\n");
        let named = |function: &str| undeclared(&project, &said(function));
        assert_eq!(named("jf_clock_now").as_deref(), Some("clock"));
        assert_eq!(named("jf_email_send").as_deref(), Some("email"));
        assert_eq!(named("jf_workflows_start").as_deref(), Some("workflows"));
        assert_eq!(named("jf_http_fetch"), None);
        assert_eq!(named("jf_clocks"), None);
        assert_eq!(named("strcpy"), None);
    }

    #[test]
    fn the_compiler_gets_the_files_of_the_imports_that_are_needed_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(&folder.path().join("greet"), &["clock"]);
        let built = project.folder.join("build");
        bind(&project, &built).unwrap();
        assert!(built.join("plugin_component_type.o").is_file());
        let line =
            shell::shown(&command(&project, Path::new("clang"), &built, Path::new("m")).unwrap());
        assert!(line.contains("greet/src/plugin.c"), "{line}");
        assert!(line.contains("sdk/c/wasm/clock.c"), "{line}");
        assert!(line.contains("sdk/c/wasm/step.c"), "{line}");
        assert!(!line.contains("sdk/c/wasm/http.c"), "{line}");
        assert!(!line.contains("sdk/c/wasm/connector.c"), "{line}");
    }

    #[test]
    fn a_need_that_there_is_not_is_a_mistake_of_the_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let mut project = project(&folder.path().join("greet"), &[]);
        project.needs.push("htpp".to_owned());
        let error = bind(&project, &project.folder.join("build"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("jackfield.toml") && error.contains("htpp"),
            "{error}"
        );
    }
}
