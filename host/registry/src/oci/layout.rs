//! How a component lies in a registry.
//!
//! The layout is the "Wasm OCI Artifact layout" of the CNCF's TAG Runtime, which wasmtime's and
//! others' tools read and write: a manifest of the OCI image specification whose configuration has
//! the media type `application/vnd.wasm.config.v0+json` and names what the component imports and
//! exports, with one layer `application/wasm`, the component as it is.
//!
//! What must hold: the same artefact always makes the same bytes, so that pushing twice changes
//! nothing and a digest says what is in it. So the time in the configuration, which the layout wants,
//! is the beginning of the Unix epoch, as builds that can be repeated have it.

use crate::component::World;
use crate::digest::Digest;
use crate::text::clean;
use crate::{Artifact, Error};
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciDescriptor, OciImageManifest,
};
use serde::{Deserialize, Serialize};

/// The media type of the configuration.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The media type of the layer.
const LAYER: &str = "application/wasm";
/// The annotation that carries the signature.
const SIGNATURE: &str = "dev.jackfield.signature";
/// The time of every configuration.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// The configuration, in the layout's own words.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: ConfigComponent<'a>,
}

#[derive(Serialize)]
struct ConfigComponent<'a> {
    exports: &'a [String],
    imports: &'a [String],
    /// The world, which a built component no longer names.
    target: Option<&'a str>,
}

/// What is written beside the component.
pub(crate) struct Built {
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

/// What a manifest says about the component.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) signature: Option<String>,
}

/// Lays an artefact out.
pub(crate) fn build(artifact: &Artifact, world: &World) -> Result<Built, Error> {
    let unwritable = |why: serde_json::Error| Error::Options {
        what: format!("the manifest cannot be written: {why}"),
    };
    let config = Config {
        created: CREATED,
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [Digest::of(&artifact.bytes).to_string()],
        component: ConfigComponent {
            exports: &world.exports,
            imports: &world.imports,
            target: None,
        },
    };
    let config = serde_json::to_vec(&config).map_err(unwritable)?;
    let mut annotations = artifact.annotations.clone();
    if let Some(signature) = &artifact.signature {
        annotations.insert(SIGNATURE.to_owned(), signature.clone());
    }
    let manifest = OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        config: descriptor(CONFIG, &config),
        layers: vec![descriptor(LAYER, &artifact.bytes)],
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..OciImageManifest::default()
    };
    let manifest = serde_json::to_vec(&manifest).map_err(unwritable)?;
    Ok(Built { config, manifest })
}

fn descriptor(media_type: &str, bytes: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    }
}

