//! The gateway against a client that is not ours, and against a host of a few lines.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{Crm, twilio_sign};
use serde_json::Value;
use std::time::Duration;
use url::form_urlencoded;

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "a token for the tests";
const PATIENCE: Duration = Duration::from_secs(20);

async fn send(gateway: &Gateway, token: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let response = reqwest::Client::new()
        .post(format!(
            "{}/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
            gateway.url
        ))
        .basic_auth(ACCOUNT, Some(token))
        .form(form)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The parameters of a webhook as they arrived, after the signature was found right.
fn verified(request: &crate::Request, url: &str) -> Vec<(String, String)> {
    let parameters: Vec<_> = form_urlencoded::parse(&request.body).into_owned().collect();
    let signature = request.header("X-Twilio-Signature").unwrap();
    assert_eq!(signature, twilio_sign(TOKEN, url, &parameters));
    parameters
}

#[tokio::test]
async fn a_message_is_accepted_and_its_states_are_called_back_signed() {
    let gateway = Gateway::start(ACCOUNT, TOKEN).await.unwrap();
    let host = Crm::start().await.unwrap();
    let callback = format!("{}/hooks/main-sms?status=1", host.url);
    let form = [
        ("To", "+15558675310"),
        ("From", "+15017122661"),
        ("Body", "hi"),
        ("StatusCallback", &callback),
    ];
    let (status, body) = send(&gateway, TOKEN, &form).await;
    assert_eq!(
        (status, &body["status"], &body["num_segments"]),
        (201, &"queued".into(), &"1".into())
    );

    gateway.callbacks().at_least(3, PATIENCE).await.unwrap();
    let states: Vec<String> = host
        .requests()
        .all()
        .iter()
        .map(|request| {
            let parameters = verified(request, &callback);
            assert!(
                parameters.contains(&("MessageSid".into(), body["sid"].as_str().unwrap().into()))
            );
            parameters
                .into_iter()
                .find(|(name, _)| name == "MessageStatus")
                .unwrap()
                .1
        })
        .collect();
    assert_eq!(states, ["queued", "sent", "delivered"]);
    assert_eq!(gateway.messages().all()[0].status, "delivered");
}

#[tokio::test]
async fn refusals_carry_twilios_codes() {
    let gateway = Gateway::start(ACCOUNT, TOKEN).await.unwrap();
    let long = "x".repeat(1601);
    let cases: &[(&[(&str, &str)], u32)] = &[
        (&[("From", "+15017122661"), ("Body", "hi")], 21604),
        (&[("To", "+15558675310"), ("Body", "hi")], 21603),
        (&[("To", "+15558675310"), ("From", "+15017122661")], 21602),
        (
            &[("To", "12"), ("From", "+15017122661"), ("Body", "hi")],
            21211,
        ),
        (
            &[
                ("To", "+15558675310"),
                ("From", "no such sender!"),
                ("Body", "hi"),
            ],
            21212,
        ),
        (
            &[
                ("To", "+15005550009"),
                ("From", "+15017122661"),
                ("Body", "hi"),
            ],
            21614,
        ),
        (
            &[
                ("To", "+15558675310"),
                ("From", "+15017122661"),
                ("Body", &long),
            ],
            21617,
        ),
    ];
    for (form, code) in cases {
        let (status, body) = send(&gateway, TOKEN, form).await;
        assert_eq!(
            (status, &body["code"], &body["status"]),
            (400, &(*code).into(), &400.into())
        );
    }
    let (status, body) = send(&gateway, "another token", cases[0].0).await;
    assert_eq!((status, &body["code"]), (401, &20003.into()));
    assert_eq!(gateway.messages().count(), 0);
}

#[tokio::test]
async fn a_refusal_that_was_ordered_is_given_once() {
    let gateway = Gateway::start(ACCOUNT, TOKEN).await.unwrap();
    gateway.refuse_next(20429);
    let form = [
        ("To", "+15558675310"),
        ("From", "Jackfield"),
        ("Body", "hi"),
    ];
    assert_eq!(send(&gateway, TOKEN, &form).await.0, 429);
    assert_eq!(send(&gateway, TOKEN, &form).await.0, 201);
}

#[tokio::test]
async fn an_inbound_message_is_signed_and_the_hosts_answer_comes_back() {
    let gateway = Gateway::start(ACCOUNT, TOKEN).await.unwrap();
    let host = Crm::start().await.unwrap();
    let url = format!("{}/hooks/main-sms", host.url);
    gateway.set_webhook("+15017122661", &url);
    let reply = gateway
        .reply("+15558675310", "+15017122661", "Yes, please")
        .await
        .unwrap();
    assert_eq!(reply.status, 201);
    let parameters = verified(&host.requests().all()[0], &url);
    assert!(parameters.contains(&("Body".into(), "Yes, please".into())));
    assert!(parameters.contains(&("MessageSid".into(), reply.sid)));
    let nobody = gateway.reply("+15558675310", "+15550000000", "hi").await;
    assert!(matches!(nobody, Err(Error::NoWebhook { .. })));
}

#[tokio::test]
async fn a_number_that_said_stop_is_refused_until_it_says_start() {
    let gateway = Gateway::start(ACCOUNT, TOKEN).await.unwrap();
    let host = Crm::start().await.unwrap();
    gateway.set_webhook("+15017122661", &host.url);
    let form = [
        ("To", "+15558675310"),
        ("From", "+15017122661"),
        ("Body", "hi"),
    ];
    gateway
        .reply("+15558675310", "+15017122661", " stop ")
        .await
        .unwrap();
    assert_eq!(send(&gateway, TOKEN, &form).await.1["code"], 21610);
    gateway
        .reply("+15558675310", "+15017122661", "START")
        .await
        .unwrap();
    assert_eq!(send(&gateway, TOKEN, &form).await.0, 201);
    let kinds: Vec<bool> = ["STOP", "START"]
        .iter()
        .zip(host.requests().all())
        .map(|(kind, request)| {
            let parameters: Vec<_> = form_urlencoded::parse(&request.body).into_owned().collect();
            parameters.contains(&("OptOutType".into(), (*kind).into()))
        })
        .collect();
    assert_eq!(kinds, [true, true]);
}

#[tokio::test]
async fn held_callbacks_are_sent_by_hand_in_any_order() {
    let gateway = Gateway::start(ACCOUNT, TOKEN).await.unwrap();
    let host = Crm::start().await.unwrap();
    gateway.set_delivery("+15558675310", Delivery::Held);
    let form = [
        ("To", "+15558675310"),
        ("From", "Jackfield"),
        ("Body", "hi"),
        ("StatusCallback", &host.url),
    ];
    let (_, body) = send(&gateway, TOKEN, &form).await;
    let sid = body["sid"].as_str().unwrap();
    for (status, code) in [
        ("delivered", None),
        ("sent", None),
        ("undelivered", Some(30005)),
    ] {
        gateway.call_back(sid, status, code).await;
    }
    let states: Vec<String> = gateway
        .callbacks()
        .all()
        .into_iter()
        .map(|callback| callback.status)
        .collect();
    assert_eq!(states, ["delivered", "sent", "undelivered"]);
    assert_eq!(gateway.messages().all()[0].error_code, Some(30005));
}

#[tokio::test]
async fn a_webhook_is_registered_through_the_api() {
    let gateway = Gateway::start(ACCOUNT, TOKEN).await.unwrap();
    gateway.own("+15017122661");
    let base = format!("{}/2010-04-01/Accounts/{ACCOUNT}", gateway.url);
    let client = reqwest::Client::new();
    let found: Value = client
        .get(format!(
            "{base}/IncomingPhoneNumbers.json?PhoneNumber=%2B15017122661"
        ))
        .basic_auth(ACCOUNT, Some(TOKEN))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let sid = found["incoming_phone_numbers"][0]["sid"].as_str().unwrap();
    let updated: Value = client
        .post(format!("{base}/IncomingPhoneNumbers/{sid}.json"))
        .basic_auth(ACCOUNT, Some(TOKEN))
        .form(&[("SmsUrl", "https://host.example/hooks/sms")])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(updated["sms_url"], "https://host.example/hooks/sms");
    assert_eq!(
        gateway.webhook("+15017122661").as_deref(),
        Some("https://host.example/hooks/sms")
    );
}
