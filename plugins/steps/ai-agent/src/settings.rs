//! What an author of a workflow sets.

use jackfield_plugin::{clock, prelude::*};

/// The settings of the step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Where the model is: the address before `/chat/completions` of a server that speaks OpenAI's chat
    /// API, in the cloud or in your house.
    #[serde(default = "openai")]
    #[schemars(extend("format" = "uri"), length(min = 1, max = 500))]
    pub(crate) endpoint: String,
    /// The model's name there.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) model: String,
    /// The name of the secret with the key, sent as a bearer token. Left out: none is sent, as models of
    /// your own may need none.
    #[schemars(length(max = 64))]
    pub(crate) key: Option<String>,
    /// What the talk is for: to `answer` what the contact asks, or to `collect` what you want to know.
    #[serde(default)]
    pub(crate) objective: Objective,
    /// Who the agent is and how it is to behave.
    #[serde(default)]
    #[schemars(length(max = 8000))]
    pub(crate) instructions: String,
    /// The language that it writes, such as `French`. Left out: the contact's.
    #[schemars(length(max = 60))]
    pub(crate) language: Option<String>,
    /// What it knows: texts, such as `${snippet.opening-hours}`.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub(crate) knowledge: Vec<String>,
    /// What it knows besides: text files of the workspace, by their names.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub(crate) files: Vec<String>,
    /// Answers beyond what it was given are allowed.
    #[serde(default)]
    pub(crate) outside_knowledge: bool,
    /// To collect: what.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub(crate) collect: Vec<Field>,
    /// What the contact is told first, word by word. Left out: the model begins, with an answer to the
    /// message that started the workflow, if there is one.
    #[schemars(length(max = 2000))]
    pub(crate) opening: Option<String>,
    /// What the contact is told at the end of a success, word by word. Left out: the model's words.
    #[schemars(length(max = 2000))]
    pub(crate) closing: Option<String>,
    /// It may end by the branch `speak-to-human`, when the contact wants a person.
    #[serde(default)]
    pub(crate) speak_to_human: bool,
    /// It may end by the branch `unable-to-answer`, when it does not know; to answer only. Otherwise it
    /// says so and goes on.
    #[serde(default)]
    pub(crate) unable_to_answer: bool,
    /// How long the contact may be silent, `1m` to `7d`; then the branch `idle`.
    #[serde(default = "an_hour")]
    pub(crate) idle: String,
    /// How many messages of the contact are answered at most; then the branch `others`.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 100))]
    pub(crate) max_turns: u32,
    /// How many tokens the step may use in all, as the server counts them; then the branch `others`.
    #[serde(default = "tokens")]
    #[schemars(range(min = 500, max = 1000000))]
    pub(crate) max_tokens: u64,
    /// The longest message to the contact, in characters; never more than the channel takes.
    #[serde(default = "longest_text")]
    #[schemars(range(min = 40, max = 2000))]
    pub(crate) max_length: usize,
    /// How the model chooses: by tool calls, or by JSON in its text, for models that know none.
    #[serde(default)]
    pub(crate) tools: Tools,
    /// How long to wait for one answer of the model; at most `120s`.
    #[serde(default = "half_a_minute")]
    pub(crate) timeout: String,
    /// How often to ask again where the server is busy or cannot be reached; then the branch `others`.
    #[serde(default = "two")]
    #[schemars(range(max = 5), extend("x-jackfield-retries" = true))]
    pub(crate) retries: u32,
    /// The channel to talk on. `last-interacted`: where the contact wrote last.
    #[serde(default = "last_interacted")]
    #[schemars(extend("x-jackfield-ref" = "channel"))]
    pub(crate) channel: String,
    /// At the end the talk becomes a comment of the conversation.
    #[serde(default = "yes")]
    pub(crate) transcript: bool,
}

/// What a talk is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Objective {
    /// Answers questions, until the contact has none.
    #[default]
    Answer,
    /// Asks until it knows what is wanted.
    Collect,
}

/// How the model chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tools {
    /// By calls of tools. JSON in the text is read as well.
    #[default]
    Calls,
    /// By JSON in the text.
    Json,
}

/// Something to be collected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Field {
    /// Its name, and that of the variable that it becomes: read later as `$vars.<name>`.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub(crate) name: String,
    /// What is meant, for the model.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub(crate) description: String,
    /// What kind of value it is: another one is not taken.
    #[serde(default)]
    pub(crate) r#type: Kind,
    /// A choice: what can be chosen.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub(crate) options: Vec<String>,
    /// The talk may end without it.
    #[serde(default)]
    pub(crate) optional: bool,
    /// A field of the contact that it is saved to as well.
    #[schemars(extend("x-jackfield-ref" = "contact-field"))]
    pub(crate) field: Option<String>,
}

/// Kinds of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Any text, of at most 1,000 characters.
    #[default]
    Text,
    /// A number.
    Number,
    /// A date: `2026-12-31`.
    Date,
    /// A mail address.
    Email,
    /// A phone number with its country code: `+33612345678`.
    Phone,
    /// A web address.
    Url,
    /// Yes or no.
    Boolean,
    /// One of the options.
    Choice,
}

/// The shortest and the longest silence, in milliseconds.
const SILENCE: (u64, u64) = (60_000, 7 * 24 * 3_600_000);
/// The longest wait for the model, in milliseconds.
const LONGEST_WAIT: u64 = 120_000;

fn openai() -> String {
    "https://api.openai.com/v1".into()
}

fn an_hour() -> String {
    "60m".into()
}

fn half_a_minute() -> String {
    "30s".into()
}

fn last_interacted() -> String {
    "last-interacted".into()
}

fn twenty() -> u32 {
    20
}

fn two() -> u32 {
    2
}

fn tokens() -> u64 {
    20_000
}

fn longest_text() -> usize {
    1_000
}

fn yes() -> bool {
    true
}

impl Settings {
    pub(crate) fn idle(&self) -> Result<u64, Failure> {
        duration("idle", &self.idle, SILENCE, "1m to 7d")
    }

    pub(crate) fn timeout(&self) -> Result<u64, Failure> {
        duration(
            "timeout",
            &self.timeout,
            (1_000, LONGEST_WAIT),
            "1s to 120s",
        )
    }

    /// What the schema cannot say, before anything is asked.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let refuse = |setting: &str, why: &str| Err(Failure::invalid_config(setting, why));
        self.idle()?;
        self.timeout()?;
        match (self.objective, self.collect.len()) {
            (Objective::Collect, 0) => return refuse("collect", "say what is to be collected"),
            (Objective::Answer, 1..) => {
                return refuse("collect", "belongs to the objective `collect`");
            }
            (Objective::Collect, _) if self.unable_to_answer => {
                return refuse("unable-to-answer", "belongs to the objective `answer`");
            }
            _ => {}
        }
        for (place, field) in self.collect.iter().enumerate() {
            let setting = format!("collect[{place}]");
            if self.collect[..place]
                .iter()
                .any(|one| one.name == field.name)
            {
                return refuse(&setting, "has the name of another one");
            }
            if (field.r#type == Kind::Choice) == field.options.is_empty() {
                return refuse(&setting, "a choice has options, and nothing else has");
            }
        }
        Ok(())
    }
}

fn duration(setting: &str, text: &str, within: (u64, u64), said: &str) -> Result<u64, Failure> {
    let length =
        clock::duration(text).map_err(|error| Failure::invalid_config(setting, error.message))?;
    if length < within.0 || length > within.1 {
        return Err(Failure::invalid_config(setting, format!("must be {said}")));
    }
    Ok(length)
}
