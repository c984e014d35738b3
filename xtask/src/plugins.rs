//! `cargo xtask plugins`: every plugin in this repository, from its crate to a component file.
//!
//! The plugins live in cargo workspaces of their own, because they build for wasm and stand on the
//! public SDK alone. Each workspace is built whole, in release, and each of its `cdylib` packages
//! becomes `NAME.wasm` in one output folder, NAME being the package's folder. A file is written only
//! when its bytes changed, and files of plugins that are no more are removed: what lies in an output
//! folder is exactly what the sources say.

use crate::{repo, shell, wasm_target};
use anyhow::{Context, Result, bail};
use clap::Args;
use jackfield_authoring::component::{self, CONTRACT};
use jackfield_authoring::languages::rust::{TARGET, Toolchain};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What `cargo xtask plugins` accepts.
#[derive(Args)]
pub(crate) struct Options {
    /// Check formatting and lints instead of building
    #[arg(long)]
    check: bool,
}

/// Where plugins come from, and the folder under `target/` that they go to. A source is a cargo
/// workspace, or a folder whose subfolders are packages that stand alone.
const SOURCES: [(&str, &str); 2] = [("plugins", "plugins"), ("tests/hostile", "plugins-hostile")];

/// One plugin: a package with a `cdylib`.
struct Plugin {
    /// The package's folder name, which is the plugin file's name.
    name: String,
    /// The folder that holds the package's folder: `steps` or `connectors` for the built-in ones.
    kind: String,
    /// The name of the core module that cargo makes, without its ending.
    module: String,
}

/// Runs the command.
///
/// # Errors
/// When the target cannot be had, or when a plugin does not build, pass its checks or encode.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.check {
        check()?;
    } else {
        build()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds every plugin and says on standard error what there is now: figures of whoever calls go to
/// standard output.
///
/// # Errors
/// As for [`run`].
pub(crate) fn build() -> Result<()> {
    let toolchain = wasm_target::bring()?;
    eprintln!(
        "plugins for contract {CONTRACT}, built by {}",
        toolchain.road()
    );
    let mut rows = Vec::new();
    for (source, output) in SOURCES {
        let folder = repo::target(output);
        let mut kept = BTreeSet::new();
        for workspace in workspaces(source) {
            let members = members(&workspace)?;
            if members.is_empty() {
                continue;
            }
            let mut command = wasm_target::cargo(&toolchain, "build");
            command
                .args(["--release", "--workspace", "--manifest-path"])
                .arg(&workspace);
            shell::run(&mut command)?;
            for plugin in members {
                rows.push(encode(&plugin, &toolchain, &folder)?);
                kept.insert(format!("{}.wasm", plugin.name));
            }
        }
        remove_others(&folder, &kept)?;
    }
    if rows.is_empty() {
        bail!("there is no plugin to build: no workspace under plugins/ has a cdylib package");
    }
    eprint!("{}", table(&rows));
    Ok(())
}

/// Formatting and lints of every plugin workspace, warnings being errors.
///
/// # Errors
/// When something is not formatted, or a lint speaks.
pub(crate) fn check() -> Result<()> {
    let toolchain = wasm_target::bring()?;
    for manifest in manifests() {
        println!("checking {}", repo::shown(&manifest));
        let mut format = shell::cargo();
        format
            .args(["fmt", "--check", "--all", "--manifest-path"])
            .arg(&manifest);
        shell::run(&mut format)?;
        let mut lint = match toolchain {
            Toolchain::Rustup => wasm_target::cargo(&toolchain, "clippy"),
            // Debian brings no clippy: the lints are the same on the host's target.
            Toolchain::Debian { .. } => host_cargo("clippy"),
        };
        lint.args(["--workspace", "--manifest-path"])
            .arg(&manifest)
            .args(["--", "-D", "warnings"]);
        shell::run(&mut lint)?;
    }
    Ok(())
}

/// The manifests of every plugin workspace that exists.
pub(crate) fn manifests() -> Vec<PathBuf> {
    SOURCES
        .iter()
        .flat_map(|(source, _)| workspaces(source))
        .collect()
}

/// `cargo SUBCOMMAND` for the plugin workspaces on the host's own target, in a target folder apart
/// from the wasm one.
pub(crate) fn host_cargo(subcommand: &str) -> Command {
    let mut command = shell::cargo();
    command
        .arg(subcommand)
        .arg("--target-dir")
        .arg(repo::target("plugins-native"));
    command
}

/// The manifests under `source`: its own, or those of its subfolders.
fn workspaces(source: &str) -> Vec<PathBuf> {
    let folder = repo::root().join(source);
    let own = folder.join("Cargo.toml");
    if own.is_file() {
        return vec![own];
    }
    let Ok(entries) = fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path().join("Cargo.toml"))
        .filter(|manifest| manifest.is_file())
        .collect();
    found.sort();
    found
}

