//! What can be said about a component's bytes without running anything.
//!
//! The host looks at every component anew and in depth; here an error page, an archive or a core
//! module is recognised where it was fetched, and what a component imports and exports is read for
//! the configuration that stands beside it in a registry.

use crate::Error;
use wasmparser::{Parser, Payload};

/// How every component begins: `\0asm`, version 13, layer 1.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// How every core module begins.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// The names at a component's border.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Refuses what does not begin like a component, and says what it looks like.
pub(crate) fn check(what: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.starts_with(COMPONENT) {
        return Ok(());
    }
    Err(Error::NotComponent {
        what: what.to_owned(),
        found: looks_like(bytes).to_owned(),
    })
}

/// Reads the names of what the component imports and exports.
pub(crate) fn world(what: &str, bytes: &[u8]) -> Result<World, Error> {
    check(what, bytes)?;
    read_world(bytes).map_err(|why| Error::NotComponent {
        what: what.to_owned(),
        found: format!("broken ({})", crate::text::clean(why.message())),
    })
}

fn read_world(bytes: &[u8]) -> wasmparser::Result<World> {
    let mut world = World::default();
    // Components and modules within have borders of their own, which are none of ours.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    world.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    world.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(world)
}

fn looks_like(bytes: &[u8]) -> &'static str {
    let start = &bytes[..bytes.len().min(512)];
    let text = std::str::from_utf8(start)
        .ok()
        .map(|text| text.trim_start().to_ascii_lowercase());
    match text {
        _ if bytes.is_empty() => "empty",
        _ if bytes.starts_with(MODULE) => "a core module",
        _ if bytes.starts_with(b"\0asm") => "WebAssembly of an unknown version",
        _ if bytes.starts_with(b"\x1f\x8b") => "compressed by gzip",
        _ if bytes.starts_with(b"\x28\xb5\x2f\xfd") => "compressed by zstd",
        _ if bytes.starts_with(b"PK\x03\x04") => "a zip archive",
        Some(text) if text.starts_with("<!doctype html") || text.starts_with("<html") => {
            "an HTML page"
        }
        Some(text) if text.starts_with('{') => "JSON",
        Some(text) if text.starts_with("(component") || text.starts_with("(module") => {
            "the text form of WebAssembly"
        }
        Some(_) => "text",
        None => "something else",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_outer_component_alone() {
        let bytes = wat::parse_str(
            r#"(component
                (import "a:b/c@1.0.0" (instance $i))
                (component $inner (import "x" (func)) (export "y" (func 0)))
                (core module (import "m" "n" (func)))
                (export "d:e/f@1.0.0" (instance $i)))"#,
        )
        .unwrap();
        let world = world("it", &bytes).unwrap();
        assert_eq!(world.imports, ["a:b/c@1.0.0"]);
        assert_eq!(world.exports, ["d:e/f@1.0.0"]);
    }

    #[test]
    fn what_is_no_component_is_called_by_its_name() {
        for (bytes, name) in [
            (&b""[..], "empty"),
            (b"\0asm\x01\0\0\0", "a core module"),
            (b"\0asm\x02\0\0\0", "WebAssembly of an unknown version"),
            (b"\x1f\x8b\x08", "compressed by gzip"),
            (b"  \n<!DOCTYPE html><p>", "an HTML page"),
            (b"{\"a\":1}", "JSON"),
            (b"(component)", "the text form of WebAssembly"),
            (b"hello", "text"),
            (b"\xff\xfe", "something else"),
        ] {
            let found = check("it", bytes).unwrap_err().to_string();
            assert_eq!(found, format!("it is {name}, not a WebAssembly component"));
        }
    }

    #[test]
    fn a_broken_component_is_refused() {
        let mut bytes = COMPONENT.to_vec();
        bytes.extend([7, 200]);
        let found = world("it", &bytes).unwrap_err().to_string();
        assert!(found.starts_with("it is broken ("), "{found}");
    }
}
