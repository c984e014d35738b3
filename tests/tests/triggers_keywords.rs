//! Keywords: which workflow a message starts, in which order, and why another one does not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use serde_json::{Value, json};

const TOKEN: &str = "a long random text that both sides share";
const ANN: &str = "+33600000001";

/// A channel on which Ann can write, and how she does.
struct Line {
    host: Host,
    webhook: String,
    written: u32,
}

impl Line {
    async fn open() -> Line {
        let host = Host::start().await;
        let channel = json!({
            "name": "chat",
            "connector": "custom-channel@1",
            "settings": {"webhook-url": "http://127.0.0.1:9/", "channel-id": "c"},
            "secrets": {"api-token": TOKEN},
        });
        let made = host.api.post("/v1/channels", channel).await.ok();
        let webhook = made["webhook"].as_str().unwrap().to_owned();
        Line {
            host,
            webhook,
            written: 0,
        }
    }

    /// Ann writes. What follows from it at once is committed when this returns.
    async fn write(&mut self, text: &str) {
        self.written += 1;
        let body = json!({
            "channelId": "c", "contactId": ANN,
            "events": [{"type": "message", "mId": format!("m{}", self.written),
                "timestamp": 1_795_000_000_000_i64, "message": {"type": "text", "text": text}}],
        });
        let api = self.host.api.with_key(TOKEN);
        api.post(&self.webhook, body).await.ok();
    }

    /// The workflows that have run, oldest run first.
    async fn started(&self) -> Vec<String> {
        let mut runs = self.host.api.all("/v1/runs").await;
        runs.reverse();
        let name = |run: &Value| run["workflow"].as_str().unwrap().to_owned();
        runs.iter().map(name).collect()
    }
}

async fn publish(api: &Api, name: &str, priority: u32, trigger: &str) -> Value {
    let yaml = format!(
        "name: {name}\ntrigger: {{event: message.received, {trigger}}}\n\
         steps:\n  look: {{uses: branch@1, with: {{branches: [{{name: it, when: {{field: workflow.name, exists: true}}}}]}}, branches: {{it: end}}}}\n"
    );
    let put = format!("/v1/workflows/{name}?priority={priority}");
    let request = api.request(reqwest::Method::PUT, &put);
    let request = request
        .header("content-type", "application/yaml")
        .body(yaml);
    api.send(request).await.ok();
    let publish = format!("/v1/workflows/{name}/publish");
    api.post(&publish, json!({})).await.ok()
}

#[tokio::test]
async fn the_first_workflow_that_hears_its_keyword_keeps_the_message_from_the_others() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    publish(&api, "join", 10, "match: {exact: [Rejoindre, join]}").await;
    publish(&api, "words", 20, "match: {contains-word: [join, pizza]}").await;
    publish(&api, "rest", 30, "match: any").await;
    publish(&api, "log", 40, "when: {field: message.text, exists: true}").await;
    publish(
        &api,
        "beside",
        5,
        "match: {starts-with: [join]}, stop-after-match: false",
    )
    .await;

    line.write("REJOINDRE !").await;
    assert_eq!(line.started().await, ["join", "log"]);
    let runs = api.all("/v1/runs?workflow=join").await;
    assert_eq!(runs[0]["trigger"]["message"]["keyword"], "Rejoindre");
    line.write("A pizza, please").await;
    assert_eq!(line.started().await[2..], ["words", "log"]);
    line.write("Hello").await;
    assert_eq!(line.started().await[4..], ["rest", "log"]);
    line.write("join").await;
    assert_eq!(line.started().await[6..], ["beside", "join", "log"]);

    let why = api
        .all(&format!("/v1/contacts/phone:{ANN}/decisions"))
        .await;
    let reasons = |workflow: &str| -> Vec<&str> {
        let of = why.iter().filter(|one| one["workflow"] == workflow);
        of.map(|one| one["reason"].as_str().unwrap()).collect()
    };
    assert!(reasons("words").contains(&"stop-after-match"), "{why:#?}");
    assert!(reasons("join").contains(&"keywords"), "{why:#?}");
    assert!(reasons("log").is_empty(), "{why:#?}");
}

