//! A host with a channel that has buttons, the integrator behind it, and contacts who write there.

use crate::{Api, Host, PATIENCE, program_with_faults};
use jackfield_peers::{Answer, Crm, Request};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};
use std::fs;

const TOKEN: &str = "a long random text that both sides share";
/// Who writes, as the channel knows her.
pub const ANN: &str = "+33600000001";
/// The same, as the API names her.
pub const ANN_WHO: &str = "phone:+33600000001";

/// The channel `chat`, and both sides of it.
#[derive(Debug)]
pub struct Chat {
    /// The host.
    pub host: Host,
    /// Whoever runs the channel's other side: gets what the host sends.
    pub integrator: Crm,
    webhook: String,
    client: reqwest::Client,
    written: u32,
    ahead: i64,
    /// How far the host's clock is ahead, where it can be moved.
    clock: Option<tempfile::TempDir>,
}

impl Chat {
    /// On a host of its own.
    pub async fn open() -> Chat {
        Chat::open_on(Host::start().await).await
    }

    /// On a host whose clock can be put forward.
    pub async fn open_clocked() -> Chat {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Host::start_program(&program_with_faults(), &[]).await;
        host.kill();
        fs::write(folder.path().join("ahead"), "0").unwrap();
        host.set_environment("JACKFIELD_CLOCK", folder.path().join("ahead").to_str());
        host.begin().await;
        let mut chat = Chat::open_on(host).await;
        chat.clock = Some(folder);
        chat
    }

    /// On this host.
    pub async fn open_on(host: Host) -> Chat {
        let integrator = Crm::start().await.unwrap();
        for n in 0..100 {
            integrator.answer_next(Answer::new(200, json!({"mId": format!("mid-{n}")})));
        }
        let channel = json!({
            "name": "chat",
            "connector": "custom-channel@1",
            "settings": {"webhook-url": format!("{}/message", integrator.url), "channel-id": "c"},
            "secrets": {"api-token": TOKEN},
        });
        let made = host.api.post("/v1/channels", channel).await.ok();
        let webhook = made["webhook"].as_str().unwrap().to_owned();
        Chat {
            host,
            integrator,
            webhook,
            client: reqwest::Client::new(),
            written: 0,
            ahead: 0,
            clock: None,
        }
    }

    /// The API, with the operator's key.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.host.api
    }

    /// The host's clock is so many milliseconds ahead from now on.
    pub fn ahead(&self, milliseconds: i64) {
        let folder = self.clock.as_ref().expect("a clock that can be moved");
        let next = folder.path().join("new");
        fs::write(&next, milliseconds.to_string()).unwrap();
        fs::rename(next, folder.path().join("ahead")).unwrap();
    }

    /// Ann writes a text.
    pub async fn write(&mut self, text: &str) {
        self.say(json!({"type": "text", "text": text})).await;
    }

    /// Ann sends a message.
    pub async fn say(&mut self, message: Value) {
        self.say_as(ANN, message).await;
    }

    /// Somebody writes a text.
    pub async fn write_as(&mut self, number: &str, text: &str) {
        self.say_as(number, json!({"type": "text", "text": text}))
            .await;
    }

    async fn say_as(&mut self, number: &str, message: Value) {
        self.written += 1;
        let body = json!({
            "channelId": "c", "contactId": number,
            "events": [{"type": "message", "mId": format!("in-{}", self.written),
                "timestamp": 1_795_000_000_000_i64, "message": message}],
        });
        let request = self.client.post(&self.webhook).bearer_auth(TOKEN);
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// The n-th message that left, from 1.
    pub async fn sent(&self, n: usize) -> Value {
        let all = self.integrator.requests().at_least(n, PATIENCE).await;
        all.unwrap()[n - 1].json["message"].clone()
    }

    /// Waits until a message has left that has these words; its place among all that left, from 1.
    pub async fn told(&self, words: &str) -> usize {
        let place = |all: &[Request]| {
            let fits = |one: &Request| one.json["message"].to_string().contains(words);
            all.iter().position(fits)
        };
        let what = format!("a message with {words:?}");
        let all = self
            .integrator
            .requests()
            .until(&what, PATIENCE, |all| place(all).is_some())
            .await
            .unwrap_or_else(|late| panic!("{late}"));
        place(&all).expect("it was waited for") + 1
    }

    /// Puts the clock forward to the next time of this weekday and hour, in UTC, at least a minute
    /// from now.
    pub fn ahead_to(&mut self, weekday: Weekday, hour: i8) {
        let now = Timestamp::now() + SignedDuration::from_millis(self.ahead);
        let now = now.to_zoned(TimeZone::UTC);
        let mut then = now.clone();
        while then.weekday() != weekday || then.hour() != hour {
            then = then.saturating_add(1.minute());
        }
        self.forward(then.timestamp().as_millisecond() - now.timestamp().as_millisecond());
    }

    /// Puts the clock forward by so many milliseconds.
    pub fn forward(&mut self, milliseconds: i64) {
        self.ahead += milliseconds;
        self.ahead(self.ahead);
    }
}

/// A template of workflows, with these texts in its places, by what each place says.
pub async fn template(host: &Host, name: &str, fillings: &[(&str, &str)]) -> String {
    let source = host.cli(["workflow", "new", "--template", name]).await.ok();
    fill_in(&source, fillings)
}

/// A document with its places filled in, by how what each says begins.
#[must_use]
pub fn fill_in(source: &str, fillings: &[(&str, &str)]) -> String {
    let mut parts = source.split("FILL-IN ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find([',', '}', ']', '\n']).unwrap_or(part.len());
        let (what, rest) = part.split_at(end);
        let found = fillings.iter().find(|(start, _)| what.starts_with(start));
        out.push_str(
            found
                .unwrap_or_else(|| panic!("nothing is known of {what:?}"))
                .1,
        );
        out.push_str(rest);
    }
    out
}
