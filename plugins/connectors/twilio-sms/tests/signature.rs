//! `X-Twilio-Signature` against the vectors of Twilio's own libraries (twilio-node
//! `spec/validation.spec.js`, twilio-python `tests/unit/test_request_validator.py`, MIT).
#![allow(clippy::unwrap_used, missing_docs)]

use jackfield_plugin::form;
use jackfield_plugin::prelude::*;
use jackfield_plugin::testing::{Host, Plugged};
use twilio_sms::TwilioSms;

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const PARAMS: &[(&str, &str)] = &[
    ("To", "+18005551212"),
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
];
/// The vectors whose hash is in the query and whose body is JSON.
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn status(url: &str, content_type: &str, body: &[u8], signature: Option<&str>) -> u16 {
    let _host = Host::new().secret("auth-token", "12345").install();
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers
        .extend(signature.map(|signature| ("x-twilio-signature".to_owned(), signature.to_owned())));
    let request = WebhookRequest {
        method: "POST".into(),
        url: url.into(),
        headers,
        body: body.to_vec(),
    };
    let channel =
        Plugged::<TwilioSms>::new(json!({"account-sid": "ACxxxx", "from": "+15017122661"}));
    let (received, events) = channel.receive(request).unwrap();
    assert!(
        received.status == 200 || events.is_empty(),
        "an unverified request yields no event"
    );
    received.status
}

fn form_status(url: &str, params: &[(&str, &str)], signature: &str) -> u16 {
    status(
        url,
        FORM,
        form::encode(params.iter().copied()).as_bytes(),
        Some(signature),
    )
}

#[test]
fn every_form_of_the_url_that_twilio_signs_is_accepted() {
    for (url, signature) in [
        (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (
            "https://mycompany.com:1234/myapp.php?foo=1&bar=2",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (
            "https://mycompany.com:443/myapp.php?foo=1&bar=2",
            "kvajT1Ptam85bY51eRf/AJRuM3w=",
        ),
        (
            "http://mycompany.com/myapp.php?foo=1&bar=2",
            "0ZXoZLH/DfblKGATFgpif+LLRf4=",
        ),
        (
            "http://mycompany.com:80/myapp.php?foo=1&bar=2",
            "0ZXoZLH/DfblKGATFgpif+LLRf4=",
        ),
        (
            "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
            "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
        ),
        (
            "https://user@mycompany.com/myapp.php?foo=1&bar=2",
            "2YRLlVAflCqxaNicjMpJcSTgzSs=",
        ),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing",
            "TfZzewPq8wqrGlMfyAud8+/IvJ0=",
        ),
    ] {
        assert_eq!(
            form_status(url, PARAMS, signature),
            200,
            "{url} {signature}"
        );
    }
}

#[test]
fn repeated_fields_are_sorted_and_counted_once() {
    let params = [
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ];
    assert_eq!(
        form_status(URL, &params, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        200
    );
    for order in [
        ["+1325xxxxxxx", "+1415xxxxxxx"],
        ["+1415xxxxxxx", "+1325xxxxxxx"],
    ] {
        let params = order.map(|address| ("MessagingBinding.Address", address));
        assert_eq!(
            form_status(URL, &params, "83O6e2vORAoJHUNzJjDWN1jz+BA="),
            200
        );
    }
}

#[test]
fn a_body_that_is_no_form_is_signed_by_its_digest() {
    let digest = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let body = br#"{"property": "value", "boolean": true}"#;
    let signature = Some("a9nBmqA0ju/hNViExpshrM61xv4=");
    let url = |digest: &str| format!("{URL}&bodySHA256={digest}");
    assert_eq!(status(&url(digest), JSON, body, signature), 200);
    assert_eq!(status(&url(&digest[1..]), JSON, body, signature), 403);
    assert_eq!(status(&url(digest), JSON, b"{}", signature), 403);
    let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(
        status(
            &url(empty),
            JSON,
            b"{}",
            Some("Ldidvp12m26NI7eqEvxnEpkd9Hc=")
        ),
        200
    );
}

#[test]
fn what_twilio_did_not_sign_is_refused() {
    assert_eq!(form_status(URL, PARAMS, "WRONG_SIGNATURE"), 403);
    assert_eq!(form_status(URL, PARAMS, ""), 403);
    let longer = format!("{URL}&somethingUnexpected=true");
    assert_eq!(
        form_status(&longer, PARAMS, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        403
    );
    assert_eq!(
        form_status(URL, &PARAMS[1..], "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        403
    );
    assert_eq!(
        status(
            URL,
            FORM,
            form::encode(PARAMS.iter().copied()).as_bytes(),
            None
        ),
        403
    );
}
