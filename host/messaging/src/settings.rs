//! What a workspace decides: its time zone and country, compliance words and their answers, when
//! and how often marketing may leave, and how fast its channels go.
//!
//! Stored as JSON; every key may be left out. Writing refuses what it does not know, so that a
//! typing error is not a silent default; reading takes what it can, so that settings of a newer
//! version do not stop messages.

use crate::conversations::note::LONGEST_CATEGORY;
use crate::error::Problem;
use crate::teams::MOST_WAITING;
use jackfield_engine::schedule::{BusinessHours, Duration};
use jackfield_engine::variables::Unset;
use jackfield_store::records::Calendar;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Calendars that ship with Jackfield, the strictest known for each country.
static PRESETS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../data/marketing-hours.json")).unwrap_or_default()
});

/// The longest time for a transfer.
const LONGEST_TRANSFER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What becomes of a variable without a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsetVariables {
    /// Nothing, with a warning.
    #[default]
    Empty,
    /// Itself.
    Literal,
    /// The step fails.
    Fail,
}

impl From<UnsetVariables> for Unset {
    fn from(unset: UnsetVariables) -> Unset {
        match unset {
            UnsetVariables::Empty => Unset::Empty,
            UnsetVariables::Literal => Unset::Literal,
            UnsetVariables::Fail => Unset::Fail,
        }
    }
}

/// How far a STOP or an unsubscribe link reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptOutScope {
    /// All senders of the workspace.
    #[default]
    Account,
    /// The channel that it was said on.
    Channel,
}

/// Compliance words and their answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeywordSettings {
    /// Whether inbound words opt out and in at all.
    pub enabled: bool,
    /// Which packs of words, the preferred language first.
    pub languages: Vec<String>,
    /// Words beside those of the packs, such as `NON MERCI`.
    pub more_stop_words: Vec<String>,
    /// The one confirmation of an opt-out; left out: the pack's.
    pub stop_text: Option<String>,
    /// The confirmation of an opt-in; left out: the pack's.
    pub start_text: Option<String>,
    /// The answer to HELP; left out: the pack's.
    pub help_text: Option<String>,
}

impl Default for KeywordSettings {
    fn default() -> Self {
        KeywordSettings {
            enabled: true,
            languages: ["en", "fr", "es", "de", "it", "pt"]
                .map(str::to_owned)
                .to_vec(),
            more_stop_words: Vec::new(),
            stop_text: None,
            start_text: None,
            help_text: None,
        }
    }
}

/// How many marketing messages a contact gets at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FrequencyCap {
    /// So many.
    pub messages: u32,
    /// Within a duration such as `1d`.
    pub per: String,
}

/// When conversations are closed by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AutoClose {
    /// So long after the last message of a person of ours, such as `24h`.
    pub after: String,
}

impl Default for AutoClose {
    fn default() -> Self {
        AutoClose {
            after: "24h".to_owned(),
        }
    }
}

impl AutoClose {
    const SHORTEST: Duration = Duration::from_secs(30 * 60);
    const LONGEST: Duration = Duration::from_secs(14 * 24 * 60 * 60);
    const USUAL: Duration = Duration::from_secs(24 * 60 * 60);

    /// The length in milliseconds; what cannot be read stands at its default.
    pub(crate) fn after(&self) -> i64 {
        let length = self.after.parse().unwrap_or(Self::USUAL);
        let length = length.clamp(Self::SHORTEST, Self::LONGEST);
        i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
    }

    fn problem(&self) -> Option<String> {
        match self.after.parse::<Duration>() {
            Err(error) => Some(error.to_string()),
            Ok(length) if !(Self::SHORTEST..=Self::LONGEST).contains(&length) => {
                Some("between `30m` and `14d`".to_owned())
            }
            Ok(_) => None,
        }
    }
}

/// How fast one channel goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChannelLimits {
    /// Messages a second; left out: the connector's.
    pub rate: Option<f64>,
    /// Messages under way at the same time; left out: the host's.
    pub concurrency: Option<usize>,
}

/// How messages leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DispatchSettings {
    /// How often a message is tried, the first time included.
    pub tries: u32,
    /// By a channel's name.
    pub channels: BTreeMap<String, ChannelLimits>,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        DispatchSettings {
            tries: 3,
            channels: BTreeMap::new(),
        }
    }
}

