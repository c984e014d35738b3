//! What a file is, before anything of it runs: digest, kind, contract version, imports.
//!
//! The import list of a component is the list of what it can ever ask for, so it is read from the
//! file itself, without compiling. Names are matched by semver within a major version: a component
//! made against an older minor of the contract fits, one made against a newer minor may call what
//! this host does not have, and is refused with what would be right.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentTypeRef, Parser, Payload,
    Validator,
};

use crate::interface::{Interface, Interfaces};
use crate::wasi;

/// The version of the contract that this host speaks: that of the package in `wit/`.
pub const CONTRACT: Version = Version::new(1, 1, 0);
/// The custom section in which the SDK stamps the version that a plugin was made against.
pub const CONTRACT_SECTION: &str = "jackfield:contract";
const PACKAGE: &str = "jackfield:plugin";
/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// Which of the two worlds a plugin belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Exports `step`.
    Step,
    /// Exports `connector`.
    Connector,
}

impl Kind {
    /// `step` or `connector`, as the exported interface is called.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Step => "step",
            Kind::Connector => "connector",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An imported interface of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Which.
    pub interface: Interface,
    /// The version that the component was made against.
    pub version: Version,
}

/// What a component is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// `sha256:` and 64 hex digits: the plugin's identity.
    pub digest: String,
    /// Step or connector.
    pub kind: Kind,
    /// The contract version stamped by the SDK, if it is stamped.
    pub contract: Option<Version>,
    /// Every interface of the contract that it imports.
    pub imports: Vec<Import>,
    /// Every WASI interface that it imports, as written: `wasi:io/poll@0.2.3`.
    pub wasi: Vec<String>,
    /// Bytes of the file.
    pub size: u64,
    /// What an instance needs at the start.
    pub resources: Resources,
}

impl Inspection {
    /// The imported interfaces as a set: what the plugin asks for.
    pub fn interfaces(&self) -> Interfaces {
        self.imports.iter().map(|import| import.interface).collect()
    }
}

/// What one instance needs before it has done anything, over all core modules of the component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resources {
    /// Linear memories.
    pub memories: u32,
    /// Bytes of the largest of them at the start.
    pub initial_memory: u64,
    /// Tables.
    pub tables: u32,
    /// Elements of the largest of them at the start.
    pub initial_table: u64,
}

/// Why a file is no plugin for this host. Every message says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Larger than the host accepts.
    #[error(
        "the file has {size} bytes, this host accepts components of at most {most}; make it smaller (strip debug information), or raise `max-component-bytes`"
    )]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The most that is accepted.
        most: u64,
    },
    /// No WebAssembly in binary form.
    #[error(
        "the file is not WebAssembly; a plugin is a component in binary form (`.wasm`), not text and not a compiled file"
    )]
    NotWasm,
    /// A core module.
    #[error(
        "the file is a core module, not a component; turn it into one with `wasm-tools component new`, or build it with the SDK"
    )]
    CoreModule,
    /// Broken.
    #[error(
        "the component is malformed at byte {offset}: {message}; build it again, or fetch it again if it was downloaded"
    )]
    Malformed {
        /// What is wrong.
        message: String,
        /// Where.
        offset: u64,
    },
    /// Components inside of it call each other. What crosses between them is copied by the host's
    /// code, which uses no fuel and cannot be interrupted.
    #[error(
        "the component is composed of others that call each other, which no limit bounds; link the parts into one module, or ship them as plugins of their own"
    )]
    Composed,
    /// Something imported that this host does not have at all.
    #[error("the component imports `{import}`, which this host does not offer; a {kind} may import {offered} of `jackfield:plugin@1`, and WASI 0.2 (io, clocks, random, filesystem, cli, sockets)", offered = offered(*kind))]
    UnknownImport {
        /// As written in the component.
        import: String,
        /// What it exports.
        kind: Kind,
    },
    /// An interface that the other kind of plugin has.
    #[error("a {kind} may not import `{interface}`; it may import {offered}", offered = offered(*kind))]
    NotOffered {
        /// Which.
        interface: Interface,
        /// What it exports.
        kind: Kind,
    },
    /// Neither `step` nor `connector`.
    #[error("the component exports neither `jackfield:plugin/step` nor `jackfield:plugin/connector`, but {found}; a plugin exports exactly one of them", found = listed(exports))]
    NoPlugin {
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// Both `step` and `connector`.
    #[error("the component exports both `step` and `connector`; make it two components")]
    Both,
    /// Another major version of the contract.
    #[error(
        "`{name}` is of another major version of the contract; this host speaks {CONTRACT}: {} `jackfield:plugin@{CONTRACT}`",
        remedy(name)
    )]
    WrongMajor {
        /// As written in the component.
        name: String,
    },
    /// A newer minor version of the contract.
    #[error(
        "`{name}` is of a newer version of the contract; this host speaks {CONTRACT}: update the host, or build the plugin against `jackfield:plugin@{CONTRACT}`"
    )]
    NewerMinor {
        /// As written in the component.
        name: String,
    },
    /// The stamp of the SDK cannot be read.
    #[error(
        "the custom section `{CONTRACT_SECTION}` holds no version; it should be like `{CONTRACT}`"
    )]
    BadStamp,
}

