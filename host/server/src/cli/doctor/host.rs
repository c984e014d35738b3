//! The host as its API shows it.

use super::{Findings, work};
use crate::DATABASE;
use crate::cli::client::{Body, Client, Connection};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

/// Whether a host answers, is of this version, and can do its work.
pub(super) async fn look(to: &Connection, findings: &mut Findings) -> bool {
    let client = match Client::without_key(to) {
        Ok(client) => client,
        Err(failure) => {
            findings.fail("host", failure.to_string(), "");
            return false;
        }
    };
    let health = match client.get(&["healthz"], &[]).await {
        Ok(health) => health,
        Err(failure) => {
            silent(to, &failure.to_string(), findings);
            return false;
        }
    };
    let version = health.get("version").and_then(Value::as_str);
    let here = env!("CARGO_PKG_VERSION");
    if version == Some(here) {
        findings.ok("host", format!("{} answers, version {here}", to.url));
    } else {
        findings.warn(
            "host",
            format!(
                "{} answers, version {}; this is {here}",
                to.url,
                version.unwrap_or("unknown")
            ),
            "use the command of the host's version",
        );
    }
    ready(&client, findings).await;
    true
}

/// Nobody answers. Does somebody have the data open?
fn silent(to: &Connection, said: &str, findings: &mut Findings) {
    match holder(&to.data_dir.join(format!("{DATABASE}.lock"))) {
        Some(process) => findings.fail(
            "host",
            format!(
                "process {process} has {} open, but {said}",
                to.data_dir.display()
            ),
            "look at its log; --url (JACKFIELD_URL) says where it listens",
        ),
        None => findings.warn(
            "host",
            format!("it does not run: {said}"),
            "`jackfield serve` starts it",
        ),
    }
}

/// The process that holds the lock of a file. Read from the system's list, because trying the lock
/// would hold it for a moment, in which a host could not start.
#[cfg(target_os = "linux")]
fn holder(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let inode = std::fs::metadata(path).ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    holder_in(&locks, inode)
}

#[cfg(not(target_os = "linux"))]
fn holder(_: &Path) -> Option<u32> {
    None
}

/// `1: FLOCK  ADVISORY  WRITE 4242 fe:01:1234567 0 EOF`
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let file = words.get(5)?.rsplit(':').next()?;
        let is_it = words.get(1) == Some(&"FLOCK") && file.parse() == Ok(inode);
        is_it.then(|| words.get(4)?.parse().ok()).flatten()
    })
}

async fn ready(client: &Client, findings: &mut Findings) {
    let asked = client
        .send(Method::GET, &["readyz"], &[], Body::Empty, &[])
        .await;
    let answer: Value = match asked {
        Ok(response) => response.json().await.unwrap_or_default(),
        Err(failure) => {
            findings.fail("ready", failure.to_string(), "look at the host's log");
            return;
        }
    };
    let checks = answer.get("checks").and_then(Value::as_array);
    for check in checks.into_iter().flatten() {
        let word = |name: &str| check.get(name).and_then(Value::as_str).unwrap_or("?");
        let said = format!("{}: {}", word("name"), word("detail"));
        if check.get("ok").and_then(Value::as_bool) == Some(true) {
            findings.ok("ready", said);
        } else if word("name") == "room" {
            findings.warn(
                "ready",
                said,
                "look for who asks so much; the metrics jackfield_runs_in_line and \
                 jackfield_http_requests_refused_total say what of",
            );
        } else {
            findings.fail("ready", said, "look at the host's log");
        }
    }
    if checks.is_none() {
        findings.fail("ready", "the host does not say whether it is ready", "");
    }
}