/// What people give when they close a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteMode {
    /// A category and a summary if they like.
    #[default]
    Optional,
    /// A category, and a summary if they like.
    Category,
    /// Both.
    CategoryAndSummary,
    /// Neither.
    Disabled,
}

/// A category of closing notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NoteCategory {
    /// As it is chosen and shown.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
}

/// The notes that conversations are closed with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClosingNotes {
    /// What is mandatory.
    pub mode: NoteMode,
    /// What can be chosen; none: any text.
    pub categories: Vec<NoteCategory>,
    /// What is mandatory for people is so for workflows too.
    pub apply_to_automation: bool,
}

/// The settings of a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// An IANA name such as `Europe/Paris`.
    pub time_zone: String,
    /// ISO 3166 alpha-2: how national phone numbers are read.
    pub default_country: Option<String>,
    /// How people write dates, such as `DD/MM/YYYY`: how answers to questions are read.
    pub date_format: Option<String>,
    /// What becomes of a variable without a value.
    pub unset_variables: UnsetVariables,
    /// Compliance words.
    pub keywords: KeywordSettings,
    /// How far an opt-out reaches.
    pub opt_out_scope: OptOutScope,
    /// Stands before an unsubscribe link.
    pub unsubscribe_text: String,
    /// When marketing may leave: business hours, `{"preset": "fr"}` or `{"calendar": "office"}`. Outside them it waits.
    pub marketing_hours: Option<Value>,
    /// How often marketing may reach one contact. More is suppressed.
    pub frequency_cap: Option<FrequencyCap>,
    /// How messages leave.
    pub dispatch: DispatchSettings,
    /// The notes that conversations are closed with.
    pub closing_notes: ClosingNotes,
    /// An answer to a workflow's question opens a conversation, as any other message does.
    pub reopen_on_bot_reply: bool,
    /// How long a user may leave alone what another has transferred, such as `5m`; then it returns.
    pub max_transfer_time: Option<String>,
    /// How many contacts may wait for somebody of the workspace; 0 for any number. A team has its own.
    pub max_waiting: u32,
    /// Conversations in which the contact says nothing more are closed by themselves.
    pub auto_close: Option<AutoClose>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            time_zone: "UTC".to_owned(),
            default_country: None,
            date_format: None,
            unset_variables: UnsetVariables::Empty,
            keywords: KeywordSettings::default(),
            opt_out_scope: OptOutScope::Account,
            unsubscribe_text: "Unsubscribe here: ".to_owned(),
            marketing_hours: None,
            frequency_cap: None,
            dispatch: DispatchSettings::default(),
            closing_notes: ClosingNotes::default(),
            reopen_on_bot_reply: false,
            max_transfer_time: None,
            max_waiting: 0,
            auto_close: None,
        }
    }
}

impl Settings {
    /// As stored; each key that cannot be read stands at its default.
    #[must_use]
    pub fn read(stored: &Value) -> Settings {
        if let Ok(settings) = Settings::deserialize(stored) {
            return settings;
        }
        let mut kept = serde_json::Map::new();
        for (key, value) in stored.as_object().into_iter().flatten() {
            kept.insert(key.clone(), value.clone());
            if Settings::deserialize(Value::Object(kept.clone())).is_err() {
                kept.remove(key);
            }
        }
        Settings::deserialize(Value::Object(kept)).unwrap_or_default()
    }

