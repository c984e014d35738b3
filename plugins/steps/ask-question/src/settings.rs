//! What an author of a workflow sets.

use jackfield_plugin::{clock, prelude::*};

use crate::{answer, countries};

/// The settings of the step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The question, with variables; at most 2,000 characters.
    #[schemars(length(min = 1))]
    pub(crate) text: String,
    /// What kind of answer is asked for.
    #[serde(default)]
    pub(crate) r#type: AnswerType,
    /// Multiple choice: the options, at most ten. Shown as buttons where the channel has them, as a
    /// numbered list otherwise.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub(crate) options: Vec<ChoiceOption>,
    /// Number: the smallest that is valid.
    pub(crate) min: Option<f64>,
    /// Number: the largest that is valid.
    pub(crate) max: Option<f64>,
    /// Number: the character before the decimals. Left out: a dot or a comma, as it makes sense.
    pub(crate) decimal_separator: Option<DecimalSeparator>,
    /// Date: how people write it, such as `DD/MM/YYYY`; `2026-12-31` is always valid too. Left out:
    /// the workspace's `date-format`.
    pub(crate) format: Option<String>,
    /// Phone: the country of numbers without a country code, such as `FR`. Left out: the contact's,
    /// else the workspace's.
    pub(crate) default_country: Option<String>,
    /// Where the answer goes, beside the step's output.
    #[serde(default)]
    pub(crate) save: Save,
    /// The channel to ask on; an answer on another channel does not count. `last-interacted`: where
    /// the contact wrote last, and an answer counts wherever it comes.
    #[serde(default = "last_interacted")]
    #[schemars(extend("x-jackfield-ref" = "channel"))]
    pub(crate) channel: String,
    /// How long to wait for an answer, such as `2h`; `1s` to `7d`. It starts again with every retry.
    #[serde(default = "seven_days")]
    pub(crate) timeout: String,
    /// How often to ask again after an answer that is not valid; then the branch `invalid`.
    #[serde(default = "one")]
    #[schemars(range(max = 5))]
    pub(crate) max_retries: u32,
    /// What to say when asking again. Left out: what would be valid.
    pub(crate) retry_text: Option<String>,
    /// Words that skip the question, such as `skip`; then the branch `skipped`.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub(crate) skip_words: Vec<String>,
    /// How long to wait for more when an answer comes in several messages, at most `30s`.
    #[serde(default = "no_time")]
    pub(crate) debounce: String,
}

/// Kinds of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnswerType {
    /// Any text.
    #[default]
    Text,
    /// One of the options.
    MultipleChoice,
    /// A number, with `min` and `max`.
    Number,
    /// A date.
    Date,
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
    /// A web address.
    Url,
    /// One to five, or as many stars.
    Rating,
    /// A place: a location message, or `latitude, longitude`.
    Location,
}

/// The character before the decimals.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
pub(crate) enum DecimalSeparator {
    /// A dot.
    #[serde(rename = ".")]
    Dot,
    /// A comma.
    #[serde(rename = ",")]
    Comma,
}

/// An option: its label, or label and id.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ChoiceOption {
    /// What the contact sees.
    Label(#[schemars(length(min = 1, max = 20))] String),
    /// With an id for later steps.
    Full {
        /// What the contact sees.
        #[schemars(length(min = 1, max = 20))]
        label: String,
        /// What comes back when its button is pressed.
        id: Option<String>,
    },
}

impl ChoiceOption {
    pub(crate) fn label(&self) -> &str {
        match self {
            ChoiceOption::Label(label) | ChoiceOption::Full { label, .. } => label.trim(),
        }
    }

    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            ChoiceOption::Label(_) => None,
            ChoiceOption::Full { id, .. } => id.as_deref(),
        }
    }
}

/// Where an answer goes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Save {
    /// A field of the contact, standard or custom, of a type that takes the answer: its own or a
    /// text; a text may also go into a list or a time, a choice into a list or a checkbox, a rating
    /// into a number.
    #[schemars(extend("x-jackfield-ref" = "contact-field", "x-jackfield-field-kinds" = field_kinds()))]
    pub(crate) field: Option<String>,
    /// A variable of the run: read later as `$vars.<name>`.
    #[schemars(length(max = 64), regex(pattern = "^([a-z][a-z0-9_]*)?$"))]
    pub(crate) variable: Option<String>,
    /// Multiple choice: the chosen option becomes a tag of the contact.
    pub(crate) tag: bool,
}

/// Which types of fields take which answers, for the check before publishing.
fn field_kinds() -> Value {
    json!({
        "by": "/type",
        "default": "text",
        "kinds": {
            "text": ["text", "list", "time"],
            "multiple-choice": ["text", "list", "checkbox"],
            "number": ["number", "text"],
            "date": ["date", "text"],
            "phone": ["phone", "text"],
            "email": ["email", "text"],
            "url": ["url", "text"],
            "rating": ["number", "text"],
            "location": ["text"],
        },
    })
}

