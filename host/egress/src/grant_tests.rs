//! What grants hold: deny by default, exact matches, refusals that name their own cure.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::target::read_url;

fn target(url: &str) -> Target {
    read_url(url).unwrap().1
}

fn grant(hosts: &[&str]) -> Grant {
    Grant {
        hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
        secrets: vec![],
    }
}

fn allowed(hosts: &[&str], method: &str, url: &str) -> bool {
    grant(hosts).check_http(method, &target(url)).is_ok()
}

#[test]
fn nothing_is_granted_by_default() {
    let error = Grant::default()
        .check_http("GET", &target("https://a.example/x?y"))
        .unwrap_err();
    assert_eq!(error.code(), "denied");
    assert_eq!(error.grant().unwrap(), "https://a.example");
    assert!(
        Grant::default()
            .check_smtp(&Target::smtp("m.example", 587).unwrap())
            .is_err()
    );
}

#[test]
fn scheme_host_port_and_method_must_all_match() {
    let hosts = &["GET,POST https://api.example.com", "http://127.0.0.1:8025"];
    assert!(allowed(hosts, "GET", "https://api.example.com/a"));
    assert!(allowed(hosts, "POST", "https://API.example.com.:443/a"));
    assert!(allowed(hosts, "DELETE", "http://0x7f.1:8025/"));
    assert!(!allowed(hosts, "DELETE", "https://api.example.com/a"));
    assert!(!allowed(hosts, "GET", "http://api.example.com/a"));
    assert!(!allowed(hosts, "GET", "https://api.example.com:8443/a"));
    assert!(!allowed(
        hosts,
        "GET",
        "https://api.example.com.evil.example/"
    ));
    assert!(!allowed(hosts, "GET", "https://xapi.example.com/"));
    assert!(!allowed(hosts, "GET", "http://[::ffff:127.0.0.1]:8025/"));
    assert!(!allowed(hosts, "GET", "http://127.0.0.1/"));
}

#[test]
fn a_star_covers_names_below_and_nothing_beside() {
    let hosts = &["https://*.example.com"];
    assert!(allowed(hosts, "GET", "https://a.example.com/"));
    assert!(allowed(hosts, "GET", "https://a.b.example.com/"));
    assert!(!allowed(hosts, "GET", "https://example.com/"));
    assert!(!allowed(hosts, "GET", "https://evilexample.com/"));
    assert!(!allowed(hosts, "GET", "https://example.com.evil.example/"));
    assert!(!allowed(
        &["https://*.example.com:8443"],
        "GET",
        "https://a.example.com/"
    ));
    assert!(allowed(&["https://*"], "GET", "https://anything.example/"));
    assert!(!allowed(
        &["https://*"],
        "GET",
        "https://anything.example:444/"
    ));
    assert!(allowed(
        &["https://a.example:*"],
        "GET",
        "https://a.example:444/"
    ));
    assert!(allowed(&["*"], "PATCH", "http://anything.example:9/"));
    assert!(!allowed(&["GET *"], "POST", "http://anything.example:9/"));
}

#[test]
fn mail_needs_a_rule_of_its_own() {
    let server = Target::smtp("mail.example.com", 587).unwrap();
    assert!(grant(&["*"]).check_smtp(&server).is_err());
    assert!(
        grant(&["smtp://mail.example.com"])
            .check_smtp(&server)
            .is_ok()
    );
    assert!(
        grant(&["smtp://*.example.com:*"])
            .check_smtp(&server)
            .is_ok()
    );
    let error = grant(&["smtp://mail.example.com:465"])
        .check_smtp(&server)
        .unwrap_err();
    assert_eq!(error.grant().unwrap(), "smtp://mail.example.com");
}

#[test]
fn names_are_compared_after_idna() {
    assert!(allowed(
        &["https://bücher.example"],
        "GET",
        "https://xn--bcher-kva.example/"
    ));
    assert!(allowed(
        &["https://BÜCHER.example"],
        "GET",
        "https://bücher.example/"
    ));
    // A Cyrillic look-alike is another name.
    assert!(!allowed(
        &["https://example.com"],
        "GET",
        "https://ехample.com/"
    ));
}

#[test]
fn a_refusal_names_the_method_where_the_host_is_known() {
    let error = grant(&["GET https://a.example"])
        .check_http("POST", &target("https://a.example/"))
        .unwrap_err();
    assert_eq!(error.grant().unwrap(), "POST https://a.example");
}

#[test]
fn secrets_are_bound_to_place_and_host() {
    let mut grant = grant(&["https://a.example", "https://b.example"]);
    grant.secrets = vec!["secret t in header to https://a.example".parse().unwrap()];
    let (a, b) = (target("https://a.example/"), target("https://b.example/"));
    assert!(grant.check_secret("t", Place::Header, &a).is_ok());
    assert!(grant.check_secret("t", Place::Body, &a).is_err());
    assert!(grant.check_secret("u", Place::Header, &a).is_err());
    let refused = grant
        .check_secret("t", Place::Header, &b)
        .unwrap_err()
        .grant()
        .unwrap();
    grant.secrets.push(refused.parse().unwrap());
    assert!(grant.check_secret("t", Place::Header, &b).is_ok());
}