    /// As a caller writes them.
    ///
    /// # Errors
    /// Every value that cannot be.
    pub fn parse(value: &Value) -> Result<Settings, Vec<Problem>> {
        let lists = lists(value);
        if !lists.is_empty() {
            return Err(lists);
        }
        let settings = Settings::deserialize(value)
            .map_err(|error| vec![Problem::new("settings", error.to_string())])?;
        let problems = settings.problems();
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(problems)
        }
    }

    /// How many milliseconds a user may leave alone what was transferred; none for ever.
    pub(crate) fn transfer_time(&self) -> Option<i64> {
        let length = self
            .max_transfer_time
            .as_deref()?
            .parse::<Duration>()
            .ok()?;
        i64::try_from(length.as_millis())
            .ok()
            .filter(|length| *length > 0)
    }

    fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if TimeZone::get(&self.time_zone).is_err() {
            let said = format!(
                "`{}` is no time zone; write one such as `Europe/Paris`",
                self.time_zone
            );
            found.push(Problem::new("time-zone", said));
        }
        if let Some(country) = &self.default_country
            && country.parse::<phonenumber::country::Id>().is_err()
        {
            let said = format!("`{country}` is no country; write its two letters, such as `FR`");
            found.push(Problem::new("default-country", said));
        }
        if let Some(format) = &self.date_format
            && !is_date_format(format)
        {
            let said = format!(
                "`{format}` is no form of dates; write day, month and year once each, such as \
                 `DD/MM/YYYY` or `D.M.YY`"
            );
            found.push(Problem::new("date-format", said));
        }
        if let Some(hours) = &self.marketing_hours
            && self.marketing_calendar().is_none()
            && let Err(said) = calendar_of(hours)
        {
            found.push(Problem::new("marketing-hours", said));
        }
        if let Some(cap) = &self.frequency_cap
            && cap.per.parse::<Duration>().is_err()
        {
            found.push(Problem::new(
                "frequency-cap/per",
                "write a duration such as `1d` or `12h`",
            ));
        }
        for language in &self.keywords.languages {
            if !crate::keywords::languages().any(|known| known == language) {
                let known: Vec<&str> = crate::keywords::languages().collect();
                let said = format!(
                    "there is no pack `{language}`; there are: {}",
                    known.join(", ")
                );
                found.push(Problem::new("keywords/languages", said));
            }
        }
        if self.max_waiting > MOST_WAITING {
            let said = format!("0 to {MOST_WAITING}; 0 for any number");
            found.push(Problem::new("max-waiting", said));
        }
        if let Some(text) = &self.max_transfer_time {
            let said = match text.parse::<Duration>() {
                Err(error) => Some(error.to_string()),
                Ok(length) if length > LONGEST_TRANSFER => {
                    Some("at most `7d`; `0s` for no limit".to_owned())
                }
                Ok(_) => None,
            };
            found.extend(said.map(|said| Problem::new("max-transfer-time", said)));
        }
        if let Some(said) = self.auto_close.as_ref().and_then(AutoClose::problem) {
            found.push(Problem::new("auto-close/after", said));
        }
        let categories = &self.closing_notes.categories;
        for (place, category) in categories.iter().enumerate() {
            let length = category.name.trim().chars().count();
            let field = || format!("closing-notes/categories/{place}/name");
            if !(1..=LONGEST_CATEGORY).contains(&length) {
                found.push(Problem::new(
                    field(),
                    format!("1 to {LONGEST_CATEGORY} characters"),
                ));
            }
            if categories[..place]
                .iter()
                .any(|other| other.name == category.name)
            {
                let said = format!("`{}` stands there twice", category.name);
                found.push(Problem::new(field(), said));
            }
        }
        if !(1..=20).contains(&self.dispatch.tries) {
            found.push(Problem::new("dispatch/tries", "between 1 and 20"));
        }
        for (name, limits) in &self.dispatch.channels {
            if limits
                .rate
                .is_some_and(|rate| !(rate.is_finite() && rate > 0.0))
            {
                found.push(Problem::new(
                    format!("dispatch/channels/{name}/rate"),
                    "more than 0",
                ));
            }
            if limits
                .concurrency
                .is_some_and(|most| !(1..=1000).contains(&most))
            {
                found.push(Problem::new(
                    format!("dispatch/channels/{name}/concurrency"),
                    "between 1 and 1,000",
                ));
            }
        }
        found
    }

    /// The time zone.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// When marketing may leave; none where always.
    pub(crate) fn marketing(&self, calendars: &[Calendar]) -> Option<BusinessHours> {
        let hours = match self.marketing_calendar() {
            // One that is gone is never open: nothing leaves by mistake.
            Some(name) => {
                let found = calendars.iter().find(|one| one.name == name);
                found.map_or_else(|| Value::Object(Map::new()), |one| one.hours.clone())
            }
            None => self.marketing_hours.clone()?,
        };
        calendar_of(&hours).ok()
    }

    /// The calendar that the marketing hours name.
    pub(crate) fn marketing_calendar(&self) -> Option<&str> {
        let hours = self.marketing_hours.as_ref()?.as_object()?;
        hours.get("calendar").filter(|_| hours.len() == 1)?.as_str()
    }

    /// The cap and its span in milliseconds.
    pub(crate) fn cap(&self) -> Option<(usize, i64)> {
        let cap = self.frequency_cap.as_ref()?;
        let span = cap.per.parse::<Duration>().ok()?.as_millis();
        Some((
            usize::try_from(cap.messages).ok()?,
            i64::try_from(span).ok()?,
        ))
    }
}

