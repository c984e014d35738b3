//! Activations of connectors: a channel's plugin under its grant, its settings and its secrets.
//!
//! A connector's activation has no journal of its own. What must be remembered of a send is one
//! thing, whether an external call may have begun; the dispatcher commits that in `Intent::before`.

use crate::calls::{external, local, refused};
use crate::domain::SecretOwner;
use crate::engine::{Core, Engine};
use crate::plugins::{Loaded, PluginError};
use crate::run::journal::CallTrace;
use async_trait::async_trait;
use jackfield_egress::{Caller, Secrets};
use jackfield_sandbox::wit::connector::{Receipt, Received, Request};
use jackfield_sandbox::wit::{Failure, FailureClass, log};
use jackfield_sandbox::{
    Account, Activated, Effect, Ended, HostCall, HostCalls, HostReply, Stop, Usage,
};
use jackfield_store::records::Channel;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Told before each external call of a send.
#[async_trait]
pub trait Intent: Send {
    /// The first call is the place to commit. `once` says that the call must not be repeated when
    /// its result is not known.
    ///
    /// # Errors
    /// The reason why the activation is to end.
    async fn before(&mut self, call: &str, once: bool) -> Result<(), String>;
}

/// Why a connector's activation had no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectorError {
    /// The connector says so.
    #[error("{}", .0.message)]
    Failure(Failure),
    /// It was ended: a trap, a limit.
    #[error("{message}")]
    Ended {
        /// A stable code.
        code: String,
        /// For people.
        message: String,
        /// An external call had begun.
        maybe_sent: bool,
        /// The same may succeed later.
        transient: bool,
    },
    /// The channel cannot be used: its plugin or its settings.
    #[error("{0}")]
    Unusable(String),
    /// The host stopped it; nothing is known.
    #[error("{0}")]
    Stopped(String),
}

/// What a send came to.
pub struct Sent {
    /// The provider's receipt.
    pub result: Result<Receipt, ConnectorError>,
    /// What the activation used.
    pub usage: Usage,
    /// Its host calls.
    pub calls: Vec<CallTrace>,
}

/// A channel's connector, ready for activations.
pub struct Connector {
    core: Arc<Core>,
    plugin: Arc<Loaded>,
    channel: String,
    workspace: String,
    id: String,
    caller: Caller,
}

impl Engine {
    /// The connector of a channel.
    ///
    /// # Errors
    /// When its plugin is missing or not granted, or its settings make no rule of the grant.
    pub async fn connector(&self, channel: &Channel) -> Result<Connector, ConnectorError> {
        let unusable = |error: PluginError| ConnectorError::Unusable(error.to_string());
        let plugin = self
            .core
            .plugins
            .load(&channel.digest)
            .await
            .map_err(unusable)?;
        let caller = plugin
            .caller(Some(&channel.settings))
            .map_err(ConnectorError::Unusable)?
            .on_behalf_of(&channel.workspace);
        Ok(Connector {
            core: self.core.clone(),
            channel: json!({
                "id": channel.id,
                "name": channel.name,
                "kind": plugin.record.name,
                "settings": channel.settings,
            })
            .to_string(),
            workspace: channel.workspace.clone(),
            id: channel.id.clone(),
            plugin,
            caller,
        })
    }
}

impl Connector {
    /// What the connector's `describe` said.
    #[must_use]
    pub fn descriptor(&self) -> &Value {
        &self.plugin.record.descriptor
    }

    /// Are settings and credentials good?
    ///
    /// # Errors
    /// What the connector says of them.
    pub async fn check(&self) -> Result<Value, ConnectorError> {
        let activated = self
            .plugin
            .component
            .check(&self.channel, self.calls(None))
            .await;
        parsed(finish(activated).result?)
    }

    /// Registers the webhook at the provider.
    ///
    /// # Errors
    /// What the connector says.
    pub async fn connect(&self, public_url: &str) -> Result<Value, ConnectorError> {
        let activated = self
            .plugin
            .component
            .connect(&self.channel, public_url, self.calls(None))
            .await;
        parsed(finish(activated).result?)
    }

    /// Sends one message. `intent` is told before each external call, and given back.
    pub async fn send(
        &self,
        message: &Value,
        idempotency_key: &str,
        intent: Box<dyn Intent>,
    ) -> Sent {
        let calls = self.calls(Some((intent, idempotency_key.to_owned())));
        let activated = self
            .plugin
            .component
            .send(&self.channel, &message.to_string(), idempotency_key, calls)
            .await;
        let Finished {
            result,
            usage,
            calls,
        } = finish(activated);
        Sent {
            result,
            usage,
            calls,
        }
    }

