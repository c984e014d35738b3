//! The step `jump-to`: goes on at another step of the workflow, forwards or back, a bounded number of
//! times.
//!
//! When the jumps are used up the step is passed by, and the run goes on at the step that follows.
//! The count is that of the run: a contact that comes again begins anew.

use jackfield_plugin::prelude::*;

/// The step; see the module.
#[derive(Debug)]
pub struct JumpTo;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The step at which the run goes on.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "step"))]
    step: String,
    /// How often a run may jump from here, 1 to 10.
    #[serde(default = "most")]
    #[schemars(range(min = 1, max = 10))]
    max_jumps: u32,
}

fn most() -> u32 {
    10
}

impl Step for JumpTo {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Jump to a step",
            "Goes on at another step of the workflow, at most ten times in a run.",
        )
        .category(Category::Logic)
        .icon("↩️")
        .bounds_loops()
    }

    fn start(run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        Ok(if run.visit() <= settings.max_jumps {
            Outcome::Goto(settings.step)
        } else {
            Outcome::done().into()
        })
    }
}

jackfield_plugin::export_step!(JumpTo);
