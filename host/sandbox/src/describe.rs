//! Asking a component for its descriptor.
//!
//! It happens once, at install, before anybody has granted anything: so the component may write
//! log lines, and everything else answers nothing. Clock and randomness answer zero, which makes
//! a descriptor the same on every host.

use async_trait::async_trait;

use crate::call::{HostCall, HostCalls, HostReply, Stop};
use crate::ended::Ended;
use crate::plugin::Plugin;
use crate::state::Usage;
use crate::wit::CallError;
use crate::wit::log::Level;

/// A descriptor and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// JSON text under the schema of the plugin's kind; not checked here.
    pub json: String,
    /// What the component logged.
    pub log: Vec<(Level, String)>,
    /// What it used.
    pub usage: Usage,
}

struct Bare {
    log: Vec<(Level, String)>,
}

#[async_trait]
impl HostCalls for Bare {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        Ok(match &call {
            HostCall::RandomBytes { length } => {
                HostReply::Bytes(vec![0; (*length).min(1_024) as usize])
            }
            call => call.refusal(CallError {
                code: "denied".to_owned(),
                message: format!(
                    "`describe` may call no import but `log`, not `{}`",
                    call.name()
                ),
                grant: None,
                transient: false,
                maybe_sent: false,
                detail: None,
            }),
        })
    }

    fn log(&mut self, level: Level, message: String) {
        self.log.push((level, message));
    }
}

pub(crate) async fn describe(plugin: &Plugin) -> Result<Described, Ended> {
    let activated = plugin.describe(Bare { log: Vec::new() }).await;
    Ok(Described {
        json: activated.result?,
        log: activated.calls.log,
        usage: activated.usage,
    })
}