/// Day (`D`, `DD`), month (`M`, `MM`) and year (`YY`, `YYYY`) once each, with something between.
fn is_date_format(format: &str) -> bool {
    let groups = format.split(|one: char| !one.is_alphanumeric());
    let mut parts: Vec<char> = groups
        .filter(|group| !group.is_empty())
        .map(|group| match group.to_ascii_uppercase().as_str() {
            "D" | "DD" => 'D',
            "M" | "MM" => 'M',
            "YY" | "YYYY" => 'Y',
            _ => '?',
        })
        .collect();
    parts.sort_unstable();
    parts == ['D', 'M', 'Y'] && format.len() <= 20
}

/// Lists where an object belongs. They would be read as its fields in their order.
fn lists(settings: &Value) -> Vec<Problem> {
    let channels = settings.pointer("/dispatch/channels");
    let channels = channels.and_then(Value::as_object).into_iter().flatten();
    let parts = [
        "",
        "/keywords",
        "/dispatch",
        "/frequency-cap",
        "/closing-notes",
        "/auto-close",
    ]
    .into_iter()
    .filter_map(|place| Some((place.to_owned(), settings.pointer(place)?)))
    .chain(channels.map(|(name, limits)| (format!("/dispatch/channels/{name}"), limits)));
    parts
        .filter(|(_, part)| part.is_array())
        .map(|(place, _)| {
            let place = place.trim_start_matches('/');
            let place = if place.is_empty() { "settings" } else { place };
            Problem::new(place, "an object, `{...}`, not a list")
        })
        .collect()
}

/// Business hours, as they are or as a preset that ships with Jackfield.
pub(crate) fn calendar_of(value: &Value) -> Result<BusinessHours, String> {
    let value = match value.get("preset").and_then(Value::as_str) {
        None => value,
        Some(name) => PRESETS.get(name).ok_or_else(|| {
            let known: Vec<&str> = PRESETS.keys().map(String::as_str).collect();
            format!(
                "there is no calendar `{name}`; there are: {}",
                known.join(", ")
            )
        })?,
    };
    BusinessHours::parse(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn every_shipped_calendar_can_be_read() {
        assert!(!PRESETS.is_empty());
        for name in PRESETS.keys() {
            calendar_of(&json!({"preset": name})).unwrap();
        }
    }

    #[test]
    fn wrong_settings_are_named_one_by_one() {
        let problems = Settings::parse(&json!({
            "time-zone": "Mars/Base", "default-country": "XX", "date-format": "DD/MM",
            "frequency-cap": {"messages": 1, "per": "soon"}, "keywords": {"languages": ["tlh"]}
        }))
        .unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "time-zone",
                "default-country",
                "date-format",
                "frequency-cap/per",
                "keywords/languages"
            ]
        );
        assert!(
            Settings::parse(&json!({"timezone": "UTC"})).is_err(),
            "unknown keys are refused"
        );
    }

    #[test]
    fn a_stored_key_of_another_version_leaves_the_others_alone() {
        let settings = Settings::read(&json!({"time-zone": "Europe/Paris", "later": true}));
        assert_eq!(settings.time_zone, "Europe/Paris");
    }

    #[test]
    fn a_form_of_dates_has_each_part_once() {
        for good in ["DD/MM/YYYY", "M/D/YY", "yyyy-mm-dd", "YYYY. M. D."] {
            assert!(is_date_format(good), "{good}");
        }
        for bad in [
            "",
            "DDMMYYYY",
            "DD/MM",
            "DD/MM/YYYY/DD",
            "DDD/MM/YY",
            "soon",
            "D/M/Y",
        ] {
            assert!(!is_date_format(bad), "{bad}");
        }
    }

    #[test]
    fn a_list_is_no_settings() {
        for value in [
            json!([]),
            json!({"keywords": []}),
            json!({"dispatch": [3]}),
            json!({"dispatch": {"channels": {"a": []}}}),
            json!({"frequency-cap": [3, "1d"]}),
        ] {
            assert!(Settings::parse(&value).is_err(), "{value}");
        }
        assert!(Settings::parse(&json!({"dispatch": {"channels": {"a": {}}}})).is_ok());
    }
}
