//! The step `http-request` against the test host.
#![allow(clippy::unwrap_used, missing_docs)]

use http_request::HttpRequest;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Installed, Run, call_error, response};

fn answering(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: impl ToString,
) -> Installed {
    let body = body.to_string();
    Host::new()
        .http(move |_| Ok(response(status, headers, body.clone())))
        .install()
}

fn done(outcome: Outcome<Value>) -> (Option<String>, Value) {
    match outcome {
        Outcome::Done(done) => (done.branch, done.output.unwrap()),
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn a_get_puts_parts_of_the_answer_into_variables() {
    let host = answering(
        200,
        &[("Content-Type", "application/json"), ("Set-Cookie", "s=1")],
        json!({
            "phone": "+331", "custom_fields": {"firstName": "Ann"}, "tags": ["a", "b"],
        }),
    );
    let (branch, output) = done(
        Run::<HttpRequest>::new(json!({
            "url": "https://api.example/contact?x=1", "query": {"q": "a b", "ids": [1, 2], "none": null},
            "map": {"phone": "$.phone", "name": "$.custom_fields.firstName", "tag": "$.tags[1]", "gone": "$.gone.x"},
            "save-status": "status",
        }))
        .start()
        .unwrap(),
    );
    assert_eq!(branch, None);
    assert_eq!(output["body"]["phone"], "+331");
    assert_eq!(
        output["headers"],
        json!({"content-type": "application/json"})
    );
    assert_eq!(
        host.variables(),
        json!({"phone": "+331", "name": "Ann", "tag": "b", "status": 200})
    );
    let request = &host.requests()[0];
    assert_eq!(
        (
            request.method.as_str(),
            request.timeout,
            request.max_redirects
        ),
        ("GET", Some(10_000), Some(3))
    );
    assert_eq!(
        request.url,
        "https://api.example/contact?x=1&ids=1&ids=2&q=a+b"
    );
    assert_eq!(request.idempotency_header, None);
}

#[test]
fn a_json_body_is_sent_with_its_type_and_an_idempotency_key() {
    let host = answering(201, &[], "");
    let settings = json!({
        "method": "POST", "url": "https://api.example/x", "body": {"a": 1},
        "headers": {"Authorization": "Bearer {{secret:token}}"},
    });
    Run::<HttpRequest>::new(settings).start().unwrap();
    let request = &host.requests()[0];
    assert_eq!(request.body.as_deref(), Some(br#"{"a":1}"#.as_slice()));
    assert_eq!(
        request.idempotency_header.as_deref(),
        Some("Idempotency-Key")
    );
    assert!(
        request
            .headers
            .contains(&("content-type".into(), "application/json".into()))
    );
    assert!(
        request
            .headers
            .contains(&("Authorization".into(), "Bearer {{secret:token}}".into()))
    );
}

#[test]
fn the_idempotency_header_can_be_named_or_turned_off() {
    let header = |setting: Value| {
        let host = answering(200, &[], "");
        let settings =
            json!({"method": "POST", "url": "https://a.example", "idempotency-header": setting});
        Run::<HttpRequest>::new(settings).start().unwrap();
        host.requests()[0].idempotency_header.clone()
    };
    assert_eq!(header(json!("X-Key")).as_deref(), Some("X-Key"));
    assert_eq!(header(json!(false)), None);
}

#[test]
fn a_text_body_has_the_type_that_the_settings_or_the_headers_say() {
    let host = answering(200, &[], "");
    let url = "https://a.example";
    for settings in [
        json!({"method": "PUT", "url": url, "body": "a=1", "content-type": "application/x-www-form-urlencoded"}),
        json!({"method": "PUT", "url": url, "body": "<a/>", "headers": {"Content-Type": "text/xml"}}),
        json!({"method": "PUT", "url": url, "body": "hi"}),
    ] {
        Run::<HttpRequest>::new(settings).start().unwrap();
    }
    let types: Vec<_> = host
        .requests()
        .iter()
        .map(|request| request.headers.clone())
        .collect();
    assert_eq!(
        types[0],
        [(
            "content-type".into(),
            "application/x-www-form-urlencoded".into()
        )]
    );
    assert_eq!(types[1], [("Content-Type".into(), "text/xml".into())]);
    assert_eq!(
        types[2],
        [("content-type".into(), "text/plain; charset=utf-8".into())]
    );
}

#[test]
fn a_bad_answer_is_the_failure_branch_with_the_answer() {
    for status in [404, 500] {
        let host = answering(status, &[], json!({"error": "no"}));
        let run =
            Run::<HttpRequest>::new(json!({"url": "https://a.example", "save-status": "code"}))
                .start();
        let (branch, output) = done(run.unwrap());
        assert_eq!(branch.as_deref(), Some("failure"));
        assert_eq!(
            (&output["status"], &output["body"]["error"]),
            (&json!(status), &json!("no"))
        );
        assert_eq!(host.variables()["code"], status);
    }
}

#[test]
fn what_may_pass_is_retried_as_often_as_the_settings_say() {
    let _host = answering(503, &[("retry-after", "7")], "");
    let run = |attempt| {
        Run::<HttpRequest>::new(json!({"url": "https://a.example", "retries": 2}))
            .attempt(attempt)
            .start()
    };
    let failure = run(1).unwrap_err();
    assert_eq!(
        (failure.class, failure.retry_after),
        (FailureClass::Transient, Some(7_000))
    );
    assert_eq!(run(2).unwrap_err().class, FailureClass::Transient);
    assert_eq!(done(run(3).unwrap()).0.as_deref(), Some("failure"));
}

#[test]
fn a_refused_connection_is_retried_and_then_permanent() {
    let _host = Host::new()
        .http(|_| Err(call_error("connect", "refused")))
        .install();
    let run = |attempt| {
        Run::<HttpRequest>::new(json!({"url": "https://a.example", "retries": 1}))
            .attempt(attempt)
            .start()
    };
    assert_eq!(run(1).unwrap_err().class, FailureClass::Transient);
    assert_eq!(run(2).unwrap_err().class, FailureClass::Permanent);
}

#[test]
fn a_denied_host_is_blocked_and_not_retried() {
    let _host = Host::new().install();
    let failure = Run::<HttpRequest>::new(json!({"url": "https://a.example", "retries": 5}))
        .start()
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::Blocked);
}

#[test]
fn a_body_that_is_too_long_stays_out_of_the_output_but_is_mapped() {
    let host = answering(200, &[], json!({"id": 5, "text": "x".repeat(70_000)}));
    let run =
        Run::<HttpRequest>::new(json!({"url": "https://a.example", "map": {"id": "$.id"}})).start();
    let (_, output) = done(run.unwrap());
    assert_eq!(
        (&output["body"], &output["too-long"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(host.variables()["id"], 5);
}

#[test]
fn wrong_settings_are_named() {
    let _host = answering(200, &[], "{}");
    let refused = |settings: Value, name: &str| {
        let failure = Run::<HttpRequest>::new(settings).start().unwrap_err();
        assert_eq!(failure.class, FailureClass::InvalidConfig);
        assert!(failure.message.contains(name), "{}", failure.message);
    };
    let url = "https://a.example";
    refused(json!({"url": url, "timeout": "121s"}), "timeout");
    refused(json!({"url": url, "map": {"a": "$..b"}}), "map.a");
    refused(json!({"url": url, "map": {"A b": "$.x"}}), "A b");
    refused(
        json!({"url": url, "save-status": "Not A Name"}),
        "save-status",
    );
    refused(json!({"url": url, "method": "TRACE"}), "method");
    let headers: serde_json::Map<_, _> = (0..11).map(|n| (format!("h{n}"), json!("v"))).collect();
    refused(json!({"url": url, "headers": headers}), "headers");
}

#[test]
fn a_form_is_sent_with_its_type_and_keeps_placeholders() {
    let host = answering(200, &[], "");
    let url = "https://a.example";
    let form = json!({"name": "Ann Lee", "id": [1, 2], "none": null, "key": "{{secret:api-key}}", "amp": "a&b=c"});
    for settings in [
        json!({"method": "POST", "url": url, "form": form}),
        json!({"method": "POST", "url": url, "form": {"a": ""}, "content-type": "application/x-own"}),
    ] {
        Run::<HttpRequest>::new(settings).start().unwrap();
    }
    let requests = host.requests();
    assert_eq!(
        std::str::from_utf8(requests[0].body.as_deref().unwrap()).unwrap(),
        "amp=a%26b%3Dc&id=1&id=2&key={{secret:api-key}}&name=Ann+Lee"
    );
    let kind = |n: usize| {
        let mut headers = requests[n].headers.iter();
        headers
            .find(|(name, _)| name == "content-type")
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(
        (kind(0).as_str(), kind(1).as_str()),
        ("application/x-www-form-urlencoded", "application/x-own")
    );
    let both = json!({"method": "POST", "url": url, "form": {"a": 1}, "body": {}});
    let failure = Run::<HttpRequest>::new(both).start().unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidConfig);
}

#[test]
fn what_is_no_json_maps_nothing_and_is_still_a_success() {
    for (body, expected) in [
        ("<p>hello</p>", json!("<p>hello</p>")),
        ("", Value::Null),
        ("{broken", json!("{broken")),
    ] {
        let host = answering(200, &[("content-type", "application/json")], body);
        let settings = json!({"url": "https://a.example", "map": {"name": "$.name", "all": "$"}});
        let (branch, output) = done(Run::<HttpRequest>::new(settings).start().unwrap());
        assert_eq!((branch, &output["body"]), (None, &expected));
        assert_eq!(host.variables(), json!({}));
    }
}

#[test]
fn ten_headers_and_ten_variables_are_the_most() {
    let _host = answering(200, &[], "{}");
    let with = |key: &str, n: usize| {
        let entries = (0..n).map(|n| (format!("x{n}"), json!("$.a")));
        let mut settings = json!({"url": "https://a.example"});
        settings[key] = Value::Object(entries.collect());
        Run::<HttpRequest>::new(settings).start()
    };
    for key in ["headers", "map"] {
        assert!(with(key, 10).is_ok(), "{key}");
        let failure = with(key, 11).unwrap_err();
        assert_eq!(failure.class, FailureClass::InvalidConfig, "{key}");
    }
}
