//! The step `opt-out`: the record that the word STOP makes, by what a workflow decides.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{ANN, ANN_WHO, Chat};
use serde_json::{Value, json};

fn of<'a>(outs: &'a [Value], scope: &str) -> Option<&'a Value> {
    outs.iter().find(|one| one["scope"] == scope)
}

#[tokio::test]
async fn whoever_opts_out_by_a_workflow_gets_nothing_more_until_it_opts_in() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    for (name, word, with) in [
        ("leave", "leave me", "{}"),
        ("back", "come back", "{opt-in: true}"),
    ] {
        api.publish(&format!(
            "name: {name}\ntrigger: {{event: message.received, match: {{contains: [{word}]}}}}\n\
             steps:\n  out: {{uses: opt-out@1, with: {with}}}\n  \
             say: {{uses: send-message@1, with: {{channel: chat, text: \"said after {name}\"}}, \
             branches: {{failure: end}}}}\n"
        ))
        .await;
    }
    api.publish(
        "name: heard\ntrigger: {event: contact.opted-out}\nsteps:\n  \
         tag: {uses: update-contact-tag@1, with: {tags: [\"out-by-$opt_out.source\"]}}\n",
    )
    .await;
    chat.write("please leave me alone").await;
    let path = format!("/v1/opt-outs?address={}", ANN.replace('+', "%2B"));
    let outs = jackfield_tests::until("the opt-out", async || {
        let outs = api.all(&path).await;
        of(&outs, "account").is_some().then_some(outs)
    })
    .await;
    let out = of(&outs, "account").unwrap();
    assert_eq!(out["source"], "workflow", "{out:#}");
    // What the same run sends after it is held back already.
    let run = api.all("/v1/runs?workflow=leave").await;
    let run = api.over(run[0]["id"].as_str().unwrap()).await;
    let sent = api.messages(run["id"].as_str().unwrap()).await;
    assert_eq!(sent[0]["status"], "suppressed", "{sent:#?}");
    assert_eq!(sent[0]["reason"], "opted-out", "{sent:#?}");
    jackfield_tests::until("the event to be heard", async || {
        let contact = api.get(&format!("/v1/contacts/phone:{ANN}")).await.ok();
        (contact["tags"] == json!(["out-by-workflow"])).then_some(())
    })
    .await;
    chat.write("come back to me").await;
    chat.told("said after back").await;
}

#[tokio::test]
async fn an_opt_out_may_be_of_one_channel_or_of_a_list_and_needs_an_address() {
    let mut chat = Chat::open().await;
    let api = chat.api().clone();
    api.put("/v1/lists/newsletter", json!({})).await.ok();
    for (name, with) in [
        ("sender", "{scope: sender, channel: chat}"),
        ("off", "{scope: list, list: newsletter}"),
        ("on", "{scope: list, list: newsletter, opt-in: true}"),
        ("account", "{channel: chat}"),
    ] {
        api.publish(&format!(
            "name: {name}\ntrigger: {{event: manual}}\nsteps:\n  out: {{uses: opt-out@1, with: {with}}}\n"
        ))
        .await;
    }
    chat.write("Hi").await;
    jackfield_tests::until("the contact", async || {
        let contact = api.get(&format!("/v1/contacts/{ANN_WHO}")).await;
        (contact.status == 200).then_some(())
    })
    .await;
    let by_hand = async |name: &str, who: &str| {
        let run = api.start_by_hand(name, who).await;
        api.over(&run).await["outputs"]["out"].clone()
    };
    let members = "/v1/lists/newsletter/contacts";
    assert_eq!(by_hand("on", ANN_WHO).await["changed"], true);
    assert_eq!(api.all(members).await.len(), 1);
    assert_eq!(by_hand("on", ANN_WHO).await["changed"], false);
    assert_eq!(by_hand("off", ANN_WHO).await["changed"], true);
    assert!(api.all(members).await.is_empty());

    let out = by_hand("sender", ANN_WHO).await;
    assert_eq!(out, json!({"changed": true, "address": ANN}));
    assert_eq!(by_hand("sender", ANN_WHO).await["changed"], false);
    let path = format!("/v1/opt-outs?address={}", ANN.replace('+', "%2B"));
    let outs = api.all(&path).await;
    assert_eq!(outs.len(), 1, "{outs:#?}");
    assert_ne!(outs[0]["scope"], "account");
    assert!(outs[0]["text"].as_str().unwrap().starts_with("run_"));

    // Who never had an address there cannot opt out of it.
    let eve = json!({"firstname": "Eve"});
    let eve = api.post("/v1/contacts", eve).await.ok();
    let run = api
        .start_by_hand("account", eve["id"].as_str().unwrap())
        .await;
    let run = api.over(&run).await;
    assert_eq!(
        (&run["state"], &run["reason"]),
        (&json!("failed"), &json!("no-address"))
    );
}