#[tokio::test]
async fn a_number_and_a_window_are_asked_and_stop_is_nobodys_keyword() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    publish(
        &api,
        "here",
        1,
        "match: any, numbers: [chat], stop-after-match: false",
    )
    .await;
    publish(
        &api,
        "there",
        2,
        "match: any, numbers: [\"36179\"], stop-after-match: false",
    )
    .await;
    publish(
        &api,
        "past",
        3,
        "match: any, until: 2020-12-31, stop-after-match: false",
    )
    .await;
    publish(
        &api,
        "future",
        4,
        "match: any, from: 2120-01-01 09:00, stop-after-match: false",
    )
    .await;
    publish(&api, "window", 5, "from: 2020-01-01, until: 2120-01-01").await;
    line.write("hello").await;
    assert_eq!(line.started().await, ["here", "window"]);
    let decisions = format!("/v1/contacts/phone:{ANN}/decisions");
    let why = api.all(&decisions).await;
    let reason = |workflow: &str| {
        let found = why.iter().find(|one| one["workflow"] == workflow);
        found.map(|one| one["reason"].clone()).unwrap()
    };
    assert_eq!(reason("there"), "number");
    assert_eq!(reason("past"), "window");
    assert_eq!(reason("future"), "window");
    line.write("STOP").await;
    assert_eq!(line.started().await.len(), 2);
}

#[tokio::test]
async fn a_question_gets_what_no_keyword_keeps() {
    let mut line = Line::open().await;
    let api = line.host.api.clone();
    api.publish(
        "name: ask\ntrigger: {event: ask.wanted}\nsteps:\n  \
         pause: {uses: ask-question@1, with: {text: \"Which?\", timeout: 1d}}\n",
    )
    .await;
    publish(&api, "menu", 10, "match: {exact: [menu]}").await;
    // Ann is known on the channel, so that she can be asked.
    line.write("hi").await;
    let run = api
        .start("ask.wanted", Some(&format!("phone:{ANN}")), json!({}))
        .await;
    api.waiting_at(&run, "pause").await;
    line.write("Menu").await;
    assert_eq!(line.started().await, ["ask", "menu"]);
    assert_eq!(api.run(&run).await["state"], "waiting");
    let timeline = api.timeline(&run).await;
    let told = serde_json::to_string(&timeline).unwrap();
    assert!(
        told.contains("the workflow `menu`, which listens for it"),
        "{told}"
    );
}

#[tokio::test]
async fn the_same_keyword_of_two_workflows_is_said_when_the_second_is_published() {
    let line = Line::open().await;
    let api = line.host.api.clone();
    publish(&api, "one", 10, "match: {exact: [join]}, numbers: [chat]").await;
    let answer = publish(&api, "two", 10, "match: {contains-word: [\"Join!\"]}").await;
    assert_eq!(
        answer["warnings"][0]["code"], "keyword-conflict",
        "{answer:#}"
    );
    assert!(answer.to_string().contains("`one`"), "{answer:#}");
    let answer = publish(&api, "three", 10, "match: {exact: [leave]}").await;
    assert_eq!(answer["warnings"], json!([]), "{answer:#}");
    // Again itself: no conflict with itself.
    let answer = publish(&api, "three", 10, "match: {exact: [leave]}").await;
    assert_eq!(answer["warnings"], json!([]), "{answer:#}");

    let yaml = "name: four\ntrigger: {event: message.received, match: any, numbers: [chatt]}\n\
                steps:\n  look: {uses: branch@1, with: {branches: [{name: it, when: {field: workflow.name, exists: true}}]}, branches: {it: end}}\n";
    api.put_workflow(yaml).await.ok();
    let said = api
        .post("/v1/workflows/four/publish", json!({}))
        .await
        .refused(422, "invalid-document");
    assert_eq!(said["errors"][0]["code"], "unknown-channel", "{said:#}");
    assert_eq!(said["errors"][0]["suggestion"], "chat");
}
