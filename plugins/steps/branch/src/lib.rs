//! The step `branch`: the first branch whose condition holds, else `else`.
//!
//! Conditions are the host's one evaluator, so they mean here what they mean in triggers and in
//! `when:`. Their texts keep their variables (`x-jackfield-raw`): a value that a contact typed can
//! never become a part of a condition.

use std::collections::BTreeSet;

use jackfield_plugin::{conditions, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct BranchStep;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Checked in this order; the first whose condition holds is taken. If none holds, the run goes
    /// on at `else`.
    #[schemars(length(min = 1, max = 9))]
    branches: Vec<Branch>,
}

/// One branch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Lower-case words with hyphens; the step's `branches` say where the run goes on.
    #[schemars(length(max = 64), regex(pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"))]
    name: String,
    /// A condition, such as `{field: contact.city, is: Paris}`, or `all`, `any` and `not` of
    /// conditions; at most ten tests in all.
    #[schemars(extend(
        "type" = "object",
        "x-jackfield-raw" = true,
        "x-jackfield-ref" = "condition",
        "x-jackfield-max-tests" = MOST_TESTS,
    ))]
    when: Value,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The name of the branch that was taken.
    branch: String,
}

/// The most tests in one branch's condition; groups are not counted.
const MOST_TESTS: usize = 10;

/// Names that every step has, and the one that stands for "none of them".
const RESERVED: [&str; 3] = ["success", "failure", "else"];

impl Step for BranchStep {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Branch",
            "Sends the run one of several ways: up to nine branches with a condition each, checked in order, and \
             `else` when none holds.",
        )
        .category(Category::Logic)
        .icon("🔀")
        .output::<Output>()
        .branches_from("/branches/*/name")
        .branch("else", "None of the conditions holds", "next")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        check_names(&settings.branches)?;
        check_tests(&settings.branches)?;
        for (index, branch) in settings.branches.iter().enumerate() {
            let holds = conditions::evaluate(&branch.when).map_err(|error| {
                Failure::invalid_config(&format!("branches[{index}].when"), error.message)
            })?;
            if holds {
                return Ok(take(&branch.name));
            }
        }
        Ok(take("else"))
    }
}

fn take(name: &str) -> Outcome {
    Outcome::branch(name)
        .output(Output {
            branch: name.into(),
        })
        .into()
}

fn check_names(branches: &[Branch]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for (index, branch) in branches.iter().enumerate() {
        let name = branch.name.as_str();
        let wrong = if RESERVED.contains(&name) {
            "is a name that every branch step has already; choose another"
        } else if !seen.insert(name) {
            "is there twice; each branch needs its own name"
        } else {
            continue;
        };
        return Err(Failure::invalid_config(
            &format!("branches[{index}].name"),
            format!("`{name}` {wrong}"),
        ));
    }
    Ok(())
}

fn check_tests(branches: &[Branch]) -> Result<(), Failure> {
    for (index, branch) in branches.iter().enumerate() {
        let tests = tests(&branch.when);
        if tests > MOST_TESTS {
            return Err(Failure::invalid_config(
                &format!("branches[{index}].when"),
                format!("has {tests} tests; a branch has at most {MOST_TESTS} in all its groups"),
            ));
        }
    }
    Ok(())
}

/// How many tests a condition has. What is no condition counts as one: the host says what is wrong.
fn tests(condition: &Value) -> usize {
    let group = ["all", "any"]
        .iter()
        .find_map(|group| condition.get(group)?.as_array());
    match (group, condition.get("not")) {
        (Some(conditions), _) => conditions.iter().map(tests).sum(),
        (None, Some(condition)) => tests(condition),
        (None, None) => 1,
    }
}

jackfield_plugin::export_step!(BranchStep);
