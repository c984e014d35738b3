//! The step `add-sheet-row`: adds a row to one of the workspace's tables.
//!
//! A row that the table does not take (another column, a cell that is too long) is a failure.

use jackfield_plugin::{prelude::*, tables};
use serde_json::{Map, Value};

/// The step; see the module.
#[derive(Debug)]
pub struct AddSheetRow;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The table's name. It must be there before.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "table"))]
    table: String,
    /// Values by column. A column that is left out is empty.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 50))]
    row: Map<String, Value>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The row's id.
    row: String,
}

impl Step for AddSheetRow {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Add a row to a table",
            "Adds a row to a table of the workspace, which can be downloaded as CSV.",
        )
        .category(Category::Integrations)
        .icon("🧮")
        .output::<Output>()
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let row = tables::append(&settings.table, &settings.row)?;
        Ok(Outcome::done().output(Output { row }).into())
    }
}

jackfield_plugin::export_step!(AddSheetRow);
