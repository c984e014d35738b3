//! The calls that an activation made in an earlier life of the host, read back from the journal.

use crate::domain::Effect;
use crate::run::burst::{Burst, BurstEnd};
use crate::run::journal::{self, Entry};
use jackfield_sandbox::HostReply;

/// A call of an earlier life of this activation.
pub(crate) enum Earlier {
    /// It was answered.
    Answered {
        fingerprint: String,
        reply: HostReply,
        effects: Vec<Effect>,
    },
    /// It had started; nobody knows its result.
    Started { fingerprint: String, once: bool },
}

/// The calls of an earlier life of the activation, in order.
pub(crate) async fn earlier(burst: &Burst) -> Result<Vec<Earlier>, BurstEnd> {
    let Some(at) = burst.state.at.as_ref().filter(|_| burst.recovered) else {
        return Ok(Vec::new());
    };
    let run = &burst.run;
    let rows = journal::lines(&burst.core.store, run.bucket, &run.id, at.journal_from)
        .await
        .map_err(|error| BurstEnd::Reload(error.to_string()))?;
    let mut earlier: Vec<Earlier> = Vec::new();
    for entry in rows.iter().filter_map(Entry::of) {
        match entry {
            Entry::Call {
                activation,
                fingerprint,
                reply,
                effects,
                ..
            } if activation == burst.state.activations => {
                earlier.push(Earlier::Answered {
                    fingerprint,
                    reply,
                    effects,
                });
            }
            Entry::CallStarted {
                activation,
                fingerprint,
                once,
                ..
            } if activation == burst.state.activations => {
                earlier.push(Earlier::Started { fingerprint, once });
            }
            Entry::CallFinished {
                activation,
                ordinal,
                reply,
                ..
            } if activation == burst.state.activations => {
                let place = usize::try_from(ordinal).unwrap_or(usize::MAX);
                if let Some(slot) = earlier.get_mut(place)
                    && let Earlier::Started { fingerprint, .. } = slot
                {
                    let fingerprint = std::mem::take(fingerprint);
                    *slot = Earlier::Answered {
                        fingerprint,
                        reply,
                        effects: Vec::new(),
                    };
                }
            }
            _ => {}
        }
    }
    Ok(earlier)
}
