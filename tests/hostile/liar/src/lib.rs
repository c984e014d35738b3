//! A step that lies when it is asked what it is. `describe` takes no argument, so which lie it tells
//! stands in its own bytes: a test puts another word into [`LIE`] before it installs the file.

#[allow(missing_docs, reason = "made by wit-bindgen, documented in wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "step-plugin",
        generate_all,
    });
}

use bindings::exports::jackfield::plugin::step::{Failure, Guest, Invocation, Outcome, Wake};
use bindings::jackfield::plugin::types::FailureClass;
use std::hint::black_box;

/// The word is the twelve characters after the `=`, spaces at its end not counted.
static LIE: [u8; 16] = *b"lie=none        ";

struct Liar;

impl Guest for Liar {
    fn describe() -> String {
        let lie = black_box(&LIE);
        let word = std::str::from_utf8(&lie[4..]).unwrap_or_default().trim();
        match word {
            "name" => said("wait", "Liar", "{}", ""),
            "control" => said("liar", r"\u001b[2J\nAll is well", "{}", ""),
            "slash" => said("../liar", "Liar", "{}", ""),
            "branches" => {
                let mut branches = String::new();
                for n in 0..1_000_000 {
                    if n > 0 {
                        branches.push(',');
                    }
                    branches.push_str(r#"{"name":"b"}"#);
                }
                said(
                    "liar",
                    "Liar",
                    "{}",
                    &format!(r#","branches":[{branches}]"#),
                )
            }
            "few-branches" => {
                let branch = r#"{"name":"b"}"#;
                let branches = vec![branch; 2_000].join(",");
                said(
                    "liar",
                    "Liar",
                    "{}",
                    &format!(r#","branches":[{branches}]"#),
                )
            }
            "icon" => {
                let icon = "x".repeat(100 << 20);
                said("liar", "Liar", "{}", &format!(r#","icon":"{icon}""#))
            }
            "deep" => {
                let deep = format!("{}{}", r#"{"not":"#.repeat(100_000), "}".repeat(100_000));
                said("liar", "Liar", &deep, "")
            }
            "circle" => said("liar", "Liar", r##"{"$ref":"#"}"##, ""),
            "doubling" => {
                let mut defs = String::from(r#""d60":{"type":"string"}"#);
                for n in 0..60 {
                    let next = format!(r##"{{"$ref":"#/$defs/d{}"}}"##, n + 1);
                    defs.push_str(&format!(r#","d{n}":{{"allOf":[{next},{next}]}}"#));
                }
                let schema = format!(r##"{{"$defs":{{{defs}}},"$ref":"#/$defs/d0"}}"##);
                said("liar", "Liar", &schema, "")
            }
            "outside" => said("liar", "Liar", r#"{"$ref":"http://127.0.0.1/s.json"}"#, ""),
            "no-json" => "certainly".to_owned(),
            "nothing" => String::new(),
            "spin" => loop {
                black_box(word);
            },
            "panic" => panic!("on purpose"),
            _ => said("liar", "Liar", "{}", ""),
        }
    }

    fn start(_: Invocation) -> Result<Outcome, Failure> {
        Err(failure())
    }

    fn resume(_: Invocation, _: String, _: Wake) -> Result<Outcome, Failure> {
        Err(failure())
    }
}

fn failure() -> Failure {
    Failure {
        class: FailureClass::Permanent,
        code: "liar".to_owned(),
        message: "it only lies".to_owned(),
        retry_after: None,
        maybe_sent: false,
    }
}

fn said(name: &str, title: &str, settings: &str, more: &str) -> String {
    format!(
        r#"{{"name":"{name}","version":"1.0.0","title":"{title}","summary":"Lies.","category":"other","settings":{settings},"output":{{}}{more}}}"#
    )
}

bindings::export!(Liar with_types_in bindings);
