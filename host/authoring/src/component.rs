//! From a core module to a plugin: the component, stamped with the contract version.
//!
//! A compiler makes a core module that carries its interface in a custom section; `wit-component`
//! reads it and wraps the module into a component. The host wants to know which contract a file was
//! built against before it compiles it, so the version is added as the custom section
//! `jackfield:contract` at the component's outermost level, where it can be read without decoding
//! anything inside.

use std::borrow::Cow;
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// The version of the contract that plugins are built against: that of the package in `wit/`.
pub const CONTRACT: &str = "1.1.0";

/// The custom section that names the contract version, as text (`1.1.0`).
const CONTRACT_SECTION: &str = "jackfield:contract";
/// What the contract's interfaces are called.
const PACKAGE: &str = "jackfield:plugin/";
/// The interfaces of which a plugin exports exactly one.
const INTERFACES: [&str; 2] = ["step", "connector"];

/// Why a module did not become a plugin.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Not built with the bindings.
    #[error(
        "the module carries no readable interface; was it built with the SDK's bindings? ({0})"
    )]
    NoInterface(String),
    /// It imports or exports something that the contract does not have.
    #[error("the module is not a component of the contract in wit/: {0}")]
    NotOfContract(String),
    /// The result cannot be read back.
    #[error("the component cannot be read back: {0}")]
    Unreadable(#[from] wasmparser::BinaryReaderError),
    /// Neither a step nor a connector, or both.
    #[error(
        "a plugin exports exactly one of jackfield:plugin/step and jackfield:plugin/connector; this \
         one exports {0}"
    )]
    Exports(String),
}

/// Makes a component of a core module and stamps it.
///
/// # Errors
/// When the module carries no component interface (it was not built with the bindings), imports
/// something that the contract does not have, or exports neither a step nor a connector, or both.
pub fn from_module(module: &[u8]) -> Result<Vec<u8>, ComponentError> {
    let component = ComponentEncoder::default()
        .module(module)
        .map_err(|error| ComponentError::NoInterface(format!("{error:#}")))?
        .validate(true)
        .encode()
        .map_err(|error| ComponentError::NotOfContract(format!("{error:#}")))?;
    from_component(component)
}

/// Stamps a component that a tool-chain made.
///
/// # Errors
/// When it is no component, or exports neither a step nor a connector, or both.
pub fn from_component(mut component: Vec<u8>) -> Result<Vec<u8>, ComponentError> {
    let names = names(&component)?;
    let plugin = names.exports.iter().filter(|name| {
        let interface = of_contract(name);
        interface.is_some_and(|interface| INTERFACES.contains(&interface))
    });
    let plugin: Vec<&str> = plugin.map(String::as_str).collect();
    if plugin.len() != 1 {
        return Err(ComponentError::Exports(if plugin.is_empty() {
            "neither".to_owned()
        } else {
            plugin.join(" and ")
        }));
    }
    stamp(&mut component);
    Ok(component)
}

/// The interfaces of the contract that a component imports, such as `http`; without `types`, which
/// holds no function.
///
/// # Errors
/// When it is no component.
pub fn imports(component: &[u8]) -> Result<Vec<String>, ComponentError> {
    let names = names(component)?;
    let imports = names.imports.iter().filter_map(|name| of_contract(name));
    Ok(imports
        .filter(|interface| *interface != "types")
        .map(str::to_owned)
        .collect())
}

/// `jackfield:plugin/http@1.1.0` is `http`.
fn of_contract(name: &str) -> Option<&str> {
    let (interface, _) = name.strip_prefix(PACKAGE)?.split_once('@')?;
    Some(interface)
}

/// What a component imports and exports at its outermost level.
#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn names(component: &[u8]) -> Result<Names, ComponentError> {
    let mut names = Names::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    names.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

fn stamp(component: &mut Vec<u8>) {
    CustomSection {
        name: Cow::Borrowed(CONTRACT_SECTION),
        data: Cow::Borrowed(CONTRACT.as_bytes()),
    }
    .append_to_component(component);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use wasmparser::Validator;

    #[test]
    fn the_stamp_is_readable_at_the_outermost_level_and_leaves_the_component_valid() {
        let mut component = wasm_encoder::Component::new().finish();
        stamp(&mut component);
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
        assert_eq!(found.as_deref(), Some(CONTRACT.as_bytes()));
    }

    #[test]
    fn the_contract_version_is_the_one_of_the_package_line() {
        let said = include_str!("../../../wit/types.wit")
            .lines()
            .find_map(|line| line.strip_prefix("package jackfield:plugin@"));
        assert_eq!(said, Some(format!("{CONTRACT};").as_str()));
    }

    #[test]
    fn a_component_that_exports_no_plugin_interface_has_no_names_of_the_contract() {
        let empty = wasm_encoder::Component::new().finish();
        assert!(names(&empty).unwrap().exports.is_empty());
        assert_eq!(of_contract("jackfield:plugin/http@1.1.0"), Some("http"));
        assert_eq!(of_contract("wasi:io/poll@0.2.3"), None);
    }

    #[test]
    fn a_component_of_a_tool_chain_has_to_export_a_plugin_too() {
        let empty = wasm_encoder::Component::new().finish();
        let error = from_component(empty).unwrap_err();
        assert!(matches!(error, ComponentError::Exports(_)), "{error}");
    }

    #[test]
    fn a_module_without_an_interface_is_refused_with_a_reason() {
        let error = from_module(b"not wasm").unwrap_err().to_string();
        assert!(error.contains("SDK's bindings"), "{error}");
    }
}
