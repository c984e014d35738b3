//! What every plugin must keep, whatever its language: the conformance suite.
//!
//! Each rule is found kept, broken, or not tried for want of a case. What must hold: a plugin that
//! passes behaves in production as its descriptor says, as far as its cases reach.

use crate::bench::{Bench, against, validator};
use crate::case::Case;
use crate::report::Tried;
use crate::shown::parsed;
use jackfield_sandbox::Kind;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What was found of one rule.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Stable: `branches-reached`.
    pub rule: &'static str,
    /// For people.
    pub means: &'static str,
    /// What was found.
    pub verdict: Verdict,
    /// What breaks it, or why it was not tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
}

/// Whether a rule is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is.
    Kept,
    /// It is not.
    Broken,
    /// Nothing was there to try it with.
    NotTried,
}

impl Finding {
    fn of(rule: &'static str, means: &'static str, broken: Vec<String>) -> Finding {
        Finding {
            rule,
            means,
            verdict: if broken.is_empty() {
                Verdict::Kept
            } else {
                Verdict::Broken
            },
            because: broken,
        }
    }

    fn untried(rule: &'static str, means: &'static str, why: &str) -> Finding {
        Finding {
            rule,
            means,
            verdict: Verdict::NotTried,
            because: vec![why.to_owned()],
        }
    }
}

/// Tries every rule. `declared` are the imports that the project says it needs, where it is known.
pub async fn check(bench: &Bench, cases: &[Case], declared: Option<&[String]>) -> Vec<Finding> {
    let mut tried = Vec::new();
    for case in cases {
        tried.push(bench.run(case, None).await);
    }
    let mut again = Vec::new();
    for case in cases {
        again.push(bench.run(case, None).await);
    }
    vec![
        descriptor(bench).await,
        imports(bench, declared),
        passing(&tried),
        same_twice(&tried, &again),
        branches(bench, cases, &tried),
        limits(&tried),
        bad_settings(bench, cases).await,
    ]
}

async fn descriptor(bench: &Bench) -> Finding {
    const STEP: &str = include_str!("../../../wit/schemas/step-descriptor.schema.json");
    const CONNECTOR: &str = include_str!("../../../wit/schemas/connector-descriptor.schema.json");
    let schema = match bench.inspection.kind {
        Kind::Step => STEP,
        Kind::Connector => CONNECTOR,
    };
    let mut broken = Vec::new();
    broken.extend(against(&parsed(schema), &bench.descriptor));
    for name in ["settings", "output"] {
        if let Some(schema) = bench.descriptor.get(name)
            && let Err(error) = jsonschema::draft202012::meta::validate(schema)
        {
            broken.push(format!("`{name}` is no JSON Schema (2020-12): {error}"));
        }
    }
    match bench.describe().await {
        Ok(again) if parsed(&again) == bench.descriptor => {}
        Ok(_) => broken.push("asked twice it describes itself in two ways".to_owned()),
        Err(error) => broken.push(error.to_string()),
    }
    Finding::of(
        "descriptor",
        "its descriptor and its schemas are valid, and the same each time",
        broken,
    )
}

fn imports(bench: &Bench, declared: Option<&[String]>) -> Finding {
    const MEANS: &str = "it imports what its project declares, and nothing else";
    let Some(declared) = declared else {
        return Finding::untried("imports", MEANS, "no project is at hand; name its folder");
    };
    let imports = bench.inspection.interfaces();
    let undeclared = imports
        .iter()
        .filter(|it| !declared.iter().any(|name| name == it.name()));
    let broken =
        undeclared.map(|it| format!("it imports `{}`, which `needs` does not name", it.name()));
    Finding::of("imports", MEANS, broken.collect())
}

fn passing(tried: &[Tried]) -> Finding {
    const MEANS: &str = "its cases come to what they expect";
    if tried.is_empty() {
        return Finding::untried("cases", MEANS, "it has no cases");
    }
    let broken = tried.iter().filter_map(|it| {
        let first = it.problems.first()?;
        Some(format!("{}: {first}", it.name))
    });
    Finding::of("cases", MEANS, broken.collect())
}

fn same_twice(tried: &[Tried], again: &[Tried]) -> Finding {
    const MEANS: &str = "the same comes to the same outcome by the same calls";
    if tried.is_empty() {
        return Finding::untried("same-twice", MEANS, "it has no cases");
    }
    let pairs = tried.iter().zip(again);
    let broken = pairs.filter(|(one, two)| !one.same(two));
    let broken = broken.map(|(one, _)| format!("{}: run twice it did otherwise", one.name));
    Finding::of("same-twice", MEANS, broken.collect())
}

