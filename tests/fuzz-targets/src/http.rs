//! What the HTTP API reads before it knows who asks, and settings that it keeps.

use crate::{json, parts, text};
use jackfield_messaging::untrusted;
use jackfield_server::http::extract::from_json;
use jackfield_server::http::json::merge;
use jackfield_server::http::key::Key;
use jackfield_server::http::paging::{PageParams, cursor};
use serde_json::Value;

/// A body of JSON: read, or refused with a status of 400 to 499 and the place.
pub fn body(data: &[u8]) {
    let refused = |problem: jackfield_server::http::problem::Problem| {
        let body = problem.body(None);
        assert!((400..500).contains(&body.status) && !body.detail.is_empty());
    };
    match from_json::<Value>(data) {
        Ok(mut value) => {
            let patch = value.clone();
            merge(&mut value, patch);
        }
        Err(problem) => refused(problem),
    }
    if let Err(problem) = from_json::<PageParams>(data) {
        refused(problem);
    }
}

/// A key, and a cursor of a list.
pub fn credentials(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(key) = Key::parse(text) {
        assert_eq!(key.reveal(), text.trim());
        assert!(!format!("{key:?}").contains(&key.reveal()));
        assert_eq!(key.hash().len(), 64);
    }
    let page = |cursor: &str| {
        let params = PageParams {
            limit: None,
            cursor: Some(cursor.to_owned()),
        };
        params.range("things")
    };
    if let Ok(range) = page(text) {
        assert!(range.after.is_some());
    }
    // Nothing that a page could begin after has a NUL.
    match page(&cursor("things", text)) {
        Ok(own) => assert_eq!(own.after.as_deref(), Some(text)),
        Err(_) => assert!(text.contains('\0')),
    }
    assert!(page(&cursor("others", text)).is_err());
}

/// The settings of a workspace, and those of a channel under the schema of its connector.
pub fn workspace(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let [settings, schema] = parts(text);
    let settings = json(settings);
    match untrusted::workspace_settings(&settings) {
        Ok(settings) => {
            drop(settings.zone());
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
    drop(untrusted::channel_settings(&json(schema), &settings));
}
