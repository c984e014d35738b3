//! The step `wait`: for a time, until a time, until business hours, or for an event.
//!
//! A wait for an event ends by `success` when the event came, and by `timeout` when it did not; a
//! wait for a time ends by `success`. So `event` with `timeout` is also the "cancel" of a wait: what
//! should happen after the time stands on the branch `timeout`.

use jackfield_plugin::{clock, prelude::*};

/// The step; see the module.
#[derive(Debug)]
pub struct WaitStep;

/// The longest wait: 365 days.
const LONGEST: u64 = 365 * 24 * 3_600_000;

/// What the workflow's author sets: a time (`for` or `until`, with `business-hours` or not), or an
/// `event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Settings {
    /// How long, such as `30s`, `15m`, `2h`, `1d12h`; at most 365 days.
    r#for: Option<String>,
    /// Until when: `2026-12-01 09:00` in the workspace's time zone, or with an offset
    /// (`2026-12-01T09:00:00+01:00`). A time that has passed goes on at once.
    until: Option<String>,
    /// Until the next time that these hours are open: now, or after `for` or `until`. Such as
    /// `{monday: ["09:00-12:00", "13:00-18:00"], holidays: ["2026-12-25"], time-zone: Europe/Paris}`.
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    business_hours: Option<Value>,
    /// Until this event, on the branch `success`.
    event: Option<AwaitedEvent>,
    /// How long to wait for the event, such as `2d`; then the branch `timeout`. Left out: 365 days.
    timeout: Option<String>,
}

/// What is waited for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitedEvent {
    /// Such as `message.received`, `conversation.closed`, or a name of your own.
    #[schemars(length(min = 1, max = 128))]
    name: String,
    /// A condition on the event's data, such as `{field: order.status, is: paid}`.
    #[schemars(extend("type" = ["object", "null"]))]
    #[serde(default)]
    when: Option<Value>,
    /// What the event must be about, such as the id of a message or a run. Left out: the run's
    /// contact.
    subject: Option<String>,
}

/// What later steps can read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// `timer` when the time came, `event` when the event came.
    woken_by: &'static str,
    /// The event, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<OutputEvent>,
}

/// The event that came.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OutputEvent {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// Its data.
    data: Value,
    /// When it was accepted, in milliseconds since 1970.
    at: u64,
}

impl Step for WaitStep {
    type Settings = Settings;
    /// Whether an event is awaited: its time is then a timeout.
    type State = bool;

    fn describe() -> StepDescriptor {
        StepDescriptor::new(
            env!("CARGO_PKG_NAME"),
            env!("CARGO_PKG_VERSION"),
            "Wait",
            "Waits for a time, until a date, until business hours, or until something happens; at most 365 days.",
        )
        .category(Category::Logic)
        .icon("⏳")
        .output::<Output>()
        .waits()
        .branch("timeout", "The event did not come in time", "next")
    }

    fn start(_run: &Invocation, settings: Settings) -> Result<Outcome<bool>, Failure> {
        let now = clock::now();
        let Some(event) = &settings.event else {
            let until = time(&settings, now)?;
            if until <= now {
                return Ok(timer().into());
            }
            return Ok(Outcome::wait(false).until(until).into());
        };
        if settings.r#for.is_some() || settings.until.is_some() || settings.business_hours.is_some()
        {
            return Err(Failure::invalid_config(
                "event",
                "wait for an event or for a time, not for both; how long to wait for the event is `timeout`",
            ));
        }
        let until = match &settings.timeout {
            Some(timeout) => now + duration("timeout", timeout)?,
            None => now + LONGEST,
        };
        let mut subscription = Subscription::to(&event.name);
        subscription.subject = event.subject.clone().filter(|subject| !subject.is_empty());
        subscription.when = event.when.clone();
        Ok(Outcome::wait(true).until(until).on(subscription).into())
    }

    fn resume(
        _run: &Invocation,
        _settings: Settings,
        for_event: bool,
        wake: Wake,
    ) -> Result<Outcome<bool>, Failure> {
        Ok(match wake {
            Wake::Timer if for_event => Outcome::branch("timeout").output(output(None)).into(),
            Wake::Timer => timer().into(),
            Wake::Event(event) => Outcome::done().output(output(Some(event))).into(),
        })
    }
}

fn timer() -> jackfield_plugin::Done {
    Outcome::done().output(output(None))
}

fn output(event: Option<Event>) -> Output {
    let event = event.map(|Event { id, name, data, at }| OutputEvent { id, name, data, at });
    let woken_by = if event.is_some() { "event" } else { "timer" };
    Output { woken_by, event }
}

/// When a wait without an event ends.
fn time(settings: &Settings, now: u64) -> Result<u64, Failure> {
    if settings.timeout.is_some() {
        return Err(Failure::invalid_config(
            "timeout",
            "belongs to `event`; for a time alone use `for`",
        ));
    }
    let mut at = match (&settings.r#for, &settings.until) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid_config(
                "until",
                "set `for` or `until`, not both",
            ));
        }
        (Some(length), None) => now + duration("for", length)?,
        (None, Some(text)) => {
            clock::parse(text).map_err(|error| Failure::invalid_config("until", error.message))?
        }
        (None, None) if settings.business_hours.is_none() => {
            return Err(Failure::invalid_config(
                "for",
                "say what to wait for: `for`, `until`, `business-hours` or `event`",
            ));
        }
        (None, None) => now,
    };
    if let Some(hours) = &settings.business_hours {
        at = clock::next_open(hours, at.max(now))
            .map_err(|error| Failure::invalid_config("business-hours", error.message))?;
    }
    if at > now + LONGEST {
        return Err(Failure::invalid_config(
            "until",
            "the longest wait is 365 days",
        ));
    }
    Ok(at)
}

fn duration(setting: &str, text: &str) -> Result<u64, Failure> {
    let length =
        clock::duration(text).map_err(|error| Failure::invalid_config(setting, error.message))?;
    if length > LONGEST {
        return Err(Failure::invalid_config(
            setting,
            "the longest wait is 365 days",
        ));
    }
    Ok(length)
}

jackfield_plugin::export_step!(WaitStep);
