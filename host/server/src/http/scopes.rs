//! Scopes: what a key may do, in words. The closed list.
//!
//! A route says in its OpenAPI declaration which scope it needs (`security`); that declaration is
//! what is enforced, so the document cannot promise anything else than the host does.

/// Allows everything in the key's workspace; with the workspace `*`, everything on the host.
pub const ALL: &str = "*";

/// Every scope with what it allows.
pub const SCOPES: &[(&str, &str)] = &[
    ("events:write", "send events"),
    ("runs:read", "see runs and their timelines"),
    (
        "runs:write",
        "start runs, by shortcuts too; signal, cancel and retry them",
    ),
    (
        "workflows:read",
        "see workflows, their versions and shortcuts",
    ),
    (
        "workflows:write",
        "change, publish, activate, deactivate and delete workflows, and see the addresses of their webhooks",
    ),
    ("plugins:read", "see the host's plugins"),
    (
        "plugins:admin",
        "install, grant and remove plugins of the whole host",
    ),
    (
        "channels:read",
        "see channels and what providers sent that could not be read",
    ),
    (
        "channels:write",
        "make, change, test, connect, pause, disable and delete channels",
    ),
    ("secrets:read", "see the names of secrets"),
    ("secrets:write", "set and delete secrets"),
    (
        "contacts:read",
        "see contacts, their conversations, contact fields, lists, tables, segments, imports, the blacklist, the queue, opt-outs and decisions",
    ),
    (
        "contacts:write",
        "change and assign contacts, their conversations, contact fields, lists, tables, segments, imports, the blacklist and opt-outs",
    ),
    ("users:read", "see users and teams"),
    (
        "users:write",
        "change users and teams, and say who is there",
    ),
    ("messages:read", "see messages"),
    ("messages:write", "send, resend and cancel messages"),
    ("templates:read", "see templates and snippets"),
    ("templates:write", "change templates and snippets"),
    ("files:read", "see files"),
    ("files:write", "upload and delete files"),
    (
        "subscriptions:read",
        "see subscriptions to events, and what was delivered to them",
    ),
    (
        "subscriptions:write",
        "make, change, test and delete subscriptions to events, and deliver once more",
    ),
    ("keys:admin", "make, see and revoke keys of the workspace"),
    ("hosts:read", "see the hosts that share the database"),
    (
        "workspaces:read",
        "see the workspace's settings and calendars",
    ),
    (
        "workspaces:admin",
        "change the workspace's settings and calendars",
    ),
];

/// Whether there is such a scope.
#[must_use]
pub fn known(scope: &str) -> bool {
    scope == ALL || SCOPES.iter().any(|(name, _)| *name == scope)
}

/// Whether a key with `held` may do what needs `wanted`.
#[must_use]
pub fn allows(held: &[String], wanted: &str) -> bool {
    held.iter().any(|scope| scope == ALL || scope == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_itself_and_the_star_allows_all() {
        let held = vec!["runs:read".to_owned()];
        assert!(allows(&held, "runs:read"));
        assert!(!allows(&held, "runs:write"));
        assert!(allows(&[ALL.to_owned()], "plugins:admin"));
        assert!(!allows(&[], "runs:read"));
    }

    #[test]
    fn only_listed_scopes_are_known() {
        assert!(known("*") && known("keys:admin"));
        assert!(!known("keys") && !known("keys:*") && !known(""));
    }
}