/// The plugins of the workspace at `manifest`.
fn members(manifest: &Path) -> Result<Vec<Plugin>> {
    let mut command = shell::cargo();
    command.args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--manifest-path",
    ]);
    command.arg(manifest);
    let metadata: Value = serde_json::from_str(&shell::capture(&mut command)?)
        .context("`cargo metadata` did not answer in JSON")?;
    Ok(plugins_in(&metadata))
}

/// The plugins that `cargo metadata` describes, by name.
fn plugins_in(metadata: &Value) -> Vec<Plugin> {
    let mut plugins = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let module = package["targets"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|target| {
                target["kind"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|kind| kind == "cdylib")
            });
        let (Some(module), Some(manifest)) = (
            module.and_then(|target| target["name"].as_str()),
            package["manifest_path"].as_str(),
        ) else {
            continue;
        };
        let mut folders = Path::new(manifest)
            .ancestors()
            .skip(1)
            .filter_map(Path::file_name);
        let mut next = || {
            folders
                .next()
                .map(|name| name.to_string_lossy().into_owned())
        };
        if let (Some(name), Some(kind)) = (next(), next()) {
            plugins.push(Plugin {
                name,
                kind,
                module: module.replace('-', "_"),
            });
        }
    }
    plugins.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    plugins
}

/// One line of the table that is printed: name, kind, bytes of the file, whether it is new.
struct Row {
    name: String,
    kind: String,
    bytes: usize,
    written: bool,
}

fn encode(plugin: &Plugin, toolchain: &Toolchain, output: &Path) -> Result<Row> {
    let module = wasm_target::target_folder(toolchain)
        .join(TARGET)
        .join("release")
        .join(format!("{}.wasm", plugin.module));
    let bytes = fs::read(&module)
        .with_context(|| format!("cargo built no {} for {}", module.display(), plugin.name))?;
    let component = component::from_module(&bytes)
        .with_context(|| format!("the plugin {} cannot be made a component", plugin.name))?;
    let file = output.join(format!("{}.wasm", plugin.name));
    Ok(Row {
        name: plugin.name.clone(),
        kind: plugin.kind.clone(),
        bytes: component.len(),
        written: repo::write_if_changed(&file, &component)?,
    })
}

fn remove_others(folder: &Path, kept: &BTreeSet<String>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".wasm") && !kept.contains(&name) {
            fs::remove_file(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize, head: &str| {
        rows.iter()
            .map(of)
            .chain([head.len()])
            .max()
            .unwrap_or_default()
    };
    let names = width(|row| row.name.len(), "PLUGIN");
    let kinds = width(|row| row.kind.len(), "KIND");
    let mut text = format!("{:names$}  {:kinds$}  {:>8}\n", "PLUGIN", "KIND", "SIZE");
    for row in rows {
        let size = format!("{} KB", row.bytes.div_ceil(1000));
        let new = if row.written { "  written" } else { "" };
        text.push_str(&format!(
            "{:names$}  {:kinds$}  {size:>8}{new}\n",
            row.name, row.kind
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plugin_is_named_after_its_folder_and_only_cdylibs_are_plugins() {
        let metadata = json!({"packages": [
            {"manifest_path": "/r/plugins/steps/send-message/Cargo.toml",
             "targets": [{"name": "plugin-send-message", "kind": ["cdylib", "rlib"]}]},
            {"manifest_path": "/r/plugins/connectors/twilio-sms/Cargo.toml",
             "targets": [{"name": "twilio_sms", "kind": ["cdylib"]}]},
            {"manifest_path": "/r/plugins/shared/Cargo.toml",
             "targets": [{"name": "shared", "kind": ["lib"]}]},
        ]});
        let plugins = plugins_in(&metadata);
        let seen: Vec<_> = plugins
            .iter()
            .map(|plugin| {
                (
                    plugin.kind.as_str(),
                    plugin.name.as_str(),
                    plugin.module.as_str(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("connectors", "twilio-sms", "twilio_sms"),
                ("steps", "send-message", "plugin_send_message"),
            ]
        );
    }

    #[test]
    fn the_table_lines_its_columns_up_and_marks_what_was_written() {
        let row = |name: &str, bytes, written| Row {
            name: name.to_owned(),
            kind: "steps".to_owned(),
            bytes,
            written,
        };
        let text = table(&[
            row("wait", 61_200, false),
            row("send-message", 151_000, true),
        ]);
        assert_eq!(
            text,
            "PLUGIN        KIND       SIZE\n\
             wait          steps     62 KB\n\
             send-message  steps    151 KB  written\n"
        );
    }
}