    /// Reads a provider's request.
    ///
    /// # Errors
    /// What the connector says, or how it ended.
    pub async fn receive(&self, request: Request) -> Result<Received, ConnectorError> {
        let activated = self
            .plugin
            .component
            .receive(&self.channel, &request, self.calls(None))
            .await;
        finish(activated).result
    }

    fn calls(&self, intent: Option<(Box<dyn Intent>, String)>) -> ConnectorCalls {
        let secrets: Arc<dyn Secrets> = match self.core.domain() {
            Some(domain) => domain.secrets(&self.workspace, SecretOwner::Channel(&self.id)),
            None => Arc::new(jackfield_egress::NoSecrets),
        };
        ConnectorCalls {
            core: self.core.clone(),
            plugin: self.plugin.clone(),
            caller: self.caller.clone(),
            workspace: self.workspace.clone(),
            channel: self.id.clone(),
            secrets,
            intent,
            ordinal: 0,
            begun: false,
            traces: Vec::new(),
        }
    }
}

struct ConnectorCalls {
    core: Arc<Core>,
    plugin: Arc<Loaded>,
    caller: Caller,
    workspace: String,
    channel: String,
    secrets: Arc<dyn Secrets>,
    intent: Option<(Box<dyn Intent>, String)>,
    ordinal: u32,
    begun: bool,
    traces: Vec<CallTrace>,
}

#[async_trait]
impl HostCalls for ConnectorCalls {
    async fn call(&mut self, call: HostCall) -> Result<HostReply, Stop> {
        let started = Instant::now();
        let ordinal = self.ordinal;
        self.ordinal += 1;
        let env = local::Env {
            clock: self.core.clock.as_ref(),
            time_zone: &TimeZone::UTC,
            contact_zone: None,
            permissions: &self.plugin.permissions,
            secrets: self.secrets.as_ref(),
        };
        if let Some(reply) = local::answer(&call, &env).await {
            return Ok(reply);
        }
        let once = call.effect() == Effect::ExternalOnce;
        let mut key = format!("{}/{ordinal}", self.channel);
        if let Some((intent, message_key)) = &mut self.intent {
            if matches!(call.effect(), Effect::ExternalOnce | Effect::ExternalSafe) {
                intent
                    .before(call.name(), once)
                    .await
                    .map_err(|message| Stop::Abandoned { message })?;
            }
            key = format!("{message_key}/{ordinal}");
        }
        self.begun |= once;
        let key = external::key(&key);
        let performed = external::perform(
            &call,
            &key,
            &self.core.egress,
            &self.caller,
            self.secrets.as_ref(),
        );
        let reply = match performed.await {
            Some(reply) => reply,
            None => call.refusal(refused(
                "denied",
                "a connector's activation belongs to no run",
            )),
        };
        let summary = external::summary(&call);
        self.traces
            .push(CallTrace::of(&call, &reply, summary, started));
        Ok(reply)
    }

    fn log(&mut self, level: log::Level, message: String) {
        let plugin = &self.plugin.record.name;
        match level {
            log::Level::Error | log::Level::Warn => {
                tracing::warn!(channel = %self.channel, %plugin, "{message}");
            }
            log::Level::Info | log::Level::Debug => {
                tracing::debug!(channel = %self.channel, %plugin, "{message}");
            }
        }
    }

    fn account(&self) -> Account {
        Account {
            workspace: self.workspace.as_str().into(),
            workflow: self.channel.as_str().into(),
        }
    }
}

struct Finished<T> {
    result: Result<T, ConnectorError>,
    usage: Usage,
    calls: Vec<CallTrace>,
}

fn finish<T>(activated: Activated<Result<T, Failure>, ConnectorCalls>) -> Finished<T> {
    let Activated {
        result,
        usage,
        calls,
    } = activated;
    let ConnectorCalls { begun, traces, .. } = calls;
    let result = match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(failure)) => Err(ConnectorError::Failure(failure)),
        Err(Ended::Stopped(stop)) => Err(ConnectorError::Stopped(stop.message().to_owned())),
        Err(ended) => {
            let Failure {
                class,
                code,
                message,
                ..
            } = ended.failure();
            Err(ConnectorError::Ended {
                code,
                message,
                maybe_sent: begun,
                transient: class == FailureClass::Transient,
            })
        }
    };
    Finished {
        result,
        usage,
        calls: traces,
    }
}

fn parsed(text: String) -> Result<Value, ConnectorError> {
    serde_json::from_str(&text).map_err(|error| {
        ConnectorError::Unusable(format!("the connector answered what is no JSON: {error}"))
    })
}
