//! Components from and to OCI registries.
//!
//! The protocol is the OCI distribution specification, of which six requests are needed: a manifest
//! and a blob are read; a blob is looked for, begun, written; a manifest is written.

mod credentials;
mod layout;
mod session;

use crate::digest::Digest;
use crate::http::{Expected, Http};
use crate::options::Options;
use crate::progress::Progress;
use crate::source::Reference;
use crate::{Artifact, Error, Fetched, Pushed, component, signature};
use bytes::Bytes;
use session::{Actions, Session};

/// Reads the manifest, then the one layer that it names.
pub(crate) async fn fetch(
    reference: &Reference,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Fetched, Error> {
    let http = Http::new(options)?;
    let limits = http.limits();
    let mut session = Session::open(&http, reference, Actions::Pull, options).await?;

    let what = format!("the manifest of {reference}");
    let (manifest, said) = session.manifest(&what, &reference.asked()).await?;
    let digest = Digest::of(&manifest);
    // Without a pin the registry's own word is all there is; it has to be right as well.
    if let Some(expected) = reference.pin().or(said)
        && expected != digest
    {
        return Err(mismatch(what, expected, digest));
    }
    let layer = layout::read(&what, &manifest)?;

    let what = format!("the component of {reference}");
    if layer.size > limits.bytes {
        return Err(Error::TooLarge {
            what,
            most: limits.bytes,
        });
    }
    let signature = layer
        .signature
        .map(|text| {
            let what = format!("the signature of {reference}");
            signature::read(&what, text.into_bytes(), limits.signature)
        })
        .transpose()?;
    let expected = Expected {
        what: &what,
        most: limits.bytes,
        exact: Some(layer.size),
    };
    let bytes = session.blob(&expected, layer.digest, progress).await?;
    let found = Digest::of(&bytes);
    if found != layer.digest {
        return Err(mismatch(what, layer.digest, found));
    }
    component::check(&what, &bytes)?;
    Ok(Fetched {
        bytes,
        source: reference.to_string(),
        signature,
        digest: found.to_string(),
        manifest: Some(digest.to_string()),
    })
}

/// Writes the component and its configuration where they are not there yet, then the manifest.
pub(crate) async fn push(
    reference: &Reference,
    artifact: &Artifact,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Pushed, Error> {
    if reference.pin().is_some() {
        return Err(Error::Source {
            text: reference.to_string(),
            why: "what is pushed has the digest that it has; give a tag alone".to_owned(),
        });
    }
    let limits = options.limits;
    let too_large = |what: &str, length: usize, most: u64| match length as u64 > most {
        true => Err(Error::TooLarge {
            what: what.to_owned(),
            most,
        }),
        false => Ok(()),
    };
    too_large("the component", artifact.bytes.len(), limits.bytes)?;
    if let Some(text) = &artifact.signature {
        let bytes = text.clone().into_bytes();
        signature::read("the signature", bytes, limits.signature)?;
    }
    let world = component::world("what is to be pushed", &artifact.bytes)?;
    let built = layout::build(artifact, &world)?;
    too_large("the manifest", built.manifest.len(), limits.manifest)?;

    let http = Http::new(options)?;
    let mut session = Session::open(&http, reference, Actions::PullPush, options).await?;
    let component = Bytes::copy_from_slice(&artifact.bytes);
    let what = format!("the component for {reference}");
    session.upload(&what, component, progress).await?;
    let what = format!("the configuration for {reference}");
    session.upload(&what, built.config.into(), progress).await?;

    let what = format!("the manifest for {reference}");
    let digest = Digest::of(&built.manifest);
    let tag = reference.asked();
    let said = session
        .put_manifest(&what, &tag, built.manifest.into(), progress)
        .await?;
    match said {
        Some(said) if said != digest => Err(mismatch(what, digest, said)),
        _ => Ok(Pushed {
            reference: reference.pinned(digest),
            digest: digest.to_string(),
        }),
    }
}

fn mismatch(what: String, expected: Digest, found: Digest) -> Error {
    Error::Digest {
        what,
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
