//! Answers host calls from a case's list, or, while recording, from the outside.

use crate::bench::{Outside, against};
use crate::case::{Refusal, Tell, Told};
use crate::matching::{self, short};
use crate::shown;
use async_trait::async_trait;
use jackfield_engine::rehearsal::{Allowed, Script};
use jackfield_sandbox::{Effect, HostCall, HostReply};
use serde_json::json;
use std::collections::VecDeque;

/// The list of one activation.
pub(crate) struct Listed {
    /// None: what changes something is not looked at.
    told: Option<VecDeque<Told>>,
    /// For recording.
    outside: Option<(Outside, Allowed)>,
}

impl Listed {
    pub(crate) fn new(told: Option<&Vec<Told>>, outside: Option<(Outside, Allowed)>) -> Listed {
        Listed {
            told: told.map(|told| told.iter().cloned().collect()),
            outside,
        }
    }

    /// The call that was to come and did not.
    pub(crate) fn left(&self) -> Option<&Told> {
        self.told.as_ref()?.front()
    }
}

#[async_trait]
impl Script for Listed {
    async fn answer(&mut self, call: &HostCall) -> Result<Option<HostReply>, String> {
        let outside = matches!(call.effect(), Effect::ExternalOnce | Effect::ExternalSafe);
        if let HostCall::MessagesSend { message } = call {
            const SCHEMA: &str = include_str!("../../../wit/schemas/outgoing-message.schema.json");
            if let Some(misfit) = against(&shown::parsed(SCHEMA), &shown::parsed(message)) {
                let refusal = Refusal {
                    message: format!("the message does not fit the contract: {misfit}"),
                    ..Refusal::of("invalid")
                };
                return shown::reply(call, &Tell::Refuse(refusal)).map(Some);
            }
        }
        if let Some(wanted) = self.told.as_mut().and_then(VecDeque::pop_front) {
            if let Some(differs) = matching::call(&wanted, call) {
                return Err(differs);
            }
            return match wanted.told {
                Some(tell) => shown::reply(call, &tell).map(Some),
                None if outside => shown::reply(call, &Tell::Answer(json!({}))).map(Some),
                None => Ok(None),
            };
        }
        let said = || format!("`{}` ({})", call.name(), short(&shown::arguments(call)));
        match (&self.outside, outside) {
            (Some((to, allowed)), true) => Ok(allowed.perform(call, &to.egress, &to.secrets).await),
            (None, true) => Err(format!(
                "it called {}, and the case does not say what it is told: write that under \
                 `calls`, or record it",
                said()
            )),
            (None, false) if self.told.is_some() => Err(format!(
                "it called {}, which the case does not have",
                said()
            )),
            (_, false) => Ok(None),
        }
    }
}
