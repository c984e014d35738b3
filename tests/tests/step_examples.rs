//! The example on the page of each built-in step: published as it stands, started, and run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_peers::{Answer, Crm};
use jackfield_tests::{ANN, Office, repository};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The examples by the steps that they are of.
fn examples() -> BTreeMap<String, String> {
    let folder = repository().join("plugins/steps");
    let steps = std::fs::read_dir(folder).unwrap();
    steps
        .map(|step| {
            let step = step.unwrap();
            let name = step.file_name().into_string().unwrap();
            let source = std::fs::read_to_string(step.path().join("example.yaml"));
            let source = source.unwrap_or_else(|_| panic!("{name} has no example.yaml"));
            (name, source)
        })
        .collect()
}

/// What the examples name: a team with somebody online, a list, another workflow, a channel.
async fn furnish(office: &Office) {
    let api = office.api();
    let user = json!({"email": "ann@example.com", "name": "Ann"});
    api.post("/v1/users", user).await.ok();
    let path = "/v1/users/ann@example.com/presence";
    api.put(path, json!({"presence": "online"})).await.ok();
    let members = json!({"members": [{"user": "ann@example.com"}]});
    api.put("/v1/teams/support", members).await.ok();
    api.put("/v1/lists/newsletter", json!({})).await.ok();
    let ratings = json!({"columns": ["name", "phone", "stars"]});
    api.put("/v1/tables/ratings", ratings).await.ok();
    api.publish(
        "name: onboarding\ntrigger: {event: manual}\nsteps:\n  \
         greet: {uses: add-comment@1, with: {text: \"Plan: ${vars.plan|none}\"}}\n",
    )
    .await;
}

/// What a language model answers that ends the talk.
fn farewell() -> Value {
    let arguments = json!({"say": "From 9 to 6. Bye!"}).to_string();
    let call = json!({"id": "call-1", "type": "function",
        "function": {"name": "finish", "arguments": arguments}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
        "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}})
}

/// The run that the last message has started of this workflow.
async fn run_of(office: &Office, workflow: &str) -> String {
    let path = format!("/v1/runs?workflow={workflow}");
    jackfield_tests::until(workflow, async || {
        let runs = office.api().all(&path).await;
        runs.first()
            .map(|run| run["id"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test]
async fn the_example_of_every_step_is_published_as_it_stands_and_runs() {
    let office = Office::open().await;
    furnish(&office).await;
    let api = office.api();
    let crm = Crm::start().await.unwrap();
    for _ in 0..20 {
        crm.answer_next(Answer::new(200, json!({"id": "crm-1"})));
    }
    // Somebody who has written, so that there is a channel to answer on.
    office.write(ANN, "hello").await;
    let contact = format!("phone:{ANN}");
    for (step, source) in examples() {
        assert!(source.contains(&format!("uses: {step}@1")), "{step}");
        let source = source.replace("https://crm.example.com", &crm.url);
        let published = api.publish(&source).await;
        let warnings = published["warnings"].as_array();
        assert!(warnings.is_none_or(Vec::is_empty), "{step}: {published:#}");
        let name = source.lines().next().unwrap().trim_start_matches("name: ");
        let keyword = source.split_once("exact: [").map(|(_, rest)| rest);
        let run = match keyword.and_then(|rest| rest.split_once(']')) {
            Some((keyword, _)) => {
                office.write(ANN, keyword).await;
                run_of(&office, name).await
            }
            None => api.start_by_hand(name, &contact).await,
        };
        let run = match step.as_str() {
            "wait" => api.waiting_at(&run, "paid").await,
            "jump-to" => api.waiting_at(&run, "pause").await,
            "ask-question" => {
                api.waiting_at(&run, "ask").await;
                office.text(ANN, "How did you like it?").await;
                office.write(ANN, "4").await;
                office.text(ANN, "Thank you for the 4!").await;
                api.over(&run).await
            }
            "ai-agent" => {
                api.waiting_at(&run, "talk").await;
                office.text(ANN, "how can I help?").await;
                crm.answer_instead(Answer::new(200, farewell()));
                office.write(ANN, "When are you open?").await;
                office.text(ANN, "From 9 to 6. Bye!").await;
                api.over(&run).await
            }
            "opt-out" => {
                let run = api.over(&run).await;
                // Those after it write to her.
                let again = json!({"address": ANN});
                api.post("/v1/opt-outs/clear", again).await.ok();
                run
            }
            _ => api.over(&run).await,
        };
        let timeline = api.timeline(run["id"].as_str().unwrap()).await;
        let failed = timeline.iter().any(|entry| entry["kind"] == "step-failed");
        let well = run["state"] == "completed" || run["state"] == "waiting";
        assert!(well && !failed, "{step}: {run:#}\n{timeline:#?}");
        // The next example is not to meet the runs of this one.
        let deactivate = format!("/v1/workflows/{name}/deactivate");
        let stopped: Value = api.post(&deactivate, json!({"abort": true})).await.ok();
        assert!(stopped["aborted"].is_u64(), "{stopped}");
    }
}
