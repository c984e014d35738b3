//! The step `vat-check`: asks the European Commission's VIES service whether a VAT number is valid,
//! and may keep the company's name in a field of the contact.
//!
//! VIES asks the member state's own register, which is away now and then: that is the branch
//! `unavailable`, because a workflow usually goes on then and looks again later.

use jackfield_plugin::contacts::{self, Operation};
use jackfield_plugin::http::Request;
use jackfield_plugin::prelude::*;

/// The step; see the module.
#[derive(Debug)]
pub struct VatCheck;

/// What the workflow's author sets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The number with its country, such as `FR40303265045`; spaces, dots and hyphens may stand in it.
    number: String,
    /// A text field of the contact for the company's name.
    #[schemars(extend("x-jackfield-ref" = "contact-field"))]
    company_field: Option<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Output {
    /// The number as it was asked for.
    number: String,
    /// Whether the register knows it; null where nobody could say.
    valid: Option<bool>,
    /// The company's name, where the member state gives it.
    company: Option<String>,
}

/// VIES' answer, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    user_error: String,
    #[serde(default)]
    name: String,
}

const SERVICE: &str = "https://ec.europa.eu";

impl Step for VatCheck {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Check a VAT number",
            "Asks the EU's VIES service whether a VAT number is valid.",
        )
        .category(Category::Integrations)
        .output::<Output>()
        .host(SERVICE)
        .branch("invalid", "The register does not know the number", "next")
        .branch("unavailable", "The register cannot be asked now", "next")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let number: String = settings
            .number
            .chars()
            .filter(|c| !c.is_whitespace() && !".-".contains(*c))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let output = |valid, company| Output {
            number: number.clone(),
            valid,
            company,
        };
        let Some((country, digits)) = split(&number) else {
            return Ok(Outcome::branch("invalid").output(output(Some(false), None)).into());
        };
        let url = format!("{SERVICE}/taxation_customs/vies/rest-api/ms/{country}/vat/{digits}");
        let response = Request::get(url).header("accept", "application/json").send()?;
        let answer: Option<Answer> = serde_json::from_slice(&response.body).ok();
        let (Some(answer), 200) = (answer, response.status) else {
            return Ok(Outcome::branch("unavailable").output(output(None, None)).into());
        };
        Ok(match answer.user_error.as_str() {
            "VALID" => {
                // Member states that give no name answer with hyphens.
                let company = Some(answer.name).filter(|name| name.contains(char::is_alphabetic));
                if let (Some(field), Some(company)) = (&settings.company_field, &company) {
                    contacts::update(field, Operation::Set, &json!(company))?;
                }
                Outcome::done().output(output(Some(true), company)).into()
            }
            "INVALID" | "INVALID_INPUT" => {
                Outcome::branch("invalid").output(output(Some(false), None)).into()
            }
            _ => Outcome::branch("unavailable").output(output(None, None)).into(),
        })
    }
}

/// The country's letters, and the rest; none where it cannot be a VAT number.
fn split(number: &str) -> Option<(&str, &str)> {
    let (country, rest) = number.split_at_checked(2)?;
    let letters = country.chars().all(|c| c.is_ascii_uppercase());
    let good = (2..=12).contains(&rest.len())
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "+*".contains(c));
    (letters && good).then_some((country, rest))
}

jackfield_plugin::export_step!(VatCheck);
