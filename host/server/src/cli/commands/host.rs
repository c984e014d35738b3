//! `jackfield doctor`: is the host there, is it well, and can it do its work?

use crate::cli::client::{Body, Client, Connection};
use crate::cli::exit::Failure;
use crate::cli::table::print_json;
use crate::cli::text::{self, Paint};
use reqwest::Method;
use serde_json::{Value, json};

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    good: bool,
    /// Bad, but the host can work.
    minor: bool,
    said: String,
}

pub(crate) async fn doctor(to: &Connection) -> Result<(), Failure> {
    let mut findings = Vec::new();
    let open = Client::without_key(to)?;
    let reached = open.get(&["healthz"], &[]).await;
    let version = reached
        .as_ref()
        .ok()
        .and_then(|it| it.get("version")?.as_str().map(str::to_owned));
    findings.push(Finding {
        what: "host",
        good: reached.is_ok(),
        minor: false,
        said: match (&reached, version) {
            (Ok(_), Some(version)) if version == env!("CARGO_PKG_VERSION") => {
                format!("{} answers, version {version}", to.url)
            }
            (Ok(_), version) => format!(
                "{} answers, version {}; this command is version {}",
                to.url,
                version.unwrap_or_else(|| "unknown".to_owned()),
                env!("CARGO_PKG_VERSION")
            ),
            (Err(failure), _) => failure.to_string(),
        },
    });
    if reached.is_ok() {
        ready(&open, &mut findings).await?;
        match Client::new(to) {
            Ok(client) => contents(&client, &mut findings).await,
            Err(failure) => findings.push(Finding {
                what: "key",
                good: false,
                minor: true,
                said: failure.to_string(),
            }),
        }
    }
    report(to.json, &findings);
    match findings
        .iter()
        .find(|finding| !finding.good && !finding.minor)
    {
        None => Ok(()),
        Some(finding) if finding.what == "host" => {
            Err(Failure::Unreachable("the host is not well".to_owned()))
        }
        Some(_) => Err(Failure::Failed("the host is not well".to_owned())),
    }
}

async fn ready(client: &Client, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let response = client
        .send(Method::GET, &["readyz"], &[], Body::Empty, &[])
        .await?;
    let good = response.status().is_success();
    let answer: Value = response.json().await.unwrap_or_default();
    let checks = answer
        .get("checks")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for check in &checks {
        let ok = check.get("ok").and_then(Value::as_bool).unwrap_or(false);
        let name = check.get("name").and_then(Value::as_str).unwrap_or("?");
        let detail = check
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or_default();
        findings.push(Finding {
            what: "ready",
            good: ok,
            minor: false,
            said: format!("{name}: {}", text::line(detail, 200)),
        });
    }
    if checks.is_empty() {
        findings.push(Finding {
            what: "ready",
            good,
            minor: false,
            said: if good {
                "yes".to_owned()
            } else {
                "no".to_owned()
            },
        });
    }
    Ok(())
}

/// Plugins without a grant, channels that do not send, and messages that went nowhere.
async fn contents(client: &Client, findings: &mut Vec<Finding>) {
    let plugins = client.list(&["v1", "plugins"], &[], usize::MAX).await;
    match plugins {
        Err(failure) => {
            findings.push(Finding {
                what: "key",
                good: false,
                minor: true,
                said: failure.to_string(),
            });
            return;
        }
        Ok(plugins) => {
            let open: Vec<&str> = plugins
                .iter()
                .filter(|plugin| plugin.get("approved").is_none_or(Value::is_null))
                .filter_map(|plugin| plugin.get("name")?.as_str())
                .collect();
            findings.push(Finding {
                what: "plugins",
                good: open.is_empty() && !plugins.is_empty(),
                minor: true,
                said: match (plugins.len(), open.len()) {
                    (0, _) => "none installed; `jackfield plugin install FILE`".to_owned(),
                    (count, 0) => format!("{count} installed and granted"),
                    _ => format!("not granted yet: {}", text::line(&open.join(", "), 200)),
                },
            });
        }
    }
    if let Ok(channels) = client.list(&["v1", "channels"], &[], usize::MAX).await {
        let stopped: Vec<String> = channels
            .iter()
            .filter(|channel| channel.get("state").and_then(Value::as_str) != Some("active"))
            .map(|channel| {
                let word = |name: &str| channel.get(name).and_then(Value::as_str).unwrap_or("?");
                format!("{} is {} ({})", word("name"), word("state"), word("reason"))
            })
            .collect();
        findings.push(Finding {
            what: "channels",
            good: stopped.is_empty(),
            minor: true,
            said: if stopped.is_empty() {
                format!("{} active", channels.len())
            } else {
                text::line(&stopped.join("; "), 400)
            },
        });
    }
    for (what, path, query, none) in [
        (
            "runs",
            "runs",
            ("state", "needs-attention"),
            "none needs attention",
        ),
        (
            "messages",
            "messages",
            ("status", "uncertain"),
            "none is uncertain",
        ),
    ] {
        let query = [(query.0, query.1.to_owned())];
        if let Ok(found) = client.list(&["v1", path], &query, 100).await {
            findings.push(Finding {
                what,
                good: found.is_empty(),
                minor: true,
                said: match found.len() {
                    0 => none.to_owned(),
                    count => format!(
                        "{count} {1}; `jackfield {0} list --{2} {1}`",
                        what.trim_end_matches('s'),
                        query[0].1,
                        query[0].0
                    ),
                },
            });
        }
    }
}

fn report(json: bool, findings: &[Finding]) {
    if json {
        let list: Vec<Value> = findings
            .iter()
            .map(|finding| {
                let level = match (finding.good, finding.minor) {
                    (true, _) => "ok",
                    (false, true) => "warning",
                    (false, false) => "error",
                };
                json!({"what": finding.what, "level": level, "said": finding.said})
            })
            .collect();
        print_json(&Value::from(list));
        return;
    }
    let paint = Paint::for_stdout();
    for finding in findings {
        let mark = match (finding.good, finding.minor) {
            (true, _) => paint.green("ok  "),
            (false, true) => paint.yellow("warn"),
            (false, false) => paint.red("bad "),
        };
        println!("{mark}  {:<9} {}", finding.what, finding.said);
    }
}
