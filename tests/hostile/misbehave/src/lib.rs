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
use bindings::jackfield::plugin::{
    clock, contacts, crypto, http, log, messages, random, templates, variables,
};

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
            r#"{{"name":"misbehave","version":"1.0.0","title":"Misbehave","summary":"Does harm.","category":"other","settings":{{"type":"object"}},"output":{{}},"hosts":["*"],"denied":"{denied}","now":{}}}"#,
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
            "fetch" => match fetch(settings) {
                Ok(response) => done(response.status.to_string()),
                Err(error) => done(format!(
                    "{}|{}",
                    error.code,
                    error.grant.unwrap_or_default()
                )),
            },
            // The same call before and after a wait.
            "repeat" => match fetch(settings) {
                Ok(_) => Ok(Outcome::Wait(Wait {
                    until: Some(clock::now()),
                    events: Vec::new(),
                    state: settings.clone(),
                })),
                Err(error) => Err(failure("broken", &error.message)),
            },
            "leak" => leak(fetch(settings), text(settings, "to")),
            "snoop" => done(snoop(settings)),
            "look" => done(format!(
                "{:?} {:?} {}",
                variables::get("vars.answer"),
                contacts::get(),
                crypto::hash(crypto::Algorithm::Sha256, b"x").len()
            )),
            "panic" => panic!("on purpose"),
            "fail" => Err(failure("on-purpose", "as asked")),
            other => done(format!("no such word: {other}")),
        }
    }

    fn resume(_: Invocation, state: String, wake: Wake) -> Result<Outcome, Failure> {
        match wake {
            Wake::Timer if word(&state) == "repeat" => match fetch(&state) {
                Ok(_) => done("{}".to_owned()),
                Err(error) => Err(failure("broken", &error.message)),
            },
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

/// `url`, and where they are set `method`, `header` (for `x-key`), `body` and `timeout`.
fn fetch(settings: &str) -> Result<http::Response, http::CallError> {
    let or = |key, usual: &str| match text(settings, key) {
        "" => usual.to_owned(),
        set => set.to_owned(),
    };
    let header = text(settings, "header");
    let body = text(settings, "body");
    http::fetch(&http::Request {
        method: or("method", "GET"),
        url: or("url", "https://example.com/"),
        headers: if header.is_empty() {
            Vec::new()
        } else {
            vec![("x-key".to_owned(), header.to_owned())]
        },
        basic_auth: None,
        body: match (body, number(settings)) {
            ("", 0) => None,
            ("", n) => Some(vec![b'x'; n]),
            (body, _) => Some(body.as_bytes().to_vec()),
        },
        timeout: text(settings, "timeout").parse().ok(),
        max_redirects: None,
        idempotency_header: Some(text(settings, "key-in").to_owned()).filter(|it| !it.is_empty()),
    })
}

/// Puts all that came back where others may read it: the log, a variable, and the output, the
/// state, or the failure.
fn leak(came: Result<http::Response, http::CallError>, to: &str) -> Result<Outcome, Failure> {
    let said = match came {
        Ok(response) => format!(
            "{} {} {:?} {}",
            response.status,
            response.url,
            response.headers,
            String::from_utf8_lossy(&response.body)
        ),
        Err(error) => format!("{} {} {:?}", error.code, error.message, error.detail),
    };
    log::write(log::Level::Error, &said);
    let _ = variables::set("leak", &json(&said));
    match to {
        "state" => Ok(Outcome::Wait(Wait {
            until: None,
            events: Vec::new(),
            state: said,
        })),
        "failure" => Err(failure("leak", &said)),
        _ => done(json(&said)),
    }
}

/// Asks for what is not its own: all that can be named, each answer on a line.
fn snoop(settings: &str) -> String {
    let mut told = Vec::new();
    for path in text(settings, "paths").split(' ') {
        told.push(format!("{path}: {:?}", variables::get(path)));
    }
    let shown = |what: &str, result: Result<String, http::CallError>| match result {
        Ok(told) => format!("{what}: {told}"),
        Err(error) => format!("{what}: {}", error.code),
    };
    let template = text(settings, "template");
    told.push(shown(template, templates::render(template, None)));
    for channel in text(settings, "channels").split(' ') {
        told.push(shown(channel, messages::channel(channel)));
        let message = format!(
            r#"{{"channel":"{channel}","to":"+33612345678","content":{{"type":"text","text":"hello"}}}}"#
        );
        told.push(shown(channel, messages::send(&message)));
    }
    let secret = text(settings, "secret");
    told.push(
        match crypto::hmac(crypto::Algorithm::Sha256, secret, b"x") {
            Ok(digest) => format!("{secret}: {digest:?}"),
            Err(error) => format!("{secret}: {}", error.code),
        },
    );
    told.push(format!("contact: {:?}", contacts::get()));
    json(&told.join("\n"))
}

fn failure(code: &str, message: &str) -> Failure {
    Failure {
        class: bindings::jackfield::plugin::types::FailureClass::Permanent,
        code: code.to_owned(),
        message: message.to_owned(),
        retry_after: None,
        maybe_sent: false,
    }
}

/// The text after `"KEY":"`, without escapes; empty if there is none.
fn text<'a>(settings: &'a str, key: &str) -> &'a str {
    settings
        .split_once(&format!(r#""{key}":""#))
        .and_then(|(_, rest)| rest.split_once('"'))
        .map_or("", |(text, _)| text)
}

/// As a JSON string.
fn json(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if u32::from(c) < 0x20 => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

bindings::export!(Misbehave with_types_in bindings);