const DAY: u64 = 24 * 3_600_000;
/// The shortest wait for an answer.
const SHORTEST_TIMEOUT: u64 = 1_000;
/// The longest wait for an answer.
const LONGEST_TIMEOUT: u64 = 7 * DAY;
/// The longest wait for the rest of an answer.
const LONGEST_DEBOUNCE: u64 = 30_000;
/// The longest question and label, in characters, after variables.
const LONGEST_TEXT: usize = 2_000;
const LONGEST_LABEL: usize = 20;

fn last_interacted() -> String {
    "last-interacted".into()
}

fn seven_days() -> String {
    "7d".into()
}

fn no_time() -> String {
    "0s".into()
}

fn one() -> u32 {
    1
}

impl Settings {
    pub(crate) fn timeout(&self) -> Result<u64, Failure> {
        let timeout = duration("timeout", &self.timeout, LONGEST_TIMEOUT, "7d")?;
        if timeout < SHORTEST_TIMEOUT {
            return Err(Failure::invalid_config("timeout", "must be at least 1s"));
        }
        Ok(timeout)
    }

    pub(crate) fn debounce(&self) -> Result<u64, Failure> {
        duration("debounce", &self.debounce, LONGEST_DEBOUNCE, "30s")
    }

    pub(crate) fn is_skip_word(&self, text: &str) -> bool {
        let folded = answer::fold(text);
        self.skip_words
            .iter()
            .any(|word| answer::fold(word) == folded)
    }

    /// What the schema cannot say, before anything is sent.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let refuse = |setting: &str, why: &str| Err(Failure::invalid_config(setting, why));
        self.timeout()?;
        self.debounce()?;
        if self.max_retries > 5 {
            return refuse("max-retries", "must be 0 to 5");
        }
        let length = self.text.chars().count();
        if length == 0 || length > LONGEST_TEXT {
            return Err(Failure::permanent(
                "content-rejected",
                format!(
                    "the question has {length} characters with its variables; it may have 1 to {LONGEST_TEXT}"
                ),
            ));
        }
        if self
            .retry_text
            .as_deref()
            .unwrap_or_default()
            .chars()
            .count()
            > LONGEST_TEXT
        {
            return Err(Failure::permanent(
                "content-rejected",
                format!(
                    "the retry text may have at most {LONGEST_TEXT} characters with its variables"
                ),
            ));
        }
        let is_choice = self.r#type == AnswerType::MultipleChoice;
        match (is_choice, self.options.len()) {
            (true, 0) => return refuse("options", "multiple choice needs at least one option"),
            (true, 11..) => return refuse("options", "at most ten options"),
            (false, 1..) => return refuse("options", "belong to the type `multiple-choice`"),
            _ => {}
        }
        for (index, option) in self.options.iter().enumerate() {
            let (label, setting) = (option.label(), format!("options[{index}]"));
            if label.is_empty() || label.chars().count() > LONGEST_LABEL {
                return refuse(&setting, "a label has 1 to 20 characters");
            }
            if self.options[..index]
                .iter()
                .any(|other| answer::fold(other.label()) == answer::fold(label))
            {
                return refuse(
                    &setting,
                    "is there twice; case and accents make no difference",
                );
            }
            let payload = crate::question::payload(index, option.id());
            let others = self.options[..index].iter().enumerate();
            if others
                .map(|(other, option)| crate::question::payload(other, option.id()))
                .any(|other| other == payload)
            {
                return refuse(&setting, "has the id of another option");
            }
        }
        if self.save.tag && !is_choice {
            return refuse("save.tag", "only a choice becomes a tag");
        }
        if let (Some(min), Some(max)) = (self.min, self.max) {
            if min > max {
                return refuse("min", "is larger than `max`");
            }
        }
        if let Some(format) = self.format.as_deref().filter(|format| !format.is_empty()) {
            if answer::date::order(format).is_none() {
                return refuse(
                    "format",
                    "a date's format has day, month and year once each, such as `DD/MM/YYYY` or `D.M.YY`",
                );
            }
        }
        let country = self
            .default_country
            .as_deref()
            .filter(|country| !country.is_empty());
        if country.is_some_and(|country| countries::find(&country.to_ascii_uppercase()).is_none()) {
            return refuse(
                "default-country",
                "is no country; write two letters such as `FR`",
            );
        }
        Ok(())
    }
}

fn duration(setting: &str, text: &str, longest: u64, said: &str) -> Result<u64, Failure> {
    let length =
        clock::duration(text).map_err(|error| Failure::invalid_config(setting, error.message))?;
    if length > longest {
        return Err(Failure::invalid_config(
            setting,
            format!("must be at most {said}"),
        ));
    }
    Ok(length)
}
