//! A step that does whatever harm its settings say: `{"do": "spin", "n": 1000}`.
//!
//! Each word runs into one limit of the sandbox, or breaks one of its rules; `behave` is the
//! well-behaved one that shows that the sandbox still works afterwards. It stands on the bindings
//! alone, without the SDK, so that nothing tames it.

#[allow(missing_docs, reason = "made by wit-bindgen, documented in wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "step-plugin",
        generate_all,
    });
}

use std::hint::black_box;

use bindings::exports::jackfield::plugin::step::{
    Done, Failure, Guest, Invocation, Outcome, Wait, Wake,
};
use bindings::jackfield::plugin::{clock, contacts, crypto, http, log, random, variables};

struct Misbehave;

impl Guest for Misbehave {
    fn describe() -> String {
        log::write(log::Level::Info, "describing");
        // What may not be called answers an error, which the descriptor shows.
        let denied = match clock::parse("2026-12-01") {
            Ok(_) => "no",
            Err(_) => "yes",
        };
        format!(
            r#"{{"name":"misbehave","denied":"{denied}","now":{}}}"#,
            clock::now()
        )
    }

    fn start(invocation: Invocation) -> Result<Outcome, Failure> {
        let settings = &invocation.settings;
        let n = number(settings);
        match word(settings) {
            "behave" => done(format!(
                r#"{{"run":"{}","now":{},"random":{}}}"#,
                invocation.run_id,
                clock::now(),
                random::bytes(4).len()
            )),
            "spin" => loop {
                black_box(n);
            },
            "recurse" => done(recurse(n).to_string()),
            "hoard" => hoard(),
            "output" => done("x".repeat(n)),
            "state" => Ok(Outcome::Wait(Wait {
                until: None,
                events: Vec::new(),
                state: "x".repeat(n),
            })),
            "argument" => match variables::set("answer", &"x".repeat(n)) {
                Ok(()) => done("set".to_owned()),
                Err(error) => done(error.code),
            },
            "call" => {
                for _ in 0..n {
                    black_box(variables::get("vars.answer"));
                }
                done("called".to_owned())
            }
            "log" => {
                for line in 0..n {
                    log::write(log::Level::Info, &format!("line {line}"));
                }
                done("logged".to_owned())
            }
            "fetch" => match fetch() {
                Ok(response) => done(response.status.to_string()),
                Err(error) => done(format!(
                    "{}|{}",
                    error.code,
                    error.grant.unwrap_or_default()
                )),
            },
            "look" => done(format!(
                "{:?} {:?} {}",
                variables::get("vars.answer"),
                contacts::get(),
                crypto::hash(crypto::Algorithm::Sha256, b"x").len()
            )),
            "panic" => panic!("on purpose"),
            "fail" => Err(Failure {
                class: bindings::jackfield::plugin::types::FailureClass::Permanent,
                code: "on-purpose".to_owned(),
                message: "as asked".to_owned(),
                retry_after: None,
                maybe_sent: false,
            }),
            other => done(format!("no such word: {other}")),
        }
    }

    fn resume(_: Invocation, state: String, wake: Wake) -> Result<Outcome, Failure> {
        match wake {
            Wake::Timer => Ok(Outcome::End(state)),
            Wake::Event(event) => Ok(Outcome::Goto(event.name)),
        }
    }
}

fn done(output: String) -> Result<Outcome, Failure> {
    Ok(Outcome::Done(Done {
        branch: None,
        output: Some(output),
    }))
}

/// The text after `"do":`.
fn word(settings: &str) -> &str {
    settings
        .split_once(r#""do":""#)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(word, _)| word)
}

/// The number after `"n":`, or 0.
fn number(settings: &str) -> usize {
    settings
        .split_once(r#""n":"#)
        .and_then(|(_, rest)| rest.split(['}', ',']).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

/// Deeper and deeper, in a way that no compiler makes a loop of.
#[inline(never)]
#[expect(
    clippy::only_used_in_recursion,
    reason = "it is here to recurse, and to do nothing else"
)]
fn recurse(n: usize) -> usize {
    let below = if black_box(true) { recurse(n + 1) } else { 0 };
    black_box(below) + 1
}

/// Takes memory, touches it, and never gives it back.
fn hoard() -> Result<Outcome, Failure> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn fetch() -> Result<http::Response, http::CallError> {
    http::fetch(&http::Request {
        method: "GET".to_owned(),
        url: "https://example.com/".to_owned(),
        headers: Vec::new(),
        basic_auth: None,
        body: None,
        timeout: None,
        max_redirects: None,
        idempotency_header: None,
    })
}

bindings::export!(Misbehave with_types_in bindings);
