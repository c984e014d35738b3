//! The step `add-sheet-row`: adds a row to one of the workspace's tables, or to a Google spreadsheet.
//!
//! Into a table the row is written with the step's outcome, so exactly once. Into a spreadsheet it goes
//! over Google's API, which knows no idempotency: what may have arrived is not sent again.
//!
//! A row that does not fit (another column, a cell that is too long) is a failure. `google` is the road
//! to the spreadsheet.

mod google;

use jackfield_plugin::descriptor::{Place, Secret};
use jackfield_plugin::{prelude::*, tables};
use serde_json::Map;

use crate::google::Google;

/// The step; see the module.
#[derive(Debug)]
pub struct AddSheetRow;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["table"]}, {"required": ["google"]}]))]
pub struct Settings {
    /// The table's name. It must be there before. Or `google`.
    #[schemars(length(min = 1, max = 64), extend("x-jackfield-ref" = "table"))]
    table: Option<String>,
    /// Instead of `table`: a Google spreadsheet.
    google: Option<Google>,
    /// Values by column: texts, numbers, truth values. A column that is left out is empty. The columns
    /// of a spreadsheet are called as its first row says.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 50))]
    row: Map<String, Value>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The row's id in the table; where it stands in the spreadsheet, such as `Answers!A7:C7`.
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
            "Adds a row to a table of the workspace, which can be downloaded as CSV, or to a Google \
             spreadsheet.",
        )
        .category(Category::Integrations)
        .icon("🧮")
        .output::<Output>()
        .failures(failures::HTTP)
        .failures(&[
            ("not-found", "There is no such table, spreadsheet or sheet"),
            ("invalid", "A column is not there, or a value is no text, number or truth value"),
            ("too-large", "A cell has more than 5,000 characters"),
            ("full", "The table has as many rows as it may have"),
            ("no-columns", "The first row of the sheet names no columns"),
            ("forbidden", "The spreadsheet is not shared with the account"),
            ("auth", "Google does not take the account's key"),
            ("refused", "Google refused it for another reason"),
            ("http-*", "Google answered 429 or 5xx, after every try"),
        ])
        .host(google::TOKEN_HOST)
        .host(google::API)
        .secret(
            Secret::new(google::KEY, "Key of a Google service account", &[Place::Sign])
                .summary("The JSON file that Google gives for it; for spreadsheets alone")
                .optional(),
        )
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let row = match (&settings.table, &settings.google) {
            (Some(table), None) => tables::append(table, &settings.row)?,
            (None, Some(sheet)) => sheet.append(&settings.row)?,
            _ => {
                let said = "say either `table` or `google`";
                return Err(Failure::invalid_config("table", said));
            }
        };
        Ok(Outcome::done().output(Output { row }).into())
    }
}

jackfield_plugin::export_step!(AddSheetRow);