fn branches(bench: &Bench, cases: &[Case], tried: &[Tried]) -> Finding {
    const MEANS: &str = "some case reaches each of its branches";
    if cases.is_empty() {
        return Finding::untried("branches-reached", MEANS, "it has no cases");
    }
    let reached = |branch: &str| tried.iter().any(|it| it.branch() == Some(branch));
    let mut missed: Vec<String> = Vec::new();
    match &bench.step {
        Some(step) => {
            for branch in step.branches.iter().map(|branch| branch.name.as_str()) {
                if !reached(branch) {
                    missed.push(format!("no case leaves by `{branch}`"));
                }
            }
            if step.branches_from.is_some() {
                let own = cases.iter().zip(tried).any(|(case, tried)| {
                    let settings = case.settings.clone().unwrap_or_default();
                    let names = step.branches_in(&settings);
                    tried.branch().is_some_and(|branch| names.contains(&branch))
                });
                if !own {
                    missed.push("no case leaves by a branch of its settings".to_owned());
                }
            }
        }
        None => {
            let called = |function: &str| {
                let of = tried.iter().flat_map(|it| &it.activations);
                of.into_iter().any(|it| it.function == function)
            };
            let hears = bench.descriptor.get("inbound") == Some(&true.into());
            for function in ["check", "send", "receive"] {
                if !called(function) && (hears || function != "receive") {
                    missed.push(format!("no case calls `{function}`"));
                }
            }
        }
    }
    Finding::of("branches-reached", MEANS, missed)
}

fn limits(tried: &[Tried]) -> Finding {
    const MEANS: &str = "its cases stay within its limits and end by its own word";
    if tried.is_empty() {
        return Finding::untried("limits", MEANS, "it has no cases");
    }
    let ended = tried.iter().filter_map(|it| {
        let last = it.activations.last()?;
        let code = last.came.pointer("/ended/code")?.as_str()?;
        // What a case ends by itself is the case's matter.
        (code != "needs-attention").then(|| {
            let why = last.came.pointer("/ended/message").and_then(Value::as_str);
            format!("{}: {} ({code})", it.name, why.unwrap_or_default())
        })
    });
    Finding::of("limits", MEANS, ended.collect())
}

/// Settings that the schema refuses must be refused by the plugin as well: a variable may turn out
/// to be anything.
async fn bad_settings(bench: &Bench, cases: &[Case]) -> Finding {
    const MEANS: &str = "settings of a wrong shape are answered with `invalid-config`";
    const RULE: &str = "bad-settings";
    let settings_of = |case: &Case| match &case.channel {
        Some(channel) => Some(channel.settings.clone()),
        None => case.settings.clone(),
    };
    let fitting = cases.iter().find(|case| {
        settings_of(case)
            .and_then(|settings| bench.judge_settings(&settings))
            .is_none()
            && case.receive.is_none()
            && case.deny.is_empty()
    });
    let Some(case) = fitting else {
        return Finding::untried(RULE, MEANS, "no case has settings to spoil");
    };
    let settings = settings_of(case).unwrap_or_else(|| json!({}));
    let spoilt: Vec<(String, Value)> = spoil(bench, &settings)
        .into_iter()
        .filter(|(_, settings)| misshapen(bench, settings))
        .collect();
    if spoilt.is_empty() {
        return Finding::untried(RULE, MEANS, "its schema refuses nothing");
    }
    let mut broken = Vec::new();
    for (how, settings) in spoilt {
        let mut case = Case {
            calls: None,
            expect: Some(json!({"failure": {"class": "invalid-config"}})),
            then: Vec::new(),
            ..case.clone()
        };
        match &mut case.channel {
            Some(channel) => channel.settings = settings,
            None => case.settings = Some(settings),
        }
        let tried = bench.run(&case, None).await;
        if let Some(problem) = tried.problems.first() {
            broken.push(format!("{how}: {problem}"));
        }
    }
    Finding::of(RULE, MEANS, broken)
}

/// Whether the schema refuses the settings for their shape: a type, a choice, what is missing or not
/// known. What a text must look like beyond that, and what goes together, a plugin may find out as it
/// goes.
fn misshapen(bench: &Bench, settings: &Value) -> bool {
    use jsonschema::error::ValidationErrorKind as Kind;
    let schema = bench.descriptor.get("settings").unwrap_or(&Value::Null);
    let Some(validator) = validator(schema) else {
        return false;
    };
    validator.iter_errors(settings).any(|error| {
        matches!(
            error.kind(),
            Kind::Type { .. }
                | Kind::Enum { .. }
                | Kind::Required { .. }
                | Kind::AdditionalProperties { .. }
        )
    })
}

/// Settings with one thing wrong each, and what that is.
fn spoil(bench: &Bench, settings: &Value) -> Vec<(String, Value)> {
    let empty = Map::new();
    let schema = bench.descriptor.get("settings");
    let properties = schema
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let settings = settings.as_object().unwrap_or(&empty);
    let with = |name: &str, value: Value| -> Value {
        let mut changed = settings.clone();
        changed.insert(name.to_owned(), value);
        changed.into()
    };
    let mut all = vec![
        ("settings that are a list".to_owned(), json!([])),
        (
            "a setting that there is not".to_owned(),
            with("no-such-setting", json!(1)),
        ),
    ];
    for name in properties.keys() {
        for wrong in [
            json!({"wrong": true}),
            json!(-1.5),
            json!("\u{7f}wrong"),
            json!([[]]),
        ] {
            all.push((format!("`{name}` as {wrong}"), with(name, wrong)));
        }
        let mut without = settings.clone();
        if without.remove(name).is_some() {
            all.push((format!("without `{name}`"), without.into()));
        }
    }
    all
}