/// What the database of a host on another machine would say.
pub(super) async fn contents(to: &Connection, findings: &mut Findings) {
    let client = match Client::new(to) {
        Ok(client) => client,
        Err(failure) => {
            findings.warn("key", failure.to_string(), "");
            return;
        }
    };
    match client.list(&["v1", "plugins"], &[], usize::MAX).await {
        Err(failure) => {
            findings.warn(
                "key",
                failure.to_string(),
                "use a key that may read the host's plugins",
            );
            return;
        }
        Ok(plugins) => {
            let open: Vec<&str> = plugins
                .iter()
                .filter(|plugin| plugin.get("approved").is_none_or(Value::is_null))
                .filter_map(|plugin| plugin.get("name")?.as_str())
                .collect();
            if open.is_empty() {
                findings.ok(
                    "plugins",
                    format!("{} installed and granted", plugins.len()),
                );
            } else {
                findings.warn(
                    "plugins",
                    format!("not granted yet: {}", open.join(", ")),
                    "`jackfield plugin grant NAME` approves what one asks for",
                );
            }
        }
    }
    if let Ok(channels) = client.list(&["v1", "channels"], &[], usize::MAX).await {
        work::channels(channels.iter().map(words).collect(), findings);
    }
    let parked = [("state", "needs-attention".to_owned())];
    if let Ok(found) = client.list(&["v1", "runs"], &parked, 100).await {
        work::runs(i64::try_from(found.len()).unwrap_or(0), findings);
    }
    let uncertain = [("status", "uncertain".to_owned())];
    if let Ok(found) = client.list(&["v1", "messages"], &uncertain, 100).await {
        work::messages(i64::try_from(found.len()).unwrap_or(0), findings);
    }
    let all = client
        .list(&["v1", "webhook-subscriptions"], &[], usize::MAX)
        .await;
    if let Ok(all) = all {
        let disabled = all
            .iter()
            .filter(|one| one.get("state").and_then(Value::as_str) == Some("disabled"));
        let words = disabled.map(|one| {
            let reason = one.get("reason").and_then(Value::as_str);
            (one.get("id").and_then(Value::as_str).unwrap_or("?"), reason)
        });
        work::subscriptions(words.collect(), findings);
    }
}

fn words(channel: &Value) -> (&str, &str, &str) {
    let word = |name: &str| channel.get(name).and_then(Value::as_str).unwrap_or("?");
    (word("name"), word("state"), word("reason"))
}

/// Has each active channel's provider asked whether the credentials are good.
pub(super) async fn online(to: &Connection, runs: bool, findings: &mut Findings) {
    const WHAT: &str = "credentials";
    if !runs {
        let said = "not asked: the host asks the providers, and it does not run";
        findings.warn(WHAT, said, "start it, or leave --online out");
        return;
    }
    let workspaces = match Client::new(to) {
        Ok(client) => client.list(&["v1", "workspaces"], &[], usize::MAX).await,
        Err(failure) => Err(failure),
    };
    let workspaces = match workspaces {
        Ok(workspaces) => workspaces,
        Err(failure) => {
            findings.warn(WHAT, failure.to_string(), "use an operator's key");
            return;
        }
    };
    for workspace in workspaces {
        let Some(id) = workspace.get("id").and_then(Value::as_str) else {
            continue;
        };
        let mut there = to.clone();
        there.workspace = Some(id.to_owned());
        if let Ok(client) = Client::new(&there) {
            credentials(&client, id, findings).await;
        }
    }
}

async fn credentials(client: &Client, workspace: &str, findings: &mut Findings) {
    const WHAT: &str = "credentials";
    let channels = client.list(&["v1", "channels"], &[], usize::MAX).await;
    for channel in channels.unwrap_or_default() {
        let (name, state, _) = words(&channel);
        if state != "active" {
            continue;
        }
        let asked = client
            .post(&["v1", "channels", name, "test"], json!({}))
            .await;
        let advice = format!("jackfield channel update {name} --workspace {workspace}");
        match asked {
            Ok(answer) if answer.get("ok").and_then(Value::as_bool) == Some(true) => {
                findings.ok(WHAT, format!("{workspace}/{name}: the provider takes them"));
            }
            Ok(answer) => {
                let why = answer.get("message").and_then(Value::as_str);
                let why = why.map_or_else(|| answer.to_string(), str::to_owned);
                findings.fail(WHAT, format!("{workspace}/{name}: {why}"), advice);
            }
            Err(failure) => findings.fail(WHAT, format!("{workspace}/{name}: {failure}"), advice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::holder_in;

    #[test]
    fn the_holder_of_a_lock_is_found_by_its_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:01:77 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4242 fe:01:77 0 EOF\n";
        assert_eq!(holder_in(locks, 77), Some(4242));
        assert_eq!(holder_in(locks, 78), None);
        assert_eq!(holder_in("", 77), None);
    }
}
