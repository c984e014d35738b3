//! From a core module to a plugin: the component, stamped with the contract version.
//!
//! `rustc` makes a core module that carries its interface in a custom section; `wit-component` reads
//! it and wraps the module into a component. The host wants to know which contract a file was built
//! against before it compiles it, so the version is added as the custom section
//! `jackfield:contract` at the component's outermost level, where it can be read without decoding
//! anything inside.

use crate::repo;
use anyhow::{Context, Result, bail};
use std::borrow::Cow;
use std::fs;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// The custom section that names the contract version, as text (`1.0.0`).
const CONTRACT_SECTION: &str = "jackfield:contract";

/// What `wit/` says before the version.
const PACKAGE: &str = "package jackfield:plugin@";

/// The interfaces of which a plugin exports exactly one.
const INTERFACES: [&str; 2] = ["jackfield:plugin/step@", "jackfield:plugin/connector@"];

/// Makes a component of a core module and stamps it.
///
/// # Errors
/// When the module carries no component interface (it was not built with the bindings), imports
/// something that the contract does not have, or exports neither a step nor a connector, or both.
pub(crate) fn from_module(module: &[u8], contract: &str) -> Result<Vec<u8>> {
    let mut component = ComponentEncoder::default()
        .module(module)
        .context("the module carries no readable interface; was it built with the SDK's bindings?")?
        .validate(true)
        .encode()
        .context("the module is not a component of the contract in wit/")?;
    let exported = exported_interfaces(&component)?;
    if exported.len() != 1 {
        bail!(
            "a plugin exports exactly one of {}; this one exports {}",
            INTERFACES
                .map(|name| name.trim_end_matches('@'))
                .join(" and "),
            if exported.is_empty() {
                "neither".to_owned()
            } else {
                exported.join(" and ")
            },
        );
    }
    stamp(&mut component, contract);
    Ok(component)
}

/// Those of [`INTERFACES`] that the outermost component exports.
fn exported_interfaces(component: &[u8]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.context("the component cannot be read back")? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let name = export
                        .context("the component's exports cannot be read")?
                        .name
                        .name;
                    if INTERFACES
                        .iter()
                        .any(|interface| name.starts_with(interface))
                    {
                        found.push(name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn stamp(component: &mut Vec<u8>, contract: &str) {
    CustomSection {
        name: Cow::Borrowed(CONTRACT_SECTION),
        data: Cow::Borrowed(contract.as_bytes()),
    }
    .append_to_component(component);
}

/// The contract version that `wit/` declares.
///
/// # Errors
/// When no file in `wit/` has the package line.
pub(crate) fn contract_version() -> Result<String> {
    let folder = repo::root().join("wit");
    let files = fs::read_dir(&folder)
        .with_context(|| format!("cannot read the contract in {}", folder.display()))?;
    for file in files.flatten() {
        if file
            .path()
            .extension()
            .is_some_and(|extension| extension == "wit")
        {
            let text = fs::read_to_string(file.path())
                .with_context(|| format!("cannot read {}", file.path().display()))?;
            if let Some(version) = version_in(&text) {
                return Ok(version.to_owned());
            }
        }
    }
    bail!("no file in wit/ says `{PACKAGE}…;`, so the contract has no version")
}

fn version_in(text: &str) -> Option<&str> {
    text.lines()
        .find_map(|line| line.trim().strip_prefix(PACKAGE)?.strip_suffix(';'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use wasmparser::Validator;

    #[test]
    fn the_stamp_is_readable_at_the_outermost_level_and_leaves_the_component_valid() {
        let mut component = wasm_encoder::Component::new().finish();
        stamp(&mut component, "1.0.0");
        Validator::new().validate_all(&component).unwrap();
        let found =
            Parser::new(0)
                .parse_all(&component)
                .find_map(|payload| match payload.unwrap() {
                    Payload::CustomSection(section) if section.name() == CONTRACT_SECTION => {
                        Some(section.data().to_vec())
                    }
                    _ => None,
                });
        assert_eq!(found.as_deref(), Some(&b"1.0.0"[..]));
    }

    #[test]
    fn the_contract_version_is_the_one_of_the_package_line() {
        assert_eq!(
            version_in("/// text\npackage jackfield:plugin@1.2.3;\ninterface x {}"),
            Some("1.2.3")
        );
        assert_eq!(version_in("package other:thing@1.0.0;"), None);
        assert!(contract_version().unwrap().split('.').count() == 3);
    }

    #[test]
    fn a_component_that_exports_no_plugin_interface_is_told_apart() {
        let empty = wasm_encoder::Component::new().finish();
        assert!(exported_interfaces(&empty).unwrap().is_empty());
    }

    #[test]
    fn a_module_without_an_interface_is_refused_with_a_reason() {
        assert!(from_module(b"not wasm", "1.0.0").is_err());
    }
}
