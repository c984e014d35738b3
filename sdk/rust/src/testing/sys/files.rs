//! The import `files`: those that the test gave.

use super::CallError;
use crate::testing::host::{call_error, with};

/// As much as the host reads.
const MOST: usize = 256 * 1024;

pub(crate) fn read(name: &str) -> Result<Vec<u8>, CallError> {
    with(|host| match host.files.get(name) {
        Some(bytes) if bytes.len() > MOST => Err(call_error(
            "too-large",
            &format!("`{name}` has more than {MOST} bytes"),
        )),
        Some(bytes) => Ok(bytes.clone()),
        None => Err(call_error(
            "not-found",
            &format!("there is no file `{name}`"),
        )),
    })
}
