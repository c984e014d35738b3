//! What the tests of this crate share.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod hostile;
pub(crate) mod registry;

use jackfield_registry::{Artifact, Error, Fetched, Limits, Options, Progress, Silent};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// A text that can be a signature; whether it is right is judged elsewhere.
pub(crate) const SIGNATURE: &str =
    "untrusted comment: signature\nRWQf6LRCGA9i5\ntrusted comment: now\nabc==\n";

/// A component of about `size` bytes, with an import and an export. `seed` tells one from another.
pub(crate) fn component(size: usize, seed: u64) -> Vec<u8> {
    let mut bytes = wat::parse_str(
        r#"(component
            (import "jackfield:plugin/log@1.0.0" (instance $log))
            (export "jackfield:plugin/step@1.0.0" (instance $log)))"#,
    )
    .unwrap();
    // A custom section with content that no compression makes small.
    let mut content = vec![4];
    content.extend(b"fill");
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    while content.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend(state.to_le_bytes());
    }
    bytes.push(0);
    let mut length = content.len();
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            break;
        }
    }
    bytes.extend(content);
    bytes
}

/// A component with everything that may stand beside it.
pub(crate) fn artifact(bytes: Vec<u8>) -> Artifact {
    let annotation = |name: &str, value: &str| {
        let key = format!("org.opencontainers.image.{name}");
        (key, value.to_owned())
    };
    Artifact {
        bytes,
        signature: Some(SIGNATURE.to_owned()),
        annotations: BTreeMap::from([
            annotation("title", "greet"),
            annotation("version", "1.2.0"),
            annotation("description", "Says hello"),
        ]),
    }
}

/// Settings that find no credentials of the person who runs the tests.
pub(crate) fn options() -> Options {
    Options {
        docker_config: Some(PathBuf::from("/nonexistent")),
        ..Options::default()
    }
}

/// The same with limits that a test can wait for.
pub(crate) fn short() -> Options {
    Options {
        limits: Limits {
            bytes: 64 * 1024,
            manifest: 16 * 1024,
            signature: 4 * 1024,
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(1),
            whole: Duration::from_secs(3),
        },
        ..options()
    }
}

/// A folder with Docker's configuration.
pub(crate) fn docker_config(folder: &Path, json: &str) -> PathBuf {
    std::fs::write(folder.join("config.json"), json).unwrap();
    folder.to_owned()
}

pub(crate) async fn fetch(source: &str, options: &Options) -> Result<Fetched, Error> {
    jackfield_registry::fetch(&source.parse()?, options, &Silent).await
}

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<(Option<u64>, u64, bool)>>);

impl Progress for Told {
    fn begin(&self, _what: &str, total: Option<u64>) {
        self.0.lock().unwrap().push((total, 0, false));
    }

    fn advance(&self, bytes: u64) {
        self.0.lock().unwrap().last_mut().unwrap().1 += bytes;
    }

    fn end(&self) {
        self.0.lock().unwrap().last_mut().unwrap().2 = true;
    }
}
