//! The clock, and the data of time zones.
//!
//! Timers wait for the clock: one that has gone back has them wait the longer, one that is ahead
//! would have fired them early. What the host wrote last is the measure.

use super::database::Database;
use super::{Findings, Local};
use jackfield_engine::{Clock as _, SystemClock};
use jackfield_store::records::{Seen, Workspace};
use jackfield_store::sqlite::SqliteReader;
use jackfield_store::{Query, ReadError, StoreExt};
use serde_json::Value;

/// A clock may be corrected by so many milliseconds without a word.
const NEARLY: i64 = 2_000;
/// A host that was not at work for so long has more likely a clock that is wrong.
const LONG: i64 = 60 * 24 * 60 * 60 * 1_000;

/// Looks at the clock and the zones.
pub(super) async fn look(local: &Local, findings: &mut Findings) {
    if let Some(database) = &local.database {
        let looked = match database {
            Database::Sqlite(file) => last_work(file)
                .await
                .map(|last| clock(SystemClock.now(), last, findings)),
            Database::Postgres(server) => server
                .server()
                .await
                .map(|server| against(SystemClock.now(), server.now, findings)),
        };
        if let Err(error) = looked {
            findings.warn("clock", error.to_string(), "check the database");
        }
    }
    zones(local, findings).await;
}

/// When the host last wrote something that carries the time, as far as a glance tells.
async fn last_work(database: &SqliteReader) -> Result<Option<i64>, ReadError> {
    let seen = database
        .first(Query::<Seen>::all().descending("at"))
        .await?;
    Ok(database.last_start().await?.max(seen.map(|seen| seen.at)))
}

fn clock(now: i64, last: Option<i64>, findings: &mut Findings) {
    let Some(last) = last else {
        findings.ok("clock", "nothing was written yet to compare it with");
        return;
    };
    let behind = last - now;
    if behind > NEARLY {
        findings.fail(
            "clock",
            format!(
                "it is {} s behind what the host wrote last: it has gone back",
                behind / 1_000
            ),
            "set it right (timedatectl, chronyc tracking); until then timers wait that much longer",
        );
    } else if -behind > LONG {
        findings.warn(
            "clock",
            format!(
                "it is {} days after the host's last work",
                -behind / 86_400_000
            ),
            "if the host was not stopped for so long, the clock is ahead: set it right before the \
             host starts, or waits end early",
        );
    } else {
        findings.ok("clock", "it agrees with what the host wrote last");
    }
}

/// Timers are due by the clocks of the hosts, leases by the server's.
fn against(now: i64, server: i64, findings: &mut Findings) {
    let apart = (now - server).abs();
    if apart > NEARLY {
        findings.warn(
            "clock",
            format!("this machine and the database server are {apart} ms apart"),
            "have both follow the same time (chronyc tracking)",
        );
    } else {
        findings.ok("clock", "it agrees with the database server's");
    }
}

/// Whether every time zone that a workspace names is known.
async fn zones(local: &Local, findings: &mut Findings) {
    let mut names = vec!["Europe/Paris".to_owned()];
    if let Some(database) = &local.database {
        let workspaces = database.store().find(Query::<Workspace>::all()).await;
        let zone = |workspace: &Workspace| {
            let zone = workspace.settings.get("time-zone").and_then(Value::as_str);
            zone.map(str::to_owned)
        };
        names.extend(workspaces.unwrap_or_default().iter().filter_map(zone));
    }
    names.sort();
    names.dedup();
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| jiff::tz::TimeZone::get(name).is_err())
        .collect();
    if unknown.is_empty() {
        findings.ok("time zones", "those that workspaces name are known");
    } else {
        findings.fail(
            "time zones",
            format!("not known: {}", unknown.join(", ")),
            "give the workspace another one: jackfield workspace set ID '{\"time-zone\": …}'",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn level(now: i64, last: Option<i64>) -> Level {
        let mut findings = Findings::default();
        clock(now, last, &mut findings);
        findings.worst()
    }

    #[test]
    fn a_clock_that_went_back_is_bad_and_one_far_ahead_worth_a_look() {
        assert_eq!(level(10_000, None), Level::Ok);
        assert_eq!(level(10_000, Some(11_000)), Level::Ok);
        assert_eq!(level(10_000, Some(13_000)), Level::Fail);
        assert_eq!(level(LONG, Some(0)), Level::Ok);
        assert_eq!(level(LONG + 1, Some(0)), Level::Warn);
    }
}
