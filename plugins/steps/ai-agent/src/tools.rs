//! What the model may do beside talking: the few tools that it is offered, and how its choice is read,
//! as a call or as JSON in its text.
//!
//! What must hold: a model cannot do what it was not offered, whatever anybody talks it into.

use jackfield_plugin::prelude::*;
use serde_json::Map;

use crate::model::Said;
use crate::settings::{Kind, Objective, Settings};

/// What the model has chosen.
#[derive(Debug, PartialEq)]
pub(crate) enum Choice {
    /// The objective is met.
    Finish,
    /// The contact wants a person.
    SpeakToHuman(String),
    /// It does not know.
    UnableToAnswer(String),
    /// Values that it has learnt.
    Save(Map<String, Value>),
    /// Something that it cannot choose: what to tell it.
    Wrong(String),
}

/// The names of the tools on offer, each with what it is for.
fn on_offer(settings: &Settings) -> Vec<(&'static str, &'static str)> {
    let mut offer = Vec::new();
    match settings.objective {
        Objective::Answer => offer.push((
            "finish",
            "Ends the talk when the contact has got the answers and has no more questions.",
        )),
        Objective::Collect => {
            offer.push((
                "save",
                "Keeps what the contact has told, as soon as it is told.",
            ));
            offer.push((
                "finish",
                "Ends the talk when all that is required is saved, and the contact does not want to \
                 give the rest.",
            ));
        }
    }
    if settings.speak_to_human {
        let what = "Ends the talk when the contact asks for a person.";
        offer.push(("speak_to_human", what));
    }
    if settings.unable_to_answer {
        let what = "Ends the talk when the question cannot be answered from what is known.";
        offer.push(("unable_to_answer", what));
    }
    offer
}

/// The arguments of a tool, as JSON Schema.
fn parameters(settings: &Settings, tool: &str) -> Value {
    let mut properties = Map::new();
    match tool {
        "save" => {
            for field in &settings.collect {
                let kind = match field.r#type {
                    Kind::Number => "number",
                    Kind::Boolean => "boolean",
                    _ => "string",
                };
                let mut schema = json!({"type": [kind, "null"], "description": field.description});
                if !field.options.is_empty() {
                    let mut options: Vec<Value> =
                        field.options.iter().map(|one| json!(one)).collect();
                    options.push(Value::Null);
                    schema["enum"] = options.into();
                }
                properties.insert(field.name.clone(), schema);
            }
        }
        "finish" => {}
        _ => {
            let reason = json!({"type": "string", "description": "Why, for the staff."});
            properties.insert("reason".into(), reason);
        }
    }
    let say = json!({"type": "string", "description": "What the contact is told next."});
    properties.insert("say".into(), say);
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// The tools as the API takes them.
pub(crate) fn offer(settings: &Settings) -> Vec<Value> {
    let tools = on_offer(settings).into_iter().map(|(name, what)| {
        json!({"type": "function", "function": {
            "name": name, "description": what, "parameters": parameters(settings, name),
        }})
    });
    tools.collect()
}

/// The same in words, for models that call no tools.
pub(crate) fn in_words(settings: &Settings) -> String {
    let mut words = String::from(
        "To use a tool, answer with nothing but JSON, such as {\"tool\": \"finish\", \"arguments\": {}, \
         \"say\": \"what the contact is told\"}. To talk, answer with plain text. The tools:\n",
    );
    for (name, what) in on_offer(settings) {
        let arguments = &parameters(settings, name)["properties"];
        words.push_str(&format!("- {name}: {what} Arguments: {arguments}\n"));
    }
    words
}

/// What the model has chosen, and what it says to the contact.
pub(crate) fn read(settings: &Settings, said: &Said) -> (Vec<Choice>, String) {
    let (mut choices, mut words) = (Vec::new(), String::new());
    let mut text = said.text.as_str();
    for (name, arguments) in &said.calls {
        match serde_json::from_str(arguments) {
            Ok(Value::Object(arguments)) => {
                choices.push(choice(settings, name, arguments, &mut words));
            }
            _ => choices.push(Choice::Wrong(format!(
                "the arguments of `{name}` are no object of JSON"
            ))),
        }
    }
    if let Some((name, arguments, say)) = json_call(text) {
        text = "";
        words.push_str(&say);
        choices.push(choice(settings, &name, arguments, &mut words));
    }
    if words.is_empty() {
        words = text.to_owned();
    }
    (choices, words)
}

fn choice(
    settings: &Settings,
    name: &str,
    mut arguments: Map<String, Value>,
    words: &mut String,
) -> Choice {
    if let Some(Value::String(say)) = arguments.remove("say") {
        if words.is_empty() {
            *words = say.trim().to_owned();
        }
    }
    let offered = on_offer(settings).iter().any(|(known, _)| *known == name);
    let reason = arguments.get("reason").and_then(Value::as_str);
    let reason: String = reason.unwrap_or_default().chars().take(500).collect();
    match name {
        _ if !offered => Choice::Wrong(format!("there is no tool `{name}`")),
        "finish" => Choice::Finish,
        "speak_to_human" => Choice::SpeakToHuman(reason),
        "unable_to_answer" => Choice::UnableToAnswer(reason),
        _ => Choice::Save(arguments),
    }
}

