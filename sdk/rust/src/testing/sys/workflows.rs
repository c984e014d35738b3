//! The import `workflows`: what was started, unless the test refuses it.

use super::{CallError, value};
use crate::testing::host::with;

pub(crate) fn start(workflow: &str, options: &str) -> Result<String, CallError> {
    let start = (workflow.to_owned(), value(options)?);
    with(|host| {
        (host.start)(&start)?;
        host.record.started.push(start);
        Ok(format!("run-{}", host.record.started.len()))
    })
}
