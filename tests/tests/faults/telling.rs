//! One telling of the main job, with a host that may die at any moment of it.
//!
//! What must hold: whatever asks here is repeated until it is acknowledged, with whichever life of
//! the host; a host that dies twice by one fault has not recovered.

use crate::{acknowledged, is_over};
use jackfield_peers::Inbound;
use jackfield_tests::{Host, OFFICE, Office, PATIENCE, call};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The variable that names the commit.
pub(crate) const FAULT: &str = "JACKFIELD_FAULT";

/// One telling of the main job, with a host that may die at any moment of it.
pub(crate) struct Telling<'a> {
    pub office: &'a mut Office,
    pub number: String,
    pub agent: String,
    pub fault: String,
    /// The host has died and was started again.
    pub died: bool,
}

/// Starts a host again where it has died by the fault, without it, and notes that it has.
pub(crate) async fn revive(host: &mut Host, fault: &str, died: &mut bool) {
    if host.process().is_none() {
        assert!(!*died, "{fault}: it died twice\n{}", host.log());
        *died = true;
        host.set_environment(FAULT, None);
        host.begin().await;
    }
}

impl Telling<'_> {
    /// Looks until there is something to see, with whichever life of the host.
    async fn until<T>(&mut self, what: &str, mut look: impl AsyncFnMut(&Office) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            revive(&mut self.office.host, &self.fault, &mut self.died).await;
            if let Some(seen) = look(self.office).await {
                return seen;
            }
            let patient = began.elapsed() < PATIENCE;
            assert!(
                patient,
                "{}: waited for {what}\n{}",
                self.fault,
                self.office.host.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The event, repeated with its key until it is acknowledged.
    pub(crate) async fn ring(&mut self) {
        let mut data = call();
        data["call"]["caller_number"] = self.number.clone().into();
        data["agent"]["email"] = self.agent.clone().into();
        let contact = format!("phone:{}", self.number);
        let body = json!({"name": "call.ended", "contact": contact, "data": data});
        let key = format!("ring-{}", self.number);
        self.until("the event's acknowledgement", async |office| {
            let request = office.api().request(Method::POST, "/v1/events");
            let request = request.header("Idempotency-Key", &key).json(&body);
            acknowledged(request).await
        })
        .await;
    }

    /// The caller's only run.
    async fn run(&mut self) -> Option<Value> {
        let path = format!("/v1/runs?contact=phone:%2B{}", &self.number[1..]);
        let page = self.until("the list of runs", async |office| get(office, &path).await);
        let page = page.await;
        let runs = page["items"].as_array().unwrap();
        assert!(runs.len() <= 1, "{}: {page:#}", self.fault);
        runs.first().cloned()
    }

    /// Answers the question, unless the run ends without having asked it.
    pub(crate) async fn answer(&mut self) {
        let number = self.number.clone();
        let asked = loop {
            let run = self.run().await.expect("the event was acknowledged");
            if seen(self.office, &number, "call you back?") > 0 {
                break true;
            }
            if is_over(&run) {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if asked {
            let mut inbound = Inbound::text(&number, OFFICE, "2");
            inbound.sid = Some(format!("SM{:0>32}", &number[1..]));
            self.until("the answer to be taken", async |office| {
                let reply = office.gateway.deliver(&inbound).await.ok()?;
                (reply.status == 200).then_some(())
            })
            .await;
        }
    }

    /// The end of the run and of all its messages.
    pub(crate) async fn end(&mut self) -> (Value, Vec<Value>) {
        loop {
            let run = self.run().await.expect("the event was acknowledged");
            if is_over(&run) {
                let id = run["id"].as_str().unwrap();
                let path = format!("/v1/messages?limit=100&run={id}");
                let page = self.until("the messages", async |office| get(office, &path).await);
                let messages = page.await["items"].as_array().unwrap().clone();
                let moving = |one: &Value| one["status"] == "queued" || one["status"] == "sending";
                if !messages.iter().any(moving) {
                    return (run, messages);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The number of messages to this number with these words.
pub(crate) fn seen(office: &Office, number: &str, words: &str) -> usize {
    let all = office.gateway.messages().all();
    all.iter()
        .filter(|sms| sms.to == number && sms.body.contains(words))
        .count()
}

/// The body of an answer; none when there was no answer, or not yet.
async fn get(office: &Office, path: &str) -> Option<Value> {
    let answer = office.api().request(Method::GET, path).send().await.ok()?;
    answer.status().is_success().then_some(())?;
    answer.json().await.ok()
}