/// A tool's name, its arguments and what is said, where a text is JSON that calls one.
fn json_call(text: &str) -> Option<(String, Map<String, Value>, String)> {
    let text = text.trim();
    let inside = text
        .strip_prefix("```json")
        .or_else(|| text.strip_prefix("```"))
        .and_then(|text| text.strip_suffix("```"))
        .unwrap_or(text);
    let Ok(Value::Object(mut call)) = serde_json::from_str(inside.trim()) else {
        return None;
    };
    let name = call.remove("tool").or_else(|| call.remove("name"))?;
    let arguments = call
        .remove("arguments")
        .or_else(|| call.remove("parameters"));
    let say = call.remove("say");
    let say = say.as_ref().and_then(Value::as_str).unwrap_or_default();
    let arguments = match arguments {
        Some(Value::Object(arguments)) => arguments,
        _ => Map::new(),
    };
    Some((name.as_str()?.to_owned(), arguments, say.trim().to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings(more: Value) -> Settings {
        let mut all = json!({"model": "m"});
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn text(settings: &Settings, text: &str) -> (Vec<Choice>, String) {
        let text = text.to_owned();
        read(
            settings,
            &Said {
                text,
                ..Said::default()
            },
        )
    }

    fn call(settings: &Settings, name: &str, arguments: &str) -> (Vec<Choice>, String) {
        let calls = vec![(name.to_owned(), arguments.to_owned())];
        read(
            settings,
            &Said {
                calls,
                ..Said::default()
            },
        )
    }

    #[test]
    fn a_tool_is_called_or_written_as_json_with_or_without_a_fence() {
        let all = settings(json!({"speak-to-human": true}));
        let wanted = Choice::SpeakToHuman("angry".to_owned());
        let arguments = r#"{"reason": "angry", "say": "One moment."}"#;
        for (choices, words) in [
            call(&all, "speak_to_human", arguments),
            text(
                &all,
                &format!(r#"{{"tool": "speak_to_human", "arguments": {arguments}}}"#),
            ),
            text(
                &all,
                &format!(r#"{{"name": "speak_to_human", "parameters": {arguments}}}"#),
            ),
            text(
                &all,
                "```json\n{\"tool\": \"speak_to_human\", \"arguments\": {\"reason\": \"angry\"}, \
                 \"say\": \"One moment.\"}\n```",
            ),
        ] {
            assert_eq!(choices, [Choice::SpeakToHuman("angry".to_owned())]);
            assert_eq!((&choices[0], words.as_str()), (&wanted, "One moment."));
        }
    }

    #[test]
    fn what_is_not_on_offer_cannot_be_chosen() {
        let none = settings(json!({}));
        for name in [
            "speak_to_human",
            "unable_to_answer",
            "save",
            "delete_everything",
            "",
        ] {
            let (choices, _) = call(&none, name, "{}");
            assert!(matches!(choices[..], [Choice::Wrong(_)]), "{name}");
        }
        let (choices, _) = call(&none, "finish", "no JSON");
        assert!(matches!(choices[..], [Choice::Wrong(_)]));
        assert_eq!(offer(&none).len(), 1);
        let all = settings(json!({"speak-to-human": true, "unable-to-answer": true}));
        assert_eq!(offer(&all).len(), 3);
        assert!(in_words(&all).contains("unable_to_answer"));
    }

    #[test]
    fn a_text_that_is_no_call_is_for_the_contact() {
        let none = settings(json!({}));
        for words in ["Hello!", "{\"price\": 5}", "{broken", "[1]"] {
            assert_eq!(text(&none, words), (vec![], words.to_owned()));
        }
    }

    #[test]
    fn what_is_to_be_collected_is_in_the_schema() {
        let all = settings(json!({"objective": "collect", "collect": [
            {"name": "budget", "type": "number", "description": "Per month"},
            {"name": "plan", "type": "choice", "options": ["Free", "Pro"]},
        ]}));
        let schema = &offer(&all)[0]["function"]["parameters"]["properties"];
        assert_eq!(
            schema["budget"],
            json!({"type": ["number", "null"], "description": "Per month"})
        );
        assert_eq!(schema["plan"]["enum"], json!(["Free", "Pro", null]));
        let (choices, words) = call(&all, "save", r#"{"budget": 5, "say": "And the plan?"}"#);
        let wanted = json!({"budget": 5}).as_object().unwrap().clone();
        assert_eq!(
            (choices, words.as_str()),
            (vec![Choice::Save(wanted)], "And the plan?")
        );
    }
}
