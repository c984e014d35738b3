//! The step `date-time`: is it within business hours, or within a range of dates?
//!
//! If it is, the run goes on by `success`; if not, by `else`, and where that leads nowhere the run
//! ends. Nothing waits here: to wait for the next opening, use `wait`.

use jackfield_plugin::{clock, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct DateTime;

/// What the workflow's author sets: `business-hours`, or `from` and `to`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Settings {
    /// Each weekday's ranges, and days on which nobody is there: `{monday: ["09:00-12:00",
    /// "13:00-18:00"], friday: ["22:00-06:00"], holidays: ["2026-12-25"]}`. A weekday that is not
    /// named is closed; a range that ends before it starts goes over midnight.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    business_hours: Option<Value>,
    /// The first moment of the range: `2026-12-01`, `2026-12-01 09:00`, or with an offset. Left out:
    /// since ever.
    from: Option<String>,
    /// The moment at which the range is over; a date alone means the end of that day. Left out: for
    /// ever.
    to: Option<String>,
    /// In which time zone this is meant, such as `Europe/Paris` or `$contact.time_zone`. Left out or
    /// without a value: the one that the business hours name, else the workspace's.
    time_zone: Option<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// Whether it is within them now.
    matches: bool,
    /// When they open next, in milliseconds since 1970, where they are closed and open again within
    /// a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_open: Option<u64>,
}

impl Step for DateTime {
    type Settings = Settings;
    type State = ();

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Date and time",
            "Goes one way within business hours or a range of dates, and another way outside.",
        )
        .category(Category::Logic)
        .icon("📅")
        .output::<Output>()
        .branch("else", "It is outside them", "end")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome, Failure> {
        let zone = settings.time_zone.map(|zone| zone.trim().to_owned());
        let zone = zone.filter(|zone| !zone.is_empty());
        let now = clock::now();
        let range = settings.from.is_some() || settings.to.is_some();
        let output = match (settings.business_hours, range) {
            (Some(hours), false) => open(hours, zone, now)?,
            (None, true) => {
                let from = moment("from", settings.from, zone.as_deref(), false)?;
                let to = moment("to", settings.to, zone.as_deref(), true)?;
                if let (Some(from), Some(to)) = (from, to)
                    && to <= from
                {
                    return Err(Failure::invalid_config("to", "must be after `from`"));
                }
                let matches = from.is_none_or(|from| from <= now) && to.is_none_or(|to| now < to);
                Output {
                    matches,
                    next_open: None,
                }
            }
            (Some(_), true) => {
                return Err(Failure::invalid_config(
                    "business-hours",
                    "set business hours or a range of dates, not both",
                ));
            }
            (None, false) => {
                return Err(Failure::invalid_config(
                    "business-hours",
                    "set `business-hours`, or `from` and `to`",
                ));
            }
        };
        let done = if output.matches {
            Outcome::done()
        } else {
            Outcome::branch("else")
        };
        Ok(done.output(output).into())
    }
}

fn open(mut hours: Value, zone: Option<String>, now: u64) -> Result<Output, Failure> {
    if let (Some(zone), Some(hours)) = (zone, hours.as_object_mut()) {
        hours.insert("time-zone".to_owned(), zone.into());
    }
    let next = match clock::next_open(&hours, now) {
        Ok(next) => Some(next),
        Err(error) if error.code == "not-found" => None,
        Err(error) => return Err(Failure::invalid_config("business-hours", error.message)),
    };
    Ok(Output {
        matches: next == Some(now),
        next_open: next.filter(|next| *next != now),
    })
}

/// The instant of one end of the range; the end of a day where a date alone is the last.
fn moment(
    setting: &str,
    text: Option<String>,
    zone: Option<&str>,
    last: bool,
) -> Result<Option<u64>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    // The end of a day is the second after its last one, however many hours it has.
    let (text, more) = match text.len() {
        10 if last => (format!("{text} 23:59:59"), 1_000),
        _ => (text.to_owned(), 0),
    };
    let text = match zone {
        Some(zone) => format!("{text}[{zone}]"),
        None => text,
    };
    let at = clock::parse(&text);
    let at = at.map_err(|error| Failure::invalid_config(setting, error.message))?;
    Ok(Some(at + more))
}

jackfield_plugin::export_step!(DateTime);
