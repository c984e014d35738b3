//! Runs a plugin's code as the host does: JSON in, JSON out, everything under its schema.

use std::marker::PhantomData;

use serde_json::{Value, json};

use super::host::with;
use super::schemas;
use crate::bindings::connector::exports::jackfield::plugin::connector as connector_contract;
use crate::bindings::connector::exports::jackfield::plugin::connector::Guest as _;
use crate::bindings::step::exports::jackfield::plugin::step as step_contract;
use crate::bindings::step::exports::jackfield::plugin::step::Guest as _;
use crate::failure::Failure;
use crate::{
    Connector, ConnectorExport, Done, Event, Outcome, Receipt, Step, StepExport, Subscription,
    Wait, Wake, WebhookRequest,
};

fn parse(what: &str, json: &str) -> Value {
    match serde_json::from_str(json) {
        Ok(value) => value,
        Err(error) => panic!("{what} is no JSON: {error}\n{json}"),
    }
}

/// A step's descriptor, valid under the published schema.
pub fn describe_step<T: Step>() -> Value {
    let descriptor = parse("the descriptor", &StepExport::<T>::describe());
    schemas::hold("the descriptor", schemas::STEP_DESCRIPTOR, &descriptor);
    descriptor
}

/// A connector's descriptor, valid under the published schema.
pub fn describe_connector<T: Connector>() -> Value {
    let descriptor = parse("the descriptor", &ConnectorExport::<T>::describe());
    schemas::hold("the descriptor", schemas::CONNECTOR_DESCRIPTOR, &descriptor);
    descriptor
}

/// An event that ends a wait.
pub fn event(name: &str, data: Value) -> Wake {
    Wake::Event(Event {
        id: "event-1".into(),
        name: name.into(),
        data,
        at: with(|host| host.now),
    })
}

/// A run that stands at a step: keeps the state of the last wait.
#[derive(Debug)]
pub struct Run<T> {
    settings: Value,
    attempt: u32,
    trigger: Value,
    descriptor: Value,
    state: Option<String>,
    plugin: PhantomData<T>,
}

impl<T: Step> Run<T> {
    /// A run with these settings, at its first attempt.
    pub fn new(settings: Value) -> Self {
        Run {
            settings,
            attempt: 1,
            trigger: json!({}),
            descriptor: describe_step::<T>(),
            state: None,
            plugin: PhantomData,
        }
    }

    /// At its n-th attempt.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Started by an event with this data.
    pub fn trigger(mut self, data: Value) -> Self {
        self.trigger = data;
        self
    }

    /// The run arrives at the step. Settings that break their schema are refused as the host
    /// refuses them: with the class `invalid-config`.
    pub fn start(&mut self) -> Result<Outcome<Value>, Failure> {
        if let Err(reason) = schemas::check(&self.descriptor["settings"], &self.settings) {
            return Err(Failure::invalid_config("(schema)", reason));
        }
        let outcome = StepExport::<T>::start(self.invocation())?;
        Ok(self.outcome(outcome))
    }

    /// The wait ends.
    pub fn wake(&mut self, wake: Wake) -> Result<Outcome<Value>, Failure> {
        let Some(state) = self.state.take() else {
            panic!("the step does not wait, so nothing can wake it");
        };
        let wake = match wake {
            Wake::Timer => step_contract::Wake::Timer,
            Wake::Event(event) => step_contract::Wake::Event(step_contract::Event {
                id: event.id,
                name: event.name,
                data: event.data.to_string(),
                at: event.at,
            }),
        };
        let outcome = StepExport::<T>::resume(self.invocation(), state, wake)?;
        Ok(self.outcome(outcome))
    }

    /// The time of the wait comes.
    pub fn timer(&mut self) -> Result<Outcome<Value>, Failure> {
        self.wake(Wake::Timer)
    }

    /// An event comes.
    pub fn event(&mut self, name: &str, data: Value) -> Result<Outcome<Value>, Failure> {
        self.wake(event(name, data))
    }

