//! What hosts tell each other by NOTIFY: a knock at a bucket, new control records, a notice, and
//! that hosts or buckets have changed.
//!
//! A note is a hint and nothing rests on it: what it says stands in the database, where it is found
//! by looking. So a note that cannot be read is dropped, and a note that is lost costs time alone.
//! Its form is `SENDER WORD REST`; a host's own notes come back to it and are dropped.

use super::shared::Shared;
use crate::commit::Notice;
use crate::plan::Plan;
use crate::store::Change;
use sqlx::{Error, PgConnection};

/// To every host: hosts or buckets have changed.
pub(super) const HOSTS: &str = "jackfield_hosts";
/// To every host: everything else.
pub(super) const ALL: &str = "jackfield_all";

/// How much may stand in a notice, in bytes: PostgreSQL takes 8,000 in all.
pub(super) const LONGEST: usize = 4_000;

/// The channel of one host.
pub(super) fn channel_of(host: &str) -> String {
    format!("jackfield_{host}")
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    channel: String,
    text: String,
}

impl Note {
    pub(super) fn knock(bucket: i64, owner: String) -> Note {
        Note {
            channel: channel_of(&owner),
            text: format!("knock {bucket}"),
        }
    }

    pub(super) fn control(revision: i64) -> Note {
        Note {
            channel: ALL.into(),
            text: format!("control {revision}"),
        }
    }

    pub(super) fn hosts() -> Note {
        Note {
            channel: HOSTS.into(),
            text: "hosts ".into(),
        }
    }
}

/// The notices of a plan, but for those to owners, who are not known here.
pub(super) fn of_plan(plan: &Plan) -> Vec<Note> {
    plan.notices
        .iter()
        .filter_map(|(_, notice)| match notice {
            Notice::Owner => None,
            Notice::Host { host, text } => Some((channel_of(host), text)),
            Notice::All { text } => Some((ALL.to_owned(), text)),
        })
        .map(|(channel, text)| Note {
            channel,
            text: format!("notice {}", text.replace('\0', "\u{fffd}")),
        })
        .collect()
}

/// The buckets whose owners are told.
pub(super) fn asked(plan: &Plan) -> Vec<i64> {
    let mut buckets: Vec<i64> = plan
        .notices
        .iter()
        .filter(|(_, notice)| *notice == Notice::Owner)
        .filter_map(|(bucket, _)| bucket.map(i64::from))
        .collect();
    buckets.sort_unstable();
    buckets.dedup();
    buckets
}

/// Tells them when the transaction commits.
pub(super) async fn send(
    connection: &mut PgConnection,
    host: &str,
    notes: &[Note],
) -> Result<(), Error> {
    if notes.is_empty() {
        return Ok(());
    }
    let channels: Vec<&str> = notes.iter().map(|note| note.channel.as_str()).collect();
    let texts: Vec<String> = notes
        .iter()
        .map(|note| format!("{host} {}", note.text))
        .collect();
    sqlx::query(
        "SELECT pg_notify(n.channel, n.payload) FROM unnest($1::text[], $2::text[]) \
         AS n(channel, payload)",
    )
    .bind(channels)
    .bind(texts)
    .execute(connection)
    .await?;
    Ok(())
}

/// Does what a note says.
pub(super) fn hear(shared: &Shared, payload: &str) {
    let Some((sender, note)) = payload.split_once(' ') else {
        return;
    };
    if sender == shared.host {
        return;
    }
    match note.split_once(' ') {
        Some(("hosts", _)) => shared.look.notify_one(),
        Some(("knock", bucket)) => {
            if let Ok(bucket) = bucket.parse() {
                shared.tell(Change::Knock(bucket));
            }
        }
        Some(("control", revision)) => {
            if let Ok(revision) = revision.parse() {
                shared.saw_revision(revision);
            }
        }
        Some(("notice", text)) => shared.tell(Change::Notice(text.to_owned())),
        _ => tracing::debug!(payload, "a note of another version was not understood"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::postgres::Options;

    #[test]
    fn a_note_is_heard_unless_it_is_ones_own() {
        let options = Options::new("postgres://", "a");
        let (shared, mut changes) = Shared::new("a-1".into(), 8, 0, &options);
        for payload in [
            "b-2 knock 7",
            "b-2 control 3",
            "b-2 notice a b  c",
            "a-1 knock 7",
            "",
            "b-2 x",
            "b-2 knock x",
        ] {
            hear(&shared, payload);
        }
        assert_eq!(changes.try_recv().unwrap(), Change::Knock(7));
        assert_eq!(changes.try_recv().unwrap(), Change::Control);
        assert_eq!(changes.try_recv().unwrap(), Change::Notice("a b  c".into()));
        assert!(changes.try_recv().is_err());
    }
}