/// What to do about a component of another major version.
fn remedy(name: &str) -> &'static str {
    let version = name.rsplit('@').next().map(Version::parse);
    match version {
        Some(Ok(version)) if version.major > CONTRACT.major => {
            "update the host, or build the plugin against"
        }
        _ => "build the plugin again, against",
    }
}

fn offered(kind: Kind) -> String {
    let names: Vec<_> = Interfaces::of(kind).iter().map(Interface::name).collect();
    names.join(", ")
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// The digest under which a component is known.
pub fn digest(wasm: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(wasm)))
}

/// What the file says of itself.
struct Outline {
    contract: Option<Version>,
    imports: Vec<String>,
    exports: Vec<String>,
    resources: Resources,
}

/// Says what a file is, without running or compiling anything of it.
///
/// Takes some tenths of a second for a component of 20 MB, so call it outside of the async
/// runtime's threads.
///
/// # Errors
/// [`InspectError`], when it is no plugin for this host.
pub fn inspect(wasm: &[u8], most: u64) -> Result<Inspection, InspectError> {
    let size = wasm.len() as u64;
    if size > most {
        return Err(InspectError::TooLarge { size, most });
    }
    let outline = outline(wasm)?;
    let kind = kind(&outline.exports)?;
    let mut inspection = Inspection {
        digest: digest(wasm),
        kind,
        contract: outline.contract,
        imports: Vec::new(),
        wasi: Vec::new(),
        size,
        resources: outline.resources,
    };
    if let Some(stamp) = &inspection.contract {
        fits(&format!("{PACKAGE}@{stamp}"), stamp)?;
    }
    for name in outline.imports {
        import(name, &mut inspection)?;
    }
    Ok(inspection)
}

fn import(name: String, inspection: &mut Inspection) -> Result<(), InspectError> {
    let kind = inspection.kind;
    let unknown = |import| InspectError::UnknownImport { import, kind };
    let Some((package, interface, version)) = split(&name) else {
        return Err(unknown(name));
    };
    if package == PACKAGE {
        if interface == "types" {
            return fits(&name, &version);
        }
        let Ok(found) = interface.parse::<Interface>() else {
            // A newer version may have more interfaces: that is the better thing to say.
            fits(&name, &version)?;
            return Err(unknown(name));
        };
        fits(&name, &version)?;
        if !found.offered_to(kind) {
            return Err(InspectError::NotOffered {
                interface: found,
                kind,
            });
        }
        inspection.imports.push(Import {
            interface: found,
            version,
        });
        return Ok(());
    }
    let offered = wasi::OFFERED
        .iter()
        .any(|(offered, interfaces)| *offered == package && interfaces.contains(&interface));
    if !offered || (version.major, version.minor) != (0, 2) {
        return Err(unknown(name));
    }
    inspection.wasi.push(name);
    Ok(())
}

/// `jackfield:plugin/http@1.0.0` in its three parts.
fn split(name: &str) -> Option<(&str, &str, Version)> {
    let (path, version) = name.split_once('@')?;
    let (package, interface) = path.split_once('/')?;
    Some((package, interface, Version::parse(version).ok()?))
}

