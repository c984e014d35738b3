//! The trait of a step, and the bridge between it and the contract's records.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::step::exports::jackfield::plugin::step as contract;
use crate::descriptor::{StepDescriptor, schema};
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::settings;

/// A workflow step. It never sleeps and keeps nothing in memory: it returns
/// [`Outcome::wait`] with the little state that it wants back.
pub trait Step {
    /// The settings; doc comments become the descriptions that people read.
    type Settings: DeserializeOwned + JsonSchema;
    /// What a wait keeps; `()` for a step that never waits.
    type State: Serialize + DeserializeOwned;

    /// What the step says of itself; called once, at install.
    fn describe() -> StepDescriptor;

    /// Called when a run arrives at the step.
    fn start(run: &Invocation, settings: Self::Settings) -> Result<Outcome<Self::State>, Failure>;

    /// Called when a wait of this visit has ended. Variables in the settings are put in afresh.
    fn resume(
        run: &Invocation,
        settings: Self::Settings,
        state: Self::State,
        wake: Wake,
    ) -> Result<Outcome<Self::State>, Failure> {
        let _ = (run, settings, state, wake);
        Err(Failure::permanent(
            "contract",
            "this step never waits, so there is nothing to resume",
        ))
    }
}

/// What the step is asked to do, beside its settings.
#[derive(Clone, Debug)]
pub struct Invocation(pub(crate) contract::Invocation);

impl Invocation {
    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.0.run_id
    }

    /// The workflow's name.
    pub fn workflow(&self) -> &str {
        &self.0.workflow
    }

    /// The step's id in the workflow.
    pub fn step_id(&self) -> &str {
        &self.0.step_id
    }

    /// The n-th time that this run stands at this step, from 1.
    pub fn visit(&self) -> u32 {
        self.0.visit
    }

    /// The n-th try of this visit, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// The data of the event that started the run.
    pub fn trigger(&self) -> Result<Value, Failure> {
        settings::internal("the trigger's data", &self.0.trigger)
    }

    /// The run's variables: `{"vars": {...}, "steps": {"step-id": output}}`.
    pub fn variables(&self) -> Result<Value, Failure> {
        settings::internal("the run's variables", &self.0.variables)
    }

    /// The contact that the run is about, if there is one.
    pub fn contact(&self) -> Result<Option<Value>, Failure> {
        self.0
            .contact
            .as_deref()
            .map(|contact| settings::internal("the contact", contact))
            .transpose()
    }
}

/// What ended a wait.
#[derive(Clone, Debug, PartialEq)]
pub enum Wake {
    /// The time came.
    Timer,
    /// An event came.
    Event(Event),
}

/// An event that ended a wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
    /// When it was accepted, in milliseconds since 1970.
    pub at: u64,
}

/// The contract's `step` on top of [`Step`]; made by [`export_step!`](crate::export_step).
#[derive(Debug)]
pub struct StepExport<T>(PhantomData<T>);

impl<T: Step> contract::Guest for StepExport<T> {
    fn describe() -> String {
        let mut descriptor = T::describe();
        descriptor.settings = Some(schema::<T::Settings>());
        // A descriptor is texts and numbers; an empty text is refused by the host at install.
        serde_json::to_string(&descriptor).unwrap_or_default()
    }

    fn start(invocation: contract::Invocation) -> Result<contract::Outcome, Failure> {
        let settings = settings::parse(&invocation.settings)?;
        T::start(&Invocation(invocation), settings)?.into_contract()
    }

    fn resume(
        invocation: contract::Invocation,
        state: String,
        wake: contract::Wake,
    ) -> Result<contract::Outcome, Failure> {
        let settings = settings::parse(&invocation.settings)?;
        let state = settings::internal("the step's state", &state)?;
        let wake = match wake {
            contract::Wake::Timer => Wake::Timer,
            contract::Wake::Event(event) => Wake::Event(Event {
                data: settings::internal("an event's data", &event.data)?,
                id: event.id,
                name: event.name,
                at: event.at,
            }),
        };
        T::resume(&Invocation(invocation), settings, state, wake)?.into_contract()
    }
}

/// Makes a component of a [`Step`]: `jackfield_plugin::export_step!(MyStep);`
///
/// Does nothing on native targets, so that the same crate is tested with `cargo test`.
#[macro_export]
macro_rules! export_step {
    ($step:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(missing_docs, unreachable_pub, clippy::all)]
        mod __jackfield_export {
            use super::*;
            type Export = $crate::StepExport<$step>;
            $crate::bindings::step::export_step_component!(Export with_types_in $crate::bindings::step);
            $crate::contract_section!();
        }
    };
}
