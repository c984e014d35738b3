//! The setting of the main job: a host with a phone channel and a mail channel, the template of the
//! example, and on the other side a gateway, a mailbox and a CRM.

use crate::{Api, Host, PATIENCE, place};
use jackfield_peers::{Crm, Gateway, Mailbox, Sms};
use serde_json::{Value, json};

/// The gateway's account: made up, and of the length that Twilio's have.
pub const ACCOUNT_SID: &str = "AC0123456789abcdef0123456789abcdef";
/// The account's token.
pub const AUTH_TOKEN: &str = "a token for loopback alone";
/// The number that is called, and that texts are sent from.
pub const OFFICE: &str = "+33140000000";
/// Who calls.
pub const CALLER: &str = "+33612345678";

/// A host and the other side of it.
#[derive(Debug)]
pub struct Office {
    /// The host.
    pub host: Host,
    /// Where texts go.
    pub gateway: Gateway,
    /// Where mail goes.
    pub mailbox: Mailbox,
    /// Where the HTTP step reports to.
    pub crm: Crm,
}

/// A call that the example's criteria take.
#[must_use]
pub fn call() -> Value {
    json!({
        "call": {
            "caller_number": CALLER,
            "called_number": OFFICE,
            "status": "missed",
            "duration": 7,
            "start": "2026-11-20T09:59:53Z",
            "number_type": "dynamic",
            "area": "Paris",
            "first_url": "https://www.example.com/pricing",
            "last_url": "https://www.example.com/contact?from=pricing",
            "referrer": "https://search.example.net/",
        },
        "agent": {"name": "Ann", "email": "ann@example.com"},
        "account": {"id": "paris"},
    })
}

/// The n-th telephone number of callers.
#[must_use]
pub fn phone(n: usize) -> String {
    format!("+3361{n:07}")
}

impl Office {
    /// Sets everything up; no workflow is published yet.
    pub async fn open() -> Office {
        Office::open_with(Host::start().await).await
    }

    /// The same with this host.
    pub async fn open_with(host: Host) -> Office {
        let office = Office {
            host,
            gateway: Gateway::start(ACCOUNT_SID, AUTH_TOKEN)
                .await
                .expect("a gateway"),
            mailbox: Mailbox::start().await.expect("a mailbox"),
            crm: Crm::start().await.expect("a CRM"),
        };
        office.furnish().await;
        office
    }

    /// The API, with the operator's key.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.host.api
    }

    async fn furnish(&self) {
        let api = self.api();
        let field = json!({"kind": "text"});
        api.put("/v1/contact-fields/preferred_time", field)
            .await
            .ok();
        let html = place::repository().join("examples/workflows/missed-call.template.html");
        let template = json!({
            "subject": "Missed call from ${contact.name|$call.caller_number}",
            "html": std::fs::read_to_string(html).expect("the example's template"),
        });
        api.put("/v1/templates/missed-call", template).await.ok();
        self.gateway.own(OFFICE);
        let sms = json!({
            "name": "main-sms",
            "connector": "twilio-sms@1",
            "settings": {
                "account-sid": ACCOUNT_SID, "from": OFFICE, "base-url": self.gateway.url,
            },
            "secrets": {"auth-token": AUTH_TOKEN},
        });
        let mail = json!({
            "name": "office-mail",
            "connector": "smtp-email@1",
            "settings": {
                "host": "127.0.0.1", "port": self.mailbox.port, "tls": "none",
                "username": self.mailbox.username,
                "from-address": "office@example.com", "from-name": "The office",
            },
            "secrets": {"password": self.mailbox.password},
        });
        for channel in [sms, mail] {
            let name = channel["name"].as_str().expect("a name").to_owned();
            api.post("/v1/channels", channel).await.ok();
            let tested = api
                .post(&format!("/v1/channels/{name}/test"), json!({}))
                .await
                .ok();
            assert_eq!(tested["ok"], true, "{tested:#}");
        }
        let connected = api
            .post("/v1/channels/main-sms/connect", json!({}))
            .await
            .ok();
        assert_eq!(connected["ok"], true, "{connected:#}");
        assert_eq!(
            self.gateway.webhook(OFFICE).as_deref(),
            connected["webhook"].as_str()
        );
    }

    /// The example's document, with this office's CRM.
    #[must_use]
    pub fn example(&self) -> String {
        let file = place::repository().join("examples/workflows/missed-call.yaml");
        let source = std::fs::read_to_string(file).expect("the example's document");
        assert!(
            source.contains("https://crm.example.com"),
            "the example names another CRM"
        );
        source.replace("https://crm.example.com", &self.crm.url)
    }

    /// A call from this number ends; gives the run that it starts.
    pub async fn ring(&self, number: &str, mut data: Value) -> String {
        data["call"]["caller_number"] = number.into();
        self.api()
            .start("call.ended", Some(&format!("phone:{number}")), data)
            .await
    }

    /// Waits for the first text to this number that contains the words.
    pub async fn text(&self, to: &str, words: &str) -> Sms {
        let fits = |sms: &Sms| sms.to == to && sms.body.contains(words);
        let what = format!("a text to {to} with {words:?}");
        let all = self
            .gateway
            .messages()
            .until(&what, PATIENCE, |all| all.iter().any(fits))
            .await;
        let all = all.unwrap_or_else(|late| panic!("{late}"));
        all.into_iter().find(fits).expect("it was waited for")
    }

    /// The contact writes to the office.
    pub async fn write(&self, from: &str, body: &str) {
        let reply = self
            .gateway
            .reply(from, OFFICE, body)
            .await
            .expect("the host answers");
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}