fn fits(name: &str, version: &Version) -> Result<(), InspectError> {
    let name = || name.to_owned();
    if version.major != CONTRACT.major {
        Err(InspectError::WrongMajor { name: name() })
    } else if version.minor > CONTRACT.minor {
        Err(InspectError::NewerMinor { name: name() })
    } else {
        Ok(())
    }
}

/// The world that an export stands for, and the version of it: `jackfield:plugin/step@1.0.0` makes a
/// step. Nothing for any other export.
pub(crate) fn own(name: &str) -> Option<(Kind, Version)> {
    let (package, interface, version) = split(name)?;
    let kind = [Kind::Step, Kind::Connector]
        .into_iter()
        .find(|kind| kind.name() == interface)?;
    (package == PACKAGE).then_some((kind, version))
}

fn kind(exports: &[String]) -> Result<Kind, InspectError> {
    let mut found = None;
    for name in exports {
        let Some((kind, version)) = own(name) else {
            continue;
        };
        fits(name, &version)?;
        if found.replace(kind).is_some() {
            return Err(InspectError::Both);
        }
    }
    found.ok_or_else(|| InspectError::NoPlugin {
        exports: exports.to_vec(),
    })
}

/// Which of the instances and functions at the top of a component come from outside of it: only
/// such a function may be called from within.
#[derive(Default)]
struct Origins {
    instances: Vec<bool>,
    functions: Vec<bool>,
}

impl Origins {
    fn instance(&self, index: u32) -> bool {
        self.instances
            .get(index as usize)
            .copied()
            .unwrap_or_default()
    }

    fn function(&self, index: u32) -> bool {
        self.functions
            .get(index as usize)
            .copied()
            .unwrap_or_default()
    }
}