    fn invocation(&self) -> step_contract::Invocation {
        step_contract::Invocation {
            run_id: "run-1".into(),
            workflow: "test".into(),
            step_id: "step".into(),
            visit: 1,
            attempt: self.attempt,
            settings: self.settings.to_string(),
            trigger: self.trigger.to_string(),
            variables: r#"{"vars":{},"steps":{}}"#.into(),
            contact: with(|host| host.contact.as_ref().map(ToString::to_string)),
        }
    }

    fn outcome(&mut self, outcome: step_contract::Outcome) -> Outcome<Value> {
        match outcome {
            step_contract::Outcome::Done(done) => {
                let output = done.output.map(|output| parse("the output", &output));
                if let Some(output) = &output {
                    schemas::hold("the output", &self.descriptor["output"].to_string(), output);
                }
                Outcome::Done(Done {
                    branch: done.branch,
                    output,
                })
            }
            step_contract::Outcome::Wait(wait) => {
                assert_eq!(
                    self.descriptor["waits"],
                    json!(true),
                    "a step that waits must say so"
                );
                let state = parse("the state", &wait.state);
                self.state = Some(wait.state);
                let events = wait.events.into_iter().map(|subscription| Subscription {
                    event: subscription.event,
                    subject: subscription.subject,
                    when: subscription.when.map(|when| parse("a condition", &when)),
                    claim: subscription.claim,
                });
                Outcome::Wait(Wait {
                    until: wait.until,
                    events: events.collect(),
                    state,
                })
            }
            step_contract::Outcome::Goto(step) => Outcome::Goto(step),
            step_contract::Outcome::End(reason) => Outcome::End(reason),
        }
    }
}

/// A connector with a channel's settings.
#[derive(Debug)]
pub struct Plugged<T> {
    channel: String,
    plugin: PhantomData<T>,
}

impl<T: Connector> Plugged<T> {
    /// A channel with these settings, valid under the connector's schema.
    pub fn new(settings: Value) -> Self {
        let descriptor = describe_connector::<T>();
        schemas::hold(
            "the settings",
            &descriptor["settings"].to_string(),
            &settings,
        );
        Plugged::unchecked(settings)
    }

    /// A channel with any settings.
    pub fn unchecked(settings: Value) -> Self {
        let channel =
            json!({"id": "channel-1", "name": "test", "kind": "test", "settings": settings});
        Plugged {
            channel: channel.to_string(),
            plugin: PhantomData,
        }
    }

    /// Tests the connection.
    pub fn check(&self) -> Result<Value, Failure> {
        ConnectorExport::<T>::check(self.channel.clone()).map(|detail| parse("the detail", &detail))
    }

    /// Registers the webhook.
    pub fn connect(&self, public_url: &str) -> Result<Value, Failure> {
        ConnectorExport::<T>::connect(self.channel.clone(), public_url.into())
            .map(|detail| parse("the detail", &detail))
    }

    /// Sends a message, valid under the published schema.
    pub fn send(&self, message: Value) -> Result<Receipt, Failure> {
        schemas::hold("the message", schemas::MESSAGE, &message);
        ConnectorExport::<T>::send(self.channel.clone(), message.to_string(), "key-1".into()).map(
            |receipt| Receipt {
                provider_id: receipt.provider_id,
                status: receipt.status,
                detail: receipt.detail.map(|detail| parse("the detail", &detail)),
            },
        )
    }

    /// A provider's request: the answer, and its events as JSON under the published schema.
    pub fn receive(
        &self,
        request: WebhookRequest,
    ) -> Result<(connector_contract::Received, Vec<Value>), Failure> {
        let received = ConnectorExport::<T>::receive(self.channel.clone(), request)?;
        let events = parse("the events", &received.events);
        schemas::hold("the events", schemas::INBOUND_EVENTS, &events);
        let events = events.as_array().cloned().unwrap_or_default();
        Ok((received, events))
    }
}