#[test]
fn rules_are_written_as_they_are_read() {
    for text in [
        "*",
        "GET,HEAD *",
        "https://api.example.com",
        "GET,POST https://api.example.com",
        "https://*.example.com:8443",
        "http://127.0.0.1:8025",
        "http://[::1]:8025",
        "smtp://mail.example.com",
        "smtp://mail.example.com:25",
        "https://*",
        "https://a.example:*",
    ] {
        assert_eq!(text.parse::<HostRule>().unwrap().to_string(), text);
    }
    assert_eq!(
        "HTTPS://A.Example:443/"
            .parse::<HostRule>()
            .unwrap()
            .to_string(),
        "https://a.example"
    );
    assert_eq!(
        "post,get https://a.b"
            .parse::<HostRule>()
            .unwrap()
            .to_string(),
        "GET,POST https://a.b"
    );
}

#[test]
fn what_is_no_rule_is_refused() {
    for text in [
        "",
        "api.example.com",
        "ftp://a.example",
        "https://",
        "https://a.example/path",
        "https://a.example?x",
        "https://u@a.example",
        "https://a.*.example",
        "https://*a.example",
        "https://*.",
        "https://*.127.0.0.1",
        "TRACE https://a.example",
        "CONNECT *",
        "GET smtp://m.example",
        "https://a.example:0",
        "https://a.example:70000",
        "a b c",
        "https://[::1",
        "https://a.example:",
        "**",
        "https://**",
        "https://\\evil.example",
    ] {
        assert!(
            text.parse::<HostRule>().is_err(),
            "{text:?} must be refused"
        );
    }
}

#[test]
fn a_grant_is_read_from_json_and_unknown_settings_are_errors() {
    let text = r#"{"hosts":["https://a.example"],"secrets":[{"name":"t","places":["header"]}]}"#;
    let grant: Grant = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&grant).unwrap(), text);
    assert!(serde_json::from_str::<Grant>(r#"{"host":[]}"#).is_err());
}

fn names() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-z][a-z0-9]{0,8}", 2..4).prop_map(|labels| labels.join("."))
}

proptest! {
    #[test]
    fn the_offered_grant_always_allows_what_was_refused(
        name in names(), port in 1u16.., https in any::<bool>(), method in 0usize..7,
    ) {
        let scheme = if https { "https" } else { "http" };
        let target = target(&format!("{scheme}://{name}:{port}/"));
        let offered = Grant::default().check_http(METHODS[method], &target).unwrap_err().grant().unwrap();
        prop_assert!(grant(&[&offered]).check_http(METHODS[method], &target).is_ok());
    }

    #[test]
    fn an_exact_rule_allows_its_own_host_alone(own in names(), other in names(), port in 1u16..) {
        let rule: HostRule = format!("https://{own}:{port}").parse().unwrap();
        let there = target(&format!("https://{other}:{port}/"));
        prop_assert_eq!(rule.allows(Some("GET"), &there), own == other);
    }

    #[test]
    fn a_star_rule_allows_exactly_names_below(own in names(), other in names()) {
        let rule: HostRule = format!("https://*.{own}").parse().unwrap();
        let there = target(&format!("https://{other}/"));
        prop_assert_eq!(rule.allows(None, &there), other.ends_with(&format!(".{own}")));
        let below = target(&format!("https://{other}.{own}/"));
        prop_assert!(rule.allows(None, &below));
    }

    #[test]
    fn every_spelling_of_an_ipv4_host_meets_the_same_rule(bits in any::<u32>()) {
        let address = std::net::Ipv4Addr::from(bits);
        let [a, b, c, d] = address.octets();
        let rule: HostRule = format!("http://{address}").parse().unwrap();
        for text in [format!("{bits}"), format!("{bits:#x}"), format!("0{bits:o}"),
            format!("{a:#x}.{b}.{c}.{d}"), format!("{a}.{b}.{}", u32::from(c) << 8 | u32::from(d)),
            format!("0{a:o}.{b:#X}.{c}.{d}.")]
        {
            let there = target(&format!("http://{text}/"));
            prop_assert!(rule.allows(None, &there), "{}", text);
        }
    }

    #[test]
    fn reading_a_rule_never_panics_and_what_is_read_survives(text in "\\PC{0,40}") {
        if let Ok(rule) = text.parse::<HostRule>() {
            prop_assert_eq!(rule.to_string().parse::<HostRule>().unwrap(), rule);
        }
    }
}