/// Finds the component in a manifest. What its configuration is called does not matter: some tools
/// push with an empty one, and the host looks into the component itself.
pub(crate) fn read(what: &str, bytes: &[u8]) -> Result<Layer, Error> {
    let wrong = |found: String, right: &str| Error::Layout {
        what: what.to_owned(),
        found,
        right: right.to_owned(),
    };
    /// Enough to tell an index from a manifest.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    const MANIFEST: &str = "a manifest of the OCI image specification as JSON";
    let unreadable = |why: serde_json::Error| {
        let html = bytes.trim_ascii_start().starts_with(b"<");
        let found = if html { " an HTML page" } else { "" };
        wrong(
            format!(
                "a body that cannot be read:{found} {}",
                clean(&why.to_string())
            ),
            MANIFEST,
        )
    };
    let kind: Kind = serde_json::from_slice(bytes).map_err(unreadable)?;
    let index = kind.media_type.as_deref().is_some_and(|media_type| {
        [OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE].contains(&media_type)
    });
    if index || kind.manifests.is_some() {
        return Err(wrong(
            "an index of several manifests".to_owned(),
            "one component; give the digest of the one that is meant (@sha256:…)",
        ));
    }
    let manifest: OciImageManifest = serde_json::from_slice(bytes).map_err(unreadable)?;
    let [layer] = manifest.layers.as_slice() else {
        return Err(wrong(
            format!("{} layers", manifest.layers.len()),
            "exactly one, of the media type `application/wasm`",
        ));
    };
    if layer.media_type != LAYER {
        return Err(wrong(
            format!("a layer of the media type `{}`", clean(&layer.media_type)),
            "one of the media type `application/wasm`: the component as it is, in no archive and not \
             compressed; `jackfield plugin push` makes it so",
        ));
    }
    let digest = Digest::parse(&layer.digest).ok_or_else(|| {
        wrong(
            format!("a layer with the digest `{}`", clean(&layer.digest)),
            "one of the form `sha256:` and 64 digits of 0-9 and a-f",
        )
    })?;
    let size = u64::try_from(layer.size).map_err(|_| {
        wrong(
            format!("a layer of {} bytes", layer.size),
            "one with a true size",
        )
    })?;
    Ok(Layer {
        digest,
        size,
        signature: manifest
            .annotations
            .and_then(|mut annotations| annotations.remove(SIGNATURE)),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn artifact() -> Artifact {
        Artifact {
            bytes: b"component".to_vec(),
            signature: Some("untrusted comment: x".to_owned()),
            annotations: BTreeMap::from([(
                "org.opencontainers.image.version".to_owned(),
                "1.2.0".to_owned(),
            )]),
        }
    }

    #[test]
    fn the_manifest_and_its_configuration_are_those_of_the_guidance() {
        let world = World {
            imports: vec!["a:b/c@1.0.0".to_owned()],
            exports: vec!["d:e/f@1.0.0".to_owned()],
        };
        let built = build(&artifact(), &world).unwrap();
        let layer = Digest::of(b"component").to_string();
        let config: Value = serde_json::from_slice(&built.config).unwrap();
        assert_eq!(
            config,
            json!({
                "created": "1970-01-01T00:00:00Z",
                "architecture": "wasm",
                "os": "wasip2",
                "layerDigests": [layer],
                "component": {
                    "exports": ["d:e/f@1.0.0"], "imports": ["a:b/c@1.0.0"], "target": null
                },
            })
        );
        let manifest: Value = serde_json::from_slice(&built.manifest).unwrap();
        assert_eq!(
            manifest,
            json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": "application/vnd.wasm.config.v0+json",
                    "digest": Digest::of(&built.config).to_string(),
                    "size": built.config.len(),
                },
                "layers": [{"mediaType": "application/wasm", "digest": layer, "size": 9}],
                "annotations": {
                    "dev.jackfield.signature": "untrusted comment: x",
                    "org.opencontainers.image.version": "1.2.0",
                },
            })
        );
    }

    #[test]
    fn the_same_artefact_makes_the_same_manifest() {
        let build = || build(&artifact(), &World::default()).unwrap().manifest;
        assert_eq!(build(), build());
    }

    #[test]
    fn what_was_built_is_read_again() {
        let built = build(&artifact(), &World::default()).unwrap();
        let layer = read("it", &built.manifest).unwrap();
        assert_eq!(layer.digest, Digest::of(b"component"));
        assert_eq!(layer.size, 9);
        assert_eq!(layer.signature.as_deref(), Some("untrusted comment: x"));
    }

    #[test]
    fn any_other_layout_is_refused_with_what_would_be_right() {
        let manifest = |layers: Value| {
            json!({
                "schemaVersion": 2,
                "config": {"mediaType": CONFIG, "digest": EMPTY, "size": 0},
                "layers": layers,
            })
            .to_string()
        };
        let layer = |media_type: &str, digest: &str, size: i64| json!({"mediaType": media_type, "digest": digest, "size": size});
        let good = layer(LAYER, EMPTY, 0);
        let gzip = layer("application/vnd.oci.image.layer.v1.tar+gzip", EMPTY, 0);
        let sha512 = layer(LAYER, &format!("sha512:{}", "0".repeat(128)), 0);
        for (text, says) in [
            ("<html>".to_owned(), "an HTML page"),
            ("{}".to_owned(), "as JSON"),
            ("{".to_owned(), "as JSON"),
            ("[".repeat(10_000), "as JSON"),
            (manifest(json!([])), "has 0 layers"),
            (manifest(json!([good, good])), "has 2 layers"),
            (manifest(json!([gzip])), "tar+gzip`, but should have one of"),
            (manifest(json!([sha512])), "64 digits"),
            (manifest(json!([layer(LAYER, EMPTY, -1)])), "of -1 bytes"),
            (
                json!({"schemaVersion": 2, "manifests": []}).to_string(),
                "an index of several manifests",
            ),
            (
                json!({"mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE}).to_string(),
                "an index of several manifests",
            ),
        ] {
            let found = read("it", text.as_bytes()).unwrap_err().to_string();
            assert!(found.contains(says), "{found}");
        }
    }
}