fn outline(wasm: &[u8]) -> Result<Outline, InspectError> {
    if !wasm.starts_with(b"\0asm") {
        return Err(InspectError::NotWasm);
    }
    if Parser::is_core_wasm(wasm) {
        return Err(InspectError::CoreModule);
    }
    let malformed = |error: wasmparser::BinaryReaderError| InspectError::Malformed {
        message: error.message().to_owned(),
        offset: error.offset(),
    };
    Validator::new().validate_all(wasm).map_err(malformed)?;

    let mut outline = Outline {
        contract: None,
        imports: Vec::new(),
        exports: Vec::new(),
        resources: Resources::default(),
    };
    let resources = &mut outline.resources;
    let mut origins = Origins::default();
    // Modules and components lie inside of the component; only what stands at the top counts,
    // except for the stamp, which the tool-chain leaves in the module that the SDK was linked to.
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(malformed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(malformed)?;
                    outline.imports.push(import.name.name.to_owned());
                    match import.ty {
                        ComponentTypeRef::Instance(_) => origins.instances.push(true),
                        ComponentTypeRef::Func(_) => origins.functions.push(true),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(malformed)?;
                    // What is exported can be referred to anew.
                    match export.kind {
                        ComponentExternalKind::Instance => {
                            outline.exports.push(export.name.name.to_owned());
                            origins.instances.push(origins.instance(export.index));
                        }
                        ComponentExternalKind::Func => {
                            origins.functions.push(origins.function(export.index));
                        }
                        _ => {}
                    }
                }
            }
            Payload::ComponentInstanceSection(section) if depth == 0 => {
                for instance in section {
                    instance.map_err(malformed)?;
                    origins.instances.push(false);
                }
            }
            Payload::ComponentAliasSection(section) if depth == 0 => {
                for alias in section {
                    if let ComponentAlias::InstanceExport {
                        kind,
                        instance_index,
                        ..
                    } = alias.map_err(malformed)?
                    {
                        let origin = origins.instance(instance_index);
                        match kind {
                            ComponentExternalKind::Instance => origins.instances.push(origin),
                            ComponentExternalKind::Func => origins.functions.push(origin),
                            _ => {}
                        }
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    match function.map_err(malformed)? {
                        CanonicalFunction::Lower { func_index, .. }
                            if depth > 0 || !origins.function(func_index) =>
                        {
                            return Err(InspectError::Composed);
                        }
                        CanonicalFunction::Lift { .. } if depth == 0 => {
                            origins.functions.push(false);
                        }
                        _ => {}
                    }
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let initial = memory.map_err(malformed)?.initial;
                    resources.memories += 1;
                    resources.initial_memory =
                        resources.initial_memory.max(initial.saturating_mul(PAGE));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let initial = table.map_err(malformed)?.ty.initial;
                    resources.tables += 1;
                    resources.initial_table = resources.initial_table.max(initial);
                }
            }
            Payload::CustomSection(section)
                if section.name() == CONTRACT_SECTION && outline.contract.is_none() =>
            {
                let stamp = std::str::from_utf8(section.data())
                    .ok()
                    .and_then(|text| Version::parse(text.trim()).ok())
                    .ok_or(InspectError::BadStamp)?;
                outline.contract = Some(stamp);
            }
            _ => {}
        }
    }
    Ok(outline)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MOST: u64 = 1 << 20;

    fn component(text: &str) -> Result<Inspection, InspectError> {
        inspect(&wat::parse_str(text).unwrap(), MOST)
    }

    /// An exported instance without functions: enough for the inspection, which reads names.
    fn plugin(body: &str) -> String {
        format!(
            r#"(component {body} (instance $none) (export "jackfield:plugin/step@1.0.0" (instance $none)))"#
        )
    }

    #[test]
    fn a_plugin_is_known_by_its_export_and_its_imports() {
        let found = component(&plugin(
            r#"(import "jackfield:plugin/http@1.0.0" (instance))
               (import "jackfield:plugin/types@1.0.0" (instance))
               (import "wasi:io/poll@0.2.3" (instance))
               (core module (@custom "jackfield:contract" "1.1.0"))"#,
        ))
        .unwrap();
        assert_eq!(found.kind, Kind::Step);
        assert_eq!(found.contract, Some(CONTRACT));
        assert_eq!(
            found.interfaces().iter().collect::<Vec<_>>(),
            [Interface::Http]
        );
        assert_eq!(found.wasi, ["wasi:io/poll@0.2.3"]);
        assert!(found.digest.starts_with("sha256:") && found.digest.len() == 71);
    }

    #[test]
    fn what_is_no_component_is_named_for_what_it_is() {
        assert_eq!(inspect(b"(component)", MOST), Err(InspectError::NotWasm));
        assert_eq!(
            inspect(&wat::parse_str("(module)").unwrap(), MOST),
            Err(InspectError::CoreModule)
        );
        assert_eq!(
            inspect(&[0; 9], 8),
            Err(InspectError::TooLarge { size: 9, most: 8 })
        );
        let mut broken = wat::parse_str(plugin("")).unwrap();
        broken.truncate(broken.len() - 3);
        assert!(matches!(
            inspect(&broken, MOST),
            Err(InspectError::Malformed { .. })
        ));
    }

    #[test]
    fn imports_that_nobody_offers_are_refused_with_what_is_offered() {
        let error = component(&plugin(r#"(import "wasi:http/types@0.2.3" (instance))"#));
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("wasi:http/types@0.2.3") && message.contains("variables"),
            "{message}"
        );
        for import in ["wasi:io/poll@0.3.0", "acme:things/all@1.0.0"] {
            assert!(matches!(
                component(&plugin(&format!(r#"(import "{import}" (instance))"#))),
                Err(InspectError::UnknownImport { .. })
            ));
        }
        assert_eq!(
            component(&plugin(
                r#"(import "jackfield:plugin/email@1.0.0" (instance))"#
            )),
            Err(InspectError::NotOffered {
                interface: Interface::Email,
                kind: Kind::Step
            })
        );
    }

    #[test]
    fn versions_are_matched_by_semver() {
        let with = |version: &str| {
            component(&plugin(&format!(
                r#"(import "jackfield:plugin/log@{version}" (instance))"#
            )))
        };
        assert!(with("1.0.7").is_ok());
        for major in ["0.9.0", "2.0.0"] {
            assert!(matches!(with(major), Err(InspectError::WrongMajor { .. })));
        }
        assert!(matches!(
            with("1.2.0"),
            Err(InspectError::NewerMinor { .. })
        ));
    }

    #[test]
    fn exactly_one_of_step_and_connector_is_exported() {
        assert_eq!(
            component("(component)"),
            Err(InspectError::NoPlugin { exports: vec![] })
        );
        assert_eq!(
            component(&plugin(
                r#"(instance $c) (export "jackfield:plugin/connector@1.0.0" (instance $c))"#
            )),
            Err(InspectError::Both)
        );
    }
}
