//! Calendars: business hours that are kept once and named in triggers, conditions, steps and
//! settings.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Api, Host};
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
const BY_NAME: &str = "name: by-name
trigger: {event: user.signed-up, calendar: office}
steps:
  sort:
    uses: branch@1
    with:
      branches:
        - {name: closed, when: {field: system.current_datetime, outside-hours: office}}
        - {name: open, when: {field: system.current_datetime, within-hours: office}}
    branches: {closed: end, open: hours, else: end}
  hours:
    uses: date-time@1
    with: {business-hours: $calendars.office}
    branches: {else: end}
  pause: {uses: wait@1, with: {for: 1h}}
";

fn every_day(range: &str) -> Value {
    WEEKDAYS
        .iter()
        .map(|day| ((*day).to_owned(), json!([range])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn put(api: &Api, name: &str, hours: Value) {
    let path = format!("/v1/calendars/{name}");
    api.put(&path, json!({"hours": hours})).await.ok();
}

#[tokio::test]
async fn a_calendar_is_asked_by_its_name_as_it_is_now() {
    let host = Host::start().await;
    let api = &host.api;
    api.put_workflow(BY_NAME).await.ok();
    let publish = "/v1/workflows/by-name/publish";
    put(api, "offices", every_day("00:00-24:00")).await;
    let said = api
        .post(publish, json!({}))
        .await
        .refused(422, "invalid-document");
    assert_eq!(said["errors"][0]["code"], "unknown-calendar", "{said:#}");
    assert_eq!(said["errors"][0]["suggestion"], "offices");
    put(api, "office", every_day("00:00-24:00")).await;
    api.post(publish, json!({})).await.ok();
    let run = api.start("user.signed-up", None, json!({})).await;
    api.waiting_at(&run, "pause").await;

    // Closed from now on, without another version.
    put(api, "office", json!({})).await;
    let closed = api.event("user.signed-up", None, json!({})).await;
    assert_eq!(closed["skipped"][0]["reason"], "condition", "{closed:#}");
    let by_hand = api
        .post("/v1/workflows/by-name/runs?wait=10s", json!({}))
        .await
        .ok();
    assert_eq!(by_hand["state"], "completed", "{by_hand:#}");

    let kept = api
        .delete("/v1/calendars/office")
        .await
        .refused(409, "conflict");
    assert!(kept.to_string().contains("`by-name`"), "{kept:#}");
    api.post("/v1/workflows/by-name/deactivate", json!({}))
        .await
        .ok();
    assert_eq!(api.delete("/v1/calendars/office").await.status, 204);
    api.get("/v1/calendars/office")
        .await
        .refused(404, "not-found");
    api.delete("/v1/calendars/office")
        .await
        .refused(404, "not-found");
}

#[tokio::test]
async fn marketing_hours_may_be_a_calendar_which_then_stays() {
    let host = Host::start().await;
    let api = &host.api;
    let hours = |hours: Value| json!({"settings": {"marketing-hours": hours}});
    let main = "/v1/workspaces/main";
    let named = hours(json!({"calendar": "french"}));
    let said = api.patch(main, named.clone()).await.refused(422, "invalid");
    assert!(
        said.to_string().contains("there is no calendar `french`"),
        "{said:#}"
    );
    host.cli(["calendar", "put", "french", "--preset", "fr"])
        .await
        .ok();
    api.patch(main, named).await.ok();
    let said = api
        .delete("/v1/calendars/french")
        .await
        .refused(409, "conflict");
    assert!(said.to_string().contains("marketing-hours"), "{said:#}");
    api.patch(main, hours(Value::Null)).await.ok();
    host.cli(["calendar", "delete", "french"]).await.ok();
}

#[tokio::test]
async fn what_is_no_calendar_is_refused_and_another_workspace_has_its_own() {
    let host = Host::start().await;
    let api = &host.api;
    let path = "/v1/calendars/office";
    for (body, said) in [
        (json!({}), "hours"),
        (json!({"hours": []}), "a mapping of weekdays"),
        (json!({"hours": {"mon": ["09:00-10:00"]}}), "`monday`"),
        (json!({"hours": {"monday": ["9-10"]}}), "not a range"),
        (
            json!({"hours": {"monday": ["09:00-11:00", "10:00-12:00"]}}),
            "overlaps",
        ),
        (json!({"hours": {"time-zone": "Paris"}}), "not a time zone"),
        (json!({"hours": {"preset": "mars"}}), "there are: fr, us"),
        (
            json!({"hours": {}, "title": "a".repeat(201)}),
            "at most 200 characters",
        ),
        (json!({"hours": {}, "extra": 1}), "extra"),
    ] {
        let refused = api.put(path, body.clone()).await.refused(422, "invalid");
        assert!(refused.to_string().contains(said), "{body}: {refused:#}");
    }
    api.put("/v1/calendars/Office", json!({"hours": {}}))
        .await
        .refused(422, "invalid");
    let hours = json!({"time-zone": "Europe/Paris", "monday": ["09:00-12:00", "22:00-06:00"]});
    let made = api
        .put(path, json!({"title": "Office", "hours": hours}))
        .await;
    assert_eq!((made.status, &made.json["hours"]), (201, &hours));
    let changed = api.put(path, json!({"hours": {}})).await;
    assert_eq!(
        (changed.status, &changed.json["title"]),
        (200, &json!("Office"))
    );
    let table = host.cli(["calendar", "list"]).await.ok();
    assert!(
        table.contains("office") && table.contains("Office"),
        "{table}"
    );

    api.post("/v1/workspaces", json!({"id": "lyon"})).await.ok();
    let lyon = api.in_workspace("lyon");
    assert!(lyon.all("/v1/calendars").await.is_empty());
    lyon.put_workflow(BY_NAME).await.ok();
    let publish = lyon.post("/v1/workflows/by-name/publish", json!({})).await;
    publish.refused(422, "invalid-document");
}

#[tokio::test]
async fn hours_of_the_contact_are_those_where_it_is() {
    let host = Host::start().await;
    let api = &host.api;
    let mut hours = every_day("00:00-12:00");
    hours["time-zone"] = "contact".into();
    put(api, "mornings", hours).await;
    api.publish(
        "name: morning\ntrigger: {event: user.signed-up, calendar: mornings}\nsteps:\n  \
         hours:\n    uses: date-time@1\n    with: {business-hours: $calendars.mornings}\n    \
         branches: {else: end}\n  tag: {uses: update-contact-tag@1, with: {tags: [morning]}}\n",
    )
    .await;
    // All around the world: it is morning for some of them, and not for all.
    let zones = [
        ("ann@example.com", "Pacific/Honolulu"),
        ("bob@example.com", "Asia/Calcutta"),
        ("joe@example.com", "America/Sao_Paulo"),
    ];
    let mut started = Vec::new();
    for (email, zone) in zones {
        let contact = json!({"email": email, "time_zone": zone});
        let made = api.post("/v1/contacts", contact).await.ok();
        let told = api
            .event("user.signed-up", made["id"].as_str(), json!({}))
            .await;
        let morning = Zoned::now().with_time_zone(TimeZone::get(zone).unwrap());
        let runs = told["runs"].as_array().unwrap();
        assert_eq!(runs.len() == 1, morning.hour() < 12, "{zone}: {told:#}");
        started.extend(runs.iter().cloned());
    }
    assert!(!started.is_empty() && started.len() < zones.len());
    for run in started {
        let run = api.over(run.as_str().unwrap()).await;
        assert_eq!(run["state"], "completed", "{run:#}");
        let path = format!("/v1/contacts/{}", run["contact"].as_str().unwrap());
        assert_eq!(api.get(&path).await.ok()["tags"], json!(["morning"]));
    }
}
